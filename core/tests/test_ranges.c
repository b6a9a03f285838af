/* SPDX-License-Identifier: BSD-2-Clause */
/* Interval sets against a plain array of bits, and timers against a search. */
#include "base/ranges.h"
#include "base/timers.h"
#include "support.h"

#define SPAN 200

static void check(const struct ranges *s, const bool bits[SPAN])
{
    uint32_t i = 0;
    for (unsigned v = 0; v < SPAN;) {
        if (!bits[v]) {
            v++;
            continue;
        }
        unsigned end = v;
        while (end < SPAN && bits[end])
            end++;
        assert_true(i < s->num);
        assert_int_equal(ranges_at(s, i)->lo, v);
        assert_int_equal(ranges_at(s, i)->hi, end);
        i++;
        v = end;
    }
    assert_int_equal(i, s->num);
}

static void check_gap(const struct ranges *s, const bool bits[SPAN], unsigned lo, unsigned hi)
{
    struct range gap;
    unsigned v = lo, end;
    while (v < hi && bits[v])
        v++;
    assert_int_equal(ranges_gap(s, lo, hi, &gap), v < hi);
    assert_int_equal(ranges_cover(s, lo, hi), v >= hi);
    if (v >= hi)
        return;
    for (end = v; end < hi && !bits[end]; end++)
        ;
    assert_int_equal(gap.lo, v);
    assert_int_equal(gap.hi, end);
}

static void test_ranges(void **state)
{
    (void)state;
    struct test_random r;
    struct test_alloc a = {0};
    (void)test_random(&r, 5);
    for (unsigned round = 0; round < 50; round++) {
        struct mem m = {test_alloc(&a), 0};
        struct ranges s;
        bool bits[SPAN] = {false};
        ranges_init(&s);
        for (unsigned step = 0; step < 200; step++) {
            unsigned lo = (unsigned)test_random_below(&r, SPAN),
                     hi = lo + (unsigned)test_random_below(&r, 12);
            bool add = test_random_below(&r, 3) > 0;
            if (hi > SPAN)
                hi = SPAN;
            assert_true(add ? ranges_add(&s, &m, 1000, lo, hi) : ranges_remove(&s, &m, 1000, lo, hi));
            for (unsigned v = lo; v < hi; v++)
                bits[v] = add;
            check(&s, bits);
            check_gap(&s, bits, lo, SPAN);
            check_gap(&s, bits, 0, hi);
        }
        ranges_wipe(&s, &m);
        assert_int_equal(m.held, 0);
        test_alloc_done(&a);
    }
}

static void test_ranges_bounded(void **state)
{
    (void)state;
    struct test_alloc a = {0};
    struct mem m = {test_alloc(&a), 0};
    struct ranges s;
    ranges_init(&s);
    for (uint64_t i = 0; i < 32; i++)
        assert_true(ranges_add(&s, &m, 32, 2 * i, 2 * i + 1));
    assert_false(ranges_add(&s, &m, 32, 100, 101));
    assert_false(ranges_cover(&s, 100, 101));
    assert_true(ranges_add(&s, &m, 32, 1, 2)); /* joins two */
    assert_int_equal(s.num, 31);
    while (s.num)
        ranges_drop_lowest(&s, &m);
    assert_int_equal(m.held, 0);
    assert_true(ranges_add(&s, &m, 32, UINT64_MAX - 1, UINT64_MAX));
    ranges_wipe(&s, &m);
    test_alloc_done(&a);
}

static void test_timers(void **state)
{
    (void)state;
    struct test_alloc a = {0};
    struct mem m = {test_alloc(&a), 0};
    struct test_random r;
    struct timers h = {0};
    struct timer_node n[40] = {{0}};
    (void)test_random(&r, 9);
    for (unsigned step = 0; step < 5000; step++) {
        struct timer_node *x = &n[test_random_below(&r, 40)];
        if (test_random_below(&r, 4))
            assert_true(timers_set(&h, &m, x, test_random_below(&r, 100)));
        else
            timers_remove(&h, &m, x);
        csep_time least = CSEP_NEVER;
        unsigned count = 0;
        for (unsigned i = 0; i < 40; i++)
            if (n[i].place) {
                least = csep_time_min(least, n[i].at);
                count++;
            }
        assert_int_equal(count, h.num);
        assert_int_equal(timers_first(&h) ? timers_first(&h)->at : CSEP_NEVER, least);
    }
    timers_wipe(&h, &m);
    test_alloc_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_ranges_bounded),
        cmocka_unit_test(test_timers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
