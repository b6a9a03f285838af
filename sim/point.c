/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "point.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

#define FNV_START UINT64_C(0xcbf29ce484222325)

static uint64_t fnv(uint64_t h, const void *data, size_t n)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* One line per key. NULL: the defaults. */
static char *config_text(const struct sim_config *cfg)
{
    char *text = NULL;
    size_t len = 0;
    struct sim_scenario *s = calloc(1, sizeof *s); /* the table describes a scenario */
    FILE *f = open_memstream(&text, &len);
    if (!s || !f)
        abort();
    sim_schema_preset(&sim_scenario_table, s);
    if (cfg)
        s->config = *cfg;
    sim_schema_print(&sim_scenario_table, s, f);
    fclose(f);
    sim_schema_free(&sim_scenario_table, s);
    free(s);
    return text;
}

/* Only lines that are not the default's, so that a new key changes nothing for those who do not use it. */
static uint64_t hash_changes(uint64_t h, const char *text)
{
    char *defaults = config_text(NULL);
    const char *a = text, *b = defaults;
    while (*a && *b) {
        size_t n = strcspn(a, "\n") + 1, k = strcspn(b, "\n") + 1;
        if (n != k || memcmp(a, b, n) != 0)
            h = fnv(h, a, n);
        a += n;
        b += k;
    }
    free(defaults);
    return h;
}

static const char *rtt_text(uint64_t ns, char *buf, size_t cap)
{
    sim_format_time(ns, buf, cap);
    for (char *p = buf; *p; p++)
        if (*p == ' ')
            memmove(p, p + 1, strlen(p));
    return buf;
}

void sim_point_identify(struct sim_point *p, uint64_t program)
{
    const struct sim_items *faults = &p->scenario->faults;
    const size_t faults_len = faults->num * sizeof(struct sim_fault);
    char rtt[32], extra[48] = "", *text = config_text(&p->cfg);
    p->visits = p->cfg.workload.kind == SIM_WORKLOAD_VISITS;
    p->identity = hash_changes(fnv(FNV_START, p->row->id, strlen(p->row->id)), text);
    p->identity = fnv(p->identity, faults->v, faults_len);
    p->setting = fnv(program, text, strlen(text));
    p->setting = fnv(p->setting, &p->seed, sizeof p->seed);
    p->setting = fnv(p->setting, faults->v, faults_len);
    p->hash = fnv(p->setting, p->row->id, strlen(p->row->id));
    if (p->visits)
        snprintf(extra, sizeof extra, "-load%g-refresh%" PRIu64 "-early%" PRIu64, p->cfg.workload.load,
                 p->cfg.policy.refresh, p->cfg.workload.zero_rtt);
    snprintf(p->name, sizeof p->name, "%s-%s-v%" PRIu64 "%s", p->row->id,
             rtt_text(p->cfg.network.rtt, rtt, sizeof rtt), p->cfg.network.ip, extra);
    free(text);
}

static json_t *moment(const struct sim_moment *m)
{
    if (!m->happened)
        return json_null();
    return json_pack("{s:I, s:I, s:I, s:I}", "at_ns", (json_int_t)m->at, "trips", (json_int_t)m->path.trips,
                     "airtime_ns", (json_int_t)m->path.airtime_ns, "wait_ns", (json_int_t)m->path.wait_ns);
}

static json_t *packets(const struct sim_measure *m)
{
    json_t *all = json_array();
    for (size_t i = 0; i < m->num; i++) {
        const struct sim_packet *k = &m->packets[i];
        json_array_append_new(
            all, json_pack(
                     "{s:I, s:o, s:s, s:s, s:s, s:i}", "t_send", (json_int_t)(k->sent - m->send_at), "t_recv",
                     k->received ? json_integer((json_int_t)(k->received - m->send_at)) : json_null(), "from",
                     k->direction == SIM_UP ? "client" : "server", "to",
                     k->direction == SIM_UP ? "server" : "client", "label", k->label, "bytes", (int)k->len));
    }
    return all;
}

static json_t *visits(const struct sim_world *w)
{
    uint64_t delay = 0, first = 0, hits = 0;
    for (size_t i = 0; i < w->num_visits; i++) {
        delay += w->visits[i].delay;
        first += w->visits[i].first;
        hits += w->visits[i].hit;
    }
    uint64_t n = w->num_visits ? w->num_visits : 1;
    return json_pack("{s:I, s:I, s:I, s:I}", "count", (json_int_t)w->num_visits, "hits", (json_int_t)hits,
                     "mean_delay_ns", (json_int_t)(delay / n), "mean_ttfb_ns", (json_int_t)(first / n));
}

/* What crossed the link since the send call, or in the whole run of a visit workload. */
static json_t *traffic(struct sim_world *w, int d)
{
    struct csim_counters c = {0};
    if (csim_link_counters(w->link, d ? CSIM_B_TO_A : CSIM_A_TO_B, &c) != CSIM_OK)
        return json_null();
    if (!w->visits) {
        c.sent -= w->at_send[d].sent;
        c.sent_bytes -= w->at_send[d].sent_bytes;
    }
    return json_pack("{s:I, s:I}", "packets", (json_int_t)c.sent, "bytes", (json_int_t)c.sent_bytes);
}

static json_t *collect(struct sim_world *w, const struct sim_point *p)
{
    char hash[32];
    json_t *r = json_object();
    snprintf(hash, sizeof hash, "%016" PRIx64, csim_trace_hash(w->sim));
    json_object_set_new(r, "trace_hash", json_string(hash));
    json_object_set_new(r, "delay", moment(&w->measure.delay));
    json_object_set_new(r, "ttfb", moment(&w->measure.first));
    json_object_set_new(r, "last", moment(&w->measure.last));
    json_object_set_new(r, "to_server", traffic(w, 0));
    json_object_set_new(r, "to_client", traffic(w, 1));
    json_object_set_new(r, "packets", p->visits ? json_array() : packets(&w->measure));
    json_object_set_new(r, "keylog", json_string(w->keylog ? w->keylog : ""));
    if (p->visits)
        json_object_set_new(r, "visits", visits(w));
    return r;
}

char *sim_point_play(const struct sim_point *p)
{
    struct sim_world w;
    json_t *r;
    char capture[sizeof p->capture + 8], qlog[sizeof p->qlog + 8];
    snprintf(capture, sizeof capture, "%s" SIM_OUTPUT_PART, p->capture);
    snprintf(qlog, sizeof qlog, "%s" SIM_OUTPUT_PART, p->qlog);
    const struct sim_world_options o = {p->seed, p->identity, *p->capture ? capture : NULL,
                                        *p->qlog ? qlog : NULL};
    bool ok = sim_world_run(&w, p->row, &p->cfg, &p->scenario->faults, &o);
    r = w.sim ? collect(&w, p) : json_object();
    sim_world_free(&w);
    json_object_set_new(r, "failure", *w.failure ? json_string(w.failure) : json_null());
    json_object_set_new(r, "fault", json_boolean(w.fault));
    json_object_set_new(r, "ok", json_boolean(ok && !*w.failure));
    char *text = json_dumps(r, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(r);
    return text;
}
