/* SPDX-License-Identifier: BSD-2-Clause */
/* The server's side of contexts: what is granted, to whom, for how long. */
#include "context/grantor.h"

#include <assert.h>
#include <string.h>

#include "context/grant.h"
#include "context/limits.h"
#include "context/token.h"
#include "crypto/wipe.h"

#define LIFETIME_MAX 604800u /* seconds, also since the peer's last authentication (CTX-17) */
#define TICKETS_MAX  32u
#define TICKETS_MIN  2u
#define ENDED_MOST   256u /* contexts of which a stateful server remembers why they are no more */

size_t csep_grantor_size(void)
{
    return sizeof(struct csep_grantor);
}

size_t csep_context_size_server(void)
{
    /* What the indexes hold for each: two handle places, a free place, a heap place. */
    return sizeof(struct book_context) + 2 * sizeof(uint32_t);
}

struct csep_grantor_config csep_grantor_config_default(void)
{
    struct csep_grantor_config cfg = {
        .num_tickets = 8, //= CTX-9
        .max_contexts = 1000000,
        .key_rotation = CSEP_SEC(86400),
        .address_tokens = true,
        .strike_entries = 65536,
    };
    cfg.menu.lifetime = 86400;
    cfg.menu.aeads[0] = CSEP_AEAD_CHACHA20_POLY1305;
    cfg.menu.num_aeads = 1;
    cfg.menu.transports[0] = (struct csep_grant_transport){
        .transport = CSEP_TRANSPORT_UDP,
        .services = 1u << CSEP_SERVICE_DATAGRAM | 1u << CSEP_SERVICE_MESSAGE,
        .max_unit = 1472,
        .first_flight = 3600,
    };
    cfg.menu.transports[1] = (struct csep_grant_transport){
        .transport = CSEP_TRANSPORT_TCP,
        .services = 1u << CSEP_SERVICE_MESSAGE | 1u << CSEP_SERVICE_STREAM,
        .first_flight = 14336,
    };
    cfg.menu.num_transports = 2;
    return cfg;
}

static bool menu_is_sound(const struct csep_grant *m)
{
    bool required_aead = false;
    for (unsigned i = 0; i < m->num_aeads && i < 8; i++)
        required_aead |= m->aeads[i] == CSEP_AEAD_CHACHA20_POLY1305; //= NEG-38
    return required_aead && m->num_aeads <= 8 && m->num_transports &&
           m->num_transports <= CSEP_GRANT_TRANSPORTS && m->num_protocols <= CSEP_GRANT_PROTOCOLS &&
           m->num_exports <= 16 && m->lifetime && m->lifetime <= LIFETIME_MAX && m->refresh <= m->lifetime;
}

static csep_status init_mode(struct csep_grantor *g, csep_time now)
{
    struct csep_alloc alloc = g->cfg.alloc;
    uint8_t key[32];
    book_init(&g->book, g->cfg.max_contexts, alloc);
    if (g->cfg.mode == CSEP_GRANTOR_STATEFUL)
        return ledger_init(&g->ledger, ENDED_MOST, alloc);
    g->cfg.random.fill(g->cfg.random.self, key, sizeof key);
    hmac_key_init(&g->handle_key, key, sizeof key);
    CSEP_WIPE(key);
    csep_status st = strike_init(&g->strike, g->cfg.strike_entries, alloc, now);
    if (!st && (st = ledger_init(&g->ledger, g->cfg.strike_entries / 4, alloc)))
        strike_free(&g->strike, alloc);
    return st;
}

csep_status csep_grantor_init(struct csep_grantor *g, const struct csep_grantor_config *cfg, csep_time now)
{
    memset(g, 0, sizeof *g);
    if (!menu_is_sound(&cfg->menu) || cfg->num_tickets < TICKETS_MIN || cfg->num_tickets > TICKETS_MAX ||
        !cfg->key_rotation || !cfg->max_contexts || cfg->max_contexts >= UINT32_MAX)
        return CSEP_ERR_VALUE;
    g->cfg = *cfg;
    g->limits = grant_limits(&cfg->menu);
    g->started = now;
    csep_status st = ticket_keys_init(&g->keys, cfg->key_rotation, cfg->random, now);
    return st ? st : init_mode(g, now);
}

void csep_grantor_wipe(struct csep_grantor *g)
{
    book_wipe(&g->book);
    strike_free(&g->strike, g->cfg.alloc);
    ledger_free(&g->ledger, g->cfg.alloc);
    csep_wipe(g, sizeof *g);
}

/* ---- A grant ---- */

static bool stateful(const struct csep_grantor *g)
{
    return g->cfg.mode == CSEP_GRANTOR_STATEFUL;
}

/* First half random, second half its MAC: a stateless server knows its own handles again. */
static void sign_handle(const struct csep_grantor *g, uint8_t handle[CSEP_HANDLE_LEN])
{
    uint8_t mac[HASH_LEN];
    hmac(&g->handle_key, mac, handle, CSEP_HANDLE_LEN / 2);
    memcpy(handle + CSEP_HANDLE_LEN / 2, mac, CSEP_HANDLE_LEN / 2);
}

static bool own_handle(const struct csep_grantor *g, const uint8_t handle[CSEP_HANDLE_LEN])
{
    uint8_t own[CSEP_HANDLE_LEN];
    memcpy(own, handle, sizeof own);
    sign_handle(g, own);
    return csep_equal(own, handle, sizeof own);
}

//= NEG-40
static void new_handle(struct csep_grantor *g, uint8_t handle[CSEP_HANDLE_LEN])
{
    do
        g->cfg.random.fill(g->cfg.random.self, handle, CSEP_HANDLE_LEN);
    while (book_find(&g->book, handle));
    if (!stateful(g))
        sign_handle(g, handle);
}

static uint32_t choose_lifetime(const struct csep_grantor *g, uint32_t asked, csep_time auth_age)
{
    csep_time longest = ticket_keys_longest(&g->keys) / CSEP_SEC(1), age = auth_age / CSEP_SEC(1);
    uint32_t lifetime = g->cfg.menu.lifetime;
    if (auth_age % CSEP_SEC(1))
        age++;
    if (asked && asked < lifetime)
        lifetime = asked; //= NEG-49
    if (lifetime > longest)
        lifetime = (uint32_t)longest;
    if (age >= LIFETIME_MAX)
        return 0;
    return lifetime < LIFETIME_MAX - age ? lifetime : LIFETIME_MAX - (uint32_t)age; //= CTX-17
}

csep_status csep_grantor_begin(struct csep_grantor *g, const struct csep_grant_request *req,
                               const struct csep_addr *client, csep_time auth_age, csep_time now,
                               struct csep_grant *out)
{
    const struct csep_grant *menu = &g->cfg.menu;
    csep_grantor_expire(g, now);
    uint32_t lifetime = choose_lifetime(g, req ? req->lifetime : 0, auth_age);
    if (!lifetime)
        return CSEP_ERR_REFUSED;
    *out = *menu;
    out->lifetime = lifetime;
    out->refresh = (uint32_t)((uint64_t)menu->refresh * lifetime / menu->lifetime);
    new_handle(g, out->handle);
    out->token_len = 0;
    if (g->cfg.address_tokens && client && client->family) {
        csep_time until = csep_time_add(now, CSEP_SEC(lifetime));
        token_put(&g->keys, client, until, g->cfg.random, out->token);
        out->token_len = TOKEN_LEN;
    }
    return CSEP_OK;
}

static unsigned clamp_tickets(unsigned want)
{
    return want < TICKETS_MIN ? TICKETS_MIN : want > TICKETS_MAX ? TICKETS_MAX : want;
}

static csep_status finish_stateful(struct csep_grantor *g, const struct csep_grant_request *req,
                                   const struct csep_grant *grant, const uint8_t secret[32],
                                   const struct csep_identity *client, bool pending, csep_time now,
                                   struct csep_ticket *out, unsigned num)
{
    struct book_context *c, *old = NULL;
    csep_status st = book_add(&g->book, grant->handle, csep_time_add(now, CSEP_SEC(grant->lifetime)), &c);
    if (st)
        return st;
    memcpy(c->secret, secret, sizeof c->secret);
    c->granted = now;
    c->pending = pending;
    c->bound = grant->client_identity;
    if (c->bound && client && client->present)
        memcpy(c->client_spki_sha256, client->spki_sha256, sizeof c->client_spki_sha256);
    if (req && req->have_handle && csep_grantor_shares(g, req->handle, client, now))
        old = book_find(&g->book, req->handle);
    if (old) {
        c->replaces_index = old->index; //= NEG-48
        c->replaces_generation = old->generation;
    }
    for (unsigned i = 0; i < num; i++)
        grantor_make_place(g, c, now, &out[i]);
    return CSEP_OK;
}

static void seal_tickets(struct csep_grantor *g, const struct csep_granted *of,
                         const struct csep_identity *client, csep_time now, struct csep_ticket *out,
                         unsigned num)
{
    struct ticket_context c = {.granted = of->granted, .bound = of->bound};
    c.expires = csep_time_add(of->granted, CSEP_SEC(of->lifetime));
    memcpy(c.handle, of->handle, sizeof c.handle);
    memcpy(c.secret, of->secret, sizeof c.secret);
    if (c.bound)
        memcpy(c.client_spki_sha256, client->spki_sha256, sizeof c.client_spki_sha256);
    for (unsigned i = 0; i < num; i++)
        grantor_make_sealed(g, &c, now, &out[i]);
    CSEP_WIPE(c);
}

static csep_status finish_stateless(struct csep_grantor *g, const struct csep_grant *grant,
                                    const uint8_t secret[32], const struct csep_identity *client,
                                    csep_time now, struct csep_ticket *out, unsigned num)
{
    struct csep_granted of = {.granted = now, .lifetime = grant->lifetime, .bound = grant->client_identity};
    memcpy(of.handle, grant->handle, sizeof of.handle);
    memcpy(of.secret, secret, sizeof of.secret);
    seal_tickets(g, &of, client, now, out, num);
    CSEP_WIPE(of);
    return CSEP_OK;
}

csep_status csep_grantor_finish(struct csep_grantor *g, const struct csep_grant_request *req,
                                const struct csep_grant *grant, const uint8_t secret[32],
                                const struct csep_identity *client, bool pending, csep_time now,
                                struct csep_ticket *out_tickets, unsigned *out_num)
{
    unsigned num = clamp_tickets(req && req->tickets ? req->tickets : g->cfg.num_tickets);
    bool known = client && client->present;
    csep_status st;
    if (grant->client_identity && !pending && !known)
        return CSEP_ERR_IDENTITY;
    if (stateful(g))
        st = finish_stateful(g, req, grant, secret, client, pending, now, out_tickets, num);
    else if (pending)
        st = CSEP_ERR_UNSUPPORTED; //= NEG-67
    else
        st = finish_stateless(g, grant, secret, client, now, out_tickets, num);
    *out_num = st ? 0 : num;
    return st;
}

void csep_grantor_activate(struct csep_grantor *g, const uint8_t handle[CSEP_HANDLE_LEN],
                           const struct csep_identity *client, csep_time now)
{
    struct book_context *c = book_find(&g->book, handle);
    (void)now;
    if (!c || !c->pending)
        return;
    assert(client && client->present);
    c->pending = false; //= NEG-64
    memcpy(c->client_spki_sha256, client->spki_sha256, sizeof c->client_spki_sha256);
}

void csep_grantor_discard(struct csep_grantor *g, const uint8_t handle[CSEP_HANDLE_LEN])
{
    struct book_context *c = book_find(&g->book, handle);
    if (c)
        book_remove(&g->book, c); //= NEG-66
}

/* ---- Later ---- */

bool grantor_same_client(bool bound, const uint8_t spki[32], const struct csep_identity *client)
{
    return !client || !bound || (client->present && csep_equal(spki, client->spki_sha256, 32));
}

bool csep_grantor_shares(const struct csep_grantor *g, const uint8_t handle[CSEP_HANDLE_LEN],
                         const struct csep_identity *client, csep_time now)
{
    if (!stateful(g)) {
        const struct ledger_entry *e = ledger_find(&g->ledger, handle, now);
        return own_handle(g, handle) && !(e && e->revoked);
    }
    const struct book_context *c = book_find(&g->book, handle);
    return c && now < c->expiry.at && !c->pending &&
           grantor_same_client(c->bound, c->client_spki_sha256, client);
}

csep_status csep_grantor_tickets(struct csep_grantor *g, const uint8_t handle[CSEP_HANDLE_LEN],
                                 const struct csep_identity *client, unsigned want, csep_time now,
                                 struct csep_ticket *out_tickets, unsigned *out_num)
{
    *out_num = 0;
    csep_grantor_expire(g, now);
    /* A stateless server holds no secret that it could seal again. */
    if (!stateful(g) || !csep_grantor_shares(g, handle, client, now))
        return CSEP_ERR_NO_CONTEXT;
    struct book_context *c = book_find(&g->book, handle);
    if (!book_can_issue(c))
        return CSEP_ERR_NO_CONTEXT;
    book_touch(&g->book, c);
    *out_num = clamp_tickets(want ? want : g->cfg.num_tickets);
    for (unsigned i = 0; i < *out_num; i++)
        grantor_make_place(g, c, now, &out_tickets[i]);
    return CSEP_OK;
}

csep_status csep_grantor_seal(struct csep_grantor *g, const struct csep_granted *of,
                              const struct csep_identity *client, unsigned want, csep_time now,
                              struct csep_ticket *out_tickets, unsigned *out_num)
{
    *out_num = 0;
    csep_grantor_expire(g, now);
    if (stateful(g) || !csep_grantor_shares(g, of->handle, client, now) ||
        now >= csep_time_add(of->granted, CSEP_SEC(of->lifetime)) ||
        (of->bound && !(client && client->present)))
        return CSEP_ERR_NO_CONTEXT;
    *out_num = clamp_tickets(want ? want : g->cfg.num_tickets);
    seal_tickets(g, of, client, now, out_tickets, *out_num);
    return CSEP_OK;
}

bool csep_grantor_stateful(const struct csep_grantor *g)
{
    return stateful(g);
}

static void end_in_ledger(struct csep_grantor *g, const uint8_t handle[CSEP_HANDLE_LEN], csep_time until,
                          csep_time now)
{
    struct ledger_entry *e = ledger_get(&g->ledger, handle, until, now);
    e->revoked = true;
    e->until = until;
    ledger_end(e, now);
}

void csep_grantor_revoke(struct csep_grantor *g, const uint8_t handle[CSEP_HANDLE_LEN], csep_time now)
{
    //= NEG-52, SEC-30
    if (stateful(g)) {
        const struct book_context *c = book_find(&g->book, handle);
        if (c)
            end_in_ledger(g, handle, c->expiry.at, now);
        csep_grantor_discard(g, handle);
    } else if (own_handle(g, handle)) {
        end_in_ledger(g, handle, csep_time_add(now, CSEP_SEC(g->cfg.menu.lifetime)), now);
    }
}

bool csep_grantor_check_address(struct csep_grantor *g, const uint8_t *token, size_t len,
                                const struct csep_addr *client, csep_time now)
{
    return token_check(&g->keys, token, len, client, now);
}

csep_time csep_grantor_deadline(const struct csep_grantor *g)
{
    const struct timer_node *first = timers_first(&g->book.expiry);
    csep_time keys = ticket_keys_deadline(&g->keys);
    return first ? csep_time_min(keys, first->at) : keys;
}

void csep_grantor_expire(struct csep_grantor *g, csep_time now)
{
    ticket_keys_expire(&g->keys, g->cfg.random, now);
    book_expire(&g->book, now);
}

size_t csep_grantor_contexts(const struct csep_grantor *g)
{
    return g->book.num;
}

size_t csep_grantor_memory(const struct csep_grantor *g)
{
    size_t n = sizeof *g + g->book.mem.held + ledger_memory(&g->ledger);
    if (!stateful(g))
        n += strike_memory(&g->strike);
    return n;
}
