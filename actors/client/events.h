/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Events from the inside: how process lanes make batches and put them on the queue of their consumer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/client/smq/client.h"
#include "queues/channel.h"

bool events_is_valid(const struct smq_events *events); /* for pointers from outside; may be NULL */
struct smq_events *events_reference(struct smq_events *events);
void events_release(struct smq_events *events);

/* Hands `batch` to the consumer. SMQ_OK, or the sender keeps it: SMQ_ERR_NO_CREDIT (see events_await_credit),
 * SMQ_ERR_CLOSED: nobody will ever take it. Any attached thread. */
enum smq_result events_put(struct smq_events *events, struct smq_batch *batch);
/* The same beyond the limits, for what could not be put later: at the end of who puts. SMQ_ERR_CLOSED. */
enum smq_result events_put_without_credit(struct smq_events *events, struct smq_batch *batch);
void events_await_credit(struct smq_events *events, struct channel_waiter *waiter);
