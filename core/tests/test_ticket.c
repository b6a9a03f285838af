/* SPDX-License-Identifier: BSD-2-Clause */
/* Tickets and address tokens as a server makes them, the keys that seal them, and the register of used ones.
 */
#define _GNU_SOURCE /* memmem() */
#include "context/ledger.h"
#include "context/strike.h"
#include "context/ticket.h"
#include "context/token.h"
#include "support.h"

#define T0  CSEP_SEC(5000)
#define DAY CSEP_SEC(86400)

struct bench {
    struct test_random random;
    struct csep_random rnd;
    struct ticket_keys keys;
};

static void setup(struct bench *b, uint64_t seed)
{
    b->rnd = test_random(&b->random, seed);
    assert_ok(ticket_keys_init(&b->keys, DAY, b->rnd, T0));
}

static void seal_place(struct bench *b, uint32_t index, csep_time until, struct csep_ticket *out)
{
    struct ticket_place p = {index, 7, 9, T0};
    ticket_put_place(&b->keys, &p, until, b->rnd, out);
}

static void seal_context(struct bench *b, bool bound, struct csep_ticket *out)
{
    struct ticket_context c = {.granted = T0, .expires = T0 + DAY, .made = T0 + 5, .bound = bound};
    memset(c.secret, 0xaa, sizeof c.secret);
    memset(c.handle, 0xbb, sizeof c.handle);
    memset(c.client_spki_sha256, 0xcc, sizeof c.client_spki_sha256);
    ticket_put_context(&b->keys, &c, b->rnd, out);
}

static bool opens(const struct bench *b, const struct csep_ticket *t)
{
    struct ticket_place p;
    return ticket_get_place(&b->keys, t->b, t->len, &p);
}

static void test_both_kinds_come_back(void **state)
{
    (void)state;
    struct bench b;
    struct csep_ticket t;
    struct ticket_place p;
    struct ticket_context c;
    setup(&b, 1);
    seal_place(&b, 12345, T0 + DAY, &t);
    assert_true(ticket_get_place(&b.keys, t.b, t.len, &p));
    assert_int_equal(p.index, 12345);
    assert_int_equal(p.generation, 7);
    assert_int_equal(p.slot, 9);
    assert_int_equal(p.made, T0);
    assert_false(ticket_get_context(&b.keys, t.b, t.len, &c));
    for (unsigned bound = 0; bound < 2; bound++) {
        seal_context(&b, bound, &t);
        assert_in_range(t.len, CSEP_TICKET_MIN, CSEP_TICKET_MAX);
        assert_true(ticket_get_context(&b.keys, t.b, t.len, &c));
        assert_int_equal(c.bound, bound);
        assert_int_equal(c.client_spki_sha256[31], bound ? 0xcc : 0);
        assert_int_equal(c.secret[31], 0xaa);
        assert_int_equal(c.made, T0 + 5);
        assert_false(opens(&b, &t));
    }
}

static void test_forged(void **state)
{
    (void)state;
    struct bench b, other;
    struct csep_ticket t;
    struct ticket_context c;
    setup(&b, 1);
    setup(&other, 2);
    seal_place(&b, 1, T0 + DAY, &t);
    for (unsigned bit = 0; bit < 8u * t.len; bit++) {
        t.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(opens(&b, &t));
        t.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(opens(&b, &t));
    assert_false(opens(&other, &t)); /* another server's */
    for (uint8_t n = 0; n < 255; n++) {
        struct ticket_place p;
        if (n != t.len)
            assert_false(ticket_get_place(&b.keys, t.b, n, &p));
    }
    seal_context(&b, true, &t);
    for (unsigned bit = 0; bit < 8u * t.len; bit++) {
        t.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(ticket_get_context(&b.keys, t.b, t.len, &c));
        t.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_false(ticket_get_context(&other.keys, t.b, t.len, &c));
}

/* ---- Rotation ---- */

//= CTX-7 type=test
static void test_rotation_overlap(void **state)
{
    (void)state;
    struct bench b;
    struct csep_ticket t;
    setup(&b, 1);
    csep_time longest = ticket_keys_longest(&b.keys);
    assert_int_equal(longest, 3 * DAY);
    /* the worst case: sealed just before its key is rotated out, for as long as may be */
    csep_time sealed = T0 + DAY - 1;
    seal_place(&b, 1, sealed + longest, &t);
    for (unsigned day = 1; day <= 3; day++) {
        ticket_keys_expire(&b.keys, b.rnd, T0 + day * DAY);
        assert_true(opens(&b, &t));
    }
    ticket_keys_expire(&b.keys, b.rnd, sealed + longest - 1);
    assert_true(opens(&b, &t));
    ticket_keys_expire(&b.keys, b.rnd, sealed + longest);
    assert_false(opens(&b, &t));
    assert_in_range(b.keys.num, 1, 4);
}

static void test_new_tickets_use_the_new_key(void **state)
{
    (void)state;
    struct bench b;
    struct csep_ticket t;
    setup(&b, 1);
    struct ticket_keys old = b.keys;
    seal_place(&b, 1, T0 + 4 * DAY, &t);
    assert_int_equal(ticket_keys_deadline(&b.keys), T0 + DAY);
    ticket_keys_expire(&b.keys, b.rnd, T0 + DAY - 1);
    assert_int_equal(b.keys.num, 1);
    ticket_keys_expire(&b.keys, b.rnd, T0 + DAY);
    assert_int_equal(b.keys.num, 2);
    seal_place(&b, 2, T0 + 2 * DAY, &t);
    struct ticket_place p;
    assert_false(ticket_get_place(&old, t.b, t.len, &p));
    assert_true(opens(&b, &t));
}

/* A key that sealed nothing, or whose seals are over, is not kept. */
static void test_keys_go_when_they_are_over(void **state)
{
    (void)state;
    struct bench b;
    struct csep_ticket t;
    setup(&b, 1);
    ticket_keys_expire(&b.keys, b.rnd, T0 + DAY);
    assert_int_equal(b.keys.num, 1);
    seal_place(&b, 1, T0 + 2 * DAY + 100, &t);
    ticket_keys_expire(&b.keys, b.rnd, T0 + 2 * DAY);
    assert_int_equal(b.keys.num, 2);
    assert_int_equal(ticket_keys_deadline(&b.keys), T0 + 2 * DAY + 100);
    ticket_keys_expire(&b.keys, b.rnd, T0 + 2 * DAY + 100);
    assert_int_equal(b.keys.num, 1);
}

static bool holds(const struct ticket_keys *k, const uint8_t key[32])
{
    return memmem(k, sizeof *k, key, 32) != NULL;
}

//= SEC-8 type=test
static void test_old_keys_are_destroyed(void **state)
{
    (void)state;
    struct bench b;
    struct csep_ticket t;
    uint8_t keys[8][32];
    setup(&b, 1);
    for (unsigned day = 0; day < 8;
         day++) { /* the longest and the shortest lives, so that all places are used */
        memcpy(keys[day], b.keys.key[0].b, 32);
        csep_time now = T0 + day * DAY;
        seal_place(&b, 1, now + (day % 2 ? ticket_keys_longest(&b.keys) : CSEP_SEC(1)), &t);
        ticket_keys_expire(&b.keys, b.rnd, now + DAY);
        for (unsigned i = 0; i <= day; i++) {
            bool kept = false;
            for (unsigned k = 0; k < b.keys.num; k++)
                kept |= !memcmp(b.keys.key[k].b, keys[i], 32);
            assert_int_equal(holds(&b.keys, keys[i]), kept);
            assert_int_equal(kept, i % 2 && (day - i) < 2);
        }
    }
}

static void zeros(void *self, uint8_t *out, size_t n)
{
    (void)self;
    memset(out, 0, n);
}

//= CTX-8 type=test
static void test_zero_key_refused(void **state)
{
    (void)state;
    struct bench b;
    struct csep_ticket t;
    struct csep_random broken = {zeros, NULL};
    assert_status(ticket_keys_init(&b.keys, DAY, broken, T0), CSEP_ERR_INTERNAL);
    setup(&b, 1);
    seal_place(&b, 1, T0 + 2 * DAY, &t);
    ticket_keys_expire(&b.keys, broken, T0 + DAY); /* the old key goes on, and rotation is tried again soon */
    assert_true(opens(&b, &t));
    assert_int_equal(b.keys.num, 1);
    ticket_keys_expire(&b.keys, b.rnd, T0 + DAY + CSEP_SEC(1));
    assert_int_equal(b.keys.num, 2);
}

/* ---- Unlinkability ---- */

/* 10^4 tickets of one context look like noise: no byte position is biased, no two share a run of 8 bytes. */
static int by_start(const void *a, const void *b)
{
    return memcmp(a, b, 8);
}

static void check_noise(const struct csep_ticket *t, unsigned num)
{
    static uint8_t runs[10000][8];
    unsigned len = t[0].len;
    for (unsigned pos = 0; pos < len; pos++) {
        unsigned count[256] = {0};
        double chi = 0, want = num / 256.0;
        for (unsigned i = 0; i < num; i++)
            count[t[i].b[pos]]++;
        for (unsigned v = 0; v < 256; v++)
            chi += (count[v] - want) * (count[v] - want) / want;
        assert_true(chi > 150 && chi < 380); /* 255 degrees of freedom: 255 +- 22.6 */
    }
    for (unsigned pos = 0; pos + 8 <= len; pos += 8) {
        for (unsigned i = 0; i < num; i++)
            memcpy(runs[i], t[i].b + pos, 8);
        qsort(runs, num, 8, by_start);
        for (unsigned i = 1; i < num; i++)
            assert_memory_not_equal(runs[i - 1], runs[i], 8);
    }
}

//= CTX-2 type=test
static void test_unlinkable(void **state)
{
    (void)state;
    enum { NUM = 10000 };
    struct bench b;
    struct csep_ticket *t = calloc(NUM, sizeof *t);
    assert_non_null(t);
    setup(&b, 1);
    for (unsigned i = 0; i < NUM; i++)
        seal_place(&b, 1, T0 + DAY, &t[i]);
    check_noise(t, NUM);
    for (unsigned i = 0; i < NUM; i++)
        seal_context(&b, true, &t[i]);
    check_noise(t, NUM);
    free(t);
}

/* A ticket begins with the nonce that it is sealed under. //= SEC-7 type=test */
static void test_nonces_differ(void **state)
{
    (void)state;
    enum { NUM = 10000, NONCE = 24 };
    struct bench b;
    struct csep_ticket t;
    uint8_t(*nonces)[NONCE] = calloc(NUM, NONCE);
    assert_non_null(nonces);
    setup(&b, 1);
    for (unsigned i = 0; i < NUM; i++) {
        if (i % 2)
            seal_context(&b, i % 4 == 1, &t);
        else
            seal_place(&b, i, T0 + DAY, &t);
        memcpy(nonces[i], t.b, NONCE);
        t.b[i % NONCE] ^= 1; /* it is what the key goes with */
        assert_false(opens(&b, &t));
    }
    qsort(nonces, NUM, NONCE, by_start);
    for (unsigned i = 1; i < NUM; i++)
        assert_memory_not_equal(nonces[i - 1], nonces[i], 8);
    free(nonces);
}

/* ---- Strike register ---- */

//= CTX-5 type=test
static void test_strike(void **state)
{
    (void)state;
    struct test_alloc alloc;
    struct csep_alloc a = test_alloc(&alloc);
    struct strike s;
    assert_ok(strike_init(&s, 100, a, T0));
    assert_true(strike_add(&s, 5, T0));
    assert_false(strike_add(&s, 5, T0));
    assert_false(strike_add(&s, 5, T0 + STRIKE_WINDOW)); /* at least 20 s, whenever it came in a window */
    assert_true(strike_add(&s, 6, T0 + 2 * STRIKE_WINDOW - 1));
    assert_true(strike_seen(&s, 6, T0 + 3 * STRIKE_WINDOW - 1));
    assert_false(strike_seen(&s, 5, T0 + 3 * STRIKE_WINDOW));
    assert_false(strike_seen(&s, 6, T0 + 9 * STRIKE_WINDOW));
    strike_free(&s, a);
    test_alloc_done(&alloc);
}

static void test_strike_is_bounded(void **state)
{
    (void)state;
    struct test_alloc alloc;
    struct csep_alloc a = test_alloc(&alloc);
    struct test_random r = {1, 0};
    struct strike s;
    assert_ok(strike_init(&s, 1000, a, T0));
    size_t held = alloc.live;
    for (unsigned i = 0; i < 1000; i++)
        assert_true(strike_add(&s, 1 + test_random_below(&r, UINT64_MAX - 1), T0));
    assert_true(strike_full(&s, T0));
    assert_false(strike_add(&s, 1, T0)); /* what cannot be remembered must not happen */
    assert_true(strike_add(&s, 1, T0 + STRIKE_WINDOW));
    assert_int_equal(alloc.live, held);
    assert_int_equal(alloc.live, strike_memory(&s));
    strike_free(&s, a);
    for (uint64_t at = 1; at <= 2; at++) {
        alloc.fail_from = alloc.gets + at;
        assert_status(strike_init(&s, 1000, a, T0), CSEP_ERR_MEMORY);
        alloc.fail_from = 0;
    }
    test_alloc_done(&alloc);
}

/* Nothing that was used within the last 20 s is ever forgotten, whatever the times are. */
static void test_strike_never_forgets_early(void **state)
{
    (void)state;
    struct test_alloc alloc;
    struct csep_alloc a = test_alloc(&alloc);
    struct test_random r = {2, 0};
    struct strike s;
    csep_time used[400], now = T0;
    assert_ok(strike_init(&s, 1000, a, T0));
    for (unsigned i = 0; i < 400; i++) {
        now += test_random_below(&r, CSEP_SEC(2));
        used[i] = now;
        assert_true(strike_add(&s, i + 1, now));
        for (unsigned k = 0; k <= i; k++)
            if (now - used[k] < STRIKE_WINDOW)
                assert_true(strike_seen(&s, k + 1, now));
    }
    strike_free(&s, a);
}

/* ---- Ledger ---- */

static void test_ledger(void **state)
{
    (void)state;
    struct test_alloc alloc;
    struct csep_alloc a = test_alloc(&alloc);
    struct ledger l;
    uint8_t h[CSEP_HANDLE_LEN] = {1}, other[CSEP_HANDLE_LEN] = {1};
    assert_ok(ledger_init(&l, 4, a));
    assert_null(ledger_find(&l, h, T0));
    ledger_end(ledger_get(&l, h, T0 + DAY, T0), T0);
    for (uint8_t i = 1; i < 20; i++) { /* a flood of others in the same bucket does not wash it away */
        other[15] = i;
        ledger_get(&l, other, T0 + DAY, T0)->used.packets = i;
    }
    assert_non_null(ledger_find(&l, h, T0));
    assert_int_equal(ledger_find(&l, h, T0)->over_at, T0);
    assert_false(ledger_forgot(&l, h, T0));
    assert_non_null(ledger_find(&l, other, T0)); /* the least used went */
    assert_null(ledger_find(&l, h, T0 + DAY));
    /* full of such: the one that was over first makes room, and nothing so old is believed any more */
    for (uint8_t i = 1; i < 10; i++) {
        other[15] = i;
        ledger_end(ledger_get(&l, other, T0 + DAY, T0 + i), T0 + i);
    }
    assert_null(ledger_find(&l, h, T0));
    assert_true(ledger_forgot(&l, h, T0));
    assert_true(ledger_forgot(&l, h, T0 + 5));
    assert_false(ledger_forgot(&l, h, T0 + 6)); /* of those since, all are known */
    assert_non_null(ledger_find(&l, other, T0));
    ledger_free(&l, a);
    alloc.fail_from = alloc.gets + 1;
    assert_status(ledger_init(&l, 4, a), CSEP_ERR_MEMORY);
    test_alloc_done(&alloc);
}

/* ---- Address tokens ---- */

//= DATA-17 type=test
static void test_tokens(void **state)
{
    (void)state;
    struct bench b, other;
    struct csep_addr addr = {4, {192, 0, 2, 1}, 1000}, port = addr, ip = addr, six = addr;
    uint8_t token[TOKEN_LEN];
    setup(&b, 1);
    setup(&other, 2);
    token_put(&b.keys, &addr, T0 + DAY, b.rnd, token);
    port.port = 2000;
    ip.ip[3] = 2;
    six.family = 6;
    assert_true(token_check(&b.keys, token, sizeof token, &addr, T0));
    assert_true(token_check(&b.keys, token, sizeof token, &port, T0));
    assert_false(token_check(&b.keys, token, sizeof token, &ip, T0));
    assert_false(token_check(&b.keys, token, sizeof token, &six, T0));
    assert_false(token_check(&other.keys, token, sizeof token, &addr, T0));
    assert_true(token_check(&b.keys, token, sizeof token, &addr, T0 + DAY - 1));
    assert_false(token_check(&b.keys, token, sizeof token, &addr, T0 + DAY));
    assert_false(token_check(&b.keys, token, sizeof token - 1, &addr, T0));
    assert_false(token_check(&b.keys, token, 0, &addr, T0));
    for (unsigned bit = 0; bit < 8 * sizeof token; bit++) {
        token[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(token_check(&b.keys, token, sizeof token, &addr, T0));
        token[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    /* a token is no ticket and a ticket no token, though the same key sealed them */
    struct ticket_place p;
    assert_false(ticket_get_place(&b.keys, token, sizeof token, &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_kinds_come_back),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_rotation_overlap),
        cmocka_unit_test(test_new_tickets_use_the_new_key),
        cmocka_unit_test(test_keys_go_when_they_are_over),
        cmocka_unit_test(test_old_keys_are_destroyed),
        cmocka_unit_test(test_zero_key_refused),
        cmocka_unit_test(test_unlinkable),
        cmocka_unit_test(test_nonces_differ),
        cmocka_unit_test(test_strike),
        cmocka_unit_test(test_strike_is_bounded),
        cmocka_unit_test(test_strike_never_forgets_early),
        cmocka_unit_test(test_ledger),
        cmocka_unit_test(test_tokens),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
