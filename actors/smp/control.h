/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The SMP router's commands on the control port (reference: Server/Control.hs, Server.hs). */
#pragma once

#include "actors/router/operator/control.h"
#include "actors/smp/roles.h"

/* Its table; the router is its context. */
struct control_table smp_control_table(struct smp_router *router);

/* control_info.c: what the router is and does. */
void control_stats(void *router, struct control_request *request);
void control_server_info(void *router, struct control_request *request);
void control_sockets(void *router, struct control_request *request);
void control_clients(void *router, struct control_request *request);
void control_threads(void *router, struct control_request *request);

/* control_queue.c: one queue, by its sender id or link id. */
void control_status(void *router, struct control_request *request);
void control_block(void *router, struct control_request *request);
void control_unblock(void *router, struct control_request *request);
void control_delete(void *router, struct control_request *request);
