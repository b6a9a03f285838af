/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vectors of docs/vectors for data connections: key schedule, header protection, packets, units,
 * frames. A difference is an error of the specification, of the vectors or of the code.
 */
#include "vectors.h"

#include "csep/wire.h"
#include "data/frame.h"
#include "data/packet.h"

static bool is(const json_t *v, const char *path, const char *text)
{
    return strcmp(vec_text(v, path), text) == 0;
}

static void secret_at(const json_t *v, const char *path, struct secret *out)
{
    struct vec_bytes b = vec_bytes(v, path);
    assert_int_equal(b.n, sizeof out->b);
    memcpy(out->b, b.p, b.n);
    vec_free(b);
}

/* ---- Section 5 ---- */

static void check_expand_label(const json_t *v)
{
    struct secret secret;
    secret_at(v, "in.secret", &secret);
    struct vec_bytes context = vec_bytes(v, "in.context");
    size_t n = (size_t)vec_number(v, "in.length");
    uint8_t *out = malloc(n);
    hkdf_expand_label(HKDF_CSEP1, out, n, &secret, vec_text(v, "in.label"), context.p, context.n);
    vec_assert(v, "out.value", out, n);
    free(out);
    vec_free(context);
}

static void check_export(const json_t *v)
{
    struct exporter_secret exporter;
    secret_at(v, "in.exporter", &exporter.s);
    struct vec_bytes context = vec_bytes(v, "in.context");
    size_t n = (size_t)vec_number(v, "in.length");
    uint8_t *out = malloc(n);
    schedule_export(out, n, &exporter, vec_text(v, "in.label"), context.p, context.n);
    vec_assert(v, "out.value", out, n);
    free(out);
    vec_free(context);
}

/* The secret after each update, with key and iv; hp is that of the first. */
static void check_generations(const json_t *v, const char *which, struct traffic_secret secret, uint16_t aead)
{
    const json_t *list = vec_at(v, which), *row;
    size_t i;
    assert_true(json_array_size(list) > 1);
    json_array_foreach(list, i, row)
    {
        vec_assert(row, "secret", secret.s.b, sizeof secret.s.b);
        if (aead_supported(aead)) {
            struct traffic_keys k;
            schedule_keys(&k, &secret, aead);
            vec_assert(row, "key", k.aead.key, sizeof k.aead.key);
            vec_assert(row, "iv", k.aead.iv, sizeof k.aead.iv);
            if (i == 0)
                vec_assert(row, "hp", k.hp, sizeof k.hp);
        }
        schedule_next(&secret, &secret);
    }
}

/* X25519 of both ends, each from its own private key and the other's header. */
static bool shared_secret(const json_t *v, struct x25519_shared *out)
{
    struct vec_bytes mine = vec_bytes(v, "in.opener_private"), theirs = vec_bytes(v, "in.acceptor_private");
    struct vec_bytes open = vec_bytes(v, "in.open_header"), accept = vec_bytes(v, "in.accept_header");
    bool upgraded = mine.n > 0;
    if (upgraded) { /* the share ends the header */
        struct x25519_private priv;
        struct x25519_shared other;
        memcpy(priv.b, mine.p, sizeof priv.b);
        assert_true(x25519(out, &priv, accept.p + accept.n - X25519_LEN));
        memcpy(priv.b, theirs.p, sizeof priv.b);
        assert_true(x25519(&other, &priv, open.p + open.n - X25519_LEN));
        assert_memory_equal(out->b, other.b, sizeof other.b);
        vec_assert(v, "steps.dhe", out->b, sizeof out->b);
    }
    vec_free(mine);
    vec_free(theirs);
    vec_free(open);
    vec_free(accept);
    return upgraded;
}

static void check_connection(const json_t *v)
{
    struct vec_bytes ticket = vec_bytes(v, "in.ticket"), client_random = vec_bytes(v, "in.client_random");
    struct vec_bytes open_header = vec_bytes(v, "in.open_header"),
                     accept_header = vec_bytes(v, "in.accept_header");
    struct secret context, slot;
    struct x25519_shared shared;
    struct open_secrets open;
    struct main_secrets main;
    struct hash_ctx headers;
    uint16_t aead = (uint16_t)vec_number(v, "aead");

    secret_at(v, "in.context_secret", &context);
    struct hash h = hash_of(ticket.p, ticket.n);
    hkdf_expand_label(HKDF_CSEP1, slot.b, sizeof slot.b, &context, "slot", h.b, sizeof h.b);
    vec_assert(v, "steps.slot", slot.b, sizeof slot.b);

    hash_begin(&headers);
    hash_add(&headers, open_header.p, open_header.n);
    h = hash_peek(&headers);
    schedule_open(&open, slot.b, client_random.p, &h);
    vec_assert(v, "steps.derived", open.derived.s.b, sizeof open.derived.s.b);
    vec_assert(v, "out.early_c", open.early_c.s.b, sizeof open.early_c.s.b);

    hash_add(&headers, accept_header.p, accept_header.n);
    h = hash_peek(&headers);
    bool upgraded = shared_secret(v, &shared);
    schedule_main(&main, &open.derived, upgraded ? &shared : NULL, &h);
    vec_assert(v, "out.c_data", main.c_data.s.b, sizeof main.c_data.s.b);
    vec_assert(v, "out.s_data", main.s_data.s.b, sizeof main.s_data.s.b);
    vec_assert(v, "out.exporter", main.exporter.s.b, sizeof main.exporter.s.b);
    check_generations(v, "out.c_generations", main.c_data, aead);
    check_generations(v, "out.s_generations", main.s_data, aead);

    vec_free(ticket);
    vec_free(client_random);
    vec_free(open_header);
    vec_free(accept_header);
}

static void test_key_schedule(void **state)
{
    (void)state;
    json_t *root, *v, *vectors = vectors_open("key_schedule", &root);
    size_t i;
    json_array_foreach(vectors, i, v)
    {
        if (is(v, "kind", "expand_label"))
            check_expand_label(v);
        else if (is(v, "kind", "export"))
            check_export(v);
        else if (is(v, "kind", "connection"))
            check_connection(v);
        else
            fail_msg("unknown kind %s", vec_text(v, "kind"));
    }
    vectors_close(root);
}

/* //= KEY-9 type=test */
static void test_header_protection(void **state)
{
    (void)state;
    json_t *root, *v, *vectors = vectors_open("header_protection", &root);
    size_t i;
    json_array_foreach(vectors, i, v)
    {
        struct vec_bytes hp = vec_bytes(v, "in.hp"), packet = vec_bytes(v, "out.packet");
        struct packet_span span = {0, (size_t)vec_number(v, "in.number_at"), packet.n};
        struct packet_number number = packet_unmask(packet.p, &span, hp.p);
        vec_assert(v, "in.packet", packet.p, packet.n);
        assert_int_equal(number.len, vec_number(v, "in.number_length"));
        vec_free(hp);
        vec_free(packet);
    }
    vectors_close(root);
}

/* ---- Section 6.1 ---- */

/* Decode by type; the offset of the number and what the header says. */
static void decode_datagram(const json_t *v, const struct vec_bytes *d, struct packet_span *span)
{
    if (is(v, "packet", "open")) {
        struct open_header o;
        assert_ok(packet_decode_open(&o, span, d->p, d->n));
        vec_assert(v, "in.header", d->p, span->header_len);
        vec_assert(v, "in.token", o.token.p, o.token.n);
        assert_int_equal(o.service, vec_number(v, "service"));
        assert_int_equal(o.aead, vec_number(v, "aead"));
    } else if (is(v, "packet", "accept")) {
        struct accept_header a;
        assert_ok(packet_decode_accept(&a, span, d->p, d->n));
        vec_assert(v, "in.header", d->p, span->header_len);
    } else {
        struct view dcid;
        struct vec_bytes id = vec_bytes(v, "in.destination");
        assert_ok(packet_decode_short(&dcid, span, d->p, d->n, id.n));
        assert_memory_equal(dcid.p, id.p, id.n);
        vec_free(id);
    }
}

/* The same datagram made by our encoders, byte for byte. */
static void encode_datagram(const json_t *v, const struct vec_bytes *d, const struct vec_bytes *payload,
                            const struct traffic_keys *k)
{
    static uint8_t out[2048];
    struct wr w = wr_init(out, sizeof out);
    struct packet_span span;
    memset(out, 0, sizeof out);
    if (is(v, "packet", "open")) {
        struct open_header o;
        assert_ok(packet_decode_open(&o, &span, d->p, d->n));
        packet_put_open(&w, &span, &o);
    } else if (is(v, "packet", "accept")) {
        struct accept_header a;
        assert_ok(packet_decode_accept(&a, &span, d->p, d->n));
        packet_put_accept(&w, &span, &a);
    } else {
        struct vec_bytes id = vec_bytes(v, "in.destination");
        packet_put_short(&w, &span, view_of(id.p, id.n), vec_number(v, "in.key_phase") != 0,
                         (unsigned)vec_number(v, "in.number_length"));
        vec_free(id);
    }
    wr_bytes(&w, payload->p, payload->n);
    packet_seal(&w, &span, (uint64_t)vec_number(v, "in.number"), k);
    assert_true(wr_ok(&w));
    if (is(v, "packet", "open") && w.len < d->n)
        wr_zero(&w, d->n - w.len); /* the datagram is filled up */
    vec_assert(v, "out.datagram", out, w.len);
}

static void check_protected(const json_t *v)
{
    uint16_t aead = (uint16_t)vec_number(v, "aead");
    struct vec_bytes d = vec_bytes(v, "out.datagram"), payload = vec_bytes(v, "in.payload");
    struct vec_bytes hp = vec_bytes(v, "in.hp");
    struct traffic_secret secret;
    struct traffic_keys k;
    struct packet_span span;
    struct view got;
    if (aead_supported(aead)) {
        secret_at(v, "in.secret", &secret.s);
        schedule_keys(&k, &secret, aead);
        memcpy(k.hp, hp.p, sizeof k.hp); /* of the first generation (5.4) */
        encode_datagram(v, &d, &payload, &k);
        decode_datagram(v, &d, &span);
        struct packet_number number = packet_unmask(d.p, &span, k.hp);
        uint64_t full = (uint64_t)vec_number(v, "in.number");
        if (vec_at(v, "in.largest_received")) {
            uint64_t expected = (uint64_t)(vec_number(v, "in.largest_received") + 1);
            assert_true(packet_number_recover(expected, number.truncated, number.len) == full);
            assert_int_equal(number.key_phase, vec_number(v, "in.key_phase"));
        }
        vec_assert(v, "steps.unmasked", d.p, span.end);
        assert_true(packet_open(&got, d.p, &span, number.len, full, &k.aead));
        vec_assert(v, "in.payload", got.p, got.n);
    }
    vec_free(d);
    vec_free(payload);
    vec_free(hp);
}

static uint32_t version_of(const json_t *v)
{
    return vec_at(v, "in.version") ? (uint32_t)vec_number(v, "in.version") : CSEP_VERSION_1;
}

static void put_versions(const json_t *v, struct wr *w)
{
    const json_t *row, *list = vec_at(v, "in.versions");
    size_t i;
    json_array_foreach(list, i, row) wr_u32(w, (uint32_t)json_integer_value(row));
}

static void check_refuse(const json_t *v, bool udp)
{
    uint8_t list[64], out[256];
    struct wr versions = wr_init(list, sizeof list), w = wr_init(out, sizeof out);
    struct vec_bytes random = vec_bytes(v, "in.client_random");
    struct refuse r = {.version = version_of(v), .echo = random.p, .code = (uint8_t)vec_number(v, "in.code")},
                  got;
    struct vec_bytes id = {NULL, 0};
    put_versions(v, &versions);
    r.versions = view_of(list, versions.len);
    if (udp) {
        id = vec_bytes(v, "in.destination");
        r.dcid = view_of(id.p, id.n);
        packet_put_refuse(&w, &r);
        vec_assert(v, "out.datagram", out, w.len);
        assert_ok(packet_decode_refuse(&got, out, w.len));
    } else {
        unit_put_refuse(&w, &r);
        vec_assert(v, "out.unit", out, w.len);
        assert_ok(unit_decode_refuse(&got, out, w.len));
    }
    assert_int_equal(got.code, r.code);
    assert_int_equal(got.version, r.version);
    vec_free(random);
    vec_free(id);
}

static void check_retry(const json_t *v)
{
    uint8_t out[512];
    struct wr w = wr_init(out, sizeof out);
    struct vec_bytes random = vec_bytes(v, "in.client_random"), id = vec_bytes(v, "in.destination");
    struct vec_bytes token = vec_bytes(v, "in.token");
    struct retry r = {version_of(v), {id.p, id.n}, random.p, {token.p, token.n}}, got;
    packet_put_retry(&w, &r);
    vec_assert(v, "out.datagram", out, w.len);
    assert_ok(packet_decode_retry(&got, out, w.len));
    vec_free(random);
    vec_free(id);
    vec_free(token);
}

static void check_reset(const json_t *v)
{
    struct vec_bytes token = vec_bytes(v, "in.reset_token"), d = vec_bytes(v, "out.datagram");
    assert_true(packet_is_reset(d.p, d.n, token.p));
    assert_int_equal(packet_type(d.p, d.n), CSEP_PKT_SHORT);
    vec_free(token);
    vec_free(d);
}

static void test_packets_udp(void **state)
{
    (void)state;
    json_t *root, *v, *vectors = vectors_open("packets_udp", &root);
    size_t i;
    json_array_foreach(vectors, i, v)
    {
        if (is(v, "packet", "refuse"))
            check_refuse(v, true);
        else if (is(v, "packet", "retry"))
            check_retry(v);
        else if (is(v, "packet", "reset"))
            check_reset(v);
        else
            check_protected(v);
    }
    vectors_close(root);
}

/* ---- Section 8.1 ---- */

static size_t header_len_of(const json_t *v, const struct vec_bytes *unit)
{
    size_t header_len = 0;
    if (is(v, "packet", "open")) {
        struct open_header o;
        assert_ok(unit_decode_open(&o, &header_len, unit->p, unit->n));
    } else if (is(v, "packet", "accept")) {
        struct accept_header a;
        assert_ok(unit_decode_accept(&a, &header_len, unit->p, unit->n));
    }
    if (header_len)
        vec_assert(v, "in.header", unit->p + UNIT_LENGTH, header_len);
    return header_len;
}

static size_t encode_header(const json_t *v, struct wr *w, const struct vec_bytes *unit)
{
    size_t header_len;
    if (is(v, "packet", "open")) {
        struct open_header o;
        assert_ok(unit_decode_open(&o, &header_len, unit->p, unit->n));
        return unit_put_open(w, &o);
    }
    if (is(v, "packet", "accept")) {
        struct accept_header a;
        assert_ok(unit_decode_accept(&a, &header_len, unit->p, unit->n));
        return unit_put_accept(w, &a);
    }
    return unit_put_record(w);
}

static void check_unit(const json_t *v)
{
    static uint8_t out[20000];
    uint16_t aead = (uint16_t)vec_number(v, "aead");
    struct vec_bytes unit = vec_bytes(v, "out.unit"), payload = vec_bytes(v, "in.payload");
    struct traffic_secret secret;
    struct aead a;
    struct view got;
    uint64_t number = (uint64_t)vec_number(v, "in.number");
    if (aead_supported(aead)) {
        secret_at(v, "in.secret", &secret.s);
        schedule_aead(&a, &secret, aead);
        struct wr w = wr_init(out, sizeof out);
        size_t header_len = encode_header(v, &w, &unit);
        wr_bytes(&w, payload.p, payload.n);
        unit_seal(&w, 0, header_len, number, &a);
        assert_true(wr_ok(&w));
        vec_assert(v, "out.unit", out, w.len);

        assert_int_equal(header_len_of(v, &unit), header_len);
        assert_int_equal(unit_len(unit.p, unit.n), unit.n);
        assert_true(unit_open(&got, unit.p, unit.n, header_len, number, &a));
        vec_assert(v, "in.payload", got.p, got.n);
    }
    vec_free(unit);
    vec_free(payload);
}

static void test_packets_tcp(void **state)
{
    (void)state;
    json_t *root, *v, *vectors = vectors_open("packets_tcp", &root);
    size_t i;
    json_array_foreach(vectors, i, v)
    {
        if (is(v, "packet", "refuse"))
            check_refuse(v, false);
        else
            check_unit(v);
    }
    vectors_close(root);
}

/* ---- Section 7 ---- */

static struct frame_where where_of(const json_t *v)
{
    struct frame_where w = {.service = (enum csep_service)vec_number(v, "where.service")};
    w.transport = is(v, "where.transport", "udp") ? CSEP_TRANSPORT_UDP : CSEP_TRANSPORT_TCP;
    w.sender = is(v, "where.sender", "opener") ? SENT_BY_OPENER : SENT_BY_ACCEPTOR;
    w.place = is(v, "where.packet", "open")     ? PLACE_OPEN
              : is(v, "where.packet", "early")  ? PLACE_EARLY
              : is(v, "where.packet", "accept") ? PLACE_ACCEPT
                                                : PLACE_DATA;
    return w;
}

static const char *error_name(csep_status st)
{
    const char *name = csep_status_name(st);
    return strncmp(name, "ERR_", 4) == 0 ? name + 4 : name;
}

static void check_ack(const json_t *want, const struct frame_ack *ack)
{
    struct ack_ranges it;
    struct ack_range r;
    const json_t *list = json_object_get(want, "ranges");
    size_t i = 0;
    assert_int_equal(ack->largest, vec_number(want, "largest"));
    assert_int_equal(ack->delay_us, vec_number(want, "delay"));
    frame_ack_ranges(&it, ack);
    for (; frame_ack_next(&it, &r); i++) {
        const json_t *pair = json_array_get(list, i);
        assert_int_equal(r.high, json_integer_value(json_array_get(pair, 0)));
        assert_int_equal(r.low, json_integer_value(json_array_get(pair, 1)));
    }
    assert_int_equal(i, json_array_size(list));
}

static void check_tickets(const json_t *want, struct view tickets)
{
    struct rd r = rd_init(tickets.p, tickets.n);
    const json_t *text, *list = json_object_get(want, "tickets");
    size_t i;
    json_array_foreach(list, i, text)
    {
        uint8_t ticket[256];
        size_t n = test_unhex(ticket, sizeof ticket, json_string_value(text));
        struct rd got = rd_vec8(&r);
        assert_int_equal(got.n, n);
        assert_memory_equal(got.p, ticket, n);
    }
    assert_true(rd_done(&r));
}

static void check_fields(const json_t *want, const struct frame *f)
{
    switch (f->type) {
    case CSEP_FRAME_ACK:
    case CSEP_FRAME_ACK_EARLY:
        check_ack(want, &f->u.ack);
        break;
    case CSEP_FRAME_DATAGRAM:
    case CSEP_FRAME_STREAM:
        vec_assert(want, "data", f->u.data.p, f->u.data.n);
        break;
    case CSEP_FRAME_MESSAGE:
        assert_int_equal(f->u.message.flags, vec_number(want, "flags"));
        assert_int_equal(f->u.message.channel, vec_number(want, "channel"));
        assert_int_equal(f->u.message.sequence, vec_number(want, "sequence"));
        assert_int_equal(f->u.message.offset, vec_number(want, "offset"));
        vec_assert(want, "data", f->u.message.data.p, f->u.message.data.n);
        break;
    case CSEP_FRAME_SKIP:
        assert_int_equal(f->u.skip.sequence, vec_number(want, "sequence"));
        assert_int_equal(f->u.skip.size, vec_number(want, "size"));
        break;
    case CSEP_FRAME_MAX_DATA:
    case CSEP_FRAME_BLOCKED:
        assert_int_equal(f->u.bytes, vec_number(want, "bytes"));
        break;
    case CSEP_FRAME_TICKETS:
        check_tickets(want, f->u.tickets);
        break;
    case CSEP_FRAME_HINT:
        assert_int_equal(f->u.hint.code, vec_number(want, "code"));
        assert_int_equal(f->u.hint.seconds, vec_number(want, "seconds"));
        break;
    case CSEP_FRAME_NEW_CID:
        assert_int_equal(f->u.new_cid.sequence, vec_number(want, "sequence"));
        assert_int_equal(f->u.new_cid.retire, vec_number(want, "retire"));
        vec_assert(want, "id", f->u.new_cid.id.p, f->u.new_cid.id.n);
        vec_assert(want, "token", f->u.new_cid.reset_token, CSEP_RESET_TOKEN_LEN);
        break;
    case CSEP_FRAME_RETIRE_CID:
        assert_int_equal(f->u.sequence, vec_number(want, "sequence"));
        break;
    case CSEP_FRAME_PATH_CHALLENGE:
    case CSEP_FRAME_PATH_RESPONSE:
        vec_assert(want, "path", f->u.path, 8);
        break;
    case CSEP_FRAME_CLOSE:
        assert_int_equal(f->u.close.code, vec_number(want, "code"));
        vec_assert(want, "text", f->u.close.text.p, f->u.close.text.n);
        break;
    default:
        break;
    }
}

static void test_frames(void **state)
{
    (void)state;
    json_t *root, *v, *vectors = vectors_open("frames", &root);
    size_t i;
    json_array_foreach(vectors, i, v)
    {
        struct vec_bytes payload = vec_bytes(v, "payload");
        struct frame_where w = where_of(v);
        struct frames it;
        struct frame f;
        csep_status st = frames_check(view_of(payload.p, payload.n), &w);
        const char *want = vec_at(v, "error") ? vec_text(v, "error") : "OK";
        if (strcmp(error_name(st), want) != 0)
            fail_msg("%s: %s, not %s", vec_text(v, "name"), error_name(st), want);
        frames_init(&it, view_of(payload.p, payload.n), &w);
        if (st == CSEP_OK && frames_next(&it, &f) == CSEP_OK) {
            assert_string_equal(frame_name(f.type), vec_text(v, "frame.frame"));
            check_fields(vec_at(v, "frame"), &f);
        }
        vec_free(payload);
    }
    vectors_close(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_schedule), cmocka_unit_test(test_header_protection),
        cmocka_unit_test(test_packets_udp),  cmocka_unit_test(test_packets_tcp),
        cmocka_unit_test(test_frames),
    };
    return csep_init() == CSEP_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
