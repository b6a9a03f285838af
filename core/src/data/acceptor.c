/* SPDX-License-Identifier: BSD-2-Clause */
/* The acceptor over UDP: routes datagrams, judges OPENs (spec 6.1, the eleven steps), owns connections. */
#include <assert.h>
#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"
#include "data/answers.h"
#include "data/conn.h"
#include "data/hold.h"
#include "data/rate.h"
#include "data/routes.h"

/* Between two reports of a connection's usage, which also ask whether its context still is. */
#define REPORT_PACKETS 64u
#define REPORT_TIME    CSEP_SEC(1)

struct csep_acceptor {
    struct conn_owner owner; /* first, so that an owner is its acceptor */
    struct csep_acceptor_config cfg;
    struct mem mem;
    struct routes routes;
    struct answers answers;
    struct rates opens; /* without a valid token */
    struct hold hold;
    struct timers timers;
    struct csep_data *all, *due, *due_last;
    size_t num;
};

struct csep_acceptor_config csep_acceptor_config_default(void)
{
    return (struct csep_acceptor_config){
        .data = csep_data_config_default(),
        .max_connections = 100000,
        .refuse_per_second = 100, //= DATA-39
        .refuse_per_second_address = 10,
        .open_per_second = 20000, //= SEC-25
        .open_per_second_prefix = 2000,
    };
}

size_t csep_acceptor_size(void)
{
    return sizeof(struct csep_acceptor);
}

/* ---- What connections ask of their owner ---- */

static struct csep_acceptor *acceptor_of(struct conn_owner *o)
{
    return (struct csep_acceptor *)o;
}

static void report(struct csep_acceptor *a, struct csep_data *c)
{
    const struct csep_slot_source *s = &a->cfg.slots;
    struct csep_usage u = csep_data_take_usage(c);
    csep_status st = CSEP_OK;
    c->reported_at = c->now;
    if (s->report && (u.packets || u.forgeries || conn_sendable(c)))
        st = s->report(s->self, c->handle, &u, c->now);
    if (st)
        conn_fail(c, st); //= DATA-83, KEY-8
}

static bool report_due(const struct csep_data *c)
{
    return c->used.packets - c->reported.packets >= REPORT_PACKETS ||
           c->used.forgeries != c->reported.forgeries || c->now - c->reported_at >= REPORT_TIME ||
           c->state >= CSEP_DATA_CLOSING;
}

static void touched(struct conn_owner *o, struct csep_data *c)
{
    struct csep_acceptor *a = acceptor_of(o);
    if (report_due(c))
        report(a, c);
    csep_time at = timer_deadline(c);
    if (at <= c->now)
        at = c->now + 1; /* once in one call of expire() */
    /* A deadline that moved away is looked at again when the old one comes. */
    if (at != CSEP_NEVER && (!c->timer.place || at < c->timer.at))
        (void)timers_set(&a->timers, &a->mem, &c->timer, at);
    if (!c->is_due && (events_any(&c->events) || conn_wants_output(c))) {
        c->is_due = true;
        c->next_due = NULL;
        c->prev_due = a->due_last;
        *(a->due_last ? &a->due_last->next_due : &a->due) = c;
        a->due_last = c;
    }
}

static bool cid_added(struct conn_owner *o, struct csep_data *c, const uint8_t id[OWN_CID_LEN])
{
    struct csep_acceptor *a = acceptor_of(o);
    return routes_add(&a->routes, &a->mem, ROUTE_CID, route_key(id), c);
}

static void cid_gone(struct conn_owner *o, struct csep_data *c, const uint8_t id[OWN_CID_LEN])
{
    struct csep_acceptor *a = acceptor_of(o);
    routes_remove(&a->routes, &a->mem, ROUTE_CID, route_key(id), c);
}

static void reset_token(struct conn_owner *o, const uint8_t *id, size_t len,
                        uint8_t token[CSEP_RESET_TOKEN_LEN])
{
    reset_token_of(&acceptor_of(o)->answers, id, len, token);
}

/* ---- Life ---- */

csep_status csep_acceptor_init(struct csep_acceptor *a, const struct csep_acceptor_config *cfg, csep_time now)
{
    static const uint8_t zero[32];
    uint8_t key[32];
    struct csep_random rnd = cfg->data.random;
    (void)now;
    memset(a, 0, sizeof *a);
    a->cfg = *cfg;
    a->mem.alloc = cfg->data.alloc;
    a->owner = (struct conn_owner){touched, cid_added, cid_gone, reset_token, &a->cfg.slots};
    memcpy(key, cfg->reset_key, sizeof key);
    if (csep_equal(key, zero, sizeof key))
        rnd.fill(rnd.self, key, sizeof key);
    answers_init(&a->answers, key, cfg->refuse_per_second, cfg->refuse_per_second_address, rnd);
    a->opens = (struct rates){.per_second = cfg->open_per_second,
                              .per_second_prefix = cfg->open_per_second_prefix,
                              .bits_v4 = 24,
                              .bits_v6 = 56};
    rnd.fill(rnd.self, a->opens.key.b, sizeof a->opens.key.b);
    rnd.fill(rnd.self, a->routes.hash_key.b, sizeof a->routes.hash_key.b);
    CSEP_WIPE(key);
    CSEP_WIPE(a->cfg.reset_key);
    return CSEP_OK;
}

static void unlink_due(struct csep_acceptor *a, struct csep_data *c)
{
    *(c->prev_due ? &c->prev_due->next_due : &a->due) = c->next_due;
    *(c->next_due ? &c->next_due->prev_due : &a->due_last) = c->prev_due;
    c->is_due = false;
}

void csep_acceptor_release(struct csep_acceptor *a, struct csep_data *c)
{
    report(a, c);
    if (c->is_due)
        unlink_due(a, c);
    timers_remove(&a->timers, &a->mem, &c->timer);
    for (unsigned i = 0; i < OWN_CIDS; i++)
        if (c->own[i].state != CID_FREE)
            cid_gone(&a->owner, c, c->own[i].id);
    routes_remove(&a->routes, &a->mem, ROUTE_CID, c->early_key, c);
    routes_remove(&a->routes, &a->mem, ROUTE_RANDOM, c->random_key, c);
    *(c->prev ? &c->prev->next : &a->all) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    a->num--;
    csep_data_wipe(c);
    mem_put(&a->mem, c, sizeof *c);
}

void csep_acceptor_wipe(struct csep_acceptor *a)
{
    while (a->all)
        csep_acceptor_release(a, a->all);
    answers_wipe(&a->answers, &a->mem);
    hold_wipe(&a->hold, &a->mem);
    timers_wipe(&a->timers, &a->mem);
    routes_wipe(&a->routes, &a->mem);
    assert(a->mem.held == 0);
    csep_wipe(a, sizeof *a);
}

size_t csep_acceptor_count(const struct csep_acceptor *a)
{
    return a->num;
}

/* ---- OPEN ---- */

static void drop(struct csep_acceptor *a, csep_status why, size_t n, int type, csep_time now)
{
    TRACE(&a->cfg.data.trace, now, DATA_PACKET_DROPPED, why, n, (uint64_t)(type < 0 ? 0 : type));
}

static void refuse(struct csep_acceptor *a, const struct open_found *f, size_t n,
                   const struct csep_addr *from, csep_time now)
{
    TRACE(&a->cfg.data.trace, now, DATA_REFUSED, CSEP_REFUSE_TICKET);
    answer_refuse(&a->answers, &a->mem, &f->h, CSEP_REFUSE_TICKET, n, from, now);
}

/* Step 5. False: answered with RETRY. */
static bool address_known(struct csep_acceptor *a, struct open_found *f, size_t n,
                          const struct csep_addr *from, csep_time now)
{
    f->retried = f->address_proved = retry_token_valid(&a->answers, &f->h, from, now);
    if (!f->address_proved && f->h.token.n && a->cfg.check_token)
        f->address_proved =
            a->cfg.check_token(a->cfg.check_token_self, f->h.token.p, f->h.token.n, from, now);
    if (f->address_proved)
        return true;
    bool load = a->cfg.always_retry || a->num >= a->cfg.max_connections / 2;
    if (!load && rates_take(&a->opens, from, now)) //= SEC-25
        return true;                               //= DATA-104
    TRACE(&a->cfg.data.trace, now, DATA_RETRY, 0);
    answer_retry(&a->answers, &a->mem, &f->h, n, from, now); //= DATA-43, DATA-45
    return false;
}

/* Step 7: what the grant holds. //= DATA-22, KEY-15 */
static bool granted(const struct csep_acceptor *a, const struct open_found *f)
{
    bool aead = false;
    for (unsigned i = 0; i < f->slot.num_aeads && i < 8; i++)
        aead |= f->slot.aeads[i] == f->h.aead;
    if (a->cfg.data.aead && a->cfg.data.aead != f->h.aead)
        aead = false;
    return aead && aead_supported(f->h.aead) && f->h.service <= CSEP_SERVICE_MESSAGE &&
           (f->slot.services >> f->h.service & 1) && f->slot.transport == CSEP_TRANSPORT_UDP &&
           (f->slot.upgrade != CSEP_UPGRADE_REQUIRED || f->h.group == CSEP_GROUP_X25519);
}

/* Step 10: the application's protocol, where this acceptor has one. //= DATA-22 */
static bool protocol_holds(const struct csep_acceptor *a, const struct open_found *f)
{
    const char *ours = a->cfg.data.protocol;
    const struct view *theirs = &f->params.protocol;
    return !ours || (theirs->n == strlen(ours) && memcmp(theirs->p, ours, theirs->n) == 0);
}

static void report_forgery(struct csep_acceptor *a, const struct open_found *f, csep_time now)
{
    const struct csep_slot_source *s = &a->cfg.slots;
    struct csep_usage u = {0, 0, 1};
    if (s->report)
        (void)s->report(s->self, f->slot.handle, &u, now);
}

/* The connection's entries in table and list. */
static bool enlist(struct csep_acceptor *a, struct csep_data *c, const struct open_found *f)
{
    c->early_key = route_key(f->h.dcid.p);
    c->random_key = route_key(f->h.client_random);
    c->next = a->all;
    if (a->all)
        a->all->prev = c;
    a->all = c;
    a->num++;
    return routes_add(&a->routes, &a->mem, ROUTE_CID, c->early_key, c) &&
           routes_add(&a->routes, &a->mem, ROUTE_RANDOM, c->random_key, c);
}

static bool same_early_id(void *self, const struct held *e)
{
    const struct csep_data *c = self;
    return e->kind == HOLD_EARLY && memcmp(e->bytes + 1, c->opening->dcid.b, CSEP_CID_MIN) == 0;
}

static struct csep_data *start(struct csep_acceptor *a, struct open_found *f, size_t n,
                               const struct csep_addr *from, csep_time now)
{
    struct csep_data *c = mem_get(&a->mem, sizeof *c);
    if (!c)
        return NULL;
    if (acceptee_start(c, &a->cfg.data, &a->owner, f, from, n, now)) {
        mem_put(&a->mem, c, sizeof *c);
        return NULL;
    }
    if (!enlist(a, c, f)) {
        csep_acceptor_release(a, c);
        return NULL;
    }
    struct held *e;
    while (c->opening && (e = hold_take(&a->hold, same_early_id, c))) {
        acceptee_early(c, e->bytes, e->len, &e->from);
        hold_free(&a->mem, e);
    }
    return c;
}

/* Steps 6 to 11. */
static struct csep_data *judge(struct csep_acceptor *a, struct open_found *f, uint8_t *p, size_t n,
                               const struct csep_addr *from, csep_time now)
{
    const struct csep_slot_source *s = &a->cfg.slots;
    if (a->num >= a->cfg.max_connections) {
        drop(a, CSEP_ERR_LIMIT, n, CSEP_PKT_OPEN, now); /* and no ticket is spent for nothing */
        return NULL;
    }
    enum csep_slot_result found =
        s->open(s->self, f->h.ticket.p, f->h.ticket.n, CSEP_TRANSPORT_UDP, now, &f->slot);
    if (found == CSEP_SLOT_PENDING) {
        if (!hold_add(&a->hold, &a->mem, p, n, from, f->slot.handle, now))
            drop(a, CSEP_ERR_LIMIT, n, CSEP_PKT_OPEN, now);
        return NULL;
    }
    if (found != CSEP_SLOT_OK || now >= f->slot.expires || !granted(a, f)) {
        refuse(a, f, n, from, now); //= DATA-20, CTX-16
        return NULL;
    }
    if (routes_find(&a->routes, ROUTE_CID, route_key(f->h.dcid.p))) {
        drop(a, CSEP_ERR_CONNECTION_ID, n, CSEP_PKT_OPEN, now); //= DATA-105
        return NULL;
    }
    if (!acceptee_look(f, p)) {
        report_forgery(a, f, now);                           //= DATA-4
        drop(a, CSEP_ERR_PROTECTION, n, CSEP_PKT_OPEN, now); //= DATA-21
        return NULL;
    }
    bool sound = !acceptee_check(f) && protocol_holds(a, f) && !acceptee_upgrade(f, a->cfg.data.random);
    enum csep_slot_result spent = sound ? s->spend(s->self, &f->slot, now) : CSEP_SLOT_REFUSED;
    if (spent == CSEP_SLOT_BUSY) {
        drop(a, CSEP_ERR_LIMIT, n, CSEP_PKT_OPEN, now); /* REFUSE would have every client negotiate */
        return NULL;
    }
    if (spent != CSEP_SLOT_OK) {
        refuse(a, f, n, from, now); //= CTX-3, CTX-4
        return NULL;
    }
    return start(a, f, n, from, now);
}

static struct csep_data *input_open(struct csep_acceptor *a, uint8_t *p, size_t n,
                                    const struct csep_addr *from, csep_time now, bool *out_new)
{
    struct open_found f;
    struct csep_data *c = NULL;
    csep_status st = packet_decode_open(&f.h, &f.span, p, n);
    if (n < CSEP_OPEN_MIN_DATAGRAM || (st && st != CSEP_ERR_VERSION)) {
        drop(a, CSEP_ERR_DECODE, n, CSEP_PKT_OPEN, now); //= DATA-2, DATA-3
        return NULL;
    }
    if (st) {
        TRACE(&a->cfg.data.trace, now, DATA_REFUSED, CSEP_REFUSE_VERSION);
        answer_refuse(&a->answers, &a->mem, &f.h, CSEP_REFUSE_VERSION, n, from, now);
        return NULL;
    }
    c = routes_find(&a->routes, ROUTE_RANDOM, route_key(f.h.client_random));
    if (c) {
        c->now = now;
        acceptee_repeated_open(c, p, n, &f.h, &f.span, from);
        return c;
    }
    if (!address_known(a, &f, n, from, now))
        return NULL;
    c = judge(a, &f, p, n, from, now);
    *out_new = c != NULL;
    CSEP_WIPE(f);
    return c;
}

/* ---- Verbs ---- */

static struct csep_data *input_short(struct csep_acceptor *a, uint8_t *p, size_t n,
                                     const struct csep_addr *from, csep_time now)
{
    if (n < 1 + CSEP_CID_MIN + CSEP_TAG_LEN + 4) {
        drop(a, CSEP_ERR_DECODE, n, CSEP_PKT_SHORT, now);
        return NULL;
    }
    struct csep_data *c = routes_find(&a->routes, ROUTE_CID, route_key(p + 1));
    if (c) {
        c->now = now;
        c->stats.bytes_received += n;
        acceptee_short(c, p, n, from);
    } else if (!hold_add(&a->hold, &a->mem, p, n, from, NULL, now)) { //= DATA-36
        answer_reset(&a->answers, &a->mem, p + 1, n, from, now);
    }
    return c;
}

void csep_acceptor_input(struct csep_acceptor *a, uint8_t *datagram, size_t n, const struct csep_addr *from,
                         csep_time now, struct csep_data **out_conn, bool *out_new)
{
    int type = packet_type(datagram, n);
    struct csep_data *c = NULL;
    *out_new = false;
    if (type == CSEP_PKT_OPEN)
        c = input_open(a, datagram, n, from, now, out_new);
    else if (type == CSEP_PKT_SHORT)
        c = input_short(a, datagram, n, from, now);
    else
        drop(a, CSEP_ERR_UNEXPECTED, n, type, now);
    if (c)
        conn_touch(c);
    *out_conn = c;
}

size_t csep_acceptor_output(struct csep_acceptor *a, uint8_t *out, size_t cap, struct csep_addr *to,
                            csep_time now)
{
    (void)now;
    return answers_next(&a->answers, &a->mem, out, cap, to);
}

struct asking {
    struct csep_acceptor *a;
    csep_time now;
};

static bool no_longer_pending(void *self, const struct held *e)
{
    struct asking *q = self;
    const struct csep_slot_source *s = &q->a->cfg.slots;
    struct open_header h;
    struct packet_span span;
    struct csep_slot slot;
    if (e->kind != HOLD_PENDING || packet_decode_open(&h, &span, e->bytes, e->len))
        return false;
    bool pending =
        s->open(s->self, h.ticket.p, h.ticket.n, CSEP_TRANSPORT_UDP, q->now, &slot) == CSEP_SLOT_PENDING;
    CSEP_WIPE(slot);
    return !pending;
}

bool csep_acceptor_held(struct csep_acceptor *a, csep_time now, struct csep_data **out_conn, bool *out_new)
{
    struct asking q = {a, now};
    struct held *e = hold_take(&a->hold, no_longer_pending, &q);
    *out_conn = NULL;
    *out_new = false;
    if (!e)
        return false;
    csep_acceptor_input(a, e->bytes, e->len, &e->from, now, out_conn, out_new);
    hold_free(&a->mem, e);
    return true;
}

csep_time csep_acceptor_deadline(const struct csep_acceptor *a)
{
    const struct timer_node *n = timers_first(&a->timers);
    return csep_time_min(n ? n->at : CSEP_NEVER, hold_deadline(&a->hold));
}

static struct csep_data *conn_of_timer(struct timer_node *n)
{
    return (struct csep_data *)((char *)n - offsetof(struct csep_data, timer));
}

void csep_acceptor_expire(struct csep_acceptor *a, csep_time now)
{
    struct timer_node *n;
    struct held *e;
    while ((n = timers_first(&a->timers)) && n->at <= now) {
        timers_remove(&a->timers, &a->mem, n);
        csep_data_expire(conn_of_timer(n), now); /* sets its next time */
    }
    while ((e = hold_expired(&a->hold, now))) {
        if (e->kind == HOLD_EARLY) /* no OPEN came: perhaps a connection that this end forgot */
            answer_reset(&a->answers, &a->mem, e->bytes + 1, e->len, &e->from, now);
        hold_free(&a->mem, e);
    }
}

void csep_acceptor_check(struct csep_acceptor *a, csep_time now)
{
    for (struct csep_data *c = a->all; c; c = c->next) {
        c->now = now;
        report(a, c);
        conn_touch(c);
    }
}

struct csep_data *csep_acceptor_due(struct csep_acceptor *a)
{
    struct csep_data *c = a->due;
    if (c)
        unlink_due(a, c);
    return c;
}
