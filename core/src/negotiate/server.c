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

/* Room to remember all grants that a connection can get. */
static csep_status make_memory(struct csep_negotiate *n)
{
    if (csep_grantor_stateful(n->server.grantor) || n->server.granted)
        return CSEP_OK;
    n->server.granted = n->cfg.alloc.get(n->cfg.alloc.self, NEG_GRANTS_MAX * sizeof *n->server.granted);
    return n->server.granted ? CSEP_OK : CSEP_ERR_MEMORY;
}

static void remember(struct csep_negotiate *n, const struct making *m)
{
    if (!n->server.granted)
        return;
    assert(n->server.num_granted < NEG_GRANTS_MAX);
    struct csep_granted *of = &n->server.granted[n->server.num_granted++];
    *of = (struct csep_granted){
        .granted = n->now, .lifetime = m->grant.grant.lifetime, .bound = m->grant.grant.client_identity};
    memcpy(of->handle, m->grant.grant.handle, sizeof of->handle);
    memcpy(of->secret, m->secret, sizeof of->secret);
}

/* Tickets behind GRANT, or the context held back until the client proved itself. */
static csep_status add_tickets(struct csep_negotiate *n, const struct csep_grant_request *req,
                               struct making *m, struct wr *w)
{
    bool pending = m->grant.grant.client_identity && !confirmed(n);
    csep_status st = csep_grantor_finish(n->server.grantor, req, &m->grant.grant, m->secret, client_of(n),
                                         pending, n->now, m->tickets.tickets, &m->tickets.num);
    bool sealed = pending && st == CSEP_ERR_UNSUPPORTED; /* its tickets have to wait //= NEG-67 */
    if (st && !sealed)
        return st;
    if (pending) {
        n->server.pending = true; //= NEG-64
        memcpy(n->server.pending_handle, m->grant.grant.handle, CSEP_HANDLE_LEN);
    }
    return sealed ? CSEP_OK : encode_tickets(m, w);
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
        st = make_memory(n);
    if (!st)
        st = add_tickets(n, req, m, &w);
    if (!st)
        st = neg_write(n, &w); /* in one piece: no client sees half of it because of a full buffer */
    if (st) {
        csep_grantor_discard(n->server.grantor, m->grant.grant.handle);
        return st == CSEP_ERR_LIMIT ? CSEP_AGAIN : st;
    }
    remember(n, m);
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

void server_ended(struct csep_negotiate *n)
{
    if (n->server.pending)
        csep_grantor_discard(n->server.grantor, n->server.pending_handle); //= NEG-66
    n->server.pending = false;
    if (n->server.granted) {
        csep_wipe(n->server.granted, NEG_GRANTS_MAX * sizeof *n->server.granted);
        n->cfg.alloc.put(n->cfg.alloc.self, n->server.granted, NEG_GRANTS_MAX * sizeof *n->server.granted);
    }
    n->server.granted = NULL;
    n->server.num_granted = 0;
}

/* The sealed tickets that waited for the client's proof. */
static csep_status waiting_tickets(struct csep_negotiate *n, const struct csep_granted *of)
{
    struct making *m = making_new(n);
    if (!m)
        return CSEP_ERR_MEMORY;
    struct wr w = wr_init(m->out, sizeof m->out);
    memcpy(m->grant.grant.handle, of->handle, sizeof of->handle);
    csep_status st =
        csep_grantor_seal(n->server.grantor, of, &n->peer, 0, n->now, m->tickets.tickets, &m->tickets.num);
    if (!st)
        st = encode_tickets(m, &w);
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
    if (!n->server.pending)
        return CSEP_OK;
    if (!client_of(n)->present)
        return CSEP_ERR_IDENTITY;
    n->server.pending = false;
    if (n->server.granted)
        return waiting_tickets(n, &n->server.granted[0]);
    csep_grantor_activate(n->server.grantor, n->server.pending_handle, &n->peer, n->now); //= NEG-64
    struct neg_event *e = neg_event_put(n, CSEP_NEG_ACTIVE);
    memcpy(e->handle, n->server.pending_handle, sizeof e->handle);
    return CSEP_OK;
}

/*
 * May GRANT leave now? Behind the client's Finished where policy says so, and where a client must show a key
 * but its contexts are not bound to it: such a one cannot be held pending, and would outlive the handshake
 * that failed.
 */
static bool may_grant(const struct csep_negotiate *n)
{
    bool wait = n->cfg.wait_finished || (neg_flag(n, CSEP_SECURE_DOUBTFUL) && !n->cfg.client_identity);
    return neg_flag(n, CSEP_SECURE_CAN_WRITE | CSEP_SECURE_CAN_EXPORT) && (!wait || confirmed(n)); //= SEC-17
}

void server_flags(struct csep_negotiate *n)
{
    csep_status st = CSEP_OK;
    if (n->state == NEG_STATE_HANDSHAKE && may_grant(n) && neg_step(n, NEG_EV_TLS_UP, CSEP_OK) &&
        !n->cfg.literal_request)
        st = grant(n, NULL); //= NEG-41, NEG-42
    if (!st && n->state == NEG_STATE_GRANTING && confirmed(n) && neg_step(n, NEG_EV_FINISHED, CSEP_OK))
        st = decide_pending(n);
    if (st)
        neg_fail(n, st == CSEP_AGAIN ? CSEP_ERR_LIMIT : st);
}

/* ---- Messages ---- */

/* A stateless server's grants of this connection; the grantor itself keeps none. */
static const struct csep_granted *granted_here(const struct csep_negotiate *n,
                                               const uint8_t handle[CSEP_HANDLE_LEN])
{
    for (unsigned i = 0; i < n->server.num_granted; i++)
        if (!memcmp(n->server.granted[i].handle, handle, CSEP_HANDLE_LEN))
            return &n->server.granted[i];
    return NULL;
}

/* May this client name that context? */
static bool knows(struct csep_negotiate *n, const uint8_t handle[CSEP_HANDLE_LEN])
{
    return (csep_grantor_stateful(n->server.grantor) || granted_here(n, handle)) &&
           csep_grantor_shares(n->server.grantor, handle, client_of(n), n->now);
}

static csep_status more_tickets(struct csep_negotiate *n, const struct neg_request *r)
{
    struct making *m = making_new(n);
    if (!m)
        return CSEP_ERR_MEMORY;
    struct wr w = wr_init(m->out, sizeof m->out);
    memcpy(m->grant.grant.handle, r->ask.handle, CSEP_HANDLE_LEN);
    m->grant.answers = true;
    m->grant.request_id = r->request_id;
    const struct csep_granted *own = granted_here(n, r->ask.handle);
    csep_status st = own ? csep_grantor_seal(n->server.grantor, own, client_of(n), r->ask.tickets, n->now,
                                             m->tickets.tickets, &m->tickets.num)
                         : csep_grantor_tickets(n->server.grantor, r->ask.handle, client_of(n),
                                                r->ask.tickets, n->now, m->tickets.tickets, &m->tickets.num);
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
    if (r.ask.have_handle && !knows(n, r.ask.handle))
        return CSEP_ERR_REFUSED; //= NEG-73
    if (r.ask.have_handle && !r.ask.lifetime)
        st = more_tickets(n, &r); //= NEG-47
    else
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
        return st;                                            //= NEG-75
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
