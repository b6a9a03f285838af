/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/replay.h"

#include <string.h>

bool replay_init(struct replay *r, struct mem *m, uint32_t size)
{
    memset(r, 0, sizeof *r);
    r->size = size;
    if (size == 64)
        return true;
    r->bits = mem_get(m, size / 8);
    if (r->bits)
        memset(r->bits, 0, size / 8);
    return r->bits != NULL;
}

void replay_wipe(struct replay *r, struct mem *m)
{
    mem_put(m, r->bits, r->size / 8);
    memset(r, 0, sizeof *r);
}

bool replay_seen(const struct replay *r, uint64_t number)
{
    if (number >= r->next)
        return false;
    if (r->next - number > r->size)
        return true;
    const uint64_t *w = r->bits ? r->bits : &r->small;
    return w[(number & (r->size - 1)) / 64] >> (number % 64) & 1;
}

void replay_mark(struct replay *r, uint64_t number)
{
    uint64_t *w = r->bits ? r->bits : &r->small;
    if (number >= r->next) {
        if (number - r->next >= r->size)
            memset(w, 0, r->size / 8);
        else
            for (uint64_t v = r->next; v < number; v++)
                w[(v & (r->size - 1)) / 64] &= ~(UINT64_C(1) << (v % 64));
        r->next = number + 1;
    }
    w[(number & (r->size - 1)) / 64] |= UINT64_C(1) << (number % 64);
}
