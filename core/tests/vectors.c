/* SPDX-License-Identifier: BSD-2-Clause */
#include "vectors.h"

json_t *vectors_open(const char *name, json_t **out_root)
{
    char path[256];
    json_error_t error;
    snprintf(path, sizeof path, "docs/vectors/%s.json", name);
    *out_root = json_load_file(path, 0, &error);
    if (!*out_root)
        fail_msg("%s: %s", path, error.text);
    json_t *vectors = json_object_get(*out_root, "vectors");
    assert_true(json_array_size(vectors) > 0);
    return vectors;
}

void vectors_close(json_t *root)
{
    json_decref(root);
}

json_t *vec_at(const json_t *vector, const char *path)
{
    char key[64];
    const char *dot;
    while ((dot = strchr(path, '.')) != NULL) {
        snprintf(key, sizeof key, "%.*s", (int)(dot - path), path);
        vector = json_object_get(vector, key);
        path = dot + 1;
    }
    return json_object_get(vector, path);
}

const char *vec_text(const json_t *vector, const char *path)
{
    const char *text = json_string_value(vec_at(vector, path));
    if (!text)
        fail_msg("no text %s in %s", path, json_string_value(json_object_get(vector, "name")));
    return text;
}

struct vec_bytes vec_bytes(const json_t *vector, const char *path)
{
    const char *hex = vec_text(vector, path);
    size_t n = strlen(hex) / 2;
    struct vec_bytes b = {malloc(n + 1), n};
    assert_non_null(b.p);
    assert_int_equal(test_unhex(b.p, n + 1, hex), n);
    return b;
}

void vec_free(struct vec_bytes b)
{
    free(b.p);
}

int64_t vec_number(const json_t *vector, const char *path)
{
    const json_t *v = vec_at(vector, path);
    if (!json_is_integer(v))
        fail_msg("no number %s in %s", path, json_string_value(json_object_get(vector, "name")));
    return json_integer_value(v);
}

void vec_assert(const json_t *vector, const char *path, const void *p, size_t n)
{
    struct vec_bytes want = vec_bytes(vector, path);
    if (want.n != n || memcmp(want.p, p, n) != 0)
        fail_msg("%s: %s differs", json_string_value(json_object_get(vector, "name")), path);
    vec_free(want);
}
