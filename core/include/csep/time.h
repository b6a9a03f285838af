/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csep/time.h - how libcsep tells time: it does not.
 *
 * The host passes `now` into every call that needs it: nanoseconds on a clock
 * that never runs backwards and keeps running through suspend (CLOCK_BOOTTIME on
 * Linux, virtual time in a simulator). Wall-clock time is never used (CTX-14).
 * The origin is the host's choice; it must be the same for all objects that
 * share contexts.
 */
#ifndef CSEP_TIME_H
#define CSEP_TIME_H

#include <stdint.h>

typedef uint64_t csep_time; /* nanoseconds */

#define CSEP_NEVER  UINT64_MAX /* a deadline that does not exist */
#define CSEP_US(n)  ((csep_time)(n)*1000u)
#define CSEP_MS(n)  ((csep_time)(n)*1000000u)
#define CSEP_SEC(n) ((csep_time)(n)*1000000000u)

/* a + d, saturating just below CSEP_NEVER, so that a sum is never "never". */
static inline csep_time csep_time_add(csep_time a, csep_time d)
{
    return d >= CSEP_NEVER - 1 - a ? CSEP_NEVER - 1 : a + d;
}

static inline csep_time csep_time_min(csep_time a, csep_time b)
{
    return a < b ? a : b;
}

#endif
