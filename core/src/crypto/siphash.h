/* SPDX-License-Identifier: BSD-2-Clause */
/* A keyed hash for tables whose keys strangers choose (SipHash-2-4). Not a MAC. */
#ifndef CSEP_CRYPTO_SIPHASH_H
#define CSEP_CRYPTO_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint8_t b[16];
};

uint64_t siphash(const struct siphash_key *k, const void *p, size_t n);

#endif
