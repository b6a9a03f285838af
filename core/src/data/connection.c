/* SPDX-License-Identifier: BSD-2-Clause */
/* Life of a connection over UDP, and the public verbs. */
#include <assert.h>
#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"
#include "data/conn.h"
#include "data/permit.h"

#define END_AFTER_EXPIRY CSEP_SEC(30) /* CTX-16 allows 60 s */
#define UNIT_UNKNOWN     1200u

size_t csep_data_size(void)
{
    return sizeof(struct csep_data);
}

/* ---- States ---- */

void conn_go(struct csep_data *c, enum csep_data_state next)
{
    if (next == c->state)
        return;
    TRACE(&c->cfg.trace, c->now, DATA_STATE, c->state, next);
    bool told = c->state == CSEP_DATA_DRAINING;
    c->state = next;
    if (next == CSEP_DATA_CONFIRMED) {
        c->confirmed = true;
        c->recovery.peer_ack_delay = c->peer_ack_delay; /* the opening was acknowledged at once */
        events_raise(&c->events, CSEP_DATA_EV_CONFIRMED);
    }
    if ((next == CSEP_DATA_CLOSED && !told) || next == CSEP_DATA_DRAINING) {
        events_raise(&c->events, CSEP_DATA_EV_CLOSED);
        TRACE(&c->cfg.trace, c->now, DATA_CLOSED, c->end_code, c->end_by_peer);
    }
    if (next == CSEP_DATA_CLOSED)
        conn_forget_opening(c);
    if (next == CSEP_DATA_CLOSING || next == CSEP_DATA_DRAINING)
        c->closing_until = csep_time_add(c->now, 3 * recovery_pto(&c->recovery)); //= DATA-77
}

bool conn_input(struct csep_data *c, enum data_input in)
{
    int next = data_state_next(c->state, in);
    if (next < 0)
        return false;
    conn_go(c, (enum csep_data_state)next);
    return true;
}

void conn_end(struct csep_data *c, csep_status why, uint64_t code, bool by_peer)
{
    c->end_status = why;
    c->end_code = code;
    c->end_by_peer = by_peer;
}

void conn_fail(struct csep_data *c, csep_status why)
{
    if (c->state >= CSEP_DATA_CLOSING)
        return;
    conn_end(c, why, csep_status_wire(why), false);
    c->close_due = true;
    conn_input(c, DATA_IN_LOCAL_CLOSE);
}

void conn_drop(struct csep_data *c, csep_status why, size_t bytes, int type)
{
    c->stats.dropped++;
    TRACE(&c->cfg.trace, c->now, DATA_PACKET_DROPPED, why, bytes, (uint64_t)(type < 0 ? 0 : type));
}

bool conn_sendable(const struct csep_data *c)
{
    return c->state >= CSEP_DATA_OPENING && c->state <= CSEP_DATA_CONFIRMED;
}

/* ---- Making and unmaking ---- */

static uint16_t choose_aead(const struct csep_data_config *cfg, const struct csep_slot *slot)
{
    for (unsigned i = 0; i < slot->num_aeads && i < 8; i++) {
        uint16_t id = slot->aeads[i];
        if (aead_supported(id) && (!cfg->aead || cfg->aead == id))
            return id;
    }
    return 0;
}

static void take_slot(struct csep_data *c, const struct csep_slot *slot)
{
    memcpy(c->handle, slot->handle, sizeof c->handle);
    c->upgrade = slot->upgrade;
    c->exports = slot->exports;
    c->first_flight = slot->first_flight;
    /* An opener's slot expires before the context does (CTX-15); an acceptor lets the opener be the first. */
    c->context_end = csep_time_add(slot->expires, c->acceptor ? END_AFTER_EXPIRY : 0);
    c->ticket_received = slot->received;
    c->left = slot->left;
    if (!slot->left.bytes && !slot->left.packets && !slot->left.forgeries)
        c->left = (struct csep_usage){UINT64_MAX, UINT64_C(1) << 60, UINT64_C(1) << 36};
}

csep_status conn_init(struct csep_data *c, const struct csep_data_config *cfg, const struct csep_slot *slot,
                      enum csep_service service, bool acceptor, const struct csep_addr *peer, csep_time now)
{
    memset(c, 0, sizeof *c);
    c->cfg = *cfg;
    c->mem.alloc = cfg->alloc;
    c->acceptor = acceptor;
    c->service = (uint8_t)service;
    c->now = c->started = c->last_received = c->reported_at = now;
    c->unit = UNIT_UNKNOWN; //= DATA-9
    c->idle_timeout = cfg->idle_timeout;
    c->peer_max_cids = 2;
    c->acks.due = CSEP_NEVER;
    c->paths.now.addr = *peer;
    ranges_init(&c->acks.got);
    take_slot(c, slot);
    recovery_init(&c->recovery, cfg->initial_rtt, c->unit);
    outbox_init(&c->out, cfg->send_buffer);
    c->out.peer_max_message = 1048576; //= DATA-111
    c->out.credit = 1048576;
    uint64_t credit = cfg->max_data;
    if (acceptor && credit < slot->first_flight)
        credit = slot->first_flight; //= DATA-110
    inbox_init(&c->in, credit, cfg->max_message);
    events_init(&c->events);
    c->keys.aead = choose_aead(cfg, slot);
    c->keys.recv_first = UINT64_MAX;
    if (!c->keys.aead)
        return CSEP_ERR_UNSUPPORTED;
    if (!replay_init(&c->replay, &c->mem, cfg->replay_window))
        return CSEP_ERR_MEMORY;
    c->opening = mem_get(&c->mem, sizeof *c->opening);
    if (!c->opening) {
        replay_wipe(&c->replay, &c->mem);
        return CSEP_ERR_MEMORY;
    }
    memset(c->opening, 0, sizeof *c->opening);
    ranges_init(&c->opening->acks);
    return CSEP_OK;
}

/* //= KEY-17 */
void conn_forget_opening(struct csep_data *c)
{
    struct opening *o = c->opening;
    if (!o)
        return;
    c->opening = NULL;
    c->accept_due = c->open_due = false;
    ranges_wipe(&o->acks, &c->mem);
    csep_wipe(o, sizeof *o);
    mem_put(&c->mem, o, sizeof *o);
}

void csep_data_wipe(struct csep_data *c)
{
    struct recovery_ops ops = conn_recovery_ops(c);
    sent_forget(&c->early_space, &c->mem, &c->recovery, &ops);
    sent_forget(&c->space, &c->mem, &c->recovery, &ops);
    conn_forget_opening(c);
    outbox_wipe(&c->out, &c->mem);
    inbox_wipe(&c->in, &c->mem);
    events_wipe(&c->events, &c->mem);
    ranges_wipe(&c->acks.got, &c->mem);
    replay_wipe(&c->replay, &c->mem);
    mem_put(&c->mem, c->ticket, c->ticket_len);
    mem_put(&c->mem, c->tickets, c->tickets_len);
    assert(c->mem.held == 0);
    csep_wipe(c, sizeof *c);
}

/* ---- Parameters ---- */

void conn_put_params(struct csep_data *c, struct frame_params *p)
{
    memset(p, 0, sizeof *p);
    p->max_data = c->in.window;
    p->max_message = c->in.max_message;
    p->idle_timeout_ms = c->cfg.idle_timeout / CSEP_MS(1);
    p->max_ack_delay_ms = c->cfg.max_ack_delay / CSEP_MS(1);
    p->max_cids = c->cfg.max_cids < CIDS_OFFERED ? c->cfg.max_cids : CIDS_OFFERED;
    p->max_unit = c->cfg.max_unit < 1472 ? 1472 : c->cfg.max_unit;
#define GIVE(id, value, standard) p->given |= (value) != (standard) ? PARAM_BIT(id) : 0
    GIVE(CSEP_PARAM_MAX_DATA, p->max_data, 1048576);
    GIVE(CSEP_PARAM_MAX_MESSAGE, p->max_message, 1048576);
    GIVE(CSEP_PARAM_IDLE_TIMEOUT, p->idle_timeout_ms, 30000);
    GIVE(CSEP_PARAM_MAX_ACK_DELAY, p->max_ack_delay_ms, 25);
    GIVE(CSEP_PARAM_MAX_CIDS, p->max_cids, 2);
    GIVE(CSEP_PARAM_MAX_UNIT, p->max_unit, 1472);
#undef GIVE
}

csep_status conn_take_params(struct csep_data *c, const struct frame_params *p)
{
    csep_time idle = CSEP_MS(1) * (p->idle_timeout_ms < 1000000000 ? p->idle_timeout_ms : 1000000000);
    if (idle && (!c->idle_timeout || idle < c->idle_timeout))
        c->idle_timeout = idle; //= DATA-79
    c->peer_max_cids = (uint8_t)p->max_cids;
    c->peer_ack_delay = CSEP_MS(1) * p->max_ack_delay_ms;
    uint64_t unit = p->max_unit < c->cfg.max_unit ? p->max_unit : c->cfg.max_unit;
    c->unit = (uint16_t)(unit < UNIT_UNKNOWN ? UNIT_UNKNOWN : unit);
    c->recovery.cc.unit = c->unit;
    /* What was sent before counts; credit never shrinks below the default assumed till now (DATA-110,
     * DATA-111). */
    c->out.credit = p->max_data > c->out.used ? p->max_data : c->out.used;
    c->out.blocked = false;
    outbox_set_max_message(&c->out, &c->mem, &c->events, p->max_message);
    return CSEP_OK;
}

/* ---- What became of packets ---- */

static void packet_acked(void *self, const struct sent_packet *p, const struct sent_item *items)
{
    struct csep_data *c = self;
    for (unsigned i = 0; i < p->num_items; i++)
        outbox_acked(&c->out, &c->mem, &c->events, &items[i]);
    if (p->ack_next) {
        while (c->acks.got.num > 1 && ranges_at(&c->acks.got, 0)->hi < p->ack_next)
            ranges_drop_lowest(&c->acks.got, &c->mem);
    }
    if (p->control & CTRL_TICKETS && !(c->control & CTRL_TICKETS)) {
        mem_put(&c->mem, c->tickets, c->tickets_len);
        c->tickets = NULL;
        c->tickets_len = 0;
    }
    for (unsigned i = 0; p->control >> 16 && i < PEER_CIDS; i++)
        if (p->control & CTRL_RETIRE(i) & ~c->control && c->peer.v[i].state == CID_RETIRING)
            c->peer.v[i].state = CID_FREE;
    if (p->epoch == (uint16_t)(c->keys.generation + 1))
        c->keys.acked = true;
    if (p->epoch && !c->acceptor)
        conn_input(c, DATA_IN_ACKED); //= DATA-27
}

/* Frames that are still true are said again. */
static void requeue_control(struct csep_data *c, uint32_t control)
{
    uint32_t again = control & ~(CTRL_PATH | CTRL_PING | CTRL_PARAMS);
    if (!c->out.blocked)
        again &= ~CTRL_BLOCKED;
    for (unsigned i = 0; i < OWN_CIDS; i++)
        if (again & CTRL_NEW_CID(i) && c->own[i].state != CID_LIVE)
            again &= ~CTRL_NEW_CID(i);
    for (unsigned i = 0; i < PEER_CIDS; i++)
        if (again & CTRL_RETIRE(i) && c->peer.v[i].state != CID_RETIRING)
            again &= ~CTRL_RETIRE(i);
    if (!c->tickets)
        again &= ~CTRL_TICKETS;
    c->control |= again;
    if (control & CTRL_PARAMS && c->acceptor && c->state == CSEP_DATA_ACCEPTED)
        c->accept_due = true;
}

static void packet_lost(void *self, uint64_t number, const struct sent_packet *p,
                        const struct sent_item *items, enum loss_trigger trigger)
{
    struct csep_data *c = self;
    c->stats.packets_lost++;
    TRACE(&c->cfg.trace, c->now, DATA_PACKET_LOST, number, p->bytes, trigger);
    for (unsigned i = 0; i < p->num_items; i++)
        outbox_lost(&c->out, &c->mem, &c->events, &items[i], c->now);
    requeue_control(c, p->control);
    if (p->control & CTRL_PATH && c->paths.validating)
        c->paths.challenge_due = true;
}

static void packet_forgotten(void *self, const struct sent_packet *p, const struct sent_item *items)
{
    struct csep_data *c = self;
    for (unsigned i = 0; i < p->num_items; i++)
        outbox_forgotten(&c->out, &c->mem, &items[i]);
}

struct recovery_ops conn_recovery_ops(struct csep_data *c)
{
    return (struct recovery_ops){packet_acked, packet_lost, packet_forgotten, c};
}

/* ---- Verbs ---- */

void conn_touch(struct csep_data *c)
{
    if (c->owner)
        c->owner->touched(c->owner, c);
}

csep_status csep_data_send_datagram(struct csep_data *c, const uint8_t *in, size_t n, csep_time now)
{
    c->now = now;
    if (c->service != CSEP_SERVICE_DATAGRAM)
        return CSEP_ERR_SERVICE; //= DATA-61
    if (!conn_sendable(c))
        return CSEP_ERR_CLOSED;
    if (n > csep_data_max_datagram(c))
        return CSEP_ERR_OVERSIZE;
    csep_status st = outbox_add_datagram(&c->out, &c->mem, in, n);
    conn_touch(c);
    return st;
}

csep_status csep_data_send_message(struct csep_data *c, const struct csep_message_options *opt,
                                   const uint8_t *in, size_t n, csep_time now, uint64_t *out_id)
{
    c->now = now;
    if (c->service != CSEP_SERVICE_MESSAGE)
        return CSEP_ERR_SERVICE; //= DATA-61
    if (!conn_sendable(c))
        return CSEP_ERR_CLOSED;
    csep_status st = outbox_add_message(&c->out, &c->mem, opt, in, n, out_id);
    conn_touch(c);
    return st;
}

bool csep_data_replayable(struct csep_data *c, struct csep_message_options *out_opt,
                          const uint8_t **out_bytes, size_t *out_len)
{
    const struct outmsg *g =
        c->state == CSEP_DATA_CLOSED && !c->confirmed ? outbox_replayable(&c->out) : NULL;
    if (!g)
        return false;
    *out_opt = (struct csep_message_options){.channel = g->channel,
                                             .ordered = g->ordered,
                                             .replayable = true,
                                             .deadline = g->deadline,
                                             .transmissions = g->transmissions};
    *out_bytes = g->bytes;
    *out_len = g->len;
    return true;
}

csep_status csep_data_key_update(struct csep_data *c, csep_time now)
{
    c->now = now;
    if (!conn_sendable(c))
        return CSEP_ERR_CLOSED;
    if (!keys_may_update(c))
        return CSEP_AGAIN;
    keys_update(c);
    c->control |= CTRL_PING; /* the peer follows when it sees the new phase */
    conn_touch(c);
    return CSEP_OK;
}

#define TICKETS_MAX 1000u /* bytes in one frame, so that it fits a packet */

csep_status csep_data_send_tickets(struct csep_data *c, unsigned num, csep_time now)
{
    c->now = now;
    if (!conn_sendable(c) || c->state == CSEP_DATA_OPENING)
        return CSEP_ERR_CLOSED;
    if (!c->acceptor || !c->owner || !c->owner->slots->more)
        return CSEP_ERR_UNSUPPORTED;
    if (c->tickets)
        return CSEP_AGAIN;
    uint8_t buf[TICKETS_MAX];
    size_t len = 0;
    struct csep_slot slot = {.transport = CSEP_TRANSPORT_UDP, .ticket_len = c->ticket_len};
    memcpy(slot.handle, c->handle, sizeof slot.handle);
    memcpy(slot.ticket, c->ticket, c->ticket_len);
    const struct csep_slot_source *src = c->owner->slots;
    if (!src->more(src->self, &slot, num, buf, sizeof buf, &len, now) || !len)
        return CSEP_ERR_LIMIT;
    c->tickets = mem_get(&c->mem, len);
    if (!c->tickets)
        return CSEP_ERR_MEMORY;
    memcpy(c->tickets, buf, len);
    c->tickets_len = (uint16_t)len;
    c->control |= CTRL_TICKETS;
    conn_touch(c);
    return CSEP_OK;
}

csep_status csep_data_send_hint(struct csep_data *c, enum csep_hint code, uint32_t seconds, csep_time now)
{
    c->now = now;
    if (!conn_sendable(c))
        return CSEP_ERR_CLOSED;
    if (!c->acceptor)
        return CSEP_ERR_UNSUPPORTED;
    c->hint_code = code;
    c->hint_seconds = seconds;
    c->control |= CTRL_HINT;
    conn_touch(c);
    return CSEP_OK;
}

void csep_data_close(struct csep_data *c, uint64_t code, csep_time now)
{
    c->now = now;
    if (c->state < CSEP_DATA_CLOSING) {
        conn_end(c, CSEP_OK, code, false);
        c->close_due = true;
        conn_input(c, DATA_IN_LOCAL_CLOSE);
    }
    conn_touch(c);
}

bool csep_data_event(struct csep_data *c, struct csep_data_event *out)
{
    if (!events_next(&c->events, &c->mem, out))
        return false;
    switch (out->type) {
    case CSEP_DATA_EV_OPENED:
        out->early = c->early;
        break;
    case CSEP_DATA_EV_MESSAGE:
        inbox_consumed(&c->in, out->len);
        if (inbox_credit_due(&c->in))
            c->control |= CTRL_MAX_DATA;
        break;
    case CSEP_DATA_EV_REFUSED:
        out->code = c->refuse_code;
        out->status = CSEP_ERR_REFUSED;
        break;
    case CSEP_DATA_EV_CLOSED:
        out->status = c->end_status;
        out->code = c->end_code;
        out->by_peer = c->end_by_peer;
        break;
    default:
        break;
    }
    return true;
}

csep_time csep_data_deadline(const struct csep_data *c)
{
    return timer_deadline(c);
}

void csep_data_expire(struct csep_data *c, csep_time now)
{
    c->now = now;
    timer_expire(c);
    conn_touch(c);
}

void csep_data_input(struct csep_data *c, uint8_t *datagram, size_t n, const struct csep_addr *from,
                     csep_time now)
{
    c->now = now;
    c->stats.bytes_received += n;
    if (c->acceptor)
        acceptee_short(c, datagram, n, from);
    else
        opener_input(c, datagram, n, from);
    conn_touch(c);
}

enum csep_data_state csep_data_get_state(const struct csep_data *c)
{
    return c->state;
}

void csep_data_get_stats(const struct csep_data *c, struct csep_data_stats *out)
{
    const struct data_counters *s = &c->stats;
    *out = (struct csep_data_stats){.packets_sent = s->packets_sent,
                                    .packets_received = s->packets_received,
                                    .bytes_sent = s->bytes_sent,
                                    .bytes_received = s->bytes_received,
                                    .packets_lost = s->packets_lost,
                                    .dropped = s->dropped,
                                    .forgeries = s->forgeries,
                                    .ptos = s->ptos};
    out->cwnd = c->recovery.cc.cwnd;
    out->in_flight = c->recovery.cc.in_flight;
    out->srtt = c->recovery.srtt;
    out->min_rtt = c->recovery.min_rtt;
    out->key_generation = c->keys.generation;
}

struct csep_usage csep_data_take_usage(struct csep_data *c)
{
    struct csep_usage u = {c->used.bytes - c->reported.bytes, c->used.packets - c->reported.packets,
                           c->used.forgeries - c->reported.forgeries};
    c->reported = c->used;
    return u;
}

size_t csep_data_max_datagram(const struct csep_data *c)
{
    const size_t head = 1 + CSEP_CID_MAX + 4 + PACKET_TAIL;
    return c->unit - head - 1 - 2;
}

csep_status csep_data_export(struct csep_data *c, const char *label, const uint8_t *context,
                             size_t context_len, uint8_t *out, size_t out_len)
{
    if (c->state < CSEP_DATA_OPEN || c->state > CSEP_DATA_CLOSING)
        return CSEP_ERR_CLOSED;
    csep_status st = permit_export(c->exports, label, out_len);
    if (!st)
        schedule_export(out, out_len, &c->exporter, label, context, context_len);
    return st;
}

size_t csep_data_heap(const struct csep_data *c)
{
    return c->mem.held;
}

void csep_data_set_user(struct csep_data *c, void *user)
{
    c->user = user;
}

void *csep_data_user(const struct csep_data *c)
{
    return c->user;
}
