/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csep/trace.h - one vocabulary for what happens, and the key-log hook.
 *
 * Objects emit typed events as they work: no formatting, no allocation, nothing at
 * all when no sink is given. Hosts write them as qlog, tests assert on them, figures
 * are drawn from them. Each event has up to four integer arguments; the list below
 * names event and arguments, and every table (names, qlog keys) comes from it.
 */
#ifndef CSEP_TRACE_H
#define CSEP_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "csep/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(ID, "qlog name", "arg0", "arg1", "arg2", "arg3"); "" = not used */
#define CSEP_TRACE_LIST(X)                                                                                   \
    X(TLS_STATE, "tls:state", "state", "", "", "")                                                           \
    X(TLS_MESSAGE_SENT, "tls:message_sent", "type", "length", "", "")                                        \
    X(TLS_MESSAGE_RECEIVED, "tls:message_received", "type", "length", "", "")                                \
    X(TLS_ALERT_SENT, "tls:alert_sent", "level", "description", "", "")                                      \
    X(TLS_ALERT_RECEIVED, "tls:alert_received", "level", "description", "", "")                              \
    X(TLS_ESTABLISHED, "tls:established", "resumed", "hello_retry", "client_auth", "")                       \
    X(NEG_MESSAGE_SENT, "negotiation:message_sent", "type", "length", "", "")                                \
    X(NEG_MESSAGE_RECEIVED, "negotiation:message_received", "type", "length", "", "")                        \
    X(NEG_GRANT, "negotiation:grant", "lifetime", "tickets", "upgrade", "")                                  \
    X(NEG_FAILED, "negotiation:failed", "status", "", "", "")                                                \
    X(CTX_STATE, "context:state", "from", "to", "cause", "")                                                 \
    X(CTX_TICKET_SPENT, "context:ticket_spent", "left", "transport", "", "")                                 \
    X(CTX_TICKETS_ADDED, "context:tickets_added", "count", "left", "", "")                                   \
    X(DATA_STATE, "data:state", "from", "to", "", "")                                                        \
    X(DATA_PACKET_SENT, "data:packet_sent", "type", "number", "bytes", "ack_eliciting")                      \
    X(DATA_PACKET_RECEIVED, "data:packet_received", "type", "number", "bytes", "")                           \
    X(DATA_PACKET_DROPPED, "data:packet_dropped", "status", "bytes", "type", "")                             \
    X(DATA_PACKET_LOST, "data:packet_lost", "number", "bytes", "trigger", "")                                \
    X(DATA_APP_SENT, "data:app_sent", "epoch", "bytes", "", "")                                              \
    X(DATA_APP_RECEIVED, "data:app_received", "early", "bytes", "", "")                                      \
    X(DATA_EARLY, "data:early", "accepted", "", "", "")                                                      \
    X(DATA_REFUSED, "data:refused", "code", "", "", "")                                                      \
    X(DATA_RETRY, "data:retry", "", "", "", "")                                                              \
    X(DATA_KEY_UPDATE, "data:key_update", "direction", "phase", "generation", "")                            \
    X(DATA_RECOVERY, "data:recovery", "srtt", "cwnd", "in_flight", "pto_count")                              \
    X(DATA_PATH, "data:path", "state", "", "", "")                                                           \
    X(DATA_MESSAGE_ABANDONED, "data:message_abandoned", "channel", "sequence", "sent", "")                   \
    X(DATA_CLOSED, "data:closed", "code", "by_peer", "", "")

enum csep_trace_type {
#define CSEP_TRACE_ENUM(id, name, a, b, c, d) CSEP_TRACE_##id,
    CSEP_TRACE_LIST(CSEP_TRACE_ENUM) CSEP_TRACE_COUNT
#undef CSEP_TRACE_ENUM
};

struct csep_trace_event {
    csep_time at;
    uint64_t object; /* the `trace_id` that the host gave to the object */
    enum csep_trace_type type;
    uint64_t arg[4];
};

struct csep_trace {
    void (*emit)(void *self, const struct csep_trace_event *ev); /* NULL: off */
    void *self;
    uint64_t object; /* copied into each event */
};

/* "data:packet_sent"; never NULL. */
const char *csep_trace_name(enum csep_trace_type t);
/* Name of argument i (0..3), "" where the event has none. */
const char *csep_trace_arg(enum csep_trace_type t, unsigned i);

/*
 * Key log. One call per line of the NSS key log format: label, the 32-byte client
 * random that names the connection, the secret. TLS labels as in the NSS format;
 * csep's own labels are in docs/spec.md section 11. This is the only way by which secrets leave
 * the library other than export; off unless the host sets it.
 */
struct csep_keylog {
    void (*line)(void *self, const char *label, const uint8_t client_random[32], const uint8_t *secret,
                 size_t secret_len); /* NULL: off */
    void *self;
};

#ifdef __cplusplus
}
#endif
#endif
