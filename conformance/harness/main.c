/* SPDX-License-Identifier: BSD-2-Clause */
/* One line in, one line out, until end of file; then everything is wiped, and memory must have come back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static const struct end_kind *const kinds[] = {
    &udp_opener_kind,   &udp_acceptor_kind,       &tcp_opener_kind,
    &tcp_acceptor_kind, &negotiation_client_kind, &negotiation_server_kind,
};
static struct host host;
static struct end *ends;

struct end *end_find(const char *name)
{
    for (struct end *e = ends; e; e = e->next)
        if (strcmp(e->name, name) == 0)
            return e;
    fprintf(stderr, "no end is called %s\n", name);
    exit(2);
}

static const char *text(const json_t *line, const char *name)
{
    const char *s = json_string_value(json_object_get(line, name));
    return s ? s : "";
}

static struct end *start(json_t *line, csep_status *out_status)
{
    const char *kind = text(line, "kind");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kind, kinds[i]->name) != 0)
            continue;
        struct end *e = calloc(1, sizeof *e);
        if (!e)
            abort();
        *e = (struct end){.kind = kinds[i],
                          .name = text(line, "end"),
                          .host = &host,
                          .first = json_incref(line),
                          .now = line_number(line, "now", 0),
                          .out = json_array(),
                          .events = json_array(),
                          .next = ends};
        host.seed = line_number(line, "seed", host.seed);
        *out_status = e->kind->start(e, line);
        if (*out_status == CSEP_OK)
            ends = e;
        return e;
    }
    fprintf(stderr, "no kind of end is called %s\n", kind);
    exit(2);
}

static json_t *answer(json_t *line)
{
    csep_status st = CSEP_OK;
    const char *verb = text(line, "do");
    bool first = strcmp(verb, "start") == 0;
    struct end *e = first ? start(line, &st) : end_find(text(line, "end"));
    e->now = line_number(line, "now", e->now);
    if (!first)
        st = e->kind->act(e, verb, line);
    if (first && st)
        return json_pack("{s:s}", "status", csep_status_name(st));
    e->kind->drain(e);
    csep_time due = e->kind->deadline(e);
    json_t *a = json_pack("{s:s, s:o, s:o, s:s}", "status", csep_status_name(st), "out", e->out, "events",
                          e->events, "state", e->kind->state(e));
    json_object_set_new(a, "deadline", due == CSEP_NEVER ? json_null() : json_integer((json_int_t)due));
    e->out = json_array();
    e->events = json_array();
    return a;
}

static void wipe_all(void)
{
    while (ends) {
        struct end *e = ends;
        ends = e->next;
        e->kind->wipe(e);
        json_decref(e->out);
        json_decref(e->events);
        json_decref(e->first);
        free(e);
    }
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    if (csep_init())
        return 2;
    while (getline(&line, &cap, stdin) > 0) {
        json_error_t error;
        json_t *in = json_loads(line, 0, &error);
        if (!in) {
            fprintf(stderr, "not JSON: %s\n", error.text);
            return 2;
        }
        json_t *out = answer(in);
        json_dumpf(out, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(out);
        json_decref(in);
    }
    free(line);
    wipe_all();
    if (host.blocks)
        fprintf(stderr, "%zu bytes in %zu blocks were not given back\n", host.live, host.blocks);
    return host.blocks ? 1 : 0;
}
