/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan.h - all points of a run: scenarios x sweeps x rows, and the rows that those
 * are compared with, where nobody asked for them.
 */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include "point.h"

struct sim_plan {
    struct sim_scenario *scenarios;
    size_t num_scenarios;
    struct sim_point *points; /* of one hash only once */
    size_t num, cap;
};

/* `scenarios` stays the caller's. */
void sim_plan_make(struct sim_plan *plan, struct sim_scenario *scenarios, size_t num, uint64_t seed,
                   uint64_t program);
void sim_plan_free(struct sim_plan *plan);
/* What p is compared with, or NULL: B1 for most, S1 for stale contexts, under the same configuration. */
const struct sim_point *sim_plan_reference(const struct sim_plan *plan, const struct sim_point *p);

#endif
