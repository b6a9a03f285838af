/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * New warm data connections, both ends in one thread: OPEN with a request, ACCEPT with its
 * reply, the packet that confirms. The floor is the hash, AEAD and X25519 calls that the
 * specification's key schedule cannot do without, on buffers of the same sizes.
 */
#define OPENSSL_SUPPRESS_DEPRECATED  /* the bare hash functions, without the cost of looking them up by name \
                                      */
#include "bench.h"

#include <openssl/sha.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hosts.h"

#define REQUEST_LEN 100

static const struct csep_addr client = {4, {127, 0, 0, 1}, 40000}, server = {4, {127, 0, 0, 1}, 443};
static struct csep_acceptor *acceptor;
static struct csep_data *opener;
static struct csep_data_config client_cfg;
static const struct csep_message_options reliable = {0, true, false, CSEP_NEVER, 0};
static uint8_t request[REQUEST_LEN];

struct kind {
    uint16_t aead;
    bool share;
};

/* Give what the connection has to send to the other side. */
static void drain(struct csep_data *from, bool to_acceptor, struct csep_data **conn)
{
    uint8_t wire[1500];
    struct csep_addr to;
    size_t n;
    bool is_new;
    while ((n = csep_data_output(from, wire, sizeof wire, &to, 2)) > 0) {
        if (to_acceptor)
            csep_acceptor_input(acceptor, wire, n, &client, 2, conn, &is_new);
        else
            csep_data_input(opener, wire, n, &server, 2);
    }
}

static bool once(const struct kind *k)
{
    struct csep_slot slot;
    struct csep_data *accepted = NULL;
    struct csep_data_event ev;
    uint64_t id;
    bool asked = false, answered = false;

    bench_slot(&slot, k->aead, k->share ? CSEP_UPGRADE_OFFERED : CSEP_UPGRADE_OFF);
    if (csep_data_open(opener, &client_cfg, &slot, CSEP_SERVICE_MESSAGE, &server, 1) != CSEP_OK ||
        csep_data_send_message(opener, &reliable, request, sizeof request, 1, &id) != CSEP_OK)
        return false;
    drain(opener, true, &accepted);
    if (!accepted)
        return false;
    while (csep_data_event(accepted, &ev))
        asked |= ev.type == CSEP_DATA_EV_MESSAGE;
    if (asked && csep_data_send_message(accepted, &reliable, request, sizeof request, 2, &id) != CSEP_OK)
        return false;
    drain(accepted, false, NULL);
    while (csep_data_event(opener, &ev))
        answered |= ev.type == CSEP_DATA_EV_MESSAGE;
    drain(opener, true, &accepted);
    while (csep_data_event(accepted, &ev))
        ;
    csep_acceptor_release(acceptor, accepted);
    csep_data_wipe(opener);
    return asked && answered;
}

static bool connections(void *self, unsigned n)
{
    while (n--)
        if (!once(self))
            return false;
    return true;
}

/* ---- The floor ---- */

/* HMAC on libcrypto's SHA-256, which uses the processor's instructions: the fastest hash at hand, so that the
 * floor is as low as it can be. */
struct hmac {
    SHA256_CTX inner, outer;
};

static void hmac_key(struct hmac *h)
{
    static const uint8_t pad[64];
    SHA256_Init(&h->inner);
    SHA256_Update(&h->inner, pad, sizeof pad);
    SHA256_Init(&h->outer);
    SHA256_Update(&h->outer, pad, sizeof pad);
}

static void label(const struct hmac *key, unsigned context)
{
    static const uint8_t info[80];
    uint8_t out[32];
    struct hmac h = *key;
    SHA256_Update(&h.inner, info, 2 + 1 + 6 + 7 + 1 + context + 1);
    SHA256_Final(out, &h.inner);
    SHA256_Update(&h.outer, out, sizeof out);
    SHA256_Final(out, &h.outer);
}

static void labels(unsigned n, unsigned context)
{
    struct hmac key;
    hmac_key(&key);
    while (n--)
        label(&key, context);
}

/* One end: ticket hash, slot, open, early_c with key, iv and hp, header hashes, derived, main, three
 * secrets, and key, iv and hp of two of them. */
static void schedule(bool opener_side)
{
    static const uint8_t header[200];
    uint8_t digest[32];
    SHA256(header, 44, digest);
    if (opener_side)
        labels(1, 32); /* slot: the store's part on that side, the ticket key's on the other */
    labels(1, 0);      /* open = extract */
    SHA256(header, 150, digest);
    labels(2, 32); /* early_c, derived */
    labels(3, 0);  /* early key, iv, hp */
    labels(1, 0);  /* main = extract */
    SHA256(header, 93, digest);
    labels(3, 32); /* c_data, s_data, exporter */
    labels(3, 0);
    labels(3, 0);
}

static void x25519_pair(void)
{
    uint8_t priv[32], pub[32], shared[32];
    bench_random(NULL, priv, sizeof priv);
    crypto_scalarmult_base(pub, priv);
    if (crypto_scalarmult(shared, priv, pub) != 0)
        abort();
}

static void seal_and_open(const struct kind *k, size_t n)
{
    static const uint8_t key[32], nonce[12];
    static uint8_t buf[1500];
    if (k->aead == CSEP_AEAD_AES_256_GCM) {
        crypto_aead_aes256gcm_encrypt(buf, NULL, buf, n, NULL, 0, NULL, nonce, key);
        if (crypto_aead_aes256gcm_decrypt(buf, NULL, NULL, buf, n + 16, NULL, 0, nonce, key) != 0)
            abort();
    } else {
        crypto_aead_chacha20poly1305_ietf_encrypt(buf, NULL, buf, n, NULL, 0, NULL, nonce, key);
        if (crypto_aead_chacha20poly1305_ietf_decrypt(buf, NULL, NULL, buf, n + 16, NULL, 0, nonce, key) != 0)
            abort();
    }
}

static bool floor_calls(void *self, unsigned n)
{
    const struct kind *k = self;
    while (n--) {
        schedule(true);
        schedule(false);
        if (k->share) {
            x25519_pair();
            x25519_pair();
        }
        seal_and_open(k, REQUEST_LEN + 30);
        seal_and_open(k, REQUEST_LEN + 60);
        seal_and_open(k, 20);
    }
    return true;
}

bool bench_connections(double seconds)
{
    struct csep_acceptor_config cfg = csep_acceptor_config_default();
    cfg.slots = bench_slots();
    cfg.data.random = bench_rnd;
    cfg.open_per_second = cfg.open_per_second_prefix = UINT32_MAX; /* its clock stands still */
    cfg.data.alloc = bench_heap;
    client_cfg = csep_data_config_default();
    client_cfg.random = bench_rnd;
    client_cfg.alloc = bench_heap;
    acceptor = malloc(csep_acceptor_size());
    opener = malloc(csep_data_size());
    bool ok = acceptor && opener && csep_acceptor_init(acceptor, &cfg, 0) == CSEP_OK;

    static struct kind kinds[] = {{CSEP_AEAD_CHACHA20_POLY1305, false}, {CSEP_AEAD_CHACHA20_POLY1305, true}};
    for (unsigned i = 0; ok && i < 2; i++) {
        struct contender c[] = {
            {"csep", connections, &kinds[i], kinds[i].share ? 200 : 500, 0},
            {"hash, AEAD and X25519 calls alone", floor_calls, &kinds[i], kinds[i].share ? 200 : 500, 0},
        };
        ok = contest(c, 2, seconds / 2);
        if (ok)
            report(kinds[i].share ? "new warm connections with X25519 upgrade" : "new warm connections",
                   c[0].rate, "1/s", c[1].name, c[1].rate, 0.7);
    }
    if (!ok)
        fprintf(stderr, "csep-bench: connections did not work\n");
    csep_acceptor_wipe(acceptor);
    free(acceptor);
    free(opener);
    return ok;
}
