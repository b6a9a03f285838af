/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages on their way in (spec sections 6.9 and 7.2): put together, put in order, given
 * to the application once and whole, counted against the credit.
 */
#ifndef CSEP_DATA_INBOX_H
#define CSEP_DATA_INBOX_H

#include "base/keyed.h"
#include "base/ranges.h"
#include "data/events.h"
#include "data/frame.h"
#include "data/outbox.h"

/* A message that is not whole yet, or that waits for an earlier one. */
struct inmsg {
    struct inmsg *next, *prev; /* by sequence */
    uint64_t sequence;
    uint64_t total;   /* UINT64_MAX: not known yet */
    uint64_t highest; /* highest offset received */
    struct ranges got;
    struct event_node *node; /* its bytes; NULL before the first one */
    bool whole, early;
};

struct inchan {
    uint32_t key;          /* channel * 2 + ordered */
    struct ranges settled; /* sequences received whole or skipped */
    struct inmsg *first, *last;
};

struct inbox {
    struct keyed channels; /* struct inchan */
    uint32_t num_open;     /* messages not whole */
    uint64_t received;     /* sum of highest offsets; may not pass `allowed` */
    uint64_t allowed;      /* MAX_DATA as the peer knows it */
    uint64_t consumed;     /* bytes that need no room here any more */
    uint64_t window, max_message;
    size_t held; /* memory, that of events apart */
    bool wanted; /* the peer said BLOCKED */
};

void inbox_init(struct inbox *b, uint64_t max_data, uint64_t max_message);
void inbox_wipe(struct inbox *b, struct mem *m);
/* Anything but CSEP_OK closes the connection with it. */
csep_status inbox_message(struct inbox *b, struct mem *m, struct events *e, const struct frame_message *f,
                          bool early) CSEP_MUST_CHECK;
csep_status inbox_skip(struct inbox *b, struct mem *m, struct events *e,
                       const struct frame_skip *f) CSEP_MUST_CHECK;
/* The application took n bytes. */
static inline void inbox_consumed(struct inbox *b, uint64_t n)
{
    b->consumed += n;
}
/* Credit to be told now, or 0. */
uint64_t inbox_credit_due(const struct inbox *b);

#endif
