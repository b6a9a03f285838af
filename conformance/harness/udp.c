/* SPDX-License-Identifier: BSD-2-Clause */
/* Data connections over UDP: an opener, and an acceptor with every connection that it took. */
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static struct csep_addr address(const json_t *line)
{
    return (struct csep_addr){.family = 4,
                              .ip = {192, 0, 2, (uint8_t)line_number(line, "host", 1)},
                              .port = (uint16_t)line_number(line, "port", 5000)};
}

/* What an application does with a connection, whichever end it is. */
static csep_status app(struct csep_data *c, const char *verb, const json_t *line, csep_time now)
{
    csep_status st = CSEP_OK;
    uint64_t id;
    size_t n;
    uint8_t *b = line_bytes(line, "bytes", &n);
    struct csep_message_options o = data_options(line);
    if (strcmp(verb, "datagram") == 0)
        st = csep_data_send_datagram(c, b, n, now);
    else if (strcmp(verb, "message") == 0)
        st = csep_data_send_message(c, &o, b, n, now, &id);
    else if (strcmp(verb, "update") == 0)
        st = csep_data_key_update(c, now);
    else if (strcmp(verb, "tickets") == 0)
        st = csep_data_send_tickets(c, (unsigned)line_number(line, "num", 1), now);
    else if (strcmp(verb, "hint") == 0)
        st = csep_data_send_hint(c, CSEP_HINT_REFRESH, (uint32_t)line_number(line, "seconds", 1), now);
    else if (strcmp(verb, "close") == 0)
        csep_data_close(c, line_number(line, "code", 0), now);
    else
        st = CSEP_ERR_UNSUPPORTED;
    free(b);
    return st;
}

static csep_status export_value(struct end *e, struct csep_data *c, const json_t *line)
{
    uint8_t out[255], context[64];
    size_t n = line_copy(line, "context", context, sizeof context);
    size_t len = line_number(line, "length", 32);
    const char *label = json_string_value(json_object_get(line, "label"));
    if (!label || len > sizeof out)
        return CSEP_ERR_VALUE;
    csep_status st = csep_data_export(c, label, context, n, out, len);
    if (!st)
        tell_event(e, json_pack("{s:s, s:o}", "event", "exported", "bytes", hex(out, len)));
    return st;
}

/* Events and packets; true when it ended. */
static bool drain_connection(struct end *e, struct csep_data *c)
{
    static uint8_t out[HARNESS_UNIT];
    struct csep_data_event ev;
    struct csep_addr to;
    bool closed = false;
    for (size_t n = 1; n > 0;) {
        while (csep_data_event(c, &ev)) {
            data_tell(e, &ev);
            closed |= ev.type == CSEP_DATA_EV_CLOSED;
        }
        n = csep_data_output(c, out, sizeof out, &to, e->now);
        if (n)
            tell_out(e, out, n);
    }
    return closed;
}

/* ---- Opener ---- */

static csep_status opener_start(struct end *e, const json_t *line)
{
    struct csep_data_config cfg = data_config(e, line);
    uint8_t service = (uint8_t)line_number(line, "service", CSEP_SERVICE_MESSAGE);
    struct csep_addr peer = address(line);
    struct csep_slot slot;
    csep_status st = data_slot(line, CSEP_TRANSPORT_UDP, service, e->now, &slot);
    if (st)
        return st;
    e->self = malloc(csep_data_size());
    return csep_data_open(e->self, &cfg, &slot, service, &peer, e->now);
}

static csep_status opener_act(struct end *e, const char *verb, const json_t *line)
{
    struct csep_addr from = address(line);
    if (strcmp(verb, "input") == 0) {
        size_t n;
        uint8_t *b = line_bytes(line, "bytes", &n);
        csep_data_input(e->self, b, n, &from, e->now);
        free(b);
    } else if (strcmp(verb, "expire") == 0) {
        csep_data_expire(e->self, e->now);
    } else if (strcmp(verb, "migrate") == 0) {
        csep_data_migrate(e->self, e->now);
    } else if (strcmp(verb, "export") == 0) {
        return export_value(e, e->self, line);
    } else {
        return app(e->self, verb, line, e->now);
    }
    return CSEP_OK;
}

static void opener_drain(struct end *e)
{
    drain_connection(e, e->self);
}

static csep_time opener_deadline(const struct end *e)
{
    return csep_data_deadline(e->self);
}

static const char *opener_state(const struct end *e)
{
    return csep_data_state_name(csep_data_get_state(e->self));
}

static void opener_wipe(struct end *e)
{
    csep_data_wipe(e->self);
    free(e->self);
}

const struct end_kind udp_opener_kind = {
    "udp-opener", opener_start, opener_act, opener_drain, opener_deadline, opener_state, opener_wipe,
};

/* ---- Acceptor ---- */

struct acceptor {
    struct csep_acceptor *a;
    struct csep_data *c; /* the connection that took the last datagram of one; verbs are for it */
    struct slot_book book;
    const char *state; /* of the last connection, also when it is gone */
};

static csep_status acceptor_start(struct end *e, const json_t *line)
{
    struct acceptor *s = calloc(1, sizeof *s);
    if (!s)
        return CSEP_ERR_MEMORY;
    struct csep_acceptor_config cfg = csep_acceptor_config_default();
    cfg.data = data_config(e, line);
    cfg.always_retry = line_flag(line, "retry", false);
    line_copy(line, "reset_key", cfg.reset_key, sizeof cfg.reset_key);
    e->self = s;
    s->a = malloc(csep_acceptor_size());
    s->state = csep_data_state_name(CSEP_DATA_IDLE);
    csep_status st = data_slots(&s->book, line, e->now, &cfg.slots);
    return st ? st : csep_acceptor_init(s->a, &cfg, e->now);
}

static csep_status acceptor_act(struct end *e, const char *verb, const json_t *line)
{
    struct acceptor *s = e->self;
    struct csep_addr from = address(line);
    if (strcmp(verb, "input") == 0) {
        size_t n;
        uint8_t *b = line_bytes(line, "bytes", &n);
        struct csep_data *c = NULL;
        bool made;
        csep_acceptor_input(s->a, b, n, &from, e->now, &c, &made);
        s->c = c ? c : s->c;
        free(b);
    } else if (strcmp(verb, "expire") == 0) {
        csep_acceptor_expire(s->a, e->now);
    } else if (!s->c) {
        return CSEP_ERR_CLOSED;
    } else if (strcmp(verb, "export") == 0) {
        return export_value(e, s->c, line);
    } else {
        return app(s->c, verb, line, e->now);
    }
    return CSEP_OK;
}

static void acceptor_serve(struct end *e, struct csep_data *c)
{
    struct acceptor *s = e->self;
    bool closed = drain_connection(e, c);
    s->state = csep_data_state_name(csep_data_get_state(c));
    if (closed) {
        csep_acceptor_release(s->a, c);
        s->c = s->c == c ? NULL : s->c;
    }
}

static void acceptor_drain(struct end *e)
{
    static uint8_t out[HARNESS_UNIT];
    struct acceptor *s = e->self;
    struct csep_data *c;
    struct csep_addr to;
    size_t n;
    if (s->c)
        acceptor_serve(e, s->c);
    while ((c = csep_acceptor_due(s->a)))
        acceptor_serve(e, c);
    while ((n = csep_acceptor_output(s->a, out, sizeof out, &to, e->now)) > 0)
        tell_out(e, out, n);
}

static csep_time acceptor_deadline(const struct end *e)
{
    return csep_acceptor_deadline(((const struct acceptor *)e->self)->a);
}

static const char *acceptor_state(const struct end *e)
{
    return ((const struct acceptor *)e->self)->state;
}

static void acceptor_wipe(struct end *e)
{
    struct acceptor *s = e->self;
    csep_acceptor_wipe(s->a);
    free(s->a);
    free(s);
}

const struct end_kind udp_acceptor_kind = {
    "udp-acceptor",    acceptor_start, acceptor_act,  acceptor_drain,
    acceptor_deadline, acceptor_state, acceptor_wipe,
};
