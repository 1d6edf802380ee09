/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMP commands: parsing, writing, and the table that says who may send which with what credentials.
 * Pure and re-entrant: any thread. Slices inside a parsed command point into the parsed input. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/block/credentials.h"
#include "transport/block/key_list.h"
#include "transport/crypto/keys.h"
#include "transport/smp/error.h"
#include "transport/smp/limits.h"
#include "transport/smp/link_blobs.h"

enum smp_command_tag {
    SMP_NEW,
    SMP_SUB,
    SMP_SUBS,
    SMP_KEY,
    SMP_RKEY,
    SMP_LSET,
    SMP_LDEL,
    SMP_NKEY,
    SMP_NDEL,
    SMP_GET,
    SMP_ACK,
    SMP_OFF,
    SMP_DEL,
    SMP_QUE,
    SMP_SKEY,
    SMP_SEND,
    SMP_LKEY,
    SMP_LGET,
    SMP_NSUB,
    SMP_NSUBS,
    SMP_PING,
    SMP_PRXY,
    SMP_PFWD,
    SMP_RFWD,
    SMP_COMMAND_COUNT
};

/* Who a command speaks for; it decides in which map the entity id is looked up. */
enum smp_party {
    SMP_PARTY_CREATOR,           /* NEW: no entity */
    SMP_PARTY_RECIPIENT,         /* recipient id */
    SMP_PARTY_RECIPIENT_SERVICE, /* SUBS: service id */
    SMP_PARTY_SENDER,            /* sender id */
    SMP_PARTY_SENDER_LINK,       /* LKEY, LGET: link id */
    SMP_PARTY_NOTIFIER,          /* notifier id */
    SMP_PARTY_NOTIFIER_SERVICE,  /* NSUBS: service id */
    SMP_PARTY_IDLE_CLIENT,       /* PING: no entity */
    SMP_PARTY_PROXIED_CLIENT,    /* PRXY: no entity; PFWD: session id of the proxy's connection to the relay */
    SMP_PARTY_PROXY,             /* RFWD: no entity */
};

/* The key that the authorization of a command must verify with. */
enum smp_command_key {
    SMP_KEY_NONE,
    SMP_KEY_IN_COMMAND,
    SMP_KEY_RECIPIENT, /* any of the queue's recipient keys */
    SMP_KEY_SENDER,    /* the queue's sender key; none stored: authorization must be absent */
    SMP_KEY_NOTIFIER,
    SMP_KEY_SERVICE, /* the service session key alone, without the fingerprint prefix */
};

/* Roles of service certificates, and the role a command needs in a service session. Values are the wire's. */
enum smp_service_role {
    SMP_ROLE_ANY = 0, /* in the table only: every session may send it */
    SMP_ROLE_MESSAGING = 'M',
    SMP_ROLE_NOTIFIER = 'N',
    SMP_ROLE_PROXY = 'P',
};

/* A row of the command table. */
struct smp_command_info {
    const char *text; /* the tag on the wire */
    enum smp_party party;
    enum credential_rule credentials;
    enum smp_command_key key;
    enum smp_service_role role;
    bool service_signature; /* required in a service session */
    bool forwardable;       /* a relay executes it when a proxy forwards it */
    uint16_t min_version;   /* when it appeared; parsing does not enforce it, as the reference does not */
};

enum smp_queue_mode { SMP_MODE_UNKNOWN = 0, SMP_MODE_MESSAGING = 'M', SMP_MODE_CONTACT = 'C' };

struct smp_new {
    struct public_key recipient_key;    /* Ed25519, Ed448 or X25519 */
    struct public_key recipient_dh_key; /* X25519 */
    bool has_password;
    bool subscribe;
    enum smp_queue_mode mode; /* UNKNOWN in versions 6-8, and when a client at 15+ leaves the request out */
    bool has_link;            /* then `sender_id` and `link` are set, and `link_id` in contact mode */
    bool has_notifier;
    struct slice password; /* characters checked; may be empty */
    struct slice link_id;
    struct slice sender_id;
    struct smp_link_data link;
    struct public_key notifier_key;    /* Ed25519, Ed448 or X25519 */
    struct public_key notifier_dh_key; /* X25519 */
};

struct smp_command {
    enum smp_command_tag tag;
    union {
        struct smp_new create;
        struct public_key key;    /* KEY, SKEY, LKEY: sender key */
        struct key_list key_list; /* RKEY */
        struct {
            struct slice link_id;
            struct smp_link_data link;
        } link_set; /* LSET */
        struct {
            struct public_key key;
            struct public_key dh_key;
        } notifier;              /* NKEY */
        struct slice message_id; /* ACK; may be empty */
        struct {
            bool notification;
            struct slice body; /* may be empty; its size is not checked here: smp_message_limit */
        } send;                /* SEND */
        struct {
            struct slice server; /* binary server address (hosts, port, key hash), already validated */
            bool has_password;
            struct slice password;
        } proxy; /* PRXY */
        struct {
            uint16_t version;
            struct public_key key; /* X25519, fresh for this command */
            struct slice payload;
        } forward;            /* PFWD */
        struct slice payload; /* RFWD */
    };
};

/* The row of `tag`; never NULL for a valid tag. */
const struct smp_command_info *smp_command_info(enum smp_command_tag tag);

/* Parses the command part of a transmission. SMQ_ERR_SYNTAX with `error` set to CMD UNKNOWN (no such tag, whatever
 * follows) or CMD SYNTAX (bad parameters, or bytes left over). `version` selects the layout of NEW; every tag is known
 * in every version. */
enum smq_result smp_command_parse(uint16_t version, struct slice bytes, struct smp_command *command,
                                  struct smp_error *error);

/* Writes a command for a session of `version`; what the version has no room for is left out. The writer fails on
 * values without a wire form (a short string above 255 bytes, a key list of count 0). */
void smp_command_write(uint16_t version, const struct smp_command *command, struct writer *writer);

/* The presence check that comes before any look-up. SMQ_ERR_AUTH with `error` set to CMD NO_AUTH, HAS_AUTH or
 * NO_ENTITY. */
enum smq_result smp_command_check_credentials(const struct smp_command *command, bool has_authorization,
                                              bool has_entity, struct smp_error *error);
