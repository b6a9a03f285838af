/* SPDX-License-Identifier: BSD-2-Clause */
/* Both state tables: as the specification prints them, and every pair visited by an end brought there. */
#include "dot.h"
#include "negotiate/table.h"
#include "neg_puppet.h"

struct row {
    const char *from;
    const char *to[NEG_INPUT_COUNT]; /* by input; NULL: "-" */
};

/* Written out once more from spec 4.3, since the library's tables are what is tested. */
static const struct row client_rows[] = {
    {"START",
     {[NEG_EV_BYTES] = "HANDSHAKE",
      [NEG_EV_LOCAL_CLOSE] = "CLOSING",
      [NEG_EV_END] = "FAILED",
      [NEG_EV_TIMEOUT] = "FAILED"}},
    {"HANDSHAKE",
     {[NEG_EV_BYTES] = "HANDSHAKE",
      [NEG_EV_TLS_UP] = "HANDSHAKE",
      [NEG_EV_GRANT] = "HANDSHAKE",
      [NEG_EV_WHOLE] = "GRANTED",
      [NEG_EV_ERROR] = "FAILED",
      [NEG_EV_REVOKE] = "HANDSHAKE",
      [NEG_EV_LOCAL_CLOSE] = "CLOSING",
      [NEG_EV_CLOSE_NOTIFY] = "FAILED",
      [NEG_EV_END] = "FAILED",
      [NEG_EV_TIMEOUT] = "FAILED"}},
    {"GRANTED",
     {[NEG_EV_BYTES] = "GRANTED",
      [NEG_EV_GRANT] = "GRANTED",
      [NEG_EV_WHOLE] = "GRANTED",
      [NEG_EV_ERROR] = "FAILED",
      [NEG_EV_REVOKE] = "GRANTED",
      [NEG_EV_LOCAL_CLOSE] = "CLOSING",
      [NEG_EV_CLOSE_NOTIFY] = "DONE",
      [NEG_EV_END] = "DONE",
      [NEG_EV_TIMEOUT] = "CLOSING"}},
    {"CLOSING",
     {[NEG_EV_BYTES] = "CLOSING",
      [NEG_EV_GRANT] = "CLOSING",
      [NEG_EV_WHOLE] = "CLOSING",
      [NEG_EV_ERROR] = "DONE",
      [NEG_EV_REVOKE] = "CLOSING",
      [NEG_EV_LOCAL_CLOSE] = "CLOSING",
      [NEG_EV_CLOSE_NOTIFY] = "DONE",
      [NEG_EV_END] = "DONE",
      [NEG_EV_TIMEOUT] = "DONE"}},
    {"DONE", {NULL}},
    {"FAILED", {NULL}},
};

static const struct row server_rows[] = {
    {"START",
     {[NEG_EV_BYTES] = "HANDSHAKE",
      [NEG_EV_CLOSE_NOTIFY] = "FAILED",
      [NEG_EV_END] = "FAILED",
      [NEG_EV_TIMEOUT] = "FAILED"}},
    {"HANDSHAKE",
     {[NEG_EV_BYTES] = "HANDSHAKE",
      [NEG_EV_TLS_UP] = "GRANTING",
      [NEG_EV_CLOSE_NOTIFY] = "FAILED",
      [NEG_EV_END] = "FAILED",
      [NEG_EV_TIMEOUT] = "FAILED"}},
    {"GRANTING",
     {[NEG_EV_BYTES] = "GRANTING",
      [NEG_EV_FINISHED] = "CONFIRMED",
      [NEG_EV_CLOSE_NOTIFY] = "FAILED",
      [NEG_EV_END] = "FAILED",
      [NEG_EV_TIMEOUT] = "FAILED"}},
    {"CONFIRMED",
     {[NEG_EV_BYTES] = "CONFIRMED",
      [NEG_EV_REQUEST] = "CONFIRMED",
      [NEG_EV_REVOKE] = "CONFIRMED",
      [NEG_EV_CONTINUE] = "CLOSING",
      [NEG_EV_ERROR] = "DONE",
      [NEG_EV_CLOSE_NOTIFY] = "DONE",
      [NEG_EV_END] = "DONE",
      [NEG_EV_TIMEOUT] = "FAILED"}},
    {"CLOSING",
     {[NEG_EV_BYTES] = "CLOSING",
      [NEG_EV_REQUEST] = "FAILED",
      [NEG_EV_REVOKE] = "FAILED",
      [NEG_EV_CONTINUE] = "FAILED",
      [NEG_EV_ERROR] = "DONE",
      [NEG_EV_CLOSE_NOTIFY] = "DONE",
      [NEG_EV_END] = "DONE",
      [NEG_EV_TIMEOUT] = "DONE"}},
    {"DONE", {NULL}},
    {"FAILED", {NULL}},
};

static enum neg_state named(const char *name)
{
    for (enum neg_state s = 0; s < NEG_STATE_COUNT; s++)
        if (!strcmp(neg_state_name(s), name))
            return s;
    fail_msg("no state %s", name);
    return 0;
}

static void check_table(bool server, const struct row *rows, unsigned num)
{
    unsigned mine = 0;
    for (enum neg_state s = 0; s < NEG_STATE_COUNT; s++)
        mine += neg_state_of(server, s);
    assert_int_equal(mine, num);
    for (unsigned r = 0; r < num; r++) {
        enum neg_state s = named(rows[r].from);
        assert_true(neg_state_of(server, s));
        for (enum neg_input i = 0; i < NEG_INPUT_COUNT; i++) {
            int next = neg_next(server, s, i);
            assert_string_equal(next < 0 ? "-" : neg_state_name((enum neg_state)next),
                                rows[r].to[i] ? rows[r].to[i] : "-");
        }
    }
}

static void test_tables(void **state)
{
    (void)state;
    check_table(false, client_rows, sizeof client_rows / sizeof client_rows[0]);
    check_table(true, server_rows, sizeof server_rows / sizeof server_rows[0]);
}

/* ---- Every pair, visited ---- */

static void put(struct neg_puppet *p, enum neg_input in)
{
    uint8_t b[20000];
    static const uint8_t handle[CSEP_HANDLE_LEN] = {1};
    size_t n;
    switch (in) {
    case NEG_EV_BYTES:
        neg_puppet_bytes(p);
        break;
    case NEG_EV_TLS_UP:
        p->secure.flags |= CSEP_SECURE_CAN_WRITE | CSEP_SECURE_CAN_EXPORT;
        neg_puppet_sent(p);
        break;
    case NEG_EV_FINISHED:
        neg_puppet_flags(p, CSEP_SECURE_CONFIRMED);
        break;
    case NEG_EV_GRANT:
        neg_puppet_data(p, b, make_grant(b, sizeof b, 1, NULL));
        break;
    case NEG_EV_WHOLE:
        n = make_grant(b, sizeof b, 2, NULL);
        n += make_tickets(b + n, sizeof b - n, 2, 2, NULL);
        neg_puppet_data(p, b, n);
        break;
    case NEG_EV_REQUEST:
        neg_puppet_data(p, b, make_request(b, sizeof b, &(struct csep_grant_request){0}, 1));
        break;
    case NEG_EV_REVOKE:
        neg_puppet_data(p, b, make_revoke(b, sizeof b, handle));
        break;
    case NEG_EV_CONTINUE:
        neg_puppet_data(p, b, make_continue(b, sizeof b));
        break;
    case NEG_EV_ERROR:
        neg_puppet_data(p, b, make_error(b, sizeof b, 10));
        break;
    case NEG_EV_LOCAL_CLOSE:
        csep_negotiate_close(p->n, p->now);
        break;
    case NEG_EV_CLOSE_NOTIFY:
        neg_puppet_flags(p, CSEP_SECURE_PEER_CLOSED);
        break;
    case NEG_EV_END:
        csep_negotiate_input_eof(p->n, p->now);
        break;
    default:
        p->now = csep_negotiate_deadline(p->n);
        if (p->now != CSEP_NEVER)
            csep_negotiate_expire(p->n, p->now);
    }
}

static struct neg_puppet *brought_to(bool server, enum neg_state s)
{
    struct neg_puppet_options o = neg_puppet_options_default(server);
    o.neg.keep_open = true;
    struct neg_puppet *p = neg_puppet_new(&o);
    static const enum neg_input client_way[] = {NEG_EV_BYTES, NEG_EV_TLS_UP, NEG_EV_WHOLE, NEG_EV_LOCAL_CLOSE,
                                                NEG_EV_CLOSE_NOTIFY};
    static const enum neg_input server_way[] = {NEG_EV_BYTES, NEG_EV_TLS_UP, NEG_EV_FINISHED, NEG_EV_CONTINUE,
                                                NEG_EV_CLOSE_NOTIFY};
    for (unsigned i = 0;
         i < 5 && s != NEG_STATE_FAILED && strcmp(csep_negotiate_state(p->n), neg_state_name(s)) != 0; i++)
        put(p, server ? server_way[i] : client_way[i]);
    if (s == NEG_STATE_HANDSHAKE && !server) /* with its TLS up, so that messages can come */
        put(p, NEG_EV_TLS_UP);
    if (s == NEG_STATE_FAILED)
        put(p, NEG_EV_END);
    assert_string_equal(csep_negotiate_state(p->n), neg_state_name(s));
    while (neg_puppet_event(p, CSEP_NEG_FAILED))
        ;
    neg_puppet_sent(p);
    return p;
}

static const char *expected(const struct row *row, enum neg_input in)
{
    bool final = !strcmp(row->from, "DONE") || !strcmp(row->from, "FAILED");
    if (row->to[in])
        return row->to[in];
    /* what TLS says of itself is looked at where it is awaited only */
    if (final || in == NEG_EV_TLS_UP || in == NEG_EV_FINISHED)
        return row->from;
    return "FAILED";
}

static bool can_be_put(bool server, enum neg_state s, enum neg_input in)
{
    if (server)
        return in != NEG_EV_LOCAL_CLOSE && in != NEG_EV_GRANT && in != NEG_EV_WHOLE &&
               !(s == NEG_STATE_START && in == NEG_EV_TLS_UP);
    return in != NEG_EV_FINISHED && in != NEG_EV_REQUEST && in != NEG_EV_CONTINUE;
}

static void visit_all(bool server, const struct row *rows, unsigned num)
{
    for (unsigned r = 0; r < num; r++) {
        for (enum neg_input in = 0; in < NEG_INPUT_COUNT; in++) {
            enum neg_state s = named(rows[r].from);
            if (!can_be_put(server, s, in))
                continue;
            struct neg_puppet *p = brought_to(server, s);
            put(p, in);
            if (strcmp(csep_negotiate_state(p->n), expected(&rows[r], in)) != 0)
                fail_msg("%s: %s + %s is %s, not %s", server ? "server" : "client", rows[r].from,
                         neg_input_name(in), csep_negotiate_state(p->n), expected(&rows[r], in));
            neg_puppet_free(p);
        }
    }
}

static void test_every_pair_of_the_client(void **state)
{
    (void)state;
    visit_all(false, client_rows, sizeof client_rows / sizeof client_rows[0]);
}

static void test_every_pair_of_the_server(void **state)
{
    (void)state;
    visit_all(true, server_rows, sizeof server_rows / sizeof server_rows[0]);
}

/* ---- Drawing ---- */

static const char *client_state(unsigned s)
{
    return neg_state_of(false, (enum neg_state)s) ? neg_state_name((enum neg_state)s) : NULL;
}

static const char *server_state(unsigned s)
{
    return neg_state_of(true, (enum neg_state)s) ? neg_state_name((enum neg_state)s) : NULL;
}

static const char *input(unsigned i)
{
    return neg_input_name((enum neg_input)i);
}

static int client_next(unsigned s, unsigned i)
{
    return neg_next(false, (enum neg_state)s, (enum neg_input)i);
}

static int server_next(unsigned s, unsigned i)
{
    return neg_next(true, (enum neg_state)s, (enum neg_input)i);
}

static void test_drawings(void **state)
{
    (void)state;
    static char text[8192];
    struct dot_table c = {"client", NEG_STATE_COUNT, NEG_INPUT_COUNT, client_state, input, client_next};
    struct dot_table s = {"server", NEG_STATE_COUNT, NEG_INPUT_COUNT, server_state, input, server_next};
    dot_draw(&c, text, sizeof text);
    assert_non_null(strstr(text, "HANDSHAKE -> GRANTED [label=\"WHOLE\"];"));
    assert_null(strstr(text, "CONFIRMED"));
    dot_draw(&s, text, sizeof text);
    assert_non_null(strstr(text, "GRANTING -> CONFIRMED [label=\"FINISHED\"];"));
    assert_null(strstr(text, "GRANTED"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_every_pair_of_the_client),
        cmocka_unit_test(test_every_pair_of_the_server),
        cmocka_unit_test(test_drawings),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
