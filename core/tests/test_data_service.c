/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagrams and messages: what is said again, what is given up, in which order, and with how much credit. */
#include "data/conn.h"
#include "net.h"

static const uint8_t ping[] = "ping";

static struct net_end *established(struct net *w, enum csep_service service)
{
    w->cfg.idle_timeout = w->acceptor_cfg.data.idle_timeout = 0;
    net_start(w);
    struct net_end *e = net_open(w, 0, service);
    net_run(w, w->now + CSEP_SEC(1));
    assert_int_equal(e->opened, 1);
    return e;
}

/* ---- Datagrams ---- */

//= DATA-61 type=test
static void test_datagrams(void **state)
{
    (void)state;
    struct net w;
    uint8_t msg[1200] = {0};
    net_init(&w, 1);
    w.echo = true;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_DATAGRAM);
    struct csep_message_options opt = net_reliable(false);
    assert_status(csep_data_send_message(e->c, &opt, ping, 4, w.now, NULL), CSEP_ERR_SERVICE);
    size_t most = csep_data_max_datagram(e->c);
    assert_true(most > 1100);
    assert_status(csep_data_send_datagram(e->c, msg, most + 1, w.now), CSEP_ERR_OVERSIZE);
    assert_ok(csep_data_send_datagram(e->c, ping, sizeof ping, w.now));
    assert_ok(csep_data_send_datagram(e->c, msg, most, w.now));
    assert_ok(csep_data_send_datagram(e->c, msg, 0, w.now));
    net_run(&w, w.now + CSEP_SEC(1));
    assert_int_equal(w.num_received, 6);
    assert_true(w.received[0].datagram && w.received[0].early);
    assert_int_equal(net_count(&w, true, msg, most), 1);
    assert_int_equal(net_count(&w, false, msg, 0), 1);
    net_done(&w);
}

static enum net_fault drop_some(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)w;
    (void)p;
    (void)len;
    return way == NET_UP && n % 3 == 0 ? NET_DROP : NET_PASS;
}

//= DATA-63 type=test
static void test_datagrams_once(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    struct net_end *e = established(&w, CSEP_SERVICE_DATAGRAM);
    w.judge = drop_some;
    for (uint32_t i = 0; i < 200; i++) {
        assert_ok(csep_data_send_datagram(e->c, (uint8_t *)&i, sizeof i, w.now));
        net_run(&w, w.now + CSEP_MS(10));
    }
    net_run(&w, w.now + CSEP_SEC(5));
    assert_true(w.num_received > 100 && w.num_received < 180);
    for (uint32_t i = 0; i < 200; i++)
        assert_true(net_count(&w, true, &i, sizeof i) <= 1);
    struct csep_data_stats st;
    csep_data_get_stats(e->c, &st);
    assert_true(st.packets_lost > 10); //= DATA-73 type=test
    assert_int_equal(st.in_flight, 0); //= DATA-75 type=test
    net_done(&w);
}

//= DATA-33 type=test
static void test_early_datagrams_again(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.slots.menu.fresh = false;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_DATAGRAM);
    for (uint32_t i = 0; i < 5; i++)
        assert_ok(csep_data_send_datagram(e->c, (uint8_t *)&i, sizeof i, w.now));
    net_run(&w, w.now + CSEP_SEC(2));
    assert_int_equal(w.num_received, 5);
    for (uint32_t i = 0; i < 5; i++) {
        assert_memory_equal(w.received[i].bytes, &i, sizeof i); /* in order */
        assert_false(w.received[i].early);
    }
    net_done(&w);
}

/* ---- Partial reliability ---- */

struct chosen {
    unsigned part;  /* 0 first, 1 middle, 2 last fragment of the message */
    unsigned times; /* how often it is dropped */
    unsigned seen;
};

/* Drops the datagrams that carry a part of message 1. */
static enum net_fault drop_part(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    struct chosen *c = w->judge_self;
    const struct nonce_seen *s = nonces_last(&w->nonces);
    (void)n;
    (void)p;
    (void)len;
    if (way != NET_UP)
        return NET_PASS;
    struct frame_where where = {CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, s->early ? PLACE_EARLY : PLACE_DATA,
                                SENT_BY_OPENER};
    struct frames it;
    struct frame f;
    frames_init(&it, view_of(s->payload, s->len), &where);
    while (frames_next(&it, &f) == CSEP_OK) {
        if (f.type != CSEP_FRAME_MESSAGE || f.u.message.sequence != 1)
            continue;
        bool fin = f.u.message.flags & CSEP_MESSAGE_FIN;
        unsigned part = f.u.message.offset == 0 ? 0 : fin ? 2 : 1;
        if (part == c->part && c->seen < c->times) {
            c->seen++;
            return NET_DROP;
        }
    }
    return NET_PASS;
}

static void give_up(unsigned part, bool ordered, bool by_time)
{
    static uint8_t big[3000];
    struct net w;
    struct chosen c = {part, 100, 0};
    net_init(&w, 1);
    struct net_end *e = established(&w, CSEP_SERVICE_MESSAGE);
    w.judge = drop_part;
    w.judge_self = &c;
    memset(big, 9, sizeof big);
    struct csep_message_options opt = net_reliable(ordered);
    net_send(&w, e->c, "a", 1, ordered);
    if (by_time)
        opt.deadline = w.now + CSEP_MS(500);
    else
        opt.transmissions = 3;
    net_send_opt(&w, e->c, &opt, big, sizeof big);
    net_send(&w, e->c, "c", 1, ordered);
    net_run(&w, w.now + CSEP_SEC(20));
    assert_int_equal(e->abandoned, 1);
    assert_int_equal(e->sent, 2);
    assert_int_equal(net_count(&w, true, big, sizeof big), 0); //= DATA-66 type=test
    assert_int_equal(w.num_received, 2);                       //= DATA-67 type=test
    if (!by_time)
        assert_int_equal(c.seen, 3); //= DATA-64 type=test
    /* The credit of what was skipped comes back. */
    assert_int_equal(w.last_served->in.received, w.last_served->in.consumed);
    net_done(&w);
}

//= DATA-64 type=test
static void test_given_up(void **state)
{
    (void)state;
    for (unsigned part = 0; part < 3; part++)
        for (int ordered = 0; ordered < 2; ordered++)
            for (int by_time = 0; by_time < 2; by_time++)
                give_up(part, ordered, by_time);
}

/* Lost once, sent a second time, delivered. */
static void test_second_transmission(void **state)
{
    (void)state;
    static uint8_t big[3000];
    for (unsigned part = 0; part < 3; part++) {
        struct net w;
        struct chosen c = {part, 1, 0};
        net_init(&w, 1);
        struct net_end *e = established(&w, CSEP_SERVICE_MESSAGE);
        w.judge = drop_part;
        w.judge_self = &c;
        struct csep_message_options opt = net_reliable(false);
        opt.transmissions = 2;
        net_send(&w, e->c, "a", 1, false);
        net_send_opt(&w, e->c, &opt, big, sizeof big);
        net_run(&w, w.now + CSEP_SEC(20));
        assert_int_equal(c.seen, 1);
        assert_int_equal(net_count(&w, true, big, sizeof big), 1);
        assert_int_equal(e->abandoned, 0);
        net_done(&w);
    }
}

/* A deadline that passes while everything is on its way costs nothing. */
static void test_deadline_in_flight(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    struct net_end *e = established(&w, CSEP_SERVICE_MESSAGE);
    struct csep_message_options opt = net_reliable(true);
    opt.deadline = w.now + CSEP_MS(10);
    net_send_opt(&w, e->c, &opt, ping, sizeof ping);
    net_run(&w, w.now + CSEP_SEC(2));
    assert_int_equal(net_count(&w, true, ping, sizeof ping), 1);
    assert_int_equal(e->sent, 1);
    assert_int_equal(e->abandoned, 0);
    net_done(&w);
}

/* What could not begin in time leaves no trace at the receiver. */
static void test_deadline_before_sending(void **state)
{
    (void)state;
    static uint8_t big[200000];
    struct net w;
    net_init(&w, 1);
    struct net_end *e = established(&w, CSEP_SERVICE_MESSAGE);
    struct csep_message_options opt = net_reliable(true);
    net_send(&w, e->c, big, sizeof big, true);
    opt.deadline = w.now + CSEP_MS(20);
    net_send_opt(&w, e->c, &opt, ping, sizeof ping);
    net_run(&w, w.now + CSEP_MS(30));
    assert_int_equal(e->abandoned, 1);
    net_send(&w, e->c, "last", 4, true);
    net_run(&w, w.now + CSEP_SEC(10));
    assert_int_equal(w.num_received, 2);
    assert_int_equal(w.received[1].sequence, 1);
    net_done(&w);
}

static enum net_fault drop_skips(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    enum net_fault f = drop_part(w, n, way, p, len);
    const struct nonce_seen *s = nonces_last(&w->nonces);
    static unsigned skips;
    if (way == NET_UP && memchr(s->payload, CSEP_FRAME_SKIP, s->len > 8 ? 8 : s->len) && ++skips % 3)
        return NET_DROP;
    return f;
}

//= DATA-65 type=test
static void test_skip_again(void **state)
{
    (void)state;
    struct net w;
    struct chosen c = {0, 100, 0};
    net_init(&w, 1);
    struct net_end *e = established(&w, CSEP_SERVICE_MESSAGE);
    w.judge = drop_skips;
    w.judge_self = &c;
    struct csep_message_options opt = net_reliable(true);
    opt.transmissions = 1;
    net_send(&w, e->c, "a", 1, true);
    net_send_opt(&w, e->c, &opt, ping, sizeof ping);
    net_run(&w, w.now + CSEP_MS(1));
    for (unsigned i = 0; i < 8; i++) {
        net_send(&w, e->c, "c", 1, true);
        net_run(&w, w.now + CSEP_MS(20));
    }
    net_run(&w, w.now + CSEP_SEC(20));
    assert_int_equal(w.num_received, 9);
    assert_int_equal(e->sent, 9);
    assert_int_equal(e->abandoned, 1);
    net_done(&w);
}

static void test_partial_under_loss(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct net w;
        static uint8_t msg[4000];
        net_init(&w, seed);
        struct net_end *e = established(&w, CSEP_SERVICE_MESSAGE);
        w.loss = 1500;
        w.jitter = CSEP_MS(30);
        for (uint32_t i = 0; i < 300; i++) {
            struct csep_message_options opt = net_reliable(i & 1);
            opt.channel = i % 3;
            memcpy(msg, &i, sizeof i);
            if (i % 5 == 0)
                opt.deadline = w.now + CSEP_MS(150);
            if (i % 7 == 0)
                opt.transmissions = 1;
            net_send_opt(&w, e->c, &opt, msg, 10 + (i * 131) % 3900);
            net_run(&w, w.now + CSEP_MS(15));
        }
        net_run(&w, w.now + CSEP_SEC(60));
        assert_int_equal(e->sent + e->abandoned, 300);
        assert_true(e->abandoned > 5);
        assert_true(w.num_received >= e->sent);
        uint64_t next[6] = {0};
        for (unsigned i = 0; i < w.num_received; i++) {
            const struct net_message *m = &w.received[i];
            if (!m->ordered)
                continue;
            assert_true(m->sequence >= next[m->channel]);
            next[m->channel] = m->sequence + 1;
        }
        assert_int_equal(w.last_served->in.received, w.last_served->in.consumed);
        assert_int_equal(w.last_served->in.num_open, 0);
        net_done(&w);
    }
}

/* ---- Credit ---- */

//= DATA-69 type=test
static void test_credit(void **state)
{
    (void)state;
    static uint8_t big[60000];
    struct net w;
    net_init(&w, 1);
    w.acceptor_cfg.data.max_data = 5000;
    w.acceptor_cfg.data.max_message = 100000;
    w.slots.menu.first_flight = 1000;
    struct net_end *e = established(&w, CSEP_SERVICE_MESSAGE);
    for (unsigned i = 0; i < 10; i++)
        net_send(&w, e->c, big, 3000 + i, i & 1);
    net_run(&w, w.now + CSEP_SEC(30));
    assert_int_equal(w.num_received, 10);
    assert_int_equal(e->sent, 10);
    assert_int_equal(w.served.closed, 0);
    /* A message above the whole credit cannot get through; all of it that may go goes. */
    net_send(&w, e->c, big, sizeof big, true);
    net_run(&w, w.now + CSEP_SEC(5));
    assert_true(w.last_served->in.received <= w.last_served->in.allowed); //= DATA-70 type=test
    net_done(&w);
}

static void test_queue_limit(void **state)
{
    (void)state;
    static uint8_t big[10000];
    struct net w;
    net_init(&w, 1);
    w.cfg.send_buffer = 25000;
    struct net_end *e = established(&w, CSEP_SERVICE_MESSAGE);
    struct csep_message_options opt = net_reliable(true);
    assert_ok(csep_data_send_message(e->c, &opt, big, sizeof big, w.now, NULL));
    assert_ok(csep_data_send_message(e->c, &opt, big, sizeof big, w.now, NULL));
    assert_status(csep_data_send_message(e->c, &opt, big, sizeof big, w.now, NULL), CSEP_ERR_LIMIT);
    opt.channel = 65536;
    assert_status(csep_data_send_message(e->c, &opt, big, 1, w.now, NULL), CSEP_ERR_VALUE);
    net_run(&w, w.now + CSEP_SEC(3));
    assert_int_equal(w.num_received, 2);
    net_done(&w);
}

//= DATA-111 type=test
static void test_max_message(void **state)
{
    (void)state;
    static uint8_t big[3000];
    struct net w;
    net_init(&w, 1);
    w.acceptor_cfg.data.max_message = 2500;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    struct csep_message_options opt = net_reliable(true);
    net_send(&w, e->c, ping, sizeof ping, true);
    net_run(&w, w.now + CSEP_SEC(1));
    assert_status(csep_data_send_message(e->c, &opt, big, 2501, w.now, NULL), CSEP_ERR_OVERSIZE);
    net_send(&w, e->c, big, 2500, true);
    net_run(&w, w.now + CSEP_SEC(1));
    assert_int_equal(w.num_received, 2);
    net_done(&w);
}

/* ---- Many and large ---- */

//= DATA-115, DATA-116 type=test
static void test_many_small(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 3);
    struct net_end *e = established(&w, CSEP_SERVICE_MESSAGE);
    w.loss = 300;
    for (uint32_t i = 0; i < 6000; i++)
        net_send(&w, e->c, &i, sizeof i, i & 1);
    net_run(&w, w.now + CSEP_SEC(100));
    assert_int_equal(w.num_received, 6000);
    assert_int_equal(w.served.closed, 0);
    assert_int_equal(e->sent, 6000);
    net_done(&w);
}

static void test_large(void **state)
{
    (void)state;
    static uint8_t big[1000000];
    struct net w;
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)(i * 7 + (i >> 8));
    for (uint64_t loss = 0; loss <= 300; loss += 100) {
        net_init(&w, 3);
        struct net_end *e = established(&w, CSEP_SERVICE_MESSAGE);
        w.loss = loss;
        net_send(&w, e->c, big, sizeof big, true);
        net_send(&w, e->c, big, sizeof big - 1, false);
        net_send(&w, e->c, ping, sizeof ping, true);
        net_run(&w, w.now + CSEP_SEC(300));
        assert_int_equal(w.num_received, 3);
        assert_int_equal(net_count(&w, true, big, sizeof big), 1);
        assert_int_equal(net_count(&w, true, big, sizeof big - 1), 1);
        assert_int_equal(e->closed, 0);
        net_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_datagrams),
        cmocka_unit_test(test_datagrams_once),
        cmocka_unit_test(test_early_datagrams_again),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_second_transmission),
        cmocka_unit_test(test_deadline_in_flight),
        cmocka_unit_test(test_deadline_before_sending),
        cmocka_unit_test(test_skip_again),
        cmocka_unit_test(test_partial_under_loss),
        cmocka_unit_test(test_credit),
        cmocka_unit_test(test_queue_limit),
        cmocka_unit_test(test_max_message),
        cmocka_unit_test(test_many_small),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
