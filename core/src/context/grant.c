/* SPDX-License-Identifier: BSD-2-Clause */
#include "context/grant.h"

#include <assert.h>
#include <string.h>

#include "base/cursor.h"

const struct csep_grant_transport *csep_grant_transport(const struct csep_grant *g, uint8_t transport)
{
    for (unsigned i = 0; i < g->num_transports; i++)
        if (g->transports[i].transport == transport)
            return &g->transports[i];
    return NULL;
}

static void put_transport(struct wr *w, const struct csep_grant_transport *t)
{
    wr_u8(w, t->transport);
    wr_u8(w, t->flags);
    wr_u16(w, t->services);
    wr_u16(w, t->port);
    wr_u16(w, t->max_unit);
    wr_u32(w, t->first_flight);
    wr_vec8(w, t->host, strlen(t->host));
}

static void get_transport(struct rd *r, struct csep_grant_transport *t)
{
    t->transport = rd_u8(r);
    t->flags = rd_u8(r);
    t->services = rd_u16(r);
    t->port = rd_u16(r);
    t->max_unit = rd_u16(r);
    t->first_flight = rd_u32(r);
    struct rd host = rd_vec8(r);
    rd_copy(&host, t->host, host.n);
}

static void put_numbers(struct wr *w, const uint16_t *v, unsigned num)
{
    wr_u8(w, num);
    for (unsigned i = 0; i < num; i++)
        wr_u16(w, v[i]);
}

static uint8_t get_numbers(struct rd *r, uint16_t *v)
{
    uint8_t num = rd_u8(r);
    for (unsigned i = 0; i < num; i++)
        v[i] = rd_u16(r);
    return num;
}

size_t grant_pack(const struct csep_grant *g, uint8_t *out, size_t cap)
{
    uint8_t scratch[GRANT_PACKED_MAX];
    struct wr w = out ? wr_init(out, cap) : wr_init(scratch, sizeof scratch);
    wr_bytes(&w, g->handle, sizeof g->handle);
    wr_u32(&w, g->lifetime);
    wr_u32(&w, g->refresh);
    put_numbers(&w, g->aeads, g->num_aeads);
    put_numbers(&w, g->exports, g->num_exports);
    wr_u8(&w, g->upgrade);
    wr_u8(&w, g->client_identity);
    wr_u64(&w, g->limits.bytes);
    wr_u64(&w, g->limits.packets);
    wr_u64(&w, g->limits.forgeries);
    wr_vec8(&w, g->token, g->token_len);
    wr_u8(&w, g->num_transports);
    for (unsigned i = 0; i < g->num_transports; i++)
        put_transport(&w, &g->transports[i]);
    wr_u8(&w, g->num_protocols);
    for (unsigned i = 0; i < g->num_protocols; i++)
        wr_vec8(&w, g->protocols[i], strlen(g->protocols[i]));
    assert(wr_ok(&w));
    return w.len;
}

void grant_unpack(struct csep_grant *g, const uint8_t *in, size_t n)
{
    struct rd r = rd_init(in, n);
    memset(g, 0, sizeof *g);
    rd_copy(&r, g->handle, sizeof g->handle);
    g->lifetime = rd_u32(&r);
    g->refresh = rd_u32(&r);
    g->num_aeads = get_numbers(&r, g->aeads);
    g->num_exports = get_numbers(&r, g->exports);
    g->upgrade = rd_u8(&r);
    g->client_identity = rd_u8(&r);
    g->limits.bytes = rd_u64(&r);
    g->limits.packets = rd_u64(&r);
    g->limits.forgeries = rd_u64(&r);
    struct rd token = rd_vec8(&r);
    g->token_len = (uint8_t)token.n;
    rd_copy(&token, g->token, token.n);
    g->num_transports = rd_u8(&r);
    for (unsigned i = 0; i < g->num_transports; i++)
        get_transport(&r, &g->transports[i]);
    g->num_protocols = rd_u8(&r);
    for (unsigned i = 0; i < g->num_protocols; i++) {
        struct rd name = rd_vec8(&r);
        rd_copy(&name, g->protocols[i], name.n);
    }
    assert(rd_done(&r));
}

#define UDP_SERVICES (1u << CSEP_SERVICE_DATAGRAM | 1u << CSEP_SERVICE_MESSAGE)
#define TCP_SERVICES (1u << CSEP_SERVICE_MESSAGE | 1u << CSEP_SERVICE_STREAM)

bool grant_fill_slot(const struct csep_grant *g, uint8_t transport, struct csep_slot *out)
{
    const struct csep_grant_transport *t = csep_grant_transport(g, transport);
    if (!t)
        return false;
    memcpy(out->handle, g->handle, sizeof out->handle);
    out->transport = transport;
    out->services = t->services & (transport == CSEP_TRANSPORT_UDP ? UDP_SERVICES : TCP_SERVICES); //= NEG-68
    out->max_unit = t->max_unit;
    out->first_flight = t->first_flight;
    memcpy(out->aeads, g->aeads, sizeof out->aeads);
    out->num_aeads = g->num_aeads;
    out->upgrade = g->upgrade;
    out->exports = 0;
    for (unsigned i = 0; i < g->num_exports; i++)
        if (g->exports[i] < 8)
            out->exports |= (uint8_t)(1u << g->exports[i]);
    return true;
}

static uint64_t tighter(uint64_t granted, uint64_t most)
{
    return granted && granted < most ? granted : most;
}

/*
 * Which AEAD a connection takes is its own affair, so a context that may be used with AES-256-GCM has that
 * AEAD's limit from the start: the sum is over all connections.
 */
struct csep_usage grant_limits(const struct csep_grant *g)
{
    uint64_t packets = UINT64_C(1) << 60;
    for (unsigned i = 0; i < g->num_aeads; i++)
        if (g->aeads[i] == CSEP_AEAD_AES_256_GCM)
            packets = UINT64_C(1) << 33;
    return (struct csep_usage){
        .bytes = tighter(g->limits.bytes, UINT64_MAX),
        .packets = tighter(g->limits.packets, packets),
        .forgeries = tighter(g->limits.forgeries, UINT64_C(1) << 36),
    };
}
