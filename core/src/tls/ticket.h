/* SPDX-License-Identifier: BSD-2-Clause */
/* Resumption tickets of a server: its own state, sealed and given to the client to keep. */
#ifndef CSEP_TLS_TICKET_H
#define CSEP_TLS_TICKET_H

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "csep/tls.h"

#define TLS_LIFETIME_MAX                                                                                     \
    604800u /* seconds; also the longest chain of resumptions from one proof of identity */

struct tls_ticket {
    uint8_t psk[HASH_LEN];
    csep_time issued;
    csep_time authenticated; /* when the ends last proved who they are by signature */
    uint32_t lifetime, age_add;
    struct csep_identity client;
    struct hash binding; /* of application protocol and server name */
};

#define TLS_TICKET_PLAIN  (1u + HASH_LEN + 8u + 8u + 4u + 4u + 1u + 32u + HASH_LEN)
#define TLS_TICKET_SEALED (TLS_TICKET_PLAIN + SEALED_OVERHEAD)

/* A ticket is good for one application protocol and one server name (may be empty). */
struct hash tls_ticket_binding(const char *alpn, const char *name, size_t name_len);
void tls_ticket_seal(uint8_t out[TLS_TICKET_SEALED], const struct tls_ticket *t,
                     const struct csep_tls_ticket_keys *keys, struct csep_random rnd);
/* False: not one of ours, or sealed under a key that is gone. */
bool tls_ticket_open(struct tls_ticket *out, const uint8_t *p, size_t n,
                     const struct csep_tls_ticket_keys *keys);
/* Is it in its lifetime, and does the client's idea of its age agree with ours? */
bool tls_ticket_is_fresh(const struct tls_ticket *t, uint32_t obfuscated_age, csep_time now);

#endif
