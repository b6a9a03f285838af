/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages put into packets: what was lost first, then what is new, within credit and limits. */
#include <string.h>

#include "data/outbox_inner.h"

#define SPLIT_MIN 64u /* a shorter first piece is not worth its header */

struct writing {
    struct outbox *o;
    struct mem *m;
    struct events *e;
    struct wr *w;
    struct sent_space *s;
    const struct outbox_room *room;
    struct outbox_result res;
    csep_time now;
};

static size_t left(const struct wr *w)
{
    return w->cap - w->len;
}

static void add_piece(struct writing *x, struct outmsg *g, enum sent_kind kind, uint32_t lo, uint32_t hi,
                      uint16_t tx)
{
    sent_add_item(x->s, (struct sent_item){g, lo, hi - lo, tx, (uint8_t)kind, false});
    g->refs++;
    x->res.items++;
    x->res.any = true;
}

/* Places [lo, hi) or what fits of them; returns the place behind the last one written, lo when none was. */
static uint32_t write_places(struct writing *x, struct outmsg *g, uint32_t lo, uint32_t hi, uint16_t tx)
{
    size_t head = frame_message_head(g->channel, g->sequence, lo);
    size_t room = left(x->w) > head ? left(x->w) - head : 0;
    size_t data = (hi > g->len ? g->len : hi) - lo, fit = frame_vec_fit(room);
    if (!room)
        return lo;
    if (data > fit) {
        if (fit < SPLIT_MIN)
            return lo;
        data = fit;
        hi = lo + (uint32_t)data;
    }
    struct frame_message f = {
        .flags = (uint8_t)((hi > g->len ? CSEP_MESSAGE_FIN : 0) | (g->ordered ? CSEP_MESSAGE_ORDERED : 0)),
        .channel = g->channel,
        .sequence = g->sequence,
        .offset = lo,
        .data = view_of(g->bytes + lo, data)};
    frame_put_message(x->w, &f);
    add_piece(x, g, SENT_FRAGMENT, lo, hi, tx);
    x->res.bytes += data;
    return hi;
}

/* SKIP instead of what was given up. //= DATA-65 */
static bool write_skip(struct writing *x, struct outmsg *g)
{
    struct frame f = {.type = CSEP_FRAME_SKIP};
    f.u.skip = (struct frame_skip){.flags = g->ordered ? CSEP_MESSAGE_ORDERED : 0,
                                   .channel = g->channel,
                                   .sequence = g->sequence,
                                   .size = g->sent > g->len ? g->len : g->sent};
    size_t size = 2 + varint_len(g->channel) + varint_len(g->sequence) + varint_len(f.u.skip.size);
    if (left(x->w) < size)
        return false;
    frame_put(x->w, &f);
    add_piece(x, g, SENT_SKIP, 0, 0, 1);
    g->skip_due = false;
    return true;
}

static bool write_datagram(struct writing *x, struct outmsg *g)
{
    if (left(x->w) < 1 + varint_len(g->len) + g->len)
        return false;
    frame_put_data(x->w, CSEP_FRAME_DATAGRAM, g->bytes, g->len);
    x->res.bytes += g->len;
    x->res.any = true;
    /* Early datagrams are kept: they go again when early data is not taken. //= DATA-33, DATA-63 */
    if (x->room->early)
        add_piece(x, g, SENT_DATAGRAM, 0, g->len, 1);
    else
        outbox_finish(x->o, x->m, x->e, g);
    return true;
}

/* False: no more room. */
static bool write_lost(struct writing *x, struct outmsg *g)
{
    if (g->skip)
        return !g->skip_due || write_skip(x, g);
    if (g->datagram)
        return write_datagram(x, g);
    if (out_of_time(g, x->now)) {
        outbox_abandon(x->o, x->m, x->e, g);
        return !g->skip_due || write_skip(x, g);
    }
    while (g->lost.num) {
        struct range r = *ranges_at(&g->lost, 0);
        uint32_t hi = write_places(x, g, (uint32_t)r.lo, (uint32_t)r.hi, g->lost_transmission);
        if (hi == r.lo)
            return false;
        ranges_remove(&g->lost, x->m, MSG_RANGES, r.lo, hi);
        if (hi < r.hi || x->res.items >= x->room->max_items)
            return !g->lost.num;
    }
    return true;
}

/* May a message that was not begun begin here? */
static bool may_begin(struct writing *x, struct outmsg *g, uint32_t sendable)
{
    struct outchan *c = outbox_channel(x->o, x->m, key_of(g));
    if (!c || c->next - floor_of(c) >= SEQUENCE_WINDOW)
        return false; //= DATA-116
    size_t head = frame_message_head(g->channel, c->next, 0);
    size_t all = head + varint_len(g->len) + g->len;
    bool multi = all > left(x->w) || sendable < g->len;
    if (multi) {
        if (x->o->num_multi >= OPEN_MESSAGES)
            return false; //= DATA-115
        if (all <= x->room->whole && sendable >= g->len && !x->room->split)
            return false; /* it fits the next packet whole */
        if (left(x->w) < head + SPLIT_MIN + 2)
            return false;
    }
    g->sequence = c->next++;
    g->begun = true;
    g->multi = multi;
    x->o->num_multi += multi;
    return true;
}

/* False: no more room, credit or permission. */
static bool write_fresh(struct writing *x, struct outmsg *g)
{
    uint64_t early = x->room->early ? x->room->early_left - x->res.first_bytes : UINT64_MAX; //= DATA-30
    if (g->datagram) {
        if (g->len > early || !write_datagram(x, g))
            return false;
        x->res.first_bytes += g->len;
        g->sent = end_of(g);
        return true;
    }
    if (g->done || g->skip || out_of_time(g, x->now)) {
        outbox_abandon(x->o, x->m, x->e, g);
        return true;
    }
    uint64_t credit = x->o->credit - x->o->used; //= DATA-69
    uint32_t rest = g->len - (g->sent > g->len ? g->len : g->sent), sendable = rest;
    if (sendable > early)
        sendable = (uint32_t)early;
    if (sendable > credit)
        sendable = (uint32_t)credit;
    if (sendable < rest && credit < early)
        x->o->blocked = true;
    if ((sendable == 0 && rest) || (!g->begun && !may_begin(x, g, sendable)))
        return false;
    if (sendable < rest && !g->multi) { /* credit ran out in the middle of what was to be one frame */
        g->multi = true;
        x->o->num_multi++;
    }
    uint32_t lo = g->sent, hi = write_places(x, g, lo, sendable == rest ? end_of(g) : lo + sendable, 1);
    g->sent = hi;
    uint32_t data = (hi > g->len ? g->len : hi) - lo;
    x->o->used += data;
    x->res.first_bytes += data;
    return hi == end_of(g);
}

struct outbox_result outbox_write(struct outbox *o, struct mem *m, struct events *e, struct wr *w,
                                  struct sent_space *s, const struct outbox_room *room, csep_time now)
{
    struct writing x = {o, m, e, w, s, room, {0}, now};
    while (o->lost.first && x.res.items < room->max_items) {
        struct outmsg *g = o->lost.first;
        if (!write_lost(&x, g))
            break;
        pop_lost(o);
        outbox_maybe_free(o, m, g);
    }
    while (o->fresh.first && !o->lost.first && !room->probe_only && x.res.items < room->max_items) {
        struct outmsg *g = o->fresh.first;
        if (!write_fresh(&x, g))
            break;
        pop_fresh(o);
        outbox_maybe_free(o, m, g);
    }
    return x.res;
}
