/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * breakeven.h - when do kept contexts beat QUIC? Visits come at random; csep waits 0 with
 * a context and 2R without, QUIC 0 with 0-RTT and 1R without. By analysis csep is not
 * slower when its hit ratio h is at least (1 + g) / 2, with g the share of 0-RTT visits.
 */
#ifndef SIM_BREAKEVEN_H
#define SIM_BREAKEVEN_H

#include "plan.h"

/* Each measured csep visit point against each measured QUIC one of the same RTT and IP version. Empty without
 * both. */
json_t *sim_breakeven(const struct sim_plan *plan);
void sim_breakeven_print(const struct sim_plan *plan, void *stream);

#endif
