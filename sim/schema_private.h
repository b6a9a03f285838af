/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema_private.h - single keys of a table, for the two files behind schema.h. */
#ifndef SIM_SCHEMA_PRIVATE_H
#define SIM_SCHEMA_PRIVATE_H

#include "schema.h"

const struct sim_key *sim_key_find(const struct sim_table *t, const char *path);
/* The table's paths, for sim_nearest(). */
const char *sim_key_paths(const void *table, size_t i);
/* Reads text into the key's place at base; on failure says why in err. */
bool sim_key_set(const struct sim_key *k, void *base, const char *text, char *err, size_t cap);
bool sim_key_add_name(const struct sim_key *k, struct sim_names *n, const char *text, char *err, size_t cap);
const char *sim_type_name(enum sim_type t);

#endif
