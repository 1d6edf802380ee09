/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* RFWD and RRES on the wire: how a forwarded command gets into a block, and what a relay's answer to it means. */
#include <string.h>

#include "actors/client/smp/forwarding.h"
#include "transport/block/batch.h"

/* ---- sending */

static struct forwarding *forwarding_of_item(struct outgoing *item) {
    return (struct forwarding *)(void *)item;
}

static enum smq_result write_forward(const struct smq_client *client, struct forwarding *forwarding,
                                     struct writer *writer) {
    struct transmission_form form = smp_session_form(&smp_client(client)->session);
    const struct smp_command command = {.tag = SMP_RFWD, .payload = slice_of(forwarding->sealed, forwarding->size)};
    struct transmission_draft draft;
    transmission_begin(&form, writer, 0, false, slice_of(forwarding->correlation_id, BOX_NONCE_SIZE), slice_of(NULL, 0),
                       &draft);
    smp_command_write(form.version, &command, writer);
    return transmission_end(&form, writer, &draft, slice_of(NULL, 0), NULL);
}

enum smq_result forward_fill(struct smq_client *client, struct outgoing_queue *queue, struct request_block *block) {
    struct forwarding *forwarding = forwarding_of_item(outgoing_first(queue));
    struct writer before = block->writer;
    uint32_t queued = FORWARDING_QUEUED;
    enum smq_result result = write_forward(client, forwarding, &block->writer);
    if (result != SMQ_OK && block->count > 0) {
        block->writer = before;
        return SMQ_ERR_TOO_LARGE;
    }
    (void)outgoing_take(queue);
    if (result == SMQ_OK && atomic_compare_exchange_strong(&forwarding->stage, &queued, FORWARDING_SENT))
        block->count++;
    else
        block->writer = before;
    forwarding_account_sent(client, forwarding);
    if (result != SMQ_OK)
        (void)forwarding_fail(forwarding, result);
    forwarding_release(forwarding);
    return SMQ_OK;
}

enum smq_result forward_fill_own(struct connection *connection, void *state, struct outgoing_queue *queue,
                                 uint8_t **bytes, struct block **block) {
    (void)connection;
    static const char word[FORWARD_WORD_LENGTH + 1] = "RFWD ";
    struct smq_client *client = state;
    struct forwarding *forwarding = forwarding_of_item(outgoing_first(queue));
    if (forwarding->outgoing.kind != OUTGOING_FORWARD || forwarding->block == NULL)
        return SMQ_ERR_AGAIN;
    uint32_t queued = FORWARDING_QUEUED;
    enum smq_result result = SMQ_ERR_EMPTY;
    (void)outgoing_take(queue);
    if (atomic_compare_exchange_strong(&forwarding->stage, &queued, FORWARDING_SENT)) {
        uint8_t *command = forwarding->sealed - FORWARD_WORD_LENGTH;
        memcpy(command, word, FORWARD_WORD_LENGTH);
        result = smp_session_seal_around(&smp_client(client)->session,
                                         slice_of(forwarding->correlation_id, BOX_NONCE_SIZE), slice_of(NULL, 0),
                                         slice_of(command, FORWARD_WORD_LENGTH + forwarding->size), bytes);
    }
    if (result == SMQ_OK) {
        *block = forwarding->block;
        forwarding->block = NULL;
        forwarding->sealed = NULL;
        atomic_fetch_add_explicit(&client->blocks_sent, 1, memory_order_relaxed);
    } else if (result != SMQ_ERR_EMPTY) {
        (void)forwarding_fail(forwarding, result);
        result = SMQ_ERR_EMPTY;
    }
    forwarding_account_sent(client, forwarding);
    forwarding_release(forwarding);
    return result;
}

void forward_discard(struct smq_client *client, struct outgoing *item) {
    struct forwarding *forwarding = forwarding_of_item(item);
    forwarding_account_sent(client, forwarding);
    forwarding_release(forwarding);
}

/* ---- answers */

static void judge(const struct relay_said *said, struct forward_answer *answer) {
    const struct smp_response *response = said->response;
    *answer = (struct forward_answer){.result = SMQ_ERR_PROTOCOL, .block = said->block};
    if (said->transmission->entity_id.length > 0) {
        answer->text = "response for another entity";
    } else if (said->parsed != SMQ_OK) {
        answer->result = SMQ_ERR_SYNTAX;
        answer->error = said->error;
    } else if (response->tag == SMP_RRES) {
        answer->result = SMQ_OK;
        answer->sealed = response->payload;
    } else {
        answer->error = response->tag == SMP_ERR ? &response->error : NULL;
        answer->text = smp_response_tag_text(response->tag);
    }
}

bool forward_answered(struct smq_client *client, const struct relay_said *said) {
    struct forwarding *forwarding = forwarding_find(client, said->transmission->correlation_id);
    if (forwarding == NULL)
        return false;
    if (forwarding_take(forwarding)) {
        struct forward_answer answer;
        judge(said, &answer);
        forwarding_tell(forwarding, &answer);
    }
    forwarding_release(forwarding);
    return true;
}

bool forward_received(struct smq_client *client, struct block *block) {
    struct slice bytes;
    struct block_content content;
    struct transmission transmission;
    struct smp_response response;
    struct smp_error error;
    struct transmission_form form = smp_session_form(&smp_client(client)->session);
    /* A proxy's blocks are not encrypted inside of TLS: to open one changes nothing of the session. */
    if (smp_client(client)->relay == NULL || smp_client(client)->session.encrypted ||
        smp_session_open_block(&smp_client(client)->session, block->bytes, &bytes) != SMQ_OK ||
        block_content_open(bytes, &content) != SMQ_OK || content.count != 1 || !block_content_next(&content, &bytes) ||
        smp_transmission_parse(&form, bytes, &transmission, &error) != SMQ_OK)
        return false;
    enum smq_result parsed = smp_response_parse(form.version, transmission.command, &response, &error);
    if (parsed == SMQ_OK)
        parsed = smp_response_check_entity(&response, transmission.entity_id.length > 0, &error);
    struct block *held = block;
    if (!forward_answered(client, &(struct relay_said){&transmission, parsed, &response, &error, &held}))
        return false;
    if (held != NULL)
        block_release(held);
    atomic_fetch_add_explicit(&client->blocks_received, 1, memory_order_relaxed);
    atomic_store_explicit(&client->timeouts, 0, memory_order_relaxed);
    return true;
}

enum smq_result forward_open(const struct forward_answer *answer, uint8_t *output, struct slice *payload) {
    const struct forwarding *forwarding = answer->forwarding;
    struct proxy_response response;
    enum smq_result result = proxy_response_open_to(&smp_client(forwarding->client)->relay->key,
                                                    forwarding->correlation_id, answer->sealed, output, &response);
    if (result == SMQ_OK)
        *payload = response.payload;
    return result;
}

enum smq_result forward_open_in_block(const struct forward_answer *answer, struct slice *payload) {
    const struct forwarding *forwarding = answer->forwarding;
    struct block *block = *answer->block;
    struct proxy_response response;
    enum smq_result result =
        proxy_response_open(&smp_client(forwarding->client)->relay->key, forwarding->correlation_id,
                            block->bytes + (answer->sealed.bytes - block->bytes), answer->sealed.length, &response);
    if (result == SMQ_OK)
        *payload = response.payload;
    return result;
}
