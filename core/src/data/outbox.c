/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/outbox.h"

#include <string.h>

#include "crypto/wipe.h"

#define MSG_RANGES  (UINT32_C(1) << 20) /* of one message: as many as memory allows */
#define SPLIT_MIN   64u                 /* a shorter first piece is not worth its header */
#define MESSAGE_MAX (UINT32_MAX - 1)

static size_t block_size(const struct outmsg *g)
{
    return sizeof *g + g->len;
}

static uint32_t end_of(const struct outmsg *g)
{
    return g->len + 1;
}

/* ---- Queues ---- */

static void push(struct outqueue *q, struct outmsg *g, struct outmsg **next)
{
    *next = NULL;
    *q->last = g;
    q->last = next;
}

static void push_fresh(struct outbox *o, struct outmsg *g)
{
    g->in_new = true;
    push(&o->fresh, g, &g->next_new);
}

static void push_lost(struct outbox *o, struct outmsg *g)
{
    if (!g->in_lost) {
        g->in_lost = true;
        push(&o->lost, g, &g->next_lost);
    }
}

static void pop_fresh(struct outbox *o)
{
    struct outmsg *g = o->fresh.first;
    o->fresh.first = g->next_new;
    if (!o->fresh.first)
        o->fresh.last = &o->fresh.first;
    g->in_new = false;
}

static void pop_lost(struct outbox *o)
{
    struct outmsg *g = o->lost.first;
    o->lost.first = g->next_lost;
    if (!o->lost.first)
        o->lost.last = &o->lost.first;
    g->in_lost = false;
}

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
    for (uint32_t i = 0; i < o->num_channels; i++)
        ranges_wipe(&o->channels[i].settled, m);
    mem_put(m, o->channels, o->cap_channels * sizeof *o->channels);
    timers_wipe(&o->timers, m);
    outbox_init(o, o->limit);
}

/* Nothing holds it any more: not a queue, not a packet. */
static void maybe_free(struct outbox *o, struct mem *m, struct outmsg *g)
{
    if (g->done && !g->refs && !g->in_new && !g->in_lost)
        free_msg(o, m, g);
}

/* ---- Channels ---- */

static struct outchan *channel_of(struct outbox *o, struct mem *m, uint32_t key)
{
    uint32_t lo = 0, hi = o->num_channels;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (o->channels[mid].key < key)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < o->num_channels && o->channels[lo].key == key)
        return &o->channels[lo];
    if (o->num_channels == o->cap_channels) {
        uint32_t cap = o->cap_channels ? o->cap_channels * 2 : 1;
        struct outchan *c = mem_get(m, cap * sizeof *c);
        if (!c)
            return NULL;
        if (o->num_channels)
            memcpy(c, o->channels, o->num_channels * sizeof *c);
        mem_put(m, o->channels, o->cap_channels * sizeof *c);
        o->channels = c;
        o->cap_channels = cap;
    }
    struct outchan *c = &o->channels[lo];
    memmove(c + 1, c, (o->num_channels++ - lo) * sizeof *c);
    c->key = key;
    c->next = 0;
    ranges_init(&c->settled);
    return c;
}

static uint32_t key_of(const struct outmsg *g)
{
    return g->channel * 2 + g->ordered;
}

/* Lowest sequence that is neither acknowledged whole nor skipped. */
static uint64_t floor_of(const struct outchan *c)
{
    const struct range *r = ranges_at(&c->settled, 0);
    return c->settled.num && r->lo == 0 ? r->hi : 0;
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
    if (!channel_of(o, m, (uint32_t)opt->channel * 2 + opt->ordered))
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
    struct outchan *c = g->begun ? channel_of(o, m, key_of(g)) : NULL;
    if (c)
        ranges_add(&c->settled, m, SEQUENCE_WINDOW, g->sequence, g->sequence + 1);
}

static void finish(struct outbox *o, struct mem *m, struct events *e, struct outmsg *g)
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
static void abandon(struct outbox *o, struct mem *m, struct events *e, struct outmsg *g)
{
    if (g->done || g->skip)
        return;
    timers_remove(&o->timers, m, &g->timer);
    tell(m, e, CSEP_DATA_EV_ABANDONED, g);
    g->skip = true;
    if (!g->begun) {
        finish(o, m, e, g);
        return;
    }
    ranges_wipe(&g->lost, m);
    g->skip_due = true;
    if (!o->opening)
        push_lost(o, g);
}

static bool out_of_time(const struct outmsg *g, csep_time now)
{
    return g->deadline != CSEP_NEVER && now >= g->deadline;
}

/* ---- Writing ---- */

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
        finish(x->o, x->m, x->e, g);
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
        abandon(x->o, x->m, x->e, g);
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
    struct outchan *c = channel_of(x->o, x->m, key_of(g));
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
        abandon(x->o, x->m, x->e, g);
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
        maybe_free(o, m, g);
    }
    while (o->fresh.first && !o->lost.first && !room->probe_only && x.res.items < room->max_items) {
        struct outmsg *g = o->fresh.first;
        if (!write_fresh(&x, g))
            break;
        pop_fresh(o);
        maybe_free(o, m, g);
    }
    return x.res;
}

/* ---- What became of a piece ---- */

static void unref(struct outbox *o, struct mem *m, struct outmsg *g)
{
    g->refs--;
    maybe_free(o, m, g);
}

void outbox_acked(struct outbox *o, struct mem *m, struct events *e, const struct sent_item *it)
{
    struct outmsg *g = it->msg;
    uint64_t lo = it->offset, hi = lo + it->len;
    if (it->kind == SENT_DATAGRAM || it->kind == SENT_SKIP) {
        finish(o, m, e, g);
    } else if (!g->done) {
        /* Without memory for it the part counts as not acknowledged and goes again. */
        if (!ranges_add(&g->acked, m, MSG_RANGES, lo, hi))
            ranges_add(&g->lost, m, MSG_RANGES, lo, hi);
        else
            ranges_remove(&g->lost, m, MSG_RANGES, lo, hi);
        if (ranges_cover(&g->acked, 0, end_of(g)))
            finish(o, m, e, g);
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
        finish(o, m, e, g); //= DATA-63
    } else if (!g->done && it->kind == SENT_SKIP) {
        g->skip_due = true; //= DATA-65
        push_lost(o, g);
    } else if (!g->done && !g->skip) {
        if (ranges_cover(&g->acked, it->offset, it->offset + (uint64_t)it->len))
            ; /* another copy arrived */
        else if (used_up(g, it) || out_of_time(g, now))
            abandon(o, m, e, g);
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
            abandon(o, m, e, g); //= DATA-111
            maybe_free(o, m, g);
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
            abandon(o, m, e, g);
    }
}
