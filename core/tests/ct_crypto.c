/* SPDX-License-Identifier: BSD-2-Clause */
/* `make ct`: the primitives and the labelled key derivation neither branch nor index on what is secret. */
#include "support.h"

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/keys.h"
#include "crypto/wipe.h"
#include "csep/wire.h"

static void hidden(void *p, size_t n, uint8_t fill)
{
    memset(p, fill, n);
    CSEP_CT_SECRET(p, n);
}

static void derive(void)
{
    struct secret a, b;
    uint8_t out[80];
    hidden(&a, sizeof a, 1);
    hkdf_extract(&b, a.b, sizeof a.b, a.b, sizeof a.b);
    hkdf_expand_label(HKDF_CSEP1, out, sizeof out, &b, "slot", a.b, sizeof a.b);
    struct hash h = hash_of(out, sizeof out);
    (void)csep_equal(&h, &a, sizeof h);
    CSEP_WIPE(out);
}

static void seal(uint16_t id)
{
    uint8_t key[32], iv[12], hp[32], buf[100 + AEAD_TAG_LEN], mask[HP_MASK_LEN];
    struct aead a;
    if (!aead_supported(id))
        return;
    hidden(key, sizeof key, 2);
    hidden(iv, sizeof iv, 3);
    hidden(hp, sizeof hp, 4);
    hidden(buf, sizeof buf, 5);
    aead_init(&a, id, key, iv);
    aead_seal(&a, buf, buf, 100, (const uint8_t *)"header", 6, 9);
    CSEP_CT_PUBLIC(buf, sizeof buf); /* ciphertext goes to the wire */
    hp_mask(mask, hp, buf);
    if (!aead_open(&a, buf, buf, sizeof buf, (const uint8_t *)"header", 6, 9))
        abort();
    buf[0] ^= 1;
    (void)aead_open(&a, buf, buf, sizeof buf, (const uint8_t *)"header", 6, 9);
}

static void seal_ticket(void)
{
    uint8_t key[32], nonce[24] = {7}, plain[48], out[48 + SEALED_OVERHEAD];
    hidden(key, sizeof key, 6);
    hidden(plain, sizeof plain, 7);
    sealed_put(out, plain, sizeof plain, NULL, 0, nonce, key);
    CSEP_CT_PUBLIC(out, sizeof out);
    if (!sealed_get(plain, out, sizeof out, NULL, 0, key))
        abort();
}

static void exchange_and_sign(void)
{
    struct test_random r;
    struct x25519_private a;
    struct x25519_public pub;
    struct x25519_shared k;
    struct ed25519_private signer;
    uint8_t seed[32], verify[32], sig[64];
    x25519_generate(&a, &pub, test_random(&r, 1));
    if (!x25519(&k, &a, pub.b))
        abort();
    hidden(seed, sizeof seed, 8);
    ed25519_from_seed(&signer, verify, seed);
    CSEP_CT_PUBLIC(verify, sizeof verify);
    ed25519_sign(sig, "message", 7, &signer);
    CSEP_CT_PUBLIC(sig, sizeof sig);
    if (!ed25519_verify(sig, "message", 7, verify))
        abort();
}

int main(void)
{
    if (csep_init() != CSEP_OK)
        return 1;
    derive();
    seal(CSEP_AEAD_CHACHA20_POLY1305);
    seal(CSEP_AEAD_AES_256_GCM);
    seal_ticket();
    exchange_and_sign();
    return 0;
}
