/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A binary heap of timers: which of many objects is due first. Each object embeds a
 * heap_node, so that its place is known and changing its time costs O(log n).
 */
#ifndef CSEP_BASE_HEAP_H
#define CSEP_BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "csep/time.h"

struct heap_node {
    csep_time at;
    uint32_t place; /* 1-based; 0: not in a heap */
};

struct heap {
    struct heap_node **v;
    uint32_t num, cap;
};

/* Insert, or move to another time. False: no memory, and nothing changed. */
bool heap_set(struct heap *h, struct mem *m, struct heap_node *n, csep_time at);
/* Harmless when n is not in it. */
void heap_remove(struct heap *h, struct mem *m, struct heap_node *n);
static inline struct heap_node *heap_first(const struct heap *h)
{
    return h->num ? h->v[0] : 0;
}
/* Takes the memory back; nodes still in it must not be used with it again. */
void heap_wipe(struct heap *h, struct mem *m);

#endif
