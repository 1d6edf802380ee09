/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Counting of the queues that belong to a service. Private to stores/. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "stores/smp/internal.h"

/* An empty id is no service: known, and not counted. */
bool service_is_known(struct store_txn *txn, struct slice id);
/* Adds to the counts of a service and to the totals. The service must be known. */
void service_count(struct store_txn *txn, struct slice id, int recipient_queues, int notifier_queues);
