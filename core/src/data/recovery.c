/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/recovery.h"

#include <string.h>

#define PACKET_THRESHOLD 3
#define GRANULARITY      CSEP_MS(1)
#define PTO_DOUBLINGS    20
#define SENT_MOST        (UINT32_C(1) << 18) /* packets from the oldest unsettled one on */
#define RTT_MOST         CSEP_SEC(60)        /* beyond that the host slept, and the path says nothing */

void recovery_init(struct recovery *r, csep_time rtt, uint32_t unit)
{
    memset(r, 0, sizeof *r);
    congestion_init(&r->cc, unit);
    r->srtt = rtt ? rtt : CSEP_MS(333); //= DATA-29, DATA-74
    r->rttvar = r->srtt / 2;
}

void recovery_new_path(struct recovery *r, struct sent_space *s, uint32_t unit)
{
    uint64_t in_flight = r->cc.in_flight;
    csep_time delay = r->peer_ack_delay;
    recovery_init(r, 0, unit); //= DATA-52
    r->cc.in_flight = in_flight;
    r->peer_ack_delay = delay;
    s->path_from = s->next;
}

/* ---- The rings ---- */

static struct sent_packet *packet_at(const struct sent_space *s, uint64_t number)
{
    return &s->p[number & (s->cap - 1)];
}

static struct sent_item *item_at(const struct sent_space *s, uint64_t i)
{
    return &s->items[i & (s->items_cap - 1)];
}

static bool reserve_packets(struct sent_space *s, struct mem *m)
{
    if (s->next - s->head < s->cap)
        return true;
    if (s->cap == SENT_MOST)
        return false; /* a peer that lets one packet wait for ever gets no memory for the rest */
    uint32_t cap = s->cap ? s->cap * 2 : 4;
    struct sent_packet *p = mem_get(m, cap * sizeof *p);
    if (!p)
        return false;
    for (uint64_t n = s->head; n < s->next; n++)
        p[n & (cap - 1)] = *packet_at(s, n);
    mem_put(m, s->p, s->cap * sizeof *p);
    s->p = p;
    s->cap = cap;
    return true;
}

/* Pieces of one packet lie side by side, so that a handler sees them as an array: a packet whose
 * pieces would wrap starts at the ring's beginning. */
static bool reserve_items(struct sent_space *s, struct mem *m, uint32_t num)
{
    if (!num)
        return true;
    if (s->items_cap) {
        uint64_t left = s->items_cap - (s->items_next & (s->items_cap - 1));
        uint64_t start = left < num ? s->items_next + left : s->items_next;
        if (start + num - s->items_head <= s->items_cap) {
            s->items_next = start;
            return true;
        }
    }
    uint32_t cap = s->items_cap ? s->items_cap * 2 : 8;
    while (cap < num * 2)
        cap *= 2;
    struct sent_item *v = mem_get(m, cap * sizeof *v);
    if (!v)
        return false;
    for (uint64_t n = s->head, at = 0; n < s->next; n++) {
        struct sent_packet *p = packet_at(s, n);
        if (p->settled)
            continue;
        if (p->num_items)
            memcpy(v + at, item_at(s, p->first_item), p->num_items * sizeof *v);
        p->first_item = at;
        at += p->num_items;
        s->items_next = at;
    }
    if (s->head == s->next)
        s->items_next = 0;
    mem_put(m, s->items, s->items_cap * sizeof *v);
    s->items = v;
    s->items_cap = cap;
    s->items_head = 0;
    return reserve_items(s, m, num);
}

bool sent_reserve(struct sent_space *s, struct mem *m, uint32_t items)
{
    return reserve_packets(s, m) && reserve_items(s, m, items);
}

void sent_add_item(struct sent_space *s, struct sent_item item)
{
    *item_at(s, s->items_next++) = item;
}

static void release(struct sent_space *s, struct mem *m)
{
    mem_put(m, s->p, s->cap * sizeof *s->p);
    mem_put(m, s->items, s->items_cap * sizeof *s->items);
    s->p = NULL;
    s->items = NULL;
    s->cap = s->items_cap = 0;
    s->items_head = s->items_next = 0;
}

static void advance(struct sent_space *s, struct mem *m)
{
    while (s->head < s->next && packet_at(s, s->head)->settled)
        s->head++;
    if (s->head == s->next)
        release(s, m);
    else
        s->items_head = packet_at(s, s->head)->first_item;
}

void sent_done(struct sent_space *s, struct mem *m, struct recovery *r, const struct sent_packet *p)
{
    if (!p->eliciting && s->head == s->next) { /* only an acknowledgement: nobody will ask for it */
        s->head = ++s->next;
        release(s, m);
        return;
    }
    struct sent_packet *rec = packet_at(s, s->next++);
    *rec = *p;
    rec->first_item = s->items_next - p->num_items;
    rec->settled = p->eliciting ? 0 : SETTLED_OTHERWISE;
    if (!p->eliciting)
        return;
    if (!r->cc.in_flight && s->last_eliciting && p->sent - s->last_eliciting > recovery_pto(r))
        congestion_idle(&r->cc);
    s->eliciting_in_flight++;
    s->last_eliciting = p->sent;
    congestion_sent(&r->cc, p->bytes);
}

static void settle(struct sent_space *s, struct sent_packet *p, enum settled how)
{
    p->settled = (uint8_t)how;
    s->eliciting_in_flight--;
}

void sent_forget(struct sent_space *s, struct mem *m, struct recovery *r, const struct recovery_ops *ops)
{
    for (uint64_t n = s->head; n < s->next; n++) {
        struct sent_packet *p = packet_at(s, n);
        if (p->settled)
            continue;
        settle(s, p, SETTLED_OTHERWISE);
        congestion_forgotten(&r->cc, p->bytes);
        ops->forgotten(ops->self, p, p->num_items ? item_at(s, p->first_item) : NULL);
    }
    s->loss_time = 0;
    s->head = s->next;
    release(s, m);
}

const struct sent_packet *sent_at(const struct sent_space *s, uint64_t number, struct sent_item **out_items)
{
    const struct sent_packet *p = packet_at(s, number);
    if (p->settled)
        return NULL;
    *out_items = p->num_items ? item_at(s, p->first_item) : NULL;
    return p;
}

/* ---- Round-trip time, RFC 9002 section 5 ---- */

static void sample_rtt(struct recovery *r, csep_time rtt, csep_time ack_delay, csep_time now)
{
    r->latest = rtt;
    if (!r->sampled) {
        r->sampled = true;
        r->first_sample = now;
        r->min_rtt = r->srtt = rtt;
        r->rttvar = rtt / 2;
        return;
    }
    if (rtt < r->min_rtt)
        r->min_rtt = rtt;
    if (ack_delay > r->peer_ack_delay)
        ack_delay = r->peer_ack_delay;
    if (rtt >= r->min_rtt + ack_delay)
        rtt -= ack_delay;
    csep_time diff = r->srtt > rtt ? r->srtt - rtt : rtt - r->srtt;
    r->rttvar = (3 * r->rttvar + diff) / 4;
    r->srtt = (7 * r->srtt + rtt) / 8;
}

csep_time recovery_pto(const struct recovery *r)
{
    csep_time spread = 4 * r->rttvar > GRANULARITY ? 4 * r->rttvar : GRANULARITY;
    return r->srtt + spread + r->peer_ack_delay;
}

csep_time recovery_pto_at(const struct recovery *r, const struct sent_space *s)
{
    if (!s->eliciting_in_flight)
        return CSEP_NEVER;
    unsigned doublings = r->pto_count < PTO_DOUBLINGS ? r->pto_count : PTO_DOUBLINGS;
    return csep_time_add(s->last_eliciting, recovery_pto(r) << doublings); //= DATA-74
}

/* ---- Acknowledgements and loss, RFC 9002 section 6 //= DATA-73 ---- */

struct acked {
    csep_time newest; /* when the newest of them was sent */
    bool any, eliciting, largest;
};

static void ack_run(struct recovery *r, struct sent_space *s, struct ack_range run, uint64_t largest,
                    struct acked *out, const struct recovery_ops *ops)
{
    uint64_t low = run.low < s->head ? s->head : run.low;
    for (uint64_t n = low; n <= run.high; n++) {
        struct sent_packet *p = packet_at(s, n);
        if (p->settled)
            continue;
        settle(s, p, SETTLED_ACKED);
        if (n < s->path_from)
            congestion_forgotten(&r->cc, p->bytes);
        else
            congestion_acked(&r->cc, p->bytes, p->sent);
        out->any = true;
        if (n == largest) {
            out->largest = true;
            out->newest = p->sent;
        }
        ops->acked(ops->self, p, p->num_items ? item_at(s, p->first_item) : NULL);
    }
}

csep_status recovery_ack(struct recovery *r, struct sent_space *s, struct mem *m, const struct frame_ack *ack,
                         csep_time ack_delay, csep_time now, const struct recovery_ops *ops)
{
    if (ack->largest >= s->next)
        return CSEP_ERR_DECODE; //= DATA-60
    struct ack_ranges it;
    struct ack_range run;
    struct acked got = {0};
    frame_ack_ranges(&it, ack);
    while (frame_ack_next(&it, &run) && run.high >= s->head)
        ack_run(r, s, run, ack->largest, &got, ops);
    if (ack->largest >= s->acked_next)
        s->acked_next = ack->largest + 1;
    if (!got.any)
        return CSEP_OK;
    if (got.largest && ack->largest >= s->path_from && now - got.newest <= RTT_MOST)
        sample_rtt(r, now - got.newest, ack_delay, now);
    r->pto_count = 0;
    recovery_detect(r, s, m, now, ops);
    return CSEP_OK;
}

static csep_time loss_delay(const struct recovery *r)
{
    csep_time rtt = r->latest > r->srtt ? r->latest : r->srtt;
    csep_time d = rtt + rtt / 8;
    return d > GRANULARITY ? d : GRANULARITY;
}

/* Sent times of a run of losses without an acknowledged packet between them (RFC 9002 section 7.6.2). */
struct run {
    csep_time first, last;
    bool any, persistent;
};

static void run_add(struct run *run, const struct recovery *r, csep_time sent)
{
    if (!r->sampled || sent <= r->first_sample)
        return;
    if (!run->any)
        run->first = sent;
    run->any = true;
    run->last = sent;
}

static void run_end(struct run *run, const struct recovery *r)
{
    run->persistent |= run->any && run->last - run->first > 3 * recovery_pto(r);
    run->any = false;
}

void recovery_detect(struct recovery *r, struct sent_space *s, struct mem *m, csep_time now,
                     const struct recovery_ops *ops)
{
    uint64_t end = s->overtaken ? s->next : s->acked_next;
    csep_time delay = loss_delay(r);
    struct run run = {0};
    s->loss_time = 0;
    for (uint64_t n = s->head; n < end; n++) {
        struct sent_packet *p = packet_at(s, n);
        if (p->settled == SETTLED_ACKED)
            run_end(&run, r);
        if (p->settled)
            continue;
        bool by_number = n + PACKET_THRESHOLD < s->acked_next;
        csep_time late = csep_time_add(p->sent, delay);
        if (!by_number && late > now) {
            s->loss_time = s->loss_time ? csep_time_min(s->loss_time, late) : late;
            continue;
        }
        settle(s, p, SETTLED_OTHERWISE);
        if (n < s->path_from) {
            congestion_forgotten(&r->cc, p->bytes);
        } else {
            run_add(&run, r, p->sent);
            congestion_lost(&r->cc, p->bytes, p->sent, now);
        }
        ops->lost(ops->self, n, p, p->num_items ? item_at(s, p->first_item) : NULL,
                  by_number ? LOSS_PACKETS : LOSS_TIME);
    }
    run_end(&run, r);
    if (run.persistent)
        congestion_collapse(&r->cc);
    advance(s, m);
}
