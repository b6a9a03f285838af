/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chain of causes behind a measured moment: trips, serialisation, queues, timers; and the two verdicts
 * drawn from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "measure.h"
#include "verdict.h"

#define MS(n)    ((uint64_t)(n)*1000000u)
#define ok(call) assert_int_equal(call, CSIM_OK)
#define SEND_AT  MS(100)
#define ONE_WAY  MS(10)

/* ---- a client and a server that do as they are told ---- */

static struct talk {
    csim *sim;
    csim_node *client, *server;
    csim_link *link;
    csim_udp *up, *down;
    struct csep_addr server_addr, client_addr;
    struct sim_measure m;
    unsigned datagrams;   /* the client sends at once */
    uint64_t client_wait; /* before that */
    uint64_t server_wait; /* before the reply, by a timer */
    unsigned arrived;
} t;

static void send_reply(void *arg)
{
    static const uint8_t bytes[50];
    (void)arg;
    ok(csim_udp_send(t.down, &t.client_addr, bytes, sizeof bytes));
}

static void at_server(void *arg, csim_udp *u, const struct csep_addr *from, const uint8_t *data, size_t len)
{
    (void)arg;
    (void)u;
    (void)data;
    (void)len;
    t.client_addr = *from;
    if (++t.arrived < t.datagrams)
        return;
    sim_measure_request_arrived(&t.m, csim_now(t.sim));
    if (t.server_wait)
        ok(csim_at(t.sim, csim_now(t.sim) + t.server_wait, send_reply, NULL));
    else
        send_reply(NULL);
}

static void at_client(void *arg, csim_udp *u, const struct csep_addr *from, const uint8_t *data, size_t len)
{
    (void)arg;
    (void)u;
    (void)from;
    (void)data;
    (void)len;
    sim_measure_reply_arrived(&t.m, csim_now(t.sim), true);
}

static void send_all(void *arg)
{
    static const uint8_t bytes[1000];
    (void)arg;
    for (unsigned i = 0; i < t.datagrams; i++)
        ok(csim_udp_send(t.up, &t.server_addr, bytes, sizeof bytes));
}

static void call_send(void *arg)
{
    (void)arg;
    sim_measure_begin(&t.m, csim_now(t.sim));
    if (t.client_wait)
        ok(csim_at(t.sim, csim_now(t.sim) + t.client_wait, send_all, NULL));
    else
        send_all(NULL);
}

static void tap(void *arg, const struct csim_packet *p)
{
    (void)arg;
    sim_measure_packet(&t.m, p);
}

static void play(unsigned datagrams, uint64_t client_wait, uint64_t server_wait)
{
    static const struct csim_udp_events up = {.received = at_client}, down = {.received = at_server};
    struct csim_link_options lo;
    struct csep_addr any;
    t = (struct talk){.datagrams = datagrams, .client_wait = client_wait, .server_wait = server_wait};
    csim_link_options_default(&lo);
    lo.rate_bps = 8000000; /* a byte in a microsecond */
    lo.delay_ns = ONE_WAY;
    ok(csim_create(1, 0, NULL, &t.sim));
    ok(csim_node_new(t.sim, "client", CSIM_NODE_V4, &t.client));
    ok(csim_node_new(t.sim, "server", CSIM_NODE_V4, &t.server));
    ok(csim_link_new(t.sim, t.client, t.server, &lo, &t.link));
    ok(csim_address(t.client, t.link, "192.0.2.1/24"));
    ok(csim_address(t.server, t.link, "192.0.2.2/24"));
    ok(csim_addr_parse("192.0.2.2", 7, &t.server_addr));
    ok(csim_addr_parse("0.0.0.0", 0, &any));
    ok(csim_udp_open(t.client, &any, &up, NULL, &t.up));
    ok(csim_udp_open(t.server, &t.server_addr, &down, NULL, &t.down));
    sim_measure_init(&t.m, t.link);
    ok(csim_tap(t.sim, tap, NULL));
    ok(csim_at(t.sim, SEND_AT, call_send, NULL));
    ok(csim_run(t.sim));
}

static int clean_up(void **state)
{
    (void)state;
    sim_measure_free(&t.m);
    return csim_destroy(t.sim) == CSIM_OK ? 0 : -1;
}

static void check(const struct sim_moment *m, uint64_t at, unsigned trips, uint64_t airtime, uint64_t wait)
{
    assert_true(m->happened);
    assert_int_equal(m->at, at);
    assert_int_equal(m->path.trips, trips);
    assert_int_equal(m->path.airtime_ns, airtime);
    assert_int_equal(m->path.wait_ns, wait);
}

#define AIR_REQUEST (1000u * (1000 + 28 + CSIM_PPP_BYTES))
#define AIR_REPLY   (1000u * (50 + 28 + CSIM_PPP_BYTES))

static void a_reply_is_two_trips_and_their_serialisation(void **state)
{
    (void)state;
    play(1, 0, 0);
    check(&t.m.delay, 0, 0, 0, 0);
    check(&t.m.first, 2 * ONE_WAY + AIR_REQUEST + AIR_REPLY, 2, AIR_REQUEST + AIR_REPLY, 0);
}

static void what_waits_in_the_queue_is_serialised_before(void **state)
{
    (void)state;
    play(3, 0, 0);
    check(&t.m.delay, 2 * AIR_REQUEST, 0, 2 * AIR_REQUEST,
          0); /* of use is the one that completes the request */
    check(&t.m.first, 2 * ONE_WAY + 3 * AIR_REQUEST + AIR_REPLY, 2, 3 * AIR_REQUEST + AIR_REPLY, 0);
}

static void a_timer_of_the_client_is_a_wait(void **state)
{
    (void)state;
    play(1, MS(7), 0);
    check(&t.m.delay, MS(7), 0, 0, MS(7));
    check(&t.m.first, MS(7) + 2 * ONE_WAY + AIR_REQUEST + AIR_REPLY, 2, AIR_REQUEST + AIR_REPLY, MS(7));
}

/* No closed form has a trip less and a wait that includes it: such a run never agrees by accident. */
static void a_timer_of_the_server_breaks_the_chain(void **state)
{
    (void)state;
    play(1, 0, MS(5));
    check(&t.m.first, MS(5) + 2 * ONE_WAY + AIR_REQUEST + AIR_REPLY, 1, AIR_REPLY,
          MS(5) + ONE_WAY + AIR_REQUEST);
}

static void packets_before_the_call_do_not_count(void **state)
{
    (void)state;
    play(1, 0, 0);
    assert_int_equal(t.m.num, 2);
    sim_measure_begin(&t.m, csim_now(t.sim));
    assert_int_equal(t.m.num, 0);
    assert_false(t.m.delay.happened || t.m.first.happened || t.m.last.happened);
}

/* ---- verdicts ---- */

static struct sim_expect expect;
static struct sim_scenario scenario = {.baseline = "B1", .expect = {1, &expect}};

static json_t *result(uint64_t at, unsigned trips, uint64_t airtime, uint64_t wait)
{
    json_t *m = json_pack("{s:I, s:I, s:I, s:I}", "at_ns", (json_int_t)at, "trips", (json_int_t)trips,
                          "airtime_ns", (json_int_t)airtime, "wait_ns", (json_int_t)wait);
    return json_pack("{s:O, s:O, s:o}", "delay", m, "ttfb", m, "last", m);
}

/* Row `id` with this delay, B1 with 2R = 100 ms and a little. */
static struct sim_judged judge(const char *id, const char *term, uint64_t at, unsigned trips,
                               uint64_t airtime, uint64_t wait)
{
    struct sim_judged j;
    struct sim_point points[2] = {{.scenario = &scenario, .row = sim_row_find(id)},
                                  {.scenario = &scenario, .row = sim_row_find("B1")}};
    struct sim_plan plan = {.points = points, .num = 2};
    points[0].cfg.network.rtt = points[1].cfg.network.rtt = MS(50);
    points[0].result = result(at, trips, airtime, wait);
    points[1].result = result(MS(100) + 9000, 4, 9000, 0);
    snprintf(expect.row, sizeof expect.row, "%s", id);
    assert_true(sim_parse_term(term, &expect.delay));
    expect.ttfb = expect.delay;
    sim_judge(&plan, &points[0], &j);
    json_decref(points[0].result);
    json_decref(points[1].result);
    return j;
}

static void the_claim_is_judged_by_the_measured_baseline(void **state)
{
    static const struct {
        const char *row;
        uint64_t at, wait;
        const char *verdict;
    } cases[] = {
        {"S1", MS(100) + 13000, 0, "holds"},
        {"S1", MS(100) - 5000, 0, "holds"},
        {"S2", MS(150) + 13000, 0, "fails by +1R"},
        {"S4", MS(200), 0, "fails by +2R"},
        {"W1", 0, 0, "holds, saves 2R"},
        {"S1", MS(120), 0, "fails by +20 ms"},
        {"S1", MS(1100), MS(999), "fails by +1000 ms"},
        {"S7", MS(100), 0, "holds only if the server's Fast Open cookie is known"},
        {"S10", MS(50), 0, "holds only if the negotiation runs over QUIC, saves 1R"},
        {"S7", MS(150), 0, "fails by +1R"},
        {"B7", MS(150), 0, "no claim, +1R"},
        {"B5", 0, 0, "no claim, -2R"},
        {"B1", MS(100), 0, "baseline"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(judge(cases[i].row, "2R", cases[i].at, 4, 0, cases[i].wait).verdict,
                            cases[i].verdict);
}

static void agreement_is_exact(void **state)
{
    (void)state;
    assert_true(judge("S1", "2R", MS(100) + 500, 4, 500, 0).agrees);
    assert_true(judge("X4", "250ms + 1R", MS(300) + 500, 2, 500, MS(250)).agrees);
    assert_false(judge("S1", "2R", MS(100) + 501, 4, 500, 0).agrees); /* a nanosecond */
    assert_false(
        judge("S1", "2R", MS(100) + 500, 2, 500, 0).agrees); /* fewer trips, so something else waited */
    assert_false(
        judge("S1", "2R", MS(100) + 500, 4, 500, MS(1)).agrees); /* a timer that the form does not name */
    assert_false(judge("S1", "3R", MS(100) + 500, 4, 500, 0).agrees);
    assert_int_equal(judge("S1", "3R", MS(100) + 500, 4, 500, 0).expected_delay, MS(150) + 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_reply_is_two_trips_and_their_serialisation, clean_up),
        cmocka_unit_test_teardown(what_waits_in_the_queue_is_serialised_before, clean_up),
        cmocka_unit_test_teardown(a_timer_of_the_client_is_a_wait, clean_up),
        cmocka_unit_test_teardown(a_timer_of_the_server_breaks_the_chain, clean_up),
        cmocka_unit_test_teardown(packets_before_the_call_do_not_count, clean_up),
        cmocka_unit_test(the_claim_is_judged_by_the_measured_baseline),
        cmocka_unit_test(agreement_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
