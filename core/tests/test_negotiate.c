/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole negotiations, over a transparent secure stream and over the built-in TLS engine. */
#include "world.h"

#define R CSEP_MS(50) /* twice the default delay */

/* 2R is one R of TCP's own handshake, which is not played here, and one R of this. */
static void check_grant(struct world *w)
{
    const struct world_event *g = world_event(&w->client, CSEP_NEG_GRANTED, 0);
    assert_non_null(g);
    assert_int_equal(g->at, w->o.start + R);
    assert_int_equal(g->num_tickets, 8);
    assert_int_equal(g->grant.lifetime, 86400);
    assert_int_equal(g->grant.num_transports, 2);
    assert_int_equal(g->rtt, R);
    assert_true(g->peer.present);
    const struct test_keylog_line *c = test_keylog_find(&w->keylog[0], "CSEP_CONTEXT", 0),
                                  *s = test_keylog_find(&w->keylog[1], "CSEP_CONTEXT", 0);
    assert_non_null(c);
    assert_non_null(s);
    assert_memory_equal(c->secret, g->secret, 32); //= KEY-1 type=test
    assert_memory_equal(s->secret, g->secret, 32);
    assert_memory_equal(c->client_random, s->client_random, 32);
}

/* The ticket opens at the server, to the same slot secret that the client derives. */
static void check_slot(struct world *w)
{
    const struct world_event *g = world_event(&w->client, CSEP_NEG_GRANTED, 0);
    struct csep_slot_source slots = csep_grantor_slots(w->grantor);
    struct csep_store_config sc = {.random = w->o.client.random, .alloc = w->o.client.alloc};
    struct csep_store *store = malloc(csep_store_size());
    struct csep_store_key key = {.service = "host:1", .group = ""};
    struct csep_slot mine, theirs;
    assert_non_null(store);
    assert_ok(csep_store_init(store, &sc));
    struct csep_context *c = csep_store_get(store, &key, w->now);
    assert_non_null(c);
    assert_ok(
        csep_context_install(store, c, &g->grant, g->secret, g->tickets, g->num_tickets, g->rtt, g->at));
    assert_ok(csep_context_take(store, c, CSEP_TRANSPORT_UDP, CSEP_SERVICE_DATAGRAM, w->now, &mine));
    assert_int_equal(
        slots.open(slots.self, mine.ticket, mine.ticket_len, CSEP_TRANSPORT_UDP, w->now, &theirs),
        CSEP_SLOT_OK);
    assert_memory_equal(mine.secret, theirs.secret, 32);
    assert_memory_equal(mine.handle, theirs.handle, sizeof mine.handle);
    assert_int_equal(slots.spend(slots.self, &theirs, w->now), CSEP_SLOT_OK);
    assert_int_equal(slots.spend(slots.self, &theirs, w->now), CSEP_SLOT_REFUSED);
    csep_store_wipe(store);
    free(store);
}

static void check_end(struct world *w)
{
    assert_string_equal(csep_negotiate_state(w->client.n), "DONE");
    assert_string_equal(csep_negotiate_state(w->server.n), "DONE");
    assert_int_equal(world_count(&w->client, CSEP_NEG_CLOSED), 1);
    assert_int_equal(world_count(&w->server, CSEP_NEG_CLOSED), 1);
    /* close_notify leaves in the flight that answers the grant: the client sends two flights in all */
    assert_int_equal(world_event(&w->server, CSEP_NEG_CLOSED, 0)->at,
                     w->o.start + R + R / 2); //= NEG-55 type=test
    assert_int_equal(w->client.flights, 2);
}

static void run_case(bool real, enum csep_grantor_mode mode, size_t piece_max)
{
    struct world_options o = world_options_default();
    o.real_tls = real;
    o.grantor.mode = mode;
    o.piece_max = piece_max;
    struct world *w = world_new(&o);
    world_run(w, CSEP_NEVER);
    check_grant(w);
    check_slot(w);
    check_end(w);
    world_free(w);
}

/* Two secure streams, one negotiation. //= API-9 type=test */
static void test_fake_stateful(void **state)
{
    (void)state;
    run_case(false, CSEP_GRANTOR_STATEFUL, 0);
}

static void test_fake_stateless(void **state)
{
    (void)state;
    run_case(false, CSEP_GRANTOR_STATELESS, 0);
}

static void test_tls_stateful(void **state)
{
    (void)state;
    run_case(true, CSEP_GRANTOR_STATEFUL, 0);
}

static void test_tls_stateless(void **state)
{
    (void)state;
    run_case(true, CSEP_GRANTOR_STATELESS, 0);
}

static void test_every_fragmentation(void **state)
{
    (void)state;
    for (size_t n = 1; n < 200; n += n < 20 ? 1 : 13) {
        run_case(false, CSEP_GRANTOR_STATEFUL, n);
        run_case(true, CSEP_GRANTOR_STATELESS, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fake_stateful),       cmocka_unit_test(test_fake_stateless),
        cmocka_unit_test(test_tls_stateful),        cmocka_unit_test(test_tls_stateless),
        cmocka_unit_test(test_every_fragmentation),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
