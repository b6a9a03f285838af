/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/ticket.h"

#include <string.h>

#include "base/cursor.h"
#include "crypto/wipe.h"

#define FORMAT 1u
/*
 * How far the client's age of a ticket may be from ours. Without early data the age is no replay
 * defence, only a sign of a broken clock: generous, as stock clients count whole seconds.
 */
#define AGE_TOLERANCE_MS 10000u

static const char purpose[] = "tls resumption ticket";

void csep_tls_ticket_keys_rotate(struct csep_tls_ticket_keys *k, struct csep_random rnd)
{
    static const uint8_t unset[32];
    k->have_previous = memcmp(k->current, unset, sizeof unset) != 0;
    memcpy(k->previous, k->current, sizeof k->previous);
    rnd.fill(rnd.self, k->current, sizeof k->current);
}

struct hash tls_ticket_binding(const char *alpn, const char *name, size_t name_len)
{
    struct hash_ctx h;
    hash_begin(&h);
    hash_add(&h, alpn, strlen(alpn) + 1); /* with its zero byte, so that no two pairs look alike */
    hash_add(&h, name, name_len);
    return hash_peek(&h);
}

void tls_ticket_seal(uint8_t out[TLS_TICKET_SEALED], const struct tls_ticket *t,
                     const struct csep_tls_ticket_keys *keys, struct csep_random rnd)
{
    uint8_t plain[TLS_TICKET_PLAIN], nonce[24];
    struct wr w = wr_init(plain, sizeof plain);

    wr_u8(&w, FORMAT);
    wr_bytes(&w, t->psk, sizeof t->psk);
    wr_u64(&w, t->issued);
    wr_u64(&w, t->authenticated);
    wr_u32(&w, t->lifetime);
    wr_u32(&w, t->age_add);
    wr_u8(&w, t->client.present);
    wr_bytes(&w, t->client.spki_sha256, sizeof t->client.spki_sha256);
    wr_bytes(&w, t->binding.b, sizeof t->binding.b);
    rnd.fill(rnd.self, nonce, sizeof nonce);
    sealed_put(out, plain, sizeof plain, (const uint8_t *)purpose, sizeof purpose, nonce, keys->current);
    CSEP_CT_PUBLIC(out, TLS_TICKET_SEALED);
    CSEP_WIPE(plain);
}

static bool unseal(uint8_t out[TLS_TICKET_PLAIN], const uint8_t *p, const uint8_t key[32])
{
    return sealed_get(out, p, TLS_TICKET_SEALED, (const uint8_t *)purpose, sizeof purpose, key);
}

bool tls_ticket_open(struct tls_ticket *out, const uint8_t *p, size_t n,
                     const struct csep_tls_ticket_keys *keys)
{
    uint8_t plain[TLS_TICKET_PLAIN];

    if (n != TLS_TICKET_SEALED)
        return false;
    if (!unseal(plain, p, keys->current) && !(keys->have_previous && unseal(plain, p, keys->previous)))
        return false;
    struct rd r = rd_init(plain, sizeof plain);
    CSEP_CT_PUBLIC(plain, sizeof plain);
    unsigned format = rd_u8(&r);
    memcpy(out->psk, rd_bytes(&r, sizeof out->psk), sizeof out->psk);
    CSEP_CT_SECRET(out->psk, sizeof out->psk);
    out->issued = rd_u64(&r);
    out->authenticated = rd_u64(&r);
    out->lifetime = rd_u32(&r);
    out->age_add = rd_u32(&r);
    out->client.present = rd_u8(&r) != 0;
    memcpy(out->client.spki_sha256, rd_bytes(&r, 32), 32);
    memcpy(out->binding.b, rd_bytes(&r, HASH_LEN), HASH_LEN);
    CSEP_WIPE(plain);
    return rd_done(&r) && format == FORMAT;
}

bool tls_ticket_is_fresh(const struct tls_ticket *t, uint32_t obfuscated_age, csep_time now)
{
    if (now < t->issued || now - t->issued >= CSEP_SEC(t->lifetime))
        return false;
    if (now - t->authenticated >= CSEP_SEC(TLS_LIFETIME_MAX))
        return false;
    uint32_t claimed = obfuscated_age - t->age_add; /* milliseconds, all modulo 2^32 */
    uint32_t ours = (uint32_t)((now - t->issued) / CSEP_MS(1));
    uint32_t ahead = claimed - ours, behind = ours - claimed;
    return (ahead < behind ? ahead : behind) <= AGE_TOLERANCE_MS;
}
