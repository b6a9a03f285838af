/* SPDX-License-Identifier: BSD-2-Clause */
#include "context/token.h"

#include <string.h>

#include "base/cursor.h"
#include "crypto/wipe.h"

#define PLAIN_LEN (TOKEN_LEN - TICKET_SEALED_OVERHEAD)

void token_put(struct ticket_keys *k, const struct csep_addr *client, csep_time until, struct csep_random rnd,
               uint8_t out[TOKEN_LEN])
{
    uint8_t plain[PLAIN_LEN];
    struct wr w = wr_init(plain, sizeof plain);
    //= DATA-17
    wr_u8(&w, client->family);
    wr_bytes(&w, client->ip, sizeof client->ip);
    wr_u64(&w, until);
    ticket_seal(k, TICKET_ADDRESS, out, plain, sizeof plain, until, rnd);
}

bool token_check(const struct ticket_keys *k, const uint8_t *token, size_t len,
                 const struct csep_addr *client, csep_time now)
{
    uint8_t plain[PLAIN_LEN];
    if (len != TOKEN_LEN || !ticket_unseal(k, TICKET_ADDRESS, plain, token, len))
        return false;
    CSEP_CT_PUBLIC(plain, sizeof plain); /* an address and a time */
    struct rd r = rd_init(plain, sizeof plain);
    bool same = rd_u8(&r) == client->family;
    const uint8_t *ip = rd_bytes(&r, sizeof client->ip);
    same &= memcmp(ip, client->ip, sizeof client->ip) == 0;
    return same && now < rd_u64(&r);
}
