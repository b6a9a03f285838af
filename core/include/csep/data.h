/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csep/data.h - data connections: over UDP (csep_data) and over TCP (csep_stream).
 *
 * Opener: take a slot from a context, csep_data_open(), queue data at once (it leaves in
 * the first datagram), then drive it by the host contract of csep/host.h. Acceptor: one
 * csep_acceptor per UDP socket or group of sockets; it owns its connections and
 * hands them out by event. Datagrams are decrypted in place: input buffers are written to.
 *
 * Over TCP there is no acceptor object: csep_stream_accept() makes a stream that waits
 * for OPEN on an accepted TCP connection.
 */
#ifndef CSEP_DATA_H
#define CSEP_DATA_H

#include "csep/slot.h"
#include "csep/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

struct csep_data_config {
    uint64_t max_data;           /* credit for message bytes; default 1 MiB */
    uint64_t max_message;        /* largest message taken; default 1 MiB */
    csep_time idle_timeout;      /* default 30 s */
    csep_time max_ack_delay;     /* default 25 ms */
    csep_time open_timeout;      /* default 10 s */
    csep_time initial_rtt;       /* sample from the negotiation (DATA-29); 0 = none */
    uint16_t replay_window;      /* default 2048; a power of two, 64..8192 */
    uint16_t max_unit;           /* largest UDP payload to send; default 1200 */
    uint16_t aead;               /* 0 = first granted one that this build has */
    uint8_t max_cids;            /* default 2 */
    bool offer_share;            /* X25519 upgrade where the grant offers it; default true */
    bool early;                  /* opener: use early data; acceptor: take it; default true */
    uint64_t key_update_packets; /* 0 = the specification's limit; tests set it small */
    const char *protocol;        /* opener: application protocol, or NULL */
    /* Opener: whom the application asks for, 32 bytes, read by open() only: a slot of a context with anybody
     * else is CSEP_ERR_IDENTITY (SEC-14). NULL: the host compared it before it took the slot. */
    const uint8_t *peer_spki_sha256;
    size_t send_buffer; /* most message and datagram bytes queued; default 4 MiB */
    struct csep_random random;
    struct csep_alloc alloc;
    struct csep_trace trace;
    struct csep_keylog keylog;
};
struct csep_data_config csep_data_config_default(void);

#define CSEP_DATA_STATE_LIST(X)                                                                              \
    X(IDLE) X(OPENING) X(OPEN) X(ACCEPTED) X(CONFIRMED) X(CLOSING) X(DRAINING) X(CLOSED)
enum csep_data_state {
#define CSEP_X(n) CSEP_DATA_##n,
    CSEP_DATA_STATE_LIST(CSEP_X) CSEP_DATA_STATE_COUNT
#undef CSEP_X
};
const char *csep_data_state_name(enum csep_data_state s);

enum csep_data_event_type {
    /* ACCEPT verified (opener) or OPEN taken (acceptor); `early` = early data taken */
    CSEP_DATA_EV_OPENED = 1,
    CSEP_DATA_EV_CONFIRMED,
    CSEP_DATA_EV_DATAGRAM,  /* bytes, len, early */
    CSEP_DATA_EV_MESSAGE,   /* channel, sequence, ordered, bytes, len, early */
    CSEP_DATA_EV_STREAM,    /* TCP: bytes can be read with csep_stream_read() */
    CSEP_DATA_EV_SENT,      /* message `id` was acknowledged whole */
    CSEP_DATA_EV_ABANDONED, /* message `id` was given up (deadline, transmissions) */
    CSEP_DATA_EV_TICKETS,   /* bytes, len: len u8 and ticket each */
    CSEP_DATA_EV_HINT,      /* code, value = seconds */
    CSEP_DATA_EV_REFUSED,   /* opener: ticket refused; mark the context SUSPECT */
    CSEP_DATA_EV_RETRY,     /* opener: server asked for a token round */
    CSEP_DATA_EV_PATH,      /* peer's address changed or was validated */
    CSEP_DATA_EV_KEY_UPDATE,
    CSEP_DATA_EV_WRITABLE, /* room again after CSEP_ERR_LIMIT */
    CSEP_DATA_EV_CLOSED,   /* status, code, by_peer: the last event */
};

/* bytes is valid until the next call on the connection. */
struct csep_data_event {
    enum csep_data_event_type type;
    bool early, by_peer, ordered;
    csep_status status;
    uint64_t code, value, id, channel, sequence;
    const uint8_t *bytes;
    size_t len;
};

struct csep_message_options {
    uint64_t channel; /* 0..65535 */
    bool ordered;
    bool replayable;        /* may be sent again on a new connection (DATA-34) */
    csep_time deadline;     /* CSEP_NEVER = no deadline */
    unsigned transmissions; /* 0 = until acknowledged */
};

struct csep_data_stats {
    uint64_t packets_sent, packets_received, bytes_sent, bytes_received, packets_lost, dropped, forgeries;
    uint64_t cwnd, in_flight, ptos;
    csep_time srtt, min_rtt;
    unsigned key_generation;
};

/* ---- One connection over UDP ---- */

struct csep_data;
size_t csep_data_size(void);
/* Opener. The slot is copied; the caller wipes its own. */
csep_status csep_data_open(struct csep_data *c, const struct csep_data_config *cfg,
                           const struct csep_slot *slot, enum csep_service service,
                           const struct csep_addr *peer, csep_time now) CSEP_MUST_CHECK;
/* Queue one datagram (service 0): CSEP_ERR_OVERSIZE when it cannot fit a packet, CSEP_ERR_LIMIT when the
 * queue is full. */
csep_status csep_data_send_datagram(struct csep_data *c, const uint8_t *in, size_t n,
                                    csep_time now) CSEP_MUST_CHECK;
/* Queue one message (service 1); *out_id names it in events. */
csep_status csep_data_send_message(struct csep_data *c, const struct csep_message_options *opt,
                                   const uint8_t *in, size_t n, csep_time now,
                                   uint64_t *out_id) CSEP_MUST_CHECK;
/* Opener, when the connection ended before it was confirmed: the messages marked `replayable` that were not
 * acknowledged, oldest first, for the application to send on a new connection (DATA-34). False: no more.
 * Valid until the connection is wiped. */
bool csep_data_replayable(struct csep_data *c, struct csep_message_options *out_opt,
                          const uint8_t **out_bytes, size_t *out_len);
/* Start a key update (DATA-53); CSEP_AGAIN while it is not allowed yet. */
csep_status csep_data_key_update(struct csep_data *c, csep_time now) CSEP_MUST_CHECK;
/* Opener: the local address changed; use a new connection id and probe. */
void csep_data_migrate(struct csep_data *c, csep_time now);
/* Acceptor: send more tickets, a hint. */
csep_status csep_data_send_tickets(struct csep_data *c, unsigned num, csep_time now) CSEP_MUST_CHECK;
csep_status csep_data_send_hint(struct csep_data *c, enum csep_hint code, uint32_t seconds,
                                csep_time now) CSEP_MUST_CHECK;
void csep_data_close(struct csep_data *c, uint64_t code, csep_time now);

void csep_data_input(struct csep_data *c, uint8_t *datagram, size_t n, const struct csep_addr *from,
                     csep_time now);
size_t csep_data_output(struct csep_data *c, uint8_t *out, size_t cap, struct csep_addr *to, csep_time now);
csep_time csep_data_deadline(const struct csep_data *c);
void csep_data_expire(struct csep_data *c, csep_time now);
bool csep_data_event(struct csep_data *c, struct csep_data_event *out);

enum csep_data_state csep_data_get_state(const struct csep_data *c);
void csep_data_get_stats(const struct csep_data *c, struct csep_data_stats *out);
/* Usage since the last call, to be reported to the context. */
struct csep_usage csep_data_take_usage(struct csep_data *c);
/* Largest datagram that fits one packet now. */
size_t csep_data_max_datagram(const struct csep_data *c);
/* Exported secret (spec 5.4), from OPENED on. CSEP_ERR_REFUSED: the label "srtp" and no such EXPORTS (API-7).
 */
csep_status csep_data_export(struct csep_data *c, const char *label, const uint8_t *context,
                             size_t context_len, uint8_t *out, size_t out_len) CSEP_MUST_CHECK;
/* Memory held beyond csep_data_size(). */
size_t csep_data_heap(const struct csep_data *c);
void csep_data_set_user(struct csep_data *c, void *user);
void *csep_data_user(const struct csep_data *c);
void csep_data_wipe(struct csep_data *c);

/* ---- Acceptor over UDP ---- */

struct csep_acceptor_config {
    struct csep_data_config data;
    struct csep_slot_source slots;
    bool (*check_token)(void *self, const uint8_t *token, size_t len, const struct csep_addr *from,
                        csep_time now);
    void *check_token_self; /* address tokens of the grant (csep_grantor_check_address) */
    bool always_retry;      /* RETRY whenever the token is not valid (load, comparison) */
    size_t max_connections; /* default 100000 */
    unsigned refuse_per_second, refuse_per_second_address; /* default 100, 10 */
    /* OPENs without a valid token that are looked at, in all and from one prefix (/24, /56); RETRY beyond
     * that. Default 20000, 2000 (SEC-25). */
    unsigned open_per_second, open_per_second_prefix;
    uint8_t reset_key[32]; /* static key for reset tokens and retry tokens; zero = drawn at start */
};
struct csep_acceptor_config csep_acceptor_config_default(void);

struct csep_acceptor;
size_t csep_acceptor_size(void);
csep_status csep_acceptor_init(struct csep_acceptor *a, const struct csep_acceptor_config *cfg,
                               csep_time now) CSEP_MUST_CHECK;
/* Routes by connection id, opens new connections. *out_conn: the connection that took it (NULL: none), whose
 * verbs the host calls next; *out_new says that it was just made. */
void csep_acceptor_input(struct csep_acceptor *a, uint8_t *datagram, size_t n, const struct csep_addr *from,
                         csep_time now, struct csep_data **out_conn, bool *out_new);
/* REFUSE, RETRY and resets. Connections have their own output. */
size_t csep_acceptor_output(struct csep_acceptor *a, uint8_t *out, size_t cap, struct csep_addr *to,
                            csep_time now);
/* A pending context became active or was discarded: what was held is looked at again; drains like input(). */
bool csep_acceptor_held(struct csep_acceptor *a, csep_time now, struct csep_data **out_conn, bool *out_new);
csep_time csep_acceptor_deadline(const struct csep_acceptor *a);
/* Expires connections too; the host then drains each with csep_acceptor_due(). */
void csep_acceptor_expire(struct csep_acceptor *a, csep_time now);
/* A context was revoked: its connections end (NEG-52). The host then drains each with csep_acceptor_due(). */
void csep_acceptor_check(struct csep_acceptor *a, csep_time now);
/* Next connection that has output or events, or NULL. */
struct csep_data *csep_acceptor_due(struct csep_acceptor *a);
/* Give back a connection after its CLOSED event. */
void csep_acceptor_release(struct csep_acceptor *a, struct csep_data *c);
size_t csep_acceptor_count(const struct csep_acceptor *a);
void csep_acceptor_wipe(struct csep_acceptor *a);

/* ---- One connection over TCP ---- */

struct csep_stream;
size_t csep_stream_size(void);
csep_status csep_stream_open(struct csep_stream *s, const struct csep_data_config *cfg,
                             const struct csep_slot *slot, enum csep_service service,
                             csep_time now) CSEP_MUST_CHECK;
csep_status csep_stream_accept(struct csep_stream *s, const struct csep_data_config *cfg,
                               const struct csep_slot_source *slots, csep_time now) CSEP_MUST_CHECK;
/* Byte stream: takes as much as fits and returns it in *out_taken (CSEP_AGAIN when 0). */
csep_status csep_stream_write(struct csep_stream *s, const uint8_t *in, size_t n, csep_time now,
                              size_t *out_taken) CSEP_MUST_CHECK;
size_t csep_stream_read(struct csep_stream *s, uint8_t *out, size_t cap, bool *out_early);
csep_status csep_stream_send_message(struct csep_stream *s, const struct csep_message_options *opt,
                                     const uint8_t *in, size_t n, csep_time now,
                                     uint64_t *out_id) CSEP_MUST_CHECK;
/* As csep_data_replayable(), for a connection that ended before ACCEPT verified. What was written to a byte
 * stream is the application's own to judge. */
bool csep_stream_replayable(struct csep_stream *s, struct csep_message_options *out_opt,
                            const uint8_t **out_bytes, size_t *out_len);
/* As csep_data_export(); CSEP_AGAIN before OPENED. label: 1..200 bytes. */
csep_status csep_stream_export(const struct csep_stream *s, const char *label, const uint8_t *context,
                               size_t context_len, uint8_t *out, size_t out_len) CSEP_MUST_CHECK;
csep_status csep_stream_key_update(struct csep_stream *s, csep_time now) CSEP_MUST_CHECK;
/* Acceptor: send more tickets, a hint. */
csep_status csep_stream_send_tickets(struct csep_stream *s, unsigned num, csep_time now) CSEP_MUST_CHECK;
csep_status csep_stream_send_hint(struct csep_stream *s, enum csep_hint code, uint32_t seconds,
                                  csep_time now) CSEP_MUST_CHECK;
/*
 * Code 0: what was written goes out first, then CLOSE; any other code drops it. The CLOSED event comes once
 * CLOSE has left through output(), whatever ended the connection: drain output() before closing TCP.
 */
void csep_stream_close(struct csep_stream *s, uint64_t code, csep_time now);

/* Consumes what it can; *out_used < n means: the application must read first (DATA-100). */
csep_status csep_stream_input(struct csep_stream *s, const uint8_t *in, size_t n, csep_time now,
                              size_t *out_used);
void csep_stream_input_eof(struct csep_stream *s, csep_time now);
size_t csep_stream_output(struct csep_stream *s, uint8_t *out, size_t cap, csep_time now);
/* 0 while events wait, which output() may have caused. */
csep_time csep_stream_deadline(const struct csep_stream *s);
/* Also to be called when a pending context became active or ended, so that an OPEN that waits for it is
 * looked at again, and when a context was revoked, so that its connections end (NEG-52). */
void csep_stream_expire(struct csep_stream *s, csep_time now);
bool csep_stream_event(struct csep_stream *s, struct csep_data_event *out);
enum csep_data_state csep_stream_get_state(const struct csep_stream *s);
struct csep_usage csep_stream_take_usage(struct csep_stream *s);
size_t csep_stream_heap(const struct csep_stream *s);
void csep_stream_wipe(struct csep_stream *s);

#ifdef __cplusplus
}
#endif
#endif
