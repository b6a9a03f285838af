/* SPDX-License-Identifier: BSD-2-Clause */
/* Corners that a peer, a loss or a limit can steer a connection over UDP into. */
#include "data/conn.h"
#include "net.h"

static uint8_t bytes[20000];

/* ---- Credit ---- */

static bool drop_next;

/* Does this payload of an opener hold a frame of that type? */
static bool holds(const struct nonce_seen *seen, uint8_t type)
{
    struct frame_where where = {CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, PLACE_DATA, SENT_BY_OPENER};
    struct frames it;
    struct frame f;
    if (seen->type != CSEP_PKT_SHORT || seen->early)
        return false;
    frames_init(&it, view_of(seen->payload, seen->len), &where);
    while (frames_next(&it, &f) == CSEP_OK)
        if (f.type == type)
            return true;
    return false;
}

static void spot_blocked(struct net *w, enum net_way way, const struct nonce_seen *seen, size_t datagram)
{
    (void)datagram;
    bool *once = w->judge_self;
    drop_next = way == NET_UP && *once && holds(seen, CSEP_FRAME_BLOCKED);
    if (drop_next)
        *once = false;
}

static enum net_fault drop_spotted(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)w;
    (void)n;
    (void)p;
    (void)len;
    bool drop = way == NET_UP && drop_next;
    if (way == NET_UP)
        drop_next = false;
    return drop ? NET_DROP : NET_PASS;
}

/* The receiver has credit to give but waits to be asked: the question must not get lost. */
static void test_lost_blocked(void **state)
{
    (void)state;
    struct net w;
    bool once = true;
    net_init(&w, 1);
    w.acceptor_cfg.data.max_data = w.acceptor_cfg.data.max_message = 10000;
    w.watch = spot_blocked;
    w.judge = drop_spotted;
    w.judge_self = &once;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_run(&w, w.now + CSEP_SEC(1));
    net_send(&w, e->c, bytes, 3000, true);
    net_run(&w, w.now + CSEP_SEC(1));
    net_send(&w, e->c, bytes, 9000, true);
    net_run(&w, w.now + CSEP_SEC(5));
    assert_false(once);
    assert_int_equal(net_count(&w, true, bytes, 9000), 1);
    net_done(&w);
}

/* MAX_DATA beside the PARAMS of an ACCEPT counts, although PARAMS say less. */
static void test_credit_in_accept(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.slots.menu.first_flight = 1000;
    w.acceptor_cfg.data.max_data = 1000;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_send(&w, e->c, bytes, 900, true);
    net_run(&w, w.now + CSEP_SEC(1));
    net_send(&w, e->c, bytes, 1000, true);
    net_run(&w, w.now + CSEP_SEC(5));
    assert_int_equal(net_count(&w, true, bytes, 900), 1);
    assert_int_equal(net_count(&w, true, bytes, 1000), 1);
    net_done(&w);
}

/* ---- Limits ---- */

/* What the context has left is used up by ACCEPT itself. */
//= DATA-83 type=test
static void test_limit_at_accept(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.slots.menu.left.packets = 2;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_run(&w, w.now + CSEP_SEC(60));
    assert_int_equal(e->closed, 1);
    assert_int_equal(e->opened, 0);
    assert_int_equal(e->status, CSEP_ERR_AEAD_LIMIT);
    assert_int_equal(csep_data_get_state(e->c), CSEP_DATA_CLOSED);
    net_done(&w);
}

/* An acceptor that takes no more leaves the tickets as they are. */
static void test_full_acceptor(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.acceptor_cfg.max_connections = 1;
    net_start(&w);
    struct net_end *first = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_run(&w, w.now + CSEP_SEC(1));
    struct net_end *second = net_open(&w, 1, CSEP_SERVICE_MESSAGE);
    net_run(&w, w.now + CSEP_SEC(1));
    assert_int_equal(w.slots.spends, 1);
    csep_data_close(first->c, 0, w.now);
    net_run(&w, w.now + CSEP_SEC(5));
    assert_int_equal(second->refused, 0);
    assert_int_equal(second->opened, 1); /* there was room in time */
    net_done(&w);
}

/* ---- Little room ---- */

/* However little the host or the amplification limit leaves: what leaves is a packet, or nothing does. */
static void test_little_room(void **state)
{
    (void)state;
    static const uint8_t challenge[] = {CSEP_FRAME_PATH_CHALLENGE, 1, 2, 3, 4, 5, 6, 7, 8};
    for (size_t cap = 1; cap < 60; cap++) {
        struct net w;
        uint8_t buf[NET_DATAGRAM];
        struct csep_addr to;
        net_init(&w, 1);
        net_start(&w);
        struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
        net_run(&w, w.now + CSEP_SEC(1));
        for (unsigned i = 0; i < 3; i++) {
            net_forge(&w, NET_DOWN, 0, challenge, sizeof challenge, 0);
            struct net_packet *p = w.wire;
            w.wire = p->next;
            csep_data_input(e->c, p->bytes, p->len, &p->from, w.now);
            free(p);
        }
        size_t n = csep_data_output(e->c, buf, cap, &to, w.now);
        assert_true(n <= cap);
        if (n)
            assert_true(nonces_see(&w.nonces, true, buf, n)); /* fails the test when no key opens it */
        net_done(&w);
    }
}

/* ---- Memory and time that a peer can make us spend ---- */

static size_t most_held;

/* Empty ordered messages, each behind a first one that never comes; channels from above. */
static struct csep_data *flood(struct net *w, unsigned per_channel)
{
    struct net_end *e = net_open(w, 0, CSEP_SERVICE_MESSAGE);
    net_run(w, w->now + CSEP_SEC(1));
    uint32_t channel = 65535, sequence = 1;
    most_held = 0;
    for (unsigned i = 0; i < 4000 && !w->served.closed && w->last_served; i++) {
        uint8_t frames[1100];
        struct wr x = wr_init(frames, sizeof frames);
        while (x.cap - x.len > 20) {
            frame_put_message(&x, &(struct frame_message){.flags = CSEP_MESSAGE_FIN | CSEP_MESSAGE_ORDERED,
                                                          .channel = channel,
                                                          .sequence = sequence});
            if (sequence++ == per_channel) {
                channel--;
                sequence = 1;
            }
        }
        net_forge(w, NET_UP, 0, frames, x.len, 0);
        net_run(w, w->now + CSEP_MS(51));
        if (w->last_served && csep_data_heap(w->last_served) > most_held)
            most_held = csep_data_heap(w->last_served);
    }
    (void)e;
    return w->last_served;
}

//= DATA-130 type=test
static void test_flood(void **state)
{
    (void)state;
    for (unsigned one = 0; one < 2; one++) {
        struct net w;
        net_init(&w, 1);
        net_start(&w);
        flood(&w, one ? 1 : 4095);
        print_message("%zu bytes at most\n", most_held);
        assert_true(most_held < (size_t)12 << 20);
        net_run(&w, w.now + CSEP_SEC(40));
        assert_int_equal(w.served.status, CSEP_ERR_FLOW_CONTROL);
        net_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_blocked),    cmocka_unit_test(test_credit_in_accept),
        cmocka_unit_test(test_limit_at_accept), cmocka_unit_test(test_full_acceptor),
        cmocka_unit_test(test_little_room),     cmocka_unit_test(test_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
