/* SPDX-License-Identifier: BSD-2-Clause */
/* Whatever an attacker does to a datagram: nothing but the whole, true one is accepted, once. */
#include "net.h"

static const uint8_t ping[] = "ping";

struct tape {
    unsigned num;
    struct {
        enum net_way way;
        size_t len;
        uint8_t bytes[NET_DATAGRAM];
    } v[64];
};

static enum net_fault record(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    struct tape *t = w->judge_self;
    if (n < 64) {
        t->v[n].way = way;
        t->v[n].len = *len;
        memcpy(t->v[n].bytes, p, *len);
        t->num = n + 1;
    }
    return NET_PASS;
}

/* The conversation whose every datagram is attacked. */
static struct net_end *talk(struct net *w, uint16_t aead)
{
    w->slots.menu.aeads[0] = aead;
    w->echo = true;
    net_start(w);
    struct net_end *e = net_open(w, 0, CSEP_SERVICE_MESSAGE);
    net_send(w, e->c, ping, sizeof ping, true);
    return e;
}

struct attack {
    unsigned at;     /* datagram */
    size_t bit, cut; /* one of the two; SIZE_MAX: not */
};

static bool hit;

static enum net_fault attack(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    const struct attack *a = w->judge_self;
    (void)way;
    if (n != a->at)
        return NET_PASS;
    hit = true;
    if (a->cut != SIZE_MAX)
        *len = a->cut;
    else
        p[a->bit / 8] ^= (uint8_t)(1u << (a->bit % 8));
    return NET_PASS;
}

/* The changed datagram is as good as lost: nothing of it is delivered, and the conversation ends well all the
 * same. */
static void one_attack(const struct attack *a, uint16_t aead, bool ignored)
{
    struct net w;
    net_init(&w, 1);
    struct attack copy = *a;
    w.judge = attack;
    w.judge_self = &copy;
    hit = false;
    struct net_end *e = talk(&w, aead);
    net_run(&w, w.now + CSEP_SEC(8));
    assert_true(hit);
    if (e->refused) { /* what OPEN asks for is looked at before it is opened; REFUSE proves nothing to anybody
                       */
        assert_true(a->at == 0 && a->cut == SIZE_MAX);
        assert_int_equal(w.num_received, 0);
        assert_int_equal(w.slots.spends, 0);
        net_done(&w);
        return;
    }
    if (net_count(&w, true, ping, sizeof ping) != 1 || net_count(&w, false, ping, sizeof ping) != 1 ||
        w.num_received != 2 || csep_data_get_state(e->c) != CSEP_DATA_CONFIRMED)
        fail_msg("datagram %u bit %zu cut %zu", a->at, a->bit, a->cut);
    unsigned dropped = test_trace_count(&w.trace_up, CSEP_TRACE_DATA_PACKET_DROPPED) +
                       test_trace_count(&w.trace_down, CSEP_TRACE_DATA_PACKET_DROPPED) +
                       test_trace_count(&w.trace_down, CSEP_TRACE_DATA_REFUSED);
    if (!ignored && !dropped && a->cut != 0)
        fail_msg("datagram %u bit %zu cut %zu was accepted", a->at, a->bit, a->cut);
    net_done(&w);
}

/* Bytes behind the payload of OPEN are not protected and have no meaning. */
static size_t meaning(const struct tape *t, unsigned i)
{
    struct open_header h;
    struct packet_span span;
    if (t->v[i].bytes[0] != CSEP_PKT_OPEN)
        return t->v[i].len;
    assert_ok(packet_decode_open(&h, &span, t->v[i].bytes, t->v[i].len));
    return span.end;
}

static void attack_all(uint16_t aead, size_t step)
{
    static struct tape t;
    struct net w;
    net_init(&w, 1);
    w.judge = record;
    w.judge_self = &t;
    talk(&w, aead);
    net_run(&w, w.now + CSEP_SEC(8));
    net_done(&w);
    assert_true(t.num >= 4);
    for (unsigned i = 0; i < t.num; i++) {
        size_t used = meaning(&t, i);
        for (size_t bit = i % step; bit < 8 * used; bit += step) {
            /* A short packet to an id that nobody has is held for a while, not dropped. */
            bool id = (t.v[i].bytes[0] & 0xf8) == CSEP_PKT_SHORT && bit < 72;
            one_attack(&(struct attack){i, bit, SIZE_MAX}, aead, id);
        }
        for (size_t cut = 0; cut < t.v[i].len; cut += cut < used ? 1 : 37)
            one_attack(&(struct attack){i, SIZE_MAX, cut}, aead, false);
    }
}

//= DATA-3, DATA-21, DATA-107, DATA-108 type=test
static void test_every_bit(void **state)
{
    (void)state;
    attack_all(CSEP_AEAD_CHACHA20_POLY1305, 1);
}

static void test_every_bit_gcm(void **state)
{
    (void)state;
    if (!aead_supported(CSEP_AEAD_AES_256_GCM))
        skip();
    attack_all(CSEP_AEAD_AES_256_GCM, 7);
}

/* ---- Replay ---- */

//= DATA-7, CTX-3 type=test
static void test_replay(void **state)
{
    (void)state;
    static struct tape t;
    struct net w;
    net_init(&w, 1);
    w.judge = record;
    w.judge_self = &t;
    struct net_end *e = talk(&w, CSEP_AEAD_CHACHA20_POLY1305);
    net_run(&w, w.now + CSEP_SEC(2));
    unsigned num = t.num;
    w.judge = NULL;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < num; i++) {
            bool up = t.v[i].way == NET_UP;
            net_inject(&w, t.v[i].way, up ? &e->addr : &w.acceptor_addr, up ? &w.acceptor_addr : &e->addr,
                       t.v[i].bytes, t.v[i].len, CSEP_MS(10 + i));
        }
        net_run(&w, w.now + CSEP_SEC(2));
    }
    assert_int_equal(w.num_received, 2);
    assert_int_equal(w.slots.spends, 1);
    assert_int_equal(csep_data_get_state(e->c), CSEP_DATA_CONFIRMED);

    /* After the connection ended the ticket stays spent: REFUSE, and nothing is delivered. */
    csep_data_close(e->c, 0, w.now);
    net_run(&w, w.now + CSEP_SEC(30));
    assert_int_equal(csep_acceptor_count(w.a), 0);
    for (unsigned i = 0; i < num; i++)
        if (t.v[i].way == NET_UP)
            net_inject(&w, NET_UP, &e->addr, &w.acceptor_addr, t.v[i].bytes, t.v[i].len, CSEP_MS(10 + i));
    net_run(&w, w.now + CSEP_SEC(30));
    assert_int_equal(w.num_received, 2);
    assert_int_equal(w.slots.spends, 1);
    assert_int_equal(csep_acceptor_count(w.a), 0);
    net_done(&w);
}

/* A copy of the first flight from somewhere else, before the true one, or beside it. */
static void test_replay_from_elsewhere(void **state)
{
    (void)state;
    for (int before = 0; before < 2; before++) {
        struct net w;
        uint8_t buf[NET_DATAGRAM];
        struct csep_addr to, other = net_addr(99, 9);
        net_init(&w, 1);
        net_start(&w);
        struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
        net_send(&w, e->c, ping, sizeof ping, true);
        size_t n = csep_data_output(e->c, buf, sizeof buf, &to, w.now);
        net_inject(&w, NET_UP, &e->addr, &to, buf, n, CSEP_MS(50));
        net_inject(&w, NET_UP, &other, &to, buf, n, before ? CSEP_MS(40) : CSEP_MS(60));
        net_run(&w, w.now + CSEP_SEC(9));
        assert_int_equal(w.num_received, 1);
        assert_int_equal(w.slots.spends, 1);
        assert_int_equal(csep_acceptor_count(w.a), 1);
        net_done(&w);
    }
}

/* ---- Forgeries are counted, and are the end of a context at its limit ---- */

static enum net_fault spoil_most(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)w;
    if (n > 6 && way == NET_UP)
        p[*len - 1] ^= 1;
    return NET_PASS;
}

//= KEY-7, DATA-4, DATA-83 type=test
static void test_forgery_limit(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.slots.menu.left.forgeries = 20;
    w.judge = spoil_most;
    struct net_end *e = talk(&w, CSEP_AEAD_CHACHA20_POLY1305);
    net_run(&w, w.now + CSEP_SEC(1));
    for (unsigned i = 0; i < 40 && !e->closed; i++) {
        net_send(&w, e->c, ping, sizeof ping, false);
        net_run(&w, w.now + CSEP_MS(100));
    }
    net_run(&w, w.now + CSEP_SEC(60));
    assert_int_equal(w.served.closed, 1);
    assert_int_equal(w.served.status, CSEP_ERR_AEAD_LIMIT);
    assert_int_equal(w.slots.reported.forgeries, 20);
    assert_int_equal(e->status, CSEP_ERR_AEAD_LIMIT);
    assert_true(e->by_peer); //= API-10 type=test
    net_done(&w);
}

//= KEY-8 type=test
static void test_usage(void **state)
{
    (void)state;
    struct net w;
    struct csep_usage up;
    net_init(&w, 1);
    struct net_end *e = talk(&w, CSEP_AEAD_CHACHA20_POLY1305);
    net_run(&w, w.now + CSEP_SEC(1));
    csep_data_close(e->c, 0, w.now);
    net_run(&w, w.now + CSEP_SEC(60));
    up = csep_data_take_usage(e->c);
    assert_int_equal(up.packets, w.slots.reported.packets); /* nothing was lost: both count the same */
    assert_int_equal(up.bytes, w.slots.reported.bytes);
    assert_int_equal(up.packets, w.nonces.packets);
    net_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_bit),     cmocka_unit_test(test_every_bit_gcm),
        cmocka_unit_test(test_replay),        cmocka_unit_test(test_replay_from_elsewhere),
        cmocka_unit_test(test_forgery_limit), cmocka_unit_test(test_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
