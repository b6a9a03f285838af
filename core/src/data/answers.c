/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/answers.h"

#include <string.h>

#include "crypto/wipe.h"

#define RETRY_LIFETIME CSEP_SEC(30)

void answers_init(struct answers *a, const uint8_t reset_key[32], uint32_t per_second,
                  uint32_t per_second_address, struct csep_random random)
{
    struct secret key;
    memset(a, 0, sizeof *a);
    memcpy(key.b, reset_key, sizeof key.b);
    hkdf_expand_label(HKDF_CSEP1, a->reset_secret.b, HASH_LEN, &key, "reset", NULL, 0);
    hkdf_expand_label(HKDF_CSEP1, a->retry_secret.b, HASH_LEN, &key, "retry", NULL, 0);
    hkdf_expand_label(HKDF_CSEP1, a->rates.key.b, sizeof a->rates.key.b, &key, "rate", NULL, 0);
    a->rates.per_second = per_second; //= DATA-39
    a->rates.per_second_prefix = per_second_address;
    a->rates.bits_v4 = 32;
    a->rates.bits_v6 = 128;
    a->random = random;
    CSEP_WIPE(key);
}

static void drop_queue(struct answers *a, struct mem *m)
{
    mem_put(m, a->queue, ANSWERS_QUEUED * sizeof *a->queue);
    a->queue = NULL;
    a->first = a->num = 0;
}

void answers_wipe(struct answers *a, struct mem *m)
{
    drop_queue(a, m);
    csep_wipe(a, sizeof *a);
}

size_t answers_next(struct answers *a, struct mem *m, uint8_t *out, size_t cap, struct csep_addr *to)
{
    if (!a->num)
        return 0;
    const struct answer *w = &a->queue[a->first];
    size_t n = w->len <= cap ? w->len : 0;
    if (n) {
        memcpy(out, w->bytes, n);
        *to = w->to;
    }
    a->first = (a->first + 1) % ANSWERS_QUEUED;
    if (--a->num == 0)
        drop_queue(a, m);
    return n;
}

/* Room for one more, or NULL. */
static struct answer *slot(struct answers *a, struct mem *m, const struct csep_addr *to)
{
    if (!a->queue)
        a->queue = mem_get(m, ANSWERS_QUEUED * sizeof *a->queue);
    if (!a->queue || a->num == ANSWERS_QUEUED)
        return NULL;
    struct answer *w = &a->queue[(a->first + a->num) % ANSWERS_QUEUED];
    w->to = *to;
    return w;
}

static bool commit(struct answers *a, struct answer *w, size_t len, size_t trigger)
{
    if (!len || len >= trigger)
        return false; //= DATA-38
    w->len = (uint16_t)len;
    a->num++;
    return true;
}

bool answer_refuse(struct answers *a, struct mem *m, const struct open_header *h, enum csep_refuse_code code,
                   size_t trigger, const struct csep_addr *to, csep_time now)
{
    static const uint8_t versions[4] = {CSEP_VERSION_1 >> 24, CSEP_VERSION_1 >> 16 & 0xff,
                                        CSEP_VERSION_1 >> 8 & 0xff, CSEP_VERSION_1 & 0xff};
    if (!rates_take(&a->rates, to, now))
        return false;
    struct answer *s = slot(a, m, to);
    if (!s)
        return false;
    struct wr w = wr_init(s->bytes, sizeof s->bytes);
    struct refuse r = {
        .version = h->version,
        .dcid = h->scid,
        .echo = h->client_random,
        .code = (uint8_t)code,
        .versions = view_of(versions, code == CSEP_REFUSE_VERSION ? sizeof versions : 0), //= DATA-18
    };
    packet_put_refuse(&w, &r);
    return commit(a, s, w.bad ? 0 : w.len, trigger);
}

/* ---- RETRY ---- */

/* What the token is bound to beside the time. //= DATA-43 */
static size_t retry_binding(uint8_t out[64], const struct open_header *h, const struct csep_addr *from)
{
    struct wr w = wr_init(out, 64);
    wr_u8(&w, from->family);
    wr_bytes(&w, from->ip, sizeof from->ip);
    wr_u16(&w, from->port);
    wr_bytes(&w, h->client_random, CSEP_ECHO_LEN);
    return w.len;
}

bool answer_retry(struct answers *a, struct mem *m, const struct open_header *h, size_t trigger,
                  const struct csep_addr *to, csep_time now)
{
    struct answer *s = slot(a, m, to);
    if (!s)
        return false;
    uint8_t token[RETRY_TOKEN_LEN], until[8], nonce[24], binding[64];
    size_t binding_len = retry_binding(binding, h, to);
    struct wr w = wr_init(until, sizeof until);
    wr_u64(&w, csep_time_add(now, RETRY_LIFETIME));
    a->random.fill(a->random.self, nonce, sizeof nonce);
    sealed_put(token, until, sizeof until, binding, binding_len, nonce, a->retry_secret.b);
    struct retry r = {.version = h->version,
                      .dcid = h->scid,
                      .echo = h->client_random,
                      .token = view_of(token, sizeof token)};
    w = wr_init(s->bytes, sizeof s->bytes);
    packet_put_retry(&w, &r);
    return commit(a, s, w.bad ? 0 : w.len, trigger);
}

bool retry_token_valid(const struct answers *a, const struct open_header *h, const struct csep_addr *from,
                       csep_time now)
{
    uint8_t until[8], binding[64];
    if (h->token.n != RETRY_TOKEN_LEN)
        return false;
    size_t binding_len = retry_binding(binding, h, from);
    if (!sealed_get(until, h->token.p, h->token.n, binding, binding_len, a->retry_secret.b))
        return false;
    struct rd r = rd_init(until, sizeof until);
    return now < rd_u64(&r);
}

/* ---- Resets ---- */

void reset_token_of(const struct answers *a, const uint8_t *id, size_t len,
                    uint8_t token[CSEP_RESET_TOKEN_LEN])
{
    hkdf_expand_label(HKDF_CSEP1, token, CSEP_RESET_TOKEN_LEN, &a->reset_secret, "token", id,
                      len); //= DATA-82
}

bool answer_reset(struct answers *a, struct mem *m, const uint8_t id[8], size_t trigger,
                  const struct csep_addr *to, csep_time now)
{
    if (!rates_take(&a->rates, to, now))
        return false;
    struct answer *s = slot(a, m, to);
    if (!s)
        return false;
    uint8_t token[CSEP_RESET_TOKEN_LEN], noise[CSEP_RESET_MAX];
    reset_token_of(a, id, 8, token);
    a->random.fill(a->random.self, noise, sizeof noise);
    return commit(a, s, packet_put_reset(s->bytes, sizeof s->bytes, trigger, noise, token),
                  trigger); //= DATA-80
}
