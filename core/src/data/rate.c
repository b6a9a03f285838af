/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/rate.h"

#include "base/prefix.h"

static bool take(struct rate *r, uint32_t most, csep_time now)
{
    if (now - r->since >= CSEP_SEC(1))
        *r = (struct rate){now, 0};
    if (r->used >= most)
        return false;
    r->used++;
    return true;
}

static struct rate *of_prefix(struct rates *r, const struct csep_addr *from)
{
    struct prefix p = prefix_of(from, r->bits_v4, r->bits_v6);
    return &r->by_prefix[siphash(&r->key, p.b, sizeof p.b) % RATE_BUCKETS];
}

bool rates_take(struct rates *r, const struct csep_addr *from, csep_time now)
{
    return take(of_prefix(r, from), r->per_second_prefix, now) && take(&r->all, r->per_second, now);
}
