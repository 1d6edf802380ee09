/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* XFTP commands: parsing, writing, and the table that says who may send which with what credentials. Their form is the
 * same in all versions. Pure and re-entrant: any thread. Slices inside a parsed command point into the parsed input. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/block/credentials.h"
#include "transport/block/key_list.h"
#include "transport/crypto/keys.h"
#include "transport/xftp/error.h"

enum xftp_command_tag {
    XFTP_FNEW,
    XFTP_FADD,
    XFTP_FPUT,
    XFTP_FDEL,
    XFTP_FGET,
    XFTP_FACK,
    XFTP_PING,
    XFTP_COMMAND_COUNT
};

/* Who a command speaks for; it decides in which map the entity id is looked up, and whose key must have authorized. */
enum xftp_party {
    XFTP_PARTY_CREATOR,   /* FNEW: no entity; the sender key that it carries */
    XFTP_PARTY_SENDER,    /* sender id and key */
    XFTP_PARTY_RECIPIENT, /* recipient id and key */
    XFTP_PARTY_NONE,      /* PING: no entity, no key */
};

/* A row of the command table. */
struct xftp_command_info {
    const char *text; /* the tag on the wire */
    enum xftp_party party;
    enum credential_rule credentials;
    bool has_body; /* the chunk's bytes follow the block */
};

/* A chunk to be created. */
struct xftp_new {
    struct public_key sender_key; /* Ed25519, Ed448 or X25519 */
    uint32_t size;                /* bytes of the chunk */
    struct slice digest;          /* SHA-256; of any length, which is the sender's own harm */
    struct key_list recipient_keys;
    bool has_password;
    struct slice password; /* characters checked; may be empty */
};

struct xftp_command {
    enum xftp_command_tag tag;
    union {
        struct xftp_new create;         /* FNEW */
        struct key_list recipient_keys; /* FADD */
        struct public_key dh_key;       /* FGET: the client's X25519 key, fresh for this command */
    };
};

/* The row of `tag`; never NULL for a valid tag. */
const struct xftp_command_info *xftp_command_info(enum xftp_command_tag tag);

/* Parses the command part of a transmission. SMQ_ERR_SYNTAX with `error` set to CMD UNKNOWN (no such tag, whatever
 * follows) or CMD SYNTAX (bad parameters, or bytes left over). */
enum smq_result xftp_command_parse(struct slice bytes, struct xftp_command *command, struct xftp_error *error);
/* The writer fails on values without a wire form (a short string above 255 bytes, a key list of count 0). */
void xftp_command_write(struct writer *writer, const struct xftp_command *command);

/* The presence check that comes before any look-up. SMQ_ERR_AUTH with `error` set to CMD NO_AUTH or HAS_AUTH. */
enum smq_result xftp_command_check_credentials(const struct xftp_command *command, bool has_authorization,
                                               bool has_entity, struct xftp_error *error);
