/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a session has received and not been answered yet: its credit, and the work that a stop of the router waits
 * for. Any thread, unless it says otherwise; none blocks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct session;

void session_credit_init(struct session *session, uint32_t credit);
/* A block was received; its answer was handed to TLS. At the limit the connection is not read. */
void session_block_admitted(struct session *session, uint16_t commands);
void session_block_answered(struct session *session, uint16_t commands);
/* Whether blocks are not answered yet; what was done before the last answer is seen. */
bool session_has_unanswered(struct session *session);
/* So much more of it from now on. */
void session_credit_raise(struct session *session, uint32_t more);
/* Work that goes on after its block was answered: the router waits for it, for some time, when it stops. */
void session_work_begun(struct session *session);
void session_work_ended(struct session *session);
