/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP of ns3.h: exact times, intact data under loss, every way to end. */
#include "ns3_world.h"

/* One end of a connection: what it has to send, what it got, how it ended. */
struct side {
    struct pair *pair;
    csim_tcp *c;
    uint64_t to_send, sent, got;
    uint8_t salt;      /* of the bytes it sends; it expects those of the other side */
    bool wait_for_fin; /* send only when the peer has finished */
    bool start_paused;
    bool close_early; /* csim_tcp_close() instead of shutdown, as soon as all is handed over */
    unsigned connected, finished, ended, writable;
    enum csim_tcp_end why;
    uint64_t connected_at, first_byte_at, finished_at, ended_at;
};

struct pair {
    struct world w;
    struct side client, server;
    csim_tcp *listener;
    uint64_t accepted_at;
    unsigned accepted;
};

static uint8_t byte_at(uint8_t salt, uint64_t i)
{
    return (uint8_t)((i * 2654435761u >> 13) + salt + i / 251);
}

static void send_more(struct side *s)
{
    uint8_t block[4096];
    while (s->sent < s->to_send) {
        const uint64_t left = s->to_send - s->sent;
        const size_t n = left < sizeof block ? (size_t)left : sizeof block;
        size_t taken;
        for (size_t i = 0; i < n; i++)
            block[i] = byte_at(s->salt, s->sent + i);
        ok(csim_tcp_send(s->c, block, n, &taken));
        s->sent += taken;
        if (taken < n)
            return;
    }
    ok(s->close_early ? csim_tcp_close(s->c) : csim_tcp_shutdown(s->c));
}

static void on_connected(void *arg, csim_tcp *c)
{
    struct side *s = arg;
    assert_ptr_equal(c, s->c);
    s->connected++;
    s->connected_at = csim_now(s->pair->w.sim);
    if (!s->wait_for_fin)
        send_more(s);
}

static void on_received(void *arg, csim_tcp *c, const uint8_t *data, size_t len)
{
    struct side *s = arg;
    const uint8_t salt = s == &s->pair->client ? s->pair->server.salt : s->pair->client.salt;
    assert_ptr_equal(c, s->c);
    assert_int_equal(s->finished + s->ended, 0);
    if (s->got == 0)
        s->first_byte_at = csim_now(s->pair->w.sim);
    for (size_t i = 0; i < len; i++)
        if (data[i] != byte_at(salt, s->got + i))
            fail_msg("byte %" PRIu64 " is wrong", s->got + i);
    s->got += len;
}

static void on_writable(void *arg, csim_tcp *c, size_t room)
{
    struct side *s = arg;
    assert_ptr_equal(c, s->c);
    assert_true(room > 0);
    s->writable++;
    send_more(s);
}

static void on_finished(void *arg, csim_tcp *c)
{
    struct side *s = arg;
    assert_ptr_equal(c, s->c);
    s->finished++;
    s->finished_at = csim_now(s->pair->w.sim);
    if (s->wait_for_fin)
        send_more(s);
}

static void on_ended(void *arg, csim_tcp *c, enum csim_tcp_end why)
{
    struct side *s = arg;
    assert_ptr_equal(c, s->c);
    s->ended++;
    s->why = why;
    s->ended_at = csim_now(s->pair->w.sim);
    csim_tcp_free(c); /* a handle may go in its own last callback */
}

static const struct csim_tcp_events side_events = {on_connected, on_received, on_writable, on_finished,
                                                   on_ended};

static void on_accepted(void *arg, csim_tcp *listener, csim_tcp *c, const struct csep_addr *peer)
{
    struct pair *p = arg;
    assert_ptr_equal(listener, p->listener);
    assert_memory_equal(peer->ip, p->w.client_addr.ip, 16);
    p->accepted++;
    p->accepted_at = csim_now(p->w.sim);
    p->server.c = c;
    ok(csim_tcp_events_set(c, &side_events, &p->server));
    ok(csim_tcp_pause(c, p->server.start_paused));
    if (!p->server.wait_for_fin)
        send_more(&p->server);
}

static void pair_make(struct pair *p, int family, int hops, uint64_t seed, const struct csim_link_options *lo,
                      const struct csim_options *so)
{
    memset(p, 0, sizeof *p);
    world_make(&p->w, family, hops, seed, lo, so);
    p->client.pair = p->server.pair = p;
    p->client.salt = 3;
    p->server.salt = 101;
}

static void pair_start(struct pair *p)
{
    ok(csim_tcp_listen(p->w.server, &p->w.server_any, NULL, on_accepted, p, &p->listener));
    ok(csim_tcp_connect(p->w.client, NULL, &p->w.server_addr, NULL, &side_events, &p->client, &p->client.c));
}

static void lose(struct pair *p, double rate)
{
    const struct csim_impairment i = {.loss = CSIM_LOSS_RANDOM, .rate = rate};
    ok(csim_link_impair(p->w.near, CSIM_A_TO_B, &i));
    ok(csim_link_impair(p->w.near, CSIM_B_TO_A, &i));
}

static void expect_both_closed(const struct pair *p)
{
    const struct side *side[2] = {&p->client, &p->server};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(side[i]->ended, 1);
        assert_string_equal(csim_tcp_end_name(side[i]->why), "closed");
        if (!side[i]->close_early)
            assert_int_equal(side[i]->got, side[1 - i]->to_send);
    }
}

/* ---- times -------------------------------------------------------------- */

static void test_handshake_takes_one_round_trip(void **state)
{
    (void)state;
    for (int family = 4; family <= 6; family += 2) {
        for (int hops = 1; hops <= 2; hops++) {
            struct pair p;
            struct csim_link_options o;
            csim_link_options_default(&o);
            o.rate_bps = 10000000;
            o.delay_ns = MS(25);
            pair_make(&p, family, hops, 1, &o, NULL);
            p.client.to_send = 100;
            p.server.to_send = 40;
            p.server.wait_for_fin = true;
            pair_start(&p);
            ok(csim_run(p.w.sim));
            expect_both_closed(&p);
            const uint32_t ip = family == 4 ? 20 : 40;
            const uint64_t h = (uint64_t)hops;
            const uint64_t syn = h * (o.delay_ns + csim_link_airtime(p.w.near, ip + 36));
            assert_int_equal(p.client.connected_at, 2 * syn);
            /* The last ACK of the handshake and the first data leave back to back in the same nanosecond. */
            const uint64_t ack = csim_link_airtime(p.w.near, ip + 32);
            const uint64_t data = csim_link_airtime(p.w.near, ip + 32 + 100);
            assert_int_equal(p.accepted_at, 2 * syn + h * (o.delay_ns + ack));
            assert_int_equal(p.server.first_byte_at, 2 * syn + ack + h * (o.delay_ns + data));
            world_end(&p.w);
        }
    }
}

static void test_refused_after_one_round_trip(void **state)
{
    (void)state;
    for (int family = 4; family <= 6; family += 2) {
        struct pair p;
        struct csep_addr elsewhere;
        pair_make(&p, family, 2, 1, NULL, NULL);
        elsewhere = p.w.server_addr;
        elsewhere.port++;
        pair_start(&p);
        ok(csim_tcp_abort(p.client.c));
        ok(csim_run(p.w.sim));
        assert_string_equal(csim_tcp_end_name(p.client.why), "aborted");
        const uint64_t from = csim_now(p.w.sim);
        p.client.ended = 0;
        ok(csim_tcp_connect(p.w.client, NULL, &elsewhere, NULL, &side_events, &p.client, &p.client.c));
        ok(csim_run(p.w.sim));
        const uint32_t ip = family == 4 ? 20 : 40;
        assert_int_equal(p.client.ended, 1);
        assert_string_equal(csim_tcp_end_name(p.client.why), "refused");
        assert_int_equal(p.client.ended_at - from, 4 * MS(10) + 2 * csim_link_airtime(p.w.near, ip + 36) +
                                                       2 * csim_link_airtime(p.w.near, ip + 20));
        assert_int_equal(p.client.connected, 0);
        world_end(&p.w);
    }
}

static void test_no_answer_to_syns(void **state)
{
    (void)state;
    struct pair p;
    pair_make(&p, 4, 1, 1, NULL, NULL);
    ok(csim_link_set_up(p.w.near, 0, false));
    pair_start(&p);
    ok(csim_run(p.w.sim));
    assert_string_equal(csim_tcp_end_name(p.client.why), "timeout");
    assert_int_equal(p.client.ended_at, MS(63000)); /* 1 + 2 + 4 + 8 + 16 + 32 s */
    world_end(&p.w);
}

static void test_time_wait_is_two_msl(void **state)
{
    (void)state;
    struct pair p;
    struct csim_options so;
    csim_options_default(&so);
    so.tcp.msl_ns = MS(30);
    pair_make(&p, 4, 1, 1, NULL, &so);
    p.server.wait_for_fin = true;
    pair_start(&p);
    ok(csim_run_until(p.w.sim, MS(200)));
    expect_both_closed(&p);
    const uint64_t ended = p.client.ended_at;
    struct csep_addr local;
    ok(csim_run(p.w.sim));
    assert_true(csim_now(p.w.sim) <=
                MS(2000)); /* what stays in the queue is a cancelled retransmission timer */
    assert_true(ended < MS(100));
    assert_int_equal(csim_tcp_local(p.listener, &local), CSIM_OK);
    assert_int_equal(local.port, SERVER_PORT);
    world_end(&p.w);
}

/* ---- data --------------------------------------------------------------- */

/* 1 MiB up, FIN, then 300 kB down after the FIN: what ns-3 alone truncates now and then. */
static void test_all_bytes_arrive_under_loss(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct pair p;
        pair_make(&p, seed % 2 ? 4 : 6, 1, seed, NULL, NULL);
        lose(&p, 0.03);
        p.client.to_send = 1u << 20;
        p.server.to_send = 300000;
        p.server.wait_for_fin = true;
        pair_start(&p);
        ok(csim_run(p.w.sim));
        expect_both_closed(&p);
        world_end(&p.w);
    }
}

/* Both send and finish at once: FINs and last data cross, and get lost, in every way. */
static void test_crossing_ends_lose_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct pair p;
        pair_make(&p, seed % 2 ? 4 : 6, 1, seed, NULL, NULL);
        lose(&p, seed % 3 ? 0.05 : 0.25);
        p.client.to_send = seed % 4 * 7001;
        p.server.to_send = seed % 5 * 5003;
        pair_start(&p);
        ok(csim_run(p.w.sim));
        if (p.client.why == CSIM_TCP_TIMEOUT || p.server.why == CSIM_TCP_TIMEOUT) {
            assert_true(seed % 3 == 0); /* a quarter of all packets lost may be more than retries can bear */
            world_end(&p.w);
            continue;
        }
        expect_both_closed(&p);
        world_end(&p.w);
    }
}

/* The same with each single packet of the closing handshake dropped in turn. */
static void test_every_single_drop_heals(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 8; n++) {
        for (int d = 0; d < 2; d++) {
            for (int wait = 0; wait < 2; wait++) {
                struct pair p;
                pair_make(&p, 4, 1, 1, NULL, NULL);
                ok(csim_link_fault(p.w.near, (enum csim_dir)d, n, CSIM_FAULT_DROP, 0));
                p.client.to_send = 2000;
                p.server.to_send = 3000;
                p.server.wait_for_fin = wait;
                pair_start(&p);
                ok(csim_run(p.w.sim));
                expect_both_closed(&p);
                assert_int_equal(p.client.finished, 1);
                assert_int_equal(p.server.finished, 1);
                world_end(&p.w);
            }
        }
    }
}

static void test_back_pressure(void **state)
{
    (void)state;
    struct pair p;
    struct csim_options so;
    csim_options_default(&so);
    so.tcp.send_buffer = 8192;
    pair_make(&p, 4, 1, 1, NULL, &so);
    p.client.to_send = 200000;
    p.server.wait_for_fin = true;
    pair_start(&p);
    ok(csim_run(p.w.sim));
    expect_both_closed(&p);
    assert_true(p.client.writable >= 20);
    world_end(&p.w);
}

static void test_slow_reader_closes_the_window(void **state)
{
    (void)state;
    struct pair p;
    struct csim_options so;
    struct csim_tcp_info info;
    csim_options_default(&so);
    so.tcp.receive_buffer = 20000;
    pair_make(&p, 4, 1, 1, NULL, &so);
    p.client.to_send = 100000;
    p.server.wait_for_fin = true;
    p.server.start_paused = true;
    pair_start(&p);
    ok(csim_run_until(p.w.sim, MS(31)));
    assert_int_equal(p.accepted, 1);
    ok(csim_run_until(p.w.sim, MS(5000)));
    assert_int_equal(p.server.got, 0);
    ok(csim_tcp_query(p.client.c, &info));
    assert_string_equal(info.state, "ESTABLISHED");
    assert_in_range(info.unacked, 100000 - 22000, 100000 - 17000);
    ok(csim_tcp_pause(p.server.c, false));
    ok(csim_run(p.w.sim));
    expect_both_closed(&p);
    assert_true(p.client.ended_at < MS(6000)); /* the window update opens it, not the next probe */
    world_end(&p.w);
}

static void test_segments_fit_the_mtu(void **state)
{
    (void)state;
    for (int family = 4; family <= 6; family += 2) {
        struct pair p;
        struct csim_counters c;
        pair_make(&p, family, 1, 1, NULL, NULL);
        p.client.to_send = 100 * (family == 4 ? 1448 : 1428);
        p.server.wait_for_fin = true;
        pair_start(&p);
        ok(csim_run(p.w.sim));
        expect_both_closed(&p);
        ok(csim_link_counters(p.w.near, CSIM_A_TO_B, &c));
        assert_int_equal(c.sent, 1 + 1 + 100 + 1 + 1); /* SYN, ACK, data, FIN, ACK */
        world_end(&p.w);
    }
}

/* ---- other ends --------------------------------------------------------- */

static void test_abort_resets_the_peer(void **state)
{
    (void)state;
    struct pair p;
    pair_make(&p, 4, 1, 1, NULL, NULL);
    p.client.to_send = 10000000;
    p.server.wait_for_fin = true;
    pair_start(&p);
    ok(csim_run_until(p.w.sim, MS(100)));
    ok(csim_tcp_abort(p.client.c));
    size_t taken;
    assert_int_equal(csim_tcp_send(p.client.c, (const uint8_t *)"x", 1, &taken), CSIM_ERR_CLOSED);
    ok(csim_tcp_abort(p.client.c));
    ok(csim_tcp_close(p.client.c));
    assert_int_equal(p.client.ended, 0); /* told from an event of its own */
    ok(csim_run(p.w.sim));
    assert_string_equal(csim_tcp_end_name(p.client.why), "aborted");
    assert_string_equal(csim_tcp_end_name(p.server.why), "reset");
    assert_int_equal(p.server.ended, 1);
    assert_int_equal(p.server.finished, 0);
    world_end(&p.w);
}

static void test_dead_path_ends_data_and_fin(void **state)
{
    (void)state;
    for (int with_data = 0; with_data < 2; with_data++) {
        struct pair p;
        pair_make(&p, 4, 1, 1, NULL, NULL);
        p.server.wait_for_fin = true;
        p.client.wait_for_fin = true;
        p.client.to_send = with_data ? 50000 : 0;
        pair_start(&p);
        ok(csim_run_until(p.w.sim, MS(100)));
        ok(csim_link_set_up(p.w.near, MS(100), false));
        send_more(&p.client);
        ok(csim_run(p.w.sim)); /* ends: nothing is repeated for ever */
        assert_int_equal(p.client.ended, 1);
        assert_string_equal(csim_tcp_end_name(p.client.why), "timeout");
        assert_int_equal(p.server.ended, 0); /* hears nothing and says nothing */
        world_end(&p.w);
    }
}

static void test_dead_peer_behind_a_closed_window(void **state)
{
    (void)state;
    struct pair p;
    struct csim_options so;
    csim_options_default(&so);
    so.tcp.receive_buffer = 4 * 1448;
    pair_make(&p, 4, 1, 1, NULL, &so);
    p.client.to_send = 100000;
    p.server.wait_for_fin = true;
    p.server.start_paused = true;
    pair_start(&p);
    ok(csim_run_until(p.w.sim, MS(31)));
    ok(csim_run_until(p.w.sim, MS(2000)));
    ok(csim_link_set_up(p.w.near, MS(2000), false));
    ok(csim_run(p.w.sim));
    assert_string_equal(csim_tcp_end_name(p.client.why), "timeout");
    world_end(&p.w);
}

static void accept_nothing(void *arg, csim_tcp *listener, csim_tcp *c, const struct csep_addr *peer)
{
    struct pair *p = arg;
    (void)listener, (void)c, (void)peer;
    p->accepted++;
}

static void test_accept_without_events_resets(void **state)
{
    (void)state;
    struct pair p;
    pair_make(&p, 6, 1, 1, NULL, NULL);
    p.client.wait_for_fin = true;
    ok(csim_tcp_listen(p.w.server, &p.w.server_any, NULL, accept_nothing, &p, &p.listener));
    ok(csim_tcp_connect(p.w.client, NULL, &p.w.server_addr, NULL, &side_events, &p.client, &p.client.c));
    ok(csim_run(p.w.sim));
    assert_int_equal(p.accepted, 1);
    assert_int_equal(p.client.connected, 1);
    assert_string_equal(csim_tcp_end_name(p.client.why), "reset");
    /* After the listener is gone, refused. */
    ok(csim_tcp_close(p.listener));
    p.client.ended = 0;
    ok(csim_tcp_connect(p.w.client, NULL, &p.w.server_addr, NULL, &side_events, &p.client, &p.client.c));
    ok(csim_run(p.w.sim));
    assert_string_equal(csim_tcp_end_name(p.client.why), "refused");
    world_end(&p.w);
}

static void test_close_discards_what_comes(void **state)
{
    (void)state;
    struct pair p;
    pair_make(&p, 4, 1, 1, NULL, NULL);
    p.client.close_early = true;
    p.client.to_send = 10;
    p.server.to_send = 50000;
    pair_start(&p);
    ok(csim_run(p.w.sim));
    expect_both_closed(&p);
    assert_int_equal(p.client.got, 0);
    assert_int_equal(p.client.finished, 0);
    assert_int_equal(p.server.got, 10);
    world_end(&p.w);
}

static void test_freed_in_the_middle(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < 60; at += 5) {
        struct pair p;
        pair_make(&p, 4, 1, 1, NULL, NULL);
        p.client.to_send = p.server.to_send = 500000;
        pair_start(&p);
        ok(csim_run_until(p.w.sim, MS(at)));
        csim_tcp_free(p.client.c);
        csim_tcp_free(p.listener);
        ok(csim_run(p.w.sim));
        assert_int_equal(p.client.ended, 0);
        if (p.accepted)
            assert_string_equal(csim_tcp_end_name(p.server.why), "reset");
        world_end(&p.w);
    }
}

/* Data and FIN may be handed over before the handshake is done. */
static void test_everything_before_connected(void **state)
{
    (void)state;
    struct pair p;
    pair_make(&p, 6, 2, 1, NULL, NULL);
    p.client.to_send = 5000;
    p.server.wait_for_fin = true;
    p.client.wait_for_fin = true; /* not from on_connected() */
    pair_start(&p);
    send_more(&p.client);
    ok(csim_tcp_shutdown(p.client.c)); /* once more does no harm */
    ok(csim_run_until(p.w.sim, MS(39)));
    assert_int_equal(p.client.connected, 0);
    ok(csim_run(p.w.sim));
    assert_int_equal(p.server.got, 5000);
    assert_int_equal(p.server.finished, 1);
    assert_string_equal(csim_tcp_end_name(p.server.why), "closed");
    world_end(&p.w);
}

static void test_address_change_starves_a_connection(void **state)
{
    (void)state;
    for (int family = 4; family <= 6; family += 2) {
        struct pair p;
        pair_make(&p, family, 2, 1, NULL, NULL);
        p.client.to_send = 10000000;
        p.server.wait_for_fin = true;
        pair_start(&p);
        ok(csim_run_until(p.w.sim, MS(300)));
        ok(csim_address_remove(p.w.client, p.w.near, family == 4 ? "10.1.0.1" : "fd00:1::1"));
        ok(csim_address(p.w.client, p.w.near, family == 4 ? "10.1.0.9/24" : "fd00:1::9/64"));
        ok(csim_run(p.w.sim));
        assert_int_equal(p.client.ended, 1);
        assert_string_equal(csim_tcp_end_name(p.client.why), "timeout");
        assert_int_equal(p.server.finished, 0);
        world_end(&p.w);
    }
}

static void test_a_port_can_be_used_again(void **state)
{
    (void)state;
    struct pair p;
    csim_tcp *again;
    pair_make(&p, 4, 1, 1, NULL, NULL);
    p.server.wait_for_fin = true;
    pair_start(&p);
    ok(csim_run(p.w.sim));
    expect_both_closed(&p);
    csim_tcp_free(p.listener);
    ok(csim_tcp_listen(p.w.server, &p.w.server_any, NULL, on_accepted, &p, &again));
    struct csep_addr local = p.w.any;
    local.port = 999;
    p.client.sent = p.client.ended = p.server.sent = p.server.ended = p.client.finished = p.server.finished =
        0;
    p.listener = again;
    ok(csim_tcp_connect(p.w.client, &local, &p.w.server_addr, NULL, &side_events, &p.client, &p.client.c));
    ok(csim_tcp_local(p.client.c, &local));
    assert_int_equal(local.port, 999);
    ok(csim_run(p.w.sim));
    expect_both_closed(&p);
    assert_int_equal(p.accepted, 2);
    world_end(&p.w);
}

static void test_options_reach_the_wire(void **state)
{
    (void)state;
    struct pair p;
    struct csim_options so;
    struct csim_tcp_info info;
    char text[400];
    csim_options_default(&so);
    so.tcp.initial_cwnd = 4;
    so.tcp.min_rto_ns = MS(200);
    so.tcp.conn_timeout_ns = MS(250);
    so.tcp.congestion = CSIM_NEWRENO;
    assert_non_null(strstr(csim_tcp_options_text(&so.tcp, text, sizeof text), "min RTO 200 ms"));
    assert_non_null(strstr(text, "NewReno"));
    pair_make(&p, 4, 1, 1, NULL, &so);
    p.client.to_send = 100000;
    p.server.wait_for_fin = true;
    ok(csim_link_fault(p.w.near, CSIM_A_TO_B, 1, CSIM_FAULT_DROP,
                       0)); /* the SYN: repeated after conn_timeout */
    pair_start(&p);
    ok(csim_run_until(p.w.sim, MS(271)));
    assert_in_range(p.client.connected_at, MS(270), MS(271));
    ok(csim_tcp_query(p.client.c, &info));
    assert_int_equal(info.cwnd, 4 * 1448);
    assert_int_equal(info.rto_ns, MS(200));
    assert_int_equal(info.retransmits, 1);
    ok(csim_run(p.w.sim));
    expect_both_closed(&p);
    world_end(&p.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_handshake_takes_one_round_trip),
        world_test(test_refused_after_one_round_trip),
        world_test(test_no_answer_to_syns),
        world_test(test_time_wait_is_two_msl),
        world_test(test_all_bytes_arrive_under_loss),
        world_test(test_crossing_ends_lose_nothing),
        world_test(test_every_single_drop_heals),
        world_test(test_back_pressure),
        world_test(test_slow_reader_closes_the_window),
        world_test(test_segments_fit_the_mtu),
        world_test(test_abort_resets_the_peer),
        world_test(test_dead_path_ends_data_and_fin),
        world_test(test_dead_peer_behind_a_closed_window),
        world_test(test_accept_without_events_resets),
        world_test(test_close_discards_what_comes),
        world_test(test_freed_in_the_middle),
        world_test(test_everything_before_connected),
        world_test(test_address_change_starves_a_connection),
        world_test(test_a_port_can_be_used_again),
        world_test(test_options_reach_the_wire),
    };
    return cmocka_run_group_tests_name("ns3: TCP", tests, NULL, NULL);
}
