/* SPDX-License-Identifier: BSD-2-Clause */
/* `make ct`: making and opening tickets and address tokens neither branches nor indexes on keys and context
 * secrets. */
#include "context/grantor.h"
#include "context/ticket.h"
#include "context/token.h"
#include "crypto/wipe.h"
#include "support.h"

static void need(bool ok)
{
    if (!ok)
        abort();
}

static void hide_keys(struct ticket_keys *k)
{
    for (unsigned i = 0; i < k->num; i++)
        CSEP_CT_SECRET(k->key[i].b, sizeof k->key[i].b);
}

static void tokens(struct ticket_keys *k, struct csep_random rnd)
{
    struct csep_addr addr = {4, {192, 0, 2, 1}, 1};
    uint8_t token[TOKEN_LEN];
    token_put(k, &addr, CSEP_SEC(100), rnd, token);
    CSEP_CT_PUBLIC(token, sizeof token); /* it goes to the client */
    need(token_check(k, token, sizeof token, &addr, 0));
    token[30] ^= 1;
    need(!token_check(k, token, sizeof token, &addr, 0));
}

static void tickets(enum csep_grantor_mode mode)
{
    struct test_alloc alloc;
    struct test_random random;
    struct csep_grantor_config cfg = csep_grantor_config_default();
    static struct csep_grantor g;
    static struct csep_grant grant;
    static struct csep_ticket t[32];
    struct csep_slot slot;
    uint8_t secret[32];
    unsigned num;
    cfg.mode = mode;
    cfg.strike_entries = 64;
    cfg.alloc = test_alloc(&alloc);
    cfg.random = test_random(&random, 1);
    need(csep_grantor_init(&g, &cfg, 0) == CSEP_OK);
    hide_keys(&g.keys);
    memset(secret, 7, sizeof secret);
    CSEP_CT_SECRET(secret, sizeof secret);
    need(csep_grantor_begin(&g, NULL, NULL, 0, 0, &grant) == CSEP_OK);
    need(csep_grantor_finish(&g, NULL, &grant, secret, NULL, false, 0, t, &num) == CSEP_OK);
    CSEP_CT_PUBLIC(t, sizeof t); /* they go to the client */
    struct csep_slot_source s = csep_grantor_slots(&g);
    need(s.open(s.self, t[0].b, t[0].len, CSEP_TRANSPORT_UDP, 1, &slot) == CSEP_SLOT_OK);
    need(s.spend(s.self, &slot, 1) == CSEP_SLOT_OK);
    t[1].b[40] ^= 1;
    need(s.open(s.self, t[1].b, t[1].len, CSEP_TRANSPORT_UDP, 1, &slot) == CSEP_SLOT_REFUSED);
    tokens(&g.keys, cfg.random);
    csep_grantor_wipe(&g);
}

int main(void)
{
    if (csep_init())
        return 1;
    tickets(CSEP_GRANTOR_STATEFUL);
    tickets(CSEP_GRANTOR_STATELESS);
    return 0;
}
