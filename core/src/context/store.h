/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of a store. store.c finds, makes and drops contexts; context.c is what happens to one.
 *
 * A context is a small fixed part and two heap blocks that exist only while they hold something: the packed
 * grant, and the tickets. Contexts hang in hash chains (by service, group and client identity), in a list by
 * last use, and in a heap by the next moment at which age changes their state.
 */
#ifndef CSEP_CONTEXT_STORE_H
#define CSEP_CONTEXT_STORE_H

#include "base/timers.h"
#include "csep/context.h"

#define STORE_TICKETS 32u /* CTX-11 */

struct csep_context {
    struct timer_node due; /* first: the heap's nodes are contexts */
    struct csep_context *chain;
    struct csep_context *newer, *older; /* by last use */
    uint8_t service[32];                /* digest of service, group, client identity */
    uint8_t peer[32];                   /* SHA-256 of the peer's SPKI; zero: not known yet */
    uint8_t secret[32];
    csep_time soft_at, hard_at, rtt;
    struct csep_usage limit, used;
    uint8_t *grant;   /* packed */
    uint8_t *tickets; /* each: time received u64, len u8, bytes; oldest first */
    uint16_t grant_len, tickets_len;
    uint8_t state, num_tickets;
    bool negotiates; /* first or anew: somebody will install what is granted */
};
_Static_assert(sizeof(struct csep_context) <= 256, "an idle context takes at most 256 bytes");

struct csep_store {
    struct csep_store_config cfg;
    uint8_t salt[16]; /* nobody can aim at one hash chain */
    struct csep_context **chains;
    size_t num_chains, num;
    struct csep_context *newest, *oldest;
    struct timers due; /* all contexts; those without a deadline at CSEP_NEVER */
    struct mem mem;
};

/* Mark as used now. */
void store_touch(struct csep_store *s, struct csep_context *c);
/* Take out and give back everything. */
void store_remove(struct csep_store *s, struct csep_context *c, csep_time now);
/* Drop the secret and the tickets: nothing can be opened any more; what was granted may still be read. */
void context_disarm(struct csep_store *s, struct csep_context *c);
void context_free_blocks(struct csep_store *s, struct csep_context *c);
/* Run the limits by age that are due. */
void context_expire(struct csep_store *s, struct csep_context *c, csep_time now);

/* ---- The ticket list (ticket_list.c) ---- */

csep_status ticket_list_add(struct csep_context *c, const struct csep_ticket *t, csep_time now,
                            struct mem *mem) CSEP_MUST_CHECK;
/* Oldest first; there must be one. */
void ticket_list_take(struct csep_context *c, struct csep_ticket *out, csep_time *received, struct mem *mem);
void ticket_list_free(struct csep_context *c, struct mem *mem);

#endif
