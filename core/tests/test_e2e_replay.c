/* SPDX-License-Identifier: BSD-2-Clause */
/* First flights that come again, and answers that nobody gave. */
#include "e2e_tape.h"

/* ---- A first flight again ---- */

/* Everything that the client sends until the first answer. */
static struct e2e_conn *record(struct e2e *w, struct tape *t)
{
    tape_begin(w, t);
    struct e2e_conn *c = e2e_open(w, 0, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE);
    (void)e2e_say(w, c, 300);
    (void)e2e_say(w, c, 1500);
    c->stay = true;
    e2e_run(w, w->now + w->delay);
    t->num = t->num < 3 ? t->num : 3; /* OPEN and two early packets */
    assert_int_equal(tape_find(t, NET_UP, CSEP_PKT_OPEN), 0);
    tape_pause(w);
    return c;
}

//= CTX-3 type=test //= DATA-107 type=test //= DATA-39 type=test
static void replay(enum csep_grantor_mode mode, unsigned times, csep_time apart)
{
    struct csep_addr from = net_addr(99, 999);
    struct tape t;
    struct e2e w;
    e2e_begin_mature(&w, mode);
    e2e_warm(&w, 0, 0);
    struct e2e_conn *c = record(&w, &t);
    tape_play(&w, &t, 0, &c->addr); /* while it opens */
    e2e_run(&w, w.now + CSEP_SEC(2));
    tape_play(&w, &t, 0, &c->addr); /* while it is open */
    tape_play(&w, &t, 0, &from);
    e2e_run(&w, w.now + CSEP_SEC(2));
    assert_true(e2e_all_back(c));
    e2e_close(&w, c, 0);
    e2e_settle(&w, CSEP_SEC(100));
    t.refusals = 0;
    tape_resume(&w, &t);
    csep_time start = w.now;
    for (unsigned i = 0; i < times; i++) {
        tape_play(&w, &t, 0, &from);
        e2e_run(&w, w.now + apart);
    }
    e2e_settle(&w, CSEP_SEC(100));
    assert_null(e2e_served(&w, 1));
    assert_int_equal(w.delivered[0][0], 1);
    assert_int_equal(w.delivered[0][1], 1);
    assert_in_range(t.refusals, times ? 1 : 0, 10 + 10 * ((w.now - start) / CSEP_SEC(1)));
    e2e_assert_clean(c);
    tape_end(&w, &t);
    e2e_done(&w);
}

static void test_replay(void **state)
{
    (void)state;
    replay(CSEP_GRANTOR_STATEFUL, 1, CSEP_SEC(43200));
    replay(CSEP_GRANTOR_STATEFUL, 1000, CSEP_MS(1));
    replay(CSEP_GRANTOR_STATEFUL, 3, CSEP_SEC(21600));
}

/* A stateless acceptor that forgot the ticket opens a connection, to nobody's use, and takes nothing early.
 */
//= CTX-5 type=test //= CTX-6 type=test //= DATA-32 type=test //= SEC-10 type=test
static void forgotten(csep_time wait, bool restart)
{
    struct tape t;
    struct e2e w;
    e2e_begin_mature(&w, CSEP_GRANTOR_STATELESS);
    e2e_warm(&w, 0, 0);
    struct e2e_conn *c = record(&w, &t);
    c->stay = false;
    e2e_settle(&w, CSEP_SEC(100));
    assert_int_equal(w.delivered[0][0] + w.delivered[0][1], 2);
    if (restart)
        e2e_restart(&w, 0, true);
    w.server[0].unchecked = true; /* the same first flight under the same keys: that is the attack */
    w.now += wait;
    tape_play(&w, &t, 0, &c->addr);
    e2e_run(&w, w.now + CSEP_SEC(5));
    const struct e2e_conn *s = e2e_served(&w, 1);
    assert_non_null(s);
    assert_false(s->early);
    assert_int_equal(s->num_got, 0);
    assert_int_equal(s->events[CSEP_DATA_EV_CONFIRMED], 0); //= KEY-11 type=test
    e2e_settle(&w, CSEP_SEC(200));
    assert_int_equal(w.delivered[0][0] + w.delivered[0][1], 2);
    tape_end(&w, &t);
    e2e_done(&w);
}

static void test_forgotten(void **state)
{
    (void)state;
    forgotten(0, true);            /* A3: a restart, at once */
    forgotten(CSEP_SEC(19), true); /* and just before early data is taken again */
    forgotten(CSEP_SEC(30), true); /* and behind it, when the ticket is too old */
    forgotten(CSEP_SEC(50), false);
    forgotten(CSEP_SEC(43200), false); /* half a life later */
}

/* The same over TCP, where a first flight is what the client writes before ACCEPT. */
//= CTX-3 type=test //= CTX-5 type=test //= CTX-6 type=test //= DATA-92 type=test
static void replay_stream(enum csep_grantor_mode mode, csep_time wait, bool restart, bool keep)
{
    struct e2e w;
    e2e_begin_mature(&w, mode);
    e2e_warm(&w, 0, 0);
    struct e2e_conn *c = e2e_open(&w, 0, 0, CSEP_TRANSPORT_TCP, CSEP_SERVICE_STREAM);
    (void)e2e_say(&w, c, 1000);
    e2e_run(&w, w.now + 2 * w.delay);
    size_t flight = c->tcp->sent[0];
    assert_in_range(flight, 1000, sizeof c->tcp->head[0]);
    e2e_settle(&w, CSEP_SEC(100));
    assert_true(e2e_all_back(c));
    assert_int_equal(e2e_served(&w, 0)->in_early, 1000);
    if (restart)
        e2e_restart(&w, 0, keep);
    w.server[0].unchecked = true;
    w.now += wait;
    for (unsigned i = 0; i < 5; i++) {
        struct e2e_tcp *t = e2e_connect(&w, 0, 0, true);
        e2e_run(&w, w.now + 4 * w.delay);
        e2e_tcp_put(&w, t, 0, c->tcp->head[0], flight);
    }
    e2e_settle(&w, CSEP_SEC(100));
    for (unsigned i = 1; i <= 5; i++) {
        const struct e2e_conn *s = e2e_served(&w, i);
        assert_int_equal(s->in_len, 0);
        assert_int_equal(s->events[CSEP_DATA_EV_CONFIRMED], 0);
        assert_true(s->status != CSEP_OK);
    }
    assert_int_equal(w.delivered[0][0], 1);
    e2e_done(&w);
}

static void test_replay_stream(void **state)
{
    (void)state;
    static const csep_time waits[] = {0, CSEP_SEC(19), CSEP_SEC(50), CSEP_SEC(43200)};
    for (unsigned i = 0; i < sizeof waits / sizeof waits[0]; i++)
        for (unsigned restart = 0; restart < 3; restart++) {
            replay_stream(CSEP_GRANTOR_STATEFUL, waits[i], restart, false);
            replay_stream(CSEP_GRANTOR_STATELESS, waits[i], restart, restart == 2);
        }
}

/* A2. A host whose acceptors share sealing keys and nothing else takes early data at none but one (SEC-10).
 */
static void test_second_acceptor(void **state)
{
    (void)state;
    struct tape t;
    struct e2e w;
    e2e_init(&w, 11);
    w.server[0].grantor_cfg.mode = w.server[1].grantor_cfg.mode = CSEP_GRANTOR_STATELESS;
    w.server[1].acceptor_cfg.data.early = false;
    w.server[1].unchecked = true;
    e2e_start(&w);
    e2e_share_keys(&w);
    w.now += CSEP_SEC(20);
    e2e_warm(&w, 0, 0);
    struct e2e_conn *c = record(&w, &t);
    c->stay = false;
    tape_play(&w, &t, 1, &c->addr);
    e2e_settle(&w, CSEP_SEC(200));
    assert_int_equal(w.delivered[0][0] + w.delivered[0][1], 2);
    assert_true(e2e_all_back(c));
    for (unsigned i = 0; e2e_served(&w, i); i++)
        if (e2e_served(&w, i)->server == 1)
            assert_int_equal(e2e_served(&w, i)->num_got, 0);
    tape_end(&w, &t);
    e2e_done(&w);
}

/* ---- What an attacker off the path may say ---- */

static void spoof_all(struct e2e *w, const struct e2e_conn *c)
{
    uint8_t buf[NET_DATAGRAM], id[8], echo[16];
    const struct csep_addr *from = &w->server[0].addr;
    for (unsigned i = 0; i < 60; i++) {
        struct wr x = wr_init(buf, sizeof buf);
        w->rnd.fill(w->rnd.self, id, sizeof id);
        w->rnd.fill(w->rnd.self, echo, sizeof echo);
        struct refuse r = {CSEP_VERSION_1, {id, 8}, echo, (uint8_t)(1 + i % 2), {NULL, 0}};
        struct retry t = {CSEP_VERSION_1, {id, 8}, echo, {echo, 16}};
        if (i % 3 == 0)
            packet_put_refuse(&x, &r);
        else if (i % 3 == 1)
            packet_put_retry(&x, &t);
        else { /* a reset with a token that is guessed */
            wr_u8(&x, 8);
            for (unsigned k = 0; k < 3; k++)
                wr_bytes(&x, echo, 16);
        }
        assert_true(wr_ok(&x));
        e2e_inject(w, NET_DOWN, from, &c->addr, buf, x.len, i * CSEP_MS(7));
    }
}

/* On the path: answers that would have been good, to a connection that has its ACCEPT. */
static void spoof_late(struct e2e *w, const struct e2e_conn *c, const struct tape *t)
{
    uint8_t buf[NET_DATAGRAM];
    struct open_header o;
    struct packet_span span;
    assert_int_equal(packet_decode_open(&o, &span, t->at[0].b, t->at[0].len), CSEP_OK);
    struct refuse r = {CSEP_VERSION_1, o.scid, o.client_random, 1, {NULL, 0}};
    struct retry y = {CSEP_VERSION_1, o.scid, o.client_random, {o.client_random, 32}};
    for (unsigned i = 0; i < 2; i++) {
        struct wr x = wr_init(buf, sizeof buf);
        if (i)
            packet_put_refuse(&x, &r);
        else
            packet_put_retry(&x, &y);
        e2e_inject(w, NET_DOWN, &w->server[0].addr, &c->addr, buf, x.len, 0);
    }
}

//= DATA-40 type=test //= DATA-44 type=test //= DATA-81 type=test
static void test_spoofed(void **state)
{
    (void)state;
    struct tape t;
    struct e2e w;
    e2e_begin_mature(&w, CSEP_GRANTOR_STATEFUL);
    e2e_warm(&w, 0, 0);
    struct e2e_conn *c = record(&w, &t);
    spoof_all(&w, c);
    e2e_run(&w, w.now + CSEP_SEC(1));
    spoof_late(&w, c, &t);
    spoof_all(&w, c);
    (void)e2e_say(&w, c, 100);
    c->stay = false;
    e2e_settle(&w, CSEP_SEC(100));
    assert_true(e2e_all_back(c));
    e2e_assert_clean(c);
    assert_int_equal(c->events[CSEP_DATA_EV_REFUSED] + c->events[CSEP_DATA_EV_RETRY], 0);
    assert_int_equal(csep_context_state(w.client[0].context[0]), CSEP_CTX_FRESH);
    tape_end(&w, &t);
    e2e_done(&w);
}

/* The right connection id and the wrong echo, or the reverse. */
//= DATA-40 type=test //= DATA-44 type=test
static void test_half_right(void **state)
{
    (void)state;
    static const uint8_t wrong[32] = {7};
    for (unsigned kind = 0; kind < 4; kind++) {
        uint8_t buf[NET_DATAGRAM];
        struct open_header o;
        struct packet_span span;
        struct tape t;
        struct e2e w;
        e2e_begin_mature(&w, CSEP_GRANTOR_STATEFUL);
        e2e_warm(&w, 0, 0);
        struct e2e_conn *c = record(&w, &t);
        assert_int_equal(packet_decode_open(&o, &span, t.at[0].b, t.at[0].len), CSEP_OK);
        struct view id = kind & 1 ? o.scid : view_of(wrong, o.scid.n);
        const uint8_t *echo = kind & 1 ? wrong : o.client_random;
        struct refuse r = {CSEP_VERSION_1, id, echo, 1, {NULL, 0}};
        struct retry y = {CSEP_VERSION_1, id, echo, view_of(wrong, 32)};
        struct wr x = wr_init(buf, sizeof buf);
        if (kind & 2)
            packet_put_retry(&x, &y);
        else
            packet_put_refuse(&x, &r);
        e2e_inject(&w, NET_DOWN, &w.server[0].addr, &c->addr, buf, x.len, 0);
        c->stay = false;
        e2e_settle(&w, CSEP_SEC(100));
        assert_true(e2e_all_back(c));
        e2e_assert_clean(c);
        assert_int_equal(c->events[CSEP_DATA_EV_REFUSED] + c->events[CSEP_DATA_EV_RETRY], 0);
        tape_end(&w, &t);
        e2e_done(&w);
    }
}

/* On the path and in time: one attempt is lost, and no more. */
//= CTX-26 type=test //= DATA-41 type=test
static void test_spoofed_in_time(void **state)
{
    (void)state;
    struct tape t;
    struct e2e w;
    e2e_begin_mature(&w, CSEP_GRANTOR_STATEFUL);
    e2e_warm(&w, 0, 0);
    w.client[0].renegotiate = true;
    struct e2e_conn *c = record(&w, &t);
    spoof_late(&w, c, &t); /* RETRY first, which is believed once; then REFUSE */
    e2e_settle(&w, CSEP_SEC(100));
    assert_status(c->status, CSEP_ERR_REFUSED);
    assert_int_equal(w.client[0].negotiations, 2);
    c = e2e_open(&w, 0, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE);
    (void)e2e_say(&w, c, 100);
    e2e_settle(&w, CSEP_SEC(100));
    assert_true(e2e_all_back(c));
    tape_end(&w, &t);
    e2e_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay),          cmocka_unit_test(test_replay_stream),
        cmocka_unit_test(test_forgotten),       cmocka_unit_test(test_second_acceptor),
        cmocka_unit_test(test_spoofed),         cmocka_unit_test(test_half_right),
        cmocka_unit_test(test_spoofed_in_time),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
