/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replay window (DATA-7, DATA-8): which packet numbers of a space were received.
 *
 * A ring of bits over the highest `size` numbers. Ask before opening a packet, mark after it
 * authenticated: a forged packet never moves the window.
 */
#ifndef CSEP_DATA_REPLAY_H
#define CSEP_DATA_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

struct replay {
    uint64_t *bits; /* size / 64 words */
    uint64_t next;  /* one above the highest number received */
    uint32_t size;  /* numbers; a power of two, 64..8192 */
    uint64_t small; /* the bits of a window of 64, which needs no memory */
};

/* False: no memory. */
bool replay_init(struct replay *r, struct mem *m, uint32_t size);
void replay_wipe(struct replay *r, struct mem *m);
/* Received before, or behind the window. */
bool replay_seen(const struct replay *r, uint64_t number);
void replay_mark(struct replay *r, uint64_t number);

#endif
