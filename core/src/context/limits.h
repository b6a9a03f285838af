/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a context is to be refreshed (soft) and when it is over (hard): by age, bytes, packets and forgeries,
 * whichever comes first (CTX-19).
 */
#ifndef CSEP_CONTEXT_LIMITS_H
#define CSEP_CONTEXT_LIMITS_H

#include "csep/slot.h"

enum limit { LIMIT_NONE, LIMIT_SOFT, LIMIT_HARD };

/* What the opener keeps back from a lifetime, so that the acceptor never has to refuse (CTX-15). rtt 0: not
 * known. */
csep_time limits_margin(csep_time lifetime, csep_time rtt);
/* Soft limit by age, relative to the grant; refresh 0: not given. Never behind the hard one. */
csep_time limits_soft_age(csep_time lifetime, csep_time refresh, csep_time hard);

/* a += b, saturating. */
void limits_add(struct csep_usage *a, const struct csep_usage *b);
/* What is left of `limit`. */
struct csep_usage limits_left(const struct csep_usage *limit, const struct csep_usage *used);
enum limit limits_of_use(const struct csep_usage *limit, const struct csep_usage *used);

#endif
