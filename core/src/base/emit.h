/* SPDX-License-Identifier: BSD-2-Clause */
/* Emitting a trace event in one line: TRACE(&obj->trace, now, DATA_STATE, from, to). */
#ifndef CSEP_BASE_EMIT_H
#define CSEP_BASE_EMIT_H

#include "csep/trace.h"

#define TRACE(sink, now, id, ...)                                                                            \
    do {                                                                                                     \
        const struct csep_trace *sink_ = (sink);                                                             \
        if (sink_->emit) {                                                                                   \
            struct csep_trace_event ev_ = {(now), sink_->object, CSEP_TRACE_##id, {__VA_ARGS__}};            \
            sink_->emit(sink_->self, &ev_);                                                                  \
        }                                                                                                    \
    } while (0)

#endif
