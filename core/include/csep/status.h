/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csep/status.h - the one result type of libcsep.
 *
 * Every function that can fail returns a csep_status; zero is success. Each code
 * has one row below: its name, one line of text for a person, the code that is
 * sent to the peer (docs/spec.md section 10), the TLS alert that reports it on a
 * negotiation connection (RFC 8446 section 6), and whose fault it is.
 *
 *   PEER   the other end broke the specification, or something on the path did
 *   LOCAL  the caller's request cannot be met now (limits, state, missing context)
 *   NONE   not a failure
 *
 * Misuse of the API by the program itself (a null pointer, a wrong state) is an
 * assertion, never a status.
 */
#ifndef CSEP_STATUS_H
#define CSEP_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CSEP_MUST_CHECK __attribute__((warn_unused_result))
#else
#define CSEP_MUST_CHECK
#endif

/* X(name, wire code, TLS alert, fault, text) */
#define CSEP_STATUS_LIST(X)                                                                                  \
    X(OK, 0x0000, 0, NONE, "success")                                                                        \
    X(AGAIN, 0x0000, 0, NONE, "nothing to do now, call again later")                                         \
    X(ERR_INTERNAL, 0x0001, 80, LOCAL, "internal error")                                                     \
    X(ERR_DECODE, 0x0002, 50, PEER, "malformed message, packet, frame or field")                             \
    X(ERR_UNEXPECTED, 0x0003, 10, PEER, "message not allowed in this state")                                 \
    X(ERR_CRITICAL, 0x0004, 47, PEER, "unknown critical field or message")                                   \
    X(ERR_DUPLICATE, 0x0005, 47, PEER, "field given twice")                                                  \
    X(ERR_MISSING, 0x0006, 109, PEER, "required field missing")                                              \
    X(ERR_VALUE, 0x0007, 47, PEER, "field value out of range")                                               \
    X(ERR_OVERSIZE, 0x0008, 22, PEER, "larger than the limit")                                               \
    X(ERR_TIMEOUT, 0x0009, 90, PEER, "peer too slow")                                                        \
    X(ERR_REFUSED, 0x000a, 0, PEER, "peer refused")                                                          \
    X(ERR_IDENTITY, 0x000b, 46, PEER, "peer identity not the expected one")                                  \
    X(ERR_FLOW_CONTROL, 0x000c, 0, PEER, "flow-control limit exceeded")                                      \
    X(ERR_SERVICE, 0x000d, 0, PEER, "frame or data not allowed by the service in use")                       \
    X(ERR_AEAD_LIMIT, 0x000e, 0, LOCAL, "AEAD usage limit reached")                                          \
    X(ERR_KEY_UPDATE, 0x000f, 0, PEER, "key update out of order")                                            \
    X(ERR_EXPIRED, 0x0010, 0, LOCAL, "context or ticket expired")                                            \
    X(ERR_REVOKED, 0x0011, 0, LOCAL, "context revoked")                                                      \
    X(ERR_TRUNCATED, 0x0012, 0, PEER, "ended without close")                                                 \
    X(ERR_ALPN, 0x0013, 120, PEER, "no application protocol in common")                                      \
    X(ERR_VERSION, 0x0014, 70, PEER, "no protocol version in common")                                        \
    X(ERR_PROTECTION, 0x0015, 20, PEER, "authentication failed (bad tag)")                                   \
    X(ERR_CONNECTION_ID, 0x0016, 0, PEER, "connection id limit or use violated")                             \
    X(ERR_IDLE, 0x0017, 0, NONE, "idle timeout")                                                             \
    X(ERR_RESET, 0x0018, 0, PEER, "reset by peer (stateless reset)")                                         \
    X(ERR_NO_CONTEXT, 0x0019, 0, LOCAL, "no usable context or ticket")                                       \
    X(ERR_LIMIT, 0x001a, 0, LOCAL, "local limit reached")                                                    \
    X(ERR_CLOSED, 0x001b, 0, LOCAL, "connection closed")                                                     \
    X(ERR_MEMORY, 0x001c, 80, LOCAL, "allocator gave no memory")                                             \
    X(ERR_REPLAY, 0x001d, 0, PEER, "replayed")                                                               \
    X(ERR_UNSUPPORTED, 0x001e, 0, LOCAL, "not supported by this build")                                      \
    X(ERR_TLS_UNEXPECTED_MESSAGE, 0x0020, 10, PEER, "TLS: unexpected message")                               \
    X(ERR_TLS_BAD_RECORD_MAC, 0x0021, 20, PEER, "TLS: bad record MAC")                                       \
    X(ERR_TLS_RECORD_OVERFLOW, 0x0022, 22, PEER, "TLS: record overflow")                                     \
    X(ERR_TLS_HANDSHAKE_FAILURE, 0x0023, 40, PEER, "TLS: no acceptable parameters")                          \
    X(ERR_TLS_BAD_CERTIFICATE, 0x0024, 42, PEER, "TLS: bad certificate")                                     \
    X(ERR_TLS_UNSUPPORTED_CERTIFICATE, 0x0025, 43, PEER, "TLS: unsupported certificate")                     \
    X(ERR_TLS_CERTIFICATE_UNKNOWN, 0x0026, 46, PEER, "TLS: certificate or key not trusted")                  \
    X(ERR_TLS_ILLEGAL_PARAMETER, 0x0027, 47, PEER, "TLS: illegal parameter")                                 \
    X(ERR_TLS_DECODE_ERROR, 0x0028, 50, PEER, "TLS: decode error")                                           \
    X(ERR_TLS_DECRYPT_ERROR, 0x0029, 51, PEER, "TLS: signature, Finished or binder wrong")                   \
    X(ERR_TLS_PROTOCOL_VERSION, 0x002a, 70, PEER, "TLS: version 1.3 not offered or not chosen")              \
    X(ERR_TLS_MISSING_EXTENSION, 0x002b, 109, PEER, "TLS: missing extension")                                \
    X(ERR_TLS_UNSUPPORTED_EXTENSION, 0x002c, 110, PEER, "TLS: extension that was not offered")               \
    X(ERR_TLS_UNRECOGNIZED_NAME, 0x002d, 112, PEER, "TLS: server name not known here")                       \
    X(ERR_TLS_CERTIFICATE_REQUIRED, 0x002e, 116, PEER, "TLS: client certificate required")                   \
    X(ERR_TLS_NO_APPLICATION_PROTOCOL, 0x002f, 120, PEER, "TLS: no application protocol in common")          \
    X(ERR_TLS_ALERT_RECEIVED, 0x0030, 0, PEER, "TLS: peer sent a fatal alert")

typedef enum csep_status {
#define CSEP_STATUS_ENUM(name, wire, alert, fault, text) CSEP_##name,
    CSEP_STATUS_LIST(CSEP_STATUS_ENUM) CSEP_STATUS_COUNT
#undef CSEP_STATUS_ENUM
} csep_status;

enum csep_fault { CSEP_FAULT_NONE, CSEP_FAULT_PEER, CSEP_FAULT_LOCAL };

/* "ERR_DECODE"; never NULL, "UNKNOWN" for a value outside the list. */
const char *csep_status_name(csep_status s);
/* One line for a person; never NULL. */
const char *csep_status_text(csep_status s);
/* Code for ERROR messages and CLOSE frames (spec section 10). */
unsigned csep_status_wire(csep_status s);
/* TLS AlertDescription, or 0 where none applies. */
unsigned csep_status_alert(csep_status s);
enum csep_fault csep_status_fault(csep_status s);

#ifdef __cplusplus
}
#endif
#endif
