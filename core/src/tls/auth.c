/* SPDX-License-Identifier: BSD-2-Clause */
/* Steps of the handshake that are the same whoever takes them. */
#include <string.h>

#include "crypto/wipe.h"
#include "tls/engine.h"

struct rd tls_body(const struct tls_message *m)
{
    return rd_init(m->p + TLS_MESSAGE_HEADER, m->n - TLS_MESSAGE_HEADER);
}

void tls_transcript_add(struct csep_tls *t, const struct tls_message *m)
{
    hash_add(&t->hs.transcript, m->p, m->n);
}

csep_status tls_agree(struct csep_tls *t, const uint8_t *peer_share, struct x25519_shared *out)
{
    bool ok = x25519(out, &t->hs.priv, peer_share);
    CSEP_CT_SECRET(out->b, sizeof out->b);
    CSEP_WIPE(t->hs.priv);
    return ok ? CSEP_OK : CSEP_ERR_TLS_ILLEGAL_PARAMETER;
}

void tls_start_handshake(struct csep_tls *t, bool with_psk, struct x25519_shared *shared,
                         struct tls_keys *out_client, struct tls_keys *out_server)
{
    struct {
        struct secret client, server;
    } tmp;
    struct hash th = hash_peek(&t->hs.transcript);

    tls_schedule_handshake(&t->hs.schedule, with_psk, shared, &th, &tmp.client, &tmp.server);
    csep_wipe(shared, sizeof *shared);
    tls_keylog(t, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", &tmp.client);
    tls_keylog(t, "SERVER_HANDSHAKE_TRAFFIC_SECRET", &tmp.server);
    tls_schedule_keys(&tmp.client, out_client, &t->hs.client_finished);
    tls_schedule_keys(&tmp.server, out_server, &t->hs.server_finished);
    CSEP_WIPE(tmp);
}

void tls_start_application(struct csep_tls *t, struct secret *out_client, struct secret *out_server)
{
    struct hash th = hash_peek(&t->hs.transcript);

    tls_schedule_application(&t->hs.schedule, &th, out_client, out_server, &t->exporter);
    t->has_exporter = true;
    tls_keylog(t, "CLIENT_TRAFFIC_SECRET_0", out_client);
    tls_keylog(t, "SERVER_TRAFFIC_SECRET_0", out_server);
    tls_keylog(t, "EXPORTER_SECRET", &t->exporter);
}

csep_status tls_take_certificate(struct csep_tls *t, const struct tls_message *m, bool *out_empty)
{
    struct tls_certificate c;
    csep_status st = tls_certificate_decode(tls_body(m), &c);

    *out_empty = !st && c.num == 0;
    if (!st && t->hs.peer_type == TLS_CERT_RAW && c.num > 1)
        st = CSEP_ERR_TLS_ILLEGAL_PARAMETER; /* RFC 7250: a raw public key has no chain */
    if (!st && c.num > 0)
        st = tls_identity_key_of_entry(t->hs.peer_type, c.first.p, c.first.n, t->hs.peer_key);
    if (!st)
        tls_transcript_add(t, m);
    return st;
}

void tls_server_name(const struct csep_tls *t, const char **out, size_t *out_len)
{
    bool server = t->rules == tls_server_rules;
    const char *own = t->cfg.server_name ? t->cfg.server_name : "";
    *out = server ? t->name : own;
    *out_len = server ? t->name_len : strlen(own);
}

//= NEG-16
//= NEG-17
csep_status tls_check_trust(struct csep_tls *t)
{
    const struct csep_tls_trust *trust = &t->cfg.trust;
    const char *name;
    size_t n;

    tls_server_name(t, &name, &n);
    return trust->check(trust->self, &t->peer, name, n) ? CSEP_OK : CSEP_ERR_TLS_CERTIFICATE_UNKNOWN;
}

csep_status tls_take_verify(struct csep_tls *t, const struct tls_message *m, enum tls_signer who)
{
    struct tls_certificate_verify v;
    struct hash th = hash_peek(&t->hs.transcript);
    uint8_t spki[SPKI_LEN];
    csep_status st = tls_certificate_verify_decode(tls_body(m), &v);

    if (st)
        return st;
    if (v.algorithm != TLS_SIG_ED25519)
        return CSEP_ERR_TLS_ILLEGAL_PARAMETER;
    if (v.signature.n != ED25519_SIG_LEN || !tls_identity_verify(t->hs.peer_key, who, &th, v.signature.p))
        return CSEP_ERR_TLS_DECRYPT_ERROR;
    csep_tls_spki(t->hs.peer_key, spki, &t->peer);
    tls_transcript_add(t, m);
    return tls_check_trust(t);
}

csep_status tls_take_finished(const struct tls_message *m, const uint8_t expected[HASH_LEN])
{
    const uint8_t *verify_data;
    csep_status st = tls_finished_decode(tls_body(m), &verify_data);

    if (st)
        return st;
    if (!csep_equal(verify_data, expected, HASH_LEN))
        return CSEP_ERR_TLS_DECRYPT_ERROR;
    return m->ends_record ? CSEP_OK : CSEP_ERR_TLS_UNEXPECTED_MESSAGE;
}

void tls_put_certificate(struct csep_tls *t, struct wr *w)
{
    const struct csep_tls_identity *id = t->cfg.identity;
    uint8_t spki[SPKI_LEN], pub[32];
    struct csep_identity ignored;
    size_t from = w->len;

    if (t->hs.own_type == TLS_CERT_X509) {
        tls_certificate_encode(w, id->certificate, id->certificate_len);
    } else {
        tls_identity_public_key(id, pub);
        csep_tls_spki(pub, spki, &ignored);
        tls_certificate_encode(w, spki, sizeof spki);
    }
    tls_flight_message(t, w, from);
}

void tls_put_verify(struct csep_tls *t, struct wr *w, enum tls_signer who)
{
    uint8_t sig[ED25519_SIG_LEN];
    struct hash th = hash_peek(&t->hs.transcript);
    size_t from = w->len;

    tls_identity_sign(t->cfg.identity, who, &th, sig);
    tls_certificate_verify_encode(w, sig);
    tls_flight_message(t, w, from);
}

void tls_put_finished(struct csep_tls *t, struct wr *w, const struct secret *finished_key)
{
    uint8_t verify_data[HASH_LEN];
    struct hash th = hash_peek(&t->hs.transcript);
    size_t from = w->len;

    tls_schedule_finished(finished_key, &th, verify_data);
    CSEP_CT_PUBLIC(verify_data, sizeof verify_data);
    tls_finished_encode(w, verify_data);
    tls_flight_message(t, w, from);
}

void tls_handshake_done(struct csep_tls *t)
{
    CSEP_WIPE(t->hs);
}
