/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenSSL and GnuTLS doing what a csep negotiation does, in process, through memory:
 * TLS 1.3, TLS_CHACHA20_POLY1305_SHA256, X25519, an Ed25519 certificate, ALPN, a grant-sized
 * message from the server in 0.5-RTT order, the exporter on both sides, close_notify.
 */
#include "bench.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char alpn[] = "\x06"
                                    "csep/1";
static const char label[] = "EXPERIMENTAL-csep-context";
static uint8_t grant[BENCH_GRANT_LEN];

/* ---- OpenSSL ---- */

static SSL_CTX *client_ctx, *server_ctx;
static SSL_SESSION *session;
static EVP_PKEY *key;
static X509 *cert;

static bool make_certificate(void)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
    bool ok = c && EVP_PKEY_keygen_init(c) == 1 && EVP_PKEY_keygen(c, &key) == 1;
    EVP_PKEY_CTX_free(c);
    cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"bench", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    return ok && X509_set_pubkey(cert, key) == 1 && X509_sign(cert, key, NULL) > 0;
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                       unsigned in_len, void *arg)
{
    (void)ssl, (void)arg;
    return SSL_select_next_proto((unsigned char **)out, out_len, alpn, sizeof alpn - 1, in, in_len) ==
                   OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int keep_session(SSL *ssl, SSL_SESSION *s)
{
    (void)ssl;
    SSL_SESSION_free(session);
    session = s;
    return 1;
}

static void profile(SSL_CTX *ctx)
{
    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(ctx, "TLS_CHACHA20_POLY1305_SHA256");
    SSL_CTX_set1_groups_list(ctx, "X25519");
    SSL_CTX_set1_sigalgs_list(ctx, "ed25519");
    SSL_CTX_set_num_tickets(ctx, 1);
}

static bool openssl_setup(void)
{
    client_ctx = SSL_CTX_new(TLS_client_method());
    server_ctx = SSL_CTX_new(TLS_server_method());
    profile(client_ctx);
    profile(server_ctx);
    SSL_CTX_set_alpn_protos(client_ctx, alpn, sizeof alpn - 1);
    SSL_CTX_set_alpn_select_cb(server_ctx, select_alpn, NULL);
    SSL_CTX_set_session_cache_mode(client_ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client_ctx, keep_session);
    return make_certificate() && SSL_CTX_use_certificate(server_ctx, cert) == 1 &&
           SSL_CTX_use_PrivateKey(server_ctx, key) == 1;
}

static bool exporters_equal(SSL *c, SSL *s)
{
    uint8_t a[32], b[32];
    return SSL_export_keying_material(c, a, 32, label, strlen(label), grant, 32, 1) == 1 &&
           SSL_export_keying_material(s, b, 32, label, strlen(label), grant, 32, 1) == 1 &&
           memcmp(a, b, 32) == 0;
}

static bool openssl_once(bool resume)
{
    SSL *c = SSL_new(client_ctx), *s = SSL_new(server_ctx);
    BIO *cb, *sb;
    uint8_t got[BENCH_GRANT_LEN];
    BIO_new_bio_pair(&cb, 32768, &sb, 32768);
    SSL_set_bio(c, cb, cb);
    SSL_set_bio(s, sb, sb);
    SSL_set_connect_state(c);
    SSL_set_accept_state(s);
    if (resume && session)
        SSL_set_session(c, session);
    for (int i = 0; i < 4 && !(SSL_is_init_finished(c) && SSL_is_init_finished(s)); i++) {
        SSL_do_handshake(c);
        SSL_do_handshake(s);
    }
    bool ok = SSL_is_init_finished(c) && SSL_is_init_finished(s) &&
              SSL_write(s, grant, sizeof grant) == (int)sizeof grant &&
              SSL_read(c, got, sizeof got) == (int)sizeof got && exporters_equal(c, s) &&
              (!resume || !session || SSL_session_reused(c));
    SSL_shutdown(c);
    SSL_shutdown(s);
    SSL_free(c);
    SSL_free(s);
    return ok;
}

bool openssl_handshakes(void *resume, unsigned n)
{
    while (n--)
        if (!openssl_once(resume != NULL))
            return false;
    return true;
}

const char *openssl_name(void)
{
    return OpenSSL_version(OPENSSL_VERSION_STRING)[0] ? OpenSSL_version(OPENSSL_VERSION) : "OpenSSL";
}

/* ---- GnuTLS ---- */

struct pipe_end {
    uint8_t in[65536];
    size_t start, end;
    struct pipe_end *other;
    gnutls_session_t owner;
};

static gnutls_certificate_credentials_t client_cred, server_cred;
static gnutls_priority_t priority;
static gnutls_datum_t ticket_key, resume_data;

static ssize_t pipe_push(gnutls_transport_ptr_t p, const void *data, size_t n)
{
    struct pipe_end *to = ((struct pipe_end *)p)->other;
    if (to->start == to->end)
        to->start = to->end = 0;
    if (n > sizeof to->in - to->end)
        n = sizeof to->in - to->end;
    memcpy(to->in + to->end, data, n);
    to->end += n;
    return (ssize_t)n;
}

static ssize_t pipe_pull(gnutls_transport_ptr_t p, void *out, size_t n)
{
    struct pipe_end *e = p;
    if (e->start == e->end) {
        gnutls_transport_set_errno(e->owner, EAGAIN);
        return -1;
    }
    if (n > e->end - e->start)
        n = e->end - e->start;
    memcpy(out, e->in + e->start, n);
    e->start += n;
    return (ssize_t)n;
}

static int no_wait(gnutls_transport_ptr_t p, unsigned ms)
{
    const struct pipe_end *e = p;
    (void)ms;
    return e->end > e->start;
}

static bool gnutls_setup(void)
{
    unsigned char *cert_der = NULL;
    int cert_len = i2d_X509(cert, &cert_der);
    unsigned char *key_der = NULL;
    BIO *b = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(b, key, NULL, NULL, 0, NULL, NULL);
    char *key_pem;
    long key_len = BIO_get_mem_data(b, &key_pem);
    gnutls_datum_t kd = {(unsigned char *)key_pem, (unsigned)key_len}, cd = {cert_der, (unsigned)cert_len};
    gnutls_x509_privkey_t k = NULL;
    gnutls_x509_crt_t crt = NULL;
    bool ok = gnutls_x509_privkey_init(&k) == 0 &&
              gnutls_x509_privkey_import(k, &kd, GNUTLS_X509_FMT_PEM) == 0 &&
              gnutls_x509_crt_init(&crt) == 0 && gnutls_x509_crt_import(crt, &cd, GNUTLS_X509_FMT_DER) == 0 &&
              gnutls_certificate_allocate_credentials(&client_cred) == 0 &&
              gnutls_certificate_allocate_credentials(&server_cred) == 0 &&
              gnutls_certificate_set_x509_key(server_cred, &crt, 1, k) >= 0 &&
              gnutls_priority_init(
                  &priority,
                  "NONE:+VERS-TLS1.3:+CHACHA20-POLY1305:+AEAD:+GROUP-X25519:+SIGN-EDDSA-ED25519:+CTYPE-X509:"
                  "%SERVER_PRECEDENCE:+ECDHE-PSK:+ECDHE-ECDSA",
                  NULL) == 0 &&
              gnutls_session_ticket_key_generate(&ticket_key) == 0;
    gnutls_x509_privkey_deinit(k);
    gnutls_x509_crt_deinit(crt);
    BIO_free(b);
    OPENSSL_free(cert_der);
    OPENSSL_free(key_der);
    return ok;
}

static void gnutls_side(gnutls_session_t s, gnutls_certificate_credentials_t cred, struct pipe_end *e)
{
    static unsigned char name[] = "csep/1";
    static const gnutls_datum_t proto = {name, 6};
    e->owner = s;
    gnutls_priority_set(s, priority);
    gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, cred);
    gnutls_alpn_set_protocols(s, &proto, 1, 0);
    gnutls_transport_set_ptr(s, e);
    gnutls_transport_set_push_function(s, pipe_push);
    gnutls_transport_set_pull_function(s, pipe_pull);
    gnutls_transport_set_pull_timeout_function(s, no_wait);
    gnutls_handshake_set_timeout(s, 0);
}

static bool gnutls_once(bool resume)
{
    static struct pipe_end a, b;
    gnutls_session_t c, s;
    uint8_t got[BENCH_GRANT_LEN], ka[32], kb[32];
    a.start = a.end = b.start = b.end = 0;
    a.other = &b;
    b.other = &a;
    gnutls_init(&c, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
    gnutls_init(&s, GNUTLS_SERVER | GNUTLS_NONBLOCK);
    gnutls_side(c, client_cred, &a);
    gnutls_side(s, server_cred, &b);
    gnutls_session_ticket_enable_server(s, &ticket_key);
    if (resume && resume_data.size)
        gnutls_session_set_data(c, resume_data.data, resume_data.size);
    int rc = GNUTLS_E_AGAIN, rs = GNUTLS_E_AGAIN;
    for (int i = 0; i < 6 && (rc != 0 || rs != 0); i++) {
        if (rc != 0)
            rc = gnutls_handshake(c);
        if (rs != 0)
            rs = gnutls_handshake(s);
    }
    bool ok = rc == 0 && rs == 0 && gnutls_record_send(s, grant, sizeof grant) == (ssize_t)sizeof grant;
    ssize_t r = GNUTLS_E_AGAIN;
    for (int i = 0; ok && i < 4 && r < 0; i++)
        r = gnutls_record_recv(c, got, sizeof got);
    ok = ok && r == (ssize_t)sizeof got &&
         gnutls_prf_rfc5705(c, strlen(label), label, 32, (char *)grant, 32, (char *)ka) == 0 &&
         gnutls_prf_rfc5705(s, strlen(label), label, 32, (char *)grant, 32, (char *)kb) == 0 &&
         memcmp(ka, kb, 32) == 0 && (!resume || !resume_data.size || gnutls_session_is_resumed(c));
    if (resume && ok) {
        gnutls_free(resume_data.data);
        resume_data.data = NULL;
        resume_data.size = 0;
        gnutls_session_get_data2(c, &resume_data);
    }
    gnutls_bye(c, GNUTLS_SHUT_WR);
    gnutls_bye(s, GNUTLS_SHUT_WR);
    gnutls_deinit(c);
    gnutls_deinit(s);
    return ok;
}

bool gnutls_handshakes(void *resume, unsigned n)
{
    while (n--)
        if (!gnutls_once(resume != NULL))
            return false;
    return true;
}

const char *gnutls_name(void)
{
    static char name[40];
    strcpy(name, "GnuTLS ");
    strncat(name, gnutls_check_version(NULL), 30);
    return name;
}

bool peers_setup(void)
{
    bench_random(NULL, grant, sizeof grant);
    return openssl_setup() && gnutls_setup();
}

void peers_teardown(void)
{
    SSL_SESSION_free(session);
    SSL_CTX_free(client_ctx);
    SSL_CTX_free(server_ctx);
    X509_free(cert);
    EVP_PKEY_free(key);
    gnutls_free(resume_data.data);
    gnutls_free(ticket_key.data);
    gnutls_certificate_free_credentials(client_cred);
    gnutls_certificate_free_credentials(server_cred);
    gnutls_priority_deinit(priority);
}
