/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handshake messages: decoders and encoders (RFC 8446 section 4).
 *
 * Decoders touch no state, validate all that can be judged from the message alone, and hand
 * out views into it. Encoders write whole messages, header included, from a struct of values.
 */
#ifndef CSEP_TLS_MESSAGE_H
#define CSEP_TLS_MESSAGE_H

#include "base/cursor.h"
#include "csep/tls.h"

enum {
    TLS_VERSION_1_2 = 0x0303,
    TLS_VERSION_1_3 = 0x0304,
    TLS_CHACHA20_POLY1305_SHA256 = 0x1303,
    TLS_GROUP_X25519 = 29,
    TLS_SIG_ED25519 = 0x0807,
    TLS_PSK_DHE_KE = 1,
};

enum tls_message_type {
    TLS_CLIENT_HELLO = 1,
    TLS_SERVER_HELLO = 2,
    TLS_NEW_SESSION_TICKET = 4,
    TLS_END_OF_EARLY_DATA = 5,
    TLS_ENCRYPTED_EXTENSIONS = 8,
    TLS_CERTIFICATE = 11,
    TLS_CERTIFICATE_REQUEST = 13,
    TLS_CERTIFICATE_VERIFY = 15,
    TLS_FINISHED = 20,
    TLS_KEY_UPDATE = 24,
    TLS_MESSAGE_HASH = 254,
};

#define TLS_MESSAGE_HEADER 4u
#define TLS_RANDOM_LEN     32u
#define TLS_BINDER_LEN     32u
#define TLS_NAME_MAX       255u

extern const uint8_t tls_retry_random[TLS_RANDOM_LEN]; /* marks a ServerHello as HelloRetryRequest */

/* One whole handshake message. */
struct tls_message {
    uint8_t type;
    const uint8_t *p; /* with its header */
    size_t n;
    bool ends_record; /* nothing follows in the same record: keys may change here (section 5.1) */
};

/* Largest message accepted, header not counted, from its type. */
size_t tls_message_max(uint8_t type);

/* Where extensions appear, as flags for the table below. */
enum tls_where {
    TLS_IN_CH = 1 << 0,
    TLS_IN_SH = 1 << 1,
    TLS_IN_HRR = 1 << 2,
    TLS_IN_EE = 1 << 3,
    TLS_IN_CT = 1 << 4,
    TLS_IN_CR = 1 << 5,
    TLS_IN_NST = 1 << 6,
};

/* X(name, number, messages that may carry it: section 4.2) */
#define TLS_EXT_LIST(X)                                                                                      \
    X(SERVER_NAME, 0, TLS_IN_CH | TLS_IN_EE)                                                                 \
    X(MAX_FRAGMENT_LENGTH, 1, TLS_IN_CH | TLS_IN_EE)                                                         \
    X(STATUS_REQUEST, 5, TLS_IN_CH | TLS_IN_CR | TLS_IN_CT)                                                  \
    X(SUPPORTED_GROUPS, 10, TLS_IN_CH | TLS_IN_EE)                                                           \
    X(SIGNATURE_ALGORITHMS, 13, TLS_IN_CH | TLS_IN_CR)                                                       \
    X(USE_SRTP, 14, TLS_IN_CH | TLS_IN_EE)                                                                   \
    X(HEARTBEAT, 15, TLS_IN_CH | TLS_IN_EE)                                                                  \
    X(ALPN, 16, TLS_IN_CH | TLS_IN_EE)                                                                       \
    X(CERTIFICATE_TIMESTAMP, 18, TLS_IN_CH | TLS_IN_CR | TLS_IN_CT)                                          \
    X(CLIENT_CERTIFICATE_TYPE, 19, TLS_IN_CH | TLS_IN_EE)                                                    \
    X(SERVER_CERTIFICATE_TYPE, 20, TLS_IN_CH | TLS_IN_EE)                                                    \
    X(PADDING, 21, TLS_IN_CH)                                                                                \
    X(RECORD_SIZE_LIMIT, 28, TLS_IN_CH | TLS_IN_EE)                                                          \
    X(PRE_SHARED_KEY, 41, TLS_IN_CH | TLS_IN_SH)                                                             \
    X(EARLY_DATA, 42, TLS_IN_CH | TLS_IN_EE | TLS_IN_NST)                                                    \
    X(SUPPORTED_VERSIONS, 43, TLS_IN_CH | TLS_IN_SH | TLS_IN_HRR)                                            \
    X(COOKIE, 44, TLS_IN_CH | TLS_IN_HRR)                                                                    \
    X(PSK_KEY_EXCHANGE_MODES, 45, TLS_IN_CH)                                                                 \
    X(CERTIFICATE_AUTHORITIES, 47, TLS_IN_CH | TLS_IN_CR)                                                    \
    X(OID_FILTERS, 48, TLS_IN_CR)                                                                            \
    X(POST_HANDSHAKE_AUTH, 49, TLS_IN_CH)                                                                    \
    X(SIGNATURE_ALGORITHMS_CERT, 50, TLS_IN_CH | TLS_IN_CR)                                                  \
    X(KEY_SHARE, 51, TLS_IN_CH | TLS_IN_SH | TLS_IN_HRR)

enum tls_ext {
#define TLS_EXT_ENUM(name, number, where) TLS_EXT_##name,
    TLS_EXT_LIST(TLS_EXT_ENUM)
#undef TLS_EXT_ENUM
        TLS_NUM_EXT
};

uint16_t tls_ext_number(enum tls_ext e);

/* The extensions of one message that this engine knows; unknown ones are dropped or refused on the way. */
struct tls_exts {
    uint32_t present; /* 1 << enum tls_ext */
    struct rd data[TLS_NUM_EXT];
};

static inline bool tls_has(uint32_t set, enum tls_ext e)
{
    return set >> e & 1;
}

/* `offered`: what our own hello carried; answers to anything else are refused (section 4.2). */
csep_status tls_exts_decode(struct rd r, enum tls_where where, uint32_t offered, struct tls_exts *out);

struct tls_psk_offer {
    struct rd identities; /* {opaque identity<1..2^16-1>; uint32 obfuscated_ticket_age} each */
    struct rd binders;    /* {opaque binder<32..255>} each, as many */
    size_t tail_len;      /* the binders list with its length: what the binder hash leaves out */
};

struct tls_client_hello {
    const uint8_t *random;
    struct rd session_id;
    bool cipher;  /* our suite is among those offered */
    bool group;   /* so is X25519 */
    bool psk_dhe; /* psk_dhe_ke is */
    bool early_data;
    struct rd groups; /* u16 each */
    unsigned num_shares;
    const uint8_t *share;                 /* X25519; NULL when there is none */
    struct rd signatures;                 /* u16 each; empty when absent */
    struct rd alpn;                       /* {opaque name<1..255>} each; empty when absent */
    struct rd name;                       /* host name of SNI; empty when absent */
    struct rd cookie;                     /* empty when absent */
    struct rd client_types, server_types; /* RFC 7250; empty when absent */
    struct tls_psk_offer psk;
    uint32_t present;
};
csep_status tls_client_hello_decode(struct rd r, struct tls_client_hello *out);

struct tls_server_hello {
    const uint8_t *random;
    struct rd session_id;
    uint16_t cipher;
    bool retry; /* it is a HelloRetryRequest */
    bool has_psk;
    uint16_t psk_index;
    uint16_t group;       /* 0 when there is no key_share */
    const uint8_t *share; /* ServerHello only, X25519 only */
    struct rd cookie;     /* HelloRetryRequest only; empty when absent */
};
csep_status tls_server_hello_decode(struct rd r, uint32_t offered, struct tls_server_hello *out);
/* Is this ServerHello body a HelloRetryRequest? */
bool tls_is_retry(struct rd body);

struct tls_encrypted_extensions {
    struct rd alpn; /* the one name; empty when absent */
    uint8_t client_type, server_type;
};
csep_status tls_encrypted_extensions_decode(struct rd r, uint32_t offered,
                                            struct tls_encrypted_extensions *out);

struct tls_certificate_request {
    struct rd signatures;
};
csep_status tls_certificate_request_decode(struct rd r, struct tls_certificate_request *out);

struct tls_certificate {
    struct rd first; /* end-entity certificate or SubjectPublicKeyInfo; empty list: no bytes */
    unsigned num;
};
csep_status tls_certificate_decode(struct rd r, struct tls_certificate *out);

struct tls_certificate_verify {
    uint16_t algorithm;
    struct rd signature;
};
csep_status tls_certificate_verify_decode(struct rd r, struct tls_certificate_verify *out);

csep_status tls_finished_decode(struct rd r, const uint8_t **out_verify_data);

struct tls_new_session_ticket {
    uint32_t lifetime, age_add;
    struct rd nonce, ticket;
};
csep_status tls_new_session_ticket_decode(struct rd r, struct tls_new_session_ticket *out);

csep_status tls_key_update_decode(struct rd r, bool *out_requested);

/* Does a list of u16 (no length in front) hold v? */
bool tls_list_has(struct rd list, uint16_t v);

/* --- encoders; a writer that overflows turns bad --- */

/* Message header; tls_message_end() patches the length. */
size_t tls_message_begin(struct wr *w, enum tls_message_type type);
void tls_message_end(struct wr *w, size_t mark);

struct tls_hello_offer {
    const uint8_t *random, *session_id; /* 32 bytes each */
    const char *const *alpn;
    const char *server_name; /* or NULL */
    const uint8_t *share;    /* X25519, or NULL: no share of a group we know */
    const uint8_t *grease;   /* 4 random bytes, or NULL: no GREASE */
    bool no_grease_share;    /* after a HelloRetryRequest for a group: that group's share alone */
    struct rd cookie;        /* empty: none */
    bool raw_server, raw_client, x509_client; /* certificate types to offer; x509_client beside raw_client */
    bool tickets;                             /* willing to be resumed */
    const struct csep_tls_session *session;   /* or NULL */
    uint32_t obfuscated_age;
};
/* Binders are zeros, in the last *out_tail_len bytes with their lengths; *out_offered is for
 * tls_exts_decode(). */
void tls_client_hello_encode(struct wr *w, const struct tls_hello_offer *o, size_t *out_tail_len,
                             uint32_t *out_offered);

struct tls_hello_answer {
    const uint8_t *random; /* NULL: HelloRetryRequest */
    struct rd session_id;
    const uint8_t *share; /* NULL: in a HelloRetryRequest ask for X25519, see `ask_share` */
    bool ask_share;
    bool psk; /* identity number psk_index was taken */
    uint16_t psk_index;
    struct rd cookie; /* HelloRetryRequest: empty for none */
};
void tls_server_hello_encode(struct wr *w, const struct tls_hello_answer *a);

struct tls_encrypted_answer {
    const char *alpn;
    bool ack_name;
    bool client_type_present, server_type_present;
    uint8_t client_type, server_type;
};
void tls_encrypted_extensions_encode(struct wr *w, const struct tls_encrypted_answer *a);
/* grease: 4 random bytes or NULL. */
void tls_certificate_request_encode(struct wr *w, const uint8_t *grease);
/* n == 0: an empty list. */
void tls_certificate_encode(struct wr *w, const uint8_t *entry, size_t n);
void tls_certificate_verify_encode(struct wr *w, const uint8_t sig[64]);
void tls_finished_encode(struct wr *w, const uint8_t verify_data[32]);
void tls_new_session_ticket_encode(struct wr *w, const struct tls_new_session_ticket *t,
                                   const uint8_t *grease);
void tls_key_update_encode(struct wr *w, bool request);

#endif
