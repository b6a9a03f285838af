/* SPDX-License-Identifier: BSD-2-Clause */
#include "negotiate/receive.h"

#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"

/* ---- Bytes that grow ---- */

csep_status neg_bytes_reserve(struct csep_negotiate *n, struct neg_bytes *b, size_t more, size_t most)
{
    struct csep_alloc alloc = n->cfg.alloc;
    size_t cap = b->cap ? b->cap : 256;
    if (b->len + more > most)
        return CSEP_ERR_LIMIT;
    if (b->len + more <= b->cap)
        return CSEP_OK;
    while (cap < b->len + more)
        cap *= 2;
    cap = cap < most ? cap : most;
    uint8_t *p = alloc.get(alloc.self, cap);
    if (!p)
        return CSEP_ERR_MEMORY;
    if (b->len)
        memcpy(p, b->b, b->len);
    size_t len = b->len;
    neg_bytes_free(n, b);
    *b = (struct neg_bytes){p, len, cap};
    return CSEP_OK;
}

void neg_bytes_free(struct csep_negotiate *n, struct neg_bytes *b)
{
    if (b->b) {
        csep_wipe(b->b, b->cap);
        n->cfg.alloc.put(n->cfg.alloc.self, b->b, b->cap);
    }
    *b = (struct neg_bytes){0};
}

/* ---- Records ---- */

/* How many of the next bytes belong to the current TLS record (RFC 8446 section 5.1: type, version, length).
 */
static size_t record_part(struct csep_negotiate *n, const uint8_t *in, size_t len)
{
    size_t used = 0;
    while (n->record.have < sizeof n->record.head && used < len) {
        n->record.head[n->record.have++] = in[used++];
        if (n->record.have == sizeof n->record.head)
            n->record.left = (uint32_t)n->record.head[3] << 8 | n->record.head[4];
    }
    if (n->record.have == sizeof n->record.head) {
        size_t body = len - used < n->record.left ? len - used : n->record.left;
        used += body;
        n->record.left -= (uint32_t)body;
        if (n->record.left == 0)
            n->record.have = 0;
    }
    return used;
}

static csep_status keep_leftover(struct csep_negotiate *n, const uint8_t *in, size_t len)
{
    if (!n->shared || len == 0) /* else what comes behind close_notify is nobody's (RFC 8446 section 6.1) */
        return CSEP_OK;
    /* What comes in one piece with close_notify is in the host's memory already; more of it is for the host.
     */
    size_t most = n->leftover.len == 0 && len > NEG_LEFTOVER_MAX ? len : NEG_LEFTOVER_MAX;
    csep_status st = neg_bytes_reserve(n, &n->leftover, len, most);
    if (st)
        return st;
    memcpy(n->leftover.b + n->leftover.len, in, len);
    n->leftover.len += len;
    return CSEP_OK;
}

csep_status rx_records(struct csep_negotiate *n, const uint8_t *in, size_t len)
{
    csep_status st = CSEP_OK;
    while (len > 0 && !st && !neg_flag(n, CSEP_SECURE_PEER_CLOSED)) {
        size_t part = record_part(n, in, len);
        st = n->secure->ops->input(n->secure, in, part, n->now);
        in += part;
        len -= part;
    }
    if (st || len == 0)
        return st;
    if (n->is_server)
        server_flags(n);              /* Finished may be among what was read, */
    rx_messages(n);                   /* and CONTINUE behind it */
    return keep_leftover(n, in, len); //= NEG-58, NEG-74
}

/* ---- Messages ---- */

bool rx_blocked(const struct csep_negotiate *n)
{
    /* A message causes one event, its refusal or the end that follows two more. */
    bool lending = (n->busy || n->lent) && n->state != NEG_STATE_CLOSING; /* there grants are passed over */
    return lending || n->stalled || n->num_events + 4 > NEG_EVENTS;
}

void rx_free(struct csep_negotiate *n)
{
    neg_bytes_free(n, &n->rx.body);
    memset(&n->rx, 0, sizeof n->rx);
}

/* Header known: refuse, skip, or receive. */
static csep_status begin_message(struct csep_negotiate *n)
{
    uint8_t type = n->rx.head[0];
    n->rx.want = (uint32_t)n->rx.head[1] << 16 | (uint32_t)n->rx.head[2] << 8 | n->rx.head[3];
    if (n->rx.want > CSEP_MSG_MAX)
        return CSEP_ERR_OVERSIZE; //= NEG-22
    n->rx.skip = !neg_known_type(type);
    if (n->rx.skip)
        return type & CSEP_MSG_CRITICAL ? CSEP_ERR_CRITICAL : CSEP_OK; //= NEG-24, NEG-23, NEG-63
    if (!(n->is_server ? neg_from_client(type) : neg_from_server(type)))
        return CSEP_ERR_UNEXPECTED; //= NEG-36
    csep_status st = neg_bytes_reserve(n, &n->rx.body, NEG_HEAD_LEN, NEG_HEAD_LEN + n->rx.want);
    if (st)
        return st;
    memcpy(n->rx.body.b, n->rx.head, NEG_HEAD_LEN);
    n->rx.body.len = NEG_HEAD_LEN;
    return CSEP_OK;
}

static size_t read_some(struct csep_negotiate *n, uint8_t *out, size_t cap)
{
    return cap ? n->secure->ops->read(n->secure, out, cap) : 0;
}

/* CSEP_AGAIN: not whole yet. Record boundaries play no part. //= NEG-21 */
static csep_status receive(struct csep_negotiate *n)
{
    if (n->rx.have < NEG_HEAD_LEN) {
        n->rx.have += (uint8_t)read_some(n, n->rx.head + n->rx.have, NEG_HEAD_LEN - n->rx.have);
        if (n->rx.have < NEG_HEAD_LEN)
            return CSEP_AGAIN;
        csep_status st = begin_message(n);
        if (st)
            return st;
    }
    for (;;) {
        uint8_t scratch[256], *to = scratch;
        size_t room = sizeof scratch;
        size_t left = n->rx.skip ? n->rx.want : NEG_HEAD_LEN + n->rx.want - n->rx.body.len;
        if (left == 0)
            return CSEP_OK;
        if (!n->rx.skip) { /* grows with what arrives, not with what was announced */
            csep_status st = neg_bytes_reserve(n, &n->rx.body, 1, NEG_HEAD_LEN + n->rx.want);
            if (st)
                return st;
            to = n->rx.body.b + n->rx.body.len;
            room = n->rx.body.cap - n->rx.body.len;
        }
        size_t got = read_some(n, to, left < room ? left : room);
        if (got == 0)
            return CSEP_AGAIN;
        if (n->rx.skip)
            n->rx.want -= (uint32_t)got;
        else
            n->rx.body.len += got;
    }
}

static csep_status handle(struct csep_negotiate *n)
{
    struct neg_fields f;
    csep_status st = neg_scan(&f, n->rx.head[0], n->rx.body.b + NEG_HEAD_LEN, n->rx.body.len - NEG_HEAD_LEN);
    if (st)
        return st;
    if (n->is_server)
        return server_message(n, &f);
    return client_message(n, &f, n->rx.body.b, n->rx.body.len);
}

void rx_messages(struct csep_negotiate *n)
{
    while (!neg_final(n) && !rx_blocked(n)) {
        csep_status st = receive(n);
        if (!st && !n->rx.skip) {
            st = handle(n);
            if (st == CSEP_AGAIN) { /* the message stays and is handled again */
                n->stalled = true;
                return;
            }
            if (!st)
                TRACE(&n->cfg.trace, n->now, NEG_MESSAGE_RECEIVED, n->rx.head[0], n->rx.want);
        }
        if (st == CSEP_AGAIN)
            return;
        if (st)
            neg_fail(n, st);
        rx_free(n);
    }
}
