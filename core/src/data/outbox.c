/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/outbox_inner.h"

#include <string.h>

#include "crypto/wipe.h"

#define MESSAGE_MAX (UINT32_MAX - 1)

static size_t block_size(const struct outmsg *g)
{
    return sizeof *g + g->len;
}

/* ---- Queues ---- */

void outbox_init(struct outbox *o, size_t limit)
{
    memset(o, 0, sizeof *o);
    o->fresh.last = &o->fresh.first;
    o->lost.last = &o->lost.first;
    o->limit = limit;
    o->next_id = 1;
}

static void free_msg(struct outbox *o, struct mem *m, struct outmsg *g)
{
    if (g->prev)
        g->prev->next = g->next;
    else
        o->all = g->next;
    if (g->next)
        g->next->prev = g->prev;
    timers_remove(&o->timers, m, &g->timer);
    ranges_wipe(&g->acked, m);
    ranges_wipe(&g->lost, m);
    o->queued -= g->len;
    csep_wipe(g->bytes, g->len);
    mem_put(m, g, block_size(g));
}

void outbox_wipe(struct outbox *o, struct mem *m)
{
    while (o->all)
        free_msg(o, m, o->all);
    for (uint32_t i = 0; i < o->channels.num; i++)
        ranges_wipe(&((struct outchan *)keyed_at(&o->channels, sizeof(struct outchan), i))->settled, m);
    keyed_wipe(&o->channels, m, sizeof(struct outchan));
    timers_wipe(&o->timers, m);
    outbox_init(o, o->limit);
}

/* Nothing holds it any more: not a queue, not a packet. */
void outbox_maybe_free(struct outbox *o, struct mem *m, struct outmsg *g)
{
    if (g->done && !g->refs && !g->in_new && !g->in_lost)
        free_msg(o, m, g);
}

/* ---- Channels ---- */

struct outchan *outbox_channel(struct outbox *o, struct mem *m, uint32_t key)
{
    bool is_new;
    struct outchan *c = keyed_get(&o->channels, m, sizeof *c, key, &is_new);
    if (c && is_new)
        ranges_init(&c->settled);
    return c;
}

/* ---- Adding ---- */

static csep_status add(struct outbox *o, struct mem *m, size_t n, const uint8_t *in, struct outmsg **out)
{
    if (o->queued + n > o->limit && o->queued) {
        o->refused = true;
        return CSEP_ERR_LIMIT;
    }
    struct outmsg *g = mem_get(m, sizeof *g + n);
    if (!g)
        return CSEP_ERR_MEMORY;
    memset(g, 0, sizeof *g);
    g->len = (uint32_t)n;
    g->deadline = CSEP_NEVER;
    ranges_init(&g->acked);
    ranges_init(&g->lost);
    if (n)
        memcpy(g->bytes, in, n);
    g->next = o->all;
    if (o->all)
        o->all->prev = g;
    o->all = g;
    o->queued += n;
    *out = g;
    return CSEP_OK;
}

csep_status outbox_add_message(struct outbox *o, struct mem *m, const struct csep_message_options *opt,
                               const uint8_t *in, size_t n, uint64_t *out_id)
{
    struct outmsg *g;
    if (opt->channel > 0xffff)
        return CSEP_ERR_VALUE;
    if (n > o->peer_max_message || n > MESSAGE_MAX)
        return CSEP_ERR_OVERSIZE;
    if (!outbox_channel(o, m, (uint32_t)opt->channel * 2 + opt->ordered))
        return CSEP_ERR_MEMORY;
    csep_status st = add(o, m, n, in, &g);
    if (st)
        return st;
    g->id = o->next_id++;
    g->channel = (uint32_t)opt->channel;
    g->ordered = opt->ordered;
    g->replayable = opt->replayable;
    g->transmissions = opt->transmissions > UINT16_MAX ? 0 : (uint16_t)opt->transmissions;
    g->deadline = opt->deadline;
    if (g->deadline != CSEP_NEVER && !timers_set(&o->timers, m, &g->timer, g->deadline)) {
        free_msg(o, m, g);
        return CSEP_ERR_MEMORY;
    }
    push_fresh(o, g);
    if (out_id)
        *out_id = g->id;
    return CSEP_OK;
}

csep_status outbox_add_datagram(struct outbox *o, struct mem *m, const uint8_t *in, size_t n)
{
    struct outmsg *g;
    csep_status st = add(o, m, n, in, &g);
    if (st)
        return st;
    g->datagram = true;
    push_fresh(o, g);
    return CSEP_OK;
}

/* ---- The end of a message ---- */

static void tell(struct mem *m, struct events *e, enum csep_data_event_type type, const struct outmsg *g)
{
    struct event_node *n = event_node_new(m, 0);
    if (!n)
        return; /* no memory to say so; the message's own memory comes back all the same */
    n->type = type;
    n->value = g->id;
    n->channel = g->channel;
    n->sequence = g->sequence;
    n->ordered = g->ordered;
    events_push(e, n);
}

static void settle_sequence(struct outbox *o, struct mem *m, const struct outmsg *g)
{
    struct outchan *c = g->begun ? outbox_channel(o, m, key_of(g)) : NULL;
    if (c)
        ranges_add(&c->settled, m, SEQUENCE_WINDOW, g->sequence, g->sequence + 1);
}

void outbox_finish(struct outbox *o, struct mem *m, struct events *e, struct outmsg *g)
{
    if (g->done)
        return;
    g->done = true;
    timers_remove(&o->timers, m, &g->timer);
    if (!g->datagram) {
        settle_sequence(o, m, g);
        if (g->multi)
            o->num_multi--;
        if (!g->skip)
            tell(m, e, CSEP_DATA_EV_SENT, g);
    }
    if (o->refused && o->queued - g->len < o->limit / 2) {
        o->refused = false;
        events_raise(e, CSEP_DATA_EV_WRITABLE);
    }
}

/* No more of it will be sent; what was begun is skipped. //= DATA-64 */
void outbox_abandon(struct outbox *o, struct mem *m, struct events *e, struct outmsg *g)
{
    if (g->done || g->skip)
        return;
    timers_remove(&o->timers, m, &g->timer);
    tell(m, e, CSEP_DATA_EV_ABANDONED, g);
    g->skip = true;
    if (!g->begun) {
        outbox_finish(o, m, e, g);
        return;
    }
    ranges_wipe(&g->lost, m);
    g->skip_due = true;
    if (!o->opening)
        push_lost(o, g);
}

/* ---- What became of a piece ---- */

static void unref(struct outbox *o, struct mem *m, struct outmsg *g)
{
    g->refs--;
    outbox_maybe_free(o, m, g);
}

void outbox_acked(struct outbox *o, struct mem *m, struct events *e, const struct sent_item *it)
{
    struct outmsg *g = it->msg;
    uint64_t lo = it->offset, hi = lo + it->len;
    if (it->kind == SENT_DATAGRAM || it->kind == SENT_SKIP) {
        outbox_finish(o, m, e, g);
    } else if (!g->done) {
        /* Without memory for it the part counts as not acknowledged and goes again. */
        if (!ranges_add(&g->acked, m, MSG_RANGES, lo, hi))
            ranges_add(&g->lost, m, MSG_RANGES, lo, hi);
        else
            ranges_remove(&g->lost, m, MSG_RANGES, lo, hi);
        if (ranges_cover(&g->acked, 0, end_of(g)))
            outbox_finish(o, m, e, g);
    }
    unref(o, m, g);
}

/* What of the piece is still wanted goes into `lost`. */
static void requeue(struct outbox *o, struct mem *m, struct outmsg *g, const struct sent_item *it,
                    uint16_t tx)
{
    uint64_t lo = it->offset, hi = lo + it->len;
    struct range gap;
    while (ranges_gap(&g->acked, lo, hi, &gap)) {
        ranges_add(&g->lost, m, MSG_RANGES, gap.lo, gap.hi);
        lo = gap.hi;
    }
    if (tx > g->lost_transmission)
        g->lost_transmission = tx;
    if (g->lost.num)
        push_lost(o, g);
}

static bool used_up(const struct outmsg *g, const struct sent_item *it)
{
    return g->transmissions && it->transmission >= g->transmissions;
}

void outbox_lost(struct outbox *o, struct mem *m, struct events *e, const struct sent_item *it, csep_time now)
{
    struct outmsg *g = it->msg;
    if (it->superseded) {
        ; /* the newer copy decides */
    } else if (it->kind == SENT_DATAGRAM) {
        outbox_finish(o, m, e, g); //= DATA-63
    } else if (!g->done && it->kind == SENT_SKIP) {
        g->skip_due = true; //= DATA-65
        push_lost(o, g);
    } else if (!g->done && !g->skip) {
        if (ranges_cover(&g->acked, it->offset, it->offset + (uint64_t)it->len))
            ; /* another copy arrived */
        else if (used_up(g, it) || out_of_time(g, now))
            outbox_abandon(o, m, e, g);
        else
            requeue(o, m, g, it, (uint16_t)(it->transmission + 1));
    }
    unref(o, m, g);
}

void outbox_forgotten(struct outbox *o, struct mem *m, const struct sent_item *it)
{
    struct outmsg *g = it->msg;
    if (it->kind == SENT_DATAGRAM)
        push_lost(o, g);
    else if (!g->done && !g->skip && !it->superseded)
        requeue(o, m, g, it, it->transmission);
    unref(o, m, g);
}

bool outbox_again(struct outbox *o, struct mem *m, struct sent_item *it, csep_time now)
{
    struct outmsg *g = it->msg;
    if (g->done || it->superseded || it->kind == SENT_DATAGRAM)
        return false;
    if (it->kind == SENT_SKIP) {
        g->skip_due = true;
        push_lost(o, g);
    } else {
        if (g->skip || used_up(g, it) || out_of_time(g, now))
            return false;
        requeue(o, m, g, it, (uint16_t)(it->transmission + 1));
        if (!g->lost.num)
            return false;
    }
    it->superseded = true;
    return true;
}

/* ---- Limits and time ---- */

void outbox_opened(struct outbox *o)
{
    o->opening = false;
    for (struct outmsg *g = o->all; g; g = g->next)
        if (g->skip_due)
            push_lost(o, g);
}

const struct outmsg *outbox_replayable(struct outbox *o)
{
    struct outmsg *g = o->replay ? o->replay->prev : o->all;
    while (!o->replay && g && g->next)
        g = g->next;
    while (g && (g->datagram || g->done || g->skip || !g->replayable)) //= DATA-34
        g = g->prev;
    if (g)
        o->replay = g;
    return g;
}

void outbox_set_credit(struct outbox *o, uint64_t credit)
{
    if (credit > o->credit) { //= DATA-103
        o->credit = credit;
        o->blocked = false;
    }
}

void outbox_set_max_message(struct outbox *o, struct mem *m, struct events *e, uint64_t max)
{
    o->peer_max_message = max;
    for (struct outmsg *g = o->all, *next; g; g = next) {
        next = g->next;
        if (!g->datagram && g->len > max) {
            outbox_abandon(o, m, e, g); //= DATA-111
            outbox_maybe_free(o, m, g);
        }
    }
}

csep_time outbox_deadline(const struct outbox *o)
{
    const struct timer_node *n = timers_first(&o->timers);
    return n ? n->at : CSEP_NEVER;
}

void outbox_expire(struct outbox *o, struct mem *m, struct events *e, csep_time now)
{
    struct timer_node *n;
    while ((n = timers_first(&o->timers)) && n->at <= now) {
        struct outmsg *g = (struct outmsg *)n;
        timers_remove(&o->timers, m, n);
        /* What is wholly on its way may still arrive; only its loss makes an end of it. */
        if (g->sent < end_of(g) || g->lost.num)
            outbox_abandon(o, m, e, g);
    }
}
