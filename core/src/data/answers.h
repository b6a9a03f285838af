/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an acceptor says without a connection: REFUSE, RETRY, stateless resets. A short queue,
 * limits of rate, and the tokens that only this acceptor can make and read (spec 6.4, 6.5, 6.11).
 */
#ifndef CSEP_DATA_ANSWERS_H
#define CSEP_DATA_ANSWERS_H

#include <stdbool.h>

#include "base/mem.h"
#include "crypto/hash.h"
#include "csep/host.h"
#include "data/packet.h"
#include "data/rate.h"

#define ANSWER_MAX      160u
#define ANSWERS_QUEUED  64u
#define RETRY_TOKEN_LEN (8 + 24 + 16)

struct answer {
    struct csep_addr to;
    uint16_t len;
    uint8_t bytes[ANSWER_MAX];
};

struct answers {
    struct answer *queue; /* ANSWERS_QUEUED of them while any is queued */
    uint32_t first, num;
    struct rates rates; /* of REFUSE and resets */
    struct secret reset_secret, retry_secret;
    struct csep_random random;
};

void answers_init(struct answers *a, const uint8_t reset_key[32], uint32_t per_second,
                  uint32_t per_second_address, struct csep_random random);
void answers_wipe(struct answers *a, struct mem *m);
size_t answers_next(struct answers *a, struct mem *m, uint8_t *out, size_t cap, struct csep_addr *to);

/* Each does nothing when the rate is used up or the answer would be no smaller than the trigger. */
bool answer_refuse(struct answers *a, struct mem *m, const struct open_header *h, enum csep_refuse_code code,
                   size_t trigger, const struct csep_addr *to, csep_time now);
bool answer_retry(struct answers *a, struct mem *m, const struct open_header *h, size_t trigger,
                  const struct csep_addr *to, csep_time now);
bool answer_reset(struct answers *a, struct mem *m, const uint8_t id[8], size_t trigger,
                  const struct csep_addr *to, csep_time now);

/* A token of RETRY: for this address and port, this OPEN, and 30 seconds. */
bool retry_token_valid(const struct answers *a, const struct open_header *h, const struct csep_addr *from,
                       csep_time now);
void reset_token_of(const struct answers *a, const uint8_t *id, size_t len,
                    uint8_t token[CSEP_RESET_TOKEN_LEN]);

#endif
