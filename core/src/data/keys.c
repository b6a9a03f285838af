/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys of the data space: their phases (spec section 6.7) and the limits of their use (5.2). */
#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"
#include "data/conn.h"

#define UPDATE_AFTER CSEP_SEC(3600)

void keys_log(struct csep_data *c, const char *label, const struct traffic_secret *s)
{
    const struct csep_keylog *k = &c->cfg.keylog;
    if (k->line) //= API-2
        k->line(k->self, label, c->opening->client_random, s->s.b, sizeof s->s.b);
}

void keys_start(struct csep_data *c, const struct x25519_shared *shared, const struct hash *headers)
{
    struct phase_keys *k = &c->keys;
    struct main_secrets main;
    schedule_main(&main, &c->opening->derived, shared, headers);
    k->send_secret = c->acceptor ? main.s_data : main.c_data;
    k->recv_secret = c->acceptor ? main.c_data : main.s_data;
    schedule_keys(&k->send, &k->send_secret, k->aead);
    schedule_keys(&k->recv, &k->recv_secret, k->aead);
    c->exporter = main.exporter;
    k->since = c->now;
    CSEP_WIPE(main);
}

void keys_log_data(struct csep_data *c)
{
    const struct phase_keys *k = &c->keys;
    keys_log(c, "CSEP_CLIENT_DATA", c->acceptor ? &k->recv_secret : &k->send_secret);
    keys_log(c, "CSEP_SERVER_DATA", c->acceptor ? &k->send_secret : &k->recv_secret);
}

/* ---- Counting //= KEY-7, KEY-8 ---- */

static void check_left(struct csep_data *c)
{
    if (c->used.bytes >= c->left.bytes || c->used.packets >= c->left.packets ||
        c->used.forgeries >= c->left.forgeries)
        conn_fail(c, CSEP_ERR_AEAD_LIMIT); //= DATA-83
}

void keys_count(struct csep_data *c, size_t payload)
{
    c->used.packets++;
    c->used.bytes += payload;
    check_left(c);
}

void keys_forgery(struct csep_data *c)
{
    c->used.forgeries++; //= DATA-4
    c->stats.forgeries++;
    check_left(c);
}

/* ---- Phases ---- */

static bool phase(const struct phase_keys *k)
{
    return k->generation & 1;
}

/* Both directions move on; what the peer still sends under the old keys can be opened for a while. */
static void rotate(struct csep_data *c, csep_time old_until)
{
    struct phase_keys *k = &c->keys;
    memcpy(k->old_key, k->recv.aead.key, sizeof k->old_key);
    memcpy(k->old_iv, k->recv.aead.iv, sizeof k->old_iv);
    k->old_until = old_until;
    schedule_next(&k->recv_secret, &k->recv_secret); //= KEY-18
    schedule_next(&k->send_secret, &k->send_secret);
    schedule_aead(&k->recv.aead, &k->recv_secret, k->aead);
    schedule_aead(&k->send.aead, &k->send_secret, k->aead);
    k->recv_first = UINT64_MAX;
    k->sealed = 0;
    k->since = c->now;
    k->generation++;
    k->acked = false;
    events_raise(&c->events, CSEP_DATA_EV_KEY_UPDATE);
}

bool keys_may_update(const struct csep_data *c)
{
    return c->state == CSEP_DATA_CONFIRMED && c->keys.acked && !c->keys.old_until; //= DATA-53
}

void keys_update(struct csep_data *c)
{
    rotate(c, CSEP_NEVER);
    TRACE(&c->cfg.trace, c->now, DATA_KEY_UPDATE, 0, phase(&c->keys), c->keys.generation);
}

/* The peer's packet was the first of the next phase. //= DATA-54 */
static void follow(struct csep_data *c)
{
    rotate(c, csep_time_add(c->now, 3 * recovery_pto(&c->recovery))); //= DATA-55
    TRACE(&c->cfg.trace, c->now, DATA_KEY_UPDATE, 1, phase(&c->keys), c->keys.generation);
}

static bool open_old(struct csep_data *c, uint8_t *p, const struct packet_span *span, unsigned number_len,
                     uint64_t number, struct view *out)
{
    struct aead a;
    aead_init(&a, c->keys.aead, c->keys.old_key, c->keys.old_iv);
    bool ok = packet_open(out, p, span, number_len, number, &a);
    CSEP_WIPE(a);
    return ok;
}

static bool open_next(struct csep_data *c, uint8_t *p, const struct packet_span *span, unsigned number_len,
                      uint64_t number, struct view *out)
{
    struct {
        struct traffic_secret s;
        struct aead a;
    } next;
    schedule_next(&next.s, &c->keys.recv_secret);
    schedule_aead(&next.a, &next.s, c->keys.aead);
    bool ok = packet_open(out, p, span, number_len, number, &next.a);
    CSEP_WIPE(next);
    return ok;
}

#define PACKET_COPY 2048u

/* Neither old nor next by its number alone: both keys have to be tried. */
static csep_status open_either(struct csep_data *c, uint8_t *p, const struct packet_span *span,
                               unsigned number_len, uint64_t number, struct view *out)
{
    uint8_t copy[PACKET_COPY];
    bool can_copy = span->end <= sizeof copy;
    if (can_copy)
        memcpy(copy, p, span->end);
    if (open_next(c, p, span, number_len, number, out)) {
        follow(c);
        return CSEP_OK;
    }
    struct view ignored;
    bool old = can_copy && open_old(c, copy, span, number_len, number, &ignored);
    csep_wipe(copy, can_copy ? span->end : 0);
    return old ? CSEP_ERR_KEY_UPDATE : CSEP_ERR_PROTECTION; //= DATA-56
}

csep_status keys_open(struct csep_data *c, uint8_t *p, const struct packet_span *span, struct packet_number n,
                      uint64_t number, struct view *out)
{
    struct phase_keys *k = &c->keys;
    csep_status st = CSEP_ERR_PROTECTION;
    bool is_long = p[0] == CSEP_PKT_ACCEPT; /* always generation 0 */
    if (is_long ? k->generation == 0 : n.key_phase == phase(k)) {
        if (packet_open(out, p, span, n.len, number, &k->recv.aead))
            st = CSEP_OK;
    } else if (is_long || number < k->recv_first) {
        bool old_phase = k->old_until && (!is_long || k->generation == 1);
        if (!old_phase)
            return CSEP_ERR_REPLAY; /* late, its keys are gone: no forgery */
        if (open_old(c, p, span, n.len, number, out))
            return CSEP_OK;
    } else if (k->old_until) {
        st = open_either(c, p, span, n.len, number, out);
    } else if (open_next(c, p, span, n.len, number, out)) {
        follow(c);
        st = CSEP_OK;
    }
    if (st == CSEP_OK && number < k->recv_first) {
        if (k->recv_first == UINT64_MAX && k->old_until == CSEP_NEVER)
            k->old_until = csep_time_add(c->now, 3 * recovery_pto(&c->recovery)); /* the peer followed */
        k->recv_first = number;
    }
    return st;
}

/* ---- Limits of one key //= KEY-6, DATA-57 ---- */

static uint64_t update_at(const struct csep_data *c)
{
    if (c->cfg.key_update_packets)
        return c->cfg.key_update_packets;
    return c->keys.aead == CSEP_AEAD_AES_256_GCM ? UINT64_C(1) << 22 : UINT64_C(1) << 32;
}

static uint64_t stop_at(const struct csep_data *c)
{
    if (c->cfg.key_update_packets)
        return 2 * c->cfg.key_update_packets;
    return c->keys.aead == CSEP_AEAD_AES_256_GCM ? UINT64_C(1) << 23 : UINT64_C(1) << 48;
}

csep_status keys_before_seal(struct csep_data *c)
{
    struct phase_keys *k = &c->keys;
    bool due = k->sealed + 1 >= update_at(c) || c->now - k->since >= UPDATE_AFTER;
    if (due && keys_may_update(c))
        keys_update(c);
    else if (due && c->state == CSEP_DATA_CONFIRMED && !k->acked)
        c->control |= CTRL_PING; /* who only acknowledges is never acknowledged */
    uint64_t last = c->state == CSEP_DATA_CLOSING ? stop_at(c) : stop_at(c) - 1; /* one is kept for CLOSE */
    if (k->sealed >= last || c->space.next >= (UINT64_C(1) << 62) - 1)           //= DATA-6
        return CSEP_ERR_AEAD_LIMIT;
    k->sealed++;
    return CSEP_OK;
}

csep_time keys_deadline(const struct csep_data *c)
{
    return c->keys.old_until ? c->keys.old_until : CSEP_NEVER;
}

void keys_expire(struct csep_data *c)
{
    struct phase_keys *k = &c->keys;
    if (!k->old_until || k->old_until == CSEP_NEVER || c->now < k->old_until)
        return;
    CSEP_WIPE(k->old_key);
    CSEP_WIPE(k->old_iv);
    k->old_until = 0;
}
