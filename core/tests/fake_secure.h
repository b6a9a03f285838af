/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A secure stream without security: the flights, records, flags and exporter of TLS 1.3, nothing encrypted.
 * Tests of negotiation see through it, break it at any byte, and put it into states that a real engine
 * reaches rarely. Records look like TLS's (type, version, length); a hello is 33 bytes, a Finished 34.
 */
#ifndef CSEP_TESTS_FAKE_SECURE_H
#define CSEP_TESTS_FAKE_SECURE_H

#include "csep/secure.h"
#include "support.h"

struct fake_buffer {
    uint8_t *b;
    size_t len, cap;
};

struct fake_secure {
    struct csep_secure secure; /* first */
    unsigned flags;            /* enum csep_secure_flag; tests may set them by hand */
    bool is_server, has_exporter;
    bool late_write;          /* server: cannot write before the client's Finished */
    size_t flight_padding;    /* server: extra bytes in its first flight, as a certificate makes */
    size_t max_out;           /* most bytes queued; 0: no limit */
    struct csep_identity own; /* client: sent in Finished */
    struct csep_identity peer;
    csep_status failure;
    csep_time auth_age;
    uint8_t randoms[2][32]; /* client, server */
    struct fake_buffer raw; /* record in the making */
    struct fake_buffer app; /* received application data */
    struct fake_buffer out; /* for the transport */
    unsigned forgotten;     /* calls of forget_exporter */
};

void fake_client(struct fake_secure *f, struct csep_random rnd);
void fake_server(struct fake_secure *f, struct csep_random rnd);
void fake_free(struct fake_secure *f);
/* As if the peer had sent this application data. */
void fake_receive(struct fake_secure *f, const void *p, size_t n);
/* Bring an end to where both Finished verified, without a peer. */
void fake_establish(struct fake_secure *f);
/* Application bytes in what waits for the transport, records opened; empties it. Alerts count into
 * *out_alerts. */
size_t fake_sent(struct fake_secure *f, uint8_t *out, size_t cap, unsigned *out_alerts);

#endif
