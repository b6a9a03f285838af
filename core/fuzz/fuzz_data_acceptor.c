/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An acceptor and what strangers send it: datagrams as the fuzzer makes them, some of them sealed as a true
 * OPEN would be, so that what is behind the seal is reached too. It must answer with less than it got where
 * the address is not proved, and hold a bounded amount of memory.
 */
#include "data/packet.h"
#include "net.h"

#define DATAGRAMS 64
#define HELD_MOST (600u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* OPEN with the fuzzer's fields and frames under the key that follows from them. */
static size_t sealed_open(struct net *w, struct rd *r, uint8_t out[NET_DATAGRAM])
{
    uint8_t random[32] = {0}, ids[40] = {0};
    unsigned ticket = rd_u8(r) % 8, shape = rd_u8(r);
    struct csep_slot slot = net_slot(&w->slots, ticket);
    random[0] = rd_u8(r);
    ids[0] = rd_u8(r);
    ids[20] = rd_u8(r);
    struct rd share = rd_vec8(r), token = rd_vec8(r), frames = rd_vec8(r);
    struct open_header h = {
        .version = shape & 1 ? 7 : CSEP_VERSION_1,
        .dcid = view_of(ids, 8 + (shape >> 1) % 13),
        .scid = view_of(ids + 20, 8 + (shape >> 3) % 13),
        .transport = shape & 0x20 ? 2 : 1,
        .service = shape >> 6 & 1,
        .aead = shape & 0x80 ? 2 : CSEP_AEAD_CHACHA20_POLY1305,
        .ticket = view_of(slot.ticket, slot.ticket_len),
        .client_random = random,
        .group = share.n == 32 ? CSEP_GROUP_X25519 : 0,
        .share = view_of(share.p, share.n == 32 ? 32 : 0),
        .token = view_of(token.p, token.n),
    };
    struct wr x = wr_init(out, 1400);
    struct packet_span span;
    struct open_secrets s;
    struct traffic_keys keys;
    packet_put_open(&x, &span, &h);
    if (x.bad)
        return 0;
    struct hash hash = hash_of(out, span.header_len);
    schedule_open(&s, slot.secret, random, &hash);
    schedule_keys(&keys, &s.early_c, CSEP_AEAD_CHACHA20_POLY1305);
    wr_bytes(&x, frames.p, frames.n);
    packet_seal(&x, &span, rd_u8(r), &keys);
    if (!x.bad && x.len < CSEP_OPEN_MIN_DATAGRAM)
        wr_zero(&x, CSEP_OPEN_MIN_DATAGRAM - x.len);
    return x.bad ? 0 : x.len;
}

static size_t plain(struct rd *r, uint8_t out[NET_DATAGRAM])
{
    struct rd v = rd_vec16(r);
    size_t n = v.n < 1400 ? v.n : 1400;
    if (v.bad || !n)
        return 0;
    memset(out, 0, NET_DATAGRAM);
    memcpy(out, v.p, n);
    return out[0] == CSEP_PKT_OPEN ? 1200 : n;
}

static size_t drain(struct net *w, struct csep_data *c)
{
    uint8_t buf[NET_DATAGRAM];
    struct csep_data_event ev;
    struct csep_addr to;
    size_t all = 0, n;
    while (csep_data_event(c, &ev))
        if (ev.type == CSEP_DATA_EV_CLOSED) {
            csep_acceptor_release(w->a, c);
            return all;
        }
    while ((n = csep_data_output(c, buf, sizeof buf, &to, w->now)))
        all += n;
    return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct net w;
    struct rd r = rd_init(data, n);
    size_t in = 0, out = 0;
    net_init(&w, 1);
    w.cfg.trace.emit = w.acceptor_cfg.data.trace.emit = NULL;
    w.acceptor_cfg.data.keylog.line = NULL;
    w.acceptor_cfg.always_retry = rd_u8(&r) & 1;
    net_start(&w);
    for (unsigned i = 0; i < DATAGRAMS && rd_more(&r); i++) {
        uint8_t p[NET_DATAGRAM], buf[NET_DATAGRAM];
        struct csep_addr from = net_addr(2, 99), to;
        struct csep_data *c;
        bool is_new;
        unsigned kind = rd_u8(&r);
        size_t len = kind & 1 ? sealed_open(&w, &r, p) : plain(&r, p), k;
        w.now += CSEP_MS(kind >> 1);
        if (len) {
            csep_acceptor_input(w.a, p, len, &from, w.now, &c, &is_new);
            in += len;
        }
        csep_acceptor_expire(w.a, w.now);
        while ((c = csep_acceptor_due(w.a)))
            out += drain(&w, c);
        while ((k = csep_acceptor_output(w.a, buf, sizeof buf, &to, w.now)))
            out += k;
        if (out > 3 * in || w.mem.live > HELD_MOST)
            abort();
    }
    net_done(&w);
    return 0;
}
