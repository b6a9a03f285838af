/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ends of TLS connections for tests: our engine, OpenSSL and GnuTLS behind one interface, all
 * through memory. Make two ends, join them with end_pump(), look at what came out. Time is a
 * number; randomness on our side is seeded; every check is an assertion of cmocka.
 */
#ifndef CSEP_TESTS_TLS_PEER_H
#define CSEP_TESTS_TLS_PEER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "csep/tls.h"

enum end_kind { END_OURS, END_OPENSSL, END_GNUTLS };

#define END_SESSIONS 8

/* Resumption state, which outlives the connection that gave it. */
struct end_store {
    struct csep_tls_session ours[END_SESSIONS];
    unsigned num_ours;
    void *openssl; /* SSL_SESSION */
    uint8_t gnutls[8192];
    size_t gnutls_len;
};

struct end_options {
    bool server;
    bool raw_key;                              /* RFC 7250 (not OpenSSL 3.0) */
    bool own_key;                              /* a client with an identity */
    bool ask_certificate, require_certificate; /* server */
    bool no_tickets;                           /* server */
    bool retry;                                /* server: force a HelloRetryRequest; client: provoke one */
    bool no_compat, no_grease;                 /* ours only */
    const char *alpn;                          /* NULL: "csep/1" */
    const char *name;                          /* SNI, NULL: none */
    struct end_store *store;                   /* client: resumption */
    const struct csep_tls_ticket_keys *ticket_keys; /* our server; NULL: a fixed one */
    void *share_context; /* OpenSSL or GnuTLS server: an earlier end, whose ticket keys to use */
    bool chain;       /* OpenSSL server: its certificate comes from an ECDSA authority, which is sent too */
    bool old_version; /* OpenSSL: TLS 1.2 at most */
    bool no_alpn;     /* OpenSSL client */
    bool refuse;      /* ours: distrust the peer */
    csep_time start;  /* ours: time of its creation and until end_set_now(); 0: 1000 s */
};

void end_store_free(struct end_store *s);

struct end;

/* An end, made ready: a client's first flight is waiting. Freed by end_free(). */
struct end *end_new(enum end_kind kind, struct end_options o);
void end_free(struct end *e);

/* Bytes from the other end; returns false when the end has failed. */
bool end_feed(struct end *e, const uint8_t *in, size_t n);
size_t end_take(struct end *e, uint8_t *out, size_t cap);
/* Carry bytes both ways, at most `chunk` at a time (0: all there is), until nothing moves. */
void end_pump(struct end *a, struct end *b, size_t chunk);

bool end_established(struct end *e);
bool end_resumed(struct end *e);
bool end_peer_closed(struct end *e);
void end_write(struct end *e, const void *p, size_t n);
size_t end_read(struct end *e, void *out, size_t cap);
void end_close(struct end *e);
void end_key_update(struct end *e, bool request);
void end_export(struct end *e, const char *label, const uint8_t *context, size_t n, uint8_t out[32]);
/* All key log lines of this end, "LABEL random secret\n" each. */
const char *end_keylog(struct end *e);
/* Alert that an OpenSSL or GnuTLS end received or, when it sent one, sent; -1 for none. */
int end_alert(struct end *e);
/* What is wrong with it, for a message. */
const char *end_trouble(struct end *e);

/* Our ends only. */
struct csep_secure *end_secure(struct end *e);
struct csep_tls *end_tls(const struct end *e);
csep_status end_failure(struct end *e);
size_t end_memory(const struct end *e); /* bytes held from the allocator */
void end_set_now(struct end *e, csep_time now);
/* From the k-th request on (1 is the next) the allocator has nothing for this end; 0: always enough. */
void end_fail_memory(struct end *e, unsigned k);
/* Ends made from here on draw the same random bytes as those made first. */
void end_restart_seeds(void);

/* SHA-256 of the SPKI that a server or client end of these tests has. */
void end_spki(bool server, uint8_t out[32]);
/* Deterministic random bytes for tests. */
struct csep_random end_random(uint64_t *state, uint64_t seed);
/* The DER certificate of an end's key, and its seed. */
const uint8_t *end_certificate(bool server, size_t *out_len);
const uint8_t *end_seed(bool server);
extern const struct csep_tls_ticket_keys end_ticket_keys;

#endif
