/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256, HMAC and HKDF with the labelled expansion of TLS 1.3 (RFC 8446 section 7.1, RFC 5869). */
#ifndef CSEP_CRYPTO_HASH_H
#define CSEP_CRYPTO_HASH_H

#include <sodium.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_LEN 32

struct hash {
    uint8_t b[HASH_LEN];
};

/* A secret of the key schedule. Distinct from struct hash, so that the two are never mixed up. */
struct secret {
    uint8_t b[HASH_LEN];
};

struct hash_ctx {
    crypto_hash_sha256_state st;
};

void hash_begin(struct hash_ctx *h);
void hash_add(struct hash_ctx *h, const void *p, size_t n);
/* The digest so far; h may go on. */
struct hash hash_peek(const struct hash_ctx *h);
struct hash hash_of(const void *p, size_t n);
extern const struct hash hash_of_empty;

/* An HMAC key with both pads already absorbed: half the compressions when a key is used more than once. */
struct hmac_key {
    crypto_auth_hmacsha256_state st;
};

void hmac_key_init(struct hmac_key *k, const void *key, size_t n);
void hmac(const struct hmac_key *k, uint8_t out[HASH_LEN], const void *p, size_t n);

void hkdf_extract(struct secret *out, const void *salt, size_t salt_len, const void *ikm, size_t ikm_len);

enum hkdf_prefix { HKDF_TLS13, HKDF_CSEP1 }; /* "tls13 " and "csep1 " */

/*
 * HKDF-Expand-Label(secret, label, context, out_len): out_len <= 255 * 32, label at most 249 bytes
 * after the prefix, context at most 255 bytes.
 */
void hkdf_expand_label(enum hkdf_prefix prefix, uint8_t *out, size_t out_len, const struct secret *secret,
                       const char *label, const void *context, size_t context_len);
/* The same from a key whose pads are absorbed: several labels from one secret. */
void hkdf_expand_label_from(enum hkdf_prefix prefix, uint8_t *out, size_t out_len, const struct hmac_key *key,
                            const char *label, const void *context, size_t context_len);

#endif
