/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a connection has to tell its application: conditions, which need no memory and cannot
 * get lost, and pieces of data, each one block that also holds the bytes.
 */
#ifndef CSEP_DATA_EVENTS_H
#define CSEP_DATA_EVENTS_H

#include "base/mem.h"
#include "csep/data.h"

struct event_node {
    struct event_node *next;
    enum csep_data_event_type type;
    bool early, ordered;
    uint64_t channel, sequence, code, value;
    size_t len, cap; /* bytes used, bytes there */
    uint8_t bytes[];
};

/* Conditions, in the order in which they are told; data comes between KEY_UPDATE and WRITABLE. */
#define EVENT_CONDITION_LIST(X)                                                                              \
    X(OPENED) X(CONFIRMED) X(RETRY) X(PATH) X(KEY_UPDATE) X(WRITABLE) X(REFUSED) X(CLOSED)

struct events {
    struct event_node *first, **last, *given; /* given: bytes of the event told last */
    size_t held;                              /* memory of the nodes queued */
    uint32_t pending;                         /* bit (1 << type) of conditions */
};

void events_init(struct events *e);
void events_wipe(struct events *e, struct mem *m);
static inline void events_raise(struct events *e, enum csep_data_event_type t)
{
    e->pending |= UINT32_C(1) << t;
}
/* A node with room for cap bytes, or NULL. */
struct event_node *event_node_new(struct mem *m, size_t cap);
void event_node_free(struct mem *m, struct event_node *n);
/* Takes the node. */
void events_push(struct events *e, struct event_node *n);
/* The next condition or node; out->status, code, value and early of conditions are the caller's to fill.
 * Gives back what the last one held. */
bool events_next(struct events *e, struct mem *m, struct csep_data_event *out);
void events_release(struct events *e, struct mem *m);
static inline bool events_any(const struct events *e)
{
    return e->pending || e->first;
}

#endif
