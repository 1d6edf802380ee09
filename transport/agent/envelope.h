/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Envelopes between agents: what the end-to-end layer of a queue holds (transport/crypto/client_envelope.h), behind
 * the sender's key (reference: Agent/Protocol.hs, AgentMsgEnvelope). Pure: no allocation, any thread. Slices of parsed
 * envelopes point into the input. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/crypto/ratchet/e2e_parameters.h"

enum agent_envelope_tag {
    AGENT_CONFIRMATION = 'C', /* the first message to a queue */
    AGENT_MESSAGE = 'M',      /* all others that the ratchet encrypts */
    AGENT_INVITATION = 'I',   /* a request to a contact address; no ratchet */
    AGENT_RATCHET_KEY = 'R',  /* re-synchronisation; no ratchet */
};

struct agent_envelope {
    uint16_t version; /* of the agent protocol; unknown ones are the caller's to refuse */
    enum agent_envelope_tag tag;
    bool has_e2e;              /* confirmations: of joiners; ratchet keys: always */
    struct e2e_parameters e2e; /* in ratchet keys never KEM_ACCEPTED */
    struct slice link;    /* of AGENT_INVITATION: an invitation link as text, checked by connection_request_parse */
    struct slice content; /* AGENT_CONFIRMATION, AGENT_MESSAGE: of the ratchet, encrypted; AGENT_INVITATION: connection
                             info; AGENT_RATCHET_KEY: an agent message of kind ratchet info, not looked at */
};

/* SMQ_ERR_SYNTAX. */
enum smq_result agent_envelope_parse(struct slice bytes, struct agent_envelope *envelope);
void write_agent_envelope(struct writer *writer, const struct agent_envelope *envelope);

/* What may be done with an envelope, by the state of the queue that it came in and the headers around it. */
enum agent_envelope_use {
    AGENT_USE_CONFIRMATION,          /* secure the queue with the key that came with it, or, without one, as it is */
    AGENT_USE_INVITATION,            /* a contact request */
    AGENT_USE_MESSAGE,               /* decrypt it with the ratchet */
    AGENT_USE_RATCHET_KEY,           /* agree the ratchet anew */
    AGENT_USE_REPEATED_CONFIRMATION, /* acknowledge it, nothing else */
    AGENT_USE_NONE,                  /* prohibited; acknowledge it */
};

/* Where an envelope was found. */
struct agent_envelope_place {
    bool secret_known;   /* the queue has its DH secret: a confirmation was accepted */
    bool has_sender_key; /* the public header has a key for the agreement */
    bool has_auth_key;   /* the private header has the key that the queue is to be secured with */
    bool messaging;      /* the queue's mode is messaging: its sender secures it */
};
/* `prohibited` (may be NULL): why, for AGENT_USE_NONE, in the words of the agent's error; else NULL. */
enum agent_envelope_use agent_envelope_use(struct agent_envelope_place place, enum agent_envelope_tag tag,
                                           const char **prohibited);
