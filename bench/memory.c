/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes: of idle contexts and connections, and of a stateless server over many negotiations. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hosts.h"

#define NEGOTIATIONS 100000

/* An open connection with everything sent, answered and acknowledged, both ends, ten seconds later. */
static bool idle_connection(size_t *out_opener, size_t *out_acceptor)
{
    static const struct csep_addr client = {4, {127, 0, 0, 1}, 40000}, server = {4, {127, 0, 0, 1}, 443};
    static const struct csep_message_options reliable = {0, true, false, CSEP_NEVER, 0};
    struct csep_acceptor_config acfg = csep_acceptor_config_default();
    struct csep_acceptor *acceptor = malloc(csep_acceptor_size());
    struct csep_data *opener = malloc(csep_data_size()), *accepted = NULL;
    struct csep_data_event ev;
    struct csep_slot slot;
    uint8_t wire[1500], request[500] = {0};
    struct csep_addr to;
    uint64_t id;
    bool is_new;
    acfg.slots = bench_slots();
    acfg.data.random = bench_rnd;
    acfg.data.alloc = bench_heap;
    bench_slot(&slot, CSEP_AEAD_CHACHA20_POLY1305, CSEP_UPGRADE_OFFERED);
    bool ok = csep_acceptor_init(acceptor, &acfg, 0) == CSEP_OK &&
              csep_data_open(opener, &acfg.data, &slot, CSEP_SERVICE_MESSAGE, &server, 1) == CSEP_OK &&
              csep_data_send_message(opener, &reliable, request, sizeof request, 1, &id) == CSEP_OK;
    csep_time now = CSEP_MS(1);
    for (int round = 0; ok && round < 200; round++, now += CSEP_MS(50)) {
        size_t n;
        csep_data_expire(opener, now);
        while ((n = csep_data_output(opener, wire, sizeof wire, &to, now)) > 0)
            csep_acceptor_input(acceptor, wire, n, &client, now, &accepted, &is_new);
        if (!accepted)
            break;
        csep_acceptor_expire(acceptor, now);
        while (csep_data_event(accepted, &ev))
            if (ev.type == CSEP_DATA_EV_MESSAGE)
                ok = csep_data_send_message(accepted, &reliable, ev.bytes, ev.len, now, &id) == CSEP_OK;
        while ((n = csep_data_output(accepted, wire, sizeof wire, &to, now)) > 0)
            csep_data_input(opener, wire, n, &server, now);
        while (csep_data_event(opener, &ev))
            ;
    }
    ok = ok && accepted && csep_data_get_state(opener) == CSEP_DATA_CONFIRMED &&
         csep_data_get_state(accepted) == CSEP_DATA_CONFIRMED;
    if (ok) {
        *out_opener = csep_data_size() + csep_data_heap(opener);
        *out_acceptor = csep_data_size() + csep_data_heap(accepted);
        csep_acceptor_release(acceptor, accepted);
    }
    csep_data_wipe(opener);
    csep_acceptor_wipe(acceptor);
    free(opener);
    free(acceptor);
    return ok;
}

/* What a stateless server holds after so many grants, above what it held after the first. */
static bool stateless_growth(size_t *out)
{
    struct csep_grantor_config cfg = csep_grantor_config_default();
    struct csep_grantor *g = malloc(csep_grantor_size());
    struct csep_grant_request none = {0};
    struct csep_grant *grant = malloc(sizeof *grant);
    struct csep_ticket tickets[32];
    struct csep_addr client = {4, {10, 0, 0, 1}, 40000};
    struct csep_identity anonymous = {0};
    uint8_t secret[32];
    unsigned num;
    size_t first = 0;
    cfg.mode = CSEP_GRANTOR_STATELESS;
    bench_menu(&cfg.menu);
    cfg.random = bench_rnd;
    cfg.alloc = bench_heap;
    bool ok = csep_grantor_init(g, &cfg, 0) == CSEP_OK;
    for (unsigned i = 0; ok && i < NEGOTIATIONS; i++) {
        csep_time now = CSEP_MS(i);
        client.ip[3] = (uint8_t)i;
        bench_random(NULL, secret, sizeof secret);
        ok = csep_grantor_begin(g, &none, &client, 0, now, grant) == CSEP_OK &&
             csep_grantor_finish(g, &none, grant, secret, &anonymous, false, now, tickets, &num) == CSEP_OK &&
             num >= 2;
        csep_grantor_expire(g, now);
        if (i == 0)
            first = csep_grantor_memory(g);
    }
    *out = csep_grantor_memory(g) - first;
    csep_grantor_wipe(g);
    free(grant);
    free(g);
    return ok;
}

bool bench_memory(void)
{
    size_t opener = 0, acceptor = 0, growth = 0;
    report_at_most("idle context, server", (double)csep_context_size_server(), "bytes", "limit", 256);
    report_at_most("idle context, client, without its tickets", (double)csep_context_size_client(), "bytes",
                   "limit", 256);
    bool ok = idle_connection(&opener, &acceptor);
    if (ok) {
        report_at_most("idle data connection, opener", (double)opener, "bytes", "limit", 4096);
        report_at_most("idle data connection, acceptor", (double)acceptor, "bytes", "limit", 4096);
    }
    ok = stateless_growth(&growth) && ok;
    report_at_most("stateless server over 100,000 negotiations", (double)growth, "bytes more", "limit", 0);
    if (!ok)
        fprintf(stderr, "csep-bench: memory part did not work\n");
    return ok;
}
