/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMP responses and events: the table of all of them, their parsing and writing. */
#include "transport/smp/response.h"

#include <string.h>

#include "transport/wire/encoding.h"

typedef void read_parameters(uint16_t version, struct reader *reader, struct smp_response *response);
typedef void write_parameters(uint16_t version, struct writer *writer, const struct smp_response *response);

/* ---- IDS ---- */

static void read_queue_mode(struct reader *reader, struct smp_queue_ids *ids) {
    if (!read_maybe(reader))
        return;
    uint8_t mode = read_u8(reader);
    if (mode != SMP_MODE_MESSAGING && mode != SMP_MODE_CONTACT)
        reader_fail(reader);
    else
        ids->mode = (enum smp_queue_mode)mode;
}

static void read_ids(uint16_t version, struct reader *reader, struct smp_response *response) {
    struct smp_queue_ids *ids = &response->ids;
    ids->recipient_id = read_short(reader);
    ids->sender_id = read_short(reader);
    read_public_key_of(reader, KEY_X25519, &ids->dh_key);
    if (version >= SMP_VERSION_SHORT_LINKS) {
        read_queue_mode(reader, ids);
        ids->link_id = read_maybe_short(reader, &ids->has_link_id);
    } else if (version >= SMP_VERSION_SENDER_KEY) {
        ids->mode = read_bool(reader) ? SMP_MODE_MESSAGING : SMP_MODE_CONTACT;
    }
    if (version >= SMP_VERSION_SERVICE)
        ids->service_id = read_maybe_short(reader, &ids->has_service_id);
    if (version >= SMP_VERSION_NEW_NOTIFIER && read_maybe(reader)) {
        ids->has_notifier = true;
        ids->notifier_id = read_short(reader);
        read_public_key_of(reader, KEY_X25519, &ids->notifier_dh_key);
    }
}

static void write_ids(uint16_t version, struct writer *writer, const struct smp_response *response) {
    const struct smp_queue_ids *ids = &response->ids;
    write_short(writer, ids->recipient_id);
    write_short(writer, ids->sender_id);
    write_public_key(writer, &ids->dh_key);
    if (version >= SMP_VERSION_SHORT_LINKS) {
        write_maybe(writer, ids->mode != SMP_MODE_UNKNOWN);
        if (ids->mode != SMP_MODE_UNKNOWN)
            write_u8(writer, (uint8_t)ids->mode);
        write_maybe_short(writer, ids->has_link_id ? &ids->link_id : NULL);
    } else if (version >= SMP_VERSION_SENDER_KEY) {
        write_bool(writer, ids->mode == SMP_MODE_MESSAGING);
    }
    if (version >= SMP_VERSION_SERVICE)
        write_maybe_short(writer, ids->has_service_id ? &ids->service_id : NULL);
    if (version < SMP_VERSION_NEW_NOTIFIER)
        return;
    write_maybe(writer, ids->has_notifier);
    if (ids->has_notifier) {
        write_short(writer, ids->notifier_id);
        write_public_key(writer, &ids->notifier_dh_key);
    }
}

/* ---- the others ---- */

static void read_link(uint16_t version, struct reader *reader, struct smp_response *response) {
    (void)version;
    response->link.sender_id = read_short(reader);
    smp_link_data_read(reader, &response->link.data);
}

static void write_link(uint16_t version, struct writer *writer, const struct smp_response *response) {
    (void)version;
    write_short(writer, response->link.sender_id);
    smp_link_data_write(writer, &response->link.data);
}

static void read_service(uint16_t version, struct reader *reader, struct smp_response *response) {
    (void)version;
    response->service.id = read_maybe_short(reader, &response->service.present);
}

static void write_service(uint16_t version, struct writer *writer, const struct smp_response *response) {
    (void)version;
    write_maybe_short(writer, response->service.present ? &response->service.id : NULL);
}

static void read_counted(uint16_t version, struct reader *reader, struct smp_response *response) {
    (void)version;
    response->count = read_i64(reader);
}

static void write_counted(uint16_t version, struct writer *writer, const struct smp_response *response) {
    (void)version;
    write_i64(writer, response->count);
}

static void read_message(uint16_t version, struct reader *reader, struct smp_response *response) {
    (void)version;
    response->message.id = read_short(reader);
    response->message.body = read_tail(reader);
}

static void write_message(uint16_t version, struct writer *writer, const struct smp_response *response) {
    (void)version;
    write_short(writer, response->message.id);
    write_slice(writer, response->message.body);
}

static void read_notifier(uint16_t version, struct reader *reader, struct smp_response *response) {
    (void)version;
    response->notifier.id = read_short(reader);
    read_public_key_of(reader, KEY_X25519, &response->notifier.dh_key);
}

static void write_notifier(uint16_t version, struct writer *writer, const struct smp_response *response) {
    (void)version;
    write_short(writer, response->notifier.id);
    write_public_key(writer, &response->notifier.dh_key);
}

static void read_notification(uint16_t version, struct reader *reader, struct smp_response *response) {
    (void)version;
    response->notification.nonce = read_bytes(reader, SMP_NOTIFICATION_NONCE_SIZE);
    response->notification.metadata = read_short(reader);
}

static void write_notification(uint16_t version, struct writer *writer, const struct smp_response *response) {
    (void)version;
    if (response->notification.nonce.length != SMP_NOTIFICATION_NONCE_SIZE)
        writer_fail(writer);
    write_slice(writer, response->notification.nonce);
    write_short(writer, response->notification.metadata);
}

static void read_proxy_key(uint16_t version, struct reader *reader, struct smp_response *response) {
    (void)version;
    response->proxy_key.session_id = read_short(reader);
    response->proxy_key.versions = read_version_range(reader);
    chain_key_read(reader, &response->proxy_key.chain_key);
}

static void write_proxy_key(uint16_t version, struct writer *writer, const struct smp_response *response) {
    (void)version;
    write_short(writer, response->proxy_key.session_id);
    write_version_range(writer, response->proxy_key.versions);
    chain_key_write(writer, &response->proxy_key.chain_key);
}

static void read_payload(uint16_t version, struct reader *reader, struct smp_response *response) {
    (void)version;
    response->payload = read_tail(reader);
}

static void write_payload(uint16_t version, struct writer *writer, const struct smp_response *response) {
    (void)version;
    write_slice(writer, response->payload);
}

static void read_json(uint16_t version, struct reader *reader, struct smp_response *response) {
    (void)version;
    response->json = read_tail(reader);
    if (response->json.length == 0)
        reader_fail(reader);
}

static void write_json(uint16_t version, struct writer *writer, const struct smp_response *response) {
    (void)version;
    write_slice(writer, response->json);
}

static void read_error(uint16_t version, struct reader *reader, struct smp_response *response) {
    (void)version;
    smp_error_read(reader, &response->error);
}

static void write_error(uint16_t version, struct writer *writer, const struct smp_response *response) {
    struct smp_error adapted = smp_error_for_version(version, &response->error);
    smp_error_write(writer, &adapted);
}

/* ---- table ---- */

/* `read` and `write` work after the space that follows the tag; NULL: no parameters and no space. */
struct response_row {
    const char *text;
    enum smp_entity_rule entity;
    read_parameters *read;
    write_parameters *write;
};

static const struct response_row rows[SMP_RESPONSE_COUNT] = {
    [SMP_IDS] = {"IDS", SMP_ENTITY_ANY, read_ids, write_ids},
    [SMP_LNK] = {"LNK", SMP_ENTITY_REQUIRED, read_link, write_link},
    [SMP_SOK] = {"SOK", SMP_ENTITY_REQUIRED, read_service, write_service},
    [SMP_SOKS] = {"SOKS", SMP_ENTITY_REQUIRED, read_counted, write_counted},
    [SMP_MSG] = {"MSG", SMP_ENTITY_REQUIRED, read_message, write_message},
    [SMP_NID] = {"NID", SMP_ENTITY_REQUIRED, read_notifier, write_notifier},
    [SMP_NMSG] = {"NMSG", SMP_ENTITY_REQUIRED, read_notification, write_notification},
    [SMP_PKEY] = {"PKEY", SMP_ENTITY_EMPTY, read_proxy_key, write_proxy_key},
    [SMP_RRES] = {"RRES", SMP_ENTITY_EMPTY, read_payload, write_payload},
    [SMP_PRES] = {"PRES", SMP_ENTITY_REQUIRED, read_payload, write_payload},
    [SMP_END] = {"END", SMP_ENTITY_REQUIRED, NULL, NULL},
    [SMP_ENDS] = {"ENDS", SMP_ENTITY_REQUIRED, read_counted, write_counted},
    [SMP_DELD] = {"DELD", SMP_ENTITY_REQUIRED, NULL, NULL},
    [SMP_INFO] = {"INFO", SMP_ENTITY_REQUIRED, read_json, write_json},
    [SMP_OK] = {"OK", SMP_ENTITY_REQUIRED, NULL, NULL},
    [SMP_ERR] = {"ERR", SMP_ENTITY_ANY, read_error, write_error},
    [SMP_PONG] = {"PONG", SMP_ENTITY_EMPTY, NULL, NULL},
};

const char *smp_response_tag_text(enum smp_response_tag tag) {
    return rows[tag].text;
}

static const struct response_row *find_row(struct slice text) {
    for (size_t i = 0; i < SMP_RESPONSE_COUNT; i++)
        if (slice_equal(text, slice_of_text(rows[i].text)))
            return &rows[i];
    return NULL;
}

enum smq_result smp_response_parse(uint16_t version, struct slice bytes, struct smp_response *response,
                                   struct smp_error *error) {
    struct reader reader = reader_of(bytes);
    const struct response_row *row = find_row(read_until(&reader, ' '));

    memset(response, 0, sizeof *response);
    if (row == NULL) {
        *error = smp_error_command(COMMAND_UNKNOWN);
        return SMQ_ERR_SYNTAX;
    }
    response->tag = (enum smp_response_tag)(row - rows);
    if (row->read != NULL) {
        read_space(&reader);
        row->read(version, &reader, response);
    }
    if (reader_finish(&reader) != SMQ_OK) {
        *error = smp_error_command(COMMAND_SYNTAX);
        return SMQ_ERR_SYNTAX;
    }
    *error = smp_error_of(SMP_ERROR_NONE);
    return SMQ_OK;
}

/* The tag that a session of `version` knows the response by. */
static enum smp_response_tag tag_for_version(uint16_t version, enum smp_response_tag tag) {
    if (tag == SMP_SOK && version < SMP_VERSION_SERVICE)
        return SMP_OK;
    if (tag == SMP_DELD && version < SMP_VERSION_DELETED_EVENT)
        return SMP_END;
    return tag;
}

void smp_response_write(uint16_t version, const struct smp_response *response, struct writer *writer) {
    if (response->tag >= SMP_RESPONSE_COUNT) {
        writer_fail(writer);
        return;
    }
    const struct response_row *row = &rows[tag_for_version(version, response->tag)];
    write_text(writer, row->text);
    if (row->write != NULL) {
        write_space(writer);
        row->write(version, writer, response);
    }
}

/* Small responses dominate, so writing into a scratch block costs less than a second description of every layout
 * would. */
size_t smp_response_size(uint16_t version, const struct smp_response *response) {
    uint8_t scratch[SMP_BLOCK_SIZE];
    struct writer writer = writer_of(scratch, sizeof scratch);
    smp_response_write(version, response, &writer);
    return writer_finish(&writer) == SMQ_OK ? writer_length(&writer) : SIZE_MAX;
}

enum smq_result smp_entity_rule_check(enum smp_entity_rule rule, bool has_entity, struct smp_error *error) {
    *error = smp_error_of(SMP_ERROR_NONE);
    if (rule == SMP_ENTITY_EMPTY && has_entity)
        *error = smp_error_command(COMMAND_HAS_AUTH);
    else if (rule == SMP_ENTITY_REQUIRED && !has_entity)
        *error = smp_error_command(COMMAND_NO_ENTITY);
    return error->code == SMP_ERROR_NONE ? SMQ_OK : SMQ_ERR_PROTOCOL;
}

enum smq_result smp_response_check_entity(const struct smp_response *response, bool has_entity,
                                          struct smp_error *error) {
    return smp_entity_rule_check(rows[response->tag].entity, has_entity, error);
}

uint8_t *smp_message_reserve(struct writer *writer, struct slice message_id) {
    write_text(writer, rows[SMP_MSG].text);
    write_space(writer);
    write_short(writer, message_id);
    return write_reserve(writer, SMP_MESSAGE_BODY_SIZE);
}

uint8_t *smp_payload_reserve(struct writer *writer, enum smp_response_tag tag, size_t length) {
    write_text(writer, rows[tag].text);
    write_space(writer);
    return write_reserve(writer, length);
}

size_t smp_message_size(size_t message_id_length) {
    return strlen("MSG ") + 1 + message_id_length + SMP_MESSAGE_BODY_SIZE;
}

struct smp_response smp_response_ok(void) {
    struct smp_response response;
    memset(&response, 0, sizeof response);
    response.tag = SMP_OK;
    return response;
}

struct smp_response smp_response_error(struct smp_error error) {
    struct smp_response response = smp_response_ok();
    response.tag = SMP_ERR;
    response.error = error;
    return response;
}
