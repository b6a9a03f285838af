/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h - protocols as flights: who sends how many bytes after what, over ns-3's
 * UDP or TCP. No cryptography and no state machine is in it, so every row played by
 * it is labelled as modelled. flights.c has the tables.
 *
 * A flight leaves when everything before it has arrived; flights in a row from the
 * same end leave together. TCP opens by itself before its first flight.
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "measure.h"

enum sim_via { SIM_VIA_UDP, SIM_VIA_TCP };
enum sim_carries {
    SIM_PLAIN,
    SIM_REQUEST,
    SIM_REPLY,
    SIM_ASIDE /* nobody waits for it; the first of its row */
};

struct sim_flight {
    enum sim_direction from;
    enum sim_via via;
    enum sim_carries carries;
    const char *label;
    uint16_t bytes[6]; /* of each datagram; with request or reply: [0] is what is added to its bytes in each
                          datagram */
};

#define SIM_FLIGHTS 10
struct sim_model {
    struct sim_flight flights[SIM_FLIGHTS]; /* up to one without a label */
    struct sim_flight
        repeated[SIM_FLIGHTS]; /* visits: what is played instead when keys of an earlier one serve (0-RTT) */
};

extern const struct sim_model sim_model_b4, sim_model_b4_retry, sim_model_b4_cert, sim_model_b5,
    sim_model_b5_retry, sim_model_b6, sim_model_b6_cookie, sim_model_b8, sim_model_b8_cookie, sim_model_b9,
    sim_model_s11;

#endif
