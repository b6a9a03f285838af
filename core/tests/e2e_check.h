/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What no run may ever show, whatever is done to it, judged from the bytes on the wire and the key log alone:
 *
 *   application bytes in clear
 *   a key with the same number twice, over UDP, over TCP and in TLS; a byte that no key opens
 *   a ticket, client_random or connection id in two data connections
 *   more than three times as many bytes to an address as came from it, before it is proved
 *   a REFUSE or a reset that is not smaller than what caused it
 *   a payload that nobody sent, or the same one twice
 */
#ifndef CSEP_TESTS_E2E_CHECK_H
#define CSEP_TESTS_E2E_CHECK_H

#include "nonces.h"
#include "tls/record.h"

/* ---- Payloads: blocks of 16 bytes that say what they are ---- */

#define PAYLOAD_BLOCK 16u
#define PAYLOAD_MIN   PAYLOAD_BLOCK
void payload_fill(uint8_t *p, size_t n, uint32_t id, size_t offset);
/* Number of the payload that begins here. Fails the test when none does. */
uint32_t payload_id(const uint8_t *p, size_t n);
void payload_expect(const uint8_t *p, size_t n, uint32_t id, size_t offset);

/* ---- One direction of one TCP connection ---- */

struct check_stream {
    bool up;
    enum { CHECK_TLS, CHECK_DATA } what;
    uint8_t *b; /* not yet looked at */
    size_t len, cap;
    uint8_t hello[32], random[32];  /* client_random of TLS, of the data connection */
    bool known, over, handing_over; /* handing_over: data behind close_notify */
    struct check_stream *other;
    struct tls_keys tls;
    uint8_t secret[32]; /* that these keys are of */
    unsigned stage;     /* TLS: none, handshake, application. data: early, data */
    uint64_t number;
    unsigned generation;
    size_t units;
};

#define CHECK_SECRETS 2048
struct check_secret {
    char label[40];
    uint8_t random[32], secret[32];
};

struct check_seen {
    uint8_t hash[16], owner[16];
};

struct check_address {
    struct csep_addr addr;
    uint64_t in, out;
    bool proved;
};

struct check {
    struct nonces nonces;
    struct check_secret *secrets;
    unsigned num_secrets;
    struct check_seen *seen; /* values that must belong to one connection only */
    unsigned num_seen, cap_seen;
    struct check_address address[64];
    unsigned num_address;
    uint64_t records;
    bool off;    /* the test itself sends what is no protocol */
    bool copies; /* a client's state is copied: one ticket in two connections is the test's own doing */
};

void check_init(struct check *x, uint16_t aead);
void check_wipe(struct check *x);
struct csep_keylog check_keylog(struct check *x);

/* An end sent a datagram. */
void check_datagram(struct check *x, bool up, const uint8_t *p, size_t n);
/* No payload block in these bytes. */
void check_clear(const uint8_t *p, size_t n);
/* A datagram came to an acceptor from there; proved: it bears a token that is good. */
void check_address_in(struct check *x, const struct csep_addr *from, const uint8_t *p, size_t n, bool token);
/* An acceptor answered a datagram of `cause` bytes (0: a timer did) without a connection. */
void check_answer(struct check *x, const uint8_t *p, size_t n, size_t cause);
void check_address_out(struct check *x, const struct csep_addr *to, size_t n);

struct check_stream *check_stream_new(bool up, bool data);
void check_stream_free(struct check_stream *s);
/* An end sent bytes over TCP. */
void check_bytes(struct check *x, struct check_stream *s, const uint8_t *p, size_t n);

#endif
