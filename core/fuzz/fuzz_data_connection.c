/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole connection whose network the fuzzer is: it lets datagrams pass, loses, doubles, changes and
 * reorders them, lets time go by, makes both ends send, close, move and change keys, and puts frames of its
 * own under the right keys. As long as it did not do the last, what is delivered must be what was sent, once.
 */
#include "data/conn.h"
#include "net.h"

#define ACTIONS 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Message i is i repeated, of a length that follows from i. */
static size_t make_message(uint8_t out[3000], uint32_t i)
{
    size_t n = 4 + (i * 977u) % 2900;
    for (size_t k = 0; k < n; k++)
        out[k] = (uint8_t)(i >> (8 * (k & 3)));
    return n;
}

struct play {
    struct net w;
    struct rd r;
    uint32_t sent[2]; /* messages sent up and down */
    bool honest;      /* no frames of the fuzzer's own yet */
};

static void send_one(struct play *p, struct csep_data *c, bool up, unsigned how)
{
    uint8_t msg[3000];
    uint32_t i = p->sent[up] * 2 + up;
    size_t n = make_message(msg, i);
    struct csep_message_options opt = net_reliable(how & 1);
    opt.channel = how >> 1 & 3;
    if (how & 0x10)
        opt.deadline = p->w.now + CSEP_MS(how);
    if (how & 0x20)
        opt.transmissions = 1 + (how >> 6);
    if (csep_data_send_message(c, &opt, msg, n, p->w.now, NULL) == CSEP_OK)
        p->sent[up]++;
}

/* The k-th datagram on the wire, taken out of its order. */
static struct net_packet *take(struct net *w, unsigned k)
{
    struct net_packet **at = &w->wire;
    while (*at && k--)
        at = &(*at)->next;
    struct net_packet *x = *at;
    if (x)
        *at = x->next;
    return x;
}

static void disturb(struct play *p, unsigned what)
{
    struct net_packet *x = take(&p->w, rd_u8(&p->r) % 8);
    if (!x)
        return;
    if (!x->len)
        what = 0;
    switch (what) {
    case 0: /* lost */
        break;
    case 1: /* changed */
        x->bytes[rd_u16(&p->r) % x->len] ^= (uint8_t)(1 + rd_u8(&p->r) % 255);
        net_inject(&p->w, x->way, &x->from, &x->to, x->bytes, x->len, CSEP_MS(1));
        break;
    case 2: /* doubled, the copy from elsewhere */
        net_inject(&p->w, x->way, &x->from, &x->to, x->bytes, x->len, CSEP_MS(1));
        if (x->way == NET_UP)
            x->from.port ^= 0x1000;
        net_inject(&p->w, x->way, &x->from, &x->to, x->bytes, x->len, CSEP_MS(2));
        break;
    case 3: /* cut */
        net_inject(&p->w, x->way, &x->from, &x->to, x->bytes, rd_u16(&p->r) % x->len, CSEP_MS(1));
        break;
    default: /* late */
        net_inject(&p->w, x->way, &x->from, &x->to, x->bytes, x->len, CSEP_MS(10 * rd_u8(&p->r)));
        break;
    }
    free(x);
}

static void forge(struct play *p)
{
    enum net_way way = rd_u8(&p->r) & 1 ? NET_UP : NET_DOWN;
    unsigned n = rd_u8(&p->r), up = rd_u8(&p->r);
    const uint8_t *f = rd_bytes(&p->r, n);
    struct nonce_conn *k = p->w.nonces.num ? p->w.nonces.conns[0] : NULL;
    if (!f || !k || !(way == NET_UP ? k->up[0].known : k->down[0].known))
        return;
    p->honest = false;
    net_forge(&p->w, way, 0, f, n, up);
}

static void act(struct play *p)
{
    unsigned a = rd_u8(&p->r), arg = rd_u8(&p->r);
    struct net_end *e = &p->w.openers[0];
    struct csep_data *served = p->w.last_served;
    switch (a % 12) {
    case 0:
    case 1:
        send_one(p, e->c, true, arg);
        break;
    case 2:
        if (served)
            send_one(p, served, false, arg);
        break;
    case 3:
    case 4:
    case 5:
        disturb(p, a / 12 % 5);
        break;
    case 6:
        net_run(&p->w, p->w.now + CSEP_MS(4 * arg));
        break;
    case 7:
        if (csep_data_key_update(arg & 1 || !served ? e->c : served, p->w.now) == CSEP_OK)
            p->honest = p->honest && true;
        break;
    case 8:
        e->addr.port++;
        if (arg & 1)
            csep_data_migrate(e->c, p->w.now);
        break;
    case 9:
        if (arg > 0xf0)
            csep_data_close(arg & 1 || !served ? e->c : served, arg, p->w.now);
        break;
    case 10:
        forge(p);
        break;
    default:
        net_run(&p->w, p->w.now + CSEP_MS(arg));
        break;
    }
    net_flush(&p->w);
}

static void judge(const struct play *p)
{
    for (unsigned i = 0; p->honest && i < p->w.num_received; i++) {
        const struct net_message *m = &p->w.received[i];
        uint8_t want[3000];
        uint32_t id = 0;
        if (m->len < 4)
            abort();
        for (unsigned k = 0; k < 4; k++)
            id |= (uint32_t)m->bytes[k] << (8 * k);
        if ((id & 1) != m->up || id / 2 >= p->sent[m->up] || make_message(want, id) != m->len ||
            memcmp(want, m->bytes, m->len) != 0)
            abort(); /* something that nobody sent */
        for (unsigned k = 0; k < i; k++)
            if (p->w.received[k].up == m->up && p->w.received[k].len == m->len &&
                memcmp(p->w.received[k].bytes, m->bytes, m->len) == 0)
                abort(); /* twice */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct play p;
    memset(&p, 0, sizeof p);
    p.r = rd_init(data, n);
    p.honest = true;
    net_init(&p.w, 1);
    unsigned set = rd_u8(&p.r);
    p.w.slots.menu.fresh = !(set & 1);
    p.w.slots.menu.upgrade = set & 2 ? CSEP_UPGRADE_OFFERED : CSEP_UPGRADE_OFF;
    p.w.acceptor_cfg.always_retry = set & 4;
    p.w.cfg.replay_window = p.w.acceptor_cfg.data.replay_window = set & 8 ? 64 : 2048;
    p.w.acceptor_cfg.data.max_data = set & 16 ? 4000 : 1048576;
    p.w.cfg.key_update_packets = set & 32 ? 30 : 0;
    p.w.cfg.trace.emit = p.w.acceptor_cfg.data.trace.emit = NULL;
    net_start(&p.w);
    net_open(&p.w, 0, CSEP_SERVICE_MESSAGE);
    for (unsigned i = 0; i < ACTIONS && rd_more(&p.r); i++)
        act(&p);
    net_run(&p.w, p.w.now + CSEP_SEC(3));
    judge(&p);
    net_done(&p.w);
    return 0;
}
