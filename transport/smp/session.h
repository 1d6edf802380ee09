/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An SMP session after the handshake: its version, its session id, and the encryption of its blocks. Pure. `send` is
 * for the one thread that seals blocks, `receive` for the one that opens them; all else is constant after
 * smp_session_init. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/block/batch.h"
#include "transport/block/transmission.h"
#include "transport/crypto/block_chain.h"
#include "transport/smp/error.h"
#include "transport/smp/limits.h"

enum smp_side { SMP_SIDE_SERVER, SMP_SIDE_CLIENT };

enum { SMP_SESSION_ID_MAX = 64 };

struct smp_session {
    uint16_t version;
    bool encrypted;
    uint8_t session_id_length; /* 32 with TLS 1.3, 12 with TLS 1.2 */
    uint8_t session_id[SMP_SESSION_ID_MAX];
    struct block_chain send;
    struct block_chain receive;
};

/* `secret`: agreement of the two handshake keys when blocks are encrypted (smp_blocks_are_encrypted), else NULL. Not
 * kept. SMQ_ERR_INVALID when the session id is longer than SMP_SESSION_ID_MAX. */
enum smq_result smp_session_init(struct smp_session *session, enum smp_side side, uint16_t version,
                                 struct slice session_id, const struct dh_secret *secret);
/* Wipes the chain keys. */
void smp_session_wipe(struct smp_session *session);
/* The form of this session's transmissions; borrows the session's id. */
struct transmission_form smp_session_form(const struct smp_session *session);

/* transmission_parse with the error that answers: BLOCK or SESSION. */
enum smq_result smp_transmission_parse(const struct transmission_form *form, struct slice bytes,
                                       struct transmission *transmission, struct smp_error *error);

/* Opens a received block in place; `content` points into `block`. The receive chain steps even when this fails:
 * SMQ_ERR_CRYPTO when it does not decrypt, SMQ_ERR_SYNTAX when it does not unpad. Both are answered with BLOCK, and
 * the connection stays. */
enum smq_result smp_session_open_block(struct smp_session *session, uint8_t block[SMP_BLOCK_SIZE],
                                       struct slice *content);

/* A block being filled. Transmissions are written with `writer` (transmission_begin and so on); each that ended well is
 * counted with smp_outgoing_block_added. The writer's room is SMP_BATCH_BYTES_MAX. */
struct smp_outgoing_block {
    struct writer writer;
    uint8_t *block;
    uint8_t count;
};
void smp_session_begin_block(const struct smp_session *session, uint8_t block[SMP_BLOCK_SIZE],
                             struct smp_outgoing_block *outgoing);
/* Whether a transmission of `size` bytes (with its 2-byte length) still fits by bytes and by count. */
bool smp_outgoing_block_fits(const struct smp_outgoing_block *outgoing, size_t size);
void smp_outgoing_block_added(struct smp_outgoing_block *outgoing);
/* Pads and, in an encrypted session, encrypts in place; the send chain steps. SMQ_ERR_INVALID when nothing was
 * added. */
enum smq_result smp_session_seal_block(struct smp_session *session, struct smp_outgoing_block *outgoing);

/* A block of one transmission without authorization whose command or response lies in writable memory already, and
 * stays there. `lead`: how many bytes in front of it the block begins. */
size_t smp_session_lead(const struct smp_session *session, size_t correlation_id_length, size_t entity_id_length);
/* Writes what belongs before and behind `command`, from command.bytes - lead on, SMP_BLOCK_SIZE bytes in all, and
 * seals. The ids must not lie there. SMQ_ERR_TOO_LARGE. */
enum smq_result smp_session_seal_around(struct smp_session *session, struct slice correlation_id,
                                        struct slice entity_id, struct slice command, uint8_t **block);
