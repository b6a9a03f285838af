/* SPDX-License-Identifier: BSD-2-Clause */
/* csep-bench: runs the parts, prints a table, writes bench.json beside it. */
#include "bench.h"

#include <getopt.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "csep/csep.h"

static json_t *lines;
static FILE *table; /* what is printed is kept, too */
static unsigned missed;

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

#define SLICES_MAX 200

bool contest(struct contender *c, unsigned num, double seconds)
{
    static double rates[8][SLICES_MAX];
    unsigned slices = 0;
    double end = seconds_now() + seconds;
    while (slices < SLICES_MAX && (slices < 3 || seconds_now() < end)) {
        for (unsigned i = 0; i < num; i++) {
            double start = seconds_now();
            if (!c[i].work(c[i].self, c[i].batch)) {
                fprintf(stderr, "csep-bench: %s failed\n", c[i].name);
                return false;
            }
            rates[i][slices] = c[i].batch / (seconds_now() - start);
        }
        slices++;
    }
    for (unsigned i = 0; i < num; i++) {
        qsort(rates[i], slices, sizeof rates[i][0], by_value);
        c[i].rate = rates[i][slices / 2];
    }
    return true;
}

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    fflush(stdout);
    va_start(args, fmt);
    vfprintf(table, fmt, args);
    va_end(args);
}

static void line(const char *name, double value, const char *unit, const char *peer, double peer_value,
                 double ratio, double target, bool met)
{
    say("%-50s %12.1f %-10s  %-38s %12.1f  %5.2f  %5.2f  %s\n", name, value, unit, peer, peer_value, ratio,
        target,
        target == 0 ? "-"
        : met       ? "met"
                    : "MISSED");
    missed += target != 0 && !met;
    json_array_append_new(lines, json_pack("{s:s, s:f, s:s, s:s, s:f, s:f, s:f, s:b}", "name", name, "value",
                                           value, "unit", unit, "peer", peer, "peer_value", peer_value,
                                           "ratio", ratio, "target", target, "met", target == 0 || met));
}

void report(const char *name, double value, const char *unit, const char *peer, double peer_value,
            double target)
{
    double ratio = peer_value > 0 ? value / peer_value : 0;
    line(name, value, unit, peer, peer_value, ratio, target, ratio >= target);
}

void report_at_most(const char *name, double value, const char *unit, const char *limit, double limit_value)
{
    double ratio = limit_value > 0 ? value / limit_value : 0;
    line(name, value, unit, limit, limit_value, ratio, 1, value <= limit_value);
}

/* xoshiro256** (Blackman, Vigna): fast and the same everywhere; not for real keys. */
void bench_random(void *self, uint8_t *out, size_t n)
{
    static uint64_t s[4] = {1, 2, 3, 4};
    (void)self;
    while (n) {
        uint64_t r = s[1] * 5, t = s[1] << 17;
        r = (r << 7 | r >> 57) * 9;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3] << 45 | s[3] >> 19;
        size_t k = n < sizeof r ? n : sizeof r;
        memcpy(out, &r, k);
        out += k;
        n -= k;
    }
}

static const struct part {
    const char *name, *help;
    bool (*run)(double seconds);
} parts[] = {
    {"handshakes", "TLS negotiations, full and resumed, against OpenSSL, GnuTLS and the floor",
     bench_handshakes},
    {"packets", "sealing and opening packets against the bare AEAD", bench_packets},
    {"connections", "new warm data connections against the floor of their primitives", bench_connections},
    {"simulator", "warm requests inside ns-3 against plain UDP echo", bench_simulator},
};

static void usage(FILE *to)
{
    fprintf(to, "usage: csep-bench [--seconds S] [--out DIR] [PART...]\n\n"
                "Measures ratios against peers in one run; prints a table and writes it to DIR/table.txt and "
                "DIR/bench.json.\n"
                "  --seconds S   time for each part (default 6)\n"
                "  --out DIR     default results/bench\n\nparts (default all):\n");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        fprintf(to, "  %-12s %s\n", parts[i].name, parts[i].help);
    fprintf(to,
            "  %-12s %s\n\nexit status: 0 all targets met, 1 some missed, 2 usage, 4 a part did not work\n",
            "memory", "bytes of idle objects, and of a server over 100,000 negotiations");
}

static bool wanted(const char *name, char **args, int num)
{
    for (int i = 0; i < num; i++)
        if (!strcmp(args[i], name))
            return true;
    return num == 0;
}

static bool known(const char *name)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strcmp(parts[i].name, name))
            return true;
    return !strcmp(name, "memory");
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"seconds", required_argument, NULL, 's'},
                                            {"out", required_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    double seconds = 6;
    const char *out = "results/bench";
    for (int o; (o = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (o == 's')
            seconds = strtod(optarg, NULL);
        else if (o == 'o')
            out = optarg;
        else {
            usage(o == 'h' ? stdout : stderr);
            return o == 'h' ? 0 : 2;
        }
    }
    for (int i = optind; i < argc; i++)
        if (!known(argv[i])) {
            fprintf(stderr, "csep-bench: no part named '%s'\n", argv[i]);
            usage(stderr);
            return 2;
        }
    if (csep_init() != CSEP_OK || seconds <= 0)
        return 2;

    char path[4096], table_path[4096];
    snprintf(path, sizeof path, "%s/bench.json", out);
    mkdir("results", 0777);
    mkdir(out, 0777);
    snprintf(table_path, sizeof table_path, "%s/table.txt", out);
    table = fopen(table_path, "w");
    if (!table) {
        perror(table_path);
        return 4;
    }
    lines = json_array();
    say("%-50s %12s %-10s  %-38s %12s  %5s  %6s\n", "what", "value", "unit", "peer", "its value", "ratio",
        "target");
    bool ok = true;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (wanted(parts[i].name, argv + optind, argc - optind))
            ok &= parts[i].run(seconds);
    if (wanted("memory", argv + optind, argc - optind))
        ok &= bench_memory();
    if (fclose(table) != 0 || json_dump_file(lines, path, JSON_INDENT(2)) != 0) {
        perror(out);
        ok = false;
    } else {
        printf("\n%zu figures, %u targets missed; written to %s\n", json_array_size(lines), missed, path);
    }
    json_decref(lines);
    return !ok ? 4 : missed ? 1 : 0;
}
