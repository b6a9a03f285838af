/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/packet.h"

#include <assert.h>
#include <string.h>

#include "crypto/wipe.h"

#define LONG_NUMBER_LEN  4u
#define X25519MLKEM_OPEN 1216u
#define X25519MLKEM_ACC  1120u

/* ---- Pieces that several headers share ---- */

static struct view get_cid(struct rd *r)
{
    struct view v = view_rest(rd_vec8(r));
    if (v.n < CSEP_CID_MIN || v.n > CSEP_CID_MAX)
        r->bad = true;
    return v;
}

/* A group of ours has its own length of share; one that we do not know has any but none. */
static void get_share(struct rd *r, uint16_t *group, struct view *share, size_t hybrid_len)
{
    *group = rd_u16(r);
    *share = view_rest(rd_vec16(r));
    switch (*group) {
    case CSEP_GROUP_NONE:
        r->bad |= share->n != 0;
        break;
    case CSEP_GROUP_X25519:
        r->bad |= share->n != X25519_LEN;
        break;
    case CSEP_GROUP_X25519MLKEM768:
        r->bad |= share->n != hybrid_len;
        break;
    default:
        r->bad |= share->n == 0;
    }
}

/* What every version has in common, up to client_random; false: the rest means something else. */
static bool get_open_middle(struct rd *r, struct open_header *o)
{
    o->transport = rd_u8(r);
    o->service = rd_u8(r);
    o->aead = rd_u16(r);
    o->ticket = view_rest(rd_vec8(r));
    r->bad |= o->ticket.n < CSEP_TICKET_MIN;
    o->client_random = rd_bytes(r, CSEP_RANDOM_LEN);
    if (r->bad || o->version != CSEP_VERSION_1)
        return false;
    get_share(r, &o->group, &o->share, X25519MLKEM_OPEN);
    return true;
}

static void put_open_middle(struct wr *w, const struct open_header *o)
{
    wr_u8(w, o->transport);
    wr_u8(w, o->service);
    wr_u16(w, o->aead);
    wr_vec8(w, o->ticket.p, o->ticket.n);
    wr_bytes(w, o->client_random, CSEP_RANDOM_LEN);
    wr_u16(w, o->group);
    wr_vec16(w, o->share.p, o->share.n);
}

static void get_versions(struct rd *r, struct refuse *out)
{
    out->code = rd_u8(r);
    out->versions = view_rest(*r);
    if (out->code == CSEP_REFUSE_VERSION)
        r->bad |= r->n == 0 || r->n % 4 != 0;
    else
        r->bad |= r->n != 0;
    rd_bytes(r, r->n);
}

static void put_versions(struct wr *w, const struct refuse *r)
{
    wr_u8(w, r->code);
    wr_bytes(w, r->versions.p, r->versions.n);
}

static csep_status form(const struct rd *r)
{
    return r->bad ? CSEP_ERR_DECODE : CSEP_OK;
}

/* ---- Reading UDP ---- */

int packet_type(const uint8_t *p, size_t n)
{
    if (n == 0)
        return -1;
    if ((p[0] & CSEP_SHORT_MASK) == CSEP_PKT_SHORT)
        return CSEP_PKT_SHORT;
    return p[0] >= CSEP_PKT_OPEN && p[0] <= CSEP_PKT_RETRY ? p[0] : -1;
}

static struct rd begin(const uint8_t *p, size_t n, enum csep_packet_type type)
{
    struct rd r = rd_init(p, n);
    r.bad |= rd_u8(&r) != type;
    return r;
}

/* Behind a long header: length, and as many bytes as it says. */
static void get_span(struct rd *r, struct packet_span *span, const uint8_t *p)
{
    size_t n = rd_u16(r);
    span->number = r->bad ? 0 : (size_t)(r->p - p);
    span->end = span->number + n;
    r->bad |= n < LONG_NUMBER_LEN + CSEP_TAG_LEN;
    rd_bytes(r, n);
}

csep_status packet_decode_open(struct open_header *out, struct packet_span *span, const uint8_t *p, size_t n)
{
    struct rd r = begin(p, n, CSEP_PKT_OPEN);
    *out = (struct open_header){.version = rd_u32(&r)};
    out->dcid = get_cid(&r);
    out->scid = get_cid(&r);
    if (!get_open_middle(&r, out))
        return r.bad ? CSEP_ERR_DECODE : CSEP_ERR_VERSION;
    r.bad |= out->transport != CSEP_TRANSPORT_UDP;
    span->header_len = r.bad ? 0 : (size_t)(r.p - p);
    out->token = view_rest(rd_vec8(&r));
    get_span(&r, span, p);
    return form(&r);
}

csep_status packet_decode_accept(struct accept_header *out, struct packet_span *span, const uint8_t *p,
                                 size_t n)
{
    struct rd r = begin(p, n, CSEP_PKT_ACCEPT);
    out->version = rd_u32(&r);
    out->dcid = get_cid(&r);
    out->scid = get_cid(&r);
    out->server_random = rd_bytes(&r, CSEP_RANDOM_LEN);
    get_share(&r, &out->group, &out->share, X25519MLKEM_ACC);
    span->header_len = r.bad ? 0 : (size_t)(r.p - p);
    get_span(&r, span, p);
    return form(&r);
}

csep_status packet_decode_refuse(struct refuse *out, const uint8_t *p, size_t n)
{
    struct rd r = begin(p, n, CSEP_PKT_REFUSE);
    out->version = rd_u32(&r);
    out->dcid = get_cid(&r);
    out->echo = rd_bytes(&r, CSEP_ECHO_LEN);
    get_versions(&r, out);
    return form(&r);
}

csep_status packet_decode_retry(struct retry *out, const uint8_t *p, size_t n)
{
    struct rd r = begin(p, n, CSEP_PKT_RETRY);
    out->version = rd_u32(&r);
    out->dcid = get_cid(&r);
    out->echo = rd_bytes(&r, CSEP_ECHO_LEN);
    out->token = view_rest(rd_vec8(&r));
    r.bad |= out->token.n == 0 || r.n != 0;
    return form(&r);
}

csep_status packet_decode_short(struct view *dcid, struct packet_span *span, const uint8_t *p, size_t n,
                                size_t cid_len)
{
    if (packet_type(p, n) != CSEP_PKT_SHORT || n < 1 + cid_len + LONG_NUMBER_LEN + HP_SAMPLE_LEN)
        return CSEP_ERR_DECODE;
    *dcid = view_of(p + 1, cid_len);
    *span = (struct packet_span){0, 1 + cid_len, n};
    return CSEP_OK;
}

/* ---- Protection ---- */

static bool is_short(uint8_t first)
{
    return (first & CSEP_SHORT_MASK) == CSEP_PKT_SHORT;
}

static unsigned number_len_of(uint8_t first)
{
    return is_short(first) ? (first & CSEP_SHORT_PN_LEN) + 1u : LONG_NUMBER_LEN;
}

const uint8_t *packet_sample(const uint8_t *p, const struct packet_span *span)
{
    return p + span->number + LONG_NUMBER_LEN;
}

struct packet_number packet_unmask(uint8_t *p, const struct packet_span *span, const uint8_t hp[HP_KEY_LEN])
{
    uint8_t mask[HP_MASK_LEN];
    hp_mask(mask, hp, packet_sample(p, span));
    return packet_unmask_by(p, span, mask);
}

struct packet_number packet_unmask_by(uint8_t *p, const struct packet_span *span, uint8_t mask[HP_MASK_LEN])
{
    struct packet_number out = {0};
    CSEP_CT_PUBLIC(mask, HP_MASK_LEN); /* the header is in the clear from here on */
    if (is_short(p[0]))
        p[0] ^= mask[0] & 0x07;
    out.len = number_len_of(p[0]);
    out.key_phase = is_short(p[0]) && (p[0] & CSEP_SHORT_KEY_PHASE);
    for (unsigned i = 0; i < out.len; i++) {
        p[span->number + i] ^= mask[1 + i];
        out.truncated = out.truncated << 8 | p[span->number + i];
    }
    return out;
}

bool packet_open(struct view *out_payload, uint8_t *p, const struct packet_span *span, unsigned number_len,
                 uint64_t number, const struct aead *a)
{
    size_t at = span->number + number_len, n = span->end - at;
    if (!aead_open(a, p + at, p + at, n, p, at, number))
        return false;
    CSEP_CT_PUBLIC(p + at, n); /* frames are read with branches; what they carry is the application's */
    *out_payload = view_of(p + at, n - CSEP_TAG_LEN);
    return true;
}

void packet_seal(struct wr *w, struct packet_span *span, uint64_t number, const struct traffic_keys *k)
{
    uint8_t mask[HP_MASK_LEN];
    packet_encrypt(w, span, number, &k->aead);
    if (w->bad)
        return;
    hp_mask(mask, k->hp, packet_sample(w->p, span));
    packet_mask(w->p, span, mask);
}

void packet_encrypt(struct wr *w, struct packet_span *span, uint64_t number, const struct aead *a)
{
    if (w->bad)
        return;
    uint8_t *p = w->p;
    unsigned number_len = number_len_of(p[0]);
    size_t at = span->number + number_len;
    assert(w->len >= at);
    if (w->len - at < LONG_NUMBER_LEN - number_len)
        wr_zero(w, LONG_NUMBER_LEN - number_len - (w->len - at));
    size_t n = w->len - at;
    wr_room(w, CSEP_TAG_LEN);
    if (!is_short(p[0]))
        wr_close(w, span->number, 2);
    if (w->bad)
        return;
    for (unsigned i = 0; i < number_len; i++)
        p[span->number + i] = (uint8_t)(number >> (8 * (number_len - 1 - i)));
    aead_seal(a, p + at, p + at, n, p, at, number);
    CSEP_CT_PUBLIC(p, w->len);
    span->end = w->len;
}

void packet_mask(uint8_t *p, const struct packet_span *span, const uint8_t mask[HP_MASK_LEN])
{
    unsigned number_len = number_len_of(p[0]);
    if (is_short(p[0]))
        p[0] ^= mask[0] & 0x07;
    for (unsigned i = 0; i < number_len; i++)
        p[span->number + i] ^= mask[1 + i];
    CSEP_CT_PUBLIC(p, span->end);
}

/* ---- Writing UDP ---- */

static void put_span(struct wr *w, struct packet_span *span)
{
    span->number = wr_open(w, 2);
    wr_zero(w, LONG_NUMBER_LEN);
}

void packet_put_open(struct wr *w, struct packet_span *span, const struct open_header *h)
{
    wr_u8(w, CSEP_PKT_OPEN);
    wr_u32(w, h->version);
    wr_vec8(w, h->dcid.p, h->dcid.n);
    wr_vec8(w, h->scid.p, h->scid.n);
    put_open_middle(w, h);
    span->header_len = w->len;
    wr_vec8(w, h->token.p, h->token.n);
    put_span(w, span);
}

void packet_put_accept(struct wr *w, struct packet_span *span, const struct accept_header *h)
{
    wr_u8(w, CSEP_PKT_ACCEPT);
    wr_u32(w, h->version);
    wr_vec8(w, h->dcid.p, h->dcid.n);
    wr_vec8(w, h->scid.p, h->scid.n);
    wr_bytes(w, h->server_random, CSEP_RANDOM_LEN);
    wr_u16(w, h->group);
    wr_vec16(w, h->share.p, h->share.n);
    span->header_len = w->len;
    put_span(w, span);
}

void packet_put_refuse(struct wr *w, const struct refuse *r)
{
    wr_u8(w, CSEP_PKT_REFUSE);
    wr_u32(w, r->version);
    wr_vec8(w, r->dcid.p, r->dcid.n);
    wr_bytes(w, r->echo, CSEP_ECHO_LEN);
    put_versions(w, r);
}

void packet_put_retry(struct wr *w, const struct retry *r)
{
    wr_u8(w, CSEP_PKT_RETRY);
    wr_u32(w, r->version);
    wr_vec8(w, r->dcid.p, r->dcid.n);
    wr_bytes(w, r->echo, CSEP_ECHO_LEN);
    wr_vec8(w, r->token.p, r->token.n);
}

void packet_put_short(struct wr *w, struct packet_span *span, struct view dcid, bool key_phase,
                      unsigned number_len)
{
    assert(number_len >= 1 && number_len <= 4);
    wr_u8(w, CSEP_PKT_SHORT | (key_phase ? CSEP_SHORT_KEY_PHASE : 0) | (number_len - 1));
    wr_bytes(w, dcid.p, dcid.n);
    *span = (struct packet_span){0, w->len, 0};
    wr_zero(w, number_len);
}

/* //= DATA-80 */
size_t packet_put_reset(uint8_t *out, size_t cap, size_t trigger, const uint8_t noise[CSEP_RESET_MAX],
                        const uint8_t token[CSEP_RESET_TOKEN_LEN])
{
    const size_t least = 1 + 20 + CSEP_RESET_TOKEN_LEN;
    size_t n = trigger > CSEP_RESET_MAX ? CSEP_RESET_MAX : trigger ? trigger - 1 : 0;
    if (n < least || n > cap)
        return 0;
    memcpy(out, noise, n - CSEP_RESET_TOKEN_LEN);
    out[0] = (uint8_t)(CSEP_PKT_SHORT | (noise[0] & 0x07));
    memcpy(out + n - CSEP_RESET_TOKEN_LEN, token, CSEP_RESET_TOKEN_LEN);
    return n;
}

bool packet_is_reset(const uint8_t *p, size_t n, const uint8_t token[CSEP_RESET_TOKEN_LEN])
{
    return n >= 1 + 20 + CSEP_RESET_TOKEN_LEN &&
           csep_equal(p + n - CSEP_RESET_TOKEN_LEN, token, CSEP_RESET_TOKEN_LEN);
}

/* ---- Packet numbers ---- */

unsigned packet_number_len(uint64_t number, uint64_t acked)
{
    /* The range must hold twice the distance, so that the receiver's nearest candidate is the right one. */
    uint64_t distance = number - acked + 1;
    return distance <= 0x80 ? 1 : distance <= 0x8000 ? 2 : distance <= 0x800000 ? 3 : 4;
}

uint64_t packet_number_recover(uint64_t expected, uint32_t truncated, unsigned len)
{
    uint64_t window = UINT64_C(1) << (8 * len), half = window / 2;
    uint64_t candidate = (expected & ~(window - 1)) | truncated;
    if (candidate + half <= expected && candidate < (UINT64_C(1) << 62) - window)
        return candidate + window;
    if (candidate > expected + half && candidate >= window)
        return candidate - window;
    return candidate;
}

/* ---- TCP ---- */

size_t unit_len(const uint8_t *unit, size_t n)
{
    return n < UNIT_LENGTH ? 0 : UNIT_LENGTH + ((size_t)unit[0] << 8 | unit[1]);
}

static struct rd unit_begin(const uint8_t *unit, size_t n, enum csep_packet_type type)
{
    if (n < UNIT_LENGTH || unit_len(unit, n) != n)
        return (struct rd){unit, 0, true};
    return begin(unit + UNIT_LENGTH, n - UNIT_LENGTH, type);
}

/* Behind the header: a payload with its tag. */
static csep_status unit_form(const struct rd *r, size_t *header_len, const uint8_t *unit)
{
    if (r->bad || r->n < CSEP_TAG_LEN)
        return CSEP_ERR_DECODE;
    *header_len = (size_t)(r->p - unit) - UNIT_LENGTH;
    return CSEP_OK;
}

csep_status unit_decode_open(struct open_header *out, size_t *header_len, const uint8_t *unit, size_t n)
{
    struct rd r = unit_begin(unit, n, CSEP_PKT_OPEN);
    *out = (struct open_header){.version = rd_u32(&r)};
    if (!get_open_middle(&r, out))
        return r.bad ? CSEP_ERR_DECODE : CSEP_ERR_VERSION;
    return unit_form(&r, header_len, unit);
}

csep_status unit_decode_accept(struct accept_header *out, size_t *header_len, const uint8_t *unit, size_t n)
{
    struct rd r = unit_begin(unit, n, CSEP_PKT_ACCEPT);
    *out = (struct accept_header){.version = rd_u32(&r)};
    out->server_random = rd_bytes(&r, CSEP_RANDOM_LEN);
    get_share(&r, &out->group, &out->share, X25519MLKEM_ACC);
    return unit_form(&r, header_len, unit);
}

csep_status unit_decode_refuse(struct refuse *out, const uint8_t *unit, size_t n)
{
    struct rd r = unit_begin(unit, n, CSEP_PKT_REFUSE);
    *out = (struct refuse){.version = rd_u32(&r)};
    out->echo = rd_bytes(&r, CSEP_ECHO_LEN);
    get_versions(&r, out);
    return form(&r);
}

size_t unit_put_open(struct wr *w, const struct open_header *h)
{
    size_t start = wr_open(w, UNIT_LENGTH);
    wr_u8(w, CSEP_PKT_OPEN);
    wr_u32(w, h->version);
    put_open_middle(w, h);
    return w->len - start;
}

size_t unit_put_accept(struct wr *w, const struct accept_header *h)
{
    size_t start = wr_open(w, UNIT_LENGTH);
    wr_u8(w, CSEP_PKT_ACCEPT);
    wr_u32(w, h->version);
    wr_bytes(w, h->server_random, CSEP_RANDOM_LEN);
    wr_u16(w, h->group);
    wr_vec16(w, h->share.p, h->share.n);
    return w->len - start;
}

size_t unit_put_record(struct wr *w)
{
    wr_open(w, UNIT_LENGTH);
    return 0;
}

void unit_put_refuse(struct wr *w, const struct refuse *r)
{
    size_t mark = wr_open(w, UNIT_LENGTH);
    wr_u8(w, CSEP_PKT_REFUSE);
    wr_u32(w, r->version);
    wr_bytes(w, r->echo, CSEP_ECHO_LEN);
    put_versions(w, r);
    wr_close(w, mark, UNIT_LENGTH);
}

void unit_seal(struct wr *w, size_t start, size_t header_len, uint64_t number, const struct aead *a)
{
    if (w->bad)
        return;
    size_t aad_len = UNIT_LENGTH + header_len, n = w->len - start - aad_len;
    wr_room(w, CSEP_TAG_LEN);
    wr_close(w, start + UNIT_LENGTH, UNIT_LENGTH);
    if (w->bad)
        return;
    uint8_t *unit = w->p + start;
    aead_seal(a, unit + aad_len, unit + aad_len, n, unit, aad_len, number);
    CSEP_CT_PUBLIC(unit, w->len - start);
}

bool unit_open(struct view *out_payload, uint8_t *unit, size_t n, size_t header_len, uint64_t number,
               const struct aead *a)
{
    size_t aad_len = UNIT_LENGTH + header_len;
    assert(n >= aad_len + CSEP_TAG_LEN);
    uint8_t *p = unit + aad_len;
    if (!aead_open(a, p, p, n - aad_len, unit, aad_len, number))
        return false;
    CSEP_CT_PUBLIC(p, n - aad_len);
    *out_payload = view_of(p, n - aad_len - CSEP_TAG_LEN);
    return true;
}
