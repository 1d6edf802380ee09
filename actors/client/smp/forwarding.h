/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One RFWD: what its life (forward.c), the list of its relay (forward_list.c) and its way over the wire
 * (forward_wire.c) share. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/client/smp/forward_private.h"

/* Behind the word "RFWD " comes the encrypted command. */
enum { FORWARD_WORD_LENGTH = 5 };

enum forwarding_stage { FORWARDING_QUEUED, FORWARDING_SENT, FORWARDING_OVER };

struct forwarding {
    struct outgoing outgoing; /* first */
    struct map_node node;
    struct forwarding *next;     /* on the relay's list */
    _Atomic uint32_t references; /* whoever submits it; the map; the relay's list; the send lane */
    _Atomic bool is_taken;       /* out of the map: nothing is to be done for it */
    _Atomic uint32_t stage;      /* who was first: the send lane, or its end */
    struct smq_client *client;   /* referenced */
    struct forward *forward;     /* told by whoever takes the command out of the map */
    uint64_t deadline_ms;
    uint8_t correlation_id[BOX_NONCE_SIZE];
    size_t size;
    uint8_t *sealed;     /* in `block`, or allocated; given back once it is written */
    struct block *block; /* is sent as it is; NULL: it has to be written to another one */
};

/* Gives up one reference. Any thread. */
void forwarding_release(struct forwarding *forwarding);
/* The command of this client with the id, referenced; NULL: there is none. Any thread. */
struct forwarding *forwarding_find(const struct smq_client *client, struct slice correlation_id);
/* Takes the command out of the map: whether the caller is the one that has to tell it. Any thread. */
bool forwarding_take(struct forwarding *forwarding);
/* After forwarding_take: tells the answer; forwarding and text of `answer` are filled in. */
void forwarding_tell(struct forwarding *forwarding, struct forward_answer *answer);
/* Ends a command without an answer, unless somebody else did; whether this call did. Any thread. */
bool forwarding_fail(struct forwarding *forwarding, enum smq_result result);
/* Puts a command that is in the map on the list of its relay, which takes over a reference. Any thread. */
void forward_list_add(struct smq_client *client, struct forwarding *forwarding);
/* After forward_list_add, and after the attempt to send: when the connection has ended meanwhile, what it left on the
 * list is told here. Any thread. */
void forward_list_added(struct smq_client *client);
/* Send lane: what was encrypted is written, or not wanted any more. */
void forwarding_account_sent(struct smq_client *client, struct forwarding *forwarding);
