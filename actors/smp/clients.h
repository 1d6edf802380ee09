/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The clients that are connected, for whoever wants to look at all of them: an operator. */
#pragma once

#include <stdbool.h>

#include "actors/smp/client_session.h"

/* From the end of the session's handshake to the end of its connection, of which the map keeps a reference meanwhile.
 * Out of memory the client is in no list, and served all the same. Receive lane. */
void client_enter(struct client_session *session);
void client_leave(struct client_session *session);

/* Calls `visit` with each session, referenced for the time of the call, until it returns false. Any attached thread,
 * outside of a read section. */
void clients_each(struct smp_router *router, bool (*visit)(void *context, struct client_session *session),
                  void *context);

/* For smp_router_create and smp_router_destroy. SMQ_ERR_NO_MEMORY, or what base_setup returns. */
enum smq_result clients_create(struct map **clients);
