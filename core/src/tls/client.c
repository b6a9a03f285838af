/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's side of the handshake: its state table and the handlers in it. */
#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"
#include "tls/engine.h"

/* Sessions that expired in the store are thrown away; this many at most before giving up. */
#define MAX_STALE 8u

static bool session_is_usable(const struct csep_tls_session *s, csep_time now)
{
    return s->ticket_len > 0 && s->ticket_len <= sizeof s->ticket && s->lifetime <= TLS_LIFETIME_MAX &&
           now >= s->received && now - s->received < CSEP_SEC(s->lifetime) && now >= s->authenticated &&
           now - s->authenticated < CSEP_SEC(TLS_LIFETIME_MAX); //= NEG-19
}

static struct csep_identity own_identity(const struct csep_tls *t)
{
    struct csep_identity own = {0};
    uint8_t pub[ED25519_PUB_LEN], spki[SPKI_LEN];

    if (t->cfg.identity) {
        tls_identity_public_key(t->cfg.identity, pub);
        csep_tls_spki(pub, spki, &own);
    }
    return own;
}

/* Whoever resumes is for the server the client of the full handshake: that must be who we are now. */
static bool session_is_ours(const struct csep_tls *t, const struct csep_tls_session *s)
{
    static const uint8_t nobody[sizeof s->own_spki_sha256];
    if (memcmp(s->own_spki_sha256, nobody, sizeof nobody) == 0)
        return true;
    struct csep_identity own = own_identity(t);
    return csep_identity_is(&own, s->own_spki_sha256);
}

static void take_session(struct csep_tls *t)
{
    const struct csep_tls_sessions *store = &t->cfg.sessions;
    struct csep_tls_session *s = &t->hs.session;

    for (unsigned i = 0; store->take && !t->hs.offers_session && i < MAX_STALE; i++) {
        if (!store->take(store->self, s))
            return;
        t->hs.offers_session = session_is_usable(s, t->now) && session_is_ours(t, s);
    }
    if (!t->hs.offers_session)
        return;
    CSEP_CT_SECRET(s->psk, sizeof s->psk);
    tls_schedule_early(&t->hs.schedule, s->psk);
}

static size_t hello_size(const struct csep_tls *t, struct rd cookie)
{
    size_t n = 512 + cookie.n + (t->hs.offers_session ? t->hs.session.ticket_len : 0);
    if (t->cfg.server_name)
        n += strlen(t->cfg.server_name);
    for (const char *const *a = t->cfg.alpn; *a; a++)
        n += 1 + strlen(*a);
    return n;
}

/* Hash and binder of the ClientHello in w, whose last tail_len bytes are the binders list. */
static void bind_hello(struct csep_tls *t, struct wr *w, size_t tail_len)
{
    hash_add(&t->hs.transcript, w->p, w->len - tail_len);
    if (tail_len) {
        struct hash th = hash_peek(&t->hs.transcript);
        uint8_t *binder = w->p + w->len - TLS_BINDER_LEN;
        tls_schedule_binder(&t->hs.schedule, &th, binder);
        CSEP_CT_PUBLIC(binder, TLS_BINDER_LEN);
        hash_add(&t->hs.transcript, w->p + w->len - tail_len, tail_len);
    }
}

static csep_status send_hello(struct csep_tls *t, struct rd cookie)
{
    const struct csep_tls_config *cfg = &t->cfg;
    struct tls_handshake *hs = &t->hs;
    struct tls_hello_offer o = {
        .random = t->client_random,
        .session_id = hs->session_id_len ? hs->session_id : NULL,
        .alpn = cfg->alpn,
        .server_name = cfg->server_name,
        .share = hs->sent_share ? hs->share.b : NULL,
        .grease = cfg->grease ? hs->grease : NULL,
        .no_grease_share = hs->asked_share,
        .cookie = cookie,
        .raw_server = cfg->raw_public_key,
        .raw_client = cfg->identity && (cfg->raw_public_key || !cfg->identity->certificate),
        .x509_client = cfg->identity && cfg->identity->certificate,
        .tickets = cfg->sessions.put != NULL,
        .session = hs->offers_session ? &hs->session : NULL,
    };
    struct wr w;
    size_t tail_len;

    if (hs->offers_session)
        o.obfuscated_age = (uint32_t)((t->now - hs->session.received) / CSEP_MS(1)) + hs->session.age_add;
    csep_status st = tls_flight_begin(t, hello_size(t, cookie), &w);
    if (st)
        return st;
    tls_client_hello_encode(&w, &o, &tail_len, &hs->offered);
    if (w.bad)
        return CSEP_ERR_INTERNAL;
    bind_hello(t, &w, tail_len);
    TRACE(&cfg->trace, t->now, TLS_MESSAGE_SENT, TLS_CLIENT_HELLO, w.len);
    return tls_flight_end(t, &w, TLS_CONTENT_HANDSHAKE);
}

csep_status tls_client_start(struct csep_tls *t)
{
    struct csep_random rnd = t->cfg.random;
    struct tls_handshake *hs = &t->hs;

    rnd.fill(rnd.self, t->client_random, sizeof t->client_random);
    if (t->cfg.middlebox_compat) {
        hs->session_id_len = sizeof hs->session_id;
        rnd.fill(rnd.self, hs->session_id, sizeof hs->session_id);
        hs->compat = true;
    }
    if (t->cfg.grease)
        rnd.fill(rnd.self, hs->grease, sizeof hs->grease);
    x25519_generate(&hs->priv, &hs->share, rnd);
    hs->sent_share = !t->cfg.send_empty_key_share;
    take_session(t);
    hash_begin(&hs->transcript);
    return send_hello(t, rd_init(NULL, 0));
}

/* What a ServerHello and a HelloRetryRequest have in common. */
static csep_status decode_answer(struct csep_tls *t, const struct tls_message *m,
                                 struct tls_server_hello *out)
{
    csep_status st = tls_server_hello_decode(tls_body(m), t->hs.offered, out);
    if (st)
        return st;
    if (out->session_id.n != t->hs.session_id_len ||
        (out->session_id.n && memcmp(out->session_id.p, t->hs.session_id, out->session_id.n) != 0))
        return CSEP_ERR_TLS_ILLEGAL_PARAMETER;
    return CSEP_OK;
}

//= NEG-12
static csep_status on_retry(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    struct tls_server_hello h;
    csep_status st = decode_answer(t, m, &h);

    (void)out_branch;
    if (st)
        return st;
    /* Section 4.1.4: it must change the ClientHello; a group must be one that we have and did not send. */
    if (h.group ? h.group != TLS_GROUP_X25519 || t->hs.sent_share : h.cookie.n == 0)
        return CSEP_ERR_TLS_ILLEGAL_PARAMETER;
    tls_transcript_retry(&t->hs.transcript);
    tls_transcript_add(t, m);
    t->hs.retried = true;
    t->hs.asked_share = h.group != 0;
    t->hs.sent_share |= t->hs.asked_share;
    st = tls_send_compat(t);
    return st ? st : send_hello(t, h.cookie);
}

enum { BRANCH_FULL, BRANCH_PSK };

/* Which key exchange did the server choose, and is it one that we offered? */
static csep_status check_choice(const struct csep_tls *t, const struct tls_server_hello *h)
{
    if (h->has_psk && (!t->hs.offers_session || h->psk_index != 0))
        return CSEP_ERR_TLS_ILLEGAL_PARAMETER;
    if (!h->share)
        return h->has_psk ? CSEP_ERR_TLS_ILLEGAL_PARAMETER : CSEP_ERR_TLS_MISSING_EXTENSION;
    return t->hs.sent_share ? CSEP_OK : CSEP_ERR_TLS_ILLEGAL_PARAMETER;
}

static csep_status on_server_hello(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    struct tls_server_hello h;
    struct x25519_shared shared;
    csep_status st = decode_answer(t, m, &h);

    if (!st)
        st = check_choice(t, &h);
    if (!st && !m->ends_record)
        st = CSEP_ERR_TLS_UNEXPECTED_MESSAGE;
    if (!st)
        st = tls_agree(t, h.share, &shared);
    if (st)
        return st;
    tls_transcript_add(t, m);
    tls_start_handshake(t, h.has_psk, &shared, &t->tx, &t->rx);
    t->resumed = h.has_psk;
    t->authenticated = t->now;
    if (h.has_psk) {
        t->authenticated = t->hs.session.authenticated; //= NEG-19
        t->peer.present = true;
        memcpy(t->peer.spki_sha256, t->hs.session.peer_spki_sha256, sizeof t->peer.spki_sha256);
        memcpy(t->own_spki_sha256, t->hs.session.own_spki_sha256, sizeof t->own_spki_sha256);
    }
    CSEP_WIPE(t->hs.session);
    *out_branch = h.has_psk ? BRANCH_PSK : BRANCH_FULL;
    return CSEP_OK;
}

static const char *find_alpn(const struct csep_tls *t, struct rd name)
{
    for (const char *const *a = t->cfg.alpn; *a; a++)
        if (strlen(*a) == name.n && memcmp(*a, name.p, name.n) == 0)
            return *a;
    return NULL;
}

static csep_status take_extensions(struct csep_tls *t, const struct tls_message *m)
{
    struct tls_encrypted_extensions e;
    const struct csep_tls_identity *id = t->cfg.identity;
    csep_status st = tls_encrypted_extensions_decode(tls_body(m), t->hs.offered, &e);

    if (st)
        return st;
    //= NEG-7
    if (e.alpn.n == 0)
        return CSEP_ERR_TLS_NO_APPLICATION_PROTOCOL;
    t->alpn = find_alpn(t, e.alpn);
    if (!t->alpn)
        return CSEP_ERR_TLS_ILLEGAL_PARAMETER;
    t->hs.peer_type = e.server_type;
    t->hs.own_type = e.client_type;
    t->hs.can_answer = id && (e.client_type == TLS_CERT_RAW || id->certificate);
    tls_transcript_add(t, m);
    return CSEP_OK;
}

static csep_status on_extensions(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    (void)out_branch;
    return take_extensions(t, m);
}

static csep_status on_extensions_psk(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    (void)out_branch;
    csep_status st = take_extensions(t, m);
    return st ? st : tls_check_trust(t); /* the key was proved before; it may have been unpinned since */
}

static csep_status on_request(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    struct tls_certificate_request r;
    csep_status st = tls_certificate_request_decode(tls_body(m), &r);

    (void)out_branch;
    if (st)
        return st;
    t->hs.asked = true;
    t->hs.can_answer &= tls_list_has(r.signatures, TLS_SIG_ED25519);
    tls_transcript_add(t, m);
    return CSEP_OK;
}

static csep_status on_certificate(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    bool empty;
    csep_status st = tls_take_certificate(t, m, &empty);

    (void)out_branch;
    return !st && empty ? CSEP_ERR_TLS_DECODE_ERROR : st; /* section 4.4.2.4 */
}

static csep_status on_verify(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    (void)out_branch;
    return tls_take_verify(t, m, TLS_SIGNER_SERVER);
}

/* Our second flight, in one record: Certificate and CertificateVerify where asked, and Finished. */
static csep_status send_second_flight(struct csep_tls *t)
{
    struct wr w;
    size_t from = 0;
    csep_status st = tls_send_compat(t);

    if (!st)
        st = tls_flight_begin(t, 256 + (t->cfg.identity ? t->cfg.identity->certificate_len : 0), &w);
    if (st)
        return st;
    if (t->hs.asked && t->hs.can_answer) {
        struct csep_identity own = own_identity(t);
        memcpy(t->own_spki_sha256, own.spki_sha256, sizeof t->own_spki_sha256);
        tls_put_certificate(t, &w);
        tls_put_verify(t, &w, TLS_SIGNER_CLIENT);
    } else if (t->hs.asked) {
        tls_certificate_encode(&w, NULL, 0);
        tls_flight_message(t, &w, from);
    }
    tls_put_finished(t, &w, &t->hs.client_finished);
    return tls_flight_end(t, &w, TLS_CONTENT_HANDSHAKE);
}

static csep_status on_finished(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    uint8_t expected[HASH_LEN];
    struct hash th = hash_peek(&t->hs.transcript);

    (void)out_branch;
    tls_schedule_finished(&t->hs.server_finished, &th, expected);
    csep_status st = tls_take_finished(m, expected);
    if (st)
        return st;
    tls_transcript_add(t, m);
    tls_start_application(t, &t->tx_secret, &t->rx_secret);
    tls_schedule_keys(&t->rx_secret, &t->rx, NULL);
    st = send_second_flight(t);
    if (st)
        return st;
    tls_schedule_keys(&t->tx_secret, &t->tx, NULL);
    if (t->cfg.sessions.put) {
        th = hash_peek(&t->hs.transcript);
        tls_schedule_resumption(&t->hs.schedule, &th, &t->resumption);
        t->has_resumption = true;
    }
    TRACE(&t->cfg.trace, t->now, TLS_ESTABLISHED, t->resumed, t->hs.retried, t->hs.asked);
    tls_handshake_done(t);
    return CSEP_OK;
}

static csep_status on_ticket(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    struct tls_new_session_ticket n;
    struct csep_tls_session s;
    csep_status st = tls_new_session_ticket_decode(tls_body(m), &n);

    (void)out_branch;
    if (!st)
        st = tls_patience(t);
    if (st || !t->has_resumption || n.lifetime == 0 || n.ticket.n > sizeof s.ticket)
        return st; /* a ticket that is of no use to us is no error */
    memset(&s, 0, sizeof s);
    tls_schedule_ticket_psk(&t->resumption, n.nonce.p, n.nonce.n, s.psk);
    memcpy(s.peer_spki_sha256, t->peer.spki_sha256, sizeof s.peer_spki_sha256);
    memcpy(s.own_spki_sha256, t->own_spki_sha256, sizeof s.own_spki_sha256);
    s.authenticated = t->authenticated;
    s.received = t->now;
    s.lifetime = n.lifetime < TLS_LIFETIME_MAX ? n.lifetime : TLS_LIFETIME_MAX;
    s.age_add = n.age_add;
    s.ticket_len = (uint16_t)n.ticket.n;
    memcpy(s.ticket, n.ticket.p, n.ticket.n);
    t->cfg.sessions.put(t->cfg.sessions.self, &s);
    CSEP_WIPE(s);
    return CSEP_OK;
}

#define ON(input, handler, ...) [TLS_INPUT_##input] = {handler, {__VA_ARGS__}}

const struct tls_rule tls_client_rules[TLS_NUM_STATES][TLS_NUM_INPUTS] = {
    [TLS_CLIENT_WAIT_HELLO] =
        {
            ON(SERVER_HELLO, on_server_hello, TLS_CLIENT_WAIT_EXTENSIONS, TLS_CLIENT_WAIT_EXTENSIONS_PSK),
            ON(HELLO_RETRY_REQUEST, on_retry, TLS_CLIENT_WAIT_HELLO_AGAIN),
            ON(CHANGE_CIPHER_SPEC, tls_on_nothing, TLS_CLIENT_WAIT_HELLO),
        },
    [TLS_CLIENT_WAIT_HELLO_AGAIN] =
        {
            ON(SERVER_HELLO, on_server_hello, TLS_CLIENT_WAIT_EXTENSIONS, TLS_CLIENT_WAIT_EXTENSIONS_PSK),
            ON(CHANGE_CIPHER_SPEC, tls_on_nothing, TLS_CLIENT_WAIT_HELLO_AGAIN),
        },
    [TLS_CLIENT_WAIT_EXTENSIONS] =
        {
            ON(ENCRYPTED_EXTENSIONS, on_extensions, TLS_CLIENT_WAIT_REQUEST_OR_CERTIFICATE),
            ON(CHANGE_CIPHER_SPEC, tls_on_nothing, TLS_CLIENT_WAIT_EXTENSIONS),
        },
    [TLS_CLIENT_WAIT_EXTENSIONS_PSK] =
        {
            ON(ENCRYPTED_EXTENSIONS, on_extensions_psk, TLS_CLIENT_WAIT_FINISHED),
            ON(CHANGE_CIPHER_SPEC, tls_on_nothing, TLS_CLIENT_WAIT_EXTENSIONS_PSK),
        },
    [TLS_CLIENT_WAIT_REQUEST_OR_CERTIFICATE] =
        {
            ON(CERTIFICATE_REQUEST, on_request, TLS_CLIENT_WAIT_CERTIFICATE),
            ON(CERTIFICATE, on_certificate, TLS_CLIENT_WAIT_VERIFY),
            ON(CHANGE_CIPHER_SPEC, tls_on_nothing, TLS_CLIENT_WAIT_REQUEST_OR_CERTIFICATE),
        },
    [TLS_CLIENT_WAIT_CERTIFICATE] =
        {
            ON(CERTIFICATE, on_certificate, TLS_CLIENT_WAIT_VERIFY),
            ON(CHANGE_CIPHER_SPEC, tls_on_nothing, TLS_CLIENT_WAIT_CERTIFICATE),
        },
    [TLS_CLIENT_WAIT_VERIFY] =
        {
            ON(CERTIFICATE_VERIFY, on_verify, TLS_CLIENT_WAIT_FINISHED),
            ON(CHANGE_CIPHER_SPEC, tls_on_nothing, TLS_CLIENT_WAIT_VERIFY),
        },
    [TLS_CLIENT_WAIT_FINISHED] =
        {
            ON(FINISHED, on_finished, TLS_CLIENT_CONNECTED),
            ON(CHANGE_CIPHER_SPEC, tls_on_nothing, TLS_CLIENT_WAIT_FINISHED),
        },
    [TLS_CLIENT_CONNECTED] =
        {
            ON(NEW_SESSION_TICKET, on_ticket, TLS_CLIENT_CONNECTED),
            ON(KEY_UPDATE, tls_on_key_update, TLS_CLIENT_CONNECTED),
            ON(APPLICATION_DATA, tls_on_application_data, TLS_CLIENT_CONNECTED),
        },
};
