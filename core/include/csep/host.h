/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csep/host.h - what a host gives to libcsep: random bytes, memory, an ear.
 *
 * Each is a pair of functions and a `self` pointer, copied into the object that
 * is given it; what `self` points to must outlive that object. The library owns
 * no state of its own: nothing here is global, and two objects share nothing
 * that the host did not hand to both.
 *
 * The host contract, the same for every connection object of the library:
 *
 *     input(obj, bytes, now)         bytes that arrived from the peer
 *     output(obj, buf, cap, now)     bytes to send, 0 when there is nothing
 *     deadline(obj)                  when expire() wants to be called, or CSEP_NEVER
 *     expire(obj, now)               time has passed
 *     event(obj, &ev)                what happened, drained until it says false
 *
 * Calling any of them too often is harmless. After every input(), expire() and
 * API call the host drains events, then output(), then reads deadline().
 */
#ifndef CSEP_HOST_H
#define CSEP_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "csep/status.h"
#include "csep/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Fill out[0..n) with bytes fit for keys (getrandom(2)), or, in a simulation, with a seeded stream. The
 * library draws from nowhere else, and goes on with what it got: a fill() whose source fails must not return,
 * but end the process or leave by longjmp() for good (SEC-4).
 *
 * Two processes must not go on from one state. After fork(), or when a snapshot was restored, all but one
 * wipe their connections, stores and grantors before anything else: wiping sends nothing (SEC-5).
 */
//= SEC-4
struct csep_random {
    void (*fill)(void *self, uint8_t *out, size_t n);
    void *self;
};

/*
 * Memory. get() returns n bytes aligned for any type, or NULL: the library then
 * returns CSEP_ERR_MEMORY and stays consistent. put() gets the same n back, after
 * the library wiped what was secret in it.
 */
struct csep_alloc {
    void *(*get)(void *self, size_t n);
    void (*put)(void *self, void *p, size_t n);
    void *self;
};

/* Network address of a peer as the core sees it: bytes to compare and to bind tokens to, never to resolve. */
struct csep_addr {
    uint8_t family; /* 4, 6, or 0 for "none" */
    uint8_t ip[16]; /* IPv4 in the first four bytes, the rest zero */
    uint16_t port;  /* host byte order */
};

/* Call once per process before anything else: sets up libsodium. Idempotent. */
csep_status csep_init(void) CSEP_MUST_CHECK;
/* "0.1.0". */
const char *csep_version(void);

#ifdef __cplusplus
}
#endif
#endif
