/* SPDX-License-Identifier: BSD-2-Clause */
/* Both ends of a negotiation over the plain stream: the client with a store, the server with a grantor. */
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "plain.h"

struct negotiation {
    struct csep_negotiate *n;
    struct plain_secure secure;
    struct csep_store *store;     /* client */
    struct csep_grantor *grantor; /* server */
};

static const struct csep_store_key key = {.peer_spki_sha256 = {0x5e}, .service = "example:4433", .group = ""};

static struct csep_negotiate_config config(struct end *e, const json_t *line)
{
    struct csep_negotiate_config c = csep_negotiate_config_default();
    c.random = host_random(e->host);
    c.alloc = host_alloc(e->host);
    c.share = line_flag(line, "share", false);
    c.keep_open = line_flag(line, "keep_open", false);
    c.port = 4433;
    return c;
}

static struct negotiation *make(struct end *e, const json_t *line)
{
    uint8_t secret[32] = {0};
    struct negotiation *g = calloc(1, sizeof *g);
    if (!g)
        abort();
    line_copy(line, "exporter_master_secret", secret, sizeof secret);
    plain_init(&g->secure, secret);
    g->n = malloc(csep_negotiate_size());
    e->self = g;
    return g;
}

/* As if the peer's hello had come, so that each may speak. */
static csep_status greet(struct negotiation *g, csep_time now)
{
    return csep_negotiate_input(g->n, plain_hello, sizeof plain_hello, now);
}

static csep_status client_start(struct end *e, const json_t *line)
{
    struct negotiation *g = make(e, line);
    struct csep_negotiate_config cfg = config(e, line);
    struct csep_store_config store = {
        .max_contexts = 4, .random = host_random(e->host), .alloc = host_alloc(e->host)};
    g->store = malloc(csep_store_size());
    csep_status st = csep_store_init(g->store, &store);
    st = st ? st : csep_negotiate_client(g->n, &cfg, &g->secure.secure, e->now);
    return st ? st : greet(g, e->now);
}

static void read_menu(struct csep_grant *menu, const json_t *line)
{
    const char *protocol = json_string_value(json_object_get(line, "protocol"));
    menu->lifetime = (uint32_t)line_number(line, "lifetime", menu->lifetime);
    menu->upgrade = (uint8_t)line_number(line, "upgrade", CSEP_UPGRADE_OFFERED);
    if (protocol) {
        strncpy(menu->protocols[0], protocol, sizeof menu->protocols[0] - 1);
        menu->num_protocols = 1;
    }
}

static csep_status server_start(struct end *e, const json_t *line)
{
    struct negotiation *g = make(e, line);
    struct csep_negotiate_config cfg = config(e, line);
    struct csep_grantor_config gc = csep_grantor_config_default();
    struct csep_addr client = {.family = 4, .ip = {192, 0, 2, 1}, .port = 5000};
    gc.mode = line_flag(line, "sealed", false) ? CSEP_GRANTOR_STATELESS : CSEP_GRANTOR_STATEFUL;
    gc.random = host_random(e->host);
    gc.alloc = host_alloc(e->host);
    read_menu(&gc.menu, line);
    g->grantor = malloc(csep_grantor_size());
    csep_status st = csep_grantor_init(g->grantor, &gc, e->now);
    st = st ? st : csep_negotiate_server(g->n, &cfg, &g->secure.secure, g->grantor, &client, e->now);
    return st ? st : greet(g, e->now);
}

struct csep_slot_source negotiation_slots(struct end *e)
{
    return csep_grantor_slots(((struct negotiation *)e->self)->grantor);
}

csep_status negotiation_take(struct end *e, uint8_t transport, uint8_t service, struct csep_slot *out)
{
    struct negotiation *g = e->self;
    struct csep_context *c = csep_store_find(g->store, &key);
    return c ? csep_context_take(g->store, c, transport, service, e->now, out) : CSEP_ERR_NO_CONTEXT;
}

/* ---- Verbs ---- */

static csep_status request(struct end *e, const json_t *line)
{
    struct csep_grant_request req = {.lifetime = (uint32_t)line_number(line, "lifetime", 0),
                                     .tickets = (uint8_t)line_number(line, "tickets", 0)};
    req.have_handle = line_copy(line, "handle", req.handle, sizeof req.handle) > 0;
    struct negotiation *g = e->self;
    return csep_negotiate_request(g->n, &req, (uint32_t)line_number(line, "id", 1), e->now);
}

static csep_status act(struct end *e, const char *verb, const json_t *line)
{
    struct negotiation *g = e->self;
    csep_status st = CSEP_OK;
    size_t n;
    uint8_t *b = line_bytes(line, "bytes", &n);
    if (strcmp(verb, "input") == 0)
        st = csep_negotiate_input(g->n, b, n, e->now);
    else if (strcmp(verb, "eof") == 0)
        csep_negotiate_input_eof(g->n, e->now);
    else if (strcmp(verb, "expire") == 0)
        csep_negotiate_expire(g->n, e->now);
    else if (strcmp(verb, "request") == 0)
        st = request(e, line);
    else if (strcmp(verb, "close") == 0)
        csep_negotiate_close(g->n, e->now);
    else
        st = CSEP_ERR_UNSUPPORTED;
    free(b);
    return st;
}

static csep_status install(struct end *e, const struct csep_negotiate_event *ev)
{
    struct negotiation *g = e->self;
    struct csep_context *c = csep_store_get(g->store, &key, e->now);
    if (!c)
        return CSEP_ERR_MEMORY;
    csep_context_input(g->store, c, CSEP_CTX_IN_NEGOTIATE, e->now);
    return csep_context_install(g->store, c, ev->grant, ev->secret, ev->tickets, ev->num_tickets, ev->rtt,
                                e->now);
}

static json_t *tickets(const struct csep_negotiate_event *ev)
{
    json_t *out = json_array();
    for (unsigned i = 0; i < ev->num_tickets; i++)
        json_array_append_new(out, hex(ev->tickets[i].b, ev->tickets[i].len));
    return out;
}

static void tell(struct end *e, const struct csep_negotiate_event *ev)
{
    static const char *const names[] = {
        [CSEP_NEG_GRANTED] = "granted", [CSEP_NEG_TICKETS] = "tickets", [CSEP_NEG_REVOKED] = "revoked",
        [CSEP_NEG_ACTIVE] = "active",   [CSEP_NEG_SHARED] = "shared",   [CSEP_NEG_CLOSED] = "closed",
        [CSEP_NEG_FAILED] = "failed",
    };
    json_t *event = json_pack("{s:s, s:s, s:i, s:I, s:o}", "event", names[ev->type], "status",
                              csep_status_name(ev->status), "code", (int)ev->code, "request_id",
                              (json_int_t)ev->request_id, "tickets", tickets(ev));
    if (ev->secret)
        json_object_set_new(event, "secret", hex(ev->secret, 32));
    tell_event(e, event);
}

static void drain(struct end *e)
{
    static uint8_t out[16384];
    struct negotiation *g = e->self;
    struct csep_negotiate_event ev;
    for (size_t n = 1; n > 0;) {
        while (csep_negotiate_event(g->n, &ev)) {
            if (ev.type == CSEP_NEG_GRANTED && g->store)
                ev.status = install(e, &ev);
            tell(e, &ev);
        }
        n = csep_negotiate_output(g->n, out, sizeof out, e->now);
        if (n)
            tell_out(e, out, n);
    }
}

static csep_time deadline(const struct end *e)
{
    return csep_negotiate_deadline(((const struct negotiation *)e->self)->n);
}

static const char *state(const struct end *e)
{
    return csep_negotiate_state(((const struct negotiation *)e->self)->n);
}

static void wipe(struct end *e)
{
    struct negotiation *g = e->self;
    csep_negotiate_wipe(g->n);
    if (g->store)
        csep_store_wipe(g->store);
    if (g->grantor)
        csep_grantor_wipe(g->grantor);
    free(g->store);
    free(g->grantor);
    free(g->n);
    free(g);
}

const struct end_kind negotiation_client_kind = {
    "negotiation-client", client_start, act, drain, deadline, state, wipe,
};
const struct end_kind negotiation_server_kind = {
    "negotiation-server", server_start, act, drain, deadline, state, wipe,
};
