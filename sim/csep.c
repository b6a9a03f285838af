/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "csep.h"

#include <stdlib.h>

#include "csep_hosts.h"

struct both {
    const struct sim_csep *mode;
    struct sim_server *server;
    struct sim_client *client;
};

static bool start(struct sim_world *w, const struct sim_row *row, void **out_self)
{
    struct both *b = calloc(1, sizeof *b);
    struct csep_identity server;
    if (!b)
        abort();
    *out_self = b;
    b->mode = row->variant;
    b->server = sim_server_new(w, b->mode);
    sim_server_identity(b->server, &server);
    b->client = sim_client_new(w, b->mode, &server);
    if (*w->failure)
        return false;
    if (b->mode->context == SIM_CONTEXT_NONE)
        sim_ready(w);
    else
        sim_client_prepare(b->client);
    return true;
}

static void send_request(void *self)
{
    struct both *b = self;
    if (b->mode->context == SIM_CONTEXT_STALE)
        sim_server_restart(b->server);
    sim_client_request(b->client);
}

static void stop(void *self)
{
    struct both *b = self;
    if (b->client)
        sim_client_free(b->client);
    if (b->server)
        sim_server_free(b->server);
    free(b);
}

const struct sim_stack_ops sim_stack_csep = {"csep", false, start, send_request, stop};
