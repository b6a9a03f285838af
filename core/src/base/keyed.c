/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/keyed.h"

#include <string.h>

#define FEW 8u /* elements that are looked through one by one */

static uint32_t key_at(const struct keyed *k, size_t size, uint32_t i)
{
    uint32_t key;
    memcpy(&key, keyed_at(k, size, i), sizeof key);
    return key;
}

/* Twice as many places as elements, so that there is always a free one. */
static uint32_t num_places(const struct keyed *k)
{
    return 2 * k->cap;
}

static uint32_t home(const struct keyed *k, uint32_t key)
{
    return (key * UINT32_C(2654435761)) >> 8 & (num_places(k) - 1);
}

/* Where the key stands in the index, or the free place for it. */
static uint32_t place(const struct keyed *k, size_t size, uint32_t key)
{
    uint32_t i = home(k, key);
    while (k->index[i] && key_at(k, size, k->index[i] - 1) != key)
        i = (i + 1) & (num_places(k) - 1);
    return i;
}

/* The element of that key, or num. */
static uint32_t find(const struct keyed *k, size_t size, uint32_t key)
{
    uint32_t i = 0;
    if (k->index) {
        i = k->index[place(k, size, key)];
        return i ? i - 1 : k->num;
    }
    while (i < k->num && key_at(k, size, i) != key)
        i++;
    return i;
}

static bool grow(struct keyed *k, struct mem *m, size_t size)
{
    if (k->num < k->cap)
        return true;
    struct keyed old = *k;
    uint32_t cap = old.cap ? old.cap * 2 : 1;
    void *v = mem_get(m, cap * size);
    uint32_t *index = v && cap > FEW ? mem_get(m, 2 * cap * sizeof *index) : NULL;
    if (!v || (cap > FEW && !index)) {
        mem_put(m, v, cap * size);
        return false;
    }
    if (old.num)
        memcpy(v, old.v, old.num * size);
    *k = (struct keyed){v, index, old.num, cap};
    if (index)
        memset(index, 0, 2 * cap * sizeof *index);
    for (uint32_t i = 0; index && i < k->num; i++)
        index[place(k, size, key_at(k, size, i))] = i + 1;
    keyed_wipe(&old, m, size);
    return true;
}

void *keyed_get(struct keyed *k, struct mem *m, size_t size, uint32_t key, bool *out_new)
{
    uint32_t i = find(k, size, key);
    *out_new = i == k->num;
    if (!*out_new)
        return keyed_at(k, size, i);
    if (!grow(k, m, size))
        return NULL;
    if (k->index)
        k->index[place(k, size, key)] = i + 1;
    void *p = keyed_at(k, size, k->num++);
    memset(p, 0, size);
    memcpy(p, &key, sizeof key);
    return p;
}

void keyed_wipe(struct keyed *k, struct mem *m, size_t size)
{
    mem_put(m, k->v, k->cap * size);
    mem_put(m, k->index, k->index ? num_places(k) * sizeof *k->index : 0);
    memset(k, 0, sizeof *k);
}
