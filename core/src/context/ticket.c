/* SPDX-License-Identifier: BSD-2-Clause */
#include "context/ticket.h"

#include <assert.h>
#include <string.h>

#include "base/cursor.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/wipe.h"

_Static_assert(TICKET_SEALED_OVERHEAD == SEALED_OVERHEAD, "overhead of sealing");

#define PLACE_LEN     20u
#define CONTEXT_LEN   (CSEP_HANDLE_LEN + 32 + 3 * 8 + 1)
#define CONTEXT_BOUND (CONTEXT_LEN + 32)
#define SEALED_MAX    (CONTEXT_BOUND + TICKET_SEALED_OVERHEAD)
_Static_assert(PLACE_LEN + TICKET_SEALED_OVERHEAD >= CSEP_TICKET_MIN, "ticket too short");
_Static_assert(SEALED_MAX <= CSEP_TICKET_MAX, "ticket too long");

/* ---- Keys ---- */

static bool draw(struct ticket_key *k, struct csep_random rnd)
{
    static const uint8_t zero[32];
    rnd.fill(rnd.self, k->b, sizeof k->b);
    k->until = 0;
    return !csep_equal(k->b, zero, sizeof zero); //= CTX-8
}

/* Keys live as long as the process, whose clock does not step back: none outlives a restart. //= SEC-9 */
csep_status ticket_keys_init(struct ticket_keys *k, csep_time rotation, struct csep_random rnd, csep_time now)
{
    memset(k, 0, sizeof *k);
    if (!draw(&k->key[0], rnd))
        return CSEP_ERR_INTERNAL;
    k->num = 1;
    k->rotation = rotation;
    k->rotate_at = csep_time_add(now, rotation);
    return CSEP_OK;
}

//= CTX-7
static void rotate(struct ticket_keys *k, struct csep_random rnd, csep_time now)
{
    struct ticket_key fresh;
    if (draw(&fresh, rnd)) { /* else the old key goes on until the random source recovers */
        memmove(&k->key[1], &k->key[0], TICKET_KEYS_EARLIER * sizeof k->key[0]);
        k->key[0] = fresh;
        k->num += k->num < 1 + TICKET_KEYS_EARLIER;
        k->rotate_at = csep_time_add(now, k->rotation);
    } else {
        k->rotate_at = csep_time_add(now, CSEP_SEC(1));
    }
    CSEP_WIPE(fresh);
}

void ticket_keys_expire(struct ticket_keys *k, struct csep_random rnd, csep_time now)
{
    if (now >= k->rotate_at)
        rotate(k, rnd, now);
    /* Any of the earlier keys may be the first to be over: a REQUEST may ask for short lifetimes. */
    for (unsigned i = k->num; i-- > 1;) {
        if (now < k->key[i].until)
            continue;
        memmove(&k->key[i], &k->key[i + 1], (k->num - i - 1) * sizeof k->key[0]);
        k->num--;
        CSEP_WIPE(k->key[k->num]); //= SEC-8
    }
}

csep_time ticket_keys_deadline(const struct ticket_keys *k)
{
    csep_time at = k->rotate_at;
    for (unsigned i = 1; i < k->num; i++)
        at = csep_time_min(at, k->key[i].until);
    return at;
}

csep_time ticket_keys_longest(const struct ticket_keys *k)
{
    return k->rotation > CSEP_NEVER / 4 ? CSEP_NEVER - 1 : TICKET_KEYS_EARLIER * k->rotation;
}

/* ---- Sealing ---- */

void ticket_seal(struct ticket_keys *k, enum ticket_purpose purpose, uint8_t *out, const uint8_t *in,
                 size_t n, csep_time until, struct csep_random rnd)
{
    uint8_t nonce[24], aad = (uint8_t)purpose;
    rnd.fill(rnd.self, nonce, sizeof nonce); //= CTX-2, SEC-7
    sealed_put(out, in, n, &aad, 1, nonce, k->key[0].b);
    if (until > k->key[0].until)
        k->key[0].until = until;
}

bool ticket_unseal(const struct ticket_keys *k, enum ticket_purpose purpose, uint8_t *out, const uint8_t *in,
                   size_t n)
{
    uint8_t aad = (uint8_t)purpose;
    for (unsigned i = 0; i < k->num; i++)
        if (sealed_get(out, in, n, &aad, 1, k->key[i].b))
            return true;
    return false;
}

/* ---- Stateful ---- */

void ticket_put_place(struct ticket_keys *k, const struct ticket_place *p, csep_time until,
                      struct csep_random rnd, struct csep_ticket *out)
{
    uint8_t plain[PLACE_LEN];
    struct wr w = wr_init(plain, sizeof plain);
    wr_u32(&w, p->index);
    wr_u32(&w, p->generation);
    wr_u32(&w, p->slot);
    wr_u64(&w, p->made);
    assert(wr_ok(&w) && w.len == PLACE_LEN);
    ticket_seal(k, TICKET_STATEFUL, out->b, plain, sizeof plain, until, rnd);
    out->len = PLACE_LEN + TICKET_SEALED_OVERHEAD;
}

bool ticket_get_place(const struct ticket_keys *k, const uint8_t *ticket, size_t len,
                      struct ticket_place *out)
{
    uint8_t plain[PLACE_LEN];
    if (len != PLACE_LEN + TICKET_SEALED_OVERHEAD || !ticket_unseal(k, TICKET_STATEFUL, plain, ticket, len))
        return false;
    CSEP_CT_PUBLIC(plain, sizeof plain); /* hidden from observers by the seal; no secret inside the server */
    struct rd r = rd_init(plain, sizeof plain);
    out->index = rd_u32(&r);
    out->generation = rd_u32(&r);
    out->slot = rd_u32(&r);
    out->made = rd_u64(&r);
    return rd_done(&r);
}

/* ---- Stateless ---- */

void ticket_put_context(struct ticket_keys *k, const struct ticket_context *c, struct csep_random rnd,
                        struct csep_ticket *out)
{
    uint8_t plain[CONTEXT_BOUND];
    struct wr w = wr_init(plain, sizeof plain);
    wr_bytes(&w, c->handle, sizeof c->handle);
    wr_bytes(&w, c->secret, sizeof c->secret);
    wr_u64(&w, c->granted);
    wr_u64(&w, c->expires);
    wr_u64(&w, c->made);
    wr_u8(&w, c->bound);
    if (c->bound)
        wr_bytes(&w, c->client_spki_sha256, sizeof c->client_spki_sha256);
    assert(wr_ok(&w));
    ticket_seal(k, TICKET_STATELESS, out->b, plain, w.len, c->expires, rnd);
    out->len = (uint8_t)(w.len + TICKET_SEALED_OVERHEAD);
    CSEP_WIPE(plain);
}

bool ticket_get_context(const struct ticket_keys *k, const uint8_t *ticket, size_t len,
                        struct ticket_context *out)
{
    uint8_t plain[CONTEXT_BOUND];
    if (len != CONTEXT_LEN + TICKET_SEALED_OVERHEAD && len != SEALED_MAX)
        return false;
    if (!ticket_unseal(k, TICKET_STATELESS, plain, ticket, len))
        return false;
    memset(out, 0, sizeof *out);
    struct rd r = rd_init(plain, len - TICKET_SEALED_OVERHEAD);
    CSEP_CT_PUBLIC(plain, CSEP_HANDLE_LEN); /* of all that is sealed only the context secret is one */
    CSEP_CT_PUBLIC(plain + CSEP_HANDLE_LEN + 32, sizeof plain - CSEP_HANDLE_LEN - 32);
    rd_copy(&r, out->handle, sizeof out->handle);
    rd_copy(&r, out->secret, sizeof out->secret);
    out->granted = rd_u64(&r);
    out->expires = rd_u64(&r);
    out->made = rd_u64(&r);
    out->bound = rd_u8(&r);
    if (out->bound)
        rd_copy(&r, out->client_spki_sha256, sizeof out->client_spki_sha256);
    assert(rd_done(&r));
    CSEP_WIPE(plain);
    return true;
}

uint64_t ticket_mark(const uint8_t *ticket)
{
    struct rd r = rd_init(ticket, 8);
    uint64_t mark = rd_u64(&r);
    return mark ? mark : 1;
}

void ticket_slot_secret(uint8_t out[32], const uint8_t context_secret[32], const uint8_t *ticket, size_t len)
{
    struct hash h = hash_of(ticket, len);
    struct secret s;
    memcpy(s.b, context_secret, sizeof s.b);
    hkdf_expand_label(HKDF_CSEP1, out, 32, &s, "slot", h.b, sizeof h.b); //= KEY-4
    CSEP_WIPE(s);
}
