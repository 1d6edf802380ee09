/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The life of proxied commands. Places are counted: process and receive lane take them, whoever answers gives them
 * back. It says so to the process lane only when a command waits; both look at the other's counter after changing
 * their own, so that a place and a waiting command never miss each other. */
#include "actors/proxy/proxied.h"

#include <string.h>

#include "actors/proxy/proxy.h"
#include "actors/router/session_credit.h"
#include "actors/smp/client_session.h"
#include "actors/smp/post.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"

static struct client_session *session_of(struct message *message) {
    return owner_of(message, struct client_session, proxied.room);
}

struct proxied_command *proxied_create(struct client_session *session, void (*begin)(struct proxied_command *command),
                                       struct slice correlation_id, struct slice entity_id) {
    struct proxied_command *command = memory_zalloc(sizeof *command + correlation_id.length + entity_id.length);
    if (command == NULL)
        return NULL;
    command->outgoing.kind = OUTGOING_PROXIED;
    command->session = session;
    command->begin = begin;
    command->correlation_id_length = (uint8_t)correlation_id.length;
    command->entity_id_length = (uint8_t)entity_id.length;
    if (correlation_id.length > 0)
        memcpy(command->ids, correlation_id.bytes, correlation_id.length);
    if (entity_id.length > 0)
        memcpy(command->ids + correlation_id.length, entity_id.bytes, entity_id.length);
    session_work_begun(&session->base);
    return command;
}

/* ---- places */

/* Never counts a place that is not taken, not even for a moment: another lane would see none and let a command wait
 * for a place that nobody gives back. */
static bool take_place(struct client_session *session) {
    uint32_t limit = live_value(smp_router_of(session)->live.client_concurrency);
    uint32_t running = atomic_load(&session->proxied.running);
    while (running < limit)
        if (atomic_compare_exchange_weak(&session->proxied.running, &running, running + 1))
            return true;
    return false;
}

static void give_place(struct client_session *session) {
    struct session_proxied *proxied = &session->proxied;
    atomic_fetch_sub(&proxied->running, 1);
    if (atomic_load(&proxied->waiting) == 0 || atomic_exchange(&proxied->room_sent, true))
        return;
    connection_reference(session->connection);
    if (post_process_proxy_room(session) != SMQ_OK)
        connection_release(session->connection);
}

static void start(struct proxied_command *command) {
    command->started = true;
    connection_reference(command->session->connection);
    command->begin(command);
}

/* It counts as waiting until it is started, so that none of the receive lane's overtakes it. */
static void start_first(struct session_proxied *proxied) {
    struct proxied_command *command = proxied->first;
    proxied->first = command->next;
    start(command);
    atomic_fetch_sub(&proxied->waiting, 1);
}

static void drop_first(struct session_proxied *proxied) {
    struct proxied_command *command = proxied->first;
    proxied->first = command->next;
    atomic_fetch_sub(&proxied->waiting, 1);
    proxied_destroy(&command);
}

static void start_waiting(struct client_session *session) {
    struct session_proxied *proxied = &session->proxied;
    bool open = connection_is_open(session->connection);
    while (proxied->first != NULL && (!open || take_place(session)))
        if (open)
            start_first(proxied);
        else
            drop_first(proxied);
    if (proxied->first == NULL && proxied->paused) {
        proxied->paused = false;
        connection_resume(session->connection);
    }
}

void proxied_room(struct message *message) {
    struct client_session *session = session_of(message);
    struct connection *connection = session->connection;
    atomic_store(&session->proxied.room_sent, false);
    start_waiting(session);
    connection_release(connection);
}

/* The payload leaves the block, with room in front of it for what client_forward writes there. */
static enum smq_result keep_payload(struct proxied_command *command) {
    struct slice *payload = &command->command.payload;
    size_t header = proxy_forward_header_size(command->command.corr_id.length);
    if (command->client == NULL) /* PRXY has none */
        return SMQ_OK;
    command->bytes = memory_alloc(header + payload->length);
    if (command->bytes == NULL)
        return SMQ_ERR_NO_MEMORY;
    if (payload->length > 0)
        memcpy(command->bytes + header, payload->bytes, payload->length);
    payload->bytes = command->bytes + header;
    return SMQ_OK;
}

static void wait_for_place(struct proxied_command *command) {
    struct client_session *session = command->session;
    struct session_proxied *proxied = &session->proxied;
    if (keep_payload(command) != SMQ_OK) {
        proxied_answer_error(command, smp_error_of(SMP_ERROR_INTERNAL));
        return;
    }
    if (proxied->first == NULL)
        proxied->first = command;
    else
        proxied->last->next = command;
    proxied->last = command;
    atomic_fetch_add(&proxied->waiting, 1);
    if (!proxied->paused) {
        proxied->paused = true;
        connection_pause(session->connection);
    }
    start_waiting(session); /* a place may have come free before the command was seen to wait */
}

bool proxied_start(struct proxied_command *command, struct block *block) {
    struct client_session *session = command->session;
    if (atomic_load(&session->proxied.waiting) > 0 || !take_place(session))
        return false;
    command->block = block;
    start(command);
    return true;
}

void proxied_submit(struct proxied_command *command) {
    if (!proxied_start(command, NULL))
        wait_for_place(command);
}

/* ---- answers */

void proxied_answer_encoded(struct proxied_command *command, uint8_t *bytes, struct slice response) {
    memory_free(command->bytes);
    command->bytes = bytes;
    command->outgoing.bytes = (uint32_t)(sizeof *command + response.length);
    command->response = response;
    if (connection_send(command->session->connection, &command->outgoing) != SMQ_OK)
        proxied_destroy(&command);
}

void proxied_answer_in_block(struct proxied_command *command, struct block *block, struct slice response) {
    command->block = block;
    proxied_answer_encoded(command, NULL, response);
}

void proxied_answer(struct proxied_command *command, const struct smp_response *response) {
    uint16_t version = command->session->smp.version;
    size_t size = smp_response_size(version, response);
    uint8_t *bytes = size == SIZE_MAX ? NULL : memory_alloc(size);
    if (bytes == NULL) {
        proxied_answer_encoded(command, NULL, slice_of_text("ERR INTERNAL"));
        return;
    }
    struct writer writer = writer_of(bytes, size);
    smp_response_write(version, response, &writer);
    proxied_answer_encoded(command, bytes, slice_of(bytes, writer_length(&writer)));
}

void proxied_answer_error(struct proxied_command *command, struct smp_error error) {
    struct smp_response response = smp_response_error(error);
    proxied_answer(command, &response);
}

enum smq_result proxied_fill_own(struct connection *connection, void *state, struct outgoing_queue *queue,
                                 uint8_t **bytes, struct block **block) {
    (void)connection;
    struct client_session *session = state;
    struct outgoing *item = outgoing_first(queue);
    struct proxied_command *command = (struct proxied_command *)(void *)item;
    if (item->kind != OUTGOING_PROXIED || command->block == NULL)
        return SMQ_ERR_AGAIN;
    struct slice correlation_id = proxied_correlation_id(command);
    struct slice entity_id = proxied_entity_id(command);
    size_t lead = smp_session_lead(&session->smp, correlation_id.length, entity_id.length);
    if (!block_has_room(command->block, command->response.bytes - lead))
        return SMQ_ERR_AGAIN;
    (void)outgoing_take(queue);
    enum smq_result result =
        smp_session_seal_around(&session->smp, correlation_id, entity_id, command->response, bytes);
    if (result == SMQ_OK) {
        *block = command->block;
        command->block = NULL;
    } else if (result == SMQ_ERR_TOO_LARGE) {
        log_error("the answer of a relay exceeds a block and was left out");
        result = SMQ_ERR_EMPTY;
    }
    proxied_destroy(&command);
    return result;
}

void proxied_destroy(struct proxied_command **out) {
    struct proxied_command *command = *out;
    struct client_session *session = command->session;
    bool started = command->started;
    if (command->counted_bytes > 0)
        proxy_give_bytes(smp_router_of(session)->proxy, command->counted_bytes);
    *out = NULL;
    smq_client_agent_client_release(&command->client);
    if (command->block != NULL)
        block_release(command->block);
    memory_free(command->address);
    memory_free(command->bytes);
    memory_free(command);
    session_work_ended(&session->base);
    if (started) {
        give_place(session);
        connection_release(session->connection);
    }
}

void proxied_drop_waiting(struct client_session *session) {
    while (session->proxied.first != NULL)
        drop_first(&session->proxied);
}
