/* SPDX-License-Identifier: GPL-2.0-or-later */
/* point.h - one row under one configuration: played in a process of its own, kept as one JSON file. */
#ifndef SIM_POINT_H
#define SIM_POINT_H

#include <jansson.h>

#include "world.h"

struct sim_point {
    const struct sim_scenario *scenario;
    const struct sim_row *row;
    size_t combination; /* of the scenario's sweep */
    struct sim_config cfg;
    uint64_t seed;
    bool visits;       /* not a row of the latency table */
    bool baseline;     /* added for comparison, its scenario did not ask for it */
    uint64_t identity; /* hash of row, faults and what differs from the defaults; of no program */
    uint64_t setting;  /* hash of all but the row: points of one setting can be compared */
    uint64_t hash;     /* of all that its result depends on, this program included */
    char name[256];    /* "S1-50ms-v4", for files; no two points of a plan share one */
    char capture[512],
        qlog[512];  /* files to write (as output.h says, the caller finishes them), empty: none */
    json_t *result; /* once it is known */
};

/* Sets identity, setting, hash and name. */
void sim_point_identify(struct sim_point *p, uint64_t program);
/* Plays it in this process: the result as JSON, to be freed by the caller. docs/results-format.md lists the
 * members. */
char *sim_point_play(const struct sim_point *p);

#endif
