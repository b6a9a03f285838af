/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls_puppet.h"

#include <stdlib.h>
#include <string.h>

static const char *const alpn[] = {"csep/1", NULL};

struct puppet *puppet_new(struct puppet_options o)
{
    struct puppet *p = calloc(1, sizeof *p);
    p->server = !o.engine.server;
    p->psk = o.psk;
    p->raw = o.engine.raw_key;
    p->asks_certificate = o.engine.ask_certificate || o.engine.require_certificate;
    p->alert = -1;
    x25519_generate(&p->priv, &p->pub, end_random(&p->random, 77));
    memset(p->session.psk, 0x5a, sizeof p->session.psk);
    end_spki(true, p->session.peer_spki_sha256);
    p->session.received = CSEP_SEC(999);
    p->session.lifetime = 3600;
    p->session.ticket_len = 40;
    if (p->server && o.psk) {
        p->store.ours[p->store.num_ours++] = p->session;
        o.engine.store = &p->store;
    } else if (p->server && !o.engine.store) {
        o.engine.store = &p->store;
    }
    hash_begin(&p->transcript);
    p->engine = end_new(END_OURS, o.engine);
    puppet_listen(p);
    return p;
}

void puppet_free(struct puppet *p)
{
    end_free(p->engine);
    free(p);
}

enum tls_state puppet_state(const struct puppet *p)
{
    return end_tls(p->engine)->state;
}

/* --- keys --- */

static void start_keys(struct puppet *p)
{
    struct x25519_shared shared;
    struct secret c, s;
    struct hash th = hash_peek(&p->transcript);
    bool shares = x25519(&shared, &p->priv, p->peer_share);
    if (!shares && p->lenient)
        return; /* nothing was heard of the other end yet */
    assert_true(shares);
    tls_schedule_handshake(&p->schedule, p->psk, &shared, &th, &c, &s);
    tls_schedule_keys(&c, p->server ? &p->rx : &p->tx, &p->client_finished);
    tls_schedule_keys(&s, p->server ? &p->tx : &p->rx, &p->server_finished);
}

static void start_application(struct puppet *p)
{
    struct hash th = hash_peek(&p->transcript);
    tls_schedule_application(&p->schedule, &th, &p->client_app, &p->server_app, &p->exporter);
    tls_schedule_keys(&p->server_app, p->server ? &p->tx : &p->rx, NULL);
    if (p->server)
        tls_schedule_keys(&p->client_app, &p->next_rx, NULL); /* once the engine's Finished came */
}

/* What our own message changes. */
static void after_sending(struct puppet *p, uint8_t type, bool retry)
{
    if (type == TLS_SERVER_HELLO && !retry)
        start_keys(p);
    if (type == TLS_FINISHED && p->server)
        start_application(p);
    if (type == TLS_FINISHED && !p->server)
        tls_schedule_keys(&p->client_app, &p->tx, NULL);
    if (type == TLS_KEY_UPDATE) {
        struct secret *own = p->server ? &p->server_app : &p->client_app;
        tls_schedule_update(own);
        tls_schedule_keys(own, &p->tx, NULL);
    }
}

/* --- from the engine --- */

static void heard_client_hello(struct puppet *p, struct rd body)
{
    struct tls_client_hello ch;
    assert_int_equal(tls_client_hello_decode(body, &ch), CSEP_OK);
    p->session_id_len = (uint8_t)ch.session_id.n;
    if (ch.session_id.n)
        memcpy(p->session_id, ch.session_id.p, ch.session_id.n);
    if (ch.share)
        memcpy(p->peer_share, ch.share, 32);
}

static void heard_server_hello(struct puppet *p, const struct tls_message *m)
{
    struct tls_server_hello sh;
    assert_int_equal(tls_server_hello_decode(tls_body(m), UINT32_MAX, &sh), CSEP_OK);
    p->cookie_len = sh.cookie.n;
    if (sh.cookie.n)
        memcpy(p->cookie, sh.cookie.p, sh.cookie.n);
    p->psk &= sh.retry || sh.has_psk;
    if (sh.retry) {
        p->retried = true;
        tls_transcript_retry(&p->transcript);
    } else {
        memcpy(p->peer_share, sh.share, 32);
    }
    hash_add(&p->transcript, m->p, m->n);
    if (!sh.retry)
        start_keys(p);
}

static void heard(struct puppet *p, const struct tls_message *m)
{
    if (p->num_seen < sizeof p->seen)
        p->seen[p->num_seen++] = m->type;
    if (m->type == TLS_NEW_SESSION_TICKET || m->type == TLS_KEY_UPDATE)
        return;
    if (m->type == TLS_SERVER_HELLO) {
        heard_server_hello(p, m);
        return;
    }
    hash_add(&p->transcript, m->p, m->n);
    if (m->type == TLS_CLIENT_HELLO)
        heard_client_hello(p, tls_body(m));
    if (m->type == TLS_FINISHED && !p->server)
        start_application(p);
    if (m->type == TLS_FINISHED && p->server)
        p->rx = p->next_rx;
}

static void heard_record(struct puppet *p, const struct tls_record *r)
{
    struct rd all = rd_init(r->content, r->n);
    if (r->type == TLS_CONTENT_ALERT)
        p->alert = r->content[1];
    p->ccs |= r->type == TLS_CONTENT_CCS;
    while (r->type == TLS_CONTENT_HANDSHAKE && rd_more(&all)) {
        struct rd peek = all;
        rd_u8(&peek);
        size_t n = TLS_MESSAGE_HEADER + rd_u24(&peek);
        struct tls_message m = {all.p[0], rd_bytes(&all, n), n, all.n == 0};
        assert_non_null(m.p);
        heard(p, &m);
    }
}

void puppet_listen(struct puppet *p)
{
    p->raw_len += end_take(p->engine, p->raw_in + p->raw_len, sizeof p->raw_in - p->raw_len);
    size_t at = 0;
    while (p->raw_len - at >= TLS_RECORD_HEADER) {
        uint8_t *rec = p->raw_in + at;
        size_t n = TLS_RECORD_HEADER + ((size_t)rec[3] << 8 | rec[4]);
        struct tls_record r;
        if (p->raw_len - at < n)
            break;
        csep_status st = tls_record_open(&p->rx, rec, n, &r);
        if (st && p->lenient) {
            p->raw_len = 0;
            return;
        }
        assert_int_equal(st, CSEP_OK);
        heard_record(p, &r);
        at += n;
    }
    memmove(p->raw_in, p->raw_in + at, p->raw_len - at);
    p->raw_len -= at;
}

/* --- to the engine --- */

void puppet_record(struct puppet *p, unsigned type, const uint8_t *content, size_t n)
{
    static uint8_t rec[TLS_CIPHER_MAX + 300];
    if (n)
        memcpy(rec + TLS_RECORD_HEADER, content, n);
    n = tls_record_seal(&p->tx, rec, type, n);
    end_feed(p->engine, rec, n);
}

void puppet_clear(struct puppet *p, unsigned type, const uint8_t *content, size_t n)
{
    struct tls_keys none = {.on = false};
    static uint8_t rec[TLS_CIPHER_MAX + 300];
    if (n)
        memcpy(rec + TLS_RECORD_HEADER, content, n);
    n = tls_record_seal(&none, rec, type, n);
    end_feed(p->engine, rec, n);
}

void puppet_send(struct puppet *p, const uint8_t *msg, size_t n)
{
    bool retry = n > 38 && msg[0] == TLS_SERVER_HELLO && tls_is_retry(rd_init(msg + 4, n - 4));
    if (retry)
        tls_transcript_retry(&p->transcript);
    if (msg[0] != TLS_NEW_SESSION_TICKET && msg[0] != TLS_KEY_UPDATE)
        hash_add(&p->transcript, msg, n);
    puppet_record(p, TLS_CONTENT_HANDSHAKE, msg, n);
    if (end_failure(p->engine) == CSEP_OK)
        after_sending(p, msg[0], retry);
    puppet_listen(p);
}

static void make_client_hello(struct puppet *p, struct wr *w)
{
    static const uint8_t random[32] = {9, 9, 9};
    uint8_t ticket[TLS_TICKET_SEALED];
    uint32_t offered;
    size_t tail;
    struct tls_hello_offer o = {
        .random = random,
        .session_id = random,
        .alpn = alpn,
        .share = end_tls(p->engine)->cfg.force_hello_retry && !p->retried ? NULL : p->pub.b,
        .cookie = rd_init(p->cookie, p->cookie_len),
        .raw_server = p->raw,
        .raw_client = p->raw,
        .tickets = true,
    };
    if (p->psk) {
        struct tls_ticket t = {.issued = CSEP_SEC(999), .authenticated = CSEP_SEC(999), .lifetime = 3600};
        memcpy(t.psk, p->session.psk, 32);
        t.binding = tls_ticket_binding("csep/1", "", 0);
        tls_ticket_seal(ticket, &t, &end_ticket_keys, end_random(&p->random, 3));
        memcpy(p->session.ticket, ticket, sizeof ticket);
        p->session.ticket_len = sizeof ticket;
        o.session = &p->session;
        o.obfuscated_age = 1000;
    }
    tls_client_hello_encode(w, &o, &tail, &offered);
    if (p->psk) {
        struct hash_ctx h = p->transcript;
        hash_add(&h, w->p, w->len - tail);
        struct hash th = hash_peek(&h);
        tls_schedule_early(&p->schedule, p->session.psk);
        tls_schedule_binder(&p->schedule, &th, w->p + w->len - TLS_BINDER_LEN);
    }
}

static void make_server_hello(struct puppet *p, struct wr *w, bool retry)
{
    static const uint8_t random[32] = {8, 8, 8}, cookie[5] = {1, 2, 3, 4, 5};
    struct tls_hello_answer a = {
        .random = retry ? NULL : random,
        .session_id = rd_init(p->session_id, p->session_id_len),
        .share = retry ? NULL : p->pub.b,
        .psk = p->psk && !retry,
        .cookie = rd_init(cookie, retry ? sizeof cookie : 0),
    };
    if (p->psk)
        tls_schedule_early(&p->schedule, p->session.psk);
    tls_server_hello_encode(w, &a);
}

static void make_certificate(struct puppet *p, struct wr *w)
{
    uint8_t pub[32], spki[44];
    struct csep_identity id;
    size_t n;
    const uint8_t *der = end_certificate(p->server, &n);
    csep_tls_public_key(end_seed(p->server), pub);
    csep_tls_spki(pub, spki, &id);
    tls_certificate_encode(w, p->raw ? spki : der, p->raw ? sizeof spki : n);
}

static void make_verify(struct puppet *p, struct wr *w)
{
    struct csep_tls_identity id;
    uint8_t sig[64];
    struct hash th = hash_peek(&p->transcript);
    csep_tls_identity_init(&id, end_seed(p->server));
    tls_identity_sign(&id, p->server ? TLS_SIGNER_SERVER : TLS_SIGNER_CLIENT, &th, sig);
    tls_certificate_verify_encode(w, sig);
}

static void make_finished(struct puppet *p, struct wr *w)
{
    uint8_t verify_data[32];
    struct hash th = hash_peek(&p->transcript);
    tls_schedule_finished(p->server ? &p->server_finished : &p->client_finished, &th, verify_data);
    tls_finished_encode(w, verify_data);
}

static void make_ticket(struct wr *w)
{
    static const uint8_t nonce[1] = {1}, ticket[20] = {2};
    struct tls_new_session_ticket t = {3600, 99, rd_init(nonce, 1), rd_init(ticket, sizeof ticket)};
    tls_new_session_ticket_encode(w, &t, NULL);
}

size_t puppet_make(struct puppet *p, enum tls_input what, uint8_t out[4096])
{
    struct wr w = wr_init(out, 4096);
    struct tls_encrypted_answer e = {.alpn = alpn[0],
                                     .server_type_present = p->raw,
                                     .server_type = TLS_CERT_RAW,
                                     .client_type_present = p->raw && p->asks_certificate,
                                     .client_type = TLS_CERT_RAW};
    switch (what) {
    case TLS_INPUT_CLIENT_HELLO:
        make_client_hello(p, &w);
        break;
    case TLS_INPUT_SERVER_HELLO:
    case TLS_INPUT_HELLO_RETRY_REQUEST:
        make_server_hello(p, &w, what == TLS_INPUT_HELLO_RETRY_REQUEST);
        break;
    case TLS_INPUT_ENCRYPTED_EXTENSIONS:
        tls_encrypted_extensions_encode(&w, &e);
        break;
    case TLS_INPUT_CERTIFICATE_REQUEST:
        tls_certificate_request_encode(&w, NULL);
        break;
    case TLS_INPUT_CERTIFICATE:
        make_certificate(p, &w);
        break;
    case TLS_INPUT_CERTIFICATE_VERIFY:
        make_verify(p, &w);
        break;
    case TLS_INPUT_FINISHED:
        make_finished(p, &w);
        break;
    case TLS_INPUT_NEW_SESSION_TICKET:
        make_ticket(&w);
        break;
    case TLS_INPUT_KEY_UPDATE:
        tls_key_update_encode(&w, false);
        break;
    case TLS_INPUT_END_OF_EARLY_DATA:
        tls_message_end(&w, tls_message_begin(&w, TLS_END_OF_EARLY_DATA));
        break;
    default:
        tls_message_end(&w, tls_message_begin(&w, 77));
        break;
    }
    assert_false(w.bad);
    return w.len;
}

void puppet_say(struct puppet *p, enum tls_input what)
{
    uint8_t msg[4096];
    if (what == TLS_INPUT_CHANGE_CIPHER_SPEC)
        puppet_clear(p, TLS_CONTENT_CCS, (const uint8_t *)"\1", 1);
    else if (what == TLS_INPUT_APPLICATION_DATA)
        puppet_record(p, TLS_CONTENT_APPLICATION, (const uint8_t *)"data", 4);
    else
        puppet_send(p, msg, puppet_make(p, what, msg));
    puppet_listen(p);
}

void puppet_reach(struct puppet *p, enum tls_state s)
{
    static const enum tls_input next[TLS_NUM_STATES] = {
        [TLS_CLIENT_WAIT_HELLO] = TLS_INPUT_SERVER_HELLO,
        [TLS_CLIENT_WAIT_HELLO_AGAIN] = TLS_INPUT_SERVER_HELLO,
        [TLS_CLIENT_WAIT_EXTENSIONS] = TLS_INPUT_ENCRYPTED_EXTENSIONS,
        [TLS_CLIENT_WAIT_EXTENSIONS_PSK] = TLS_INPUT_ENCRYPTED_EXTENSIONS,
        [TLS_CLIENT_WAIT_REQUEST_OR_CERTIFICATE] = TLS_INPUT_CERTIFICATE,
        [TLS_CLIENT_WAIT_CERTIFICATE] = TLS_INPUT_CERTIFICATE,
        [TLS_CLIENT_WAIT_VERIFY] = TLS_INPUT_CERTIFICATE_VERIFY,
        [TLS_CLIENT_WAIT_FINISHED] = TLS_INPUT_FINISHED,
        [TLS_SERVER_WAIT_HELLO] = TLS_INPUT_CLIENT_HELLO,
        [TLS_SERVER_WAIT_HELLO_AGAIN] = TLS_INPUT_CLIENT_HELLO,
        [TLS_SERVER_WAIT_CERTIFICATE] = TLS_INPUT_CERTIFICATE,
        [TLS_SERVER_WAIT_VERIFY] = TLS_INPUT_CERTIFICATE_VERIFY,
        [TLS_SERVER_WAIT_FINISHED] = TLS_INPUT_FINISHED,
    };
    for (unsigned steps = 0; puppet_state(p) != s; steps++) {
        enum tls_state now = puppet_state(p);
        assert_true(steps < 10 && now != TLS_FAILED);
        enum tls_input say = next[now];
        if (now == TLS_CLIENT_WAIT_HELLO && s == TLS_CLIENT_WAIT_HELLO_AGAIN)
            say = TLS_INPUT_HELLO_RETRY_REQUEST;
        if (now == TLS_CLIENT_WAIT_REQUEST_OR_CERTIFICATE &&
            (s == TLS_CLIENT_WAIT_CERTIFICATE || p->asks_certificate))
            say = TLS_INPUT_CERTIFICATE_REQUEST;
        puppet_say(p, say);
    }
}

void puppet_expect(struct puppet *p, csep_status st, const char *what)
{
    csep_status got = end_failure(p->engine);
    puppet_listen(p);
    if (got != st)
        fail_msg("%s: %s, expected %s", what, csep_status_name(got), csep_status_name(st));
    int alert = st == CSEP_OK ? -1 : (int)csep_status_alert(st);
    if (st != CSEP_OK && p->alert != (alert ? alert : -1))
        fail_msg("%s: alert %d, expected %d", what, p->alert, alert);
}
