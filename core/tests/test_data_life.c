/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection grows old: key updates, new addresses, idleness, resets, limits, the end. */
#include "data/conn.h"
#include "net.h"

static const uint8_t ping[] = "ping";

static struct net_end *established(struct net *w)
{
    w->echo = true;
    net_start(w);
    struct net_end *e = net_open(w, 0, CSEP_SERVICE_MESSAGE);
    net_send(w, e->c, ping, sizeof ping, true);
    net_run(w, w->now + CSEP_SEC(1));
    assert_int_equal(e->confirmed, 1);
    assert_int_equal(w->served.confirmed, 1);
    assert_non_null(w->last_served);
    return e;
}

static void exchange(struct net *w, struct net_end *e, unsigned n)
{
    uint8_t msg[100];
    unsigned before = w->num_received;
    memset(msg, (int)n, sizeof msg);
    net_send(w, e->c, msg, sizeof msg, false);
    net_run(w, w->now + CSEP_MS(400));
    assert_int_equal(w->num_received, before + 2);
}

/* ---- Key updates ---- */

//= DATA-53, DATA-54, DATA-55 type=test
static void test_key_update_both_sides(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    struct net_end *e = established(&w);
    for (unsigned i = 0; i < 12; i++) {
        struct csep_data *c = i & 1 ? w.last_served : e->c;
        assert_ok(csep_data_key_update(c, w.now));
        assert_status(csep_data_key_update(c, w.now), CSEP_AGAIN);
        exchange(&w, e, i);
        exchange(&w, e, i);               /* each end has a packet of the new phase acknowledged */
        net_run(&w, w.now + CSEP_SEC(2)); /* the old keys go */
    }
    assert_int_equal(e->updates, 12);
    assert_int_equal(w.served.updates, 12);
    assert_int_equal(w.nonces.generations, 12);
    struct csep_data_stats st;
    csep_data_get_stats(e->c, &st);
    assert_int_equal(st.forgeries, 0);
    net_done(&w);
}

/* Both at the same moment: each takes the other's new phase for its own. */
static void test_key_update_at_once(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    struct net_end *e = established(&w);
    for (unsigned i = 0; i < 5; i++) {
        assert_ok(csep_data_key_update(e->c, w.now));
        assert_ok(csep_data_key_update(w.last_served, w.now));
        exchange(&w, e, i);
        net_run(&w, w.now + CSEP_SEC(2));
    }
    assert_int_equal(w.nonces.generations, 5);
    net_done(&w);
}

static void test_key_update_under_loss(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct net w;
        net_init(&w, seed);
        struct net_end *e = established(&w);
        unsigned updates = 0;
        uint8_t msg[1500] = {0};
        w.loss = 1500;
        w.jitter = CSEP_MS(80);
        for (unsigned i = 0; i < 60; i++) {
            memcpy(msg, &i, sizeof i);
            net_send(&w, e->c, msg, sizeof msg, true);
            net_run(&w, w.now + CSEP_MS(150));
            struct csep_data *c = test_random_below(&w.wire_random, 2) ? e->c : w.last_served;
            updates += csep_data_key_update(c, w.now) == CSEP_OK;
        }
        net_run(&w, w.now + CSEP_SEC(20));
        assert_true(updates >= 3);
        assert_int_equal(w.num_received, 2 + 120);
        assert_int_equal(e->closed + w.served.closed, 0);
        net_done(&w);
    }
}

//= KEY-6, DATA-57 type=test
static void test_key_limit_updates(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.cfg.key_update_packets = 40;
    w.acceptor_cfg.data.key_update_packets = 60;
    struct net_end *e = established(&w);
    for (unsigned i = 0; i < 200; i++)
        exchange(&w, e, i);
    assert_true(w.nonces.generations >= 8);
    assert_int_equal(e->closed, 0);
    net_done(&w);
    net_init(&w, 1); /* an hour is enough of a reason too */
    w.cfg.idle_timeout = w.acceptor_cfg.data.idle_timeout = 0;
    e = established(&w);
    net_run(&w, w.now + CSEP_SEC(3601));
    exchange(&w, e, 1);
    exchange(&w, e, 2);
    assert_int_equal(w.nonces.generations, 1);
    net_done(&w);
}

static enum net_fault only_up(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)w;
    (void)n;
    (void)p;
    (void)len;
    return way == NET_UP ? NET_PASS : NET_DROP;
}

/* No acknowledgement, so no update: the sender stops, and CLOSE is the last packet under the key. */
static void test_key_limit_stops(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.cfg.key_update_packets = 20;
    struct net_end *e = established(&w);
    w.judge = only_up;
    for (unsigned i = 0; i < 200 && !e->closed && csep_data_get_state(e->c) < CSEP_DATA_CLOSING; i++) {
        net_send(&w, e->c, ping, sizeof ping, false);
        net_run(&w, w.now + CSEP_MS(100));
    }
    net_run(&w, w.now + CSEP_SEC(25));
    assert_int_equal(e->status, CSEP_ERR_AEAD_LIMIT);
    assert_int_equal(w.served.status, CSEP_ERR_AEAD_LIMIT);
    unsigned under = 0;
    for (unsigned i = 0; i < w.nonces.conns[0]->up[0].used.num; i++) {
        const struct range *r = ranges_at(&w.nonces.conns[0]->up[0].used, i);
        under += (unsigned)(r->hi - r->lo);
    }
    assert_true(under <= 40);
    net_done(&w);
}

/* ---- Addresses ---- */

//= DATA-46, DATA-47, DATA-48, DATA-49, DATA-52 type=test
static void test_migration(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    struct net_end *e = established(&w);
    uint8_t before[8], after[8];
    for (unsigned i = 0; i < 5; i++) {
        uint8_t buf[NET_DATAGRAM];
        struct csep_addr to;
        net_send(&w, e->c, ping, sizeof ping, false);
        size_t n = csep_data_output(e->c, buf, sizeof buf, &to, w.now);
        memcpy(before, buf + 1, 8);
        net_inject(&w, NET_UP, &e->addr, &to, buf, n, w.delay);
        net_run(&w, w.now + CSEP_SEC(1));
        e->addr = net_addr(100 + i, 1000);
        csep_data_migrate(e->c, w.now);
        net_send(&w, e->c, ping, sizeof ping, false);
        n = csep_data_output(e->c, buf, sizeof buf, &to, w.now);
        memcpy(after, buf + 1, 8);
        assert_memory_not_equal(before, after, 8);
        net_inject(&w, NET_UP, &e->addr, &to, buf, n, w.delay);
        net_run(&w, w.now + CSEP_SEC(2));
        assert_true(w.served.paths >= 2 * (i + 1)); /* changed, validated */
        exchange(&w, e, i);
    }
    assert_int_equal(w.served.closed + e->closed, 0);
    struct csep_data_stats st;
    csep_data_get_stats(w.last_served, &st);
    assert_int_equal(st.forgeries, 0);
    net_done(&w);
}

/* The same with loss: a challenge or an answer that is lost is sent again. */
static void test_migration_under_loss(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct net w;
        net_init(&w, seed);
        struct net_end *e = established(&w);
        w.loss = 1500;
        for (unsigned i = 0; i < 6; i++) {
            e->addr = net_addr(100 + i, 1000);
            csep_data_migrate(e->c, w.now);
            for (unsigned k = 0; k < 5; k++) {
                net_send(&w, e->c, ping, sizeof ping, true);
                net_run(&w, w.now + CSEP_SEC(1));
            }
        }
        w.loss = 0;
        net_run(&w, w.now + CSEP_SEC(20));
        assert_int_equal(w.num_received, 2 + 60);
        assert_int_equal(w.served.closed + e->closed, 0);
        assert_true(w.last_served->paths.now.proved);
        net_done(&w);
    }
}

/* The opener knows nothing of it: its NAT gave it another port. */
static void test_nat_rebinding(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    struct net_end *e = established(&w);
    for (unsigned i = 0; i < 10; i++) {
        e->addr.port++;
        exchange(&w, e, i);
    }
    assert_int_equal(test_trace_count(&w.trace_down, CSEP_TRACE_DATA_PATH), 20);
    net_done(&w);
}

static const struct csep_addr false_addr = {.family = 4, .ip = {10, 0, 0, 77}, .port = 7};
static uint64_t to_false, from_false;

/* Once, a datagram of the opener comes from a false address; `copy`: the true one comes too, later. */
static enum net_fault spoof(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    const bool *copy = w->judge_self;
    (void)n;
    if (way == NET_DOWN && w->to.port == false_addr.port) {
        to_false += *len;
        assert_true(to_false <= 3 * from_false); //= DATA-28 type=test
    }
    if (way == NET_DOWN || from_false)
        return NET_PASS;
    from_false = *len;
    net_inject(w, NET_UP, &false_addr, &w->acceptor_addr, p, *len, CSEP_MS(1));
    return *copy ? NET_PASS : NET_DROP;
}

//= DATA-50 type=test
static void test_spoofed_address(void **state)
{
    (void)state;
    for (int copy = 0; copy < 2; copy++) {
        struct net w;
        bool arg = copy;
        net_init(&w, 1);
        struct net_end *e = established(&w);
        net_send(&w, w.last_served, ping, sizeof ping, false);
        net_run(&w, w.now + w.delay + CSEP_MS(1)); /* there, not acknowledged yet */
        to_false = from_false = 0;
        w.judge = spoof;
        w.judge_self = &arg;
        net_run(&w, w.now + CSEP_SEC(5)); /* the acknowledgement is all that the opener sends */
        assert_true(from_false > 0 && to_false > 0);
        const struct csep_trace_event *failed = test_trace_find(&w.trace_down, CSEP_TRACE_DATA_PATH, 1);
        assert_non_null(failed);
        assert_int_equal(failed->arg[0], 3);
        exchange(&w, e, 1);
        net_done(&w);
    }
}

//= DATA-51 type=test
static void test_acceptor_does_not_move(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    struct net_end *e = established(&w);
    struct csep_data_stats before, after;
    csep_data_get_stats(e->c, &before);
    w.acceptor_addr.port++; /* it answers from another port */
    net_send(&w, e->c, ping, sizeof ping, false);
    net_run(&w, w.now + CSEP_MS(500));
    csep_data_get_stats(e->c, &after);
    assert_int_equal(before.packets_received, after.packets_received);
    assert_true(after.dropped > before.dropped);
    net_done(&w);
}

/* ---- The end ---- */

//= DATA-79 type=test
static void test_idle(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.acceptor_cfg.data.idle_timeout = CSEP_SEC(7);
    struct net_end *e = established(&w);
    uint64_t down = w.bytes_down, up = w.bytes_up;
    net_run(&w, w.now + CSEP_SEC(20));
    assert_int_equal(e->status, CSEP_ERR_IDLE);
    assert_int_equal(w.served.status, CSEP_ERR_IDLE);
    assert_true(e->closed_at < CSEP_SEC(109));
    assert_int_equal(w.bytes_down, down); /* in silence */
    assert_int_equal(w.bytes_up, up);
    net_done(&w);
}

static void test_closed_by_acceptor(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    struct net_end *e = established(&w);
    csep_data_close(w.last_served, 0x100, w.now);
    net_run(&w, w.now + CSEP_SEC(60));
    assert_int_equal(e->code, 0x100);
    assert_true(e->by_peer); //= DATA-78 type=test
    assert_int_equal(w.served.closed, 1);
    assert_int_equal(csep_acceptor_count(w.a), 0);
    net_done(&w);
}

/* What the early epoch left behind is still there, and the keys have moved on: CLOSE is a short packet all
 * the same. */
static void test_close_after_early_update(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.echo = true;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_send(&w, e->c, ping, sizeof ping, true);
    net_run(&w, w.now + 5 * w.delay);
    assert_int_equal(w.served.confirmed, 1);
    assert_ok(csep_data_key_update(w.last_served, w.now));
    csep_data_close(w.last_served, 3, w.now);
    net_run(&w, w.now + CSEP_SEC(20));
    assert_int_equal(e->closed, 1);
    assert_int_equal(e->code, 3);
    net_done(&w);
}

static unsigned closes;

static void count_closes(struct net *w, enum net_way way, const struct nonce_seen *seen, size_t datagram)
{
    (void)w;
    (void)datagram;
    closes += way == NET_UP && seen->len && seen->payload[0] == CSEP_FRAME_CLOSE;
}

/* CLOSE is lost; the acceptor goes on sending and is answered with CLOSE for every second packet. */
//= DATA-77 type=test
static void test_close_again(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    struct net_end *e = established(&w);
    struct csep_data *served = w.last_served;
    struct csep_addr to;
    uint8_t buf[NET_DATAGRAM];
    closes = 0;
    csep_data_close(e->c, 0x101, w.now);
    assert_true(csep_data_output(e->c, buf, sizeof buf, &to, w.now) > 0); /* lost */
    assert_int_equal(csep_data_output(e->c, buf, sizeof buf, &to, w.now), 0);
    w.watch = count_closes;
    for (unsigned i = 0; i < 5; i++) {
        net_send(&w, served, ping, sizeof ping, false);
        size_t n = csep_data_output(served, buf, sizeof buf, &to, w.now);
        assert_true(n > 0);
        net_inject(&w, NET_DOWN, &w.acceptor_addr, &e->addr, buf, n, CSEP_MS(1));
        while (csep_data_output(served, buf, sizeof buf, &to, w.now))
            ;
        net_run(&w, w.now + CSEP_MS(2));
    }
    assert_int_equal(closes, 2);
    net_run(&w, w.now + CSEP_SEC(60));
    assert_int_equal(w.served.code, 0x101);
    net_done(&w);
}

//= DATA-80, DATA-81, DATA-82 type=test
static void test_reset(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    memset(w.acceptor_cfg.reset_key, 0x42, 32);
    struct net_end *e = established(&w);
    csep_acceptor_wipe(w.a); /* the acceptor forgets everything but its key */
    w.last_served = NULL;
    assert_ok(csep_acceptor_init(w.a, &w.acceptor_cfg, w.now));
    net_send(&w, e->c, ping, sizeof ping, false);
    net_run(&w, w.now + CSEP_SEC(10));
    assert_int_equal(e->closed, 1);
    assert_int_equal(e->status, CSEP_ERR_RESET);
    net_done(&w);
}

/* A reset under another key means nothing. */
static void test_false_reset(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    memset(w.acceptor_cfg.reset_key, 0x42, 32);
    struct net_end *e = established(&w);
    csep_acceptor_wipe(w.a);
    w.last_served = NULL;
    memset(w.acceptor_cfg.reset_key, 0x43, 32);
    assert_ok(csep_acceptor_init(w.a, &w.acceptor_cfg, w.now));
    net_send(&w, e->c, ping, sizeof ping, false);
    net_run(&w, w.now + CSEP_SEC(10));
    assert_int_equal(e->closed, 0);
    net_done(&w);
}

//= CTX-16, DATA-83 type=test
static void test_context_end(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.slots.menu.expires = w.now + CSEP_SEC(20);
    w.cfg.idle_timeout = w.acceptor_cfg.data.idle_timeout = 0;
    struct net_end *e = established(&w);
    net_run(&w, w.now + CSEP_SEC(120));
    assert_int_equal(w.served.closed, 1);
    assert_true(w.served.closed_at <= CSEP_SEC(100 + 20 + 60));
    assert_true(e->status == CSEP_ERR_EXPIRED);
    net_done(&w);
}

static void test_usage_limit(void **state)
{
    (void)state;
    for (int bytes = 0; bytes < 2; bytes++) {
        struct net w;
        net_init(&w, 1);
        if (bytes)
            w.slots.menu.left.bytes = 3000;
        else
            w.slots.menu.left.packets = 50;
        struct net_end *e = established(&w);
        for (unsigned i = 0; i < 100 && csep_data_get_state(e->c) == CSEP_DATA_CONFIRMED; i++) {
            net_send(&w, e->c, ping, sizeof ping, false);
            net_run(&w, w.now + CSEP_MS(200));
        }
        net_run(&w, w.now + CSEP_SEC(60));
        assert_int_equal(e->status, CSEP_ERR_AEAD_LIMIT);
        assert_int_equal(w.served.status, CSEP_ERR_AEAD_LIMIT);
        net_done(&w);
    }
}

static void test_hints_and_tickets(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    struct net_end *e = established(&w);
    assert_status(csep_data_send_hint(e->c, CSEP_HINT_REFRESH, 5, w.now), CSEP_ERR_UNSUPPORTED);
    assert_ok(csep_data_send_hint(w.last_served, CSEP_HINT_REFRESH, 60, w.now));
    assert_ok(csep_data_send_tickets(w.last_served, 8, w.now)); //= CTX-10 type=test
    net_run(&w, w.now + CSEP_SEC(1));
    assert_int_equal(e->hints, 1);
    assert_int_equal(e->code, CSEP_HINT_REFRESH);
    assert_int_equal(e->tickets, 1);
    net_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_update_both_sides),
        cmocka_unit_test(test_key_update_at_once),
        cmocka_unit_test(test_key_update_under_loss),
        cmocka_unit_test(test_key_limit_updates),
        cmocka_unit_test(test_key_limit_stops),
        cmocka_unit_test(test_migration),
        cmocka_unit_test(test_migration_under_loss),
        cmocka_unit_test(test_nat_rebinding),
        cmocka_unit_test(test_spoofed_address),
        cmocka_unit_test(test_acceptor_does_not_move),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_closed_by_acceptor),
        cmocka_unit_test(test_close_after_early_update),
        cmocka_unit_test(test_close_again),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_false_reset),
        cmocka_unit_test(test_context_end),
        cmocka_unit_test(test_usage_limit),
        cmocka_unit_test(test_hints_and_tickets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
