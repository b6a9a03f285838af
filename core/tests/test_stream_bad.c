/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data connections over TCP against a peer that has the right keys and breaks the rules, and against
 * a wire that changes, cuts and swaps bytes.
 */
#include "raw_stream.h"

#include "csep/wire.h"

static struct stream_pair p;
static struct raw_stream r;

static int set_up(void **state)
{
    (void)state;
    stream_pair_init(&p);
    p.slot.upgrade = p.slots.slot[0].upgrade = CSEP_UPGRADE_OFF;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stream_pair_done(&p);
    return 0;
}

/* ---- Frames ---- */

enum place { IN_OPEN, IN_EARLY, IN_DATA, IN_ACCEPT, FROM_ACCEPTOR };

static const struct {
    const char *what;
    enum place place;
    enum csep_service service;
    const char *hex;
    unsigned code; /* of the CLOSE that answers */
} bad_frames[] = {
    {"unknown frame", IN_DATA, CSEP_SERVICE_STREAM, "21", 0x02},
    {"ACK behind padding", IN_DATA, CSEP_SERVICE_STREAM,
     "0000000000"
     "02",
     0x03},
    {"message on a stream", IN_DATA, CSEP_SERVICE_STREAM, "06010000000161", 0x0d},
    {"stream on messages", IN_DATA, CSEP_SERVICE_MESSAGE, "110161", 0x0d},
    {"stream cut off", IN_DATA, CSEP_SERVICE_STREAM, "110261", 0x02},
    {"good data before bad", IN_DATA, CSEP_SERVICE_STREAM, "1101611102", 0x02},
    {"params in a record", IN_DATA, CSEP_SERVICE_STREAM, RAW_OPENER_PARAMS, 0x03},
    {"tickets from the opener", IN_DATA, CSEP_SERVICE_STREAM, "0a00", 0x03},
    {"end early twice", IN_DATA, CSEP_SERVICE_STREAM, "12", 0x03},
    {"key update not last", IN_DATA, CSEP_SERVICE_STREAM, "1301", 0x0f},
    {"close early", IN_EARLY, CSEP_SERVICE_STREAM, "100000", 0x03},
    {"key update early", IN_EARLY, CSEP_SERVICE_STREAM, "13", 0x03},
    {"data behind end early", IN_EARLY, CSEP_SERVICE_STREAM, "12110161", 0x03},
    {"end early in OPEN", IN_OPEN, CSEP_SERVICE_STREAM, RAW_OPENER_PARAMS "12", 0x03},
    {"params twice in OPEN", IN_OPEN, CSEP_SERVICE_STREAM, RAW_OPENER_PARAMS RAW_OPENER_PARAMS, 0x03},
    {"another service in OPEN", IN_OPEN, CSEP_SERVICE_STREAM, RAW_OPENER_PARAMS "06010000000161", 0x0d},
    {"message begins late", IN_DATA, CSEP_SERVICE_MESSAGE, "06010001000161", 0x02},
    {"message begins in its middle", IN_DATA, CSEP_SERVICE_MESSAGE, "06010000050161", 0x02},
    {"fragment leaves a hole", IN_DATA, CSEP_SERVICE_MESSAGE,
     "06000000000161"
     "06010000020161",
     0x02},
    {"message too long", IN_DATA, CSEP_SERVICE_MESSAGE, "060100008010000000", 0x02},
    {"accept says early 2", IN_ACCEPT, CSEP_SERVICE_STREAM, "0403090102", 0x07},
    {"accept without params", IN_ACCEPT, CSEP_SERVICE_STREAM, "01", 0x06},
    {"accept without early", IN_ACCEPT, CSEP_SERVICE_STREAM, "0400", 0x06},
    {"key update in ACCEPT", IN_ACCEPT, CSEP_SERVICE_STREAM, RAW_ACCEPTOR_PARAMS "13", 0x03},
    {"end early from the acceptor", FROM_ACCEPTOR, CSEP_SERVICE_STREAM, "12", 0x03},
    {"tickets that are too short", FROM_ACCEPTOR, CSEP_SERVICE_STREAM, "0a020141", 0x02},
};

static struct view accepted; /* payload of ACCEPT */

static void begin_raw(enum place place, enum csep_service service, const char *hex)
{
    if (place == IN_ACCEPT || place == FROM_ACCEPTOR) {
        assert_ok(csep_stream_open(p.o.s, &p.o.cfg, &p.slot, service, p.now));
        raw_accept(&r, &p, place == IN_ACCEPT ? hex : RAW_ACCEPTOR_PARAMS);
        if (place == FROM_ACCEPTOR)
            raw_send_hex(&r, &r.tx, hex);
        return;
    }
    char first[256];
    snprintf(first, sizeof first, "%s", place == IN_OPEN ? hex : RAW_OPENER_PARAMS);
    raw_open(&r, &p, service, first);
    accepted = raw_expect_accept(&r);
    if (place == IN_EARLY)
        raw_send_hex(&r, &r.early, hex);
    if (place == IN_DATA) {
        raw_send_hex(&r, &r.early, "12");
        raw_send_hex(&r, &r.tx, hex);
    }
}

/* The acceptor's CLOSE may stand in ACCEPT; the opener's stands behind END_EARLY. */
static void expect_close_anywhere(enum place place, unsigned code)
{
    if (place == IN_OPEN) {
        assert_true(accepted.n > 3);
        assert_memory_equal(accepted.p + accepted.n - 3, ((uint8_t[]){CSEP_FRAME_CLOSE, (uint8_t)code, 0}),
                            3);
        return;
    }
    if (place == IN_ACCEPT || place == FROM_ACCEPTOR) {
        struct raw_key data = r.rx;
        r.rx = r.early;
        r.rx.number = 1;
        struct view v = raw_read(&r);
        assert_int_equal(v.n, 1);
        assert_int_equal(v.p[0], CSEP_FRAME_END_EARLY);
        r.rx = data;
    }
    raw_expect_close(&r, code);
}

//= DATA-84 type=test
//= DATA-85 type=test
//= DATA-62 type=test
//= DATA-72 type=test
//= DATA-106 type=test
//= DATA-121 type=test
//= DATA-131 type=test
//= DATA-124 type=test
static void test_bad_frames(void **state)
{
    for (size_t i = 0; i < sizeof bad_frames / sizeof bad_frames[0]; i++) {
        tear_down(state);
        set_up(state);
        begin_raw(bad_frames[i].place, bad_frames[i].service, bad_frames[i].hex);
        expect_close_anywhere(bad_frames[i].place, bad_frames[i].code);
        stream_end_drain(r.peer);
        assert_int_equal(r.peer->closed.type, CSEP_DATA_EV_CLOSED);
        assert_int_equal(r.peer->closed.code, bad_frames[i].code);
        assert_int_equal(r.peer->got_len, 0); /* a bad payload changes nothing */
        assert_int_equal(csep_stream_get_state(r.peer->s), CSEP_DATA_CLOSED);
    }
}

/* ---- Early data ---- */

static void send_early(size_t n)
{
    static uint8_t payload[16000];
    struct wr w = wr_init(payload, sizeof payload);
    wr_u8(&w, CSEP_FRAME_STREAM);
    wr_varint(&w, n);
    wr_zero(&w, n);
    raw_send(&r, &r.early, payload, w.len);
}

/* //= DATA-37 type=test  //= DATA-92 type=test */
static void test_too_much_early(void **state)
{
    for (int taken = 0; taken < 2; taken++) {
        tear_down(state);
        set_up(state);
        p.a.cfg.early = taken;
        raw_open(&r, &p, CSEP_SERVICE_STREAM, RAW_OPENER_PARAMS);
        raw_expect_accept(&r);
        send_early(14000);
        send_early(336);
        assert_int_equal(csep_stream_get_state(p.a.s), CSEP_DATA_ACCEPTED);
        assert_int_equal(p.a.got_len, taken ? 14336 : 0);
        send_early(1);
        raw_expect_close(&r, 0x0c);
        assert_int_equal(p.a.got_len, taken ? 14336 : 0);
    }
}

/* Records without data are not discarded without end. //= DATA-92 type=test */
static void test_too_much_discarded(void **state)
{
    (void)state;
    static const uint8_t padding[16000];
    p.a.cfg.early = false;
    raw_open(&r, &p, CSEP_SERVICE_STREAM, RAW_OPENER_PARAMS);
    raw_expect_accept(&r);
    for (unsigned i = 0; i < 4; i++)
        raw_send(&r, &r.early, padding, sizeof padding);
    assert_int_equal(csep_stream_get_state(p.a.s), CSEP_DATA_ACCEPTED);
    raw_send(&r, &r.early, padding, sizeof padding);
    raw_expect_close(&r, 0x0c);
}

/* ---- Key update ---- */

static void begin_data(enum csep_service service)
{
    raw_open(&r, &p, service, RAW_OPENER_PARAMS);
    raw_expect_accept(&r);
    raw_send_hex(&r, &r.early, "12");
    raw_send_hex(&r, &r.tx, "01");
    assert_int_equal(csep_stream_get_state(p.a.s), CSEP_DATA_CONFIRMED);
}

/* //= DATA-97 type=test  //= DATA-98 type=test */
static void test_key_update_is_answered(void **state)
{
    (void)state;
    begin_data(CSEP_SERVICE_STREAM);
    raw_send_hex(&r, &r.tx, "13");
    raw_next_key(&r.tx);
    raw_send_hex(&r, &r.tx, "11026869");
    assert_memory_equal(p.a.got, "hi", 2);
    stream_end_write(&p, &p.a, "ho", 2);
    struct view v = raw_read(&r);
    assert_int_equal(v.n, 1);
    assert_int_equal(v.p[0], CSEP_FRAME_KEY_UPDATE);
    raw_next_key(&r.rx);
    v = raw_read(&r);
    assert_memory_equal(v.p, "\x11\x02ho", 4);
}

/* The old key behind KEY_UPDATE does not open. */
static void test_key_update_not_made(void **state)
{
    (void)state;
    begin_data(CSEP_SERVICE_STREAM);
    raw_send_hex(&r, &r.tx, "13");
    raw_send_hex(&r, &r.tx, "01");
    struct view v = raw_read(&r);
    assert_int_equal(v.p[0], CSEP_FRAME_KEY_UPDATE);
    raw_next_key(&r.rx);
    raw_expect_close(&r, 0x15);
}

/* A second one before the first was answered. //= DATA-121 type=test */
static void test_key_update_twice(void **state)
{
    (void)state;
    begin_data(CSEP_SERVICE_STREAM);
    raw_send_hex(&r, &r.tx, "13");
    raw_next_key(&r.tx);
    raw_send_hex(&r, &r.tx, "13");
    stream_end_drain(&p.a);
    struct view v = raw_read(&r);
    assert_int_equal(v.p[0], CSEP_FRAME_KEY_UPDATE);
    raw_next_key(&r.rx);
    raw_expect_close(&r, 0x0f);
    stream_end_drain(&p.a);
    assert_status(p.a.closed.status, CSEP_ERR_KEY_UPDATE);
}

/* ---- Messages ---- */

static void send_fragment(unsigned flags, uint64_t channel, uint64_t sequence, uint64_t offset,
                          const char *text)
{
    uint8_t payload[256];
    struct wr w = wr_init(payload, sizeof payload);
    struct frame_message m = {
        (uint8_t)flags, channel, sequence, offset, {(const uint8_t *)text, strlen(text)}};
    frame_put_message(&w, &m);
    raw_send(&r, &r.tx, payload, w.len);
}

/* A sequence number comes once. //= DATA-124 type=test */
static void test_message_twice(void **state)
{
    (void)state;
    begin_data(CSEP_SERVICE_MESSAGE);
    send_fragment(1, 0, 0, 0, "x");
    send_fragment(1, 0, 0, 0, "x");
    assert_int_equal(p.a.num_messages, 1);
    raw_expect_close(&r, 0x02);
}

/* Fragments of different messages mix; each is delivered once, whole. //= DATA-68 type=test */
static void test_fragments_mix(void **state)
{
    (void)state;
    begin_data(CSEP_SERVICE_MESSAGE);
    send_fragment(0, 1, 0, 0, "one ");
    send_fragment(0, 2, 0, 0, "two ");
    send_fragment(0, 1, 1, 0, "three ");
    send_fragment(1, 2, 0, 4, "TWO.");
    assert_memory_equal(p.a.got, "two TWO.", 8);
    send_fragment(1, 1, 1, 6, "THREE.");
    send_fragment(1, 1, 0, 4, "ONE.");
    send_fragment(1, 7, 0, 0, "");
    assert_int_equal(p.a.num_messages, 4);
    assert_int_equal(p.a.got_len, 28);
    assert_memory_equal(p.a.got + 8, "three THREE.one ONE.", 20);
}

/* //= DATA-67 type=test */
static void test_ordered_messages_wait(void **state)
{
    (void)state;
    begin_data(CSEP_SERVICE_MESSAGE);
    send_fragment(2, 1, 0, 0, "a");
    send_fragment(3, 1, 1, 0, "b");
    send_fragment(2, 1, 2, 0, "c");
    send_fragment(1, 1, 0, 0, "unordered ");
    send_fragment(3, 2, 0, 0, "other ");
    send_fragment(3, 1, 2, 1, "c");
    assert_int_equal(p.a.num_messages, 2);
    send_fragment(3, 1, 0, 1, "a");
    assert_int_equal(p.a.num_messages, 5);
    assert_memory_equal(p.a.got, "unordered other aabcc", 21);
    assert_true(p.a.last[CSEP_DATA_EV_MESSAGE].ordered);
    assert_int_equal(p.a.last[CSEP_DATA_EV_MESSAGE].sequence, 2);
}

/* //= DATA-88 type=test */
static void test_too_many_incomplete(void **state)
{
    (void)state;
    begin_data(CSEP_SERVICE_MESSAGE);
    for (unsigned i = 0; i < 64; i++)
        send_fragment(0, 5, i, 0, "x");
    send_fragment(1, 5, 64, 0, "whole ones still pass");
    assert_int_equal(p.a.num_messages, 1);
    send_fragment(0, 5, 65, 0, "x");
    raw_expect_close(&r, 0x0c);
}

/* //= DATA-71 type=test */
static void test_message_too_long(void **state)
{
    (void)state;
    p.a.cfg.max_message = 10;
    begin_data(CSEP_SERVICE_MESSAGE);
    send_fragment(1, 0, 0, 0, "0123456789");
    assert_int_equal(p.a.num_messages, 1);
    send_fragment(0, 0, 1, 0, "0123456789");
    send_fragment(1, 0, 1, 10, "0");
    raw_expect_close(&r, 0x08);
}

/* Whole messages that wait for an earlier one are held within MAX_DATA. //= DATA-125 type=test */
static void test_too_much_waits(void **state)
{
    (void)state;
    p.a.cfg.max_data = 20;
    begin_data(CSEP_SERVICE_MESSAGE);
    send_fragment(2, 0, 0, 0, "begun");
    send_fragment(3, 0, 1, 0, "0123456789");
    send_fragment(3, 0, 2, 0, "0123456789");
    assert_int_equal(csep_stream_get_state(p.a.s), CSEP_DATA_CONFIRMED);
    send_fragment(3, 0, 3, 0, "0");
    raw_expect_close(&r, 0x0c);
}

/* Empty messages cost memory as well. //= DATA-125 type=test */
static void test_many_wait(void **state)
{
    (void)state;
    static const char begun[] = "06020000000161"; /* ordered, sequence 0, one byte, more to come */
    uint8_t empty[] = {CSEP_FRAME_MESSAGE, 3, 0, 0x80, 0, 0, 0, 0, 0};
    begin_data(CSEP_SERVICE_MESSAGE);
    raw_send_hex(&r, &r.tx, begun);
    for (unsigned i = 1; i <= 1025; i++) {
        assert_int_equal(csep_stream_get_state(p.a.s), CSEP_DATA_CONFIRMED);
        empty[5] = (uint8_t)(i >> 8);
        empty[6] = (uint8_t)i;
        raw_send(&r, &r.tx, empty, sizeof empty);
    }
    raw_expect_close(&r, 0x0c);
}

/* What waits is bounded, not what was waited for. */
static void test_long_message_others_wait_for(void **state)
{
    (void)state;
    p.a.cfg.max_data = 20;
    begin_data(CSEP_SERVICE_MESSAGE);
    send_fragment(2, 0, 0, 0, "begun, and longer ");
    send_fragment(3, 0, 1, 0, "0123456789");
    send_fragment(3, 0, 2, 0, "0123456789");
    send_fragment(3, 0, 0, 18, "than all of that");
    assert_int_equal(p.a.num_messages, 3);
    send_fragment(0, 9, 0, 0, "neither ordered ");
    send_fragment(1, 9, 0, 16, "nor short");
    assert_int_equal(p.a.num_messages, 4);
    assert_int_equal(csep_stream_get_state(p.a.s), CSEP_DATA_CONFIRMED);
}

/* A receiver with a bound of its own says so. */
static void test_bound_is_told(void **state)
{
    for (unsigned own = 0; own < 2; own++) {
        tear_down(state);
        set_up(state);
        p.a.cfg.max_data = own ? 20 : 1048576;
        raw_open(&r, &p, CSEP_SERVICE_MESSAGE, RAW_OPENER_PARAMS);
        struct view v = raw_expect_accept(&r);
        bool told = false;
        for (size_t i = 2; i + 3 <= v.n; i++)
            told |= !memcmp(v.p + i, "\1\1\x14", 3);
        assert_int_equal(told, own);
    }
}

/* Messages leave one after the other, so none waits at the receiver for one that began before it. */
//= DATA-126 type=test
static void test_one_after_the_other(void **state)
{
    (void)state;
    static const uint8_t much[40000];
    uint64_t at = 0, whole = 0; /* the message at hand, how many are whole */
    struct view v;
    begin_data(CSEP_SERVICE_MESSAGE);
    for (unsigned i = 0; i < 3; i++)
        stream_end_message(&p, &p.a, 1, true, much, i == 1 ? 1 : sizeof much);
    while ((v = raw_read(&r)).n) {
        struct frame_where where = {CSEP_TRANSPORT_TCP, CSEP_SERVICE_MESSAGE, PLACE_DATA, SENT_BY_ACCEPTOR};
        struct frames it;
        struct frame f;
        frames_init(&it, v, &where);
        while (frames_next(&it, &f) == CSEP_OK) {
            if (f.type != CSEP_FRAME_MESSAGE)
                continue;
            assert_int_equal(f.u.message.sequence, whole);
            at = f.u.message.sequence;
            whole += f.u.message.flags & CSEP_MESSAGE_FIN;
        }
    }
    assert_int_equal(at, 2);
    assert_int_equal(whole, 3);
}

/* ---- Lengths ---- */

/* //= DATA-94 type=test  //= DATA-119 type=test */
static void test_lengths(void **state)
{
    static const struct {
        bool opening;
        unsigned len;
        csep_status want;
    } rows[] = {
        {true, 18432, CSEP_OK},      {true, 18433, CSEP_ERR_OVERSIZE},  {true, 65535, CSEP_ERR_OVERSIZE},
        {false, 0, CSEP_ERR_DECODE}, {false, 16, CSEP_ERR_DECODE},      {false, 17, CSEP_OK},
        {false, 16640, CSEP_OK},     {false, 16641, CSEP_ERR_OVERSIZE}, {false, 65535, CSEP_ERR_OVERSIZE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tear_down(state);
        set_up(state);
        uint8_t length[2] = {(uint8_t)(rows[i].len >> 8), (uint8_t)rows[i].len};
        if (rows[i].opening) {
            struct csep_slot_source source = fake_slots_source(&p.slots);
            assert_ok(csep_stream_accept(p.a.s, &p.a.cfg, &source, p.now));
            r.pair = &p;
            r.peer = &p.a;
            raw_give(&r, length, 2);
        } else {
            begin_data(CSEP_SERVICE_STREAM);
            raw_give(&r, length, 2);
        }
        size_t used;
        assert_status(csep_stream_input(p.a.s, length, 0, p.now, &used), rows[i].want);
        if (!rows[i].opening && rows[i].want != CSEP_OK)
            raw_expect_close(&r, csep_status_wire(rows[i].want));
    }
}

/* The largest record there is. */
static void test_largest_record(void **state)
{
    (void)state;
    static uint8_t payload[16624];
    begin_data(CSEP_SERVICE_STREAM);
    struct wr w = wr_init(payload, sizeof payload);
    wr_u8(&w, CSEP_FRAME_STREAM);
    wr_varint(&w, 16619);
    raw_send(&r, &r.tx, payload, sizeof payload);
    assert_int_equal(p.a.got_len, 16619);
}

/* ---- The wire ---- */

static uint8_t wire[4096];

static void assert_no_clear_text(const struct stream_end *e, size_t at_most)
{
    assert_true(e->got_len <= at_most);
}

/* Opener to acceptor: OPEN, then a record; every bit of them. //= DATA-95 type=test  //= DATA-99 type=test */
static void test_flip_open(void **state)
{
    size_t n = 0;
    for (size_t bit = 0; n == 0 || bit < 8 * n; bit++) {
        tear_down(state);
        set_up(state);
        stream_pair_start(&p, CSEP_SERVICE_STREAM);
        stream_end_write(&p, &p.o, "secret", 6);
        stream_end_output(&p, &p.o);
        n = p.o.out.len;
        p.o.out.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        stream_pair_run(&p);
        assert_no_clear_text(&p.a, 0);
        assert_int_equal(p.a.seen[CSEP_DATA_EV_OPENED], 0);
        assert_int_equal(p.o.seen[CSEP_DATA_EV_OPENED], 0);
        enum csep_data_state st = csep_stream_get_state(p.a.s);
        assert_true(st == CSEP_DATA_CLOSED || (st == CSEP_DATA_IDLE && bit < 16));
        if (st == CSEP_DATA_CLOSED)
            assert_true(p.a.closed.status == CSEP_ERR_REFUSED || p.a.closed.status == CSEP_ERR_DECODE ||
                        p.a.closed.status == CSEP_ERR_VERSION || p.a.closed.status == CSEP_ERR_OVERSIZE);
        assert_false(p.slots.used[0]); /* the ticket is not used up: DATA-21 */
    }
}

static void test_flip_accept(void **state)
{
    size_t n = 0;
    for (size_t bit = 0; n == 0 || bit < 8 * n; bit++) {
        tear_down(state);
        set_up(state);
        p.slot.upgrade = p.slots.slot[0].upgrade = bit % 2 ? CSEP_UPGRADE_OFF : CSEP_UPGRADE_OFFERED;
        stream_pair_start(&p, CSEP_SERVICE_STREAM);
        stream_pair_send(&p, &p.o, &p.a);
        stream_end_write(&p, &p.a, "secret", 6);
        stream_end_output(&p, &p.a);
        n = p.a.out.len;
        if (bit / 8 >= n)
            break;
        p.a.out.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        stream_pair_run(&p);
        assert_no_clear_text(&p.o, 0);
        assert_int_equal(p.o.seen[CSEP_DATA_EV_OPENED], 0);
        enum csep_data_state st = csep_stream_get_state(p.o.s);
        assert_true(st == CSEP_DATA_CLOSED || (st == CSEP_DATA_OPENING && bit < 16));
        if (st == CSEP_DATA_CLOSED)
            assert_true(p.o.closed.status == CSEP_ERR_PROTECTION || p.o.closed.status == CSEP_ERR_DECODE ||
                        p.o.closed.status == CSEP_ERR_VERSION || p.o.closed.status == CSEP_ERR_OVERSIZE ||
                        p.o.closed.status == CSEP_ERR_VALUE || p.o.closed.status == CSEP_ERR_REFUSED);
    }
}

static void test_flip_record(void **state)
{
    size_t n = 0;
    for (size_t bit = 0; n == 0 || bit < 8 * n; bit++) {
        tear_down(state);
        set_up(state);
        stream_pair_start(&p, CSEP_SERVICE_STREAM);
        stream_pair_run(&p);
        stream_end_write(&p, &p.o, "secret", 6);
        stream_end_output(&p, &p.o);
        n = p.o.out.len;
        p.o.out.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        stream_pair_run(&p);
        assert_no_clear_text(&p.a, 0);
        enum csep_data_state st = csep_stream_get_state(p.a.s);
        assert_true(st == CSEP_DATA_CLOSED || (st == CSEP_DATA_CONFIRMED && bit < 16));
        if (bit < 16)
            continue;
        assert_status(p.a.closed.status, CSEP_ERR_PROTECTION);
        assert_true(p.o.closed.by_peer); /* the opener is told */
        assert_status(p.o.closed.status, CSEP_ERR_PROTECTION);
        assert_int_equal(p.slots.reported.forgeries, 1); //= DATA-4 type=test
    }
}

/* Everything cut at every byte, then end of file. //= DATA-96 type=test */
static void test_truncated(void **state)
{
    size_t total = 0;
    for (size_t cut = 0; total == 0 || cut < total; cut++) {
        tear_down(state);
        set_up(state);
        stream_pair_start(&p, CSEP_SERVICE_STREAM);
        stream_end_write(&p, &p.o, "first", 5);
        stream_end_output(&p, &p.o);
        total = p.o.out.len;
        size_t used;
        csep_status st = csep_stream_input(p.a.s, p.o.out.bytes, cut, p.now, &used);
        assert_ok(st);
        stream_end_drain(&p.a);
        csep_stream_input_eof(p.a.s, p.now);
        stream_end_drain(&p.a);
        assert_status(p.a.closed.status, CSEP_ERR_TRUNCATED);
        assert_int_equal(p.a.got_len, 0);
    }
}

static void test_truncated_later(void **state)
{
    for (size_t cut = 0; cut < 60; cut++) {
        tear_down(state);
        set_up(state);
        stream_pair_start(&p, CSEP_SERVICE_STREAM);
        stream_pair_run(&p);
        stream_end_write(&p, &p.a, "answer", 6);
        csep_stream_close(p.a.s, 0, p.now);
        stream_end_output(&p, &p.a);
        bool all = cut >= p.a.out.len;
        p.a.out.len = all ? p.a.out.len : cut;
        stream_pair_run(&p);
        csep_stream_input_eof(p.o.s, p.now);
        stream_end_drain(&p.o);
        assert_status(p.o.closed.status, all ? CSEP_OK : CSEP_ERR_TRUNCATED);
        assert_int_equal(p.o.got_len, all ? 6 : 0);
    }
}

/* Two records swapped, one left out, one doubled: each ends the connection. //= DATA-95 type=test */
static void test_records_reordered(void **state)
{
    for (int how = 0; how < 3; how++) {
        tear_down(state);
        set_up(state);
        stream_pair_start(&p, CSEP_SERVICE_STREAM);
        stream_pair_run(&p);
        size_t at[3];
        for (int i = 0; i < 2; i++) {
            at[i] = p.o.out.len;
            stream_end_write(&p, &p.o, i ? "bb" : "aa", 2);
            stream_end_output(&p, &p.o);
        }
        at[2] = p.o.out.len;
        size_t n = at[1];
        memcpy(wire, p.o.out.bytes, at[2]);
        p.o.out.len = 0;
        const uint8_t *first = how == 2 ? wire : wire + n, *second = how == 0 ? wire : how == 1 ? NULL : wire;
        r.pair = &p;
        r.peer = &p.a;
        raw_give(&r, first, n);
        if (second)
            raw_give(&r, second, n);
        stream_end_output(&p, &p.a);
        stream_end_drain(&p.a);
        assert_status(p.a.closed.status, CSEP_ERR_PROTECTION);
        assert_int_equal(p.a.got_len, how == 2 ? 2 : 0);
    }
}

/* The other direction's record, and a record of another connection, do not open. */
static void test_reflection(void **state)
{
    (void)state;
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_pair_run(&p);
    stream_end_write(&p, &p.a, "secret", 6);
    stream_end_output(&p, &p.a);
    r.pair = &p;
    r.peer = &p.a;
    raw_give(&r, p.a.out.bytes, p.a.out.len);
    stream_end_output(&p, &p.a);
    stream_end_drain(&p.a);
    assert_status(p.a.closed.status, CSEP_ERR_PROTECTION);
    assert_int_equal(p.a.got_len, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_bad_frames),
        T(test_too_much_early),
        T(test_too_much_discarded),
        T(test_key_update_is_answered),
        T(test_key_update_not_made),
        T(test_key_update_twice),
        T(test_message_twice),
        T(test_fragments_mix),
        T(test_ordered_messages_wait),
        T(test_too_many_incomplete),
        T(test_message_too_long),
        T(test_too_much_waits),
        T(test_many_wait),
        T(test_long_message_others_wait_for),
        T(test_bound_is_told),
        T(test_one_after_the_other),
        T(test_lengths),
        T(test_largest_record),
        T(test_flip_open),
        T(test_flip_accept),
        T(test_flip_record),
        T(test_truncated),
        T(test_truncated_later),
        T(test_records_reordered),
        T(test_reflection),
    };
    return csep_init() == CSEP_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
