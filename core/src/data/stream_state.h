/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * States of a connection over TCP (spec section 8.2), as one list from which the table comes. A place holds
 * every state that may follow; an empty one cannot happen, or cannot be told from a record that does not
 * open.
 */
#ifndef CSEP_DATA_STREAM_STATE_H
#define CSEP_DATA_STREAM_STATE_H

#include "csep/data.h"

/* FAIL and SENT have no column in the specification: bytes that are none of the others, and what this end
 * itself sends. */
#define STREAM_INPUT_LIST(X)                                                                                 \
    X(OPEN) X(ACCEPT) X(REFUSE) X(EARLY) X(DATA) X(CLOSE) X(END) X(TIMEOUT) X(LOCAL_CLOSE) X(FAIL) X(SENT)

enum stream_input {
#define CSEP_X(n) STREAM_IN_##n,
    STREAM_INPUT_LIST(CSEP_X) STREAM_INPUT_COUNT
#undef CSEP_X
};

/* clang-format off */
/* X(state,      OPEN,               ACCEPT, REFUSE, EARLY,    DATA,      CLOSE,
 *               END,    TIMEOUT, LOCAL_CLOSE,      FAIL,             SENT) */
#define STREAM_STATE_TABLE(X)                                                                               \
    X(IDLE,      ACCEPTED | CLOSING, CLOSED, CLOSED, NO,       NO,        NO,                               \
                 CLOSED, CLOSED,  CLOSED,           CLOSED | CLOSING, IDLE | OPENING)                       \
    X(OPENING,   CLOSED,             OPEN,   CLOSED, NO,       NO,        NO,                               \
                 CLOSED, CLOSED,  CLOSED | OPENING, CLOSED,           OPENING)                              \
    X(OPEN,      NO,                 NO,     NO,     NO,       OPEN,      CLOSED,                           \
                 CLOSED, CLOSING, CLOSING,          CLOSING,          OPEN | CONFIRMED)                     \
    X(ACCEPTED,  NO,                 NO,     NO,     ACCEPTED, CONFIRMED, CLOSED,                           \
                 CLOSED, CLOSING, CLOSING,          CLOSING,          ACCEPTED)                             \
    X(CONFIRMED, NO,                 NO,     NO,     NO,       CONFIRMED, CLOSED,                           \
                 CLOSED, CLOSING, CLOSING,          CLOSING,          CONFIRMED)                            \
    X(CLOSING,   NO,                 NO,     NO,     CLOSING,  CLOSING,   CLOSED,                           \
                 CLOSED, CLOSED,  CLOSING,          CLOSING,          CLOSING | CLOSED)                     \
    X(CLOSED,    NO,                 NO,     NO,     NO,       NO,        NO,                               \
                 CLOSED, NO,      CLOSED,           CLOSED,           CLOSED)
/* clang-format on */

/* Bit (1 << state) for each state that may follow. */
unsigned stream_state_next(enum csep_data_state s, enum stream_input in);
/* By any input. */
bool stream_state_may_follow(enum csep_data_state from, enum csep_data_state to);
const char *stream_input_name(enum stream_input in);

#endif
