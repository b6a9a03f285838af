/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.h - what a run leaves behind: tables for people, JSON and CSV for programs (docs/results-format.md).
 */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include "plan.h"

/* Writes rows.json, rows.csv, runs.json, ladders.json, table.txt and, with visits, breakeven.json into `out`,
 * and the table to `stream`. False: a file could not be written, and stderr says which. */
bool sim_report(const struct sim_plan *plan, const char *out, void *stream);

#endif
