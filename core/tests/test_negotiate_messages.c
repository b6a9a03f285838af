/* SPDX-License-Identifier: BSD-2-Clause */
/* Each end of a negotiation alone, fed with messages that the other end should not, or may, send. */
#include "neg_puppet.h"

static uint8_t b[70000];

static struct neg_puppet *client(bool keep_open)
{
    struct neg_puppet_options o = neg_puppet_options_default(false);
    o.neg.keep_open = keep_open;
    struct neg_puppet *p = neg_puppet_new(&o);
    neg_puppet_bytes(p);
    neg_puppet_up(p);
    return p;
}

static struct neg_puppet *server(void)
{
    struct neg_puppet_options o = neg_puppet_options_default(true);
    struct neg_puppet *p = neg_puppet_new(&o);
    neg_puppet_bytes(p);
    neg_puppet_up(p);
    assert_string_equal(csep_negotiate_state(p->n), "CONFIRMED");
    return p;
}

static void check_failed(struct neg_puppet *p, csep_status want)
{
    assert_int_equal(neg_puppet_error(p), csep_status_wire(want)); //= NEG-53 type=test
    assert_true(neg_puppet_event(p, CSEP_NEG_FAILED));
    assert_status(p->ev.status, want);
    assert_string_equal(csep_negotiate_state(p->n), "FAILED");
    assert_int_equal(csep_negotiate_deadline(p->n), CSEP_NEVER);
    assert_true(p->secure.forgotten > 0); //= KEY-2 type=test
    assert_false(neg_puppet_event(p, CSEP_NEG_FAILED));
    neg_puppet_free(p);
}

static struct neg_puppet *either(bool is_server)
{
    return is_server ? server() : client(true);
}

/* ---- Both ends ---- */

//= NEG-22 type=test
static void test_oversize(void **state)
{
    (void)state;
    for (unsigned s = 0; s < 2; s++) {
        static const uint8_t types[] = {5, 4, 0x33, 0xb3};
        for (unsigned i = 0; i < sizeof types; i++) {
            struct neg_puppet *p = either(s);
            neg_puppet_data(p, (uint8_t[4]){types[i], 1, 0, 0}, 4); /* as soon as its header is known */
            check_failed(p, CSEP_ERR_OVERSIZE);
        }
        struct neg_puppet *p = either(s);
        size_t before = p->alloc.live;
        neg_puppet_data(p, (uint8_t[4]){4, 0, 0xff, 0xff}, 4);
        assert_int_equal(neg_puppet_error(p), -1);
        assert_true(p->alloc.live - before < 1000); /* memory follows what arrives, not what is announced */
        neg_puppet_free(p);
    }
}

//= NEG-23, NEG-24 type=test
static void test_unknown_types(void **state)
{
    (void)state;
    for (unsigned s = 0; s < 2; s++) {
        struct neg_puppet *p = either(s);
        memset(b, 0x5a, sizeof b);
        memcpy(b, (uint8_t[4]){0x7f, 0, 0xff, 0xff}, 4);
        size_t before = p->alloc.peak;
        neg_puppet_data(p, b, 4 + 65535);
        neg_puppet_data(p, (uint8_t[4]){0, 0, 0, 0}, 4);
        assert_int_equal(neg_puppet_error(p), -1);
        assert_int_equal(p->alloc.peak, before);           /* skipped without being kept */
        neg_puppet_data(p, b, make_error(b, sizeof b, 1)); /* and the next message is found */
        assert_true(neg_puppet_event(p, s ? CSEP_NEG_CLOSED : CSEP_NEG_FAILED));
        neg_puppet_free(p);
        p = either(s);
        neg_puppet_data(p, (uint8_t[4]){0x80, 0, 0, 9}, 4);
        check_failed(p, CSEP_ERR_CRITICAL);
    }
}

//= NEG-36 type=test
static void test_wrong_sender(void **state)
{
    (void)state;
    static const uint8_t not_from_client[] = {CSEP_MSG_GRANT, CSEP_MSG_TICKETS};
    static const uint8_t not_from_server[] = {CSEP_MSG_REQUEST, CSEP_MSG_CONTINUE};
    for (unsigned s = 0; s < 2; s++) {
        for (unsigned i = 0; i < 2; i++) {
            struct neg_puppet *p = either(s);
            neg_puppet_data(p, (uint8_t[4]){s ? not_from_client[i] : not_from_server[i], 0, 0, 0}, 4);
            check_failed(p, CSEP_ERR_UNEXPECTED);
        }
    }
}

/* Errors of the codec reach the peer with their own code. */
static void test_codec_errors_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        csep_status want;
    } bodies[] = {
        {"", CSEP_ERR_MISSING},
        {"000f0002000100", CSEP_ERR_DECODE},
        {"000f00020001"
         "000f00020001",
         CSEP_ERR_DUPLICATE},
        {"000f0000", CSEP_ERR_VALUE},
        {"000f00020001"
         "9999000101",
         CSEP_ERR_CRITICAL},
    };
    for (unsigned s = 0; s < 2; s++) {
        for (unsigned i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
            struct neg_puppet *p = either(s);
            size_t n = test_unhex(b + 4, sizeof b - 4, bodies[i].hex);
            memcpy(b, (uint8_t[4]){CSEP_MSG_ERROR, 0, 0, (uint8_t)n}, 4);
            neg_puppet_data(p, b, 4 + n);
            check_failed(p, bodies[i].want);
        }
    }
}

//= NEG-21 type=test
static void test_byte_by_byte(void **state)
{
    (void)state;
    struct neg_puppet *p = client(true);
    size_t n = make_grant(b, sizeof b, 1, NULL);
    n += make_tickets(b + n, sizeof b - n, 1, 3, NULL);
    for (size_t i = 0; i < n; i++) {
        assert_false(neg_puppet_event(p, CSEP_NEG_GRANTED)); //= NEG-43 type=test
        neg_puppet_data(p, b + i, 1);
    }
    assert_true(neg_puppet_event(p, CSEP_NEG_GRANTED));
    assert_int_equal(p->ev.num_tickets, 3);
    neg_puppet_free(p);
}

/* ---- The client ---- */

//= NEG-54 type=test
static void test_error_ends_it(void **state)
{
    (void)state;
    struct neg_puppet *p = client(true);
    size_t n = make_grant(b, sizeof b, 1, NULL);
    n += make_error(b + n, sizeof b - n, 0x1234);
    n += make_tickets(b + n, sizeof b - n, 1, 3, NULL);
    neg_puppet_data(p, b, n);
    assert_false(neg_puppet_event(p, CSEP_NEG_GRANTED));
    assert_int_equal(p->ev.type, CSEP_NEG_FAILED);
    assert_status(p->ev.status, CSEP_ERR_REFUSED);
    assert_int_equal(p->ev.code, 0x1234);
    neg_puppet_sent(p);
    assert_int_equal(p->sent_len, 0); /* close_notify alone answers an ERROR */
    assert_int_equal(p->alerts, 1);
    neg_puppet_free(p);
}

//= NEG-43 type=test
static void test_too_few_tickets(void **state)
{
    (void)state;
    struct neg_puppet *p = client(true);
    size_t n = make_grant(b, sizeof b, 1, NULL);
    n += make_tickets(b + n, sizeof b - n, 1, 1, NULL);
    neg_puppet_data(p, b, n);
    assert_false(neg_puppet_event(p, CSEP_NEG_GRANTED));
    neg_puppet_data(p, b, make_tickets(b, sizeof b, 1, 2, NULL));
    assert_true(neg_puppet_event(p, CSEP_NEG_GRANTED));
    neg_puppet_free(p);
}

//= NEG-76 type=test
static void test_tickets_of_nobody(void **state)
{
    (void)state;
    struct neg_puppet *p = client(true);
    size_t n = make_grant(b, sizeof b, 1, NULL);
    n += make_tickets(b + n, sizeof b - n, 9, 2, NULL);
    neg_puppet_data(p, b, n);
    assert_false(neg_puppet_event(p, CSEP_NEG_TICKETS));
    neg_puppet_data(p, b, make_tickets(b, sizeof b, 1, 2, NULL));
    assert_true(neg_puppet_event(p, CSEP_NEG_GRANTED));
    neg_puppet_free(p);
}

/* Whatever else may be said to that port. */
//= NEG-63 type=test
static void test_other_protocols(void **state)
{
    (void)state;
    for (unsigned s = 0; s < 2; s++) {
        struct neg_puppet *p = either(s);
        neg_puppet_data(p, "GET / HTTP/1.1\r\n\r\n", 18);
        check_failed(p, CSEP_ERR_OVERSIZE);
    }
}

static void test_unasked_grants_are_bounded(void **state)
{
    (void)state;
    struct neg_puppet *p = client(true);
    for (unsigned i = 0; i < 10; i++)
        neg_puppet_data(p, b, make_grant(b, sizeof b, (uint8_t)i, NULL));
    check_failed(p, CSEP_ERR_UNEXPECTED);
}

//= NEG-39 type=test
static void test_no_common_aead(void **state)
{
    (void)state;
    struct neg_puppet *p = client(true);
    static struct neg_grant m;
    struct neg_fields f;
    struct wr w = wr_init(b, sizeof b);
    size_t n = make_grant(b, sizeof b, 1, NULL);
    assert_ok(neg_scan(&f, CSEP_MSG_GRANT, b + 4, n - 4));
    assert_ok(neg_get_grant(&f, 0, &m));
    m.grant.aeads[0] = 0x7777;
    neg_put_grant(&w, &m, NULL);
    neg_puppet_data(p, b, w.len);
    check_failed(p, CSEP_ERR_REFUSED);
}

//= NEG-44 type=test
static void test_half_a_grant(void **state)
{
    (void)state;
    size_t grant = make_grant(b, sizeof b, 1, NULL);
    size_t n = grant + make_tickets(b + grant, sizeof b - grant, 1, 3, NULL);
    for (size_t cut = 0; cut < n; cut++) {
        for (unsigned how = 0; how < 2; how++) {
            struct neg_puppet *p = client(true);
            neg_puppet_data(p, b, cut);
            if (how)
                neg_puppet_flags(p, CSEP_SECURE_PEER_CLOSED);
            else
                csep_negotiate_input_eof(p->n, p->now);
            assert_false(neg_puppet_event(p, CSEP_NEG_GRANTED));
            assert_int_equal(p->ev.type, CSEP_NEG_FAILED);
            assert_status(p->ev.status, how ? CSEP_ERR_CLOSED : CSEP_ERR_TRUNCATED);
            neg_puppet_free(p);
        }
    }
}

/* The host that does not look for its events holds up neither the close nor the memory. */
static void test_slow_host(void **state)
{
    (void)state;
    struct neg_puppet *p = client(false);
    size_t n = make_grant(b, sizeof b, 1, NULL);
    n += make_tickets(b + n, sizeof b - n, 1, 3, NULL);
    for (unsigned i = 0; i < 300; i++) {
        uint8_t handle[CSEP_HANDLE_LEN] = {(uint8_t)i};
        n += make_revoke(b + n, sizeof b - n, handle);
    }
    neg_puppet_data(p, b, n);
    neg_puppet_sent(p);
    assert_int_equal(p->alerts, 1); //= NEG-55 type=test
    neg_puppet_flags(p, CSEP_SECURE_PEER_CLOSED);
    assert_true(p->alloc.live < 20000);
    assert_true(neg_puppet_event(p, CSEP_NEG_GRANTED));
    unsigned revoked = 0;
    while (neg_puppet_event(p, CSEP_NEG_REVOKED))
        revoked++;
    assert_int_equal(revoked, 300);
    assert_int_equal(p->ev.type, CSEP_NEG_CLOSED);
    neg_puppet_free(p);
}

/* Two grants in one read: each is lent to the host in its turn. */
static void test_two_grants_at_once(void **state)
{
    (void)state;
    struct neg_puppet *p = client(true);
    uint8_t secret[32];
    size_t n = 0;
    for (uint8_t i = 1; i <= 2; i++) {
        n += make_grant(b + n, sizeof b - n, i, NULL);
        n += make_tickets(b + n, sizeof b - n, i, 2, NULL);
    }
    neg_puppet_data(p, b, n);
    assert_true(neg_puppet_event(p, CSEP_NEG_GRANTED));
    assert_int_equal(p->ev.handle[0], 1);
    assert_int_equal(p->ev.grant->handle[0], 1);
    assert_int_equal(p->ev.tickets[0].b[0], 16);
    memcpy(secret, p->ev.secret, sizeof secret);
    assert_true(neg_puppet_event(p, CSEP_NEG_GRANTED));
    assert_int_equal(p->ev.grant->handle[0], 2);
    assert_int_equal(p->ev.tickets[0].b[0], 32);
    assert_memory_not_equal(p->ev.secret, secret, sizeof secret);
    neg_puppet_free(p);
}

static void test_revoked_before_whole(void **state)
{
    (void)state;
    struct neg_puppet *p = client(true);
    uint8_t handle[CSEP_HANDLE_LEN];
    memset(handle, 1, sizeof handle);
    size_t n = make_grant(b, sizeof b, 1, NULL);
    n += make_revoke(b + n, sizeof b - n, handle);
    n += make_tickets(b + n, sizeof b - n, 1, 2, NULL);
    neg_puppet_data(p, b, n);
    assert_false(neg_puppet_event(p, CSEP_NEG_GRANTED));
    neg_puppet_free(p);
}

/* ---- The server ---- */

static void test_first_flight(void **state)
{
    (void)state;
    struct neg_puppet_options o = neg_puppet_options_default(true);
    struct neg_puppet *p = neg_puppet_new(&o);
    struct neg_fields f;
    static struct neg_grant g;
    neg_puppet_bytes(p);
    p->secure.flags |= CSEP_SECURE_CAN_WRITE | CSEP_SECURE_CAN_EXPORT;
    neg_puppet_sent(p);
    assert_int_equal(p->sent[0], CSEP_MSG_GRANT); //= NEG-41 type=test
    size_t n = 4 + ((size_t)p->sent[2] << 8 | p->sent[3]);
    assert_ok(neg_scan(&f, CSEP_MSG_GRANT, p->sent + 4, n - 4));
    assert_ok(neg_get_grant(&f, 0, &g));
    assert_false(g.answers);
    assert_int_equal(g.grant.num_transports, 2);
    assert_int_equal(p->sent[n], CSEP_MSG_TICKETS);
    assert_int_equal(neg_puppet_count(p, CSEP_MSG_GRANT), 1);
    assert_int_equal(neg_puppet_count(p, CSEP_MSG_TICKETS), 1);
    neg_puppet_free(p);
}

//= NEG-51 type=test
static void test_ninth_request(void **state)
{
    (void)state;
    struct neg_puppet *p = server();
    size_t n = 0;
    neg_puppet_sent(p);
    for (uint32_t i = 0; i < 9; i++) /* 0 is an id like others */
        n += make_request(b + n, sizeof b - n, &(struct csep_grant_request){0}, i);
    neg_puppet_data(p, b, n);
    assert_int_equal(neg_puppet_error(p), csep_status_wire(CSEP_ERR_REFUSED));
    assert_int_equal(neg_puppet_count(p, CSEP_MSG_GRANT), 8);
    assert_int_equal(neg_puppet_count(p, CSEP_MSG_TICKETS), 8);
    assert_true(neg_puppet_event(p, CSEP_NEG_FAILED));
    neg_puppet_free(p);
}

//= NEG-46 type=test
static void test_answers_carry_the_id(void **state)
{
    (void)state;
    struct neg_puppet *p = server();
    neg_puppet_sent(p);
    neg_puppet_data(p, b, make_request(b, sizeof b, &(struct csep_grant_request){0}, 0));
    neg_puppet_sent(p);
    for (size_t at = 0; at < p->sent_len;) {
        struct neg_fields f;
        size_t n = 4 + ((size_t)p->sent[at + 2] << 8 | p->sent[at + 3]);
        assert_ok(neg_scan(&f, p->sent[at], p->sent + at + 4, n - 4));
        assert_true(f.present >> CSEP_FIELD_REQUEST_ID & 1);
        at += n;
    }
    neg_puppet_free(p);
}

/* A peer that does not read holds up its own answers and nothing else; all come once it reads. */
static void test_peer_that_does_not_read(void **state)
{
    (void)state;
    struct neg_puppet *p = server();
    size_t n = 0;
    neg_puppet_sent(p);
    p->secure.max_out = 1500;
    for (uint32_t i = 1; i <= 8; i++)
        n += make_request(b + n, sizeof b - n, &(struct csep_grant_request){0}, i);
    neg_puppet_data(p, b, n);
    assert_true(p->secure.out.len <= 1500);
    size_t contexts = csep_grantor_contexts(p->grantor), live = p->alloc.live;
    for (unsigned i = 0; i < 50; i++)
        neg_puppet_data(p, NULL, 0);
    assert_int_equal(csep_grantor_contexts(p->grantor), contexts); /* no grant for nothing */
    assert_int_equal(p->alloc.live, live);
    unsigned grants = 0;
    uint8_t out[64], all[40000];
    size_t len = 0, got;
    while ((got = csep_negotiate_output(p->n, out, sizeof out, p->now)) > 0) {
        memcpy(all + len, out, got);
        len += got;
    }
    for (size_t at = 0; at + 5 <= len; at += 5 + ((size_t)all[at + 3] << 8 | all[at + 4]))
        grants += all[at + 5] == CSEP_MSG_GRANT;
    assert_int_equal(grants, 8);
    assert_int_equal(csep_grantor_contexts(p->grantor), 9);
    neg_puppet_free(p);
}

//= NEG-59 type=test
static void test_continue_that_was_not_offered(void **state)
{
    (void)state;
    struct neg_puppet_options o = neg_puppet_options_default(true);
    o.grantor.menu.transports[1].flags = 0;
    struct neg_puppet *p = neg_puppet_new(&o);
    neg_puppet_bytes(p);
    neg_puppet_up(p);
    neg_puppet_data(p, b, make_continue(b, sizeof b));
    check_failed(p, CSEP_ERR_UNEXPECTED);
}

//= NEG-75 type=test
static void test_revoke_of_a_stranger(void **state)
{
    (void)state;
    struct neg_puppet *p = server();
    uint8_t handle[CSEP_HANDLE_LEN] = {1, 2, 3};
    neg_puppet_data(p, b, make_revoke(b, sizeof b, handle));
    assert_false(neg_puppet_event(p, CSEP_NEG_REVOKED));
    assert_int_equal(csep_grantor_contexts(p->grantor), 1);
    assert_string_equal(csep_negotiate_state(p->n), "CONFIRMED");
    neg_puppet_free(p);
}

//= NEG-56 type=test
static void test_close_is_answered(void **state)
{
    (void)state;
    struct neg_puppet *p = server();
    neg_puppet_sent(p);
    neg_puppet_flags(p, CSEP_SECURE_PEER_CLOSED);
    neg_puppet_sent(p);
    assert_int_equal(p->alerts, 1);
    assert_true(neg_puppet_event(p, CSEP_NEG_CLOSED)); /* the host closes TCP now */
    neg_puppet_free(p);
}

//= CTX-22 type=test
static void test_full_grantor(void **state)
{
    (void)state;
    struct neg_puppet_options o = neg_puppet_options_default(true);
    o.grantor.max_contexts = 1;
    struct neg_puppet *p = neg_puppet_new(&o);
    neg_puppet_bytes(p);
    neg_puppet_up(p);
    neg_puppet_data(p, b, make_request(b, sizeof b, &(struct csep_grant_request){0}, 1));
    assert_false(neg_puppet_event(p, CSEP_NEG_FAILED));
    assert_string_equal(csep_negotiate_state(p->n), "CONFIRMED");
    assert_int_equal(csep_grantor_contexts(p->grantor), 1);
    neg_puppet_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oversize),
        cmocka_unit_test(test_unknown_types),
        cmocka_unit_test(test_wrong_sender),
        cmocka_unit_test(test_codec_errors_are_told),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_error_ends_it),
        cmocka_unit_test(test_too_few_tickets),
        cmocka_unit_test(test_tickets_of_nobody),
        cmocka_unit_test(test_other_protocols),
        cmocka_unit_test(test_unasked_grants_are_bounded),
        cmocka_unit_test(test_no_common_aead),
        cmocka_unit_test(test_half_a_grant),
        cmocka_unit_test(test_slow_host),
        cmocka_unit_test(test_two_grants_at_once),
        cmocka_unit_test(test_revoked_before_whole),
        cmocka_unit_test(test_first_flight),
        cmocka_unit_test(test_ninth_request),
        cmocka_unit_test(test_answers_carry_the_id),
        cmocka_unit_test(test_peer_that_does_not_read),
        cmocka_unit_test(test_continue_that_was_not_offered),
        cmocka_unit_test(test_revoke_of_a_stranger),
        cmocka_unit_test(test_close_is_answered),
        cmocka_unit_test(test_full_grantor),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
