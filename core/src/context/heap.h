/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A binary heap of deadlines, for a million of them: the earliest in O(1), every change in O(log n).
 *
 * Items live inside what they belong to. Room is reserved beforehand, so that no later change can fail.
 */
#ifndef CSEP_CONTEXT_HEAP_H
#define CSEP_CONTEXT_HEAP_H

#include "csep/host.h"

struct heap_item {
    csep_time at;
    size_t pos; /* index in the heap + 1; 0 = not in it */
};

struct heap {
    struct heap_item **items;
    size_t num, cap;
};

/* Room for `num` items in all. */
csep_status heap_reserve(struct heap *h, size_t num, struct csep_alloc alloc) CSEP_MUST_CHECK;
/* Put in, or move, to `at`; CSEP_NEVER takes it out. */
void heap_set(struct heap *h, struct heap_item *it, csep_time at);
/* The earliest, or NULL. */
struct heap_item *heap_first(const struct heap *h);
/* Its time, or CSEP_NEVER. */
csep_time heap_deadline(const struct heap *h);
void heap_free(struct heap *h, struct csep_alloc alloc);

#endif
