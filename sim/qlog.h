/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qlog.h - trace events of the core as a qlog file (JSON text sequences, RFC 7464), and as labels of packets.
 */
#ifndef SIM_QLOG_H
#define SIM_QLOG_H

#include "world.h"

struct sim_qlog;
/* NULL: the file cannot be written, and the world has failed. */
struct sim_qlog *sim_qlog_open(struct sim_world *w, const char *path);
void sim_qlog_close(struct sim_qlog *q);
/* The `emit` of csep_trace; self is the world, and its qlog may be NULL. */
void sim_qlog_event(void *self, const struct csep_trace_event *ev);

#endif
