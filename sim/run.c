/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run.h"

#include <errno.h>
#include <ftw.h>
#include <glob.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "output.h"
#include "report.h"
#include "verdict.h"

#define JOBS_MAX   64
#define TIMEOUT_MS 120000

uint64_t sim_program_hash(void)
{
    static uint8_t block[1 << 16];
    uint64_t h = UINT64_C(0xcbf29ce484222325), word;
    FILE *f = fopen("/proc/self/exe", "rb");
    size_t n;
    while (f && (n = fread(block, 1, sizeof block, f)) > 0)
        for (size_t i = 0; i + sizeof word <= n; i += sizeof word) {
            memcpy(&word, block + i, sizeof word);
            h = (h ^ word) * UINT64_C(0x100000001b3);
        }
    if (f)
        fclose(f);
    return h;
}

/* mkdir -p */
static bool make_folder(const char *path)
{
    char copy[1024];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *p = copy + 1; *p; p++)
        if (*p == '/') {
            *p = 0;
            mkdir(copy, 0777);
            *p = '/';
        }
    if (mkdir(copy, 0777) == 0 || errno == EEXIST)
        return true;
    fprintf(stderr, "csep-sim: %s: %s\n", path, strerror(errno));
    return false;
}

static void points_folder(const struct sim_run_options *o, char *buf, size_t cap)
{
    snprintf(buf, cap, "%s/points/%016" PRIx64, o->out, o->program);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* Points of other builds of the program will never be asked for again. */
static void forget_other_programs(const struct sim_run_options *o)
{
    char pattern[1024], ours[1024];
    glob_t g;
    points_folder(o, ours, sizeof ours);
    /* Sixteen hexadecimal digits and nothing else, in case the folder is not ours alone. */
    int at = snprintf(pattern, sizeof pattern, "%s/points/", o->out);
    for (int i = 0; i < 16 && at > 0 && (size_t)at < sizeof pattern; i++)
        at += snprintf(pattern + at, sizeof pattern - (size_t)at, "[0-9a-f]");
    if (glob(pattern, 0, NULL, &g) == 0)
        for (size_t i = 0; i < g.gl_pathc; i++)
            if (strcmp(g.gl_pathv[i], ours) != 0 &&
                nftw(g.gl_pathv[i], remove_entry, 16, FTW_DEPTH | FTW_PHYS))
                fprintf(stderr, "csep-sim: %s: %s\n", g.gl_pathv[i], strerror(errno));
    globfree(&g);
}

static bool make_folders(const struct sim_run_options *o)
{
    char path[1024];
    forget_other_programs(o);
    points_folder(o, path, sizeof path);
    if (!make_folder(path))
        return false;
    snprintf(path, sizeof path, "%s/captures", o->out);
    if (o->pcap && !make_folder(path))
        return false;
    snprintf(path, sizeof path, "%s/qlog", o->out);
    return !o->qlog || make_folder(path);
}

static void result_path(const struct sim_run_options *o, const struct sim_point *p, char *buf, size_t cap)
{
    snprintf(buf, cap, "%s/points/%016" PRIx64 "/%016" PRIx64 ".json", o->out, o->program, p->hash);
}

/* When the file was last written, in nanoseconds; 0: there is none. */
static json_int_t stamp(const char *path)
{
    struct stat st;
    if (!*path || stat(path, &st))
        return 0;
    return (json_int_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

/* The file is not wanted, or is there as this result's own run left it: another may have taken its name. */
static bool kept(const json_t *result, const char *member, const char *path)
{
    json_int_t now = stamp(path);
    return !*path || (now && json_integer_value(json_object_get(result, member)) == now);
}

/* A result of an earlier run, unless a file that is wanted now is missing. */
static bool resume(const struct sim_run_options *o, struct sim_point *p)
{
    char path[1200];
    result_path(o, p, path, sizeof path);
    if (o->force)
        return false;
    p->result = json_load_file(path, 0, NULL);
    if (p->result && (!json_is_true(json_object_get(p->result, "ok")) ||
                      !kept(p->result, "captured", p->capture) || !kept(p->result, "qlogged", p->qlog))) {
        json_decref(p->result);
        p->result = NULL;
    }
    return p->result != NULL;
}

static int play(void *arg, csim_sink *sink)
{
    char *text = sim_point_play(arg);
    int failed = !text || !csim_emit(sink, text, strlen(text));
    free(text);
    return failed;
}

static void save(const struct sim_run_options *o, const struct sim_point *p)
{
    char path[1200];
    if ((*p->capture && !sim_output_finish(p->capture)) || (*p->qlog && !sim_output_finish(p->qlog)))
        return;
    result_path(o, p, path, sizeof path);
    json_object_set_new(p->result, "captured", json_integer(stamp(p->capture)));
    json_object_set_new(p->result, "qlogged", json_integer(stamp(p->qlog)));
    (void)sim_output_json(p->result, path, JSON_COMPACT);
}

static void take_result(const struct sim_run_options *o, struct sim_point *p, csim_status status,
                        const struct csim_result *r)
{
    if (status == CSIM_OK)
        p->result = json_loadb((const char *)r->bytes, r->len, 0, NULL);
    if (!p->result)
        p->result = json_pack("{s:b, s:b, s:s}", "ok", 0, "fault", 1, "failure", r->text);
    else
        save(o, p);
}

/* ---- progress ---- */

struct progress {
    size_t done, total, played, failed;
    time_t begun, told;
    bool tty, quiet;
};

static void tell(struct progress *g, const char *name, bool last)
{
    time_t now = time(NULL);
    if (g->quiet || (!last && !g->tty && now - g->told < 5))
        return;
    g->told = now;
    if (g->tty)
        fprintf(stderr, "\r\x1b[K%zu of %zu%s%s%s", g->done, g->total, last ? "" : ": ", last ? "" : name,
                last ? "\n" : "");
    else
        fprintf(stderr, "%zu of %zu points, %ld s\n", g->done, g->total, (long)(now - g->begun));
}

static void tell_failure(struct progress *g, const struct sim_point *p)
{
    const char *why = json_string_value(json_object_get(p->result, "failure"));
    if (json_is_true(json_object_get(p->result, "ok")))
        return;
    g->failed++;
    fprintf(stderr, "%s%s: %s: %s\n", g->tty ? "\r\x1b[K" : "", p->scenario->file, p->name,
            why ? why : "no result");
}

/* ---- playing ---- */

struct crew {
    csim_child *child[JOBS_MAX];
    struct sim_point *point[JOBS_MAX];
    unsigned size;
};

static bool start_one(struct crew *c, struct sim_point *p)
{
    static const struct csim_isolated_options limits = {.timeout_ms = TIMEOUT_MS};
    unsigned i = 0;
    while (c->child[i])
        i++;
    c->point[i] = p;
    if (csim_isolated_start(play, p, &limits, &c->child[i]) == CSIM_OK)
        return true;
    fprintf(stderr, "csep-sim: %s\n", csim_error());
    return false;
}

static unsigned busy(const struct crew *c)
{
    unsigned n = 0;
    for (unsigned i = 0; i < c->size; i++)
        n += c->child[i] != NULL;
    return n;
}

static void collect_one(struct crew *c, const struct sim_run_options *o, struct progress *g)
{
    struct csim_result r;
    int i = csim_isolated_wait(c->child, c->size);
    if (i < 0)
        return;
    csim_status status = csim_isolated_collect(c->child[i], &r);
    c->child[i] = NULL;
    take_result(o, c->point[i], status, &r);
    csim_result_free(&r);
    g->done++;
    g->played++;
    tell_failure(g, c->point[i]);
    tell(g, c->point[i]->name, false);
}

static bool play_all(struct sim_plan *plan, const struct sim_run_options *o, struct progress *g)
{
    struct crew c = {.size = o->jobs < 1 ? 1 : o->jobs > JOBS_MAX ? JOBS_MAX : o->jobs};
    bool ok = true;
    for (size_t i = 0; i < plan->num && ok; i++) {
        if (resume(o, &plan->points[i])) {
            g->done++;
            continue;
        }
        while (busy(&c) == c.size)
            collect_one(&c, o, g);
        ok = start_one(&c, &plan->points[i]);
    }
    while (busy(&c))
        collect_one(&c, o, g);
    return ok;
}

/* Finished points stay, so nothing is lost; the children end with this process. */
static void stopped(int signal_number)
{
    static const char text[] = "\ncsep-sim: stopped; the same command goes on where it was\n";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    signal(signal_number, SIG_DFL);
    raise(signal_number); /* arrives when this handler returns */
}

static bool play_stoppable(struct sim_plan *plan, const struct sim_run_options *o, struct progress *g)
{
    static const int signals[] = {SIGINT, SIGTERM};
    void (*before[2])(int);
    for (int i = 0; i < 2; i++)
        if ((before[i] = signal(signals[i], stopped)) == SIG_IGN) /* as for a job in the background */
            signal(signals[i], SIG_IGN);
    bool ok = play_all(plan, o, g);
    for (int i = 0; i < 2; i++)
        signal(signals[i], before[i]);
    return ok;
}

static void name_files(struct sim_plan *plan, const struct sim_run_options *o)
{
    for (size_t i = 0; i < plan->num; i++) {
        struct sim_point *p = &plan->points[i];
        if (o->pcap && !p->visits)
            snprintf(p->capture, sizeof p->capture, "%s/captures/%s.pcap", o->out, p->name);
        if (o->qlog && !p->visits)
            snprintf(p->qlog, sizeof p->qlog, "%s/qlog/%s.sqlog", o->out, p->name);
    }
}

static bool write_keys(const struct sim_plan *plan, const struct sim_run_options *o)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/captures/keys.log", o->out);
    FILE *f = o->pcap ? sim_output_open(path) : NULL;
    if (!f)
        return !o->pcap;
    for (size_t i = 0; i < plan->num; i++) {
        const char *lines = json_string_value(json_object_get(plan->points[i].result, "keylog"));
        if (lines && *plan->points[i].capture)
            fputs(lines, f);
    }
    return sim_output_close(f, path);
}

static enum sim_exit judge_all(const struct sim_plan *plan)
{
    enum sim_exit e = SIM_EXIT_MET;
    for (size_t i = 0; i < plan->num; i++) {
        struct sim_judged j;
        if (json_is_true(json_object_get(plan->points[i].result, "fault")))
            return SIM_EXIT_FAULT;
        if (plan->points[i].visits && !json_is_true(json_object_get(plan->points[i].result, "ok")))
            e = SIM_EXIT_UNMET;
        if (plan->points[i].baseline || plan->points[i].visits)
            continue;
        sim_judge(plan, &plan->points[i], &j);
        if (!sim_judged_met(&j))
            e = SIM_EXIT_UNMET;
    }
    return e;
}

enum sim_exit sim_run(struct sim_plan *plan, const struct sim_run_options *o)
{
    struct progress g = {.total = plan->num, .begun = time(NULL), .tty = isatty(2), .quiet = o->quiet};
    if (!make_folders(o))
        return SIM_EXIT_FAULT;
    name_files(plan, o);
    bool ok = play_stoppable(plan, o, &g);
    tell(&g, "", true);
    if (!write_keys(plan, o) || !sim_report(plan, o->out, o->table) || !ok)
        return SIM_EXIT_FAULT;
    enum sim_exit e = judge_all(plan);
    if (!o->quiet)
        fprintf(stderr, "\n%zu points, %zu played now, %zu failed, %ld s; results in %s/\n", g.total,
                g.played, g.failed, (long)(time(NULL) - g.begun), o->out);
    return e;
}
