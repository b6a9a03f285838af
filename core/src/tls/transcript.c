/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/transcript.h"

#include "tls/message.h"

void tls_transcript_retry(struct hash_ctx *h)
{
    static const uint8_t header[TLS_MESSAGE_HEADER] = {TLS_MESSAGE_HASH, 0, 0, HASH_LEN};
    struct hash first = hash_peek(h);
    hash_begin(h);
    hash_add(h, header, sizeof header);
    hash_add(h, first.b, sizeof first.b);
}
