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

/* One that cannot remember used tickets says nothing: the opener tries on, and nobody is told to negotiate.
 */
//= CTX-5 type=test
static void test_full_memory_of_tickets(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.slots.busy = true;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_send(&w, e->c, bytes, 900, true);
    net_run(&w, w.now + CSEP_SEC(2));
    assert_int_equal(e->refused, 0);
    assert_int_equal(e->opened, 0);
    assert_int_equal(w.slots.spends, 0);
    w.slots.busy = false;
    net_run(&w, w.now + CSEP_SEC(5));
    assert_int_equal(e->opened, 1);
    assert_int_equal(net_count(&w, true, bytes, 900), 1);
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

/* ---- Limits that are met while a packet is built ---- */

/* No key update without an acknowledgement, no packet beyond the limit: CLOSE comes in its place. */
//= KEY-6, DATA-77 type=test
static void test_close_at_key_limit(void **state)
{
    (void)state;
    struct net w;
    uint8_t buf[NET_DATAGRAM];
    struct csep_addr to;
    net_init(&w, 1);
    w.cfg.key_update_packets = 4;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_DATAGRAM);
    net_run(&w, w.now + CSEP_SEC(1));
    for (unsigned i = 0; i < 12; i++)
        assert_ok(csep_data_send_datagram(e->c, bytes, 1000, w.now));
    size_t n, last = 0;
    while ((n = csep_data_output(e->c, buf, sizeof buf, &to, w.now)))
        last = n;
    assert_int_equal(csep_data_get_state(e->c), CSEP_DATA_CLOSING);
    assert_true(last < 100);
    assert_false(conn_wants_output(e->c));
    net_done(&w);
}

/* ---- Paths and ids ---- */

static struct csep_addr victim;
static size_t to_victim;

static enum net_fault weigh(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)n;
    (void)p;
    if (way == NET_DOWN && addr_same(&w->to, &victim))
        to_victim += *len;
    return NET_PASS;
}

/* A peer that is no stranger names another address as source of an old packet. */
//= DATA-28 type=test
static void test_response_elsewhere(void **state)
{
    (void)state;
    static const uint8_t ping = CSEP_FRAME_PING,
                         challenge[] = {CSEP_FRAME_PATH_CHALLENGE, 1, 2, 3, 4, 5, 6, 7, 8};
    struct net w;
    net_init(&w, 1);
    w.judge = weigh;
    victim = net_addr(77, 7777);
    to_victim = 0;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_run(&w, w.now + CSEP_SEC(1));
    struct csep_addr own = e->addr;
    for (unsigned i = 0; i < 40; i++)
        net_forge(&w, NET_UP, 0, &ping, 1, 1000); /* many ranges to acknowledge */
    w.forged[NET_UP] -= 500;
    e->addr = victim;
    net_forge(&w, NET_UP, 0, challenge, sizeof challenge, 0);
    e->addr = own;
    net_run(&w, w.now + CSEP_MS(60));
    assert_true(to_victim > 0);
    assert_true(to_victim <= 3 * (1 + 8 + 4 + sizeof challenge + 16));
    net_done(&w);
}

static csep_time deaf_until;

static enum net_fault deaf(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)n;
    (void)p;
    (void)len;
    return way == NET_DOWN && w->now < deaf_until ? NET_DROP : NET_PASS;
}

/* The address changed before the acceptor had proved any, and its first challenges were lost. */
//= DATA-48 type=test
static void test_proof_is_tried_again(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.judge = deaf;
    deaf_until = 0;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_send(&w, e->c, bytes, 10, false);
    net_run(&w, w.now + CSEP_MS(100)); /* ACCEPT arrived, the answer to it comes from elsewhere */
    for (struct net_packet *p = w.wire; p; p = p->next)
        p->from.port = 61000;
    e->addr.port = 61000;
    deaf_until = w.now + CSEP_SEC(4);
    net_run(&w, deaf_until);
    net_send(&w, e->c, bytes, 10, false);
    net_run(&w, w.now + CSEP_SEC(5));
    assert_non_null(w.last_served);
    assert_int_equal(csep_data_get_state(w.last_served), CSEP_DATA_CONFIRMED);
    assert_true(addr_same(&w.last_served->paths.now.addr, &e->addr));
    assert_true(w.last_served->paths.now.proved);
    net_done(&w);
}

/* A copy of NEW_CID that comes when its id was used and retired brings nothing back. */
//= DATA-113 type=test
static void test_late_new_cid(void **state)
{
    (void)state;
    static const uint8_t id[8] = {1}, token[16] = {2};
    struct peer_cids p = {.v[0] = {.state = CID_LIVE}};
    uint32_t retire;
    for (uint64_t i = 1; i < 200; i++) {
        struct frame_new_cid f = {i, 0, view_of(id, sizeof id), token};
        assert_ok(peer_cid_new(&p, &f, 2, &retire));
        int old = peer_cid_switch(&p);
        assert_true(old >= 0);
        p.v[old].state = CID_FREE; /* RETIRE_CID was acknowledged */
        f.sequence = i - 1;
        assert_ok(peer_cid_new(&p, &f, 2, &retire));
        f.sequence = 0;
        assert_ok(peer_cid_new(&p, &f, 2, &retire));
        assert_int_equal(peer_cid_unused(&p), -1);
    }
    /* One that was overtaken is news all the same. */
    struct frame_new_cid f = {210, 0, view_of(id, sizeof id), token};
    assert_ok(peer_cid_new(&p, &f, 3, &retire));
    f.sequence = 205;
    assert_ok(peer_cid_new(&p, &f, 3, &retire));
    assert_int_equal(p.v[peer_cid_unused(&p)].sequence, 205);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_blocked),
        cmocka_unit_test(test_credit_in_accept),
        cmocka_unit_test(test_limit_at_accept),
        cmocka_unit_test(test_full_acceptor),
        cmocka_unit_test(test_little_room),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_close_at_key_limit),
        cmocka_unit_test(test_response_elsewhere),
        cmocka_unit_test(test_proof_is_tried_again),
        cmocka_unit_test(test_late_new_cid),
        cmocka_unit_test(test_full_memory_of_tickets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
