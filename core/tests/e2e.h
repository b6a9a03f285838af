/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole hosts in virtual time: clients with TLS, negotiation, store and data connections; servers with
 * TLS, negotiation, grantor, acceptor and streams; between them UDP, whose n-th datagram may be dropped,
 * doubled, late or changed, and TCP, whose bytes arrive in order or not at all, in pieces of any size.
 *
 * A test changes the configurations between e2e_init() and e2e_start(), makes the hosts do something, runs,
 * and looks at what the applications got. What no test may ever see is checked all the time (e2e_check.h),
 * and once more by e2e_done().
 */
#ifndef CSEP_TESTS_E2E_H
#define CSEP_TESTS_E2E_H

#include "csep/csep.h"
#include "e2e_check.h"
#include "net.h"
#include "world.h"

#define E2E_SERVERS   2
#define E2E_CLIENTS   2
#define E2E_PORT      4433 /* negotiation, and data over UDP */
#define E2E_DATA_PORT 4434 /* data over TCP */
#define E2E_CONNS     256
#define E2E_TCPS      256
#define E2E_EVENTS    16

enum e2e_cold { E2E_SEPARATE, E2E_PARALLEL, E2E_SHARED };

struct e2e;
struct e2e_neg;
struct e2e_conn;

/* ---- TCP: side 0 is the client, side 1 the server ---- */

struct e2e_tcp {
    unsigned index, client, server;
    bool data_port;
    csep_time open_at[2]; /* when that side sees the connection open */
    bool open[2], closed[2];
    struct pipe pipe[2]; /* what that side sends */
    size_t sent[2];
    uint8_t head[2][4096]; /* what each side sent first */
    size_t flip_at[2];     /* bit of what that side sends that arrives as its opposite; SIZE_MAX: none */
    bool reset;            /* a pipe that is cut kills the other direction, too */
    struct e2e_neg *neg[2];
    struct e2e_conn *conn[2];
    struct check_stream *check[2];
};

/* ---- An end of a negotiation ---- */

struct e2e_neg {
    bool is_server;
    struct e2e_tcp *tcp;
    struct csep_tls *tls;
    struct csep_negotiate *n;
    unsigned events[E2E_EVENTS];     /* by type */
    bool over, handed_over, goes_on; /* goes_on: client in shared mode, whose negotiation still hears */
    csep_status status;
    uint16_t code;
    csep_time granted_at, over_at;
    struct csep_grant grant;
};

/* ---- An end of a data connection ---- */

struct e2e_message {
    uint32_t id; /* of the payload */
    bool early;
};

struct e2e_conn {
    bool is_opener, over_tcp;
    enum csep_service service;
    unsigned client, server;
    struct csep_data *d;
    struct csep_stream *s;
    struct e2e_tcp *tcp;
    struct csep_addr addr; /* opener, UDP */
    struct csep_usage used;
    unsigned events[E2E_EVENTS];
    bool early, dead;
    csep_status status;
    uint64_t code;
    bool by_peer;
    csep_time asked_at, first_sent, first_got, closed_at;
    /* application: messages that arrived, or bytes of a stream */
    struct e2e_message *got;
    unsigned num_got, num_said;
    uint32_t out_id, in_id; /* stream: payload that is written, and read */
    size_t out_at, out_len, in_len, in_early;
    bool read_slowly; /* the application takes nothing */
    bool stay;        /* opener: do not close when all that was said came back */
    uint8_t *rx;      /* TCP bytes that the stream did not take yet */
    size_t rx_len;
};

/* ---- Hosts ---- */

struct e2e_server {
    struct csep_addr addr;
    struct csep_tls_identity identity;
    struct csep_identity id;
    struct csep_tls_config tls;
    struct csep_negotiate_config negotiate;
    struct csep_grantor_config grantor_cfg;
    struct csep_acceptor_config acceptor_cfg;
    struct csep_grantor *grantor;
    struct csep_acceptor *acceptor;
    bool mute;      /* its application answers nothing */
    bool down;      /* takes nothing */
    bool unchecked; /* what is sent to it or by it replays keys on purpose */
};

struct e2e_client {
    struct csep_addr addr;
    struct csep_tls_identity identity;
    struct csep_tls_config tls;
    struct csep_negotiate_config negotiate;
    struct csep_data_config data;
    struct csep_store *store;
    struct csep_context *context[E2E_SERVERS]; /* one for each server */
    bool renegotiate;                          /* when a ticket is refused */
    unsigned negotiations;
};

/* ---- The world ---- */

typedef enum net_fault (*e2e_judge)(struct e2e *w, unsigned n, enum net_way way, uint8_t *p, size_t *len);

struct e2e {
    csep_time now, delay;
    uint64_t seed;
    size_t piece_max; /* of TCP connections made from now on; 0: no limit */
    struct test_random random, wire_random;
    struct csep_random rnd;
    struct test_alloc mem;
    struct csep_alloc alloc;
    struct check check;
    struct e2e_server server[E2E_SERVERS];
    struct e2e_client client[E2E_CLIENTS];
    struct e2e_tcp *tcp[E2E_TCPS];
    struct e2e_conn *conn[E2E_CONNS];
    struct e2e_neg *neg[2 * E2E_TCPS];
    unsigned num_tcp, num_conn, num_neg;
    struct net_packet *wire;
    unsigned num_datagrams; /* sent so far, both ways */
    e2e_judge judge;
    void *judge_self;
    /* Called when a TCP connection was made, to break it. */
    void (*connecting)(struct e2e *w, struct e2e_tcp *t);
    /* A negotiation of the client's got its grant. */
    void (*granted)(struct e2e *w, struct e2e_neg *n);
    uint32_t num_payloads;
    size_t payload_len[1024];
    uint8_t delivered[2][1024]; /* how often it arrived whole, up and down */
    bool replayed;              /* the test replays on purpose: an early payload may arrive at each server */
    /* one cold request that waits for its grant */
    struct e2e_request {
        bool waits;
        uint8_t transport;
        enum csep_service service;
        enum e2e_cold mode;
        size_t len;
        struct e2e_tcp *parallel;
        struct e2e_conn *conn;
        csep_time asked_at;
    } request;
};

void e2e_init(struct e2e *w, uint64_t seed);
void e2e_start(struct e2e *w);
/* Ends all that is left, and fails the test when something was lost: memory, or a CLOSED event. */
void e2e_done(struct e2e *w);

/* Events until that time; with settle, until nothing is left to happen, and never beyond `most` from now. */
void e2e_run(struct e2e *w, csep_time until);
void e2e_settle(struct e2e *w, csep_time most);
/* Timers that are due, as a host does that looks at them before its sockets. */
void e2e_expire(struct e2e *w);

/* ---- What hosts do ---- */

struct e2e_neg *e2e_negotiate(struct e2e *w, unsigned client, unsigned server, bool share);
/* The client negotiates with the server and has its context. */
void e2e_warm(struct e2e *w, unsigned client, unsigned server);
/* A cold request: negotiates in that mode, then sends `len` bytes and waits for them to come back. */
void e2e_cold(struct e2e *w, enum e2e_cold mode, uint8_t transport, enum csep_service service, size_t len);
/* Takes a ticket and opens; NULL: no ticket. */
struct e2e_conn *e2e_open(struct e2e *w, unsigned client, unsigned server, uint8_t transport,
                          enum csep_service service);
/* The same with a slot of the test's own, on a TCP connection of the test's own (or NULL: a new one). */
struct e2e_conn *e2e_open_slot(struct e2e *w, unsigned client, unsigned server, const struct csep_slot *slot,
                               enum csep_service service, struct e2e_tcp *tcp);
bool e2e_take(struct e2e *w, unsigned client, unsigned server, uint8_t transport, enum csep_service service,
              struct csep_slot *out);
/* The application sends `len` bytes of a new payload; the server's sends them back. Returns its number. */
uint32_t e2e_say(struct e2e *w, struct e2e_conn *c, size_t len);
void e2e_close(struct e2e *w, struct e2e_conn *c, uint64_t code);
struct e2e_tcp *e2e_connect(struct e2e *w, unsigned client, unsigned server, bool data_port);
/* A context was revoked: the server's host looks at its connections. */
void e2e_context_ended(struct e2e *w, unsigned server);
/* Bytes from a side, by nobody's hand. */
void e2e_tcp_put(struct e2e *w, struct e2e_tcp *t, unsigned side, const uint8_t *p, size_t n);
/* The server forgets its contexts and connections; with kept keys its tickets still open. */
void e2e_restart(struct e2e *w, unsigned server, bool keep_keys);
/* Make the second server open the first one's tickets. */
void e2e_share_keys(struct e2e *w);
void e2e_inject(struct e2e *w, enum net_way way, const struct csep_addr *from, const struct csep_addr *to,
                const uint8_t *p, size_t n, csep_time after);

/* ---- Looking ---- */

/* Everything that was said on it arrived and came back, whole. */
bool e2e_all_back(const struct e2e_conn *c);
/* The server's end of it, or NULL. */
struct e2e_conn *e2e_served(const struct e2e *w, unsigned n);
/* Has CLOSED with CSEP_OK. */
void e2e_assert_clean(const struct e2e_conn *c);

/* ---- Between the files ---- */

void e2e_pump(struct e2e *w);
void e2e_neg_new(struct e2e *w, struct e2e_tcp *t, unsigned side);
void e2e_neg_input(struct e2e *w, struct e2e_neg *n, const uint8_t *p, size_t len);
void e2e_neg_eof(struct e2e *w, struct e2e_neg *n);
bool e2e_neg_pump(struct e2e *w, struct e2e_neg *n);
void e2e_neg_free(struct e2e_neg *n);
void e2e_granted(struct e2e *w, struct e2e_neg *n);
void e2e_shared(struct e2e *w, struct e2e_neg *n);
struct e2e_conn *e2e_conn_new(struct e2e *w);
void e2e_stream_accept(struct e2e *w, struct e2e_tcp *t);
void e2e_stream_input(struct e2e *w, struct e2e_conn *c, const uint8_t *p, size_t n);
bool e2e_conn_pump(struct e2e *w, struct e2e_conn *c);
void e2e_conn_free(struct e2e *w, struct e2e_conn *c);
void e2e_datagram(struct e2e *w, struct net_packet *p);
void e2e_send_datagram(struct e2e *w, enum net_way way, const struct csep_addr *from,
                       const struct csep_addr *to, uint8_t *p, size_t n);
bool e2e_acceptor_pump(struct e2e *w, unsigned server, size_t cause);
csep_time e2e_conn_deadline(const struct e2e_conn *c);
void e2e_tcp_close(struct e2e *w, struct e2e_tcp *t, unsigned side);

#endif
