/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/hold.h"

#include <string.h>

#define EARLY_MOST       16u /* DATA-36 */
#define EARLY_TIME       CSEP_SEC(1)
#define CONTEXT_MOST     16u /* NEG-65 */
#define CONTEXT_TIME     CSEP_SEC(3)
#define PENDING_MOST     1024u /* over all contexts */
#define DATAGRAM_LARGEST 2048u

static unsigned of_context(const struct hold *h, const uint8_t *handle)
{
    unsigned n = 0;
    for (const struct held *e = h->first; e; e = e->next)
        n += e->kind == HOLD_PENDING && memcmp(e->handle, handle, sizeof e->handle) == 0;
    return n;
}

bool hold_add(struct hold *h, struct mem *m, const uint8_t *p, size_t n, const struct csep_addr *from,
              const uint8_t *handle, csep_time now)
{
    if (n > DATAGRAM_LARGEST)
        return false;
    if (handle ? h->num_pending >= PENDING_MOST || of_context(h, handle) >= CONTEXT_MOST
               : h->num_early >= EARLY_MOST)
        return false;
    struct held *e = mem_get(m, sizeof *e + n), **at = &h->first;
    if (!e)
        return false;
    memset(e, 0, sizeof *e);
    e->kind = handle ? HOLD_PENDING : HOLD_EARLY;
    e->until = csep_time_add(now, handle ? CONTEXT_TIME : EARLY_TIME);
    e->from = *from;
    if (handle)
        memcpy(e->handle, handle, sizeof e->handle);
    e->len = (uint32_t)n;
    memcpy(e->bytes, p, n);
    while (*at)
        at = &(*at)->next;
    *at = e;
    *(handle ? &h->num_pending : &h->num_early) += 1;
    return true;
}

struct held *hold_take(struct hold *h, bool (*match)(void *self, const struct held *e), void *self)
{
    for (struct held **at = &h->first; *at; at = &(*at)->next) {
        struct held *e = *at;
        if (!match(self, e))
            continue;
        *at = e->next;
        *(e->kind == HOLD_PENDING ? &h->num_pending : &h->num_early) -= 1;
        return e;
    }
    return NULL;
}

void hold_free(struct mem *m, struct held *e)
{
    mem_put(m, e, sizeof *e + e->len);
}

csep_time hold_deadline(const struct hold *h)
{
    csep_time at = CSEP_NEVER;
    for (const struct held *e = h->first; e; e = e->next)
        at = csep_time_min(at, e->until);
    return at;
}

static bool is_past(void *self, const struct held *e)
{
    return e->until <= *(const csep_time *)self;
}

struct held *hold_expired(struct hold *h, csep_time now)
{
    return hold_take(h, is_past, &now);
}

static bool is_any(void *self, const struct held *e)
{
    (void)self;
    (void)e;
    return true;
}

void hold_wipe(struct hold *h, struct mem *m)
{
    struct held *e;
    while ((e = hold_take(h, is_any, NULL)))
        hold_free(m, e);
}
