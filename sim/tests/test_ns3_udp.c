/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UDP, routing and time of ns3.h, exact to the nanosecond. */
#include "ns3_world.h"

struct echo {
    struct world w;
    csim_udp *client, *server;
    uint64_t asked, answered;
    size_t bytes;
    unsigned answers, unreachable;
    struct csep_addr from, seen_by_server;
};

static void serve(void *arg, csim_udp *u, const struct csep_addr *from, const uint8_t *data, size_t len)
{
    struct echo *e = arg;
    e->seen_by_server = *from;
    ok(csim_udp_send(u, from, data, len));
}

static void take(void *arg, csim_udp *u, const struct csep_addr *from, const uint8_t *data, size_t len)
{
    struct echo *e = arg;
    assert_ptr_equal(u, e->client);
    e->answered = csim_now(e->w.sim);
    e->from = *from;
    e->bytes = len;
    e->answers++;
    for (size_t i = 0; i < len; i++)
        assert_int_equal(data[i], (uint8_t)(i * 7));
}

static void unreachable(void *arg, csim_udp *u, const struct csep_addr *reporter)
{
    struct echo *e = arg;
    assert_ptr_equal(u, e->client);
    assert_memory_equal(reporter->ip, e->w.server_addr.ip, 16);
    e->unreachable++;
}

static void echo_start(struct echo *e, int family, int hops, const struct csim_link_options *o)
{
    memset(e, 0, sizeof *e);
    world_make(&e->w, family, hops, 1, o, NULL);
    const struct csim_udp_events server = {serve, NULL}, client = {take, unreachable};
    ok(csim_udp_open(e->w.server, &e->w.server_any, &server, e, &e->server));
    ok(csim_udp_open(e->w.client, &e->w.any, &client, e, &e->client));
}

static void ask(struct echo *e, size_t len)
{
    uint8_t data[8192];
    assert_true(len <= sizeof data);
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 7);
    e->asked = csim_now(e->w.sim);
    ok(csim_udp_send(e->client, &e->w.server_addr, data, len));
}

/* RTT = 2 * sum over links of (delay + airtime of n + headers), nothing else. */
static void test_echo_takes_what_arithmetic_says(void **state)
{
    (void)state;
    static const uint64_t rates[] = {1000000, 100000000, 1000000000};
    for (int family = 4; family <= 6; family += 2) {
        for (int hops = 1; hops <= 2; hops++) {
            for (size_t r = 0; r < 3; r++) {
                for (size_t n = 0; n <= 1400; n += 700) {
                    struct csim_link_options o;
                    struct echo e;
                    csim_link_options_default(&o);
                    o.rate_bps = rates[r];
                    o.delay_ns = 12345678;
                    echo_start(&e, family, hops, &o);
                    ask(&e, n);
                    ok(csim_run(e.w.sim));
                    const uint32_t ip = (uint32_t)n + (family == 4 ? 28 : 48);
                    const uint64_t air = (uint64_t)(ip + 2) * 8 * 1000000000u / rates[r];
                    assert_int_equal(csim_link_airtime(e.w.near, ip), air);
                    assert_int_equal(e.answered - e.asked, 2 * (uint64_t)hops * (o.delay_ns + air));
                    assert_int_equal(e.bytes, n);
                    assert_int_equal(e.answers, 1);
                    assert_memory_equal(&e.from, &e.w.server_addr, sizeof e.from);
                    assert_memory_equal(e.seen_by_server.ip, e.w.client_addr.ip, 16);
                    world_end(&e.w);
                }
            }
        }
    }
}

static void test_large_datagrams_travel_in_fragments(void **state)
{
    (void)state;
    for (int family = 4; family <= 6; family += 2) {
        struct echo e;
        struct csim_counters c;
        echo_start(&e, family, 2, NULL);
        ask(&e, 5000);
        ok(csim_run(e.w.sim));
        assert_int_equal(e.answers, 1);
        assert_int_equal(e.bytes, 5000);
        ok(csim_link_counters(e.w.near, CSIM_A_TO_B, &c));
        assert_int_equal(c.sent, 4);
        world_end(&e.w);
    }
}

static void test_closed_port_is_reported(void **state)
{
    (void)state;
    for (int family = 4; family <= 6; family += 2) {
        struct echo e;
        echo_start(&e, family, 2, NULL);
        csim_udp_close(e.server);
        ask(&e, 100);
        ok(csim_run(e.w.sim));
        assert_int_equal(e.answers, 0);
        assert_int_equal(e.unreachable, 1);
        world_end(&e.w);
    }
}

static void close_own(void *arg, csim_udp *u, const struct csep_addr *from, const uint8_t *data, size_t len)
{
    struct echo *e = arg;
    (void)from, (void)data, (void)len;
    e->answers++;
    csim_udp_close(u);
}

static void test_a_socket_may_close_itself(void **state)
{
    (void)state;
    struct echo e;
    const struct csim_udp_events closing = {close_own, NULL};
    echo_start(&e, 4, 1, NULL);
    csim_udp_close(e.client);
    ok(csim_udp_open(e.w.client, &e.w.any, &closing, &e, &e.client));
    ask(&e, 1);
    ask(&e, 2);
    ok(csim_run(e.w.sim));
    assert_int_equal(e.answers, 1);
    world_end(&e.w);
}

static void test_address_change(void **state)
{
    (void)state;
    for (int family = 4; family <= 6; family += 2) {
        struct echo e;
        echo_start(&e, family, 2, NULL);
        ask(&e, 10);
        ok(csim_run(e.w.sim));
        ok(csim_address_remove(e.w.client, e.w.near, family == 4 ? "10.1.0.1" : "fd00:1::1"));
        ok(csim_address(e.w.client, e.w.near, family == 4 ? "10.1.0.77/24" : "fd00:1::77/64"));
        ok(csim_routes(e.w.sim));
        ask(&e, 10);
        ok(csim_run(e.w.sim));
        assert_int_equal(e.answers, 2);
        assert_int_equal(e.seen_by_server.ip[family == 4 ? 3 : 15], family == 4 ? 77 : 0x77);
        /* An answer that was on its way to the old address is dropped. */
        ask(&e, 10);
        ok(csim_run_until(e.w.sim, csim_now(e.w.sim) + MS(25)));
        ok(csim_address_remove(e.w.client, e.w.near, family == 4 ? "10.1.0.77" : "fd00:1::77"));
        ok(csim_run(e.w.sim));
        assert_int_equal(e.answers, 2);
        world_end(&e.w);
    }
}

static void test_explicit_routes(void **state)
{
    (void)state;
    csim *s;
    csim_node *a, *r, *b;
    csim_link *ar, *rb;
    struct echo e;
    memset(&e, 0, sizeof e);
    ok(csim_create(1, 1, NULL, &s));
    e.w.sim = s;
    ok(csim_node_new(s, "a", CSIM_NODE_V4, &a));
    ok(csim_node_new(s, "r", CSIM_NODE_V4 | CSIM_NODE_ROUTER, &r));
    ok(csim_node_new(s, "b", CSIM_NODE_V4, &b));
    ok(csim_link_new(s, a, r, NULL, &ar));
    ok(csim_link_new(s, r, b, NULL, &rb));
    ok(csim_address(a, ar, "192.0.2.1/30"));
    ok(csim_address(r, ar, "192.0.2.2/30"));
    ok(csim_address(r, rb, "198.51.100.1/24"));
    ok(csim_address(b, rb, "198.51.100.9/24"));
    const struct csim_udp_events server = {serve, NULL}, client = {take, NULL};
    struct csep_addr any = addr_of("0.0.0.0", 0), bound = addr_of("198.51.100.9", SERVER_PORT);
    e.w.server_addr = bound;
    ok(csim_udp_open(b, &bound, &server, &e, &e.server));
    ok(csim_udp_open(a, &any, &client, &e, &e.client));
    assert_int_equal(csim_udp_send(e.client, &bound, (const uint8_t *)"", 0), CSIM_ERR_ROUTE);
    assert_non_null(strstr(csim_error(), "no route to 198.51.100.9:4433"));
    ok(csim_route(a, "0.0.0.0/0", ar));
    ok(csim_route(b, "0.0.0.0/0", rb));
    ask(&e, 3);
    ok(csim_run(s));
    assert_int_equal(e.answers, 1);
    ok(csim_destroy(s));
}

/* ---- time --------------------------------------------------------------- */

struct ticks {
    csim *sim;
    csim_timer *timer;
    unsigned fired, at_same_time;
    uint64_t last;
};

static void tick(void *arg)
{
    struct ticks *t = arg;
    t->fired++;
    t->last = csim_now(t->sim);
}

static void test_timers_are_lazy_and_exact(void **state)
{
    (void)state;
    struct ticks t = {0};
    ok(csim_create(1, 1, NULL, &t.sim));
    ok(csim_timer_new(t.sim, tick, &t, &t.timer));
    ok(csim_run(t.sim));
    assert_int_equal(t.fired, 0);
    for (uint64_t i = 0; i < 1000; i++) /* later and later: one event in the queue */
        ok(csim_timer_set(t.timer, MS(1) + i));
    assert_int_equal(csim_timer_deadline(t.timer), MS(1) + 999);
    ok(csim_run(t.sim));
    assert_int_equal(t.fired, 1);
    assert_int_equal(t.last, MS(1) + 999);
    assert_true(csim_events(t.sim) < 10);
    ok(csim_timer_set(t.timer, MS(9)));
    ok(csim_timer_set(t.timer, MS(5))); /* earlier */
    ok(csim_run(t.sim));
    assert_int_equal(t.fired, 2);
    assert_int_equal(t.last, MS(5));
    ok(csim_timer_set(t.timer, MS(20)));
    ok(csim_timer_set(t.timer, CSEP_NEVER));
    ok(csim_run(t.sim));
    assert_int_equal(t.fired, 2);
    ok(csim_timer_set(t.timer, 0)); /* the past is now */
    ok(csim_run(t.sim));
    assert_int_equal(t.fired, 3);
    ok(csim_destroy(t.sim));
}

static void chain(void *arg)
{
    struct ticks *t = arg;
    if (++t->at_same_time < 5)
        ok(csim_at(t->sim, csim_now(t->sim), chain, t));
}

static void stop_now(void *arg)
{
    csim_stop(arg);
}

static void test_run_until_includes_its_moment(void **state)
{
    (void)state;
    struct ticks t = {0};
    ok(csim_create(1, 1, NULL, &t.sim));
    ok(csim_at(t.sim, 100, chain, &t));
    ok(csim_at(t.sim, 101, tick, &t));
    ok(csim_run_until(t.sim, 100));
    assert_int_equal(t.at_same_time, 5);
    assert_int_equal(t.fired, 0);
    assert_int_equal(csim_now(t.sim), 100);
    ok(csim_run_until(t.sim, 5000)); /* time passes also when nothing happens */
    assert_int_equal(t.fired, 1);
    assert_int_equal(csim_now(t.sim), 5000);
    ok(csim_at(t.sim, 6000, stop_now, t.sim));
    ok(csim_at(t.sim, 7000, tick, &t));
    ok(csim_run_until(t.sim, 8000));
    assert_int_equal(csim_now(t.sim), 6000);
    assert_int_equal(t.fired, 1);
    ok(csim_run(t.sim));
    assert_int_equal(t.fired, 2);
    assert_int_equal(csim_at(t.sim, 1, tick, &t), CSIM_ERR_ARGUMENT);
    assert_int_equal(csim_run_until(t.sim, 1), CSIM_ERR_ARGUMENT);
    ok(csim_destroy(t.sim));
}

static void test_streams_of_randomness(void **state)
{
    (void)state;
    uint64_t first[4][3];
    static const uint64_t seeds[4][2] = {{1, 1}, {1, 1}, {2, 1}, {1, 2}};
    for (int i = 0; i < 4; i++) {
        csim *s;
        ok(csim_create(seeds[i][0], seeds[i][1], NULL, &s));
        csim_rng *a = csim_rng_open(s, "a"), *b = csim_rng_open(s, "b");
        assert_ptr_equal(csim_rng_open(s, "a"), a);
        first[i][0] = csim_rng_u64(a);
        first[i][1] = csim_rng_u64(b);
        csim_rng_fill(a, (uint8_t *)&first[i][2], 8);
        unsigned count[7] = {0};
        for (int k = 0; k < 70000; k++) {
            count[csim_rng_below(b, 7)]++;
            double u = csim_rng_unit(b);
            assert_true(u >= 0 && u < 1);
        }
        for (int k = 0; k < 7; k++)
            assert_in_range(count[k], 9600, 10400);
        ok(csim_destroy(s));
    }
    assert_memory_equal(first[0], first[1], sizeof first[0]);
    for (int i = 2; i < 4; i++)
        assert_int_not_equal(first[0][0], first[i][0]);
    assert_int_not_equal(first[0][0], first[0][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_echo_takes_what_arithmetic_says),
        world_test(test_large_datagrams_travel_in_fragments),
        world_test(test_closed_port_is_reported),
        world_test(test_a_socket_may_close_itself),
        world_test(test_address_change),
        world_test(test_explicit_routes),
        world_test(test_timers_are_lazy_and_exact),
        world_test(test_run_until_includes_its_moment),
        world_test(test_streams_of_randomness),
    };
    return cmocka_run_group_tests_name("ns3: UDP and time", tests, NULL, NULL);
}
