/* SPDX-License-Identifier: BSD-2-Clause */
/* Time that jumps, contexts that end, limits that are reached, identities that are not proved yet. */
#include "e2e.h"

static struct e2e_conn *open_and_say(struct e2e *w, uint8_t transport, enum csep_service service, size_t len)
{
    struct e2e_conn *c = e2e_open(w, 0, 0, transport, service);
    assert_non_null(c);
    c->stay = true;
    (void)e2e_say(w, c, len);
    return c;
}

/* ---- The clock leaps ---- */

static const csep_time leaps[] = {CSEP_SEC(3600), CSEP_SEC(8 * 3600), CSEP_SEC(25 * 3600)};

/* when: milliseconds after the request. timers_first: the host looks at its timers before its sockets. */
//= CTX-13 type=test //= CTX-16 type=test //= DATA-79 type=test
static void leap_in_connection(csep_time leap, uint8_t transport, unsigned when, bool timers_first)
{
    struct e2e w;
    e2e_init(&w, 21);
    e2e_start(&w);
    e2e_warm(&w, 0, 0);
    struct e2e_conn *c = open_and_say(&w, transport, CSEP_SERVICE_MESSAGE, 3000);
    e2e_run(&w, w.now + CSEP_MS(when));
    w.now += leap;
    if (timers_first)
        e2e_expire(&w);
    e2e_settle(&w, CSEP_SEC(100));
    const struct e2e_conn *s = e2e_served(&w, 0);
    assert_true(c->dead);
    assert_true(c->status != CSEP_OK);
    assert_true(!s || s->dead);
    assert_true(s || when < 200);
    /* and the client is not in the dark: a day later it negotiates anew, before that its context serves on */
    csep_store_expire(w.client[0].store, w.now);
    bool usable = leap < CSEP_SEC(24 * 3600);
    assert_int_equal(csep_ctx_usable(csep_context_state(w.client[0].context[0])), usable);
    if (!usable)
        e2e_warm(&w, 0, 0);
    c = open_and_say(&w, transport, CSEP_SERVICE_MESSAGE, 300);
    c->stay = false;
    e2e_settle(&w, CSEP_SEC(100));
    assert_true(e2e_all_back(c));
    e2e_assert_clean(c);
    e2e_done(&w);
}

static void test_leap_in_connection(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof leaps / sizeof leaps[0]; i++)
        for (uint8_t t = CSEP_TRANSPORT_UDP; t <= CSEP_TRANSPORT_TCP; t++)
            for (unsigned when = 0; when <= 500; when += 50) {
                leap_in_connection(leaps[i], t, when, false);
                leap_in_connection(leaps[i], t, when, true);
            }
}

/* Without an idle time-out a connection sleeps as long as its context lives. */
static void test_suspend(void **state)
{
    (void)state;
    for (uint8_t t = CSEP_TRANSPORT_UDP; t <= CSEP_TRANSPORT_TCP; t++) {
        struct e2e w;
        e2e_init(&w, 22);
        w.client[0].data.idle_timeout = w.server[0].acceptor_cfg.data.idle_timeout = 0;
        e2e_start(&w);
        e2e_warm(&w, 0, 0);
        struct e2e_conn *c = open_and_say(&w, t, CSEP_SERVICE_MESSAGE, 3000);
        e2e_run(&w, w.now + CSEP_SEC(2));
        w.now += CSEP_SEC(8 * 3600);
        (void)e2e_say(&w, c, 3000);
        e2e_run(&w, w.now + CSEP_SEC(5));
        assert_true(e2e_all_back(c));
        assert_false(c->dead);
        e2e_close(&w, c, 0);
        e2e_settle(&w, CSEP_SEC(100));
        e2e_assert_clean(c);
        e2e_done(&w);
    }
}

//= NEG-60 type=test //= NEG-61 type=test
static void test_leap_in_negotiation(void **state)
{
    (void)state;
    for (unsigned when = 0; when <= 350; when += 25) {
        struct e2e w;
        e2e_init(&w, 23);
        e2e_start(&w);
        struct e2e_neg *n = e2e_negotiate(&w, 0, 0, false);
        e2e_run(&w, w.now + CSEP_MS(when));
        w.now += CSEP_SEC(3600);
        e2e_expire(&w);
        e2e_settle(&w, CSEP_SEC(100));
        if (n->events[CSEP_NEG_GRANTED] == 0)
            assert_status(n->status, CSEP_ERR_TIMEOUT);
        assert_int_equal(csep_context_tickets(w.client[0].context[0]), n->events[CSEP_NEG_GRANTED] ? 8 : 0);
        e2e_warm(&w, 0, 0);
        e2e_done(&w);
    }
}

/* ---- A context that ends while its connections are open ---- */

static bool can_speak(const struct e2e_conn *c)
{
    return (c->s ? csep_stream_get_state(c->s) : csep_data_get_state(c->d)) < CSEP_DATA_CLOSING;
}

static void chat(struct e2e *w, struct e2e_conn *c, csep_time until)
{
    while (w->now < until && can_speak(c)) {
        (void)e2e_say(w, c, 100);
        e2e_run(w, w->now + CSEP_SEC(1));
    }
}

//= DATA-83 type=test //= CTX-15 type=test //= CTX-16 type=test
static void expires_in_use(uint8_t transport, bool honest)
{
    struct csep_slot slot;
    struct e2e w;
    e2e_init(&w, 24);
    w.server[0].grantor_cfg.menu.lifetime = 60;
    e2e_start(&w);
    e2e_warm(&w, 0, 0);
    csep_time granted = w.neg[0]->granted_at;
    assert_true(e2e_take(&w, 0, 0, transport, CSEP_SERVICE_MESSAGE, &slot));
    if (!honest)
        slot.expires += CSEP_SEC(3600); /* a client that does not want to know */
    struct e2e_conn *c = e2e_open_slot(&w, 0, 0, &slot, CSEP_SERVICE_MESSAGE, NULL);
    c->stay = true;
    chat(&w, c, granted + CSEP_SEC(300));
    e2e_settle(&w, CSEP_SEC(100));
    const struct e2e_conn *s = e2e_served(&w, 0), *first = honest ? c : s, *second = honest ? s : c;
    assert_status(first->status, CSEP_ERR_EXPIRED);
    assert_true(second->by_peer);
    assert_int_equal(second->code, csep_status_wire(CSEP_ERR_EXPIRED));
    if (honest)
        assert_in_range(c->closed_at, granted + CSEP_SEC(50), granted + CSEP_SEC(60));
    else
        assert_in_range(s->closed_at, granted + CSEP_SEC(59), granted + CSEP_SEC(120));
    e2e_done(&w);
}

static void test_expires_in_use(void **state)
{
    (void)state;
    for (uint8_t t = CSEP_TRANSPORT_UDP; t <= CSEP_TRANSPORT_TCP; t++) {
        expires_in_use(t, true);
        expires_in_use(t, false);
    }
}

/* ---- Limits of a context, summed over connections and transports ---- */

#define LIMIT_PACKETS 400u

//= KEY-8 type=test //= DATA-83 type=test //= CTX-19 type=test
static void test_limit_over_two_transports(void **state)
{
    (void)state;
    struct e2e_conn *c[2];
    struct e2e w;
    e2e_init(&w, 25);
    w.server[0].grantor_cfg.menu.limits.packets = LIMIT_PACKETS;
    e2e_start(&w);
    e2e_warm(&w, 0, 0);
    for (unsigned i = 0; i < 2; i++)
        c[i] = open_and_say(&w, i ? CSEP_TRANSPORT_TCP : CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, 100);
    for (unsigned i = 0; i < 300 && !(c[0]->dead && c[1]->dead); i++) {
        for (unsigned k = 0; k < 2; k++)
            if (can_speak(c[k]))
                (void)e2e_say(&w, c[k], 100);
        e2e_run(&w, w.now + CSEP_MS(300));
    }
    e2e_settle(&w, CSEP_SEC(100));
    for (unsigned i = 0; i < 2; i++)
        assert_true(c[i]->status == CSEP_ERR_AEAD_LIMIT ||
                    (c[i]->by_peer && c[i]->code == csep_status_wire(CSEP_ERR_AEAD_LIMIT)));
    assert_int_equal(csep_context_state(w.client[0].context[0]), CSEP_CTX_EXPIRED);
    uint64_t used = c[0]->used.packets + c[1]->used.packets;
    assert_in_range(used, LIMIT_PACKETS * 3 / 4, LIMIT_PACKETS + LIMIT_PACKETS / 4);
    e2e_done(&w);
}

/* ---- Revocation ---- */

/* On the spot by the host that revokes, and within a second of traffic where no host looks. */
//= NEG-52 type=test //= DATA-83 type=test //= SEC-30 type=test
static void revoked_in_use(enum csep_grantor_mode mode, bool host_looks)
{
    struct e2e_conn *c[2];
    struct e2e w;
    e2e_init(&w, 29);
    w.server[0].grantor_cfg.mode = mode;
    e2e_start(&w);
    e2e_warm(&w, 0, 0);
    e2e_warm(&w, 1, 0);
    struct e2e_conn *other = e2e_open(&w, 1, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE);
    other->stay = true;
    (void)e2e_say(&w, other, 100);
    for (unsigned i = 0; i < 2; i++)
        c[i] = open_and_say(&w, i ? CSEP_TRANSPORT_TCP : CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, 100);
    e2e_run(&w, w.now + CSEP_SEC(2));
    csep_grantor_revoke(w.server[0].grantor, w.neg[0]->grant.handle, w.now);
    csep_time revoked = w.now;
    if (host_looks)
        e2e_context_ended(&w, 0);
    for (unsigned i = 0; i < 10; i++) {
        for (unsigned k = 0; k < 2 && !host_looks; k++)
            if (can_speak(c[k]))
                (void)e2e_say(&w, c[k], 100);
        e2e_run(&w, w.now + CSEP_MS(300));
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_true(c[i]->by_peer);
        assert_int_equal(c[i]->code, csep_status_wire(CSEP_ERR_REVOKED));
        assert_true(c[i]->closed_at <= revoked + (host_looks ? w.delay : CSEP_SEC(2)));
    }
    (void)e2e_say(&w, other, 100);
    other->stay = false;
    e2e_settle(&w, CSEP_SEC(100));
    assert_true(e2e_all_back(other));
    e2e_done(&w);
}

static void test_revoked_in_use(void **state)
{
    (void)state;
    for (enum csep_grantor_mode m = CSEP_GRANTOR_STATEFUL; m <= CSEP_GRANTOR_STATELESS; m++) {
        revoked_in_use(m, true);
        revoked_in_use(m, false);
    }
}

/* ---- Refresh ---- */

/* The replaced context has a minute left for new connections; its open ones are not touched. */
//= NEG-48 type=test //= NEG-50 type=test //= CTX-20 type=test
static void test_refreshed_in_use(void **state)
{
    (void)state;
    struct csep_slot old[2];
    struct e2e_conn *c[2];
    struct e2e w;
    e2e_init(&w, 30);
    e2e_start(&w);
    e2e_warm(&w, 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        c[i] = open_and_say(&w, i ? CSEP_TRANSPORT_TCP : CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, 100);
        assert_true(e2e_take(&w, 0, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, &old[i]));
    }
    e2e_run(&w, w.now + CSEP_SEC(1));
    struct csep_grant_request ask = {.lifetime = 3600, .have_handle = true};
    memcpy(ask.handle, w.neg[0]->grant.handle, sizeof ask.handle);
    struct e2e_neg *n = e2e_negotiate(&w, 0, 0, false);
    assert_ok(csep_negotiate_request(n->n, &ask, 1, w.now));
    e2e_run(&w, w.now + CSEP_SEC(2));
    assert_int_equal(n->events[CSEP_NEG_GRANTED], 2);
    assert_int_equal(n->grant.lifetime, 3600);
    struct e2e_conn *next = open_and_say(&w, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, 100);
    csep_time replaced = w.now;
    chat(&w, c[0], replaced + CSEP_SEC(20));
    chat(&w, c[1], replaced + CSEP_SEC(40));
    struct e2e_conn *late = e2e_open_slot(&w, 0, 0, &old[0], CSEP_SERVICE_MESSAGE, NULL);
    (void)e2e_say(&w, late, 100);
    chat(&w, c[0], replaced + CSEP_SEC(65));
    chat(&w, c[1], replaced + CSEP_SEC(90));
    assert_true(e2e_all_back(late));
    for (unsigned i = 0; i < 2; i++) {
        assert_true(can_speak(c[i]));
        assert_true(e2e_all_back(c[i]));
        e2e_close(&w, c[i], 0);
    }
    struct e2e_conn *too_late = e2e_open_slot(&w, 0, 0, &old[1], CSEP_SERVICE_MESSAGE, NULL);
    (void)e2e_say(&w, too_late, 100);
    next->stay = false;
    e2e_settle(&w, CSEP_SEC(100));
    assert_true(e2e_all_back(next));
    assert_status(too_late->status, CSEP_ERR_REFUSED);
    e2e_done(&w);
}

/* ---- Forgeries ---- */

#define LIMIT_FORGERIES 200u

static enum net_fault remember_short(struct e2e *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    uint8_t(*last)[64] = w->judge_self;
    (void)n;
    if (packet_type(p, *len) == CSEP_PKT_SHORT)
        memcpy(last[way], p, *len < 64 ? *len : 64);
    return NET_PASS;
}

static void forge(struct e2e *w, const struct e2e_conn *c, enum net_way way, const uint8_t *like,
                  unsigned num)
{
    uint8_t buf[64];
    for (unsigned i = 0; i < num; i++) {
        w->rnd.fill(w->rnd.self, buf, sizeof buf);
        memcpy(buf, like, 9); /* type and connection id */
        const struct csep_addr *from = way == NET_UP ? &c->addr : &w->server[0].addr,
                               *to = way == NET_UP ? &w->server[0].addr : &c->addr;
        e2e_inject(w, way, from, to, buf, sizeof buf, i * CSEP_US(10));
    }
}

//= KEY-7 type=test //= DATA-4 type=test
static void forgeries(enum net_way way)
{
    uint8_t last[2][64] = {{0}};
    struct e2e w;
    e2e_init(&w, 26);
    w.server[0].grantor_cfg.menu.limits.forgeries = LIMIT_FORGERIES;
    e2e_start(&w);
    e2e_warm(&w, 0, 0);
    e2e_warm(&w, 1, 0);
    struct e2e_conn *other = e2e_open(&w, 1, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE);
    other->stay = true;
    w.judge = remember_short;
    w.judge_self = last;
    struct e2e_conn *a = open_and_say(&w, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, 100);
    e2e_run(&w, w.now + CSEP_SEC(2));
    forge(&w, a, way, last[way], LIMIT_FORGERIES - 20);
    e2e_run(&w, w.now + CSEP_SEC(1));
    assert_false(a->dead);
    (void)e2e_say(&w, a, 100);
    e2e_run(&w, w.now + CSEP_SEC(1));
    assert_true(e2e_all_back(a)); /* below the limit they cost nothing */
    e2e_close(&w, a, 0);
    e2e_run(&w, w.now + CSEP_SEC(5));
    /* the count goes on in the next connection of the context */
    struct e2e_conn *b = open_and_say(&w, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, 100);
    e2e_run(&w, w.now + CSEP_SEC(2));
    forge(&w, b, way, last[way], 30);
    e2e_run(&w, w.now + CSEP_SEC(2));
    assert_true(b->dead);
    const struct e2e_conn *s = e2e_served(&w, 2);
    assert_status(way == NET_UP ? s->status : b->status, CSEP_ERR_AEAD_LIMIT);
    struct e2e_conn *c = e2e_open(&w, 0, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE);
    if (way == NET_DOWN)
        assert_null(c);
    else
        (void)e2e_say(&w, c, 100);
    (void)e2e_say(&w, other, 100); /* the host goes on */
    other->stay = false;
    e2e_settle(&w, CSEP_SEC(100));
    assert_true(way == NET_DOWN || c->status == CSEP_ERR_REFUSED);
    assert_true(e2e_all_back(other));
    e2e_done(&w);
}

static void test_forgeries(void **state)
{
    (void)state;
    forgeries(NET_UP);
    forgeries(NET_DOWN);
}

/* ---- A client that has not proved who it is (A13, A49) ---- */

static void open_when_granted(struct e2e *w, struct e2e_neg *n)
{
    struct e2e_conn **c = w->judge_self;
    for (unsigned i = 0; i < 2; i++) {
        c[i] = e2e_open(w, n->tcp->client, n->tcp->server, i ? CSEP_TRANSPORT_TCP : CSEP_TRANSPORT_UDP,
                        CSEP_SERVICE_MESSAGE);
        assert_non_null(c[i]);
        (void)e2e_say(w, c[i], 200);
    }
}

static void begin_pending(struct e2e *w, struct e2e_conn **c, enum csep_grantor_mode mode)
{
    e2e_init(w, 27);
    w->server[0].grantor_cfg.mode = mode;
    w->server[0].negotiate.client_identity = true;
    w->server[0].tls.client_auth = CSEP_TLS_AUTH_REQUIRE;
    w->client[0].tls.identity = &w->client[0].identity;
    w->granted = open_when_granted;
    w->judge_self = c;
    e2e_start(w);
}

/* ClientHello goes as fast as ever, what follows takes so much longer. */
//= NEG-64 type=test //= NEG-65 type=test
static void late_finished(csep_time late, bool udp_works, bool tcp_works)
{
    struct e2e_conn *c[2] = {NULL, NULL};
    struct e2e w;
    begin_pending(&w, c, CSEP_GRANTOR_STATEFUL);
    struct e2e_neg *n = e2e_negotiate(&w, 0, 0, false);
    e2e_run(&w, w.now + 3 * w.delay);
    n->tcp->pipe[0].delay += late;
    e2e_run(&w, w.now + late);
    for (unsigned i = 0; i < w.num_conn; i++)
        assert_int_equal(w.conn[i]->num_got, 0); /* nothing is delivered before it is known who spoke */
    e2e_settle(&w, CSEP_SEC(100));
    assert_int_equal(e2e_all_back(c[0]), udp_works);
    assert_int_equal(e2e_all_back(c[1]), tcp_works);
    if (udp_works)
        e2e_assert_clean(c[0]);
    assert_int_equal(c[0]->events[CSEP_DATA_EV_REFUSED], 0);
    e2e_done(&w);
}

static void test_late_finished(void **state)
{
    (void)state;
    late_finished(CSEP_MS(10), true, true);
    late_finished(CSEP_MS(500), true, true);
    late_finished(CSEP_MS(2800), true, true);
    late_finished(CSEP_SEC(5), true, false); /* held OPENs are given up, but over UDP the opener repeats it */
    late_finished(CSEP_SEC(12), false, false);
}

/* Whoever stole a certificate but not its key never gets beyond pending. */
//= NEG-66 type=test
static void test_wrong_proof(void **state)
{
    (void)state;
    for (size_t back = 8; back < 400; back += 23) {
        struct e2e_conn *c[2] = {NULL, NULL};
        struct e2e w;
        begin_pending(&w, c, CSEP_GRANTOR_STATEFUL);
        struct e2e_neg *n = e2e_negotiate(&w, 0, 0, false);
        e2e_run(&w, w.now + 3 * w.delay);
        n->tcp->flip_at[0] = 8 * (n->tcp->sent[0] + back); /* somewhere in Certificate, its proof, Finished */
        e2e_settle(&w, CSEP_SEC(100));
        if (w.tcp[0]->sent[0] <= n->tcp->flip_at[0] / 8)
            back = SIZE_MAX / 2;
        else {
            assert_int_equal(csep_grantor_contexts(w.server[0].grantor), 0);
            for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(c[i]->num_got, 0);
                assert_true(c[i]->status != CSEP_OK);
            }
            assert_int_equal(w.delivered[0][0] + w.delivered[0][1], 0);
        }
        e2e_done(&w);
        if (back >= SIZE_MAX / 2)
            break;
    }
}

/* A server that seals contexts into tickets gives none before. */
//= NEG-67 type=test
static void test_sealed_identity(void **state)
{
    (void)state;
    struct e2e_conn *c[2] = {NULL, NULL};
    struct e2e w;
    begin_pending(&w, c, CSEP_GRANTOR_STATELESS);
    csep_time asked = w.now;
    struct e2e_neg *n = e2e_negotiate(&w, 0, 0, false);
    e2e_settle(&w, CSEP_SEC(100));
    assert_int_equal(n->granted_at - asked, 6 * w.delay); /* a round trip later */
    assert_true(e2e_all_back(c[0]) && e2e_all_back(c[1]));
    e2e_done(&w);
}

/* ---- A copied client (A21) ---- */

/* Two copies go on from one state with other random bytes: no key in common, one is refused. The checker
 * fails the test when a secret turns up twice. */
//= KEY-10 type=test //= CTX-23 type=test //= CTX-4 type=test
static void snapshot(enum csep_grantor_mode mode, uint8_t transport)
{
    struct csep_slot slot;
    struct e2e w;
    e2e_init(&w, 28);
    w.server[0].grantor_cfg.mode = mode;
    e2e_start(&w);
    w.check.copies = true;
    w.now += CSEP_SEC(20);
    e2e_warm(&w, 0, 0);
    assert_true(e2e_take(&w, 0, 0, transport, CSEP_SERVICE_MESSAGE, &slot));
    struct e2e_conn *a = e2e_open_slot(&w, 0, 0, &slot, CSEP_SERVICE_MESSAGE, NULL),
                    *b = e2e_open_slot(&w, 0, 0, &slot, CSEP_SERVICE_MESSAGE, NULL);
    (void)e2e_say(&w, a, 300);
    (void)e2e_say(&w, b, 300);
    e2e_settle(&w, CSEP_SEC(100));
    assert_true(e2e_all_back(a) != e2e_all_back(b));
    assert_status((e2e_all_back(a) ? b : a)->status, CSEP_ERR_REFUSED);
    e2e_done(&w);
}

static void test_snapshot(void **state)
{
    (void)state;
    for (enum csep_grantor_mode m = CSEP_GRANTOR_STATEFUL; m <= CSEP_GRANTOR_STATELESS; m++)
        for (uint8_t t = CSEP_TRANSPORT_UDP; t <= CSEP_TRANSPORT_TCP; t++)
            snapshot(m, t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leap_in_connection),
        cmocka_unit_test(test_suspend),
        cmocka_unit_test(test_leap_in_negotiation),
        cmocka_unit_test(test_expires_in_use),
        cmocka_unit_test(test_limit_over_two_transports),
        cmocka_unit_test(test_revoked_in_use),
        cmocka_unit_test(test_refreshed_in_use),
        cmocka_unit_test(test_forgeries),
        cmocka_unit_test(test_late_finished),
        cmocka_unit_test(test_wrong_proof),
        cmocka_unit_test(test_sealed_identity),
        cmocka_unit_test(test_snapshot),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
