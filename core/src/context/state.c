/* SPDX-License-Identifier: BSD-2-Clause */
/* The state table of a context (spec 9.1), row by row as the specification prints it. */
#include "csep/context.h"

/* clang-format off */
/*    state        negotiate    granted failed       soft     hard     refused  used     revoke   forget */
#define TABLE(X)                                                                                             \
    X(NONE,        NEGOTIATING, FRESH,  NONE,        DEFECT,  DEFECT,  DEFECT,  DEFECT,  DEFECT,  NONE)      \
    X(NEGOTIATING, NEGOTIATING, FRESH,  NONE,        DEFECT,  DEFECT,  DEFECT,  DEFECT,  DEFECT,  NONE)      \
    X(FRESH,       SOFT,        FRESH,  FRESH,       SOFT,    EXPIRED, SUSPECT, FRESH,   REVOKED, NONE)      \
    X(SOFT,        SOFT,        FRESH,  SOFT,        SOFT,    EXPIRED, SUSPECT, SOFT,    REVOKED, NONE)      \
    X(SUSPECT,     SUSPECT,     FRESH,  SUSPECT,     SUSPECT, EXPIRED, SUSPECT, FRESH,   REVOKED, NONE)      \
    X(EXPIRED,     NEGOTIATING, FRESH,  EXPIRED,     EXPIRED, EXPIRED, EXPIRED, EXPIRED, EXPIRED, NONE)      \
    X(REVOKED,     NEGOTIATING, FRESH,  REVOKED,     REVOKED, REVOKED, REVOKED, REVOKED, REVOKED, NONE)
/* clang-format on */

enum { CSEP_CTX_DEFECT = -1 };

static const signed char table[CSEP_CTX_STATE_COUNT][CSEP_CTX_INPUT_COUNT] = {
#define ROW(s, a, b, c, d, e, f, g, h, i)                                                                    \
    [CSEP_CTX_##s] = {CSEP_CTX_##a, CSEP_CTX_##b, CSEP_CTX_##c, CSEP_CTX_##d, CSEP_CTX_##e,                  \
                      CSEP_CTX_##f, CSEP_CTX_##g, CSEP_CTX_##h, CSEP_CTX_##i},
    TABLE(ROW)
#undef ROW
};

const char *csep_ctx_state_name(enum csep_ctx_state s)
{
    static const char *const names[] = {
#define NAME(n) #n,
        CSEP_CTX_STATE_LIST(NAME)
#undef NAME
    };
    return (unsigned)s < CSEP_CTX_STATE_COUNT ? names[s] : "UNKNOWN";
}

const char *csep_ctx_input_name(enum csep_ctx_input i)
{
    static const char *const names[] = {
#define NAME(n) #n,
        CSEP_CTX_INPUT_LIST(NAME)
#undef NAME
    };
    return (unsigned)i < CSEP_CTX_INPUT_COUNT ? names[i] : "UNKNOWN";
}

int csep_ctx_next(enum csep_ctx_state s, enum csep_ctx_input i)
{
    return (unsigned)s < CSEP_CTX_STATE_COUNT && (unsigned)i < CSEP_CTX_INPUT_COUNT ? table[s][i] : -1;
}

bool csep_ctx_usable(enum csep_ctx_state s)
{
    /* A suspect context goes on being used, beside the negotiation that it causes. //= CTX-26 */
    return s == CSEP_CTX_FRESH || s == CSEP_CTX_SOFT || s == CSEP_CTX_SUSPECT;
}
