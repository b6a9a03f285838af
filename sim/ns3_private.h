/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ns3_private.h - what the C++ files behind ns3.h share: the structs that its
 * handles point to, and how failures are told.
 */
#ifndef CSIM_NS3_PRIVATE_H
#define CSIM_NS3_PRIVATE_H

#include "ns3.h"

#include <bitset>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

#include "ns3/address.h"
#include "ns3/ipv4-l3-protocol.h"
#include "ns3/ipv6-l3-protocol.h"
#include "ns3/node.h"
#include "ns3/nstime.h"
#include "ns3/packet.h"
#include "ns3/point-to-point-channel.h"
#include "ns3/point-to-point-net-device.h"
#include "ns3/simulator.h"

/* Remembers the sentence for csim_error(), returns s. */
csim_status csim_fail(csim_status s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Runs f and turns whatever it throws into a status: nothing may unwind into C. */
template <class F> csim_status csim_guard(const char *where, F f)
{
    try {
        return f();
    } catch (const std::bad_alloc &) {
        return csim_fail(CSIM_ERR_MEMORY, "%s: out of memory", where);
    } catch (const std::exception &e) {
        return csim_fail(CSIM_ERR_FAULT, "%s: %s", where, e.what());
    } catch (...) {
        return csim_fail(CSIM_ERR_FAULT, "%s: unknown exception", where);
    }
}

/* A C caller may pass any number for an enum; in C++ even to look at it as one is undefined. */
template <class E> unsigned csim_raw(const E &e)
{
    unsigned v;
    static_assert(sizeof e == sizeof v, "enums of this interface are as wide as unsigned");
    memcpy(&v, &e, sizeof v);
    return v;
}

/* Longest time that is accepted anywhere: sums of a few of them stay far from 2^63. */
constexpr uint64_t CSIM_TIME_MAX = UINT64_C(1) << 60;

constexpr uint64_t CSIM_FNV_START = UINT64_C(0xcbf29ce484222325);

inline uint64_t csim_fnv(uint64_t h, const void *data, size_t n)
{
    const uint8_t *p = static_cast<const uint8_t *>(data);
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

struct csim_rng {
    uint64_t s[4]; /* xoshiro256** */
};

struct csim_timer {
    csim *sim;
    void (*fn)(void *arg);
    void *arg;
    uint64_t deadline; /* what the caller wants */
    uint64_t event_at; /* when the queued event that still counts comes; CSEP_NEVER: none */
    uint64_t generation;
};

struct csim_node {
    csim *sim;
    unsigned id, flags;
    std::string name;
    ns3::Ptr<ns3::Node> node;
    std::vector<csim_link *> links;
};

/* An address that was given: the list from which routes and checks are made. */
struct csim_given {
    csim_node *node;
    csim_link *link;
    struct csep_addr addr;
    unsigned prefix;
};

struct csim_fault_entry {
    enum csim_fault fault;
    uint64_t extra_ns;
};

class CsimChannel : public ns3::PointToPointChannel
{
  public:
    csim_link *link = nullptr;
    bool TransmitStart(ns3::Ptr<const ns3::Packet> p, ns3::Ptr<ns3::PointToPointNetDevice> src,
                       ns3::Time airtime) override;
};

struct csim_direction {
    uint64_t delay_ns;
    struct csim_impairment impair;
    bool bad;            /* Gilbert-Elliott state */
    uint32_t burst_left; /* packets that the running burst still eats */
    uint64_t last_arrival;
    csim_rng *loss_rng, *jitter_rng;
    std::map<uint64_t, csim_fault_entry> faults;
    std::bitset<256> blocked;
    bool (*pass)(void *arg, const uint8_t *ip, size_t len);
    void *pass_arg;
    struct csim_counters count;
    FILE *capture; /* of the node that sends in this direction */
    std::string capture_path;
};

struct csim_link {
    csim *sim;
    unsigned id;
    bool up;
    uint32_t mtu;
    uint64_t rate_bps;
    csim_node *end[2]; /* A, B */
    ns3::Ptr<ns3::PointToPointNetDevice> dev[2];
    ns3::Ptr<CsimChannel> channel;
    csim_direction dir[2];
};

struct csim {
    uint64_t seed, run;
    struct csim_options opt;
    bool running, stop_requested;
    uint64_t run_generation; /* of csim_run_until(): older stop events are inert */
    uint64_t hash;
    void (*tap)(void *arg, const struct csim_packet *p);
    void *tap_arg;
    std::string write_error; /* first capture that could not be written */
    std::vector<uint8_t> scratch;
    std::vector<csim_given> given;
    std::vector<std::unique_ptr<csim_node>> nodes;
    std::vector<std::unique_ptr<csim_link>> links;
    std::vector<std::unique_ptr<csim_timer>> timers;
    std::map<std::string, std::unique_ptr<csim_rng>> rngs;
    std::unordered_map<csim_udp *, std::shared_ptr<csim_udp>> udps;
    std::unordered_map<csim_tcp *, std::shared_ptr<csim_tcp>> tcps;
};

/* ns3.cc */
csim_rng *csim_rng_get(csim *s, const std::string &name);

/* ns3_net.cc */
/* A unicast address of a family that the node has, or (any_ok) all zero; port is not looked at. */
csim_status csim_check_addr(const csim_node *n, const struct csep_addr *a, bool any_ok, const char *what);
/* The same, and it has to be one of the node's own unless it is all zero. */
csim_status csim_check_local(const csim_node *n, const struct csep_addr *a);
ns3::Address csim_to_ns3(const struct csep_addr *a);
struct csep_addr
csim_from_ns3(const ns3::Address &a); /* v4-mapped comes out as family 4; unknown as family 0 */
bool csim_addr_is_any(const struct csep_addr *a);

int csim_interface(const csim_node *n, const csim_link *l, unsigned family); /* ns-3's index, -1: none */

/* ns3_link.cc */
void csim_links_close(csim *s);

/* ns3_tcp_sock.cc */
csim_status csim_tcp_options_check(const struct csim_tcp_options *o);

/* ns3_udp.cc, ns3_tcp.cc: before Simulator::Destroy(), so that nothing calls back any more */
void csim_udp_detach_all(csim *s);
void csim_tcp_detach_all(csim *s);

#endif
