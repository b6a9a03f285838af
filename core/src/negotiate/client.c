/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's part: requests out, grants in, and out of the door as soon as it has what it wants. */
#include <string.h>

#include "base/emit.h"
#include "crypto/aead.h"
#include "crypto/wipe.h"
#include "negotiate/conversation.h"

/* ---- Requests ---- */

static csep_status send_request(struct csep_negotiate *n, const struct neg_request *m)
{
    uint8_t buf[128];
    struct wr w = wr_init(buf, sizeof buf);
    neg_put_request(&w, m, n->cfg.grease ? &n->cfg.random : NULL); //= NEG-35
    csep_status st = neg_write(n, &w);
    if (!st)
        TRACE(&n->cfg.trace, n->now, NEG_MESSAGE_SENT, CSEP_MSG_REQUEST, w.len);
    return st;
}

static void send_requests(struct csep_negotiate *n)
{
    while (n->client.num_sent < n->client.num_requests) {
        csep_status st = send_request(n, &n->client.requests[n->client.num_sent]);
        if (st && st != CSEP_ERR_LIMIT)
            neg_fail(n, st);
        if (st)
            return;
        n->client.num_sent++;
    }
}

csep_status csep_negotiate_request(struct csep_negotiate *n, const struct csep_grant_request *req,
                                   uint32_t request_id, csep_time now)
{
    unsigned num = n->client.num_requests;
    (void)now;
    if (n->state > NEG_STATE_GRANTED || n->is_server)
        return CSEP_ERR_CLOSED;
    if (num == NEG_REQUESTS_MAX)
        return CSEP_ERR_LIMIT; //= NEG-45
    for (unsigned i = 0; i < num; i++)
        if (n->client.requests[i].request_id == request_id)
            return CSEP_ERR_VALUE; //= NEG-45
    if (!request_id || req->lifetime > 604800 || req->tickets > NEG_TICKETS_MAX)
        return CSEP_ERR_VALUE;
    n->client.requests[num] = (struct neg_request){*req, request_id};
    n->client.num_requests++;
    return CSEP_OK;
}

static bool all_answered(const struct csep_negotiate *n)
{
    return n->client.answered == (1u << n->client.num_requests) - 1;
}

static void mark_answered(struct csep_negotiate *n, uint32_t request_id)
{
    for (unsigned i = 0; i < n->client.num_sent; i++)
        if (n->client.requests[i].request_id == request_id)
            n->client.answered |= 1u << i;
}

void client_flags(struct csep_negotiate *n)
{
    if (!n->client.up && n->state == NEG_STATE_HANDSHAKE &&
        neg_flag(n, CSEP_SECURE_CAN_WRITE | CSEP_SECURE_CAN_EXPORT))
        n->client.up = neg_step(n, NEG_EV_TLS_UP, CSEP_OK);
    if (n->client.up && n->state <= NEG_STATE_GRANTED)
        send_requests(n);
}

/* ---- Leaving ---- */

void client_leave(struct csep_negotiate *n, bool share)
{
    uint8_t buf[NEG_HEAD_LEN];
    struct wr w = wr_init(buf, sizeof buf);
    neg_put_continue(&w);
    if (share && neg_write(n, &w) == CSEP_OK) { //= NEG-57
        TRACE(&n->cfg.trace, n->now, NEG_MESSAGE_SENT, CSEP_MSG_CONTINUE, w.len);
        n->shared = true;
        neg_event_put(n, CSEP_NEG_SHARED);
    }
    neg_queue_close(n);
    n->secure->ops->forget_exporter(n->secure); //= KEY-2
}

void client_close(struct csep_negotiate *n)
{
    bool share = n->cfg.share && n->may_share && n->state == NEG_STATE_GRANTED,
         first = n->state != NEG_STATE_CLOSING;
    if (neg_step(n, NEG_EV_LOCAL_CLOSE, CSEP_ERR_CLOSED) && first)
        client_leave(n, share);
}

void client_after(struct csep_negotiate *n)
{
    /* Not waiting for the host to look: close_notify goes with the flight that answers the grant. */
    if (n->state == NEG_STATE_GRANTED && !n->cfg.keep_open && all_answered(n))
        client_close(n); //= NEG-55
}

/* ---- Grants ---- */

void client_release(struct csep_negotiate *n)
{
    if (!n->client.payload)
        return;
    csep_wipe(n->client.payload, sizeof *n->client.payload);
    n->cfg.alloc.put(n->cfg.alloc.self, n->client.payload, sizeof *n->client.payload);
    n->client.payload = NULL;
    n->client.have_grant = false;
}

static struct neg_payload *payload(struct csep_negotiate *n)
{
    if (!n->client.payload)
        n->client.payload = n->cfg.alloc.get(n->cfg.alloc.self, sizeof *n->client.payload);
    return n->client.payload;
}

static csep_status usable(const struct csep_grant *g)
{
    for (unsigned i = 0; i < g->num_aeads; i++)
        if (aead_supported(g->aeads[i]))
            return CSEP_OK;
    return CSEP_ERR_REFUSED; //= NEG-39
}

static csep_status on_grant(struct csep_negotiate *n, const struct neg_fields *f, const uint8_t *whole,
                            size_t len)
{
    struct neg_payload *p = payload(n);
    if (!p)
        return CSEP_ERR_MEMORY;
    n->client.have_grant = false;
    csep_status st = neg_get_grant(f, n->cfg.port, &p->grant);
    if (!st)
        st = usable(&p->grant.grant);
    if (!st)
        st = neg_derive(n, whole, len, p->secret);
    if (!st && n->client.num_granted == NEG_GRANTS_MAX)
        st = CSEP_ERR_UNEXPECTED; /* more grants than were asked for */
    if (st)
        return st;
    memcpy(n->client.granted[n->client.num_granted++], p->grant.grant.handle, CSEP_HANDLE_LEN);
    n->client.have_grant = true;
    return CSEP_OK;
}

/* Handles that the server may send tickets for: granted on this connection, or named in a REQUEST. */
static bool expected(const struct csep_negotiate *n, const uint8_t handle[CSEP_HANDLE_LEN])
{
    for (unsigned i = 0; i < n->client.num_granted; i++)
        if (!memcmp(n->client.granted[i], handle, CSEP_HANDLE_LEN))
            return true;
    for (unsigned i = 0; i < n->client.num_sent; i++)
        if (n->client.requests[i].ask.have_handle &&
            !memcmp(n->client.requests[i].ask.handle, handle, CSEP_HANDLE_LEN))
            return true;
    return false;
}

static void hand_over(struct csep_negotiate *n, enum csep_negotiate_event_type type)
{
    const struct neg_payload *p = n->client.payload;
    struct neg_event *e = neg_event_put(n, type);
    memcpy(e->handle, p->tickets.handle, sizeof e->handle);
    e->has_grant = type == CSEP_NEG_GRANTED;
    e->has_tickets = true;
    e->request_id = p->tickets.answers ? p->tickets.request_id : 0;
    n->busy = true;
    n->client.have_grant = false;
}

static void whole_grant(struct csep_negotiate *n)
{
    const struct neg_payload *p = n->client.payload;
    const struct csep_grant_transport *tcp = csep_grant_transport(&p->grant.grant, CSEP_TRANSPORT_TCP);
    n->may_share |= tcp && (tcp->flags & CSEP_TRANSPORT_SHARED);
    TRACE(&n->cfg.trace, n->now, NEG_GRANT, p->grant.grant.lifetime, p->tickets.num, p->grant.grant.upgrade);
    if (neg_step(n, NEG_EV_WHOLE, CSEP_OK))
        hand_over(n, CSEP_NEG_GRANTED);
}

static csep_status on_tickets(struct csep_negotiate *n, const struct neg_fields *f)
{
    struct neg_payload *p = payload(n);
    if (!p)
        return CSEP_ERR_MEMORY;
    csep_status st = neg_get_tickets(f, &p->tickets);
    if (st)
        return st;
    if (!expected(n, p->tickets.handle))
        return CSEP_OK; //= NEG-76
    bool of_grant =
        n->client.have_grant && !memcmp(p->grant.grant.handle, p->tickets.handle, CSEP_HANDLE_LEN);
    if (of_grant && p->tickets.num < 2)
        return CSEP_OK; //= NEG-43
    if (p->tickets.answers)
        mark_answered(n, p->tickets.request_id);
    if (of_grant && n->cfg.literal_request && !p->grant.answers)
        n->client.have_grant = false; /* as if the server had not spoken first */
    else if (of_grant)
        whole_grant(n);
    else if (n->state == NEG_STATE_GRANTED || !n->cfg.literal_request)
        hand_over(n, CSEP_NEG_TICKETS);
    return CSEP_OK;
}

static csep_status on_revoke(struct csep_negotiate *n, const struct neg_fields *f)
{
    struct neg_revoke m;
    csep_status st = neg_get_revoke(f, &m);
    if (st)
        return st;
    if (n->client.have_grant && !memcmp(n->client.payload->grant.grant.handle, m.handle, CSEP_HANDLE_LEN))
        n->client.have_grant = false;
    struct neg_event *e = neg_event_put(n, CSEP_NEG_REVOKED); //= NEG-52
    memcpy(e->handle, m.handle, sizeof e->handle);
    e->code = m.code;
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

csep_status client_message(struct csep_negotiate *n, const struct neg_fields *f, const uint8_t *whole,
                           size_t len)
{
    switch (f->type) {
    case CSEP_MSG_GRANT:
    case CSEP_MSG_TICKETS:
        if (!neg_step(n, NEG_EV_GRANT, CSEP_OK) || n->state == NEG_STATE_CLOSING)
            return CSEP_OK;
        return f->type == CSEP_MSG_GRANT ? on_grant(n, f, whole, len) : on_tickets(n, f);
    case CSEP_MSG_REVOKE:
        return neg_step(n, NEG_EV_REVOKE, CSEP_OK) ? on_revoke(n, f) : CSEP_OK;
    default:
        return on_error(n, f);
    }
}
