/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/routes.h"

#include <string.h>

#define CAP_MIN 16u

uint64_t route_key(const uint8_t id[8])
{
    uint64_t v;
    memcpy(&v, id, sizeof v);
    return v;
}

static uint64_t in_space(enum route_kind kind, uint64_t key)
{
    return kind == ROUTE_RANDOM ? ~key : key;
}

static uint32_t home(const struct routes *r, uint64_t key)
{
    return (uint32_t)siphash(&r->hash_key, &key, sizeof key) & (r->cap - 1);
}

/* Its place, or the free one where it would go. */
static uint32_t place(const struct routes *r, uint64_t key)
{
    uint32_t i = home(r, key);
    while (r->v[i].conn && r->v[i].key != key)
        i = (i + 1) & (r->cap - 1);
    return i;
}

struct csep_data *routes_find(const struct routes *r, enum route_kind kind, uint64_t key)
{
    return r->cap ? r->v[place(r, in_space(kind, key))].conn : NULL;
}

static bool resize(struct routes *r, struct mem *m, uint32_t cap)
{
    struct routes old = *r;
    struct route *v = mem_get(m, cap * sizeof *v);
    if (!v)
        return false;
    memset(v, 0, cap * sizeof *v);
    r->v = v;
    r->cap = cap;
    for (uint32_t i = 0; i < old.cap; i++)
        if (old.v[i].conn)
            r->v[place(r, old.v[i].key)] = old.v[i];
    mem_put(m, old.v, old.cap * sizeof *old.v);
    return true;
}

bool routes_add(struct routes *r, struct mem *m, enum route_kind kind, uint64_t key, struct csep_data *conn)
{
    if ((r->num + 1) * 4 > r->cap * 3 && !resize(r, m, r->cap ? r->cap * 2 : CAP_MIN))
        return false;
    uint32_t i = place(r, in_space(kind, key));
    if (r->v[i].conn)
        return false;
    r->v[i] = (struct route){in_space(kind, key), conn};
    r->num++;
    return true;
}

/* What follows moves up, so that no mark of a removed entry is needed. */
static void close_gap(struct routes *r, uint32_t gap)
{
    uint32_t mask = r->cap - 1;
    for (uint32_t i = (gap + 1) & mask; r->v[i].conn; i = (i + 1) & mask) {
        uint32_t h = home(r, r->v[i].key);
        if (((i - h) & mask) >= ((i - gap) & mask)) {
            r->v[gap] = r->v[i];
            gap = i;
        }
    }
    memset(&r->v[gap], 0, sizeof r->v[gap]);
}

void routes_remove(struct routes *r, struct mem *m, enum route_kind kind, uint64_t key,
                   const struct csep_data *conn)
{
    if (!r->cap)
        return;
    uint32_t i = place(r, in_space(kind, key));
    if (r->v[i].conn != conn)
        return;
    close_gap(r, i);
    r->num--;
    if (r->cap > CAP_MIN && r->num * 8 < r->cap)
        (void)resize(r, m, r->cap / 2); /* without memory it stays as large as it is */
}

void routes_wipe(struct routes *r, struct mem *m)
{
    mem_put(m, r->v, r->cap * sizeof *r->v);
    r->v = NULL;
    r->num = r->cap = 0;
}
