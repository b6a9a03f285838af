/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sim_row *reference_row(const struct sim_point *p)
{
    return sim_row_find(p->row->reference == 'S' ? "S1" : p->scenario->baseline);
}

static void add(struct sim_plan *plan, const struct sim_point *p)
{
    for (size_t i = 0; i < plan->num; i++)
        if (plan->points[i].hash == p->hash) {
            plan->points[i].baseline &= p->baseline;
            return;
        }
    if (plan->num == plan->cap) {
        plan->cap = plan->cap ? 2 * plan->cap : 256;
        plan->points = realloc(plan->points, plan->cap * sizeof *plan->points);
        if (!plan->points)
            abort();
    }
    plan->points[plan->num++] = *p;
}

static void add_scenario(struct sim_plan *plan, const struct sim_scenario *s, uint64_t seed, uint64_t program)
{
    for (size_t c = 0; c < sim_scenario_combinations(s); c++)
        for (size_t r = 0; r < s->rows.num; r++) {
            struct sim_point p = {.scenario = s, .row = sim_row_find(s->rows.v[r]), .seed = seed};
            p.combination = c;
            sim_scenario_combination(s, c, &p.cfg);
            sim_point_identify(&p, program);
            add(plan, &p);
        }
}

static void add_references(struct sim_plan *plan, uint64_t program)
{
    size_t asked_for = plan->num;
    for (size_t i = 0; i < asked_for; i++) {
        struct sim_point p = plan->points[i];
        p.row = reference_row(&p);
        if (p.visits || !p.row || sim_plan_reference(plan, &plan->points[i]))
            continue;
        p.baseline = true;
        sim_point_identify(&p, program);
        add(plan, &p);
    }
}

static bool name_taken(const struct sim_plan *plan, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(plan->points[k].name, plan->points[i].name))
            return true;
    return false;
}

/* Files are called after their point: what the short name does not tell apart gets its scenario's name, or
 * its hash. */
static void name_apart(struct sim_plan *plan)
{
    char name[sizeof plan->points->name];
    for (size_t i = 0; i < plan->num; i++) {
        struct sim_point *p = &plan->points[i];
        const char *file = strrchr(p->scenario->file, '/');
        file = file ? file + 1 : p->scenario->file;
        memcpy(name, p->name, sizeof name);
        if (name_taken(plan, i))
            snprintf(p->name, sizeof p->name, "%.60s-%.*s", name, (int)strcspn(file, "."), file);
        if (name_taken(plan, i))
            snprintf(p->name, sizeof p->name, "%.60s-%08" PRIx64, name, p->hash >> 32);
    }
}

void sim_plan_make(struct sim_plan *plan, struct sim_scenario *scenarios, size_t num, uint64_t seed,
                   uint64_t program)
{
    *plan = (struct sim_plan){.scenarios = scenarios, .num_scenarios = num};
    for (size_t i = 0; i < num; i++)
        add_scenario(plan, &scenarios[i], seed, program);
    add_references(plan, program);
    name_apart(plan);
}

void sim_plan_free(struct sim_plan *plan)
{
    for (size_t i = 0; i < plan->num; i++)
        json_decref(plan->points[i].result);
    free(plan->points);
    *plan = (struct sim_plan){0};
}

const struct sim_point *sim_plan_reference(const struct sim_plan *plan, const struct sim_point *p)
{
    const struct sim_row *row = reference_row(p);
    for (size_t i = 0; row && i < plan->num; i++)
        if (plan->points[i].row == row && plan->points[i].setting == p->setting)
            return &plan->points[i];
    return NULL;
}
