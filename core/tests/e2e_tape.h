/* SPDX-License-Identifier: BSD-2-Clause */
/* An ear on the wire of whole hosts: datagrams as they were sent, to be looked at or played again. */
#ifndef CSEP_TESTS_E2E_TAPE_H
#define CSEP_TESTS_E2E_TAPE_H

#include "e2e.h"

#define TAPE_MOST 128u

struct tape {
    unsigned num;
    struct {
        enum net_way way;
        size_t len;
        uint8_t b[NET_DATAGRAM];
    } * at;
    unsigned refusals; /* heard, kept or not */
};

/* From now on; uses the world's judge. */
void tape_begin(struct e2e *w, struct tape *t);
void tape_pause(struct e2e *w);
void tape_resume(struct e2e *w, struct tape *t);
void tape_end(struct e2e *w, struct tape *t);
/* The first of a type (CSEP_PKT_*), or -1. */
int tape_find(const struct tape *t, enum net_way way, int type);
/* All that went up goes to that server, from that address. */
void tape_play(struct e2e *w, const struct tape *t, unsigned to, const struct csep_addr *from);

/* A world that has run for long enough to take early data (CTX-6). */
void e2e_begin_mature(struct e2e *w, enum csep_grantor_mode mode);

#endif
