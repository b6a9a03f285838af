/* SPDX-License-Identifier: BSD-2-Clause */
/* The state tables of both ends (spec 4.3): names, transitions, nothing else. */
#ifndef CSEP_NEGOTIATE_TABLE_H
#define CSEP_NEGOTIATE_TABLE_H

#include <stdbool.h>

/* clang-format off */
#define NEG_STATE_LIST(X)                                                                                    \
    X(START) X(HANDSHAKE) X(GRANTED) X(GRANTING) X(CONFIRMED) X(CLOSING) X(DONE) X(FAILED)
#define NEG_INPUT_LIST(X)                                                                                    \
    X(BYTES)                                                                                                 \
    X(TLS_UP)                                                                                                \
    X(FINISHED)                                                                                              \
    X(GRANT)                                                                                                 \
    X(WHOLE) X(REQUEST) X(REVOKE) X(CONTINUE) X(ERROR) X(LOCAL_CLOSE) X(CLOSE_NOTIFY) X(END) X(TIMEOUT)
/* clang-format on */

enum neg_state {
#define NEG_X(n) NEG_STATE_##n,
    NEG_STATE_LIST(NEG_X) NEG_STATE_COUNT
#undef NEG_X
};

/*
 * BYTES    the first bytes arrived; at a server, "ClientHello" of the specification is BYTES and then TLS_UP
 * TLS_UP   application data can be written and secrets exported
 * GRANT    GRANT or TICKETS arrived; WHOLE: with it a grant became whole
 * END      end of file
 */
enum neg_input {
#define NEG_X(n) NEG_EV_##n,
    NEG_INPUT_LIST(NEG_X) NEG_INPUT_COUNT
#undef NEG_X
};

const char *neg_state_name(enum neg_state s);
const char *neg_input_name(enum neg_input i);
/* Is this a state of that role? */
bool neg_state_of(bool server, enum neg_state s);
/* -1: refused with UNEXPECTED, or cannot happen. */
int neg_next(bool server, enum neg_state s, enum neg_input i);

#endif
