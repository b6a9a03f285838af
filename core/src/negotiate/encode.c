/* SPDX-License-Identifier: BSD-2-Clause */
/* Encoding: the mirror of message.c. */
#include "csep/wire.h"
#include "negotiate/message.h"

static size_t open_message(struct wr *w, enum csep_message_type type)
{
    wr_u8(w, type);
    return wr_open(w, 3);
}

//= NEG-34
static size_t open_field(struct wr *w, enum csep_field_id id)
{
    wr_u16(w, (unsigned)id | (neg_field_rules[id].critical ? CSEP_FIELD_CRITICAL : 0));
    return wr_open(w, 2);
}

static void put_number(struct wr *w, enum csep_field_id id, unsigned width, uint64_t v)
{
    size_t mark = open_field(w, id);
    wr_be(w, v, width);
    wr_close(w, mark, 2);
}

static void put_bytes(struct wr *w, enum csep_field_id id, const void *b, size_t n)
{
    size_t mark = open_field(w, id);
    wr_bytes(w, b, n);
    wr_close(w, mark, 2);
}

static void put_numbers(struct wr *w, enum csep_field_id id, const uint16_t *v, unsigned num)
{
    size_t mark = open_field(w, id);
    for (unsigned i = 0; i < num; i++)
        wr_u16(w, v[i]);
    wr_close(w, mark, 2);
}

/* An unknown field that every receiver must skip, so that none forgets how. //= NEG-35 */
static void put_grease(struct wr *w, const struct csep_random *grease)
{
    uint8_t b[18];
    if (!grease)
        return;
    grease->fill(grease->self, b, sizeof b);
    wr_u16(w, (b[0] & 7u) << 12 | 0x0a0a);
    wr_vec16(w, b + 2, 1u + (b[1] & 15u));
}

static void put_transport(struct wr *w, const struct csep_grant_transport *t)
{
    wr_u8(w, t->transport);
    size_t mark = wr_open(w, 1);
    wr_u16(w, t->services);
    wr_u8(w, t->flags);
    wr_u16(w, t->port);
    wr_u16(w, t->max_unit);
    wr_u32(w, t->first_flight);
    wr_vec8(w, t->host, strlen(t->host));
    wr_close(w, mark, 1);
}

static void put_transports(struct wr *w, const struct csep_grant *g)
{
    size_t mark = open_field(w, CSEP_FIELD_TRANSPORTS);
    for (unsigned i = 0; i < g->num_transports; i++)
        put_transport(w, &g->transports[i]);
    wr_close(w, mark, 2);
}

static void put_protocols(struct wr *w, const struct csep_grant *g)
{
    size_t mark = open_field(w, CSEP_FIELD_PROTOCOLS);
    for (unsigned i = 0; i < g->num_protocols; i++)
        wr_vec8(w, g->protocols[i], strlen(g->protocols[i]));
    wr_close(w, mark, 2);
}

static void put_limits(struct wr *w, const struct csep_usage *l)
{
    size_t mark = open_field(w, CSEP_FIELD_LIMITS);
    wr_u64(w, l->bytes);
    wr_u64(w, l->packets);
    wr_u64(w, l->forgeries);
    wr_close(w, mark, 2);
}

static void put_optional(struct wr *w, const struct csep_grant *g)
{
    if (g->refresh)
        put_number(w, CSEP_FIELD_REFRESH, 4, g->refresh);
    if (g->num_protocols)
        put_protocols(w, g);
    if (g->num_exports)
        put_numbers(w, CSEP_FIELD_EXPORTS, g->exports, g->num_exports);
    if (g->upgrade)
        put_number(w, CSEP_FIELD_UPGRADE, 1, g->upgrade);
    if (g->token_len)
        put_bytes(w, CSEP_FIELD_ADDRESS_TOKEN, g->token, g->token_len);
    if (g->limits.bytes || g->limits.packets || g->limits.forgeries)
        put_limits(w, &g->limits);
    if (g->client_identity)
        put_number(w, CSEP_FIELD_IDENTITY, 1, g->client_identity);
}

void neg_put_grant(struct wr *w, const struct neg_grant *m, const struct csep_random *grease)
{
    const struct csep_grant *g = &m->grant;
    size_t mark = open_message(w, CSEP_MSG_GRANT);
    put_bytes(w, CSEP_FIELD_HANDLE, g->handle, sizeof g->handle);
    put_number(w, CSEP_FIELD_LIFETIME, 4, g->lifetime);
    put_numbers(w, CSEP_FIELD_AEADS, g->aeads, g->num_aeads);
    put_transports(w, g);
    put_optional(w, g);
    if (m->answers)
        put_number(w, CSEP_FIELD_REQUEST_ID, 4, m->request_id);
    put_grease(w, grease);
    wr_close(w, mark, 3);
}

void neg_put_tickets(struct wr *w, const struct neg_tickets *m)
{
    size_t mark = open_message(w, CSEP_MSG_TICKETS);
    put_bytes(w, CSEP_FIELD_HANDLE, m->handle, sizeof m->handle);
    size_t list = open_field(w, CSEP_FIELD_TICKET_LIST);
    for (unsigned i = 0; i < m->num; i++)
        wr_vec8(w, m->tickets[i].b, m->tickets[i].len);
    wr_close(w, list, 2);
    if (m->answers)
        put_number(w, CSEP_FIELD_REQUEST_ID, 4, m->request_id);
    wr_close(w, mark, 3);
}

void neg_put_request(struct wr *w, const struct neg_request *m, const struct csep_random *grease)
{
    size_t mark = open_message(w, CSEP_MSG_REQUEST);
    put_number(w, CSEP_FIELD_REQUEST_ID, 4, m->request_id);
    if (m->ask.have_handle)
        put_bytes(w, CSEP_FIELD_HANDLE, m->ask.handle, CSEP_HANDLE_LEN);
    if (m->ask.lifetime)
        put_number(w, CSEP_FIELD_LIFETIME, 4, m->ask.lifetime);
    if (m->ask.tickets)
        put_number(w, CSEP_FIELD_TICKET_COUNT, 1, m->ask.tickets);
    put_grease(w, grease);
    wr_close(w, mark, 3);
}

void neg_put_revoke(struct wr *w, const struct neg_revoke *m)
{
    size_t mark = open_message(w, CSEP_MSG_REVOKE);
    put_bytes(w, CSEP_FIELD_HANDLE, m->handle, sizeof m->handle);
    if (m->code)
        put_number(w, CSEP_FIELD_CODE, 2, m->code);
    wr_close(w, mark, 3);
}

void neg_put_error(struct wr *w, uint16_t code, const char *text, size_t text_len)
{
    size_t mark = open_message(w, CSEP_MSG_ERROR);
    put_number(w, CSEP_FIELD_CODE, 2, code);
    if (text_len)
        put_bytes(w, CSEP_FIELD_TEXT, text, text_len < 255 ? text_len : 255);
    wr_close(w, mark, 3);
}

void neg_put_continue(struct wr *w)
{
    wr_close(w, open_message(w, CSEP_MSG_CONTINUE), 3);
}
