/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The secure stream of csep/secure.h once TLS did its work, without TLS: application data in clear, and the
 * exporter of RFC 8446 section 7.5 over a master secret that both ends were given. On the wire: u8 1 (data)
 * or 0 (close_notify), u16 length, bytes.
 */
#ifndef CSEP_CONFORMANCE_PLAIN_H
#define CSEP_CONFORMANCE_PLAIN_H

#include "csep/secure.h"

#define PLAIN_BUFFER 131072

struct plain_bytes {
    uint8_t b[PLAIN_BUFFER];
    size_t len;
};

struct plain_secure {
    struct csep_secure secure; /* first */
    unsigned flags;
    csep_status failure;
    uint8_t exporter_master_secret[32];
    struct plain_bytes raw, app, out;
};

/* Bytes without a meaning: that the other end is there. */
extern const uint8_t plain_hello[3];
void plain_init(struct plain_secure *p, const uint8_t exporter_master_secret[32]);

#endif
