/* SPDX-License-Identifier: BSD-2-Clause */
/* The acceptor's view of a grantor: tickets come in, slots go out, usage comes back. */
#include "context/grantor.h"

#include <string.h>

#include "base/cursor.h"
#include "base/emit.h"
#include "context/grant.h"
#include "context/limits.h"
#include "crypto/wipe.h"

#define REPLACED_FOR CSEP_SEC(60)

void grantor_make_place(struct csep_grantor *g, struct book_context *c, csep_time now,
                        struct csep_ticket *out)
{
    struct ticket_place p = {c->index, c->generation, book_issue(c), now};
    ticket_put_place(&g->keys, &p, c->expiry.at, g->cfg.random, out);
}

void grantor_make_sealed(struct csep_grantor *g, struct ticket_context *c, csep_time now,
                         struct csep_ticket *out)
{
    c->made = now;
    ticket_put_context(&g->keys, c, g->cfg.random, out);
}

/* ---- open ---- */

static bool fill(const struct csep_grantor *g, const uint8_t *ticket, size_t len, uint8_t transport,
                 const uint8_t secret[32], const struct csep_usage *used, struct csep_slot *out)
{
    if (limits_of_use(&g->limits, used) == LIMIT_HARD || !grant_fill_slot(&g->cfg.menu, transport, out))
        return false;
    ticket_slot_secret(out->secret, secret, ticket, len);
    memcpy(out->ticket, ticket, len);
    out->ticket_len = (uint8_t)len;
    out->left = limits_left(&g->limits, used);
    return true;
}

static struct book_context *find_place(const struct csep_grantor *g, const uint8_t *ticket, size_t len,
                                       csep_time now, struct ticket_place *p)
{
    if (!ticket_get_place(&g->keys, ticket, len, p))
        return NULL;
    struct book_context *c = book_at(&g->book, p->index, p->generation);
    return c && now < c->expiry.at && !book_spent(c, p->slot) ? c : NULL; //= CTX-16, CTX-3
}

static enum csep_slot_result open_stateful(struct csep_grantor *g, const uint8_t *ticket, size_t len,
                                           uint8_t transport, csep_time now, struct csep_slot *out)
{
    struct ticket_place p;
    const struct book_context *c = find_place(g, ticket, len, now, &p);
    if (!c || !fill(g, ticket, len, transport, c->secret, &c->used, out))
        return CSEP_SLOT_REFUSED;
    memcpy(out->handle, c->handle, sizeof out->handle);
    out->received = p.made;
    out->expires = c->expiry.at;
    out->fresh = true;
    out->pending = c->pending;
    out->peer_known = c->bound && !c->pending;
    if (out->peer_known)
        memcpy(out->peer_spki_sha256, c->client_spki_sha256, sizeof out->peer_spki_sha256);
    return c->pending ? CSEP_SLOT_PENDING : CSEP_SLOT_OK; //= NEG-64
}

static enum csep_slot_result open_sealed(struct csep_grantor *g, const struct ticket_context *c,
                                         const uint8_t *ticket, size_t len, uint8_t transport, csep_time now,
                                         struct csep_slot *out)
{
    static const struct csep_usage none;
    const struct ledger_entry *e = ledger_find(&g->ledger, c->handle, now);
    if (now >= c->expires || (e && e->revoked) || ledger_forgot(&g->ledger, c->handle, c->granted) ||
        strike_seen(&g->strike, ticket_mark(ticket), now))
        return CSEP_SLOT_REFUSED; //= CTX-16, CTX-3
    if (!fill(g, ticket, len, transport, c->secret, e ? &e->used : &none, out))
        return CSEP_SLOT_REFUSED;
    memcpy(out->handle, c->handle, sizeof out->handle);
    out->received = c->made;
    out->expires = c->expires;
    out->fresh = now - g->started >= STRIKE_WINDOW; //= CTX-6
    out->check_age = true;                          //= CTX-5
    out->peer_known = c->bound;
    memcpy(out->peer_spki_sha256, c->client_spki_sha256, sizeof out->peer_spki_sha256);
    return CSEP_SLOT_OK;
}

static enum csep_slot_result open_stateless(struct csep_grantor *g, const uint8_t *ticket, size_t len,
                                            uint8_t transport, csep_time now, struct csep_slot *out)
{
    struct ticket_context c;
    if (!ticket_get_context(&g->keys, ticket, len, &c))
        return CSEP_SLOT_REFUSED;
    enum csep_slot_result r = open_sealed(g, &c, ticket, len, transport, now, out);
    CSEP_WIPE(c);
    return r;
}

static enum csep_slot_result slot_open(void *self, const uint8_t *ticket, size_t len, uint8_t transport,
                                       csep_time now, struct csep_slot *out)
{
    struct csep_grantor *g = self;
    memset(out, 0, sizeof *out);
    if (len < CSEP_TICKET_MIN || len > CSEP_TICKET_MAX)
        return CSEP_SLOT_REFUSED;
    if (g->cfg.mode == CSEP_GRANTOR_STATEFUL)
        return open_stateful(g, ticket, len, transport, now, out);
    return open_stateless(g, ticket, len, transport, now, out);
}

/* ---- spend ---- */

/* The first data connection of a replacing context gives the replaced one its last minute. */
static void retire_replaced(struct csep_grantor *g, struct book_context *c, csep_time now)
{
    struct book_context *old =
        c->replaces_generation ? book_at(&g->book, c->replaces_index, c->replaces_generation) : NULL;
    c->replaces_generation = 0;
    if (old)
        book_set_expiry(&g->book, old,
                        csep_time_min(old->expiry.at, csep_time_add(now, REPLACED_FOR))); //= NEG-50
}

static enum csep_slot_result slot_spend(void *self, const struct csep_slot *slot, csep_time now)
{
    struct csep_grantor *g = self;
    if (g->cfg.mode == CSEP_GRANTOR_STATELESS) {
        const struct ledger_entry *e = ledger_find(&g->ledger, slot->handle, now);
        uint64_t mark = ticket_mark(slot->ticket);
        if (now >= slot->expires || (e && e->revoked) || strike_seen(&g->strike, mark, now))
            return CSEP_SLOT_REFUSED;
        return strike_add(&g->strike, mark, now) ? CSEP_SLOT_OK : CSEP_SLOT_BUSY; //= CTX-5
    }
    struct ticket_place p;
    struct book_context *c = find_place(g, slot->ticket, slot->ticket_len, now, &p);
    if (!c)
        return CSEP_SLOT_REFUSED;
    if (c->pending)
        return CSEP_SLOT_PENDING;
    book_spend(c, p.slot);
    book_touch(&g->book, c);
    retire_replaced(g, c, now);
    TRACE(&g->cfg.trace, now, CTX_TICKET_SPENT, book_open_slots(c), slot->transport);
    return CSEP_SLOT_OK;
}

/* ---- report ---- */

/* //= KEY-7, KEY-8, DATA-83 */
static csep_status still_good(const struct csep_grantor *g, const struct ledger_entry *e)
{
    if (!e)
        return CSEP_OK;
    if (e->revoked)
        return CSEP_ERR_REVOKED;
    return limits_of_use(&g->limits, &e->used) == LIMIT_HARD ? CSEP_ERR_AEAD_LIMIT : CSEP_OK;
}

/* A context at its limit leaves the book; the ledger tells its other connections why. */
static csep_status report_stateful(struct csep_grantor *g, const uint8_t handle[CSEP_HANDLE_LEN],
                                   const struct csep_usage *used, csep_time now)
{
    struct book_context *c = book_find(&g->book, handle);
    if (!c)
        return still_good(g, ledger_find(&g->ledger, handle, now));
    limits_add(&c->used, used);
    book_touch(&g->book, c);
    if (limits_of_use(&g->limits, &c->used) != LIMIT_HARD)
        return CSEP_OK;
    struct ledger_entry *e = ledger_get(&g->ledger, handle, c->expiry.at, now);
    e->used = c->used;
    ledger_end(e, now);
    book_remove(&g->book, c);
    return CSEP_ERR_AEAD_LIMIT;
}

static csep_status slot_report(void *self, const uint8_t handle[CSEP_HANDLE_LEN],
                               const struct csep_usage *used, csep_time now)
{
    struct csep_grantor *g = self;
    if (g->cfg.mode == CSEP_GRANTOR_STATEFUL)
        return report_stateful(g, handle, used, now);
    csep_time until = csep_time_add(now, CSEP_SEC(g->cfg.menu.lifetime));
    struct ledger_entry *e = ledger_get(&g->ledger, handle, until, now);
    limits_add(&e->used, used);
    csep_status st = still_good(g, e);
    if (st)
        ledger_end(e, now);
    return st;
}

/* ---- more ---- */

static bool next_ticket(struct csep_grantor *g, struct book_context *c, struct ticket_context *sealed,
                        csep_time now, struct wr *w)
{
    struct csep_ticket t;
    if (c)
        grantor_make_place(g, c, now, &t);
    else
        grantor_make_sealed(g, sealed, now, &t);
    wr_vec8(w, t.b, t.len);
    return wr_ok(w);
}

static unsigned slot_more(void *self, const struct csep_slot *slot, unsigned want, uint8_t *out, size_t cap,
                          size_t *out_len, csep_time now)
{
    struct csep_grantor *g = self;
    struct ticket_context sealed;
    struct book_context *c = NULL;
    struct wr w = wr_init(out, cap);
    unsigned num = 0;
    bool good;
    *out_len = 0;
    csep_grantor_expire(g, now);
    if (!csep_grantor_shares(g, slot->handle, NULL, now))
        return 0;
    if (g->cfg.mode == CSEP_GRANTOR_STATEFUL) {
        c = book_find(&g->book, slot->handle);
        good = book_can_issue(c);
    } else {
        good = ticket_get_context(&g->keys, slot->ticket, slot->ticket_len, &sealed) &&
               now < sealed.expires && !ledger_forgot(&g->ledger, sealed.handle, sealed.granted);
    }
    /* The lifetime stays what it was: each ticket carries, or names, the same context. //= CTX-10 */
    for (; good && num < want && num < 32 && next_ticket(g, c, &sealed, now, &w); num++)
        *out_len = w.len;
    CSEP_WIPE(sealed);
    return num;
}

/* A grantor serves one service with keys of its own: what another granted does not open here. //= SEC-11 */
struct csep_slot_source csep_grantor_slots(struct csep_grantor *g)
{
    return (struct csep_slot_source){slot_open, slot_spend, slot_report, slot_more, g};
}
