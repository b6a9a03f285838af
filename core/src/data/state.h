/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * States of a connection over UDP (spec section 6.11), as one list from which enum, names and
 * table come. A pair that the list does not let change anything is STATE_DROP; a pair that cannot
 * happen is STATE_NEVER.
 */
#ifndef CSEP_DATA_STATE_H
#define CSEP_DATA_STATE_H

#include "csep/data.h"

#define DATA_INPUT_LIST(X)                                                                                   \
    X(OPEN) X(ACCEPT) X(REFUSE) X(RETRY) X(EARLY) X(DATA) X(ACKED) X(CLOSE) X(RESET) X(TIMEOUT) X(LOCAL_CLOSE)

enum data_input {
#define CSEP_X(n) DATA_IN_##n,
    DATA_INPUT_LIST(CSEP_X) DATA_INPUT_COUNT
#undef CSEP_X
};

#define STATE_DROP  (-1)
#define STATE_NEVER (-2)

/*
 * X(state, next state for OPEN, ACCEPT, REFUSE, RETRY, EARLY, DATA, ACKED, CLOSE, RESET, TIMEOUT,
 * LOCAL_CLOSE) EARLY and DATA are short packets that verified, ACKED an acknowledgement of an own packet
 * under c_data (opener), CLOSE a frame. An ACCEPT after the first is a packet of the data space (DATA in this
 * table).
 */
#define DATA_STATE_TABLE(X)                                                                                  \
    X(IDLE, ACCEPTED, DROP, DROP, DROP, DROP, DROP, NEVER, NEVER, DROP, NEVER, CLOSED)                       \
    X(OPENING, DROP, OPEN, CLOSED, OPENING, DROP, DROP, NEVER, NEVER, DROP, CLOSED, CLOSED)                  \
    X(OPEN, DROP, OPEN, DROP, DROP, DROP, OPEN, CONFIRMED, DRAINING, CLOSED, CLOSED, CLOSING)                \
    X(ACCEPTED, ACCEPTED, DROP, DROP, DROP, ACCEPTED, CONFIRMED, ACCEPTED, DRAINING, CLOSED, CLOSED,         \
      CLOSING)                                                                                               \
    X(CONFIRMED, DROP, CONFIRMED, DROP, DROP, CONFIRMED, CONFIRMED, CONFIRMED, DRAINING, CLOSED, CLOSED,     \
      CLOSING)                                                                                               \
    X(CLOSING, DROP, DROP, DROP, DROP, DROP, CLOSING, CLOSING, DRAINING, CLOSED, CLOSED, CLOSING)            \
    X(DRAINING, DROP, DROP, DROP, DROP, DROP, DROP, NEVER, DRAINING, DROP, CLOSED, DRAINING)                 \
    X(CLOSED, DROP, DROP, DROP, DROP, DROP, DROP, NEVER, NEVER, DROP, NEVER, CLOSED)

/* Next state, STATE_DROP or STATE_NEVER. */
int data_state_next(enum csep_data_state s, enum data_input in);
const char *data_input_name(enum data_input in);

#endif
