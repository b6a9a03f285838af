/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "payload.h"

void sim_payload(uint8_t *out, size_t at, size_t n)
{
    static const char text[] = SIM_PAYLOAD_TEXT;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)text[(at + i) % (sizeof text - 1)];
}
