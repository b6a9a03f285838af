/* SPDX-License-Identifier: BSD-2-Clause */
/* Wiping and comparing secrets, and marking them for the constant-time check. */
#ifndef CSEP_CRYPTO_WIPE_H
#define CSEP_CRYPTO_WIPE_H

#include <stdbool.h>
#include <stddef.h>

/* Overwrite a whole object in a way the compiler keeps. */
void csep_wipe(void *p, size_t n);
/* Equal, in time that depends on n alone. */
bool csep_equal(const void *a, const void *b, size_t n);

#define CSEP_WIPE(obj) csep_wipe(&(obj), sizeof(obj))

/*
 * `make ct` builds with CSEP_CT: secrets are marked undefined for valgrind, which then
 * reports every branch or index that depends on one. A result that is public by
 * design (a tag was right or wrong) is declared so.
 */
#ifdef CSEP_CT
#include <valgrind/memcheck.h>
#define CSEP_CT_SECRET(p, n) ((void)VALGRIND_MAKE_MEM_UNDEFINED((p), (n)))
#define CSEP_CT_PUBLIC(p, n) ((void)VALGRIND_MAKE_MEM_DEFINED((p), (n)))
#else
#define CSEP_CT_SECRET(p, n) ((void)(p), (void)(n))
#define CSEP_CT_PUBLIC(p, n) ((void)(p), (void)(n))
#endif

#endif
