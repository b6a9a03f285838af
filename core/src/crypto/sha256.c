/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/sha256.h"

#include <string.h>

#include "crypto/wipe.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_SHA_NI 1
#include <cpuid.h>
#include <immintrin.h>
#endif

#define BLOCK 64

static bool available, in_use;

bool sha256_accelerated(void)
{
    return in_use;
}

void sha256_choose(bool accelerated)
{
    in_use = accelerated && available;
}

#ifdef HAVE_SHA_NI

void sha256_detect(void)
{
    unsigned a, b, c, d;
    bool sse41 = __get_cpuid(1, &a, &b, &c, &d) && c & bit_SSE4_1 && c & bit_SSSE3;
    available = sse41 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_SHA;
    in_use = available;
}

/* FIPS 180-4 section 4.2.2. */
static const uint32_t K[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* The instructions want the eight words as two vectors, a b e f and c d g h, highest first. */
__attribute__((target("sha,sse4.1"))) static void compress(uint32_t state[8], const uint8_t *p, size_t blocks)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i dcba = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
    __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
    __m128i abef = _mm_alignr_epi8(dcba, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, dcba, 0xf0);

    for (; blocks; blocks--, p += BLOCK) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w[4];
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) { /* four rounds each */
            if (i < 4)
                w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(p + 16 * i)), swap);
            else
                w[i & 3] =
                    _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]),
                                                       _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4)),
                                         w[(i + 3) & 3]);
            __m128i wk = _mm_add_epi32(w[i & 3], _mm_load_si128((const __m128i *)(K + 4 * i)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

#else

void sha256_detect(void) {}

static void compress(uint32_t state[8], const uint8_t *p, size_t blocks)
{
    (void)state;
    (void)p;
    (void)blocks;
}

#endif

void sha256_init(crypto_hash_sha256_state *s)
{
    crypto_hash_sha256_init(s);
}

void sha256_update(crypto_hash_sha256_state *s, const void *in, size_t n)
{
    const uint8_t *p = in;
    if (!in_use) {
        crypto_hash_sha256_update(s, p, n);
        return;
    }
    size_t held = (size_t)(s->count / 8 % BLOCK);
    s->count += (uint64_t)n * 8;
    if (held) {
        size_t take = n < BLOCK - held ? n : BLOCK - held;
        memcpy(s->buf + held, p, take);
        p += take;
        n -= take;
        if (held + take < BLOCK)
            return;
        compress(s->state, s->buf, 1);
    }
    compress(s->state, p, n / BLOCK);
    if (n % BLOCK)
        memcpy(s->buf, p + n / BLOCK * BLOCK, n % BLOCK);
}

void sha256_final(crypto_hash_sha256_state *s, uint8_t out[32])
{
    if (!in_use) {
        crypto_hash_sha256_final(s, out);
        return;
    }
    size_t held = (size_t)(s->count / 8 % BLOCK);
    s->buf[held++] = 0x80;
    if (held > BLOCK - 8) {
        memset(s->buf + held, 0, BLOCK - held);
        compress(s->state, s->buf, 1);
        held = 0;
    }
    memset(s->buf + held, 0, BLOCK - 8 - held);
    for (unsigned i = 0; i < 8; i++)
        s->buf[BLOCK - 1 - i] = (uint8_t)(s->count >> (8 * i));
    compress(s->state, s->buf, 1);
    for (unsigned i = 0; i < 8; i++) { /* so written that it becomes one store for each word */
        uint32_t v = s->state[i];
        out[4 * i] = (uint8_t)(v >> 24);
        out[4 * i + 1] = (uint8_t)(v >> 16);
        out[4 * i + 2] = (uint8_t)(v >> 8);
        out[4 * i + 3] = (uint8_t)v;
    }
    CSEP_WIPE(*s);
}

void hmac256_init(crypto_auth_hmacsha256_state *s, const void *key, size_t n)
{
    struct {
        uint8_t pad[BLOCK], digest[32];
    } tmp;
    if (!in_use) {
        crypto_auth_hmacsha256_init(s, key, n);
        return;
    }
    if (n > BLOCK) {
        sha256_init(&s->ictx);
        sha256_update(&s->ictx, key, n);
        sha256_final(&s->ictx, tmp.digest);
        key = tmp.digest;
        n = sizeof tmp.digest;
    }
    const uint8_t *k = key;
    for (size_t i = 0; i < BLOCK; i++)
        tmp.pad[i] = (uint8_t)((i < n ? k[i] : 0) ^ 0x36);
    sha256_init(&s->ictx);
    sha256_update(&s->ictx, tmp.pad, BLOCK);
    for (size_t i = 0; i < BLOCK; i++)
        tmp.pad[i] ^= 0x36 ^ 0x5c;
    sha256_init(&s->octx);
    sha256_update(&s->octx, tmp.pad, BLOCK);
    CSEP_WIPE(tmp);
}

void hmac256_update(crypto_auth_hmacsha256_state *s, const void *p, size_t n)
{
    sha256_update(&s->ictx, p, n);
}

void hmac256_final(crypto_auth_hmacsha256_state *s, uint8_t out[32])
{
    uint8_t inner[32];
    sha256_final(&s->ictx, inner);
    sha256_update(&s->octx, inner, sizeof inner);
    sha256_final(&s->octx, out);
    CSEP_WIPE(inner);
}
