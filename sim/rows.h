/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rows.h - the arrangements that can be compared, one row each: which stack, in which
 * mode, and how much of it is real. B: what exists today. S: csep without a
 * context. W: with one. X: with one that fails.
 */
#ifndef SIM_ROWS_H
#define SIM_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "stack.h"

struct sim_row {
    const char *id; /* "S3" */
    const char *title;
    const struct sim_stack_ops *stack;
    const void *variant;   /* the stack's own settings for this row */
    const char *modelled;  /* NULL: real protocol code end to end; else what is a model here */
    const char *condition; /* what must be true beforehand for the row to be possible at all; NULL: nothing */
    char reference;        /* 'B': compared with B1; 'S': compared with S1, as it falls back to it */
};

/* In the order in which they are shown; up to one with id NULL. */
extern const struct sim_row sim_rows[];
const struct sim_row *sim_row_find(const char *id);
/* "B1|B2|...", for the schema. */
#define SIM_ROW_IDS                                                                                          \
    "B1|B2|B3|B4|B4-retry|B4-cert|B5|B5-retry|B6|B6-cookie|B7|B7-resumed|B8|B8-cookie|B9|"                   \
    "S1|S2|S3|S4|S5|S6|S7|S8|S9|S10|S11|S12|W1|W2|W3|W3-tfo|W4|X1|X2|X3|X4"

#endif
