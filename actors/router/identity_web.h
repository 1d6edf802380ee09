/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Ports on which a router shows nothing but its web certificate. */
#pragma once

#include "actors/net/connection.h"
#include "actors/router/identity.h"

/* For listen_options: `context` is the place of the identity in service (struct router_identity *_Atomic *). While it
 * has no web certificate connections are refused. */
extern const struct protocol identity_web_protocol;
void *identity_web_accept(void *context, struct connection *connection);
