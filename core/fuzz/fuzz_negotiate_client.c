/* SPDX-License-Identifier: BSD-2-Clause */
/* The client of a negotiation against a peer that says anything, in any order. */
#include "neg_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    neg_script_run(false, data, n);
    return 0;
}
