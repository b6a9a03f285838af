/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "csep_conn.h"

#include <stdlib.h>

#include "payload.h"

struct sim_stream {
    struct sim_world *w;
    struct csep_stream *s;
    struct sim_pipe *pipe;
    struct sim_negotiation *before; /* NULL: the pipe was never anybody else's */
    csim_timer *timer;
    sim_stream_bytes bytes;
    void *arg;
    size_t written, to_write;
    bool pumping, closing, over;
};

static void write_some(struct sim_stream *s)
{
    uint8_t part[4096];
    size_t taken = 1;
    while (s->to_write && taken) {
        size_t n = s->to_write < sizeof part ? s->to_write : sizeof part;
        sim_payload(part, s->written, n);
        csep_status st = csep_stream_write(s->s, part, n, sim_now(s->w), &taken);
        if (st != CSEP_OK && st != CSEP_AGAIN) {
            sim_fail(s->w, "a TCP data connection does not take bytes: %s", csep_status_text(st));
            return;
        }
        s->written += taken;
        s->to_write -= taken;
    }
}

static void drain_events(struct sim_stream *s)
{
    uint8_t buf[16384];
    struct csep_data_event ev;
    size_t n;
    while (csep_stream_event(s->s, &ev)) {
        if (ev.type == CSEP_DATA_EV_CLOSED) {
            s->over = true;
            if (ev.status != CSEP_OK && !s->closing && !ev.by_peer)
                sim_fail(s->w, "a TCP data connection ended: %s", csep_status_text(ev.status));
        }
        if (ev.type == CSEP_DATA_EV_REFUSED)
            sim_fail(s->w, "a TCP data connection was refused");
    }
    while ((n = csep_stream_read(s->s, buf, sizeof buf, NULL)) > 0)
        s->bytes(s->arg, s, n);
}

/* The callback for bytes may write: what it writes leaves in the same round. */
static void pump(struct sim_stream *s)
{
    uint8_t buf[16384];
    size_t n;
    if (s->pumping)
        return;
    s->pumping = true;
    drain_events(s);
    write_some(s);
    while ((n = csep_stream_output(s->s, buf, sizeof buf, sim_now(s->w))) > 0)
        sim_pipe_send(s->pipe, buf, n);
    (void)sim_check(s->w, csim_timer_set(s->timer, csep_stream_deadline(s->s)));
    s->pumping = false;
    if (s->over || s->closing)
        sim_pipe_shutdown(s->pipe);
}

static void on_time(void *arg)
{
    struct sim_stream *s = arg;
    csep_stream_expire(s->s, sim_now(s->w));
    pump(s);
}

static void on_connected(void *arg, struct sim_pipe *p)
{
    (void)p;
    pump(arg);
}

static void input(struct sim_stream *s, const uint8_t *data, size_t len)
{
    size_t used = 0, done = 0;
    do {
        (void)csep_stream_input(s->s, data + done, len - done, sim_now(s->w),
                                &used); /* a failure comes as an event */
        done += used;
        pump(s);
    } while (done < len && used);
}

static void on_received(void *arg, struct sim_pipe *p, const uint8_t *data, size_t len)
{
    struct sim_stream *s = arg;
    uint8_t rest[16384];
    (void)p;
    if (!s->before) {
        input(s, data, len);
        return;
    }
    for (size_t n = sim_negotiation_pass(s->before, data, len, rest, sizeof rest); n;
         n = sim_negotiation_pass(s->before, NULL, 0, rest, sizeof rest))
        input(s, rest, n);
}

void sim_stream_behind(struct sim_stream *s, struct sim_negotiation *n)
{
    s->before = n;
    on_received(s, s->pipe, NULL, 0);
}

static void on_finished(void *arg, struct sim_pipe *p)
{
    struct sim_stream *s = arg;
    csep_stream_input_eof(s->s, sim_now(s->w));
    pump(s);
    sim_pipe_shutdown(p);
}

static const struct sim_pipe_events events = {on_connected, on_received, on_finished, NULL};

static struct sim_stream *stream_new(struct sim_world *w, struct sim_pipe *pipe, sim_stream_bytes bytes,
                                     void *arg)
{
    struct sim_stream *s = calloc(1, sizeof *s);
    if (!s || !(s->s = calloc(1, csep_stream_size())))
        abort();
    s->w = w;
    s->pipe = pipe;
    s->bytes = bytes;
    s->arg = arg;
    (void)sim_check(w, csim_timer_new(w->sim, on_time, s, &s->timer));
    return s;
}

static struct sim_stream *begin(struct sim_stream *s, csep_status st)
{
    if (st == CSEP_OK) {
        sim_pipe_events_set(s->pipe, &events, s);
        return s;
    }
    sim_fail(s->w, "a TCP data connection could not begin: %s", csep_status_text(st));
    sim_pipe_free(s->pipe);
    free(s->s);
    free(s);
    return NULL;
}

struct sim_stream *sim_stream_open(struct sim_world *w, const struct csep_data_config *cfg,
                                   const struct csep_slot *slot, struct sim_pipe *pipe,
                                   sim_stream_bytes bytes, void *arg)
{
    struct sim_stream *s = stream_new(w, pipe, bytes, arg);
    return begin(s, csep_stream_open(s->s, cfg, slot, CSEP_SERVICE_STREAM, sim_now(w)));
}

struct sim_stream *sim_stream_accept(struct sim_world *w, const struct csep_data_config *cfg,
                                     const struct csep_slot_source *slots, struct sim_pipe *pipe,
                                     sim_stream_bytes bytes, void *arg)
{
    struct sim_stream *s = stream_new(w, pipe, bytes, arg);
    return begin(s, csep_stream_accept(s->s, cfg, slots, sim_now(w)));
}

void sim_stream_write(struct sim_stream *s, size_t n)
{
    s->to_write += n;
    pump(s);
}

void sim_stream_close(struct sim_stream *s)
{
    s->closing = true;
    csep_stream_close(s->s, 0, sim_now(s->w));
    pump(s);
}

void sim_stream_free(struct sim_stream *s)
{
    if (!s)
        return;
    csep_stream_wipe(s->s);
    (void)csim_timer_set(s->timer, CSEP_NEVER);
    sim_pipe_free(s->pipe);
    free(s->s);
    free(s);
}
