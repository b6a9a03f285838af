/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's store: keys, bounds, eviction, deadlines, a million contexts. */
#include "context/store.h"
#include "support.h"

#define T0 CSEP_SEC(5000)

struct bench {
    struct test_alloc alloc;
    struct test_random random;
    struct csep_store store;
    struct csep_grant grant;
    struct csep_ticket tickets[2];
};

static struct bench *bench_new(size_t max_contexts)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    struct csep_store_config cfg = {
        .max_contexts = max_contexts, .alloc = test_alloc(&b->alloc), .random = test_random(&b->random, 1)};
    assert_ok(csep_store_init(&b->store, &cfg));
    b->grant.lifetime = 1000;
    b->grant.aeads[0] = CSEP_AEAD_CHACHA20_POLY1305;
    b->grant.num_aeads = 1;
    b->grant.transports[0] = (struct csep_grant_transport){1, 0, 1, 4433, 1472, 3600, ""};
    b->grant.num_transports = 1;
    for (unsigned i = 0; i < 2; i++) {
        b->tickets[i].len = 16;
        b->tickets[i].b[0] = (uint8_t)i;
    }
    return b;
}

static void bench_free(struct bench *b)
{
    csep_store_wipe(&b->store);
    test_alloc_done(&b->alloc);
    free(b);
}

static struct csep_store_key key(uint8_t peer, const char *service, const char *group, uint8_t client)
{
    struct csep_store_key k = {.service = service, .group = group};
    memset(k.peer_spki_sha256, peer, sizeof k.peer_spki_sha256);
    memset(k.client_spki_sha256, client, sizeof k.client_spki_sha256);
    return k;
}

static void install(struct bench *b, struct csep_context *c, csep_time now)
{
    uint8_t secret[32] = {1};
    assert_ok(csep_context_install(&b->store, c, &b->grant, secret, b->tickets, 2, 0, now));
}

//= CTX-21, CTX-25 type=test
static void test_keys_keep_apart(void **state)
{
    (void)state;
    struct bench *b = bench_new(0);
    const struct csep_store_key keys[] = {
        key(1, "a:1", "", 0), key(2, "a:1", "", 0), key(1, "b:1", "", 0), key(1, "a:1", "x", 0),
        key(1, "a:1", "", 9), key(1, "a:", "1", 0), key(1, "", "a:1", 0), key(1, "a:1x", "", 0),
    };
    enum { NUM = sizeof keys / sizeof keys[0] };
    struct csep_context *c[NUM];
    for (unsigned i = 0; i < NUM; i++) {
        assert_null(csep_store_find(&b->store, &keys[i]));
        c[i] = csep_store_get(&b->store, &keys[i], T0);
        for (unsigned k = 0; k < i; k++)
            assert_ptr_not_equal(c[i], c[k]);
    }
    assert_int_equal(csep_store_count(&b->store), NUM);
    for (unsigned i = 0; i < NUM; i++) {
        assert_ptr_equal(csep_store_find(&b->store, &keys[i]), c[i]);
        assert_ptr_equal(csep_store_get(&b->store, &keys[i], T0), c[i]);
    }
    bench_free(b);
}

/* The peer is often known only after the first negotiation. */
static void test_peer_becomes_known(void **state)
{
    (void)state;
    struct bench *b = bench_new(0);
    struct csep_store_key unknown = key(0, "a:1", "", 0), known = key(7, "a:1", "", 0),
                          other = key(8, "a:1", "", 0);
    struct csep_context *c = csep_store_get(&b->store, &unknown, T0);
    csep_context_input(&b->store, c, CSEP_CTX_IN_NEGOTIATE, T0);
    assert_ptr_equal(csep_store_find_service(&b->store, "a:1", "", unknown.client_spki_sha256), c);
    assert_null(csep_store_find(&b->store, &known));
    assert_ptr_equal(csep_store_get(&b->store, &known, T0), c); /* taken over */
    install(b, c, T0);
    assert_null(csep_store_find(&b->store, &unknown));
    /* another key under the same name gets a context of its own; the usable one is preferred by name */
    struct csep_context *d = csep_store_get(&b->store, &other, T0);
    assert_ptr_not_equal(d, c);
    assert_ptr_equal(csep_store_find_service(&b->store, "a:1", "", unknown.client_spki_sha256), c);
    assert_null(csep_store_find_service(&b->store, "a:1", "private", unknown.client_spki_sha256));
    csep_context_input(&b->store, c, CSEP_CTX_IN_FORGET, T0);
    assert_null(csep_store_find(&b->store, &known));
    assert_ptr_equal(csep_store_find_service(&b->store, "a:1", "", unknown.client_spki_sha256), d);
    /* what was granted under an unknown peer is never handed to a known one */
    struct csep_context *e = csep_store_get(&b->store, &unknown, T0);
    install(b, e, T0);
    assert_ptr_not_equal(csep_store_get(&b->store, &known, T0), e);
    bench_free(b);
}

//= CTX-22 type=test
static void test_least_recently_used_goes_first(void **state)
{
    (void)state;
    struct bench *b = bench_new(3);
    struct csep_store_key k[5];
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    for (unsigned i = 0; i < 5; i++)
        k[i] = key(1, names[i], "", 0);
    for (unsigned i = 0; i < 3; i++)
        install(b, csep_store_get(&b->store, &k[i], T0), T0);
    assert_non_null(csep_store_find(&b->store, &k[0])); /* a is younger than b now */
    assert_non_null(csep_store_get(&b->store, &k[3], T0));
    assert_int_equal(csep_store_count(&b->store), 3);
    assert_null(csep_store_find(&b->store, &k[1]));
    assert_non_null(csep_store_find(&b->store, &k[0]));
    bench_free(b);
}

static void test_one_that_negotiates_stays(void **state)
{
    (void)state;
    struct bench *b = bench_new(2);
    struct csep_store_key k0 = key(1, "a", "", 0), k1 = key(1, "b", "", 0), k2 = key(1, "c", "", 0);
    struct csep_context *a = csep_store_get(&b->store, &k0, T0), *c = csep_store_get(&b->store, &k1, T0);
    csep_context_input(&b->store, a, CSEP_CTX_IN_NEGOTIATE, T0);
    assert_non_null(csep_store_get(&b->store, &k2, T0)); /* c went, though a is older */
    assert_ptr_equal(csep_store_find(&b->store, &k0), a);
    assert_null(csep_store_find(&b->store, &k1));
    c = csep_store_find(&b->store, &k2);
    csep_context_input(&b->store, c, CSEP_CTX_IN_NEGOTIATE, T0);
    assert_null(csep_store_get(&b->store, &k1, T0)); /* full of those */
    bench_free(b);
}

/* Nor does one go that is used while its refresh runs: somebody waits for what will be installed in it. */
static void test_one_that_is_refreshed_stays(void **state)
{
    (void)state;
    for (unsigned failed = 0; failed < 2; failed++) {
        struct bench *b = bench_new(2);
        struct csep_store_key k[4];
        static const char *const names[] = {"a", "b", "c", "d"};
        for (unsigned i = 0; i < 4; i++)
            k[i] = key(1, names[i], "", 0);
        struct csep_context *a = csep_store_get(&b->store, &k[0], T0);
        install(b, a, T0);
        csep_context_input(&b->store, a, CSEP_CTX_IN_NEGOTIATE, T0);
        assert_true(csep_ctx_usable(csep_context_state(a)));
        for (unsigned i = 1; i < 4; i++)
            assert_non_null(csep_store_get(&b->store, &k[i], T0));
        assert_ptr_equal(csep_store_find(&b->store, &k[0]), a);
        if (failed)
            csep_context_input(&b->store, a, CSEP_CTX_IN_FAILED, T0);
        else
            install(b, a, T0);
        for (unsigned i = 1; i < 3; i++)
            assert_non_null(csep_store_get(&b->store, &k[i], T0));
        assert_null(csep_store_find(&b->store, &k[0]));
        bench_free(b);
    }
}

static void test_deadlines_in_order(void **state)
{
    (void)state;
    struct bench *b = bench_new(0);
    struct test_random r = {5, 0};
    char name[16];
    for (unsigned i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "host%u", i);
        struct csep_store_key k = key(1, name, "", 0);
        b->grant.lifetime = 100 + (uint32_t)test_random_below(&r, 1000);
        install(b, csep_store_get(&b->store, &k, T0), T0);
    }
    csep_time last = 0;
    unsigned steps = 0;
    for (csep_time at; (at = csep_store_deadline(&b->store)) != CSEP_NEVER; steps++) {
        assert_true(at > last);
        csep_store_expire(&b->store, at);
        last = at;
    }
    assert_in_range(steps, 500, 1000); /* a soft and a hard limit each; some share a second */
    bench_free(b);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct bench *b = bench_new(0);
    struct csep_store_key k = key(1, "a", "", 0);
    for (uint64_t at = 1; at <= 2; at++) {
        b->alloc.fail_from = b->alloc.gets + at;
        assert_null(csep_store_get(&b->store, &k, T0));
        b->alloc.fail_from = 0;
        assert_int_equal(csep_store_count(&b->store), 0);
    }
    assert_non_null(csep_store_get(&b->store, &k, T0));
    bench_free(b);
}

/* Chains stay short, whatever the number: a lookup walks over no more than a handful. */
static void test_a_million(void **state)
{
    (void)state;
    enum { MILLION = 1000000 };
    struct bench *b = bench_new(MILLION);
    char name[32];
    for (unsigned i = 0; i < MILLION; i++) {
        snprintf(name, sizeof name, "host%u.example:443", i);
        struct csep_store_key k = key(1, name, "", 0);
        assert_non_null(csep_store_get(&b->store, &k, T0));
    }
    assert_int_equal(csep_store_count(&b->store), MILLION);
    unsigned longest = 0;
    for (size_t i = 0; i < b->store.num_chains; i++) {
        unsigned n = 0;
        for (const struct csep_context *c = b->store.chains[i]; c; c = c->chain)
            n++;
        longest = n > longest ? n : longest;
    }
    assert_in_range(longest, 1, 16);
    /* 256 for the context, and what tables and lists take for it */
    assert_in_range(b->alloc.live / MILLION, 200, 300);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_keep_apart),
        cmocka_unit_test(test_peer_becomes_known),
        cmocka_unit_test(test_least_recently_used_goes_first),
        cmocka_unit_test(test_one_that_negotiates_stays),
        cmocka_unit_test(test_one_that_is_refreshed_stays),
        cmocka_unit_test(test_deadlines_in_order),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_a_million),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
