/* SPDX-License-Identifier: BSD-2-Clause */
/* What waits to be sent over TCP, and the units and records made of it. */
#include "data/stream.h"

#include <assert.h>
#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"

#define PIECE_MIN    1024u /* small writes share a piece */
#define CLOSE_LEN    10u   /* of a CLOSE frame without text, at most */
#define RECORD_LEAST 64u   /* a record is not begun in less room */

/* ---- Queue ---- */

size_t stream_room(const struct csep_stream *s)
{
    size_t held = s->queue.bytes, most = s->cfg.send_buffer;
    const struct piece *last = s->queue.last;
    size_t spare = last && last->kind == PIECE_STREAM ? last->cap - last->len : 0;
    if (held + sizeof(struct piece) >= most)
        return spare;
    return most - held - sizeof(struct piece) + spare;
}

void stream_free_piece(struct csep_stream *s, struct piece *p)
{
    stream_put(s, p, sizeof *p + p->cap);
}

static struct piece *new_piece(struct csep_stream *s, size_t cap)
{
    struct piece *p = stream_get(s, sizeof *p + cap);
    if (!p)
        return NULL;
    memset(p, 0, sizeof *p);
    p->cap = cap;
    s->queue.bytes += sizeof *p + cap;
    if (s->queue.last)
        s->queue.last->next = p;
    else
        s->queue.first = p;
    s->queue.last = p;
    if (!s->queue.at)
        s->queue.at = p;
    return p;
}

static void drop_first(struct csep_stream *s)
{
    struct piece *p = s->queue.first;
    s->queue.first = p->next;
    if (!s->queue.first)
        s->queue.last = NULL;
    if (s->queue.at == p)
        s->queue.at = p->next;
    s->queue.bytes -= sizeof *p + p->cap;
    stream_free_piece(s, p);
}

void stream_queue_clear(struct csep_stream *s)
{
    while (s->queue.first)
        drop_first(s);
    s->queue.blocked = false;
}

//= DATA-34
void stream_queue_keep_replayable(struct csep_stream *s)
{
    struct piece **at = &s->queue.first;
    while (*at) {
        struct piece *p = *at;
        if (p->replayable) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        s->queue.bytes -= sizeof *p + p->cap;
        stream_free_piece(s, p);
    }
    s->queue.at = s->queue.first; /* the next to be asked for */
    s->queue.last = NULL;         /* nothing more is queued */
    s->queue.blocked = false;
}

/* Into what is left of the last piece. */
static size_t append(struct csep_stream *s, const uint8_t *in, size_t n)
{
    struct piece *p = s->queue.last;
    if (!p || p->kind != PIECE_STREAM)
        return 0;
    size_t take = n < p->cap - p->len ? n : p->cap - p->len;
    memcpy(p->data + p->len, in, take);
    p->len += take;
    if (take && !s->queue.at)
        s->queue.at = p; /* it had been sent whole */
    return take;
}

/* A write is taken whole or not at all. */
static void take_back(struct csep_stream *s, struct piece *p, size_t n)
{
    if (n == 0)
        return;
    p->len -= n;
    if (s->queue.at == p && p->sent == p->len)
        s->queue.at = NULL;
}

csep_status stream_queue(struct csep_stream *s, enum piece_kind kind, const struct csep_message_options *opt,
                         const uint8_t *in, size_t n, uint64_t *out_id)
{
    if (kind == PIECE_MESSAGE && n > stream_room(s)) {
        s->queue.blocked = true;
        return CSEP_ERR_LIMIT;
    }
    size_t done = kind == PIECE_STREAM ? append(s, in, n) : 0;
    if (kind == PIECE_STREAM && done == n)
        return CSEP_OK;
    size_t left = n - done, cap = left;
    if (kind == PIECE_STREAM && cap < PIECE_MIN && stream_room(s) >= PIECE_MIN)
        cap = PIECE_MIN;
    struct piece *before = s->queue.last, *p = new_piece(s, cap);
    if (!p) {
        take_back(s, before, done);
        return CSEP_ERR_MEMORY;
    }
    p->kind = kind;
    p->len = left;
    if (left)
        memcpy(p->data, in + done, left);
    if (kind != PIECE_MESSAGE)
        return CSEP_OK;
    p->channel = opt->channel;
    p->ordered = opt->ordered;
    p->replayable = opt->replayable;
    p->id = ++s->queue.next_id;
    if (out_id)
        *out_id = p->id;
    return CSEP_OK;
}

/* Messages that the peer's MAX_MESSAGE does not let in, and that have not begun. //= DATA-111 */
static void abandon_long(struct csep_stream *s, csep_time now)
{
    struct piece **at = &s->queue.first, *last = NULL;
    s->queue.at = NULL;
    while (*at) {
        struct piece *p = *at;
        if (p->kind != PIECE_MESSAGE || p->len <= s->peer_max_message || p->begun) {
            if (!s->queue.at && (p->sent < p->len || !p->begun))
                s->queue.at = p;
            last = p;
            at = &p->next;
            continue;
        }
        *at = p->next;
        s->queue.bytes -= sizeof *p + p->cap;
        p->next = s->abandoned;
        s->abandoned = p;
        TRACE(&s->cfg.trace, now, DATA_MESSAGE_ABANDONED, p->channel, 0, 0);
    }
    s->queue.last = last;
}

void stream_queue_settle(struct csep_stream *s, bool early_taken, csep_time now)
{
    if (early_taken) {
        while (s->queue.first && s->queue.first != s->queue.at)
            drop_first(s);
        const struct piece *p = s->queue.first;
        if (p && p->kind == PIECE_MESSAGE && p->begun && p->len > s->peer_max_message) {
            stream_fail(s, CSEP_ERR_OVERSIZE, now); /* half of it is there already, and TCP has no SKIP */
            return;
        }
    } else {
        for (struct piece *p = s->queue.first; p; p = p->next) {
            p->sent = 0;
            p->begun = false;
        }
        stream_sequences_clear(s, &s->tx_sequences);
    }
    abandon_long(s, now);
}

/* ---- Filling a payload ---- */

/* A frame of the piece at hand, as much of it as fits in the writer and `most` bytes of data; false: none. */
static bool put_stream(struct piece *p, struct wr *w, size_t most, size_t *out_data)
{
    size_t room = w->cap - w->len, n = p->len - p->sent;
    size_t fit = room > 1 ? frame_vec_fit(room - 1) : 0;
    n = n < fit ? n : fit;
    n = n < most ? n : most;
    if (n == 0)
        return false;
    frame_put_data(w, CSEP_FRAME_STREAM, p->data + p->sent, n);
    p->sent += n;
    *out_data = n;
    return true;
}

static bool put_message(struct csep_stream *s, struct piece *p, struct wr *w, size_t most, size_t *out_data)
{
    if (!p->begun) {
        const uint64_t *next = stream_sequence(s, &s->tx_sequences, sequence_key(p->channel, p->ordered));
        if (!next)
            return false;
        p->sequence = *next;
    }
    size_t room = w->cap - w->len, head = frame_message_head(p->channel, p->sequence, p->sent);
    size_t n = p->len - p->sent, fit = room > head ? frame_vec_fit(room - head) : 0;
    n = n < fit ? n : fit;
    n = n < most ? n : most;
    if (room < head + 1 || (n == 0 && p->len > 0))
        return false;
    bool fin = p->sent + n == p->len;
    struct frame_message m = {
        .flags = (uint8_t)((fin ? CSEP_MESSAGE_FIN : 0) | (p->ordered ? CSEP_MESSAGE_ORDERED : 0)),
        .channel = p->channel,
        .sequence = p->sequence,
        .offset = p->sent,
        .data = {p->data + p->sent, n}};
    frame_put_message(w, &m);
    if (!p->begun)
        ++*stream_sequence(s, &s->tx_sequences, sequence_key(p->channel, p->ordered));
    p->begun = true;
    p->sent += n;
    *out_data = n;
    return true;
}

static bool put_frame(struct piece *p, struct wr *w)
{
    if (w->cap - w->len < p->len)
        return false;
    wr_bytes(w, p->data, p->len);
    p->sent = p->len;
    p->begun = true;
    return true;
}

/* A piece was sent whole: go to the next; it is kept where it may have to be sent again. One after the other,
 * so no message is whole before one that began earlier. */
//= DATA-126
static void advance(struct csep_stream *s, bool keep)
{
    struct piece *p = s->queue.at;
    s->queue.at = p->next;
    if (!keep)
        drop_first(s);
}

/* As many frames as fit; `most`: application bytes at most. Returns the application bytes. */
static size_t fill(struct csep_stream *s, struct wr *w, size_t most, bool early)
{
    size_t sum = 0;
    while (s->queue.at) {
        struct piece *p = s->queue.at;
        size_t n = 0;
        bool put = p->kind == PIECE_STREAM    ? put_stream(p, w, most - sum, &n)
                   : p->kind == PIECE_MESSAGE ? put_message(s, p, w, most - sum, &n)
                                              : put_frame(p, w);
        if (!put)
            break;
        sum += n;
        if (p->sent == p->len)
            advance(s, early);
    }
    return sum;
}

static void tell_writable(struct csep_stream *s)
{
    if (s->queue.blocked && s->queue.bytes <= s->cfg.send_buffer / 2) {
        s->queue.blocked = false;
        stream_post(s, CSEP_DATA_EV_WRITABLE);
    }
}

/* ---- Units ---- */

/* Early application bytes that the acceptor still takes. //= DATA-30 */
static size_t early_room(const struct csep_stream *s)
{
    if (!s->cfg.early || s->early_bytes >= s->slot.first_flight)
        return 0;
    return (size_t)(s->slot.first_flight - s->early_bytes);
}

static bool has_data(const struct csep_stream *s)
{
    return s->queue.at != NULL;
}

/* KEY_UPDATE in a record of its own way: because the peer did, the user wants it, or the key is worn. */
static bool update_due(const struct csep_stream *s)
{
    uint64_t limit = s->cfg.key_update_packets ? s->cfg.key_update_packets : schedule_limits(s->aead).update;
    bool may = s->tx.generation <= s->rx.generation; //= DATA-120
    return s->tx.generation < s->rx.generation || (may && (s->update_wanted || s->tx.number + 1 >= limit));
}

/* Seal the unit that began at `start`, count and trace it. */
static void finish(struct csep_stream *s, struct wr *w, size_t start, size_t header_len, int type, size_t app,
                   unsigned epoch, csep_time now)
{
    size_t payload = w->len - start - UNIT_LENGTH - header_len;
    if (app)
        TRACE(&s->cfg.trace, now, DATA_APP_SENT, epoch, app);
    TRACE(&s->cfg.trace, now, DATA_PACKET_SENT, (uint64_t)type, s->tx.number, w->len - start + CSEP_TAG_LEN,
          1);
    unit_seal(w, start, header_len, s->tx.number++, &s->tx.aead); //= KEY-5
    assert(wr_ok(w));
    stream_count(s, payload);
    if (epoch == EPOCH_EARLY)
        s->early_bytes += app;
}

/* A writer for the payload alone, which leaves room for the tag and stays within a record. */
static struct wr payload_of(const struct wr *w)
{
    struct wr in = *w;
    size_t cap = w->cap - w->len < CSEP_TAG_LEN ? w->len : w->cap - CSEP_TAG_LEN;
    size_t most = w->len + CSEP_RECORD_MAX - CSEP_TAG_LEN; //= DATA-94
    in.cap = cap < most ? cap : most;
    return in;
}

static void put_open(struct csep_stream *s, struct wr *w, csep_time now)
{
    size_t start = w->len, header_len;
    stream_put_open_header(s, w, &header_len);
    stream_put_open_params(s, w, now);
    struct wr in = payload_of(w);
    size_t app = fill(s, &in, early_room(s), true);
    w->len = in.len;
    finish(s, w, start, header_len, CSEP_PKT_OPEN, app, EPOCH_EARLY, now);
    s->tx_next = TX_EARLY;
}

/* The closing frame, once nothing waits before it. */
static bool close_due(const struct csep_stream *s)
{
    return s->close_wanted && !has_data(s);
}

/* False: not due, or no room in this record. */
static bool put_close(const struct csep_stream *s, struct wr *w)
{
    if (!close_due(s) || w->cap - w->len < CLOSE_LEN)
        return false;
    frame_put_close(w, s->close_code, NULL);
    return true;
}

static void end_if_closed(struct csep_stream *s, bool closed, csep_time now)
{
    if (closed)
        stream_end(s, s->status, s->close_code, false, now);
}

static void put_accept(struct csep_stream *s, struct wr *w, csep_time now)
{
    size_t start = w->len, header_len = stream_put_accept_header(s, w);
    stream_put_accept_params(s, w);
    struct wr in = payload_of(w);
    size_t app = fill(s, &in, SIZE_MAX, false);
    bool closed = put_close(s, &in); //= DATA-106
    w->len = in.len;
    finish(s, w, start, header_len, CSEP_PKT_ACCEPT, app, EPOCH_DATA, now);
    s->tx_next = TX_DATA;
    end_if_closed(s, closed, now);
}

static void put_early(struct csep_stream *s, struct wr *w, csep_time now)
{
    size_t start = w->len, header_len = unit_put_record(w);
    struct wr in = payload_of(w);
    size_t app = fill(s, &in, early_room(s), true);
    if (in.len == w->len) {
        w->len = start; /* no memory to begin a message */
        return;
    }
    w->len = in.len;
    finish(s, w, start, header_len, CSEP_PKT_SHORT, app, EPOCH_EARLY, now);
}

static void put_end_early(struct csep_stream *s, struct wr *w, csep_time now)
{
    size_t start = w->len, header_len = unit_put_record(w);
    frame_put_type(w, CSEP_FRAME_END_EARLY); //= DATA-91
    finish(s, w, start, header_len, CSEP_PKT_SHORT, 0, EPOCH_EARLY, now);
    stream_set_key(s, &s->tx, &s->after_early);
    CSEP_WIPE(s->after_early);
    s->tx_next = TX_FIRST;
}

static void put_record(struct csep_stream *s, struct wr *w, csep_time now)
{
    size_t start = w->len, header_len = unit_put_record(w);
    struct wr in = payload_of(w);
    bool update = update_due(s), closed = false;
    size_t app = 0;
    if (update) {
        frame_put_type(&in, CSEP_FRAME_KEY_UPDATE); //= DATA-97
    } else {
        app = fill(s, &in, SIZE_MAX, false);
        closed = put_close(s, &in);
        if (in.len == w->len && s->tx_next == TX_FIRST)
            frame_put_type(&in, CSEP_FRAME_PING); //= DATA-118
    }
    if (in.len == w->len) {
        w->len = start; /* no memory to begin a message */
        return;
    }
    w->len = in.len;
    finish(s, w, start, header_len, CSEP_PKT_SHORT, app, EPOCH_DATA, now);
    if (update) {
        stream_update_key(s, &s->tx, true, now);
        s->update_wanted = false;
    }
    if (s->tx_next == TX_FIRST) {
        s->tx_next = TX_DATA;
        if (s->state == CSEP_DATA_OPEN)
            stream_set_state(s, CSEP_DATA_CONFIRMED, now);
        stream_post(s, CSEP_DATA_EV_CONFIRMED);
    }
    end_if_closed(s, closed, now);
}

/* Is there anything to put into a record now? */
static bool record_due(const struct csep_stream *s)
{
    switch (s->tx_next) {
    case TX_EARLY:
        return has_data(s) && early_room(s) > 0;
    case TX_DATA:
        return has_data(s) || close_due(s) || update_due(s);
    case TX_NOTHING:
        return false;
    default:
        return true;
    }
}

static void put_unit(struct csep_stream *s, struct wr *w, csep_time now)
{
    if (s->tx.number >= schedule_limits(s->aead ? s->aead : CSEP_AEAD_CHACHA20_POLY1305).stop) {
        stream_end(s, CSEP_ERR_AEAD_LIMIT, csep_status_wire(CSEP_ERR_AEAD_LIMIT), false, now); //= KEY-6
        return;
    }
    switch (s->tx_next) {
    case TX_OPEN:
        put_open(s, w, now);
        break;
    case TX_EARLY:
        put_early(s, w, now);
        break;
    case TX_END_EARLY:
        put_end_early(s, w, now);
        break;
    case TX_ACCEPT:
        put_accept(s, w, now);
        break;
    case TX_REFUSE:
        stream_put_refusal(s, w, now);
        stream_end(s, s->status, s->close_code, false, now);
        break;
    case TX_FIRST:
    case TX_DATA:
        put_record(s, w, now);
        break;
    case TX_NOTHING:
        break;
    }
}

static size_t least_room(const struct csep_stream *s)
{
    if (s->queue.at && s->queue.at->kind == PIECE_FRAME)
        return STAGE_LEN;
    switch (s->tx_next) {
    case TX_EARLY:
    case TX_END_EARLY:
    case TX_FIRST:
    case TX_DATA:
        return RECORD_LEAST;
    default:
        return STAGE_LEN;
    }
}

/* From the stage, into which a unit went for which the host's buffer had no room. */
static size_t drain_stage(struct csep_stream *s, uint8_t *out, size_t cap)
{
    size_t n = s->stage_len - s->stage_at;
    n = n < cap ? n : cap;
    if (n)
        memcpy(out, s->stage + s->stage_at, n);
    s->stage_at += n;
    if (s->stage && s->stage_at == s->stage_len) {
        stream_put(s, s->stage, STAGE_LEN);
        s->stage = NULL;
        s->stage_at = s->stage_len = 0;
    }
    return n;
}

static bool fill_stage(struct csep_stream *s, csep_time now)
{
    s->stage = stream_get(s, STAGE_LEN);
    if (!s->stage)
        return false;
    struct wr w = wr_init(s->stage, STAGE_LEN);
    put_unit(s, &w, now);
    s->stage_len = w.len;
    s->stage_at = 0;
    stream_check_usage(s, now);
    return w.len > 0;
}

size_t csep_stream_output(struct csep_stream *s, uint8_t *out, size_t cap, csep_time now)
{
    s->clock = now;
    size_t n = drain_stage(s, out, cap);
    while (n < cap && record_due(s)) {
        if (cap - n < least_room(s)) {
            if (!fill_stage(s, now))
                break;
            n += drain_stage(s, out + n, cap - n);
            continue;
        }
        struct wr w = wr_init(out + n, cap - n);
        size_t before = w.len;
        put_unit(s, &w, now);
        if (w.len == before)
            break;
        n += w.len;
        stream_check_usage(s, now);
    }
    tell_writable(s);
    if (n)
        s->heard_at = now; /* TCP had room: what went before gets through //= DATA-79 */
    return n;
}
