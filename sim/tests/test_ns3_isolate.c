/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes wrong: bad arguments, each told in words, and faults that must not reach the caller. */
#include "ns3_world.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

/* ---- arguments ---------------------------------------------------------- */

/* The call returns that status, and csim_error() has those words. */
#define refuses(status, words, call)                                                                         \
    do {                                                                                                     \
        assert_string_equal(csim_status_name(call), #status);                                                \
        if (!strstr(csim_error(), words))                                                                    \
            fail_msg("%s: \"%s\" does not say \"%s\"", #call, csim_error(), words);                          \
    } while (0)

static void nothing(void *arg)
{
    (void)arg;
}

static void got_udp(void *arg, csim_udp *u, const struct csep_addr *from, const uint8_t *data, size_t len)
{
    (void)arg, (void)u, (void)from, (void)data, (void)len;
}

static void got_tcp(void *arg, csim_tcp *l, csim_tcp *c, const struct csep_addr *peer)
{
    (void)arg, (void)l, (void)c, (void)peer;
}

static const struct csim_udp_events udp_events = {got_udp, NULL};
static const struct csim_tcp_events tcp_events = {0};

static void test_bad_addresses(void **state)
{
    (void)state;
    static const char *const bad[] = {"",          "300.1.2.3",  "1.2.3",       "1.2.3.4.5", "zz",
                                      "fd00::1::", "fd00:1",     "10.0.0.1/24", " 10.0.0.1", "fd00::1%eth0",
                                      "localhost", "0x0a.0.0.1", "10.0.0.1\n"};
    struct csep_addr a;
    char text[64];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuses(ERR_ARGUMENT, "neither an IPv4 nor an IPv6", csim_addr_parse(bad[i], 1, &a));
    refuses(ERR_ARGUMENT, "null", csim_addr_parse(NULL, 1, &a));
    a = addr_of("fd00::1", 443);
    assert_string_equal(csim_addr_text(&a, text, sizeof text), "[fd00::1]:443");
    a = addr_of("192.0.2.7", 0);
    assert_string_equal(csim_addr_text(&a, text, sizeof text), "192.0.2.7");
}

static void test_bad_network(void **state)
{
    (void)state;
    struct world w;
    struct csim_link_options o;
    csim_node *n;
    csim *second;
    csim_link *l;
    world_make(&w, 4, 2, 1, NULL, NULL);
    refuses(ERR_BUSY, "has not been destroyed", csim_create(1, 1, NULL, &second));
    refuses(ERR_ARGUMENT, "flags 0x0", csim_node_new(w.sim, "x", 0, &n));
    refuses(ERR_ARGUMENT, "flags 0x13", csim_node_new(w.sim, "x", 0x13, &n));
    refuses(ERR_ARGUMENT, "null", csim_node_new(w.sim, NULL, 1, &n));
    refuses(ERR_ARGUMENT, "both ends are node \"client\"",
            csim_link_new(w.sim, w.client, w.client, NULL, &l));
    csim_link_options_default(&o);
    o.rate_bps = 0;
    refuses(ERR_ARGUMENT, "rate 0", csim_link_new(w.sim, w.client, w.server, &o, &l));
    csim_link_options_default(&o);
    o.delay_ns = UINT64_MAX;
    refuses(ERR_ARGUMENT, "over an hour", csim_link_new(w.sim, w.client, w.server, &o, &l));
    csim_link_options_default(&o);
    o.mtu = 1279;
    refuses(ERR_ARGUMENT, "MTU 1279", csim_link_new(w.sim, w.client, w.server, &o, &l));
    o.mtu = 65536;
    refuses(ERR_ARGUMENT, "MTU 65536", csim_link_new(w.sim, w.client, w.server, &o, &l));
    csim_link_options_default(&o);
    o.queue_packets = 0;
    refuses(ERR_ARGUMENT, "cannot hold one packet", csim_link_new(w.sim, w.client, w.server, &o, &l));
    o.queue_bytes = 100;
    refuses(ERR_ARGUMENT, "cannot hold one packet", csim_link_new(w.sim, w.client, w.server, &o, &l));

    refuses(ERR_ARGUMENT, "not ADDRESS/PREFIX", csim_address(w.client, w.near, "10.1.0.9"));
    refuses(ERR_ARGUMENT, "not a number", csim_address(w.client, w.near, "10.1.0.9/x"));
    refuses(ERR_ARGUMENT, "over 32", csim_address(w.client, w.near, "10.1.0.9/33"));
    refuses(ERR_ARGUMENT, "over 128", csim_address(w.client, w.near, "fd00::1/129"));
    refuses(ERR_ARGUMENT, "no network", csim_address(w.client, w.near, "10.1.0.9/0"));
    refuses(ERR_ARGUMENT, "neither an IPv4", csim_address(w.client, w.near, "300.1.2.3/24"));
    refuses(ERR_ADDRESS, "not a unicast", csim_address(w.client, w.near, "224.0.0.1/24"));
    refuses(ERR_ADDRESS, "not a unicast", csim_address(w.client, w.near, "::1/128"));
    refuses(ERR_ADDRESS, "2001:db8::/32", csim_address(w.client, w.near, "2001:db8::1/64"));
    refuses(ERR_IN_USE, "node \"server\"", csim_address(w.client, w.near, "10.2.0.2/24"));
    refuses(ERR_ADDRESS, "not on link 1", csim_address(w.client, w.far, "10.1.0.9/24"));
    refuses(ERR_ADDRESS, "has no 10.1.0.9", csim_address_remove(w.client, w.near, "10.1.0.9"));
    refuses(ERR_ADDRESS, "not on link 1", csim_route(w.client, "0.0.0.0/0", w.far));
    refuses(ERR_ARGUMENT, "over 128", csim_route(w.client, "::/200", w.near));
    ok(csim_node_new(w.sim, "v4", CSIM_NODE_V4, &n));
    refuses(ERR_ADDRESS, "\"v4\" has no IPv6", csim_route(n, "::/0", w.near));
    world_end(&w);
}

static void test_bad_impairments(void **state)
{
    (void)state;
    struct world w;
    struct csim_counters c;
    world_make(&w, 4, 1, 1, NULL, NULL);
    static const struct csim_impairment bad[] = {
        {.loss = (enum csim_loss)7},
        {.loss = CSIM_LOSS_RANDOM, .rate = 1.01},
        {.loss = CSIM_LOSS_RANDOM, .rate = -0.1},
        {.loss = CSIM_LOSS_RANDOM, .rate = (double)__builtin_nan("")},
        {.loss = CSIM_LOSS_BURST, .rate = 0.1},
        {.loss = CSIM_LOSS_BURST, .rate = 0.1, .burst_min = 3, .burst_max = 2},
        {.loss = CSIM_LOSS_GILBERT, .good_to_bad = 2},
        {.jitter_ns = UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuses(ERR_ARGUMENT, "csim_link_impair", csim_link_impair(w.near, CSIM_A_TO_B, &bad[i]));
    refuses(ERR_ARGUMENT, "direction 2", csim_link_impair(w.near, (enum csim_dir)2, NULL));
    refuses(ERR_ARGUMENT, "count from 1", csim_link_fault(w.near, CSIM_A_TO_B, 0, CSIM_FAULT_DROP, 0));
    refuses(ERR_ARGUMENT, "unknown fault", csim_link_fault(w.near, CSIM_A_TO_B, 1, (enum csim_fault)9, 0));
    refuses(ERR_ARGUMENT, "over an hour",
            csim_link_fault(w.near, CSIM_A_TO_B, 1, CSIM_FAULT_DELAY, UINT64_MAX));
    refuses(ERR_ARGUMENT, "null", csim_link_counters(NULL, CSIM_A_TO_B, &c));
    ok(csim_run_until(w.sim, 10));
    refuses(ERR_ARGUMENT, "before now", csim_link_set_up(w.near, 9, true));
    refuses(ERR_FILE, "/nonexistent/x.pcap: No such file",
            csim_capture(w.near, CSIM_A_TO_B, "/nonexistent/x.pcap"));
    ok(csim_capture(w.near, CSIM_A_TO_B, "/dev/null"));
    refuses(ERR_STATE, "/dev/null already", csim_capture(w.near, CSIM_A_TO_B, "/dev/null"));
    world_end(&w);
}

static void test_bad_sockets(void **state)
{
    (void)state;
    struct world w;
    csim_udp *u, *u2;
    csim_tcp *t, *l;
    size_t taken;
    struct csim_tcp_options o;
    world_make(&w, 4, 1, 1, NULL, NULL);
    struct csep_addr six = addr_of("fd00:9::1", 5), none = addr_of("0.0.0.0", 5), bad = {5, {0}, 5};
    struct csep_addr elsewhere = addr_of("10.99.0.1", 5), multicast = addr_of("224.0.0.1", 5);
    refuses(ERR_ADDRESS, "does not belong to node \"client\"",
            csim_udp_open(w.client, &w.server_addr, &udp_events, NULL, &u));
    refuses(ERR_ARGUMENT, "family 5", csim_udp_open(w.client, &bad, &udp_events, NULL, &u));
    ok(csim_udp_open(w.client, &none, &udp_events, NULL, &u));
    refuses(ERR_IN_USE, "0.0.0.0:5 is in use", csim_udp_open(w.client, &none, &udp_events, NULL, &u2));
    refuses(ERR_ROUTE, "no route to 10.99.0.1:5", csim_udp_send(u, &elsewhere, (const uint8_t *)"x", 1));
    refuses(ERR_ADDRESS, "not a unicast", csim_udp_send(u, &none, (const uint8_t *)"x", 1));
    refuses(ERR_ADDRESS, "not a unicast", csim_udp_send(u, &multicast, (const uint8_t *)"x", 1));
    refuses(ERR_ARGUMENT, "family", csim_udp_send(u, &six, (const uint8_t *)"x", 1));
    refuses(ERR_ARGUMENT, "over 65507", csim_udp_send(u, &w.server_addr, (const uint8_t *)"x", 65508));
    refuses(ERR_ARGUMENT, "null", csim_udp_send(u, &w.server_addr, NULL, 1));

    refuses(ERR_ROUTE, "no route", csim_tcp_connect(w.client, NULL, &elsewhere, NULL, &tcp_events, NULL, &t));
    refuses(ERR_ROUTE, "no route", csim_tcp_connect(w.client, NULL, &six, NULL, &tcp_events, NULL, &t));
    refuses(ERR_ADDRESS, "not a unicast",
            csim_tcp_connect(w.client, NULL, &none, NULL, &tcp_events, NULL, &t));
    refuses(ERR_ARGUMENT, "port 0", csim_tcp_listen(w.server, &w.any, NULL, got_tcp, NULL, &l));
    ok(csim_tcp_listen(w.server, &w.server_any, NULL, got_tcp, NULL, &l));
    refuses(ERR_IN_USE, "in use", csim_tcp_listen(w.server, &w.server_any, NULL, got_tcp, NULL, &t));
    refuses(ERR_STATE, "listener", csim_tcp_send(l, (const uint8_t *)"x", 1, &taken));
    refuses(ERR_STATE, "listener", csim_tcp_events_set(l, &tcp_events, NULL));
    csim_tcp_options_default(&o);
    o.mss_v4 = 0;
    refuses(ERR_ARGUMENT, "MSS 0",
            csim_tcp_connect(w.client, NULL, &w.server_addr, &o, &tcp_events, NULL, &t));
    csim_tcp_options_default(&o);
    o.initial_cwnd = 0;
    refuses(ERR_ARGUMENT, "initial window", csim_tcp_listen(w.server, &w.server_any, &o, got_tcp, NULL, &t));
    csim_tcp_options_default(&o);
    o.min_rto_ns = UINT64_MAX;
    refuses(ERR_ARGUMENT, "over an hour", csim_tcp_listen(w.server, &w.server_any, &o, got_tcp, NULL, &t));
    csim_tcp_options_default(&o);
    o.send_buffer = 10;
    refuses(ERR_ARGUMENT, "buffers of 10", csim_tcp_listen(w.server, &w.server_any, &o, got_tcp, NULL, &t));
    ok(csim_tcp_connect(w.client, NULL, &w.server_addr, NULL, &tcp_events, NULL, &t));
    ok(csim_tcp_shutdown(t));
    refuses(ERR_CLOSED, "after csim_tcp_shutdown", csim_tcp_send(t, (const uint8_t *)"x", 1, &taken));
    csim_timer *timer;
    refuses(ERR_ARGUMENT, "null", csim_timer_new(w.sim, NULL, NULL, &timer));
    refuses(ERR_ARGUMENT, "over 2^60", csim_at(w.sim, UINT64_MAX, nothing, NULL));
    world_end(&w);
}

static void run_inside(void *arg)
{
    struct world *w = arg;
    refuses(ERR_STATE, "from a callback", csim_run(w->sim));
    refuses(ERR_STATE, "from a callback", csim_run_until(w->sim, 1000));
    refuses(ERR_STATE, "from a callback", csim_destroy(w->sim));
}

static void test_no_running_inside_a_run(void **state)
{
    (void)state;
    struct world w;
    world_make(&w, 4, 1, 1, NULL, NULL);
    ok(csim_at(w.sim, 5, run_inside, &w));
    ok(csim_run(w.sim));
    world_end(&w);
}

static void test_full_disk_is_told(void **state)
{
    (void)state;
    struct world w;
    csim_udp *u;
    world_make(&w, 4, 1, 1, NULL, NULL);
    refuses(ERR_FILE, "/dev/full", csim_capture(w.near, CSIM_A_TO_B, "/dev/full"));
    ok(csim_udp_open(w.client, &w.any, &udp_events, NULL, &u));
    ok(csim_udp_send(u, &w.server_addr, (const uint8_t *)"x", 1));
    ok(csim_run(w.sim));
    world_end(&w);
}

/* ---- isolation ---------------------------------------------------------- */

static int works(void *arg, csim_sink *out)
{
    struct world w;
    world_make(&w, *(int *)arg, 1, 1, NULL, NULL);
    for (int i = 0; i < 50000; i++)
        if (!csim_emit(out, &i, sizeof i))
            return 1;
    world_end(&w);
    return 0;
}

static int fails(void *arg, csim_sink *out)
{
    (void)arg, (void)out;
    fprintf(stderr, "the third packet was green\n");
    return 17;
}

static int crashes(void *arg, csim_sink *out)
{
    (void)csim_emit(out, "before", 6);
    fprintf(stderr, "about to look at nothing\n");
    raise(*(int *)arg); /* a sanitizer would catch a real null pointer and exit() instead */
    return 0;
}

static int exits(void *arg, csim_sink *out)
{
    (void)arg, (void)out;
#ifdef __SANITIZE_ADDRESS__
    _Exit(3); /* exit() would report what this process is in the middle of using as leaked */
#else
    exit(3);
#endif
}

static int loops(void *arg, csim_sink *out)
{
    (void)out;
    while (*(volatile int *)arg >= 0)
        *(volatile int *)arg = 1;
    return 0;
}

static void again(void *arg)
{
    csim *s = arg;
    if (csim_at(s, csim_now(s), again, s) != CSIM_OK)
        abort();
}

/* Virtual time that never moves. */
static int stands_still(void *arg, csim_sink *out)
{
    csim *s;
    (void)arg, (void)out;
    if (csim_create(1, 1, NULL, &s) != CSIM_OK || csim_at(s, 5, again, s) != CSIM_OK)
        return 1;
    return csim_run(s) == CSIM_OK ? 0 : 2;
}

static int floods(void *arg, csim_sink *out)
{
    char block[1000] = {0};
    (void)arg;
    while (csim_emit(out, block, sizeof block))
        ;
    return 5;
}

static void test_result_of_a_good_child(void **state)
{
    (void)state;
    struct csim_result r;
    int family = 4;
    ok(csim_isolated(works, &family, NULL, &r));
    assert_int_equal(r.exit_code, 0);
    assert_string_equal(r.text, "");
    assert_int_equal(r.len, 50000 * sizeof(int));
    for (int i = 0; i < 50000; i++)
        assert_memory_equal(r.bytes + (size_t)i * sizeof i, &i, sizeof i);
    csim_result_free(&r);
}

static void test_every_fault_is_told(void **state)
{
    (void)state;
    static const struct csim_isolated_options quick = {.timeout_ms = 150}, small = {.max_bytes = 4500};
    static int segv = SIGSEGV, abrt = SIGABRT, fpe = SIGFPE, counter;
    static const struct {
        csim_isolated_fn fn;
        int *arg;
        const struct csim_isolated_options *options;
        const char *status, *words;
        int signal;
        size_t len;
    } rows[] = {
        {fails, NULL, NULL, "ERR_FAULT", "returned 17; last words: the third packet was green", 0, 0},
        {crashes, &segv, NULL, "ERR_FAULT", "killed by SIGSEGV (Segmentation fault); last words: about to",
         SIGSEGV, 6},
        {crashes, &abrt, NULL, "ERR_FAULT", "killed by SIGABRT", SIGABRT, 6},
        {crashes, &fpe, NULL, "ERR_FAULT", "killed by SIGFPE", SIGFPE, 6},
        {exits, NULL, NULL, "ERR_FAULT", "left by exit(3) in the middle of its work", 0, 0},
        {loops, &counter, &quick, "ERR_TIMEOUT", "longer than allowed", 0, 0},
        {stands_still, NULL, &quick, "ERR_TIMEOUT", "longer than allowed", 0, 0},
        {floods, NULL, &small, "ERR_FAULT", "returned 5", 0, 4000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct csim_result r;
        const csim_status st = csim_isolated(rows[i].fn, rows[i].arg, rows[i].options, &r);
        assert_string_equal(csim_status_name(st), rows[i].status);
        assert_int_equal(r.status, st);
        if (!strstr(r.text, rows[i].words))
            fail_msg("row %zu: \"%s\" does not say \"%s\"", i, r.text, rows[i].words);
        assert_int_equal(r.signal, rows[i].signal);
        assert_int_equal(r.len, rows[i].len);
        csim_result_free(&r);
    }
}

static int naps(void *arg, csim_sink *out)
{
    const struct timespec ts = {0, *(int *)arg * 1000000L};
    nanosleep(&ts, NULL);
    return csim_emit(out, arg, sizeof(int)) ? 0 : 1;
}

static void test_several_at_once(void **state)
{
    (void)state;
    int ms[4] = {120, 10, 200, 60};
    csim_child *child[4];
    for (int i = 0; i < 4; i++)
        ok(csim_isolated_start(naps, &ms[i], NULL, &child[i]));
    unsigned seen = 0;
    for (int k = 0; k < 4; k++) {
        struct csim_result r;
        const int i = csim_isolated_wait(child, 4);
        assert_in_range(i, 0, 3);
        ok(csim_isolated_collect(child[i], &r));
        child[i] = NULL;
        assert_int_equal(r.len, sizeof(int));
        assert_memory_equal(r.bytes, &ms[i], sizeof(int));
        seen |= 1u << i;
        csim_result_free(&r);
    }
    assert_int_equal(seen, 15);
    assert_int_equal(csim_isolated_wait(child, 4), -1);
}

/* No argument of this interface makes ns-3 abort, but want of memory can, at any depth of its code. */
static int ns3_gives_up(void *arg, csim_sink *out)
{
    csim *s;
    csim_node *n[40];
    (void)arg, (void)out;
    if (csim_create(1, 1, NULL, &s) != CSIM_OK)
        return 1;
    struct rlimit little = {64u << 20, 64u << 20};
    setrlimit(RLIMIT_AS, &little);
    for (;;) /* until memory is out somewhere inside */
        for (int i = 0; i < 40; i++)
            if (csim_node_new(s, "n", CSIM_NODE_DUAL, &n[i]) != CSIM_OK) {
                fprintf(stderr, "%s\n", csim_error());
                return 42;
            }
}

static void test_out_of_memory_inside_ns3(void **state)
{
    (void)state;
    struct csim_result r;
    const struct csim_isolated_options o = {.timeout_ms = 5000};
    assert_int_equal(csim_isolated(ns3_gives_up, NULL, &o, &r), CSIM_ERR_FAULT);
    assert_true(r.signal != 0 || r.exit_code == 42 || strstr(r.text, "exit("));
    csim_result_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_bad_addresses),           world_test(test_bad_network),
        world_test(test_bad_impairments),         world_test(test_bad_sockets),
        world_test(test_no_running_inside_a_run), world_test(test_full_disk_is_told),
        world_test(test_result_of_a_good_child),  world_test(test_every_fault_is_told),
        world_test(test_several_at_once),         world_test(test_out_of_memory_inside_ns3),
    };
    return cmocka_run_group_tests_name("ns3: arguments and isolation", tests, NULL, NULL);
}
