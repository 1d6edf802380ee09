/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The agent's stored commands as text: what an application asked for that is done in the background, and what the
 * agent asks of itself (reference: Agent/Protocol.hs, ACommand; Agent/Store.hs, InternalCommand). Pure: any thread.
 * Slices of parsed commands point into the input. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/agent/connection_link.h"
#include "transport/crypto/keys.h"
#include "transport/crypto/link_data.h"

enum agent_command_tag {
    /* CLIENT */
    AGENT_COMMAND_NEW,
    AGENT_COMMAND_LSET, /* user data of a link */
    AGENT_COMMAND_LGET,
    AGENT_COMMAND_JOIN,
    AGENT_COMMAND_LET, /* accept a confirmation */
    AGENT_COMMAND_ACK,
    AGENT_COMMAND_SWCH,
    AGENT_COMMAND_DEL,
    /* INTERNAL */
    AGENT_INTERNAL_ACK,     /* acknowledge at the router */
    AGENT_INTERNAL_ACK_DEL, /* and delete the stored message */
    AGENT_INTERNAL_ALLOW_SECURE,
    AGENT_INTERNAL_DUPLEX_SECURE,
    AGENT_INTERNAL_DELETE_CONN,
    AGENT_INTERNAL_DELETE_RCV_QUEUE,
    AGENT_INTERNAL_QSECURE,
    AGENT_INTERNAL_QDELETE,
    AGENT_COMMAND_COUNT
};

enum agent_pq { AGENT_PQ_DISABLE, AGENT_PQ_ENABLE, AGENT_PQ_INVITATION /* of NEW: also in the full link */ };
enum agent_subscribe { AGENT_SUBSCRIBE, AGENT_ONLY_CREATE };

/* An id of a router: 1 to 255 bytes. */
struct agent_router_id {
    uint8_t length;
    uint8_t bytes[QUEUE_ID_MAX];
};

struct agent_command {
    enum agent_command_tag tag;
    /* CLIENT */
    bool notifications;             /* NEW, JOIN */
    enum agent_pq pq;               /* NEW, JOIN */
    enum agent_subscribe subscribe; /* NEW, JOIN */
    enum connection_mode mode;      /* NEW */
    struct slice link;              /* JOIN: a connection request; LGET: a short link; without spaces, not checked */
    struct link_user_data user;     /* LSET; without versions */
    bool has_client_data;           /* LSET */
    struct slice client_data;
    struct slice confirmation_id; /* LET: without spaces, not empty */
    bool has_body;                /* ACK */
    struct slice body;            /* JOIN, LET: connection info; ACK: of the receipt */
    int64_t message_id;           /* ACK; ACK_DEL: the stored message */
    /* INTERNAL */
    struct agent_router_id queue_id;          /* the recipient's; all but DELETE_CONN */
    struct agent_router_id router_message_id; /* ACK, ACK_DEL */
    bool has_key;                             /* ALLOW_SECURE */
    struct public_key key;                    /* ALLOW_SECURE, DUPLEX_SECURE, QSECURE: of the sender */
};

/* `CLIENT JOIN T simplex:/… pq=enable subscribe 5\nhello`, `INTERNAL ACK <id> <id>`. SMQ_ERR_SYNTAX. */
enum smq_result agent_command_parse(struct slice text, struct agent_command *command);
void write_agent_command(struct writer *writer, const struct agent_command *command);
