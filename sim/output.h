/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * output.h - files that are whole or not there: written as NAME.part, which takes
 * NAME's place at the end. Whoever stops the program in between leaves an old NAME or none.
 */
#ifndef SIM_OUTPUT_H
#define SIM_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define SIM_OUTPUT_PART ".part"

/* NULL: said on stderr. */
FILE *sim_output_open(const char *path);
/* False, and nothing has changed, when any write failed: said on stderr. */
bool sim_output_close(FILE *f, const char *path);
/* The same for JSON; flags are jansson's. */
bool sim_output_json(const json_t *j, const char *path, size_t flags);
/* PATH.part, which somebody else has written, takes its place. */
bool sim_output_finish(const char *path);

#endif
