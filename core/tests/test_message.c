/* SPDX-License-Identifier: BSD-2-Clause */
/* Negotiation messages as bytes: what is taken, what is refused and with which error. */
#include "negotiate/message.h"
#include "support.h"

/* ---- Building messages by hand, field by field ---- */

struct body {
    uint8_t b[70000];
    size_t n;
};

static void field(struct body *m, uint16_t id, const void *value, size_t n)
{
    uint8_t head[4] = {(uint8_t)(id >> 8), (uint8_t)id, (uint8_t)(n >> 8), (uint8_t)n};
    memcpy(m->b + m->n, head, 4);
    if (n)
        memcpy(m->b + m->n + 4, value, n);
    m->n += 4 + n;
}

static void field_hex(struct body *m, uint16_t id, const char *hex)
{
    uint8_t value[2048];
    field(m, id, value, test_unhex(value, sizeof value, hex));
}

#define HANDLE_HEX "000102030405060708090a0b0c0d0e0f"
#define UDP_HEX                                                                                              \
    "010c"                                                                                                   \
    "0003"                                                                                                   \
    "00"                                                                                                     \
    "0000"                                                                                                   \
    "05c0"                                                                                                   \
    "00000e10"                                                                                               \
    "00"

static void grant_body(struct body *m)
{
    m->n = 0;
    field_hex(m, 1, HANDLE_HEX);
    field_hex(m, 2, "00015180");
    field_hex(m, 4, "001d");
    field_hex(m, 5, UDP_HEX);
}

static csep_status decode_grant(const struct body *m, struct neg_grant *out)
{
    struct neg_fields f;
    csep_status st = neg_scan(&f, CSEP_MSG_GRANT, m->b, m->n);
    return st ? st : neg_get_grant(&f, 4433, out);
}

static csep_status decode_any(uint8_t type, const uint8_t *b, size_t n)
{
    struct neg_fields f;
    union {
        struct neg_grant grant;
        struct neg_tickets tickets;
        struct neg_request request;
        struct neg_revoke revoke;
        struct neg_error error;
    } out;
    csep_status st = neg_scan(&f, type, b, n);
    if (st)
        return st;
    switch (type) {
    case CSEP_MSG_GRANT:
        return neg_get_grant(&f, 4433, &out.grant);
    case CSEP_MSG_TICKETS:
        return neg_get_tickets(&f, &out.tickets);
    case CSEP_MSG_REQUEST:
        return neg_get_request(&f, &out.request);
    case CSEP_MSG_REVOKE:
        return neg_get_revoke(&f, &out.revoke);
    case CSEP_MSG_ERROR:
        return neg_get_error(&f, &out.error);
    default:
        return CSEP_OK;
    }
}

/* ---- Rules of every message ---- */

static void test_minimal_grant(void **state)
{
    (void)state;
    static struct body m;
    struct neg_grant g;
    grant_body(&m);
    assert_ok(decode_grant(&m, &g));
    assert_int_equal(g.grant.lifetime, 86400);
    assert_int_equal(g.grant.num_aeads, 1);
    assert_int_equal(g.grant.num_transports, 1);
    assert_int_equal(g.grant.transports[0].first_flight, 3600);
    assert_int_equal(g.grant.upgrade, CSEP_UPGRADE_OFF);
    assert_false(g.answers);
}

//= NEG-33 type=test
static void test_any_order(void **state)
{
    (void)state;
    static struct body m;
    struct neg_grant g;
    m.n = 0;
    field_hex(&m, 5, UDP_HEX);
    field_hex(&m, 3, "0000fd20");
    field_hex(&m, 4, "0002001d");
    field_hex(&m, 2, "00015180");
    field_hex(&m, 1, HANDLE_HEX);
    assert_ok(decode_grant(&m, &g));
    assert_int_equal(g.grant.refresh, 64800);
    assert_int_equal(g.grant.aeads[1], 29);
}

//= NEG-25, NEG-26, NEG-27 type=test
static void test_unknown_and_critical(void **state)
{
    (void)state;
    static struct body m;
    struct neg_grant g;
    grant_body(&m);
    field_hex(&m, 0x1234, "00");
    field_hex(&m, 0x7a7a, "00112233");
    field_hex(&m, 13, "10" HANDLE_HEX); /* TICKET_LIST does not belong here: unknown */
    field_hex(&m, 8 | 0x8000, "02");    /* bit C of a known field says nothing */
    assert_ok(decode_grant(&m, &g));
    assert_int_equal(g.grant.upgrade, 2);
    field_hex(&m, 0x8777, "00");
    assert_status(decode_grant(&m, &g), CSEP_ERR_CRITICAL);
    grant_body(&m);
    field_hex(&m, 13 | 0x8000, "10" HANDLE_HEX);
    assert_status(decode_grant(&m, &g), CSEP_ERR_CRITICAL);
    grant_body(&m);
    field_hex(&m, 0x8000, "00"); /* id 0 is unknown */
    assert_status(decode_grant(&m, &g), CSEP_ERR_CRITICAL);
}

//= NEG-28, NEG-29, NEG-31 type=test
static void test_duplicate_empty_cut(void **state)
{
    (void)state;
    static struct body m;
    struct neg_grant g;
    grant_body(&m);
    field_hex(&m, 2, "00015180");
    assert_status(decode_grant(&m, &g), CSEP_ERR_DUPLICATE);
    grant_body(&m);
    field_hex(&m, 0x1234, "00");
    field_hex(&m, 0x9234, "00"); /* the same 15 bits */
    assert_status(decode_grant(&m, &g), CSEP_ERR_DUPLICATE);
    grant_body(&m);
    field_hex(&m, 0x1234, "");
    assert_status(decode_grant(&m, &g), CSEP_ERR_VALUE);
    grant_body(&m);
    m.n--;
    assert_status(decode_grant(&m, &g), CSEP_ERR_DECODE);
    grant_body(&m);
    memcpy(m.b + m.n, "\x12\x34\x00", 3); /* half a head */
    m.n += 3;
    assert_status(decode_grant(&m, &g), CSEP_ERR_DECODE);
}

//= NEG-30 type=test
static void test_64_fields(void **state)
{
    (void)state;
    static struct body m;
    struct neg_grant g;
    grant_body(&m);
    for (uint16_t i = 4; i < 64; i++)
        field_hex(&m, (uint16_t)(0x100 + i), "00");
    assert_ok(decode_grant(&m, &g));
    field_hex(&m, 0x200, "00");
    assert_status(decode_grant(&m, &g), CSEP_ERR_OVERSIZE);
}

//= NEG-32 type=test
static void test_missing(void **state)
{
    (void)state;
    static struct body m;
    static const uint16_t ids[] = {1, 2, 4, 5};
    static const char *const values[] = {HANDLE_HEX, "00015180", "001d", UDP_HEX};
    struct neg_grant g;
    for (unsigned without = 0; without < 4; without++) {
        m.n = 0;
        for (unsigned i = 0; i < 4; i++)
            if (i != without)
                field_hex(&m, ids[i], values[i]);
        assert_status(decode_grant(&m, &g), CSEP_ERR_MISSING);
    }
    for (uint8_t type = CSEP_MSG_GRANT; type <= CSEP_MSG_ERROR; type++)
        assert_status(decode_any(type, m.b, 0), CSEP_ERR_MISSING);
    assert_ok(decode_any(CSEP_MSG_CONTINUE, m.b, 0));
}

/* ---- Forms of fields: each row is one field in a message that is right otherwise ---- */

static const struct form {
    uint8_t type;
    uint16_t id;
    const char *hex;
    csep_status want;
} forms[] = {
    {CSEP_MSG_GRANT, 1, "000102030405060708090a0b0c0d0e", CSEP_ERR_DECODE},
    {CSEP_MSG_GRANT, 1, HANDLE_HEX "10", CSEP_ERR_DECODE},
    {CSEP_MSG_GRANT, 2, "00000000", CSEP_ERR_VALUE},
    {CSEP_MSG_GRANT, 2, "00093a80", CSEP_OK}, /* 604800 */
    {CSEP_MSG_GRANT, 2, "00093a81", CSEP_ERR_VALUE},
    {CSEP_MSG_GRANT, 2, "093a80", CSEP_ERR_DECODE},
    {CSEP_MSG_GRANT, 2, "0000093a80", CSEP_ERR_DECODE},
    {CSEP_MSG_GRANT, 3, "00000000", CSEP_ERR_VALUE},
    {CSEP_MSG_GRANT, 3, "00015180", CSEP_OK},
    {CSEP_MSG_GRANT, 3, "00015181", CSEP_ERR_VALUE}, /* above LIFETIME */
    {CSEP_MSG_GRANT, 4, "00", CSEP_ERR_DECODE},
    {CSEP_MSG_GRANT, 4, "001d00", CSEP_ERR_DECODE},
    {CSEP_MSG_GRANT, 4, "0001000200030004000500060007001d", CSEP_OK},
    {CSEP_MSG_GRANT, 4, "00010002000300040005000600070008001d", CSEP_ERR_DECODE},
    {CSEP_MSG_GRANT, 6, "03616263", CSEP_OK},
    {CSEP_MSG_GRANT, 6, "0361620062", CSEP_ERR_DECODE},
    {CSEP_MSG_GRANT, 6,
     "03616263"
     "00",
     CSEP_ERR_DECODE},
    {CSEP_MSG_GRANT, 6,
     "0461626364"
     "03616263",
     CSEP_OK},
    {CSEP_MSG_GRANT, 7, "000100020003", CSEP_OK},
    {CSEP_MSG_GRANT, 7, "0001000200", CSEP_ERR_DECODE},
    {CSEP_MSG_GRANT, 8, "02", CSEP_OK},
    {CSEP_MSG_GRANT, 8, "03", CSEP_ERR_VALUE},
    {CSEP_MSG_GRANT, 8, "0001", CSEP_ERR_DECODE},
    {CSEP_MSG_GRANT, 9, "00", CSEP_OK},
    {CSEP_MSG_GRANT, 10,
     "0000000000000001"
     "0000000000000002"
     "0000000000000003",
     CSEP_OK},
    {CSEP_MSG_GRANT, 10,
     "0000000000000001"
     "0000000000000002"
     "00000000000003",
     CSEP_ERR_DECODE},
    {CSEP_MSG_GRANT, 11, "01", CSEP_OK},
    {CSEP_MSG_GRANT, 11, "02", CSEP_ERR_VALUE},
    {CSEP_MSG_GRANT, 12, "00000000", CSEP_OK},
    {CSEP_MSG_GRANT, 12, "000000", CSEP_ERR_DECODE},
    /* TRANSPORTS */
    {CSEP_MSG_GRANT, 5, "0102ffff", CSEP_ERR_DECODE}, /* entry too short */
    {CSEP_MSG_GRANT, 5, "01", CSEP_ERR_DECODE},
    {CSEP_MSG_GRANT, 5,
     "010d"
     "0003"
     "00"
     "0000"
     "05c0"
     "00000e10"
     "00",
     CSEP_ERR_DECODE}, /* cut off */
    {CSEP_MSG_GRANT, 5,
     "010e"
     "0003"
     "00"
     "0000"
     "05c0"
     "00000e10"
     "00"
     "ffff",
     CSEP_OK}, /* extended */
    {CSEP_MSG_GRANT, 5,
     "010c"
     "0003"
     "00"
     "0000"
     "04af"
     "00000e10"
     "00",
     CSEP_ERR_VALUE}, /* unit of 1199 */
    {CSEP_MSG_GRANT, 5,
     "020c"
     "0006"
     "01"
     "0000"
     "0000"
     "00000e10"
     "00",
     CSEP_OK},
    {CSEP_MSG_GRANT, 5,
     "020c"
     "0006"
     "01"
     "0000"
     "04b0"
     "00000e10"
     "00",
     CSEP_ERR_VALUE}, /* unit over TCP */
    {CSEP_MSG_GRANT, 5,
     "010e"
     "0003"
     "00"
     "0000"
     "05c0"
     "00000e10"
     "02"
     "6162",
     CSEP_OK},
    {CSEP_MSG_GRANT, 5,
     "010e"
     "0003"
     "00"
     "0000"
     "05c0"
     "00000e10"
     "02"
     "6120",
     CSEP_ERR_DECODE}, /* a space */
    {CSEP_MSG_GRANT, 5,
     "010e"
     "0003"
     "00"
     "0000"
     "05c0"
     "00000e10"
     "02"
     "6100",
     CSEP_ERR_DECODE},
    {CSEP_MSG_GRANT, 5,
     "010e"
     "0003"
     "00"
     "0000"
     "05c0"
     "00000e10"
     "03"
     "6162",
     CSEP_ERR_DECODE},
    /* an unknown transport is skipped by its length, whatever is in it //= NEG-68 type=test */
    {CSEP_MSG_GRANT, 5, "7703010203" UDP_HEX, CSEP_OK},
    {CSEP_MSG_GRANT, 5, "7700", CSEP_OK},
    /* unknown services and flags bits //= NEG-68 type=test */
    {CSEP_MSG_GRANT, 5,
     "010c"
     "ff03"
     "fe"
     "0000"
     "05c0"
     "00000e10"
     "00",
     CSEP_OK},
    //= NEG-69 type=test
    {CSEP_MSG_GRANT, 5, UDP_HEX UDP_HEX, CSEP_ERR_DUPLICATE},
    {CSEP_MSG_GRANT, 5, "7700" UDP_HEX "7700", CSEP_ERR_DUPLICATE},
    {CSEP_MSG_GRANT, 5, "7000710072007300740075007600" UDP_HEX, CSEP_OK},
    {CSEP_MSG_GRANT, 5, "700071007200730074007500760077007800", CSEP_ERR_OVERSIZE},
    //= NEG-72 type=test
    {CSEP_MSG_GRANT, 5,
     "010c"
     "0003"
     "00"
     "03ff"
     "05c0"
     "00000e10"
     "00",
     CSEP_ERR_VALUE}, /* 1023 */
    {CSEP_MSG_GRANT, 5,
     "010c"
     "0003"
     "00"
     "0400"
     "05c0"
     "00000e10"
     "00",
     CSEP_OK}, /* 1024 */
    {CSEP_MSG_GRANT, 5,
     "010c"
     "0003"
     "00"
     "01bb"
     "05c0"
     "00000e10"
     "00",
     CSEP_OK}, /* 443 */
    {CSEP_MSG_GRANT, 5,
     "010c"
     "0003"
     "00"
     "0035"
     "05c0"
     "00000e10"
     "00",
     CSEP_ERR_VALUE}, /* 53 */
    /* TICKETS */
    {CSEP_MSG_TICKETS, 13, "10" HANDLE_HEX, CSEP_OK},
    {CSEP_MSG_TICKETS, 13,
     "0f"
     "000102030405060708090a0b0c0d0e",
     CSEP_ERR_DECODE},
    {CSEP_MSG_TICKETS, 13, "11" HANDLE_HEX, CSEP_ERR_DECODE},
    {CSEP_MSG_TICKETS, 13, "10" HANDLE_HEX "00", CSEP_ERR_DECODE},
    {CSEP_MSG_TICKETS, 1, "00", CSEP_ERR_DECODE},
    {CSEP_MSG_TICKETS, 12, "0000", CSEP_ERR_DECODE},
    /* REQUEST */
    {CSEP_MSG_REQUEST, 12, "ffffffff", CSEP_OK},
    {CSEP_MSG_REQUEST, 12, "ffffff", CSEP_ERR_DECODE},
    {CSEP_MSG_REQUEST, 1, HANDLE_HEX, CSEP_OK},
    {CSEP_MSG_REQUEST, 1, "00", CSEP_ERR_DECODE},
    {CSEP_MSG_REQUEST, 2, "00000000", CSEP_ERR_VALUE},
    {CSEP_MSG_REQUEST, 2, "00093a81", CSEP_ERR_VALUE},
    {CSEP_MSG_REQUEST, 14, "20", CSEP_OK},
    {CSEP_MSG_REQUEST, 14, "21", CSEP_ERR_VALUE},
    {CSEP_MSG_REQUEST, 14, "00", CSEP_ERR_VALUE},
    /* REVOKE, ERROR */
    {CSEP_MSG_REVOKE, 15, "0011", CSEP_OK},
    {CSEP_MSG_REVOKE, 15, "11", CSEP_ERR_DECODE},
    {CSEP_MSG_REVOKE, 1, "11", CSEP_ERR_DECODE},
    {CSEP_MSG_ERROR, 15, "3fff", CSEP_OK},
    {CSEP_MSG_ERROR, 15, "003fff", CSEP_ERR_DECODE},
    {CSEP_MSG_ERROR, 16, "c3a4e282acf09f9880", CSEP_OK}, /* two, three and four bytes */
    {CSEP_MSG_ERROR, 16, "c3", CSEP_ERR_DECODE},
    {CSEP_MSG_ERROR, 16, "c0af", CSEP_ERR_DECODE},     /* overlong */
    {CSEP_MSG_ERROR, 16, "e09fbf", CSEP_ERR_DECODE},   /* overlong */
    {CSEP_MSG_ERROR, 16, "f08fbfbf", CSEP_ERR_DECODE}, /* overlong */
    {CSEP_MSG_ERROR, 16, "eda080", CSEP_ERR_DECODE},   /* surrogate */
    {CSEP_MSG_ERROR, 16, "f4908080", CSEP_ERR_DECODE}, /* above U+10FFFF */
    {CSEP_MSG_ERROR, 16, "80", CSEP_ERR_DECODE},
};

static void other_fields(struct body *m, const struct form *f)
{
    static const struct {
        uint8_t type;
        uint16_t id;
        const char *hex;
    } all[] = {
        {CSEP_MSG_GRANT, 1, HANDLE_HEX},    {CSEP_MSG_GRANT, 2, "00015180"},
        {CSEP_MSG_GRANT, 4, "001d"},        {CSEP_MSG_GRANT, 5, UDP_HEX},
        {CSEP_MSG_TICKETS, 1, HANDLE_HEX},  {CSEP_MSG_TICKETS, 13, "10" HANDLE_HEX},
        {CSEP_MSG_REQUEST, 12, "00000001"}, {CSEP_MSG_REVOKE, 1, HANDLE_HEX},
        {CSEP_MSG_ERROR, 15, "0001"},
    };
    m->n = 0;
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].type == f->type && all[i].id != f->id)
            field_hex(m, all[i].id, all[i].hex);
}

//= NEG-37 type=test
static void test_forms(void **state)
{
    (void)state;
    static struct body m;
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        other_fields(&m, &forms[i]);
        field_hex(&m, forms[i].id, forms[i].hex);
        csep_status got = decode_any(forms[i].type, m.b, m.n);
        if (got != forms[i].want)
            fail_msg("row %u (type %u, field %u, %s): %s, not %s", i, forms[i].type, forms[i].id,
                     forms[i].hex, csep_status_name(got), csep_status_name(forms[i].want));
    }
}

static void test_long_lists(void **state)
{
    (void)state;
    static struct body m;
    uint8_t list[33 * 17], names[17 * 2], text[256];
    for (unsigned i = 0; i < 33; i++) {
        list[17 * i] = 16;
        memset(list + 17 * i + 1, (int)i, 16);
    }
    for (unsigned i = 0; i < 17; i++)
        memcpy(names + 2 * i, (uint8_t[2]){1, (uint8_t)('a' + i)}, 2);
    memset(text, 'x', sizeof text);
    for (unsigned over = 0; over < 2; over++) {
        csep_status want = over ? CSEP_ERR_DECODE : CSEP_OK;
        m.n = 0;
        field_hex(&m, 1, HANDLE_HEX);
        field(&m, 13, list, 17 * (32 + over));
        assert_status(decode_any(CSEP_MSG_TICKETS, m.b, m.n), want);
        grant_body(&m);
        field(&m, 6, names, 2 * (16 + over));
        assert_status(decode_any(CSEP_MSG_GRANT, m.b, m.n), want);
        grant_body(&m);
        field(&m, 9, text, 255 + over);
        assert_status(decode_any(CSEP_MSG_GRANT, m.b, m.n), want);
        m.n = 0;
        field_hex(&m, 15, "0001");
        field(&m, 16, text, 255 + over);
        assert_status(decode_any(CSEP_MSG_ERROR, m.b, m.n), want);
    }
}

/* A name with a zero byte cannot be one of ours: passed over, the others stay. */
static void test_protocol_with_zero(void **state)
{
    (void)state;
    static struct body m;
    struct neg_grant g;
    grant_body(&m);
    field_hex(&m, 6,
              "03610062"
              "0178");
    assert_ok(decode_grant(&m, &g));
    assert_int_equal(g.grant.num_protocols, 1);
    assert_string_equal(g.grant.protocols[0], "x");
}

/* ---- Encoding ---- */

static void full_grant(struct neg_grant *m)
{
    memset(m, 0, sizeof *m);
    struct csep_grant *g = &m->grant;
    for (unsigned i = 0; i < sizeof g->handle; i++)
        g->handle[i] = (uint8_t)(0xa0 + i);
    g->lifetime = 86400;
    g->refresh = 60000;
    g->aeads[0] = 2;
    g->aeads[1] = 29;
    g->num_aeads = 2;
    g->transports[0] = (struct csep_grant_transport){1, 0, 3, 4433, 1472, 3600, "udp.example"};
    g->transports[1] = (struct csep_grant_transport){2, 3, 6, 443, 0, 14336, ""};
    g->num_transports = 2;
    strcpy(g->protocols[0], "coap");
    memset(g->protocols[1], 'p', 255);
    g->num_protocols = 2;
    g->exports[0] = 2;
    g->num_exports = 1;
    g->upgrade = 1;
    g->client_identity = 1;
    memset(g->token, 7, sizeof g->token);
    g->token_len = sizeof g->token;
    g->limits = (struct csep_usage){1, UINT64_MAX, 3};
    m->answers = true;
    m->request_id = 77;
}

static size_t encode_full_grant(uint8_t *out, size_t cap, const struct csep_random *grease)
{
    struct neg_grant m;
    struct wr w = wr_init(out, cap);
    full_grant(&m);
    neg_put_grant(&w, &m, grease);
    assert_true(wr_ok(&w));
    assert_int_equal(out[0], CSEP_MSG_GRANT);
    assert_int_equal((size_t)out[1] << 16 | (size_t)out[2] << 8 | out[3], w.len - 4);
    return w.len;
}

static void test_round_trip(void **state)
{
    (void)state;
    uint8_t out[NEG_GRANT_MAX];
    struct neg_fields f;
    struct neg_grant want, got;
    size_t n = encode_full_grant(out, sizeof out, NULL);
    full_grant(&want);
    assert_ok(neg_scan(&f, CSEP_MSG_GRANT, out + 4, n - 4));
    assert_ok(neg_get_grant(&f, 0, &got));
    assert_memory_equal(&got, &want, sizeof got);
}

/* Fields of the table with bit C have it on the wire, the others have not. */
//= NEG-34 type=test
static void test_critical_bits(void **state)
{
    (void)state;
    uint8_t out[NEG_GRANT_MAX];
    size_t n = encode_full_grant(out, sizeof out, NULL), num = 0;
    static const bool critical[17] = {
        [1] = true, [2] = true, [4] = true, [5] = true, [8] = true, [10] = true, [11] = true, [13] = true};
    struct rd r = rd_init(out + 4, n - 4);
    for (; rd_more(&r); num++) {
        uint16_t id = rd_u16(&r);
        assert_int_equal(id >> 15, critical[id & 0x7fff]);
        rd_vec16(&r);
    }
    assert_true(rd_done(&r));
    assert_int_equal(num, 12);
}

//= NEG-35 type=test
static void test_grease(void **state)
{
    (void)state;
    struct test_random tr;
    struct csep_random rnd = test_random(&tr, 3);
    uint8_t out[NEG_GRANT_MAX];
    unsigned seen = 0, lengths = 0;
    for (unsigned i = 0; i < 500; i++) {
        struct neg_request m = {.request_id = 1}, back;
        struct neg_fields f;
        struct wr w = wr_init(out, sizeof out);
        neg_put_request(&w, &m, &rnd);
        assert_true(wr_ok(&w));
        assert_ok(neg_scan(&f, CSEP_MSG_REQUEST, out + 4, w.len - 4));
        assert_ok(neg_get_request(&f, &back));
        struct rd r = rd_init(out + 4 + 8, w.len - 4 - 8);
        uint16_t id = rd_u16(&r);
        struct rd value = rd_vec16(&r);
        assert_true(rd_done(&r));
        assert_int_equal(id & 0x8fff, 0x0a0a);
        assert_in_range(value.n, 1, 16);
        seen |= 1u << (id >> 12);
        lengths |= 1u << value.n;
    }
    assert_int_equal(seen, 0xff);
    assert_int_equal(lengths, 0x1fffe);
}

static void test_no_room(void **state)
{
    (void)state;
    uint8_t out[NEG_GRANT_MAX];
    struct neg_grant m;
    full_grant(&m);
    size_t n = encode_full_grant(out, sizeof out, NULL);
    for (size_t cap = 0; cap < n; cap++) {
        struct wr w = wr_init(out, cap);
        neg_put_grant(&w, &m, NULL);
        assert_false(wr_ok(&w));
    }
}

/* ---- Every truncation, every bit ---- */

struct sample {
    uint8_t type;
    uint8_t b[NEG_GRANT_MAX];
    size_t n;
};

static unsigned samples(struct sample *out)
{
    struct neg_tickets t = {.answers = true, .request_id = 9, .num = 3};
    struct neg_request q = {{3600, 32, true, {1}}, 5};
    struct neg_revoke v = {{9}, 0x11};
    struct wr w;
    unsigned num = 0;
    out[num].type = CSEP_MSG_GRANT;
    out[num].n = encode_full_grant(out[num].b, sizeof out[num].b, NULL);
    num++;
    for (unsigned i = 0; i < 3; i++) {
        t.tickets[i].len = (uint8_t)(16 + 20 * i);
        memset(t.tickets[i].b, (int)i, t.tickets[i].len);
    }
    w = wr_init(out[num].b, sizeof out[num].b);
    neg_put_tickets(&w, &t);
    out[num].type = CSEP_MSG_TICKETS, out[num++].n = w.len;
    w = wr_init(out[num].b, sizeof out[num].b);
    neg_put_request(&w, &q, NULL);
    out[num].type = CSEP_MSG_REQUEST, out[num++].n = w.len;
    w = wr_init(out[num].b, sizeof out[num].b);
    neg_put_revoke(&w, &v);
    out[num].type = CSEP_MSG_REVOKE, out[num++].n = w.len;
    w = wr_init(out[num].b, sizeof out[num].b);
    neg_put_error(&w, 3, "why", 3);
    out[num].type = CSEP_MSG_ERROR, out[num++].n = w.len;
    return num;
}

/* Exact blocks on the heap, so that a sanitizer sees every read past the end. */
static csep_status decode_exact(uint8_t type, const uint8_t *b, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, b, n);
    csep_status st = decode_any(type, copy, n);
    free(copy);
    return st;
}

static bool specified(csep_status st)
{
    return st >= CSEP_ERR_DECODE && st <= CSEP_ERR_OVERSIZE && st != CSEP_ERR_UNEXPECTED;
}

static void test_every_truncation(void **state)
{
    (void)state;
    static struct sample s[5];
    unsigned num = samples(s);
    for (unsigned i = 0; i < num; i++) {
        assert_ok(decode_exact(s[i].type, s[i].b + 4, s[i].n - 4));
        for (size_t n = 0; n + 4 < s[i].n; n++) {
            csep_status st = decode_exact(s[i].type, s[i].b + 4, n);
            assert_true(st == CSEP_OK || specified(st)); /* OK: optional fields are missing, at a boundary */
        }
    }
}

static void test_every_bit(void **state)
{
    (void)state;
    static struct sample s[5];
    unsigned num = samples(s);
    for (unsigned i = 0; i < num; i++) {
        for (size_t bit = 0; bit < 8 * (s[i].n - 4); bit++) {
            s[i].b[4 + bit / 8] ^= (uint8_t)(1u << bit % 8);
            csep_status st = decode_exact(s[i].type, s[i].b + 4, s[i].n - 4);
            assert_true(st == CSEP_OK || specified(st));
            s[i].b[4 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void test_senders(void **state)
{
    (void)state;
    static const bool client[7] = {false, false, false, true, true, true, true};
    static const bool server[7] = {false, true, true, false, true, true, false};
    for (uint8_t t = 1; t < 7; t++) {
        assert_true(neg_known_type(t));
        assert_int_equal(neg_from_client(t), client[t]);
        assert_int_equal(neg_from_server(t), server[t]);
    }
    assert_false(neg_known_type(0));
    assert_false(neg_known_type(7));
    assert_false(neg_known_type(0x81));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minimal_grant),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_unknown_and_critical),
        cmocka_unit_test(test_duplicate_empty_cut),
        cmocka_unit_test(test_64_fields),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_long_lists),
        cmocka_unit_test(test_protocol_with_zero),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_critical_bits),
        cmocka_unit_test(test_grease),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_senders),
    };
    assert_int_equal(csep_init(), CSEP_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
