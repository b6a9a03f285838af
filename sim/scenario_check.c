/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scenario_check.c - what the table of keys cannot say: how values depend on each other. */
#include <string.h>

#include "dissect.h"
#include "scenario.h"

static bool listed(const struct sim_names *n, const char *word)
{
    for (size_t i = 0; i < n->num; i++)
        if (!strcmp(n->v[i], word))
            return true;
    return false;
}

/* ---- faults ---- */

static const char *csep_type(const void *words, size_t i)
{
    (void)words;
    return sim_csep_types[i];
}

static void check_csep_type(const struct sim_fault *f, unsigned line, struct sim_problems *p)
{
    for (size_t i = 0; sim_csep_types[i]; i++)
        if (!strcmp(sim_csep_types[i], f->csep))
            return;
    const char *near = sim_nearest(f->csep, csep_type, NULL);
    sim_problem_add(p, line, "faults: csep has no packet \"%s\"%s%s%s", f->csep,
                    near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* One packet is counted from the start of the run; a type of csep packets is looked for while the fault
 * lasts. */
static void check_fault(const struct sim_fault *f, unsigned line, struct sim_problems *p)
{
    const bool one = f->what == SIM_FAULT_DUPLICATE || f->what == SIM_FAULT_DELAY;
    const bool all = f->what == SIM_FAULT_BLOCK || f->what == SIM_FAULT_DOWN;
    if (*f->csep)
        check_csep_type(f, line, p);
    if (one && !f->packet)
        sim_problem_add(p, line, "faults: duplicate and delay need \"packet\", the number of the packet");
    if (f->what == SIM_FAULT_DELAY && !f->extra)
        sim_problem_add(p, line, "faults: delay needs \"extra\", by how much");
    if (all && (f->packet || *f->csep))
        sim_problem_add(p, line, "faults: block and down concern all packets, not \"packet\" or \"csep\"");
    if (f->packet && *f->csep)
        sim_problem_add(p, line, "faults: \"packet\" and \"csep\" do not go together");
    if (f->from >= f->until)
        sim_problem_add(p, line, "faults: \"until\" has to be later than \"from\"");
}

static void check_faults(const struct sim_scenario *s, struct sim_problems *p)
{
    const struct sim_fault *f = s->faults.v;
    for (size_t i = 0; i < s->faults.num; i++) {
        check_fault(&f[i], s->faults.line[i], p);
        for (size_t k = 0; k < f[i].rows.num; k++)
            if (!listed(&s->rows, f[i].rows.v[k]))
                sim_problem_add(p, s->faults.line[i], "faults: row \"%s\" is not among the scenario's rows",
                                f[i].rows.v[k]);
    }
}

/* ---- expectations ---- */

static void check_expectations(const struct sim_scenario *s, struct sim_problems *p)
{
    const struct sim_expect *e = s->expect.v;
    for (size_t i = 0; i < s->expect.num; i++) {
        if (!listed(&s->rows, e[i].row))
            sim_problem_add(p, s->expect.line[i], "expect: row \"%s\" is not among the scenario's rows",
                            e[i].row);
        if (e[i].delay.given != e[i].ttfb.given)
            sim_problem_add(p, s->expect.line[i], "expect: \"delay\" and \"ttfb\" are only judged together");
        for (size_t j = 0; j < i; j++)
            if (!strcmp(e[i].row, e[j].row))
                sim_problem_add(p, s->expect.line[i], "expect: row \"%s\" has two entries", e[i].row);
    }
}

/* ---- rows and configurations ---- */

static void check_rows(const struct sim_scenario *s, struct sim_problems *p)
{
    for (size_t i = 0; i < s->rows.num; i++)
        for (size_t k = 0; k < i; k++)
            if (!strcmp(s->rows.v[i], s->rows.v[k]))
                sim_problem_add(p, 0, "rows: \"%s\" is named twice", s->rows.v[i]);
    if (*s->baseline && !sim_row_find(s->baseline))
        sim_problem_add(p, 0, "baseline: there is no row \"%s\"", s->baseline);
}

static bool check_visits(const struct sim_scenario *s, struct sim_problems *p)
{
    size_t before = p->num;
    for (size_t i = 0; i < s->rows.num; i++) {
        const struct sim_row *row = sim_row_find(s->rows.v[i]);
        if (row && row->stack->once)
            sim_problem_add(p, 0, "workload.kind: row \"%s\" cannot play visits", row->id);
    }
    return p->num == before;
}

static bool check_configuration(const struct sim_scenario *s, const struct sim_config *c,
                                struct sim_problems *p)
{
    if (c->network.ip == 5)
        sim_problem_add(p, 0, "network.ip: expected 4 or 6");
    else if (c->network.rtt % 2)
        sim_problem_add(p, 0, "network.rtt: expected an even number of ns");
    else
        return c->workload.kind != SIM_WORKLOAD_VISITS || check_visits(s, p);
    return false;
}

void sim_scenario_check(const struct sim_scenario *s, struct sim_problems *p)
{
    check_rows(s, p);
    check_faults(s, p);
    check_expectations(s, p);
    for (size_t i = 0; i < sim_scenario_combinations(s); i++) {
        struct sim_config c;
        sim_scenario_combination(s, i, &c);
        if (!check_configuration(s, &c, p))
            break;
    }
}
