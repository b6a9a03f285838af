/* SPDX-License-Identifier: BSD-2-Clause */
/* Records: framing, protection and its removal, both in place (RFC 8446 section 5). */
#ifndef CSEP_TLS_RECORD_H
#define CSEP_TLS_RECORD_H

#include "crypto/aead.h"
#include "csep/status.h"
#include "csep/wire.h"

#define TLS_AEAD_ID         CSEP_AEAD_CHACHA20_POLY1305
#define TLS_RECORD_HEADER   5u
#define TLS_RECORD_OVERHEAD (TLS_RECORD_HEADER + 1u + AEAD_TAG_LEN)
#define TLS_PLAIN_MAX       16384u
#define TLS_CIPHER_MAX      (TLS_PLAIN_MAX + 256u)

enum tls_content {
    TLS_CONTENT_CCS = 20,
    TLS_CONTENT_ALERT = 21,
    TLS_CONTENT_HANDSHAKE = 22,
    TLS_CONTENT_APPLICATION = 23,
};

/* Protection of one direction; all zero means none yet. */
struct tls_keys {
    struct aead aead;
    uint64_t number; /* of the next record */
    bool on;
};

struct tls_record {
    uint8_t type;
    bool sealed;      /* it was protected */
    uint8_t *content; /* inside the buffer that was opened */
    size_t n;
};

/*
 * What the five bytes of a header say, checked as soon as they are there: unknown types and
 * lengths above the limit are refused before anything is stored. legacy_record_version is ignored.
 */
csep_status tls_record_header(const uint8_t h[TLS_RECORD_HEADER], const struct tls_keys *k, size_t *out_len);
/* Open the whole record rec[0..n) in place. */
csep_status tls_record_open(struct tls_keys *k, uint8_t *rec, size_t n, struct tls_record *out);
/*
 * Make a record of the n bytes at rec + TLS_RECORD_HEADER; rec has room for n + TLS_RECORD_OVERHEAD.
 * Returns its length.
 */
size_t tls_record_seal(struct tls_keys *k, uint8_t *rec, enum tls_content type, size_t n);

#endif
