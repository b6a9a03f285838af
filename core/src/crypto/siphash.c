/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/siphash.h"

#include <sodium.h>
#include <string.h>

uint64_t siphash(const struct siphash_key *k, const void *p, size_t n)
{
    uint8_t out[crypto_shorthash_BYTES];
    uint64_t v = 0;
    crypto_shorthash(out, p, n, k->b);
    for (unsigned i = 0; i < 8; i++)
        v = v << 8 | out[i];
    return v;
}
