/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs of a negotiation, and what both ends do alike. */
#include "negotiate/conversation.h"

#include <assert.h>
#include <string.h>

#include "base/emit.h"
#include "crypto/hash.h"
#include "crypto/wipe.h"
#include "negotiate/receive.h"

#define CLOSING_GRACE CSEP_SEC(5) /* for the peer's close_notify, once our time is up */

size_t csep_negotiate_size(void)
{
    return sizeof(struct csep_negotiate);
}

struct csep_negotiate_config csep_negotiate_config_default(void)
{
    return (struct csep_negotiate_config){
        .time_limit = CSEP_SEC(30), //= NEG-60, NEG-61
        .idle_limit = CSEP_SEC(15),
        .grease = true,
    };
}

static csep_status init(struct csep_negotiate *n, const struct csep_negotiate_config *cfg, bool is_server,
                        struct csep_secure *secure, csep_time now)
{
    if (!cfg->random.fill || !cfg->alloc.get || !cfg->alloc.put || !cfg->time_limit)
        return CSEP_ERR_VALUE;
    memset(n, 0, sizeof *n);
    n->cfg = *cfg;
    n->is_server = is_server;
    n->secure = secure;
    n->state = NEG_STATE_START;
    n->started = n->heard = n->now = now;
    n->limit_at = csep_time_add(now, cfg->time_limit);
    return CSEP_OK;
}

csep_status csep_negotiate_client(struct csep_negotiate *n, const struct csep_negotiate_config *cfg,
                                  struct csep_secure *secure, csep_time now)
{
    csep_status st = init(n, cfg, false, secure, now);
    if (!st && cfg->literal_request)
        st = csep_negotiate_request(n, &(struct csep_grant_request){0}, 1, now);
    return st;
}

csep_status csep_negotiate_server(struct csep_negotiate *n, const struct csep_negotiate_config *cfg,
                                  struct csep_secure *secure, struct csep_grantor *grantor,
                                  const struct csep_addr *client, csep_time now)
{
    csep_status st = init(n, cfg, true, secure, now);
    n->server.grantor = grantor;
    if (client)
        n->server.addr = *client;
    return st;
}

const char *csep_negotiate_state(const struct csep_negotiate *n)
{
    return neg_state_name(n->state);
}

bool neg_final(const struct csep_negotiate *n)
{
    return n->state == NEG_STATE_DONE || n->state == NEG_STATE_FAILED;
}

bool neg_flag(const struct csep_negotiate *n, unsigned flags)
{
    return (n->secure->ops->flags(n->secure) & flags) == flags;
}

/* ---- Ending ---- */

static void forget(struct csep_negotiate *n)
{
    n->secure->ops->forget_exporter(n->secure); //= KEY-2
    rx_free(n);
    if (!n->busy && !n->lent)
        client_release(n);
}

void neg_queue_close(struct csep_negotiate *n)
{
    if (!neg_flag(n, CSEP_SECURE_CLOSED) && !neg_flag(n, CSEP_SECURE_FAILED))
        n->secure->ops->close(n->secure, n->now);
}

/* What the peer is told: codes that mean something to it (spec 10), not our private troubles. */
static uint16_t error_code(csep_status why)
{
    unsigned code = csep_status_wire(why);
    if (why == CSEP_ERR_LIMIT || why == CSEP_ERR_NO_CONTEXT)
        code = csep_status_wire(CSEP_ERR_REFUSED);
    return (uint16_t)(code <= csep_status_wire(CSEP_ERR_CONNECTION_ID) ? code
                                                                       : csep_status_wire(CSEP_ERR_INTERNAL));
}

static void tell(struct csep_negotiate *n, csep_status why)
{
    uint8_t buf[64];
    struct wr w = wr_init(buf, sizeof buf);
    if (!neg_flag(n, CSEP_SECURE_CAN_WRITE) || neg_flag(n, CSEP_SECURE_CLOSED) ||
        neg_flag(n, CSEP_SECURE_FAILED))
        return;
    neg_put_error(&w, error_code(why), NULL, 0);
    if (neg_write(n, &w) == CSEP_OK)
        TRACE(&n->cfg.trace, n->now, NEG_MESSAGE_SENT, CSEP_MSG_ERROR, w.len);
    neg_queue_close(n); //= NEG-53
}

static void finish(struct csep_negotiate *n, enum csep_negotiate_event_type type, csep_status why,
                   uint16_t code)
{
    struct neg_event *e = neg_event_put(n, type);
    e->status = why;
    e->code = code;
    n->client.have_grant = false; //= NEG-44, NEG-54
    if (n->is_server)
        server_ended(n);
    forget(n);
}

void neg_fail(struct csep_negotiate *n, csep_status why)
{
    if (neg_final(n))
        return;
    n->state = NEG_STATE_FAILED;
    n->failure = why;
    TRACE(&n->cfg.trace, n->now, NEG_FAILED, why);
    tell(n, why);
    finish(n, CSEP_NEG_FAILED, why, 0);
}

/* No answer to it but close_notify. */
void neg_error_received(struct csep_negotiate *n, uint16_t code)
{
    int next = neg_next(n->is_server, n->state, NEG_EV_ERROR);
    if (next < 0) {
        neg_fail(n, CSEP_ERR_UNEXPECTED);
        return;
    }
    n->state = (uint8_t)next;
    n->failure = CSEP_ERR_REFUSED;
    if (next == NEG_STATE_FAILED)
        TRACE(&n->cfg.trace, n->now, NEG_FAILED, CSEP_ERR_REFUSED);
    neg_queue_close(n);
    finish(n, next == NEG_STATE_FAILED ? CSEP_NEG_FAILED : CSEP_NEG_CLOSED, CSEP_ERR_REFUSED, code);
}

static void done(struct csep_negotiate *n)
{
    neg_queue_close(n); //= NEG-56
    finish(n, n->is_server && n->shared ? CSEP_NEG_SHARED : CSEP_NEG_CLOSED, CSEP_OK, 0);
}

bool neg_step(struct csep_negotiate *n, enum neg_input in, csep_status why)
{
    if (neg_final(n))
        return false;
    int next = neg_next(n->is_server, n->state, in);
    if (next < 0 || next == NEG_STATE_FAILED) {
        neg_fail(n, next < 0 ? CSEP_ERR_UNEXPECTED : why);
        return false;
    }
    n->state = (uint8_t)next;
    if (next == NEG_STATE_DONE)
        done(n);
    return true;
}

/* ---- Small parts ---- */

struct neg_event *neg_event_put(struct csep_negotiate *n, enum csep_negotiate_event_type type)
{
    assert(n->num_events < NEG_EVENTS);
    struct neg_event *e = &n->events[(n->first_event + n->num_events++) % NEG_EVENTS];
    *e = (struct neg_event){.type = type};
    return e;
}

csep_status neg_write(struct csep_negotiate *n, const struct wr *w)
{
    assert(wr_ok(w));
    return n->secure->ops->write(n->secure, w->p, w->len, n->now);
}

csep_status neg_derive(struct csep_negotiate *n, const uint8_t *grant, size_t len, uint8_t out[32])
{
    struct hash h = hash_of(grant, len);
    csep_status st =
        n->secure->ops->exporter(n->secure, CSEP_EXPORTER, h.b, sizeof h.b, out, 32); //= KEY-1, KEY-3
    if (!st && n->cfg.keylog.line) {
        const uint8_t *name = n->secure->ops->client_random(n->secure);
        n->cfg.keylog.line(n->cfg.keylog.self, "CSEP_CONTEXT", name, out, 32);
    }
    return st;
}

/* ---- Everything that can go on, goes on ---- */

static void pump(struct csep_negotiate *n)
{
    if (neg_final(n))
        return;
    if (n->is_server)
        server_flags(n);
    else
        client_flags(n);
    rx_messages(n);
    if (!n->is_server)
        client_after(n);
    if (neg_final(n) || n->ended || rx_blocked(n))
        return;
    if (neg_flag(n, CSEP_SECURE_FAILED)) {
        neg_fail(n, n->secure->ops->failure(n->secure));
    } else if (neg_flag(n, CSEP_SECURE_PEER_CLOSED)) {
        n->ended = true;
        neg_step(n, NEG_EV_CLOSE_NOTIFY, CSEP_ERR_CLOSED);
    }
}

static void enter(struct csep_negotiate *n, csep_time now)
{
    if (now > n->now)
        n->now = now;
    if (n->lent) {
        n->lent = false;
        client_release(n);
    }
}

csep_status csep_negotiate_input(struct csep_negotiate *n, const uint8_t *in, size_t len, csep_time now)
{
    enter(n, now);
    if (len && !n->is_server && n->sent_hello && !n->heard_answer) {
        n->heard_answer = true;
        n->rtt = n->now - n->flight_at;
    }
    if (len)
        n->heard = n->now;
    if (len && n->state == NEG_STATE_START)
        neg_step(n, NEG_EV_BYTES, CSEP_OK);
    csep_status st = rx_records(n, in, len);
    if (st && !neg_flag(n, CSEP_SECURE_FAILED))
        neg_fail(n, st);
    pump(n);
    return n->state == NEG_STATE_FAILED ? n->failure : st;
}

void csep_negotiate_input_eof(struct csep_negotiate *n, csep_time now)
{
    enter(n, now);
    pump(n);
    if (neg_final(n) || n->ended)
        return;
    n->ended = true;
    csep_status st = n->secure->ops->input_eof(n->secure, n->now);
    neg_step(n, NEG_EV_END, st ? st : CSEP_ERR_TRUNCATED);
}

size_t csep_negotiate_output(struct csep_negotiate *n, uint8_t *out, size_t cap, csep_time now)
{
    enter(n, now);
    pump(n);
    size_t len = n->secure->ops->output(n->secure, out, cap, n->now);
    if (len && !n->heard_answer) {
        n->sent_hello = true;
        n->flight_at = n->now;
    }
    if (len && n->stalled) {
        n->stalled = false;
        pump(n);
    }
    return len;
}

csep_time csep_negotiate_deadline(const struct csep_negotiate *n)
{
    if (neg_final(n))
        return CSEP_NEVER;
    if (!n->is_server || !n->cfg.idle_limit)
        return n->limit_at;
    return csep_time_min(n->limit_at, csep_time_add(n->heard, n->cfg.idle_limit));
}

void csep_negotiate_expire(struct csep_negotiate *n, csep_time now)
{
    enter(n, now);
    pump(n);
    if (n->now < csep_negotiate_deadline(n))
        return;
    neg_step(n, NEG_EV_TIMEOUT, CSEP_ERR_TIMEOUT); //= NEG-60, NEG-61
    if (n->state == NEG_STATE_CLOSING) {           /* a client with its grant: leave in good order */
        n->limit_at = csep_time_add(n->now, CLOSING_GRACE);
        client_leave(n, false);
    }
}

bool csep_negotiate_event(struct csep_negotiate *n, struct csep_negotiate_event *out)
{
    enter(n, n->now);
    if (!n->num_events)
        pump(n);
    if (!n->num_events)
        return false;
    struct neg_event *e = &n->current;
    const struct neg_payload *p = n->client.payload;
    *e = n->events[n->first_event];
    n->first_event = (n->first_event + 1) % NEG_EVENTS;
    n->num_events--;
    n->secure->ops->peer_identity(n->secure, &n->peer);
    *out = (struct csep_negotiate_event){
        .type = e->type,
        .status = e->status,
        .code = e->code,
        .handle = e->handle,
        .request_id = e->request_id,
        .peer = n->peer,
        .rtt = n->rtt,
    };
    if (e->has_grant) {
        out->grant = &p->grant.grant;
        out->secret = p->secret;
    }
    if (e->has_tickets) {
        out->tickets = p->tickets.tickets;
        out->num_tickets = p->tickets.num;
        n->busy = false;
        n->lent = true;
    }
    return true;
}

csep_status csep_negotiate_revoke(struct csep_negotiate *n, const uint8_t handle[CSEP_HANDLE_LEN],
                                  csep_time now)
{
    struct neg_revoke m = {.code = (uint16_t)csep_status_wire(CSEP_ERR_REVOKED)};
    uint8_t buf[64];
    struct wr w = wr_init(buf, sizeof buf);
    enter(n, now);
    if (neg_final(n) || !neg_flag(n, CSEP_SECURE_CAN_WRITE) || neg_flag(n, CSEP_SECURE_CLOSED))
        return CSEP_ERR_CLOSED;
    memcpy(m.handle, handle, sizeof m.handle);
    neg_put_revoke(&w, &m);
    csep_status st = neg_write(n, &w);
    if (!st && n->is_server)
        csep_grantor_revoke(n->server.grantor, handle, n->now);
    if (!st)
        TRACE(&n->cfg.trace, n->now, NEG_MESSAGE_SENT, CSEP_MSG_REVOKE, w.len);
    return st;
}

void csep_negotiate_close(struct csep_negotiate *n, csep_time now)
{
    enter(n, now);
    if (neg_final(n))
        return;
    if (n->is_server)
        neg_queue_close(n);
    else
        client_close(n);
}

size_t csep_negotiate_leftover(struct csep_negotiate *n, uint8_t *out, size_t cap)
{
    size_t len = n->leftover.len < cap ? n->leftover.len : cap;
    if (len == 0)
        return 0;
    memcpy(out, n->leftover.b, len);
    memmove(n->leftover.b, n->leftover.b + len, n->leftover.len - len);
    n->leftover.len -= len;
    if (n->leftover.len == 0)
        neg_bytes_free(n, &n->leftover);
    return len;
}

void csep_negotiate_wipe(struct csep_negotiate *n)
{
    if (n->is_server && !neg_final(n))
        server_ended(n);
    rx_free(n);
    neg_bytes_free(n, &n->leftover);
    client_release(n);
    csep_wipe(n, sizeof *n);
}
