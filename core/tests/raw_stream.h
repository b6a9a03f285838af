/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One end of a data connection over TCP made by hand, which says whatever a test wants it to say:
 * right keys, wrong frames. The other end is a csep_stream.
 */
#ifndef CSEP_TESTS_RAW_STREAM_H
#define CSEP_TESTS_RAW_STREAM_H

#include "stream_pair.h"

#include "data/frame.h"
#include "data/packet.h"

struct raw_key {
    struct traffic_secret secret;
    struct aead aead;
    uint64_t number;
};

struct raw_stream {
    struct stream_pair *pair;
    struct stream_end *peer;
    struct derived_salt derived;
    struct hash_ctx headers;
    struct raw_key early, tx, rx; /* early: opener's, until END_EARLY */
    uint8_t in[131072];           /* what the peer sent and was not looked at yet */
    size_t in_len, in_at;
};

/* A raw opener against pair->a: sends OPEN with this payload. */
void raw_open(struct raw_stream *r, struct stream_pair *p, enum csep_service service,
              const char *payload_hex);
/* Reads ACCEPT (and its payload), from which on tx and rx are there. Fails the test on anything else. */
struct view raw_expect_accept(struct raw_stream *r);
/* A raw acceptor against pair->o: reads OPEN, answers with ACCEPT and this payload. */
void raw_accept(struct raw_stream *r, struct stream_pair *p, const char *payload_hex);
/* One record with this payload under one key; hands it to the peer. */
void raw_send(struct raw_stream *r, struct raw_key *k, const void *payload, size_t n);
void raw_send_hex(struct raw_stream *r, struct raw_key *k, const char *hex);
void raw_next_key(struct raw_key *k);
/* Give bytes to the peer, as they are. */
void raw_give(struct raw_stream *r, const uint8_t *bytes, size_t n);
/* The next record of the peer, opened; n == 0: none. */
struct view raw_read(struct raw_stream *r);
/* The peer's next record is CLOSE with that code. */
void raw_expect_close(struct raw_stream *r, unsigned code);

/* PARAMS with what is required and nothing else. */
#define RAW_OPENER_PARAMS   "0403080100"
#define RAW_ACCEPTOR_PARAMS "0403090101"
#define RAW_EARLY_REFUSED   "0403090100"

#endif
