/* SPDX-License-Identifier: BSD-2-Clause */
/* Borrowed bytes: where they are and how many. Whoever hands out a view says how long it stays valid. */
#ifndef CSEP_DATA_VIEW_H
#define CSEP_DATA_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

struct view {
    const uint8_t *p;
    size_t n;
};

static inline struct view view_of(const void *p, size_t n)
{
    return (struct view){p, n};
}

/* What a child reader covers. */
static inline struct view view_rest(struct rd r)
{
    return (struct view){r.p, r.n};
}

#endif
