/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `make ct`: data connections neither branch nor index on what is secret. The slot is hidden from the
 * start, so that all keys are; what is public by design (packets, what was opened) is declared so.
 */
#include "raw_stream.h"

#include "crypto/wipe.h"
#include "csep/export.h"

static void check(bool ok)
{
    if (!ok)
        abort();
}

/* Key schedule, packets with header protection, both ways. //= SEC-3 type=test */
static void packets(uint16_t aead)
{
    uint8_t slot[32], p[256];
    struct hash headers = hash_of("headers", 7);
    struct open_secrets open;
    struct main_secrets main;
    struct traffic_keys k;
    struct packet_span span;
    struct view dcid, payload;
    if (!aead_supported(aead))
        return;
    memset(slot, 1, sizeof slot);
    CSEP_CT_SECRET(slot, sizeof slot);
    schedule_open(&open, slot, headers.b, &headers);
    schedule_main(&main, &open.derived, NULL, &headers);
    for (unsigned i = 0; i < 3; i++) {
        struct wr w = wr_init(p, sizeof p);
        schedule_keys(&k, i ? &main.c_data : &open.early_c, aead);
        packet_put_short(&w, &span, view_of("12345678", 8), i & 1, 1 + i);
        wr_bytes(&w, "some bytes", 10);
        packet_seal(&w, &span, 1000, &k);
        check(wr_ok(&w) && packet_decode_short(&dcid, &span, p, w.len, 8) == CSEP_OK);
        struct packet_number n = packet_unmask(p, &span, k.hp);
        uint64_t number = packet_number_recover(1000, n.truncated, n.len);
        check(packet_open(&payload, p, &span, n.len, number, &k.aead));
        schedule_next(&main.c_data, &main.c_data);
    }
}

/* A connection over TCP from OPEN to CLOSE, with the upgrade, key updates, an export and a forged record. */
static void stream(enum csep_upgrade upgrade, uint16_t aead)
{
    struct stream_pair p;
    uint8_t exported[32];
    if (!aead_supported(aead))
        return;
    stream_pair_init(&p);
    p.slot.upgrade = p.slots.slot[0].upgrade = (uint8_t)upgrade;
    p.o.cfg.aead = aead;
    p.o.cfg.keylog.line = p.a.cfg.keylog.line = NULL;
    CSEP_CT_SECRET(p.slot.secret, sizeof p.slot.secret);
    CSEP_CT_SECRET(p.slots.slot[0].secret, sizeof p.slots.slot[0].secret);
    stream_pair_start(&p, CSEP_SERVICE_STREAM);
    stream_end_write(&p, &p.o, "early", 5);
    stream_pair_run(&p);
    stream_end_write(&p, &p.a, "answer", 6);
    check(csep_stream_key_update(p.o.s, p.now) == CSEP_OK);
    stream_pair_run(&p);
    check(p.a.got_len == 5 && p.o.got_len == 6);
    check(csep_stream_export(p.o.s, "x", NULL, 0, exported, sizeof exported) == CSEP_OK);
    stream_end_write(&p, &p.o, "forged", 6);
    stream_end_output(&p, &p.o);
    p.o.out.bytes[p.o.out.len - 1] ^= 1;
    stream_pair_run(&p);
    check(p.a.closed.status == CSEP_ERR_PROTECTION);
    stream_pair_done(&p);
}

static void engine(enum csep_engine_format format, uint16_t aead)
{
    struct csep_keys k;
    uint8_t secret[32], buf[8][128];
    struct csep_unit units[8];
    struct csep_engine *e = malloc(csep_engine_size());
    if (aead_supported(aead)) {
        memset(secret, 3, sizeof secret);
        CSEP_CT_SECRET(secret, sizeof secret);
        check(csep_keys_derive(&k, secret, aead) == CSEP_OK);
        check(csep_engine_init(e, format, &k, NULL, 0) == CSEP_OK);
        for (unsigned i = 0; i < 8; i++) {
            memset(buf[i], 7, sizeof buf[i]);
            units[i] = (struct csep_unit){.bytes = buf[i], .len = 50};
        }
        check(csep_engine_seal_batch(e, units, 8) == 8);
        csep_engine_wipe(e);
        check(csep_engine_init(e, format, &k, NULL, 0) == CSEP_OK);
        check(csep_engine_open_batch(e, units, 8) == 8);
        csep_engine_wipe(e);
    }
    free(e);
}

int main(void)
{
    check(csep_init() == CSEP_OK);
    static const uint16_t aeads[] = {CSEP_AEAD_CHACHA20_POLY1305, CSEP_AEAD_AES_256_GCM};
    for (unsigned i = 0; i < 2; i++) {
        packets(aeads[i]);
        stream(i ? CSEP_UPGRADE_OFF : CSEP_UPGRADE_OFFERED, aeads[i]);
        engine(CSEP_ENGINE_RECORD, aeads[i]);
        engine(CSEP_ENGINE_PACKET, aeads[i]);
    }
    return 0;
}
