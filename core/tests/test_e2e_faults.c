/* SPDX-License-Identifier: BSD-2-Clause */
/* A network that breaks in one place: each packet, each byte of TCP, each bit in transit. */
#include "e2e.h"

struct fault {
    /* UDP: what happens to the n-th datagram */
    unsigned datagram;
    enum net_fault kind;
    size_t bit; /* NET_FLIP */
    /* TCP: the n-th connection is cut behind so many bytes of a side, or a bit of it changed */
    unsigned tcp, side;
    size_t cut_at, flip_at;
    bool reset;
    bool retry;     /* the acceptor wants a round for the address */
    bool stateless; /* contexts are sealed into tickets */
    size_t len;     /* of that datagram, as seen */
};

static const struct fault none = {.datagram = UINT32_MAX, .tcp = UINT32_MAX};

static enum net_fault judge(struct e2e *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    struct fault *f = w->judge_self;
    (void)way;
    if (n != f->datagram)
        return NET_PASS;
    f->len = *len;
    if (f->kind == NET_FLIP && f->bit / 8 < *len)
        p[f->bit / 8] ^= (uint8_t)(1u << f->bit % 8);
    return f->kind == NET_FLIP ? NET_PASS : f->kind;
}

static void connecting(struct e2e *w, struct e2e_tcp *t)
{
    const struct fault *f = w->judge_self;
    if (t->index != f->tcp)
        return;
    t->pipe[f->side].cut_at = f->cut_at ? f->cut_at - 1 : SIZE_MAX; /* 1: before the first byte */
    t->flip_at[f->side] = f->flip_at ? f->flip_at - 1 : SIZE_MAX;
    t->reset = f->reset;
}

static void begin(struct e2e *w, struct fault *f)
{
    e2e_init(w, 5);
    w->judge = judge;
    w->connecting = connecting;
    w->judge_self = f;
    w->server[0].acceptor_cfg.always_retry = f->retry;
    w->server[0].grantor_cfg.address_tokens = !f->retry;
    w->server[0].grantor_cfg.mode = f->stateless ? CSEP_GRANTOR_STATELESS : CSEP_GRANTOR_STATEFUL;
    e2e_start(w);
}

static bool one_of(csep_status s, const csep_status *list)
{
    for (; *list != CSEP_STATUS_COUNT; list++)
        if (s == *list)
            return true;
    return false;
}

#define STATUSES(...)                                                                                        \
    (const csep_status[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, CSEP_STATUS_COUNT                                                                       \
    }

static void expect_status(const char *who, const struct e2e_conn *c, const csep_status *list)
{
    if (c && !one_of(c->status, list))
        fail_msg("the %s ended with %s", who, csep_status_name(c->status));
}

/* ---- One data connection over UDP, from OPEN to CLOSE ---- */

static struct e2e_conn *life(struct e2e *w, enum csep_service service)
{
    e2e_warm(w, 0, 0);
    struct e2e_conn *c = e2e_open(w, 0, 0, CSEP_TRANSPORT_UDP, service);
    assert_non_null(c);
    c->stay = true;
    (void)e2e_say(w, c, 500);
    (void)e2e_say(w, c, service == CSEP_SERVICE_MESSAGE ? 2500 : 900);
    e2e_run(w, w->now + CSEP_SEC(4));
    if (!c->dead) {
        (void)e2e_say(w, c, 700);
        e2e_run(w, w->now + CSEP_SEC(4));
    }
    if (!c->dead)
        e2e_close(w, c, 0);
    e2e_settle(w, CSEP_SEC(100)); //= DATA-79 type=test
    return c;
}

static unsigned each_datagram(enum csep_service service, enum net_fault kind, const struct fault *like)
{
    unsigned total = UINT32_MAX, n;
    for (n = 0; n <= total; n++) {
        struct fault f = *like;
        struct e2e w;
        f.kind = kind;
        f.datagram = n ? n - 1 : UINT32_MAX; /* first a run without a fault, to count */
        begin(&w, &f);
        struct e2e_conn *c = life(&w, service);
        total = n ? total : w.num_datagrams;
        expect_status("opener", c, STATUSES(CSEP_OK));
        expect_status("acceptor", e2e_served(&w, 0), STATUSES(CSEP_OK, CSEP_ERR_IDLE));
        if (service == CSEP_SERVICE_MESSAGE || kind == NET_DOUBLE || n == 0)
            assert_true(e2e_all_back(c));
        else /* of datagrams the one that was in it, and one that came before a lost ACCEPT (DATA-109) */
            assert_true(c->num_got + 2 >= c->num_said);
        assert_null(e2e_served(&w, 1)); /* the doubled or late OPEN opened nothing: //= DATA-23 type=test */
        e2e_done(&w);
    }
    return total;
}

static void each_fault(const struct fault *like)
{
    for (enum csep_service s = CSEP_SERVICE_DATAGRAM; s <= CSEP_SERVICE_MESSAGE; s++) {
        assert_true(each_datagram(s, NET_DROP, like) >= 6);
        each_datagram(s, NET_DOUBLE, like);
        each_datagram(s, NET_LATE, like);
    }
}

static void test_each_datagram(void **state)
{
    (void)state;
    struct fault f = none;
    each_fault(&f);
    f.stateless = true; /* early data is not taken: all of it is said again */
    each_fault(&f);
}

/* One RETRY more to lose, and a token that goes with the new OPEN. */
//= DATA-43 type=test //= DATA-76 type=test //= DATA-127 type=test
static void test_each_datagram_retry(void **state)
{
    (void)state;
    struct fault f = none;
    f.retry = true;
    each_fault(&f);
}

/* ---- Each bit of each datagram ---- */

//= DATA-3 type=test //= DATA-21 type=test //= SEC-19 type=test
static void flip_bit(unsigned n, size_t bit, size_t *out_len)
{
    struct fault f = none;
    struct e2e w;
    f.kind = NET_FLIP;
    f.datagram = n;
    f.bit = bit;
    begin(&w, &f);
    struct e2e_conn *c = life(&w, CSEP_SERVICE_MESSAGE);
    *out_len = f.len;
    expect_status("opener", c, STATUSES(CSEP_OK, CSEP_ERR_REFUSED, CSEP_ERR_VERSION));
    if (c->status == CSEP_OK)
        assert_true(e2e_all_back(c));
    else
        assert_int_equal(n, 0); /* only what is not protected by a key that the acceptor has may be refused */
    expect_status("acceptor", e2e_served(&w, 0), STATUSES(CSEP_OK, CSEP_ERR_IDLE));
    assert_null(e2e_served(&w, 1));
    e2e_done(&w);
}

static void test_each_bit_udp(void **state)
{
    (void)state;
    struct fault f = none;
    struct e2e w;
    begin(&w, &f);
    (void)life(&w, CSEP_SERVICE_MESSAGE);
    unsigned total = w.num_datagrams;
    e2e_done(&w);
    for (unsigned n = 0; n < total; n++) {
        size_t len = 2000, head = n ? 8 * 30 : 8 * 180;
        for (size_t bit = 0; bit < 8 * len; bit += bit < head ? 1 : n ? 37 : 7)
            flip_bit(n, bit, &len);
    }
}

/* ---- A negotiation over a TCP connection that breaks ---- */

/* Granted or not, but nothing in between; what was granted can be used. */
static void check_negotiation(struct e2e *w, struct e2e_neg *n)
{
    struct csep_context *x = w->client[0].context[0];
    e2e_settle(w, CSEP_SEC(40)); //= NEG-60 type=test //= NEG-61 type=test
    if (!n->events[CSEP_NEG_GRANTED]) {
        assert_int_equal(n->events[CSEP_NEG_FAILED], 1);
        assert_true(n->status != CSEP_OK);
        assert_int_equal(csep_context_state(x), CSEP_CTX_NONE);
        assert_int_equal(csep_context_tickets(x), 0);
        assert_null(e2e_open(w, 0, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE)); //= NEG-44 type=test
        return;
    }
    /* An end of file behind the grant harms nobody; a changed record may end the rest in failure, not the
     * grant. */
    if (n->tcp->flip_at[0] == SIZE_MAX && n->tcp->flip_at[1] == SIZE_MAX)
        assert_int_equal(n->events[CSEP_NEG_FAILED], 0);
    struct e2e_conn *c = e2e_open(w, 0, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE);
    assert_non_null(c);
    (void)e2e_say(w, c, 100);
    e2e_settle(w, CSEP_SEC(40));
    assert_true(e2e_all_back(c));
    e2e_assert_clean(c);
}

/* Returns how many of the outcomes were a grant. */
static unsigned negotiation_fault(struct fault *f, size_t sent[2])
{
    struct e2e w;
    begin(&w, f);
    w.client[0].data.offer_share = false;
    struct e2e_neg *n = e2e_negotiate(&w, 0, 0, false);
    check_negotiation(&w, n);
    if (sent) {
        sent[0] = w.tcp[0]->sent[0];
        sent[1] = w.tcp[0]->sent[1];
    }
    unsigned granted = n->events[CSEP_NEG_GRANTED];
    e2e_done(&w);
    return granted;
}

static void cut_negotiation(bool reset)
{
    struct fault f = none;
    size_t sent[2];
    unsigned granted = 0;
    assert_int_equal(negotiation_fault(&f, sent), 1);
    for (unsigned side = 0; side < 2; side++)
        for (size_t at = 0; at <= sent[side]; at++) {
            f = none;
            f.tcp = 0;
            f.side = side;
            f.cut_at = at + 1;
            f.reset = reset;
            granted += negotiation_fault(&f, NULL);
        }
    assert_in_range(granted, 2, sent[0] + sent[1]); /* both outcomes were seen */
}

static void test_negotiation_ends_early(void **state)
{
    (void)state;
    cut_negotiation(false);
}

static void test_negotiation_is_reset(void **state)
{
    (void)state;
    cut_negotiation(true);
}

static void test_each_bit_negotiation(void **state)
{
    (void)state;
    struct fault f = none;
    size_t sent[2];
    (void)negotiation_fault(&f, sent);
    for (unsigned side = 0; side < 2; side++)
        for (size_t bit = 0; bit < 8 * sent[side]; bit += bit < 8 * 50 ? 1 : 7) {
            f = none;
            f.tcp = 0;
            f.side = side;
            f.flip_at = bit + 1;
            (void)negotiation_fault(&f, NULL);
        }
}

/* ---- A data connection over TCP ---- */

static const csep_status *const broken =
    (const csep_status[]){CSEP_OK, CSEP_ERR_TRUNCATED, CSEP_ERR_TIMEOUT, CSEP_ERR_IDLE, CSEP_STATUS_COUNT};

static void stream_fault(struct fault *f, enum csep_service service, const csep_status *opener,
                         const csep_status *acceptor, size_t sent[2])
{
    struct e2e w;
    begin(&w, f);
    e2e_warm(&w, 0, 0);
    struct e2e_conn *c = e2e_open(&w, 0, 0, CSEP_TRANSPORT_TCP, service);
    assert_non_null(c);
    (void)e2e_say(&w, c, 300);
    e2e_settle(&w, CSEP_SEC(100));
    struct e2e_conn *s = e2e_served(&w, 0);
    expect_status("opener", c, opener);
    expect_status("acceptor", s, acceptor);
    if (c->status == CSEP_OK)
        assert_true(e2e_all_back(c)); /* an end that is told as one is one: //= DATA-96 type=test */
    if (sent) {
        sent[0] = c->tcp->sent[0];
        sent[1] = c->tcp->sent[1];
    }
    e2e_done(&w);
}

static void cut_stream(enum csep_service service, bool reset)
{
    struct fault f = none;
    size_t sent[2];
    stream_fault(&f, service, STATUSES(CSEP_OK), STATUSES(CSEP_OK), sent);
    for (unsigned side = 0; side < 2; side++)
        for (size_t at = 0; at < sent[side]; at++) {
            f = none;
            f.tcp = 1;
            f.side = side;
            f.cut_at = at + 1;
            f.reset = reset;
            stream_fault(&f, service, broken, broken, NULL);
        }
}

static void test_stream_ends_early(void **state)
{
    (void)state;
    cut_stream(CSEP_SERVICE_STREAM, false);
    cut_stream(CSEP_SERVICE_MESSAGE, false);
}

static void test_stream_is_reset(void **state)
{
    (void)state;
    cut_stream(CSEP_SERVICE_STREAM, true);
    cut_stream(CSEP_SERVICE_MESSAGE, true);
}

//= DATA-95 type=test //= DATA-99 type=test
static void test_each_bit_stream(void **state)
{
    (void)state;
    static const csep_status changed[] = {
        CSEP_OK,           CSEP_ERR_PROTECTION, CSEP_ERR_REFUSED,  CSEP_ERR_VERSION, CSEP_ERR_DECODE,
        CSEP_ERR_OVERSIZE, CSEP_ERR_TRUNCATED,  CSEP_ERR_TIMEOUT,  CSEP_ERR_IDLE,    CSEP_ERR_VALUE,
        CSEP_ERR_SERVICE,  CSEP_ERR_UNEXPECTED, CSEP_STATUS_COUNT,
    };
    struct fault f = none;
    size_t sent[2];
    stream_fault(&f, CSEP_SERVICE_STREAM, STATUSES(CSEP_OK), STATUSES(CSEP_OK), sent);
    for (unsigned side = 0; side < 2; side++)
        for (size_t bit = 0; bit < 8 * sent[side]; bit += bit < 8 * 150 ? 1 : 7) {
            f = none;
            f.tcp = 1;
            f.side = side;
            f.flip_at = bit + 1;
            stream_fault(&f, CSEP_SERVICE_STREAM, changed, changed, NULL);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_datagram),        cmocka_unit_test(test_each_datagram_retry),
        cmocka_unit_test(test_each_bit_udp),         cmocka_unit_test(test_negotiation_ends_early),
        cmocka_unit_test(test_negotiation_is_reset), cmocka_unit_test(test_each_bit_negotiation),
        cmocka_unit_test(test_stream_ends_early),    cmocka_unit_test(test_stream_is_reset),
        cmocka_unit_test(test_each_bit_stream),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
