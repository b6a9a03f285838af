/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tickets as a server makes them: a small plain value, sealed under a rotating key with a random nonce, so
 * that no two have a byte in common by more than chance (CTX-2) and only the server can make or read one.
 *
 *   stateful    where the context is (index and generation) and the number of the slot
 *   stateless   the context itself
 */
#ifndef CSEP_CONTEXT_TICKET_H
#define CSEP_CONTEXT_TICKET_H

#include "csep/context.h"

/* ---- Keys: the one in use and up to three earlier ones, each until what it sealed is over (CTX-7) ---- */

#define TICKET_KEYS_EARLIER 3

struct ticket_key {
    uint8_t b[32];
    csep_time until; /* end of what was sealed under it so far */
};

struct ticket_keys {
    struct ticket_key key[1 + TICKET_KEYS_EARLIER]; /* [0] seals, all open */
    unsigned num;
    csep_time rotate_at, rotation;
};

/* CSEP_ERR_INTERNAL: the random source gave zeros (CTX-8). */
csep_status ticket_keys_init(struct ticket_keys *k, csep_time rotation, struct csep_random rnd,
                             csep_time now) CSEP_MUST_CHECK;
/* Rotate if due, drop what is over. */
void ticket_keys_expire(struct ticket_keys *k, struct csep_random rnd, csep_time now);
csep_time ticket_keys_deadline(const struct ticket_keys *k);
/* The longest life of anything sealed now, so that it ends before its key is dropped. */
csep_time ticket_keys_longest(const struct ticket_keys *k);

#define TICKET_SEALED_OVERHEAD 40u

enum ticket_purpose { TICKET_STATEFUL = 1, TICKET_STATELESS = 2, TICKET_ADDRESS = 3 };

/* out gets n + TICKET_SEALED_OVERHEAD bytes. until: when the sealed thing is over. */
void ticket_seal(struct ticket_keys *k, enum ticket_purpose purpose, uint8_t *out, const uint8_t *in,
                 size_t n, csep_time until, struct csep_random rnd);
/* False: not ours, or of a key long gone. out gets n - TICKET_SEALED_OVERHEAD bytes. */
bool ticket_unseal(const struct ticket_keys *k, enum ticket_purpose purpose, uint8_t *out, const uint8_t *in,
                   size_t n);

/* ---- What is inside ---- */

struct ticket_place {
    uint32_t index, generation, slot;
    csep_time made;
};
void ticket_put_place(struct ticket_keys *k, const struct ticket_place *p, csep_time until,
                      struct csep_random rnd, struct csep_ticket *out);
bool ticket_get_place(const struct ticket_keys *k, const uint8_t *ticket, size_t len,
                      struct ticket_place *out);

struct ticket_context {
    uint8_t handle[CSEP_HANDLE_LEN];
    uint8_t secret[32];
    csep_time granted, expires, made;
    bool bound; /* to the client's identity */
    uint8_t client_spki_sha256[32];
};
void ticket_put_context(struct ticket_keys *k, const struct ticket_context *c, struct csep_random rnd,
                        struct csep_ticket *out);
bool ticket_get_context(const struct ticket_keys *k, const uint8_t *ticket, size_t len,
                        struct ticket_context *out);
/* A number that names a stateless ticket among used ones: its random nonce in part. Never 0. */
uint64_t ticket_mark(const uint8_t *ticket);

/* slot secret (spec 5.3) of a ticket. */
void ticket_slot_secret(uint8_t out[32], const uint8_t context_secret[32], const uint8_t *ticket, size_t len);

#endif
