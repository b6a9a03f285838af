/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dissect.h - what an onlooker sees in a packet of a run: for labels, and for faults that pick packets by
 * type. */
#ifndef SIM_DISSECT_H
#define SIM_DISSECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_wire {
    uint8_t protocol; /* 6 TCP, 17 UDP, else whatever IP says */
    uint8_t tcp_flags;
    const uint8_t *payload; /* of TCP or UDP */
    size_t len;
};

bool sim_dissect(const uint8_t *ip, size_t n, struct sim_wire *out);
/* "OPEN", "ACCEPT", "REFUSE", "RETRY", "short", up to NULL. */
extern const char *const sim_csep_types[];
/* One of them, or NULL when the UDP payload is none of csep's. */
const char *sim_csep_type(const struct sim_wire *w);
/* "SYN, ACK", "FIN", "ACK", "TLS handshake", "OPEN" ... Returns buf. */
const char *sim_describe(const struct sim_wire *w, char *buf, size_t cap);

#endif
