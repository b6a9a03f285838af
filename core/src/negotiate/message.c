/* SPDX-License-Identifier: BSD-2-Clause */
/* Decoding: the rules of every message, then the fields of each type. */
#include "negotiate/message.h"

#include "csep/wire.h"

const struct neg_field_rule neg_field_rules[17] = {
#define ROW(id, required, optional, critical) [CSEP_FIELD_##id] = {required, optional, critical},
    NEG_FIELD_LIST(ROW)
#undef ROW
};

bool neg_known_type(uint8_t type)
{
    return type >= CSEP_MSG_GRANT && type <= CSEP_MSG_CONTINUE;
}

bool neg_from_client(uint8_t type)
{
    return type != CSEP_MSG_GRANT && type != CSEP_MSG_TICKETS;
}

bool neg_from_server(uint8_t type)
{
    return type != CSEP_MSG_REQUEST && type != CSEP_MSG_CONTINUE;
}

/* ---- Every message ---- */

static unsigned column(uint8_t type)
{
    return type == CSEP_MSG_CONTINUE ? 0 : 1u << (type - 1);
}

/* A known field where its column does not name it counts as unknown. */
static bool belongs(uint16_t id, uint8_t type)
{
    return id <= CSEP_FIELD_TEXT &&
           ((neg_field_rules[id].required | neg_field_rules[id].optional) & column(type));
}

static bool lacks_required(const struct neg_fields *f)
{
    for (unsigned id = 1; id <= CSEP_FIELD_TEXT; id++)
        if ((neg_field_rules[id].required & column(f->type)) && !(f->present >> id & 1))
            return true;
    return false;
}

struct seen {
    uint16_t id[NEG_FIELDS_MAX];
    unsigned num;
};

static csep_status remember(struct seen *seen, uint16_t id)
{
    if (seen->num == NEG_FIELDS_MAX)
        return CSEP_ERR_OVERSIZE; //= NEG-30
    for (unsigned i = 0; i < seen->num; i++)
        if (seen->id[i] == id)
            return CSEP_ERR_DUPLICATE; //= NEG-28
    seen->id[seen->num++] = id;
    return CSEP_OK;
}

csep_status neg_scan(struct neg_fields *f, uint8_t type, const uint8_t *body, size_t n)
{
    struct rd r = rd_init(body, n);
    struct seen seen = {.num = 0};
    *f = (struct neg_fields){.type = type};
    /* In the order of the wire, and so in any order. //= NEG-33 */
    while (rd_more(&r)) {
        uint16_t head = rd_u16(&r), id = head & (uint16_t)~CSEP_FIELD_CRITICAL;
        struct rd value = rd_vec16(&r);
        if (value.bad)
            return CSEP_ERR_DECODE; //= NEG-31
        csep_status st = remember(&seen, id);
        if (st)
            return st;
        if (value.n == 0)
            return CSEP_ERR_VALUE; //= NEG-29
        if (belongs(id, type)) {   /* whatever bit C says //= NEG-27 */
            f->value[id] = value;
            f->present |= 1u << id;
        } else if (head & CSEP_FIELD_CRITICAL) {
            return CSEP_ERR_CRITICAL; //= NEG-26
        }                             /* else skipped //= NEG-25 */
    }
    if (r.bad)
        return CSEP_ERR_DECODE;
    return lacks_required(f) ? CSEP_ERR_MISSING : CSEP_OK; //= NEG-32
}

/* ---- Values: DECODE for a wrong form, VALUE for a number out of range (NEG-37) ---- */

static bool has(const struct neg_fields *f, enum csep_field_id id)
{
    return f->present >> id & 1;
}

/* An integer of `width` bytes in least..most; *out is left alone when the field is absent. */
static csep_status number(const struct neg_fields *f, enum csep_field_id id, unsigned width, uint64_t least,
                          uint64_t most, uint64_t *out)
{
    struct rd r = f->value[id];
    if (!has(f, id))
        return CSEP_OK;
    uint64_t v = rd_be(&r, width);
    if (!rd_done(&r))
        return CSEP_ERR_DECODE;
    if (v < least || v > most)
        return CSEP_ERR_VALUE;
    *out = v;
    return CSEP_OK;
}

static csep_status fixed(const struct neg_fields *f, enum csep_field_id id, uint8_t *out, size_t n)
{
    struct rd r = f->value[id];
    if (r.n != n)
        return CSEP_ERR_DECODE;
    rd_copy(&r, out, n);
    return CSEP_OK;
}

static csep_status numbers(const struct neg_fields *f, enum csep_field_id id, unsigned most, uint16_t *out,
                           uint8_t *out_num)
{
    struct rd r = f->value[id];
    *out_num = 0;
    while (rd_more(&r)) {
        if (*out_num == most)
            return CSEP_ERR_DECODE;
        out[(*out_num)++] = rd_u16(&r);
    }
    return has(f, id) && !rd_done(&r) ? CSEP_ERR_DECODE : CSEP_OK;
}

static csep_status get_handle(const struct neg_fields *f, uint8_t out[CSEP_HANDLE_LEN])
{
    return fixed(f, CSEP_FIELD_HANDLE, out, CSEP_HANDLE_LEN);
}

static csep_status get_request_id(const struct neg_fields *f, uint32_t *out)
{
    uint64_t id = 0;
    csep_status st = number(f, CSEP_FIELD_REQUEST_ID, 4, 0, UINT32_MAX, &id);
    *out = (uint32_t)id;
    return st;
}

/* ---- GRANT ---- */

static bool has_zero(const struct rd *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->p[i] == 0)
            return true;
    return false;
}

static bool printable(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] < 0x21 || p[i] > 0x7e)
            return false;
    return true;
}

static csep_status check_transport(const struct csep_grant_transport *t, uint16_t port)
{
    bool udp = t->transport == CSEP_TRANSPORT_UDP;
    if (udp ? t->max_unit < CSEP_OPEN_MIN_DATAGRAM : t->max_unit != 0)
        return CSEP_ERR_VALUE;
    if (t->port && t->port < 1024 && t->port != 443 && t->port != port)
        return CSEP_ERR_VALUE; //= NEG-72
    return CSEP_OK;
}

static csep_status get_transport(struct rd *r, uint8_t transport, uint16_t port,
                                 struct csep_grant_transport *t)
{
    memset(t, 0, sizeof *t);
    t->transport = transport;
    t->services = rd_u16(r); /* unknown bits stay, and mean nothing to anybody */
    t->flags = rd_u8(r);
    t->port = rd_u16(r);
    t->max_unit = rd_u16(r);
    t->first_flight = rd_u32(r);
    struct rd host = rd_vec8(r); /* what follows it is for later versions */
    if (host.bad || host.n > sizeof t->host - 1 || !printable(host.p, host.n))
        return CSEP_ERR_DECODE;
    rd_copy(&host, t->host, host.n);
    return check_transport(t, port);
}

static csep_status get_transports(const struct neg_fields *f, uint16_t port, struct csep_grant *g)
{
    struct rd r = f->value[CSEP_FIELD_TRANSPORTS];
    uint8_t seen[CSEP_GRANT_TRANSPORTS];
    for (unsigned num = 0; rd_more(&r); num++) {
        uint8_t transport = rd_u8(&r);
        struct rd entry = rd_vec8(&r);
        if (entry.bad)
            return CSEP_ERR_DECODE;
        if (num == CSEP_GRANT_TRANSPORTS)
            return CSEP_ERR_OVERSIZE; //= NEG-69
        for (unsigned i = 0; i < num; i++)
            if (seen[i] == transport)
                return CSEP_ERR_DUPLICATE; //= NEG-69
        seen[num] = transport;
        if (transport != CSEP_TRANSPORT_UDP && transport != CSEP_TRANSPORT_TCP)
            continue; //= NEG-68
        csep_status st = get_transport(&entry, transport, port, &g->transports[g->num_transports]);
        if (st)
            return st;
        g->num_transports++;
    }
    return rd_done(&r) ? CSEP_OK : CSEP_ERR_DECODE;
}

static csep_status get_protocols(const struct neg_fields *f, struct csep_grant *g)
{
    struct rd r = f->value[CSEP_FIELD_PROTOCOLS];
    unsigned num = 0;
    for (; rd_more(&r); num++) {
        struct rd name = rd_vec8(&r);
        if (name.bad || name.n == 0 || num == CSEP_GRANT_PROTOCOLS)
            return CSEP_ERR_DECODE;
        if (!has_zero(&name)) /* a name with a zero byte is nobody's here: passed over */
            rd_copy(&name, g->protocols[g->num_protocols++], name.n);
    }
    return has(f, CSEP_FIELD_PROTOCOLS) && !rd_done(&r) ? CSEP_ERR_DECODE : CSEP_OK;
}

static csep_status get_limits(const struct neg_fields *f, struct csep_usage *out)
{
    struct rd r = f->value[CSEP_FIELD_LIMITS];
    if (!has(f, CSEP_FIELD_LIMITS))
        return CSEP_OK;
    out->bytes = rd_u64(&r);
    out->packets = rd_u64(&r);
    out->forgeries = rd_u64(&r);
    return rd_done(&r) ? CSEP_OK : CSEP_ERR_DECODE;
}

static csep_status get_token(const struct neg_fields *f, struct csep_grant *g)
{
    struct rd r = f->value[CSEP_FIELD_ADDRESS_TOKEN];
    if (r.n > sizeof g->token)
        return CSEP_ERR_DECODE;
    g->token_len = (uint8_t)r.n;
    rd_copy(&r, g->token, r.n);
    return CSEP_OK;
}

static csep_status get_numbers(const struct neg_fields *f, struct csep_grant *g)
{
    uint64_t lifetime = 0, refresh = 0, upgrade = 0, identity = 0;
    csep_status st = number(f, CSEP_FIELD_LIFETIME, 4, 1, 604800, &lifetime);
    if (!st)
        st = number(f, CSEP_FIELD_REFRESH, 4, 1, lifetime, &refresh);
    if (!st)
        st = number(f, CSEP_FIELD_UPGRADE, 1, 0, CSEP_UPGRADE_REQUIRED, &upgrade);
    if (!st)
        st = number(f, CSEP_FIELD_IDENTITY, 1, 0, 1, &identity);
    g->lifetime = (uint32_t)lifetime;
    g->refresh = (uint32_t)refresh;
    g->upgrade = (uint8_t)upgrade;
    g->client_identity = (uint8_t)identity;
    return st;
}

csep_status neg_get_grant(const struct neg_fields *f, uint16_t port, struct neg_grant *out)
{
    struct csep_grant *g = &out->grant;
    memset(out, 0, sizeof *out);
    csep_status st = get_handle(f, g->handle);
    if (!st)
        st = get_numbers(f, g);
    if (!st)
        st = numbers(f, CSEP_FIELD_AEADS, 8, g->aeads, &g->num_aeads);
    if (!st)
        st = get_transports(f, port, g);
    if (!st)
        st = get_protocols(f, g);
    if (!st)
        st = numbers(f, CSEP_FIELD_EXPORTS, 16, g->exports, &g->num_exports);
    if (!st)
        st = get_token(f, g);
    if (!st)
        st = get_limits(f, &g->limits);
    out->answers = has(f, CSEP_FIELD_REQUEST_ID);
    return st ? st : get_request_id(f, &out->request_id);
}

/* ---- The others ---- */

csep_status neg_get_tickets(const struct neg_fields *f, struct neg_tickets *out)
{
    struct rd r = f->value[CSEP_FIELD_TICKET_LIST];
    out->num = 0;
    out->answers = has(f, CSEP_FIELD_REQUEST_ID);
    csep_status st = get_handle(f, out->handle);
    if (!st)
        st = get_request_id(f, &out->request_id);
    if (st)
        return st;
    while (rd_more(&r)) {
        struct rd t = rd_vec8(&r);
        if (t.bad || t.n < CSEP_TICKET_MIN || out->num == NEG_TICKETS_MAX)
            return CSEP_ERR_DECODE;
        out->tickets[out->num].len = (uint8_t)t.n;
        rd_copy(&t, out->tickets[out->num++].b, t.n);
    }
    return rd_done(&r) ? CSEP_OK : CSEP_ERR_DECODE;
}

csep_status neg_get_request(const struct neg_fields *f, struct neg_request *out)
{
    uint64_t lifetime = 0, count = 0;
    memset(out, 0, sizeof *out);
    csep_status st = get_request_id(f, &out->request_id);
    if (!st && has(f, CSEP_FIELD_HANDLE))
        st = get_handle(f, out->ask.handle);
    if (!st)
        st = number(f, CSEP_FIELD_LIFETIME, 4, 1, 604800, &lifetime);
    if (!st)
        st = number(f, CSEP_FIELD_TICKET_COUNT, 1, 1, NEG_TICKETS_MAX, &count);
    out->ask.have_handle = has(f, CSEP_FIELD_HANDLE);
    out->ask.lifetime = (uint32_t)lifetime;
    out->ask.tickets = (uint8_t)count;
    return st;
}

static csep_status get_code(const struct neg_fields *f, uint16_t *out)
{
    uint64_t code = 0;
    csep_status st = number(f, CSEP_FIELD_CODE, 2, 0, UINT16_MAX, &code);
    *out = (uint16_t)code;
    return st;
}

csep_status neg_get_revoke(const struct neg_fields *f, struct neg_revoke *out)
{
    csep_status st = get_handle(f, out->handle);
    return st ? st : get_code(f, &out->code);
}

/* Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool is_utf8(struct rd r)
{
    while (rd_more(&r)) {
        uint32_t c = rd_u8(&r), least = 0;
        unsigned more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        if (c >= 0x80) {
            if (c < 0xc2 || c > 0xf4)
                return false;
            least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
            c &= 0x3fu >> more;
        }
        for (; more > 0; more--) {
            uint8_t b = rd_u8(&r);
            if ((b & 0xc0) != 0x80)
                return false;
            c = c << 6 | (b & 0x3f);
        }
        if (r.bad || c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return false;
    }
    return true;
}

csep_status neg_get_error(const struct neg_fields *f, struct neg_error *out)
{
    struct rd text = f->value[CSEP_FIELD_TEXT];
    memset(out, 0, sizeof *out);
    if (text.n > sizeof out->text || !is_utf8(text))
        return CSEP_ERR_DECODE;
    out->text_len = (uint8_t)text.n;
    rd_copy(&text, out->text, text.n);
    return get_code(f, &out->code);
}
