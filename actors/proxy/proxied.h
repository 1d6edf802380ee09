/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Proxied commands, PRXY and PFWD: each leaves its block for a life of its own, as long as the relay needs, and is
 * answered alone. A client has at most so many under way (`client_concurrency`); while more wait its connection is not
 * read. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/client/smp/forward.h"
#include "actors/client_agent/client_agent.h"
#include "actors/net/connection.h"
#include "queues/base/cursor.h"
#include "transport/smp/command.h"
#include "transport/smp/response.h"

struct client_session;

/* What a session keeps of them. */
struct session_proxied {
    _Atomic uint32_t running; /* hold a place: started, and not answered in a block yet */
    _Atomic uint32_t waiting;
    _Atomic bool room_sent;
    uint32_t relay_waits; /* agent's thread: relays that are waited for */
    struct message room;  /* to the process lane: a place came free; holds a reference to the connection */
    /* process lane */
    struct proxied_command *first, *last; /* those that wait */
    bool paused;
};

/* It belongs to the process lane until it is started, then to whoever gets the relay's answer, then to the
 * connection. */
struct proxied_command {
    struct outgoing outgoing; /* the answer; first */
    struct proxied_command *next;
    struct client_session *session;
    void (*begin)(struct proxied_command *command);
    bool started;         /* holds a place and a reference to the connection */
    bool own;             /* counted for our own relays, too */
    size_t counted_bytes; /* in the proxy's forward_bytes */
    /* PRXY */
    char *address;
    struct client_agent_waiter waiter;
    /* PFWD */
    struct smq_client *client; /* the relay's; referenced */
    struct proxy_forward command;
    struct forward forward;
    /* the payload while it waits; then what is sent, with `response` */
    uint8_t *bytes;
    struct slice response;
    struct block *block; /* that the payload, or the response, lies in; NULL: in other memory */
    uint8_t correlation_id_length;
    uint8_t entity_id_length;
    uint8_t ids[];
};

/* A command of the session that takes its block's place as what is answered; the ids are copied. `begin` is what it
 * does when it has a place (process lane, PFWD also receive lane); the command may be gone afterwards. NULL: out of
 * memory. Process or receive lane. */
struct proxied_command *proxied_create(struct client_session *session, void (*begin)(struct proxied_command *command),
                                       struct slice correlation_id, struct slice entity_id);
/* Starts it, or lets it wait for a place. It may be gone afterwards. PFWD: the payload lies in the received block.
 * Process lane. */
void proxied_submit(struct proxied_command *command);
/* Starts it if there is a place and nothing waits for one; whether it was started, and `block` (may be NULL), the one
 * that the payload lies in, taken over. Process or receive lane. */
bool proxied_start(struct proxied_command *command, struct block *block);
/* Answers; any thread. It is gone afterwards. */
void proxied_answer(struct proxied_command *command, const struct smp_response *response);
void proxied_answer_error(struct proxied_command *command, struct smp_error error);
/* The same with a response that is already encoded, in memory that the command takes over as its `bytes`, or in a
 * block that it takes over. */
void proxied_answer_encoded(struct proxied_command *command, uint8_t *bytes, struct slice response);
void proxied_answer_in_block(struct proxied_command *command, struct block *block, struct slice response);

/* PROCESS_PROXY_ROOM: starts what waits. Takes over the reference to the connection. */
void proxied_room(struct message *message);

/* Send lane: the fill_own hook of sessions: an answer that came in a block leaves in it. */
enum smq_result proxied_fill_own(struct connection *connection, void *state, struct outgoing_queue *queue,
                                 uint8_t **bytes, struct block **block);
/* Send lane: the answer is in a block, or is not wanted any more. */
void proxied_destroy(struct proxied_command **command);
static inline struct slice proxied_correlation_id(const struct proxied_command *command) {
    return slice_of(command->ids, command->correlation_id_length);
}
static inline struct slice proxied_entity_id(const struct proxied_command *command) {
    return slice_of(command->ids + command->correlation_id_length, command->entity_id_length);
}

/* When the session is freed: those that never were started. */
void proxied_drop_waiting(struct client_session *session);
