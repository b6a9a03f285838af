/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/schedule.h"

#include "crypto/wipe.h"

/* HKDF-Expand-Label(Early Secret of no PSK, "derived", "", 32): the same in every connection. */
static const struct secret derived_without_psk = {
    {0x6f, 0x26, 0x15, 0xa1, 0x08, 0xc7, 0x02, 0xc5, 0x67, 0x8f, 0x54, 0xfc, 0x9d, 0xba, 0xb6, 0x97,
     0x16, 0xc0, 0x76, 0x18, 0x9c, 0x48, 0x25, 0x0c, 0xeb, 0xea, 0xc3, 0x57, 0x6c, 0x36, 0x11, 0xba}};

static const uint8_t zeros[HASH_LEN];

static void derive(const struct hmac_key *k, struct secret *out, const char *label, const struct hash *th)
{
    hkdf_expand_label_from(HKDF_TLS13, out->b, sizeof out->b, k, label, th->b, sizeof th->b);
}

void tls_schedule_early(struct tls_schedule *s, const uint8_t psk[HASH_LEN])
{
    hkdf_extract(&s->early, zeros, sizeof zeros, psk, HASH_LEN);
}

void tls_schedule_binder(const struct tls_schedule *s, const struct hash *th, uint8_t out[HASH_LEN])
{
    struct {
        struct hmac_key k;
        struct secret binder, finished;
    } tmp;

    hmac_key_init(&tmp.k, s->early.b, sizeof s->early.b);
    derive(&tmp.k, &tmp.binder, "res binder", &hash_of_empty);
    hkdf_expand_label(HKDF_TLS13, tmp.finished.b, sizeof tmp.finished.b, &tmp.binder, "finished", NULL, 0);
    tls_schedule_finished(&tmp.finished, th, out);
    CSEP_WIPE(tmp);
}

void tls_schedule_handshake(struct tls_schedule *s, bool with_psk, const struct x25519_shared *shared,
                            const struct hash *th, struct secret *out_client, struct secret *out_server)
{
    struct {
        struct secret salt, handshake;
        struct hmac_key k;
    } tmp = {.salt = derived_without_psk};

    if (with_psk) {
        hmac_key_init(&tmp.k, s->early.b, sizeof s->early.b);
        derive(&tmp.k, &tmp.salt, "derived", &hash_of_empty);
    }
    hkdf_extract(&tmp.handshake, tmp.salt.b, sizeof tmp.salt.b, shared->b, sizeof shared->b);
    hmac_key_init(&tmp.k, tmp.handshake.b, sizeof tmp.handshake.b);
    derive(&tmp.k, out_client, "c hs traffic", th);
    derive(&tmp.k, out_server, "s hs traffic", th);
    derive(&tmp.k, &tmp.salt, "derived", &hash_of_empty);
    hkdf_extract(&tmp.handshake, tmp.salt.b, sizeof tmp.salt.b, zeros, sizeof zeros);
    hmac_key_init(&s->master, tmp.handshake.b, sizeof tmp.handshake.b);
    CSEP_WIPE(tmp);
    CSEP_WIPE(s->early);
}

void tls_schedule_application(struct tls_schedule *s, const struct hash *th, struct secret *out_client,
                              struct secret *out_server, struct secret *out_exporter)
{
    derive(&s->master, out_client, "c ap traffic", th);
    derive(&s->master, out_server, "s ap traffic", th);
    derive(&s->master, out_exporter, "exp master", th);
}

void tls_schedule_resumption(struct tls_schedule *s, const struct hash *th, struct secret *out)
{
    derive(&s->master, out, "res master", th);
    CSEP_WIPE(s->master);
}

void tls_schedule_keys(const struct secret *traffic, struct tls_keys *out, struct secret *out_finished)
{
    struct {
        struct hmac_key k;
        uint8_t key[AEAD_KEY_LEN], iv[AEAD_IV_LEN];
    } tmp;

    hmac_key_init(&tmp.k, traffic->b, sizeof traffic->b);
    hkdf_expand_label_from(HKDF_TLS13, tmp.key, sizeof tmp.key, &tmp.k, "key", NULL, 0);
    hkdf_expand_label_from(HKDF_TLS13, tmp.iv, sizeof tmp.iv, &tmp.k, "iv", NULL, 0);
    if (out_finished)
        hkdf_expand_label_from(HKDF_TLS13, out_finished->b, HASH_LEN, &tmp.k, "finished", NULL, 0);
    aead_init(&out->aead, TLS_AEAD_ID, tmp.key, tmp.iv);
    out->number = 0;
    out->on = true;
    CSEP_WIPE(tmp);
}

void tls_schedule_update(struct secret *traffic)
{
    struct secret next;
    hkdf_expand_label(HKDF_TLS13, next.b, sizeof next.b, traffic, "traffic upd", NULL, 0);
    *traffic = next;
    CSEP_WIPE(next);
}

void tls_schedule_finished(const struct secret *finished, const struct hash *th, uint8_t out[HASH_LEN])
{
    struct hmac_key k;
    hmac_key_init(&k, finished->b, sizeof finished->b);
    hmac(&k, out, th->b, sizeof th->b);
    CSEP_WIPE(k);
}

void tls_schedule_ticket_psk(const struct secret *resumption, const uint8_t *nonce, size_t n,
                             uint8_t out[HASH_LEN])
{
    hkdf_expand_label(HKDF_TLS13, out, HASH_LEN, resumption, "resumption", nonce, n);
}

void tls_schedule_export(const struct secret *exporter, const char *label, const uint8_t *context, size_t n,
                         uint8_t *out, size_t out_len)
{
    struct secret derived;
    struct hash h = hash_of(context, n);

    hkdf_expand_label(HKDF_TLS13, derived.b, sizeof derived.b, exporter, label, hash_of_empty.b, HASH_LEN);
    hkdf_expand_label(HKDF_TLS13, out, out_len, &derived, "exporter", h.b, sizeof h.b);
    CSEP_WIPE(derived);
}
