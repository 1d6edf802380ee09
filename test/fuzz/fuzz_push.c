/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes what comes with pushes: lists of messages, device tokens in text, answers of push services, encrypted WebPush
 * bodies. The first byte says which. */
#include "test/fuzz/smp_fuzz.h"
#include "transport/crypto/setup.h"
#include "transport/ntf/device_token.h"
#include "transport/ntf/message.h"
#include "transport/push/answer.h"
#include "transport/push/web_encryption.h"

enum { ROOM = 1 << 16 };

static uint8_t first[4 * ROOM], second[4 * ROOM];

static struct slice rewrite_messages(struct slice input, bool *whole, uint8_t *buffer) {
    struct reader reader = reader_of(input);
    struct writer writer = writer_of(buffer, sizeof first);
    struct ntf_message message;
    while (ntf_messages_next(&reader, &message))
        write_ntf_messages_item(&writer, &message);
    *whole = !reader.failed;
    PROMISE(writer_finish(&writer) == SMQ_OK);
    return slice_of(buffer, writer_length(&writer));
}

static void fuzz_messages(struct slice input) {
    bool whole;
    struct slice written = rewrite_messages(input, &whole, first);
    struct slice again = rewrite_messages(written, &whole, second);
    PROMISE(whole && fuzz_equal(written, again));
}

static void fuzz_device_token(struct slice input) {
    struct device_token token, again;
    if (device_token_parse(input, &token) != SMQ_OK)
        return;
    struct writer writer = writer_of(first, sizeof first);
    write_device_token_text(&writer, &token);
    PROMISE(writer_finish(&writer) == SMQ_OK && writer_length(&writer) <= DEVICE_TOKEN_TEXT_MAX);
    PROMISE(device_token_parse(slice_of(first, writer_length(&writer)), &again) == SMQ_OK);
    PROMISE(device_token_equal(&token, &again));
    writer = writer_of(second, sizeof second);
    write_device_token(&writer, &token);
    struct reader reader = reader_of(slice_of(second, writer_length(&writer)));
    read_device_token(&reader, &again);
    PROMISE(reader_finish(&reader) == SMQ_OK && device_token_equal(&token, &again));
    PROMISE(token.provider == PUSH_WEB || device_token_in_path(&token));
}

static void fuzz_web_body(struct slice input) {
    static const uint8_t secret[P256_SECRET_SIZE] = {1}, auth[WEB_PUSH_AUTH_SIZE];
    static struct p256_key *key;
    size_t length;
    if (key == NULL)
        PROMISE(p256_key_of_secret(secret, &key) == SMQ_OK);
    (void)web_push_decrypt(input, key, auth, first, &length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (length < 2 || length > ROOM)
        return 0;
    PROMISE(crypto_setup() == SMQ_OK);
    struct slice input = slice_of(bytes + 1, length - 1);
    switch (bytes[0] % 4) {
    case 0:
        fuzz_messages(input);
        break;
    case 1:
        fuzz_device_token(input);
        break;
    case 2:
        (void)push_apns_answer(200 + (unsigned)bytes[1] * 2, input);
        break;
    default:
        fuzz_web_body(input);
        break;
    }
    return 0;
}
