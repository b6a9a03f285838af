/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csep-sim from outside: exit status, what it writes, the same bytes for the same seed, and the latency rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "rows.h"
#include "sim_support.h"

static char path_buf[512];

static const char *in_folder(const char *name)
{
    snprintf(path_buf, sizeof path_buf, "%s/%s", sim_folder(), name);
    return path_buf;
}

/* Loads NAME of the run in folder `out` of the test's folder. */
static json_t *load(const char *out, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s/%s", sim_folder(), out, name);
    json_t *j = json_load_file(path, 0, NULL);
    if (!j)
        fail_msg("%s is not JSON", path);
    return j;
}

static void usage_is_status_2_with_a_guess(void **state)
{
    (void)state;
    assert_int_equal(sim_call("rum", NULL), 2);
    assert_non_null(strstr(sim_err, "no such command: rum; did you mean run?"));
    assert_int_equal(sim_call("run", "x.yaml", "--sed", "3", NULL), 2);
    assert_non_null(strstr(sim_err, "no such option: --sed; did you mean --se"));
    assert_int_equal(sim_call("run", "x.yaml", "--pcp", NULL), 2);
    assert_non_null(strstr(sim_err, "did you mean --pcap?"));
    assert_int_equal(sim_call("run", NULL), 2);
    assert_int_equal(sim_call("run", "x.yaml", "--seed", NULL), 2);
    assert_int_equal(sim_call("run", "x.yaml", "--jobs", "0", NULL), 2);
    assert_int_equal(sim_call("run", "x.yaml", "--pcap=yes", NULL), 2);
    assert_int_equal(sim_call("help", "nonsense", NULL), 2);
    assert_int_equal(sim_call("run", "scenarios/latency/warm.yaml", "--set", "network.rt=1ms", NULL), 2);
    assert_non_null(strstr(sim_err, "did you mean \"network.rtt\"?"));
}

static void asking_is_status_0(void **state)
{
    (void)state;
    assert_int_equal(sim_call("--version", NULL), 0);
    assert_int_equal(sim_call("help", NULL), 0);
    assert_int_equal(sim_call("list", NULL), 0);
    for (const struct sim_row *r = sim_rows; r->id; r++)
        assert_non_null(strstr(sim_out, r->title));
    assert_non_null(strstr(sim_out, "scenarios/latency/cold.yaml"));
}

static void every_row_is_in_the_schema(void **state)
{
    static const char ids[] = "|" SIM_ROW_IDS "|";
    char word[32];
    (void)state;
    for (const struct sim_row *r = sim_rows; r->id; r++) {
        snprintf(word, sizeof word, "|%s|", r->id);
        assert_non_null(strstr(ids, word));
    }
}

static void all_scenarios_are_sound(void **state)
{
    (void)state;
    assert_int_equal(sim_call("check", "scenarios/latency/baselines.yaml", "scenarios/latency/cold.yaml",
                              "scenarios/latency/warm.yaml", "scenarios/latency/window.yaml",
                              "scenarios/latency/unproved.yaml", "scenarios/latency/stale.yaml",
                              "scenarios/latency/breakeven-csep.yaml",
                              "scenarios/latency/breakeven-quic.yaml", "scenarios/cost/large-reply.yaml",
                              "scenarios/cost/loss.yaml", "scenarios/cost/refusal-lost.yaml", NULL),
                     0);
}

static void a_bad_scenario_is_status_3(void **state)
{
    (void)state;
    assert_int_equal(sim_call("run", sim_file("bad.yaml", "rows: [S1]\n"), NULL), 3);
}

static void an_unmet_expectation_is_status_1(void **state)
{
    char file[256];
    (void)state;
    snprintf(
        file, sizeof file, "%s",
        sim_file("unmet.yaml",
                 "question: q\nclaims: [C22]\nrows: [W1]\nexpect:\n  - {row: W1, delay: 1R, ttfb: 1R}\n"));
    assert_int_equal(sim_call("run", file, "--quiet", "--out", in_folder("unmet"), NULL), 1);
    snprintf(
        file, sizeof file, "%s",
        sim_file("unmet.yaml",
                 "question: q\nclaims: [C22]\nrows: [W1]\nexpect:\n  - {row: W1, verdict: fails by +1R}\n"));
    assert_int_equal(sim_call("run", file, "--quiet", "--out", in_folder("unmet"), NULL), 1);
}

static void results_that_cannot_be_written_are_status_4(void **state)
{
    (void)state;
    assert_int_equal(sim_call("run", "scenarios/latency/warm.yaml", "--rows", "W1", "--quiet", "--out",
                              "/proc/none", NULL),
                     4);
}

/* All rows at one RTT, both IP versions: measured as analysed, to the nanosecond, and judged as expected. */
static void all_latency_rows_agree(void **state)
{
    (void)state;
    int status = sim_call("run", "scenarios/latency/baselines.yaml", "scenarios/latency/cold.yaml",
                          "scenarios/latency/warm.yaml", "scenarios/latency/window.yaml",
                          "scenarios/latency/unproved.yaml", "scenarios/latency/stale.yaml", "--set",
                          "network.rtt=50ms", "--quiet", "--jobs", "2", "--out", in_folder("all"), NULL);
    if (status)
        fail_msg("status %d\n%s%s", status, sim_out, sim_err);
    json_t *rows = load("all", "rows.json");
    size_t num = 0;
    for (const struct sim_row *r = sim_rows; r->id; r++)
        num++;
    assert_int_equal(json_array_size(rows), 2 * num);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *o = json_array_get(rows, i);
        assert_int_equal(json_object_size(o), 11);
        assert_true(json_is_true(json_object_get(o, "agrees")));
        assert_int_equal(json_integer_value(json_object_get(o, "rtt_ms")), 50);
    }
    json_decref(rows);
}

/* Visits at random: kept contexts beat QUIC where analysis says, and their hit ratio is that of a Poisson
 * process. */
static void the_break_even_is_where_analysis_puts_it(void **state)
{
    (void)state;
    assert_int_equal(sim_call("run", "scenarios/latency/breakeven-csep.yaml",
                              "scenarios/latency/breakeven-quic.yaml", "--set", "workload.visits=1000",
                              "--quiet", "--jobs", "2", "--out", in_folder("even"), NULL),
                     0);
    json_t *all = load("even", "breakeven.json");
    assert_int_equal(json_array_size(all), 40);
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *o = json_array_get(all, i);
        double h = json_number_value(json_object_get(o, "hit_ratio")),
               a = json_number_value(json_object_get(o, "hit_ratio_by_analysis"));
        assert_true(json_is_true(json_object_get(o, "agrees")));
        assert_true(h - a < 0.04 && a - h < 0.04); /* 2.5 standard deviations of 1000 visits */
    }
    json_decref(all);
}

/* The stack is innocent, so it is no simulator fault; but nothing was measured. */
static void a_request_that_never_arrives_is_unmet(void **state)
{
    char file[256];
    (void)state;
    snprintf(file, sizeof file, "%s",
             sim_file("down.yaml", "question: q\nclaims: [C22]\nrows: [W1]\nfaults:\n  - {what: "
                                   "down}\nexpect:\n  - {row: W1, delay: 0R, ttfb: 1R}\n"));
    assert_int_equal(sim_call("run", file, "--quiet", "--out", in_folder("down"), NULL), 1);
    assert_non_null(strstr(sim_err, "the request never arrived"));
}

static void lost_packets_delay_and_do_not_stop(void **state)
{
    char file[256];
    (void)state;
    snprintf(file, sizeof file, "%s",
             sim_file("loss.yaml", "question: q\nclaims: [C23]\nrows: [B1, B2, B7, S1, S2, S3, S5, S8, W1, "
                                   "W2, W3, W4, X1, X2, X3, X4]\n"
                                   "network: {loss: 5%}\nworkload: {reply: 6000}\n"));
    assert_int_equal(
        sim_call("run", file, "--quiet", "--seed", "5", "--jobs", "2", "--out", in_folder("loss"), NULL), 0);
}

static bool same_rows(const char *a, const char *b)
{
    json_t *x = load(a, "rows.json"), *y = load(b, "rows.json");
    bool same = json_equal(x, y);
    json_decref(x);
    json_decref(y);
    return same;
}

/* B1 and B2 are OpenSSL, which has a clock and a generator of its own unless they are taken away from it. */
static void one_seed_one_trace(void **state)
{
    static const char *const folders[] = {"seed1", "again", "seed2"}, *const seeds[] = {"1", "1", "2"};
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(sim_call("run", "scenarios/latency/baselines.yaml", "scenarios/latency/cold.yaml",
                                  "--rows", "B1,B2,B7,S1,S3,S8", "--set", "network.rtt=20ms", "--quiet",
                                  "--seed", seeds[i], "--out", in_folder(folders[i]), NULL),
                         0);
    assert_true(same_rows("seed1", "again"));
    assert_false(same_rows("seed1", "seed2"));
}

/* Of a row without cryptography, which changes only when its flights do: every compiler and sanitizer must
 * come to it. */
static void a_trace_is_the_same_in_every_build(void **state)
{
    (void)state;
    assert_int_equal(sim_call("run", "scenarios/latency/baselines.yaml", "--rows", "B4", "--set",
                              "network.rtt=50ms", "--quiet", "--out", in_folder("build"), NULL),
                     0);
    json_t *rows = load("build", "rows.json");
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "trace_hash")),
                        "6d5464efa2ded786");
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 1), "trace_hash")),
                        "1337572be3aa4164");
    json_decref(rows);
}

static void finished_points_are_not_played_again(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sim_call("run", "scenarios/latency/warm.yaml", "--rows", "W1", "--set",
                                  "network.rtt=20ms", "--set", "network.ip=4", "--out", in_folder("resume"),
                                  NULL),
                         0);
        assert_non_null(strstr(sim_err, i ? "0 played now" : "2 played now")); /* W1 and its baseline */
    }
    assert_int_equal(sim_call("run", "scenarios/latency/warm.yaml", "--rows", "W1", "--set",
                              "network.rtt=20ms", "--set", "network.ip=4", "--out", in_folder("resume"),
                              "--force", NULL),
                     0);
    assert_non_null(strstr(sim_err, "2 played now"));
}

/* Points that differ in more than row, RTT and IP version do not write into each other's files. */
static void captures_have_names_of_their_own(void **state)
{
    (void)state;
    assert_int_equal(sim_call("run", "scenarios/cost/refusal-lost.yaml", "scenarios/latency/stale.yaml",
                              "--rows", "X2", "--set", "network.rtt=20ms", "--set", "network.ip=4", "--quiet",
                              "--pcap", "--out", in_folder("names"), NULL),
                     0);
    json_t *runs = load("names", "runs.json");
    assert_int_equal(json_array_size(runs), 6); /* X2 three times, S1 beside each */
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(json_string_value(json_object_get(json_array_get(runs, i), "name")),
                                    json_string_value(json_object_get(json_array_get(runs, k), "name")));
    json_decref(runs);
}

/* The negotiation is TLS over TCP: stock tshark reads it with the key log. //= NEG-3 type=test */
static void tshark_reads_the_negotiation(void **state)
{
    char command[1024], line[4096] = "";
    (void)state;
    if (access("/usr/bin/tshark", X_OK))
        skip();
    assert_int_equal(sim_call("run", "scenarios/latency/cold.yaml", "--rows", "S1", "--set",
                              "network.rtt=20ms", "--set", "network.ip=4", "--quiet", "--pcap", "--qlog",
                              "--out", in_folder("pcap"), NULL),
                     0);
    snprintf(command, sizeof command,
             "tshark -r %s/pcap/captures/S1-20ms-v4.pcap -o tls.keylog_file:%s/pcap/captures/keys.log -d "
             "tcp.port==4433,tls "
             "-T fields -e tls.handshake.type -e tls.alert_message.desc 2>/dev/null | tr '\\n\\t' '  '",
             sim_folder(), sim_folder());
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    pclose(f);
    /* ClientHello; ServerHello and what only the keys show: EncryptedExtensions, Certificate,
     * CertificateVerify, Finished; the client's Finished; both close_notify. */
    static const char *const seen[] = {"1 ", "2,8,11,15,20 ", " 20 0 ", " 0 "};
    const char *at = line;
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
        at = strstr(at, seen[i]);
        if (!at)
            fail_msg("tshark does not see \"%s\" in its turn in \"%s\"", seen[i], line);
        at += strlen(seen[i]) - 1;
    }
    assert_int_equal(access(in_folder("pcap/qlog/S1-20ms-v4.sqlog"), R_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_is_status_2_with_a_guess),
        cmocka_unit_test(asking_is_status_0),
        cmocka_unit_test(every_row_is_in_the_schema),
        cmocka_unit_test(all_scenarios_are_sound),
        cmocka_unit_test(a_bad_scenario_is_status_3),
        cmocka_unit_test(an_unmet_expectation_is_status_1),
        cmocka_unit_test(results_that_cannot_be_written_are_status_4),
        cmocka_unit_test(all_latency_rows_agree),
        cmocka_unit_test(the_break_even_is_where_analysis_puts_it),
        cmocka_unit_test(a_request_that_never_arrives_is_unmet),
        cmocka_unit_test(lost_packets_delay_and_do_not_stop),
        cmocka_unit_test(one_seed_one_trace),
        cmocka_unit_test(a_trace_is_the_same_in_every_build),
        cmocka_unit_test(finished_points_are_not_played_again),
        cmocka_unit_test(captures_have_names_of_their_own),
        cmocka_unit_test(tshark_reads_the_negotiation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
