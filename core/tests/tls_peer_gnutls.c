/* SPDX-License-Identifier: BSD-2-Clause */
/* GnuTLS through push and pull functions over memory. */
#include "tls_peer_int.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct queue {
    uint8_t *p;
    size_t start, end, cap;
};

struct gnutls {
    struct end base;
    gnutls_session_t s;
    gnutls_certificate_credentials_t cred;
    gnutls_datum_t ticket_key;
    struct queue in, out, data;
    bool established, failed, closed;
    int alert, error;
};

static void queue_put(struct queue *q, const void *p, size_t n)
{
    if (q->cap - q->end < n) {
        q->cap = 2 * (q->end + n);
        q->p = realloc(q->p, q->cap);
    }
    memcpy(q->p + q->end, p, n);
    q->end += n;
}

static size_t queue_get(struct queue *q, void *p, size_t n)
{
    if (n > q->end - q->start)
        n = q->end - q->start;
    if (n)
        memcpy(p, q->p + q->start, n);
    q->start += n;
    return n;
}

static ssize_t push(gnutls_transport_ptr_t self, const void *p, size_t n)
{
    queue_put(&((struct gnutls *)self)->out, p, n);
    return (ssize_t)n;
}

static ssize_t pull(gnutls_transport_ptr_t self, void *p, size_t n)
{
    struct gnutls *e = self;
    n = queue_get(&e->in, p, n);
    if (n == 0) {
        gnutls_transport_set_errno(e->s, EAGAIN);
        return -1;
    }
    return (ssize_t)n;
}

static int pull_timeout(gnutls_transport_ptr_t self, unsigned ms)
{
    struct gnutls *e = self;
    (void)ms;
    return e->in.end > e->in.start;
}

static int on_keylog(gnutls_session_t s, const char *label, const gnutls_datum_t *secret)
{
    gnutls_datum_t client, server;
    char line[256], *p = line;
    gnutls_session_get_random(s, &client, &server);
    p += sprintf(p, "%s ", label);
    for (unsigned i = 0; i < client.size; i++)
        p += sprintf(p, "%02x", client.data[i]);
    *p++ = ' ';
    for (unsigned i = 0; i < secret->size; i++)
        p += sprintf(p, "%02x", secret->data[i]);
    end_log(gnutls_session_get_ptr(s), line);
    return 0;
}

static int keep_ticket(gnutls_session_t s, unsigned type, unsigned when, unsigned incoming,
                       const gnutls_datum_t *m)
{
    struct gnutls *e = gnutls_session_get_ptr(s);
    struct end_store *store = e->base.o.store;
    gnutls_datum_t d;
    (void)type, (void)when, (void)m;
    if (incoming && store && gnutls_session_get_data2(s, &d) == 0) {
        assert_true(d.size <= sizeof store->gnutls);
        memcpy(store->gnutls, d.data, d.size);
        store->gnutls_len = d.size;
        gnutls_free(d.data);
    }
    return 0;
}

/* DER (SubjectPublicKeyInfo and PKCS #8) of the key of an end, from libcrypto. */
static gnutls_datum_t der_of(int (*encode)(const EVP_PKEY *, unsigned char **), bool server)
{
    unsigned char *p = NULL;
    int n = encode(end_openssl_key(server), &p);
    return (gnutls_datum_t){p, (unsigned)n};
}

static int private_der(const EVP_PKEY *k, unsigned char **out)
{
    PKCS8_PRIV_KEY_INFO *i = EVP_PKEY2PKCS8(k);
    int n = i2d_PKCS8_PRIV_KEY_INFO(i, out);
    PKCS8_PRIV_KEY_INFO_free(i);
    return n;
}

static int public_der(const EVP_PKEY *k, unsigned char **out)
{
    return i2d_PUBKEY((EVP_PKEY *)k, out);
}

static void add_raw_key(struct gnutls *e, bool server)
{
    gnutls_datum_t priv = der_of(private_der, server), pub = der_of(public_der, server);
    gnutls_x509_privkey_t x;
    gnutls_privkey_t k;
    gnutls_pubkey_t p;
    gnutls_pcert_st pcert;

    assert_int_equal(gnutls_x509_privkey_init(&x), 0);
    assert_int_equal(gnutls_x509_privkey_import_pkcs8(x, &priv, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN),
                     0);
    assert_int_equal(gnutls_privkey_init(&k), 0);
    assert_int_equal(gnutls_privkey_import_x509(k, x, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE), 0);
    assert_int_equal(gnutls_pubkey_init(&p), 0);
    assert_int_equal(gnutls_pubkey_import(p, &pub, GNUTLS_X509_FMT_DER), 0);
    assert_int_equal(gnutls_pcert_import_rawpk(&pcert, p, 0), 0);
    assert_int_equal(gnutls_certificate_set_key(e->cred, NULL, 0, &pcert, 1, k), 0);
    OPENSSL_free(priv.data);
    OPENSSL_free(pub.data);
}

static void add_certificate(struct gnutls *e, bool server)
{
    gnutls_datum_t priv = der_of(private_der, server);
    size_t n;
    const uint8_t *der = end_certificate(server, &n);
    gnutls_datum_t cert = {(unsigned char *)der, (unsigned)n};
    assert_true(gnutls_certificate_set_x509_key_mem(e->cred, &cert, &priv, GNUTLS_X509_FMT_DER) >= 0);
    OPENSSL_free(priv.data);
}

static void set_priorities(struct gnutls *e)
{
    const struct end_options *o = &e->base.o;
    char p[256];
    /* A first group that we do not have makes the client's only share useless to us. */
    snprintf(p, sizeof p, "NONE:+VERS-TLS1.3:+CHACHA20-POLY1305:+AEAD:%s+GROUP-X25519:+SIGN-EDDSA-ED25519%s",
             o->retry && !o->server ? "+GROUP-SECP256R1:" : "",
             o->raw_key ? ":+CTYPE-SRV-RAWPK:+CTYPE-CLI-RAWPK" : ":+CTYPE-ALL");
    assert_int_equal(gnutls_priority_set_direct(e->s, p, NULL), 0);
}

static void set_up_session(struct gnutls *e)
{
    const struct end_options *o = &e->base.o;
    const char *alpn = o->alpn ? o->alpn : "csep/1";
    gnutls_datum_t a = {(unsigned char *)alpn, (unsigned)strlen(alpn)};

    gnutls_alpn_set_protocols(e->s, &a, 1, GNUTLS_ALPN_MANDATORY);
    if (!o->server && o->name)
        gnutls_server_name_set(e->s, GNUTLS_NAME_DNS, o->name, strlen(o->name));
    if (!o->server && o->store && o->store->gnutls_len)
        gnutls_session_set_data(e->s, o->store->gnutls, o->store->gnutls_len);
    if (!o->server)
        gnutls_handshake_set_hook_function(e->s, GNUTLS_HANDSHAKE_NEW_SESSION_TICKET, GNUTLS_HOOK_POST,
                                           keep_ticket);
    if (o->server && !o->no_tickets)
        gnutls_session_ticket_enable_server(e->s, &e->ticket_key);
    if (o->server && (o->ask_certificate || o->require_certificate))
        gnutls_certificate_server_set_request(e->s, o->require_certificate ? GNUTLS_CERT_REQUIRE
                                                                           : GNUTLS_CERT_REQUEST);
}

static void step(struct gnutls *e)
{
    if (e->established || e->failed)
        return;
    int r = gnutls_handshake(e->s);
    if (r == 0) {
        e->established = true;
    } else if (gnutls_error_is_fatal(r)) {
        e->failed = true;
        e->error = r;
        if (r == GNUTLS_E_FATAL_ALERT_RECEIVED)
            e->alert = (int)gnutls_alert_get(e->s);
        else
            gnutls_alert_send_appropriate(e->s, r);
    }
}

static bool feed(struct end *b, const uint8_t *in, size_t n)
{
    struct gnutls *e = (struct gnutls *)b;
    uint8_t buf[16384];
    queue_put(&e->in, in, n);
    step(e);
    while (e->established && !e->failed && !e->closed) {
        ssize_t r = gnutls_record_recv(e->s, buf, sizeof buf);
        if (r > 0)
            queue_put(&e->data, buf, (size_t)r);
        else if (r == 0)
            e->closed = true;
        else if (gnutls_error_is_fatal((int)r)) {
            e->failed = true;
            e->error = (int)r;
            if (r == GNUTLS_E_FATAL_ALERT_RECEIVED)
                e->alert = (int)gnutls_alert_get(e->s);
        } else if (r == GNUTLS_E_AGAIN && e->in.start == e->in.end)
            break; /* with bytes left it means: that was a ticket, call again */
    }
    return !e->failed;
}

static size_t take(struct end *b, uint8_t *out, size_t cap)
{
    return queue_get(&((struct gnutls *)b)->out, out, cap);
}

static bool established(struct end *b)
{
    struct gnutls *e = (struct gnutls *)b;
    return e->established && !e->failed;
}

static bool resumed(struct end *b)
{
    return gnutls_session_is_resumed(((struct gnutls *)b)->s);
}

static bool peer_closed(struct end *b)
{
    return ((struct gnutls *)b)->closed;
}

static void do_write(struct end *b, const void *p, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t r = gnutls_record_send(((struct gnutls *)b)->s, (const char *)p + done, n - done);
        assert_true(r > 0);
        done += (size_t)r;
    }
}

static size_t do_read(struct end *b, void *out, size_t cap)
{
    return queue_get(&((struct gnutls *)b)->data, out, cap);
}

static void do_close(struct end *b)
{
    gnutls_bye(((struct gnutls *)b)->s, GNUTLS_SHUT_WR);
}

static void key_update(struct end *b, bool request)
{
    assert_int_equal(gnutls_session_key_update(((struct gnutls *)b)->s, request ? GNUTLS_KU_PEER : 0), 0);
}

static void do_export(struct end *b, const char *label, const uint8_t *context, size_t n, uint8_t out[32])
{
    assert_int_equal(gnutls_prf_rfc5705(((struct gnutls *)b)->s, strlen(label), label, n,
                                        (const char *)context, 32, (char *)out),
                     0);
}

static int alert(struct end *b)
{
    return ((struct gnutls *)b)->alert;
}

static const char *trouble(struct end *b)
{
    return gnutls_strerror(((struct gnutls *)b)->error);
}

static void destroy(struct end *b)
{
    struct gnutls *e = (struct gnutls *)b;
    gnutls_deinit(e->s);
    gnutls_certificate_free_credentials(e->cred);
    gnutls_free(e->ticket_key.data);
    free(e->in.p);
    free(e->out.p);
    free(e->data.p);
}

static const struct end_ops ops = {feed,     take,       established, resumed, peer_closed, do_write, do_read,
                                   do_close, key_update, do_export,   alert,   trouble,     destroy};

struct end *end_new_gnutls(struct end_options o)
{
    struct gnutls *e = calloc(1, sizeof *e);
    e->base = (struct end){.ops = &ops, .o = o};
    e->alert = -1;
    unsigned f = (o.server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK |
                 (o.raw_key ? GNUTLS_ENABLE_RAWPK : 0) | (o.retry ? GNUTLS_KEY_SHARE_TOP : 0);
    assert_int_equal(gnutls_init(&e->s, f), 0);
    gnutls_session_set_ptr(e->s, e);
    assert_int_equal(gnutls_certificate_allocate_credentials(&e->cred), 0);
    if (o.share_context) {
        gnutls_datum_t *k = &((struct gnutls *)o.share_context)->ticket_key;
        e->ticket_key.data = gnutls_malloc(k->size);
        e->ticket_key.size = k->size;
        memcpy(e->ticket_key.data, k->data, k->size);
    } else if (o.server) {
        gnutls_session_ticket_key_generate(&e->ticket_key);
    }
    if ((o.server || o.own_key) && o.raw_key)
        add_raw_key(e, o.server);
    else if (o.server || o.own_key)
        add_certificate(e, o.server);
    gnutls_credentials_set(e->s, GNUTLS_CRD_CERTIFICATE, e->cred);
    set_priorities(e);
    set_up_session(e);
    gnutls_session_set_keylog_function(e->s, on_keylog);
    gnutls_transport_set_ptr(e->s, e);
    gnutls_transport_set_push_function(e->s, push);
    gnutls_transport_set_pull_function(e->s, pull);
    gnutls_transport_set_pull_timeout_function(e->s, pull_timeout);
    if (!o.server)
        step(e);
    return &e->base;
}
