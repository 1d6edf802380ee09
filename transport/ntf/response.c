/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* NTF responses. */
#include "transport/ntf/response.h"

#include <string.h>

#include "transport/smp/response.h"
#include "transport/wire/encoding.h"

typedef void read_parameters(struct reader *reader, struct ntf_response *response);
typedef void write_parameters(uint16_t version, struct writer *writer, const struct ntf_response *response);

/* ---- parameters ---- */

static void read_token(struct reader *reader, struct ntf_response *response) {
    response->token.id = read_short(reader);
    read_public_key_of(reader, KEY_X25519, &response->token.dh_key);
}

static void write_token(uint16_t version, struct writer *writer, const struct ntf_response *response) {
    (void)version;
    write_short(writer, response->token.id);
    write_public_key(writer, &response->token.dh_key);
}

static void read_subscription(struct reader *reader, struct ntf_response *response) {
    response->subscription_id = read_short(reader);
}

static void write_subscription(uint16_t version, struct writer *writer, const struct ntf_response *response) {
    (void)version;
    write_short(writer, response->subscription_id);
}

static void read_error(struct reader *reader, struct ntf_response *response) {
    smp_error_read(reader, &response->error);
}

static void write_error(uint16_t version, struct writer *writer, const struct ntf_response *response) {
    (void)version;
    smp_error_write(writer, &response->error);
}

static void read_token_status(struct reader *reader, struct ntf_response *response) {
    read_ntf_token_status(reader, &response->token_status);
}

static void write_token_status(uint16_t version, struct writer *writer, const struct ntf_response *response) {
    struct ntf_token_status status = response->token_status;
    if (version < NTF_VERSION_INVALID_REASON)
        status.reason = NTF_INVALID_UNKNOWN;
    write_ntf_token_status(writer, status);
}

static void read_subscription_status(struct reader *reader, struct ntf_response *response) {
    read_ntf_subscription_status(reader, &response->subscription_status);
}

static void write_subscription_status(uint16_t version, struct writer *writer, const struct ntf_response *response) {
    (void)version;
    write_ntf_subscription_status(writer, &response->subscription_status);
}

/* ---- the table ---- */

static const struct response_row {
    const char *text;
    enum smp_entity_rule entity;
    read_parameters *read; /* NULL: no parameters */
    write_parameters *write;
} rows[NTF_RESPONSE_COUNT] = {
    [NTF_IDTKN] = {"IDTKN", SMP_ENTITY_EMPTY, read_token, write_token},
    [NTF_IDSUB] = {"IDSUB", SMP_ENTITY_EMPTY, read_subscription, write_subscription},
    [NTF_OK] = {"OK", SMP_ENTITY_REQUIRED, NULL, NULL},
    [NTF_ERR] = {"ERR", SMP_ENTITY_ANY, read_error, write_error},
    [NTF_TKN] = {"TKN", SMP_ENTITY_REQUIRED, read_token_status, write_token_status},
    [NTF_SUB] = {"SUB", SMP_ENTITY_REQUIRED, read_subscription_status, write_subscription_status},
    [NTF_PONG] = {"PONG", SMP_ENTITY_EMPTY, NULL, NULL},
};

const char *ntf_response_tag_text(enum ntf_response_tag tag) {
    return rows[tag].text;
}

static const struct response_row *find_row(struct slice text) {
    for (size_t i = 0; i < NTF_RESPONSE_COUNT; i++)
        if (slice_equal(text, slice_of_text(rows[i].text)))
            return &rows[i];
    return NULL;
}

enum smq_result ntf_response_parse(struct slice bytes, struct ntf_response *response, struct smp_error *error) {
    struct reader reader = reader_of(bytes);
    const struct response_row *row = find_row(read_until(&reader, ' '));

    memset(response, 0, sizeof *response);
    if (row == NULL) {
        *error = smp_error_command(COMMAND_UNKNOWN);
        return SMQ_ERR_SYNTAX;
    }
    response->tag = (enum ntf_response_tag)(row - rows);
    if (row->read != NULL) {
        read_space(&reader);
        row->read(&reader, response);
    }
    if (reader_finish(&reader) != SMQ_OK) {
        *error = smp_error_command(COMMAND_SYNTAX);
        return SMQ_ERR_SYNTAX;
    }
    *error = smp_error_of(SMP_ERROR_NONE);
    return SMQ_OK;
}

void ntf_response_write(uint16_t version, const struct ntf_response *response, struct writer *writer) {
    if (response->tag >= NTF_RESPONSE_COUNT) {
        writer_fail(writer);
        return;
    }
    const struct response_row *row = &rows[response->tag];
    write_text(writer, row->text);
    if (row->write != NULL) {
        write_space(writer);
        row->write(version, writer, response);
    }
}

enum smq_result ntf_response_check_entity(const struct ntf_response *response, bool has_entity,
                                          struct smp_error *error) {
    return smp_entity_rule_check(rows[response->tag].entity, has_entity, error);
}
