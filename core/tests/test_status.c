/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables behind csep_status and the trace: complete, unambiguous, and safe to ask about anything. */
#include "support.h"

#include "base/emit.h"
#include "csep/status.h"
#include "csep/time.h"

static void test_every_status_has_its_own_name_and_code(void **state)
{
    (void)state;
    for (int a = 0; a < CSEP_STATUS_COUNT; a++) {
        csep_status s = (csep_status)a;
        assert_true(csep_status_name(s)[0] && csep_status_text(s)[0]);
        assert_true(csep_status_alert(s) <= 120);
        assert_int_equal(csep_status_fault(s) == CSEP_FAULT_NONE,
                         s == CSEP_OK || s == CSEP_AGAIN || s == CSEP_ERR_IDLE);
        for (int b = CSEP_AGAIN + 1; b < a; b++) {
            assert_string_not_equal(csep_status_name(s), csep_status_name((csep_status)b));
            assert_int_not_equal(csep_status_wire(s), csep_status_wire((csep_status)b));
        }
    }
    assert_string_equal(csep_status_name(CSEP_ERR_DECODE), "ERR_DECODE");
    assert_int_equal(csep_status_wire(CSEP_OK), 0);
}

static void test_a_status_that_is_none(void **state)
{
    (void)state;
    const int strange[] = {CSEP_STATUS_COUNT, -1, 1 << 20};
    for (unsigned i = 0; i < 3; i++) {
        assert_string_equal(csep_status_name((csep_status)strange[i]), "UNKNOWN");
        assert_int_equal(csep_status_wire((csep_status)strange[i]),
                         csep_status_wire(CSEP_ERR_INTERNAL)); //= API-1
        assert_int_equal(csep_status_fault((csep_status)strange[i]), CSEP_FAULT_LOCAL);
    }
}

static void test_trace_names(void **state)
{
    (void)state;
    for (int a = 0; a < CSEP_TRACE_COUNT; a++) {
        enum csep_trace_type t = (enum csep_trace_type)a;
        assert_non_null(strchr(csep_trace_name(t), ':'));
        for (int b = 0; b < a; b++)
            assert_string_not_equal(csep_trace_name(t), csep_trace_name((enum csep_trace_type)b));
        for (unsigned i = 1; i < 4; i++) /* arguments are named from the first on, without a gap */
            assert_false(csep_trace_arg(t, i)[0] && !csep_trace_arg(t, i - 1)[0]);
        assert_string_equal(csep_trace_arg(t, 4), "");
    }
    assert_string_equal(csep_trace_name(CSEP_TRACE_COUNT), "unknown");
    assert_string_equal(csep_trace_arg(CSEP_TRACE_COUNT, 0), "");
}

static void test_trace_is_silent_without_an_ear(void **state)
{
    (void)state;
    struct csep_trace off = {0};
    TRACE(&off, 1, DATA_EARLY, 1);
    struct test_trace t = {0};
    struct csep_trace on = test_trace(&t, 7);
    TRACE(&on, 5, DATA_STATE, 1, 2);
    assert_int_equal(t.num, 1);
    assert_true(t.events[0].at == 5 && t.events[0].object == 7 && t.events[0].arg[1] == 2 &&
                t.events[0].arg[3] == 0);
    test_trace_free(&t);
}

static void test_sums_of_time_are_never_never(void **state)
{
    (void)state;
    assert_true(csep_time_add(CSEP_SEC(1), CSEP_MS(1)) == UINT64_C(1001000000));
    assert_true(csep_time_add(CSEP_NEVER - 5, 3) == CSEP_NEVER - 2);
    assert_true(csep_time_add(CSEP_NEVER - 5, 4) == CSEP_NEVER - 1);
    assert_true(csep_time_add(CSEP_NEVER - 5, CSEP_NEVER) == CSEP_NEVER - 1);
    assert_true(csep_time_add(CSEP_NEVER - 1, 0) == CSEP_NEVER - 1);
    assert_true(csep_time_add(0, CSEP_NEVER - 1) == CSEP_NEVER - 1);
    assert_true(csep_time_min(3, CSEP_NEVER) == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_has_its_own_name_and_code),
        cmocka_unit_test(test_a_status_that_is_none),
        cmocka_unit_test(test_trace_names),
        cmocka_unit_test(test_trace_is_silent_without_an_ear),
        cmocka_unit_test(test_sums_of_time_are_never_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
