/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections used at random - sent on, paused, closed, reset, freed at any time and
 * from any callback - over links that lose, repeat, delay and reorder. Nothing may
 * crash, no callback may come after the end, and every run must run out of events.
 * The worth of this test is under valgrind and the sanitizers.
 */
#include "ns3_world.h"

enum { RUNS = 60, MAX_CONNS = 64, ACTIVE = 10 };

struct conn {
    csim_tcp *c; /* NULL: freed */
    csim_rng *rng;
    bool ended;
};

struct storm {
    struct world w;
    csim_rng *rng;
    csim_tcp *listener;
    unsigned num;
    struct conn conns[MAX_CONNS];
};

static unsigned ends[5], finishes;

static void act(struct conn *k)
{
    static const uint8_t zeros[5000];
    size_t taken;
    csim_status st = CSIM_OK;
    if (!k->c)
        return;
    switch (csim_rng_below(k->rng, 12)) {
    case 0:
        st = csim_tcp_close(k->c);
        break;
    case 1:
        st = csim_tcp_shutdown(k->c);
        break;
    case 2:
        if (csim_rng_below(k->rng, 4) == 0)
            st = csim_tcp_abort(k->c);
        break;
    case 3:
        if (csim_rng_below(k->rng, 4) == 0) {
            csim_tcp_free(k->c);
            k->c = NULL;
        }
        break;
    case 4:
    case 5:
        st = csim_tcp_pause(k->c, csim_rng_below(k->rng, 2));
        break;
    default:
        st = csim_tcp_send(k->c, zeros, (size_t)csim_rng_below(k->rng, sizeof zeros), &taken);
        assert_true(st == CSIM_OK || st == CSIM_ERR_CLOSED);
        return;
    }
    ok(st);
}

static struct conn *live(void *arg, csim_tcp *c)
{
    struct conn *k = arg;
    assert_ptr_equal(k->c, c);
    assert_false(k->ended);
    return k;
}

static void on_connected(void *arg, csim_tcp *c)
{
    act(live(arg, c));
}

static void on_received(void *arg, csim_tcp *c, const uint8_t *data, size_t len)
{
    assert_true(len > 0 && data[0] == 0 && data[len - 1] == 0);
    act(live(arg, c));
}

static void on_writable(void *arg, csim_tcp *c, size_t room)
{
    assert_true(room > 0);
    act(live(arg, c));
}

static void on_finished(void *arg, csim_tcp *c)
{
    finishes++;
    act(live(arg, c));
}

static void on_ended(void *arg, csim_tcp *c, enum csim_tcp_end why)
{
    struct conn *k = live(arg, c);
    ends[why]++;
    k->ended = true;
    if (csim_rng_below(k->rng, 2)) {
        csim_tcp_free(c);
        k->c = NULL;
    }
}

static const struct csim_tcp_events events = {on_connected, on_received, on_writable, on_finished, on_ended};

static struct conn *add(struct storm *s)
{
    assert_true(s->num < MAX_CONNS);
    struct conn *k = &s->conns[s->num++];
    k->rng = s->rng;
    return k;
}

static void on_accepted(void *arg, csim_tcp *listener, csim_tcp *c, const struct csep_addr *peer)
{
    struct storm *s = arg;
    (void)listener, (void)peer;
    if (csim_rng_below(s->rng, 20) == 0)
        return; /* refuse by doing nothing */
    struct conn *k = add(s);
    k->c = c;
    ok(csim_tcp_events_set(c, &events, k));
    act(k);
}

static void foul_weather(struct storm *s, uint64_t seed)
{
    const struct csim_impairment i = {.loss = (enum csim_loss)(seed % 4),
                                      .rate = 0.03,
                                      .burst_min = 1,
                                      .burst_max = 5,
                                      .good_to_bad = 0.02,
                                      .bad_to_good = 0.3,
                                      .loss_bad = 0.7,
                                      .jitter_ns = seed % 3 * MS(1),
                                      .reorder = seed % 5 == 0};
    ok(csim_link_impair(s->w.near, CSIM_A_TO_B, &i));
    ok(csim_link_impair(s->w.far, CSIM_B_TO_A, &i));
    for (int n = 0; n < 20; n++)
        ok(csim_link_fault(s->w.near, CSIM_A_TO_B, 1 + csim_rng_below(s->rng, 500),
                           (enum csim_fault)csim_rng_below(s->rng, 3), csim_rng_below(s->rng, MS(300))));
}

static void some_act(struct storm *s, uint64_t pass_time)
{
    ok(csim_run_until(s->w.sim, csim_now(s->w.sim) + csim_rng_below(s->rng, pass_time)));
    for (unsigned k = 0; k < s->num; k++)
        if (csim_rng_below(s->rng, 5) == 0)
            act(&s->conns[k]);
}

static void one_storm(uint64_t seed)
{
    static struct storm s;
    memset(&s, 0, sizeof s);
    world_make(&s.w, seed % 2 ? 4 : 6, 1 + seed / 2 % 2, seed, NULL, NULL);
    s.rng = csim_rng_open(s.w.sim, "storm");
    foul_weather(&s, seed);
    ok(csim_tcp_listen(s.w.server, &s.w.server_any, NULL, on_accepted, &s, &s.listener));
    for (int n = 0; n < ACTIVE; n++) {
        struct conn *k = add(&s);
        ok(csim_tcp_connect(s.w.client, NULL, &s.w.server_addr, NULL, &events, k, &k->c));
        act(k);
        some_act(&s, MS(30));
        if (csim_rng_below(s.rng, 40) == 0) {
            csim_tcp_free(s.listener);
            s.listener = NULL;
        }
    }
    for (int n = 0; n < 50; n++)
        some_act(&s, MS(100));
    for (unsigned k = 0; k < s.num; k++) {
        if (!s.conns[k].c)
            continue;
        ok(csim_tcp_pause(s.conns[k].c, false));
        ok(csim_tcp_close(s.conns[k].c));
    }
    ok(csim_run(s.w.sim));
    world_end(&s.w);
}

static void test_random_use_is_survived(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        one_storm(seed);
    for (int e = CSIM_TCP_CLOSED; e <= CSIM_TCP_ABORTED; e++)
        if (e != CSIM_TCP_TIMEOUT)
            assert_true(ends[e] > 10); /* it was a storm */
    assert_true(finishes > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {world_test(test_random_use_is_survived)};
    return cmocka_run_group_tests_name("ns3: stress", tests, NULL, NULL);
}
