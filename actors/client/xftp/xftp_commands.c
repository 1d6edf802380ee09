/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands over an XFTP connection. */
#include <string.h>

#include "actors/client/xftp/xftp_connection_private.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "queues/base/secret.h"
#include "transport/xftp/block.h"
#include "transport/xftp/chunk_cipher.h"
#include "transport/xftp/handshake.h"

enum { MS_PER_KIB = 5, KEY_ENCODED_MAX = 1 + KEY_SPKI_MAX };

/* A command under way. */
struct asked {
    struct xftp_connection *connection;
    struct xftp_call *call;
    uint8_t nonce[BOX_NONCE_SIZE];
    uint8_t block[XFTP_BLOCK_SIZE];
    struct xftp_response response; /* its slices point into the call */
};

static uint64_t deadline_of(const struct xftp_connection *connection, uint64_t bytes) {
    return clock_monotonic_ms() + connection->options.request_ms + bytes / 1024 * MS_PER_KIB;
}

static enum smq_result write_block(struct asked *asked, const struct key_pair *key, struct slice id,
                                   const struct xftp_command *command) {
    const struct connection_tls *tls = connection_tls(asked->connection->connection);
    bool has_nonce = key != NULL && key->public_key.algorithm == KEY_X25519;
    random_bytes(asked->nonce, sizeof asked->nonce);
    const struct xftp_envelope envelope = {.session_id = slice_of(tls->session_id, tls->session_id_length),
                                           .correlation_id = slice_of(asked->nonce, has_nonce ? BOX_NONCE_SIZE : 0),
                                           .entity_id = id};
    return xftp_command_block_write(&envelope, key, &asked->connection->session_key, command, asked->block);
}

/* The response in the answer's block. SMQ_ERR_PROTOCOL with `error` for one that is an error, or none. */
static enum smq_result read_response(struct asked *asked, struct slice id, struct xftp_error *error) {
    const struct connection_tls *tls = connection_tls(asked->connection->connection);
    struct slice block = slice_of(asked->call->answer, asked->call->answer_length);
    struct transmission transmission;
    if (xftp_raw_error_parse(block, &error->code) == SMQ_OK ||
        xftp_block_open(block, slice_of(tls->session_id, tls->session_id_length), &transmission, error) != SMQ_OK ||
        xftp_response_parse(transmission.command, &asked->response, error) != SMQ_OK)
        return SMQ_ERR_PROTOCOL;
    if (xftp_response_check_entity(&asked->response, transmission.entity_id.length > 0, error) != SMQ_OK)
        return SMQ_ERR_PROTOCOL;
    if (asked->response.tag == XFTP_ERR) {
        *error = asked->response.error;
        return SMQ_ERR_PROTOCOL;
    }
    if (transmission.entity_id.length > 0 && !slice_equal(transmission.entity_id, id)) {
        *error = xftp_error_of(XFTP_ERROR_SESSION);
        return SMQ_ERR_PROTOCOL;
    }
    return SMQ_OK;
}

/* Sends the command, with `body` behind its block, and reads the response. `asked` is to be ended. */
static enum smq_result ask(struct asked *asked, const struct key_pair *key, struct slice id,
                           const struct xftp_command *command, struct slice body, struct xftp_error *error) {
    *error = xftp_error_of(XFTP_ERROR_NONE);
    enum smq_result result = write_block(asked, key, id, command);
    if (result != SMQ_OK)
        return result;
    asked->call = xftp_call_begin(asked->connection, slice_of(asked->block, sizeof asked->block), body);
    if (asked->call == NULL)
        return SMQ_ERR_NO_MEMORY;
    result = xftp_call_answer(asked->call, deadline_of(asked->connection, body.length));
    return result == SMQ_OK ? read_response(asked, id, error) : result;
}

/* Waits for the end of an exchange whose answer is only its block. */
static void end(struct asked *asked) {
    if (asked->call != NULL) {
        uint64_t deadline_ms = deadline_of(asked->connection, 0);
        while (!asked->call->was_told_over && xftp_call_answer(asked->call, deadline_ms) == SMQ_OK)
            continue;
    }
    xftp_call_end(&asked->call);
}

static enum smq_result expect(struct asked *asked, enum xftp_response_tag tag, enum smq_result result,
                              struct xftp_error *error) {
    if (result != SMQ_OK || asked->response.tag == tag)
        return result;
    *error = xftp_error_command(COMMAND_SYNTAX);
    return SMQ_ERR_PROTOCOL;
}

/* ---- commands without bytes ---- */

static enum smq_result ask_simply(struct xftp_connection *connection, const struct key_pair *key, struct slice id,
                                  enum xftp_command_tag tag, enum xftp_response_tag expected,
                                  struct xftp_error *error) {
    struct asked asked = {.connection = connection};
    const struct xftp_command command = {.tag = tag};
    enum smq_result result = ask(&asked, key, id, &command, slice_of(NULL, 0), error);
    result = expect(&asked, expected, result, error);
    end(&asked);
    return result;
}

enum smq_result xftp_ping(struct xftp_connection *connection, struct xftp_error *error) {
    return ask_simply(connection, NULL, slice_of(NULL, 0), XFTP_PING, XFTP_PONG, error);
}

enum smq_result xftp_acknowledge(struct xftp_connection *connection, const struct key_pair *recipient, struct slice id,
                                 struct xftp_error *error) {
    return ask_simply(connection, recipient, id, XFTP_FACK, XFTP_OK, error);
}

enum smq_result xftp_delete(struct xftp_connection *connection, const struct key_pair *sender, struct slice id,
                            struct xftp_error *error) {
    return ask_simply(connection, sender, id, XFTP_FDEL, XFTP_OK, error);
}

/* ---- FNEW, FADD ---- */

static bool set_id(struct xftp_id *id, struct slice bytes) {
    id->length = (uint8_t)bytes.length;
    if (bytes.length > 0)
        memcpy(id->bytes, bytes.bytes, bytes.length);
    return bytes.length > 0;
}

static enum smq_result take_ids(const struct xftp_id_list *list, size_t count, struct xftp_id *ids,
                                struct xftp_error *error) {
    struct reader reader = reader_of(list->encoded);
    struct slice id;
    bool is_good = list->count == count;
    for (size_t i = 0; i < count && is_good; i++)
        is_good = xftp_id_list_next(&reader, &id) && set_id(&ids[i], id);
    if (is_good)
        return SMQ_OK;
    *error = xftp_error_command(COMMAND_SYNTAX);
    return SMQ_ERR_PROTOCOL;
}

/* `keys` has KEY_ENCODED_MAX bytes for each. */
static struct key_list write_keys(const struct public_key *recipients, size_t count, uint8_t *keys) {
    struct writer writer = writer_of(keys, count * KEY_ENCODED_MAX);
    for (size_t i = 0; i < count; i++)
        write_public_key(&writer, &recipients[i]);
    return (struct key_list){.count = (uint8_t)count, .encoded = slice_of(keys, writer_length(&writer))};
}

enum smq_result xftp_create(struct xftp_connection *connection, const struct key_pair *sender, uint32_t size,
                            const uint8_t digest[XFTP_CHUNK_DIGEST_SIZE], const struct public_key *recipients,
                            size_t count, const char *password, struct xftp_id *sender_id,
                            struct xftp_id *recipient_ids, struct xftp_error *error) {
    uint8_t keys[XFTP_RECIPIENTS_MAX * KEY_ENCODED_MAX];
    struct asked asked = {.connection = connection};
    if (count == 0 || count > XFTP_RECIPIENTS_MAX)
        return SMQ_ERR_INVALID;
    const struct xftp_command command = {
        .tag = XFTP_FNEW,
        .create = {.sender_key = sender->public_key,
                   .size = size,
                   .digest = slice_of(digest, XFTP_CHUNK_DIGEST_SIZE),
                   .recipient_keys = write_keys(recipients, count, keys),
                   .has_password = password != NULL,
                   .password = slice_of_text(password != NULL ? password : "")},
    };
    enum smq_result result = ask(&asked, sender, slice_of(NULL, 0), &command, slice_of(NULL, 0), error);
    result = expect(&asked, XFTP_SIDS, result, error);
    if (result == SMQ_OK)
        result = take_ids(&asked.response.ids.recipient_ids, count, recipient_ids, error);
    if (result == SMQ_OK)
        (void)set_id(sender_id, asked.response.ids.sender_id);
    end(&asked);
    return result;
}

enum smq_result xftp_add_recipients(struct xftp_connection *connection, const struct key_pair *sender, struct slice id,
                                    const struct public_key *recipients, size_t count, struct xftp_id *recipient_ids,
                                    struct xftp_error *error) {
    uint8_t keys[XFTP_RECIPIENTS_MAX * KEY_ENCODED_MAX];
    struct asked asked = {.connection = connection};
    if (count == 0 || count > XFTP_RECIPIENTS_MAX)
        return SMQ_ERR_INVALID;
    const struct xftp_command command = {.tag = XFTP_FADD, .recipient_keys = write_keys(recipients, count, keys)};
    enum smq_result result = ask(&asked, sender, id, &command, slice_of(NULL, 0), error);
    result = expect(&asked, XFTP_RIDS, result, error);
    if (result == SMQ_OK)
        result = take_ids(&asked.response.recipient_ids, count, recipient_ids, error);
    end(&asked);
    return result;
}

/* ---- FPUT, FGET ---- */

enum smq_result xftp_upload(struct xftp_connection *connection, const struct key_pair *sender, struct slice id,
                            struct slice chunk, struct xftp_error *error) {
    struct asked asked = {.connection = connection};
    const struct xftp_command command = {.tag = XFTP_FPUT};
    enum smq_result result = ask(&asked, sender, id, &command, chunk, error);
    result = expect(&asked, XFTP_OK, result, error);
    end(&asked);
    return result;
}

static enum smq_result take_piece(struct xftp_chunk_decryption *decryption, struct call_message *message,
                                  const struct xftp_sink *sink, struct xftp_error *error) {
    struct slice plain;
    enum smq_result result =
        xftp_chunk_decrypt(decryption, slice_of(message->bytes, message->length), message->bytes, &plain, error);
    return result == SMQ_OK && plain.length > 0 ? sink->take(sink->context, plain) : result;
}

/* The body, to its end or to the first failure. */
static enum smq_result take_body(struct asked *asked, struct xftp_chunk_decryption *decryption,
                                 const struct xftp_sink *sink, uint64_t deadline_ms, struct xftp_error *error) {
    enum smq_result result = SMQ_OK;
    while (result == SMQ_OK && !asked->call->was_told_over) {
        struct call_message *message = xftp_call_wait(asked->call, deadline_ms);
        if (message == NULL)
            return clock_monotonic_ms() >= deadline_ms ? SMQ_ERR_TIMEOUT : SMQ_ERR_NETWORK;
        if (message->event == CALL_BODY)
            result = take_piece(decryption, message, sink, error);
        else
            result = message->result;
        xftp_call_give_back(message);
    }
    return result == SMQ_OK ? xftp_chunk_decrypt_end(decryption, error) : result;
}

static enum smq_result download(struct asked *asked, const struct key_pair *own, uint32_t size, struct slice digest,
                                const struct xftp_sink *sink, struct xftp_error *error) {
    struct xftp_chunk_decryption decryption;
    enum smq_result result = xftp_chunk_decrypt_begin(&decryption, &own->private_key, &asked->response.file.dh_key,
                                                      asked->response.file.nonce, size, digest);
    if (result != SMQ_OK)
        return result;
    result = take_body(asked, &decryption, sink, deadline_of(asked->connection, size), error);
    xftp_chunk_decrypt_close(&decryption);
    return result;
}

enum smq_result xftp_download(struct xftp_connection *connection, const struct key_pair *recipient, struct slice id,
                              uint32_t size, const uint8_t digest[XFTP_CHUNK_DIGEST_SIZE], const struct xftp_sink *sink,
                              struct xftp_error *error) {
    struct asked asked = {.connection = connection};
    struct key_pair own;
    enum smq_result result = key_pair_generate(KEY_X25519, &own);
    if (result != SMQ_OK)
        return result;
    const struct xftp_command command = {.tag = XFTP_FGET, .dh_key = own.public_key};
    result = ask(&asked, recipient, id, &command, slice_of(NULL, 0), error);
    result = expect(&asked, XFTP_FILE, result, error);
    if (result == SMQ_OK)
        result = download(&asked, &own, size, slice_of(digest, XFTP_CHUNK_DIGEST_SIZE), sink, error);
    if (result == SMQ_OK || result == SMQ_ERR_PROTOCOL)
        end(&asked);
    xftp_call_end(&asked.call);
    key_pair_wipe(&own);
    return result;
}
