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

json_t *sim_breakeven(const struct sim_plan *plan)
{
    json_t *all = json_array();
    for (size_t i = 0; i < plan->num; i++)
        for (size_t k = 0; k < plan->num; k++) {
            const struct sim_point *c = &plan->points[i], *q = &plan->points[k];
            struct visits cv, qv;
            if (c->row->stack == &sim_stack_csep && q->row->stack == &sim_stack_model && get_visits(c, &cv) &&
                get_visits(q, &qv) && c->cfg.network.rtt == q->cfg.network.rtt &&
                c->cfg.network.ip == q->cfg.network.ip)
                json_array_append_new(all, compare(c, &cv, &qv));
        }
    return all;
}

static double real(const json_t *o, const char *name)
{
    return json_number_value(json_object_get(o, name));
}

void sim_breakeven_print(const struct sim_plan *plan, void *stream)
{
    json_t *all = sim_breakeven(plan);
    if (json_array_size(all))
        fprintf(stream,
                "\nvisits: csep with contexts (hit ratio h) against QUIC (modelled, 0-RTT ratio g); csep not "
                "slower when h >= (1+g)/2\n"
                "%-8s %-8s %-7s %-7s %-14s %-7s %-14s %-8s %-10s %s\n",
                "load", "refresh", "h", "by H1/2", "csep delay", "g", "QUIC delay", "needs h", "csep",
                "agrees");
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *o = json_array_get(all, i);
        fprintf(stream, "%-8g %-8s %-7.3f %-7.3f %-11.3f ms %-7.3f %-11.3f ms %-8.3f %-10s %s\n",
                real(o, "load"), json_string_value(json_object_get(o, "refresh")), real(o, "hit_ratio"),
                real(o, "hit_ratio_by_analysis"), real(o, "csep_mean_delay_ns") / 1e6,
                real(o, "quic_zero_rtt_ratio"), real(o, "quic_mean_delay_ns") / 1e6,
                real(o, "hit_ratio_needed"),
                json_is_true(json_object_get(o, "csep_not_slower")) ? "not slower" : "slower",
                json_is_true(json_object_get(o, "agrees")) ? "yes" : "no");
    }
    json_decref(all);
}
