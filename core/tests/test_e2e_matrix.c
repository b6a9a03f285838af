/* SPDX-License-Identifier: BSD-2-Clause */
/* Every arrangement of a cold and of a warm request, with the round trips that the specification promises. */
#include "e2e.h"

#include "crypto/aead.h"

struct arrangement {
    enum e2e_cold mode;
    uint8_t transport;
    enum csep_service service;
    unsigned delay, first; /* D and time to the first byte, in round trips (docs/spec.md section 2) */
};

static const struct arrangement colds[] = {
    {E2E_SEPARATE, CSEP_TRANSPORT_UDP, CSEP_SERVICE_DATAGRAM, 2, 3},
    {E2E_SEPARATE, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, 2, 3},
    {E2E_SEPARATE, CSEP_TRANSPORT_TCP, CSEP_SERVICE_MESSAGE, 3, 4},
    {E2E_SEPARATE, CSEP_TRANSPORT_TCP, CSEP_SERVICE_STREAM, 3, 4},
    {E2E_PARALLEL, CSEP_TRANSPORT_TCP, CSEP_SERVICE_MESSAGE, 2, 3},
    {E2E_PARALLEL, CSEP_TRANSPORT_TCP, CSEP_SERVICE_STREAM, 2, 3},
    {E2E_SHARED, CSEP_TRANSPORT_TCP, CSEP_SERVICE_MESSAGE, 2, 3},
    {E2E_SHARED, CSEP_TRANSPORT_TCP, CSEP_SERVICE_STREAM, 2, 3},
};

struct setting {
    uint16_t aead;
    enum csep_upgrade upgrade;
    bool offer;
    enum csep_grantor_mode mode;
    size_t len, piece_max;
};

static void configure(struct e2e *w, const struct setting *s)
{
    e2e_init(w, 1 + s->len + s->upgrade);
    struct csep_grantor_config *g = &w->server[0].grantor_cfg;
    g->mode = s->mode;
    g->menu.upgrade = (uint8_t)s->upgrade;
    g->menu.aeads[0] = s->aead;
    if (s->aead != CSEP_AEAD_CHACHA20_POLY1305)
        g->menu.aeads[g->menu.num_aeads++] = CSEP_AEAD_CHACHA20_POLY1305; //= NEG-38 type=test
    w->client[0].data.offer_share = s->offer;
    w->piece_max = s->piece_max;
    e2e_start(w);
    if (s->mode == CSEP_GRANTOR_STATELESS)
        w->now += CSEP_SEC(20); /* before that no early data is taken (CTX-6) */
}

static bool all_early(const struct e2e_conn *c)
{
    for (unsigned i = 0; i < c->num_got; i++)
        if (!c->got[i].early)
            return false;
    return c->service == CSEP_SERVICE_STREAM ? c->in_early == c->in_len : true;
}

static void check_times(const struct e2e *w, const struct e2e_conn *c, unsigned delay, unsigned first)
{
    csep_time r = 2 * w->delay;
    assert_int_equal(c->first_sent - c->asked_at, delay * r);
    assert_int_equal(c->first_got - c->asked_at, first * r);
}

static void check_both(const struct e2e *w, const struct e2e_conn *c, unsigned nth)
{
    const struct e2e_conn *s = e2e_served(w, nth);
    assert_true(e2e_all_back(c));
    e2e_assert_clean(c);
    e2e_assert_clean(s);
    assert_true(s->by_peer);
    assert_int_equal(c->events[CSEP_DATA_EV_OPENED], 1);
    assert_true(c->early);
    assert_true(all_early(s)); /* the first flight carried it: //= DATA-31 type=test */
}

//= NEG-1 type=test //= NEG-41 type=test //= NEG-57 type=test //= NEG-58 type=test //= NEG-74 type=test
static void run_cold(const struct arrangement *a, const struct setting *s)
{
    struct e2e w;
    configure(&w, s);
    e2e_cold(&w, a->mode, a->transport, a->service, s->len);
    e2e_settle(&w, CSEP_SEC(60));
    assert_non_null(w.request.conn);
    check_times(&w, w.request.conn, a->delay, a->first);
    check_both(&w, w.request.conn, 0);
    /* and now the context is warm: 0 over UDP, 1R over TCP, for TCP's own handshake */
    struct e2e_conn *c = e2e_open(&w, 0, 0, a->transport, a->service);
    assert_non_null(c);
    (void)e2e_say(&w, c, s->len);
    e2e_settle(&w, CSEP_SEC(60));
    unsigned tcp = a->transport == CSEP_TRANSPORT_TCP;
    check_times(&w, c, tcp, 1 + tcp);
    check_both(&w, c, 1);
    assert_int_equal(csep_context_state(w.client[0].context[0]), CSEP_CTX_FRESH);
    e2e_done(&w);
}

static void run_setting(const struct setting *s)
{
    for (unsigned i = 0; i < sizeof colds / sizeof colds[0]; i++)
        run_cold(&colds[i], s);
}

static void each_upgrade(uint16_t aead, enum csep_grantor_mode mode)
{
    run_setting(&(struct setting){aead, CSEP_UPGRADE_OFF, true, mode, 700, 0});
    run_setting(&(struct setting){aead, CSEP_UPGRADE_OFFERED, true, mode, 700, 0});
    run_setting(&(struct setting){aead, CSEP_UPGRADE_OFFERED, false, mode, 700, 0});
    run_setting(&(struct setting){aead, CSEP_UPGRADE_REQUIRED, true, mode, 700, 0});
}

static void test_stateful(void **state)
{
    (void)state;
    each_upgrade(CSEP_AEAD_CHACHA20_POLY1305, CSEP_GRANTOR_STATEFUL);
}

static void test_stateless(void **state)
{
    (void)state;
    each_upgrade(CSEP_AEAD_CHACHA20_POLY1305, CSEP_GRANTOR_STATELESS);
}

static void test_aes_gcm(void **state)
{
    (void)state;
    if (!aead_supported(CSEP_AEAD_AES_256_GCM))
        skip();
    each_upgrade(CSEP_AEAD_AES_256_GCM, CSEP_GRANTOR_STATEFUL);
    each_upgrade(CSEP_AEAD_AES_256_GCM, CSEP_GRANTOR_STATELESS);
}

//= NEG-21 type=test
static void test_pieces(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 7, 64, 1000};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        run_setting(&(struct setting){CSEP_AEAD_CHACHA20_POLY1305, CSEP_UPGRADE_OFFERED, true,
                                      CSEP_GRANTOR_STATEFUL, 300, sizes[i]});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stateful),
        cmocka_unit_test(test_stateless),
        cmocka_unit_test(test_aes_gcm),
        cmocka_unit_test(test_pieces),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
