/* SPDX-License-Identifier: BSD-2-Clause */
#include "nonces.h"

static void *get(void *self, size_t n)
{
    (void)self;
    return malloc(n);
}

static void put(void *self, void *p, size_t n)
{
    (void)self;
    (void)n;
    free(p);
}

static struct nonce_seen last;

const struct nonce_seen *nonces_last(const struct nonces *x)
{
    (void)x;
    return &last;
}

void nonces_init(struct nonces *x, uint16_t aead)
{
    memset(x, 0, sizeof *x);
    x->aead = aead;
    x->mem.alloc = (struct csep_alloc){get, put, NULL};
}

void nonces_wipe(struct nonces *x)
{
    for (unsigned i = 0; i < x->num; i++) {
        struct nonce_conn *c = x->conns[i];
        ranges_wipe(&c->early.used, &x->mem);
        for (unsigned g = 0; g < NONCE_GENERATIONS; g++) {
            ranges_wipe(&c->up[g].used, &x->mem);
            ranges_wipe(&c->down[g].used, &x->mem);
        }
        free(c);
    }
    x->num = 0;
}

/* ---- Keys ---- */

static struct nonce_conn *conn_of(struct nonces *x, const uint8_t random[32])
{
    for (unsigned i = 0; i < x->num; i++)
        if (memcmp(x->conns[i]->random, random, 32) == 0)
            return x->conns[i];
    assert_true(x->num < NONCE_CONNS);
    struct nonce_conn *c = aligned_alloc(64, (sizeof *c + 63) / 64 * 64);
    assert_non_null(c);
    memset(c, 0, sizeof *c);
    x->conns[x->num++] = c;
    memcpy(c->random, random, 32);
    return c;
}

static void know(struct nonces *x, struct nonce_key *k, const uint8_t *secret)
{
    if (k->known) { /* both ends log it: the same */
        assert_memory_equal(k->secret.s.b, secret, 32);
        return;
    }
    k->known = true;
    memcpy(k->secret.s.b, secret, 32);
    schedule_keys(&k->keys, &k->secret, x->aead);
    ranges_init(&k->used);
}

static void line(void *self, const char *label, const uint8_t random[32], const uint8_t *secret, size_t len)
{
    struct nonces *x = self;
    struct nonce_conn *c = conn_of(x, random);
    assert_int_equal(len, 32);
    if (!strcmp(label, "CSEP_EARLY"))
        know(x, &c->early, secret);
    else if (!strcmp(label, "CSEP_CLIENT_DATA"))
        know(x, &c->up[0], secret);
    else if (!strcmp(label, "CSEP_SERVER_DATA"))
        know(x, &c->down[0], secret);
    else
        fail_msg("unknown label %s", label);
}

struct csep_keylog nonces_keylog(struct nonces *x)
{
    return (struct csep_keylog){line, x};
}

static struct nonce_key *generation(struct nonces *x, struct nonce_key *v, unsigned g)
{
    if (!v[g].known) {
        struct nonce_key *k = &v[g];
        if (!g || !v[g - 1].known)
            return NULL;
        k->known = true;
        schedule_next(&k->secret, &v[g - 1].secret);
        memcpy(k->keys.hp, v[0].keys.hp, sizeof k->keys.hp);
        schedule_aead(&k->keys.aead, &k->secret, x->aead);
        k->next = v[g - 1].next;
        ranges_init(&k->used);
    }
    return &v[g];
}

/* ---- Packets ---- */

static bool open_with(struct nonces *x, struct nonce_key *k, const uint8_t *p, const struct packet_span *span,
                      int phase)
{
    uint8_t copy[2048];
    struct view payload;
    if (!k || !k->known)
        return false;
    memcpy(copy, p, span->end);
    struct packet_number n = packet_unmask(copy, span, k->keys.hp);
    if (phase >= 0 && n.key_phase != (phase & 1))
        return false;
    uint64_t number = packet_number_recover(k->next, n.truncated, n.len);
    if (!packet_open(&payload, copy, span, n.len, number, &k->keys.aead))
        return false;
    if (ranges_cover(&k->used, number, number + 1))
        fail_msg("packet number %llu used twice under one key",
                 (unsigned long long)number); /* //= KEY-5 type=test */
    assert_true(number >= k->next);           //= DATA-6 type=test
    assert_true(ranges_add(&k->used, &x->mem, UINT32_MAX, number, number + 1));
    k->next = number + 1;
    x->packets++;
    last.number = number;
    last.len = payload.n;
    memcpy(last.payload, payload.p, payload.n);
    return true;
}

static bool open_generations(struct nonces *x, struct nonce_conn *c, struct nonce_key *v, const uint8_t *p,
                             const struct packet_span *span)
{
    unsigned ahead = 0;
    for (unsigned g = 0; g < NONCE_GENERATIONS; g++) {
        struct nonce_key *k = generation(x, v, g);
        if (!k)
            return false;
        ahead = k->used.num ? 0 : ahead + 1;
        if (ahead > 6)
            return false; /* an end may follow more than one update before it sends again, but not so many */
        if (!open_with(x, k, p, span, (int)g))
            continue;
        if (g > x->generations)
            x->generations = g;
        last.conn = c;
        last.early = false;
        last.generation = g;
        if (g + 1 < NONCE_GENERATIONS && v[g + 1].known)
            v[g + 1].next = k->next > v[g + 1].next ? k->next : v[g + 1].next;
        return true;
    }
    return false;
}

static bool see_short_with(struct nonces *x, bool up, const uint8_t *p, size_t n, size_t cid_len)
{
    struct view dcid;
    struct packet_span span;
    if (packet_decode_short(&dcid, &span, p, n, cid_len) != CSEP_OK)
        return false;
    for (unsigned i = 0; i < x->num; i++) {
        struct nonce_conn *c = x->conns[i];
        if (up && open_with(x, &c->early, p, &span, 0)) {
            last.conn = c;
            last.early = true;
            return true;
        }
        if (open_generations(x, c, up ? c->up : c->down, p, &span))
            return true;
    }
    return false;
}

/* Ids of both ends have eight bytes, unless a test gave another one in their name. */
static bool see_short(struct nonces *x, bool up, const uint8_t *p, size_t n)
{
    for (size_t len = 8; len <= 20; len++)
        if (see_short_with(x, up, p, n, len))
            return true;
    return false;
}

static bool see_accept(struct nonces *x, const uint8_t *p, size_t n)
{
    struct accept_header h;
    struct packet_span span;
    assert_int_equal(packet_decode_accept(&h, &span, p, n), CSEP_OK);
    for (unsigned i = 0; i < x->num; i++)
        if (open_with(x, &x->conns[i]->down[0], p, &span, -1)) {
            last.conn = x->conns[i];
            last.early = false;
            last.generation = 0;
            return true;
        }
    return false;
}

static bool see_open(struct nonces *x, const uint8_t *p, size_t n)
{
    struct open_header h;
    struct packet_span span;
    assert_true(n >= CSEP_OPEN_MIN_DATAGRAM); //= DATA-1 type=test
    assert_int_equal(packet_decode_open(&h, &span, p, n), CSEP_OK);
    struct nonce_conn *c = conn_of(x, h.client_random);
    last.conn = c;
    last.early = true;
    return open_with(x, &c->early, p, &span, -1);
}

bool nonces_see(struct nonces *x, bool up, const uint8_t *p, size_t n)
{
    int type = packet_type(p, n);
    bool ok = false;
    last.type = (enum csep_packet_type)type;
    if (type == CSEP_PKT_OPEN && up)
        ok = see_open(x, p, n);
    else if (type == CSEP_PKT_ACCEPT && !up)
        ok = see_accept(x, p, n);
    else if (type == CSEP_PKT_SHORT)
        ok = see_short(x, up, p, n);
    else
        return false;
    if (!ok)
        fail_msg("a packet of type %d left that no key opens", type);
    return true;
}
