/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema.h - one table describes what a YAML file may say: it checks the file, loads
 * it, explains it and sets single values.
 *
 * Works on libyaml's document tree, where every node knows its line, rather than on
 * libcyaml's loader, which stops at the first error. Every error of a file is
 * found in one go and says file, line, what was expected and the nearest valid word.
 */
#ifndef SIM_SCHEMA_H
#define SIM_SCHEMA_H

#include "text.h"

#define SIM_TEXT_MAX  1024
#define SIM_NAMES_MAX 64

enum sim_type {
    SIM_TEXT,   /* char[SIM_TEXT_MAX] */
    SIM_UINT,   /* uint64_t */
    SIM_REAL,   /* double */
    SIM_TIME,   /* uint64_t, nanoseconds */
    SIM_RATE,   /* uint64_t, bits per second */
    SIM_BYTES,  /* uint64_t */
    SIM_BOOL,   /* bool */
    SIM_CHOICE, /* uint64_t, index into `choices` */
    SIM_TERM,   /* struct sim_term */
    SIM_NAMES,  /* struct sim_names: a list of words */
    SIM_ITEMS,  /* struct sim_items: a list of mappings, each as `items` says */
    SIM_SWEEP   /* struct sim_sweep: key of this very table -> list of values */
};

struct sim_names {
    size_t num;
    char v[SIM_NAMES_MAX][64];
};

struct sim_items {
    size_t num;
    void *v; /* num structs of the item table's size */
    unsigned line[SIM_NAMES_MAX];
};

struct sim_axis {
    char key[64];
    unsigned line;
    struct sim_names values;
};
#define SIM_AXES_MAX 6
struct sim_sweep {
    size_t num;
    struct sim_axis v[SIM_AXES_MAX];
};

struct sim_key {
    const char *path; /* "network.rtt" */
    enum sim_type type;
    size_t offset;       /* of the value in the struct that the table describes */
    uint64_t min, max;   /* in the value's own unit; of a list, how many */
    const char *choices; /* "a|b|c"; SIM_NAMES: the words allowed, NULL for any */
    const char *preset;  /* NULL: the file must say it; "" for lists and texts: empty */
    const char *help;
    const struct sim_table *items;
};

struct sim_table {
    const char *what; /* "scenario", "fault" */
    size_t size;
    const struct sim_key *keys; /* up to one with path NULL */
};

/* Errors, in the order of the file's lines once sorted by sim_problems_print(). */
struct sim_problem {
    unsigned line;
    char text[256];
};
struct sim_problems {
    const char *file;
    size_t num, cap;
    struct sim_problem *v;
};
void sim_problem_add(struct sim_problems *p, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* "file:line: text", sorted by line. */
void sim_problems_print(struct sim_problems *p, void *stream);
void sim_problems_free(struct sim_problems *p);

/* Fills the struct at `base` with the table's defaults. */
void sim_schema_preset(const struct sim_table *t, void *base);
/* Presets, reads the file, and adds what is wrong to p. False when p is not empty. */
bool sim_schema_load(const struct sim_table *t, const char *file, void *base, struct sim_problems *p);
/* One value by its path. On failure says why in err. */
bool sim_schema_set(const struct sim_table *t, void *base, const char *path, const char *value, char *err,
                    size_t cap);
/* All values as "path = value" lines, for a configuration's hash. Lists of mappings and sweeps are left out.
 */
void sim_schema_print(const struct sim_table *t, const void *base, void *stream);
/* The table for a person. */
void sim_schema_help(const struct sim_table *t, void *stream);
void sim_schema_free(const struct sim_table *t, void *base);

#endif
