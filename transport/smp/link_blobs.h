/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The two encrypted blobs of a short link, as NEW, LSET and LNK carry them; opaque to routers. Pure and re-entrant:
 * any thread. */
#pragma once

#include "queues/base/cursor.h"

struct smp_link_data {
    struct slice fixed_data; /* 2,048 bytes from our clients; routers take any length up to 65,535 */
    struct slice user_data;  /* 13,824 bytes, likewise */
};

void smp_link_data_read(struct reader *reader, struct smp_link_data *data);
void smp_link_data_write(struct writer *writer, const struct smp_link_data *data);
