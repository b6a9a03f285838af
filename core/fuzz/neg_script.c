/* SPDX-License-Identifier: BSD-2-Clause */
#include "neg_script.h"

#include "base/cursor.h"
#include "neg_puppet.h"

struct seen {
    unsigned ends, shared;
};

static void need(bool ok)
{
    if (!ok)
        abort();
}

static void check_event(const struct csep_negotiate_event *ev, struct seen *seen)
{
    need(seen->ends == 0 || ev->type == CSEP_NEG_FAILED); /* the end comes last, and once */
    if (ev->type == CSEP_NEG_GRANTED) {
        need(ev->num_tickets >= 2 && ev->grant && ev->secret && ev->grant->lifetime > 0);
        need(memcmp(ev->grant->handle, ev->handle, CSEP_HANDLE_LEN) == 0);
    }
    if (ev->type == CSEP_NEG_CLOSED || ev->type == CSEP_NEG_FAILED)
        need(seen->ends++ == 0);
    seen->shared += ev->type == CSEP_NEG_SHARED;
    need(seen->shared <= 1);
}

static void host(struct neg_puppet *p, uint8_t asks, struct seen *seen)
{
    struct csep_negotiate_event ev;
    uint8_t out[4096], handle[CSEP_HANDLE_LEN] = {asks};
    struct csep_grant_request req = {.lifetime = asks, .tickets = asks % 33, .have_handle = asks & 1};
    memset(req.handle, asks & 3, sizeof req.handle);
    while (csep_negotiate_event(p->n, &ev))
        check_event(&ev, seen);
    while (csep_negotiate_output(p->n, out, sizeof out, p->now) > 0)
        ;
    (void)csep_negotiate_leftover(p->n, out, sizeof out);
    switch (asks % 8) {
    case 1:
    case 2:
        (void)!csep_negotiate_request(p->n, &req, asks, p->now);
        break;
    case 3:
        (void)!csep_negotiate_revoke(p->n, handle, p->now);
        break;
    case 4:
        csep_negotiate_close(p->n, p->now);
        break;
    default:
        break;
    }
}

static void step(struct neg_puppet *p, struct rd *r, struct seen *seen)
{
    struct rd data;
    switch (rd_u8(r) % 8) {
    case 0:
        neg_puppet_bytes(p);
        break;
    case 1:
        data = rd_vec8(r);
        if (!data.bad)
            neg_puppet_data(p, data.p, data.n);
        break;
    case 2:
        neg_puppet_flags(p, CSEP_SECURE_CAN_WRITE | CSEP_SECURE_CAN_EXPORT);
        break;
    case 3:
        neg_puppet_flags(p, CSEP_SECURE_CAN_WRITE | CSEP_SECURE_CAN_EXPORT | CSEP_SECURE_CONFIRMED);
        break;
    case 4:
        neg_puppet_flags(p, CSEP_SECURE_PEER_CLOSED);
        break;
    case 5:
        csep_negotiate_input_eof(p->n, p->now);
        break;
    case 6:
        p->now += CSEP_SEC(rd_u8(r));
        csep_negotiate_expire(p->n, p->now);
        break;
    default:
        host(p, rd_u8(r), seen);
    }
}

void neg_script_run(bool server, const uint8_t *data, size_t n)
{
    struct rd r = rd_init(data, n);
    struct seen seen = {0, 0};
    struct neg_puppet_options o = neg_puppet_options_default(server);
    uint8_t how = rd_u8(&r);
    o.neg.keep_open = how & 1;
    o.neg.share = how & 2;
    o.neg.literal_request = how & 4;
    o.neg.client_identity = how & 8;
    o.neg.wait_finished = how & 16;
    o.grantor.mode = how & 32 ? CSEP_GRANTOR_STATELESS : CSEP_GRANTOR_STATEFUL;
    o.grantor.strike_entries = 16;
    struct neg_puppet *p = neg_puppet_new(&o);
    p->secure.peer.present = how & 64;
    p->secure.max_out = how & 128 ? 3000 : 0;
    while (rd_more(&r))
        step(p, &r, &seen);
    host(p, 0, &seen);
    neg_puppet_free(p); /* which checks that nothing leaked */
}
