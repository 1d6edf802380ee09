/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* NTF blocks of NTF_BLOCK_SIZE bytes. From version 2 on a block holds a list of transmissions as SMP's do; in version
 * 1 it holds one, whose length is the padding's. They are not encrypted. Pure and re-entrant: any thread.
 *
 * The transmissions themselves are SMP's (transport/block/transmission.h): ntf_form says which of its forms. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/block/batch.h"
#include "transport/block/transmission.h"
#include "transport/ntf/limits.h"

/* The form of the transmissions of a session; borrows the session id. Version 1 has the form of SMP 6, later ones that
 * of SMP 7: without service signatures. */
struct transmission_form ntf_form(uint16_t version, struct slice session_id);

/* Iterate over a received block with block_content_next; the transmissions point into `block`. SMQ_ERR_SYNTAX when it
 * does not unpad, or is not a non-empty list with nothing after: one BLOCK error answers the whole block. */
enum smq_result ntf_block_open(uint16_t version, const uint8_t block[NTF_BLOCK_SIZE], struct block_content *content);

/* A block being filled: begin; for each transmission ask whether it fits, write it with `writer` (transmission_begin
 * and so on) and call ntf_block_added when that ended well; then finish. */
struct ntf_outgoing_block {
    struct writer writer;
    uint8_t *block;
    uint16_t version;
    uint8_t count;
};
void ntf_block_begin(uint16_t version, uint8_t block[NTF_BLOCK_SIZE], struct ntf_outgoing_block *outgoing);
/* Whether a transmission of `size` bytes (with its 2-byte length) still fits: alone up to NTF_LONE_BYTES_MAX, beside
 * others up to NTF_BATCH_BYTES_MAX for all. */
bool ntf_block_fits(const struct ntf_outgoing_block *outgoing, size_t size);
void ntf_block_added(struct ntf_outgoing_block *outgoing);
/* Pads. SMQ_ERR_INVALID when nothing was added. */
enum smq_result ntf_block_finish(struct ntf_outgoing_block *outgoing);
