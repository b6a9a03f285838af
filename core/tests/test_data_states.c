/* SPDX-License-Identifier: BSD-2-Clause */
/* Every pair of state and input: the list against the table of spec 6.11, and real connections against the
 * list. */
#include "data/conn.h"
#include "net.h"

static const uint8_t ping[] = "ping";

/* ---- The list, printed ---- */

/* Section 6.11 as the list says it: "-" cannot happen. ACK stands apart from "short, data" there. */
static const char *const spec[CSEP_DATA_STATE_COUNT][DATA_INPUT_COUNT] = {
    /* OPEN, ACCEPT, REFUSE, RETRY, EARLY, DATA, ACKED, CLOSE, RESET, TIMEOUT, LOCAL_CLOSE */
    [CSEP_DATA_IDLE] = {"ACCEPTED", "drop", "drop", "drop", "drop", "drop", "-", "-", "drop", "-", "CLOSED"},
    [CSEP_DATA_OPENING] = {"drop", "OPEN", "CLOSED", "OPENING", "drop", "drop", "-", "-", "drop", "CLOSED",
                           "CLOSED"},
    [CSEP_DATA_OPEN] = {"drop", "OPEN", "drop", "drop", "drop", "OPEN", "CONFIRMED", "DRAINING", "CLOSED",
                        "CLOSED", "CLOSING"},
    [CSEP_DATA_ACCEPTED] = {"ACCEPTED", "drop", "drop", "drop", "ACCEPTED", "CONFIRMED", "ACCEPTED",
                            "DRAINING", "CLOSED", "CLOSED", "CLOSING"},
    [CSEP_DATA_CONFIRMED] = {"drop", "CONFIRMED", "drop", "drop", "CONFIRMED", "CONFIRMED", "CONFIRMED",
                             "DRAINING", "CLOSED", "CLOSED", "CLOSING"},
    [CSEP_DATA_CLOSING] = {"drop", "drop", "drop", "drop", "drop", "CLOSING", "CLOSING", "DRAINING", "CLOSED",
                           "CLOSED", "CLOSING"},
    [CSEP_DATA_DRAINING] = {"drop", "drop", "drop", "drop", "drop", "drop", "-", "DRAINING", "drop", "CLOSED",
                            "DRAINING"},
    [CSEP_DATA_CLOSED] = {"drop", "drop", "drop", "drop", "drop", "drop", "-", "-", "drop", "-", "CLOSED"},
};

static const char *cell(int next)
{
    return next == STATE_DROP    ? "drop"
           : next == STATE_NEVER ? "-"
                                 : csep_data_state_name((enum csep_data_state)next);
}

static void test_table(void **state)
{
    (void)state;
    for (int s = 0; s < CSEP_DATA_STATE_COUNT; s++)
        for (int i = 0; i < DATA_INPUT_COUNT; i++)
            if (strcmp(cell(data_state_next((enum csep_data_state)s, (enum data_input)i)), spec[s][i]) != 0)
                fail_msg("%s, %s", csep_data_state_name((enum csep_data_state)s),
                         data_input_name((enum data_input)i));
}

/* ---- Real connections ---- */

struct tape {
    size_t len[5]; /* by packet type, OPEN.. */
    uint8_t bytes[5][NET_DATAGRAM];
};
static struct tape tape;

static enum net_fault record(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    (void)w;
    (void)n;
    unsigned i = p[0] >= 4 && p[0] <= 7                            ? p[0] - 4u
                 : way == NET_UP && nonces_last(&w->nonces)->early ? 4
                                                                   : 99;
    if (i < 5 && !tape.len[i]) {
        tape.len[i] = *len;
        memcpy(tape.bytes[i], p, *len);
    }
    return NET_PASS;
}

/* Bring a world to where its opener (or served connection) is in this state. NULL: not a state of that role.
 */
static struct csep_data *reach(struct net *w, enum csep_data_state s, bool opener)
{
    memset(&tape, 0, sizeof tape);
    net_init(w, 1);
    w->keep_conns = true;
    w->judge = record;
    memset(w->acceptor_cfg.reset_key, 3, 32);
    net_start(w);
    struct net_end *e = net_open(w, 0, CSEP_SERVICE_MESSAGE);
    static uint8_t big[2000];
    net_send(w, e->c, big, sizeof big, true);
    bool early_states = s == CSEP_DATA_OPENING || s == CSEP_DATA_OPEN || s == CSEP_DATA_ACCEPTED;
    if (s == CSEP_DATA_OPENING)
        net_run(w, w->now + w->delay + CSEP_MS(10)); /* ACCEPT is on its way */
    else if (s == CSEP_DATA_ACCEPTED)
        net_run(w, w->now + w->delay);
    else if (s == CSEP_DATA_OPEN)
        net_run(w, w->now + 2 * w->delay);
    else
        net_run(w, w->now + CSEP_SEC(2));
    struct csep_data *c = opener ? e->c : w->last_served;
    if (!c)
        return NULL;
    if (s == CSEP_DATA_CLOSING || s == CSEP_DATA_CLOSED)
        csep_data_close(c, 0, w->now);
    if (s == CSEP_DATA_CLOSED) {
        uint8_t buf[NET_DATAGRAM];
        struct csep_addr to;
        while (csep_data_output(c, buf, sizeof buf, &to, w->now))
            ;
        net_run(w, w->now + CSEP_SEC(3));
    }
    if (s == CSEP_DATA_DRAINING) {
        csep_data_close(opener ? w->last_served : e->c, 0, w->now);
        net_run(w, w->now + w->delay);
    }
    (void)early_states;
    return csep_data_get_state(c) == s ? c : NULL;
}

static void give(struct net *w, struct csep_data *c, bool opener, uint8_t *p, size_t n)
{
    struct csep_data *got;
    bool is_new;
    if (opener)
        csep_data_input(c, p, n, &w->acceptor_addr, w->now);
    else
        csep_acceptor_input(w->a, p, n, &w->openers[0].addr, w->now, &got, &is_new);
}

/* A short packet of the data space to c, made with the true keys. */
static void give_data(struct net *w, struct csep_data *c, bool opener, const uint8_t *frames, size_t n)
{
    struct nonce_conn *k = w->nonces.conns[0];
    struct nonce_key *key = opener ? &k->down[0] : &k->up[0];
    uint8_t buf[NET_DATAGRAM];
    struct wr x = wr_init(buf, sizeof buf);
    struct packet_span span;
    if (!key->known)
        return;
    packet_put_short(&x, &span, view_of(c->own[0].id, 8), false, 4);
    wr_bytes(&x, frames, n);
    packet_seal(&x, &span, key->next + 50, &key->keys);
    give(w, c, opener, buf, x.len);
}

static void give_unprotected(struct net *w, struct csep_data *c, bool opener, enum data_input in)
{
    struct open_header h;
    struct packet_span span;
    uint8_t copy[NET_DATAGRAM], buf[128];
    struct wr x = wr_init(buf, sizeof buf);
    memcpy(copy, tape.bytes[0], tape.len[0]);
    assert_ok(packet_decode_open(&h, &span, copy, tape.len[0]));
    struct refuse refuse = {.version = CSEP_VERSION_1, .dcid = h.scid, .echo = h.client_random, .code = 1};
    struct retry retry = {
        .version = CSEP_VERSION_1, .dcid = h.scid, .echo = h.client_random, .token = view_of(ping, 4)};
    if (in == DATA_IN_REFUSE)
        packet_put_refuse(&x, &refuse);
    else
        packet_put_retry(&x, &retry);
    give(w, c, opener, buf, x.len);
}

static void give_reset(struct net *w, struct csep_data *c, bool opener)
{
    uint8_t buf[60] = {CSEP_PKT_SHORT};
    memcpy(buf + 1, c->own[0].id, 8);
    memcpy(buf + 60 - 16, c->peer.v[c->peer.in_use].token, 16);
    give(w, c, opener, buf, sizeof buf);
}

static void act(struct net *w, struct csep_data *c, bool opener, enum data_input in)
{
    static const uint8_t just_ping[] = {CSEP_FRAME_PING}, ack_zero[] = {CSEP_FRAME_ACK, 0, 0, 0, 0},
                         close[] = {CSEP_FRAME_CLOSE, 0, 0};
    unsigned kept = in == DATA_IN_OPEN ? 0 : in == DATA_IN_ACCEPT ? 1 : 4;
    switch (in) {
    case DATA_IN_OPEN:
    case DATA_IN_ACCEPT:
    case DATA_IN_EARLY:
        if (tape.len[kept])
            give(w, c, opener, tape.bytes[kept], tape.len[kept]);
        break;
    case DATA_IN_REFUSE:
    case DATA_IN_RETRY:
        give_unprotected(w, c, opener, in);
        break;
    case DATA_IN_DATA:
        give_data(w, c, opener, just_ping, sizeof just_ping);
        break;
    case DATA_IN_ACKED:
        give_data(w, c, opener, ack_zero, sizeof ack_zero);
        break;
    case DATA_IN_CLOSE:
        give_data(w, c, opener, close, sizeof close);
        break;
    case DATA_IN_RESET:
        give_reset(w, c, opener);
        break;
    case DATA_IN_TIMEOUT:
        csep_data_expire(c, w->now + CSEP_SEC(100000));
        break;
    default:
        csep_data_close(c, 0, w->now);
        break;
    }
}

/* What the real one may do beyond the cell: DATA with an ACK confirms; an acceptor's token is not known to a
 * served connection before NEW_CID, so that a reset is a stray packet there. */
static void check_pair(enum csep_data_state s, enum data_input in, bool opener, unsigned *reached)
{
    struct net w;
    struct csep_data *c = reach(&w, s, opener);
    if (c) {
        int want = data_state_next(s, in);
        bool no_token = in == DATA_IN_RESET && !c->peer.v[c->peer.in_use].has_token;
        bool early_close = in == DATA_IN_CLOSE && s == CSEP_DATA_ACCEPTED;
        if (want < 0 || no_token)
            want = (int)s;
        if (s == CSEP_DATA_IDLE || (in == DATA_IN_TIMEOUT && (s == CSEP_DATA_CLOSED)))
            want = (int)s;
        act(&w, c, opener, in);
        if (in == DATA_IN_ACKED && s == CSEP_DATA_ACCEPTED)
            want = CSEP_DATA_CONFIRMED; /* it came in a packet of the data space */
        (void)early_close;
        if ((int)csep_data_get_state(c) != want)
            fail_msg("%s %s, %s: %s, not %s", opener ? "opener" : "acceptor", csep_data_state_name(s),
                     data_input_name(in), csep_data_state_name(csep_data_get_state(c)),
                     csep_data_state_name((enum csep_data_state)want));
        (*reached)++;
    }
    net_done(&w);
}

static void test_every_pair(void **state)
{
    (void)state;
    unsigned reached = 0;
    for (int s = CSEP_DATA_OPENING; s < CSEP_DATA_STATE_COUNT; s++)
        for (int in = 0; in < DATA_INPUT_COUNT; in++)
            for (int opener = 0; opener < 2; opener++)
                check_pair((enum csep_data_state)s, (enum data_input)in, opener, &reached);
    /* Six states of an opener, five of an acceptor; IDLE is before there is a connection. */
    assert_int_equal(reached, (6 + 5) * DATA_INPUT_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_every_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
