/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Records against the protocol's sizes, keys and texts. */
#include "bin/smp-server/smp_import_check.h"

#include "transport/crypto/box.h"
#include "transport/crypto/keys.h"
#include "transport/crypto/message_body.h"
#include "transport/crypto/notification_meta.h"
#include "transport/smp/blocking_info.h"
#include "transport/smp/limits.h"

static const char bad_id[] = "an id of another length than the router's; skipped";
static const char bad_key[] = "a key that is none; skipped";

static bool is_id(struct slice id) {
    return id.length == SMP_ENTITY_ID_SIZE;
}

static bool is_id_or_none(struct slice id) {
    return id.length == 0 || is_id(id);
}

/* What queues may have as a key. */
static bool is_key(struct slice der) {
    struct public_key key;
    return public_key_parse(der, &key) == SMQ_OK && key.algorithm != KEY_X448;
}

static bool is_key_or_none(struct slice der) {
    return der.length == 0 || is_key(der);
}

static bool are_keys(struct slice list) {
    struct reader reader = reader_of(list);
    (void)read_u8(&reader);
    while (reader_left(&reader) > 0)
        if (!is_key(read_short(&reader)))
            return false;
    return true;
}

static bool is_blocking(struct slice text) {
    struct smp_blocking_info info;
    struct reader reader = reader_of(text);
    smp_blocking_info_read(&reader, &info);
    return reader_finish(&reader) == SMQ_OK;
}

/* Fields that the kind does not set are empty. */
const char *smp_import_check_record(enum smp_log_kind kind, const struct smp_log_record *record) {
    const struct queue_record *queue = &record->queue;
    if (kind == SMP_LOG_NEW_SERVICE)
        return is_id(record->service.id) && record->service.fingerprint.length == SMP_FINGERPRINT_SIZE ? NULL : bad_id;
    if (!is_id(queue->recipient_id) || !is_id_or_none(queue->sender_id) || !is_id_or_none(queue->notifier.id) ||
        (kind == SMP_LOG_CREATE && queue->sender_id.length == 0))
        return bad_id;
    if (!are_keys(queue->recipient_keys) || !is_key_or_none(queue->sender_key) || !is_key_or_none(queue->notifier.key))
        return bad_key;
    if (queue->status == QUEUE_BLOCKED && !is_blocking(queue->status_info))
        return "a notice of blocking that is none; skipped";
    return NULL;
}

const char *smp_import_check_message(const struct smp_log_message *message) {
    if (message->id.length != MESSAGE_ID_SIZE)
        return bad_id;
    return message->body.length <= smp_message_limit(0) ? NULL : "a body that is too long; skipped";
}

const char *smp_import_check_notification(const struct smp_log_notification *notification) {
    if (notification->nonce.length == BOX_NONCE_SIZE && notification->meta.length == NOTIFICATION_META_SIZE)
        return NULL;
    return "a notification of another length than the router's; skipped";
}
