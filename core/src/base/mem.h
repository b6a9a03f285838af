/* SPDX-License-Identifier: BSD-2-Clause */
/* The caller's allocator, with a count of what an object holds of it. Secrets are wiped by whoever put them
 * there. */
#ifndef CSEP_BASE_MEM_H
#define CSEP_BASE_MEM_H

#include <stddef.h>

#include "csep/host.h"

struct mem {
    struct csep_alloc alloc;
    size_t held;
};

static inline void *mem_get(struct mem *m, size_t n)
{
    void *p = m->alloc.get(m->alloc.self, n);
    if (p)
        m->held += n;
    return p;
}

/* p may be NULL. */
static inline void mem_put(struct mem *m, void *p, size_t n)
{
    if (!p)
        return;
    m->held -= n;
    m->alloc.put(m->alloc.self, p, n);
}

#endif
