/* SPDX-License-Identifier: BSD-2-Clause */
#include "hosts.h"

#include <stdlib.h>
#include <string.h>

#include "bench.h"

const struct csep_random bench_rnd = {bench_random, NULL};
size_t bench_heap_bytes;

static void *get(void *self, size_t n)
{
    (void)self;
    bench_heap_bytes += n;
    return malloc(n);
}

static void put(void *self, void *p, size_t n)
{
    (void)self;
    if (p)
        bench_heap_bytes -= n;
    free(p);
}

const struct csep_alloc bench_heap = {get, put, NULL};

void bench_menu(struct csep_grant *menu)
{
    menu->num_transports = 2;
    menu->transports[0] = (struct csep_grant_transport){
        .transport = CSEP_TRANSPORT_UDP, .services = 3, .max_unit = 1472, .first_flight = 3600};
    menu->transports[1] =
        (struct csep_grant_transport){.transport = CSEP_TRANSPORT_TCP, .services = 6, .first_flight = 14336};
    menu->upgrade = CSEP_UPGRADE_OFFERED;
}

static struct csep_slot last;

void bench_slot(struct csep_slot *out, uint16_t aead, enum csep_upgrade upgrade)
{
    memset(&last, 0, sizeof last);
    bench_random(NULL, last.secret, sizeof last.secret);
    last.ticket_len = 44;
    bench_random(NULL, last.ticket, last.ticket_len);
    last.expires = CSEP_SEC(86400);
    last.transport = CSEP_TRANSPORT_UDP;
    last.services = 1 << CSEP_SERVICE_DATAGRAM | 1 << CSEP_SERVICE_MESSAGE;
    last.aeads[0] = aead;
    last.num_aeads = 1;
    last.upgrade = (uint8_t)upgrade;
    last.max_unit = 1472;
    last.first_flight = 3600;
    last.left = (struct csep_usage){UINT64_MAX, UINT64_MAX, UINT64_MAX};
    last.fresh = true;
    *out = last;
}

static enum csep_slot_result open_ticket(void *self, const uint8_t *ticket, size_t len, uint8_t transport,
                                         csep_time now, struct csep_slot *out)
{
    (void)self, (void)transport, (void)now;
    if (len != last.ticket_len || memcmp(ticket, last.ticket, len) != 0)
        return CSEP_SLOT_REFUSED;
    *out = last;
    return CSEP_SLOT_OK;
}

static enum csep_slot_result spend(void *self, const struct csep_slot *slot, csep_time now)
{
    (void)self, (void)slot, (void)now;
    return CSEP_SLOT_OK;
}

static csep_status ignore_usage(void *self, const uint8_t *handle, const struct csep_usage *used,
                                csep_time now)
{
    (void)self, (void)handle, (void)used, (void)now;
    return CSEP_OK;
}

struct csep_slot_source bench_slots(void)
{
    return (struct csep_slot_source){open_ticket, spend, ignore_usage, NULL, NULL};
}
