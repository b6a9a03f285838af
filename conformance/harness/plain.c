/* SPDX-License-Identifier: BSD-2-Clause */
#include "plain.h"

#include <sodium.h>
#include <string.h>

enum { CLOSE = 0, DATA = 1, HELLO = 2, HEAD = 3 };
const uint8_t plain_hello[3] = {HELLO};

static struct plain_secure *of(struct csep_secure *s)
{
    return (struct plain_secure *)(void *)s;
}

static const struct plain_secure *of_const(const struct csep_secure *s)
{
    return (const struct plain_secure *)(const void *)s;
}

static bool append(struct plain_bytes *b, const void *p, size_t n)
{
    if (n > sizeof b->b - b->len)
        return false;
    if (n)
        memcpy(b->b + b->len, p, n);
    b->len += n;
    return true;
}

static size_t take(struct plain_bytes *b, uint8_t *out, size_t cap)
{
    size_t n = b->len < cap ? b->len : cap;
    if (out && n)
        memcpy(out, b->b, n);
    b->len -= n;
    memmove(b->b, b->b + n, b->len);
    return n;
}

static csep_status fail_with(struct plain_secure *p, csep_status st)
{
    p->flags |= CSEP_SECURE_FAILED;
    p->failure = p->failure ? p->failure : st;
    return p->failure;
}

static csep_status op_input(struct csep_secure *s, const uint8_t *in, size_t n, csep_time now)
{
    struct plain_secure *p = of(s);
    (void)now;
    if (!append(&p->raw, in, n))
        return fail_with(p, CSEP_ERR_LIMIT);
    while (!p->failure && !(p->flags & CSEP_SECURE_PEER_CLOSED) && p->raw.len >= HEAD) {
        const uint8_t *b = p->raw.b;
        size_t len = (size_t)b[1] << 8 | b[2];
        if (p->raw.len < HEAD + len)
            break;
        if (b[0] == CLOSE)
            p->flags |= CSEP_SECURE_PEER_CLOSED;
        else if (b[0] == DATA && !append(&p->app, b + HEAD, len))
            return fail_with(p, CSEP_ERR_LIMIT);
        take(&p->raw, NULL, HEAD + len);
    }
    return p->failure;
}

static csep_status op_input_eof(struct csep_secure *s, csep_time now)
{
    (void)now;
    return of(s)->flags & CSEP_SECURE_PEER_CLOSED ? CSEP_OK : fail_with(of(s), CSEP_ERR_TRUNCATED);
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

static bool record(struct plain_secure *p, uint8_t type, const uint8_t *in, size_t n)
{
    uint8_t head[HEAD] = {type, (uint8_t)(n >> 8), (uint8_t)n};
    return HEAD + n <= sizeof p->out.b - p->out.len && append(&p->out, head, HEAD) && append(&p->out, in, n);
}

static csep_status op_write(struct csep_secure *s, const uint8_t *in, size_t n, csep_time now)
{
    (void)now;
    while (n > 0) {
        size_t part = n < 16384 ? n : 16384;
        if (!record(of(s), DATA, in, part))
            return CSEP_ERR_LIMIT;
        in += part;
        n -= part;
    }
    return CSEP_OK;
}

static void op_close(struct csep_secure *s, csep_time now)
{
    (void)now;
    if (!(of(s)->flags & CSEP_SECURE_CLOSED))
        record(of(s), CLOSE, NULL, 0);
    of(s)->flags |= CSEP_SECURE_CLOSED;
}

/* ---- The exporter, for a cipher suite with SHA-256 ---- */

/* HKDF-Expand-Label of RFC 8446 section 7.1 for 32 bytes, which are one block of HKDF. */
static void expand_label(uint8_t out[32], const uint8_t secret[32], const char *label, const uint8_t hash[32])
{
    uint8_t info[4 + 6 + 255 + 32 + 1] = {0, 32};
    size_t len = strlen(label), at = 2;
    info[at++] = (uint8_t)(6 + len);
    memcpy(info + at, "tls13 ", 6);
    memcpy(info + at + 6, label, len);
    at += 6 + len;
    info[at++] = 32;
    memcpy(info + at, hash, 32);
    info[at + 32] = 1;
    crypto_auth_hmacsha256(out, info, at + 33, secret);
}

static csep_status op_exporter(struct csep_secure *s, const char *label, const uint8_t *context,
                               size_t context_len, uint8_t *out, size_t out_len)
{
    uint8_t hash[32], derived[32];
    if (out_len != 32 || strlen(label) > 200)
        return CSEP_ERR_UNSUPPORTED;
    crypto_hash_sha256(hash, NULL, 0);
    expand_label(derived, of(s)->exporter_master_secret, label, hash);
    crypto_hash_sha256(hash, context, context_len);
    expand_label(out, derived, "exporter", hash);
    return CSEP_OK;
}

static void op_forget_exporter(struct csep_secure *s)
{
    sodium_memzero(of(s)->exporter_master_secret, 32);
}

/* ---- The rest of the table ---- */

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
    (void)s;
    *out = (struct csep_identity){true, {0x5e}};
}

static const char *op_server_name(const struct csep_secure *s, size_t *out_len)
{
    (void)s;
    *out_len = 0;
    return NULL;
}

static const uint8_t *op_client_random(const struct csep_secure *s)
{
    static const uint8_t none[32];
    (void)s;
    return none;
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
    .server_name = op_server_name,
    .client_random = op_client_random,
};

void plain_init(struct plain_secure *p, const uint8_t exporter_master_secret[32])
{
    memset(p, 0, sizeof *p);
    p->secure.ops = &ops;
    p->flags = CSEP_SECURE_CAN_WRITE | CSEP_SECURE_CAN_EXPORT | CSEP_SECURE_CONFIRMED;
    memcpy(p->exporter_master_secret, exporter_master_secret, 32);
}
