/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Codec of negotiation messages (spec 4.1, 4.2, 4.4): bytes to values and back, nothing else.
 *
 * Decoding has two steps. neg_scan() walks over the fields of a message body and applies the rules that hold
 * for every message; neg_get_*() then takes the fields of one type apart. Neither keeps a pointer into the
 * input but `struct neg_fields`, which is a view.
 */
#ifndef CSEP_NEGOTIATE_MESSAGE_H
#define CSEP_NEGOTIATE_MESSAGE_H

#include "base/cursor.h"
#include "csep/context.h"

#define NEG_HEAD_LEN    4u
#define NEG_FIELDS_MAX  64u
#define NEG_TICKETS_MAX 32u
/* The largest message that the encoders make. */
#define NEG_GRANT_MAX   8192u
#define NEG_TICKETS_LEN 8704u

/* ---- Decoding ---- */

struct neg_fields {
    uint8_t type;
    uint32_t present;    /* bit (1 << id) of known fields that belong to this message */
    struct rd value[17]; /* by id */
};

struct neg_grant {
    struct csep_grant grant;
    bool answers; /* request_id was there: in answer to a REQUEST */
    uint32_t request_id;
};

struct neg_tickets {
    uint8_t handle[CSEP_HANDLE_LEN];
    bool answers;
    uint32_t request_id;
    struct csep_ticket tickets[NEG_TICKETS_MAX];
    unsigned num;
};

struct neg_request {
    struct csep_grant_request ask;
    uint32_t request_id;
};

struct neg_revoke {
    uint8_t handle[CSEP_HANDLE_LEN];
    uint16_t code;
};

struct neg_error {
    uint16_t code;
    uint8_t text_len;
    char text[255]; /* UTF-8, not terminated */
};

/* Is this type one that version 1 knows? */
bool neg_known_type(uint8_t type);
/* May that end send it? Unknown types: yes. */
bool neg_from_client(uint8_t type);
bool neg_from_server(uint8_t type);

/* type: known. body: what follows type and length. */
csep_status neg_scan(struct neg_fields *f, uint8_t type, const uint8_t *body, size_t n) CSEP_MUST_CHECK;
/* port: TCP port of the negotiation, 0 = not known (NEG-72). */
csep_status neg_get_grant(const struct neg_fields *f, uint16_t port, struct neg_grant *out) CSEP_MUST_CHECK;
csep_status neg_get_tickets(const struct neg_fields *f, struct neg_tickets *out) CSEP_MUST_CHECK;
csep_status neg_get_request(const struct neg_fields *f, struct neg_request *out) CSEP_MUST_CHECK;
csep_status neg_get_revoke(const struct neg_fields *f, struct neg_revoke *out) CSEP_MUST_CHECK;
csep_status neg_get_error(const struct neg_fields *f, struct neg_error *out) CSEP_MUST_CHECK;

/* ---- Encoding: whole messages, with type and length; the writer goes bad when there is no room ---- */

/* grease: NULL = none; else one unknown field with random content is put in (NEG-35). */
void neg_put_grant(struct wr *w, const struct neg_grant *m, const struct csep_random *grease);
void neg_put_tickets(struct wr *w, const struct neg_tickets *m);
void neg_put_request(struct wr *w, const struct neg_request *m, const struct csep_random *grease);
void neg_put_revoke(struct wr *w, const struct neg_revoke *m);
void neg_put_error(struct wr *w, uint16_t code, const char *text, size_t text_len);
void neg_put_continue(struct wr *w);

/* ---- The table of spec 4.2 ---- */

enum { NEG_IN_GRANT = 1, NEG_IN_TICKETS = 2, NEG_IN_REQUEST = 4, NEG_IN_REVOKE = 8, NEG_IN_ERROR = 16 };

/* X(id, required in, optional in, critical) */
#define NEG_FIELD_LIST(X)                                                                                    \
    X(HANDLE, NEG_IN_GRANT | NEG_IN_TICKETS | NEG_IN_REVOKE, NEG_IN_REQUEST, true)                           \
    X(LIFETIME, NEG_IN_GRANT, NEG_IN_REQUEST, true)                                                          \
    X(REFRESH, 0, NEG_IN_GRANT, false)                                                                       \
    X(AEADS, NEG_IN_GRANT, 0, true)                                                                          \
    X(TRANSPORTS, NEG_IN_GRANT, 0, true)                                                                     \
    X(PROTOCOLS, 0, NEG_IN_GRANT, false)                                                                     \
    X(EXPORTS, 0, NEG_IN_GRANT, false)                                                                       \
    X(UPGRADE, 0, NEG_IN_GRANT, true)                                                                        \
    X(ADDRESS_TOKEN, 0, NEG_IN_GRANT, false)                                                                 \
    X(LIMITS, 0, NEG_IN_GRANT, true)                                                                         \
    X(IDENTITY, 0, NEG_IN_GRANT, true)                                                                       \
    X(REQUEST_ID, NEG_IN_REQUEST, NEG_IN_GRANT | NEG_IN_TICKETS, false)                                      \
    X(TICKET_LIST, NEG_IN_TICKETS, 0, true)                                                                  \
    X(TICKET_COUNT, 0, NEG_IN_REQUEST, false)                                                                \
    X(CODE, NEG_IN_ERROR, NEG_IN_REVOKE, false)                                                              \
    X(TEXT, 0, NEG_IN_ERROR, false)

struct neg_field_rule {
    uint8_t required, optional;
    bool critical;
};
extern const struct neg_field_rule neg_field_rules[17];

#endif
