/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kinds of ends share behind tls_peer.h. */
#ifndef CSEP_TESTS_TLS_PEER_INT_H
#define CSEP_TESTS_TLS_PEER_INT_H

#include <stdio.h>

#include "tls_peer.h"

struct end_ops {
    bool (*feed)(struct end *e, const uint8_t *in, size_t n);
    size_t (*take)(struct end *e, uint8_t *out, size_t cap);
    bool (*established)(struct end *e);
    bool (*resumed)(struct end *e);
    bool (*peer_closed)(struct end *e);
    void (*write)(struct end *e, const void *p, size_t n);
    size_t (*read)(struct end *e, void *out, size_t cap);
    void (*close)(struct end *e);
    void (*key_update)(struct end *e, bool request);
    void (*export)(struct end *e, const char *label, const uint8_t *context, size_t n, uint8_t out[32]);
    int (*alert)(struct end *e);
    const char *(*trouble)(struct end *e);
    void (*destroy)(struct end *e);
};

struct end {
    const struct end_ops *ops;
    struct end_options o;
    char log[4096];
    size_t log_len;
};

struct end *end_new_ours(struct end_options o);
struct end *end_new_openssl(struct end_options o);
struct end *end_new_gnutls(struct end_options o);
/* Append one line to the key log. */
void end_log(struct end *e, const char *line);
/* A new seed for each end, the same in every run. */
uint64_t end_next_seed(void);
/* EVP_PKEY and X509 of the server's or client's key. */
void *end_openssl_key(bool server);
void *end_openssl_certificate(bool server);

#endif
