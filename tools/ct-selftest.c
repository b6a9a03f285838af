/* SPDX-License-Identifier: BSD-2-Clause */
/* Proves that the constant-time harness can see: run under valgrind by tools/run-ct, with what to do as
 * argument. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "crypto/wipe.h"

static volatile uint8_t sink;

static uint8_t folded(const uint8_t *p, size_t n)
{
    uint8_t x = 0;
    for (size_t i = 0; i < n; i++)
        x = (uint8_t)(x << 1 ^ p[i]);
    return x;
}

int main(int argc, char **argv)
{
    static const uint8_t table[256] = {1, 2, 3};
    uint8_t secret[32];
    const char *what = argc > 1 ? argv[1] : "";

    memset(secret, 7, sizeof secret);
    CSEP_CT_SECRET(secret, sizeof secret);
    uint8_t x = folded(secret, sizeof secret); /* arithmetic on secrets is fine */
    if (!strcmp(what, "branch") && x > 100)
        puts("a branch on a secret");
    if (!strcmp(what, "index"))
        sink = table[x];
    CSEP_CT_PUBLIC(&x, sizeof x);
    if (x == 1)
        puts("a branch on what was made public");
    return 0;
}
