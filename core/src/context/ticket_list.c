/* SPDX-License-Identifier: BSD-2-Clause */
/* A client's tickets for one context: one block of just the size that they need. */
#include <assert.h>
#include <string.h>

#include "base/cursor.h"
#include "context/store.h"
#include "crypto/wipe.h"

#define ENTRY_HEAD 9u /* time received, length */

static bool holds(const struct csep_context *c, const struct csep_ticket *t)
{
    struct rd r = rd_init(c->tickets, c->tickets_len);
    while (rd_more(&r)) {
        rd_u64(&r);
        struct rd have = rd_vec8(&r);
        if (have.n == t->len && have.p && memcmp(have.p, t->b, t->len) == 0)
            return true;
    }
    return false;
}

/* Replace the block by one of another size that keeps the bytes from `from` on. */
static csep_status resize(struct csep_context *c, size_t from, size_t n, struct mem *mem)
{
    uint8_t *block = n ? mem_get(mem, n) : NULL;
    size_t keep = c->tickets_len - from;
    if (n && !block)
        return CSEP_ERR_MEMORY;
    if (block && keep)
        memcpy(block, c->tickets + from, keep);
    if (c->tickets) {
        csep_wipe(c->tickets, c->tickets_len);
        mem_put(mem, c->tickets, c->tickets_len);
    }
    c->tickets = block;
    c->tickets_len = (uint16_t)n;
    return CSEP_OK;
}

csep_status ticket_list_add(struct csep_context *c, const struct csep_ticket *t, csep_time now,
                            struct mem *mem)
{
    size_t have = c->tickets_len, n = have + ENTRY_HEAD + t->len;
    if (c->num_tickets >= STORE_TICKETS || holds(c, t))
        return CSEP_OK; //= CTX-11, CTX-12
    csep_status st = resize(c, 0, n, mem);
    if (st)
        return st;
    struct wr w = wr_init(c->tickets + have, n - have);
    wr_u64(&w, now);
    wr_vec8(&w, t->b, t->len);
    assert(wr_ok(&w));
    c->num_tickets++;
    return CSEP_OK;
}

void ticket_list_take(struct csep_context *c, struct csep_ticket *out, csep_time *received, struct mem *mem)
{
    struct rd r = rd_init(c->tickets, c->tickets_len);
    *received = rd_u64(&r);
    struct rd t = rd_vec8(&r);
    size_t used = ENTRY_HEAD + t.n;
    assert(c->num_tickets && !r.bad);
    out->len = (uint8_t)t.n;
    rd_copy(&t, out->b, t.n);
    c->num_tickets--;
    /* Better no ticket than one that is given out twice: without memory for the rest, that goes too. */
    if (resize(c, used, r.n, mem))
        ticket_list_free(c, mem);
}

void ticket_list_free(struct csep_context *c, struct mem *mem)
{
    if (c->tickets) {
        csep_wipe(c->tickets, c->tickets_len);
        mem_put(mem, c->tickets, c->tickets_len);
    }
    c->tickets = NULL;
    c->tickets_len = 0;
    c->num_tickets = 0;
}
