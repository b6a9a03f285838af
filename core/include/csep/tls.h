/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csep/tls.h - the built-in TLS 1.3 engine, one of the providers of csep/secure.h.
 *
 * The profile (spec section 3): TLS 1.3 only, TLS_CHACHA20_POLY1305_SHA256, X25519,
 * Ed25519, ALPN required; full handshakes and psk_dhe_ke resumption, HelloRetryRequest,
 * raw public keys (RFC 7250) and X.509 certificates whose Ed25519 key is pinned or
 * remembered, client authentication, KeyUpdate, exporters, alerts. No early data, no
 * renegotiation, nothing older. Certificate paths are not validated: trust is in the key.
 *
 * Life cycle: fill a csep_tls_config (it and all it points to must outlive the
 * connection), place a connection with csep_tls_client() or csep_tls_server() in
 * memory of csep_tls_size() bytes (aligned as for malloc), drive it through
 * csep_tls_secure() by the verbs of csep/secure.h, end with csep_tls_wipe(). Buffers come
 * from `alloc` and go back as soon as they are empty.
 */
#ifndef CSEP_TLS_H
#define CSEP_TLS_H

#include "csep/host.h"
#include "csep/secure.h"
#include "csep/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

struct csep_tls; /* one connection, either role */

/*
 * An Ed25519 key pair, with the X.509 certificate that carries it where there is one. Set
 * `seed` and call csep_tls_identity_init(), which derives the public key once rather than in
 * every handshake. A public key that is not the seed's would give the private key away: never
 * set it by hand; all zero means "derive it when needed".
 */
struct csep_tls_identity {
    uint8_t seed[32];           /* RFC 8032 private key */
    uint8_t public_key[32];     /* of the seed */
    const uint8_t *certificate; /* DER; NULL: raw public key only */
    size_t certificate_len;     /* at most CSEP_TLS_CERTIFICATE_MAX */
};
#define CSEP_TLS_CERTIFICATE_MAX 12288u

/* Identity of a seed, as a raw public key; certificate may be set afterwards. */
void csep_tls_identity_init(struct csep_tls_identity *id, const uint8_t seed[32]);

/*
 * Trust in the peer's key, asked once the peer proved it, and in each resumption for the key that
 * the first handshake proved. The name is the one that the client asked for: a key that is good for
 * another name is not good here (NEG-17). Return false to refuse: certificate_unknown, or, where a
 * server would resume, a full handshake.
 */
struct csep_tls_trust {
    bool (*check)(void *self, const struct csep_identity *peer, const char *server_name, size_t name_len);
    void *self;
};

/* A resumption ticket with its PSK. Secret. Plain value: copy, keep, wipe. */
struct csep_tls_session {
    uint8_t psk[32];
    uint8_t peer_spki_sha256[32]; /* who the full handshake proved the server to be */
    uint8_t own_spki_sha256[32];  /* and who the client proved to be; zero: nobody */
    csep_time authenticated;      /* when it did: through all resumptions, 604800 s at most (NEG-19) */
    csep_time received;
    uint32_t lifetime; /* seconds, at most 604800 */
    uint32_t age_add;
    uint16_t ticket_len;
    uint8_t ticket[1024];
};

/* Where a client's resumption tickets go, and come from. take() hands out each session once. NULL: no
 * resumption. A session in which the client proved another identity than it has now is thrown away. */
struct csep_tls_sessions {
    void (*put)(void *self, const struct csep_tls_session *s);
    bool (*take)(void *self, struct csep_tls_session *out);
    void *self;
};

/* Keys that seal a server's resumption tickets: current and previous (overlap). Shared by all connections. */
struct csep_tls_ticket_keys {
    uint8_t current[32], previous[32];
    bool have_previous;
};
/* Move current to previous and draw a new one. All-zero keys are refused by csep_tls_server(). */
void csep_tls_ticket_keys_rotate(struct csep_tls_ticket_keys *k, struct csep_random rnd);

enum csep_tls_client_auth { CSEP_TLS_AUTH_NONE, CSEP_TLS_AUTH_REQUEST, CSEP_TLS_AUTH_REQUIRE };

struct csep_tls_config {
    const struct csep_tls_identity *identity; /* server: required; client: NULL = anonymous */
    struct csep_tls_trust trust;              /* required for a client and where client_auth is set */
    const char *const *alpn;                  /* NULL-terminated, in order of preference; required */
    const char *server_name;                  /* client: SNI or NULL; server: the one name served or NULL */
    struct csep_tls_sessions sessions;        /* client */
    const struct csep_tls_ticket_keys *ticket_keys; /* server: NULL = sends no tickets, resumes nothing */
    uint32_t ticket_lifetime;                       /* server, seconds; default 86400 */
    uint8_t num_tickets;                            /* server, per full or resumed handshake; default 1 */
    enum csep_tls_client_auth client_auth;          /* server */
    bool force_hello_retry;                         /* server: ask for a cookie round (tests, load) */
    bool send_empty_key_share;                      /* client: provoke a HelloRetryRequest (tests) */
    bool raw_public_key;                            /* offer or prefer RFC 7250 where both ends can */
    bool middlebox_compat;                          /* RFC 8446 D.4 records; default true */
    bool grease;                                    /* RFC 8701 values; default true */
    size_t max_pending;                             /* most bytes queued either way; default 131072 */
    struct csep_random random;                      /* required */
    struct csep_alloc alloc;                        /* required */
    struct csep_trace trace;
    struct csep_keylog keylog;
};

struct csep_tls_config csep_tls_config_default(void);

size_t csep_tls_size(void);
/* CSEP_ERR_VALUE: the configuration lacks something required. */
csep_status csep_tls_client(struct csep_tls *t, const struct csep_tls_config *cfg,
                            csep_time now) CSEP_MUST_CHECK;
csep_status csep_tls_server(struct csep_tls *t, const struct csep_tls_config *cfg,
                            csep_time now) CSEP_MUST_CHECK;
/* The secure-stream view of the connection; lives as long as it. */
struct csep_secure *csep_tls_secure(struct csep_tls *t);
/* Change the sending keys, and ask the peer to change its own when `request_peer`. */
csep_status csep_tls_key_update(struct csep_tls *t, bool request_peer, csep_time now) CSEP_MUST_CHECK;
/* Selected ALPN; NULL before it is known. */
const char *csep_tls_alpn(const struct csep_tls *t);
/* AlertDescription of the last alert that the peer sent; says what CSEP_ERR_TLS_ALERT_RECEIVED is about. */
unsigned csep_tls_alert(const struct csep_tls *t);
/* Memory held now beyond csep_tls_size(). */
size_t csep_tls_heap(const struct csep_tls *t);
/* Return all memory to the allocator and wipe. */
void csep_tls_wipe(struct csep_tls *t);

/* DER SubjectPublicKeyInfo of an Ed25519 key, and its SHA-256 as csep_identity holds it. */
void csep_tls_spki(const uint8_t public_key[32], uint8_t out_spki[44], struct csep_identity *out_identity);
/* Public key of a seed. */
void csep_tls_public_key(const uint8_t seed[32], uint8_t out_public[32]);
/* Find the Ed25519 SPKI in a DER certificate; CSEP_ERR_TLS_UNSUPPORTED_CERTIFICATE for another kind of key.
 */
csep_status csep_tls_certificate_key(const uint8_t *der, size_t n, uint8_t out_public[32]) CSEP_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
