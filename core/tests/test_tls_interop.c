/* SPDX-License-Identifier: BSD-2-Clause */
/* Our engine against itself, OpenSSL and GnuTLS, in both roles. */
#include "tls_peer.h"

#include <string.h>

struct pair {
    const char *name;
    enum end_kind client, server;
};

static const struct pair pairs[] = {
    {"ours to ours", END_OURS, END_OURS},       {"ours to OpenSSL", END_OURS, END_OPENSSL},
    {"OpenSSL to ours", END_OPENSSL, END_OURS}, {"ours to GnuTLS", END_OURS, END_GNUTLS},
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

static void expect_established(struct end *e)
{
    if (!end_established(e))
        fail_msg("not established: %s", end_trouble(e));
}

/* Established, talking both ways, agreeing on exports and key log, and closed by both. */
static void expect_good(struct end *c, struct end *s)
{
    expect_established(c);
    expect_established(s);
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
    so.server = true;
    struct end *s = end_new(p->server, so), *c = end_new(p->client, co);
    end_pump(c, s, chunk);
    expect_good(c, s);
    expect_close(c, s);
    end_free(c);
    end_free(s);
}

#define FOR_ALL_PAIRS(p) for (const struct pair *p = pairs; p < pairs + NUM_PAIRS; p++)

//= NEG-8 type=test
//= NEG-15 type=test
static void full_handshake(void **state)
{
    (void)state;
    FOR_ALL_PAIRS(p)
    run(p, (struct end_options){.name = "server.example"}, (struct end_options){0}, 0);
}

static void plain_hello(void **state)
{
    (void)state;
    FOR_ALL_PAIRS(p)
    run(p, (struct end_options){.no_compat = true, .no_grease = true},
        (struct end_options){.no_compat = true, .no_grease = true, .no_tickets = true}, 0);
}

/* The whole conversation in pieces of 1 to 64 bytes, and some larger ones. */
static void fragments_of_every_size(void **state)
{
    (void)state;
    FOR_ALL_PAIRS(p)
    for (size_t chunk = 1; chunk < 3000; chunk += chunk < 64 ? 1 : chunk / 3)
        run(p, (struct end_options){.own_key = true}, (struct end_options){.require_certificate = true},
            chunk);
}

//= NEG-12 type=test
static void retry_asked_by_server(void **state)
{
    (void)state;
    FOR_ALL_PAIRS(p)
    /* A GnuTLS server sends no cookies; a GnuTLS client refuses a HelloRetryRequest with nothing else in it.
     */
    if (p->server != END_GNUTLS && p->client != END_GNUTLS)
        run(p, (struct end_options){0}, (struct end_options){.retry = true}, 0);
}

/* A client whose only share is of a group that the server has not, or that has none at all. */
static void retry_provoked_by_client(void **state)
{
    (void)state;
    FOR_ALL_PAIRS(p)
    {
        run(p, (struct end_options){.retry = true}, (struct end_options){0}, 0);
        run(p, (struct end_options){.retry = true, .no_grease = true}, (struct end_options){0}, 0);
        run(p, (struct end_options){.retry = true}, (struct end_options){.retry = p->server == END_OURS}, 0);
    }
}

static void expect_identity(struct end *e, bool server)
{
    struct csep_identity id;
    uint8_t want[32];
    end_spki(server, want);
    end_secure(e)->ops->peer_identity(end_secure(e), &id);
    assert_true(id.present);
    assert_memory_equal(id.spki_sha256, want, 32);
}

//= NEG-18 type=test
static void client_certificates(void **state)
{
    (void)state;
    FOR_ALL_PAIRS(p)
    {
        struct end *s = end_new(p->server, (struct end_options){.server = true, .require_certificate = true});
        struct end *c = end_new(p->client, (struct end_options){.own_key = true});
        end_pump(c, s, 0);
        expect_good(c, s);
        if (p->client == END_OURS)
            expect_identity(c, true);
        if (p->server == END_OURS)
            expect_identity(s, false);
        expect_close(c, s);
        end_free(c);
        end_free(s);
    }
}

static void client_certificate_declined(void **state)
{
    (void)state;
    FOR_ALL_PAIRS(p)
    run(p, (struct end_options){0}, (struct end_options){.ask_certificate = true}, 0);
}

//= NEG-15 type=test
static void raw_public_keys(void **state)
{
    (void)state;
    FOR_ALL_PAIRS(p)
    if (p->client != END_OPENSSL && p->server != END_OPENSSL) { /* OpenSSL has them from 3.2 on */
        run(p, (struct end_options){.raw_key = true}, (struct end_options){.raw_key = true}, 0);
        run(p, (struct end_options){.raw_key = true, .own_key = true},
            (struct end_options){.raw_key = true, .require_certificate = true}, 0);
    }
}

/* One full handshake, then resumptions, each with a ticket of the one before. */
static void resume(const struct pair *p, struct end_options co, struct end_options so)
{
    struct end_store store = {0};
    struct end *first = NULL;

    print_message("  %s\n", p->name);
    co.store = &store;
    so.server = true;
    for (unsigned round = 0; round < 3; round++) {
        so.share_context = p->server == END_OURS ? NULL : first;
        struct end *s = end_new(p->server, so), *c = end_new(p->client, co);
        end_pump(c, s, 0);
        expect_good(c, s);
        assert_int_equal(end_resumed(c), round > 0);
        assert_int_equal(end_resumed(s), round > 0);
        if (p->client == END_OURS)
            expect_identity(c, true);
        if (p->server == END_OURS && co.own_key)
            expect_identity(s, false);
        expect_close(c, s);
        end_free(c);
        if (first)
            end_free(s);
        else
            first = s;
    }
    end_free(first);
    end_store_free(&store);
}

//= NEG-10 type=test
static void resumption(void **state)
{
    (void)state;
    FOR_ALL_PAIRS(p)
    resume(p, (struct end_options){.name = "server.example"}, (struct end_options){0});
}

static void resumption_after_retry(void **state)
{
    (void)state;
    FOR_ALL_PAIRS(p)
    resume(p, (struct end_options){.retry = true}, (struct end_options){0});
    resume(&pairs[0], (struct end_options){.retry = true}, (struct end_options){.retry = true});
    /* Not to OpenSSL: its stateless cookie server cannot verify a binder, not even of its own client's. */
    resume(&pairs[2], (struct end_options){0}, (struct end_options){.retry = true});
}

/* The client's identity is proved once and carried by the tickets. */
static void resumption_keeps_client_identity(void **state)
{
    (void)state;
    FOR_ALL_PAIRS(p)
    resume(p, (struct end_options){.own_key = true}, (struct end_options){.require_certificate = true});
}

static void key_updates(void **state)
{
    (void)state;
    FOR_ALL_PAIRS(p)
    {
        print_message("  %s\n", p->name);
        struct end *s = end_new(p->server, (struct end_options){.server = true});
        struct end *c = end_new(p->client, (struct end_options){0});
        end_pump(c, s, 0);
        for (unsigned round = 0; round < 8; round++) {
            end_key_update(round & 1 ? c : s, round & 2);
            end_pump(c, s, 0);
            expect_data(c, s, "after a key update");
            expect_data(s, c, "and back");
        }
        if (p->client != END_GNUTLS &&
            p->server != END_GNUTLS) { /* GnuTLS takes crossing requests for an error */
            end_key_update(c, true);
            end_key_update(s, true);
        }
        end_pump(c, s, 0);
        expect_good(c, s);
        expect_close(c, s);
        end_free(c);
        end_free(s);
    }
}

static void expect_same_log(struct end *c, struct end *s)
{
    static const char *const labels[] = {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                                         "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0",
                                         "EXPORTER_SECRET"};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        const char *a = strstr(end_keylog(c), labels[i]), *b = strstr(end_keylog(s), labels[i]);
        assert_non_null(a);
        assert_non_null(b);
        size_t n = strlen(labels[i]) + 1 + 64 + 1 + 64;
        assert_memory_equal(a, b, n);
    }
}

static void key_logs_agree(void **state)
{
    (void)state;
    FOR_ALL_PAIRS(p)
    {
        struct end *s = end_new(p->server, (struct end_options){.server = true});
        struct end *c = end_new(p->client, (struct end_options){0});
        end_pump(c, s, 0);
        expect_same_log(c, s);
        end_free(c);
        end_free(s);
    }
}

/* More than one record, and more than one buffer. */
static void bulk(void **state)
{
    static uint8_t sent[100000], got[100000];
    (void)state;
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (uint8_t)(i * 7 + i / 251);
    FOR_ALL_PAIRS(p)
    {
        struct end *s = end_new(p->server, (struct end_options){.server = true});
        struct end *c = end_new(p->client, (struct end_options){0});
        end_pump(c, s, 0);
        for (unsigned back = 0; back < 2; back++) {
            end_write(back ? s : c, sent, sizeof sent);
            end_pump(c, s, 1000);
            assert_int_equal(end_read(back ? c : s, got, sizeof got), sizeof got);
            assert_memory_equal(sent, got, sizeof sent);
        }
        if (p->client == END_OURS)
            assert_int_equal(end_memory(c), 0);
        if (p->server == END_OURS)
            assert_int_equal(end_memory(s), 0);
        end_free(c);
        end_free(s);
    }
}

/* Trust is in the key: whoever signed the certificate, and however, is sent along and passed over. */
static void certificate_of_an_authority(void **state)
{
    (void)state;
    run(&pairs[1], (struct end_options){.name = "server.example"}, (struct end_options){.chain = true}, 0);
}

/* Failures of ours reach the other stack as the alert that names them. */
static void alerts_that_others_understand(void **state)
{
    static const struct {
        const char *what;
        struct pair kinds;
        struct end_options client, server;
        csep_status ours;
        int alert; /* as the other stack saw it */
    } rows[] = {
        {"distrust",
         {"", END_OURS, END_OPENSSL},
         {.refuse = true},
         {0},
         CSEP_ERR_TLS_CERTIFICATE_UNKNOWN,
         46},
        {"distrust", {"", END_OURS, END_GNUTLS}, {.refuse = true}, {0}, CSEP_ERR_TLS_CERTIFICATE_UNKNOWN, 46},
        {"distrust",
         {"", END_OPENSSL, END_OURS},
         {.own_key = true},
         {.require_certificate = true, .refuse = true},
         CSEP_ERR_TLS_CERTIFICATE_UNKNOWN,
         46},
        {"no certificate",
         {"", END_OPENSSL, END_OURS},
         {0},
         {.require_certificate = true},
         CSEP_ERR_TLS_CERTIFICATE_REQUIRED,
         116},
        {"no certificate",
         {"", END_GNUTLS, END_OURS},
         {0},
         {.require_certificate = true},
         CSEP_ERR_TLS_CERTIFICATE_REQUIRED,
         116},
        {"other protocol",
         {"", END_OPENSSL, END_OURS},
         {.alpn = "h2"},
         {0},
         CSEP_ERR_TLS_NO_APPLICATION_PROTOCOL,
         120},
        {"other protocol",
         {"", END_GNUTLS, END_OURS},
         {.alpn = "h2"},
         {0},
         CSEP_ERR_TLS_NO_APPLICATION_PROTOCOL,
         120},
        {"no protocol",
         {"", END_OPENSSL, END_OURS},
         {.no_alpn = true},
         {0},
         CSEP_ERR_TLS_NO_APPLICATION_PROTOCOL,
         120},
        {"other name",
         {"", END_OPENSSL, END_OURS},
         {.name = "a.example"},
         {.name = "b.example"},
         CSEP_ERR_TLS_UNRECOGNIZED_NAME,
         112},
        {"TLS 1.2",
         {"", END_OPENSSL, END_OURS},
         {.old_version = true},
         {0},
         CSEP_ERR_TLS_PROTOCOL_VERSION,
         70},
        {"TLS 1.2", {"", END_OURS, END_OPENSSL}, {0}, {.old_version = true}, CSEP_ERR_TLS_ALERT_RECEIVED, 70},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct end_options so = rows[i].server;
        so.server = true;
        struct end *s = end_new(rows[i].kinds.server, so), *c = end_new(rows[i].kinds.client, rows[i].client);
        end_pump(c, s, 0);
        bool server_is_ours = rows[i].kinds.server == END_OURS;
        if (end_failure(server_is_ours ? s : c) != rows[i].ours ||
            end_alert(server_is_ours ? c : s) != rows[i].alert)
            fail_msg("row %zu, %s: %s, alert %d", i, rows[i].what,
                     csep_status_name(end_failure(server_is_ours ? s : c)),
                     end_alert(server_is_ours ? c : s));
        end_free(c);
        end_free(s);
    }
}

/* What the client is told before it has said anything but ClientHello: the reason for D = 2R. */
static void server_speaks_first(void **state)
{
    static const enum end_kind clients[] = {END_OURS, END_OPENSSL, END_GNUTLS};
    uint8_t buf[8192], got[64];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct end *s = end_new(END_OURS, (struct end_options){.server = true});
        struct end *c = end_new(clients[i], (struct end_options){0});
        struct csep_secure *ss = end_secure(s);
        size_t n = end_take(c, buf, sizeof buf);
        assert_int_equal(ss->ops->flags(ss), 0);
        assert_true(end_feed(s, buf, n));
        assert_int_equal(ss->ops->flags(ss), CSEP_SECURE_CAN_WRITE | CSEP_SECURE_CAN_EXPORT);
        end_write(s, "at half a round trip", 20);
        end_close(s);
        n = end_take(s, buf, sizeof buf);
        assert_true(end_feed(c, buf, n));
        assert_true(end_established(c));
        assert_int_equal(end_read(c, got, sizeof got), 20);
        assert_memory_equal(got, "at half a round trip", 20);
        expect_same_export(c, s);
        end_close(c);
        end_pump(c, s, 0);
        assert_true(end_peer_closed(c));
        assert_true(end_peer_closed(s));
        assert_true(end_established(s));
        end_free(c);
        end_free(s);
    }
}

/* The client's Finished and what it says next leave in one piece, the close too. */
static void client_flight_in_one_output(void **state)
{
    uint8_t buf[8192];
    (void)state;
    struct end *s = end_new(END_OURS, (struct end_options){.server = true});
    struct end *c = end_new(END_OURS, (struct end_options){0});
    assert_true(end_feed(s, buf, end_take(c, buf, sizeof buf)));
    assert_true(end_feed(c, buf, end_take(s, buf, sizeof buf)));
    end_write(c, "request", 7);
    end_close(c);
    size_t n = end_take(c, buf, sizeof buf);
    assert_int_equal(end_take(c, buf + n, sizeof buf - n), 0);
    assert_true(end_feed(s, buf, n));
    assert_true(end_established(s) && end_peer_closed(s));
    assert_int_equal(end_read(s, buf, sizeof buf), 7);
    end_free(c);
    end_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_handshake),
        cmocka_unit_test(plain_hello),
        cmocka_unit_test(fragments_of_every_size),
        cmocka_unit_test(retry_asked_by_server),
        cmocka_unit_test(retry_provoked_by_client),
        cmocka_unit_test(client_certificates),
        cmocka_unit_test(client_certificate_declined),
        cmocka_unit_test(raw_public_keys),
        cmocka_unit_test(resumption),
        cmocka_unit_test(resumption_after_retry),
        cmocka_unit_test(resumption_keeps_client_identity),
        cmocka_unit_test(key_updates),
        cmocka_unit_test(key_logs_agree),
        cmocka_unit_test(bulk),
        cmocka_unit_test(certificate_of_an_authority),
        cmocka_unit_test(alerts_that_others_understand),
        cmocka_unit_test(server_speaks_first),
        cmocka_unit_test(client_flight_in_one_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
