/* SPDX-License-Identifier: BSD-2-Clause */
/* The server's side of the handshake: its state table and the handlers in it. */
#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"
#include "tls/engine.h"

/* Identities of one ClientHello that are tried: each costs two decryptions. */
#define MAX_IDENTITIES 4u

/* What one ClientHello led to. */
struct choice {
    bool psk, ask_certificate;
    uint16_t psk_index;
    struct tls_encrypted_answer answer;
};

enum { BRANCH_FLIGHT, BRANCH_ASK_CERTIFICATE, BRANCH_RETRY };

static bool same_name(struct rd asked, const char *served)
{
    size_t n = strlen(served);
    bool same = asked.n == n;
    for (size_t i = 0; same && i < n; i++) {
        unsigned a = asked.p[i], b = (uint8_t)served[i];
        a += a >= 'A' && a <= 'Z' ? 32 : 0;
        b += b >= 'A' && b <= 'Z' ? 32 : 0;
        same = a == b;
    }
    return same;
}

static const char *choose_alpn(const struct csep_tls *t, struct rd offered)
{
    for (const char *const *a = t->cfg.alpn; *a; a++)
        for (struct rd list = offered; rd_more(&list);) {
            struct rd name = rd_vec8(&list);
            if (name.n && name.n == strlen(*a) && memcmp(name.p, *a, name.n) == 0)
                return *a;
        }
    return NULL;
}

/* Parameters that hold for every kind of handshake. */
static csep_status check_hello(struct csep_tls *t, const struct tls_client_hello *ch)
{
    //= NEG-8
    if (!ch->cipher || !ch->group)
        return CSEP_ERR_TLS_HANDSHAKE_FAILURE;
    //= SEC-13
    if (t->cfg.server_name && ch->name.n && !same_name(ch->name, t->cfg.server_name))
        return CSEP_ERR_TLS_UNRECOGNIZED_NAME;
    //= NEG-6
    t->alpn = choose_alpn(t, ch->alpn);
    return t->alpn ? CSEP_OK : CSEP_ERR_TLS_NO_APPLICATION_PROTOCOL;
}

static void remember_hello(struct csep_tls *t, const struct tls_client_hello *ch)
{
    memcpy(t->client_random, ch->random, TLS_RANDOM_LEN);
    if (ch->session_id.n)
        memcpy(t->hs.session_id, ch->session_id.p, ch->session_id.n);
    t->hs.session_id_len = (uint8_t)ch->session_id.n;
    if (ch->name.n)
        memcpy(t->name, ch->name.p, ch->name.n);
    t->name[ch->name.n] = 0;
    t->name_len = (uint8_t)ch->name.n;
    t->hs.psk_dhe = ch->psk_dhe;
    t->hs.early_skip = ch->early_data ? TLS_EARLY_SKIP : 0;
}

/* --- resumption --- */

static bool ticket_is_good(const struct csep_tls *t, const struct tls_ticket *k, uint32_t age,
                           const struct hash *binding)
{
    if (!tls_ticket_is_fresh(k, age, t->now) || memcmp(k->binding.b, binding->b, HASH_LEN) != 0)
        return false;
    return k->client.present || t->cfg.client_auth != CSEP_TLS_AUTH_REQUIRE;
}

/* The first identity that opens and is good; its number, or MAX_IDENTITIES. */
static unsigned find_ticket(const struct csep_tls *t, struct rd list, struct tls_ticket *out)
{
    struct hash binding = tls_ticket_binding(t->alpn, t->name, t->name_len);
    for (unsigned i = 0; i < MAX_IDENTITIES && rd_more(&list); i++) {
        struct rd id = rd_vec16(&list);
        uint32_t age = rd_u32(&list);
        if (tls_ticket_open(out, id.p, id.n, t->cfg.ticket_keys) && ticket_is_good(t, out, age, &binding))
            return i;
    }
    return MAX_IDENTITIES;
}

static csep_status check_binder(struct csep_tls *t, struct rd binders, unsigned index)
{
    uint8_t expected[TLS_BINDER_LEN];
    struct hash th = hash_peek(&t->hs.transcript);
    struct rd b = rd_vec8(&binders);
    for (; index > 0; index--)
        b = rd_vec8(&binders);
    tls_schedule_binder(&t->hs.schedule, &th, expected);
    return b.n == sizeof expected && csep_equal(b.p, expected, sizeof expected) ? CSEP_OK
                                                                                : CSEP_ERR_TLS_DECRYPT_ERROR;
}

/* Take a ticket if one is good. The transcript gets the whole ClientHello either way. */
static csep_status try_resumption(struct csep_tls *t, const struct tls_message *m,
                                  const struct tls_client_hello *ch, struct choice *c)
{
    struct tls_ticket k;
    size_t tail = ch->psk.tail_len;
    unsigned index = MAX_IDENTITIES;
    csep_status st = CSEP_OK;

    hash_add(&t->hs.transcript, m->p, m->n - tail);
    //= NEG-10
    //= NEG-11
    if (t->cfg.ticket_keys && ch->psk_dhe)
        index = find_ticket(t, ch->psk.identities, &k);
    if (index < MAX_IDENTITIES) {
        t->peer = k.client;
        c->psk = !k.client.present || t->cfg.client_auth == CSEP_TLS_AUTH_NONE || !tls_check_trust(t);
    }
    if (c->psk) {
        c->psk_index = (uint16_t)index;
        t->authenticated = k.authenticated;
        tls_schedule_early(&t->hs.schedule, k.psk);
        st = check_binder(t, ch->psk.binders, index);
    } else {
        t->peer.present = false;
    }
    CSEP_WIPE(k);
    hash_add(&t->hs.transcript, m->p + m->n - tail, tail);
    return st;
}

/* --- what to answer --- */

/* RFC 7250: which type of certificate to use, of those the peer listed (none listed: X.509). */
static csep_status choose_type(struct rd listed, bool x509_ok, bool prefer_raw, uint8_t *out)
{
    bool raw = false, x509 = listed.n == 0;
    while (rd_more(&listed)) {
        unsigned type = rd_u8(&listed);
        raw |= type == TLS_CERT_RAW;
        x509 |= type == TLS_CERT_X509;
    }
    x509 &= x509_ok;
    *out = raw && (prefer_raw || !x509) ? TLS_CERT_RAW : TLS_CERT_X509;
    return raw || x509 ? CSEP_OK : CSEP_ERR_TLS_UNSUPPORTED_CERTIFICATE;
}

//= NEG-15
static csep_status choose_authentication(struct csep_tls *t, const struct tls_client_hello *ch,
                                         struct choice *c)
{
    const struct csep_tls_config *cfg = &t->cfg;
    struct tls_encrypted_answer *a = &c->answer;

    if (!tls_list_has(ch->signatures, TLS_SIG_ED25519))
        return CSEP_ERR_TLS_HANDSHAKE_FAILURE;
    csep_status st =
        choose_type(ch->server_types, cfg->identity->certificate, cfg->raw_public_key, &a->server_type);
    a->server_type_present = ch->server_types.n > 0;
    t->hs.own_type = a->server_type;
    //= NEG-18
    c->ask_certificate = cfg->client_auth != CSEP_TLS_AUTH_NONE;
    if (!st && c->ask_certificate) {
        st = choose_type(ch->client_types, true, cfg->raw_public_key, &a->client_type);
        a->client_type_present = ch->client_types.n > 0;
        t->hs.peer_type = a->client_type;
    }
    return st;
}

/* --- sending --- */

static csep_status send_answer(struct csep_tls *t, const struct tls_hello_answer *a)
{
    struct wr w;
    csep_status st = tls_flight_begin(t, 256, &w);
    if (st)
        return st;
    tls_server_hello_encode(&w, a);
    tls_flight_message(t, &w, 0);
    st = tls_flight_end(t, &w, TLS_CONTENT_HANDSHAKE);
    return st ? st : tls_send_compat(t);
}

static csep_status send_retry(struct csep_tls *t, const struct tls_message *m,
                              const struct tls_client_hello *ch)
{
    struct csep_random rnd = t->cfg.random;
    tls_transcript_add(t, m);
    tls_transcript_retry(&t->hs.transcript);
    t->hs.retried = true;
    t->hs.asked_share = !ch->share;
    rnd.fill(rnd.self, t->hs.cookie, sizeof t->hs.cookie);
    struct tls_hello_answer a = {
        .session_id = rd_init(t->hs.session_id, t->hs.session_id_len),
        .ask_share = t->hs.asked_share,
        .cookie = rd_init(t->hs.cookie, sizeof t->hs.cookie),
    };
    return send_answer(t, &a);
}

static csep_status send_hello(struct csep_tls *t, const struct tls_client_hello *ch, const struct choice *c)
{
    struct csep_random rnd = t->cfg.random;
    struct x25519_shared shared;
    uint8_t server_random[TLS_RANDOM_LEN];

    x25519_generate(&t->hs.priv, &t->hs.share, rnd);
    csep_status st = tls_agree(t, ch->share, &shared);
    if (st)
        return st;
    rnd.fill(rnd.self, server_random, sizeof server_random);
    struct tls_hello_answer a = {
        .random = server_random,
        .session_id = rd_init(t->hs.session_id, t->hs.session_id_len),
        .share = t->hs.share.b,
        .psk = c->psk,
        .psk_index = c->psk_index,
    };
    st = send_answer(t, &a);
    tls_start_handshake(t, c->psk, &shared, &t->rx, &t->tx);
    return st;
}

/* EncryptedExtensions to Finished in one record. */
static csep_status send_protected(struct csep_tls *t, const struct choice *c)
{
    struct wr w;
    size_t from = 0;
    csep_status st = tls_flight_begin(t, 640 + t->cfg.identity->certificate_len, &w);

    if (st)
        return st;
    tls_encrypted_extensions_encode(&w, &c->answer);
    tls_flight_message(t, &w, from);
    if (c->ask_certificate) {
        from = w.len;
        tls_certificate_request_encode(&w, t->cfg.grease ? t->hs.grease : NULL);
        tls_flight_message(t, &w, from);
    }
    if (!c->psk) {
        tls_put_certificate(t, &w);
        tls_put_verify(t, &w, TLS_SIGNER_SERVER);
    }
    tls_put_finished(t, &w, &t->hs.server_finished);
    return tls_flight_end(t, &w, TLS_CONTENT_HANDSHAKE);
}

static bool gives_tickets(const struct csep_tls *t)
{
    return t->cfg.ticket_keys && t->cfg.num_tickets > 0 && t->hs.psk_dhe;
}

/* Whole seconds that a ticket given now may live: not past the longest chain of resumptions. */
//= NEG-19
static uint32_t ticket_lifetime(const struct csep_tls *t)
{
    csep_time age = t->now - t->authenticated, max = CSEP_SEC(TLS_LIFETIME_MAX);
    uint32_t left = age < max ? (uint32_t)((max - age) / CSEP_SEC(1)) : 0;
    return t->cfg.ticket_lifetime < left ? t->cfg.ticket_lifetime : left;
}

static void put_ticket(struct csep_tls *t, struct wr *w, uint32_t lifetime, const struct secret *resumption)
{
    struct csep_random rnd = t->cfg.random;
    struct tls_ticket k = {.issued = t->now, .authenticated = t->authenticated, .lifetime = lifetime};
    uint8_t sealed[TLS_TICKET_SEALED], nonce[1] = {t->tickets_sent++}, drawn[8];
    size_t from = w->len;

    rnd.fill(rnd.self, drawn, sizeof drawn);
    struct rd r = rd_init(drawn, sizeof drawn);
    k.age_add = rd_u32(&r);
    k.client = t->peer;
    k.binding = tls_ticket_binding(t->alpn, t->name, t->name_len);
    tls_schedule_ticket_psk(resumption, nonce, sizeof nonce, k.psk);
    tls_ticket_seal(sealed, &k, t->cfg.ticket_keys, rnd);
    struct tls_new_session_ticket n = {lifetime, k.age_add, rd_init(nonce, sizeof nonce),
                                       rd_init(sealed, sizeof sealed)};
    tls_new_session_ticket_encode(w, &n, t->cfg.grease ? r.p : NULL);
    TRACE(&t->cfg.trace, t->now, TLS_MESSAGE_SENT, TLS_NEW_SESSION_TICKET, w->len - from);
    CSEP_WIPE(k);
}

/* All tickets in one record; th: through the client's Finished. */
static csep_status send_tickets(struct csep_tls *t, const struct hash *th)
{
    struct secret resumption;
    struct wr w;
    uint32_t lifetime = ticket_lifetime(t);
    csep_status st = CSEP_OK;

    if (lifetime > 0)
        st = tls_flight_begin(t, t->cfg.num_tickets * (TLS_TICKET_SEALED + 64u), &w);
    if (st || lifetime == 0)
        return st;
    tls_schedule_resumption(&t->hs.schedule, th, &resumption);
    for (unsigned i = 0; i < t->cfg.num_tickets; i++)
        put_ticket(t, &w, lifetime, &resumption);
    CSEP_WIPE(resumption);
    return tls_flight_end(t, &w, TLS_CONTENT_HANDSHAKE);
}

/*
 * Where the client sends no Certificate, its Finished can be computed now, and tickets can go
 * with our flight (section 4.6.1): a client that closes at once still gets them.
 */
static csep_status foresee_finished(struct csep_tls *t)
{
    static const uint8_t header[TLS_MESSAGE_HEADER] = {TLS_FINISHED, 0, 0, HASH_LEN};
    struct hash_ctx ahead = t->hs.transcript;
    struct hash th = hash_peek(&ahead);

    tls_schedule_finished(&t->hs.client_finished, &th, t->hs.expected);
    t->hs.expects = true;
    if (!gives_tickets(t))
        return CSEP_OK;
    hash_add(&ahead, header, sizeof header);
    hash_add(&ahead, t->hs.expected, HASH_LEN);
    th = hash_peek(&ahead);
    CSEP_CT_PUBLIC(&th, sizeof th);
    return send_tickets(t, &th);
}

static csep_status send_flight(struct csep_tls *t, const struct tls_client_hello *ch, const struct choice *c)
{
    csep_status st = send_hello(t, ch, c);
    if (!st)
        st = send_protected(t, c);
    if (st)
        return st;
    t->resumed = c->psk;
    tls_start_application(t, &t->hs.client_traffic, &t->tx_secret);
    tls_schedule_keys(&t->tx_secret, &t->tx, NULL);
    return c->ask_certificate ? CSEP_OK : foresee_finished(t);
}

/* --- handlers --- */

static csep_status answer_hello(struct csep_tls *t, const struct tls_message *m,
                                const struct tls_client_hello *ch, unsigned *out_branch)
{
    struct choice c = {.answer = {.alpn = t->alpn}};

    if (!m->ends_record)
        return CSEP_ERR_TLS_UNEXPECTED_MESSAGE; /* keys change after this message */
    t->authenticated = t->now;
    csep_status st = try_resumption(t, m, ch, &c);
    if (!st && !c.psk) {
        c.answer.ack_name = ch->name.n > 0;
        st = choose_authentication(t, ch, &c);
    }
    if (!st)
        st = send_flight(t, ch, &c);
    *out_branch = c.ask_certificate ? BRANCH_ASK_CERTIFICATE : BRANCH_FLIGHT;
    return st;
}

static csep_status on_hello(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    struct tls_client_hello ch;
    csep_status st = tls_client_hello_decode(tls_body(m), &ch);

    if (!st)
        st = check_hello(t, &ch);
    if (st)
        return st;
    remember_hello(t, &ch);
    t->hs.compat = t->cfg.middlebox_compat && ch.session_id.n > 0;
    if (ch.share && !t->cfg.force_hello_retry)
        return answer_hello(t, m, &ch, out_branch);
    *out_branch = BRANCH_RETRY;
    return send_retry(t, m, &ch);
}

/* The second ClientHello: the same again, with our cookie and the share we asked for (section 4.1.2). */
static csep_status on_hello_again(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    struct tls_client_hello ch;
    csep_status st = tls_client_hello_decode(tls_body(m), &ch);

    if (st)
        return st;
    if (ch.cookie.n == 0)
        return CSEP_ERR_TLS_MISSING_EXTENSION;
    bool same = memcmp(ch.random, t->client_random, TLS_RANDOM_LEN) == 0 &&
                ch.session_id.n == t->hs.session_id_len &&
                (ch.session_id.n == 0 || memcmp(ch.session_id.p, t->hs.session_id, ch.session_id.n) == 0);
    bool echoed =
        ch.cookie.n == sizeof t->hs.cookie && csep_equal(ch.cookie.p, t->hs.cookie, sizeof t->hs.cookie);
    if (!same || !echoed || !ch.share || ch.early_data || (t->hs.asked_share && ch.num_shares != 1))
        return CSEP_ERR_TLS_ILLEGAL_PARAMETER;
    uint32_t skip = t->hs.early_skip;
    st = check_hello(t, &ch);
    if (st)
        return st;
    remember_hello(t, &ch);
    t->hs.early_skip = skip;
    return answer_hello(t, m, &ch, out_branch);
}

enum { BRANCH_CERTIFICATE, BRANCH_NO_CERTIFICATE };

static csep_status on_certificate(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    bool empty;
    csep_status st = tls_take_certificate(t, m, &empty);

    if (st)
        return st;
    *out_branch = empty ? BRANCH_NO_CERTIFICATE : BRANCH_CERTIFICATE;
    return empty && t->cfg.client_auth == CSEP_TLS_AUTH_REQUIRE ? CSEP_ERR_TLS_CERTIFICATE_REQUIRED : CSEP_OK;
}

static csep_status on_verify(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    (void)out_branch;
    return tls_take_verify(t, m, TLS_SIGNER_CLIENT);
}

static csep_status on_finished(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    struct hash th = hash_peek(&t->hs.transcript);
    bool tickets_due = !t->hs.expects && gives_tickets(t);

    (void)out_branch;
    if (!t->hs.expects)
        tls_schedule_finished(&t->hs.client_finished, &th, t->hs.expected);
    csep_status st = tls_take_finished(m, t->hs.expected);
    if (st)
        return st;
    if (tickets_due && !t->tx_closed) {
        tls_transcript_add(t, m);
        th = hash_peek(&t->hs.transcript);
        st = send_tickets(t, &th);
    }
    if (st)
        return st;
    t->rx_secret = t->hs.client_traffic;
    tls_schedule_keys(&t->rx_secret, &t->rx, NULL);
    TRACE(&t->cfg.trace, t->now, TLS_ESTABLISHED, t->resumed, t->hs.retried, t->peer.present);
    tls_handshake_done(t);
    return CSEP_OK;
}

#define ON(input, handler, ...) [TLS_INPUT_##input] = {handler, {__VA_ARGS__}}

const struct tls_rule tls_server_rules[TLS_NUM_STATES][TLS_NUM_INPUTS] = {
    [TLS_SERVER_WAIT_HELLO] =
        {
            ON(CLIENT_HELLO, on_hello, TLS_SERVER_WAIT_FINISHED, TLS_SERVER_WAIT_CERTIFICATE,
               TLS_SERVER_WAIT_HELLO_AGAIN),
        },
    [TLS_SERVER_WAIT_HELLO_AGAIN] =
        {
            ON(CLIENT_HELLO, on_hello_again, TLS_SERVER_WAIT_FINISHED, TLS_SERVER_WAIT_CERTIFICATE),
            ON(CHANGE_CIPHER_SPEC, tls_on_nothing, TLS_SERVER_WAIT_HELLO_AGAIN),
        },
    [TLS_SERVER_WAIT_CERTIFICATE] =
        {
            ON(CERTIFICATE, on_certificate, TLS_SERVER_WAIT_VERIFY, TLS_SERVER_WAIT_FINISHED),
            ON(CHANGE_CIPHER_SPEC, tls_on_nothing, TLS_SERVER_WAIT_CERTIFICATE),
        },
    [TLS_SERVER_WAIT_VERIFY] =
        {
            ON(CERTIFICATE_VERIFY, on_verify, TLS_SERVER_WAIT_FINISHED),
            ON(CHANGE_CIPHER_SPEC, tls_on_nothing, TLS_SERVER_WAIT_VERIFY),
        },
    [TLS_SERVER_WAIT_FINISHED] =
        {
            ON(FINISHED, on_finished, TLS_SERVER_CONNECTED),
            ON(CHANGE_CIPHER_SPEC, tls_on_nothing, TLS_SERVER_WAIT_FINISHED),
        },
    [TLS_SERVER_CONNECTED] =
        {
            ON(KEY_UPDATE, tls_on_key_update, TLS_SERVER_CONNECTED),
            ON(APPLICATION_DATA, tls_on_application_data, TLS_SERVER_CONNECTED),
        },
};
