/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ns3_tcp_sock.h - ns-3's TCP socket with its defects mended: a filter in front of
 * the base class where ns-3 3.37 departs from RFC 9293, and limits where it repeats
 * itself for ever.
 */
#ifndef CSIM_NS3_TCP_SOCK_H
#define CSIM_NS3_TCP_SOCK_H

#include "ns3_private.h"

#include "ns3/tcp-header.h"
#include "ns3/tcp-rx-buffer.h"
#include "ns3/tcp-socket-base.h"
#include "ns3/tcp-tx-buffer.h"

class TcpSock : public ns3::TcpSocketBase
{
  public:
    csim_tcp *owner = nullptr; /* null in a fork until it is accepted, and after csim_tcp_free() */

    TcpSock() = default;
    TcpSock(const TcpSock &listener) : ns3::TcpSocketBase(listener) {}

    void DoForwardUp(ns3::Ptr<ns3::Packet> packet, const ns3::Address &from, const ns3::Address &to) override;
    void SendEmptyPacket(uint8_t flags) override;
    uint32_t SendDataPacket(ns3::SequenceNumber32 seq, uint32_t max, bool with_ack) override;
    void PersistTimeout() override;
    ns3::Ptr<ns3::TcpSocketBase> Fork() override { return ns3::CopyObject<TcpSock>(this); }

    TcpStates_t State() const { return m_state; }
    bool PeerFinished() const { return m_tcb->m_rxBuffer->Finished(); }
    bool WasReset() const { return m_reset; }
    uint64_t Unacked() const { return m_txBuffer->Size(); }
    bool CanSend() const { return m_state == SYN_SENT || m_state == ESTABLISHED || m_state == CLOSE_WAIT; }
    bool FinWasSent() const { return m_fins > 0; }
    void SendNow();
    void UpdateWindow();
    void GiveUp();
    void Reset();
    void Fill(struct csim_tcp_info *out) const;

  private:
    uint32_t m_fins = 0;   /* sent, the first one included */
    uint32_t m_probes = 0; /* zero-window probes since the peer was last heard */
    uint64_t m_again = 0;
    bool m_reset = false;

    void Disown(const ns3::TcpHeader &header, const ns3::Address &from, const ns3::Address &to);
    bool FinalStates(uint8_t flags, const ns3::TcpHeader &header);
};

/* A socket of node n, not bound yet, with those options or (NULL) the simulation's. Null: ns-3 lacks one. */
ns3::Ptr<TcpSock> csim_tcp_make(csim_node *n, const struct csim_tcp_options *options, uint8_t family);

/* ns3_tcp.cc: the connection has ended, the first reason counts. c may be null. */
void csim_tcp_over(csim_tcp *c, enum csim_tcp_end why);

#endif
