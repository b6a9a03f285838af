/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "certificate.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

static bool add_comment(X509 *x, size_t n)
{
    static char text[SIM_CERTIFICATE_MAX + 1];
    if (n == 0)
        return true;
    if (n > SIM_CERTIFICATE_MAX)
        return false;
    ASN1_IA5STRING *s = ASN1_IA5STRING_new();
    memset(text, '.', n);
    bool ok = s && ASN1_STRING_set(s, text, (int)n) == 1 &&
              X509_add1_ext_i2d(x, NID_netscape_comment, s, 0, X509V3_ADD_DEFAULT) == 1;
    ASN1_IA5STRING_free(s);
    return ok;
}

/* DER of the certificate with a comment of n bytes; 0 when it cannot be made. */
static size_t make(EVP_PKEY *key, size_t n, uint8_t *out, size_t cap)
{
    X509 *x = X509_new();
    ASN1_TIME *from = ASN1_TIME_new(), *to = ASN1_TIME_new();
    X509_NAME *name = x ? X509_get_subject_name(x) : NULL;
    size_t len = 0;
    bool ok = x && from && to && X509_set_version(x, 2) == 1 &&
              ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 &&
              ASN1_TIME_set_string(from, "20200101000000Z") == 1 &&
              ASN1_TIME_set_string(to, "20491231235959Z") == 1 && X509_set1_notBefore(x, from) == 1 &&
              X509_set1_notAfter(x, to) == 1 &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"server.example",
                                         -1, -1, 0) == 1 &&
              X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1 && add_comment(x, n) &&
              X509_sign(x, key, NULL) > 0;
    if (ok) {
        int need = i2d_X509(x, NULL);
        unsigned char *p = out;
        if (need > 0 && (size_t)need <= cap)
            len = (size_t)i2d_X509(x, &p);
    }
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    X509_free(x);
    return len;
}

/* DER's own lengths grow with the comment: aim, look, correct. 0: there is no certificate of just this
 * length. */
static size_t make_of(EVP_PKEY *key, size_t len, size_t shortest, uint8_t *out, size_t cap)
{
    size_t comment = len > shortest + 16 ? len - shortest - 16 : 0;
    for (int i = 0; comment && i < 6; i++) {
        size_t got = make(key, comment, out, cap);
        if (got == len)
            return got;
        if (got == 0 || (got > len && got - len >= comment))
            break;
        comment = comment + len - got;
    }
    return 0;
}

size_t sim_certificate(const uint8_t seed[32], size_t len, uint8_t *out, size_t cap)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
    size_t shortest = key ? make(key, 0, out, cap) : 0, got = shortest;
    if (len && shortest && len != shortest)
        for (size_t want = len; (got = make_of(key, want, shortest, out, cap)) == 0 && len - want < 3;)
            want--;
    EVP_PKEY_free(key);
    return got;
}
