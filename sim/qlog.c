/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qlog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csep/wire.h"

struct sim_qlog {
    FILE *file;
};

struct sim_qlog *sim_qlog_open(struct sim_world *w, const char *path)
{
    struct sim_qlog *q = calloc(1, sizeof *q);
    if (!q)
        abort();
    q->file = fopen(path, "w");
    if (!q->file) {
        sim_fail(w, "%s: %s", path, strerror(errno));
        free(q);
        return NULL;
    }
    fprintf(q->file,
            "\x1e{\"qlog_version\":\"0.4\",\"qlog_format\":\"JSON-SEQ\",\"title\":\"%s\",\"trace\":{"
            "\"title\":\"%s\","
            "\"common_fields\":{\"time_format\":\"relative\",\"reference_time\":0},\"vantage_point\":{"
            "\"type\":\"network\"}}}\n",
            w->row->id, w->row->title);
    return q;
}

void sim_qlog_close(struct sim_qlog *q)
{
    if (q) {
        fclose(q->file);
        free(q);
    }
}

/* Milliseconds with all nanoseconds, without floating point. */
static void write_event(FILE *f, const struct csep_trace_event *ev)
{
    fprintf(f, "\x1e{\"time\":%" PRIu64 ".%06" PRIu64 ",\"name\":\"%s\",\"group_id\":\"%s\",\"data\":{",
            ev->at / 1000000, ev->at % 1000000, csep_trace_name(ev->type),
            ev->object == SIM_UP ? "client" : "server");
    for (unsigned i = 0, n = 0; i < 4; i++)
        if (*csep_trace_arg(ev->type, i))
            fprintf(f, "%s\"%s\":%" PRIu64, n++ ? "," : "", csep_trace_arg(ev->type, i), ev->arg[i]);
    fputs("}}\n", f);
}

static const char *tls_message(uint64_t type)
{
    switch (type) {
    case 1:
        return "ClientHello";
    case 2:
        return "ServerHello";
    case 4:
        return "NewSessionTicket";
    case 8:
        return "EncryptedExtensions";
    case 11:
        return "Certificate";
    case 15:
        return "CertificateVerify";
    case 20:
        return "Finished";
    default:
        return NULL;
    }
}

static const char *negotiation_message(uint64_t type)
{
    static const char *const names[] = {NULL, "GRANT", "TICKETS", "REQUEST", "REVOKE", "ERROR", "CONTINUE"};
    return (type & 127) < sizeof names / sizeof names[0] ? names[type & 127] : NULL;
}

static void label(struct sim_world *w, const struct csep_trace_event *ev)
{
    enum sim_direction d = ev->object == SIM_UP ? SIM_UP : SIM_DOWN;
    enum sim_hint_kind kind = SIM_HINT_NEGOTIATION;
    const char *text = NULL;
    if (ev->type == CSEP_TRACE_TLS_MESSAGE_SENT) {
        text = tls_message(ev->arg[0]);
    } else if (ev->type == CSEP_TRACE_NEG_MESSAGE_SENT) {
        text = negotiation_message(ev->arg[0]);
    } else if (ev->type == CSEP_TRACE_TLS_ALERT_SENT && ev->arg[1] == 0) {
        text = "close_notify";
    } else if (ev->type == CSEP_TRACE_DATA_APP_SENT) {
        text = d == SIM_UP ? "request" : "reply";
        kind = SIM_HINT_OTHER;
    }
    if (text)
        sim_measure_hint(&w->measure, d, kind, sim_now(w), text);
}

void sim_qlog_event(void *self, const struct csep_trace_event *ev)
{
    struct sim_world *w = self;
    label(w, ev);
    if (w->qlog)
        write_event(w->qlog->file, ev);
}
