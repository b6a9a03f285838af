/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli.h - the command line of csep-sim, apart from main() so that tests can call it. */
#ifndef SIM_CLI_H
#define SIM_CLI_H

/* Returns the exit status. out: FILE * for what the user asked to see; errors go to stderr. */
int sim_cli(int argc, char **argv, void *out);

#endif
