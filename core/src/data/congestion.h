/* SPDX-License-Identifier: BSD-2-Clause */
/* NewReno as RFC 9002 section 7 has it, in integers. //= DATA-75 */
#ifndef CSEP_DATA_CONGESTION_H
#define CSEP_DATA_CONGESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "csep/time.h"

struct congestion {
    uint64_t cwnd, ssthresh, in_flight, credit; /* credit: bytes acknowledged towards the next segment */
    csep_time recovery_start;                   /* packets sent until then do not change the window */
    uint32_t unit;                              /* largest payload of a datagram on this path */
    bool in_recovery;                           /* recovery_start means something */
};

void congestion_init(struct congestion *c, uint32_t unit);
void congestion_sent(struct congestion *c, uint32_t bytes);
void congestion_acked(struct congestion *c, uint32_t bytes, csep_time sent);
void congestion_lost(struct congestion *c, uint32_t bytes, csep_time sent, csep_time now);
/* No signal about the path: keys were discarded or the peer did not take it. */
void congestion_forgotten(struct congestion *c, uint32_t bytes);
/* Nothing was in flight for a while: what may leave at once, without pacing, is a first window again
 * (RFC 9002 section 7.7, RFC 5681 section 4.1). */
void congestion_idle(struct congestion *c);
/* Everything over a persistent-congestion period was lost (RFC 9002 section 7.6). */
void congestion_collapse(struct congestion *c);
static inline bool congestion_allows(const struct congestion *c)
{
    return c->in_flight < c->cwnd;
}

#endif
