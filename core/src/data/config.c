/* SPDX-License-Identifier: BSD-2-Clause */
#include "csep/data.h"

struct csep_data_config csep_data_config_default(void)
{
    return (struct csep_data_config){
        .max_data = 1048576,
        .max_message = 1048576,
        .idle_timeout = CSEP_SEC(30),
        .max_ack_delay = CSEP_MS(25),
        .open_timeout = CSEP_SEC(10), //= DATA-14
        .replay_window = 2048,        //= DATA-8
        .max_unit = 1200,
        .max_cids = 2,
        .offer_share = true,
        .early = true,
        .send_buffer = (size_t)4 << 20,
    };
}
