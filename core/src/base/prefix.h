/* SPDX-License-Identifier: BSD-2-Clause */
/* The network prefix of an address, as a key of tables that bound what one network may do. */
#ifndef CSEP_BASE_PREFIX_H
#define CSEP_BASE_PREFIX_H

#include <string.h>

#include "csep/host.h"

struct prefix {
    uint8_t b[17]; /* family, address bits; the rest zero */
};

/* bits_v4 at most 32, bits_v6 at most 128. */
static inline struct prefix prefix_of(const struct csep_addr *a, unsigned bits_v4, unsigned bits_v6)
{
    unsigned bits = a->family == 4 ? bits_v4 : bits_v6;
    struct prefix p = {{a->family}};
    memcpy(p.b + 1, a->ip, bits / 8);
    if (bits % 8)
        p.b[1 + bits / 8] = a->ip[bits / 8] & (uint8_t)(0xff00u >> bits % 8);
    return p;
}

#endif
