/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/congestion.h"

#include <string.h>

static uint64_t initial_window(uint32_t unit)
{
    uint64_t least = 2 * (uint64_t)unit, most = 10 * (uint64_t)unit, w = least > 14720 ? least : 14720;
    return w < most ? w : most;
}

void congestion_init(struct congestion *c, uint32_t unit)
{
    memset(c, 0, sizeof *c);
    c->unit = unit;
    c->cwnd = initial_window(unit);
    c->ssthresh = UINT64_MAX;
}

void congestion_idle(struct congestion *c)
{
    uint64_t most = initial_window(c->unit);
    if (c->cwnd <= most)
        return;
    if (c->ssthresh < c->cwnd / 4 * 3)
        c->ssthresh = c->cwnd / 4 * 3; /* it may come back to that quickly */
    c->cwnd = most;
    c->credit = 0;
}

void congestion_sent(struct congestion *c, uint32_t bytes)
{
    c->in_flight += bytes;
}

/* A window that is not used must not grow (RFC 9002 section 7.8). */
static bool used(const struct congestion *c)
{
    if (c->cwnd < c->ssthresh)
        return c->in_flight * 2 >= c->cwnd;
    return c->in_flight + 3 * (uint64_t)c->unit >= c->cwnd;
}

void congestion_acked(struct congestion *c, uint32_t bytes, csep_time sent)
{
    bool grow = used(c);
    c->in_flight -= bytes;
    if (c->in_recovery && sent <= c->recovery_start)
        return;
    if (!grow)
        return;
    if (c->cwnd < c->ssthresh) {
        c->cwnd += bytes;
        return;
    }
    c->credit += bytes;
    if (c->credit >= c->cwnd) {
        c->credit -= c->cwnd;
        c->cwnd += c->unit;
    }
}

void congestion_lost(struct congestion *c, uint32_t bytes, csep_time sent, csep_time now)
{
    c->in_flight -= bytes;
    if (c->in_recovery && sent <= c->recovery_start)
        return;
    c->in_recovery = true;
    c->recovery_start = now;
    c->credit = 0;
    c->cwnd /= 2;
    if (c->cwnd < 2 * (uint64_t)c->unit)
        c->cwnd = 2 * (uint64_t)c->unit;
    c->ssthresh = c->cwnd;
}

void congestion_forgotten(struct congestion *c, uint32_t bytes)
{
    c->in_flight -= bytes;
}

void congestion_collapse(struct congestion *c)
{
    c->cwnd = 2 * (uint64_t)c->unit;
    c->in_recovery = false;
}
