/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csep_hosts.h - the two hosts of a csep run. Both applications are in here: a request, its reply. */
#ifndef SIM_CSEP_HOSTS_H
#define SIM_CSEP_HOSTS_H

#include "csep.h"
#include "csep_conn.h"

#define SIM_NEGOTIATE_PORT 4433
#define SIM_UDP_PORT       4433
#define SIM_TCP_PORT       4434
#define SIM_MESSAGE        1000u /* the server's application replies in messages of so many bytes at most */

/* ---- server ---- */

struct sim_server;
struct sim_server *sim_server_new(struct sim_world *w, const struct sim_csep *mode);
void sim_server_free(struct sim_server *s);
/* It crashes and comes back: contexts and connections are forgotten, its identity is not. */
void sim_server_restart(struct sim_server *s);
/* Who it is: what a client pins. */
void sim_server_identity(const struct sim_server *s, struct csep_identity *out);

/* ---- client ---- */

struct sim_client;
struct sim_client *sim_client_new(struct sim_world *w, const struct sim_csep *mode,
                                  const struct csep_identity *server);
void sim_client_free(struct sim_client *c);
/* Negotiates for later; calls sim_ready() once the context is there. */
void sim_client_prepare(struct sim_client *c);
/* The application's send call. */
void sim_client_request(struct sim_client *c);

/* Data connections of both ends begin with this. */
struct csep_data_config sim_data_config(struct sim_world *w, enum sim_direction who);

#endif
