/* SPDX-License-Identifier: BSD-2-Clause */
#include "context/heap.h"

#include <assert.h>
#include <string.h>

csep_status heap_reserve(struct heap *h, size_t num, struct csep_alloc alloc)
{
    if (num <= h->cap)
        return CSEP_OK;
    size_t cap = h->cap ? 2 * h->cap : 16;
    while (cap < num)
        cap *= 2;
    struct heap_item **items = alloc.get(alloc.self, cap * sizeof(struct heap_item *));
    if (!items)
        return CSEP_ERR_MEMORY;
    if (h->num)
        memcpy(items, h->items, h->num * sizeof(struct heap_item *));
    if (h->items)
        alloc.put(alloc.self, h->items, h->cap * sizeof(struct heap_item *));
    h->items = items;
    h->cap = cap;
    return CSEP_OK;
}

static void place(struct heap *h, size_t i, struct heap_item *it)
{
    h->items[i] = it;
    it->pos = i + 1;
}

static void sift_up(struct heap *h, size_t i, struct heap_item *it)
{
    for (; i > 0 && h->items[(i - 1) / 2]->at > it->at; i = (i - 1) / 2)
        place(h, i, h->items[(i - 1) / 2]);
    place(h, i, it);
}

static void sift_down(struct heap *h, size_t i, struct heap_item *it)
{
    for (size_t child; (child = 2 * i + 1) < h->num; i = child) {
        if (child + 1 < h->num && h->items[child + 1]->at < h->items[child]->at)
            child++;
        if (h->items[child]->at >= it->at)
            break;
        place(h, i, h->items[child]);
    }
    place(h, i, it);
}

static void settle(struct heap *h, size_t i, struct heap_item *it)
{
    if (i > 0 && h->items[(i - 1) / 2]->at > it->at)
        sift_up(h, i, it);
    else
        sift_down(h, i, it);
}

static void take_out(struct heap *h, struct heap_item *it)
{
    size_t i = it->pos - 1;
    struct heap_item *last = h->items[--h->num];
    it->pos = 0;
    if (last != it)
        settle(h, i, last);
}

void heap_set(struct heap *h, struct heap_item *it, csep_time at)
{
    if (it->pos && at == it->at)
        return;
    it->at = at;
    if (at == CSEP_NEVER) {
        if (it->pos)
            take_out(h, it);
    } else if (it->pos) {
        settle(h, it->pos - 1, it);
    } else {
        assert(h->num < h->cap);
        sift_up(h, h->num++, it);
    }
}

struct heap_item *heap_first(const struct heap *h)
{
    return h->num ? h->items[0] : NULL;
}

csep_time heap_deadline(const struct heap *h)
{
    return h->num ? h->items[0]->at : CSEP_NEVER;
}

void heap_free(struct heap *h, struct csep_alloc alloc)
{
    if (h->items)
        alloc.put(alloc.self, h->items, h->cap * sizeof(struct heap_item *));
    *h = (struct heap){0};
}
