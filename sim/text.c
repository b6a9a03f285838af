/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit time_units[] = {
    {"ns", 1},
    {"us", 1000},
    {"ms", 1000000},
    {"s", 1000000000},
    {"min", 60000000000},
    {"h", 3600000000000},
    {"d", 86400000000000},
    {NULL, 0},
};
static const struct unit rate_units[] = {
    {"bps", 1},           {"kbps", 1000},         {"Mbps", 1000000},
    {"Gbps", 1000000000}, {"bit/s", 1},           {"kbit/s", 1000},
    {"Mbit/s", 1000000},  {"Gbit/s", 1000000000}, {NULL, 0},
};
static const struct unit byte_units[] = {
    {"B", 1}, {"", 1}, {"kB", 1000}, {"MB", 1000000}, {"KiB", 1024}, {"MiB", 1048576}, {NULL, 0},
};

static bool times(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* Decimal number and unit, without floating point: 0.1 s is 100000000 ns. What is finer than one is refused.
 */
static bool scaled(const char *text, const struct unit *units, uint64_t *out)
{
    uint64_t whole = 0, fraction = 0, scale = 1, a, b;
    const char *p = text;
    if (!isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p); p++)
        if (!times(whole, 10, &whole) || __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
            return false;
    if (*p == '.')
        for (p++; isdigit((unsigned char)*p); p++) {
            if (!times(scale, 10, &scale))
                return false;
            fraction = fraction * 10 + (uint64_t)(*p - '0');
        }
    while (*p == ' ')
        p++;
    if (!*p && whole == 0 && fraction == 0) {
        *out = 0; /* zero needs no unit */
        return true;
    }
    for (const struct unit *u = units; u->name; u++) {
        if (strcmp(u->name, p) != 0)
            continue;
        if (!times(whole, u->factor, &a) || !times(fraction, u->factor, &b) || b % scale)
            return false;
        return !__builtin_add_overflow(a, b / scale, out);
    }
    return false;
}

bool sim_parse_time(const char *text, uint64_t *out_ns)
{
    return scaled(text, time_units, out_ns);
}

bool sim_parse_rate(const char *text, uint64_t *out_bps)
{
    return scaled(text, rate_units, out_bps);
}

bool sim_parse_bytes(const char *text, uint64_t *out_bytes)
{
    return scaled(text, byte_units, out_bytes);
}

bool sim_parse_uint(const char *text, uint64_t *out)
{
    static const struct unit none[] = {{"", 1}, {NULL, 0}};
    return !strchr(text, '.') && !strchr(text, ' ') && scaled(text, none, out);
}

bool sim_parse_real(const char *text, double *out)
{
    char *end;
    if (!isdigit((unsigned char)text[0]) && text[0] != '.')
        return false;
    errno = 0;
    *out = strtod(text, &end);
    if (*end == '%' && !end[1]) {
        *out /= 100;
        return !errno;
    }
    return !errno && !*end && end != text;
}

bool sim_parse_bool(const char *text, bool *out)
{
    *out = !strcmp(text, "true") || !strcmp(text, "yes");
    return *out || !strcmp(text, "false") || !strcmp(text, "no");
}

static bool one_term(const char *text, struct sim_term *t)
{
    static const struct unit round_trips[] = {{"R", 2}, {NULL, 0}};
    uint64_t v;
    if (sim_parse_time(text, &v))
        return !__builtin_add_overflow(t->constant_ns, v, &t->constant_ns);
    return scaled(text, round_trips, &v) && !__builtin_add_overflow(t->half_r, v, &t->half_r);
}

bool sim_parse_term(const char *text, struct sim_term *out)
{
    char part[64];
    *out = (struct sim_term){.given = true};
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, "+"), end = n;
        while (n && *p == ' ')
            p++, n--, end--;
        while (n && p[n - 1] == ' ')
            n--;
        if (!n || n >= sizeof part)
            return false;
        memcpy(part, p, n);
        part[n] = 0;
        if (!one_term(part, out))
            return false;
        p += end;
        if (!*p)
            return true;
    }
}

const char *sim_format_time(uint64_t ns, char *buf, size_t cap)
{
    static const struct unit units[] = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}};
    size_t i = 0;
    while (i < 3 && ns < units[i].factor)
        i++;
    uint64_t f = units[i].factor, rest = ns % f;
    int n = snprintf(buf, cap, "%" PRIu64, ns / f);
    if (rest) {
        int digits = 0;
        for (uint64_t s = f; s > 1; s /= 10)
            digits++;
        while (rest % 10 == 0)
            rest /= 10, digits--;
        n += snprintf(buf + n, cap - (size_t)n, ".%0*" PRIu64, digits, rest);
    }
    snprintf(buf + n, cap - (size_t)n, " %s", ns ? units[i].name : "s");
    return buf;
}

#define WORD_MAX 48u

unsigned sim_distance(const char *a, const char *b)
{
    unsigned d[WORD_MAX + 1][WORD_MAX + 1];
    size_t na = strlen(a), nb = strlen(b);
    if (na > WORD_MAX || nb > WORD_MAX)
        return UINT16_MAX;
    for (unsigned i = 0; i <= na; i++)
        d[i][0] = i;
    for (unsigned j = 0; j <= nb; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= na; i++)
        for (size_t j = 1; j <= nb; j++) {
            unsigned best =
                d[i - 1][j - 1] + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[na][nb];
}

const char *sim_nearest(const char *word, const char *(*next)(const void *words, size_t i), const void *words)
{
    const char *best = NULL, *w;
    unsigned limit = (unsigned)strlen(word) / 2 + 1;
    for (size_t i = 0; (w = next(words, i)); i++) {
        unsigned d = sim_distance(word, w);
        if (d < limit) {
            limit = d;
            best = w;
        }
    }
    return best;
}
