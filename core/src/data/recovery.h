/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loss detection (RFC 9002): what was sent and not settled yet, round-trip times, probe time-outs.
 *
 * Two rings per number space and no memory per packet: one record for every number from the oldest
 * unsettled one on, so that a number is found by subtraction, and behind it the pieces of messages
 * that the packets carried, in the same order. Rings that are empty hold no memory.
 */
#ifndef CSEP_DATA_RECOVERY_H
#define CSEP_DATA_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "csep/status.h"
#include "data/congestion.h"
#include "data/frame.h"

struct outmsg;

enum sent_kind { SENT_FRAGMENT, SENT_SKIP, SENT_DATAGRAM };

struct sent_item {
    struct outmsg *msg; /* holds a reference */
    uint32_t offset, len;
    uint16_t transmission; /* 1 = first */
    uint8_t kind;
    bool superseded; /* a probe carries a newer copy, whose fate counts */
};

/* Frames that are not messages, by what has to be said again when the packet is lost. */
#define CTRL_PARAMS     0x0001u
#define CTRL_MAX_DATA   0x0002u
#define CTRL_BLOCKED    0x0004u
#define CTRL_TICKETS    0x0008u
#define CTRL_HINT       0x0010u
#define CTRL_PING       0x0020u
#define CTRL_PATH       0x0040u           /* PATH_CHALLENGE, PATH_RESPONSE: never again */
#define CTRL_NEW_CID(i) (0x0100u << (i))  /* i-th id of our own */
#define CTRL_RETIRE(i)  (0x10000u << (i)) /* i-th id of the peer */

enum settled { SETTLED_ACKED = 1, SETTLED_OTHERWISE /* lost, forgotten or never of interest */ };

struct sent_packet {
    csep_time sent;
    uint64_t first_item;
    uint64_t ack_next; /* this packet acknowledged numbers below; 0 = none */
    uint32_t control;
    uint16_t bytes, num_items;
    bool eliciting;
    uint8_t settled; /* enum settled; 0: in flight */
    uint16_t epoch;  /* early, or key generation, low bits */
};

struct sent_space {
    struct sent_packet *p;
    struct sent_item *items;
    uint32_t cap, items_cap; /* powers of two, or 0 */
    uint64_t head, next;     /* numbers with a record: [head, next); next is the number to send */
    uint64_t items_head, items_next;
    uint64_t acked_next; /* one above the largest number acknowledged */
    csep_time last_eliciting, loss_time;
    uint64_t path_from; /* what has a lower number went another path, of which this one learns nothing */
    uint32_t eliciting_in_flight;
    bool overtaken; /* something sent after all of these was acknowledged */
};

struct recovery {
    struct congestion cc;
    csep_time latest, srtt, rttvar, min_rtt, first_sample;
    csep_time peer_ack_delay; /* 0 while the peer answers at once */
    csep_time pto_from;       /* restarted by progress */
    uint32_t pto_count;
    bool sampled;
};

enum loss_trigger { LOSS_PACKETS = 1, LOSS_TIME = 2 };

/* Who learns what became of packets. */
struct recovery_ops {
    void (*acked)(void *self, const struct sent_packet *p, const struct sent_item *items);
    void (*lost)(void *self, uint64_t number, const struct sent_packet *p, const struct sent_item *items,
                 enum loss_trigger trigger);
    /* Neither: give back what the items hold. */
    void (*forgotten)(void *self, const struct sent_packet *p, const struct sent_item *items);
    void *self;
};

/* rtt 0: the default of 333 ms. */
void recovery_init(struct recovery *r, csep_time rtt, uint32_t unit);
/* Another path from the next packet of the space on: window and estimates begin again (DATA-52), what is in
 * flight stays counted, and its fate says nothing about the new path. */
void recovery_new_path(struct recovery *r, struct sent_space *s, uint32_t unit);

/* Room for one packet with up to `items` pieces; to be called before the packet is built. */
bool sent_reserve(struct sent_space *s, struct mem *m, uint32_t items);
/* A piece of the packet that is being built; room was reserved. */
void sent_add_item(struct sent_space *s, struct sent_item item);
/* The packet left, with all pieces added since the last one. It has number s->next, which this raises. */
void sent_done(struct sent_space *s, struct mem *m, struct recovery *r, const struct sent_packet *p);
/* Forget all of a space: no sign of loss or congestion. */
void sent_forget(struct sent_space *s, struct mem *m, struct recovery *r, const struct recovery_ops *ops);

/* DECODE: a number that was never sent. ack_delay: as the peer said it, 0 in the early space. */
csep_status recovery_ack(struct recovery *r, struct sent_space *s, struct mem *m, const struct frame_ack *ack,
                         csep_time ack_delay, csep_time now, const struct recovery_ops *ops);
/* Declare lost what is late; sets loss_time where something may become so. */
void recovery_detect(struct recovery *r, struct sent_space *s, struct mem *m, csep_time now,
                     const struct recovery_ops *ops);
/* A packet of [head, next) that is not settled, or NULL. */
const struct sent_packet *sent_at(const struct sent_space *s, uint64_t number, struct sent_item **out_items);

/* One probe time-out, not doubled. */
csep_time recovery_pto(const struct recovery *r);
/* When the next probe is due for this space, doubled as often as it must be. */
csep_time recovery_pto_at(const struct recovery *r, const struct sent_space *s);

#endif
