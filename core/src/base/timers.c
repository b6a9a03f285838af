/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/timers.h"

#include <string.h>

static void put(struct timers *h, uint32_t i, struct timer_node *n)
{
    h->v[i] = n;
    n->place = i + 1;
}

static void up(struct timers *h, uint32_t i)
{
    struct timer_node *n = h->v[i];
    while (i && h->v[(i - 1) / 2]->at > n->at) {
        put(h, i, h->v[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(h, i, n);
}

static void down(struct timers *h, uint32_t i)
{
    struct timer_node *n = h->v[i];
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= h->num)
            break;
        if (child + 1 < h->num && h->v[child + 1]->at < h->v[child]->at)
            child++;
        if (h->v[child]->at >= n->at)
            break;
        put(h, i, h->v[child]);
        i = child;
    }
    put(h, i, n);
}

static bool grow(struct timers *h, struct mem *m)
{
    if (h->num < h->cap)
        return true;
    uint32_t cap = h->cap ? h->cap * 2 : 4;
    struct timer_node **v = mem_get(m, cap * sizeof *v);
    if (!v)
        return false;
    if (h->num)
        memcpy(v, h->v, h->num * sizeof *v);
    mem_put(m, h->v, h->cap * sizeof *v);
    h->v = v;
    h->cap = cap;
    return true;
}

bool timers_set(struct timers *h, struct mem *m, struct timer_node *n, csep_time at)
{
    if (!n->place) {
        if (!grow(h, m))
            return false;
        n->at = at;
        put(h, h->num++, n);
        up(h, h->num - 1);
        return true;
    }
    bool later = at > n->at;
    n->at = at;
    if (later)
        down(h, n->place - 1);
    else
        up(h, n->place - 1);
    return true;
}

void timers_remove(struct timers *h, struct mem *m, struct timer_node *n)
{
    if (!n->place)
        return;
    uint32_t i = n->place - 1;
    n->place = 0;
    struct timer_node *last = h->v[--h->num];
    if (last != n) {
        put(h, i, last);
        up(h, i);
        down(h, last->place - 1);
    }
    if (!h->num)
        timers_wipe(h, m);
}

void timers_wipe(struct timers *h, struct mem *m)
{
    mem_put(m, h->v, h->cap * sizeof *h->v);
    memset(h, 0, sizeof *h);
}
