/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Contents of 16 KB are cut in a capture; what their lines say is enough to build most of them from the inside out. */
#include <stdio.h>
#include <string.h>

#include "test/support/smp_capture_private.h"
#include "transport/crypto/message_body.h"

struct box_key captured_box_key(const struct capture_line *line, const char *name) {
    uint8_t secret[BOX_KEY_SIZE];
    struct box_key key;
    capture_check(line, capture_hex(line, name, secret, sizeof secret).length == sizeof secret);
    box_key_of_secret(secret, &key);
    return key;
}

const struct capture_line *captured_partner(struct smp_capture *replay, const struct capture_line *line,
                                            const char *tag, const char *name) {
    char start[80];
    struct slice id = capture_value(line, name);
    snprintf(start, sizeof start, "%s corr=%.*s", tag, (int)id.length, (const char *)id.bytes);
    const struct capture_line *partner = capture_find(&replay->capture, start);
    capture_check(line, partner != NULL);
    return partner == NULL ? line : partner;
}

/* ---- the layers of a proxied command and its answer */

/* What a cut content of a SEND goes on with is its last byte, over and over. */
static size_t innermost(const struct capture_line *transmission, uint8_t *buffer) {
    const struct capture_line *inner = transmission + 1;
    size_t whole = (size_t)capture_number(transmission, "inner-len");
    size_t shown = capture_hex(inner, "content", buffer, PROXY_PAYLOAD_CONTENT_MAX).length;
    capture_check(inner, whole <= PROXY_PAYLOAD_CONTENT_MAX && shown <= whole && shown > 0);
    capture_check(inner, shown == whole || capture_is_cut(inner, "content"));
    memset(buffer + shown, buffer[shown - 1], whole - shown);
    return whole;
}

static struct slice command_payload(const struct capture_line *command, uint8_t buffer[PROXY_PAYLOAD_SIZE]) {
    uint8_t corr_id[BOX_NONCE_SIZE];
    struct box_key key = captured_box_key(command, "cmd-secret");
    (void)capture_hex(command, "corr", corr_id, sizeof corr_id);
    size_t length = innermost(command, buffer + BOX_PADDED_OFFSET);
    capture_check(command, proxy_payload_seal(&key, corr_id, buffer, length) == SMQ_OK);
    return slice_of(buffer, PROXY_PAYLOAD_SIZE);
}

static struct slice result_payload(struct smp_capture *replay, const struct capture_line *result,
                                   uint8_t buffer[PROXY_PAYLOAD_SIZE]) {
    uint8_t corr_id[BOX_NONCE_SIZE];
    struct box_key key = captured_box_key(captured_partner(replay, result, "PFWD", "corr"), "cmd-secret");
    (void)capture_hex(result, "corr", corr_id, sizeof corr_id);
    size_t length = innermost(result, buffer + BOX_PADDED_OFFSET);
    capture_check(result, proxy_result_seal(&key, corr_id, buffer, length) == SMQ_OK);
    return slice_of(buffer, PROXY_PAYLOAD_SIZE);
}

static struct box_key key_of_connection(const struct capture_line *line, const struct captured_connection *connection) {
    struct box_key key = {{0}};
    capture_check(line, box_key_agree(&connection->client_key.private_key, &connection->server_key.public_key, &key) ==
                            SMQ_OK);
    return key;
}

static struct slice forwarded_payload(struct smp_capture *replay, const struct capture_line *line,
                                      const struct captured_connection *connection, uint8_t buffer[SMP_BLOCK_SIZE]) {
    static uint8_t payload[PROXY_PAYLOAD_SIZE];
    uint8_t corr_id[BOX_NONCE_SIZE], client_corr_id[BOX_NONCE_SIZE];
    struct box_key key = key_of_connection(line, connection);
    size_t length = 0;
    (void)capture_hex(line, "corr", corr_id, sizeof corr_id);
    const struct proxy_forward forward = {
        .corr_id = capture_hex(line, "fwd-corr", client_corr_id, sizeof client_corr_id),
        .version = (uint16_t)capture_number(line, "fwd-v"),
        .client_key = capture_public_key(line, "fwd-key"),
        .payload = command_payload(captured_partner(replay, line, "PFWD", "fwd-corr"), payload)};
    capture_check(line, proxy_forward_seal(&key, corr_id, &forward, buffer, SMP_BLOCK_SIZE, &length) == SMQ_OK);
    return slice_of(buffer, length);
}

static struct slice answered_payload(struct smp_capture *replay, const struct capture_line *line,
                                     const struct captured_connection *connection, uint8_t buffer[SMP_BLOCK_SIZE]) {
    static uint8_t payload[PROXY_PAYLOAD_SIZE];
    uint8_t corr_id[BOX_NONCE_SIZE], client_corr_id[BOX_NONCE_SIZE];
    struct box_key key = key_of_connection(line, connection);
    size_t length = 0;
    (void)capture_hex(line, "corr", corr_id, sizeof corr_id);
    const struct proxy_response response = {
        .corr_id = capture_hex(line, "fwd-corr", client_corr_id, sizeof client_corr_id),
        .payload = result_payload(replay, captured_partner(replay, line, "PRES", "fwd-corr"), payload)};
    capture_check(line, proxy_response_seal(&key, corr_id, &response, buffer, SMP_BLOCK_SIZE, &length) == SMQ_OK);
    return slice_of(buffer, length);
}

/* ---- commands and responses, by the words of their lines */

static bool is_tag(const struct capture_line *line, const char *tag) {
    return slice_equal(capture_word(line, 0), slice_of_text(tag));
}

static void write_forward(const struct capture_line *line, uint16_t version, uint8_t *payload, struct writer *writer) {
    struct smp_command command = {.tag = SMP_PFWD};
    struct key_pair pair = capture_dh_pair(line, "cmd-dh-priv");
    command.forward.version = (uint16_t)capture_number(line, "v");
    command.forward.key = pair.public_key;
    command.forward.payload = command_payload(line, payload);
    smp_command_write(version, &command, writer);
}

static void write_message(struct smp_capture *replay, const struct capture_line *line, struct slice recipient_id,
                          struct writer *writer) {
    static uint8_t body[MESSAGE_BODY_SIZE];
    uint8_t id[MESSAGE_ID_SIZE], plain[1024];
    const struct box_key *key = captured_secret_of(replay, line, recipient_id);
    struct slice message_id = capture_hex(line, "id", id, sizeof id);
    struct reader reader = reader_of(capture_hex(line, "plain", plain, sizeof plain));
    if (read_if(&reader, "QUOTA ")) {
        message_body_seal_quota(key, id, read_i64(&reader), body);
    } else {
        int64_t timestamp = read_i64(&reader);
        bool notification = read_bool(&reader);
        read_literal(&reader, " ");
        capture_check(line, message_body_seal(key, id, timestamp, notification, read_tail(&reader), body) == SMQ_OK);
    }
    struct smp_response response = {.tag = SMP_MSG, .message = {message_id, slice_of(body, sizeof body)}};
    capture_check(line, reader_finish(&reader) == SMQ_OK);
    uint8_t *place = smp_message_reserve(writer, message_id);
    capture_check(line, place != NULL);
    if (place != NULL)
        memcpy(place, response.message.body.bytes, sizeof body);
}

static void write_proxy_key(struct smp_capture *replay, const struct capture_line *line, uint16_t version,
                            struct writer *writer) {
    uint8_t session_id[SMP_SESSION_ID_MAX];
    struct smp_response response = {.tag = SMP_PKEY};
    response.proxy_key.session_id = capture_hex(line, "sess", session_id, sizeof session_id);
    response.proxy_key.versions = (struct version_range){SMP_VERSION_PROXY, SMP_PROXIED_VERSION_MAX};
    for (size_t i = 0; i < CAPTURE_CONNECTIONS; i++) {
        const struct captured_connection *relay = &replay->connections[i];
        if (slice_equal(slice_of(relay->session_id, relay->session_id_length), response.proxy_key.session_id))
            response.proxy_key.chain_key = relay->server_hello.chain_key;
    }
    smp_response_write(version, &response, writer);
}

/* The long bodies of the captures are the letter x. */
static void write_send(const struct capture_line *line, uint16_t version, uint8_t body[SMP_BLOCK_SIZE],
                       struct writer *writer) {
    struct smp_command command = {.tag = SMP_SEND};
    size_t length = (size_t)capture_number(line, "body-len");
    capture_check(line, length <= SMP_BLOCK_SIZE);
    memset(body, 'x', length);
    command.send.notification = capture_value_is(line, "flag", "T");
    command.send.body = slice_of(body, length);
    smp_command_write(version, &command, writer);
}

/* False for a transmission that its line does not describe wholly. */
static bool write_described(struct smp_capture *replay, const struct capture_line *line,
                            const struct captured_connection *connection, struct slice entity_id,
                            struct writer *writer) {
    static uint8_t payload[SMP_BLOCK_SIZE];
    uint16_t version = connection->server.version;
    struct smp_command relayed = {.tag = SMP_RFWD};
    struct smp_response response = {.tag = SMP_SOK};
    if (is_tag(line, "SOK") && capture_value_is(line, "svc", "None")) {
        smp_response_write(version, &response, writer);
    } else if (is_tag(line, "MSG")) {
        write_message(replay, line, entity_id, writer);
    } else if (is_tag(line, "SEND")) {
        write_send(line, version, payload, writer);
    } else if (is_tag(line, "PKEY")) {
        write_proxy_key(replay, line, version, writer);
    } else if (is_tag(line, "PFWD") && capture_value(line, "cmd-dh-priv").length > 0) {
        write_forward(line, version, payload, writer);
    } else if (is_tag(line, "RFWD")) {
        relayed.payload = forwarded_payload(replay, line, connection, payload);
        smp_command_write(version, &relayed, writer);
    } else if (is_tag(line, "RRES") || is_tag(line, "PRES")) {
        response.tag = is_tag(line, "RRES") ? SMP_RRES : SMP_PRES;
        response.payload = is_tag(line, "RRES") ? answered_payload(replay, line, connection, payload)
                                                : result_payload(replay, line, payload);
        smp_response_write(version, &response, writer);
    } else {
        return false;
    }
    return true;
}

/* The authorization of a lone transmission is in the beginning that the capture has. */
static struct slice shown_authorization(const struct capture_line *block, uint8_t shown[SMP_BLOCK_SIZE]) {
    struct reader reader = reader_of(capture_hex(block, "content", shown, SMP_BLOCK_SIZE));
    (void)read_u8(&reader);
    (void)read_u16(&reader);
    struct slice authorization = read_short(&reader);
    capture_check(block, reader_status(&reader) == SMQ_OK);
    return authorization;
}

struct slice captured_whole_content(struct smp_capture *replay, const struct capture_line *block,
                                    const struct captured_connection *connection, uint8_t *buffer) {
    static uint8_t shown[SMP_BLOCK_SIZE];
    struct writer writer = writer_of(buffer, SMP_BLOCK_SIZE);
    struct slice authorization = shown_authorization(block, shown);
    struct transmission_form form = smp_session_form(&connection->server);
    unsigned indent = capture_indent(block + 1);
    write_u8(&writer, 0);
    for (const struct capture_line *line = block + 1; indent > 0 && capture_indent(line) >= indent; line++) {
        uint8_t corr_id[SMP_CORRELATION_ID_SIZE], entity_id[SMP_SESSION_ID_MAX];
        struct slice entity = capture_hex(line, "ent", entity_id, sizeof entity_id);
        struct transmission_draft draft;
        if (capture_indent(line) > indent)
            continue;
        transmission_begin(&form, &writer, authorization.length, false,
                           capture_hex(line, "corr", corr_id, sizeof corr_id), entity, &draft);
        if (!write_described(replay, line, connection, entity, &writer))
            return slice_of(NULL, 0);
        capture_check(line, transmission_end(&form, &writer, &draft, slice_of(NULL, 0), NULL) == SMQ_OK);
        if (authorization.length > 0)
            memcpy(draft.authorization, authorization.bytes, authorization.length);
        buffer[0]++;
    }
    return slice_of(buffer, writer_length(&writer));
}
