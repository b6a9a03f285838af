/* SPDX-License-Identifier: BSD-2-Clause */
/* Data connections over TCP: what goes well. */
#include "stream_pair.h"

#include "crypto/aead.h"
#include "csep/wire.h"

static uint8_t big[300000];

static void fill_big(void)
{
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)(i * 7 + i / 251);
}

static void assert_got(const struct stream_end *e, const void *bytes, size_t n)
{
    assert_int_equal(e->got_len, n);
    if (n)
        assert_memory_equal(e->got, bytes, n);
}

/* Request in the first flight, answer in ACCEPT: one unit each way. */
static void test_early_request(void **state)
{
    (void)state;
    struct stream_pair p;
    stream_pair_init(&p);
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_end_write(&p, &p.o, "request", 7);
    assert_int_equal(csep_stream_get_state(p.o.s), CSEP_DATA_OPENING);
    assert_true(stream_pair_send(&p, &p.o, &p.a));
    assert_got(&p.a, "request", 7);
    assert_int_equal(p.a.got_early, 7); //= DATA-31 type=test
    assert_int_equal(csep_stream_get_state(p.a.s), CSEP_DATA_ACCEPTED);
    assert_true(p.a.last[CSEP_DATA_EV_OPENED].early);

    stream_end_write(&p, &p.a, "answer", 6);
    assert_true(stream_pair_send(&p, &p.a, &p.o));
    assert_got(&p.o, "answer", 6);
    assert_int_equal(p.o.got_early, 0);
    assert_true(p.o.last[CSEP_DATA_EV_OPENED].early);
    assert_int_equal(test_trace_count(&p.a.trace, CSEP_TRACE_DATA_PACKET_SENT), 1);
    assert_int_equal(csep_stream_get_state(p.o.s), CSEP_DATA_OPEN);

    stream_pair_run(&p);
    assert_int_equal(csep_stream_get_state(p.o.s), CSEP_DATA_CONFIRMED);
    assert_int_equal(csep_stream_get_state(p.a.s), CSEP_DATA_CONFIRMED); //= DATA-118 type=test
    const struct csep_trace_event *sent = test_trace_find(&p.o.trace, CSEP_TRACE_DATA_APP_SENT, 0);
    assert_int_equal(sent->arg[0], 0);
    assert_int_equal(sent->arg[1], 7);
    sent = test_trace_find(&p.a.trace, CSEP_TRACE_DATA_APP_SENT, 0);
    assert_int_equal(sent->arg[0], 1);
    assert_int_equal(p.a.got_len, 7); /* nothing came twice */
    stream_pair_done(&p);
}

/* Every service, AEAD, upgrade, cut of the bytes and room for output. */
static void transfer(enum csep_service service, uint16_t aead, enum csep_upgrade upgrade, size_t chunk,
                     size_t window, size_t n)
{
    struct stream_pair p;
    stream_pair_init(&p);
    p.slot.upgrade = p.slots.slot[0].upgrade = (uint8_t)upgrade;
    p.o.cfg.aead = aead;
    p.chunk = chunk;
    p.window = window;
    stream_pair_start(&p, service);
    for (size_t at = 0, k; at < n; at += k) {
        k = n - at < 40000 ? n - at : 40000;
        if (service == CSEP_SERVICE_STREAM)
            stream_end_write(&p, &p.o, big + at, k);
        else
            stream_end_message(&p, &p.o, at / 40000 % 3, at & 1, big + at, k);
    }
    stream_pair_run(&p);
    assert_got(&p.a, big, n);
    if (service == CSEP_SERVICE_STREAM)
        stream_end_write(&p, &p.a, big + 5, n - 5);
    else
        stream_end_message(&p, &p.a, 9, true, big + 5, n - 5);
    stream_pair_run(&p);
    assert_got(&p.o, big + 5, n - 5);
    assert_int_equal(csep_stream_get_state(p.a.s), CSEP_DATA_CONFIRMED);

    csep_stream_close(p.o.s, 0x123, p.now);
    stream_pair_run(&p);
    assert_true(p.a.closed.by_peer);
    assert_int_equal(p.a.closed.code, 0x123);
    assert_ok(p.a.closed.status);
    assert_false(p.o.closed.by_peer);
    stream_pair_done(&p);
}

static void test_transfer(void **state)
{
    (void)state;
    fill_big();
    const size_t chunks[] = {1, 2, 3, 17, 1448, SIZE_MAX}, windows[] = {65536, 1448, 100, 7, 1};
    const uint16_t aeads[] = {0, CSEP_AEAD_AES_256_GCM, CSEP_AEAD_CHACHA20_POLY1305};
    for (unsigned c = 0; c < 6; c++)
        for (unsigned w = 0; w < 5; w++) {
            uint16_t aead = aeads[(c + w) % 3];
            if (aead && !aead_supported(aead))
                continue;
            transfer(CSEP_SERVICE_STREAM, aead, (enum csep_upgrade)(c % 3), chunks[c], windows[w], 90000);
            transfer(CSEP_SERVICE_MESSAGE, aead, (enum csep_upgrade)(w % 3), chunks[c], windows[w], 90000);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_early_request),
        cmocka_unit_test(test_transfer),
    };
    return csep_init() == CSEP_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
