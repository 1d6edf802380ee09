/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The plain SMP client of the tests. */
#include "test/support/smp_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "transport/crypto/authenticator.h"
#include "transport/crypto/message_body.h"
#include "transport/crypto/signature.h"
#include "transport/crypto/signed_key.h"

/* Waits until the socket is ready; false after the deadline. */
static bool wait_for(int descriptor, enum tls_want want, uint64_t deadline) {
    struct pollfd poll_descriptor = {.fd = descriptor, .events = want == TLS_WANT_READ ? POLLIN : POLLOUT};
    uint64_t now = clock_monotonic_ms();
    return now < deadline && poll(&poll_descriptor, 1, (int)(deadline - now)) > 0;
}

int peer_tcp(uint16_t port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    assert_true(descriptor >= 0);
    assert_int_equal(0, connect(descriptor, (const struct sockaddr *)&address, sizeof address));
    assert_int_equal(0, setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    assert_int_equal(0, fcntl(descriptor, F_SETFL, O_NONBLOCK));
    return descriptor;
}

static void write_all(struct peer *peer, const uint8_t *bytes, size_t length) {
    enum tls_want want;
    enum smq_result result;
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    while ((result = tls_write(peer->tls, bytes, length, false, &want)) == SMQ_ERR_AGAIN)
        assert_true(wait_for(peer->descriptor, want, deadline));
    assert_int_equal(SMQ_OK, result);
}

static enum smq_result read_all(struct peer *peer, uint8_t *bytes, size_t size, uint64_t deadline);

/* As the reference's client asks, with the key and the answer of RFC 6455. */
static void open_websocket(struct peer *peer) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: \r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    static const char expected[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                   "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    uint8_t answer[sizeof expected - 1];
    write_all(peer, (const uint8_t *)request, sizeof request - 1);
    assert_int_equal(SMQ_OK, read_all(peer, answer, sizeof answer, clock_monotonic_ms() + PEER_DEADLINE_MS));
    assert_memory_equal(expected, answer, sizeof answer);
    peer->websocket = true;
}

void peer_tls(struct peer *peer, const struct peer_options *options) {
    enum tls_want want;
    enum smq_result result;
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    const char *alpn = options->alpn == NULL ? "smp/1" : options->alpn[0] == '\0' ? NULL : options->alpn;
    memset(peer, 0, sizeof *peer);
    peer->descriptor = peer_tcp(options->port);
    if (options->receive_buffer > 0)
        assert_int_equal(0, setsockopt(peer->descriptor, SOL_SOCKET, SO_RCVBUF, &options->receive_buffer,
                                       sizeof options->receive_buffer));
    assert_int_equal(SMQ_OK, tls_context_create_client(options->service, &peer->context));
    assert_int_equal(SMQ_OK,
                     tls_create_client(peer->context, peer->descriptor, alpn, options->fingerprint, &peer->tls));
    while ((result = tls_handshake(peer->tls, &want)) == SMQ_ERR_AGAIN)
        assert_true(wait_for(peer->descriptor, want, deadline));
    assert_int_equal(SMQ_OK, result);
    assert_int_equal(SMQ_OK, tls_take_facts(peer->tls, &peer->facts));
    if (options->websocket)
        open_websocket(peer);
}

void peer_write_block(struct peer *peer, const uint8_t block[SMP_BLOCK_SIZE]) {
    uint8_t masked[SMP_BLOCK_SIZE];
    /* the header of a masked binary frame of 16,384 bytes, and the mask */
    static const uint8_t header[] = {0x82, 0xfe, 0x40, 0, 1, 2, 3, 4};
    if (!peer->websocket) {
        write_all(peer, block, SMP_BLOCK_SIZE);
        return;
    }
    for (size_t i = 0; i < SMP_BLOCK_SIZE; i++)
        masked[i] = block[i] ^ header[4 + i % 4];
    write_all(peer, header, sizeof header);
    write_all(peer, masked, sizeof masked);
}

/* Reads up to `size` bytes. SMQ_ERR_TIMEOUT only when nothing at all came. */
static enum smq_result read_all(struct peer *peer, uint8_t *block, size_t size, uint64_t deadline) {
    size_t filled = 0;
    while (filled < size) {
        size_t length;
        bool more;
        enum tls_want want;
        enum smq_result result = tls_read(peer->tls, block + filled, size - filled, &length, &more, &want);
        if (result == SMQ_ERR_AGAIN) {
            if (wait_for(peer->descriptor, want, filled == 0 ? deadline : deadline + PEER_DEADLINE_MS))
                continue;
            assert_int_equal(0, filled);
            return SMQ_ERR_TIMEOUT;
        }
        if (result != SMQ_OK)
            return SMQ_ERR_CLOSED;
        filled += length;
    }
    return SMQ_OK;
}

static enum smq_result read_block(struct peer *peer, uint8_t block[SMP_BLOCK_SIZE], uint64_t deadline) {
    static const uint8_t expected[] = {0x82, 0x7e, 0x40, 0};
    uint8_t header[sizeof expected];
    if (peer->websocket) {
        enum smq_result result = read_all(peer, header, sizeof header, deadline);
        if (result != SMQ_OK)
            return result;
        assert_memory_equal(expected, header, sizeof header);
    }
    return read_all(peer, block, SMP_BLOCK_SIZE, deadline);
}

bool peer_read_block(struct peer *peer, uint8_t block[SMP_BLOCK_SIZE]) {
    enum smq_result result = read_block(peer, block, clock_monotonic_ms() + PEER_DEADLINE_MS);
    assert_int_not_equal(SMQ_ERR_TIMEOUT, result);
    return result == SMQ_OK;
}

bool peer_is_closed(struct peer *peer) {
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    enum smq_result result;
    do
        result = read_block(peer, peer->block, deadline);
    while (result == SMQ_OK);
    return result == SMQ_ERR_CLOSED;
}

/* The service part of the client hello, in the caller's buffers. */
static void add_service(struct peer *peer, const struct peer_options *options, struct smp_client_hello *hello,
                        uint8_t *chain, size_t chain_size, uint8_t *signed_key) {
    size_t count;
    const struct credentials *shown = options->service_hello != NULL ? options->service_hello : options->service;
    const struct credentials *signer = options->service_signer != NULL ? options->service_signer : shown;
    const struct slice *certificates = credentials_chain(shown, &count);
    struct certificate_chain_class class = certificate_chain_classify(count);
    struct writer chain_writer = writer_of(chain, chain_size);
    struct writer key_writer = writer_of(signed_key, SIGNED_KEY_MAX);
    chain_encode(&chain_writer, certificates, count);
    assert_int_equal(
        SMQ_OK,
        key_pair_generate(options->service_key_algorithm != KEY_NONE ? options->service_key_algorithm : KEY_ED25519,
                          &peer->service_key));
    assert_int_equal(SMQ_OK, write_signed_key(&key_writer, credentials_key(signer), &peer->service_key.public_key));
    assert_int_equal(SMQ_OK, certificate_fingerprint(certificates[class.identity], peer->service_fingerprint));
    hello->has_service = true;
    hello->service_role = options->service_role;
    hello->service_chain_key = (struct chain_key){(uint8_t)count, slice_of(chain, writer_length(&chain_writer)),
                                                  slice_of(signed_key, writer_length(&key_writer))};
}

void peer_connect_end(struct peer *peer, const struct peer_options *options) {
    struct smp_service_response response;
    if (options->service_role == SMP_ROLE_ANY)
        return;
    assert_true(peer_read_block(peer, peer->block));
    assert_int_equal(SMQ_OK, smp_service_response_parse(peer->block, &response));
    peer->has_service = response.accepted;
    peer->service_error = response.error;
    if (!response.accepted)
        return;
    assert_int_equal(24, response.service_id.length);
    memcpy(peer->service_id, response.service_id.bytes, 24);
}

static void start_session(struct peer *peer, const struct peer_options *options, uint16_t version) {
    struct slice session_id = slice_of(peer->facts.session_id, peer->facts.session_id_length);
    struct dh_secret secret;
    bool encrypted =
        smp_blocks_are_encrypted(version, peer->has_server_key, !options->no_key && version >= 7, options->is_proxy);
    if (encrypted)
        assert_int_equal(SMQ_OK, dh(&peer->key.private_key, &peer->server_key, &secret));
    assert_int_equal(
        SMQ_OK, smp_session_init(&peer->session, SMP_SIDE_CLIENT, version, session_id, encrypted ? &secret : NULL));
}

void peer_connect_begin(struct peer *peer, const struct peer_options *options) {
    uint8_t chain[8192];
    uint8_t signed_key_bytes[SIGNED_KEY_MAX];
    struct smp_server_hello hello;
    struct signed_key signed_key;
    peer_tls(peer, options);
    assert_true(peer_read_block(peer, peer->block));
    assert_int_equal(SMQ_OK, smp_server_hello_parse(peer->block, &hello));
    peer->announced = hello.versions;
    peer->has_server_key = hello.has_key;
    if (hello.has_key) {
        assert_int_equal(SMQ_OK, signed_key_parse(hello.chain_key.signed_key, &signed_key));
        peer->server_key = signed_key.key;
    }
    uint16_t wanted = options->version == 0 ? 18 : options->version;
    uint16_t version = wanted < hello.versions.max ? wanted : hello.versions.max;
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_X25519, &peer->key));
    struct smp_client_hello own = {.version = version,
                                   .key_hash = slice_of(options->fingerprint, FINGERPRINT_SIZE),
                                   .has_key = !options->no_key && version >= 7,
                                   .key = peer->key.public_key,
                                   .is_proxy = options->is_proxy};
    if (options->service_role != SMP_ROLE_ANY)
        add_service(peer, options, &own, chain, sizeof chain, signed_key_bytes);
    assert_int_equal(SMQ_OK, smp_client_hello_write(&own, peer->outgoing));
    peer_write_block(peer, peer->outgoing);
    start_session(peer, options, version);
}

void peer_connect(struct peer *peer, const struct peer_options *options) {
    peer_connect_begin(peer, options);
    peer_connect_end(peer, options);
}

void peer_close(struct peer *peer) {
    if (peer->tls != NULL)
        tls_shutdown(peer->tls);
    while (peer->event_count > 0)
        memory_free((void *)(uintptr_t)peer->events[--peer->event_count].bytes);
    memory_free(peer->event);
    peer->event = NULL;
    tls_destroy(&peer->tls);
    tls_context_destroy(&peer->context);
    memory_free(peer->facts.peer_chain);
    if (peer->descriptor >= 0)
        close(peer->descriptor);
    peer->descriptor = -1;
    peer->facts.peer_chain = NULL;
}

void peer_begin(struct peer *peer) {
    smp_session_begin_block(&peer->session, peer->outgoing, &peer->draft);
}

static void authorize(struct peer *peer, const struct key_pair *key, const struct authorized *parts,
                      struct slice correlation_id, uint8_t *out) {
    static _Thread_local uint8_t scratch[AUTHORIZED_MAX];
    struct box_key agreed;
    if (key->private_key.algorithm != KEY_X25519) {
        assert_int_equal(SMQ_OK, sign(key, authorized_contiguous(parts, scratch, sizeof scratch), out));
        return;
    }
    assert_int_equal(SMQ_OK, box_key_agree(&key->private_key, &peer->server_key, &agreed));
    assert_int_equal(SMQ_OK, authenticator_create(&agreed, correlation_id, parts->parts, AUTHORIZED_PARTS, out));
}

/* In a service session, commands with a service signature are signed twice. */
static void authorize_as_service(struct peer *peer, const struct transmission_form *form,
                                 struct transmission_draft *draft, uint8_t *signature) {
    static _Thread_local uint8_t scratch[AUTHORIZED_MAX];
    struct transmission transmission = {
        .authorized = slice_of(draft->authorized, (size_t)(peer->draft.writer.position - draft->authorized))};
    struct authorized parts;
    authorized_parts(form, slice_of(NULL, 0), &transmission, &parts);
    assert_int_equal(SMQ_OK,
                     sign(&peer->service_key, authorized_contiguous(&parts, scratch, sizeof scratch), signature));
}

void peer_add_with(struct peer *peer, const struct key_pair *key, struct slice entity_id, struct slice correlation_id,
                   const struct smp_command *command) {
    struct transmission_form form = smp_session_form(&peer->session);
    struct transmission_draft draft;
    struct authorized parts;
    struct slice fingerprint = slice_of(NULL, 0);
    size_t length = key == NULL                                ? 0
                    : key->private_key.algorithm == KEY_X25519 ? (size_t)AUTHENTICATOR_SIZE
                                                               : signature_size(key->private_key.algorithm);
    bool service = peer->has_service && smp_command_info(command->tag)->service_signature;
    if (service)
        fingerprint = slice_of(peer->service_fingerprint, FINGERPRINT_SIZE);
    transmission_begin(&form, &peer->draft.writer, length, service, correlation_id, entity_id, &draft);
    smp_command_write(form.version, command, &peer->draft.writer);
    assert_int_equal(SMQ_OK, transmission_end(&form, &peer->draft.writer, &draft, fingerprint, &parts));
    if (draft.authorization != NULL)
        authorize(peer, key, &parts, correlation_id, draft.authorization);
    if (draft.service_signature != NULL)
        authorize_as_service(peer, &form, &draft, draft.service_signature);
    smp_outgoing_block_added(&peer->draft);
}

void peer_add(struct peer *peer, const struct key_pair *key, struct slice entity_id,
              const struct smp_command *command) {
    random_bytes(peer->correlation_id, sizeof peer->correlation_id);
    peer_add_with(peer, key, entity_id, slice_of(peer->correlation_id, sizeof peer->correlation_id), command);
}

void peer_add_raw(struct peer *peer, struct slice transmission) {
    write_large(&peer->draft.writer, transmission);
    assert_int_equal(SMQ_OK, writer_finish(&peer->draft.writer));
    smp_outgoing_block_added(&peer->draft);
}

void peer_send(struct peer *peer) {
    assert_int_equal(SMQ_OK, smp_session_seal_block(&peer->session, &peer->draft));
    peer_write_block(peer, peer->outgoing);
}

static void parse_answer(struct peer *peer, struct slice bytes, struct peer_answer *answer) {
    struct transmission_form form = smp_session_form(&peer->session);
    struct transmission transmission;
    struct smp_error error;
    assert_int_equal(SMQ_OK, smp_transmission_parse(&form, bytes, &transmission, &error));
    assert_int_equal(0, transmission.authorization.length);
    assert_int_equal(SMQ_OK, smp_response_parse(form.version, transmission.command, &answer->response, &error));
    assert_int_equal(SMQ_OK, smp_response_check_entity(&answer->response, transmission.entity_id.length > 0, &error));
    answer->correlation_id = transmission.correlation_id;
    answer->entity_id = transmission.entity_id;
}

/* Makes sure that there is a transmission to take. */
static enum smq_result next_content(struct peer *peer, uint64_t deadline) {
    struct slice content;
    if (peer->content.left > 0)
        return SMQ_OK;
    enum smq_result result = read_block(peer, peer->block, deadline);
    if (result != SMQ_OK)
        return result;
    assert_int_equal(SMQ_OK, smp_session_open_block(&peer->session, peer->block, &content));
    assert_int_equal(SMQ_OK, block_content_open(content, &peer->content));
    return SMQ_OK;
}

static struct slice next_transmission(struct peer *peer) {
    struct slice bytes;
    assert_int_equal(SMQ_OK, next_content(peer, clock_monotonic_ms() + PEER_DEADLINE_MS));
    assert_true(block_content_next(&peer->content, &bytes));
    return bytes;
}

void peer_receive(struct peer *peer, struct peer_answer *answer) {
    if (peer->event_count == 0) {
        parse_answer(peer, next_transmission(peer), answer);
        return;
    }
    struct slice first = peer->events[0];
    peer->event_count--;
    memmove(peer->events, peer->events + 1, peer->event_count * sizeof peer->events[0]);
    memory_free(peer->event);
    peer->event = memory_copy_of(first.bytes, first.length);
    memory_free((void *)(uintptr_t)first.bytes);
    parse_answer(peer, slice_of(peer->event, first.length), answer);
}

bool peer_is_silent(struct peer *peer, unsigned ms) {
    return peer->event_count == 0 && next_content(peer, clock_monotonic_ms() + ms) == SMQ_ERR_TIMEOUT;
}

void peer_ask(struct peer *peer, const struct key_pair *key, struct slice entity_id, const struct smp_command *command,
              struct peer_answer *answer) {
    peer_begin(peer);
    peer_add(peer, key, entity_id, command);
    peer_send(peer);
    struct slice correlation_id = slice_of(peer->correlation_id, sizeof peer->correlation_id);
    for (;;) {
        struct slice bytes = next_transmission(peer);
        parse_answer(peer, bytes, answer);
        if (slice_equal(answer->correlation_id, correlation_id))
            return;
        assert_true(peer->event_count < PEER_EVENTS_MAX);
        peer->events[peer->event_count++] = slice_of(memory_copy_of(bytes.bytes, bytes.length), bytes.length);
    }
}

void peer_expect(struct peer *peer, const struct key_pair *key, struct slice entity_id,
                 const struct smp_command *command, enum smp_response_tag tag, struct peer_answer *answer) {
    struct peer_answer dropped;
    if (answer == NULL)
        answer = &dropped;
    peer_ask(peer, key, entity_id, command, answer);
    if (answer->response.tag != tag && answer->response.tag == SMP_ERR) {
        char text[256];
        fail_msg("%s was answered with %s", smp_command_info(command->tag)->text,
                 smp_error_text(&answer->response.error, text, sizeof text));
    }
    assert_string_equal(smp_response_tag_text(tag), smp_response_tag_text(answer->response.tag));
}

void peer_check_error(const struct peer_answer *answer, struct smp_error error) {
    char expected[256];
    char actual[256];
    smp_error_text(&error, expected, sizeof expected);
    if (answer->response.tag != SMP_ERR)
        fail_msg("answered with %s instead of %s", smp_response_tag_text(answer->response.tag), expected);
    assert_string_equal(expected, smp_error_text(&answer->response.error, actual, sizeof actual));
}

void peer_expect_error(struct peer *peer, const struct key_pair *key, struct slice entity_id,
                       const struct smp_command *command, struct smp_error error) {
    struct peer_answer answer;
    peer_ask(peer, key, entity_id, command, &answer);
    peer_check_error(&answer, error);
}

struct smp_command peer_command(enum smp_command_tag tag) {
    return (struct smp_command){.tag = tag};
}

struct smp_command peer_send_command(struct slice body, bool notify) {
    struct smp_command command = {.tag = SMP_SEND};
    command.send.body = body;
    command.send.notification = notify;
    return command;
}

struct slice peer_recipient(const struct peer_queue *queue) {
    return slice_of(queue->recipient_id, 24);
}

struct slice peer_sender(const struct peer_queue *queue) {
    return slice_of(queue->sender_id, 24);
}

static void copy_id(uint8_t id[24], struct slice from) {
    assert_int_equal(24, from.length);
    memcpy(id, from.bytes, 24);
}

struct smp_command peer_new_command(unsigned flags, struct peer_queue *queue) {
    struct smp_command command = {.tag = SMP_NEW};
    memset(queue, 0, sizeof *queue);
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED25519, &queue->recipient_key));
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_X25519, &queue->sender_key));
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED25519, &queue->notifier_key));
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_X25519, &queue->dh_key));
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_X25519, &queue->notifier_dh_key));
    command.create.recipient_key = queue->recipient_key.public_key;
    command.create.recipient_dh_key = queue->dh_key.public_key;
    command.create.subscribe = (flags & PEER_SUBSCRIBE) != 0;
    command.create.mode = (flags & PEER_CONTACT) != 0 ? SMP_MODE_CONTACT : SMP_MODE_MESSAGING;
    command.create.has_notifier = (flags & PEER_WITH_NOTIFIER) != 0;
    command.create.notifier_key = queue->notifier_key.public_key;
    command.create.notifier_dh_key = queue->notifier_dh_key.public_key;
    return command;
}

void peer_queue_created(struct peer_queue *queue, const struct peer_answer *answer) {
    const struct smp_queue_ids *ids = &answer->response.ids;
    assert_string_equal("IDS", smp_response_tag_text(answer->response.tag));
    copy_id(queue->recipient_id, ids->recipient_id);
    copy_id(queue->sender_id, ids->sender_id);
    assert_int_equal(SMQ_OK, box_key_agree(&queue->dh_key.private_key, &ids->dh_key, &queue->body_key));
    if (!ids->has_notifier)
        return;
    copy_id(queue->notifier_id, ids->notifier_id);
    assert_int_equal(
        SMQ_OK, box_key_agree(&queue->notifier_dh_key.private_key, &ids->notifier_dh_key, &queue->notification_key));
}

void peer_create_queue(struct peer *peer, unsigned flags, struct peer_queue *queue) {
    struct peer_answer answer;
    struct smp_command command = peer_new_command(flags, queue);
    peer_expect(peer, &queue->recipient_key, slice_of(NULL, 0), &command, SMP_IDS, &answer);
    peer_queue_created(queue, &answer);
    if ((flags & PEER_SECURED) == 0)
        return;
    command = (struct smp_command){.tag = SMP_KEY};
    command.key = queue->sender_key.public_key;
    peer_expect(peer, &queue->recipient_key, peer_recipient(queue), &command, SMP_OK, NULL);
}

void peer_send_message(struct peer *peer, const struct peer_queue *queue, const struct key_pair *key,
                       const char *text) {
    struct smp_command command = peer_send_command(slice_of_text(text), true);
    peer_expect(peer, key, peer_sender(queue), &command, SMP_OK, NULL);
}

void peer_check_message(const struct peer_queue *queue, const struct peer_answer *answer, const char *text,
                        uint8_t id[24]) {
    static _Thread_local uint8_t sealed[MESSAGE_BODY_SIZE];
    struct message_body body;
    assert_string_equal("MSG", smp_response_tag_text(answer->response.tag));
    assert_true(slice_equal(answer->entity_id, peer_recipient(queue)));
    assert_int_equal(MESSAGE_BODY_SIZE, answer->response.message.body.length);
    memcpy(sealed, answer->response.message.body.bytes, sizeof sealed);
    assert_int_equal(SMQ_OK,
                     message_body_open(&queue->body_key, answer->response.message.id, sealed, sizeof sealed, &body));
    copy_id(id, answer->response.message.id);
    if (text == NULL) {
        assert_true(body.quota);
        return;
    }
    assert_false(body.quota);
    assert_int_equal(strlen(text), body.body.length);
    assert_memory_equal(text, body.body.bytes, body.body.length);
}

void peer_acknowledge(struct peer *peer, const struct peer_queue *queue, const uint8_t id[24],
                      enum smp_response_tag tag, struct peer_answer *answer) {
    struct smp_command command = {.tag = SMP_ACK};
    command.message_id = slice_of(id, 24);
    peer_expect(peer, &queue->recipient_key, peer_recipient(queue), &command, tag, answer);
}
