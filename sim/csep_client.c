/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "csep_hosts.h"

#include <stdlib.h>
#include <string.h>

#include "payload.h"

#define SERVICE "server.example:4433"

struct sim_client {
    struct sim_world *w;
    const struct sim_csep *mode;
    struct csep_identity server;
    struct csep_tls_config tls;
    struct csep_negotiate_config negotiate;
    struct csep_store *store;
    struct csep_context *context;
    struct sim_negotiation *negotiation; /* the one that runs */
    struct sim_negotiation *closed;      /* the last one before, whose close is under way */
    struct sim_negotiations finished;
    bool preparing; /* the negotiation is for later, nobody waits */
    bool waiting;   /* the application waits for a context */

    struct csep_data *data;    /* over UDP */
    bool data_made, data_live; /* made: to be wiped; live: not closed */
    csim_udp *udp;
    csim_timer *data_timer, *fallback_timer;
    struct sim_pipe *pipe; /* opened in parallel, until the stream takes it */
    struct sim_stream *stream;
    size_t got; /* bytes of the reply */
};

static void negotiate(struct sim_client *c);

/* ---- the application's side of both transports ---- */

static void reply_bytes(struct sim_client *c, size_t n)
{
    c->got += n;
    sim_reply_arrived(c->w, c->got >= c->w->cfg->workload.reply);
}

static bool take_slot(struct sim_client *c, uint8_t transport, uint8_t service, struct csep_slot *out)
{
    csep_store_expire(c->store, sim_now(c->w));
    return csep_context_take(c->store, c->context, transport, service, sim_now(c->w), out) == CSEP_OK;
}

static struct csep_data_config data_config(struct sim_client *c)
{
    struct csep_data_config cfg = sim_data_config(c->w, SIM_UP);
    cfg.initial_rtt = c->w->cfg->policy.carry_rtt ? csep_context_rtt(c->context) : 0;
    return cfg;
}

/* ---- data over UDP ---- */

/* The context seems to be of no use: negotiate, once, whatever says so first. */
static void renegotiate(struct sim_client *c)
{
    c->waiting = true;
    if (!c->negotiation)
        negotiate(c);
}

static void add_tickets(struct sim_client *c, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len && i + 1 + bytes[i] <= len; i += 1u + bytes[i]) {
        struct csep_ticket t = {.len = bytes[i]};
        memcpy(t.b, bytes + i + 1, t.len);
        csep_context_add_tickets(c->store, c->context, &t, 1, sim_now(c->w));
    }
}

/* The context's limits are sums over its connections (KEY-8). */
static void report_usage(struct sim_client *c)
{
    const struct csep_usage used = csep_data_take_usage(c->data);
    csep_context_report(c->store, c->context, &used, sim_now(c->w));
}

static void data_event(struct sim_client *c, const struct csep_data_event *ev)
{
    switch (ev->type) {
    case CSEP_DATA_EV_OPENED:
        csep_context_input(c->store, c->context, CSEP_CTX_IN_USED, sim_now(c->w));
        (void)csim_timer_set(c->fallback_timer, CSEP_NEVER);
        break;
    case CSEP_DATA_EV_MESSAGE:
        reply_bytes(c, ev->len);
        if (c->got >= c->w->cfg->workload.reply)
            csep_data_close(c->data, 0, sim_now(c->w));
        break;
    case CSEP_DATA_EV_TICKETS:
        add_tickets(c, ev->bytes, ev->len);
        break;
    case CSEP_DATA_EV_REFUSED:
        csep_context_input(c->store, c->context, CSEP_CTX_IN_REFUSED, sim_now(c->w));
        renegotiate(c);
        break;
    case CSEP_DATA_EV_CLOSED:
        report_usage(c);
        c->data_live = false;
        break;
    default:
        break;
    }
}

static void pump_data(struct sim_client *c)
{
    uint8_t buf[2048];
    struct csep_data_event ev;
    struct csep_addr to;
    size_t n;
    while (csep_data_event(c->data, &ev))
        data_event(c, &ev);
    while ((n = csep_data_output(c->data, buf, sizeof buf, &to, sim_now(c->w))) > 0)
        (void)sim_check(c->w, csim_udp_send(c->udp, &to, buf, n));
    (void)sim_check(c->w,
                    csim_timer_set(c->data_timer, c->data_live ? csep_data_deadline(c->data) : CSEP_NEVER));
}

/* The first probe time-out without an answer starts a negotiation: a lost refusal must not cost more than
 * that. */
static void on_data_time(void *arg)
{
    struct sim_client *c = arg;
    struct csep_data_stats stats;
    if (!c->data_live)
        return;
    csep_data_expire(c->data, sim_now(c->w));
    csep_data_get_stats(c->data, &stats);
    if (stats.ptos && csep_data_get_state(c->data) == CSEP_DATA_OPENING)
        renegotiate(c);
    pump_data(c);
}

static void on_datagram(void *arg, csim_udp *u, const struct csep_addr *from, const uint8_t *data, size_t len)
{
    struct sim_client *c = arg;
    uint8_t copy[2048];
    (void)u;
    if (!c->data_live || len > sizeof copy)
        return;
    memcpy(copy, data, len);
    csep_data_input(c->data, copy, len, from, sim_now(c->w));
    pump_data(c);
}

static void drop_data(struct sim_client *c)
{
    if (c->data_made)
        csep_data_wipe(c->data);
    c->data_made = c->data_live = false;
}

static bool open_data(struct sim_client *c)
{
    uint8_t request[SIM_MESSAGE];
    const struct csep_message_options options = {.replayable = true, .ordered = true, .deadline = CSEP_NEVER};
    struct csep_data_config cfg = data_config(c);
    struct csep_addr to = c->w->server_addr;
    struct csep_slot slot;
    uint64_t id;
    if (!take_slot(c, CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, &slot))
        return false;
    to.port = SIM_UDP_PORT;
    drop_data(c);
    memset(c->data, 0, csep_data_size());
    csep_status st = csep_data_open(c->data, &cfg, &slot, CSEP_SERVICE_MESSAGE, &to, sim_now(c->w));
    memset(&slot, 0, sizeof slot);
    c->data_made = c->data_live = st == CSEP_OK;
    sim_payload(request, 0, c->w->cfg->workload.request);
    if (st == CSEP_OK)
        st = csep_data_send_message(c->data, &options, request, c->w->cfg->workload.request, sim_now(c->w),
                                    &id);
    if (st != CSEP_OK)
        sim_fail(c->w, "a UDP data connection could not begin: %s", csep_status_text(st));
    else
        pump_data(c);
    return true;
}

/* ---- data over TCP ---- */

static void stream_bytes(void *arg, struct sim_stream *s, size_t n)
{
    struct sim_client *c = arg;
    reply_bytes(c, n);
    if (c->got >= c->w->cfg->workload.reply)
        sim_stream_close(s);
}

static bool open_stream_on(struct sim_client *c, struct sim_pipe *p)
{
    struct csep_data_config cfg = data_config(c);
    struct csep_slot slot;
    if (!p || !take_slot(c, CSEP_TRANSPORT_TCP, CSEP_SERVICE_STREAM, &slot))
        return false;
    c->stream = sim_stream_open(c->w, &cfg, &slot, p, stream_bytes, c);
    memset(&slot, 0, sizeof slot);
    return c->stream != NULL;
}

/* The pipe is open, or will be: what is written before waits in the stream. */
static void connected(void *arg, struct sim_pipe *p)
{
    struct sim_client *c = arg;
    c->pipe = NULL;
    if (open_stream_on(c, p))
        sim_stream_write(c->stream, c->w->cfg->workload.request);
}

static void connected_early(void *arg, struct sim_pipe *p)
{
    (void)arg;
    (void)p;
}

static void open_stream(struct sim_client *c)
{
    static const struct sim_pipe_events events = {.connected = connected};
    if (c->pipe)
        connected(c, c->pipe);
    else
        (void)sim_pipe_connect(c->w, c->mode->data, SIM_TCP_PORT, &events, c);
}

/* ---- negotiation ---- */

static void install(struct sim_client *c, const struct csep_negotiate_event *ev)
{
    csep_status st = csep_context_install(c->store, c->context, ev->grant, ev->secret, ev->tickets,
                                          ev->num_tickets, ev->rtt, sim_now(c->w));
    if (st != CSEP_OK)
        sim_fail(c->w, "a grant could not be kept: %s", csep_status_text(st));
}

static void have_context(struct sim_client *c)
{
    if (c->preparing)
        sim_ready(c->w);
    c->preparing = false;
    if (!c->waiting || c->mode->cold == SIM_SHARED)
        return;
    c->waiting = false;
    if (c->mode->over_udp)
        (void)open_data(c);
    else
        open_stream(c);
}

static void go_on_shared(struct sim_client *c, struct sim_negotiation *n)
{
    c->waiting = false;
    if (!open_stream_on(c, sim_negotiation_take_pipe(n)))
        return;
    sim_stream_behind(c->stream, n);
    sim_stream_write(c->stream, c->w->cfg->workload.request);
}

static void negotiation_event(void *arg, struct sim_negotiation *n, const struct csep_negotiate_event *ev)
{
    struct sim_client *c = arg;
    if (ev->type == CSEP_NEG_GRANTED) {
        install(c, ev);
        have_context(c);
    } else if (ev->type == CSEP_NEG_SHARED) {
        go_on_shared(c, n);
    } else if (ev->type == CSEP_NEG_FAILED) {
        sim_fail(c->w, "the client's negotiation failed: %s", csep_status_text(ev->status));
    } else if (ev->type == CSEP_NEG_CLOSED) {
        c->negotiation = NULL;
        c->closed = n;
    }
}

static void negotiate(struct sim_client *c)
{
    const struct sim_negotiation_setup setup = {.w = c->w,
                                                .sends = SIM_UP,
                                                .tls = &c->tls,
                                                .cfg = &c->negotiate,
                                                .event = negotiation_event,
                                                .arg = c};
    if (c->closed)
        sim_negotiations_add(&c->finished, c->closed);
    c->closed = NULL;
    csep_context_input(c->store, c->context, CSEP_CTX_IN_NEGOTIATE, sim_now(c->w));
    c->negotiation = sim_negotiation_new(&setup, c->mode->negotiate, SIM_NEGOTIATE_PORT, NULL, NULL);
}

void sim_client_prepare(struct sim_client *c)
{
    c->preparing = true;
    negotiate(c);
}

/* ---- the request ---- */

static void fall_back(void *arg)
{
    struct sim_client *c = arg;
    drop_data(c);
    (void)csim_timer_set(c->data_timer, CSEP_NEVER);
    open_stream(c);
}

static void request_cold(struct sim_client *c)
{
    static const struct sim_pipe_events events = {.connected = connected_early};
    c->waiting = true;
    if (!c->negotiation)
        negotiate(c);
    if (c->mode->cold == SIM_PARALLEL && !c->mode->over_udp)
        c->pipe = sim_pipe_connect(c->w, c->mode->data, SIM_TCP_PORT, &events, c);
}

static void request_warm(struct sim_client *c)
{
    if (c->mode->hedge) {
        c->waiting = true;
        negotiate(c);
    }
    if (c->mode->fallback)
        (void)sim_check(c->w, csim_timer_set(c->fallback_timer, sim_now(c->w) + c->w->cfg->policy.fallback));
    if (c->w->visits && c->w->cfg->policy.refresh == SIM_REFRESH_USE && !c->negotiation)
        negotiate(c);
}

static bool usable(struct sim_client *c)
{
    csep_store_expire(c->store, sim_now(c->w));
    return csep_ctx_usable(csep_context_state(c->context)) && csep_context_tickets(c->context);
}

void sim_client_request(struct sim_client *c)
{
    c->got = 0;
    if (!usable(c)) {
        request_cold(c);
        return;
    }
    sim_hit(c->w);
    if (!c->mode->over_udp)
        open_stream(c);
    else if (!open_data(c))
        sim_fail(c->w, "a usable context gave no ticket");
    request_warm(c);
}

/* ---- life ---- */

static bool trust(void *self, const struct csep_identity *peer, const char *server_name, size_t name_len)
{
    const struct sim_client *c = self;
    (void)server_name;
    (void)name_len;
    return csep_identity_is(peer, c->server.spki_sha256);
}

static void configure(struct sim_client *c)
{
    static const char *const alpn[] = {CSEP_ALPN, NULL}; //= NEG-5
    c->tls = csep_tls_config_default();
    c->tls.trust = (struct csep_tls_trust){trust, c};
    c->tls.alpn = alpn;
    c->tls.server_name = "server.example";
    c->tls.raw_public_key = !c->w->cfg->server.certificate;
    c->tls.random = sim_random(c->w, SIM_UP);
    c->tls.alloc = sim_alloc();
    c->tls.trace = sim_trace(c->w, SIM_UP);
    c->tls.keylog = sim_keylog(c->w);
    c->negotiate = csep_negotiate_config_default();
    c->negotiate.share = c->mode->cold == SIM_SHARED;
    c->negotiate.literal_request = c->mode->literal_request;
    c->negotiate.random = c->tls.random;
    c->negotiate.alloc = c->tls.alloc;
    c->negotiate.trace = c->tls.trace;
    c->negotiate.keylog = c->tls.keylog;
}

static bool open_store(struct sim_client *c)
{
    const struct csep_store_config cfg = {
        .max_contexts = 16, .random = c->tls.random, .alloc = c->tls.alloc, .trace = c->tls.trace};
    struct csep_store_key key = {.service = SERVICE, .group = ""};
    memcpy(key.peer_spki_sha256, c->server.spki_sha256, sizeof key.peer_spki_sha256);
    csep_status st = csep_store_init(c->store, &cfg);
    c->context = st == CSEP_OK ? csep_store_get(c->store, &key, sim_now(c->w)) : NULL;
    if (!c->context)
        sim_fail(c->w, "the client has no store: %s", csep_status_text(st));
    return c->context != NULL;
}

struct sim_client *sim_client_new(struct sim_world *w, const struct sim_csep *mode,
                                  const struct csep_identity *server)
{
    static const struct csim_udp_events events = {.received = on_datagram};
    struct sim_client *c = calloc(1, sizeof *c);
    struct csep_addr any = w->client_addr;
    if (!c || !(c->store = calloc(1, csep_store_size())) || !(c->data = calloc(1, csep_data_size())))
        abort();
    c->w = w;
    c->mode = mode;
    c->server = *server;
    configure(c);
    if (open_store(c) && sim_check(w, csim_udp_open(w->client, &any, &events, c, &c->udp)) &&
        sim_check(w, csim_timer_new(w->sim, on_data_time, c, &c->data_timer)))
        (void)sim_check(w, csim_timer_new(w->sim, fall_back, c, &c->fallback_timer));
    return c;
}

void sim_client_free(struct sim_client *c)
{
    sim_negotiation_free(c->negotiation);
    sim_negotiation_free(c->closed);
    sim_negotiations_free(&c->finished);
    drop_data(c);
    sim_stream_free(c->stream);
    sim_pipe_free(c->pipe);
    csep_store_wipe(c->store);
    free(c->store);
    free(c->data);
    free(c);
}
