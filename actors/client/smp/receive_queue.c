/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_receive_queue: the handle of a queue's recipient. */
#include <string.h>

#include "actors/client/smp/queues.h"
#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"

enum { RECEIVE_QUEUE_MAGIC = MAGIC('r', 'c', 'v', 'q'), RECEIVE_QUEUE_FORMAT = 1, EXPORT_MAX = 4096 };

static enum smq_result fill(struct smq_receive_queue *queue, const struct receive_queue_parts *parts) {
    struct key_pair envelope;
    enum smq_result result = queue_key_set(&queue->key, parts->key);
    if (result != SMQ_OK)
        return result;
    if (parts->envelope_key != NULL) {
        memcpy(queue->envelope_key, parts->envelope_key, DH_SECRET_SIZE);
    } else {
        result = key_pair_generate(KEY_X25519, &envelope);
        if (result != SMQ_OK)
            return result;
        memcpy(queue->envelope_key, envelope.private_key.bytes, DH_SECRET_SIZE);
        key_pair_wipe(&envelope);
    }
    if (parts->envelope_peer != NULL) {
        memcpy(queue->envelope_peer, parts->envelope_peer, DH_SECRET_SIZE);
        queue->has_envelope_peer = true;
    }
    queue->message_key = *parts->message_key;
    queue->mode = parts->mode;
    queue->recipient_id_length = (uint8_t)parts->recipient_id.length;
    queue->sender_id_length = (uint8_t)parts->sender_id.length;
    queue->link_id_length = (uint8_t)parts->link_id.length;
    struct writer ids =
        writer_of(queue->ids, parts->recipient_id.length + parts->sender_id.length + parts->link_id.length);
    write_slice(&ids, parts->recipient_id);
    write_slice(&ids, parts->sender_id);
    write_slice(&ids, parts->link_id);
    return SMQ_OK;
}

static void free_queue(struct smq_receive_queue *queue) {
    queue_key_destroy(&queue->key);
    box_key_wipe(&queue->message_key);
    secret_wipe(queue->envelope_key, sizeof(queue->envelope_key));
    memory_free(queue);
}

enum smq_result receive_queue_create(const struct receive_queue_parts *parts, struct smq_receive_queue **queue) {
    if (parts->recipient_id.length > SMQ_ID_MAX || parts->sender_id.length > SMQ_ID_MAX ||
        parts->link_id.length > SMQ_ID_MAX)
        return SMQ_ERR_INVALID;
    struct smq_receive_queue *made =
        memory_zalloc(sizeof(*made) + parts->recipient_id.length + parts->sender_id.length + parts->link_id.length);
    if (made == NULL)
        return SMQ_ERR_NO_MEMORY;
    queue_key_init(&made->key);
    enum smq_result result = fill(made, parts);
    if (result != SMQ_OK) {
        free_queue(made);
        return result;
    }
    atomic_init(&made->references, 1);
    made->router = router_address_reference(parts->router);
    made->notifier = parts->notifier;
    MAGIC_SET(made, RECEIVE_QUEUE_MAGIC);
    *queue = made;
    return SMQ_OK;
}

bool receive_queue_is_valid(const struct smq_receive_queue *queue) {
    return MAGIC_IS(queue, RECEIVE_QUEUE_MAGIC);
}

struct smq_receive_queue *smq_receive_queue_reference(struct smq_receive_queue *queue) {
    if (!MAGIC_IS(queue, RECEIVE_QUEUE_MAGIC))
        return NULL;
    atomic_fetch_add_explicit(&queue->references, 1, memory_order_relaxed);
    return queue;
}

void smq_receive_queue_release(struct smq_receive_queue **queue) {
    if (queue == NULL)
        return;
    struct smq_receive_queue *released = *queue;
    *queue = NULL;
    if (!MAGIC_IS(released, RECEIVE_QUEUE_MAGIC))
        return;
    if (atomic_fetch_sub_explicit(&released->references, 1, memory_order_acq_rel) == 1) {
        MAGIC_CLEAR(released);
        smq_notifier_release(&released->notifier);
        router_address_release(released->router);
        free_queue(released);
    }
}

struct smq_bytes smq_receive_queue_id(const struct smq_receive_queue *queue) {
    if (!MAGIC_IS(queue, RECEIVE_QUEUE_MAGIC))
        return (struct smq_bytes){NULL, 0};
    return (struct smq_bytes){queue->ids, queue->recipient_id_length};
}

struct smq_bytes smq_receive_queue_sender_id(const struct smq_receive_queue *queue) {
    if (!MAGIC_IS(queue, RECEIVE_QUEUE_MAGIC))
        return (struct smq_bytes){NULL, 0};
    return (struct smq_bytes){queue->ids + queue->recipient_id_length, queue->sender_id_length};
}

struct smq_bytes smq_receive_queue_link_id(const struct smq_receive_queue *queue) {
    if (!MAGIC_IS(queue, RECEIVE_QUEUE_MAGIC))
        return (struct smq_bytes){NULL, 0};
    return (struct smq_bytes){queue->ids + queue->recipient_id_length + queue->sender_id_length, queue->link_id_length};
}

enum smq_queue_mode smq_receive_queue_mode(const struct smq_receive_queue *queue) {
    if (!MAGIC_IS(queue, RECEIVE_QUEUE_MAGIC))
        return SMQ_MODE_MESSAGING;
    return queue->mode == QUEUE_MODE_CONTACT ? SMQ_MODE_CONTACT : SMQ_MODE_MESSAGING;
}

struct smq_notifier *smq_receive_queue_notifier(const struct smq_receive_queue *queue) {
    if (!MAGIC_IS(queue, RECEIVE_QUEUE_MAGIC))
        return NULL;
    return queue->notifier == NULL ? NULL : smq_notifier_reference(queue->notifier);
}

enum smq_result smq_receive_queue_public_key(const struct smq_receive_queue *queue, uint8_t *buffer, size_t *size) {
    if (!MAGIC_IS(queue, RECEIVE_QUEUE_MAGIC))
        return SMQ_ERR_INVALID;
    uint8_t der[KEY_SPKI_MAX];
    struct writer writer = writer_of(der, sizeof(der));
    write_public_key_der(&writer, &queue->key.pair.public_key);
    return copy_out(slice_of(der, writer_length(&writer)), buffer, size);
}

enum smq_result smq_receive_queue_address(const struct smq_receive_queue *queue, char *buffer, size_t size) {
    if (!MAGIC_IS(queue, RECEIVE_QUEUE_MAGIC) || buffer == NULL)
        return SMQ_ERR_INVALID;
    struct writer writer = writer_of(buffer, size);
    write_server_address_text(&writer, &queue->router->address, NULL, 0);
    write_u8(&writer, 0);
    return writer_finish(&writer);
}

static enum smq_result envelope_pair(const struct smq_receive_queue *queue, struct key_pair *pair) {
    struct private_key private_key;
    enum smq_result result =
        private_key_of_raw(KEY_X25519, slice_of(queue->envelope_key, DH_SECRET_SIZE), &private_key);
    if (result == SMQ_OK) {
        result = key_pair_of_private(&private_key, pair);
        private_key_wipe(&private_key);
    }
    return result;
}

enum smq_result smq_receive_queue_uri(const struct smq_receive_queue *queue, char *buffer, size_t size) {
    if (!MAGIC_IS(queue, RECEIVE_QUEUE_MAGIC) || buffer == NULL)
        return SMQ_ERR_INVALID;
    struct key_pair pair;
    enum smq_result result = envelope_pair(queue, &pair);
    if (result != SMQ_OK)
        return result;
    struct smq_bytes sender_id = smq_receive_queue_sender_id(queue);
    struct queue_uri uri = {.versions = {SMP_CLIENT_VERSION_MIN, SMP_CLIENT_VERSION_MAX},
                            .server = queue->router->address,
                            .sender_id_length = (uint8_t)sender_id.length,
                            .dh_key = pair.public_key,
                            .mode = queue->mode};
    key_pair_wipe(&pair);
    memcpy(uri.sender_id, sender_id.bytes, sender_id.length);
    struct writer writer = writer_of(buffer, size);
    write_queue_uri_text(&writer, &uri);
    write_u8(&writer, 0);
    return writer_finish(&writer);
}

enum smq_result smq_receive_queue_with_key(const struct smq_receive_queue *queue, struct smq_bytes private_key,
                                           struct smq_receive_queue **with_key) {
    if (!MAGIC_IS(queue, RECEIVE_QUEUE_MAGIC) || private_key.bytes == NULL || with_key == NULL)
        return SMQ_ERR_INVALID;
    struct private_key key;
    enum smq_result result = private_key_parse(slice_of(private_key.bytes, private_key.length), &key);
    if (result != SMQ_OK)
        return result;
    struct smq_bytes id = smq_receive_queue_id(queue), sender_id = smq_receive_queue_sender_id(queue),
                     link_id = smq_receive_queue_link_id(queue);
    struct receive_queue_parts parts = {.router = queue->router,
                                        .notifier = smq_receive_queue_notifier(queue),
                                        .key = &key,
                                        .message_key = &queue->message_key,
                                        .mode = queue->mode,
                                        .recipient_id = slice_of(id.bytes, id.length),
                                        .sender_id = slice_of(sender_id.bytes, sender_id.length),
                                        .link_id = slice_of(link_id.bytes, link_id.length),
                                        .envelope_key = queue->envelope_key};
    result = receive_queue_create(&parts, with_key);
    if (result != SMQ_OK)
        smq_notifier_release(&parts.notifier);
    private_key_wipe(&key);
    return result;
}

/* Layout: format, 'R', `ls` address in text, algorithm, `ss` raw private key, 32 bytes message key, 32 bytes
 * envelope key, optional 32 bytes of the sender's envelope key, mode, `ss` recipient id, `ss` sender id, `ss` link
 * id, `ls` notifier (empty: none). */
static void write_export(struct writer *writer, const struct smq_receive_queue *queue) {
    char address[ADDRESS_TEXT_MAX];
    struct writer address_writer = writer_of(address, sizeof(address));
    write_server_address_text(&address_writer, &queue->router->address, NULL, 0);
    uint8_t notifier[512];
    size_t notifier_size = sizeof(notifier);
    if (queue->notifier == NULL) {
        notifier_size = 0;
    } else if (smq_notifier_export(queue->notifier, notifier, &notifier_size) != SMQ_OK) {
        writer_fail(writer);
        return;
    }
    write_u8(writer, RECEIVE_QUEUE_FORMAT);
    write_u8(writer, 'R');
    write_large(writer, slice_of(address, writer_length(&address_writer)));
    write_u8(writer, (uint8_t)queue->key.pair.private_key.algorithm);
    write_short(writer, slice_of(queue->key.pair.private_key.bytes, queue->key.pair.private_key.length));
    write_bytes(writer, queue->message_key.bytes, BOX_KEY_SIZE);
    write_bytes(writer, queue->envelope_key, DH_SECRET_SIZE);
    write_maybe(writer, queue->has_envelope_peer);
    if (queue->has_envelope_peer)
        write_bytes(writer, queue->envelope_peer, DH_SECRET_SIZE);
    write_u8(writer, (uint8_t)queue->mode);
    struct smq_bytes id = smq_receive_queue_id(queue), sender_id = smq_receive_queue_sender_id(queue),
                     link_id = smq_receive_queue_link_id(queue);
    write_short(writer, slice_of(id.bytes, id.length));
    write_short(writer, slice_of(sender_id.bytes, sender_id.length));
    write_short(writer, slice_of(link_id.bytes, link_id.length));
    write_large(writer, slice_of(notifier, notifier_size));
    secret_wipe(notifier, sizeof(notifier));
}

enum smq_result smq_receive_queue_export(const struct smq_receive_queue *queue, uint8_t *buffer, size_t *size) {
    if (!MAGIC_IS(queue, RECEIVE_QUEUE_MAGIC))
        return SMQ_ERR_INVALID;
    uint8_t bytes[EXPORT_MAX];
    struct writer writer = writer_of(bytes, sizeof(bytes));
    pthread_mutex_t *lock = &((struct smq_receive_queue *)(uintptr_t)queue)->key.lock;
    CHECK(pthread_mutex_lock(lock) == 0);
    write_export(&writer, queue);
    CHECK(pthread_mutex_unlock(lock) == 0);
    enum smq_result result = writer_finish(&writer);
    if (result == SMQ_OK)
        result = copy_out(slice_of(bytes, writer_length(&writer)), buffer, size);
    secret_wipe(bytes, sizeof(bytes));
    return result;
}

/* Reads all but the address and the notifier. */
static enum smq_result read_export(struct reader *reader, struct receive_queue_parts *parts, struct private_key *key,
                                   struct box_key *message_key, struct slice *notifier) {
    enum key_algorithm algorithm = read_key_algorithm(reader);
    struct slice raw = read_short(reader);
    struct slice message = read_bytes(reader, BOX_KEY_SIZE);
    parts->envelope_key = read_bytes(reader, DH_SECRET_SIZE).bytes;
    parts->envelope_peer = read_maybe(reader) ? read_bytes(reader, DH_SECRET_SIZE).bytes : NULL;
    uint8_t mode = read_u8(reader);
    parts->recipient_id = read_short(reader);
    parts->sender_id = read_short(reader);
    parts->link_id = read_short(reader);
    *notifier = read_large(reader);
    if (reader_finish(reader) != SMQ_OK || mode > QUEUE_MODE_CONTACT ||
        private_key_of_raw(algorithm, raw, key) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    parts->mode = (enum queue_mode)mode;
    parts->key = key;
    memcpy(message_key->bytes, message.bytes, BOX_KEY_SIZE);
    parts->message_key = message_key;
    return SMQ_OK;
}

enum smq_result smq_receive_queue_import(const uint8_t *bytes, size_t length, struct smq_receive_queue **queue) {
    if (bytes == NULL || queue == NULL)
        return SMQ_ERR_INVALID;
    struct reader reader = reader_of(slice_of(bytes, length));
    if (read_u8(&reader) > RECEIVE_QUEUE_FORMAT)
        return SMQ_ERR_VERSION;
    read_literal(&reader, "R");
    struct slice address_text = read_large(&reader), notifier;
    struct server_address address;
    struct private_key key = {.algorithm = KEY_NONE};
    struct box_key message_key;
    struct receive_queue_parts parts = {.notifier = NULL};
    if (read_export(&reader, &parts, &key, &message_key, &notifier) != SMQ_OK ||
        server_address_parse(address_text, ADDRESS_SMP, &address) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    enum smq_result result = SMQ_ERR_NO_MEMORY;
    parts.router = router_address_create(&address);
    if (parts.router == NULL)
        goto done;
    result = notifier.length == 0 ? SMQ_OK : smq_notifier_import(notifier.bytes, notifier.length, &parts.notifier);
    if (result == SMQ_OK)
        result = receive_queue_create(&parts, queue);
    if (result != SMQ_OK) {
        smq_notifier_release(&parts.notifier);
        result = result == SMQ_ERR_INVALID ? SMQ_ERR_SYNTAX : result;
    }
    router_address_release(parts.router);
done:
    private_key_wipe(&key);
    box_key_wipe(&message_key);
    return result;
}
