/* SPDX-License-Identifier: BSD-2-Clause */
/* Loss detection and congestion control by themselves: what counts as congestion, and of which path. */
#include "data/recovery.h"
#include "support.h"

#define UNIT 1200u
#define RTT  CSEP_MS(100)

struct fixture {
    struct recovery r;
    struct sent_space s;
    struct mem m;
    struct test_alloc alloc;
    csep_time now;
    unsigned acked, lost;
};

static void on_acked(void *self, const struct sent_packet *p, const struct sent_item *items)
{
    (void)p;
    (void)items;
    ((struct fixture *)self)->acked++;
}

static void on_lost(void *self, uint64_t number, const struct sent_packet *p, const struct sent_item *items,
                    enum loss_trigger trigger)
{
    (void)number;
    (void)p;
    (void)items;
    (void)trigger;
    ((struct fixture *)self)->lost++;
}

static struct recovery_ops ops_of(struct fixture *f)
{
    return (struct recovery_ops){on_acked, on_lost, on_acked, f};
}

static void begin(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->m.alloc = test_alloc(&f->alloc);
    f->now = CSEP_SEC(10);
    recovery_init(&f->r, 0, UNIT);
}

static void end(struct fixture *f)
{
    struct recovery_ops ops = ops_of(f);
    sent_forget(&f->s, &f->m, &f->r, &ops);
    test_alloc_done(&f->alloc);
}

static bool put(struct fixture *f, bool eliciting)
{
    struct sent_packet p = {.sent = f->now, .bytes = UNIT, .eliciting = eliciting, .epoch = 1};
    if (!sent_reserve(&f->s, &f->m, 0))
        return false;
    sent_done(&f->s, &f->m, &f->r, &p);
    return true;
}

static void put_many(struct fixture *f, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        assert_true(put(f, true));
}

/* Ranges from above, ends included. */
static void ack(struct fixture *f, const struct ack_range *ranges, size_t n)
{
    uint8_t buf[256];
    struct wr w = wr_init(buf, sizeof buf);
    struct frame_where where = {CSEP_TRANSPORT_UDP, CSEP_SERVICE_MESSAGE, PLACE_DATA, SENT_BY_OPENER};
    struct frames it;
    struct frame fr;
    struct recovery_ops ops = ops_of(f);
    frame_put_ack(&w, CSEP_FRAME_ACK, 0, ranges, n);
    frames_init(&it, view_of(buf, w.len), &where);
    assert_ok(frames_next(&it, &fr));
    assert_ok(recovery_ack(&f->r, &f->s, &f->m, &fr.u.ack, 0, f->now, &ops));
}

static void ack_one(struct fixture *f, uint64_t low, uint64_t high)
{
    ack(f, &(struct ack_range){low, high}, 1);
}

/* A first sample, and a window of some size. */
static void warm_up(struct fixture *f, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        uint64_t from = f->s.next;
        while (congestion_allows(&f->r.cc))
            put_many(f, 1);
        f->now += RTT;
        ack_one(f, from, f->s.next - 1);
    }
}

/* Losses of one round trip halve the window once, even when some are noticed after the others' repair. */
//= DATA-75 type=test
static void test_one_reduction(void **state)
{
    (void)state;
    struct fixture f;
    struct recovery_ops ops = ops_of(&f);
    begin(&f);
    warm_up(&f, 4);
    uint64_t first = f.s.next, window = f.r.cc.cwnd;
    put_many(&f, 10);
    f.now += RTT;
    ack_one(&f, first + 1, first + 5); /* the first is lost; 6 to 9 are not known yet */
    assert_int_equal(f.r.cc.cwnd, window / 2);
    f.now += CSEP_MS(1);
    put_many(&f, 1); /* in recovery */
    f.now += CSEP_MS(5);
    ack_one(&f, first + 10, first + 10); /* and acknowledged: it is over; 6 is lost by number */
    f.now += RTT;
    recovery_detect(&f.r, &f.s, &f.m, f.now, &ops); /* the others, by time */
    assert_int_equal(f.lost, 5);
    assert_int_equal(f.r.cc.cwnd, window / 2);
    end(&f);
}

/* Two losses far apart with something acknowledged between them are no persistent congestion. */
//= DATA-75 type=test
static void test_persistent_congestion(void **state)
{
    (void)state;
    for (unsigned gap = 0; gap < 2; gap++) {
        struct fixture f;
        begin(&f);
        warm_up(&f, 3);
        uint64_t first = f.s.next;
        for (unsigned i = 0; i < 8; i++) {
            put_many(&f, 1);
            f.now += 2 * RTT;
        }
        put_many(&f, 1);
        f.now += RTT;
        struct ack_range some[] = {{first + 8, first + 8}, {first + 5, first + 5}, {first + 2, first + 2}};
        ack(&f, some, gap ? 3 : 1);
        assert_int_equal(f.lost, gap ? 6 : 8);
        assert_true(2 * RTT < 3 * recovery_pto(&f.r) && 14 * RTT > 3 * recovery_pto(&f.r));
        if (gap)
            assert_true(f.r.cc.cwnd > 4 * UNIT);
        else
            assert_int_equal(f.r.cc.cwnd, 2 * UNIT);
        end(&f);
    }
}

/* What was sent on the path before says nothing about the new one. */
//= DATA-52 type=test
static void test_old_path(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    warm_up(&f, 3);
    uint64_t first = f.s.next;
    put_many(&f, 20);
    recovery_new_path(&f.r, &f.s, UNIT);
    uint64_t window = f.r.cc.cwnd;
    f.now += CSEP_MS(1);
    ack_one(&f, first + 10, first + 19); /* 0 to 9 are lost, and that is all */
    assert_int_equal(f.lost, 7 + 3);
    assert_false(f.r.sampled);
    assert_int_equal(f.r.cc.cwnd, window);
    assert_int_equal(f.r.cc.in_flight, 0);
    put_many(&f, 1);
    f.now += CSEP_MS(7);
    ack_one(&f, first + 20, first + 20);
    assert_int_equal(f.r.srtt, CSEP_MS(7));
    end(&f);
}

/* No burst of a window that was earned long ago. */
//= DATA-75 type=test
static void test_idle(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    uint64_t initial = f.r.cc.cwnd;
    warm_up(&f, 6);
    assert_true(f.r.cc.cwnd > 4 * initial);
    f.now += CSEP_SEC(30);
    put_many(&f, 1);
    assert_int_equal(f.r.cc.cwnd, initial);
    end(&f);
}

/* A peer that lets one packet wait for ever, and makes us send acknowledgements meanwhile. */
static void test_never_acknowledged(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    put_many(&f, 1);
    for (unsigned i = 0; i < 300000 && put(&f, false); i++)
        ;
    assert_true(f.m.held <= (size_t)32 << 20);
    assert_false(put(&f, false));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_reduction),      cmocka_unit_test(test_persistent_congestion),
        cmocka_unit_test(test_old_path),           cmocka_unit_test(test_idle),
        cmocka_unit_test(test_never_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
