/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_notifier: the handle of whoever subscribes to a queue's notifications. */
#include <string.h>

#include "actors/client/smp/queues.h"
#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"

enum { NOTIFIER_MAGIC = MAGIC('n', 't', 'f', 'r'), NOTIFIER_FORMAT = 1, NOTIFIER_EXPORT_MAX = 512 };

enum smq_result notifier_create(const struct private_key *key, const struct box_key *metadata_key, struct slice id,
                                struct smq_notifier **notifier) {
    if (id.length > SMQ_ID_MAX)
        return SMQ_ERR_INVALID;
    struct smq_notifier *made = memory_zalloc(sizeof(*made) + id.length);
    if (made == NULL)
        return SMQ_ERR_NO_MEMORY;
    queue_key_init(&made->key);
    enum smq_result result = queue_key_set(&made->key, key);
    if (result != SMQ_OK) {
        queue_key_destroy(&made->key);
        memory_free(made);
        return result;
    }
    atomic_init(&made->references, 1);
    made->metadata_key = *metadata_key;
    made->id_length = (uint8_t)id.length;
    memcpy(made->id, id.bytes, id.length);
    MAGIC_SET(made, NOTIFIER_MAGIC);
    *notifier = made;
    return SMQ_OK;
}

bool notifier_is_valid(const struct smq_notifier *notifier) {
    return MAGIC_IS(notifier, NOTIFIER_MAGIC);
}

struct smq_notifier *smq_notifier_reference(struct smq_notifier *notifier) {
    if (!MAGIC_IS(notifier, NOTIFIER_MAGIC))
        return NULL;
    atomic_fetch_add_explicit(&notifier->references, 1, memory_order_relaxed);
    return notifier;
}

void smq_notifier_release(struct smq_notifier **notifier) {
    if (notifier == NULL)
        return;
    struct smq_notifier *released = *notifier;
    *notifier = NULL;
    if (!MAGIC_IS(released, NOTIFIER_MAGIC))
        return;
    if (atomic_fetch_sub_explicit(&released->references, 1, memory_order_acq_rel) == 1) {
        MAGIC_CLEAR(released);
        queue_key_destroy(&released->key);
        box_key_wipe(&released->metadata_key);
        memory_free(released);
    }
}

struct smq_bytes smq_notifier_id(const struct smq_notifier *notifier) {
    if (!MAGIC_IS(notifier, NOTIFIER_MAGIC))
        return (struct smq_bytes){NULL, 0};
    return (struct smq_bytes){notifier->id, notifier->id_length};
}

/* Layout: format, 'N', algorithm, `ss` raw private key, 32 bytes metadata key, `ss` id. */
enum smq_result smq_notifier_export(const struct smq_notifier *notifier, uint8_t *buffer, size_t *size) {
    if (!MAGIC_IS(notifier, NOTIFIER_MAGIC))
        return SMQ_ERR_INVALID;
    uint8_t bytes[NOTIFIER_EXPORT_MAX];
    struct writer writer = writer_of(bytes, sizeof(bytes));
    write_u8(&writer, NOTIFIER_FORMAT);
    write_u8(&writer, 'N');
    write_u8(&writer, (uint8_t)notifier->key.pair.private_key.algorithm);
    write_short(&writer, slice_of(notifier->key.pair.private_key.bytes, notifier->key.pair.private_key.length));
    write_bytes(&writer, notifier->metadata_key.bytes, BOX_KEY_SIZE);
    write_short(&writer, slice_of(notifier->id, notifier->id_length));
    enum smq_result result = writer_finish(&writer);
    if (result == SMQ_OK)
        result = copy_out(slice_of(bytes, writer_length(&writer)), buffer, size);
    secret_wipe(bytes, sizeof(bytes));
    return result;
}

enum smq_result smq_notifier_import(const uint8_t *bytes, size_t length, struct smq_notifier **notifier) {
    if (bytes == NULL || notifier == NULL)
        return SMQ_ERR_INVALID;
    struct reader reader = reader_of(slice_of(bytes, length));
    if (read_u8(&reader) > NOTIFIER_FORMAT)
        return SMQ_ERR_VERSION;
    read_literal(&reader, "N");
    enum key_algorithm algorithm = read_key_algorithm(&reader);
    struct slice raw = read_short(&reader);
    struct slice metadata = read_bytes(&reader, BOX_KEY_SIZE);
    struct slice id = read_short(&reader);
    struct private_key key;
    if (reader_finish(&reader) != SMQ_OK || private_key_of_raw(algorithm, raw, &key) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    struct box_key metadata_key;
    memcpy(metadata_key.bytes, metadata.bytes, BOX_KEY_SIZE);
    enum smq_result result = notifier_create(&key, &metadata_key, id, notifier);
    private_key_wipe(&key);
    box_key_wipe(&metadata_key);
    return result == SMQ_ERR_INVALID ? SMQ_ERR_SYNTAX : result;
}
