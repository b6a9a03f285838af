/* SPDX-License-Identifier: BSD-2-Clause */
/* How many negotiations a server lets run. */
#include "csep/negotiate.h"
#include "support.h"

struct bench {
    struct test_alloc alloc;
    struct test_random random;
    struct csep_gate *gate;
};

static struct csep_addr v4(uint32_t ip)
{
    return (struct csep_addr){
        4, {(uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8), (uint8_t)ip}, 1000};
}

static void setup(struct bench *b, size_t most, size_t per_prefix)
{
    struct csep_gate_config cfg = csep_gate_config_default();
    cfg.max_connections = most;
    cfg.max_per_prefix = per_prefix;
    cfg.alloc = test_alloc(&b->alloc);
    cfg.random = test_random(&b->random, 1);
    b->gate = malloc(csep_gate_size());
    assert_non_null(b->gate);
    assert_ok(csep_gate_init(b->gate, &cfg));
}

static void teardown(struct bench *b)
{
    csep_gate_wipe(b->gate);
    free(b->gate);
    test_alloc_done(&b->alloc);
}

//= NEG-62 type=test
static void test_prefixes(void **state)
{
    (void)state;
    struct bench b;
    setup(&b, 100, 3);
    struct csep_addr a = v4(0xc0000201), same = v4(0xc00002ff), other = v4(0xc0000301);
    struct csep_addr six = {6, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0x11}, 1}, six_same = six, six_other = six;
    six_same.ip[7] = 0x99; /* /56 */
    six_other.ip[6] = 1;
    assert_true(csep_gate_enter(b.gate, &a));
    assert_true(csep_gate_enter(b.gate, &a));
    assert_true(csep_gate_enter(b.gate, &same));
    assert_false(csep_gate_enter(b.gate, &same));
    assert_true(csep_gate_enter(b.gate, &other));
    csep_gate_leave(b.gate, &a);
    assert_true(csep_gate_enter(b.gate, &same));
    for (unsigned i = 0; i < 3; i++)
        assert_true(csep_gate_enter(b.gate, i & 1 ? &six : &six_same));
    assert_false(csep_gate_enter(b.gate, &six));
    assert_true(csep_gate_enter(b.gate, &six_other));
    teardown(&b);
}

//= NEG-62 type=test
static void test_total(void **state)
{
    (void)state;
    struct bench b;
    setup(&b, 10, 10);
    struct csep_addr a;
    for (uint32_t i = 0; i < 10; i++) {
        a = v4(i << 8);
        assert_true(csep_gate_enter(b.gate, &a));
    }
    a = v4(77 << 8);
    assert_false(csep_gate_enter(b.gate, &a));
    assert_int_equal(csep_gate_count(b.gate), 10);
    teardown(&b);
}

/* Coming and going at random agrees with plain counting, in memory that stays what it was. */
static void test_against_a_model(void **state)
{
    (void)state;
    enum { NETS = 60, MOST = 100, EACH = 5 };
    struct bench b;
    unsigned count[NETS] = {0}, total = 0;
    setup(&b, MOST, EACH);
    size_t held = b.alloc.live;
    struct test_random r = {4, 0};
    for (unsigned i = 0; i < 50000; i++) {
        unsigned net = (unsigned)test_random_below(&r, NETS);
        struct csep_addr a = v4(net << 8 | (uint32_t)test_random_below(&r, 256));
        if (test_random_below(&r, 2)) {
            bool want = total < MOST && count[net] < EACH;
            assert_int_equal(csep_gate_enter(b.gate, &a), want);
            count[net] += want;
            total += want;
        } else if (count[net]) {
            csep_gate_leave(b.gate, &a);
            count[net]--;
            total--;
        }
        assert_int_equal(csep_gate_count(b.gate), total);
    }
    assert_int_equal(b.alloc.peak, held);
    teardown(&b);
}

static void test_unsound_configurations(void **state)
{
    (void)state;
    struct test_alloc alloc;
    struct test_random random;
    struct csep_gate *g = malloc(csep_gate_size());
    assert_non_null(g);
    for (unsigned i = 0; i < 5; i++) {
        struct csep_gate_config c = csep_gate_config_default();
        c.alloc = test_alloc(&alloc);
        c.random = test_random(&random, 1);
        c.max_connections = i == 0 ? 0 : c.max_connections;
        c.max_per_prefix = i == 1 ? 0 : c.max_per_prefix;
        c.prefix_v4 = i == 2 ? 33 : c.prefix_v4;
        c.prefix_v6 = i == 3 ? 129 : c.prefix_v6;
        alloc.fail_from = i == 4;
        assert_status(csep_gate_init(g, &c), i == 4 ? CSEP_ERR_MEMORY : CSEP_ERR_VALUE);
    }
    free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_total),
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_unsound_configurations),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
