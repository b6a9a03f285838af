/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * csep_conn.h - hosts for libcsep's connection objects: each is bound to a pipe or a
 * UDP socket and to a timer, and driven by the host contract of csep/host.h: after
 * every input and every expiry drain the events, send the output, read the deadline.
 */
#ifndef SIM_CSEP_CONN_H
#define SIM_CSEP_CONN_H

#include "csep/csep.h"
#include "pipe.h"

/* ---- a negotiation over a pipe, either end; owns TLS connection, negotiation and pipe ---- */

struct sim_negotiation;
typedef void (*sim_negotiation_event)(void *arg, struct sim_negotiation *n,
                                      const struct csep_negotiate_event *ev);

struct sim_negotiation_setup {
    struct sim_world *w;
    enum sim_direction sends; /* SIM_UP: the client's end */
    const struct csep_tls_config *tls;
    const struct csep_negotiate_config *cfg;
    struct csep_grantor *grantor; /* server's end */
    sim_negotiation_event event;
    void *arg;
};

/* Client's end: `pipe` NULL; it connects by itself. Server's end: the accepted pipe and its peer. NULL: the
 * world failed. */
struct sim_negotiation *sim_negotiation_new(const struct sim_negotiation_setup *s, enum sim_pipe_kind kind,
                                            uint16_t port, struct sim_pipe *pipe,
                                            const struct csep_addr *peer);
/* After SHARED: gives the pipe away. */
struct sim_pipe *sim_negotiation_take_pipe(struct sim_negotiation *n);
/* What the pipe receives afterwards still goes through here: returns how many bytes of it lie behind the
 * negotiation. */
size_t sim_negotiation_pass(struct sim_negotiation *n, const uint8_t *data, size_t len, uint8_t *out,
                            size_t cap);
/* Nothing will come of it any more: its TCP connection has ended. False for ever once the pipe was given
 * away. */
bool sim_negotiation_over(const struct sim_negotiation *n);
void sim_negotiation_free(struct sim_negotiation *n);

/* Negotiations that wait for their end: one is never freed from inside its own callback. */
struct sim_negotiations {
    struct sim_negotiation **v;
    size_t num, cap;
};
/* Frees those that are over, then adds n. */
void sim_negotiations_add(struct sim_negotiations *list, struct sim_negotiation *n);
void sim_negotiations_free(struct sim_negotiations *list);

/* ---- a data connection over a pipe, either end; owns stream and pipe ---- */

struct sim_stream;
/* n application bytes arrived; their content does not matter. */
typedef void (*sim_stream_bytes)(void *arg, struct sim_stream *s, size_t n);

struct sim_stream *sim_stream_open(struct sim_world *w, const struct csep_data_config *cfg,
                                   const struct csep_slot *slot, struct sim_pipe *pipe,
                                   sim_stream_bytes bytes, void *arg);
struct sim_stream *sim_stream_accept(struct sim_world *w, const struct csep_data_config *cfg,
                                     const struct csep_slot_source *slots, struct sim_pipe *pipe,
                                     sim_stream_bytes bytes, void *arg);
/* From the stream's own bytes callback too. */
void sim_stream_write(struct sim_stream *s, size_t n);
/* The pipe was a negotiation's, whose last bytes may still come. */
void sim_stream_behind(struct sim_stream *s, struct sim_negotiation *n);
void sim_stream_close(struct sim_stream *s);
void sim_stream_free(struct sim_stream *s);

#endif
