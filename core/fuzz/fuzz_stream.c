/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole data connection over TCP. The input is a script for two ends: who writes how much, who reads,
 * closes, updates keys, how the bytes between them are cut, and (if it says so) which of them are changed.
 *
 * Properties: what arrives is a prefix of what was written; when nothing was changed on the way both ends
 * see all of it; all memory comes back.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "csep/data.h"
#include "fake_slots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define WIRE_MAX 400000u
#define STEPS    200

struct end {
    struct csep_stream *s;
    uint8_t wire[WIRE_MAX]; /* to the other end */
    size_t wire_len;
    uint64_t wrote, got;
    bool lazy, closed;
};

static size_t live;
static uint64_t random_state;
static bool changed; /* bytes on the way */

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void *get(void *self, size_t n)
{
    (void)self;
    live += n;
    return malloc(n);
}

static void put(void *self, void *p, size_t n)
{
    (void)self;
    live -= n;
    free(p);
}

static void fill(void *self, uint8_t *out, size_t n)
{
    (void)self;
    while (n--)
        *out++ = (uint8_t)((random_state = random_state * 6364136223846793005u + 1442695040888963407u) >> 56);
}

/* Byte i of what an end writes. */
static uint8_t byte_at(uint64_t i)
{
    return (uint8_t)(i * 31 + (i >> 8));
}

static void take(struct end *e, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check(p[i] == byte_at(e->got++));
}

static void drain(struct end *e)
{
    static uint8_t buf[20000];
    struct csep_data_event ev;
    bool more = true;
    while (more) {
        more = false;
        while (csep_stream_event(e->s, &ev)) {
            check(!e->closed);
            e->closed = ev.type == CSEP_DATA_EV_CLOSED;
            if (ev.type == CSEP_DATA_EV_MESSAGE)
                take(e, ev.bytes, ev.len);
            more = true;
        }
        size_t n = e->lazy ? 0 : csep_stream_read(e->s, buf, sizeof buf, NULL);
        take(e, buf, n);
        more |= n > 0;
    }
}

static void output(struct end *e, size_t cap, csep_time now)
{
    size_t room = WIRE_MAX - e->wire_len;
    e->wire_len += csep_stream_output(e->s, e->wire + e->wire_len, cap < room ? cap : room, now);
    drain(e);
}

static void move(struct end *from, struct end *to, size_t n, csep_time now)
{
    size_t used;
    n = n < from->wire_len ? n : from->wire_len;
    csep_status st = csep_stream_input(to->s, from->wire, n, now, &used);
    (void)st;
    check(used <= n);
    memmove(from->wire, from->wire + used, from->wire_len - used);
    from->wire_len -= used;
    drain(to);
}

static void write_some(struct end *e, enum csep_service service, size_t n, csep_time now)
{
    static uint8_t buf[65536];
    size_t taken = n;
    csep_status st;
    for (size_t i = 0; i < n; i++)
        buf[i] = byte_at(e->wrote + i);
    if (service == CSEP_SERVICE_STREAM) {
        st = csep_stream_write(e->s, buf, n, now, &taken);
    } else {
        struct csep_message_options opt = {.channel = n % 3, .ordered = n & 1, .deadline = CSEP_NEVER};
        st = csep_stream_send_message(e->s, &opt, buf, n, now, NULL);
    }
    if (st == CSEP_OK)
        e->wrote += taken;
}

static void flip(struct end *e, size_t at)
{
    if (e->wire_len == 0)
        return;
    e->wire[at % e->wire_len] ^= (uint8_t)(1u << at % 8);
    changed = true;
}

static void step(struct end *e, struct end *other, enum csep_service service, uint8_t op, uint16_t arg,
                 csep_time *now)
{
    csep_status st = CSEP_OK;
    switch (op) {
    case 0:
    case 1:
        write_some(e, service, arg, *now);
        break;
    case 2:
        output(e, arg, *now);
        break;
    case 3:
    case 4:
        output(e, 65536, *now);
        move(e, other, arg, *now);
        break;
    case 5:
        e->lazy = !e->lazy;
        break;
    case 6:
        st = csep_stream_key_update(e->s, *now);
        break;
    case 7:
        st = csep_stream_send_tickets(e->s, arg % 20, *now);
        break;
    case 8:
        csep_stream_close(e->s, arg % 2 ? 0 : arg, *now);
        changed |= !(arg % 2); /* what waited is dropped */
        break;
    case 9:
        flip(e, arg);
        break;
    case 10:
        *now += CSEP_MS(arg);
        csep_stream_expire(e->s, *now);
        changed |= csep_stream_get_state(e->s) >= CSEP_DATA_CLOSING;
        break;
    case 11:
        if (arg > 60000) {
            csep_stream_input_eof(e->s, *now);
            changed = true;
        }
        break;
    default:
        break;
    }
    (void)st;
    drain(e);
}

/* Until nothing moves: then all that was written has arrived, unless the way or an end changed something. */
static void settle(struct end e[2], csep_time now)
{
    bool moved = true;
    e[0].lazy = e[1].lazy = false;
    drain(&e[0]);
    drain(&e[1]);
    while (moved) {
        moved = false;
        for (unsigned i = 0; i < 2; i++) {
            output(&e[i], 65536, now);
            moved |= e[i].wire_len > 0;
            move(&e[i], &e[1 - i], WIRE_MAX, now);
        }
    }
}

static void run(struct rd *r, struct end e[2], struct fake_slots *slots)
{
    csep_time now = CSEP_SEC(1000);
    struct csep_data_config cfg = csep_data_config_default();
    uint8_t flags = rd_u8(r), limit = rd_u8(r);
    enum csep_service service = flags & 1 ? CSEP_SERVICE_STREAM : CSEP_SERVICE_MESSAGE;
    cfg.random = (struct csep_random){fill, NULL};
    cfg.alloc = (struct csep_alloc){get, put, NULL};
    cfg.early = flags & 2;
    cfg.key_update_packets = limit & 0x80 ? 2 + (limit & 0x7f) : 0;
    cfg.send_buffer = flags & 4 ? 5000 : 200000;
    fake_slots_init(slots, CSEP_TRANSPORT_TCP, now);
    slots->slot[0].fresh = !(flags & 8);
    slots->slot[0].upgrade = CSEP_UPGRADE_OFF; /* curve arithmetic is slow, and not what is looked for here */
    struct csep_slot slot = fake_slots_take(slots, 0);
    struct csep_slot_source source = fake_slots_source(slots);
    check(csep_stream_open(e[0].s, &cfg, &slot, service, now) == CSEP_OK);
    check(csep_stream_accept(e[1].s, &cfg, &source, now) == CSEP_OK);
    for (unsigned i = 0; i < STEPS && rd_more(r); i++) {
        uint8_t op = rd_u8(r);
        uint16_t arg = rd_u16(r);
        struct end *who = &e[op >> 7];
        step(who, &e[1 - (op >> 7)], service, op & 0x0f, arg, &now);
    }
    settle(e, now);
    bool over = csep_stream_get_state(e[0].s) == CSEP_DATA_CLOSED ||
                csep_stream_get_state(e[1].s) == CSEP_DATA_CLOSED;
    for (unsigned i = 0; i < 2; i++) {
        check(e[i].got <= e[1 - i].wrote);
        check(changed || over || e[i].got == e[1 - i].wrote);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct end e[2];
    static struct fake_slots slots;
    struct rd r = rd_init(data, n);
    if (csep_init() != CSEP_OK)
        return 0;
    live = 0;
    random_state = 1;
    changed = false;
    for (unsigned i = 0; i < 2; i++) {
        e[i].wire_len = 0;
        e[i].wrote = e[i].got = 0;
        e[i].lazy = e[i].closed = false;
        e[i].s = calloc(1, csep_stream_size());
        check(e[i].s != NULL);
    }
    run(&r, e, &slots);
    for (unsigned i = 0; i < 2; i++) {
        csep_stream_wipe(e[i].s);
        free(e[i].s);
    }
    check(live == 0);
    return 0;
}
