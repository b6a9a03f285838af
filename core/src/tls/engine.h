/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connection object, its states and inputs, and what its parts offer each other:
 *
 *   tls.c     life cycle and the secure-stream verbs
 *   input.c   bytes -> records -> messages -> state table
 *   send.c    messages and data -> records, alerts, failure
 *   auth.c    Certificate, CertificateVerify and Finished, the same for both roles
 *   client.c  server.c   the state tables and their handlers
 */
#ifndef CSEP_TLS_ENGINE_H
#define CSEP_TLS_ENGINE_H

#include "tls/buffer.h"
#include "tls/identity.h"
#include "tls/message.h"
#include "tls/record.h"
#include "tls/schedule.h"
#include "tls/ticket.h"
#include "tls/transcript.h"

#define TLS_STATE_LIST(X)                                                                                    \
    X(CLIENT_WAIT_HELLO)          /* ClientHello sent */                                                     \
    X(CLIENT_WAIT_HELLO_AGAIN)    /* HelloRetryRequest answered */                                           \
    X(CLIENT_WAIT_EXTENSIONS)     /* full handshake */                                                       \
    X(CLIENT_WAIT_EXTENSIONS_PSK) /* resumption */                                                           \
    X(CLIENT_WAIT_REQUEST_OR_CERTIFICATE)                                                                    \
    X(CLIENT_WAIT_CERTIFICATE)                                                                               \
    X(CLIENT_WAIT_VERIFY)                                                                                    \
    X(CLIENT_WAIT_FINISHED)                                                                                  \
    X(CLIENT_CONNECTED)                                                                                      \
    X(SERVER_WAIT_HELLO)                                                                                     \
    X(SERVER_WAIT_HELLO_AGAIN) /* HelloRetryRequest sent */                                                  \
    X(SERVER_WAIT_CERTIFICATE) /* flight sent, from here on the server may speak */                          \
    X(SERVER_WAIT_VERIFY)                                                                                    \
    X(SERVER_WAIT_FINISHED)                                                                                  \
    X(SERVER_CONNECTED)                                                                                      \
    X(FAILED)

enum tls_state {
#define TLS_STATE_ENUM(name) TLS_##name,
    TLS_STATE_LIST(TLS_STATE_ENUM)
#undef TLS_STATE_ENUM
        TLS_NUM_STATES
};

#define TLS_INPUT_LIST(X)                                                                                    \
    X(CLIENT_HELLO)                                                                                          \
    X(SERVER_HELLO)                                                                                          \
    X(HELLO_RETRY_REQUEST)                                                                                   \
    X(NEW_SESSION_TICKET)                                                                                    \
    X(END_OF_EARLY_DATA)                                                                                     \
    X(ENCRYPTED_EXTENSIONS)                                                                                  \
    X(CERTIFICATE)                                                                                           \
    X(CERTIFICATE_REQUEST)                                                                                   \
    X(CERTIFICATE_VERIFY)                                                                                    \
    X(FINISHED)                                                                                              \
    X(KEY_UPDATE)                                                                                            \
    X(OTHER) /* a handshake message of a type that is none of these */                                       \
    X(APPLICATION_DATA)                                                                                      \
    X(CHANGE_CIPHER_SPEC)

enum tls_input {
#define TLS_INPUT_ENUM(name) TLS_INPUT_##name,
    TLS_INPUT_LIST(TLS_INPUT_ENUM)
#undef TLS_INPUT_ENUM
        TLS_NUM_INPUTS
};

struct csep_tls;

/*
 * What a state does with an input. No handler: unexpected_message. The state that follows is
 * next[0], or the one that the handler chose by setting *out_branch: all stand in the table, so
 * that it can be printed and walked.
 */
#define TLS_BRANCHES 3u
struct tls_rule {
    csep_status (*handle)(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch);
    enum tls_state next[TLS_BRANCHES];
};

extern const struct tls_rule tls_client_rules[TLS_NUM_STATES][TLS_NUM_INPUTS];
extern const struct tls_rule tls_server_rules[TLS_NUM_STATES][TLS_NUM_INPUTS];
const char *tls_state_name(enum tls_state s);
const char *tls_input_name(enum tls_input i);

/* Needed until the handshake is over, then wiped as one. */
struct tls_handshake {
    struct hash_ctx transcript;
    struct tls_schedule schedule;
    struct x25519_private priv;
    struct x25519_public share;
    uint8_t session_id[32], grease[4];
    uint8_t session_id_len;
    struct secret client_finished, server_finished; /* finished keys */
    struct secret client_traffic; /* server: client_application_traffic_secret_0 till used */
    uint8_t expected[HASH_LEN];   /* server: verify_data of the client, once it is computable */
    bool expects;
    uint8_t peer_key[ED25519_PUB_LEN]; /* from Certificate, until CertificateVerify proves it */
    enum tls_cert_type own_type, peer_type;
    struct csep_tls_session session; /* client: what was offered */
    bool offers_session;
    uint32_t offered;       /* client: extensions in our hello */
    bool sent_share;        /* client: it had an X25519 share */
    bool asked_share;       /* the HelloRetryRequest asked for one */
    bool asked, can_answer; /* client: CertificateRequest came; and we have a key for it */
    bool retried;           /* there was a HelloRetryRequest */
    bool compat;            /* a ChangeCipherSpec record is still due */
    uint8_t cookie[16];     /* server: what the second ClientHello has to echo */
    uint32_t early_skip;    /* server: bytes of refused early data that may still come */
    bool psk_dhe;           /* server: the client can use tickets */
};

struct csep_tls {
    struct csep_secure secure; /* first: the two convert into each other */
    struct csep_tls_config cfg;
    const struct tls_rule (*rules)[TLS_NUM_INPUTS];
    enum tls_state state;
    csep_status failure;
    csep_time now;           /* of the call in progress */
    csep_time authenticated; /* of the ticket or session that was used, else now (NEG-19) */

    struct tls_keys rx, tx;
    struct secret rx_secret, tx_secret; /* application traffic secrets, for KeyUpdate */
    struct secret exporter, resumption;
    bool has_exporter, has_resumption;
    bool resumed, rx_closed, tx_closed, update_queued;
    uint8_t tickets_sent;
    uint8_t quiet; /* records in a row that brought nothing; see TLS_PATIENCE */
    uint8_t alert; /* that the peer sent */

    struct csep_identity peer;
    uint8_t own_spki_sha256[32]; /* client: the key that it proved to have, zero for none */
    const char *alpn;
    uint8_t client_random[TLS_RANDOM_LEN];
    char name[TLS_NAME_MAX + 1]; /* server: SNI */
    uint8_t name_len;

    /* in.p: application data not read yet | handshake bytes | the record that is arriving */
    struct tls_buffer in, out;
    size_t in_start, in_app, in_hs, in_raw; /* where data begins, and where each of the three parts ends */
    size_t out_start, out_end;

    struct tls_handshake hs;
};

/* Records in a row that neither end profits from: ChangeCipherSpec, empty data, tickets, key updates. */
#define TLS_PATIENCE 32u
/* Early data is never taken; a client that tries anyway may send this much before it hears so. */
#define TLS_EARLY_SKIP 16384u

/* Closure alerts: the two that are no failures (section 6.1). */
enum { ALERT_CLOSE_NOTIFY = 0, ALERT_USER_CANCELED = 90 };

/* --- input.c --- */
csep_status tls_input_bytes(struct csep_tls *t, const uint8_t *in, size_t n);
size_t tls_input_read(struct csep_tls *t, uint8_t *out, size_t cap);
/* Handlers that both tables use. */
csep_status tls_on_application_data(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch);
csep_status tls_on_nothing(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch);
csep_status tls_on_key_update(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch);

/* --- send.c --- */
/*
 * One record being written in place: begin, append messages, end. Begin fails only for lack of memory;
 * nothing else may be sent in between. tls_flight_message() adds what was written since `from` to the
 * transcript.
 */
csep_status tls_flight_begin(struct csep_tls *t, size_t max, struct wr *out);
void tls_flight_message(struct csep_tls *t, const struct wr *w, size_t from);
csep_status tls_flight_end(struct csep_tls *t, struct wr *w, enum tls_content type);
/* The one ChangeCipherSpec of compatibility mode, where it is due. */
csep_status tls_send_compat(struct csep_tls *t);
csep_status tls_send_data(struct csep_tls *t, const uint8_t *in, size_t n);
csep_status tls_send_key_update(struct csep_tls *t, bool request);
csep_status tls_send_alert(struct csep_tls *t, uint8_t level, uint8_t description);
size_t tls_output_bytes(struct csep_tls *t, uint8_t *out, size_t cap);
/* Fail for good: the first time queue the alert and forget all keys. Returns why the connection failed. */
csep_status tls_fail(struct csep_tls *t, csep_status st);
void tls_keylog(const struct csep_tls *t, const char *label, const struct secret *s);

/* --- auth.c --- */
struct rd tls_body(const struct tls_message *m);
void tls_transcript_add(struct csep_tls *t, const struct tls_message *m);
/* X25519 with the peer's share; illegal_parameter for a low-order point. */
csep_status tls_agree(struct csep_tls *t, const uint8_t *peer_share, struct x25519_shared *out);
/* Handshake traffic keys and finished keys, transcript through ServerHello. Wipes `shared`. */
void tls_start_handshake(struct csep_tls *t, bool with_psk, struct x25519_shared *shared,
                         struct tls_keys *out_client, struct tls_keys *out_server);
/* Application traffic secrets and the exporter, transcript through the server's Finished. */
void tls_start_application(struct csep_tls *t, struct secret *out_client, struct secret *out_server);
/* The end-entity key of a Certificate message. *out_empty: there was none. */
csep_status tls_take_certificate(struct csep_tls *t, const struct tls_message *m, bool *out_empty);
/* Check the signature by that key, then ask for trust in it. */
csep_status tls_take_verify(struct csep_tls *t, const struct tls_message *m, enum tls_signer who);
csep_status tls_check_trust(struct csep_tls *t);
csep_status tls_take_finished(const struct tls_message *m, const uint8_t expected[HASH_LEN]);
/* Append to a flight. */
void tls_put_certificate(struct csep_tls *t, struct wr *w);
void tls_put_verify(struct csep_tls *t, struct wr *w, enum tls_signer who);
void tls_put_finished(struct csep_tls *t, struct wr *w, const struct secret *finished_key);
/* Forget everything that only the handshake needed. */
void tls_handshake_done(struct csep_tls *t);
/* Name of the server as trust sees it: what a client asked for, what a server was asked for. */
void tls_server_name(const struct csep_tls *t, const char **out, size_t *out_len);

/* --- client.c, server.c --- */
csep_status tls_client_start(struct csep_tls *t);
/* Count a record that brought nothing; unexpected_message when there were too many in a row. */
csep_status tls_patience(struct csep_tls *t);

#endif
