/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fuzz target as an ordinary test, for every compiler and every run of the tests.
 *
 * Linked with one fuzz_NAME.c and run as replay_NAME, it feeds the target the kept inputs of
 * core/fuzz/corpus/NAME, each of their truncations (of the first kilobyte), and seeded mutations of
 * them; the target aborts when a property fails. The real fuzzer is `make fuzz`.
 */
#define _DEFAULT_SOURCE /* scandir */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INPUT_MAX 65536
#define MUTATIONS 64 /* per kept input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char corpus[512];

/* xorshift64: the same bytes on every machine. */
static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

/* From a heap block of just that size, so that a sanitizer sees a read past the end. */
static void feed(const uint8_t *data, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, data, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static void feed_mutated(const uint8_t *data, size_t n, uint64_t seed)
{
    static uint8_t work[INPUT_MAX];
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    memcpy(work, data, n);
    for (unsigned i = 0, changes = 1 + next(&state) % 4; n && i < changes; i++)
        work[next(&state) % n] = (uint8_t)next(&state);
    feed(work, n);
}

static void feed_file(const char *path)
{
    static uint8_t data[INPUT_MAX];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    for (size_t cut = 0; cut < n && cut <= 1024; cut++)
        feed(data, cut);
    feed(data, n);
    for (uint64_t seed = 0; seed < MUTATIONS; seed++)
        feed_mutated(data, n, seed);
}

static void test_kept_inputs(void **state)
{
    (void)state;
    struct dirent **names;
    int num = scandir(corpus, &names, NULL, alphasort);
    for (int i = 0; i < num; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", corpus, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            feed_file(path);
        free(names[i]);
    }
    if (num >= 0)
        free(names);
}

static void test_seeded_noise(void **state)
{
    (void)state;
    static uint8_t data[2048];
    uint64_t random = 1;
    for (unsigned i = 0; i < 2000; i++) {
        size_t n = next(&random) % (i % 4 ? 64 : sizeof data);
        for (size_t k = 0; k < n; k++)
            data[k] = (uint8_t)next(&random);
        feed(data, n);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    const char *name = strstr(argv[0], "replay_");
    if (!name)
        return 2;
    snprintf(corpus, sizeof corpus, "core/fuzz/corpus/%s", name + strlen("replay_"));
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kept_inputs),
                                       cmocka_unit_test(test_seeded_noise)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
