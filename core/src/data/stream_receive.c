/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes from TCP: collected into units, opened in place, their frames handled. */
#include "data/stream.h"

#include <assert.h>
#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"

#define DISCARD_MAX 65536u /* DATA-92 */

void stream_drop_input(struct csep_stream *s)
{
    stream_put(s, s->in, s->in_cap);
    s->in = NULL;
    s->in_cap = s->in_len = 0;
    s->parsing = false;
    s->unread = view_of(NULL, 0);
}

/* Something waits for the application, which is to take it before the next frame is looked at. */
static bool application_is_busy(const struct csep_stream *s)
{
    return s->unread.n != 0 || s->content.type != 0 || s->messages.lent != NULL;
}

void stream_stop_input(struct csep_stream *s)
{
    s->rx_next = RX_NOTHING;
    s->parsing = false;
    if (!application_is_busy(s))
        stream_drop_input(s);
}

/* ---- Frames ---- */

static void take_stream(struct csep_stream *s, struct view data, bool early)
{
    if (data.n == 0)
        return;
    TRACE(&s->cfg.trace, s->clock, DATA_APP_RECEIVED, early, data.n);
    s->unread = data;
    s->unread_early = early; //= DATA-31
    stream_post(s, CSEP_DATA_EV_STREAM);
}

static void take_end_early(struct csep_stream *s)
{
    stream_set_key(s, &s->rx, &s->after_early);
    CSEP_WIPE(s->after_early);
    s->rx_next = RX_DATA;
}

/* The first record under c_data proves that the opener is alive. //= DATA-26 */
static void confirm(struct csep_stream *s, csep_time now)
{
    if (s->state == CSEP_DATA_ACCEPTED) {
        stream_set_state(s, CSEP_DATA_CONFIRMED, now);
        stream_post(s, CSEP_DATA_EV_CONFIRMED);
    }
}

/* The answer, where one is due, goes out before the next data (update_due). //= DATA-98 */
static void take_key_update(struct csep_stream *s, csep_time now)
{
    if (s->rx.generation > s->tx.generation)
        stream_fail(s, CSEP_ERR_KEY_UPDATE, now); //= DATA-121
    else
        stream_update_key(s, &s->rx, false, now);
}

static void take_hint(struct csep_stream *s, const struct frame *f)
{
    if (f->u.hint.code != CSEP_HINT_REFRESH && f->u.hint.code != CSEP_HINT_GOING_AWAY)
        return; //= DATA-103
    s->content = (struct csep_data_event){
        .type = CSEP_DATA_EV_HINT, .code = f->u.hint.code, .value = f->u.hint.seconds};
}

/* Application data of the first flight: how much was sent, and is it wanted? */
static bool early_wanted(struct csep_stream *s, size_t n, csep_time now)
{
    s->early_bytes += n;
    if (s->early_bytes > s->slot.first_flight) {
        stream_fail(s, CSEP_ERR_FLOW_CONTROL, now); //= DATA-37 //= DATA-92
        return false;
    }
    return s->early; //= DATA-32
}

static void take_data(struct csep_stream *s, const struct frame *f, bool early, csep_time now)
{
    size_t n = f->type == CSEP_FRAME_STREAM ? f->u.data.n : f->u.message.data.n;
    if (early && !early_wanted(s, n, now))
        return;
    if (f->type == CSEP_FRAME_STREAM) {
        take_stream(s, f->u.data, early);
        return;
    }
    csep_status st = stream_take_message(s, &f->u.message, early);
    if (st != CSEP_OK)
        stream_fail(s, st, now);
}

static void take_frame(struct csep_stream *s, const struct frame *f, csep_time now)
{
    bool early = s->frames.where.place & (PLACE_OPEN | PLACE_EARLY);
    switch (f->type) {
    case CSEP_FRAME_PARAMS:
        if (s->is_opener)
            stream_accepted(s, &f->u.params, now);
        else
            stream_take_params(s, &f->u.params);
        break;
    case CSEP_FRAME_STREAM:
    case CSEP_FRAME_MESSAGE:
        take_data(s, f, early, now);
        break;
    case CSEP_FRAME_TICKETS:
        s->content = (struct csep_data_event){
            .type = CSEP_DATA_EV_TICKETS, .bytes = f->u.tickets.p, .len = f->u.tickets.n};
        break;
    case CSEP_FRAME_HINT:
        take_hint(s, f);
        break;
    case CSEP_FRAME_CLOSE: //= DATA-78
        stream_end(s, frame_close_status(f->u.close.code), f->u.close.code, true, now);
        break;
    case CSEP_FRAME_END_EARLY:
        take_end_early(s);
        break;
    case CSEP_FRAME_KEY_UPDATE:
        take_key_update(s, now);
        break;
    default: /* PADDING, PING */
        break;
    }
}

void stream_begin_frames(struct csep_stream *s, struct view payload, enum frame_place place, csep_time now)
{
    struct frame_where where = {CSEP_TRANSPORT_TCP, (enum csep_service)s->service, place,
                                s->is_opener ? SENT_BY_ACCEPTOR : SENT_BY_OPENER};
    csep_status st = frames_check(payload, &where); /* a bad payload changes nothing */
    if (st != CSEP_OK) {
        stream_fail(s, st, now); //= DATA-11
        return;
    }
    frames_init(&s->frames, payload, &where);
    s->parsing = true;
}

void stream_pump(struct csep_stream *s, csep_time now)
{
    while (!stream_is_over(s) && !application_is_busy(s)) {
        struct frame f;
        if (stream_next_message(s))
            continue;
        if (!s->parsing)
            break;
        if (frames_next(&s->frames, &f) == CSEP_OK)
            take_frame(s, &f, now);
        else
            stream_drop_input(s);
    }
    if (application_is_busy(s))
        return;
    if (s->rx_next == RX_NOTHING)
        stream_drop_input(s);
    if (s->eof && !s->parsing) { //= DATA-96
        csep_status st = s->status ? s->status : CSEP_ERR_TRUNCATED;
        stream_end(s, st, csep_status_wire(st), false, now);
    }
}

/* ---- Units ---- */

static void take_record(struct csep_stream *s, size_t n, csep_time now)
{
    bool early = s->rx_next == RX_EARLY;
    struct view payload;
    uint64_t number = s->rx.number++;
    if (!unit_open(&payload, s->in, n, 0, number, &s->rx.aead)) {
        s->usage.forgeries++; //= DATA-4
        TRACE(&s->cfg.trace, now, DATA_PACKET_DROPPED, CSEP_ERR_PROTECTION, n, CSEP_PKT_SHORT);
        stream_fail(s, CSEP_ERR_PROTECTION, now); //= DATA-95
        return;
    }
    stream_count(s, payload.n);
    TRACE(&s->cfg.trace, now, DATA_PACKET_RECEIVED, CSEP_PKT_SHORT, number, n);
    if (early && !s->early) {
        s->early_units += n;
        if (s->early_units > DISCARD_MAX) {
            stream_fail(s, CSEP_ERR_FLOW_CONTROL, now); //= DATA-92
            return;
        }
    }
    if (!early)
        confirm(s, now);
    stream_begin_frames(s, payload, early ? PLACE_EARLY : PLACE_DATA, now);
}

static void take_unit(struct csep_stream *s, csep_time now)
{
    size_t n = s->in_len;
    switch (s->rx_next) {
    case RX_OPEN:
        stream_take_open(s, n, now);
        break;
    case RX_ANSWER:
        stream_take_answer(s, n, now);
        break;
    case RX_EARLY:
    case RX_DATA:
        take_record(s, n, now);
        break;
    case RX_PENDING:
    case RX_NOTHING:
        break;
    }
    if (s->rx_next != RX_PENDING && !s->parsing)
        stream_drop_input(s);
}

/* What a length field may say here. */
static csep_status check_length(const struct csep_stream *s, size_t n)
{
    if (s->rx_next == RX_OPEN || s->rx_next == RX_ANSWER)
        return n - UNIT_LENGTH > UNIT_MAX ? CSEP_ERR_OVERSIZE : CSEP_OK; //= DATA-119
    if (n - UNIT_LENGTH > CSEP_RECORD_MAX)
        return CSEP_ERR_OVERSIZE;                                       //= DATA-94
    return n - UNIT_LENGTH <= CSEP_TAG_LEN ? CSEP_ERR_DECODE : CSEP_OK; //= DATA-94
}

static csep_status start_unit(struct csep_stream *s)
{
    size_t n = unit_len(s->in_length, UNIT_LENGTH);
    csep_status st = check_length(s, n);
    if (st != CSEP_OK)
        return st;
    s->in = stream_get(s, n);
    if (!s->in)
        return CSEP_ERR_MEMORY;
    s->in_cap = n;
    memcpy(s->in, s->in_length, UNIT_LENGTH);
    return CSEP_OK;
}

/* Take bytes for the unit at hand; returns how many. */
static size_t collect(struct csep_stream *s, const uint8_t *in, size_t n, csep_time now)
{
    size_t want = (s->in ? s->in_cap : UNIT_LENGTH) - s->in_len;
    n = n < want ? n : want;
    memcpy((s->in ? s->in : s->in_length) + s->in_len, in, n);
    s->in_len += n;
    if (!s->in && s->in_len == UNIT_LENGTH) {
        csep_status st = start_unit(s);
        if (st != CSEP_OK)
            stream_fail(s, st, now);
    }
    if (s->in && s->in_len == s->in_cap)
        take_unit(s, now);
    return n;
}

csep_status csep_stream_input(struct csep_stream *s, const uint8_t *in, size_t n, csep_time now,
                              size_t *out_used)
{
    size_t used = 0;
    s->clock = now;
    if (n) {
        if (s->state != CSEP_DATA_CLOSING) /* a peer that talks on and reads nothing does not hold it open */
            s->heard_at = now;
        if (s->rx_next == RX_OPEN && s->opened_at == CSEP_NEVER)
            s->opened_at = now;
    }
    stream_return_lent(s);
    stream_pump(s, now);
    while (used < n && s->rx_next != RX_NOTHING && s->rx_next != RX_PENDING && !s->parsing &&
           !application_is_busy(s)) {
        used += collect(s, in + used, n - used, now);
        stream_pump(s, now);
        stream_check_usage(s, now);
    }
    if (s->rx_next == RX_NOTHING)
        used = n; /* nobody will ever want it */
    *out_used = used;
    return s->status;
}

void csep_stream_input_eof(struct csep_stream *s, csep_time now)
{
    s->clock = now;
    s->eof = true;
    stream_pump(s, now);
}

size_t csep_stream_read(struct csep_stream *s, uint8_t *out, size_t cap, bool *out_early)
{
    size_t n = s->unread.n < cap ? s->unread.n : cap;
    if (out_early)
        *out_early = s->unread_early;
    if (n == 0)
        return 0;
    memcpy(out, s->unread.p, n);
    s->unread.p += n;
    s->unread.n -= n;
    if (s->unread.n == 0)
        stream_pump(s, s->clock);
    return n;
}
