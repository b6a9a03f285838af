/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/inbox.h"

#include <string.h>

#define MSG_RANGES  4096u             /* gaps in one message, beyond what any sender in order makes */
#define MEMORY_MOST ((size_t)8 << 20) /* beside twice the credit (DATA-130) */

void inbox_init(struct inbox *b, uint64_t max_data, uint64_t max_message)
{
    memset(b, 0, sizeof *b);
    b->allowed = b->window = max_data;
    b->max_message = max_message;
}

/* ---- Channels and their lists ---- */

static struct inchan *channel_of(struct inbox *b, struct mem *m, uint32_t key)
{
    bool is_new;
    struct inchan *c = keyed_get(&b->channels, m, sizeof *c, key, &is_new);
    if (c && is_new)
        ranges_init(&c->settled);
    return c;
}

static uint64_t floor_of(const struct inchan *c)
{
    const struct range *r = ranges_at(&c->settled, 0);
    return c->settled.num && r->lo == 0 ? r->hi : 0;
}

/* The message of that number, or the one before its place (NULL: before all). Looks from the nearer end. */
static struct inmsg *find(const struct inchan *c, uint64_t sequence, struct inmsg **out_before)
{
    struct inmsg *g = c->last;
    if (c->first && sequence - c->first->sequence < c->last->sequence - sequence) {
        for (g = c->first; g && g->sequence < sequence; g = g->next)
            ;
        if (g && g->sequence == sequence)
            return g;
        *out_before = g ? g->prev : c->last;
        return NULL;
    }
    while (g && g->sequence > sequence)
        g = g->prev;
    *out_before = g;
    return g && g->sequence == sequence ? g : NULL;
}

static struct inmsg *insert(struct inbox *b, struct mem *m, struct inchan *c, uint64_t sequence,
                            struct inmsg *before)
{
    struct inmsg *g = mem_get(m, sizeof *g);
    if (!g)
        return NULL;
    memset(g, 0, sizeof *g);
    g->sequence = sequence;
    g->total = UINT64_MAX;
    ranges_init(&g->got);
    g->prev = before;
    g->next = before ? before->next : c->first;
    *(before ? &before->next : &c->first) = g;
    *(g->next ? &g->next->prev : &c->last) = g;
    b->num_open++;
    return g;
}

static void remove_msg(struct inbox *b, struct mem *m, struct inchan *c, struct inmsg *g)
{
    *(g->prev ? &g->prev->next : &c->first) = g->next;
    *(g->next ? &g->next->prev : &c->last) = g->prev;
    ranges_wipe(&g->got, m);
    if (g->node)
        event_node_free(m, g->node);
    b->num_open -= !g->whole;
    mem_put(m, g, sizeof *g);
}

void inbox_wipe(struct inbox *b, struct mem *m)
{
    for (uint32_t i = 0; i < b->channels.num; i++) {
        struct inchan *c = keyed_at(&b->channels, sizeof *c, i);
        while (c->first)
            remove_msg(b, m, c, c->first);
        ranges_wipe(&c->settled, m);
    }
    keyed_wipe(&b->channels, m, sizeof(struct inchan));
    memset(b, 0, sizeof *b);
}

/* ---- Delivery ---- */

static void hand_over(struct events *e, const struct inchan *c, uint64_t sequence, struct event_node *n,
                      bool early)
{
    n->type = CSEP_DATA_EV_MESSAGE;
    n->channel = c->key / 2;
    n->ordered = c->key & 1;
    n->sequence = sequence;
    n->early = early;
    events_push(e, n);
}

/* A sequence number is out of the way: later ordered ones may follow. //= DATA-67 */
static csep_status settle(struct inbox *b, struct mem *m, struct events *e, struct inchan *c,
                          uint64_t sequence)
{
    if (!ranges_add(&c->settled, m, SEQUENCE_WINDOW, sequence, sequence + 1))
        return CSEP_ERR_MEMORY;
    uint64_t floor = floor_of(c);
    while ((c->key & 1) && c->first && c->first->whole && c->first->sequence < floor) {
        struct inmsg *g = c->first;
        hand_over(e, c, g->sequence, g->node, g->early);
        g->node = NULL;
        remove_msg(b, m, c, g);
    }
    return CSEP_OK;
}

static csep_status take_credit(struct inbox *b, uint64_t more)
{
    if (more > b->allowed - b->received)
        return CSEP_ERR_FLOW_CONTROL; //= DATA-70
    b->received += more;
    return CSEP_OK;
}

/* Whole in one frame, and nothing has to wait. */
static csep_status take_whole(struct inbox *b, struct mem *m, struct events *e, struct inchan *c,
                              const struct frame_message *f, bool early)
{
    csep_status st = take_credit(b, f->data.n);
    if (st)
        return st;
    struct event_node *n = event_node_new(m, f->data.n);
    if (!n)
        return CSEP_ERR_MEMORY;
    n->len = f->data.n;
    if (n->len)
        memcpy(n->bytes, f->data.p, n->len);
    hand_over(e, c, f->sequence, n, early);
    return settle(b, m, e, c, f->sequence);
}

/* ---- Fragments ---- */

static csep_status make_room(struct mem *m, struct inmsg *g, uint64_t end, uint64_t max)
{
    size_t cap = g->node ? g->node->cap : 0;
    if (g->node && end <= cap)
        return CSEP_OK;
    uint64_t want = g->total != UINT64_MAX ? g->total : end > 2 * (uint64_t)cap ? end : 2 * (uint64_t)cap;
    if (want > max)
        want = max;
    struct event_node *n = event_node_new(m, (size_t)want);
    if (!n)
        return CSEP_ERR_MEMORY;
    if (g->node) {
        memcpy(n->bytes, g->node->bytes, g->node->len);
        event_node_free(m, g->node);
    }
    n->len = g->node ? (size_t)g->highest : 0;
    g->node = n;
    return CSEP_OK;
}

/* What the frame says about the end. //= DATA-72 */
static csep_status learn_end(struct inmsg *g, const struct frame_message *f, uint64_t end)
{
    if (f->flags & CSEP_MESSAGE_FIN) {
        if ((g->total != UINT64_MAX && g->total != end) || g->highest > end)
            return CSEP_ERR_DECODE;
        g->total = end;
    } else if (end > g->total) {
        return CSEP_ERR_DECODE;
    }
    return CSEP_OK;
}

static csep_status store(struct inbox *b, struct mem *m, struct inmsg *g, const struct frame_message *f,
                         uint64_t end)
{
    csep_status st = learn_end(g, f, end);
    if (!st && end > g->highest)
        st = take_credit(b, end - g->highest);
    if (!st)
        st = make_room(m, g, end, b->max_message);
    if (st)
        return st;
    if (f->data.n)
        memcpy(g->node->bytes + f->offset, f->data.p, f->data.n);
    if (end > g->highest)
        g->highest = end;
    g->node->len = (size_t)g->highest;
    return ranges_add(&g->got, m, MSG_RANGES, f->offset, end) ? CSEP_OK : CSEP_ERR_FLOW_CONTROL;
}

static csep_status complete(struct inbox *b, struct mem *m, struct events *e, struct inchan *c,
                            struct inmsg *g)
{
    uint64_t sequence = g->sequence;
    g->whole = true;
    b->num_open--;
    if (!(c->key & 1)) {
        hand_over(e, c, sequence, g->node, g->early);
        g->node = NULL;
        remove_msg(b, m, c, g);
    }
    return settle(b, m, e, c, sequence);
}

static csep_status message(struct inbox *b, struct mem *m, struct events *e, const struct frame_message *f,
                           bool early)
{
    uint64_t end = f->offset + f->data.n;
    bool ordered = f->flags & CSEP_MESSAGE_ORDERED, whole = f->offset == 0 && (f->flags & CSEP_MESSAGE_FIN);
    if (end > b->max_message)
        return CSEP_ERR_OVERSIZE; //= DATA-71
    struct inchan *c = channel_of(b, m, (uint32_t)f->channel * 2 + ordered);
    if (!c)
        return CSEP_ERR_MEMORY;
    uint64_t floor = floor_of(c);
    if (f->sequence >= floor + SEQUENCE_WINDOW)
        return CSEP_ERR_FLOW_CONTROL; //= DATA-117
    if (ranges_cover(&c->settled, f->sequence, f->sequence + 1))
        return CSEP_OK; //= DATA-66, DATA-68
    struct inmsg *before = NULL, *g = find(c, f->sequence, &before);
    if (!g && whole && (!ordered || f->sequence == floor))
        return take_whole(b, m, e, c, f, early);
    if (!g) {
        if (!whole && b->num_open >= OPEN_MESSAGES)
            return CSEP_ERR_FLOW_CONTROL; //= DATA-88
        g = insert(b, m, c, f->sequence, before);
        if (!g)
            return CSEP_ERR_MEMORY;
    }
    g->early |= early;
    csep_status st = store(b, m, g, f, end);
    if (st || g->total == UINT64_MAX || !ranges_cover(&g->got, 0, g->total))
        return st;
    return complete(b, m, e, c, g);
}

static csep_status skip(struct inbox *b, struct mem *m, struct events *e, const struct frame_skip *f)
{
    struct inchan *c = channel_of(b, m, (uint32_t)f->channel * 2 + !!(f->flags & CSEP_MESSAGE_ORDERED));
    if (!c)
        return CSEP_ERR_MEMORY;
    if (f->sequence >= floor_of(c) + SEQUENCE_WINDOW)
        return CSEP_ERR_FLOW_CONTROL;
    if (ranges_cover(&c->settled, f->sequence, f->sequence + 1))
        return CSEP_OK;
    struct inmsg *before = NULL, *g = find(c, f->sequence, &before);
    uint64_t highest = g ? g->highest : 0;
    if (f->size > b->max_message)
        return CSEP_ERR_OVERSIZE;
    if (f->size < highest)
        return CSEP_ERR_DECODE;
    csep_status st = take_credit(b, f->size - highest);
    if (st)
        return st;
    b->consumed += f->size;
    if (g)
        remove_msg(b, m, c, g);
    return settle(b, m, e, c, f->sequence);
}

/* ---- Memory: credit bounds bytes, not messages and channels ---- */

/* before: what was held that events do not hold. */
static csep_status bound(struct inbox *b, const struct mem *m, const struct events *e, size_t before,
                         csep_status st)
{
    b->held += m->held - e->held - before;
    return !st && b->held + e->held > MEMORY_MOST + 2 * b->window ? CSEP_ERR_FLOW_CONTROL : st; //= DATA-130
}

csep_status inbox_message(struct inbox *b, struct mem *m, struct events *e, const struct frame_message *f,
                          bool early)
{
    size_t before = m->held - e->held;
    return bound(b, m, e, before, message(b, m, e, f, early));
}

csep_status inbox_skip(struct inbox *b, struct mem *m, struct events *e, const struct frame_skip *f)
{
    size_t before = m->held - e->held;
    return bound(b, m, e, before, skip(b, m, e, f));
}

/* ---- Credit ---- */

uint64_t inbox_credit_due(const struct inbox *b)
{
    uint64_t next = b->consumed + b->window;
    if (next > VARINT_MAX)
        next = VARINT_MAX;
    if (next <= b->allowed)
        return 0;
    return next - b->allowed >= b->window / 2 || b->wanted ? next : 0;
}
