/* SPDX-License-Identifier: BSD-2-Clause */
#include "csep/trace.h"

static const char *const names[CSEP_TRACE_COUNT][5] = {
#define ROW(id, name, a, b, c, d) {name, a, b, c, d},
    CSEP_TRACE_LIST(ROW)
#undef ROW
};

const char *csep_trace_name(enum csep_trace_type t)
{
    return (unsigned)t < CSEP_TRACE_COUNT ? names[t][0] : "unknown";
}

const char *csep_trace_arg(enum csep_trace_type t, unsigned i)
{
    return (unsigned)t < CSEP_TRACE_COUNT && i < 4 ? names[t][1 + i] : "";
}
