/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- words of a table ---- */

const struct sim_key *sim_key_find(const struct sim_table *t, const char *path)
{
    for (const struct sim_key *k = t->keys; k->path; k++)
        if (!strcmp(k->path, path))
            return k;
    return NULL;
}

const char *sim_key_paths(const void *table, size_t i)
{
    return ((const struct sim_table *)table)->keys[i].path;
}

struct choices {
    char text[512], *word[SIM_NAMES_MAX];
    size_t num;
};

static void split_choices(struct choices *c, const char *choices)
{
    snprintf(c->text, sizeof c->text, "%s", choices);
    c->num = 0;
    for (char *s = strtok(c->text, "|"); s && c->num < SIM_NAMES_MAX; s = strtok(NULL, "|"))
        c->word[c->num++] = s;
}

static const char *choice_names(const void *words, size_t i)
{
    const struct choices *c = words;
    return i < c->num ? c->word[i] : NULL;
}

static bool choose(const char *choices, const char *word, uint64_t *out, char *err, size_t cap)
{
    struct choices c;
    split_choices(&c, choices);
    for (size_t i = 0; i < c.num; i++)
        if (!strcmp(c.word[i], word)) {
            *out = i;
            return true;
        }
    const char *near = sim_nearest(word, choice_names, &c);
    if (near)
        snprintf(err, cap, "\"%s\" is not known here, did you mean \"%s\"?", word, near);
    else
        snprintf(err, cap, "\"%s\" is not one of %s", word, choices);
    return false;
}

/* ---- values ---- */

static const struct {
    const char *name, *example;
} types[] = {
    [SIM_TEXT] = {"text", ""},
    [SIM_UINT] = {"whole number", "8"},
    [SIM_REAL] = {"number", "0.01"},
    [SIM_TIME] = {"time", "20ms"},
    [SIM_RATE] = {"rate", "10Mbps"},
    [SIM_BYTES] = {"size", "1200 or 16KiB"},
    [SIM_BOOL] = {"true or false", ""},
    [SIM_CHOICE] = {"choice", ""},
    [SIM_TERM] = {"round trips and time", "2R or 250ms + 1R"},
    [SIM_NAMES] = {"list", ""},
    [SIM_ITEMS] = {"list", ""},
    [SIM_SWEEP] = {"keys with lists of values", ""},
};

const char *sim_type_name(enum sim_type t)
{
    return types[t].name;
}

static const char *bound(const struct sim_key *k, uint64_t v, char *buf, size_t cap)
{
    if (k->type == SIM_TIME)
        return sim_format_time(v, buf, cap);
    snprintf(buf, cap, "%" PRIu64, v);
    return buf;
}

static bool in_range(const struct sim_key *k, uint64_t v, char *err, size_t cap)
{
    char a[32], b[32];
    if (v >= k->min && v <= k->max)
        return true;
    snprintf(err, cap, "expected a %s between %s and %s", types[k->type].name, bound(k, k->min, a, sizeof a),
             bound(k, k->max, b, sizeof b));
    return false;
}

static bool set_number(const struct sim_key *k, void *at, const char *text, char *err, size_t cap)
{
    static bool (*const parse[])(const char *, uint64_t *) = {[SIM_UINT] = sim_parse_uint,
                                                              [SIM_TIME] = sim_parse_time,
                                                              [SIM_RATE] = sim_parse_rate,
                                                              [SIM_BYTES] = sim_parse_bytes};
    uint64_t v;
    if (!parse[k->type](text, &v)) {
        snprintf(err, cap, "expected a %s such as %s, not \"%s\"", types[k->type].name,
                 types[k->type].example, text);
        return false;
    }
    if (!in_range(k, v, err, cap))
        return false;
    memcpy(at, &v, sizeof v);
    return true;
}

static bool set_real(const struct sim_key *k, void *at, const char *text, char *err, size_t cap)
{
    double v;
    if (!sim_parse_real(text, &v) || v < (double)k->min || v > (double)k->max) {
        snprintf(err, cap, "expected a number between %" PRIu64 " and %" PRIu64 ", not \"%s\"", k->min,
                 k->max, text);
        return false;
    }
    memcpy(at, &v, sizeof v);
    return true;
}

bool sim_key_add_name(const struct sim_key *k, struct sim_names *n, const char *text, char *err, size_t cap)
{
    uint64_t ignored;
    if (k->choices && !choose(k->choices, text, &ignored, err, cap))
        return false;
    if (!*text || strlen(text) >= sizeof n->v[0] || n->num >= k->max || n->num >= SIM_NAMES_MAX) {
        snprintf(err, cap, "expected at most %" PRIu64 " words of 1 to %zu characters", k->max,
                 sizeof n->v[0] - 1);
        return false;
    }
    snprintf(n->v[n->num++], sizeof n->v[0], "%s", text);
    return true;
}

/* "S1, S2" replaces a list. */
static bool set_names(const struct sim_key *k, struct sim_names *n, const char *text, char *err, size_t cap)
{
    char copy[1024], *save = NULL;
    n->num = 0;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *s = strtok_r(copy, ", ", &save); s; s = strtok_r(NULL, ", ", &save))
        if (!sim_key_add_name(k, n, s, err, cap))
            return false;
    return true;
}

bool sim_key_set(const struct sim_key *k, void *base, const char *text, char *err, size_t cap)
{
    void *at = (char *)base + k->offset;
    switch (k->type) {
    case SIM_TEXT:
        snprintf(at, SIM_TEXT_MAX, "%s", text);
        return true;
    case SIM_REAL:
        return set_real(k, at, text, err, cap);
    case SIM_BOOL:
        if (sim_parse_bool(text, at))
            return true;
        snprintf(err, cap, "expected true or false, not \"%s\"", text);
        return false;
    case SIM_CHOICE:
        return choose(k->choices, text, at, err, cap);
    case SIM_TERM:
        if (sim_parse_term(text, at))
            return true;
        snprintf(err, cap, "expected round trips and time such as 2R or 250ms + 1R, not \"%s\"", text);
        return false;
    case SIM_NAMES:
        return set_names(k, at, text, err, cap);
    case SIM_ITEMS:
    case SIM_SWEEP:
        snprintf(err, cap, "cannot be set as one value");
        return false;
    default:
        return set_number(k, at, text, err, cap);
    }
}

void sim_schema_preset(const struct sim_table *t, void *base)
{
    char err[256];
    memset(base, 0, t->size);
    for (const struct sim_key *k = t->keys; k->path; k++)
        if (k->preset && *k->preset && !sim_key_set(k, base, k->preset, err, sizeof err)) {
            fprintf(stderr, "default of %s: %s\n", k->path, err);
            abort();
        }
}

bool sim_schema_set(const struct sim_table *t, void *base, const char *path, const char *value, char *err,
                    size_t cap)
{
    char why[256];
    const struct sim_key *k = sim_key_find(t, path);
    if (!k) {
        const char *near = sim_nearest(path, sim_key_paths, t);
        if (near)
            snprintf(err, cap, "%s has no key \"%s\", did you mean \"%s\"?", t->what, path, near);
        else
            snprintf(err, cap, "%s has no key \"%s\"", t->what, path);
        return false;
    }
    if (sim_key_set(k, base, value, why, sizeof why))
        return true;
    snprintf(err, cap, "%s: %s", path, why);
    return false;
}

/* ---- printing ---- */

static void print_value(const struct sim_key *k, const void *at, FILE *f)
{
    uint64_t u;
    double d;
    bool b;
    switch (k->type) {
    case SIM_TEXT:
        fprintf(f, "%s", (const char *)at);
        break;
    case SIM_REAL:
        memcpy(&d, at, sizeof d);
        fprintf(f, "%.17g", d);
        break;
    case SIM_BOOL:
        memcpy(&b, at, sizeof b);
        fprintf(f, "%d", b);
        break;
    default:
        memcpy(&u, at, sizeof u);
        fprintf(f, "%" PRIu64, u);
    }
}

void sim_schema_print(const struct sim_table *t, const void *base, void *stream)
{
    for (const struct sim_key *k = t->keys; k->path; k++)
        if (k->type < SIM_TERM) {
            fprintf(stream, "%s = ", k->path);
            print_value(k, (const char *)base + k->offset, stream);
            fputc('\n', stream);
        }
}

static void help_key(const struct sim_key *k, const char *indent, FILE *f)
{
    char a[32], b[32];
    fprintf(f, "%s%-24s %s", indent, k->path, k->help);
    if (k->choices && strlen(k->choices) < 60)
        fprintf(f, ": %s", k->choices);
    else if (k->type == SIM_UINT || k->type == SIM_TIME || k->type == SIM_RATE || k->type == SIM_BYTES)
        fprintf(f, " (%s, %s .. %s)", types[k->type].name, bound(k, k->min, a, sizeof a),
                bound(k, k->max, b, sizeof b));
    else if (*types[k->type].example)
        fprintf(f, " (%s, such as %s)", types[k->type].name, types[k->type].example);
    if (!k->preset)
        fputs("; required", f);
    else if (*k->preset)
        fprintf(f, "; default %s", k->preset);
    fputc('\n', f);
}

void sim_schema_help(const struct sim_table *t, void *stream)
{
    for (const struct sim_key *k = t->keys; k->path; k++) {
        help_key(k, "  ", stream);
        if (k->items)
            for (const struct sim_key *i = k->items->keys; i->path; i++)
                help_key(i, "      - ", stream);
    }
}

void sim_schema_free(const struct sim_table *t, void *base)
{
    for (const struct sim_key *k = t->keys; k->path; k++)
        if (k->type == SIM_ITEMS) {
            struct sim_items *i = (struct sim_items *)((char *)base + k->offset);
            free(i->v);
            *i = (struct sim_items){0};
        }
}
