/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection whose every single datagram is dropped, doubled or late in turn, and random loss. */
#include "net.h"

struct one_fault {
    unsigned at;
    enum net_fault fault;
};

static enum net_fault judge_one(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    const struct one_fault *f = w->judge_self;
    (void)way;
    (void)p;
    (void)len;
    return n == f->at ? f->fault : NET_PASS;
}

static void fill(uint8_t *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(seed * 31 + i * 7 + (i >> 8));
}

/* A whole life: a first flight of several packets, replies, more messages in both orders, an update, CLOSE.
 */
static unsigned conversation(struct net *w, bool reordered)
{
    static uint8_t big[9000], small[300];
    fill(big, sizeof big, 1);
    fill(small, sizeof small, 2);
    w->echo = true;
    net_start(w);
    struct net_end *e = net_open(w, 0, CSEP_SERVICE_MESSAGE);
    net_send(w, e->c, small, sizeof small, true);
    net_send(w, e->c, big, sizeof big, true);
    net_send(w, e->c, small, 1, false);
    net_run(w, w->now + CSEP_SEC(12));
    assert_ok(csep_data_key_update(e->c, w->now));
    net_send(w, e->c, big, 4000, false);
    net_send(w, e->c, small, 0, true);
    net_run(w, w->now + CSEP_SEC(12));
    assert_int_equal(csep_data_get_state(e->c), CSEP_DATA_CONFIRMED);
    csep_data_close(e->c, 7, w->now);
    net_run(w, w->now + CSEP_SEC(90));

    assert_int_equal(w->num_received, 10);
    for (int up = 0; up < 2; up++) {
        assert_int_equal(net_count(w, up, small, sizeof small), 1);
        assert_int_equal(net_count(w, up, big, sizeof big), 1);
        assert_int_equal(net_count(w, up, small, 1), 1);
        assert_int_equal(net_count(w, up, big, 4000), 1);
        assert_int_equal(net_count(w, up, small, 0), 1);
    }
    assert_int_equal(e->sent, 5);
    assert_int_equal(e->closed, 1);
    assert_int_equal(w->served.closed, 1);
    (void)reordered;
    return w->counter;
}

static void each_packet(enum net_fault fault)
{
    struct net w;
    net_init(&w, 1);
    unsigned total = conversation(&w, false);
    net_done(&w);
    for (unsigned i = 0; i < total; i++) {
        struct one_fault f = {i, fault};
        net_init(&w, 1);
        w.judge = judge_one;
        w.judge_self = &f;
        conversation(&w, true);
        net_done(&w);
    }
}

static void test_each_dropped(void **state)
{
    (void)state;
    each_packet(NET_DROP);
}

static void test_each_doubled(void **state)
{
    (void)state;
    each_packet(NET_DOUBLE);
}

static void test_each_late(void **state)
{
    (void)state;
    each_packet(NET_LATE);
}

/* //= DATA-10 type=test */
static void random_loss(uint64_t per_10000, uint64_t seed, bool jitter)
{
    struct net w;
    uint8_t msg[3000];
    unsigned updates = 0;
    net_init(&w, seed);
    w.loss = per_10000;
    w.jitter = jitter ? CSEP_MS(30) : 0;
    w.echo = true;
    w.cfg.idle_timeout = w.acceptor_cfg.data.idle_timeout = CSEP_SEC(600);
    w.cfg.open_timeout = CSEP_SEC(600);
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    for (unsigned i = 0; i < 300; i++) {
        size_t n = (i * 97) % sizeof msg;
        fill(msg, n, i);
        net_send(&w, e->c, msg, n, i & 1);
        if (i % 10 == 0)
            net_run(&w, w.now + CSEP_MS(20));
        if (i % 100 == 50)
            updates += csep_data_key_update(e->c, w.now) == CSEP_OK;
    }
    net_run(&w, w.now + CSEP_SEC(500));
    assert_int_equal(w.num_received, 600);
    uint64_t next[2][2] = {{0}};
    for (unsigned i = 0; i < w.num_received; i++) {
        const struct net_message *m = &w.received[i];
        if (m->ordered)
            assert_int_equal(m->sequence, next[m->up][1]++); //= DATA-67 type=test
    }
    for (unsigned i = 0; i < 300; i++) {
        size_t n = (i * 97) % sizeof msg;
        fill(msg, n, i);
        assert_int_equal(net_count(&w, true, msg, n),
                         n ? 1 : net_count(&w, true, msg, 0)); //= DATA-68 type=test
        assert_int_equal(net_count(&w, false, msg, n), n ? 1 : net_count(&w, false, msg, 0));
    }
    assert_int_equal(e->sent, 300);
    assert_int_equal(e->updates, updates);
    net_done(&w);
}

static void test_random_loss(void **state)
{
    (void)state;
    for (unsigned percent = 1; percent <= 20; percent++)
        random_loss(percent * 100, percent, percent & 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_dropped),
        cmocka_unit_test(test_each_doubled),
        cmocka_unit_test(test_each_late),
        cmocka_unit_test(test_random_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
