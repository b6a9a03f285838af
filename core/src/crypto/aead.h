/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One AEAD key with its IV, for packets and records.
 *
 * The nonce is always iv XOR number (RFC 8446 section 5.3), never random. All AEADs
 * here have 12-byte nonces and 16-byte tags. In place is allowed: in == out.
 */
#ifndef CSEP_CRYPTO_AEAD_H
#define CSEP_CRYPTO_AEAD_H

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEAD_KEY_LEN  32
#define AEAD_IV_LEN   12
#define AEAD_TAG_LEN  16
#define HP_KEY_LEN    32
#define HP_SAMPLE_LEN 16
#define HP_MASK_LEN   5

struct aead {
    crypto_aead_aes256gcm_state gcm; /* expanded key; unused by ChaCha20-Poly1305 */
    uint8_t key[AEAD_KEY_LEN];
    uint8_t iv[AEAD_IV_LEN];
    uint16_t id; /* IANA AEAD number */
};

/* Can this build and this processor do AEAD `id`? */
bool aead_supported(uint16_t id);
/* id must be supported. */
void aead_init(struct aead *a, uint16_t id, const uint8_t key[AEAD_KEY_LEN], const uint8_t iv[AEAD_IV_LEN]);
/* out gets n + AEAD_TAG_LEN bytes. */
void aead_seal(const struct aead *a, uint8_t *out, const uint8_t *in, size_t n, const uint8_t *aad,
               size_t aad_len, uint64_t number);
/* in holds n bytes, tag included; out gets n - AEAD_TAG_LEN. False: not authentic (out is not to be used). */
bool aead_open(const struct aead *a, uint8_t *out, const uint8_t *in, size_t n, const uint8_t *aad,
               size_t aad_len, uint64_t number);

/* Header protection mask (RFC 9001 section 5.4.4, ChaCha20 whatever the AEAD). //= KEY-9 */
void hp_mask(uint8_t mask[HP_MASK_LEN], const uint8_t key[HP_KEY_LEN], const uint8_t sample[HP_SAMPLE_LEN]);

struct hp_mask {
    uint8_t b[HP_MASK_LEN];
};
/* The masks of n packets under one key. */
void hp_masks(struct hp_mask *out, const uint8_t key[HP_KEY_LEN], const uint8_t *const *samples, size_t n);

/* Sealing with a random 24-byte nonce, for tickets and tokens under a long-lived key (XChaCha20-Poly1305). */
#define SEALED_OVERHEAD (24 + 16)
void sealed_put(uint8_t *out, const uint8_t *in, size_t n, const uint8_t *aad, size_t aad_len,
                const uint8_t nonce[24], const uint8_t key[32]);
bool sealed_get(uint8_t *out, const uint8_t *in, size_t n, const uint8_t *aad, size_t aad_len,
                const uint8_t key[32]);

#endif
