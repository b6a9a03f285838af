/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening of data connections over TCP: refusal, early data, pending contexts, the upgrade. */
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

/* Sent in a flight that failed, a message goes again only where that does no harm. //= DATA-34 type=test */
static void test_what_may_go_again(void **state)
{
    enum failure { STILL_OPENING, REFUSED, CUT_OFF, ACCEPTED, NUM_FAILURES };
    static const uint8_t large[30000];
    for (int f = STILL_OPENING; f < NUM_FAILURES; f++) {
        struct csep_message_options opt = {.deadline = CSEP_NEVER}, got;
        const uint8_t *bytes;
        size_t n;
        again(state);
        p.slots.unknown[0] = f == REFUSED;
        stream_pair_start(&p, CSEP_SERVICE_MESSAGE);
        for (unsigned i = 0; i < 4; i++) { /* the last ones are too much for a first flight */
            opt.channel = i;
            opt.ordered = i == 3;
            opt.replayable = i % 2;
            assert_ok(
                csep_stream_send_message(p.o.s, &opt, large, i < 2 ? 10 + i : sizeof large, p.now, NULL));
        }
        stream_end_output(&p, &p.o);
        if (f != STILL_OPENING && f != CUT_OFF)
            stream_pair_run(&p);
        if (f == CUT_OFF || f == ACCEPTED)
            csep_stream_input_eof(p.o.s, p.now);
        if (f == REFUSED || f == CUT_OFF) {
            assert_true(csep_stream_replayable(p.o.s, &got, &bytes, &n));
            assert_int_equal(got.channel, 1);
            assert_int_equal(n, 11);
            assert_true(got.replayable && !got.ordered);
            assert_true(csep_stream_replayable(p.o.s, &got, &bytes, &n));
            assert_int_equal(got.channel, 3);
            assert_int_equal(n, sizeof large);
            assert_memory_equal(bytes, large, n);
            assert_true(got.ordered);
        }
        assert_false(csep_stream_replayable(p.o.s, &got, &bytes, &n));
        assert_false(csep_stream_replayable(p.o.s, &got, &bytes, &n));
    }
}

/* An acceptor that cannot remember one more ticket as used says nothing, least of all REFUSE. */
//= CTX-5 type=test
static void test_full_memory_of_tickets(void **state)
{
    (void)state;
    p.slots.busy = true;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_end_write(&p, &p.o, "secret", 6);
    stream_pair_send(&p, &p.o, &p.a);
    stream_end_output(&p, &p.a);
    assert_int_equal(p.a.out.len, 0);
    stream_pair_run(&p);
    assert_int_equal(p.a.got_len, 0);
    assert_status(p.a.closed.status, CSEP_ERR_LIMIT);
    assert_int_equal(p.o.seen[CSEP_DATA_EV_REFUSED], 0);
    assert_false(p.slots.used[0]);
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

/* ---- The upgrade ---- */

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

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_refused),
        T(test_full_memory_of_tickets),
        T(test_what_may_go_again),
        T(test_refused_version),
        T(test_refuse_of_another),
        T(test_open_checks),
        T(test_early),
        T(test_no_early),
        T(test_first_flight_differs),
        T(test_message_too_long_for_peer),
        T(test_pending),
        T(test_pending_ends),
        T(test_upgrade_missing),
        T(test_zero_share),
    };
    return csep_init() == CSEP_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
