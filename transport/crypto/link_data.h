/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The data behind short links: keys, signatures, encrypted blobs and all checks on reading (reference:
 * Crypto/ShortLink.hs; Agent/Protocol.hs). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/box.h"
#include "transport/crypto/keys.h"
#include "transport/wire/service_link.h"
#include "transport/wire/version.h"

enum {
    LINK_KEY_SIZE = 32,
    LINK_ID_SIZE = 24,
    LINK_SENDER_ID_SIZE = 24,
    LINK_SIGNATURE_FIELD = 1 + 64, /* the signature as a short string */
    LINK_FIXED_PADDED = 2008,
    LINK_USER_PADDED = 13784,
    LINK_FIXED_BLOB_SIZE = BOX_NONCE_SIZE + BOX_TAG_SIZE + LINK_FIXED_PADDED,       /* 2,048 */
    LINK_USER_BLOB_SIZE = BOX_NONCE_SIZE + BOX_TAG_SIZE + LINK_USER_PADDED,         /* 13,824 */
    LINK_SIGNED_OFFSET = BOX_NONCE_SIZE + BOX_PADDED_OFFSET + LINK_SIGNATURE_FIELD, /* where data lies in a blob */
    LINK_FIXED_DATA_MAX = LINK_FIXED_PADDED - 2 - LINK_SIGNATURE_FIELD,
    LINK_OWNERS_MAX = 32, /* each costs a signature for every owner before it */
    LINK_USER_DATA_MAX = LINK_USER_PADDED - 2 - LINK_SIGNATURE_FIELD,
};

/* Link key = SHA3-256 of the fixed data. */
enum smq_result link_key_of(struct slice fixed_data, uint8_t link_key[LINK_KEY_SIZE]);
/* A contact link: both the id and the encryption key follow from the link key. */
void link_contact_keys(const uint8_t link_key[LINK_KEY_SIZE], uint8_t link_id[LINK_ID_SIZE], struct box_key *key);
/* An invitation link: the router assigns the id. */
void link_invitation_key(const uint8_t link_key[LINK_KEY_SIZE], struct box_key *key);
/* First 24 bytes of SHA3-384 of the correlation id: the sender id of queues that are created with link data. */
enum smq_result link_sender_id(struct slice corr_id, uint8_t sender_id[LINK_SENDER_ID_SIZE]);

/* Fixed data: agent versions, root key, then the connection request and an optional entity id. The request belongs to
 * the agent protocol and is not delimited, so both stay one slice here. */
struct link_fixed_data {
    struct version_range agent_versions;
    struct public_key root_key; /* Ed25519 */
    struct slice request;       /* all that follows; borrowed */
};
enum smq_result link_fixed_data_parse(struct slice data, struct link_fixed_data *fixed);
void write_link_fixed_data(struct writer *writer, const struct link_fixed_data *fixed);

/* Somebody whom the root key, or an earlier owner, allows to sign user data. */
struct link_owner {
    struct slice id;        /* borrowed */
    struct public_key key;  /* Ed25519 */
    struct slice signature; /* of id and key DER; borrowed */
};

struct link_user_data {
    bool contact; /* else an invitation: only versions and user_data */
    struct version_range agent_versions;
    bool direct; /* connecting by the request in the fixed data is allowed */
    uint8_t owner_count;
    uint8_t relay_count;
    struct slice owners;    /* encoded, owner_count of them; borrowed: iterate with read_link_owner */
    struct slice relays;    /* encoded short links, relay_count of them; borrowed: iterate with read_short_link */
    struct slice user_data; /* the application's; borrowed */
};
/* SMQ_ERR_SYNTAX, also for more than LINK_OWNERS_MAX owners; bytes after the known fields are ignored. Every owner and
 * relay has been parsed once, so iterating cannot fail. */
enum smq_result link_user_data_parse(struct slice data, struct link_user_data *user);
/* `owners` and `relays` are written as they are. */
void write_link_user_data(struct writer *writer, const struct link_user_data *user);

/* Its pieces, which stored commands have without versions: the byte of the mode, and all that follows the versions.
 * `user->contact` says which fields there are. */
bool read_link_user_mode(struct reader *reader);
void write_link_user_mode(struct writer *writer, bool contact);
void read_link_user_fields(struct reader *reader, struct link_user_data *user);
void write_link_user_fields(struct writer *writer, const struct link_user_data *user);

void read_link_owner(struct reader *reader, struct link_owner *owner);
/* Appends an owner of this id and key, signed by `signer`. */
enum smq_result write_link_owner(struct writer *writer, struct slice id, const struct public_key *key,
                                 const struct key_pair *signer);

/* Signs (Ed25519) and encrypts in place the data of `length` bytes that lies at blob + LINK_SIGNED_OFFSET; `blob` has
 * LINK_FIXED_BLOB_SIZE or LINK_USER_BLOB_SIZE bytes, as `padded` (LINK_FIXED_PADDED or LINK_USER_PADDED) says. The
 * nonce is random. SMQ_ERR_TOO_LARGE, SMQ_ERR_CRYPTO. */
enum smq_result link_blob_seal(const struct box_key *key, const struct key_pair *signer, uint8_t *blob, size_t length,
                               size_t padded);
/* Decrypts in place a blob of any length; `data` and `signature` point into it. SMQ_ERR_CRYPTO, SMQ_ERR_SYNTAX. */
enum smq_result link_blob_open(const struct box_key *key, uint8_t *blob, size_t length, struct slice *data,
                               struct slice *signature);

/* What is wrong with link data that decrypts and parses, in the order of the checks. */
enum link_fault {
    LINK_FAULT_NONE,
    LINK_FAULT_HASH,               /* the link key is not the hash of the fixed data */
    LINK_FAULT_SIGNATURE,          /* the root key did not sign the fixed data */
    LINK_FAULT_OWNER_IS_ROOT,      /* an owner's key is the root key */
    LINK_FAULT_OWNER_TWICE,        /* an owner has the id or key of an earlier one */
    LINK_FAULT_OWNER_UNAUTHORIZED, /* neither the root key nor an earlier owner signed it */
    LINK_FAULT_USER_SIGNATURE,     /* neither the root key nor, for contacts, an owner signed the user data */
    LINK_FAULT_ADDRESS,            /* the queue is not the link's (transport/agent/link_content.h) */
};
struct link_check {
    enum link_fault fault;
    struct slice owner_id; /* of the LINK_FAULT_OWNER kinds; borrowed from the user data */
};

/* Opens both blobs in place and makes every check of the reference, up to the first that fails: SMQ_ERR_CRYPTO, and
 * `check` says which (LINK_FAULT_NONE: a blob did not decrypt). SMQ_ERR_SYNTAX when something does not parse. */
enum smq_result link_data_open(const uint8_t link_key[LINK_KEY_SIZE], const struct box_key *key, uint8_t *fixed_blob,
                               size_t fixed_length, uint8_t *user_blob, size_t user_length,
                               struct link_fixed_data *fixed, struct link_user_data *user, struct link_check *check);
/* Only the check of the owners. */
enum smq_result link_owners_check(const struct public_key *root_key, const struct link_user_data *user,
                                  struct link_check *check);
