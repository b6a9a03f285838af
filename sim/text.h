/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text.h - numbers with units as people write them in scenarios, and guesses at
 * what a misspelt word was meant to be.
 */
#ifndef SIM_TEXT_H
#define SIM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "20ms", "1.5 s", "0", "24h"; exact, in nanoseconds. */
bool sim_parse_time(const char *text, uint64_t *out_ns);
/* "10Mbps", "1 Gbit/s"; bits per second. */
bool sim_parse_rate(const char *text, uint64_t *out_bps);
/* "1200", "14 kB" (1000), "16 KiB" (1024). */
bool sim_parse_bytes(const char *text, uint64_t *out_bytes);
bool sim_parse_uint(const char *text, uint64_t *out);
bool sim_parse_real(const char *text, double *out);
bool sim_parse_bool(const char *text, bool *out);

/* A closed form: so many half round trips and a constant. "2R", "250ms + 1R", "0". */
struct sim_term {
    bool given;
    uint64_t half_r;
    uint64_t constant_ns;
};
bool sim_parse_term(const char *text, struct sim_term *out);

/* "20 ms", "1.024 s": the shortest exact form. Returns buf; 32 bytes are enough. */
const char *sim_format_time(uint64_t ns, char *buf, size_t cap);

/* Insertions, deletions, changes and swaps of neighbours that turn a into b. */
unsigned sim_distance(const char *a, const char *b);
/* The nearest of the words, or NULL when none is near enough to be worth a guess. next() gives the i-th, then
 * NULL. */
const char *sim_nearest(const char *word, const char *(*next)(const void *words, size_t i),
                        const void *words);

#endif
