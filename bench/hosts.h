/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts share: a seeded random source, the heap, and an acceptor whose tickets are all good. */
#ifndef BENCH_HOSTS_H
#define BENCH_HOSTS_H

#include "csep/csep.h"

extern const struct csep_random bench_rnd;
extern const struct csep_alloc bench_heap; /* counts what is held now in bench_heap_bytes */
extern size_t bench_heap_bytes;

/* What a server of this benchmark grants: all services over UDP and TCP. */
void bench_menu(struct csep_grant *menu);
/* A slot for a fresh ticket, as a context of the store would give it, for `aead` and `upgrade`. */
void bench_slot(struct csep_slot *out, uint16_t aead, enum csep_upgrade upgrade);
/* Opens every ticket into the slot above: the cost of contexts is not part of what is measured here. */
struct csep_slot_source bench_slots(void);

#endif
