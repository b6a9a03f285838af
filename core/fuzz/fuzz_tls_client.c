/* SPDX-License-Identifier: BSD-2-Clause */
/* Our client against a server that says anything. */
#include "tls_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    tls_script_run(false, data, n);
    return 0;
}
