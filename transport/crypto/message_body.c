/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The body of MSG. */
#include "transport/crypto/message_body.h"

#include "transport/wire/encoding.h"

static const char quota_marker[] = "QUOTA";

/* The plaintext is written straight into its place in the box. */
static struct writer plaintext_writer(uint8_t *output) {
    return writer_of(output + BOX_PADDED_OFFSET, MESSAGE_BODY_SIZE - BOX_PADDED_OFFSET);
}

struct writer message_body_begin(int64_t timestamp, bool notification, uint8_t *output) {
    struct writer writer = plaintext_writer(output);
    write_time(&writer, timestamp);
    write_bool(&writer, notification);
    write_space(&writer);
    return writer;
}

enum smq_result message_body_finish(const struct box_key *key, const uint8_t message_id[MESSAGE_ID_SIZE],
                                    const struct writer *body, uint8_t *output) {
    if (writer_finish(body) != SMQ_OK)
        return SMQ_ERR_TOO_LARGE;
    return box_seal_padded(key, message_id, output, writer_length(body), MESSAGE_BODY_PADDED);
}

enum smq_result message_body_seal(const struct box_key *key, const uint8_t message_id[MESSAGE_ID_SIZE],
                                  int64_t timestamp, bool notification, struct slice body, uint8_t *output) {
    struct writer writer = message_body_begin(timestamp, notification, output);
    write_slice(&writer, body);
    return message_body_finish(key, message_id, &writer, output);
}

void message_body_seal_quota(const struct box_key *key, const uint8_t message_id[MESSAGE_ID_SIZE], int64_t timestamp,
                             uint8_t *output) {
    struct writer writer = plaintext_writer(output);
    write_text(&writer, quota_marker);
    write_space(&writer);
    write_time(&writer, timestamp);
    (void)box_seal_padded(key, message_id, output, writer_length(&writer), MESSAGE_BODY_PADDED);
}

static enum smq_result parse_quota(struct slice plaintext, struct message_body *message) {
    struct reader reader = reader_of(plaintext);
    read_literal(&reader, quota_marker);
    read_space(&reader);
    *message = (struct message_body){.quota = true, .timestamp = read_time(&reader)};
    return reader_finish(&reader);
}

static enum smq_result parse_message(struct slice plaintext, struct message_body *message) {
    struct reader reader = reader_of(plaintext);
    *message = (struct message_body){.timestamp = read_time(&reader)};
    message->notification = read_bool(&reader);
    (void)read_until(&reader, ' '); /* flags of later versions */
    read_space(&reader);
    message->body = read_tail(&reader);
    return reader_finish(&reader);
}

enum smq_result message_body_open(const struct box_key *key, struct slice message_id, uint8_t *sealed, size_t length,
                                  struct message_body *message) {
    uint8_t nonce[BOX_NONCE_SIZE];
    struct slice plaintext;
    struct message_body parsed;
    box_nonce_of(message_id, nonce);
    enum smq_result result = box_open_padded(key, nonce, sealed, length, &plaintext);
    if (result != SMQ_OK)
        return result;
    /* No timestamp starts with letters, so a message is never taken for the marker. */
    if (parse_quota(plaintext, &parsed) != SMQ_OK && parse_message(plaintext, &parsed) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    *message = parsed;
    return SMQ_OK;
}
