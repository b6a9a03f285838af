/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine through its public header: configuration, the verbs in every phase, identities, trace. */
#include "tls_peer.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "tls/engine.h"

/* --- configuration --- */

static bool trust_all(void *self, const struct csep_identity *peer, const char *name, size_t n)
{
    (void)self, (void)peer, (void)name, (void)n;
    return true;
}

static const char *const alpn[] = {"csep/1", NULL}, *const empty_list[] = {NULL},
                         *const empty_name[] = {"", NULL};

struct set_up {
    struct test_random random;
    struct test_alloc alloc;
    struct csep_tls_identity id;
    struct csep_tls *t;
    struct csep_tls_config cfg;
};

static struct set_up set_up(void)
{
    struct set_up u = {.cfg = csep_tls_config_default()};
    assert_int_equal(csep_init(), CSEP_OK);
    csep_tls_identity_init(&u.id, end_seed(true));
    u.t = malloc(csep_tls_size());
    return u;
}

/* Once `u` stays where it is. */
static void point(struct set_up *u)
{
    u->cfg.random = test_random(&u->random, 1);
    u->cfg.alloc = test_alloc(&u->alloc);
    u->cfg.alpn = alpn;
    u->cfg.trust.check = trust_all;
    u->cfg.identity = &u->id;
}

static void expect_refused(bool server, void (*spoil)(struct csep_tls_config *))
{
    struct set_up u = set_up();
    point(&u);
    spoil(&u.cfg);
    csep_status st = (server ? csep_tls_server : csep_tls_client)(u.t, &u.cfg, 0);
    assert_int_equal(st, CSEP_ERR_VALUE);
    free(u.t);
}

static void no_random(struct csep_tls_config *c)
{
    c->random.fill = NULL;
}
static void no_get(struct csep_tls_config *c)
{
    c->alloc.get = NULL;
}
static void no_put(struct csep_tls_config *c)
{
    c->alloc.put = NULL;
}
static void no_alpn(struct csep_tls_config *c)
{
    c->alpn = NULL;
}
static void no_names(struct csep_tls_config *c)
{
    c->alpn = empty_list;
}
static void bad_name(struct csep_tls_config *c)
{
    c->alpn = empty_name;
}
static void no_trust(struct csep_tls_config *c)
{
    c->trust.check = NULL;
}
static void no_identity(struct csep_tls_config *c)
{
    c->identity = NULL;
}
static void name_empty(struct csep_tls_config *c)
{
    c->server_name = "";
}
static void lifetime_long(struct csep_tls_config *c)
{
    c->ticket_lifetime = TLS_LIFETIME_MAX + 1;
}
static void many_tickets(struct csep_tls_config *c)
{
    c->num_tickets = 17;
}

static void keys_unset(struct csep_tls_config *c)
{
    static const struct csep_tls_ticket_keys k;
    c->ticket_keys = &k;
}

static void auth_without_trust(struct csep_tls_config *c)
{
    c->client_auth = CSEP_TLS_AUTH_REQUEST;
    c->trust.check = NULL;
}

static void long_certificate(struct csep_tls_config *c)
{
    static struct csep_tls_identity id = {.certificate = (const uint8_t *)"",
                                          .certificate_len = CSEP_TLS_CERTIFICATE_MAX + 1};
    c->identity = &id;
}

static void name_too_long(struct csep_tls_config *c)
{
    static char name[300];
    memset(name, 'a', sizeof name - 1);
    c->server_name = name;
}

static void configurations_refused(void **state)
{
    void (*const both[])(struct csep_tls_config *) = {
        no_random, no_get, no_put, no_alpn, no_names, bad_name, name_empty, name_too_long, long_certificate};
    void (*const server[])(struct csep_tls_config *) = {no_identity, lifetime_long, many_tickets, keys_unset,
                                                        auth_without_trust};
    (void)state;
    for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) {
        expect_refused(false, both[i]);
        expect_refused(true, both[i]);
    }
    for (size_t i = 0; i < sizeof server / sizeof server[0]; i++)
        expect_refused(true, server[i]);
    expect_refused(false, no_trust);
}

static void no_memory_at_the_start(void **state)
{
    (void)state;
    struct set_up u = set_up();
    point(&u);
    u.alloc.fail_from = 1;
    assert_int_equal(csep_tls_client(u.t, &u.cfg, 0), CSEP_ERR_MEMORY);
    test_alloc_done(&u.alloc);
    free(u.t);
}

/* --- the verbs in every phase --- */

static void nothing_before_its_time(void **state)
{
    uint8_t out[32], buf[8192];
    struct csep_identity id;
    (void)state;
    struct end *s = end_new(END_OURS, (struct end_options){.server = true});
    struct end *c = end_new(END_OURS, (struct end_options){.name = "server.example"});
    struct csep_secure *cs = end_secure(c), *ss = end_secure(s);
    assert_int_equal(cs->ops->write(cs, buf, 1, 0), CSEP_AGAIN);
    assert_int_equal(ss->ops->write(ss, buf, 1, 0), CSEP_AGAIN);
    assert_int_equal(cs->ops->exporter(cs, "EXPERIMENTAL-x", NULL, 0, out, 32), CSEP_AGAIN);
    assert_int_equal(csep_tls_key_update(end_tls(c), true, 0), CSEP_AGAIN);
    assert_null(csep_tls_alpn(end_tls(c)));
    end_feed(s, buf, end_take(c, buf, sizeof buf));
    assert_int_equal(csep_tls_key_update(end_tls(s), true, 0), CSEP_AGAIN); /* at half a round trip */
    ss->ops->peer_identity(ss, &id);
    assert_false(id.present);
    end_pump(c, s, 0);
    size_t n;
    assert_string_equal(csep_tls_alpn(end_tls(c)), "csep/1");
    assert_string_equal(csep_tls_alpn(end_tls(s)), "csep/1");
    assert_memory_equal(cs->ops->client_random(cs), ss->ops->client_random(ss), 32);
    assert_string_equal(ss->ops->server_name(ss, &n), "server.example");
    assert_int_equal(n, 14);
    assert_string_equal(cs->ops->server_name(cs, &n), "server.example");
    cs->ops->peer_identity(cs, &id);
    assert_true(id.present);
    ss->ops->peer_identity(ss, &id);
    assert_false(id.present);
    end_free(c);
    end_free(s);
}

static void exports(void **state)
{
    uint8_t a[32], b[32];
    (void)state;
    struct end *s = end_new(END_OURS, (struct end_options){.server = true});
    struct end *c = end_new(END_OURS, (struct end_options){0});
    end_pump(c, s, 0);
    end_export(c, "EXPERIMENTAL-a", (const uint8_t *)"x", 1, a);
    end_export(s, "EXPERIMENTAL-b", (const uint8_t *)"x", 1, b);
    assert_memory_not_equal(a, b, 32);
    end_export(s, "EXPERIMENTAL-a", (const uint8_t *)"y", 1, b);
    assert_memory_not_equal(a, b, 32);
    end_export(s, "EXPERIMENTAL-a", (const uint8_t *)"x", 1, b);
    assert_memory_equal(a, b, 32);
    struct csep_secure *cs = end_secure(c);
    cs->ops->forget_exporter(cs);
    assert_int_equal(cs->ops->flags(cs) & CSEP_SECURE_CAN_EXPORT, 0);
    assert_int_equal(cs->ops->exporter(cs, "EXPERIMENTAL-a", NULL, 0, a, 32), CSEP_AGAIN);
    for (size_t i = 0; i < 32; i++)
        assert_int_equal(end_tls(c)->exporter.b[i], 0);
    end_free(c);
    end_free(s);
}

/* When the handshake is over, nothing of it is left. */
static void handshake_secrets_are_wiped(void **state)
{
    (void)state;
    struct end *s = end_new(END_OURS, (struct end_options){.server = true});
    struct end *c = end_new(END_OURS, (struct end_options){0});
    end_pump(c, s, 0);
    const struct end *both[] = {c, s};
    for (unsigned k = 0; k < 2; k++) {
        const uint8_t *hs = (const uint8_t *)&end_tls(both[k])->hs;
        for (size_t i = 0; i < sizeof(struct tls_handshake); i++)
            assert_int_equal(hs[i], 0);
        assert_int_equal(csep_tls_heap(end_tls(both[k])), 0);
    }
    end_free(c);
    end_free(s);
}

/* Output taken in pieces while more is written: the buffer moves, nothing is lost. */
static void output_in_pieces(void **state)
{
    static uint8_t sent[60000], got[60000], wire[700];
    size_t done = 0, read = 0;
    (void)state;
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (uint8_t)(i * 31 + i / 256);
    struct end *s = end_new(END_OURS, (struct end_options){.server = true});
    struct end *c = end_new(END_OURS, (struct end_options){0});
    end_pump(c, s, 0);
    while (read < sizeof sent) {
        size_t n = sizeof sent - done < 1000 ? sizeof sent - done : 1000;
        end_write(s, sent + done, n);
        done += n;
        end_feed(c, wire, end_take(s, wire, sizeof wire));
        read += end_read(c, got + read, 777);
    }
    assert_memory_equal(sent, got, sizeof sent);
    end_free(c);
    end_free(s);
}

static void age_of_authentication(void **state)
{
    (void)state;
    struct end *s = end_new(END_OURS, (struct end_options){.server = true});
    struct end *c = end_new(END_OURS, (struct end_options){0});
    end_pump(c, s, 0);
    struct csep_secure *ss = end_secure(s);
    assert_int_equal(ss->ops->auth_age(ss, CSEP_SEC(1007)), CSEP_SEC(7));
    assert_int_equal(ss->ops->auth_age(ss, CSEP_SEC(1)), 0);
    end_free(c);
    end_free(s);
}

/* --- identities --- */

static void spki_is_what_others_make_of_it(void **state)
{
    uint8_t pub[32], spki[44], want[32], *der = NULL;
    struct csep_identity id;
    (void)state;
    csep_tls_public_key(end_seed(true), pub);
    csep_tls_spki(pub, spki, &id);
    EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, end_seed(true), 32);
    assert_int_equal(i2d_PUBKEY(k, &der), 44);
    assert_memory_equal(der, spki, 44);
    EVP_Digest(der, 44, want, NULL, EVP_sha256(), NULL);
    assert_true(id.present);
    assert_memory_equal(id.spki_sha256, want, 32);
    OPENSSL_free(der);
    EVP_PKEY_free(k);
}

static void identity_without_its_public_key(void **state)
{
    struct csep_tls_identity whole, half;
    uint8_t a[64], b[64];
    struct hash th = {{1}};
    (void)state;
    csep_tls_identity_init(&whole, end_seed(true));
    half = whole;
    memset(half.public_key, 0, 32);
    tls_identity_sign(&whole, TLS_SIGNER_SERVER, &th, a);
    tls_identity_sign(&half, TLS_SIGNER_SERVER, &th, b);
    assert_memory_equal(a, b, 64);
    assert_true(tls_identity_verify(whole.public_key, TLS_SIGNER_SERVER, &th, a));
    assert_false(tls_identity_verify(whole.public_key, TLS_SIGNER_CLIENT, &th, a));
}

/* A certificate with a key of this kind and a subject that needs lengths of two bytes. */
static size_t make_certificate(int type, uint8_t out[4096])
{
    EVP_PKEY *k = type == EVP_PKEY_RSA ? EVP_RSA_gen(1024) : type == EVP_PKEY_EC ? EVP_EC_gen("P-256") : NULL;
    X509 *x = X509_new();
    char long_name[65];
    memset(long_name, 'n', 64);
    long_name[64] = 0;
    if (!k)
        k = EVP_PKEY_new_raw_private_key(type, NULL, end_seed(true), 32);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 1000);
    for (unsigned i = 0; i < 5; i++)
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "OU", MBSTRING_ASC, (unsigned char *)long_name,
                                   -1, -1, 0);
    X509_set_pubkey(x, k);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    assert_true(X509_sign(x, k, type == EVP_PKEY_ED25519 ? NULL : EVP_sha256()) > 0);
    unsigned char *p = out;
    int n = i2d_X509(x, &p);
    X509_free(x);
    EVP_PKEY_free(k);
    return (size_t)n;
}

static void keys_of_certificates(void **state)
{
    uint8_t der[4096], pub[32], want[32];
    (void)state;
    csep_tls_public_key(end_seed(true), want);
    size_t n = make_certificate(EVP_PKEY_ED25519, der);
    assert_int_equal(csep_tls_certificate_key(der, n, pub), CSEP_OK);
    assert_memory_equal(pub, want, 32);
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(csep_tls_certificate_key(der, cut, pub), CSEP_ERR_TLS_BAD_CERTIFICATE);
    n = make_certificate(EVP_PKEY_RSA, der);
    assert_int_equal(csep_tls_certificate_key(der, n, pub), CSEP_ERR_TLS_UNSUPPORTED_CERTIFICATE);
    n = make_certificate(EVP_PKEY_EC, der);
    assert_int_equal(csep_tls_certificate_key(der, n, pub), CSEP_ERR_TLS_UNSUPPORTED_CERTIFICATE);
}

static void lengths_that_are_not_der(void **state)
{
    static const uint8_t rows[][8] = {
        {0x30, 0x80, 0x30, 0x00},             /* indefinite */
        {0x30, 0x81, 0x02, 0x30, 0x00},       /* long form of a short length */
        {0x30, 0x82, 0x00, 0x02, 0x30, 0x00}, /* leading zero */
        {0x30, 0x84, 0, 0, 0, 2, 0x30, 0x00}, /* more than three bytes */
        {0x30, 0x05, 0x30, 0x00},             /* longer than there is */
        {0x31, 0x02, 0x30, 0x00},             /* another tag */
    };
    uint8_t pub[32];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(csep_tls_certificate_key(rows[i], 8, pub), CSEP_ERR_TLS_BAD_CERTIFICATE);
}

/* --- trace --- */

static void trace_of_a_handshake(void **state)
{
    struct test_trace t = {0};
    uint8_t buf[8192];
    (void)state;
    struct end *s = end_new(END_OURS, (struct end_options){.server = true});
    struct end *c = end_new(END_OURS, (struct end_options){.retry = true});
    end_tls(c)->cfg.trace = test_trace(&t, 7);
    end_pump(c, s, 0);
    assert_int_equal(test_trace_count(&t, CSEP_TRACE_TLS_MESSAGE_SENT),
                     2); /* the first went before we listened */
    assert_int_equal(test_trace_count(&t, CSEP_TRACE_TLS_ESTABLISHED), 1);
    const struct csep_trace_event *e = test_trace_find(&t, CSEP_TRACE_TLS_ESTABLISHED, 0);
    assert_int_equal(e->object, 7);
    assert_int_equal(e->arg[0], 0);
    assert_int_equal(e->arg[1], 1);
    end_key_update(c, false);
    end_close(s);
    end_pump(c, s, 0);
    assert_int_equal(test_trace_count(&t, CSEP_TRACE_TLS_ALERT_RECEIVED), 1);
    end_feed(c, (const uint8_t *)"ignored", 7);
    struct csep_secure *cs = end_secure(c);
    cs->ops->close(cs, 0);
    assert_int_equal(test_trace_count(&t, CSEP_TRACE_TLS_ALERT_SENT), 1);
    end_feed(s,
             (const uint8_t *)"\x17\3\3\0\x15"
                              "not a record at all..",
             26);
    end_feed(c, buf, end_take(s, buf, sizeof buf));
    test_trace_free(&t);
    end_free(c);
    end_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations_refused),          cmocka_unit_test(no_memory_at_the_start),
        cmocka_unit_test(nothing_before_its_time),         cmocka_unit_test(exports),
        cmocka_unit_test(handshake_secrets_are_wiped),     cmocka_unit_test(output_in_pieces),
        cmocka_unit_test(age_of_authentication),           cmocka_unit_test(spki_is_what_others_make_of_it),
        cmocka_unit_test(identity_without_its_public_key), cmocka_unit_test(keys_of_certificates),
        cmocka_unit_test(lengths_that_are_not_der),        cmocka_unit_test(trace_of_a_handshake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
