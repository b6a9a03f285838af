/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of a data connection over TCP (spec section 8), for the stream_*.c files.
 *
 *     stream.c          life: state, timers, events, closing, keys
 *     stream_open.c     opener: OPEN out, ACCEPT or REFUSE in
 *     stream_accept.c   acceptor: OPEN in, ACCEPT or REFUSE out
 *     stream_send.c     what waits to be sent, and the records made of it
 *     stream_receive.c  bytes in, units and records out of them, frames
 *     stream_message.c  messages put together again (service 1)
 *
 * One unit at a time: it is collected in `in`, opened there in place, and its frames are handled one
 * by one; a frame with data for the application stops the work until the application took it. So
 * nothing is buffered beyond one record (DATA-100), and what is behind waits in TCP.
 */
#ifndef CSEP_DATA_STREAM_H
#define CSEP_DATA_STREAM_H

#include "base/keyed.h"
#include "csep/data.h"
#include "data/frame.h"
#include "data/packet.h"
#include "data/schedule.h"

#define UNIT_MAX    18432u /* OPEN, ACCEPT, REFUSE (DATA-119) */
#define STAGE_LEN   2048u  /* made here when the host's buffer is smaller; holds any OPEN or ACCEPT */
#define HEADER_MAX  400u   /* OPEN or ACCEPT header with an X25519 share */
#define EPOCH_EARLY 0u
#define EPOCH_DATA  1u

/* What the next unit from the peer is. */
enum stream_rx {
    RX_NOTHING, /* all is over */
    RX_OPEN,
    RX_PENDING, /* an OPEN waits in `in` for its context (NEG-65) */
    RX_ANSWER,  /* ACCEPT or REFUSE */
    RX_EARLY,
    RX_DATA,
};

/* What the next unit to the peer is. */
enum stream_tx {
    TX_NOTHING,
    TX_OPEN,
    TX_EARLY,
    TX_END_EARLY,
    TX_FIRST, /* the record behind END_EARLY, with PING if need be (DATA-118) */
    TX_DATA,
    TX_ACCEPT,
    TX_REFUSE,
};

/* One direction. */
struct stream_key {
    struct aead aead;
    struct traffic_secret secret; /* for the next key update */
    uint64_t number;              /* of the next unit */
    unsigned generation;
};

enum piece_kind { PIECE_STREAM, PIECE_MESSAGE, PIECE_FRAME /* ready made */ };

/* A run of bytes that waits to be sent, or that was sent early and may have to be sent again. */
struct piece {
    struct piece *next;
    size_t cap, len, sent;
    enum piece_kind kind;
    bool ordered, begun, replayable;
    uint64_t channel, sequence, id;
    uint8_t data[];
};

struct send_queue {
    struct piece *first, *last;
    struct piece *at; /* the first that is not sent whole; those before are kept until ACCEPT */
    size_t bytes;     /* held, with what the pieces themselves take */
    uint64_t next_id;
    bool blocked; /* the application was told to wait */
};

/* Next sequence number of each channel and order that was used. */
struct sequence {
    uint32_t key; /* channel << 1 | ordered */
    uint64_t next;
};

/* A message of which a part has arrived, or that waits for an earlier one of its channel. */
struct assembly {
    struct assembly *next;
    uint32_t key;
    bool whole, early;
    uint64_t sequence;
    size_t len, cap;
    uint8_t *data;
};

struct assemblies {
    struct assembly *first; /* in the order in which they began */
    unsigned num_incomplete;
    size_t whole_bytes; /* of those that are whole and wait */
    unsigned num_whole; /* the same */
    bool ready;         /* one was completed: `ready_key` may have something to deliver */
    uint32_t ready_key;
    struct assembly *lent; /* given to the application; its until the next call */
};

struct csep_stream {
    struct csep_data_config cfg;
    struct csep_slot slot;
    struct csep_slot_source slots; /* acceptor */
    enum csep_data_state state;
    enum stream_rx rx_next;
    enum stream_tx tx_next;
    bool is_opener;
    uint8_t service;
    uint16_t aead;

    /* Opening. */
    uint8_t client_random[CSEP_RANDOM_LEN], server_random[CSEP_RANDOM_LEN];
    uint16_t group;             /* of the share that this end sends */
    struct x25519_private priv; /* opener, until ACCEPT */
    struct x25519_public share;
    struct hash_ctx headers; /* over the OPEN header, then the ACCEPT header */
    struct derived_salt derived;
    struct traffic_secret after_early; /* c_data, until END_EARLY is through */
    struct exporter_secret exporter;
    bool upgraded; /* by a share of both ends */
    bool opened;   /* exporter is there */
    uint8_t refuse_code;
    uint32_t refuse_version;           /* of the OPEN that is refused */
    bool early;                        /* opener: ACCEPT took it; acceptor: it is taken */
    uint64_t early_bytes, early_units; /* application bytes; bytes of records that are discarded */

    /* Sending. */
    struct stream_key tx;
    struct send_queue queue;
    struct keyed tx_sequences;
    bool update_wanted; /* KEY_UPDATE goes out before the next data */
    bool close_wanted;
    uint64_t close_code;
    uint8_t *stage; /* STAGE_LEN bytes, or NULL */
    size_t stage_len, stage_at;

    /* Receiving. */
    struct stream_key rx;
    uint8_t *in;
    size_t in_cap, in_len;
    uint8_t in_length[UNIT_LENGTH]; /* before `in` exists */
    bool eof;
    bool parsing; /* frames of the unit in `in` are being handled */
    struct frames frames;
    struct view unread; /* of a STREAM frame */
    bool unread_early;
    struct keyed rx_sequences;
    struct assemblies messages;

    /* What the peer said, and time. */
    uint64_t peer_max_message;
    csep_time idle_timeout; /* the lower of both */
    csep_time opened_at;    /* opener: open(); acceptor: first byte, or CSEP_NEVER */
    csep_time heard_at;     /* last byte in or out */
    csep_time clock;        /* of the last call that said */
    csep_time pending_since;

    /* Events: simple ones by bit, in the order of their numbers; one with content; the end. */
    uint32_t simple;
    struct csep_data_event content;
    struct piece *abandoned;
    csep_status status; /* why it ended */
    uint64_t end_code;
    bool ended_by_peer, end_told;

    struct csep_usage usage, total; /* since the last report; since the start */
    csep_time reported_at;
    size_t heap;
};

/* ---- stream.c ---- */

void stream_set_state(struct csep_stream *s, enum csep_data_state to, csep_time now);
void stream_post(struct csep_stream *s, enum csep_data_event_type type);
/* The peer's or our fault: tell the peer by CLOSE where that can be, and end. */
void stream_fail(struct csep_stream *s, csep_status st, csep_time now);
/* Nothing more goes in or out. */
void stream_end(struct csep_stream *s, csep_status st, uint64_t code, bool by_peer, csep_time now);
bool stream_is_over(const struct csep_stream *s);
void *stream_get(struct csep_stream *s, size_t n);
void stream_put(struct csep_stream *s, void *p, size_t n);
void stream_set_key(struct csep_stream *s, struct stream_key *k, const struct traffic_secret *secret);
/* The next generation of one direction. */
void stream_update_key(struct csep_stream *s, struct stream_key *k, bool sending, csep_time now);
void stream_log_key(struct csep_stream *s, const char *label, const struct traffic_secret *secret);
/* From the salt to c_data, s_data and exporter; headers holds both headers by now. */
void stream_derive_main(struct csep_stream *s, struct main_secrets *out, const struct x25519_shared *shared);
void stream_count(struct csep_stream *s, size_t payload_len);
/* The limits that the context left to this connection. */
void stream_check_usage(struct csep_stream *s, csep_time now);
csep_status stream_report(struct csep_stream *s, csep_time now);
void stream_init(struct csep_stream *s, const struct csep_data_config *cfg, csep_time now);
/* Parameters of the peer that hold over TCP. */
void stream_take_params(struct csep_stream *s, const struct frame_params *p);
void stream_own_params(const struct csep_stream *s, struct frame_params *p);

/* ---- stream_open.c ---- */

void stream_put_open_header(struct csep_stream *s, struct wr *w, size_t *header_len);
void stream_take_answer(struct csep_stream *s, size_t n, csep_time now);
/* PARAMS of OPEN. */
void stream_put_open_params(struct csep_stream *s, struct wr *w, csep_time now);
/* ACCEPT's PARAMS was read: what it says about early data takes effect. */
void stream_accepted(struct csep_stream *s, const struct frame_params *p, csep_time now);

/* ---- stream_accept.c ---- */

void stream_take_open(struct csep_stream *s, size_t n, csep_time now);
size_t stream_put_accept_header(const struct csep_stream *s, struct wr *w);
void stream_put_accept_params(const struct csep_stream *s, struct wr *w);
void stream_put_refusal(struct csep_stream *s, struct wr *w, csep_time now);

/* ---- stream_send.c ---- */

/* CSEP_ERR_LIMIT when the buffer is full, CSEP_ERR_MEMORY. */
csep_status stream_queue(struct csep_stream *s, enum piece_kind kind, const struct csep_message_options *opt,
                         const uint8_t *in, size_t n, uint64_t *out_id) CSEP_MUST_CHECK;
size_t stream_room(const struct csep_stream *s);
void stream_queue_clear(struct csep_stream *s);
/* A first flight failed: only what may go again on another connection stays, to be asked for (DATA-34). */
void stream_queue_keep_replayable(struct csep_stream *s);
/* ACCEPT came: forget what early data was kept for, or begin anew. */
void stream_queue_settle(struct csep_stream *s, bool early_taken, csep_time now);
void stream_free_piece(struct csep_stream *s, struct piece *p);

/* ---- stream_receive.c ---- */

/* Handle frames as far as the application lets. */
void stream_pump(struct csep_stream *s, csep_time now);
/* The unit in `in` opened: check all its frames, then handle them one by one. */
void stream_begin_frames(struct csep_stream *s, struct view payload, enum frame_place place, csep_time now);
void stream_drop_input(struct csep_stream *s);
/* Nothing more is taken from the peer; what the application was offered it can still take. */
void stream_stop_input(struct csep_stream *s);

/* ---- stream_message.c ---- */

csep_status stream_take_message(struct csep_stream *s, const struct frame_message *m,
                                bool early) CSEP_MUST_CHECK;
/* Post the next message that waited for an earlier one, if its turn has come. */
bool stream_next_message(struct csep_stream *s);
void stream_return_lent(struct csep_stream *s);
void stream_messages_clear(struct csep_stream *s);
/* Next sequence number of a channel; NULL: no memory. */
uint64_t *stream_sequence(struct csep_stream *s, struct keyed *t, uint32_t key);
void stream_sequences_clear(struct csep_stream *s, struct keyed *t);

static inline uint32_t sequence_key(uint64_t channel, bool ordered)
{
    return (uint32_t)channel << 1 | ordered;
}

#endif
