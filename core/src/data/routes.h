/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which connection a datagram belongs to: a hash table over the first eight bytes of a connection
 * id, which all ids have, and over those of client_random for repeated OPENs. Strangers choose
 * some of the keys, hence the keyed hash; no key is in the table twice, hence no chains.
 */
#ifndef CSEP_DATA_ROUTES_H
#define CSEP_DATA_ROUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "crypto/siphash.h"

struct csep_data;

/* Two name spaces in one table: one key of theirs in 2^64 would be taken for the other, and that
 * connection would not open. */
enum route_kind { ROUTE_CID, ROUTE_RANDOM };

struct route {
    uint64_t key;
    struct csep_data *conn; /* NULL: free */
};

struct routes {
    struct route *v;
    uint32_t num, cap; /* cap: a power of two, or 0 */
    struct siphash_key hash_key;
};

uint64_t route_key(const uint8_t id[8]);
struct csep_data *routes_find(const struct routes *r, enum route_kind kind, uint64_t key);
/* False: the key is taken, or no memory. */
bool routes_add(struct routes *r, struct mem *m, enum route_kind kind, uint64_t key, struct csep_data *conn);
void routes_remove(struct routes *r, struct mem *m, enum route_kind kind, uint64_t key,
                   const struct csep_data *conn);
void routes_wipe(struct routes *r, struct mem *m);

#endif
