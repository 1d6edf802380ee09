/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The stored form of link data, by number of the queue; queue_store_link_get reads it. Private to stores/. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stores/smp/internal.h"
#include "stores/smp/queue_store.h"

/* Whether both blobs have a length that can be stored. */
bool link_data_fits(const struct queue_link_data *data);
/* Stores the data in place of what is there. A failure is the transaction's, here and below. */
void link_data_put(struct store_txn *txn, uint64_t number, const struct queue_link_data *data);
/* Nothing happens when there is none. */
void link_data_remove(struct store_txn *txn, uint64_t number);
