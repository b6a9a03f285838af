/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/aead.h"

#include <string.h>

#include "crypto/wipe.h"
#include "csep/wire.h"

bool aead_supported(uint16_t id)
{
    switch (id) {
    case CSEP_AEAD_CHACHA20_POLY1305:
        return true;
    case CSEP_AEAD_AES_256_GCM:
        return crypto_aead_aes256gcm_is_available() == 1;
    default:
        return false;
    }
}

void aead_init(struct aead *a, uint16_t id, const uint8_t key[AEAD_KEY_LEN], const uint8_t iv[AEAD_IV_LEN])
{
    a->id = id;
    memcpy(a->key, key, AEAD_KEY_LEN);
    memcpy(a->iv, iv, AEAD_IV_LEN);
    if (id == CSEP_AEAD_AES_256_GCM)
        crypto_aead_aes256gcm_beforenm(&a->gcm, key);
}

static void make_nonce(uint8_t nonce[AEAD_IV_LEN], const struct aead *a, uint64_t number)
{
    memcpy(nonce, a->iv, AEAD_IV_LEN);
    for (unsigned i = 0; i < 8; i++)
        nonce[AEAD_IV_LEN - 1 - i] ^= (uint8_t)(number >> (8 * i));
}

void aead_seal(const struct aead *a, uint8_t *out, const uint8_t *in, size_t n, const uint8_t *aad,
               size_t aad_len, uint64_t number)
{
    uint8_t nonce[AEAD_IV_LEN];
    make_nonce(nonce, a, number);
    if (a->id == CSEP_AEAD_AES_256_GCM)
        crypto_aead_aes256gcm_encrypt_afternm(out, NULL, in, n, aad, aad_len, NULL, nonce, &a->gcm);
    else
        crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, in, n, aad, aad_len, NULL, nonce, a->key);
}

bool aead_open(const struct aead *a, uint8_t *out, const uint8_t *in, size_t n, const uint8_t *aad,
               size_t aad_len, uint64_t number)
{
    uint8_t nonce[AEAD_IV_LEN];
    int bad;
    if (n < AEAD_TAG_LEN)
        return false;
    make_nonce(nonce, a, number);
    if (a->id == CSEP_AEAD_AES_256_GCM)
        bad = crypto_aead_aes256gcm_decrypt_afternm(out, NULL, NULL, in, n, aad, aad_len, nonce, &a->gcm);
    else
        bad = crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in, n, aad, aad_len, nonce, a->key);
    CSEP_CT_PUBLIC(&bad, sizeof bad); /* whether a packet is authentic is no secret */
    return bad == 0;
}

void hp_mask(uint8_t mask[HP_MASK_LEN], const uint8_t key[HP_KEY_LEN], const uint8_t sample[HP_SAMPLE_LEN])
{
    static const uint8_t zero[HP_MASK_LEN];
    uint32_t counter = (uint32_t)sample[0] | (uint32_t)sample[1] << 8 | (uint32_t)sample[2] << 16 |
                       (uint32_t)sample[3] << 24;
    crypto_stream_chacha20_ietf_xor_ic(mask, zero, sizeof zero, sample + 4, counter, key);
}

void sealed_put(uint8_t *out, const uint8_t *in, size_t n, const uint8_t *aad, size_t aad_len,
                const uint8_t nonce[24], const uint8_t key[32])
{
    memcpy(out, nonce, 24);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + 24, NULL, in, n, aad, aad_len, NULL, nonce, key);
}

bool sealed_get(uint8_t *out, const uint8_t *in, size_t n, const uint8_t *aad, size_t aad_len,
                const uint8_t key[32])
{
    if (n < SEALED_OVERHEAD)
        return false;
    int bad =
        crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, in + 24, n - 24, aad, aad_len, in, key);
    CSEP_CT_PUBLIC(&bad, sizeof bad);
    return bad == 0;
}
