/* SPDX-License-Identifier: BSD-2-Clause */
/* Data connections over TCP: key update, back-pressure, time, limits, closing, memory, every state with every
 * input. */
#include "stream_pair.h"

#include "crypto/aead.h"
#include "csep/wire.h"
#include "data/packet.h"
#include "data/schedule.h"
#include "data/stream_state.h"

static struct stream_pair p;
static uint8_t big[200000];

static int set_up(void **state)
{
    (void)state;
    stream_pair_init(&p);
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)(i * 7 + i / 251);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stream_pair_done(&p);
    return 0;
}

static void again(void **state)
{
    tear_down(state);
    set_up(state);
}

/* ---- Key update ---- */

/* Numbers of each direction begin at 0 in every epoch and generation and rise by one: no nonce twice. */
static void check_numbers(const struct test_trace *t, bool opener)
{
    uint64_t next = 0;
    bool early = opener;
    for (size_t i = 0; i < t->num; i++) {
        const struct csep_trace_event *e = &t->events[i];
        if (e->type == CSEP_TRACE_DATA_KEY_UPDATE && e->arg[0])
            next = 0;
        if (e->type != CSEP_TRACE_DATA_PACKET_SENT)
            continue;
        if (early && e->arg[1] == 0 && next > 0) { /* c_data begins */
            early = false;
            next = 0;
        }
        assert_int_equal(e->arg[1], next);
        next++;
    }
}

//= KEY-5 type=test
//= KEY-6 type=test
//= DATA-98 type=test
static void test_many_key_updates(void **state)
{
    for (uint64_t limit = 2; limit < 9; limit += 3) {
        again(state);
        p.o.cfg.key_update_packets = limit;
        p.a.cfg.key_update_packets = limit == 5 ? 0 : limit + 1;
        p.window = 1448;
        stream_pair_start(&p, CSEP_SERVICE_STREAM);
        stream_pair_run(&p);
        for (unsigned i = 0; i < 4; i++) {
            stream_end_write(&p, &p.o, big + 50000 * i, 50000);
            stream_end_write(&p, &p.a, big + 50000 * i, 50000);
            stream_pair_run(&p);
        }
        assert_int_equal(p.a.got_len, 200000);
        assert_memory_equal(p.a.got, big, 200000);
        assert_int_equal(p.o.got_len, 200000);
        assert_memory_equal(p.o.got, big, 200000);
        check_numbers(&p.o.trace, true);
        check_numbers(&p.a.trace, false);
        assert_true(test_trace_count(&p.o.trace, CSEP_TRACE_DATA_KEY_UPDATE) > 6);
        assert_true(p.a.seen[CSEP_DATA_EV_KEY_UPDATE] > 0);
    }
}

/* Both ends at the same moment: one generation each, not two. //= DATA-98 type=test  //= DATA-120 type=test
 */
static void test_simultaneous_key_update(void **state)
{
    (void)state;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    assert_status(csep_stream_key_update(p.o.s, p.now), CSEP_AGAIN);
    stream_pair_run(&p);
    assert_ok(csep_stream_key_update(p.o.s, p.now));
    assert_ok(csep_stream_key_update(p.a.s, p.now));
    assert_status(csep_stream_key_update(p.o.s, p.now), CSEP_AGAIN); /* one is on its way */
    stream_end_output(&p, &p.o);
    assert_status(csep_stream_key_update(p.o.s, p.now), CSEP_AGAIN); /* not answered yet */
    stream_end_output(&p, &p.a);
    stream_pair_run(&p);
    assert_int_equal(test_trace_count(&p.o.trace, CSEP_TRACE_DATA_KEY_UPDATE), 2);
    assert_int_equal(test_trace_count(&p.a.trace, CSEP_TRACE_DATA_KEY_UPDATE), 2);
    stream_end_write(&p, &p.o, "a", 1);
    stream_end_write(&p, &p.a, "b", 1);
    stream_pair_run(&p);
    assert_int_equal(p.a.got_len + p.o.got_len, 2);
    assert_ok(csep_stream_key_update(p.o.s, p.now));
    stream_pair_run(&p);
    assert_int_equal(test_trace_count(&p.a.trace, CSEP_TRACE_DATA_KEY_UPDATE), 4);
}

/* The acceptor updates before the opener has left its early epoch. */
static void test_key_update_before_confirmed(void **state)
{
    (void)state;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_end_write(&p, &p.o, "early", 5);
    stream_pair_send(&p, &p.o, &p.a);
    stream_end_output(&p, &p.a);
    assert_ok(csep_stream_key_update(p.a.s, p.now));
    stream_end_write(&p, &p.a, "answer", 6);
    stream_pair_run(&p);
    assert_memory_equal(p.o.got, "answer", 6);
    stream_end_write(&p, &p.o, "more", 4);
    stream_pair_run(&p);
    assert_memory_equal(p.a.got, "earlymore", 9);
}

/* ---- Back-pressure ---- */

/* //= DATA-100 type=test */
static void test_back_pressure(void **state)
{
    (void)state;
    p.o.cfg.send_buffer = 60000;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_pair_run(&p);
    p.a.read_most = 0;
    size_t taken, sum = 0;
    csep_status st;
    while ((st = csep_stream_write(p.o.s, big + sum, 20000, p.now, &taken)) == CSEP_OK)
        sum += taken;
    assert_status(st, CSEP_AGAIN);
    assert_true(sum > 59000 && sum <= 60000);
    assert_true(csep_stream_heap(p.o.s) <= 60000 + 200);
    stream_pair_send(&p, &p.o, &p.a);
    assert_int_equal(p.a.seen[CSEP_DATA_EV_STREAM], 1);
    assert_true(csep_stream_heap(p.a.s) <= 2 + 16640); /* one record */
    assert_true(p.o.out.len > 30000);                  /* the rest waits in TCP */
    assert_int_equal(p.o.seen[CSEP_DATA_EV_WRITABLE], 1);
    stream_pair_send(&p, &p.o, &p.a);
    assert_true(csep_stream_heap(p.a.s) <= 2 + 16640);
    p.a.read_most = 1000;
    stream_end_drain(&p.a);
    stream_pair_run(&p);
    assert_int_equal(p.a.got_len, sum);
    assert_memory_equal(p.a.got, big, sum);
    assert_int_equal(csep_stream_heap(p.a.s), 0); /* idle again */
}

static void test_message_back_pressure(void **state)
{
    (void)state;
    struct csep_message_options opt = {.channel = 3, .deadline = CSEP_NEVER};
    p.o.cfg.send_buffer = 30000;
    stream_pair_start(&p, CSEP_SERVICE_MESSAGE);
    assert_status(csep_stream_send_message(p.o.s, &opt, big, 30000, p.now, NULL), CSEP_ERR_OVERSIZE);
    assert_ok(csep_stream_send_message(p.o.s, &opt, big, 20000, p.now, NULL));
    assert_status(csep_stream_send_message(p.o.s, &opt, big, 10000, p.now, NULL), CSEP_ERR_LIMIT);
    assert_int_equal(p.o.seen[CSEP_DATA_EV_WRITABLE], 0);
    stream_pair_run(&p);
    assert_int_equal(p.o.seen[CSEP_DATA_EV_WRITABLE], 1);
    assert_ok(csep_stream_send_message(p.o.s, &opt, big, 10000, p.now, NULL));
    opt.channel = 65536;
    assert_status(csep_stream_send_message(p.o.s, &opt, big, 1, p.now, NULL), CSEP_ERR_OVERSIZE);
    assert_status(csep_stream_write(p.o.s, big, 1, p.now, &(size_t){0}),
                  CSEP_ERR_SERVICE); //= DATA-61 type=test
}

/* ---- Time ---- */

static void pass(struct stream_end *e)
{
    csep_time t = csep_stream_deadline(e->s);
    assert_true(t != CSEP_NEVER && t > 0);
    p.now = t - 1;
    csep_stream_expire(e->s, p.now);
    stream_end_drain(e);
    assert_int_equal(e->closed.type, 0);
    p.now = t;
    csep_stream_expire(e->s, p.now);
    stream_end_drain(e);
}

/* //= DATA-14 type=test */
static void test_open_time_out(void **state)
{
    (void)state;
    csep_time start = p.now;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_end_output(&p, &p.o);
    pass(&p.o);
    assert_int_equal(p.now - start, CSEP_SEC(10));
    assert_status(p.o.closed.status, CSEP_ERR_TIMEOUT);
}

/* //= DATA-101 type=test  //= NEG-2 type=test */
static void test_accept_time_out(void **state)
{
    for (int first_byte = 0; first_byte < 2; first_byte++) {
        again(state);
        size_t used;
        csep_time start = p.now;
        stream_pair_start(&p, CSEP_SERVICE_STREAM);
        if (first_byte)
            assert_ok(csep_stream_input(p.a.s, (const uint8_t *)"", 1, p.now, &used));
        pass(&p.a);
        assert_int_equal(p.now - start, first_byte ? CSEP_SEC(10) : CSEP_SEC(30));
        assert_status(p.a.closed.status, CSEP_ERR_TIMEOUT);
    }
}

/* The lower of both idle time-outs, and the other end is told. //= DATA-79 type=test */
static void test_idle(void **state)
{
    (void)state;
    p.a.cfg.idle_timeout = CSEP_SEC(5);
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_pair_run(&p);
    csep_time start = p.now;
    pass(&p.o);
    assert_int_equal(p.now - start, CSEP_SEC(5));
    stream_pair_run(&p);
    assert_status(p.o.closed.status, CSEP_ERR_IDLE);
    assert_true(p.a.closed.by_peer);
    assert_int_equal(p.a.closed.code, csep_status_wire(CSEP_ERR_TIMEOUT));
}

/* A transfer in one direction alone is no idle connection, although its sender hears nothing. */
static void test_one_way(void **state)
{
    (void)state;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_pair_run(&p);
    for (unsigned i = 0; i < 10; i++) {
        p.now += CSEP_SEC(20);
        csep_stream_expire(p.o.s, p.now);
        csep_stream_expire(p.a.s, p.now);
        stream_end_write(&p, &p.a, "more", 4);
        stream_pair_run(&p);
    }
    assert_int_equal(p.o.got_len, 40);
    assert_int_equal(csep_stream_get_state(p.a.s), CSEP_DATA_CONFIRMED);
}

/* //= DATA-83 type=test */
static void test_context_expires(void **state)
{
    (void)state;
    p.slot.expires = p.now + CSEP_SEC(3);
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_pair_run(&p);
    pass(&p.o);
    stream_pair_run(&p);
    assert_status(p.o.closed.status, CSEP_ERR_EXPIRED);
    assert_status(p.a.closed.status, CSEP_ERR_EXPIRED);
}

/* A peer that does not read cannot keep a connection that wants to close. */
static void test_closing_time_out(void **state)
{
    (void)state;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_pair_run(&p);
    csep_stream_close(p.o.s, 0x100, p.now);
    assert_int_equal(csep_stream_get_state(p.o.s), CSEP_DATA_CLOSING);
    pass(&p.o);
    assert_int_equal(p.o.closed.type, CSEP_DATA_EV_CLOSED);
}

/* ---- Limits ---- */

/* //= KEY-8 type=test */
static void test_usage_limit(void **state)
{
    for (int what = 0; what < 2; what++) {
        again(state);
        if (what)
            p.slot.left.bytes = 1000;
        else
            p.slot.left.packets = 5;
        stream_pair_start(&p, CSEP_SERVICE_STREAM);
        for (unsigned i = 0; i < 20; i++) {
            size_t taken;
            csep_status st = csep_stream_write(p.o.s, big, 100, p.now, &taken);
            (void)st;
            stream_pair_run(&p);
        }
        assert_status(p.o.closed.status, CSEP_ERR_AEAD_LIMIT);
        assert_status(p.a.closed.status, CSEP_ERR_AEAD_LIMIT);
        assert_true(p.a.closed.by_peer);
    }
}

/* A context hears of a long connection while it lasts. //= KEY-8 type=test */
static void test_usage_is_reported(void **state)
{
    (void)state;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    for (unsigned i = 0; i < 12; i++) {
        stream_end_write(&p, &p.o, big, 100000);
        stream_pair_run(&p);
        p.a.got_len = 0;
    }
    assert_int_equal(p.slots.reports, 1);
    assert_true(p.slots.reported.bytes >= 1u << 20);
}

/* Both ends count the same packets and bytes. */
static void test_usage(void **state)
{
    (void)state;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_end_write(&p, &p.o, big, 30000);
    stream_pair_run(&p);
    csep_stream_close(p.a.s, 0, p.now);
    stream_pair_run(&p);
    struct csep_usage used = csep_stream_take_usage(p.o.s);
    assert_int_equal(used.packets, p.slots.reported.packets);
    assert_int_equal(used.bytes, p.slots.reported.bytes);
    assert_true(used.bytes > 30000);
    used = csep_stream_take_usage(p.o.s);
    assert_int_equal(used.packets, 0);
    assert_int_equal(csep_stream_take_usage(p.a.s).packets, 0);
}

/* ---- Tickets, export, closing ---- */

/* //= CTX-10 type=test */
static void test_tickets(void **state)
{
    (void)state;
    stream_pair_start(&p, CSEP_SERVICE_MESSAGE);
    assert_status(csep_stream_send_tickets(p.o.s, 4, p.now), CSEP_ERR_CLOSED);
    assert_status(csep_stream_send_tickets(p.a.s, 4, p.now), CSEP_ERR_CLOSED);
    stream_pair_run(&p);
    assert_status(csep_stream_send_hint(p.o.s, CSEP_HINT_REFRESH, 60, p.now), CSEP_ERR_CLOSED);
    assert_ok(csep_stream_send_hint(p.a.s, CSEP_HINT_REFRESH, 60, p.now));
    assert_ok(csep_stream_send_tickets(p.a.s, 12, p.now));
    stream_end_message(&p, &p.a, 0, false, "behind", 6);
    p.window = 50;
    stream_pair_run(&p);
    assert_int_equal(p.o.seen[CSEP_DATA_EV_TICKETS], 3); /* five, five and two in a frame */
    assert_int_equal(p.o.last[CSEP_DATA_EV_TICKETS].len, 2 * 201);
    assert_memory_equal(p.o.got, "behind", 6);
    assert_int_equal(p.o.last[CSEP_DATA_EV_HINT].code, CSEP_HINT_REFRESH);
    assert_int_equal(p.o.last[CSEP_DATA_EV_HINT].value, 60);
}

static void test_export(void **state)
{
    (void)state;
    uint8_t a[32], b[32];
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    assert_status(csep_stream_export(p.o.s, "media", big, 5, a, sizeof a), CSEP_AGAIN);
    stream_pair_run(&p);
    assert_ok(csep_stream_export(p.o.s, "media", big, 5, a, sizeof a));
    assert_ok(csep_stream_export(p.a.s, "media", big, 5, b, sizeof b));
    assert_memory_equal(a, b, sizeof a);
    assert_ok(csep_stream_export(p.a.s, "media", big, 6, b, sizeof b));
    assert_memory_not_equal(a, b, sizeof a);
    assert_status(csep_stream_export(p.a.s, "", big, 6, b, sizeof b), CSEP_ERR_VALUE);
    assert_status(csep_stream_export(p.a.s, "x", big, 6, b, 0), CSEP_ERR_VALUE);
}

static void test_key_log(void **state)
{
    (void)state;
    static const char *const labels[] = {"CSEP_EARLY", "CSEP_CLIENT_DATA", "CSEP_SERVER_DATA"};
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_pair_run(&p);
    for (unsigned i = 0; i < 3; i++) {
        const struct test_keylog_line *o = test_keylog_find(&p.o.keylog, labels[i], 0);
        const struct test_keylog_line *a = test_keylog_find(&p.a.keylog, labels[i], 0);
        assert_true(o && a);
        assert_memory_equal(o->secret, a->secret, 32);
        assert_memory_equal(o->client_random, a->client_random, 32);
    }
    assert_int_equal(p.o.keylog.num, 3);
    assert_int_equal(p.a.keylog.num, 3);
}

/* What was written before close() arrives, also when ACCEPT had not come yet. */
static void test_close_flushes(void **state)
{
    for (int when = 0; when < 2; when++) {
        again(state);
        stream_pair_start(&p, CSEP_SERVICE_STREAM);
        if (when)
            stream_pair_run(&p);
        stream_end_write(&p, &p.o, big, 100000);
        csep_stream_close(p.o.s, 0, p.now);
        assert_status(csep_stream_write(p.o.s, big, 1, p.now, &(size_t){0}), CSEP_ERR_CLOSED);
        stream_pair_run(&p);
        assert_int_equal(p.a.got_len, 100000);
        assert_memory_equal(p.a.got, big, 100000);
        assert_ok(p.a.closed.status);
        assert_true(p.a.closed.by_peer);
        assert_ok(p.o.closed.status);
    }
}

/* The acceptor closes at once: CLOSE stands in ACCEPT. //= DATA-106 type=test */
static void test_close_in_accept(void **state)
{
    (void)state;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_pair_send(&p, &p.o, &p.a);
    stream_end_write(&p, &p.a, "bye", 3);
    csep_stream_close(p.a.s, 0, p.now);
    stream_pair_run(&p);
    assert_int_equal(test_trace_count(&p.a.trace, CSEP_TRACE_DATA_PACKET_SENT), 1);
    assert_memory_equal(p.o.got, "bye", 3);
    assert_true(p.o.closed.by_peer);
    assert_ok(p.o.closed.status);
}

/* //= DATA-78 type=test */
static void test_nothing_after_close(void **state)
{
    (void)state;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_pair_run(&p);
    stream_end_write(&p, &p.a, big, 1000);
    csep_stream_close(p.o.s, 0x3fff, p.now);
    stream_end_output(&p, &p.o);
    stream_pair_send(&p, &p.o, &p.a);
    stream_end_output(&p, &p.a);
    size_t before = p.a.out.len;
    stream_end_output(&p, &p.a);
    assert_int_equal(p.a.out.len, before);
    assert_int_equal(p.a.closed.code, 0x3fff);
    assert_int_equal(csep_stream_deadline(p.a.s), CSEP_NEVER);
}

/* ---- Every state with every input ---- */

static void reach(enum csep_data_state want)
{
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    switch (want) {
    case CSEP_DATA_OPENING:
        break;
    case CSEP_DATA_ACCEPTED:
        stream_pair_send(&p, &p.o, &p.a);
        break;
    case CSEP_DATA_OPEN:
        stream_pair_send(&p, &p.o, &p.a);
        stream_pair_send(&p, &p.a, &p.o);
        break;
    case CSEP_DATA_CONFIRMED:
    case CSEP_DATA_CLOSING:
    case CSEP_DATA_CLOSED:
        stream_pair_run(&p);
        if (want == CSEP_DATA_CLOSING)
            csep_stream_close(p.o.s, 0x101, p.now);
        if (want == CSEP_DATA_CLOSED)
            csep_stream_input_eof(p.o.s, p.now);
        break;
    default:
        break;
    }
}

enum input { GARBAGE, END_OF_FILE, TIME, CLOSE_NONE, CLOSE_CODE, WRITE, OUTPUT, NUM_INPUTS };

/* IDLE and ACCEPTED belong to the acceptor, the rest is looked at on the opener. */
static const struct {
    enum csep_data_state from;
    enum csep_data_state to[NUM_INPUTS];
} table[] = {
#define S(n) CSEP_DATA_##n
    /*             garbage     eof        time       close 0    close      write         output */
    {S(IDLE), {S(CLOSED), S(CLOSED), S(CLOSED), S(CLOSED), S(CLOSED), S(IDLE), S(IDLE)}},
    {S(OPENING), {S(CLOSED), S(CLOSED), S(CLOSED), S(CLOSED), S(CLOSED), S(OPENING), S(OPENING)}},
    {S(ACCEPTED), {S(CLOSING), S(CLOSED), S(CLOSING), S(CLOSING), S(CLOSING), S(ACCEPTED), S(ACCEPTED)}},
    {S(OPEN), {S(CLOSING), S(CLOSED), S(CLOSING), S(CLOSING), S(CLOSING), S(OPEN), S(CONFIRMED)}},
    {S(CONFIRMED), {S(CLOSING), S(CLOSED), S(CLOSING), S(CLOSING), S(CLOSING), S(CONFIRMED), S(CONFIRMED)}},
    {S(CLOSING), {S(CLOSING), S(CLOSED), S(CLOSED), S(CLOSING), S(CLOSING), S(CLOSING), S(CLOSED)}},
    {S(CLOSED), {S(CLOSED), S(CLOSED), S(CLOSED), S(CLOSED), S(CLOSED), S(CLOSED), S(CLOSED)}},
#undef S
};

static const int column_of[NUM_INPUTS] = {
    [GARBAGE] = STREAM_IN_FAIL,
    [END_OF_FILE] = STREAM_IN_END,
    [TIME] = STREAM_IN_TIMEOUT,
    [CLOSE_NONE] = STREAM_IN_LOCAL_CLOSE,
    [CLOSE_CODE] = STREAM_IN_LOCAL_CLOSE,
    [WRITE] = -1,
    [OUTPUT] = STREAM_IN_SENT,
};

static void apply(struct stream_end *e, enum input in)
{
    static const uint8_t garbage[30] = {0, 28, 99};
    size_t n;
    csep_status st;
    switch (in) {
    case GARBAGE:
        st = csep_stream_input(e->s, garbage, sizeof garbage, p.now, &n);
        (void)st;
        break;
    case END_OF_FILE:
        csep_stream_input_eof(e->s, p.now);
        break;
    case TIME:
        p.now += CSEP_SEC(31);
        csep_stream_expire(e->s, p.now);
        break;
    case CLOSE_NONE:
        csep_stream_close(e->s, 0, p.now);
        break;
    case CLOSE_CODE:
        csep_stream_close(e->s, 0x102, p.now);
        break;
    case WRITE:
        st = csep_stream_write(e->s, big, 10, p.now, &n);
        (void)st;
        break;
    default:
        stream_end_output(&p, e);
        break;
    }
}

static void test_states(void **state)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (int in = 0; in < NUM_INPUTS; in++) {
            again(state);
            reach(table[i].from);
            bool acceptor = table[i].from == CSEP_DATA_IDLE || table[i].from == CSEP_DATA_ACCEPTED;
            struct stream_end *e = acceptor ? &p.a : &p.o;
            assert_int_equal(csep_stream_get_state(e->s), table[i].from);
            apply(e, (enum input)in);
            if (csep_stream_get_state(e->s) != table[i].to[in])
                print_error("state %u, input %d\n", table[i].from, in);
            assert_int_equal(csep_stream_get_state(e->s), table[i].to[in]);
            if (column_of[in] >= 0) { /* the list that is printed says the same */
                unsigned may = stream_state_next(table[i].from, (enum stream_input)column_of[in]);
                assert_true((may ? may : 1u << table[i].from) >> table[i].to[in] & 1);
            }
            stream_end_drain(e);
            stream_end_output(&p, e);
            stream_end_drain(e);
        }
}

/* ---- Memory ---- */

/* Memory runs out at every single request: an error, no loss, nothing kept. */
static void test_no_memory(void **state)
{
    bool failed = true;
    for (uint64_t at = 1; failed; at++) {
        again(state);
        stream_pair_start(&p, CSEP_SERVICE_MESSAGE);
        p.o.alloc.fail_from = at;
        p.a.alloc.fail_from = at;
        struct csep_message_options opt = {.channel = 2, .ordered = true, .deadline = CSEP_NEVER};
        failed = false;
        for (unsigned i = 0; i < 3; i++) {
            csep_status st = csep_stream_send_message(p.o.s, &opt, big, 20000, p.now, NULL);
            failed |= st != CSEP_OK;
            stream_pair_run(&p);
        }
        failed |= p.a.got_len != 60000;
        assert_true(at < 100);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_end_write(&p, &p.o, big, 20000);
    stream_pair_run(&p);
    assert_true(csep_stream_size() + csep_stream_heap(p.o.s) <= 4096);
    assert_true(csep_stream_size() + csep_stream_heap(p.a.s) <= 4096);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_many_key_updates),
        T(test_simultaneous_key_update),
        T(test_key_update_before_confirmed),
        T(test_back_pressure),
        T(test_message_back_pressure),
        T(test_open_time_out),
        T(test_accept_time_out),
        T(test_idle),
        T(test_one_way),
        T(test_context_expires),
        T(test_closing_time_out),
        T(test_usage_limit),
        T(test_usage_is_reported),
        T(test_usage),
        T(test_tickets),
        T(test_export),
        T(test_key_log),
        T(test_close_flushes),
        T(test_close_in_accept),
        T(test_nothing_after_close),
        T(test_states),
        T(test_no_memory),
        T(test_sizes),
    };
    return csep_init() == CSEP_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
