/* SPDX-License-Identifier: BSD-2-Clause */
#include "context/store.h"

#include <assert.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/wipe.h"

#define CHAINS_MIN 64u

size_t csep_store_size(void)
{
    return sizeof(struct csep_store);
}

size_t csep_context_size_client(void)
{
    return sizeof(struct csep_context);
}

csep_status csep_store_init(struct csep_store *s, const struct csep_store_config *cfg)
{
    memset(s, 0, sizeof *s);
    s->cfg = *cfg;
    if (!s->cfg.max_contexts)
        s->cfg.max_contexts = 10000;
    cfg->random.fill(cfg->random.self, s->salt, sizeof s->salt);
    s->mem.alloc = cfg->alloc;
    s->chains = mem_get(&s->mem, CHAINS_MIN * sizeof(struct csep_context *));
    if (!s->chains)
        return CSEP_ERR_MEMORY;
    memset(s->chains, 0, CHAINS_MIN * sizeof(struct csep_context *));
    s->num_chains = CHAINS_MIN;
    return CSEP_OK;
}

void csep_store_wipe(struct csep_store *s)
{
    while (s->oldest)
        store_remove(s, s->oldest, 0);
    timers_wipe(&s->due, &s->mem);
    mem_put(&s->mem, s->chains, s->num_chains * sizeof(struct csep_context *));
    csep_wipe(s, sizeof *s);
}

size_t csep_store_count(const struct csep_store *s)
{
    return s->num;
}

/* ---- Hash chains ---- */

static void add_string(struct hash_ctx *h, const char *text)
{
    uint64_t n = text ? strlen(text) : 0;
    uint8_t len[8];
    for (unsigned i = 0; i < 8; i++)
        len[i] = (uint8_t)(n >> (8 * i));
    hash_add(h, len, sizeof len);
    hash_add(h, text, n);
}

/* Equal digests are equal keys: all that CTX-21 names goes in, but the peer. */
static struct hash digest(const struct csep_store *s, const char *service, const char *group,
                          const uint8_t client[32])
{
    static const uint8_t nobody[32];
    struct hash_ctx h;
    hash_begin(&h);
    hash_add(&h, s->salt, sizeof s->salt);
    add_string(&h, service);
    add_string(&h, group); //= CTX-25
    hash_add(&h, client ? client : nobody, 32);
    return hash_peek(&h);
}

static struct csep_context **chain(const struct csep_store *s, const uint8_t service[32])
{
    uint64_t h;
    memcpy(&h, service, sizeof h);
    return &s->chains[h & (s->num_chains - 1)];
}

/* The first context of this service in its chain, from c on. */
static struct csep_context *same_service(struct csep_context *c, const struct hash *d)
{
    while (c && memcmp(c->service, d->b, sizeof c->service) != 0)
        c = c->chain;
    return c;
}

//= CTX-21
static struct csep_context *find(const struct csep_store *s, const struct hash *d, const uint8_t peer[32])
{
    struct csep_context *c = same_service(*chain(s, d->b), d);
    while (c && memcmp(c->peer, peer, sizeof c->peer) != 0)
        c = same_service(c->chain, d);
    return c;
}

/* Longer chains are no defect: without memory for a larger table the old one goes on. */
static void grow(struct csep_store *s)
{
    size_t old = s->num_chains, bytes = old * sizeof(struct csep_context *);
    struct csep_context **before = s->chains, **after;
    if (s->num < old || !(after = mem_get(&s->mem, 2 * bytes)))
        return;
    memset(after, 0, 2 * bytes);
    s->chains = after;
    s->num_chains = 2 * old;
    for (size_t i = 0; i < old; i++) {
        for (struct csep_context *c = before[i], *next; c; c = next) {
            struct csep_context **to = chain(s, c->service);
            next = c->chain;
            c->chain = *to;
            *to = c;
        }
    }
    mem_put(&s->mem, before, bytes);
}

/* ---- By last use ---- */

static void unlink_use(struct csep_store *s, struct csep_context *c)
{
    *(c->newer ? &c->newer->older : &s->newest) = c->older;
    *(c->older ? &c->older->newer : &s->oldest) = c->newer;
}

static void link_use(struct csep_store *s, struct csep_context *c)
{
    c->newer = NULL;
    c->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = c;
    s->newest = c;
}

void store_touch(struct csep_store *s, struct csep_context *c)
{
    if (s->newest != c) {
        unlink_use(s, c);
        link_use(s, c);
    }
}

/* One that negotiates is held by somebody: the next older one goes. //= CTX-22 */
static bool evict(struct csep_store *s, csep_time now)
{
    struct csep_context *c = s->oldest;
    while (c && c->negotiates)
        c = c->newer;
    if (c)
        store_remove(s, c, now);
    return c != NULL;
}

/* ---- Making and dropping ---- */

static struct csep_context *make(struct csep_store *s, const struct hash *d, const uint8_t peer[32],
                                 csep_time now)
{
    if (s->num >= s->cfg.max_contexts && !evict(s, now))
        return NULL;
    struct csep_context *c = mem_get(&s->mem, sizeof *c);
    if (!c)
        return NULL;
    memset(c, 0, sizeof *c);
    if (!timers_set(&s->due, &s->mem, &c->due, CSEP_NEVER)) {
        mem_put(&s->mem, c, sizeof *c);
        return NULL;
    }
    grow(s);
    memcpy(c->service, d->b, sizeof c->service);
    memcpy(c->peer, peer, sizeof c->peer);
    c->soft_at = c->hard_at = CSEP_NEVER;
    c->chain = *chain(s, d->b);
    *chain(s, d->b) = c;
    link_use(s, c);
    s->num++;
    return c;
}

void store_remove(struct csep_store *s, struct csep_context *c, csep_time now)
{
    struct csep_context **at = chain(s, c->service);
    (void)now;
    while (*at != c)
        at = &(*at)->chain;
    *at = c->chain;
    unlink_use(s, c);
    timers_remove(&s->due, &s->mem, &c->due);
    context_free_blocks(s, c);
    CSEP_WIPE(*c);
    mem_put(&s->mem, c, sizeof *c);
    s->num--;
}

/* ---- Looking up ---- */

static bool nothing_granted(const struct csep_context *c)
{
    return c->state == CSEP_CTX_NONE || c->state == CSEP_CTX_NEGOTIATING;
}

struct csep_context *csep_store_get(struct csep_store *s, const struct csep_store_key *key, csep_time now)
{
    static const uint8_t unknown[32];
    struct hash d = digest(s, key->service, key->group, key->client_spki_sha256);
    struct csep_context *c = find(s, &d, key->peer_spki_sha256);
    if (!c && (c = find(s, &d, unknown)) && nothing_granted(c))
        memcpy(c->peer, key->peer_spki_sha256, sizeof c->peer);
    else if (!c || memcmp(c->peer, key->peer_spki_sha256, sizeof c->peer) != 0)
        c = make(s, &d, key->peer_spki_sha256, now);
    if (c)
        store_touch(s, c);
    return c;
}

struct csep_context *csep_store_find(struct csep_store *s, const struct csep_store_key *key)
{
    struct hash d = digest(s, key->service, key->group, key->client_spki_sha256);
    struct csep_context *c = find(s, &d, key->peer_spki_sha256);
    if (c)
        store_touch(s, c);
    return c;
}

/* Of several peers under one name, the one whose context is usable, and of these the one used last. */
struct csep_context *csep_store_find_service(struct csep_store *s, const char *service, const char *group,
                                             const uint8_t client_spki_sha256[32])
{
    struct hash d = digest(s, service, group, client_spki_sha256);
    struct csep_context *best = NULL;
    for (struct csep_context *c = same_service(*chain(s, d.b), &d); c; c = same_service(c->chain, &d))
        if (!best || (csep_ctx_usable(c->state) && !csep_ctx_usable(best->state)))
            best = c;
    if (best)
        store_touch(s, best);
    return best;
}

csep_time csep_store_deadline(const struct csep_store *s)
{
    const struct timer_node *first = timers_first(&s->due);
    return first ? first->at : CSEP_NEVER;
}

void csep_store_expire(struct csep_store *s, csep_time now)
{
    while (csep_store_deadline(s) <= now)
        context_expire(s, (struct csep_context *)(void *)timers_first(&s->due), now);
}
