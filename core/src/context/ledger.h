/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a stateless server remembers of contexts all the same: which are revoked, and how much those with open
 * connections were used (KEY-7, KEY-8). A cache of fixed size: four places for each bucket; the least
 * used entry makes room, one of a context that is over only for another such one. Not even that brings a
 * context back: the bucket then refuses all that were granted before that one was over.
 */
#ifndef CSEP_CONTEXT_LEDGER_H
#define CSEP_CONTEXT_LEDGER_H

#include <stdbool.h>

#include "csep/slot.h"

struct ledger_entry {
    uint8_t handle[CSEP_HANDLE_LEN];
    struct csep_usage used;
    csep_time until;   /* 0 = empty */
    csep_time over_at; /* revoked or at a limit since; 0: not */
    bool revoked;
};

struct ledger {
    struct ledger_entry *entries;
    csep_time *closed; /* of each bucket: contexts granted until then may be over, and are refused */
    size_t num;        /* a power of two */
};

csep_status ledger_init(struct ledger *l, size_t entries, struct csep_alloc alloc) CSEP_MUST_CHECK;
void ledger_free(struct ledger *l, struct csep_alloc alloc);
/* NULL: nothing is remembered of it. */
const struct ledger_entry *ledger_find(const struct ledger *l, const uint8_t handle[CSEP_HANDLE_LEN],
                                       csep_time now);
/* The entry of a context that is good until `until`; always one. */
struct ledger_entry *ledger_get(struct ledger *l, const uint8_t handle[CSEP_HANDLE_LEN], csep_time until,
                                csep_time now);
/* The context of this entry is over. */
void ledger_end(struct ledger_entry *e, csep_time now);
/* Is the context of that handle one that may be over without being remembered? */
bool ledger_forgot(const struct ledger *l, const uint8_t handle[CSEP_HANDLE_LEN], csep_time granted);
size_t ledger_memory(const struct ledger *l);

#endif
