/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* States of tokens and subscriptions as text: the same on the wire, in stores, in logs and in JSON. Pure and
 * re-entrant: any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"

enum ntf_token_state {
    NTF_TOKEN_NEW, /* agents only */
    NTF_TOKEN_REGISTERED,
    NTF_TOKEN_INVALID, /* `reason` says why, where it is known */
    NTF_TOKEN_CONFIRMED,
    NTF_TOKEN_ACTIVE,
    NTF_TOKEN_EXPIRED,
};

enum ntf_invalid_reason {
    NTF_INVALID_UNKNOWN,
    NTF_INVALID_BAD,
    NTF_INVALID_TOPIC,
    NTF_INVALID_EXPIRED,
    NTF_INVALID_UNREGISTERED,
};

struct ntf_token_status {
    enum ntf_token_state state;
    enum ntf_invalid_reason reason; /* of INVALID */
};

/* `ACTIVE`, `INVALID`, `INVALID,BAD`; the reader takes a word up to a space or the end. */
void read_ntf_token_status(struct reader *reader, struct ntf_token_status *status);
void write_ntf_token_status(struct writer *writer, struct ntf_token_status status);

/* What a token in this state is good for (facts: token status machine). */
bool ntf_token_may_verify(enum ntf_token_state state);    /* TVFY */
bool ntf_token_may_subscribe(enum ntf_token_state state); /* SNEW, SCHK, SDEL */

enum ntf_subscription_state {
    NTF_SUBSCRIPTION_NEW,
    NTF_SUBSCRIPTION_PENDING,
    NTF_SUBSCRIPTION_ACTIVE,
    NTF_SUBSCRIPTION_INACTIVE,
    NTF_SUBSCRIPTION_END,
    NTF_SUBSCRIPTION_DELETED,
    NTF_SUBSCRIPTION_AUTH,
    NTF_SUBSCRIPTION_SERVICE,
    NTF_SUBSCRIPTION_ERROR, /* `text` says which */
};

struct ntf_subscription_status {
    enum ntf_subscription_state state;
    struct slice text; /* of ERROR: free, all that is left of the input; borrowed */
};

/* `ACTIVE`, `ERR some text`. */
void read_ntf_subscription_status(struct reader *reader, struct ntf_subscription_status *status);
void write_ntf_subscription_status(struct writer *writer, const struct ntf_subscription_status *status);

/* Whether a router subscribes such a queue when it starts. */
bool ntf_subscription_resumes(enum ntf_subscription_state state);
/* Whether an agent leaves such a subscription alone, rather than make a new one. */
bool ntf_subscription_alive(enum ntf_subscription_state state);
