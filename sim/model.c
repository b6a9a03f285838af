/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define UDP_PORT 5000
#define TCP_PORT 5001
#define UNIT     1200u

struct model {
    struct sim_world *w;
    const struct sim_flight *flights;
    const struct sim_model *table;
    unsigned next;    /* flight to send */
    unsigned arrived; /* flight that is arriving */
    size_t got;       /* bytes of it */
    csim_udp *udp[2];
    csim_tcp *listener, *tcp[2];
    struct csep_addr peer[2]; /* where each end sends datagrams to */
    bool connected;
};

static size_t app_bytes(const struct model *m, const struct sim_flight *f)
{
    return f->carries == SIM_REQUEST ? m->w->cfg->workload.request
           : f->carries == SIM_REPLY ? m->w->cfg->workload.reply
                                     : 0;
}

/* Datagram i of a flight; 0 behind the last. */
static size_t datagram(const struct model *m, const struct sim_flight *f, size_t i)
{
    if (f->carries == SIM_PLAIN || f->carries == SIM_ASIDE)
        return i < 6 ? f->bytes[i] : 0;
    size_t room = f->bytes[0] < UNIT - 200 ? UNIT - f->bytes[0] : 200, left = app_bytes(m, f);
    if (left <= i * room)
        return 0;
    left -= i * room;
    return f->bytes[0] + (left < room ? left : room);
}

static size_t flight_bytes(const struct model *m, const struct sim_flight *f)
{
    size_t sum = 0, n;
    for (size_t i = 0; (n = datagram(m, f, i)); i++)
        sum += n;
    return sum;
}

static void send_udp(struct model *m, const struct sim_flight *f)
{
    uint8_t bytes[2048];
    size_t n;
    for (size_t i = 0; (n = datagram(m, f, i)); i++) {
        memset(bytes, 0xc0, n); /* no first byte of csep's */
        sim_hint(m->w, f->from, f->label);
        if (!sim_check(m->w, csim_udp_send(m->udp[f->from], &m->peer[f->from], bytes, n)))
            return;
    }
}

static void send_tcp(struct model *m, const struct sim_flight *f)
{
    uint8_t bytes[2048];
    size_t taken, n = flight_bytes(m, f);
    memset(bytes, 0xc0, n);
    sim_hint(m->w, f->from, f->label);
    if (sim_check(m->w, csim_tcp_send(m->tcp[f->from], bytes, n, &taken)) && taken != n)
        sim_fail(m->w, "TCP took %zu of %zu bytes", taken, n);
}

static void connect_tcp(struct model *m);

/* All flights in a row from one end, once everything before has arrived. */
static void play(struct model *m)
{
    enum sim_direction from = m->flights[m->next].from;
    if (m->arrived != m->next)
        return;
    while (m->next < SIM_FLIGHTS && m->flights[m->next].label && m->flights[m->next].from == from) {
        const struct sim_flight *f = &m->flights[m->next];
        if (f->via == SIM_VIA_TCP && !m->connected) {
            connect_tcp(m);
            return;
        }
        m->next++;
        m->arrived += f->carries == SIM_ASIDE;
        (f->via == SIM_VIA_TCP ? send_tcp : send_udp)(m, f);
    }
}

static void flight_arrived(struct model *m, const struct sim_flight *f)
{
    m->arrived++;
    m->got = 0;
    if (f->carries == SIM_REQUEST)
        sim_request_arrived(m->w);
    else if (f->carries == SIM_REPLY)
        sim_reply_arrived(m->w, true);
    if (m->next < SIM_FLIGHTS && m->flights[m->next].label)
        play(m);
}

static void bytes_arrived(struct model *m, enum sim_direction from, enum sim_via via, size_t n)
{
    while (n && m->arrived < m->next) {
        const struct sim_flight *f = &m->flights[m->arrived];
        size_t want = flight_bytes(m, f) - m->got, take = n < want ? n : want;
        if (f->from != from || f->via != via)
            return;
        m->got += take;
        n -= take;
        if (f->carries == SIM_REPLY)
            sim_reply_arrived(m->w, false);
        if (take == want)
            flight_arrived(m, f);
    }
}

static void datagram_arrived(void *arg, csim_udp *u, const struct csep_addr *from, const uint8_t *data,
                             size_t len)
{
    struct model *m = arg;
    (void)data;
    if (u == m->udp[SIM_DOWN])
        m->peer[SIM_DOWN] = *from;
    bytes_arrived(m, u == m->udp[SIM_DOWN] ? SIM_UP : SIM_DOWN, SIM_VIA_UDP, len);
}

static void segment_arrived(void *arg, csim_tcp *c, const uint8_t *data, size_t len)
{
    struct model *m = arg;
    (void)data;
    bytes_arrived(m, c == m->tcp[SIM_DOWN] ? SIM_UP : SIM_DOWN, SIM_VIA_TCP, len);
}

static void connected(void *arg, csim_tcp *c)
{
    struct model *m = arg;
    if (c == m->tcp[SIM_UP]) {
        m->connected = true;
        play(m);
    }
}

static void finished(void *arg, csim_tcp *c)
{
    struct model *m = arg;
    sim_tcp_shutdown(m->w, c);
}

static const struct csim_tcp_events tcp_events = {
    .connected = connected, .received = segment_arrived, .finished = finished};

static void accepted(void *arg, csim_tcp *listener, csim_tcp *c, const struct csep_addr *peer)
{
    struct model *m = arg;
    (void)listener;
    (void)peer;
    m->tcp[SIM_DOWN] = c;
    (void)sim_check(m->w, csim_tcp_events_set(c, &tcp_events, m));
}

static void connect_tcp(struct model *m)
{
    struct csep_addr to = m->w->server_addr;
    to.port = TCP_PORT;
    if (!m->tcp[SIM_UP])
        (void)sim_check(m->w,
                        csim_tcp_connect(m->w->client, NULL, &to, NULL, &tcp_events, m, &m->tcp[SIM_UP]));
}

static bool start(struct sim_world *w, const struct sim_row *row, void **out_self)
{
    static const struct csim_udp_events events = {.received = datagram_arrived};
    struct model *m = calloc(1, sizeof *m);
    struct csep_addr client = w->client_addr, server = w->server_addr;
    if (!m)
        abort();
    *out_self = m;
    m->w = w;
    m->table = row->variant;
    client.port = server.port = UDP_PORT;
    m->peer[SIM_UP] = server;
    if (!sim_check(w, csim_udp_open(w->client, &client, &events, m, &m->udp[SIM_UP])) ||
        !sim_check(w, csim_udp_open(w->server, &server, &events, m, &m->udp[SIM_DOWN])))
        return false;
    server.port = TCP_PORT;
    if (!sim_check(w, csim_tcp_listen(w->server, &server, NULL, accepted, m, &m->listener)))
        return false;
    sim_ready(w);
    return true;
}

static void send_request(void *self)
{
    struct model *m = self;
    bool again = m->w->visits && csim_rng_below(m->w->visits_rng, 100) < m->w->cfg->workload.zero_rtt;
    m->flights = again ? m->table->repeated : m->table->flights;
    m->next = m->arrived = 0;
    m->got = 0;
    if (again)
        sim_hit(m->w);
    play(m);
}

static void stop(void *self)
{
    free(self);
}

const struct sim_stack_ops sim_stack_model = {"model", false, start, send_request, stop};
