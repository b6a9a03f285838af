/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "csep_hosts.h"

#include <stdlib.h>
#include <string.h>

#include "certificate.h"
#include "payload.h"

#define STREAMS_MAX 256 /* kept until the run is over */

struct sim_server {
    struct sim_world *w;
    const struct sim_csep *mode;
    uint8_t seed[32], certificate[SIM_CERTIFICATE_MAX];
    struct csep_tls_identity identity;
    struct csep_tls_config tls;
    struct csep_negotiate_config negotiate;
    struct csep_data_config data;
    struct csep_grantor *grantor;
    struct csep_acceptor *acceptor;
    struct csep_slot_source slots;
    csim_udp *udp;
    csim_timer *timer;
    struct sim_pipe_listener *listen_negotiation, *listen_data;
    struct sim_negotiations negotiations;
    struct sim_stream *streams[STREAMS_MAX];
    size_t num_streams;
    size_t got; /* bytes of a request over TCP */
};

struct csep_data_config sim_data_config(struct sim_world *w, enum sim_direction who)
{
    struct csep_data_config c = csep_data_config_default();
    c.offer_share = w->cfg->server.upgrade;
    c.random = sim_random(w, who);
    c.alloc = sim_alloc();
    c.trace = sim_trace(w, who);
    c.keylog = sim_keylog(w);
    return c;
}

/* ---- grants ---- */

static void fill_menu(const struct sim_server *s, struct csep_grant *m)
{
    const struct csep_grant_transport udp = {.transport = CSEP_TRANSPORT_UDP,
                                             .services =
                                                 1 << CSEP_SERVICE_DATAGRAM | 1 << CSEP_SERVICE_MESSAGE,
                                             .port = SIM_UDP_PORT,
                                             .max_unit = 1200,
                                             .first_flight = 3600};
    const struct csep_grant_transport tcp = {.transport = CSEP_TRANSPORT_TCP,
                                             .flags = CSEP_TRANSPORT_SHARED,
                                             .services = 1 << CSEP_SERVICE_STREAM | 1 << CSEP_SERVICE_MESSAGE,
                                             .port = SIM_TCP_PORT,
                                             .first_flight = 14336};
    m->lifetime = (uint32_t)(s->w->cfg->server.lifetime / 1000000000u);
    m->refresh = m->lifetime - m->lifetime / 4;
    m->upgrade = s->w->cfg->server.upgrade ? CSEP_UPGRADE_OFFERED : CSEP_UPGRADE_OFF;
    m->transports[0] = udp;
    m->transports[1] = tcp;
    m->num_transports = 2;
}

static bool start_grantor(struct sim_server *s)
{
    struct csep_grantor_config c = csep_grantor_config_default();
    c.mode = CSEP_GRANTOR_STATEFUL;
    c.num_tickets = (unsigned)s->w->cfg->server.tickets;
    c.address_tokens = !s->mode->no_token;
    c.random = sim_random(s->w, SIM_DOWN);
    c.alloc = sim_alloc();
    c.trace = sim_trace(s->w, SIM_DOWN);
    fill_menu(s, &c.menu);
    csep_status st = csep_grantor_init(s->grantor, &c, sim_now(s->w));
    if (st != CSEP_OK)
        sim_fail(s->w, "the server cannot grant: %s", csep_status_text(st));
    s->slots = csep_grantor_slots(s->grantor);
    return st == CSEP_OK;
}

static bool check_token(void *self, const uint8_t *token, size_t len, const struct csep_addr *from,
                        csep_time now)
{
    return csep_grantor_check_address(((struct sim_server *)self)->grantor, token, len, from, now);
}

static bool start_acceptor(struct sim_server *s)
{
    struct csep_acceptor_config c = csep_acceptor_config_default();
    c.data = s->data;
    c.slots = s->slots;
    c.check_token = check_token;
    c.check_token_self = s;
    c.always_retry = s->mode->retry;
    csep_status st = csep_acceptor_init(s->acceptor, &c, sim_now(s->w));
    if (st != CSEP_OK)
        sim_fail(s->w, "the server cannot accept: %s", csep_status_text(st));
    return st == CSEP_OK;
}

void sim_server_restart(struct sim_server *s)
{
    csep_acceptor_wipe(s->acceptor);
    csep_grantor_wipe(s->grantor);
    if (start_grantor(s))
        (void)start_acceptor(s);
}

/* ---- data over UDP ---- */

static void reply_messages(struct sim_server *s, struct csep_data *c)
{
    uint8_t part[SIM_MESSAGE];
    const struct csep_message_options options = {.ordered = true, .deadline = CSEP_NEVER};
    uint64_t id;
    for (size_t left = s->w->cfg->workload.reply, n; left; left -= n) {
        n = left < SIM_MESSAGE ? left : SIM_MESSAGE;
        sim_payload(part, s->w->cfg->workload.reply - left, n);
        csep_status st = csep_data_send_message(c, &options, part, n, sim_now(s->w), &id);
        if (st != CSEP_OK) {
            sim_fail(s->w, "the reply was not taken: %s", csep_status_text(st));
            return;
        }
    }
}

/* One ticket for each that was spent: visits do not run out of them (top-up in-band). */
static void top_up(struct sim_server *s, struct csep_data *c)
{
    if (s->w->visits)
        (void)!csep_data_send_tickets(c, 1, sim_now(s->w));
}

static void drain(struct sim_server *s, struct csep_data *c)
{
    uint8_t buf[2048];
    struct csep_data_event ev;
    struct csep_addr to;
    size_t n;
    bool closed = false;
    while (csep_data_event(c, &ev)) {
        if (ev.type == CSEP_DATA_EV_MESSAGE) {
            sim_request_arrived(s->w);
            reply_messages(s, c);
            top_up(s, c);
        }
        closed |= ev.type == CSEP_DATA_EV_CLOSED;
    }
    while ((n = csep_data_output(c, buf, sizeof buf, &to, sim_now(s->w))) > 0)
        (void)sim_check(s->w, csim_udp_send(s->udp, &to, buf, n));
    if (closed)
        csep_acceptor_release(s->acceptor, c);
}

static void pump_acceptor(struct sim_server *s)
{
    uint8_t buf[2048];
    struct csep_data *c;
    struct csep_addr to;
    size_t n;
    while ((c = csep_acceptor_due(s->acceptor)))
        drain(s, c);
    while ((n = csep_acceptor_output(s->acceptor, buf, sizeof buf, &to, sim_now(s->w))) > 0)
        (void)sim_check(s->w, csim_udp_send(s->udp, &to, buf, n));
    (void)sim_check(s->w, csim_timer_set(s->timer, csep_acceptor_deadline(s->acceptor)));
}

static void on_time(void *arg)
{
    struct sim_server *s = arg;
    csep_acceptor_expire(s->acceptor, sim_now(s->w));
    pump_acceptor(s);
}

static void on_datagram(void *arg, csim_udp *u, const struct csep_addr *from, const uint8_t *data, size_t len)
{
    struct sim_server *s = arg;
    uint8_t copy[2048];
    struct csep_data *c = NULL;
    bool made;
    (void)u;
    if (len > sizeof copy)
        return;
    memcpy(copy, data, len);
    csep_acceptor_input(s->acceptor, copy, len, from, sim_now(s->w), &c, &made);
    if (c)
        drain(s, c);
    pump_acceptor(s);
}

/* ---- data over TCP ---- */

static void request_bytes(void *arg, struct sim_stream *stream, size_t n)
{
    struct sim_server *s = arg;
    if (!s->got)
        sim_request_arrived(s->w);
    s->got += n;
    if (s->got == s->w->cfg->workload.request)
        sim_stream_write(stream, s->w->cfg->workload.reply);
}

static void keep_stream(struct sim_server *s, struct sim_stream *stream)
{
    if (stream && s->num_streams < STREAMS_MAX)
        s->streams[s->num_streams++] = stream;
    else if (stream)
        sim_fail(s->w, "more than %d TCP data connections", STREAMS_MAX);
}

static void data_accepted(void *arg, struct sim_pipe *p, const struct csep_addr *peer)
{
    struct sim_server *s = arg;
    (void)peer;
    keep_stream(s, sim_stream_accept(s->w, &s->data, &s->slots, p, request_bytes, s));
}

/* ---- negotiation ---- */

static void go_on_shared(struct sim_server *s, struct sim_negotiation *n)
{
    struct sim_stream *stream =
        sim_stream_accept(s->w, &s->data, &s->slots, sim_negotiation_take_pipe(n), request_bytes, s);
    keep_stream(s, stream);
    if (stream)
        sim_stream_behind(stream, n);
}

static void negotiation_event(void *arg, struct sim_negotiation *n, const struct csep_negotiate_event *ev)
{
    struct sim_server *s = arg;
    if (ev->type == CSEP_NEG_FAILED)
        sim_fail(s->w, "the server's negotiation failed: %s", csep_status_text(ev->status));
    else if (ev->type == CSEP_NEG_SHARED)
        go_on_shared(s, n);
}

static void negotiation_accepted(void *arg, struct sim_pipe *p, const struct csep_addr *peer)
{
    struct sim_server *s = arg;
    const struct sim_negotiation_setup setup = {.w = s->w,
                                                .sends = SIM_DOWN,
                                                .tls = &s->tls,
                                                .cfg = &s->negotiate,
                                                .grantor = s->grantor,
                                                .event = negotiation_event,
                                                .arg = s};
    struct sim_negotiation *n = sim_negotiation_new(&setup, SIM_PIPE_TCP, 0, p, peer);
    if (n)
        sim_negotiations_add(&s->negotiations, n);
}

/* ---- life ---- */

static bool make_identity(struct sim_server *s)
{
    csim_rng_fill(s->w->server_rng, s->seed, sizeof s->seed);
    csep_tls_identity_init(&s->identity, s->seed);
    if (s->w->cfg->server.certificate) {
        s->identity.certificate = s->certificate;
        s->identity.certificate_len =
            sim_certificate(s->seed, s->w->cfg->server.certificate, s->certificate, sizeof s->certificate);
        if (!s->identity.certificate_len)
            sim_fail(s->w, "there is no certificate of so many bytes");
    }
    return !*s->w->failure;
}

static void configure(struct sim_server *s)
{
    static const char *const alpn[] = {CSEP_ALPN, NULL};
    s->tls = csep_tls_config_default();
    s->tls.identity = &s->identity;
    s->tls.alpn = alpn;
    s->tls.raw_public_key = !s->identity.certificate_len;
    s->tls.random = sim_random(s->w, SIM_DOWN);
    s->tls.alloc = sim_alloc();
    s->tls.trace = sim_trace(s->w, SIM_DOWN);
    s->tls.keylog = sim_keylog(s->w);
    s->negotiate = csep_negotiate_config_default();
    s->negotiate.literal_request = s->mode->literal_request;
    s->negotiate.random = s->tls.random;
    s->negotiate.alloc = s->tls.alloc;
    s->negotiate.trace = s->tls.trace;
    s->negotiate.keylog = s->tls.keylog;
    s->data = sim_data_config(s->w, SIM_DOWN);
}

static bool open_sockets(struct sim_server *s)
{
    static const struct csim_udp_events events = {.received = on_datagram};
    struct csep_addr at = s->w->server_addr;
    at.port = SIM_UDP_PORT;
    s->listen_negotiation =
        sim_pipe_listen(s->w, s->mode->negotiate, SIM_NEGOTIATE_PORT, negotiation_accepted, s);
    s->listen_data = sim_pipe_listen(s->w, s->mode->data, SIM_TCP_PORT, data_accepted, s);
    return sim_check(s->w, csim_udp_open(s->w->server, &at, &events, s, &s->udp)) &&
           sim_check(s->w, csim_timer_new(s->w->sim, on_time, s, &s->timer));
}

struct sim_server *sim_server_new(struct sim_world *w, const struct sim_csep *mode)
{
    struct sim_server *s = calloc(1, sizeof *s);
    if (!s || !(s->grantor = calloc(1, csep_grantor_size())) ||
        !(s->acceptor = calloc(1, csep_acceptor_size())))
        abort();
    s->w = w;
    s->mode = mode;
    if (make_identity(s)) {
        configure(s);
        if (start_grantor(s) && start_acceptor(s))
            (void)open_sockets(s);
    }
    return s;
}

void sim_server_identity(const struct sim_server *s, struct csep_identity *out)
{
    uint8_t spki[44];
    csep_tls_spki(s->identity.public_key, spki, out);
}

void sim_server_free(struct sim_server *s)
{
    for (size_t i = 0; i < s->num_streams; i++)
        sim_stream_free(s->streams[i]);
    sim_negotiations_free(&s->negotiations);
    csep_acceptor_wipe(s->acceptor);
    csep_grantor_wipe(s->grantor);
    sim_pipe_listener_free(s->listen_negotiation);
    sim_pipe_listener_free(s->listen_data);
    free(s->acceptor);
    free(s->grantor);
    free(s);
}
