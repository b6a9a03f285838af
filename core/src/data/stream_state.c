/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/stream_state.h"

/* The words of the list, as bits; this file needs their plain meaning nowhere. */
enum {
    NO = 0,
#define BIT(n) n = 1 << CSEP_DATA_##n,
    CSEP_DATA_STATE_LIST(BIT)
#undef BIT
};

static const unsigned short table[CSEP_DATA_STATE_COUNT][STREAM_INPUT_COUNT] = {
#define ROW(s, a, b, c, d, e, f, g, h, i, j, k) [CSEP_DATA_##s] = {a, b, c, d, e, f, g, h, i, j, k},
    STREAM_STATE_TABLE(ROW)
#undef ROW
};

unsigned stream_state_next(enum csep_data_state s, enum stream_input in)
{
    return table[s][in];
}

bool stream_state_may_follow(enum csep_data_state from, enum csep_data_state to)
{
    unsigned all = 0;
    for (unsigned in = 0; in < STREAM_INPUT_COUNT; in++)
        all |= table[from][in];
    return all >> to & 1;
}

const char *stream_input_name(enum stream_input in)
{
    static const char *const names[] = {
#define NAME(n) #n,
        STREAM_INPUT_LIST(NAME)
#undef NAME
    };
    return (unsigned)in < STREAM_INPUT_COUNT ? names[in] : "UNKNOWN";
}
