/* SPDX-License-Identifier: BSD-2-Clause */
/* Extension blocks: which extension may stand where, and what was asked for. */
#include "tls/message.h"

static const struct row {
    uint16_t number;
    uint8_t where;
} rows[TLS_NUM_EXT] = {
#define ROW(name, number, where) {number, where},
    TLS_EXT_LIST(ROW)
#undef ROW
};

/* More than any client sends; bounds the search for duplicates. */
#define MAX_EXTENSIONS 128u
/* Messages that answer an offer: nothing may stand there that was not offered. */
#define ANSWERS (TLS_IN_SH | TLS_IN_HRR | TLS_IN_EE | TLS_IN_CT)

uint16_t tls_ext_number(enum tls_ext e)
{
    return rows[e].number;
}

static unsigned find(uint16_t number)
{
    unsigned e = 0;
    while (e < TLS_NUM_EXT && rows[e].number != number)
        e++;
    return e;
}

static bool seen_before(struct rd r, uint16_t number, unsigned num)
{
    for (; num > 0; num--) {
        if (rd_u16(&r) == number)
            return true;
        rd_vec16(&r);
    }
    return false;
}

static csep_status judge(unsigned e, enum tls_where where, uint32_t offered)
{
    if (e < TLS_NUM_EXT && !(rows[e].where & where))
        return CSEP_ERR_TLS_ILLEGAL_PARAMETER;
    //= NEG-13
    bool solicited = e < TLS_NUM_EXT && (tls_has(offered, e) || (e == TLS_EXT_COOKIE && where == TLS_IN_HRR));
    return (where & ANSWERS) && !solicited ? CSEP_ERR_TLS_UNSUPPORTED_EXTENSION : CSEP_OK;
}

csep_status tls_exts_decode(struct rd r, enum tls_where where, uint32_t offered, struct tls_exts *out)
{
    struct rd all = r;

    out->present = 0;
    for (unsigned num = 0; rd_more(&r); num++) {
        uint16_t number = rd_u16(&r);
        struct rd data = rd_vec16(&r);
        if (data.bad || num == MAX_EXTENSIONS)
            return CSEP_ERR_TLS_DECODE_ERROR;
        if (seen_before(all, number, num))
            return CSEP_ERR_TLS_ILLEGAL_PARAMETER;
        unsigned e = find(number);
        csep_status st = judge(e, where, offered);
        if (st)
            return st;
        if (e < TLS_NUM_EXT) {
            out->present |= UINT32_C(1) << e;
            out->data[e] = data;
        }
        if (e == TLS_EXT_PRE_SHARED_KEY && where == TLS_IN_CH && rd_more(&r))
            return CSEP_ERR_TLS_ILLEGAL_PARAMETER; /* section 4.2.11: must be the last */
    }
    return r.bad ? CSEP_ERR_TLS_DECODE_ERROR : CSEP_OK;
}
