/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Messages between agents: what the ratchet encrypts (reference: Agent/Protocol.hs, AgentMessage and AMessage). Pure:
 * no allocation, any thread. Slices of parsed messages point into the input. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/crypto/keys.h"
#include "transport/wire/address.h"
#include "transport/wire/queue_uri.h"

enum agent_message_kind {
    AGENT_CONNECTION_INFO,       /* the initiator's, in its confirmation */
    AGENT_CONNECTION_INFO_REPLY, /* the joiner's, with its reply queues */
    AGENT_RATCHET_INFO,          /* in envelopes of re-synchronisation */
    /* Numbered messages: */
    AGENT_HELLO,
    AGENT_BODY,          /* the application's */
    AGENT_RECEIPTS,      /* of delivery */
    AGENT_CONTINUE,      /* the peer's queue has room again */
    AGENT_QUEUE_ADD,     /* rotation, from the recipient: a new queue */
    AGENT_QUEUE_KEY,     /* from the sender: the key to secure it with */
    AGENT_QUEUE_USE,     /* from the recipient: use it */
    AGENT_QUEUE_TEST,    /* from the sender, over the new queue */
    AGENT_RATCHET_READY, /* re-synchronisation is complete */
    AGENT_MESSAGE_KIND_COUNT
};

/* A list in its encoded form, already validated: iterate with the reader that its kind has. Of QUEUE_ADD, QUEUE_KEY
 * and QUEUE_USE only the first item counts, and one is sent. */
struct agent_list {
    uint8_t count; /* 1..255 */
    struct slice items;
};

/* Where a queue's sender sends to. */
struct queue_address {
    struct server_address server;
    uint8_t sender_id_length;
    uint8_t sender_id[QUEUE_ID_MAX];
};

struct agent_receipt {
    int64_t message_id; /* as the sender numbered it */
    struct slice hash;
    struct slice info; /* the application's */
};
struct agent_queue_add {
    struct queue_uri queue;
    bool has_replaced;
    struct queue_address replaced;
};
struct agent_queue_key {
    struct queue_uri queue;       /* of one version; its dh_key is the sender's own */
    struct public_key sender_key; /* Ed25519, Ed448 or X25519 */
};
struct agent_queue_use {
    struct queue_address address;
    bool primary;
};

struct agent_message {
    enum agent_message_kind kind;
    int64_t id;                 /* numbered messages: the sender's number */
    struct slice previous_hash; /* and the hash of the message that it sent before; empty for none */
    union {
        struct slice content;         /* the three infos, AGENT_BODY */
        struct agent_list list;       /* AGENT_RECEIPTS, AGENT_QUEUE_ADD, _KEY, _USE, _TEST */
        struct queue_address address; /* AGENT_CONTINUE */
        int64_t last_id;              /* AGENT_RATCHET_READY: the last message of the peer that was decrypted */
    };
    struct agent_list reply_queues; /* AGENT_CONNECTION_INFO_REPLY: read_queue_info */
};

/* SMQ_ERR_SYNTAX. Every item of a list has been parsed once, so iterating cannot fail. */
enum smq_result agent_message_parse(struct slice bytes, struct agent_message *message);
/* Lists are written as they are. The writer fails on an empty list. */
void write_agent_message(struct writer *writer, const struct agent_message *message);
/* What stores and events call the kind: `C D S H M V QC QA QK QU QT E`. */
const char *agent_message_kind_text(enum agent_message_kind kind);
/* Whether the message asks the router to notify the recipient: of the application's, that is for the application to
 * say. */
bool agent_message_notifies(enum agent_message_kind kind);

/* Items of lists; writers append one. */
void read_agent_receipt(struct reader *reader, struct agent_receipt *receipt);
void write_agent_receipt(struct writer *writer, const struct agent_receipt *receipt);
void read_agent_queue_add(struct reader *reader, struct agent_queue_add *add);
void write_agent_queue_add(struct writer *writer, const struct agent_queue_add *add);
void read_agent_queue_key(struct reader *reader, struct agent_queue_key *key);
void write_agent_queue_key(struct writer *writer, const struct agent_queue_key *key);
void read_agent_queue_use(struct reader *reader, struct agent_queue_use *use);
void write_agent_queue_use(struct writer *writer, const struct agent_queue_use *use);
void read_queue_address(struct reader *reader, struct queue_address *address); /* AGENT_QUEUE_TEST */
void write_queue_address(struct writer *writer, const struct queue_address *address);
