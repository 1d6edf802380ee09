/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* XFTP commands. */
#include "transport/xftp/command.h"

#include <string.h>

#include "transport/wire/address.h"
#include "transport/wire/encoding.h"

/* What follows the tag and its space. */
typedef void read_parameters(struct reader *reader, struct xftp_command *command);
typedef void write_parameters(struct writer *writer, const struct xftp_command *command);

static void read_new(struct reader *reader, struct xftp_command *command) {
    struct xftp_new *new = &command->create;
    authorization_key_read(reader, &new->sender_key);
    new->size = read_u32(reader);
    new->digest = read_short(reader);
    key_list_read(reader, &new->recipient_keys);
    new->has_password = read_maybe(reader);
    if (new->has_password)
        new->password = read_password(reader);
}

static void write_new(struct writer *writer, const struct xftp_command *command) {
    const struct xftp_new *new = &command->create;
    write_public_key(writer, &new->sender_key);
    write_u32(writer, new->size);
    write_short(writer, new->digest);
    key_list_write(writer, &new->recipient_keys);
    write_maybe_short(writer, new->has_password ? &new->password : NULL);
}

static void read_recipients(struct reader *reader, struct xftp_command *command) {
    key_list_read(reader, &command->recipient_keys);
}

static void write_recipients(struct writer *writer, const struct xftp_command *command) {
    key_list_write(writer, &command->recipient_keys);
}

static void read_get(struct reader *reader, struct xftp_command *command) {
    read_public_key_of(reader, KEY_X25519, &command->dh_key);
}

static void write_get(struct writer *writer, const struct xftp_command *command) {
    write_public_key(writer, &command->dh_key);
}

struct command_row {
    struct xftp_command_info info;
    read_parameters *read; /* NULL: no parameters */
    write_parameters *write;
};

/* clang-format off */
#define ROW(tag, party, credentials, body, read, write)                                                                \
    [XFTP_##tag] = {{#tag, XFTP_PARTY_##party, CREDENTIALS_##credentials, body}, read, write}

static const struct command_row rows[XFTP_COMMAND_COUNT] = {
    /*  tag   party      credentials  body   parameters */
    ROW(FNEW, CREATOR,   CREATE,      false, read_new,        write_new),
    ROW(FADD, SENDER,    BOTH,        false, read_recipients, write_recipients),
    ROW(FPUT, SENDER,    BOTH,        true,  NULL,            NULL),
    ROW(FDEL, SENDER,    BOTH,        false, NULL,            NULL),
    ROW(FGET, RECIPIENT, BOTH,        false, read_get,        write_get),
    ROW(FACK, RECIPIENT, BOTH,        false, NULL,            NULL),
    ROW(PING, NONE,      NONE,        false, NULL,            NULL),
};
/* clang-format on */

const struct xftp_command_info *xftp_command_info(enum xftp_command_tag tag) {
    return &rows[tag].info;
}

/* The row with this tag, NULL when there is none. */
static const struct command_row *find_row(struct slice text) {
    for (size_t i = 0; i < XFTP_COMMAND_COUNT; i++)
        if (slice_equal(text, slice_of_text(rows[i].info.text)))
            return &rows[i];
    return NULL;
}

enum smq_result xftp_command_parse(struct slice bytes, struct xftp_command *command, struct xftp_error *error) {
    struct reader reader = reader_of(bytes);
    const struct command_row *row = find_row(read_until(&reader, ' '));

    memset(command, 0, sizeof *command);
    if (row == NULL) {
        *error = xftp_error_command(COMMAND_UNKNOWN);
        return SMQ_ERR_SYNTAX;
    }
    command->tag = (enum xftp_command_tag)(row - rows);
    if (row->read != NULL) {
        read_space(&reader);
        row->read(&reader, command);
    }
    if (reader_finish(&reader) != SMQ_OK) {
        *error = xftp_error_command(COMMAND_SYNTAX);
        return SMQ_ERR_SYNTAX;
    }
    *error = xftp_error_of(XFTP_ERROR_NONE);
    return SMQ_OK;
}

void xftp_command_write(struct writer *writer, const struct xftp_command *command) {
    if (command->tag >= XFTP_COMMAND_COUNT) {
        writer_fail(writer);
        return;
    }
    const struct command_row *row = &rows[command->tag];
    write_text(writer, row->info.text);
    if (row->write != NULL) {
        write_space(writer);
        row->write(writer, command);
    }
}

enum smq_result xftp_command_check_credentials(const struct xftp_command *command, bool has_authorization,
                                               bool has_entity, struct xftp_error *error) {
    enum command_error broken;
    bool holds = credentials_hold(rows[command->tag].info.credentials, has_authorization, has_entity, &broken);
    *error = holds ? xftp_error_of(XFTP_ERROR_NONE) : xftp_error_command(broken);
    return holds ? SMQ_OK : SMQ_ERR_AUTH;
}
