/* SPDX-License-Identifier: BSD-2-Clause */
/* From transport bytes to messages: TLS records followed, messages put together, one handled at a time. */
#ifndef CSEP_NEGOTIATE_RECEIVE_H
#define CSEP_NEGOTIATE_RECEIVE_H

#include "negotiate/conversation.h"

/* Give the bytes to the secure stream, record by record; what is behind close_notify is kept in shared mode.
 */
csep_status rx_records(struct csep_negotiate *n, const uint8_t *in, size_t len) CSEP_MUST_CHECK;
/* Take messages as long as there are any and nothing is in the way. */
void rx_messages(struct csep_negotiate *n);
/* The host must take events, or output, before more messages are looked at. */
bool rx_blocked(const struct csep_negotiate *n);
void rx_free(struct csep_negotiate *n);

/* Make room for `more` bytes, at most `most` in all. */
csep_status neg_bytes_reserve(struct csep_negotiate *n, struct neg_bytes *b, size_t more,
                              size_t most) CSEP_MUST_CHECK;
void neg_bytes_free(struct csep_negotiate *n, struct neg_bytes *b);

#endif
