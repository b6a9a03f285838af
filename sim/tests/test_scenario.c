/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people write into scenario files, right and wrong: every error is found, with its line and a guess. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scenario.h"
#include "sim_support.h"

static void times_are_exact(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {{"20ms", 20000000},  {"1.5 s", 1500000000},   {"0", 0},
                {"0.000000001s", 1}, {"24h", 86400000000000}, {"2min", 120000000000}};
    static const char *const bad[] = {
        "", "20", "ms", "20 parsecs", "-1s", "1e3s", "0.5ns", "99999999999999999999s", "20ms "};
    uint64_t v;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(sim_parse_time(good[i].text, &v));
        assert_int_equal(v, good[i].ns);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (sim_parse_time(bad[i], &v))
            fail_msg("\"%s\" was taken for %llu ns", bad[i], (unsigned long long)v);
}

static void times_read_as_they_are_written(void **state)
{
    static const char *const same[] = {"20 ms", "1.024 s", "999 ms",       "250 ms",
                                       "1 ns",  "0 s",     "1.000000001 s"};
    char buf[32];
    uint64_t v;
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        assert_true(sim_parse_time(same[i], &v));
        assert_string_equal(sim_format_time(v, buf, sizeof buf), same[i]);
    }
}

static void terms_add_up(void **state)
{
    struct sim_term t;
    (void)state;
    assert_true(sim_parse_term("250ms + 1R", &t) && t.half_r == 2 && t.constant_ns == 250000000);
    assert_true(sim_parse_term("0.5R+1R", &t) && t.half_r == 3 && t.constant_ns == 0);
    assert_true(sim_parse_term("0R", &t) && t.given && t.half_r == 0);
    assert_false(sim_parse_term("R", &t));
    assert_false(sim_parse_term("1R +", &t));
    assert_false(sim_parse_term("1R - 1ms", &t));
    assert_false(sim_parse_term("0.3R", &t));
}

static void near_words_are_found(void **state)
{
    (void)state;
    assert_int_equal(sim_distance("delay", "delay"), 0);
    assert_int_equal(sim_distance("dealy", "delay"), 1); /* neighbours swapped */
    assert_int_equal(sim_distance("rtt", "rate"), 2);
    assert_int_equal(sim_distance("", "abc"), 3);
}

static const char good_text[] = "question: does it load?\n"
                                "claims: [C22]\n"
                                "rows: [S1, W1]\n"
                                "network:\n"
                                "  rtt: 30ms\n"
                                "  loss: 2%\n"
                                "faults:\n"
                                "  - {what: drop, direction: to-client, packet: 3, rows: [S1]}\n"
                                "sweep:\n"
                                "  network.ip: [4, 6]\n"
                                "  network.rtt: [20ms, 50ms, 90ms]\n"
                                "expect:\n"
                                "  - {row: W1, delay: 0R, ttfb: 1R}\n";

static void a_good_file_loads(void **state)
{
    static struct sim_scenario s;
    struct sim_problems p = {0};
    struct sim_config c;
    (void)state;
    assert_true(sim_scenario_load(sim_file("good.yaml", good_text), &s, &p));
    assert_int_equal(s.rows.num, 2);
    assert_int_equal(s.config.network.rtt, 30000000);
    assert_true(s.config.network.loss > 0.0199 && s.config.network.loss < 0.0201);
    assert_int_equal(s.config.network.rate, 1000000000); /* a default */
    assert_int_equal(s.faults.num, 1);
    assert_int_equal(((struct sim_fault *)s.faults.v)->direction, SIM_TO_CLIENT);
    assert_int_equal(sim_scenario_combinations(&s), 6);
    sim_scenario_combination(&s, 4, &c);
    assert_int_equal(c.network.ip, 6);
    assert_int_equal(c.network.rtt, 50000000);
    assert_non_null(sim_scenario_expect(&s, "W1"));
    assert_null(sim_scenario_expect(&s, "S1"));
    sim_scenario_free(&s);
}

static void a_set_value_ends_its_sweep(void **state)
{
    static struct sim_scenario s;
    struct sim_problems p = {0};
    struct sim_config c;
    char err[256];
    (void)state;
    assert_true(sim_scenario_load(sim_file("good.yaml", good_text), &s, &p));
    assert_true(sim_scenario_set(&s, "network.rtt", "70ms", err, sizeof err));
    assert_int_equal(sim_scenario_combinations(&s), 2);
    sim_scenario_combination(&s, 1, &c);
    assert_int_equal(c.network.rtt, 70000000);
    assert_int_equal(c.network.ip, 6);
    assert_false(sim_scenario_set(&s, "network.rt", "70ms", err, sizeof err));
    assert_non_null(strstr(err, "did you mean \"network.rtt\"?"));
    assert_false(sim_scenario_set(&s, "network.rtt", "70 miles", err, sizeof err));
    assert_non_null(strstr(err, "expected a time such as 20ms"));
    sim_scenario_free(&s);
}

/* Each wrong file, and every line that check has to print for it. */
static const struct {
    const char *text;
    const char *lines[8];
} wrong[] = {
    {"question: q\nclaims: [C22]\nrows: [S1]\nnetwrk:\n  rtt: 20ms\n",
     {":4: scenario has no key \"netwrk\", did you mean \"network\"?"}},
    {"question: q\nclaims: [C22]\nrows: [S1]\nnetwork:\n  rt: 20ms\n  rate: 10 parsecs\n  ip: 7\n  loss: "
     "1.5\n",
     {":5: network has no key \"rt\", did you mean \"rtt\"?",
      ":6: network.rate: expected a rate such as 10Mbps, not \"10 parsecs\"",
      ":7: network.ip: expected a whole number between 4 and 6",
      ":8: network.loss: expected a number between 0 and 1, not \"1.5\""}},
    {"claims: [C22]\nrows: [S99, W1]\n",
     {":1: scenario lacks the key \"question\"",
      ":2: rows: \"S99\" is not known here, did you mean \"S9\"?"}},
    {"question: q\nclaims: C22\nrows: [S1]\nnetwork: fast\n",
     {":2: claims: expected a list, not a single value", ":4: network: expected keys, not a single value"}},
    {"question: q\nclaims: [C22]\nrows: [S1]\nquestion: r\n", {":4: \"question\" is given twice"}},
    {"question: q\nclaims: [C22]\nrows: [S1]\nfaults:\n  - {what: drops}\n  - {packet: 3}\n  - {what: drop, "
     "extra: soon}\n",
     {":5: what: \"drops\" is not known here, did you mean \"drop\"?", ":6: fault lacks the key \"what\"",
      ":7: extra: expected a time such as 20ms, not \"soon\""}},
    {"question: q\nclaims: [C22]\nrows: [S1]\nsweep:\n  network.rt: [20ms]\n  network.rtt: [20ms,\n    "
     "fifty]\n",
     {":5: sweep: \"network.rt\" is not a key that can be swept, did you mean \"network.rtt\"?",
      ":7: sweep of network.rtt: expected a time such as 20ms, not \"fifty\""}},
    {"question: q\nclaims: [C22]\nrows: [S1]\nexpect:\n  - {row: S1, delay: 2 rounds}\n",
     {":5: delay: expected round trips and time such as 2R or 250ms + 1R, not \"2 rounds\""}},
    {"question: q\nclaims: [C22]\nrows: [S1]\nexpect:\n  - {row: S2}\n",
     {": expect: row \"S2\" is not among the scenario's rows"}},
    {"question: [unclosed\n", {": not YAML: "}},
    {"", {":1: expected a scenario, the file is empty"}},
    {"- a\n- b\n",
     {":1: expected the keys of a scenario, not a list", ":1: scenario lacks the key \"claims\""}},
    {"question: q\nclaims: [C22]\nrows: [S1]\nnetwork:\n  rtt: 20.000001ms\n  ip: 5\n",
     {": network.ip: expected 4 or 6"}},
};

static void every_error_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(sim_call("check", sim_file("wrong.yaml", wrong[i].text), NULL), 3);
        for (size_t k = 0; k < 8 && wrong[i].lines[k]; k++)
            if (!strstr(sim_err, wrong[i].lines[k]))
                fail_msg("file %zu: expected\n  %s\nin\n%s", i, wrong[i].lines[k], sim_err);
    }
}

static void errors_of_all_files_come_at_once(void **state)
{
    char a[256];
    (void)state;
    snprintf(a, sizeof a, "%s",
             sim_file("a.yaml", "question: q\nclaims: [C1]\nrows: [S1]\nnetwork: {mtu: 5}\n"));
    assert_int_equal(sim_call("check", a, sim_file("b.yaml", "nothing: here\n"), "/nowhere/c.yaml", NULL), 3);
    assert_non_null(strstr(sim_err, "a.yaml:4: network.mtu: expected a size between 1280 and 9000"));
    assert_non_null(strstr(sim_err, "b.yaml:1: scenario has no key \"nothing\""));
    assert_non_null(strstr(sim_err, "/nowhere/c.yaml: cannot be read"));
}

static void help_names_every_key(void **state)
{
    (void)state;
    assert_int_equal(sim_call("help", "scenario", NULL), 0);
    for (const struct sim_key *k = sim_scenario_table.keys; k->path; k++)
        if (!strstr(sim_out, k->path))
            fail_msg("help does not name %s", k->path);
}

static void no_text_crashes_the_loader(void **state)
{
    char text[sizeof good_text];
    uint32_t r = 1;
    (void)state;
    for (int i = 0; i < 2000; i++) { /* a byte changed, or the rest cut off */
        memcpy(text, good_text, sizeof text);
        r = r * 1664525u + 1013904223u;
        text[(r >> 8) % (sizeof text - 1)] = i % 3 ? (char)(r >> 24) : 0;
        (void)sim_call("check", sim_file("fuzz.yaml", text), NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_exact),      cmocka_unit_test(times_read_as_they_are_written),
        cmocka_unit_test(terms_add_up),         cmocka_unit_test(near_words_are_found),
        cmocka_unit_test(a_good_file_loads),    cmocka_unit_test(a_set_value_ends_its_sweep),
        cmocka_unit_test(every_error_is_found), cmocka_unit_test(errors_of_all_files_come_at_once),
        cmocka_unit_test(help_names_every_key), cmocka_unit_test(no_text_crashes_the_loader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
