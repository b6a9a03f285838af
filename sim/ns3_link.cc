/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ns3_link.cc - links: what happens to a packet between leaving one node and
 * arriving at the other, and everything that watches it.
 *
 * All of it sits in one place, a channel that decides about each packet as it is put
 * on the wire. ns-3's own error models would sit at the receiver, one kind at a time,
 * and know neither the direction's history nor how to duplicate or delay.
 */
#include "ns3_private.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>

#include "ns3/data-rate.h"
#include "ns3/drop-tail-queue.h"
#include "ns3/mac48-address.h"
#include "ns3/queue-size.h"

using namespace ns3;

/* ---- watching ----------------------------------------------------------- */

static void put32(uint8_t *b, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        b[i] =
            (uint8_t)(v >> (8 * i)); /* pcap: the byte order of the magic number, which is ours to choose */
}

static void capture_packet(csim *s, csim_direction *d, const uint8_t *ppp, size_t len, uint64_t time)
{
    uint8_t head[16];
    put32(head, (uint32_t)(time / 1000000000u));
    put32(head + 4, (uint32_t)(time % 1000000000u));
    put32(head + 8, (uint32_t)len);
    put32(head + 12, (uint32_t)len);
    if ((fwrite(head, 1, sizeof head, d->capture) != sizeof head || fwrite(ppp, 1, len, d->capture) != len) &&
        s->write_error.empty())
        s->write_error = d->capture_path;
}

/* One packet event: into the hash, and to the tap. `content` is the hash of the packet's bytes. */
static void observe(csim_link *l, unsigned d, enum csim_what what, csim_node *node, uint64_t number,
                    const uint8_t *ip, size_t len, uint64_t content)
{
    csim *s = l->sim;
    const uint64_t now = csim_now(s);
    if (s->opt.trace_hash) {
        uint8_t b[24];
        put32(b, what);
        put32(b + 4, node->id);
        put32(b + 8, (uint32_t)now);
        put32(b + 12, (uint32_t)(now >> 32));
        put32(b + 16, (uint32_t)content);
        put32(b + 20, (uint32_t)(content >> 32));
        s->hash = csim_fnv(s->hash, b, sizeof b);
    }
    if (s->tap) {
        const struct csim_packet p = {what, now, node, l, (enum csim_dir)d, number, ip, len};
        s->tap(s->tap_arg, &p);
    }
}

/* The packet's bytes, PPP header included, in the simulation's scratch space. */
static size_t copy_out(csim *s, Ptr<const Packet> p)
{
    const size_t len = p->GetSize();
    if (s->scratch.size() < len)
        s->scratch.resize(len);
    p->CopyData(s->scratch.data(), (uint32_t)len);
    return len;
}

static uint64_t content_hash(csim *s, size_t len)
{
    return s->opt.trace_hash
               ? csim_fnv(CSIM_FNV_START, s->scratch.data() + CSIM_PPP_BYTES, len - CSIM_PPP_BYTES)
               : 0;
}

/* ---- a packet's fate ---------------------------------------------------- */

static uint8_t ip_protocol(const uint8_t *ip, size_t len)
{
    if (len >= 20 && ip[0] >> 4 == 4)
        return ip[9];
    if (len < 40 || ip[0] >> 4 != 6)
        return 255;
    return ip[6] == 44 && len > 40 ? ip[40] : ip[6]; /* look through a fragment header */
}

static bool impairment_loses(csim_direction *d)
{
    const struct csim_impairment &i = d->impair;
    switch (i.loss) {
    case CSIM_LOSS_NONE:
        return false;
    case CSIM_LOSS_RANDOM:
        return csim_rng_unit(d->loss_rng) < i.rate;
    case CSIM_LOSS_BURST:
        if (d->burst_left == 0 && csim_rng_unit(d->loss_rng) < i.rate)
            d->burst_left =
                i.burst_min + (uint32_t)csim_rng_below(d->loss_rng, i.burst_max - i.burst_min + 1);
        if (d->burst_left == 0)
            return false;
        d->burst_left--;
        return true;
    case CSIM_LOSS_GILBERT:
        if (csim_rng_unit(d->loss_rng) < (d->bad ? i.bad_to_good : i.good_to_bad))
            d->bad = !d->bad;
        return csim_rng_unit(d->loss_rng) < (d->bad ? i.loss_bad : i.loss_good);
    }
    return false;
}

/* Every draw is made whatever else happens to the packet, so that a fault does not shift the random losses
 * after it. */
static bool is_lost(csim_link *l, csim_direction *d, const csim_fault_entry *fault, const uint8_t *ip,
                    size_t len)
{
    const bool random = impairment_loses(d);
    if (!l->up || random || d->blocked[ip_protocol(ip, len)])
        return true;
    if (fault && fault->fault == CSIM_FAULT_DROP)
        return true;
    return d->pass && !d->pass(d->pass_arg, ip, len);
}

static void arrive(csim_link *l, unsigned d, uint64_t number, uint64_t content, Ptr<Packet> p)
{
    csim *s = l->sim;
    csim_node *receiver = l->end[1 - d];
    csim_direction *back =
        &l->dir[1 - d]; /* the receiver's capture belongs to the direction in which it sends */
    const size_t len = p->GetSize();
    l->dir[d].count.delivered++;
    l->dir[d].count.delivered_bytes += len - CSIM_PPP_BYTES;
    if (s->tap || back->capture)
        copy_out(s, p);
    if (back->capture)
        capture_packet(s, back, s->scratch.data(), len, csim_now(s));
    observe(l, d, CSIM_RECEIVED, receiver, number, s->scratch.data() + CSIM_PPP_BYTES, len - CSIM_PPP_BYTES,
            content);
    l->dev[1 - d]->Receive(p);
}

static void send_on(csim_link *l, unsigned d, Ptr<const Packet> p, uint64_t after, uint64_t number,
                    uint64_t content)
{
    Simulator::ScheduleWithContext(l->end[1 - d]->id, NanoSeconds(after), &arrive, l, d, number, content,
                                   p->Copy());
}

bool CsimChannel::TransmitStart(Ptr<const Packet> p, Ptr<PointToPointNetDevice> src, Time airtime)
{
    csim *s = link->sim;
    const unsigned d = src == link->dev[0] ? 0 : 1;
    csim_direction *dir = &link->dir[d];
    csim_node *sender = link->end[d];
    const uint64_t now = csim_now(s), number = ++dir->count.sent;
    const size_t len = copy_out(s, p), ip_len = len - CSIM_PPP_BYTES;
    const uint8_t *ip = s->scratch.data() + CSIM_PPP_BYTES;
    const uint64_t content = content_hash(s, len);
    dir->count.sent_bytes += ip_len;
    if (dir->capture)
        capture_packet(s, dir, s->scratch.data(), len, now);
    observe(link, d, CSIM_SENT, sender, number, ip, ip_len, content);

    const auto found = dir->faults.find(number);
    const csim_fault_entry *fault = found == dir->faults.end() ? nullptr : &found->second;
    const uint64_t jitter =
        dir->impair.jitter_ns ? csim_rng_below(dir->jitter_rng, dir->impair.jitter_ns + 1) : 0;
    if (is_lost(link, dir, fault, ip, ip_len)) {
        dir->count.lost++;
        observe(link, d, CSIM_LOST, sender, number, ip, ip_len, content);
        return true;
    }
    uint64_t arrival = now + (uint64_t)airtime.GetNanoSeconds() + dir->delay_ns + jitter;
    if (dir->impair.jitter_ns && !dir->impair.reorder)
        arrival = std::max(arrival, dir->last_arrival);
    if (fault && fault->fault == CSIM_FAULT_DELAY) {
        dir->count.delayed++;
        arrival += fault->extra_ns;
    } else {
        dir->last_arrival = arrival;
    }
    send_on(link, d, p, arrival - now, number, content);
    if (fault && fault->fault == CSIM_FAULT_DUPLICATE) {
        dir->count.duplicated++;
        send_on(link, d, p, arrival + fault->extra_ns - now, number, content);
    }
    return true;
}

static void queue_dropped(csim_link *l, unsigned d, Ptr<const Packet> p)
{
    const size_t len = copy_out(l->sim, p);
    l->dir[d].count.queue_drops++;
    observe(l, d, CSIM_QUEUE_DROP, l->end[d], 0, l->sim->scratch.data() + CSIM_PPP_BYTES,
            len - CSIM_PPP_BYTES, content_hash(l->sim, len));
}

/* ---- making links ------------------------------------------------------- */

void csim_link_options_default(struct csim_link_options *o)
{
    if (!o)
        return;
    memset(o, 0, sizeof *o);
    o->rate_bps = UINT64_C(1000000000);
    o->delay_ns = UINT64_C(10000000);
    o->mtu = 1500;
    o->queue_packets = 1000;
}

static constexpr uint64_t DELAY_MAX = UINT64_C(3600000000000); /* an hour */

static csim_status check_link(csim *s, csim_node *a, csim_node *b, const struct csim_link_options *o)
{
    if (!s || !a || !b)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_link_new: null pointer");
    if (a == b)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_link_new: both ends are node \"%s\"", a->name.c_str());
    if (o->rate_bps < 1000 || o->rate_bps > UINT64_C(1000000000000))
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_link_new: rate %" PRIu64 " bit/s is not in 10^3..10^12",
                         o->rate_bps);
    if (o->delay_ns > DELAY_MAX)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_link_new: delay %" PRIu64 " ns is over an hour",
                         o->delay_ns);
    const bool v6 = a->flags & b->flags & CSIM_NODE_V6;
    if (o->mtu < (v6 ? 1280u : 68u) || o->mtu > 65535)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_link_new: MTU %u is not in %u..65535", o->mtu,
                         v6 ? 1280u : 68u);
    if (o->queue_bytes ? o->queue_bytes < o->mtu + CSIM_PPP_BYTES : o->queue_packets == 0)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_link_new: the queue cannot hold one packet");
    return CSIM_OK;
}

static Ptr<PointToPointNetDevice> make_device(csim_link *l, unsigned d, const struct csim_link_options *o)
{
    uint8_t mac[6] = {2, 0, (uint8_t)(l->id >> 16), (uint8_t)(l->id >> 8), (uint8_t)l->id, (uint8_t)(d + 1)};
    Mac48Address address;
    address.CopyFrom(mac);
    Ptr<PointToPointNetDevice> dev = CreateObject<PointToPointNetDevice>();
    dev->SetAddress(address);
    dev->SetDataRate(DataRate(o->rate_bps));
    Ptr<DropTailQueue<Packet>> queue = CreateObject<DropTailQueue<Packet>>();
    queue->SetMaxSize(o->queue_bytes ? QueueSize(QueueSizeUnit::BYTES, o->queue_bytes)
                                     : QueueSize(QueueSizeUnit::PACKETS, o->queue_packets));
    queue->TraceConnectWithoutContext("Drop", MakeBoundCallback(&queue_dropped, l, d));
    dev->SetQueue(queue);
    l->end[d]->node->AddDevice(dev);
    dev->SetMtu((uint16_t)o->mtu);
    return dev;
}

static void add_interfaces(csim_node *n, Ptr<NetDevice> dev)
{
    if (n->flags & CSIM_NODE_V4) {
        Ptr<Ipv4> ip = n->node->GetObject<Ipv4>();
        ip->SetUp(ip->AddInterface(dev));
    }
    if (n->flags & CSIM_NODE_V6) {
        Ptr<Ipv6> ip = n->node->GetObject<Ipv6>();
        ip->SetUp(ip->AddInterface(dev));
    }
}

csim_status csim_link_new(csim *s, csim_node *a, csim_node *b, const struct csim_link_options *options,
                          csim_link **out)
{
    struct csim_link_options o;
    csim_link_options_default(&o);
    if (options)
        o = *options;
    if (!out)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_link_new: null pointer");
    csim_status st = check_link(s, a, b, &o);
    if (st != CSIM_OK)
        return st;
    return csim_guard("csim_link_new", [&] {
        std::unique_ptr<csim_link> l(new csim_link());
        l->sim = s;
        l->id = (unsigned)s->links.size();
        l->up = true;
        l->mtu = o.mtu;
        l->rate_bps = o.rate_bps;
        l->end[0] = a;
        l->end[1] = b;
        l->channel = CreateObject<CsimChannel>();
        l->channel->link = l.get();
        for (unsigned d = 0; d < 2; d++) {
            const std::string name = "link/" + std::to_string(l->id) + (d ? "/ba" : "/ab");
            l->dir[d].delay_ns = o.delay_ns;
            l->dir[d].loss_rng = csim_rng_get(s, name + "/loss");
            l->dir[d].jitter_rng = csim_rng_get(s, name + "/jitter");
            l->dev[d] = make_device(l.get(), d, &o);
            l->dev[d]->Attach(l->channel);
        }
        for (unsigned d = 0; d < 2; d++) {
            add_interfaces(l->end[d], l->dev[d]);
            l->end[d]->links.push_back(l.get());
        }
        *out = l.get();
        s->links.push_back(std::move(l));
        return CSIM_OK;
    });
}

void csim_links_close(csim *s)
{
    for (auto &l : s->links)
        for (csim_direction &d : l->dir)
            if (d.capture && fclose(d.capture) != 0 && s->write_error.empty())
                s->write_error = d.capture_path;
}

unsigned csim_link_id(const csim_link *l)
{
    return l ? l->id : 0;
}

csim_node *csim_link_end(const csim_link *l, enum csim_dir sender)
{
    return l && csim_raw(sender) < 2 ? l->end[sender] : nullptr;
}

uint64_t csim_link_airtime(const csim_link *l, uint32_t ip_bytes)
{
    if (!l || ip_bytes > UINT32_MAX / 8 - CSIM_PPP_BYTES)
        return 0;
    return (uint64_t)DataRate(l->rate_bps).CalculateBytesTxTime(ip_bytes + CSIM_PPP_BYTES).GetNanoSeconds();
}

/* ---- setting what happens ----------------------------------------------- */

static csim_status check_dir(const csim_link *l, const enum csim_dir &d, const char *where)
{
    if (!l)
        return csim_fail(CSIM_ERR_ARGUMENT, "%s: null pointer", where);
    if (csim_raw(d) > 1)
        return csim_fail(CSIM_ERR_ARGUMENT, "%s: direction %u is neither CSIM_A_TO_B nor CSIM_B_TO_A", where,
                         csim_raw(d));
    return CSIM_OK;
}

csim_status csim_link_set_delay(csim_link *l, enum csim_dir d, uint64_t delay_ns)
{
    csim_status st = check_dir(l, d, "csim_link_set_delay");
    if (st != CSIM_OK)
        return st;
    if (delay_ns > DELAY_MAX)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_link_set_delay: delay %" PRIu64 " ns is over an hour",
                         delay_ns);
    l->dir[d].delay_ns = delay_ns;
    return CSIM_OK;
}

static bool is_probability(double p)
{
    return p >= 0 && p <= 1; /* false for NaN too */
}

csim_status csim_link_impair(csim_link *l, enum csim_dir d, const struct csim_impairment *i)
{
    csim_status st = check_dir(l, d, "csim_link_impair");
    if (st != CSIM_OK)
        return st;
    struct csim_impairment none;
    memset(&none, 0, sizeof none);
    if (!i)
        i = &none;
    if (csim_raw(i->loss) > CSIM_LOSS_GILBERT)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_link_impair: unknown kind of loss %u", csim_raw(i->loss));
    if (!is_probability(i->rate) || !is_probability(i->good_to_bad) || !is_probability(i->bad_to_good) ||
        !is_probability(i->loss_good) || !is_probability(i->loss_bad))
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_link_impair: a probability is not in 0..1");
    if (i->loss == CSIM_LOSS_BURST && (i->burst_min == 0 || i->burst_max < i->burst_min))
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_link_impair: bursts of %u to %u packets", i->burst_min,
                         i->burst_max);
    if (i->jitter_ns > DELAY_MAX)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_link_impair: jitter %" PRIu64 " ns is over an hour",
                         i->jitter_ns);
    l->dir[d].impair = *i;
    l->dir[d].burst_left = 0;
    l->dir[d].bad = false;
    return CSIM_OK;
}

csim_status csim_link_fault(csim_link *l, enum csim_dir d, uint64_t n, enum csim_fault f, uint64_t extra_ns)
{
    csim_status st = check_dir(l, d, "csim_link_fault");
    if (st != CSIM_OK)
        return st;
    if (n <= l->dir[d].count.sent)
        return csim_fail(CSIM_ERR_ARGUMENT,
                         "csim_link_fault: packet %" PRIu64 " has gone already (they count from 1)", n);
    if (csim_raw(f) > CSIM_FAULT_DELAY)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_link_fault: unknown fault %u", csim_raw(f));
    if (extra_ns > DELAY_MAX)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_link_fault: %" PRIu64 " ns is over an hour", extra_ns);
    return csim_guard("csim_link_fault", [&] {
        l->dir[d].faults[n] = {f, extra_ns};
        return CSIM_OK;
    });
}

csim_status csim_link_block(csim_link *l, enum csim_dir d, uint8_t protocol, bool blocked)
{
    csim_status st = check_dir(l, d, "csim_link_block");
    if (st == CSIM_OK)
        l->dir[d].blocked[protocol] = blocked;
    return st;
}

csim_status csim_link_filter(csim_link *l, enum csim_dir d,
                             bool (*pass)(void *arg, const uint8_t *ip, size_t len), void *arg)
{
    csim_status st = check_dir(l, d, "csim_link_filter");
    if (st == CSIM_OK) {
        l->dir[d].pass = pass;
        l->dir[d].pass_arg = arg;
    }
    return st;
}

static void set_up_now(csim_link *l, bool up)
{
    l->up = up;
}

csim_status csim_link_set_up(csim_link *l, uint64_t time, bool up)
{
    if (!l)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_link_set_up: null pointer");
    const uint64_t now = csim_now(l->sim);
    if (time < now || time > CSIM_TIME_MAX)
        return csim_fail(CSIM_ERR_ARGUMENT,
                         "csim_link_set_up: time %" PRIu64 " ns is before now (%" PRIu64 ") or over 2^60",
                         time, now);
    if (time == now) {
        l->up = up;
        return CSIM_OK;
    }
    return csim_guard("csim_link_set_up", [&] {
        Simulator::Schedule(NanoSeconds(time - now), &set_up_now, l, up);
        return CSIM_OK;
    });
}

csim_status csim_link_counters(const csim_link *l, enum csim_dir d, struct csim_counters *out)
{
    csim_status st = check_dir(l, d, "csim_link_counters");
    if (st != CSIM_OK)
        return st;
    if (!out)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_link_counters: null pointer");
    *out = l->dir[d].count;
    return CSIM_OK;
}

csim_status csim_tap(csim *s, void (*fn)(void *arg, const struct csim_packet *p), void *arg)
{
    if (!s)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_tap: null pointer");
    s->tap = fn;
    s->tap_arg = arg;
    return CSIM_OK;
}

csim_status csim_capture(csim_link *l, enum csim_dir sender, const char *path)
{
    csim_status st = check_dir(l, sender, "csim_capture");
    if (st != CSIM_OK)
        return st;
    if (!path)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_capture: null pointer");
    csim_direction *d = &l->dir[sender];
    if (d->capture)
        return csim_fail(CSIM_ERR_STATE, "csim_capture: this end is captured to %s already",
                         d->capture_path.c_str());
    FILE *f = fopen(path, "wbe");
    if (!f)
        return csim_fail(CSIM_ERR_FILE, "csim_capture: cannot open %s: %s", path, strerror(errno));
    uint8_t head[24] = {0};
    put32(head, 0xa1b23c4d); /* nanoseconds */
    head[4] = 2, head[6] = 4;
    put32(head + 16, 65535);
    put32(head + 20, 9); /* DLT_PPP */
    if (fwrite(head, 1, sizeof head, f) != sizeof head || fflush(f) != 0) {
        st = csim_fail(CSIM_ERR_FILE, "csim_capture: cannot write %s: %s", path, strerror(errno));
        fclose(f);
        return st;
    }
    d->capture = f;
    d->capture_path = path;
    return CSIM_OK;
}

uint64_t csim_trace_hash(const csim *s)
{
    return s && s->opt.trace_hash ? s->hash : 0;
}
