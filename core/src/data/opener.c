/* SPDX-License-Identifier: BSD-2-Clause */
/* The opener's side of opening (spec sections 6.2 to 6.5): its ticket, ACCEPT, REFUSE, RETRY. */
#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"
#include "data/conn.h"
#include "data/permit.h"

static struct open_header open_header_of(const struct csep_data *c)
{
    const struct opening *o = c->opening;
    return (struct open_header){
        .version = CSEP_VERSION_1,
        .dcid = cid_view(&o->dcid),
        .scid = cid_view(&o->opener_cid),
        .transport = CSEP_TRANSPORT_UDP,
        .service = c->service,
        .aead = c->keys.aead,
        .ticket = view_of(o->ticket, o->ticket_len),
        .client_random = o->client_random,
        .group = o->group,
        .share = view_of(o->share.b, o->group ? sizeof o->share.b : 0),
        .token = view_of(o->token, o->token_len),
    };
}

void opener_put_open(struct csep_data *c, struct wr *w, struct packet_span *span)
{
    struct open_header h = open_header_of(c);
    packet_put_open(w, span, &h); //= DATA-13
}

static void derive_early(struct csep_data *c, const uint8_t slot_secret[HASH_LEN])
{
    struct opening *o = c->opening;
    uint8_t header[1 + 4 + 2 * (1 + CSEP_CID_MAX) + 4 + 1 + CSEP_TICKET_MAX + 32 + 4 + X25519_LEN + 1 +
                   CSEP_TOKEN_MAX + 8];
    struct wr w = wr_init(header, sizeof header);
    struct packet_span span;
    struct open_secrets s;
    opener_put_open(c, &w, &span);
    hash_begin(&o->transcript);
    hash_add(&o->transcript, header, span.header_len);
    o->open_hash = hash_peek(&o->transcript);
    schedule_open(&s, slot_secret, o->client_random, &o->open_hash);
    schedule_keys(&o->early, &s.early_c, c->keys.aead);
    o->derived = s.derived;
    keys_log(c, "CSEP_EARLY", &s.early_c);
    CSEP_WIPE(s);
}

static csep_status open_with(struct csep_data *c, const struct csep_slot *slot)
{
    struct opening *o = c->opening;
    int own;
    csep_status st = own_cid_add(c, &own);
    if (st)
        return st;
    struct csep_random rnd = c->cfg.random;
    o->opener_cid = cid_of(view_of(c->own[own].id, OWN_CID_LEN));
    o->dcid.len = OWN_CID_LEN;
    rnd.fill(rnd.self, o->dcid.b, o->dcid.len);
    rnd.fill(rnd.self, o->client_random, sizeof o->client_random); //= KEY-10
    o->ticket_len = slot->ticket_len;
    memcpy(o->ticket, slot->ticket, slot->ticket_len);
    o->token_len = slot->token_len; //= DATA-15
    memcpy(o->token, slot->token, slot->token_len);
    bool share = slot->upgrade == CSEP_UPGRADE_REQUIRED ||
                 (slot->upgrade == CSEP_UPGRADE_OFFERED && c->cfg.offer_share);
    if (share) { //= KEY-12, KEY-13
        o->group = CSEP_GROUP_X25519;
        x25519_generate(&o->priv, &o->share, rnd);
    }
    derive_early(c, slot->secret);
    c->peer.v[0] = (struct peer_cid){.id = o->dcid, .state = CID_LIVE};
    return CSEP_OK;
}

csep_status csep_data_open(struct csep_data *c, const struct csep_data_config *cfg,
                           const struct csep_slot *slot, enum csep_service service,
                           const struct csep_addr *peer, csep_time now)
{
    if (service > CSEP_SERVICE_MESSAGE || !(slot->services >> service & 1) ||
        slot->transport != CSEP_TRANSPORT_UDP)
        return CSEP_ERR_UNSUPPORTED; //= NEG-70
    if (now >= slot->expires)
        return CSEP_ERR_EXPIRED;
    csep_status st = permit_peer(cfg, slot);
    if (st)
        return st;
    st = conn_init(c, cfg, slot, service, false, peer, now);
    if (!st)
        st = open_with(c, slot);
    if (st) {
        csep_data_wipe(c);
        return st;
    }
    if (slot->max_unit >= CSEP_OPEN_MIN_DATAGRAM && slot->max_unit < c->cfg.max_unit)
        c->cfg.max_unit = slot->max_unit;
    c->out.opening = true;
    c->paths.now.proved = true; /* the limit of DATA-28 is the acceptor's */
    c->elsewhere = slot->elsewhere;
    c->open_due = true;
    conn_go(c, CSEP_DATA_OPENING);
    return CSEP_OK;
}

/* ---- ACCEPT ---- */

/* KEY-14..16 from the opener's side; *out_shared is set where the upgrade ran. */
static csep_status take_share(struct csep_data *c, const struct accept_header *h,
                              struct x25519_shared *shared, bool *out_ran)
{
    const struct opening *o = c->opening;
    *out_ran = false;
    if (h->group == CSEP_GROUP_NONE && h->share.n == 0)
        return CSEP_OK;
    if (h->group != o->group || h->share.n != X25519_LEN)
        return CSEP_ERR_DECODE; //= DATA-108
    if (!x25519(shared, &o->priv, h->share.p))
        return CSEP_ERR_PROTECTION; //= KEY-12, DATA-108
    *out_ran = true;
    return CSEP_OK;
}

/* Derive keys from this header; false, with nothing changed: it does not verify. */
static bool try_accept(struct csep_data *c, uint8_t *p, const struct accept_header *h,
                       const struct packet_span *span, bool *out_upgraded, uint64_t *out_number,
                       struct view *out_payload)
{
    struct {
        struct x25519_shared shared;
        struct hash_ctx transcript;
        struct phase_keys keys;
    } t;
    bool ok = take_share(c, h, &t.shared, out_upgraded) == CSEP_OK;
    if (ok) {
        t.transcript = c->opening->transcript;
        hash_add(&t.transcript, p, span->header_len);
        struct hash headers = hash_peek(&t.transcript);
        t.keys = c->keys;
        keys_start(c, *out_upgraded ? &t.shared : NULL, &headers);
        struct packet_number n = packet_unmask(p, span, c->keys.recv.hp);
        *out_number = packet_number_recover(c->replay.next, n.truncated, n.len);
        ok = packet_open(out_payload, p, span, n.len, *out_number, &c->keys.recv.aead);
        if (!ok) {
            c->keys = t.keys;
            CSEP_WIPE(c->exporter);
            keys_forgery(c);
        }
    }
    CSEP_WIPE(t);
    return ok;
}

/* PARAMS of ACCEPT come first and hold what the rest depends on. //= DATA-24 */
static csep_status first_params(struct csep_data *c, struct view payload, struct frame_params *out)
{
    struct frame_where where = {CSEP_TRANSPORT_UDP, (enum csep_service)c->service, PLACE_ACCEPT,
                                SENT_BY_ACCEPTOR};
    struct frames it;
    struct frame f;
    frames_init(&it, payload, &where);
    csep_status st = frames_next(&it, &f);
    if (st)
        return st == CSEP_AGAIN ? CSEP_ERR_DECODE : st;
    if (f.type != CSEP_FRAME_PARAMS)
        return CSEP_ERR_MISSING;
    *out = f.u.params;
    return CSEP_OK;
}

static void settle_early(struct csep_data *c, bool taken)
{
    struct recovery_ops ops = conn_recovery_ops(c);
    c->early = taken;
    TRACE(&c->cfg.trace, c->now, DATA_EARLY, taken);
    if (!taken)
        sent_forget(&c->early_space, &c->mem, &c->recovery, &ops); //= DATA-33, DATA-76
}

static void accepted(struct csep_data *c, const struct accept_header *h, bool upgraded, uint64_t number,
                     struct view payload)
{
    struct frame_params params;
    keys_log_data(c);
    c->keys.recv_first = number;
    replay_mark(&c->replay, number);
    c->peer.v[0].id = cid_of(h->scid);
    outbox_opened(&c->out);
    conn_go(c, CSEP_DATA_OPEN); //= DATA-25
    events_raise(&c->events, CSEP_DATA_EV_OPENED);
    csep_status st = first_params(c, payload, &params);
    if (st) {
        conn_forget_opening(c);
        conn_fail(c, st);
        return;
    }
    settle_early(c, params.early);
    if (params.reset_token) {
        memcpy(c->peer.v[0].token, params.reset_token, CSEP_RESET_TOKEN_LEN);
        c->peer.v[0].has_token = true;
    }
    bool eliciting = true;
    conn_take_params(c, &params); /* first: MAX_DATA behind it raises what it says */
    conn_receive(c, payload, PLACE_ACCEPT, &eliciting);
    conn_note_received(c, number, true);
    c->acks.due = c->now;   /* of the opening: at once //= DATA-58 */
    conn_forget_opening(c); //= DATA-35
    if (c->upgrade == CSEP_UPGRADE_REQUIRED && !upgraded)
        conn_fail(c, CSEP_ERR_REFUSED); //= KEY-16
    path_offer_cids(c);
}

static void input_accept(struct csep_data *c, uint8_t *p, size_t n, const struct csep_addr *from)
{
    struct accept_header h;
    struct packet_span span;
    if (packet_decode_accept(&h, &span, p, n) || h.version != CSEP_VERSION_1 ||
        own_cid_find(c, h.dcid.p) < 0 || h.dcid.n != OWN_CID_LEN) {
        conn_drop(c, CSEP_ERR_DECODE, n, CSEP_PKT_ACCEPT);
        return;
    }
    if (data_state_next(c->state, DATA_IN_ACCEPT) < 0) {
        conn_drop(c, CSEP_ERR_UNEXPECTED, n, CSEP_PKT_ACCEPT);
        return;
    }
    if (c->state != CSEP_DATA_OPENING) {
        conn_receive_data(c, p, n, &span, PLACE_ACCEPT, from);
        return;
    }
    bool upgraded;
    uint64_t number;
    struct view payload;
    if (!try_accept(c, p, &h, &span, &upgraded, &number, &payload)) {
        conn_drop(c, CSEP_ERR_PROTECTION, n, CSEP_PKT_ACCEPT);
        return;
    }
    TRACE(&c->cfg.trace, c->now, DATA_PACKET_RECEIVED, CSEP_PKT_ACCEPT, number, n);
    c->stats.packets_received++;
    c->last_received = c->now;
    keys_count(c, payload.n);
    if (c->state == CSEP_DATA_OPENING) /* else that used up what the context had left */
        accepted(c, &h, upgraded, number, payload);
}

/* ---- REFUSE and RETRY: not authentic, so they count for little ---- */

static void input_refuse(struct csep_data *c, uint8_t *p, size_t n)
{
    struct refuse r;
    bool ours = !packet_decode_refuse(&r, p, n) && c->opening && cid_is(&c->opening->opener_cid, r.dcid) &&
                r.version == CSEP_VERSION_1 && memcmp(r.echo, c->opening->client_random, CSEP_ECHO_LEN) == 0;
    if (!ours || data_state_next(c->state, DATA_IN_REFUSE) < 0) {
        conn_drop(c, CSEP_ERR_REFUSED, n, CSEP_PKT_REFUSE); //= DATA-40
        return;
    }
    c->refuse_code = r.code;
    TRACE(&c->cfg.trace, c->now, DATA_REFUSED, r.code);
    events_raise(&c->events, CSEP_DATA_EV_REFUSED); //= DATA-19, DATA-41
    conn_end(c, r.code == CSEP_REFUSE_VERSION ? CSEP_ERR_VERSION : CSEP_ERR_REFUSED, 0, true);
    conn_input(c, DATA_IN_REFUSE);
}

static void input_retry(struct csep_data *c, uint8_t *p, size_t n)
{
    struct retry r;
    struct opening *o = c->opening;
    bool ours = !packet_decode_retry(&r, p, n) && o && cid_is(&o->opener_cid, r.dcid) && !o->retried &&
                r.version == CSEP_VERSION_1 && memcmp(r.echo, o->client_random, CSEP_ECHO_LEN) == 0;
    if (!ours || !conn_input(c, DATA_IN_RETRY)) {
        conn_drop(c, CSEP_ERR_UNEXPECTED, n, CSEP_PKT_RETRY);
        return;
    }
    struct recovery_ops ops = conn_recovery_ops(c);
    o->retried = true; //= DATA-44
    o->token_len = (uint8_t)r.token.n;
    memcpy(o->token, r.token.p, r.token.n);
    sent_forget(&c->early_space, &c->mem, &c->recovery, &ops); //= DATA-76
    c->recovery.pto_count = 0;
    c->open_due = true;
    TRACE(&c->cfg.trace, c->now, DATA_RETRY, 0);
    events_raise(&c->events, CSEP_DATA_EV_RETRY);
}

static void input_short(struct csep_data *c, uint8_t *p, size_t n, const struct csep_addr *from)
{
    struct view dcid;
    struct packet_span span;
    if (packet_decode_short(&dcid, &span, p, n, OWN_CID_LEN) || own_cid_find(c, dcid.p) < 0 ||
        c->state == CSEP_DATA_OPENING || data_state_next(c->state, DATA_IN_DATA) < 0) {
        /* A reset has no id of ours. //= DATA-81 */
        const struct peer_cid *used = &c->peer.v[c->peer.in_use];
        if (data_state_next(c->state, DATA_IN_RESET) >= 0 && used->has_token &&
            packet_is_reset(p, n, used->token)) {
            conn_end(c, CSEP_ERR_RESET, 0, true);
            conn_input(c, DATA_IN_RESET);
            return;
        }
        conn_drop(c, CSEP_ERR_UNEXPECTED, n, CSEP_PKT_SHORT); //= DATA-109
        return;
    }
    conn_receive_data(c, p, n, &span, PLACE_DATA, from);
}

void opener_input(struct csep_data *c, uint8_t *p, size_t n, const struct csep_addr *from)
{
    if (!addr_same(from, &c->paths.now.addr)) {
        conn_drop(c, CSEP_ERR_UNEXPECTED, n, -1); //= DATA-51
        return;
    }
    int type = packet_type(p, n);
    c->from = *from;
    switch (type) {
    case CSEP_PKT_ACCEPT:
        input_accept(c, p, n, from);
        break;
    case CSEP_PKT_REFUSE:
        input_refuse(c, p, n);
        break;
    case CSEP_PKT_RETRY:
        input_retry(c, p, n);
        break;
    case CSEP_PKT_SHORT:
        input_short(c, p, n, from);
        break;
    default:
        conn_drop(c, CSEP_ERR_UNEXPECTED, n, type);
        break;
    }
}
