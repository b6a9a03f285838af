/* SPDX-License-Identifier: BSD-2-Clause */
/* The world: what is where, and what happens next. Its hosts are in e2e_hosts.c and e2e_conns.c. */
#include "e2e.h"

#include "context/grantor.h"

static const char *const alpn[] = {CSEP_ALPN, NULL};

/* ---- Configuration ---- */

static void init_server(struct e2e *w, unsigned i)
{
    struct e2e_server *s = &w->server[i];
    uint8_t seed[32] = {0x5e, (uint8_t)i, (uint8_t)w->seed};
    s->addr = net_addr(1 + i, E2E_PORT);
    csep_tls_identity_init(&s->identity, seed);
    uint8_t spki[44];
    csep_tls_spki(s->identity.public_key, spki, &s->id);
    s->tls = csep_tls_config_default();
    s->tls.identity = &s->identity;
    s->tls.raw_public_key = true;
    s->negotiate = csep_negotiate_config_default();
    s->grantor_cfg = csep_grantor_config_default();
    struct csep_grant *m = &s->grantor_cfg.menu;
    m->transports[0].port = E2E_PORT;
    m->transports[1].port = E2E_DATA_PORT;
    m->transports[1].flags = CSEP_TRANSPORT_SHARED;
    m->upgrade = CSEP_UPGRADE_OFFERED;
    s->acceptor_cfg = csep_acceptor_config_default();
    s->acceptor_cfg.reset_key[0] = (uint8_t)(1 + i);
}

static void init_client(struct e2e *w, unsigned i)
{
    struct e2e_client *c = &w->client[i];
    uint8_t seed[32] = {0xc1, (uint8_t)i, (uint8_t)w->seed};
    c->addr = net_addr(10 + i, 0);
    csep_tls_identity_init(&c->identity, seed);
    c->tls = csep_tls_config_default();
    c->tls.raw_public_key = true;
    c->negotiate = csep_negotiate_config_default();
    c->data = csep_data_config_default();
}

void e2e_init(struct e2e *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    assert_ok(csep_init());
    w->seed = seed;
    w->now = CSEP_SEC(1000);
    w->delay = CSEP_MS(50);
    check_init(&w->check, CSEP_AEAD_CHACHA20_POLY1305);
    w->rnd = test_random(&w->random, seed);
    (void)test_random(&w->wire_random, seed ^ 0x77);
    w->alloc = test_alloc(&w->mem);
    for (unsigned i = 0; i < E2E_SERVERS; i++)
        init_server(w, i);
    for (unsigned i = 0; i < E2E_CLIENTS; i++)
        init_client(w, i);
}

/* ---- Start ---- */

static bool trust_server(void *self, const struct csep_identity *peer, const char *name, size_t n)
{
    const struct e2e *w = self;
    unsigned i = n == 8 && !memcmp(name, "server.1", 8); /* pinned for each name (NEG-17) */
    return peer->present && !memcmp(peer->spki_sha256, w->server[i].id.spki_sha256, 32);
}

static bool trust_client(void *self, const struct csep_identity *peer, const char *name, size_t n)
{
    (void)self;
    (void)name;
    (void)n;
    return peer->present;
}

static bool check_token(void *self, const uint8_t *token, size_t len, const struct csep_addr *from,
                        csep_time now)
{
    const struct e2e_server *s = self;
    return csep_grantor_check_address(s->grantor, token, len, from, now);
}

static void start_grantor(struct e2e *w, struct e2e_server *s)
{
    s->grantor = malloc(csep_grantor_size());
    assert_non_null(s->grantor);
    assert_ok(csep_grantor_init(s->grantor, &s->grantor_cfg, w->now));
}

static void start_acceptor(struct e2e *w, struct e2e_server *s)
{
    s->acceptor_cfg.slots = csep_grantor_slots(s->grantor);
    s->acceptor_cfg.check_token = check_token;
    s->acceptor_cfg.check_token_self = s;
    s->acceptor = malloc(csep_acceptor_size());
    assert_non_null(s->acceptor);
    assert_ok(csep_acceptor_init(s->acceptor, &s->acceptor_cfg, w->now));
}

static void start_server(struct e2e *w, struct e2e_server *s)
{
    s->tls.alpn = alpn;
    s->tls.trust = (struct csep_tls_trust){trust_client, w};
    s->tls.random = s->negotiate.random = s->grantor_cfg.random = s->acceptor_cfg.data.random = w->rnd;
    s->tls.alloc = s->negotiate.alloc = s->grantor_cfg.alloc = s->acceptor_cfg.data.alloc = w->alloc;
    s->tls.keylog = s->negotiate.keylog = s->acceptor_cfg.data.keylog = check_keylog(&w->check);
    start_grantor(w, s);
    start_acceptor(w, s);
}

static void start_client(struct e2e *w, struct e2e_client *c)
{
    struct csep_store_config sc = {0};
    c->tls.alpn = alpn;
    c->tls.trust = (struct csep_tls_trust){trust_server, w};
    c->tls.random = c->negotiate.random = c->data.random = sc.random = w->rnd;
    c->tls.alloc = c->negotiate.alloc = c->data.alloc = sc.alloc = w->alloc;
    c->tls.keylog = c->negotiate.keylog = c->data.keylog = check_keylog(&w->check);
    c->negotiate.port = E2E_PORT;
    c->store = malloc(csep_store_size());
    assert_non_null(c->store);
    assert_ok(csep_store_init(c->store, &sc));
    for (unsigned i = 0; i < E2E_SERVERS; i++) {
        struct csep_store_key key = {.service = i ? "server.1:4433" : "server.0:4433", .group = ""};
        memcpy(key.peer_spki_sha256, w->server[i].id.spki_sha256, 32);
        c->context[i] = csep_store_get(c->store, &key, w->now);
        assert_non_null(c->context[i]);
    }
}

void e2e_start(struct e2e *w)
{
    w->check.nonces.aead = w->server[0].grantor_cfg.menu.aeads[0];
    for (unsigned i = 0; i < E2E_SERVERS; i++)
        start_server(w, &w->server[i]);
    for (unsigned i = 0; i < E2E_CLIENTS; i++)
        start_client(w, &w->client[i]);
}

/* ---- Restart ---- */

/* A host that keeps its sealing keys in a file does this. */
static void copy_keys(struct csep_grantor *to, const struct csep_grantor *from)
{
    to->keys = from->keys;
    to->handle_key = from->handle_key;
}

void e2e_restart(struct e2e *w, unsigned server, bool keep_keys)
{
    struct e2e_server *s = &w->server[server];
    struct csep_grantor *old = s->grantor;
    for (unsigned i = 0; i < w->num_conn; i++) {
        struct e2e_conn *c = w->conn[i];
        if (c->is_opener || c->server != server || c->dead)
            continue;
        if (c->s)
            csep_stream_wipe(c->s);
        c->dead = true;
        c->d = NULL;
        if (c->tcp)
            e2e_tcp_close(w, c->tcp, 1);
    }
    csep_acceptor_wipe(s->acceptor);
    free(s->acceptor);
    start_grantor(w, s);
    if (keep_keys)
        copy_keys(s->grantor, old);
    csep_grantor_wipe(old);
    free(old);
    start_acceptor(w, s);
}

void e2e_share_keys(struct e2e *w)
{
    copy_keys(w->server[1].grantor, w->server[0].grantor);
}

/* ---- UDP ---- */

static void put_on_wire(struct e2e *w, struct net_packet *p)
{
    struct net_packet **at = &w->wire;
    while (*at && (*at)->at <= p->at)
        at = &(*at)->next;
    p->next = *at;
    *at = p;
}

void e2e_inject(struct e2e *w, enum net_way way, const struct csep_addr *from, const struct csep_addr *to,
                const uint8_t *p, size_t n, csep_time after)
{
    struct net_packet *x = malloc(sizeof *x);
    assert_non_null(x);
    assert_true(n <= sizeof x->bytes);
    *x = (struct net_packet){.at = w->now + after, .way = way, .from = *from, .to = *to, .len = n};
    memcpy(x->bytes, p, n);
    put_on_wire(w, x);
}

void e2e_send_datagram(struct e2e *w, enum net_way way, const struct csep_addr *from,
                       const struct csep_addr *to, uint8_t *p, size_t n)
{
    enum net_fault f = w->judge ? w->judge(w, w->num_datagrams, way, p, &n) : NET_PASS;
    csep_time after = w->delay;
    w->num_datagrams++;
    if (f == NET_DROP)
        return;
    if (f == NET_LATE)
        after += 6 * w->delay;
    e2e_inject(w, way, from, to, p, n, after);
    if (f == NET_DOUBLE)
        e2e_inject(w, way, from, to, p, n, after + CSEP_MS(1));
}

/* ---- TCP ---- */

struct e2e_tcp *e2e_connect(struct e2e *w, unsigned client, unsigned server, bool data_port)
{
    assert_true(w->num_tcp < E2E_TCPS);
    struct e2e_tcp *t = calloc(1, sizeof *t);
    assert_non_null(t);
    t->index = w->num_tcp;
    t->client = client;
    t->server = server;
    t->data_port = data_port;
    t->open_at[0] = w->now + 2 * w->delay;
    t->open_at[1] = w->now + 3 * w->delay;
    for (unsigned i = 0; i < 2; i++) {
        t->pipe[i] = (struct pipe){.delay = w->delay, .piece_max = w->piece_max, .cut_at = SIZE_MAX};
        t->flip_at[i] = SIZE_MAX;
        t->check[i] = check_stream_new(i == 0, data_port);
    }
    t->check[0]->other = t->check[1];
    t->check[1]->other = t->check[0];
    w->tcp[w->num_tcp++] = t;
    if (w->connecting)
        w->connecting(w, t);
    return t;
}

void e2e_tcp_put(struct e2e *w, struct e2e_tcp *t, unsigned side, const uint8_t *p, size_t n)
{
    struct pipe *q = &t->pipe[side];
    uint8_t *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, p, n);
    for (size_t i = 0; i < n && t->sent[side] + i < sizeof t->head[side]; i++)
        t->head[side][t->sent[side] + i] = p[i];
    if (t->flip_at[side] / 8 >= t->sent[side] && t->flip_at[side] / 8 < t->sent[side] + n)
        copy[t->flip_at[side] / 8 - t->sent[side]] ^= (uint8_t)(1u << t->flip_at[side] % 8);
    pipe_send(q, copy, n, w->now);
    t->sent[side] += n;
    if (q->ended && t->reset)
        pipe_end(&t->pipe[!side], w->now);
    free(copy);
}

void e2e_tcp_close(struct e2e *w, struct e2e_tcp *t, unsigned side)
{
    if (!t->closed[side])
        pipe_end(&t->pipe[side], w->now);
    t->closed[side] = true;
}

static void opened(struct e2e *w, struct e2e_tcp *t, unsigned side)
{
    t->open[side] = true;
    if (side == 0 || w->server[t->server].down)
        return;
    if (t->data_port)
        e2e_stream_accept(w, t);
    else
        e2e_neg_new(w, t, 1);
}

/* What the other side sent, or its end of file. */
static void arrived(struct e2e *w, struct e2e_tcp *t, unsigned side, const struct pipe_piece *p)
{
    struct e2e_neg *n = t->neg[side];
    struct e2e_conn *c = t->conn[side];
    if (t->closed[side])
        return;
    if (n && (!n->over || n->goes_on) && !(c && n->is_server)) {
        if (p->len)
            e2e_neg_input(w, n, p->b, p->len);
        else
            e2e_neg_eof(w, n);
        if (p->len || !c)
            return; /* it closes by itself */
    }
    if (c && p->len)
        e2e_stream_input(w, c, p->b, p->len);
    else if (c && !c->dead)
        csep_stream_input_eof(c->s, w->now);
    else if (!p->len)
        e2e_tcp_close(w, t, side);
}

static bool step_tcp(struct e2e *w, struct e2e_tcp *t)
{
    bool moved = false;
    for (unsigned side = 0; side < 2; side++) {
        struct pipe_piece p;
        if (!t->open[side] && t->open_at[side] <= w->now) {
            opened(w, t, side);
            moved = true;
        }
        while (t->open[side] && pipe_take(&t->pipe[!side], w->now, &p)) {
            arrived(w, t, side, &p);
            free(p.b);
            e2e_pump(w);
            moved = true;
        }
    }
    return moved;
}

static csep_time tcp_next(const struct e2e_tcp *t)
{
    csep_time at = csep_time_min(pipe_next(&t->pipe[0]), pipe_next(&t->pipe[1]));
    for (unsigned side = 0; side < 2; side++)
        if (!t->open[side])
            at = csep_time_min(at, t->open_at[side]);
    return at;
}

/* ---- Running ---- */

void e2e_pump(struct e2e *w)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (unsigned i = 0; i < w->num_neg; i++)
            moved |= e2e_neg_pump(w, w->neg[i]);
        for (unsigned i = 0; i < w->num_conn; i++)
            moved |= e2e_conn_pump(w, w->conn[i]);
        for (unsigned i = 0; i < E2E_SERVERS; i++)
            moved |= e2e_acceptor_pump(w, i, 0);
    }
}

static csep_time neg_deadline(const struct e2e_neg *n)
{
    return n->over ? CSEP_NEVER : csep_negotiate_deadline(n->n);
}

static csep_time next_at(const struct e2e *w)
{
    csep_time at = w->wire ? w->wire->at : CSEP_NEVER;
    for (unsigned i = 0; i < w->num_tcp; i++)
        at = csep_time_min(at, tcp_next(w->tcp[i]));
    for (unsigned i = 0; i < w->num_neg; i++)
        at = csep_time_min(at, neg_deadline(w->neg[i]));
    for (unsigned i = 0; i < w->num_conn; i++)
        at = csep_time_min(at, e2e_conn_deadline(w->conn[i]));
    for (unsigned i = 0; i < E2E_SERVERS; i++)
        at = csep_time_min(at, csep_acceptor_deadline(w->server[i].acceptor));
    return at;
}

void e2e_expire(struct e2e *w)
{
    for (unsigned i = 0; i < w->num_neg; i++)
        if (neg_deadline(w->neg[i]) <= w->now)
            csep_negotiate_expire(w->neg[i]->n, w->now);
    for (unsigned i = 0; i < w->num_conn; i++) {
        struct e2e_conn *c = w->conn[i];
        if (e2e_conn_deadline(c) > w->now)
            continue;
        if (c->s)
            csep_stream_expire(c->s, w->now);
        else
            csep_data_expire(c->d, w->now);
    }
    for (unsigned i = 0; i < E2E_SERVERS; i++)
        if (csep_acceptor_deadline(w->server[i].acceptor) <= w->now)
            csep_acceptor_expire(w->server[i].acceptor, w->now);
}

static bool step(struct e2e *w)
{
    bool moved = false;
    while (w->wire && w->wire->at <= w->now) {
        struct net_packet *p = w->wire;
        w->wire = p->next;
        e2e_datagram(w, p);
        free(p);
        e2e_pump(w);
        moved = true;
    }
    for (unsigned i = 0; i < w->num_tcp; i++)
        moved |= step_tcp(w, w->tcp[i]);
    return moved;
}

static void run(struct e2e *w, csep_time until)
{
    e2e_pump(w);
    for (unsigned rounds = 0; rounds < 1000000; rounds++) {
        csep_time at = next_at(w);
        if (at > until || at == CSEP_NEVER)
            return;
        w->now = at > w->now ? at : w->now;
        if (!step(w))
            e2e_expire(w);
        e2e_pump(w);
    }
    fail_msg("the world does not come to rest");
}

void e2e_run(struct e2e *w, csep_time until)
{
    run(w, until);
    w->now = until > w->now ? until : w->now;
}

void e2e_settle(struct e2e *w, csep_time most)
{
    run(w, w->now + most);
    for (unsigned i = 0; i < w->num_neg; i++)
        if (!w->neg[i]->over)
            fail_msg("negotiation %u of a %s hangs in %s", i, w->neg[i]->is_server ? "server" : "client",
                     csep_negotiate_state(w->neg[i]->n));
    for (unsigned i = 0; i < w->num_conn; i++)
        if (!w->conn[i]->dead)
            fail_msg("data connection %u (%s, %s) hangs", i, w->conn[i]->is_opener ? "opener" : "acceptor",
                     w->conn[i]->s ? "TCP" : "UDP");
}

/* ---- The end ---- */

static void free_tcp(struct e2e_tcp *t)
{
    for (unsigned i = 0; i < 2; i++) {
        pipe_free(&t->pipe[i]);
        check_stream_free(t->check[i]);
    }
    free(t);
}

void e2e_done(struct e2e *w)
{
    for (unsigned i = 0; i < w->num_neg; i++)
        e2e_neg_free(w->neg[i]);
    for (unsigned i = 0; i < w->num_conn; i++)
        e2e_conn_free(w, w->conn[i]);
    for (unsigned i = 0; i < w->num_tcp; i++)
        free_tcp(w->tcp[i]);
    for (unsigned i = 0; i < E2E_SERVERS; i++) {
        csep_acceptor_wipe(w->server[i].acceptor);
        free(w->server[i].acceptor);
        csep_grantor_wipe(w->server[i].grantor);
        free(w->server[i].grantor);
    }
    for (unsigned i = 0; i < E2E_CLIENTS; i++) {
        csep_store_wipe(w->client[i].store);
        free(w->client[i].store);
    }
    while (w->wire) {
        struct net_packet *p = w->wire;
        w->wire = p->next;
        free(p);
    }
    check_wipe(&w->check);
    test_alloc_done(&w->mem);
}
