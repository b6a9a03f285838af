/* SPDX-License-Identifier: BSD-2-Clause */
/* Deadlines of a connection, and what happens when they come. */
#include "base/emit.h"
#include "data/conn.h"

#define PROBES 2u

static csep_time earlier(csep_time a, csep_time b)
{
    return csep_time_min(a, b);
}

static csep_time idle_at(const struct csep_data *c)
{
    if (c->state == CSEP_DATA_OPENING)
        return csep_time_add(c->started, c->cfg.open_timeout);                              //= DATA-14
    return c->idle_timeout ? csep_time_add(c->last_received, c->idle_timeout) : CSEP_NEVER; //= DATA-79
}

static csep_time loss_at(const struct csep_data *c)
{
    csep_time at = CSEP_NEVER;
    if (c->early_space.loss_time)
        at = c->early_space.loss_time;
    if (c->space.loss_time)
        at = earlier(at, c->space.loss_time);
    return at;
}

/* Probes are of no use while nothing may be sent. */
static csep_time probe_at(const struct csep_data *c)
{
    if (path_allows(c) < CSEP_OPEN_MIN_DATAGRAM / 2)
        return CSEP_NEVER;
    return earlier(recovery_pto_at(&c->recovery, &c->early_space), recovery_pto_at(&c->recovery, &c->space));
}

static csep_time own_cids_at(const struct csep_data *c)
{
    csep_time at = CSEP_NEVER;
    for (unsigned i = 0; i < OWN_CIDS; i++)
        if (c->own[i].state == CID_RETIRING)
            at = earlier(at, c->own[i].until);
    return at;
}

csep_time timer_deadline(const struct csep_data *c)
{
    if (c->state == CSEP_DATA_IDLE || c->state == CSEP_DATA_CLOSED)
        return CSEP_NEVER;
    if (c->state >= CSEP_DATA_CLOSING)
        return c->closing_until;
    csep_time at = earlier(idle_at(c), c->context_end), loss = loss_at(c);
    at = earlier(at, loss != CSEP_NEVER ? loss : probe_at(c));
    at = earlier(at, keys_deadline(c));
    if (c->acks.due > c->now) /* else it is output() that is waited for */
        at = earlier(at, c->acks.due);
    at = earlier(at, earlier(own_cids_at(c), outbox_deadline(&c->out)));
    if (c->paths.validating)
        at = earlier(at, c->paths.challenge_until);
    if (c->opening && c->opening->until)
        at = earlier(at, c->opening->until);
    return at;
}

static void say_again(struct csep_data *c, struct sent_space *s)
{
    for (uint64_t n = s->head; n < s->next; n++) {
        struct sent_item *items;
        const struct sent_packet *p = sent_at(s, n, &items);
        bool any = false;
        if (!p)
            continue;
        for (unsigned i = 0; i < p->num_items; i++)
            any |= outbox_again(&c->out, &c->mem, &items[i], c->now);
        c->control |= p->control & (CTRL_MAX_DATA | CTRL_HINT | (c->out.blocked ? CTRL_BLOCKED : 0));
        if (any && s == &c->space)
            break; /* the oldest that is worth it; in the opening all of it */
    }
}

/* Probe time-out, RFC 9002 section 6.2.4: say again what is oldest, whatever the window says. */
static void probe(struct csep_data *c)
{
    c->recovery.pto_count++;
    c->stats.ptos++;
    c->probes = PROBES;
    c->paths.challenge_due = c->paths.validating;
    TRACE(&c->cfg.trace, c->now, DATA_RECOVERY, c->recovery.srtt, c->recovery.cc.cwnd,
          c->recovery.cc.in_flight, c->recovery.pto_count);
    say_again(c, &c->early_space);
    say_again(c, &c->space);
    if (c->state == CSEP_DATA_OPENING) {
        c->open_due = true;
        c->probes = 1;
    }
    if (c->state == CSEP_DATA_ACCEPTED) {
        c->accept_due = true;
        c->probes = 1;
    }
}

static void end_in_silence(struct csep_data *c, csep_status why)
{
    conn_end(c, why, 0, false);
    conn_input(c, DATA_IN_TIMEOUT);
}

static void retire_own(struct csep_data *c)
{
    for (unsigned i = 0; i < OWN_CIDS; i++) {
        struct own_cid *o = &c->own[i];
        if (o->state != CID_RETIRING || c->now < o->until)
            continue;
        o->state = CID_FREE;
        if (c->owner)
            c->owner->cid_gone(c->owner, c, o->id);
        path_offer_cids(c); /* room for another */
    }
}

static void expire_recovery(struct csep_data *c)
{
    struct recovery_ops ops = conn_recovery_ops(c);
    if (loss_at(c) <= c->now) {
        recovery_detect(&c->recovery, &c->early_space, &c->mem, c->now, &ops);
        recovery_detect(&c->recovery, &c->space, &c->mem, c->now, &ops);
    } else if (loss_at(c) == CSEP_NEVER && probe_at(c) <= c->now) {
        probe(c);
    }
}

void timer_expire(struct csep_data *c)
{
    if (c->state == CSEP_DATA_IDLE || c->state == CSEP_DATA_CLOSED)
        return;
    if (c->state >= CSEP_DATA_CLOSING) {
        if (c->now >= c->closing_until)
            conn_input(c, DATA_IN_TIMEOUT);
        return;
    }
    if (c->now >= idle_at(c)) {
        end_in_silence(c, c->state == CSEP_DATA_OPENING ? CSEP_ERR_TIMEOUT : CSEP_ERR_IDLE);
        return;
    }
    if (c->now >= c->context_end) {
        conn_fail(c, CSEP_ERR_EXPIRED); //= DATA-83, CTX-16
        return;
    }
    if (c->opening && c->opening->until && c->now >= c->opening->until)
        conn_forget_opening(c);
    keys_expire(c);
    path_expire(c);
    retire_own(c);
    outbox_expire(&c->out, &c->mem, &c->events, c->now);
    expire_recovery(c);
}
