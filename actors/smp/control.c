/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "actors/smp/control.h"

#include "actors/router/operator/operator.h"

static void control_save(void *context, struct control_request *request) {
    struct smp_router *router = context;
    operator_save(router->operator, request);
}

/* Words that the reference knows and refuses. */
static void control_not_implemented(void *context, struct control_request *request) {
    (void)context;
    if (request->is_json)
        control_error(request, "%s not implemented", request->command->name);
    else
        text_add(&request->answer, "%s not implemented\n", request->command->name);
    control_done(request);
}

static const struct control_command commands[] = {
    {.name = "stats", .role = CONTROL_USER, .summary = "what was counted", .run = control_stats},
    {.name = "stats-rts", .summary = "memory and processor time of the process", .run = control_runtime},
    {.name = "clients", .role = CONTROL_ADMIN, .summary = "who is connected", .run = control_clients},
    {.name = "sockets", .role = CONTROL_USER, .summary = "connections by port", .run = control_sockets},
    {.name = "socket-threads",
     .role = CONTROL_ADMIN,
     .summary = "threads of the network roles",
     .run = control_threads},
    {.name = "threads", .role = CONTROL_ADMIN, .summary = "all roles, and what they do", .run = control_threads},
    {.name = "server-info", .role = CONTROL_USER, .summary = "clients and subscriptions", .run = control_server_info},
    {.name = "status",
     .role = CONTROL_USER,
     .arguments = "ID",
     .summary = "whether a queue is blocked; ID: its sender id, or link id",
     .run = control_status},
    {.name = "block",
     .role = CONTROL_USER,
     .arguments = "ID reason=spam|content[,notice=JSON]",
     .summary = "block a queue",
     .run = control_block},
    {.name = "unblock",
     .role = CONTROL_USER,
     .arguments = "ID",
     .summary = "make a blocked queue active again",
     .run = control_unblock},
    {.name = "delete",
     .role = CONTROL_ADMIN,
     .arguments = "ID",
     .summary = "delete a queue and its messages",
     .run = control_delete},
    {.name = "save", .role = CONTROL_ADMIN, .summary = "write the statistics file", .run = control_save},
    {.name = "suspend", .role = CONTROL_ADMIN, .summary = "not implemented", .run = control_not_implemented},
    {.name = "resume", .role = CONTROL_ADMIN, .summary = "not implemented", .run = control_not_implemented},
};

struct control_table smp_control_table(struct smp_router *router) {
    return (struct control_table){
        .help = "commands: stats, stats-rts, clients, sockets, socket-threads, threads, server-info, delete, save, "
                "help, quit",
        .commands = commands,
        .command_count = sizeof commands / sizeof commands[0],
        .context = router,
    };
}
