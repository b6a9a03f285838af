/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every decoder of negotiation messages: the first byte chooses the type, the second the negotiation's port.
 * What was decoded comes out of the encoder so that it decodes to the same again.
 */
#include <stdlib.h>
#include <string.h>

#include "negotiate/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint8_t again[NEG_GRANT_MAX + NEG_TICKETS_LEN];

static void need(bool ok)
{
    if (!ok)
        abort();
}

/* Scan what the writer holds, as the message that it says it is. */
static struct neg_fields rescan(const struct wr *w)
{
    struct neg_fields f;
    need(wr_ok(w) && w->len >= NEG_HEAD_LEN);
    need(((size_t)w->p[1] << 16 | (size_t)w->p[2] << 8 | w->p[3]) == w->len - NEG_HEAD_LEN);
    need(neg_scan(&f, w->p[0], w->p + NEG_HEAD_LEN, w->len - NEG_HEAD_LEN) == CSEP_OK);
    return f;
}

static void grant(const struct neg_fields *f, uint16_t port)
{
    static struct neg_grant a, b;
    struct wr w = wr_init(again, sizeof again);
    /* A grant of unknown transports alone is good, but cannot be written: nothing is left of the field. */
    if (neg_get_grant(f, port, &a) || a.grant.num_transports == 0)
        return;
    neg_put_grant(&w, &a, NULL);
    struct neg_fields g = rescan(&w);
    need(neg_get_grant(&g, port, &b) == CSEP_OK);
    need(memcmp(&a, &b, sizeof a) == 0);
}

static void tickets(const struct neg_fields *f)
{
    static struct neg_tickets a, b;
    struct wr w = wr_init(again, sizeof again);
    if (neg_get_tickets(f, &a))
        return;
    neg_put_tickets(&w, &a);
    struct neg_fields g = rescan(&w);
    need(neg_get_tickets(&g, &b) == CSEP_OK);
    need(a.num == b.num && a.answers == b.answers && a.request_id == b.request_id);
    need(memcmp(a.handle, b.handle, sizeof a.handle) == 0);
    for (unsigned i = 0; i < a.num; i++)
        need(a.tickets[i].len == b.tickets[i].len &&
             memcmp(a.tickets[i].b, b.tickets[i].b, a.tickets[i].len) == 0);
}

static void request(const struct neg_fields *f)
{
    struct neg_request a, b;
    struct wr w = wr_init(again, sizeof again);
    if (neg_get_request(f, &a))
        return;
    neg_put_request(&w, &a, NULL);
    struct neg_fields g = rescan(&w);
    need(neg_get_request(&g, &b) == CSEP_OK);
    need(memcmp(&a, &b, sizeof a) == 0);
}

static void revoke(const struct neg_fields *f)
{
    struct neg_revoke a, b;
    struct wr w = wr_init(again, sizeof again);
    if (neg_get_revoke(f, &a))
        return;
    neg_put_revoke(&w, &a);
    struct neg_fields g = rescan(&w);
    need(neg_get_revoke(&g, &b) == CSEP_OK);
    need(a.code == b.code && memcmp(a.handle, b.handle, sizeof a.handle) == 0);
}

static void error(const struct neg_fields *f)
{
    struct neg_error a, b;
    struct wr w = wr_init(again, sizeof again);
    if (neg_get_error(f, &a))
        return;
    neg_put_error(&w, a.code, a.text, a.text_len);
    struct neg_fields g = rescan(&w);
    need(neg_get_error(&g, &b) == CSEP_OK);
    need(memcmp(&a, &b, sizeof a) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct neg_fields f;
    if (n < 2)
        return 0;
    uint8_t type = (uint8_t)(1 + data[0] % 6);
    if (neg_scan(&f, type, data + 2, n - 2))
        return 0;
    switch (type) {
    case CSEP_MSG_GRANT:
        grant(&f, data[1]);
        break;
    case CSEP_MSG_TICKETS:
        tickets(&f);
        break;
    case CSEP_MSG_REQUEST:
        request(&f);
        break;
    case CSEP_MSG_REVOKE:
        revoke(&f);
        break;
    case CSEP_MSG_ERROR:
        error(&f);
        break;
    default:
        break;
    }
    return 0;
}
