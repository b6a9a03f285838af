/* SPDX-License-Identifier: BSD-2-Clause */
/* Negotiations that break: at every byte, by every bit, by time, by memory. */
#include "world.h"

/* ---- The connection dies at every byte ---- */

static bool whole(const struct world *w)
{
    return world_count(&w->client, CSEP_NEG_GRANTED) == 1;
}

/* Whatever was cut: the client has a grant whole or none, and both ends come to an end. */
static void check_ended(struct world *w)
{
    const char *c = csep_negotiate_state(w->client.n), *s = csep_negotiate_state(w->server.n);
    assert_true(!strcmp(c, "DONE") || !strcmp(c, "FAILED"));
    assert_true(!strcmp(s, "DONE") || !strcmp(s, "FAILED"));
    assert_int_equal(world_count(&w->client, CSEP_NEG_CLOSED) + world_count(&w->client, CSEP_NEG_FAILED), 1);
    if (!strcmp(c, "DONE"))
        assert_true(whole(w)); //= NEG-44 type=test
}

static size_t sent_in_all(const struct world_options *o, bool by_server)
{
    struct world *w = world_new(o);
    world_run(w, CSEP_NEVER);
    assert_true(whole(w));
    size_t n = by_server ? w->server.sent : w->client.sent;
    world_free(w);
    return n;
}

static void cut_everywhere(struct world_options o, bool by_server)
{
    size_t total = sent_in_all(&o, by_server);
    unsigned grants = 0;
    for (size_t cut = 1; cut < total; cut++) {
        *(by_server ? &o.cut_server_at : &o.cut_client_at) = cut;
        struct world *w = world_new(&o);
        world_run_timeouts(w, o.start + CSEP_SEC(100));
        check_ended(w);
        grants += whole(w);
        world_free(w);
    }
    assert_in_range(grants, 1, total - 1);
}

static void test_cut_at_every_byte(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    cut_everywhere(o, false);
    cut_everywhere(o, true);
    o.grantor.mode = CSEP_GRANTOR_STATELESS;
    o.client.share = true;
    cut_everywhere(o, false);
    cut_everywhere(o, true);
    o.client_key = o.server.client_identity = true;
    cut_everywhere(o, false);
    cut_everywhere(o, true);
}

static void test_cut_at_every_byte_of_tls(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    o.real_tls = true;
    cut_everywhere(o, false);
    cut_everywhere(o, true);
}

/* ---- Every bit ---- */

/* Nothing protects the transparent stream, so that turned bits reach the codec: any end is right but a broken
 * one. */
static void test_every_bit(void **state)
{
    (void)state;
    for (unsigned by_server = 0; by_server < 2; by_server++) {
        struct world_options o = world_options_default();
        size_t total = sent_in_all(&o, by_server);
        for (size_t bit = 1; bit <= 8 * total; bit++) {
            *(by_server ? &o.flip_server_bit : &o.flip_client_bit) = bit;
            struct world *w = world_new(&o);
            world_run_timeouts(w, o.start + CSEP_SEC(100));
            check_ended(w);
            world_free(w);
        }
    }
}

/* Under TLS no turned bit leads to a grant that the ends see differently. */
static void test_every_bit_of_tls(void **state)
{
    (void)state;
    for (unsigned by_server = 0; by_server < 2; by_server++) {
        struct world_options o = world_options_default();
        o.real_tls = true;
        size_t total = sent_in_all(&o, by_server);
        for (size_t bit = 1; bit <= 8 * total; bit += 7) {
            *(by_server ? &o.flip_server_bit : &o.flip_client_bit) = bit;
            struct world *w = world_new(&o);
            world_run_timeouts(w, o.start + CSEP_SEC(100));
            check_ended(w);
            if (whole(w))
                assert_memory_equal(test_keylog_find(&w->keylog[0], "CSEP_CONTEXT", 0)->secret,
                                    test_keylog_find(&w->keylog[1], "CSEP_CONTEXT", 0)->secret, 32);
            world_free(w);
        }
    }
}

/* ---- Time ---- */

//= NEG-60 type=test
static void test_server_that_says_nothing(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    struct world *w = world_new(&o);
    w->server.open = false; /* it is there, and deaf */
    assert_int_equal(csep_negotiate_deadline(w->client.n), o.start + CSEP_SEC(30));
    world_run_timeouts(w, o.start + CSEP_SEC(100));
    const struct world_event *f = world_event(&w->client, CSEP_NEG_FAILED, 0);
    assert_int_equal(f->status, CSEP_ERR_TIMEOUT);
    assert_int_equal(f->at, o.start + CSEP_SEC(30));
    world_free(w);
}

//= NEG-61 type=test
static void test_silent_client(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    o.client.keep_open = true;
    struct world *w = world_new(&o);
    world_run_timeouts(w, o.start + CSEP_SEC(100));
    const struct world_event *f = world_event(&w->server, CSEP_NEG_FAILED, 0);
    assert_int_equal(f->status, CSEP_ERR_TIMEOUT);
    assert_int_equal(f->at, o.start + 3 * CSEP_MS(25) + CSEP_SEC(15)); /* after its Finished */
    world_free(w);
}

/* One byte a second keeps a connection from being idle, not from being old. */
//= NEG-61 type=test
static void test_dripping_client(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    struct world *w = world_new(&o);
    uint8_t hello[64];
    size_t n = csep_negotiate_output(w->client.n, hello, sizeof hello, w->now);
    w->client.open = false;
    for (unsigned i = 0; i < 36 && i < n; i++) {
        pipe_send(&w->up, hello + i, 1, w->now);
        world_run_timeouts(w, w->now + CSEP_SEC(1));
    }
    const struct world_event *f = world_event(&w->server, CSEP_NEG_FAILED, 0);
    assert_non_null(f);
    assert_int_equal(f->status, CSEP_ERR_TIMEOUT);
    assert_int_equal(f->at, o.start + CSEP_SEC(30));
    world_free(w);
}

/* A client whose time is up has its grant all the same, and leaves in good order. */
//= NEG-60 type=test
static void test_time_up_with_a_grant(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    o.client.keep_open = true;
    o.server.idle_limit = o.server.time_limit = CSEP_SEC(300);
    struct world *w = world_new(&o);
    world_run_timeouts(w, o.start + CSEP_SEC(100));
    assert_int_equal(world_count(&w->client, CSEP_NEG_FAILED), 0);
    assert_int_equal(world_event(&w->client, CSEP_NEG_CLOSED, 0)->at, o.start + CSEP_SEC(30) + CSEP_MS(50));
    assert_int_equal(world_count(&w->server, CSEP_NEG_CLOSED), 1);
    world_free(w);
    w = world_new(&o); /* and does not wait for ever for an answer to that */
    w->down.cut_at = SIZE_MAX;
    world_run_timeouts(w, o.start + CSEP_SEC(10));
    w->up.ended = true;
    world_run_timeouts(w, o.start + CSEP_SEC(100));
    assert_int_equal(world_event(&w->client, CSEP_NEG_CLOSED, 0)->at, o.start + CSEP_SEC(35));
    world_free(w);
}

/* A clock that jumps, as after suspend, ends a conversation once; one that a host turns back changes nothing.
 */
static void test_clock_jumps(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    struct world *w = world_new(&o);
    csep_negotiate_expire(w->client.n, 0);
    assert_string_equal(csep_negotiate_state(w->client.n), "START");
    csep_negotiate_expire(w->client.n, o.start + CSEP_SEC(1000000));
    csep_negotiate_expire(w->client.n, o.start + CSEP_SEC(2000000));
    assert_string_equal(csep_negotiate_state(w->client.n), "FAILED");
    assert_int_equal(csep_negotiate_deadline(w->client.n), CSEP_NEVER);
    world_free(w);
}

/* ---- Memory ---- */

static void starve(struct world_options o)
{
    uint64_t failed = 0;
    for (uint64_t at = 1; at < 200; at++) {
        struct world *w = world_new(&o);
        w->alloc.fail_from = w->alloc.gets + at;
        world_run_timeouts(w, o.start + CSEP_SEC(100));
        bool all = w->alloc.gets < w->alloc.fail_from;
        check_ended(w);
        failed += !all;
        w->alloc.fail_from = 0;
        world_free(w); /* and nothing leaked */
        if (all)
            break;
    }
    assert_in_range(failed, 4, 198);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    starve(o);
    o.grantor.mode = CSEP_GRANTOR_STATELESS;
    o.client_key = o.server.client_identity = true;
    starve(o);
}

/* What a conversation holds at its widest: far from what a peer could announce. */
static void test_memory_of_a_conversation(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    o.grantor.mode = CSEP_GRANTOR_STATELESS;
    o.grantor.strike_entries = 16;
    struct world *w = world_new(&o);
    size_t before = w->alloc.live;
    world_run(w, CSEP_NEVER);
    assert_true(w->alloc.peak - before < 65536);
    assert_int_equal(w->alloc.live, before);
    assert_true(csep_negotiate_size() < 4096);
    world_free(w);
}

/* Whole conversations with one stateless server leave nothing behind (10^5 grants: test_grantor.c). */
static void test_many_conversations(void **state)
{
    (void)state;
    struct test_alloc alloc;
    struct test_random random;
    struct world_options o = world_options_default();
    o.grantor.mode = CSEP_GRANTOR_STATELESS;
    o.grantor.strike_entries = 1024;
    o.grantor.alloc = test_alloc(&alloc);
    o.grantor.random = test_random(&random, 7);
    o.shared_grantor = malloc(csep_grantor_size());
    assert_non_null(o.shared_grantor);
    assert_ok(csep_grantor_init(o.shared_grantor, &o.grantor, o.start));
    size_t held = alloc.live;
    for (unsigned i = 0; i < 10000; i++) {
        o.seed = i;
        o.start += CSEP_MS(10);
        struct world *w = world_new(&o);
        world_run(w, CSEP_NEVER);
        assert_true(whole(w));
        assert_int_equal(w->alloc.live, 0);
        world_free(w);
    }
    assert_int_equal(alloc.live, held);
    assert_int_equal(alloc.peak, held);
    csep_grantor_wipe(o.shared_grantor);
    free(o.shared_grantor);
    test_alloc_done(&alloc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_cut_at_every_byte_of_tls),
        cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_every_bit_of_tls),
        cmocka_unit_test(test_server_that_says_nothing),
        cmocka_unit_test(test_silent_client),
        cmocka_unit_test(test_dripping_client),
        cmocka_unit_test(test_time_up_with_a_grant),
        cmocka_unit_test(test_clock_jumps),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_memory_of_a_conversation),
        cmocka_unit_test(test_many_conversations),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
