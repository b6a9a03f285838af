/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of a grantor; grantor.c has the grants, grantor_slots.c what the data side sees. */
#ifndef CSEP_CONTEXT_GRANTOR_H
#define CSEP_CONTEXT_GRANTOR_H

#include "context/book.h"
#include "context/ledger.h"
#include "context/strike.h"
#include "context/ticket.h"
#include "crypto/hash.h"

struct csep_grantor {
    struct csep_grantor_config cfg;
    struct csep_usage limits;
    struct ticket_keys keys;
    csep_time started;
    struct book book;     /* stateful */
    struct strike strike; /* stateless */
    struct ledger ledger;
    struct hmac_key handle_key; /* stateless: handles prove themselves */
};

/* New tickets of a context; until: its expiry. */
void grantor_make_place(struct csep_grantor *g, struct book_context *c, csep_time now,
                        struct csep_ticket *out);
void grantor_make_sealed(struct csep_grantor *g, struct ticket_context *c, csep_time now,
                         struct csep_ticket *out);
/* Is the client that comes with a connection the one that the context was granted to? */
bool grantor_same_client(bool bound, const uint8_t spki[32], const struct csep_identity *client);

#endif
