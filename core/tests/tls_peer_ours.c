/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls_peer_int.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/wipe.h"

const struct csep_tls_ticket_keys end_ticket_keys = {
    .current = {1, 2, 3}, .previous = {0}, .have_previous = false};

struct ours {
    struct end base;
    struct csep_tls *t;
    struct csep_secure *s;
    struct csep_tls_config cfg;
    struct csep_tls_identity identity;
    const char *alpn[2];
    uint64_t random_state;
    size_t memory;
    unsigned fail_memory;
    csep_time now;
    csep_status status;
};

/* splitmix64 */
static void fill(void *self, uint8_t *out, size_t n)
{
    uint64_t *state = self;
    for (size_t i = 0; i < n; i++) {
        uint64_t z = *state += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        out[i] = (uint8_t)(z >> 31);
    }
}

struct csep_random end_random(uint64_t *state, uint64_t seed)
{
    *state = seed;
    return (struct csep_random){fill, state};
}

static void *get(void *self, size_t n)
{
    struct ours *e = self;
    if (e->fail_memory == 1)
        return NULL;
    if (e->fail_memory > 1)
        e->fail_memory--;
    e->memory += n;
    return malloc(n);
}

static void put(void *self, void *p, size_t n)
{
    struct ours *e = self;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(((uint8_t *)p)[i], 0); /* given back wiped */
    e->memory -= n;
    free(p);
}

static bool trust(void *self, const struct csep_identity *peer, const char *name, size_t n)
{
    struct ours *e = self;
    uint8_t want[32];
    (void)name, (void)n;
    end_spki(!e->base.o.server, want);
    return !e->base.o.refuse && peer->present && memcmp(peer->spki_sha256, want, 32) == 0;
}

static void put_session(void *self, const struct csep_tls_session *s)
{
    struct end_store *st = self;
    if (st->num_ours < END_SESSIONS)
        st->ours[st->num_ours++] = *s;
}

static bool take_session(void *self, struct csep_tls_session *out)
{
    struct end_store *st = self;
    if (st->num_ours == 0)
        return false;
    *out = st->ours[--st->num_ours];
    return true;
}

static void line(void *self, const char *label, const uint8_t client_random[32], const uint8_t *secret,
                 size_t n)
{
    char buf[256], *p = buf;
    uint8_t copy[32];
    assert_int_equal(n, sizeof copy);
    memcpy(copy, secret, n);
    CSEP_CT_PUBLIC(copy, n); /* the log is the one place where secrets are meant to leave */
    p += sprintf(p, "%s ", label);
    for (unsigned i = 0; i < 32; i++)
        p += sprintf(p, "%02x", client_random[i]);
    *p++ = ' ';
    for (size_t i = 0; i < n; i++)
        p += sprintf(p, "%02x", copy[i]);
    *p = 0;
    end_log(self, buf);
}

static struct csep_tls_config configure(struct ours *e)
{
    const struct end_options *o = &e->base.o;
    struct csep_tls_config cfg = csep_tls_config_default();

    e->alpn[0] = o->alpn ? o->alpn : "csep/1";
    cfg.alpn = e->alpn;
    cfg.server_name = o->name;
    cfg.raw_public_key = o->raw_key;
    cfg.middlebox_compat = !o->no_compat;
    cfg.grease = !o->no_grease;
    cfg.random = end_random(&e->random_state, end_next_seed());
    cfg.alloc = (struct csep_alloc){get, put, e};
    cfg.trust = (struct csep_tls_trust){trust, e};
    cfg.keylog = (struct csep_keylog){line, &e->base};
    if (o->server || o->own_key) {
        csep_tls_identity_init(&e->identity, end_seed(o->server));
        if (!o->raw_key)
            e->identity.certificate = end_certificate(o->server, &e->identity.certificate_len);
        cfg.identity = &e->identity;
    }
    if (o->store)
        cfg.sessions = (struct csep_tls_sessions){put_session, take_session, o->store};
    if (o->server && !o->no_tickets)
        cfg.ticket_keys = o->ticket_keys ? o->ticket_keys : &end_ticket_keys;
    if (o->ask_certificate || o->require_certificate)
        cfg.client_auth = o->require_certificate ? CSEP_TLS_AUTH_REQUIRE : CSEP_TLS_AUTH_REQUEST;
    cfg.force_hello_retry = o->server && o->retry;
    cfg.send_empty_key_share = !o->server && o->retry;
    return cfg;
}

static bool feed(struct end *b, const uint8_t *in, size_t n)
{
    struct ours *e = (struct ours *)b;
    e->status = e->s->ops->input(e->s, in, n, e->now);
    return e->status == CSEP_OK;
}

static size_t take(struct end *b, uint8_t *out, size_t cap)
{
    struct ours *e = (struct ours *)b;
    return e->s->ops->output(e->s, out, cap, e->now);
}

static unsigned flags(struct end *b)
{
    struct ours *e = (struct ours *)b;
    return e->s->ops->flags(e->s);
}

static bool established(struct end *b)
{
    return flags(b) & CSEP_SECURE_CONFIRMED;
}

static bool resumed(struct end *b)
{
    return flags(b) & CSEP_SECURE_RESUMED;
}

static bool peer_closed(struct end *b)
{
    return flags(b) & CSEP_SECURE_PEER_CLOSED;
}

static void do_write(struct end *b, const void *p, size_t n)
{
    struct ours *e = (struct ours *)b;
    assert_int_equal(e->s->ops->write(e->s, p, n, e->now), CSEP_OK);
}

static size_t do_read(struct end *b, void *out, size_t cap)
{
    struct ours *e = (struct ours *)b;
    return e->s->ops->read(e->s, out, cap);
}

static void do_close(struct end *b)
{
    struct ours *e = (struct ours *)b;
    e->s->ops->close(e->s, e->now);
}

static void key_update(struct end *b, bool request)
{
    struct ours *e = (struct ours *)b;
    assert_int_equal(csep_tls_key_update(e->t, request, e->now), CSEP_OK);
}

static void do_export(struct end *b, const char *label, const uint8_t *context, size_t n, uint8_t out[32])
{
    struct ours *e = (struct ours *)b;
    assert_int_equal(e->s->ops->exporter(e->s, label, context, n, out, 32), CSEP_OK);
}

static int alert(struct end *b)
{
    (void)b;
    return -1;
}

static const char *trouble(struct end *b)
{
    return csep_status_text(end_failure(b));
}

static void destroy(struct end *b)
{
    struct ours *e = (struct ours *)b;
    csep_tls_wipe(e->t);
    assert_int_equal(e->memory, 0);
    free(e->t);
}

static const struct end_ops ops = {feed,     take,       established, resumed, peer_closed, do_write, do_read,
                                   do_close, key_update, do_export,   alert,   trouble,     destroy};

struct end *end_new_ours(struct end_options o)
{
    struct ours *e = calloc(1, sizeof *e);
    e->base = (struct end){.ops = &ops, .o = o};
    e->now = o.start ? o.start : CSEP_SEC(1000);
    e->t = malloc(csep_tls_size());
    e->cfg = configure(e);
    assert_int_equal((o.server ? csep_tls_server : csep_tls_client)(e->t, &e->cfg, e->now), CSEP_OK);
    e->s = csep_tls_secure(e->t);
    return &e->base;
}

struct csep_secure *end_secure(struct end *b)
{
    return ((struct ours *)b)->s;
}

struct csep_tls *end_tls(const struct end *b)
{
    return ((const struct ours *)b)->t;
}

csep_status end_failure(struct end *b)
{
    struct ours *e = (struct ours *)b;
    return e->s->ops->failure(e->s);
}

size_t end_memory(const struct end *b)
{
    return ((const struct ours *)b)->memory;
}

void end_set_now(struct end *b, csep_time now)
{
    ((struct ours *)b)->now = now;
}

void end_fail_memory(struct end *b, unsigned k)
{
    ((struct ours *)b)->fail_memory = k;
}
