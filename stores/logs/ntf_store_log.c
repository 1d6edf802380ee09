/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Records of ntf-server-store.log. */
#include "stores/logs/ntf_store_log.h"

#include <string.h>

#include "queues/base/text.h"

/* ---- texts ---- */

/* The text up to where `stop` begins, at least one character; `stop` is taken too. */
static struct slice read_text_before(struct reader *reader, const char *stop) {
    const uint8_t *start = reader->position;
    const uint8_t *end = memmem(start, reader_left(reader), stop, strlen(stop));
    if (end == NULL || end == start)
        reader_fail(reader);
    else
        (void)read_bytes(reader, (size_t)(end - start) + strlen(stop));
    return reader->failed ? slice_of("", 0) : slice_of(start, (size_t)(end - start));
}

/* A text at the end of the line, without `ending` if it ends so: `has` tells. */
static struct slice read_text_to_end(struct reader *reader, const char *ending, bool *has) {
    struct slice text = read_tail(reader);
    size_t length = strlen(ending);
    *has = text.length > length && memcmp(text.bytes + text.length - length, ending, length) == 0;
    if (*has)
        text.length -= length;
    if (text.length == 0)
        reader_fail(reader);
    return text;
}

static void write_named(struct writer *writer, const char *name, struct slice bytes) {
    write_text(writer, name);
    log_write_bytes(writer, bytes);
}

static void write_text_field(struct writer *writer, const char *name, struct slice text) {
    write_text(writer, name);
    write_slice(writer, text);
}

static void read_identified(struct log_reader *reader, struct ntf_log_record *record) {
    read_literal(&reader->text, " ");
    record->id = log_read_id(reader);
}

/* ---- tokens ---- */

static void read_token_create(struct log_reader *reader, void *target) {
    struct ntf_log_record *record = target;
    struct reader *text = &reader->text;
    read_literal(text, " tknId=");
    record->id = log_read_id(reader);
    read_literal(text, " token=");
    record->device_token = read_text_before(text, " tokenStatus=");
    record->status = read_text_before(text, " verifyKey=");
    record->verify_key = log_read_bytes(reader);
    read_literal(text, " dhKeys=");
    record->dh_public_key = log_read_bytes(reader);
    read_literal(text, " ");
    record->dh_private_key = log_read_bytes(reader);
    read_literal(text, " dhSecret=");
    record->dh_secret = log_read_fixed(reader, NTF_LOG_SECRET_SIZE);
    read_literal(text, " regCode=");
    record->code = log_read_id(reader);
    read_literal(text, " cron=");
    record->cron = (uint16_t)read_decimal(text, UINT16_MAX);
    record->has_updated_day = read_if(text, " updatedAt=");
    if (record->has_updated_day)
        record->updated_day = log_read_day(reader);
}

static void write_token_create(struct writer *writer, const void *source) {
    const struct ntf_log_record *record = source;
    write_named(writer, " tknId=", record->id);
    write_text_field(writer, " token=", record->device_token);
    write_text_field(writer, " tokenStatus=", record->status);
    write_named(writer, " verifyKey=", record->verify_key);
    write_named(writer, " dhKeys=", record->dh_public_key);
    write_named(writer, " ", record->dh_private_key);
    write_named(writer, " dhSecret=", slice_of(record->dh_secret, NTF_LOG_SECRET_SIZE));
    write_named(writer, " regCode=", record->code);
    write_text(writer, " cron=");
    write_decimal(writer, record->cron);
    if (record->has_updated_day) {
        write_text(writer, " updatedAt=");
        log_write_day(writer, record->updated_day);
    }
}

static void read_token_status(struct log_reader *reader, void *target) {
    struct ntf_log_record *record = target;
    read_identified(reader, record);
    read_literal(&reader->text, " ");
    record->status = read_tail(&reader->text);
    if (record->status.length == 0)
        reader_fail(&reader->text);
}

static void write_token_status(struct writer *writer, const void *source) {
    const struct ntf_log_record *record = source;
    write_named(writer, " ", record->id);
    write_text_field(writer, " ", record->status);
}

/* The code is behind the last space: tokens of some providers have spaces. */
static void read_token_update(struct log_reader *reader, void *target) {
    struct ntf_log_record *record = target;
    read_identified(reader, record);
    read_literal(&reader->text, " ");
    const uint8_t *start = reader->text.position;
    const uint8_t *space = memrchr(start, ' ', reader_left(&reader->text));
    if (space == NULL || space == start) {
        reader_fail(&reader->text);
        return;
    }
    record->device_token = read_bytes(&reader->text, (size_t)(space - start));
    read_literal(&reader->text, " ");
    record->code = log_read_id(reader);
}

static void write_token_update(struct writer *writer, const void *source) {
    const struct ntf_log_record *record = source;
    write_named(writer, " ", record->id);
    write_text_field(writer, " ", record->device_token);
    write_named(writer, " ", record->code);
}

static void read_token_cron(struct log_reader *reader, void *target) {
    struct ntf_log_record *record = target;
    read_identified(reader, record);
    read_literal(&reader->text, " ");
    record->cron = (uint16_t)read_decimal(&reader->text, UINT16_MAX);
}

static void write_token_cron(struct writer *writer, const void *source) {
    const struct ntf_log_record *record = source;
    write_named(writer, " ", record->id);
    write_u8(writer, ' ');
    write_decimal(writer, record->cron);
}

static void read_only_id(struct log_reader *reader, void *target) {
    read_identified(reader, target);
}

static void write_only_id(struct writer *writer, const void *source) {
    write_named(writer, " ", ((const struct ntf_log_record *)source)->id);
}

static void read_token_time(struct log_reader *reader, void *target) {
    struct ntf_log_record *record = target;
    read_identified(reader, record);
    read_literal(&reader->text, " ");
    record->updated_day = log_read_day(reader);
}

static void write_token_time(struct writer *writer, const void *source) {
    const struct ntf_log_record *record = source;
    write_named(writer, " ", record->id);
    write_u8(writer, ' ');
    log_write_day(writer, record->updated_day);
}

/* ---- subscriptions ---- */

static void read_subscription_create(struct log_reader *reader, void *target) {
    struct ntf_log_record *record = target;
    struct reader *text = &reader->text;
    bool by_token = false;
    read_literal(text, " subId=");
    record->id = log_read_id(reader);
    read_literal(text, " smpQueue=");
    record->queue = read_text_before(text, " notifierKey=");
    record->notifier_key = log_read_bytes(reader);
    read_literal(text, " tknId=");
    record->token_id = log_read_id(reader);
    read_literal(text, " subStatus=");
    struct reader rest = *text;
    record->status = read_text_to_end(text, " serviceAssoc=T", &record->by_service);
    if (!record->by_service)
        record->status = read_text_to_end(&rest, " serviceAssoc=F", &by_token);
}

static void write_subscription_create(struct writer *writer, const void *source) {
    const struct ntf_log_record *record = source;
    write_named(writer, " subId=", record->id);
    write_text_field(writer, " smpQueue=", record->queue);
    write_named(writer, " notifierKey=", record->notifier_key);
    write_named(writer, " tknId=", record->token_id);
    write_text_field(writer, " subStatus=", record->status);
    write_text(writer, record->by_service ? " serviceAssoc=T" : " serviceAssoc=F");
}

static void read_subscription_status(struct log_reader *reader, void *target) {
    struct ntf_log_record *record = target;
    read_identified(reader, record);
    read_literal(&reader->text, " ");
    record->status = read_text_to_end(&reader->text, " service=T", &record->by_service);
}

static void write_subscription_status(struct writer *writer, const void *source) {
    const struct ntf_log_record *record = source;
    write_named(writer, " ", record->id);
    write_text_field(writer, " ", record->status);
    if (record->by_service)
        write_text(writer, " service=T");
}

/* ---- services ---- */

static void read_service(struct log_reader *reader, void *target) {
    struct ntf_log_record *record = target;
    read_literal(&reader->text, " ");
    record->server = read_text_before(&reader->text, " service=");
    struct reader off = reader->text;
    if (read_if(&off, "off") && reader_left(&off) == 0)
        reader->text = off;
    else
        record->service_id = log_read_id(reader);
}

static void write_service(struct writer *writer, const void *source) {
    const struct ntf_log_record *record = source;
    write_text_field(writer, " ", record->server);
    write_text(writer, record->service_id.length == 0 ? " service=off" : " service=");
    log_write_bytes(writer, record->service_id);
}

static const struct log_record_kind kinds[NTF_LOG_KIND_COUNT] = {
    [NTF_LOG_TOKEN_CREATE] = {"TCREATE", read_token_create, write_token_create},
    [NTF_LOG_TOKEN_STATUS] = {"TSTATUS", read_token_status, write_token_status},
    [NTF_LOG_TOKEN_UPDATE] = {"TUPDATE", read_token_update, write_token_update},
    [NTF_LOG_TOKEN_CRON] = {"TCRON", read_token_cron, write_token_cron},
    [NTF_LOG_TOKEN_DELETE] = {"TDELETE", read_only_id, write_only_id},
    [NTF_LOG_TOKEN_TIME] = {"TTIME", read_token_time, write_token_time},
    [NTF_LOG_SUBSCRIPTION_CREATE] = {"SCREATE", read_subscription_create, write_subscription_create},
    [NTF_LOG_SUBSCRIPTION_STATUS] = {"SSTATUS", read_subscription_status, write_subscription_status},
    [NTF_LOG_SUBSCRIPTION_DELETE] = {"SDELETE", read_only_id, write_only_id},
    [NTF_LOG_SERVICE] = {"SERVICE", read_service, write_service},
};

const struct log_record_table ntf_store_log = {kinds, NTF_LOG_KIND_COUNT, sizeof(struct ntf_log_record)};
