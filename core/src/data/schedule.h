/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key schedule of a data connection (spec section 5.4).
 *
 *     slot, client_random --> open --> early_c
 *                               \--> derived --(dhe)--> main --> c_data, s_data, exporter
 *     c_data | s_data --> next --> next ...
 *
 * `open` and `main` never leave the function that derives them; what a connection keeps
 * are the traffic secrets, the salt in between and the exporter. The caller wipes them (KEY-17, KEY-18).
 */
#ifndef CSEP_DATA_SCHEDULE_H
#define CSEP_DATA_SCHEDULE_H

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/keys.h"

/* Secret of one direction and epoch: early_c, c_data, s_data and their updates. */
struct traffic_secret {
    struct secret s;
};

/* Expand-Label(open, "derived"): the salt that waits for the shared secret of the upgrade. */
struct derived_salt {
    struct secret s;
};

struct exporter_secret {
    struct secret s;
};

struct open_secrets {
    struct traffic_secret early_c;
    struct derived_salt derived;
};

struct main_secrets {
    struct traffic_secret c_data, s_data;
    struct exporter_secret exporter;
};

/* What protects packets of one traffic secret. hp stays the same over key updates and is unused over TCP. */
struct traffic_keys {
    struct aead aead;
    uint8_t hp[HP_KEY_LEN];
};

/* From the slot to what the first flight needs. open_header: hash of the OPEN header. */
void schedule_open(struct open_secrets *out, const uint8_t slot[HASH_LEN], const uint8_t client_random[32],
                   const struct hash *open_header);
/* shared: X25519 output, or NULL where the upgrade did not run. headers: hash of OPEN header || ACCEPT
 * header. */
void schedule_main(struct main_secrets *out, const struct derived_salt *derived,
                   const struct x25519_shared *shared, const struct hash *headers);
/* The secret after an update; out may be secret itself. */
void schedule_next(struct traffic_secret *out, const struct traffic_secret *secret);

/* Keys for UDP, with the header protection key. aead must be supported. */
void schedule_keys(struct traffic_keys *out, const struct traffic_secret *secret, uint16_t aead);
/* Key and iv alone: for TCP, and for the generations after a key update, which leave hp as it is. */
void schedule_aead(struct aead *out, const struct traffic_secret *secret, uint16_t aead);

#define EXPORT_LABEL_MAX 200
/* Export(label, context, out_len). label: at most 200 bytes. out_len: at most 255 * 32. */
void schedule_export(uint8_t *out, size_t out_len, const struct exporter_secret *exporter, const char *label,
                     const uint8_t *context, size_t context_len);

/* Packets under one key: a key update is due at `update`, nothing is sealed from `stop` on (spec 5.2). */
struct key_limits {
    uint64_t update, stop;
};
struct key_limits schedule_limits(uint16_t aead);

#endif
