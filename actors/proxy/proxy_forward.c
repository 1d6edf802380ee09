/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* PFWD (reference: Server.hs, processProxiedCmd). It needs neither the store nor the commands beside it, so a block
 * that holds just one is forwarded by the receive lane that has opened it, while its bytes are in that processor's
 * cache; all others, and all that are refused or have to wait, take the way of other commands. The answer is decrypted
 * and passed on by the lane that received it. */
#include <stddef.h>
#include <string.h>

#include "actors/proxy/execute_proxy.h"
#include "actors/proxy/proxy.h"
#include "actors/router/session_credit.h"
#include "queues/base/memory.h"
#include "transport/smp/batch.h"

static struct proxy *proxy_of(const struct proxied_command *command) {
    return command->session->router->proxy;
}

/* ---- the relay's answer */

static const char answer_word[] = "PRES ";
enum { WORD_LENGTH = sizeof answer_word - 1 };

/* PRES with what the relay answered: the word goes over what then stands in front of the payload. */
static struct slice answer_of(struct slice payload) {
    uint8_t *start = (uint8_t *)(uintptr_t)payload.bytes - WORD_LENGTH;
    memcpy(start, answer_word, WORD_LENGTH);
    return slice_of(start, WORD_LENGTH + payload.length);
}

/* Where the answer is that the client gets. */
struct opened_answer {
    struct slice response;
    struct block *block; /* in this one, */
    uint8_t *bytes;      /* or in this memory */
};

/* Decrypts the answer in the block that it came in, or, when that cannot be spared, to memory of its own. */
static enum smq_result open_answer(const struct forward_answer *answer, struct opened_answer *opened) {
    struct slice payload;
    enum smq_result result;
    if (answer->block != NULL && block_can_be_kept(*answer->block)) {
        result = forward_open_in_block(answer, &payload);
        if (result == SMQ_OK) {
            opened->block = *answer->block;
            *answer->block = NULL;
        }
    } else {
        opened->bytes = memory_alloc(WORD_LENGTH + answer->sealed.length);
        if (opened->bytes == NULL)
            return SMQ_ERR_NO_MEMORY;
        result = forward_open(answer, opened->bytes + WORD_LENGTH, &payload);
    }
    if (result == SMQ_OK)
        opened->response = answer_of(payload);
    else
        memory_free(opened->bytes);
    return result;
}

/* The receive lane of the relay's connection, usually. */
static void relay_answered(struct forward *forward, const struct forward_answer *answer) {
    struct proxied_command *command =
        (struct proxied_command *)(void *)((char *)forward - offsetof(struct proxied_command, forward));
    char text[SMQ_ERROR_TEXT_SIZE];
    struct forward_answer outcome = *answer;
    struct opened_answer opened = {.block = NULL};
    if (outcome.result == SMQ_OK)
        outcome.result = open_answer(answer, &opened);
    bool answered = outcome.result == SMQ_OK || (outcome.result == SMQ_ERR_PROTOCOL && outcome.error != NULL);
    proxy_count(&proxy_of(command)->forwards, command->own,
                answered ? PROXY_COUNTER(successes) : PROXY_COUNTER(errors_other));
    if (outcome.result == SMQ_OK && opened.block != NULL)
        proxied_answer_in_block(command, opened.block, opened.response);
    else if (outcome.result == SMQ_OK)
        proxied_answer_encoded(command, opened.bytes, opened.response);
    else
        proxied_answer_error(command, proxy_error_of_answer(&outcome, text));
}

static void forward_now(struct proxied_command *command) {
    struct proxy *proxy = proxy_of(command);
    size_t size = sizeof *command + (command->block != NULL ? SMP_BLOCK_SIZE : command->command.payload.length);
    if (!proxy_take_bytes(proxy, size)) {
        proxy_count(&proxy->forwards, command->own, PROXY_COUNTER(errors_other));
        proxied_answer_error(command, proxy_error_of_send(SMQ_ERR_NO_CREDIT));
        return;
    }
    command->counted_bytes = size;
    struct block *block = command->block; /* the command may be answered, and gone, before client_forward returns */
    command->block = NULL;
    command->forward.done = relay_answered;
    enum smq_result result = client_forward(command->client, &command->command, &block,
                                            live_value(proxy->router->live.forward_timeout_ms), &command->forward);
    if (block != NULL)
        block_release(block);
    if (result == SMQ_OK)
        return;
    proxy_count(&proxy->forwards, command->own, PROXY_COUNTER(errors_other));
    proxied_answer_error(command, proxy_error_of_send(result));
}

/* ---- the command */

/* Where a command goes: the relay's connection, referenced. */
struct destination {
    struct smq_client *client;
    bool own; /* counted for our own relays, too */
};

/* SMQ_ERR_NOT_FOUND: no such session; SMQ_ERR_VERSION: it cannot be forwarded to. `own` is set unless it is not
 * found. */
static enum smq_result find_destination(const struct smp_router *router, struct slice session_id,
                                        struct destination *destination) {
    const struct proxy *proxy = router->proxy;
    struct relay_facts facts;
    destination->client = proxy == NULL ? NULL : client_agent_find_session(proxy->agent, session_id);
    if (destination->client == NULL)
        return SMQ_ERR_NOT_FOUND;
    client_relay_facts(destination->client, &facts);
    destination->own = proxy_is_own(proxy, facts.host);
    if (facts.version >= SMP_VERSION_PROXY)
        return SMQ_OK;
    smq_client_agent_client_release(&destination->client);
    return SMQ_ERR_VERSION;
}

/* The command, to be submitted; takes over the reference of the destination, also when it is out of memory (NULL). The
 * payload stays in `block`, where client_forward may write in front of it. */
static struct proxied_command *make(struct client_session *session, struct block *block,
                                    const struct smp_command *command, struct slice correlation_id,
                                    struct slice entity_id, struct destination *destination) {
    struct proxied_command *proxied = proxied_create(session, forward_now, correlation_id, entity_id);
    if (proxied == NULL) {
        smq_client_agent_client_release(&destination->client);
        return NULL;
    }
    proxied->own = destination->own;
    proxied->client = destination->client;
    proxied->command = (struct proxy_forward){
        .corr_id = proxied_correlation_id(proxied),
        .version = command->forward.version,
        .client_key = command->forward.key,
        .payload =
            slice_of(block->bytes + (command->forward.payload.bytes - block->bytes), command->forward.payload.length),
    };
    return proxied;
}

static void refuse(const struct execution *execution, struct smp_error error) {
    slot_answer_error(execution->slot, error);
    slot_done(execution->slot);
}

/* A command whose destination could not be found. */
static void refuse_destination(const struct execution *execution, enum smq_result result, bool own) {
    struct proxy *proxy = execution->router->proxy;
    bool compatible = result == SMQ_ERR_NOT_FOUND;
    if (proxy != NULL)
        proxy_count(&proxy->forwards, own, compatible ? PROXY_COUNTER(errors_connect) : PROXY_COUNTER(errors_compat));
    refuse(execution, compatible ? smp_error_proxy(SMP_PROXY_NO_SESSION)
                                 : smp_error_broker_transport(smp_transport_error_of(SMP_TRANSPORT_VERSION)));
}

void execute_proxy_forward(const struct execution *execution) {
    struct proxy *proxy = execution->router->proxy;
    struct command_slot *slot = execution->slot;
    struct destination destination = {.own = false};
    enum smq_result result = find_destination(execution->router, slot->entity_id, &destination);
    if (proxy != NULL)
        proxy_count(&proxy->forwards, destination.own, PROXY_COUNTER(requests));
    if (result != SMQ_OK) {
        refuse_destination(execution, result, destination.own);
        return;
    }
    struct proxied_command *proxied = make(execution->session, slot->batch->block, execution->command,
                                           slot->correlation_id, slot->entity_id, &destination);
    if (proxied == NULL) {
        refuse(execution, smp_error_of(SMP_ERROR_INTERNAL));
        return;
    }
    slot->answer = ANSWER_ELSEWHERE;
    proxied_submit(proxied);
    slot_done(slot);
}

/* Whether the content is one PFWD that nothing is wrong with. */
static bool is_single_forward(const struct client_session *session, struct slice content,
                              struct smp_transmission *transmission, struct smp_command *command) {
    static const char word[] = "PFWD ";
    struct smp_envelope envelope = smp_session_envelope(&session->smp);
    struct smp_content reader;
    struct slice bytes;
    struct smp_error error;
    return smp_content_open(content, &reader) == SMQ_OK && reader.count == 1 && smp_content_next(&reader, &bytes) &&
           smp_transmission_parse(&envelope, bytes, transmission, &error) == SMQ_OK &&
           transmission->authorization_kind == SMP_AUTHORIZATION_NONE &&
           transmission->command.length >= sizeof word - 1 &&
           memcmp(transmission->command.bytes, word, sizeof word - 1) == 0 &&
           smp_command_parse(envelope.version, transmission->command, command, &error) == SMQ_OK &&
           smp_command_check_credentials(command, false, transmission->entity_id.length > 0, &error) == SMQ_OK;
}

/* Commands of one client are forwarded in their order: none overtakes those that went, or go, through the process
 * lane. */
static bool others_are_before(struct client_session *session) {
    return session_has_unanswered(session) || atomic_load(&session->proxied.waiting) > 0;
}

bool proxy_forward_received(struct client_session *session, struct block *block, struct slice content) {
    struct proxy *proxy = session->router->proxy;
    struct smp_transmission transmission;
    struct smp_command command;
    struct destination destination;
    if (proxy == NULL || session->service.present || others_are_before(session) ||
        !is_single_forward(session, content, &transmission, &command) ||
        find_destination(session->router, transmission.entity_id, &destination) != SMQ_OK)
        return false;
    struct proxied_command *proxied =
        make(session, block, &command, transmission.correlation_id, transmission.entity_id, &destination);
    if (proxied == NULL)
        return false;
    if (!proxied_start(proxied, block)) {
        proxied_destroy(&proxied);
        return false;
    }
    proxy_count(&proxy->forwards, destination.own, PROXY_COUNTER(requests));
    return true;
}
