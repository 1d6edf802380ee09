/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The agent's stored commands: the table. */
#include "transport/agent/command.h"

#include <string.h>

#include "transport/wire/encoding.h"
#include "transport/wire/tag.h"
#include "transport/wire/text.h"

typedef void read_parameters(struct reader *reader, struct agent_command *command);
typedef void write_parameters(struct writer *writer, const struct agent_command *command);

static const char *const pq_tags[] = {
    [AGENT_PQ_DISABLE] = "pq=disable", [AGENT_PQ_ENABLE] = "pq=enable", [AGENT_PQ_INVITATION] = "pq=invitation"};
static const char *const subscribe_tags[] = {[AGENT_SUBSCRIBE] = "subscribe", [AGENT_ONLY_CREATE] = "only-create"};
static const char *const mode_tags[] = {[CONNECTION_INVITATION] = "INV", [CONNECTION_CONTACT] = "CON"};

/* ---- pieces ---- */

/* Decimal length, newline, so many bytes. */
static struct slice read_body(struct reader *reader) {
    uint64_t length = read_decimal(reader, SIZE_MAX);
    read_literal(reader, "\n");
    return read_bytes(reader, (size_t)length);
}

static void write_body(struct writer *writer, struct slice body) {
    write_decimal(writer, body.length);
    write_text(writer, "\n");
    write_slice(writer, body);
}

/* Up to a space or the end, not empty. */
static struct slice read_word(struct reader *reader) {
    struct slice word = read_until(reader, ' ');
    if (word.length == 0)
        reader_fail(reader);
    return word;
}

static void read_id(struct reader *reader, struct agent_router_id *id) {
    id->length = (uint8_t)read_base64url(reader, id->bytes, sizeof id->bytes);
}

static void write_id(struct writer *writer, const struct agent_router_id *id) {
    write_base64(writer, slice_of(id->bytes, id->length), BASE64_URL);
}

static void read_key_text(struct reader *reader, struct public_key *key) {
    uint8_t der[KEY_SPKI_MAX];
    size_t length = read_base64url(reader, der, sizeof der);
    if (reader->failed || public_key_parse(slice_of(der, length), key) != SMQ_OK ||
        !key_authorizes_queues(key->algorithm))
        reader_fail(reader);
}

static void write_key_text(struct writer *writer, const struct public_key *key) {
    uint8_t der[KEY_SPKI_MAX];
    struct writer der_writer = writer_of(der, sizeof der);
    write_public_key_der(&der_writer, key);
    if (writer_finish(&der_writer) != SMQ_OK)
        writer_fail(writer);
    write_base64(writer, slice_of(der, writer_length(&der_writer)), BASE64_URL);
}

/* ---- CLIENT: parameters begin behind the space after the tag ---- */

static void read_new(struct reader *reader, struct agent_command *command) {
    command->notifications = read_bool(reader);
    read_space(reader);
    command->mode = (enum connection_mode)READ_TAG(reader, mode_tags);
    read_space(reader);
    command->pq = (enum agent_pq)READ_TAG(reader, pq_tags);
    read_space(reader);
    command->subscribe = (enum agent_subscribe)READ_TAG(reader, subscribe_tags);
}

static void write_new(struct writer *writer, const struct agent_command *command) {
    write_bool(writer, command->notifications);
    write_space(writer);
    WRITE_TAG(writer, mode_tags, command->mode);
    write_space(writer);
    WRITE_TAG(writer, pq_tags, command->pq);
    write_space(writer);
    WRITE_TAG(writer, subscribe_tags, command->subscribe);
}

static void read_lset(struct reader *reader, struct agent_command *command) {
    command->user.contact = read_link_user_mode(reader);
    read_link_user_fields(reader, &command->user);
    command->has_client_data = read_if(reader, " ");
    if (command->has_client_data)
        command->client_data = read_tail(reader);
}

static void write_lset(struct writer *writer, const struct agent_command *command) {
    write_link_user_mode(writer, command->user.contact);
    write_link_user_fields(writer, &command->user);
    if (command->has_client_data) {
        write_space(writer);
        write_slice(writer, command->client_data);
    }
}

static void read_link(struct reader *reader, struct agent_command *command) {
    command->link = read_word(reader);
}

static void write_link(struct writer *writer, const struct agent_command *command) {
    write_slice(writer, command->link);
}

static void read_join(struct reader *reader, struct agent_command *command) {
    command->notifications = read_bool(reader);
    read_space(reader);
    command->link = read_word(reader);
    read_space(reader);
    command->pq = (enum agent_pq)READ_TAG(reader, pq_tags);
    if (command->pq == AGENT_PQ_INVITATION) /* of links that are made, not of those that are joined */
        reader_fail(reader);
    read_space(reader);
    command->subscribe = (enum agent_subscribe)READ_TAG(reader, subscribe_tags);
    read_space(reader);
    command->body = read_body(reader);
}

static void write_join(struct writer *writer, const struct agent_command *command) {
    write_bool(writer, command->notifications);
    write_space(writer);
    write_slice(writer, command->link);
    write_space(writer);
    WRITE_TAG(writer, pq_tags, command->pq);
    write_space(writer);
    WRITE_TAG(writer, subscribe_tags, command->subscribe);
    write_space(writer);
    write_body(writer, command->body);
}

static void read_let(struct reader *reader, struct agent_command *command) {
    command->confirmation_id = read_word(reader);
    read_space(reader);
    command->body = read_body(reader);
}

static void write_let(struct writer *writer, const struct agent_command *command) {
    write_slice(writer, command->confirmation_id);
    write_space(writer);
    write_body(writer, command->body);
}

static void read_ack(struct reader *reader, struct agent_command *command) {
    command->message_id = (int64_t)read_decimal(reader, INT64_MAX);
    command->has_body = read_if(reader, " ");
    if (command->has_body)
        command->body = read_body(reader);
}

static void write_ack(struct writer *writer, const struct agent_command *command) {
    write_signed_decimal(writer, command->message_id);
    if (command->has_body) {
        write_space(writer);
        write_body(writer, command->body);
    }
}

/* ---- INTERNAL ---- */

static void read_queue(struct reader *reader, struct agent_command *command) {
    read_id(reader, &command->queue_id);
}

static void write_queue(struct writer *writer, const struct agent_command *command) {
    write_id(writer, &command->queue_id);
}

static void read_internal_ack(struct reader *reader, struct agent_command *command) {
    read_id(reader, &command->queue_id);
    read_space(reader);
    read_id(reader, &command->router_message_id);
}

static void write_internal_ack(struct writer *writer, const struct agent_command *command) {
    write_id(writer, &command->queue_id);
    write_space(writer);
    write_id(writer, &command->router_message_id);
}

static void read_ack_delete(struct reader *reader, struct agent_command *command) {
    read_internal_ack(reader, command);
    read_space(reader);
    command->message_id = (int64_t)read_decimal(reader, INT64_MAX);
}

static void write_ack_delete(struct writer *writer, const struct agent_command *command) {
    write_internal_ack(writer, command);
    write_space(writer);
    write_signed_decimal(writer, command->message_id);
}

/* The space stands there without a key too. */
static void read_allow(struct reader *reader, struct agent_command *command) {
    read_id(reader, &command->queue_id);
    read_space(reader);
    command->has_key = reader_left(reader) > 0;
    if (command->has_key)
        read_key_text(reader, &command->key);
}

static void write_allow(struct writer *writer, const struct agent_command *command) {
    write_id(writer, &command->queue_id);
    write_space(writer);
    if (command->has_key)
        write_key_text(writer, &command->key);
}

static void read_secure(struct reader *reader, struct agent_command *command) {
    read_id(reader, &command->queue_id);
    read_space(reader);
    read_key_text(reader, &command->key);
}

static void write_secure(struct writer *writer, const struct agent_command *command) {
    write_id(writer, &command->queue_id);
    write_space(writer);
    write_key_text(writer, &command->key);
}

/* ---- the table ---- */

static const char *const kinds[] = {"INTERNAL", "CLIENT"};

static const struct command_row {
    const char *text;
    bool client;
    read_parameters *read; /* NULL: no parameters, and no space */
    write_parameters *write;
} rows[AGENT_COMMAND_COUNT] = {
    [AGENT_COMMAND_NEW] = {"NEW", true, read_new, write_new},
    [AGENT_COMMAND_LSET] = {"LSET", true, read_lset, write_lset},
    [AGENT_COMMAND_LGET] = {"LGET", true, read_link, write_link},
    [AGENT_COMMAND_JOIN] = {"JOIN", true, read_join, write_join},
    [AGENT_COMMAND_LET] = {"LET", true, read_let, write_let},
    [AGENT_COMMAND_ACK] = {"ACK", true, read_ack, write_ack},
    [AGENT_COMMAND_SWCH] = {"SWCH", true, NULL, NULL},
    [AGENT_COMMAND_DEL] = {"DEL", true, NULL, NULL},
    [AGENT_INTERNAL_ACK] = {"ACK", false, read_internal_ack, write_internal_ack},
    [AGENT_INTERNAL_ACK_DEL] = {"ACK_DEL", false, read_ack_delete, write_ack_delete},
    [AGENT_INTERNAL_ALLOW_SECURE] = {"ALLOW_SECURE", false, read_allow, write_allow},
    [AGENT_INTERNAL_DUPLEX_SECURE] = {"DUPLEX_SECURE", false, read_secure, write_secure},
    [AGENT_INTERNAL_DELETE_CONN] = {"DELETE_CONN", false, NULL, NULL},
    [AGENT_INTERNAL_DELETE_RCV_QUEUE] = {"DELETE_RCV_QUEUE", false, read_queue, write_queue},
    [AGENT_INTERNAL_QSECURE] = {"QSECURE", false, read_secure, write_secure},
    [AGENT_INTERNAL_QDELETE] = {"QDELETE", false, read_queue, write_queue},
};

static const struct command_row *find_row(bool client, struct slice tag) {
    for (size_t i = 0; i < AGENT_COMMAND_COUNT; i++)
        if (rows[i].client == client && slice_equal(tag, slice_of_text(rows[i].text)))
            return &rows[i];
    return NULL;
}

enum smq_result agent_command_parse(struct slice text, struct agent_command *command) {
    struct reader reader = reader_of(text);
    memset(command, 0, sizeof *command);
    bool client = READ_TAG(&reader, kinds) == 1;
    read_space(&reader);
    const struct command_row *row = find_row(client, read_until(&reader, ' '));
    if (reader.failed || row == NULL)
        return SMQ_ERR_SYNTAX;
    command->tag = (enum agent_command_tag)(row - rows);
    if (row->read != NULL) {
        read_space(&reader);
        row->read(&reader, command);
    }
    return reader_finish(&reader);
}

void write_agent_command(struct writer *writer, const struct agent_command *command) {
    if (command->tag >= AGENT_COMMAND_COUNT) {
        writer_fail(writer);
        return;
    }
    const struct command_row *row = &rows[command->tag];
    WRITE_TAG(writer, kinds, row->client);
    write_space(writer);
    write_text(writer, row->text);
    if (row->write != NULL) {
        write_space(writer);
        row->write(writer, command);
    }
}
