/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_send_queue: the handle of a queue's sender. */
#include <string.h>

#include "actors/client/smp/queues.h"
#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"

enum { SEND_QUEUE_MAGIC = MAGIC('s', 'n', 'd', 'q'), SEND_QUEUE_FORMAT = 1, EXPORT_MAX = 4096 };

enum smq_result send_queue_create(struct router_address *router, struct slice sender_id, enum queue_mode mode,
                                  const uint8_t *recipient_key, const struct private_key *key,
                                  struct smq_send_queue **queue) {
    if (sender_id.length > SMQ_ID_MAX)
        return SMQ_ERR_INVALID;
    struct smq_send_queue *made = memory_zalloc(sizeof(*made) + sender_id.length);
    if (made == NULL)
        return SMQ_ERR_NO_MEMORY;
    queue_key_init(&made->key);
    struct key_pair envelope;
    enum smq_result result = key_pair_generate(KEY_X25519, &envelope);
    if (result == SMQ_OK) {
        memcpy(made->envelope_key, envelope.private_key.bytes, DH_SECRET_SIZE);
        key_pair_wipe(&envelope);
        result = key->algorithm == KEY_NONE ? SMQ_OK : queue_key_set(&made->key, key);
    }
    if (result != SMQ_OK) {
        queue_key_destroy(&made->key);
        secret_wipe(made, sizeof(*made));
        memory_free(made);
        return result;
    }
    atomic_init(&made->references, 1);
    atomic_init(&made->has_key, key->algorithm != KEY_NONE);
    made->router = router_address_reference(router);
    made->mode = mode;
    made->envelope_version = SMP_CLIENT_VERSION_MAX;
    if (recipient_key != NULL) {
        made->has_recipient_key = true;
        memcpy(made->recipient_key, recipient_key, DH_SECRET_SIZE);
    }
    made->sender_id_length = (uint8_t)sender_id.length;
    memcpy(made->sender_id, sender_id.bytes, sender_id.length);
    MAGIC_SET(made, SEND_QUEUE_MAGIC);
    *queue = made;
    return SMQ_OK;
}

enum smq_result smq_send_queue_from_uri(const char *uri, struct smq_send_queue **queue) {
    if (uri == NULL || queue == NULL)
        return SMQ_ERR_INVALID;
    struct queue_uri parsed;
    enum smq_result result = queue_uri_parse(slice_of_text(uri), &parsed);
    if (result != SMQ_OK)
        return result;
    if (parsed.versions.min > SMP_CLIENT_VERSION_MAX)
        return SMQ_ERR_VERSION;
    struct router_address *router = router_address_create(&parsed.server);
    if (router == NULL)
        return SMQ_ERR_NO_MEMORY;
    struct private_key none = {.algorithm = KEY_NONE};
    result = send_queue_create(router, slice_of(parsed.sender_id, parsed.sender_id_length), parsed.mode,
                               parsed.dh_key.bytes, &none, queue);
    if (result == SMQ_OK && parsed.versions.max < SMP_CLIENT_VERSION_MAX)
        (*queue)->envelope_version = parsed.versions.max;
    router_address_release(router);
    return result;
}

enum smq_result smq_send_queue_from_receive_queue(const struct smq_receive_queue *queue,
                                                  struct smq_send_queue **send_queue) {
    char uri[SMQ_URI_TEXT_SIZE];
    enum smq_result result = smq_receive_queue_uri(queue, uri, sizeof(uri));
    return result == SMQ_OK ? smq_send_queue_from_uri(uri, send_queue) : result;
}

bool send_queue_is_valid(const struct smq_send_queue *queue) {
    return MAGIC_IS(queue, SEND_QUEUE_MAGIC);
}

struct smq_send_queue *smq_send_queue_reference(struct smq_send_queue *queue) {
    if (!MAGIC_IS(queue, SEND_QUEUE_MAGIC))
        return NULL;
    atomic_fetch_add_explicit(&queue->references, 1, memory_order_relaxed);
    return queue;
}

void smq_send_queue_release(struct smq_send_queue **queue) {
    if (queue == NULL)
        return;
    struct smq_send_queue *released = *queue;
    *queue = NULL;
    if (!MAGIC_IS(released, SEND_QUEUE_MAGIC))
        return;
    if (atomic_fetch_sub_explicit(&released->references, 1, memory_order_acq_rel) == 1) {
        MAGIC_CLEAR(released);
        queue_key_destroy(&released->key);
        router_address_release(released->router);
        secret_wipe(released->envelope_key, sizeof(released->envelope_key));
        memory_free(released);
    }
}

struct smq_bytes smq_send_queue_id(const struct smq_send_queue *queue) {
    if (!MAGIC_IS(queue, SEND_QUEUE_MAGIC))
        return (struct smq_bytes){NULL, 0};
    return (struct smq_bytes){queue->sender_id, queue->sender_id_length};
}

enum smq_queue_mode smq_send_queue_mode(const struct smq_send_queue *queue) {
    if (!MAGIC_IS(queue, SEND_QUEUE_MAGIC))
        return SMQ_MODE_MESSAGING;
    return queue->mode == QUEUE_MODE_CONTACT ? SMQ_MODE_CONTACT : SMQ_MODE_MESSAGING;
}

enum smq_result smq_send_queue_address(const struct smq_send_queue *queue, char *buffer, size_t size) {
    if (!MAGIC_IS(queue, SEND_QUEUE_MAGIC) || buffer == NULL)
        return SMQ_ERR_INVALID;
    struct writer writer = writer_of(buffer, size);
    write_server_address_text(&writer, &queue->router->address, NULL, 0);
    write_u8(&writer, 0);
    return writer_finish(&writer);
}

/* Makes or reads the key and publishes it; the lock keeps two threads from both setting one. */
static enum smq_result set_key_once(struct smq_send_queue *queue, enum key_algorithm algorithm, struct slice der) {
    if (!MAGIC_IS(queue, SEND_QUEUE_MAGIC))
        return SMQ_ERR_INVALID;
    CHECK(pthread_mutex_lock(&queue->key.lock) == 0);
    enum smq_result result = SMQ_ERR_EXISTS;
    if (!atomic_load_explicit(&queue->has_key, memory_order_relaxed)) {
        result = der.length == 0 ? queue_key_generate(&queue->key, algorithm) : queue_key_set_der(&queue->key, der);
        if (result == SMQ_OK)
            atomic_store_explicit(&queue->has_key, true, memory_order_release);
    }
    CHECK(pthread_mutex_unlock(&queue->key.lock) == 0);
    return result;
}

enum smq_result smq_send_queue_make_key(struct smq_send_queue *queue, enum smq_key_algorithm algorithm) {
    return set_key_once(queue, key_algorithm_of(algorithm), slice_of(NULL, 0));
}

enum smq_result smq_send_queue_set_key(struct smq_send_queue *queue, struct smq_bytes private_key) {
    return private_key.length == 0 || private_key.bytes == NULL
               ? SMQ_ERR_SYNTAX
               : set_key_once(queue, KEY_NONE, slice_of(private_key.bytes, private_key.length));
}

enum smq_result smq_send_queue_public_key(const struct smq_send_queue *queue, uint8_t *buffer, size_t *size) {
    if (!MAGIC_IS(queue, SEND_QUEUE_MAGIC))
        return SMQ_ERR_INVALID;
    if (!atomic_load_explicit(&queue->has_key, memory_order_acquire))
        return SMQ_ERR_NOT_FOUND;
    uint8_t der[KEY_SPKI_MAX];
    struct writer writer = writer_of(der, sizeof(der));
    write_public_key_der(&writer, &queue->key.pair.public_key);
    return copy_out(slice_of(der, writer_length(&writer)), buffer, size);
}

enum smq_result smq_send_queue_set_secured(struct smq_send_queue *queue, bool secured) {
    if (!MAGIC_IS(queue, SEND_QUEUE_MAGIC))
        return SMQ_ERR_INVALID;
    if (secured && !atomic_load_explicit(&queue->has_key, memory_order_acquire))
        return SMQ_ERR_NOT_FOUND;
    atomic_store_explicit(&queue->secured, secured, memory_order_release);
    return SMQ_OK;
}

bool smq_send_queue_is_secured(const struct smq_send_queue *queue) {
    if (!MAGIC_IS(queue, SEND_QUEUE_MAGIC))
        return false;
    return atomic_load_explicit(&queue->secured, memory_order_acquire);
}

/* Layout: format, 'S', `ls` address in text, mode, `u16` envelope version, `ss` sender id, optional 32 bytes
 * recipient key, 32 bytes envelope key, secured, algorithm (0: no key follows), `ss` raw private key. */
enum smq_result smq_send_queue_export(const struct smq_send_queue *queue, uint8_t *buffer, size_t *size) {
    if (!MAGIC_IS(queue, SEND_QUEUE_MAGIC))
        return SMQ_ERR_INVALID;
    bool has_key = atomic_load_explicit(&queue->has_key, memory_order_acquire);
    char address[ADDRESS_TEXT_MAX];
    struct writer address_writer = writer_of(address, sizeof(address));
    write_server_address_text(&address_writer, &queue->router->address, NULL, 0);
    uint8_t bytes[EXPORT_MAX];
    struct writer writer = writer_of(bytes, sizeof(bytes));
    write_u8(&writer, SEND_QUEUE_FORMAT);
    write_u8(&writer, 'S');
    write_large(&writer, slice_of(address, writer_length(&address_writer)));
    write_u8(&writer, (uint8_t)queue->mode);
    write_u16(&writer, queue->envelope_version);
    write_short(&writer, slice_of(queue->sender_id, queue->sender_id_length));
    write_maybe(&writer, queue->has_recipient_key);
    if (queue->has_recipient_key)
        write_bytes(&writer, queue->recipient_key, DH_SECRET_SIZE);
    write_bytes(&writer, queue->envelope_key, DH_SECRET_SIZE);
    write_bool(&writer, atomic_load_explicit(&queue->secured, memory_order_acquire));
    write_u8(&writer, has_key ? (uint8_t)queue->key.pair.private_key.algorithm : KEY_NONE);
    if (has_key)
        write_short(&writer, slice_of(queue->key.pair.private_key.bytes, queue->key.pair.private_key.length));
    enum smq_result result = writer_finish(&writer);
    if (result == SMQ_OK)
        result = copy_out(slice_of(bytes, writer_length(&writer)), buffer, size);
    secret_wipe(bytes, sizeof(bytes));
    return result;
}

enum smq_result smq_send_queue_import(const uint8_t *bytes, size_t length, struct smq_send_queue **queue) {
    if (bytes == NULL || queue == NULL)
        return SMQ_ERR_INVALID;
    struct reader reader = reader_of(slice_of(bytes, length));
    if (read_u8(&reader) > SEND_QUEUE_FORMAT)
        return SMQ_ERR_VERSION;
    read_literal(&reader, "S");
    struct slice address_text = read_large(&reader);
    uint8_t mode = read_u8(&reader);
    uint16_t envelope_version = read_u16(&reader);
    struct slice sender_id = read_short(&reader);
    const uint8_t *recipient_key = read_maybe(&reader) ? read_bytes(&reader, DH_SECRET_SIZE).bytes : NULL;
    const uint8_t *envelope_key = read_bytes(&reader, DH_SECRET_SIZE).bytes;
    bool secured = read_bool(&reader);
    struct private_key key = {.algorithm = read_key_algorithm(&reader)};
    struct slice raw = key.algorithm == KEY_NONE ? slice_of(NULL, 0) : read_short(&reader);
    struct server_address address;
    if (reader_finish(&reader) != SMQ_OK || mode > QUEUE_MODE_CONTACT || (secured && raw.length == 0) ||
        (key.algorithm != KEY_NONE && private_key_of_raw(key.algorithm, raw, &key) != SMQ_OK) ||
        server_address_parse(address_text, ADDRESS_SMP, &address) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    struct router_address *router = router_address_create(&address);
    enum smq_result result = router == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
    if (result == SMQ_OK) {
        result = send_queue_create(router, sender_id, (enum queue_mode)mode, recipient_key, &key, queue);
        router_address_release(router);
    }
    private_key_wipe(&key);
    if (result == SMQ_OK) {
        memcpy((*queue)->envelope_key, envelope_key, DH_SECRET_SIZE);
        (*queue)->envelope_version = envelope_version;
        atomic_store_explicit(&(*queue)->secured, secured, memory_order_release);
    }
    return result == SMQ_ERR_INVALID ? SMQ_ERR_SYNTAX : result;
}
