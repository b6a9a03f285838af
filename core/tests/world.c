/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

/* ---- A byte pipe ---- */

static void push(struct pipe *p, const uint8_t *b, size_t n, csep_time at)
{
    if (p->num == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 16;
        p->pieces = realloc(p->pieces, p->cap * sizeof *p->pieces);
        if (!p->pieces)
            abort();
    }
    uint8_t *copy = n ? malloc(n) : NULL;
    if (n) {
        if (!copy)
            abort();
        memcpy(copy, b, n);
    }
    p->pieces[p->num++] = (struct pipe_piece){at, n, copy};
}

/* The last piece begins at byte `at` of all that was carried. */
static void flip(struct pipe *p, size_t at, size_t len)
{
    size_t bit = p->flip_bit - 1;
    if (p->flip_bit && bit / 8 >= at && bit / 8 < at + len)
        p->pieces[p->num - 1].b[bit / 8 - at] ^= (uint8_t)(1u << bit % 8);
}

void pipe_send(struct pipe *p, const uint8_t *b, size_t n, csep_time now)
{
    csep_time at = csep_time_add(now, p->delay);
    if (p->ended)
        return;
    size_t room = p->cut_at - p->carried, most = n < room ? n : room;
    for (size_t done = 0; done < most;) {
        size_t part = most - done;
        part = p->piece_max && part > p->piece_max ? p->piece_max : part;
        push(p, b + done, part, at);
        flip(p, p->carried + done, part);
        done += part;
    }
    p->carried += most;
    if (most < n)
        pipe_end(p, now);
}

void pipe_end(struct pipe *p, csep_time now)
{
    if (!p->ended)
        push(p, NULL, 0, csep_time_add(now, p->delay));
    p->ended = true;
}

csep_time pipe_next(const struct pipe *p)
{
    return p->first < p->num ? p->pieces[p->first].at : CSEP_NEVER;
}

bool pipe_take(struct pipe *p, csep_time now, struct pipe_piece *out)
{
    if (pipe_next(p) > now)
        return false;
    *out = p->pieces[p->first++];
    return true;
}

void pipe_free(struct pipe *p)
{
    for (size_t i = p->first; i < p->num; i++)
        free(p->pieces[i].b);
    free(p->pieces);
    *p = (struct pipe){0};
}

/* ---- Making ---- */

struct world_options world_options_default(void)
{
    struct world_options o = {
        .seed = 1,
        .delay = CSEP_MS(25),
        .client = csep_negotiate_config_default(),
        .server = csep_negotiate_config_default(),
        .grantor = csep_grantor_config_default(),
        .start = CSEP_SEC(1000),
    };
    struct csep_grant *m = &o.grantor.menu;
    m->transports[0] = (struct csep_grant_transport){
        .transport = CSEP_TRANSPORT_UDP, .services = 3, .port = 4433, .max_unit = 1472, .first_flight = 3600};
    m->transports[1] = (struct csep_grant_transport){.transport = CSEP_TRANSPORT_TCP,
                                                     .flags = CSEP_TRANSPORT_SHARED,
                                                     .services = 6,
                                                     .first_flight = 14336};
    m->num_transports = 2;
    m->upgrade = CSEP_UPGRADE_OFFERED;
    return o;
}

static void make_secure(struct world *w, struct world_end *e, bool is_server)
{
    struct csep_random rnd = {0};
    if (w->o.real_tls) {
        struct end_options eo = {
            .server = is_server, .raw_key = true, .own_key = !is_server && w->o.client_key};
        eo.ask_certificate = is_server && w->o.client_key;
        eo.require_certificate = is_server && w->o.need_client_key;
        eo.store = is_server ? NULL : w->o.store;
        eo.start = w->now;
        e->tls = end_new(END_OURS, eo);
        e->secure = end_secure(e->tls);
        return;
    }
    rnd = w->o.client.random;
    e->fake = calloc(1, sizeof *e->fake);
    if (!e->fake)
        abort();
    if (is_server)
        fake_server(e->fake, rnd);
    else
        fake_client(e->fake, rnd);
    e->fake->late_write = w->o.late_write;
    e->fake->flight_padding = w->o.flight_padding;
    if (!is_server && w->o.client_key)
        e->fake->own = (struct csep_identity){true, {0xc1, 0x1e, 0x47}};
    e->secure = &e->fake->secure;
}

static void make_grantor(struct world *w)
{
    w->grantor = w->o.shared_grantor;
    if (w->grantor)
        return;
    w->grantor = malloc(csep_grantor_size());
    assert_non_null(w->grantor);
    assert_ok(csep_grantor_init(w->grantor, &w->o.grantor, w->now));
}

static void make_end(struct world *w, struct world_end *e, bool is_server)
{
    struct csep_addr addr = {.family = 4, .ip = {192, 0, 2, 1}, .port = 50000};
    make_secure(w, e, is_server);
    e->open = true;
    e->in = is_server ? &w->up : &w->down;
    e->out = is_server ? &w->down : &w->up;
    e->n = malloc(csep_negotiate_size());
    assert_non_null(e->n);
    if (is_server)
        assert_ok(csep_negotiate_server(e->n, &w->o.server, e->secure, w->grantor, &addr, w->now));
    else
        assert_ok(csep_negotiate_client(e->n, &w->o.client, e->secure, w->now));
}

struct world *world_new(const struct world_options *o)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w)
        abort();
    w->o = *o;
    w->now = o->start;
    struct csep_alloc alloc = test_alloc(&w->alloc);
    struct csep_random rnd = test_random(&w->random, o->seed);
    w->o.client.alloc = w->o.server.alloc = w->o.grantor.alloc = alloc;
    w->o.client.random = w->o.server.random = w->o.grantor.random = rnd;
    w->o.client.trace = test_trace(&w->trace, 1);
    w->o.server.trace = w->o.grantor.trace = test_trace(&w->trace, 2);
    w->o.client.keylog = test_keylog(&w->keylog[0]);
    w->o.server.keylog = test_keylog(&w->keylog[1]);
    w->up = (struct pipe){.delay = o->delay, .piece_max = o->piece_max};
    w->down = w->up;
    w->up.cut_at = o->cut_client_at ? o->cut_client_at : SIZE_MAX;
    w->down.cut_at = o->cut_server_at ? o->cut_server_at : SIZE_MAX;
    w->up.flip_bit = o->flip_client_bit;
    w->down.flip_bit = o->flip_server_bit;
    make_grantor(w);
    make_end(w, &w->client, false);
    make_end(w, &w->server, true);
    return w;
}

static void free_end(struct world_end *e)
{
    csep_negotiate_wipe(e->n);
    free(e->n);
    if (e->tls)
        end_free(e->tls);
    if (e->fake)
        fake_free(e->fake);
    free(e->fake);
}

void world_free(struct world *w)
{
    free_end(&w->client);
    free_end(&w->server);
    if (!w->o.shared_grantor) {
        csep_grantor_wipe(w->grantor);
        free(w->grantor);
    }
    pipe_free(&w->up);
    pipe_free(&w->down);
    test_trace_free(&w->trace);
    if (!w->o.shared_grantor)
        test_alloc_done(&w->alloc);
    free(w);
}

/* ---- Running ---- */

static void record(struct world_end *e, const struct csep_negotiate_event *ev, csep_time now)
{
    assert_true(e->num_events < WORLD_EVENTS);
    struct world_event *r = &e->events[e->num_events++];
    *r = (struct world_event){.at = now,
                              .type = ev->type,
                              .status = ev->status,
                              .code = ev->code,
                              .request_id = ev->request_id,
                              .num_tickets = ev->num_tickets,
                              .peer = ev->peer,
                              .rtt = ev->rtt};
    memcpy(r->handle, ev->handle, sizeof r->handle);
    if (ev->grant) {
        r->grant = *ev->grant;
        memcpy(r->secret, ev->secret, sizeof r->secret);
    }
    if (ev->num_tickets)
        memcpy(r->tickets, ev->tickets, ev->num_tickets * sizeof *ev->tickets);
}

/* As a host does: drain events, drain output, close TCP where the events say so. */
static void serve(struct world *w, struct world_end *e)
{
    struct csep_negotiate_event ev;
    uint8_t buf[4096];
    bool close = false, moved = false;
    size_t n;
    if (!e->open)
        return;
    do {
        moved = false;
        while (csep_negotiate_event(e->n, &ev)) {
            record(e, &ev, w->now);
            close |= ev.type == CSEP_NEG_FAILED || (ev.type == CSEP_NEG_CLOSED && !e->handed_over);
            e->handed_over |= ev.type == CSEP_NEG_SHARED;
        }
        while ((n = csep_negotiate_output(e->n, buf, sizeof buf, w->now)) > 0) {
            pipe_send(e->out, buf, n, w->now);
            e->flights += e->last_sent != w->now || e->sent == 0;
            e->last_sent = w->now;
            e->sent += n;
            moved = true;
        }
    } while (moved);
    if (close) {
        pipe_end(e->out, w->now);
        e->open = false;
    }
}

static bool deliver(struct world *w, struct world_end *e)
{
    struct pipe_piece p;
    if (!pipe_take(e->in, w->now, &p))
        return false;
    if (e->open && p.len)
        (void)csep_negotiate_input(e->n, p.b, p.len, w->now);
    else if (e->open)
        csep_negotiate_input_eof(e->n, w->now);
    free(p.b);
    serve(w, e);
    return true;
}

static void run(struct world *w, csep_time until, bool timeouts)
{
    for (;;) {
        serve(w, &w->client);
        serve(w, &w->server);
        while (deliver(w, &w->client) || deliver(w, &w->server))
            ;
        csep_time at = csep_time_min(pipe_next(&w->up), pipe_next(&w->down));
        csep_time c = w->client.open ? csep_negotiate_deadline(w->client.n) : CSEP_NEVER;
        csep_time s = w->server.open ? csep_negotiate_deadline(w->server.n) : CSEP_NEVER;
        if (timeouts)
            at = csep_time_min(at, csep_time_min(c, s));
        if (at > until || at == CSEP_NEVER)
            break;
        w->now = at > w->now ? at : w->now;
        if (timeouts && w->now >= c)
            csep_negotiate_expire(w->client.n, w->now);
        if (timeouts && w->now >= s)
            csep_negotiate_expire(w->server.n, w->now);
    }
    if (until != CSEP_NEVER && until > w->now)
        w->now = until;
}

void world_run(struct world *w, csep_time until)
{
    run(w, until, false);
}

void world_run_timeouts(struct world *w, csep_time until)
{
    run(w, until, true);
}

/* ---- Looking ---- */

const struct world_event *world_event(const struct world_end *e, enum csep_negotiate_event_type type,
                                      unsigned n)
{
    for (unsigned i = 0; i < e->num_events; i++)
        if (e->events[i].type == type && n-- == 0)
            return &e->events[i];
    return NULL;
}

unsigned world_count(const struct world_end *e, enum csep_negotiate_event_type type)
{
    unsigned num = 0;
    for (unsigned i = 0; i < e->num_events; i++)
        num += e->events[i].type == type;
    return num;
}
