/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csep/negotiate.h - the conversation on a negotiation connection (spec section 4).
 *
 * A negotiation owns the conversation over a secure stream that the caller made
 * (csep/tls.h or another provider) and that outlives it. It moves bytes between
 * transport and secure stream itself: the host only ever calls the verbs below.
 *
 * Client: csep_negotiate_client(), then input/output until event() gives GRANTED (at 2R
 * the context can be used), then CLOSED. The client asks to close by itself once the
 * first grant is whole and every REQUEST was answered, unless `keep_open`.
 * Server: csep_negotiate_server() with a grantor (csep/context.h).
 *
 * Shared mode: after CONTINUE the event SHARED says that what is sent behind the last byte of output()
 * belongs to a TCP data connection on the same transport. The client gets it at once, and goes on giving what
 * arrives to input() until CLOSED; the server gets it when everything of the negotiation has arrived. Both
 * take the bytes that came behind the peer's close_notify from csep_negotiate_leftover().
 */
#ifndef CSEP_NEGOTIATE_H
#define CSEP_NEGOTIATE_H

#include "csep/context.h"
#include "csep/secure.h"

#ifdef __cplusplus
extern "C" {
#endif

struct csep_negotiate;

struct csep_negotiate_config {
    csep_time time_limit; /* default 30 s */
    csep_time idle_limit; /* server; default 15 s */
    bool grease;          /* default true */
    bool share;           /* client: send CONTINUE when the grant allows it */
    bool keep_open;       /* client: do not close by itself */
    /* As NTS-KE does, for comparison. Client: send a REQUEST and use its answer only; server: do not speak
     * first. */
    bool literal_request;
    /* server: GRANT only behind the client's Finished, as a TLS stack without 0.5-RTT data must, and as a
     * server must that decides by the client's identity (SEC-17) */
    bool wait_finished;
    bool client_identity; /* server: contexts are bound to the client's identity (NEG-64) */
    uint16_t port;        /* client: TCP port that it connected to, for the check of NEG-72; 0: not known */
    struct csep_random random;
    struct csep_alloc alloc;
    struct csep_trace trace;
    struct csep_keylog keylog;
};
struct csep_negotiate_config csep_negotiate_config_default(void);

enum csep_negotiate_event_type {
    CSEP_NEG_GRANTED = 1, /* client: grant, secret, tickets: give it to csep_context_install() */
    CSEP_NEG_TICKETS,     /* client: more tickets for `handle` */
    CSEP_NEG_REVOKED,     /* both: context `handle` is over */
    CSEP_NEG_ACTIVE,      /* server: pending context `handle` became active: feed held data again */
    CSEP_NEG_SHARED,      /* both: the transport now belongs to a TCP data connection */
    CSEP_NEG_CLOSED,      /* both: clean end; a server closes TCP now (NEG-56) */
    CSEP_NEG_FAILED,      /* both: `status`; send what output() still holds (an alert), then close TCP */
};

/* Pointers are valid until the next call on the negotiation. */
struct csep_negotiate_event {
    enum csep_negotiate_event_type type;
    csep_status status;
    uint16_t code; /* peer's error code when it sent ERROR or REVOKE */
    const struct csep_grant *grant;
    const uint8_t *secret; /* 32 bytes */
    const uint8_t *handle; /* 16 bytes */
    const struct csep_ticket *tickets;
    unsigned num_tickets;
    uint32_t request_id; /* 0 = unasked */
    struct csep_identity peer;
    csep_time rtt; /* client: smallest time from a flight to its answer */
};

size_t csep_negotiate_size(void);
csep_status csep_negotiate_client(struct csep_negotiate *n, const struct csep_negotiate_config *cfg,
                                  struct csep_secure *secure, csep_time now) CSEP_MUST_CHECK;
csep_status csep_negotiate_server(struct csep_negotiate *n, const struct csep_negotiate_config *cfg,
                                  struct csep_secure *secure, struct csep_grantor *grantor,
                                  const struct csep_addr *client, csep_time now) CSEP_MUST_CHECK;
/* Client: queue a REQUEST (at most 8). */
csep_status csep_negotiate_request(struct csep_negotiate *n, const struct csep_grant_request *req,
                                   uint32_t request_id, csep_time now) CSEP_MUST_CHECK;
csep_status csep_negotiate_revoke(struct csep_negotiate *n, const uint8_t handle[CSEP_HANDLE_LEN],
                                  csep_time now) CSEP_MUST_CHECK;
void csep_negotiate_close(struct csep_negotiate *n, csep_time now);

csep_status csep_negotiate_input(struct csep_negotiate *n, const uint8_t *in, size_t len, csep_time now);
void csep_negotiate_input_eof(struct csep_negotiate *n, csep_time now);
size_t csep_negotiate_output(struct csep_negotiate *n, uint8_t *out, size_t cap, csep_time now);
csep_time csep_negotiate_deadline(const struct csep_negotiate *n);
void csep_negotiate_expire(struct csep_negotiate *n, csep_time now);
bool csep_negotiate_event(struct csep_negotiate *n, struct csep_negotiate_event *out);
/* Bytes behind the peer's close_notify in shared mode; empties what it returns. */
size_t csep_negotiate_leftover(struct csep_negotiate *n, uint8_t *out, size_t cap);
const char *csep_negotiate_state(const struct csep_negotiate *n);
void csep_negotiate_wipe(struct csep_negotiate *n);

/* ---- A server's gate (NEG-62) ---- */

/*
 * How many negotiations may run, in all and for one network prefix. A host asks it before it makes a secure
 * stream for an accepted TCP connection, closes that at once on a no, and says when the connection is gone.
 * Data connections do not pass here. Memory is taken once, by init.
 */
struct csep_gate_config {
    size_t max_connections; /* default 1000 */
    size_t max_per_prefix;  /* default 50 */
    uint8_t prefix_v4;      /* bits that make a prefix; default 24 */
    uint8_t prefix_v6;      /* default 56 */
    struct csep_random random;
    struct csep_alloc alloc;
};
struct csep_gate_config csep_gate_config_default(void);

struct csep_gate;
size_t csep_gate_size(void);
csep_status csep_gate_init(struct csep_gate *g, const struct csep_gate_config *cfg) CSEP_MUST_CHECK;
bool csep_gate_enter(struct csep_gate *g, const struct csep_addr *client) CSEP_MUST_CHECK;
/* Once for each enter() that said yes. */
void csep_gate_leave(struct csep_gate *g, const struct csep_addr *client);
size_t csep_gate_count(const struct csep_gate *g);
void csep_gate_wipe(struct csep_gate *g);

#ifdef __cplusplus
}
#endif
#endif
