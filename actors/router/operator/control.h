/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The control port: a line protocol for operators on 127.0.0.1, with the commands and words of the reference. Which
 * commands there are is a router's table. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/router/operator/text_buffer.h"
#include "actors/runtime/actor.h"
#include "queues/base/cursor.h"

enum control_role { CONTROL_NONE, CONTROL_USER, CONTROL_ADMIN };

enum {
    CONTROL_LINE_MAX = 4096,  /* bytes of a command; a longer one ends the session */
    CONTROL_SESSIONS_MAX = 16 /* at one time; whoever has no role yet gives way to a newcomer */
};

struct control_options {
    bool is_on;
    uint16_t port;                              /* 0: the kernel chooses */
    const char *user_password, *admin_password; /* NULL: nobody gets that role */
    int32_t block_quota;                        /* that may be blocked a day; 0: no limit, -1: none */
    /* A session ends when its peer says nothing for so long, without a role and with one, or does not read for so long
     * what it was answered; 0: a minute, half an hour, half a minute. */
    uint32_t stranger_ms, idle_ms, unread_ms;
};

/* A command under way. It belongs to whoever works on it, until control_done. */
struct control_request {
    struct message message; /* to any role, and back to the control port; first */
    struct control *control;
    struct control_session *session; /* the control port's */
    const struct control_command *command;
    enum control_role role;
    bool is_json;                 /* the answer is to be one line of JSON */
    struct slice arguments;       /* what follows the command, without --json; in `line` */
    struct text_buffer answer;    /* lines, each with its end */
    void *owned;                  /* of the command's work; freed with the request */
    struct control_request *next; /* the control port's */
    char line[CONTROL_LINE_MAX];
};

struct control_command {
    const char *name;
    enum control_role role; /* the lowest that may */
    const char *arguments;  /* as help shows them; NULL: it takes none */
    const char *summary;    /* for help */
    bool is_quiet;          /* its use is not logged */
    /* Writes the answer, and calls control_done, at once or later, from any thread. Never blocks. Control port's
     * thread. */
    void (*run)(void *context, struct control_request *request);
};

struct control_table {
    const char *help; /* the reference's answer to `help`, whose first line it stays */
    const struct control_command *commands;
    size_t command_count;
    void *context;
};

/* The answer is complete. Any attached thread. */
void control_done(struct control_request *request);
/* Adds "error: " and the text, or its JSON form. */
void control_error(struct control_request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next argument, up to a space or the end; empty: there is none. */
struct slice control_argument(struct slice *arguments);

/* `run` of a command that every router has: memory and processor time of the process. The context is not looked at. */
void control_runtime(void *context, struct control_request *request);

struct control;

/* Binds the port. `protocol` is of the greeting; table and options are copied, what they point to is borrowed, but for
 * the passwords. SMQ_ERR_SYSTEM: `error` says why; SMQ_ERR_NO_MEMORY. */
enum smq_result control_create(const char *protocol, const struct control_table *table,
                               const struct control_options *options, struct control **control, char *error,
                               size_t error_size);
/* Its actor, to be started, and owned by whoever starts it. */
struct actor *control_actor(struct control *control);
/* When the actor has ended; NULL inside is allowed. */
void control_destroy(struct control **control);
uint16_t control_port(const struct control *control);
