/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* XFTP responses. */
#include "transport/xftp/response.h"

#include <string.h>

#include "transport/wire/encoding.h"

/* What follows the tag and its space. */
typedef void read_parameters(struct reader *reader, struct xftp_response *response);
typedef void write_parameters(uint16_t version, struct writer *writer, const struct xftp_response *response);

enum entity_rule { ENTITY_ANY, ENTITY_EMPTY, ENTITY_REQUIRED };

/* ---- lists of ids ---- */

bool xftp_id_list_next(struct reader *reader, struct slice *id) {
    if (reader->failed || reader_left(reader) == 0)
        return false;
    *id = read_short(reader);
    return !reader->failed;
}

static void read_id_list(struct reader *reader, struct xftp_id_list *ids) {
    ids->count = read_count_nonempty(reader);
    const uint8_t *first = reader->position;
    for (uint8_t i = 0; i < ids->count && !reader->failed; i++)
        (void)read_short(reader);
    ids->encoded = slice_of(first, (size_t)(reader->position - first));
}

static void write_id_list(struct writer *writer, const struct xftp_id_list *ids) {
    if (ids->count == 0)
        writer_fail(writer);
    write_u8(writer, ids->count);
    write_slice(writer, ids->encoded);
}

/* ---- the responses ---- */

static void read_sender_ids(struct reader *reader, struct xftp_response *response) {
    response->ids.sender_id = read_short(reader);
    read_id_list(reader, &response->ids.recipient_ids);
}

static void write_sender_ids(uint16_t version, struct writer *writer, const struct xftp_response *response) {
    (void)version;
    write_short(writer, response->ids.sender_id);
    write_id_list(writer, &response->ids.recipient_ids);
}

static void read_recipient_ids(struct reader *reader, struct xftp_response *response) {
    read_id_list(reader, &response->recipient_ids);
}

static void write_recipient_ids(uint16_t version, struct writer *writer, const struct xftp_response *response) {
    (void)version;
    write_id_list(writer, &response->recipient_ids);
}

static void read_file(struct reader *reader, struct xftp_response *response) {
    read_public_key_of(reader, KEY_X25519, &response->file.dh_key);
    struct slice nonce = read_bytes(reader, BOX_NONCE_SIZE);
    if (!reader->failed)
        memcpy(response->file.nonce, nonce.bytes, BOX_NONCE_SIZE);
}

static void write_file(uint16_t version, struct writer *writer, const struct xftp_response *response) {
    (void)version;
    write_public_key(writer, &response->file.dh_key);
    write_bytes(writer, response->file.nonce, BOX_NONCE_SIZE);
}

static void read_error(struct reader *reader, struct xftp_response *response) {
    xftp_error_read(reader, &response->error);
}

static void write_error(uint16_t version, struct writer *writer, const struct xftp_response *response) {
    struct xftp_error told = xftp_error_for_version(version, &response->error);
    xftp_error_write(writer, &told);
}

static const struct response_row {
    const char *text;
    enum entity_rule entity;
    read_parameters *read; /* NULL: no parameters */
    write_parameters *write;
} rows[XFTP_RESPONSE_COUNT] = {
    [XFTP_SIDS] = {"SIDS", ENTITY_EMPTY, read_sender_ids, write_sender_ids},
    [XFTP_RIDS] = {"RIDS", ENTITY_REQUIRED, read_recipient_ids, write_recipient_ids},
    [XFTP_FILE] = {"FILE", ENTITY_REQUIRED, read_file, write_file},
    [XFTP_OK] = {"OK", ENTITY_REQUIRED, NULL, NULL},
    [XFTP_ERR] = {"ERR", ENTITY_ANY, read_error, write_error},
    [XFTP_PONG] = {"PONG", ENTITY_EMPTY, NULL, NULL},
};

const char *xftp_response_tag_text(enum xftp_response_tag tag) {
    return rows[tag].text;
}

/* The row with this tag, NULL when there is none. */
static const struct response_row *find_row(struct slice text) {
    for (size_t i = 0; i < XFTP_RESPONSE_COUNT; i++)
        if (slice_equal(text, slice_of_text(rows[i].text)))
            return &rows[i];
    return NULL;
}

enum smq_result xftp_response_parse(struct slice bytes, struct xftp_response *response, struct xftp_error *error) {
    struct reader reader = reader_of(bytes);
    const struct response_row *row = find_row(read_until(&reader, ' '));

    memset(response, 0, sizeof *response);
    if (row == NULL) {
        *error = xftp_error_command(COMMAND_UNKNOWN);
        return SMQ_ERR_SYNTAX;
    }
    response->tag = (enum xftp_response_tag)(row - rows);
    if (row->read != NULL) {
        read_space(&reader);
        row->read(&reader, response);
    }
    if (reader_finish(&reader) != SMQ_OK) {
        *error = xftp_error_command(COMMAND_SYNTAX);
        return SMQ_ERR_SYNTAX;
    }
    *error = xftp_error_of(XFTP_ERROR_NONE);
    return SMQ_OK;
}

void xftp_response_write(uint16_t version, struct writer *writer, const struct xftp_response *response) {
    if (response->tag >= XFTP_RESPONSE_COUNT) {
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

enum smq_result xftp_response_check_entity(const struct xftp_response *response, bool has_entity,
                                           struct xftp_error *error) {
    enum entity_rule rule = rows[response->tag].entity;
    *error = xftp_error_of(XFTP_ERROR_NONE);
    if (rule == ENTITY_EMPTY && has_entity)
        *error = xftp_error_command(COMMAND_HAS_AUTH);
    else if (rule == ENTITY_REQUIRED && !has_entity)
        *error = xftp_error_command(COMMAND_NO_ENTITY);
    return error->code == XFTP_ERROR_NONE ? SMQ_OK : SMQ_ERR_PROTOCOL;
}

struct xftp_response xftp_response_ok(void) {
    struct xftp_response response;
    memset(&response, 0, sizeof response);
    response.tag = XFTP_OK;
    return response;
}

struct xftp_response xftp_response_error(struct xftp_error error) {
    struct xftp_response response = xftp_response_ok();
    response.tag = XFTP_ERR;
    response.error = error;
    return response;
}
