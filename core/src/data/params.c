/* SPDX-License-Identifier: BSD-2-Clause */
/* PARAMS (spec section 7.3): one table for the decoder, the encoder and the defaults. */
#include "data/frame.h"

#include <string.h>

enum kind { KIND_VARINT, KIND_U8, KIND_NAME, KIND_TOKEN };

/* Senders, kind, range, and where in struct frame_params the value lives. */
static const struct param_rule {
    uint8_t id, senders;
    enum kind kind;
    uint64_t min, max, standard;
    size_t at;
} rules[] = {
#define P(id, senders, kind, min, max, standard, member)                                                     \
    {                                                                                                        \
        CSEP_PARAM_##id, senders, kind, min, max, standard, offsetof(struct frame_params, member)            \
    }
    P(MAX_DATA, FS_BOTH, KIND_VARINT, 0, VARINT_MAX, 1048576, max_data),
    P(MAX_MESSAGE, FS_BOTH, KIND_VARINT, 0, VARINT_MAX, 1048576, max_message),
    P(IDLE_TIMEOUT, FS_BOTH, KIND_VARINT, 0, VARINT_MAX, 30000, idle_timeout_ms),
    P(MAX_ACK_DELAY, FS_BOTH, KIND_VARINT, 0, 1000, 25, max_ack_delay_ms),
    P(MAX_CIDS, FS_BOTH, KIND_VARINT, 2, 8, 2, max_cids),
    P(MAX_UNIT, FS_BOTH, KIND_VARINT, 1200, VARINT_MAX, 1472, max_unit),
    P(PROTOCOL, SENT_BY_OPENER, KIND_NAME, 1, 255, 0, protocol),
    P(TICKET_AGE, SENT_BY_OPENER, KIND_VARINT, 0, VARINT_MAX, 0, ticket_age_ms),
    P(EARLY, SENT_BY_ACCEPTOR, KIND_U8, 0, 1, 0, early),
    P(RESET_TOKEN, SENT_BY_ACCEPTOR, KIND_TOKEN, 0, 0, 0, reset_token),
#undef P
};
#define NUM_RULES (sizeof rules / sizeof rules[0])

static const struct param_rule *find(uint64_t id, unsigned sender)
{
    for (size_t i = 0; i < NUM_RULES; i++)
        if (rules[i].id == id && rules[i].senders & sender)
            return &rules[i];
    return NULL;
}

static uint64_t *number_at(struct frame_params *p, const struct param_rule *rule)
{
    return (uint64_t *)((uint8_t *)p + rule->at);
}

static uint64_t number_of(const struct frame_params *p, const struct param_rule *rule)
{
    return *(const uint64_t *)((const uint8_t *)p + rule->at);
}

static void set_defaults(struct frame_params *p)
{
    memset(p, 0, sizeof *p);
    for (size_t i = 0; i < NUM_RULES; i++)
        if (rules[i].kind == KIND_VARINT)
            *number_at(p, &rules[i]) = rules[i].standard;
}

/* A value that does not fill its kind, or overflows it, counts as out of range. */
static csep_status get_value(struct frame_params *p, const struct param_rule *rule, struct rd v)
{
    uint64_t n = 0;
    switch (rule->kind) {
    case KIND_VARINT:
        n = rd_varint(&v);
        *number_at(p, rule) = n;
        break;
    case KIND_U8:
        n = p->early = rd_u8(&v);
        break;
    case KIND_NAME:
        p->protocol = view_rest(v);
        n = v.n;
        rd_bytes(&v, v.n);
        break;
    case KIND_TOKEN:
        p->reset_token = rd_bytes(&v, CSEP_RESET_TOKEN_LEN);
        break;
    }
    return !rd_done(&v) || n < rule->min || n > rule->max ? CSEP_ERR_VALUE : CSEP_OK; /* //= DATA-90 */
}

/* Did `id` occur in the list before `end`? For ids that this version does not know. */
static bool given_before(struct rd list, const uint8_t *end, uint64_t id)
{
    while (list.p < end) {
        uint64_t other = rd_varint(&list);
        rd_vecv(&list);
        if (other == id)
            return true;
    }
    return false;
}

/* The parameters that must be there. //= DATA-90 */
static uint32_t required(unsigned sender, enum csep_transport transport)
{
    if (sender == SENT_BY_OPENER)
        return PARAM_BIT(CSEP_PARAM_TICKET_AGE);
    return PARAM_BIT(CSEP_PARAM_EARLY) |
           (transport == CSEP_TRANSPORT_UDP ? PARAM_BIT(CSEP_PARAM_RESET_TOKEN) : 0);
}

csep_status frame_get_params(struct rd *r, struct frame_params *p, enum frame_sender sender,
                             enum csep_transport transport)
{
    struct rd list = rd_vecv(r);
    const struct rd whole = list;
    unsigned num = 0;

    set_defaults(p);
    while (rd_more(&list)) {
        const uint8_t *here = list.p;
        uint64_t id = rd_varint(&list);
        struct rd value = rd_vecv(&list);
        if (list.bad)
            return CSEP_ERR_DECODE;
        if (++num > PARAMS_MAX)
            return CSEP_ERR_OVERSIZE; /* //= DATA-122 */
        if (given_before(whole, here, id))
            return CSEP_ERR_DUPLICATE; /* //= DATA-89 */
        const struct param_rule *rule = find(id, sender);
        if (!rule)
            continue;
        csep_status st = get_value(p, rule, value);
        if (st != CSEP_OK)
            return st;
        p->given |= PARAM_BIT(id);
    }
    uint32_t needed = required(sender, transport);
    if (list.bad)
        return CSEP_ERR_DECODE;
    return (p->given & needed) == needed ? CSEP_OK : CSEP_ERR_MISSING;
}

static void put_value(struct wr *w, const struct frame_params *p, const struct param_rule *rule)
{
    switch (rule->kind) {
    case KIND_VARINT:
        wr_varint(w, varint_len(number_of(p, rule)));
        wr_varint(w, number_of(p, rule));
        break;
    case KIND_U8:
        wr_vecv(w, &p->early, 1);
        break;
    case KIND_NAME:
        wr_vecv(w, p->protocol.p, p->protocol.n);
        break;
    case KIND_TOKEN:
        wr_vecv(w, p->reset_token, CSEP_RESET_TOKEN_LEN);
        break;
    }
}

void frame_put_params(struct wr *w, const struct frame_params *p)
{
    uint8_t list[1024];
    struct wr in = wr_init(list, sizeof list);
    for (size_t i = 0; i < NUM_RULES; i++)
        if (p->given & PARAM_BIT(rules[i].id)) {
            wr_varint(&in, rules[i].id);
            put_value(&in, p, &rules[i]);
        }
    w->bad |= in.bad;
    wr_u8(w, CSEP_FRAME_PARAMS);
    wr_vecv(w, list, in.len);
}
