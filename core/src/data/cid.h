/* SPDX-License-Identifier: BSD-2-Clause */
/* Connection ids (spec section 6.6): those we gave, by which the peer reaches us, and those the peer gave. */
#ifndef CSEP_DATA_CID_H
#define CSEP_DATA_CID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "csep/status.h"
#include "csep/time.h"
#include "csep/wire.h"
#include "data/frame.h"

#define OWN_CID_LEN  8 /* of every id that this implementation chooses //= DATA-5 */
#define OWN_CIDS     6
#define CIDS_OFFERED 5 /* MAX_CIDS that we say at most, whatever is configured */
#define PEER_CIDS    8 /* these, and some that are being retired */

struct cid {
    uint8_t len;
    uint8_t b[CSEP_CID_MAX];
};

static inline struct cid cid_of(struct view v)
{
    struct cid c = {.len = (uint8_t)v.n};
    memcpy(c.b, v.p, v.n);
    return c;
}

static inline struct view cid_view(const struct cid *c)
{
    return view_of(c->b, c->len);
}

static inline bool cid_is(const struct cid *c, struct view v)
{
    return c->len == v.n && memcmp(c->b, v.p, v.n) == 0;
}

enum cid_state {
    CID_FREE,
    CID_LIVE,
    CID_RETIRING
}; /* RETIRING: own: taken a while longer; peer's: RETIRE_CID not acknowledged */

struct own_cid {
    csep_time until; /* RETIRING */
    uint32_t sequence;
    uint8_t id[OWN_CID_LEN];
    uint8_t state;
};

struct peer_cid {
    uint64_t sequence;
    struct cid id;
    uint8_t token[CSEP_RESET_TOKEN_LEN];
    uint8_t state;
    bool has_token;
};

struct peer_cids {
    struct peer_cid v[PEER_CIDS];
    uint64_t retire;          /* ids of lower sequence are retired */
    uint64_t seen_next, seen; /* sequences that came: one above the highest, a bit for each of the last 64 */
    uint8_t in_use;           /* index */
};

/* Index of a live id that was not used yet, or -1. */
int peer_cid_unused(const struct peer_cids *p);
/* NEW_CID: *out_retire gets a bit for each index for which RETIRE_CID is due. */
csep_status peer_cid_new(struct peer_cids *p, const struct frame_new_cid *f, unsigned max_cids,
                         uint32_t *out_retire) CSEP_MUST_CHECK;
/* Send with another id from now on and retire the one that was in use. Returns the index to be retired, or
 * -1. */
int peer_cid_switch(struct peer_cids *p);

#endif
