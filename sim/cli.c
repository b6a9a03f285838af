/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "csep/host.h"
#include "run.h"

#define FILES_MAX 256
#define SETS_MAX  64

static const char usage_text[] =
    "usage: csep-sim list                      rows, and the scenarios below ./scenarios\n"
    "       csep-sim check FILE...             every error of scenario files\n"
    "       csep-sim run FILE... [options]     play them\n"
    "       csep-sim help [scenario|rows|results|exit]\n"
    "       csep-sim --version\n"
    "\n"
    "options of run:\n"
    "  --set KEY=VALUE   another value for a key of every file; also ends its sweep (may be repeated)\n"
    "  --rows A,B        only these rows\n"
    "  --seed N          of all randomness; default 1\n"
    "  --out DIR         where results go; default results/sim\n"
    "  --pcap            captures with nanosecond times, and keys.log for Wireshark\n"
    "  --qlog            trace events of csep as qlog\n"
    "  --jobs N          processes at once; default: one per processor\n"
    "  --force           play again what has a result\n"
    "  --quiet           no progress\n";

struct args {
    const char *files[FILES_MAX], *sets[SETS_MAX], *rows;
    size_t num_files, num_sets;
    uint64_t seed, jobs;
    struct sim_run_options run;
};

enum { TAKES_NONE, TAKES_VALUE };
static const struct option_def {
    const char *name;
    int takes;
} options[] = {{"--set", TAKES_VALUE},  {"--rows", TAKES_VALUE},
               {"--seed", TAKES_VALUE}, {"--out", TAKES_VALUE},
               {"--jobs", TAKES_VALUE}, {"--pcap", TAKES_NONE},
               {"--qlog", TAKES_NONE},  {"--force", TAKES_NONE},
               {"--quiet", TAKES_NONE}, {NULL, 0}};

static const char *option_names(const void *words, size_t i)
{
    return ((const struct option_def *)words)[i].name;
}

static const char *command_names(const void *words, size_t i)
{
    static const char *const names[] = {"list", "check", "run", "help", "--version", "--help", NULL};
    (void)words;
    return names[i];
}

static const char *topic_names(const void *words, size_t i)
{
    static const char *const names[] = {"scenario", "rows", "results", "exit", NULL};
    (void)words;
    return names[i];
}

static const char *row_names(const void *words, size_t i)
{
    (void)words;
    return sim_rows[i].id;
}

static int usage_error(const char *what, const char *word, const char *near)
{
    fprintf(stderr, "csep-sim: %s%s%s%s%s\n%s", what, word, near ? "; did you mean " : "", near ? near : "",
            near ? "?" : "", near ? "" : "`csep-sim help` tells how to use it\n");
    return SIM_EXIT_USAGE;
}

/* ---- options of run ---- */

static bool take_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    return sim_parse_uint(text, out) && *out >= min && *out <= max;
}

static int take_option(struct args *a, const char *name, const char *value)
{
    if (!strcmp(name, "--set")) {
        if (!strchr(value, '=') || a->num_sets == SETS_MAX)
            return usage_error("--set expects KEY=VALUE, not ", value, NULL);
        a->sets[a->num_sets++] = value;
    } else if (!strcmp(name, "--rows")) {
        a->rows = value;
    } else if (!strcmp(name, "--seed")) {
        if (!take_number(value, 0, UINT64_MAX, &a->seed))
            return usage_error("--seed expects a whole number, not ", value, NULL);
    } else if (!strcmp(name, "--jobs")) {
        if (!take_number(value, 1, 64, &a->jobs))
            return usage_error("--jobs expects a number between 1 and 64, not ", value, NULL);
    } else if (!strcmp(name, "--out")) {
        if (!*value)
            return usage_error("--out expects a folder", "", NULL);
        a->run.out = value;
    } else if (!strcmp(name, "--pcap")) {
        a->run.pcap = true;
    } else if (!strcmp(name, "--qlog")) {
        a->run.qlog = true;
    } else if (!strcmp(name, "--force")) {
        a->run.force = true;
    } else {
        a->run.quiet = true;
    }
    return 0;
}

static int parse_option(struct args *a, int argc, char **argv, int *i)
{
    char name[64];
    const char *equals = strchr(argv[*i], '=');
    snprintf(name, sizeof name, "%.*s", (int)(equals ? equals - argv[*i] : (long)strlen(argv[*i])), argv[*i]);
    for (const struct option_def *o = options; o->name; o++) {
        if (strcmp(o->name, name) != 0)
            continue;
        if (o->takes == TAKES_NONE)
            return equals ? usage_error("no value belongs to ", name, NULL) : take_option(a, name, "");
        if (equals)
            return take_option(a, name, equals + 1);
        if (*i + 1 >= argc)
            return usage_error("a value is missing behind ", name, NULL);
        return take_option(a, name, argv[++*i]);
    }
    return usage_error("no such option: ", name, sim_nearest(name, option_names, options));
}

static int parse_args(struct args *a, int argc, char **argv)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    *a =
        (struct args){.seed = 1, .jobs = processors > 0 ? (uint64_t)processors : 1, .run.out = "results/sim"};
    for (int i = 0; i < argc; i++) {
        int status = 0;
        if (argv[i][0] == '-')
            status = parse_option(a, argc, argv, &i);
        else if (a->num_files == FILES_MAX)
            return usage_error("too many files at ", argv[i], NULL);
        else
            a->files[a->num_files++] = argv[i];
        if (status)
            return status;
    }
    return a->num_files ? 0 : usage_error("no scenario file is given", "", NULL);
}

/* ---- commands ---- */

static bool load_all(const struct args *a, struct sim_scenario *s)
{
    bool ok = true;
    for (size_t i = 0; i < a->num_files; i++) {
        struct sim_problems p = {0};
        if (!sim_scenario_load(a->files[i], &s[i], &p)) {
            sim_problems_print(&p, stderr);
            ok = false;
        }
        sim_problems_free(&p);
    }
    return ok;
}

static struct sim_scenario *scenarios_new(size_t n)
{
    struct sim_scenario *s = calloc(n + 1, sizeof *s);
    if (!s)
        abort();
    return s;
}

static void scenarios_free(struct sim_scenario *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sim_scenario_free(&s[i]);
    free(s);
}

static int check(int argc, char **argv, FILE *out)
{
    struct args a;
    for (int i = 0; i < argc; i++)
        if (argv[i][0] == '-')
            return usage_error("check takes scenario files only, not ", argv[i], NULL);
    int status = parse_args(&a, argc, argv);
    if (status)
        return status;
    struct sim_scenario *s = scenarios_new(a.num_files);
    bool ok = load_all(&a, s);
    scenarios_free(s, a.num_files);
    if (ok)
        fprintf(out, "%zu scenario file%s without errors\n", a.num_files, a.num_files == 1 ? "" : "s");
    return ok ? SIM_EXIT_MET : SIM_EXIT_SCENARIO;
}

/* Names the values of a scenario that --set has made impossible. */
static bool still_sound(const struct sim_scenario *s)
{
    char where[SIM_TEXT_MAX + 32];
    snprintf(where, sizeof where, "csep-sim: --set: %s", s->file);
    struct sim_problems p = {.file = where};
    sim_scenario_check(s, &p);
    bool ok = p.num == 0;
    sim_problems_print(&p, stderr);
    sim_problems_free(&p);
    return ok;
}

static bool apply_sets(const struct args *a, struct sim_scenario *s)
{
    char key[128], err[512];
    for (size_t i = 0; i < a->num_sets; i++) {
        const char *equals = strchr(a->sets[i], '=');
        snprintf(key, sizeof key, "%.*s", (int)(equals - a->sets[i]), a->sets[i]);
        if (!sim_scenario_set(s, key, equals + 1, err, sizeof err)) {
            fprintf(stderr, "csep-sim: --set: %s\n", err);
            return false;
        }
    }
    return still_sound(s);
}

/* Keeps of the scenario's rows those of the list; a scenario may be left with none. */
static bool keep_rows(const char *list, struct sim_scenario *s)
{
    char copy[512], *save = NULL;
    struct sim_names kept = {0};
    snprintf(copy, sizeof copy, "%s", list);
    for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        if (!sim_row_find(w)) {
            const char *near = sim_nearest(w, row_names, NULL);
            fprintf(stderr,
                    "csep-sim: --rows: there is no row \"%s\"%s%s%s; `csep-sim help rows` lists them\n", w,
                    near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
            return false;
        }
        for (size_t i = 0; i < s->rows.num; i++)
            if (!strcmp(s->rows.v[i], w))
                memcpy(kept.v[kept.num++], w, strlen(w) + 1);
    }
    s->rows = kept;
    return true;
}

static int run_loaded(struct args *a, struct sim_scenario *s, FILE *out)
{
    size_t num_rows = 0;
    for (size_t i = 0; i < a->num_files; i++) {
        if (!apply_sets(a, &s[i]) || (a->rows && !keep_rows(a->rows, &s[i])))
            return SIM_EXIT_USAGE;
        num_rows += s[i].rows.num;
    }
    if (!num_rows)
        return usage_error("no scenario given has any of the rows ", a->rows, NULL);
    struct sim_plan plan;
    a->run.program = sim_program_hash();
    sim_plan_make(&plan, s, a->num_files, a->seed, a->run.program);
    a->run.jobs = (unsigned)a->jobs;
    a->run.table = out;
    int status = sim_run(&plan, &a->run);
    sim_plan_free(&plan);
    return status;
}

static int run(int argc, char **argv, FILE *out)
{
    struct args a;
    int status = parse_args(&a, argc, argv);
    if (status)
        return status;
    if (csep_init() != CSEP_OK)
        return SIM_EXIT_FAULT;
    struct sim_scenario *s = scenarios_new(a.num_files);
    status = load_all(&a, s) ? run_loaded(&a, s, out) : SIM_EXIT_SCENARIO;
    scenarios_free(s, a.num_files);
    return status;
}

static void list_rows(FILE *out)
{
    for (const struct sim_row *r = sim_rows; r->id; r++)
        fprintf(out, "  %-10s %-56s %s%s\n", r->id, r->title, r->stack->name,
                r->modelled ? ", modelled" : "");
}

static int list(FILE *out)
{
    glob_t g;
    fputs("rows:\n", out);
    list_rows(out);
    if (glob("scenarios/*/*.yaml", 0, NULL, &g) == 0) {
        fputs("\nscenarios:\n", out);
        for (size_t i = 0; i < g.gl_pathc; i++) {
            struct sim_scenario *s = scenarios_new(1);
            struct sim_problems p = {0};
            bool ok = sim_scenario_load(g.gl_pathv[i], s, &p);
            fprintf(out, "  %-36s %s\n", g.gl_pathv[i], ok ? s->question : "has errors: csep-sim check");
            sim_problems_free(&p);
            scenarios_free(s, 1);
        }
    }
    globfree(&g);
    return SIM_EXIT_MET;
}

static const char results_text[] =
    "Written below --out; docs/results-format.md describes each member.\n"
    "  rows.json, rows.csv   one object or line per row, RTT and IP version\n"
    "  runs.json             the same and all that is known besides\n"
    "  ladders.json          one time-sequence of packets per row\n"
    "  breakeven.json        visits: csep against QUIC\n"
    "  table.txt             what run prints\n"
    "  captures/, keys.log   with --pcap        qlog/   with --qlog\n"
    "  points/               finished points, so that an interrupted run goes on\n";

static int help(const char *topic, FILE *out)
{
    if (!topic)
        fputs(usage_text, out);
    else if (!strcmp(topic, "scenario"))
        sim_schema_help(&sim_scenario_table, out);
    else if (!strcmp(topic, "rows"))
        list_rows(out);
    else if (!strcmp(topic, "results"))
        fputs(results_text, out);
    else if (!strcmp(topic, "exit"))
        fputs("0 all expectations met, 1 some not, 2 usage, 3 bad scenario, 4 simulator fault\n", out);
    else
        return usage_error("no such help topic: ", topic, sim_nearest(topic, topic_names, NULL));
    return SIM_EXIT_MET;
}

int sim_cli(int argc, char **argv, void *out)
{
    const char *command = argc > 1 ? argv[1] : NULL;
    if (!command) {
        fputs(usage_text, stderr);
        return SIM_EXIT_USAGE;
    }
    if (argc > 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h")))
        return help(NULL, out);
    if (!strcmp(command, "list"))
        return argc > 2 ? usage_error("list takes nothing more, not ", argv[2], NULL) : list(out);
    if (!strcmp(command, "check"))
        return check(argc - 2, argv + 2, out);
    if (!strcmp(command, "run"))
        return run(argc - 2, argv + 2, out);
    if (!strcmp(command, "help") || !strcmp(command, "--help") || !strcmp(command, "-h"))
        return help(argc > 2 ? argv[2] : NULL, out);
    if (!strcmp(command, "--version")) {
        fprintf(out, "csep-sim %s\n", csep_version());
        return SIM_EXIT_MET;
    }
    return usage_error("no such command: ", command, sim_nearest(command, command_names, NULL));
}
