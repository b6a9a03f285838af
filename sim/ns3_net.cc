/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ns3_net.cc - nodes, their protocol stacks, addresses and routes. */
#include "ns3_private.h"

#include <algorithm>
#include <deque>

#include <arpa/inet.h>

#include "ns3/boolean.h"
#include "ns3/icmpv4-l4-protocol.h"
#include "ns3/icmpv6-l4-protocol.h"
#include "ns3/inet-socket-address.h"
#include "ns3/inet6-socket-address.h"
#include "ns3/ipv4-static-routing.h"
#include "ns3/ipv6-extension-demux.h"
#include "ns3/ipv6-extension.h"
#include "ns3/ipv6-interface.h"
#include "ns3/ipv6-static-routing.h"
#include "ns3/tcp-l4-protocol.h"
#include "ns3/traffic-control-layer.h"
#include "ns3/udp-l4-protocol.h"

using namespace ns3;

/* ---- addresses ---------------------------------------------------------- */

csim_status csim_addr_parse(const char *text, uint16_t port, struct csep_addr *out)
{
    if (!text || !out)
        return csim_fail(CSIM_ERR_ARGUMENT, "address: null pointer");
    struct csep_addr a;
    memset(&a, 0, sizeof a);
    a.port = port;
    if (inet_pton(AF_INET, text, a.ip) == 1)
        a.family = 4;
    else if (inet_pton(AF_INET6, text, a.ip) == 1)
        a.family = 6;
    else
        return csim_fail(CSIM_ERR_ARGUMENT, "\"%s\" is neither an IPv4 nor an IPv6 address", text);
    *out = a;
    return CSIM_OK;
}

const char *csim_addr_text(const struct csep_addr *a, char *buf, size_t cap)
{
    char ip[INET6_ADDRSTRLEN] = "?";
    if (!buf || cap == 0)
        return "";
    if (!a || (a->family != 4 && a->family != 6)) {
        snprintf(buf, cap, "none");
        return buf;
    }
    inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->ip, ip, sizeof ip);
    if (a->port == 0)
        snprintf(buf, cap, "%s", ip);
    else if (a->family == 4)
        snprintf(buf, cap, "%s:%u", ip, a->port);
    else
        snprintf(buf, cap, "[%s]:%u", ip, a->port);
    return buf;
}

bool csim_addr_is_any(const struct csep_addr *a)
{
    return std::all_of(a->ip, a->ip + 16, [](uint8_t b) { return b == 0; });
}

static Ipv4Address v4_of(const struct csep_addr *a)
{
    return Ipv4Address((uint32_t)a->ip[0] << 24 | (uint32_t)a->ip[1] << 16 | (uint32_t)a->ip[2] << 8 |
                       a->ip[3]);
}

static Ipv6Address v6_of(const struct csep_addr *a)
{
    uint8_t b[16];
    memcpy(b, a->ip, 16);
    return Ipv6Address(b);
}

Address csim_to_ns3(const struct csep_addr *a)
{
    if (a->family == 4)
        return InetSocketAddress(v4_of(a), a->port);
    return Inet6SocketAddress(v6_of(a), a->port);
}

struct csep_addr csim_from_ns3(const Address &address)
{
    struct csep_addr a;
    memset(&a, 0, sizeof a);
    Ipv4Address v4;
    if (InetSocketAddress::IsMatchingType(address)) {
        InetSocketAddress i = InetSocketAddress::ConvertFrom(address);
        v4 = i.GetIpv4();
        a.port = i.GetPort();
        a.family = 4;
    } else if (Inet6SocketAddress::IsMatchingType(address)) {
        Inet6SocketAddress i = Inet6SocketAddress::ConvertFrom(address);
        a.port = i.GetPort();
        a.family = i.GetIpv6().IsIpv4MappedAddress() ? 4 : 6;
        if (a.family == 6)
            i.GetIpv6().GetBytes(a.ip);
        else
            v4 = i.GetIpv6().GetIpv4MappedAddress();
    }
    if (a.family == 4)
        v4.Serialize(a.ip);
    return a;
}

static bool is_unicast(const struct csep_addr *a)
{
    if (csim_addr_is_any(a))
        return false;
    if (a->family == 4)
        return a->ip[0] != 0 && a->ip[0] != 127 && a->ip[0] < 224;
    Ipv6Address v6 = v6_of(a);
    return a->ip[0] != 0xff && !v6.IsLocalhost() && !v6.IsIpv4MappedAddress();
}

csim_status csim_check_addr(const csim_node *n, const struct csep_addr *a, bool any_ok, const char *what)
{
    char text[64];
    if (!a)
        return csim_fail(CSIM_ERR_ARGUMENT, "%s: null pointer", what);
    if (a->family != 4 && a->family != 6)
        return csim_fail(CSIM_ERR_ARGUMENT, "%s: address family %u is neither 4 nor 6", what, a->family);
    if (!(n->flags & (a->family == 4 ? CSIM_NODE_V4 : CSIM_NODE_V6)))
        return csim_fail(CSIM_ERR_ADDRESS, "%s %s: node \"%s\" has no IPv%u", what,
                         csim_addr_text(a, text, sizeof text), n->name.c_str(), a->family);
    if (!is_unicast(a) && !(any_ok && csim_addr_is_any(a)))
        return csim_fail(CSIM_ERR_ADDRESS, "%s %s: not a unicast address", what,
                         csim_addr_text(a, text, sizeof text));
    return CSIM_OK;
}

static bool same_ip(const struct csep_addr *a, const struct csep_addr *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, 16) == 0;
}

csim_status csim_check_local(const csim_node *n, const struct csep_addr *a)
{
    char text[64];
    csim_status st = csim_check_addr(n, a, true, "local address");
    if (st != CSIM_OK || csim_addr_is_any(a))
        return st;
    for (const csim_given &g : n->sim->given)
        if (g.node == n && same_ip(&g.addr, a))
            return CSIM_OK;
    return csim_fail(CSIM_ERR_ADDRESS, "local address %s does not belong to node \"%s\"",
                     csim_addr_text(a, text, sizeof text), n->name.c_str());
}

/* "10.0.0.1/24" -> address and prefix length. */
static csim_status parse_prefix(const char *text, struct csep_addr *a, unsigned *prefix)
{
    char ip[INET6_ADDRSTRLEN + 8];
    if (!text)
        return csim_fail(CSIM_ERR_ARGUMENT, "prefix: null pointer");
    const char *slash = strchr(text, '/');
    if (!slash || (size_t)(slash - text) >= sizeof ip)
        return csim_fail(CSIM_ERR_ARGUMENT, "\"%s\" is not ADDRESS/PREFIX-LENGTH", text);
    memcpy(ip, text, (size_t)(slash - text));
    ip[slash - text] = 0;
    csim_status st = csim_addr_parse(ip, 0, a);
    if (st != CSIM_OK)
        return st;
    const unsigned max = a->family == 4 ? 32 : 128;
    size_t digits = strspn(slash + 1, "0123456789");
    if (digits == 0 || digits > 3 || slash[1 + digits] != 0)
        return csim_fail(CSIM_ERR_ARGUMENT, "\"%s\": the prefix length is not a number", text);
    *prefix = (unsigned)strtoul(slash + 1, nullptr, 10);
    if (*prefix > max)
        return csim_fail(CSIM_ERR_ARGUMENT, "\"%s\": the prefix length is over %u", text, max);
    return CSIM_OK;
}

static void mask_ip(struct csep_addr *a, unsigned prefix)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned keep = prefix > 8 * i ? std::min(8u, prefix - 8 * i) : 0;
        a->ip[i] = (uint8_t)(a->ip[i] & (0xff00u >> keep));
    }
}

/* ---- nodes -------------------------------------------------------------- */

/* Without duplicate address detection there is nothing to wait for; what the base class would do now is
 * solicit routers. */
class QuietIcmpv6 : public Icmpv6L4Protocol
{
  public:
    void FunctionDadTimeout(Ipv6Interface *interface, Ipv6Address addr) override
    {
        interface->SetState(addr, Ipv6InterfaceAddress::PREFERRED);
    }
};

static bool build_v4(Ptr<Node> node, bool router)
{
    Ptr<Ipv4L3Protocol> ip = CreateObject<Ipv4L3Protocol>();
    node->AggregateObject(ip);
    node->AggregateObject(CreateObject<Icmpv4L4Protocol>());
    ip->SetRoutingProtocol(CreateObject<Ipv4StaticRouting>());
    return ip->SetAttributeFailSafe("IpForward", BooleanValue(router));
}

static bool build_v6(Ptr<Node> node, bool router, int64_t stream)
{
    Ptr<Ipv6L3Protocol> ip = CreateObject<Ipv6L3Protocol>();
    node->AggregateObject(ip);
    Ptr<QuietIcmpv6> icmp = CreateObject<QuietIcmpv6>();
    bool ok = icmp->SetAttributeFailSafe("DAD", BooleanValue(false));
    icmp->AssignStreams(stream);
    node->AggregateObject(icmp);
    ip->SetRoutingProtocol(CreateObject<Ipv6StaticRouting>());
    ok = ok && ip->SetAttributeFailSafe("IpForward", BooleanValue(router)) &&
         ip->SetAttributeFailSafe("SendIcmpv6Redirect", BooleanValue(false));
    ip->RegisterExtensions();
    ip->RegisterOptions();
    Ptr<Ipv6ExtensionDemux> demux = node->GetObject<Ipv6ExtensionDemux>();
    Ptr<Ipv6Extension> fragment = demux ? demux->GetExtension(Ipv6ExtensionFragment::EXT_NUMBER) : nullptr;
    if (fragment)
        fragment->AssignStreams(stream + 2);
    return ok;
}

csim_status csim_node_new(csim *s, const char *name, unsigned flags, csim_node **out)
{
    if (!s || !name || !out)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_node_new: null pointer");
    if (!(flags & CSIM_NODE_DUAL) || (flags & ~(unsigned)(CSIM_NODE_DUAL | CSIM_NODE_ROUTER)))
        return csim_fail(CSIM_ERR_ARGUMENT,
                         "csim_node_new: flags 0x%x name no IP version, or something unknown", flags);
    return csim_guard("csim_node_new", [&] {
        const bool router = flags & CSIM_NODE_ROUTER;
        Ptr<Node> node = CreateObject<Node>();
        const unsigned id = (unsigned)s->nodes.size();
        bool ok = !(flags & CSIM_NODE_V4) || build_v4(node, router);
        ok = ok && (!(flags & CSIM_NODE_V6) || build_v6(node, router, 1000 + (int64_t)id * 8));
        if (!ok)
            return csim_fail(CSIM_ERR_FAULT, "csim_node_new: ns-3 lacks an attribute that 3.37 has");
        node->AggregateObject(CreateObject<TrafficControlLayer>());
        node->AggregateObject(CreateObject<UdpL4Protocol>());
        node->AggregateObject(CreateObject<TcpL4Protocol>());
        s->nodes.emplace_back(new csim_node{s, id, flags, name, node, {}});
        *out = s->nodes.back().get();
        return CSIM_OK;
    });
}

unsigned csim_node_id(const csim_node *n)
{
    return n ? n->id : 0;
}

const char *csim_node_name(const csim_node *n)
{
    return n ? n->name.c_str() : "";
}

int csim_interface(const csim_node *n, const csim_link *l, unsigned family)
{
    for (int e = 0; e < 2; e++) {
        if (l->end[e] != n)
            continue;
        if (family == 4)
            return (n->flags & CSIM_NODE_V4) ? n->node->GetObject<Ipv4>()->GetInterfaceForDevice(l->dev[e])
                                             : -1;
        return (n->flags & CSIM_NODE_V6) ? n->node->GetObject<Ipv6>()->GetInterfaceForDevice(l->dev[e]) : -1;
    }
    return -1;
}

csim_status csim_address(csim_node *n, csim_link *l, const char *address_and_prefix)
{
    struct csep_addr a;
    unsigned prefix;
    if (!n || !l)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_address: null pointer");
    csim_status st = parse_prefix(address_and_prefix, &a, &prefix);
    if (st == CSIM_OK)
        st = csim_check_addr(n, &a, false, "csim_address");
    if (st != CSIM_OK)
        return st;
    if (prefix == 0)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_address: %s: a prefix of 0 bits is no network",
                         address_and_prefix);
    if (a.family == 6 && v6_of(&a).IsDocumentation())
        return csim_fail(CSIM_ERR_ADDRESS,
                         "csim_address: %s: ns-3's routers drop 2001:db8::/32, take fd00::/8",
                         address_and_prefix);
    for (const csim_given &g : n->sim->given)
        if (same_ip(&g.addr, &a))
            return csim_fail(CSIM_ERR_IN_USE, "csim_address: %s is an address of node \"%s\" already",
                             address_and_prefix, g.node->name.c_str());
    return csim_guard("csim_address", [&] {
        const int i = csim_interface(n, l, a.family);
        if (i < 0)
            return csim_fail(CSIM_ERR_ADDRESS, "csim_address: node \"%s\" is not on link %u", n->name.c_str(),
                             l->id);
        n->sim->given.push_back({n, l, a, prefix});
        if (a.family == 4) {
            n->node->GetObject<Ipv4L3Protocol>()->AddAddress(
                (uint32_t)i,
                Ipv4InterfaceAddress(v4_of(&a), Ipv4Mask(prefix == 32 ? ~0u : ~(~0u >> prefix))));
        } else {
            Ptr<Ipv6L3Protocol> ip = n->node->GetObject<Ipv6L3Protocol>();
            ip->AddAddress((uint32_t)i, Ipv6InterfaceAddress(v6_of(&a), Ipv6Prefix((uint8_t)prefix)));
            ip->GetInterface((uint32_t)i)->SetState(v6_of(&a), Ipv6InterfaceAddress::PREFERRED);
        }
        return CSIM_OK;
    });
}

csim_status csim_address_remove(csim_node *n, csim_link *l, const char *address)
{
    struct csep_addr a;
    if (!n || !l)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_address_remove: null pointer");
    csim_status st = csim_addr_parse(address, 0, &a);
    if (st != CSIM_OK)
        return st;
    auto it = std::find_if(n->sim->given.begin(), n->sim->given.end(), [&](const csim_given &g) {
        return g.node == n && g.link == l && same_ip(&g.addr, &a);
    });
    if (it == n->sim->given.end())
        return csim_fail(CSIM_ERR_ADDRESS, "csim_address_remove: node \"%s\" has no %s on link %u",
                         n->name.c_str(), address, l->id);
    return csim_guard("csim_address_remove", [&] {
        const int i = csim_interface(n, l, a.family);
        n->sim->given.erase(it);
        if (a.family == 4)
            n->node->GetObject<Ipv4L3Protocol>()->RemoveAddress((uint32_t)i, v4_of(&a));
        else
            n->node->GetObject<Ipv6L3Protocol>()->RemoveAddress((uint32_t)i, v6_of(&a));
        return CSIM_OK;
    });
}

/* ---- routes ------------------------------------------------------------- */

/* Tells the routes of csim_routes() from those of csim_route(), which are preferred. */
static constexpr uint32_t METRIC_AUTOMATIC = 1000;

static Ptr<Ipv4StaticRouting> routing_v4(const csim_node *n)
{
    return DynamicCast<Ipv4StaticRouting>(n->node->GetObject<Ipv4L3Protocol>()->GetRoutingProtocol());
}

static Ptr<Ipv6StaticRouting> routing_v6(const csim_node *n)
{
    return DynamicCast<Ipv6StaticRouting>(n->node->GetObject<Ipv6L3Protocol>()->GetRoutingProtocol());
}

/* No next hop: on a link with two ends there is only one. */
static void add_route(csim_node *n, struct csep_addr net, unsigned prefix, int interface, uint32_t metric)
{
    mask_ip(&net, prefix);
    if (net.family == 4)
        routing_v4(n)->AddNetworkRouteTo(v4_of(&net), Ipv4Mask(prefix == 0 ? 0 : ~0u << (32 - prefix)),
                                         (uint32_t)interface, metric);
    else
        routing_v6(n)->AddNetworkRouteTo(v6_of(&net), Ipv6Prefix((uint8_t)prefix), (uint32_t)interface,
                                         metric);
}

csim_status csim_route(csim_node *n, const char *prefix_text, csim_link *l)
{
    struct csep_addr net;
    unsigned prefix;
    if (!n || !l)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_route: null pointer");
    csim_status st = parse_prefix(prefix_text, &net, &prefix);
    if (st != CSIM_OK)
        return st;
    if (!(n->flags & (net.family == 4 ? CSIM_NODE_V4 : CSIM_NODE_V6)))
        return csim_fail(CSIM_ERR_ADDRESS, "csim_route: node \"%s\" has no IPv%u", n->name.c_str(),
                         net.family);
    return csim_guard("csim_route", [&] {
        const int i = csim_interface(n, l, net.family);
        if (i < 0)
            return csim_fail(CSIM_ERR_ADDRESS, "csim_route: node \"%s\" is not on link %u", n->name.c_str(),
                             l->id);
        add_route(n, net, prefix, i, 0);
        return CSIM_OK;
    });
}

template <class R> static void drop_automatic(Ptr<R> routing)
{
    for (uint32_t i = routing->GetNRoutes(); i-- > 0;)
        if (routing->GetMetric(i) == METRIC_AUTOMATIC)
            routing->RemoveRoute(i);
}

/* For every node that `from` can reach through routers: the first link of a shortest way. */
static std::vector<csim_link *> first_links(csim *s, csim_node *from, unsigned version_flag)
{
    std::vector<csim_link *> first(s->nodes.size(), nullptr);
    std::vector<bool> seen(s->nodes.size(), false);
    std::deque<csim_node *> todo{from};
    seen[from->id] = true;
    while (!todo.empty()) {
        csim_node *n = todo.front();
        todo.pop_front();
        if (n != from && !(n->flags & CSIM_NODE_ROUTER))
            continue;
        for (csim_link *l : n->links) {
            csim_node *peer = l->end[0] == n ? l->end[1] : l->end[0];
            if (seen[peer->id] || !(peer->flags & version_flag))
                continue;
            seen[peer->id] = true;
            first[peer->id] = n == from ? l : first[n->id];
            todo.push_back(peer);
        }
    }
    return first;
}

static void routes_of(csim *s, csim_node *n, unsigned family)
{
    const unsigned flag = family == 4 ? CSIM_NODE_V4 : CSIM_NODE_V6;
    if (!(n->flags & flag))
        return;
    if (family == 4)
        drop_automatic(routing_v4(n));
    else
        drop_automatic(routing_v6(n));
    const std::vector<csim_link *> first = first_links(s, n, flag);
    std::map<std::pair<std::string, unsigned>, bool> done;
    for (const csim_given &g : s->given) {
        if (g.addr.family != family || g.link->end[0] == n || g.link->end[1] == n || !first[g.node->id])
            continue;
        struct csep_addr net = g.addr;
        mask_ip(&net, g.prefix);
        bool &known = done[{std::string((const char *)net.ip, 16), g.prefix}];
        if (!known)
            add_route(n, net, g.prefix, csim_interface(n, first[g.node->id], family), METRIC_AUTOMATIC);
        known = true;
    }
}

csim_status csim_routes(csim *s)
{
    if (!s)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_routes: null pointer");
    return csim_guard("csim_routes", [&] {
        for (auto &n : s->nodes) {
            routes_of(s, n.get(), 4);
            routes_of(s, n.get(), 6);
        }
        return CSIM_OK;
    });
}
