/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sealing and opening packets of 1200 bytes in batches of 32, against libsodium's AEAD on the same
 * bytes with the same additional data: what packet numbers, header protection and counting cost.
 */
#include "bench.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csep/export.h"
#include "hosts.h"

#define BATCH  32
#define PACKET 1200
#define CID    8

struct lot {
    uint16_t aead;
    uint8_t packets[BATCH][PACKET];
    size_t payload, head;
    struct csep_engine *sealer, *opener;
    crypto_aead_aes256gcm_state gcm;
    uint8_t key[32], nonce[12];
};

static bool by_engine(void *self, unsigned n)
{
    struct lot *l = self;
    struct csep_unit units[BATCH];
    while (n--) {
        for (unsigned i = 0; i < BATCH; i++)
            units[i] = (struct csep_unit){.bytes = l->packets[i], .len = l->payload};
        if (csep_engine_seal_batch(l->sealer, units, BATCH) != BATCH)
            return false;
        if (csep_engine_open_batch(l->opener, units, BATCH) != BATCH)
            return false;
    }
    return true;
}

static bool bare_chacha(struct lot *l)
{
    for (unsigned i = 0; i < BATCH; i++)
        crypto_aead_chacha20poly1305_ietf_encrypt(l->packets[i] + l->head, NULL, l->packets[i] + l->head,
                                                  l->payload, l->packets[i], l->head, NULL, l->nonce, l->key);
    for (unsigned i = 0; i < BATCH; i++)
        if (crypto_aead_chacha20poly1305_ietf_decrypt(l->packets[i] + l->head, NULL, NULL,
                                                      l->packets[i] + l->head, l->payload + 16, l->packets[i],
                                                      l->head, l->nonce, l->key))
            return false;
    return true;
}

static bool bare_gcm(struct lot *l)
{
    for (unsigned i = 0; i < BATCH; i++)
        crypto_aead_aes256gcm_encrypt_afternm(l->packets[i] + l->head, NULL, l->packets[i] + l->head,
                                              l->payload, l->packets[i], l->head, NULL, l->nonce, &l->gcm);
    for (unsigned i = 0; i < BATCH; i++)
        if (crypto_aead_aes256gcm_decrypt_afternm(l->packets[i] + l->head, NULL, NULL,
                                                  l->packets[i] + l->head, l->payload + 16, l->packets[i],
                                                  l->head, l->nonce, &l->gcm))
            return false;
    return true;
}

static bool by_libsodium(void *self, unsigned n)
{
    struct lot *l = self;
    while (n--)
        if (!(l->aead == CSEP_AEAD_AES_256_GCM ? bare_gcm : bare_chacha)(l))
            return false;
    return true;
}

static bool lot_init(struct lot *l, uint16_t aead)
{
    static const uint8_t dcid[CID] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t secret[32];
    struct csep_keys keys;
    l->aead = aead;
    bench_random(NULL, secret, sizeof secret);
    bench_random(NULL, l->key, sizeof l->key);
    bench_random(NULL, l->packets[0], sizeof l->packets);
    l->sealer = malloc(csep_engine_size());
    l->opener = malloc(csep_engine_size());
    if (!l->sealer || !l->opener || csep_keys_derive(&keys, secret, aead) != CSEP_OK ||
        csep_engine_init(l->sealer, CSEP_ENGINE_PACKET, &keys, dcid, CID) != CSEP_OK ||
        csep_engine_init(l->opener, CSEP_ENGINE_PACKET, &keys, dcid, CID) != CSEP_OK)
        return false;
    l->head = csep_engine_head(l->sealer);
    l->payload = PACKET - l->head - csep_engine_tail(l->sealer);
    if (aead == CSEP_AEAD_AES_256_GCM)
        crypto_aead_aes256gcm_beforenm(&l->gcm, l->key);
    return true;
}

bool bench_packets(double seconds)
{
    static const struct {
        uint16_t aead;
        const char *name;
    } kinds[] = {{CSEP_AEAD_CHACHA20_POLY1305, "ChaCha20-Poly1305"}, {CSEP_AEAD_AES_256_GCM, "AES-256-GCM"}};
    static struct lot ours, bare; /* of their own, so that neither finds the other's bytes in a cache */
    bool ok = true;
    for (unsigned i = 0; ok && i < 2; i++) {
        if (kinds[i].aead == CSEP_AEAD_AES_256_GCM && !crypto_aead_aes256gcm_is_available()) {
            printf("%s: not available on this processor\n", kinds[i].name);
            continue;
        }
        ok = lot_init(&ours, kinds[i].aead) && lot_init(&bare, kinds[i].aead);
        struct contender c[] = {{"csep", by_engine, &ours, 100, 0},
                                {"libsodium", by_libsodium, &bare, 100, 0}};
        ok = ok && contest(c, 2, seconds / 2);
        char name[64];
        snprintf(name, sizeof name, "1200 B packets sealed and opened, %s", kinds[i].name);
        if (ok)
            report(name, c[0].rate * BATCH, "1/s", "libsodium's AEAD on the same bytes", c[1].rate * BATCH,
                   0.9);
        struct lot *lots[] = {&ours, &bare};
        for (unsigned k = 0; k < 2; k++) {
            csep_engine_wipe(lots[k]->sealer);
            csep_engine_wipe(lots[k]->opener);
            free(lots[k]->sealer);
            free(lots[k]->opener);
        }
    }
    if (!ok)
        fprintf(stderr, "csep-bench: packets did not work\n");
    return ok;
}
