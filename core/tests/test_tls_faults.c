/* SPDX-License-Identifier: BSD-2-Clause */
/* The path misbehaves: every bit of a conversation flipped, every byte the last one, memory gone at every
 * place. */
#include "tls_peer.h"

#include <string.h>

#include "tls/engine.h"

/* A conversation of two of our ends, whose bytes pass through here. */
struct talk {
    struct end *c, *s;
    uint8_t flight[4][8192]; /* ClientHello; server's with data; client's with data; server's end */
    size_t n[4];
};

struct variant {
    struct end_options client, server;
    bool resume;
};

static struct end_store store; /* of the client that resumes: one session, the same each time */

static const struct variant variants[] = {
    {{.raw_key = true}, {.server = true, .raw_key = true}, false},
    {{.raw_key = true, .own_key = true, .no_grease = true},
     {.server = true, .raw_key = true, .require_certificate = true, .no_compat = true},
     false},
    {{.raw_key = true, .store = &store}, {.server = true, .raw_key = true}, true},
};
#define NUM_VARIANTS (sizeof variants / sizeof variants[0])

static void offer_one_session(const struct variant *v)
{
    static struct csep_tls_session session;
    if (session.ticket_len == 0) {
        store.num_ours = 0;
        struct end *s = end_new(END_OURS, v->server), *c = end_new(END_OURS, v->client);
        end_pump(c, s, 0);
        assert_int_equal(store.num_ours, 1);
        session = store.ours[0];
        end_free(c);
        end_free(s);
    }
    store.ours[0] = session;
    store.num_ours = 1;
}

static struct talk begin(const struct variant *v)
{
    struct talk t = {0};
    if (v->resume)
        offer_one_session(v);
    end_restart_seeds();
    t.s = end_new(END_OURS, v->server);
    t.c = end_new(END_OURS, v->client);
    return t;
}

static void finish(struct talk *t)
{
    end_free(t->c);
    end_free(t->s);
}

static struct end *from(struct talk *t, unsigned flight)
{
    return flight % 2 ? t->s : t->c;
}

static struct end *to(struct talk *t, unsigned flight)
{
    return flight % 2 ? t->c : t->s;
}

/* What the speaker says in this flight, application data and close included. */
static size_t speak(struct talk *t, unsigned flight)
{
    struct end *e = from(t, flight);
    struct csep_secure *s = end_secure(e);
    if (flight == 1 || flight == 2)
        if (s->ops->flags(s) & CSEP_SECURE_CAN_WRITE)
            end_write(e, "application data", 16);
    if (flight >= 2)
        end_close(e);
    return t->n[flight] = end_take(e, t->flight[flight], sizeof t->flight[flight]);
}

/* Up to, not with, this flight; its bytes are ready. */
static void play_until(struct talk *t, unsigned flight)
{
    for (unsigned f = 0; f < flight; f++) {
        speak(t, f);
        assert_true(end_feed(to(t, f), t->flight[f], t->n[f]));
    }
    speak(t, flight);
}

/* Is this byte one that TLS 1.3 ignores: the version in the header of a record in the clear? */
static bool is_ignored(const uint8_t *p, size_t n, size_t at)
{
    for (size_t rec = 0; rec + 5 <= n; rec += 5 + ((size_t)p[rec + 3] << 8 | p[rec + 4]))
        if (p[rec] != TLS_CONTENT_APPLICATION && (at == rec + 1 || at == rec + 2))
            return true;
    return false;
}

static void carry_the_rest(struct talk *t)
{
    uint8_t got[64];
    end_pump(t->c, t->s, 0);
    /* Whatever was delivered as data is what was said. */
    for (unsigned i = 0; i < 2; i++) {
        size_t n = end_read(i ? t->c : t->s, got, sizeof got);
        assert_true(n == 0 || n == 16);
        assert_memory_equal(got, "application data", n);
    }
}

/* Noticed: an end failed, or the receiver waits for bytes that its length field promised and that never come.
 */
static void expect_noticed(struct talk *t, struct end *receiver, bool ignored)
{
    bool failed = end_failure(t->c) || end_failure(t->s);
    struct csep_secure *s = end_secure(receiver);
    if (ignored)
        assert_true(!failed && end_established(t->c) && end_established(t->s));
    else
        assert_true(failed || s->ops->input_eof(s, 0) == CSEP_ERR_TRUNCATED);
}

/*
 * One bit wrong anywhere: either it is one that TLS ignores, and all goes on, or it is noticed; and
 * no end ever reads what the other did not say.
 */
static void every_bit_flipped(void **state)
{
    (void)state;
    for (size_t v = 0; v < NUM_VARIANTS; v++)
        for (unsigned flight = 0; flight < 3; flight++)
            for (size_t bit = 0, n = 1; bit < 8 * n; bit++) {
                struct talk t = begin(&variants[v]);
                play_until(&t, flight);
                n = t.n[flight];
                bool ignored = is_ignored(t.flight[flight], n, bit / 8);
                t.flight[flight][bit / 8] ^= (uint8_t)(1 << bit % 8);
                end_feed(to(&t, flight), t.flight[flight], n);
                carry_the_rest(&t);
                expect_noticed(&t, to(&t, flight), ignored);
                finish(&t);
            }
}

/* The wire is cut after every byte: the receiver says so, and never takes a part for the whole. */
static void every_byte_the_last(void **state)
{
    (void)state;
    for (size_t v = 0; v < NUM_VARIANTS; v++)
        for (unsigned flight = 0; flight < 3; flight++)
            for (size_t keep = 0, n = 1; keep < n; keep++) {
                struct talk t = begin(&variants[v]);
                play_until(&t, flight);
                n = t.n[flight];
                struct end *e = to(&t, flight);
                struct csep_secure *s = end_secure(e);
                assert_true(end_feed(e, t.flight[flight], keep));
                assert_false(end_peer_closed(e));
                assert_int_equal(s->ops->input_eof(s, 0), CSEP_ERR_TRUNCATED);
                assert_false(end_established(e));
                assert_int_equal(s->ops->flags(s) & CSEP_SECURE_CAN_WRITE, 0);
                finish(&t);
            }
}

/* Each flight arrives in two pieces, cut at every place: nothing is lost by it. */
static void every_place_a_cut(void **state)
{
    (void)state;
    for (size_t v = 0; v < NUM_VARIANTS; v++)
        for (unsigned flight = 0; flight < 3; flight++)
            for (size_t cut = 0, n = 1; cut < n; cut++) {
                struct talk t = begin(&variants[v]);
                play_until(&t, flight);
                n = t.n[flight];
                struct end *e = to(&t, flight);
                assert_true(end_feed(e, t.flight[flight], cut));
                assert_true(end_feed(e, t.flight[flight] + cut, n - cut));
                carry_the_rest(&t);
                assert_true(end_established(t.c) && end_established(t.s));
                assert_int_equal(end_resumed(t.s), variants[v].resume);
                finish(&t);
            }
}

/* Each request for memory is the one that fails. */
static void memory_runs_out(void **state)
{
    (void)state;
    unsigned failures = 0;
    for (unsigned k = 1; k < 40; k++) {
        struct talk t = begin(&variants[1]);
        end_fail_memory(t.s, k);
        end_fail_memory(t.c, k);
        for (unsigned f = 0; f < 4; f++) {
            struct end *e = from(&t, f);
            struct csep_secure *s = end_secure(e);
            if (s->ops->flags(s) & CSEP_SECURE_CAN_WRITE) {
                csep_status st = s->ops->write(s, (const uint8_t *)"x", 1, 0);
                assert_true(st == CSEP_OK || st == CSEP_ERR_MEMORY);
            }
            uint8_t buf[8192];
            size_t n = end_take(e, buf, sizeof buf);
            end_feed(to(&t, f), buf, n);
        }
        csep_status a = end_failure(t.c), b = end_failure(t.s);
        assert_true(a == CSEP_OK || a == CSEP_ERR_MEMORY || a == CSEP_ERR_TLS_ALERT_RECEIVED);
        assert_true(b == CSEP_OK || b == CSEP_ERR_MEMORY || b == CSEP_ERR_TLS_ALERT_RECEIVED);
        failures += a == CSEP_ERR_MEMORY || b == CSEP_ERR_MEMORY;
        finish(&t);
    }
    assert_true(failures > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_flipped),
        cmocka_unit_test(every_byte_the_last),
        cmocka_unit_test(every_place_a_cut),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
