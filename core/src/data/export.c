/* SPDX-License-Identifier: BSD-2-Clause */
/* Form B of the crypto-transport interface: keys that leave, and the terms under which they may be used. */
#include "csep/export.h"

#include <string.h>

#include "crypto/wipe.h"
#include "data/stream.h"

/* //= API-5 */
static struct csep_terms terms_of(const struct csep_slot *slot, enum csep_export_protocol protocol)
{
    struct csep_terms t = {.protocol = (uint16_t)protocol, .expires = slot->expires, .left = slot->left};
    memcpy(t.handle, slot->handle, sizeof t.handle);
    return t;
}

static bool granted(const struct csep_slot *slot, enum csep_export_protocol protocol)
{
    return slot->exports & 1u << protocol; //= API-7
}

csep_status csep_export_psk(struct csep_psk *out, struct csep_slot *slot, csep_time now)
{
    struct secret s;
    if (!granted(slot, CSEP_EXPORT_PSK))
        return CSEP_ERR_REFUSED;
    if (now >= slot->expires)
        return CSEP_ERR_EXPIRED;
    memset(out, 0, sizeof *out);
    out->terms = terms_of(slot, CSEP_EXPORT_PSK);
    out->terms.update_at = out->terms.stop_at = UINT64_MAX; /* the protocol that imports it has its own */
    /* By itself; the handshake that imports it adds forward secrecy where it runs psk_dhe_ke. */
    out->terms.replayable = true;
    out->terms.forward_secret = false;
    memcpy(s.b, slot->secret, sizeof s.b);
    hkdf_expand_label(HKDF_CSEP1, out->epsk, sizeof out->epsk, &s, "psk", NULL, 0);
    memcpy(out->identity, slot->ticket, slot->ticket_len);
    out->identity_len = slot->ticket_len;
    memcpy(out->context, "csep1", 5);
    out->context[5] = slot->transport;
    CSEP_WIPE(s);
    CSEP_WIPE(*slot); //= API-8
    return CSEP_OK;
}

/* ---- Records of a stream ---- */

static void keys_of(struct csep_keys *out, const struct stream_key *k)
{
    *out = (struct csep_keys){.aead = k->aead.id, .generation = k->generation, .number = k->number};
    memcpy(out->secret, k->secret.s.b, sizeof out->secret);
    memcpy(out->key, k->aead.key, sizeof out->key);
    memcpy(out->iv, k->aead.iv, sizeof out->iv);
}

/* Nothing is on its way through the object. */
static bool is_quiet(const struct csep_stream *s)
{
    return s->state == CSEP_DATA_CONFIRMED && s->tx_next == TX_DATA && s->rx_next == RX_DATA &&
           !s->queue.first && !s->stage && !s->in && s->in_len == 0 && !s->parsing && s->unread.n == 0 &&
           !s->content.type && !s->messages.first && !s->update_wanted &&
           s->tx.generation == s->rx.generation && !s->close_wanted;
}

csep_status csep_stream_take_over(struct csep_stream *s, struct csep_records *out, csep_time now)
{
    if (stream_is_over(s))
        return CSEP_ERR_CLOSED;
    if (!granted(&s->slot, CSEP_EXPORT_RECORDS))
        return CSEP_ERR_REFUSED;
    if (!is_quiet(s))
        return CSEP_AGAIN;
    memset(out, 0, sizeof *out);
    keys_of(&out->send, &s->tx);
    keys_of(&out->receive, &s->rx);
    struct key_limits limits = schedule_limits(s->aead);
    out->terms = terms_of(&s->slot, CSEP_EXPORT_RECORDS);
    out->terms.left.packets -= s->total.packets;
    out->terms.left.bytes -= s->total.bytes;
    out->terms.update_at = limits.update;
    out->terms.stop_at = limits.stop;
    out->terms.forward_secret = s->upgraded;
    stream_end(s, CSEP_OK, 0, false, now);
    return CSEP_OK;
}

/* ---- Terms ---- */

static bool spend(uint64_t *left, uint64_t used)
{
    bool enough = used < *left;
    *left = enough ? *left - used : 0;
    return enough;
}

/* //= API-6 */
csep_status csep_terms_report(struct csep_terms *t, const struct csep_usage *used, csep_time now)
{
    bool bytes = spend(&t->left.bytes, used->bytes), packets = spend(&t->left.packets, used->packets);
    bool forgeries = spend(&t->left.forgeries, used->forgeries);
    if (now >= t->expires) {
        t->withdrawn = true;
        return CSEP_ERR_EXPIRED;
    }
    t->withdrawn |= !bytes || !packets || !forgeries;
    return t->withdrawn ? CSEP_ERR_AEAD_LIMIT : CSEP_OK;
}

csep_status csep_psk_report(struct csep_psk *p, const struct csep_usage *used, csep_time now)
{
    csep_status st = csep_terms_report(&p->terms, used, now);
    if (st != CSEP_OK)
        CSEP_WIPE(p->epsk);
    return st;
}

csep_status csep_records_report(struct csep_records *r, const struct csep_usage *used, csep_time now)
{
    csep_status st = csep_terms_report(&r->terms, used, now);
    if (st != CSEP_OK) {
        csep_keys_wipe(&r->send);
        csep_keys_wipe(&r->receive);
    }
    return st;
}
