/* SPDX-License-Identifier: BSD-2-Clause */
/* Negotiations over resumed TLS: what the first proof of identity still limits. */
#include "world.h"

#define HOUR CSEP_SEC(3600)
#define WEEK 604800u

/* One negotiation over real TLS that begins at `at`: whether it was resumed, and what was granted. */
struct outcome {
    bool resumed;
    uint32_t lifetime; /* 0: refused */
    struct csep_identity client;
};

static struct outcome negotiate_at(struct end_store *store, bool client_key, csep_time at)
{
    struct outcome out = {0};
    struct world_options o = world_options_default();
    o.real_tls = true;
    o.client_key = o.server.client_identity = client_key;
    o.store = store;
    o.start = at;
    o.grantor.menu.lifetime = WEEK;
    o.grantor.key_rotation = CSEP_SEC(WEEK);
    struct world *w = world_new(&o);
    world_run(w, CSEP_NEVER);
    const struct world_event *g = world_event(&w->client, CSEP_NEG_GRANTED, 0);
    out.resumed = end_resumed(w->server.tls);
    out.lifetime = g ? g->grant.lifetime : 0;
    w->server.secure->ops->peer_identity(w->server.secure, &out.client);
    world_free(w);
    return out;
}

/* Seconds that have begun since then: the server rounds the age up. */
static uint32_t begun(csep_time since, csep_time now)
{
    return (uint32_t)((now - since + CSEP_SEC(1) - 1) / CSEP_SEC(1));
}

/*
 * A full handshake, then one resumption after the other: whatever they are, the grants all end with the week
 * that began with the signature. Then a full handshake starts another week.
 */
//= NEG-19, CTX-17 type=test
static void test_week_of_the_full_handshake(void **state)
{
    (void)state;
    for (unsigned client_key = 0; client_key < 2; client_key++) {
        struct end_store store = {0};
        const csep_time first = CSEP_SEC(50000), seen = first + CSEP_MS(25); /* ClientHello at the server */
        csep_time at = first;
        unsigned rounds = 0;
        struct outcome o = negotiate_at(&store, client_key, at);
        assert_false(o.resumed);
        assert_int_equal(o.lifetime, WEEK);
        for (; at + 23 * HOUR < first + CSEP_SEC(WEEK); rounds++) {
            at += 23 * HOUR;
            o = negotiate_at(&store, client_key, at);
            assert_true(o.resumed);
            assert_int_equal(o.client.present, client_key);
            /* with a bound context GRANT leaves at once, too */
            assert_int_equal(o.lifetime, WEEK - begun(seen, at + CSEP_MS(25)));
        }
        assert_int_equal(rounds, 7);
        at = first + CSEP_SEC(WEEK);
        o = negotiate_at(&store, client_key, at);
        assert_false(o.resumed);
        assert_int_equal(o.lifetime, WEEK);
        end_store_free(&store);
    }
}

/* A REQUEST gets no more than the grant that came unasked. */
static void test_requests_on_a_resumed_connection(void **state)
{
    (void)state;
    struct end_store store = {0};
    const csep_time first = CSEP_SEC(50000);
    (void)negotiate_at(&store, false, first);
    struct world_options o = world_options_default();
    o.real_tls = true;
    o.store = &store;
    o.start = first + 20 * HOUR;
    o.grantor.menu.lifetime = WEEK;
    o.grantor.key_rotation = CSEP_SEC(WEEK);
    struct world *w = world_new(&o);
    struct csep_grant_request req = {.lifetime = WEEK};
    assert_ok(csep_negotiate_request(w->client.n, &req, 7, w->now));
    world_run(w, CSEP_NEVER);
    assert_true(end_resumed(w->client.tls));
    const struct world_event *g = world_event(&w->client, CSEP_NEG_GRANTED, 1);
    assert_non_null(g);
    assert_int_equal(g->request_id, 7);
    assert_true(g->grant.lifetime < WEEK - 20 * 3600);
    assert_true(g->grant.lifetime > WEEK - 20 * 3600 - 3);
    world_free(w);
    end_store_free(&store);
}

/*
 * A server that takes nobody unknown, whose contexts are not bound to the client: no grant leaves before the
 * client has shown its key, as it could be used without ever doing so. Nor is one lost by being resumed,
 * where the PSK has proved it.
 */
//= SEC-17 type=test
static void test_required_client_comes_first(void **state)
{
    (void)state;
    for (unsigned has_key = 0; has_key < 2; has_key++) {
        struct end_store store = {0};
        struct world_options o = world_options_default();
        o.real_tls = o.need_client_key = true;
        o.client_key = has_key;
        o.store = &store;
        for (unsigned round = 0; round < 1 + has_key; round++) {
            struct world *w = world_new(&o);
            world_run(w, CSEP_NEVER);
            assert_int_equal(csep_grantor_contexts(w->grantor), has_key);
            const struct world_event *g = world_event(&w->client, CSEP_NEG_GRANTED, 0);
            assert_int_equal(g != NULL, has_key);
            if (g)
                assert_int_equal(g->at - w->o.start, CSEP_MS(50) * (2 - round));
            else
                assert_status(world_event(&w->server, CSEP_NEG_FAILED, 0)->status,
                              CSEP_ERR_TLS_CERTIFICATE_REQUIRED);
            world_free(w);
            o.start += HOUR;
        }
        end_store_free(&store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_week_of_the_full_handshake),
        cmocka_unit_test(test_requests_on_a_resumed_connection),
        cmocka_unit_test(test_required_client_comes_first),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
