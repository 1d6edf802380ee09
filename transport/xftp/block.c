/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* XFTP blocks. */
#include "transport/xftp/block.h"

#include <string.h>

#include "transport/block/batch.h"
#include "transport/crypto/authenticator.h"
#include "transport/crypto/signature.h"
#include "transport/wire/padding.h"
#include "transport/wire/version.h"

static struct transmission_form form_of(struct slice session_id) {
    return (struct transmission_form){.version = SMP_VERSION_MIN, .session_id = session_id};
}

/* The one transmission of the content. */
static enum smq_result single_transmission(struct slice head, struct slice *bytes) {
    struct slice content;
    struct block_content list;
    if (head.length != XFTP_BLOCK_SIZE || unpad(head, &content) != SMQ_OK ||
        block_content_open(content, &list) != SMQ_OK || list.count != 1)
        return SMQ_ERR_SYNTAX;
    return block_content_next(&list, bytes) ? SMQ_OK : SMQ_ERR_SYNTAX;
}

enum smq_result xftp_block_open(struct slice head, struct slice session_id, struct transmission *transmission,
                                struct xftp_error *error) {
    struct transmission_form form = form_of(session_id);
    enum transmission_fault fault;
    struct slice bytes;

    memset(transmission, 0, sizeof *transmission);
    *error = xftp_error_of(XFTP_ERROR_BLOCK);
    if (single_transmission(head, &bytes) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    if (transmission_parse(&form, bytes, transmission, &fault) != SMQ_OK) {
        if (fault == TRANSMISSION_OTHER_SESSION)
            *error = xftp_error_of(XFTP_ERROR_SESSION);
        return SMQ_ERR_SYNTAX;
    }
    *error = xftp_error_of(XFTP_ERROR_NONE);
    return SMQ_OK;
}

/* ---- writing ---- */

struct draft {
    struct transmission_form form;
    struct transmission_draft transmission;
    struct writer writer;
};

static void begin(const struct xftp_envelope *envelope, size_t authorization_length, uint8_t *block,
                  struct draft *draft) {
    draft->form = form_of(envelope->session_id);
    draft->writer = padded_writer(block, XFTP_BLOCK_SIZE);
    write_u8(&draft->writer, 1); /* one transmission */
    transmission_begin(&draft->form, &draft->writer, authorization_length, false, envelope->correlation_id,
                       envelope->entity_id, &draft->transmission);
}

static size_t authorization_size(const struct key_pair *key) {
    if (key == NULL)
        return 0;
    return key->public_key.algorithm == KEY_X25519 ? (size_t)AUTHENTICATOR_SIZE
                                                   : signature_size(key->public_key.algorithm);
}

static enum smq_result authorize(const struct key_pair *key, const struct public_key *session_key,
                                 struct slice correlation_id, struct slice authorized, uint8_t *authorization) {
    struct box_key agreed;
    if (key->public_key.algorithm != KEY_X25519)
        return sign(key, authorized, authorization);
    if (session_key == NULL || correlation_id.length != BOX_NONCE_SIZE)
        return SMQ_ERR_CRYPTO;
    enum smq_result result = box_key_agree(&key->private_key, session_key, &agreed);
    if (result != SMQ_OK)
        return result;
    result = authenticator_create(&agreed, correlation_id, &authorized, 1, authorization);
    box_key_wipe(&agreed);
    return result;
}

static enum smq_result end(struct draft *draft, struct slice *covered) {
    struct authorized authorized;
    enum smq_result result =
        transmission_end(&draft->form, &draft->writer, &draft->transmission, slice_of(NULL, 0), &authorized);
    if (result == SMQ_OK)
        *covered = authorized_contiguous(&authorized, NULL, 0); /* the wire's own bytes: the session id is sent */
    return result;
}

enum smq_result xftp_command_block_write(const struct xftp_envelope *envelope, const struct key_pair *key,
                                         const struct public_key *session_key, const struct xftp_command *command,
                                         uint8_t block[XFTP_BLOCK_SIZE]) {
    struct draft draft;
    struct slice covered;
    begin(envelope, authorization_size(key), block, &draft);
    xftp_command_write(&draft.writer, command);
    enum smq_result result = end(&draft, &covered);
    if (result == SMQ_OK && key != NULL)
        result = authorize(key, session_key, envelope->correlation_id, covered, draft.transmission.authorization);
    return result == SMQ_OK ? padded_finish(&draft.writer, block, XFTP_BLOCK_SIZE) : result;
}

enum smq_result xftp_response_block_write(const struct xftp_envelope *envelope, uint16_t version,
                                          const struct xftp_response *response, uint8_t block[XFTP_BLOCK_SIZE]) {
    struct draft draft;
    struct slice covered;
    begin(envelope, 0, block, &draft);
    xftp_response_write(version, &draft.writer, response);
    enum smq_result result = end(&draft, &covered);
    return result == SMQ_OK ? padded_finish(&draft.writer, block, XFTP_BLOCK_SIZE) : result;
}
