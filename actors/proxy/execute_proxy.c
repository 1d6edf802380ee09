/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* PRXY (reference: Server.hs, processProxiedCmd). What can be decided without a relay is answered by the process lane;
 * all else on the agent's thread. */
#include "actors/proxy/execute_proxy.h"

#include <stddef.h>
#include <string.h>

#include "actors/net/admission.h"
#include "actors/proxy/proxy.h"
#include "queues/base/memory.h"
#include "transport/wire/address.h"

_Static_assert((int)ADMISSION_KEY_SIZE == (int)CLIENT_AGENT_SHARE_KEY_SIZE, "a share is an address");

enum { CONNECT_MARGIN_MS = 5000 }; /* an attempt ends by its own time-out first */

static struct proxy *proxy_of(const struct proxied_command *command) {
    return command->session->router->proxy;
}

static void refuse(const struct execution *execution, struct smp_error error) {
    slot_answer_error(execution->slot, error);
    slot_done(execution->slot);
}

/* ---- PRXY */

/* The relay's address as text, for the agent. SMQ_ERR_NO_MEMORY, or what proxy_relay_address returns. */
static enum smq_result address_text(struct slice binary, const struct proxy *proxy, struct proxied_command *command) {
    struct server_address listed, relay;
    struct reader reader = reader_of(binary);
    read_server_address(&reader, ADDRESS_SMP, &listed); /* was read when the command was parsed */
    command->own = proxy_is_own(proxy, server_address_host(&listed, 0));
    enum smq_result result = proxy_choose_address(proxy, &listed, &relay);
    if (result != SMQ_OK)
        return result;
    command->address = memory_alloc(ADDRESS_TEXT_MAX + 1);
    if (command->address == NULL)
        return SMQ_ERR_NO_MEMORY;
    struct writer writer = writer_of(command->address, ADDRESS_TEXT_MAX);
    write_server_address_text(&writer, &relay, NULL, 0);
    command->address[writer_length(&writer)] = 0;
    return SMQ_OK;
}

static void answer_connect_error(struct proxied_command *command, enum smq_result result,
                                 const struct smq_error *error) {
    size_t counter;
    struct smp_error told = proxy_error_of_connect(result, error, &counter);
    proxy_count(&proxy_of(command)->relays, command->own, counter);
    proxied_answer_error(command, told);
}

/* Agent's thread. */
static void relay_connected(struct client_agent_waiter *waiter, enum smq_result result, const struct smq_error *error,
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
    smq_client_agent_client_release(&client);
}

static void connect_relay(struct proxied_command *command) {
    struct proxy *proxy = proxy_of(command);
    uint32_t timeout_ms = live_value(proxy->router->live.relay_connect_timeout_ms) + CONNECT_MARGIN_MS;
    proxy_count(&proxy->relays, command->own, PROXY_COUNTER(requests));
    command->waiter.done = relay_connected;
    command->waiter.owner_waits = &command->session->proxied.relay_waits;
    const struct admission_key *address = connection_address_key(command->session->connection);
    command->waiter.has_share = address != NULL;
    if (address != NULL)
        memcpy(command->waiter.share_key, address->bytes, sizeof command->waiter.share_key);
    enum smq_result result = client_agent_connect(proxy->agent, command->address, timeout_ms, &command->waiter);
    if (result != SMQ_OK)
        answer_connect_error(command, result, NULL);
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
        proxied_create(execution->session, connect_relay, slot->correlation_id, slot->entity_id);
    if (proxied == NULL) {
        refuse(execution, smp_error_of(SMP_ERROR_INTERNAL));
        return;
    }
    slot->answer = ANSWER_ELSEWHERE;
    enum smq_result result = address_text(command->proxy.server, proxy, proxied);
    if (result == SMQ_OK) {
        proxied_submit(proxied);
    } else {
        proxy_count(&proxy->relays, proxied->own, PROXY_COUNTER(requests));
        answer_connect_error(proxied, result, NULL);
    }
    slot_done(slot);
}
