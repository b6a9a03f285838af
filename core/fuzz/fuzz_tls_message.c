/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every decoder of TLS messages: the first byte chooses it. What an encoder can write again must
 * come out of the decoder as it went in.
 */
#include <stdlib.h>
#include <string.h>

#include "tls/identity.h"
#include "tls/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void need(bool ok)
{
    if (!ok)
        abort();
}

static bool same(struct rd a, struct rd b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static struct rd body_of(const struct wr *w)
{
    need(!w->bad && w->len >= TLS_MESSAGE_HEADER);
    return rd_init(w->p + TLS_MESSAGE_HEADER, w->len - TLS_MESSAGE_HEADER);
}

static uint8_t again[70000];

static void ticket(struct rd r)
{
    struct tls_new_session_ticket a, b;
    struct wr w = wr_init(again, sizeof again);
    if (tls_new_session_ticket_decode(r, &a))
        return;
    tls_new_session_ticket_encode(&w, &a, NULL);
    need(!tls_new_session_ticket_decode(body_of(&w), &b));
    need(a.lifetime == b.lifetime && a.age_add == b.age_add && same(a.nonce, b.nonce) &&
         same(a.ticket, b.ticket));
}

static void verify(struct rd r)
{
    struct tls_certificate_verify a, b;
    struct wr w = wr_init(again, sizeof again);
    if (tls_certificate_verify_decode(r, &a) || a.algorithm != TLS_SIG_ED25519 || a.signature.n != 64)
        return;
    tls_certificate_verify_encode(&w, a.signature.p);
    need(!tls_certificate_verify_decode(body_of(&w), &b) && same(a.signature, b.signature));
}

static void certificate(struct rd r)
{
    struct tls_certificate a, b;
    struct wr w = wr_init(again, sizeof again);
    if (tls_certificate_decode(r, &a))
        return;
    need((a.num == 0) == (a.first.n == 0));
    tls_certificate_encode(&w, a.first.p, a.first.n);
    need(!tls_certificate_decode(body_of(&w), &b) && same(a.first, b.first));
}

static void client_hello(struct rd r)
{
    struct tls_client_hello h;
    if (tls_client_hello_decode(r, &h))
        return;
    need(h.random && h.session_id.n <= 32 && h.name.n <= TLS_NAME_MAX);
    need(!tls_has(h.present, TLS_EXT_PRE_SHARED_KEY) ||
         (h.psk.tail_len > TLS_BINDER_LEN && h.psk.tail_len < r.n));
}

static void server_hello(struct rd r)
{
    struct tls_server_hello h;
    if (tls_server_hello_decode(r, UINT32_MAX, &h))
        return;
    need(h.random && h.cipher == TLS_CHACHA20_POLY1305_SHA256 && h.session_id.n <= 32);
    need(h.retry == tls_is_retry(r) && !(h.retry && h.share));
}

static void others(unsigned which, struct rd r)
{
    struct tls_encrypted_extensions e;
    struct tls_certificate_request q;
    const uint8_t *verify_data;
    uint8_t key[32];
    bool requested;
    switch (which) {
    case 5:
        (void)!tls_encrypted_extensions_decode(r, UINT32_MAX, &e);
        break;
    case 6:
        (void)!tls_certificate_request_decode(r, &q);
        break;
    case 7:
        (void)!tls_finished_decode(r, &verify_data);
        break;
    case 8:
        (void)!tls_key_update_decode(r, &requested);
        break;
    default:
        (void)!csep_tls_certificate_key(r.p, r.n, key);
        (void)!tls_identity_key_of_entry(TLS_CERT_RAW, r.p, r.n, key);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    struct rd r = rd_init(data + 1, n - 1);
    switch (data[0] % 10) {
    case 0:
        client_hello(r);
        break;
    case 1:
        server_hello(r);
        break;
    case 2:
        certificate(r);
        break;
    case 3:
        verify(r);
        break;
    case 4:
        ticket(r);
        break;
    default:
        others(data[0] % 10, r);
        break;
    }
    return 0;
}
