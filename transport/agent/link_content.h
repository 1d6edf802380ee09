/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a short link leads to: the data that a router keeps for its queue, opened and checked as a whole (reference:
 * Crypto/ShortLink.hs; Agent.hs, getConnShortLink). The data comes from a stranger, over a router that may lie. Any
 * thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/agent/connection_link.h"
#include "transport/crypto/link_data.h"

enum { LINK_FAULT_TEXT_MAX = 400 }; /* room for any text of a fault */

struct link_content {
    struct version_range agent_versions;
    struct public_key root_key;        /* Ed25519 */
    struct connection_request request; /* its first queue is at the link's server */
    bool has_entity_id;
    struct slice entity_id;     /* the application's; borrowed from the fixed blob */
    struct link_user_data user; /* borrowed from the user blob */
};

/* The link key's derivatives: the key of both blobs, and, for other links than invitations, the id that the router has
 * the data under (invitations carry it: `link_id` has LINK_ID_SIZE bytes and is left alone). */
void short_link_keys(const struct short_link *link, struct box_key *key, uint8_t link_id[LINK_ID_SIZE]);

/* Opens in place what the router answered for `link`: `sender_id` and the two blobs, of any size. Beside the checks of
 * link_data_open, both parts and the link must be of one mode, and the request's first queue must have this sender id
 * and the link's first host among its hosts; its server becomes the link's, which thus should be a whole one
 * (short_link_restore). SMQ_ERR_SYNTAX; SMQ_ERR_CRYPTO with `check`. */
enum smq_result link_content_open(const struct short_link *link, struct slice sender_id, uint8_t *fixed_blob,
                                  size_t fixed_length, uint8_t *user_blob, size_t user_length,
                                  struct link_content *content, struct link_check *check);

/* The fixed data of a new link, in plain: sign and seal it with link_blob_seal. The link key is its hash
 * (link_key_of). */
void write_link_fixed_content(struct writer *writer, const struct link_content *content);
/* Reads it back; what follows the known fields is ignored. */
enum smq_result link_fixed_content_parse(const struct link_fixed_data *fixed, struct link_content *content);

/* Before an owner writes user data: is it one that others will take, signed by this key? SMQ_ERR_INVALID when the key
 * is neither the root's nor a listed owner's, SMQ_ERR_CRYPTO with `check` when the list is bad. */
enum smq_result link_user_data_check(const struct public_key *root_key, const struct public_key *signer,
                                     const struct link_user_data *user, struct link_check *check);

/* The fault in the words of the agent's A_LINK error. Writes no terminating zero. */
void write_link_fault(struct writer *writer, const struct link_check *check);
