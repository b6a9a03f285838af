/* SPDX-License-Identifier: BSD-2-Clause */
/* Every input in every state: what the table allows is what is written here, and all else fails alike. */
#include "tls_puppet.h"

#include <string.h>

/* Columns in the order of TLS_INPUT_LIST; '+' moves on or stays, '.' is unexpected_message. */
static const struct row {
    enum tls_state state;
    struct puppet_options how;
    const char *allowed;
} rows[] = {
    /*                                                       CSRTEXCQVFKODS */
    {TLS_CLIENT_WAIT_HELLO, {{0}, false}, ".++..........+"},
    {TLS_CLIENT_WAIT_HELLO_AGAIN, {{0}, false}, ".+...........+"},
    {TLS_CLIENT_WAIT_EXTENSIONS, {{0}, false}, ".....+.......+"},
    {TLS_CLIENT_WAIT_EXTENSIONS_PSK, {{0}, true}, ".....+.......+"},
    {TLS_CLIENT_WAIT_REQUEST_OR_CERTIFICATE, {{0}, false}, "......++.....+"},
    {TLS_CLIENT_WAIT_CERTIFICATE, {{0}, false}, "......+......+"},
    {TLS_CLIENT_WAIT_VERIFY, {{0}, false}, "........+....+"},
    {TLS_CLIENT_WAIT_FINISHED, {{0}, false}, ".........+...+"},
    {TLS_CLIENT_WAIT_FINISHED, {{0}, true}, ".........+...+"},
    {TLS_CLIENT_CONNECTED, {{0}, false}, "...+......+.+."},
    {TLS_SERVER_WAIT_HELLO, {{.server = true}, false}, "+............."},
    {TLS_SERVER_WAIT_HELLO_AGAIN, {{.server = true, .retry = true}, false}, "+............+"},
    {TLS_SERVER_WAIT_CERTIFICATE, {{.server = true, .require_certificate = true}, false}, "......+......+"},
    {TLS_SERVER_WAIT_VERIFY, {{.server = true, .require_certificate = true}, false}, "........+....+"},
    {TLS_SERVER_WAIT_FINISHED, {{.server = true, .require_certificate = true}, false}, ".........+...+"},
    {TLS_SERVER_WAIT_FINISHED, {{.server = true}, true}, ".........+...+"},
    {TLS_SERVER_CONNECTED, {{.server = true}, false}, "..........+.+."},
};

//= NEG-12 type=test
static void every_input_in_every_state(void **state)
{
    unsigned visited[TLS_NUM_STATES] = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        visited[rows[i].state]++;
        for (unsigned in = 0; in < TLS_NUM_INPUTS; in++) {
            struct puppet *p = puppet_new(rows[i].how);
            char what[96];
            puppet_reach(p, rows[i].state);
            puppet_say(p, in);
            snprintf(what, sizeof what, "%s in %s", tls_input_name(in), tls_state_name(rows[i].state));
            /* Data in the clear fails as a record, before there is a table to ask. */
            puppet_expect(p, rows[i].allowed[in] == '+' ? CSEP_OK : CSEP_ERR_TLS_UNEXPECTED_MESSAGE, what);
            puppet_free(p);
        }
    }
    for (unsigned s = 0; s < TLS_FAILED; s++)
        assert_true(visited[s] > 0);
}

/* FAILED: whatever comes, the same failure, and nothing more goes out. */
static void failure_is_final(void **state)
{
    (void)state;
    for (unsigned in = 0; in < TLS_NUM_INPUTS; in++) {
        struct puppet *p = puppet_new((struct puppet_options){{0}, false});
        uint8_t buf[64], out[32];
        puppet_say(p, TLS_INPUT_FINISHED);
        puppet_expect(p, CSEP_ERR_TLS_UNEXPECTED_MESSAGE, "first");
        puppet_say(p, in);
        struct csep_secure *s = end_secure(p->engine);
        assert_int_equal(s->ops->input(s, buf, 1, 0), CSEP_ERR_TLS_UNEXPECTED_MESSAGE);
        assert_int_equal(s->ops->input_eof(s, 0), CSEP_ERR_TLS_UNEXPECTED_MESSAGE);
        assert_int_equal(s->ops->write(s, buf, 1, 0), CSEP_ERR_TLS_UNEXPECTED_MESSAGE);
        assert_int_equal(s->ops->exporter(s, "EXPERIMENTAL-x", NULL, 0, out, 32),
                         CSEP_ERR_TLS_UNEXPECTED_MESSAGE);
        s->ops->close(s, 0);
        assert_int_equal(csep_tls_key_update(end_tls(p->engine), false, 0), CSEP_ERR_TLS_UNEXPECTED_MESSAGE);
        assert_int_equal(s->ops->output(s, buf, sizeof buf, 0), 0);
        assert_int_equal(s->ops->read(s, buf, sizeof buf), 0);
        assert_int_equal(s->ops->flags(s), CSEP_SECURE_FAILED);
        assert_int_equal(csep_tls_heap(end_tls(p->engine)), 0);
        puppet_free(p);
    }
}

static void every_state_and_input_has_a_name(void **state)
{
    (void)state;
    for (unsigned s = 0; s < TLS_NUM_STATES; s++)
        assert_true(strlen(tls_state_name(s)) > 0);
    for (unsigned i = 0; i < TLS_NUM_INPUTS; i++)
        assert_true(strlen(tls_input_name(i)) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_input_in_every_state),
        cmocka_unit_test(failure_is_final),
        cmocka_unit_test(every_state_and_input_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
