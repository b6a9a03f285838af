/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ns3_tcp_sock.cc - see ns3_tcp_sock.h; and the options of a TCP socket. */
#include "ns3_tcp_sock.h"

#include <algorithm>
#include <cinttypes>

#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/rtt-estimator.h"
#include "ns3/tcp-congestion-ops.h"
#include "ns3/tcp-cubic.h"
#include "ns3/tcp-l4-protocol.h"
#include "ns3/tcp-prr-recovery.h"
#include "ns3/uinteger.h"

using namespace ns3;

/* LAST_ACK, CLOSING and TIME_WAIT. True: dealt with, the base class must not see the segment. */
bool TcpSock::FinalStates(uint8_t flags, const TcpHeader &header)
{
    if (m_state == TIME_WAIT) {
        if (flags & TcpHeader::FIN) /* our last ACK was lost */
            SendEmptyPacket(TcpHeader::ACK);
        return true;
    }
    if ((m_state != LAST_ACK && m_state != CLOSING) || (flags & (TcpHeader::RST | TcpHeader::SYN)))
        return false;
    if (flags & TcpHeader::FIN)
        SendEmptyPacket(TcpHeader::ACK);
    /* All data is acknowledged before a FIN leaves, so the FIN is the one number behind highTxMark. */
    if (!(flags & TcpHeader::ACK) || header.GetAckNumber() <= m_tcb->m_highTxMark.Get())
        return true;
    m_tcb->m_nextTxSequence = header.GetAckNumber();
    if (m_state == LAST_ACK)
        CloseAndNotify();
    else
        TimeWait();
    return true;
}

/* A segment of a connection that is no more: the base class's listener would say nothing, and the peer go on
 * asking. */
void TcpSock::Disown(const TcpHeader &header, const Address &from, const Address &to)
{
    TcpHeader h;
    h.SetFlags(TcpHeader::RST);
    h.SetSequenceNumber(header.GetAckNumber());
    h.SetSourcePort(header.GetDestinationPort());
    h.SetDestinationPort(header.GetSourcePort());
    m_tcp->SendPacket(Create<Packet>(), h, to, from, m_boundnetdevice);
}

void TcpSock::DoForwardUp(Ptr<Packet> packet, const Address &from, const Address &to)
{
    TcpHeader header;
    packet->PeekHeader(header);
    const uint8_t flags =
        header.GetFlags() & (TcpHeader::SYN | TcpHeader::FIN | TcpHeader::RST | TcpHeader::ACK);
    m_probes = 0;
    if (flags & TcpHeader::RST)
        m_reset = true;
    if (m_state == SYN_SENT && (flags & TcpHeader::RST)) {
        if ((flags & TcpHeader::ACK) &&
            header.GetAckNumber() == m_tcb->m_nextTxSequence.Get() + SequenceNumber32(1)) {
            csim_tcp_over(owner, CSIM_TCP_REFUSED);
            GiveUp();
        }
        return;
    }
    if (m_state == LISTEN && (flags & TcpHeader::ACK)) {
        if (!(flags & TcpHeader::RST))
            Disown(header, from, to);
        return;
    }
    if (FinalStates(flags, header))
        return;
    /* The base class leaves the ACK of a FIN segment aside, and the data that it acknowledges is sent again.
     */
    if (m_state == ESTABLISHED && flags == (TcpHeader::FIN | TcpHeader::ACK) &&
        header.GetAckNumber() > m_txBuffer->HeadSequence() &&
        header.GetAckNumber() <= m_tcb->m_highTxMark.Get())
        ReceivedAck(Create<Packet>(), header);
    const bool repeated_fin = m_state == CLOSE_WAIT && (flags & TcpHeader::FIN);
    TcpSocketBase::DoForwardUp(packet, from, to);
    if (repeated_fin && m_state == CLOSE_WAIT)
        SendEmptyPacket(TcpHeader::ACK);
}

void TcpSock::SendEmptyPacket(uint8_t flags)
{
    if (flags & TcpHeader::FIN) {
        if (m_fins++ > m_dataRetries) {
            csim_tcp_over(owner, CSIM_TCP_TIMEOUT);
            GiveUp();
            return;
        }
        m_again += m_fins > 1;
    } else if ((flags & TcpHeader::SYN) && m_synCount < m_synRetries) {
        m_again++;
    }
    TcpSocketBase::SendEmptyPacket(flags);
}

uint32_t TcpSock::SendDataPacket(SequenceNumber32 seq, uint32_t max, bool with_ack)
{
    m_again += seq < m_tcb->m_highTxMark.Get();
    return TcpSocketBase::SendDataPacket(seq, max, with_ack);
}

/* The base class probes for ever, also when nobody answers. */
void TcpSock::PersistTimeout()
{
    if (m_probes++ > m_dataRetries) {
        csim_tcp_over(owner, CSIM_TCP_TIMEOUT);
        GiveUp();
        return;
    }
    TcpSocketBase::PersistTimeout();
}

/* The base class waits a nanosecond for more to send; here the caller's event is over when this one runs. */
void TcpSock::SendNow()
{
    if (!m_sendPendingDataEvent.IsRunning() || Simulator::GetDelayLeft(m_sendPendingDataEvent).IsZero())
        return;
    m_sendPendingDataEvent.Cancel();
    m_sendPendingDataEvent = Simulator::ScheduleNow(&TcpSock::SendPendingData, this, m_connected);
}

void TcpSock::UpdateWindow()
{
    if (m_state == ESTABLISHED || m_state == FIN_WAIT_1 || m_state == FIN_WAIT_2)
        SendEmptyPacket(TcpHeader::ACK);
}

void TcpSock::GiveUp()
{
    CancelAllTimers();
    m_state = CLOSED;
    DeallocateEndPoint();
}

void TcpSock::Reset()
{
    if (m_state == LISTEN || m_state == SYN_SENT || m_state == CLOSED || m_state == TIME_WAIT) {
        GiveUp();
        return;
    }
    SendRST();
    GiveUp();
}

void TcpSock::Fill(struct csim_tcp_info *out) const
{
    out->state = TcpStateName[m_state];
    out->cwnd = m_tcb->m_cWnd;
    out->rto_ns = (uint64_t)m_rto.Get().GetNanoSeconds();
    out->srtt_ns = (uint64_t)m_rtt->GetEstimate().GetNanoSeconds();
    out->unacked = m_txBuffer->Size();
    out->retransmits = m_again;
}

/* ---- options ------------------------------------------------------------ */

void csim_tcp_options_default(struct csim_tcp_options *o)
{
    if (!o)
        return;
    memset(o, 0, sizeof *o);
    o->mss_v4 = 1448;
    o->mss_v6 = 1428;
    o->initial_cwnd = 10;
    o->conn_timeout_ns = UINT64_C(1000000000);
    o->syn_retries = 6;
    o->data_retries = 6;
    o->min_rto_ns = UINT64_C(1000000000);
    o->delayed_ack_ns = UINT64_C(200000000);
    o->delayed_ack_segments = 2;
    o->send_buffer = o->receive_buffer = 1u << 20;
    o->msl_ns = UINT64_C(1000000000);
    o->timestamps = o->sack = true;
    o->congestion = CSIM_CUBIC;
}

const char *csim_tcp_options_text(const struct csim_tcp_options *o, char *buf, size_t cap)
{
    if (!o || !buf || cap == 0)
        return "";
    snprintf(buf, cap,
             "mss %" PRIu32 " (IPv4) %" PRIu32 " (IPv6), initial cwnd %" PRIu32 ", SYN timeout %" PRIu64
             " ms x %" PRIu32 ", data retries %" PRIu32 ", min RTO %" PRIu64 " ms, delayed ACK %" PRIu64
             " ms or %" PRIu32 " segments, buffers %" PRIu32 "/%" PRIu32 " bytes, MSL %" PRIu64
             " ms, timestamps %s, SACK %s, Nagle %s, %s",
             o->mss_v4, o->mss_v6, o->initial_cwnd, o->conn_timeout_ns / 1000000, o->syn_retries,
             o->data_retries, o->min_rto_ns / 1000000, o->delayed_ack_ns / 1000000, o->delayed_ack_segments,
             o->send_buffer, o->receive_buffer, o->msl_ns / 1000000, o->timestamps ? "on" : "off",
             o->sack ? "on" : "off", o->nagle ? "on" : "off",
             o->congestion == CSIM_NEWRENO ? "NewReno" : "CUBIC");
    return buf;
}

csim_status csim_tcp_options_check(const struct csim_tcp_options *o)
{
    const uint64_t hour = UINT64_C(3600000000000);
    if (o->mss_v4 < 48 || o->mss_v4 > 65483 || o->mss_v6 < 48 || o->mss_v6 > 65463)
        return csim_fail(CSIM_ERR_ARGUMENT,
                         "TCP options: MSS %u (IPv4), %u (IPv6) not in 48..65483, 48..65463", o->mss_v4,
                         o->mss_v6);
    if (o->initial_cwnd == 0 || o->initial_cwnd > 10000)
        return csim_fail(CSIM_ERR_ARGUMENT, "TCP options: initial window of %u segments not in 1..10000",
                         o->initial_cwnd);
    if (o->syn_retries == 0 || o->syn_retries > 20 || o->data_retries == 0 || o->data_retries > 100)
        return csim_fail(CSIM_ERR_ARGUMENT, "TCP options: %u SYNs, %u data retries not in 1..20, 1..100",
                         o->syn_retries, o->data_retries);
    if (o->conn_timeout_ns == 0 || o->conn_timeout_ns > hour || o->min_rto_ns == 0 || o->min_rto_ns > hour ||
        o->delayed_ack_ns > hour || o->msl_ns > hour)
        return csim_fail(CSIM_ERR_ARGUMENT, "TCP options: a time is 0 or over an hour");
    if (o->delayed_ack_segments == 0 || o->delayed_ack_segments > 1000)
        return csim_fail(CSIM_ERR_ARGUMENT, "TCP options: ACK every %u segments not in 1..1000",
                         o->delayed_ack_segments);
    const uint32_t mss = std::max(o->mss_v4, o->mss_v6);
    if (o->send_buffer < mss || o->receive_buffer < mss || o->send_buffer > 1u << 30 ||
        o->receive_buffer > 1u << 30)
        return csim_fail(CSIM_ERR_ARGUMENT, "TCP options: buffers of %u, %u bytes not in MSS..2^30",
                         o->send_buffer, o->receive_buffer);
    if (csim_raw(o->congestion) > CSIM_NEWRENO)
        return csim_fail(CSIM_ERR_ARGUMENT, "TCP options: unknown congestion control %u",
                         csim_raw(o->congestion));
    return CSIM_OK;
}

static bool apply(Ptr<TcpSock> t, const struct csim_tcp_options *o, uint8_t family)
{
    const UintegerValue mss(family == 4 ? o->mss_v4 : o->mss_v6);
    const uint32_t every = o->delayed_ack_ns ? o->delayed_ack_segments : 1;
    const auto ns = [](uint64_t n) { return TimeValue(NanoSeconds(n)); };
    return t->SetAttributeFailSafe("SegmentSize", mss) &&
           t->SetAttributeFailSafe("InitialCwnd", UintegerValue(o->initial_cwnd)) &&
           t->SetAttributeFailSafe("ConnTimeout", ns(o->conn_timeout_ns)) &&
           t->SetAttributeFailSafe("ConnCount", UintegerValue(o->syn_retries)) &&
           t->SetAttributeFailSafe("DataRetries", UintegerValue(o->data_retries)) &&
           t->SetAttributeFailSafe("MinRto", ns(o->min_rto_ns)) &&
           t->SetAttributeFailSafe("DelAckTimeout", ns(o->delayed_ack_ns)) &&
           t->SetAttributeFailSafe("DelAckCount", UintegerValue(every)) &&
           t->SetAttributeFailSafe("SndBufSize", UintegerValue(o->send_buffer)) &&
           t->SetAttributeFailSafe("RcvBufSize", UintegerValue(o->receive_buffer)) &&
           t->SetAttributeFailSafe("MaxSegLifetime", DoubleValue((double)o->msl_ns * 1e-9)) &&
           t->SetAttributeFailSafe("Timestamp", BooleanValue(o->timestamps)) &&
           t->SetAttributeFailSafe("Sack", BooleanValue(o->sack)) &&
           t->SetAttributeFailSafe("TcpNoDelay", BooleanValue(!o->nagle));
}

/* TcpL4Protocol::CreateSocket() makes only its own class. */
Ptr<TcpSock> csim_tcp_make(csim_node *n, const struct csim_tcp_options *options, uint8_t family)
{
    const struct csim_tcp_options *o = options ? options : &n->sim->opt.tcp;
    Ptr<TcpSock> t = CreateObject<TcpSock>();
    t->SetNode(n->node);
    t->SetTcp(n->node->GetObject<TcpL4Protocol>());
    t->SetRtt(CreateObject<RttMeanDeviation>());
    if (o->congestion == CSIM_NEWRENO)
        t->SetCongestionControlAlgorithm(CreateObject<TcpNewReno>());
    else
        t->SetCongestionControlAlgorithm(CreateObject<TcpCubic>());
    t->SetRecoveryAlgorithm(CreateObject<TcpPrrRecovery>());
    return apply(t, o, family) ? t : nullptr;
}
