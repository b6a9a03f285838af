/* SPDX-License-Identifier: BSD-2-Clause */
/* Random bytes from a seed, memory that is counted, tickets that a test made up. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static void fill(void *self, uint8_t *out, size_t n)
{
    struct host *h = self;
    uint8_t seed[randombytes_SEEDBYTES] = {0};
    uint64_t words[2] = {h->seed, ++h->draws};
    memcpy(seed, words, sizeof words);
    if (n)
        randombytes_buf_deterministic(out, n, seed);
}

struct csep_random host_random(struct host *h)
{
    return (struct csep_random){fill, h};
}

static void *get(void *self, size_t n)
{
    struct host *h = self;
    void *p = malloc(n ? n : 1);
    if (p) {
        h->blocks++;
        h->live += n;
    }
    return p;
}

static void put(void *self, void *p, size_t n)
{
    struct host *h = self;
    if (!p)
        return;
    h->blocks--;
    h->live -= n;
    free(p);
}

struct csep_alloc host_alloc(struct host *h)
{
    return (struct csep_alloc){get, put, h};
}

/* ---- Tickets ---- */

static int find(const struct slot_book *b, const uint8_t *ticket, size_t len)
{
    for (unsigned i = 0; i < b->num; i++)
        if (len == b->slots[i].ticket_len && memcmp(ticket, b->slots[i].ticket, len) == 0)
            return (int)i;
    return -1;
}

static enum csep_slot_result open_ticket(void *self, const uint8_t *ticket, size_t len, uint8_t transport,
                                         csep_time now, struct csep_slot *out)
{
    struct slot_book *b = self;
    int i = find(b, ticket, len);
    if (i < 0 || b->used[i] || now >= b->slots[i].expires)
        return CSEP_SLOT_REFUSED;
    *out = b->slots[i];
    out->transport = transport;
    return CSEP_SLOT_OK;
}

static enum csep_slot_result spend(void *self, const struct csep_slot *slot, csep_time now)
{
    struct slot_book *b = self;
    int i = find(b, slot->ticket, slot->ticket_len);
    (void)now;
    if (i < 0 || b->used[i])
        return CSEP_SLOT_REFUSED;
    b->used[i] = true;
    return CSEP_SLOT_OK;
}

static csep_status report(void *self, const uint8_t handle[CSEP_HANDLE_LEN], const struct csep_usage *used,
                          csep_time now)
{
    struct slot_book *b = self;
    (void)handle;
    (void)now;
    b->reported.bytes += used->bytes;
    b->reported.packets += used->packets;
    b->reported.forgeries += used->forgeries;
    return CSEP_OK;
}

/* Tickets without a meaning: what matters is that they arrive. */
static unsigned more(void *self, const struct csep_slot *slot, unsigned want, uint8_t *out, size_t cap,
                     size_t *out_len, csep_time now)
{
    unsigned num = 0;
    (void)self;
    (void)slot;
    (void)now;
    *out_len = 0;
    for (; num < want && *out_len + 33 <= cap; num++) {
        out[*out_len] = 32;
        memset(out + *out_len + 1, (int)(0x80 + num), 32);
        *out_len += 33;
    }
    return num;
}

struct csep_slot_source slot_book_source(struct slot_book *b)
{
    return (struct csep_slot_source){open_ticket, spend, report, more, b};
}

struct csep_slot slot_read(const json_t *slot, csep_time now)
{
    struct csep_slot s = {
        .received = now,
        .expires = csep_time_add(now, CSEP_SEC(line_number(slot, "lifetime", 3600))),
        .services = (uint16_t)line_number(slot, "services", 7),
        .upgrade = (uint8_t)line_number(slot, "upgrade", CSEP_UPGRADE_OFFERED),
        .max_unit = (uint16_t)line_number(slot, "max_unit", 1472),
        .first_flight = (uint32_t)line_number(slot, "first_flight", 3600),
        .fresh = line_flag(slot, "fresh", true),
        .left = {UINT64_MAX, UINT64_MAX, line_number(slot, "forgeries", UINT64_MAX)},
    };
    const json_t *aeads = json_object_get(slot, "aeads"), *one;
    size_t i;
    line_copy(slot, "secret", s.secret, sizeof s.secret);
    line_copy(slot, "handle", s.handle, sizeof s.handle);
    s.ticket_len = (uint8_t)line_copy(slot, "ticket", s.ticket, sizeof s.ticket);
    json_array_foreach(aeads, i, one)
    {
        if (s.num_aeads < 8)
            s.aeads[s.num_aeads++] = (uint16_t)json_integer_value(one);
    }
    return s;
}

void slot_book_add(struct slot_book *b, const json_t *slots, csep_time now)
{
    const json_t *one;
    size_t i;
    json_array_foreach(slots, i, one)
    {
        if (b->num < HARNESS_SLOTS)
            b->slots[b->num++] = slot_read(one, now);
    }
}
