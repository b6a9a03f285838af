/* SPDX-License-Identifier: BSD-2-Clause */
/* Data connections over TCP: when keys come, change and are gone; what stands in which unit. */
#include "raw_stream.h"

#include "data/stream.h"

static struct stream_pair p;

static int set_up(void **state)
{
    (void)state;
    stream_pair_init(&p);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stream_pair_done(&p);
    return 0;
}

/* Is this secret anywhere in the object? */
static bool holds(const struct stream_end *e, const uint8_t *secret)
{
    const uint8_t *at = (const uint8_t *)e->s;
    for (size_t i = 0; i + 32 <= csep_stream_size(); i++)
        if (memcmp(at + i, secret, 32) == 0)
            return true;
    return false;
}

static const uint8_t *logged(const struct stream_end *e, const char *label)
{
    return test_keylog_find(&e->keylog, label, 0)->secret;
}

static void early_key(uint8_t out[32], const struct stream_end *e)
{
    struct traffic_secret s;
    struct aead a;
    memcpy(s.s.b, logged(e, "CSEP_EARLY"), 32);
    schedule_aead(&a, &s, CSEP_AEAD_CHACHA20_POLY1305);
    memcpy(out, a.key, 32);
}

static bool is_zero(const void *b, size_t n)
{
    const uint8_t *at = b;
    while (n && *at == 0)
        at++, n--;
    return n == 0;
}

//= KEY-17 type=test
static void test_opening_is_forgotten(void **state)
{
    (void)state;
    uint8_t key[32];
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    assert_false(holds(&p.o, p.slot.secret));
    early_key(key, &p.o);
    assert_true(holds(&p.o, key));
    stream_end_write(&p, &p.o, "early", 5);
    stream_pair_send(&p, &p.o, &p.a);
    assert_false(holds(&p.a, p.slot.secret));
    assert_true(holds(&p.a, key)); /* early records may follow */
    stream_pair_run(&p);
    struct stream_end *ends[] = {&p.o, &p.a};
    for (unsigned i = 0; i < 2; i++) {
        assert_false(holds(ends[i], key));
        assert_false(holds(ends[i], logged(&p.o, "CSEP_EARLY")));
        assert_true(is_zero(&ends[i]->s->priv, sizeof ends[i]->s->priv));
        assert_true(is_zero(&ends[i]->s->derived, sizeof ends[i]->s->derived));
        assert_true(is_zero(&ends[i]->s->after_early, sizeof ends[i]->s->after_early));
        assert_true(holds(ends[i], logged(&p.o, "CSEP_CLIENT_DATA")));
    }
}

//= KEY-18 type=test
static void test_old_generations_are_forgotten(void **state)
{
    (void)state;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_pair_run(&p);
    assert_ok(csep_stream_key_update(p.o.s, p.now));
    stream_pair_run(&p);
    struct stream_end *ends[] = {&p.o, &p.a};
    for (unsigned i = 0; i < 2; i++) {
        assert_false(holds(ends[i], logged(&p.o, "CSEP_CLIENT_DATA")));
        assert_false(holds(ends[i], logged(&p.o, "CSEP_SERVER_DATA")));
    }
}

//= SEC-1 type=test
static void test_nothing_is_left(void **state)
{
    (void)state;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_end_write(&p, &p.o, "x", 1);
    stream_pair_run(&p);
    csep_stream_close(p.o.s, 0, p.now);
    stream_pair_run(&p);
    assert_false(holds(&p.o, logged(&p.o, "CSEP_CLIENT_DATA")));
    assert_false(holds(&p.a, logged(&p.o, "CSEP_SERVER_DATA")));
    csep_stream_wipe(p.o.s);
    assert_true(is_zero(p.o.s, csep_stream_size()));
}

/* Two connections of one ticket's secret, which must not happen, still have different keys. */
//= KEY-10 type=test
//= KEY-11 type=test
static void test_randoms_are_fresh(void **state)
{
    uint8_t first[2][32], random[2][32];
    for (int i = 0; i < 2; i++) {
        tear_down(state);
        set_up(state);
        for (int skip = 0; skip < i; skip++) { /* another state of both random sources */
            uint8_t junk;
            p.o.cfg.random.fill(p.o.cfg.random.self, &junk, 1);
            p.a.cfg.random.fill(p.a.cfg.random.self, &junk, 1);
        }
        stream_pair_start(&p, CSEP_SERVICE_STREAM);
        stream_pair_run(&p);
        memcpy(first[i], logged(&p.o, "CSEP_CLIENT_DATA"), 32);
        memcpy(random[i], p.a.s->server_random, 32);
    }
    assert_memory_not_equal(first[0], first[1], 32);
    assert_memory_not_equal(random[0], random[1], 32);
    assert_false(is_zero(random[0], 32));
}

//= API-2 type=test
static void test_key_log_is_off(void **state)
{
    (void)state;
    p.o.cfg.keylog.line = p.a.cfg.keylog.line = NULL;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_pair_run(&p);
    assert_int_equal(p.o.keylog.num + p.a.keylog.num, 0);
    assert_null(csep_data_config_default().keylog.line);
}

/* What the opener says once ACCEPT verified, record by record. */
//= DATA-91 type=test
//= DATA-118 type=test
//= DATA-25 type=test
//= DATA-27 type=test
static void test_after_accept(void **state)
{
    for (int writes = 0; writes < 2; writes++) {
        tear_down(state);
        set_up(state);
        struct raw_stream r;
        p.slot.upgrade = CSEP_UPGRADE_OFF;
        assert_ok(csep_stream_open(p.o.s, &p.o.cfg, &p.slot, CSEP_SERVICE_STREAM, p.now));
        raw_accept(&r, &p, RAW_ACCEPTOR_PARAMS);
        assert_int_equal(csep_stream_get_state(p.o.s), CSEP_DATA_OPEN);
        if (writes)
            stream_end_write(&p, &p.o, "late", 4);
        struct raw_key data = r.rx;
        r.rx = r.early;
        r.rx.number = 1;
        struct view v = raw_read(&r);
        assert_int_equal(v.n, 1);
        assert_int_equal(v.p[0], CSEP_FRAME_END_EARLY);
        r.rx = data;
        v = raw_read(&r);
        assert_int_equal(v.p[0], writes ? CSEP_FRAME_STREAM : CSEP_FRAME_PING);
        assert_int_equal(csep_stream_get_state(p.o.s), CSEP_DATA_CONFIRMED);
        stream_end_drain(&p.o);
        assert_int_equal(p.o.seen[CSEP_DATA_EV_CONFIRMED], 1);
    }
}

//= DATA-103 type=test
static void test_hints(void **state)
{
    (void)state;
    struct raw_stream r;
    p.slot.upgrade = CSEP_UPGRADE_OFF;
    assert_ok(csep_stream_open(p.o.s, &p.o.cfg, &p.slot, CSEP_SERVICE_STREAM, p.now));
    raw_accept(&r, &p, RAW_ACCEPTOR_PARAMS);
    raw_send_hex(&r, &r.tx, "0b0905");
    assert_int_equal(p.o.seen[CSEP_DATA_EV_HINT], 0);
    raw_send_hex(&r, &r.tx,
                 "0b013c"
                 "0b020a");
    assert_int_equal(p.o.seen[CSEP_DATA_EV_HINT], 2);
    assert_int_equal(p.o.last[CSEP_DATA_EV_HINT].code, CSEP_HINT_GOING_AWAY);
    assert_int_equal(p.o.last[CSEP_DATA_EV_HINT].value, 10);
}

//= DATA-26 type=test
static void test_acceptor_is_confirmed_by_data(void **state)
{
    (void)state;
    struct raw_stream r;
    p.slot.upgrade = p.slots.slot[0].upgrade = CSEP_UPGRADE_OFF;
    raw_open(&r, &p, CSEP_SERVICE_STREAM, RAW_OPENER_PARAMS);
    raw_expect_accept(&r);
    raw_send_hex(&r, &r.early, "110161");
    raw_send_hex(&r, &r.early, "12");
    assert_int_equal(csep_stream_get_state(p.a.s), CSEP_DATA_ACCEPTED);
    raw_send_hex(&r, &r.tx, "01");
    assert_int_equal(csep_stream_get_state(p.a.s), CSEP_DATA_CONFIRMED);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_opening_is_forgotten),
        T(test_old_generations_are_forgotten),
        T(test_nothing_is_left),
        T(test_randoms_are_fresh),
        T(test_key_log_is_off),
        T(test_after_accept),
        T(test_hints),
        T(test_acceptor_is_confirmed_by_data),
    };
    return csep_init() == CSEP_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
