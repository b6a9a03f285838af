/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pipe.h - a byte stream between client and server: ns-3's TCP, or a model of a
 * transport that ns-3 has not, so that real protocol bytes can ride on it.
 *
 *   TCP        as ns-3 has it
 *   FAST_OPEN  TCP whose SYN carries data, its cookie known: no wait before the first bytes
 *   SCTP       INIT, INIT ACK, COOKIE ECHO with data: four-way handshake, one round trip before data
 *   QUIC       no wait; the first flight fills 1200 bytes (for TLS messages that travel in Initial packets)
 *
 * The models send UDP datagrams of the size that the segments would have. They
 * neither repeat nor order: only for links without loss.
 */
#ifndef SIM_PIPE_H
#define SIM_PIPE_H

#include "world.h"

enum sim_pipe_kind { SIM_PIPE_TCP, SIM_PIPE_FAST_OPEN, SIM_PIPE_SCTP, SIM_PIPE_QUIC };

struct sim_pipe; /* one end */

/* Each may be NULL. After `ended` the pipe only waits for sim_pipe_free(). */
struct sim_pipe_events {
    void (*connected)(void *arg, struct sim_pipe *p);
    void (*received)(void *arg, struct sim_pipe *p, const uint8_t *data, size_t len);
    void (*finished)(void *arg, struct sim_pipe *p); /* no more will come */
    void (*ended)(void *arg, struct sim_pipe *p);
};

/* A server's end for each pipe that a client opens to `port`. accepted() sets events by
 * sim_pipe_events_set(). */
struct sim_pipe_listener;
typedef void (*sim_pipe_accepted)(void *arg, struct sim_pipe *p, const struct csep_addr *peer);
struct sim_pipe_listener *sim_pipe_listen(struct sim_world *w, enum sim_pipe_kind kind, uint16_t port,
                                          sim_pipe_accepted accepted, void *arg);
void sim_pipe_listener_free(struct sim_pipe_listener *l);

/* A client's end. NULL: the world has failed. */
struct sim_pipe *sim_pipe_connect(struct sim_world *w, enum sim_pipe_kind kind, uint16_t port,
                                  const struct sim_pipe_events *events, void *arg);
void sim_pipe_events_set(struct sim_pipe *p, const struct sim_pipe_events *events, void *arg);
/* Everything is taken, or the world fails. */
void sim_pipe_send(struct sim_pipe *p, const uint8_t *data, size_t len);
void sim_pipe_shutdown(struct sim_pipe *p);
void sim_pipe_free(struct sim_pipe *p);

#endif
