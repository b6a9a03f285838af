/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csep/context.h - what was granted, how long it is good, and where it is kept.
 *
 * Three things:
 *   csep_grant    the menu a server grants: a plain value, the same on both sides
 *   csep_store    the client's contexts, found by (peer, service, group, identity)
 *   csep_grantor  the server's side: makes grants and tickets, opens tickets again
 *
 * The client puts what a negotiation granted into its store and takes slots out of it
 * for data connections. The server's negotiation asks the grantor for a grant; its data
 * acceptor opens tickets through csep_grantor_slots(). Client and server share no code
 * path but the derivation of the slot secret.
 */
#ifndef CSEP_CONTEXT_H
#define CSEP_CONTEXT_H

#include "csep/secure.h"
#include "csep/slot.h"
#include "csep/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- States (spec 9.1): one list for enum, names, table and drawing ---- */

#define CSEP_CTX_STATE_LIST(X) X(NONE) X(NEGOTIATING) X(FRESH) X(SOFT) X(SUSPECT) X(EXPIRED) X(REVOKED)
#define CSEP_CTX_INPUT_LIST(X)                                                                               \
    X(NEGOTIATE) X(GRANTED) X(FAILED) X(SOFT_LIMIT) X(HARD_LIMIT) X(REFUSED) X(USED) X(REVOKE) X(FORGET)

enum csep_ctx_state {
#define CSEP_X(n) CSEP_CTX_##n,
    CSEP_CTX_STATE_LIST(CSEP_X) CSEP_CTX_STATE_COUNT
};
enum csep_ctx_input {
#undef CSEP_X
#define CSEP_X(n) CSEP_CTX_IN_##n,
    CSEP_CTX_INPUT_LIST(CSEP_X) CSEP_CTX_INPUT_COUNT
#undef CSEP_X
};
const char *csep_ctx_state_name(enum csep_ctx_state s);
const char *csep_ctx_input_name(enum csep_ctx_input i);
/* The table of spec 9.1; -1 where the pair cannot happen. */
int csep_ctx_next(enum csep_ctx_state s, enum csep_ctx_input i);
bool csep_ctx_usable(enum csep_ctx_state s);

/* ---- The grant ---- */

struct csep_grant_transport {
    uint8_t transport, flags;
    uint16_t services, port, max_unit;
    uint32_t first_flight;
    char host[254]; /* terminated; empty = the negotiation's address */
};

#define CSEP_GRANT_TRANSPORTS 8
#define CSEP_GRANT_PROTOCOLS  16

struct csep_grant {
    uint8_t handle[CSEP_HANDLE_LEN];
    uint32_t lifetime, refresh; /* seconds */
    uint16_t aeads[8];
    uint8_t num_aeads;
    struct csep_grant_transport transports[CSEP_GRANT_TRANSPORTS];
    uint8_t num_transports;
    char protocols[CSEP_GRANT_PROTOCOLS][256]; /* terminated */
    uint8_t num_protocols;
    uint16_t exports[16];
    uint8_t num_exports;
    uint8_t upgrade;         /* enum csep_upgrade */
    uint8_t client_identity; /* 1: bound to the client's identity too */
    uint8_t token[CSEP_TOKEN_MAX];
    uint8_t token_len;
    struct csep_usage limits; /* 0 = the specification's */
};

/* Entry for a transport, or NULL. */
const struct csep_grant_transport *csep_grant_transport(const struct csep_grant *g, uint8_t transport);

struct csep_ticket {
    uint8_t len;
    uint8_t b[CSEP_TICKET_MAX];
};

/* ---- Client: the store ---- */

/*
 * Everything that keeps one context apart from another (CTX-21). A peer of zeros is one not known yet: such a
 * key finds only a context made under it, and csep_store_get() with the peer's identity then takes that
 * context over as long as nothing was granted to it.
 */
struct csep_store_key {
    uint8_t peer_spki_sha256[32];
    uint8_t client_spki_sha256[32]; /* zero: anonymous */
    const char *service;            /* server name and port as the application says it, "host:port" */
    const char *group;              /* isolation group, "" by default */
};

struct csep_store_config {
    size_t max_contexts; /* default 10000 */
    struct csep_random random;
    struct csep_alloc alloc;
    struct csep_trace trace;
};

struct csep_store;
/* In a store. The address is valid until the context is forgotten, or evicted by a csep_store_get() that made
 * another: keep keys, not addresses, across that. A context that negotiates, for the first time or anew, is
 * not evicted before it is told of success or failure. */
struct csep_context;

size_t csep_store_size(void);
csep_status csep_store_init(struct csep_store *s, const struct csep_store_config *cfg) CSEP_MUST_CHECK;
void csep_store_wipe(struct csep_store *s);
size_t csep_store_count(const struct csep_store *s);

/* Find, or create in state NONE. NULL when full of used contexts or out of memory. */
struct csep_context *csep_store_get(struct csep_store *s, const struct csep_store_key *key, csep_time now);
/* Find only. */
struct csep_context *csep_store_find(struct csep_store *s, const struct csep_store_key *key);
/* A peer's identity is often not known before the first negotiation: find by service, group and client
 * identity alone; a pinned or remembered identity must match what the context holds. */
struct csep_context *csep_store_find_service(struct csep_store *s, const char *service, const char *group,
                                             const uint8_t client_spki_sha256[32]);
/* Install what a negotiation granted: secret and tickets replace the old ones (the old tickets stay usable
 * until then). */
csep_status csep_context_install(struct csep_store *s, struct csep_context *c, const struct csep_grant *g,
                                 const uint8_t secret[32], const struct csep_ticket *tickets,
                                 unsigned num_tickets, csep_time rtt, csep_time now) CSEP_MUST_CHECK;
/* More tickets, from TICKETS messages or frames. Known ones and those over 32 are ignored. */
void csep_context_add_tickets(struct csep_store *s, struct csep_context *c, const struct csep_ticket *tickets,
                              unsigned num_tickets, csep_time now);
/* Take a ticket for a data connection. ERR_NO_CONTEXT: state not usable or no ticket left; ERR_EXPIRED;
 * ERR_REVOKED; ERR_UNSUPPORTED: transport or service not granted. */
csep_status csep_context_take(struct csep_store *s, struct csep_context *c, uint8_t transport,
                              uint8_t service, csep_time now, struct csep_slot *out) CSEP_MUST_CHECK;
/* Things that happened to it; runs the state table. FORGET removes it from the store: the address is gone.
 * GRANTED is what csep_context_install() does, not for here. */
void csep_context_input(struct csep_store *s, struct csep_context *c, enum csep_ctx_input in, csep_time now);
/* Usage since the last report of a data connection. */
void csep_context_report(struct csep_store *s, struct csep_context *c, const struct csep_usage *used,
                         csep_time now);

enum csep_ctx_state csep_context_state(const struct csep_context *c);
/* What was granted, unpacked from its compact form; false when nothing was. */
bool csep_context_grant(const struct csep_context *c, struct csep_grant *out) CSEP_MUST_CHECK;
unsigned csep_context_tickets(const struct csep_context *c);
/* RTT sample of the negotiation, 0 = none (DATA-29) */
csep_time csep_context_rtt(const struct csep_context *c);
csep_time csep_context_soft_at(const struct csep_context *c);
csep_time csep_context_hard_at(const struct csep_context *c);
/* Earliest soft or hard limit by age in the store; expire() runs those that are due. */
csep_time csep_store_deadline(const struct csep_store *s);
void csep_store_expire(struct csep_store *s, csep_time now);

/* ---- Server: the grantor ---- */

enum csep_grantor_mode { CSEP_GRANTOR_STATEFUL, CSEP_GRANTOR_STATELESS };

struct csep_grantor_config {
    enum csep_grantor_mode mode;
    /* What every grant offers; handle and token are filled in for each. Its lifetime is also the longest that
     * a REQUEST gets, and no grant outlives the keys that seal its tickets: three times key_rotation. */
    struct csep_grant menu;
    unsigned num_tickets;   /* default 8 */
    size_t max_contexts;    /* stateful: most contexts kept, the least recently used goes; default 1000000 */
    csep_time key_rotation; /* default 24 h */
    bool address_tokens;    /* give them; default true */
    size_t strike_entries;  /* stateless: most used tickets remembered; default 65536 */
    struct csep_random random;
    struct csep_alloc alloc;
    struct csep_trace trace;
};
/* The menu by default: ChaCha20-Poly1305, every service over UDP and TCP at the negotiation's address and
 * port, 24 h. */
struct csep_grantor_config csep_grantor_config_default(void);

struct csep_grantor;
size_t csep_grantor_size(void);
csep_status csep_grantor_init(struct csep_grantor *g, const struct csep_grantor_config *cfg,
                              csep_time now) CSEP_MUST_CHECK;
void csep_grantor_wipe(struct csep_grantor *g);

/* What a client may ask for (REQUEST); zero = not asked. */
struct csep_grant_request {
    uint32_t lifetime;
    uint8_t tickets;
    bool have_handle;
    uint8_t handle[CSEP_HANDLE_LEN];
};

/* Begin a grant: fills *out with the menu as granted (handle, token, lifetime chosen). Nothing is remembered
 * yet. */
csep_status csep_grantor_begin(struct csep_grantor *g, const struct csep_grant_request *req,
                               const struct csep_addr *client, csep_time auth_age, csep_time now,
                               struct csep_grant *out) CSEP_MUST_CHECK;
/*
 * The GRANT was encoded and its context secret derived: remember (stateful) and make the tickets, at most 32
 * of them. req: as given to begin(); a context that it names is replaced (NEG-48, NEG-50). pending: client
 * identity expected, not verified yet; a stateless grantor cannot take back what it sealed, so it refuses
 * (CSEP_ERR_UNSUPPORTED, NEG-67).
 */
csep_status csep_grantor_finish(struct csep_grantor *g, const struct csep_grant_request *req,
                                const struct csep_grant *grant, const uint8_t secret[32],
                                const struct csep_identity *client, bool pending, csep_time now,
                                struct csep_ticket *out_tickets, unsigned *out_num) CSEP_MUST_CHECK;
/* The pending context's client Finished verified, or never will. */
void csep_grantor_activate(struct csep_grantor *g, const uint8_t handle[CSEP_HANDLE_LEN],
                           const struct csep_identity *client, csep_time now);
void csep_grantor_discard(struct csep_grantor *g, const uint8_t handle[CSEP_HANDLE_LEN]);
/* More tickets for a live context, or CSEP_ERR_NO_CONTEXT; a stateless grantor keeps none: see
 * csep_grantor_seal(). */
csep_status csep_grantor_tickets(struct csep_grantor *g, const uint8_t handle[CSEP_HANDLE_LEN],
                                 const struct csep_identity *client, unsigned want, csep_time now,
                                 struct csep_ticket *out_tickets, unsigned *out_num) CSEP_MUST_CHECK;
/* What a stateless server's connection remembers of its own grants, to make more tickets while it lasts.
 * Secret. */
struct csep_granted {
    uint8_t handle[CSEP_HANDLE_LEN];
    uint8_t secret[32];
    csep_time granted;
    uint32_t lifetime;
    bool bound; /* to the client's identity */
};
/* Stateless: more tickets for a context that this connection granted, whose lifetime goes on from then. */
csep_status csep_grantor_seal(struct csep_grantor *g, const struct csep_granted *of,
                              const struct csep_identity *client, unsigned want, csep_time now,
                              struct csep_ticket *out_tickets, unsigned *out_num) CSEP_MUST_CHECK;
bool csep_grantor_stateful(const struct csep_grantor *g);
/* Is this context of the given client (NULL: any) and may be used, so that it may name it in REQUEST and
 * REVOKE? */
bool csep_grantor_shares(const struct csep_grantor *g, const uint8_t handle[CSEP_HANDLE_LEN],
                         const struct csep_identity *client, csep_time now);
void csep_grantor_revoke(struct csep_grantor *g, const uint8_t handle[CSEP_HANDLE_LEN], csep_time now);
/* The acceptor's view, for csep/data.h. */
struct csep_slot_source csep_grantor_slots(struct csep_grantor *g);
/* Address tokens (DATA-17). */
bool csep_grantor_check_address(struct csep_grantor *g, const uint8_t *token, size_t len,
                                const struct csep_addr *client, csep_time now);
csep_time csep_grantor_deadline(const struct csep_grantor *g);
void csep_grantor_expire(struct csep_grantor *g, csep_time now); /* key rotation, dead contexts */
size_t csep_grantor_contexts(const struct csep_grantor *g);
size_t csep_grantor_memory(const struct csep_grantor *g); /* bytes held now */

/* Bytes of one idle context: server stateful; client without its tickets. Both at most 256. */
size_t csep_context_size_server(void);
size_t csep_context_size_client(void);

#ifdef __cplusplus
}
#endif
#endif
