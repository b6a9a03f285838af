/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A peer on strings: it holds the right keys, and says whatever a test wants said. Opposite it is
 * one of our engines. puppet_make() builds the message that belongs at this point of the
 * conversation; the test bends it and puppet_send() delivers it, protected as the state wants.
 */
#ifndef CSEP_TESTS_TLS_PUPPET_H
#define CSEP_TESTS_TLS_PUPPET_H

#include "tls_peer.h"

#include "tls/engine.h"

struct puppet {
    struct end *engine;    /* under test */
    bool server;           /* the puppet is one */
    bool asks_certificate; /* puppet server: a CertificateRequest will have been sent */
    bool raw;              /* certificates as raw public keys */
    bool psk;              /* resumption: the engine's session or our ticket */
    struct csep_tls_session session;
    struct end_store store;

    struct hash_ctx transcript;
    struct tls_schedule schedule;
    struct x25519_private priv;
    struct x25519_public pub;
    struct tls_keys rx, tx, next_rx;
    struct secret client_finished, server_finished, client_app, server_app, exporter;
    uint64_t random;
    uint8_t session_id[32], peer_share[32], cookie[256];
    uint8_t session_id_len;
    size_t cookie_len;
    bool retried;

    uint8_t raw_in[40000]; /* records of the engine, not opened yet */
    size_t raw_len;
    uint8_t seen[64]; /* types of the handshake messages that came, in order */
    unsigned num_seen;
    int alert;    /* that the engine sent, -1: none */
    bool lenient; /* drop what cannot be opened, for conversations whose keys a fuzzer may have parted */
    bool ccs;
};

struct puppet_options {
    struct end_options engine; /* .server decides which side is under test */
    bool psk;
};

struct puppet *puppet_new(struct puppet_options o);
void puppet_free(struct puppet *p);

/* The valid message of this kind at this point. Returns its length. */
size_t puppet_make(struct puppet *p, enum tls_input what, uint8_t out[4096]);
/* One handshake message in a record of its own; keys follow as if the engine took it. */
void puppet_send(struct puppet *p, const uint8_t *msg, size_t n);
/* Any record under the present keys. */
void puppet_record(struct puppet *p, unsigned type, const uint8_t *content, size_t n);
/* A record in the clear whatever the keys. */
void puppet_clear(struct puppet *p, unsigned type, const uint8_t *content, size_t n);
/* Make and send: any input, messages as well as data and ChangeCipherSpec. */
void puppet_say(struct puppet *p, enum tls_input what);
/* Talk until the engine is in this state. */
void puppet_reach(struct puppet *p, enum tls_state s);
/* Take in what the engine sent. */
void puppet_listen(struct puppet *p);
enum tls_state puppet_state(const struct puppet *p);
/* The engine failed with this status and told us so with the alert that goes with it. */
void puppet_expect(struct puppet *p, csep_status st, const char *what);

#endif
