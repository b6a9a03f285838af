/* SPDX-License-Identifier: BSD-2-Clause */
/* The helpers that other tests trust. */
#include "support.h"

static void test_random_repeats(void **state)
{
    (void)state;
    struct test_random a, b, c;
    uint8_t x[3][40], y[40];
    struct csep_random ra = test_random(&a, 1), rb = test_random(&b, 1), rc = test_random(&c, 2);
    ra.fill(ra.self, x[0], 40);
    rb.fill(rb.self, x[1], 40);
    rc.fill(rc.self, x[2], 40);
    ra.fill(ra.self, y, 40);
    assert_memory_equal(x[0], x[1], 40);
    assert_memory_not_equal(x[0], x[2], 40);
    assert_memory_not_equal(x[0], y, 40);
}

static void test_memory_is_counted(void **state)
{
    (void)state;
    struct test_alloc a;
    struct csep_alloc m = test_alloc(&a);
    void *p = m.get(m.self, 100), *q = m.get(m.self, 50);
    assert_non_null(p);
    assert_non_null(q);
    m.put(m.self, p, 100);
    assert_int_equal(a.live, 50);
    assert_int_equal(a.peak, 150);
    assert_int_equal(a.blocks, 1);
    m.put(m.self, q, 50);
    test_alloc_done(&a);
    a.fail_from = a.gets + 1;
    assert_null(m.get(m.self, 1));
}

static void test_trace_is_recorded(void **state)
{
    (void)state;
    struct test_trace t = {0};
    struct csep_trace sink = test_trace(&t, 7);
    for (unsigned i = 0; i < 100; i++)
        sink.emit(sink.self, &(struct csep_trace_event){i, 7, CSEP_TRACE_NEG_FAILED, {i, 0, 0, 0}});
    assert_int_equal(test_trace_count(&t, CSEP_TRACE_NEG_FAILED), 100);
    assert_int_equal(test_trace_find(&t, CSEP_TRACE_NEG_FAILED, 99)->arg[0], 99);
    assert_null(test_trace_find(&t, CSEP_TRACE_NEG_FAILED, 100));
    test_trace_free(&t);
}

static void test_hex(void **state)
{
    (void)state;
    uint8_t b[4];
    assert_int_equal(test_unhex(b, sizeof b, "00ff10"), 3);
    assert_memory_equal(b, "\x00\xff\x10", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_repeats),
        cmocka_unit_test(test_memory_is_counted),
        cmocka_unit_test(test_trace_is_recorded),
        cmocka_unit_test(test_hex),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
