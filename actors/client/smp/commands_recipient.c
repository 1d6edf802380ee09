/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Public commands of a queue's recipient, but creating it. */
#include "actors/client/smp/commands.h"
#include "queues/base/memory.h"

enum { RECIPIENT_KEYS_MAX = 64 };

enum smq_result call_fail(const struct call *call, enum smq_result result) {
    error_set(call->error, result, NULL);
    return result;
}

enum smq_result call_unmade(const struct call *call, const struct smq_client *client, bool handle_is_valid) {
    return call_fail(call, client_is_valid(client) && handle_is_valid ? SMQ_ERR_NO_MEMORY : SMQ_ERR_INVALID);
}

struct request *recipient_request(struct smq_client *client, struct smq_receive_queue *queue, enum smq_command command,
                                  size_t data_size) {
    struct request *request = receive_queue_is_valid(queue) ? request_create(client, command, data_size) : NULL;
    if (request != NULL) {
        struct smq_bytes id = smq_receive_queue_id(queue);
        smp_request(request)->receive_queue = smq_receive_queue_reference(queue);
        smp_request(request)->key = &queue->key;
        request->entity = slice_of(id.bytes, id.length);
    }
    return request;
}

/* Commands without parameters. */
static enum smq_result run_plain(struct smq_client *client, struct smq_receive_queue *queue, enum smq_command command,
                                 const struct call *call) {
    struct request *request = recipient_request(client, queue, command, 0);
    return request == NULL ? call_unmade(call, client, receive_queue_is_valid(queue)) : request_run(request, call);
}

/* Both forms of a command without parameters. */
#define PLAIN_COMMAND(name, command)                                                                                   \
    enum smq_result name(struct smq_client *client, struct smq_receive_queue *queue, uint32_t timeout_ms,              \
                         struct smq_error *error) {                                                                    \
        struct call call = call_blocking(timeout_ms, error);                                                           \
        return run_plain(client, queue, command, &call);                                                               \
    }                                                                                                                  \
    enum smq_result name##_async(struct smq_client *client, struct smq_receive_queue *queue, uint32_t timeout_ms,      \
                                 uint64_t tag) {                                                                       \
        struct call call = call_asynchronous(timeout_ms, tag);                                                         \
        return run_plain(client, queue, command, &call);                                                               \
    }

/* The same for commands whose blocking form gives an answer. */
#define ANSWERED_COMMAND(name, command)                                                                                \
    enum smq_result name(struct smq_client *client, struct smq_receive_queue *queue, uint32_t timeout_ms,              \
                         struct smq_batch **answer, struct smq_error *error) {                                         \
        struct call call = call_blocking(timeout_ms, error);                                                           \
        call.answer = answer;                                                                                          \
        return run_plain(client, queue, command, &call);                                                               \
    }                                                                                                                  \
    enum smq_result name##_async(struct smq_client *client, struct smq_receive_queue *queue, uint32_t timeout_ms,      \
                                 uint64_t tag) {                                                                       \
        struct call call = call_asynchronous(timeout_ms, tag);                                                         \
        return run_plain(client, queue, command, &call);                                                               \
    }

PLAIN_COMMAND(smq_subscribe, SMQ_COMMAND_SUBSCRIBE)
PLAIN_COMMAND(smq_delete_link, SMQ_COMMAND_DELETE_LINK)
PLAIN_COMMAND(smq_suspend, SMQ_COMMAND_SUSPEND)
PLAIN_COMMAND(smq_delete, SMQ_COMMAND_DELETE)
PLAIN_COMMAND(smq_disable_notifications, SMQ_COMMAND_DISABLE_NOTIFICATIONS)
ANSWERED_COMMAND(smq_get_message, SMQ_COMMAND_GET_MESSAGE)
ANSWERED_COMMAND(smq_info, SMQ_COMMAND_INFO)

static enum smq_result subscribe_many(struct smq_client *client, struct smq_receive_queue *const *queues, size_t count,
                                      const struct call *call, enum smq_result *results) {
    if (count == 0 || count > UINT32_MAX || queues == NULL)
        return count == 0 ? SMQ_OK : call_fail(call, SMQ_ERR_INVALID);
    struct request **requests = memory_zalloc_array(count, sizeof(struct request *));
    if (requests == NULL)
        return call_fail(call, SMQ_ERR_NO_MEMORY);
    enum smq_result result = SMQ_OK;
    size_t made = 0;
    for (; made < count && result == SMQ_OK; made++) {
        requests[made] = recipient_request(client, queues[made], SMQ_COMMAND_SUBSCRIBE, 0);
        if (requests[made] == NULL) {
            result = call_unmade(call, client, receive_queue_is_valid(queues[made]));
            break;
        }
    }
    if (result == SMQ_OK)
        result = request_run_many(requests, count, call, results);
    else
        for (size_t i = 0; i < made; i++)
            request_release(requests[i]);
    memory_free(requests);
    return result;
}

enum smq_result smq_subscribe_many(struct smq_client *client, struct smq_receive_queue *const *queues, size_t count,
                                   uint32_t timeout_ms, enum smq_result *results, struct smq_error *error) {
    struct call call = call_blocking(timeout_ms, error);
    return subscribe_many(client, queues, count, &call, results);
}

enum smq_result smq_subscribe_many_async(struct smq_client *client, struct smq_receive_queue *const *queues,
                                         size_t count, uint32_t timeout_ms, uint64_t first_tag) {
    struct call call = call_asynchronous(timeout_ms, first_tag);
    return subscribe_many(client, queues, count, &call, NULL);
}

static enum smq_result acknowledge(struct smq_client *client, struct smq_receive_queue *queue,
                                   struct smq_bytes message_id, const struct call *call) {
    if (message_id.length > SMQ_ID_MAX || !bytes_are_valid(message_id))
        return call_fail(call, SMQ_ERR_INVALID);
    struct request *request = recipient_request(client, queue, SMQ_COMMAND_ACKNOWLEDGE, message_id.length);
    if (request == NULL)
        return call_unmade(call, client, receive_queue_is_valid(queue));
    smp_request(request)->body.message_id = request_copy(request, message_id);
    return request_run(request, call);
}

enum smq_result smq_acknowledge(struct smq_client *client, struct smq_receive_queue *queue, struct smq_bytes message_id,
                                uint32_t timeout_ms, struct smq_error *error) {
    struct call call = call_blocking(timeout_ms, error);
    return acknowledge(client, queue, message_id, &call);
}

enum smq_result smq_acknowledge_async(struct smq_client *client, struct smq_receive_queue *queue,
                                      struct smq_bytes message_id, uint32_t timeout_ms, uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return acknowledge(client, queue, message_id, &call);
}

static enum smq_result secure(struct smq_client *client, struct smq_receive_queue *queue, struct smq_bytes sender_key,
                              const struct call *call) {
    struct public_key key;
    if (!bytes_are_valid(sender_key) || public_key_parse(slice_of(sender_key.bytes, sender_key.length), &key) != SMQ_OK)
        return call_fail(call, SMQ_ERR_SYNTAX);
    struct request *request = recipient_request(client, queue, SMQ_COMMAND_SECURE, 0);
    if (request == NULL)
        return call_unmade(call, client, receive_queue_is_valid(queue));
    smp_request(request)->body.key = key;
    return request_run(request, call);
}

enum smq_result smq_secure(struct smq_client *client, struct smq_receive_queue *queue, struct smq_bytes sender_key,
                           uint32_t timeout_ms, struct smq_error *error) {
    struct call call = call_blocking(timeout_ms, error);
    return secure(client, queue, sender_key, &call);
}

enum smq_result smq_secure_async(struct smq_client *client, struct smq_receive_queue *queue,
                                 struct smq_bytes sender_key, uint32_t timeout_ms, uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return secure(client, queue, sender_key, &call);
}

static enum smq_result set_recipient_keys(struct smq_client *client, struct smq_receive_queue *queue,
                                          const struct smq_bytes *keys, size_t count, const struct call *call) {
    uint8_t encoded[RECIPIENT_KEYS_MAX * (KEY_SPKI_MAX + 1)];
    struct writer writer = writer_of(encoded, sizeof(encoded));
    if (count == 0 || count > RECIPIENT_KEYS_MAX || keys == NULL)
        return call_fail(call, SMQ_ERR_INVALID);
    for (size_t i = 0; i < count; i++) {
        struct public_key key;
        if (!bytes_are_valid(keys[i]) || public_key_parse(slice_of(keys[i].bytes, keys[i].length), &key) != SMQ_OK ||
            !key_authorizes_queues(key.algorithm))
            return call_fail(call, SMQ_ERR_SYNTAX);
        write_public_key(&writer, &key);
    }
    struct request *request = recipient_request(client, queue, SMQ_COMMAND_SET_RECIPIENT_KEYS, writer_length(&writer));
    if (request == NULL)
        return call_unmade(call, client, receive_queue_is_valid(queue));
    smp_request(request)->body.key_list.count = (uint8_t)count;
    smp_request(request)->body.key_list.encoded =
        request_copy(request, (struct smq_bytes){encoded, writer_length(&writer)});
    return request_run(request, call);
}

enum smq_result smq_set_recipient_keys(struct smq_client *client, struct smq_receive_queue *queue,
                                       const struct smq_bytes *keys, size_t count, uint32_t timeout_ms,
                                       struct smq_error *error) {
    struct call call = call_blocking(timeout_ms, error);
    return set_recipient_keys(client, queue, keys, count, &call);
}

enum smq_result smq_set_recipient_keys_async(struct smq_client *client, struct smq_receive_queue *queue,
                                             const struct smq_bytes *keys, size_t count, uint32_t timeout_ms,
                                             uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return set_recipient_keys(client, queue, keys, count, &call);
}

static enum smq_result set_link(struct smq_client *client, struct smq_receive_queue *queue, struct smq_bytes link_id,
                                struct smq_bytes fixed_data, struct smq_bytes user_data, const struct call *call) {
    if (link_id.length > SMQ_ID_MAX || fixed_data.length > SMP_BLOCK_SIZE || user_data.length > SMP_BLOCK_SIZE)
        return call_fail(call, SMQ_ERR_TOO_LARGE);
    if (!bytes_are_valid(link_id) || !bytes_are_valid(fixed_data) || !bytes_are_valid(user_data))
        return call_fail(call, SMQ_ERR_INVALID);
    struct request *request =
        recipient_request(client, queue, SMQ_COMMAND_SET_LINK, link_id.length + fixed_data.length + user_data.length);
    if (request == NULL)
        return call_unmade(call, client, receive_queue_is_valid(queue));
    smp_request(request)->body.link_set.link_id = request_copy(request, link_id);
    smp_request(request)->body.link_set.link.fixed_data = request_copy(request, fixed_data);
    smp_request(request)->body.link_set.link.user_data = request_copy(request, user_data);
    return request_run(request, call);
}

enum smq_result smq_set_link(struct smq_client *client, struct smq_receive_queue *queue, struct smq_bytes link_id,
                             struct smq_bytes fixed_data, struct smq_bytes user_data, uint32_t timeout_ms,
                             struct smq_error *error) {
    struct call call = call_blocking(timeout_ms, error);
    return set_link(client, queue, link_id, fixed_data, user_data, &call);
}

enum smq_result smq_set_link_async(struct smq_client *client, struct smq_receive_queue *queue, struct smq_bytes link_id,
                                   struct smq_bytes fixed_data, struct smq_bytes user_data, uint32_t timeout_ms,
                                   uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return set_link(client, queue, link_id, fixed_data, user_data, &call);
}
