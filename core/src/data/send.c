/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets built, sealed and remembered. One call makes one datagram. */
#include <assert.h>
#include <string.h>

#include "base/emit.h"
#include "data/conn.h"

/* A probe is long enough to be answered with a reset by a peer that forgot the connection. */
#define RESETTABLE (CSEP_RESET_MAX + 1 - PACKET_TAIL)
#define ITEMS_MAX  64u /* pieces of messages in one packet */

/* A packet on its way together. */
struct building {
    struct wr w;
    struct packet_span span;
    struct sent_packet rec;
    struct sent_space *space;
    const struct traffic_keys *keys;
    enum csep_packet_type type;
    struct csep_addr to;
    size_t limit;       /* of the whole datagram */
    size_t first_frame; /* offset of the payload */
    uint64_t app_bytes; /* that leave for the first time */
    bool early, other_path;
};

static bool ack_due(const struct csep_data *c)
{
    return c->acks.due <= c->now || (c->opening && c->opening->ack_due && c->acceptor);
}

/* Something that a window may hold back. */
static bool wants_data(const struct csep_data *c)
{
    return outbox_wants(&c->out) || c->control;
}

static bool window_open(const struct csep_data *c)
{
    return c->probes || congestion_allows(&c->recovery.cc);
}

bool conn_wants_output(const struct csep_data *c)
{
    if (c->state >= CSEP_DATA_CLOSING)
        return c->state == CSEP_DATA_CLOSING && c->close_due;
    if (c->open_due || c->accept_due || c->paths.response_due || c->paths.challenge_due)
        return true;
    if (c->state == CSEP_DATA_OPENING) /* what a stranger gets is an OPEN each time, so that one arrives */
        return !c->elsewhere && (outbox_wants(&c->out) || c->probes) && window_open(c);
    return ack_due(c) || c->probes || (wants_data(c) && window_open(c));
}

/* ---- Headers ---- */

static void begin_short(struct csep_data *c, struct building *b)
{
    const struct cid *to = b->early ? &c->opening->dcid : &c->peer.v[c->peer.in_use].id;
    bool phase = !b->early && (c->keys.generation & 1);
    b->type = CSEP_PKT_SHORT;
    packet_put_short(&b->w, &b->span, cid_view(to), phase,
                     packet_number_len(b->space->next, b->space->acked_next));
}

static void begin(struct csep_data *c, struct building *b)
{
    b->early = c->state == CSEP_DATA_OPENING;
    assert(c->opening || !b->early);
    b->space = b->early ? &c->early_space : &c->space;
    b->keys = b->early ? &c->opening->early : &c->keys.send;
    if (b->early && c->open_due) {
        b->type = CSEP_PKT_OPEN;
        opener_put_open(c, &b->w, &b->span);
    } else if (c->accept_due && c->opening) {
        b->type = CSEP_PKT_ACCEPT;
        acceptee_put_accept(c, &b->w, &b->span);
    } else {
        begin_short(c, b);
    }
    b->first_frame = b->w.len;
    b->rec.sent = c->now;
    b->rec.epoch = b->early ? 0 : (uint16_t)(c->keys.generation + 1);
}

/* ---- Frames ---- */

static void put_params(struct csep_data *c, struct building *b)
{
    struct frame_params p;
    uint8_t token[CSEP_RESET_TOKEN_LEN];
    conn_put_params(c, &p);
    if (b->type == CSEP_PKT_OPEN) {
        p.ticket_age_ms = (c->now - c->ticket_received) / CSEP_MS(1);
        p.given |= PARAM_BIT(CSEP_PARAM_TICKET_AGE); //= DATA-12
        if (c->cfg.protocol && c->cfg.protocol[0]) {
            p.protocol = view_of(c->cfg.protocol, strlen(c->cfg.protocol));
            p.given |= PARAM_BIT(CSEP_PARAM_PROTOCOL);
        }
    } else {
        p.early = c->early;
        own_cid_token(c, c->own[0].id, token);
        p.reset_token = token;
        p.given |= PARAM_BIT(CSEP_PARAM_EARLY) | PARAM_BIT(CSEP_PARAM_RESET_TOKEN); //= DATA-24
    }
    frame_put_params(&b->w, &p);
    b->rec.control |= CTRL_PARAMS;
    b->rec.eliciting = true;
}

static unsigned ranges_down(const struct ranges *s, struct ack_range out[ACK_RANGES_MAX])
{
    unsigned n = 0;
    for (uint32_t i = s->num; i-- > 0 && n < ACK_RANGES_MAX; n++)
        out[n] = (struct ack_range){ranges_at(s, i)->lo, ranges_at(s, i)->hi - 1};
    return n; //= DATA-59
}

/* A frame that does not fit is left for the next packet. */
static bool undo_if_bad(struct building *b, size_t mark)
{
    if (!b->w.bad)
        return false;
    b->w.bad = false;
    b->w.len = mark;
    return true;
}

static void put_acks(struct csep_data *c, struct building *b)
{
    struct ack_range r[ACK_RANGES_MAX];
    size_t mark = b->w.len;
    if (c->acks.due != CSEP_NEVER && c->acks.got.num) {
        unsigned n = ranges_down(&c->acks.got, r);
        frame_put_ack(&b->w, CSEP_FRAME_ACK, (c->now - c->acks.largest_at) / CSEP_US(1), r, n);
        if (!undo_if_bad(b, mark)) {
            c->acks.due = CSEP_NEVER;
            c->acks.eliciting = 0;
            b->rec.ack_next = r[0].high + 1;
        }
    }
    mark = b->w.len;
    struct opening *o = c->opening;
    if (c->acceptor && o && o->acks.num && (o->ack_due || b->type == CSEP_PKT_ACCEPT)) {
        unsigned n = ranges_down(&o->acks, r);
        frame_put_ack(&b->w, CSEP_FRAME_ACK_EARLY, (c->now - o->largest_at) / CSEP_US(1), r, n);
        if (!undo_if_bad(b, mark))
            o->ack_due = false;
    }
}

/* One frame that was due; said when it fits. False when there was no room. */
static bool put_control(struct csep_data *c, struct building *b, uint32_t bit, const struct frame *f)
{
    size_t mark = b->w.len;
    frame_put(&b->w, f);
    if (undo_if_bad(b, mark))
        return false;
    c->control &= ~bit;
    b->rec.control |= bit;
    b->rec.eliciting = true;
    return true;
}

static void put_new_cid(struct csep_data *c, struct building *b, unsigned i)
{
    uint8_t token[CSEP_RESET_TOKEN_LEN];
    struct frame f = {.type = CSEP_FRAME_NEW_CID};
    own_cid_token(c, c->own[i].id, token);
    f.u.new_cid = (struct frame_new_cid){c->own[i].sequence, 0, view_of(c->own[i].id, OWN_CID_LEN), token};
    put_control(c, b, CTRL_NEW_CID(i), &f);
}

static void put_credit(struct csep_data *c, struct building *b)
{
    struct frame f = {.type = CSEP_FRAME_MAX_DATA};
    uint64_t due = inbox_credit_due(&c->in);
    if (due) {
        c->in.allowed = due;
        c->in.wanted = false;
    }
    f.u.bytes = c->in.allowed;
    put_control(c, b, CTRL_MAX_DATA, &f);
}

static void put_controls(struct csep_data *c, struct building *b)
{
    struct frame f;
    if (c->control & CTRL_MAX_DATA)
        put_credit(c, b);
    if (c->control & CTRL_BLOCKED) {
        f = (struct frame){.type = CSEP_FRAME_BLOCKED};
        f.u.bytes = c->out.credit;
        put_control(c, b, CTRL_BLOCKED, &f);
    }
    if (c->control & CTRL_TICKETS) {
        f = (struct frame){.type = CSEP_FRAME_TICKETS};
        f.u.tickets = view_of(c->tickets, c->tickets_len);
        put_control(c, b, CTRL_TICKETS, &f);
    }
    if (c->control & CTRL_HINT) {
        f = (struct frame){.type = CSEP_FRAME_HINT};
        f.u.hint.code = c->hint_code;
        f.u.hint.seconds = c->hint_seconds;
        put_control(c, b, CTRL_HINT, &f);
    }
    for (unsigned i = 0; c->control >> 16 && i < PEER_CIDS; i++) {
        if (!(c->control & CTRL_RETIRE(i)))
            continue;
        f = (struct frame){.type = CSEP_FRAME_RETIRE_CID};
        f.u.sequence = c->peer.v[i].sequence;
        put_control(c, b, CTRL_RETIRE(i), &f);
    }
}

/* Ids can wait for what the application wants to say. */
static void put_cids(struct csep_data *c, struct building *b)
{
    for (unsigned i = 0; i < OWN_CIDS; i++)
        if (c->control & CTRL_NEW_CID(i))
            put_new_cid(c, b, i);
    if (c->control & CTRL_PING) {
        c->control &= ~CTRL_PING;
        if (!b->rec.eliciting) {
            frame_put_type(&b->w, CSEP_FRAME_PING);
            b->rec.eliciting = true;
        }
    }
}

/* False: it did not fit. */
static bool put_path_frame(struct csep_data *c, struct building *b, uint8_t type, const uint8_t data[8])
{
    struct frame f = {.type = type};
    f.u.path = data;
    b->rec.control &= ~CTRL_PATH;
    put_control(c, b, CTRL_PATH, &f);
    return b->rec.control & CTRL_PATH;
}

static void put_path(struct csep_data *c, struct building *b)
{
    struct paths *p = &c->paths;
    if (p->response_due && put_path_frame(c, b, CSEP_FRAME_PATH_RESPONSE, p->response)) {
        p->response_due = false;
        b->other_path = !addr_same(&p->response_to, &p->now.addr);
        b->to = p->response_to; //= DATA-49
    }
    if (p->challenge_due && !b->other_path && put_path_frame(c, b, CSEP_FRAME_PATH_CHALLENGE, p->challenge))
        p->challenge_due = false;
}

static void put_messages(struct csep_data *c, struct building *b)
{
    struct outbox_room room = {
        .early = b->early,
        .early_left = c->first_flight - c->early_sent,
        .split = b->type != CSEP_PKT_SHORT,
        .whole = c->unit - (size_t)(1 + CSEP_CID_MAX + 4 + PACKET_TAIL),
        .max_items = ITEMS_MAX,
    };
    if (b->early && (!c->cfg.early || !c->first_flight))
        return;
    bool was_blocked = c->out.blocked;
    struct outbox_result res = outbox_write(&c->out, &c->mem, &c->events, &b->w, b->space, &room, c->now);
    b->rec.num_items = (uint16_t)res.items;
    b->rec.eliciting |= res.any;
    b->app_bytes = res.first_bytes;
    if (b->early)
        c->early_sent += res.first_bytes;
    if (c->out.blocked && !was_blocked && !b->early)
        c->control |= CTRL_BLOCKED;
}

static void put_frames(struct csep_data *c, struct building *b)
{
    bool window = window_open(c);
    if (b->type != CSEP_PKT_SHORT)
        put_params(c, b);
    if (b->w.bad)
        return; /* nothing may follow without it */
    if (!b->early) {
        put_path(c, b);
        if (b->other_path)
            return; /* that address is not proved: nothing that makes the answer longer //= DATA-28 */
        put_acks(c, b);
    }
    if (!window)
        return;
    if (!b->early)
        put_controls(c, b);
    put_messages(c, b);
    if (!b->early)
        put_cids(c, b);
    if (c->probes && !b->rec.eliciting) {
        frame_put_type(&b->w, CSEP_FRAME_PING);
        b->rec.eliciting = true;
    }
    if (c->probes && b->w.len < RESETTABLE && b->w.cap >= RESETTABLE)
        wr_zero(&b->w, RESETTABLE - b->w.len);
}

/* ---- The end of a packet ---- */

static size_t seal(struct csep_data *c, struct building *b)
{
    size_t payload = b->w.len - b->first_frame;
    b->w.cap = b->limit;
    packet_seal(&b->w, &b->span, b->space->next, b->keys);
    if (b->w.bad)
        return 0;
    keys_count(c, payload);
    if (b->type == CSEP_PKT_OPEN && b->w.len < CSEP_OPEN_MIN_DATAGRAM)
        wr_zero(&b->w, CSEP_OPEN_MIN_DATAGRAM - b->w.len); //= DATA-1
    b->rec.bytes = (uint16_t)b->w.len;
    TRACE(&c->cfg.trace, c->now, DATA_PACKET_SENT, b->type, b->space->next, b->w.len, b->rec.eliciting);
    if (b->app_bytes)
        TRACE(&c->cfg.trace, c->now, DATA_APP_SENT, b->early ? EARLY_EPOCH : DATA_EPOCH, b->app_bytes);
    sent_done(b->space, &c->mem, &c->recovery, &b->rec);
    c->stats.packets_sent++;
    c->stats.bytes_sent += b->w.len;
    if (!b->other_path)
        c->paths.now.sent += b->w.len;
    return b->w.len;
}

static size_t frames_room(size_t limit)
{
    return limit > PACKET_TAIL ? limit - PACKET_TAIL : 0;
}

/* CLOSE alone, or behind PARAMS in an ACCEPT while the opener may have no data keys. */
static size_t build_close(struct csep_data *c, struct building *b)
{
    c->close_due = false;
    bool unconfirmed = !c->keys.generation && c->keys.recv_first == UINT64_MAX;
    c->accept_due = c->opening && c->acceptor && unconfirmed; //= DATA-106
    if (keys_before_seal(c))
        return 0;
    begin(c, b);
    c->accept_due = false;
    if (b->type == CSEP_PKT_ACCEPT)
        put_params(c, b);
    frame_put_close(&b->w, c->end_code, "");
    b->rec.eliciting = false;
    b->rec.control = 0;
    return b->w.bad ? 0 : seal(c, b);
}

static size_t build(struct csep_data *c, struct building *b)
{
    if (!sent_reserve(c->state == CSEP_DATA_OPENING ? &c->early_space : &c->space, &c->mem, ITEMS_MAX)) {
        conn_fail(c, CSEP_ERR_MEMORY);
        return 0;
    }
    if (c->state != CSEP_DATA_OPENING) {
        csep_status st = keys_before_seal(c);
        if (st) {
            conn_fail(c, st);
            return 0;
        }
    }
    begin(c, b);
    if (b->type == CSEP_PKT_OPEN && b->limit < CSEP_OPEN_MIN_DATAGRAM)
        return 0;
    put_frames(c, b);
    if (b->w.bad || b->w.len == b->first_frame) {
        c->keys.sealed -= c->state != CSEP_DATA_OPENING;
        return 0;
    }
    if (b->type == CSEP_PKT_OPEN)
        c->open_due = false;
    if (b->type == CSEP_PKT_ACCEPT)
        c->accept_due = false;
    if (c->probes && b->rec.eliciting)
        c->probes--;
    return seal(c, b);
}

static size_t one_datagram(struct csep_data *c, uint8_t *out, size_t cap, struct csep_addr *to)
{
    size_t limit = cap < c->unit ? cap : c->unit, allowed = path_allows(c);
    if (limit > allowed)
        limit = allowed; //= DATA-28
    struct building b = {.to = c->paths.now.addr, .limit = limit};
    b.w = wr_init(out, frames_room(limit));
    size_t n = c->state == CSEP_DATA_CLOSING ? build_close(c, &b) : build(c, &b);
    *to = b.to;
    return n;
}

size_t csep_data_output(struct csep_data *c, uint8_t *out, size_t cap, struct csep_addr *to, csep_time now)
{
    c->now = now;
    if (!conn_wants_output(c))
        return 0;
    enum csep_data_state before = c->state;
    size_t n = one_datagram(c, out, cap, to);
    if (!n && c->state != before && conn_wants_output(c))
        n = one_datagram(c, out, cap, to); /* a limit was met: CLOSE goes instead */
    if ((n || c->state != before) && c->owner)
        c->owner->touched(c->owner, c);
    return n;
}
