/* SPDX-License-Identifier: BSD-2-Clause */
/* Opener of a data connection over TCP: OPEN out, ACCEPT or REFUSE in. */
#include "data/stream.h"

#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"
#include "data/permit.h"

/* The configured AEAD, or the first granted one that this build and processor have; 0: none. //= NEG-70 */
static uint16_t choose_aead(const struct csep_data_config *cfg, const struct csep_slot *slot)
{
    for (unsigned i = 0; i < slot->num_aeads; i++)
        if (aead_supported(slot->aeads[i]) && (cfg->aead == 0 || cfg->aead == slot->aeads[i]))
            return slot->aeads[i];
    return 0;
}

static csep_status check_slot(const struct csep_slot *slot, enum csep_service service, csep_time now)
{
    if (slot->transport != CSEP_TRANSPORT_TCP || slot->ticket_len < CSEP_TICKET_MIN)
        return CSEP_ERR_NO_CONTEXT;
    if (service == CSEP_SERVICE_DATAGRAM || !(slot->services & 1u << service))
        return CSEP_ERR_SERVICE;
    if (now >= slot->expires)
        return CSEP_ERR_EXPIRED;
    return slot->left.packets == 0 || slot->left.bytes == 0 ? CSEP_ERR_AEAD_LIMIT : CSEP_OK;
}

static struct open_header header_of(const struct csep_stream *s)
{
    return (struct open_header){.version = CSEP_VERSION_1,
                                .transport = CSEP_TRANSPORT_TCP,
                                .service = s->service,
                                .aead = s->aead,
                                .ticket = {s->slot.ticket, s->slot.ticket_len},
                                .client_random = s->client_random,
                                .group = s->group,
                                .share = {s->share.b, s->group ? sizeof s->share.b : 0}};
}

csep_status csep_stream_open(struct csep_stream *s, const struct csep_data_config *cfg,
                             const struct csep_slot *slot, enum csep_service service, csep_time now)
{
    stream_init(s, cfg, now);
    csep_status st = check_slot(slot, service, now);
    if (st == CSEP_OK)
        st = permit_peer(cfg, slot);
    if (st != CSEP_OK)
        return st;
    s->aead = choose_aead(cfg, slot);
    if (!s->aead)
        return CSEP_ERR_UNSUPPORTED;
    s->slot = *slot;
    s->service = (uint8_t)service;
    s->is_opener = true;
    s->opened_at = now;
    cfg->random.fill(cfg->random.self, s->client_random, sizeof s->client_random); //= KEY-10
    bool upgrade = slot->upgrade == CSEP_UPGRADE_REQUIRED ||
                   (slot->upgrade == CSEP_UPGRADE_OFFERED && cfg->offer_share); //= KEY-13
    if (upgrade) {
        s->group = CSEP_GROUP_X25519;
        x25519_generate(&s->priv, &s->share, cfg->random); //= KEY-12
    }

    struct {
        struct open_secrets secrets;
        uint8_t header[UNIT_LENGTH + HEADER_MAX];
    } tmp;
    struct wr w = wr_init(tmp.header, sizeof tmp.header);
    struct open_header h = header_of(s);
    size_t header_len = unit_put_open(&w, &h);
    hash_begin(&s->headers);
    hash_add(&s->headers, tmp.header + UNIT_LENGTH, header_len);
    struct hash open_header = hash_peek(&s->headers);
    schedule_open(&tmp.secrets, s->slot.secret, s->client_random, &open_header);
    CSEP_WIPE(s->slot.secret); //= KEY-17
    s->derived = tmp.secrets.derived;
    stream_set_key(s, &s->tx, &tmp.secrets.early_c);
    stream_log_key(s, "CSEP_EARLY", &tmp.secrets.early_c);
    CSEP_WIPE(tmp);

    s->rx_next = RX_ANSWER;
    s->tx_next = TX_OPEN;
    stream_set_state(s, CSEP_DATA_OPENING, now);
    return CSEP_OK;
}

void stream_put_open_header(struct csep_stream *s, struct wr *w, size_t *header_len)
{
    struct open_header h = header_of(s);
    *header_len = unit_put_open(w, &h);
}

void stream_put_open_params(struct csep_stream *s, struct wr *w, csep_time now)
{
    struct frame_params p; //= DATA-12
    stream_own_params(s, &p);
    p.given |= PARAM_BIT(CSEP_PARAM_TICKET_AGE);
    p.ticket_age_ms = (now - s->slot.received) / CSEP_MS(1);
    if (s->cfg.protocol) {
        p.given |= PARAM_BIT(CSEP_PARAM_PROTOCOL);
        p.protocol = view_of(s->cfg.protocol, strlen(s->cfg.protocol));
    }
    frame_put_params(w, &p);
}

/* ---- The answer ---- */

/* //= DATA-41 */
static void take_refuse(struct csep_stream *s, size_t n, csep_time now)
{
    struct refuse r;
    csep_status st = unit_decode_refuse(&r, s->in, n);
    if (st == CSEP_OK && memcmp(r.echo, s->client_random, CSEP_ECHO_LEN) != 0)
        st = CSEP_ERR_DECODE;
    if (st != CSEP_OK) {
        stream_fail(s, st, now);
        return;
    }
    s->refuse_code = r.code;
    TRACE(&s->cfg.trace, now, DATA_REFUSED, r.code);
    stream_post(s, CSEP_DATA_EV_REFUSED);
    stream_end(s, r.code == CSEP_REFUSE_VERSION ? CSEP_ERR_VERSION : CSEP_ERR_REFUSED, r.code, true, now);
}

/* Shared secret of the upgrade, where ACCEPT has a share. */
static csep_status agree(struct csep_stream *s, const struct accept_header *a, struct x25519_shared *out)
{
    if (a->version != CSEP_VERSION_1)
        return CSEP_ERR_VERSION;
    if (a->group == CSEP_GROUP_NONE)
        return CSEP_OK;
    if (a->group != s->group)
        return CSEP_ERR_VALUE; //= DATA-108
    return x25519(out, &s->priv, a->share.p) ? CSEP_OK : CSEP_ERR_PROTECTION;
}

static void take_accept(struct csep_stream *s, size_t n, csep_time now)
{
    struct accept_header a;
    struct {
        struct x25519_shared shared;
        struct main_secrets main;
    } tmp;
    size_t header_len;
    struct view payload;

    csep_status st = unit_decode_accept(&a, &header_len, s->in, n);
    if (st == CSEP_OK)
        st = agree(s, &a, &tmp.shared);
    if (st == CSEP_OK) {
        hash_add(&s->headers, s->in + UNIT_LENGTH, header_len);
        stream_derive_main(s, &tmp.main, a.group ? &tmp.shared : NULL);
        stream_set_key(s, &s->rx, &tmp.main.s_data);
        if (!unit_open(&payload, s->in, n, header_len, s->rx.number++, &s->rx.aead))
            st = CSEP_ERR_PROTECTION;
        s->after_early = tmp.main.c_data;
    }
    CSEP_WIPE(tmp);
    CSEP_WIPE(s->priv);
    if (st != CSEP_OK) {
        s->usage.forgeries += st == CSEP_ERR_PROTECTION; //= DATA-4
        TRACE(&s->cfg.trace, now, DATA_PACKET_DROPPED, st, n, CSEP_PKT_ACCEPT);
        stream_fail(s, st, now);
        return;
    }
    stream_count(s, payload.n);
    TRACE(&s->cfg.trace, now, DATA_PACKET_RECEIVED, CSEP_PKT_ACCEPT, 0, n);
    //= DATA-25 //= DATA-35 //= DATA-91
    s->tx_next = TX_END_EARLY;
    s->rx_next = RX_DATA;
    stream_set_state(s, CSEP_DATA_OPEN, now);
    if (s->slot.upgrade == CSEP_UPGRADE_REQUIRED && a.group == CSEP_GROUP_NONE)
        stream_fail(s, CSEP_ERR_REFUSED, now); //= KEY-16
    else
        stream_begin_frames(s, payload, PLACE_ACCEPT, now);
}

void stream_accepted(struct csep_stream *s, const struct frame_params *p, csep_time now)
{
    stream_take_params(s, p);
    s->early = p->early;
    TRACE(&s->cfg.trace, now, DATA_EARLY, p->early);
    stream_queue_settle(s, p->early, now); //= DATA-93 //= DATA-33
    stream_post(s, CSEP_DATA_EV_OPENED);
    if (s->close_wanted)
        stream_set_state(s, CSEP_DATA_CLOSING, now);
}

void stream_take_answer(struct csep_stream *s, size_t n, csep_time now)
{
    if (n > UNIT_LENGTH && s->in[UNIT_LENGTH] == CSEP_PKT_REFUSE)
        take_refuse(s, n, now);
    else
        take_accept(s, n, now);
}
