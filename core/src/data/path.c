/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses, their proof, and connection ids of our own (spec section 6.6). */
#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"
#include "data/conn.h"

#define AMPLIFICATION      3u
#define STRANGER_DATAGRAMS 3u

/* ---- The limit before an address is proved //= DATA-28 ---- */

void path_received(struct csep_data *c, const struct csep_addr *from, size_t bytes)
{
    if (addr_same(from, &c->paths.now.addr))
        c->paths.now.received += bytes;
}

size_t path_allows(const struct csep_data *c)
{
    const struct path *p = &c->paths.now;
    if (c->elsewhere && c->state == CSEP_DATA_OPENING && c->stats.packets_sent >= STRANGER_DATAGRAMS)
        return 0; //= NEG-71
    if (p->proved)
        return SIZE_MAX;
    uint64_t most = AMPLIFICATION * p->received;
    return most > p->sent ? (size_t)(most - p->sent) : 0;
}

void path_prove(struct csep_data *c)
{
    c->paths.now.proved = true;
}

/* ---- Validation ---- */

static void start_validation(struct csep_data *c)
{
    struct paths *p = &c->paths;
    c->cfg.random.fill(c->cfg.random.self, p->challenge, sizeof p->challenge);
    p->validating = p->challenge_due = true;
    p->challenge_until = csep_time_add(c->now, 3 * recovery_pto(&c->recovery)); //= DATA-50
    TRACE(&c->cfg.trace, c->now, DATA_PATH, PATH_VALIDATING);
}

static bool same_ip(const struct csep_addr *a, const struct csep_addr *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static void retire_peer_cid(struct csep_data *c)
{
    int old = peer_cid_switch(&c->peer);
    if (old >= 0)
        c->control |= CTRL_RETIRE(old);
}

/* The acceptor follows its opener. //= DATA-48 */
void path_note(struct csep_data *c, const struct csep_addr *from, bool highest, bool own_changed)
{
    struct paths *p = &c->paths;
    if (!c->acceptor || !highest)
        return;
    if (addr_same(from, &p->now.addr)) {
        if (!p->now.proved && !p->validating && c->state == CSEP_DATA_CONFIRMED)
            start_validation(c); /* given up, with no proved path to go back to, and yet it lives */
        return;
    }
    bool back = p->has_before && addr_same(from, &p->before.addr);
    struct path old = p->now;
    if (back) {
        p->now = p->before;
        p->has_before = p->validating = p->challenge_due = false;
    } else {
        if (old.proved) {
            p->before = old;
            p->has_before = true;
        }
        p->now = (struct path){.addr = *from};
    }
    if (!same_ip(&old.addr, from))
        recovery_new_path(&c->recovery, &c->space, c->unit); //= DATA-52
    if (own_changed)
        retire_peer_cid(c); /* the opener moved on purpose: do not link the two paths */
    events_raise(&c->events, CSEP_DATA_EV_PATH);
    if (!back)
        start_validation(c);
}

void csep_data_migrate(struct csep_data *c, csep_time now)
{
    c->now = now;
    if (c->acceptor || c->state < CSEP_DATA_OPEN || c->state >= CSEP_DATA_CLOSING)
        return;
    retire_peer_cid(c); //= DATA-47
    recovery_new_path(&c->recovery, &c->space, c->unit);
    start_validation(c);
}

void path_challenged(struct csep_data *c, const uint8_t data[8])
{
    memcpy(c->paths.response, data, sizeof c->paths.response);
    c->paths.response_to = c->from;
    c->paths.response_due = true;
}

void path_response(struct csep_data *c, const uint8_t data[8])
{
    struct paths *p = &c->paths;
    if (!p->validating || !csep_equal(data, p->challenge, sizeof p->challenge)) //= SEC-2
        return;
    p->validating = p->challenge_due = p->has_before = false;
    path_prove(c);
    TRACE(&c->cfg.trace, c->now, DATA_PATH, PATH_VALID);
    events_raise(&c->events, CSEP_DATA_EV_PATH);
}

void path_expire(struct csep_data *c)
{
    struct paths *p = &c->paths;
    if (!p->validating || c->now < p->challenge_until)
        return;
    p->validating = p->challenge_due = false;
    TRACE(&c->cfg.trace, c->now, DATA_PATH, PATH_FAILED);
    if (!p->has_before)
        return;
    bool other = !same_ip(&p->now.addr, &p->before.addr);
    p->now = p->before; //= DATA-50
    p->has_before = false;
    if (other)
        recovery_new_path(&c->recovery, &c->space, c->unit);
}

/* ---- Ids of our own ---- */

int own_cid_find(const struct csep_data *c, const uint8_t *id)
{
    for (int i = 0; i < OWN_CIDS; i++)
        if (c->own[i].state != CID_FREE && memcmp(c->own[i].id, id, OWN_CID_LEN) == 0)
            return i;
    return -1;
}

bool own_cid_changed(struct csep_data *c, const uint8_t *id)
{
    int i = own_cid_find(c, id);
    bool changed = i >= 0 && i != c->own_used;
    if (changed)
        c->own_used = (uint8_t)i;
    return changed;
}

csep_status own_cid_add(struct csep_data *c, int *out_index)
{
    int i = 0;
    while (i < OWN_CIDS && c->own[i].state != CID_FREE)
        i++;
    if (i == OWN_CIDS)
        return CSEP_ERR_LIMIT;
    struct own_cid *o = &c->own[i];
    c->cfg.random.fill(c->cfg.random.self, o->id, sizeof o->id); //= DATA-5
    if (c->owner && !c->owner->cid_added(c->owner, c, o->id))
        return CSEP_ERR_MEMORY;
    o->state = CID_LIVE;
    o->sequence = c->own_next++;
    *out_index = i;
    return CSEP_OK;
}

void own_cid_token(struct csep_data *c, const uint8_t *id, uint8_t token[CSEP_RESET_TOKEN_LEN])
{
    if (c->owner)
        c->owner->reset_token(c->owner, id, OWN_CID_LEN, token); //= DATA-82
    else
        hkdf_expand_label(HKDF_CSEP1, token, CSEP_RESET_TOKEN_LEN, &c->exporter.s, "cid token", id,
                          OWN_CID_LEN);
}

void path_offer_cids(struct csep_data *c)
{
    unsigned live = 0, most = c->peer_max_cids < OWN_CIDS - 2 ? c->peer_max_cids : OWN_CIDS - 2;
    for (unsigned i = 0; i < OWN_CIDS; i++)
        live += c->own[i].state == CID_LIVE;
    for (int i; live < most && own_cid_add(c, &i) == CSEP_OK; live++)
        c->control |= CTRL_NEW_CID(i); //= DATA-46
}

csep_status own_cid_retire(struct csep_data *c, uint64_t sequence)
{
    if (sequence >= c->own_next)
        return CSEP_ERR_CONNECTION_ID; //= DATA-112
    for (unsigned i = 0; i < OWN_CIDS; i++) {
        struct own_cid *o = &c->own[i];
        if (o->state != CID_LIVE || o->sequence != sequence)
            continue;
        o->state = CID_RETIRING;
        o->until = csep_time_add(c->now, 3 * recovery_pto(&c->recovery)); //= DATA-114
        path_offer_cids(c);
        break;
    }
    return CSEP_OK;
}
