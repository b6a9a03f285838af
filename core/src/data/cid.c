/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/cid.h"

#include "crypto/wipe.h"

static int find(const struct peer_cids *p, uint64_t sequence)
{
    for (int i = 0; i < PEER_CIDS; i++)
        if (p->v[i].state != CID_FREE && p->v[i].sequence == sequence)
            return i;
    return -1;
}

int peer_cid_unused(const struct peer_cids *p)
{
    int best = -1;
    for (int i = 0; i < PEER_CIDS; i++)
        if (p->v[i].state == CID_LIVE && i != p->in_use &&
            (best < 0 || p->v[i].sequence < p->v[best].sequence))
            best = i;
    return best;
}

int peer_cid_switch(struct peer_cids *p)
{
    int next = peer_cid_unused(p), old = p->in_use;
    if (next < 0)
        return -1;
    p->v[old].state = CID_RETIRING;
    p->in_use = (uint8_t)next;
    return old;
}

/* Ids below `retire` go, the one in use too when another is there. */
static uint32_t retire_below(struct peer_cids *p, uint64_t retire)
{
    uint32_t due = 0;
    if (retire > p->retire)
        p->retire = retire;
    for (int i = 0; i < PEER_CIDS; i++) {
        if (p->v[i].state != CID_LIVE || p->v[i].sequence >= p->retire || i == p->in_use)
            continue;
        p->v[i].state = CID_RETIRING;
        due |= UINT32_C(1) << i;
    }
    if (p->v[p->in_use].sequence < p->retire) {
        int old = peer_cid_switch(p);
        if (old >= 0)
            due |= UINT32_C(1) << old;
    }
    return due;
}

/* Did NEW_CID of that sequence never come before? What is too old to know counts as seen. */
static bool is_news(struct peer_cids *p, uint64_t sequence)
{
    if (!p->seen_next)
        p->seen_next = p->seen = 1; /* the id of the opening */
    if (sequence >= p->seen_next) {
        uint64_t up = sequence + 1 - p->seen_next;
        p->seen = up < 64 ? p->seen << up | 1 : 1;
        p->seen_next = sequence + 1;
        return true;
    }
    uint64_t age = p->seen_next - 1 - sequence, bit = age < 64 ? UINT64_C(1) << age : 0;
    bool news = bit && !(p->seen & bit);
    p->seen |= bit;
    return news;
}

csep_status peer_cid_new(struct peer_cids *p, const struct frame_new_cid *f, unsigned max_cids,
                         uint32_t *out_retire)
{
    unsigned live = 0;
    int at = find(p, f->sequence);
    *out_retire = 0;
    if (at >= 0) {
        const struct peer_cid *c = &p->v[at];
        bool same =
            cid_is(&c->id, f->id) && (!c->has_token || csep_equal(c->token, f->reset_token, sizeof c->token));
        return same ? CSEP_OK : CSEP_ERR_CONNECTION_ID; //= DATA-112
    }
    if (!is_news(p, f->sequence))
        return CSEP_OK; /* a late copy: that id was used and is gone */
    for (at = 0; at < PEER_CIDS && p->v[at].state != CID_FREE; at++)
        ;
    if (at == PEER_CIDS)
        return CSEP_ERR_CONNECTION_ID;
    struct peer_cid *c = &p->v[at];
    *c =
        (struct peer_cid){.sequence = f->sequence, .id = cid_of(f->id), .state = CID_LIVE, .has_token = true};
    memcpy(c->token, f->reset_token, sizeof c->token);
    *out_retire = retire_below(p, f->retire); //= DATA-113
    for (int i = 0; i < PEER_CIDS; i++)
        live += p->v[i].state == CID_LIVE;
    return live > max_cids ? CSEP_ERR_CONNECTION_ID : CSEP_OK;
}
