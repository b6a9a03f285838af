/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/keyed.h"
#include "support.h"

struct element {
    uint32_t key, value;
};

/* All keys are found again, in whatever order they came. */
static void test_orders(void **state)
{
    (void)state;
    enum { NUM = 131072 };
    for (unsigned step = 1; step < 131072; step = step * 8 - 1) {
        struct test_alloc alloc;
        struct mem m = {test_alloc(&alloc), 0};
        struct keyed k = {0};
        bool is_new;
        for (uint32_t i = 0, key = NUM - 1; i < NUM; i++, key = (key - step) & (NUM - 1)) {
            struct element *e = keyed_get(&k, &m, sizeof *e, key, &is_new);
            assert_non_null(e);
            assert_true(is_new && e->key == key && e->value == 0);
            e->value = ~key;
        }
        for (uint32_t key = 0; key < NUM; key++) {
            struct element *e = keyed_get(&k, &m, sizeof *e, key, &is_new);
            assert_true(!is_new && e->key == key && e->value == ~key);
        }
        keyed_wipe(&k, &m, sizeof(struct element));
        assert_int_equal(m.held, 0);
        test_alloc_done(&alloc);
    }
}

/* Without memory nothing changes. */
static void test_no_memory(void **state)
{
    (void)state;
    struct test_alloc alloc;
    struct mem m = {test_alloc(&alloc), 0};
    for (uint64_t n = 1; n < 16; n++) {
        struct keyed k = {0};
        bool is_new;
        uint32_t num = 0;
        alloc.fail_from = 0;
        for (; num < 40; num++) {
            if (num == 2 * n)
                alloc.fail_from = 1;
            if (!keyed_get(&k, &m, sizeof(struct element), num * 7, &is_new))
                break;
        }
        for (uint32_t i = 0; i < num; i++)
            assert_true(keyed_get(&k, &m, sizeof(struct element), i * 7, &is_new) && !is_new);
        assert_int_equal(k.num, num);
        keyed_wipe(&k, &m, sizeof(struct element));
        assert_int_equal(m.held, 0);
    }
    test_alloc_done(&alloc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_orders), cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
