/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets and units: round trips, every truncation, every flipped bit, packet numbers. */
#include "support.h"

#include "csep/wire.h"
#include "data/packet.h"

static const uint8_t bytes[2048] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};

static struct open_header open_of(uint16_t group, size_t share_len, size_t token_len)
{
    return (struct open_header){.version = CSEP_VERSION_1,
                                .dcid = {bytes, 8},
                                .scid = {bytes + 8, 20},
                                .transport = CSEP_TRANSPORT_UDP,
                                .service = CSEP_SERVICE_MESSAGE,
                                .aead = CSEP_AEAD_CHACHA20_POLY1305,
                                .ticket = {bytes + 3, 40},
                                .client_random = bytes + 1,
                                .group = group,
                                .share = {bytes, share_len},
                                .token = {bytes + 5, token_len}};
}

static struct accept_header accept_of(uint16_t group, size_t share_len)
{
    return (struct accept_header){.version = CSEP_VERSION_1,
                                  .dcid = {bytes + 8, 20},
                                  .scid = {bytes, 9},
                                  .server_random = bytes + 7,
                                  .group = group,
                                  .share = {bytes, share_len}};
}

static void keys_of(struct traffic_keys *k, uint16_t aead)
{
    struct traffic_secret s;
    memset(&s, 0x5a, sizeof s);
    schedule_keys(k, &s, aead);
}

static void assert_view(struct view a, struct view b)
{
    assert_int_equal(a.n, b.n);
    if (a.n)
        assert_memory_equal(a.p, b.p, a.n);
}

static void assert_same_open(const struct open_header *a, const struct open_header *b)
{
    assert_int_equal(a->version, b->version);
    assert_view(a->dcid, b->dcid);
    assert_view(a->scid, b->scid);
    assert_int_equal(a->transport, b->transport);
    assert_int_equal(a->service, b->service);
    assert_int_equal(a->aead, b->aead);
    assert_view(a->ticket, b->ticket);
    assert_memory_equal(a->client_random, b->client_random, 32);
    assert_int_equal(a->group, b->group);
    assert_view(a->share, b->share);
    assert_view(a->token, b->token);
}

static const struct {
    uint16_t group;
    size_t open_len, accept_len;
    csep_status want;
} shares[] = {
    {CSEP_GROUP_NONE, 0, 0, CSEP_OK},
    {CSEP_GROUP_NONE, 1, 1, CSEP_ERR_DECODE},
    {CSEP_GROUP_X25519, 32, 32, CSEP_OK},
    {CSEP_GROUP_X25519, 31, 33, CSEP_ERR_DECODE},
    {CSEP_GROUP_X25519MLKEM768, 1216, 1120, CSEP_OK},
    {CSEP_GROUP_X25519MLKEM768, 1120, 1216, CSEP_ERR_DECODE},
    {0x7777, 5, 5, CSEP_OK},
    {0x7777, 0, 0, CSEP_ERR_DECODE},
};
#define NUM_SHARES (sizeof shares / sizeof shares[0])

static size_t make_open(uint8_t *p, size_t cap, const struct open_header *h, struct packet_span *span,
                        const struct traffic_keys *k)
{
    struct wr w = wr_init(p, cap);
    packet_put_open(&w, span, h);
    wr_bytes(&w, "frames", 6);
    packet_seal(&w, span, 7, k);
    assert_true(wr_ok(&w));
    return w.len;
}

static void test_open_round_trip(void **state)
{
    (void)state;
    struct traffic_keys k;
    keys_of(&k, CSEP_AEAD_CHACHA20_POLY1305);
    for (size_t i = 0; i < NUM_SHARES; i++) {
        uint8_t p[2048];
        struct packet_span span, got;
        struct open_header h = open_of(shares[i].group, shares[i].open_len, i % 2 ? 0 : 60), back;
        size_t n = make_open(p, sizeof p, &h, &span, &k);
        memset(p + n, 0, 16); /* what fills up the datagram is ignored */
        assert_status(packet_decode_open(&back, &got, p, n + 16), shares[i].want);
        if (shares[i].want != CSEP_OK)
            continue;
        assert_same_open(&h, &back);
        assert_int_equal(got.end, n);
        assert_int_equal(got.header_len, span.header_len);
        assert_int_equal(got.number, got.header_len + 1 + h.token.n + 2);
        struct packet_number number = packet_unmask(p, &got, k.hp);
        assert_int_equal(number.truncated, 7);
        assert_int_equal(number.len, 4);
        struct view payload;
        assert_true(packet_open(&payload, p, &got, number.len, number.truncated, &k.aead));
        assert_view(payload, view_of("frames", 6));
    }
}

static void test_accept_round_trip(void **state)
{
    (void)state;
    struct traffic_keys k;
    keys_of(&k, CSEP_AEAD_CHACHA20_POLY1305);
    for (size_t i = 0; i < NUM_SHARES; i++) {
        uint8_t p[2048];
        struct packet_span span, got;
        struct accept_header h = accept_of(shares[i].group, shares[i].accept_len), back;
        struct wr w = wr_init(p, sizeof p);
        packet_put_accept(&w, &span, &h);
        wr_zero(&w, 9);
        packet_seal(&w, &span, UINT64_C(0x1234567), &k);
        assert_status(packet_decode_accept(&back, &got, p, w.len), shares[i].want);
        if (shares[i].want != CSEP_OK)
            continue;
        assert_view(back.dcid, h.dcid);
        assert_view(back.scid, h.scid);
        assert_memory_equal(back.server_random, h.server_random, 32);
        assert_view(back.share, h.share);
        assert_int_equal(packet_unmask(p, &got, k.hp).truncated, 0x1234567);
    }
}

/* Every truncation is refused; every flipped bit is refused or fails to authenticate. //= DATA-3 type=test */
static void test_open_damaged(void **state)
{
    (void)state;
    struct traffic_keys k;
    keys_of(&k, CSEP_AEAD_CHACHA20_POLY1305);
    uint8_t p[512], q[512];
    struct packet_span span;
    struct open_header h = open_of(CSEP_GROUP_X25519, 32, 20), back;
    size_t n = make_open(p, sizeof p, &h, &span, &k);
    for (size_t cut = 0; cut < n; cut++)
        assert_status(packet_decode_open(&back, &span, p, cut), CSEP_ERR_DECODE);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        struct view payload;
        memcpy(q, p, n);
        q[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (packet_decode_open(&back, &span, q, n) != CSEP_OK)
            continue;
        struct packet_number number = packet_unmask(q, &span, k.hp);
        assert_false(packet_open(&payload, q, &span, number.len, number.truncated, &k.aead));
    }
}

/* An OPEN of a version to come is understood as far as a REFUSE needs it. //= DATA-18 type=test */
static void test_open_of_another_version(void **state)
{
    (void)state;
    uint8_t p[512];
    struct wr w = wr_init(p, sizeof p);
    struct packet_span span;
    struct open_header h = open_of(0, 0, 0), back;
    h.version = 0x63730002;
    packet_put_open(&w, &span, &h);
    size_t known = span.header_len - 4; /* without group and share */
    memset(p + known, 0xff, 40);
    assert_status(packet_decode_open(&back, &span, p, known + 40), CSEP_ERR_VERSION);
    assert_view(back.scid, h.scid);
    assert_memory_equal(back.client_random, h.client_random, 32);
    for (size_t cut = 0; cut < known; cut++)
        assert_status(packet_decode_open(&back, &span, p, cut), CSEP_ERR_DECODE);
}

static void test_refuse_and_retry(void **state)
{
    (void)state;
    uint8_t p[400];
    const uint8_t versions[8] = {0x63, 0x73, 0, 1, 0x63, 0x73, 0, 2};
    const struct refuse rows[] = {
        {CSEP_VERSION_1, {bytes, 8}, bytes + 2, CSEP_REFUSE_TICKET, {NULL, 0}},
        {CSEP_VERSION_1, {bytes, 20}, bytes + 2, CSEP_REFUSE_VERSION, {versions, 8}},
    };
    for (size_t i = 0; i < 2; i++) {
        struct wr w = wr_init(p, sizeof p);
        struct refuse back;
        packet_put_refuse(&w, &rows[i]);
        assert_ok(packet_decode_refuse(&back, p, w.len));
        assert_int_equal(back.code, rows[i].code);
        assert_view(back.dcid, rows[i].dcid);
        assert_view(back.versions, rows[i].versions);
        assert_memory_equal(back.echo, rows[i].echo, 16);
        for (size_t cut = 0; cut < w.len; cut++)
            if (i == 0 || cut != w.len - 4) /* a shorter list of versions is a list of versions */
                assert_status(packet_decode_refuse(&back, p, cut), CSEP_ERR_DECODE);
        assert_status(packet_decode_refuse(&back, p, w.len + 1), CSEP_ERR_DECODE);
    }
    struct retry r = {CSEP_VERSION_1, {bytes, 11}, bytes + 2, {bytes + 9, 255}}, back;
    struct wr w = wr_init(p, sizeof p);
    packet_put_retry(&w, &r);
    assert_ok(packet_decode_retry(&back, p, w.len));
    assert_view(back.token, r.token);
    assert_view(back.dcid, r.dcid);
    for (size_t cut = 0; cut < w.len; cut++)
        assert_status(packet_decode_retry(&back, p, cut), CSEP_ERR_DECODE);
    r.token.n = 0;
    w = wr_init(p, sizeof p);
    packet_put_retry(&w, &r);
    assert_status(packet_decode_retry(&back, p, w.len), CSEP_ERR_DECODE);
}

/* Every length of number and payload, both key phases, both AEADs; then every bit. //= DATA-10 type=test */
static void check_short(const struct traffic_keys *k, unsigned number_len, size_t n, bool phase)
{
    uint8_t p[128], q[128];
    struct wr w = wr_init(p, sizeof p);
    struct packet_span span;
    struct view dcid, payload;
    uint64_t number = UINT64_C(0x3fffffff12345678);
    packet_put_short(&w, &span, view_of(bytes, 8), phase, number_len);
    wr_bytes(&w, bytes, n);
    packet_seal(&w, &span, number, k);
    assert_true(wr_ok(&w));
    for (size_t bit = 0; bit <= 8 * w.len; bit++) {
        memcpy(q, p, w.len);
        if (bit < 8 * w.len)
            q[bit / 8] ^= (uint8_t)(1u << bit % 8);
        csep_status st = packet_decode_short(&dcid, &span, q, w.len, 8);
        if (bit >= 3 && bit < 8) { /* the fixed bits of the first byte */
            assert_status(st, CSEP_ERR_DECODE);
            continue;
        }
        assert_ok(st);
        struct packet_number got = packet_unmask(q, &span, k->hp);
        uint64_t full = packet_number_recover(number, got.truncated, got.len);
        bool opened = packet_open(&payload, q, &span, got.len, full, &k->aead);
        assert_int_equal(opened, bit == 8 * w.len);
        if (!opened)
            continue;
        assert_int_equal(got.key_phase, phase);
        assert_int_equal(got.len, number_len);
        assert_true(payload.n >= n && (payload.n == n || payload.n == 4 - number_len));
        if (n)
            assert_memory_equal(payload.p, bytes, n);
    }
    for (size_t cut = 0; cut < 1 + 8 + 4 + 16; cut++)
        assert_status(packet_decode_short(&dcid, &span, p, cut, 8), CSEP_ERR_DECODE);
}

static void test_short(void **state)
{
    (void)state;
    const uint16_t aeads[] = {CSEP_AEAD_CHACHA20_POLY1305, CSEP_AEAD_AES_256_GCM};
    for (unsigned a = 0; a < 2; a++) {
        struct traffic_keys k;
        if (!aead_supported(aeads[a]))
            continue;
        keys_of(&k, aeads[a]);
        for (unsigned len = 1; len <= 4; len++)
            for (size_t n = 0; n < 24; n += 1 + n / 4)
                check_short(&k, len, n, n & 1);
    }
}

static void test_types(void **state)
{
    (void)state;
    for (unsigned b = 0; b < 256; b++) {
        uint8_t first = (uint8_t)b;
        int want = b >= 4 && b <= 7 ? (int)b : b >= 8 && b <= 15 ? CSEP_PKT_SHORT : -1;
        assert_int_equal(packet_type(&first, 1), want);
    }
    assert_int_equal(packet_type(bytes, 0), -1);
}

static void test_packet_numbers(void **state)
{
    (void)state;
    /* RFC 9000 Appendix A.2 and A.3. */
    assert_int_equal(packet_number_len(0xac5c02, 0xabe8b3 + 1), 2);
    assert_int_equal(packet_number_len(0xace8fe, 0xabe8b3 + 1), 3);
    assert_int_equal(packet_number_recover(0xa82f30ea + 1, 0x9b32, 2), 0xa82f9b32);
    assert_int_equal(packet_number_len(0, 0), 1);
    /* What was written short is found again while at most what is not acknowledged is missing. */
    const uint64_t bases[] = {0,
                              1,
                              0x7f,
                              0x80,
                              0xff,
                              0x100,
                              0xffff,
                              0x10000,
                              0xffffffff,
                              UINT64_C(1) << 40,
                              VARINT_MAX - 0x1000000};
    const uint64_t gaps[] = {0, 1, 0x7e, 0x7f, 0x80, 0x7ffe, 0x7fff, 0x8000, 0x7ffffe, 0x7fffff, 0x800000};
    for (unsigned i = 0; i < sizeof bases / sizeof *bases; i++)
        for (unsigned g = 0; g < sizeof gaps / sizeof *gaps; g++) {
            uint64_t acked = bases[i], number = acked + gaps[g];
            unsigned len = packet_number_len(number, acked);
            uint32_t cut = (uint32_t)(number & ((UINT64_C(1) << (8 * len)) - 1));
            for (uint64_t expected = acked; expected <= number; expected += 1 + gaps[g] / 3)
                assert_int_equal(packet_number_recover(expected, cut, len), number);
        }
}

/* //= DATA-80 type=test  //= DATA-81 type=test */
static void test_reset(void **state)
{
    (void)state;
    uint8_t out[64], noise[CSEP_RESET_MAX];
    const uint8_t *token = bytes + 3;
    memset(noise, 0xff, sizeof noise);
    for (size_t trigger = 0; trigger < 100; trigger++) {
        size_t n = packet_put_reset(out, sizeof out, trigger, noise, token);
        assert_true(trigger < 38 ? n == 0 : n >= 37 && n < trigger);
        if (n == 0)
            continue;
        assert_int_equal(packet_type(out, n), CSEP_PKT_SHORT);
        assert_true(packet_is_reset(out, n, token));
        assert_false(packet_is_reset(out, n, token + 1));
        assert_false(packet_is_reset(out + n - 36, 36, token));
    }
    assert_int_equal(packet_put_reset(out, 36, 100, noise, token), 0);
}

/* ---- TCP ---- */

static void check_unit_bits(const uint8_t *unit, size_t n, size_t header_len, const struct aead *a)
{
    uint8_t q[512];
    struct view payload;
    for (size_t bit = 0; bit <= 8 * n; bit++) {
        memcpy(q, unit, n);
        if (bit < 8 * n)
            q[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(unit_open(&payload, q, n, header_len, 3, a), bit == 8 * n);
    }
    assert_view(payload, view_of("frames", 6));
}

static void test_units(void **state)
{
    (void)state;
    struct traffic_keys k;
    keys_of(&k, CSEP_AEAD_CHACHA20_POLY1305);
    uint8_t p[512];
    struct open_header h = open_of(CSEP_GROUP_X25519, 32, 0), back;
    struct accept_header a = accept_of(CSEP_GROUP_X25519, 32), aback;
    size_t header_len, got;

    h.dcid.n = h.scid.n = 0;
    h.transport = CSEP_TRANSPORT_TCP;
    struct wr w = wr_init(p, sizeof p);
    header_len = unit_put_open(&w, &h);
    wr_bytes(&w, "frames", 6);
    unit_seal(&w, 0, header_len, 3, &k.aead);
    assert_int_equal(unit_len(p, 2), w.len);
    assert_int_equal(unit_len(p, 1), 0);
    assert_ok(unit_decode_open(&back, &got, p, w.len));
    assert_same_open(&h, &back);
    assert_int_equal(got, header_len);
    for (size_t cut = 0; cut < w.len; cut++)
        assert_status(unit_decode_open(&back, &got, p, cut), CSEP_ERR_DECODE);
    check_unit_bits(p, w.len, header_len, &k.aead);

    w = wr_init(p, sizeof p);
    header_len = unit_put_accept(&w, &a);
    wr_bytes(&w, "frames", 6);
    unit_seal(&w, 0, header_len, 3, &k.aead);
    assert_ok(unit_decode_accept(&aback, &got, p, w.len));
    assert_view(aback.share, a.share);
    assert_int_equal(got, header_len);
    for (size_t cut = 0; cut < w.len; cut++)
        assert_status(unit_decode_accept(&aback, &got, p, cut), CSEP_ERR_DECODE);
    check_unit_bits(p, w.len, header_len, &k.aead);

    w = wr_init(p, sizeof p);
    header_len = unit_put_record(&w);
    wr_bytes(&w, "frames", 6);
    unit_seal(&w, 0, header_len, 3, &k.aead);
    assert_int_equal(w.len, 2 + 6 + 16);
    check_unit_bits(p, w.len, 0, &k.aead);

    struct refuse r = {CSEP_VERSION_1, {NULL, 0}, bytes + 2, CSEP_REFUSE_TICKET, {NULL, 0}}, rback;
    w = wr_init(p, sizeof p);
    unit_put_refuse(&w, &r);
    assert_ok(unit_decode_refuse(&rback, p, w.len));
    assert_memory_equal(rback.echo, r.echo, 16);
    for (size_t cut = 0; cut < w.len; cut++)
        assert_status(unit_decode_refuse(&rback, p, cut), CSEP_ERR_DECODE);
}

/* Two units behind each other in one buffer, as output makes them. */
static void test_units_behind_each_other(void **state)
{
    (void)state;
    struct traffic_keys k;
    keys_of(&k, CSEP_AEAD_CHACHA20_POLY1305);
    uint8_t p[256];
    struct wr w = wr_init(p, sizeof p);
    for (uint64_t i = 0; i < 3; i++) {
        size_t start = w.len, header_len = unit_put_record(&w);
        wr_bytes(&w, bytes, (size_t)i + 1);
        unit_seal(&w, start, header_len, i, &k.aead);
    }
    uint8_t *at = p;
    for (uint64_t i = 0; i < 3; i++) {
        struct view payload;
        size_t n = unit_len(at, 2);
        assert_true(unit_open(&payload, at, n, 0, i, &k.aead));
        assert_int_equal(payload.n, i + 1);
        at += n;
    }
    assert_ptr_equal(at, p + w.len);
}

/* No room: nothing half written leaves. */
static void test_no_room(void **state)
{
    (void)state;
    struct traffic_keys k;
    keys_of(&k, CSEP_AEAD_CHACHA20_POLY1305);
    uint8_t p[512];
    struct open_header h = open_of(CSEP_GROUP_X25519, 32, 20);
    struct packet_span span;
    size_t n = make_open(p, sizeof p, &h, &span, &k);
    for (size_t cap = 0; cap < n; cap++) {
        struct wr w = wr_init(p, cap);
        packet_put_open(&w, &span, &h);
        wr_bytes(&w, "frames", 6);
        packet_seal(&w, &span, 7, &k);
        assert_false(wr_ok(&w));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_round_trip),
        cmocka_unit_test(test_accept_round_trip),
        cmocka_unit_test(test_open_damaged),
        cmocka_unit_test(test_open_of_another_version),
        cmocka_unit_test(test_refuse_and_retry),
        cmocka_unit_test(test_short),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_packet_numbers),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_units_behind_each_other),
        cmocka_unit_test(test_no_room),
    };
    return csep_init() == CSEP_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
