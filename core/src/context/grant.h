/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A grant as it is kept: packed into one block, since the value of csep/context.h takes several kilobytes.
 *
 * The form is private to the library: it is never sent, and changes when it likes.
 */
#ifndef CSEP_CONTEXT_GRANT_H
#define CSEP_CONTEXT_GRANT_H

#include "csep/context.h"

#define GRANT_PACKED_MAX 8192u

/* Returns the packed length; out may be NULL to learn it. */
size_t grant_pack(const struct csep_grant *g, uint8_t *out, size_t cap);
/* Only ever reads what grant_pack() wrote. */
void grant_unpack(struct csep_grant *g, const uint8_t *in, size_t n);

/* What a slot takes from a grant for one transport; false when that is not granted. */
bool grant_fill_slot(const struct csep_grant *g, uint8_t transport, struct csep_slot *out);

/* Hard limits by use: the grant's own where they are tighter than those of spec 5.2. */
struct csep_usage grant_limits(const struct csep_grant *g);

#endif
