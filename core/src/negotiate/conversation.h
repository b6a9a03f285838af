/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of a negotiation, what both ends share: bytes between transport and secure stream, messages out of
 * the secure stream, events, time, failure. client.c and server.c hold what only one end does.
 *
 * Messages are taken one at a time and only while there is room for the events that they cause, so memory is
 * bounded whatever the peer sends: one message being received, one grant with its tickets for the host.
 */
#ifndef CSEP_NEGOTIATE_CONVERSATION_H
#define CSEP_NEGOTIATE_CONVERSATION_H

#include "csep/negotiate.h"
#include "negotiate/message.h"
#include "negotiate/table.h"

#define NEG_REQUESTS_MAX 8u
#define NEG_GRANTS_MAX   (1u + NEG_REQUESTS_MAX)
#define NEG_EVENTS       16u
#define NEG_LEFTOVER_MAX 16384u /* NEG-65 */

struct neg_event {
    enum csep_negotiate_event_type type;
    csep_status status;
    uint16_t code;
    uint32_t request_id;
    uint8_t handle[CSEP_HANDLE_LEN];
    bool has_grant, has_tickets; /* the payload belongs to it */
};

/* A client's grant in the making, then lent to the host. */
struct neg_payload {
    struct neg_grant grant;
    uint8_t secret[32];
    struct neg_tickets tickets;
};

struct neg_bytes {
    uint8_t *b;
    size_t len, cap;
};

struct csep_negotiate {
    struct csep_negotiate_config cfg;
    struct csep_secure *secure;
    bool is_server;
    uint8_t state;
    csep_status failure;
    bool ended;     /* close_notify or end of file was run through the table */
    bool stalled;   /* the secure stream takes no more until some of it left */
    bool shared;    /* CONTINUE was sent or received */
    bool may_share; /* SHARED was granted on this connection */
    bool lent;      /* the payload was given out with the last event */
    bool busy;      /* the payload waits for its event to be taken */
    bool sent_hello, heard_answer;
    csep_time started, limit_at, heard, now, flight_at, rtt;

    struct { /* TLS records are followed, to see where close_notify ends (NEG-58) */
        uint8_t head[5], have;
        uint32_t left;
    } record;
    struct { /* the message that arrives */
        uint8_t head[NEG_HEAD_LEN], have;
        uint32_t want;
        bool skip;
        struct neg_bytes body;
    } rx;
    struct neg_bytes leftover;
    struct neg_event events[NEG_EVENTS];
    unsigned first_event, num_events;
    struct neg_event current;
    struct csep_identity peer;

    struct {
        struct neg_payload *payload;
        bool have_grant; /* payload holds a GRANT whose TICKETS are awaited */
        struct neg_request requests[NEG_REQUESTS_MAX];
        unsigned num_requests, num_sent;
        uint32_t answered; /* bit for each request */
        uint8_t granted[NEG_GRANTS_MAX][CSEP_HANDLE_LEN];
        unsigned num_granted;
        bool up;
    } client;
    struct {
        struct csep_grantor *grantor;
        struct csep_addr addr;
        struct csep_granted *granted; /* stateless: all of this connection, NEG_GRANTS_MAX of them */
        unsigned num_granted;
        bool pending;
        uint8_t pending_handle[CSEP_HANDLE_LEN];
        unsigned num_requests;
    } server;
};

/* ---- For the two roles ---- */

/* Run the table: false when the input is refused or ends in failure, which has then happened. `why` is that
 * failure. */
bool neg_step(struct csep_negotiate *n, enum neg_input in, csep_status why);
/* Fail for good, telling the peer where that can be done. */
void neg_fail(struct csep_negotiate *n, csep_status why);
void neg_error_received(struct csep_negotiate *n, uint16_t code);
bool neg_final(const struct csep_negotiate *n);
/* Queue a whole message. CSEP_ERR_LIMIT: not now. */
csep_status neg_write(struct csep_negotiate *n, const struct wr *w) CSEP_MUST_CHECK;
struct neg_event *neg_event_put(struct csep_negotiate *n, enum csep_negotiate_event_type type);
/* context_secret of a GRANT as sent, logged (KEY-1). */
csep_status neg_derive(struct csep_negotiate *n, const uint8_t *grant, size_t len,
                       uint8_t out[32]) CSEP_MUST_CHECK;
void neg_queue_close(struct csep_negotiate *n);
bool neg_flag(const struct csep_negotiate *n, unsigned flags);

void client_flags(struct csep_negotiate *n);
void client_after(struct csep_negotiate *n);
csep_status client_message(struct csep_negotiate *n, const struct neg_fields *f, const uint8_t *whole,
                           size_t len);
/* Ask to close, or, in CLOSING already, do what goes with it. */
void client_close(struct csep_negotiate *n);
void client_leave(struct csep_negotiate *n, bool share);
void client_release(struct csep_negotiate *n);

void server_flags(struct csep_negotiate *n);
/* CSEP_AGAIN: the same message again once something left. */
csep_status server_message(struct csep_negotiate *n, const struct neg_fields *f);
/* It is over: what never became valid goes. */
void server_ended(struct csep_negotiate *n);

#endif
