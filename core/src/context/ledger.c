/* SPDX-License-Identifier: BSD-2-Clause */
#include "context/ledger.h"

#include <string.h>

#define WAYS 4u

csep_status ledger_init(struct ledger *l, size_t entries, struct csep_alloc alloc)
{
    *l = (struct ledger){.num = WAYS};
    while (l->num < entries)
        l->num *= 2;
    l->entries = alloc.get(alloc.self, l->num * sizeof *l->entries);
    l->closed = alloc.get(alloc.self, l->num / WAYS * sizeof *l->closed);
    if (!l->entries || !l->closed) {
        ledger_free(l, alloc);
        return CSEP_ERR_MEMORY;
    }
    memset(l->entries, 0, l->num * sizeof *l->entries);
    memset(l->closed, 0, l->num / WAYS * sizeof *l->closed);
    return CSEP_OK;
}

void ledger_free(struct ledger *l, struct csep_alloc alloc)
{
    if (l->entries)
        alloc.put(alloc.self, l->entries, l->num * sizeof *l->entries);
    if (l->closed)
        alloc.put(alloc.self, l->closed, l->num / WAYS * sizeof *l->closed);
    *l = (struct ledger){0};
}

/* Handles are random (or a MAC), so any part of one is a hash. */
static size_t bucket_of(const struct ledger *l, const uint8_t handle[CSEP_HANDLE_LEN])
{
    uint64_t h;
    memcpy(&h, handle, sizeof h);
    return h & (l->num / WAYS - 1);
}

static struct ledger_entry *bucket(const struct ledger *l, const uint8_t handle[CSEP_HANDLE_LEN])
{
    return &l->entries[bucket_of(l, handle) * WAYS];
}

static struct ledger_entry *find(const struct ledger *l, const uint8_t handle[CSEP_HANDLE_LEN], csep_time now)
{
    struct ledger_entry *b = bucket(l, handle);
    for (unsigned i = 0; i < WAYS; i++)
        if (b[i].until > now && !memcmp(b[i].handle, handle, CSEP_HANDLE_LEN))
            return &b[i];
    return NULL;
}

const struct ledger_entry *ledger_find(const struct ledger *l, const uint8_t handle[CSEP_HANDLE_LEN],
                                       csep_time now)
{
    return find(l, handle, now);
}

/* Is a to be given up before b? */
static bool worth_less(const struct ledger_entry *a, const struct ledger_entry *b, csep_time now)
{
    if ((a->until <= now) != (b->until <= now))
        return a->until <= now;
    if (!a->over_at != !b->over_at)
        return !a->over_at;
    if (a->over_at)
        return a->over_at < b->over_at; /* so that as few others as possible are refused with it */
    return a->used.packets + a->used.forgeries < b->used.packets + b->used.forgeries;
}

struct ledger_entry *ledger_get(struct ledger *l, const uint8_t handle[CSEP_HANDLE_LEN], csep_time until,
                                csep_time now)
{
    struct ledger_entry *e = find(l, handle, now);
    if (e)
        return e;
    e = bucket(l, handle);
    for (unsigned i = 1; i < WAYS; i++)
        if (worth_less(&bucket(l, handle)[i], e, now))
            e = &bucket(l, handle)[i];
    csep_time *closed = &l->closed[bucket_of(l, handle)];
    if (e->until > now && e->over_at > *closed)
        *closed = e->over_at; //= NEG-52, KEY-7, KEY-8
    memset(e, 0, sizeof *e);
    memcpy(e->handle, handle, CSEP_HANDLE_LEN);
    e->until = until;
    return e;
}

void ledger_end(struct ledger_entry *e, csep_time now)
{
    if (!e->over_at)
        e->over_at = now ? now : 1;
}

bool ledger_forgot(const struct ledger *l, const uint8_t handle[CSEP_HANDLE_LEN], csep_time granted)
{
    return granted <= l->closed[bucket_of(l, handle)] && l->closed[bucket_of(l, handle)] > 0;
}

size_t ledger_memory(const struct ledger *l)
{
    return l->num * sizeof *l->entries + l->num / WAYS * sizeof *l->closed;
}
