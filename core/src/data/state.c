/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/state.h"

static const char *const state_names[CSEP_DATA_STATE_COUNT] = {
#define NAME(n) #n,
    CSEP_DATA_STATE_LIST(NAME)};

static const char *const input_names[DATA_INPUT_COUNT] = {DATA_INPUT_LIST(NAME)};
#undef NAME

/* The words DROP and NEVER stand in the same places as states. */
enum { CSEP_DATA_DROP = STATE_DROP, CSEP_DATA_NEVER = STATE_NEVER };

static const signed char table[CSEP_DATA_STATE_COUNT][DATA_INPUT_COUNT] = {
#define ROW(s, a, b, c, d, e, f, g, h, i, j, k)                                                              \
    {CSEP_DATA_##a, CSEP_DATA_##b, CSEP_DATA_##c, CSEP_DATA_##d, CSEP_DATA_##e, CSEP_DATA_##f,               \
     CSEP_DATA_##g, CSEP_DATA_##h, CSEP_DATA_##i, CSEP_DATA_##j, CSEP_DATA_##k},
    DATA_STATE_TABLE(ROW)
#undef ROW
};

int data_state_next(enum csep_data_state s, enum data_input in)
{
    return table[s][in];
}

const char *data_input_name(enum data_input in)
{
    return (unsigned)in < DATA_INPUT_COUNT ? input_names[in] : "UNKNOWN";
}

const char *csep_data_state_name(enum csep_data_state s)
{
    return (unsigned)s < CSEP_DATA_STATE_COUNT ? state_names[s] : "UNKNOWN";
}
