/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "breakeven.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct visits {
    uint64_t count, hits, mean_delay;
    double ratio;
};

static bool get_visits(const struct sim_point *p, struct visits *v)
{
    const json_t *o = json_object_get(p->result, "visits");
    if (!p->visits || !json_is_object(o))
        return false;
    v->count = (uint64_t)json_integer_value(json_object_get(o, "count"));
    v->hits = (uint64_t)json_integer_value(json_object_get(o, "hits"));
    v->mean_delay = (uint64_t)json_integer_value(json_object_get(o, "mean_delay_ns"));
    v->ratio = v->count ? (double)v->hits / (double)v->count : 0;
    return v->count > 0;
}

/* Poisson visits, lifetime L, x = rate * L: kept until it expires x / (1 + x), renewed at every use 1 -
 * exp(-x). */
static double hit_ratio_by_analysis(const struct sim_point *p)
{
    double x = p->cfg.workload.load;
    return p->cfg.policy.refresh == SIM_REFRESH_USE ? 1 - exp(-x) : x / (1 + x);
}

static json_t *compare(const struct sim_point *c, const struct visits *cv, const struct visits *qv)
{
    double need = (1 + qv->ratio) / 2;
    bool wins = cv->mean_delay <= qv->mean_delay, should = cv->ratio >= need;
    return json_pack("{s:f, s:s, s:f, s:i, s:f, s:f, s:I, s:f, s:I, s:f, s:b, s:b, s:b, s:I}", "rtt_ms",
                     (double)c->cfg.network.rtt / 1e6, "refresh",
                     c->cfg.policy.refresh == SIM_REFRESH_USE ? "use" : "never", "load", c->cfg.workload.load,
                     "ip", (int)c->cfg.network.ip, "hit_ratio", cv->ratio, "hit_ratio_by_analysis",
                     hit_ratio_by_analysis(c), "csep_mean_delay_ns", (json_int_t)cv->mean_delay,
                     "quic_zero_rtt_ratio", qv->ratio, "quic_mean_delay_ns", (json_int_t)qv->mean_delay,
                     "hit_ratio_needed", need, "csep_not_slower", wins, "by_analysis", should, "agrees",
                     wins == should, "visits", (json_int_t)cv->count);
}

static bool is_csep(const struct sim_point *p, struct visits *v)
{
    return p->row->stack == &sim_stack_csep && get_visits(p, v);
}

static bool is_quic(const struct sim_point *p, const struct sim_point *beside, struct visits *v)
{
    return p->row->stack == &sim_stack_model && get_visits(p, v) &&
           p->cfg.network.rtt == beside->cfg.network.rtt && p->cfg.network.ip == beside->cfg.network.ip;
}

json_t *sim_breakeven(const struct sim_plan *plan)
{
    json_t *all = json_array();
    struct visits c, q;
    for (size_t i = 0; i < plan->num; i++)
        for (size_t k = 0; k < plan->num && is_csep(&plan->points[i], &c); k++)
            if (is_quic(&plan->points[k], &plan->points[i], &q))
                json_array_append_new(all, compare(&plan->points[i], &c, &q));
    return all;
}

static bool has_quic(const struct sim_plan *plan, const struct sim_point *c)
{
    struct visits q;
    for (size_t k = 0; k < plan->num; k++)
        if (is_quic(&plan->points[k], c, &q))
            return true;
    return false;
}

static void print_head(const struct sim_plan *plan, const struct sim_point *c, FILE *f)
{
    struct visits q;
    fprintf(f,
            "\nvisits at random, R = %g ms, IPv%" PRIu64
            ": mean delay of csep with kept contexts (hit ratio h)%s\n",
            (double)c->cfg.network.rtt / 1e6, c->cfg.network.ip,
            has_quic(plan, c) ? " beside QUIC (modelled, 0-RTT ratio g)" : "");
    fprintf(f, "%-6s %-6s %-8s %-7s %-9s %-12s", "row", "load", "refresh", "h", "analysis", "csep");
    for (size_t k = 0; k < plan->num; k++)
        if (is_quic(&plan->points[k], c, &q))
            fprintf(f, " g=%.2f %6.2f ms", q.ratio, (double)q.mean_delay / 1e6);
    fputc('\n', f);
}

static void print_line(const struct sim_plan *plan, const struct sim_point *c, const struct visits *cv,
                       FILE *f)
{
    struct visits q;
    fprintf(f, "%-6s %-6g %-8s %-7.3f %-9.3f %6.2f ms   ", c->row->id, c->cfg.workload.load,
            c->cfg.policy.refresh == SIM_REFRESH_USE ? "use" : "never", cv->ratio, hit_ratio_by_analysis(c),
            (double)cv->mean_delay / 1e6);
    for (size_t k = 0; k < plan->num; k++)
        if (is_quic(&plan->points[k], c, &q)) {
            bool wins = cv->mean_delay <= q.mean_delay, should = cv->ratio >= (1 + q.ratio) / 2;
            fprintf(f, " %-15s%s", wins ? "not slower" : "slower", wins == should ? "" : "!");
        }
    fputc('\n', f);
}

static bool same_network(const struct sim_point *a, const struct sim_point *b)
{
    return a->cfg.network.rtt == b->cfg.network.rtt && a->cfg.network.ip == b->cfg.network.ip;
}

void sim_breakeven_print(const struct sim_plan *plan, void *stream)
{
    const struct sim_point *before = NULL;
    struct visits v;
    bool compared = false;
    for (size_t i = 0; i < plan->num; i++) {
        const struct sim_point *c = &plan->points[i];
        if (!is_csep(c, &v))
            continue;
        if (!before || !same_network(before, c))
            print_head(plan, c, stream);
        before = c;
        compared |= has_quic(plan, c);
        print_line(plan, c, &v, stream);
    }
    if (compared)
        fputs("by analysis csep is not slower where h >= (1 + g) / 2; a \"!\" marks where measurement says "
              "otherwise\n",
              stream);
}
