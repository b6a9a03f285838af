/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scenario.h - a scenario file as a struct, and the runs that it asks for.
 *
 * A scenario names a question, the claims it tests, the network, hosts, workload,
 * policy and faults; a sweep multiplies it; expectations say what should come out.
 * `csep-sim help scenario` prints every key from the table in scenario.c.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "rows.h"
#include "schema.h"

enum sim_workload { SIM_WORKLOAD_REQUEST, SIM_WORKLOAD_VISITS };
enum sim_refresh { SIM_REFRESH_NEVER, SIM_REFRESH_USE };
enum sim_fault_kind { SIM_FAULT_DROP, SIM_FAULT_DUPLICATE, SIM_FAULT_DELAY, SIM_FAULT_BLOCK, SIM_FAULT_DOWN };
enum sim_fault_direction { SIM_TO_SERVER, SIM_TO_CLIENT, SIM_BOTH };

/* Everything that may differ from run to run. All whole numbers are uint64_t (schema.h). */
struct sim_config {
    struct {
        uint64_t rtt, rate, jitter, queue, mtu, ip;
        double loss;
    } network;
    struct {
        uint64_t initial_cwnd, delayed_ack, connect_timeout;
    } tcp;
    struct {
        uint64_t certificate, tickets, lifetime;
        bool upgrade;
    } server;
    struct {
        uint64_t kind, request, reply, visits, zero_rtt;
        double load;
    } workload;
    struct {
        uint64_t fallback, refresh, age;
        bool carry_rtt;
    } policy;
};

struct sim_fault {
    struct sim_names rows; /* empty: all */
    uint64_t what, direction, packet, protocol, extra;
    char csep[SIM_TEXT_MAX]; /* packet type by name, "" for any */
    uint64_t from, until;    /* from the application's send call */
};

struct sim_expect {
    char row[SIM_TEXT_MAX], verdict[SIM_TEXT_MAX];
    struct sim_term delay, ttfb, last;
};

struct sim_scenario {
    char file[SIM_TEXT_MAX];
    char question[SIM_TEXT_MAX], note[SIM_TEXT_MAX], baseline[SIM_TEXT_MAX];
    struct sim_names claims, rows, measures;
    struct sim_config config;
    struct sim_items faults; /* of struct sim_fault */
    struct sim_items expect; /* of struct sim_expect */
    struct sim_sweep sweep;
};

extern const struct sim_table sim_scenario_table;

/* False: p says what is wrong with the file. */
bool sim_scenario_load(const char *file, struct sim_scenario *out, struct sim_problems *p);
/* Adds to p what the values of a scenario have against each other; also for one that sim_scenario_set()
 * changed. */
void sim_scenario_check(const struct sim_scenario *s, struct sim_problems *p);
void sim_scenario_free(struct sim_scenario *s);
/* --set: also removes the key from the sweep, as one value was asked for. */
bool sim_scenario_set(struct sim_scenario *s, const char *path, const char *value, char *err, size_t cap);
/* How many combinations the sweep has, and the configuration of one of them. */
size_t sim_scenario_combinations(const struct sim_scenario *s);
void sim_scenario_combination(const struct sim_scenario *s, size_t i, struct sim_config *out);
/* The value, as written, that the sweep's axis-th key has in combination i. */
const char *sim_scenario_swept(const struct sim_scenario *s, size_t i, size_t axis);
/* NULL: nothing is expected of that row. */
const struct sim_expect *sim_scenario_expect(const struct sim_scenario *s, const char *row);

#endif
