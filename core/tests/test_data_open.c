/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening: REFUSE, RETRY, early data that is not taken, packets that come before their OPEN, the share. */
#include "data/packet.h"
#include "net.h"

static const uint8_t ping[] = "ping";

static struct net_end *start(struct net *w)
{
    net_start(w);
    struct net_end *e = net_open(w, 0, CSEP_SERVICE_MESSAGE);
    net_send(w, e->c, ping, sizeof ping, true);
    return e;
}

/* ---- RETRY ---- */

static bool token_is_good(void *self, const uint8_t *token, size_t len, const struct csep_addr *from,
                          csep_time now)
{
    (void)self;
    (void)now;
    return len == 5 && memcmp(token, "token", 5) == 0 && from->family == 4;
}

//= DATA-43, DATA-44, DATA-45 type=test
static void test_retry(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.acceptor_cfg.always_retry = true;
    w.echo = true;
    struct net_end *e = start(&w);
    net_run(&w, w.now + w.delay);
    assert_int_equal(csep_acceptor_count(w.a), 0);
    assert_int_equal(w.slots.opens, 0);
    net_run(&w, w.now + CSEP_SEC(3));
    assert_int_equal(e->retried, 1);
    assert_int_equal(e->opened, 1);
    assert_int_equal(net_count(&w, true, ping, sizeof ping), 1);
    assert_int_equal(net_count(&w, false, ping, sizeof ping), 1);
    const struct csep_trace_event *back = test_trace_find(&w.trace_up, CSEP_TRACE_DATA_APP_RECEIVED, 0);
    assert_int_equal(back->at, CSEP_SEC(100) + 4 * w.delay);
    net_done(&w);
}

//= DATA-104 type=test
static void test_address_token(void **state)
{
    (void)state;
    for (int good = 0; good < 2; good++) {
        struct net w;
        net_init(&w, 1);
        w.acceptor_cfg.always_retry = true;
        w.acceptor_cfg.check_token = token_is_good;
        memcpy(w.slots.menu.token, good ? "token" : "bogus", 5); //= DATA-15 type=test
        w.slots.menu.token_len = 5;
        struct net_end *e = start(&w);
        net_run(&w, w.now + CSEP_SEC(3));
        assert_int_equal(e->retried, good ? 0 : 1);
        assert_int_equal(e->opened, 1);
        net_done(&w);
    }
}

static uint8_t kept[NET_DATAGRAM];
static size_t kept_len;

static enum net_fault keep_retry(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)w;
    (void)n;
    if (way == NET_DOWN && p[0] == CSEP_PKT_RETRY) {
        memcpy(kept, p, *len);
        kept_len = *len;
        return NET_DOUBLE;
    }
    return NET_PASS;
}

/* A second RETRY is ignored, and a token is good for its address and 30 seconds only. */
static void test_retry_once(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.acceptor_cfg.always_retry = true;
    w.judge = keep_retry;
    struct net_end *e = start(&w);
    net_run(&w, w.now + CSEP_SEC(3));
    assert_int_equal(e->retried, 1);
    assert_int_equal(e->opened, 1);
    assert_true(kept_len < CSEP_OPEN_MIN_DATAGRAM);
    net_done(&w);
}

/* ---- REFUSE ---- */

static uint8_t answers[4][64];
static size_t answer_len[4];
static unsigned num_answers;

static enum net_fault keep_refuse(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)w;
    (void)n;
    if (way == NET_DOWN && p[0] == CSEP_PKT_REFUSE && num_answers < 4) {
        memcpy(answers[num_answers], p, *len);
        answer_len[num_answers++] = *len;
    }
    return NET_PASS;
}

enum refused { UNKNOWN, EXPIRED, FORGED, USED };

//= DATA-20, DATA-38, DATA-41, CTX-3, CTX-4, CTX-16 type=test
static void test_refuse_says_nothing(void **state)
{
    (void)state;
    num_answers = 0;
    for (enum refused why = UNKNOWN; why <= USED; why++) {
        struct net w;
        net_init(&w, 1);
        w.judge = keep_refuse;
        net_start(&w);
        struct net_end *e = net_open(&w, why == FORGED ? NET_TICKETS + 1 : 0, CSEP_SERVICE_MESSAGE);
        net_send(&w, e->c, ping, sizeof ping, true);
        w.slots.unknown = why == UNKNOWN;
        w.slots.spent[0] = why == USED;
        if (why == EXPIRED)
            w.slots.menu.expires = w.now;
        net_run(&w, w.now + CSEP_SEC(30));
        assert_int_equal(e->refused, 1);
        assert_int_equal(e->closed, 1);
        assert_int_equal(e->status, CSEP_ERR_REFUSED);
        assert_int_equal(w.num_received, 0);
        assert_int_equal(e->closed_at, CSEP_SEC(100) + 2 * w.delay);
        net_done(&w);
    }
    assert_int_equal(num_answers, 4);
    for (unsigned i = 1; i < 4;
         i++) { /* apart from the ids and the echo, which the opener chose: the same world, the same bytes */
        assert_int_equal(answer_len[i], answer_len[0]);
        assert_memory_equal(answers[i], answers[0], answer_len[0]);
    }
}

static bool refuse_with(struct net *w, void (*change)(struct net *w))
{
    change(w);
    struct net_end *e = start(w);
    net_run(w, w->now + CSEP_SEC(30));
    bool refused = e->refused == 1 && w->slots.spends == 0;
    net_done(w);
    return refused;
}

static void other_aead(struct net *w)
{
    w->acceptor_cfg.data.aead = CSEP_AEAD_AES_256_GCM;
}

static void no_service(struct net *w)
{
    w->slots.hide_services = 0x2;
}

static void share_missing(struct net *w)
{
    w->slots.menu.upgrade = CSEP_UPGRADE_OFFERED;
    w->cfg.offer_share = false;
    w->slots.raise_upgrade = true;
}

//= DATA-22, KEY-15 type=test
static void test_refuse_what_is_not_granted(void **state)
{
    (void)state;
    void (*const changes[])(struct net *) = {other_aead, no_service, share_missing};
    for (unsigned i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct net w;
        net_init(&w, 1);
        assert_true(refuse_with(&w, changes[i]));
    }
}

//= DATA-12, DATA-22 type=test
static void test_protocol(void **state)
{
    (void)state;
    const struct {
        const char *opener, *acceptor;
        bool taken;
    } rows[] = {{NULL, NULL, true},
                {"chat", NULL, true},
                {"chat", "chat", true},
                {"cha", "chat", false},
                {NULL, "chat", false}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net w;
        net_init(&w, 1);
        w.cfg.protocol = rows[i].opener;
        w.acceptor_cfg.data.protocol = rows[i].acceptor;
        struct net_end *e = start(&w);
        net_run(&w, w.now + CSEP_SEC(2));
        assert_int_equal(e->confirmed, rows[i].taken);
        assert_int_equal(e->refused, !rows[i].taken);
        assert_int_equal(w.slots.spends, rows[i].taken);
        net_done(&w);
    }
}

static enum net_fault forge_refuse(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)n;
    if (way == NET_UP && p[0] == CSEP_PKT_OPEN) {
        struct open_header h;
        struct packet_span span;
        uint8_t buf[64], echo[16];
        assert_ok(packet_decode_open(&h, &span, p, *len));
        memcpy(echo, h.client_random, 16);
        unsigned kind = *(unsigned *)w->judge_self;
        if (kind == 0)
            echo[3] ^= 1;
        struct refuse r = {
            .version = CSEP_VERSION_1, .dcid = kind == 1 ? h.dcid : h.scid, .echo = echo, .code = 1};
        struct wr x = wr_init(buf, sizeof buf);
        packet_put_refuse(&x, &r);
        net_inject(w, NET_DOWN, &w->acceptor_addr, &w->openers[0].addr, buf, x.len,
                   kind == 2 ? 2 * w->delay + CSEP_MS(1) : CSEP_MS(1));
    }
    return NET_PASS;
}

//= DATA-40 type=test
static void test_refuse_ignored(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) { /* wrong echo, wrong id, after ACCEPT */
        struct net w;
        net_init(&w, 1);
        w.judge = forge_refuse;
        w.judge_self = &kind;
        struct net_end *e = start(&w);
        net_run(&w, w.now + CSEP_SEC(2));
        assert_int_equal(e->refused, 0);
        assert_int_equal(e->confirmed, 1);
        net_done(&w);
    }
}

//= DATA-39 type=test
static void test_refuse_rate(void **state)
{
    (void)state;
    struct net w;
    uint8_t copy[NET_DATAGRAM];
    struct csep_addr to;
    struct csep_data *c;
    bool is_new;
    unsigned out = 0;
    net_init(&w, 1);
    w.slots.unknown = true;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    size_t n = csep_data_output(e->c, copy, sizeof copy, &to, w.now);
    assert_int_equal(n, 1200);
    for (unsigned host = 0; host < 30; host++)
        for (unsigned i = 0; i < 20; i++) {
            struct csep_addr from = net_addr(host, 1000);
            uint8_t p[NET_DATAGRAM];
            memcpy(p, copy, n);
            csep_acceptor_input(w.a, p, n, &from, w.now, &c, &is_new);
            while (csep_acceptor_output(w.a, p, sizeof p, &to, w.now))
                out++;
            if (host == 0 && i == 19)
                assert_int_equal(out, 10);
        }
    assert_int_equal(out, 100);
    net_done(&w);
}

static enum net_fault change_version(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)w;
    (void)n;
    (void)len;
    if (way == NET_UP && p[0] == CSEP_PKT_OPEN)
        p[4] ^= 0x40;
    return NET_PASS;
}

//= DATA-18 type=test
static void test_refuse_version(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.judge = change_version;
    num_answers = 0;
    struct net_end *e = start(&w);
    net_run(&w, w.now + CSEP_SEC(30));
    /* The answer names the version that the acceptor saw, so the opener does not take it for its own. */
    assert_int_equal(e->refused, 0);
    assert_int_equal(e->status, CSEP_ERR_TIMEOUT); //= DATA-14 type=test
    assert_non_null(test_trace_find(&w.trace_down, CSEP_TRACE_DATA_REFUSED, 0));
    assert_int_equal(test_trace_find(&w.trace_down, CSEP_TRACE_DATA_REFUSED, 0)->arg[0], CSEP_REFUSE_VERSION);
    assert_int_equal(w.slots.opens, 0);
    net_done(&w);
}

static enum net_fault cut_open(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)w;
    (void)n;
    if (way == NET_UP && p[0] == CSEP_PKT_OPEN)
        *len = CSEP_OPEN_MIN_DATAGRAM - 1;
    return NET_PASS;
}

//= DATA-2 type=test
static void test_small_open(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.judge = cut_open;
    struct net_end *e = start(&w);
    net_run(&w, w.now + CSEP_SEC(30));
    assert_int_equal(e->status, CSEP_ERR_TIMEOUT);
    assert_int_equal(w.slots.opens, 0);
    assert_int_equal(w.bytes_down, 0);
    net_done(&w);
}

/* ---- Early data ---- */

static void expect_late(struct net *w)
{
    static uint8_t big[3000];
    memset(big, 7, sizeof big);
    w->echo = true;
    net_start(w);
    struct net_end *e = net_open(w, 0, CSEP_SERVICE_MESSAGE);
    net_send(w, e->c, ping, sizeof ping, true);
    net_send(w, e->c, big, sizeof big, true);
    net_run(w, w->now + CSEP_SEC(5));
    assert_false(e->early);
    assert_int_equal(net_count(w, true, ping, sizeof ping), 1);
    assert_int_equal(net_count(w, true, big, sizeof big), 1);
    assert_int_equal(w->num_received, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_false(w->received[i].early);
    assert_int_equal(test_trace_count(&w->trace_up, CSEP_TRACE_DATA_PACKET_LOST), 0);
    struct csep_data_stats st;
    csep_data_get_stats(e->c, &st);
    assert_int_equal(st.in_flight, 0);
    assert_true(st.cwnd >= 12000);
    net_done(w);
}

//= DATA-32, DATA-33, DATA-76, CTX-6 type=test
static void test_early_not_taken(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.slots.menu.fresh = false;
    expect_late(&w);
    net_init(&w, 1);
    w.acceptor_cfg.data.early = false;
    expect_late(&w);
}

//= CTX-5 type=test
static void test_ticket_age(void **state)
{
    (void)state;
    const struct {
        csep_time skew;
        bool taken;
    } rows[] = {{0, true}, {CSEP_SEC(9), true}, {CSEP_SEC(11), false}};
    for (unsigned i = 0; i < 3; i++)
        for (int sign = 0; sign < 2; sign++) {
            struct net w;
            net_init(&w, 1);
            w.slots.menu.check_age = true;
            net_start(&w);
            w.slots.menu.received = w.now - CSEP_SEC(20);
            struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
            w.slots.menu.received = w.now - CSEP_SEC(20) + (sign ? rows[i].skew : -rows[i].skew);
            net_send(&w, e->c, ping, sizeof ping, true);
            net_run(&w, w.now + CSEP_SEC(2));
            assert_int_equal(e->early, rows[i].taken);
            assert_int_equal(net_count(&w, true, ping, sizeof ping), 1);
            net_done(&w);
        }
}

static unsigned early_bytes;

static void count_early(struct net *w, enum net_way way, const struct nonce_seen *seen, size_t datagram)
{
    (void)w;
    (void)datagram;
    if (way == NET_UP && seen->early)
        early_bytes += (unsigned)seen->len;
}

//= DATA-30, DATA-35 type=test
static void test_first_flight_bounded(void **state)
{
    (void)state;
    static uint8_t big[20000];
    const uint32_t flights[] = {0, 1, 500, 3600, 10000};
    for (unsigned i = 0; i < 5; i++) {
        struct net w;
        net_init(&w, 1);
        early_bytes = 0;
        w.watch = count_early;
        w.slots.menu.first_flight = flights[i];
        net_start(&w);
        struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
        net_send(&w, e->c, big, sizeof big, true);
        net_run(&w, w.now + CSEP_SEC(3));
        assert_int_equal(net_count(&w, true, big, sizeof big), 1);
        assert_true(early_bytes >= flights[i]);
        assert_true(early_bytes <= flights[i] + 300);
        assert_int_equal(w.served.closed, 0);
        net_done(&w);
    }
}

static void test_early_off(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.cfg.early = false;
    struct net_end *e = start(&w);
    net_run(&w, w.now + CSEP_SEC(3));
    assert_int_equal(net_count(&w, true, ping, sizeof ping), 1);
    assert_false(w.received[0].early);
    assert_int_equal(e->sent, 1);
    net_done(&w);
}

static enum net_fault hold_open(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)w;
    (void)len;
    return way == NET_UP && p[0] == CSEP_PKT_OPEN && n == 0 ? NET_LATE : NET_PASS;
}

//= DATA-36 type=test
static void test_early_before_open(void **state)
{
    (void)state;
    static uint8_t big[3500];
    struct net w;
    net_init(&w, 1);
    w.judge = hold_open;
    net_start(&w);
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_send(&w, e->c, big, sizeof big, true);
    net_run(&w, w.now + 4 * w.delay);
    assert_int_equal(net_count(&w, true, big, sizeof big), 1);
    assert_true(w.received[0].early); //= DATA-31 type=test
    assert_int_equal(e->opened, 0);
    net_run(&w, w.now + CSEP_SEC(2));
    assert_int_equal(e->sent, 1);
    net_done(&w);
}

static void test_pending_context(void **state)
{
    (void)state;
    struct net w;
    struct csep_data *c;
    bool is_new;
    net_init(&w, 1);
    w.slots.pending = true;
    w.echo = true;
    struct net_end *e = start(&w);
    net_run(&w, w.now + CSEP_MS(300));
    assert_int_equal(csep_acceptor_count(w.a), 0);
    assert_false(csep_acceptor_held(w.a, w.now, &c, &is_new));
    w.slots.pending = false;
    assert_true(csep_acceptor_held(w.a, w.now, &c, &is_new));
    assert_non_null(c);
    assert_true(is_new);
    assert_false(csep_acceptor_held(w.a, w.now, &c, &is_new));
    net_run(&w, w.now + CSEP_SEC(2));
    assert_int_equal(e->confirmed, 1);
    assert_int_equal(net_count(&w, false, ping, sizeof ping), 1);
    net_done(&w);
}

/* ---- The share ---- */

//= KEY-13, KEY-14, KEY-19 type=test
static void test_upgrade(void **state)
{
    (void)state;
    for (uint8_t up = CSEP_UPGRADE_OFF; up <= CSEP_UPGRADE_REQUIRED; up++)
        for (int offer = 0; offer < 2; offer++)
            for (unsigned gcm = 0; gcm < 2; gcm++) {
                struct net w;
                net_init(&w, 1);
                w.cfg.offer_share = offer;
                w.slots.menu.upgrade = up;
                w.slots.menu.aeads[0] = gcm ? CSEP_AEAD_AES_256_GCM : CSEP_AEAD_CHACHA20_POLY1305;
                if (gcm && !aead_supported(CSEP_AEAD_AES_256_GCM)) {
                    w.slots.menu.aeads[0] = CSEP_AEAD_CHACHA20_POLY1305;
                }
                struct net_end *e = start(&w);
                net_run(&w, w.now + CSEP_SEC(2));
                assert_int_equal(e->confirmed, 1);
                uint8_t a[16], b[16];
                assert_non_null(w.last_served);
                assert_ok(csep_data_export(e->c, "x", ping, 4, a, sizeof a));
                assert_ok(csep_data_export(w.last_served, "x", ping, 4, b, sizeof b));
                assert_memory_equal(a, b, sizeof a);
                net_done(&w);
            }
}

static void lower_upgrade(struct net *w)
{
    w->slots.menu.upgrade = CSEP_UPGRADE_REQUIRED;
    w->slots.lower_upgrade = true;
}

//= KEY-16 type=test
static void test_upgrade_missing(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    lower_upgrade(&w);
    struct net_end *e = start(&w);
    net_run(&w, w.now + CSEP_SEC(10));
    assert_int_equal(e->closed, 1);
    assert_int_equal(e->status, CSEP_ERR_REFUSED);
    assert_int_equal(w.served.closed, 1);
    assert_int_equal(w.served.code, 0x000a);
    net_done(&w);
}

/* ---- Amplification ---- */

static uint64_t up_seen, down_seen;

static enum net_fault only_open(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)w;
    (void)n;
    if (way == NET_UP && p[0] == CSEP_PKT_OPEN)
        up_seen += *len;
    if (way == NET_DOWN) {
        down_seen += *len;
        assert_true(down_seen <= 3 * up_seen); //= DATA-28 type=test
        return NET_DROP;
    }
    return p[0] == CSEP_PKT_OPEN ? NET_PASS : NET_DROP;
}

static void test_amplification(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    up_seen = down_seen = 0;
    w.judge = only_open;
    w.reply_len = 100000;
    struct net_end *e = start(&w);
    net_run(&w, w.now + CSEP_SEC(40));
    assert_int_equal(e->status, CSEP_ERR_TIMEOUT);
    assert_true(down_seen > 3 * 1200 - 1200);
    net_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_address_token),
        cmocka_unit_test(test_retry_once),
        cmocka_unit_test(test_refuse_says_nothing),
        cmocka_unit_test(test_refuse_what_is_not_granted),
        cmocka_unit_test(test_protocol),
        cmocka_unit_test(test_refuse_ignored),
        cmocka_unit_test(test_refuse_rate),
        cmocka_unit_test(test_refuse_version),
        cmocka_unit_test(test_small_open),
        cmocka_unit_test(test_early_not_taken),
        cmocka_unit_test(test_ticket_age),
        cmocka_unit_test(test_first_flight_bounded),
        cmocka_unit_test(test_early_off),
        cmocka_unit_test(test_early_before_open),
        cmocka_unit_test(test_pending_context),
        cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_upgrade_missing),
        cmocka_unit_test(test_amplification),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
