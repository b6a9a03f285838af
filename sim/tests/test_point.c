/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points in this very process: under the sanitizers that shows what a stack leaves behind, which a point's
 * own process hides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "csep/host.h"
#include "point.h"

static struct sim_scenario scenario;

static struct sim_point point_of(const struct sim_row *row, uint64_t seed)
{
    struct sim_point p = {.scenario = &scenario, .row = row, .seed = seed};
    sim_schema_preset(&sim_scenario_table, &scenario);
    p.cfg = scenario.config;
    return p;
}

static json_t *played(struct sim_point *p)
{
    sim_point_identify(p, 0);
    char *text = sim_point_play(p);
    json_t *r = json_loads(text, 0, NULL);
    free(text);
    if (!r || !json_is_true(json_object_get(r, "ok")))
        fail_msg("%s: %s", p->name, r ? json_string_value(json_object_get(r, "failure")) : "no JSON");
    return r;
}

static void every_row_cleans_up(void **state)
{
    (void)state;
    for (const struct sim_row *row = sim_rows; row->id; row++)
        for (uint64_t ip = 4; ip <= 6; ip += 2) {
            struct sim_point p = point_of(row, 1);
            p.cfg.network.ip = ip;
            json_decref(played(&p));
        }
}

/* An earlier run of the process changes nothing. */
static void a_point_is_the_same_wherever_it_is_played(void **state)
{
    char first[32];
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sim_point p = point_of(sim_row_find("S1"), 7);
        json_t *r = played(&p);
        const char *hash = json_string_value(json_object_get(r, "trace_hash"));
        if (i == 0)
            snprintf(first, sizeof first, "%s", hash);
        else
            assert_string_equal(first, hash);
        json_decref(r);
    }
}

static void visits_clean_up(void **state)
{
    static const char *const rows[] = {"S1", "B4"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sim_point p = point_of(sim_row_find(rows[i]), 1);
        p.cfg.workload.kind = SIM_WORKLOAD_VISITS;
        p.cfg.workload.visits = 50;
        p.cfg.workload.zero_rtt = 50;
        p.cfg.policy.refresh = SIM_REFRESH_USE;
        json_t *r = played(&p), *visits = json_object_get(r, "visits");
        assert_int_equal(json_integer_value(json_object_get(visits, "count")), 50);
        assert_true(json_integer_value(json_object_get(visits, "hits")) > 10);
        json_decref(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_cleans_up),
        cmocka_unit_test(a_point_is_the_same_wherever_it_is_played),
        cmocka_unit_test(visits_clean_up),
    };
    return csep_init() == CSEP_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
