/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* PRXY (reference: Server.hs, processProxiedCmd). What can be decided without a relay is answered by the process lane;
 * all else on the agent's thread. */
#include "actors/smp/execute_proxy.h"

#include <stddef.h>
#include <string.h>

#include "actors/smp/proxy.h"
#include "queues/base/memory.h"
#include "transport/wire/address.h"

enum { CONNECT_MARGIN_MS = 5000 }; /* an attempt ends by its own time-out first */

static struct proxy *proxy_of(const struct proxied_command *command) {
    return command->session->router->proxy;
}

static void refuse(const struct execution *execution, struct smp_error error) {
    slot_answer_error(execution->slot, error);
    slot_done(execution->slot);
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
    if (proxy == NULL ||
        !live_password_matches(&execution->router->live, command->proxy.has_password, command->proxy.password)) {
        refuse(execution, smp_error_proxy(SMP_PROXY_BASIC_AUTH));
        return;
    }
    struct command_slot *slot = execution->slot;
    struct proxied_command *proxied =
        proxied_create(execution->session, slot->tag, slot->correlation_id, slot->entity_id);
    if (proxied == NULL) {
        refuse(execution, smp_error_of(SMP_ERROR_INTERNAL));
        return;
    }
    slot->answer = ANSWER_ELSEWHERE;
    proxied->address = address_text(command->proxy.server, proxy, &proxied->own);
    if (proxied->address == NULL)
        proxied_answer_error(proxied, smp_error_of(SMP_ERROR_INTERNAL));
    else
        proxied_submit(proxied);
    slot_done(slot);
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
                response.tag == SMP_PKEY ? PROXY_COUNTER(successes) : PROXY_COUNTER(errors_compat));
    proxied_answer(command, &response);
    smq_agent_client_release(&client);
}

void execute_proxy_connect(struct proxied_command *command) {
    struct proxy *proxy = proxy_of(command);
    uint32_t timeout_ms = proxy->router->config.proxy.connect_timeout_ms + CONNECT_MARGIN_MS;
    proxy_count(&proxy->relays, command->own, PROXY_COUNTER(requests));
    command->waiter.done = relay_connected;
    enum smq_result result = agent_connect(proxy->agent, command->address, timeout_ms, &command->waiter);
    if (result != SMQ_OK)
        answer_connect_error(command, result, NULL);
}
