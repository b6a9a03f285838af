/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Header protection masks for many packets at once: four ChaCha20 blocks (RFC 8439 section 2.3) side by side,
 * one in each lane of a vector. One by one, a mask costs as much as a tenth of the packet's encryption.
 */
#include "crypto/aead.h"

#include <string.h>

#include "crypto/wipe.h"

#define LANES 4

typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));

static inline lanes rotl(lanes v, unsigned n)
{
    return v << n | v >> (32 - n);
}

static inline void quarter_round(lanes *a, lanes *b, lanes *c, lanes *d)
{
    *a += *b, *d = rotl(*d ^ *a, 16);
    *c += *d, *b = rotl(*b ^ *c, 12);
    *a += *b, *d = rotl(*d ^ *a, 8);
    *c += *d, *b = rotl(*b ^ *c, 7);
}

static uint32_t load32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static lanes all(uint32_t v)
{
    return (lanes){v, v, v, v};
}

/* The first two words of each lane's block: a mask needs five bytes. */
static void blocks(lanes out[2], const uint8_t key[HP_KEY_LEN], const uint8_t *const sample[LANES])
{
    lanes x[16];
    x[0] = all(0x61707865);
    x[1] = all(0x3320646e);
    x[2] = all(0x79622d32);
    x[3] = all(0x6b206574);
    for (unsigned i = 0; i < 8; i++)
        x[4 + i] = all(load32(key + 4 * i));
    for (unsigned i = 0; i < 4; i++) /* block counter and nonce: the sample (RFC 9001 section 5.4.4) */
        for (unsigned l = 0; l < LANES; l++)
            x[12 + i][l] = load32(sample[l] + 4 * i);
    const lanes first = x[0], second = x[1];
    for (unsigned round = 0; round < 10; round++) {
        quarter_round(&x[0], &x[4], &x[8], &x[12]);
        quarter_round(&x[1], &x[5], &x[9], &x[13]);
        quarter_round(&x[2], &x[6], &x[10], &x[14]);
        quarter_round(&x[3], &x[7], &x[11], &x[15]);
        quarter_round(&x[0], &x[5], &x[10], &x[15]);
        quarter_round(&x[1], &x[6], &x[11], &x[12]);
        quarter_round(&x[2], &x[7], &x[8], &x[13]);
        quarter_round(&x[3], &x[4], &x[9], &x[14]);
    }
    out[0] = x[0] + first;
    out[1] = x[1] + second;
    CSEP_WIPE(x);
}

void hp_masks(struct hp_mask *out, const uint8_t key[HP_KEY_LEN], const uint8_t *const *samples, size_t n)
{
    while (n) {
        const uint8_t *sample[LANES];
        size_t now = n < LANES ? n : LANES;
        lanes words[2];
        for (size_t l = 0; l < LANES; l++)
            sample[l] = samples[l < now ? l : 0];
        blocks(words, key, sample);
        for (size_t l = 0; l < now; l++) {
            for (unsigned i = 0; i < 4; i++)
                out[l].b[i] = (uint8_t)(words[0][l] >> (8 * i));
            out[l].b[4] = (uint8_t)words[1][l];
        }
        out += now;
        samples += now;
        n -= now;
    }
}
