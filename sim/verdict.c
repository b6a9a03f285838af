/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t member(const json_t *moment, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(moment, name));
}

/* Serialisation of the chain's packets is added to the closed form; a chain of another length never agrees.
 */
static bool agree(const json_t *moment, const struct sim_term *t, uint64_t rtt, uint64_t *out_expected)
{
    *out_expected = t->half_r * (rtt / 2) + t->constant_ns + member(moment, "airtime_ns");
    return *out_expected == member(moment, "at_ns") && t->half_r == member(moment, "trips") &&
           t->constant_ns == member(moment, "wait_ns");
}

/* A difference as people say it: in round trips where it is made of them, up to what serialisation can
 * explain; in ms where a timer was waited for, whatever multiple of R that happens to be. */
static int difference(int64_t delta, uint64_t rtt, bool timer, char *buf, size_t cap)
{
    int64_t r = (int64_t)rtt, rounds = (delta + (delta < 0 ? -r : r) / 2) / r;
    long long ms = (llabs(delta) + 500000) / 1000000;
    if (!timer && llabs(delta - rounds * r) <= r / 20) {
        snprintf(buf, cap, "%lldR", llabs(rounds));
        return rounds > 0 ? 1 : rounds < 0 ? -1 : 0;
    }
    snprintf(buf, cap, "%lld ms", ms);
    return !ms ? 0 : delta > 0 ? 1 : -1;
}

static void claim_verdict(const struct sim_row *row, int sign, const char *by, char *out, size_t cap)
{
    if (sign > 0)
        snprintf(out, cap, "fails by +%s", by);
    else
        snprintf(out, cap, "holds%s%s%s%s", row->condition ? " only if " : "",
                 row->condition ? row->condition : "", sign < 0 ? ", saves " : "", sign < 0 ? by : "");
}

static void give_verdict(const struct sim_point *p, const struct sim_point *reference, struct sim_judged *j)
{
    char by[48];
    const json_t *ours = json_object_get(p->result, "delay"),
                 *theirs = reference ? json_object_get(reference->result, "delay") : NULL;
    if (!json_is_object(theirs))
        return;
    int64_t delta = (int64_t)(j->delay - member(theirs, "at_ns"));
    bool timer = member(ours, "wait_ns") || member(theirs, "wait_ns");
    int sign = difference(delta, p->cfg.network.rtt ? p->cfg.network.rtt : 1, timer, by, sizeof by);
    if (p->row == reference->row)
        snprintf(j->verdict, sizeof j->verdict, "baseline");
    else if (p->row->id[0] == 'B')
        snprintf(j->verdict, sizeof j->verdict, "no claim, %s%s", sign < 0 ? "-" : "+", by);
    else
        claim_verdict(p->row, sign, by, j->verdict, sizeof j->verdict);
}

void sim_judge(const struct sim_plan *plan, const struct sim_point *p, struct sim_judged *j)
{
    const json_t *delay = json_object_get(p->result, "delay"), *ttfb = json_object_get(p->result, "ttfb"),
                 *last = json_object_get(p->result, "last");
    const struct sim_expect *e = sim_scenario_expect(p->scenario, p->row->id);
    uint64_t rtt = p->cfg.network.rtt;
    memset(j, 0, sizeof *j);
    j->measured = json_is_object(delay) && json_is_object(ttfb) && json_is_object(last);
    j->verdict_met = !e || !*e->verdict;
    if (!j->measured || p->visits)
        return;
    j->delay = member(delay, "at_ns");
    j->ttfb = member(ttfb, "at_ns");
    j->last = member(last, "at_ns");
    give_verdict(p, sim_plan_reference(plan, p), j);
    if (!e)
        return;
    j->verdict_met = !*e->verdict || !strcmp(e->verdict, j->verdict);
    j->expected = e->delay.given && e->ttfb.given;
    j->has_last = e->last.given;
    j->agrees = j->expected && agree(delay, &e->delay, rtt, &j->expected_delay);
    j->agrees &= j->expected && agree(ttfb, &e->ttfb, rtt, &j->expected_ttfb);
    if (e->last.given)
        j->agrees &= agree(last, &e->last, rtt, &j->expected_last);
}

bool sim_judged_met(const struct sim_judged *j)
{
    return j->measured && (!j->expected || j->agrees) && j->verdict_met;
}
