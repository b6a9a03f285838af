/* SPDX-License-Identifier: BSD-2-Clause */
/* Acceptor of a data connection over TCP: OPEN in, ACCEPT or REFUSE out. */
#include "data/stream.h"

#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"

#define AGE_SLACK_MS 10000u /* CTX-5 */
#define HELD_MAX     16384u /* NEG-65 */

csep_status csep_stream_accept(struct csep_stream *s, const struct csep_data_config *cfg,
                               const struct csep_slot_source *slots, csep_time now)
{
    stream_init(s, cfg, now);
    s->slots = *slots;
    s->slot.left = (struct csep_usage){UINT64_MAX, UINT64_MAX, UINT64_MAX};
    s->rx_next = RX_OPEN;
    return CSEP_OK;
}

static bool granted(const struct csep_slot *slot, uint16_t aead)
{
    for (unsigned i = 0; i < slot->num_aeads; i++)
        if (slot->aeads[i] == aead)
            return aead_supported(aead);
    return false;
}

/* Does the grant hold what OPEN asks for? //= DATA-22 //= KEY-15 */
static bool grant_holds(const struct csep_slot *slot, const struct open_header *o)
{
    return o->service != CSEP_SERVICE_DATAGRAM && o->service < 16 && slot->services & 1u << o->service &&
           granted(slot, o->aead) &&
           (slot->upgrade != CSEP_UPGRADE_REQUIRED || o->group == CSEP_GROUP_X25519);
}

static bool protocol_holds(const struct csep_data_config *cfg, const struct frame_params *p)
{
    if (!cfg->protocol)
        return true;
    return p->protocol.n == strlen(cfg->protocol) && memcmp(p->protocol.p, cfg->protocol, p->protocol.n) == 0;
}

/* Is the ticket as old as its opener says, so that this is no late replay? //= CTX-5 //= CTX-6 */
static bool is_fresh(const struct csep_slot *slot, uint64_t stated_ms, csep_time now)
{
    uint64_t age_ms = (now - slot->received) / CSEP_MS(1);
    uint64_t apart = stated_ms > age_ms ? stated_ms - age_ms : age_ms - stated_ms;
    return slot->fresh && (!slot->check_age || apart <= AGE_SLACK_MS);
}

/* ---- Refusing ---- */

/* The opener learns no more than that it is refused. //= DATA-99 //= DATA-20 */
static void refuse(struct csep_stream *s, const struct open_header *o, uint8_t code, csep_time now)
{
    if (s->state != CSEP_DATA_IDLE)
        return;
    memcpy(s->client_random, o->client_random, sizeof s->client_random);
    s->refuse_code = code;
    s->refuse_version = o->version;
    s->tx_next = TX_REFUSE;
    s->status = code == CSEP_REFUSE_VERSION ? CSEP_ERR_VERSION : CSEP_ERR_REFUSED;
    s->close_code = csep_status_wire(s->status);
    TRACE(&s->cfg.trace, now, DATA_REFUSED, code);
    stream_stop_input(s);
    (void)stream_report(s, now);
    stream_set_state(s, CSEP_DATA_CLOSING, now);
}

/* No client_random to echo: there is nothing to say. */
static void give_up(struct csep_stream *s, csep_status st, csep_time now)
{
    stream_end(s, st, csep_status_wire(st), false, now);
}

void stream_put_refusal(struct csep_stream *s, struct wr *w, csep_time now)
{
    static const uint8_t versions[4] = {CSEP_VERSION_1 >> 24, CSEP_VERSION_1 >> 16 & 0xff,
                                        CSEP_VERSION_1 >> 8 & 0xff, CSEP_VERSION_1 & 0xff};
    struct refuse r = {.version = s->refuse_version, .echo = s->client_random, .code = s->refuse_code};
    if (r.code == CSEP_REFUSE_VERSION)
        r.versions = view_of(versions, sizeof versions); //= DATA-18
    unit_put_refuse(w, &r);
    TRACE(&s->cfg.trace, now, DATA_PACKET_SENT, CSEP_PKT_REFUSE, 0, w->len, 0);
}

/* ---- Accepting ---- */

static struct accept_header header_of(const struct csep_stream *s)
{
    return (struct accept_header){.version = CSEP_VERSION_1,
                                  .server_random = s->server_random,
                                  .group = s->group,
                                  .share = {s->share.b, s->group ? sizeof s->share.b : 0}};
}

size_t stream_put_accept_header(const struct csep_stream *s, struct wr *w)
{
    struct accept_header h = header_of(s);
    return unit_put_accept(w, &h);
}

void stream_put_accept_params(const struct csep_stream *s, struct wr *w)
{
    struct frame_params p; //= DATA-24
    stream_own_params(s, &p);
    p.given |= PARAM_BIT(CSEP_PARAM_EARLY);
    p.early = s->early; //= DATA-32
    frame_put_params(w, &p);
}

/* Our share and the shared secret, where the opener's share is of a group that we take. False: secret of
 * zeros. */
static bool answer_share(struct csep_stream *s, const struct open_header *o, struct x25519_shared *out)
{
    s->group = CSEP_GROUP_NONE; //= KEY-19
    if (o->group != CSEP_GROUP_X25519 || s->slot.upgrade == CSEP_UPGRADE_OFF)
        return true;
    x25519_generate(&s->priv, &s->share, s->cfg.random); //= KEY-12 //= KEY-14
    bool ok = x25519(out, &s->priv, o->share.p);
    CSEP_WIPE(s->priv);
    s->group = CSEP_GROUP_X25519;
    return ok; //= KEY-20
}

/* Everything was in order: from here on the connection exists. */
static void accept(struct csep_stream *s, const struct x25519_shared *shared, struct view payload,
                   csep_time now)
{
    struct main_secrets main;
    uint8_t header[UNIT_LENGTH + HEADER_MAX];
    struct wr w = wr_init(header, sizeof header);
    s->cfg.random.fill(s->cfg.random.self, s->server_random, sizeof s->server_random); //= KEY-11
    size_t header_len = stream_put_accept_header(s, &w);
    hash_add(&s->headers, header + UNIT_LENGTH, header_len);
    stream_derive_main(s, &main, s->group ? shared : NULL);
    stream_set_key(s, &s->tx, &main.s_data);
    s->after_early = main.c_data;
    CSEP_WIPE(main);

    TRACE(&s->cfg.trace, now, DATA_EARLY, s->early);
    s->tx_next = TX_ACCEPT;
    s->rx_next = RX_EARLY;
    s->opened_at = now;
    stream_set_state(s, CSEP_DATA_ACCEPTED, now);
    stream_post(s, CSEP_DATA_EV_OPENED);
    stream_begin_frames(s, payload, PLACE_OPEN, now);
}

/* PARAMS of an authentic OPEN, its first frame; other errors in its frames are for CLOSE to tell. */
static bool read_params(struct csep_stream *s, struct view payload, struct frame_params *out)
{
    struct frames it;
    struct frame f;
    struct frame_where where = {CSEP_TRANSPORT_TCP, (enum csep_service)s->service, PLACE_OPEN,
                                SENT_BY_OPENER};
    frames_init(&it, payload, &where);
    if (frames_next(&it, &f) != CSEP_OK)
        return false;
    *out = f.u.params;
    return true;
}

/* The header is granted and the keys are there: is the payload authentic, and the ticket still ours? */
static void open_payload(struct csep_stream *s, const struct open_header *o, size_t header_len, size_t n,
                         csep_time now)
{
    struct x25519_shared shared = {{0}};
    struct view payload;
    struct frame_params params;
    if (!unit_open(&payload, s->in, n, header_len, s->rx.number++, &s->rx.aead)) {
        s->usage.forgeries++; //= DATA-4
        TRACE(&s->cfg.trace, now, DATA_PACKET_DROPPED, CSEP_ERR_PROTECTION, n, CSEP_PKT_OPEN);
        refuse(s, o, CSEP_REFUSE_TICKET, now); //= DATA-21
        return;
    }
    stream_count(s, payload.n);
    TRACE(&s->cfg.trace, now, DATA_PACKET_RECEIVED, CSEP_PKT_OPEN, 0, n);
    bool sound =
        read_params(s, payload, &params) && protocol_holds(&s->cfg, &params) && answer_share(s, o, &shared);
    enum csep_slot_result spent = sound ? s->slots.spend(s->slots.self, &s->slot, now) : CSEP_SLOT_REFUSED;
    if (spent == CSEP_SLOT_OK) { //= CTX-3
        s->early = s->cfg.early && is_fresh(&s->slot, params.ticket_age_ms, now);
        accept(s, &shared, payload, now);
    } else if (spent == CSEP_SLOT_BUSY) {
        give_up(s, CSEP_ERR_LIMIT, now); /* REFUSE would have every client negotiate */
    } else {
        refuse(s, o, CSEP_REFUSE_TICKET, now);
    }
    CSEP_WIPE(shared);
}

static void derive_open(struct csep_stream *s, const struct open_header *o, size_t header_len)
{
    struct open_secrets secrets;
    memcpy(s->client_random, o->client_random, sizeof s->client_random);
    s->service = o->service;
    s->aead = o->aead;
    hash_begin(&s->headers);
    hash_add(&s->headers, s->in + UNIT_LENGTH, header_len);
    struct hash open_header = hash_peek(&s->headers);
    schedule_open(&secrets, s->slot.secret, s->client_random, &open_header);
    CSEP_WIPE(s->slot.secret); //= KEY-17
    s->derived = secrets.derived;
    stream_set_key(s, &s->rx, &secrets.early_c);
    stream_log_key(s, "CSEP_EARLY", &secrets.early_c);
    CSEP_WIPE(secrets);
}

/* The questions of section 6.2, in their order. */
void stream_take_open(struct csep_stream *s, size_t n, csep_time now)
{
    struct open_header o;
    size_t header_len;
    csep_status st = unit_decode_open(&o, &header_len, s->in, n);
    if (st == CSEP_ERR_VERSION) {
        refuse(s, &o, CSEP_REFUSE_VERSION, now);
        return;
    }
    if (st != CSEP_OK || o.transport != CSEP_TRANSPORT_TCP) {
        give_up(s, CSEP_ERR_DECODE, now);
        return;
    }
    enum csep_slot_result found =
        s->slots.open(s->slots.self, o.ticket.p, o.ticket.n, CSEP_TRANSPORT_TCP, now, &s->slot);
    if (found == CSEP_SLOT_PENDING && n <= HELD_MAX) { //= NEG-65
        s->rx_next = RX_PENDING;
        s->pending_since = csep_time_min(s->pending_since, now);
        return;
    }
    if (found != CSEP_SLOT_OK || !grant_holds(&s->slot, &o)) {
        refuse(s, &o, CSEP_REFUSE_TICKET, now); //= CTX-4
        return;
    }
    derive_open(s, &o, header_len);
    open_payload(s, &o, header_len, n, now);
}
