/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/wipe.h"

#include <sodium.h>

void csep_wipe(void *p, size_t n)
{
    sodium_memzero(p, n);
}

//= SEC-2
bool csep_equal(const void *a, const void *b, size_t n)
{
    int differ = sodium_memcmp(a, b, n);
    CSEP_CT_PUBLIC(&differ, sizeof differ);
    return differ == 0;
}
