/* SPDX-License-Identifier: BSD-2-Clause */
/* Records, alerts, closing and limits: what happens below and beside the handshake messages. */
#include "tls_puppet.h"

#include <string.h>

#define E(status) CSEP_ERR_TLS_##status

static struct puppet *at_state(bool server, enum tls_state s)
{
    struct puppet *p = puppet_new((struct puppet_options){{.server = server}, false});
    puppet_reach(p, s);
    return p;
}

static struct puppet *connected(bool server)
{
    return at_state(server, server ? TLS_SERVER_CONNECTED : TLS_CLIENT_CONNECTED);
}

static void done(struct puppet *p, csep_status expected, const char *what)
{
    puppet_expect(p, expected, what);
    puppet_free(p);
}

/* --- headers --- */

static void feed_header(struct puppet *p, unsigned type, size_t n)
{
    const uint8_t h[5] = {(uint8_t)type, 3, 3, (uint8_t)(n >> 8), (uint8_t)n};
    end_feed(p->engine, h, sizeof h);
}

static void record_headers(void **state)
{
    static const struct {
        bool connected;
        unsigned type;
        size_t n;
        csep_status expected;
    } rows[] = {
        {false, 19, 10, E(UNEXPECTED_MESSAGE)},      {false, 24, 10, E(UNEXPECTED_MESSAGE)},
        {false, 'G', 0x4554, E(UNEXPECTED_MESSAGE)}, {false, 0x80, 10, E(UNEXPECTED_MESSAGE)},
        {false, 22, 16385, E(RECORD_OVERFLOW)},      {false, 22, 16384, CSEP_OK},
        {true, 23, 16641, E(RECORD_OVERFLOW)},       {true, 23, 16640, CSEP_OK},
        {true, 22, 10, E(UNEXPECTED_MESSAGE)},       {true, 99, 10, E(UNEXPECTED_MESSAGE)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned server = 0; server < 2; server++) {
            struct puppet *p = rows[i].connected
                                   ? connected(server)
                                   : at_state(server, server ? TLS_SERVER_WAIT_HELLO : TLS_CLIENT_WAIT_HELLO);
            feed_header(p, rows[i].type, rows[i].n);
            done(p, rows[i].expected, "header");
        }
}

static void record_version_is_ignored(void **state)
{
    uint8_t msg[4096], rec[5];
    (void)state;
    struct puppet *p = at_state(true, TLS_SERVER_WAIT_HELLO);
    size_t n = puppet_make(p, TLS_INPUT_CLIENT_HELLO, msg);
    memcpy(rec, (const uint8_t[]){22, 99, 42, (uint8_t)(n >> 8), (uint8_t)n}, 5);
    end_feed(p->engine, rec, 5);
    end_feed(p->engine, msg, n);
    assert_int_equal(puppet_state(p), TLS_SERVER_WAIT_FINISHED);
    puppet_free(p);
}

/* --- protected records --- */

/* Any content behind a chosen inner type and so many zeros. */
static void feed_inner(struct puppet *p, const uint8_t *content, size_t n, int type, size_t zeros)
{
    static uint8_t rec[TLS_CIPHER_MAX + 64];
    uint8_t *body = rec + TLS_RECORD_HEADER;
    if (n)
        memcpy(body, content, n);
    if (type >= 0)
        body[n++] = (uint8_t)type;
    memset(body + n, 0, zeros);
    n += zeros;
    size_t len = n + AEAD_TAG_LEN;
    memcpy(rec, (const uint8_t[]){23, 3, 3, (uint8_t)(len >> 8), (uint8_t)len}, 5);
    aead_seal(&p->tx.aead, body, body, n, rec, TLS_RECORD_HEADER, p->tx.number++);
    end_feed(p->engine, rec, TLS_RECORD_HEADER + len);
}

static void inner_plaintext(void **state)
{
    static uint8_t big[TLS_PLAIN_MAX + 8];
    static const struct {
        const char *what;
        size_t n;
        int type;
        size_t zeros;
        csep_status expected;
    } rows[] = {
        {"data", 5, 23, 0, CSEP_OK},
        {"padded data", 5, 23, 1000, CSEP_OK},
        {"largest data", TLS_PLAIN_MAX, 23, 0, CSEP_OK},
        {"padded to the limit", 1, 23, TLS_PLAIN_MAX - 1, CSEP_OK},
        {"too large", TLS_PLAIN_MAX + 1, 23, 0, E(RECORD_OVERFLOW)},
        {"padded too far", 1, 23, TLS_PLAIN_MAX, E(RECORD_OVERFLOW)},
        {"empty data", 0, 23, 10, CSEP_OK},
        {"empty handshake", 0, 22, 10, E(UNEXPECTED_MESSAGE)},
        {"empty alert", 0, 21, 10, E(UNEXPECTED_MESSAGE)},
        {"no type at all", 0, -1, 10, E(UNEXPECTED_MESSAGE)},
        {"nothing at all", 0, -1, 0, E(UNEXPECTED_MESSAGE)},
        {"change_cipher_spec inside", 1, 20, 0, E(UNEXPECTED_MESSAGE)},
        {"unknown type", 1, 25, 0, E(UNEXPECTED_MESSAGE)},
        {"long alert", 3, 21, 0, E(DECODE_ERROR)},
        {"short alert", 1, 21, 0, E(DECODE_ERROR)},
    };
    (void)state;
    memset(big, 1, sizeof big);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned server = 0; server < 2; server++) {
            struct puppet *p = connected(server);
            feed_inner(p, big, rows[i].n, rows[i].type, rows[i].zeros);
            done(p, rows[i].expected, rows[i].what);
        }
}

static void bad_mac(void **state)
{
    static const uint8_t junk[60] = {23, 3, 3, 0, 55};
    (void)state;
    for (unsigned server = 0; server < 2; server++) {
        for (size_t len = 0; len <= 55; len += 5) { /* also shorter than a tag */
            struct puppet *p = connected(server);
            uint8_t rec[60];
            memcpy(rec, junk, sizeof rec);
            rec[4] = (uint8_t)len;
            end_feed(p->engine, rec, 5 + len);
            done(p, E(BAD_RECORD_MAC), "junk");
        }
        struct puppet *p = connected(server);
        p->tx.number++; /* a record is missing */
        puppet_record(p, 23, (const uint8_t *)"x", 1);
        done(p, E(BAD_RECORD_MAC), "gap");
        p = connected(server);
        p->tx.number--; /* a record is repeated */
        puppet_record(p, 23, (const uint8_t *)"x", 1);
        done(p, E(BAD_RECORD_MAC), "replay");
    }
}

/* The engine refuses to number a record when the numbers are used up, rather than start again. */
static void numbers_never_wrap(void **state)
{
    uint8_t buf[64];
    (void)state;
    struct puppet *p = connected(true);
    struct csep_secure *s = end_secure(p->engine);
    end_tls(p->engine)->tx.number = UINT64_MAX;
    assert_int_equal(s->ops->write(s, (const uint8_t *)"x", 1, 0), CSEP_ERR_AEAD_LIMIT);
    assert_int_equal(s->ops->output(s, buf, sizeof buf, 0), 0);
    puppet_free(p);
    p = connected(true);
    end_tls(p->engine)->rx.number = UINT64_MAX;
    p->tx.number = UINT64_MAX;
    feed_inner(p, (const uint8_t *)"x", 1, 23, 0);
    assert_int_equal(end_failure(p->engine), CSEP_ERR_AEAD_LIMIT);
    puppet_free(p);
}

/* --- messages and records --- */

/* EncryptedExtensions to Finished in one record, in one byte each, and cut at every place in two. */
static void messages_over_records(void **state)
{
    uint8_t msg[4096];
    (void)state;
    for (size_t cut = 1; cut <= 36; cut++) {
        struct puppet *p = at_state(false, TLS_CLIENT_WAIT_FINISHED);
        size_t n = puppet_make(p, TLS_INPUT_FINISHED, msg);
        hash_add(&p->transcript, msg, n);
        for (size_t at = 0, len; at < n; at += len) {
            len = n - at < cut ? n - at : cut;
            puppet_record(p, TLS_CONTENT_HANDSHAKE, msg + at, len);
        }
        assert_int_equal(puppet_state(p), TLS_CLIENT_CONNECTED);
        puppet_free(p);
    }
}

static void nothing_between_parts_of_a_message(void **state)
{
    static const struct {
        const char *what;
        unsigned type;
        bool clear;
        const char *bytes;
        size_t n;
    } rows[] = {
        {"data", 23, false, "x", 1},
        {"change_cipher_spec", 20, true, "\1", 1},
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct puppet *p = at_state(false, TLS_CLIENT_WAIT_EXTENSIONS);
        puppet_record(p, 22, (const uint8_t *)"\x08\0\0\2\0", 5);
        (rows[i].clear ? puppet_clear : puppet_record)(p, rows[i].type, (const uint8_t *)rows[i].bytes,
                                                       rows[i].n);
        done(p, E(UNEXPECTED_MESSAGE), rows[i].what);
    }
}

/* A body that nobody wants, or that is too long, is refused from its header. */
static void refused_from_the_header(void **state)
{
    (void)state;
    struct puppet *p = connected(true);
    puppet_record(p, 22, (const uint8_t *)"\1\0\1\0", 4);
    done(p, E(UNEXPECTED_MESSAGE), "renegotiation");
    p = connected(false);
    puppet_record(p, 22, (const uint8_t *)"\4\0\x40\1", 4);
    done(p, E(DECODE_ERROR), "huge ticket");
    p = at_state(true, TLS_SERVER_WAIT_HELLO);
    puppet_record(p, 22, (const uint8_t *)"\1\0\x20\1", 4);
    done(p, E(DECODE_ERROR), "huge ClientHello");
}

/* --- ChangeCipherSpec --- */

static void change_cipher_spec(void **state)
{
    (void)state;
    struct puppet *p = at_state(false, TLS_CLIENT_WAIT_EXTENSIONS);
    for (unsigned i = 0; i < TLS_PATIENCE; i++)
        puppet_say(p, TLS_INPUT_CHANGE_CIPHER_SPEC);
    puppet_expect(p, CSEP_OK, "as many as we bear");
    puppet_say(p, TLS_INPUT_CHANGE_CIPHER_SPEC);
    done(p, E(UNEXPECTED_MESSAGE), "one too many");
    p = at_state(false, TLS_CLIENT_WAIT_EXTENSIONS);
    puppet_clear(p, 20, (const uint8_t *)"\2", 1);
    done(p, E(UNEXPECTED_MESSAGE), "other value");
    p = at_state(false, TLS_CLIENT_WAIT_EXTENSIONS);
    puppet_clear(p, 20, (const uint8_t *)"\1\1", 2);
    done(p, E(UNEXPECTED_MESSAGE), "two bytes");
    p = at_state(false, TLS_CLIENT_WAIT_EXTENSIONS);
    puppet_clear(p, 20, NULL, 0);
    done(p, E(UNEXPECTED_MESSAGE), "no byte");
    p = at_state(false, TLS_CLIENT_WAIT_EXTENSIONS);
    puppet_record(p, 20, (const uint8_t *)"\1", 1);
    done(p, E(UNEXPECTED_MESSAGE), "protected");
}

/* Ours: one from each end where the client asked for it by a session id, none otherwise. */
static void compatibility_mode(void **state)
{
    (void)state;
    for (unsigned off = 0; off < 2; off++) {
        struct puppet *p = puppet_new((struct puppet_options){{.no_compat = off}, false});
        puppet_reach(p, TLS_CLIENT_CONNECTED);
        assert_int_equal(p->session_id_len, off ? 0 : 32);
        assert_int_equal(p->ccs, !off);
        puppet_free(p);
        p = puppet_new((struct puppet_options){{.server = true, .no_compat = off}, false});
        puppet_reach(p, TLS_SERVER_CONNECTED);
        assert_int_equal(p->ccs, !off);
        puppet_free(p);
    }
}

/* --- alerts --- */

static void say_alert(struct puppet *p, const char *level_and_description)
{
    puppet_record(p, 21, (const uint8_t *)level_and_description, 2);
    puppet_listen(p);
}

//= NEG-14 type=test
static void user_canceled_is_borne(void **state)
{
    (void)state;
    for (unsigned server = 0; server < 2; server++) {
        struct puppet *p = connected(server);
        say_alert(p, "\1\x5a");
        puppet_expect(p, CSEP_OK, "user_canceled");
        say_alert(p, "\1\0");
        assert_true(end_peer_closed(p->engine));
        done(p, CSEP_OK, "close_notify behind it");
        p = connected(server);
        for (unsigned i = 0; i <= TLS_PATIENCE; i++)
            say_alert(p, "\1\x5a");
        done(p, E(UNEXPECTED_MESSAGE), "too many");
    }
}

/* Every other alert ends it, whatever level it claims; nothing is answered. */
static void alerts_are_fatal(void **state)
{
    (void)state;
    for (unsigned description = 1; description < 256; description++) {
        struct puppet *p = connected(description & 1);
        if (description == 90)
            description++;
        say_alert(p, (char[]){(char)(1 + description % 2), (char)description});
        assert_int_equal(csep_tls_alert(end_tls(p->engine)), description);
        done(p, E(ALERT_RECEIVED), "alert");
    }
}

static void closing_during_the_handshake(void **state)
{
    (void)state;
    for (enum tls_state s = TLS_CLIENT_WAIT_HELLO; s < TLS_FAILED; s++) {
        if (s == TLS_CLIENT_CONNECTED || s == TLS_SERVER_CONNECTED)
            continue;
        struct puppet *p = puppet_new((struct puppet_options){
            {.server = s >= TLS_SERVER_WAIT_HELLO,
             .retry = s == TLS_SERVER_WAIT_HELLO_AGAIN,
             .require_certificate = s == TLS_SERVER_WAIT_CERTIFICATE || s == TLS_SERVER_WAIT_VERIFY},
            s == TLS_CLIENT_WAIT_EXTENSIONS_PSK});
        puppet_reach(p, s);
        say_alert(p, "\1\0");
        done(p, E(ALERT_RECEIVED), tls_state_name(s));
    }
}

static void giving_up_the_handshake(void **state)
{
    (void)state;
    static const enum tls_state states[] = {TLS_CLIENT_WAIT_HELLO, TLS_CLIENT_WAIT_VERIFY,
                                            TLS_SERVER_WAIT_HELLO};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        struct puppet *p = at_state(states[i] >= TLS_SERVER_WAIT_HELLO, states[i]);
        end_close(p->engine);
        assert_int_equal(end_failure(p->engine), CSEP_ERR_CLOSED);
        puppet_listen(p);
        assert_int_equal(p->alert, 0); /* close_notify, behind user_canceled */
        puppet_say(p, TLS_INPUT_SERVER_HELLO);
        assert_int_equal(puppet_state(p), TLS_FAILED);
        assert_int_equal(end_take(p->engine, (uint8_t[8]){0}, 8), 0);
        puppet_free(p);
    }
}

/* A client that fails before it has keys can only say so in the clear; later nobody may. */
static void alerts_in_the_clear(void **state)
{
    (void)state;
    struct puppet *p = at_state(true, TLS_SERVER_WAIT_FINISHED);
    puppet_clear(p, 21, (const uint8_t *)"\2\x28", 2);
    done(p, E(ALERT_RECEIVED), "instead of Finished");
    for (unsigned server = 0; server < 2; server++) {
        p = connected(server);
        puppet_clear(p, 21, (const uint8_t *)"\2\x28", 2);
        done(p, E(UNEXPECTED_MESSAGE), "when connected");
    }
    p = at_state(false, TLS_CLIENT_WAIT_VERIFY);
    puppet_clear(p, 21, (const uint8_t *)"\2\x28", 2);
    done(p, E(UNEXPECTED_MESSAGE), "after protected records");
}

/* --- the end --- */

static void closing(void **state)
{
    uint8_t buf[64];
    (void)state;
    for (unsigned server = 0; server < 2; server++) {
        struct puppet *p = connected(server);
        struct csep_secure *s = end_secure(p->engine);
        say_alert(p, "\1\0");
        puppet_record(p, 23, (const uint8_t *)"late", 4); /* ignored */
        end_feed(p->engine, (const uint8_t *)"not even TLS", 12);
        assert_int_equal(s->ops->read(s, buf, sizeof buf), 0);
        assert_int_equal(s->ops->input_eof(s, 0), CSEP_OK);
        end_write(p->engine, "last words", 10); /* our direction is still open */
        end_close(p->engine);
        end_close(p->engine);
        assert_int_equal(s->ops->write(s, buf, 1, 0), CSEP_ERR_CLOSED);
        assert_int_equal(csep_tls_key_update(end_tls(p->engine), false, 0), CSEP_ERR_CLOSED);
        puppet_listen(p);
        assert_int_equal(p->alert, 0);
        unsigned flags =
            CSEP_SECURE_CONFIRMED | CSEP_SECURE_CAN_EXPORT | CSEP_SECURE_PEER_CLOSED | CSEP_SECURE_CLOSED;
        assert_int_equal(s->ops->flags(s), flags);
        assert_int_equal(end_memory(p->engine), 0);
        puppet_free(p);
    }
}

static void end_without_close(void **state)
{
    (void)state;
    for (unsigned server = 0; server < 2; server++) {
        struct puppet *p = connected(server);
        struct csep_secure *s = end_secure(p->engine);
        assert_int_equal(s->ops->input_eof(s, 0), CSEP_ERR_TRUNCATED);
        puppet_listen(p);
        assert_int_equal(p->alert, -1);
        puppet_free(p);
    }
}

/* --- limits --- */

static void floods(void **state)
{
    (void)state;
    struct puppet *p = connected(false);
    for (unsigned round = 0; round < 3; round++) { /* data in between shows that it is no flood */
        for (unsigned i = 0; i < TLS_PATIENCE; i++)
            puppet_say(p, i & 1 ? TLS_INPUT_KEY_UPDATE : TLS_INPUT_NEW_SESSION_TICKET);
        puppet_say(p, TLS_INPUT_APPLICATION_DATA);
    }
    puppet_expect(p, CSEP_OK, "patience");
    for (unsigned i = 0; i <= TLS_PATIENCE; i++)
        feed_inner(p, NULL, 0, 23, 0);
    done(p, E(UNEXPECTED_MESSAGE), "empty records");
    for (unsigned server = 0; server < 2; server++) {
        p = connected(server);
        for (unsigned i = 0; i <= TLS_PATIENCE; i++)
            puppet_say(p, TLS_INPUT_KEY_UPDATE);
        done(p, E(UNEXPECTED_MESSAGE), "key updates");
    }
}

/* Requests that come while an answer waits to be sent are answered by it. */
static void one_answer_for_many_requests(void **state)
{
    uint8_t msg[16];
    (void)state;
    struct puppet *p = connected(true);
    struct wr w = wr_init(msg, sizeof msg);
    tls_key_update_encode(&w, true);
    for (unsigned i = 0; i < 5; i++) {
        puppet_record(p, 22, msg, w.len);
        tls_schedule_update(&p->client_app);
        tls_schedule_keys(&p->client_app, &p->tx, NULL);
    }
    p->num_seen = 0;
    puppet_listen(p);
    assert_int_equal(p->num_seen, 1);
    assert_int_equal(p->seen[0], TLS_KEY_UPDATE);
    tls_schedule_update(&p->server_app);
    tls_schedule_keys(&p->server_app, &p->rx, NULL);
    puppet_record(p, 22, msg, w.len);
    puppet_listen(p);
    assert_int_equal(p->num_seen, 2);
    puppet_free(p);
}

static void unread_data_is_bounded(void **state)
{
    static uint8_t data[16384];
    uint8_t got[100];
    (void)state;
    struct puppet *p = connected(true);
    struct csep_secure *s = end_secure(p->engine);
    for (unsigned i = 0; i < 7; i++)
        puppet_record(p, 23, data, sizeof data);
    assert_int_equal(end_failure(p->engine), CSEP_OK);
    assert_int_equal(s->ops->read(s, got, sizeof got), sizeof got);
    puppet_record(p, 23, data, sizeof data);
    puppet_record(p, 23, data, sizeof data);
    assert_int_equal(end_failure(p->engine), CSEP_ERR_LIMIT);
    puppet_listen(p);
    assert_int_equal(p->alert, 80);
    puppet_free(p);
}

static void unsent_data_is_bounded(void **state)
{
    static uint8_t data[131072];
    (void)state;
    struct puppet *p = connected(true);
    struct csep_secure *s = end_secure(p->engine);
    assert_int_equal(s->ops->write(s, data, sizeof data, 0), CSEP_ERR_LIMIT);
    assert_int_equal(s->ops->write(s, data, 65536, 0), CSEP_OK);
    assert_int_equal(s->ops->write(s, data, 65536, 0), CSEP_ERR_LIMIT);
    assert_int_equal(s->ops->write(s, data, 60000, 0), CSEP_OK);
    assert_int_equal(s->ops->write(s, data, 0, 0), CSEP_OK);
    assert_true(csep_tls_heap(end_tls(p->engine)) <= 262144);
    puppet_free(p);
}

/* --- early data, which is never taken --- */

//= NEG-9 type=test
static struct puppet *puppet_with_early_data(struct end_options o)
{
    uint8_t msg[4096];
    struct puppet *p = puppet_new((struct puppet_options){o, false});
    size_t n = puppet_make(p, TLS_INPUT_CLIENT_HELLO, msg);
    size_t at = TLS_MESSAGE_HEADER + 2 + 32 + 33 + 2 + 2 + 2; /* an empty early_data extension at the end */
    msg[n++] = 0, msg[n++] = 42, msg[n++] = 0, msg[n++] = 0;
    msg[at + 1] = (uint8_t)(msg[at + 1] + 4);
    msg[3] = (uint8_t)(msg[3] + 4);
    puppet_send(p, msg, n);
    return p;
}

static void early_data_is_passed_over(void **state)
{
    uint8_t junk[2048] = {1};
    (void)state;
    for (unsigned retry = 0; retry < 2; retry++)
        for (unsigned records = 7; records <= 8; records++) {
            struct puppet *p = puppet_with_early_data((struct end_options){.server = true, .retry = retry});
            for (unsigned i = 0; i < records; i++)
                puppet_clear(p, 23, junk, sizeof junk);
            csep_status expected = retry ? E(UNEXPECTED_MESSAGE) : E(BAD_RECORD_MAC);
            if (records == 7) {
                puppet_reach(p, TLS_SERVER_CONNECTED);
                expected = CSEP_OK;
            }
            done(p, expected, retry ? "after a retry" : "without");
        }
}

/* The first record that opens ends it (RFC 8446 section 4.2.10): what fails behind that is an attack. */
static void early_data_comes_first(void **state)
{
    uint8_t junk[100] = {1};
    (void)state;
    struct puppet *p = puppet_with_early_data((struct end_options){.server = true, .ask_certificate = true});
    puppet_clear(p, 23, junk, sizeof junk);
    puppet_reach(p, TLS_SERVER_WAIT_VERIFY);
    puppet_clear(p, 23, junk, sizeof junk);
    done(p, E(BAD_RECORD_MAC), "in the client's flight");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_headers),
        cmocka_unit_test(record_version_is_ignored),
        cmocka_unit_test(inner_plaintext),
        cmocka_unit_test(bad_mac),
        cmocka_unit_test(numbers_never_wrap),
        cmocka_unit_test(messages_over_records),
        cmocka_unit_test(nothing_between_parts_of_a_message),
        cmocka_unit_test(refused_from_the_header),
        cmocka_unit_test(change_cipher_spec),
        cmocka_unit_test(compatibility_mode),
        cmocka_unit_test(user_canceled_is_borne),
        cmocka_unit_test(alerts_are_fatal),
        cmocka_unit_test(closing_during_the_handshake),
        cmocka_unit_test(giving_up_the_handshake),
        cmocka_unit_test(alerts_in_the_clear),
        cmocka_unit_test(closing),
        cmocka_unit_test(end_without_close),
        cmocka_unit_test(floods),
        cmocka_unit_test(one_answer_for_many_requests),
        cmocka_unit_test(unread_data_is_bounded),
        cmocka_unit_test(unsent_data_is_bounded),
        cmocka_unit_test(early_data_is_passed_over),
        cmocka_unit_test(early_data_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
