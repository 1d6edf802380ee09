/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The post of what an operator sees.
 *
 * To the statistics role:
 *
 * | message  | from         | carries                                     | afterwards owned by          |
 * |----------|--------------|---------------------------------------------|------------------------------|
 * | SAVE     | control port | a control_request: `save`                   | the role, until control_done |
 *
 * To the control port: control_done (control.h), with a control_request that has its answer, from any role; it is the
 * control port's again.
 *
 * Returns what actor_send does: SMQ_ERR_CLOSED, the role has stopped, and the sender keeps what was to be carried. Any
 * attached thread; never blocks. */
#pragma once

#include "smq/result.h"

struct control_request;
struct operator;

enum statistics_message { STATISTICS_SAVE };

enum smq_result post_statistics_save(struct operator* operator, struct control_request * request);
