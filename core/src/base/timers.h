/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A binary heap of timers: which of many objects is due first. Each object embeds a
 * timer_node, so that its place is known and changing its time costs O(log n).
 */
#ifndef CSEP_BASE_TIMERS_H
#define CSEP_BASE_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "csep/time.h"

struct timer_node {
    csep_time at;
    uint32_t place; /* 1-based; 0: not in a heap */
};

struct timers {
    struct timer_node **v;
    uint32_t num, cap;
};

/* Insert, or move to another time. False: no memory, and nothing changed. */
bool timers_set(struct timers *h, struct mem *m, struct timer_node *n, csep_time at);
/* Harmless when n is not in it. */
void timers_remove(struct timers *h, struct mem *m, struct timer_node *n);
static inline struct timer_node *timers_first(const struct timers *h)
{
    return h->num ? h->v[0] : 0;
}
/* Takes the memory back; nodes still in it must not be used with it again. */
void timers_wipe(struct timers *h, struct mem *m);

#endif
