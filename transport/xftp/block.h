/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* XFTP blocks: the head of every request and answer after the handshake. A block holds one transmission, in the form
 * that SMP gives it in version 6 (transport/block/transmission.h), session id and all, whatever the session's version.
 * Pure and re-entrant: any thread. Slices of what is opened point into the block. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/block/transmission.h"
#include "transport/crypto/keys.h"
#include "transport/xftp/command.h"
#include "transport/xftp/error.h"
#include "transport/xftp/limits.h"
#include "transport/xftp/response.h"

/* Opens the head of a request or an answer. On SMQ_ERR_SYNTAX `error` is BLOCK (a head of another length than a block,
 * not one transmission, a malformed one, or an authorization of an impossible size) or SESSION (another session id),
 * and `transmission` holds only the correlation id to answer with, empty when even that is unknown. `authorized` of the
 * transmission is all that its authorization covers. */
enum smq_result xftp_block_open(struct slice head, struct slice session_id, struct transmission *transmission,
                                struct xftp_error *error);

/* Whom a transmission is from and about. */
struct xftp_envelope {
    struct slice session_id;
    struct slice correlation_id; /* may be empty: clients of the reference send none */
    struct slice entity_id;      /* empty where there is none */
};

/* Writes a command, authorized by `key`, or without authorization when `key` is NULL. Ed25519 and Ed448 sign; an X25519
 * key makes an authenticator with `session_key`, the router's of the handshake, which is NULL where there was none, and
 * with the correlation id as nonce, which must then be BOX_NONCE_SIZE fresh bytes. The block is filled to its end.
 * SMQ_ERR_TOO_LARGE; SMQ_ERR_CRYPTO, also for an X25519 key without session key or nonce. */
enum smq_result xftp_command_block_write(const struct xftp_envelope *envelope, const struct key_pair *key,
                                         const struct public_key *session_key, const struct xftp_command *command,
                                         uint8_t block[XFTP_BLOCK_SIZE]);
/* Writes a response to a session of `version`. SMQ_ERR_TOO_LARGE. */
enum smq_result xftp_response_block_write(const struct xftp_envelope *envelope, uint16_t version,
                                          const struct xftp_response *response, uint8_t block[XFTP_BLOCK_SIZE]);
