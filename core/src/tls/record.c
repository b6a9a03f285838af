/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/record.h"

#include "crypto/wipe.h"

csep_status tls_record_header(const uint8_t h[TLS_RECORD_HEADER], const struct tls_keys *k, size_t *out_len)
{
    size_t n = (size_t)h[3] << 8 | h[4];
    bool sealed = h[0] == TLS_CONTENT_APPLICATION;

    *out_len = n;
    if (h[0] < TLS_CONTENT_CCS || h[0] > TLS_CONTENT_APPLICATION)
        return CSEP_ERR_TLS_UNEXPECTED_MESSAGE;
    if (k->on && h[0] == TLS_CONTENT_HANDSHAKE)
        return CSEP_ERR_TLS_UNEXPECTED_MESSAGE;
    return n > (sealed ? TLS_CIPHER_MAX : TLS_PLAIN_MAX) ? CSEP_ERR_TLS_RECORD_OVERFLOW : CSEP_OK;
}

/* TLSInnerPlaintext: content, its type, zeros. */
static csep_status strip_padding(struct tls_record *r)
{
    if (r->n > TLS_PLAIN_MAX + 1)
        return CSEP_ERR_TLS_RECORD_OVERFLOW;
    while (r->n > 0 && r->content[r->n - 1] == 0)
        r->n--;
    if (r->n == 0)
        return CSEP_ERR_TLS_UNEXPECTED_MESSAGE;
    r->type = r->content[--r->n];
    return CSEP_OK;
}

csep_status tls_record_open(struct tls_keys *k, uint8_t *rec, size_t n, struct tls_record *out)
{
    uint8_t *body = rec + TLS_RECORD_HEADER;
    size_t len = n - TLS_RECORD_HEADER;

    *out = (struct tls_record){rec[0], false, body, len};
    if (rec[0] != TLS_CONTENT_APPLICATION || !k->on)
        return CSEP_OK;
    if (k->number == UINT64_MAX)
        return CSEP_ERR_AEAD_LIMIT;
    if (!aead_open(&k->aead, body, body, len, rec, TLS_RECORD_HEADER, k->number))
        return CSEP_ERR_TLS_BAD_RECORD_MAC;
    k->number++;
    out->sealed = true;
    out->n = len - AEAD_TAG_LEN;
    CSEP_CT_PUBLIC(body, out->n); /* what the peer says is no secret of the key schedule */
    return strip_padding(out);
}

size_t tls_record_seal(struct tls_keys *k, uint8_t *rec, enum tls_content type, size_t n)
{
    uint8_t *body = rec + TLS_RECORD_HEADER;
    size_t len = k->on ? n + 1 + AEAD_TAG_LEN : n;

    rec[0] = k->on ? TLS_CONTENT_APPLICATION : (uint8_t)type;
    rec[1] = 3;
    rec[2] = 3;
    rec[3] = (uint8_t)(len >> 8);
    rec[4] = (uint8_t)len;
    if (k->on) {
        body[n] = (uint8_t)type;
        aead_seal(&k->aead, body, body, n + 1, rec, TLS_RECORD_HEADER, k->number++);
        CSEP_CT_PUBLIC(body, len);
    }
    return TLS_RECORD_HEADER + len;
}
