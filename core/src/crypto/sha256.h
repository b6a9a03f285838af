/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-256 (FIPS 180-4) and HMAC over libsodium's own states, with the processor's SHA
 * instructions where it has them.
 *
 * libsodium 1.0.18 compresses in portable C, some seven times slower than those instructions, and a
 * negotiation computes some 150 hash blocks: without them hashing, not public-key
 * cryptography, is what limits a server. Elsewhere libsodium does the work.
 */
#ifndef CSEP_CRYPTO_SHA256_H
#define CSEP_CRYPTO_SHA256_H

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Look at the processor; called by csep_init(). Before that, and where it has no such instructions:
 * libsodium. */
void sha256_detect(void);
/* For tests: which of the two is in use, and choose one. Choosing what the processor lacks has no effect. */
bool sha256_accelerated(void);
void sha256_choose(bool accelerated);

void sha256_init(crypto_hash_sha256_state *s);
void sha256_update(crypto_hash_sha256_state *s, const void *p, size_t n);
void sha256_final(crypto_hash_sha256_state *s, uint8_t out[32]);

void hmac256_init(crypto_auth_hmacsha256_state *s, const void *key, size_t n);
void hmac256_update(crypto_auth_hmacsha256_state *s, const void *p, size_t n);
void hmac256_final(crypto_auth_hmacsha256_state *s, uint8_t out[32]);

#endif
