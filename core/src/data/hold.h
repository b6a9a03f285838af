/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagrams that came too early: before their OPEN (DATA-36), or before their context is active (NEG-65). */
#ifndef CSEP_DATA_HOLD_H
#define CSEP_DATA_HOLD_H

#include <stdbool.h>

#include "base/mem.h"
#include "csep/host.h"
#include "csep/wire.h"

enum hold_kind { HOLD_EARLY, HOLD_PENDING };

struct held {
    struct held *next;
    enum hold_kind kind;
    csep_time until;
    struct csep_addr from;
    uint8_t handle[CSEP_HANDLE_LEN]; /* HOLD_PENDING */
    uint32_t len;
    uint8_t bytes[];
};

struct hold {
    struct held *first; /* oldest first */
    unsigned num_early, num_pending;
};

/* False: no more is held of that kind. handle NULL: HOLD_EARLY. */
bool hold_add(struct hold *h, struct mem *m, const uint8_t *p, size_t n, const struct csep_addr *from,
              const uint8_t *handle, csep_time now);
/* Take out the first for which match() says yes; NULL: none. The caller gives it back with hold_free(). */
struct held *hold_take(struct hold *h, bool (*match)(void *self, const struct held *e), void *self);
void hold_free(struct mem *m, struct held *e);
csep_time hold_deadline(const struct hold *h);
/* The next one that is past its time, or NULL. */
struct held *hold_expired(struct hold *h, csep_time now);
void hold_wipe(struct hold *h, struct mem *m);

#endif
