/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of u64 as sorted, disjoint, non-touching ranges [lo, hi), bounded in their number.
 *
 * Most sets of a data connection hold one or two ranges, so two are kept in place and only
 * a set with more takes memory. Adding at the upper end is the fast path.
 */
#ifndef CSEP_BASE_RANGES_H
#define CSEP_BASE_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

#define RANGES_INLINE 2

struct range {
    uint64_t lo, hi; /* hi is not in it */
};

struct ranges {
    struct range *more; /* NULL: `few` is used */
    uint32_t num, cap;
    struct range few[RANGES_INLINE];
};

void ranges_init(struct ranges *s);
void ranges_wipe(struct ranges *s, struct mem *m);
/* Ascending; valid until the set changes. */
static inline const struct range *ranges_at(const struct ranges *s, uint32_t i)
{
    return &(s->more ? s->more : s->few)[i];
}
/* False, and nothing changed: more than `max` ranges, or no memory. lo == hi adds nothing. */
bool ranges_add(struct ranges *s, struct mem *m, uint32_t max, uint64_t lo, uint64_t hi);
/* False only when a range had to be split and no room was left. */
bool ranges_remove(struct ranges *s, struct mem *m, uint32_t max, uint64_t lo, uint64_t hi);
void ranges_drop_lowest(struct ranges *s, struct mem *m);
/* All of [lo, hi) is in it. */
bool ranges_cover(const struct ranges *s, uint64_t lo, uint64_t hi);
/* First part of [lo, hi) that is not in the set; false when there is none. */
bool ranges_gap(const struct ranges *s, uint64_t lo, uint64_t hi, struct range *out);

#endif
