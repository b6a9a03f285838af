/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of a connection over UDP. One object, several files by concept:
 *
 *   connection.c  life, the public verbs           opener.c   OPEN, ACCEPT, REFUSE, RETRY as the opener
 *   receive.c     short packets, frames            acceptee.c the same as the acceptor
 *   send.c        packets built and sealed         keys.c     epochs, key phase, limits of use
 *   timer.c       deadlines                        path.c     addresses, ids, validation
 *
 * Handlers return a status; anything but CSEP_OK closes the connection with it (conn_fail()).
 */
#ifndef CSEP_DATA_CONN_H
#define CSEP_DATA_CONN_H

#include "csep/data.h"
#include "data/cid.h"
#include "data/inbox.h"
#include "data/outbox.h"
#include "data/packet.h"
#include "data/recovery.h"
#include "data/replay.h"
#include "data/schedule.h"
#include "data/state.h"

#define EARLY_EPOCH 0 /* trace argument */
#define DATA_EPOCH  1

/* What is only needed until the connection is confirmed. */
struct opening {
    struct traffic_keys early;
    struct derived_salt derived;
    struct hash_ctx transcript; /* OPEN header */
    struct hash open_hash;
    uint8_t client_random[CSEP_RANDOM_LEN];
    uint16_t group;
    struct x25519_private priv;
    struct x25519_public share; /* our own */
    struct cid dcid;            /* destination id of OPEN */
    struct cid opener_cid;      /* source id of OPEN */
    uint8_t ticket_len, token_len;
    uint8_t ticket[CSEP_TICKET_MAX], token[CSEP_TOKEN_MAX];
    bool retried;
    /* Acceptor. */
    uint8_t server_random[CSEP_RANDOM_LEN];
    struct replay replay; /* of the early space */
    uint64_t first;       /* lower numbers were sent before RETRY */
    struct ranges acks;   /* numbers of the early space that were received */
    csep_time largest_at;
    bool ack_due;
    csep_time until; /* when it is erased (KEY-17) */
};

/* One direction and generation of packet protection. */
struct phase_keys {
    struct traffic_keys send, recv;
    struct traffic_secret send_secret, recv_secret;
    uint8_t old_key[AEAD_KEY_LEN], old_iv[AEAD_IV_LEN]; /* recv of the phase before; not expanded */
    csep_time old_until;                                /* 0: none held; CSEP_NEVER: until the peer follows */
    uint64_t recv_first; /* lowest number received in this phase; UINT64_MAX: none yet */
    uint64_t sealed;     /* packets under the sending key */
    csep_time since;
    uint32_t generation;
    uint16_t aead;
    bool acked; /* a packet of this phase was acknowledged */
};

enum path_state { PATH_IDLE, PATH_VALIDATING, PATH_VALID, PATH_FAILED };

struct path {
    struct csep_addr addr;
    uint64_t received, sent; /* bytes while it was not proved */
    bool proved;
};

struct paths {
    struct path now, before; /* before: the last proved one while `now` is validated */
    uint8_t challenge[8], response[8];
    struct csep_addr response_to;
    csep_time challenge_until;
    bool validating, challenge_due, response_due, has_before;
};

/* Acknowledgements that we owe for the data space. */
struct owed_acks {
    struct ranges got;
    csep_time largest_at, due; /* due: CSEP_NEVER when nothing is owed */
    unsigned eliciting;        /* received and not acknowledged */
};

/* Who keeps the connection: the acceptor. */
struct conn_owner {
    void (*touched)(struct conn_owner *o,
                    struct csep_data *c); /* a deadline or wish to send may have changed */
    bool (*cid_added)(struct conn_owner *o, struct csep_data *c, const uint8_t id[OWN_CID_LEN]);
    void (*cid_gone)(struct conn_owner *o, struct csep_data *c, const uint8_t id[OWN_CID_LEN]);
    void (*reset_token)(struct conn_owner *o, const uint8_t *id, size_t len,
                        uint8_t token[CSEP_RESET_TOKEN_LEN]);
    const struct csep_slot_source *slots;
};

/* What csep_data_get_stats() counts; the rest of it is known elsewhere. */
struct data_counters {
    uint64_t packets_sent, packets_received, bytes_sent, bytes_received, packets_lost, dropped, forgeries,
        ptos;
};

struct csep_data {
    struct csep_data_config cfg;
    struct mem mem;
    enum csep_data_state state;
    bool acceptor, confirmed;
    uint8_t service;
    void *user;

    struct opening *opening;
    struct phase_keys keys;
    struct exporter_secret exporter;

    /* From the slot. */
    uint8_t handle[CSEP_HANDLE_LEN];
    uint8_t upgrade;
    uint8_t *ticket; /* acceptor: asks for more tickets with it */
    uint8_t ticket_len;
    uint8_t exports;
    bool elsewhere; /* opener: the acceptor is not where the grant came from */
    uint32_t first_flight;
    csep_time context_end;
    csep_time ticket_received; /* opener */
    struct csep_usage left, used, reported;
    csep_time reported_at; /* acceptor */

    /* Parameters of the peer, as far as they matter later. */
    csep_time idle_timeout;
    csep_time peer_ack_delay;
    uint8_t peer_max_cids;
    uint16_t unit; /* largest datagram that we send */
    bool early;    /* early data was taken */

    struct peer_cids peer;
    struct own_cid own[OWN_CIDS];
    uint32_t own_next;
    uint8_t own_used;      /* index of the one the peer used last */
    struct csep_addr from; /* where the packet at hand came from */
    struct paths paths;

    struct recovery recovery;
    struct sent_space early_space, space;
    struct replay replay;
    struct owed_acks acks;
    uint32_t control;          /* CTRL_* that are due */
    unsigned probes;           /* packets that may leave whatever the window says */
    bool open_due, accept_due; /* the long packet is to be sent (again) */
    uint64_t early_sent, early_received;

    struct outbox out;
    struct inbox in;
    struct events events;

    /* Frames that are kept to be said again. */
    uint8_t *tickets;
    uint16_t tickets_len;
    uint64_t hint_code, hint_seconds;

    csep_time now; /* of the call that runs */
    csep_time started, last_received, closing_until;
    csep_status end_status;
    uint64_t end_code;
    bool end_by_peer, close_due;
    unsigned close_answers; /* packets received while closing */
    uint8_t refuse_code;

    struct data_counters stats;

    /* Acceptor's own. */
    struct conn_owner *owner;
    struct timer_node timer;
    struct csep_data *next, *prev, *next_due, *prev_due;
    bool is_due;
    uint64_t early_key, random_key; /* its other entries in the routing table */
};

static inline bool addr_same(const struct csep_addr *a, const struct csep_addr *b)
{
    return a->family == b->family && a->port == b->port && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* ---- connection.c ---- */
csep_status conn_init(struct csep_data *c, const struct csep_data_config *cfg, const struct csep_slot *slot,
                      enum csep_service service, bool acceptor, const struct csep_addr *peer,
                      csep_time now) CSEP_MUST_CHECK;
void conn_go(struct csep_data *c, enum csep_data_state next);
/* A row of the table; false: the input is dropped. */
bool conn_input(struct csep_data *c, enum data_input in);
/* We end it: CLOSE is sent where keys allow it. */
void conn_fail(struct csep_data *c, csep_status why);
void conn_end(struct csep_data *c, csep_status why, uint64_t code,
              bool by_peer); /* remembers why; the state goes on its own */
void conn_drop(struct csep_data *c, csep_status why, size_t bytes, int type);
void conn_forget_opening(struct csep_data *c);
void conn_touch(struct csep_data *c);
bool conn_sendable(const struct csep_data *c);
struct recovery_ops conn_recovery_ops(struct csep_data *c);
csep_status conn_take_params(struct csep_data *c, const struct frame_params *p);
void conn_put_params(struct csep_data *c, struct frame_params *p);
bool conn_wants_output(const struct csep_data *c);

/* ---- keys.c ---- */
void keys_start(struct csep_data *c, const struct x25519_shared *shared, const struct hash *headers);
/* Open a packet of the data space in place; marks nothing. */
csep_status keys_open(struct csep_data *c, uint8_t *p, const struct packet_span *span, struct packet_number n,
                      uint64_t number, struct view *out_payload) CSEP_MUST_CHECK;
bool keys_may_update(const struct csep_data *c);
void keys_update(struct csep_data *c);
/* Before a packet is sealed: update where it is time to, or fail. */
csep_status keys_before_seal(struct csep_data *c) CSEP_MUST_CHECK;
void keys_count(struct csep_data *c, size_t payload);
void keys_forgery(struct csep_data *c);
csep_time keys_deadline(const struct csep_data *c);
void keys_expire(struct csep_data *c);
void keys_log_data(struct csep_data *c);
void keys_log(struct csep_data *c, const char *label, const struct traffic_secret *s);

/* ---- receive.c ---- */
/* Frames of a packet that verified. */
void conn_receive(struct csep_data *c, struct view payload, enum frame_place place, bool *out_eliciting);
/* A short packet of the data space, or an ACCEPT after the first. */
void conn_receive_data(struct csep_data *c, uint8_t *p, size_t n, const struct packet_span *span,
                       enum frame_place place, const struct csep_addr *from);
void conn_note_received(struct csep_data *c, uint64_t number, bool eliciting);

/* ---- opener.c ---- */
void opener_input(struct csep_data *c, uint8_t *p, size_t n, const struct csep_addr *from);
void opener_put_open(struct csep_data *c, struct wr *w, struct packet_span *span);

/* ---- acceptee.c ---- */

/* What the acceptor found out about an OPEN before there was a connection. */
struct open_found {
    struct open_header h;
    struct packet_span span;
    struct csep_slot slot;
    struct opening opening; /* keys and share of the early epoch, moved into the connection */
    struct x25519_shared shared;
    bool upgraded;
    bool address_proved; /* a valid token */
    bool retried;        /* it was one of RETRY */
    uint64_t number;
    struct view payload; /* opened, its frames checked */
    struct frame_params params;
};
/* Keys, and the payload in place. False: not authentic. */
bool acceptee_look(struct open_found *f, uint8_t *p);
/* Frames and PARAMS of a payload that opened. */
csep_status acceptee_check(struct open_found *f) CSEP_MUST_CHECK;
/* A share of our own where the opener's is taken. PROTECTION: its share is of no use (KEY-20). */
csep_status acceptee_upgrade(struct open_found *f, struct csep_random rnd) CSEP_MUST_CHECK;
csep_status acceptee_start(struct csep_data *c, const struct csep_data_config *cfg, struct conn_owner *owner,
                           struct open_found *f, const struct csep_addr *from, size_t bytes,
                           csep_time now) CSEP_MUST_CHECK;
void acceptee_put_accept(struct csep_data *c, struct wr *w, struct packet_span *span);
void acceptee_repeated_open(struct csep_data *c, uint8_t *p, size_t n, const struct open_header *h,
                            const struct packet_span *span, const struct csep_addr *from);
void acceptee_early(struct csep_data *c, uint8_t *p, size_t n, const struct csep_addr *from);
void acceptee_short(struct csep_data *c, uint8_t *p, size_t n, const struct csep_addr *from);
void acceptee_confirmed(struct csep_data *c, const struct csep_addr *from);

/* ---- path.c ---- */
void path_received(struct csep_data *c, const struct csep_addr *from, size_t bytes);
void path_note(struct csep_data *c, const struct csep_addr *from, bool highest, bool own_changed);
/* Bytes that may be sent to the path in use now. */
size_t path_allows(const struct csep_data *c);
void path_prove(struct csep_data *c);
void path_challenged(struct csep_data *c, const uint8_t data[8]);
void path_response(struct csep_data *c, const uint8_t data[8]);
void path_expire(struct csep_data *c);
/* Ids of our own for the peer to have. */
void path_offer_cids(struct csep_data *c);
/* Did the peer use another of our ids than before? */
bool own_cid_changed(struct csep_data *c, const uint8_t *id);
void own_cid_token(struct csep_data *c, const uint8_t *id, uint8_t token[CSEP_RESET_TOKEN_LEN]);
int own_cid_find(const struct csep_data *c, const uint8_t *id);
csep_status own_cid_retire(struct csep_data *c, uint64_t sequence) CSEP_MUST_CHECK;
csep_status own_cid_add(struct csep_data *c, int *out_index);

/* ---- timer.c ---- */
csep_time timer_deadline(const struct csep_data *c);
void timer_expire(struct csep_data *c);

#endif
