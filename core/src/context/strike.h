/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Strike register: the tickets used in the last 20 seconds, for a server that seals contexts into tickets and
 * so has nowhere else to remember them (CTX-5).
 *
 * Two tables take turns: the current one takes what is used now, the one before is kept until everything in
 * it is older than the window. A ticket is remembered for one to two windows, in memory that never grows.
 * Once the current table is full nothing more is taken: a use that cannot be remembered must not happen.
 */
#ifndef CSEP_CONTEXT_STRIKE_H
#define CSEP_CONTEXT_STRIKE_H

#include <stdbool.h>

#include "csep/host.h"

#define STRIKE_WINDOW CSEP_SEC(20)

struct strike {
    uint64_t *mark[2]; /* 0 = empty */
    size_t slots;      /* of each table, a power of two */
    size_t num[2], most;
    unsigned current;
    csep_time turned; /* when the current table was begun */
};

csep_status strike_init(struct strike *s, size_t entries, struct csep_alloc alloc,
                        csep_time now) CSEP_MUST_CHECK;
void strike_free(struct strike *s, struct csep_alloc alloc);
/* Marks are random numbers (ticket_mark()), so they are their own hash. */
bool strike_seen(struct strike *s, uint64_t mark, csep_time now);
bool strike_full(struct strike *s, csep_time now);
/* False: seen before, or no room. */
bool strike_add(struct strike *s, uint64_t mark, csep_time now);
size_t strike_memory(const struct strike *s);

#endif
