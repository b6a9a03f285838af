/* SPDX-License-Identifier: GPL-2.0-or-later */
/* faults.h - what a scenario lets go wrong, handed to the link. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "world.h"

/* The application will send at `send_at`: from now on faults know their times. */
void sim_faults_begin(struct sim_world *w, uint64_t send_at);
void sim_faults_free(struct sim_world *w);

#endif
