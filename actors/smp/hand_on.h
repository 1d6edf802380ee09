/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Handing a command's slot to the role that goes on with it. Once that role has stopped the slot is done at once, with
 * the answer that it has, or INTERNAL where the role was to give it. Any thread; the slot is not touched afterwards. */
#pragma once

#include <stdbool.h>

#include "actors/smp/post.h"

void slot_to_subscriber(struct command_slot *slot, enum subscriber_message kind);
void slot_to_services(struct command_slot *slot, enum services_message kind);

/* For operations that completed with something else than success: SMQ_ERR_AGAIN sends the slot back to be verified anew
 * (true: the slot is gone). */
bool slot_retried(struct command_slot *slot, enum smq_result result);
