/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our negotiation with an end that is nothing but a TLS library and forty lines around it: an unmodified
 * OpenSSL or GnuTLS with an exporter is enough to take part.
 */
#include "csep/negotiate.h"
#include "negotiate/message.h"
#include "support.h"
#include "tls_peer.h"

#include <sodium.h>

#define T0 CSEP_SEC(1000)

struct pair {
    struct test_alloc alloc;
    struct test_random random;
    struct end *ours, *theirs;
    struct csep_negotiate *n;
    struct csep_grantor *grantor;
    struct csep_negotiate_config cfg;
};

static struct pair *pair_new(enum end_kind kind, bool we_serve)
{
    struct pair *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->cfg = csep_negotiate_config_default();
    p->cfg.alloc = test_alloc(&p->alloc);
    p->cfg.random = test_random(&p->random, 1);
    p->ours = end_new(END_OURS, (struct end_options){.server = we_serve});
    p->theirs = end_new(kind, (struct end_options){.server = !we_serve});
    p->n = malloc(csep_negotiate_size());
    assert_non_null(p->n);
    if (!we_serve) {
        assert_ok(csep_negotiate_client(p->n, &p->cfg, end_secure(p->ours), T0));
        return p;
    }
    struct csep_grantor_config g = csep_grantor_config_default();
    g.alloc = p->cfg.alloc;
    g.random = p->cfg.random;
    p->grantor = malloc(csep_grantor_size());
    assert_non_null(p->grantor);
    assert_ok(csep_grantor_init(p->grantor, &g, T0));
    assert_ok(csep_negotiate_server(p->n, &p->cfg, end_secure(p->ours), p->grantor, NULL, T0));
    return p;
}

static void pair_free(struct pair *p)
{
    csep_negotiate_wipe(p->n);
    free(p->n);
    if (p->grantor)
        csep_grantor_wipe(p->grantor);
    free(p->grantor);
    end_free(p->ours);
    end_free(p->theirs);
    test_alloc_done(&p->alloc);
    free(p);
}

/* Carry bytes until nothing moves; a small chunk cuts records and messages. */
static void carry(struct pair *p, size_t chunk)
{
    uint8_t buf[4096];
    size_t n;
    bool moved = true;
    while (moved) {
        moved = false;
        while ((n = csep_negotiate_output(p->n, buf, chunk, T0)) > 0) {
            assert_true(end_feed(p->theirs, buf, n));
            moved = true;
        }
        while ((n = end_take(p->theirs, buf, chunk)) > 0) {
            assert_ok(csep_negotiate_input(p->n, buf, n, T0));
            moved = true;
        }
    }
}

/* context_secret by the library's own exporter and somebody else's SHA-256 (libsodium's, called here). */
static void their_secret(struct pair *p, const uint8_t *grant, size_t n, uint8_t out[32])
{
    uint8_t hash[32];
    crypto_hash_sha256(hash, grant, n);
    end_export(p->theirs, "EXPERIMENTAL-csep-context", hash, sizeof hash, out);
}

static size_t message_len(const uint8_t *m)
{
    return 4 + ((size_t)m[1] << 16 | (size_t)m[2] << 8 | m[3]);
}

/* ---- They serve ---- */

//= KEY-1, KEY-3, NEG-43 type=test
static void their_server(enum end_kind kind, size_t chunk)
{
    struct pair *p = pair_new(kind, false);
    static struct neg_grant g;
    static struct neg_tickets t;
    uint8_t out[2048], want[32];
    struct wr w = wr_init(out, sizeof out);
    struct csep_negotiate_event ev;
    struct csep_grantor_config cfg = csep_grantor_config_default();
    carry(p, chunk);
    assert_true(end_established(p->theirs));
    memset(&g, 0, sizeof g);
    g.grant = cfg.menu;
    memset(g.grant.handle, 0x42, sizeof g.grant.handle);
    neg_put_grant(&w, &g, NULL);
    their_secret(p, out, w.len, want);
    memset(&t, 0, sizeof t);
    memcpy(t.handle, g.grant.handle, sizeof t.handle);
    t.num = 2;
    t.tickets[0].len = t.tickets[1].len = 16;
    t.tickets[1].b[0] = 1;
    neg_put_tickets(&w, &t);
    assert_true(wr_ok(&w));
    end_write(p->theirs, out, w.len);
    carry(p, chunk);
    assert_true(csep_negotiate_event(p->n, &ev));
    assert_int_equal(ev.type, CSEP_NEG_GRANTED);
    assert_memory_equal(ev.secret, want, 32);
    assert_memory_equal(ev.handle, g.grant.handle, CSEP_HANDLE_LEN);
    assert_true(end_peer_closed(p->theirs)); //= NEG-55 type=test
    end_close(p->theirs);
    carry(p, chunk);
    assert_true(csep_negotiate_event(p->n, &ev));
    assert_int_equal(ev.type, CSEP_NEG_CLOSED);
    pair_free(p);
}

/* ---- They are the client ---- */

//= KEY-1, NEG-41, NEG-56 type=test
static void their_client(enum end_kind kind, size_t chunk)
{
    struct pair *p = pair_new(kind, true);
    uint8_t in[8192], secret[32], slot[32];
    struct csep_negotiate_event ev;
    struct neg_fields f;
    static struct neg_tickets t;
    struct csep_slot opened;
    carry(p, chunk);
    size_t n = end_read(p->theirs, in, sizeof in);
    assert_true(n > 8 && in[0] == CSEP_MSG_GRANT);
    size_t grant = message_len(in);
    their_secret(p, in, grant, secret);
    assert_int_equal(n, grant + message_len(in + grant));
    assert_ok(neg_scan(&f, in[grant], in + grant + 4, n - grant - 4));
    assert_ok(neg_get_tickets(&f, &t));
    //= KEY-4 type=test
    /* the ticket's slot secret, by HMAC alone: HKDF-Expand of one block */
    uint8_t hash[32],
        info[2 + 1 + 10 + 1 + 32 + 1] = {0, 32, 10, 'c', 's', 'e', 'p', '1', ' ', 's', 'l', 'o', 't', 32};
    crypto_hash_sha256(hash, t.tickets[0].b, t.tickets[0].len);
    memcpy(info + 14, hash, 32);
    info[46] = 1;
    crypto_auth_hmacsha256(slot, info, sizeof info, secret);
    struct csep_slot_source s = csep_grantor_slots(p->grantor);
    assert_int_equal(s.open(s.self, t.tickets[0].b, t.tickets[0].len, CSEP_TRANSPORT_UDP, T0, &opened),
                     CSEP_SLOT_OK);
    assert_memory_equal(opened.secret, slot, 32);
    /* one REQUEST by hand, its answer, and the end */
    end_write(p->theirs, (const uint8_t[]){3, 0, 0, 8, 0, 12, 0, 4, 0, 0, 0, 5}, 12);
    carry(p, chunk);
    n = end_read(p->theirs, in, sizeof in);
    assert_true(n > 8 && in[0] == CSEP_MSG_GRANT);
    end_close(p->theirs);
    carry(p, chunk);
    assert_true(csep_negotiate_event(p->n, &ev));
    assert_int_equal(ev.type, CSEP_NEG_CLOSED);
    assert_true(end_peer_closed(p->theirs));
    pair_free(p);
}

static void test_openssl_serves(void **state)
{
    (void)state;
    for (size_t chunk = 1; chunk <= 4096; chunk *= 4)
        their_server(END_OPENSSL, chunk);
}

static void test_gnutls_serves(void **state)
{
    (void)state;
    for (size_t chunk = 1; chunk <= 4096; chunk *= 4)
        their_server(END_GNUTLS, chunk);
}

static void test_openssl_asks(void **state)
{
    (void)state;
    for (size_t chunk = 1; chunk <= 4096; chunk *= 4)
        their_client(END_OPENSSL, chunk);
}

static void test_gnutls_asks(void **state)
{
    (void)state;
    for (size_t chunk = 1; chunk <= 4096; chunk *= 4)
        their_client(END_GNUTLS, chunk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openssl_serves),
        cmocka_unit_test(test_gnutls_serves),
        cmocka_unit_test(test_openssl_asks),
        cmocka_unit_test(test_gnutls_asks),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
