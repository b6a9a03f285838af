/* SPDX-License-Identifier: BSD-2-Clause */
/* What a connection holds: little when idle, everything back at the end, and no crash when there is none
 * left. */
#include "data/conn.h"
#include "net.h"

static const uint8_t ping[] = "ping";
static uint8_t big[100000];

static void test_idle_connection(void **state)
{
    (void)state;
    for (unsigned gcm = 0; gcm < 2; gcm++) {
        struct net w;
        net_init(&w, 1);
        if (gcm && aead_supported(CSEP_AEAD_AES_256_GCM))
            w.slots.menu.aeads[0] = CSEP_AEAD_AES_256_GCM;
        w.echo = true;
        w.cfg.idle_timeout = w.acceptor_cfg.data.idle_timeout = 0;
        net_start(&w);
        struct net_end *e = net_open(&w, 0, CSEP_SERVICE_MESSAGE);
        net_send(&w, e->c, ping, sizeof ping, true);
        net_send(&w, e->c, big, sizeof big, false);
        net_run(&w, w.now + CSEP_SEC(10));
        assert_ok(csep_data_key_update(e->c, w.now));
        net_send(&w, e->c, big, sizeof big, true);
        net_run(&w, w.now + CSEP_SEC(10));
        struct csep_data *c[2] = {e->c, w.last_served};
        for (unsigned i = 0; i < 2; i++) {
            size_t all = csep_data_size() + csep_data_heap(c[i]);
            print_message("%s: %zu + %zu bytes\n", i ? "acceptor" : "opener", csep_data_size(),
                          csep_data_heap(c[i]));
            assert_true(all <= 4096);
        }
        net_done(&w);
    }
}

/* Memory runs out at the n-th request, for every n: whatever fails, nothing leaks and nothing is said twice.
 */
static void test_out_of_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 120; n++) {
        struct net w;
        net_init(&w, 1);
        w.echo = false;
        net_start(&w);
        struct csep_slot slot = net_slot(&w.slots, 0);
        struct csep_data *c = aligned_alloc(64, (csep_data_size() + 63) / 64 * 64);
        w.mem.fail_from = n;
        if (csep_data_open(c, &w.cfg, &slot, CSEP_SERVICE_MESSAGE, &w.acceptor_addr, w.now) != CSEP_OK) {
            free(c);
            net_done(&w);
            continue;
        }
        struct net_end *e = &w.openers[w.num_openers++];
        *e = (struct net_end){.c = c, .addr = net_addr(11, 50001), .open = true};
        struct csep_message_options opt = net_reliable(true);
        csep_status st = csep_data_send_message(c, &opt, ping, sizeof ping, w.now, NULL);
        if (!st)
            st = csep_data_send_message(c, &opt, big, 5000, w.now, NULL);
        net_run(&w, w.now + CSEP_MS(500));
        w.mem.fail_from = 0;
        net_run(&w, w.now + CSEP_SEC(8));
        assert_true(net_count(&w, true, ping, sizeof ping) <= 1);
        assert_true(net_count(&w, true, big, 5000) <= 1);
        net_done(&w);
    }
}

/* An acceptor that opened and closed many connections holds what it held before. */
static void test_acceptor_gives_back(void **state)
{
    (void)state;
    struct net w;
    net_init(&w, 1);
    net_start(&w);
    size_t before = 0;
    for (unsigned i = 0; i < 40; i++) {
        w.num_openers = 0;
        struct net_end *e = net_open(&w, i, CSEP_SERVICE_MESSAGE);
        net_send(&w, e->c, ping, sizeof ping, true);
        net_run(&w, w.now + CSEP_SEC(1));
        csep_data_close(e->c, 0, w.now);
        net_run(&w, w.now + CSEP_SEC(10));
        assert_int_equal(csep_acceptor_count(w.a), 0);
        csep_data_wipe(e->c);
        free(e->c);
        e->c = NULL;
        e->open = false;
        if (i == 0)
            before = w.mem.live;
        assert_int_equal(w.mem.live, before);
    }
    net_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_connection),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_acceptor_gives_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
