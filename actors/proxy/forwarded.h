/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The relay's side of proxying: a command that a proxy forwards in RFWD is taken out of its two layers on the process
 * lane, goes the way of any other command, and its answer is put into both layers in the block that carries it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "actors/smp/client_session.h"
#include "queues/base/cursor.h"
#include "transport/block/transmission.h"
#include "transport/crypto/box.h"
#include "transport/smp/command.h"
#include "transport/smp/error.h"

struct command_slot;

/* What the answer to a forwarded command needs beyond the command's own ids. Holds a secret. */
struct forwarded {
    struct box_key client_key; /* of the client's key for this command and the session's */
    uint16_t version;          /* that the client chose: for parsing, limits, and the answer */
    uint8_t nonce[BOX_NONCE_SIZE];
    uint8_t proxy_id_length; /* the correlation id of RFWD */
    uint8_t proxy_id[UINT8_MAX];
};

/* Opens both layers of the RFWD `command` in `slot`, in place: slot->bytes becomes the client's transmission, and
 * slot->forwarded is set. On failure `error` is what the proxy is answered (reference: Server.hs,
 * processForwardedCommand): PROXY BROKER TRANSPORT NO_AUTH, CRYPTO, CMD SYNTAX, BLOCK or INTERNAL. SMQ_ERR_NO_MEMORY,
 * SMQ_ERR_AUTH, SMQ_ERR_CRYPTO, SMQ_ERR_SYNTAX. Process lane. */
enum smq_result forwarded_open(struct command_slot *slot, const struct smp_command *command, struct smp_error *error);
/* Wipes; NULL inside is allowed. */
void forwarded_destroy(struct forwarded **forwarded);

/* Where the transmission that answers is written: `room` bytes at the result, in the PROXY_RESPONSE_MAX bytes of a
 * RRES. */
uint8_t *forwarded_answer_place(uint8_t *sealed, size_t *room);
/* Adds both layers around the `length` bytes of one transmission that were written there. SMQ_ERR_TOO_LARGE. */
enum smq_result forwarded_answer_seal(const struct forwarded *forwarded, const struct client_session *session,
                                      uint8_t *sealed, size_t length);
