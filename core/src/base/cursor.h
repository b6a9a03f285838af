/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cursors that remember failure.
 *
 * A reader walks over borrowed bytes in the order of the wire diagram. A read past
 * the end yields zero (or an empty view) and sets `bad`, for good; a child reader
 * taken from a bad reader is bad. So a decoder reads straight through and asks
 * rd_done() once. A writer mirrors it: a write past the capacity sets `bad` and
 * writes nothing; lengths are patched afterwards by wr_close*().
 */
#ifndef CSEP_BASE_CURSOR_H
#define CSEP_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rd {
    const uint8_t *p;
    size_t n;
    bool bad;
};

static inline struct rd rd_init(const uint8_t *p, size_t n)
{
    return (struct rd){p, n, false};
}

/* n bytes as a borrowed view; NULL when they are not there (or n is 0 at the end). */
static inline const uint8_t *rd_bytes(struct rd *r, size_t n)
{
    if (r->bad || n > r->n) {
        r->bad = true;
        r->n = 0;
        return NULL;
    }
    const uint8_t *p = r->p;
    if (n) {
        r->p += n;
        r->n -= n;
    }
    return p;
}

/* Copy n bytes; zeros when they are not there. */
static inline void rd_copy(struct rd *r, void *out, size_t n)
{
    const uint8_t *p = rd_bytes(r, n);
    if (n && p)
        memcpy(out, p, n);
    else if (n)
        memset(out, 0, n);
}

static inline uint64_t rd_be(struct rd *r, unsigned n)
{
    const uint8_t *p = rd_bytes(r, n);
    uint64_t v = 0;
    for (unsigned i = 0; p && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static inline uint8_t rd_u8(struct rd *r)
{
    return (uint8_t)rd_be(r, 1);
}

static inline uint16_t rd_u16(struct rd *r)
{
    return (uint16_t)rd_be(r, 2);
}

static inline uint32_t rd_u24(struct rd *r)
{
    return (uint32_t)rd_be(r, 3);
}

static inline uint32_t rd_u32(struct rd *r)
{
    return (uint32_t)rd_be(r, 4);
}

static inline uint64_t rd_u64(struct rd *r)
{
    return rd_be(r, 8);
}

/* Variable-length integer, RFC 9000 section 16. */
static inline uint64_t rd_varint(struct rd *r)
{
    if (r->bad || r->n == 0) {
        r->bad = true;
        r->n = 0;
        return 0;
    }
    static const uint64_t masks[4] = {0x3f, 0x3fff, 0x3fffffff, UINT64_C(0x3fffffffffffffff)};
    unsigned form = r->p[0] >> 6;
    return rd_be(r, 1u << form) & masks[form];
}

/* The next n bytes as a reader of their own. */
static inline struct rd rd_sub(struct rd *r, size_t n)
{
    const uint8_t *p = rd_bytes(r, n);
    return (struct rd){p, r->bad ? 0 : n, r->bad};
}

static inline struct rd rd_vec8(struct rd *r)
{
    return rd_sub(r, rd_u8(r));
}

static inline struct rd rd_vec16(struct rd *r)
{
    return rd_sub(r, rd_u16(r));
}

static inline struct rd rd_vec24(struct rd *r)
{
    return rd_sub(r, rd_u24(r));
}

/* A vector whose length is a varint. */
static inline struct rd rd_vecv(struct rd *r)
{
    uint64_t n = rd_varint(r);
    if (n > r->n)
        r->bad = true;
    return rd_sub(r, (size_t)n);
}

static inline bool rd_more(const struct rd *r)
{
    return !r->bad && r->n > 0;
}

/* Everything was read, and nothing past the end. */
static inline bool rd_done(const struct rd *r)
{
    return !r->bad && r->n == 0;
}

struct wr {
    uint8_t *p;
    size_t cap, len;
    bool bad;
};

static inline struct wr wr_init(uint8_t *p, size_t cap)
{
    return (struct wr){p, cap, 0, false};
}

/* Room for n bytes, to be filled by the caller; NULL when they do not fit. */
static inline uint8_t *wr_room(struct wr *w, size_t n)
{
    if (w->bad || n > w->cap - w->len) {
        w->bad = true;
        return NULL;
    }
    uint8_t *p = w->p + w->len;
    w->len += n;
    return p;
}

static inline void wr_bytes(struct wr *w, const void *b, size_t n)
{
    uint8_t *p = wr_room(w, n);
    if (p && n)
        memcpy(p, b, n);
}

static inline void wr_zero(struct wr *w, size_t n)
{
    uint8_t *p = wr_room(w, n);
    if (p && n)
        memset(p, 0, n);
}

static inline void wr_be(struct wr *w, uint64_t v, unsigned n)
{
    uint8_t *p = wr_room(w, n);
    for (unsigned i = n; p && i-- > 0; v >>= 8)
        p[i] = (uint8_t)v;
}

static inline void wr_u8(struct wr *w, unsigned v)
{
    wr_be(w, v, 1);
}

static inline void wr_u16(struct wr *w, unsigned v)
{
    wr_be(w, v, 2);
}

static inline void wr_u24(struct wr *w, uint32_t v)
{
    wr_be(w, v, 3);
}

static inline void wr_u32(struct wr *w, uint32_t v)
{
    wr_be(w, v, 4);
}

static inline void wr_u64(struct wr *w, uint64_t v)
{
    wr_be(w, v, 8);
}

static inline unsigned varint_len(uint64_t v)
{
    return v < 64 ? 1 : v < 16384 ? 2 : v < (UINT64_C(1) << 30) ? 4 : 8;
}

#define VARINT_MAX ((UINT64_C(1) << 62) - 1)

/* Shortest form, RFC 9000 section 16; values above 2^62-1 fail. */
static inline void wr_varint(struct wr *w, uint64_t v)
{
    unsigned len = varint_len(v);
    if (v > VARINT_MAX)
        w->bad = true;
    else
        wr_be(w, v | (uint64_t)(len == 1 ? 0 : len == 2 ? 1 : len == 4 ? 2 : 3) << (8 * len - 2), len);
}

static inline void wr_vec8(struct wr *w, const void *b, size_t n)
{
    if (n > 0xff)
        w->bad = true;
    wr_u8(w, (unsigned)n);
    wr_bytes(w, b, n);
}

static inline void wr_vec16(struct wr *w, const void *b, size_t n)
{
    if (n > 0xffff)
        w->bad = true;
    wr_u16(w, (unsigned)n);
    wr_bytes(w, b, n);
}

static inline void wr_vecv(struct wr *w, const void *b, size_t n)
{
    wr_varint(w, n);
    wr_bytes(w, b, n);
}

/* Leave room for a length of `width` bytes; wr_close() patches it with what was written since. */
static inline size_t wr_open(struct wr *w, unsigned width)
{
    wr_be(w, 0, width);
    return w->len;
}

static inline void wr_close(struct wr *w, size_t mark, unsigned width)
{
    if (w->bad)
        return;
    size_t n = w->len - mark;
    if (width < 8 && n >> (8 * width)) {
        w->bad = true;
        return;
    }
    for (unsigned i = 0; i < width; i++)
        w->p[mark - 1 - i] = (uint8_t)(n >> (8 * i));
}

static inline bool wr_ok(const struct wr *w)
{
    return !w->bad;
}

#endif
