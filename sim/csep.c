/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "csep.h"
static bool start(struct sim_world *w, const struct sim_row *row, void **s)
{
    (void)row;
    (void)s;
    sim_fail(w, "rows of csep wait for its data connections");
    return false;
}
static void nothing(void *s)
{
    (void)s;
}
const struct sim_stack_ops sim_stack_csep = {"csep", false, start, nothing, nothing};
