/* SPDX-License-Identifier: BSD-2-Clause */
#include "neg_puppet.h"

struct neg_puppet_options neg_puppet_options_default(bool server)
{
    struct neg_puppet_options o = {
        .server = server,
        .neg = csep_negotiate_config_default(),
        .grantor = csep_grantor_config_default(),
    };
    o.grantor.menu.transports[1].flags = CSEP_TRANSPORT_SHARED;
    return o;
}

static void make_server(struct neg_puppet *p, const struct neg_puppet_options *o)
{
    struct csep_addr addr = {4, {192, 0, 2, 7}, 40000};
    struct csep_grantor_config cfg = o->grantor;
    cfg.alloc = o->neg.alloc;
    cfg.random = o->neg.random;
    p->grantor = malloc(csep_grantor_size());
    assert_non_null(p->grantor);
    assert_ok(csep_grantor_init(p->grantor, &cfg, p->now));
    assert_ok(csep_negotiate_server(p->n, &o->neg, &p->secure.secure, p->grantor, &addr, p->now));
}

struct neg_puppet *neg_puppet_new(const struct neg_puppet_options *options)
{
    struct neg_puppet *p = calloc(1, sizeof *p);
    struct neg_puppet_options o = *options;
    assert_non_null(p);
    p->now = CSEP_SEC(1000);
    o.neg.alloc = test_alloc(&p->alloc);
    o.neg.random = test_random(&p->random, 1);
    p->n = malloc(csep_negotiate_size());
    assert_non_null(p->n);
    if (o.server)
        fake_server(&p->secure, o.neg.random);
    else
        fake_client(&p->secure, o.neg.random);
    if (o.server)
        make_server(p, &o);
    else
        assert_ok(csep_negotiate_client(p->n, &o.neg, &p->secure.secure, p->now));
    return p;
}

void neg_puppet_free(struct neg_puppet *p)
{
    csep_negotiate_wipe(p->n);
    free(p->n);
    if (p->grantor)
        csep_grantor_wipe(p->grantor);
    free(p->grantor);
    fake_free(&p->secure);
    test_alloc_done(&p->alloc);
    free(p);
}

void neg_puppet_bytes(struct neg_puppet *p)
{
    (void)csep_negotiate_input(p->n, (const uint8_t[1]){22}, 1, p->now);
}

static void pump(struct neg_puppet *p)
{
    (void)csep_negotiate_output(p->n, NULL, 0, p->now);
}

void neg_puppet_up(struct neg_puppet *p)
{
    fake_establish(&p->secure);
    pump(p);
}

void neg_puppet_data(struct neg_puppet *p, const void *b, size_t n)
{
    fake_receive(&p->secure, b, n);
    pump(p);
}

void neg_puppet_flags(struct neg_puppet *p, unsigned flags)
{
    p->secure.flags |= flags;
    pump(p);
}

bool neg_puppet_event(struct neg_puppet *p, enum csep_negotiate_event_type type)
{
    struct csep_negotiate_event ev;
    bool found = false;
    while (!found && csep_negotiate_event(p->n, &ev)) {
        found = ev.type == type;
        p->ev = ev;
    }
    return found;
}

size_t neg_puppet_sent(struct neg_puppet *p)
{
    pump(p);
    p->sent_len = fake_sent(&p->secure, p->sent, sizeof p->sent, &p->alerts);
    return p->sent_len;
}

static size_t message_len(const uint8_t *m)
{
    return 4 + ((size_t)m[1] << 16 | (size_t)m[2] << 8 | m[3]);
}

int neg_puppet_error(struct neg_puppet *p)
{
    struct neg_fields f;
    struct neg_error e;
    neg_puppet_sent(p);
    for (size_t at = 0; at + 4 <= p->sent_len; at += message_len(p->sent + at)) {
        if (p->sent[at] != CSEP_MSG_ERROR)
            continue;
        assert_int_equal(at + message_len(p->sent + at), p->sent_len); /* nothing behind it */
        assert_int_equal(p->alerts, 1);
        assert_ok(neg_scan(&f, CSEP_MSG_ERROR, p->sent + at + 4, message_len(p->sent + at) - 4));
        assert_ok(neg_get_error(&f, &e));
        return e.code;
    }
    return -1;
}

unsigned neg_puppet_count(const struct neg_puppet *p, uint8_t type)
{
    unsigned num = 0;
    for (size_t at = 0; at + 4 <= p->sent_len; at += message_len(p->sent + at))
        num += p->sent[at] == type;
    return num;
}

/* ---- Messages ---- */

size_t make_grant(uint8_t *out, size_t cap, uint8_t handle, const uint32_t *request_id)
{
    static struct neg_grant m;
    struct wr w = wr_init(out, cap);
    struct csep_grantor_config cfg = csep_grantor_config_default();
    memset(&m, 0, sizeof m);
    m.grant = cfg.menu;
    m.grant.transports[1].flags = CSEP_TRANSPORT_SHARED;
    memset(m.grant.handle, handle, sizeof m.grant.handle);
    m.answers = request_id != NULL;
    m.request_id = request_id ? *request_id : 0;
    neg_put_grant(&w, &m, NULL);
    assert_true(wr_ok(&w));
    return w.len;
}

size_t make_tickets(uint8_t *out, size_t cap, uint8_t handle, unsigned num, const uint32_t *request_id)
{
    static struct neg_tickets m;
    struct wr w = wr_init(out, cap);
    memset(&m, 0, sizeof m);
    memset(m.handle, handle, sizeof m.handle);
    m.answers = request_id != NULL;
    m.request_id = request_id ? *request_id : 0;
    m.num = num;
    for (unsigned i = 0; i < num; i++) {
        m.tickets[i].len = 20;
        memset(m.tickets[i].b, (int)(16 * handle + i), 20);
    }
    neg_put_tickets(&w, &m);
    assert_true(wr_ok(&w));
    return w.len;
}

size_t make_request(uint8_t *out, size_t cap, const struct csep_grant_request *ask, uint32_t id)
{
    struct neg_request m = {*ask, id};
    struct wr w = wr_init(out, cap);
    neg_put_request(&w, &m, NULL);
    assert_true(wr_ok(&w));
    return w.len;
}

size_t make_revoke(uint8_t *out, size_t cap, const uint8_t handle[CSEP_HANDLE_LEN])
{
    struct neg_revoke m = {.code = 0x11};
    struct wr w = wr_init(out, cap);
    memcpy(m.handle, handle, sizeof m.handle);
    neg_put_revoke(&w, &m);
    assert_true(wr_ok(&w));
    return w.len;
}

size_t make_error(uint8_t *out, size_t cap, uint16_t code)
{
    struct wr w = wr_init(out, cap);
    neg_put_error(&w, code, "no", 2);
    assert_true(wr_ok(&w));
    return w.len;
}

size_t make_continue(uint8_t *out, size_t cap)
{
    struct wr w = wr_init(out, cap);
    neg_put_continue(&w);
    assert_true(wr_ok(&w));
    return w.len;
}
