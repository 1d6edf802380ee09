/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Versions of the agent protocol: what each brought, how parties agree, and the sizes that depend on it (reference:
 * Agent/Protocol.hs). Pure: any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/wire/queue_uri.h"
#include "transport/wire/version.h"

enum agent_version {
    AGENT_VERSION_MIN = 2,                     /* duplex handshake */
    AGENT_VERSION_RATCHET_SYNC = 3,            /* ratchets can be agreed anew */
    AGENT_VERSION_RECEIPTS = 4,                /* delivery receipts */
    AGENT_VERSION_PQ = 5,                      /* ratchets with a KEM */
    AGENT_VERSION_SENDER_KEY = 6,              /* reply queues secured by their sender */
    AGENT_VERSION_RATCHET_ON_CONFIRMATION = 7, /* the joiner may send at once */
    AGENT_VERSION_MAX = 7,
};

/* The range of this agent. */
struct version_range agent_versions(void);

/* Whether a confirmation or message header of this version is taken: it is within `own`, or not above `known`, the one
 * that the connection or queue has already (0: none). */
bool agent_version_accepted(struct version_range own, uint16_t received, uint16_t known);
/* The version of a connection after an envelope of the peer: it rises to the highest that both know, and never falls.
 */
uint16_t agent_version_raised(uint16_t connection, uint16_t envelope);

/* Whether the ratchet of a connection may have a KEM: wanted by the user, agent version 5 on, and the end-to-end
 * version 3 on where it is known (0: not yet). */
bool agent_pq_allowed(uint16_t agent, uint16_t end_to_end, bool wanted);
/* Whether the joiner of a link whose queue has this mode may send messages at once. */
bool agent_joiner_may_send(enum queue_mode mode, uint16_t agent);

/* Padded lengths of what ratchets encrypt; with `pq`, from agent version 5 on, they leave room for KEM keys in
 * headers. */
size_t agent_connection_info_padded(uint16_t agent, bool pq);
size_t agent_message_padded(uint16_t agent, bool pq);

enum {
    AGENT_MESSAGE_OVERHEAD = 45,   /* of a message's body: padding length, tag, id, hash, kind */
    AGENT_INVITATION_ROOM = 15896, /* link and connection info of an invitation together */
};
/* The longest body of a message, and the longest connection info of an initiator; a joiner's also has the queues that
 * stand in front of it. */
size_t agent_message_body_max(uint16_t agent, bool pq);
size_t agent_connection_info_max(uint16_t agent, bool pq);
