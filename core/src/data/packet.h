/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets over UDP (spec section 6.1) and units over TCP (8.1): bytes to structs and back,
 * sealing and opening in place. No state is looked at or changed.
 *
 * Decoded structs hold views into the packet and live as long as it does. A decoder judges
 * form only: a service, AEAD or group that means nothing here is for its caller.
 *
 * To send:  packet_put_open(&w, ...); frame_put_...(&w, ...); packet_seal(&w, number, keys).
 * To read:  packet_decode_open(&o, p, n); packet_unmask(...); pick keys; packet_open(...).
 */
#ifndef CSEP_DATA_PACKET_H
#define CSEP_DATA_PACKET_H

#include "csep/status.h"
#include "csep/wire.h"
#include "data/schedule.h"
#include "data/view.h"

/* ---- What the headers say ---- */

/* Over TCP the ids and the token do not exist and stay empty. */
struct open_header {
    uint32_t version;
    struct view dcid, scid;
    uint8_t transport, service;
    uint16_t aead;
    struct view ticket;
    const uint8_t *client_random; /* 32 bytes */
    uint16_t group;
    struct view share;
    struct view token;
};

struct accept_header {
    uint32_t version;
    struct view dcid, scid;
    const uint8_t *server_random; /* 32 bytes */
    uint16_t group;
    struct view share;
};

struct refuse {
    uint32_t version;
    struct view dcid;    /* UDP only */
    const uint8_t *echo; /* 16 bytes */
    uint8_t code;
    struct view versions; /* u32 each */
};

struct retry {
    uint32_t version;
    struct view dcid;
    const uint8_t *echo; /* 16 bytes */
    struct view token;
};

/* Where the protected part of a packet lies. */
struct packet_span {
    size_t header_len; /* hashed for the key schedule: p[0..header_len); the token of OPEN is not in it */
    size_t number;     /* offset of the packet number */
    size_t end;        /* behind the tag; bytes from there on are ignored */
};

/* ---- Reading UDP ---- */

/* Type of a datagram by its first byte: CSEP_PKT_*, or -1. */
int packet_type(const uint8_t *p, size_t n);
/*
 * CSEP_ERR_DECODE: drop it (DATA-3). CSEP_ERR_VERSION: another version; out holds what all versions share,
 * version, ids, ticket and client_random, which is all that a REFUSE needs (DATA-18).
 */
csep_status packet_decode_open(struct open_header *out, struct packet_span *span, const uint8_t *p,
                               size_t n) CSEP_MUST_CHECK;
csep_status packet_decode_accept(struct accept_header *out, struct packet_span *span, const uint8_t *p,
                                 size_t n) CSEP_MUST_CHECK;
csep_status packet_decode_refuse(struct refuse *out, const uint8_t *p, size_t n) CSEP_MUST_CHECK;
csep_status packet_decode_retry(struct retry *out, const uint8_t *p, size_t n) CSEP_MUST_CHECK;
/* cid_len: the length of the ids that this receiver chose. header_len has no meaning. */
csep_status packet_decode_short(struct view *dcid, struct packet_span *span, const uint8_t *p, size_t n,
                                size_t cid_len) CSEP_MUST_CHECK;

struct packet_number {
    uint32_t truncated;
    unsigned len;   /* bytes */
    bool key_phase; /* short packets */
};

/* Take off header protection in place; to be done once. */
struct packet_number packet_unmask(uint8_t *p, const struct packet_span *span, const uint8_t hp[HP_KEY_LEN]);
/* The same with a mask that is known; it is not a secret any more then. */
struct packet_number packet_unmask_by(uint8_t *p, const struct packet_span *span, uint8_t mask[HP_MASK_LEN]);
/* Open in place what packet_unmask() gave. False: not authentic, and the packet's bytes but the tag are
 * ruined. */
bool packet_open(struct view *out_payload, uint8_t *p, const struct packet_span *span, unsigned number_len,
                 uint64_t number, const struct aead *a);

/* ---- Writing UDP: w is empty at the start and holds one packet ---- */

void packet_put_open(struct wr *w, struct packet_span *span, const struct open_header *h);
void packet_put_accept(struct wr *w, struct packet_span *span, const struct accept_header *h);
void packet_put_refuse(struct wr *w, const struct refuse *r);
void packet_put_retry(struct wr *w, const struct retry *r);
void packet_put_short(struct wr *w, struct packet_span *span, struct view dcid, bool key_phase,
                      unsigned number_len);
/* w holds header and frames: add what the sample needs (PADDING), number, length, tag and header protection.
 */
void packet_seal(struct wr *w, struct packet_span *span, uint64_t number, const struct traffic_keys *k);
/* The two halves of it, for many packets: encrypt each, take the masks of all their samples, mask each. */
void packet_encrypt(struct wr *w, struct packet_span *span, uint64_t number, const struct aead *a);
void packet_mask(uint8_t *p, const struct packet_span *span, const uint8_t mask[HP_MASK_LEN]);
const uint8_t *packet_sample(const uint8_t *p, const struct packet_span *span);
/* Bytes that packet_seal() adds behind the frames. */
#define PACKET_TAIL CSEP_TAG_LEN

/*
 * Stateless reset (DATA-80) in answer to a datagram of `trigger` bytes: writes at most cap bytes,
 * and 0 where that would be no shorter than the trigger. noise: at least CSEP_RESET_MAX random bytes.
 */
#define CSEP_RESET_MAX 41u
size_t packet_put_reset(uint8_t *out, size_t cap, size_t trigger, const uint8_t noise[CSEP_RESET_MAX],
                        const uint8_t token[CSEP_RESET_TOKEN_LEN]);
/* Does the datagram end in this token? In constant time. */
bool packet_is_reset(const uint8_t *p, size_t n, const uint8_t token[CSEP_RESET_TOKEN_LEN]);

/* ---- Packet numbers, RFC 9000 Appendix A ---- */

/* Bytes needed for `number` when the peer is known to have all below `acked` (0: nothing is known). */
unsigned packet_number_len(uint64_t number, uint64_t acked);
/* The number nearest to `expected` (one above the highest received) that ends in `truncated`. */
uint64_t packet_number_recover(uint64_t expected, uint32_t truncated, unsigned len);

/* ---- TCP: unit points at its length field, n counts from there ---- */

#define UNIT_LENGTH 2u /* bytes of the length field */

/* Length of the whole unit or record, length field included; 0: not known before UNIT_LENGTH bytes are there.
 */
size_t unit_len(const uint8_t *unit, size_t n);
csep_status unit_decode_open(struct open_header *out, size_t *header_len, const uint8_t *unit,
                             size_t n) CSEP_MUST_CHECK;
csep_status unit_decode_accept(struct accept_header *out, size_t *header_len, const uint8_t *unit,
                               size_t n) CSEP_MUST_CHECK;
csep_status unit_decode_refuse(struct refuse *out, const uint8_t *unit, size_t n) CSEP_MUST_CHECK;

/* Each returns the header's length, as unit_seal() wants it; a record has none. */
size_t unit_put_open(struct wr *w, const struct open_header *h);
size_t unit_put_accept(struct wr *w, const struct accept_header *h);
size_t unit_put_record(struct wr *w);
void unit_put_refuse(struct wr *w, const struct refuse *r);
/* start: offset in w of the unit's length field. Everything behind the header is sealed. */
void unit_seal(struct wr *w, size_t start, size_t header_len, uint64_t number, const struct aead *a);
/* In place; n is the whole unit. header_len 0: a record. */
bool unit_open(struct view *out_payload, uint8_t *unit, size_t n, size_t header_len, uint64_t number,
               const struct aead *a);

#endif
