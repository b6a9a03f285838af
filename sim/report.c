/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "breakeven.h"
#include "output.h"
#include "verdict.h"

static bool shown(const struct sim_point *p)
{
    return !p->baseline && !p->visits;
}

static bool write_json(json_t *j, const char *out, const char *name)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", out, name);
    bool ok = sim_output_json(j, path, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(12));
    json_decref(j);
    return ok;
}

static void forget(const char *out, const char *name)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", out, name);
    (void)remove(path);
}

static json_t *milliseconds(uint64_t ns)
{
    return ns % 1000000 ? json_real((double)ns / 1e6) : json_integer((json_int_t)(ns / 1000000));
}

static json_t *maybe(bool known, uint64_t v)
{
    return known ? json_integer((json_int_t)v) : json_null();
}

static json_t *row_object(const struct sim_point *p, const struct sim_judged *j)
{
    return json_pack("{s:s, s:o, s:i, s:b, s:o, s:o, s:o, s:o, s:b, s:s, s:O*}", "row", p->row->id, "rtt_ms",
                     milliseconds(p->cfg.network.rtt), "ip", (int)p->cfg.network.ip, "modelled",
                     p->row->modelled != NULL, "delay_ns", maybe(j->measured, j->delay), "ttfb_ns",
                     maybe(j->measured, j->ttfb), "expected_delay_ns", maybe(j->expected, j->expected_delay),
                     "expected_ttfb_ns", maybe(j->expected, j->expected_ttfb), "agrees", j->agrees, "verdict",
                     j->verdict, "trace_hash", json_object_get(p->result, "trace_hash"));
}

static json_t *claims(const struct sim_point *p)
{
    json_t *a = json_array();
    for (size_t i = 0; i < p->scenario->claims.num; i++)
        json_array_append_new(a, json_string(p->scenario->claims.v[i]));
    return a;
}

static json_t *swept(const struct sim_point *p)
{
    json_t *o = json_object();
    for (size_t a = 0; a < p->scenario->sweep.num; a++)
        json_object_set_new(o, p->scenario->sweep.v[a].key,
                            json_string(sim_scenario_swept(p->scenario, p->combination, a)));
    return o;
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A row's object and everything else that is known about it. */
static json_t *run_object(const struct sim_point *p, const struct sim_judged *j)
{
    static const char *const kept[] = {"delay",     "ttfb",   "last",   "to_server",
                                       "to_client", "visits", "failure"};
    json_t *o = row_object(p, j);
    char hash[32];
    snprintf(hash, sizeof hash, "%016" PRIx64, p->hash);
    json_object_set_new(o, "title", json_string(p->row->title));
    json_object_set_new(o, "modelled_what", p->row->modelled ? json_string(p->row->modelled) : json_null());
    json_object_set_new(o, "condition", p->row->condition ? json_string(p->row->condition) : json_null());
    json_object_set_new(o, "stack", json_string(p->row->stack->name));
    json_object_set_new(o, "scenario", json_string(file_name(p->scenario->file)));
    json_object_set_new(o, "question", json_string(p->scenario->question));
    json_object_set_new(o, "claims", claims(p));
    json_object_set_new(o, "sweep", swept(p));
    json_object_set_new(o, "asked_for", json_boolean(!p->baseline));
    json_object_set_new(o, "seed", json_integer((json_int_t)p->seed));
    json_object_set_new(o, "name", json_string(p->name));
    json_object_set_new(o, "configuration", json_string(hash));
    json_object_set_new(o, "last_ns", maybe(j->measured && !p->visits, j->last));
    json_object_set_new(o, "expected_last_ns", maybe(j->has_last, j->expected_last));
    json_object_set_new(o, "verdict_met", json_boolean(j->verdict_met));
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (json_object_get(p->result, kept[i]))
            json_object_set(o, kept[i], json_object_get(p->result, kept[i]));
    return o;
}

/* One ladder per row: at the first RTT that the run has for it, IPv4 where there is one. */
static void add_ladder(json_t *ladders, const struct sim_point *p, const struct sim_judged *j)
{
    for (size_t i = 0; i < json_array_size(ladders); i++)
        if (!strcmp(json_string_value(json_object_get(json_array_get(ladders, i), "row")), p->row->id))
            return;
    json_array_append_new(
        ladders, json_pack("{s:s, s:s, s:o, s:i, s:b, s:o, s:o, s:o, s:O*}", "row", p->row->id, "title",
                           p->row->title, "rtt_ms", milliseconds(p->cfg.network.rtt), "ip",
                           (int)p->cfg.network.ip, "modelled", p->row->modelled != NULL, "delay_ns",
                           maybe(j->measured, j->delay), "ttfb_ns", maybe(j->measured, j->ttfb), "last_ns",
                           maybe(j->measured, j->last), "packets", json_object_get(p->result, "packets")));
}

static bool write_csv(const json_t *rows, const char *out)
{
    static const char *const columns[] = {"row",
                                          "rtt_ms",
                                          "ip",
                                          "modelled",
                                          "delay_ns",
                                          "ttfb_ns",
                                          "expected_delay_ns",
                                          "expected_ttfb_ns",
                                          "agrees",
                                          "verdict",
                                          "trace_hash"};
    char path[1200];
    snprintf(path, sizeof path, "%s/rows.csv", out);
    FILE *f = sim_output_open(path);
    if (!f)
        return false;
    for (size_t c = 0; c < 11; c++)
        fprintf(f, "%s%s", c ? "," : "", columns[c]);
    fputc('\n', f);
    for (size_t i = 0; i < json_array_size(rows); i++)
        for (size_t c = 0; c < 11; c++) {
            const json_t *v = json_object_get(json_array_get(rows, i), columns[c]);
            char *text = json_is_string(v) ? NULL : json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
            if (json_is_string(v))
                fprintf(f, "%s\"%s\"", c ? "," : "", json_string_value(v));
            else
                fprintf(f, "%s%s", c ? "," : "", v && !json_is_null(v) ? text : "");
            free(text);
            if (c == 10)
                fputc('\n', f);
        }
    return sim_output_close(f, path);
}

/* ---- the table: a line per row ---- */

struct line {
    const struct sim_row *row;
    const struct sim_expect *expect;
    size_t points, agree, verdicts;
    char verdict[3][160]; /* the first three that differ, with the RTT where they begin */
    uint64_t delay, ttfb; /* of the first point */
    const struct sim_point *first;
    bool measured;
};

static void add_to_line(struct line *l, const struct sim_point *p, const struct sim_judged *j)
{
    char rtt[32];
    if (!l->points++) {
        l->row = p->row;
        l->expect = sim_scenario_expect(p->scenario, p->row->id);
        l->delay = j->delay;
        l->ttfb = j->ttfb;
        l->first = p;
        l->measured = j->measured;
    }
    l->agree += j->agrees;
    for (size_t i = 0; i < l->verdicts; i++)
        if (!strncmp(l->verdict[i], j->verdict, strlen(j->verdict)))
            return;
    if (l->verdicts == 3)
        return;
    snprintf(l->verdict[l->verdicts], sizeof l->verdict[0], "%.110s%s%s%s", j->verdict,
             l->verdicts ? " (R = " : "",
             l->verdicts ? sim_format_time(p->cfg.network.rtt, rtt, sizeof rtt) : "", l->verdicts ? ")" : "");
    l->verdicts++;
}

static const char *term_text(const struct sim_term *t, char *buf, size_t cap)
{
    char time[32];
    snprintf(buf, cap, "%s%s%g%s", t->constant_ns ? sim_format_time(t->constant_ns, time, sizeof time) : "",
             t->constant_ns && t->half_r ? " + " : "", (double)t->half_r / 2, "R");
    if (t->constant_ns && !t->half_r)
        snprintf(buf, cap, "%s", sim_format_time(t->constant_ns, time, sizeof time));
    return buf;
}

/* The closed form where measurement agrees with it, else what was measured first. */
static const char *value_text(const struct line *l, const struct sim_term *t, uint64_t ns, char *buf,
                              size_t cap)
{
    if (l->expect && t->given && l->agree == l->points)
        return term_text(t, buf, cap);
    snprintf(buf, cap, l->measured ? "%.3f ms" : "-", (double)ns / 1e6);
    return buf;
}

static json_int_t number(const json_t *result, const char *part, const char *member)
{
    return json_integer_value(json_object_get(json_object_get(result, part), member));
}

/* What the scenario wants to see besides, at the first point. */
static void print_measures(const struct line *l, FILE *f)
{
    const struct sim_names *m = &l->first->scenario->measures;
    const json_t *r = l->first->result;
    char rtt[32];
    size_t num = 0;
    for (size_t i = 0; i < m->num && l->measured; i++) {
        bool last = !strcmp(m->v[i], "last"),
             traffic = !strcmp(m->v[i], "bytes") || !strcmp(m->v[i], "packets");
        if (!last && !traffic)
            continue;
        fprintf(f, num++ ? ", " : "%11s", "");
        if (last)
            fprintf(f, "last byte after %.3f ms", (double)number(r, "last", "at_ns") / 1e6);
        else
            fprintf(f, "%" JSON_INTEGER_FORMAT " %s to the server, %" JSON_INTEGER_FORMAT " back",
                    number(r, "to_server", m->v[i]), m->v[i], number(r, "to_client", m->v[i]));
    }
    if (num)
        fprintf(f, " (R = %s)\n", sim_format_time(l->first->cfg.network.rtt, rtt, sizeof rtt));
}

static void print_line(const struct line *l, FILE *f)
{
    static const struct sim_term none = {0};
    char d[48], t[48], agree[32];
    snprintf(agree, sizeof agree, "%zu of %zu", l->agree, l->points);
    fprintf(f, "%-10s %-54s %-13s %-13s %-12s %s\n", l->row->id, l->row->title,
            value_text(l, l->expect ? &l->expect->delay : &none, l->delay, d, sizeof d),
            value_text(l, l->expect ? &l->expect->ttfb : &none, l->ttfb, t, sizeof t),
            l->expect && l->expect->delay.given ? agree : "", l->row->modelled ? "modelled" : "");
    for (size_t i = 0; i < l->verdicts; i++)
        if (*l->verdict[i])
            fprintf(f, "%11s%s\n", "", l->verdict[i]);
    print_measures(l, f);
}

static struct line line_of(const struct sim_plan *plan, const struct sim_scenario *s, const struct sim_row *r)
{
    struct line l = {0};
    for (size_t i = 0; i < plan->num; i++)
        if (plan->points[i].scenario == s && plan->points[i].row == r && shown(&plan->points[i])) {
            struct sim_judged j;
            sim_judge(plan, &plan->points[i], &j);
            add_to_line(&l, &plan->points[i], &j);
        }
    return l;
}

/* Its times are those of one point, while there are others. */
static bool shows_first_point(const struct line *l)
{
    return l->points > 1 && !(l->expect && l->expect->delay.given && l->agree == l->points);
}

static void print_table(const struct sim_plan *plan, FILE *f)
{
    for (size_t i = 0; i < plan->num_scenarios; i++) {
        size_t lines = 0, most = 0;
        char name[32];
        const struct sim_point *first = NULL;
        for (const struct sim_row *r = sim_rows; r->id; r++) {
            struct line l = line_of(plan, &plan->scenarios[i], r);
            if (l.points && !lines++)
                fprintf(f, "\n%s\n%-10s %-54s %-13s %-13s %-12s\n", plan->scenarios[i].question, "row",
                        "what, and below it the verdict on the claim", "delay", "first reply", "as analysed");
            if (l.points)
                print_line(&l, f);
            if (shows_first_point(&l)) {
                most = l.points > most ? l.points : most;
                first = first ? first : l.first;
            }
        }
        if (first)
            fprintf(f, "times in ms: at R = %s, the first of %zu points; rows.json has all\n",
                    sim_format_time(first->cfg.network.rtt, name, sizeof name), most);
    }
}

static bool write_table(const struct sim_plan *plan, const char *out)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/table.txt", out);
    FILE *f = sim_output_open(path);
    if (!f)
        return false;
    print_table(plan, f);
    sim_breakeven_print(plan, f);
    return sim_output_close(f, path);
}

bool sim_report(const struct sim_plan *plan, const char *out, void *stream)
{
    json_t *rows = json_array(), *runs = json_array(), *ladders = json_array(), *even = sim_breakeven(plan);
    for (size_t i = 0; i < plan->num; i++) {
        const struct sim_point *p = &plan->points[i];
        struct sim_judged j;
        sim_judge(plan, p, &j);
        json_array_append_new(runs, run_object(p, &j));
        if (!shown(p))
            continue;
        json_array_append_new(rows, row_object(p, &j));
        add_ladder(ladders, p, &j);
    }
    print_table(plan, stream);
    sim_breakeven_print(plan, stream);
    bool ok = write_csv(rows, out);
    ok &= write_table(plan, out);
    ok &= write_json(rows, out, "rows.json");
    ok &= write_json(runs, out, "runs.json");
    ok &= write_json(ladders, out, "ladders.json");
    if (json_array_size(even))
        return write_json(even, out, "breakeven.json") && ok;
    json_decref(even);
    forget(out, "breakeven.json"); /* of an earlier run */
    return ok;
}
