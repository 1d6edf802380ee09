/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Batches with one event of an agent. */
#pragma once

#include <stddef.h>

#include "actors/client/batch.h"
#include "actors/client_agent/smq/client_agent.h"

/* A batch of one event of the kind SMQ_EVENT_CLIENT_AGENT: a copy of `event` (user, client, tag, result, protocol,
 * error_text matter) and of `agent`, with their texts and byte strings; a reference to the client is taken. It has no
 * items yet, and room for `items`. When the error text is NULL there is room for one to be set later. NULL when out of
 * memory. Any thread. */
struct smq_batch *client_agent_event_create(const struct smq_event *event, const struct smq_client_agent_event *agent,
                                            size_t items);
/* Adds an item, which there must be room for; takes references to the handle that is set. */
void client_agent_event_add(struct smq_batch *batch, struct smq_receive_queue *receive_queue,
                            struct smq_notifier *notifier, enum smq_result result, enum smq_protocol_error protocol);
/* For a batch created without an error text: the outcome; takes a reference to `client`, which may be NULL. */
void client_agent_event_set_outcome(struct smq_batch *batch, enum smq_result result, const char *error_text,
                                    struct smq_client *client);
size_t client_agent_event_item_count(const struct smq_batch *batch);
