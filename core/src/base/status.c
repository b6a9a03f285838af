/* SPDX-License-Identifier: BSD-2-Clause */
/* The status table, expanded from the one list in csep/status.h. */
#include "csep/status.h"

static const struct row {
    const char *name, *text;
    unsigned short wire;
    unsigned char alert, fault;
} rows[CSEP_STATUS_COUNT] = {
#define ROW(name, wire, alert, fault, text) {#name, text, wire, alert, CSEP_FAULT_##fault},
    CSEP_STATUS_LIST(ROW)
#undef ROW
};

static const struct row *row(csep_status s)
{
    static const struct row unknown = {"UNKNOWN", "unknown status", 0x0001, 80, CSEP_FAULT_LOCAL};
    return (unsigned)s < CSEP_STATUS_COUNT ? &rows[s] : &unknown;
}

const char *csep_status_name(csep_status s)
{
    return row(s)->name;
}

const char *csep_status_text(csep_status s)
{
    return row(s)->text;
}

unsigned csep_status_wire(csep_status s)
{
    return row(s)->wire;
}

unsigned csep_status_alert(csep_status s)
{
    return row(s)->alert;
}

enum csep_fault csep_status_fault(csep_status s)
{
    return (enum csep_fault)row(s)->fault;
}
