/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_secure.h"

#include <sodium.h>

enum { REC_ALERT = 21, REC_HANDSHAKE = 22, REC_DATA = 23 };
enum { CLIENT_HELLO = 1, SERVER_FLIGHT = 2, CLIENT_FINISHED = 3 };

static struct fake_secure *of(struct csep_secure *s)
{
    return (struct fake_secure *)(void *)s;
}

static const struct fake_secure *of_const(const struct csep_secure *s)
{
    return (const struct fake_secure *)(const void *)s;
}

static void append(struct fake_buffer *b, const void *p, size_t n)
{
    if (b->len + n > b->cap) {
        b->cap = 2 * (b->len + n) + 64;
        b->b = realloc(b->b, b->cap);
        if (!b->b)
            abort();
    }
    if (n)
        memcpy(b->b + b->len, p, n);
    b->len += n;
}

static size_t take(struct fake_buffer *b, uint8_t *out, size_t cap)
{
    size_t n = b->len < cap ? b->len : cap;
    if (n) {
        memcpy(out, b->b, n);
        memmove(b->b, b->b + n, b->len - n);
    }
    b->len -= n;
    return n;
}

static void send_record(struct fake_secure *f, uint8_t type, const void *body, size_t n)
{
    uint8_t head[5] = {type, 3, 3, (uint8_t)(n >> 8), (uint8_t)n};
    append(&f->out, head, sizeof head);
    append(&f->out, body, n);
}

static csep_status fail_with(struct fake_secure *f, csep_status st)
{
    uint8_t alert = (uint8_t)csep_status_alert(st);
    if (!(f->flags & CSEP_SECURE_FAILED))
        send_record(f, REC_ALERT, &alert, 1);
    f->flags |= CSEP_SECURE_FAILED;
    f->flags &= ~(unsigned)CSEP_SECURE_CAN_WRITE;
    f->failure = f->failure ? f->failure : st;
    return f->failure;
}

/* ---- Handshake ---- */

static void client_hello(struct fake_secure *f)
{
    uint8_t hello[33] = {CLIENT_HELLO};
    memcpy(hello + 1, f->randoms[0], 32);
    send_record(f, REC_HANDSHAKE, hello, sizeof hello);
}

static void server_flight(struct fake_secure *f)
{
    uint8_t zero[1024] = {0};
    struct fake_buffer b = {0};
    append(&b, &(uint8_t){SERVER_FLIGHT}, 1);
    append(&b, f->randoms[1], 32);
    for (size_t left = f->flight_padding; left > 0;) {
        size_t n = left < sizeof zero ? left : sizeof zero;
        append(&b, zero, n);
        left -= n;
    }
    send_record(f, REC_HANDSHAKE, b.b, b.len);
    free(b.b);
    f->flags |= CSEP_SECURE_CAN_EXPORT | (f->late_write ? 0 : CSEP_SECURE_CAN_WRITE);
}

static void client_finished(struct fake_secure *f)
{
    uint8_t fin[34] = {CLIENT_FINISHED, f->own.present};
    memcpy(fin + 2, f->own.spki_sha256, 32);
    send_record(f, REC_HANDSHAKE, fin, sizeof fin);
    f->flags |= CSEP_SECURE_CAN_WRITE | CSEP_SECURE_CAN_EXPORT | CSEP_SECURE_CONFIRMED;
}

static csep_status handshake(struct fake_secure *f, const uint8_t *p, size_t n)
{
    bool started = f->flags & CSEP_SECURE_CAN_EXPORT, over = f->flags & CSEP_SECURE_CONFIRMED;
    if (f->is_server && n == 33 && p[0] == CLIENT_HELLO && !started) {
        memcpy(f->randoms[0], p + 1, 32);
        server_flight(f);
    } else if (f->is_server && n == 34 && p[0] == CLIENT_FINISHED && started && !over) {
        f->peer.present = p[1] != 0;
        memcpy(f->peer.spki_sha256, p + 2, 32);
        f->flags |= CSEP_SECURE_CONFIRMED | CSEP_SECURE_CAN_WRITE;
    } else if (!f->is_server && n >= 33 && p[0] == SERVER_FLIGHT && !started) {
        memcpy(f->randoms[1], p + 1, 32);
        f->peer.present = true;
        memset(f->peer.spki_sha256, 0x5e, 32);
        client_finished(f);
    } else {
        return fail_with(f, CSEP_ERR_TLS_UNEXPECTED_MESSAGE);
    }
    return CSEP_OK;
}

static csep_status record(struct fake_secure *f, uint8_t type, const uint8_t *p, size_t n)
{
    if (f->flags & CSEP_SECURE_PEER_CLOSED)
        return CSEP_OK;
    if (type == REC_HANDSHAKE)
        return handshake(f, p, n);
    if (type == REC_ALERT && n == 1 && p[0] == 0) {
        f->flags |= CSEP_SECURE_PEER_CLOSED;
        return CSEP_OK;
    }
    if (type == REC_DATA &&
        (f->is_server ? f->flags & CSEP_SECURE_CONFIRMED : f->flags & CSEP_SECURE_CAN_EXPORT)) {
        append(&f->app, p, n);
        return CSEP_OK;
    }
    return fail_with(f, type == REC_ALERT ? CSEP_ERR_TLS_ALERT_RECEIVED : CSEP_ERR_TLS_DECODE_ERROR);
}

/* ---- The table ---- */

static csep_status op_input(struct csep_secure *s, const uint8_t *in, size_t n, csep_time now)
{
    struct fake_secure *f = of(s);
    (void)now;
    append(&f->raw, in, n);
    while (!f->failure && f->raw.len >= 5) {
        uint8_t *p = f->raw.b;
        size_t len = 5 + ((size_t)p[3] << 8 | p[4]);
        if (f->raw.len < len)
            break;
        csep_status st = record(f, p[0], p + 5, len - 5);
        memmove(p, p + len, f->raw.len - len);
        f->raw.len -= len;
        if (st)
            break;
    }
    return f->failure;
}

static csep_status op_input_eof(struct csep_secure *s, csep_time now)
{
    struct fake_secure *f = of(s);
    (void)now;
    if (f->flags & CSEP_SECURE_PEER_CLOSED)
        return CSEP_OK;
    f->flags |= CSEP_SECURE_FAILED;
    f->failure = f->failure ? f->failure : CSEP_ERR_TRUNCATED;
    return f->failure;
}

static size_t op_output(struct csep_secure *s, uint8_t *out, size_t cap, csep_time now)
{
    (void)now;
    return take(&of(s)->out, out, cap);
}

static size_t op_read(struct csep_secure *s, uint8_t *out, size_t cap)
{
    return take(&of(s)->app, out, cap);
}

static csep_status op_write(struct csep_secure *s, const uint8_t *in, size_t n, csep_time now)
{
    struct fake_secure *f = of(s);
    (void)now;
    if (!(f->flags & CSEP_SECURE_CAN_WRITE) || f->flags & CSEP_SECURE_CLOSED)
        return CSEP_ERR_CLOSED;
    if (f->max_out && f->out.len + n > f->max_out)
        return CSEP_ERR_LIMIT;
    for (size_t done = 0; done < n;) {
        size_t part = n - done < 16384 ? n - done : 16384;
        send_record(f, REC_DATA, in + done, part);
        done += part;
    }
    return CSEP_OK;
}

static csep_status op_exporter(struct csep_secure *s, const char *label, const uint8_t *context,
                               size_t context_len, uint8_t *out, size_t out_len)
{
    const struct fake_secure *f = of(s);
    crypto_hash_sha256_state h;
    if (!(f->flags & CSEP_SECURE_CAN_EXPORT) || !f->has_exporter)
        return CSEP_ERR_CLOSED;
    assert_int_equal(out_len, 32);
    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const uint8_t *)label, strlen(label) + 1);
    crypto_hash_sha256_update(&h, context, context_len);
    crypto_hash_sha256_update(&h, f->randoms[0], 64);
    crypto_hash_sha256_final(&h, out);
    return CSEP_OK;
}

static void op_forget_exporter(struct csep_secure *s)
{
    of(s)->has_exporter = false;
    of(s)->forgotten++;
}

static void op_close(struct csep_secure *s, csep_time now)
{
    struct fake_secure *f = of(s);
    (void)now;
    if (f->flags & CSEP_SECURE_CLOSED)
        return;
    send_record(f, REC_ALERT, &(uint8_t){0}, 1);
    f->flags |= CSEP_SECURE_CLOSED;
}

static unsigned op_flags(const struct csep_secure *s)
{
    return of_const(s)->flags;
}

static csep_status op_failure(const struct csep_secure *s)
{
    return of_const(s)->failure;
}

static void op_peer_identity(const struct csep_secure *s, struct csep_identity *out)
{
    const struct fake_secure *f = of_const(s);
    *out = f->flags & CSEP_SECURE_CONFIRMED ? f->peer : (struct csep_identity){0};
}

static csep_time op_auth_age(const struct csep_secure *s, csep_time now)
{
    (void)now;
    return of_const(s)->auth_age;
}

static const char *op_server_name(const struct csep_secure *s, size_t *out_len)
{
    (void)s;
    *out_len = 0;
    return NULL;
}

static const uint8_t *op_client_random(const struct csep_secure *s)
{
    return of_const(s)->randoms[0];
}

static const struct csep_secure_ops ops = {
    .input = op_input,
    .input_eof = op_input_eof,
    .output = op_output,
    .read = op_read,
    .write = op_write,
    .exporter = op_exporter,
    .forget_exporter = op_forget_exporter,
    .close = op_close,
    .flags = op_flags,
    .failure = op_failure,
    .peer_identity = op_peer_identity,
    .auth_age = op_auth_age,
    .server_name = op_server_name,
    .client_random = op_client_random,
};

/* ---- Making ---- */

void fake_client(struct fake_secure *f, struct csep_random rnd)
{
    *f = (struct fake_secure){.secure = {&ops}, .has_exporter = true};
    rnd.fill(rnd.self, f->randoms[0], 32);
    client_hello(f);
}

void fake_server(struct fake_secure *f, struct csep_random rnd)
{
    *f = (struct fake_secure){.secure = {&ops}, .is_server = true, .has_exporter = true};
    rnd.fill(rnd.self, f->randoms[1], 32);
}

void fake_free(struct fake_secure *f)
{
    free(f->raw.b);
    free(f->app.b);
    free(f->out.b);
    f->raw = f->app = f->out = (struct fake_buffer){0};
}

void fake_receive(struct fake_secure *f, const void *p, size_t n)
{
    append(&f->app, p, n);
}

void fake_establish(struct fake_secure *f)
{
    f->out.len = 0;
    f->flags |= CSEP_SECURE_CAN_WRITE | CSEP_SECURE_CAN_EXPORT | CSEP_SECURE_CONFIRMED;
}

size_t fake_sent(struct fake_secure *f, uint8_t *out, size_t cap, unsigned *out_alerts)
{
    size_t n = 0;
    *out_alerts = 0;
    for (size_t i = 0; i + 5 <= f->out.len;) {
        size_t len = (size_t)f->out.b[i + 3] << 8 | f->out.b[i + 4];
        *out_alerts += f->out.b[i] == REC_ALERT;
        if (f->out.b[i] == REC_DATA) {
            assert_true(n + len <= cap);
            memcpy(out + n, f->out.b + i + 5, len);
            n += len;
        }
        i += 5 + len;
    }
    f->out.len = 0;
    return n;
}
