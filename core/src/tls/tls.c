/* SPDX-License-Identifier: BSD-2-Clause */
/* Life cycle of a connection, and the verbs of csep/secure.h over it. */
#include "csep/tls.h"

#include <assert.h>
#include <string.h>

#include "base/emit.h"
#include "crypto/wipe.h"
#include "tls/engine.h"

enum { ALERT_WARNING = 1 };

static struct csep_tls *of(struct csep_secure *s)
{
    return (struct csep_tls *)s;
}

static const struct csep_tls *of_const(const struct csep_secure *s)
{
    return (const struct csep_tls *)s;
}

static bool server_has_spoken(const struct csep_tls *t)
{
    return t->state >= TLS_SERVER_WAIT_CERTIFICATE && t->state <= TLS_SERVER_CONNECTED;
}

static bool is_connected(const struct csep_tls *t)
{
    return t->state == TLS_CLIENT_CONNECTED || t->state == TLS_SERVER_CONNECTED;
}

static bool can_write(const struct csep_tls *t)
{
    return (server_has_spoken(t) || is_connected(t)) && !t->tx_closed;
}

/* CSEP_OK when data may be sent now. */
static csep_status writable(const struct csep_tls *t)
{
    if (t->failure)
        return t->failure;
    if (t->tx_closed)
        return CSEP_ERR_CLOSED;
    return can_write(t) ? CSEP_OK : CSEP_AGAIN;
}

/* --- csep_secure_ops --- */

static csep_status op_input(struct csep_secure *s, const uint8_t *in, size_t n, csep_time now)
{
    struct csep_tls *t = of(s);
    if (t->failure)
        return t->failure;
    t->now = now;
    csep_status st = tls_input_bytes(t, in, n);
    return st ? tls_fail(t, st) : CSEP_OK;
}

static csep_status op_input_eof(struct csep_secure *s, csep_time now)
{
    struct csep_tls *t = of(s);
    if (t->failure || t->rx_closed)
        return t->failure;
    t->now = now;
    return tls_fail(t, CSEP_ERR_TRUNCATED);
}

static size_t op_output(struct csep_secure *s, uint8_t *out, size_t cap, csep_time now)
{
    (void)now;
    return tls_output_bytes(of(s), out, cap);
}

static size_t op_read(struct csep_secure *s, uint8_t *out, size_t cap)
{
    return tls_input_read(of(s), out, cap);
}

static csep_status op_write(struct csep_secure *s, const uint8_t *in, size_t n, csep_time now)
{
    struct csep_tls *t = of(s);
    t->now = now;
    csep_status st = writable(t);
    return st ? st : tls_send_data(t, in, n);
}

static csep_status op_exporter(struct csep_secure *s, const char *label, const uint8_t *context,
                               size_t context_len, uint8_t *out, size_t out_len)
{
    const struct csep_tls *t = of_const(s);
    if (t->failure)
        return t->failure;
    if (!t->has_exporter)
        return CSEP_AGAIN;
    tls_schedule_export(&t->exporter, label, context, context_len, out, out_len);
    return CSEP_OK;
}

static void op_forget_exporter(struct csep_secure *s)
{
    struct csep_tls *t = of(s);
    CSEP_WIPE(t->exporter);
    t->has_exporter = false;
}

/* Queue close_notify; in the middle of a handshake that gives it up, which section 6.1 wants said. */
static csep_status send_close(struct csep_tls *t)
{
    bool handshake = !can_write(t);
    csep_status st = CSEP_OK;
    if (handshake)
        st = tls_send_alert(t, ALERT_WARNING, ALERT_USER_CANCELED);
    if (!st)
        st = tls_send_alert(t, ALERT_WARNING, ALERT_CLOSE_NOTIFY);
    return !st && handshake ? CSEP_ERR_CLOSED : st;
}

static void op_close(struct csep_secure *s, csep_time now)
{
    struct csep_tls *t = of(s);
    if (t->failure || t->tx_closed)
        return;
    t->now = now;
    csep_status st = send_close(t);
    t->tx_closed = true;
    if (st)
        (void)tls_fail(t, st);
}

/* The handshake will fail unless the client proves an identity; until then anybody may be at the other end.
 */
static bool is_doubtful(const struct csep_tls *t)
{
    return t->rules == tls_server_rules && t->cfg.client_auth == CSEP_TLS_AUTH_REQUIRE && !t->resumed &&
           !is_connected(t) && !t->failure;
}

static unsigned op_flags(const struct csep_secure *s)
{
    const struct csep_tls *t = of_const(s);
    unsigned f = 0;
    f |= can_write(t) ? CSEP_SECURE_CAN_WRITE : 0;
    f |= t->has_exporter ? CSEP_SECURE_CAN_EXPORT : 0;
    f |= is_connected(t) ? CSEP_SECURE_CONFIRMED : 0;
    f |= t->rx_closed ? CSEP_SECURE_PEER_CLOSED : 0;
    f |= t->tx_closed ? CSEP_SECURE_CLOSED : 0;
    f |= t->failure ? CSEP_SECURE_FAILED : 0;
    f |= t->resumed ? CSEP_SECURE_RESUMED : 0;
    f |= is_doubtful(t) ? CSEP_SECURE_DOUBTFUL : 0;
    return f;
}

static csep_status op_failure(const struct csep_secure *s)
{
    return of_const(s)->failure;
}

static void op_peer_identity(const struct csep_secure *s, struct csep_identity *out)
{
    const struct csep_tls *t = of_const(s);
    *out = is_connected(t) ? t->peer : (struct csep_identity){0};
}

static csep_time op_auth_age(const struct csep_secure *s, csep_time now)
{
    const struct csep_tls *t = of_const(s);
    return now > t->authenticated ? now - t->authenticated : 0;
}

static const char *op_server_name(const struct csep_secure *s, size_t *out_len)
{
    const char *name;
    tls_server_name(of_const(s), &name, out_len);
    return name;
}

static const uint8_t *op_client_random(const struct csep_secure *s)
{
    return of_const(s)->client_random;
}

static const struct csep_secure_ops ops = {
    .input = op_input,
    .input_eof = op_input_eof,
    .output = op_output,
    .read = op_read,
    .write = op_write,
    .exporter = op_exporter,
    .forget_exporter = op_forget_exporter,
    .close = op_close,
    .flags = op_flags,
    .failure = op_failure,
    .peer_identity = op_peer_identity,
    .auth_age = op_auth_age,
    .server_name = op_server_name,
    .client_random = op_client_random,
};

/* --- life cycle --- */

struct csep_tls_config csep_tls_config_default(void)
{
    return (struct csep_tls_config){
        .ticket_lifetime = 86400,
        .num_tickets = 1,
        .middlebox_compat = true,
        .grease = true,
        .max_pending = 131072,
    };
}

size_t csep_tls_size(void)
{
    return sizeof(struct csep_tls);
}

static bool strings_are_sound(const struct csep_tls_config *cfg)
{
    if (!cfg->alpn || !cfg->alpn[0])
        return false;
    for (const char *const *a = cfg->alpn; *a; a++)
        if (strlen(*a) < 1 || strlen(*a) > 255)
            return false;
    return !cfg->server_name || (strlen(cfg->server_name) > 0 && strlen(cfg->server_name) <= TLS_NAME_MAX);
}

static bool config_is_sound(const struct csep_tls_config *cfg)
{
    const struct csep_tls_identity *id = cfg->identity;
    return cfg->random.fill && cfg->alloc.get && cfg->alloc.put && strings_are_sound(cfg) &&
           (!id ||
            (id->certificate_len <= CSEP_TLS_CERTIFICATE_MAX && !id->certificate == !id->certificate_len));
}

static bool ticket_keys_are_sound(const struct csep_tls_ticket_keys *k)
{
    static const uint8_t unset[32];
    return !k || !csep_equal(k->current, unset, sizeof unset);
}

static void start(struct csep_tls *t, const struct csep_tls_config *cfg, csep_time now)
{
    memset(t, 0, sizeof *t);
    t->secure.ops = &ops;
    t->cfg = *cfg;
    t->now = now;
}

csep_status csep_tls_client(struct csep_tls *t, const struct csep_tls_config *cfg, csep_time now)
{
    if (!config_is_sound(cfg) || !cfg->trust.check)
        return CSEP_ERR_VALUE;
    start(t, cfg, now);
    t->rules = tls_client_rules;
    t->state = TLS_CLIENT_WAIT_HELLO;
    csep_status st = tls_client_start(t);
    if (st)
        csep_tls_wipe(t);
    return st;
}

csep_status csep_tls_server(struct csep_tls *t, const struct csep_tls_config *cfg, csep_time now)
{
    if (!config_is_sound(cfg) || !cfg->identity || !ticket_keys_are_sound(cfg->ticket_keys))
        return CSEP_ERR_VALUE;
    if (cfg->client_auth != CSEP_TLS_AUTH_NONE && !cfg->trust.check)
        return CSEP_ERR_VALUE;
    if (cfg->ticket_lifetime > TLS_LIFETIME_MAX || cfg->num_tickets > 16)
        return CSEP_ERR_VALUE;
    start(t, cfg, now);
    t->rules = tls_server_rules;
    t->state = TLS_SERVER_WAIT_HELLO;
    if (cfg->grease)
        cfg->random.fill(cfg->random.self, t->hs.grease, sizeof t->hs.grease);
    hash_begin(&t->hs.transcript);
    return CSEP_OK;
}

struct csep_secure *csep_tls_secure(struct csep_tls *t)
{
    return &t->secure;
}

csep_status csep_tls_key_update(struct csep_tls *t, bool request_peer, csep_time now)
{
    csep_status st = writable(t);
    if (st)
        return st;
    if (!is_connected(t))
        return CSEP_AGAIN;
    t->now = now;
    return tls_send_key_update(t, request_peer);
}

const char *csep_tls_alpn(const struct csep_tls *t)
{
    return t->alpn;
}

unsigned csep_tls_alert(const struct csep_tls *t)
{
    return t->alert;
}

size_t csep_tls_heap(const struct csep_tls *t)
{
    return t->in.cap + t->out.cap;
}

void csep_tls_wipe(struct csep_tls *t)
{
    tls_buffer_release(&t->in, t->cfg.alloc);
    tls_buffer_release(&t->out, t->cfg.alloc);
    csep_wipe(t, sizeof *t);
}
