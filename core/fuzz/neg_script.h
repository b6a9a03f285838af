/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One end of a negotiation driven by a script of bytes: what the peer sends, how TLS gets on, what the host
 * does. Each step is a byte, modulo 8, and its arguments:
 *
 *   0        a byte of the transport arrives      4        close_notify arrives
 *   1 n ...  n bytes of application data          5        end of file
 *   2        TLS can write and export             6 n      n seconds pass
 *   3        both Finished verified               7 n      the host takes events and output; n: what it asks
 * for
 */
#ifndef CSEP_FUZZ_NEG_SCRIPT_H
#define CSEP_FUZZ_NEG_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void neg_script_run(bool server, const uint8_t *data, size_t n);

#endif
