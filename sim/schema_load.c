/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema_load.c - a YAML file by its table: libyaml's tree, every node of which knows its line. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

#include "schema_private.h"

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
        if (p->v[i].line)
            fprintf(stream, "%s:%u: %s\n", p->file, p->v[i].line, p->v[i].text);
        else
            fprintf(stream, "%s: %s\n", p->file, p->v[i].text);
}

void sim_problems_free(struct sim_problems *p)
{
    free(p->v);
    p->v = NULL;
    p->num = p->cap = 0;
}

/* ---- words of a table ---- */

static bool is_section(const struct sim_table *t, const char *path)
{
    size_t n = strlen(path);
    for (const struct sim_key *k = t->keys; k->path; k++)
        if (!strncmp(k->path, path, n) && k->path[n] == '.')
            return true;
    return false;
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
        else if (!sim_key_add_name(k, out, text_of(n), err, sizeof err))
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
        out->line[out->num] = line_of(n);
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
        if (!sim_key_set(target, scratch, axis->values.v[i], err, sizeof err)) {
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
        const struct sim_key *target =
            key->type == YAML_SCALAR_NODE ? sim_key_find(l->root, text_of(key)) : NULL;
        if (!target || target->type >= SIM_TERM) {
            const char *near =
                key->type == YAML_SCALAR_NODE ? sim_nearest(text_of(key), sim_key_paths, l->root) : NULL;
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
        sim_problem_add(l->p, line_of(node), "%s: expected a %s, not %s", k->path, sim_type_name(k->type),
                        kind_of(node));
    else if (k->type == SIM_TEXT && strlen(text_of(node)) >= SIM_TEXT_MAX)
        sim_problem_add(l->p, line_of(node), "%s: expected at most %d characters", k->path, SIM_TEXT_MAX - 1);
    else if (!sim_key_set(k, base, text_of(node), err, sizeof err))
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
    const struct sim_key *k = sim_key_find(t, path);
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
        if (*prefix)
            sim_problem_add(l->p, line_of(node), "%.*s: expected keys, not %s", (int)strlen(prefix) - 1,
                            prefix, kind_of(node));
        else
            sim_problem_add(l->p, line_of(node), "expected the keys of a %s, not %s", t->what, kind_of(node));
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

/* What stands behind the first document would be ignored without a word. */
static void load_end(struct load *l, yaml_parser_t *parser)
{
    if (l->p->num || !yaml_parser_load(parser, &l->doc))
        return;
    yaml_node_t *root = yaml_document_get_root_node(&l->doc);
    if (root)
        sim_problem_add(l->p, line_of(root), "expected one %s, not a second document", l->root->what);
    yaml_document_delete(&l->doc);
}

bool sim_schema_load(const struct sim_table *t, const char *file, void *base, struct sim_problems *p)
{
    struct load l = {.root = t, .p = p};
    yaml_parser_t parser;
    sim_schema_preset(t, base);
    FILE *f = fopen(file, "rb");
    if (!f) {
        sim_problem_add(p, 0, "cannot be read: %s", strerror(errno));
        return false;
    }
    struct stat st;
    if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
        sim_problem_add(p, 0, "is a folder, not a file");
        fclose(f);
        return false;
    }
    if (!yaml_parser_initialize(&parser))
        abort();
    yaml_parser_set_input_file(&parser, f);
    load_document(&l, &parser, base);
    load_end(&l, &parser);
    yaml_parser_delete(&parser);
    fclose(f);
    return p->num == 0;
}
