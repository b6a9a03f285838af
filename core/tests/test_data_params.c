/* SPDX-License-Identifier: BSD-2-Clause */
/* OPEN and ACCEPT made by hand: what their payloads must begin with, and what a peer makes of mistakes. */
#include "data/conn.h"
#include "net.h"

/* ---- An acceptor of a few lines ---- */

struct hand {
    struct net *w;
    struct net_end *e;
    uint8_t open[NET_DATAGRAM];
    size_t open_len;
    struct open_header h;
    struct main_secrets main;
    uint8_t share_of_ours[32];
};

static void hand_open(struct hand *x, struct net *w)
{
    struct csep_addr to;
    struct packet_span span;
    memset(x, 0, sizeof *x);
    x->w = w;
    net_start(w);
    x->e = net_open(w, 0, CSEP_SERVICE_MESSAGE);
    x->open_len = csep_data_output(x->e->c, x->open, sizeof x->open, &to, w->now);
    assert_ok(packet_decode_open(&x->h, &span, x->open, x->open_len));
}

enum share_kind { SHARE_NONE, SHARE_TRUE, SHARE_ZERO, SHARE_OTHER_GROUP };

/* ACCEPT with these frames; number 0 of s_data. */
static void hand_accept(struct hand *x, enum share_kind kind, const uint8_t *frames, size_t n)
{
    static const uint8_t scid[8] = {8, 7, 6, 5, 4, 3, 2, 1}, random[32] = {42};
    struct csep_slot slot = net_slot(&x->w->slots, 0);
    struct open_secrets s;
    struct packet_span span;
    struct x25519_private priv;
    struct x25519_public pub = {{0}};
    struct x25519_shared shared = {{0}};
    struct hash_ctx t;
    uint8_t buf[NET_DATAGRAM];
    hash_begin(&t);
    assert_ok(packet_decode_open(&x->h, &span, x->open, x->open_len));
    hash_add(&t, x->open, span.header_len);
    struct hash open_hash = hash_peek(&t);
    schedule_open(&s, slot.secret, x->h.client_random, &open_hash);
    if (kind == SHARE_TRUE) {
        x25519_generate(&priv, &pub, x->w->cfg.random);
        assert_true(x25519(&shared, &priv, x->h.share.p));
    }
    struct accept_header h = {CSEP_VERSION_1, x->h.scid, view_of(scid, 8), random, 0, {NULL, 0}};
    if (kind != SHARE_NONE) {
        h.group = kind == SHARE_OTHER_GROUP ? 0x1234 : CSEP_GROUP_X25519;
        h.share = view_of(pub.b, 32);
    }
    struct wr w = wr_init(buf, sizeof buf);
    packet_put_accept(&w, &span, &h);
    hash_add(&t, buf, span.header_len);
    struct hash both = hash_peek(&t);
    struct traffic_keys keys;
    schedule_main(&x->main, &s.derived, kind == SHARE_TRUE ? &shared : NULL, &both);
    schedule_keys(&keys, &x->main.s_data, CSEP_AEAD_CHACHA20_POLY1305);
    wr_bytes(&w, frames, n);
    packet_seal(&w, &span, 0, &keys);
    assert_true(wr_ok(&w));
    csep_data_input(x->e->c, buf, w.len, &x->w->acceptor_addr, x->w->now);
}

#define RESET_TOKEN 10, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16

struct accept_row {
    const char *what;
    csep_status status;
    size_t len;
    uint8_t frames[48];
};

//= DATA-24, DATA-89, DATA-90, DATA-25 type=test
static void test_accept_payloads(void **state)
{
    (void)state;
    static const struct accept_row rows[] = {
        {"good", CSEP_OK, 23, {4, 21, 9, 1, 1, RESET_TOKEN}},
        {"unknown parameter", CSEP_OK, 26, {4, 24, 9, 1, 1, RESET_TOKEN, 60, 1, 0}},
        {"no EARLY", CSEP_ERR_MISSING, 20, {4, 18, RESET_TOKEN}},
        {"no RESET_TOKEN", CSEP_ERR_MISSING, 5, {4, 3, 9, 1, 1}},
        {"EARLY twice", CSEP_ERR_DUPLICATE, 26, {4, 24, 9, 1, 1, 9, 1, 1, RESET_TOKEN}},
        {"EARLY 2", CSEP_ERR_VALUE, 23, {4, 21, 9, 1, 2, RESET_TOKEN}},
        {"MAX_CIDS 1", CSEP_ERR_VALUE, 26, {4, 24, 9, 1, 1, RESET_TOKEN, 5, 1, 1}},
        {"MAX_CIDS 9", CSEP_ERR_VALUE, 26, {4, 24, 9, 1, 1, RESET_TOKEN, 5, 1, 9}},
        {"MAX_ACK_DELAY 1001", CSEP_ERR_VALUE, 27, {4, 25, 9, 1, 1, RESET_TOKEN, 4, 2, 0x43, 0xe9}},
        {"MAX_UNIT 1199", CSEP_ERR_VALUE, 27, {4, 25, 9, 1, 1, RESET_TOKEN, 6, 2, 0x44, 0xaf}},
        {"no PARAMS", CSEP_ERR_MISSING, 1, {1}},
        {"PARAMS second", CSEP_ERR_MISSING, 24, {1, 4, 21, 9, 1, 1, RESET_TOKEN}},
        {"nothing", CSEP_ERR_DECODE, 0, {0}},
        {"PARAMS twice", CSEP_ERR_UNEXPECTED, 46, {4, 21, 9, 1, 1, RESET_TOKEN, 4, 21, 9, 1, 1, RESET_TOKEN}},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net w;
        struct hand x;
        net_init(&w, 1);
        hand_open(&x, &w);
        hand_accept(&x, SHARE_NONE, rows[i].frames, rows[i].len);
        struct csep_data *c = x.e->c;
        bool closing = csep_data_get_state(c) == CSEP_DATA_CLOSING;
        if (closing != (rows[i].status != CSEP_OK) || (closing && c->end_status != rows[i].status))
            fail_msg("%s: %s", rows[i].what, csep_status_name(c->end_status));
        if (!closing)
            assert_int_equal(csep_data_get_state(c), CSEP_DATA_OPEN);
        assert_null(c->opening); //= KEY-17 type=test
        net_done(&w);
    }
}

//= DATA-108, KEY-12 type=test
static void test_accept_shares(void **state)
{
    (void)state;
    static const uint8_t good[] = {4, 21, 9, 1, 1, RESET_TOKEN};
    const struct {
        enum share_kind kind;
        bool offered;
        enum csep_data_state state;
    } rows[] = {
        {SHARE_TRUE, true, CSEP_DATA_OPEN},
        {SHARE_NONE, true, CSEP_DATA_OPEN},
        {SHARE_NONE, false, CSEP_DATA_OPEN},
        {SHARE_ZERO, true, CSEP_DATA_OPENING},
        {SHARE_ZERO, false, CSEP_DATA_OPENING},
        {SHARE_OTHER_GROUP, true, CSEP_DATA_OPENING},
        {SHARE_OTHER_GROUP, false, CSEP_DATA_OPENING},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net w;
        struct hand x;
        net_init(&w, 1);
        w.cfg.offer_share = rows[i].offered;
        hand_open(&x, &w);
        assert_int_equal(x.h.group, rows[i].offered ? CSEP_GROUP_X25519 : 0);
        hand_accept(&x, rows[i].kind, good, sizeof good);
        assert_int_equal(csep_data_get_state(x.e->c), rows[i].state);
        if (rows[i].state == CSEP_DATA_OPENING) { /* the true one is still welcome */
            hand_accept(&x, SHARE_NONE, good, sizeof good);
            assert_int_equal(csep_data_get_state(x.e->c), CSEP_DATA_OPEN);
        }
        net_done(&w);
    }
}

/* ---- An opener of a few lines ---- */

static void hand_made_open(struct net *w, const uint8_t *frames, size_t n, const uint8_t share[32],
                           unsigned dcid_byte)
{
    struct csep_slot slot = net_slot(&w->slots, 0);
    uint8_t dcid[9], scid[8] = {3, 1, 4}, random[32] = {1, 2}, buf[NET_DATAGRAM];
    memset(dcid, (int)dcid_byte, sizeof dcid);
    random[2] = (uint8_t)dcid_byte;
    struct open_header h = {
        .version = CSEP_VERSION_1,
        .dcid = view_of(dcid, sizeof dcid),
        .scid = view_of(scid, 8),
        .transport = CSEP_TRANSPORT_UDP,
        .service = CSEP_SERVICE_MESSAGE,
        .aead = CSEP_AEAD_CHACHA20_POLY1305,
        .ticket = view_of(slot.ticket, slot.ticket_len),
        .client_random = random,
        .group = share ? CSEP_GROUP_X25519 : 0,
        .share = view_of(share, share ? 32 : 0),
    };
    struct wr x = wr_init(buf, sizeof buf);
    struct packet_span span;
    struct open_secrets s;
    struct traffic_keys keys;
    packet_put_open(&x, &span, &h);
    struct hash hash = hash_of(buf, span.header_len);
    schedule_open(&s, slot.secret, random, &hash);
    schedule_keys(&keys, &s.early_c, h.aead);
    wr_bytes(&x, frames, n);
    packet_seal(&x, &span, 0, &keys);
    wr_zero(&x, CSEP_OPEN_MIN_DATAGRAM - x.len);
    assert_true(wr_ok(&x));
    struct csep_addr from = net_addr(50, 5000);
    net_inject(w, NET_UP, &from, &w->acceptor_addr, buf, x.len, 0);
    net_run(w, w->now + CSEP_MS(1));
}

//= DATA-12, KEY-20, DATA-105 type=test
static void test_open_payloads(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        bool taken;
        size_t len;
        uint8_t frames[24];
    } rows[] = {
        {"good", true, 5, {4, 3, 8, 1, 0}},
        {"no TICKET_AGE", false, 2, {4, 0}},
        {"no PARAMS", false, 1, {1}},
        {"PARAMS second", false, 6, {1, 4, 3, 8, 1, 0}},
        {"nothing", false, 0, {0}},
        {"SKIP early", false, 10, {4, 3, 8, 1, 0, 7, 0, 0, 0, 0}},
        {"CLOSE early", false, 8, {4, 3, 8, 1, 0, 0x10, 0, 0}},
        {"DATAGRAM on messages", false, 7, {4, 3, 8, 1, 0, 5, 0}},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net w;
        net_init(&w, 1);
        net_start(&w);
        hand_made_open(&w, rows[i].frames, rows[i].len, NULL, 7);
        if ((csep_acceptor_count(w.a) == 1) != rows[i].taken || (w.slots.spends == 1) != rows[i].taken)
            fail_msg("%s", rows[i].what);
        net_done(&w);
    }
    struct net w;
    static const uint8_t zero_share[32];
    net_init(&w, 1);
    net_start(&w);
    hand_made_open(&w, rows[0].frames, rows[0].len, zero_share, 7);
    assert_int_equal(csep_acceptor_count(w.a), 0);
    assert_int_equal(w.slots.spends, 0);
    assert_int_equal(test_trace_count(&w.trace_down, CSEP_TRACE_DATA_REFUSED), 1);
    /* The id of another connection. */
    hand_made_open(&w, rows[0].frames, rows[0].len, NULL, 7);
    assert_int_equal(csep_acceptor_count(w.a), 1);
    net_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept_payloads),
        cmocka_unit_test(test_accept_shares),
        cmocka_unit_test(test_open_payloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
