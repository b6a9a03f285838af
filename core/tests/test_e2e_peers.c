/* SPDX-License-Identifier: BSD-2-Clause */
/* Peers that are slow, silent, many, or say what they must not. */
#include "e2e.h"

#include "base/cursor.h"

/* ---- TCP connections on which nothing, or little, is said ---- */

/* A ClientHello as a client of this world sends it. */
static size_t client_hello(struct e2e *w, uint8_t *out, size_t cap)
{
    struct csep_tls *t = malloc(csep_tls_size());
    assert_non_null(t);
    assert_ok(csep_tls_client(t, &w->client[0].tls, w->now));
    struct csep_secure *s = csep_tls_secure(t);
    size_t n = s->ops->output(s, out, cap, w->now);
    csep_tls_wipe(t);
    free(t);
    assert_in_range(n, 100, cap - 1);
    return n;
}

//= NEG-61 type=test
static void test_silent_negotiation(void **state)
{
    (void)state;
    uint8_t hello[2048];
    struct e2e w;
    e2e_init(&w, 31);
    e2e_start(&w);
    size_t n = client_hello(&w, hello, sizeof hello);
    csep_time start = w.now;
    struct e2e_tcp *silent = e2e_connect(&w, 0, 0, false), *drip = e2e_connect(&w, 0, 0, false),
                   *half = e2e_connect(&w, 0, 0, false);
    e2e_run(&w, w.now + CSEP_MS(200));
    e2e_tcp_put(&w, half, 0, hello, n / 2);
    for (unsigned i = 0; i < 40 && !drip->closed[1]; i++) {
        e2e_tcp_put(&w, drip, 0, hello + i, 1);
        e2e_run(&w, w.now + CSEP_SEC(1));
    }
    e2e_settle(&w, CSEP_SEC(60));
    assert_in_range(silent->neg[1]->over_at - start, CSEP_SEC(15), CSEP_SEC(16));
    assert_in_range(half->neg[1]->over_at - start, CSEP_SEC(15), CSEP_SEC(16));
    assert_in_range(drip->neg[1]->over_at - start, CSEP_SEC(30), CSEP_SEC(31));
    for (unsigned i = 0; i < 3; i++) {
        assert_status(w.neg[i]->status, CSEP_ERR_TIMEOUT);
        assert_true(w.tcp[i]->closed[1]);
    }
    e2e_done(&w);
}

//= NEG-2 type=test //= DATA-101 type=test
static void test_silent_data(void **state)
{
    (void)state;
    static const uint8_t some[5] = {0, 200, CSEP_PKT_OPEN, 0x63, 0x73};
    struct e2e w;
    e2e_init(&w, 32);
    e2e_start(&w);
    csep_time start = w.now;
    (void)e2e_connect(&w, 0, 0, true);
    struct e2e_tcp *half = e2e_connect(&w, 0, 0, true);
    e2e_run(&w, w.now + CSEP_SEC(9));
    e2e_tcp_put(&w, half, 0, some, sizeof some);
    csep_time first = w.now;
    e2e_run(&w, start + CSEP_SEC(11));
    assert_false(w.tcp[0]->conn[1]->dead);
    assert_false(w.tcp[1]->conn[1]->dead);
    e2e_settle(&w, CSEP_SEC(60));
    assert_in_range(w.tcp[0]->conn[1]->closed_at - start, CSEP_SEC(10), CSEP_SEC(31));
    assert_in_range(half->conn[1]->closed_at - first, CSEP_SEC(9), CSEP_SEC(11));
    assert_status(half->conn[1]->status, CSEP_ERR_TIMEOUT);
    e2e_done(&w);
}

/* ---- Very many at once ---- */

#define MANY 10000u

struct many {
    struct csep_tls *tls;
    struct csep_negotiate *n;
};

static void begin_many(struct e2e *w, struct many *m, const uint8_t *hello, size_t len, size_t *out_sent)
{
    struct csep_addr from = net_addr(77, 7);
    uint8_t buf[4096];
    m->tls = malloc(csep_tls_size());
    m->n = malloc(csep_negotiate_size());
    assert_non_null(m->tls);
    assert_non_null(m->n);
    assert_ok(csep_tls_server(m->tls, &w->server[0].tls, w->now));
    assert_ok(csep_negotiate_server(m->n, &w->server[0].negotiate, csep_tls_secure(m->tls),
                                    w->server[0].grantor, &from, w->now));
    (void)csep_negotiate_input(m->n, hello, len, w->now);
    *out_sent += csep_negotiate_output(m->n, buf, sizeof buf, w->now);
}

static void end_many(struct many *m)
{
    csep_negotiate_wipe(m->n);
    csep_tls_wipe(m->tls);
    free(m->n);
    free(m->tls);
}

/* Each takes little, all end in time, contexts they left behind are bounded, and data goes on meanwhile. */
//= NEG-62 type=test
static void many_at_once(unsigned num, unsigned part, size_t most_heap)
{
    struct many *m = calloc(num, sizeof *m);
    struct csep_negotiate_event ev;
    uint8_t hello[2048];
    size_t sent = 0;
    struct e2e w;
    assert_non_null(m);
    e2e_init(&w, 33);
    w.server[0].grantor_cfg.mode = CSEP_GRANTOR_STATELESS;
    e2e_start(&w);
    e2e_warm(&w, 0, 0);
    size_t n = client_hello(&w, hello, sizeof hello), before = w.mem.live;
    w.server[0].tls.keylog = w.server[0].negotiate.keylog = (struct csep_keylog){0}; /* too many to check */
    for (unsigned i = 0; i < num; i++)
        begin_many(&w, &m[i], hello, n / part, &sent);
    assert_int_equal(sent != 0, part == 1);
    assert_true((w.mem.live - before) / num <= most_heap);
    struct e2e_conn *c = e2e_open(&w, 0, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE);
    (void)e2e_say(&w, c, 300);
    e2e_settle(&w, CSEP_SEC(10));
    assert_true(e2e_all_back(c));
    w.now += CSEP_SEC(15);
    for (unsigned i = 0; i < num; i++) {
        assert_true(csep_negotiate_deadline(m[i].n) <= w.now);
        csep_negotiate_expire(m[i].n, w.now);
        assert_true(csep_negotiate_event(m[i].n, &ev));
        assert_int_equal(ev.type, CSEP_NEG_FAILED);
        assert_status(ev.status, CSEP_ERR_TIMEOUT);
        end_many(&m[i]);
    }
    assert_in_range(w.mem.live, 0, before + 4096);
    free(m);
    e2e_done(&w);
}

static void test_many(void **state)
{
    (void)state;
    many_at_once(MANY, 2, 4096);      /* half a ClientHello each */
    many_at_once(MANY / 10, 1, 1024); /* all that a server says, said, and never an answer */
}

/* ---- A reader that does not read ---- */

//= DATA-100 type=test
static void test_slow_reader(void **state)
{
    (void)state;
    struct e2e w;
    e2e_init(&w, 34);
    w.client[0].data.send_buffer = w.server[0].acceptor_cfg.data.send_buffer = 65536;
    e2e_start(&w);
    e2e_warm(&w, 0, 0);
    struct e2e_conn *c = e2e_open(&w, 0, 0, CSEP_TRANSPORT_TCP, CSEP_SERVICE_STREAM);
    c->stay = true;
    (void)e2e_say(&w, c, 400000);
    e2e_run(&w, w.now + 3 * w.delay);
    struct e2e_conn *s = e2e_served(&w, 0);
    assert_non_null(s);
    s->read_slowly = true;
    e2e_run(&w, w.now + CSEP_SEC(5));
    assert_true(s->rx_len > 100000); /* left to TCP */
    assert_true(csep_stream_heap(s->s) < 65536);
    s->read_slowly = false;
    c->stay = false;
    e2e_settle(&w, CSEP_SEC(100));
    assert_true(e2e_all_back(c));
    e2e_assert_clean(c);
    e2e_done(&w);
}

/* ---- An opener that is not where it says ---- */

static enum net_fault only_first(struct e2e *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    unsigned *seen = w->judge_self;
    (void)n;
    (void)p;
    (void)len;
    return way == NET_UP && (*seen)++ ? NET_DROP : NET_PASS;
}

/* An acceptor with much to say says it to an address that sent one datagram and never more: the checker
 * counts.
 */
//= DATA-28 type=test
static void test_amplification(void **state)
{
    (void)state;
    for (unsigned retry = 0; retry < 2; retry++) {
        unsigned seen = 0;
        struct e2e w;
        e2e_init(&w, 35);
        w.server[0].grantor_cfg.address_tokens = false;
        w.server[0].acceptor_cfg.always_retry = retry;
        e2e_start(&w);
        e2e_warm(&w, 0, 0);
        w.judge = only_first;
        w.judge_self = &seen;
        struct e2e_conn *c = e2e_open(&w, 0, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE);
        (void)e2e_say(&w, c, 100);
        e2e_run(&w, w.now + CSEP_MS(60));
        struct e2e_conn *s = e2e_served(&w, 0);
        assert_int_equal(s != NULL, !retry); //= DATA-45 type=test
        if (s)
            (void)e2e_say(&w, s, 100000);
        e2e_settle(&w, CSEP_SEC(200));
        assert_true(c->dead);
        e2e_done(&w);
    }
}

//= DATA-43 type=test //= DATA-44 type=test
static void test_retry(void **state)
{
    (void)state;
    struct e2e w;
    e2e_init(&w, 36);
    w.server[0].grantor_cfg.address_tokens = false;
    w.server[0].acceptor_cfg.always_retry = true;
    e2e_start(&w);
    e2e_warm(&w, 0, 0);
    struct e2e_conn *c = e2e_open(&w, 0, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE);
    (void)e2e_say(&w, c, 3000);
    e2e_settle(&w, CSEP_SEC(100));
    assert_int_equal(c->events[CSEP_DATA_EV_RETRY], 1);
    assert_true(e2e_all_back(c));
    assert_int_equal(c->first_got - c->asked_at, 4 * w.delay); /* one round trip more */
    e2e_assert_clean(c);
    e2e_done(&w);
}

/* ---- What must not be said, over TLS ---- */

/* A raw peer speaks TLS and nothing else; the other end is a negotiation. */
struct raw {
    struct csep_tls *peer, *tls;
    struct csep_negotiate *n;
    bool server; /* the negotiation is one */
    uint8_t heard[16384];
    size_t heard_len;
    bool over;
    struct csep_negotiate_event end;
    unsigned granted;
};

static void raw_move(struct e2e *w, struct raw *r)
{
    struct csep_secure *p = csep_tls_secure(r->peer);
    struct csep_negotiate_event ev;
    uint8_t buf[4096];
    for (bool moved = true; moved;) {
        size_t n;
        moved = false;
        while ((n = p->ops->output(p, buf, sizeof buf, w->now))) {
            (void)csep_negotiate_input(r->n, buf, n, w->now);
            moved = true;
        }
        while (csep_negotiate_event(r->n, &ev)) {
            r->granted += ev.type == CSEP_NEG_GRANTED;
            r->over |= ev.type == CSEP_NEG_CLOSED || ev.type == CSEP_NEG_FAILED;
            r->end = ev;
        }
        while ((n = csep_negotiate_output(r->n, buf, sizeof buf, w->now))) {
            (void)p->ops->input(p, buf, n, w->now);
            moved = true;
        }
        while ((n = p->ops->read(p, r->heard + r->heard_len, sizeof r->heard - r->heard_len)))
            r->heard_len += n;
    }
}

static void raw_begin(struct e2e *w, struct raw *r, bool server)
{
    struct csep_addr from = net_addr(5, 5);
    memset(r, 0, sizeof *r);
    r->server = server;
    r->peer = malloc(csep_tls_size());
    r->tls = malloc(csep_tls_size());
    r->n = malloc(csep_negotiate_size());
    assert_true(r->peer && r->tls && r->n);
    w->client[0].tls.server_name = "server.0";
    assert_ok(csep_tls_client(server ? r->peer : r->tls, &w->client[0].tls, w->now));
    assert_ok(csep_tls_server(server ? r->tls : r->peer, &w->server[0].tls, w->now));
    if (server)
        assert_ok(csep_negotiate_server(r->n, &w->server[0].negotiate, csep_tls_secure(r->tls),
                                        w->server[0].grantor, &from, w->now));
    else
        assert_ok(csep_negotiate_client(r->n, &w->client[0].negotiate, csep_tls_secure(r->tls), w->now));
    raw_move(w, r);
}

static void raw_end(struct raw *r)
{
    csep_negotiate_wipe(r->n);
    csep_tls_wipe(r->tls);
    csep_tls_wipe(r->peer);
    free(r->n);
    free(r->tls);
    free(r->peer);
}

/* CODE of the ERROR that the peer heard last; -1: none. */
static int heard_error(const struct raw *r)
{
    size_t at = 0, n;
    int code = -1;
    for (; at + 4 <= r->heard_len; at += 4 + n) {
        const uint8_t *p = r->heard + at;
        n = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        assert_int_equal(code, -1); //= NEG-53 type=test
        if (p[0] == CSEP_MSG_ERROR && n >= 6 && (p[4] & 0x7f) == 0 && p[5] == CSEP_FIELD_CODE)
            code = p[8] << 8 | p[9];
    }
    return code;
}

struct saying {
    const char *name, *hex;
    csep_status want; /* CSEP_OK: it is no fault */
};

#define ID "000c000400000007" /* REQUEST_ID 7 */

static const struct saying to_server[] = {
    {"plain request", "03000008" ID, CSEP_OK},
    {"grease and unknown fields",
     "03000013" ID "1a1a000101"
     "71230002abcd",
     CSEP_OK}, //= NEG-25 type=test
    {"unknown message",
     "41000002abcd"
     "03000008" ID,
     CSEP_OK},                                                         //= NEG-23 type=test
    {"critical message", "c1000002abcd", CSEP_ERR_CRITICAL},           //= NEG-24 type=test
    {"critical field", "0300000d" ID "f123000101", CSEP_ERR_CRITICAL}, //= NEG-26 type=test
    {"a field twice", "03000010" ID ID, CSEP_ERR_DUPLICATE},           //= NEG-28 type=test
    {"an unknown field twice",
     "03000012" ID "7123000101"
     "7123000101",
     CSEP_ERR_DUPLICATE},
    {"empty field", "0300000c" ID "71230000", CSEP_ERR_VALUE},              //= NEG-29 type=test
    {"no request id", "03000000", CSEP_ERR_MISSING},                        //= NEG-32 type=test
    {"cut field", "0300000b" ID "712300", CSEP_ERR_DECODE},                 //= NEG-31 type=test
    {"lifetime of zero", "03000010" ID "8002000400000000", CSEP_ERR_VALUE}, //= NEG-37 type=test
    {"large message, head alone", "03010000", CSEP_ERR_OVERSIZE},           //= NEG-22 type=test
    {"a grant", "01000000", CSEP_ERR_UNEXPECTED},                           //= NEG-36 type=test
    {"a handle of nobody", "0300001c" ID "8001001000112233445566778899aabbccddeeff", CSEP_ERR_REFUSED},
};

static const struct saying to_client[] = {
    {"critical message", "c1000002abcd", CSEP_ERR_CRITICAL},
    {"a request", "03000008" ID, CSEP_ERR_UNEXPECTED},
    {"large message, head alone", "01010000", CSEP_ERR_OVERSIZE},
    {"empty grant", "01000000", CSEP_ERR_MISSING},
    {"critical field",
     "01000005"
     "f123000101",
     CSEP_ERR_CRITICAL},
    {"cut field", "0100000380", CSEP_OK}, /* waits for the rest, and gives up in the end */
};

//= NEG-63 type=test
static void say(const struct saying *s, bool server, bool in_bytes)
{
    uint8_t bytes[256];
    struct raw r;
    struct e2e w;
    e2e_init(&w, 37);
    e2e_start(&w);
    raw_begin(&w, &r, server);
    size_t n = test_unhex(bytes, sizeof bytes, s->hex);
    struct csep_secure *p = csep_tls_secure(r.peer);
    for (size_t i = 0; i < n; i += in_bytes ? 1 : n) {
        csep_status st = p->ops->write(p, bytes + i, in_bytes ? 1 : n, w.now);
        assert_true(st == CSEP_OK || i);
        raw_move(&w, &r);
    }
    if (s->want == CSEP_OK) {
        w.now += CSEP_SEC(31);
        csep_negotiate_expire(r.n, w.now);
        raw_move(&w, &r);
    }
    if (server)
        assert_int_equal(heard_error(&r) == -1 || heard_error(&r) == (int)csep_status_wire(CSEP_ERR_TIMEOUT),
                         s->want == CSEP_OK);
    if (s->want && heard_error(&r) != (int)csep_status_wire(s->want))
        fail_msg("%s: answered with %d, not with %s", s->name, heard_error(&r), csep_status_name(s->want));
    assert_int_equal(r.granted, 0);
    assert_true(r.over); /* every one of them ends, //= NEG-61 type=test */
    raw_end(&r);
    e2e_done(&w);
}

static void test_sayings(void **state)
{
    (void)state;
    for (unsigned in_bytes = 0; in_bytes < 2; in_bytes++) {
        for (unsigned i = 0; i < sizeof to_server / sizeof to_server[0]; i++)
            say(&to_server[i], true, in_bytes);
        for (unsigned i = 0; i < sizeof to_client / sizeof to_client[0]; i++)
            say(&to_client[i], false, in_bytes);
    }
}

/* Anything but TLS at the negotiation port, anything but csep at the data port. */
//= DATA-3 type=test //= SEC-19 type=test
static void test_other_protocols(void **state)
{
    (void)state;
    static const char *const texts[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "SSH-2.0-x\r\n",
                                        "\x80\x2e\x01\x03\x01", "\x16\x03\x01\xff\xff\x01",
                                        "\x04\x63\x73\x00\x01\x08"};
    struct e2e w;
    e2e_init(&w, 38);
    e2e_start(&w);
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (unsigned port = 0; port < 2; port++) {
            struct e2e_tcp *t = e2e_connect(&w, 0, 0, port);
            e2e_run(&w, w.now + CSEP_MS(200));
            e2e_tcp_put(&w, t, 0, (const uint8_t *)texts[i], strlen(texts[i]));
            struct csep_addr from = net_addr(60 + i, 5);
            e2e_inject(&w, NET_UP, &from, &w.server[0].addr, (const uint8_t *)texts[i], strlen(texts[i]), 0);
        }
    e2e_settle(&w, CSEP_SEC(100));
    assert_int_equal(w.num_datagrams, 0); /* nothing was answered over UDP */
    assert_int_equal(csep_acceptor_count(w.server[0].acceptor), 0);
    e2e_warm(&w, 0, 0);
    e2e_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent_negotiation),
        cmocka_unit_test(test_silent_data),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_amplification),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_sayings),
        cmocka_unit_test(test_other_protocols),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
