/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading docs/vectors/<name>.json: vectors made from the specification by a program that never saw this
 * code. */
#ifndef CSEP_TESTS_VECTORS_H
#define CSEP_TESTS_VECTORS_H

#include <jansson.h>

#include "support.h"

struct vec_bytes {
    uint8_t *p;
    size_t n;
};

/* The array `vectors` of a file; free with vectors_close(). Fails the test when it is not there or empty. */
json_t *vectors_open(const char *name, json_t **out_root);
void vectors_close(json_t *root);
/* A value by its path, "in.header"; NULL when it is not there. */
json_t *vec_at(const json_t *vector, const char *path);
/* Bytes given in hexadecimal, on the heap; fails the test when they are not there. */
struct vec_bytes vec_bytes(const json_t *vector, const char *path);
void vec_free(struct vec_bytes b);
int64_t vec_number(const json_t *vector, const char *path);
const char *vec_text(const json_t *vector, const char *path);
/* Fails, naming the vector, when the bytes are not those at path. */
void vec_assert(const json_t *vector, const char *path, const void *p, size_t n);

#endif
