/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS by OpenSSL, through memory BIOs, over a pipe (ns-3's TCP, or Fast Open modelled): the profile of csep's
 * negotiation (ChaCha20-Poly1305, X25519, an Ed25519 certificate), so that rows differ by
 * protocol and not by taste.
 *
 * To be the same in every run OpenSSL must neither draw its own random bytes nor look
 * at the clock: the bytes come from a stream of the simulation, and time() is
 * defined below, for the whole program, as virtual time.
 */
#define OPENSSL_SUPPRESS_DEPRECATED    /* RAND_set_rand_method: the only way to replace the generator of all of \
                                          libssl */
#include "openssl.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "certificate.h"
#include "payload.h"
#include "pipe.h"

#define PORT      443
#define PIPES_MAX 4

struct tls;

struct end {
    struct tls *t;
    enum sim_direction sends; /* which direction this end sends in */
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    struct sim_pipe *pipe;
    size_t got;   /* application bytes that arrived */
    bool opening; /* server: early data may still come */
    bool sent;    /* its request, or its reply, was handed to TLS */
    bool named;   /* its first flight has a name in the figures */
};

struct tls {
    struct sim_world *w;
    const struct sim_openssl *variant;
    SSL_CTX *ctx[2];
    SSL_SESSION *session;
    struct sim_pipe_listener *listener;
    struct sim_pipe *pipes[PIPES_MAX]; /* both ends of both connections, to be freed at the end */
    size_t num_pipes;
    struct end end[2]; /* SIM_UP the client, SIM_DOWN the server */
    bool rehearsal;    /* the connection before, that leaves a session */
    csim_rng *rng;
    const RAND_METHOD *real_rand;
};

/* ---- randomness and time, from the simulation ---- */

static struct tls *running; /* one simulation in a process: ns3.h */

static int random_bytes(unsigned char *out, int n)
{
    if (!running || n < 0)
        return 0;
    csim_rng_fill(running->rng, out, (size_t)n);
    return 1;
}

static int random_status(void)
{
    return 1;
}

static const RAND_METHOD seeded = {
    .bytes = random_bytes, .pseudorand = random_bytes, .status = random_status};

#define EPOCH 1767225600 /* 2026-01-01, when every simulation begins */

time_t time(time_t *out)
{
    struct timespec t;
    time_t now;
    if (running)
        now = EPOCH + (time_t)(sim_now(running->w) / 1000000000u);
    else
        now = clock_gettime(CLOCK_REALTIME, &t) == 0 ? t.tv_sec : (time_t)-1;
    if (out)
        *out = now;
    return now;
}

/* ---- bytes between TLS and TCP ---- */

static void flush(struct end *e)
{
    uint8_t buf[16384];
    int n;
    while ((n = BIO_read(e->out, buf, sizeof buf)) > 0)
        sim_pipe_send(e->pipe, buf, (size_t)n);
}

static bool wants_more(const struct end *e, int r)
{
    int why = SSL_get_error(e->ssl, r);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

static void name_flight(struct end *e, const char *text)
{
    if (!e->named)
        sim_hint(e->t->w, e->sends, text);
    e->named = true;
}

static bool put(struct end *e, size_t n, bool early)
{
    uint8_t *bytes = malloc(n);
    size_t done = 0;
    if (!bytes)
        abort();
    sim_payload(bytes, 0, n);
    int r = early ? SSL_write_early_data(e->ssl, bytes, n, &done) : SSL_write_ex(e->ssl, bytes, n, &done);
    free(bytes);
    if (r != 1 || done != n)
        sim_fail(e->t->w, "OpenSSL took %zu of %zu bytes", done, n);
    e->sent = true;
    return r == 1;
}

/* ---- server ---- */

static void request_bytes(struct end *e, size_t n, bool early)
{
    struct tls *t = e->t;
    if (n && !e->got && !t->rehearsal)
        sim_request_arrived(t->w);
    e->got += n;
    if (t->rehearsal || e->sent || e->got < t->w->cfg->workload.request)
        return;
    name_flight(e, "ServerHello ... Finished");
    sim_hint(t->w, SIM_DOWN, "reply");
    put(e, t->w->cfg->workload.reply, early);
}

static void server_early(struct end *e)
{
    uint8_t buf[16384];
    size_t n = 0;
    while (e->opening) {
        int r = SSL_read_early_data(e->ssl, buf, sizeof buf, &n);
        if (r == SSL_READ_EARLY_DATA_SUCCESS) {
            request_bytes(e, n, true);
        } else if (r == SSL_READ_EARLY_DATA_FINISH) {
            e->opening = false;
        } else {
            if (!wants_more(e, 0))
                sim_fail(e->t->w, "OpenSSL's server failed in early data");
            return;
        }
    }
}

static void server_step(struct end *e)
{
    uint8_t buf[16384];
    int n, r;
    if (e->opening)
        server_early(e);
    if (e->opening)
        return;
    bool before = SSL_is_init_finished(e->ssl);
    if ((r = SSL_do_handshake(e->ssl)) != 1) {
        if (!wants_more(e, r))
            sim_fail(e->t->w, "OpenSSL's server failed in the handshake");
        name_flight(e, e->t->variant->version == 13 ? "ServerHello ... Finished" : "ServerHello ... Done");
        return;
    }
    if (!before)
        sim_hint(e->t->w, SIM_DOWN, e->t->variant->version == 13 ? "NewSessionTicket" : "Finished");
    while ((n = SSL_read(e->ssl, buf, sizeof buf)) > 0)
        request_bytes(e, (size_t)n, false);
    if (SSL_get_shutdown(e->ssl) == SSL_RECEIVED_SHUTDOWN)
        SSL_shutdown(e->ssl); /* libssl forgets the session of a connection that it has not closed itself */
}

/* ---- client ---- */

static void reply_bytes(struct end *e, size_t n)
{
    struct tls *t = e->t;
    e->got += n;
    if (n && !t->rehearsal)
        sim_reply_arrived(t->w, e->got >= t->w->cfg->workload.reply);
}

static void client_step(struct end *e)
{
    struct tls *t = e->t;
    uint8_t buf[16384];
    int n, r;
    if (SSL_get_shutdown(e->ssl)) /* the rehearsal's end: only its close_notify is still to come */
        return;
    if (!t->rehearsal && t->variant->early && !e->sent) {
        name_flight(e, "ClientHello, 0-RTT: request");
        if (!put(e, t->w->cfg->workload.request, true))
            return;
    }
    name_flight(e, "ClientHello");
    if ((r = SSL_do_handshake(e->ssl)) != 1) {
        if (!wants_more(e, r))
            sim_fail(t->w, "OpenSSL's client failed in the handshake");
        else if (t->variant->version == 12 && SSL_get_state(e->ssl) == TLS_ST_CR_SESSION_TICKET)
            sim_hint(t->w, SIM_UP, "ClientKeyExchange, Finished");
        return;
    }
    if (!t->rehearsal && !e->sent) {
        sim_hint(t->w, SIM_UP,
                 t->variant->version == 13 || t->variant->resume ? "Finished, request" : "request");
        put(e, t->w->cfg->workload.request, false);
    }
    while ((n = SSL_read(e->ssl, buf, sizeof buf)) > 0)
        reply_bytes(e, (size_t)n);
}

static void step(struct end *e)
{
    (e->sends == SIM_UP ? client_step : server_step)(e);
    flush(e);
}

/* ---- one connection ---- */

static void end_close(struct end *e)
{
    SSL_free(e->ssl);
    e->ssl = NULL;
}

static void end_open(struct tls *t, enum sim_direction d, struct sim_pipe *pipe)
{
    struct end *e = &t->end[d];
    *e = (struct end){.t = t,
                      .sends = d,
                      .ssl = SSL_new(t->ctx[d]),
                      .in = BIO_new(BIO_s_mem()),
                      .out = BIO_new(BIO_s_mem()),
                      .pipe = pipe};
    if (!e->ssl || !e->in || !e->out)
        abort();
    SSL_set_bio(e->ssl, e->in, e->out);
    if (d == SIM_DOWN) {
        SSL_set_accept_state(e->ssl);
        e->opening = t->variant->early;
        return;
    }
    SSL_set_connect_state(e->ssl);
    if (!t->rehearsal && t->session)
        SSL_set_session(e->ssl, t->session);
}

/* The rehearsal left its session: say goodbye, and go on to what is measured. */
static void rehearsed(struct tls *t)
{
    t->rehearsal = false;
    SSL_shutdown(t->end[SIM_UP].ssl);
    flush(&t->end[SIM_UP]);
    sim_pipe_shutdown(t->end[SIM_UP].pipe);
    sim_ready(t->w);
}

static void received(void *arg, struct sim_pipe *p, const uint8_t *data, size_t len)
{
    struct tls *t = arg;
    struct end *e = p == t->end[SIM_UP].pipe ? &t->end[SIM_UP] : &t->end[SIM_DOWN];
    if (!e->ssl || p != e->pipe)
        return;
    BIO_write(e->in, data, (int)len);
    step(e);
    if (t->rehearsal && e->sends == SIM_UP && t->session && SSL_is_init_finished(e->ssl))
        rehearsed(t);
}

static void finished(void *arg, struct sim_pipe *p)
{
    (void)arg;
    sim_pipe_shutdown(p);
}

static void connected(void *arg, struct sim_pipe *p)
{
    struct tls *t = arg;
    if (p == t->end[SIM_UP].pipe)
        step(&t->end[SIM_UP]);
}

static const struct sim_pipe_events events = {
    .connected = connected, .received = received, .finished = finished};

static void keep_pipe(struct tls *t, struct sim_pipe *p)
{
    if (t->num_pipes < PIPES_MAX)
        t->pipes[t->num_pipes++] = p;
    else
        sim_fail(t->w, "more connections than a rehearsal and what is measured");
}

static void accepted(void *arg, struct sim_pipe *p, const struct csep_addr *peer)
{
    struct tls *t = arg;
    (void)peer;
    keep_pipe(t, p);
    end_close(&t->end[SIM_DOWN]);
    end_open(t, SIM_DOWN, p);
    sim_pipe_events_set(p, &events, t);
}

static void connect_client(struct tls *t)
{
    struct sim_pipe *p = sim_pipe_connect(t->w, t->variant->transport, PORT, &events, t);
    if (!p)
        return;
    keep_pipe(t, p);
    end_close(&t->end[SIM_UP]);
    end_open(t, SIM_UP, p);
}

/* ---- the stack ---- */

static int keep_session(SSL *ssl, SSL_SESSION *s)
{
    struct tls *t = SSL_get_app_data(ssl) ? SSL_get_app_data(ssl) : running;
    SSL_SESSION_free(t->session);
    t->session = s;
    return 1;
}

static void keylog(const SSL *ssl, const char *line)
{
    (void)ssl;
    sim_keylog_line(running->w, line);
}

static bool contexts(struct tls *t, const uint8_t seed[32])
{
    static uint8_t der[SIM_CERTIFICATE_MAX];
    size_t len = sim_certificate(seed, t->w->cfg->server.certificate, der, sizeof der);
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
    int version = t->variant->version == 13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    bool ok = len && key;
    for (int d = 0; ok && d < 2; d++) {
        SSL_CTX *c = t->ctx[d] = SSL_CTX_new(d == SIM_UP ? TLS_client_method() : TLS_server_method());
        ok = c && SSL_CTX_set_min_proto_version(c, version) == 1 &&
             SSL_CTX_set_max_proto_version(c, version) == 1 &&
             SSL_CTX_set_ciphersuites(c, "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
             SSL_CTX_set_cipher_list(c, "ECDHE-ECDSA-CHACHA20-POLY1305") == 1 &&
             SSL_CTX_set1_groups_list(c, "X25519") == 1 && SSL_CTX_set1_sigalgs_list(c, "ed25519") == 1;
    }
    ok = ok && SSL_CTX_use_PrivateKey(t->ctx[SIM_DOWN], key) == 1 &&
         SSL_CTX_use_certificate_ASN1(t->ctx[SIM_DOWN], (int)len, der) == 1;
    EVP_PKEY_free(key);
    if (!ok)
        return false;
    /* Sessions are kept by the server, not sealed: a sealed one would hold no more truth here. */
    SSL_CTX_set_options(t->ctx[SIM_DOWN], SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(t->ctx[SIM_DOWN], SSL_SESS_CACHE_SERVER);
    SSL_CTX_set_session_id_context(t->ctx[SIM_DOWN], (const unsigned char *)"sim", 3);
    SSL_CTX_set_num_tickets(t->ctx[SIM_DOWN], 1);
    SSL_CTX_set_timeout(t->ctx[SIM_DOWN], (long)(t->w->cfg->server.lifetime / 1000000000u));
    if (t->variant->early)
        SSL_CTX_set_max_early_data(t->ctx[SIM_DOWN], 16384);
    SSL_CTX_set_session_cache_mode(t->ctx[SIM_UP], SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(t->ctx[SIM_UP], keep_session);
    SSL_CTX_set_keylog_callback(t->ctx[SIM_UP], keylog);
    return true;
}

static bool start(struct sim_world *w, const struct sim_row *row, void **out_self)
{
    struct tls *t = calloc(1, sizeof *t);
    uint8_t seed[32];
    if (!t)
        abort();
    *out_self = t;
    t->w = w;
    t->variant = row->variant;
    t->rng = sim_rng(w, "openssl");
    t->real_rand = RAND_get_rand_method();
    running = t;
    RAND_set_rand_method(&seeded);
    csim_rng_fill(t->rng, seed, sizeof seed);
    if (!contexts(t, seed)) {
        sim_fail(w, "OpenSSL did not take its configuration (certificate of %llu bytes)",
                 (unsigned long long)w->cfg->server.certificate);
        return false;
    }
    t->listener = sim_pipe_listen(w, t->variant->transport, PORT, accepted, t);
    t->rehearsal = t->variant->resume;
    if (t->rehearsal)
        connect_client(t);
    else
        sim_ready(w);
    return true;
}

static void send_request(void *self)
{
    connect_client(self);
}

static void stop(void *self)
{
    struct tls *t = self;
    end_close(&t->end[SIM_UP]);
    end_close(&t->end[SIM_DOWN]);
    for (size_t i = 0; i < t->num_pipes; i++)
        sim_pipe_free(t->pipes[i]);
    sim_pipe_listener_free(t->listener);
    SSL_SESSION_free(t->session);
    SSL_CTX_free(t->ctx[SIM_UP]);
    SSL_CTX_free(t->ctx[SIM_DOWN]);
    RAND_set_rand_method(t->real_rand);
    running = NULL;
    free(t);
}

const struct sim_stack_ops sim_stack_openssl = {"openssl", true, start, send_request, stop};
