/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rows.h"

#include <string.h>

#include "csep.h"
#include "model.h"
#include "openssl.h"

#define FLIGHTS "flights of their true sizes over ns-3's UDP and TCP; no cryptography"
#define MODEL(id, title, table)                                                                              \
    {                                                                                                        \
        id, title, &sim_stack_model, &(table), FLIGHTS, NULL, 'B'                                            \
    }
#define OPENSSL(id, title, ...)                                                                              \
    {                                                                                                        \
        id, title, &sim_stack_openssl, &(const struct sim_openssl){__VA_ARGS__}, NULL, NULL, 'B'             \
    }
#define CSEP(id, title, ...)                                                                                 \
    {                                                                                                        \
        id, title, &sim_stack_csep, &(const struct sim_csep){__VA_ARGS__}, NULL, NULL, 'B'                   \
    }
#define CSEP_MODEL(id, title, modelled, condition, ...)                                                      \
    {                                                                                                        \
        id, title, &sim_stack_csep, &(const struct sim_csep){__VA_ARGS__}, modelled, condition, 'B'          \
    }
#define STALE(id, title, ...)                                                                                \
    {                                                                                                        \
        id, title, &sim_stack_csep,                                                                          \
            &(const struct sim_csep){.context = SIM_CONTEXT_STALE, .over_udp = true, __VA_ARGS__}, NULL,     \
            NULL, 'S'                                                                                        \
    }

const struct sim_row sim_rows[] = {
    OPENSSL("B1", "TCP and TLS 1.3, full handshake", .version = 13),
    OPENSSL("B2", "TCP and TLS 1.3, 0-RTT", .version = 13, .resume = true, .early = true),
    {"B3", "TLS 1.3 0-RTT and TCP Fast Open", &sim_stack_openssl,
     &(const struct sim_openssl){
         .version = 13, .resume = true, .early = true, .transport = SIM_PIPE_FAST_OPEN},
     "TCP Fast Open: datagrams of its segments' sizes", NULL, 'B'},
    MODEL("B4", "QUIC, first contact", sim_model_b4),
    MODEL("B4-retry", "QUIC, first contact with Retry", sim_model_b4_retry),
    MODEL("B4-cert", "QUIC, certificates over 3600 bytes", sim_model_b4_cert),
    MODEL("B5", "QUIC, 0-RTT", sim_model_b5),
    MODEL("B5-retry", "QUIC, 0-RTT with Retry", sim_model_b5_retry),
    MODEL("B6", "DTLS 1.3, full handshake", sim_model_b6),
    MODEL("B6-cookie", "DTLS 1.3, full handshake with cookie", sim_model_b6_cookie),
    OPENSSL("B7", "TCP and TLS 1.2, full handshake", .version = 12),
    OPENSSL("B7-resumed", "TCP and TLS 1.2, resumed", .version = 12, .resume = true),
    MODEL("B8", "IKEv2, then ESP", sim_model_b8),
    MODEL("B8-cookie", "IKEv2 with cookie, then ESP", sim_model_b8_cookie),
    MODEL("B9", "NTS: key establishment over TLS, then NTP", sim_model_b9),

    CSEP("S1", "csep, grant in the handshake, then UDP", .over_udp = true),
    CSEP("S2", "csep, grant asked for as in NTS-KE, then UDP", .over_udp = true, .literal_request = true),
    CSEP("S3", "csep, grant in the handshake, then TCP", .cold = SIM_SEPARATE),
    CSEP("S4", "csep, grant asked for, then TCP", .literal_request = true),
    CSEP("S5", "csep, TCP opened in parallel", .cold = SIM_PARALLEL),
    CSEP("S6", "csep, grant asked for, TCP in parallel", .cold = SIM_PARALLEL, .literal_request = true),
    CSEP_MODEL("S7", "csep, then TCP Fast Open", "TCP Fast Open: datagrams of its segments' sizes",
               "the server's Fast Open cookie is known", .data = SIM_PIPE_FAST_OPEN),
    CSEP("S8", "csep, data on the same TCP connection", .cold = SIM_SHARED),
    CSEP_MODEL("S9", "csep, then SCTP", "SCTP: datagrams of its packets' sizes", NULL, .data = SIM_PIPE_SCTP),
    CSEP_MODEL("S10", "csep over QUIC, then UDP",
               "QUIC under the negotiation: datagrams of its packets' sizes",
               "the negotiation runs over QUIC", .over_udp = true, .negotiate = SIM_PIPE_QUIC),
    {"S11", "csep, grant asked for in 0-RTT, then UDP", &sim_stack_model, &sim_model_s11, FLIGHTS, NULL, 'B'},
    CSEP("S12", "S1 where the handshake exceeds the first window", .over_udp = true),

    CSEP("W1", "csep with a context, UDP", .context = SIM_CONTEXT_WARM, .over_udp = true),
    CSEP("W2", "csep with a context, UDP, server demands Retry", .context = SIM_CONTEXT_WARM,
         .over_udp = true, .retry = true, .no_token = true),
    CSEP("W3", "csep with a context, TCP", .context = SIM_CONTEXT_WARM),
    CSEP_MODEL("W3-tfo", "csep with a context, TCP Fast Open",
               "TCP Fast Open: datagrams of its segments' sizes", "the server's Fast Open cookie is known",
               .context = SIM_CONTEXT_WARM, .data = SIM_PIPE_FAST_OPEN),
    CSEP("W4", "csep with a context, UDP, large reply, no address token", .context = SIM_CONTEXT_WARM,
         .over_udp = true, .no_token = true),

    STALE("X1", "stale context, server refuses, then as S1", .hedge = false),
    STALE("X2", "stale context, refusal lost, then as S1", .hedge = false),
    STALE("X3", "stale context, negotiation begun with the first flight", .hedge = true),
    {"X4", "UDP blocked, fallback to TCP", &sim_stack_csep,
     &(const struct sim_csep){.context = SIM_CONTEXT_WARM, .over_udp = true, .fallback = true}, NULL, NULL,
     'S'},
    {0},
};

const struct sim_row *sim_row_find(const char *id)
{
    for (const struct sim_row *r = sim_rows; r->id; r++)
        if (!strcmp(r->id, id))
            return r;
    return NULL;
}
