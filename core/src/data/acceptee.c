/* SPDX-License-Identifier: BSD-2-Clause */
/* The acceptor's side of one connection's opening (spec sections 6.2 and 6.3): OPEN, early packets, ACCEPT.
 */
#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"
#include "data/conn.h"

#define FRESHNESS    CSEP_SEC(10) /* CTX-5 */
#define EARLY_WINDOW 64u          /* numbers: a first flight is a few packets */

/* ---- Before there is a connection ---- */

bool acceptee_look(struct open_found *f, uint8_t *p)
{
    struct opening *o = &f->opening;
    struct open_secrets s;
    memset(o, 0, sizeof *o);
    ranges_init(&o->acks);
    memcpy(o->client_random, f->h.client_random, sizeof o->client_random);
    o->dcid = cid_of(f->h.dcid);
    o->opener_cid = cid_of(f->h.scid);
    hash_begin(&o->transcript);
    hash_add(&o->transcript, p, f->span.header_len);
    o->open_hash = hash_peek(&o->transcript);
    schedule_open(&s, f->slot.secret, o->client_random, &o->open_hash);
    schedule_keys(&o->early, &s.early_c, f->h.aead);
    o->derived = s.derived;
    CSEP_WIPE(s);

    struct packet_number n = packet_unmask(p, &f->span, o->early.hp);
    f->number = n.truncated;
    return packet_open(&f->payload, p, &f->span, n.len, f->number, &o->early.aead);
}

csep_status acceptee_check(struct open_found *f)
{
    struct frame_where where = {CSEP_TRANSPORT_UDP, (enum csep_service)f->h.service, PLACE_OPEN,
                                SENT_BY_OPENER};
    struct frames it;
    struct frame fr;
    frames_init(&it, f->payload, &where);
    csep_status st = frames_next(&it, &fr);
    if (st)
        return st == CSEP_AGAIN ? CSEP_ERR_DECODE : st;
    if (fr.type != CSEP_FRAME_PARAMS)
        return CSEP_ERR_MISSING; //= DATA-12
    f->params = fr.u.params;
    while ((st = frames_next(&it, &fr)) == CSEP_OK)
        ;
    return st == CSEP_AGAIN ? CSEP_OK : st;
}

csep_status acceptee_upgrade(struct open_found *f, struct csep_random rnd)
{
    struct opening *o = &f->opening;
    f->upgraded = false;
    if (f->h.group != CSEP_GROUP_X25519 || f->slot.upgrade == CSEP_UPGRADE_OFF)
        return CSEP_OK;           //= KEY-19
    o->group = CSEP_GROUP_X25519; //= KEY-14
    x25519_generate(&o->priv, &o->share, rnd);
    f->upgraded = x25519(&f->shared, &o->priv, f->h.share.p);
    CSEP_WIPE(o->priv);
    return f->upgraded ? CSEP_OK : CSEP_ERR_PROTECTION; //= KEY-20
}

/* ---- Start ---- */

void acceptee_put_accept(struct csep_data *c, struct wr *w, struct packet_span *span)
{
    const struct opening *o = c->opening;
    struct accept_header h = {
        .version = CSEP_VERSION_1,
        .dcid = cid_view(&o->opener_cid),
        .scid = view_of(c->own[0].id, OWN_CID_LEN),
        .server_random = o->server_random,
        .group = o->group,
        .share = view_of(o->share.b, o->group ? sizeof o->share.b : 0),
    };
    packet_put_accept(w, span, &h); //= DATA-23
}

static void derive_data(struct csep_data *c, const struct x25519_shared *shared)
{
    struct opening *o = c->opening;
    uint8_t header[1 + 4 + 2 * (1 + CSEP_CID_MAX) + 32 + 4 + X25519_LEN + 8];
    struct wr w = wr_init(header, sizeof header);
    struct packet_span span;
    acceptee_put_accept(c, &w, &span);
    hash_add(&o->transcript, header, span.header_len);
    struct hash headers = hash_peek(&o->transcript);
    keys_start(c, shared, &headers);
    keys_log_data(c);
}

/* May the first flight be read at once? //= DATA-32 */
static bool takes_early(const struct csep_data *c, const struct open_found *f)
{
    if (!c->cfg.early || !f->slot.fresh || !f->slot.first_flight)
        return false; //= CTX-6
    if (!f->slot.check_age)
        return true;
    uint64_t ms = f->params.ticket_age_ms < 1000000000000 ? f->params.ticket_age_ms : 1000000000000;
    csep_time says = CSEP_MS(ms), is = c->now - f->slot.received;
    return (says > is ? says - is : is - says) <= FRESHNESS; //= CTX-5
}

static void note_early(struct csep_data *c, uint64_t number, bool eliciting)
{
    struct opening *o = c->opening;
    replay_mark(&o->replay, number);
    if (number + 1 == o->replay.next)
        o->largest_at = c->now;
    while (!ranges_add(&o->acks, &c->mem, ACK_RANGES_MAX, number, number + 1) && o->acks.num)
        ranges_drop_lowest(&o->acks, &c->mem);
    o->ack_due |= eliciting;
}

csep_status acceptee_start(struct csep_data *c, const struct csep_data_config *cfg, struct conn_owner *owner,
                           struct open_found *f, const struct csep_addr *from, size_t bytes, csep_time now)
{
    struct csep_data_config own = *cfg;
    own.aead = f->h.aead;
    csep_status st = conn_init(c, &own, &f->slot, (enum csep_service)f->h.service, true, from, now);
    if (st) {
        csep_wipe(c, sizeof *c);
        return st;
    }
    c->owner = owner;
    *c->opening = f->opening;
    int own_index;
    (void)replay_init(&c->opening->replay, &c->mem, EARLY_WINDOW); /* takes no memory */
    c->opening->first = f->retried ? f->number : 0;
    c->ticket = mem_get(&c->mem, f->slot.ticket_len);
    c->ticket_len = f->slot.ticket_len;
    if (!c->ticket || own_cid_add(c, &own_index)) {
        csep_data_wipe(c);
        return CSEP_ERR_MEMORY;
    }
    memcpy(c->ticket, f->slot.ticket, f->slot.ticket_len);
    c->cfg.random.fill(c->cfg.random.self, c->opening->server_random, CSEP_RANDOM_LEN); //= KEY-11
    derive_data(c, f->upgraded ? &f->shared : NULL);
    c->peer.v[0] = (struct peer_cid){.id = c->opening->opener_cid, .state = CID_LIVE};
    c->paths.now.proved = f->address_proved;
    c->paths.now.received = bytes;
    c->accept_due = true;
    c->early = takes_early(c, f);
    conn_take_params(c, &f->params);
    conn_go(c, CSEP_DATA_ACCEPTED);
    events_raise(&c->events, CSEP_DATA_EV_OPENED);
    TRACE(&c->cfg.trace, now, DATA_EARLY, c->early);
    TRACE(&c->cfg.trace, now, DATA_PACKET_RECEIVED, CSEP_PKT_OPEN, f->number, bytes);
    c->stats.packets_received++;
    c->stats.bytes_received += bytes;
    keys_count(c, f->payload.n);
    note_early(c, f->number, true);
    bool eliciting = false;
    c->from = *from;
    conn_receive(c, f->payload, PLACE_OPEN, &eliciting);
    return CSEP_OK;
}

/* ---- Packets of the early space ---- */

static void receive_early(struct csep_data *c, uint8_t *p, size_t n, const struct packet_span *span,
                          enum frame_place place, int type)
{
    struct opening *o = c->opening;
    struct view payload;
    bool eliciting = false;
    struct packet_number pn = packet_unmask(p, span, o->early.hp);
    uint64_t number = packet_number_recover(o->replay.next, pn.truncated, pn.len);
    if (pn.key_phase || number < o->first || replay_seen(&o->replay, number)) {
        conn_drop(c, CSEP_ERR_REPLAY, n, type); //= DATA-7, DATA-107, DATA-127
        return;
    }
    if (!packet_open(&payload, p, span, pn.len, number, &o->early.aead)) {
        keys_forgery(c);
        conn_drop(c, CSEP_ERR_PROTECTION, n, type); //= DATA-107
        return;
    }
    TRACE(&c->cfg.trace, c->now, DATA_PACKET_RECEIVED, (uint64_t)type, number, n);
    c->stats.packets_received++;
    c->last_received = c->now;
    keys_count(c, payload.n);
    conn_receive(c, payload, place, &eliciting);
    if (c->opening)
        note_early(c, number, eliciting);
}

void acceptee_repeated_open(struct csep_data *c, uint8_t *p, size_t n, const struct open_header *h,
                            const struct packet_span *span, const struct csep_addr *from)
{
    (void)h;
    struct opening *o = c->opening;
    if (!o || data_state_next(c->state, DATA_IN_OPEN) < 0) {
        conn_drop(c, CSEP_ERR_UNEXPECTED, n, CSEP_PKT_OPEN);
        return;
    }
    struct hash now = hash_of(p, span->header_len);
    if (memcmp(now.b, o->open_hash.b, sizeof now.b) != 0) {
        conn_drop(c, CSEP_ERR_PROTECTION, n, CSEP_PKT_OPEN);
        return;
    }
    c->from = *from;
    path_received(c, from, n);
    uint64_t before = c->stats.packets_received;
    receive_early(c, p, n, span, PLACE_OPEN, CSEP_PKT_OPEN);
    if (c->stats.packets_received != before && c->state == CSEP_DATA_ACCEPTED) {
        c->accept_due = true; //= DATA-23
        if (c->probes == 0)
            c->probes = 1;
    }
}

void acceptee_early(struct csep_data *c, uint8_t *p, size_t n, const struct csep_addr *from)
{
    struct view dcid;
    struct packet_span span;
    struct opening *o = c->opening;
    if (!o || data_state_next(c->state, DATA_IN_EARLY) < 0 ||
        packet_decode_short(&dcid, &span, p, n, o->dcid.len) || !cid_is(&o->dcid, dcid)) {
        conn_drop(c, CSEP_ERR_UNEXPECTED, n, CSEP_PKT_SHORT);
        return;
    }
    c->from = *from;
    path_received(c, from, n);
    receive_early(c, p, n, &span, PLACE_EARLY, CSEP_PKT_SHORT);
}

/* ---- Packets of the data space ---- */

void acceptee_confirmed(struct csep_data *c, const struct csep_addr *from)
{
    if (addr_same(from, &c->paths.now.addr))
        path_prove(c); //= DATA-26
    c->accept_due = false;
    /* Early packets that were overtaken may still come. //= KEY-17 */
    if (c->opening && !c->opening->until)
        c->opening->until = csep_time_add(c->now, 3 * recovery_pto(&c->recovery));
}

void acceptee_short(struct csep_data *c, uint8_t *p, size_t n, const struct csep_addr *from)
{
    struct view dcid;
    struct packet_span span;
    if (c->opening && n > CSEP_CID_MIN && memcmp(p + 1, c->opening->dcid.b, CSEP_CID_MIN) == 0) {
        acceptee_early(c, p, n, from);
        return;
    }
    if (packet_decode_short(&dcid, &span, p, n, OWN_CID_LEN) || own_cid_find(c, dcid.p) < 0 ||
        data_state_next(c->state, DATA_IN_DATA) < 0) {
        conn_drop(c, CSEP_ERR_UNEXPECTED, n, packet_type(p, n));
        return;
    }
    conn_receive_data(c, p, n, &span, PLACE_DATA, from);
}
