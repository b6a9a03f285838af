/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table by a u32 key: elements side by side in the order in which they came, each begins with its key.
 * A peer chooses keys and their order, so neither may make a search or an insertion slow: an index finds
 * them.
 */
#ifndef CSEP_BASE_KEYED_H
#define CSEP_BASE_KEYED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

struct keyed {
    void *v;
    uint32_t *index; /* 1-based, hashed; NULL while they are few */
    uint32_t num, cap;
};

/* The element of that key, made of zeros if it was not there (*out_new). NULL: no memory. Addresses change
 * with every insertion. size is the same in every call. */
void *keyed_get(struct keyed *k, struct mem *m, size_t size, uint32_t key, bool *out_new);
static inline void *keyed_at(const struct keyed *k, size_t size, uint32_t i)
{
    return (char *)k->v + i * size;
}
void keyed_wipe(struct keyed *k, struct mem *m, size_t size);

#endif
