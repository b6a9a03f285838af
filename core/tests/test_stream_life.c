/* SPDX-License-Identifier: BSD-2-Clause */
/* Data connections over TCP: refusal, early data, time, limits, memory, every state with every input. */
#include "stream_pair.h"

#include "crypto/aead.h"
#include "csep/wire.h"
#include "data/packet.h"
#include "data/schedule.h"

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

/* ---- Refusal ---- */

static void ticket_unknown(void)
{
    p.slots.unknown[0] = true;
}
static void ticket_used(void)
{
    p.slots.used[0] = true;
}
static void ticket_forged(void)
{
    p.slot.ticket[3] ^= 1;
}
static void ticket_expired(void)
{
    p.slots.slot[0].expires = p.now;
}
static void race_lost(void)
{
    p.slots.lose_race = true;
}
static void other_secret(void)
{
    p.slot.secret[0] ^= 1;
}
static void service_not_granted(void)
{
    p.slots.slot[0].services = 1u << CSEP_SERVICE_MESSAGE;
}
static void aead_not_granted(void)
{
    p.slots.slot[0].num_aeads = 1;
    p.slots.slot[0].aeads[0] = CSEP_AEAD_AEGIS_256;
}
static void share_missing(void)
{
    p.slot.upgrade = CSEP_UPGRADE_OFF;
    p.slots.slot[0].upgrade = CSEP_UPGRADE_REQUIRED;
}
static void other_protocol(void)
{
    p.o.cfg.protocol = "echo";
    p.a.cfg.protocol = "chat";
}

static const struct {
    const char *what;
    void (*spoil)(void);
} refusals[] = {
    {"unknown", ticket_unknown},
    {"used", ticket_used},
    {"forged", ticket_forged},
    {"expired", ticket_expired},
    {"used by another meanwhile", race_lost},
    {"another secret", other_secret},
    {"service not granted", service_not_granted},
    {"AEAD not granted", aead_not_granted},
    {"share missing", share_missing},
    {"another protocol", other_protocol},
};

//= DATA-20 type=test
//= DATA-22 type=test
//= DATA-99 type=test
//= KEY-15 type=test
//= CTX-3 type=test
//= DATA-41 type=test
static void test_refused(void **state)
{
    uint8_t first[64];
    size_t first_len = 0;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        again(state);
        refusals[i].spoil();
        stream_pair_start(&p, CSEP_SERVICE_STREAM);
        stream_end_write(&p, &p.o, "secret", 6);
        stream_pair_send(&p, &p.o, &p.a);
        stream_end_output(&p, &p.a);
        assert_true(p.a.out.len > 0 && p.a.out.len < 40);
        if (i == 0)
            memcpy(first, p.a.out.bytes, first_len = p.a.out.len);
        assert_int_equal(p.a.out.len, first_len); /* the same from outside: DATA-20 */
        assert_memory_equal(p.a.out.bytes, first, 7);
        stream_pair_run(&p);
        assert_int_equal(p.a.got_len, 0);
        assert_int_equal(p.a.seen[CSEP_DATA_EV_OPENED], 0);
        assert_status(p.a.closed.status, CSEP_ERR_REFUSED);
        assert_int_equal(p.o.seen[CSEP_DATA_EV_REFUSED], 1);
        assert_int_equal(p.o.last[CSEP_DATA_EV_REFUSED].code, CSEP_REFUSE_TICKET);
        assert_status(p.o.closed.status, CSEP_ERR_REFUSED);
        assert_int_equal(csep_stream_get_state(p.o.s), CSEP_DATA_CLOSED);
        assert_int_equal(csep_stream_get_state(p.a.s), CSEP_DATA_CLOSED);
    }
}

/* //= DATA-18 type=test */
static void test_refused_version(void **state)
{
    (void)state;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_end_output(&p, &p.o);
    p.o.out.bytes[6] = 2; /* version 0x63730002 */
    stream_pair_run(&p);
    assert_status(p.o.closed.status, CSEP_ERR_VERSION);
    assert_int_equal(p.o.last[CSEP_DATA_EV_REFUSED].code, CSEP_REFUSE_VERSION);
    assert_status(p.a.closed.status, CSEP_ERR_VERSION);
    assert_int_equal(p.slots.opens, 0);
}

/* A REFUSE with another echo is none of ours; one that is cut is no REFUSE. */
static void test_refuse_of_another(void **state)
{
    (void)state;
    p.slots.unknown[0] = true;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_pair_send(&p, &p.o, &p.a);
    stream_end_output(&p, &p.a);
    p.a.out.bytes[8] ^= 1;
    stream_pair_run(&p);
    assert_int_equal(p.o.seen[CSEP_DATA_EV_REFUSED], 0);
    assert_status(p.o.closed.status, CSEP_ERR_DECODE);
}

/* What a slot does not let an opener do is said at once. */
static void test_open_checks(void **state)
{
    (void)state;
    struct csep_slot s = p.slot;
    assert_status(csep_stream_open(p.o.s, &p.o.cfg, &s, CSEP_SERVICE_DATAGRAM, p.now), CSEP_ERR_SERVICE);
    s.services = 1u << CSEP_SERVICE_STREAM;
    assert_status(csep_stream_open(p.o.s, &p.o.cfg, &s, CSEP_SERVICE_MESSAGE, p.now), CSEP_ERR_SERVICE);
    assert_status(csep_stream_open(p.o.s, &p.o.cfg, &s, CSEP_SERVICE_STREAM, s.expires), CSEP_ERR_EXPIRED);
    s.transport = CSEP_TRANSPORT_UDP;
    assert_status(csep_stream_open(p.o.s, &p.o.cfg, &s, CSEP_SERVICE_STREAM, p.now), CSEP_ERR_NO_CONTEXT);
    s = p.slot;
    s.aeads[0] = CSEP_AEAD_AEGIS_256;
    s.num_aeads = 1;
    assert_status(csep_stream_open(p.o.s, &p.o.cfg, &s, CSEP_SERVICE_STREAM, p.now), CSEP_ERR_UNSUPPORTED);
    s = p.slot;
    s.left.packets = 0;
    assert_status(csep_stream_open(p.o.s, &p.o.cfg, &s, CSEP_SERVICE_STREAM, p.now), CSEP_ERR_AEAD_LIMIT);
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
}

/* ---- Early data ---- */

static void early_off(void)
{
    p.a.cfg.early = false;
}
static void not_fresh(void)
{
    p.slots.slot[0].fresh = false;
}
static void too_old(void)
{
    p.slots.slot[0].check_age = true;
    p.slots.slot[0].received = p.now - CSEP_MS(10001);
}
static void too_young(void)
{
    p.slots.slot[0].check_age = true;
    p.slot.received = p.now - CSEP_MS(10001);
}
static void old_enough(void)
{
    p.slots.slot[0].check_age = true;
    p.slots.slot[0].received = p.now - CSEP_MS(10000);
}

static const struct {
    const char *what;
    void (*set)(void);
    bool taken;
} early_rows[] = {
    {"not wanted", early_off, false},      {"not fresh", not_fresh, false},
    {"age too low", too_old, false},       {"age too high", too_young, false},
    {"age within 10 s", old_enough, true},
};

//= DATA-32 type=test
//= DATA-33 type=test
//= DATA-93 type=test
//= DATA-31 type=test
//= CTX-5 type=test
//= CTX-6 type=test
//= DATA-30 type=test
static void check_early(enum csep_service service, bool taken)
{
    stream_pair_start(&p, service);
    if (service == CSEP_SERVICE_STREAM) {
        stream_end_write(&p, &p.o, big, 100);
        stream_end_write(&p, &p.o, big + 100, 50000);
    } else {
        stream_end_message(&p, &p.o, 1, true, big, 100);
        stream_end_message(&p, &p.o, 1, true, big + 100, 50000);
    }
    stream_end_output(&p, &p.o);
    uint64_t early = 0;
    for (unsigned i = 0; i < test_trace_count(&p.o.trace, CSEP_TRACE_DATA_APP_SENT); i++)
        early += test_trace_find(&p.o.trace, CSEP_TRACE_DATA_APP_SENT, i)->arg[1];
    assert_int_equal(early, 14336); /* all of the first flight, and no more */
    stream_pair_run(&p);
    assert_int_equal(p.a.got_len, 50100);
    assert_memory_equal(p.a.got, big, 50100);
    assert_int_equal(p.o.last[CSEP_DATA_EV_OPENED].early, taken);
    assert_int_equal(p.a.last[CSEP_DATA_EV_OPENED].early, taken);
    size_t marked = service == CSEP_SERVICE_STREAM ? 14336 : 50100; /* a message that began early is early */
    assert_int_equal(p.a.got_early, taken ? marked : 0);
}

static void test_early(void **state)
{
    for (size_t i = 0; i < sizeof early_rows / sizeof early_rows[0]; i++)
        for (int service = CSEP_SERVICE_MESSAGE; service <= CSEP_SERVICE_STREAM; service++) {
            again(state);
            early_rows[i].set();
            check_early((enum csep_service)service, early_rows[i].taken);
        }
}

/* Without early data nothing but PARAMS is in the first flight. */
static void test_no_early(void **state)
{
    (void)state;
    p.o.cfg.early = false;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_end_write(&p, &p.o, "late", 4);
    stream_pair_send(&p, &p.o, &p.a);
    assert_int_equal(p.a.got_len, 0);
    stream_pair_run(&p);
    assert_memory_equal(p.a.got, "late", 4);
    assert_int_equal(p.a.got_early, 0);
}

/* The opener believed in a larger first flight than there is. //= DATA-37 type=test */
static void test_first_flight_differs(void **state)
{
    (void)state;
    p.slots.slot[0].first_flight = 10;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_end_write(&p, &p.o, big, 11);
    stream_pair_run(&p);
    assert_status(p.a.closed.status, CSEP_ERR_FLOW_CONTROL);
    assert_true(p.o.closed.by_peer);
    assert_status(p.o.closed.status, CSEP_ERR_FLOW_CONTROL);
    assert_int_equal(p.a.got_len, 0);
}

/* A message that is longer than the acceptor takes. //= DATA-111 type=test */
static void test_message_too_long_for_peer(void **state)
{
    for (int begun = 0; begun < 2; begun++) {
        again(state);
        p.a.cfg.max_message = 50;
        p.a.cfg.early = begun;
        p.slot.first_flight = begun ? 20 : 14336; /* begun and taken: 20 bytes are there when ACCEPT comes */
        stream_pair_start(&p, CSEP_SERVICE_MESSAGE);
        stream_end_message(&p, &p.o, 1, true, big, 51);
        stream_end_message(&p, &p.o, 1, true, "short", 5);
        stream_pair_run(&p);
        if (begun) {
            assert_status(p.o.closed.status, CSEP_ERR_OVERSIZE);
            continue;
        }
        assert_int_equal(p.o.seen[CSEP_DATA_EV_ABANDONED], 1);
        assert_int_equal(p.o.last[CSEP_DATA_EV_ABANDONED].id, 1);
        assert_int_equal(p.a.num_messages, 1);
        assert_memory_equal(p.a.got, "short", 5);
        struct csep_message_options opt = {.deadline = CSEP_NEVER};
        assert_status(csep_stream_send_message(p.o.s, &opt, big, 51, p.now, NULL), CSEP_ERR_OVERSIZE);
    }
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

/* ---- Pending contexts ---- */

/* //= NEG-65 type=test */
static void test_pending(void **state)
{
    (void)state;
    p.slots.pending[0] = true;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_end_write(&p, &p.o, "held", 4);
    stream_pair_run(&p);
    assert_int_equal(csep_stream_get_state(p.a.s), CSEP_DATA_IDLE);
    assert_int_equal(p.a.got_len, 0);
    p.now += CSEP_MS(2900);
    csep_stream_expire(p.a.s, p.now);
    stream_end_drain(&p.a);
    assert_int_equal(p.a.got_len, 0);
    p.slots.pending[0] = false;
    csep_stream_expire(p.a.s, p.now);
    stream_pair_run(&p);
    assert_memory_equal(p.a.got, "held", 4);
    assert_int_equal(csep_stream_get_state(p.a.s), CSEP_DATA_CONFIRMED);
}

static void test_pending_ends(void **state)
{
    for (int how = 0; how < 3; how++) {
        again(state);
        p.slots.pending[0] = true;
        p.slot.first_flight = 17000;
        stream_pair_start(&p, CSEP_SERVICE_STREAM);
        stream_end_write(&p, &p.o, big, how == 2 ? 17000 : 10); /* too much to be held */
        stream_pair_run(&p);
        if (how == 0) { /* nothing for three seconds */
            p.now += CSEP_SEC(3);
            csep_stream_expire(p.a.s, p.now);
        }
        if (how == 1) { /* the negotiation failed: NEG-66 */
            p.slots.pending[0] = false;
            p.slots.unknown[0] = true;
            csep_stream_expire(p.a.s, p.now);
        }
        stream_pair_run(&p);
        assert_status(p.a.closed.status, how == 0 ? CSEP_ERR_TIMEOUT : CSEP_ERR_REFUSED);
        assert_int_equal(p.a.got_len, 0);
    }
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

/* KEY-16: the opener wants the upgrade and does not get it. An acceptor of ours never does that, so by its
 * slot. */
static void test_upgrade_missing(void **state)
{
    (void)state;
    p.slot.upgrade = CSEP_UPGRADE_REQUIRED;
    p.slots.slot[0].upgrade = CSEP_UPGRADE_OFF;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_pair_run(&p);
    assert_status(p.o.closed.status, CSEP_ERR_REFUSED); //= KEY-16 type=test
    assert_true(p.a.closed.by_peer);
    assert_int_equal(p.a.closed.code, csep_status_wire(CSEP_ERR_REFUSED));
}

/* A share of low order. //= KEY-20 type=test  //= KEY-12 type=test */
static void test_zero_share(void **state)
{
    (void)state;
    struct csep_stream *s = p.o.s;
    struct csep_slot_source source = fake_slots_source(&p.slots);
    uint8_t out[1024], payload[] = {4, 3, 8, 1, 0};
    struct open_secrets secrets;
    struct aead a;
    static const uint8_t zero[32];
    struct open_header h = {.version = CSEP_VERSION_1,
                            .transport = CSEP_TRANSPORT_TCP,
                            .service = CSEP_SERVICE_STREAM,
                            .aead = CSEP_AEAD_CHACHA20_POLY1305,
                            .ticket = {p.slot.ticket, p.slot.ticket_len},
                            .client_random = zero,
                            .group = CSEP_GROUP_X25519,
                            .share = {zero, 32}};
    struct wr w = wr_init(out, sizeof out);
    size_t header_len = unit_put_open(&w, &h), used;
    struct hash open_header = hash_of(out + UNIT_LENGTH, header_len);
    schedule_open(&secrets, p.slot.secret, zero, &open_header);
    schedule_aead(&a, &secrets.early_c, CSEP_AEAD_CHACHA20_POLY1305);
    wr_bytes(&w, payload, sizeof payload);
    unit_seal(&w, 0, header_len, 0, &a);
    assert_ok(csep_stream_open(s, &p.o.cfg, &p.slot, CSEP_SERVICE_STREAM, p.now));
    assert_ok(csep_stream_accept(p.a.s, &p.a.cfg, &source, p.now));
    assert_status(csep_stream_input(p.a.s, out, w.len, p.now, &used), CSEP_ERR_REFUSED);
    assert_int_equal(p.slots.spends, 0);
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
        T(test_refused),
        T(test_refused_version),
        T(test_refuse_of_another),
        T(test_open_checks),
        T(test_early),
        T(test_no_early),
        T(test_first_flight_differs),
        T(test_message_too_long_for_peer),
        T(test_many_key_updates),
        T(test_simultaneous_key_update),
        T(test_key_update_before_confirmed),
        T(test_back_pressure),
        T(test_message_back_pressure),
        T(test_open_time_out),
        T(test_accept_time_out),
        T(test_idle),
        T(test_context_expires),
        T(test_closing_time_out),
        T(test_usage_limit),
        T(test_usage_is_reported),
        T(test_usage),
        T(test_pending),
        T(test_pending_ends),
        T(test_tickets),
        T(test_export),
        T(test_key_log),
        T(test_close_flushes),
        T(test_close_in_accept),
        T(test_nothing_after_close),
        T(test_upgrade_missing),
        T(test_zero_share),
        T(test_states),
        T(test_no_memory),
        T(test_sizes),
    };
    return csep_init() == CSEP_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
