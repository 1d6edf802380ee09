/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* NEW: checks of the operator's policy, ids and keys, then one record in the store (reference: Server.hs,
 * createQueue). */
#include "actors/smp/execute.h"

#include <string.h>

#include "actors/router/writer.h"
#include "actors/smp/hand_on.h"
#include "actors/smp/metrics.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "queues/base/secret.h"
#include "transport/crypto/hash.h"

enum { ID_ATTEMPTS = 3, STORE_COST_US = 75 /* its ids are in tables of their own */ };

/* A queue being created: what its record and the answer point to. */
struct new_queue {
    struct queue_record record;
    struct queue_link_data link;
    struct key_pair dh_key;
    struct key_pair notifier_dh_key;
    uint8_t recipient_id[SMP_ENTITY_ID_SIZE];
    uint8_t sender_id[SMP_ENTITY_ID_SIZE];
    uint8_t link_id[QUEUE_ID_MAX]; /* a client may choose another length than ours */
    uint8_t notifier_id[SMP_ENTITY_ID_SIZE];
    uint8_t recipient_keys[2 + KEY_SPKI_MAX];
    uint8_t notifier_key[KEY_SPKI_MAX];
    uint8_t dh_secret[QUEUE_SECRET_SIZE];
    uint8_t notifier_dh_secret[QUEUE_SECRET_SIZE];
    bool client_ids; /* a collision is then the client's to know */
    bool subscribe;
    unsigned attempts;
};

static void release(void *owned) {
    struct new_queue *queue = owned;
    secret_wipe(queue, sizeof *queue);
    memory_free(queue);
}

/* Sender ids chosen by clients prove themselves: they are the hash of the correlation id. */
static bool sender_id_is_derived(struct slice sender_id, struct slice correlation_id) {
    uint8_t digest[HASH_SHA3_384_SIZE];
    return hash_slice(HASH_SHA3_384, correlation_id, digest) == SMQ_OK &&
           slice_equal(sender_id, slice_of(digest, SMP_ENTITY_ID_SIZE));
}

static enum smq_result agree(const struct public_key *peer, struct key_pair *own,
                             uint8_t secret_bytes[QUEUE_SECRET_SIZE]) {
    struct dh_secret secret;
    enum smq_result result = key_pair_generate(KEY_X25519, own);
    if (result == SMQ_OK)
        result = dh(&own->private_key, peer, &secret);
    if (result != SMQ_OK)
        return result;
    memcpy(secret_bytes, secret.bytes, QUEUE_SECRET_SIZE);
    dh_secret_wipe(&secret);
    return SMQ_OK;
}

static struct slice key_der(const struct public_key *key, uint8_t *buffer, size_t capacity) {
    struct writer writer = writer_of(buffer, capacity);
    write_public_key_der(&writer, key);
    return slice_of(buffer, writer_length(&writer));
}

/* With link data the sender id is the client's (refuse_new has seen that it is a hash of our size), and so is a
 * contact's link id. */
static void choose_ids(struct new_queue *queue, const struct smp_new *create) {
    random_bytes(queue->recipient_id, SMP_ENTITY_ID_SIZE);
    random_bytes(queue->sender_id, SMP_ENTITY_ID_SIZE);
    random_bytes(queue->link_id, SMP_ENTITY_ID_SIZE);
    random_bytes(queue->notifier_id, SMP_ENTITY_ID_SIZE);
    if (!create->has_link)
        return;
    memcpy(queue->sender_id, create->sender_id.bytes, SMP_ENTITY_ID_SIZE);
    if (create->mode == SMP_MODE_CONTACT && create->link_id.length > 0)
        memcpy(queue->link_id, create->link_id.bytes, create->link_id.length);
}

static void fill_record(struct new_queue *queue, const struct execution *execution) {
    const struct smp_new *create = &execution->command->create;
    struct queue_record *record = &queue->record;
    struct writer keys = writer_of(queue->recipient_keys, sizeof queue->recipient_keys);
    write_u8(&keys, 1);
    write_public_key(&keys, &create->recipient_key);
    choose_ids(queue, create);
    record->status = QUEUE_ACTIVE;
    record->mode = (char)create->mode;
    record->updated_day = (uint32_t)(execution->now_s / 86400);
    record->recipient_id = slice_of(queue->recipient_id, SMP_ENTITY_ID_SIZE);
    record->sender_id = slice_of(queue->sender_id, SMP_ENTITY_ID_SIZE);
    record->recipient_keys = slice_of(queue->recipient_keys, writer_length(&keys));
    record->recipient_dh_secret = queue->dh_secret;
    if (execution->session->service.present)
        record->recipient_service_id = slice_of(execution->session->service.id, SMP_ENTITY_ID_SIZE);
    if (create->has_link) {
        record->link_id =
            slice_of(queue->link_id, create->mode == SMP_MODE_CONTACT ? create->link_id.length : SMP_ENTITY_ID_SIZE);
        queue->link = (struct queue_link_data){create->link.fixed_data, create->link.user_data};
    }
    if (create->has_notifier) {
        record->notifier.id = slice_of(queue->notifier_id, SMP_ENTITY_ID_SIZE);
        record->notifier.key = key_der(&create->notifier_key, queue->notifier_key, sizeof queue->notifier_key);
        record->notifier.dh_secret = queue->notifier_dh_secret;
    }
    queue->client_ids = create->has_link;
    queue->subscribe = create->subscribe;
}

static enum smq_result create_apply(struct store_operation *operation, struct store_txn *txn) {
    struct command_slot *slot = slot_of_operation(operation);
    struct new_queue *queue = slot->owned;
    const struct queue_link_data *link = queue->record.link_id.length > 0 ? &queue->link : NULL;
    return queue_store_create(txn, &queue->record, link, &slot->queue.number);
}

static void answer_ids(struct command_slot *slot, const struct new_queue *queue) {
    const struct queue_record *record = &queue->record;
    struct smp_response response = {.tag = SMP_IDS};
    response.ids = (struct smp_queue_ids){
        .recipient_id = record->recipient_id,
        .sender_id = record->sender_id,
        .dh_key = queue->dh_key.public_key,
        .mode = (enum smp_queue_mode)record->mode,
        .has_link_id = record->link_id.length > 0,
        .link_id = record->link_id,
        .has_service_id = record->recipient_service_id.length > 0,
        .service_id = record->recipient_service_id,
        .has_notifier = record->notifier.id.length > 0,
        .notifier_id = record->notifier.id,
        .notifier_dh_key = queue->notifier_dh_key.public_key,
    };
    slot_answer(slot, response);
}

/* NEW with subscription in a service session: messages are not pushed until the queue is subscribed, but the session is
 * not unsubscribed for that. */
static void count_service_session(struct client_session *session) {
    if (session->service_created_queue)
        return;
    session->service_created_queue = true;
    atomic_fetch_add_explicit(&session->subscription_count, 1, memory_order_relaxed);
}

/* On the writer's thread. Ids that the router chose are chosen anew when they were taken. */
static void create_completed(struct store_operation *operation, enum smq_result result) {
    struct command_slot *slot = slot_of_operation(operation);
    struct new_queue *queue = slot->owned;
    struct smp_router *router = slot_router(slot);
    if (result == SMQ_ERR_EXISTS && !queue->client_ids && ++queue->attempts < ID_ATTEMPTS) {
        random_bytes(queue->recipient_id, SMP_ENTITY_ID_SIZE);
        random_bytes(queue->sender_id, SMP_ENTITY_ID_SIZE);
        random_bytes(queue->notifier_id, SMP_ENTITY_ID_SIZE);
        post_writer(&router->base, &slot->request);
        return;
    }
    if (result == SMQ_OK) {
        counters_add(router->counters, COUNT_Q_CREATED, 1);
        if (queue->record.notifier.id.length > 0)
            counters_add(router->counters, COUNT_NTF_NEW_CREATED, 1);
        unused_queues_add(&router->new_quota->unused, slot->queue.number);
        answer_ids(slot, queue);
        if (queue->record.recipient_service_id.length > 0) {
            count_service_session(slot_session(slot));
        } else if (queue->subscribe) {
            slot_to_subscriber(slot, SUBSCRIBER_CREATED);
            return;
        }
    } else if (result == SMQ_ERR_EXISTS && !queue->client_ids) {
        slot_answer_error(slot, smp_error_of(SMP_ERROR_INTERNAL));
    } else {
        slot_answer_result(slot, result);
    }
    slot_done(&slot->base);
}

/* The operator's policy, and the rules on ids. True: the slot is answered. */
static bool refuse_new(const struct execution *execution) {
    const struct smp_new *create = &execution->command->create;
    struct command_slot *slot = execution->slot;
    const struct live_settings *live = &execution->router->live;
    if (!live_value(live->new_queues) || !live_password_matches(live, create->has_password, create->password))
        slot_answer_error(slot, smp_error_of(SMP_ERROR_AUTH));
    else if (execution->session->service.present && !create->subscribe)
        slot_answer_error(slot, smp_error_command(COMMAND_PROHIBITED));
    else if (create->has_link && !sender_id_is_derived(create->sender_id, slot->correlation_id))
        slot_answer_error(slot, smp_error_command(COMMAND_PROHIBITED));
    else
        return false;
    slot_done(&slot->base);
    return true;
}

/* True: the slot is answered. */
static bool exceeds_quota(const struct execution *execution) {
    static const enum smp_counter refused[] = {[NEW_QUOTA_ADDRESS] = COUNT_NEW_REFUSED_ADDRESS,
                                               [NEW_QUOTA_PASSWORD] = COUNT_NEW_REFUSED_PASSWORD,
                                               [NEW_QUOTA_UNUSED] = COUNT_NEW_REFUSED_UNUSED};
    struct smp_router *router = execution->router;
    enum new_quota_verdict verdict = new_quota_take(router->new_quota, &router->live, execution->session->connection,
                                                    live_password_is_needed(&router->live));
    if (verdict == NEW_QUOTA_ALLOWED)
        return false;
    counters_add(router->counters, refused[verdict], 1);
    slot_fail(execution->slot, smp_error_of(SMP_ERROR_QUOTA));
    return true;
}

void execute_new(const struct execution *execution) {
    const struct smp_new *create = &execution->command->create;
    struct command_slot *slot = execution->slot;
    if (refuse_new(execution) || exceeds_quota(execution))
        return;
    struct new_queue *queue = memory_zalloc(sizeof *queue);
    if (queue == NULL) {
        slot_answer_result(slot, SMQ_ERR_NO_MEMORY);
        slot_done(&slot->base);
        return;
    }
    slot_own(&slot->base, queue, release);
    enum smq_result result = agree(&create->recipient_dh_key, &queue->dh_key, queue->dh_secret);
    if (result == SMQ_OK && create->has_notifier)
        result = agree(&create->notifier_dh_key, &queue->notifier_dh_key, queue->notifier_dh_secret);
    if (result != SMQ_OK) {
        slot_answer_error(slot, smp_error_of(SMP_ERROR_AUTH)); /* a key of small order is no key */
        slot_done(&slot->base);
        return;
    }
    fill_record(queue, execution);
    slot->request.more_cost_us = STORE_COST_US;
    slot->request.operation = (struct store_operation){
        .grows = true,
        .bytes = queue->link.fixed.length + queue->link.user.length + sizeof *queue,
        .apply = create_apply,
        .completed = create_completed,
    };
    post_writer(&execution->router->base, &slot->request);
}
