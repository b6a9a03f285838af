/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * world.h - one run: a client and a server on one link, an application on each, and
 * the stack between them.
 *
 * The application's request leaves at sim_ready() plus policy.age; the run ends a while
 * after the last byte of the last reply, so that captures show how connections end.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "csep/host.h"
#include "csep/trace.h"
#include "measure.h"
#include "scenario.h"
#include "stack.h"

/* One visit of the application, as measured. */
struct sim_visit {
    uint64_t at, delay, first;
    bool hit; /* a context, or a session that allows 0-RTT, was at hand */
};

struct sim_world_options {
    uint64_t seed;
    uint64_t
        identity; /* of what is played: with equal seeds, hosts of different identity draw different bytes */
    const char *capture; /* pcap file to write, or NULL */
    const char *qlog;    /* qlog file to write, or NULL */
};

struct sim_world {
    csim *sim;
    csim_node *client, *server;
    csim_link *link;
    csim_rng *client_rng, *server_rng, *visits_rng;
    struct csep_addr client_addr, server_addr; /* port 0 */
    const struct sim_config *cfg;
    const struct sim_row *row;
    const struct sim_items *scenario_faults;
    struct sim_faults *faults; /* once they know their times */
    struct sim_measure measure;
    struct csim_counters at_send[2]; /* the link's counters when the application sent */
    uint64_t identity;
    void *stack;
    bool ready, done;
    struct sim_visit *visits; /* workload "visits" */
    size_t num_visits;
    struct sim_qlog *qlog;
    char *keylog; /* lines, as they came */
    size_t keylog_len;
    char failure[256]; /* empty: none */
    bool fault;        /* it is the simulator's, not the stack's */
};

/* Runs it to the end. False: failure says why. The measurements stay until sim_world_free(). */
bool sim_world_run(struct sim_world *w, const struct sim_row *row, const struct sim_config *cfg,
                   const struct sim_items *faults, const struct sim_world_options *o);
void sim_world_free(struct sim_world *w);

/* ---- for stacks ---- */

uint64_t sim_now(const struct sim_world *w);
/* The stack has prepared what had to exist before; the application may send. */
void sim_ready(struct sim_world *w);
/* A context, or a session for 0-RTT, was at hand for this visit. */
void sim_hit(struct sim_world *w);
/* The server's application has the first byte of the request. */
void sim_request_arrived(struct sim_world *w);
/* The client's application has a part of the reply. */
void sim_reply_arrived(struct sim_world *w, bool last);
/* Says what the next packet holds. */
void sim_hint(struct sim_world *w, enum sim_direction d, const char *text);
/* The run cannot go on. The first reason counts. */
void sim_fail(struct sim_world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A csim call that has to work. */
bool sim_check(struct sim_world *w, csim_status s);
/* No more from here on; of a connection that has ended already, nothing. */
void sim_tcp_shutdown(struct sim_world *w, csim_tcp *c);
/* Random bytes for one purpose. No two points of a seed share any, or their keys would be confused in one key
 * log. */
csim_rng *sim_rng(struct sim_world *w, const char *purpose);
/* For csep objects; `who` is the trace's object id: SIM_UP the client's, SIM_DOWN the server's. */
struct csep_random sim_random(struct sim_world *w, enum sim_direction who);
struct csep_alloc sim_alloc(void);
struct csep_trace sim_trace(struct sim_world *w, enum sim_direction who);
struct csep_keylog sim_keylog(struct sim_world *w);
void sim_keylog_line(struct sim_world *w, const char *line);

#endif
