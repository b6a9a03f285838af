/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ns3_tcp.cc - TCP as the caller sees it. A csim_tcp collects what ns-3 reports and
 * tells the caller from an event of its own, deliver(), so that no caller's code ever
 * runs in the middle of ns-3's state machine.
 */
#include "ns3_tcp_sock.h"

#include <algorithm>

using namespace ns3;

struct csim_tcp {
    csim_node *node;
    uint8_t family;
    bool listening, freed, has_events;
    bool connected, told_connected, told_finished, told_ended;
    bool over; /* `why` is set: the connection has ended, perhaps not told yet */
    bool want_fin, closing, paused, want_room;
    bool scheduled; /* deliver() is in the event queue */
    enum csim_tcp_end why;
    struct csim_tcp_events events;
    void *arg;
    csim_tcp_accepted accepted;
    struct csep_addr local, peer; /* as of connecting: ns-3 forgets them when the connection ends */
    Ptr<TcpSock> socket;
    std::vector<uint8_t> rx; /* read from ns-3, not delivered yet */
};

static void schedule(csim_tcp *c);

void csim_tcp_over(csim_tcp *c, enum csim_tcp_end why)
{
    if (!c || c->over)
        return;
    c->over = true;
    c->why = why;
    schedule(c);
}

/* ---- from ns-3 to the caller -------------------------------------------- */

static void deliver(csim_tcp *c);

static void schedule(csim_tcp *c)
{
    if (c->scheduled)
        return;
    c->scheduled = true;
    Simulator::ScheduleNow(&deliver, c);
}

/* Everything out of ns-3's buffer, unless the caller wants it to fill. */
static bool drain(csim_tcp *c)
{
    if (c->paused)
        return false;
    bool any = false;
    Ptr<Packet> p;
    while ((p = c->socket->Recv(UINT32_MAX, 0)) && p->GetSize() > 0) {
        const size_t n = p->GetSize(), at = c->rx.size();
        any = true;
        if (c->closing)
            continue;
        c->rx.resize(at + n);
        p->CopyData(c->rx.data() + at, (uint32_t)n);
    }
    return any;
}

static void on_data(csim_tcp *c, Ptr<Socket>)
{
    drain(c);
    schedule(c);
}

static void on_room(csim_tcp *c, Ptr<Socket>, uint32_t)
{
    if (c->want_room || c->want_fin)
        schedule(c);
}

static void on_connected(csim_tcp *c, Ptr<Socket>)
{
    c->connected = true;
    schedule(c);
}

static void on_connect_failed(csim_tcp *c, Ptr<Socket>)
{
    csim_tcp_over(c, CSIM_TCP_TIMEOUT);
}

static void on_error_close(csim_tcp *c, Ptr<Socket>)
{
    csim_tcp_over(c, c->socket->WasReset() ? CSIM_TCP_RESET : CSIM_TCP_TIMEOUT);
}

/* The one reliable source of how a connection ends; the close callbacks come at different times in different
 * states. */
static void on_state(csim_tcp *c, TcpSocket::TcpStates_t from, TcpSocket::TcpStates_t to)
{
    if (to == TcpSocket::TIME_WAIT)
        csim_tcp_over(c, CSIM_TCP_CLOSED);
    else if (to != TcpSocket::CLOSED)
        schedule(c);
    else if (c->socket->WasReset() && from != TcpSocket::LAST_ACK && from != TcpSocket::CLOSING)
        csim_tcp_over(c, CSIM_TCP_RESET);
    else /* in those two states both ends have all data: a RST says that the peer's TIME_WAIT is over */
        csim_tcp_over(c, c->socket->Unacked() ? CSIM_TCP_RESET : CSIM_TCP_CLOSED);
}

static void attach(csim_tcp *c)
{
    c->socket->owner = c;
    c->socket->SetConnectCallback(MakeBoundCallback(&on_connected, c),
                                  MakeBoundCallback(&on_connect_failed, c));
    c->socket->SetCloseCallbacks(MakeNullCallback<void, Ptr<Socket>>(),
                                 MakeBoundCallback(&on_error_close, c));
    c->socket->SetRecvCallback(MakeBoundCallback(&on_data, c));
    c->socket->SetSendCallback(MakeBoundCallback(&on_room, c));
    c->socket->TraceConnectWithoutContext("State", MakeBoundCallback(&on_state, c));
}

static void detach(csim_tcp *c)
{
    if (!c->socket)
        return;
    c->socket->owner = nullptr;
    c->socket->SetConnectCallback(MakeNullCallback<void, Ptr<Socket>>(),
                                  MakeNullCallback<void, Ptr<Socket>>());
    c->socket->SetCloseCallbacks(MakeNullCallback<void, Ptr<Socket>>(),
                                 MakeNullCallback<void, Ptr<Socket>>());
    c->socket->SetRecvCallback(MakeNullCallback<void, Ptr<Socket>>());
    c->socket->SetSendCallback(MakeNullCallback<void, Ptr<Socket>, uint32_t>());
    c->socket->TraceDisconnectWithoutContext("State", MakeBoundCallback(&on_state, c));
}

/*
 * The FIN waits until all data is acknowledged: in CLOSE_WAIT ns-3 would take the
 * first ACK of anything for the last one and forget the rest.
 */
static void try_fin(csim_tcp *c)
{
    const TcpSocket::TcpStates_t st = c->socket->State();
    if (c->want_fin && !c->over && !c->socket->FinWasSent() && c->socket->Unacked() == 0 &&
        (st == TcpSocket::ESTABLISHED || st == TcpSocket::CLOSE_WAIT))
        c->socket->ShutdownSend();
}

static void deliver_data(csim_tcp *c)
{
    std::vector<uint8_t> bytes;
    bytes.swap(c->rx);
    if (!bytes.empty() && !c->closing && c->events.received)
        c->events.received(c->arg, c, bytes.data(), bytes.size());
    if (c->rx.empty() && bytes.capacity() <= 65536) { /* keep the memory for the next segment */
        bytes.clear();
        bytes.swap(c->rx);
    }
}

static void deliver(csim_tcp *c)
{
    c->scheduled = false;
    if (c->freed || c->told_ended || !c->has_events)
        return;
    const bool broken = c->over && c->why != CSIM_TCP_CLOSED;
    if (c->connected && !c->told_connected) {
        c->told_connected = true;
        if (c->events.connected)
            c->events.connected(c->arg, c);
    }
    if (!c->freed && !c->paused)
        deliver_data(c);
    const size_t room = c->freed || c->over ? 0 : c->socket->GetTxAvailable();
    if (room > 0 && c->want_room && c->told_connected && !c->want_fin) {
        c->want_room = false;
        if (c->events.writable)
            c->events.writable(c->arg, c, room);
    }
    const bool all_read = !c->freed && c->rx.empty() && c->socket->GetRxAvailable() == 0;
    if (all_read && !broken && !c->told_finished && c->told_connected && c->socket->PeerFinished()) {
        c->told_finished = true;
        if (!c->closing && c->events.finished)
            c->events.finished(c->arg, c);
    }
    if (c->freed)
        return;
    try_fin(c);
    if (c->over && (all_read || broken || c->closing) && !c->told_ended) {
        c->told_ended = true;
        c->rx.clear();
        if (c->events.ended)
            c->events.ended(c->arg, c, c->why);
    }
}

static csim_tcp *new_handle(csim_node *n, uint8_t family, Ptr<TcpSock> socket)
{
    auto c = std::make_shared<csim_tcp>();
    c->node = n;
    c->family = family;
    c->socket = socket;
    n->sim->tcps[c.get()] = c;
    return c.get();
}

/* ---- what the caller asks ----------------------------------------------- */

static csim_status lacks_attribute(const char *where)
{
    return csim_fail(CSIM_ERR_FAULT, "%s: ns-3 lacks an attribute that 3.37 has", where);
}

csim_status csim_tcp_connect(csim_node *n, const struct csep_addr *local, const struct csep_addr *to,
                             const struct csim_tcp_options *options, const struct csim_tcp_events *events,
                             void *arg, csim_tcp **out)
{
    char text[64];
    if (!n || !to || !events || !out)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_tcp_connect: null pointer");
    csim_status st = csim_check_addr(n, to, false, "csim_tcp_connect: destination");
    if (st == CSIM_OK && local)
        st = csim_check_local(n, local);
    if (st == CSIM_OK && options)
        st = csim_tcp_options_check(options);
    if (st != CSIM_OK)
        return st;
    if (to->port == 0 || (local && local->family != to->family))
        return csim_fail(CSIM_ERR_ARGUMENT,
                         "csim_tcp_connect: destination %s has no port, or not the local address's family",
                         csim_addr_text(to, text, sizeof text));
    return csim_guard("csim_tcp_connect", [&] {
        Ptr<TcpSock> socket = csim_tcp_make(n, options, to->family);
        if (!socket)
            return lacks_attribute("csim_tcp_connect");
        if (local && socket->Bind(csim_to_ns3(local)) != 0)
            return csim_fail(CSIM_ERR_IN_USE, "csim_tcp_connect: %s is in use on node \"%s\"",
                             csim_addr_text(local, text, sizeof text), n->name.c_str());
        if (socket->Connect(csim_to_ns3(to)) != 0) {
            socket->GiveUp();
            return csim_fail(CSIM_ERR_ROUTE, "csim_tcp_connect: node \"%s\" has no route to %s",
                             n->name.c_str(), csim_addr_text(to, text, sizeof text));
        }
        csim_tcp *c = new_handle(n, to->family, socket);
        Address name;
        socket->GetSockName(name);
        c->local = csim_from_ns3(name);
        c->peer = *to;
        c->events = *events;
        c->arg = arg;
        c->has_events = true;
        attach(c);
        *out = c;
        return CSIM_OK;
    });
}

static bool on_request(csim_tcp *listener, Ptr<Socket>, const Address &from)
{
    return csim_from_ns3(from).family == listener->family;
}

static void tell_accepted(csim_tcp *listener, csim_tcp *c)
{
    if (!listener->freed && listener->accepted && !c->over)
        listener->accepted(listener->arg, listener, c, &c->peer);
    if (!c->has_events && !c->freed)
        csim_tcp_free(c);
}

static void on_accepted(csim_tcp *listener, Ptr<Socket> socket, const Address &from)
{
    csim_tcp *c = new_handle(listener->node, listener->family, DynamicCast<TcpSock>(socket));
    Address name;
    socket->GetSockName(name);
    c->local = csim_from_ns3(name);
    c->peer = csim_from_ns3(from);
    c->connected = c->told_connected = true;
    attach(c);
    Simulator::ScheduleNow(&tell_accepted, listener, c);
}

csim_status csim_tcp_listen(csim_node *n, const struct csep_addr *local,
                            const struct csim_tcp_options *options, csim_tcp_accepted accepted, void *arg,
                            csim_tcp **out)
{
    char text[64];
    if (!n || !local || !accepted || !out)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_tcp_listen: null pointer");
    csim_status st = csim_check_local(n, local);
    if (st == CSIM_OK && options)
        st = csim_tcp_options_check(options);
    if (st != CSIM_OK)
        return st;
    if (local->port == 0)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_tcp_listen: port 0");
    return csim_guard("csim_tcp_listen", [&] {
        Ptr<TcpSock> socket = csim_tcp_make(n, options, local->family);
        if (!socket)
            return lacks_attribute("csim_tcp_listen");
        if (socket->Bind(csim_to_ns3(local)) != 0 || socket->Listen() != 0)
            return csim_fail(CSIM_ERR_IN_USE, "csim_tcp_listen: %s is in use on node \"%s\"",
                             csim_addr_text(local, text, sizeof text), n->name.c_str());
        csim_tcp *c = new_handle(n, local->family, socket);
        c->listening = true;
        c->accepted = accepted;
        c->arg = arg;
        c->local = *local;
        socket->SetAcceptCallback(MakeBoundCallback(&on_request, c), MakeBoundCallback(&on_accepted, c));
        *out = c;
        return CSIM_OK;
    });
}

csim_status csim_tcp_events_set(csim_tcp *c, const struct csim_tcp_events *events, void *arg)
{
    if (!c || !events)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_tcp_events_set: null pointer");
    if (c->listening)
        return csim_fail(CSIM_ERR_STATE, "csim_tcp_events_set: a listener has none");
    c->events = *events;
    c->arg = arg;
    c->has_events = true;
    return csim_guard("csim_tcp_events_set", [&] {
        schedule(c);
        return CSIM_OK;
    });
}

static csim_status check_connection(const csim_tcp *c, const char *where)
{
    if (!c)
        return csim_fail(CSIM_ERR_ARGUMENT, "%s: null pointer", where);
    if (c->listening)
        return csim_fail(CSIM_ERR_STATE, "%s: this is a listener", where);
    return CSIM_OK;
}

csim_status csim_tcp_send(csim_tcp *c, const uint8_t *data, size_t len, size_t *out_taken)
{
    if (!out_taken || (!data && len))
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_tcp_send: null pointer");
    *out_taken = 0;
    csim_status st = check_connection(c, "csim_tcp_send");
    if (st != CSIM_OK)
        return st;
    if (c->over)
        return csim_fail(CSIM_ERR_CLOSED, "csim_tcp_send: the connection has ended (%s)",
                         csim_tcp_end_name(c->why));
    if (c->want_fin || !c->socket->CanSend())
        return csim_fail(CSIM_ERR_CLOSED, "csim_tcp_send: after csim_tcp_shutdown() or csim_tcp_close()");
    return csim_guard("csim_tcp_send", [&] {
        const size_t n = std::min(len, (size_t)c->socket->GetTxAvailable());
        if (n > 0 && c->socket->Send(Create<Packet>(data, (uint32_t)n), 0) != (int)n)
            return csim_fail(CSIM_ERR_FAULT, "csim_tcp_send: ns-3 refused %zu bytes, errno %d", n,
                             (int)c->socket->GetErrno());
        c->socket->SendNow();
        c->want_room = c->want_room || n < len;
        *out_taken = n;
        return CSIM_OK;
    });
}

csim_status csim_tcp_pause(csim_tcp *c, bool paused)
{
    csim_status st = check_connection(c, "csim_tcp_pause");
    if (st != CSIM_OK || c->paused == paused)
        return st;
    return csim_guard("csim_tcp_pause", [&] {
        c->paused = paused;
        if (!paused) {
            if (drain(c))
                c->socket->UpdateWindow();
            schedule(c);
        }
        return CSIM_OK;
    });
}

csim_status csim_tcp_shutdown(csim_tcp *c)
{
    csim_status st = check_connection(c, "csim_tcp_shutdown");
    if (st != CSIM_OK || c->over)
        return st;
    return csim_guard("csim_tcp_shutdown", [&] {
        c->want_fin = true;
        schedule(c); /* the FIN leaves behind what is sent in this same instant */
        return CSIM_OK;
    });
}

csim_status csim_tcp_close(csim_tcp *c)
{
    if (c && c->listening)
        return csim_guard("csim_tcp_close", [&] {
            c->accepted = nullptr;
            c->socket->GiveUp();
            return CSIM_OK;
        });
    csim_status st = check_connection(c, "csim_tcp_close");
    if (st != CSIM_OK || c->over)
        return st;
    if (c->socket->State() == TcpSocket::SYN_SENT)
        return csim_tcp_abort(c);
    return csim_guard("csim_tcp_close", [&] {
        c->want_fin = c->closing = true;
        c->paused = false;
        c->rx.clear();
        drain(c);
        schedule(c);
        return CSIM_OK;
    });
}

static void reset_later(Ptr<TcpSock> socket)
{
    socket->Reset();
}

csim_status csim_tcp_abort(csim_tcp *c)
{
    csim_status st = check_connection(c, "csim_tcp_abort");
    if (st != CSIM_OK || c->over)
        return st;
    return csim_guard("csim_tcp_abort", [&] {
        csim_tcp_over(c, CSIM_TCP_ABORTED);
        c->rx.clear();
        c->socket->Reset();
        return CSIM_OK;
    });
}

static void let_go(Ptr<TcpSock>) {}

/* ns-3 has events at this very moment that point to its socket and do not count as owners: outlive them. */
static void forget(csim_tcp *c)
{
    Simulator::ScheduleNow(&let_go, c->socket);
    c->node->sim->tcps.erase(c);
}

void csim_tcp_free(csim_tcp *c)
{
    if (!c || c->freed)
        return;
    (void)csim_guard("csim_tcp_free", [&] {
        c->freed = true;
        detach(c);
        if (c->listening) { /* forks that are still shaking hands point to it: kept until the end */
            c->accepted = nullptr;
            c->socket->GiveUp();
            return CSIM_OK;
        }
        if (!c->over)
            Simulator::ScheduleNow(&reset_later, c->socket);
        Simulator::ScheduleNow(&forget, c);
        return CSIM_OK;
    });
}

csim_status csim_tcp_local(const csim_tcp *c, struct csep_addr *out)
{
    if (!c || !out)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_tcp_local: null pointer");
    *out = c->local;
    return CSIM_OK;
}

csim_status csim_tcp_peer(const csim_tcp *c, struct csep_addr *out)
{
    if (!c || !out)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_tcp_peer: null pointer");
    if (c->listening)
        return csim_fail(CSIM_ERR_STATE, "csim_tcp_peer: this is a listener");
    *out = c->peer;
    return CSIM_OK;
}

csim_node *csim_tcp_node(const csim_tcp *c)
{
    return c ? c->node : nullptr;
}

csim_status csim_tcp_query(const csim_tcp *c, struct csim_tcp_info *out)
{
    if (!c || !out)
        return csim_fail(CSIM_ERR_ARGUMENT, "csim_tcp_query: null pointer");
    c->socket->Fill(out);
    return CSIM_OK;
}

const char *csim_tcp_end_name(enum csim_tcp_end e)
{
    static const char *const name[] = {"closed", "refused", "reset", "timeout", "aborted"};
    return csim_raw(e) < sizeof name / sizeof name[0] ? name[e] : "unknown";
}

void csim_tcp_detach_all(csim *s)
{
    for (auto &entry : s->tcps)
        detach(entry.second.get());
}
