/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An SMP session after the handshake. Both kinds of block are built where they are sent from: the content lies behind
 * the padding length, and, in an encrypted block, that behind the tag. */
#include "transport/smp/session.h"

#include <string.h>

#include "transport/crypto/box.h"
#include "transport/wire/padding.h"

enum { COUNT_SIZE = 1 };
_Static_assert(BOX_PADDED_OFFSET + COUNT_SIZE + SMP_BATCH_BYTES_MAX == SMP_BLOCK_SIZE,
               "a full batch fills an encrypted block");
_Static_assert((int)SMP_BLOCK_SIZE == (int)BLOCK_CHAIN_BLOCK_SIZE, "one block size");

static size_t content_offset(const struct smp_session *session) {
    return session->encrypted ? BOX_PADDED_OFFSET : PADDING_HEADER_SIZE;
}

enum smq_result smp_session_init(struct smp_session *session, enum smp_side side, uint16_t version,
                                 struct slice session_id, const struct dh_secret *secret) {
    if (session_id.length > SMP_SESSION_ID_MAX)
        return SMQ_ERR_INVALID;
    memset(session, 0, sizeof *session);
    session->version = version;
    session->encrypted = secret != NULL;
    session->session_id_length = (uint8_t)session_id.length;
    if (session_id.length > 0)
        memcpy(session->session_id, session_id.bytes, session_id.length);
    if (secret != NULL && side == SMP_SIDE_SERVER)
        block_chain_init(session_id, secret, &session->send, &session->receive);
    else if (secret != NULL)
        block_chain_init(session_id, secret, &session->receive, &session->send);
    return SMQ_OK;
}

void smp_session_wipe(struct smp_session *session) {
    block_chain_wipe(&session->send);
    block_chain_wipe(&session->receive);
}

struct transmission_form smp_session_form(const struct smp_session *session) {
    return (struct transmission_form){.version = session->version,
                                      .session_id = slice_of(session->session_id, session->session_id_length)};
}

enum smq_result smp_session_open_block(struct smp_session *session, uint8_t block[SMP_BLOCK_SIZE],
                                       struct slice *content) {
    if (session->encrypted)
        return block_chain_open(&session->receive, block, content);
    return unpad(slice_of(block, SMP_BLOCK_SIZE), content);
}

void smp_session_begin_block(const struct smp_session *session, uint8_t block[SMP_BLOCK_SIZE],
                             struct smp_outgoing_block *outgoing) {
    *outgoing = (struct smp_outgoing_block){
        .writer = writer_of(block + content_offset(session) + COUNT_SIZE, SMP_BATCH_BYTES_MAX), .block = block};
}

bool smp_outgoing_block_fits(const struct smp_outgoing_block *outgoing, size_t size) {
    return outgoing->count < BLOCK_TRANSMISSIONS_MAX && size <= writer_room(&outgoing->writer);
}

void smp_outgoing_block_added(struct smp_outgoing_block *outgoing) {
    outgoing->count++;
}

enum smq_result smp_session_seal_block(struct smp_session *session, struct smp_outgoing_block *outgoing) {
    if (outgoing->count == 0)
        return SMQ_ERR_INVALID;
    size_t length = COUNT_SIZE + writer_length(&outgoing->writer);
    outgoing->block[content_offset(session)] = outgoing->count;
    if (session->encrypted)
        return block_chain_seal(&session->send, outgoing->block, length);
    return pad_in_place(outgoing->block, length, SMP_BLOCK_SIZE);
}

size_t smp_session_lead(const struct smp_session *session, size_t correlation_id_length, size_t entity_id_length) {
    struct transmission_form form = smp_session_form(session);
    return content_offset(session) + COUNT_SIZE +
           transmission_size(&form, 0, false, correlation_id_length, entity_id_length, 0);
}

enum smq_result smp_session_seal_around(struct smp_session *session, struct slice correlation_id,
                                        struct slice entity_id, struct slice command, uint8_t **block) {
    struct transmission_form form = smp_session_form(session);
    struct smp_outgoing_block outgoing;
    struct transmission_draft draft;
    uint8_t *place = (uint8_t *)(uintptr_t)command.bytes;
    *block = place - smp_session_lead(session, correlation_id.length, entity_id.length);
    smp_session_begin_block(session, *block, &outgoing);
    transmission_begin(&form, &outgoing.writer, 0, false, correlation_id, entity_id, &draft);
    uint8_t *reserved = write_reserve(&outgoing.writer, command.length);
    if (reserved != NULL && reserved != place)
        return SMQ_ERR_INTERNAL;
    enum smq_result result = transmission_end(&form, &outgoing.writer, &draft, slice_of(NULL, 0), NULL);
    if (result != SMQ_OK)
        return result;
    smp_outgoing_block_added(&outgoing);
    return smp_session_seal_block(session, &outgoing);
}

enum smq_result smp_transmission_parse(const struct transmission_form *form, struct slice bytes,
                                       struct transmission *transmission, struct smp_error *error) {
    static const enum smp_error_code errors[] = {[TRANSMISSION_GOOD] = SMP_ERROR_NONE,
                                                 [TRANSMISSION_MALFORMED] = SMP_ERROR_BLOCK,
                                                 [TRANSMISSION_OTHER_SESSION] = SMP_ERROR_SESSION};
    enum transmission_fault fault;
    enum smq_result result = transmission_parse(form, bytes, transmission, &fault);
    *error = smp_error_of(errors[fault]);
    return result;
}
