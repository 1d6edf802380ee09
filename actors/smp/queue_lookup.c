/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Look-ups in a short snapshot. */
#include "actors/smp/queue_lookup.h"

#include <string.h>

#include "queues/base/memory.h"
#include "queues/base/secret.h"

static bool party_of(enum smp_party smp, enum queue_party *party) {
    switch (smp) {
    case SMP_PARTY_RECIPIENT:
        *party = QUEUE_RECIPIENT;
        return true;
    case SMP_PARTY_SENDER:
        *party = QUEUE_SENDER;
        return true;
    case SMP_PARTY_SENDER_LINK:
        *party = QUEUE_LINK;
        return true;
    case SMP_PARTY_NOTIFIER:
        *party = QUEUE_NOTIFIER;
        return true;
    default:
        return false;
    }
}

static enum smq_result ensure_room(struct queue_lookup *lookup, size_t size) {
    if (lookup->capacity >= size)
        return SMQ_OK;
    uint8_t *bytes = memory_alloc(size);
    if (bytes == NULL)
        return SMQ_ERR_NO_MEMORY;
    queue_lookup_finish(lookup);
    lookup->bytes = bytes;
    lookup->capacity = size;
    return SMQ_OK;
}

static void move(struct slice *slice, uint8_t **to) {
    if (slice->length > 0)
        memcpy(*to, slice->bytes, slice->length);
    slice->bytes = *to;
    *to += slice->length;
}

static void move_secret(const uint8_t **secret, uint8_t **to) {
    if (*secret == NULL)
        return;
    memcpy(*to, *secret, QUEUE_SECRET_SIZE);
    *secret = *to;
    *to += QUEUE_SECRET_SIZE;
}

/* Takes what the record points to out of the snapshot. */
static enum smq_result keep(struct queue_lookup *lookup) {
    struct queue_record *record = &lookup->record;
    struct slice *const slices[] = {
        &record->recipient_id,         &record->sender_id,   &record->link_id,      &record->recipient_keys,
        &record->sender_key,           &record->notifier.id, &record->notifier.key, &record->notifier.service_id,
        &record->recipient_service_id, &record->status_info,
    };
    size_t size = 2 * (size_t)QUEUE_SECRET_SIZE;
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++)
        size += slices[i]->length;
    enum smq_result result = ensure_room(lookup, size);
    if (result != SMQ_OK)
        return result;
    uint8_t *to = lookup->bytes;
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++)
        move(slices[i], &to);
    move_secret(&record->recipient_dh_secret, &to);
    move_secret(&record->notifier.dh_secret, &to);
    return SMQ_OK;
}

static uint64_t number_of(struct store_txn *txn, enum queue_party party, struct slice id) {
    uint64_t number;
    return id.length > 0 && queue_store_find(txn, party, id, &number) == SMQ_OK ? number : 0;
}

static void find_others(struct queue_lookup *lookup, struct store_txn *txn, const struct smp_command *command) {
    if (command->tag == SMP_NEW && command->create.has_link) {
        lookup->others[0] = number_of(txn, QUEUE_SENDER, command->create.sender_id);
        lookup->others[1] = number_of(txn, QUEUE_LINK, command->create.link_id);
    } else if (command->tag == SMP_LSET) {
        lookup->others[0] = number_of(txn, QUEUE_LINK, command->link_set.link_id);
    }
}

void queue_lookup_run(struct queue_lookup *lookup, struct store_reader *reader, const struct smp_command *command,
                      struct slice entity_id) {
    enum queue_party party;
    struct store_txn *txn;
    bool has_queue = party_of(smp_command_info(command->tag)->party, &party);
    lookup->result = SMQ_ERR_EMPTY;
    lookup->others[0] = lookup->others[1] = 0;
    if (!has_queue && command->tag != SMP_NEW)
        return;
    enum smq_result result = store_reader_begin(reader, &txn);
    if (result == SMQ_OK) {
        find_others(lookup, txn, command);
        result = has_queue ? queue_store_find_record(txn, party, entity_id, &lookup->record) : SMQ_ERR_EMPTY;
        if (result == SMQ_OK)
            result = keep(lookup);
        store_reader_end(reader);
    }
    lookup->result = result;
}

void queue_lookup_finish(struct queue_lookup *lookup) {
    if (lookup->bytes != NULL)
        secret_wipe(lookup->bytes, lookup->capacity);
    memory_free(lookup->bytes);
    lookup->bytes = NULL;
    lookup->capacity = 0;
}
