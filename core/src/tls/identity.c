/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/identity.h"

#include <string.h>

#include "base/cursor.h"
#include "crypto/wipe.h"

/* SEQUENCE { SEQUENCE { OID 1.3.101.112 } BIT STRING (0 unused bits) }, RFC 8410 section 4. */
static const uint8_t spki_prefix[SPKI_LEN - 32] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                   0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

enum { DER_INTEGER = 0x02, DER_SEQUENCE = 0x30, DER_CONTEXT_0 = 0xa0 };

void csep_tls_spki(const uint8_t public_key[32], uint8_t out_spki[44], struct csep_identity *out_identity)
{
    memcpy(out_spki, spki_prefix, sizeof spki_prefix);
    memcpy(out_spki + sizeof spki_prefix, public_key, 32);
    struct hash h = hash_of(out_spki, SPKI_LEN);
    out_identity->present = true;
    memcpy(out_identity->spki_sha256, h.b, sizeof h.b);
}

//= SEC-2
bool csep_identity_is(const struct csep_identity *who, const uint8_t spki_sha256[32])
{
    return who->present & csep_equal(who->spki_sha256, spki_sha256, sizeof who->spki_sha256);
}

void csep_tls_public_key(const uint8_t seed[32], uint8_t out_public[32])
{
    struct ed25519_private priv;
    ed25519_from_seed(&priv, out_public, seed);
    CSEP_WIPE(priv);
}

void csep_tls_identity_init(struct csep_tls_identity *id, const uint8_t seed[32])
{
    memset(id, 0, sizeof *id);
    memcpy(id->seed, seed, sizeof id->seed);
    csep_tls_public_key(seed, id->public_key);
}

/* Content of one DER element with this tag. Lengths are definite, of at most three bytes, shortest form. */
static struct rd der_get(struct rd *r, unsigned tag)
{
    if (rd_u8(r) != tag)
        r->bad = true;
    uint32_t n = rd_u8(r);
    if (n >= 0x80) {
        unsigned width = n & 0x7f;
        if (width < 1 || width > 3) {
            r->bad = true;
            width = 0;
        }
        n = (uint32_t)rd_be(r, width);
        if (n < 0x80 || (width > 1 && n >> (8 * (width - 1)) == 0))
            r->bad = true;
    }
    return rd_sub(r, n);
}

/* TBSCertificate up to and with subjectPublicKeyInfo (RFC 5280 section 4.1). */
static bool spki_of_certificate(const uint8_t *der, size_t n, struct rd *out)
{
    struct rd r = rd_init(der, n);
    struct rd cert = der_get(&r, DER_SEQUENCE);
    struct rd tbs = der_get(&cert, DER_SEQUENCE);
    if (rd_more(&tbs) && tbs.p[0] == DER_CONTEXT_0)
        der_get(&tbs, DER_CONTEXT_0); /* version */
    der_get(&tbs, DER_INTEGER);       /* serialNumber */
    der_get(&tbs, DER_SEQUENCE);      /* signature */
    der_get(&tbs, DER_SEQUENCE);      /* issuer */
    der_get(&tbs, DER_SEQUENCE);      /* validity */
    der_get(&tbs, DER_SEQUENCE);      /* subject */
    const uint8_t *start = tbs.p;
    size_t before = tbs.n;
    der_get(&tbs, DER_SEQUENCE);
    if (!rd_done(&r) || cert.bad || tbs.bad)
        return false;
    *out = rd_init(start, before - tbs.n);
    return true;
}

static bool key_of_spki(const uint8_t *p, size_t n, uint8_t out_public[32])
{
    if (n != SPKI_LEN || memcmp(p, spki_prefix, sizeof spki_prefix) != 0)
        return false;
    memcpy(out_public, p + sizeof spki_prefix, 32);
    return true;
}

csep_status csep_tls_certificate_key(const uint8_t *der, size_t n, uint8_t out_public[32])
{
    struct rd spki;
    if (!spki_of_certificate(der, n, &spki))
        return CSEP_ERR_TLS_BAD_CERTIFICATE;
    return key_of_spki(spki.p, spki.n, out_public) ? CSEP_OK : CSEP_ERR_TLS_UNSUPPORTED_CERTIFICATE;
}

csep_status tls_identity_key_of_entry(enum tls_cert_type type, const uint8_t *p, size_t n,
                                      uint8_t out_public[32])
{
    if (type == TLS_CERT_X509)
        return csep_tls_certificate_key(p, n, out_public);
    return key_of_spki(p, n, out_public) ? CSEP_OK : CSEP_ERR_TLS_UNSUPPORTED_CERTIFICATE;
}

/* 64 spaces, a context string with its zero byte, the transcript hash. */
#define SIGNED_LEN (64u + 34u + HASH_LEN)

static void signed_content(uint8_t out[SIGNED_LEN], enum tls_signer who, const struct hash *th)
{
    static const char text[2][34] = {"TLS 1.3, client CertificateVerify",
                                     "TLS 1.3, server CertificateVerify"};
    memset(out, ' ', 64);
    memcpy(out + 64, text[who], 34);
    memcpy(out + 98, th->b, HASH_LEN);
}

void tls_identity_public_key(const struct csep_tls_identity *id, uint8_t out[ED25519_PUB_LEN])
{
    static const uint8_t unset[ED25519_PUB_LEN];
    if (memcmp(id->public_key, unset, sizeof unset) == 0)
        csep_tls_public_key(id->seed, out);
    else
        memcpy(out, id->public_key, ED25519_PUB_LEN);
}

void tls_identity_sign(const struct csep_tls_identity *id, enum tls_signer who, const struct hash *th,
                       uint8_t out_sig[ED25519_SIG_LEN])
{
    uint8_t content[SIGNED_LEN];
    struct ed25519_private priv;

    memcpy(priv.b, id->seed, 32);
    CSEP_CT_SECRET(priv.b, 32);
    tls_identity_public_key(id, priv.b + 32);
    signed_content(content, who, th);
    ed25519_sign(out_sig, content, sizeof content, &priv);
    CSEP_CT_PUBLIC(out_sig, ED25519_SIG_LEN);
    CSEP_WIPE(priv);
}

bool tls_identity_verify(const uint8_t public_key[32], enum tls_signer who, const struct hash *th,
                         const uint8_t sig[ED25519_SIG_LEN])
{
    uint8_t content[SIGNED_LEN];
    signed_content(content, who, th);
    return ed25519_verify(sig, content, sizeof content, public_key);
}
