/* SPDX-License-Identifier: BSD-2-Clause */
/* The server's part: it speaks first, and answers requests in their order. */
#include <assert.h>
#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"
#include "negotiate/conversation.h"

/* All that making one grant needs; wiped as a whole. */
struct making {
    struct neg_grant grant;
    struct neg_tickets tickets;
    uint8_t secret[32];
    uint8_t out[NEG_GRANT_MAX + NEG_TICKETS_LEN];
};

static struct making *making_new(struct csep_negotiate *n)
{
    struct making *m = n->cfg.alloc.get(n->cfg.alloc.self, sizeof *m);
    if (m)
        memset(m, 0, sizeof *m);
    return m;
}

static void making_free(struct csep_negotiate *n, struct making *m)
{
    csep_wipe(m, sizeof *m);
    n->cfg.alloc.put(n->cfg.alloc.self, m, sizeof *m);
}

static void trace_sent(struct csep_negotiate *n, enum csep_message_type type, size_t len)
{
    TRACE(&n->cfg.trace, n->now, NEG_MESSAGE_SENT, type, len);
}

static const struct csep_identity *client_of(struct csep_negotiate *n)
{
    n->secure->ops->peer_identity(n->secure, &n->peer);
    return &n->peer;
}

static bool confirmed(const struct csep_negotiate *n)
{
    return neg_flag(n, CSEP_SECURE_CONFIRMED);
}

/* ---- Making grants ---- */

static csep_status encode_tickets(struct making *m, struct wr *w)
{
    memcpy(m->tickets.handle, m->grant.grant.handle, CSEP_HANDLE_LEN);
    m->tickets.answers = m->grant.answers;
    m->tickets.request_id = m->grant.request_id;
    neg_put_tickets(w, &m->tickets);
    return wr_ok(w) ? CSEP_OK : CSEP_ERR_INTERNAL;
}

/* Keep what the tickets of a pending, sealed context will need. */
static csep_status hold(struct csep_negotiate *n, const struct making *m)
{
    n->server.held = n->cfg.alloc.get(n->cfg.alloc.self, sizeof *n->server.held);
    if (!n->server.held)
        return CSEP_ERR_MEMORY;
    n->server.held->grant = m->grant.grant;
    memcpy(n->server.held->secret, m->secret, sizeof m->secret);
    return CSEP_OK;
}

/* Tickets behind GRANT, or the context held back until the client proved itself. */
static csep_status add_tickets(struct csep_negotiate *n, const struct csep_grant_request *req,
                               struct making *m, struct wr *w)
{
    bool pending = m->grant.grant.client_identity && !confirmed(n);
    csep_status st = csep_grantor_finish(n->server.grantor, req, &m->grant.grant, m->secret, client_of(n),
                                         pending, n->now, m->tickets.tickets, &m->tickets.num);
    if (pending && st == CSEP_ERR_UNSUPPORTED)
        return hold(n, m); //= NEG-67
    if (st)
        return st;
    if (pending) {
        n->server.pending = true; //= NEG-64
        memcpy(n->server.pending_handle, m->grant.grant.handle, CSEP_HANDLE_LEN);
    }
    return encode_tickets(m, w);
}

static csep_time auth_age(const struct csep_negotiate *n)
{
    const struct csep_secure_ops *ops = n->secure->ops;
    return ops->auth_age ? ops->auth_age(n->secure, n->now) : 0; //= NEG-19
}

static csep_status make_grant(struct csep_negotiate *n, const struct csep_grant_request *req,
                              struct making *m)
{
    struct wr w = wr_init(m->out, sizeof m->out);
    csep_status st =
        csep_grantor_begin(n->server.grantor, req, &n->server.addr, auth_age(n), n->now, &m->grant.grant);
    if (st)
        return st;
    m->grant.grant.client_identity = n->cfg.client_identity;
    neg_put_grant(&w, &m->grant, n->cfg.grease ? &n->cfg.random : NULL); //= NEG-35
    size_t len = w.len;
    if (!wr_ok(&w))
        return CSEP_ERR_INTERNAL;
    st = neg_derive(n, m->out, len, m->secret);
    if (!st)
        st = add_tickets(n, req, m, &w);
    if (!st)
        st =
            neg_write(n, &w); /* both in one piece: a client never sees half of it because of a full buffer */
    if (st) {
        csep_grantor_discard(n->server.grantor, m->grant.grant.handle);
        return st == CSEP_ERR_LIMIT ? CSEP_AGAIN : st;
    }
    trace_sent(n, CSEP_MSG_GRANT, len);
    if (w.len > len)
        trace_sent(n, CSEP_MSG_TICKETS, w.len - len);
    const struct csep_grant_transport *tcp = csep_grant_transport(&m->grant.grant, CSEP_TRANSPORT_TCP);
    n->may_share |= tcp && (tcp->flags & CSEP_TRANSPORT_SHARED);
    TRACE(&n->cfg.trace, n->now, NEG_GRANT, m->grant.grant.lifetime, m->tickets.num, m->grant.grant.upgrade);
    return CSEP_OK;
}

static csep_status grant(struct csep_negotiate *n, const struct neg_request *answered)
{
    struct making *m = making_new(n);
    if (!m)
        return CSEP_ERR_MEMORY;
    if (answered) {
        m->grant.answers = true; //= NEG-46
        m->grant.request_id = answered->request_id;
    }
    csep_status st = make_grant(n, answered ? &answered->ask : NULL, m);
    making_free(n, m);
    return st;
}

/* ---- The handshake's progress ---- */

//= NEG-66
static void drop_held(struct csep_negotiate *n)
{
    if (n->server.held) {
        csep_wipe(n->server.held, sizeof *n->server.held);
        n->cfg.alloc.put(n->cfg.alloc.self, n->server.held, sizeof *n->server.held);
    }
    n->server.held = NULL;
}

void server_ended(struct csep_negotiate *n)
{
    if (n->server.pending)
        csep_grantor_discard(n->server.grantor, n->server.pending_handle); //= NEG-66
    n->server.pending = false;
    drop_held(n);
}

static csep_status tickets_of_held(struct csep_negotiate *n)
{
    struct making *m = making_new(n);
    if (!m)
        return CSEP_ERR_MEMORY;
    struct wr w = wr_init(m->out, sizeof m->out);
    m->grant.grant = n->server.held->grant;
    memcpy(m->secret, n->server.held->secret, sizeof m->secret);
    csep_status st = add_tickets(n, NULL, m, &w);
    if (!st)
        st = neg_write(n, &w);
    if (!st)
        trace_sent(n, CSEP_MSG_TICKETS, w.len);
    making_free(n, m);
    return st;
}

/* The client's Finished verified: what depended on its identity is decided now. */
static csep_status decide_pending(struct csep_negotiate *n)
{
    csep_status st = CSEP_OK;
    if (!n->server.pending && !n->server.held)
        return CSEP_OK;
    if (!client_of(n)->present)
        return CSEP_ERR_IDENTITY;
    if (n->server.held) {
        st = tickets_of_held(n);
        drop_held(n);
        return st;
    }
    csep_grantor_activate(n->server.grantor, n->server.pending_handle, &n->peer, n->now); //= NEG-64
    n->server.pending = false;
    struct neg_event *e = neg_event_put(n, CSEP_NEG_ACTIVE);
    memcpy(e->handle, n->server.pending_handle, sizeof e->handle);
    return CSEP_OK;
}

void server_flags(struct csep_negotiate *n)
{
    csep_status st = CSEP_OK;
    if (n->state == NEG_STATE_HANDSHAKE && neg_flag(n, CSEP_SECURE_CAN_WRITE | CSEP_SECURE_CAN_EXPORT) &&
        (!n->cfg.wait_finished || confirmed(n)) && neg_step(n, NEG_EV_TLS_UP, CSEP_OK) &&
        !n->cfg.literal_request)
        st = grant(n, NULL); //= NEG-41, NEG-42
    if (!st && n->state == NEG_STATE_GRANTING && confirmed(n) && neg_step(n, NEG_EV_FINISHED, CSEP_OK))
        st = decide_pending(n);
    if (st)
        neg_fail(n, st == CSEP_AGAIN ? CSEP_ERR_LIMIT : st);
}

/* ---- Messages ---- */

static csep_status more_tickets(struct csep_negotiate *n, const struct neg_request *r)
{
    struct making *m = making_new(n);
    if (!m)
        return CSEP_ERR_MEMORY;
    struct wr w = wr_init(m->out, sizeof m->out);
    memcpy(m->grant.grant.handle, r->ask.handle, CSEP_HANDLE_LEN);
    m->grant.answers = true;
    m->grant.request_id = r->request_id;
    csep_status st = csep_grantor_tickets(n->server.grantor, r->ask.handle, client_of(n), r->ask.tickets,
                                          n->now, m->tickets.tickets, &m->tickets.num); //= NEG-47
    if (!st)
        st = encode_tickets(m, &w);
    if (!st) {
        st = neg_write(n, &w);
        st = st == CSEP_ERR_LIMIT ? CSEP_AGAIN : st;
    }
    if (!st)
        trace_sent(n, CSEP_MSG_TICKETS, w.len);
    making_free(n, m);
    return st;
}

static csep_status on_request(struct csep_negotiate *n, const struct neg_fields *f)
{
    struct neg_request r;
    csep_status st = neg_get_request(f, &r);
    if (st)
        return st;
    if (n->server.num_requests == NEG_REQUESTS_MAX)
        return CSEP_ERR_REFUSED; //= NEG-51
    /* A context that is no more gets a new one as answer: ERROR would end the whole conversation. */
    st = CSEP_ERR_NO_CONTEXT;
    if (r.ask.have_handle && !r.ask.lifetime)
        st = more_tickets(n, &r);
    if (st == CSEP_ERR_NO_CONTEXT)
        st = grant(n, &r); //= NEG-46, NEG-48
    if (!st)
        n->server.num_requests++;
    return st;
}

static csep_status on_revoke(struct csep_negotiate *n, const struct neg_fields *f)
{
    struct neg_revoke m;
    csep_status st = neg_get_revoke(f, &m);
    if (st || !csep_grantor_shares(n->server.grantor, m.handle, client_of(n), n->now))
        return st; /* not a context of this client: nothing to end */
    csep_grantor_revoke(n->server.grantor, m.handle, n->now); //= NEG-52
    struct neg_event *e = neg_event_put(n, CSEP_NEG_REVOKED);
    memcpy(e->handle, m.handle, sizeof e->handle);
    e->code = m.code;
    return CSEP_OK;
}

static csep_status on_continue(struct csep_negotiate *n)
{
    if (!n->may_share)
        return CSEP_ERR_UNEXPECTED; //= NEG-59
    if (neg_step(n, NEG_EV_CONTINUE, CSEP_ERR_UNEXPECTED))
        n->shared = true;
    return CSEP_OK;
}

static csep_status on_error(struct csep_negotiate *n, const struct neg_fields *f)
{
    struct neg_error m;
    csep_status st = neg_get_error(f, &m);
    if (!st)
        neg_error_received(n, m.code);
    return st;
}

csep_status server_message(struct csep_negotiate *n, const struct neg_fields *f)
{
    switch (f->type) {
    case CSEP_MSG_REQUEST:
        return neg_step(n, NEG_EV_REQUEST, CSEP_ERR_UNEXPECTED) ? on_request(n, f) : CSEP_OK;
    case CSEP_MSG_REVOKE:
        return neg_step(n, NEG_EV_REVOKE, CSEP_ERR_UNEXPECTED) ? on_revoke(n, f) : CSEP_OK;
    case CSEP_MSG_CONTINUE:
        return on_continue(n);
    default:
        return on_error(n, f);
    }
}
