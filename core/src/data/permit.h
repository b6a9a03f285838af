/* SPDX-License-Identifier: BSD-2-Clause */
/* What a slot and its grant permit, asked before it is done, over UDP and TCP alike. */
#ifndef CSEP_DATA_PERMIT_H
#define CSEP_DATA_PERMIT_H

#include "csep/data.h"

/* Is the slot's context one with the peer that the application asks for? CSEP_ERR_IDENTITY: no (SEC-14). */
csep_status permit_peer(const struct csep_data_config *cfg, const struct csep_slot *slot) CSEP_MUST_CHECK;
/* May this be exported? exports: as in csep_slot. CSEP_ERR_VALUE: a length that Export does not have;
 * CSEP_ERR_REFUSED: keys of a protocol that the grant does not hold (API-7). */
csep_status permit_export(uint8_t exports, const char *label, size_t out_len) CSEP_MUST_CHECK;

#endif
