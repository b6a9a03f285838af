/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verdict.h - two judgements of a point that are never mixed: whether the draft's claim
 * holds (measurement against the measured reference row), and whether the measurement
 * is what analysis says (measurement against the scenario's closed form).
 */
#ifndef SIM_VERDICT_H
#define SIM_VERDICT_H

#include "plan.h"

struct sim_judged {
    bool measured; /* there is a result at all */
    uint64_t delay, ttfb, last;
    bool expected; /* the scenario has a closed form: */
    uint64_t expected_delay, expected_ttfb, expected_last;
    bool has_last;
    bool agrees;       /* all that are expected, to the nanosecond */
    char verdict[160]; /* "holds", "fails by +1R", "holds only if ...", "baseline", or empty without a
                          reference */
    bool verdict_met;  /* as the scenario expects, or it expects none */
};

void sim_judge(const struct sim_plan *plan, const struct sim_point *p, struct sim_judged *out);
/* Did all that the point's scenario expects come true? */
bool sim_judged_met(const struct sim_judged *j);

#endif
