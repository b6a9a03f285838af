/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The contexts of a stateful server: found by handle or by place, dropped when they are over, or when the
 * book is full and they are the ones that were not used for the longest time.
 *
 * They lie in chunks that never move; a place is an index with the generation of its use, so that a ticket of
 * a context long gone never opens the one that came after it. All operations are O(1) or O(log n).
 */
#ifndef CSEP_CONTEXT_BOOK_H
#define CSEP_CONTEXT_BOOK_H

#include "base/timers.h"
#include "csep/context.h"

/* Tickets of one context that can be open at a time: the bitmap. Older ones count as used. */
#define BOOK_SLOTS 256u

struct book_context {
    struct timer_node expiry; /* first: the heap's nodes are contexts */
    uint8_t handle[CSEP_HANDLE_LEN];
    uint8_t secret[32];
    uint8_t client_spki_sha256[32];
    csep_time granted;
    struct csep_usage used;
    uint32_t index, generation;                   /* its own place */
    uint32_t replaces_index, replaces_generation; /* the context that it replaces; generation 0: none */
    uint32_t newer, older;                        /* by last use: index + 1, 0 = none */
    uint32_t issued;               /* slots given out so far; the last BOOK_SLOTS of them are open */
    uint8_t spent[BOOK_SLOTS / 8]; /* bit (slot % BOOK_SLOTS) */
    bool live, bound, pending;
};
_Static_assert(sizeof(struct book_context) <= 240,
               "an idle context takes at most 256 bytes, its index entries included");

#define BOOK_CHUNK 256u

struct book {
    struct book_context **chunks;
    size_t num_chunks, cap_chunks;
    uint32_t *by_handle; /* open addressing, index + 1; 0 = empty */
    size_t slots;        /* a power of two, at least twice the contexts */
    uint32_t *free;      /* places to use again */
    size_t num_free;
    struct timers expiry;
    uint32_t newest, oldest; /* by last use */
    size_t num, most;
    struct mem mem;
};

void book_init(struct book *b, size_t most, struct csep_alloc alloc);
void book_wipe(struct book *b);
/* A new live context with nothing in it but handle and expiry. It may take the place of another. */
csep_status book_add(struct book *b, const uint8_t handle[CSEP_HANDLE_LEN], csep_time expires,
                     struct book_context **out) CSEP_MUST_CHECK;
struct book_context *book_find(const struct book *b, const uint8_t handle[CSEP_HANDLE_LEN]);
struct book_context *book_at(const struct book *b, uint32_t index, uint32_t generation);
void book_set_expiry(struct book *b, struct book_context *c, csep_time expires);
/* Mark as used now. */
void book_touch(struct book *b, struct book_context *c);
void book_remove(struct book *b, struct book_context *c);
void book_expire(struct book *b, csep_time now);

/* Is there a number for as many tickets as one message holds? No number comes twice. */
static inline bool book_can_issue(const struct book_context *c)
{
    return c->issued < UINT32_MAX - 32;
}
/* A fresh slot number of the context. */
uint32_t book_issue(struct book_context *c);
bool book_spent(const struct book_context *c, uint32_t slot);
void book_spend(struct book_context *c, uint32_t slot);
/* Slots given out and not spent. */
unsigned book_open_slots(const struct book_context *c);

#endif
