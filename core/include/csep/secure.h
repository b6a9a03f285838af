/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csep/secure.h - a secure stream: what negotiation needs from TLS, and no more.
 *
 * Negotiation runs over any implementation of TLS 1.3 with ALPN and an exporter.
 * A provider (the built-in engine of csep/tls.h, or a binding to a TLS library) fills
 * in the table below; negotiation only ever calls through it. All buffers belong to
 * the caller; a provider keeps what it needs to keep.
 */
#ifndef CSEP_SECURE_H
#define CSEP_SECURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "csep/status.h"
#include "csep/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is true of the stream now; a set of flags. */
enum csep_secure_flag {
    CSEP_SECURE_CAN_WRITE = 1 << 0,   /* application data may be written (a server: from its Finished on) */
    CSEP_SECURE_CAN_EXPORT = 1 << 1,  /* the exporter secret exists (from the server's Finished on) */
    CSEP_SECURE_CONFIRMED = 1 << 2,   /* both Finished verified here; peer_identity() is final */
    CSEP_SECURE_PEER_CLOSED = 1 << 3, /* close_notify received: a clean end */
    CSEP_SECURE_CLOSED = 1 << 4,      /* our close_notify is queued */
    CSEP_SECURE_FAILED = 1 << 5,      /* dead; output() may still hold an alert */
    CSEP_SECURE_RESUMED = 1 << 6,     /* a PSK of an earlier connection was used */
    CSEP_SECURE_DOUBTFUL = 1 << 7,    /* server: the client must show a key, and has not yet */
};

/* Who the peer proved to be: SHA-256 of its SubjectPublicKeyInfo (as DANE 3 1 1 does), or nobody. */
struct csep_identity {
    bool present;
    uint8_t spki_sha256[32];
};
/* Is it this key? In a time that does not depend on where two differ: for pins (SEC-2). False for nobody. */
bool csep_identity_is(const struct csep_identity *who, const uint8_t spki_sha256[32]);

struct csep_secure;

/* What a provider offers. //= API-9 */
struct csep_secure_ops {
    /* Bytes from the transport, all consumed. After a failure: the same failure again. */
    csep_status (*input)(struct csep_secure *s, const uint8_t *in, size_t n, csep_time now);
    /* The transport reached end of file. */
    csep_status (*input_eof)(struct csep_secure *s, csep_time now);
    /* Bytes for the transport; returns how many were put into out (0: none now). */
    size_t (*output)(struct csep_secure *s, uint8_t *out, size_t cap, csep_time now);
    /* Decrypted application data; returns how many bytes (0: none now). */
    size_t (*read)(struct csep_secure *s, uint8_t *out, size_t cap);
    /* Queue application data: all of it or, with CSEP_ERR_LIMIT, nothing. */
    csep_status (*write)(struct csep_secure *s, const uint8_t *in, size_t n, csep_time now);
    /* RFC 8446 section 7.5; always with a context. */
    csep_status (*exporter)(struct csep_secure *s, const char *label, const uint8_t *context,
                            size_t context_len, uint8_t *out, size_t out_len);
    /* The exporter secret is not needed any more: forget it. */
    void (*forget_exporter)(struct csep_secure *s);
    /* Queue close_notify (what was written before goes first). Before CAN_WRITE it gives the handshake up:
     * FAILED with CSEP_ERR_CLOSED. */
    void (*close)(struct csep_secure *s, csep_time now);
    unsigned (*flags)(const struct csep_secure *s);
    csep_status (*failure)(const struct csep_secure *s); /* why FAILED, CSEP_OK otherwise */
    void (*peer_identity)(const struct csep_secure *s, struct csep_identity *out);
    /* Time since the ends last proved who they are in a full handshake, which a chain of resumptions
     * does not shorten (NEG-19). NULL: this provider never resumes. */
    csep_time (*auth_age)(const struct csep_secure *s, csep_time now);
    /* Server: the name the client asked for (SNI); NULL or empty when none. Not terminated. */
    const char *(*server_name)(const struct csep_secure *s, size_t *out_len);
    /* The 32-byte random of the ClientHello, which names the connection in key logs. */
    const uint8_t *(*client_random)(const struct csep_secure *s);
};

struct csep_secure {
    const struct csep_secure_ops *ops;
};

#ifdef __cplusplus
}
#endif
#endif
