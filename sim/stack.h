/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack.h - how a protocol stack takes part in a run: both ends of it, between an
 * application that sends a request and one that answers it. A model and a real
 * implementation look the same from here, so one can take the other's place.
 *
 *   world        stack                      stack to world
 *     start() -->  listen; do now what must have happened before (a negotiation, a ticket)
 *                                           sim_ready() once the application may send
 *     send()  -->  the request              sim_request_arrived() at the server, sim_reply_arrived() at the
 * client stop()  -->  free everything
 *
 * send() comes once, or once a visit; a stack that cannot do it again says so with `once`.
 */
#ifndef SIM_STACK_H
#define SIM_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_world;
struct sim_row;

struct sim_stack_ops {
    const char *name;
    bool once;
    /* False: it could not be set up; sim_fail() has said why. */
    bool (*start)(struct sim_world *w, const struct sim_row *row, void **out_self);
    void (*send)(void *self);
    void (*stop)(void *self);
};

extern const struct sim_stack_ops sim_stack_model;   /* flights of a table: model.c */
extern const struct sim_stack_ops sim_stack_csep;    /* libcsep: csep.c */
extern const struct sim_stack_ops sim_stack_openssl; /* libssl: openssl.c */

#endif
