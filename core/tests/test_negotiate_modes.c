/* SPDX-License-Identifier: BSD-2-Clause */
/* Ways to negotiate, each a whole conversation: when the context is there, and what both ends make of it. */
#include "world.h"

#define R CSEP_MS(50)

static csep_time granted_after(const struct world *w, unsigned n)
{
    const struct world_event *g = world_event(&w->client, CSEP_NEG_GRANTED, n);
    assert_non_null(g);
    return g->at - w->o.start;
}

static enum csep_slot_result open_first(struct world *w, const struct world_event *g, struct csep_slot *out)
{
    struct csep_slot_source slots = csep_grantor_slots(w->grantor);
    return slots.open(slots.self, g->tickets[0].b, g->tickets[0].len, CSEP_TRANSPORT_UDP, w->now, out);
}

static void check_both_done(const struct world *w)
{
    assert_string_equal(csep_negotiate_state(w->client.n), "DONE");
    assert_string_equal(csep_negotiate_state(w->server.n), "DONE");
}

/* ---- When the grant comes ---- */

//= NEG-41, NEG-42 type=test
static void test_half_rtt_grant(void **state)
{
    (void)state;
    for (unsigned real = 0; real < 2; real++) {
        struct world_options o = world_options_default();
        o.real_tls = real;
        struct world *w = world_new(&o);
        world_run(w, o.start + R / 2); /* ClientHello has just arrived: GRANT leaves, Finished has not come */
        assert_string_equal(csep_negotiate_state(w->server.n), "GRANTING");
        assert_int_equal(test_trace_count(&w->trace, CSEP_TRACE_NEG_GRANT), 1);
        world_run(w, CSEP_NEVER);
        assert_int_equal(granted_after(w, 0), R);
        check_both_done(w);
        world_free(w);
    }
}

static void check_late(struct world_options *o)
{
    struct world *w = world_new(o);
    world_run(w, CSEP_NEVER);
    assert_int_equal(granted_after(w, 0), 2 * R);
    check_both_done(w);
    world_free(w);
}

//= NEG-41, SEC-17 type=test
static void test_late_grants(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    o.late_write = true; /* a TLS stack without 0.5-RTT data */
    check_late(&o);
    o = world_options_default();
    o.server.wait_finished = true;
    check_late(&o);
    o.real_tls = true;
    check_late(&o);
}

/* Asked for, as NTS-KE does it: one round trip more, whether or not the server also speaks first. */
static void test_literal_request(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct world_options o = world_options_default();
        o.real_tls = i & 1;
        o.client.literal_request = true;
        o.server.literal_request = i & 2;
        struct world *w = world_new(&o);
        world_run(w, CSEP_NEVER);
        assert_int_equal(granted_after(w, 0), 2 * R);
        assert_int_equal(world_count(&w->client, CSEP_NEG_GRANTED), 1);
        assert_int_equal(world_event(&w->client, CSEP_NEG_GRANTED, 0)->request_id, 1);
        check_both_done(w);
        world_free(w);
    }
}

/* ---- Requests ---- */

//= NEG-45, NEG-46 type=test
static void test_pipelined_requests(void **state)
{
    (void)state;
    for (unsigned real = 0; real < 2; real++) {
        struct world_options o = world_options_default();
        o.real_tls = real;
        struct world *w = world_new(&o);
        for (uint32_t i = 1; i <= 8; i++) {
            struct csep_grant_request req = {.lifetime = 1000 * i, .tickets = (uint8_t)(1 + i)};
            assert_ok(csep_negotiate_request(w->client.n, &req, 10 * i, w->now));
        }
        assert_status(csep_negotiate_request(w->client.n, &(struct csep_grant_request){0}, 99, w->now),
                      CSEP_ERR_LIMIT);
        world_run(w, CSEP_NEVER);
        assert_int_equal(world_count(&w->client, CSEP_NEG_GRANTED), 9);
        assert_int_equal(granted_after(w, 0), R);
        for (uint32_t i = 1; i <= 8; i++) {
            const struct world_event *g = world_event(&w->client, CSEP_NEG_GRANTED, i);
            struct csep_slot s;
            assert_int_equal(g->request_id, 10 * i);
            assert_int_equal(g->grant.lifetime, 1000 * i); //= NEG-49 type=test
            assert_int_equal(g->num_tickets, 1 + i);
            assert_int_equal(granted_after(w, i), 2 * R);
            assert_int_equal(open_first(w, g, &s), CSEP_SLOT_OK);
            /* one exporter, nine grants, nine secrets */
            for (uint32_t k = 0; k < i; k++)
                assert_memory_not_equal(g->secret, world_event(&w->client, CSEP_NEG_GRANTED, k)->secret, 32);
        }
        check_both_done(w);
        world_free(w);
    }
}

static void test_request_rules(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    struct world *w = world_new(&o);
    struct csep_grant_request req = {0};
    assert_status(csep_negotiate_request(w->client.n, &req, 0, w->now), CSEP_ERR_VALUE);
    assert_ok(csep_negotiate_request(w->client.n, &req, 1, w->now));
    assert_status(csep_negotiate_request(w->client.n, &req, 1, w->now), CSEP_ERR_VALUE);
    req.tickets = 33;
    assert_status(csep_negotiate_request(w->client.n, &req, 2, w->now), CSEP_ERR_VALUE);
    req = (struct csep_grant_request){.lifetime = 604801};
    assert_status(csep_negotiate_request(w->client.n, &req, 2, w->now), CSEP_ERR_VALUE);
    assert_status(csep_negotiate_request(w->server.n, &req, 2, w->now), CSEP_ERR_CLOSED);
    world_run(w, CSEP_NEVER);
    assert_status(csep_negotiate_request(w->client.n, &req, 3, w->now), CSEP_ERR_CLOSED);
    world_free(w);
}

static struct world *with_first_grant(const struct world_options *o)
{
    struct world *w = world_new(o);
    world_run(w, CSEP_NEVER);
    assert_int_equal(world_count(&w->client, CSEP_NEG_GRANTED), 1);
    return w;
}

//= NEG-47 type=test
static void play_tickets_alone(const struct world_options *o, bool close_first)
{
    struct world *w = with_first_grant(o);
    const struct world_event *g = world_event(&w->client, CSEP_NEG_GRANTED, 0);
    struct csep_grant_request req = {.have_handle = true, .tickets = 5};
    struct csep_slot_source slots = csep_grantor_slots(w->grantor);
    struct csep_slot first, later;
    memcpy(req.handle, g->handle, sizeof req.handle);
    assert_ok(csep_negotiate_request(w->client.n, &req, 7, w->now));
    if (close_first) /* what was asked before is not waited for */
        csep_negotiate_close(w->client.n, w->now);
    world_run(w, CSEP_NEVER);
    const struct world_event *t = world_event(&w->client, CSEP_NEG_TICKETS, 0);
    assert_int_equal(t != NULL, !close_first);
    if (t) {
        assert_int_equal(t->request_id, 7);
        assert_int_equal(t->num_tickets, 5);
        assert_memory_equal(t->handle, req.handle, sizeof req.handle);
        assert_int_equal(world_count(&w->client, CSEP_NEG_GRANTED), 1);
        assert_int_equal(open_first(w, g, &first), CSEP_SLOT_OK);
        assert_int_equal(slots.open(slots.self, t->tickets[4].b, t->tickets[4].len, 1, w->now, &later),
                         CSEP_SLOT_OK);
        assert_memory_equal(first.handle, later.handle, sizeof first.handle);
        assert_int_equal(first.expires, later.expires);
    }
    csep_negotiate_close(w->client.n, w->now);
    world_run(w, CSEP_NEVER);
    check_both_done(w);
    world_free(w);
}

static void test_tickets_alone(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct world_options o = world_options_default();
        o.client.keep_open = true;
        o.grantor.mode = i & 1 ? CSEP_GRANTOR_STATELESS : CSEP_GRANTOR_STATEFUL;
        o.client_key = o.server.client_identity = i & 2;
        play_tickets_alone(&o, i & 4);
    }
}

/* More tickets on a connection of their own, for a context that an earlier one granted. */
//= NEG-47 type=test
static void test_tickets_on_a_later_connection(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    struct world *first = with_first_grant(&o);
    struct csep_grant_request req = {.have_handle = true, .tickets = 3};
    memcpy(req.handle, world_event(&first->client, CSEP_NEG_GRANTED, 0)->handle, sizeof req.handle);
    o.shared_grantor = first->grantor;
    o.seed = 2;
    struct world *w = world_new(&o);
    assert_ok(csep_negotiate_request(w->client.n, &req, 7, w->now));
    world_run(w, CSEP_NEVER);
    assert_int_equal(world_event(&w->client, CSEP_NEG_TICKETS, 0)->num_tickets, 3);
    assert_memory_equal(world_event(&w->client, CSEP_NEG_TICKETS, 0)->handle, req.handle, sizeof req.handle);
    check_both_done(w);
    world_free(w);
    world_free(first);
}

static void test_unsound_configurations(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    struct world *w = world_new(&o);
    struct csep_negotiate *n = malloc(csep_negotiate_size());
    assert_non_null(n);
    for (unsigned i = 0; i < 3; i++) {
        struct csep_negotiate_config c = w->o.client;
        c.time_limit = i == 0 ? 0 : c.time_limit;
        c.random.fill = i == 1 ? NULL : c.random.fill;
        c.alloc.get = i == 2 ? NULL : c.alloc.get;
        assert_status(csep_negotiate_client(n, &c, w->client.secure, 0), CSEP_ERR_VALUE);
    }
    free(n);
    world_free(w);
}

/* A server that is shut down says goodbye; clients have what they have. */
static void test_server_closes(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    o.client.keep_open = true;
    struct world *w = with_first_grant(&o);
    csep_negotiate_close(w->server.n, w->now);
    world_run(w, CSEP_NEVER);
    check_both_done(w);
    assert_int_equal(world_count(&w->client, CSEP_NEG_FAILED), 0);
    world_free(w);
}

//= NEG-48 type=test
static void test_replacing_grant(void **state)
{
    (void)state;
    for (enum csep_grantor_mode mode = CSEP_GRANTOR_STATEFUL; mode <= CSEP_GRANTOR_STATELESS; mode++) {
        struct world_options o = world_options_default();
        o.client.keep_open = true;
        o.grantor.mode = mode;
        struct world *w = with_first_grant(&o);
        struct csep_grant_request req = {.have_handle = true, .lifetime = 500};
        memcpy(req.handle, world_event(&w->client, CSEP_NEG_GRANTED, 0)->handle, sizeof req.handle);
        assert_ok(csep_negotiate_request(w->client.n, &req, 7, w->now));
        world_run(w, CSEP_NEVER);
        const struct world_event *g = world_event(&w->client, CSEP_NEG_GRANTED, 1);
        assert_non_null(g);
        assert_int_equal(g->grant.lifetime, 500);
        assert_memory_not_equal(g->handle, req.handle, sizeof req.handle);
        world_free(w);
    }
}

/* Unknown, or of an earlier connection of a stateless server, which knows its own handles but not what they
 * were. */
//= NEG-73 type=test
static void test_unknown_handle(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct world_options o = world_options_default();
        o.grantor.mode = i & 1 ? CSEP_GRANTOR_STATELESS : CSEP_GRANTOR_STATEFUL;
        struct world *w = world_new(&o);
        struct csep_grant_request req = {.have_handle = true, .lifetime = i & 2 ? 100 : 0};
        struct csep_grant other;
        assert_ok(csep_grantor_begin(w->grantor, NULL, NULL, 0, w->now, &other));
        memcpy(req.handle, other.handle, sizeof req.handle);
        assert_ok(csep_negotiate_request(w->client.n, &req, 7, w->now));
        world_run(w, CSEP_NEVER);
        assert_int_equal(world_count(&w->client, CSEP_NEG_GRANTED), 1);
        assert_int_equal(world_event(&w->client, CSEP_NEG_FAILED, 0)->code,
                         csep_status_wire(CSEP_ERR_REFUSED));
        assert_int_equal(world_event(&w->server, CSEP_NEG_FAILED, 0)->status, CSEP_ERR_REFUSED);
        world_free(w);
    }
}

/* ---- Revocation ---- */

//= NEG-52 type=test
static void test_client_revokes(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    o.client.keep_open = true;
    struct world *w = with_first_grant(&o);
    const struct world_event *g = world_event(&w->client, CSEP_NEG_GRANTED, 0);
    struct csep_slot s;
    assert_int_equal(open_first(w, g, &s), CSEP_SLOT_OK);
    assert_ok(csep_negotiate_revoke(w->client.n, g->handle, w->now));
    csep_negotiate_close(w->client.n, w->now);
    world_run(w, CSEP_NEVER);
    assert_int_equal(world_count(&w->server, CSEP_NEG_REVOKED), 1);
    assert_memory_equal(world_event(&w->server, CSEP_NEG_REVOKED, 0)->handle, g->handle, sizeof g->handle);
    assert_int_equal(open_first(w, g, &s), CSEP_SLOT_REFUSED);
    check_both_done(w);
    assert_status(csep_negotiate_revoke(w->client.n, g->handle, w->now), CSEP_ERR_CLOSED);
    world_free(w);
}

//= NEG-52 type=test
static void test_server_revokes(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    o.client.keep_open = true;
    struct world *w = with_first_grant(&o);
    const struct world_event *g = world_event(&w->client, CSEP_NEG_GRANTED, 0);
    struct csep_slot s;
    assert_ok(csep_negotiate_revoke(w->server.n, g->handle, w->now));
    assert_int_equal(open_first(w, g, &s), CSEP_SLOT_REFUSED);
    world_run(w, CSEP_NEVER);
    assert_int_equal(world_count(&w->client, CSEP_NEG_REVOKED), 1);
    assert_int_equal(world_event(&w->client, CSEP_NEG_REVOKED, 0)->code, 0x11);
    world_free(w);
}

/* ---- The client's identity ---- */

static struct world_options with_identity(enum csep_grantor_mode mode, bool real)
{
    struct world_options o = world_options_default();
    o.grantor.mode = mode;
    o.real_tls = real;
    o.client_key = true;
    o.server.client_identity = true;
    return o;
}

//= NEG-64 type=test
static void test_pending_until_finished(void **state)
{
    (void)state;
    for (unsigned real = 0; real < 2; real++) {
        struct world_options o = with_identity(CSEP_GRANTOR_STATEFUL, real);
        struct world *w = world_new(&o);
        struct csep_slot s;
        world_run(w, o.start + R);
        const struct world_event *g = world_event(&w->client, CSEP_NEG_GRANTED, 0);
        assert_non_null(g);
        assert_int_equal(g->grant.client_identity, 1);
        assert_int_equal(open_first(w, g, &s), CSEP_SLOT_PENDING); /* data overtook the Finished */
        world_run(w, CSEP_NEVER);
        assert_int_equal(world_event(&w->server, CSEP_NEG_ACTIVE, 0)->at, o.start + R + R / 2);
        assert_int_equal(open_first(w, g, &s), CSEP_SLOT_OK);
        assert_true(s.peer_known);
        assert_memory_equal(s.peer_spki_sha256, world_event(&w->server, CSEP_NEG_ACTIVE, 0)->peer.spki_sha256,
                            32);
        check_both_done(w);
        world_free(w);
    }
}

//= NEG-67 type=test
static void test_stateless_tickets_after_finished(void **state)
{
    (void)state;
    for (unsigned real = 0; real < 2; real++) {
        struct world_options o = with_identity(CSEP_GRANTOR_STATELESS, real);
        struct world *w = world_new(&o);
        struct csep_slot s;
        world_run(w, CSEP_NEVER);
        assert_int_equal(granted_after(w, 0), 2 * R);
        assert_int_equal(open_first(w, world_event(&w->client, CSEP_NEG_GRANTED, 0), &s), CSEP_SLOT_OK);
        assert_true(s.peer_known);
        check_both_done(w);
        world_free(w);
    }
}

//= NEG-66 type=test
static void test_pending_discarded(void **state)
{
    (void)state;
    for (enum csep_grantor_mode mode = CSEP_GRANTOR_STATEFUL; mode <= CSEP_GRANTOR_STATELESS; mode++) {
        struct world_options o = with_identity(mode, false);
        o.cut_client_at = 38 + 10; /* in the middle of the Finished */
        struct world *w = world_new(&o);
        world_run(w, o.start + R);
        assert_int_equal(csep_grantor_contexts(w->grantor), mode == CSEP_GRANTOR_STATEFUL);
        world_run(w, CSEP_NEVER);
        assert_int_equal(csep_grantor_contexts(w->grantor), 0);
        assert_string_equal(csep_negotiate_state(w->server.n), "FAILED");
        world_free(w);
    }
}

/* A client that was asked and has nothing to show. */
static void test_no_identity(void **state)
{
    (void)state;
    for (enum csep_grantor_mode mode = CSEP_GRANTOR_STATEFUL; mode <= CSEP_GRANTOR_STATELESS; mode++) {
        struct world_options o = world_options_default();
        o.grantor.mode = mode;
        o.server.client_identity = true;
        o.client.keep_open = true;
        struct world *w = world_new(&o);
        world_run(w, CSEP_NEVER);
        assert_int_equal(world_event(&w->server, CSEP_NEG_FAILED, 0)->status, CSEP_ERR_IDENTITY);
        assert_int_equal(world_event(&w->client, CSEP_NEG_FAILED, 0)->status, CSEP_ERR_REFUSED);
        assert_int_equal(world_event(&w->client, CSEP_NEG_FAILED, 0)->code,
                         csep_status_wire(CSEP_ERR_IDENTITY));
        assert_int_equal(csep_grantor_contexts(w->grantor), 0);
        world_free(w);
    }
}

/* ---- Shared mode ---- */

static size_t leftovers(struct world_end *e, uint8_t *out, size_t cap)
{
    size_t n = 0, got;
    while ((got = csep_negotiate_leftover(e->n, out + n, cap - n < 7 ? cap - n : 7)) > 0)
        n += got;
    return n;
}

/* The client sends OPEN right behind close_notify, the server ACCEPT right behind its own. */
//= NEG-57, NEG-58, NEG-74 type=test
static void play_shared(bool real, size_t piece_max)
{
    struct world_options o = world_options_default();
    o.real_tls = real;
    o.piece_max = piece_max;
    o.client.share = true;
    struct world *w = world_new(&o);
    static const uint8_t open[] = "OPEN and early data", accept[] = "ACCEPT and data";
    uint8_t got[64];
    world_run(w, o.start + R);
    assert_int_equal(world_event(&w->client, CSEP_NEG_SHARED, 0)->at, o.start + R);
    assert_int_equal(world_count(&w->client, CSEP_NEG_CLOSED), 0);
    pipe_send(&w->up, open, sizeof open, w->now); /* output was drained */
    world_run(w, o.start + R + R / 2);
    assert_int_equal(world_count(&w->server, CSEP_NEG_SHARED), 1);
    assert_int_equal(world_count(&w->server, CSEP_NEG_CLOSED), 0); /* TCP stays open */
    assert_int_equal(leftovers(&w->server, got, sizeof got), sizeof open);
    assert_memory_equal(got, open, sizeof open);
    pipe_send(&w->down, accept, sizeof accept, w->now);
    world_run(w, CSEP_NEVER);
    assert_int_equal(world_event(&w->client, CSEP_NEG_CLOSED, 0)->at, o.start + 2 * R);
    assert_int_equal(leftovers(&w->client, got, sizeof got), sizeof accept);
    assert_memory_equal(got, accept, sizeof accept);
    check_both_done(w);
    world_free(w);
}

static void test_shared(void **state)
{
    (void)state;
    for (unsigned real = 0; real < 2; real++)
        for (size_t n = 0; n < 60; n += n < 8 ? 1 : 11)
            play_shared(real, n);
}

static void test_share_only_where_offered(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    o.client.share = true;
    o.grantor.menu.transports[1].flags = 0;
    struct world *w = world_new(&o);
    world_run(w, CSEP_NEVER);
    assert_int_equal(world_count(&w->client, CSEP_NEG_SHARED), 0);
    assert_int_equal(world_count(&w->client, CSEP_NEG_CLOSED), 1);
    check_both_done(w);
    world_free(w);
}

static void test_leftover_is_bounded(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    o.client.share = true;
    struct world *w = world_new(&o);
    uint8_t flood[1024] = {0};
    world_run(w, CSEP_NEVER);
    size_t before = w->alloc.live;
    for (unsigned i = 0; i < 16; i++)
        assert_ok(csep_negotiate_input(w->server.n, flood, sizeof flood, w->now));
    assert_status(csep_negotiate_input(w->server.n, flood, 1, w->now), CSEP_ERR_LIMIT);
    assert_int_equal(w->alloc.live - before, 16384);
    world_free(w);
}

/* But what came with close_notify in one read is taken, however much: the host has it in memory anyway. */
//= NEG-74 type=test
static void test_leftover_of_one_read(void **state)
{
    (void)state;
    static uint8_t wire[65536], got[65536];
    struct world_options o = world_options_default();
    o.client.share = true;
    struct world *w = world_new(&o);
    /* the server's close_notify is on its way, and the acceptor's answer right behind it */
    world_run(w, o.start + CSEP_MS(75));
    struct pipe_piece p;
    size_t n = 0;
    while (pipe_take(&w->down, CSEP_NEVER - 1, &p)) {
        memcpy(wire + n, p.b, p.len);
        n += p.len;
        free(p.b);
    }
    assert_true(n > 0);
    memset(wire + n, 0x5a, 40000);
    assert_ok(csep_negotiate_input(w->client.n, wire, n + 40000, w->now));
    assert_int_equal(leftovers(&w->client, got, sizeof got), 40000);
    assert_int_equal(got[0], 0x5a);
    assert_int_equal(got[39999], 0x5a);
    world_free(w);
}

/* Without CONTINUE, bytes behind close_notify are nobody's. */
static void test_no_leftover_without_continue(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    struct world *w = world_new(&o);
    uint8_t got[64];
    world_run(w, o.start + R);
    pipe_send(&w->up, (const uint8_t *)"junk", 4, w->now);
    world_run(w, CSEP_NEVER);
    assert_int_equal(leftovers(&w->server, got, sizeof got), 0);
    check_both_done(w);
    world_free(w);
}

/* ---- Resumption ---- */

//= CTX-17, NEG-19 type=test
static void test_age_of_authentication(void **state)
{
    (void)state;
    struct world_options o = world_options_default();
    struct world *w = world_new(&o);
    w->server.fake->auth_age = CSEP_SEC(604800 - 1000);
    world_run(w, CSEP_NEVER);
    assert_int_equal(world_event(&w->client, CSEP_NEG_GRANTED, 0)->grant.lifetime, 1000);
    world_free(w);
    w = world_new(&o);
    w->server.fake->auth_age = CSEP_SEC(604800);
    world_run(w, CSEP_NEVER);
    assert_int_equal(world_event(&w->server, CSEP_NEG_FAILED, 0)->status, CSEP_ERR_REFUSED);
    assert_int_equal(world_event(&w->client, CSEP_NEG_FAILED, 0)->code, csep_status_wire(CSEP_ERR_REFUSED));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_rtt_grant),
        cmocka_unit_test(test_late_grants),
        cmocka_unit_test(test_literal_request),
        cmocka_unit_test(test_pipelined_requests),
        cmocka_unit_test(test_request_rules),
        cmocka_unit_test(test_tickets_alone),
        cmocka_unit_test(test_tickets_on_a_later_connection),
        cmocka_unit_test(test_unsound_configurations),
        cmocka_unit_test(test_server_closes),
        cmocka_unit_test(test_replacing_grant),
        cmocka_unit_test(test_unknown_handle),
        cmocka_unit_test(test_client_revokes),
        cmocka_unit_test(test_server_revokes),
        cmocka_unit_test(test_pending_until_finished),
        cmocka_unit_test(test_stateless_tickets_after_finished),
        cmocka_unit_test(test_pending_discarded),
        cmocka_unit_test(test_no_identity),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_share_only_where_offered),
        cmocka_unit_test(test_leftover_is_bounded),
        cmocka_unit_test(test_leftover_of_one_read),
        cmocka_unit_test(test_no_leftover_without_continue),
        cmocka_unit_test(test_age_of_authentication),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
