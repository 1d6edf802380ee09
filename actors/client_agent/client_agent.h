/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Agent for actors of this process, which must not block: connections by message, and look-ups by session. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/client_agent/smq/client_agent.h"
#include "actors/runtime/actor.h"
#include "queues/base/cursor.h"
#include "queues/wheel.h"

struct client_agent_server;
struct client_agent_share;

enum { CLIENT_AGENT_SHARE_KEY_SIZE = 9 };

/* The canonical text of a router's address without password, and with it when there is one (a secret; else NULL). */
struct client_agent_address {
    char *name;
    char *secret;
};

/* Somebody who wants a connection; embedded in the caller's object. It belongs to the agent from client_agent_connect
 * until `done`, which is called exactly once, on the agent's thread, and must not block: typically it sends a message
 * to its actor. */
struct client_agent_waiter {
    /* SMQ_OK: `client` is a reference for the callee (client_release). Else `error` says why, valid during the call;
     * `client` is NULL. `waiter` may be freed here. */
    void (*done)(struct client_agent_waiter *waiter, enum smq_result result, const struct smq_error *error,
                 struct smq_client *client);

    /* Who it is asked for: counts what this one waits for, on the agent's thread. NULL: nobody in particular. */
    uint32_t *owner_waits;
    /* What owners share, such as those of one address. No share gets more than half of the attempts or connections. */
    bool has_share;
    uint8_t share_key[CLIENT_AGENT_SHARE_KEY_SIZE];

    /* private */
    struct message message;
    uint32_t timeout_ms;
    struct client_agent_address address;
    struct client_agent_server *server;
    struct client_agent_share *share;
    struct wheel_timer timer;
    struct client_agent_waiter *next, *previous;
};

/* For an agent that anybody may send anywhere. Beyond a limit client_agent_connect ends with SMQ_ERR_NO_CREDIT, at
 * once. */
struct client_agent_limits {
    /* Connections and attempts. When all are taken, one that was not used lately gives way. */
    uint32_t connections;
    uint32_t attempts;
    /* What one owner may wait for; and neither it nor its share has ever more than there are attempts left, so that
     * whoever has none gets one. */
    uint32_t owner_waits;
    uint32_t idle_ms; /* a connection over which nothing was forwarded for so long is closed */
    uint32_t errors;  /* routers whose failure is remembered */
};
/* Once, before the agent is used. */
void client_agent_limit(struct smq_client_agent *agent, const struct client_agent_limits *limits);

/* Replaces the limits, and of the options those that follow, for what begins from now on; connections stay. Any thread,
 * never blocks; SMQ_ERR_NO_MEMORY, SMQ_ERR_CLOSED. */
struct client_agent_change {
    struct client_agent_limits limits;
    struct smq_network *network; /* referenced by the agent */
    uint32_t error_persistence_ms;
    uint32_t connect_timeout_ms, ping_interval_ms, ping_window_ms; /* of its clients */
};
enum smq_result client_agent_change(struct smq_client_agent *agent, const struct client_agent_change *change);

/* Asks for the connection to the router at `address` (text, as in smq_client_connect), at most `timeout_ms` (0: the
 * client's connect_timeout_ms). Any thread, never blocks. SMQ_ERR_SYNTAX, SMQ_ERR_NO_MEMORY, SMQ_ERR_CLOSED: `done` is
 * not called. */
enum smq_result client_agent_connect(struct smq_client_agent *agent, const char *address, uint32_t timeout_ms,
                                     struct client_agent_waiter *waiter);

/* The client whose session has this id, as long as it is connected, referenced for the caller (client_release); NULL:
 * none. Any attached thread; lock-free. */
struct smq_client *client_agent_find_session(struct smq_client_agent *agent, struct slice session_id);

/* Whether `host` equals one of `domains` (names separated by spaces or commas) or ends with "." and one (reference:
 * Client/Agent.hs, isOwnServer). */
bool client_agent_is_own_server(const char *domains, const char *host);
