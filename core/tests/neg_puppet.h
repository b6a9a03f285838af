/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One end of a negotiation whose secure stream a test moves by hand: messages are put in as if they had been
 * decrypted, what it sends is read in clear.
 */
#ifndef CSEP_TESTS_NEG_PUPPET_H
#define CSEP_TESTS_NEG_PUPPET_H

#include "csep/negotiate.h"
#include "fake_secure.h"
#include "negotiate/message.h"
#include "support.h"

struct neg_puppet {
    struct test_alloc alloc;
    struct test_random random;
    struct fake_secure secure;
    struct csep_negotiate *n;
    struct csep_grantor *grantor; /* server */
    csep_time now;
    uint8_t sent[40000];
    size_t sent_len;
    unsigned alerts;
    struct csep_negotiate_event ev; /* the last one taken */
};

struct neg_puppet_options {
    bool server;
    struct csep_negotiate_config neg;
    struct csep_grantor_config grantor;
};

struct neg_puppet_options neg_puppet_options_default(bool server);
struct neg_puppet *neg_puppet_new(const struct neg_puppet_options *o);
void neg_puppet_free(struct neg_puppet *p);

/* First bytes of the peer arrive. */
void neg_puppet_bytes(struct neg_puppet *p);
/* Both Finished verified. */
void neg_puppet_up(struct neg_puppet *p);
/* Application data arrives, and is looked at. */
void neg_puppet_data(struct neg_puppet *p, const void *b, size_t n);
void neg_puppet_flags(struct neg_puppet *p, unsigned flags);
/* Take all events; true when one of that type was among them: it is then in p->ev. */
bool neg_puppet_event(struct neg_puppet *p, enum csep_negotiate_event_type type);
/* What it sent since the last call, in p->sent; returns the length. */
size_t neg_puppet_sent(struct neg_puppet *p);
/* The code of the ERROR that ends what it sent, followed by close_notify; -1: there is none. */
int neg_puppet_error(struct neg_puppet *p);
/* How many messages of a type it sent, in p->sent. */
unsigned neg_puppet_count(const struct neg_puppet *p, uint8_t type);

/* Messages to put in. Each returns its length. */
size_t make_grant(uint8_t *out, size_t cap, uint8_t handle, const uint32_t *request_id);
size_t make_tickets(uint8_t *out, size_t cap, uint8_t handle, unsigned num, const uint32_t *request_id);
size_t make_request(uint8_t *out, size_t cap, const struct csep_grant_request *ask, uint32_t id);
size_t make_revoke(uint8_t *out, size_t cap, const uint8_t handle[CSEP_HANDLE_LEN]);
size_t make_error(uint8_t *out, size_t cap, uint16_t code);
size_t make_continue(uint8_t *out, size_t cap);

#endif
