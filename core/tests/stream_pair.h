/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two ends of a data connection over TCP with a pretended TCP between them: bytes keep their order
 * and are cut as a test likes; time is a number.
 */
#ifndef CSEP_TESTS_STREAM_PAIR_H
#define CSEP_TESTS_STREAM_PAIR_H

#include "fake_slots.h"
#include "support.h"

#include "csep/data.h"

#define PIPE_MAX (1u << 20)

struct stream_pipe {
    uint8_t *bytes;
    size_t len;
};

struct stream_end {
    struct csep_stream *s;
    struct csep_data_config cfg;
    struct test_random random;
    struct test_alloc alloc;
    struct test_trace trace;
    struct test_keylog keylog;
    struct stream_pipe out; /* on its way to the other end */
    uint8_t *got;           /* stream bytes that were read, or messages behind each other */
    size_t got_len, got_early, num_messages;
    size_t read_most;  /* bytes the application reads at a time; 0: it does not read */
    unsigned seen[32]; /* events by type */
    struct csep_data_event last[32];
    struct csep_data_event closed;
};

struct stream_pair {
    struct fake_slots slots;
    struct csep_slot slot;
    struct stream_end o, a; /* opener, acceptor */
    csep_time now;
    size_t chunk;  /* bytes given to input() at once */
    size_t window; /* room given to output() at once */
};

/* Configurations, slots and memory; a test changes them before stream_pair_start(). */
void stream_pair_init(struct stream_pair *p);
void stream_pair_start(struct stream_pair *p, enum csep_service service);
/* Move bytes in one direction as far as the receiver takes them; true: some were. */
bool stream_pair_send(struct stream_pair *p, struct stream_end *from, struct stream_end *to);
/* Both directions until nothing moves. */
void stream_pair_run(struct stream_pair *p);
/* Take what output() gives into the pipe. */
void stream_end_output(struct stream_pair *p, struct stream_end *e);
/* Events, and reading. */
void stream_end_drain(struct stream_end *e);
void stream_end_write(struct stream_pair *p, struct stream_end *e, const void *bytes, size_t n);
void stream_end_message(struct stream_pair *p, struct stream_end *e, uint64_t channel, bool ordered,
                        const void *bytes, size_t n);
/* Wipes both and checks that all memory came back. */
void stream_pair_done(struct stream_pair *p);

#endif
