/* SPDX-License-Identifier: BSD-2-Clause */
#include "net.h"

#include "crypto/hash.h"

/* ---- Pretended contexts ---- */

void net_slots_init(struct net_slots *f)
{
    memset(f, 0, sizeof *f);
    f->menu = (struct csep_slot){
        .expires = CSEP_SEC(86400),
        .transport = CSEP_TRANSPORT_UDP,
        .services = 0x3,
        .aeads = {CSEP_AEAD_CHACHA20_POLY1305},
        .num_aeads = 1,
        .upgrade = CSEP_UPGRADE_OFFERED,
        .max_unit = 1472,
        .first_flight = 3600,
        .left = {UINT64_MAX, UINT64_C(1) << 60, UINT64_C(1) << 36},
        .fresh = true,
    };
}

struct csep_slot net_slot(const struct net_slots *f, unsigned n)
{
    struct csep_slot s = f->menu;
    s.ticket_len = 24;
    memset(s.ticket, 0xa5, s.ticket_len);
    s.ticket[0] = (uint8_t)(n >> 8);
    s.ticket[1] = (uint8_t)n;
    struct hash h = hash_of(s.ticket, s.ticket_len);
    memcpy(s.secret, h.b, sizeof s.secret);
    memset(s.handle, 0x5a, sizeof s.handle);
    return s;
}

static enum csep_slot_result slots_open(void *self, const uint8_t *ticket, size_t len, uint8_t transport,
                                        csep_time now, struct csep_slot *out)
{
    struct net_slots *f = self;
    (void)now;
    memset(out, 0, sizeof *out);
    if (len != 24 || ticket[2] != 0xa5 || f->unknown || transport != CSEP_TRANSPORT_UDP)
        return CSEP_SLOT_REFUSED;
    unsigned n = (unsigned)(ticket[0] << 8 | ticket[1]);
    if (n >= NET_TICKETS || f->spent[n])
        return CSEP_SLOT_REFUSED;
    struct csep_slot s = net_slot(f, n);
    if (memcmp(s.ticket, ticket, len) != 0)
        return CSEP_SLOT_REFUSED;
    if (f->lower_flight)
        s.first_flight = f->lower_flight;
    s.services &= (uint16_t)~f->hide_services;
    if (f->raise_upgrade)
        s.upgrade = CSEP_UPGRADE_REQUIRED;
    if (f->lower_upgrade)
        s.upgrade = CSEP_UPGRADE_OFF;
    *out = s;
    f->opens++;
    return f->pending ? CSEP_SLOT_PENDING : CSEP_SLOT_OK;
}

static enum csep_slot_result slots_spend(void *self, const struct csep_slot *slot, csep_time now)
{
    struct net_slots *f = self;
    (void)now;
    unsigned n = (unsigned)(slot->ticket[0] << 8 | slot->ticket[1]);
    if (f->spent[n])
        return CSEP_SLOT_REFUSED;
    if (f->busy)
        return CSEP_SLOT_BUSY;
    f->spent[n] = true;
    f->spends++;
    return CSEP_SLOT_OK;
}

static csep_status slots_report(void *self, const uint8_t handle[CSEP_HANDLE_LEN],
                                const struct csep_usage *used, csep_time now)
{
    struct net_slots *f = self;
    (void)handle;
    (void)now;
    f->reported.bytes += used->bytes;
    f->reported.packets += used->packets;
    f->reported.forgeries += used->forgeries;
    return CSEP_OK;
}

static unsigned slots_more(void *self, const struct csep_slot *slot, unsigned want, uint8_t *out, size_t cap,
                           size_t *out_len, csep_time now)
{
    (void)self;
    (void)slot;
    (void)now;
    unsigned n = 0;
    for (*out_len = 0; n < want && *out_len + 25 <= cap; n++) {
        out[*out_len] = 24;
        memset(out + *out_len + 1, 0xa5, 24);
        out[*out_len + 1] = 1;
        out[*out_len + 2] = (uint8_t)n;
        *out_len += 25;
    }
    return n;
}

struct csep_slot_source net_slots_source(struct net_slots *f)
{
    return (struct csep_slot_source){slots_open, slots_spend, slots_report, slots_more, f};
}

/* ---- World ---- */

struct csep_addr net_addr(unsigned host, uint16_t port)
{
    struct csep_addr a = {.family = 4, .port = port};
    a.ip[0] = 10;
    a.ip[3] = (uint8_t)host;
    return a;
}

struct csep_message_options net_reliable(bool ordered)
{
    return (struct csep_message_options){.ordered = ordered, .deadline = CSEP_NEVER};
}

void net_init(struct net *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    assert_ok(csep_init());
    w->now = CSEP_SEC(100);
    w->delay = CSEP_MS(50);
    w->acceptor_addr = net_addr(1, 4433);
    net_slots_init(&w->slots);
    w->cfg = csep_data_config_default();
    w->cfg.random = test_random(&w->random, seed);
    w->cfg.alloc = test_alloc(&w->mem);
    w->cfg.trace = test_trace(&w->trace_up, 1);
    nonces_init(&w->nonces, CSEP_AEAD_CHACHA20_POLY1305);
    w->cfg.keylog = nonces_keylog(&w->nonces);
    (void)test_random(&w->wire_random, seed ^ 0x77);
    w->acceptor_cfg = csep_acceptor_config_default();
    w->acceptor_cfg.data.random = w->cfg.random;
    w->acceptor_cfg.data.alloc = w->cfg.alloc;
    w->acceptor_cfg.data.keylog = w->cfg.keylog;
    w->acceptor_cfg.data.trace = test_trace(&w->trace_down, 2);
    w->slots.menu.expires = w->now + CSEP_SEC(86400);
    w->slots.menu.received = w->now;
    w->acceptor_cfg.slots = net_slots_source(&w->slots);
    w->received = calloc(NET_RECEIVED, sizeof *w->received);
    assert_non_null(w->received);
}

void net_start(struct net *w)
{
    w->nonces.aead = w->slots.menu.aeads[0];
    w->a = malloc(csep_acceptor_size());
    assert_non_null(w->a);
    assert_ok(csep_acceptor_init(w->a, &w->acceptor_cfg, w->now));
}

void net_done(struct net *w)
{
    for (unsigned i = 0; i < w->num_openers; i++) {
        if (w->openers[i].open)
            csep_data_wipe(w->openers[i].c);
        free(w->openers[i].c);
    }
    csep_acceptor_wipe(w->a);
    free(w->a);
    while (w->wire) {
        struct net_packet *p = w->wire;
        w->wire = p->next;
        free(p);
    }
    for (unsigned i = 0; i < w->num_received; i++)
        free(w->received[i].bytes);
    free(w->received);
    nonces_wipe(&w->nonces);
    test_trace_free(&w->trace_up);
    test_trace_free(&w->trace_down);
    test_alloc_done(&w->mem);
}

/* ---- The wire ---- */

static void put_on_wire(struct net *w, struct net_packet *p)
{
    struct net_packet **at = &w->wire;
    while (*at && (*at)->at <= p->at)
        at = &(*at)->next;
    p->next = *at;
    *at = p;
}

void net_inject(struct net *w, enum net_way way, const struct csep_addr *from, const struct csep_addr *to,
                const uint8_t *p, size_t n, csep_time after)
{
    struct net_packet *x = malloc(sizeof *x);
    assert_non_null(x);
    assert_true(n <= sizeof x->bytes);
    *x = (struct net_packet){.at = w->now + after, .way = way, .from = *from, .to = *to, .len = n};
    memcpy(x->bytes, p, n);
    put_on_wire(w, x);
}

static void transmit(struct net *w, enum net_way way, const struct csep_addr *from,
                     const struct csep_addr *to, uint8_t *p, size_t n)
{
    enum net_fault f = NET_PASS;
    *(way == NET_UP ? &w->bytes_up : &w->bytes_down) += n;
    w->to = *to;
    if (packet_type(p, n) == CSEP_PKT_SHORT)
        memcpy(w->dcid[way], p + 1, 8);
    if (packet_type(p, n) == CSEP_PKT_OPEN)
        memcpy(w->early_dcid, p + 6, 8);
    if (w->judge)
        f = w->judge(w, w->counter, way, p, &n);
    w->counter++;
    if (w->loss && test_random_below(&w->wire_random, 10000) < w->loss)
        f = NET_DROP;
    csep_time after = w->delay + (w->jitter ? test_random_below(&w->wire_random, w->jitter) : 0);
    if (f == NET_DROP)
        return;
    if (f == NET_LATE)
        after += 3 * w->delay;
    net_inject(w, way, from, to, p, n, after);
    if (f == NET_DOUBLE)
        net_inject(w, way, from, to, p, n, after + CSEP_MS(1));
}

void net_forge(struct net *w, enum net_way way, int generation, const uint8_t *frames, size_t n,
               uint64_t number_up)
{
    struct nonce_conn *c = w->nonces.conns[0];
    struct nonce_key *k = generation == NET_EARLY ? &c->early
                          : way == NET_UP         ? &c->up[generation]
                                                  : &c->down[generation];
    uint8_t buf[NET_DATAGRAM];
    struct wr x = wr_init(buf, sizeof buf);
    struct packet_span span;
    assert_true(k->known);
    packet_put_short(&x, &span, view_of(generation == NET_EARLY ? w->early_dcid : w->dcid[way], 8),
                     generation != NET_EARLY && (generation & 1), 4);
    wr_bytes(&x, frames, n);
    if (w->forged[way] < k->next)
        w->forged[way] = k->next;
    w->forged[way] += number_up;
    packet_seal(&x, &span, w->forged[way]++, &k->keys);
    assert_true(wr_ok(&x));
    struct net_end *e = &w->openers[0];
    net_inject(w, way, way == NET_UP ? &e->addr : &w->acceptor_addr,
               way == NET_UP ? &w->acceptor_addr : &e->addr, buf, x.len, w->delay);
}

/* ---- Ends ---- */

static void keep(struct net *w, const struct csep_data_event *ev, bool up)
{
    assert_true(w->num_received < NET_RECEIVED);
    struct net_message *m = &w->received[w->num_received++];
    *m = (struct net_message){
        ev->early, ev->type == CSEP_DATA_EV_DATAGRAM, ev->ordered, up, ev->channel, ev->sequence, w->now,
        ev->len,   malloc(ev->len ? ev->len : 1)};
    assert_non_null(m->bytes);
    if (ev->len)
        memcpy(m->bytes, ev->bytes, ev->len);
}

static void answer(struct net *w, struct csep_data *c, const struct net_message *m)
{
    struct csep_message_options opt = net_reliable(m->ordered);
    opt.channel = m->channel;
    if (csep_data_get_state(c) >= CSEP_DATA_CLOSING)
        return;
    if (m->datagram) {
        assert_ok(csep_data_send_datagram(c, m->bytes, m->len, w->now));
    } else if (w->reply_len) {
        uint8_t *p = calloc(1, w->reply_len);
        assert_ok(csep_data_send_message(c, &opt, p, w->reply_len, w->now, NULL));
        free(p);
    } else {
        assert_ok(csep_data_send_message(c, &opt, m->bytes, m->len, w->now, NULL));
    }
}

static void note(struct net *w, struct net_end *e, const struct csep_data_event *ev)
{
    switch (ev->type) {
    case CSEP_DATA_EV_OPENED:
        e->opened++;
        e->early = ev->early;
        break;
    case CSEP_DATA_EV_CONFIRMED:
        e->confirmed++;
        break;
    case CSEP_DATA_EV_SENT:
        e->sent++;
        break;
    case CSEP_DATA_EV_ABANDONED:
        e->abandoned++;
        break;
    case CSEP_DATA_EV_TICKETS:
        e->tickets++;
        break;
    case CSEP_DATA_EV_HINT:
        e->hints++;
        e->code = ev->code;
        break;
    case CSEP_DATA_EV_REFUSED:
        e->refused++;
        break;
    case CSEP_DATA_EV_RETRY:
        e->retried++;
        break;
    case CSEP_DATA_EV_KEY_UPDATE:
        e->updates++;
        break;
    case CSEP_DATA_EV_PATH:
        e->paths++;
        break;
    case CSEP_DATA_EV_CLOSED:
        e->closed++;
        e->status = ev->status;
        e->code = ev->code;
        e->by_peer = ev->by_peer;
        e->closed_at = w->now;
        break;
    default:
        break;
    }
}

static bool drain_events(struct net *w, struct net_end *e, struct csep_data *c, bool up)
{
    struct csep_data_event ev;
    bool closed = false;
    while (csep_data_event(c, &ev)) {
        note(w, e, &ev);
        closed |= ev.type == CSEP_DATA_EV_CLOSED;
        if (ev.type != CSEP_DATA_EV_MESSAGE && ev.type != CSEP_DATA_EV_DATAGRAM)
            continue;
        keep(w, &ev, up);
        if (up && (w->echo || w->reply_len))
            answer(w, c, &w->received[w->num_received - 1]);
    }
    return closed;
}

static void drain_output(struct net *w, struct csep_data *c, enum net_way way, const struct csep_addr *own)
{
    uint8_t buf[NET_DATAGRAM];
    struct csep_addr to;
    size_t n;
    while ((n = csep_data_output(c, buf, sizeof buf, &to, w->now))) {
        if (nonces_see(&w->nonces, way == NET_UP, buf, n) && w->watch)
            w->watch(w, way, nonces_last(&w->nonces), n);
        transmit(w, way, own, &to, buf, n);
    }
}

static void drain_opener(struct net *w, struct net_end *e)
{
    if (!e->open)
        return;
    drain_events(w, e, e->c, false);
    drain_output(w, e->c, NET_UP, &e->addr);
    drain_events(w, e, e->c, false);
}

static void drain_served(struct net *w, struct csep_data *c)
{
    w->last_served = c;
    bool closed = drain_events(w, &w->served, c, true);
    drain_output(w, c, NET_DOWN, &w->acceptor_addr);
    closed |= drain_events(w, &w->served, c, true);
    if (closed && !w->keep_conns) {
        csep_acceptor_release(w->a, c);
        w->last_served = NULL;
    }
}

static void drain_acceptor(struct net *w)
{
    uint8_t buf[NET_DATAGRAM];
    struct csep_addr to;
    struct csep_data *c;
    size_t n;
    while ((c = csep_acceptor_due(w->a)))
        drain_served(w, c);
    while ((n = csep_acceptor_output(w->a, buf, sizeof buf, &to, w->now)))
        transmit(w, NET_DOWN, &w->acceptor_addr, &to, buf, n);
}

void net_flush(struct net *w)
{
    for (unsigned i = 0; i < w->num_openers; i++)
        drain_opener(w, &w->openers[i]);
    drain_acceptor(w);
}

static void deliver(struct net *w, struct net_packet *p)
{
    if (p->way == NET_UP) {
        struct csep_data *c;
        bool is_new;
        csep_acceptor_input(w->a, p->bytes, p->len, &p->from, w->now, &c, &is_new);
        drain_acceptor(w);
        return;
    }
    for (unsigned i = 0; i < w->num_openers; i++) {
        struct net_end *e = &w->openers[i];
        if (e->open && e->addr.port == p->to.port && memcmp(e->addr.ip, p->to.ip, 16) == 0) {
            csep_data_input(e->c, p->bytes, p->len, &p->from, w->now);
            drain_opener(w, e);
        }
    }
}

static csep_time next_deadline(struct net *w)
{
    csep_time at = csep_acceptor_deadline(w->a);
    for (unsigned i = 0; i < w->num_openers; i++)
        if (w->openers[i].open)
            at = csep_time_min(at, csep_data_deadline(w->openers[i].c));
    return at;
}

void net_run(struct net *w, csep_time until)
{
    net_flush(w);
    for (unsigned rounds = 0; rounds < 2000000; rounds++) {
        csep_time at = next_deadline(w);
        bool packet = w->wire && w->wire->at <= at;
        if (packet)
            at = w->wire->at;
        if (at == CSEP_NEVER || at > until) {
            if (until > w->now && until != CSEP_NEVER)
                w->now = until;
            return;
        }
        if (at > w->now)
            w->now = at;
        if (packet) {
            struct net_packet *p = w->wire;
            w->wire = p->next;
            deliver(w, p);
            free(p);
            continue;
        }
        for (unsigned i = 0; i < w->num_openers; i++)
            if (w->openers[i].open)
                csep_data_expire(w->openers[i].c, w->now);
        csep_acceptor_expire(w->a, w->now);
        net_flush(w);
    }
    fail_msg("the world does not come to rest");
}

struct net_end *net_open(struct net *w, unsigned ticket, enum csep_service service)
{
    assert_true(w->num_openers < NET_OPENERS);
    struct net_end *e = &w->openers[w->num_openers++];
    struct csep_slot s = net_slot(&w->slots, ticket);
    memset(e, 0, sizeof *e);
    e->c = aligned_alloc(64, (csep_data_size() + 63) / 64 * 64);
    assert_non_null(e->c);
    e->addr = net_addr(10 + w->num_openers, (uint16_t)(50000 + w->num_openers));
    assert_ok(csep_data_open(e->c, &w->cfg, &s, service, &w->acceptor_addr, w->now));
    e->open = true;
    return e;
}

void net_send_opt(struct net *w, struct csep_data *c, const struct csep_message_options *opt, const void *p,
                  size_t n)
{
    assert_ok(csep_data_send_message(c, opt, p, n, w->now, NULL));
}

void net_send(struct net *w, struct csep_data *c, const void *p, size_t n, bool ordered)
{
    struct csep_message_options opt = net_reliable(ordered);
    net_send_opt(w, c, &opt, p, n);
}

unsigned net_count(const struct net *w, bool up, const void *p, size_t n)
{
    unsigned count = 0;
    for (unsigned i = 0; i < w->num_received; i++) {
        const struct net_message *m = &w->received[i];
        count += m->up == up && m->len == n && memcmp(m->bytes, p, n) == 0;
    }
    return count;
}
