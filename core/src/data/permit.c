/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/permit.h"

#include <string.h>

#include "crypto/wipe.h"
#include "data/schedule.h"

//= SEC-14
csep_status permit_peer(const struct csep_data_config *cfg, const struct csep_slot *slot)
{
    if (!cfg->peer_spki_sha256)
        return CSEP_OK;
    bool same = csep_equal(slot->peer_spki_sha256, cfg->peer_spki_sha256, sizeof slot->peer_spki_sha256);
    return slot->peer_known && same ? CSEP_OK : CSEP_ERR_IDENTITY;
}

csep_status permit_export(uint8_t exports, const char *label, size_t out_len)
{
    size_t n = strlen(label);
    if (n == 0 || n > EXPORT_LABEL_MAX || out_len == 0 || out_len > 255u * HASH_LEN)
        return CSEP_ERR_VALUE;
    bool media = strcmp(label, "srtp") == 0; /* the only label that belongs to a protocol (spec 12) */
    return media && !(exports & 1u << CSEP_EXPORT_SRTP) ? CSEP_ERR_REFUSED : CSEP_OK; //= API-7
}
