/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ns3_udp.cc - UDP sockets. */
#include "ns3_private.h"

#include "ns3/callback.h"
#include "ns3/socket.h"
#include "ns3/udp-l4-protocol.h"
#include "ns3/udp-socket.h"

using namespace ns3;

struct csim_udp {
    csim_node *node;
    uint8_t family;
    struct csim_udp_events events;
    void *arg;
    Ptr<Socket> socket;
    std::vector<uint8_t> bytes;
};

static void on_received(csim_udp *u, Ptr<Socket> socket)
{
    Address from;
    Ptr<Packet> p;
    /* events.received may close u: the map entry keeps the struct until the deferred close. */
    while (u->socket && (p = socket->RecvFrom(UINT32_MAX, 0, from))) {
        const struct csep_addr peer = csim_from_ns3(from);
        if (peer.family != u->family)
            continue; /* an IPv4 datagram that a :: socket was given (see ns3.h) */
        const size_t len = p->GetSize();
        if (u->bytes.size() < len + 1)
            u->bytes.resize(len + 1);
        p->CopyData(u->bytes.data(), (uint32_t)len);
        u->events.received(u->arg, u, &peer, u->bytes.data(), len);
    }
}

static void port_unreachable(csim_udp *u, const struct csep_addr *reporter)
{
    if (u->socket && u->events.unreachable)
        u->events.unreachable(u->arg, u, reporter);
}

static void on_icmp4(csim_udp *u, Ipv4Address source, uint8_t, uint8_t type, uint8_t code, uint32_t)
{
    struct csep_addr reporter = {4, {0}, 0};
    source.Serialize(reporter.ip);
    if (type == 3 && code == 3)
        port_unreachable(u, &reporter);
}

static void on_icmp6(csim_udp *u, Ipv6Address source, uint8_t, uint8_t type, uint8_t code, uint32_t)
{
    struct csep_addr reporter = {6, {0}, 0};
    source.GetBytes(reporter.ip);
    if (type == 1 && code == 4)
        port_unreachable(u, &reporter);
}

csim_status csim_udp_open(csim_node *n, const struct csep_addr *local, const struct csim_udp_events *events,
                          void *arg, csim_udp **out)
{
    if (!n || !local || !events || !events->received || !out)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_udp_open: null pointer");
    csim_status st = csim_check_local(n, local);
    if (st != CSIM_OK)
        return st;
    return csim_guard("csim_udp_open", [&] {
        char text[64];
        Ptr<Socket> socket = n->node->GetObject<UdpL4Protocol>()->CreateSocket();
        if (socket->Bind(csim_to_ns3(local)) != 0)
            return csim_fail(CSIM_ERR_IN_USE, "csim_udp_open: %s is in use on node \"%s\"",
                             csim_addr_text(local, text, sizeof text), n->name.c_str());
        auto u = std::make_shared<csim_udp>(csim_udp{n, local->family, *events, arg, socket, {}});
        socket->SetRecvCallback(MakeBoundCallback(&on_received, u.get()));
        if (!socket->SetAttributeFailSafe("IcmpCallback",
                                          CallbackValue(MakeBoundCallback(&on_icmp4, u.get()))) ||
            !socket->SetAttributeFailSafe("IcmpCallback6",
                                          CallbackValue(MakeBoundCallback(&on_icmp6, u.get()))))
            return csim_fail(CSIM_ERR_FAULT, "csim_udp_open: ns-3 lacks an attribute that 3.37 has");
        n->sim->udps[u.get()] = u;
        *out = u.get();
        return CSIM_OK;
    });
}

csim_status csim_udp_send(csim_udp *u, const struct csep_addr *to, const uint8_t *data, size_t len)
{
    char text[64];
    if (!u || !to || (!data && len))
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_udp_send: null pointer");
    csim_status st = csim_check_addr(u->node, to, false, "csim_udp_send: destination");
    if (st != CSIM_OK)
        return st;
    if (to->family != u->family || to->port == 0)
        return csim_fail(CSIM_ERR_ARGUMENT,
                         "csim_udp_send: destination %s has no port, or not the socket's family",
                         csim_addr_text(to, text, sizeof text));
    if (len > 65507)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_udp_send: %zu bytes are over 65507", len);
    return csim_guard("csim_udp_send", [&] {
        if (u->socket->SendTo(Create<Packet>(data, (uint32_t)len), 0, csim_to_ns3(to)) < 0)
            return csim_fail(CSIM_ERR_ROUTE, "csim_udp_send: node \"%s\" has no route to %s",
                             u->node->name.c_str(), csim_addr_text(to, text, sizeof text));
        return CSIM_OK;
    });
}

csim_status csim_udp_local(const csim_udp *u, struct csep_addr *out)
{
    if (!u || !out)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_udp_local: null pointer");
    return csim_guard("csim_udp_local", [&] {
        Address a;
        u->socket->GetSockName(a);
        *out = csim_from_ns3(a);
        return CSIM_OK;
    });
}

csim_node *csim_udp_node(const csim_udp *u)
{
    return u ? u->node : nullptr;
}

static void detach(csim_udp *u)
{
    u->socket->SetRecvCallback(MakeNullCallback<void, Ptr<Socket>>());
    u->socket->SetAttributeFailSafe(
        "IcmpCallback",
        CallbackValue(MakeNullCallback<void, Ipv4Address, uint8_t, uint8_t, uint8_t, uint32_t>()));
    u->socket->SetAttributeFailSafe(
        "IcmpCallback6",
        CallbackValue(MakeNullCallback<void, Ipv6Address, uint8_t, uint8_t, uint8_t, uint32_t>()));
}

static void finish_close(csim *s, csim_udp *u, Ptr<Socket> socket)
{
    socket->Close();
    s->udps.erase(u);
}

/* The endpoint may be the one whose callback is running: let ns-3 return first. */
void csim_udp_close(csim_udp *u)
{
    if (!u || !u->socket)
        return;
    (void)csim_guard("csim_udp_close", [&] {
        Ptr<Socket> socket = u->socket;
        detach(u);
        u->socket = nullptr;
        Simulator::ScheduleNow(&finish_close, u->node->sim, u, socket);
        return CSIM_OK;
    });
}

void csim_udp_detach_all(csim *s)
{
    for (auto &entry : s->udps)
        if (entry.second->socket)
            detach(entry.second.get());
}
