/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* PRXY and PFWD: from the command to the relay, and from its answer to the client's. */
#pragma once

#include "actors/proxy/proxied.h"
#include "actors/smp/execute.h"

/* Rows of the command table. */
void execute_proxy_session(const struct execution *execution); /* PRXY */
void execute_proxy_forward(const struct execution *execution); /* PFWD */

/* Receive lane. Forwards the one PFWD that makes up the opened `content` of `block`. False: it is something else, or
 * cannot be forwarded at once, and nothing happened; true: it was taken over. */
bool proxy_forward_received(struct client_session *session, struct block *block, struct slice content);
