/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Descriptors: how many the process may have, and how many of them connections may take. */
#pragma once

#include "actors/net/limits.h"

/* A connection costs a descriptor: raises the soft limit to the hard one, with a warning when that fails. Once, before
 * threads are started. */
void server_raise_descriptor_limit(void);

/* Sets limits->max_connections to what the limit of descriptors leaves beside a reserve for the store, the log, relays
 * and control, when it is 0 or more than that. */
void server_fit_limits(struct net_limits *limits);
