/* SPDX-License-Identifier: BSD-2-Clause */
/* Encoders of all handshake messages. */
#include "tls/identity.h"
#include "tls/message.h"

size_t tls_message_begin(struct wr *w, enum tls_message_type type)
{
    wr_u8(w, type);
    return wr_open(w, 3);
}

void tls_message_end(struct wr *w, size_t mark)
{
    wr_close(w, mark, 3);
}

static size_t ext_begin(struct wr *w, enum tls_ext e)
{
    wr_u16(w, tls_ext_number(e));
    return wr_open(w, 2);
}

static void ext_end(struct wr *w, size_t mark)
{
    wr_close(w, mark, 2);
}

/* RFC 8701: 0x0a0a, 0x1a1a ... 0xfafa, from one random byte. */
static uint16_t grease_value(uint8_t b)
{
    return (uint16_t)((b & 0xf0) * 0x101 | 0x0a0a);
}

/* An extension that nobody knows. The two of one hello differ in the top nibble. */
static void grease_ext(struct wr *w, uint8_t b, bool with_content)
{
    wr_u16(w, grease_value(b));
    wr_vec16(w, "", with_content ? 1 : 0);
}

/* One extension whose content is a vector with a length of `width` bytes around one u16. */
static void ext_u16_list(struct wr *w, enum tls_ext e, unsigned width, const uint16_t *v, size_t n)
{
    size_t x = ext_begin(w, e), list = wr_open(w, width);
    for (size_t i = 0; i < n; i++)
        wr_u16(w, v[i]);
    wr_close(w, list, width);
    ext_end(w, x);
}

static void put_name(struct wr *w, const char *name)
{
    size_t x = ext_begin(w, TLS_EXT_SERVER_NAME), list = wr_open(w, 2);
    wr_u8(w, 0);
    wr_vec16(w, name, strlen(name));
    wr_close(w, list, 2);
    ext_end(w, x);
}

static void put_alpn(struct wr *w, const char *const *names)
{
    size_t x = ext_begin(w, TLS_EXT_ALPN), list = wr_open(w, 2);
    for (; *names; names++)
        wr_vec8(w, *names, strlen(*names));
    wr_close(w, list, 2);
    ext_end(w, x);
}

static void put_shares(struct wr *w, const struct tls_hello_offer *o)
{
    size_t x = ext_begin(w, TLS_EXT_KEY_SHARE), list = wr_open(w, 2);
    if (o->grease && !o->no_grease_share) {
        wr_u16(w, grease_value(o->grease[1]));
        wr_vec16(w, "", 1);
    }
    if (o->share) {
        wr_u16(w, TLS_GROUP_X25519);
        wr_vec16(w, o->share, 32);
    }
    wr_close(w, list, 2);
    ext_end(w, x);
}

static void put_cookie(struct wr *w, struct rd cookie)
{
    size_t x = ext_begin(w, TLS_EXT_COOKIE);
    wr_vec16(w, cookie.p, cookie.n);
    ext_end(w, x);
}

static void put_types(struct wr *w, enum tls_ext e, bool raw, bool x509)
{
    size_t x = ext_begin(w, e), list = wr_open(w, 1);
    if (raw)
        wr_u8(w, TLS_CERT_RAW);
    if (x509)
        wr_u8(w, TLS_CERT_X509);
    wr_close(w, list, 1);
    ext_end(w, x);
}

//= NEG-11
static void put_psk_modes(struct wr *w)
{
    size_t x = ext_begin(w, TLS_EXT_PSK_KEY_EXCHANGE_MODES);
    wr_vec8(w, &(uint8_t){TLS_PSK_DHE_KE}, 1);
    ext_end(w, x);
}

static size_t put_psk(struct wr *w, const struct tls_hello_offer *o)
{
    size_t x = ext_begin(w, TLS_EXT_PRE_SHARED_KEY), list = wr_open(w, 2);
    wr_vec16(w, o->session->ticket, o->session->ticket_len);
    wr_u32(w, o->obfuscated_age);
    wr_close(w, list, 2);
    size_t tail = w->len;
    list = wr_open(w, 2);
    wr_u8(w, TLS_BINDER_LEN);
    wr_zero(w, TLS_BINDER_LEN);
    wr_close(w, list, 2);
    ext_end(w, x);
    return w->len - tail;
}

static void put_lists(struct wr *w, const struct tls_hello_offer *o)
{
    const uint16_t groups[] = {o->grease ? grease_value(o->grease[1]) : 0, TLS_GROUP_X25519};
    const uint16_t versions[] = {o->grease ? grease_value(o->grease[2]) : 0, TLS_VERSION_1_3};
    const size_t skip = o->grease ? 0 : 1;
    static const uint16_t signatures[] = {TLS_SIG_ED25519};
    /* Chains are not validated, so any CA's signature in them will do: Ed25519, ECDSA, RSA-PSS, RSA. */
    static const uint16_t chain[] = {0x0807, 0x0403, 0x0503, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601};

    ext_u16_list(w, TLS_EXT_SUPPORTED_GROUPS, 2, groups + skip, 2 - skip);
    ext_u16_list(w, TLS_EXT_SIGNATURE_ALGORITHMS, 2, signatures, 1);
    ext_u16_list(w, TLS_EXT_SIGNATURE_ALGORITHMS_CERT, 2, chain, sizeof chain / sizeof chain[0]);
    ext_u16_list(w, TLS_EXT_SUPPORTED_VERSIONS, 1, versions + skip, 2 - skip);
}

/* Which of the known extensions stand in a block that this file wrote. */
static uint32_t extensions_in(struct rd r)
{
    uint32_t set = 0;
    while (rd_more(&r)) {
        uint16_t number = rd_u16(&r);
        rd_vec16(&r);
        for (unsigned e = 0; e < TLS_NUM_EXT; e++)
            if (tls_ext_number(e) == number)
                set |= UINT32_C(1) << e;
    }
    return set;
}

static size_t put_client_exts(struct wr *w, const struct tls_hello_offer *o)
{
    size_t tail = 0;

    if (o->grease)
        grease_ext(w, o->grease[3], false);
    if (o->server_name) //= SEC-12
        put_name(w, o->server_name);
    put_lists(w, o);
    put_alpn(w, o->alpn);
    put_shares(w, o);
    if (o->tickets || o->session)
        put_psk_modes(w);
    if (o->raw_server) //= NEG-77
        put_types(w, TLS_EXT_SERVER_CERTIFICATE_TYPE, true, true);
    if (o->raw_client)
        put_types(w, TLS_EXT_CLIENT_CERTIFICATE_TYPE, true, o->x509_client);
    if (o->cookie.n)
        put_cookie(w, o->cookie);
    if (o->grease)
        grease_ext(w, (uint8_t)(o->grease[3] + 0x10), true);
    if (o->session)
        tail = put_psk(w, o);
    return tail;
}

void tls_client_hello_encode(struct wr *w, const struct tls_hello_offer *o, size_t *out_tail_len,
                             uint32_t *out_offered)
{
    size_t m = tls_message_begin(w, TLS_CLIENT_HELLO);
    wr_u16(w, TLS_VERSION_1_2);
    wr_bytes(w, o->random, TLS_RANDOM_LEN);
    wr_vec8(w, o->session_id, o->session_id ? 32 : 0);
    size_t suites = wr_open(w, 2);
    if (o->grease)
        wr_u16(w, grease_value(o->grease[0]));
    wr_u16(w, TLS_CHACHA20_POLY1305_SHA256);
    wr_close(w, suites, 2);
    wr_vec8(w, "", 1); /* legacy_compression_methods: null */
    size_t exts = wr_open(w, 2);
    *out_tail_len = put_client_exts(w, o);
    wr_close(w, exts, 2);
    tls_message_end(w, m);
    *out_offered = w->bad ? 0 : extensions_in(rd_init(w->p + exts, w->len - exts));
}

static void put_answer_exts(struct wr *w, const struct tls_hello_answer *a)
{
    size_t x = ext_begin(w, TLS_EXT_SUPPORTED_VERSIONS);
    wr_u16(w, TLS_VERSION_1_3);
    ext_end(w, x);
    if (a->share || a->ask_share) {
        x = ext_begin(w, TLS_EXT_KEY_SHARE);
        wr_u16(w, TLS_GROUP_X25519);
        if (a->share)
            wr_vec16(w, a->share, 32);
        ext_end(w, x);
    }
    if (a->psk) {
        x = ext_begin(w, TLS_EXT_PRE_SHARED_KEY);
        wr_u16(w, a->psk_index);
        ext_end(w, x);
    }
    if (a->cookie.n)
        put_cookie(w, a->cookie);
}

void tls_server_hello_encode(struct wr *w, const struct tls_hello_answer *a)
{
    size_t m = tls_message_begin(w, TLS_SERVER_HELLO);
    wr_u16(w, TLS_VERSION_1_2);
    wr_bytes(w, a->random ? a->random : tls_retry_random, TLS_RANDOM_LEN);
    wr_vec8(w, a->session_id.p, a->session_id.n);
    wr_u16(w, TLS_CHACHA20_POLY1305_SHA256);
    wr_u8(w, 0);
    size_t exts = wr_open(w, 2);
    put_answer_exts(w, a);
    wr_close(w, exts, 2);
    tls_message_end(w, m);
}

static void put_type(struct wr *w, enum tls_ext e, uint8_t type)
{
    size_t x = ext_begin(w, e);
    wr_u8(w, type);
    ext_end(w, x);
}

void tls_encrypted_extensions_encode(struct wr *w, const struct tls_encrypted_answer *a)
{
    size_t m = tls_message_begin(w, TLS_ENCRYPTED_EXTENSIONS);
    size_t exts = wr_open(w, 2);
    put_alpn(w, (const char *const[]){a->alpn, NULL});
    if (a->ack_name)
        ext_end(w, ext_begin(w, TLS_EXT_SERVER_NAME));
    if (a->client_type_present)
        put_type(w, TLS_EXT_CLIENT_CERTIFICATE_TYPE, a->client_type);
    if (a->server_type_present)
        put_type(w, TLS_EXT_SERVER_CERTIFICATE_TYPE, a->server_type);
    wr_close(w, exts, 2);
    tls_message_end(w, m);
}

void tls_certificate_request_encode(struct wr *w, const uint8_t *grease)
{
    static const uint16_t signatures[] = {TLS_SIG_ED25519};
    size_t m = tls_message_begin(w, TLS_CERTIFICATE_REQUEST);
    wr_u8(w, 0);
    size_t exts = wr_open(w, 2);
    ext_u16_list(w, TLS_EXT_SIGNATURE_ALGORITHMS, 2, signatures, 1);
    if (grease)
        grease_ext(w, grease[0], false);
    wr_close(w, exts, 2);
    tls_message_end(w, m);
}

void tls_certificate_encode(struct wr *w, const uint8_t *entry, size_t n)
{
    size_t m = tls_message_begin(w, TLS_CERTIFICATE);
    wr_u8(w, 0);
    size_t list = wr_open(w, 3);
    if (n) {
        wr_u24(w, (uint32_t)n);
        wr_bytes(w, entry, n);
        wr_u16(w, 0);
    }
    wr_close(w, list, 3);
    tls_message_end(w, m);
}

void tls_certificate_verify_encode(struct wr *w, const uint8_t sig[64])
{
    size_t m = tls_message_begin(w, TLS_CERTIFICATE_VERIFY);
    wr_u16(w, TLS_SIG_ED25519);
    wr_vec16(w, sig, 64);
    tls_message_end(w, m);
}

void tls_finished_encode(struct wr *w, const uint8_t verify_data[32])
{
    size_t m = tls_message_begin(w, TLS_FINISHED);
    wr_bytes(w, verify_data, 32);
    tls_message_end(w, m);
}

void tls_new_session_ticket_encode(struct wr *w, const struct tls_new_session_ticket *t,
                                   const uint8_t *grease)
{
    size_t m = tls_message_begin(w, TLS_NEW_SESSION_TICKET);
    wr_u32(w, t->lifetime);
    wr_u32(w, t->age_add);
    wr_vec8(w, t->nonce.p, t->nonce.n);
    wr_vec16(w, t->ticket.p, t->ticket.n);
    size_t exts = wr_open(w, 2);
    if (grease)
        grease_ext(w, grease[0], false);
    wr_close(w, exts, 2);
    tls_message_end(w, m);
}

void tls_key_update_encode(struct wr *w, bool request)
{
    size_t m = tls_message_begin(w, TLS_KEY_UPDATE);
    wr_u8(w, request);
    tls_message_end(w, m);
}
