/* SPDX-License-Identifier: BSD-2-Clause */
/* Cursors: what was written is read back, and a step past the end spoils everything after it. */
#include "support.h"

#include "base/cursor.h"

static void test_integers_there_and_back(void **state)
{
    (void)state;
    uint8_t buf[64];
    struct wr w = wr_init(buf, sizeof buf);
    wr_u8(&w, 0xab);
    wr_u16(&w, 0x1234);
    wr_u24(&w, 0x56789a);
    wr_u32(&w, 0xdeadbeef);
    wr_u64(&w, UINT64_C(0x0123456789abcdef));
    wr_zero(&w, 2);
    assert_true(wr_ok(&w));
    assert_int_equal(w.len, 20);

    uint8_t want[20];
    assert_int_equal(test_unhex(want, sizeof want, "ab123456789adeadbeef0123456789abcdef0000"), 20);
    assert_memory_equal(buf, want, 20);

    struct rd r = rd_init(buf, w.len);
    assert_int_equal(rd_u8(&r), 0xab);
    assert_int_equal(rd_u16(&r), 0x1234);
    assert_int_equal(rd_u24(&r), 0x56789a);
    assert_int_equal(rd_u32(&r), 0xdeadbeef);
    assert_true(rd_u64(&r) == UINT64_C(0x0123456789abcdef));
    assert_true(rd_more(&r));
    assert_int_equal(rd_u16(&r), 0);
    assert_true(rd_done(&r) && !rd_more(&r));
}

static const struct {
    const char *hex;
    uint64_t value;
    bool shortest;
} varints[] = {
    /* RFC 9000 appendix A.1 */
    {"c2197c5eff14e88c", UINT64_C(151288809941952652), true},
    {"9d7f3e7d", 494878333, true},
    {"7bbd", 15293, true},
    {"25", 37, true},
    {"4025", 37, false},
    /* the ends of each size */
    {"00", 0, true},
    {"3f", 63, true},
    {"4040", 64, true},
    {"7fff", 16383, true},
    {"80004000", 16384, true},
    {"bfffffff", 1073741823, true},
    {"c000000040000000", 1073741824, true},
    {"ffffffffffffffff", VARINT_MAX, true},
};

static void test_varints(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof varints / sizeof varints[0]; i++) {
        uint8_t in[8], out[8];
        size_t n = test_unhex(in, sizeof in, varints[i].hex);
        struct rd r = rd_init(in, n);
        assert_true(rd_varint(&r) == varints[i].value);
        assert_true(rd_done(&r));
        for (size_t cut = 0; cut < n; cut++) {
            struct rd shortened = rd_init(in, cut);
            assert_true(rd_varint(&shortened) == 0);
            assert_true(shortened.bad);
        }
        struct wr w = wr_init(out, sizeof out);
        wr_varint(&w, varints[i].value);
        assert_true(wr_ok(&w));
        assert_int_equal(w.len, varint_len(varints[i].value));
        if (varints[i].shortest) {
            assert_int_equal(w.len, n);
            assert_memory_equal(out, in, n);
        }
    }
    uint8_t out[8];
    struct wr w = wr_init(out, sizeof out);
    wr_varint(&w, VARINT_MAX + 1);
    assert_false(wr_ok(&w));
}

static void test_reading_past_the_end_is_remembered(void **state)
{
    (void)state;
    const uint8_t in[] = {1, 2, 3};
    struct rd r = rd_init(in, sizeof in);
    assert_int_equal(rd_u16(&r), 0x0102);
    assert_int_equal(rd_u16(&r), 0); /* one byte is left */
    assert_true(r.bad);
    assert_int_equal(rd_u8(&r), 0); /* and stays out of reach */
    assert_null(rd_bytes(&r, 0));
    assert_false(rd_done(&r) || rd_more(&r));
    struct rd child = rd_sub(&r, 0);
    assert_true(child.bad);
}

static void test_vectors_stay_inside(void **state)
{
    (void)state;
    uint8_t buf[64];
    struct wr w = wr_init(buf, sizeof buf);
    wr_vec8(&w, "one", 3);
    wr_vec16(&w, "two", 3);
    wr_vecv(&w, "three", 5);
    wr_vec8(&w, NULL, 0);
    assert_true(wr_ok(&w));

    struct rd r = rd_init(buf, w.len);
    struct rd a = rd_vec8(&r), b = rd_vec16(&r), c = rd_vecv(&r), d = rd_vec8(&r);
    assert_true(rd_done(&r));
    assert_memory_equal(a.p, "one", 3);
    assert_memory_equal(b.p, "two", 3);
    assert_memory_equal(c.p, "three", 5);
    assert_int_equal(c.n, 5);
    assert_true(rd_done(&d));
    (void)rd_u32(&a); /* more than the vector holds, though the buffer goes on */
    assert_true(a.bad);
    assert_false(r.bad);
    for (size_t cut = 0; cut < w.len; cut++) {
        struct rd s = rd_init(buf, cut);
        struct rd last;
        (void)rd_vec8(&s), (void)rd_vec16(&s), (void)rd_vecv(&s), last = rd_vec8(&s);
        assert_true(s.bad && last.bad && last.n == 0);
    }
}

static void test_a_huge_length_is_no_length(void **state)
{
    (void)state;
    const uint8_t in[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3};
    struct rd r = rd_init(in, sizeof in);
    struct rd v = rd_vecv(&r);
    assert_true(r.bad && v.bad && v.n == 0);
}

static void test_writing_past_the_end_writes_nothing(void **state)
{
    (void)state;
    uint8_t buf[4] = {9, 9, 9, 9};
    struct wr w = wr_init(buf, 3);
    wr_u16(&w, 0x0102);
    wr_u16(&w, 0x0304);
    assert_false(wr_ok(&w));
    assert_int_equal(w.len, 2);
    wr_u8(&w, 5); /* would fit, but comes after a failure */
    assert_int_equal(w.len, 2);
    assert_int_equal(buf[2], 9);
    assert_int_equal(buf[3], 9);
    wr_bytes(&w, NULL, 0);
    wr_zero(&w, 0);
    assert_false(wr_ok(&w));
}

static void test_lengths_are_patched(void **state)
{
    (void)state;
    uint8_t buf[600], want[12];
    struct wr w = wr_init(buf, sizeof buf);
    size_t outer = wr_open(&w, 3);
    wr_u8(&w, 7);
    size_t inner = wr_open(&w, 2);
    wr_bytes(&w, "abcd", 4);
    wr_close(&w, inner, 2);
    wr_close(&w, outer, 3);
    assert_true(wr_ok(&w));
    assert_int_equal(test_unhex(want, sizeof want, "00000707000461626364"), w.len);
    assert_memory_equal(buf, want, w.len);

    size_t narrow = wr_open(&w, 1);
    wr_zero(&w, 256);
    wr_close(&w, narrow, 1);
    assert_false(wr_ok(&w));

    uint8_t big[300] = {0};
    w = wr_init(buf, sizeof buf);
    wr_vec8(&w, big, 256);
    assert_false(wr_ok(&w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_there_and_back),
        cmocka_unit_test(test_varints),
        cmocka_unit_test(test_reading_past_the_end_is_remembered),
        cmocka_unit_test(test_vectors_stay_inside),
        cmocka_unit_test(test_a_huge_length_is_no_length),
        cmocka_unit_test(test_writing_past_the_end_writes_nothing),
        cmocka_unit_test(test_lengths_are_patched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
