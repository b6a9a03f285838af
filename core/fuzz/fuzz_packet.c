/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets and units. What decodes is encoded again and gives the same header, byte for byte; packet
 * numbers that are truncated are recovered; nothing authenticates under a key that nobody used.
 */
#include <stdlib.h>
#include <string.h>

#include "csep/host.h"
#include "data/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void check_same(const struct wr *w, const uint8_t *data, size_t n)
{
    check(wr_ok(w) && w->len >= n && memcmp(w->p, data, n) == 0);
}

static void try_open(uint8_t *p, const struct packet_span *span)
{
    static const struct traffic_secret secret = {{{1}}};
    struct traffic_keys k;
    struct view payload;
    schedule_keys(&k, &secret, CSEP_AEAD_CHACHA20_POLY1305);
    struct packet_number number = packet_unmask(p, span, k.hp);
    check(!packet_open(&payload, p, span, number.len, number.truncated, &k.aead));
}

static void fuzz_udp(uint8_t *data, size_t n)
{
    static uint8_t out[70000];
    struct wr w = wr_init(out, sizeof out);
    struct packet_span span, again;
    struct open_header o;
    struct accept_header a;
    struct refuse r;
    struct retry t;
    struct view dcid;
    switch (packet_type(data, n)) {
    case CSEP_PKT_OPEN:
        if (packet_decode_open(&o, &span, data, n) == CSEP_OK) {
            packet_put_open(&w, &again, &o);
            check_same(&w, data, span.number - 2);
            check(span.header_len == again.header_len && span.number == again.number && span.end <= n);
            try_open(data, &span);
        }
        break;
    case CSEP_PKT_ACCEPT:
        if (packet_decode_accept(&a, &span, data, n) == CSEP_OK) {
            packet_put_accept(&w, &again, &a);
            check_same(&w, data, span.number - 2);
            check(span.header_len == again.header_len && span.end <= n);
            try_open(data, &span);
        }
        break;
    case CSEP_PKT_REFUSE:
        if (packet_decode_refuse(&r, data, n) == CSEP_OK) {
            packet_put_refuse(&w, &r);
            check_same(&w, data, n);
        }
        break;
    case CSEP_PKT_RETRY:
        if (packet_decode_retry(&t, data, n) == CSEP_OK) {
            packet_put_retry(&w, &t);
            check_same(&w, data, n);
        }
        break;
    case CSEP_PKT_SHORT:
        if (packet_decode_short(&dcid, &span, data, n, n % 21) == CSEP_OK)
            try_open(data, &span);
        break;
    default:
        break;
    }
}

static void fuzz_tcp(const uint8_t *data, size_t n)
{
    static uint8_t out[70000];
    struct wr w = wr_init(out, sizeof out);
    struct open_header o;
    struct accept_header a;
    struct refuse r;
    size_t header_len;
    check(n < 2 || unit_len(data, n) >= 2);
    if (unit_decode_open(&o, &header_len, data, n) == CSEP_OK) {
        check(unit_put_open(&w, &o) == header_len);
        check(memcmp(out + UNIT_LENGTH, data + UNIT_LENGTH, header_len) == 0);
    } else if (unit_decode_accept(&a, &header_len, data, n) == CSEP_OK) {
        check(unit_put_accept(&w, &a) == header_len);
        check(memcmp(out + UNIT_LENGTH, data + UNIT_LENGTH, header_len) == 0);
    } else if (unit_decode_refuse(&r, data, n) == CSEP_OK) {
        unit_put_refuse(&w, &r);
        check_same(&w, data, n);
    }
}

/* The sender's choice of length is enough for a receiver that has all that was acknowledged. */
static void fuzz_number(const uint8_t *data, size_t n)
{
    struct rd r = rd_init(data, n);
    uint64_t acked = rd_varint(&r), number = acked + rd_u24(&r) / 2, between = rd_u24(&r);
    if (r.bad || number > VARINT_MAX)
        return;
    unsigned len = packet_number_len(number, acked);
    uint64_t expected = acked + (number > acked ? between % (number - acked + 1) : 0);
    uint32_t cut = (uint32_t)(number & ((UINT64_C(1) << (8 * len)) - 1));
    check(packet_number_recover(expected, cut, len) == number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (csep_init() != CSEP_OK || n < 2)
        return 0;
    uint8_t *copy = malloc(n - 1); /* it is opened in place */
    check(copy != NULL);
    memcpy(copy, data + 1, n - 1);
    switch (data[0] % 3) {
    case 0:
        fuzz_udp(copy, n - 1);
        break;
    case 1:
        fuzz_tcp(copy, n - 1);
        break;
    default:
        fuzz_number(copy, n - 1);
    }
    free(copy);
    return 0;
}
