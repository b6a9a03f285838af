/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small table by a u32 key: elements side by side in the order of their keys. Each begins with its key.
 * Found by halving; an insertion moves what is behind it, which is nothing to speak of for channels.
 */
#ifndef CSEP_BASE_KEYED_H
#define CSEP_BASE_KEYED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

struct keyed {
    void *v;
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
