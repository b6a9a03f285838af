/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * payload.h - what the applications say: a sentence over and over, so that whoever
 * looks into a capture sees at once whether any of it crossed the wire in clear.
 */
#ifndef SIM_PAYLOAD_H
#define SIM_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#define SIM_PAYLOAD_TEXT "These are the application's bytes. " /* sim/tests/test_tshark.py looks for it */

/* Bytes at..at+n-1 of it. */
void sim_payload(uint8_t *out, size_t at, size_t n);

#endif
