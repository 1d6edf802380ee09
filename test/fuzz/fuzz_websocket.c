/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* WebSockets: any request is answered, and any frames, whole or in parts, keep to the limits. The first byte of the
 * input chooses; frames are given behind a good request. */
#include <stdlib.h>
#include <string.h>

#include "transport/net/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool condition) {
    if (!condition)
        abort();
}

struct counted {
    struct framing_sink sink;
    int opened;
    size_t message;
    size_t replied;
};

static enum smq_result opened(struct framing_sink *sink) {
    require(((struct counted *)(void *)sink)->opened++ == 0);
    return SMQ_OK;
}

static enum smq_result payload(struct framing_sink *sink, struct slice bytes) {
    struct counted *counted = (struct counted *)(void *)sink;
    counted->message += bytes.length;
    require(counted->opened == 1 && counted->message <= WEBSOCKET_MESSAGE_MAX);
    return SMQ_OK;
}

static enum smq_result message_end(struct framing_sink *sink) {
    ((struct counted *)(void *)sink)->message = 0;
    return SMQ_OK;
}

static enum smq_result reply(struct framing_sink *sink, struct slice bytes) {
    ((struct counted *)(void *)sink)->replied += bytes.length;
    return SMQ_OK;
}

static void fuzz_request(struct slice input) {
    uint8_t answer[WEBSOCKET_ANSWER_MAX];
    size_t length = 0;
    enum smq_result result = websocket_upgrade(input, answer, &length);
    require((result == SMQ_OK || result == SMQ_ERR_PROTOCOL) && length > 0 && length <= sizeof answer);
    require((memcmp(answer, "HTTP/1.1 101 ", 13) == 0) == (result == SMQ_OK));
}

static void fuzz_frames(struct slice input, size_t part) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: \r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    struct counted counted = {.sink = {opened, payload, message_end, reply}};
    void *state = NULL;
    require(websocket_framing.create(&state) == SMQ_OK);
    enum smq_result result = websocket_framing.receive(state, slice_of_text(request), &counted.sink);
    require(result == SMQ_OK && counted.opened == 1);
    while (input.length > 0 && result == SMQ_OK) {
        size_t given = input.length < part ? input.length : part;
        result = websocket_framing.receive(state, slice_of(input.bytes, given), &counted.sink);
        input = slice_of(input.bytes + given, input.length - given);
    }
    require(result == SMQ_OK || result == SMQ_ERR_PROTOCOL || result == SMQ_ERR_CLOSED);
    websocket_framing.destroy(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (length == 0)
        return 0;
    struct slice input = slice_of(bytes + 1, length - 1);
    if (bytes[0] == '0')
        fuzz_request(input);
    else
        fuzz_frames(input, bytes[0] == '1' ? SIZE_MAX : (size_t)(bytes[0] % 16) + 1);
    return 0;
}
