/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A data connection over TCP against a peer with the right keys: the input is what stands in its records.
 *
 * First byte: bit 0 the peer is the acceptor, bit 1 service stream, bit 2 early data is taken. Then records,
 * each u8 length and payload; length 0 is a change of keys: END_EARLY first, KEY_UPDATE afterwards.
 * Properties: no frame brings more than was sent, memory stays bounded and comes back.
 */
#include <stdlib.h>

#include "raw_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define HEAP_MAX (8u << 20)

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void change_keys(struct raw_stream *r, struct raw_key **k, bool opener)
{
    if (opener && *k == &r->early) {
        raw_send_hex(r, *k, "12");
        *k = &r->tx;
    } else {
        raw_send_hex(r, *k, "13");
        raw_next_key(*k);
    }
}

static void run(struct stream_pair *p, struct raw_stream *r, struct rd *in)
{
    uint8_t flags = rd_u8(in);
    bool opener = !(flags & 1);
    enum csep_service service = flags & 2 ? CSEP_SERVICE_STREAM : CSEP_SERVICE_MESSAGE;
    struct raw_key *k;
    size_t sent = 0;
    p->a.cfg.early = flags & 4;
    if (opener) {
        raw_open(r, p, service, RAW_OPENER_PARAMS);
        raw_expect_accept(r);
        k = &r->early;
    } else {
        check(csep_stream_open(p->o.s, &p->o.cfg, &p->slot, service, p->now) == CSEP_OK);
        raw_accept(r, p, flags & 4 ? RAW_ACCEPTOR_PARAMS : RAW_EARLY_REFUSED);
        k = &r->tx;
    }
    while (rd_more(in)) {
        struct rd payload = rd_vec8(in);
        if (payload.n)
            raw_send(r, k, payload.p, payload.n);
        else
            change_keys(r, &k, opener);
        sent += payload.n;
        stream_end_output(p, r->peer);
        r->peer->out.len = 0;
        stream_end_drain(r->peer);
        check(r->peer->got_len <= sent && csep_stream_heap(r->peer->s) < HEAP_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct stream_pair p;
    static struct raw_stream r;
    struct rd in = rd_init(data, n);
    if (n == 0 || csep_init() != CSEP_OK)
        return 0;
    stream_pair_init(&p);
    p.slot.upgrade = p.slots.slot[0].upgrade = CSEP_UPGRADE_OFF;
    run(&p, &r, &in);
    stream_pair_done(&p);
    return 0;
}
