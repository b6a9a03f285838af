/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets of the data space and the frames in them. */
#include <string.h>

#include "base/emit.h"
#include "data/conn.h"

/* Datagrams, tickets and hints beyond are dropped: the application does not take them. */
#define EVENTS_HELD (UINT32_C(4) << 20)

/* ---- Frames ---- */

static csep_status on_ack(struct csep_data *c, const struct frame *f)
{
    struct recovery_ops ops = conn_recovery_ops(c);
    bool early = f->type == CSEP_FRAME_ACK_EARLY;
    struct sent_space *s = early ? &c->early_space : &c->space;
    uint64_t us = f->u.ack.delay_us;
    csep_time delay = early ? 0 : us < 10000000 ? CSEP_US(us) : CSEP_SEC(10);
    csep_status st = recovery_ack(&c->recovery, s, &c->mem, &f->u.ack, delay, c->now, &ops);
    TRACE(&c->cfg.trace, c->now, DATA_RECOVERY, c->recovery.srtt, c->recovery.cc.cwnd,
          c->recovery.cc.in_flight, c->recovery.pto_count);
    if (!c->recovery.pto_count)
        c->probes = 0;
    if (!early && !st && c->early_space.head != c->early_space.next && c->space.acked_next) {
        c->early_space.overtaken = true;
        recovery_detect(&c->recovery, &c->early_space, &c->mem, c->now, &ops);
    }
    return st;
}

static csep_status on_datagram(struct csep_data *c, struct view data, bool early)
{
    if (c->events.held + data.n > EVENTS_HELD)
        return CSEP_OK;
    struct event_node *n = event_node_new(&c->mem, data.n);
    if (!n)
        return CSEP_OK; /* unreliable: as if lost */
    n->type = CSEP_DATA_EV_DATAGRAM;
    n->early = early;
    n->len = data.n;
    if (data.n)
        memcpy(n->bytes, data.p, data.n);
    events_push(&c->events, n);
    return CSEP_OK;
}

static csep_status push_event(struct csep_data *c, enum csep_data_event_type type, struct view bytes,
                              uint64_t code, uint64_t value)
{
    if (c->events.held + bytes.n > EVENTS_HELD)
        return CSEP_OK;
    struct event_node *n = event_node_new(&c->mem, bytes.n);
    if (!n)
        return CSEP_ERR_MEMORY;
    n->type = type;
    n->code = code;
    n->value = value;
    n->len = bytes.n;
    if (bytes.n)
        memcpy(n->bytes, bytes.p, bytes.n);
    events_push(&c->events, n);
    return CSEP_OK;
}

static csep_status on_new_cid(struct csep_data *c, const struct frame_new_cid *f)
{
    uint32_t retire;
    unsigned most = c->cfg.max_cids < CIDS_OFFERED ? c->cfg.max_cids : CIDS_OFFERED;
    csep_status st = peer_cid_new(&c->peer, f, most, &retire);
    for (unsigned i = 0; i < PEER_CIDS; i++)
        if (retire >> i & 1)
            c->control |= CTRL_RETIRE(i);
    return st;
}

static csep_status on_close(struct csep_data *c, const struct frame *f)
{
    csep_status why = f->u.close.code ? CSEP_ERR_CLOSED : CSEP_OK;
    if (c->state != CSEP_DATA_CLOSING) {
        for (unsigned s = 1; s < CSEP_STATUS_COUNT && f->u.close.code < 0x100; s++)
            if (csep_status_wire((csep_status)s) == f->u.close.code && f->u.close.code) {
                why = (csep_status)s;
                break;
            }
        conn_end(c, why, f->u.close.code, true); //= DATA-78, API-10
    }
    conn_input(c, DATA_IN_CLOSE);
    return CSEP_OK;
}

static csep_status on_frame(struct csep_data *c, const struct frame *f, bool early)
{
    switch (f->type) {
    case CSEP_FRAME_ACK:
    case CSEP_FRAME_ACK_EARLY:
        return on_ack(c, f);
    case CSEP_FRAME_DATAGRAM:
        return on_datagram(c, f->u.data, early);
    case CSEP_FRAME_MESSAGE:
        return inbox_message(&c->in, &c->mem, &c->events, &f->u.message, early);
    case CSEP_FRAME_SKIP:
        return inbox_skip(&c->in, &c->mem, &c->events, &f->u.skip);
    case CSEP_FRAME_MAX_DATA:
        outbox_set_credit(&c->out, f->u.bytes);
        return CSEP_OK;
    case CSEP_FRAME_BLOCKED:
        c->in.wanted = true;
        return CSEP_OK;
    case CSEP_FRAME_TICKETS:
        return push_event(c, CSEP_DATA_EV_TICKETS, f->u.tickets, 0, 0);
    case CSEP_FRAME_HINT:
        if (f->u.hint.code != CSEP_HINT_REFRESH && f->u.hint.code != CSEP_HINT_GOING_AWAY)
            return CSEP_OK; //= DATA-103
        return push_event(c, CSEP_DATA_EV_HINT, view_of(NULL, 0), f->u.hint.code, f->u.hint.seconds);
    case CSEP_FRAME_NEW_CID:
        return on_new_cid(c, &f->u.new_cid);
    case CSEP_FRAME_RETIRE_CID:
        return own_cid_retire(c, f->u.sequence);
    case CSEP_FRAME_PATH_RESPONSE:
        path_response(c, f->u.path);
        return CSEP_OK;
    case CSEP_FRAME_CLOSE:
        return on_close(c, f);
    default: /* PADDING, PING; PARAMS was read first; PATH_CHALLENGE by the caller, who knows the address */
        return CSEP_OK;
    }
}

static void trace_delivered(struct csep_data *c, const struct event_node *n)
{
    for (; n; n = n->next)
        if (n->type == CSEP_DATA_EV_MESSAGE || n->type == CSEP_DATA_EV_DATAGRAM)
            TRACE(&c->cfg.trace, c->now, DATA_APP_RECEIVED, n->early, n->len);
}

/* Is this one of the early frames that an acceptor discards when it takes no early data? */
static bool discarded(const struct csep_data *c, bool early, uint8_t type)
{
    return early && !c->early && (type == CSEP_FRAME_DATAGRAM || type == CSEP_FRAME_MESSAGE);
}

static uint64_t app_bytes(const struct csep_data *c, const struct frame *f)
{
    return f->type == CSEP_FRAME_DATAGRAM ? f->u.data.n : c->in.received;
}

static csep_status one_frame(struct csep_data *c, const struct frame *f, bool early)
{
    if (discarded(c, early, f->type))
        return CSEP_OK; //= DATA-32
    if (!early)
        return on_frame(c, f, false);
    uint64_t before = f->type == CSEP_FRAME_MESSAGE ? c->in.received : 0;
    csep_status st = on_frame(c, f, true); //= DATA-31
    if (f->type == CSEP_FRAME_MESSAGE || f->type == CSEP_FRAME_DATAGRAM)
        c->early_received += app_bytes(c, f) - before;
    return !st && c->early_received > c->first_flight ? CSEP_ERR_FLOW_CONTROL : st; //= DATA-37
}

void conn_receive(struct csep_data *c, struct view payload, enum frame_place place, bool *out_eliciting)
{
    struct frame_where where = {CSEP_TRANSPORT_UDP, (enum csep_service)c->service, place,
                                c->acceptor ? SENT_BY_OPENER : SENT_BY_ACCEPTOR};
    bool early = place == PLACE_OPEN || place == PLACE_EARLY, any = false;
    struct event_node **tail = c->events.last;
    struct frames it;
    struct frame f;
    csep_status st;
    frames_init(&it, payload, &where);
    while ((st = frames_next(&it, &f)) == CSEP_OK) {
        any = true;
        *out_eliciting |= frame_ack_eliciting(f.type);
        if (f.type == CSEP_FRAME_PATH_CHALLENGE)
            path_challenged(c, f.u.path);
        else
            st = one_frame(c, &f, early);
        if (st || c->state >= CSEP_DATA_DRAINING)
            break;
    }
    if (st == CSEP_AGAIN)
        st = any ? CSEP_OK : CSEP_ERR_DECODE; //= DATA-11
    if (c->cfg.trace.emit)
        trace_delivered(c, *tail);
    if (st)
        conn_fail(c, st);
    if (inbox_credit_due(&c->in))
        c->control |= CTRL_MAX_DATA;
}

/* ---- What we owe ---- */

void conn_note_received(struct csep_data *c, uint64_t number, bool eliciting)
{
    struct owed_acks *a = &c->acks;
    bool in_order = a->got.num && ranges_at(&a->got, a->got.num - 1)->hi == number;
    bool first = !a->got.num && number == 0;
    while (!ranges_add(&a->got, &c->mem, ACK_RANGES_MAX, number, number + 1) && a->got.num)
        ranges_drop_lowest(&a->got, &c->mem);
    if (number + 1 == c->replay.next)
        a->largest_at = c->now;
    if (!eliciting)
        return;
    a->eliciting++;
    if (a->eliciting >= 2 || !(in_order || first) || c->state != CSEP_DATA_CONFIRMED) //= DATA-58
        a->due = c->now;
    else if (a->due == CSEP_NEVER)
        a->due = csep_time_add(c->now, c->cfg.max_ack_delay);
}

/* ---- Packets ---- */

static void not_authentic(struct csep_data *c, const uint8_t *p, size_t n)
{
    const struct peer_cid *used = &c->peer.v[c->peer.in_use];
    if (used->has_token && packet_is_reset(p, n, used->token) &&
        data_state_next(c->state, DATA_IN_RESET) >= 0) {
        conn_end(c, CSEP_ERR_RESET, 0, true); //= DATA-81
        conn_input(c, DATA_IN_RESET);
        return;
    }
    keys_forgery(c);
    conn_drop(c, CSEP_ERR_PROTECTION, n, p[0]);
}

/* While closing, a packet only brings the peer's CLOSE or asks for ours again. */
static void receive_closing(struct csep_data *c, struct view payload)
{
    struct frame_where where = {CSEP_TRANSPORT_UDP, (enum csep_service)c->service, PLACE_DATA,
                                c->acceptor ? SENT_BY_OPENER : SENT_BY_ACCEPTOR};
    struct frames it;
    struct frame f;
    frames_init(&it, payload, &where);
    while (frames_next(&it, &f) == CSEP_OK)
        if (f.type == CSEP_FRAME_CLOSE)
            conn_input(c, DATA_IN_CLOSE);
    if (++c->close_answers % 2 == 0)
        c->close_due = true; //= DATA-77
}

void conn_receive_data(struct csep_data *c, uint8_t *p, size_t n, const struct packet_span *span,
                       enum frame_place place, const struct csep_addr *from)
{
    struct view payload;
    int type = packet_type(p, n);
    struct packet_number pn = packet_unmask(p, span, c->keys.recv.hp);
    uint64_t number = packet_number_recover(c->replay.next, pn.truncated, pn.len);
    if (replay_seen(&c->replay, number)) {
        conn_drop(c, CSEP_ERR_REPLAY, n, type); //= DATA-7
        return;
    }
    csep_status st = keys_open(c, p, span, pn, number, &payload);
    if (st == CSEP_ERR_PROTECTION) {
        not_authentic(c, p, n);
        return;
    }
    if (st == CSEP_ERR_REPLAY) {
        conn_drop(c, st, n, type);
        return;
    }
    if (st) {
        conn_fail(c, st);
        return;
    }
    bool highest = number >= c->replay.next, eliciting = false;
    replay_mark(&c->replay, number);
    TRACE(&c->cfg.trace, c->now, DATA_PACKET_RECEIVED, (uint64_t)type, number, n);
    c->stats.packets_received++;
    c->last_received = c->now;
    keys_count(c, payload.n);
    if (c->state == CSEP_DATA_CLOSING) {
        receive_closing(c, payload);
        return;
    }
    if (c->state == CSEP_DATA_ACCEPTED) {
        conn_input(c, DATA_IN_DATA);
        acceptee_confirmed(c, from);
        path_offer_cids(c);
    }
    path_note(c, from, highest, place == PLACE_DATA && own_cid_changed(c, p + 1));
    if (c->acceptor)
        path_received(c, from, n);
    c->from = *from;
    conn_receive(c, payload, place, &eliciting);
    if (c->state < CSEP_DATA_CLOSING)
        conn_note_received(c, number, eliciting);
}
