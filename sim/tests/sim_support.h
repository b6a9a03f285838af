/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sim_support.h - temporary folders, files with given text, and csep-sim as a function whose words are
 * caught. */
#ifndef SIM_TESTS_SUPPORT_H
#define SIM_TESTS_SUPPORT_H

#include <stddef.h>

#define SIM_CAUGHT_MAX 65536

/* What the last sim_call() wrote to its output and to stderr. */
extern char sim_out[SIM_CAUGHT_MAX], sim_err[SIM_CAUGHT_MAX];

/* A fresh folder of this test process; removed at exit. */
const char *sim_folder(void);
/* Writes text to NAME in that folder, returns the path (until the next call). */
const char *sim_file(const char *name, const char *text);
/* csep-sim with these arguments, up to NULL. Returns its exit status. */
int sim_call(const char *first, ...);

#endif
