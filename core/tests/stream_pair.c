/* SPDX-License-Identifier: BSD-2-Clause */
#include "stream_pair.h"

static void init_end(struct stream_end *e, uint64_t seed)
{
    memset(e, 0, sizeof *e);
    e->cfg = csep_data_config_default();
    e->cfg.random = test_random(&e->random, seed);
    e->cfg.alloc = test_alloc(&e->alloc);
    e->cfg.trace = test_trace(&e->trace, seed);
    e->cfg.keylog = test_keylog(&e->keylog);
    e->s = calloc(1, csep_stream_size()); /* may stay unused: all zero is wiped without harm */
    e->out.bytes = malloc(PIPE_MAX);
    e->got = malloc(PIPE_MAX);
    e->read_most = SIZE_MAX;
    assert_true(e->s && e->out.bytes && e->got);
}

void stream_pair_init(struct stream_pair *p)
{
    memset(p, 0, sizeof *p);
    p->now = CSEP_SEC(1000);
    p->chunk = SIZE_MAX;
    p->window = 65536;
    fake_slots_init(&p->slots, CSEP_TRANSPORT_TCP, p->now);
    p->slot = fake_slots_take(&p->slots, 0);
    init_end(&p->o, 1);
    init_end(&p->a, 2);
}

void stream_pair_start(struct stream_pair *p, enum csep_service service)
{
    struct csep_slot_source source = fake_slots_source(&p->slots);
    assert_ok(csep_stream_open(p->o.s, &p->o.cfg, &p->slot, service, p->now));
    assert_ok(csep_stream_accept(p->a.s, &p->a.cfg, &source, p->now));
}

static void keep(struct stream_end *e, const uint8_t *bytes, size_t n, bool early)
{
    assert_true(e->got_len + n <= PIPE_MAX);
    if (n)
        memcpy(e->got + e->got_len, bytes, n);
    e->got_len += n;
    e->got_early += early ? n : 0;
}

static bool read_some(struct stream_end *e)
{
    static uint8_t buf[65536];
    bool early;
    size_t most = e->read_most < sizeof buf ? e->read_most : sizeof buf;
    size_t n = most ? csep_stream_read(e->s, buf, most, &early) : 0;
    if (n)
        keep(e, buf, n, early);
    return n > 0;
}

void stream_end_drain(struct stream_end *e)
{
    struct csep_data_event ev;
    bool more = true;
    while (more) {
        more = false;
        while (csep_stream_event(e->s, &ev)) {
            more = true;
            assert_int_equal(e->seen[CSEP_DATA_EV_CLOSED], 0); /* the last event */
            e->seen[ev.type]++;
            e->last[ev.type] = ev;
            if (ev.type == CSEP_DATA_EV_MESSAGE) {
                e->num_messages++;
                keep(e, ev.bytes, ev.len, ev.early);
            }
            if (ev.type == CSEP_DATA_EV_CLOSED)
                e->closed = ev;
        }
        while (read_some(e))
            more = true;
    }
}

void stream_end_output(struct stream_pair *p, struct stream_end *e)
{
    for (;;) {
        size_t room = PIPE_MAX - e->out.len;
        room = room < p->window ? room : p->window;
        size_t n = csep_stream_output(e->s, e->out.bytes + e->out.len, room, p->now);
        if (n == 0)
            return;
        e->out.len += n;
    }
}

bool stream_pair_send(struct stream_pair *p, struct stream_end *from, struct stream_end *to)
{
    struct stream_pipe *pipe = &from->out;
    size_t moved = 0;
    stream_end_output(p, from);
    stream_end_drain(from);
    while (moved < pipe->len) {
        size_t used, n = pipe->len - moved;
        n = n < p->chunk ? n : p->chunk;
        csep_status st = csep_stream_input(to->s, pipe->bytes + moved, n, p->now, &used);
        (void)st;
        assert_true(used <= n);
        stream_end_drain(to);
        moved += used;
        if (used == 0)
            break;
    }
    memmove(pipe->bytes, pipe->bytes + moved, pipe->len - moved);
    pipe->len -= moved;
    return moved > 0;
}

void stream_pair_run(struct stream_pair *p)
{
    bool more = true;
    stream_end_drain(&p->o);
    stream_end_drain(&p->a);
    while (more) {
        more = stream_pair_send(p, &p->o, &p->a);
        more |= stream_pair_send(p, &p->a, &p->o);
    }
    stream_end_drain(&p->o);
    stream_end_drain(&p->a);
}

void stream_end_write(struct stream_pair *p, struct stream_end *e, const void *bytes, size_t n)
{
    size_t taken;
    assert_ok(csep_stream_write(e->s, bytes, n, p->now, &taken));
    assert_int_equal(taken, n);
}

void stream_end_message(struct stream_pair *p, struct stream_end *e, uint64_t channel, bool ordered,
                        const void *bytes, size_t n)
{
    struct csep_message_options opt = {.channel = channel, .ordered = ordered, .deadline = CSEP_NEVER};
    uint64_t id;
    assert_ok(csep_stream_send_message(e->s, &opt, bytes, n, p->now, &id));
    assert_true(id > 0);
}

static void done(struct stream_end *e)
{
    csep_stream_wipe(e->s);
    test_alloc_done(&e->alloc);
    test_trace_free(&e->trace);
    free(e->s);
    free(e->out.bytes);
    free(e->got);
}

void stream_pair_done(struct stream_pair *p)
{
    done(&p->o);
    done(&p->a);
}
