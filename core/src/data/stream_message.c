/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages over TCP, put together again. TCP keeps the order, so the fragments of a message come in
 * order and the messages of a channel begin in order; only fragments of different messages mix.
 */
#include "data/stream.h"

#include <string.h>

#include "base/emit.h"

#define INCOMPLETE_MAX 64u   /* DATA-88 */
#define WAITING_MAX    1024u /* DATA-125 */
#define ASSEMBLY_MIN   4096u

/* ---- Sequence numbers ---- */

uint64_t *stream_sequence(struct csep_stream *s, struct keyed *t, uint32_t key)
{
    struct mem m = {s->cfg.alloc, s->heap};
    bool is_new;
    struct sequence *row = keyed_get(t, &m, sizeof *row, key, &is_new);
    s->heap = m.held;
    return row ? &row->next : NULL;
}

void stream_sequences_clear(struct csep_stream *s, struct keyed *t)
{
    struct mem m = {s->cfg.alloc, s->heap};
    keyed_wipe(t, &m, sizeof(struct sequence));
    s->heap = m.held;
}

/* ---- Assemblies ---- */

static void free_assembly(struct csep_stream *s, struct assembly *a)
{
    stream_put(s, a->data, a->cap);
    stream_put(s, a, sizeof *a);
}

static void free_lent(struct csep_stream *s)
{
    if (s->messages.lent)
        free_assembly(s, s->messages.lent);
    s->messages.lent = NULL;
}

void stream_return_lent(struct csep_stream *s)
{
    if (s->content.type == 0) /* else the application has not seen it yet */
        free_lent(s);
}

void stream_messages_clear(struct csep_stream *s)
{
    free_lent(s);
    while (s->messages.first) {
        struct assembly *a = s->messages.first;
        s->messages.first = a->next;
        free_assembly(s, a);
    }
    s->messages = (struct assemblies){0};
}

static struct assembly *find(struct csep_stream *s, uint32_t key, uint64_t sequence)
{
    struct assembly *a = s->messages.first;
    while (a && (a->key != key || a->sequence != sequence))
        a = a->next;
    return a;
}

static struct assembly *begin(struct csep_stream *s, uint32_t key, uint64_t sequence)
{
    struct assembly **at = &s->messages.first, *a = stream_get(s, sizeof *a);
    if (!a)
        return NULL;
    *a = (struct assembly){.key = key, .sequence = sequence};
    while (*at)
        at = &(*at)->next;
    *at = a;
    s->messages.num_incomplete++;
    return a;
}

static bool reserve(struct csep_stream *s, struct assembly *a, size_t n)
{
    if (a->len + n <= a->cap)
        return true;
    size_t cap = a->cap ? a->cap : ASSEMBLY_MIN;
    while (cap < a->len + n)
        cap *= 2;
    uint8_t *data = stream_get(s, cap);
    if (!data)
        return false;
    if (a->len)
        memcpy(data, a->data, a->len);
    stream_put(s, a->data, a->cap);
    a->data = data;
    a->cap = cap;
    return true;
}

/* Does an earlier ordered message of that channel still wait? */
static bool must_wait(const struct csep_stream *s, uint32_t key, const struct assembly *before)
{
    if (!(key & 1))
        return false;
    for (const struct assembly *a = s->messages.first; a && a != before; a = a->next)
        if (a->key == key)
            return true;
    return false;
}

static void post(struct csep_stream *s, uint32_t key, uint64_t sequence, struct view data, bool early)
{
    TRACE(&s->cfg.trace, s->clock, DATA_APP_RECEIVED, early, data.n);
    s->content = (struct csep_data_event){.type = CSEP_DATA_EV_MESSAGE,
                                          .channel = key >> 1,
                                          .ordered = key & 1,
                                          .sequence = sequence,
                                          .early = early,
                                          .bytes = data.p,
                                          .len = data.n};
}

/* The first of the channel that something was completed in, if it is whole; nothing else can have changed. */
static struct assembly **first_ready(struct csep_stream *s)
{
    struct assembly **at = &s->messages.first;
    for (; s->messages.ready && *at; at = &(*at)->next) {
        if ((*at)->key != s->messages.ready_key)
            continue;
        if ((*at)->whole)
            return at;
        if ((*at)->key & 1)
            break;
    }
    s->messages.ready = false;
    return NULL;
}

bool stream_next_message(struct csep_stream *s)
{
    struct assembly **at = first_ready(s);
    if (at) {
        struct assembly *a = *at;
        *at = a->next;
        s->messages.whole_bytes -= a->len;
        s->messages.num_whole--;
        s->messages.lent = a;
        post(s, a->key, a->sequence, view_of(a->data, a->len), a->early); //= DATA-67 //= DATA-68
        return true;
    }
    return false;
}

/* A fragment that begins a message: it has the next sequence number of its channel and order. */
static csep_status begin_message(struct csep_stream *s, uint32_t key, const struct frame_message *m)
{
    uint64_t *next = stream_sequence(s, &s->rx_sequences, key);
    if (!next)
        return CSEP_ERR_MEMORY;
    if (m->sequence != *next)
        return CSEP_ERR_DECODE; //= DATA-124
    ++*next;
    return CSEP_OK;
}

static csep_status add(struct csep_stream *s, struct assembly *a, const struct frame_message *m, bool early)
{
    if (m->offset != a->len || a->whole)
        return CSEP_ERR_DECODE; //= DATA-72
    if (!reserve(s, a, m->data.n))
        return CSEP_ERR_MEMORY;
    if (m->data.n)
        memcpy(a->data + a->len, m->data.p, m->data.n);
    a->len += m->data.n;
    a->early |= early;
    if (m->flags & CSEP_MESSAGE_FIN) {
        a->whole = true;
        s->messages.num_incomplete--;
        s->messages.whole_bytes += a->len;
        s->messages.num_whole++;
        s->messages.ready = true;
        s->messages.ready_key = a->key;
    }
    bool waits = a->whole && must_wait(s, a->key, a); /* the one that others waited for does not count */
    bool many = s->messages.whole_bytes > s->cfg.max_data || s->messages.num_whole > WAITING_MAX;
    return waits && many ? CSEP_ERR_FLOW_CONTROL : CSEP_OK; //= DATA-125
}

csep_status stream_take_message(struct csep_stream *s, const struct frame_message *m, bool early)
{
    uint32_t key = sequence_key(m->channel, m->flags & CSEP_MESSAGE_ORDERED);
    if (m->offset + m->data.n > s->cfg.max_message)
        return CSEP_ERR_OVERSIZE; //= DATA-71
    struct assembly *a = find(s, key, m->sequence);
    if (!a) {
        csep_status st = m->offset == 0 ? begin_message(s, key, m) : CSEP_ERR_DECODE;
        if (st != CSEP_OK)
            return st;
        if (m->flags & CSEP_MESSAGE_FIN && !must_wait(s, key, NULL)) {
            post(s, key, m->sequence, m->data, early); /* whole in one frame: no copy */
            return CSEP_OK;
        }
        if (!(m->flags & CSEP_MESSAGE_FIN) && s->messages.num_incomplete == INCOMPLETE_MAX)
            return CSEP_ERR_FLOW_CONTROL; //= DATA-88
        a = begin(s, key, m->sequence);
        if (!a)
            return CSEP_ERR_MEMORY;
    }
    return add(s, a, m, early);
}
