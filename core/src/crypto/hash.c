/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/hash.h"

#include <assert.h>
#include <string.h>

#include "crypto/sha256.h"
#include "crypto/wipe.h"

const struct hash hash_of_empty = {{0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
                                    0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
                                    0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55}};

void hash_begin(struct hash_ctx *h)
{
    sha256_init(&h->st);
}

void hash_add(struct hash_ctx *h, const void *p, size_t n)
{
    if (n)
        sha256_update(&h->st, p, n);
}

struct hash hash_peek(const struct hash_ctx *h)
{
    struct hash out;
    crypto_hash_sha256_state st = h->st;
    sha256_final(&st, out.b);
    CSEP_WIPE(st);
    return out;
}

struct hash hash_of(const void *p, size_t n)
{
    struct hash_ctx h;
    hash_begin(&h);
    hash_add(&h, p, n);
    return hash_peek(&h);
}

void hmac_key_init(struct hmac_key *k, const void *key, size_t n)
{
    hmac256_init(&k->st, key, n);
}

void hmac(const struct hmac_key *k, uint8_t out[HASH_LEN], const void *p, size_t n)
{
    crypto_auth_hmacsha256_state st = k->st;
    hmac256_update(&st, p, n);
    hmac256_final(&st, out);
    CSEP_WIPE(st);
}

void hkdf_extract(struct secret *out, const void *salt, size_t salt_len, const void *ikm, size_t ikm_len)
{
    struct hmac_key k;
    hmac_key_init(&k, salt, salt_len);
    hmac(&k, out->b, ikm, ikm_len);
    CSEP_WIPE(k);
}

void hkdf_expand_label(enum hkdf_prefix prefix, uint8_t *out, size_t out_len, const struct secret *secret,
                       const char *label, const void *context, size_t context_len)
{
    struct hmac_key k;
    hmac_key_init(&k, secret->b, sizeof secret->b);
    hkdf_expand_label_from(prefix, out, out_len, &k, label, context, context_len);
    CSEP_WIPE(k);
}

void hkdf_expand_label_from(enum hkdf_prefix prefix, uint8_t *out, size_t out_len, const struct hmac_key *key,
                            const char *label, const void *context, size_t context_len)
{
    static const char prefixes[2][7] = {"tls13 ", "csep1 "};
    size_t label_len = strlen(label);
    uint8_t info[2 + 1 + 255 + 1 + 255 + 1];
    size_t n = 0;

    assert(label_len <= 249 && context_len <= 255 && out_len <= 255u * HASH_LEN);
    info[n++] = (uint8_t)(out_len >> 8);
    info[n++] = (uint8_t)out_len;
    info[n++] = (uint8_t)(6 + label_len);
    memcpy(info + n, prefixes[prefix], 6);
    memcpy(info + n + 6, label, label_len);
    n += 6 + label_len;
    info[n++] = (uint8_t)context_len;
    if (context_len)
        memcpy(info + n, context, context_len);
    n += context_len;

    struct {
        crypto_auth_hmacsha256_state st;
        uint8_t block[HASH_LEN];
    } tmp;
    for (size_t done = 0; done < out_len; done += HASH_LEN) {
        info[n] = (uint8_t)(done / HASH_LEN + 1);
        tmp.st = key->st;
        if (done)
            hmac256_update(&tmp.st, tmp.block, sizeof tmp.block);
        hmac256_update(&tmp.st, info, n + 1);
        hmac256_final(&tmp.st, tmp.block);
        memcpy(out + done, tmp.block, out_len - done < HASH_LEN ? out_len - done : HASH_LEN);
    }
    CSEP_WIPE(tmp);
}
