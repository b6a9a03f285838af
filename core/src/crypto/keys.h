/* SPDX-License-Identifier: BSD-2-Clause */
/* X25519 (RFC 7748) and Ed25519 (RFC 8032). Randomness always comes from the caller. */
#ifndef CSEP_CRYPTO_KEYS_H
#define CSEP_CRYPTO_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "csep/host.h"

#define X25519_LEN      32
#define ED25519_PUB_LEN 32
#define ED25519_SIG_LEN 64

struct x25519_private {
    uint8_t b[X25519_LEN];
};

struct x25519_public {
    uint8_t b[X25519_LEN];
};

struct x25519_shared {
    uint8_t b[X25519_LEN];
};

/* seed (32 bytes, RFC 8032 private key) and public key, as signing wants them. */
struct ed25519_private {
    uint8_t b[64];
};

void x25519_generate(struct x25519_private *priv, struct x25519_public *pub, struct csep_random rnd);
/* False when the result is all zero (RFC 7748 section 6.1): the peer sent a low-order point. */
bool x25519(struct x25519_shared *out, const struct x25519_private *priv, const uint8_t peer[X25519_LEN]);

void ed25519_from_seed(struct ed25519_private *priv, uint8_t pub[ED25519_PUB_LEN], const uint8_t seed[32]);
void ed25519_sign(uint8_t sig[ED25519_SIG_LEN], const void *msg, size_t n,
                  const struct ed25519_private *priv);
bool ed25519_verify(const uint8_t sig[ED25519_SIG_LEN], const void *msg, size_t n,
                    const uint8_t pub[ED25519_PUB_LEN]);

#endif
