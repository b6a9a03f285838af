/* SPDX-License-Identifier: BSD-2-Clause */
/* The accelerated SHA-256 against libsodium's, over every way to cut a message. */
#include "support.h"

#include "crypto/sha256.h"

static void digest(uint8_t out[32], const uint8_t *p, size_t n, size_t step)
{
    crypto_hash_sha256_state s;
    sha256_init(&s);
    for (size_t at = 0; at < n; at += step)
        sha256_update(&s, p + at, n - at < step ? n - at : step);
    sha256_final(&s, out);
}

static void same_as_libsodium(void **state)
{
    struct test_random r;
    struct csep_random rnd = test_random(&r, 7);
    uint8_t bytes[700], want[32], got[32];
    (void)state;
    rnd.fill(rnd.self, bytes, sizeof bytes);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        crypto_hash_sha256(want, bytes, n);
        static const size_t steps[] = {1, 3, 55, 63, 64, 65, 128, 700};
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            digest(got, bytes, n, steps[i]);
            assert_memory_equal(got, want, 32);
        }
    }
}

static void hmac_same_as_libsodium(void **state)
{
    uint8_t bytes[300], want[32], got[32];
    struct test_random r;
    struct csep_random rnd = test_random(&r, 8);
    (void)state;
    rnd.fill(rnd.self, bytes, sizeof bytes);
    for (size_t key = 0; key <= 150; key++) {
        crypto_auth_hmacsha256_state a, b;
        crypto_auth_hmacsha256_init(&a, bytes, key);
        crypto_auth_hmacsha256_update(&a, bytes, sizeof bytes);
        crypto_auth_hmacsha256_final(&a, want);
        hmac256_init(&b, bytes, key);
        hmac256_update(&b, bytes, 100);
        hmac256_update(&b, bytes + 100, sizeof bytes - 100);
        hmac256_final(&b, got);
        assert_memory_equal(got, want, 32);
    }
}

/* A state may pass from one to the other in mid message: they share its form. */
static void switch_in_the_middle(void **state)
{
    uint8_t bytes[200] = {1, 2, 3}, want[32], got[32];
    bool fast = sha256_accelerated();
    crypto_hash_sha256_state s;
    (void)state;
    crypto_hash_sha256(want, bytes, sizeof bytes);
    sha256_init(&s);
    sha256_update(&s, bytes, 77);
    sha256_choose(!fast);
    sha256_update(&s, bytes + 77, sizeof bytes - 77);
    sha256_final(&s, got);
    assert_memory_equal(got, want, 32);
    sha256_choose(fast);
}

static int set_up(void **state)
{
    (void)state;
    return csep_init() == CSEP_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_libsodium),
        cmocka_unit_test(hmac_same_as_libsodium),
        cmocka_unit_test(switch_in_the_middle),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
