/* SPDX-License-Identifier: BSD-2-Clause */
#include "support.h"

#include <sodium.h>

/* ---- Random bytes ---- */

static void random_fill(void *self, uint8_t *out, size_t n)
{
    struct test_random *r = self;
    uint8_t seed[randombytes_SEEDBYTES] = {0};
    r->calls++;
    for (unsigned i = 0; i < 8; i++) {
        seed[i] = (uint8_t)(r->seed >> (8 * i));
        seed[8 + i] = (uint8_t)(r->calls >> (8 * i));
    }
    if (n)
        randombytes_buf_deterministic(out, n, seed);
}

struct csep_random test_random(struct test_random *r, uint64_t seed)
{
    *r = (struct test_random){seed, 0};
    return (struct csep_random){random_fill, r};
}

uint64_t test_random_below(struct test_random *r, uint64_t n)
{
    uint8_t b[8];
    uint64_t v = 0;
    random_fill(r, b, sizeof b);
    for (unsigned i = 0; i < 8; i++)
        v = v << 8 | b[i];
    return v % n; /* the bias is far below what a test can notice */
}

/* ---- Memory ---- */

union block {
    struct {
        size_t n;
        uint64_t magic;
    } head;
    max_align_t align;
};
#define BLOCK_MAGIC UINT64_C(0x63736570626c6f63)

static void *alloc_get(void *self, size_t n)
{
    struct test_alloc *a = self;
    a->gets++;
    if ((a->fail_from && a->gets >= a->fail_from) || (a->most && a->live + n > a->most))
        return NULL;
    union block *b = malloc(sizeof *b + n);
    if (!b)
        return NULL;
    b->head.n = n;
    b->head.magic = BLOCK_MAGIC;
    memset(b + 1, 0xa5, n);
    a->live += n;
    a->blocks++;
    a->peak = a->live > a->peak ? a->live : a->peak;
    return b + 1;
}

static void alloc_put(void *self, void *p, size_t n)
{
    struct test_alloc *a = self;
    if (!p)
        return;
    union block *b = (union block *)p - 1;
    if (b->head.magic != BLOCK_MAGIC)
        fail_msg("memory given back that was not given out, or twice");
    if (b->head.n != n)
        fail_msg("%zu bytes given back as %zu", b->head.n, n);
    a->live -= n;
    a->blocks--;
    memset(b, 0x5a, sizeof *b + n);
    free(b);
}

struct csep_alloc test_alloc(struct test_alloc *a)
{
    *a = (struct test_alloc){0};
    return (struct csep_alloc){alloc_get, alloc_put, a};
}

void test_alloc_done(const struct test_alloc *a)
{
    if (a->blocks || a->live)
        fail_msg("%zu bytes in %zu blocks were not given back", a->live, a->blocks);
}

/* ---- Trace ---- */

static void trace_emit(void *self, const struct csep_trace_event *ev)
{
    struct test_trace *t = self;
    if (t->num == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->events = realloc(t->events, t->cap * sizeof *t->events);
        if (!t->events)
            abort();
    }
    t->events[t->num++] = *ev;
}

struct csep_trace test_trace(struct test_trace *t, uint64_t object)
{
    return (struct csep_trace){trace_emit, t, object};
}

unsigned test_trace_count(const struct test_trace *t, enum csep_trace_type type)
{
    unsigned n = 0;
    for (size_t i = 0; i < t->num; i++)
        n += t->events[i].type == type;
    return n;
}

const struct csep_trace_event *test_trace_find(const struct test_trace *t, enum csep_trace_type type,
                                               unsigned n)
{
    for (size_t i = 0; i < t->num; i++)
        if (t->events[i].type == type && n-- == 0)
            return &t->events[i];
    return NULL;
}

void test_trace_print(const struct test_trace *t, FILE *out)
{
    for (size_t i = 0; i < t->num; i++) {
        const struct csep_trace_event *e = &t->events[i];
        fprintf(out, "%12.6f ms  object %llu  %s", (double)e->at / 1e6, (unsigned long long)e->object,
                csep_trace_name(e->type));
        for (unsigned a = 0; a < 4; a++)
            if (*csep_trace_arg(e->type, a))
                fprintf(out, " %s=%llu", csep_trace_arg(e->type, a), (unsigned long long)e->arg[a]);
        fputc('\n', out);
    }
}

void test_trace_free(struct test_trace *t)
{
    free(t->events);
    *t = (struct test_trace){0};
}

/* ---- Key log ---- */

static void keylog_line(void *self, const char *label, const uint8_t client_random[32], const uint8_t *secret,
                        size_t secret_len)
{
    struct test_keylog *k = self;
    if (k->num < sizeof k->lines / sizeof k->lines[0]) {
        struct test_keylog_line *l = &k->lines[k->num];
        assert_true(secret_len <= sizeof l->secret);
        snprintf(l->label, sizeof l->label, "%s", label);
        memcpy(l->client_random, client_random, 32);
        memcpy(l->secret, secret, secret_len);
        l->secret_len = secret_len;
    }
    k->num++;
}

struct csep_keylog test_keylog(struct test_keylog *k)
{
    k->num = 0;
    return (struct csep_keylog){keylog_line, k};
}

const struct test_keylog_line *test_keylog_find(const struct test_keylog *k, const char *label, unsigned n)
{
    for (size_t i = 0; i < k->num && i < sizeof k->lines / sizeof k->lines[0]; i++)
        if (!strcmp(k->lines[i].label, label) && n-- == 0)
            return &k->lines[i];
    return NULL;
}

/* ---- Small things ---- */

static int nibble(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *p = c ? strchr(digits, c) : NULL;
    if (!p)
        fail_msg("'%c' is not a hexadecimal digit", c);
    return (int)(p - digits);
}

size_t test_unhex(uint8_t *out, size_t cap, const char *hex)
{
    size_t n = 0;
    for (; *hex; hex += 2) {
        if (n == cap)
            fail_msg("hexadecimal string longer than %zu bytes", cap);
        int high = nibble(hex[0]), low = nibble(hex[1]);
        out[n++] = (uint8_t)(high << 4 | low);
    }
    return n;
}

void test_assert_status(csep_status got, csep_status want, const char *what, const char *file, int line)
{
    if (got == want)
        return;
    print_error("%s is %s, not %s\n", what, csep_status_name(got), csep_status_name(want));
    _fail(file, line);
}
