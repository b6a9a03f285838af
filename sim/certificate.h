/* SPDX-License-Identifier: GPL-2.0-or-later */
/* certificate.h - an X.509 certificate of a chosen length, the same bytes for the same key and length. */
#ifndef SIM_CERTIFICATE_H
#define SIM_CERTIFICATE_H

#include <stddef.h>
#include <stdint.h>

#define SIM_CERTIFICATE_MAX 16000

/*
 * A self-signed certificate of the Ed25519 key whose RFC 8032 private key is seed, filled up with a
 * comment to len bytes of DER (a byte or two less where DER's lengths leave a gap), or as short as it
 * can be when len is 0. Returns its length; 0 when len is too small (the shortest has 229 bytes, the next
 * some 20 more), or more than cap or SIM_CERTIFICATE_MAX.
 */
size_t sim_certificate(const uint8_t seed[32], size_t len, uint8_t *out, size_t cap);

#endif
