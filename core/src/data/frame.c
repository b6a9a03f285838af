/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/frame.h"

#include <assert.h>
#include <string.h>

#define CHANNEL_MAX    65535u
#define CLOSE_TEXT_MAX 255u

/* ---- The table ---- */

static const struct frame_rule {
    const char *name;
    uint8_t udp, tcp, places, services, ack_eliciting;
    enum frame_position position;
} rules[] = {
#define ROW(id, udp, tcp, places, services, eliciting, position)                                             \
    [CSEP_FRAME_##id] = {#id, udp, tcp, places, services, eliciting, position},
    FRAME_LIST(ROW)
#undef ROW
};

static bool known(uint8_t type)
{
    return type < sizeof rules / sizeof rules[0] && rules[type].name != NULL;
}

csep_status frame_allowed(uint8_t type, const struct frame_where *where)
{
    if (!known(type))
        return CSEP_ERR_DECODE; /* //= DATA-84 */
    const struct frame_rule *rule = &rules[type];
    uint8_t senders = where->transport == CSEP_TRANSPORT_UDP ? rule->udp : rule->tcp;
    if (!(senders & where->sender) || !(rule->places & where->place))
        return CSEP_ERR_UNEXPECTED; /* //= DATA-85 */
    if (!(rule->services & FV(where->service)))
        return CSEP_ERR_SERVICE; /* //= DATA-62 */
    return CSEP_OK;
}

bool frame_ack_eliciting(uint8_t type)
{
    return known(type) && rules[type].ack_eliciting;
}

const char *frame_name(uint8_t type)
{
    return known(type) ? rules[type].name : "unknown";
}

/* ---- Reading ---- */

static struct view get_vecv(struct rd *r)
{
    return view_rest(rd_vecv(r));
}

static csep_status get_padding(struct rd *r, struct frame *f)
{
    f->u.padding = 1;
    while (r->n && *r->p == CSEP_FRAME_PADDING) {
        f->u.padding++;
        rd_u8(r);
    }
    return CSEP_OK;
}

/* //= DATA-102 */
static csep_status get_ack(struct rd *r, struct frame *f)
{
    struct frame_ack *a = &f->u.ack;
    a->largest = rd_varint(r);
    a->delay_us = rd_varint(r);
    a->count = rd_varint(r);
    a->first = rd_varint(r);
    if (r->bad || a->first > a->largest)
        return CSEP_ERR_DECODE;
    uint64_t low = a->largest - a->first;
    const uint8_t *from = r->p;
    for (uint64_t i = 0; i < a->count; i++) {
        uint64_t gap = rd_varint(r), len = rd_varint(r);
        if (r->bad || gap + 2 > low || len > low - gap - 2)
            return CSEP_ERR_DECODE;
        low -= gap + 2 + len;
    }
    a->ranges = view_of(from, (size_t)(r->p - from));
    return CSEP_OK;
}

static csep_status get_message(struct rd *r, struct frame *f)
{
    struct frame_message *m = &f->u.message;
    m->flags = rd_u8(r);
    m->channel = rd_varint(r);
    m->sequence = rd_varint(r);
    m->offset = rd_varint(r);
    m->data = get_vecv(r);
    if (m->flags & ~(CSEP_MESSAGE_FIN | CSEP_MESSAGE_ORDERED) || m->channel > CHANNEL_MAX)
        return CSEP_ERR_DECODE; /* //= DATA-86 */
    return m->data.n > VARINT_MAX - m->offset ? CSEP_ERR_DECODE : CSEP_OK;
}

static csep_status get_skip(struct rd *r, struct frame *f)
{
    struct frame_skip *s = &f->u.skip;
    s->flags = rd_u8(r);
    s->channel = rd_varint(r);
    s->sequence = rd_varint(r);
    s->size = rd_varint(r);
    /* FIN belongs to MESSAGE alone. //= DATA-86 */
    return s->flags & ~CSEP_MESSAGE_ORDERED || s->channel > CHANNEL_MAX ? CSEP_ERR_DECODE : CSEP_OK;
}

/* //= DATA-102 */
static csep_status get_tickets(struct rd *r, struct frame *f)
{
    struct rd list = rd_vecv(r);
    f->u.tickets = view_rest(list);
    while (rd_more(&list))
        if (rd_vec8(&list).n < CSEP_TICKET_MIN)
            return CSEP_ERR_DECODE;
    return list.bad ? CSEP_ERR_DECODE : CSEP_OK;
}

/* //= DATA-102 */
static csep_status get_new_cid(struct rd *r, struct frame *f)
{
    struct frame_new_cid *c = &f->u.new_cid;
    c->sequence = rd_varint(r);
    c->retire = rd_varint(r);
    c->id = view_rest(rd_vec8(r));
    c->reset_token = rd_bytes(r, CSEP_RESET_TOKEN_LEN);
    bool bad = c->id.n < CSEP_CID_MIN || c->id.n > CSEP_CID_MAX || c->retire > c->sequence;
    return bad ? CSEP_ERR_DECODE : CSEP_OK;
}

/* //= DATA-102 */
static csep_status get_close(struct rd *r, struct frame *f)
{
    f->u.close.code = rd_varint(r);
    f->u.close.text = get_vecv(r);
    return f->u.close.text.n > CLOSE_TEXT_MAX ? CSEP_ERR_DECODE : CSEP_OK;
}

static csep_status get_body(struct frames *it, struct frame *f)
{
    struct rd *r = &it->r;
    switch (f->type) {
    case CSEP_FRAME_PADDING:
        return get_padding(r, f);
    case CSEP_FRAME_ACK:
    case CSEP_FRAME_ACK_EARLY:
        return get_ack(r, f);
    case CSEP_FRAME_PARAMS:
        return frame_get_params(r, &f->u.params, it->where.sender, it->where.transport);
    case CSEP_FRAME_DATAGRAM:
    case CSEP_FRAME_STREAM:
        f->u.data = get_vecv(r);
        break;
    case CSEP_FRAME_MESSAGE:
        return get_message(r, f);
    case CSEP_FRAME_SKIP:
        return get_skip(r, f);
    case CSEP_FRAME_MAX_DATA:
    case CSEP_FRAME_BLOCKED:
        f->u.bytes = rd_varint(r);
        break;
    case CSEP_FRAME_TICKETS:
        return get_tickets(r, f);
    case CSEP_FRAME_HINT:
        f->u.hint.code = rd_varint(r);
        f->u.hint.seconds = rd_varint(r);
        break;
    case CSEP_FRAME_NEW_CID:
        return get_new_cid(r, f);
    case CSEP_FRAME_RETIRE_CID:
        f->u.sequence = rd_varint(r);
        break;
    case CSEP_FRAME_PATH_CHALLENGE:
    case CSEP_FRAME_PATH_RESPONSE:
        f->u.path = rd_bytes(r, 8);
        break;
    case CSEP_FRAME_CLOSE:
        return get_close(r, f);
    default: /* PING, END_EARLY, KEY_UPDATE: a type alone */
        break;
    }
    return CSEP_OK;
}

/* Rules about the place in the payload: PARAMS opens the payload of OPEN and ACCEPT, and nothing follows a
 * last frame. */
static csep_status check_position(const struct frames *it, uint8_t type, bool first)
{
    bool opening = it->where.place & (PLACE_OPEN | PLACE_ACCEPT);
    if (first && opening && type != CSEP_FRAME_PARAMS)
        return CSEP_ERR_MISSING; /* //= DATA-90 */
    if (!first && rules[type].position == FRAME_FIRST)
        return CSEP_ERR_UNEXPECTED;
    return CSEP_OK;
}

void frames_init(struct frames *it, struct view payload, const struct frame_where *where)
{
    *it = (struct frames){.r = rd_init(payload.p, payload.n), .where = *where};
}

static csep_status next_frame(struct frames *it, struct frame *out)
{
    bool first = !it->started;
    if (it->r.n == 0)
        return first ? CSEP_ERR_DECODE : CSEP_AGAIN; /* //= DATA-11 */
    it->started = true;
    memset(out, 0, sizeof *out);
    out->type = rd_u8(&it->r);
    csep_status st = frame_allowed(out->type, &it->where);
    if (st == CSEP_OK)
        st = check_position(it, out->type, first);
    if (st != CSEP_OK)
        return st;
    st = get_body(it, out);
    if (it->r.bad)
        return CSEP_ERR_DECODE;
    if (st == CSEP_OK && rules[out->type].position == FRAME_LAST && it->r.n != 0)
        return out->type == CSEP_FRAME_KEY_UPDATE ? CSEP_ERR_KEY_UPDATE
                                                  : CSEP_ERR_UNEXPECTED; /* //= DATA-121 */
    return st;
}

csep_status frames_next(struct frames *it, struct frame *out)
{
    if (it->status == CSEP_OK) {
        csep_status st = next_frame(it, out);
        if (st == CSEP_OK)
            return st;
        it->status = st;
    }
    return it->status;
}

csep_status frames_check(struct view payload, const struct frame_where *where)
{
    struct frames it;
    struct frame f;
    csep_status st;
    frames_init(&it, payload, where);
    while ((st = frames_next(&it, &f)) == CSEP_OK)
        ;
    return st == CSEP_AGAIN ? CSEP_OK : st;
}

void frame_ack_ranges(struct ack_ranges *it, const struct frame_ack *ack)
{
    *it = (struct ack_ranges){.r = rd_init(ack->ranges.p, ack->ranges.n),
                              .left = ack->count,
                              .range = {ack->largest - ack->first, ack->largest}};
}

bool frame_ack_next(struct ack_ranges *it, struct ack_range *out)
{
    if (it->begun) {
        if (it->left == 0)
            return false;
        it->left--;
        uint64_t gap = rd_varint(&it->r), len = rd_varint(&it->r);
        it->range.high = it->range.low - gap - 2;
        it->range.low = it->range.high - len;
    }
    it->begun = true;
    *out = it->range;
    return true;
}

/* ---- Writing ---- */

void frame_put_type(struct wr *w, enum csep_frame_type type)
{
    wr_u8(w, type);
}

void frame_put_data(struct wr *w, enum csep_frame_type type, const uint8_t *p, size_t n)
{
    wr_u8(w, type);
    wr_vecv(w, p, n);
}

void frame_put_message(struct wr *w, const struct frame_message *m)
{
    wr_u8(w, CSEP_FRAME_MESSAGE);
    wr_u8(w, m->flags);
    wr_varint(w, m->channel);
    wr_varint(w, m->sequence);
    wr_varint(w, m->offset);
    wr_vecv(w, m->data.p, m->data.n);
}

void frame_put_ack(struct wr *w, enum csep_frame_type type, uint64_t delay_us, const struct ack_range *ranges,
                   size_t num)
{
    assert(num >= 1);
    if (num > ACK_RANGES_MAX)
        num = ACK_RANGES_MAX; /* //= DATA-59 */
    wr_u8(w, type);
    wr_varint(w, ranges[0].high);
    wr_varint(w, delay_us);
    wr_varint(w, num - 1);
    wr_varint(w, ranges[0].high - ranges[0].low);
    for (size_t i = 1; i < num; i++) {
        assert(ranges[i].high + 2 <= ranges[i - 1].low);
        wr_varint(w, ranges[i - 1].low - ranges[i].high - 2);
        wr_varint(w, ranges[i].high - ranges[i].low);
    }
}

void frame_put_close(struct wr *w, uint64_t code, const char *text)
{
    size_t n = text ? strlen(text) : 0;
    wr_u8(w, CSEP_FRAME_CLOSE);
    wr_varint(w, code);
    wr_vecv(w, text, n > CLOSE_TEXT_MAX ? CLOSE_TEXT_MAX : n);
}

static void put_skip(struct wr *w, const struct frame_skip *s)
{
    wr_u8(w, s->flags);
    wr_varint(w, s->channel);
    wr_varint(w, s->sequence);
    wr_varint(w, s->size);
}

static void put_new_cid(struct wr *w, const struct frame_new_cid *c)
{
    wr_varint(w, c->sequence);
    wr_varint(w, c->retire);
    wr_vec8(w, c->id.p, c->id.n);
    wr_bytes(w, c->reset_token, CSEP_RESET_TOKEN_LEN);
}

void frame_put(struct wr *w, const struct frame *f)
{
    assert(known(f->type) && f->type != CSEP_FRAME_ACK && f->type != CSEP_FRAME_ACK_EARLY);
    switch (f->type) {
    case CSEP_FRAME_PADDING:
        wr_zero(w, f->u.padding);
        return;
    case CSEP_FRAME_PARAMS:
        frame_put_params(w, &f->u.params);
        return;
    case CSEP_FRAME_MESSAGE:
        frame_put_message(w, &f->u.message);
        return;
    default:
        wr_u8(w, f->type);
    }
    switch (f->type) {
    case CSEP_FRAME_DATAGRAM:
    case CSEP_FRAME_STREAM:
        wr_vecv(w, f->u.data.p, f->u.data.n);
        break;
    case CSEP_FRAME_SKIP:
        put_skip(w, &f->u.skip);
        break;
    case CSEP_FRAME_MAX_DATA:
    case CSEP_FRAME_BLOCKED:
        wr_varint(w, f->u.bytes);
        break;
    case CSEP_FRAME_TICKETS:
        wr_vecv(w, f->u.tickets.p, f->u.tickets.n);
        break;
    case CSEP_FRAME_HINT:
        wr_varint(w, f->u.hint.code);
        wr_varint(w, f->u.hint.seconds);
        break;
    case CSEP_FRAME_NEW_CID:
        put_new_cid(w, &f->u.new_cid);
        break;
    case CSEP_FRAME_RETIRE_CID:
        wr_varint(w, f->u.sequence);
        break;
    case CSEP_FRAME_PATH_CHALLENGE:
    case CSEP_FRAME_PATH_RESPONSE:
        wr_bytes(w, f->u.path, 8);
        break;
    case CSEP_FRAME_CLOSE:
        wr_varint(w, f->u.close.code);
        wr_vecv(w, f->u.close.text.p, f->u.close.text.n);
        break;
    default:
        break;
    }
}

size_t frame_vec_fit(size_t room)
{
    if (room == 0)
        return 0;
    size_t n = room - 1;
    while (varint_len(n) + n > room)
        n--;
    return n;
}

size_t frame_message_head(uint64_t channel, uint64_t sequence, uint64_t offset)
{
    return 2 + varint_len(channel) + varint_len(sequence) + varint_len(offset);
}

#define CODE_APPLICATION 0x100u

csep_status frame_close_status(uint64_t code)
{
    if (code == 0 || code >= CODE_APPLICATION)
        return CSEP_OK;
    for (unsigned s = CSEP_ERR_INTERNAL; s < CSEP_STATUS_COUNT; s++)
        if (csep_status_wire((csep_status)s) == code)
            return (csep_status)s;
    return CSEP_ERR_INTERNAL; /* //= API-1 */
}
