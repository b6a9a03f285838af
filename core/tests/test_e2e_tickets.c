/* SPDX-License-Identifier: BSD-2-Clause */
/* Tickets that are not what they should be, and servers that do not know them any more. */
#include "e2e_tape.h"

#include "crypto/aead.h"

/* ---- Tickets that are refused ---- */

enum spoiling { USED, FORGED, CUT, INVENTED, FOREIGN, EXPIRED, REVOKED, SPOILINGS };

/* A slot that looks good to the client. */
static void spoil(struct e2e *w, enum spoiling how, uint8_t transport, enum csep_service service,
                  struct csep_slot *slot)
{
    struct csep_slot before;
    assert_true(e2e_take(w, 0, 0, transport, service, slot));
    before = *slot;
    switch (how) {
    case USED:
        (void)e2e_say(w, e2e_open_slot(w, 0, 0, slot, service, NULL), 50);
        e2e_settle(w, CSEP_SEC(100));
        break;
    case FORGED:
        slot->ticket[slot->ticket_len / 2] ^= 1;
        break;
    case CUT:
        slot->ticket_len--;
        break;
    case INVENTED:
        for (unsigned i = 0; i < slot->ticket_len; i++)
            slot->ticket[i] = (uint8_t)(i * 37 + 1);
        break;
    case FOREIGN:
        e2e_warm(w, 0, 1);
        assert_true(e2e_take(w, 0, 1, transport, service, slot));
        break;
    case EXPIRED:
        w->now += CSEP_SEC(w->server[0].grantor_cfg.menu.lifetime);
        break;
    case REVOKED:
        csep_grantor_revoke(w->server[0].grantor, w->neg[0]->grant.handle, w->now);
        break;
    default:
        break;
    }
    slot->expires = how == EXPIRED ? w->now + CSEP_SEC(60) : before.expires;
}

/* What the acceptor answered, without what names the connection. */
static size_t refusal_udp(const struct tape *t, uint8_t out[64])
{
    int i = tape_find(t, NET_DOWN, CSEP_PKT_REFUSE);
    struct refuse r;
    assert_true(i >= 0);
    memcpy(out, t->at[i].b, t->at[i].len);
    assert_int_equal(packet_decode_refuse(&r, out, t->at[i].len), CSEP_OK);
    memset((uint8_t *)(uintptr_t)r.dcid.p, 0, r.dcid.n);
    memset((uint8_t *)(uintptr_t)r.echo, 0, CSEP_ECHO_LEN);
    return t->at[i].len;
}

static void refused(struct e2e *w, struct e2e_conn *c, enum csep_ctx_state want)
{
    struct csep_context *x = w->client[0].context[0];
    unsigned tickets = csep_context_tickets(x);
    (void)e2e_say(w, c, 64);
    e2e_settle(w, CSEP_SEC(20));
    assert_int_equal(c->events[CSEP_DATA_EV_REFUSED], 1);
    assert_status(c->status, CSEP_ERR_REFUSED);
    assert_int_equal(c->num_got + c->in_len, 0);
    assert_int_equal(csep_context_state(x), want); //= DATA-41 type=test
    if (csep_ctx_usable(want))
        assert_int_equal(csep_context_tickets(x), tickets); /* nothing is deleted */
}

static void each_refused(enum csep_grantor_mode mode, uint8_t transport, enum csep_service service)
{
    uint8_t first[64], next[64];
    size_t first_len = 0, len;
    for (enum spoiling how = USED; how < SPOILINGS; how++) {
        struct csep_slot slot;
        struct tape t;
        struct e2e w;
        e2e_begin_mature(&w, mode);
        w.check.copies = true;
        e2e_warm(&w, 0, 0);
        spoil(&w, how, transport, service, &slot);
        tape_begin(&w, &t);
        struct e2e_conn *c = e2e_open_slot(&w, 0, 0, &slot, service, NULL);
        refused(&w, c, how == EXPIRED ? CSEP_CTX_EXPIRED : CSEP_CTX_SUSPECT);
        //= DATA-20 type=test
        len = transport == CSEP_TRANSPORT_UDP ? refusal_udp(&t, next) : c->tcp->sent[1];
        if (how == USED) {
            memcpy(first, next, sizeof first);
            first_len = len;
        }
        assert_int_equal(len, first_len);
        if (transport == CSEP_TRANSPORT_UDP)
            assert_memory_equal(next, first, len);
        if (how <= FOREIGN) { /* the context goes on: //= CTX-26 type=test */
            c = e2e_open(&w, 0, 0, transport, service);
            (void)e2e_say(&w, c, 64);
            e2e_settle(&w, CSEP_SEC(100));
            assert_true(e2e_all_back(c));
            assert_int_equal(csep_context_state(w.client[0].context[0]), CSEP_CTX_FRESH);
        }
        tape_end(&w, &t);
        e2e_done(&w);
    }
}

static void test_refused_alike(void **state)
{
    (void)state;
    for (enum csep_grantor_mode m = CSEP_GRANTOR_STATEFUL; m <= CSEP_GRANTOR_STATELESS; m++) {
        each_refused(m, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE);
        each_refused(m, CSEP_TRANSPORT_TCP, CSEP_SERVICE_STREAM);
    }
}

/* ---- More than was granted ---- */

enum wish { WISH_SERVICE, WISH_AEAD, WISH_NO_SHARE, WISHES };

/* A client that asks for a service or an AEAD that the grant lacks, or for less upgrade than it requires. */
//= DATA-22 type=test //= KEY-15 type=test //= NEG-70 type=test
static void wish(enum wish what, uint8_t transport)
{
    struct csep_slot slot;
    struct e2e w;
    e2e_init(&w, 13);
    struct csep_grant *m = &w.server[0].grantor_cfg.menu;
    if (what == WISH_SERVICE)
        m->transports[0].services = m->transports[1].services = 1u << CSEP_SERVICE_MESSAGE;
    if (what == WISH_NO_SHARE)
        m->upgrade = CSEP_UPGRADE_REQUIRED;
    e2e_start(&w);
    e2e_warm(&w, 0, 0);
    assert_true(e2e_take(&w, 0, 0, transport, CSEP_SERVICE_MESSAGE, &slot));
    enum csep_service service = CSEP_SERVICE_MESSAGE;
    if (what == WISH_SERVICE) {
        service = transport == CSEP_TRANSPORT_UDP ? CSEP_SERVICE_DATAGRAM : CSEP_SERVICE_STREAM;
        assert_null(e2e_open(&w, 0, 0, transport, service)); /* the store does not give it */
        slot.services |= (uint16_t)(1u << service);
    }
    if (what == WISH_AEAD) {
        slot.aeads[0] = CSEP_AEAD_AES_256_GCM;
        w.check.nonces.aead = CSEP_AEAD_AES_256_GCM;
    }
    if (what == WISH_NO_SHARE)
        slot.upgrade = CSEP_UPGRADE_OFF;
    refused(&w, e2e_open_slot(&w, 0, 0, &slot, service, NULL), CSEP_CTX_SUSPECT);
    assert_int_equal(w.num_payloads, 1);
    assert_int_equal(w.delivered[0][0], 0);
    e2e_done(&w);
}

static void test_more_than_granted(void **state)
{
    (void)state;
    for (enum wish what = WISH_SERVICE; what < WISHES; what++)
        for (uint8_t t = CSEP_TRANSPORT_UDP; t <= CSEP_TRANSPORT_TCP; t++)
            if (what != WISH_AEAD || aead_supported(CSEP_AEAD_AES_256_GCM))
                wish(what, t);
}

/* ---- One ticket on two transports at once ---- */

//= CTX-3 type=test //= CTX-4 type=test //= SEC-20 type=test
static void two_transports(enum csep_grantor_mode mode, bool tcp_first)
{
    struct csep_slot udp, tcp;
    struct e2e w;
    e2e_begin_mature(&w, mode);
    w.check.copies = true;
    e2e_warm(&w, 0, 0);
    assert_true(e2e_take(&w, 0, 0, CSEP_TRANSPORT_TCP, CSEP_SERVICE_MESSAGE, &tcp));
    udp = tcp; /* as a careless client would */
    udp.transport = CSEP_TRANSPORT_UDP;
    udp.services = 3;
    udp.max_unit = 1472;
    struct e2e_conn *a = tcp_first ? e2e_open_slot(&w, 0, 0, &tcp, CSEP_SERVICE_MESSAGE, NULL) : NULL;
    if (tcp_first)
        e2e_run(&w, w.now + 3 * w.delay); /* over TCP OPEN comes later */
    struct e2e_conn *b = e2e_open_slot(&w, 0, 0, &udp, CSEP_SERVICE_MESSAGE, NULL);
    if (!a)
        a = e2e_open_slot(&w, 0, 0, &tcp, CSEP_SERVICE_MESSAGE, NULL);
    (void)e2e_say(&w, a, 100);
    (void)e2e_say(&w, b, 100);
    e2e_settle(&w, CSEP_SEC(100));
    assert_true(e2e_all_back(a) != e2e_all_back(b));
    assert_true(e2e_all_back(tcp_first ? a : b));
    assert_status((tcp_first ? b : a)->status, CSEP_ERR_REFUSED);
    e2e_done(&w);
}

static void test_two_transports(void **state)
{
    (void)state;
    for (enum csep_grantor_mode m = CSEP_GRANTOR_STATEFUL; m <= CSEP_GRANTOR_STATELESS; m++) {
        two_transports(m, false);
        two_transports(m, true);
    }
}

/* A first flight that was copied from one transport into the other. */
static void test_other_transport(void **state)
{
    (void)state;
    struct tape t;
    struct e2e w;
    e2e_begin_mature(&w, CSEP_GRANTOR_STATEFUL);
    e2e_warm(&w, 0, 0);
    tape_begin(&w, &t);
    struct e2e_conn *c = e2e_open(&w, 0, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE);
    (void)e2e_say(&w, c, 100);
    w.server[0].down = true;
    e2e_run(&w, w.now + 2 * w.delay);
    w.server[0].down = false;
    int i = tape_find(&t, NET_UP, CSEP_PKT_OPEN);
    assert_true(i >= 0);
    uint8_t unit[2 + NET_DATAGRAM] = {(uint8_t)(t.at[i].len >> 8), (uint8_t)t.at[i].len};
    memcpy(unit + 2, t.at[i].b, t.at[i].len);
    struct e2e_tcp *tcp = e2e_connect(&w, 0, 0, true);
    e2e_run(&w, w.now + 4 * w.delay);
    e2e_tcp_put(&w, tcp, 0, unit, 2 + t.at[i].len);
    e2e_run(&w, w.now + 2 * w.delay);
    const struct e2e_conn *s = e2e_served(&w, 0);
    assert_true(s->dead);
    assert_true(s->status != CSEP_OK);
    e2e_settle(&w, CSEP_SEC(100));
    assert_true(e2e_all_back(c)); /* its ticket was not used up: //= DATA-21 type=test */
    tape_end(&w, &t);
    e2e_done(&w);
}

/* ---- Restart (X1) ---- */

//= DATA-42 type=test //= SEC-19 type=test
static void restarted(enum csep_grantor_mode mode, bool keep, uint8_t transport)
{
    struct e2e_conn *c[3];
    struct e2e w;
    e2e_begin_mature(&w, mode);
    e2e_warm(&w, 0, 0);
    w.client[0].renegotiate = true;
    e2e_restart(&w, 0, keep);
    bool works = keep && mode == CSEP_GRANTOR_STATELESS;
    for (unsigned i = 0; i < 3; i++) {
        c[i] = e2e_open(&w, 0, 0, transport, CSEP_SERVICE_MESSAGE);
        (void)e2e_say(&w, c[i], 200);
    }
    e2e_settle(&w, CSEP_SEC(100));
    for (unsigned i = 0; i < 3; i++) {
        assert_status(c[i]->status, works ? CSEP_OK : CSEP_ERR_REFUSED);
        assert_int_equal(e2e_all_back(c[i]), works);
        assert_false(works && c[i]->early); /* said again on the same connection: //= DATA-33 type=test */
    }
    assert_int_equal(w.client[0].negotiations, works ? 1 : 2);
    struct e2e_conn *again = e2e_open(&w, 0, 0, transport, CSEP_SERVICE_MESSAGE);
    (void)e2e_say(&w, again, 200);
    e2e_settle(&w, CSEP_SEC(100));
    assert_true(e2e_all_back(again));
    assert_int_equal(csep_context_state(w.client[0].context[0]), CSEP_CTX_FRESH);
    e2e_done(&w);
}

static void test_restart(void **state)
{
    (void)state;
    for (uint8_t t = CSEP_TRANSPORT_UDP; t <= CSEP_TRANSPORT_TCP; t++) {
        restarted(CSEP_GRANTOR_STATELESS, true, t);
        restarted(CSEP_GRANTOR_STATELESS, false, t);
        restarted(CSEP_GRANTOR_STATEFUL, false, t);
    }
}

/* The server forgot an open connection: a reset tells the opener. */
//= DATA-80 type=test //= DATA-81 type=test //= DATA-82 type=test
static void test_reset(void **state)
{
    (void)state;
    struct e2e w;
    e2e_begin_mature(&w, CSEP_GRANTOR_STATEFUL);
    e2e_warm(&w, 0, 0);
    struct e2e_conn *c = e2e_open(&w, 0, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE);
    c->stay = true;
    (void)e2e_say(&w, c, 200);
    e2e_run(&w, w.now + CSEP_SEC(2));
    assert_true(e2e_all_back(c));
    e2e_restart(&w, 0, false);
    (void)e2e_say(&w, c, 200);
    e2e_settle(&w, CSEP_SEC(10));
    assert_status(c->status, CSEP_ERR_RESET);
    e2e_done(&w);
}

/* ---- Rotation ---- */

//= CTX-7 type=test
static void rotated(enum csep_grantor_mode mode)
{
    struct csep_slot old;
    struct e2e w;
    e2e_init(&w, 12);
    w.server[0].grantor_cfg.mode = mode;
    w.server[0].grantor_cfg.key_rotation = CSEP_SEC(3600);
    w.server[0].grantor_cfg.menu.lifetime = 3 * 3600;
    w.server[0].grantor_cfg.num_tickets = 12;
    e2e_start(&w);
    w.now += CSEP_SEC(1800);
    w.check.copies = true;
    e2e_warm(&w, 0, 0);
    csep_time born = w.now;
    for (unsigned i = 0; i < 5; i++) { /* 35 min apart: the sealing key is three keys back at the end */
        csep_grantor_expire(w.server[0].grantor, w.now);
        struct e2e_conn *c = e2e_open(&w, 0, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE);
        (void)e2e_say(&w, c, 200);
        e2e_settle(&w, CSEP_SEC(100));
        assert_true(e2e_all_back(c));
        w.now += CSEP_SEC(2100);
    }
    assert_true(e2e_take(&w, 0, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, &old));
    w.now = born + CSEP_SEC(4 * 3600 + 1800);
    csep_grantor_expire(w.server[0].grantor, w.now);
    assert_null(e2e_open(&w, 0, 0, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE)); //= CTX-15 type=test
    old.expires = w.now + CSEP_SEC(60);
    struct e2e_conn *late = e2e_open_slot(&w, 0, 0, &old, CSEP_SERVICE_MESSAGE, NULL);
    refused(&w, late, CSEP_CTX_EXPIRED); //= CTX-16 type=test
    e2e_done(&w);
}

static void test_rotation(void **state)
{
    (void)state;
    rotated(CSEP_GRANTOR_STATEFUL);
    rotated(CSEP_GRANTOR_STATELESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_than_granted), cmocka_unit_test(test_refused_alike),
        cmocka_unit_test(test_two_transports),    cmocka_unit_test(test_other_transport),
        cmocka_unit_test(test_restart),           cmocka_unit_test(test_reset),
        cmocka_unit_test(test_rotation),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
