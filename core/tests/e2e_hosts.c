/* SPDX-License-Identifier: BSD-2-Clause */
/* Hosts of a negotiation: TLS and conversation over one TCP connection; requests that wait for a grant. */
#include "e2e.h"

static const char *const names[E2E_SERVERS] = {"server.0", "server.1"};

/* ---- Making ---- */

void e2e_neg_new(struct e2e *w, struct e2e_tcp *t, unsigned side)
{
    struct e2e_neg *n = calloc(1, sizeof *n);
    struct e2e_client *c = &w->client[t->client];
    struct e2e_server *s = &w->server[t->server];
    assert_non_null(n);
    n->is_server = side;
    n->tcp = t;
    n->tls = malloc(csep_tls_size());
    n->n = malloc(csep_negotiate_size());
    assert_non_null(n->tls);
    assert_non_null(n->n);
    if (side) {
        struct csep_addr from = c->addr;
        from.port = (uint16_t)(40000 + t->index);
        assert_ok(csep_tls_server(n->tls, &s->tls, w->now));
        assert_ok(
            csep_negotiate_server(n->n, &s->negotiate, csep_tls_secure(n->tls), s->grantor, &from, w->now));
    } else {
        c->tls.server_name = names[t->server];
        assert_ok(csep_tls_client(n->tls, &c->tls, w->now));
        assert_ok(csep_negotiate_client(n->n, &c->negotiate, csep_tls_secure(n->tls), w->now));
    }
    t->neg[side] = n;
    assert_true(w->num_neg < sizeof w->neg / sizeof w->neg[0]);
    w->neg[w->num_neg++] = n;
}

struct e2e_neg *e2e_negotiate(struct e2e *w, unsigned client, unsigned server, bool share)
{
    struct e2e_client *c = &w->client[client];
    struct e2e_tcp *t = e2e_connect(w, client, server, false);
    c->negotiate.share = share;
    c->negotiations++;
    e2e_neg_new(w, t, 0);
    csep_context_input(c->store, c->context[server], CSEP_CTX_IN_NEGOTIATE, w->now);
    return t->neg[0];
}

void e2e_neg_free(struct e2e_neg *n)
{
    csep_negotiate_wipe(n->n);
    csep_tls_wipe(n->tls);
    free(n->n);
    free(n->tls);
    free(n);
}

/* ---- Events ---- */

static void install(struct e2e *w, struct e2e_neg *n, const struct csep_negotiate_event *ev)
{
    struct e2e_client *c = &w->client[n->tcp->client];
    unsigned server = n->tcp->server;
    assert_true(ev->peer.present);
    assert_memory_equal(ev->peer.spki_sha256, w->server[server].id.spki_sha256, 32); //= NEG-16 type=test
    assert_true(ev->num_tickets >= 2);                                               //= NEG-43 type=test
    assert_ok(csep_context_install(c->store, c->context[server], ev->grant, ev->secret, ev->tickets,
                                   ev->num_tickets, ev->rtt, w->now));
    n->grant = *ev->grant;
    n->granted_at = w->now;
    e2e_granted(w, n);
    if (w->granted)
        w->granted(w, n);
}

static void ended(struct e2e *w, struct e2e_neg *n, const struct csep_negotiate_event *ev)
{
    struct e2e_client *c = &w->client[n->tcp->client];
    assert_false(n->over);
    n->over = true;
    n->status = ev->status;
    n->code = ev->code;
    n->over_at = w->now;
    if (ev->type == CSEP_NEG_FAILED && !n->is_server)
        csep_context_input(c->store, c->context[n->tcp->server], CSEP_CTX_IN_FAILED, w->now);
}

static void look_at_streams(struct e2e *w, unsigned server)
{
    for (unsigned i = 0; i < w->num_conn; i++) {
        struct e2e_conn *c = w->conn[i];
        if (c->s && c->server == server && !c->is_opener && !c->dead)
            csep_stream_expire(c->s, w->now);
    }
}

static void look_again(struct e2e *w, unsigned server)
{
    struct csep_data *d;
    bool is_new;
    while (csep_acceptor_held(w->server[server].acceptor, w->now, &d, &is_new))
        (void)e2e_acceptor_pump(w, server, CSEP_OPEN_MIN_DATAGRAM);
    look_at_streams(w, server);
}

void e2e_context_ended(struct e2e *w, unsigned server)
{
    csep_acceptor_check(w->server[server].acceptor, w->now);
    look_at_streams(w, server);
    e2e_pump(w);
}

static void neg_event(struct e2e *w, struct e2e_neg *n, const struct csep_negotiate_event *ev)
{
    struct e2e_client *c = &w->client[n->tcp->client];
    assert_true(ev->type < E2E_EVENTS);
    n->events[ev->type]++;
    switch (ev->type) {
    case CSEP_NEG_GRANTED:
        install(w, n, ev);
        break;
    case CSEP_NEG_TICKETS:
        csep_context_add_tickets(c->store, c->context[n->tcp->server], ev->tickets, ev->num_tickets, w->now);
        break;
    case CSEP_NEG_SHARED:
        n->handed_over = true;
        n->goes_on = !n->is_server;
        if (n->is_server)
            ended(w, n, ev);
        break;
    case CSEP_NEG_ACTIVE:
        look_again(w, n->tcp->server);
        break;
    case CSEP_NEG_REVOKED:
        if (n->is_server)
            e2e_context_ended(w, n->tcp->server);
        break;
    case CSEP_NEG_CLOSED:
    case CSEP_NEG_FAILED:
        ended(w, n, ev);
        break;
    default:
        break;
    }
}

bool e2e_neg_pump(struct e2e *w, struct e2e_neg *n)
{
    struct csep_negotiate_event ev;
    struct e2e_tcp *t = n->tcp;
    unsigned side = n->is_server;
    uint8_t buf[4096];
    bool moved = false, shared = false;
    size_t len;
    if (!t->open[side] || t->closed[side] || t->conn[side])
        return false;
    while (csep_negotiate_event(n->n, &ev)) {
        shared |= ev.type == CSEP_NEG_SHARED;
        neg_event(w, n, &ev);
        moved = true;
    }
    while ((len = csep_negotiate_output(n->n, buf, sizeof buf, w->now))) {
        if (!w->check.off)
            check_bytes(&w->check, t->check[side], buf, len);
        e2e_tcp_put(w, t, side, buf, len);
        moved = true;
    }
    if (shared)
        e2e_shared(w, n);
    else if (n->over && !n->handed_over)
        e2e_tcp_close(w, t, side);
    return moved;
}

/* In shared mode the client's negotiation still hears its end, behind which the stream's bytes are. */
static void leftover(struct e2e *w, struct e2e_neg *n)
{
    struct csep_negotiate_event ev;
    uint8_t buf[4096];
    size_t len;
    while (csep_negotiate_event(n->n, &ev)) {
        neg_event(w, n, &ev);
        n->goes_on &= !n->over;
    }
    while ((len = csep_negotiate_leftover(n->n, buf, sizeof buf)))
        e2e_stream_input(w, n->tcp->conn[n->is_server], buf, len);
}

void e2e_neg_input(struct e2e *w, struct e2e_neg *n, const uint8_t *p, size_t len)
{
    (void)csep_negotiate_input(n->n, p, len, w->now);
    if (n->tcp->conn[n->is_server])
        leftover(w, n);
}

void e2e_neg_eof(struct e2e *w, struct e2e_neg *n)
{
    csep_negotiate_input_eof(n->n, w->now);
    if (n->tcp->conn[n->is_server])
        leftover(w, n);
}

/* ---- Requests that wait for a context ---- */

static void ask(struct e2e *w, struct e2e_conn *c)
{
    w->request.waits = false;
    w->request.conn = c;
    c->asked_at = w->request.asked_at;
    (void)e2e_say(w, c, w->request.len);
}

void e2e_granted(struct e2e *w, struct e2e_neg *n)
{
    struct csep_slot slot;
    struct e2e_tcp *t = w->request.parallel;
    if (!w->request.waits || w->request.mode == E2E_SHARED)
        return;
    assert_true(e2e_take(w, n->tcp->client, n->tcp->server, w->request.transport, w->request.service, &slot));
    struct e2e_conn *c = e2e_open_slot(w, n->tcp->client, n->tcp->server, &slot, w->request.service, t);
    assert_non_null(c);
    ask(w, c);
}

void e2e_shared(struct e2e *w, struct e2e_neg *n)
{
    struct e2e_tcp *t = n->tcp;
    struct csep_slot slot;
    if (n->is_server) {
        uint8_t buf[4096];
        size_t len;
        e2e_stream_accept(w, t);
        while ((len = csep_negotiate_leftover(n->n, buf, sizeof buf)))
            e2e_stream_input(w, t->conn[1], buf, len);
        return;
    }
    assert_true(w->request.waits && w->request.mode == E2E_SHARED);
    assert_true(e2e_take(w, t->client, t->server, CSEP_TRANSPORT_TCP, w->request.service, &slot));
    ask(w, e2e_open_slot(w, t->client, t->server, &slot, w->request.service, t));
}

void e2e_cold(struct e2e *w, enum e2e_cold mode, uint8_t transport, enum csep_service service, size_t len)
{
    w->request = (struct e2e_request){.waits = true,
                                      .transport = transport,
                                      .service = service,
                                      .mode = mode,
                                      .len = len,
                                      .asked_at = w->now};
    if (mode == E2E_PARALLEL)
        w->request.parallel = e2e_connect(w, 0, 0, true);
    (void)e2e_negotiate(w, 0, 0, mode == E2E_SHARED);
}

void e2e_warm(struct e2e *w, unsigned client, unsigned server)
{
    struct e2e_neg *n = e2e_negotiate(w, client, server, false);
    e2e_run(w, w->now + 10 * w->delay);
    assert_true(n->over);
    assert_int_equal(n->events[CSEP_NEG_GRANTED], 1);
    assert_status(n->status, CSEP_OK);
}
