/* SPDX-License-Identifier: BSD-2-Clause */
/* One context of a client: granted, used, refreshed, over. */
#include <assert.h>
#include <string.h>

#include "base/emit.h"
#include "context/grant.h"
#include "context/limits.h"
#include "context/store.h"
#include "context/ticket.h"
#include "crypto/wipe.h"

/* ---- State ---- */

/* When age next changes the state. */
static void reschedule(struct csep_store *s, struct csep_context *c)
{
    csep_time at = CSEP_NEVER;
    if (c->state == CSEP_CTX_FRESH)
        at = csep_time_min(c->soft_at, c->hard_at);
    else if (csep_ctx_usable(c->state))
        at = c->hard_at;
    bool moved = timers_set(&s->due, &s->mem, &c->due, at);
    assert(moved); /* it is in the heap, and moving needs no memory */
    (void)moved;
}

static void run(struct csep_store *s, struct csep_context *c, enum csep_ctx_input in, csep_time now)
{
    int next = csep_ctx_next(c->state, in);
    assert(next >= 0);
    if (next != c->state)
        TRACE(&s->cfg.trace, now, CTX_STATE, c->state, (uint64_t)next, in);
    c->state = (uint8_t)next;
    if (next == CSEP_CTX_EXPIRED || next == CSEP_CTX_REVOKED)
        context_disarm(s, c);
    reschedule(s, c);
}

void context_disarm(struct csep_store *s, struct csep_context *c)
{
    CSEP_WIPE(c->secret);
    ticket_list_free(c, &s->mem);
}

void context_free_blocks(struct csep_store *s, struct csep_context *c)
{
    context_disarm(s, c);
    if (c->grant) {
        csep_wipe(c->grant, c->grant_len); /* the address token in it */
        mem_put(&s->mem, c->grant, c->grant_len);
    }
    c->grant = NULL;
    c->grant_len = 0;
}

void context_expire(struct csep_store *s, struct csep_context *c, csep_time now)
{
    if (!csep_ctx_usable(c->state))
        return;
    if (now >= c->hard_at)
        run(s, c, CSEP_CTX_IN_HARD_LIMIT, now);
    else if (now >= c->soft_at && c->state == CSEP_CTX_FRESH)
        run(s, c, CSEP_CTX_IN_SOFT_LIMIT, now);
}

static void check_use(struct csep_store *s, struct csep_context *c, csep_time now)
{
    enum limit l = limits_of_use(&c->limit, &c->used);
    if (l == LIMIT_HARD)
        run(s, c, CSEP_CTX_IN_HARD_LIMIT, now);
    else if (l == LIMIT_SOFT && c->state == CSEP_CTX_FRESH)
        run(s, c, CSEP_CTX_IN_SOFT_LIMIT, now);
}

void csep_context_input(struct csep_store *s, struct csep_context *c, enum csep_ctx_input in, csep_time now)
{
    assert(in != CSEP_CTX_IN_GRANTED);
    if (in == CSEP_CTX_IN_FORGET) {
        run(s, c, in, now);
        store_remove(s, c, now);
        return;
    }
    if (in == CSEP_CTX_IN_NEGOTIATE || in == CSEP_CTX_IN_FAILED)
        c->negotiates = in == CSEP_CTX_IN_NEGOTIATE;
    context_expire(s, c, now);
    run(s, c, in, now);
    if (in == CSEP_CTX_IN_USED && csep_ctx_usable(c->state)) {
        context_expire(s, c, now); /* SUSPECT is FRESH again, though its refresh may be due */
        check_use(s, c, now);
    }
}

/* ---- What was granted ---- */

/* The only way in: a store reads no file and takes no context from anybody else. //= SEC-15 */
csep_status csep_context_install(struct csep_store *s, struct csep_context *c, const struct csep_grant *g,
                                 const uint8_t secret[32], const struct csep_ticket *tickets,
                                 unsigned num_tickets, csep_time rtt, csep_time now)
{
    size_t n = grant_pack(g, NULL, 0);
    struct csep_context next = {0}; /* becomes the context's blocks when all of it is there (CTX-20) */
    next.grant = mem_get(&s->mem, n);
    csep_status st = next.grant ? CSEP_OK : CSEP_ERR_MEMORY;
    for (unsigned i = 0; !st && i < num_tickets; i++)
        st = ticket_list_add(&next, &tickets[i], now, &s->mem);
    next.grant_len = (uint16_t)n;
    if (st) {
        context_free_blocks(s, &next);
        return st;
    }
    grant_pack(g, next.grant, n);
    context_free_blocks(s, c); //= CTX-20
    memcpy(c->secret, secret, sizeof c->secret);
    c->grant = next.grant;
    c->grant_len = next.grant_len;
    c->tickets = next.tickets;
    c->tickets_len = next.tickets_len;
    c->num_tickets = next.num_tickets;
    csep_time lifetime = CSEP_SEC(g->lifetime), hard = lifetime - limits_margin(lifetime, rtt);
    c->hard_at = csep_time_add(now, hard); //= CTX-13, CTX-15
    c->soft_at = csep_time_add(now, limits_soft_age(lifetime, CSEP_SEC(g->refresh), hard));
    c->rtt = rtt;
    c->limit = grant_limits(g);
    c->used = (struct csep_usage){0};
    c->negotiates = false;
    run(s, c, CSEP_CTX_IN_GRANTED, now);
    store_touch(s, c);
    TRACE(&s->cfg.trace, now, CTX_TICKETS_ADDED, c->num_tickets, c->num_tickets);
    return CSEP_OK;
}

void csep_context_add_tickets(struct csep_store *s, struct csep_context *c, const struct csep_ticket *tickets,
                              unsigned num_tickets, csep_time now)
{
    unsigned before = c->num_tickets;
    context_expire(s, c, now);
    if (!csep_ctx_usable(c->state))
        return;
    for (unsigned i = 0; i < num_tickets; i++)
        if (ticket_list_add(c, &tickets[i], now, &s->mem))
            break; /* fewer tickets are no failure */
    TRACE(&s->cfg.trace, now, CTX_TICKETS_ADDED, c->num_tickets - before, c->num_tickets);
}

/* ---- Use ---- */

static csep_status why_not(const struct csep_context *c)
{
    if (csep_ctx_usable(c->state))
        return c->num_tickets ? CSEP_OK : CSEP_ERR_NO_CONTEXT;
    return c->state == CSEP_CTX_EXPIRED   ? CSEP_ERR_EXPIRED
           : c->state == CSEP_CTX_REVOKED ? CSEP_ERR_REVOKED
                                          : CSEP_ERR_NO_CONTEXT;
}

/* All that a connection goes by comes from the grant. //= SEC-21 */
static csep_status describe(const struct csep_context *c, uint8_t transport, uint8_t service,
                            struct csep_slot *out)
{
    struct csep_grant g;
    grant_unpack(&g, c->grant, c->grant_len);
    //= NEG-70
    if (!grant_fill_slot(&g, transport, out) || service > 15 || !(out->services >> service & 1))
        return CSEP_ERR_UNSUPPORTED;
    memcpy(out->token, g.token, g.token_len); /* the newest: a context holds no other //= DATA-16 */
    out->token_len = g.token_len;
    out->elsewhere = csep_grant_transport(&g, transport)->host[0] != 0; //= NEG-71
    return CSEP_OK;
}

csep_status csep_context_take(struct csep_store *s, struct csep_context *c, uint8_t transport,
                              uint8_t service, csep_time now, struct csep_slot *out)
{
    static const uint8_t unknown[32];
    struct csep_ticket t;
    memset(out, 0, sizeof *out);
    context_expire(s, c, now);
    csep_status st = why_not(c);
    if (!st)
        st = describe(c, transport, service, out);
    if (st)
        return st;
    ticket_list_take(c, &t, &out->received, &s->mem); //= CTX-1
    ticket_slot_secret(out->secret, c->secret, t.b, t.len);
    memcpy(out->ticket, t.b, t.len);
    out->ticket_len = t.len;
    memcpy(out->peer_spki_sha256, c->peer, sizeof c->peer);
    out->peer_known = memcmp(c->peer, unknown, sizeof c->peer) != 0;
    out->expires = c->hard_at;
    out->left = limits_left(&c->limit, &c->used);
    CSEP_WIPE(t);
    store_touch(s, c);
    TRACE(&s->cfg.trace, now, CTX_TICKET_SPENT, c->num_tickets, transport);
    return CSEP_OK;
}

void csep_context_report(struct csep_store *s, struct csep_context *c, const struct csep_usage *used,
                         csep_time now)
{
    limits_add(&c->used, used);
    if (csep_ctx_usable(c->state))
        check_use(s, c, now);
}

/* ---- Looking ---- */

enum csep_ctx_state csep_context_state(const struct csep_context *c)
{
    return (enum csep_ctx_state)c->state;
}

bool csep_context_grant(const struct csep_context *c, struct csep_grant *out)
{
    if (c->grant)
        grant_unpack(out, c->grant, c->grant_len);
    return c->grant != NULL;
}

unsigned csep_context_tickets(const struct csep_context *c)
{
    return c->num_tickets;
}

csep_time csep_context_rtt(const struct csep_context *c)
{
    return c->rtt;
}

csep_time csep_context_soft_at(const struct csep_context *c)
{
    return c->soft_at;
}

csep_time csep_context_hard_at(const struct csep_context *c)
{
    return c->hard_at;
}
