/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Process lane of clients: its messages, the life of its clients, and the delivery of their events. */
#include "actors/client/lane.h"

#include <string.h>

#include "actors/client/context.h"
#include "actors/client/events.h"
#include "actors/client/flush.h"
#include "actors/client/network.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"

static enum smq_result init_states(struct process_lane *lane) {
    for (size_t i = 0; i < CLIENT_PROTOCOLS; i++) {
        const struct client_protocol *protocol = client_protocols[i];
        void *state = memory_zalloc(protocol->lane_size);
        enum smq_result result = state == NULL ? SMQ_ERR_NO_MEMORY : protocol->lane_init(state);
        if (result != SMQ_OK) {
            memory_free(state);
            return result;
        }
        lane->states[i] = state;
    }
    return SMQ_OK;
}

static void destroy_states(struct process_lane *lane) {
    for (size_t i = 0; i < CLIENT_PROTOCOLS; i++) {
        if (lane->states[i] != NULL) {
            client_protocols[i]->lane_destroy(lane->states[i]);
            memory_free(lane->states[i]);
        }
    }
}

enum smq_result process_lane_init(struct process_lane *lane, struct smq_context *context, unsigned index) {
    lane->context = context;
    lane->index = index;
    enum smq_result result = request_table_init(&lane->requests);
    if (result == SMQ_OK)
        result = init_states(lane);
    if (result == SMQ_OK)
        result = actor_create(&process_lane_ops, lane, (int)index, &lane->actor);
    if (result != SMQ_OK)
        client_lane_destroy(lane);
    return result;
}

void client_lane_destroy(struct process_lane *lane) {
    if (lane->actor != NULL)
        actor_destroy(&lane->actor);
    request_table_destroy(&lane->requests);
    destroy_states(lane);
    secret_wipe(lane->random, sizeof(lane->random));
}

/* ---- life of clients ---- */

/* Tells the outcome of connecting. After a failure the final batch says so, and no other event follows. */
static void report_connected(struct process_lane *lane, struct smq_client *client, enum smq_result result) {
    /* The router may have ended the connection before its refusal was read. */
    if (result != SMQ_OK && !client->own_close && client->connect_error.result != SMQ_OK)
        result = client->connect_error.result;
    if (result != SMQ_OK && client->connect_error.result == SMQ_OK)
        error_set(&client->connect_error, result, smq_result_text(result));
    if (client->blocking_connect) {
        (void)promise_set(client->connected, result, NULL);
    } else if (client->observer != NULL) {
        client->observer->connected(client->observer, client, result);
    } else if (result == SMQ_OK) {
        (void)lane_draft(lane, client, SMQ_EVENT_CONNECTED);
        lane_deliver(lane, client);
    } else {
        client->final->events[0].kind = SMQ_EVENT_CONNECTED;
        client->final->events[0].result = result;
        client->final->events[0].error_text = client->connect_error.text;
        struct smq_batch *final = client->final;
        client->final = NULL;
        lane_put(client, final);
    }
}

static void report_disconnected(struct smq_client *client, enum smq_result reason) {
    if (client->observer != NULL)
        client->observer->disconnected(client->observer, client, reason);
    if (client->final == NULL)
        return;
    struct smq_batch *final = client->final;
    client->final = NULL;
    final->events[0].kind = SMQ_EVENT_DISCONNECTED;
    final->events[0].result = reason;
    lane_put(client, final);
}

/* The end of a client: called once, for the reason that the connection, or its attempt, ended with. */
static void end_client(struct process_lane *lane, struct smq_client *client, enum smq_result reason) {
    bool was_ready = client->phase == CLIENT_READY;
    uint32_t unanswered = client->unanswered;
    if (client->own_close)
        reason = SMQ_ERR_CANCELLED;
    client->phase = CLIENT_CLOSED;
    lane->live--;
    atomic_store_explicit(&client->is_connected, false, memory_order_release);
    struct connection *connection = client->connection;
    client->connection = NULL;
    lane_end_requests(lane, client, client->own_close ? SMQ_ERR_CANCELLED : SMQ_ERR_CLOSED);
    client->protocol->commands_ended(lane, client, client->own_close ? SMQ_ERR_CANCELLED : SMQ_ERR_CLOSED);
    flush_commands_ended(lane, client, unanswered);
    if (was_ready)
        report_disconnected(client, reason);
    else
        report_connected(lane, client, reason);
    /* After its owner: whoever learns that a command has ended, and asks for the relay again, gets another one. */
    client->protocol->ended(client, client->own_close ? SMQ_ERR_CANCELLED : SMQ_ERR_CLOSED);
    flush_client_ended(lane, client);
    smq_batch_release(&client->final);
    if (connection != NULL)
        connection_release(connection);
    if (client->waiting_first == NULL)
        lane_forget_client(lane, client);
}

/* On the way that the client's network settings tell. */
static enum smq_result start_connection(const struct process_lane *lane, struct smq_client *client) {
    const struct server_address *address = &client->router->address;
    const struct smq_client_options *chosen = &client->options;
    struct tls_context *own_tls = client->protocol->tls(client);
    struct network_route route;
    enum smq_result result = network_route(chosen->network, address, chosen->user_id,
                                           slice_of(chosen->entity.bytes, chosen->entity.length), &route);
    if (result == SMQ_ERR_NOT_FOUND)
        error_set(&client->connect_error, result, "no host of the required kind");
    if (result == SMQ_OK) {
        struct connect_options options = {.host = server_address_host(address, route.choice.host),
                                          .port = route.choice.port,
                                          .tls_context = own_tls != NULL ? own_tls : lane->context->tls,
                                          .alpn = route.choice.alpn,
                                          .protocol = &client->protocol->connection,
                                          .state = client,
                                          .timeout_ms = chosen->connect_timeout_ms,
                                          .no_keep_alive = !chosen->keep_alive,
                                          .keep_alive = route.keep_alive,
                                          .socks_proxy = route.proxy,
                                          .public_only = lane->context->public_only,
                                          .socks_credentials = route.has_credentials ? &route.credentials : NULL};
        memcpy(options.key_hash, address->key_hash, sizeof(options.key_hash));
        result = net_connect(lane->context->net, &options, &client->connection);
    }
    network_route_wipe(&route);
    return result;
}

static void connect_client(struct process_lane *lane, struct smq_client *client) {
    lane_add_client(lane, client);
    lane->live++;
    if (lane->stopping)
        client->own_close = true;
    if (client->own_close) {
        end_client(lane, client, SMQ_ERR_CANCELLED);
        return;
    }
    client->phase = CLIENT_HANDSHAKE;
    (void)client_reference(client); /* the connection's */
    enum smq_result result = start_connection(lane, client);
    if (result != SMQ_OK) {
        client_release(client);
        end_client(lane, client, result);
    }
}

/* In the time that the client's options give, at most `limit_ms`. */
static void close_client(struct process_lane *lane, struct smq_client *client, uint32_t limit_ms) {
    uint32_t time_ms = client->options.close_timeout_ms < limit_ms ? client->options.close_timeout_ms : limit_ms;
    flush_close(lane, client, actor_now_ms(lane->actor) + time_ms);
}

static void receive_block(struct process_lane *lane, struct block *block) {
    struct smq_client *client = connection_state(block->connection);
    if (client->phase == CLIENT_READY) {
        atomic_fetch_add_explicit(&client->blocks_received, 1, memory_order_relaxed);
        atomic_store_explicit(&client->timeouts, 0, memory_order_relaxed);
        client->protocol->received(lane, client, block);
    } else if (client->phase != CLIENT_CLOSED && !client->own_close) {
        const struct client_protocol *protocol = client->protocol;
        bool is_hello = client->phase == CLIENT_HANDSHAKE;
        enum smq_result result =
            is_hello ? protocol->hello(client, block->bytes) : protocol->hello_answer(client, block->bytes);
        if (result == SMQ_OK && is_hello && protocol->is_answered(client)) {
            client->phase = CLIENT_ANSWER;
        } else if (result == SMQ_OK) {
            client->phase = CLIENT_READY;
            client->protocol->opened(client);
            atomic_store_explicit(&client->is_ready, true, memory_order_release);
            atomic_store_explicit(&client->is_connected, true, memory_order_release);
            connection_established(client->connection);
            report_connected(lane, client, SMQ_OK);
        } else {
            connection_close(client->connection, result, false);
        }
    }
    block_release(block);
}

static void stop_lane(struct process_lane *lane) {
    lane->stopping = true;
    for (struct smq_client *client = lane->clients; client != NULL; client = client->lane_next)
        close_client(lane, client, lane->stop_limit_ms);
}

static struct smq_client *client_of(struct message *message, size_t offset) {
    struct smq_client *client = (struct smq_client *)(void *)((char *)message - offset);
    client_check(client);
    return client;
}

static void receive(void *state, struct message *message) {
    struct process_lane *lane = state;
    struct smq_client *client;
    if (message->kind >= LANE_PROTOCOL) {
        client_protocols[(message->kind - LANE_PROTOCOL) / LANE_PROTOCOL_KINDS]->message(lane, message);
        return;
    }
    switch ((enum lane_message)message->kind) {
    case LANE_CONNECT:
        connect_client(lane, client_of(message, offsetof(struct smq_client, connect_message)));
        break;
    case LANE_CLOSE:
        client = client_of(message, offsetof(struct smq_client, close_message));
        close_client(lane, client, UINT32_MAX);
        client_release(client);
        break;
    case LANE_FLUSH:
        flush_receive(lane, (struct client_flush *)(void *)message);
        break;
    case LANE_CLOSED:
        client = client_of(message, offsetof(struct smq_client, closed_message));
        end_client(lane, client, client->closed_reason);
        break;
    case LANE_CREDIT:
        client = client_of(message, offsetof(struct smq_client, credit_message));
        lane_put_waiting(lane, client);
        client_release(client);
        break;
    case LANE_SUBMIT:
        lane_submit(lane, (struct request *)(void *)message);
        break;
    case LANE_SUBMIT_MANY:
        lane_submit_many(lane, (struct request_group *)(void *)message);
        break;
    case LANE_FAILED:
        lane_request_failed(lane, (struct request *)(void *)message);
        break;
    case LANE_BLOCK:
        receive_block(lane, (struct block *)(void *)message);
        break;
    case LANE_STOP:
        stop_lane(lane);
        break;
    case LANE_PROTOCOL: /* and beyond: a protocol's own */
        break;
    }
}

static void end_turn(void *state) {
    struct process_lane *lane = state;
    flush_tell(lane);
    if (lane->stopping && lane->live == 0 && !lane->told_end) {
        lane->told_end = true;
        context_lane_ended(lane->context);
    }
}

/* What is left: events that nobody gives credit for, and clients whose ends the net did not tell. */
static void stop(void *state) {
    struct process_lane *lane = state;
    for (struct smq_client *client = lane->clients, *next; client != NULL; client = next) {
        next = client->lane_next;
        if (client->phase != CLIENT_CLOSED) {
            client->own_close = true;
            client_reference(client); /* beyond its end */
            end_client(lane, client, SMQ_ERR_CANCELLED);
            lane_put_the_rest(client);
            if (client->is_listed)
                lane_forget_client(lane, client);
            client_release(client);
        } else {
            lane_put_the_rest(client);
            lane_forget_client(lane, client);
        }
    }
    flush_tell(lane);
}

const struct actor_ops process_lane_ops = {
    .role = "client-proc", .receive = receive, .batch_end = end_turn, .stop = stop};
