/* SPDX-License-Identifier: BSD-2-Clause */
/* The thin layer over libsodium, against published vectors: what it adds (labels, nonces, masks) is where
 * mistakes hide. */
#include "support.h"

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/keys.h"
#include "crypto/wipe.h"
#include "csep/wire.h"

#define HEX(out, hex) assert_int_equal(test_unhex((out), sizeof(out), (hex)), sizeof(out))
#define assert_hex(got, hex)                                                                                 \
    do {                                                                                                     \
        uint8_t want_[sizeof(got)];                                                                          \
        HEX(want_, hex);                                                                                     \
        assert_memory_equal((got), want_, sizeof(got));                                                      \
    } while (0)

static int set_up(void **state)
{
    (void)state;
    return csep_init() == CSEP_OK && csep_init() == CSEP_OK ? 0 : -1;
}

static void test_sha256(void **state)
{
    (void)state;
    struct hash abc = hash_of("abc", 3), empty = hash_of(NULL, 0);
    assert_hex(abc.b, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_memory_equal(empty.b, hash_of_empty.b, HASH_LEN);

    struct hash_ctx h;
    hash_begin(&h);
    hash_add(&h, "a", 1);
    struct hash early = hash_peek(&h), want_early = hash_of("a", 1);
    hash_add(&h, "bc", 2); /* a look at the digest does not end it */
    struct hash late = hash_peek(&h);
    assert_memory_equal(early.b, want_early.b, HASH_LEN);
    assert_memory_equal(late.b, abc.b, HASH_LEN);
}

static void test_hmac_and_extract(void **state)
{
    (void)state;
    struct hmac_key k;
    uint8_t mac[HASH_LEN], ikm[22], salt[13];
    hmac_key_init(&k, "Jefe", 4); /* RFC 4231 case 2; twice from one key */
    for (unsigned i = 0; i < 2; i++) {
        hmac(&k, mac, "what do ya want for nothing?", 28);
        assert_hex(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
    struct secret prk; /* RFC 5869 A.1 */
    memset(ikm, 0x0b, sizeof ikm);
    HEX(salt, "000102030405060708090a0b0c");
    hkdf_extract(&prk, salt, sizeof salt, ikm, sizeof ikm);
    assert_hex(prk.b, "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
}

static void test_expand_label(void **state)
{
    (void)state;
    struct secret s;
    uint8_t out32[32], key16[16], iv[12], out100[100];
    HEX(s.b, "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a"); /* RFC 8448 section 3 */
    hkdf_expand_label(HKDF_TLS13, out32, 32, &s, "derived", hash_of_empty.b, HASH_LEN);
    assert_hex(out32, "6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba");
    HEX(s.b, "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
    hkdf_expand_label(HKDF_TLS13, key16, 16, &s, "key", NULL, 0);
    assert_hex(key16, "3fce516009c21727d0f2e4e86ee403bc");
    hkdf_expand_label(HKDF_TLS13, iv, 12, &s, "iv", NULL, 0);
    assert_hex(iv, "5d313eb2671276ee13000b30");

    /* csep's own prefix; computed with Python's hmac module. More than one block, and from a prepared key. */
    struct hmac_key k;
    struct hash ticket = hash_of("ticket", 6);
    for (uint8_t i = 0; i < 32; i++)
        s.b[i] = i;
    hkdf_expand_label(HKDF_CSEP1, out32, 32, &s, "slot", ticket.b, HASH_LEN);
    assert_hex(out32, "f7653f402bb808ac11f4e78a42dcf2e27da492d1d4a2558b2cf3817136f5c262");
    hmac_key_init(&k, s.b, sizeof s.b);
    hkdf_expand_label_from(HKDF_CSEP1, out100, 100, &k, "upd", NULL, 0);
    assert_hex(out100, "79b7b100e3f9ba7f0f4dd811a9e7aacdeeb4a6a888c942a66c2756ed146ceccf"
                       "ca5420e47e1b0f696776b78bd9d5cccb070c8887a50e16e1a359691013109a47"
                       "df2db0142402df024c077b727e95395c1bfc2f2eb2d98d5af1a9f5ce2d7e0f80"
                       "37f1c2d9");
}

/* RFC 9001 A.5: a whole ChaCha20-Poly1305 packet, from secret to mask. */
static void test_packet_of_rfc_9001(void **state)
{
    (void)state;
    struct secret s;
    uint8_t key[32], iv[12], hp[32], header[4], ping[1] = {1}, sealed[17], opened[1], mask[5];
    HEX(s.b, "9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b");
    hkdf_expand_label(HKDF_TLS13, key, 32, &s, "quic key", NULL, 0);
    hkdf_expand_label(HKDF_TLS13, iv, 12, &s, "quic iv", NULL, 0);
    hkdf_expand_label(HKDF_TLS13, hp, 32, &s, "quic hp", NULL, 0);
    assert_hex(hp, "25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4");

    struct aead a;
    aead_init(&a, CSEP_AEAD_CHACHA20_POLY1305, key, iv);
    HEX(header, "4200bff4");
    aead_seal(&a, sealed, ping, 1, header, 4, 654360564);
    assert_hex(sealed, "655e5cd55c41f69080575d7999c25a5bfb");
    assert_true(aead_open(&a, opened, sealed, 17, header, 4, 654360564));
    assert_int_equal(opened[0], 1);
    assert_false(aead_open(&a, opened, sealed, 17, header, 4, 654360565));
    assert_false(aead_open(&a, opened, sealed, 17, header, 3, 654360564));
    hp_mask(mask, hp, sealed + 1);
    assert_hex(mask, "aefefe7d03");
}

static void test_aes_256_gcm(void **state)
{
    (void)state;
    if (!aead_supported(CSEP_AEAD_AES_256_GCM))
        skip();
    uint8_t key[32], iv[12], text[60], aad[20], sealed[76]; /* McGrew and Viega, test case 16 */
    HEX(key, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    HEX(iv, "cafebabefacedbaddecaf888");
    HEX(text, "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
              "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
    HEX(aad, "feedfacedeadbeeffeedfacedeadbeefabaddad2");
    struct aead *a = aligned_alloc(16, sizeof *a);
    assert_non_null(a);
    aead_init(a, CSEP_AEAD_AES_256_GCM, key, iv);
    aead_seal(a, sealed, text, sizeof text, aad, sizeof aad, 0);
    assert_hex(sealed, "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                       "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                       "76fc6ece0f4e1768cddf8853bb2d551b");
    free(a);
}

/* For each AEAD: in place, every flipped bit, every truncation, and the number in the nonce. */
static void test_aead_refuses(void **state)
{
    (void)state;
    const uint16_t ids[] = {CSEP_AEAD_CHACHA20_POLY1305, CSEP_AEAD_AES_256_GCM};
    const uint8_t key[32] = {1}, iv[12] = {2};
    for (unsigned i = 0; i < 2; i++) {
        uint8_t buf[24 + AEAD_TAG_LEN] = "twenty-three characters", kept[sizeof buf], out[24];
        if (!aead_supported(ids[i]))
            continue;
        struct aead *a = aligned_alloc(16, sizeof *a);
        assert_non_null(a);
        aead_init(a, ids[i], key, iv);
        aead_seal(a, buf, buf, 24, key, 3, UINT64_MAX);
        memcpy(kept, buf, sizeof buf);
        for (size_t bit = 0; bit < 8 * sizeof buf; bit++) {
            buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(aead_open(a, out, buf, sizeof buf, key, 3, UINT64_MAX));
            buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t n = 0; n < sizeof buf; n++)
            assert_false(aead_open(a, out, buf, n, key, 3, UINT64_MAX));
        assert_memory_equal(buf, kept, sizeof buf);
        assert_true(aead_open(a, buf, buf, sizeof buf, key, 3, UINT64_MAX));
        assert_string_equal((char *)buf, "twenty-three characters");
        free(a);
    }
    assert_false(aead_supported(0) || aead_supported(CSEP_AEAD_AEGIS_256));
}

static void test_sealed(void **state)
{
    (void)state;
    const char *sunscreen =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        "future, sunscreen would be it."; /* draft-irtf-cfrg-xchacha A.3.1 */
    uint8_t key[32], nonce[24], aad[12], out[SEALED_OVERHEAD + 114], back[114], tag[16];
    for (uint8_t i = 0; i < 32; i++)
        key[i] = (uint8_t)(0x80 + i);
    for (uint8_t i = 0; i < 24; i++)
        nonce[i] = (uint8_t)(0x40 + i);
    HEX(aad, "50515253c0c1c2c3c4c5c6c7");
    sealed_put(out, (const uint8_t *)sunscreen, 114, aad, 12, nonce, key);
    assert_memory_equal(out, nonce, 24);
    memcpy(tag, out + 24 + 114, 16);
    assert_hex(tag, "c0875924c1c7987947deafd8780acf49");
    assert_true(sealed_get(back, out, sizeof out, aad, 12, key));
    assert_memory_equal(back, sunscreen, 114);
    for (size_t i = 0; i < sizeof out; i++) {
        out[i] ^= 1;
        assert_false(sealed_get(back, out, sizeof out, aad, 12, key));
        out[i] ^= 1;
    }
    assert_false(sealed_get(back, out, sizeof out, aad, 11, key));
    assert_false(sealed_get(back, out, SEALED_OVERHEAD - 1, aad, 12, key));
}

/* RFC 7748 section 5.2; then two ends, and a peer that sends a point of low order. */
static void test_x25519(void **state)
{
    (void)state;
    struct x25519_private scalar;
    struct x25519_shared k;
    uint8_t point[32];
    const uint8_t zero[32] = {0};
    HEX(scalar.b, "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
    HEX(point, "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    assert_true(x25519(&k, &scalar, point));
    assert_hex(k.b, "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    assert_false(x25519(&k, &scalar, zero));

    struct test_random seed[2];
    struct x25519_private a, b;
    struct x25519_public pa, pb;
    struct x25519_shared kb;
    x25519_generate(&a, &pa, test_random(&seed[0], 1));
    x25519_generate(&b, &pb, test_random(&seed[1], 2));
    assert_true(x25519(&k, &a, pb.b) && x25519(&kb, &b, pa.b));
    assert_memory_equal(k.b, kb.b, 32);
}

/* RFC 8032 section 7.1, test 3. */
static void test_ed25519(void **state)
{
    (void)state;
    uint8_t seed[32], pub[32], sig[64];
    const uint8_t msg[2] = {0xaf, 0x82};
    struct ed25519_private priv;
    HEX(seed, "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
    ed25519_from_seed(&priv, pub, seed);
    assert_hex(pub, "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
    ed25519_sign(sig, msg, 2, &priv);
    assert_hex(sig, "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a");
    assert_true(ed25519_verify(sig, msg, 2, pub));
    assert_false(ed25519_verify(sig, msg, 1, pub));
    for (size_t i = 0; i < 64; i++) {
        sig[i] ^= 1;
        assert_false(ed25519_verify(sig, msg, 2, pub));
        sig[i] ^= 1;
    }
}

static void test_wipe_and_equal(void **state)
{
    (void)state;
    struct secret s, zero = {{0}};
    memset(&s, 5, sizeof s);
    assert_false(csep_equal(&s, &zero, sizeof s));
    CSEP_WIPE(s);
    assert_true(csep_equal(&s, &zero, sizeof s));
    s.b[31] = 1;
    assert_false(csep_equal(&s, &zero, sizeof s));
    assert_true(csep_equal(&s, &zero, 31));
}

/* Many masks at once are the same as one by one. */
static void test_hp_masks(void **state)
{
    struct test_random r;
    struct csep_random rnd = test_random(&r, 21);
    uint8_t key[HP_KEY_LEN], samples[70][HP_SAMPLE_LEN], want[HP_MASK_LEN];
    const uint8_t *at[70];
    struct hp_mask masks[70];
    (void)state;
    rnd.fill(rnd.self, key, sizeof key);
    rnd.fill(rnd.self, samples[0], sizeof samples);
    for (size_t n = 0; n <= 70; n++) {
        for (size_t i = 0; i < n; i++)
            at[i] = samples[69 - i];
        hp_masks(masks, key, at, n);
        for (size_t i = 0; i < n; i++) {
            hp_mask(want, key, at[i]);
            assert_memory_equal(masks[i].b, want, sizeof want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),         cmocka_unit_test(test_hmac_and_extract),
        cmocka_unit_test(test_expand_label),   cmocka_unit_test(test_packet_of_rfc_9001),
        cmocka_unit_test(test_aes_256_gcm),    cmocka_unit_test(test_aead_refuses),
        cmocka_unit_test(test_sealed),         cmocka_unit_test(test_x25519),
        cmocka_unit_test(test_ed25519),        cmocka_unit_test(test_hp_masks),
        cmocka_unit_test(test_wipe_and_equal),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
