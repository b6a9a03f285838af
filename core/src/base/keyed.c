/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/keyed.h"

#include <string.h>

static uint32_t key_at(const struct keyed *k, size_t size, uint32_t i)
{
    uint32_t key;
    memcpy(&key, keyed_at(k, size, i), sizeof key);
    return key;
}

static bool grow(struct keyed *k, struct mem *m, size_t size)
{
    if (k->num < k->cap)
        return true;
    uint32_t cap = k->cap ? k->cap * 2 : 1;
    void *v = mem_get(m, cap * size);
    if (!v)
        return false;
    if (k->num)
        memcpy(v, k->v, k->num * size);
    mem_put(m, k->v, k->cap * size);
    k->v = v;
    k->cap = cap;
    return true;
}

void *keyed_get(struct keyed *k, struct mem *m, size_t size, uint32_t key, bool *out_new)
{
    uint32_t lo = 0, hi = k->num;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (key_at(k, size, mid) < key)
            lo = mid + 1;
        else
            hi = mid;
    }
    *out_new = lo == k->num || key_at(k, size, lo) != key;
    if (!*out_new)
        return keyed_at(k, size, lo);
    if (!grow(k, m, size))
        return NULL;
    char *p = keyed_at(k, size, lo);
    memmove(p + size, p, (k->num++ - lo) * size);
    memset(p, 0, size);
    memcpy(p, &key, sizeof key);
    return p;
}

void keyed_wipe(struct keyed *k, struct mem *m, size_t size)
{
    mem_put(m, k->v, k->cap * size);
    memset(k, 0, sizeof *k);
}
