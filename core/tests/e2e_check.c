/* SPDX-License-Identifier: BSD-2-Clause */
#include "e2e_check.h"

#include "tls/schedule.h"

/* ---- Payloads ---- */

static const uint8_t marker[8] = {0x9e, 'p', 'a', 'y', 'l', 'o', 'a', 0xd1};

static uint8_t payload_byte(uint32_t id, size_t at)
{
    size_t block = at / PAYLOAD_BLOCK, i = at % PAYLOAD_BLOCK;
    if (i < 8)
        return marker[i];
    return (uint8_t)(i < 12 ? id >> (8 * (11 - i)) : block >> (8 * (15 - i)));
}

void payload_fill(uint8_t *p, size_t n, uint32_t id, size_t offset)
{
    for (size_t i = 0; i < n; i++)
        p[i] = payload_byte(id, offset + i);
}

uint32_t payload_id(const uint8_t *p, size_t n)
{
    assert_true(n >= PAYLOAD_MIN);
    assert_memory_equal(p, marker, sizeof marker);
    return (uint32_t)p[8] << 24 | (uint32_t)p[9] << 16 | (uint32_t)p[10] << 8 | p[11];
}

void payload_expect(const uint8_t *p, size_t n, uint32_t id, size_t offset)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != payload_byte(id, offset + i))
            fail_msg("byte %zu of payload %u is not what was sent", offset + i, id);
}

void check_clear(const uint8_t *p, size_t n)
{
    const uint8_t *at = p, *end = p + n;
    while (end - at >= (ptrdiff_t)sizeof marker &&
           (at = memchr(at, marker[0], (size_t)(end - at) - sizeof marker + 1)) != NULL) {
        if (!memcmp(at, marker, sizeof marker))
            fail_msg("application data on the wire in clear"); //= SEC-19 type=test
        at++;
    }
}

/* ---- Values that belong to one connection ---- */

static struct check_seen *place_of(struct check *x, const uint8_t hash[16])
{
    uint32_t at;
    memcpy(&at, hash, sizeof at);
    for (;; at++) {
        struct check_seen *s = &x->seen[at & (x->cap_seen - 1)];
        static const uint8_t none[16];
        if (!memcmp(s->hash, none, 16) || !memcmp(s->hash, hash, 16))
            return s;
    }
}

static void grow(struct check *x)
{
    struct check_seen *old = x->seen;
    unsigned cap = x->cap_seen;
    x->cap_seen = cap ? 2 * cap : 1024;
    x->seen = calloc(x->cap_seen, sizeof *x->seen);
    assert_non_null(x->seen);
    for (unsigned i = 0; i < cap; i++)
        if (old[i].owner[0] | old[i].hash[0] | old[i].hash[1])
            *place_of(x, old[i].hash) = old[i];
    free(old);
}

static struct check_seen *find(struct check *x, char kind, const uint8_t *p, size_t n)
{
    struct hash_ctx h;
    if (2 * x->num_seen >= x->cap_seen)
        grow(x);
    hash_begin(&h);
    hash_add(&h, &kind, 1);
    hash_add(&h, p, n);
    struct hash d = hash_peek(&h);
    d.b[0] |= 1;
    struct check_seen *s = place_of(x, d.b);
    if (!s->hash[0]) {
        memcpy(s->hash, d.b, 16);
        x->num_seen++;
    }
    return s;
}

static bool is_new(const struct check_seen *s)
{
    static const uint8_t nobody[16];
    return !memcmp(s->owner, nobody, 16);
}

/* kind: 't' ticket, 'c' connection id, 'r' random */
static void belongs(struct check *x, char kind, const uint8_t *p, size_t n, const uint8_t *owner)
{
    struct check_seen *s = find(x, kind, p, n);
    if (!is_new(s) && memcmp(s->owner, owner, 16) != 0 && !(kind == 't' && x->copies))
        fail_msg("a value of kind %c is in two data connections",
                 kind); //= DATA-5 type=test //= CTX-1 type=test
    memcpy(s->owner, owner, 16);
}

/* //= KEY-5 type=test */
static void use_number(struct check *x, const uint8_t secret[32], uint64_t number)
{
    uint8_t both[40];
    static const uint8_t used[16] = {1};
    memcpy(both, secret, 32);
    memcpy(both + 32, &number, 8);
    struct check_seen *s = find(x, 'n', both, sizeof both);
    if (!is_new(s))
        fail_msg("number %llu used twice under one key", (unsigned long long)number);
    memcpy(s->owner, used, 16);
    x->records++;
}

/* ---- Key log ---- */

/* The n-th secret of a name, random NULL: of any connection. Ends that got different bytes derive different
 * secrets. */
static const struct check_secret *secret_of(const struct check *x, const char *label,
                                            const uint8_t random[32], unsigned n)
{
    for (unsigned i = 0; i < x->num_secrets; i++) {
        const struct check_secret *s = &x->secrets[i];
        if (!strcmp(s->label, label) && (!random || !memcmp(s->random, random, 32)) && n-- == 0)
            return s;
    }
    return NULL;
}

static void line(void *self, const char *label, const uint8_t random[32], const uint8_t *secret, size_t len)
{
    struct check *x = self;
    struct csep_keylog nonces = nonces_keylog(&x->nonces);
    bool is_context = !strcmp(label, "CSEP_CONTEXT"), is_data = !strncmp(label, "CSEP_", 5) && !is_context;
    if (is_data && secret_of(x, label, random, 0))
        return; /* the first is of the end that sends under it */
    for (unsigned i = 0; i < x->num_secrets && !is_context; i++)
        if (!memcmp(x->secrets[i].secret, secret, 32)) {
            if (strcmp(x->secrets[i].label, label) != 0 || memcmp(x->secrets[i].random, random, 32) != 0)
                fail_msg("one secret in two places: %s", label); //= KEY-10 type=test //= KEY-11 type=test
            return;
        }
    assert_true(x->num_secrets < CHECK_SECRETS);
    struct check_secret *s = &x->secrets[x->num_secrets++];
    snprintf(s->label, sizeof s->label, "%s", label);
    memcpy(s->random, random, 32);
    memcpy(s->secret, secret, 32);
    if (is_data)
        nonces.line(nonces.self, label, random, secret, len);
}

struct csep_keylog check_keylog(struct check *x)
{
    return (struct csep_keylog){line, x};
}

/* ---- UDP ---- */

void check_datagram(struct check *x, bool up, const uint8_t *p, size_t n)
{
    static const uint8_t proof[16] = {1};
    struct open_header o;
    struct accept_header a;
    struct packet_span span;
    check_clear(p, n);
    if (!nonces_see(&x->nonces, up, p, n))
        fail_msg("a connection sent a datagram of type %u", p[0]);
    const struct nonce_seen *seen = nonces_last(&x->nonces);
    const uint8_t *owner = seen->conn->random;
    if (seen->type == CSEP_PKT_OPEN) {
        assert_int_equal(packet_decode_open(&o, &span, p, n), CSEP_OK);
        belongs(x, 't', o.ticket.p, o.ticket.n, owner);
        belongs(x, 'c', o.dcid.p, o.dcid.n, owner);
        belongs(x, 'c', o.scid.p, o.scid.n, owner);
        belongs(x, 'r', o.client_random, 32, owner);
    } else if (seen->type == CSEP_PKT_ACCEPT) {
        assert_int_equal(packet_decode_accept(&a, &span, p, n), CSEP_OK);
        belongs(x, 'c', a.scid.p, a.scid.n, owner);
        belongs(x, 'r', a.server_random, 32, owner);
    } else {
        belongs(x, 'c', p + 1, 8, owner);
        if (up && !seen->early)
            memcpy(find(x, 'p', p + n - 16, 16)->owner, proof, 16);
    }
}

/* //= DATA-38 type=test //= DATA-80 type=test */
void check_answer(struct check *x, const uint8_t *p, size_t n, size_t cause)
{
    static const uint8_t proof[16] = {1};
    struct retry r;
    check_clear(p, n);
    if (packet_decode_retry(&r, p, n) == CSEP_OK)
        memcpy(find(x, 'k', r.token.p, r.token.n)->owner, proof, 16);
    else if (n >= (cause ? cause : CSEP_RESET_MAX + 1))
        fail_msg("an answer of %zu bytes to a datagram of %zu", n, cause);
}

static bool has_retry_token(struct check *x, const uint8_t *p, size_t n)
{
    struct open_header o;
    struct packet_span span;
    return packet_type(p, n) == CSEP_PKT_OPEN && packet_decode_open(&o, &span, p, n) == CSEP_OK &&
           o.token.n && !is_new(find(x, 'k', o.token.p, o.token.n));
}

static struct check_address *address_of(struct check *x, const struct csep_addr *a)
{
    for (unsigned i = 0; i < x->num_address; i++)
        if (x->address[i].addr.port == a->port && !memcmp(x->address[i].addr.ip, a->ip, 16))
            return &x->address[i];
    assert_true(x->num_address < sizeof x->address / sizeof x->address[0]);
    x->address[x->num_address].addr = *a;
    return &x->address[x->num_address++];
}

void check_address_in(struct check *x, const struct csep_addr *from, const uint8_t *p, size_t n, bool token)
{
    struct check_address *a = address_of(x, from);
    a->in += n;
    a->proved |= token || has_retry_token(x, p, n) || (n > 16 && !is_new(find(x, 'p', p + n - 16, 16)));
}

void check_address_out(struct check *x, const struct csep_addr *to, size_t n)
{
    struct check_address *a = address_of(x, to);
    a->out += n;
    if (!a->proved && a->out > 3 * a->in) //= DATA-28 type=test
        fail_msg("%llu bytes to an address that sent %llu", (unsigned long long)a->out,
                 (unsigned long long)a->in);
}

/* ---- TCP ---- */

struct check_stream *check_stream_new(bool up, bool data)
{
    struct check_stream *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->up = up;
    s->what = data ? CHECK_DATA : CHECK_TLS;
    return s;
}

void check_stream_free(struct check_stream *s)
{
    if (s)
        free(s->b);
    free(s);
}

/* One TLS record under the key that is due, or under the one behind it. */
static bool try_tls(struct check *x, struct check_stream *s, const struct tls_keys *k, const uint8_t *rec,
                    size_t n, const uint8_t secret[32])
{
    static uint8_t copy[TLS_RECORD_HEADER + TLS_CIPHER_MAX];
    struct tls_keys keys = *k;
    struct tls_record r;
    uint64_t number = keys.number;
    if (!keys.on || n > sizeof copy)
        return false;
    memcpy(copy, rec, n);
    if (tls_record_open(&keys, copy, n, &r) || !r.sealed)
        return false;
    use_number(x, secret, number);
    s->handing_over |= r.type == TLS_CONTENT_ALERT && r.n == 2 && r.content[1] == 0;
    s->tls = keys;
    return true;
}

static const char *tls_label(const struct check_stream *s, unsigned stage)
{
    if (stage == 1)
        return s->up ? "CLIENT_HANDSHAKE_TRAFFIC_SECRET" : "SERVER_HANDSHAKE_TRAFFIC_SECRET";
    return s->up ? "CLIENT_TRAFFIC_SECRET_0" : "SERVER_TRAFFIC_SECRET_0";
}

/* Under any secret of that stage, from number 0. */
static bool begin_tls(struct check *x, struct check_stream *s, unsigned stage, const uint8_t *rec, size_t n)
{
    const uint8_t *random = s->up ? s->hello : NULL; /* a server logs the random that it got */
    const struct check_secret *c;
    for (unsigned i = 0; (c = secret_of(x, tls_label(s, stage), random, i)); i++) {
        struct tls_keys k = {0};
        struct secret t;
        memcpy(t.b, c->secret, 32);
        tls_schedule_keys(&t, &k, NULL);
        if (try_tls(x, s, &k, rec, n, c->secret)) {
            memcpy(s->secret, c->secret, 32);
            s->stage = stage;
            return true;
        }
    }
    return false;
}

static void sealed_record(struct check *x, struct check_stream *s, const uint8_t *rec, size_t n)
{
    if (s->stage && try_tls(x, s, &s->tls, rec, n, s->secret))
        return;
    for (unsigned stage = s->stage + 1; stage <= 2; stage++)
        if (begin_tls(x, s, stage, rec, n))
            return;
    fail_msg("a TLS record of %zu bytes (%s, stage %u, number %llu) that no key opens", n,
             s->up ? "up" : "down", s->stage, (unsigned long long)s->tls.number);
}

static size_t take_tls(struct check *x, struct check_stream *s)
{
    if (s->len < TLS_RECORD_HEADER)
        return 0;
    size_t n = TLS_RECORD_HEADER + (size_t)(s->b[3] << 8 | s->b[4]);
    if (s->len < n)
        return 0;
    if (s->up && !s->known) {
        assert_int_equal(s->b[0], TLS_CONTENT_HANDSHAKE);
        memcpy(s->hello, s->b + 11, 32);
        s->known = true;
    }
    if (s->b[0] == TLS_CONTENT_APPLICATION)
        sealed_record(x, s, s->b, n);
    else
        assert_true(s->stage < 2); /* nothing but change_cipher_spec may be in clear from then on */
    if (s->handing_over) {
        s->what = CHECK_DATA;
        s->stage = 0;
    }
    return n;
}

static struct nonce_conn *conn_of(struct check *x, const uint8_t random[32])
{
    for (unsigned i = 0; i < x->nonces.num; i++)
        if (!memcmp(x->nonces.conns[i]->random, random, 32))
            return x->nonces.conns[i];
    fail_msg("a data connection without a key-log line");
    return NULL;
}

static bool try_unit(struct check *x, struct check_stream *s, const struct traffic_secret *secret, size_t n,
                     size_t header, uint64_t number)
{
    static uint8_t copy[2 + 65536];
    struct aead a;
    struct view payload;
    memcpy(copy, s->b, n);
    schedule_aead(&a, secret, x->nonces.aead);
    if (!unit_open(&payload, copy, n, header, number, &a))
        return false;
    use_number(x, secret->s.b, number);
    s->number = number + 1;
    return true;
}

static void first_unit(struct check *x, struct check_stream *s, size_t n)
{
    struct open_header o;
    struct accept_header a;
    struct refuse r;
    size_t header = 0;
    if (s->up) {
        assert_int_equal(unit_decode_open(&o, &header, s->b, n), CSEP_OK);
        memcpy(s->random, o.client_random, 32);
        belongs(x, 't', o.ticket.p, o.ticket.n, s->random);
        belongs(x, 'r', o.client_random, 32, s->random);
        assert_true(try_unit(x, s, &conn_of(x, s->random)->early.secret, n, header, 0));
    } else if (unit_decode_refuse(&r, s->b, n) == CSEP_OK) {
        s->over = true;
    } else {
        assert_int_equal(unit_decode_accept(&a, &header, s->b, n), CSEP_OK);
        memcpy(s->random, s->other->random, 32);
        belongs(x, 'r', a.server_random, 32, s->random);
        assert_true(try_unit(x, s, &conn_of(x, s->random)->down[0].secret, n, header, 0));
        s->stage = 1;
    }
}

static void record(struct check *x, struct check_stream *s, size_t n)
{
    struct nonce_conn *c = conn_of(x, s->random);
    struct traffic_secret t = s->up ? c->up[0].secret : c->down[0].secret;
    if (!s->stage && try_unit(x, s, &c->early.secret, n, 0, s->number))
        return;
    for (unsigned g = 0; g < s->generation; g++)
        schedule_next(&t, &t);
    if (s->stage && try_unit(x, s, &t, n, 0, s->number))
        return;
    if (s->stage) {
        s->generation++;
        schedule_next(&t, &t);
    }
    s->stage = 1;
    if (!try_unit(x, s, &t, n, 0, 0))
        fail_msg("record %zu of %zu bytes (%s, number %llu, generation %u) that no key opens", s->units, n,
                 s->up ? "up" : "down", (unsigned long long)s->number, s->generation);
}

static size_t take_data(struct check *x, struct check_stream *s)
{
    size_t n = unit_len(s->b, s->len);
    if (!n || s->len < n)
        return 0;
    if (s->over)
        fail_msg("bytes behind a REFUSE");
    if (s->units++ == 0)
        first_unit(x, s, n);
    else
        record(x, s, n);
    return n;
}

void check_bytes(struct check *x, struct check_stream *s, const uint8_t *p, size_t n)
{
    size_t used;
    if (s->len + n > s->cap) {
        s->cap = 2 * (s->len + n);
        s->b = realloc(s->b, s->cap);
        assert_non_null(s->b);
    }
    memcpy(s->b + s->len, p, n);
    s->len += n;
    check_clear(s->b, s->len);
    while ((used = s->what == CHECK_TLS ? take_tls(x, s) : take_data(x, s))) {
        s->len -= used;
        memmove(s->b, s->b + used, s->len);
    }
}

/* ---- Life ---- */

void check_init(struct check *x, uint16_t aead)
{
    memset(x, 0, sizeof *x);
    nonces_init(&x->nonces, aead);
    x->secrets = calloc(CHECK_SECRETS, sizeof *x->secrets);
    assert_non_null(x->secrets);
}

void check_wipe(struct check *x)
{
    nonces_wipe(&x->nonces);
    free(x->secrets);
    free(x->seen);
    memset(x, 0, sizeof *x);
}
