/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vectors of docs/vectors for negotiation and context: messages, context secret, slots. A difference is
 * an error of the specification, of the vectors or of the code.
 */
#include "vectors.h"

#include "context/ticket.h"
#include "crypto/hash.h"
#include "csep/wire.h"
#include "negotiate/message.h"
#include "tls/schedule.h"

static void bytes_32(const json_t *v, const char *path, uint8_t out[32])
{
    struct vec_bytes b = vec_bytes(v, path);
    assert_int_equal(b.n, 32);
    memcpy(out, b.p, 32);
    vec_free(b);
}

/* ---- Section 5 ---- */

//= KEY-1
static void test_context_secrets(void **state)
{
    (void)state;
    json_t *root, *v, *vectors = vectors_open("context", &root);
    size_t i;
    json_array_foreach(vectors, i, v)
    {
        struct vec_bytes grant = vec_bytes(v, "in.grant");
        struct secret exporter;
        struct hash h;
        uint8_t out[32];
        bytes_32(v, "in.exporter_master_secret", exporter.b);
        assert_string_equal(vec_text(v, "in.label"), CSEP_EXPORTER);
        h = hash_of(grant.p, grant.n);
        vec_assert(v, "steps.grant_hash", h.b, sizeof h.b);
        tls_schedule_export(&exporter, CSEP_EXPORTER, h.b, sizeof h.b, out, sizeof out);
        vec_assert(v, "out.context_secret", out, sizeof out);
        vec_free(grant);
    }
    vectors_close(root);
}

static void test_slots(void **state)
{
    (void)state;
    json_t *root, *v, *vectors = vectors_open("tickets", &root);
    size_t i;
    json_array_foreach(vectors, i, v)
    {
        struct vec_bytes ticket = vec_bytes(v, "in.ticket");
        uint8_t secret[32], out[32];
        bytes_32(v, "in.context_secret", secret);
        ticket_slot_secret(out, secret, ticket.p, ticket.n);
        vec_assert(v, "out.slot", out, sizeof out);
        vec_free(ticket);
    }
    vectors_close(root);
}

/* ---- Section 4: what is refused, and how ---- */

struct any_message {
    uint8_t type;
    struct neg_fields fields;
    struct neg_grant grant;
    struct neg_tickets tickets;
    struct neg_request request;
    struct neg_revoke revoke;
    struct neg_error error;
};

static csep_status take_apart(struct any_message *m)
{
    switch (m->type) {
    case CSEP_MSG_GRANT:
        return neg_get_grant(&m->fields, 0, &m->grant);
    case CSEP_MSG_TICKETS:
        return neg_get_tickets(&m->fields, &m->tickets);
    case CSEP_MSG_REQUEST:
        return neg_get_request(&m->fields, &m->request);
    case CSEP_MSG_REVOKE:
        return neg_get_revoke(&m->fields, &m->revoke);
    case CSEP_MSG_ERROR:
        return neg_get_error(&m->fields, &m->error);
    default:
        return CSEP_OK;
    }
}

/* What is in front of the fields is decided by the conversation; here by the same rules in few words. */
static csep_status decode(struct any_message *m, const struct vec_bytes *b, bool from_server)
{
    struct rd r = rd_init(b->p, b->n);
    m->type = rd_u8(&r);
    size_t len = rd_u24(&r);
    if (len > CSEP_MSG_MAX)
        return CSEP_ERR_OVERSIZE;
    if (!neg_known_type(m->type))
        return m->type & CSEP_MSG_CRITICAL ? CSEP_ERR_CRITICAL : CSEP_OK;
    if (!(from_server ? neg_from_server(m->type) : neg_from_client(m->type)))
        return CSEP_ERR_UNEXPECTED;
    assert_int_equal(len, r.n);
    csep_status st = neg_scan(&m->fields, m->type, r.p, len);
    return st == CSEP_OK ? take_apart(m) : st;
}

/* ---- What is taken: field by field ---- */

static void check_number(const json_t *v, const char *path, uint64_t got)
{
    if (vec_at(v, path))
        assert_int_equal(vec_number(v, path), got);
    else
        assert_int_equal(got, 0);
}

static void check_bytes(const json_t *v, const char *path, const void *p, size_t n)
{
    if (vec_at(v, path))
        vec_assert(v, path, p, n);
    else
        assert_int_equal(n, 0);
}

static void check_numbers(const json_t *v, const char *path, const uint16_t *got, unsigned num)
{
    const json_t *list = vec_at(v, path);
    assert_int_equal(json_array_size(list), num);
    for (unsigned i = 0; i < num; i++)
        assert_int_equal(json_integer_value(json_array_get(list, i)), got[i]);
}

static void check_element(const json_t *list, unsigned i, const void *p, size_t n)
{
    uint8_t want[256];
    assert_int_equal(test_unhex(want, sizeof want, json_string_value(json_array_get(list, i))), n);
    assert_memory_equal(want, p, n);
}

static void check_transports(const json_t *v, const struct csep_grant *g)
{
    const json_t *list = vec_at(v, "message.TRANSPORTS"), *e;
    size_t i;
    assert_int_equal(json_array_size(list), g->num_transports);
    json_array_foreach(list, i, e)
    {
        const struct csep_grant_transport *t = &g->transports[i];
        assert_int_equal(vec_number(e, "transport"), t->transport);
        assert_int_equal(vec_number(e, "flags"), t->flags);
        assert_int_equal(vec_number(e, "port"), t->port);
        assert_int_equal(vec_number(e, "max_unit"), t->max_unit);
        assert_int_equal(vec_number(e, "first_flight"), t->first_flight);
        assert_string_equal(vec_text(e, "host"), t->host);
        /* Bits that the specification does not name are not kept. */
        assert_int_equal(vec_number(e, "services") & 7, t->services & 7);
    }
}

static void check_grant(const json_t *v, const struct neg_grant *m)
{
    const struct csep_grant *g = &m->grant;
    vec_assert(v, "message.HANDLE", g->handle, sizeof g->handle);
    assert_int_equal(vec_number(v, "message.LIFETIME"), g->lifetime);
    if (vec_at(v, "message.REFRESH"))
        assert_int_equal(vec_number(v, "message.REFRESH"), g->refresh);
    check_numbers(v, "message.AEADS", g->aeads, g->num_aeads);
    check_transports(v, g);
    assert_int_equal(json_array_size(vec_at(v, "message.PROTOCOLS")), g->num_protocols);
    for (unsigned i = 0; i < g->num_protocols; i++)
        check_element(vec_at(v, "message.PROTOCOLS"), i, g->protocols[i], strlen(g->protocols[i]));
    check_numbers(v, "message.EXPORTS", g->exports, g->num_exports);
    check_number(v, "message.UPGRADE", g->upgrade);
    check_bytes(v, "message.ADDRESS_TOKEN", g->token, g->token_len);
    check_number(v, "message.IDENTITY", g->client_identity);
    const json_t *limits = vec_at(v, "message.LIMITS");
    assert_int_equal(json_integer_value(json_array_get(limits, 0)), g->limits.bytes);
    assert_int_equal(json_integer_value(json_array_get(limits, 1)), g->limits.packets);
    assert_int_equal(json_integer_value(json_array_get(limits, 2)), g->limits.forgeries);
    assert_int_equal(m->answers, vec_at(v, "message.REQUEST_ID") != NULL);
    check_number(v, "message.REQUEST_ID", m->request_id);
}

static void check_tickets(const json_t *v, const struct neg_tickets *m)
{
    const json_t *list = vec_at(v, "message.TICKET_LIST");
    vec_assert(v, "message.HANDLE", m->handle, sizeof m->handle);
    assert_int_equal(json_array_size(list), m->num);
    for (unsigned i = 0; i < m->num; i++)
        check_element(list, i, m->tickets[i].b, m->tickets[i].len);
    check_number(v, "message.REQUEST_ID", m->request_id);
}

static void check_request(const json_t *v, const struct neg_request *m)
{
    check_number(v, "message.REQUEST_ID", m->request_id);
    check_bytes(v, "message.HANDLE", m->ask.handle, m->ask.have_handle ? sizeof m->ask.handle : 0);
    check_number(v, "message.LIFETIME", m->ask.lifetime);
    check_number(v, "message.TICKET_COUNT", m->ask.tickets);
}

static void check_fields(const json_t *v, const struct any_message *m)
{
    if (m->type == CSEP_MSG_GRANT)
        check_grant(v, &m->grant);
    else if (m->type == CSEP_MSG_TICKETS)
        check_tickets(v, &m->tickets);
    else if (m->type == CSEP_MSG_REQUEST)
        check_request(v, &m->request);
    else if (m->type == CSEP_MSG_REVOKE) {
        vec_assert(v, "message.HANDLE", m->revoke.handle, sizeof m->revoke.handle);
        check_number(v, "message.CODE", m->revoke.code);
    } else if (m->type == CSEP_MSG_ERROR) {
        check_number(v, "message.CODE", m->error.code);
        const char *text = json_string_value(vec_at(v, "message.TEXT"));
        assert_int_equal(text ? strlen(text) : 0, m->error.text_len);
        assert_memory_equal(text ? text : "", m->error.text, m->error.text_len);
    }
}

/* ---- What is written ---- */

static void encode(struct wr *w, const struct any_message *m)
{
    switch (m->type) {
    case CSEP_MSG_GRANT:
        neg_put_grant(w, &m->grant, NULL);
        break;
    case CSEP_MSG_TICKETS:
        neg_put_tickets(w, &m->tickets);
        break;
    case CSEP_MSG_REQUEST:
        neg_put_request(w, &m->request, NULL);
        break;
    case CSEP_MSG_REVOKE:
        neg_put_revoke(w, &m->revoke);
        break;
    case CSEP_MSG_ERROR:
        neg_put_error(w, m->error.code, m->error.text, m->error.text_len);
        break;
    default:
        neg_put_continue(w);
    }
}

/* Fields may come in any order, and one that holds its default may be left out. Each field of ours must be in
 * the vector, critical bit and all. */
static void check_encoding(const json_t *v, const struct any_message *m, const struct vec_bytes *want)
{
    static uint8_t out[16384];
    struct wr w = wr_init(out, sizeof out);
    encode(&w, m);
    assert_true(wr_ok(&w));
    assert_int_equal(out[0], want->p[0]);
    struct rd ours = rd_init(out + NEG_HEAD_LEN, w.len - NEG_HEAD_LEN);
    while (rd_more(&ours)) {
        const uint8_t *field = ours.p;
        rd_u16(&ours);
        rd_vec16(&ours);
        size_t n = (size_t)(ours.p - field);
        struct rd theirs = rd_init(want->p + NEG_HEAD_LEN, want->n - NEG_HEAD_LEN);
        bool found = false;
        while (!found && rd_more(&theirs)) {
            found = theirs.n >= n && memcmp(theirs.p, field, n) == 0;
            rd_u16(&theirs);
            rd_vec16(&theirs);
        }
        if (!found)
            fail_msg("%s: field %u is not in the vector like that", vec_text(v, "name"),
                     field[0] << 8 | field[1]);
    }
}

//= NEG-25, NEG-26, NEG-27, NEG-28, NEG-29, NEG-30, NEG-31
//= NEG-32, NEG-33, NEG-34, NEG-36, NEG-37, NEG-68, NEG-69
static void test_messages(void **state)
{
    (void)state;
    json_t *root, *v, *vectors = vectors_open("grants", &root);
    static struct any_message m;
    size_t i;
    json_array_foreach(vectors, i, v)
    {
        struct vec_bytes b = vec_bytes(v, "encoded");
        memset(&m, 0, sizeof m);
        csep_status st = decode(&m, &b, strcmp(vec_text(v, "from"), "server") == 0);
        const char *error = json_string_value(vec_at(v, "error"));
        const char *got = st == CSEP_OK ? "taken" : csep_status_name(st) + strlen("ERR_");
        if (strcmp(got, error ? error : "taken") != 0)
            fail_msg("%s: %s, not %s", vec_text(v, "name"), got, error ? error : "taken");
        if (!error && json_is_object(vec_at(v, "message"))) {
            check_fields(v, &m);
            if (!strstr(vec_text(v, "name"), "behind a host"))
                check_encoding(v, &m, &b);
        }
        vec_free(b);
    }
    vectors_close(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_context_secrets),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
