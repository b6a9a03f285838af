/* SPDX-License-Identifier: BSD-2-Clause */
/* The way in: bytes become records, records messages and data, and those go to the state table. */
#include <string.h>

#include "base/emit.h"
#include "tls/engine.h"

static const char *const state_names[TLS_NUM_STATES] = {
#define NAME(name) [TLS_##name] = #name,
    TLS_STATE_LIST(NAME)
#undef NAME
};

static const char *const input_names[TLS_NUM_INPUTS] = {
#define NAME(name) [TLS_INPUT_##name] = #name,
    TLS_INPUT_LIST(NAME)
#undef NAME
};

const char *tls_state_name(enum tls_state s)
{
    return state_names[s];
}

const char *tls_input_name(enum tls_input i)
{
    return input_names[i];
}

csep_status tls_patience(struct csep_tls *t)
{
    return ++t->quiet > TLS_PATIENCE ? CSEP_ERR_TLS_UNEXPECTED_MESSAGE : CSEP_OK;
}

/* --- messages to the table --- */

static enum tls_input input_of(uint8_t type)
{
    switch (type) {
    case TLS_CLIENT_HELLO:
        return TLS_INPUT_CLIENT_HELLO;
    case TLS_SERVER_HELLO:
        return TLS_INPUT_SERVER_HELLO;
    case TLS_NEW_SESSION_TICKET:
        return TLS_INPUT_NEW_SESSION_TICKET;
    case TLS_END_OF_EARLY_DATA:
        return TLS_INPUT_END_OF_EARLY_DATA;
    case TLS_ENCRYPTED_EXTENSIONS:
        return TLS_INPUT_ENCRYPTED_EXTENSIONS;
    case TLS_CERTIFICATE:
        return TLS_INPUT_CERTIFICATE;
    case TLS_CERTIFICATE_REQUEST:
        return TLS_INPUT_CERTIFICATE_REQUEST;
    case TLS_CERTIFICATE_VERIFY:
        return TLS_INPUT_CERTIFICATE_VERIFY;
    case TLS_FINISHED:
        return TLS_INPUT_FINISHED;
    case TLS_KEY_UPDATE:
        return TLS_INPUT_KEY_UPDATE;
    default:
        return TLS_INPUT_OTHER;
    }
}

static csep_status dispatch(struct csep_tls *t, enum tls_input input, const struct tls_message *m)
{
    const struct tls_rule *rule = &t->rules[t->state][input];
    unsigned branch = 0;

    if (!rule->handle)
        return CSEP_ERR_TLS_UNEXPECTED_MESSAGE;
    csep_status st = rule->handle(t, m, &branch);
    if (st)
        return st;
    if (rule->next[branch] != t->state)
        TRACE(&t->cfg.trace, t->now, TLS_STATE, rule->next[branch]);
    t->state = rule->next[branch];
    return CSEP_OK;
}

/* What the header alone tells: refuse before storing a body that nobody wants. */
static csep_status judge_header(const struct csep_tls *t, uint8_t type, size_t n)
{
    const struct tls_rule *rules = t->rules[t->state];
    enum tls_input input = input_of(type);
    bool wanted = rules[input].handle ||
                  (input == TLS_INPUT_SERVER_HELLO && rules[TLS_INPUT_HELLO_RETRY_REQUEST].handle);
    if (!wanted)
        return CSEP_ERR_TLS_UNEXPECTED_MESSAGE;
    return n > tls_message_max(type) ? CSEP_ERR_TLS_DECODE_ERROR : CSEP_OK;
}

/* Handle the whole messages among the handshake bytes; the rest stays. */
static csep_status drain_messages(struct csep_tls *t)
{
    size_t at = t->in_app;
    csep_status st = CSEP_OK;

    while (!st && t->in_hs - at >= TLS_MESSAGE_HEADER) {
        struct rd r = rd_init(t->in.p + at, t->in_hs - at);
        uint8_t type = rd_u8(&r);
        size_t n = rd_u24(&r);
        st = judge_header(t, type, n);
        if (st || n > r.n)
            break;
        n += TLS_MESSAGE_HEADER;
        struct tls_message m = {type, t->in.p + at, n, at + n == t->in_hs};
        enum tls_input input = input_of(type);
        if (input == TLS_INPUT_SERVER_HELLO && tls_is_retry(tls_body(&m)))
            input = TLS_INPUT_HELLO_RETRY_REQUEST;
        TRACE(&t->cfg.trace, t->now, TLS_MESSAGE_RECEIVED, type, n);
        st = dispatch(t, input, &m);
        at += n;
    }
    if (st)
        return st;
    if (at > t->in_app)
        memmove(t->in.p + t->in_app, t->in.p + at, t->in_hs - at);
    t->in_hs -= at - t->in_app;
    t->in_raw = t->in_hs;
    return CSEP_OK;
}

/* --- records --- */

static csep_status take_handshake(struct csep_tls *t, const struct tls_record *r)
{
    if (r->n == 0)
        return CSEP_ERR_TLS_UNEXPECTED_MESSAGE; /* section 5.1: never empty */
    memmove(t->in.p + t->in_hs, r->content, r->n);
    t->in_hs += r->n;
    t->in_raw = t->in_hs;
    return drain_messages(t);
}

/* Closure alerts close; every other alert is fatal whatever its level says (section 6). */
static csep_status take_alert(struct csep_tls *t, const struct tls_record *r)
{
    if (r->n != 2)
        return r->n ? CSEP_ERR_TLS_DECODE_ERROR : CSEP_ERR_TLS_UNEXPECTED_MESSAGE;
    t->alert = r->content[1];
    t->in_raw = t->in_hs;
    TRACE(&t->cfg.trace, t->now, TLS_ALERT_RECEIVED, r->content[0], t->alert);
    //= NEG-14
    if (t->alert == ALERT_USER_CANCELED)
        return tls_patience(t);
    bool connected = t->state == TLS_CLIENT_CONNECTED || t->state == TLS_SERVER_CONNECTED;
    if (t->alert != ALERT_CLOSE_NOTIFY || !connected)
        return CSEP_ERR_TLS_ALERT_RECEIVED; /* closing before the end of a handshake gives it up */
    t->rx_closed = true;
    t->in_hs = t->in_raw = t->in_app;
    return CSEP_OK;
}

static csep_status take_other(struct csep_tls *t, const struct tls_record *r)
{
    struct tls_message m = {0, r->content, r->n, true};
    bool data = r->type == TLS_CONTENT_APPLICATION;

    if (t->in_hs > t->in_app || r->sealed != data || (!data && (r->n != 1 || r->content[0] != 1)))
        return CSEP_ERR_TLS_UNEXPECTED_MESSAGE; /* between two parts of a message, or not what it seems */
    csep_status st = dispatch(t, data ? TLS_INPUT_APPLICATION_DATA : TLS_INPUT_CHANGE_CIPHER_SPEC, &m);
    if (!st)
        t->in_raw = t->in_hs;
    return st;
}

/* Early data that we refused by answering with a handshake of our own (section 4.2.10): passed over, bounded,
 * until the first record that opens. */
//= NEG-9
static bool is_refused_early_data(struct csep_tls *t, csep_status st, uint8_t outer, size_t n)
{
    if (outer != TLS_CONTENT_APPLICATION || t->hs.early_skip < n)
        return false;
    bool first = st == CSEP_ERR_TLS_BAD_RECORD_MAC && t->rx.number == 0;
    if (t->rx.on ? !first : t->state != TLS_SERVER_WAIT_HELLO_AGAIN)
        return false;
    t->hs.early_skip -= (uint32_t)n;
    return true;
}

/*
 * Once reading is protected, an alert in the clear is believed only from a peer that may not
 * have keys yet: nothing protected came from it.
 */
static bool may_be_clear(const struct csep_tls *t, const struct tls_record *r)
{
    return !t->rx.on || r->sealed || r->type == TLS_CONTENT_CCS ||
           (r->type == TLS_CONTENT_ALERT && t->rx.number == 0 && t->state != TLS_CLIENT_CONNECTED &&
            t->state != TLS_SERVER_CONNECTED);
}

static csep_status take_record(struct csep_tls *t)
{
    uint8_t *rec = t->in.p + t->in_hs;
    size_t n = t->in_raw - t->in_hs;
    struct tls_record r;

    csep_status st = tls_record_open(&t->rx, rec, n, &r);
    if (is_refused_early_data(t, st, rec[0], n)) {
        t->in_raw = t->in_hs;
        return CSEP_OK;
    }
    if (st)
        return st;
    if (!may_be_clear(t, &r))
        return CSEP_ERR_TLS_UNEXPECTED_MESSAGE;
    switch (r.type) {
    case TLS_CONTENT_HANDSHAKE:
        return take_handshake(t, &r);
    case TLS_CONTENT_ALERT:
        return take_alert(t, &r);
    case TLS_CONTENT_APPLICATION:
    case TLS_CONTENT_CCS:
        return take_other(t, &r);
    default:
        return CSEP_ERR_TLS_UNEXPECTED_MESSAGE;
    }
}

/* --- bytes --- */

/* Room for n bytes behind in_raw, by moving out of the way what was read already or by growing. */
static csep_status in_reserve(struct csep_tls *t, size_t n)
{
    if (t->in_start && t->in.cap - t->in_raw < n) {
        memmove(t->in.p, t->in.p + t->in_start, t->in_raw - t->in_start);
        t->in_app -= t->in_start;
        t->in_hs -= t->in_start;
        t->in_raw -= t->in_start;
        t->in_start = 0;
    }
    return tls_buffer_reserve(&t->in, t->cfg.alloc, t->in_raw, t->in_raw + n) ? CSEP_OK : CSEP_ERR_MEMORY;
}

/* Length of the record that is arriving as far as it is known; its header is judged as soon as it is there.
 */
static csep_status record_length(const struct csep_tls *t, size_t *out)
{
    size_t n = 0;
    csep_status st = CSEP_OK;

    if (t->in_raw - t->in_hs >= TLS_RECORD_HEADER)
        st = tls_record_header(t->in.p + t->in_hs, &t->rx, &n);
    if (!st && t->in_app - t->in_start + n > t->cfg.max_pending)
        st = CSEP_ERR_LIMIT; /* the host does not read what it gets */
    *out = TLS_RECORD_HEADER + n;
    return st;
}

static void release_if_empty(struct csep_tls *t)
{
    if (t->in_start < t->in_raw)
        return;
    tls_buffer_release(&t->in, t->cfg.alloc);
    t->in_start = t->in_app = t->in_hs = t->in_raw = 0;
}

csep_status tls_input_bytes(struct csep_tls *t, const uint8_t *in, size_t n)
{
    csep_status st = CSEP_OK;

    while (!st && !t->rx_closed) {
        size_t have = t->in_raw - t->in_hs, whole;
        st = record_length(t, &whole);
        if (st)
            break;
        if (have >= TLS_RECORD_HEADER && have == whole) {
            st = take_record(t);
            continue;
        }
        if (n == 0)
            break;
        size_t take = whole - have < n ? whole - have : n;
        st = in_reserve(t, take);
        if (st)
            break;
        memcpy(t->in.p + t->in_raw, in, take);
        t->in_raw += take;
        in += take;
        n -= take;
    }
    if (!st)
        release_if_empty(t);
    return st;
}

size_t tls_input_read(struct csep_tls *t, uint8_t *out, size_t cap)
{
    size_t n = t->in_app - t->in_start;
    if (n > cap)
        n = cap;
    if (n)
        memcpy(out, t->in.p + t->in_start, n);
    t->in_start += n;
    release_if_empty(t);
    return n;
}

/* --- handlers of both tables --- */

csep_status tls_on_application_data(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    (void)out_branch;
    if (m->n == 0)
        return tls_patience(t);
    memmove(t->in.p + t->in_app, m->p, m->n);
    t->in_app += m->n;
    t->in_hs = t->in_app;
    t->quiet = 0;
    return CSEP_OK;
}

/* A ChangeCipherSpec record: dropped (section 5). */
csep_status tls_on_nothing(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    (void)m, (void)out_branch;
    return tls_patience(t);
}

csep_status tls_on_key_update(struct csep_tls *t, const struct tls_message *m, unsigned *out_branch)
{
    bool requested;
    csep_status st = tls_key_update_decode(tls_body(m), &requested);

    (void)out_branch;
    if (!st && !m->ends_record)
        st = CSEP_ERR_TLS_UNEXPECTED_MESSAGE;
    if (!st)
        st = tls_patience(t);
    if (st)
        return st;
    tls_schedule_update(&t->rx_secret);
    tls_schedule_keys(&t->rx_secret, &t->rx, NULL);
    /* One answer serves all requests that came while it waits to be sent (section 4.6.3). */
    if (requested && !t->tx_closed && !t->update_queued) {
        t->update_queued = true;
        st = tls_send_key_update(t, false);
    }
    return st;
}
