/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Public commands that make handles: creating a queue and its notifier. */
#include "actors/client/options.h"
#include "actors/client/smp/commands.h"
#include "queues/base/memory.h"
#include "transport/crypto/link_data.h"

void smq_create_options_init_sized(struct smq_create_options *options, size_t size) {
    static const struct smq_create_options defaults = {
        .subscribe = true, .mode = SMQ_MODE_MESSAGING, .key_algorithm = SMQ_KEY_ED25519};
    options_init(options, size, &defaults, sizeof defaults);
}

enum smq_result smq_sender_id_of_nonce(const uint8_t nonce[SMQ_NONCE_SIZE], uint8_t sender_id[24]) {
    return nonce == NULL || sender_id == NULL ? SMQ_ERR_INVALID
                                              : link_sender_id(slice_of(nonce, SMQ_NONCE_SIZE), sender_id);
}

static struct slice slice_from(struct smq_bytes bytes) {
    return slice_of(bytes.bytes, bytes.length);
}

/* Makes an X25519 pair, or takes the one of `der`; `public_key` goes into the command, the private one is kept for
 * the response. */
static enum smq_result make_dh(struct slice der, struct private_key *private_key, struct public_key *public_key) {
    struct key_pair pair;
    enum smq_result result;
    if (der.length == 0) {
        result = key_pair_generate(KEY_X25519, &pair);
    } else {
        result = private_key_parse(der, private_key);
        if (result == SMQ_OK)
            result = private_key->algorithm == KEY_X25519 ? key_pair_of_private(private_key, &pair) : SMQ_ERR_INVALID;
    }
    if (result == SMQ_OK) {
        *private_key = pair.private_key;
        *public_key = pair.public_key;
        key_pair_wipe(&pair);
    }
    return result;
}

static enum smq_result make_secrets(struct request *request) {
    smp_request(request)->secrets = memory_zalloc(sizeof(*smp_request(request)->secrets));
    if (smp_request(request)->secrets == NULL)
        return SMQ_ERR_NO_MEMORY;
    queue_key_init(&smp_request(request)->secrets->key);
    return SMQ_OK;
}

static enum smq_result make_new_keys(struct request *request, const struct smq_create_options *options) {
    struct request_secrets *secrets = smp_request(request)->secrets;
    struct smp_new *body = &smp_request(request)->body.create;
    struct slice der = slice_from(options->private_key);
    enum smq_result result = der.length == 0
                                 ? queue_key_generate(&secrets->key, key_algorithm_of(options->key_algorithm))
                                 : queue_key_set_der(&secrets->key, der);
    if (result == SMQ_OK)
        result = make_dh(slice_from(options->dh_private_key), &secrets->dh, &body->recipient_dh_key);
    if (result == SMQ_OK && options->with_notifier) {
        struct key_pair pair;
        enum key_algorithm algorithm = key_algorithm_of(options->notifier_key_algorithm);
        result = key_pair_generate(algorithm, &pair);
        if (result == SMQ_OK) {
            secrets->notifier = pair.private_key;
            body->notifier_key = pair.public_key;
            key_pair_wipe(&pair);
            result = make_dh(slice_of(NULL, 0), &secrets->notifier_dh, &body->notifier_dh_key);
        }
    }
    body->recipient_key = secrets->key.pair.public_key;
    return result;
}

static bool options_are_valid(const struct smq_create_options *options) {
    bool nonce = options->nonce.length == 0 || options->nonce.length == SMQ_NONCE_SIZE;
    bool link = !options->with_link ||
                (options->nonce.length == SMQ_NONCE_SIZE && options->link_id.length <= SMQ_ID_MAX &&
                 options->link_fixed_data.length <= SMP_BLOCK_SIZE && options->link_user_data.length <= SMP_BLOCK_SIZE);
    bool link_id = !options->with_link || (options->mode == SMQ_MODE_CONTACT) == (options->link_id.length > 0);
    bool bytes = bytes_are_valid(options->private_key) && bytes_are_valid(options->dh_private_key) &&
                 bytes_are_valid(options->nonce) && bytes_are_valid(options->link_id) &&
                 bytes_are_valid(options->link_fixed_data) && bytes_are_valid(options->link_user_data);
    return bytes && nonce && link && link_id &&
           (options->mode == SMQ_MODE_MESSAGING || options->mode == SMQ_MODE_CONTACT);
}

static enum smq_result fill_new(struct request *request, const struct smq_create_options *options) {
    struct smp_new *body = &smp_request(request)->body.create;
    const struct password *password = &request->client->password;
    body->subscribe = options->subscribe;
    body->mode = options->mode == SMQ_MODE_CONTACT ? SMP_MODE_CONTACT : SMP_MODE_MESSAGING;
    body->has_password = password->length > 0;
    body->password = slice_of(password->bytes, password->length);
    body->has_notifier = options->with_notifier;
    if (options->nonce.length > 0) {
        request->has_nonce = true;
        struct writer nonce = writer_of(request->correlation_id, sizeof(request->correlation_id));
        write_slice(&nonce, slice_from(options->nonce));
    }
    if (options->with_link) {
        uint8_t sender_id[LINK_ID_SIZE];
        enum smq_result result = link_sender_id(slice_from(options->nonce), sender_id);
        if (result != SMQ_OK)
            return result;
        body->has_link = true;
        body->sender_id = request_copy(request, (struct smq_bytes){sender_id, sizeof(sender_id)});
        body->link_id = request_copy(request, options->link_id);
        body->link.fixed_data = request_copy(request, options->link_fixed_data);
        body->link.user_data = request_copy(request, options->link_user_data);
    }
    return make_new_keys(request, options);
}

static enum smq_result create_queue(struct smq_client *client, const struct smq_create_options *given,
                                    const struct call *call) {
    struct smq_create_options options;
    smq_create_options_init(&options);
    if (!options_take(&options, OPTIONS_END(struct smq_create_options, notifier_key_algorithm), given) ||
        !options_are_valid(&options) || !client_is_valid(client))
        return call_fail(call, SMQ_ERR_INVALID);
    size_t data_size = options.with_link ? LINK_ID_SIZE + options.link_id.length + options.link_fixed_data.length +
                                               options.link_user_data.length
                                         : 0;
    struct request *request = request_create(client, SMQ_COMMAND_CREATE, data_size);
    if (request == NULL)
        return call_fail(call, SMQ_ERR_NO_MEMORY);
    enum smq_result result = make_secrets(request);
    if (result == SMQ_OK)
        result = fill_new(request, &options);
    if (result != SMQ_OK) {
        request_release(request);
        return call_fail(call, result);
    }
    smp_request(request)->key = &smp_request(request)->secrets->key;
    return request_run(request, call);
}

enum smq_result smq_create_queue(struct smq_client *client, const struct smq_create_options *options,
                                 uint32_t timeout_ms, struct smq_receive_queue **queue, struct smq_error *error) {
    struct smq_batch *answer = NULL;
    struct call call = call_blocking(timeout_ms, error);
    call.answer = &answer;
    if (queue == NULL)
        return call_fail(&call, SMQ_ERR_INVALID);
    enum smq_result result = create_queue(client, options, &call);
    if (result == SMQ_OK) {
        *queue = smq_receive_queue_reference(smq_batch_event(answer, 0)->receive_queue);
        smq_batch_release(&answer);
    }
    return result;
}

enum smq_result smq_create_queue_async(struct smq_client *client, const struct smq_create_options *options,
                                       uint32_t timeout_ms, uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return create_queue(client, options, &call);
}

static enum smq_result enable_notifications(struct smq_client *client, struct smq_receive_queue *queue,
                                            enum smq_key_algorithm algorithm, const struct call *call) {
    struct request *request = recipient_request(client, queue, SMQ_COMMAND_ENABLE_NOTIFICATIONS, 0);
    if (request == NULL)
        return call_unmade(call, client, receive_queue_is_valid(queue));
    enum smq_result result = make_secrets(request);
    if (result == SMQ_OK)
        result = queue_key_generate(&smp_request(request)->secrets->key, key_algorithm_of(algorithm));
    if (result == SMQ_OK) {
        result =
            make_dh(slice_of(NULL, 0), &smp_request(request)->secrets->dh, &smp_request(request)->body.notifier.dh_key);
    }
    if (result != SMQ_OK) {
        request_release(request);
        return call_fail(call, result);
    }
    smp_request(request)->body.notifier.key = smp_request(request)->secrets->key.pair.public_key;
    return request_run(request, call);
}

enum smq_result smq_enable_notifications(struct smq_client *client, struct smq_receive_queue *queue,
                                         enum smq_key_algorithm algorithm, uint32_t timeout_ms,
                                         struct smq_notifier **notifier, struct smq_error *error) {
    struct smq_batch *answer = NULL;
    struct call call = call_blocking(timeout_ms, error);
    call.answer = &answer;
    if (notifier == NULL)
        return call_fail(&call, SMQ_ERR_INVALID);
    enum smq_result result = enable_notifications(client, queue, algorithm, &call);
    if (result == SMQ_OK) {
        *notifier = smq_notifier_reference(smq_batch_event(answer, 0)->notifier);
        smq_batch_release(&answer);
    }
    return result;
}

enum smq_result smq_enable_notifications_async(struct smq_client *client, struct smq_receive_queue *queue,
                                               enum smq_key_algorithm algorithm, uint32_t timeout_ms, uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return enable_notifications(client, queue, algorithm, &call);
}
