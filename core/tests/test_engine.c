/* SPDX-License-Identifier: BSD-2-Clause */
/* The crypto-transport interface: engine and export, and that both make the same bytes. */
#include "stream_pair.h"

#include "crypto/aead.h"
#include "csep/export.h"
#include "data/packet.h"

static const uint16_t aeads[] = {CSEP_AEAD_CHACHA20_POLY1305, CSEP_AEAD_AES_256_GCM};
static const uint8_t dcid[] = {1, 2, 3, 4, 5, 6, 7, 8};

static const uint8_t fixed_secret[32] = {0x42, 0x43};

struct pair {
    struct csep_engine *tx, *rx;
};

static void make(struct pair *e, enum csep_engine_format format, uint16_t aead)
{
    struct csep_keys k;
    uint8_t secret[32];
    memset(secret, 0x42, sizeof secret);
    size_t cid_len = format == CSEP_ENGINE_PACKET ? sizeof dcid : 0;
    e->tx = malloc(csep_engine_size());
    e->rx = malloc(csep_engine_size());
    assert_ok(csep_keys_derive(&k, secret, aead));
    assert_ok(csep_engine_init(e->tx, format, &k, dcid, cid_len));
    assert_ok(csep_engine_init(e->rx, format, &k, dcid, cid_len));
    csep_keys_wipe(&k);
}

static void drop(struct pair *e)
{
    csep_engine_wipe(e->tx);
    csep_engine_wipe(e->rx);
    free(e->tx);
    free(e->rx);
}

#define NUM 32

static uint8_t bufs[NUM][1300];

static void fill(const struct csep_engine *e, struct csep_unit *units, size_t len)
{
    for (unsigned i = 0; i < NUM; i++) {
        memset(bufs[i], (int)i, sizeof bufs[i]);
        units[i] = (struct csep_unit){.bytes = bufs[i], .len = len};
        memset(bufs[i] + csep_engine_head(e), (int)(i + 1), len);
    }
}

static void check_payload(const struct csep_engine *e, const struct csep_unit *u, unsigned i, size_t len)
{
    assert_ok(u->status);
    assert_int_equal(u->len, len);
    for (size_t k = 0; k < len; k++)
        assert_int_equal(u->bytes[csep_engine_head(e) + k], i + 1);
}

/* //= API-3 type=test */
static void check_batch(enum csep_engine_format format, uint16_t aead, size_t len)
{
    struct pair e;
    struct csep_unit units[NUM];
    make(&e, format, aead);
    size_t overhead = csep_engine_head(e.tx) + csep_engine_tail(e.tx);
    for (unsigned round = 0; round < 3; round++) {
        unsigned first =
            format == CSEP_ENGINE_PACKET ? NUM * round : 0; /* over TCP an update begins at 0 again */
        fill(e.tx, units, len);
        assert_int_equal(csep_engine_seal_batch(e.tx, units, NUM), NUM);
        for (unsigned i = 0; i < NUM; i++) {
            assert_int_equal(units[i].len, len + overhead);
            assert_int_equal(units[i].number, first + i);
        }
        assert_int_equal(csep_engine_open_batch(e.rx, units, NUM), NUM);
        for (unsigned i = 0; i < NUM; i++) {
            assert_int_equal(units[i].number, first + i);
            check_payload(e.rx, &units[i], i, len);
        }
        csep_engine_update(e.tx);
        csep_engine_update(e.rx);
    }
    struct csep_usage sent = csep_engine_take_usage(e.tx), got = csep_engine_take_usage(e.rx);
    assert_int_equal(sent.packets, 3 * NUM);
    assert_int_equal(sent.bytes, 3 * NUM * len);
    assert_memory_equal(&sent, &got, sizeof sent);
    drop(&e);
}

static void test_batch(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 2; a++)
        for (size_t len = 1; aead_supported(aeads[a]) && len <= 1201; len += 400) {
            check_batch(CSEP_ENGINE_RECORD, aeads[a], len);
            check_batch(CSEP_ENGINE_PACKET, aeads[a], len);
        }
}

/* Packets open in any order and after loss; records do not. */
static void test_order(void **state)
{
    (void)state;
    struct pair e;
    struct csep_unit units[NUM], out;
    make(&e, CSEP_ENGINE_PACKET, aeads[0]);
    fill(e.tx, units, 100);
    assert_int_equal(csep_engine_seal_batch(e.tx, units, NUM), NUM);
    for (unsigned i = NUM; i-- > 0; i--) /* from behind, every second one */
        assert_ok(csep_engine_open(e.rx, units[i].bytes, units[i].len, &out));
    drop(&e);

    make(&e, CSEP_ENGINE_RECORD, aeads[0]);
    fill(e.tx, units, 100);
    assert_int_equal(csep_engine_seal_batch(e.tx, units, NUM), NUM);
    struct csep_unit swapped = units[3];
    units[3] = units[4];
    units[4] = swapped;
    assert_int_equal(csep_engine_open_batch(e.rx, units, NUM), 3);
    for (unsigned i = 3; i < NUM; i++)
        assert_status(units[i].status, CSEP_ERR_PROTECTION);
    assert_int_equal(csep_engine_take_usage(e.rx).forgeries, 1);
    drop(&e);
}

/* Every flipped bit, every truncation: an error, and never the payload. */
static void check_damaged(enum csep_engine_format format, uint16_t aead)
{
    struct pair e;
    struct csep_unit u;
    uint8_t sealed[64], work[64];
    make(&e, format, aead);
    size_t head = csep_engine_head(e.tx);
    memset(sealed, 0x55, sizeof sealed);
    assert_ok(csep_engine_seal(e.tx, sealed, 20, &u));
    size_t n = u.len;
    for (size_t bit = 0; bit < 8 * n; bit++) {
        struct pair fresh;
        make(&fresh, format, aead);
        memcpy(work, sealed, n);
        work[bit / 8] ^= (uint8_t)(1u << bit % 8);
        csep_status st = csep_engine_open(fresh.rx, work, n, &u);
        assert_true(st == CSEP_ERR_PROTECTION || st == CSEP_ERR_DECODE);
        for (size_t i = head; i + 8 <= n; i++)
            assert_memory_not_equal(work + i, "\x55\x55\x55\x55\x55\x55\x55\x55", 8);
        drop(&fresh);
    }
    for (size_t cut = 0; cut < n; cut++) {
        struct pair fresh;
        make(&fresh, format, aead);
        memcpy(work, sealed, n);
        csep_status st = csep_engine_open(fresh.rx, work, cut, &u);
        assert_true(st == CSEP_ERR_PROTECTION || st == CSEP_ERR_DECODE);
        drop(&fresh);
    }
    drop(&e);
}

static void test_damaged(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 2; a++) {
        if (!aead_supported(aeads[a]))
            continue;
        check_damaged(CSEP_ENGINE_RECORD, aeads[a]);
        check_damaged(CSEP_ENGINE_PACKET, aeads[a]);
    }
}

/* //= KEY-6 type=test */
static void test_limits(void **state)
{
    (void)state;
    struct csep_keys k;
    struct csep_unit u;
    uint8_t buf[64] = {0};
    struct csep_engine *e = malloc(csep_engine_size());
    assert_ok(csep_keys_derive(&k, fixed_secret, aeads[0]));
    k.number = (UINT64_C(1) << 62) - 1;
    assert_ok(csep_engine_init(e, CSEP_ENGINE_RECORD, &k, NULL, 0));
    assert_ok(csep_engine_seal(e, buf, 1, &u));
    assert_status(csep_engine_seal(e, buf, 1, &u), CSEP_ERR_AEAD_LIMIT);
    csep_engine_update(e);
    assert_status(csep_engine_seal(e, buf, 0, &u), CSEP_ERR_OVERSIZE);
    assert_status(csep_engine_seal(e, buf, 16625, &u), CSEP_ERR_OVERSIZE);
    assert_ok(csep_engine_seal(e, buf, 1, &u));
    assert_false(csep_engine_update_due(e));
    csep_engine_wipe(e);
    free(e);
    assert_status(csep_keys_derive(&k, fixed_secret, CSEP_AEAD_AEGIS_256), CSEP_ERR_UNSUPPORTED);
}

/* ---- Both forms, the same bytes ---- */

/* What the engine makes, a stock AEAD makes from the exported key and iv. //= API-4 type=test */
static void test_same_bytes(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 2; a++) {
        struct csep_keys k;
        struct csep_unit u;
        struct aead foreign;
        uint8_t buf[64], other[64];
        struct csep_engine *e = malloc(csep_engine_size());
        if (!aead_supported(aeads[a])) {
            free(e);
            continue;
        }
        assert_ok(csep_keys_derive(&k, fixed_secret, aeads[a]));
        k.number = 77;
        assert_ok(csep_engine_init(e, CSEP_ENGINE_RECORD, &k, NULL, 0));
        for (unsigned generation = 0; generation < 3; generation++) {
            memset(buf, 9, sizeof buf);
            assert_ok(csep_engine_seal(e, buf, 30, &u));
            memset(other, 9, sizeof other);
            other[0] = 0;
            other[1] = 46;
            aead_init(&foreign, k.aead, k.key, k.iv);
            aead_seal(&foreign, other + 2, other + 2, 30, other, 2, k.number);
            assert_memory_equal(buf, other, u.len);
            csep_engine_update(e);
            csep_keys_update(&k, true);
        }
        csep_engine_wipe(e);
        free(e);
    }
}

static struct csep_slot exportable(struct stream_pair *p, unsigned exports)
{
    p->slots.slot[0].exports = p->slot.exports = (uint8_t)exports;
    return p->slot;
}

/* A stream goes on outside: an engine on each side takes over where the records stopped. */
static void take_over(enum csep_upgrade upgrade)
{
    struct stream_pair p;
    struct csep_records o, a;
    struct csep_unit u;
    uint8_t buf[128] = {0};
    struct csep_engine *tx = malloc(csep_engine_size()), *rx = malloc(csep_engine_size());
    stream_pair_init(&p);
    p.slot.upgrade = p.slots.slot[0].upgrade = (uint8_t)upgrade;
    exportable(&p, 1u << CSEP_EXPORT_RECORDS);
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    assert_status(csep_stream_take_over(p.o.s, &o, p.now), CSEP_AGAIN);
    stream_end_write(&p, &p.o, "inside", 6);
    stream_pair_run(&p);
    assert_ok(csep_stream_key_update(p.o.s, p.now));
    assert_status(csep_stream_take_over(p.o.s, &o, p.now), CSEP_AGAIN);
    stream_pair_run(&p);
    assert_ok(csep_stream_take_over(p.o.s, &o, p.now));
    assert_ok(csep_stream_take_over(p.a.s, &a, p.now));
    assert_status(csep_stream_take_over(p.a.s, &a, p.now), CSEP_ERR_CLOSED);
    assert_memory_equal(o.send.key, a.receive.key, 32);
    assert_memory_equal(o.receive.iv, a.send.iv, 12);
    assert_int_equal(o.send.number, a.receive.number);
    assert_int_equal(o.send.generation, 1);
    assert_int_equal(o.terms.forward_secret, upgrade != CSEP_UPGRADE_OFF); //= API-5 type=test
    assert_false(o.terms.replayable);
    assert_true(o.terms.expires == p.slot.expires);

    assert_ok(csep_engine_init(tx, CSEP_ENGINE_RECORD, &o.send, NULL, 0));
    assert_ok(csep_engine_init(rx, CSEP_ENGINE_RECORD, &a.receive, NULL, 0));
    memcpy(buf + csep_engine_head(tx), "outside", 7);
    assert_ok(csep_engine_seal(tx, buf, 7, &u));
    assert_ok(csep_engine_open(rx, buf, u.len, &u));
    assert_memory_equal(buf + csep_engine_head(rx), "outside", 7);

    stream_end_output(&p, &p.o);
    assert_int_equal(p.o.out.len, 0); /* nothing more from the object */
    csep_engine_wipe(tx);
    csep_engine_wipe(rx);
    free(tx);
    free(rx);
    stream_pair_done(&p);
}

/* //= API-8 type=test */
static void test_take_over(void **state)
{
    (void)state;
    take_over(CSEP_UPGRADE_OFF);
    take_over(CSEP_UPGRADE_OFFERED);
}

/* //= API-7 type=test */
static void test_export_not_granted(void **state)
{
    (void)state;
    struct stream_pair p;
    struct csep_records records;
    struct csep_psk psk;
    stream_pair_init(&p);
    struct csep_slot slot = exportable(&p, 1u << CSEP_EXPORT_SRTP);
    assert_status(csep_export_psk(&psk, &slot, p.now), CSEP_ERR_REFUSED);
    assert_int_equal(slot.ticket_len, 24); /* not spent */
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_pair_run(&p);
    assert_status(csep_stream_take_over(p.o.s, &records, p.now), CSEP_ERR_REFUSED);
    assert_int_equal(csep_stream_get_state(p.o.s), CSEP_DATA_CONFIRMED);
    stream_pair_done(&p);
}

static void test_psk(void **state)
{
    (void)state;
    struct stream_pair p;
    struct csep_psk opener, acceptor;
    static const uint8_t zero[32];
    stream_pair_init(&p);
    struct csep_slot o = exportable(&p, 1u << CSEP_EXPORT_PSK), a = o, late = o;
    assert_ok(csep_export_psk(&opener, &o, p.now));
    assert_ok(csep_export_psk(&acceptor, &a, p.now));
    assert_memory_equal(opener.epsk, acceptor.epsk, 32);
    assert_memory_not_equal(opener.epsk, p.slot.secret, 32);
    assert_int_equal(opener.identity_len, p.slot.ticket_len);
    assert_memory_equal(opener.identity, p.slot.ticket, p.slot.ticket_len);
    assert_memory_equal(opener.context, "csep1\x02", 6);
    assert_memory_equal(o.secret, zero, 32); /* spent */
    assert_true(!opener.terms.forward_secret && opener.terms.replayable);
    assert_status(csep_export_psk(&opener, &late, late.expires), CSEP_ERR_EXPIRED);
    stream_pair_done(&p);
}

/* //= API-6 type=test */
static void test_terms(void **state)
{
    (void)state;
    static const uint8_t zero[32];
    for (int how = 0; how < 4; how++) {
        struct stream_pair p;
        struct csep_psk psk;
        stream_pair_init(&p);
        struct csep_slot slot = exportable(&p, 1u << CSEP_EXPORT_PSK);
        slot.left = (struct csep_usage){1000, 100, 10};
        assert_ok(csep_export_psk(&psk, &slot, p.now));
        struct csep_usage used = {500, 50, 5};
        assert_ok(csep_psk_report(&psk, &used, p.now));
        used = (struct csep_usage){how == 0 ? 500 : 1, how == 1 ? 50 : 1, how == 2 ? 5 : 1};
        csep_time now = how == 3 ? psk.terms.expires : p.now;
        assert_status(csep_psk_report(&psk, &used, now), how == 3 ? CSEP_ERR_EXPIRED : CSEP_ERR_AEAD_LIMIT);
        assert_true(psk.terms.withdrawn);
        assert_memory_equal(psk.epsk, zero, 32);
        assert_status(csep_psk_report(&psk, &(struct csep_usage){0}, now),
                      how == 3 ? CSEP_ERR_EXPIRED : CSEP_ERR_AEAD_LIMIT); /* for good */
        stream_pair_done(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch),      cmocka_unit_test(test_order),
        cmocka_unit_test(test_damaged),    cmocka_unit_test(test_limits),
        cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_take_over),
        cmocka_unit_test(test_psk),        cmocka_unit_test(test_export_not_granted),
        cmocka_unit_test(test_terms),
    };
    return csep_init() == CSEP_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
