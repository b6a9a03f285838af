/* SPDX-License-Identifier: BSD-2-Clause */
/* Form A of the crypto-transport interface: csep's units, sealed and opened in place for another transport.
 */
#include <assert.h>
#include <string.h>

#include "crypto/wipe.h"
#include "csep/export.h"
#include "data/packet.h"

#define NUMBER_LEN 4u

struct csep_engine {
    struct traffic_keys keys;
    struct traffic_secret secret;
    enum csep_engine_format format;
    uint8_t head; /* bytes before the payload */
    uint8_t dcid[CSEP_CID_MAX];
    bool key_phase, failed;
    unsigned generation;
    uint64_t number; /* of the next unit; receiving packets: above the highest opened */
    uint64_t sealed; /* under this key */
    struct key_limits limits;
    struct csep_usage usage;
};

/* ---- Keys ---- */

static void fill_keys(struct csep_keys *k)
{
    struct traffic_secret secret;
    struct aead a;
    memcpy(secret.s.b, k->secret, sizeof secret.s.b);
    schedule_aead(&a, &secret, k->aead);
    memcpy(k->key, a.key, sizeof k->key);
    memcpy(k->iv, a.iv, sizeof k->iv);
    CSEP_WIPE(a);
    CSEP_WIPE(secret);
}

csep_status csep_keys_derive(struct csep_keys *k, const uint8_t secret[32], uint16_t aead)
{
    struct traffic_secret s;
    struct traffic_keys keys;
    if (!aead_supported(aead))
        return CSEP_ERR_UNSUPPORTED;
    *k = (struct csep_keys){.aead = aead};
    memcpy(k->secret, secret, sizeof k->secret);
    memcpy(s.s.b, secret, sizeof s.s.b);
    schedule_keys(&keys, &s, aead);
    memcpy(k->key, keys.aead.key, sizeof k->key);
    memcpy(k->iv, keys.aead.iv, sizeof k->iv);
    memcpy(k->hp, keys.hp, sizeof k->hp);
    CSEP_WIPE(keys);
    CSEP_WIPE(s);
    return CSEP_OK;
}

void csep_keys_update(struct csep_keys *k, bool restart_numbers)
{
    struct traffic_secret s;
    memcpy(s.s.b, k->secret, sizeof s.s.b);
    schedule_next(&s, &s);
    memcpy(k->secret, s.s.b, sizeof k->secret);
    CSEP_WIPE(s);
    fill_keys(k);
    k->generation++;
    if (restart_numbers)
        k->number = 0;
}

void csep_keys_wipe(struct csep_keys *k)
{
    CSEP_WIPE(*k);
}

/* ---- The engine ---- */

size_t csep_engine_size(void)
{
    return sizeof(struct csep_engine);
}

csep_status csep_engine_init(struct csep_engine *e, enum csep_engine_format format,
                             const struct csep_keys *keys, const uint8_t *dcid, size_t dcid_len)
{
    assert(dcid_len <= CSEP_CID_MAX && (format == CSEP_ENGINE_PACKET || dcid_len == 0));
    if (!aead_supported(keys->aead))
        return CSEP_ERR_UNSUPPORTED;
    memset(e, 0, sizeof *e);
    e->format = format;
    e->head = format == CSEP_ENGINE_RECORD ? UNIT_LENGTH : (uint8_t)(1 + dcid_len + NUMBER_LEN);
    if (dcid_len)
        memcpy(e->dcid, dcid, dcid_len);
    aead_init(&e->keys.aead, keys->aead, keys->key, keys->iv);
    memcpy(e->keys.hp, keys->hp, sizeof e->keys.hp);
    memcpy(e->secret.s.b, keys->secret, sizeof e->secret.s.b);
    e->generation = keys->generation;
    e->key_phase = keys->generation & 1;
    e->number = keys->number;
    e->limits = schedule_limits(keys->aead);
    return CSEP_OK;
}

void csep_engine_wipe(struct csep_engine *e)
{
    CSEP_WIPE(*e);
}

size_t csep_engine_head(const struct csep_engine *e)
{
    return e->head;
}

size_t csep_engine_tail(const struct csep_engine *e)
{
    (void)e;
    return CSEP_TAG_LEN; //= API-3
}

bool csep_engine_update_due(const struct csep_engine *e)
{
    return e->sealed >= e->limits.update; //= KEY-6
}

void csep_engine_update(struct csep_engine *e)
{
    schedule_next(&e->secret, &e->secret);
    schedule_aead(&e->keys.aead, &e->secret, e->keys.aead.id);
    e->generation++;
    e->key_phase = !e->key_phase;
    e->sealed = 0;
    if (e->format == CSEP_ENGINE_RECORD)
        e->number = 0;
}

struct csep_usage csep_engine_take_usage(struct csep_engine *e)
{
    struct csep_usage u = e->usage;
    e->usage = (struct csep_usage){0};
    return u;
}

static void count(struct csep_engine *e, size_t payload_len)
{
    e->usage.packets++;
    e->usage.bytes += payload_len;
}

/* ---- Sealing ---- */

static csep_status may_seal(const struct csep_engine *e, size_t len)
{
    size_t most = e->format == CSEP_ENGINE_RECORD ? CSEP_RECORD_MAX - CSEP_TAG_LEN : 65527u;
    if (len == 0 || len > most)
        return CSEP_ERR_OVERSIZE;
    return e->sealed >= e->limits.stop || e->number > VARINT_MAX ? CSEP_ERR_AEAD_LIMIT : CSEP_OK; //= KEY-6
}

static void seal_record(struct csep_engine *e, struct csep_unit *u)
{
    size_t n = u->len + CSEP_TAG_LEN;
    u->bytes[0] = (uint8_t)(n >> 8);
    u->bytes[1] = (uint8_t)n;
    uint8_t *payload = u->bytes + UNIT_LENGTH;
    aead_seal(&e->keys.aead, payload, payload, u->len, u->bytes, UNIT_LENGTH, u->number);
    CSEP_CT_PUBLIC(payload, n);
    u->len = UNIT_LENGTH + n;
}

static void encrypt_packet(struct csep_engine *e, struct csep_unit *u, struct packet_span *span)
{
    size_t cid_len = (size_t)e->head - 1 - NUMBER_LEN;
    struct wr w = wr_init(u->bytes, e->head + u->len + CSEP_TAG_LEN);
    packet_put_short(&w, span, view_of(e->dcid, cid_len), e->key_phase, NUMBER_LEN);
    wr_room(&w, u->len); /* the payload is there already */
    packet_encrypt(&w, span, u->number, &e->keys.aead);
    u->len = w.len;
}

/* Some of a batch, whose header masks are computed together. */
#define TOGETHER 16u

struct group {
    struct packet_span span[TOGETHER];
    const uint8_t *sample[TOGETHER];
    struct hp_mask mask[TOGETHER];
    struct csep_unit *unit[TOGETHER];
    size_t num;
};

static void mask_group(struct csep_engine *e, struct group *g)
{
    hp_masks(g->mask, e->keys.hp, g->sample, g->num);
    for (size_t i = 0; i < g->num; i++)
        packet_mask(g->unit[i]->bytes, &g->span[i], g->mask[i].b);
    g->num = 0;
}

static void seal_unit(struct csep_engine *e, struct csep_unit *u, struct group *g)
{
    u->number = e->number++; //= KEY-5
    e->sealed++;
    count(e, u->len);
    if (e->format == CSEP_ENGINE_RECORD) {
        seal_record(e, u);
        return;
    }
    encrypt_packet(e, u, &g->span[g->num]);
    g->unit[g->num] = u;
    g->sample[g->num] = packet_sample(u->bytes, &g->span[g->num]);
    if (++g->num == TOGETHER)
        mask_group(e, g);
}

size_t csep_engine_seal_batch(struct csep_engine *e, struct csep_unit *units, size_t num)
{
    struct group g;
    size_t i = 0;
    g.num = 0;
    for (; i < num; i++) {
        units[i].status = may_seal(e, units[i].len);
        if (units[i].status != CSEP_OK)
            break;
        seal_unit(e, &units[i], &g);
    }
    mask_group(e, &g);
    return i;
}

csep_status csep_engine_seal(struct csep_engine *e, uint8_t *bytes, size_t len, struct csep_unit *out)
{
    *out = (struct csep_unit){.bytes = bytes, .len = len};
    csep_engine_seal_batch(e, out, 1);
    return out->status;
}

/* ---- Opening ---- */

static csep_status open_record(struct csep_engine *e, struct csep_unit *u, struct view *payload)
{
    if (unit_len(u->bytes, u->len) != u->len || u->len <= UNIT_LENGTH + CSEP_TAG_LEN ||
        u->len > UNIT_LENGTH + CSEP_RECORD_MAX)
        return CSEP_ERR_DECODE;
    u->number = e->number;
    if (!unit_open(payload, u->bytes, u->len, 0, e->number, &e->keys.aead))
        return CSEP_ERR_PROTECTION;
    e->number++;
    return CSEP_OK;
}

/* Is it a packet of this engine, as far as can be seen from outside? */
static csep_status look_at_packet(const struct csep_engine *e, const struct csep_unit *u,
                                  struct packet_span *span)
{
    struct view dcid;
    size_t cid_len = (size_t)e->head - 1 - NUMBER_LEN;
    if (packet_decode_short(&dcid, span, u->bytes, u->len, cid_len) != CSEP_OK ||
        (cid_len && memcmp(dcid.p, e->dcid, cid_len) != 0))
        return CSEP_ERR_DECODE;
    return CSEP_OK;
}

static csep_status open_packet(struct csep_engine *e, struct csep_unit *u, const struct packet_span *span,
                               struct hp_mask *mask, struct view *payload)
{
    struct packet_number n = packet_unmask_by(u->bytes, span, mask->b);
    u->number = packet_number_recover(e->number, n.truncated, n.len);
    /* The payload would not stand at `head` behind a shorter number, and the phase tells another key. */
    if (n.len != NUMBER_LEN || n.key_phase != e->key_phase ||
        !packet_open(payload, u->bytes, span, n.len, u->number, &e->keys.aead))
        return CSEP_ERR_PROTECTION;
    if (u->number >= e->number)
        e->number = u->number + 1;
    return CSEP_OK;
}

static void opened(struct csep_engine *e, struct csep_unit *u, csep_status status, const struct view *payload)
{
    u->status = status;
    if (status == CSEP_OK) {
        count(e, payload->n);
        u->len = payload->n;
    }
    e->usage.forgeries += status == CSEP_ERR_PROTECTION; //= DATA-4
}

static void open_unit_of_stream(struct csep_engine *e, struct csep_unit *u)
{
    struct view payload = {NULL, 0};
    if (e->failed) {
        u->status = CSEP_ERR_PROTECTION;
        return;
    }
    opened(e, u, open_record(e, u, &payload), &payload);
    e->failed = u->status != CSEP_OK; //= DATA-95
}

static void open_group(struct csep_engine *e, struct group *g)
{
    hp_masks(g->mask, e->keys.hp, g->sample, g->num);
    for (size_t i = 0; i < g->num; i++) {
        struct view payload = {NULL, 0};
        opened(e, g->unit[i], open_packet(e, g->unit[i], &g->span[i], &g->mask[i], &payload), &payload);
    }
    g->num = 0;
}

static void open_packets(struct csep_engine *e, struct csep_unit *units, size_t num)
{
    struct group g;
    g.num = 0;
    for (size_t i = 0; i < num; i++) {
        units[i].status = look_at_packet(e, &units[i], &g.span[g.num]);
        if (units[i].status != CSEP_OK)
            continue;
        g.unit[g.num] = &units[i];
        g.sample[g.num] = packet_sample(units[i].bytes, &g.span[g.num]);
        if (++g.num == TOGETHER)
            open_group(e, &g);
    }
    open_group(e, &g);
}

size_t csep_engine_open_batch(struct csep_engine *e, struct csep_unit *units, size_t num)
{
    size_t good = 0;
    if (e->format == CSEP_ENGINE_PACKET)
        open_packets(e, units, num);
    else
        for (size_t i = 0; i < num; i++)
            open_unit_of_stream(e, &units[i]);
    for (size_t i = 0; i < num; i++)
        good += units[i].status == CSEP_OK;
    return good;
}

csep_status csep_engine_open(struct csep_engine *e, uint8_t *bytes, size_t len, struct csep_unit *out)
{
    *out = (struct csep_unit){.bytes = bytes, .len = len};
    csep_engine_open_batch(e, out, 1);
    return out->status;
}
