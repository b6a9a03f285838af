/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls_peer_int.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* --- keys and certificates, made once --- */

static const uint8_t seeds[2][32] = {{0xc1, 1}, {0x5e, 2}};
static EVP_PKEY *keys[2];
static X509 *certificates[2];
static uint8_t der[2][1024];
static size_t der_len[2];

static void make(bool server)
{
    if (keys[server])
        return;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seeds[server], 32);
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1 + server);
    X509_gmtime_adj(X509_getm_notBefore(x), -86400);
    X509_gmtime_adj(X509_getm_notAfter(x), 10 * 365 * 86400L);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)(server ? "server.example" : "client.example"), -1, -1,
                               0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, key);
    assert_true(X509_sign(x, key, NULL) > 0);
    unsigned char *p = der[server];
    der_len[server] = (size_t)i2d_X509(x, &p);
    keys[server] = key;
    certificates[server] = x;
}

void *end_openssl_key(bool server)
{
    make(server);
    return keys[server];
}

void *end_openssl_certificate(bool server)
{
    make(server);
    return certificates[server];
}

const uint8_t *end_certificate(bool server, size_t *out_len)
{
    make(server);
    *out_len = der_len[server];
    return der[server];
}

const uint8_t *end_seed(bool server)
{
    return seeds[server];
}

void end_spki(bool server, uint8_t out[32])
{
    uint8_t pub[32], spki[44];
    struct csep_identity id;
    csep_tls_public_key(seeds[server], pub);
    csep_tls_spki(pub, spki, &id);
    memcpy(out, id.spki_sha256, 32);
}

static uint64_t seed = 1;

uint64_t end_next_seed(void)
{
    return seed++ * 0x1000001u;
}

void end_restart_seeds(void)
{
    seed = 1;
}

/* --- dispatch --- */

struct end *end_new(enum end_kind kind, struct end_options o)
{
    assert_int_equal(csep_init(), CSEP_OK);
    switch (kind) {
    case END_OPENSSL:
        return end_new_openssl(o);
    case END_GNUTLS:
        return end_new_gnutls(o);
    default:
        return end_new_ours(o);
    }
}

void end_free(struct end *e)
{
    e->ops->destroy(e);
    free(e);
}

void end_log(struct end *e, const char *line)
{
    e->log_len += (size_t)snprintf(e->log + e->log_len, sizeof e->log - e->log_len, "%s\n", line);
}

const char *end_keylog(struct end *e)
{
    return e->log;
}

bool end_feed(struct end *e, const uint8_t *in, size_t n)
{
    return e->ops->feed(e, in, n);
}

size_t end_take(struct end *e, uint8_t *out, size_t cap)
{
    return e->ops->take(e, out, cap);
}

static bool carry(struct end *from, struct end *to, size_t chunk)
{
    uint8_t buf[65536];
    bool moved = false;
    for (size_t n; (n = end_take(from, buf, chunk ? chunk : sizeof buf)) > 0; moved = true)
        end_feed(to, buf, n);
    return moved;
}

void end_pump(struct end *a, struct end *b, size_t chunk)
{
    for (bool moved = true; moved;) {
        moved = carry(a, b, chunk);
        moved = carry(b, a, chunk) || moved;
    }
}

bool end_established(struct end *e)
{
    return e->ops->established(e);
}

bool end_resumed(struct end *e)
{
    return e->ops->resumed(e);
}

bool end_peer_closed(struct end *e)
{
    return e->ops->peer_closed(e);
}

void end_write(struct end *e, const void *p, size_t n)
{
    e->ops->write(e, p, n);
}

size_t end_read(struct end *e, void *out, size_t cap)
{
    return e->ops->read(e, out, cap);
}

void end_close(struct end *e)
{
    e->ops->close(e);
}

void end_key_update(struct end *e, bool request)
{
    e->ops->key_update(e, request);
}

void end_export(struct end *e, const char *label, const uint8_t *context, size_t n, uint8_t out[32])
{
    e->ops->export(e, label, context, n, out);
}

int end_alert(struct end *e)
{
    return e->ops->alert(e);
}

const char *end_trouble(struct end *e)
{
    return e->ops->trouble(e);
}
