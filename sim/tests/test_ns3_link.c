/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links of ns3.h: losses, faults, jitter, queues, counters, captures, and "same seed, same bytes". */
#include "ns3_world.h"

enum { MAX_PACKETS = 20000 };

/* Numbered datagrams from client to server, one every interval. */
struct stream {
    struct world w;
    csim_udp *client, *server;
    csim_timer *timer;
    uint64_t interval_ns;
    uint32_t next, total;
    uint32_t num_got;
    uint32_t got[MAX_PACKETS + 8]; /* in order of arrival */
    uint64_t at[MAX_PACKETS + 8];
};

static struct stream st;

static void arrived(void *arg, csim_udp *u, const struct csep_addr *from, const uint8_t *data, size_t len)
{
    struct stream *s = arg;
    (void)u, (void)from;
    assert_int_equal(len, 100);
    assert_true(s->num_got < MAX_PACKETS + 8);
    s->at[s->num_got] = csim_now(s->w.sim);
    memcpy(&s->got[s->num_got++], data, 4);
}

static void send_next(void *arg)
{
    struct stream *s = arg;
    uint8_t data[100] = {0};
    memcpy(data, &s->next, 4);
    s->next++;
    ok(csim_udp_send(s->client, &s->w.server_addr, data, sizeof data));
    if (s->next <= s->total)
        ok(csim_timer_set(s->timer, csim_now(s->w.sim) + s->interval_ns));
}

/* Ready to run; packet i (from 1) leaves at i * interval. */
static void stream_make(uint64_t seed, uint32_t total, uint64_t interval_ns,
                        const struct csim_link_options *o)
{
    const struct csim_udp_events events = {arrived, NULL};
    memset(&st, 0, sizeof st);
    world_make(&st.w, 4, 1, seed, o, NULL);
    ok(csim_udp_open(st.w.server, &st.w.server_any, &events, &st, &st.server));
    ok(csim_udp_open(st.w.client, &st.w.any, &events, &st, &st.client));
    ok(csim_timer_new(st.w.sim, send_next, &st, &st.timer));
    st.interval_ns = interval_ns;
    st.next = 1;
    st.total = total;
    ok(csim_timer_set(st.timer, interval_ns));
}

static void impair(const struct csim_impairment *i)
{
    ok(csim_link_impair(st.w.near, CSIM_A_TO_B, i));
}

/* Loss in permille of a whole stream; checks the counters on the way. */
static unsigned loss_permille(const struct csim_impairment *i, uint64_t seed, uint64_t *hash)
{
    struct csim_counters c;
    stream_make(seed, MAX_PACKETS, 10000, NULL);
    impair(i);
    ok(csim_run(st.w.sim));
    ok(csim_link_counters(st.w.near, CSIM_A_TO_B, &c));
    assert_int_equal(c.sent, MAX_PACKETS);
    assert_int_equal(c.sent_bytes, MAX_PACKETS * 128u);
    assert_int_equal(c.delivered, st.num_got);
    assert_int_equal(c.delivered + c.lost, c.sent);
    assert_int_equal(c.queue_drops, 0);
    *hash = csim_trace_hash(st.w.sim);
    world_end(&st.w);
    return (unsigned)(c.lost * 1000 / c.sent);
}

static void test_loss_rates(void **state)
{
    (void)state;
    static const struct {
        struct csim_impairment i;
        unsigned permille; /* what mathematics says */
    } rows[] = {
        {{.loss = CSIM_LOSS_NONE}, 0},
        {{.loss = CSIM_LOSS_RANDOM, .rate = 0}, 0},
        {{.loss = CSIM_LOSS_RANDOM, .rate = 0.01}, 10},
        {{.loss = CSIM_LOSS_RANDOM, .rate = 0.2}, 200},
        {{.loss = CSIM_LOSS_RANDOM, .rate = 1}, 1000},
        /* Mean burst b = 4, mean gap (1 - p) / p: p * b / (p * b + 1 - p). */
        {{.loss = CSIM_LOSS_BURST, .rate = 0.02, .burst_min = 2, .burst_max = 6}, 75},
        /* In state bad for a share of g / (g + b) = 1/11, there half is lost. */
        {{.loss = CSIM_LOSS_GILBERT, .good_to_bad = 0.02, .bad_to_good = 0.2, .loss_bad = 0.5}, 45},
        {{.loss = CSIM_LOSS_GILBERT,
          .good_to_bad = 0.1,
          .bad_to_good = 0.1,
          .loss_good = 0.1,
          .loss_bad = 0.3},
         200},
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        uint64_t hash, again, other;
        const unsigned p = rows[r].permille, slack = p == 0 || p == 1000 ? 0 : 4 + p / 10;
        const unsigned got = loss_permille(&rows[r].i, 1, &hash);
        if (got + slack < p || got > p + slack)
            fail_msg("row %zu: %u permille lost, %u expected", r, got, p);
        assert_int_equal(loss_permille(&rows[r].i, 1, &again), got);
        assert_int_equal(hash, again);
        (void)loss_permille(&rows[r].i, 2, &other);
        if (slack)
            assert_int_not_equal(hash, other);
        else
            assert_int_equal(hash, other); /* nothing random in it */
    }
}

static void test_bursts_are_bursts(void **state)
{
    (void)state;
    const struct csim_impairment i = {.loss = CSIM_LOSS_BURST, .rate = 0.01, .burst_min = 3, .burst_max = 3};
    stream_make(1, MAX_PACKETS, 10000, NULL);
    impair(&i);
    ok(csim_run(st.w.sim));
    unsigned bursts = 0;
    for (uint32_t k = 1; k < st.num_got; k++) {
        const uint32_t gap = st.got[k] - st.got[k - 1] - 1;
        assert_int_equal(gap % 3, 0); /* two bursts may touch */
        bursts += gap / 3;
    }
    assert_in_range(bursts, 150, 250);
    world_end(&st.w);
}

/* ---- faults ------------------------------------------------------------- */

static void test_exactly_the_named_packets(void **state)
{
    (void)state;
    stream_make(1, 20, MS(1), NULL);
    static const uint64_t drop[] = {1, 7, 8, 20};
    for (size_t i = 0; i < 4; i++)
        ok(csim_link_fault(st.w.near, CSIM_A_TO_B, drop[i], CSIM_FAULT_DROP, 0));
    ok(csim_link_fault(st.w.near, CSIM_B_TO_A, 2, CSIM_FAULT_DROP,
                       0)); /* the other way: nothing goes there */
    ok(csim_run(st.w.sim));
    static const uint32_t left[] = {2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19};
    assert_int_equal(st.num_got, 16);
    assert_memory_equal(st.got, left, sizeof left);
    assert_int_equal(csim_link_fault(st.w.near, CSIM_A_TO_B, 20, CSIM_FAULT_DROP, 0), CSIM_ERR_ARGUMENT);
    world_end(&st.w);
}

static void test_duplicate_and_delay(void **state)
{
    (void)state;
    struct csim_counters c;
    stream_make(1, 5, MS(1), NULL);
    ok(csim_link_fault(st.w.near, CSIM_A_TO_B, 2, CSIM_FAULT_DUPLICATE, 0));
    ok(csim_link_fault(st.w.near, CSIM_A_TO_B, 3, CSIM_FAULT_DELAY, MS(1) + 500000));
    ok(csim_link_fault(st.w.near, CSIM_A_TO_B, 5, CSIM_FAULT_DUPLICATE, MS(7)));
    ok(csim_run(st.w.sim));
    static const uint32_t expected[] = {1, 2, 2, 4, 3, 5, 5};
    assert_int_equal(st.num_got, 7);
    assert_memory_equal(st.got, expected, sizeof expected);
    const uint64_t way = MS(10) + csim_link_airtime(st.w.near, 128);
    static const uint64_t extra[] = {MS(1), MS(2), MS(2), MS(4), MS(3) + MS(1) + 500000, MS(5), MS(12)};
    for (int i = 0; i < 7; i++)
        assert_int_equal(st.at[i], extra[i] + way);
    ok(csim_link_counters(st.w.near, CSIM_A_TO_B, &c));
    assert_int_equal(c.sent, 5);
    assert_int_equal(c.delivered, 7);
    assert_int_equal(c.duplicated, 2);
    assert_int_equal(c.delayed, 1);
    world_end(&st.w);
}

/* A fault takes one packet; the random losses around it stay where they were. */
static void test_a_fault_does_not_shift_randomness(void **state)
{
    (void)state;
    const struct csim_impairment i = {.loss = CSIM_LOSS_RANDOM, .rate = 0.5};
    static uint32_t before[2000];
    stream_make(9, 2000, 10000, NULL);
    impair(&i);
    ok(csim_run(st.w.sim));
    const uint32_t num = st.num_got;
    memcpy(before, st.got, sizeof before);
    world_end(&st.w);
    stream_make(9, 2000, 10000, NULL);
    impair(&i);
    ok(csim_link_fault(st.w.near, CSIM_A_TO_B, before[10], CSIM_FAULT_DROP, 0));
    ok(csim_run(st.w.sim));
    assert_int_equal(st.num_got, num - 1);
    assert_memory_equal(st.got, before, 10 * 4);
    assert_memory_equal(st.got + 10, before + 11, (num - 11) * 4);
    world_end(&st.w);
}

static void test_jitter(void **state)
{
    (void)state;
    for (int reorder = 0; reorder < 2; reorder++) {
        const struct csim_impairment i = {.jitter_ns = MS(1), .reorder = reorder};
        stream_make(4, 5000, 100000, NULL);
        impair(&i);
        ok(csim_run(st.w.sim));
        assert_int_equal(st.num_got, 5000);
        unsigned overtaken = 0, late = 0;
        const uint64_t way = MS(10) + csim_link_airtime(st.w.near, 128);
        for (uint32_t k = 0; k < 5000; k++) {
            const uint64_t took = st.at[k] - st.got[k] * st.interval_ns;
            assert_in_range(took, way, way + MS(1));
            late += took > way + MS(1) / 2;
            overtaken += k > 0 && st.got[k] < st.got[k - 1];
        }
        if (reorder)
            assert_in_range(late, 2300, 2700);
        else
            assert_int_equal(overtaken, 0);
        assert_true(!reorder || overtaken > 1000);
        world_end(&st.w);
    }
}

static bool only_odd(void *arg, const uint8_t *ip, size_t len)
{
    uint32_t number;
    ++*(unsigned *)arg;
    assert_int_equal(len, 128);
    assert_int_equal(ip[0], 0x45);
    memcpy(&number, ip + 28, 4);
    return number % 2 == 1;
}

static void test_filters_and_blocked_protocols(void **state)
{
    (void)state;
    unsigned asked = 0;
    stream_make(1, 10, MS(1), NULL);
    ok(csim_link_filter(st.w.near, CSIM_A_TO_B, only_odd, &asked));
    ok(csim_run_until(st.w.sim, MS(5) + 1));
    ok(csim_link_filter(st.w.near, CSIM_A_TO_B, NULL, NULL));
    ok(csim_link_block(st.w.near, CSIM_A_TO_B, 6, true));
    ok(csim_run_until(st.w.sim, MS(7) + 1));
    ok(csim_link_block(st.w.near, CSIM_A_TO_B, 17, true));
    ok(csim_run_until(st.w.sim, MS(9) + 1));
    ok(csim_link_block(st.w.near, CSIM_A_TO_B, 17, false));
    ok(csim_run(st.w.sim));
    static const uint32_t expected[] = {1, 3, 5, 6, 7, 10};
    assert_int_equal(asked, 5);
    assert_int_equal(st.num_got, 6);
    assert_memory_equal(st.got, expected, sizeof expected);
    world_end(&st.w);
}

static void test_link_down_and_up(void **state)
{
    (void)state;
    stream_make(1, 10, MS(1), NULL);
    ok(csim_link_set_up(st.w.near, MS(3) + 1, false));
    ok(csim_link_set_up(st.w.near, MS(6) + 1, true));
    ok(csim_run(st.w.sim));
    static const uint32_t expected[] = {1, 2, 3, 7, 8, 9, 10};
    assert_int_equal(st.num_got, 7);
    assert_memory_equal(st.got, expected, sizeof expected);
    world_end(&st.w);
}

/* 1 Mbit/s and 130 bytes: 1.04 ms each. Twenty at once: one on the wire, as many waiting as fit, the rest
 * dropped. */
static void test_queue_limits(void **state)
{
    (void)state;
    for (int in_bytes = 0; in_bytes < 2; in_bytes++) {
        struct csim_link_options o;
        struct csim_counters c;
        csim_link_options_default(&o);
        o.rate_bps = 1000000;
        o.queue_packets = 3;
        o.queue_bytes = in_bytes ? 1502 : 0;
        const uint32_t fit = 1 + (in_bytes ? 11 : 3);
        stream_make(1, 0, MS(1), &o);
        ok(csim_timer_set(st.timer, CSEP_NEVER));
        uint8_t data[100] = {0};
        for (uint32_t i = 1; i <= 20; i++) {
            memcpy(data, &i, 4);
            ok(csim_udp_send(st.client, &st.w.server_addr, data, sizeof data));
        }
        ok(csim_run(st.w.sim));
        ok(csim_link_counters(st.w.near, CSIM_A_TO_B, &c));
        assert_int_equal(st.num_got, fit);
        assert_int_equal(c.queue_drops, 20 - fit);
        for (uint32_t i = 0; i < fit; i++) {
            assert_int_equal(st.got[i], i + 1);
            assert_int_equal(st.at[i], MS(10) + (i + 1) * 1040000);
        }
        world_end(&st.w);
    }
}

/* ---- watching ----------------------------------------------------------- */

struct seen {
    unsigned num[4];
    uint64_t last;
    struct world *w;
};

static void look(void *arg, const struct csim_packet *p)
{
    struct seen *s = arg;
    s->num[p->what]++;
    assert_true(p->time >= s->last);
    s->last = p->time;
    assert_ptr_equal(p->link, s->w->near);
    assert_int_equal(p->ip[0] >> 4, 4);
    assert_int_equal(p->ip[2] << 8 | p->ip[3], p->len);
    assert_ptr_equal(p->node, p->what == CSIM_RECEIVED ? s->w->server : s->w->client);
}

static void test_tap_sees_everything(void **state)
{
    (void)state;
    struct seen seen = {{0}, 0, &st.w};
    stream_make(1, 10, MS(1), NULL);
    ok(csim_link_fault(st.w.near, CSIM_A_TO_B, 4, CSIM_FAULT_DROP, 0));
    ok(csim_tap(st.w.sim, look, &seen));
    ok(csim_run(st.w.sim));
    assert_int_equal(seen.num[CSIM_SENT], 10);
    assert_int_equal(seen.num[CSIM_RECEIVED], 9);
    assert_int_equal(seen.num[CSIM_LOST], 1);
    world_end(&st.w);
}

/* RFC 1071 over a sum that has been begun. */
static uint16_t fold(uint32_t sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2)
        sum += (uint32_t)(p[i] << 8 | p[i + 1]);
    if (n % 2)
        sum += (uint32_t)p[n - 1] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static void check_checksums(const uint8_t *ip, size_t len)
{
    const bool v4 = ip[0] >> 4 == 4;
    const size_t head = v4 ? 20 : 40;
    assert_true(len >= head + 8);
    if (v4)
        assert_int_equal(fold(0, ip, 20), 0xffff);
    const uint8_t protocol = v4 ? ip[9] : ip[6];
    const uint32_t pseudo = fold(0, v4 ? ip + 12 : ip + 8, v4 ? 8 : 32) + protocol + (uint32_t)(len - head);
    const uint32_t start = v4 && protocol == 1 ? 0 : pseudo; /* ICMPv4 has no pseudo header */
    if (fold(start, ip + head, len - head) != 0xffff)
        fail_msg("checksum of IPv%d protocol %u, %zu bytes is wrong", v4 ? 4 : 6, protocol, len);
}

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void tcp_received(void *arg, csim_tcp *c, const uint8_t *data, size_t len)
{
    size_t taken;
    if (arg)
        ok(csim_tcp_send(c, data, len, &taken));
    else
        ok(csim_tcp_close(c));
}

static void tcp_finished(void *arg, csim_tcp *c)
{
    (void)arg;
    ok(csim_tcp_close(c));
}

static void tcp_connected(void *arg, csim_tcp *c)
{
    (void)arg;
    size_t taken;
    ok(csim_tcp_send(c, (const uint8_t *)"0123456789abcdefg", 17, &taken));
}

static const struct csim_tcp_events tcp_events = {
    .connected = tcp_connected, .received = tcp_received, .finished = tcp_finished};

static void tcp_accepted(void *arg, csim_tcp *listener, csim_tcp *c, const struct csep_addr *peer)
{
    (void)arg, (void)peer;
    ok(csim_tcp_events_set(c, &tcp_events, listener));
}

static void udp_ignore(void *arg, csim_udp *u, const struct csep_addr *from, const uint8_t *data, size_t len)
{
    (void)arg, (void)u, (void)from, (void)data, (void)len;
}

/* UDP, an ICMP error and a TCP connection through a router, IPv4 and IPv6; captured on both sides. */
static uint64_t mixed_traffic(int family, uint64_t seed, const char *path_near, const char *path_far)
{
    struct world w;
    csim_udp *u;
    csim_tcp *listener, *c;
    const struct csim_udp_events udp = {udp_ignore, NULL};
    const struct csim_impairment i = {.loss = CSIM_LOSS_RANDOM, .rate = 0.1, .jitter_ns = 12345};
    world_make(&w, family, 2, seed, NULL, NULL);
    if (path_near)
        ok(csim_capture(w.near, CSIM_A_TO_B, path_near));
    if (path_far)
        ok(csim_capture(w.far, CSIM_B_TO_A, path_far));
    ok(csim_link_impair(w.far, CSIM_A_TO_B, &i));
    ok(csim_udp_open(w.client, &w.any, &udp, NULL, &u));
    ok(csim_udp_send(u, &w.server_addr, (const uint8_t *)"odd", 3));
    ok(csim_tcp_listen(w.server, &w.server_any, NULL, tcp_accepted, NULL, &listener));
    ok(csim_tcp_connect(w.client, NULL, &w.server_addr, NULL, &tcp_events, NULL, &c));
    ok(csim_run(w.sim));
    const uint64_t hash = csim_trace_hash(w.sim);
    world_end(&w);
    return hash;
}

static unsigned check_capture(const char *path, uint64_t *first)
{
    uint8_t head[24], rec[16], data[2048];
    unsigned num = 0;
    uint64_t last = 0;
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(head, 1, sizeof head, f), sizeof head);
    assert_int_equal(le32(head), 0xa1b23c4d); /* nanoseconds */
    assert_int_equal(le32(head + 20), 9);     /* PPP */
    while (fread(rec, 1, sizeof rec, f) == sizeof rec) {
        const uint64_t t = (uint64_t)le32(rec) * 1000000000u + le32(rec + 4);
        const size_t len = le32(rec + 8);
        assert_true(len <= sizeof data && le32(rec + 12) == len);
        assert_int_equal(fread(data, 1, len, f), len);
        assert_true(t >= last);
        last = t;
        if (num++ == 0)
            *first = t;
        assert_int_equal(data[0], 0x00);
        assert_int_equal(data[1], data[2] >> 4 == 4 ? 0x21 : 0x57);
        check_checksums(data + 2, len - 2);
    }
    assert_true(feof(f));
    fclose(f);
    return num;
}

static void test_captures(void **state)
{
    (void)state;
    char near_path[64], far_path[64];
    snprintf(near_path, sizeof near_path, "/tmp/csim-near-%d.pcap", (int)getpid());
    snprintf(far_path, sizeof far_path, "/tmp/csim-far-%d.pcap", (int)getpid());
    for (int family = 4; family <= 6; family += 2) {
        uint64_t first;
        (void)mixed_traffic(family, 3, near_path, far_path);
        assert_true(check_capture(near_path, &first) >= 12);
        assert_int_equal(first, 0);
        assert_true(check_capture(far_path, &first) >= 12);
        const uint64_t ip = family == 4 ? 31 : 51, air = (ip + 2) * 8; /* at 1 Gbit/s a bit is a nanosecond */
        assert_in_range(first, 2 * (MS(10) + air), 2 * (MS(10) + air) + 12345);
        assert_int_not_equal(first % 1000, 0); /* finer than microseconds */
    }
    remove(near_path);
    remove(far_path);
}

static int in_a_child(void *arg, csim_sink *out)
{
    const uint64_t hash = mixed_traffic(*(int *)arg, 1, NULL, NULL);
    return csim_emit(out, &hash, sizeof hash) ? 0 : 1;
}

/*
 * The same value whatever compiled this and whatever ran before in the process. When
 * a change here alters what goes over the wire, these two numbers change with it.
 */
static void test_same_seed_same_bytes(void **state)
{
    (void)state;
    const uint64_t v4 = mixed_traffic(4, 1, NULL, NULL), v6 = mixed_traffic(6, 1, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mixed_traffic(4, 1, NULL, NULL), v4);
        assert_int_equal(mixed_traffic(6, 1, NULL, NULL), v6);
    }
    for (int family = 4; family <= 6; family += 2) {
        struct csim_result r;
        ok(csim_isolated(in_a_child, &family, NULL, &r));
        assert_int_equal(r.len, 8);
        assert_memory_equal(r.bytes, family == 4 ? &v4 : &v6, 8);
        csim_result_free(&r);
    }
    assert_int_not_equal(mixed_traffic(4, 2, NULL, NULL), v4);
    assert_int_not_equal(v4, v6);
    if (v4 != UINT64_C(0x9e4841cb7ab262df) || v6 != UINT64_C(0x0fe6a72f199bf5f0))
        fail_msg("trace hashes are 0x%016" PRIx64 " and 0x%016" PRIx64, v4, v6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_loss_rates),
        world_test(test_bursts_are_bursts),
        world_test(test_exactly_the_named_packets),
        world_test(test_duplicate_and_delay),
        world_test(test_a_fault_does_not_shift_randomness),
        world_test(test_jitter),
        world_test(test_filters_and_blocked_protocols),
        world_test(test_link_down_and_up),
        world_test(test_queue_limits),
        world_test(test_tap_sees_everything),
        world_test(test_captures),
        world_test(test_same_seed_same_bytes),
    };
    return cmocka_run_group_tests_name("ns3: links", tests, NULL, NULL);
}
