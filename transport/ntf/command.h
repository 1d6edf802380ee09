/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* NTF commands: parsing, writing, and the table that says with what credentials each comes. They are the same bytes in
 * every version. Pure and re-entrant: any thread. Slices inside a parsed command point into the parsed input. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/block/credentials.h"
#include "transport/crypto/keys.h"
#include "transport/ntf/device_token.h"
#include "transport/ntf/limits.h"
#include "transport/ntf/queue.h"
#include "transport/smp/error.h"

enum ntf_command_tag {
    NTF_TNEW, /* register a device token */
    NTF_TVFY, /* prove that its pushes arrive */
    NTF_TCHK, /* its status */
    NTF_TRPL, /* another device token in its place */
    NTF_TDEL,
    NTF_TCRN, /* periodic pushes */
    NTF_SNEW, /* subscribe to a queue */
    NTF_SCHK, /* its status */
    NTF_SDEL,
    NTF_PING,
    NTF_COMMAND_COUNT
};

/* What the entity id of a command names. */
enum ntf_entity { NTF_ENTITY_NONE, NTF_ENTITY_TOKEN, NTF_ENTITY_SUBSCRIPTION };

/* The key that its authorization must verify with. */
enum ntf_command_key {
    NTF_KEY_NONE,
    NTF_KEY_IN_COMMAND,
    NTF_KEY_TOKEN,        /* of the token that the entity id names */
    NTF_KEY_NAMED_TOKEN,  /* of the token that the command names */
    NTF_KEY_SUBSCRIPTION, /* of the token that the subscription belongs to */
};

/* A row of the command table. */
struct ntf_command_info {
    const char *text; /* the tag on the wire */
    enum ntf_entity entity;
    enum credential_rule credentials;
    enum ntf_command_key key;
};

struct ntf_command {
    enum ntf_command_tag tag;
    union {
        struct {
            struct device_token device;
            struct public_key verify_key; /* Ed25519, Ed448 or X25519 */
            struct public_key dh_key;     /* X25519, the client's */
        } token_new;                      /* TNEW */
        struct slice code;                /* TVFY; any length, NTF_CODE_SIZE when it can be right */
        struct device_token device;       /* TRPL */
        uint16_t cron_minutes;            /* TCRN */
        struct {
            struct slice token_id;
            struct ntf_queue queue;
            struct private_key notifier_key; /* Ed25519, Ed448 or X25519: a secret, wiped by ntf_command_wipe */
        } subscription_new;                  /* SNEW */
    };
};

/* The row of `tag`; never NULL for a valid tag. */
const struct ntf_command_info *ntf_command_info(enum ntf_command_tag tag);

/* Parses the command part of a transmission. SMQ_ERR_SYNTAX with `error` set to CMD UNKNOWN (no such tag, whatever
 * follows) or CMD SYNTAX (bad parameters, or bytes left over); nothing needs wiping then. */
enum smq_result ntf_command_parse(struct slice bytes, struct ntf_command *command, struct smp_error *error);
/* The writer fails on values without a wire form. */
void ntf_command_write(const struct ntf_command *command, struct writer *writer);
/* Wipes the secret of SNEW. */
void ntf_command_wipe(struct ntf_command *command);

/* The presence check that comes before any look-up. SMQ_ERR_AUTH with `error` set to CMD NO_AUTH or HAS_AUTH. */
enum smq_result ntf_command_check_credentials(const struct ntf_command *command, bool has_authorization,
                                              bool has_entity, struct smp_error *error);
