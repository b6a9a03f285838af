/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two halves of the outbox share: outbox.c keeps messages, outbox_write.c puts them into packets. */
#ifndef CSEP_DATA_OUTBOX_INNER_H
#define CSEP_DATA_OUTBOX_INNER_H

#include "data/outbox.h"

#define MSG_RANGES (UINT32_C(1) << 20) /* of one message: as many as memory allows */

static inline uint32_t end_of(const struct outmsg *g)
{
    return g->len + 1;
}

static inline uint32_t key_of(const struct outmsg *g)
{
    return g->channel * 2 + g->ordered;
}

/* Lowest sequence that is neither acknowledged whole nor skipped. */
static inline uint64_t floor_of(const struct outchan *c)
{
    const struct range *r = ranges_at(&c->settled, 0);
    return c->settled.num && r->lo == 0 ? r->hi : 0;
}

static inline bool out_of_time(const struct outmsg *g, csep_time now)
{
    return g->deadline != CSEP_NEVER && now >= g->deadline;
}

static inline void push(struct outqueue *q, struct outmsg *g, struct outmsg **next)
{
    *next = NULL;
    *q->last = g;
    q->last = next;
}

static inline void push_fresh(struct outbox *o, struct outmsg *g)
{
    g->in_new = true;
    push(&o->fresh, g, &g->next_new);
}

static inline void push_lost(struct outbox *o, struct outmsg *g)
{
    if (!g->in_lost) {
        g->in_lost = true;
        push(&o->lost, g, &g->next_lost);
    }
}

static inline void pop_fresh(struct outbox *o)
{
    struct outmsg *g = o->fresh.first;
    o->fresh.first = g->next_new;
    if (!o->fresh.first)
        o->fresh.last = &o->fresh.first;
    g->in_new = false;
}

static inline void pop_lost(struct outbox *o)
{
    struct outmsg *g = o->lost.first;
    o->lost.first = g->next_lost;
    if (!o->lost.first)
        o->lost.last = &o->lost.first;
    g->in_lost = false;
}

struct outchan *outbox_channel(struct outbox *o, struct mem *m, uint32_t key);
/* Nothing more is to be sent or awaited. */
void outbox_finish(struct outbox *o, struct mem *m, struct events *e, struct outmsg *g);
/* No more of it will be sent; what was begun is skipped. */
void outbox_abandon(struct outbox *o, struct mem *m, struct events *e, struct outmsg *g);
/* Once nothing holds it any more: not a queue, not a packet. */
void outbox_maybe_free(struct outbox *o, struct mem *m, struct outmsg *g);

#endif
