/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csep/export.h - the crypto-transport interface (spec section 12), for transports that are not csep's own.
 *
 * Form A, the engine: the transport owns packets, timers and retransmission; it hands in the
 * plaintext of a unit and gets the protected unit, and the reverse, in place. One engine is one direction.
 *
 *     uint8_t buf[CAP];                      payload goes to buf + csep_engine_head(e)
 *     csep_engine_seal(e, buf, payload_len, &unit)    unit.len bytes of buf are to be sent
 *     csep_engine_open(e, buf, len, &unit)            unit.len bytes of payload at buf + head
 *
 * Form B, export: the transport gets keys and its own cryptography does the rest. Both forms make the same
 * bytes from the same keys (API-4). Every export comes with terms: its user reports what it used, and
 * stops when csep_terms_report() says so; the keys are wiped then.
 */
#ifndef CSEP_EXPORT_H
#define CSEP_EXPORT_H

#include "csep/data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Keys of one direction and generation. Secret: wipe after use. */
struct csep_keys {
    uint8_t secret[32]; /* the traffic secret, from which the next generation comes */
    uint8_t key[32], iv[12];
    uint8_t hp[32]; /* header protection, UDP; the same in all generations */
    uint16_t aead;  /* IANA number */
    unsigned generation;
    uint64_t number; /* of the next unit */
};

/* From a traffic secret, generation 0. CSEP_ERR_UNSUPPORTED: this build has not that AEAD. */
csep_status csep_keys_derive(struct csep_keys *k, const uint8_t secret[32], uint16_t aead) CSEP_MUST_CHECK;
/* The next generation: a key update; numbers begin at 0 again over TCP and go on over UDP. */
void csep_keys_update(struct csep_keys *k, bool restart_numbers);
void csep_keys_wipe(struct csep_keys *k);

/* ---- Form A ---- */

enum csep_engine_format {
    CSEP_ENGINE_RECORD =
        1, /* records of section 8.1: in order, none lost; the first that does not open ends it */
    CSEP_ENGINE_PACKET = 2, /* short packets of section 6.1 with four bytes of number: in any order */
};

struct csep_engine;
size_t csep_engine_size(void);
/*
 * keys are copied. dcid: the connection id in each packet, 0..20 bytes (packets only). The engine finds
 * packets authentic; that one comes twice only the transport can know, by unit.number (DATA-7).
 */
csep_status csep_engine_init(struct csep_engine *e, enum csep_engine_format format,
                             const struct csep_keys *keys, const uint8_t *dcid,
                             size_t dcid_len) CSEP_MUST_CHECK;
void csep_engine_wipe(struct csep_engine *e);
/* Bytes before and behind the payload of each unit. */
size_t csep_engine_head(const struct csep_engine *e);
size_t csep_engine_tail(const struct csep_engine *e);

/* One unit. bytes: where it begins. */
struct csep_unit {
    uint8_t *bytes;
    size_t len; /* to seal: of the payload; to open: of the unit; afterwards the reverse */
    uint64_t number;
    csep_status
        status; /* opened: CSEP_OK, CSEP_ERR_DECODE (too short, not of this format), CSEP_ERR_PROTECTION */
};

/*
 * Seal num units, whose payloads lie at bytes + head and have room for head and tail around. Returns
 * how many were sealed: fewer when one is too long (its status says so) or at the key's last packet
 * (AEAD_LIMIT).
 */
size_t csep_engine_seal_batch(struct csep_engine *e, struct csep_unit *units, size_t num);
/* Open num units; returns how many opened. Each has its own status, but the first bad record spoils all
 * behind it. */
size_t csep_engine_open_batch(struct csep_engine *e, struct csep_unit *units, size_t num);
csep_status csep_engine_seal(struct csep_engine *e, uint8_t *bytes, size_t len,
                             struct csep_unit *out) CSEP_MUST_CHECK;
csep_status csep_engine_open(struct csep_engine *e, uint8_t *bytes, size_t len,
                             struct csep_unit *out) CSEP_MUST_CHECK;
/* A key update is due (KEY-6). */
bool csep_engine_update_due(const struct csep_engine *e);
/* Change to the next generation, when the transport's peer does. */
void csep_engine_update(struct csep_engine *e);
/* What this engine sealed or opened since the last call. */
struct csep_usage csep_engine_take_usage(struct csep_engine *e);

/* ---- Form B ---- */

struct csep_terms {
    uint16_t protocol;               /* enum csep_export_protocol */
    uint8_t handle[CSEP_HANDLE_LEN]; /* the context that reports go to */
    csep_time expires;
    struct csep_usage left;      /* what the context leaves to this export */
    uint64_t update_at, stop_at; /* packets under one key (spec 5.2) */
    bool replayable;             /* who copies the first message can have it read again */
    bool forward_secret;
    bool withdrawn;
};

/* External PSK for TLS 1.3, DTLS 1.3 or QUIC by the importer of RFC 9258. The opener is the TLS client. */
struct csep_psk {
    struct csep_terms terms;
    uint8_t epsk[32];
    uint8_t identity[CSEP_TICKET_MAX]; /* external_identity: the ticket */
    uint8_t identity_len;
    uint8_t context[6]; /* ImportedIdentity.context */
};

/* Keys of an open data connection, for csep's own units made elsewhere. */
struct csep_records {
    struct csep_terms terms;
    struct csep_keys send, receive;
};

/*
 * Spends the slot: it is wiped. An acceptor that opened the ticket calls spend() of its slot source itself.
 * CSEP_ERR_REFUSED when the grant's EXPORTS does not hold the protocol, CSEP_ERR_EXPIRED.
 */
csep_status csep_export_psk(struct csep_psk *out, struct csep_slot *slot, csep_time now) CSEP_MUST_CHECK;
/*
 * Take over a confirmed stream: its keys go on outside, where its numbers stopped; the object is at its
 * end (CLOSED, nothing is sent). CSEP_AGAIN while something waits in it to be sent, read or answered.
 */
csep_status csep_stream_take_over(struct csep_stream *s, struct csep_records *out,
                                  csep_time now) CSEP_MUST_CHECK;

/* The user reports what it used. Anything but CSEP_OK: the export is withdrawn, its keys are to be used no
 * more. */
csep_status csep_terms_report(struct csep_terms *t, const struct csep_usage *used,
                              csep_time now) CSEP_MUST_CHECK;
/* These report too, and wipe the keys when they are withdrawn. */
csep_status csep_psk_report(struct csep_psk *p, const struct csep_usage *used, csep_time now) CSEP_MUST_CHECK;
csep_status csep_records_report(struct csep_records *r, const struct csep_usage *used,
                                csep_time now) CSEP_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
