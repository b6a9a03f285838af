/* SPDX-License-Identifier: BSD-2-Clause */
/* A growing block of the host's memory: taken when first needed, wiped and given back when empty. */
#ifndef CSEP_TLS_BUFFER_H
#define CSEP_TLS_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "csep/host.h"

struct tls_buffer {
    uint8_t *p;
    size_t cap;
};

/* At least `need` bytes of capacity; the first `used` keep their content. False: no memory, nothing changed.
 */
bool tls_buffer_reserve(struct tls_buffer *b, struct csep_alloc a, size_t used, size_t need);
void tls_buffer_release(struct tls_buffer *b, struct csep_alloc a);

#endif
