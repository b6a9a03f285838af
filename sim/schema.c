/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct load {
    const struct sim_table *root; /* the table that sweep keys name */
    yaml_document_t doc;
    struct sim_problems *p;
};

/* ---- problems ---- */

void sim_problem_add(struct sim_problems *p, unsigned line, const char *fmt, ...)
{
    if (p->num == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 16;
        p->v = realloc(p->v, p->cap * sizeof *p->v);
        if (!p->v)
            abort();
    }
    struct sim_problem *e = &p->v[p->num++];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    e->line = line;
}

static int by_line(const void *a, const void *b)
{
    const struct sim_problem *x = a, *y = b;
    return x->line != y->line ? (x->line > y->line) - (x->line < y->line) : strcmp(x->text, y->text);
}

void sim_problems_print(struct sim_problems *p, void *stream)
{
    if (p->num)
        qsort(p->v, p->num, sizeof *p->v, by_line);
    for (size_t i = 0; i < p->num; i++)
        fprintf(stream, "%s:%u: %s\n", p->file, p->v[i].line, p->v[i].text);
}

void sim_problems_free(struct sim_problems *p)
{
    free(p->v);
    p->v = NULL;
    p->num = p->cap = 0;
}

/* ---- words of a table ---- */

static const struct sim_key *find(const struct sim_table *t, const char *path)
{
    for (const struct sim_key *k = t->keys; k->path; k++)
        if (!strcmp(k->path, path))
            return k;
    return NULL;
}

static bool is_section(const struct sim_table *t, const char *path)
{
    size_t n = strlen(path);
    for (const struct sim_key *k = t->keys; k->path; k++)
        if (!strncmp(k->path, path, n) && k->path[n] == '.')
            return true;
    return false;
}

static const char *whole_paths(const void *table, size_t i)
{
    return ((const struct sim_table *)table)->keys[i].path;
}

struct children {
    const struct sim_table *t;
    const char *prefix; /* "network." or "" */
};

/* The i-th path with the prefix, its next part only; NULL ends it, so others repeat the first. */
static const char *child_names(const void *words, size_t i)
{
    static char name[64];
    const struct children *c = words;
    size_t n = strlen(c->prefix);
    for (const struct sim_key *k = c->t->keys; k->path; k++)
        if (!strncmp(k->path, c->prefix, n) && !i--) {
            snprintf(name, sizeof name, "%.*s", (int)strcspn(k->path + n, "."), k->path + n);
            return name;
        }
    return NULL;
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

static bool set_name(const struct sim_key *k, struct sim_names *n, const char *text, char *err, size_t cap)
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
        if (!set_name(k, n, s, err, cap))
            return false;
    return true;
}

static bool set_scalar(const struct sim_key *k, void *base, const char *text, char *err, size_t cap)
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
        if (k->preset && *k->preset && !set_scalar(k, base, k->preset, err, sizeof err)) {
            fprintf(stderr, "default of %s: %s\n", k->path, err);
            abort();
        }
}

bool sim_schema_set(const struct sim_table *t, void *base, const char *path, const char *value, char *err,
                    size_t cap)
{
    char why[256];
    const struct sim_key *k = find(t, path);
    if (!k) {
        const char *near = sim_nearest(path, whole_paths, t);
        if (near)
            snprintf(err, cap, "%s has no key \"%s\", did you mean \"%s\"?", t->what, path, near);
        else
            snprintf(err, cap, "%s has no key \"%s\"", t->what, path);
        return false;
    }
    if (set_scalar(k, base, value, why, sizeof why))
        return true;
    snprintf(err, cap, "%s: %s", path, why);
    return false;
}

/* ---- loading ---- */

static unsigned line_of(const yaml_node_t *n)
{
    return (unsigned)n->start_mark.line + 1;
}

static const char *text_of(const yaml_node_t *n)
{
    return (const char *)n->data.scalar.value;
}

static const char *kind_of(const yaml_node_t *n)
{
    return n->type == YAML_SCALAR_NODE     ? "a single value"
           : n->type == YAML_SEQUENCE_NODE ? "a list"
                                           : "a mapping";
}

static void load_mapping(struct load *l, const struct sim_table *t, void *base, yaml_node_t *node,
                         const char *prefix, unsigned *seen);

static void load_names(struct load *l, const struct sim_key *k, struct sim_names *out, yaml_node_t *node)
{
    char err[256];
    if (node->type != YAML_SEQUENCE_NODE) {
        sim_problem_add(l->p, line_of(node), "%s: expected a list, not %s", k->path, kind_of(node));
        return;
    }
    out->num = 0;
    for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
        yaml_node_t *n = yaml_document_get_node(&l->doc, *i);
        if (n->type != YAML_SCALAR_NODE)
            sim_problem_add(l->p, line_of(n), "%s: expected a word, not %s", k->path, kind_of(n));
        else if (!set_name(k, out, text_of(n), err, sizeof err))
            sim_problem_add(l->p, line_of(n), "%s: %s", k->path, err);
    }
    if (out->num < k->min && l->p->num == 0)
        sim_problem_add(l->p, line_of(node), "%s: expected at least %" PRIu64, k->path, k->min);
}

static void check_required(struct load *l, const struct sim_table *t, const unsigned *seen, unsigned line)
{
    for (const struct sim_key *k = t->keys; k->path; k++)
        if (!k->preset && !seen[k - t->keys])
            sim_problem_add(l->p, line, "%s lacks the key \"%s\" (%s)", t->what, k->path, k->help);
}

#define KEYS_MAX 80

static void load_items(struct load *l, const struct sim_key *k, struct sim_items *out, yaml_node_t *node)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        sim_problem_add(l->p, line_of(node), "%s: expected a list, not %s", k->path, kind_of(node));
        return;
    }
    size_t num = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (num > k->max) {
        sim_problem_add(l->p, line_of(node), "%s: expected at most %" PRIu64 " entries", k->path, k->max);
        return;
    }
    free(out->v);
    out->v = calloc(num ? num : 1, k->items->size);
    if (!out->v)
        abort();
    for (out->num = 0; out->num < num; out->num++) {
        yaml_node_t *n = yaml_document_get_node(&l->doc, node->data.sequence.items.start[out->num]);
        void *item = (char *)out->v + out->num * k->items->size;
        unsigned seen[KEYS_MAX] = {0};
        sim_schema_preset(k->items, item);
        load_mapping(l, k->items, item, n, "", seen);
        check_required(l, k->items, seen, line_of(n));
    }
}

/* The values are checked by the key that they are for, in a scratch struct. */
static void load_axis(struct load *l, struct sim_axis *axis, const struct sim_key *target,
                      yaml_node_t *values)
{
    char err[256];
    const struct sim_key any = {.path = axis->key, .type = SIM_NAMES, .min = 1, .max = SIM_NAMES_MAX};
    void *scratch = malloc(l->root->size);
    if (!scratch)
        abort();
    load_names(l, &any, &axis->values, values);
    sim_schema_preset(l->root, scratch);
    for (size_t i = 0; i < axis->values.num; i++)
        if (!set_scalar(target, scratch, axis->values.v[i], err, sizeof err)) {
            yaml_node_t *n = yaml_document_get_node(&l->doc, values->data.sequence.items.start[i]);
            sim_problem_add(l->p, line_of(n), "sweep of %s: %s", axis->key, err);
        }
    free(scratch);
}

static void load_sweep(struct load *l, struct sim_sweep *out, yaml_node_t *node)
{
    if (node->type != YAML_MAPPING_NODE) {
        sim_problem_add(l->p, line_of(node), "sweep: expected keys with lists of values, not %s",
                        kind_of(node));
        return;
    }
    for (yaml_node_pair_t *i = node->data.mapping.pairs.start; i < node->data.mapping.pairs.top; i++) {
        yaml_node_t *key = yaml_document_get_node(&l->doc, i->key),
                    *values = yaml_document_get_node(&l->doc, i->value);
        const struct sim_key *target = key->type == YAML_SCALAR_NODE ? find(l->root, text_of(key)) : NULL;
        if (!target || target->type >= SIM_TERM) {
            const char *near =
                key->type == YAML_SCALAR_NODE ? sim_nearest(text_of(key), whole_paths, l->root) : NULL;
            sim_problem_add(l->p, line_of(key), "sweep: \"%s\" is not a key that can be swept%s%s%s",
                            key->type == YAML_SCALAR_NODE ? text_of(key) : "?",
                            near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        } else if (out->num == SIM_AXES_MAX) {
            sim_problem_add(l->p, line_of(key), "sweep: expected at most %d keys", SIM_AXES_MAX);
        } else {
            struct sim_axis *a = &out->v[out->num++];
            snprintf(a->key, sizeof a->key, "%s", target->path);
            a->line = line_of(key);
            load_axis(l, a, target, values);
        }
    }
}

static void load_value(struct load *l, const struct sim_key *k, void *base, yaml_node_t *node)
{
    char err[256];
    void *at = (char *)base + k->offset;
    if (k->type == SIM_NAMES)
        load_names(l, k, at, node);
    else if (k->type == SIM_ITEMS)
        load_items(l, k, at, node);
    else if (k->type == SIM_SWEEP)
        load_sweep(l, at, node);
    else if (node->type != YAML_SCALAR_NODE)
        sim_problem_add(l->p, line_of(node), "%s: expected a %s, not %s", k->path, types[k->type].name,
                        kind_of(node));
    else if (k->type == SIM_TEXT && strlen(text_of(node)) >= SIM_TEXT_MAX)
        sim_problem_add(l->p, line_of(node), "%s: expected at most %d characters", k->path, SIM_TEXT_MAX - 1);
    else if (!set_scalar(k, base, text_of(node), err, sizeof err))
        sim_problem_add(l->p, line_of(node), "%s: %s", k->path, err);
}

static void unknown_key(struct load *l, const struct sim_table *t, const char *prefix, const yaml_node_t *key)
{
    struct children c = {t, prefix};
    const char *near = sim_nearest(text_of(key), child_names, &c);
    char guess[64] = "";
    if (near) { /* child_names() reuses its buffer: look the winner up again */
        unsigned best = UINT16_MAX;
        const char *w;
        for (size_t i = 0; (w = child_names(&c, i)); i++)
            if (sim_distance(text_of(key), w) < best) {
                best = sim_distance(text_of(key), w);
                snprintf(guess, sizeof guess, "%s", w);
            }
    }
    int len = *prefix ? (int)strlen(prefix) - 1 : (int)strlen(t->what);
    sim_problem_add(l->p, line_of(key), "%.*s has no key \"%s\"%s%s%s", len, *prefix ? prefix : t->what,
                    text_of(key), *guess ? ", did you mean \"" : "", guess, *guess ? "\"?" : "");
}

static void load_pair(struct load *l, const struct sim_table *t, void *base, const char *prefix,
                      unsigned *seen, yaml_node_t *key, yaml_node_t *value)
{
    char path[128];
    if (key->type != YAML_SCALAR_NODE) {
        sim_problem_add(l->p, line_of(key), "expected a key, not %s", kind_of(key));
        return;
    }
    snprintf(path, sizeof path, "%s%s", prefix, text_of(key));
    const struct sim_key *k = find(t, path);
    if (k) {
        if (seen[k - t->keys]++)
            sim_problem_add(l->p, line_of(key), "\"%s\" is given twice", path);
        load_value(l, k, base, value);
    } else if (is_section(t, path)) {
        size_t n = strlen(path);
        path[n] = '.';
        path[n + 1] = 0;
        load_mapping(l, t, base, value, path, seen);
    } else {
        unknown_key(l, t, prefix, key);
    }
}

static void load_mapping(struct load *l, const struct sim_table *t, void *base, yaml_node_t *node,
                         const char *prefix, unsigned *seen)
{
    if (node->type != YAML_MAPPING_NODE) {
        sim_problem_add(l->p, line_of(node), "expected the keys of a %s%s%s, not %s", t->what,
                        *prefix ? ", " : "", prefix, kind_of(node));
        return;
    }
    for (yaml_node_pair_t *i = node->data.mapping.pairs.start; i < node->data.mapping.pairs.top; i++)
        load_pair(l, t, base, prefix, seen, yaml_document_get_node(&l->doc, i->key),
                  yaml_document_get_node(&l->doc, i->value));
}

static void load_document(struct load *l, yaml_parser_t *parser, void *base)
{
    if (!yaml_parser_load(parser, &l->doc)) {
        sim_problem_add(l->p, (unsigned)parser->problem_mark.line + 1, "not YAML: %s%s%s",
                        parser->problem ? parser->problem : "unreadable", parser->context ? " " : "",
                        parser->context ? parser->context : "");
        return;
    }
    yaml_node_t *root = yaml_document_get_root_node(&l->doc);
    unsigned seen[KEYS_MAX] = {0};
    if (!root)
        sim_problem_add(l->p, 1, "expected a %s, the file is empty", l->root->what);
    else {
        load_mapping(l, l->root, base, root, "", seen);
        check_required(l, l->root, seen, line_of(root));
    }
    yaml_document_delete(&l->doc);
}

bool sim_schema_load(const struct sim_table *t, const char *file, void *base, struct sim_problems *p)
{
    struct load l = {.root = t, .p = p};
    yaml_parser_t parser;
    FILE *f = fopen(file, "rb");
    sim_schema_preset(t, base);
    if (!f) {
        sim_problem_add(p, 0, "cannot be read");
        return false;
    }
    if (!yaml_parser_initialize(&parser))
        abort();
    yaml_parser_set_input_file(&parser, f);
    load_document(&l, &parser, base);
    yaml_parser_delete(&parser);
    fclose(f);
    return p->num == 0;
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
