/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "csep_conn.h"

#include <stdlib.h>

struct sim_negotiation {
    struct sim_world *w;
    enum sim_direction sends;
    struct csep_tls *tls;
    struct csep_negotiate *neg;
    struct sim_pipe *pipe;
    csim_timer *timer;
    sim_negotiation_event event;
    void *arg;
    bool shared, given, over; /* given: the pipe is a stream's now */
};

static void pump(struct sim_negotiation *n)
{
    uint8_t buf[16384];
    struct csep_negotiate_event ev;
    bool shared = false, close = false;
    size_t len;
    while (csep_negotiate_event(n->neg, &ev)) {
        shared |= ev.type == CSEP_NEG_SHARED;
        close |= ev.type == CSEP_NEG_FAILED || (ev.type == CSEP_NEG_CLOSED && n->sends == SIM_DOWN);
        if (ev.type != CSEP_NEG_SHARED)
            n->event(n->arg, n, &ev);
    }
    while ((len = csep_negotiate_output(n->neg, buf, sizeof buf, sim_now(n->w))) > 0)
        sim_pipe_send(n->pipe, buf, len);
    if (close && !n->given)
        sim_pipe_shutdown(n->pipe);
    (void)sim_check(n->w, csim_timer_set(n->timer, csep_negotiate_deadline(n->neg)));
    if (shared &&
        !n->shared) { /* only now: the data connection's bytes go behind the last ones of the negotiation */
        n->shared = true;
        ev = (struct csep_negotiate_event){.type = CSEP_NEG_SHARED};
        n->event(n->arg, n, &ev);
    }
}

static void on_time(void *arg)
{
    struct sim_negotiation *n = arg;
    if (n->shared || n->over)
        return;
    csep_negotiate_expire(n->neg, sim_now(n->w));
    pump(n);
}

static void on_connected(void *arg, struct sim_pipe *p)
{
    (void)p;
    pump(arg);
}

static void on_received(void *arg, struct sim_pipe *p, const uint8_t *data, size_t len)
{
    struct sim_negotiation *n = arg;
    (void)p;
    (void)csep_negotiate_input(n->neg, data, len, sim_now(n->w)); /* a failure comes as an event */
    pump(n);
}

static void on_finished(void *arg, struct sim_pipe *p)
{
    struct sim_negotiation *n = arg;
    csep_negotiate_input_eof(n->neg, sim_now(n->w));
    pump(n);
    if (!n->shared)
        sim_pipe_shutdown(p);
}

static void on_ended(void *arg, struct sim_pipe *p)
{
    struct sim_negotiation *n = arg;
    (void)p;
    n->over = true;
}

static const struct sim_pipe_events events = {on_connected, on_received, on_finished, on_ended};

static bool set_up(struct sim_negotiation *n, const struct sim_negotiation_setup *s,
                   const struct csep_addr *peer)
{
    csep_time now = sim_now(n->w);
    csep_status st =
        n->sends == SIM_UP ? csep_tls_client(n->tls, s->tls, now) : csep_tls_server(n->tls, s->tls, now);
    if (st == CSEP_OK && n->sends == SIM_UP)
        st = csep_negotiate_client(n->neg, s->cfg, csep_tls_secure(n->tls), now);
    else if (st == CSEP_OK)
        st = csep_negotiate_server(n->neg, s->cfg, csep_tls_secure(n->tls), s->grantor, peer, now);
    if (st != CSEP_OK)
        sim_fail(n->w, "a negotiation could not begin: %s", csep_status_text(st));
    return st == CSEP_OK && sim_check(n->w, csim_timer_new(n->w->sim, on_time, n, &n->timer));
}

struct sim_negotiation *sim_negotiation_new(const struct sim_negotiation_setup *s, enum sim_pipe_kind kind,
                                            uint16_t port, struct sim_pipe *pipe,
                                            const struct csep_addr *peer)
{
    struct sim_negotiation *n = calloc(1, sizeof *n);
    if (!n || !(n->tls = calloc(1, csep_tls_size())) || !(n->neg = calloc(1, csep_negotiate_size())))
        abort();
    n->w = s->w;
    n->sends = s->sends;
    n->event = s->event;
    n->arg = s->arg;
    if (!set_up(n, s, peer)) {
        sim_pipe_free(pipe);
        free(n->tls);
        free(n->neg);
        free(n);
        return NULL;
    }
    if (pipe)
        sim_pipe_events_set(pipe, &events, n);
    //= NEG-3
    n->pipe = pipe ? pipe : sim_pipe_connect(n->w, kind, port, &events, n);
    return n;
}

struct sim_pipe *sim_negotiation_take_pipe(struct sim_negotiation *n)
{
    n->given = true;
    return n->pipe;
}

size_t sim_negotiation_pass(struct sim_negotiation *n, const uint8_t *data, size_t len, uint8_t *out,
                            size_t cap)
{
    if (len) {
        (void)csep_negotiate_input(n->neg, data, len, sim_now(n->w));
        pump(n);
    }
    return csep_negotiate_leftover(n->neg, out, cap);
}

bool sim_negotiation_over(const struct sim_negotiation *n)
{
    return n->over;
}

void sim_negotiation_free(struct sim_negotiation *n)
{
    if (!n)
        return;
    csep_negotiate_wipe(n->neg);
    csep_tls_wipe(n->tls);
    (void)csim_timer_set(n->timer, CSEP_NEVER);
    if (!n->given)
        sim_pipe_free(n->pipe);
    free(n->neg);
    free(n->tls);
    free(n);
}

void sim_negotiations_add(struct sim_negotiations *list, struct sim_negotiation *n)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->num; i++)
        if (sim_negotiation_over(list->v[i]))
            sim_negotiation_free(list->v[i]);
        else
            list->v[kept++] = list->v[i];
    list->num = kept;
    if (list->num == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 8;
        list->v = realloc(list->v, list->cap * sizeof(struct sim_negotiation *));
        if (!list->v)
            abort();
    }
    list->v[list->num++] = n;
}

void sim_negotiations_free(struct sim_negotiations *list)
{
    for (size_t i = 0; i < list->num; i++)
        sim_negotiation_free(list->v[i]);
    free(list->v);
    *list = (struct sim_negotiations){0};
}
