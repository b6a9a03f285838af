/* SPDX-License-Identifier: BSD-2-Clause */
/* Address tokens: proof that whoever holds one received something at that IP address (DATA-17). */
#ifndef CSEP_CONTEXT_TOKEN_H
#define CSEP_CONTEXT_TOKEN_H

#include "context/ticket.h"

#define TOKEN_LEN (1u + 16u + 8u + TICKET_SEALED_OVERHEAD)

/* Good until `until`, from any port of the address. */
void token_put(struct ticket_keys *k, const struct csep_addr *client, csep_time until, struct csep_random rnd,
               uint8_t out[TOKEN_LEN]);
bool token_check(const struct ticket_keys *k, const uint8_t *token, size_t len,
                 const struct csep_addr *client, csep_time now);

#endif
