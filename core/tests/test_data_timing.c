/* SPDX-License-Identifier: BSD-2-Clause */
/* When things leave: OPEN again, acknowledgements, probes; how large they are; what waits for ACCEPT. */
#include "data/conn.h"
#include "net.h"

static const uint8_t ping[] = "ping";

static struct {
    csep_time at[64];
    uint64_t number[64];
    struct hash header[64];
    unsigned num;
    size_t largest[2];
} seen;

static enum net_fault note_opens(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    struct open_header h;
    struct packet_span span;
    (void)n;
    if (*len > seen.largest[way])
        seen.largest[way] = *len;
    if (way != NET_UP || p[0] != CSEP_PKT_OPEN || seen.num == 64)
        return NET_PASS;
    assert_ok(packet_decode_open(&h, &span, p, *len));
    seen.header[seen.num] = hash_of(p, span.header_len);
    seen.number[seen.num] = nonces_last(&w->nonces)->number;
    seen.at[seen.num++] = w->now;
    return NET_DROP;
}

//= DATA-13, DATA-74 type=test
static void test_open_again(void **state)
{
    (void)state;
    const csep_time want[] = {0, CSEP_MS(999), CSEP_MS(2997), CSEP_MS(6993)};
    struct net w;
    net_init(&w, 1);
    memset(&seen, 0, sizeof seen);
    w.judge = note_opens;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_send(&w, e->c, ping, sizeof ping, true);
    net_run(&w, w.now + CSEP_SEC(30));
    assert_int_equal(seen.num, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(seen.at[i] - CSEP_SEC(100), want[i]);
        assert_memory_equal(&seen.header[i], &seen.header[0], sizeof seen.header[0]);
        assert_true(i == 0 || seen.number[i] > seen.number[i - 1]);
    }
    assert_int_equal(e->status, CSEP_ERR_TIMEOUT);
    assert_int_equal(e->closed_at, CSEP_SEC(110));
    net_done(&w);
}

//= DATA-29 type=test
static void test_initial_rtt(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    memset(&seen, 0, sizeof seen);
    w.judge = note_opens;
    w.cfg.initial_rtt = CSEP_MS(40);
    net_start(&w);
    net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_run(&w, w.now + CSEP_SEC(1));
    assert_int_equal(seen.at[1] - seen.at[0], CSEP_MS(120));
    net_done(&w);
}

//= DATA-9 type=test
static void test_sizes(void **state)
{
    (void)state;
    static uint8_t big[50000];
    const struct {
        uint16_t ours, theirs;
        size_t first, later;
    } rows[] = {{1200, 1200, 1200, 1200},
                {1472, 1200, 1200, 1472},
                {1472, 1472, 1200, 1472},
                {1800, 1200, 1200, 1472},
                {1800, 1800, 1200, 1800}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net w;
        net_init(&w, 1);
        memset(&seen, 0, sizeof seen);
        seen.num = 64;
        w.judge = note_opens;
        w.slots.menu.max_unit = 2000;
        w.cfg.max_unit = rows[i].ours;
        w.acceptor_cfg.data.max_unit = rows[i].theirs;
        net_start(&w);
        struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
        net_send(&w, e->c, big, sizeof big, true);
        net_run(&w, w.now + w.delay);
        assert_int_equal(seen.largest[NET_UP], rows[i].first);
        net_run(&w, w.now + CSEP_SEC(2));
        assert_int_equal(seen.largest[NET_UP], rows[i].later);
        assert_int_equal(w.num_received, 1);
        net_done(&w);
    }
}

/* ---- Acknowledgements ---- */

static csep_time acked_at;

static void note_ack(struct net *w, enum net_way way, const struct nonce_seen *s, size_t datagram)
{
    (void)datagram;
    if (way == NET_DOWN && s->len && s->payload[0] == CSEP_FRAME_ACK && !acked_at)
        acked_at = w->now;
}

static void settled(struct net *w)
{
    net_init(w, 1);
    net_start(w);
    struct net_end *e = net_open(w, 0, CSEP_SERVICE_MESSAGE);
    net_send(w, e->c, ping, sizeof ping, true);
    net_run(w, w->now + CSEP_SEC(2));
    assert_int_equal(w->served.confirmed, 1);
    acked_at = 0;
    w->watch = note_ack;
}

//= DATA-58 type=test
static void test_acknowledgements(void **state)
{
    (void)state;
    const uint8_t f[] = {CSEP_FRAME_PING};
    struct net w;
    settled(&w);
    net_forge(&w, NET_UP, 0, f, 1, 0); /* one alone: within the delay */
    csep_time there = w.now + w.delay;
    net_run(&w, there + CSEP_MS(100));
    assert_int_equal(acked_at, there + CSEP_MS(25));
    net_done(&w);

    settled(&w);
    net_forge(&w, NET_UP, 0, f, 1, 0); /* the second: at once */
    net_run(&w, w.now + CSEP_MS(5));
    net_forge(&w, NET_UP, 0, f, 1, 0);
    there = w.now + w.delay;
    net_run(&w, there + CSEP_MS(100));
    assert_int_equal(acked_at, there);
    net_done(&w);

    settled(&w);
    net_forge(&w, NET_UP, 0, f, 1, 1); /* out of order: at once */
    there = w.now + w.delay;
    net_run(&w, there + CSEP_MS(100));
    assert_int_equal(acked_at, there);
    net_done(&w);
}

/* ---- Before ACCEPT ---- */

static enum net_fault lose_accept(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    const unsigned *much = w->judge_self;
    (void)n;
    (void)len;
    return way == NET_DOWN && p[0] == CSEP_PKT_ACCEPT && w->now < CSEP_SEC(100) + CSEP_MS(*much) ? NET_DROP
                                                                                                 : NET_PASS;
}

//= DATA-109 type=test
static void test_data_before_accept(void **state)
{
    (void)state;
    unsigned until = 200;
    struct net w;
    net_init(&w, 1);
    w.judge = lose_accept;
    w.judge_self = &until;
    w.reply_len = 3000; /* the rest comes in short packets */
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_send(&w, e->c, ping, sizeof ping, true);
    net_run(&w, w.now + CSEP_MS(300));
    struct csep_data_stats st;
    csep_data_get_stats(e->c, &st);
    assert_true(st.dropped >= 2);
    assert_int_equal(st.forgeries, 0);
    assert_int_equal(csep_data_get_state(e->c), CSEP_DATA_OPENING);
    net_run(&w, w.now + CSEP_SEC(9));
    assert_int_equal(e->confirmed, 1);
    assert_int_equal(w.num_received, 2);
    net_done(&w);
}

static uint64_t said_credit;

static void note_params(struct net *w, enum net_way way, const struct nonce_seen *s, size_t datagram)
{
    (void)w;
    (void)datagram;
    if (way != NET_DOWN || s->type != CSEP_PKT_ACCEPT)
        return;
    struct frame_where where = {CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, PLACE_ACCEPT, SENT_BY_ACCEPTOR};
    struct frames it;
    struct frame f;
    frames_init(&it, view_of(s->payload, s->len), &where);
    assert_ok(frames_next(&it, &f));
    said_credit = f.u.params.max_data;
}

//= DATA-110 type=test
static void test_credit_covers_first_flight(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.acceptor_cfg.data.max_data = 10;
    w.watch = note_params;
    net_start(&w);
    net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_run(&w, w.now + CSEP_SEC(1));
    assert_int_equal(said_credit, w.slots.menu.first_flight);
    net_done(&w);
}

/* ---- A first flight that failed ---- */

//= DATA-34, DATA-19 type=test
static void test_what_may_go_again(void **state)
{
    (void)state;
    for (int refused = 0; refused < 2; refused++) {
        struct net w;
        struct csep_message_options opt = net_reliable(true), got;
        const uint8_t *p;
        size_t n;
        net_init(&w, 1);
        if (refused)
            w.slots.unknown = true;
        else
            w.judge = note_opens;
        memset(&seen, 0, sizeof seen);
        net_start(&w);
        struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
        assert_false(csep_data_replayable(e->c, &got, &p, &n));
        for (uint8_t i = 0; i < 6; i++) {
            opt.replayable = i & 1;
            opt.channel = i;
            net_send_opt(&w, e->c, &opt, &i, 1);
        }
        net_run(&w, w.now + CSEP_SEC(30));
        assert_int_equal(e->closed, 1);
        uint64_t up = w.bytes_up;
        for (uint8_t i = 1; i < 6; i += 2) {
            assert_true(csep_data_replayable(e->c, &got, &p, &n));
            assert_int_equal(got.channel, i);
            assert_true(got.replayable && got.ordered);
            assert_int_equal(n, 1);
            assert_int_equal(*p, i);
        }
        assert_false(csep_data_replayable(e->c, &got, &p, &n));
        net_run(&w, w.now + CSEP_SEC(30));
        assert_int_equal(w.bytes_up, up); /* the connection itself tries nothing else */
        net_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_again),
        cmocka_unit_test(test_initial_rtt),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_acknowledgements),
        cmocka_unit_test(test_data_before_accept),
        cmocka_unit_test(test_credit_covers_first_flight),
        cmocka_unit_test(test_what_may_go_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
