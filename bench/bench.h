/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark: ratios against a peer or a physical floor, measured in one run.
 *
 * A contest runs two or more contenders in turns, in short slices, so that whatever
 * else the machine does falls on all of them alike; each contender's rate is the median of
 * its slices. What is reported is the ratio, with the peer's own figure beside it.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One thing whose speed is measured: does its work `n` times; false on failure. */
struct contender {
    const char *name;
    bool (*work)(void *self, unsigned n);
    void *self;
    unsigned batch; /* repetitions per call of work(), some milliseconds' worth */
    double rate;    /* out: repetitions per second, median over the slices */
};

/* Run all in turns for about `seconds` in all. False when one failed (said on stderr). */
bool contest(struct contender *c, unsigned num, double seconds);

/* One line of the result. target 0: none. `above`: met when ratio >= target, else when value <= target. */
void report(const char *name, double value, const char *unit, const char *peer, double peer_value,
            double target);
void report_at_most(const char *name, double value, const char *unit, const char *limit, double limit_value);

/* Deterministic random bytes, for csep_random and for payloads. */
void bench_random(void *self, uint8_t *out, size_t n);

/* The five parts. Each reports its lines and returns false when something did not work at all. */
bool bench_handshakes(double seconds);
bool bench_packets(double seconds);
bool bench_connections(double seconds);
bool bench_simulator(double seconds);
bool bench_memory(void);

/* Peers in process, TLS 1.3 with the negotiation profile; peers_*.c. Each handshake carries a grant-sized
 * message from the server and both exporters. */
bool openssl_handshakes(void *resume, unsigned n);
bool gnutls_handshakes(void *resume, unsigned n);
bool peers_setup(void);
void peers_teardown(void);
const char *openssl_name(void);
const char *gnutls_name(void);

#define BENCH_GRANT_LEN 1000 /* bytes of GRANT and 8 tickets, about */

#endif
