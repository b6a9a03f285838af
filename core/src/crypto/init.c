/* SPDX-License-Identifier: BSD-2-Clause */
#include "csep/host.h"

#include <sodium.h>

#include "crypto/sha256.h"

csep_status csep_init(void)
{
    if (sodium_init() < 0)
        return CSEP_ERR_INTERNAL;
    sha256_detect();
    return CSEP_OK;
}

const char *csep_version(void)
{
    return "0.1.0";
}
