/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_slots.h"

#include <string.h>

static void make(struct csep_slot *s, unsigned i, enum csep_transport transport, csep_time now)
{
    memset(s, 0, sizeof *s);
    memset(s->secret, (int)(0x10 + i), sizeof s->secret);
    memset(s->handle, (int)(0x20 + i), sizeof s->handle);
    memset(s->ticket, (int)(0x30 + i), 24);
    s->ticket_len = 24;
    s->received = now;
    s->expires = csep_time_add(now, CSEP_SEC(86400));
    s->transport = (uint8_t)transport;
    s->services = 1u << CSEP_SERVICE_DATAGRAM | 1u << CSEP_SERVICE_MESSAGE | 1u << CSEP_SERVICE_STREAM;
    s->aeads[0] = CSEP_AEAD_CHACHA20_POLY1305;
    s->aeads[1] = CSEP_AEAD_AES_256_GCM;
    s->num_aeads = 2;
    s->upgrade = CSEP_UPGRADE_OFFERED;
    s->max_unit = 1472;
    s->first_flight = transport == CSEP_TRANSPORT_TCP ? 14336 : 3600;
    s->left = (struct csep_usage){UINT64_MAX, UINT64_MAX, UINT64_MAX};
    s->fresh = true;
}

void fake_slots_init(struct fake_slots *f, enum csep_transport transport, csep_time now)
{
    memset(f, 0, sizeof *f);
    for (unsigned i = 0; i < FAKE_SLOTS; i++)
        make(&f->slot[i], i, transport, now);
}

struct csep_slot fake_slots_take(const struct fake_slots *f, unsigned i)
{
    return f->slot[i];
}

static int find(const struct fake_slots *f, const uint8_t *ticket, size_t len)
{
    for (int i = 0; i < FAKE_SLOTS; i++)
        if (len == f->slot[i].ticket_len && memcmp(ticket, f->slot[i].ticket, len) == 0)
            return i;
    return -1;
}

static enum csep_slot_result fake_open(void *self, const uint8_t *ticket, size_t len, uint8_t transport,
                                       csep_time now, struct csep_slot *out)
{
    struct fake_slots *f = self;
    int i = find(f, ticket, len);
    f->opens++;
    if (i < 0 || f->unknown[i] || f->used[i] || transport != f->slot[i].transport ||
        now >= f->slot[i].expires)
        return CSEP_SLOT_REFUSED;
    *out = f->slot[i];
    out->pending = f->pending[i];
    return f->pending[i] ? CSEP_SLOT_PENDING : CSEP_SLOT_OK;
}

static enum csep_slot_result fake_spend(void *self, const struct csep_slot *slot, csep_time now)
{
    struct fake_slots *f = self;
    int i = find(f, slot->ticket, slot->ticket_len);
    (void)now;
    f->spends++;
    if (i < 0 || f->used[i] || f->lose_race)
        return CSEP_SLOT_REFUSED;
    if (f->busy)
        return CSEP_SLOT_BUSY;
    f->used[i] = true;
    return CSEP_SLOT_OK;
}

static csep_status fake_report(void *self, const uint8_t handle[CSEP_HANDLE_LEN],
                               const struct csep_usage *used, csep_time now)
{
    struct fake_slots *f = self;
    (void)handle;
    (void)now;
    f->reports++;
    f->reported.bytes += used->bytes;
    f->reported.packets += used->packets;
    f->reported.forgeries += used->forgeries;
    return CSEP_OK;
}

static unsigned fake_more(void *self, const struct csep_slot *slot, unsigned want, uint8_t *out, size_t cap,
                          size_t *out_len, csep_time now)
{
    struct fake_slots *f = self;
    unsigned num = 0;
    (void)slot;
    (void)now;
    *out_len = 0;
    for (f->asked += want; num < want && *out_len + 201 <= cap; num++) {
        out[*out_len] = 200;
        memset(out + *out_len + 1, (int)(0x80 + num), 200);
        *out_len += 201;
    }
    return num;
}

struct csep_slot_source fake_slots_source(struct fake_slots *f)
{
    return (struct csep_slot_source){fake_open, fake_spend, fake_report, fake_more, f};
}
