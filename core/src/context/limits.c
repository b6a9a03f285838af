/* SPDX-License-Identifier: BSD-2-Clause */
#include "context/limits.h"

/* Probe time-out of RFC 9002 section 6.2 for a first sample: rtt + 4 * rtt/2 and the largest delay of an ACK.
 */
static csep_time probe_timeout(csep_time rtt)
{
    if (!rtt)
        rtt = CSEP_MS(333);
    return csep_time_add(rtt > CSEP_NEVER / 4 ? CSEP_NEVER : 3 * rtt, CSEP_MS(25));
}

csep_time limits_margin(csep_time lifetime, csep_time rtt)
{
    csep_time pto = probe_timeout(rtt), margin = CSEP_SEC(5);
    //= CTX-15
    if (pto > margin / 4)
        margin = pto > CSEP_NEVER / 4 ? CSEP_NEVER : 4 * pto;
    return csep_time_min(margin, lifetime / 4);
}

csep_time limits_soft_age(csep_time lifetime, csep_time refresh, csep_time hard)
{
    //= CTX-18
    csep_time soft = refresh ? refresh : lifetime / 4 * 3;
    return csep_time_min(soft, hard);
}

static void add(uint64_t *a, uint64_t b)
{
    *a = *a > UINT64_MAX - b ? UINT64_MAX : *a + b;
}

void limits_add(struct csep_usage *a, const struct csep_usage *b)
{
    add(&a->bytes, b->bytes);
    add(&a->packets, b->packets);
    add(&a->forgeries, b->forgeries);
}

static uint64_t left(uint64_t limit, uint64_t used)
{
    return used < limit ? limit - used : 0;
}

struct csep_usage limits_left(const struct csep_usage *limit, const struct csep_usage *used)
{
    return (struct csep_usage){
        left(limit->bytes, used->bytes),
        left(limit->packets, used->packets),
        left(limit->forgeries, used->forgeries),
    };
}

static enum limit reached(uint64_t limit, uint64_t used)
{
    /* A limit of 2^64-1 is none: nothing counts that far. */
    if (limit == UINT64_MAX || used < limit - limit / 4)
        return LIMIT_NONE;
    return used < limit ? LIMIT_SOFT : LIMIT_HARD;
}

enum limit limits_of_use(const struct csep_usage *limit, const struct csep_usage *used)
{
    //= CTX-19, KEY-7, KEY-8
    enum limit b = reached(limit->bytes, used->bytes), p = reached(limit->packets, used->packets),
               f = reached(limit->forgeries, used->forgeries);
    enum limit most = b > p ? b : p;
    return most > f ? most : f;
}
