/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two negotiation ends in virtual time, joined by a pair of byte pipes that behave as TCP does: in order,
 * delayed, cut into pieces anywhere, ended by either side or by fate.
 *
 * A test fills in world_options, runs, and looks at the events that each end's host got, with their times.
 * Time is a number; nothing sleeps; the same seed gives the same run.
 */
#ifndef CSEP_TESTS_WORLD_H
#define CSEP_TESTS_WORLD_H

#include "csep/negotiate.h"
#include "fake_secure.h"
#include "support.h"
#include "tls_peer.h"

/* ---- A byte pipe ---- */

struct pipe_piece {
    csep_time at; /* when it arrives */
    size_t len;
    uint8_t *b; /* len 0: end of file */
};

struct pipe {
    struct pipe_piece *pieces;
    size_t first, num, cap;
    csep_time delay;
    size_t piece_max; /* longest piece delivered; 0: no limit */
    size_t flip_bit;  /* this bit of what is carried arrives turned, counted from 1; 0: none */
    size_t cut_at;    /* bytes after which the connection is dead, as by a reset; SIZE_MAX: never */
    size_t carried;
    bool ended; /* end of file was sent */
};

void pipe_send(struct pipe *p, const uint8_t *b, size_t n, csep_time now);
void pipe_end(struct pipe *p, csep_time now);
/* When the next piece arrives, or CSEP_NEVER. */
csep_time pipe_next(const struct pipe *p);
/* The next piece, if it is there by now: the caller frees b. False: none. */
bool pipe_take(struct pipe *p, csep_time now, struct pipe_piece *out);
void pipe_free(struct pipe *p);

/* ---- Two ends ---- */

struct world_event {
    csep_time at;
    enum csep_negotiate_event_type type;
    csep_status status;
    uint16_t code;
    uint32_t request_id;
    uint8_t handle[CSEP_HANDLE_LEN];
    struct csep_grant grant; /* GRANTED */
    uint8_t secret[32];
    struct csep_ticket tickets[32];
    unsigned num_tickets;
    struct csep_identity peer;
    csep_time rtt;
};

#define WORLD_EVENTS 48

struct world_end {
    struct csep_negotiate *n;
    struct csep_secure *secure;
    struct fake_secure *fake; /* NULL: a real engine */
    struct end *tls;
    struct pipe *in, *out;
    struct world_event events[WORLD_EVENTS];
    unsigned num_events;
    bool open;        /* its TCP connection is */
    bool handed_over; /* SHARED: output belongs to the data connection once drained */
    size_t sent, flights;
    csep_time last_sent;
};

struct world_options {
    uint64_t seed;
    csep_time delay; /* one way; default 25 ms */
    size_t piece_max;
    bool real_tls;
    bool client_key;         /* the client has an identity */
    bool need_client_key;    /* real TLS: the server takes no client without one */
    struct end_store *store; /* real TLS: where the client's resumption tickets go, and come from */
    bool late_write;         /* fake server without 0.5-RTT data */
    size_t flight_padding;
    size_t cut_client_at, cut_server_at;         /* of what that end sends; 0: never */
    size_t flip_client_bit, flip_server_bit;     /* of what that end sends, from 1; 0: none */
    struct csep_negotiate_config client, server; /* random, alloc, trace, keylog are filled in */
    struct csep_grantor_config grantor;          /* the same */
    struct csep_grantor *shared_grantor;         /* instead of an own one */
    csep_time start;
};

struct world {
    struct world_options o;
    csep_time now;
    struct pipe up, down; /* client to server, server to client */
    struct world_end client, server;
    struct csep_grantor *grantor;
    struct test_alloc alloc;
    struct test_random random;
    struct test_trace trace;
    struct test_keylog keylog[2]; /* client, server */
};

/* Everything by default: UDP and TCP granted, shared TCP offered, 8 tickets. */
struct world_options world_options_default(void);
struct world *world_new(const struct world_options *o);
/* Until nothing more happens by itself but time-outs, or until that time. */
void world_run(struct world *w, csep_time until);
/* Let time-outs happen, too. */
void world_run_timeouts(struct world *w, csep_time until);
/* Everything given back: fails the test when something leaked. */
void world_free(struct world *w);

/* The n-th (from 0) event of a type, or NULL. */
const struct world_event *world_event(const struct world_end *e, enum csep_negotiate_event_type type,
                                      unsigned n);
unsigned world_count(const struct world_end *e, enum csep_negotiate_event_type type);
#endif
