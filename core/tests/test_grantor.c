/* SPDX-License-Identifier: BSD-2-Clause */
/* The server's grantor: what it grants, which tickets it opens again, what it remembers and how much memory
 * that takes. */
#include "context/grantor.h"
#include "support.h"

#define T0  CSEP_SEC(5000)
#define DAY CSEP_SEC(86400)

struct bench {
    struct test_alloc alloc;
    struct test_random random;
    struct csep_grantor_config cfg;
    struct csep_grantor g;
    struct csep_slot_source slots;
    struct csep_grant grant;
    struct csep_ticket tickets[32];
    unsigned num;
    uint8_t secret[32];
};

static const struct csep_addr addr = {4, {192, 0, 2, 1}, 1000};

static struct bench *bench_with(struct csep_grantor_config cfg)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    cfg.alloc = test_alloc(&b->alloc);
    cfg.random = test_random(&b->random, 1);
    b->cfg = cfg;
    assert_ok(csep_grantor_init(&b->g, &cfg, T0));
    b->slots = csep_grantor_slots(&b->g);
    memset(b->secret, 0x33, sizeof b->secret);
    return b;
}

static struct bench *bench_new(enum csep_grantor_mode mode)
{
    struct csep_grantor_config cfg = csep_grantor_config_default();
    cfg.mode = mode;
    return bench_with(cfg);
}

static void bench_free(struct bench *b)
{
    csep_grantor_wipe(&b->g);
    test_alloc_done(&b->alloc);
    free(b);
}

static void grant_to(struct bench *b, const struct csep_grant_request *req,
                     const struct csep_identity *client, bool pending, csep_time now)
{
    assert_ok(csep_grantor_begin(&b->g, req, &addr, 0, now, &b->grant));
    b->grant.client_identity = client != NULL || pending;
    assert_ok(
        csep_grantor_finish(&b->g, req, &b->grant, b->secret, client, pending, now, b->tickets, &b->num));
}

static void grant(struct bench *b, csep_time now)
{
    grant_to(b, NULL, NULL, false, now);
}

static enum csep_slot_result open_at(struct bench *b, unsigned ticket, csep_time now, struct csep_slot *out)
{
    return b->slots.open(b->slots.self, b->tickets[ticket].b, b->tickets[ticket].len, CSEP_TRANSPORT_UDP, now,
                         out);
}

static enum csep_slot_result spend_at(struct bench *b, unsigned ticket, csep_time now)
{
    struct csep_slot s;
    enum csep_slot_result r = open_at(b, ticket, now, &s);
    return r == CSEP_SLOT_OK ? b->slots.spend(b->slots.self, &s, now) : r;
}

#define EACH_MODE(m) for (enum csep_grantor_mode m = CSEP_GRANTOR_STATEFUL; m <= CSEP_GRANTOR_STATELESS; m++)

/* ---- Grants ---- */

static void test_defaults(void **state)
{
    (void)state;
    EACH_MODE(mode)
    {
        struct bench *b = bench_new(mode);
        grant(b, T0);
        assert_int_equal(b->num, 8); //= CTX-9 type=test
        assert_int_equal(b->grant.lifetime, 86400);
        assert_int_equal(b->grant.aeads[0], CSEP_AEAD_CHACHA20_POLY1305); //= NEG-38 type=test
        assert_true(csep_grantor_check_address(&b->g, b->grant.token, b->grant.token_len, &addr, T0));
        assert_int_equal(csep_grantor_contexts(&b->g), mode == CSEP_GRANTOR_STATEFUL);
        bench_free(b);
    }
}

//= NEG-38 type=test
static void test_unsound_configurations(void **state)
{
    (void)state;
    struct test_alloc alloc;
    struct test_random random;
    static struct csep_grantor g;
    for (unsigned i = 0; i < 9; i++) {
        struct csep_grantor_config c = csep_grantor_config_default();
        c.alloc = test_alloc(&alloc);
        c.random = test_random(&random, 1);
        switch (i) {
        case 0:
            c.menu.aeads[0] = CSEP_AEAD_AES_256_GCM;
            break;
        case 1:
            c.menu.num_transports = 0;
            break;
        case 2:
            c.menu.lifetime = 0;
            break;
        case 3:
            c.menu.lifetime = 604801;
            break;
        case 4:
            c.menu.refresh = 86401;
            break;
        case 5:
            c.num_tickets = 1;
            break;
        case 6:
            c.num_tickets = 33;
            break;
        case 7:
            c.key_rotation = 0;
            break;
        default:
            c.max_contexts = 0;
        }
        assert_status(csep_grantor_init(&g, &c, T0), CSEP_ERR_VALUE);
    }
}

static uint32_t lifetime_of(struct bench *b, uint32_t asked, csep_time auth_age, csep_status want)
{
    struct csep_grant_request req = {.lifetime = asked};
    assert_status(csep_grantor_begin(&b->g, &req, &addr, auth_age, T0, &b->grant), want);
    return b->grant.lifetime;
}

//= NEG-49, CTX-17, NEG-19 type=test
static void test_lifetimes(void **state)
{
    (void)state;
    struct csep_grantor_config cfg = csep_grantor_config_default();
    cfg.menu.lifetime = 200000;
    cfg.menu.refresh = 100000;
    struct bench *b = bench_with(cfg);
    assert_int_equal(lifetime_of(b, 0, 0, CSEP_OK), 200000);
    assert_int_equal(lifetime_of(b, 604800, 0, CSEP_OK), 200000);
    assert_int_equal(lifetime_of(b, 1, 0, CSEP_OK), 1);
    assert_int_equal(lifetime_of(b, 1000, 0, CSEP_OK), 1000);
    assert_int_equal(b->grant.refresh, 500);
    assert_int_equal(lifetime_of(b, 0, CSEP_SEC(500000), CSEP_OK), 104800);
    assert_int_equal(lifetime_of(b, 0, CSEP_SEC(604799) - 1, CSEP_OK), 1);
    lifetime_of(b, 0, CSEP_SEC(604800), CSEP_ERR_REFUSED);
    lifetime_of(b, 0, CSEP_SEC(604799) + 1, CSEP_ERR_REFUSED);
    lifetime_of(b, 0, CSEP_NEVER, CSEP_ERR_REFUSED);
    bench_free(b);
    cfg.menu.lifetime = 604800; /* no longer than the keys live */
    b = bench_with(cfg);
    assert_int_equal(lifetime_of(b, 0, 0, CSEP_OK), 3 * 86400);
    bench_free(b);
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, CSEP_HANDLE_LEN);
}

//= NEG-40 type=test
static void test_handles_differ(void **state)
{
    (void)state;
    enum { NUM = 2000 };
    static uint8_t seen[NUM][CSEP_HANDLE_LEN];
    EACH_MODE(mode)
    {
        struct bench *b = bench_new(mode);
        for (unsigned i = 0; i < NUM; i++) {
            grant(b, T0);
            memcpy(seen[i], b->grant.handle, CSEP_HANDLE_LEN);
        }
        qsort(seen, NUM, CSEP_HANDLE_LEN, by_bytes);
        for (unsigned i = 1; i < NUM; i++)
            assert_memory_not_equal(seen[i - 1], seen[i], CSEP_HANDLE_LEN);
        bench_free(b);
    }
}

/* A full server serves on: what was not used for the longest time makes room. Whoever fills it would shut out
 * everybody else for a whole lifetime otherwise. */
//= CTX-22 type=test
static void test_full(void **state)
{
    (void)state;
    struct csep_grantor_config cfg = csep_grantor_config_default();
    cfg.max_contexts = 3;
    struct bench *b = bench_with(cfg);
    struct csep_ticket first[5][2];
    struct csep_slot s;
    for (unsigned i = 0; i < 5; i++) {
        grant(b, T0 + i);
        memcpy(first[i], b->tickets, sizeof first[i]);
        if (i == 2) { /* the second is used by a connection, the first is opened anew */
            assert_int_equal(
                b->slots.open(b->slots.self, first[1][0].b, first[1][0].len, CSEP_TRANSPORT_UDP, T0 + 3, &s),
                CSEP_SLOT_OK);
            assert_ok(b->slots.report(b->slots.self, s.handle, &(struct csep_usage){1, 1, 0}, T0 + 3));
            b->tickets[0] = first[0][0];
            assert_int_equal(spend_at(b, 0, T0 + 3), CSEP_SLOT_OK);
        }
    }
    static const bool kept[5] = {true, false, false, true, true}; /* the third went first, then the second */
    for (unsigned i = 0; i < 5; i++) {
        b->tickets[0] = first[i][1];
        assert_int_equal(spend_at(b, 0, T0 + 5), kept[i] ? CSEP_SLOT_OK : CSEP_SLOT_REFUSED);
    }
    assert_int_equal(csep_grantor_contexts(&b->g), 3);
    grant(b, T0 + 4 + DAY); /* the old ones are over */
    assert_int_equal(csep_grantor_contexts(&b->g), 1);
    bench_free(b);
}

/* ---- Tickets ---- */

//= CTX-3, CTX-4 type=test
static void test_each_ticket_once(void **state)
{
    (void)state;
    EACH_MODE(mode)
    {
        struct bench *b = bench_new(mode);
        struct csep_slot one, two;
        grant(b, T0);
        for (unsigned i = 0; i < 8; i++) {
            assert_int_equal(spend_at(b, i, T0 + 1), CSEP_SLOT_OK);
            assert_int_equal(spend_at(b, i, T0 + 1), CSEP_SLOT_REFUSED);
        }
        /* looking leaves no trace; of two that looked, the first to spend has it */
        grant(b, T0);
        assert_int_equal(open_at(b, 0, T0, &one), CSEP_SLOT_OK);
        assert_int_equal(open_at(b, 0, T0, &two), CSEP_SLOT_OK);
        assert_int_equal(b->slots.spend(b->slots.self, &two, T0), CSEP_SLOT_OK);
        assert_int_equal(b->slots.spend(b->slots.self, &one, T0), CSEP_SLOT_REFUSED);
        bench_free(b);
    }
}

/* Another grantor is another service, or this one after a restart. //= SEC-9, SEC-11 type=test */
static void test_forged_and_foreign(void **state)
{
    (void)state;
    EACH_MODE(mode)
    {
        struct bench *b = bench_new(mode);
        struct csep_grantor_config cfg = b->cfg;
        struct test_random other_random;
        struct csep_grantor *other = malloc(sizeof *other);
        struct csep_slot s;
        assert_non_null(other);
        cfg.random = test_random(&other_random, 99);
        assert_ok(csep_grantor_init(other, &cfg, T0));
        struct csep_slot_source theirs = csep_grantor_slots(other);
        grant(b, T0);
        assert_int_equal(theirs.open(theirs.self, b->tickets[0].b, b->tickets[0].len, 1, T0, &s),
                         CSEP_SLOT_REFUSED);
        for (unsigned i = 0; i < b->tickets[0].len; i++) {
            b->tickets[0].b[i] ^= 1;
            assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_REFUSED);
            b->tickets[0].b[i] ^= 1;
        }
        for (unsigned n = 0; n < b->tickets[0].len; n++)
            assert_int_equal(b->slots.open(b->slots.self, b->tickets[0].b, n, 1, T0, &s), CSEP_SLOT_REFUSED);
        assert_int_equal(b->slots.open(b->slots.self, b->tickets[0].b, b->tickets[0].len, 77, T0, &s),
                         CSEP_SLOT_REFUSED); /* a transport that was not granted */
        assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_OK);
        csep_grantor_wipe(other);
        free(other);
        bench_free(b);
    }
}

//= CTX-16 type=test
static void test_expired(void **state)
{
    (void)state;
    EACH_MODE(mode)
    {
        struct bench *b = bench_new(mode);
        struct csep_slot s;
        grant(b, T0);
        assert_int_equal(open_at(b, 0, T0 + DAY - 1, &s), CSEP_SLOT_OK);
        assert_int_equal(s.expires, T0 + DAY);
        assert_int_equal(open_at(b, 0, T0 + DAY, &s), CSEP_SLOT_REFUSED);
        assert_int_equal(b->slots.spend(b->slots.self, &s, T0 + DAY), CSEP_SLOT_REFUSED);
        assert_true(csep_grantor_deadline(&b->g) <= T0 + DAY);
        csep_grantor_expire(&b->g, T0 + DAY);
        assert_int_equal(csep_grantor_contexts(&b->g), 0);
        bench_free(b);
    }
}

/* A ticket of a context that is gone does not open the one that took its place. */
static void test_place_used_again(void **state)
{
    (void)state;
    struct bench *b = bench_new(CSEP_GRANTOR_STATEFUL);
    struct csep_slot s;
    grant(b, T0);
    struct csep_ticket old = b->tickets[0];
    csep_grantor_discard(&b->g, b->grant.handle);
    grant(b, T0);
    assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_OK);
    b->tickets[1] = old;
    assert_int_equal(open_at(b, 1, T0, &s), CSEP_SLOT_REFUSED);
    bench_free(b);
}

//= CTX-5, CTX-6 type=test
static void test_early_data(void **state)
{
    (void)state;
    struct csep_slot s;
    struct bench *b = bench_new(CSEP_GRANTOR_STATELESS);
    grant(b, T0);
    assert_int_equal(open_at(b, 0, T0 + CSEP_SEC(20) - 1, &s), CSEP_SLOT_OK);
    assert_false(s.fresh);
    assert_int_equal(open_at(b, 0, T0 + CSEP_SEC(20), &s), CSEP_SLOT_OK);
    assert_true(s.fresh);
    assert_true(s.check_age);
    assert_int_equal(s.received, T0);
    bench_free(b);
    b = bench_new(CSEP_GRANTOR_STATEFUL);
    grant(b, T0);
    assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_OK);
    assert_true(s.fresh); /* the bitmap knows all tickets */
    assert_false(s.check_age);
    bench_free(b);
}

/* Tickets outlive the rotation of the key that sealed them. */
//= CTX-7 type=test
static void test_rotation(void **state)
{
    (void)state;
    EACH_MODE(mode)
    {
        struct csep_grantor_config cfg = csep_grantor_config_default();
        cfg.mode = mode;
        cfg.key_rotation = CSEP_SEC(3600);
        struct bench *b = bench_with(cfg);
        struct csep_slot s;
        csep_time now = T0 + CSEP_SEC(3600) - 1;
        grant(b, now);
        assert_int_equal(b->grant.lifetime, 3 * 3600);
        for (csep_time t = now; t < now + CSEP_SEC(3 * 3600); t += CSEP_SEC(600)) {
            csep_grantor_expire(&b->g, t);
            assert_int_equal(open_at(b, 0, t, &s), CSEP_SLOT_OK);
        }
        bench_free(b);
    }
}

/* ---- Identity ---- */

//= NEG-64, NEG-66 type=test
static void test_pending(void **state)
{
    (void)state;
    struct bench *b = bench_new(CSEP_GRANTOR_STATEFUL);
    struct csep_identity me = {true, {5}};
    struct csep_slot s;
    grant_to(b, NULL, NULL, true, T0);
    assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_PENDING);
    assert_true(s.pending);
    assert_int_equal(b->slots.spend(b->slots.self, &s, T0), CSEP_SLOT_PENDING);
    assert_false(csep_grantor_shares(&b->g, b->grant.handle, NULL, T0));
    csep_grantor_activate(&b->g, b->grant.handle, &me, T0);
    assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_OK);
    assert_true(s.peer_known);
    assert_memory_equal(s.peer_spki_sha256, me.spki_sha256, 32);
    assert_int_equal(spend_at(b, 0, T0), CSEP_SLOT_OK);
    grant_to(b, NULL, NULL, true, T0);
    csep_grantor_discard(&b->g, b->grant.handle);
    assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_REFUSED);
    bench_free(b);
}

//= NEG-67 type=test
static void test_stateless_cannot_wait(void **state)
{
    (void)state;
    struct bench *b = bench_new(CSEP_GRANTOR_STATELESS);
    struct csep_identity me = {true, {5}}, nobody = {0};
    struct csep_slot s;
    assert_ok(csep_grantor_begin(&b->g, NULL, &addr, 0, T0, &b->grant));
    b->grant.client_identity = 1;
    assert_status(csep_grantor_finish(&b->g, NULL, &b->grant, b->secret, NULL, true, T0, b->tickets, &b->num),
                  CSEP_ERR_UNSUPPORTED);
    assert_int_equal(b->num, 0);
    assert_status(
        csep_grantor_finish(&b->g, NULL, &b->grant, b->secret, &nobody, false, T0, b->tickets, &b->num),
        CSEP_ERR_IDENTITY);
    assert_ok(csep_grantor_finish(&b->g, NULL, &b->grant, b->secret, &me, false, T0, b->tickets, &b->num));
    assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_OK);
    assert_true(s.peer_known);
    assert_int_equal(s.peer_spki_sha256[0], 5);
    bench_free(b);
}

//= NEG-47 type=test
static void test_more_tickets(void **state)
{
    (void)state;
    struct bench *b = bench_new(CSEP_GRANTOR_STATEFUL);
    struct csep_identity me = {true, {5}}, you = {true, {6}}, nobody = {0};
    uint8_t stranger[CSEP_HANDLE_LEN] = {0};
    grant_to(b, NULL, &me, false, T0);
    assert_status(csep_grantor_tickets(&b->g, b->grant.handle, &you, 4, T0, b->tickets, &b->num),
                  CSEP_ERR_NO_CONTEXT);
    assert_status(csep_grantor_tickets(&b->g, b->grant.handle, &nobody, 4, T0, b->tickets, &b->num),
                  CSEP_ERR_NO_CONTEXT);
    assert_status(csep_grantor_tickets(&b->g, stranger, &me, 4, T0, b->tickets, &b->num),
                  CSEP_ERR_NO_CONTEXT);
    assert_ok(csep_grantor_tickets(&b->g, b->grant.handle, &me, 4, T0 + 9, b->tickets, &b->num));
    assert_int_equal(b->num, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(spend_at(b, i, T0 + 10), CSEP_SLOT_OK);
    assert_ok(csep_grantor_tickets(&b->g, b->grant.handle, &me, 200, T0, b->tickets, &b->num));
    assert_int_equal(b->num, 32);
    bench_free(b);
}

/* Of many tickets the last 256 are good; older ones count as used. */
static void test_bitmap_window(void **state)
{
    (void)state;
    struct bench *b = bench_new(CSEP_GRANTOR_STATEFUL);
    struct csep_slot s;
    grant(b, T0);
    struct csep_ticket first = b->tickets[0], second = b->tickets[1], last;
    assert_int_equal(spend_at(b, 1, T0), CSEP_SLOT_OK);
    for (unsigned i = 0; i < 31; i++) /* 8 + 31 * 8 = 256 */
        assert_ok(csep_grantor_tickets(&b->g, b->grant.handle, NULL, 8, T0, b->tickets, &b->num));
    last = b->tickets[7];
    b->tickets[0] = first;
    assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_OK);
    assert_ok(csep_grantor_tickets(&b->g, b->grant.handle, NULL, 2, T0, b->tickets, &b->num));
    assert_int_equal(spend_at(b, 0, T0), CSEP_SLOT_OK);
    assert_int_equal(spend_at(b, 1, T0), CSEP_SLOT_OK);
    b->tickets[0] = first;
    b->tickets[1] = second;
    b->tickets[2] = last;
    assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_REFUSED);
    assert_int_equal(open_at(b, 1, T0, &s), CSEP_SLOT_REFUSED);
    assert_int_equal(open_at(b, 2, T0, &s), CSEP_SLOT_OK);
    bench_free(b);
}

//= CTX-10 type=test
static void test_more_in_band(void **state)
{
    (void)state;
    EACH_MODE(mode)
    {
        struct bench *b = bench_new(mode);
        struct csep_slot s, t;
        uint8_t out[8192];
        size_t len;
        grant(b, T0);
        assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_OK);
        assert_int_equal(b->slots.spend(b->slots.self, &s, T0), CSEP_SLOT_OK);
        unsigned num = b->slots.more(b->slots.self, &s, 5, out, sizeof out, &len, T0 + 100);
        assert_int_equal(num, 5);
        size_t at = 0;
        for (unsigned i = 0; i < num; i++) {
            assert_int_equal(b->slots.open(b->slots.self, out + at + 1, out[at], 1, T0 + 200, &t),
                             CSEP_SLOT_OK);
            assert_int_equal(t.expires, s.expires); /* the lifetime stays what it was */
            assert_int_equal(t.received, T0 + 100);
            assert_memory_equal(t.handle, s.handle, sizeof t.handle);
            at += 1 + out[at];
        }
        assert_int_equal(at, len);
        assert_int_equal(b->slots.more(b->slots.self, &s, 5, out, 100, &len, T0),
                         100 / (1u + b->tickets[0].len));
        assert_int_equal(b->slots.more(b->slots.self, &s, 99, out, sizeof out, &len, T0), 32);
        assert_int_equal(b->slots.more(b->slots.self, &s, 5, out, sizeof out, &len, T0 + DAY), 0);
        assert_int_equal(len, 0);
        bench_free(b);
    }
}

/* A context that gave out 2^32 tickets gives no more: slots are numbers, and none may come twice. */
static void test_all_slots_given_out(void **state)
{
    (void)state;
    struct bench *b = bench_new(CSEP_GRANTOR_STATEFUL);
    struct csep_slot s;
    uint8_t out[4096];
    size_t len;
    grant(b, T0);
    book_find(&b->g.book, b->grant.handle)->issued = UINT32_MAX - 34;
    assert_ok(csep_grantor_tickets(&b->g, b->grant.handle, NULL, 2, T0, b->tickets, &b->num));
    assert_int_equal(open_at(b, 1, T0, &s), CSEP_SLOT_OK);
    assert_int_equal(b->slots.more(b->slots.self, &s, 1, out, sizeof out, &len, T0), 0);
    assert_int_equal(len, 0);
    assert_status(csep_grantor_tickets(&b->g, b->grant.handle, NULL, 2, T0, b->tickets, &b->num),
                  CSEP_ERR_NO_CONTEXT);
    assert_int_equal(b->num, 0);
    bench_free(b);
}

/* Somebody who uses tickets by the thousand keeps others waiting, not from ever coming in. */
//= CTX-5, SEC-26 type=test
static void test_full_strike_register(void **state)
{
    (void)state;
    struct csep_grantor_config cfg = csep_grantor_config_default();
    cfg.mode = CSEP_GRANTOR_STATELESS;
    cfg.strike_entries = 8;
    struct bench *b = bench_with(cfg);
    csep_time now = T0 + CSEP_SEC(1);
    grant(b, now);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(spend_at(b, i, now), CSEP_SLOT_OK);
    struct csep_ticket used = b->tickets[0];
    grant(b, now);
    assert_int_equal(spend_at(b, 0, now), CSEP_SLOT_BUSY);
    assert_int_equal(spend_at(b, 0, now), CSEP_SLOT_BUSY); /* not used up */
    assert_int_equal(spend_at(b, 0, now + CSEP_SEC(20)), CSEP_SLOT_OK);
    b->tickets[0] = used;
    assert_int_equal(spend_at(b, 0, now), CSEP_SLOT_REFUSED);
    bench_free(b);
}

/* ---- Ending ---- */

/* At once, for whoever opens through the grantor. //= NEG-52, SEC-30 type=test */
static void test_revoked(void **state)
{
    (void)state;
    EACH_MODE(mode)
    {
        struct bench *b = bench_new(mode);
        struct csep_slot s;
        uint8_t out[256];
        size_t len;
        grant(b, T0);
        assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_OK);
        assert_true(csep_grantor_shares(&b->g, b->grant.handle, NULL, T0));
        csep_grantor_revoke(&b->g, b->grant.handle, T0);
        csep_grantor_revoke(&b->g, b->grant.handle, T0);
        assert_false(csep_grantor_shares(&b->g, b->grant.handle, NULL, T0));
        assert_int_equal(b->slots.spend(b->slots.self, &s, T0), CSEP_SLOT_REFUSED); /* it was being opened */
        assert_int_equal(open_at(b, 1, T0, &s), CSEP_SLOT_REFUSED);
        assert_int_equal(b->slots.more(b->slots.self, &s, 5, out, sizeof out, &len, T0), 0);
        bench_free(b);
    }
}

/* Somebody who revokes contexts of his own by the thousand does not bring back one that is over. */
//= NEG-52, KEY-8 type=test
static void test_no_flood_brings_one_back(void **state)
{
    (void)state;
    static const struct csep_usage much = {0, 100, 0};
    for (unsigned by_limit = 0; by_limit < 2; by_limit++) {
        struct csep_grantor_config cfg = csep_grantor_config_default();
        cfg.mode = CSEP_GRANTOR_STATELESS;
        cfg.strike_entries = 64;
        cfg.menu.limits.packets = 100;
        struct bench *b = bench_with(cfg);
        struct csep_slot s;
        uint8_t out[256];
        size_t len;
        grant(b, T0);
        struct csep_ticket over[2] = {b->tickets[0], b->tickets[1]};
        assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_OK);
        if (by_limit)
            assert_status(b->slots.report(b->slots.self, b->grant.handle, &much, T0), CSEP_ERR_AEAD_LIMIT);
        else
            csep_grantor_revoke(&b->g, b->grant.handle, T0);
        for (unsigned i = 1; i <= 1000; i++) {
            grant(b, T0 + i);
            csep_grantor_revoke(&b->g, b->grant.handle, T0 + i);
        }
        grant(b, T0 + 2000); /* what is granted later is good */
        assert_int_equal(spend_at(b, 0, T0 + 2000), CSEP_SLOT_OK);
        assert_int_equal(b->slots.more(b->slots.self, &s, 5, out, sizeof out, &len, T0 + 2000), 0);
        memcpy(b->tickets, over, sizeof over);
        assert_int_equal(open_at(b, 0, T0 + 2000, &s), CSEP_SLOT_REFUSED);
        assert_int_equal(open_at(b, 1, T0 + DAY - 1, &s), CSEP_SLOT_REFUSED);
        bench_free(b);
    }
}

/* A stateless server is not talked into remembering handles that it never gave out. */
static void test_invented_handles(void **state)
{
    (void)state;
    struct bench *b = bench_new(CSEP_GRANTOR_STATELESS);
    uint8_t invented[CSEP_HANDLE_LEN];
    grant(b, T0);
    memcpy(invented, b->grant.handle, sizeof invented);
    invented[15] ^= 1;
    csep_grantor_revoke(&b->g, invented, T0);
    assert_null(ledger_find(&b->g.ledger, invented, T0));
    assert_false(csep_grantor_shares(&b->g, invented, NULL, T0));
    assert_true(csep_grantor_shares(&b->g, b->grant.handle, NULL, T0));
    bench_free(b);
}

//= KEY-7, KEY-8 type=test
static void test_usage_ends_it(void **state)
{
    (void)state;
    static const struct csep_usage limits[3] = {{100, 0, 0}, {0, 100, 0}, {0, 0, 100}};
    static const struct csep_usage steps[3] = {{50, 0, 0}, {0, 50, 0}, {0, 0, 50}};
    EACH_MODE(mode)
    {
        for (unsigned i = 0; i < 3; i++) {
            struct csep_grantor_config cfg = csep_grantor_config_default();
            cfg.mode = mode;
            cfg.menu.limits = limits[i];
            struct bench *b = bench_with(cfg);
            struct csep_slot s;
            grant(b, T0);
            (void)b->slots.report(b->slots.self, b->grant.handle, &steps[i], T0);
            assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_OK);
            assert_int_equal(i == 0 ? s.left.bytes : i == 1 ? s.left.packets : s.left.forgeries, 50);
            (void)b->slots.report(b->slots.self, b->grant.handle, &steps[i], T0);
            assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_REFUSED);
            bench_free(b);
        }
    }
}

//= NEG-48, NEG-50 type=test
static void test_replaced(void **state)
{
    (void)state;
    struct bench *b = bench_new(CSEP_GRANTOR_STATEFUL);
    struct csep_grant_request req = {.lifetime = 1000, .have_handle = true};
    struct csep_slot s;
    grant(b, T0);
    struct csep_ticket old = b->tickets[0];
    memcpy(req.handle, b->grant.handle, sizeof req.handle);
    grant_to(b, &req, NULL, false, T0 + CSEP_SEC(10));
    assert_int_equal(csep_grantor_contexts(&b->g), 2);
    assert_int_equal(spend_at(b, 0, T0 + CSEP_SEC(20)), CSEP_SLOT_OK);
    b->tickets[0] = old;
    assert_int_equal(open_at(b, 0, T0 + CSEP_SEC(80) - 1, &s), CSEP_SLOT_OK);
    assert_int_equal(open_at(b, 0, T0 + CSEP_SEC(80), &s), CSEP_SLOT_REFUSED);
    assert_int_equal(spend_at(b, 1, T0 + CSEP_SEC(500)), CSEP_SLOT_OK); /* only the first one counts */
    bench_free(b);
}

/* ---- Memory ---- */

static void test_stateless_memory_is_constant(void **state)
{
    (void)state;
    struct csep_grantor_config cfg = csep_grantor_config_default();
    cfg.mode = CSEP_GRANTOR_STATELESS;
    cfg.strike_entries = 1000;
    struct bench *b = bench_with(cfg);
    size_t held = b->alloc.live, memory = csep_grantor_memory(&b->g);
    for (unsigned i = 0; i < 100000; i++) {
        grant(b, T0 + CSEP_MS(30) * i);
        assert_int_equal(spend_at(b, i % 8, T0 + CSEP_MS(30) * i), CSEP_SLOT_OK);
    }
    assert_int_equal(b->alloc.peak, held);
    assert_int_equal(b->alloc.live, held);
    assert_int_equal(csep_grantor_memory(&b->g), memory);
    assert_int_equal(memory, held + sizeof b->g);
    bench_free(b);
}

/* 256 bytes for a context, indexes included, and not one more when half of them came and went. */
static void test_stateful_memory(void **state)
{
    (void)state;
    enum { NUM = 100000 };
    struct bench *b = bench_new(CSEP_GRANTOR_STATEFUL);
    uint8_t(*handles)[CSEP_HANDLE_LEN] = malloc((size_t)NUM * CSEP_HANDLE_LEN);
    assert_non_null(handles);
    for (unsigned i = 0; i < NUM; i++) {
        grant(b, T0);
        memcpy(handles[i], b->grant.handle, CSEP_HANDLE_LEN);
    }
    size_t held = b->alloc.live;
    assert_in_range(held / NUM, 1, 256);
    assert_int_equal(csep_grantor_memory(&b->g), held + sizeof b->g);
    for (unsigned i = 0; i < NUM; i += 2)
        csep_grantor_discard(&b->g, handles[i]);
    for (unsigned i = 0; i < NUM; i++)
        assert_int_equal(csep_grantor_shares(&b->g, handles[i], NULL, T0), i % 2);
    for (unsigned i = 0; i < NUM / 2; i++)
        grant(b, T0);
    assert_int_equal(b->alloc.live, held);
    free(handles);
    bench_free(b);
}

static void test_init_out_of_memory(void **state)
{
    (void)state;
    struct test_alloc alloc;
    struct test_random random;
    static struct csep_grantor g;
    for (uint64_t at = 1; at <= 3; at++) {
        struct csep_grantor_config cfg = csep_grantor_config_default();
        cfg.mode = CSEP_GRANTOR_STATELESS;
        cfg.alloc = test_alloc(&alloc);
        cfg.random = test_random(&random, 1);
        alloc.fail_from = at;
        assert_status(csep_grantor_init(&g, &cfg, T0), CSEP_ERR_MEMORY);
        test_alloc_done(&alloc);
    }
}

/* What a stateless connection remembers of its grants makes more tickets, and never a longer life. */
//= NEG-47 type=test
static void test_seal(void **state)
{
    (void)state;
    struct bench *b = bench_new(CSEP_GRANTOR_STATELESS);
    struct csep_identity me = {true, {5}}, nobody = {0};
    struct csep_granted of = {.granted = T0, .lifetime = 1000, .bound = true};
    struct csep_slot s;
    grant_to(b, NULL, &me, false, T0);
    memcpy(of.handle, b->grant.handle, sizeof of.handle);
    memcpy(of.secret, b->secret, sizeof of.secret);
    assert_ok(csep_grantor_seal(&b->g, &of, &me, 3, T0 + CSEP_SEC(999), b->tickets, &b->num));
    assert_int_equal(b->num, 3);
    assert_int_equal(open_at(b, 2, T0 + CSEP_SEC(999), &s), CSEP_SLOT_OK);
    assert_int_equal(s.expires, T0 + CSEP_SEC(1000));
    assert_int_equal(s.peer_spki_sha256[0], 5);
    assert_status(csep_grantor_seal(&b->g, &of, &me, 3, T0 + CSEP_SEC(1000), b->tickets, &b->num),
                  CSEP_ERR_NO_CONTEXT);
    assert_status(csep_grantor_seal(&b->g, &of, &nobody, 3, T0, b->tickets, &b->num), CSEP_ERR_NO_CONTEXT);
    csep_grantor_revoke(&b->g, of.handle, T0);
    assert_status(csep_grantor_seal(&b->g, &of, &me, 3, T0, b->tickets, &b->num), CSEP_ERR_NO_CONTEXT);
    assert_int_equal(b->num, 0);
    bench_free(b);
    b = bench_new(CSEP_GRANTOR_STATEFUL);
    grant(b, T0);
    assert_status(csep_grantor_seal(&b->g, &of, NULL, 3, T0, b->tickets, &b->num), CSEP_ERR_NO_CONTEXT);
    csep_grantor_activate(&b->g, b->grant.handle, &me, T0); /* it is not pending: nothing changes */
    assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_OK);
    assert_false(s.peer_known);
    bench_free(b);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct csep_slot s;
    for (uint64_t at = 1; at < 10; at++) {
        struct bench *b = bench_new(CSEP_GRANTOR_STATEFUL);
        assert_ok(csep_grantor_begin(&b->g, NULL, &addr, 0, T0, &b->grant));
        b->alloc.fail_from = b->alloc.gets + at;
        csep_status st =
            csep_grantor_finish(&b->g, NULL, &b->grant, b->secret, NULL, false, T0, b->tickets, &b->num);
        b->alloc.fail_from = 0;
        assert_true(st == CSEP_ERR_MEMORY || (st == CSEP_OK && at > 4));
        grant(b, T0);
        assert_int_equal(open_at(b, 0, T0, &s), CSEP_SLOT_OK);
        bench_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_unsound_configurations),
        cmocka_unit_test(test_lifetimes),
        cmocka_unit_test(test_handles_differ),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_each_ticket_once),
        cmocka_unit_test(test_forged_and_foreign),
        cmocka_unit_test(test_expired),
        cmocka_unit_test(test_place_used_again),
        cmocka_unit_test(test_early_data),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_stateless_cannot_wait),
        cmocka_unit_test(test_more_tickets),
        cmocka_unit_test(test_bitmap_window),
        cmocka_unit_test(test_more_in_band),
        cmocka_unit_test(test_full_strike_register),
        cmocka_unit_test(test_all_slots_given_out),
        cmocka_unit_test(test_revoked),
        cmocka_unit_test(test_no_flood_brings_one_back),
        cmocka_unit_test(test_invented_handles),
        cmocka_unit_test(test_usage_ends_it),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_stateless_memory_is_constant),
        cmocka_unit_test(test_stateful_memory),
        cmocka_unit_test(test_init_out_of_memory),
        cmocka_unit_test(test_seal),
        cmocka_unit_test(test_out_of_memory),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
