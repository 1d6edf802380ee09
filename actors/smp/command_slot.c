/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Answers of SMP commands. */
#include "actors/smp/command_slot.h"

#include <string.h>

#include "actors/smp/metrics.h"
#include "actors/smp/roles.h"

struct transmission_form slot_form(const struct command_slot *slot) {
    struct transmission_form form = smp_session_form(&slot_session(slot)->smp);
    if (slot->forwarded != NULL)
        form.version = slot->forwarded->version;
    return form;
}

void slot_answer(struct command_slot *slot, struct smp_response response) {
    slot->answer = ANSWER_READY;
    slot->response = response;
}

void slot_answer_error(struct command_slot *slot, struct smp_error error) {
    smp_count_error(slot_router(slot), slot->tag, &error);
    slot_answer(slot, smp_response_error(error));
}

void slot_answer_result(struct command_slot *slot, enum smq_result result) {
    switch (result) {
    case SMQ_OK:
        slot_answer(slot, smp_response_ok());
        break;
    case SMQ_ERR_NOT_FOUND:
    case SMQ_ERR_AUTH:
    case SMQ_ERR_EXISTS:
        slot_answer_error(slot, smp_error_of(SMP_ERROR_AUTH));
        break;
    case SMQ_ERR_STORE_FULL:
        slot_answer_error(slot, smp_error_store(slice_of_text("the store is full")));
        break;
    case SMQ_ERR_STORE:
    case SMQ_ERR_NO_MEMORY:
        slot_answer_error(slot, smp_error_store(slice_of_text(smq_result_text(result))));
        break;
    default:
        slot_answer_error(slot, smp_error_of(SMP_ERROR_INTERNAL));
        break;
    }
}

void slot_answer_message(struct command_slot *slot, uint64_t queue, uint64_t sequence,
                         const uint8_t id[MESSAGE_ID_SIZE]) {
    slot->answer = ANSWER_FROM_STORE;
    slot->stored = STORED_MESSAGE;
    slot->message_reference.queue = queue;
    slot->message_reference.sequence = sequence;
    memcpy(slot->message_reference.id, id, MESSAGE_ID_SIZE);
}

void slot_answer_link(struct command_slot *slot, uint64_t queue) {
    slot->answer = ANSWER_FROM_STORE;
    slot->stored = STORED_LINK;
    slot->message_reference.queue = queue;
}

void slot_fail(struct command_slot *slot, struct smp_error error) {
    slot_answer_error(slot, error);
    slot_done(&slot->base);
}

void command_slot_finish(struct slot *base) {
    struct command_slot *slot = owner_of(base, struct command_slot, base);
    forwarded_destroy(&slot->forwarded);
    kept_answer_destroy(&slot->kept);
}
