/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames: the table of section 7.1 in full, every form, every truncation, parameters. */
#include "support.h"

#include "data/frame.h"

static const uint8_t bytes[300] = {7, 6, 5, 4, 3, 2, 1};

/* ---- The table, written down a second time from the specification ---- */

enum { NO, YES, OPENER, ACCEPTOR };

static const struct {
    uint8_t type;
    const char *name;
    int udp, tcp;
    bool early, data; /* under early_c; under c_data and s_data */
    int service;      /* -1: all */
} spec[] = {
    {0x00, "PADDING", YES, YES, true, true, -1},
    {0x01, "PING", YES, YES, true, true, -1},
    {0x02, "ACK", YES, NO, false, true, -1},
    {0x03, "ACK_EARLY", ACCEPTOR, NO, false, true, -1},
    {0x04, "PARAMS", YES, YES, true, true, -1},
    {0x05, "DATAGRAM", YES, NO, true, true, 0},
    {0x06, "MESSAGE", YES, YES, true, true, 1},
    {0x07, "SKIP", YES, NO, false, true, 1},
    {0x08, "MAX_DATA", YES, NO, false, true, 1},
    {0x09, "BLOCKED", YES, NO, false, true, 1},
    {0x0a, "TICKETS", ACCEPTOR, ACCEPTOR, false, true, -1},
    {0x0b, "HINT", ACCEPTOR, ACCEPTOR, false, true, -1},
    {0x0c, "NEW_CID", YES, NO, false, true, -1},
    {0x0d, "RETIRE_CID", YES, NO, false, true, -1},
    {0x0e, "PATH_CHALLENGE", YES, NO, false, true, -1},
    {0x0f, "PATH_RESPONSE", YES, NO, false, true, -1},
    {0x10, "CLOSE", YES, YES, false, true, -1},
    {0x11, "STREAM", NO, YES, true, true, 2},
    {0x12, "END_EARLY", NO, OPENER, true, false, -1},
    {0x13, "KEY_UPDATE", NO, YES, false, true, -1},
};
#define NUM_TYPES 20u

static bool sender_may(int who, enum frame_sender sender)
{
    return who == YES || (who == OPENER && sender == SENT_BY_OPENER) ||
           (who == ACCEPTOR && sender == SENT_BY_ACCEPTOR);
}

static bool place_allows(unsigned i, enum frame_place place)
{
    if (spec[i].type == CSEP_FRAME_PARAMS)
        return place == PLACE_OPEN || place == PLACE_ACCEPT;
    if (spec[i].type == CSEP_FRAME_END_EARLY)
        return place == PLACE_EARLY; /* only behind ACCEPT, so never in OPEN (DATA-91) */
    if (spec[i].type == CSEP_FRAME_KEY_UPDATE)
        return place == PLACE_DATA; /* never in ACCEPT (DATA-120) */
    return place == PLACE_OPEN || place == PLACE_EARLY ? spec[i].early : spec[i].data;
}

static csep_status expected(unsigned i, const struct frame_where *w)
{
    int who = w->transport == CSEP_TRANSPORT_UDP ? spec[i].udp : spec[i].tcp;
    if (!sender_may(who, w->sender) || !place_allows(i, w->place))
        return CSEP_ERR_UNEXPECTED;
    return spec[i].service < 0 || spec[i].service == (int)w->service ? CSEP_OK : CSEP_ERR_SERVICE;
}

/* Frame x transport x sender x place x service. //= DATA-85 type=test  //= DATA-62 type=test  //= DATA-84
 * type=test */
static void test_table(void **state)
{
    (void)state;
    const enum frame_place places[] = {PLACE_OPEN, PLACE_EARLY, PLACE_ACCEPT, PLACE_DATA};
    for (unsigned combination = 0; combination < 2 * 2 * 4 * 3; combination++) {
        unsigned c = combination;
        struct frame_where w;
        w.transport = c % 2 ? CSEP_TRANSPORT_UDP : CSEP_TRANSPORT_TCP;
        w.sender = (c /= 2) % 2 ? SENT_BY_OPENER : SENT_BY_ACCEPTOR;
        w.place = places[(c /= 2) % 4];
        w.service = (enum csep_service)((c /= 4) % 3);
        for (unsigned type = 0; type < 256; type++) {
            csep_status want = type < NUM_TYPES ? expected(type, &w) : CSEP_ERR_DECODE;
            assert_status(frame_allowed((uint8_t)type, &w), want);
        }
    }
    for (unsigned i = 0; i < NUM_TYPES; i++) {
        assert_int_equal(spec[i].type, i);
        assert_string_equal(frame_name((uint8_t)i), spec[i].name);
        bool quiet = i == CSEP_FRAME_PADDING || i == CSEP_FRAME_ACK || i == CSEP_FRAME_ACK_EARLY ||
                     i == CSEP_FRAME_CLOSE;
        assert_int_equal(frame_ack_eliciting((uint8_t)i), !quiet);
    }
    assert_string_equal(frame_name(0xff), "unknown");
    assert_false(frame_ack_eliciting(0xff));
}

/* ---- Forms ---- */

static const struct frame_where udp_data = {CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, PLACE_DATA,
                                            SENT_BY_ACCEPTOR};
static const struct frame_where udp_datagram = {CSEP_TRANSPORT_UDP, CSEP_SERVICE_DATAGRAM, PLACE_DATA,
                                                SENT_BY_OPENER};
static const struct frame_where tcp_stream = {CSEP_TRANSPORT_TCP, CSEP_SERVICE_STREAM, PLACE_DATA,
                                              SENT_BY_OPENER};
static const struct frame_where tcp_early = {CSEP_TRANSPORT_TCP, CSEP_SERVICE_STREAM, PLACE_EARLY,
                                             SENT_BY_OPENER};

static const struct {
    const char *what;
    const struct frame_where *where;
    const char *hex;
    csep_status want;
} forms[] = {
    {"empty payload", &udp_data, "", CSEP_ERR_DECODE},
    {"padding", &udp_data, "000000", CSEP_OK},
    {"ping", &udp_data, "01", CSEP_OK},
    {"unknown type", &udp_data, "14", CSEP_ERR_DECODE},
    {"unknown type behind a good one", &udp_data, "0114", CSEP_ERR_DECODE},
    {"type is a byte, not a varint", &udp_data, "4001", CSEP_ERR_DECODE},
    {"ack of 0", &udp_data, "0200000000", CSEP_OK},
    {"ack, ranges", &udp_data,
     "020a000102"
     "0202",
     CSEP_OK},
    {"ack, first below 0", &udp_data, "0205000006", CSEP_ERR_DECODE},
    {"ack, range just at 0", &udp_data,
     "0209000102"
     "0302",
     CSEP_OK},
    {"ack, range below 0", &udp_data,
     "0209000102"
     "0303",
     CSEP_ERR_DECODE},
    {"ack, gap below 0", &udp_data,
     "0209000102"
     "0600",
     CSEP_ERR_DECODE},
    {"ack, more ranges said than there", &udp_data,
     "020a000202"
     "0202",
     CSEP_ERR_DECODE},
    {"ack, 2^62-1 ranges said", &udp_data, "020a00ffffffffffffffff02", CSEP_ERR_DECODE},
    {"params out of place", &udp_data, "0400", CSEP_ERR_UNEXPECTED},
    {"datagram", &udp_datagram, "0503616263", CSEP_OK},
    {"datagram, long form of length", &udp_datagram, "05c000000000000003616263", CSEP_OK},
    {"datagram, too short", &udp_datagram, "0504616263", CSEP_ERR_DECODE},
    {"message in datagram service", &udp_datagram, "06010000000161", CSEP_ERR_SERVICE},
    {"message", &udp_data, "06010000000161", CSEP_OK},
    {"message, unknown flag", &udp_data, "06040000000161", CSEP_ERR_DECODE},
    {"message, channel 65535", &udp_data, "06038000ffff00000161", CSEP_OK},
    {"message, channel 65536", &udp_data, "06038001000000000161", CSEP_ERR_DECODE},
    {"message, end above 2^62-1", &udp_data,
     "060300"
     "00"
     "ffffffffffffffff"
     "0161",
     CSEP_ERR_DECODE},
    {"skip", &udp_data, "0702000105", CSEP_OK},
    {"skip, FIN", &udp_data, "0701000105", CSEP_ERR_DECODE},
    {"max_data", &udp_data, "087fff", CSEP_OK},
    {"blocked", &udp_data, "0900", CSEP_OK},
    {"tickets", &udp_data,
     "0a1110"
     "00112233445566778899aabbccddeeff",
     CSEP_OK},
    {"tickets, one too short", &udp_data,
     "0a100f"
     "112233445566778899aabbccddeeff",
     CSEP_ERR_DECODE},
    {"tickets, list cut in a ticket", &udp_data,
     "0a1010"
     "112233445566778899aabbccddeeff",
     CSEP_ERR_DECODE},
    {"tickets, none", &udp_data, "0a00", CSEP_OK},
    {"hint", &udp_data, "0b0105", CSEP_OK},
    {"hint, unknown code", &udp_data, "0b0905", CSEP_OK},
    {"new cid", &udp_data,
     "0c0101"
     "080102030405060708"
     "00112233445566778899aabbccddeeff",
     CSEP_OK},
    {"new cid, retire too high", &udp_data,
     "0c0102"
     "080102030405060708"
     "00112233445566778899aabbccddeeff",
     CSEP_ERR_DECODE},
    {"new cid, 7 bytes", &udp_data,
     "0c0101"
     "0701020304050607"
     "00112233445566778899aabbccddeeff",
     CSEP_ERR_DECODE},
    {"new cid, 21 bytes", &udp_data,
     "0c0101"
     "15"
     "010203040506070809101112131415161718192021"
     "00112233445566778899aabbccddeeff",
     CSEP_ERR_DECODE},
    {"retire cid", &udp_data, "0d05", CSEP_OK},
    {"path challenge", &udp_data, "0e0102030405060708", CSEP_OK},
    {"path response", &udp_data, "0f0102030405060708", CSEP_OK},
    {"path response, short", &udp_data, "0f01020304050607", CSEP_ERR_DECODE},
    {"close", &udp_data, "1002026869", CSEP_OK},
    {"stream", &tcp_stream, "11026869", CSEP_OK},
    {"stream twice", &tcp_stream, "1102686911026869", CSEP_OK},
    {"stream over UDP", &udp_data, "11026869", CSEP_ERR_UNEXPECTED},
    {"end early", &tcp_early, "12", CSEP_OK},
    {"end early behind data", &tcp_early, "1102686912", CSEP_OK},
    {"end early before data", &tcp_early, "1211026869", CSEP_ERR_UNEXPECTED},
    {"end early too late", &tcp_stream, "12", CSEP_ERR_UNEXPECTED},
    {"key update", &tcp_stream, "13", CSEP_OK},
    {"key update before padding", &tcp_stream, "1300", CSEP_ERR_KEY_UPDATE},
    {"key update early", &tcp_early, "13", CSEP_ERR_UNEXPECTED},
};
#define NUM_FORMS (sizeof forms / sizeof forms[0])

/* Decode, encode, decode: the same. Acknowledgements go by their ranges. */
static void check_round_trip(struct view payload, const struct frame_where *where)
{
    uint8_t again[512];
    struct wr w = wr_init(again, sizeof again);
    struct frames it, it2;
    struct frame f, g;
    frames_init(&it, payload, where);
    while (frames_next(&it, &f) == CSEP_OK) {
        if (f.type != CSEP_FRAME_ACK) {
            frame_put(&w, &f);
            continue;
        }
        struct ack_range r[8];
        struct ack_ranges ranges;
        size_t num = 0;
        frame_ack_ranges(&ranges, &f.u.ack);
        while (frame_ack_next(&ranges, &r[num]))
            num++;
        assert_int_equal(num, f.u.ack.count + 1);
        frame_put_ack(&w, CSEP_FRAME_ACK, f.u.ack.delay_us, r, num);
    }
    assert_true(wr_ok(&w));
    frames_init(&it, payload, where);
    frames_init(&it2, view_of(again, w.len), where);
    while (frames_next(&it, &f) == CSEP_OK) {
        assert_ok(frames_next(&it2, &g));
        assert_int_equal(f.type, g.type);
    }
    assert_status(frames_next(&it2, &g), CSEP_AGAIN);
}

/* //= DATA-86 type=test  //= DATA-87 type=test  //= DATA-102 type=test  //= DATA-11 type=test */
static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_FORMS; i++) {
        uint8_t p[256];
        size_t n = test_unhex(p, sizeof p, forms[i].hex);
        csep_status got = frames_check(view_of(p, n), forms[i].where);
        if (got != forms[i].want)
            print_error("%s\n", forms[i].what);
        assert_status(got, forms[i].want);
        if (got == CSEP_OK)
            check_round_trip(view_of(p, n), forms[i].where);
    }
}

/* A frame that is cut is refused, unless what is left is a whole payload (padding; the first of two frames).
 */
static void test_truncation(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_FORMS; i++) {
        uint8_t p[256];
        size_t n = test_unhex(p, sizeof p, forms[i].hex);
        if (forms[i].want != CSEP_OK || p[0] == CSEP_FRAME_PADDING || strstr(forms[i].what, "twice") ||
            strstr(forms[i].what, "behind"))
            continue;
        for (size_t cut = 0; cut < n; cut++)
            assert_status(frames_check(view_of(p, cut), forms[i].where), CSEP_ERR_DECODE);
    }
}

/* An error stays, and nothing behind it is given out. */
static void test_error_stays(void **state)
{
    (void)state;
    const uint8_t p[] = {CSEP_FRAME_PING, 0x55, CSEP_FRAME_PING};
    struct frames it;
    struct frame f;
    frames_init(&it, view_of(p, sizeof p), &udp_data);
    assert_ok(frames_next(&it, &f));
    assert_status(frames_next(&it, &f), CSEP_ERR_DECODE);
    assert_status(frames_next(&it, &f), CSEP_ERR_DECODE);
}

static void test_close_text(void **state)
{
    (void)state;
    char text[400];
    uint8_t p[512];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    struct wr w = wr_init(p, sizeof p);
    frame_put_close(&w, 0x123, text); /* cut to what may be sent */
    assert_int_equal(w.len, 1 + 2 + 2 + 255);
    assert_ok(frames_check(view_of(p, w.len), &udp_data));
    w = wr_init(p, sizeof p);
    wr_u8(&w, CSEP_FRAME_CLOSE);
    wr_varint(&w, 0);
    wr_vecv(&w, text, 256);
    assert_status(frames_check(view_of(p, w.len), &udp_data), CSEP_ERR_DECODE);
    w = wr_init(p, sizeof p);
    frame_put_close(&w, 5, NULL);
    assert_int_equal(w.len, 3);
}

/* //= API-1 type=test */
static void test_close_status(void **state)
{
    (void)state;
    assert_ok(frame_close_status(0));
    assert_ok(frame_close_status(0x100));
    assert_ok(frame_close_status(0x3fff));
    assert_status(frame_close_status(0x0d), CSEP_ERR_SERVICE);
    assert_status(frame_close_status(0xff), CSEP_ERR_INTERNAL);
}

/* //= DATA-59 type=test */
static void test_ack_ranges(void **state)
{
    (void)state;
    struct ack_range ranges[40], got;
    uint8_t p[512];
    for (uint64_t i = 0; i < 40; i++)
        ranges[i] = (struct ack_range){1000 - 10 * i - i % 5, 1000 - 10 * i};
    struct wr w = wr_init(p, sizeof p);
    frame_put_ack(&w, CSEP_FRAME_ACK_EARLY, 77, ranges, 40);
    struct frames it;
    struct frame f;
    frames_init(&it, view_of(p, w.len), &udp_data);
    assert_ok(frames_next(&it, &f));
    assert_int_equal(f.u.ack.largest, 1000);
    assert_int_equal(f.u.ack.delay_us, 77);
    struct ack_ranges a;
    frame_ack_ranges(&a, &f.u.ack);
    unsigned num = 0;
    for (; frame_ack_next(&a, &got); num++) {
        assert_int_equal(got.low, ranges[num].low);
        assert_int_equal(got.high, ranges[num].high);
    }
    assert_int_equal(num, 32);
}

static void test_fit(void **state)
{
    (void)state;
    for (size_t room = 1; room < 70000; room += 1 + room / 100) {
        size_t n = frame_vec_fit(room);
        assert_true(varint_len(n) + n <= room);
        assert_true(varint_len(n + 1) + n + 1 > room);
    }
    assert_int_equal(frame_vec_fit(0), 0);
    uint8_t p[64];
    struct wr w = wr_init(p, sizeof p);
    struct frame_message m = {.channel = 70, .sequence = 20000, .offset = 5};
    frame_put_message(&w, &m);
    assert_int_equal(w.len, frame_message_head(70, 20000, 5) + 1);
}

/* ---- Parameters ---- */

static const struct frame_where udp_open = {CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, PLACE_OPEN,
                                            SENT_BY_OPENER};
static const struct frame_where udp_accept = {CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, PLACE_ACCEPT,
                                              SENT_BY_ACCEPTOR};
static const struct frame_where tcp_accept = {CSEP_TRANSPORT_TCP, CSEP_SERVICE_MESSAGE, PLACE_ACCEPT,
                                              SENT_BY_ACCEPTOR};
#define TOKEN "0a1000112233445566778899aabbccddeeff"

static const struct {
    const char *what;
    const struct frame_where *where;
    const char *hex;
    csep_status want;
} params[] = {
    {"opener, the least", &udp_open, "080105", CSEP_OK},
    {"opener, no ticket age", &udp_open, "010105", CSEP_ERR_MISSING},
    {"opener, none", &udp_open, "", CSEP_ERR_MISSING},
    {"acceptor, the least", &udp_accept, "090101" TOKEN, CSEP_OK},
    {"acceptor, no early", &udp_accept, TOKEN, CSEP_ERR_MISSING},
    {"acceptor, no token", &udp_accept, "090100", CSEP_ERR_MISSING},
    {"acceptor over TCP needs no token", &tcp_accept, "090100", CSEP_OK},
    {"early 2", &tcp_accept, "090102", CSEP_ERR_VALUE},
    {"early of two bytes", &tcp_accept, "09020000", CSEP_ERR_VALUE},
    {"early of no bytes", &tcp_accept, "0900", CSEP_ERR_VALUE},
    {"ack delay 1000", &tcp_accept,
     "090100"
     "040243e8",
     CSEP_OK},
    {"ack delay 1001", &tcp_accept,
     "090100"
     "040243e9",
     CSEP_ERR_VALUE},
    {"cids 1", &tcp_accept,
     "090100"
     "050101",
     CSEP_ERR_VALUE},
    {"cids 2", &tcp_accept,
     "090100"
     "050102",
     CSEP_OK},
    {"cids 8", &tcp_accept,
     "090100"
     "050108",
     CSEP_OK},
    {"cids 9", &tcp_accept,
     "090100"
     "050109",
     CSEP_ERR_VALUE},
    {"unit 1199", &tcp_accept,
     "090100"
     "060244af",
     CSEP_ERR_VALUE},
    {"unit 1200", &tcp_accept,
     "090100"
     "060244b0",
     CSEP_OK},
    {"token of 15 bytes", &udp_accept,
     "090100"
     "0a0f112233445566778899aabbccddeeff",
     CSEP_ERR_VALUE},
    {"varint that does not fill its value", &udp_open, "08020500", CSEP_ERR_VALUE},
    {"varint cut off", &udp_open, "080140", CSEP_ERR_VALUE},
    {"protocol", &udp_open,
     "080105"
     "070161",
     CSEP_OK},
    {"protocol, empty", &udp_open,
     "080105"
     "0700",
     CSEP_ERR_VALUE},
    {"the acceptor's protocol counts as unknown", &tcp_accept,
     "090100"
     "0700",
     CSEP_OK},
    {"twice", &udp_open,
     "080105"
     "080105",
     CSEP_ERR_DUPLICATE},
    {"unknown, ignored", &udp_open,
     "080105"
     "1f02aabb"
     "7fff00",
     CSEP_OK},
    {"unknown twice", &udp_open,
     "1f02aabb"
     "080105"
     "401f00",
     CSEP_ERR_DUPLICATE},
    {"value beyond the list", &udp_open, "0805", CSEP_ERR_DECODE},
    {"id alone", &udp_open, "08010508", CSEP_ERR_DECODE},
};

/* //= DATA-89 type=test  //= DATA-90 type=test */
static void test_params(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof params / sizeof params[0]; i++) {
        uint8_t list[128], p[256];
        size_t n = test_unhex(list, sizeof list, params[i].hex);
        struct wr w = wr_init(p, sizeof p);
        wr_u8(&w, CSEP_FRAME_PARAMS);
        wr_vecv(&w, list, n);
        csep_status got = frames_check(view_of(p, w.len), params[i].where);
        if (got != params[i].want)
            print_error("%s\n", params[i].what);
        assert_status(got, params[i].want);
    }
}

static void test_params_round_trip(void **state)
{
    (void)state;
    struct frame_params in = {.given = 0x7fe,
                              .max_data = 1,
                              .max_message = VARINT_MAX,
                              .idle_timeout_ms = 63,
                              .max_ack_delay_ms = 64,
                              .max_cids = 8,
                              .max_unit = 16383,
                              .protocol = {bytes, 255},
                              .ticket_age_ms = 16384,
                              .early = 1,
                              .reset_token = bytes + 1};
    const struct frame_where *where[] = {&udp_open, &udp_accept};
    for (unsigned i = 0; i < 2; i++) {
        uint8_t p[1024];
        struct wr w = wr_init(p, sizeof p);
        struct frames it;
        struct frame f;
        frame_put_params(&w, &in);
        frames_init(&it, view_of(p, w.len), where[i]);
        assert_ok(frames_next(&it, &f));
        const struct frame_params *out = &f.u.params;
        assert_int_equal(out->max_data, 1);
        assert_true(out->max_message == VARINT_MAX);
        assert_int_equal(out->idle_timeout_ms, 63);
        assert_int_equal(out->max_ack_delay_ms, 64);
        assert_int_equal(out->max_cids, 8);
        assert_int_equal(out->max_unit, 16383);
        assert_int_equal(out->ticket_age_ms, i ? 0 : 16384);
        assert_int_equal(out->protocol.n, i ? 0 : 255);
        assert_int_equal(out->early, i);
        assert_int_equal(out->reset_token != NULL, i);
        for (size_t cap = 0; cap < w.len; cap++) {
            struct wr small = wr_init(p, cap);
            frame_put_params(&small, &in);
            assert_false(wr_ok(&small));
        }
    }
}

static void test_params_defaults(void **state)
{
    (void)state;
    const uint8_t p[] = {CSEP_FRAME_PARAMS, 3, CSEP_PARAM_TICKET_AGE, 1, 5};
    struct frames it;
    struct frame f;
    frames_init(&it, view_of(p, sizeof p), &udp_open);
    assert_ok(frames_next(&it, &f));
    assert_int_equal(f.u.params.max_data, 1048576);
    assert_int_equal(f.u.params.max_message, 1048576);
    assert_int_equal(f.u.params.idle_timeout_ms, 30000);
    assert_int_equal(f.u.params.max_ack_delay_ms, 25);
    assert_int_equal(f.u.params.max_cids, 2);
    assert_int_equal(f.u.params.max_unit, 1472);
    assert_int_equal(f.u.params.given, PARAM_BIT(CSEP_PARAM_TICKET_AGE));
}

/* //= DATA-122 type=test */
static void test_params_number(void **state)
{
    (void)state;
    for (unsigned num = 63; num <= 65; num++) {
        uint8_t list[512], p[600];
        struct wr in = wr_init(list, sizeof list), w = wr_init(p, sizeof p);
        wr_bytes(&in, "\x08\x01\x05", 3);
        for (unsigned i = 1; i < num; i++) {
            wr_varint(&in, 1000 + i);
            wr_varint(&in, 0);
        }
        wr_u8(&w, CSEP_FRAME_PARAMS);
        wr_vecv(&w, list, in.len);
        assert_status(frames_check(view_of(p, w.len), &udp_open), num > 64 ? CSEP_ERR_OVERSIZE : CSEP_OK);
    }
}

/* PARAMS opens the payload of OPEN and ACCEPT. //= DATA-12 type=test  //= DATA-24 type=test */
static void test_params_first(void **state)
{
    (void)state;
    uint8_t p[16];
    size_t n = test_unhex(p, sizeof p, "010403080105");
    assert_status(frames_check(view_of(p, n), &udp_open), CSEP_ERR_MISSING);
    n = test_unhex(p, sizeof p, "00");
    assert_status(frames_check(view_of(p, n), &udp_accept), CSEP_ERR_MISSING);
    n = test_unhex(p, sizeof p, "040308010501");
    assert_ok(frames_check(view_of(p, n), &udp_open));
    n = test_unhex(p, sizeof p, "04030801050403080105");
    assert_status(frames_check(view_of(p, n), &udp_open), CSEP_ERR_UNEXPECTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),           cmocka_unit_test(test_forms),
        cmocka_unit_test(test_truncation),      cmocka_unit_test(test_error_stays),
        cmocka_unit_test(test_close_text),      cmocka_unit_test(test_close_status),
        cmocka_unit_test(test_ack_ranges),      cmocka_unit_test(test_fit),
        cmocka_unit_test(test_params),          cmocka_unit_test(test_params_round_trip),
        cmocka_unit_test(test_params_defaults), cmocka_unit_test(test_params_number),
        cmocka_unit_test(test_params_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
