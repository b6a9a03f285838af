/* SPDX-License-Identifier: GPL-2.0-or-later */
/* openssl.h - which handshake libssl plays in a row. */
#ifndef SIM_OPENSSL_H
#define SIM_OPENSSL_H

#include "pipe.h"

struct sim_openssl {
    int version; /* 12 or 13 */
    bool resume; /* with a ticket of an earlier connection */
    bool early;  /* the request is 0-RTT data */
    enum sim_pipe_kind transport;
};

#endif
