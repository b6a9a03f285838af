/* SPDX-License-Identifier: BSD-2-Clause */
/* The key schedule against the trace of RFC 8448 section 3, and against libcrypto where that trace has no
 * value. */
#include "support.h"
#include "tls_peer.h"

#include <openssl/hmac.h>
#include <string.h>

#include "tls/schedule.h"

static struct hash hash_from(const char *hex)
{
    struct hash h;
    assert_int_equal(test_unhex(h.b, sizeof h.b, hex), sizeof h.b);
    return h;
}

static void expect_hex(const uint8_t *got, size_t n, const char *hex)
{
    uint8_t want[64];
    assert_int_equal(test_unhex(want, sizeof want, hex), n);
    assert_memory_equal(got, want, n);
}

static void simple_handshake(void **state)
{
    struct tls_schedule s;
    struct x25519_shared shared;
    struct secret c_hs, s_hs, c_ap, s_ap, exporter, resumption, finished;
    struct tls_keys keys;
    uint8_t psk[32];
    (void)state;

    assert_int_equal(test_unhex(shared.b, sizeof shared.b,
                                "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d"),
                     sizeof shared.b);
    struct hash th = hash_from("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8");
    tls_schedule_handshake(&s, false, &shared, &th, &c_hs, &s_hs);
    expect_hex(c_hs.b, 32, "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21");
    expect_hex(s_hs.b, 32, "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
    tls_schedule_keys(&s_hs, &keys, &finished);
    expect_hex(keys.aead.iv, 12, "5d313eb2671276ee13000b30");
    expect_hex(finished.b, 32, "008d3b66f816ea559f96b537e885c31fc068bf492c652f01f288a1d8cdc19fc8");
    assert_true(keys.on && keys.number == 0);

    th = hash_from("9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13");
    tls_schedule_application(&s, &th, &c_ap, &s_ap, &exporter);
    expect_hex(c_ap.b, 32, "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
    expect_hex(s_ap.b, 32, "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
    expect_hex(exporter.b, 32, "fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50");

    th = hash_from("209145a96ee8e2a122ff810047cc952684658d6049e86429426db87c54ad143d");
    tls_schedule_resumption(&s, &th, &resumption);
    expect_hex(resumption.b, 32, "7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c");
    tls_schedule_ticket_psk(&resumption, (const uint8_t *)"\0\0", 2, psk);
    expect_hex(psk, 32, "4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3");
}

/* HKDF-Expand-Label of at most 32 bytes by libcrypto's HMAC. */
static void expand(const uint8_t key[32], const char *label, const uint8_t *context, size_t n, uint8_t *out,
                   size_t out_len)
{
    uint8_t info[256], md[32];
    size_t len = 0;
    info[len++] = 0;
    info[len++] = (uint8_t)out_len;
    info[len++] = (uint8_t)(6 + strlen(label));
    memcpy(info + len, "tls13 ", 6);
    memcpy(info + len + 6, label, strlen(label));
    len += 6 + strlen(label);
    info[len++] = (uint8_t)n;
    if (n)
        memcpy(info + len, context, n);
    len += n;
    info[len++] = 1;
    HMAC(EVP_sha256(), key, 32, info, len, md, NULL);
    memcpy(out, md, out_len);
}

static void with_psk(void **state)
{
    static const uint8_t zeros[32];
    struct tls_schedule s;
    struct x25519_shared shared = {{5}}, used;
    struct hash th = {{6}};
    struct secret c, sv;
    uint8_t psk[32] = {7}, early[32], key[32], want[32], got[32];
    (void)state;

    HMAC(EVP_sha256(), zeros, 32, psk, 32, early, NULL);
    expand(early, "res binder", hash_of_empty.b, 32, key, 32);
    expand(key, "finished", NULL, 0, key, 32);
    HMAC(EVP_sha256(), key, 32, th.b, 32, want, NULL);
    tls_schedule_early(&s, psk);
    tls_schedule_binder(&s, &th, got);
    assert_memory_equal(got, want, 32);

    expand(early, "derived", hash_of_empty.b, 32, key, 32);
    HMAC(EVP_sha256(), key, 32, shared.b, 32, key, NULL);
    expand(key, "c hs traffic", th.b, 32, want, 32);
    used = shared;
    tls_schedule_handshake(&s, true, &used, &th, &c, &sv);
    assert_memory_equal(c.b, want, 32);
    expand(key, "s hs traffic", th.b, 32, want, 32);
    assert_memory_equal(sv.b, want, 32);
    assert_memory_equal(s.early.b, zeros, 32); /* not kept */
}

static void updates_and_exports(void **state)
{
    struct secret traffic = {{1}}, exporter = {{2}};
    uint8_t want[32], got[32], key[32];
    struct hash context = hash_of("context", 7);
    (void)state;

    expand(traffic.b, "traffic upd", NULL, 0, want, 32);
    tls_schedule_update(&traffic);
    assert_memory_equal(traffic.b, want, 32);
    expand(exporter.b, "a label", hash_of_empty.b, 32, key, 32);
    expand(key, "exporter", context.b, 32, want, 32);
    tls_schedule_export(&exporter, "a label", (const uint8_t *)"context", 7, got, 32);
    assert_memory_equal(got, want, 32);
    struct tls_keys k;
    expand(traffic.b, "key", NULL, 0, want, 32);
    tls_schedule_keys(&traffic, &k, NULL);
    assert_memory_equal(k.aead.key, want, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_handshake),
        cmocka_unit_test(with_psk),
        cmocka_unit_test(updates_and_exports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
