/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A router that does what a test's script says. */
#include "test/support/scripted_router.h"

#include <string.h>
#include <time.h>

#include "queues/base/check.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "queues/base/thread.h"
#include "test/support/client_fixture.h"
#include "transport/block/batch.h"
#include "transport/crypto/signed_key.h"
#include "transport/smp/handshake.h"
#include "transport/wire/padding.h"

enum { KIND_HELLO = 1, KIND_CONTENT, KIND_GARBAGE, WAIT_MS = 10000 };

struct scripted_connection {
    struct scripted_router *router;
    struct connection *connection; /* borrowed: the state dies with it */
    struct key_pair key;
    bool ready;
    struct smp_session session;
};

struct scripted_item {
    struct outgoing outgoing;
    size_t length;
    uint8_t bytes[SMP_BLOCK_SIZE];
};

static void queue_item(struct scripted_connection *scripted, uint32_t kind, const void *bytes, size_t length) {
    thread_attach();
    struct scripted_item *item = memory_zalloc(sizeof(*item));
    CHECK(item != NULL && length <= sizeof(item->bytes));
    item->outgoing.kind = kind;
    item->length = length;
    if (length > 0)
        memcpy(item->bytes, bytes, length);
    if (connection_send(scripted->connection, &item->outgoing) != SMQ_OK)
        memory_free(item);
}

/* ---- hello ---- */

static const struct credentials *shown_by(const struct scripted_router *router) {
    return router->options.shown != NULL ? router->options.shown : router->pki.server;
}

static enum smq_result send_hello(struct scripted_connection *scripted) {
    struct scripted_router *router = scripted->router;
    enum scripted_hello kind = router->options.hello;
    const struct connection_tls *tls = connection_tls(scripted->connection);
    const struct credentials *own = router->options.told != NULL ? router->options.told : shown_by(router);
    const struct credentials *told = kind == HELLO_OTHER_CHAIN ? router->other.server : own;
    const struct credentials *signer = kind == HELLO_OTHER_SIGNER ? router->other.server : own;
    uint8_t chain[8192], signed_key[SIGNED_KEY_MAX], session_id[32], block[SMP_BLOCK_SIZE];
    memcpy(session_id, tls->session_id, sizeof(session_id));
    session_id[0] ^= kind == HELLO_OTHER_SESSION ? 1 : 0;
    size_t count;
    const struct slice *certificates = credentials_chain(told, &count);
    struct writer chain_writer = writer_of(chain, sizeof(chain));
    chain_encode(&chain_writer, certificates, count);
    struct writer key_writer = writer_of(signed_key, sizeof(signed_key));
    CHECK(key_pair_generate(KEY_X25519, &scripted->key) == SMQ_OK);
    CHECK(write_signed_key(&key_writer, credentials_key(signer), &scripted->key.public_key) == SMQ_OK);
    struct smp_server_hello hello = {.versions = router->options.versions,
                                     .session_id = slice_of(session_id, tls->session_id_length),
                                     .has_key = kind != HELLO_WITHOUT_KEY,
                                     .chain_key = {.count = (uint8_t)count,
                                                   .chain = slice_of(chain, writer_length(&chain_writer)),
                                                   .signed_key = slice_of(signed_key, writer_length(&key_writer))}};
    CHECK(smp_server_hello_write(&hello, block) == SMQ_OK);
    if (kind == HELLO_GARBAGE)
        memset(block, 0xff, sizeof(block));
    if (kind != HELLO_NEVER)
        queue_item(scripted, KIND_HELLO, block, sizeof(block));
    return SMQ_OK;
}

static enum smq_result accept_hello(struct scripted_connection *scripted, const uint8_t *block) {
    struct smp_client_hello hello;
    CHECK(smp_client_hello_parse(block, &hello) == SMQ_OK);
    const struct connection_tls *tls = connection_tls(scripted->connection);
    bool has_key = scripted->router->options.hello != HELLO_WITHOUT_KEY;
    struct dh_secret secret;
    bool encrypted = smp_blocks_are_encrypted(hello.version, has_key, hello.has_key, hello.is_proxy);
    if (encrypted)
        CHECK(dh(&scripted->key.private_key, &hello.key, &secret) == SMQ_OK);
    scripted->ready = true;
    connection_established(scripted->connection);
    return smp_session_init(&scripted->session, SMP_SIDE_SERVER, hello.version,
                            slice_of(tls->session_id, tls->session_id_length), encrypted ? &secret : NULL);
}

/* ---- protocol hooks ---- */

static void *accept_connection(void *context, struct connection *connection) {
    struct scripted_connection *scripted = memory_zalloc(sizeof(*scripted));
    CHECK(scripted != NULL);
    scripted->router = context;
    scripted->connection = connection;
    (void)connection_reference(connection);
    struct scripted_connection *previous = atomic_exchange(&scripted->router->last, scripted);
    if (previous != NULL)
        connection_release(previous->connection);
    return scripted;
}

static enum smq_result secured(struct connection *connection, void *state) {
    (void)connection;
    return send_hello(state);
}

static void handle_command(struct scripted_connection *scripted, struct slice bytes) {
    struct transmission_form form = smp_session_form(&scripted->session);
    struct transmission transmission;
    struct smp_error error;
    struct scripted_command command;
    CHECK(smp_transmission_parse(&form, bytes, &transmission, &error) == SMQ_OK);
    CHECK(smp_command_parse(form.version, transmission.command, &command.command, &error) == SMQ_OK);
    command.correlation_id = transmission.correlation_id;
    command.entity_id = transmission.entity_id;
    command.authorization = transmission.authorization;
    atomic_fetch_add(&scripted->router->commands[command.command.tag], 1);
    if (scripted->router->options.handle == NULL)
        scripted_answer(scripted, &command);
    else
        scripted->router->options.handle(scripted, &command, scripted->router->options.context);
}

static enum smq_result received(struct connection *connection, void *state, struct block *block) {
    (void)connection;
    struct scripted_connection *scripted = state;
    enum smq_result result = SMQ_OK;
    if (!scripted->ready) {
        result = accept_hello(scripted, block->bytes);
    } else {
        struct slice bytes, transmission;
        struct block_content content;
        CHECK(smp_session_open_block(&scripted->session, block->bytes, &bytes) == SMQ_OK);
        CHECK(block_content_open(bytes, &content) == SMQ_OK);
        while (block_content_next(&content, &transmission))
            handle_command(scripted, transmission);
    }
    block_release(block);
    return result;
}

static enum smq_result fill(struct connection *connection, void *state, struct outgoing_queue *queue, void *lane_state,
                            uint8_t *bytes) {
    (void)connection;
    (void)lane_state;
    struct scripted_connection *scripted = state;
    struct scripted_item *item = (struct scripted_item *)(void *)outgoing_take(queue);
    if (item == NULL)
        return SMQ_ERR_EMPTY;
    enum smq_result result = SMQ_OK;
    if (item->outgoing.kind == KIND_HELLO) {
        memcpy(bytes, item->bytes, SMP_BLOCK_SIZE);
    } else if (scripted->session.encrypted) {
        memcpy(bytes + BOX_PADDED_OFFSET, item->bytes, item->length);
        result = block_chain_seal(&scripted->session.send, bytes, item->length);
    } else {
        memcpy(bytes + PADDING_HEADER_SIZE, item->bytes, item->length);
        result = pad_in_place(bytes, item->length, SMP_BLOCK_SIZE);
    }
    if (item->outgoing.kind == KIND_GARBAGE) {
        random_bytes(bytes, SMP_BLOCK_SIZE);
        bytes[0] = 0xff; /* as plain content: a length that no block holds */
    }
    memory_free(item);
    return result;
}

static void discard(struct connection *connection, void *state, struct outgoing *item) {
    (void)connection;
    (void)state;
    memory_free(item);
}

static void closed(struct connection *connection, void *state, enum smq_result reason) {
    (void)connection;
    (void)state;
    (void)reason;
}

static void released(void *state) {
    struct scripted_connection *scripted = state;
    smp_session_wipe(&scripted->session);
    key_pair_wipe(&scripted->key);
    memory_free(scripted);
}

static const struct protocol scripted_protocol = {.name = "scripted",
                                                  .block_size = BLOCK_SIZE,
                                                  .secured = secured,
                                                  .received = received,
                                                  .fill = fill,
                                                  .discard = discard,
                                                  .closed = closed,
                                                  .released = released};

/* ---- for tests ---- */

void scripted_router_start(struct scripted_router *router, const struct scripted_options *options) {
    memset(router, 0, sizeof(*router));
    router->options = *options;
    if (router->options.versions.max == 0)
        router->options.versions = (struct version_range){SMP_VERSION_MIN, SMP_VERSION_MAX};
    test_pki_init(&router->pki);
    test_pki_init(&router->other);
    CHECK(options->shown == NULL || tls_context_create_server(options->shown, true, &router->shown) == SMQ_OK);
    struct net_options net_options = {.receive_lanes = 1, .send_lanes = 1};
    CHECK(net_create(&net_options, &router->net) == SMQ_OK);
    static const char *const loopback = "127.0.0.1";
    struct listen_options listen = {.addresses = &loopback,
                                    .address_count = 1,
                                    .tls_context = router->shown != NULL ? router->shown : router->pki.server_context,
                                    .protocol = &scripted_protocol,
                                    .accept = accept_connection,
                                    .context = router};
    CHECK(net_listen(router->net, &listen, &router->listener, NULL, 0) == SMQ_OK);
    router->port = listener_port(router->listener);
    client_fixture_address(router->pki.fingerprint, router->port, router->address, sizeof(router->address));
}

void scripted_router_stop(struct scripted_router *router) {
    listener_stop(&router->listener);
    struct scripted_connection *last = atomic_exchange(&router->last, NULL);
    if (last != NULL)
        connection_release(last->connection);
    net_destroy(&router->net);
    tls_context_destroy(&router->shown);
    test_pki_finish(&router->pki);
    test_pki_finish(&router->other);
}

void scripted_respond(struct scripted_connection *connection, struct slice correlation_id, struct slice entity_id,
                      const struct smp_response *response) {
    uint8_t content[SMP_BLOCK_SIZE];
    struct transmission_form form = smp_session_form(&connection->session);
    struct writer writer = writer_of(content, sizeof(content));
    struct transmission_draft draft;
    write_u8(&writer, 1);
    transmission_begin(&form, &writer, 0, false, correlation_id, entity_id, &draft);
    smp_response_write(form.version, response, &writer);
    CHECK(transmission_end(&form, &writer, &draft, slice_of(NULL, 0), NULL) == SMQ_OK);
    scripted_send_content(connection, slice_of(content, writer_length(&writer)));
}

void scripted_answer(struct scripted_connection *connection, const struct scripted_command *command) {
    struct smp_response response = {.tag = command->command.tag == SMP_PING ? SMP_PONG : SMP_OK};
    scripted_respond(connection, command->correlation_id, command->entity_id, &response);
}

void scripted_send_content(struct scripted_connection *connection, struct slice content) {
    queue_item(connection, KIND_CONTENT, content.bytes, content.length);
}

void scripted_send_garbage(struct scripted_connection *connection) {
    queue_item(connection, KIND_GARBAGE, NULL, 0);
}

void scripted_close(struct scripted_connection *connection) {
    thread_attach();
    connection_close(connection->connection, SMQ_ERR_CLOSED, false);
}

void scripted_pause(struct scripted_connection *connection) {
    thread_attach();
    connection_pause(connection->connection);
}

void scripted_resume(struct scripted_connection *connection) {
    thread_attach();
    connection_resume(connection->connection);
}

void scripted_await(struct scripted_router *router, enum smp_command_tag tag, uint32_t count) {
    uint64_t deadline = clock_monotonic_ms() + WAIT_MS;
    while (atomic_load(&router->commands[tag]) < count) {
        CHECK(clock_monotonic_ms() < deadline);
        struct timespec pause = {.tv_nsec = 1000000};
        (void)nanosleep(&pause, NULL);
    }
}

uint16_t scripted_version(const struct scripted_connection *connection) {
    return connection->session.version;
}
