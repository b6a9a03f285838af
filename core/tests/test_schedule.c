/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key schedule of a data connection, against Expand-Label spelled out byte by byte. That the whole
 * agrees with an independent reading of the specification is shown by test_vectors_data.c.
 */
#include "support.h"

#include "csep/wire.h"
#include "data/schedule.h"

static const uint8_t slot[32] = {1, 2, 3}, client_random[32] = {4, 5, 6};

/* HKDF-Expand of one block, from HMAC alone. */
static void expand_label(uint8_t out[32], size_t len, const uint8_t secret[32], const char *label,
                         const uint8_t *context, size_t context_len)
{
    uint8_t info[256];
    size_t n = 0, label_len = strlen(label);
    struct hmac_key k;
    info[n++] = 0;
    info[n++] = (uint8_t)len;
    info[n++] = (uint8_t)(6 + label_len);
    memcpy(info + n, "csep1 ", 6);
    memcpy(info + n + 6, label, label_len);
    n += 6 + label_len;
    info[n++] = (uint8_t)context_len;
    if (context_len)
        memcpy(info + n, context, context_len);
    n += context_len;
    info[n++] = 1;
    hmac_key_init(&k, secret, 32);
    hmac(&k, out, info, n);
}

static void extract(uint8_t out[32], const uint8_t salt[32], const uint8_t ikm[32])
{
    struct hmac_key k;
    hmac_key_init(&k, salt, 32);
    hmac(&k, out, ikm, 32);
}

static void check_schedule(const struct x25519_shared *shared)
{
    static const uint8_t zero[32];
    struct hash h1 = hash_of("OPEN", 4), h2 = hash_of("OPENACCEPT", 10);
    struct open_secrets open;
    struct main_secrets main;
    uint8_t secret[32], derived[32], want[32];

    schedule_open(&open, slot, client_random, &h1);
    extract(secret, client_random, slot);
    expand_label(want, 32, secret, "c early", h1.b, 32);
    assert_memory_equal(open.early_c.s.b, want, 32);
    expand_label(derived, 32, secret, "derived", NULL, 0);
    assert_memory_equal(open.derived.s.b, derived, 32);

    schedule_main(&main, &open.derived, shared, &h2);
    extract(secret, derived, shared ? shared->b : zero);
    expand_label(want, 32, secret, "c data", h2.b, 32);
    assert_memory_equal(main.c_data.s.b, want, 32);
    expand_label(want, 32, secret, "s data", h2.b, 32);
    assert_memory_equal(main.s_data.s.b, want, 32);
    expand_label(want, 32, secret, "exporter", h2.b, 32);
    assert_memory_equal(main.exporter.s.b, want, 32);
}

static void test_secrets(void **state)
{
    (void)state;
    const struct x25519_shared shared = {{9, 8, 7}};
    check_schedule(NULL);
    check_schedule(&shared);
}

static void test_keys_and_updates(void **state)
{
    (void)state;
    struct traffic_secret s = {{{0x11}}}, next;
    struct traffic_keys k;
    struct aead a;
    uint8_t want[32];
    schedule_keys(&k, &s, CSEP_AEAD_CHACHA20_POLY1305);
    expand_label(want, 32, s.s.b, "key", NULL, 0);
    assert_memory_equal(k.aead.key, want, 32);
    expand_label(want, 12, s.s.b, "iv", NULL, 0);
    assert_memory_equal(k.aead.iv, want, 12);
    expand_label(want, 32, s.s.b, "hp", NULL, 0);
    assert_memory_equal(k.hp, want, 32);

    schedule_next(&next, &s);
    expand_label(want, 32, s.s.b, "upd", NULL, 0);
    assert_memory_equal(next.s.b, want, 32);
    schedule_next(&s, &s); /* in place */
    assert_memory_equal(s.s.b, want, 32);
    schedule_aead(&a, &next, CSEP_AEAD_CHACHA20_POLY1305);
    expand_label(want, 32, next.s.b, "key", NULL, 0);
    assert_memory_equal(a.key, want, 32);
}

static void test_export(void **state)
{
    (void)state;
    struct exporter_secret e = {{{0x77}}};
    uint8_t out[40], want[32];
    struct hash h = hash_of("context", 7);
    schedule_export(out, 32, &e, "label", (const uint8_t *)"context", 7);
    expand_label(want, 32, e.s.b, "exp label", h.b, 32);
    assert_memory_equal(out, want, 32);
    schedule_export(out, 40, &e, "label", (const uint8_t *)"context", 7);
    assert_memory_not_equal(out, want, 32); /* the length is part of it */
}

static void test_limits(void **state)
{
    (void)state;
    assert_true(schedule_limits(29).update == UINT64_C(1) << 32);
    assert_true(schedule_limits(29).stop == UINT64_C(1) << 48);
    assert_true(schedule_limits(2).update == 1u << 22);
    assert_true(schedule_limits(2).stop == 1u << 23);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_keys_and_updates),
        cmocka_unit_test(test_export),
        cmocka_unit_test(test_limits),
    };
    return csep_init() == CSEP_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
