/* SPDX-License-Identifier: BSD-2-Clause */
/* Hosts and applications of data connections. The server's application sends back what it gets. */
#include "e2e.h"

#define UNIT 4096u

/* ---- Making ---- */

static void *memory(size_t n)
{
    void *p = aligned_alloc(64, (n + 63) / 64 * 64);
    assert_non_null(p);
    memset(p, 0xa5, n);
    return p;
}

struct e2e_conn *e2e_conn_new(struct e2e *w)
{
    struct e2e_conn *c = calloc(1, sizeof *c);
    assert_non_null(c);
    assert_true(w->num_conn < E2E_CONNS);
    c->asked_at = w->now;
    c->first_sent = c->first_got = CSEP_NEVER;
    w->conn[w->num_conn++] = c;
    return c;
}

bool e2e_take(struct e2e *w, unsigned client, unsigned server, uint8_t transport, enum csep_service service,
              struct csep_slot *out)
{
    struct e2e_client *c = &w->client[client];
    csep_store_expire(c->store, w->now);
    return csep_context_take(c->store, c->context[server], transport, (uint8_t)service, w->now, out) ==
           CSEP_OK;
}

static void open_udp(struct e2e *w, struct e2e_conn *c, const struct csep_slot *slot)
{
    struct e2e_client *host = &w->client[c->client];
    struct csep_addr to = w->server[c->server].addr;
    c->addr = host->addr;
    c->addr.port = (uint16_t)(50000 + w->num_conn); //= SEC-24 type=test
    c->d = memory(csep_data_size());
    assert_ok(csep_data_open(c->d, &host->data, slot, c->service, &to, w->now));
}

static void open_tcp(struct e2e *w, struct e2e_conn *c, const struct csep_slot *slot, struct e2e_tcp *t)
{
    c->over_tcp = true;
    c->tcp = t ? t : e2e_connect(w, c->client, c->server, true);
    c->s = memory(csep_stream_size());
    assert_ok(csep_stream_open(c->s, &w->client[c->client].data, slot, c->service, w->now));
    c->tcp->conn[0] = c;
}

struct e2e_conn *e2e_open_slot(struct e2e *w, unsigned client, unsigned server, const struct csep_slot *slot,
                               enum csep_service service, struct e2e_tcp *tcp)
{
    struct e2e_conn *c = e2e_conn_new(w);
    c->is_opener = true;
    c->client = client;
    c->server = server;
    c->service = service;
    w->client[client].data.initial_rtt = csep_context_rtt(w->client[client].context[server]);
    if (slot->transport == CSEP_TRANSPORT_UDP)
        open_udp(w, c, slot);
    else
        open_tcp(w, c, slot, tcp);
    return c;
}

struct e2e_conn *e2e_open(struct e2e *w, unsigned client, unsigned server, uint8_t transport,
                          enum csep_service service)
{
    struct csep_slot slot;
    if (!e2e_take(w, client, server, transport, service, &slot))
        return NULL;
    return e2e_open_slot(w, client, server, &slot, service, NULL);
}

void e2e_stream_accept(struct e2e *w, struct e2e_tcp *t)
{
    struct e2e_server *s = &w->server[t->server];
    struct e2e_conn *c = e2e_conn_new(w);
    struct csep_slot_source slots = csep_grantor_slots(s->grantor);
    c->client = t->client;
    c->server = t->server;
    c->over_tcp = true;
    c->tcp = t;
    c->service = CSEP_SERVICE_MESSAGE;
    c->s = memory(csep_stream_size());
    assert_ok(csep_stream_accept(c->s, &s->acceptor_cfg.data, &slots, w->now));
    t->conn[1] = c;
}

void e2e_conn_free(struct e2e *w, struct e2e_conn *c)
{
    struct csep_data_event ev;
    if (c->s) {
        if (c->is_opener || !c->dead || c->events[CSEP_DATA_EV_CLOSED])
            csep_stream_wipe(c->s);
        free(c->s);
    }
    if (c->d && c->is_opener) {
        assert_false(c->dead && csep_data_event(c->d, &ev));
        csep_data_wipe(c->d);
        free(c->d);
    } else if (c->d) {
        csep_acceptor_release(w->server[c->server].acceptor, c->d);
    }
    free(c->got);
    free(c->rx);
    free(c);
}

/* ---- The application ---- */

static csep_status send_message(struct e2e *w, struct e2e_conn *c, const uint8_t *p, size_t n)
{
    struct csep_message_options opt = {.ordered = true, .deadline = CSEP_NEVER};
    if (c->service == CSEP_SERVICE_DATAGRAM)
        return csep_data_send_datagram(c->d, p, n, w->now);
    return c->over_tcp ? csep_stream_send_message(c->s, &opt, p, n, w->now, NULL)
                       : csep_data_send_message(c->d, &opt, p, n, w->now, NULL);
}

uint32_t e2e_say(struct e2e *w, struct e2e_conn *c, size_t len)
{
    uint32_t id = w->num_payloads++;
    assert_true(id < sizeof w->payload_len / sizeof w->payload_len[0] && len >= PAYLOAD_MIN);
    w->payload_len[id] = len;
    c->num_said++;
    if (c->service == CSEP_SERVICE_STREAM) {
        assert_int_equal(c->num_said, 1);
        c->out_id = id;
        c->out_len = len;
        return id;
    }
    uint8_t *p = malloc(len);
    assert_non_null(p);
    payload_fill(p, len, id, 0);
    assert_ok(send_message(w, c, p, len));
    free(p);
    return id;
}

void e2e_close(struct e2e *w, struct e2e_conn *c, uint64_t code)
{
    if (c->s)
        csep_stream_close(c->s, code, w->now);
    else
        csep_data_close(c->d, code, w->now);
}

bool e2e_all_back(const struct e2e_conn *c)
{
    if (c->service == CSEP_SERVICE_STREAM)
        return c->out_len && c->in_len == c->out_len;
    return c->num_said && c->num_got == c->num_said;
}

static void whole(struct e2e *w, struct e2e_conn *c, uint32_t id, bool early)
{
    uint8_t *times = &w->delivered[c->is_opener][id];
    if (*times && !(w->replayed && early))
        fail_msg("payload %u was delivered twice", id); //= DATA-68 type=test //= CTX-3 type=test
    ++*times;
}

static void got_message(struct e2e *w, struct e2e_conn *c, const struct csep_data_event *ev)
{
    uint32_t id = payload_id(ev->bytes, ev->len);
    assert_true(id < w->num_payloads);
    assert_int_equal(ev->len, w->payload_len[id]); /* whole */
    payload_expect(ev->bytes, ev->len, id, 0);
    whole(w, c, id, ev->early);
    c->first_got = csep_time_min(c->first_got, w->now);
    c->got = realloc(c->got, (c->num_got + 1) * sizeof *c->got);
    assert_non_null(c->got);
    c->got[c->num_got++] = (struct e2e_message){id, ev->early};
    if (c->is_opener || w->server[c->server].mute)
        return;
    uint8_t *copy = malloc(ev->len); /* what the event shows is gone with the next call */
    assert_non_null(copy);
    memcpy(copy, ev->bytes, ev->len);
    csep_status st = send_message(w, c, copy, ev->len);
    assert_true(st == CSEP_OK || st == CSEP_ERR_CLOSED || st == CSEP_ERR_LIMIT);
    free(copy);
}

static bool read_stream(struct e2e *w, struct e2e_conn *c)
{
    uint8_t buf[UNIT];
    bool early, moved = false;
    size_t n;
    if (c->read_slowly)
        return false;
    while ((n = csep_stream_read(c->s, buf, sizeof buf, &early))) {
        if (c->in_len == 0)
            c->in_id = payload_id(buf, n);
        assert_true(c->in_id < w->num_payloads);
        payload_expect(buf, n, c->in_id, c->in_len);
        c->in_len += n;
        c->in_early += early ? n : 0;
        c->first_got = csep_time_min(c->first_got, w->now);
        assert_true(c->in_len <= w->payload_len[c->in_id]);
        if (c->in_len == w->payload_len[c->in_id])
            whole(w, c, c->in_id, early);
        moved = true;
    }
    if (!c->is_opener && moved && !w->server[c->server].mute) {
        c->out_id = c->in_id;
        c->out_len = c->in_len;
    }
    return moved;
}

static bool write_stream(struct e2e *w, struct e2e_conn *c)
{
    uint8_t buf[UNIT];
    bool moved = false;
    while (c->out_at < c->out_len) {
        size_t n = c->out_len - c->out_at, taken = 0;
        n = n < sizeof buf ? n : sizeof buf;
        payload_fill(buf, n, c->out_id, c->out_at);
        if (csep_stream_write(c->s, buf, n, w->now, &taken) != CSEP_OK)
            break;
        c->out_at += taken;
        moved = true;
    }
    return moved;
}

/* ---- Events ---- */

static void add_tickets(struct e2e *w, const struct e2e_conn *c, const uint8_t *p, size_t n)
{
    struct e2e_client *host = &w->client[c->client];
    for (size_t i = 0; i < n; i += 1u + p[i]) {
        struct csep_ticket t = {.len = p[i]};
        assert_true(i + 1 + p[i] <= n);
        memcpy(t.b, p + i + 1, t.len);
        csep_context_add_tickets(host->store, host->context[c->server], &t, 1, w->now);
    }
}

/* What happens to the context because of the connection. */
static void tell_context(struct e2e *w, struct e2e_conn *c, const struct csep_data_event *ev)
{
    struct e2e_client *host = &w->client[c->client];
    struct csep_context *x = host->context[c->server];
    if (!c->is_opener)
        return;
    if (ev->type == CSEP_DATA_EV_OPENED)
        csep_context_input(host->store, x, CSEP_CTX_IN_USED, w->now);
    if (ev->type == CSEP_DATA_EV_TICKETS)
        add_tickets(w, c, ev->bytes, ev->len);
    if (ev->type != CSEP_DATA_EV_REFUSED)
        return;
    bool first = csep_context_state(x) != CSEP_CTX_SUSPECT; //= DATA-42 type=test
    csep_context_input(host->store, x, CSEP_CTX_IN_REFUSED, w->now);
    if (host->renegotiate && first)
        (void)e2e_negotiate(w, c->client, c->server, false);
}

static void on_event(struct e2e *w, struct e2e_conn *c, const struct csep_data_event *ev)
{
    assert_true(ev->type < E2E_EVENTS);
    if (c->dead)
        fail_msg("event %u behind CLOSED", ev->type);
    c->events[ev->type]++;
    tell_context(w, c, ev);
    /* An acceptor's application learns its service from what arrives. */
    if (ev->type == CSEP_DATA_EV_DATAGRAM)
        c->service = CSEP_SERVICE_DATAGRAM;
    else if (ev->type == CSEP_DATA_EV_STREAM)
        c->service = CSEP_SERVICE_STREAM;
    switch (ev->type) {
    case CSEP_DATA_EV_OPENED:
        c->early = ev->early;
        break;
    case CSEP_DATA_EV_MESSAGE:
    case CSEP_DATA_EV_DATAGRAM:
        got_message(w, c, ev);
        break;
    case CSEP_DATA_EV_CLOSED:
        c->dead = true; //= API-10 type=test
        c->status = ev->status;
        c->code = ev->code;
        c->by_peer = ev->by_peer;
        c->closed_at = w->now;
        break;
    default:
        break;
    }
}

static void report(struct e2e *w, struct e2e_conn *c)
{
    struct e2e_client *host = &w->client[c->client];
    if (!c->is_opener)
        return; /* the acceptor reports by itself */
    struct csep_usage u = c->s ? csep_stream_take_usage(c->s) : csep_data_take_usage(c->d);
    c->used.bytes += u.bytes;
    c->used.packets += u.packets;
    c->used.forgeries += u.forgeries;
    if (u.packets || u.forgeries)
        csep_context_report(host->store, host->context[c->server], &u, w->now);
}

/* ---- UDP ---- */

static bool pump_udp(struct e2e *w, struct e2e_conn *c)
{
    enum net_way way = c->is_opener ? NET_UP : NET_DOWN;
    const struct csep_addr *own = c->is_opener ? &c->addr : &w->server[c->server].addr;
    uint8_t buf[NET_DATAGRAM];
    struct csep_data_event ev;
    struct csep_addr to;
    bool moved = false;
    size_t n;
    while (csep_data_event(c->d, &ev)) {
        on_event(w, c, &ev);
        moved = true;
    }
    while ((n = csep_data_output(c->d, buf, sizeof buf, &to, w->now))) {
        c->first_sent = csep_time_min(c->first_sent, w->now);
        if (!w->server[c->server].unchecked)
            check_datagram(&w->check, way == NET_UP, buf, n);
        if (way == NET_DOWN)
            check_address_out(&w->check, &to, n);
        e2e_send_datagram(w, way, own, &to, buf, n);
        moved = true;
    }
    if (c->is_opener && !c->dead && !c->stay && e2e_all_back(c) &&
        csep_data_get_state(c->d) < CSEP_DATA_CLOSING) {
        csep_data_close(c->d, 0, w->now);
        moved = true;
    }
    report(w, c);
    return moved;
}

static struct e2e_conn *conn_of(struct e2e *w, unsigned server, struct csep_data *d)
{
    struct e2e_conn *c = csep_data_user(d);
    if (c)
        return c;
    c = e2e_conn_new(w);
    c->server = server;
    c->d = d;
    c->service = CSEP_SERVICE_MESSAGE;
    csep_data_set_user(d, c);
    return c;
}

static bool pump_served(struct e2e *w, struct e2e_conn *c)
{
    struct csep_data_event ev;
    bool moved = false;
    while (csep_data_event(c->d, &ev)) {
        on_event(w, c, &ev);
        moved = true;
    }
    moved |= pump_udp(w, c);
    if (c->dead) {
        csep_acceptor_release(w->server[c->server].acceptor, c->d);
        c->d = NULL;
    }
    return moved;
}

bool e2e_acceptor_pump(struct e2e *w, unsigned server, size_t cause)
{
    struct e2e_server *s = &w->server[server];
    struct csep_data *d;
    struct csep_addr to;
    uint8_t buf[NET_DATAGRAM];
    bool moved = false;
    size_t n;
    while ((d = csep_acceptor_due(s->acceptor)))
        moved |= pump_served(w, conn_of(w, server, d));
    while ((n = csep_acceptor_output(s->acceptor, buf, sizeof buf, &to, w->now))) {
        check_answer(&w->check, buf, n, cause);
        check_address_out(&w->check, &to, n);
        e2e_send_datagram(w, NET_DOWN, &s->addr, &to, buf, n);
        moved = true;
    }
    return moved;
}

static bool same(const struct csep_addr *a, const struct csep_addr *b)
{
    return a->port == b->port && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static bool token_is_good(struct e2e *w, struct e2e_server *s, const struct net_packet *p)
{
    struct open_header o;
    struct packet_span span;
    return packet_type(p->bytes, p->len) == CSEP_PKT_OPEN &&
           packet_decode_open(&o, &span, p->bytes, p->len) == CSEP_OK && o.token.n &&
           csep_grantor_check_address(s->grantor, o.token.p, o.token.n, &p->from, w->now);
}

void e2e_datagram(struct e2e *w, struct net_packet *p)
{
    struct csep_data *d;
    bool is_new;
    for (unsigned i = 0; i < E2E_SERVERS && p->way == NET_UP; i++) {
        struct e2e_server *s = &w->server[i];
        if (!same(&s->addr, &p->to) || s->down)
            continue;
        check_address_in(&w->check, &p->from, p->bytes, p->len, token_is_good(w, s, p));
        csep_acceptor_input(s->acceptor, p->bytes, p->len, &p->from, w->now, &d, &is_new);
        (void)e2e_acceptor_pump(w, i, p->len);
    }
    for (unsigned i = 0; i < w->num_conn && p->way == NET_DOWN; i++) {
        struct e2e_conn *c = w->conn[i];
        if (c->is_opener && c->d && same(&c->addr, &p->to))
            csep_data_input(c->d, p->bytes, p->len, &p->from, w->now);
    }
}

/* ---- TCP ---- */

static bool feed(struct e2e *w, struct e2e_conn *c)
{
    size_t used = 0;
    if (!c->rx_len || c->dead)
        return false;
    (void)csep_stream_input(c->s, c->rx, c->rx_len, w->now, &used);
    assert_true(used <= c->rx_len);
    c->rx_len -= used;
    memmove(c->rx, c->rx + used, c->rx_len);
    return used != 0;
}

void e2e_stream_input(struct e2e *w, struct e2e_conn *c, const uint8_t *p, size_t n)
{
    c->rx = realloc(c->rx, c->rx_len + n + 1);
    assert_non_null(c->rx);
    memcpy(c->rx + c->rx_len, p, n);
    c->rx_len += n;
    (void)feed(w, c);
}

static bool pump_tcp(struct e2e *w, struct e2e_conn *c)
{
    struct e2e_tcp *t = c->tcp;
    unsigned side = !c->is_opener;
    struct csep_data_event ev;
    uint8_t buf[UNIT];
    bool moved = false;
    size_t n;
    if (c->dead)
        return false;
    if (c->service == CSEP_SERVICE_STREAM || !c->is_opener) {
        moved |= read_stream(w, c);
        moved |= write_stream(w, c);
    }
    while (csep_stream_event(c->s, &ev)) {
        on_event(w, c, &ev);
        moved = true;
    }
    while (t->open[side] && (n = csep_stream_output(c->s, buf, sizeof buf, w->now))) {
        c->first_sent = csep_time_min(c->first_sent, w->now);
        if (!t->closed[side] && !w->check.off && !w->server[c->server].unchecked)
            check_bytes(&w->check, t->check[side], buf, n);
        if (!t->closed[side])
            e2e_tcp_put(w, t, side, buf, n);
        moved = true;
    }
    moved |= feed(w, c);
    report(w, c);
    if (c->dead)
        e2e_tcp_close(w, t, side);
    else if (c->is_opener && !c->stay && e2e_all_back(c) && csep_stream_get_state(c->s) < CSEP_DATA_CLOSING) {
        csep_stream_close(c->s, 0, w->now);
        moved = true;
    }
    return moved;
}

/* ---- Both ---- */

bool e2e_conn_pump(struct e2e *w, struct e2e_conn *c)
{
    if (c->s)
        return pump_tcp(w, c);
    return c->is_opener && c->d ? pump_udp(w, c) : false;
}

csep_time e2e_conn_deadline(const struct e2e_conn *c)
{
    if (c->dead)
        return CSEP_NEVER;
    if (c->s)
        return csep_stream_deadline(c->s);
    return c->is_opener ? csep_data_deadline(c->d) : CSEP_NEVER;
}

struct e2e_conn *e2e_served(const struct e2e *w, unsigned n)
{
    for (unsigned i = 0; i < w->num_conn; i++)
        if (!w->conn[i]->is_opener && n-- == 0)
            return w->conn[i];
    return NULL;
}

void e2e_assert_clean(const struct e2e_conn *c)
{
    assert_non_null(c);
    assert_true(c->dead);
    assert_int_equal(c->events[CSEP_DATA_EV_CLOSED], 1);
    assert_status(c->status, CSEP_OK);
    assert_int_equal(c->code, 0);
}
