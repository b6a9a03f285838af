/* SPDX-License-Identifier: BSD-2-Clause */
/* Decoders of every handshake message but the hellos. */
#include "tls/message.h"

#include "tls/identity.h"

#define MAX_CERTIFICATE 16384u
#define MAX_HELLO       8192u /* room for post-quantum shares and a long cookie */
#define MAX_OTHER       4096u

size_t tls_message_max(uint8_t type)
{
    switch (type) {
    case TLS_CERTIFICATE:
    case TLS_NEW_SESSION_TICKET: /* some servers put a whole client certificate into the ticket */
        return MAX_CERTIFICATE;
    case TLS_CLIENT_HELLO:
        return MAX_HELLO;
    default:
        return MAX_OTHER;
    }
}

static csep_status decode_selected_type(const struct tls_exts *x, enum tls_ext e, uint8_t *out)
{
    struct rd r = x->data[e];
    if (!tls_has(x->present, e))
        return CSEP_OK;
    *out = rd_u8(&r);
    if (!rd_done(&r))
        return CSEP_ERR_TLS_DECODE_ERROR;
    return *out == TLS_CERT_X509 || *out == TLS_CERT_RAW ? CSEP_OK : CSEP_ERR_TLS_ILLEGAL_PARAMETER;
}

/* A list of exactly one name (RFC 7301 section 3.1). */
static csep_status decode_selected_alpn(struct rd r, struct rd *out)
{
    struct rd list = rd_vec16(&r);
    *out = rd_vec8(&list);
    return rd_done(&r) && rd_done(&list) && out->n > 0 ? CSEP_OK : CSEP_ERR_TLS_DECODE_ERROR;
}

csep_status tls_encrypted_extensions_decode(struct rd r, uint32_t offered,
                                            struct tls_encrypted_extensions *out)
{
    struct tls_exts x;
    struct rd exts = rd_vec16(&r);

    memset(out, 0, sizeof *out);
    if (!rd_done(&r))
        return CSEP_ERR_TLS_DECODE_ERROR;
    csep_status st = tls_exts_decode(exts, TLS_IN_EE, offered, &x);
    if (!st && tls_has(x.present, TLS_EXT_ALPN))
        st = decode_selected_alpn(x.data[TLS_EXT_ALPN], &out->alpn);
    if (!st && tls_has(x.present, TLS_EXT_SERVER_NAME) && x.data[TLS_EXT_SERVER_NAME].n)
        st = CSEP_ERR_TLS_DECODE_ERROR;
    if (!st)
        st = decode_selected_type(&x, TLS_EXT_CLIENT_CERTIFICATE_TYPE, &out->client_type);
    if (!st)
        st = decode_selected_type(&x, TLS_EXT_SERVER_CERTIFICATE_TYPE, &out->server_type);
    return st;
}

csep_status tls_certificate_request_decode(struct rd r, struct tls_certificate_request *out)
{
    struct tls_exts x;
    struct rd context = rd_vec8(&r);
    struct rd exts = rd_vec16(&r);

    if (!rd_done(&r))
        return CSEP_ERR_TLS_DECODE_ERROR;
    if (context.n)
        return CSEP_ERR_TLS_ILLEGAL_PARAMETER; /* empty unless after the handshake */
    csep_status st = tls_exts_decode(exts, TLS_IN_CR, 0, &x);
    if (st)
        return st;
    if (!tls_has(x.present, TLS_EXT_SIGNATURE_ALGORITHMS))
        return CSEP_ERR_TLS_MISSING_EXTENSION;
    struct rd s = x.data[TLS_EXT_SIGNATURE_ALGORITHMS];
    out->signatures = rd_vec16(&s);
    return rd_done(&s) && out->signatures.n && out->signatures.n % 2 == 0 ? CSEP_OK
                                                                          : CSEP_ERR_TLS_DECODE_ERROR;
}

csep_status tls_certificate_decode(struct rd r, struct tls_certificate *out)
{
    struct tls_exts x;
    struct rd context = rd_vec8(&r);
    struct rd list = rd_vec24(&r);

    memset(out, 0, sizeof *out);
    if (!rd_done(&r))
        return CSEP_ERR_TLS_DECODE_ERROR;
    if (context.n)
        return CSEP_ERR_TLS_ILLEGAL_PARAMETER;
    for (; rd_more(&list); out->num++) {
        struct rd entry = rd_vec24(&list);
        struct rd exts = rd_vec16(&list);
        if (list.bad || entry.n == 0)
            return CSEP_ERR_TLS_DECODE_ERROR;
        csep_status st = tls_exts_decode(exts, TLS_IN_CT, 0, &x); /* we ask for none */
        if (st)
            return st;
        if (out->num == 0)
            out->first = entry;
    }
    return CSEP_OK;
}

csep_status tls_certificate_verify_decode(struct rd r, struct tls_certificate_verify *out)
{
    out->algorithm = rd_u16(&r);
    out->signature = rd_vec16(&r);
    return rd_done(&r) ? CSEP_OK : CSEP_ERR_TLS_DECODE_ERROR;
}

csep_status tls_finished_decode(struct rd r, const uint8_t **out_verify_data)
{
    *out_verify_data = rd_bytes(&r, 32);
    return rd_done(&r) ? CSEP_OK : CSEP_ERR_TLS_DECODE_ERROR;
}

csep_status tls_new_session_ticket_decode(struct rd r, struct tls_new_session_ticket *out)
{
    struct tls_exts x;

    out->lifetime = rd_u32(&r);
    out->age_add = rd_u32(&r);
    out->nonce = rd_vec8(&r);
    out->ticket = rd_vec16(&r);
    struct rd exts = rd_vec16(&r);
    if (!rd_done(&r) || out->ticket.n == 0)
        return CSEP_ERR_TLS_DECODE_ERROR;
    return tls_exts_decode(exts, TLS_IN_NST, 0, &x);
}

csep_status tls_key_update_decode(struct rd r, bool *out_requested)
{
    unsigned v = rd_u8(&r);
    *out_requested = v == 1;
    if (!rd_done(&r))
        return CSEP_ERR_TLS_DECODE_ERROR;
    return v <= 1 ? CSEP_OK : CSEP_ERR_TLS_ILLEGAL_PARAMETER;
}
