/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csep.h - in which of its modes libcsep plays a row. */
#ifndef SIM_CSEP_H
#define SIM_CSEP_H

#include "pipe.h"

enum sim_context { SIM_CONTEXT_NONE, SIM_CONTEXT_WARM, SIM_CONTEXT_STALE /* the server has forgotten it */ };
enum sim_cold { SIM_SEPARATE, SIM_PARALLEL, SIM_SHARED };

struct sim_csep {
    enum sim_context context;
    enum sim_cold cold;
    bool over_udp;                /* data; else over a pipe of `data` */
    enum sim_pipe_kind data;      /* transport of a TCP data connection */
    enum sim_pipe_kind negotiate; /* transport of the negotiation */
    bool literal_request;         /* REQUEST and answer after the handshake, as NTS-KE has it */
    bool retry;                   /* the server answers an OPEN without an address token with RETRY */
    bool no_token;                /* grants have no address token */
    bool hedge;                   /* negotiate at once, beside the first flight */
    bool fallback;                /* UDP without an answer for policy.fallback: TCP */
};

#endif
