/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* NTF commands. */
#include "transport/ntf/command.h"

#include <string.h>

#include "transport/block/key_list.h"
#include "transport/wire/encoding.h"

typedef void read_parameters(struct reader *reader, struct ntf_command *command);
typedef void write_parameters(struct writer *writer, const struct ntf_command *command);

/* What a new thing is, in front of its fields. */
enum { NEW_TOKEN = 'T', NEW_SUBSCRIPTION = 'S' };

static void read_new(struct reader *reader, uint8_t kind) {
    if (read_u8(reader) != kind)
        reader_fail(reader);
}

/* ---- parameters ---- */

static void read_token_new(struct reader *reader, struct ntf_command *command) {
    read_new(reader, NEW_TOKEN);
    read_device_token(reader, &command->token_new.device);
    authorization_key_read(reader, &command->token_new.verify_key);
    read_public_key_of(reader, KEY_X25519, &command->token_new.dh_key);
}

static void write_token_new(struct writer *writer, const struct ntf_command *command) {
    write_u8(writer, NEW_TOKEN);
    write_device_token(writer, &command->token_new.device);
    write_public_key(writer, &command->token_new.verify_key);
    write_public_key(writer, &command->token_new.dh_key);
}

static void read_code(struct reader *reader, struct ntf_command *command) {
    command->code = read_short(reader);
}

static void write_code(struct writer *writer, const struct ntf_command *command) {
    write_short(writer, command->code);
}

static void read_device(struct reader *reader, struct ntf_command *command) {
    read_device_token(reader, &command->device);
}

static void write_device(struct writer *writer, const struct ntf_command *command) {
    write_device_token(writer, &command->device);
}

static void read_minutes(struct reader *reader, struct ntf_command *command) {
    command->cron_minutes = read_u16(reader);
}

static void write_minutes(struct writer *writer, const struct ntf_command *command) {
    write_u16(writer, command->cron_minutes);
}

static void read_subscription_new(struct reader *reader, struct ntf_command *command) {
    read_new(reader, NEW_SUBSCRIPTION);
    command->subscription_new.token_id = read_short(reader);
    read_ntf_queue(reader, &command->subscription_new.queue);
    struct slice key = read_short(reader);
    if (private_key_parse(key, &command->subscription_new.notifier_key) != SMQ_OK ||
        !key_authorizes_queues(command->subscription_new.notifier_key.algorithm))
        reader_fail(reader);
}

static void write_subscription_new(struct writer *writer, const struct ntf_command *command) {
    write_u8(writer, NEW_SUBSCRIPTION);
    write_short(writer, command->subscription_new.token_id);
    write_ntf_queue(writer, &command->subscription_new.queue);
    uint8_t *length = write_reserve(writer, 1);
    const uint8_t *start = writer->position;
    write_private_key_der(writer, &command->subscription_new.notifier_key);
    if (length != NULL)
        *length = (uint8_t)(writer->position - start);
}

/* ---- the table ---- */

struct command_row {
    struct ntf_command_info info;
    read_parameters *read; /* NULL: no parameters */
    write_parameters *write;
};

/* clang-format off */
#define COMMAND(tag, entity, credentials, key, read, write) \
    [NTF_##tag] = {{#tag, NTF_ENTITY_##entity, CREDENTIALS_##credentials, NTF_KEY_##key}, read, write}
#define PLAIN NULL, NULL
#define WITH(parameters) read_##parameters, write_##parameters
#define ROW(...) COMMAND(__VA_ARGS__) /* expands PLAIN and WITH first */

static const struct command_row rows[NTF_COMMAND_COUNT] = {
    /*  tag   entity        credentials  key            parameters */
    ROW(TNEW, NONE,         CREATE,      IN_COMMAND,    WITH(token_new)),
    ROW(TVFY, TOKEN,        BOTH,        TOKEN,         WITH(code)),
    ROW(TCHK, TOKEN,        BOTH,        TOKEN,         PLAIN),
    ROW(TRPL, TOKEN,        BOTH,        TOKEN,         WITH(device)),
    ROW(TDEL, TOKEN,        BOTH,        TOKEN,         PLAIN),
    ROW(TCRN, TOKEN,        BOTH,        TOKEN,         WITH(minutes)),
    ROW(SNEW, NONE,         CREATE,      NAMED_TOKEN,   WITH(subscription_new)),
    ROW(SCHK, SUBSCRIPTION, BOTH,        SUBSCRIPTION,  PLAIN),
    ROW(SDEL, SUBSCRIPTION, BOTH,        SUBSCRIPTION,  PLAIN),
    ROW(PING, NONE,         NONE,        NONE,          PLAIN),
};
/* clang-format on */

const struct ntf_command_info *ntf_command_info(enum ntf_command_tag tag) {
    return &rows[tag].info;
}

static const struct command_row *find_row(struct slice text) {
    for (size_t i = 0; i < NTF_COMMAND_COUNT; i++)
        if (slice_equal(text, slice_of_text(rows[i].info.text)))
            return &rows[i];
    return NULL;
}

enum smq_result ntf_command_parse(struct slice bytes, struct ntf_command *command, struct smp_error *error) {
    struct reader reader = reader_of(bytes);
    const struct command_row *row = find_row(read_until(&reader, ' '));

    memset(command, 0, sizeof *command);
    if (row == NULL) {
        *error = smp_error_command(COMMAND_UNKNOWN);
        return SMQ_ERR_SYNTAX;
    }
    command->tag = (enum ntf_command_tag)(row - rows);
    if (row->read != NULL) {
        read_space(&reader);
        row->read(&reader, command);
    }
    if (reader_finish(&reader) != SMQ_OK) {
        ntf_command_wipe(command);
        *error = smp_error_command(COMMAND_SYNTAX);
        return SMQ_ERR_SYNTAX;
    }
    *error = smp_error_of(SMP_ERROR_NONE);
    return SMQ_OK;
}

void ntf_command_write(const struct ntf_command *command, struct writer *writer) {
    if (command->tag >= NTF_COMMAND_COUNT) {
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

void ntf_command_wipe(struct ntf_command *command) {
    if (command->tag == NTF_SNEW)
        private_key_wipe(&command->subscription_new.notifier_key);
}

enum smq_result ntf_command_check_credentials(const struct ntf_command *command, bool has_authorization,
                                              bool has_entity, struct smp_error *error) {
    enum command_error broken;
    bool holds = credentials_hold(rows[command->tag].info.credentials, has_authorization, has_entity, &broken);
    *error = holds ? smp_error_of(SMP_ERROR_NONE) : smp_error_command(broken);
    return holds ? SMQ_OK : SMQ_ERR_AUTH;
}
