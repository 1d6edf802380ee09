/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands that change a queue's record: KEY SKEY LKEY RKEY LSET LDEL NKEY NDEL OFF DEL. The writer decides them
 * against its transaction. */
#include "actors/smp/execute.h"

#include <string.h>

#include "actors/router/writer.h"
#include "actors/smp/hand_on.h"
#include "actors/smp/metrics.h"
#include "actors/smp/notifier_move.h"
#include "queues/base/check.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "queues/base/secret.h"

enum { ID_ATTEMPTS = 3, KEY_LIST_MAX = 1 + 255 * (1 + KEY_SPKI_MAX) };

/* What a change needs beyond the command, which stays in the block until the slot is done. */
struct change {
    struct smp_command command;
    int64_t now_s;
    struct key_pair dh_key; /* NKEY */
    uint8_t dh_secret[QUEUE_SECRET_SIZE];
    uint8_t notifier_id[SMP_ENTITY_ID_SIZE];
    unsigned attempts;
    enum smq_result outcome; /* what the store decided; recorded, since the day may have been written before */
    bool secured;            /* KEY and its kin: the queue had no key before */
    struct queue_deleted deleted;
};

/* How each command changes the store, and what follows its commit. */
struct change_row {
    enum smq_result (*apply)(struct change *change, struct command_slot *slot, struct store_txn *txn);
    void (*committed)(struct change *change, struct command_slot *slot); /* ends with slot_done or a hand-over */
    bool grows;
    bool contact_only; /* AUTH for other modes */
};
static const struct change_row *change_row(enum smp_command_tag tag);

/* Which service the notifier belongs to that the command removes. */
static void note_service(struct command_slot *slot, struct store_txn *txn) {
    struct queue_record record;
    slot->move.had_service = false;
    if (queue_store_get(txn, slot->queue.number, &record) == SMQ_OK)
        notifier_move_note(&slot->move, record.notifier.service_id);
}

static void release(void *owned) {
    secret_wipe(owned, sizeof(struct change));
    memory_free(owned);
}

static void count(const struct command_slot *slot, enum smp_counter counter) {
    counters_add(slot_router(slot)->counters, counter, 1);
}

static void done_ok(struct change *change, struct command_slot *slot) {
    (void)change;
    slot_answer(slot, smp_response_ok());
    slot_done(&slot->base);
}

static enum smq_result apply_secure(struct change *change, struct command_slot *slot, struct store_txn *txn) {
    uint8_t der[KEY_SPKI_MAX];
    struct queue_record record;
    struct writer writer = writer_of(der, sizeof der);
    write_public_key_der(&writer, &change->command.key);
    change->secured = queue_store_get(txn, slot->queue.number, &record) == SMQ_OK && record.sender_key.length == 0;
    return queue_store_secure(txn, slot->queue, slice_of(der, writer_length(&writer)));
}

static void count_secured(const struct change *change, struct command_slot *slot) {
    if (change->secured)
        count(slot, COUNT_Q_SECURED);
}

static void done_secured(struct change *change, struct command_slot *slot) {
    count_secured(change, slot);
    done_ok(change, slot);
}

static void done_secured_by_link(struct change *change, struct command_slot *slot) {
    count_secured(change, slot);
    slot_answer_link(slot, slot->queue.number);
    slot_done(&slot->base);
}

static enum smq_result apply_recipient_keys(struct change *change, struct command_slot *slot, struct store_txn *txn) {
    uint8_t keys[KEY_LIST_MAX];
    struct writer writer = writer_of(keys, sizeof keys);
    write_u8(&writer, change->command.key_list.count);
    write_slice(&writer, change->command.key_list.encoded);
    if (writer_finish(&writer) != SMQ_OK)
        return SMQ_ERR_TOO_LARGE;
    return queue_store_set_recipient_keys(txn, slot->queue, slice_of(keys, writer_length(&writer)));
}

static enum smq_result apply_link_set(struct change *change, struct command_slot *slot, struct store_txn *txn) {
    struct queue_link_data link = {change->command.link_set.link.fixed_data, change->command.link_set.link.user_data};
    return queue_store_link_set(txn, slot->queue, change->command.link_set.link_id, &link);
}

static enum smq_result apply_link_delete(struct change *change, struct command_slot *slot, struct store_txn *txn) {
    (void)change;
    return queue_store_link_delete(txn, slot->queue);
}

static enum smq_result apply_notifier_set(struct change *change, struct command_slot *slot, struct store_txn *txn) {
    uint8_t der[KEY_SPKI_MAX];
    struct writer writer = writer_of(der, sizeof der);
    write_public_key_der(&writer, &change->command.notifier.key);
    struct queue_notifier notifier = {
        .id = slice_of(change->notifier_id, SMP_ENTITY_ID_SIZE),
        .key = slice_of(der, writer_length(&writer)),
        .dh_secret = change->dh_secret,
    };
    note_service(slot, txn);
    return queue_store_notifier_set(txn, slot->queue, &notifier, &change->deleted.notifier);
}

static void done_notifier_set(struct change *change, struct command_slot *slot) {
    count(slot, COUNT_NTF_CREATED);
    struct smp_response response = {.tag = SMP_NID};
    response.notifier.id = slice_of(change->notifier_id, SMP_ENTITY_ID_SIZE);
    response.notifier.dh_key = change->dh_key.public_key;
    slot_answer(slot, response);
    slot_to_subscriber(slot, SUBSCRIBER_NOTIFIER_GONE);
}

static enum smq_result apply_notifier_delete(struct change *change, struct command_slot *slot, struct store_txn *txn) {
    (void)change;
    note_service(slot, txn);
    return queue_store_notifier_delete(txn, slot->queue, &change->deleted.notifier);
}

static void done_notifier_delete(struct change *change, struct command_slot *slot) {
    if (change->deleted.notifier.length > 0)
        count(slot, COUNT_NTF_DELETED);
    slot_answer(slot, smp_response_ok());
    slot_to_subscriber(slot, SUBSCRIBER_NOTIFIER_GONE);
}

static enum smq_result apply_suspend(struct change *change, struct command_slot *slot, struct store_txn *txn) {
    (void)change;
    return queue_store_suspend(txn, slot->queue);
}

static enum smq_result apply_delete(struct change *change, struct command_slot *slot, struct store_txn *txn) {
    note_service(slot, txn);
    return queue_store_delete(txn, slot->queue, &change->deleted);
}

static void done_delete(struct change *change, struct command_slot *slot) {
    count(slot, COUNT_Q_DELETED_ALL);
    count(slot, change->deleted.secured ? COUNT_Q_DELETED_SECURED : COUNT_Q_DELETED_NEW);
    slot_answer(slot, smp_response_ok());
    slot_to_subscriber(slot, SUBSCRIBER_DELETED);
}

static const struct change_row *change_row(enum smp_command_tag tag) {
    static const struct change_row rows[SMP_COMMAND_COUNT] = {
        [SMP_KEY] = {apply_secure, done_secured, .grows = true},
        [SMP_SKEY] = {apply_secure, done_secured, .grows = true},
        [SMP_LKEY] = {apply_secure, done_secured_by_link, .grows = true},
        [SMP_RKEY] = {apply_recipient_keys, done_ok, .grows = true, .contact_only = true},
        [SMP_LSET] = {apply_link_set, done_ok, .grows = true},
        [SMP_LDEL] = {apply_link_delete, done_ok},
        [SMP_NKEY] = {apply_notifier_set, done_notifier_set, .grows = true},
        [SMP_NDEL] = {apply_notifier_delete, done_notifier_delete},
        [SMP_OFF] = {apply_suspend, done_ok},
        [SMP_DEL] = {apply_delete, done_delete},
    };
    CHECK(rows[tag].apply != NULL && rows[tag].committed != NULL);
    return &rows[tag];
}

/* The day is noted first: the change makes a new version of the record. */
static enum smq_result change_apply(struct store_operation *operation, struct store_txn *txn) {
    struct command_slot *slot = slot_of_operation(operation);
    struct change *change = slot->owned;
    change->outcome = SMQ_OK;
    if (slot->touch)
        change->outcome = queue_store_touch(txn, slot->queue, (uint32_t)(change->now_s / 86400));
    if (change->outcome == SMQ_OK)
        change->outcome = change_row(slot->tag)->apply(change, slot, txn);
    return SMQ_OK;
}

/* Of a queue that was made and waits for somebody to use it. */
static bool is_use(enum smp_command_tag tag) {
    return tag == SMP_KEY || tag == SMP_SKEY || tag == SMP_LKEY || tag == SMP_DEL;
}

/* On the writer's thread. */
static void change_completed(struct store_operation *operation, enum smq_result result) {
    struct command_slot *slot = slot_of_operation(operation);
    struct change *change = slot->owned;
    if (result == SMQ_OK)
        result = change->outcome;
    if (result == SMQ_OK) {
        if (is_use(slot->tag))
            unused_queues_remove(&slot_router(slot)->new_quota->unused, slot->queue.number);
        slot->move.order = writer_next_order(slot_router(slot)->writer);
        change_row(slot->tag)->committed(change, slot);
        return;
    }
    if (slot_retried(slot, result))
        return;
    if (slot->tag == SMP_NKEY && result == SMQ_ERR_EXISTS && ++change->attempts < ID_ATTEMPTS) {
        random_bytes(change->notifier_id, SMP_ENTITY_ID_SIZE);
        post_writer(slot->batch->session->router, &slot->request);
        return;
    }
    if (slot->tag == SMP_NKEY && result == SMQ_ERR_EXISTS)
        slot_answer_error(slot, smp_error_of(SMP_ERROR_INTERNAL));
    else
        slot_answer_result(slot, result);
    slot_done(&slot->base);
}

/* NKEY: a new id, and the secret under which the metadata of notifications is encrypted. */
static enum smq_result prepare_notifier(struct change *change) {
    struct dh_secret secret;
    random_bytes(change->notifier_id, SMP_ENTITY_ID_SIZE);
    enum smq_result result = key_pair_generate(KEY_X25519, &change->dh_key);
    if (result == SMQ_OK)
        result = dh(&change->dh_key.private_key, &change->command.notifier.dh_key, &secret);
    if (result != SMQ_OK)
        return SMQ_ERR_AUTH;
    memcpy(change->dh_secret, secret.bytes, QUEUE_SECRET_SIZE);
    dh_secret_wipe(&secret);
    return SMQ_OK;
}

void execute_change(const struct execution *execution) {
    struct command_slot *slot = execution->slot;
    const struct change_row *row = change_row(slot->tag);
    struct change *change = memory_zalloc(sizeof *change);
    enum smq_result result = change == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
    if (result == SMQ_OK) {
        slot_own(&slot->base, change, release);
        change->command = *execution->command;
        change->now_s = execution->now_s;
        if (row->contact_only && execution->record->mode != SMP_MODE_CONTACT)
            result = SMQ_ERR_AUTH;
        if (slot->tag == SMP_NKEY)
            result = prepare_notifier(change);
    }
    if (result != SMQ_OK) {
        slot_answer_result(slot, result);
        slot_done(&slot->base);
        return;
    }
    slot->old_notifier = &change->deleted.notifier;
    slot->move.had_service = false;
    slot->request.operation = (struct store_operation){
        .grows = row->grows,
        .bytes = slot->bytes.length,
        .apply = change_apply,
        .completed = change_completed,
    };
    post_writer(&execution->router->base, &slot->request);
}
