/* SPDX-License-Identifier: BSD-2-Clause */
/* What is not allowed although keys would do: another peer than asked for, floods at strangers, floods of
 * OPENs, exports that were not granted. */
#include "data/packet.h"
#include "net.h"
#include "stream_pair.h"

static const uint8_t ping[] = "ping";

/* ---- Another peer ---- */

//= SEC-14
static void test_another_peer(void **state)
{
    (void)state;
    struct net w;
    uint8_t asked[32];
    net_init(&w, 1);
    net_start(&w);
    struct csep_slot slot = net_slot(&w.slots, 0), stream_slot;
    struct csep_data *c = malloc(csep_data_size());
    struct csep_stream *s = malloc(csep_stream_size());
    memset(slot.peer_spki_sha256, 0x77, 32);
    stream_slot = slot;
    stream_slot.transport = CSEP_TRANSPORT_TCP;
    stream_slot.services = 1u << CSEP_SERVICE_STREAM;
    struct csep_data_config cfg = w.cfg;
    cfg.peer_spki_sha256 = asked;
    for (int i = -1; i < 33; i++) { /* the right one; each byte wrong; a context with nobody known */
        csep_status want = i < 0 ? CSEP_OK : CSEP_ERR_IDENTITY;
        memset(asked, 0x77, 32);
        if (i >= 0 && i < 32)
            asked[i] ^= 1;
        slot.peer_known = stream_slot.peer_known = i != 32;
        assert_status(csep_data_open(c, &cfg, &slot, CSEP_SERVICE_MESSAGE, &w.acceptor_addr, w.now), want);
        assert_status(csep_stream_open(s, &cfg, &stream_slot, CSEP_SERVICE_STREAM, w.now), want);
        if (!want) {
            csep_data_wipe(c);
            csep_stream_wipe(s);
        }
    }
    free(c);
    free(s);
    net_done(&w);
}

/* ---- Another host ---- */

static unsigned up;

static enum net_fault count_up(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)w, (void)n, (void)p, (void)len;
    up += way == NET_UP;
    return way == NET_UP ? *(const enum net_fault *)w->judge_self : NET_PASS;
}

static unsigned datagrams_to(bool elsewhere, enum net_fault fate, bool retry)
{
    static uint8_t much[3000];
    struct net w;
    net_init(&w, 1);
    w.slots.menu.elsewhere = elsewhere;
    w.acceptor_cfg.always_retry = retry;
    w.judge = count_up;
    w.judge_self = &fate;
    up = 0;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_send(&w, e->c, much, sizeof much, true);
    net_flush(&w);
    if (elsewhere)
        assert_int_equal(up, 1); /* the others are for when this one gets lost */
    net_run(&w, w.now + CSEP_SEC(20));
    unsigned sent = up;
    if (fate == NET_PASS) {
        assert_int_equal(e->opened, 1);
        assert_int_equal(net_count(&w, true, much, sizeof much), 1);
    } else {
        assert_status(e->status, CSEP_ERR_TIMEOUT);
    }
    net_done(&w);
    return sent;
}

//= NEG-71
static void test_another_host(void **state)
{
    (void)state;
    assert_int_equal(datagrams_to(true, NET_DROP, false), 3);
    assert_true(datagrams_to(false, NET_DROP, false) > 3);
    assert_true(datagrams_to(true, NET_PASS, false) > 3); /* its ACCEPT lifts it */
    assert_true(datagrams_to(true, NET_PASS, true) > 3);  /* RETRY proves nothing, and fits in */
}

/* A victim that answers with RETRY, which anybody on the path can forge, gets no more for it. */
static enum net_fault lose_second(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)w, (void)n, (void)p, (void)len;
    up += way == NET_UP;
    return way == NET_UP && up > 1 ? NET_DROP : NET_PASS;
}

//= NEG-71
static void test_retry_buys_nothing(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.slots.menu.elsewhere = true;
    w.acceptor_cfg.always_retry = true;
    w.judge = lose_second;
    up = 0;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_send(&w, e->c, ping, sizeof ping, true);
    net_run(&w, w.now + CSEP_SEC(20));
    assert_int_equal(e->retried, 1);
    assert_int_equal(up, 3);
    assert_status(e->status, CSEP_ERR_TIMEOUT);
    net_done(&w);
}

/* ---- Floods ---- */

static uint8_t open_datagram[NET_DATAGRAM];
static size_t open_len;

static enum net_fault keep_open(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)w, (void)n, (void)way;
    memcpy(open_datagram, p, *len);
    open_len = *len;
    return NET_DROP;
}

/* An OPEN as an opener makes it, kept back from the acceptor. */
static void make_open(struct net *w)
{
    w->judge = keep_open;
    net_start(w);
    struct net_end *e = net_open(w, 0, CSEP_SERVICE_MESSAGE);
    net_send(w, e->c, ping, sizeof ping, true);
    net_flush(w);
    assert_int_equal(open_datagram[0], CSEP_PKT_OPEN);
}

enum answer { NOTHING, REFUSED, RETRIED };

/* Give the n-th variation of it, which no ticket opens unless n is 0, from an address. */
static enum answer offer(struct net *w, unsigned n, const struct csep_addr *from)
{
    uint8_t p[NET_DATAGRAM], out[NET_DATAGRAM];
    struct open_header h;
    struct packet_span span;
    struct csep_data *c;
    struct csep_addr to;
    bool is_new;
    memcpy(p, open_datagram, open_len);
    assert_ok(packet_decode_open(&h, &span, p, open_len));
    for (unsigned i = 0; n && i < 4; i++) {
        ((uint8_t *)(uintptr_t)h.ticket.p)[4 + i] ^= (uint8_t)(n >> 8 * i);
        ((uint8_t *)(uintptr_t)h.client_random)[i] ^= (uint8_t)(n >> 8 * i);
    }
    csep_acceptor_input(w->a, p, open_len, from, w->now, &c, &is_new);
    size_t len = csep_acceptor_output(w->a, out, sizeof out, &to, w->now);
    return !len ? NOTHING : out[0] == CSEP_PKT_RETRY ? RETRIED : REFUSED;
}

//= SEC-25
static void test_opens_per_second(void **state)
{
    (void)state;
    struct net w;
    struct csep_addr a = {4, {192, 0, 2, 1}, 1}, b = {4, {192, 0, 3, 1}, 1};
    net_init(&w, 1);
    w.acceptor_cfg.open_per_second = 30;
    w.acceptor_cfg.open_per_second_prefix = 20;
    w.acceptor_cfg.refuse_per_second = w.acceptor_cfg.refuse_per_second_address = 1000;
    make_open(&w);
    for (unsigned second = 0; second < 3; second++) {
        unsigned opens = w.slots.opens;
        for (unsigned i = 0; i < 40; i++) {
            a.ip[3] = (uint8_t)i; /* a prefix is not an address */
            assert_int_equal(offer(&w, 1 + i, &a), i < 20 ? REFUSED : RETRIED);
        }
        for (unsigned i = 0; i < 40; i++)
            assert_int_equal(offer(&w, 1 + i, &b), i < 10 ? REFUSED : RETRIED);
        assert_int_equal(w.slots.opens, opens); /* these tickets are unknown: nothing was opened */
        w.now += CSEP_SEC(1);
    }
    net_done(&w);
}

/* Who answers the RETRY gets in, however many others ask. */
//= SEC-25
static void test_token_passes_the_flood(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.acceptor_cfg.open_per_second_prefix = 5;
    make_open(&w);
    w.judge = NULL;
    struct csep_addr flood = w.openers[0].addr;
    flood.port++;
    for (unsigned i = 0; i < 20; i++)
        offer(&w, 1 + i, &flood);
    struct net_end *e = net_open(&w, 1, CSEP_SERVICE_MESSAGE);
    net_send(&w, e->c, ping, sizeof ping, true);
    net_run(&w, w.now + CSEP_MS(900));
    assert_int_equal(e->retried, 1);
    assert_int_equal(e->opened, 1);
    net_done(&w);
}

/* Whatever comes before an OPEN is authentic, once its answer is sent the acceptor is as it was. */
//= SEC-26
static void test_no_state_before_it_is_authentic(void **state)
{
    (void)state;
    struct net w;
    struct csep_addr from = {4, {192, 0, 2, 1}, 1};
    net_init(&w, 1);
    w.acceptor_cfg.refuse_per_second = w.acceptor_cfg.refuse_per_second_address = 100000;
    w.acceptor_cfg.open_per_second = w.acceptor_cfg.open_per_second_prefix = 500;
    make_open(&w);
    size_t before = w.mem.live;
    unsigned seen[3] = {0};
    for (unsigned i = 0; i < 1000; i++) {
        from.port = (uint16_t)(1 + i);
        from.ip[2] = (uint8_t)i;
        seen[offer(&w, 1 + i, &from)]++;
        assert_int_equal(w.mem.live, before);
    }
    assert_int_equal(seen[REFUSED], 500);
    assert_int_equal(seen[RETRIED], 500);
    /* a ticket that opens, and a payload that does not */
    w.now += CSEP_SEC(1);
    struct open_header h;
    struct packet_span span;
    assert_ok(packet_decode_open(&h, &span, open_datagram, open_len));
    open_datagram[span.end - 1] ^= 1;
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(offer(&w, 0, &from), NOTHING);
        assert_int_equal(w.mem.live, before);
    }
    assert_int_equal(w.slots.opens, 100);
    assert_int_equal(w.slots.spends, 0);
    assert_int_equal(csep_acceptor_count(w.a), 0);
    open_datagram[span.end - 1] ^= 1;
    assert_int_equal(offer(&w, 0, &from), NOTHING); /* the true one opens a connection */
    assert_int_equal(csep_acceptor_count(w.a), 1);
    net_done(&w);
}

/* ---- Exports ---- */

//= API-7
static void test_media_keys(void **state)
{
    (void)state;
    uint8_t out[60], again[60];
    const uint8_t profile[2] = {0, 7};
    for (unsigned granted = 0; granted < 2; granted++) {
        csep_status want = granted ? CSEP_OK : CSEP_ERR_REFUSED;
        uint8_t exports = granted ? 1u << CSEP_EXPORT_SRTP : (uint8_t) ~(1u << CSEP_EXPORT_SRTP);
        struct net w;
        net_init(&w, 1);
        w.slots.menu.exports = exports;
        net_start(&w);
        struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
        net_send(&w, e->c, ping, sizeof ping, true);
        net_run(&w, w.now + CSEP_SEC(1));
        assert_status(csep_data_export(e->c, "srtp", profile, 2, out, sizeof out), want);
        assert_status(csep_data_export(w.last_served, "srtp", profile, 2, again, sizeof again), want);
        if (granted)
            assert_memory_equal(out, again, sizeof out);
        assert_ok(csep_data_export(e->c, "srtp2", profile, 2, out, sizeof out)); /* the application's own */
        assert_status(csep_data_export(e->c, "", profile, 2, out, sizeof out), CSEP_ERR_VALUE);
        net_done(&w);

        struct stream_pair p;
        stream_pair_init(&p);
        p.slot.exports = p.slots.slot[0].exports = exports;
        stream_pair_start(&p, CSEP_SERVICE_STREAM);
        stream_pair_run(&p);
        assert_status(csep_stream_export(p.o.s, "srtp", profile, 2, out, sizeof out), want);
        assert_status(csep_stream_export(p.a.s, "srtp", profile, 2, again, sizeof again), want);
        if (granted)
            assert_memory_equal(out, again, sizeof out);
        stream_pair_done(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_peer),
        cmocka_unit_test(test_another_host),
        cmocka_unit_test(test_retry_buys_nothing),
        cmocka_unit_test(test_opens_per_second),
        cmocka_unit_test(test_token_passes_the_flood),
        cmocka_unit_test(test_no_state_before_it_is_authentic),
        cmocka_unit_test(test_media_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
