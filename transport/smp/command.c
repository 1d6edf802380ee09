/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMP commands: the table of all commands, their parsing and writing. */
#include "transport/smp/command.h"

#include <string.h>

#include "transport/smp/command_parameters.h"

struct command_row {
    struct smp_command_info info;
    smp_read_parameters *read; /* NULL: no parameters */
    smp_write_parameters *write;
};

/* clang-format off */
#define COMMAND(tag, party, credentials, key, role, signature, forwardable, version, read, write)                      \
    [SMP_##tag] = {{#tag, SMP_PARTY_##party, CREDENTIALS_##credentials, SMP_KEY_##key, SMP_ROLE_##role, signature, \
                    forwardable, version}, read, write}
#define PLAIN NULL, NULL
#define WITH(parameters) smp_read_##parameters, smp_write_##parameters
#define ROW(...) COMMAND(__VA_ARGS__) /* expands PLAIN and WITH first */

static const struct command_row rows[SMP_COMMAND_COUNT] = {
    /*                                                                service    forward-
     *  tag    party              credentials  key         role       signature  able    since  parameters */
    ROW(NEW,   CREATOR,           CREATE,      IN_COMMAND, MESSAGING, true,      false,     6,  WITH(new)),
    ROW(SUB,   RECIPIENT,         BOTH,        RECIPIENT,  MESSAGING, true,      false,     6,  PLAIN),
    ROW(SUBS,  RECIPIENT_SERVICE, BOTH,        SERVICE,    MESSAGING, false,     false,    16,  PLAIN),
    ROW(KEY,   RECIPIENT,         BOTH,        RECIPIENT,  MESSAGING, false,     false,     6,  WITH(sender_key)),
    ROW(RKEY,  RECIPIENT,         BOTH,        RECIPIENT,  MESSAGING, false,     false,    15,  WITH(key_list)),
    ROW(LSET,  RECIPIENT,         BOTH,        RECIPIENT,  MESSAGING, false,     false,    15,  WITH(link_set)),
    ROW(LDEL,  RECIPIENT,         BOTH,        RECIPIENT,  MESSAGING, false,     false,    15,  PLAIN),
    ROW(NKEY,  RECIPIENT,         BOTH,        RECIPIENT,  MESSAGING, false,     false,     6,  WITH(notifier)),
    ROW(NDEL,  RECIPIENT,         BOTH,        RECIPIENT,  MESSAGING, false,     false,     6,  PLAIN),
    ROW(GET,   RECIPIENT,         BOTH,        RECIPIENT,  MESSAGING, false,     false,     6,  PLAIN),
    ROW(ACK,   RECIPIENT,         BOTH,        RECIPIENT,  MESSAGING, false,     false,     6,  WITH(message_id)),
    ROW(OFF,   RECIPIENT,         BOTH,        RECIPIENT,  MESSAGING, false,     false,     6,  PLAIN),
    ROW(DEL,   RECIPIENT,         BOTH,        RECIPIENT,  MESSAGING, false,     false,     6,  PLAIN),
    ROW(QUE,   RECIPIENT,         BOTH,        RECIPIENT,  MESSAGING, false,     false,     6,  PLAIN),
    ROW(SKEY,  SENDER,            BOTH,        IN_COMMAND, MESSAGING, false,     true,      9,  WITH(sender_key)),
    ROW(SEND,  SENDER,            ENTITY,      SENDER,     MESSAGING, false,     true,      6,  WITH(send)),
    ROW(LKEY,  SENDER_LINK,       BOTH,        IN_COMMAND, MESSAGING, false,     true,     15,  WITH(sender_key)),
    ROW(LGET,  SENDER_LINK,       ENTITY_ONLY, NONE,       MESSAGING, false,     true,     15,  PLAIN),
    ROW(NSUB,  NOTIFIER,          BOTH,        NOTIFIER,   NOTIFIER,  true,      false,     6,  PLAIN),
    ROW(NSUBS, NOTIFIER_SERVICE,  BOTH,        SERVICE,    NOTIFIER,  false,     false,    16,  PLAIN),
    ROW(PING,  IDLE_CLIENT,       NONE,        NONE,       ANY,       false,     false,     6,  PLAIN),
    ROW(PRXY,  PROXIED_CLIENT,    NONE,        NONE,       MESSAGING, false,     false,     8,  WITH(proxy)),
    ROW(PFWD,  PROXIED_CLIENT,    ENTITY_ONLY, NONE,       MESSAGING, false,     false,     8,  WITH(forward)),
    ROW(RFWD,  PROXY,             NONE,        NONE,       PROXY,     false,     false,     8,  WITH(payload)),
};
/* clang-format on */

const struct smp_command_info *smp_command_info(enum smp_command_tag tag) {
    return &rows[tag].info;
}

/* The row with this tag, NULL when there is none. */
static const struct command_row *find_row(struct slice text) {
    for (size_t i = 0; i < SMP_COMMAND_COUNT; i++)
        if (slice_equal(text, slice_of_text(rows[i].info.text)))
            return &rows[i];
    return NULL;
}

enum smq_result smp_command_parse(uint16_t version, struct slice bytes, struct smp_command *command,
                                  struct smp_error *error) {
    struct reader reader = reader_of(bytes);
    const struct command_row *row = find_row(read_until(&reader, ' '));

    memset(command, 0, sizeof *command);
    if (row == NULL) {
        *error = smp_error_command(COMMAND_UNKNOWN);
        return SMQ_ERR_SYNTAX;
    }
    command->tag = (enum smp_command_tag)(row - rows);
    if (row->read != NULL)
        row->read(version, &reader, command);
    if (reader_finish(&reader) != SMQ_OK) {
        *error = smp_error_command(COMMAND_SYNTAX);
        return SMQ_ERR_SYNTAX;
    }
    *error = smp_error_of(SMP_ERROR_NONE);
    return SMQ_OK;
}

void smp_command_write(uint16_t version, const struct smp_command *command, struct writer *writer) {
    if (command->tag >= SMP_COMMAND_COUNT) {
        writer_fail(writer);
        return;
    }
    const struct command_row *row = &rows[command->tag];
    write_text(writer, row->info.text);
    if (row->write != NULL)
        row->write(version, writer, command);
}

enum smq_result smp_command_check_credentials(const struct smp_command *command, bool has_authorization,
                                              bool has_entity, struct smp_error *error) {
    enum command_error broken;
    bool holds = credentials_hold(rows[command->tag].info.credentials, has_authorization, has_entity, &broken);
    *error = holds ? smp_error_of(SMP_ERROR_NONE) : smp_error_command(broken);
    return holds ? SMQ_OK : SMQ_ERR_AUTH;
}
