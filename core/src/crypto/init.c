/* SPDX-License-Identifier: BSD-2-Clause */
#include "csep/host.h"

#include <sodium.h>

csep_status csep_init(void)
{
    return sodium_init() < 0 ? CSEP_ERR_INTERNAL : CSEP_OK;
}

const char *csep_version(void)
{
    return "0.1.0";
}
