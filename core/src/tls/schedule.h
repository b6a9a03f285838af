/* SPDX-License-Identifier: BSD-2-Clause */
/* The TLS 1.3 key schedule (RFC 8446 section 7) for SHA-256 and ChaCha20-Poly1305. */
#ifndef CSEP_TLS_SCHEDULE_H
#define CSEP_TLS_SCHEDULE_H

#include "crypto/hash.h"
#include "crypto/keys.h"
#include "tls/record.h"

/* What is kept between the stages. Never holds a secret longer than the next stage needs it. */
struct tls_schedule {
    struct secret early;    /* Early Secret, with a PSK only */
    struct hmac_key master; /* Main Secret, pads absorbed */
};

/* Early Secret of a PSK. Without a PSK the schedule starts at tls_schedule_handshake(). */
void tls_schedule_early(struct tls_schedule *s, const uint8_t psk[HASH_LEN]);
/* Binder over the hash of the ClientHello up to the binders (section 4.2.11.2). */
void tls_schedule_binder(const struct tls_schedule *s, const struct hash *th, uint8_t out[HASH_LEN]);
/* th: through ServerHello. */
void tls_schedule_handshake(struct tls_schedule *s, bool with_psk, const struct x25519_shared *shared,
                            const struct hash *th, struct secret *out_client, struct secret *out_server);
/* th: through the server's Finished. */
void tls_schedule_application(struct tls_schedule *s, const struct hash *th, struct secret *out_client,
                              struct secret *out_server, struct secret *out_exporter);
/* th: through the client's Finished. */
void tls_schedule_resumption(struct tls_schedule *s, const struct hash *th, struct secret *out);

/* Record protection from a traffic secret, and the finished key where `out_finished` is not NULL. */
void tls_schedule_keys(const struct secret *traffic, struct tls_keys *out, struct secret *out_finished);
/* application_traffic_secret_N+1 in place (section 7.2). */
void tls_schedule_update(struct secret *traffic);
/* verify_data of a Finished. */
void tls_schedule_finished(const struct secret *finished, const struct hash *th, uint8_t out[HASH_LEN]);
/* PSK of the ticket with this nonce (section 4.6.1). */
void tls_schedule_ticket_psk(const struct secret *resumption, const uint8_t *nonce, size_t n,
                             uint8_t out[HASH_LEN]);
/* TLS-Exporter (section 7.5). */
void tls_schedule_export(const struct secret *exporter, const char *label, const uint8_t *context, size_t n,
                         uint8_t *out, size_t out_len);

#endif
