/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a fuzzed TLS peer does, one step after the other, from the fuzzer's bytes. It holds the right
 * keys, so that bent messages arrive behind the protection and not only in front of it.
 *
 *     script = options step*
 *     step   = 0..13                          say the valid message of that kind (TLS_INPUT_LIST)
 *            | 0x80 + 0..13 n (u16 u8){n & 7} the same with bytes of it changed: offset, value
 *            | 0x40 + n (n < 32)  byte{n}     bytes on the wire as they are
 *            | 0x60 + n (n < 32)  type byte{n}  a record of that type under the present keys
 */
#ifndef CSEP_FUZZ_TLS_SCRIPT_H
#define CSEP_FUZZ_TLS_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Aborts when a property fails: a failure is final and wiped, all memory comes back. */
void tls_script_run(bool engine_is_server, const uint8_t *data, size_t n);

#endif
