/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages and datagrams on their way out (spec sections 6.9 and 7.2).
 *
 * A message is one block: its bytes, and which of them are acknowledged or lost. Places in
 * a message run from 0 to its length, where the last place stands for the end (FIN), so that an
 * empty message is not a special case.
 *
 * A message stays until every packet that carried a part of it is settled.
 */
#ifndef CSEP_DATA_OUTBOX_H
#define CSEP_DATA_OUTBOX_H

#include "base/timers.h"
#include "base/keyed.h"
#include "base/ranges.h"
#include "csep/data.h"
#include "data/events.h"
#include "data/recovery.h"

#define SEQUENCE_WINDOW 4096u /* DATA-116, DATA-117 */
#define OPEN_MESSAGES   64u   /* DATA-88, DATA-115 */

struct outmsg {
    struct timer_node timer; /* first, so that a node is its message */
    struct outmsg *next_new, *next_lost, *next, *prev;
    uint64_t id, sequence;
    csep_time deadline;
    struct ranges acked, lost; /* places */
    uint32_t len, sent;        /* sent: places that were sent at least once */
    uint32_t refs;             /* packets in flight that carry a part */
    uint32_t channel;
    uint16_t transmissions, lost_transmission;
    bool datagram, ordered, replayable;
    bool multi; /* takes more than one frame */
    bool begun, in_new, in_lost;
    bool skip, skip_due; /* given up; SKIP has to be sent */
    bool done;           /* nothing more is to be sent or awaited */
    uint8_t bytes[];
};

/* One direction of a channel: ordered and unordered have numbers of their own. */
struct outchan {
    uint32_t key; /* channel * 2 + ordered */
    uint64_t next;
    struct ranges settled;
};

struct outqueue {
    struct outmsg *first, **last;
};

struct outbox {
    struct outqueue fresh, lost;
    struct outmsg *all;    /* newest first */
    struct outmsg *replay; /* outbox_replayable() gave it last */
    struct timers timers;
    struct keyed channels; /* struct outchan */
    uint32_t num_multi;
    uint64_t next_id;
    uint64_t credit, used; /* MAX_DATA of the peer; sum of the highest offsets sent */
    uint64_t peer_max_message;
    size_t queued, limit; /* bytes held */
    bool blocked;         /* wants credit */
    bool opening;         /* SKIP cannot be said yet */
    bool refused;         /* said CSEP_ERR_LIMIT: tell when there is room again */
};

/* What a packet may carry. */
struct outbox_room {
    bool early;          /* under early_c */
    uint64_t early_left; /* application bytes that the acceptor still takes early */
    bool split;          /* a message may be cut although it would fit a packet of its own */
    size_t whole;        /* room for frames in an empty short packet */
    unsigned max_items;
    bool probe_only; /* nothing that was not sent before */
};

struct outbox_result {
    unsigned items;
    uint64_t first_bytes; /* application bytes that left for the first time */
    uint64_t bytes;
    bool any;
};

void outbox_init(struct outbox *o, size_t limit);
void outbox_wipe(struct outbox *o, struct mem *m);

csep_status outbox_add_message(struct outbox *o, struct mem *m, const struct csep_message_options *opt,
                               const uint8_t *in, size_t n, uint64_t *out_id) CSEP_MUST_CHECK;
csep_status outbox_add_datagram(struct outbox *o, struct mem *m, const uint8_t *in, size_t n) CSEP_MUST_CHECK;

/* Something that could be sent, credit allowing. */
static inline bool outbox_wants(const struct outbox *o)
{
    return o->lost.first || (o->fresh.first && !o->blocked);
}
/* Frames into w, pieces into the packet that s builds; room for max_items was reserved. */
struct outbox_result outbox_write(struct outbox *o, struct mem *m, struct events *e, struct wr *w,
                                  struct sent_space *s, const struct outbox_room *room, csep_time now);

/* ACCEPT verified: what was given up meanwhile can be skipped now. */
void outbox_opened(struct outbox *o);

/* What became of a piece. */
void outbox_acked(struct outbox *o, struct mem *m, struct events *e, const struct sent_item *it);
void outbox_lost(struct outbox *o, struct mem *m, struct events *e, const struct sent_item *it,
                 csep_time now);
void outbox_forgotten(struct outbox *o, struct mem *m, const struct sent_item *it);
/* A probe wants to say it again, although it is not lost. False: it may not be sent again. */
bool outbox_again(struct outbox *o, struct mem *m, struct sent_item *it, csep_time now);

/* The next one, from the oldest on, that may go again on another connection; NULL: none. */
const struct outmsg *outbox_replayable(struct outbox *o);
void outbox_set_credit(struct outbox *o, uint64_t credit);
/* The peer's MAX_MESSAGE became known (DATA-111). */
void outbox_set_max_message(struct outbox *o, struct mem *m, struct events *e, uint64_t max);
csep_time outbox_deadline(const struct outbox *o);
void outbox_expire(struct outbox *o, struct mem *m, struct events *e, csep_time now);

#endif
