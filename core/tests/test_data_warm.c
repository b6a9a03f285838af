/* SPDX-License-Identifier: BSD-2-Clause */
/* The warm path: application bytes in the first datagram, the reply one round trip later. */
#include "net.h"

static const char hello[] = "GET /";

static void test_zero_rtt(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    w.echo = true;
    net_start(&w);
    csep_time t0 = w.now;
    struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
    net_send(&w, e->c, hello, sizeof hello, false);
    net_run(&w, w.now + CSEP_SEC(5));

    const struct csep_trace_event *sent = test_trace_find(&w.trace_up, CSEP_TRACE_DATA_APP_SENT, 0);
    const struct csep_trace_event *back = test_trace_find(&w.trace_up, CSEP_TRACE_DATA_APP_RECEIVED, 0);
    assert_non_null(sent);
    assert_non_null(back);
    assert_int_equal(sent->at - t0, 0);
    assert_int_equal(sent->arg[0], 0);
    assert_int_equal(back->at - t0, 2 * w.delay);
    assert_int_equal(net_count(&w, true, hello, sizeof hello), 1);
    assert_int_equal(net_count(&w, false, hello, sizeof hello), 1);
    assert_true(w.received[0].early);
    assert_false(w.received[1].early);
    assert_int_equal(e->opened, 1);
    assert_int_equal(e->confirmed, 1);
    assert_int_equal(w.served.confirmed, 1);
    assert_int_equal(csep_data_get_state(e->c), CSEP_DATA_CONFIRMED);
    assert_int_equal(e->sent, 1);

    csep_data_close(e->c, 0x1234, w.now);
    net_run(&w, w.now + CSEP_SEC(60));
    assert_int_equal(e->closed, 1);
    assert_int_equal(w.served.closed, 1);
    assert_int_equal(w.served.code, 0x1234);
    assert_true(w.served.by_peer);
    assert_int_equal(csep_acceptor_count(w.a), 0);
    net_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_zero_rtt)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
