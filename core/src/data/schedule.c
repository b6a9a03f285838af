/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/schedule.h"

#include <assert.h>
#include <string.h>

#include "crypto/wipe.h"
#include "csep/wire.h"

static void expand(struct secret *out, const struct hmac_key *k, const char *label,
                   const struct hash *context)
{
    hkdf_expand_label_from(HKDF_CSEP1, out->b, sizeof out->b, k, label, context ? context->b : NULL,
                           context ? sizeof context->b : 0);
}

void schedule_open(struct open_secrets *out, const uint8_t slot[HASH_LEN], const uint8_t client_random[32],
                   const struct hash *open_header)
{
    struct {
        struct secret open;
        struct hmac_key k;
    } tmp;
    hkdf_extract(&tmp.open, client_random, 32, slot, HASH_LEN);
    hmac_key_init(&tmp.k, tmp.open.b, sizeof tmp.open.b);
    expand(&out->early_c.s, &tmp.k, "c early", open_header);
    expand(&out->derived.s, &tmp.k, "derived", NULL);
    CSEP_WIPE(tmp);
}

void schedule_main(struct main_secrets *out, const struct derived_salt *derived,
                   const struct x25519_shared *shared, const struct hash *headers)
{
    static const struct x25519_shared none;
    struct {
        struct secret main;
        struct hmac_key k;
    } tmp;
    const struct x25519_shared *dhe = shared ? shared : &none;
    hkdf_extract(&tmp.main, derived->s.b, sizeof derived->s.b, dhe->b, sizeof dhe->b);
    hmac_key_init(&tmp.k, tmp.main.b, sizeof tmp.main.b);
    expand(&out->c_data.s, &tmp.k, "c data", headers);
    expand(&out->s_data.s, &tmp.k, "s data", headers);
    expand(&out->exporter.s, &tmp.k, "exporter", headers);
    CSEP_WIPE(tmp);
}

void schedule_next(struct traffic_secret *out, const struct traffic_secret *secret)
{
    struct hmac_key k;
    hmac_key_init(&k, secret->s.b, sizeof secret->s.b);
    expand(&out->s, &k, "upd", NULL);
    CSEP_WIPE(k);
}

static void expand_aead(struct aead *out, const struct hmac_key *k, uint16_t aead)
{
    struct {
        uint8_t key[AEAD_KEY_LEN], iv[AEAD_IV_LEN];
    } tmp;
    hkdf_expand_label_from(HKDF_CSEP1, tmp.key, sizeof tmp.key, k, "key", NULL, 0);
    hkdf_expand_label_from(HKDF_CSEP1, tmp.iv, sizeof tmp.iv, k, "iv", NULL, 0);
    aead_init(out, aead, tmp.key, tmp.iv);
    CSEP_WIPE(tmp);
}

void schedule_keys(struct traffic_keys *out, const struct traffic_secret *secret, uint16_t aead)
{
    struct hmac_key k;
    hmac_key_init(&k, secret->s.b, sizeof secret->s.b);
    expand_aead(&out->aead, &k, aead);
    hkdf_expand_label_from(HKDF_CSEP1, out->hp, sizeof out->hp, &k, "hp", NULL, 0);
    CSEP_WIPE(k);
}

void schedule_aead(struct aead *out, const struct traffic_secret *secret, uint16_t aead)
{
    struct hmac_key k;
    hmac_key_init(&k, secret->s.b, sizeof secret->s.b);
    expand_aead(out, &k, aead);
    CSEP_WIPE(k);
}

void schedule_export(uint8_t *out, size_t out_len, const struct exporter_secret *exporter, const char *label,
                     const uint8_t *context, size_t context_len)
{
    char full[4 + EXPORT_LABEL_MAX + 1] = "exp ";
    size_t n = strlen(label);
    struct hash h = hash_of(context, context_len);
    assert(n <= EXPORT_LABEL_MAX);
    memcpy(full + 4, label, n + 1);
    hkdf_expand_label(HKDF_CSEP1, out, out_len, &exporter->s, full, h.b, sizeof h.b);
}

struct key_limits schedule_limits(uint16_t aead)
{
    if (aead == CSEP_AEAD_AES_256_GCM)
        return (struct key_limits){UINT64_C(1) << 22, UINT64_C(1) << 23};
    return (struct key_limits){UINT64_C(1) << 32, UINT64_C(1) << 48};
}
