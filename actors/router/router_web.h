/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Pages and monitoring by HTTP, as part of a router's life. The thread that created the router. */
#pragma once

#include "actors/router/identity.h"
#include "actors/router/router.h"

/* Starts the web's role: the last one, since it reads what all others have. `error` may get one line. */
enum smq_result router_web_start(struct router *router, char *error, size_t error_size);

/* Opens its ports, for connections to be accepted. SMQ_ERR_SYSTEM: `error` names the one that cannot be bound. */
enum smq_result router_web_listen(struct router *router, char *error, size_t error_size);

/* Before a reload replaces the identity: SMQ_ERR_NOT_FOUND when its web certificate would be gone, with `error`. */
enum smq_result router_web_check(struct router *router, const struct router_config *config,
                                 const struct router_identity *next, char *error, size_t error_size);

/* After it: opens the port of a web certificate that came. */
void router_web_identity_changed(struct router *router);
