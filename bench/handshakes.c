/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole negotiations, client and server in one thread, against other TLS stacks and the floor of their
 * primitives. */
#include "bench.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csep/csep.h"
#include "hosts.h"

static bool trust_all(void *self, const struct csep_identity *peer, const char *name, size_t name_len)
{
    (void)self, (void)name, (void)name_len;
    return peer->present;
}

static struct csep_tls_session kept;
static bool have_kept;

static void keep(void *self, const struct csep_tls_session *s)
{
    (void)self;
    kept = *s;
    have_kept = true;
}

static bool take(void *self, struct csep_tls_session *out)
{
    (void)self;
    if (!have_kept)
        return false;
    *out = kept;
    have_kept = false;
    return true;
}

static const char *const alpn[] = {CSEP_ALPN, NULL};
static struct csep_tls_identity server_identity;
static struct csep_tls_ticket_keys ticket_keys;
static struct csep_tls_config client_tls, server_tls;
static struct csep_negotiate_config neg;
static struct csep_grantor *grantor;
static const struct csep_addr client_addr = {4, {127, 0, 0, 1}, 40000};

static bool setup(void)
{
    uint8_t seed[32];
    bench_random(NULL, seed, sizeof seed);
    csep_tls_identity_init(&server_identity, seed);
    csep_tls_ticket_keys_rotate(&ticket_keys, bench_rnd);

    client_tls = csep_tls_config_default();
    client_tls.alpn = alpn;
    client_tls.raw_public_key = true;
    client_tls.trust.check = trust_all;
    client_tls.random = bench_rnd;
    client_tls.alloc = bench_heap;
    server_tls = client_tls;
    server_tls.identity = &server_identity;
    server_tls.ticket_keys = &ticket_keys;
    client_tls.sessions = (struct csep_tls_sessions){keep, take, NULL};

    neg = csep_negotiate_config_default();
    neg.random = bench_rnd;
    neg.alloc = bench_heap;

    struct csep_grantor_config g = csep_grantor_config_default();
    g.mode = CSEP_GRANTOR_STATELESS;
    bench_menu(&g.menu);
    g.random = bench_rnd;
    g.alloc = bench_heap;
    grantor = malloc(csep_grantor_size());
    return grantor && csep_grantor_init(grantor, &g, 0) == CSEP_OK;
}

struct ends {
    struct csep_tls *tls[2];
    struct csep_negotiate *neg[2];
};

static struct ends ends_new(void)
{
    return (struct ends){{malloc(csep_tls_size()), malloc(csep_tls_size())},
                         {malloc(csep_negotiate_size()), malloc(csep_negotiate_size())}};
}

static void ends_free(struct ends *e)
{
    for (int i = 0; i < 2; i++) {
        free(e->tls[i]);
        free(e->neg[i]);
    }
}

/* Move bytes until both are silent; true when the client was granted and both closed cleanly. */
static bool converse(struct ends *e)
{
    static uint8_t wire[32768];
    struct csep_negotiate_event ev;
    bool granted = false, closed[2] = {false, false}, moved = true;
    while (moved) {
        moved = false;
        for (int i = 0; i < 2; i++) {
            size_t n = csep_negotiate_output(e->neg[i], wire, sizeof wire, 1);
            if (n && csep_negotiate_input(e->neg[!i], wire, n, 1) != CSEP_OK)
                return false;
            moved |= n > 0;
            for (int k = 0; k < 2; k++)
                while (csep_negotiate_event(e->neg[k], &ev)) {
                    granted |= ev.type == CSEP_NEG_GRANTED;
                    closed[k] |= ev.type == CSEP_NEG_CLOSED;
                }
        }
    }
    return granted && closed[0] && closed[1];
}

static bool once(struct ends *e, bool resume)
{
    client_tls.sessions.take = resume ? take : NULL;
    bool expected = resume && have_kept;
    bool ok = csep_tls_client(e->tls[0], &client_tls, 1) == CSEP_OK &&
              csep_tls_server(e->tls[1], &server_tls, 1) == CSEP_OK;
    struct csep_secure *c = csep_tls_secure(e->tls[0]), *s = csep_tls_secure(e->tls[1]);
    ok = ok && csep_negotiate_client(e->neg[0], &neg, c, 1) == CSEP_OK &&
         csep_negotiate_server(e->neg[1], &neg, s, grantor, &client_addr, 1) == CSEP_OK && converse(e) &&
         (!expected || c->ops->flags(c) & CSEP_SECURE_RESUMED);
    for (int i = 0; i < 2; i++) {
        csep_negotiate_wipe(e->neg[i]);
        csep_tls_wipe(e->tls[i]);
    }
    return ok;
}

static bool csep_negotiations(void *resume, unsigned n)
{
    struct ends e = ends_new();
    bool ok = true;
    while (ok && n--)
        ok = once(&e, resume != NULL);
    ends_free(&e);
    return ok;
}

/* What any implementation on libsodium has to pay: both ends' key pairs and shared secrets, and for a full
 * handshake one signature and its verification. */
static bool floor_primitives(void *resume, unsigned n)
{
    static uint8_t pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES];
    uint8_t a[32], b[32], pub_a[32], pub_b[32], shared[32], msg[130], sig[64];
    if (!sk[0])
        crypto_sign_seed_keypair(pk, sk, server_identity.seed);
    bench_random(NULL, msg, sizeof msg);
    bool ok = true;
    while (ok && n--) {
        bench_random(NULL, a, sizeof a);
        bench_random(NULL, b, sizeof b);
        crypto_scalarmult_base(pub_a, a);
        crypto_scalarmult_base(pub_b, b);
        ok = crypto_scalarmult(shared, a, pub_b) == 0 && crypto_scalarmult(shared, b, pub_a) == 0;
        if (!resume) {
            crypto_sign_detached(sig, NULL, msg, sizeof msg, sk);
            ok = ok && crypto_sign_verify_detached(sig, msg, sizeof msg, pk) == 0;
        }
    }
    return ok;
}

bool bench_handshakes(double seconds)
{
    static int yes;
    bool ok = setup() && peers_setup();
    for (int resume = 0; ok && resume < 2; resume++) {
        void *self = resume ? &yes : NULL;
        struct contender c[] = {
            {"csep", csep_negotiations, self, 100, 0},
            {openssl_name(), openssl_handshakes, self, 60, 0},
            {gnutls_name(), gnutls_handshakes, self, 60, 0},
            {"X25519 and Ed25519 of libsodium alone", floor_primitives, self, 100, 0},
        };
        const char *what = resume ? "resumed negotiations" : "full negotiations";
        char name[64];
        ok = contest(c, 4, seconds);
        for (int i = 1; ok && i < 4; i++) {
            static const double full[] = {0, 2.0, 1.0, 0.8}, resumed[] = {0, 1.0, 1.0, 0};
            snprintf(name, sizeof name, "%s, both ends, one core", what);
            report(name, c[0].rate, "1/s", c[i].name, c[i].rate, resume ? resumed[i] : full[i]);
        }
    }
    if (!ok)
        fprintf(stderr, "csep-bench: handshakes did not work\n");
    if (grantor)
        csep_grantor_wipe(grantor);
    free(grantor);
    grantor = NULL;
    peers_teardown();
    return ok;
}
