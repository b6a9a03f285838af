/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every test of the core wants: random bytes from a seed, memory that is counted and can be made to
 * run out, an ear for trace events and key-log lines, and small helpers around them.
 *
 * Nothing here is global: each test makes its own, so that a failing test fails alone and again.
 */
#ifndef CSEP_TESTS_SUPPORT_H
#define CSEP_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "csep/host.h"
#include "csep/trace.h"

/* ---- Random bytes: the same for the same seed and the same sequence of calls, on every machine ---- */

struct test_random {
    uint64_t seed, calls;
};
struct csep_random test_random(struct test_random *r, uint64_t seed);
/* A number in 0..n-1 from the same stream. */
uint64_t test_random_below(struct test_random *r, uint64_t n);

/* ---- Memory ---- */

struct test_alloc {
    size_t live, peak, blocks; /* bytes held now, most bytes ever held, blocks held now */
    uint64_t gets;             /* calls of get() so far */
    uint64_t fail_from;        /* get() number from which (1 = first) memory has run out; 0 = never */
    size_t most;               /* bytes beyond which memory has run out; 0 = no limit */
};
/* Blocks are filled with junk when given and when taken back; a put() with another size than its get() fails
 * the test. */
struct csep_alloc test_alloc(struct test_alloc *a);
/* Fails the test when something was not given back. */
void test_alloc_done(const struct test_alloc *a);

/* ---- Trace ---- */

struct test_trace {
    struct csep_trace_event *events; /* in order */
    size_t num, cap;
};
/* Into t, which starts as zero; several objects may share one. */
struct csep_trace test_trace(struct test_trace *t, uint64_t object);
unsigned test_trace_count(const struct test_trace *t, enum csep_trace_type type);
/* The n-th (from 0) event of a type, or NULL. */
const struct csep_trace_event *test_trace_find(const struct test_trace *t, enum csep_trace_type type,
                                               unsigned n);
void test_trace_print(const struct test_trace *t, FILE *out);
void test_trace_free(struct test_trace *t);

/* ---- Key log ---- */

struct test_keylog_line {
    char label[48];
    uint8_t client_random[32];
    uint8_t secret[64];
    size_t secret_len;
};
struct test_keylog {
    struct test_keylog_line lines[64]; /* more are counted, not kept */
    size_t num;
};
struct csep_keylog test_keylog(struct test_keylog *k);
/* The n-th (from 0) line with a label, or NULL. */
const struct test_keylog_line *test_keylog_find(const struct test_keylog *k, const char *label, unsigned n);

/* ---- Small things ---- */

/* "00ff10" into bytes; returns how many. Fails the test on anything else. */
size_t test_unhex(uint8_t *out, size_t cap, const char *hex);
/* Fails with both names spelled out. */
#define assert_status(expr, want) test_assert_status((expr), (want), #expr, __FILE__, __LINE__)
void test_assert_status(csep_status got, csep_status want, const char *what, const char *file, int line);
#define assert_ok(expr) assert_status((expr), CSEP_OK)

#endif
