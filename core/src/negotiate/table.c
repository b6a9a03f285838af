/* SPDX-License-Identifier: BSD-2-Clause */
#include "negotiate/table.h"

/* clang-format off */
/*    state      BYTES      TLS_UP     GRANT      WHOLE    ERROR   REVOKE     LOCAL_CLOSE CLOSE_NOTIFY END     TIMEOUT */
#define CLIENT(X)                                                                                            \
    X(START,     HANDSHAKE, NO,        NO,        NO,      NO,     NO,        CLOSING,    NO,          FAILED, FAILED)  \
    X(HANDSHAKE, HANDSHAKE, HANDSHAKE, HANDSHAKE, GRANTED, FAILED, HANDSHAKE, CLOSING,    FAILED,      FAILED, FAILED)  \
    X(GRANTED,   GRANTED,   NO,        GRANTED,   GRANTED, FAILED, GRANTED,   CLOSING,    DONE,        DONE,   CLOSING) \
    X(CLOSING,   CLOSING,   NO,        CLOSING,   CLOSING, DONE,   CLOSING,   CLOSING,    DONE,        DONE,   DONE)

/*    state      BYTES      TLS_UP    FINISHED   REQUEST    REVOKE     CONTINUE ERROR CLOSE_NOTIFY END     TIMEOUT */
#define SERVER(X)                                                                                            \
    X(START,     HANDSHAKE, NO,       NO,        NO,        NO,        NO,      NO,   FAILED,      FAILED, FAILED) \
    X(HANDSHAKE, HANDSHAKE, GRANTING, NO,        NO,        NO,        NO,      NO,   FAILED,      FAILED, FAILED) \
    X(GRANTING,  GRANTING,  NO,       CONFIRMED, NO,        NO,        NO,      NO,   FAILED,      FAILED, FAILED) \
    X(CONFIRMED, CONFIRMED, NO,       NO,        CONFIRMED, CONFIRMED, CLOSING, DONE, DONE,        DONE,   FAILED) \
    X(CLOSING,   CLOSING,   NO,       NO,        FAILED,    FAILED,    FAILED,  DONE, DONE,        DONE,   DONE)
/* clang-format on */

/* Stored one up, so that what is not named is "no". */
#define NEG_STATE_NO (-1)
#define TO(s)        (signed char)(NEG_STATE_##s + 1)

static const signed char client[NEG_STATE_COUNT][NEG_INPUT_COUNT] = {
#define ROW(s, bytes, up, grant, whole, error, revoke, local, notify, end, timeout)                          \
    [NEG_STATE_##s] = {                                                                                      \
        [NEG_EV_BYTES] = TO(bytes),       [NEG_EV_TLS_UP] = TO(up),           [NEG_EV_GRANT] = TO(grant),    \
        [NEG_EV_WHOLE] = TO(whole),       [NEG_EV_ERROR] = TO(error),         [NEG_EV_REVOKE] = TO(revoke),  \
        [NEG_EV_LOCAL_CLOSE] = TO(local), [NEG_EV_CLOSE_NOTIFY] = TO(notify), [NEG_EV_END] = TO(end),        \
        [NEG_EV_TIMEOUT] = TO(timeout),                                                                      \
    },
    CLIENT(ROW)
#undef ROW
};

static const signed char server[NEG_STATE_COUNT][NEG_INPUT_COUNT] = {
#define ROW(s, bytes, up, finished, request, revoke, cont, error, notify, end, timeout)                      \
    [NEG_STATE_##s] =                                                                                        \
        {                                                                                                    \
            [NEG_EV_BYTES] = TO(bytes),       [NEG_EV_TLS_UP] = TO(up),                                      \
            [NEG_EV_FINISHED] = TO(finished), [NEG_EV_REQUEST] = TO(request),                                \
            [NEG_EV_REVOKE] = TO(revoke),     [NEG_EV_CONTINUE] = TO(cont),                                  \
            [NEG_EV_ERROR] = TO(error),       [NEG_EV_CLOSE_NOTIFY] = TO(notify),                            \
            [NEG_EV_END] = TO(end),           [NEG_EV_TIMEOUT] = TO(timeout),                                \
    },
    SERVER(ROW)
#undef ROW
};

const char *neg_state_name(enum neg_state s)
{
    static const char *const names[] = {
#define NAME(n) #n,
        NEG_STATE_LIST(NAME)
#undef NAME
    };
    return (unsigned)s < NEG_STATE_COUNT ? names[s] : "UNKNOWN";
}

const char *neg_input_name(enum neg_input i)
{
    static const char *const names[] = {
#define NAME(n) #n,
        NEG_INPUT_LIST(NAME)
#undef NAME
    };
    return (unsigned)i < NEG_INPUT_COUNT ? names[i] : "UNKNOWN";
}

bool neg_state_of(bool is_server, enum neg_state s)
{
    return is_server ? s != NEG_STATE_GRANTED : s != NEG_STATE_GRANTING && s != NEG_STATE_CONFIRMED;
}

int neg_next(bool is_server, enum neg_state s, enum neg_input i)
{
    return (is_server ? server : client)[s][i] - 1;
}
