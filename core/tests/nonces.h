/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watches every datagram that leaves an end, opens it with the keys of the key log, and fails the test when
 * a key meets the same packet number twice, or when something leaves that no key opens (KEY-5, SEC).
 */
#ifndef CSEP_TESTS_NONCES_H
#define CSEP_TESTS_NONCES_H

#include "base/ranges.h"
#include "csep/data.h"
#include "data/packet.h"
#include "support.h"

#define NONCE_CONNS       64
#define NONCE_GENERATIONS 40

struct nonce_key {
    bool known;
    struct traffic_secret secret;
    struct traffic_keys keys;
    struct ranges used;
    uint64_t next;
};

struct nonce_conn {
    uint8_t random[32];
    struct nonce_key early, up[NONCE_GENERATIONS], down[NONCE_GENERATIONS];
};

struct nonces {
    struct nonce_conn *conns[NONCE_CONNS];
    unsigned num;
    uint16_t aead;
    struct mem mem;
    uint64_t packets;
    unsigned generations; /* highest seen */
};

void nonces_init(struct nonces *x, uint16_t aead);
void nonces_wipe(struct nonces *x);
/* Hook for csep_data_config.keylog of all ends. */
struct csep_keylog nonces_keylog(struct nonces *x);
/* up: from opener to acceptor. Returns false for a datagram that is not protected (REFUSE, RETRY). */
bool nonces_see(struct nonces *x, bool up, const uint8_t *p, size_t n);

/* What nonces_see() found in the datagram it saw last: frames in the clear. */
struct nonce_seen {
    enum csep_packet_type type;
    uint64_t number;
    size_t len;
    uint8_t payload[2048];
    bool early;
    unsigned generation;
    struct nonce_conn *conn;
};
extern const struct nonce_seen *nonces_last(const struct nonces *x);

#endif
