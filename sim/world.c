/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "qlog.h"

#define AFTERMATH CSEP_SEC(3)   /* for connections to end */
#define LIMIT     CSEP_SEC(120) /* of virtual time for one request */

uint64_t sim_now(const struct sim_world *w)
{
    return csim_now(w->sim);
}

void sim_fail(struct sim_world *w, const char *fmt, ...)
{
    va_list ap;
    if (!*w->failure) {
        va_start(ap, fmt);
        vsnprintf(w->failure, sizeof w->failure, fmt, ap);
        va_end(ap);
    }
    if (w->sim)
        csim_stop(w->sim);
}

static void sim_fault(struct sim_world *w, csim_status s)
{
    w->fault = true;
    sim_fail(w, "%s: %s", csim_status_text(s), csim_error());
}

bool sim_check(struct sim_world *w, csim_status s)
{
    if (s != CSIM_OK)
        sim_fault(w, s);
    return s == CSIM_OK;
}

void sim_tcp_shutdown(struct sim_world *w, csim_tcp *c)
{
    csim_status s = csim_tcp_shutdown(c);
    if (s != CSIM_ERR_CLOSED)
        (void)sim_check(w, s);
}

void sim_hint(struct sim_world *w, enum sim_direction d, const char *text)
{
    sim_measure_hint(&w->measure, d, SIM_HINT_OTHER, sim_now(w), text);
}

/* ---- the application ---- */

static void send_request(void *arg)
{
    struct sim_world *w = arg;
    sim_measure_begin(&w->measure, sim_now(w));
    for (int d = 0; d < 2; d++)
        if (!sim_check(w, csim_link_counters(w->link, d ? CSIM_B_TO_A : CSIM_A_TO_B, &w->at_send[d])))
            return;
    if (w->visits)
        w->visits[w->num_visits] = (struct sim_visit){.at = sim_now(w)};
    w->row->stack->send(w->stack);
}

static void next_request(struct sim_world *w, uint64_t wait)
{
    if (!w->visits)
        sim_faults_begin(w,
                         sim_now(w) + wait); /* first, so that they come first in the instant of the call */
    (void)sim_check(w, csim_at(w->sim, sim_now(w) + wait, send_request, w));
}

/* Exponential, so that visits are a Poisson process; whole microseconds keep it the same on every machine's
 * libm. */
static uint64_t until_next_visit(struct sim_world *w)
{
    double mean = (double)w->cfg->server.lifetime / w->cfg->workload.load;
    return (uint64_t)(-log(1.0 - csim_rng_unit(w->visits_rng)) * mean / 1000.0) * 1000;
}

void sim_ready(struct sim_world *w)
{
    if (w->ready)
        return;
    w->ready = true;
    next_request(w, w->visits ? until_next_visit(w) : w->cfg->policy.age);
}

void sim_hit(struct sim_world *w)
{
    if (w->visits)
        w->visits[w->num_visits].hit = true;
}

static void finish(void *arg)
{
    csim_stop(((struct sim_world *)arg)->sim);
}

static void visit_over(struct sim_world *w)
{
    struct sim_visit *v = &w->visits[w->num_visits++];
    v->delay = w->measure.delay.at;
    v->first = w->measure.first.at;
    if (w->num_visits < w->cfg->workload.visits)
        next_request(w, until_next_visit(w));
    else
        w->done = sim_check(w, csim_at(w->sim, sim_now(w), finish, w));
}

void sim_request_arrived(struct sim_world *w)
{
    sim_measure_request_arrived(&w->measure, sim_now(w));
}

void sim_reply_arrived(struct sim_world *w, bool last)
{
    if (w->measure.last.happened)
        return;
    sim_measure_reply_arrived(&w->measure, sim_now(w), last);
    if (!last)
        return;
    if (w->visits)
        visit_over(w);
    else
        w->done = sim_check(w, csim_at(w->sim, sim_now(w) + AFTERMATH, finish, w));
}

/* ---- what csep objects need ---- */

csim_rng *sim_rng(struct sim_world *w, const char *purpose)
{
    char name[64];
    snprintf(name, sizeof name, "%s/%016" PRIx64, purpose, w->identity);
    return csim_rng_open(w->sim, name);
}

struct csep_random sim_random(struct sim_world *w, enum sim_direction who)
{
    return (struct csep_random){csim_rng_fill, who == SIM_UP ? w->client_rng : w->server_rng};
}

static void *get(void *self, size_t n)
{
    (void)self;
    return malloc(n);
}

static void put(void *self, void *p, size_t n)
{
    (void)self;
    (void)n;
    free(p);
}

struct csep_alloc sim_alloc(void)
{
    return (struct csep_alloc){get, put, NULL};
}

struct csep_trace sim_trace(struct sim_world *w, enum sim_direction who)
{
    return (struct csep_trace){sim_qlog_event, w, who};
}

void sim_keylog_line(struct sim_world *w, const char *line)
{
    size_t n = strlen(line);
    w->keylog = realloc(w->keylog, w->keylog_len + n + 2);
    if (!w->keylog)
        abort();
    memcpy(w->keylog + w->keylog_len, line, n);
    memcpy(w->keylog + w->keylog_len + n, "\n", 2);
    w->keylog_len += n + 1;
}

static size_t hex(char *out, const uint8_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sprintf(out + 2 * i, "%02x", in[i]);
    return 2 * n;
}

static void keylog_line(void *self, const char *label, const uint8_t client_random[32], const uint8_t *secret,
                        size_t secret_len)
{
    char line[512];
    if (secret_len > 128 || ((struct sim_world *)self)->visits)
        return; /* visits are not captured */
    size_t n = (size_t)snprintf(line, sizeof line, "%.64s ", label);
    n += hex(line + n, client_random, 32);
    line[n++] = ' ';
    n += hex(line + n, secret, secret_len);
    line[n] = 0;
    if (!strstr(((struct sim_world *)self)->keylog ? ((struct sim_world *)self)->keylog : "", line))
        sim_keylog_line(self, line); /* both ends log the same secret */
}

struct csep_keylog sim_keylog(struct sim_world *w)
{
    return (struct csep_keylog){keylog_line, w};
}

/* ---- the network ---- */

static void tap(void *arg, const struct csim_packet *p)
{
    sim_measure_packet(&((struct sim_world *)arg)->measure, p);
}

static bool make_link(struct sim_world *w)
{
    const struct sim_config *c = w->cfg;
    struct csim_link_options lo;
    csim_link_options_default(&lo);
    lo.rate_bps = c->network.rate;
    lo.delay_ns = c->network.rtt / 2;
    lo.mtu = (uint32_t)c->network.mtu;
    lo.queue_packets = (uint32_t)c->network.queue;
    unsigned stack = c->network.ip == 4 ? CSIM_NODE_V4 : CSIM_NODE_V6;
    return sim_check(w, csim_node_new(w->sim, "client", stack, &w->client)) &&
           sim_check(w, csim_node_new(w->sim, "server", stack, &w->server)) &&
           sim_check(w, csim_link_new(w->sim, w->client, w->server, &lo, &w->link));
}

static bool make_addresses(struct sim_world *w)
{
    bool v4 = w->cfg->network.ip == 4;
    const char *client = v4 ? "192.0.2.1" : "fd00::1", *server = v4 ? "192.0.2.2" : "fd00::2";
    char prefixed[2][64];
    snprintf(prefixed[0], sizeof prefixed[0], "%s/%d", client, v4 ? 24 : 64);
    snprintf(prefixed[1], sizeof prefixed[1], "%s/%d", server, v4 ? 24 : 64);
    return sim_check(w, csim_address(w->client, w->link, prefixed[0])) &&
           sim_check(w, csim_address(w->server, w->link, prefixed[1])) &&
           sim_check(w, csim_addr_parse(client, 0, &w->client_addr)) &&
           sim_check(w, csim_addr_parse(server, 0, &w->server_addr));
}

static bool make_impairments(struct sim_world *w)
{
    const struct csim_impairment i = {.loss = w->cfg->network.loss > 0 ? CSIM_LOSS_RANDOM : CSIM_LOSS_NONE,
                                      .rate = w->cfg->network.loss,
                                      .jitter_ns = w->cfg->network.jitter};
    if (i.loss == CSIM_LOSS_NONE && !i.jitter_ns)
        return true;
    return sim_check(w, csim_link_impair(w->link, CSIM_A_TO_B, &i)) &&
           sim_check(w, csim_link_impair(w->link, CSIM_B_TO_A, &i));
}

/* Segments fill the MTU: nothing negotiates their size (ns3.h). */
static void tcp_options(const struct sim_config *c, struct csim_tcp_options *o)
{
    o->mss_v4 = (uint32_t)c->network.mtu - 52;
    o->mss_v6 = (uint32_t)c->network.mtu - 72;
    o->initial_cwnd = (uint32_t)c->tcp.initial_cwnd;
    o->delayed_ack_ns = c->tcp.delayed_ack;
    o->conn_timeout_ns = c->tcp.connect_timeout;
}

static bool make_network(struct sim_world *w, const struct sim_world_options *o)
{
    struct csim_options so;
    csim_options_default(&so);
    tcp_options(w->cfg, &so.tcp);
    if (!sim_check(w, csim_create(o->seed, 0, &so, &w->sim)) || !make_link(w) || !make_addresses(w) ||
        !make_impairments(w))
        return false;
    sim_measure_init(&w->measure, w->link);
    w->identity = o->identity;
    w->client_rng = sim_rng(w, "client");
    w->server_rng = sim_rng(w, "server");
    w->visits_rng = csim_rng_open(w->sim, "visits");
    if (!sim_check(w, csim_tap(w->sim, tap, w)))
        return false;
    return !o->capture || sim_check(w, csim_capture(w->link, CSIM_A_TO_B, o->capture));
}

/* ---- the run ---- */

static void play(struct sim_world *w)
{
    uint64_t limit = w->cfg->policy.age + LIMIT;
    if (w->visits)
        limit = CSEP_NEVER >> 4;
    if (!w->row->stack->start(w, w->row, &w->stack)) {
        sim_fail(w, "the stack could not be set up");
        return;
    }
    if (!*w->failure && sim_check(w, csim_run_until(w->sim, limit)) && !w->done)
        sim_fail(w, !w->ready                    ? "the stack never became ready for the application"
                    : !w->measure.delay.happened ? "the request never arrived"
                                                 : "the reply never arrived");
}

bool sim_world_run(struct sim_world *w, const struct sim_row *row, const struct sim_config *cfg,
                   const struct sim_items *faults, const struct sim_world_options *o)
{
    *w = (struct sim_world){.cfg = cfg, .row = row, .scenario_faults = faults};
    if (cfg->workload.kind == SIM_WORKLOAD_VISITS) {
        w->visits = calloc(cfg->workload.visits + 1, sizeof *w->visits);
        if (!w->visits)
            abort();
        if (row->stack->once)
            sim_fail(w, "%s cannot play visits", row->id);
    }
    if (!*w->failure && make_network(w, o) && (!o->qlog || (w->qlog = sim_qlog_open(w, o->qlog))))
        play(w);
    return !*w->failure;
}

void sim_world_free(struct sim_world *w)
{
    if (w->stack)
        w->row->stack->stop(w->stack);
    sim_qlog_close(w->qlog);
    sim_measure_free(&w->measure);
    free(w->visits);
    free(w->keylog);
    csim *sim = w->sim;
    w->sim = NULL;
    if (sim && csim_destroy(sim) != CSIM_OK)
        sim_fault(w, CSIM_ERR_FILE);
    sim_faults_free(w); /* the simulation pointed to them */
}
