/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run.h - plays all points of a plan, several at once, each in a process of its own,
 * and reports. A point whose result is there already (same configuration, same program)
 * is not played again.
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "plan.h"

enum sim_exit {
    SIM_EXIT_MET = 0,   /* all expectations met */
    SIM_EXIT_UNMET = 1, /* some not */
    SIM_EXIT_USAGE = 2,
    SIM_EXIT_SCENARIO = 3, /* bad scenario file */
    SIM_EXIT_FAULT = 4     /* the simulator failed, or results could not be written */
};

struct sim_run_options {
    const char *out;
    uint64_t program; /* sim_program_hash() */
    unsigned jobs;
    bool pcap, qlog, force, quiet;
    void *table; /* FILE * for the table at the end */
};

/* Hash of the running program, so that results of another build are not taken for its own. */
uint64_t sim_program_hash(void);
enum sim_exit sim_run(struct sim_plan *plan, const struct sim_run_options *o);

#endif
