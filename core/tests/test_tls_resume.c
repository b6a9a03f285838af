/* SPDX-License-Identifier: BSD-2-Clause */
/* Tickets: what makes a server take one, and what makes it ask for a full handshake instead. */
#include "tls_puppet.h"

#include <string.h>

#include "tls/engine.h"

/* One handshake of two of our ends; the caller frees them. */
struct both {
    struct end *c, *s;
};

static struct both shake(struct end_options co, struct end_options so, csep_time now)
{
    so.server = true;
    so.start = now;
    if (!co.start)
        co.start = now;
    struct both b = {end_new(END_OURS, co), end_new(END_OURS, so)};
    end_pump(b.c, b.s, 0);
    assert_true(end_established(b.c));
    assert_true(end_established(b.s));
    assert_int_equal(end_resumed(b.c), end_resumed(b.s));
    return b;
}

static bool shake_once(struct end_options co, struct end_options so, csep_time now)
{
    struct both b = shake(co, so, now);
    bool resumed = end_resumed(b.c);
    end_free(b.c);
    end_free(b.s);
    return resumed;
}

#define T0 CSEP_SEC(1000)

static void fill_store(struct end_store *store, struct end_options co, struct end_options so)
{
    *store = (struct end_store){0};
    co.store = store;
    assert_false(shake_once(co, so, T0));
    assert_int_equal(store->num_ours, 1);
}

/* A store with one ticket, used at `now` against a server with these options: resumed? */
static bool try_at(csep_time now, struct end_options co, struct end_options so,
                   void (*bend)(struct csep_tls_session *))
{
    struct end_store store;
    fill_store(&store, (struct end_options){.name = "a.example"}, (struct end_options){0});
    if (bend)
        bend(&store.ours[0]);
    co.store = &store;
    return shake_once(co, so, now);
}

static void forge_first(struct csep_tls_session *s)
{
    s->ticket[30] ^= 1;
}

static void forge_length(struct csep_tls_session *s)
{
    s->ticket_len--;
}

static void older_by_a_minute(struct csep_tls_session *s)
{
    s->age_add += 60000;
}

static void younger_by_a_minute(struct csep_tls_session *s)
{
    s->age_add -= 60000;
}

static void older_by_five_seconds(struct csep_tls_session *s)
{
    s->age_add += 5000;
}

static void without_ticket(struct csep_tls_session *s)
{
    s->ticket_len = 0;
}

static void believed_longer(struct csep_tls_session *s)
{
    s->lifetime = TLS_LIFETIME_MAX;
}

static void when_a_ticket_is_taken(void **state)
{
    static const struct csep_tls_ticket_keys rotated = {
        .current = {9}, .previous = {1, 2, 3}, .have_previous = true};
    static const struct csep_tls_ticket_keys replaced = {
        .current = {9}, .previous = {8}, .have_previous = true};
    static const struct csep_tls_ticket_keys forgotten = {.current = {9}, .previous = {1, 2, 3}};
    const struct end_options c = {.name = "a.example"};
    const struct {
        const char *what;
        csep_time after;
        struct end_options client, server;
        void (*bend)(struct csep_tls_session *);
        bool resumed;
    } rows[] = {
        {"at once", 0, c, {0}, NULL, true},
        {"at the end of its life", CSEP_SEC(86399), c, {0}, NULL, true},
        {"expired for the client", CSEP_SEC(86400), c, {0}, NULL, false},
        {"expired for the server", CSEP_SEC(86400), c, {0}, believed_longer, false},
        {"from the server's future",
         0,
         {.name = "a.example", .start = T0},
         {.start = CSEP_SEC(5)},
         NULL,
         false},
        {"forged", 0, c, {0}, forge_first, false},
        {"of another length", 0, c, {0}, forge_length, false},
        {"empty", 0, c, {0}, without_ticket, false},
        {"a little off in age", 0, c, {0}, older_by_five_seconds, true},
        {"much too old", 0, c, {0}, older_by_a_minute, false},
        {"much too young", CSEP_SEC(100), c, {0}, younger_by_a_minute, false},
        {"keys rotated once", 0, c, {.ticket_keys = &rotated}, NULL, true},
        {"keys gone", 0, c, {.ticket_keys = &replaced}, NULL, false},
        {"previous key not to be used", 0, c, {.ticket_keys = &forgotten}, NULL, false},
        {"no tickets any more", 0, c, {.no_tickets = true}, NULL, false},
        {"other name", 0, {.name = "b.example"}, {0}, NULL, false},
        {"no name", 0, {0}, {0}, NULL, false},
        {"other protocol", 0, {.name = "a.example", .alpn = "x"}, {.alpn = "x"}, NULL, false},
        {"client asked for, not needed", 0, c, {.ask_certificate = true}, NULL, true},
        {"client needed, not in the ticket",
         0,
         {.name = "a.example", .own_key = true},
         {.require_certificate = true},
         NULL,
         false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct end_options so = rows[i].server;
        csep_time now = so.start ? so.start : T0 + rows[i].after;
        if (try_at(now, rows[i].client, so, rows[i].bend) != rows[i].resumed)
            fail_msg("%s", rows[i].what);
    }
}

/* A resumed connection trusts the key that the ticket names, if it is still trusted. */
static void client_identity_is_asked_again(void **state)
{
    struct end_store store;
    const struct end_options c = {.own_key = true}, s = {.require_certificate = true};
    struct csep_identity id;
    (void)state;
    fill_store(&store, c, s);
    struct end_options again = c;
    again.store = &store;
    struct both b = shake(again, s, T0);
    assert_true(end_resumed(b.s));
    end_secure(b.s)->ops->peer_identity(end_secure(b.s), &id);
    assert_true(id.present);
    end_free(b.c);
    end_free(b.s);
    /* Distrusted since: the server wants to see the key, and refuses it. */
    b = (struct both){
        NULL,
        end_new(END_OURS, (struct end_options){.server = true, .require_certificate = true, .refuse = true})};
    b.c = end_new(END_OURS, again);
    end_pump(b.c, b.s, 0);
    assert_int_equal(end_failure(b.s), CSEP_ERR_TLS_CERTIFICATE_UNKNOWN);
    end_secure(b.s)->ops->peer_identity(end_secure(b.s), &id);
    assert_false(id.present);
    end_free(b.c);
    end_free(b.s);
}

/* A name out of a distrusted ticket does not stick to a client that then shows no key at all. */
static void distrusted_identity_is_forgotten(void **state)
{
    struct end_store store;
    struct csep_identity id;
    (void)state;
    fill_store(&store, (struct end_options){.own_key = true}, (struct end_options){.ask_certificate = true});
    struct both b = shake((struct end_options){.store = &store},
                          (struct end_options){.ask_certificate = true, .refuse = true}, T0);
    assert_false(end_resumed(b.s));
    end_secure(b.s)->ops->peer_identity(end_secure(b.s), &id);
    assert_false(id.present);
    end_free(b.c);
    end_free(b.s);
}

/* Expired sessions are not offered; the first good one behind them is. */
static void stale_sessions_are_thrown_away(void **state)
{
    struct end_store store;
    uint8_t buf[4096];
    (void)state;
    for (unsigned good = 0; good < 2; good++) {
        fill_store(&store, (struct end_options){0}, (struct end_options){0});
        struct csep_tls_session s = store.ours[0];
        for (unsigned i = 0; i < 5; i++) {
            store.ours[i] = s;
            store.ours[i].lifetime = i == 0 && good ? 86400 : 1;
        }
        store.num_ours = 5;
        struct end *c = end_new(END_OURS, (struct end_options){.store = &store, .start = T0 + CSEP_SEC(1)});
        struct tls_client_hello ch;
        size_t n = end_take(c, buf, sizeof buf);
        assert_int_equal(tls_client_hello_decode(rd_init(buf + 9, n - 9), &ch), CSEP_OK);
        assert_int_equal(tls_has(ch.present, TLS_EXT_PRE_SHARED_KEY), good);
        assert_int_equal(store.num_ours, 0);
        end_free(c);
    }
}

/* The age of the proof of identity counts through all resumptions, seven days at most. */
//= NEG-19 type=test
static void chain_of_resumptions_ends(void **state)
{
    struct end_store store;
    struct end_options c = {0};
    (void)state;
    fill_store(&store, c, (struct end_options){0});
    c.store = &store;
    csep_time now = T0;
    unsigned rounds = 0;
    for (; store.num_ours > 0; rounds++) {
        assert_true(store.ours[0].lifetime <= TLS_LIFETIME_MAX - (now - T0) / CSEP_SEC(1));
        now += CSEP_SEC(store.ours[0].lifetime) - 1;
        assert_true(rounds < 8);
        assert_true(shake_once(c, (struct end_options){0}, now));
    }
    assert_int_equal(rounds, 7); /* a day each */
    assert_true(now - T0 <= CSEP_SEC(TLS_LIFETIME_MAX));
}

/* A client counts for itself: who holds a server's ticket keys, but not its private key, could prolong the
 * chain for ever. */
//= NEG-19 type=test
static void clients_count_their_chain(void **state)
{
    const csep_time first = CSEP_SEC(700000), hour = CSEP_SEC(3600), week = CSEP_SEC(TLS_LIFETIME_MAX);
    struct end_store store = {0};
    struct end_options c = {.store = &store};
    struct csep_tls_session s;
    (void)state;
    assert_false(shake_once(c, (struct end_options){0}, first));
    struct both b = shake(c, (struct end_options){0}, first + hour);
    struct csep_secure *sec = end_secure(b.c);
    assert_true(end_resumed(b.c));
    assert_int_equal(sec->ops->auth_age(sec, first + 2 * hour), 2 * hour);
    end_free(b.c);
    end_free(b.s);
    assert_int_equal(store.num_ours, 1);
    s = store.ours[0];
    assert_int_equal(s.authenticated, first);
    s.authenticated = first + hour + 1 - week; /* what a server without mercy would lead to */
    store = (struct end_store){.ours = {s}, .num_ours = 1};
    assert_true(shake_once(c, (struct end_options){0}, first + hour));
    s.authenticated = first + hour - week;
    store = (struct end_store){.ours = {s}, .num_ours = 1};
    assert_false(shake_once(c, (struct end_options){0}, first + hour));
}

/* The server takes whoever resumes for the client that the ticket names: so no other one may. */
static void sessions_belong_to_an_identity(void **state)
{
    const struct end_options ask = {.ask_certificate = true};
    struct end_store store, copy;
    (void)state;
    fill_store(&store, (struct end_options){.own_key = true}, ask);
    copy = store;
    assert_true(shake_once((struct end_options){.own_key = true, .store = &copy}, ask, T0));
    store.ours[0] = copy.ours[0]; /* out of the resumed connection */
    store.num_ours = 1;
    copy = store;
    assert_true(shake_once((struct end_options){.own_key = true, .store = &copy}, ask, T0));
    struct both b = shake((struct end_options){.store = &store}, ask, T0);
    struct csep_identity id;
    assert_false(end_resumed(b.s));
    end_secure(b.s)->ops->peer_identity(end_secure(b.s), &id);
    assert_false(id.present);
    end_free(b.c);
    end_free(b.s);
    /* a session of nobody gives nobody's name away */
    fill_store(&store, (struct end_options){.own_key = true}, (struct end_options){0});
    assert_true(shake_once((struct end_options){.store = &store}, (struct end_options){0}, T0));
}

/* Even a ticket that says it lives longer. */
static void freshness(void **state)
{
    struct tls_ticket k = {
        .issued = CSEP_SEC(604000), .authenticated = CSEP_SEC(10), .lifetime = 86400, .age_add = 77};
    const csep_time end = CSEP_SEC(10 + TLS_LIFETIME_MAX);
    (void)state;
    uint32_t age = (uint32_t)((end - k.issued) / CSEP_MS(1)) + 77;
    assert_true(tls_ticket_is_fresh(&k, age - 1, end - 1));
    assert_false(tls_ticket_is_fresh(&k, age, end));
    assert_true(tls_ticket_is_fresh(&k, 77 - 1, k.issued)); /* a clock that is slow: an age below zero */
    assert_true(tls_ticket_is_fresh(&k, 77u + 10000, k.issued));
    assert_false(tls_ticket_is_fresh(&k, 77u + 10001, k.issued));
    assert_false(tls_ticket_is_fresh(&k, 77u - 10001, k.issued));
    assert_false(tls_ticket_is_fresh(&k, 77, k.issued - 1));
}

static void tickets_differ_and_are_counted(void **state)
{
    struct end_store store = {0};
    (void)state;
    for (unsigned ask = 0; ask < 2; ask++) {
        store.num_ours = 0;
        struct end *s = end_new(END_OURS, (struct end_options){.server = true, .ask_certificate = ask});
        end_tls(s)->cfg.num_tickets = 5;
        struct end *c = end_new(END_OURS, (struct end_options){.store = &store});
        end_pump(c, s, 0);
        assert_int_equal(store.num_ours, 5);
        for (unsigned i = 0; i < 5; i++)
            for (unsigned j = 0; j < i; j++) {
                assert_memory_not_equal(store.ours[i].ticket, store.ours[j].ticket, store.ours[i].ticket_len);
                assert_memory_not_equal(store.ours[i].psk, store.ours[j].psk, 32);
            }
        end_free(c);
        end_free(s);
    }
}

/* Where no certificate is asked for, the tickets come with the server's flight. */
static void tickets_come_early(void **state)
{
    struct end_store store = {0};
    uint8_t buf[8192];
    (void)state;
    struct end *s = end_new(END_OURS, (struct end_options){.server = true});
    struct end *c = end_new(END_OURS, (struct end_options){.store = &store});
    end_feed(s, buf, end_take(c, buf, sizeof buf));
    end_feed(c, buf, end_take(s, buf, sizeof buf));
    assert_int_equal(store.num_ours, 1);
    end_free(c);
    end_free(s);
}

static void grow(uint8_t *length, size_t by)
{
    size_t n = (size_t)(length[0] << 8 | length[1]) + by;
    length[0] = (uint8_t)(n >> 8);
    length[1] = (uint8_t)n;
}

/* A ClientHello with a number of unknown tickets before the good one, its binders right. */
static struct puppet *offer_behind_others(unsigned others)
{
    uint8_t msg[4096];
    struct tls_client_hello ch;
    struct puppet *p = puppet_new((struct puppet_options){{.server = true}, true});
    size_t n = puppet_make(p, TLS_INPUT_CLIENT_HELLO, msg);
    assert_int_equal(tls_client_hello_decode(rd_init(msg + 4, n - 4), &ch), CSEP_OK);
    size_t block =
        (size_t)(ch.psk.identities.p - msg) - 2; /* the extension goes from 4 bytes before here to the end */
    size_t grown = others * (7 + 33);
    struct wr w = wr_init(msg, sizeof msg);
    w.len = block;
    size_t list = wr_open(&w, 2);
    for (unsigned i = 0; i < others; i++) {
        wr_vec16(&w, "x", 1);
        wr_u32(&w, i);
    }
    wr_vec16(&w, p->session.ticket, p->session.ticket_len);
    wr_u32(&w, 1000);
    wr_close(&w, list, 2);
    size_t tail = w.len;
    wr_u16(&w, 33 * (others + 1));
    for (unsigned i = 0; i <= others; i++) {
        wr_u8(&w, 32);
        wr_zero(&w, 32);
    }
    grow(msg + block - 2, grown);                       /* the extension */
    grow(msg + 4 + 2 + 32 + 1 + 32 + 2 + 2 + 2, grown); /* the block: one suite, one compression method */
    msg[2] = (uint8_t)((w.len - 4) >> 8), msg[3] = (uint8_t)(w.len - 4);
    struct hash_ctx h = p->transcript;
    hash_add(&h, msg, tail);
    struct hash th = hash_peek(&h);
    tls_schedule_binder(&p->schedule, &th, msg + w.len - TLS_BINDER_LEN);
    puppet_send(p, msg, w.len);
    return p;
}

static void one_of_several_tickets(void **state)
{
    (void)state;
    for (unsigned others = 0; others < 6; others++) {
        struct puppet *p = offer_behind_others(others);
        puppet_expect(p, CSEP_OK, "several tickets");
        assert_int_equal(p->psk, others < 4); /* so many are tried */
        puppet_reach(p, TLS_SERVER_CONNECTED);
        puppet_free(p);
    }
}

static void rotating_keys(void **state)
{
    struct csep_tls_ticket_keys k = {0};
    uint64_t r;
    uint8_t first[32];
    (void)state;
    csep_tls_ticket_keys_rotate(&k, end_random(&r, 1));
    assert_false(k.have_previous);
    memcpy(first, k.current, 32);
    csep_tls_ticket_keys_rotate(&k, end_random(&r, 2));
    assert_true(k.have_previous);
    assert_memory_equal(k.previous, first, 32);
    assert_memory_not_equal(k.current, first, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_a_ticket_is_taken),           cmocka_unit_test(client_identity_is_asked_again),
        cmocka_unit_test(distrusted_identity_is_forgotten), cmocka_unit_test(stale_sessions_are_thrown_away),
        cmocka_unit_test(chain_of_resumptions_ends),        cmocka_unit_test(freshness),
        cmocka_unit_test(tickets_differ_and_are_counted),   cmocka_unit_test(tickets_come_early),
        cmocka_unit_test(one_of_several_tickets),           cmocka_unit_test(rotating_keys),
        cmocka_unit_test(clients_count_their_chain),        cmocka_unit_test(sessions_belong_to_an_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
