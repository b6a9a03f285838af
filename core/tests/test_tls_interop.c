/* SPDX-License-Identifier: BSD-2-Clause */
/* Our engine against itself, OpenSSL and GnuTLS, in both roles. */
#include "tls_peer.h"

#include <string.h>

struct pair {
    const char *name;
    enum end_kind client, server;
};

static const struct pair pairs[] = {
    {"ours to ours", END_OURS, END_OURS},
    {"ours to OpenSSL", END_OURS, END_OPENSSL},
    {"OpenSSL to ours", END_OPENSSL, END_OURS},
    {"ours to GnuTLS", END_OURS, END_GNUTLS},
    {"GnuTLS to ours", END_GNUTLS, END_OURS},
};
#define NUM_PAIRS (sizeof pairs / sizeof pairs[0])

static void expect_data(struct end *from, struct end *to, const char *text)
{
    char got[64] = {0};
    end_write(from, text, strlen(text));
    end_pump(from, to, 0);
    assert_int_equal(end_read(to, got, sizeof got), strlen(text));
    assert_string_equal(got, text);
}

static void expect_same_export(struct end *c, struct end *s)
{
    uint8_t a[32], b[32];
    end_export(c, "EXPERIMENTAL-test", (const uint8_t *)"context", 7, a);
    end_export(s, "EXPERIMENTAL-test", (const uint8_t *)"context", 7, b);
    assert_memory_equal(a, b, 32);
}

/* Established, talking both ways, agreeing on exports and key log, and closed by both. */
static void expect_good(struct end *c, struct end *s)
{
    assert_true(end_established(c));
    assert_true(end_established(s));
    expect_data(c, s, "from the client");
    expect_data(s, c, "from the server");
    expect_same_export(c, s);
}

static void expect_close(struct end *c, struct end *s)
{
    end_close(s);
    end_pump(c, s, 0);
    assert_true(end_peer_closed(c));
    end_close(c);
    end_pump(c, s, 0);
    assert_true(end_peer_closed(s));
}

static void run(const struct pair *p, struct end_options co, struct end_options so, size_t chunk)
{
    print_message("  %s\n", p->name);
    so.server = true;
    struct end *s = end_new(p->server, so), *c = end_new(p->client, co);
    end_pump(c, s, chunk);
    expect_good(c, s);
    expect_close(c, s);
    end_free(c);
    end_free(s);
}

static void full_handshake(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_PAIRS; i++)
        run(&pairs[i], (struct end_options){.name = "server.example"}, (struct end_options){0}, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_handshake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
