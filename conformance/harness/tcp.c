/* SPDX-License-Identifier: BSD-2-Clause */
/* Data connections over TCP. Both ends are the same object; they differ in how it is made. */
#include <stdlib.h>
#include <string.h>

#include "harness.h"

struct stream {
    struct csep_stream *s;
    struct slot_book book;
};

static struct csep_stream *of(const struct end *e)
{
    return ((const struct stream *)e->self)->s;
}

static struct stream *make(struct end *e)
{
    struct stream *t = calloc(1, sizeof *t);
    if (!t)
        abort();
    t->s = malloc(csep_stream_size());
    e->self = t;
    return t;
}

static csep_status opener_start(struct end *e, const json_t *line)
{
    struct csep_data_config cfg = data_config(e, line);
    uint8_t service = (uint8_t)line_number(line, "service", CSEP_SERVICE_STREAM);
    struct csep_slot slot;
    csep_status st = data_slot(line, CSEP_TRANSPORT_TCP, service, e->now, &slot);
    return st ? st : csep_stream_open(make(e)->s, &cfg, &slot, service, e->now);
}

static csep_status acceptor_start(struct end *e, const json_t *line)
{
    struct csep_data_config cfg = data_config(e, line);
    struct stream *t = make(e);
    struct csep_slot_source slots;
    csep_status st = data_slots(&t->book, line, e->now, &slots);
    return st ? st : csep_stream_accept(t->s, &cfg, &slots, e->now);
}

static void read_stream(struct end *e)
{
    uint8_t b[4096];
    bool early;
    size_t n;
    while ((n = csep_stream_read(of(e), b, sizeof b, &early)) > 0)
        tell_event(e, json_pack("{s:s, s:b, s:o}", "event", "read", "early", early, "bytes", hex(b, n)));
}

static void drain(struct end *e)
{
    static uint8_t out[HARNESS_UNIT];
    struct csep_data_event ev;
    for (size_t n = 1; n > 0;) {
        read_stream(e);
        while (csep_stream_event(of(e), &ev))
            data_tell(e, &ev);
        n = csep_stream_output(of(e), out, sizeof out, e->now);
        if (n)
            tell_out(e, out, n);
    }
}

/* As much as the stream takes at once; what it told is drained between, as it stops for that (DATA-100). */
static csep_status input(struct end *e, const json_t *line)
{
    size_t n, used = 1;
    uint8_t *b = line_bytes(line, "bytes", &n);
    csep_status st = CSEP_OK;
    for (size_t at = 0; at < n && used && !st; at += used) {
        used = 0;
        st = csep_stream_input(of(e), b + at, n - at, e->now, &used);
        drain(e);
    }
    free(b);
    return st;
}

static csep_status export_value(struct end *e, const json_t *line)
{
    uint8_t out[255], context[64];
    size_t n = line_copy(line, "context", context, sizeof context);
    size_t len = line_number(line, "length", 32);
    const char *label = json_string_value(json_object_get(line, "label"));
    if (!label || len > sizeof out)
        return CSEP_ERR_VALUE;
    csep_status st = csep_stream_export(of(e), label, context, n, out, len);
    if (!st)
        tell_event(e, json_pack("{s:s, s:o}", "event", "exported", "bytes", hex(out, len)));
    return st;
}

static csep_status app(struct end *e, const char *verb, const json_t *line)
{
    struct csep_message_options o = data_options(line);
    uint64_t id;
    size_t n, taken;
    uint8_t *b = line_bytes(line, "bytes", &n);
    csep_status st = CSEP_ERR_UNSUPPORTED;
    if (strcmp(verb, "write") == 0)
        st = csep_stream_write(of(e), b, n, e->now, &taken);
    else if (strcmp(verb, "message") == 0)
        st = csep_stream_send_message(of(e), &o, b, n, e->now, &id);
    else if (strcmp(verb, "update") == 0)
        st = csep_stream_key_update(of(e), e->now);
    else if (strcmp(verb, "tickets") == 0)
        st = csep_stream_send_tickets(of(e), (unsigned)line_number(line, "num", 1), e->now);
    free(b);
    return st;
}

static csep_status act(struct end *e, const char *verb, const json_t *line)
{
    if (strcmp(verb, "input") == 0)
        return input(e, line);
    if (strcmp(verb, "export") == 0)
        return export_value(e, line);
    if (strcmp(verb, "eof") == 0)
        csep_stream_input_eof(of(e), e->now);
    else if (strcmp(verb, "expire") == 0)
        csep_stream_expire(of(e), e->now);
    else if (strcmp(verb, "close") == 0)
        csep_stream_close(of(e), line_number(line, "code", 0), e->now);
    else
        return app(e, verb, line);
    return CSEP_OK;
}

static csep_time deadline(const struct end *e)
{
    return csep_stream_deadline(of(e));
}

static const char *state(const struct end *e)
{
    return csep_data_state_name(csep_stream_get_state(of(e)));
}

static void wipe(struct end *e)
{
    csep_stream_wipe(of(e));
    free(of(e));
    free(e->self);
}

const struct end_kind tcp_opener_kind = {"tcp-opener", opener_start, act, drain, deadline, state, wipe};
const struct end_kind tcp_acceptor_kind = {"tcp-acceptor", acceptor_start, act, drain, deadline, state, wipe};
