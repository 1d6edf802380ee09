/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What NMSG tells the recipient through the notifier. */
#include "transport/crypto/notification_meta.h"

#include "transport/wire/encoding.h"

enum smq_result notification_meta_seal(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE],
                                       const struct notification_meta *meta, uint8_t *output) {
    struct writer writer = writer_of(output + BOX_PADDED_OFFSET, NOTIFICATION_META_SIZE - BOX_PADDED_OFFSET);
    write_short(&writer, meta->message_id);
    write_time(&writer, meta->timestamp);
    if (writer_finish(&writer) != SMQ_OK)
        return SMQ_ERR_TOO_LARGE;
    return box_seal_padded(key, nonce, output, writer_length(&writer), NOTIFICATION_META_PADDED);
}

enum smq_result notification_meta_open(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], uint8_t *sealed,
                                       size_t length, struct notification_meta *meta) {
    struct slice plaintext;
    enum smq_result result = box_open_padded(key, nonce, sealed, length, &plaintext);
    if (result != SMQ_OK)
        return result;
    struct reader reader = reader_of(plaintext);
    struct notification_meta parsed = {.message_id = read_short(&reader)};
    parsed.timestamp = read_time(&reader);
    result = reader_status(&reader);
    if (result == SMQ_OK)
        *meta = parsed;
    return result;
}
