/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measure.h - what a run took, and why: every packet with its times, and the chain of
 * packets that led to a moment.
 *
 * Delay. From the application's send call to the instant at which the packet leaves
 * whose arrival hands the request to the peer's application. So it is the first
 * protected byte that is of use: one under a context that the peer no longer
 * knows does not count.
 *
 * The chain. In a world without processing time, whatever a host sends it sends because
 * a packet has just arrived, because the packet before it has just left the wire
 * free, or because a timer fired. Walking back along these causes to the send call gives the
 * number of trips, the serialisation time of exactly those packets, and what is
 * left, which some timer waited. Nothing of it is fitted: a closed form of k round
 * trips agrees only when there are 2k trips and no wait that it does not name.
 */
#ifndef SIM_MEASURE_H
#define SIM_MEASURE_H

#include "ns3.h"

enum sim_direction { SIM_UP, SIM_DOWN }; /* client to server, server to client */

struct sim_packet {
    uint64_t sent, received; /* received: 0 when it has not arrived */
    uint64_t airtime;
    uint64_t number; /* of its direction */
    uint32_t len;    /* bytes of the IP packet */
    enum sim_direction direction;
    bool lost;
    char label[240];
};

struct sim_path {
    unsigned trips;
    uint64_t airtime_ns;
    uint64_t
        wait_ns; /* from the send call to the timer that the chain begins with; 0: it begins with the call */
};

struct sim_moment {
    bool happened;
    uint64_t at; /* since the send call */
    struct sim_path path;
};

/* Of a negotiation, which only TCP carries, or of anything else. */
enum sim_hint_kind { SIM_HINT_NEGOTIATION, SIM_HINT_OTHER };
struct sim_hint {
    char text[112];
    uint64_t at;
};

struct sim_measure {
    csim_link *link;
    uint64_t send_at; /* CSEP_NEVER: not yet */
    struct sim_packet *packets;
    size_t num, cap;
    struct sim_moment delay, first, last;
    struct sim_hint hint[2][2]; /* of a direction: what its sender says that the next packet holds */
};

void sim_measure_init(struct sim_measure *m, csim_link *link);
void sim_measure_free(struct sim_measure *m);
/* The application sends now; forgets what was before. */
void sim_measure_begin(struct sim_measure *m, uint64_t now);
/* From csim_tap(). */
void sim_measure_packet(struct sim_measure *m, const struct csim_packet *p);
/* Names what will be sent in this instant; several names in one instant are joined by ", ". */
void sim_measure_hint(struct sim_measure *m, enum sim_direction d, enum sim_hint_kind kind, uint64_t now,
                      const char *text);
/* Only the first call of each counts, the last one for `last`. */
void sim_measure_request_arrived(struct sim_measure *m, uint64_t now);
void sim_measure_reply_arrived(struct sim_measure *m, uint64_t now, bool last);

#endif
