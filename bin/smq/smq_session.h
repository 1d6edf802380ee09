/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What every command of smq needs: its queue's file, a connection, and a way to say what went wrong. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "actors/client/smq/network.h"
#include "bin/smq/smq_file.h"
#include "bin/smq/smq_options.h"

/* All zero is a session with nothing in it. */
struct session {
    const struct smq_options *options;
    struct queue_sides sides; /* from the file of --queue */
    struct smq_context *context;
    struct smq_network *network; /* the way to routers, as the options say */
    struct smq_events *events;
    struct smq_client *client;
};

/* Milliseconds that the client library is given for an answer. */
uint32_t session_timeout_ms(const struct session *session);

/* Reads the file of --queue. Returns an exit code, after saying what is wrong. */
int session_read_file(struct session *session);
/* The same, and the file must be the recipient's. */
int session_read_recipient(struct session *session);
/* Starts the client library: context, events when `with_events`, and the way to routers. Returns an exit code, after
 * saying what is wrong. */
int session_start(struct session *session, bool with_events);
/* Starts it and connects to the router at `address`; `with_events`: messages and the end of the connection come to
 * session->events. Returns an exit code, after saying what is wrong. */
int session_connect(struct session *session, const char *address, bool with_events);
/* Connects to the router of the queue; with --proxy, to that one. */
int session_connect_to_queue(struct session *session, bool with_events);
/* Gives up everything. */
void session_end(struct session *session);

/* Says what failed: "smq send: cannot ...: reason". Returns the exit code for `result`. `error` may be NULL. */
int session_fail(const struct smq_options *options, const char *what, enum smq_result result,
                 const struct smq_error *error);
/* The same for what `format` says, exit code SMQ_EXIT_LOCAL. */
int session_mistake(const struct smq_options *options, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints one JSON object in one line and gives it up. NULL: out of memory. Returns an exit code. */
int print_object(const struct smq_options *options, json_t *object);
/* A JSON string of bytes in base64url; NULL when out of memory. */
json_t *json_of_bytes(struct smq_bytes bytes);
