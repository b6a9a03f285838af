/* SPDX-License-Identifier: BSD-2-Clause */
/* The running hash over handshake messages (RFC 8446 section 4.4.1). */
#ifndef CSEP_TLS_TRANSCRIPT_H
#define CSEP_TLS_TRANSCRIPT_H

#include "crypto/hash.h"

/* After a HelloRetryRequest the first ClientHello is replaced by a message that holds its hash. */
void tls_transcript_retry(struct hash_ctx *h);

#endif
