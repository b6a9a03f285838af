/* SPDX-License-Identifier: BSD-2-Clause */
/* The way out: messages and data become records in the output buffer; alerts; failure. */
#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"
#include "tls/engine.h"

enum { ALERT_FATAL = 2 };

/* Room for n more bytes behind what is queued. */
static csep_status out_reserve(struct csep_tls *t, size_t n)
{
    size_t used = t->out_end - t->out_start;
    if (t->out_start && t->out.cap - t->out_end < n) {
        memmove(t->out.p, t->out.p + t->out_start, used);
        t->out_start = 0;
        t->out_end = used;
    }
    return tls_buffer_reserve(&t->out, t->cfg.alloc, t->out_end, t->out_end + n) ? CSEP_OK : CSEP_ERR_MEMORY;
}

csep_status tls_flight_begin(struct csep_tls *t, size_t max, struct wr *out)
{
    csep_status st = out_reserve(t, max + TLS_RECORD_OVERHEAD);
    *out = st ? wr_init(NULL, 0) : wr_init(t->out.p + t->out_end + TLS_RECORD_HEADER, max);
    return st;
}

void tls_flight_message(struct csep_tls *t, const struct wr *w, size_t from)
{
    if (w->bad)
        return;
    hash_add(&t->hs.transcript, w->p + from, w->len - from);
    TRACE(&t->cfg.trace, t->now, TLS_MESSAGE_SENT, w->p[from], w->len - from);
}

csep_status tls_flight_end(struct csep_tls *t, struct wr *w, enum tls_content type)
{
    if (w->bad)
        return CSEP_ERR_INTERNAL;
    if (t->tx.on && t->tx.number == UINT64_MAX)
        return CSEP_ERR_AEAD_LIMIT;
    t->out_end += tls_record_seal(&t->tx, t->out.p + t->out_end, type, w->len);
    return CSEP_OK;
}

/* RFC 8446 section D.4; never protected. */
csep_status tls_send_compat(struct csep_tls *t)
{
    static const uint8_t record[] = {TLS_CONTENT_CCS, 3, 3, 0, 1, 1};
    if (!t->hs.compat)
        return CSEP_OK;
    csep_status st = out_reserve(t, sizeof record);
    if (st)
        return st;
    t->hs.compat = false;
    memcpy(t->out.p + t->out_end, record, sizeof record);
    t->out_end += sizeof record;
    return CSEP_OK;
}

csep_status tls_send_data(struct csep_tls *t, const uint8_t *in, size_t n)
{
    size_t records = (n + TLS_PLAIN_MAX - 1) / TLS_PLAIN_MAX;
    size_t queued = t->out_end - t->out_start;

    if (n > t->cfg.max_pending || queued + n + records * TLS_RECORD_OVERHEAD > t->cfg.max_pending)
        return CSEP_ERR_LIMIT;
    csep_status st = out_reserve(t, n + records * TLS_RECORD_OVERHEAD);
    while (!st && n > 0) {
        struct wr w;
        size_t len = n < TLS_PLAIN_MAX ? n : TLS_PLAIN_MAX;
        st = tls_flight_begin(t, len, &w);
        wr_bytes(&w, in, len);
        if (!st)
            st = tls_flight_end(t, &w, TLS_CONTENT_APPLICATION);
        in += len;
        n -= len;
    }
    return st;
}

csep_status tls_send_key_update(struct csep_tls *t, bool request)
{
    struct wr w;
    csep_status st = tls_flight_begin(t, 8, &w);
    tls_key_update_encode(&w, request);
    if (!st)
        st = tls_flight_end(t, &w, TLS_CONTENT_HANDSHAKE);
    if (st)
        return st;
    TRACE(&t->cfg.trace, t->now, TLS_MESSAGE_SENT, TLS_KEY_UPDATE, TLS_MESSAGE_HEADER + 1);
    tls_schedule_update(&t->tx_secret);
    tls_schedule_keys(&t->tx_secret, &t->tx, NULL);
    return CSEP_OK;
}

csep_status tls_send_alert(struct csep_tls *t, uint8_t level, uint8_t description)
{
    struct wr w;
    csep_status st = tls_flight_begin(t, 2, &w);
    wr_u8(&w, level);
    wr_u8(&w, description);
    if (!st)
        st = tls_flight_end(t, &w, TLS_CONTENT_ALERT);
    TRACE(&t->cfg.trace, t->now, TLS_ALERT_SENT, level, description);
    return st;
}

size_t tls_output_bytes(struct csep_tls *t, uint8_t *out, size_t cap)
{
    size_t n = t->out_end - t->out_start;
    if (n > cap)
        n = cap;
    if (n)
        memcpy(out, t->out.p + t->out_start, n);
    t->out_start += n;
    if (t->out_start == t->out_end) {
        tls_buffer_release(&t->out, t->cfg.alloc);
        t->out_start = t->out_end = 0;
        t->update_queued = false;
    }
    return n;
}

/* What the peer is told: nothing when it failed us by silence or told us itself. */
static uint8_t alert_for(csep_status st)
{
    unsigned alert = csep_status_alert(st);
    if (alert == 0 && csep_status_fault(st) == CSEP_FAULT_LOCAL)
        alert = csep_status_alert(CSEP_ERR_INTERNAL);
    return (uint8_t)alert;
}

csep_status tls_fail(struct csep_tls *t, csep_status st)
{
    if (t->failure)
        return t->failure;
    t->failure = st;
    t->state = TLS_FAILED;
    uint8_t alert = alert_for(st);
    if (alert && !t->tx_closed)
        (void)tls_send_alert(t, ALERT_FATAL, alert); /* without memory for it the end is silent */
    TRACE(&t->cfg.trace, t->now, TLS_STATE, TLS_FAILED);
    tls_handshake_done(t);
    CSEP_WIPE(t->rx);
    CSEP_WIPE(t->tx);
    CSEP_WIPE(t->rx_secret);
    CSEP_WIPE(t->tx_secret);
    CSEP_WIPE(t->exporter);
    CSEP_WIPE(t->resumption);
    t->has_exporter = t->has_resumption = false;
    tls_buffer_release(&t->in, t->cfg.alloc);
    t->in_start = t->in_app = t->in_hs = t->in_raw = 0;
    return st;
}

void tls_keylog(const struct csep_tls *t, const char *label, const struct secret *s)
{
    const struct csep_keylog *k = &t->cfg.keylog;
    if (k->line)
        k->line(k->self, label, t->client_random, s->b, sizeof s->b);
}
