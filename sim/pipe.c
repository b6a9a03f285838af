/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pipe.h"

#include <stdlib.h>
#include <string.h>

#define MODEL_PORTS 10000 /* UDP ports of the models lie so far above the port that they stand for */
#define UNIT        1400u /* bytes of the stream in one datagram */

struct sim_pipe {
    struct sim_world *w;
    enum sim_pipe_kind kind;
    enum sim_direction sends;
    struct sim_pipe_events events;
    void *arg;
    csim_tcp *tcp; /* SIM_PIPE_TCP */
    csim_udp *udp; /* the models; a server's end borrows its listener's */
    struct csep_addr peer;
    bool sent, fin_sent, fin_got, over;
    struct sim_pipe *next; /* in its listener */
};

struct sim_pipe_listener {
    struct sim_world *w;
    enum sim_pipe_kind kind;
    csim_tcp *tcp;
    csim_udp *udp;
    sim_pipe_accepted accepted;
    void *arg;
    struct sim_pipe *pipes; /* models: found by the client's address */
};

/* ---- models: datagrams of the size that the real packet would have ---- */

enum packet { PACKET_DATA = 0xc1, PACKET_INIT, PACKET_INIT_ACK, PACKET_FIN };

/*
 * What the real headers have more than UDP's 8 bytes. TCP: 20 and 12 of timestamps, on a SYN with Fast
 * Open 20, 16 and 16 of cookie. SCTP: 12 and 16 of DATA chunk, COOKIE ECHO 104 more. QUIC: header and tag.
 */
static size_t overhead(const struct sim_pipe *p)
{
    switch (p->kind) {
    case SIM_PIPE_FAST_OPEN:
        return p->sent || p->sends == SIM_DOWN ? 24 : 44;
    case SIM_PIPE_SCTP:
        return p->sent || p->sends == SIM_DOWN ? 20 : 124;
    default:
        return 46;
    }
}

static void send_packet(struct sim_pipe *p, enum packet type, const uint8_t *data, size_t len, size_t header)
{
    uint8_t buf[2048] = {(uint8_t)type, (uint8_t)(len >> 8), (uint8_t)len, (uint8_t)header};
    size_t n = header + len;
    if (len)
        memcpy(buf + header, data, len);
    if (p->kind == SIM_PIPE_QUIC && !p->sent && type == PACKET_DATA && n < 1200)
        n = 1200;
    (void)sim_check(p->w, csim_udp_send(p->udp, &p->peer, buf, n));
}

static void send_model(struct sim_pipe *p, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i += UNIT) {
        send_packet(p, PACKET_DATA, data + i, len - i < UNIT ? len - i : UNIT, overhead(p));
        p->sent = true;
    }
}

static void end_if_both(struct sim_pipe *p)
{
    if (p->fin_sent && p->fin_got && !p->over) {
        p->over = true;
        if (p->events.ended)
            p->events.ended(p->arg, p);
    }
}

static void packet_arrived(struct sim_pipe *p, const uint8_t *b, size_t n)
{
    size_t len = n >= 4 ? (size_t)(b[1] << 8 | b[2]) : 0;
    if (n < 4 || (size_t)b[3] + len > n)
        return;
    switch (b[0]) {
    case PACKET_INIT:
        sim_hint(p->w, p->sends, "INIT ACK");
        send_packet(p, PACKET_INIT_ACK, NULL, 0, 160);
        break;
    case PACKET_INIT_ACK:
        if (p->events.connected)
            p->events.connected(p->arg, p);
        break;
    case PACKET_DATA:
        if (p->events.received)
            p->events.received(p->arg, p, b + b[3], len);
        break;
    default:
        p->fin_got = true;
        if (p->events.finished)
            p->events.finished(p->arg, p);
        end_if_both(p);
    }
}

static void client_datagram(void *arg, csim_udp *u, const struct csep_addr *from, const uint8_t *data,
                            size_t len)
{
    (void)u;
    (void)from;
    packet_arrived(arg, data, len);
}

static struct sim_pipe *pipe_new(struct sim_world *w, enum sim_pipe_kind kind, enum sim_direction sends)
{
    struct sim_pipe *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    p->w = w;
    p->kind = kind;
    p->sends = sends;
    return p;
}

static bool same_addr(const struct csep_addr *a, const struct csep_addr *b)
{
    return a->family == b->family && a->port == b->port && !memcmp(a->ip, b->ip, sizeof a->ip);
}

static void server_datagram(void *arg, csim_udp *u, const struct csep_addr *from, const uint8_t *data,
                            size_t len)
{
    struct sim_pipe_listener *l = arg;
    struct sim_pipe *p = l->pipes;
    while (p && !same_addr(&p->peer, from))
        p = p->next;
    if (!p) {
        p = pipe_new(l->w, l->kind, SIM_DOWN);
        p->udp = u;
        p->peer = *from;
        p->next = l->pipes;
        l->pipes = p;
        l->accepted(l->arg, p, from);
    }
    packet_arrived(p, data, len);
}

/* ---- TCP ---- */

static void tcp_connected(void *arg, csim_tcp *c)
{
    struct sim_pipe *p = arg;
    (void)c;
    if (p->events.connected)
        p->events.connected(p->arg, p);
}

static void tcp_received(void *arg, csim_tcp *c, const uint8_t *data, size_t len)
{
    struct sim_pipe *p = arg;
    (void)c;
    if (p->events.received)
        p->events.received(p->arg, p, data, len);
}

static void tcp_finished(void *arg, csim_tcp *c)
{
    struct sim_pipe *p = arg;
    (void)c;
    if (p->events.finished)
        p->events.finished(p->arg, p);
}

static void tcp_ended(void *arg, csim_tcp *c, enum csim_tcp_end why)
{
    struct sim_pipe *p = arg;
    (void)c;
    (void)why;
    p->over = true;
    if (p->events.ended)
        p->events.ended(p->arg, p);
}

static const struct csim_tcp_events tcp_events = {
    .connected = tcp_connected, .received = tcp_received, .finished = tcp_finished, .ended = tcp_ended};

static void tcp_accepted(void *arg, csim_tcp *listener, csim_tcp *c, const struct csep_addr *peer)
{
    struct sim_pipe_listener *l = arg;
    struct sim_pipe *p = pipe_new(l->w, l->kind, SIM_DOWN);
    (void)listener;
    p->tcp = c;
    p->peer = *peer;
    if (sim_check(l->w, csim_tcp_events_set(c, &tcp_events, p)))
        l->accepted(l->arg, p, peer);
}

/* ---- both ---- */

struct sim_pipe_listener *sim_pipe_listen(struct sim_world *w, enum sim_pipe_kind kind, uint16_t port,
                                          sim_pipe_accepted accepted, void *arg)
{
    static const struct csim_udp_events udp_events = {.received = server_datagram};
    struct sim_pipe_listener *l = calloc(1, sizeof *l);
    struct csep_addr at = w->server_addr;
    if (!l)
        abort();
    *l = (struct sim_pipe_listener){.w = w, .kind = kind, .accepted = accepted, .arg = arg};
    at.port = kind == SIM_PIPE_TCP ? port : (uint16_t)(port + MODEL_PORTS);
    if (kind == SIM_PIPE_TCP)
        (void)sim_check(w, csim_tcp_listen(w->server, &at, NULL, tcp_accepted, l, &l->tcp));
    else
        (void)sim_check(w, csim_udp_open(w->server, &at, &udp_events, l, &l->udp));
    return l;
}

void sim_pipe_listener_free(struct sim_pipe_listener *l)
{
    while (l && l->pipes) {
        struct sim_pipe *p = l->pipes;
        l->pipes = p->next;
        free(p);
    }
    free(l);
}

static void connect_later(void *arg)
{
    struct sim_pipe *p = arg;
    if (p->events.connected)
        p->events.connected(p->arg, p);
}

static bool connect_model(struct sim_pipe *p)
{
    static const struct csim_udp_events udp_events = {.received = client_datagram};
    struct csep_addr any = p->w->client_addr;
    any.port = 0;
    p->peer.port = (uint16_t)(p->peer.port + MODEL_PORTS);
    if (!sim_check(p->w, csim_udp_open(p->w->client, &any, &udp_events, p, &p->udp)))
        return false;
    if (p->kind != SIM_PIPE_SCTP)
        return sim_check(p->w, csim_at(p->w->sim, sim_now(p->w), connect_later, p));
    sim_hint(p->w, SIM_UP, "INIT");
    send_packet(p, PACKET_INIT, NULL, 0, 36);
    return true;
}

struct sim_pipe *sim_pipe_connect(struct sim_world *w, enum sim_pipe_kind kind, uint16_t port,
                                  const struct sim_pipe_events *events, void *arg)
{
    struct sim_pipe *p = pipe_new(w, kind, SIM_UP);
    p->peer = w->server_addr;
    p->peer.port = port;
    p->events = *events;
    p->arg = arg;
    if (kind == SIM_PIPE_TCP
            ? sim_check(w, csim_tcp_connect(w->client, NULL, &p->peer, NULL, &tcp_events, p, &p->tcp))
            : connect_model(p))
        return p;
    free(p);
    return NULL;
}

void sim_pipe_events_set(struct sim_pipe *p, const struct sim_pipe_events *events, void *arg)
{
    p->events = *events;
    p->arg = arg;
}

void sim_pipe_send(struct sim_pipe *p, const uint8_t *data, size_t len)
{
    size_t taken = 0;
    if (p->over)
        return;
    if (p->kind != SIM_PIPE_TCP)
        send_model(p, data, len);
    else if (sim_check(p->w, csim_tcp_send(p->tcp, data, len, &taken)) && taken != len)
        sim_fail(p->w, "TCP took %zu of %zu bytes", taken, len);
}

void sim_pipe_shutdown(struct sim_pipe *p)
{
    if (p->over || p->fin_sent)
        return;
    p->fin_sent = true;
    if (p->kind == SIM_PIPE_TCP) {
        sim_tcp_shutdown(p->w, p->tcp);
        return;
    }
    sim_hint(p->w, p->sends, p->kind == SIM_PIPE_FAST_OPEN ? "FIN" : "end");
    send_packet(p, PACKET_FIN, NULL, 0, overhead(p));
    end_if_both(p);
}

void sim_pipe_free(struct sim_pipe *p)
{
    if (!p)
        return;
    if (p->udp && p->sends == SIM_DOWN) { /* its listener still has it */
        p->events = (struct sim_pipe_events){0};
        return;
    }
    if (p->tcp)
        csim_tcp_free(p->tcp);
    if (p->udp)
        csim_udp_close(p->udp);
    free(p);
}
