/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * So many per second, in all and for one network prefix. Prefixes share a fixed number of counters by a keyed
 * hash, so nobody aims at a neighbour's and memory never grows; who shares one with a flood waits with it.
 */
#ifndef CSEP_DATA_RATE_H
#define CSEP_DATA_RATE_H

#include <stdbool.h>

#include "crypto/siphash.h"
#include "csep/host.h"

#define RATE_BUCKETS 256u

struct rate {
    csep_time since;
    uint32_t used;
};

struct rates {
    struct rate all, by_prefix[RATE_BUCKETS];
    uint32_t per_second, per_second_prefix;
    uint8_t bits_v4, bits_v6; /* that make a prefix */
    struct siphash_key key;
};

/* Counts one more, and says whether that is within both bounds. */
bool rates_take(struct rates *r, const struct csep_addr *from, csep_time now);

#endif
