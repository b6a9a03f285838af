/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames (spec section 7): one list that says what each is and where it may stand, an
 * iterator that yields them checked, and encoders.
 *
 *     struct frames it;
 *     struct frame f;
 *     frames_init(&it, payload, where);
 *     while ((st = frames_next(&it, &f)) == CSEP_OK)
 *         ...                                      views in f point into the payload
 *     if (st != CSEP_AGAIN) close with st          CSEP_AGAIN: all frames seen
 *
 * What the iterator cannot know is left to the caller: credit, limits, sequence numbers, offsets.
 * frames_check() runs over a whole payload first, for callers whose handlers must not see half of a bad one.
 */
#ifndef CSEP_DATA_FRAME_H
#define CSEP_DATA_FRAME_H

#include <stdbool.h>

#include "csep/status.h"
#include "csep/wire.h"
#include "data/view.h"

/* Where a payload was found. OPEN and EARLY come from the opener, ACCEPT from the acceptor, DATA from either.
 */
enum frame_place { PLACE_OPEN = 1, PLACE_EARLY = 2, PLACE_ACCEPT = 4, PLACE_DATA = 8 };
enum frame_sender { SENT_BY_OPENER = 1, SENT_BY_ACCEPTOR = 2 };

struct frame_where {
    enum csep_transport transport;
    enum csep_service service;
    enum frame_place place;
    enum frame_sender sender;
};

#define FS_NONE 0
#define FS_BOTH (SENT_BY_OPENER | SENT_BY_ACCEPTOR)
#define FP_1RTT (PLACE_ACCEPT | PLACE_DATA)
#define FP_ALL  (PLACE_OPEN | PLACE_EARLY | FP_1RTT)
#define FV_ALL  0x7
#define FV(s)   (1 << (s))

/*
 * The table of section 7.1.
 * X(frame, its senders over UDP, over TCP, places, services, ack-eliciting, first or last in a payload)
 */
#define FRAME_LIST(X)                                                                                        \
    X(PADDING, FS_BOTH, FS_BOTH, FP_ALL, FV_ALL, 0, FRAME_ANYWHERE)                                          \
    X(PING, FS_BOTH, FS_BOTH, FP_ALL, FV_ALL, 1, FRAME_ANYWHERE)                                             \
    X(ACK, FS_BOTH, FS_NONE, FP_1RTT, FV_ALL, 0, FRAME_ANYWHERE)                                             \
    X(ACK_EARLY, SENT_BY_ACCEPTOR, FS_NONE, FP_1RTT, FV_ALL, 0, FRAME_ANYWHERE)                              \
    X(PARAMS, FS_BOTH, FS_BOTH, PLACE_OPEN | PLACE_ACCEPT, FV_ALL, 1, FRAME_FIRST)                           \
    X(DATAGRAM, FS_BOTH, FS_NONE, FP_ALL, FV(CSEP_SERVICE_DATAGRAM), 1, FRAME_ANYWHERE)                      \
    X(MESSAGE, FS_BOTH, FS_BOTH, FP_ALL, FV(CSEP_SERVICE_MESSAGE), 1, FRAME_ANYWHERE)                        \
    X(SKIP, FS_BOTH, FS_NONE, FP_1RTT, FV(CSEP_SERVICE_MESSAGE), 1, FRAME_ANYWHERE)                          \
    X(MAX_DATA, FS_BOTH, FS_NONE, FP_1RTT, FV(CSEP_SERVICE_MESSAGE), 1, FRAME_ANYWHERE)                      \
    X(BLOCKED, FS_BOTH, FS_NONE, FP_1RTT, FV(CSEP_SERVICE_MESSAGE), 1, FRAME_ANYWHERE)                       \
    X(TICKETS, SENT_BY_ACCEPTOR, SENT_BY_ACCEPTOR, FP_1RTT, FV_ALL, 1, FRAME_ANYWHERE)                       \
    X(HINT, SENT_BY_ACCEPTOR, SENT_BY_ACCEPTOR, FP_1RTT, FV_ALL, 1, FRAME_ANYWHERE)                          \
    X(NEW_CID, FS_BOTH, FS_NONE, FP_1RTT, FV_ALL, 1, FRAME_ANYWHERE)                                         \
    X(RETIRE_CID, FS_BOTH, FS_NONE, FP_1RTT, FV_ALL, 1, FRAME_ANYWHERE)                                      \
    X(PATH_CHALLENGE, FS_BOTH, FS_NONE, FP_1RTT, FV_ALL, 1, FRAME_ANYWHERE)                                  \
    X(PATH_RESPONSE, FS_BOTH, FS_NONE, FP_1RTT, FV_ALL, 1, FRAME_ANYWHERE)                                   \
    X(CLOSE, FS_BOTH, FS_BOTH, FP_1RTT, FV_ALL, 0, FRAME_ANYWHERE)                                           \
    X(STREAM, FS_NONE, FS_BOTH, FP_ALL, FV(CSEP_SERVICE_STREAM), 1, FRAME_ANYWHERE)                          \
    X(END_EARLY, FS_NONE, SENT_BY_OPENER, PLACE_EARLY, FV_ALL, 1, FRAME_LAST)                                \
    X(KEY_UPDATE, FS_NONE, FS_BOTH, PLACE_DATA, FV_ALL, 1, FRAME_LAST)

enum frame_position { FRAME_ANYWHERE, FRAME_FIRST, FRAME_LAST };

/* CSEP_OK, or: DECODE unknown type, UNEXPECTED wrong transport, sender or place, SERVICE not of this service.
 */
csep_status frame_allowed(uint8_t type, const struct frame_where *where) CSEP_MUST_CHECK;
bool frame_ack_eliciting(uint8_t type);
/* "MESSAGE"; "unknown" outside the list. */
const char *frame_name(uint8_t type);

/* Values are those given or the defaults of section 7.3; `given` has bit (1 << id) for each that was there.
 */
struct frame_params {
    uint32_t given;
    uint64_t max_data, max_message, idle_timeout_ms, max_ack_delay_ms, max_cids, max_unit;
    struct view protocol;
    uint64_t ticket_age_ms;
    uint8_t early;
    const uint8_t *reset_token; /* 16 bytes, or NULL */
};
#define PARAM_BIT(id) (UINT32_C(1) << (id))
#define PARAMS_MAX    64 /* in one frame, known or not */

struct frame_ack {
    uint64_t largest, delay_us, first, count;
    struct view ranges; /* checked; read by frame_ack_ranges() */
};

struct frame_message {
    uint8_t flags;
    uint64_t channel, sequence, offset;
    struct view data;
};

struct frame_skip {
    uint8_t flags;
    uint64_t channel, sequence, size;
};

struct frame_new_cid {
    uint64_t sequence, retire;
    struct view id;
    const uint8_t *reset_token; /* 16 bytes */
};

struct frame {
    uint8_t type; /* enum csep_frame_type */
    union {
        size_t padding;       /* PADDING: how many in a row */
        struct frame_ack ack; /* ACK, ACK_EARLY */
        struct frame_params params;
        struct view data; /* DATAGRAM, STREAM */
        struct frame_message message;
        struct frame_skip skip;
        uint64_t bytes;      /* MAX_DATA, BLOCKED */
        struct view tickets; /* TICKETS: len u8 and bytes each, each 16..255 */
        struct {
            uint64_t code, seconds;
        } hint;
        struct frame_new_cid new_cid;
        uint64_t sequence;   /* RETIRE_CID */
        const uint8_t *path; /* PATH_CHALLENGE, PATH_RESPONSE: 8 bytes */
        struct {
            uint64_t code;
            struct view text;
        } close;
    } u;
};

/* ---- Reading ---- */

struct frames {
    struct rd r;
    struct frame_where where;
    bool started;
    csep_status status; /* what ended it, once it ended */
};

void frames_init(struct frames *it, struct view payload, const struct frame_where *where);
csep_status frames_next(struct frames *it, struct frame *out) CSEP_MUST_CHECK;
/* CSEP_OK when all frames of the payload can be read. */
csep_status frames_check(struct view payload, const struct frame_where *where) CSEP_MUST_CHECK;

/* The body of PARAMS. A known parameter that is not the sender's to give counts as unknown. */
csep_status frame_get_params(struct rd *r, struct frame_params *p, enum frame_sender sender,
                             enum csep_transport transport) CSEP_MUST_CHECK;

/* A run of acknowledged numbers, both ends included. */
struct ack_range {
    uint64_t low, high;
};

/* The ranges of an ACK from the highest down: begin, then next until false. */
struct ack_ranges {
    struct rd r;
    uint64_t left;
    struct ack_range range;
    bool begun;
};

void frame_ack_ranges(struct ack_ranges *it, const struct frame_ack *ack);
bool frame_ack_next(struct ack_ranges *it, struct ack_range *out);

/* ---- Writing: all fail by the writer's `bad` when there is no room ---- */

/* Any frame but ACK and ACK_EARLY. */
void frame_put(struct wr *w, const struct frame *f);
/* Ranges from the highest down, disjoint and not touching; num >= 1, of which the first 32 are sent
 * (DATA-59). */
void frame_put_ack(struct wr *w, enum csep_frame_type type, uint64_t delay_us, const struct ack_range *ranges,
                   size_t num);
void frame_put_params(struct wr *w, const struct frame_params *p);
void frame_put_message(struct wr *w, const struct frame_message *m);
/* A frame that is a type alone: PING, END_EARLY, KEY_UPDATE. */
void frame_put_type(struct wr *w, enum csep_frame_type type);
/* DATAGRAM, STREAM. */
void frame_put_data(struct wr *w, enum csep_frame_type type, const uint8_t *p, size_t n);
void frame_put_close(struct wr *w, uint64_t code, const char *text);

/* Most bytes that fit with their varint length into `room`. */
size_t frame_vec_fit(size_t room);
/* Bytes of a MESSAGE frame before the length of its data. */
size_t frame_message_head(uint64_t channel, uint64_t sequence, uint64_t offset);
#define ACK_RANGES_MAX 32

/* What a code of CLOSE means here: CSEP_OK for none and for the application's own codes, INTERNAL where
 * unknown. */
csep_status frame_close_status(uint64_t code);

#endif
