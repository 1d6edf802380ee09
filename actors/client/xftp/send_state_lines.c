/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The text of a send state. A line is a word and its values, with single spaces; bytes are in base64url. */
#include "actors/client/xftp/send_state_private.h"

#include <string.h>

#include "queues/base/secret.h"
#include "transport/wire/address.h"
#include "transport/wire/text.h"

/* ---- values ---- */

static void write_value(struct writer *writer, const void *bytes, size_t length) {
    write_text(writer, " ");
    write_base64(writer, slice_of(bytes, length), BASE64_URL);
}

static void read_value(struct reader *reader, uint8_t *bytes, size_t length) {
    read_literal(reader, " ");
    if (read_base64url(reader, bytes, length) != length)
        reader_fail(reader);
}

static void write_number(struct writer *writer, uint64_t number) {
    write_text(writer, " ");
    write_decimal(writer, number);
}

static uint64_t read_number(struct reader *reader, uint64_t maximum) {
    read_literal(reader, " ");
    return read_decimal(reader, maximum);
}

static void write_credential(struct writer *writer, const struct sent_credential *credential) {
    uint8_t der[KEY_PKCS8_MAX];
    struct writer key = writer_of(der, sizeof der);
    write_private_key_der(&key, &credential->key);
    if (writer_finish(&key) != SMQ_OK || credential->id_length == 0)
        writer_fail(writer);
    write_value(writer, credential->id, credential->id_length);
    write_value(writer, der, writer_length(&key));
    secret_wipe(der, sizeof der);
}

static void read_credential(struct reader *reader, struct sent_credential *credential) {
    uint8_t der[KEY_PKCS8_MAX];
    read_literal(reader, " ");
    credential->id_length = (uint8_t)read_base64url(reader, credential->id, sizeof credential->id);
    read_literal(reader, " ");
    size_t length = read_base64url(reader, der, sizeof der);
    if (private_key_parse(slice_of(der, length), &credential->key) != SMQ_OK || credential->id_length == 0)
        reader_fail(reader);
    secret_wipe(der, sizeof der);
}

/* ---- the head ---- */

void write_send_head(struct writer *writer, const struct send_head *head) {
    write_text(writer, "xftp-send 1");
    write_number(writer, head->size);
    write_text(writer, " ");
    write_signed_decimal(writer, head->modified_ns);
    write_number(writer, head->chunk_count);
    write_number(writer, head->recipient_count);
    write_value(writer, head->key, sizeof head->key);
    write_value(writer, head->nonce, sizeof head->nonce);
    write_value(writer, head->name, head->name_length);
    write_text(writer, "\n");
}

bool read_send_head(struct reader *reader, struct send_head *head) {
    read_literal(reader, "xftp-send 1");
    head->size = read_number(reader, INT64_MAX);
    read_literal(reader, " ");
    head->modified_ns = read_signed_decimal(reader);
    head->chunk_count = (uint32_t)read_number(reader, XFTP_DESCRIPTION_CHUNKS_MAX);
    head->recipient_count = (uint32_t)read_number(reader, SEND_RECIPIENTS_MAX);
    read_value(reader, head->key, sizeof head->key);
    read_value(reader, head->nonce, sizeof head->nonce);
    read_literal(reader, " ");
    if (reader_left(reader) > 0)
        head->name_length = (uint8_t)read_base64url(reader, head->name, sizeof head->name);
    return reader_finish(reader) == SMQ_OK;
}

/* ---- chunks ---- */

void write_created_line(struct writer *writer, uint32_t index, const struct sent_chunk *chunk) {
    write_text(writer, "created");
    write_number(writer, index);
    write_number(writer, chunk->size);
    write_value(writer, chunk->digest, sizeof chunk->digest);
    write_credential(writer, &chunk->sender);
    write_text(writer, " ");
    write_server_address_text(writer, &chunk->server, NULL, 0);
    write_text(writer, "\n");
}

void write_recipient_line(struct writer *writer, uint32_t index, const struct sent_credential *recipient) {
    write_text(writer, "recipient");
    write_number(writer, index);
    write_credential(writer, recipient);
    write_text(writer, "\n");
}

void write_mark_line(struct writer *writer, const char *mark, uint32_t index) {
    write_text(writer, mark);
    write_number(writer, index);
    write_text(writer, "\n");
}

static bool apply_created(struct reader *line, struct sent_chunk *chunk) {
    struct sent_chunk created = {0};
    created.size = (uint32_t)read_number(line, UINT32_MAX);
    read_value(line, created.digest, sizeof created.digest);
    read_credential(line, &created.sender);
    read_literal(line, " ");
    bool is_good = server_address_parse(read_tail(line), ADDRESS_XFTP, &created.server) == SMQ_OK &&
                   reader_finish(line) == SMQ_OK && created.size > 0 && chunk->size == 0;
    if (is_good)
        *chunk = created;
    private_key_wipe(&created.sender.key);
    return is_good;
}

static bool apply_recipient(struct send_state *state, struct reader *line, uint32_t index) {
    struct sent_chunk *chunk = &state->chunks[index];
    struct sent_credential recipient = {0};
    read_credential(line, &recipient);
    bool is_good =
        reader_finish(line) == SMQ_OK && chunk->size > 0 && chunk->recipient_count < state->head.recipient_count;
    if (is_good)
        state->recipients[(size_t)index * state->head.recipient_count + chunk->recipient_count++] = recipient;
    private_key_wipe(&recipient.key);
    return is_good;
}

static bool apply_uploaded(struct reader *line, struct sent_chunk *chunk) {
    bool is_good = reader_finish(line) == SMQ_OK && chunk->size > 0;
    chunk->is_uploaded |= is_good;
    return is_good;
}

static bool apply_lost(struct reader *line, struct sent_chunk *chunk) {
    if (reader_finish(line) != SMQ_OK)
        return false;
    secret_wipe(chunk, sizeof *chunk);
    return true;
}

bool send_line_apply(struct send_state *state, struct slice text) {
    struct reader line = reader_of(text);
    struct slice word = read_until(&line, ' ');
    uint32_t index = (uint32_t)read_number(&line, UINT32_MAX);
    if (line.failed || index >= state->head.chunk_count)
        return false;
    struct sent_chunk *chunk = &state->chunks[index];
    if (slice_equal(word, slice_of_text("created")))
        return apply_created(&line, chunk);
    if (slice_equal(word, slice_of_text("recipient")))
        return apply_recipient(state, &line, index);
    if (slice_equal(word, slice_of_text("uploaded")))
        return apply_uploaded(&line, chunk);
    return slice_equal(word, slice_of_text("lost")) && apply_lost(&line, chunk);
}
