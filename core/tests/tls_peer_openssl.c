/* SPDX-License-Identifier: BSD-2-Clause */
/* OpenSSL through memory BIOs. */
#include "tls_peer_int.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

struct openssl {
    struct end base;
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in, *out;
    bool failed, cookie_seen;
    int alert;
};

static struct openssl *of(const SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

static void log_line(const SSL *ssl, const char *line)
{
    end_log(&of(ssl)->base, line);
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                       unsigned in_len, void *arg)
{
    struct openssl *e = of(ssl);
    const char *want = e->base.o.alpn ? e->base.o.alpn : "csep/1";
    unsigned char list[256];
    (void)arg;
    list[0] = (unsigned char)strlen(want);
    memcpy(list + 1, want, list[0]);
    if (SSL_select_next_proto((unsigned char **)out, out_len, list, 1u + list[0], in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

static int accept_any(int ok, X509_STORE_CTX *c)
{
    (void)ok, (void)c;
    return 1;
}

static void on_info(const SSL *ssl, int where, int ret)
{
    if (where & SSL_CB_ALERT)
        of(ssl)->alert = ret & 0xff;
}

static int make_cookie(SSL *ssl, unsigned char *cookie, size_t *n)
{
    (void)ssl;
    memset(cookie, 0x42, 32);
    *n = 32;
    return 1;
}

static int check_cookie(SSL *ssl, const unsigned char *cookie, size_t n)
{
    (void)ssl;
    return n == 32 && cookie[0] == 0x42 && cookie[31] == 0x42;
}

static int keep_session(SSL *ssl, SSL_SESSION *s)
{
    struct end_store *store = of(ssl)->base.o.store;
    if (!store)
        return 0;
    SSL_SESSION_free(store->openssl);
    store->openssl = s;
    return 1;
}

/* A certificate for the server's key from an authority of another kind of key, both sent. */
static void use_chain(SSL_CTX *ctx)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256");
    X509 *ca = X509_new(), *leaf = X509_dup(end_openssl_certificate(true));
    X509_gmtime_adj(X509_getm_notBefore(ca), -86400);
    X509_gmtime_adj(X509_getm_notAfter(ca), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(ca), "CN", MBSTRING_ASC, (unsigned char *)"authority",
                               -1, -1, 0);
    X509_set_issuer_name(ca, X509_get_subject_name(ca));
    X509_set_pubkey(ca, ca_key);
    X509_set_issuer_name(leaf, X509_get_subject_name(ca));
    assert_true(X509_sign(ca, ca_key, EVP_sha256()) > 0);
    assert_true(X509_sign(leaf, ca_key, EVP_sha256()) > 0);
    assert_int_equal(SSL_CTX_use_certificate(ctx, leaf), 1);
    assert_int_equal(SSL_CTX_add0_chain_cert(ctx, ca), 1);
    X509_free(leaf);
    EVP_PKEY_free(ca_key);
}

static void set_up_server(struct openssl *e)
{
    const struct end_options *o = &e->base.o;
    SSL_CTX_set_alpn_select_cb(e->ctx, choose_alpn, NULL);
    SSL_CTX_set_session_id_context(e->ctx, (const unsigned char *)"t", 1);
    if (o->ask_certificate || o->require_certificate)
        SSL_CTX_set_verify(e->ctx,
                           SSL_VERIFY_PEER | (o->require_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                           accept_any);
    if (o->retry) {
        SSL_CTX_set_stateless_cookie_generate_cb(e->ctx, make_cookie);
        SSL_CTX_set_stateless_cookie_verify_cb(e->ctx, check_cookie);
    }
    SSL_CTX_set_num_tickets(e->ctx, o->no_tickets ? 0 : 2);
}

static void set_up_client(struct openssl *e)
{
    SSL_CTX_set_verify(e->ctx, SSL_VERIFY_PEER, accept_any);
    SSL_CTX_set_session_cache_mode(e->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(e->ctx, keep_session);
}

static SSL_CTX *new_context(struct openssl *e)
{
    const struct end_options *o = &e->base.o;
    e->ctx = SSL_CTX_new(o->server ? TLS_server_method() : TLS_client_method());
    SSL_CTX_set_min_proto_version(e->ctx, o->old_version ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_max_proto_version(e->ctx, o->old_version ? TLS1_2_VERSION : TLS1_3_VERSION);
    assert_int_equal(SSL_CTX_set_ciphersuites(e->ctx, "TLS_CHACHA20_POLY1305_SHA256"), 1);
    SSL_CTX_set_keylog_callback(e->ctx, log_line);
    SSL_CTX_set_info_callback(e->ctx, on_info);
    if (o->server || o->own_key) {
        SSL_CTX_use_certificate(e->ctx, end_openssl_certificate(o->server));
        if (o->chain)
            use_chain(e->ctx);
        assert_int_equal(SSL_CTX_use_PrivateKey(e->ctx, end_openssl_key(o->server)), 1);
    }
    if (o->server)
        set_up_server(e);
    else
        set_up_client(e);
    return e->ctx;
}

/* A client provokes a HelloRetryRequest by a share of a group that we do not have; a server by its cookie. */
static void choose_groups(struct openssl *e)
{
    bool provoke = e->base.o.retry && !e->base.o.server;
    assert_int_equal(SSL_set1_groups_list(e->ssl, provoke ? "P-256:X25519" : "X25519"), 1);
}

static void set_alpn_and_name(struct openssl *e)
{
    const char *alpn = e->base.o.alpn ? e->base.o.alpn : "csep/1";
    unsigned char list[256];
    list[0] = (unsigned char)strlen(alpn);
    memcpy(list + 1, alpn, list[0]);
    if (!e->base.o.no_alpn)
        SSL_set_alpn_protos(e->ssl, list, 1u + list[0]);
    if (e->base.o.name)
        SSL_set_tlsext_host_name(e->ssl, e->base.o.name);
}

static void step(struct openssl *e)
{
    if (e->failed || SSL_is_init_finished(e->ssl))
        return;
    ERR_clear_error();
    if (e->base.o.server && e->base.o.retry && !e->cookie_seen) {
        /*
         * SSL_stateless() answers a first ClientHello with a cookie and forgets it. It says -1 for the
         * ChangeCipherSpec record before the second one, too.
         */
        int r = 0;
        while (r != 1 && BIO_ctrl_pending(e->in) > 0)
            r = SSL_stateless(e->ssl);
        if (r != 1)
            return;
        e->cookie_seen = true;
    }
    int r = SSL_do_handshake(e->ssl);
    if (r <= 0 && SSL_get_error(e->ssl, r) != SSL_ERROR_WANT_READ)
        e->failed = true;
}

static bool feed(struct end *b, const uint8_t *in, size_t n)
{
    struct openssl *e = (struct openssl *)b;
    BIO_write(e->in, in, (int)n);
    step(e);
    if (!e->failed && SSL_is_init_finished(e->ssl)) {
        char c; /* process tickets, key updates and alerts without eating data */
        int r = SSL_peek(e->ssl, &c, 1);
        int err = r <= 0 ? SSL_get_error(e->ssl, r) : 0;
        e->failed = err == SSL_ERROR_SSL || err == SSL_ERROR_SYSCALL;
    }
    return !e->failed;
}

static size_t take(struct end *b, uint8_t *out, size_t cap)
{
    struct openssl *e = (struct openssl *)b;
    int n = BIO_read(e->out, out, (int)cap);
    return n > 0 ? (size_t)n : 0;
}

static bool established(struct end *b)
{
    struct openssl *e = (struct openssl *)b;
    return !e->failed && SSL_is_init_finished(e->ssl);
}

static bool resumed(struct end *b)
{
    return SSL_session_reused(((struct openssl *)b)->ssl);
}

static bool peer_closed(struct end *b)
{
    return SSL_get_shutdown(((struct openssl *)b)->ssl) & SSL_RECEIVED_SHUTDOWN;
}

static void do_write(struct end *b, const void *p, size_t n)
{
    size_t done = 0;
    assert_int_equal(SSL_write_ex(((struct openssl *)b)->ssl, p, n, &done), 1);
    assert_int_equal(done, n);
}

static size_t do_read(struct end *b, void *out, size_t cap)
{
    size_t n = 0, total = 0;
    while (total < cap && SSL_read_ex(((struct openssl *)b)->ssl, (char *)out + total, cap - total, &n) == 1)
        total += n;
    return total;
}

static void do_close(struct end *b)
{
    SSL_shutdown(((struct openssl *)b)->ssl);
}

static void key_update(struct end *b, bool request)
{
    struct openssl *e = (struct openssl *)b;
    assert_int_equal(
        SSL_key_update(e->ssl, request ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    assert_int_equal(SSL_do_handshake(e->ssl), 1);
}

static void do_export(struct end *b, const char *label, const uint8_t *context, size_t n, uint8_t out[32])
{
    struct openssl *e = (struct openssl *)b;
    assert_int_equal(SSL_export_keying_material(e->ssl, out, 32, label, strlen(label), context, n, 1), 1);
}

static int alert(struct end *b)
{
    return ((struct openssl *)b)->alert;
}

static const char *trouble(struct end *b)
{
    (void)b;
    return ERR_reason_error_string(ERR_peek_last_error());
}

static void destroy(struct end *b)
{
    struct openssl *e = (struct openssl *)b;
    SSL_free(e->ssl);
    SSL_CTX_free(e->ctx);
}

static const struct end_ops ops = {feed,     take,       established, resumed, peer_closed, do_write, do_read,
                                   do_close, key_update, do_export,   alert,   trouble,     destroy};

struct end *end_new_openssl(struct end_options o)
{
    struct openssl *e = calloc(1, sizeof *e);
    e->base = (struct end){.ops = &ops, .o = o};
    e->alert = -1;
    if (o.share_context) {
        e->ctx = ((struct openssl *)o.share_context)->ctx;
        SSL_CTX_up_ref(e->ctx);
    } else {
        e->ctx = new_context(e);
    }
    e->ssl = SSL_new(e->ctx);
    SSL_set_app_data(e->ssl, e);
    e->in = BIO_new(BIO_s_mem());
    e->out = BIO_new(BIO_s_mem());
    SSL_set_bio(e->ssl, e->in, e->out);
    choose_groups(e);
    if (o.server) {
        SSL_set_accept_state(e->ssl);
    } else {
        set_alpn_and_name(e);
        SSL_set_connect_state(e->ssl);
        if (o.store && o.store->openssl)
            SSL_set_session(e->ssl, o.store->openssl);
        step(e);
    }
    return &e->base;
}

void end_store_free(struct end_store *s)
{
    SSL_SESSION_free(s->openssl);
    s->openssl = NULL;
}
