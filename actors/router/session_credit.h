/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a session has received and not been answered yet: its credit, and the work that a stop of the router waits
 * for. Any thread, unless it says otherwise; none blocks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct client_session;

/* A new session's credit, SESSION_CREDIT. */
void session_credit_init(struct client_session *session);
/* A block was received; its answer was handed to TLS. At the limit the connection is not read. */
void session_block_admitted(struct client_session *session, uint16_t commands);
void session_block_answered(struct client_session *session, uint16_t commands);
/* Whether blocks are not answered yet; what was done before the last answer is seen. */
bool session_has_unanswered(struct client_session *session);
/* It forwarded a command: a connection that said it is a proxy has the credit of one from now on. Process lane. */
void session_trust_proxy(struct client_session *session);
/* Work that goes on after its block was answered: the router waits for it, for some time, when it stops. */
void session_work_begun(struct client_session *session);
void session_work_ended(struct client_session *session);
