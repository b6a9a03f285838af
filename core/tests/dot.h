/* SPDX-License-Identifier: BSD-2-Clause */
/* Drawing a state table in Graphviz's language, from the table itself. */
#ifndef CSEP_TESTS_DOT_H
#define CSEP_TESTS_DOT_H

#include <stddef.h>

struct dot_table {
    const char *title;
    unsigned num_states, num_inputs;
    const char *(*state)(unsigned s); /* NULL: not a state of this table */
    const char *(*input)(unsigned i);
    int (*next)(unsigned s, unsigned i); /* -1: no edge */
};

/* One edge for each pair of states, with all inputs that lead there. Returns the length; out is terminated.
 */
size_t dot_draw(const struct dot_table *t, char *out, size_t cap);

#endif
