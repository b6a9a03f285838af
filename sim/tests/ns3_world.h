/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ns3_world.h - what the tests of ns3.h start from: client - router - server, or
 * client - server, in IPv4 or IPv6. Static functions, as each test is one file.
 */
#ifndef CSIM_TESTS_NS3_WORLD_H
#define CSIM_TESTS_NS3_WORLD_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ns3.h"

/* Fails the test with the sentence that goes with the status. */
#define ok(call)                                                                                             \
    do {                                                                                                     \
        csim_status ok_status_ = (call);                                                                     \
        if (ok_status_ != CSIM_OK)                                                                           \
            fail_msg("%s: %s: %s", #call, csim_status_name(ok_status_), csim_error());                       \
    } while (0)

#define MS(n) ((uint64_t)(n)*1000000u)

enum { CLIENT_PORT = 0, SERVER_PORT = 4433 };

struct world {
    csim *sim;
    csim_node *client, *router, *server;
    csim_link *near, *far; /* client side and server side; the same one without a router */
    struct csep_addr any, server_any, server_addr, client_addr;
};

static csim *world_open; /* left by a test that failed, or NULL */

static int world_teardown(void **state)
{
    (void)state;
    csim *s = world_open;
    world_open = NULL;
    return csim_destroy(s) == CSIM_OK ? 0 : -1;
}
#define world_test(f) cmocka_unit_test_teardown(f, world_teardown)

static struct csep_addr addr_of(const char *text, uint16_t port)
{
    struct csep_addr a;
    ok(csim_addr_parse(text, port, &a));
    return a;
}

/* `hops` links in a row, 1 or 2, each with options o (NULL: default). */
static void world_make(struct world *w, int family, int hops, uint64_t seed,
                       const struct csim_link_options *o, const struct csim_options *so)
{
    memset(w, 0, sizeof *w);
    ok(csim_create(seed, 0, so, &w->sim));
    world_open = w->sim;
    ok(csim_node_new(w->sim, "client", CSIM_NODE_DUAL, &w->client));
    ok(csim_node_new(w->sim, "server", CSIM_NODE_DUAL, &w->server));
    const bool v6 = family == 6;
    if (hops == 2) {
        ok(csim_node_new(w->sim, "router", CSIM_NODE_DUAL | CSIM_NODE_ROUTER, &w->router));
        ok(csim_link_new(w->sim, w->client, w->router, o, &w->near));
        ok(csim_link_new(w->sim, w->router, w->server, o, &w->far));
        ok(csim_address(w->router, w->near, v6 ? "fd00:1::ff/64" : "10.1.0.254/24"));
        ok(csim_address(w->router, w->far, v6 ? "fd00:2::ff/64" : "10.2.0.254/24"));
        ok(csim_address(w->server, w->far, v6 ? "fd00:2::2/64" : "10.2.0.2/24"));
        w->server_addr = addr_of(v6 ? "fd00:2::2" : "10.2.0.2", SERVER_PORT);
    } else {
        ok(csim_link_new(w->sim, w->client, w->server, o, &w->near));
        w->far = w->near;
        ok(csim_address(w->server, w->near, v6 ? "fd00:1::2/64" : "10.1.0.2/24"));
        w->server_addr = addr_of(v6 ? "fd00:1::2" : "10.1.0.2", SERVER_PORT);
    }
    ok(csim_address(w->client, w->near, v6 ? "fd00:1::1/64" : "10.1.0.1/24"));
    w->client_addr = addr_of(v6 ? "fd00:1::1" : "10.1.0.1", 0);
    w->any = addr_of(v6 ? "::" : "0.0.0.0", CLIENT_PORT);
    w->server_any = w->any;
    w->server_any.port = SERVER_PORT;
    ok(csim_routes(w->sim));
}

static void world_end(struct world *w)
{
    world_open = NULL;
    ok(csim_destroy(w->sim));
}

#endif
