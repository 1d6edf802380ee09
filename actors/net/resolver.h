/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The resolver: one actor that looks names up for connections, many at a time. Connections that want the same name
 * share one look-up, and what was learned is kept for as long as the name's servers allow: at most an hour, failures
 * for some seconds, RESOLVER_NAMES_MAX names. RESOLVER_LOOKUPS_MAX look-ups are under way at most; further names wait
 * for their turn, as long as a connection wants them. Who connects bounds how many of its connections are being set
 * up, and with that its share (the agent does so for each client of a proxy). */
#pragma once

#include "actors/net/net_private.h"

enum { RESOLVER_LOOKUPS_MAX = 512, RESOLVER_NAMES_MAX = 1024, RESOLVER_LIFE_MAX_S = 3600, RESOLVER_FAILURE_S = 5 };

enum resolver_request { RESOLVER_LOOK_UP = 1, RESOLVER_FORGET = 2 };

struct resolver;

/* SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM, SMQ_ERR_INVALID (the net's dns_servers). */
enum smq_result resolver_create(struct net *net, struct resolver **resolver);
/* After the actor was joined, or never started. */
void resolver_destroy(struct resolver **resolver);

/* Has connection->setup->host looked up; the answer comes as RECEIVE_RESOLVED, with setup->addresses or
 * setup->resolve_result. SMQ_ERR_CLOSED: the net is stopping. Receive lane. */
enum smq_result resolver_look_up(struct connection *connection);
/* The connection has ended: no answer is wanted any more. Receive lane. */
void resolver_forget(struct connection *connection);
