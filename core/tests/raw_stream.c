/* SPDX-License-Identifier: BSD-2-Clause */
#include "raw_stream.h"

#define AEAD CSEP_AEAD_CHACHA20_POLY1305

static const uint8_t random_bytes[32] = {0xab, 0xcd};

static void set_key(struct raw_key *k, const struct traffic_secret *secret)
{
    k->secret = *secret;
    k->number = 0;
    schedule_aead(&k->aead, secret, AEAD);
}

void raw_next_key(struct raw_key *k)
{
    struct traffic_secret next;
    schedule_next(&next, &k->secret);
    set_key(k, &next);
}

void raw_give(struct raw_stream *r, const uint8_t *bytes, size_t n)
{
    size_t at = 0, used;
    while (at < n) {
        csep_status st = csep_stream_input(r->peer->s, bytes + at, n - at, r->pair->now, &used);
        (void)st;
        stream_end_drain(r->peer);
        at += used;
        if (used == 0)
            break;
    }
}

void raw_send(struct raw_stream *r, struct raw_key *k, const void *payload, size_t n)
{
    static uint8_t out[70000];
    struct wr w = wr_init(out, sizeof out);
    unit_put_record(&w);
    wr_bytes(&w, payload, n);
    unit_seal(&w, 0, 0, k->number++, &k->aead);
    assert_true(wr_ok(&w));
    raw_give(r, out, w.len);
}

void raw_send_hex(struct raw_stream *r, struct raw_key *k, const char *hex)
{
    uint8_t payload[4096];
    raw_send(r, k, payload, test_unhex(payload, sizeof payload, hex));
}

static void collect(struct raw_stream *r)
{
    stream_end_output(r->pair, r->peer);
    assert_true(r->in_len + r->peer->out.len <= sizeof r->in);
    memcpy(r->in + r->in_len, r->peer->out.bytes, r->peer->out.len);
    r->in_len += r->peer->out.len;
    r->peer->out.len = 0;
}

/* The next whole unit; NULL: none. */
static uint8_t *next_unit(struct raw_stream *r, size_t *out_len)
{
    collect(r);
    uint8_t *unit = r->in + r->in_at;
    size_t n = unit_len(unit, r->in_len - r->in_at);
    if (n == 0 || n > r->in_len - r->in_at)
        return NULL;
    r->in_at += n;
    *out_len = n;
    return unit;
}

struct view raw_read(struct raw_stream *r)
{
    size_t n;
    struct view payload = {NULL, 0};
    uint8_t *unit = next_unit(r, &n);
    if (!unit)
        return payload;
    assert_true(unit_open(&payload, unit, n, 0, r->rx.number++, &r->rx.aead));
    return payload;
}

void raw_expect_close(struct raw_stream *r, unsigned code)
{
    struct view payload = raw_read(r);
    while (payload.n && payload.p[0] != CSEP_FRAME_CLOSE)
        payload = raw_read(r);
    assert_true(payload.n >= 3);
    struct rd rd = rd_init(payload.p + 1, payload.n - 1);
    assert_int_equal(rd_varint(&rd), code);
    assert_int_equal(raw_read(r).n, 0); /* and nothing behind it */
}

static void derive_main(struct raw_stream *r, bool opener)
{
    struct hash both = hash_peek(&r->headers);
    struct main_secrets main;
    schedule_main(&main, &r->derived, NULL, &both);
    set_key(&r->tx, opener ? &main.c_data : &main.s_data);
    set_key(&r->rx, opener ? &main.s_data : &main.c_data);
}

void raw_open(struct raw_stream *r, struct stream_pair *p, enum csep_service service, const char *payload_hex)
{
    uint8_t out[8192], payload[4096];
    size_t n = test_unhex(payload, sizeof payload, payload_hex);
    struct csep_slot_source source = fake_slots_source(&p->slots);
    struct wr w = wr_init(out, sizeof out);
    struct open_secrets secrets;
    struct open_header h = {.version = CSEP_VERSION_1,
                            .transport = CSEP_TRANSPORT_TCP,
                            .service = (uint8_t)service,
                            .aead = AEAD,
                            .ticket = {p->slot.ticket, p->slot.ticket_len},
                            .client_random = random_bytes};
    memset(r, 0, sizeof *r);
    r->pair = p;
    r->peer = &p->a;
    assert_ok(csep_stream_accept(p->a.s, &p->a.cfg, &source, p->now));
    size_t header_len = unit_put_open(&w, &h);
    hash_begin(&r->headers);
    hash_add(&r->headers, out + UNIT_LENGTH, header_len);
    struct hash open_header = hash_peek(&r->headers);
    schedule_open(&secrets, p->slot.secret, random_bytes, &open_header);
    r->derived = secrets.derived;
    set_key(&r->early, &secrets.early_c);
    wr_bytes(&w, payload, n);
    unit_seal(&w, 0, header_len, r->early.number++, &r->early.aead);
    raw_give(r, out, w.len);
}

struct view raw_expect_accept(struct raw_stream *r)
{
    struct accept_header a;
    struct view payload = {NULL, 0};
    size_t n, header_len;
    uint8_t *unit = next_unit(r, &n);
    assert_non_null(unit);
    assert_ok(unit_decode_accept(&a, &header_len, unit, n));
    hash_add(&r->headers, unit + UNIT_LENGTH, header_len);
    derive_main(r, true);
    assert_true(unit_open(&payload, unit, n, header_len, r->rx.number++, &r->rx.aead));
    return payload;
}

void raw_accept(struct raw_stream *r, struct stream_pair *p, const char *payload_hex)
{
    uint8_t out[8192], payload[4096];
    size_t n, header_len, payload_len = test_unhex(payload, sizeof payload, payload_hex);
    struct open_header o;
    struct open_secrets secrets;
    memset(r, 0, sizeof *r);
    r->pair = p;
    r->peer = &p->o;
    uint8_t *unit = next_unit(r, &n);
    assert_non_null(unit);
    assert_ok(unit_decode_open(&o, &header_len, unit, n));
    hash_begin(&r->headers);
    hash_add(&r->headers, unit + UNIT_LENGTH, header_len);
    struct hash open_header = hash_peek(&r->headers);
    schedule_open(&secrets, p->slot.secret, o.client_random, &open_header);
    r->derived = secrets.derived;
    set_key(&r->early, &secrets.early_c);

    struct wr w = wr_init(out, sizeof out);
    struct accept_header a = {.version = CSEP_VERSION_1, .server_random = random_bytes};
    header_len = unit_put_accept(&w, &a);
    hash_add(&r->headers, out + UNIT_LENGTH, header_len);
    derive_main(r, false);
    wr_bytes(&w, payload, payload_len);
    unit_seal(&w, 0, header_len, r->tx.number++, &r->tx.aead);
    raw_give(r, out, w.len);
}
