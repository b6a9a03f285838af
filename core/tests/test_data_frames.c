/* SPDX-License-Identifier: BSD-2-Clause */
/* A peer that holds the right keys and breaks the rules: each rule with the code that answers it. */
#include "data/conn.h"
#include "net.h"

static const uint8_t ping[] = "ping";

static struct net_end *established(struct net *w, enum csep_service service)
{
    net_start(w);
    struct net_end *e = net_open(w, 0, service);
    if (service == CSEP_SERVICE_MESSAGE)
        net_send(w, e->c, ping, sizeof ping, true);
    net_run(w, w->now + CSEP_SEC(1));
    assert_int_equal(e->confirmed, 1);
    return e;
}

static size_t message(uint8_t *out, unsigned flags, uint64_t channel, uint64_t sequence, uint64_t offset,
                      size_t n)
{
    static const uint8_t zeros[1100];
    struct wr w = wr_init(out, 1150);
    struct frame_message m = {(uint8_t)flags, channel, sequence, offset, view_of(zeros, n)};
    frame_put_message(&w, &m);
    assert_true(wr_ok(&w));
    return w.len;
}

struct rule {
    const char *what;
    enum net_way way;
    enum csep_service service;
    csep_status status; /* of the receiver */
    size_t len;
    uint8_t frames[40];
};

#define ID8   1, 2, 3, 4, 5, 6, 7, 8
#define TOK16 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9

static const struct rule rules[] = {
    //= DATA-11, DATA-84, DATA-85, DATA-62, DATA-60, DATA-86, DATA-102, DATA-112, DATA-71 type=test
    {"no frames", NET_UP, 1, CSEP_ERR_DECODE, 0, {0}},
    {"unknown type", NET_UP, 1, CSEP_ERR_DECODE, 1, {0x3f}},
    {"unknown type", NET_DOWN, 1, CSEP_ERR_DECODE, 1, {0x3f}},
    {"PARAMS late", NET_UP, 1, CSEP_ERR_UNEXPECTED, 2, {0x04, 0x00}},
    {"END_EARLY over UDP", NET_UP, 1, CSEP_ERR_UNEXPECTED, 1, {0x12}},
    {"KEY_UPDATE over UDP", NET_DOWN, 1, CSEP_ERR_UNEXPECTED, 1, {0x13}},
    {"TICKETS of the opener", NET_UP, 1, CSEP_ERR_UNEXPECTED, 2, {0x0a, 0x00}},
    {"HINT of the opener", NET_UP, 1, CSEP_ERR_UNEXPECTED, 3, {0x0b, 0x01, 0x01}},
    {"ACK_EARLY of the opener", NET_UP, 1, CSEP_ERR_UNEXPECTED, 5, {0x03, 0, 0, 0, 0}},
    {"DATAGRAM on messages", NET_UP, 1, CSEP_ERR_SERVICE, 3, {0x05, 0x01, 0xaa}},
    {"MESSAGE on datagrams", NET_UP, 0, CSEP_ERR_SERVICE, 6, {0x06, 1, 0, 0, 0, 0}},
    {"SKIP on datagrams", NET_DOWN, 0, CSEP_ERR_SERVICE, 5, {0x07, 0, 0, 0, 0}},
    {"MAX_DATA on datagrams", NET_DOWN, 0, CSEP_ERR_SERVICE, 2, {0x08, 9}},
    {"ACK of what was not sent", NET_UP, 1, CSEP_ERR_DECODE, 6, {0x02, 0x7f, 0xff, 0, 0, 0}},
    {"ACK_EARLY of what was not sent", NET_DOWN, 1, CSEP_ERR_DECODE, 6, {0x03, 0x7f, 0xff, 0, 0, 0}},
    {"ACK below 0", NET_UP, 1, CSEP_ERR_DECODE, 5, {0x02, 0, 0, 0, 1}},
    {"unknown flag", NET_UP, 1, CSEP_ERR_DECODE, 6, {0x06, 4, 0, 0, 0, 0}},
    {"channel 65536", NET_UP, 1, CSEP_ERR_DECODE, 9, {0x06, 1, 0x80, 1, 0, 0, 0, 0, 0}},
    {"cut off", NET_UP, 1, CSEP_ERR_DECODE, 6, {0x06, 1, 0, 0, 0, 9}},
    {"message too long", NET_UP, 1, CSEP_ERR_OVERSIZE, 10, {0x06, 1, 0, 50, 0x80, 0x10, 0, 0, 1, 7}},
    //= DATA-117 type=test
    {"sequence out of the window", NET_UP, 1, CSEP_ERR_FLOW_CONTROL, 7, {0x06, 1, 0, 0x50, 0x01, 0, 0}},
    {"sequence at the end of the window", NET_UP, 1, CSEP_OK, 7, {0x06, 1, 0, 0x4f, 0xff, 0, 0}},
    {"SKIP out of the window", NET_UP, 1, CSEP_ERR_FLOW_CONTROL, 6, {0x07, 0, 0, 0x50, 0x01, 0}},
    {"SKIP of too much", NET_UP, 1, CSEP_ERR_OVERSIZE, 8, {0x07, 0, 0, 9, 0x80, 0x10, 0, 1}},
    {"NEW_CID: one too many", NET_UP, 1, CSEP_ERR_CONNECTION_ID, 28, {0x0c, 2, 0, 8, ID8, TOK16}},
    {"NEW_CID: another id for a sequence",
     NET_UP,
     1,
     CSEP_ERR_CONNECTION_ID,
     28,
     {0x0c, 1, 0, 8, ID8, TOK16}},
    {"NEW_CID: retire above sequence", NET_UP, 1, CSEP_ERR_DECODE, 28, {0x0c, 5, 6, 8, ID8, TOK16}},
    {"NEW_CID: short id", NET_UP, 1, CSEP_ERR_DECODE, 27, {0x0c, 5, 0, 7, 1, 2, 3, 4, 5, 6, 7, TOK16}},
    {"RETIRE_CID never given", NET_DOWN, 1, CSEP_ERR_CONNECTION_ID, 2, {0x0d, 40}},
    {"unknown HINT", NET_DOWN, 1, CSEP_OK, 3, {0x0b, 0x20, 0x01}},  //= DATA-103 type=test
    {"MAX_DATA that is less", NET_UP, 1, CSEP_OK, 2, {0x08, 0x01}}, //= DATA-103 type=test
    {"long varints", NET_UP, 1, CSEP_OK, 20, {0x06, 1, 0xc0, 0,    0, 0,    0, 0, 0, 3, 0x80,
                                              0,    0, 9,    0x40, 0, 0x40, 2, 1, 2}}, //= DATA-87 type=test
    {"PING, PADDING", NET_DOWN, 1, CSEP_OK, 3, {0x01, 0x00, 0x00}},
};

static void test_rules(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof rules / sizeof *rules; i++) {
        const struct rule *r = &rules[i];
        struct net w;
        net_init(&w, 1);
        struct net_end *e = established(&w, r->service);
        net_forge(&w, r->way, 0, r->frames, r->len, 0);
        net_run(&w, w.now + w.delay + CSEP_MS(1));
        struct csep_data *c = r->way == NET_UP ? w.last_served : e->c;
        bool closing = csep_data_get_state(c) == CSEP_DATA_CLOSING;
        if (closing != (r->status != CSEP_OK) || (closing && c->end_status != r->status))
            fail_msg("%s: %s", r->what, csep_status_name(c->end_status));
        net_run(&w, w.now + CSEP_SEC(40));
        const struct net_end *other = r->way == NET_UP ? e : &w.served;
        if (r->status)
            assert_int_equal(other->code, csep_status_wire(r->status)); /* it is told */
        net_done(&w);
    }
}

/* ---- Rules that take more than one frame ---- */

struct two {
    csep_status status;
    struct {
        unsigned flags, offset, n;
    } part[2];
};

//= DATA-72 type=test
static void test_ends_that_disagree(void **state)
{
    (void)state;
    const struct two rows[] = {
        {CSEP_ERR_DECODE, {{CSEP_MESSAGE_FIN, 10, 10}, {CSEP_MESSAGE_FIN, 0, 10}}},
        {CSEP_ERR_DECODE, {{CSEP_MESSAGE_FIN, 10, 10}, {0, 20, 1}}},
        {CSEP_ERR_DECODE, {{0, 10, 10}, {CSEP_MESSAGE_FIN, 0, 15}}},
        {CSEP_OK, {{CSEP_MESSAGE_FIN, 10, 10}, {0, 5, 15}}},
    };
    for (unsigned i = 0; i < 4; i++) {
        uint8_t f[64];
        struct net w;
        net_init(&w, 1);
        established(&w, CSEP_SERVICE_MESSAGE);
        struct csep_data *c = w.last_served;
        for (unsigned k = 0; k < 2; k++)
            net_forge(&w, NET_UP, 0, f,
                      message(f, rows[i].part[k].flags, 0, 0, rows[i].part[k].offset, rows[i].part[k].n), 0);
        net_run(&w, w.now + w.delay + CSEP_MS(1));
        assert_int_equal(csep_data_get_state(c) == CSEP_DATA_CLOSING, rows[i].status != CSEP_OK);
        assert_int_equal(c->end_status, rows[i].status);
        net_done(&w);
    }
}

//= DATA-88 type=test
static void test_open_messages_bounded(void **state)
{
    (void)state;
    uint8_t f[64];
    struct net w;
    net_init(&w, 1);
    established(&w, CSEP_SERVICE_MESSAGE);
    struct csep_data *c = w.last_served;
    for (unsigned i = 0; i < 64; i++)
        net_forge(&w, NET_UP, 0, f, message(f, 0, i % 7, i / 7, 0, 1), 0);
    net_run(&w, w.now + w.delay);
    assert_int_equal(csep_data_get_state(c), CSEP_DATA_CONFIRMED);
    net_forge(&w, NET_UP, 0, f, message(f, 0, 9, 0, 0, 1), 0);
    net_run(&w, w.now + w.delay);
    assert_int_equal(c->end_status, CSEP_ERR_FLOW_CONTROL);
    net_done(&w);
}

//= DATA-70 type=test
static void test_credit_exceeded(void **state)
{
    (void)state;
    uint8_t f[1200];
    struct net w;
    net_init(&w, 1);
    w.acceptor_cfg.data.max_data = w.slots.menu.first_flight = 4005; /* `ping` took five */
    established(&w, CSEP_SERVICE_MESSAGE);
    struct csep_data *c = w.last_served;
    net_forge(&w, NET_UP, 0, f, message(f, 0, 1, 0, 3900, 100), 0);
    net_run(&w, w.now + w.delay);
    assert_int_equal(csep_data_get_state(c), CSEP_DATA_CONFIRMED);
    net_forge(&w, NET_UP, 0, f, message(f, 0, 2, 0, 0, 1), 0);
    net_run(&w, w.now + w.delay);
    assert_int_equal(c->end_status, CSEP_ERR_FLOW_CONTROL);
    net_done(&w);
}

//= DATA-37 type=test
static void test_too_much_early(void **state)
{
    (void)state;
    uint8_t f[1200];
    struct net w;
    net_init(&w, 1);
    net_start(&w);
    net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_run(&w, w.now + CSEP_MS(1));
    for (unsigned i = 0; i < 4; i++)
        net_forge(&w, NET_UP, NET_EARLY, f, message(f, CSEP_MESSAGE_FIN, 0, i, 0, 1000), 0);
    net_run(&w, w.now + CSEP_SEC(60));
    assert_int_equal(w.served.status, CSEP_ERR_FLOW_CONTROL);
    net_done(&w);
}

//= DATA-106, DATA-37 type=test
static void test_end_in_accept(void **state)
{
    (void)state;
    static uint8_t big[3000];
    struct net w;
    net_init(&w, 1);
    w.slots.lower_flight = 100;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_send(&w, e->c, big, sizeof big, true);
    net_run(&w, w.now + CSEP_SEC(60));
    assert_int_equal(w.served.status, CSEP_ERR_FLOW_CONTROL);
    assert_int_equal(e->code, 0x000c);
    assert_int_equal(e->closed_at, CSEP_SEC(100) + 2 * w.delay);
    assert_int_equal(w.num_received, 0);
    net_done(&w);
}

//= DATA-113, DATA-114 type=test
static void test_retire(void **state)
{
    (void)state;
    const uint8_t f[] = {0x0c, 2, 2, 8, ID8, TOK16}; /* NEW_CID 2, retire all below */
    struct net w;
    net_init(&w, 1);
    established(&w, CSEP_SERVICE_MESSAGE);
    struct csep_data *c = w.last_served;
    net_forge(&w, NET_UP, 0, f, sizeof f, 0);
    net_run(&w, w.now + w.delay + CSEP_MS(1));
    assert_int_equal(csep_data_get_state(c), CSEP_DATA_CONFIRMED);
    const uint8_t id[] = {ID8};
    assert_memory_equal(c->peer.v[c->peer.in_use].id.b, id, 8);
    unsigned retiring = 0;
    for (unsigned i = 0; i < PEER_CIDS; i++)
        retiring += c->peer.v[i].state == CID_RETIRING;
    assert_int_equal(retiring, 2);
    net_done(&w);
}

//= DATA-56 type=test
static void test_old_phase_after_new(void **state)
{
    (void)state;
    const uint8_t f[] = {0x01};
    struct net w;
    net_init(&w, 1);
    struct net_end *e = established(&w, CSEP_SERVICE_MESSAGE);
    struct csep_data *c = w.last_served;
    assert_ok(csep_data_key_update(e->c, w.now));
    net_run(&w, w.now + w.delay + CSEP_MS(5));
    assert_int_equal(c->keys.generation, 1);
    net_forge(&w, NET_UP, 0, f, sizeof f, 10);
    net_run(&w, w.now + w.delay + CSEP_MS(1));
    assert_int_equal(c->end_status, CSEP_ERR_KEY_UPDATE);
    net_done(&w);
}

/* Numbers far ahead and far behind: the window moves for the true ones only. */
//= DATA-8 type=test
static void test_window(void **state)
{
    (void)state;
    const uint8_t f[] = {0x01};
    struct net w;
    net_init(&w, 1);
    w.cfg.replay_window = w.acceptor_cfg.data.replay_window = 64;
    established(&w, CSEP_SERVICE_MESSAGE);
    struct csep_data *c = w.last_served;
    uint64_t base = w.nonces.conns[0]->up[0].next, before = c->stats.packets_received;
    net_forge(&w, NET_UP, 0, f, sizeof f, 100);
    w.forged[NET_UP] = base + 100 - 63;
    net_forge(&w, NET_UP, 0, f, sizeof f, 0); /* the last one inside */
    w.forged[NET_UP] = base + 100 - 64;
    net_forge(&w, NET_UP, 0, f, sizeof f, 0); /* the first one behind */
    net_run(&w, w.now + w.delay + CSEP_MS(1));
    assert_int_equal(c->stats.packets_received, before + 2);
    assert_int_equal(c->stats.forgeries, 0);
    net_done(&w);
}

//= DATA-59 type=test
static void test_many_gaps(void **state)
{
    (void)state;
    const uint8_t f[] = {0x01};
    struct net w;
    net_init(&w, 1);
    established(&w, CSEP_SERVICE_MESSAGE);
    struct csep_data *c = w.last_served;
    for (unsigned i = 0; i < 200; i++) {
        net_forge(&w, NET_UP, 0, f, sizeof f, 1);
        net_run(&w, w.now + CSEP_MS(1));
    }
    assert_true(c->acks.got.num <= ACK_RANGES_MAX);
    net_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_ends_that_disagree),
        cmocka_unit_test(test_open_messages_bounded),
        cmocka_unit_test(test_credit_exceeded),
        cmocka_unit_test(test_too_much_early),
        cmocka_unit_test(test_end_in_accept),
        cmocka_unit_test(test_retire),
        cmocka_unit_test(test_old_phase_after_new),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_many_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
