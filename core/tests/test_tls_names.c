/* SPDX-License-Identifier: BSD-2-Clause */
/* Names in the handshake: what a ClientHello asks for, byte by byte, and which key is good for which name. */
#define _GNU_SOURCE /* memmem() */
#include <string.h>

#include "support.h"
#include "tls_peer.h"

#include "csep/wire.h"

/* ---- What a client offers ---- */

#define OFFERS(e, bytes) offers(e, bytes, sizeof(bytes) - 1)

/* Does the first flight of this client hold these bytes? */
static bool offers(struct end_options o, const char *bytes, size_t n)
{
    uint8_t flight[4096];
    struct end *c = end_new(END_OURS, o);
    size_t len = end_take(c, flight, sizeof flight);
    end_free(c);
    return memmem(flight, len, bytes, n) != NULL;
}

/* The name in hexadecimal, so that it is that of the specification and not that of wire.h. //= NEG-5 */
static void hello_offers_the_protocol(void **state)
{
    (void)state;
    const char alpn[] = "\0\x10\0\x09\0\x07\x06\x63\x73\x65\x70\x2f\x31";
    assert_true(OFFERS(((struct end_options){.alpn = CSEP_ALPN}), alpn));
    assert_true(OFFERS(((struct end_options){.alpn = CSEP_ALPN, .retry = true}), alpn));
    assert_false(OFFERS(((struct end_options){.alpn = "h2"}), alpn));
}

//= SEC-12
static void hello_says_the_name(void **state)
{
    (void)state;
    const char name[] = "\0\0\0\x13\0\x11\0\0\x0eserver.example";
    assert_true(OFFERS(((struct end_options){.name = "server.example"}), name));
    assert_true(OFFERS(((struct end_options){.name = "server.example", .raw_key = true}), name));
    assert_false(OFFERS(((struct end_options){0}), name));
}

/* A client that takes raw public keys says so and takes a certificate all the same. //= NEG-77 */
static void certificates_beside_raw_keys(void **state)
{
    static const enum end_kind servers[] = {END_OURS, END_OPENSSL, END_GNUTLS};
    const char types[] = "\0\x14\0\3\2\2\0"; /* server_certificate_type: RawPublicKey, X.509 */
    uint8_t want[32];
    (void)state;
    assert_true(OFFERS(((struct end_options){.raw_key = true}), types));
    assert_false(OFFERS(((struct end_options){0}), types));
    end_spki(true, want);
    for (unsigned i = 0; i < 3; i++)
        for (unsigned raw = 0; raw < 2; raw++) {
            struct csep_identity id;
            struct end *s = end_new(servers[i], (struct end_options){.server = true});
            struct end *c = end_new(END_OURS, (struct end_options){.raw_key = raw});
            end_pump(c, s, 0);
            assert_true(end_established(c));
            end_secure(c)->ops->peer_identity(end_secure(c), &id);
            assert_true(csep_identity_is(&id, want));
            end_free(c);
            end_free(s);
        }
}

/* ---- Keys and names ---- */

struct pin {
    const char *name;
    uint8_t spki_sha256[32];
};

struct client {
    struct test_random random;
    struct test_alloc alloc;
    struct csep_tls_config cfg;
    struct csep_tls *t;
    struct pin pins[2];
    struct csep_tls_session session;
    bool have_session;
};

/* As a host does it: the pin of that name, and of no other. */
static bool pinned(void *self, const struct csep_identity *peer, const char *name, size_t n)
{
    const struct client *c = self;
    for (unsigned i = 0; i < 2; i++)
        if (n == strlen(c->pins[i].name) && !memcmp(c->pins[i].name, name, n))
            return csep_identity_is(peer, c->pins[i].spki_sha256);
    return false;
}

static void keep(void *self, const struct csep_tls_session *s)
{
    struct client *c = self;
    c->session = *s;
    c->have_session = true;
}

static bool hand_out(void *self, struct csep_tls_session *out)
{
    struct client *c = self;
    bool have = c->have_session;
    *out = c->session;
    c->have_session = false;
    return have;
}

/* The key of the tests' server is pinned for a.example, another one for b.example. */
static void client_init(struct client *c)
{
    static const char *const alpn[] = {CSEP_ALPN, NULL};
    memset(c, 0, sizeof *c);
    c->pins[0].name = "a.example";
    c->pins[1].name = "b.example";
    end_spki(true, c->pins[0].spki_sha256);
    end_spki(false, c->pins[1].spki_sha256);
    c->cfg = csep_tls_config_default();
    c->cfg.trust = (struct csep_tls_trust){pinned, c};
    c->cfg.alpn = alpn;
    c->cfg.random = test_random(&c->random, 1);
    c->cfg.alloc = test_alloc(&c->alloc);
    c->cfg.sessions = (struct csep_tls_sessions){keep, hand_out, c};
    c->t = malloc(csep_tls_size());
}

/* The client's end of one connection to the tests' server under this name. */
static csep_status connect_to(struct client *c, const char *name, bool *out_resumed)
{
    const csep_time now = CSEP_SEC(1000);
    uint8_t buf[8192];
    struct end *s = end_new(END_OURS, (struct end_options){.server = true});
    c->cfg.server_name = name;
    assert_ok(csep_tls_client(c->t, &c->cfg, now));
    struct csep_secure *cs = csep_tls_secure(c->t);
    for (unsigned round = 0; round < 4; round++) {
        size_t n = cs->ops->output(cs, buf, sizeof buf, now);
        end_feed(s, buf, n);
        n = end_take(s, buf, sizeof buf);
        if (cs->ops->input(cs, buf, n, now))
            break;
    }
    unsigned flags = cs->ops->flags(cs);
    csep_status st = cs->ops->failure(cs);
    assert_int_equal(!!(flags & CSEP_SECURE_CONFIRMED), st == CSEP_OK);
    *out_resumed = flags & CSEP_SECURE_RESUMED;
    csep_tls_wipe(c->t);
    end_free(s);
    return st;
}

//= NEG-17
static void key_of_another_name(void **state)
{
    struct client c;
    bool resumed;
    (void)state;
    client_init(&c);
    assert_status(connect_to(&c, "b.example", &resumed), CSEP_ERR_TLS_CERTIFICATE_UNKNOWN);
    assert_status(connect_to(&c, "c.example", &resumed), CSEP_ERR_TLS_CERTIFICATE_UNKNOWN);
    assert_ok(connect_to(&c, "a.example", &resumed));
    assert_true(c.have_session);
    /* What the first name earned is no way in for the second. */
    assert_status(connect_to(&c, "b.example", &resumed), CSEP_ERR_TLS_CERTIFICATE_UNKNOWN);
    assert_ok(connect_to(&c, "a.example", &resumed));
    assert_false(resumed); /* that session was used up */
    assert_ok(connect_to(&c, "a.example", &resumed));
    assert_true(resumed);
    free(c.t);
    test_alloc_done(&c.alloc);
}

//= SEC-2
static void identities_compare_whole(void **state)
{
    struct csep_identity id = {.present = true};
    uint8_t other[32];
    (void)state;
    end_spki(true, id.spki_sha256);
    for (unsigned i = 0; i < 32; i++) {
        memcpy(other, id.spki_sha256, 32);
        assert_true(csep_identity_is(&id, other));
        other[i] ^= 1;
        assert_false(csep_identity_is(&id, other));
    }
    id.present = false;
    assert_false(csep_identity_is(&id, id.spki_sha256));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_offers_the_protocol),    cmocka_unit_test(hello_says_the_name),
        cmocka_unit_test(certificates_beside_raw_keys), cmocka_unit_test(key_of_another_name),
        cmocka_unit_test(identities_compare_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
