/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* PRXY and PFWD (reference: Server.hs, processProxiedCmd). What can be decided without a relay is answered by the
 * process lane; all else is answered where the relay's part is told: on the agent's thread, or on a process lane of the
 * client's. */
#include "actors/smp/execute_proxy.h"

#include <stddef.h>
#include <string.h>

#include "actors/smp/proxy.h"
#include "queues/base/memory.h"
#include "transport/wire/address.h"

enum { CONNECT_MARGIN_MS = 5000 }; /* an attempt ends by its own time-out first */

#define COUNTER(name) offsetof(struct proxy_counters, name)

static struct proxy *proxy_of(const struct proxied_command *command) {
    return command->session->router->proxy;
}

static void refuse(const struct execution *execution, struct smp_error error) {
    slot_answer_error(execution->slot, error);
    slot_done(execution->slot);
}

/* The writable place of bytes that lie in the slot's block. */
static struct slice in_block(const struct command_slot *slot, struct slice bytes) {
    struct block *block = slot->batch->block;
    return slice_of(block->bytes + (bytes.bytes - block->bytes), bytes.length);
}

/* ---- PRXY */

/* The server's address as text, for the agent; NULL: out of memory. */
static char *address_text(struct slice binary, const struct proxy *proxy, bool *own) {
    struct server_address address;
    struct reader reader = reader_of(binary);
    char *text = memory_alloc(ADDRESS_TEXT_MAX + 1);
    if (text == NULL)
        return NULL;
    read_server_address(&reader, ADDRESS_SMP, &address); /* was read when the command was parsed */
    struct writer writer = writer_of(text, ADDRESS_TEXT_MAX);
    write_server_address_text(&writer, &address, NULL, 0);
    text[writer_length(&writer)] = 0;
    *own = agent_is_own_server(proxy->own_domains, server_address_host(&address, 0));
    return text;
}

void execute_proxy_session(const struct execution *execution) {
    struct proxy *proxy = execution->router->proxy;
    const struct smp_command *command = execution->command;
    if (proxy == NULL || !password_matches(execution->router, command->proxy.has_password, command->proxy.password)) {
        refuse(execution, smp_error_proxy(SMP_PROXY_BASIC_AUTH));
        return;
    }
    struct proxied_command *proxied = proxied_create(execution->slot);
    if (proxied == NULL) {
        refuse(execution, smp_error_of(SMP_ERROR_INTERNAL));
        return;
    }
    proxied->address = address_text(command->proxy.server, proxy, &proxied->own);
    if (proxied->address == NULL)
        proxied_answer_error(proxied, smp_error_of(SMP_ERROR_INTERNAL));
    else
        proxied_submit(proxied);
    slot_done(execution->slot);
}

static void answer_connect_error(struct proxied_command *command, enum smq_result result,
                                 const struct smq_error *error) {
    size_t counter;
    struct smp_error told = proxy_error_of_connect(result, error, &counter);
    proxy_count(&proxy_of(command)->relays, command->own, counter);
    proxied_answer_error(command, told);
}

/* Agent's thread. */
static void relay_connected(struct agent_waiter *waiter, enum smq_result result, const struct smq_error *error,
                            struct smq_client *client) {
    struct proxied_command *command =
        (struct proxied_command *)(void *)((char *)waiter - offsetof(struct proxied_command, waiter));
    if (result != SMQ_OK) {
        answer_connect_error(command, result, error);
        return;
    }
    struct relay_facts facts;
    client_relay_facts(client, &facts);
    struct smp_response response = proxy_key_response(&facts);
    proxy_count(&proxy_of(command)->relays, command->own,
                response.tag == SMP_PKEY ? COUNTER(successes) : COUNTER(errors_compat));
    proxied_answer(command, &response);
    smq_agent_client_release(&client);
}

void execute_proxy_connect(struct proxied_command *command) {
    struct proxy *proxy = proxy_of(command);
    uint32_t timeout_ms = proxy->router->config.proxy.connect_timeout_ms + CONNECT_MARGIN_MS;
    proxy_count(&proxy->relays, command->own, COUNTER(requests));
    command->waiter.done = relay_connected;
    enum smq_result result = agent_connect(proxy->agent, command->address, timeout_ms, &command->waiter);
    if (result != SMQ_OK)
        answer_connect_error(command, result, NULL);
}

/* ---- PFWD */

/* PRES with what the relay answered, in memory for the command. Decrypted behind the room for the tag, which goes over
 * what then stands in front of the payload. */
static enum smq_result open_answer(const struct forward_answer *answer, uint8_t **bytes, struct slice *response) {
    static const char tag[] = "PRES ";
    enum { TAG_LENGTH = sizeof tag - 1 };
    struct slice payload;
    uint8_t *room = memory_alloc(TAG_LENGTH + answer->sealed.length);
    if (room == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = forward_open(answer, room + TAG_LENGTH, &payload);
    if (result != SMQ_OK) {
        memory_free(room);
        return result;
    }
    uint8_t *start = room + (payload.bytes - room) - TAG_LENGTH;
    memcpy(start, tag, TAG_LENGTH);
    *bytes = room;
    *response = slice_of(start, TAG_LENGTH + payload.length);
    return SMQ_OK;
}

/* Process lane of the client. */
static void relay_answered(struct forward *forward, const struct forward_answer *answer) {
    struct proxied_command *command =
        (struct proxied_command *)(void *)((char *)forward - offsetof(struct proxied_command, forward));
    char text[SMQ_ERROR_TEXT_SIZE];
    struct forward_answer outcome = *answer;
    struct slice response = slice_of(NULL, 0);
    uint8_t *bytes = NULL;
    if (outcome.result == SMQ_OK)
        outcome.result = open_answer(answer, &bytes, &response);
    bool answered = outcome.result == SMQ_OK || (outcome.result == SMQ_ERR_PROTOCOL && outcome.error != NULL);
    proxy_count(&proxy_of(command)->forwards, command->own, answered ? COUNTER(successes) : COUNTER(errors_other));
    if (outcome.result == SMQ_OK)
        proxied_answer_encoded(command, bytes, response);
    else
        proxied_answer_error(command, proxy_error_of_answer(&outcome, text));
}

void execute_proxy_forward_now(struct proxied_command *command) {
    struct proxy *proxy = proxy_of(command);
    command->forward.done = relay_answered;
    enum smq_result result = client_forward(command->client, &command->command,
                                            proxy->router->config.proxy.forward_timeout_ms, &command->forward);
    if (result == SMQ_OK)
        return;
    proxy_count(&proxy->forwards, command->own, COUNTER(errors_other));
    proxied_answer_error(command, proxy_error_of_send(result));
}

/* The relay's connection is known. Takes over the reference to the client. */
static void forward_to(const struct execution *execution, struct smq_client *client, bool own) {
    struct command_slot *slot = execution->slot;
    const struct smp_command *command = execution->command;
    struct proxied_command *proxied = proxied_create(slot);
    if (proxied == NULL) {
        smq_agent_client_release(&client);
        refuse(execution, smp_error_of(SMP_ERROR_INTERNAL));
        return;
    }
    proxied->own = own;
    proxied->client = client;
    proxied->command = (struct proxy_forward){
        .corr_id = proxied_correlation_id(proxied),
        .version = command->forward.version,
        .client_key = command->forward.key,
        .payload = in_block(slot, command->forward.payload),
    };
    proxied_submit(proxied);
    slot_done(slot);
}

void execute_proxy_forward(const struct execution *execution) {
    struct proxy *proxy = execution->router->proxy;
    struct smq_client *client = proxy == NULL ? NULL : agent_find_session(proxy->agent, execution->slot->entity_id);
    if (client == NULL) {
        if (proxy != NULL) {
            proxy_count(&proxy->forwards, false, COUNTER(requests));
            proxy_count(&proxy->forwards, false, COUNTER(errors_connect));
        }
        refuse(execution, smp_error_proxy(SMP_PROXY_NO_SESSION));
        return;
    }
    struct relay_facts facts;
    client_relay_facts(client, &facts);
    bool own = agent_is_own_server(proxy->own_domains, facts.host);
    proxy_count(&proxy->forwards, own, COUNTER(requests));
    if (facts.version < SMP_VERSION_PROXY) {
        proxy_count(&proxy->forwards, own, COUNTER(errors_compat));
        smq_agent_client_release(&client);
        refuse(execution, smp_error_broker_transport(smp_transport_error_of(SMP_TRANSPORT_VERSION)));
        return;
    }
    forward_to(execution, client, own);
}
