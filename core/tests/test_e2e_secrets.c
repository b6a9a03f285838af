/* SPDX-License-Identifier: BSD-2-Clause */
/* Where randomness comes from, and where secrets must not go: whole hosts, every random byte noted, every
 * trace event kept. */
#define _GNU_SOURCE /* memmem() */
#include "context/ticket.h"
#include "csep/trace.h"
#include "data/packet.h"
#include "e2e.h"

/* ---- Everything that the source gave ---- */

struct noted {
    struct csep_random from;
    uint8_t *b;
    size_t len, cap;
};

static void note(struct noted *r, const void *p, size_t n)
{
    if (r->len + n > r->cap) {
        r->cap = 2 * (r->len + n);
        r->b = realloc(r->b, r->cap);
        assert_non_null(r->b);
    }
    memcpy(r->b + r->len, p, n);
    r->len += n;
}

static void fill_and_note(void *self, uint8_t *out, size_t n)
{
    struct noted *r = self;
    r->from.fill(r->from.self, out, n);
    note(r, out, n);
}

static bool given(const struct noted *r, const void *p, size_t n)
{
    return memmem(r->b, r->len, p, n) != NULL;
}

/* ---- The world ---- */

struct bench {
    struct e2e w;
    struct noted random;
    struct test_trace trace;
    unsigned opens, accepts;
    struct csep_ticket spent[64];
    unsigned num_spent;
};

static enum net_fault see_ids(struct e2e *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    struct bench *b = w->judge_self;
    struct open_header open;
    struct accept_header accept;
    struct packet_span span;
    (void)n, (void)way;
    if (!packet_decode_open(&open, &span, p, *len)) {
        b->opens++;
        assert_true(given(&b->random, open.client_random, CSEP_RANDOM_LEN));
        assert_true(given(&b->random, open.dcid.p, open.dcid.n));
        assert_true(given(&b->random, open.scid.p, open.scid.n));
        assert_true(given(&b->random, open.ticket.p, 24)); /* the nonce that it is sealed under */
        struct csep_ticket *t = &b->spent[b->num_spent++ % 64];
        t->len = (uint8_t)open.ticket.n;
        memcpy(t->b, open.ticket.p, t->len);
    } else if (!packet_decode_accept(&accept, &span, p, *len)) {
        b->accepts++;
        assert_true(given(&b->random, accept.server_random, CSEP_RANDOM_LEN));
        assert_true(given(&b->random, accept.scid.p, accept.scid.n));
    }
    return NET_PASS;
}

static void listen_everywhere(struct bench *b)
{
    struct csep_trace t = test_trace(&b->trace, 1);
    for (unsigned i = 0; i < E2E_SERVERS; i++) {
        struct e2e_server *s = &b->w.server[i];
        s->tls.trace = s->negotiate.trace = s->grantor_cfg.trace = s->acceptor_cfg.data.trace = t;
    }
    for (unsigned i = 0; i < E2E_CLIENTS; i++) {
        struct e2e_client *c = &b->w.client[i];
        c->tls.trace = c->negotiate.trace = c->data.trace = t;
    }
}

static struct bench *bench_new(enum csep_grantor_mode mode)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    e2e_init(&b->w, 77);
    b->random.from = b->w.rnd;
    b->w.rnd = (struct csep_random){fill_and_note, &b->random};
    b->w.judge = see_ids;
    b->w.judge_self = b;
    b->w.server[0].grantor_cfg.mode = mode;
    listen_everywhere(b);
    e2e_start(&b->w);
    return b;
}

/* Cold, warm, over UDP and TCP, refused and negotiated again: what a host sees of csep. */
static void live(struct bench *b)
{
    static const enum csep_service service[] = {
        [CSEP_TRANSPORT_UDP] = CSEP_SERVICE_MESSAGE, [CSEP_TRANSPORT_TCP] = CSEP_SERVICE_STREAM};
    struct e2e *w = &b->w;
    for (unsigned round = 0; round < 2; round++) {
        e2e_cold(w, E2E_SEPARATE, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, 700);
        e2e_settle(w, CSEP_SEC(60));
        for (uint8_t t = CSEP_TRANSPORT_UDP; t <= CSEP_TRANSPORT_TCP; t++) {
            struct e2e_conn *c = e2e_open(w, 0, 0, t, service[t]);
            assert_non_null(c);
            (void)e2e_say(w, c, 3000);
            e2e_settle(w, CSEP_SEC(60));
            assert_true(e2e_all_back(c));
        }
        if (round == 0)
            e2e_restart(w, 0, false);
        struct e2e_conn *c = e2e_open(w, 0, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE);
        (void)e2e_say(w, c, 100);
        e2e_settle(w, CSEP_SEC(60));
    }
    assert_true(b->opens > 3 && b->accepts > 2);
}

static void bench_free(struct bench *b)
{
    e2e_done(&b->w);
    test_trace_free(&b->trace);
    free(b->random.b);
    free(b);
}

/* ---- Randomness ---- */

/* What the specification calls random is what the host's source gave, byte by byte: nobody else draws, and
 * nothing is stretched. //= SEC-4 */
static void test_random_is_the_hosts(void **state)
{
    (void)state;
    for (enum csep_grantor_mode m = CSEP_GRANTOR_STATEFUL; m <= CSEP_GRANTOR_STATELESS; m++) {
        struct bench *b = bench_new(m);
        live(b); /* see_ids() looks at what goes by */
        assert_true(b->w.check.num_secrets > 10);
        for (unsigned i = 0; i < b->w.check.num_secrets; i++) /* of ClientHello, of OPEN over UDP and TCP */
            assert_true(given(&b->random, b->w.check.secrets[i].random, 32));
        for (unsigned i = 0; i < b->w.num_neg; i++) {
            const struct e2e_neg *n = b->w.neg[i];
            if (n->grant.lifetime) /* a stateless server's is half random, half its MAC */
                assert_true(given(&b->random, n->grant.handle, m == CSEP_GRANTOR_STATEFUL ? 16 : 8));
        }
        bench_free(b);
    }
}

/* ---- Secrets ---- */

/* An argument of four bytes or more whose bytes stand in what is secret, in either order. */
static bool tells(const struct noted *secret, uint64_t arg)
{
    uint8_t big[8], little[8];
    unsigned n = 0;
    for (; n < 8 && arg >> 8 * n; n++)
        little[n] = (uint8_t)(arg >> 8 * n);
    for (unsigned i = 0; i < n; i++)
        big[i] = little[n - 1 - i];
    return n >= 4 && (given(secret, big, n) || given(secret, little, n));
}

static void collect(struct bench *b, struct noted *out)
{
    uint8_t payload[4096];
    struct csep_slot slot;
    note(out, b->random.b, b->random.len); /* private keys, sealing keys, ids, nonces */
    for (unsigned i = 0; i < b->w.check.num_secrets; i++)
        note(out, b->w.check.secrets[i].secret, 32);
    for (unsigned i = 0; i < b->w.num_payloads; i++) {
        payload_fill(payload, b->w.payload_len[i], i, 0);
        note(out, payload, b->w.payload_len[i]);
    }
    for (unsigned i = 0; i < b->w.check.num_secrets; i++)
        for (unsigned k = 0; k < b->num_spent && k < 64; k++) {
            if (strcmp(b->w.check.secrets[i].label, "CSEP_CONTEXT") != 0)
                continue;
            ticket_slot_secret(slot.secret, b->w.check.secrets[i].secret, b->spent[k].b, b->spent[k].len);
            note(out, slot.secret, sizeof slot.secret);
            note(out, b->spent[k].b, b->spent[k].len);
        }
    while (e2e_take(&b->w, 0, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, &slot)) {
        note(out, slot.ticket, slot.ticket_len);
        note(out, slot.token, slot.token_len);
        note(out, slot.secret, sizeof slot.secret);
    }
}

//= SEC-6
static void test_traces_tell_no_secret(void **state)
{
    (void)state;
    for (enum csep_grantor_mode m = CSEP_GRANTOR_STATEFUL; m <= CSEP_GRANTOR_STATELESS; m++) {
        struct bench *b = bench_new(m);
        struct noted secret = {0};
        unsigned kinds = 0;
        live(b);
        collect(b, &secret);
        for (unsigned i = 0; i < CSEP_TRACE_COUNT; i++)
            kinds += test_trace_find(&b->trace, (enum csep_trace_type)i, 0) != NULL;
        assert_true(kinds > 15); /* enough was heard to mean something */
        for (size_t i = 0; i < b->trace.num; i++)
            for (unsigned a = 0; a < 4; a++)
                if (tells(&secret, b->trace.events[i].arg[a]))
                    fail_msg("%s tells a secret", csep_trace_name(b->trace.events[i].type));
        free(secret.b);
        bench_free(b);
    }
}

/* Texts for people are constants: nothing is formatted into them. //= SEC-6 */
static void test_texts_are_constants(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= CSEP_STATUS_COUNT; i++) {
        const char *text = csep_status_text((csep_status)i);
        assert_null(strchr(text, '%'));
        assert_ptr_equal(text, csep_status_text((csep_status)i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_is_the_hosts),
        cmocka_unit_test(test_traces_tell_no_secret),
        cmocka_unit_test(test_texts_are_constants),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
