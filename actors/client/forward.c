/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* RFWD and RRES. A command is in the map from before it is sent until it is told. Time-outs, and commands whose
 * connection ended, are found by looking through the map: once a second, and when a connection ends. */
#include "actors/client/forward.h"

#include <string.h>

#include "actors/client/context.h"
#include "actors/client/forward_private.h"
#include "queues/base/check.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/rcu.h"
#include "transport/smp/batch.h"

enum { LOOK_INTERVAL_MS = 1000 };

enum forwarding_stage { FORWARDING_QUEUED, FORWARDING_SENT, FORWARDING_OVER };

/* One RFWD. */
struct forwarding {
    struct outgoing outgoing; /* first */
    struct map_node node;
    _Atomic uint32_t references; /* whoever submits it; the map; the send lane */
    _Atomic uint32_t stage;      /* who was first: the send lane, or its end */
    struct smq_client *client;   /* referenced */
    struct forward *forward;     /* told by whoever takes the command out of the map */
    uint64_t deadline_ms;
    uint8_t correlation_id[BOX_NONCE_SIZE];
    size_t size;
    uint8_t *sealed;     /* in `block`, or allocated; given back once it is written */
    struct block *block; /* is sent as it is; NULL: it has to be written to another one */
};

static struct forwarding *forwarding_of_node(const struct map_node *node) {
    return (struct forwarding *)((uintptr_t)node - offsetof(struct forwarding, node));
}

static void drop_sealed(struct forwarding *forwarding) {
    if (forwarding->block != NULL) {
        block_release(forwarding->block);
    } else {
        memory_free(forwarding->sealed);
    }
    forwarding->block = NULL;
    forwarding->sealed = NULL;
}

static void release(struct forwarding *forwarding) {
    if (atomic_fetch_sub_explicit(&forwarding->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    drop_sealed(forwarding);
    client_release(forwarding->client);
    memory_free(forwarding);
}

/* ---- the map */

static struct slice key_of_node(const struct map_node *node) {
    return slice_of(forwarding_of_node(node)->correlation_id, BOX_NONCE_SIZE);
}

static bool try_reference_node(struct map_node *node) {
    struct forwarding *forwarding = forwarding_of_node(node);
    uint32_t references = atomic_load_explicit(&forwarding->references, memory_order_relaxed);
    while (references != 0) {
        if (atomic_compare_exchange_weak_explicit(&forwarding->references, &references, references + 1,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

static void release_node(struct map_node *node) {
    release(forwarding_of_node(node));
}

static const struct map_options map_options = {
    .key = key_of_node, .try_reference = try_reference_node, .release = release_node};

/* Takes the command out of the map: whether the caller is the one that has to tell it. */
static bool take(struct forwarding *forwarding) {
    return map_remove(forwarding->client->context->forwards->map, &forwarding->node);
}

static void tell(struct forwarding *forwarding, struct forward_answer *answer) {
    struct forward *forward = forwarding->forward;
    atomic_fetch_sub_explicit(&forwarding->client->commands, 1, memory_order_relaxed);
    answer->forwarding = forwarding;
    if (answer->text == NULL) {
        answer->text = "";
    }
    forward->done(forward, answer);
}

/* Ends a command without an answer, unless somebody else did. */
static bool fail(struct forwarding *forwarding, enum smq_result result) {
    if (!take(forwarding)) {
        return false;
    }
    uint32_t queued = FORWARDING_QUEUED;
    (void)atomic_compare_exchange_strong(&forwarding->stage, &queued, FORWARDING_OVER);
    tell(forwarding, &(struct forward_answer){.result = result});
    return true;
}

/* ---- what is over */

static bool end_what_is_over(void *context, struct map_node *node) {
    struct forwarding *forwarding = forwarding_of_node(node);
    struct smq_client *client = forwarding->client;
    enum smq_result end = (enum smq_result)atomic_load(&client->relay->end);
    if (end != SMQ_OK) {
        (void)fail(forwarding, end);
    } else if (forwarding->deadline_ms <= *(const uint64_t *)context) {
        atomic_fetch_add_explicit(&client->timeouts, 1, memory_order_relaxed);
        (void)fail(forwarding, SMQ_ERR_TIMEOUT);
    }
    return true;
}

static void look(struct forwards *forwards, uint64_t now_ms) {
    if (map_count(forwards->map) > 0) {
        map_each(forwards->map, end_what_is_over, &now_ms);
    }
}

static void look_again(struct wheel_timer *timer) {
    struct forwards *forwards = (struct forwards *)(void *)((char *)timer - offsetof(struct forwards, timer));
    uint64_t now_ms = clock_monotonic_ms();
    look(forwards, now_ms);
    wheel_add(actor_wheel(forwards->lane->actor), timer, now_ms + LOOK_INTERVAL_MS);
}

void forwards_lane_looks(struct forwards *forwards) {
    atomic_store(&forwards->asked, false);
    look_again(&forwards->timer);
}

void forwards_lane_stops(struct forwards *forwards) {
    wheel_cancel(actor_wheel(forwards->lane->actor), &forwards->timer);
}

/* A stopped lane looks no more; then the end of the context does. */
void forwards_look(struct forwards *forwards) {
    if (!atomic_exchange(&forwards->asked, true)) {
        (void)actor_send(forwards->lane->actor, &forwards->message);
    }
}

enum smq_result forwards_create(struct process_lane *lane, struct forwards **forwards) {
    struct forwards *made = memory_zalloc(sizeof(*made));
    if (made == NULL) {
        return SMQ_ERR_NO_MEMORY;
    }
    enum smq_result result = map_create(&map_options, &made->map);
    if (result != SMQ_OK) {
        memory_free(made);
        return result;
    }
    made->lane = lane;
    made->message.kind = LANE_FORWARDS;
    made->timer.fire = look_again;
    *forwards = made;
    forwards_look(made);
    return SMQ_OK;
}

void forwards_destroy(struct forwards **forwards) {
    if (*forwards == NULL) {
        return;
    }
    look(*forwards, UINT64_MAX);
    map_destroy(&(*forwards)->map);
    memory_free(*forwards);
    *forwards = NULL;
}

/* ---- submitting */

/* Credit as for requests. */
static bool admit(struct smq_client *client, size_t size) {
    uint32_t commands = atomic_fetch_add_explicit(&client->commands, 1, memory_order_relaxed);
    uint64_t unsent = atomic_fetch_add_explicit(&client->unsent_bytes, size, memory_order_relaxed);
    if (commands < client->options.outstanding_max && unsent + size <= client->options.unsent_bytes_max) {
        return true;
    }
    atomic_fetch_sub_explicit(&client->commands, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&client->unsent_bytes, size, memory_order_relaxed);
    return false;
}

static void account_sent(struct smq_client *client, struct forwarding *forwarding) {
    atomic_fetch_sub_explicit(&client->unsent_bytes, forwarding->size, memory_order_relaxed);
    drop_sealed(forwarding);
}

/* What stands in front of the encrypted command. */
static const char command_word[] = "RFWD ";
enum { WORD_LENGTH = sizeof command_word - 1 };

/* Where the command is encrypted in its block so that this becomes the one that is sent; NULL: it cannot. */
static uint8_t *place_in_block(const struct smq_client *client, const struct proxy_forward *command, size_t header,
                               struct block *const *block) {
    if (block == NULL || *block == NULL || !block_can_be_kept(*block)) {
        return NULL;
    }
    uint8_t *payload = (*block)->bytes + (command->payload.bytes - (*block)->bytes);
    uint8_t *sealed = payload - header - BOX_TAG_SIZE;
    size_t lead = WORD_LENGTH + smp_session_lead(&client->session, BOX_NONCE_SIZE, 0);
    return block_has_room(*block, sealed - lead) ? sealed : NULL;
}

static enum smq_result create(struct smq_client *client, const struct proxy_forward *command, struct block **block,
                              struct forward *forward, struct forwarding **out) {
    size_t header = proxy_forward_header_size(command->corr_id.length);
    size_t capacity = BOX_TAG_SIZE + header + command->payload.length;
    struct forwarding *made = memory_zalloc(sizeof(*made));
    if (made == NULL) {
        return SMQ_ERR_NO_MEMORY;
    }
    atomic_init(&made->references, 1);
    atomic_init(&made->stage, FORWARDING_QUEUED);
    made->client = client_reference(client);
    made->forward = forward;
    made->outgoing.kind = OUTGOING_FORWARD;
    made->sealed = place_in_block(client, command, header, block);
    if (made->sealed != NULL) {
        made->block = *block;
        *block = NULL;
    } else {
        made->sealed = memory_alloc(capacity);
    }
    enum smq_result result = SMQ_ERR_NO_MEMORY;
    if (made->sealed != NULL) {
        box_nonce_random(made->correlation_id);
        result = proxy_forward_seal_to(&client->relay->key, made->correlation_id, command, made->sealed, capacity,
                                       &made->size);
    }
    if (result != SMQ_OK) {
        release(made);
        return result;
    }
    *out = made;
    return SMQ_OK;
}

/* Hands the command, which is in the map, to the send lane. */
static enum smq_result hand_over(struct smq_client *client, struct forwarding *forwarding) {
    enum smq_result result = SMQ_ERR_CLOSED;
    atomic_fetch_add_explicit(&forwarding->references, 1, memory_order_relaxed);
    read_section_begin();
    struct connection *connection = atomic_load(&client->relay->connection);
    if (connection != NULL) {
        result = connection_send(connection, &forwarding->outgoing);
    }
    read_section_end();
    if (result != SMQ_OK) {
        atomic_fetch_sub_explicit(&client->unsent_bytes, forwarding->size, memory_order_relaxed);
        release(forwarding);
    }
    return result;
}

enum smq_result client_forward(struct smq_client *client, const struct proxy_forward *command, struct block **block,
                               uint32_t timeout_ms, struct forward *forward) {
    struct client_relay *relay = client->relay;
    if (!relay->has_key) {
        return SMQ_ERR_AUTH;
    }
    if (atomic_load(&relay->connection) == NULL) {
        return SMQ_ERR_CLOSED;
    }
    struct forwarding *forwarding;
    enum smq_result result = create(client, command, block, forward, &forwarding);
    if (result != SMQ_OK) {
        return result;
    }
    if (!admit(client, forwarding->size)) {
        release(forwarding);
        return SMQ_ERR_NO_CREDIT;
    }
    forwarding->deadline_ms = clock_monotonic_ms() + timeout_ms;
    atomic_fetch_add_explicit(&forwarding->references, 1, memory_order_relaxed);
    CHECK(map_insert(client->context->forwards->map, &forwarding->node) == SMQ_OK); /* ids are random */
    result = hand_over(client, forwarding);
    if (result != SMQ_OK && !take(forwarding)) {
        result = SMQ_OK; /* told already, by whoever found the connection ended */
    } else if (result != SMQ_OK) {
        atomic_fetch_sub_explicit(&client->commands, 1, memory_order_relaxed);
    }
    release(forwarding);
    return result;
}

/* ---- sending */

static struct forwarding *forwarding_of_item(struct outgoing *item) {
    return (struct forwarding *)(void *)item;
}

static enum smq_result write_forward(const struct smq_client *client, struct forwarding *forwarding,
                                     struct writer *writer) {
    struct smp_envelope envelope = smp_session_envelope(&client->session);
    const struct smp_command command = {.tag = SMP_RFWD, .payload = slice_of(forwarding->sealed, forwarding->size)};
    struct smp_draft draft;
    smp_draft_begin(&envelope, writer, 0, false, slice_of(forwarding->correlation_id, BOX_NONCE_SIZE),
                    slice_of(NULL, 0), &draft);
    smp_command_write(envelope.version, &command, writer);
    return smp_draft_end(&envelope, writer, &draft, slice_of(NULL, 0), NULL);
}

enum smq_result forward_fill(struct smq_client *client, struct outgoing_queue *queue,
                             struct smp_outgoing_block *block) {
    struct forwarding *forwarding = forwarding_of_item(outgoing_first(queue));
    struct writer before = block->writer;
    uint32_t queued = FORWARDING_QUEUED;
    enum smq_result result = write_forward(client, forwarding, &block->writer);
    if (result != SMQ_OK && block->count > 0) {
        block->writer = before;
        return SMQ_ERR_TOO_LARGE;
    }
    (void)outgoing_take(queue);
    if (result == SMQ_OK && atomic_compare_exchange_strong(&forwarding->stage, &queued, FORWARDING_SENT)) {
        smp_outgoing_block_added(block);
    } else {
        block->writer = before;
    }
    account_sent(client, forwarding);
    if (result != SMQ_OK) {
        (void)fail(forwarding, result);
    }
    release(forwarding);
    return SMQ_OK;
}

enum smq_result forward_fill_own(struct connection *connection, void *state, struct outgoing_queue *queue,
                                 uint8_t **bytes, struct block **block) {
    (void)connection;
    struct smq_client *client = state;
    struct forwarding *forwarding = forwarding_of_item(outgoing_first(queue));
    if (forwarding->outgoing.kind != OUTGOING_FORWARD || forwarding->block == NULL) {
        return SMQ_ERR_AGAIN;
    }
    uint32_t queued = FORWARDING_QUEUED;
    enum smq_result result = SMQ_ERR_EMPTY;
    (void)outgoing_take(queue);
    if (atomic_compare_exchange_strong(&forwarding->stage, &queued, FORWARDING_SENT)) {
        uint8_t *command = forwarding->sealed - WORD_LENGTH;
        memcpy(command, command_word, WORD_LENGTH);
        result = smp_session_seal_around(&client->session, slice_of(forwarding->correlation_id, BOX_NONCE_SIZE),
                                         slice_of(NULL, 0), slice_of(command, WORD_LENGTH + forwarding->size), bytes);
    }
    if (result == SMQ_OK) {
        *block = forwarding->block;
        forwarding->block = NULL;
        forwarding->sealed = NULL;
        atomic_fetch_add_explicit(&client->blocks_sent, 1, memory_order_relaxed);
    } else if (result != SMQ_ERR_EMPTY) {
        (void)fail(forwarding, result);
        result = SMQ_ERR_EMPTY;
    }
    account_sent(client, forwarding);
    release(forwarding);
    return result;
}

void forward_discard(struct smq_client *client, struct outgoing *item) {
    struct forwarding *forwarding = forwarding_of_item(item);
    account_sent(client, forwarding);
    release(forwarding);
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

/* The command that the transmission answers, referenced; NULL: none of this client's. */
static struct forwarding *find(const struct smq_client *client, struct slice correlation_id) {
    struct forwards *forwards = client->context->forwards;
    struct map_node *node =
        forwards == NULL || correlation_id.length != BOX_NONCE_SIZE ? NULL : map_find(forwards->map, correlation_id);
    if (node == NULL || forwarding_of_node(node)->client == client) {
        return node == NULL ? NULL : forwarding_of_node(node);
    }
    release_node(node);
    return NULL;
}

bool forward_answered(struct smq_client *client, const struct relay_said *said) {
    struct forwarding *forwarding = find(client, said->transmission->correlation_id);
    if (forwarding == NULL) {
        return false;
    }
    if (take(forwarding)) {
        struct forward_answer answer;
        judge(said, &answer);
        tell(forwarding, &answer);
    }
    release(forwarding);
    return true;
}

bool forward_received(struct smq_client *client, struct block *block) {
    struct slice bytes;
    struct smp_content content;
    struct smp_transmission transmission;
    struct smp_response response;
    struct smp_error error;
    struct smp_envelope envelope = smp_session_envelope(&client->session);
    /* A proxy's blocks are not encrypted inside of TLS: to open one changes nothing of the session. */
    if (client->session.encrypted || smp_session_open_block(&client->session, block->bytes, &bytes) != SMQ_OK ||
        smp_content_open(bytes, &content) != SMQ_OK || content.count != 1 || !smp_content_next(&content, &bytes) ||
        smp_transmission_parse(&envelope, bytes, &transmission, &error) != SMQ_OK) {
        return false;
    }
    enum smq_result parsed = smp_response_parse(envelope.version, transmission.command, &response, &error);
    if (parsed == SMQ_OK) {
        parsed = smp_response_check_entity(&response, transmission.entity_id.length > 0, &error);
    }
    struct block *held = block;
    if (!forward_answered(client, &(struct relay_said){&transmission, parsed, &response, &error, &held})) {
        return false;
    }
    if (held != NULL) {
        block_release(held);
    }
    atomic_fetch_add_explicit(&client->blocks_received, 1, memory_order_relaxed);
    atomic_store_explicit(&client->timeouts, 0, memory_order_relaxed);
    return true;
}

enum smq_result forward_open(const struct forward_answer *answer, uint8_t *output, struct slice *payload) {
    const struct forwarding *forwarding = answer->forwarding;
    struct proxy_response response;
    enum smq_result result = proxy_response_open_to(&forwarding->client->relay->key, forwarding->correlation_id,
                                                    answer->sealed, output, &response);
    if (result == SMQ_OK) {
        *payload = response.payload;
    }
    return result;
}

enum smq_result forward_open_in_block(const struct forward_answer *answer, struct slice *payload) {
    const struct forwarding *forwarding = answer->forwarding;
    struct block *block = *answer->block;
    struct proxy_response response;
    enum smq_result result =
        proxy_response_open(&forwarding->client->relay->key, forwarding->correlation_id,
                            block->bytes + (answer->sealed.bytes - block->bytes), answer->sealed.length, &response);
    if (result == SMQ_OK) {
        *payload = response.payload;
    }
    return result;
}
