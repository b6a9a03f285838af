/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One row per way in which a handshake message can be wrong: the message that belongs there, what is
 * done to it, and the failure (with its alert, from the status list) that must follow.
 */
#include "tls_puppet.h"

#include <string.h>

enum {
    VERSIONS = 43,
    GROUPS = 10,
    SIGNATURES = 13,
    ALPN = 16,
    SHARE = 51,
    PSK = 41,
    MODES = 45,
    COOKIE = 44,
    NAME = 0,
    OID_FILTERS = 48,
    SERVER_TYPE = 20,
    CLIENT_TYPE = 19,
    EARLY = 42,
    SIZE_LIMIT = 28,
    UNKNOWN = 0x7777
};

/* One change to a message. */
struct edit {
    enum { NOTHING, DROP, SET, ADD, POKE, APPEND, FOLLOW, LENGTH } op;
    unsigned at; /* extension number; for POKE an offset; for LENGTH a new body length (rest cut or zeros) */
    const char *bytes;
    size_t n;
};
#define DROP(type)                                                                                           \
    {                                                                                                        \
        DROP, type, NULL, 0                                                                                  \
    }
#define SET(type, b)                                                                                         \
    {                                                                                                        \
        SET, type, b, sizeof(b) - 1                                                                          \
    }
#define ADD(type, b)                                                                                         \
    {                                                                                                        \
        ADD, type, b, sizeof(b) - 1                                                                          \
    }
#define POKE(offset, b)                                                                                      \
    {                                                                                                        \
        POKE, offset, b, sizeof(b) - 1                                                                       \
    }
#define APPEND(b)                                                                                            \
    {                                                                                                        \
        APPEND, 0, b, sizeof(b) - 1                                                                          \
    }
#define FOLLOW(b)                                                                                            \
    {                                                                                                        \
        FOLLOW, 0, b, sizeof(b) - 1                                                                          \
    }
#define LENGTH(len)                                                                                          \
    {                                                                                                        \
        LENGTH, len, NULL, 0                                                                                 \
    }

struct row {
    const char *name;
    struct puppet_options how;
    enum tls_state state;
    enum tls_input message;
    struct edit edits[4];
    csep_status expected;
};

/* Where the extension block (its length field) of a message starts. */
static size_t block_at(const uint8_t *m)
{
    size_t at = TLS_MESSAGE_HEADER;
    switch (m[0]) {
    case TLS_CLIENT_HELLO:
        at += 2 + 32;
        at += 1 + m[at];
        at += 2 + ((size_t)m[at] << 8 | m[at + 1]);
        return at + 1 + m[at];
    case TLS_SERVER_HELLO:
        at += 2 + 32;
        return at + 1 + m[at] + 3;
    case TLS_CERTIFICATE_REQUEST:
        return at + 1 + m[at];
    case TLS_NEW_SESSION_TICKET:
        at += 8;
        at += 1 + m[at];
        return at + 2 + ((size_t)m[at] << 8 | m[at + 1]);
    default:
        return at;
    }
}

static void fix_length(uint8_t *m, size_t n)
{
    n -= TLS_MESSAGE_HEADER;
    m[1] = (uint8_t)(n >> 16);
    m[2] = (uint8_t)(n >> 8);
    m[3] = (uint8_t)n;
}

/* Rewrite the extension block without `type`, or with other content for it, or with one more at the end. */
static size_t edit_extensions(uint8_t *m, size_t n, const struct edit *e)
{
    uint8_t out[8192];
    size_t at = block_at(m);
    struct rd r = rd_init(m + at + 2, n - at - 2);
    struct wr w = wr_init(out, sizeof out);
    while (rd_more(&r)) {
        uint16_t type = rd_u16(&r);
        struct rd data = rd_vec16(&r);
        bool hit = type == e->at && e->op != ADD;
        if (hit && e->op == DROP)
            continue;
        wr_u16(&w, type);
        wr_vec16(&w, hit ? (const void *)e->bytes : data.p, hit ? e->n : data.n);
    }
    if (e->op == ADD) {
        wr_u16(&w, (unsigned)e->at);
        wr_vec16(&w, e->bytes, e->n);
    }
    m[at] = (uint8_t)(w.len >> 8);
    m[at + 1] = (uint8_t)w.len;
    memcpy(m + at + 2, out, w.len);
    return at + 2 + w.len;
}

static size_t apply(uint8_t *m, size_t n, const struct edit *e)
{
    switch (e->op) {
    case DROP:
    case SET:
    case ADD:
        n = edit_extensions(m, n, e);
        break;
    case POKE:
        memcpy(m + e->at, e->bytes, e->n);
        return n;
    case APPEND:
        memcpy(m + n, e->bytes, e->n);
        n += e->n;
        break;
    case FOLLOW: /* another message behind it */
        memcpy(m + n, e->bytes, e->n);
        return n + e->n;
    case LENGTH:
        n = TLS_MESSAGE_HEADER + e->at;
        break;
    default:
        return n;
    }
    fix_length(m, n);
    return n;
}

#define CLIENT                                                                                               \
    {                                                                                                        \
        {0}, false                                                                                           \
    }
#define CLIENT_PSK                                                                                           \
    {                                                                                                        \
        {0}, true                                                                                            \
    }
#define CLIENT_RAW                                                                                           \
    {                                                                                                        \
        {.raw_key = true}, false                                                                             \
    }
#define CLIENT_NAME                                                                                          \
    {                                                                                                        \
        {.name = "a.example"}, false                                                                         \
    }
#define CLIENT_EMPTY                                                                                         \
    {                                                                                                        \
        {.retry = true}, false                                                                               \
    }
#define CLIENT_REFUSE                                                                                        \
    {                                                                                                        \
        {.refuse = true}, false                                                                              \
    }
#define SERVER                                                                                               \
    {                                                                                                        \
        {.server = true}, false                                                                              \
    }
#define SERVER_PSK                                                                                           \
    {                                                                                                        \
        {.server = true}, true                                                                               \
    }
#define SERVER_RETRY                                                                                         \
    {                                                                                                        \
        {.server = true, .retry = true}, false                                                               \
    }
#define SERVER_ASK                                                                                           \
    {                                                                                                        \
        {.server = true, .require_certificate = true}, false                                                 \
    }
#define SERVER_REFUSE                                                                                        \
    {                                                                                                        \
        {.server = true, .require_certificate = true, .refuse = true}, false                                 \
    }
#define SERVER_NAME                                                                                          \
    {                                                                                                        \
        {.server = true, .name = "b.example"}, false                                                         \
    }

#define CH          TLS_SERVER_WAIT_HELLO, TLS_INPUT_CLIENT_HELLO
#define CH2         TLS_SERVER_WAIT_HELLO_AGAIN, TLS_INPUT_CLIENT_HELLO
#define SH          TLS_CLIENT_WAIT_HELLO, TLS_INPUT_SERVER_HELLO
#define SH2         TLS_CLIENT_WAIT_HELLO_AGAIN, TLS_INPUT_SERVER_HELLO
#define HRR         TLS_CLIENT_WAIT_HELLO, TLS_INPUT_HELLO_RETRY_REQUEST
#define EE          TLS_CLIENT_WAIT_EXTENSIONS, TLS_INPUT_ENCRYPTED_EXTENSIONS
#define EE_PSK      TLS_CLIENT_WAIT_EXTENSIONS_PSK, TLS_INPUT_ENCRYPTED_EXTENSIONS
#define CR          TLS_CLIENT_WAIT_REQUEST_OR_CERTIFICATE, TLS_INPUT_CERTIFICATE_REQUEST
#define CERT        TLS_CLIENT_WAIT_CERTIFICATE, TLS_INPUT_CERTIFICATE
#define CV          TLS_CLIENT_WAIT_VERIFY, TLS_INPUT_CERTIFICATE_VERIFY
#define FIN         TLS_CLIENT_WAIT_FINISHED, TLS_INPUT_FINISHED
#define NST         TLS_CLIENT_CONNECTED, TLS_INPUT_NEW_SESSION_TICKET
#define KU          TLS_CLIENT_CONNECTED, TLS_INPUT_KEY_UPDATE
#define KU_SERVER   TLS_SERVER_CONNECTED, TLS_INPUT_KEY_UPDATE
#define CERT_CLIENT TLS_SERVER_WAIT_CERTIFICATE, TLS_INPUT_CERTIFICATE
#define CV_CLIENT   TLS_SERVER_WAIT_VERIFY, TLS_INPUT_CERTIFICATE_VERIFY
#define FIN_CLIENT  TLS_SERVER_WAIT_FINISHED, TLS_INPUT_FINISHED

#define X4  "\0\0\0\0"
#define X32 X4 X4 X4 X4 X4 X4 X4 X4
#define KEY32                                                                                                \
    "\x09"                                                                                                   \
    "1234567890123456789012345678901"
#define E(status) CSEP_ERR_TLS_##status

static const struct row rows[] = {
    /* ClientHello. The random is at 6, session_id at 38 (32 bytes), suites at 71, compression at 75. */
    {"unchanged", SERVER, CH, {{0}}, CSEP_OK},
    {"no supported_versions", SERVER, CH, {DROP(VERSIONS)}, E(PROTOCOL_VERSION)},
    {"TLS 1.2 only", SERVER, CH, {SET(VERSIONS, "\2\3\3")}, E(PROTOCOL_VERSION)},
    {"TLS 1.2 only, other compression",
     SERVER,
     CH,
     {SET(VERSIONS, "\2\3\3"), POKE(76, "\1")},
     E(PROTOCOL_VERSION)},
    {"empty supported_versions", SERVER, CH, {SET(VERSIONS, "\0")}, E(DECODE_ERROR)},
    {"odd supported_versions", SERVER, CH, {SET(VERSIONS, "\3\3\4\3")}, E(DECODE_ERROR)},
    {"unknown version beside 1.3", SERVER, CH, {SET(VERSIONS, "\4\x7f\x1c\3\4")}, CSEP_OK},
    {"legacy_version is ignored", SERVER, CH, {POKE(4, "\3\1")}, CSEP_OK},
    {"no supported_groups", SERVER, CH, {DROP(GROUPS)}, E(MISSING_EXTENSION)},
    {"no key_share", SERVER, CH, {DROP(SHARE)}, E(MISSING_EXTENSION)},
    {"no signature_algorithms", SERVER, CH, {DROP(SIGNATURES)}, E(MISSING_EXTENSION)},
    {"other suite", SERVER, CH, {POKE(73, "\x13\1")}, E(HANDSHAKE_FAILURE)},
    {"other group",
     SERVER,
     CH,
     {SET(GROUPS, "\0\2\0\x17"), SET(SHARE, "\0\6\0\x17\0\2xy")},
     E(HANDSHAKE_FAILURE)},
    {"other signatures", SERVER, CH, {SET(SIGNATURES, "\0\2\4\3")}, E(HANDSHAKE_FAILURE)},
    {"empty signature_algorithms", SERVER, CH, {SET(SIGNATURES, "\0\0")}, E(DECODE_ERROR)},
    {"empty supported_groups", SERVER, CH, {SET(GROUPS, "\0\0")}, E(DECODE_ERROR)},
    {"odd supported_groups", SERVER, CH, {SET(GROUPS, "\0\3\0\x1d\0")}, E(DECODE_ERROR)},
    {"compression", SERVER, CH, {POKE(76, "\1")}, E(ILLEGAL_PARAMETER)},
    {"short share", SERVER, CH, {SET(SHARE, "\0\6\0\x1d\0\2xy")}, E(ILLEGAL_PARAMETER)},
    {"empty share", SERVER, CH, {SET(SHARE, "\0\4\0\x1d\0\0")}, E(DECODE_ERROR)},
    {"share twice",
     SERVER,
     CH,
     {SET(SHARE, "\0\x48\0\x1d\0\x20" KEY32 "\0\x1d\0\x20" KEY32)},
     E(ILLEGAL_PARAMETER)},
    {"share of a group not listed", SERVER, CH, {SET(SHARE, "\0\6\0\x17\0\2xy")}, E(ILLEGAL_PARAMETER)},
    {"truncated share", SERVER, CH, {SET(SHARE, "\0\5\0\x1d\0\2x")}, E(DECODE_ERROR)},
    {"low-order share", SERVER, CH, {SET(SHARE, "\0\x24\0\x1d\0\x20" X32)}, E(ILLEGAL_PARAMETER)},
    {"no ALPN", SERVER, CH, {DROP(ALPN)}, E(NO_APPLICATION_PROTOCOL)},
    {"other ALPN", SERVER, CH, {SET(ALPN, "\0\3\2h2")}, E(NO_APPLICATION_PROTOCOL)},
    {"empty ALPN list", SERVER, CH, {SET(ALPN, "\0\0")}, E(DECODE_ERROR)},
    {"empty ALPN name", SERVER, CH, {SET(ALPN, "\0\1\0")}, E(DECODE_ERROR)},
    {"our ALPN as second choice",
     SERVER,
     CH,
     {SET(ALPN, "\0\xa\2h2\6"
                "csep/1")},
     CSEP_OK},
    {"SNI",
     SERVER,
     CH,
     {ADD(NAME, "\0\x0c\0\0\x09"
                "a.example")},
     CSEP_OK},
    {"SNI in capitals",
     SERVER_NAME,
     CH,
     {ADD(NAME, "\0\x0c\0\0\x09"
                "B.EXAMPLE")},
     CSEP_OK},
    {"SNI of another",
     SERVER_NAME,
     CH,
     {ADD(NAME, "\0\x0c\0\0\x09"
                "a.example")},
     E(UNRECOGNIZED_NAME)},
    {"SNI empty", SERVER, CH, {ADD(NAME, "\0\3\0\0\0")}, E(DECODE_ERROR)},
    {"SNI list empty", SERVER, CH, {ADD(NAME, "\0\0")}, E(DECODE_ERROR)},
    {"SNI with zero byte",
     SERVER,
     CH,
     {ADD(NAME, "\0\6\0\0\3"
                "a\0b")},
     E(ILLEGAL_PARAMETER)},
    {"SNI twice",
     SERVER,
     CH,
     {ADD(NAME, "\0\x08\0\0\1"
                "a\0\0\1b")},
     E(ILLEGAL_PARAMETER)},
    {"SNI of unknown type", SERVER, CH, {ADD(NAME, "\0\4\1\0\1a")}, CSEP_OK},
    {"unknown extension", SERVER, CH, {ADD(UNKNOWN, "abc")}, CSEP_OK},
    {"unknown extension twice", SERVER, CH, {ADD(UNKNOWN, ""), ADD(UNKNOWN, "")}, E(ILLEGAL_PARAMETER)},
    {"known extension twice", SERVER, CH, {ADD(VERSIONS, "\2\3\4")}, E(ILLEGAL_PARAMETER)},
    {"extension of another message", SERVER, CH, {ADD(OID_FILTERS, "\0\0")}, E(ILLEGAL_PARAMETER)},
    {"bad cookie", SERVER, CH, {ADD(COOKIE, "\0\0")}, E(DECODE_ERROR)},
    {"early_data with content", SERVER, CH, {ADD(EARLY, "x")}, E(DECODE_ERROR)},
    {"early_data", SERVER, CH, {ADD(EARLY, "")}, CSEP_OK},
    {"only unknown certificate types", SERVER, CH, {ADD(SERVER_TYPE, "\1\7")}, E(UNSUPPORTED_CERTIFICATE)},
    {"only unknown client types", SERVER_ASK, CH, {ADD(CLIENT_TYPE, "\1\7")}, E(UNSUPPORTED_CERTIFICATE)},
    {"empty certificate types", SERVER, CH, {ADD(SERVER_TYPE, "\0")}, E(DECODE_ERROR)},
    {"certificate types", SERVER, CH, {ADD(SERVER_TYPE, "\3\7\2\0")}, CSEP_OK},
    {"raw key server, X.509 client",
     {{.server = true, .raw_key = true}, false},
     CH,
     {SET(SERVER_TYPE, "\1\0")},
     E(UNSUPPORTED_CERTIFICATE)},
    {"raw key server, client of old",
     {{.server = true, .raw_key = true}, false},
     CH,
     {DROP(SERVER_TYPE)},
     E(UNSUPPORTED_CERTIFICATE)},
    {"long session_id", SERVER, CH, {POKE(38, "\x21")}, E(DECODE_ERROR)},
    {"no suites", SERVER, CH, {POKE(71, "\0\0")}, E(DECODE_ERROR)},
    {"odd suites", SERVER, CH, {POKE(71, "\0\1")}, E(DECODE_ERROR)},
    {"trailing byte", SERVER, CH, {APPEND("x")}, E(DECODE_ERROR)},
    {"too long", SERVER, CH, {POKE(1, "\1\0\0")}, E(DECODE_ERROR)},
    {"more in the record", SERVER, CH, {FOLLOW("\x14\0\0\0")}, E(UNEXPECTED_MESSAGE)},

    /* PSK. */
    {"binder wrong", SERVER_PSK, CH, {POKE(6, "\1")}, E(DECRYPT_ERROR)},
    {"PSK without modes", SERVER_PSK, CH, {DROP(MODES)}, E(MISSING_EXTENSION)},
    {"PSK with empty modes", SERVER_PSK, CH, {SET(MODES, "\0")}, E(DECODE_ERROR)},
    {"PSK not last", SERVER_PSK, CH, {ADD(UNKNOWN, "")}, E(ILLEGAL_PARAMETER)},
    {"PSK without (EC)DHE is passed over", SERVER_PSK, CH, {SET(MODES, "\1\0")}, CSEP_OK},
    {"no identities", SERVER_PSK, CH, {SET(PSK, "\0\0\0\x21\x20" X32)}, E(DECODE_ERROR)},
    {"empty identity", SERVER_PSK, CH, {SET(PSK, "\0\6\0\0" X4 "\0\x21\x20" X32)}, E(DECODE_ERROR)},
    {"no binders", SERVER_PSK, CH, {SET(PSK, "\0\7\0\1x" X4 "\0\0")}, E(DECODE_ERROR)},
    {"short binder", SERVER_PSK, CH, {SET(PSK, "\0\7\0\1x" X4 "\0\4\3abc")}, E(DECODE_ERROR)},
    {"more binders than identities",
     SERVER_PSK,
     CH,
     {SET(PSK, "\0\7\0\1x" X4 "\0\x42\x20" X32 "\x20" X32)},
     E(ILLEGAL_PARAMETER)},
    {"unknown ticket is passed over", SERVER_PSK, CH, {SET(PSK, "\0\7\0\1x" X4 "\0\x21\x20" X32)}, CSEP_OK},
    {"unknown ticket, no signatures",
     SERVER_PSK,
     CH,
     {SET(PSK, "\0\7\0\1x" X4 "\0\x21\x20" X32), DROP(SIGNATURES)},
     E(HANDSHAKE_FAILURE)},

    /* Second ClientHello. */
    {"unchanged", SERVER_RETRY, CH2, {{0}}, CSEP_OK},
    {"no cookie", SERVER_RETRY, CH2, {DROP(COOKIE)}, E(MISSING_EXTENSION)},
    {"other cookie", SERVER_RETRY, CH2, {SET(COOKIE, "\0\1x")}, E(ILLEGAL_PARAMETER)},
    {"other random", SERVER_RETRY, CH2, {POKE(6, "\xff")}, E(ILLEGAL_PARAMETER)},
    {"other session_id", SERVER_RETRY, CH2, {POKE(39, "\xff")}, E(ILLEGAL_PARAMETER)},
    {"still no share", SERVER_RETRY, CH2, {SET(SHARE, "\0\0")}, E(ILLEGAL_PARAMETER)},
    {"more than the share",
     SERVER_RETRY,
     CH2,
     {SET(GROUPS, "\0\4\0\x1d\0\x17"), SET(SHARE, "\0\x2a\0\x17\0\2xy\0\x1d\0\x20" KEY32)},
     E(ILLEGAL_PARAMETER)},
    {"early data again", SERVER_RETRY, CH2, {ADD(EARLY, "")}, E(ILLEGAL_PARAMETER)},
    {"suite gone", SERVER_RETRY, CH2, {POKE(73, "\x13\1")}, E(HANDSHAKE_FAILURE)},

    /* ServerHello: version at 4, random at 6, session_id at 38 (32 bytes), suite at 71, compression at 73. */
    {"unchanged", CLIENT, SH, {{0}}, CSEP_OK},
    {"no supported_versions", CLIENT, SH, {DROP(VERSIONS)}, E(PROTOCOL_VERSION)},
    {"no extensions at all", CLIENT, SH, {LENGTH(70)}, E(PROTOCOL_VERSION)},
    {"version 1.2", CLIENT, SH, {SET(VERSIONS, "\3\3")}, E(ILLEGAL_PARAMETER)},
    {"version 1.4", CLIENT, SH, {SET(VERSIONS, "\3\5")}, E(ILLEGAL_PARAMETER)},
    {"version of three bytes", CLIENT, SH, {SET(VERSIONS, "\3\4\0")}, E(DECODE_ERROR)},
    {"legacy_version", CLIENT, SH, {POKE(4, "\3\1")}, E(ILLEGAL_PARAMETER)},
    {"other session_id", CLIENT, SH, {POKE(39, "\0\0\0\0\0\0")}, E(ILLEGAL_PARAMETER)},
    {"suite not offered", CLIENT, SH, {POKE(71, "\x13\1")}, E(ILLEGAL_PARAMETER)},
    {"compression", CLIENT, SH, {POKE(73, "\1")}, E(ILLEGAL_PARAMETER)},
    {"no share", CLIENT, SH, {DROP(SHARE)}, E(MISSING_EXTENSION)},
    {"share of another group", CLIENT, SH, {SET(SHARE, "\0\x17\0\2xy")}, E(ILLEGAL_PARAMETER)},
    {"empty share", CLIENT, SH, {SET(SHARE, "\0\x1d\0\0")}, E(DECODE_ERROR)},
    {"short share", CLIENT, SH, {SET(SHARE, "\0\x1d\0\2xy")}, E(ILLEGAL_PARAMETER)},
    {"low-order share", CLIENT, SH, {SET(SHARE, "\0\x1d\0\x20" X32)}, E(ILLEGAL_PARAMETER)},
    {"share that was not offered", CLIENT_EMPTY, SH, {{0}}, E(ILLEGAL_PARAMETER)},
    {"the same after a cookie", CLIENT_EMPTY, SH2, {{0}}, E(ILLEGAL_PARAMETER)},
    {"PSK not offered", CLIENT, SH, {ADD(PSK, "\0\0")}, E(UNSUPPORTED_EXTENSION)},
    {"PSK index", CLIENT_PSK, SH, {SET(PSK, "\0\1")}, E(ILLEGAL_PARAMETER)},
    {"PSK malformed", CLIENT_PSK, SH, {SET(PSK, "\0")}, E(DECODE_ERROR)},
    {"PSK without share", CLIENT_PSK, SH, {DROP(SHARE)}, E(ILLEGAL_PARAMETER)},
    {"unknown extension", CLIENT, SH, {ADD(UNKNOWN, "")}, E(UNSUPPORTED_EXTENSION)},
    {"GREASE extension", CLIENT, SH, {ADD(0x0a0a, "")}, E(UNSUPPORTED_EXTENSION)},
    {"extension of another message",
     CLIENT,
     SH,
     {ADD(ALPN, "\0\7\6"
                "csep/1")},
     E(ILLEGAL_PARAMETER)},
    {"extension twice", CLIENT, SH, {ADD(VERSIONS, "\3\4")}, E(ILLEGAL_PARAMETER)},
    {"trailing byte", CLIENT, SH, {APPEND("x")}, E(DECODE_ERROR)},
    {"more in the record", CLIENT, SH, {FOLLOW("\x08\0\0\0")}, E(UNEXPECTED_MESSAGE)},
    {"too long", CLIENT, SH, {POKE(1, "\0\x10\1")}, E(DECODE_ERROR)},

    /* HelloRetryRequest. */
    {"unchanged", CLIENT, HRR, {{0}}, CSEP_OK},
    {"that changes nothing", CLIENT, HRR, {DROP(COOKIE)}, E(ILLEGAL_PARAMETER)},
    {"group that has a share", CLIENT, HRR, {ADD(SHARE, "\0\x1d")}, E(ILLEGAL_PARAMETER)},
    {"group that was not offered", CLIENT_EMPTY, HRR, {ADD(SHARE, "\0\x17")}, E(ILLEGAL_PARAMETER)},
    {"group zero", CLIENT_EMPTY, HRR, {ADD(SHARE, "\0\0")}, E(ILLEGAL_PARAMETER)},
    {"group that is wanted", CLIENT_EMPTY, HRR, {ADD(SHARE, "\0\x1d")}, CSEP_OK},
    {"share in it", CLIENT_EMPTY, HRR, {ADD(SHARE, "\0\x1d\0\1x")}, E(DECODE_ERROR)},
    {"PSK in it", CLIENT_PSK, HRR, {ADD(PSK, "\0\0")}, E(ILLEGAL_PARAMETER)},
    {"empty cookie", CLIENT, HRR, {SET(COOKIE, "\0\0")}, E(DECODE_ERROR)},
    {"version 1.2", CLIENT, HRR, {SET(VERSIONS, "\3\3")}, E(ILLEGAL_PARAMETER)},
    {"other suite", CLIENT, HRR, {POKE(71, "\x13\1")}, E(ILLEGAL_PARAMETER)},
    {"other session_id", CLIENT, HRR, {POKE(39, "\0\0\0\0\0\0")}, E(ILLEGAL_PARAMETER)},

    /* EncryptedExtensions. */
    {"no ALPN", CLIENT, EE, {DROP(ALPN)}, E(NO_APPLICATION_PROTOCOL)},
    {"ALPN not offered", CLIENT, EE, {SET(ALPN, "\0\3\2h2")}, E(ILLEGAL_PARAMETER)},
    {"two ALPN names",
     CLIENT,
     EE,
     {SET(ALPN, "\0\xe\6"
                "csep/1\6"
                "csep/1")},
     E(DECODE_ERROR)},
    {"empty ALPN name", CLIENT, EE, {SET(ALPN, "\0\1\0")}, E(DECODE_ERROR)},
    {"SNI acknowledged", CLIENT_NAME, EE, {ADD(NAME, "")}, CSEP_OK},
    {"SNI acknowledged with content", CLIENT_NAME, EE, {ADD(NAME, "x")}, E(DECODE_ERROR)},
    {"SNI acknowledged, not sent", CLIENT, EE, {ADD(NAME, "")}, E(UNSUPPORTED_EXTENSION)},
    {"supported_groups", CLIENT, EE, {ADD(GROUPS, "\0\2\0\x1d")}, CSEP_OK},
    {"not asked for", CLIENT, EE, {ADD(SIZE_LIMIT, "\x40\0")}, E(UNSUPPORTED_EXTENSION)},
    {"early_data", CLIENT_PSK, EE_PSK, {ADD(EARLY, "")}, E(UNSUPPORTED_EXTENSION)},
    {"unknown", CLIENT, EE, {ADD(UNKNOWN, "")}, E(UNSUPPORTED_EXTENSION)},
    {"of another message", CLIENT, EE, {ADD(SHARE, "")}, E(ILLEGAL_PARAMETER)},
    {"certificate type", CLIENT_RAW, EE, {SET(SERVER_TYPE, "\1")}, E(ILLEGAL_PARAMETER)},
    {"certificate type of two bytes", CLIENT_RAW, EE, {SET(SERVER_TYPE, "\2\0")}, E(DECODE_ERROR)},
    {"client type not offered", CLIENT_RAW, EE, {ADD(CLIENT_TYPE, "\2")}, E(UNSUPPORTED_EXTENSION)},
    {"trailing byte", CLIENT, EE, {APPEND("x")}, E(DECODE_ERROR)},
    {"key of a session not trusted any more",
     {{.refuse = true}, true},
     EE_PSK,
     {{0}},
     E(CERTIFICATE_UNKNOWN)},

    /* CertificateRequest. */
    {"context", CLIENT, CR, {LENGTH(12), POKE(4, "\1x\0\x08\0\x0d\0\4\0\2\x08\7")}, E(ILLEGAL_PARAMETER)},
    {"no signature_algorithms", CLIENT, CR, {DROP(SIGNATURES)}, E(MISSING_EXTENSION)},
    {"empty signature_algorithms", CLIENT, CR, {SET(SIGNATURES, "\0\0")}, E(DECODE_ERROR)},
    {"unknown extension", CLIENT, CR, {ADD(UNKNOWN, "x")}, CSEP_OK},
    {"of another message", CLIENT, CR, {ADD(SHARE, "")}, E(ILLEGAL_PARAMETER)},
    {"trailing byte", CLIENT, CR, {APPEND("x")}, E(DECODE_ERROR)},

    /* Certificate. */
    {"empty list", CLIENT, CERT, {LENGTH(4), POKE(4, "\0\0\0\0")}, E(DECODE_ERROR)},
    {"context", CLIENT, CERT, {LENGTH(5), POKE(4, "\1x\0\0\0")}, E(ILLEGAL_PARAMETER)},
    {"empty entry", CLIENT, CERT, {LENGTH(9), POKE(4, "\0\0\0\5\0\0\0\0\0")}, E(DECODE_ERROR)},
    {"not DER", CLIENT, CERT, {POKE(11, "\x31")}, E(BAD_CERTIFICATE)},
    {"extension not asked for",
     CLIENT,
     CERT,
     {LENGTH(14), POKE(4, "\0\0\0\xa\0\0\1x\0\4\0\5\0\0")},
     E(UNSUPPORTED_EXTENSION)},
    {"two raw keys",
     CLIENT_RAW,
     CERT,
     {LENGTH(16), POKE(4, "\0\0\0\xc\0\0\1x\0\0\0\0\1x\0\0")},
     E(ILLEGAL_PARAMETER)},
    {"raw key of another kind", CLIENT_RAW, CERT, {POKE(19, "\x6e")}, E(UNSUPPORTED_CERTIFICATE)},
    {"too long", CLIENT, CERT, {POKE(1, "\0\x40\1")}, E(DECODE_ERROR)},
    {"client: none though required",
     SERVER_ASK,
     CERT_CLIENT,
     {LENGTH(4), POKE(4, "\0\0\0\0")},
     E(CERTIFICATE_REQUIRED)},
    {"client: none where that is allowed",
     {{.server = true, .ask_certificate = true}, false},
     CERT_CLIENT,
     {LENGTH(4), POKE(4, "\0\0\0\0")},
     CSEP_OK},
    {"client: not DER", SERVER_ASK, CERT_CLIENT, {POKE(11, "\x31")}, E(BAD_CERTIFICATE)},

    /* CertificateVerify: algorithm at 4, signature at 8. */
    {"other algorithm", CLIENT, CV, {POKE(4, "\4\3")}, E(ILLEGAL_PARAMETER)},
    {"signature wrong", CLIENT, CV, {POKE(20, "xyz")}, E(DECRYPT_ERROR)},
    {"signature short", CLIENT, CV, {LENGTH(6), POKE(6, "\0\2")}, E(DECRYPT_ERROR)},
    {"trailing byte", CLIENT, CV, {APPEND("x")}, E(DECODE_ERROR)},
    {"key not trusted", CLIENT_REFUSE, CV, {{0}}, E(CERTIFICATE_UNKNOWN)},
    {"client: other algorithm", SERVER_ASK, CV_CLIENT, {POKE(4, "\4\3")}, E(ILLEGAL_PARAMETER)},
    {"client: signature wrong", SERVER_ASK, CV_CLIENT, {POKE(20, "xyz")}, E(DECRYPT_ERROR)},
    {"client: key not trusted", SERVER_REFUSE, CV_CLIENT, {{0}}, E(CERTIFICATE_UNKNOWN)},

    /* Finished. */
    {"wrong", CLIENT, FIN, {POKE(10, "xyz")}, E(DECRYPT_ERROR)},
    {"short", CLIENT, FIN, {LENGTH(31)}, E(DECODE_ERROR)},
    {"long", CLIENT, FIN, {APPEND("x")}, E(DECODE_ERROR)},
    {"more in the record", CLIENT, FIN, {FOLLOW("\x18\0\0\1\0")}, E(UNEXPECTED_MESSAGE)},
    {"client: wrong", SERVER, FIN_CLIENT, {POKE(10, "xyz")}, E(DECRYPT_ERROR)},
    {"client: wrong, after its certificate", SERVER_ASK, FIN_CLIENT, {POKE(10, "xyz")}, E(DECRYPT_ERROR)},
    {"client: short", SERVER, FIN_CLIENT, {LENGTH(31)}, E(DECODE_ERROR)},
    {"client: more in the record", SERVER, FIN_CLIENT, {FOLLOW("\x18\0\0\1\0")}, E(UNEXPECTED_MESSAGE)},

    /* After the handshake. */
    {"empty ticket", CLIENT, NST, {LENGTH(14), POKE(12, "\1x\0\0\0\0")}, E(DECODE_ERROR)},
    {"ticket with trailing byte", CLIENT, NST, {APPEND("x")}, E(DECODE_ERROR)},
    {"ticket with unknown extension", CLIENT, NST, {ADD(UNKNOWN, "x")}, CSEP_OK},
    {"ticket with extension of another message", CLIENT, NST, {ADD(ALPN, "x")}, E(ILLEGAL_PARAMETER)},
    {"ticket that lives for no time", CLIENT, NST, {POKE(4, X4)}, CSEP_OK},
    {"key update of unknown kind", CLIENT, KU, {POKE(4, "\2")}, E(ILLEGAL_PARAMETER)},
    {"key update too long", CLIENT, KU, {APPEND("x")}, E(DECODE_ERROR)},
    {"key update with more in the record", CLIENT, KU, {FOLLOW("\x18\0\0\1\0")}, E(UNEXPECTED_MESSAGE)},
    {"client: key update of unknown kind", SERVER, KU_SERVER, {POKE(4, "\2")}, E(ILLEGAL_PARAMETER)},
};

//= NEG-4 type=test
//= NEG-6 type=test
//= NEG-7 type=test
//= NEG-8 type=test
//= NEG-11 type=test
//= NEG-13 type=test
//= NEG-16 type=test
//= SEC-13 type=test
static void bent_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        struct puppet *p = puppet_new(r->how);
        uint8_t msg[8192];
        char what[160];
        puppet_reach(p, r->state);
        size_t n = puppet_make(p, r->message, msg);
        for (const struct edit *e = r->edits; e < r->edits + 4 && e->op != NOTHING; e++)
            n = apply(msg, n, e);
        snprintf(what, sizeof what, "row %zu, %s: %s", i, tls_input_name(r->message), r->name);
        puppet_send(p, msg, n);
        puppet_expect(p, r->expected, what);
        puppet_free(p);
    }
}

/* Every prefix of every message, with a length field that says so, is refused with decode_error. */
static void truncated_messages(void **state)
{
    static const struct {
        struct puppet_options how;
        enum tls_state state;
        enum tls_input message;
    } cases[] = {
        {SERVER, CH},
        {SERVER_PSK, CH},
        {SERVER_RETRY, CH2},
        {CLIENT, SH},
        {CLIENT_PSK, SH},
        {CLIENT, HRR},
        {CLIENT, EE},
        {CLIENT_RAW, EE},
        {CLIENT, CR},
        {CLIENT, CERT},
        {CLIENT_RAW, CERT},
        {CLIENT, CV},
        {CLIENT, FIN},
        {CLIENT, NST},
        {CLIENT, KU},
        {SERVER_ASK, CERT_CLIENT},
        {SERVER_ASK, CV_CLIENT},
        {SERVER, FIN_CLIENT},
        {SERVER, KU_SERVER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t keep = 0, n = 1; keep < n; keep++) {
            struct puppet *p = puppet_new(cases[i].how);
            uint8_t msg[4096];
            char what[96];
            puppet_reach(p, cases[i].state);
            n = puppet_make(p, cases[i].message, msg) - TLS_MESSAGE_HEADER;
            bool hello = msg[0] == TLS_SERVER_HELLO || msg[0] == TLS_CLIENT_HELLO;
            /* A hello that ends before its extension block is well-formed, of an older version. */
            bool old = hello && keep == block_at(msg) - TLS_MESSAGE_HEADER;
            fix_length(msg, TLS_MESSAGE_HEADER + keep);
            if (keep < n)
                puppet_send(p, msg, TLS_MESSAGE_HEADER + keep);
            snprintf(what, sizeof what, "case %zu cut to %zu of %zu", i, keep, n);
            if (keep < n)
                puppet_expect(p, old ? E(PROTOCOL_VERSION) : E(DECODE_ERROR), what);
            puppet_free(p);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bent_messages),
        cmocka_unit_test(truncated_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
