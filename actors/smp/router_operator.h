/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The operator's side of the router's life. */
#pragma once

#include "actors/smp/roles.h"

/* When the store is open, before roles count: the statistics, with those of the run before. SMQ_ERR_NO_MEMORY,
 * SMQ_ERR_SYSTEM. */
enum smq_result router_operator_create(struct smp_router *router, const struct operator_options *options);
/* When all other roles run. SMQ_ERR_SYSTEM: `error` says why; SMQ_ERR_NO_MEMORY. */
enum smq_result router_operator_start(struct smp_router *router, const struct operator_options *options, char *error,
                                      size_t error_size);
/* When all roles have ended, and the store is still open. */
void router_operator_destroy(struct smp_router *router);
