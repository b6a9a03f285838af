/* SPDX-License-Identifier: BSD-2-Clause */
/* One context of a client: its states, its limits each alone, its tickets. */
#include "context/limits.h"
#include "context/store.h"
#include "csep/context.h"
#include "dot.h"
#include "support.h"

#define T0 CSEP_SEC(5000)

struct bench {
    struct test_alloc alloc;
    struct test_random random;
    struct test_trace trace;
    struct csep_store store;
    struct csep_grant grant;
    struct csep_ticket tickets[32];
    struct csep_context *c;
};

static struct csep_store_key key_of(const char *service)
{
    struct csep_store_key k = {.service = service, .group = ""};
    memset(k.peer_spki_sha256, 0x77, sizeof k.peer_spki_sha256);
    return k;
}

static struct csep_context *context_named(struct bench *b, const char *service)
{
    struct csep_store_key k = key_of(service);
    struct csep_context *c = csep_store_get(&b->store, &k, T0);
    assert_non_null(c);
    return c;
}

static void make_grant(struct bench *b)
{
    struct csep_grant *g = &b->grant;
    memset(g, 0, sizeof *g);
    memset(g->handle, 0x11, sizeof g->handle);
    g->lifetime = 1000;
    g->aeads[0] = CSEP_AEAD_CHACHA20_POLY1305;
    g->num_aeads = 1;
    g->transports[0] = (struct csep_grant_transport){1, 0, 1, 4433, 1472, 3600, ""};
    g->transports[1] = (struct csep_grant_transport){2, 0, 4, 443, 0, 14336, "tcp.example"};
    g->num_transports = 2;
    strcpy(g->protocols[0], "coap");
    g->num_protocols = 1;
    g->upgrade = CSEP_UPGRADE_OFFERED;
    memset(g->token, 9, 65);
    g->token_len = 65;
    for (unsigned i = 0; i < 32; i++) {
        b->tickets[i].len = (uint8_t)(16 + i);
        memset(b->tickets[i].b, (int)(0x40 + i), b->tickets[i].len);
    }
}

static struct bench *bench_new(void)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    struct csep_store_config cfg = {.alloc = test_alloc(&b->alloc),
                                    .random = test_random(&b->random, 1),
                                    .trace = test_trace(&b->trace, 1)};
    assert_ok(csep_store_init(&b->store, &cfg));
    make_grant(b);
    b->c = context_named(b, "host:1");
    return b;
}

static void bench_free(struct bench *b)
{
    csep_store_wipe(&b->store);
    test_alloc_done(&b->alloc);
    test_trace_free(&b->trace);
    free(b);
}

static void install(struct bench *b, csep_time now)
{
    uint8_t secret[32];
    memset(secret, 0x5c, sizeof secret);
    assert_ok(csep_context_install(&b->store, b->c, &b->grant, secret, b->tickets, 8, CSEP_MS(50), now));
}

static csep_status take(struct bench *b, csep_time now, struct csep_slot *out)
{
    return csep_context_take(&b->store, b->c, CSEP_TRANSPORT_UDP, CSEP_SERVICE_DATAGRAM, now, out);
}

/* ---- States ---- */

/* Bring the context of the bench into a state by its inputs. */
static void bring_to(struct bench *b, enum csep_ctx_state s)
{
    if (s == CSEP_CTX_NEGOTIATING)
        csep_context_input(&b->store, b->c, CSEP_CTX_IN_NEGOTIATE, T0);
    if (s == CSEP_CTX_NONE || s == CSEP_CTX_NEGOTIATING)
        return;
    install(b, T0);
    if (s != CSEP_CTX_FRESH)
        csep_context_input(&b->store, b->c,
                           s == CSEP_CTX_SOFT      ? CSEP_CTX_IN_SOFT_LIMIT
                           : s == CSEP_CTX_SUSPECT ? CSEP_CTX_IN_REFUSED
                           : s == CSEP_CTX_EXPIRED ? CSEP_CTX_IN_HARD_LIMIT
                                                   : CSEP_CTX_IN_REVOKE,
                           T0);
    assert_int_equal(csep_context_state(b->c), s);
}

/* Row by row as spec 9.1 prints it; written out once more, since the library's table is what is tested. */
static const char *const table[7][9] = {
    {"NEGOTIATING", "FRESH", "NONE", "-", "-", "-", "-", "-", "NONE"},
    {"NEGOTIATING", "FRESH", "NONE", "-", "-", "-", "-", "-", "NONE"},
    {"SOFT", "FRESH", "FRESH", "SOFT", "EXPIRED", "SUSPECT", "FRESH", "REVOKED", "NONE"},
    {"SOFT", "FRESH", "SOFT", "SOFT", "EXPIRED", "SUSPECT", "SOFT", "REVOKED", "NONE"},
    {"SUSPECT", "FRESH", "SUSPECT", "SUSPECT", "EXPIRED", "SUSPECT", "FRESH", "REVOKED", "NONE"},
    {"NEGOTIATING", "FRESH", "EXPIRED", "EXPIRED", "EXPIRED", "EXPIRED", "EXPIRED", "EXPIRED", "NONE"},
    {"NEGOTIATING", "FRESH", "REVOKED", "REVOKED", "REVOKED", "REVOKED", "REVOKED", "REVOKED", "NONE"},
};

static void visit(enum csep_ctx_state s, enum csep_ctx_input in, const char *want)
{
    struct bench *b = bench_new();
    bring_to(b, s);
    if (in == CSEP_CTX_IN_GRANTED)
        install(b, T0);
    else
        csep_context_input(&b->store, b->c, in, T0);
    if (in == CSEP_CTX_IN_FORGET)
        assert_int_equal(csep_store_count(&b->store), 0);
    else
        assert_string_equal(csep_ctx_state_name(csep_context_state(b->c)), want);
    bench_free(b);
}

/* Every pair: by the table, and, where the pair can happen, by a context brought there. */
static void test_every_state_and_input(void **state)
{
    (void)state;
    for (enum csep_ctx_state s = 0; s < CSEP_CTX_STATE_COUNT; s++) {
        for (enum csep_ctx_input i = 0; i < CSEP_CTX_INPUT_COUNT; i++) {
            int next = csep_ctx_next(s, i);
            const char *want = table[s][i];
            assert_string_equal(next < 0 ? "-" : csep_ctx_state_name((enum csep_ctx_state)next), want);
            if (next >= 0)
                visit(s, i, want);
        }
    }
    assert_int_equal(csep_ctx_next(CSEP_CTX_STATE_COUNT, 0), -1);
}

static const char *dot_state(unsigned s)
{
    return csep_ctx_state_name((enum csep_ctx_state)s);
}

static const char *dot_input(unsigned i)
{
    return csep_ctx_input_name((enum csep_ctx_input)i);
}

static int dot_next(unsigned s, unsigned i)
{
    return csep_ctx_next((enum csep_ctx_state)s, (enum csep_ctx_input)i);
}

static void test_drawing(void **state)
{
    (void)state;
    static char text[8192];
    struct dot_table t = {"context", CSEP_CTX_STATE_COUNT, CSEP_CTX_INPUT_COUNT, dot_state, dot_input,
                          dot_next};
    dot_draw(&t, text, sizeof text);
    assert_non_null(strstr(text, "SUSPECT -> FRESH [label=\"GRANTED\\nUSED\"];"));
    assert_non_null(strstr(text, "NONE -> NEGOTIATING [label=\"NEGOTIATE\"];"));
    assert_null(strstr(text, "UNKNOWN"));
}

//= CTX-26 type=test
static void test_usable_states(void **state)
{
    (void)state;
    for (enum csep_ctx_state s = 0; s < CSEP_CTX_STATE_COUNT; s++) {
        static const csep_status want[] = {
            CSEP_ERR_NO_CONTEXT, CSEP_ERR_NO_CONTEXT, CSEP_OK, CSEP_OK, CSEP_OK,
            CSEP_ERR_EXPIRED,    CSEP_ERR_REVOKED};
        struct bench *b = bench_new();
        struct csep_slot slot;
        bring_to(b, s);
        assert_status(take(b, T0, &slot), want[s]);
        assert_int_equal(csep_ctx_usable(s), want[s] == CSEP_OK);
        bench_free(b);
    }
}

/* ---- Limits by age ---- */

//= CTX-13, CTX-15, CTX-18, CTX-19 type=test
static void test_age(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct csep_slot slot;
    install(b, T0);
    assert_int_equal(csep_context_soft_at(b->c), T0 + CSEP_SEC(750));
    assert_int_equal(csep_context_hard_at(b->c), T0 + CSEP_SEC(995)); /* 5 s back: 4 PTO of 175 ms are less */
    assert_int_equal(csep_store_deadline(&b->store), T0 + CSEP_SEC(750));
    csep_store_expire(&b->store, T0 + CSEP_SEC(750) - 1);
    assert_int_equal(csep_context_state(b->c), CSEP_CTX_FRESH);
    csep_store_expire(&b->store, T0 + CSEP_SEC(750));
    assert_int_equal(csep_context_state(b->c), CSEP_CTX_SOFT);
    assert_int_equal(csep_store_deadline(&b->store), T0 + CSEP_SEC(995));
    assert_ok(take(b, T0 + CSEP_SEC(995) - 1, &slot));
    assert_int_equal(slot.expires, T0 + CSEP_SEC(995));
    assert_status(take(b, T0 + CSEP_SEC(995), &slot), CSEP_ERR_EXPIRED); /* without expire(), too */
    assert_int_equal(csep_context_state(b->c), CSEP_CTX_EXPIRED);
    assert_int_equal(csep_store_deadline(&b->store), CSEP_NEVER);
    assert_int_equal(csep_context_tickets(b->c), 0);
    bench_free(b);
}

static void test_refresh_as_granted(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    b->grant.refresh = 100;
    install(b, T0);
    assert_int_equal(csep_context_soft_at(b->c), T0 + CSEP_SEC(100));
    b->grant.refresh = 1000; /* behind the hard limit */
    install(b, T0);
    assert_int_equal(csep_context_soft_at(b->c), csep_context_hard_at(b->c));
    csep_store_expire(&b->store, T0 + CSEP_SEC(999));
    assert_int_equal(csep_context_state(b->c), CSEP_CTX_EXPIRED);
    bench_free(b);
}

//= CTX-15 type=test
static void test_margin(void **state)
{
    (void)state;
    /* rtt + 4 rtt/2 + 25 ms is the PTO */
    assert_int_equal(limits_margin(CSEP_SEC(86400), CSEP_MS(50)), CSEP_SEC(5));
    assert_int_equal(limits_margin(CSEP_SEC(86400), CSEP_MS(600)), 4 * CSEP_MS(1825));
    assert_int_equal(limits_margin(CSEP_SEC(86400), 0), CSEP_SEC(5));
    assert_int_equal(limits_margin(CSEP_SEC(8), CSEP_MS(50)), CSEP_SEC(2));
    assert_int_equal(limits_margin(CSEP_SEC(1), CSEP_SEC(10)), CSEP_MS(250));
    assert_true(limits_margin(CSEP_SEC(604800), CSEP_NEVER) <= CSEP_SEC(604800) / 4);
}

/* A clock that jumps far ahead, as after suspend, ends the context; one that a host turns back does no harm.
 */
//= CTX-14 type=test
static void test_clock_jumps(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct csep_slot slot;
    install(b, T0);
    assert_ok(take(b, T0 - CSEP_SEC(100), &slot));
    csep_store_expire(&b->store, 0);
    assert_int_equal(csep_context_state(b->c), CSEP_CTX_FRESH);
    csep_store_expire(&b->store, T0 + CSEP_SEC(1000000));
    assert_int_equal(csep_context_state(b->c), CSEP_CTX_EXPIRED);
    assert_int_equal(test_trace_count(&b->trace, CSEP_TRACE_CTX_STATE),
                     2); /* to FRESH, to EXPIRED: not by SOFT */
    bench_free(b);
}

/* ---- Limits by use, each alone ---- */

static void check_limit(size_t offset, struct csep_usage limits, uint64_t hard)
{
    struct bench *b = bench_new();
    struct csep_usage one = {0};
    uint64_t *used = (uint64_t *)(void *)((char *)&one + offset);
    struct csep_slot slot;
    b->grant.limits = limits;
    install(b, T0);
    *used = hard - hard / 4 - 1;
    csep_context_report(&b->store, b->c, &one, T0);
    assert_int_equal(csep_context_state(b->c), CSEP_CTX_FRESH);
    *used = 1;
    csep_context_report(&b->store, b->c, &one, T0);
    assert_int_equal(csep_context_state(b->c), CSEP_CTX_SOFT);
    assert_ok(take(b, T0, &slot));
    assert_true(*(uint64_t *)(void *)((char *)&slot.left + offset) == hard / 4);
    *used = hard / 4 - 1;
    csep_context_report(&b->store, b->c, &one, T0);
    assert_int_equal(csep_context_state(b->c), CSEP_CTX_SOFT);
    *used = 1;
    csep_context_report(&b->store, b->c, &one, T0);
    assert_int_equal(csep_context_state(b->c), CSEP_CTX_EXPIRED);
    assert_status(take(b, T0, &slot), CSEP_ERR_EXPIRED);
    bench_free(b);
}

//= CTX-19, KEY-7, KEY-8 type=test
static void test_use(void **state)
{
    (void)state;
    check_limit(offsetof(struct csep_usage, bytes), (struct csep_usage){.bytes = 1000}, 1000);
    check_limit(offsetof(struct csep_usage, packets), (struct csep_usage){.packets = 1000}, 1000);
    check_limit(offsetof(struct csep_usage, forgeries), (struct csep_usage){.forgeries = 1000}, 1000);
    /* without LIMITS, and with those above them, those of spec 5.2 */
    check_limit(offsetof(struct csep_usage, packets), (struct csep_usage){0}, UINT64_C(1) << 60);
    check_limit(offsetof(struct csep_usage, forgeries), (struct csep_usage){0}, UINT64_C(1) << 36);
    check_limit(offsetof(struct csep_usage, forgeries), (struct csep_usage){.forgeries = UINT64_MAX},
                UINT64_C(1) << 36);
}

static void test_gcm_limit(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct csep_slot slot;
    b->grant.aeads[b->grant.num_aeads++] = CSEP_AEAD_AES_256_GCM;
    install(b, T0);
    assert_ok(take(b, T0, &slot));
    assert_true(slot.left.packets == UINT64_C(1) << 33);
    bench_free(b);
}

static void test_sums_do_not_wrap(void **state)
{
    (void)state;
    struct csep_usage a = {UINT64_MAX - 1, 5, 0}, more = {7, 5, 0};
    limits_add(&a, &more);
    assert_true(a.bytes == UINT64_MAX);
    assert_int_equal(a.packets, 10);
}

/* ---- Tickets ---- */

//= CTX-1, CTX-11, CTX-12 type=test
static void test_tickets(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct csep_slot slot;
    csep_context_add_tickets(&b->store, b->c, b->tickets, 10, T0); /* to nothing */
    assert_int_equal(csep_context_tickets(b->c), 0);
    install(b, T0);
    assert_int_equal(csep_context_tickets(b->c), 8);
    b->alloc.fail_from = b->alloc.gets + 2; /* for one more there is memory */
    csep_context_add_tickets(&b->store, b->c, b->tickets, 8 + 2, T0 + 1);
    assert_int_equal(csep_context_tickets(b->c), 9);
    b->alloc.fail_from = 0;
    csep_context_add_tickets(&b->store, b->c, b->tickets, 10, T0 + 1); /* 8 of them known */
    assert_int_equal(csep_context_tickets(b->c), 10);
    csep_context_add_tickets(&b->store, b->c, b->tickets, 32, T0 + 2);
    assert_int_equal(csep_context_tickets(b->c), 32);
    struct csep_ticket more = {.len = 255};
    csep_context_add_tickets(&b->store, b->c, &more, 1, T0 + 3);
    assert_int_equal(csep_context_tickets(b->c), 32);
    for (unsigned i = 0; i < 32; i++) { /* oldest first, each once */
        assert_ok(take(b, T0 + 10, &slot));
        assert_int_equal(slot.ticket_len, b->tickets[i].len);
        assert_memory_equal(slot.ticket, b->tickets[i].b, slot.ticket_len);
        assert_int_equal(slot.received, i < 8 ? T0 : i < 10 ? T0 + 1 : T0 + 2);
    }
    assert_status(take(b, T0 + 10, &slot), CSEP_ERR_NO_CONTEXT);
    csep_context_add_tickets(&b->store, b->c, &more, 1, T0 + 11);
    assert_ok(take(b, T0 + 12, &slot));
    bench_free(b);
}

//= NEG-70, SEC-21 type=test
static void test_what_is_not_granted(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct csep_slot slot;
    install(b, T0);
    assert_status(csep_context_take(&b->store, b->c, 1, 1, T0, &slot), CSEP_ERR_UNSUPPORTED);
    assert_status(csep_context_take(&b->store, b->c, 2, 1, T0, &slot), CSEP_ERR_UNSUPPORTED);
    assert_status(csep_context_take(&b->store, b->c, 3, 0, T0, &slot), CSEP_ERR_UNSUPPORTED);
    assert_status(csep_context_take(&b->store, b->c, 1, 200, T0, &slot), CSEP_ERR_UNSUPPORTED);
    assert_int_equal(csep_context_tickets(b->c), 8); /* a refusal costs no ticket */
    b->grant.transports[0].services =
        0xffff; /* bits that UDP does not have are nothing //= NEG-68 type=test */
    install(b, T0);
    assert_status(csep_context_take(&b->store, b->c, 1, 2, T0, &slot), CSEP_ERR_UNSUPPORTED);
    assert_status(csep_context_take(&b->store, b->c, 1, 9, T0, &slot), CSEP_ERR_UNSUPPORTED);
    assert_ok(csep_context_take(&b->store, b->c, 2, 2, T0, &slot));
    assert_int_equal(slot.first_flight, 14336);
    assert_int_equal(slot.num_aeads, 1);
    assert_int_equal(slot.upgrade, CSEP_UPGRADE_OFFERED);
    assert_int_equal(slot.token_len, 65);
    assert_true(slot.peer_known);
    assert_true(slot.elsewhere); /* "tcp.example" //= NEG-71 type=test */
    assert_ok(take(b, T0, &slot));
    assert_false(slot.elsewhere);
    bench_free(b);
}

/* ---- Refresh ---- */

//= CTX-20 type=test
static void test_refresh_keeps_the_old_one(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct csep_slot slot;
    uint8_t secret[32] = {1};
    install(b, T0);
    csep_context_input(&b->store, b->c, CSEP_CTX_IN_NEGOTIATE, T0);
    assert_ok(take(b, T0, &slot));
    /* memory runs out at any point of the installation: the old one stays, whole */
    for (uint64_t at = 1; at <= 9; at++) {
        b->alloc.fail_from = b->alloc.gets + at;
        assert_status(csep_context_install(&b->store, b->c, &b->grant, secret, b->tickets + 8, 8, 0, T0),
                      CSEP_ERR_MEMORY);
        b->alloc.fail_from = 0;
        assert_int_equal(csep_context_tickets(b->c), 7);
    }
    csep_context_input(&b->store, b->c, CSEP_CTX_IN_FAILED, T0);
    assert_ok(take(b, T0, &slot));
    assert_ok(csep_context_install(&b->store, b->c, &b->grant, secret, b->tickets + 8, 2, 0, T0));
    assert_int_equal(csep_context_tickets(b->c), 2);
    assert_int_equal(csep_context_rtt(b->c), 0);
    assert_ok(take(b, T0, &slot));
    assert_memory_equal(slot.ticket, b->tickets[8].b, slot.ticket_len);
    bench_free(b);
}

/* A refresh brings a new address token; the one that connections used before is not used again. */
//= DATA-16 type=test
static void test_newest_token(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct csep_slot slot;
    install(b, T0);
    assert_ok(take(b, T0, &slot));
    assert_int_equal(slot.token[0], 9);
    memset(b->grant.token, 8, 65);
    csep_context_input(&b->store, b->c, CSEP_CTX_IN_NEGOTIATE, T0);
    install(b, T0);
    for (unsigned i = 0; i < 8; i++) {
        assert_ok(take(b, T0, &slot));
        assert_int_equal(slot.token_len, 65);
        for (unsigned k = 0; k < 65; k++)
            assert_int_equal(slot.token[k], 8);
    }
    bench_free(b);
}

/* Nothing but an installed grant makes a context usable: not tickets, not reports, not any other input. */
//= SEC-15 type=test
static void test_only_a_grant_makes_it(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct csep_slot slot;
    const struct csep_usage used = {1, 1, 0};
    for (unsigned twice = 0; twice < 2; twice++) {
        csep_context_add_tickets(&b->store, b->c, b->tickets, 32, T0);
        csep_context_report(&b->store, b->c, &used, T0);
        csep_context_input(&b->store, b->c, CSEP_CTX_IN_NEGOTIATE, T0);
        csep_context_add_tickets(&b->store, b->c, b->tickets, 32, T0);
        assert_int_equal(csep_context_tickets(b->c), 0);
        assert_status(take(b, T0, &slot), CSEP_ERR_NO_CONTEXT);
        csep_context_input(&b->store, b->c, CSEP_CTX_IN_FAILED, T0);
        assert_status(take(b, T0, &slot), CSEP_ERR_NO_CONTEXT);
        assert_false(csep_context_grant(b->c, &b->grant));
    }
    bench_free(b);
}

/* A ticket is never given out twice, not even when there is no memory for the list without it. */
//= CTX-1 type=test
static void test_take_without_memory(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct csep_slot slot;
    install(b, T0);
    b->alloc.fail_from = b->alloc.gets + 1;
    assert_ok(take(b, T0, &slot));
    assert_status(take(b, T0, &slot), CSEP_ERR_NO_CONTEXT);
    bench_free(b);
}

static void test_grant_comes_back(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct csep_grant g;
    assert_false(csep_context_grant(b->c, &g));
    install(b, T0);
    assert_true(csep_context_grant(b->c, &g));
    assert_memory_equal(&g, &b->grant, sizeof g);
    csep_context_input(&b->store, b->c, CSEP_CTX_IN_REVOKE, T0);
    assert_true(csep_context_grant(b->c, &g));
    bench_free(b);
}

/* USED after SUSPECT is FRESH, but a refresh that is due stays due. */
static void test_used_when_refresh_is_due(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    install(b, T0);
    csep_context_input(&b->store, b->c, CSEP_CTX_IN_REFUSED, T0);
    csep_context_input(&b->store, b->c, CSEP_CTX_IN_USED, T0 + CSEP_SEC(10));
    assert_int_equal(csep_context_state(b->c), CSEP_CTX_FRESH);
    csep_context_input(&b->store, b->c, CSEP_CTX_IN_REFUSED, T0);
    csep_context_input(&b->store, b->c, CSEP_CTX_IN_USED, T0 + CSEP_SEC(800));
    assert_int_equal(csep_context_state(b->c), CSEP_CTX_SOFT);
    bench_free(b);
}

static void test_size(void **state)
{
    (void)state;
    assert_in_range(csep_context_size_client(), 1, 256);
    assert_in_range(csep_context_size_server(), 1, 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_state_and_input),
        cmocka_unit_test(test_drawing),
        cmocka_unit_test(test_usable_states),
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_refresh_as_granted),
        cmocka_unit_test(test_margin),
        cmocka_unit_test(test_clock_jumps),
        cmocka_unit_test(test_use),
        cmocka_unit_test(test_gcm_limit),
        cmocka_unit_test(test_sums_do_not_wrap),
        cmocka_unit_test(test_tickets),
        cmocka_unit_test(test_what_is_not_granted),
        cmocka_unit_test(test_refresh_keeps_the_old_one),
        cmocka_unit_test(test_newest_token),
        cmocka_unit_test(test_only_a_grant_makes_it),
        cmocka_unit_test(test_take_without_memory),
        cmocka_unit_test(test_grant_comes_back),
        cmocka_unit_test(test_used_when_refresh_is_due),
        cmocka_unit_test(test_size),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
