/* SPDX-License-Identifier: BSD-2-Clause */
/* Who an end is: Ed25519 keys, raw (RFC 7250) or inside X.509 certificates, and signatures by them. */
#ifndef CSEP_TLS_IDENTITY_H
#define CSEP_TLS_IDENTITY_H

#include "crypto/hash.h"
#include "crypto/keys.h"
#include "csep/tls.h"

#define SPKI_LEN 44u

enum tls_cert_type { TLS_CERT_X509 = 0, TLS_CERT_RAW = 2 };
enum tls_signer { TLS_SIGNER_CLIENT, TLS_SIGNER_SERVER };

/* Ed25519 key inside what one CertificateEntry holds, of either type. */
csep_status tls_identity_key_of_entry(enum tls_cert_type type, const uint8_t *p, size_t n,
                                      uint8_t out_public[32]);
/* The public key, derived if csep_tls_identity_init() did not. */
void tls_identity_public_key(const struct csep_tls_identity *id, uint8_t out[ED25519_PUB_LEN]);
/* CertificateVerify (RFC 8446 section 4.4.3) over the transcript hash `th`. */
void tls_identity_sign(const struct csep_tls_identity *id, enum tls_signer who, const struct hash *th,
                       uint8_t out_sig[ED25519_SIG_LEN]);
bool tls_identity_verify(const uint8_t public_key[32], enum tls_signer who, const struct hash *th,
                         const uint8_t sig[ED25519_SIG_LEN]);

#endif
