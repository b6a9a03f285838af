/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests and replies of 1200 bytes inside ns-3: on an open csep data connection, and as
 * plain UDP datagrams over the same two nodes and link. What is counted is exchanges per
 * second of real time, so everything that the protocol adds is in the difference.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hosts.h"
#include "ns3.h"

#define PAYLOAD 1200

static uint8_t payload[PAYLOAD];

struct world {
    csim *sim;
    csim_udp *client, *server;
    struct csep_addr server_addr;
    unsigned left; /* exchanges still to do */
    size_t size;   /* of each request and reply */
    uint16_t aead; /* 0: plain UDP */
    struct csep_data *opener;
    struct csep_acceptor *acceptor;
};

/* ---- csep on both hosts ---- */

static void flush(struct world *w, struct csep_data *c, csim_udp *socket)
{
    uint8_t wire[1500];
    struct csep_addr to;
    size_t n;
    while ((n = csep_data_output(c, wire, sizeof wire, &to, csim_now(w->sim))) > 0)
        if (csim_udp_send(socket, &to, wire, n) != CSIM_OK)
            abort();
}

static void next_request(struct world *w)
{
    if (w->left == 0) {
        csim_stop(w->sim);
        return;
    }
    w->left--;
    if (!w->aead) {
        if (csim_udp_send(w->client, &w->server_addr, payload, w->size) != CSIM_OK)
            abort();
        return;
    }
    if (csep_data_send_datagram(w->opener, payload, w->size, csim_now(w->sim)) != CSEP_OK)
        abort();
    flush(w, w->opener, w->client);
}

static void at_server(void *arg, csim_udp *u, const struct csep_addr *from, const uint8_t *data, size_t len)
{
    struct world *w = arg;
    if (!w->aead) {
        if (csim_udp_send(u, from, data, len) != CSIM_OK)
            abort();
        return;
    }
    uint8_t buf[1500];
    struct csep_data *c = NULL;
    struct csep_data_event ev;
    bool is_new;
    memcpy(buf, data, len);
    csep_acceptor_input(w->acceptor, buf, len, from, csim_now(w->sim), &c, &is_new);
    if (!c)
        return;
    while (csep_data_event(c, &ev))
        if (ev.type == CSEP_DATA_EV_DATAGRAM &&
            csep_data_send_datagram(c, ev.bytes, ev.len, csim_now(w->sim)) != CSEP_OK)
            abort();
    flush(w, c, u);
}

static void at_client(void *arg, csim_udp *u, const struct csep_addr *from, const uint8_t *data, size_t len)
{
    struct world *w = arg;
    (void)u;
    if (w->aead) {
        uint8_t buf[1500];
        struct csep_data_event ev;
        bool answered = false;
        memcpy(buf, data, len);
        csep_data_input(w->opener, buf, len, from, csim_now(w->sim));
        while (csep_data_event(w->opener, &ev))
            answered |= ev.type == CSEP_DATA_EV_DATAGRAM;
        if (!answered)
            return;
    }
    next_request(w);
}

/* ---- The network, made anew for each slice and warmed up outside the measurement ---- */

static bool make(struct world *w)
{
    static const struct csim_udp_events client_events = {at_client, NULL}, server_events = {at_server, NULL};
    struct csim_options options;
    struct csim_link_options link;
    csim_node *a, *b;
    csim_link *l;
    struct csep_addr any;
    csim_options_default(&options);
    csim_link_options_default(&link);
    link.rate_bps = 10000000000u;
    link.delay_ns = 1000000;
    bool ok = csim_create(1, 1, &options, &w->sim) == CSIM_OK &&
              csim_node_new(w->sim, "client", CSIM_NODE_V4, &a) == CSIM_OK &&
              csim_node_new(w->sim, "server", CSIM_NODE_V4, &b) == CSIM_OK &&
              csim_link_new(w->sim, a, b, &link, &l) == CSIM_OK &&
              csim_address(a, l, "10.0.0.1/24") == CSIM_OK && csim_address(b, l, "10.0.0.2/24") == CSIM_OK &&
              csim_addr_parse("10.0.0.2", 443, &w->server_addr) == CSIM_OK &&
              csim_addr_parse("0.0.0.0", 0, &any) == CSIM_OK &&
              csim_udp_open(a, &any, &client_events, w, &w->client) == CSIM_OK;
    any.port = 443;
    ok = ok && csim_udp_open(b, &any, &server_events, w, &w->server) == CSIM_OK;
    if (!ok)
        fprintf(stderr, "csep-bench: %s\n", csim_error());
    return ok;
}

static bool open_connection(struct world *w)
{
    struct csep_slot slot;
    struct csep_acceptor_config acfg = csep_acceptor_config_default();
    struct csep_data_config cfg = csep_data_config_default();
    acfg.slots = bench_slots();
    cfg.random = bench_rnd;
    cfg.alloc = bench_heap;
    cfg.max_unit = 1472;
    acfg.data = cfg;
    w->opener = malloc(csep_data_size());
    w->acceptor = malloc(csep_acceptor_size());
    bench_slot(&slot, w->aead, CSEP_UPGRADE_OFF);
    return w->opener && w->acceptor && csep_acceptor_init(w->acceptor, &acfg, 0) == CSEP_OK &&
           csep_data_open(w->opener, &cfg, &slot, CSEP_SERVICE_DATAGRAM, &w->server_addr, 0) == CSEP_OK;
}

static bool run(struct world *w, unsigned n, size_t size)
{
    w->left = n;
    w->size = size;
    next_request(w);
    return csim_run(w->sim) == CSIM_OK && w->left == 0;
}

static bool exchanges(void *self, unsigned n)
{
    return run(self, n, PAYLOAD);
}

bool bench_simulator(double seconds)
{
    static struct world worlds[] = {
        {.aead = 0}, {.aead = CSEP_AEAD_CHACHA20_POLY1305}, {.aead = CSEP_AEAD_AES_256_GCM}};
    static const char *const names[] = {"plain UDP", "ChaCha20-Poly1305", "AES-256-GCM"};
    bool ok = true;
    bench_random(NULL, payload, sizeof payload);
    /* ns-3 holds one simulation per process: each contender lives in turn, plain UDP beside each. */
    for (unsigned i = 1; ok && i < 3; i++) {
        double rate[2] = {0, 0};
        for (unsigned turn = 0; ok && turn < 6; turn++) {
            struct world *w = turn % 2 ? &worlds[i] : &worlds[0];
            struct contender c = {names[turn % 2 ? i : 0], exchanges, w, 4000, 0};
            ok = make(w) && (!w->aead || open_connection(w)) &&
                 /* a small one opens the connection and tells the peer's largest unit */
                 run(w, 1, 100) && run(w, 200, PAYLOAD) && contest(&c, 1, seconds / 12);
            if (ok && c.rate > rate[turn % 2])
                rate[turn % 2] = c.rate;
            if (w->aead) {
                csep_data_wipe(w->opener);
                csep_acceptor_wipe(w->acceptor);
                free(w->opener);
                free(w->acceptor);
            }
            if (csim_destroy(w->sim) != CSIM_OK)
                ok = false;
        }
        char name[64];
        snprintf(name, sizeof name, "1200 B exchanges in ns-3, %s", names[i]);
        if (ok)
            report(name, rate[1], "1/s", "plain UDP echo in the same ns-3", rate[0], 0.6);
    }
    if (!ok)
        fprintf(stderr, "csep-bench: simulator did not work\n");
    return ok;
}
