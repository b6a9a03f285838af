/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/keys.h"

#include <sodium.h>

#include "crypto/wipe.h"

void x25519_generate(struct x25519_private *priv, struct x25519_public *pub, struct csep_random rnd)
{
    rnd.fill(rnd.self, priv->b, sizeof priv->b);
    CSEP_CT_SECRET(priv->b, sizeof priv->b);
    crypto_scalarmult_base(pub->b, priv->b);
    CSEP_CT_PUBLIC(pub->b, sizeof pub->b);
}

bool x25519(struct x25519_shared *out, const struct x25519_private *priv, const uint8_t peer[X25519_LEN])
{
    int low_order = crypto_scalarmult(out->b, priv->b, peer);
    CSEP_CT_PUBLIC(&low_order, sizeof low_order);
    return low_order == 0;
}

void ed25519_from_seed(struct ed25519_private *priv, uint8_t pub[ED25519_PUB_LEN], const uint8_t seed[32])
{
    crypto_sign_seed_keypair(pub, priv->b, seed);
}

void ed25519_sign(uint8_t sig[ED25519_SIG_LEN], const void *msg, size_t n, const struct ed25519_private *priv)
{
    crypto_sign_detached(sig, NULL, msg, n, priv->b);
}

bool ed25519_verify(const uint8_t sig[ED25519_SIG_LEN], const void *msg, size_t n,
                    const uint8_t pub[ED25519_PUB_LEN])
{
    return crypto_sign_verify_detached(sig, msg, n, pub) == 0;
}
