/* SPDX-License-Identifier: BSD-2-Clause */
/* Decoders of ClientHello, ServerHello and HelloRetryRequest. */
#include "tls/message.h"

/* SHA-256("HelloRetryRequest"), section 4.1.3. */
const uint8_t tls_retry_random[TLS_RANDOM_LEN] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

/* More groups than any client has keys for; bounds the search for duplicates. */
#define MAX_SHARES 16u

bool tls_list_has(struct rd list, uint16_t v)
{
    while (rd_more(&list))
        if (rd_u16(&list) == v)
            return true;
    return false;
}

/* All of r is one vector, not empty, of elements of `unit` bytes. */
static csep_status only_vector(struct rd r, unsigned width, size_t unit, struct rd *out)
{
    *out = rd_sub(&r, (size_t)rd_be(&r, width));
    return rd_done(&r) && out->n > 0 && out->n % unit == 0 ? CSEP_OK : CSEP_ERR_TLS_DECODE_ERROR;
}

//= NEG-4
static csep_status check_client_versions(struct rd r)
{
    struct rd v;
    csep_status st = only_vector(r, 1, 2, &v);
    return st ? st : tls_list_has(v, TLS_VERSION_1_3) ? CSEP_OK : CSEP_ERR_TLS_PROTOCOL_VERSION;
}

static csep_status on_groups(struct rd r, struct tls_client_hello *out)
{
    csep_status st = only_vector(r, 2, 2, &out->groups);
    out->group = !st && tls_list_has(out->groups, TLS_GROUP_X25519);
    return st;
}

static bool share_before(struct rd list, uint16_t group, unsigned num)
{
    for (; num > 0; num--) {
        if (rd_u16(&list) == group)
            return true;
        rd_vec16(&list);
    }
    return false;
}

/* Section 4.2.8: one share a group, of groups that supported_groups has. The list may be empty. */
static csep_status on_shares(struct rd r, struct tls_client_hello *out)
{
    struct rd list = rd_vec16(&r), all = list;
    if (!rd_done(&r))
        return CSEP_ERR_TLS_DECODE_ERROR;
    for (; rd_more(&list); out->num_shares++) {
        uint16_t group = rd_u16(&list);
        struct rd key = rd_vec16(&list);
        if (key.bad || key.n == 0)
            return CSEP_ERR_TLS_DECODE_ERROR;
        if (out->num_shares == MAX_SHARES || share_before(all, group, out->num_shares) ||
            !tls_list_has(out->groups, group))
            return CSEP_ERR_TLS_ILLEGAL_PARAMETER;
        if (group != TLS_GROUP_X25519)
            continue;
        if (key.n != 32)
            return CSEP_ERR_TLS_ILLEGAL_PARAMETER;
        out->share = key.p;
    }
    return CSEP_OK;
}

static csep_status on_signatures(struct rd r, struct tls_client_hello *out)
{
    return only_vector(r, 2, 2, &out->signatures);
}

static csep_status on_signatures_cert(struct rd r, struct tls_client_hello *out)
{
    (void)out;
    struct rd ignored; /* certificate chains are not validated */
    return only_vector(r, 2, 2, &ignored);
}

static csep_status on_alpn(struct rd r, struct tls_client_hello *out)
{
    csep_status st = only_vector(r, 2, 1, &out->alpn);
    for (struct rd list = out->alpn; !st && rd_more(&list);) {
        struct rd name = rd_vec8(&list);
        if (name.bad || name.n == 0)
            st = CSEP_ERR_TLS_DECODE_ERROR;
    }
    return st;
}

/* The name goes to callbacks and logs: printable ASCII only. */
static bool name_is_clean(struct rd name)
{
    bool clean = name.n <= TLS_NAME_MAX;
    for (size_t i = 0; clean && i < name.n; i++)
        clean = name.p[i] > ' ' && name.p[i] <= '~';
    return clean;
}

/* RFC 6066 section 3: at most one name of each type; host_name is type 0. */
static csep_status on_name(struct rd r, struct tls_client_hello *out)
{
    struct rd list;
    csep_status st = only_vector(r, 2, 1, &list);
    while (!st && rd_more(&list)) {
        unsigned type = rd_u8(&list);
        struct rd name = rd_vec16(&list);
        if (name.bad || name.n == 0)
            return CSEP_ERR_TLS_DECODE_ERROR;
        if (type != 0)
            continue;
        if (out->name.n || !name_is_clean(name))
            return CSEP_ERR_TLS_ILLEGAL_PARAMETER;
        out->name = name;
    }
    return st;
}

static csep_status on_cookie(struct rd r, struct tls_client_hello *out)
{
    return only_vector(r, 2, 1, &out->cookie);
}

static csep_status on_client_types(struct rd r, struct tls_client_hello *out)
{
    return only_vector(r, 1, 1, &out->client_types);
}

static csep_status on_server_types(struct rd r, struct tls_client_hello *out)
{
    return only_vector(r, 1, 1, &out->server_types);
}

static csep_status on_psk_modes(struct rd r, struct tls_client_hello *out)
{
    struct rd modes;
    csep_status st = only_vector(r, 1, 1, &modes);
    while (!st && rd_more(&modes))
        out->psk_dhe |= rd_u8(&modes) == TLS_PSK_DHE_KE;
    return st;
}

static csep_status on_psk(struct rd r, struct tls_client_hello *out)
{
    struct tls_psk_offer *psk = &out->psk;
    unsigned identities = 0, binders = 0;

    psk->identities = rd_vec16(&r);
    psk->tail_len = r.n;
    if (r.bad || only_vector(r, 2, 1, &psk->binders))
        return CSEP_ERR_TLS_DECODE_ERROR;
    for (struct rd list = psk->identities; rd_more(&list); identities++) {
        struct rd id = rd_vec16(&list);
        rd_u32(&list);
        if (list.bad || id.n == 0)
            return CSEP_ERR_TLS_DECODE_ERROR;
    }
    for (struct rd list = psk->binders; rd_more(&list); binders++) {
        struct rd b = rd_vec8(&list);
        if (b.bad || b.n < TLS_BINDER_LEN)
            return CSEP_ERR_TLS_DECODE_ERROR;
    }
    if (identities == 0)
        return CSEP_ERR_TLS_DECODE_ERROR;
    return identities == binders ? CSEP_OK : CSEP_ERR_TLS_ILLEGAL_PARAMETER;
}

static csep_status on_early_data(struct rd r, struct tls_client_hello *out)
{
    out->early_data = true;
    return rd_done(&r) ? CSEP_OK : CSEP_ERR_TLS_DECODE_ERROR;
}

/* In an order in which each decoder finds what it depends on. */
static const struct {
    enum tls_ext ext;
    csep_status (*decode)(struct rd r, struct tls_client_hello *out);
} client_exts[] = {
    {TLS_EXT_SUPPORTED_GROUPS, on_groups},
    {TLS_EXT_KEY_SHARE, on_shares},
    {TLS_EXT_SIGNATURE_ALGORITHMS, on_signatures},
    {TLS_EXT_SIGNATURE_ALGORITHMS_CERT, on_signatures_cert},
    {TLS_EXT_ALPN, on_alpn},
    {TLS_EXT_SERVER_NAME, on_name},
    {TLS_EXT_COOKIE, on_cookie},
    {TLS_EXT_CLIENT_CERTIFICATE_TYPE, on_client_types},
    {TLS_EXT_SERVER_CERTIFICATE_TYPE, on_server_types},
    {TLS_EXT_PSK_KEY_EXCHANGE_MODES, on_psk_modes},
    {TLS_EXT_PRE_SHARED_KEY, on_psk},
    {TLS_EXT_EARLY_DATA, on_early_data},
};

/* What must be there, and how the parts depend on each other: section 9.2. */
static csep_status check_mandatory(uint32_t present)
{
    bool psk = tls_has(present, TLS_EXT_PRE_SHARED_KEY);
    enum tls_ext proof = psk ? TLS_EXT_PSK_KEY_EXCHANGE_MODES : TLS_EXT_SIGNATURE_ALGORITHMS;

    if (!tls_has(present, TLS_EXT_SUPPORTED_VERSIONS))
        return CSEP_ERR_TLS_PROTOCOL_VERSION;
    if (!tls_has(present, TLS_EXT_SUPPORTED_GROUPS) || !tls_has(present, TLS_EXT_KEY_SHARE) ||
        !tls_has(present, proof))
        return CSEP_ERR_TLS_MISSING_EXTENSION;
    return CSEP_OK;
}

csep_status tls_client_hello_decode(struct rd r, struct tls_client_hello *out)
{
    struct tls_exts x;

    memset(out, 0, sizeof *out);
    rd_u16(&r); /* legacy_version: only supported_versions counts */
    out->random = rd_bytes(&r, TLS_RANDOM_LEN);
    out->session_id = rd_vec8(&r);
    struct rd suites = rd_vec16(&r);
    struct rd compression = rd_vec8(&r);
    struct rd exts = r.n || r.bad ? rd_vec16(&r) : r; /* before TLS 1.3 the block could be absent */
    if (!rd_done(&r) || out->session_id.n > 32 || suites.n == 0 || suites.n % 2 || compression.n == 0)
        return CSEP_ERR_TLS_DECODE_ERROR;

    csep_status st = tls_exts_decode(exts, TLS_IN_CH, 0, &x);
    if (!st && tls_has(x.present, TLS_EXT_SUPPORTED_VERSIONS))
        st = check_client_versions(x.data[TLS_EXT_SUPPORTED_VERSIONS]);
    if (!st)
        st = check_mandatory(x.present);
    if (!st && (compression.n != 1 || compression.p[0] != 0))
        st = CSEP_ERR_TLS_ILLEGAL_PARAMETER;
    for (size_t i = 0; !st && i < sizeof client_exts / sizeof client_exts[0]; i++)
        if (tls_has(x.present, client_exts[i].ext))
            st = client_exts[i].decode(x.data[client_exts[i].ext], out);
    out->cipher = tls_list_has(suites, TLS_CHACHA20_POLY1305_SHA256);
    out->present = x.present;
    return st;
}

bool tls_is_retry(struct rd body)
{
    rd_u16(&body);
    const uint8_t *random = rd_bytes(&body, TLS_RANDOM_LEN);
    return random && memcmp(random, tls_retry_random, TLS_RANDOM_LEN) == 0;
}

/* KeyShareServerHello, or in a HelloRetryRequest the group alone. */
static csep_status decode_answer_share(struct rd r, struct tls_server_hello *out)
{
    out->group = rd_u16(&r);
    if (out->retry && !rd_done(&r))
        return CSEP_ERR_TLS_DECODE_ERROR;
    if (out->retry) /* 0 is no group, and stands for "none asked for" in what we return */
        return out->group ? CSEP_OK : CSEP_ERR_TLS_ILLEGAL_PARAMETER;
    struct rd key = rd_vec16(&r);
    if (!rd_done(&r) || key.n == 0)
        return CSEP_ERR_TLS_DECODE_ERROR;
    if (out->group != TLS_GROUP_X25519 || key.n != 32)
        return CSEP_ERR_TLS_ILLEGAL_PARAMETER;
    out->share = key.p;
    return CSEP_OK;
}

static csep_status decode_server_exts(const struct tls_exts *x, struct tls_server_hello *out)
{
    csep_status st = CSEP_OK;

    if (tls_has(x->present, TLS_EXT_KEY_SHARE))
        st = decode_answer_share(x->data[TLS_EXT_KEY_SHARE], out);
    if (!st && tls_has(x->present, TLS_EXT_COOKIE))
        st = only_vector(x->data[TLS_EXT_COOKIE], 2, 1, &out->cookie);
    if (!st && tls_has(x->present, TLS_EXT_PRE_SHARED_KEY)) {
        struct rd r = x->data[TLS_EXT_PRE_SHARED_KEY];
        out->has_psk = true;
        out->psk_index = rd_u16(&r);
        st = rd_done(&r) ? CSEP_OK : CSEP_ERR_TLS_DECODE_ERROR;
    }
    return st;
}

/* Looked for first: a ServerHello of TLS 1.2 must fail for its version, not for its extensions. */
static bool answers_versions(struct rd exts)
{
    bool found = exts.bad;
    while (!found && rd_more(&exts)) {
        found = rd_u16(&exts) == tls_ext_number(TLS_EXT_SUPPORTED_VERSIONS);
        rd_vec16(&exts);
    }
    return found || exts.bad;
}

static csep_status check_version(const struct tls_exts *x, unsigned legacy)
{
    struct rd r = x->data[TLS_EXT_SUPPORTED_VERSIONS];
    unsigned version = rd_u16(&r);
    if (!rd_done(&r))
        return CSEP_ERR_TLS_DECODE_ERROR;
    return version == TLS_VERSION_1_3 && legacy == TLS_VERSION_1_2 ? CSEP_OK : CSEP_ERR_TLS_ILLEGAL_PARAMETER;
}

csep_status tls_server_hello_decode(struct rd r, uint32_t offered, struct tls_server_hello *out)
{
    struct tls_exts x;

    memset(out, 0, sizeof *out);
    out->retry = tls_is_retry(r);
    unsigned legacy = rd_u16(&r);
    out->random = rd_bytes(&r, TLS_RANDOM_LEN);
    out->session_id = rd_vec8(&r);
    out->cipher = rd_u16(&r);
    unsigned compression = rd_u8(&r);
    struct rd exts = r.n || r.bad ? rd_vec16(&r) : r;
    if (!rd_done(&r) || out->session_id.n > 32)
        return CSEP_ERR_TLS_DECODE_ERROR;

    if (!answers_versions(exts))
        return CSEP_ERR_TLS_PROTOCOL_VERSION;
    csep_status st = tls_exts_decode(exts, out->retry ? TLS_IN_HRR : TLS_IN_SH, offered, &x);
    if (!st)
        st = check_version(&x, legacy);
    if (!st && (out->cipher != TLS_CHACHA20_POLY1305_SHA256 || compression != 0))
        st = CSEP_ERR_TLS_ILLEGAL_PARAMETER;
    return st ? st : decode_server_exts(&x, out);
}
