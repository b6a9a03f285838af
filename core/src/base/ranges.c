/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ranges.h"

#include <string.h>

static struct range *items(struct ranges *s)
{
    return s->more ? s->more : s->few;
}

void ranges_init(struct ranges *s)
{
    s->more = NULL;
    s->num = 0;
    s->cap = RANGES_INLINE;
}

void ranges_wipe(struct ranges *s, struct mem *m)
{
    mem_put(m, s->more, s->cap * sizeof(struct range));
    ranges_init(s);
}

/* First range whose hi is at or above v. */
static uint32_t at_or_above(const struct ranges *s, uint64_t v)
{
    uint32_t lo = 0, hi = s->num;
    if (hi && ranges_at(s, hi - 1)->hi < v)
        return hi;
    if (hi > 1 && ranges_at(s, hi - 2)->hi < v)
        return hi - 1;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (ranges_at(s, mid)->hi < v)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool grow(struct ranges *s, struct mem *m, uint32_t max)
{
    if (s->num < s->cap)
        return s->num < max;
    uint32_t cap = s->cap * 2;
    struct range *r = s->num < max ? mem_get(m, cap * sizeof *r) : NULL;
    if (!r)
        return false;
    memcpy(r, items(s), s->num * sizeof *r);
    mem_put(m, s->more, s->cap * sizeof *r);
    s->more = r;
    s->cap = cap;
    return true;
}

/* A set that became small again gives its memory back. */
static void shrink(struct ranges *s, struct mem *m)
{
    if (!s->more || s->num > RANGES_INLINE)
        return;
    memcpy(s->few, s->more, s->num * sizeof(struct range));
    mem_put(m, s->more, s->cap * sizeof(struct range));
    s->more = NULL;
    s->cap = RANGES_INLINE;
}

static bool insert(struct ranges *s, struct mem *m, uint32_t max, uint32_t at, struct range r)
{
    if (!grow(s, m, max))
        return false;
    struct range *v = items(s);
    memmove(v + at + 1, v + at, (s->num - at) * sizeof *v);
    v[at] = r;
    s->num++;
    return true;
}

static void erase(struct ranges *s, uint32_t at, uint32_t n)
{
    struct range *v = items(s);
    memmove(v + at, v + at + n, (s->num - at - n) * sizeof *v);
    s->num -= n;
}

bool ranges_add(struct ranges *s, struct mem *m, uint32_t max, uint64_t lo, uint64_t hi)
{
    if (lo >= hi)
        return true;
    struct range *v = items(s);
    uint32_t i = at_or_above(s, lo), j = i;
    if (i == s->num || v[i].lo > hi)
        return insert(s, m, max, i, (struct range){lo, hi});
    if (v[i].lo < lo)
        lo = v[i].lo;
    while (j < s->num && v[j].lo <= hi)
        j++;
    if (v[j - 1].hi > hi)
        hi = v[j - 1].hi;
    v[i] = (struct range){lo, hi};
    if (j - i > 1) {
        erase(s, i + 1, j - i - 1);
        shrink(s, m);
    }
    return true;
}

bool ranges_remove(struct ranges *s, struct mem *m, uint32_t max, uint64_t lo, uint64_t hi)
{
    struct range *v = items(s);
    uint32_t i = at_or_above(s, lo), j;
    if (i < s->num && v[i].hi == lo)
        i++;
    if (lo >= hi || i == s->num || v[i].lo >= hi)
        return true;
    if (v[i].lo < lo && v[i].hi > hi) {
        struct range upper = {hi, v[i].hi};
        if (!insert(s, m, max, i + 1, upper))
            return false;
        items(s)[i].hi = lo;
        return true;
    }
    if (v[i].lo < lo)
        v[i++].hi = lo;
    for (j = i; j < s->num && v[j].hi <= hi; j++)
        ;
    if (j < s->num && v[j].lo < hi)
        v[j].lo = hi;
    erase(s, i, j - i);
    shrink(s, m);
    return true;
}

void ranges_drop_lowest(struct ranges *s, struct mem *m)
{
    if (s->num) {
        erase(s, 0, 1);
        shrink(s, m);
    }
}

bool ranges_cover(const struct ranges *s, uint64_t lo, uint64_t hi)
{
    struct range gap;
    return !ranges_gap(s, lo, hi, &gap);
}

bool ranges_gap(const struct ranges *s, uint64_t lo, uint64_t hi, struct range *out)
{
    uint32_t i = at_or_above(s, lo);
    if (i < s->num && ranges_at(s, i)->lo <= lo && ranges_at(s, i)->hi > lo) {
        lo = ranges_at(s, i)->hi;
        i++;
    } else if (i < s->num && ranges_at(s, i)->hi == lo) {
        i++;
    }
    if (lo >= hi)
        return false;
    *out = (struct range){lo, i < s->num && ranges_at(s, i)->lo < hi ? ranges_at(s, i)->lo : hi};
    return true;
}
