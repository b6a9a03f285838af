/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An acceptor's view of its contexts without any context: a few slots made from numbers, of which a
 * test can say that they are pending, used or unknown. Opener's and acceptor's copies agree.
 */
#ifndef CSEP_TESTS_FAKE_SLOTS_H
#define CSEP_TESTS_FAKE_SLOTS_H

#include "csep/slot.h"

#define FAKE_SLOTS 8

struct fake_slots {
    struct csep_slot slot[FAKE_SLOTS]; /* acceptor's copies; a test changes what it likes */
    bool used[FAKE_SLOTS], pending[FAKE_SLOTS], unknown[FAKE_SLOTS];
    bool lose_race; /* spend() says that another was faster */
    bool busy;      /* or that it cannot remember any more */
    unsigned opens, spends, reports, asked;
    struct csep_usage reported;
};

void fake_slots_init(struct fake_slots *f, enum csep_transport transport, csep_time now);
struct csep_slot_source fake_slots_source(struct fake_slots *f);
/* The opener's copy of slot i. */
struct csep_slot fake_slots_take(const struct fake_slots *f, unsigned i);

#endif
