/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/buffer.h"

#include <string.h>

#include "crypto/wipe.h"

/* A handshake flight and a grant fit; doubled from here on, so that growing stays linear. */
#define FIRST_SIZE 2048u

bool tls_buffer_reserve(struct tls_buffer *b, struct csep_alloc a, size_t used, size_t need)
{
    if (need <= b->cap)
        return true;
    size_t cap = b->cap ? b->cap : FIRST_SIZE;
    while (cap < need)
        cap *= 2;
    uint8_t *p = a.get(a.self, cap);
    if (!p)
        return false;
    if (used)
        memcpy(p, b->p, used);
    tls_buffer_release(b, a);
    b->p = p;
    b->cap = cap;
    return true;
}

void tls_buffer_release(struct tls_buffer *b, struct csep_alloc a)
{
    if (!b->p)
        return;
    csep_wipe(b->p, b->cap);
    a.put(a.self, b->p, b->cap);
    b->p = NULL;
    b->cap = 0;
}
