/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Blocks after the handshake, and the way through the file. */
#include "test/support/smp_capture.h"

#include <stdlib.h>
#include <string.h>

#include "test/support/require.h"
#include "test/support/smp_capture_private.h"
#include "transport/block/batch.h"
#include "transport/crypto/block_chain.h"
#include "transport/crypto/hash.h"

static bool is_hash(const struct capture_line *line, const char *name, struct slice bytes) {
    uint8_t digest[HASH_SHA256_SIZE], expected[HASH_SHA256_SIZE];
    capture_check(line, hash_slice(HASH_SHA256, bytes, digest) == SMQ_OK);
    return slice_equal(slice_of(digest, sizeof digest), capture_hex(line, name, expected, sizeof expected));
}

/* ---- transmissions */

static void check_transmission(struct smp_capture *replay, const struct capture_line *line, bool from_client,
                               const struct captured_envelope *envelope, struct slice bytes) {
    uint8_t corr_id[256], entity_id[256];
    struct transmission transmission;
    struct smp_error error;
    capture_check(line, smp_transmission_parse(&envelope->form, bytes, &transmission, &error) == SMQ_OK);
    capture_check(line, slice_equal(transmission.correlation_id, capture_hex(line, "corr", corr_id, sizeof corr_id)));
    capture_check(line, slice_equal(transmission.entity_id, capture_hex(line, "ent", entity_id, sizeof entity_id)));
    (from_client ? captured_command : captured_response)(replay, line, envelope, &transmission);
}

void captured_content(struct smp_capture *replay, const struct capture_line *first, bool from_client,
                      const struct captured_envelope *envelope, struct slice content) {
    struct block_content transmissions;
    struct slice bytes;
    const struct capture_line *line = first;
    unsigned indent = capture_indent(first);
    capture_check(first, block_content_open(content, &transmissions) == SMQ_OK);
    while (block_content_next(&transmissions, &bytes)) {
        while (capture_indent(line) > indent || capture_begins(line, "inner content="))
            line++;
        capture_check(line, capture_indent(line) == indent && indent > 0);
        check_transmission(replay, line++, from_client, envelope, bytes);
    }
    while (capture_indent(line) > indent)
        line++;
    capture_check(line, capture_indent(line) < indent);
    capture_check(first, writer_finish(envelope->writer) == SMQ_OK);
    if (envelope->connection == NULL) /* inside of a proxied command only this one was written */
        capture_check(first, content.length - 1 == writer_length(envelope->writer) &&
                                 memcmp(content.bytes + 1, envelope->writer->start, content.length - 1) == 0);
}

/* ---- blocks */

/* The chain's next step is the key and the nonce that the line has. */
static void check_step(const struct capture_line *line, const struct smp_session *sender) {
    uint8_t nonce[BOX_NONCE_SIZE], expected[BOX_NONCE_SIZE];
    struct box_key key, expected_key;
    struct block_chain chain = sender->send;
    capture_check(line, slice_equal(capture_word(line, 4), slice_of_text(sender->encrypted ? "enc" : "plain")));
    if (!sender->encrypted)
        return;
    block_chain_step(&chain, &key, nonce);
    expected_key = captured_box_key(line, "key");
    capture_check(line, memcmp(key.bytes, expected_key.bytes, BOX_KEY_SIZE) == 0);
    capture_check(line, slice_equal(slice_of(nonce, sizeof nonce), capture_hex(line, "nonce", expected, sizeof nonce)));
}

static struct slice content_of(struct smp_capture *replay, const struct capture_line *line,
                               const struct captured_connection *connection, uint8_t *buffer) {
    static uint8_t beginning[SMP_BLOCK_SIZE];
    if (!capture_is_cut(line, "content"))
        return capture_hex(line, "content", buffer, SMP_BLOCK_SIZE);
    struct slice content = captured_whole_content(replay, line, connection, buffer);
    struct slice shown = capture_hex(line, "content", beginning, sizeof beginning);
    if (content.length > 0)
        capture_check(line, shown.length < content.length && memcmp(shown.bytes, content.bytes, shown.length) == 0);
    return content;
}

/* A block of which only the beginning is known still moves the chains on. */
static void skip_block(struct smp_capture *replay, const struct capture_line *line, struct smp_session *sender,
                       struct smp_session *receiver) {
    uint8_t nonce[BOX_NONCE_SIZE];
    struct box_key key;
    check_step(line, sender);
    if (sender->encrypted) {
        block_chain_step(&sender->send, &key, nonce);
        block_chain_step(&receiver->receive, &key, nonce);
    }
    replay->counts->cut++;
}

static void check_block(struct smp_capture *replay, struct captured_connection *connection,
                        const struct capture_line *line) {
    static uint8_t bytes[SMP_BLOCK_SIZE], block[SMP_BLOCK_SIZE];
    bool from_client = slice_equal(capture_word(line, 1), slice_of_text("C"));
    struct smp_session *sender = from_client ? &connection->client : &connection->server;
    struct smp_session *receiver = from_client ? &connection->server : &connection->client;
    struct smp_outgoing_block outgoing;
    struct slice opened, content = content_of(replay, line, connection, bytes);
    if (content.length == 0) {
        skip_block(replay, line, sender, receiver);
        return;
    }
    capture_check(line, (long)content.length == capture_number(line, "len"));
    capture_check(line, is_hash(line, "content-sha256", content));
    smp_session_begin_block(sender, block, &outgoing);
    struct captured_envelope envelope = {smp_session_form(sender), connection->server_key, connection,
                                         &outgoing.writer};
    captured_content(replay, line + 1, from_client, &envelope, content);
    for (uint8_t i = 0; i < content.bytes[0]; i++)
        smp_outgoing_block_added(&outgoing);
    check_step(line, sender);
    capture_check(line, smp_session_seal_block(sender, &outgoing) == SMQ_OK);
    capture_check(line, is_hash(line, "sha256", slice_of(block, SMP_BLOCK_SIZE)));
    capture_check(line, smp_session_open_block(receiver, block, &opened) == SMQ_OK);
    capture_check(line, slice_equal(opened, content));
    replay->counts->blocks++;
}

/* ---- the file */

static bool is_block(const struct capture_line *line) {
    struct slice side = capture_word(line, 1);
    return capture_indent(line) == 0 && line->text[0] >= '0' && line->text[0] <= '9' && side.length == 1 &&
           (side.bytes[0] == 'C' || side.bytes[0] == 'S');
}

static void start_connection(struct smp_capture *replay, const struct capture_line *line) {
    unsigned long number = strtoul(line->text + strlen("conn "), NULL, 10);
    capture_check(line, number < CAPTURE_CONNECTIONS);
    struct captured_connection *connection = &replay->connections[number % CAPTURE_CONNECTIONS];
    connection->session_id_length =
        capture_hex(line, "tls-session", connection->session_id, sizeof connection->session_id).length;
    capture_check(line, connection->session_id_length == 32);
}

static bool is_hello(const struct capture_line *line) {
    struct slice kind = capture_word(line, 5);
    return slice_equal(kind, slice_of_text("server-hello")) || slice_equal(kind, slice_of_text("client-hello")) ||
           slice_equal(kind, slice_of_text("service-response"));
}

/* The handshakes of all connections first: PKEY may stand before the lines of the relay that it tells of. */
static void replay_blocks(struct smp_capture *replay, bool hellos) {
    for (size_t i = 0; i < replay->capture.count; i++) {
        const struct capture_line *line = &replay->capture.lines[i];
        if (!is_block(line) || is_hello(line) != hellos)
            continue;
        struct captured_connection *connection = captured_connection_of(replay, line);
        if (hellos)
            captured_hello(replay, connection, line);
        else
            check_block(replay, connection, line);
    }
}

static void replay_lines(struct smp_capture *replay) {
    for (size_t i = 0; i < replay->capture.count; i++)
        if (capture_begins(&replay->capture.lines[i], "conn "))
            start_connection(replay, &replay->capture.lines[i]);
    replay_blocks(replay, true);
    replay_blocks(replay, false);
}

void smp_capture_replay(const char *path, struct smp_capture_counts *counts) {
    struct smp_capture *replay = calloc(1, sizeof *replay);
    require(replay != NULL);
    *counts = (struct smp_capture_counts){0};
    replay->counts = counts;
    capture_open(&replay->capture, path);
    replay_lines(replay);
    capture_close(&replay->capture);
    free(replay);
}
