/* SPDX-License-Identifier: BSD-2-Clause */
/* The opener's address changes under an open connection, as NATs make it (spec section 6.6). */
#include "data/frame.h"
#include "net.h"

static const char hello[] = "GET /", again[] = "GET /again";

static unsigned challenges;

static void count_challenges(struct net *w, enum net_way way, const struct nonce_seen *seen, size_t datagram)
{
    (void)w;
    (void)datagram;
    struct frame_where where = {.transport = CSEP_TRANSPORT_UDP,
                                .service = CSEP_SERVICE_MESSAGE,
                                .sender = SENT_BY_ACCEPTOR,
                                .place = seen->type == CSEP_PKT_ACCEPT ? PLACE_ACCEPT : PLACE_DATA};
    struct frames it;
    struct frame f;
    if (way != NET_DOWN)
        return;
    frames_init(&it, view_of(seen->payload, seen->len), &where);
    while (frames_next(&it, &f) == CSEP_OK)
        challenges += f.type == CSEP_FRAME_PATH_CHALLENGE;
}

//= DATA-28, DATA-48, DATA-49
static void test_first_packet_from_a_new_address_is_answered(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 7);
    w.echo = true;
    w.watch = count_challenges;
    net_start(&w);
    challenges = 0;
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_send(&w, e->c, hello, sizeof hello, false);
    net_run(&w, w.now + CSEP_SEC(5));
    assert_int_equal(challenges, 0);

    e->addr.port = 61000;
    csep_time t0 = w.now;
    net_send(&w, e->c, again, sizeof again, false);
    net_run(&w, t0 + 2 * w.delay);
    assert_int_equal(net_count(&w, true, again, sizeof again), 1);
    assert_int_equal(net_count(&w, false, again, sizeof again),
                     1); /* within three times what came, one packet is enough */
    assert_int_equal(challenges, 1);
    net_run(&w, t0 + 3 * w.delay);
    assert_true(w.served.paths >= 2); /* changed, then validated */
    net_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_first_packet_from_a_new_address_is_answered)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
