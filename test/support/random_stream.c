/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "test/support/random_stream.h"

#include <string.h>

#include <sodium.h>

#include "test/support/require.h"

struct random_stream random_stream_numbered(uint16_t number) {
    struct random_stream stream = {.left = 0};
    for (size_t i = 0; i < sizeof stream.key; i++)
        stream.key[i] = (uint8_t)i;
    stream.key[31] = (uint8_t)(stream.key[31] + (number & 0xff));
    stream.key[30] = (uint8_t)(stream.key[30] + (number >> 8));
    return stream;
}

static void fill_from_stream(void *context, void *bytes, size_t length) {
    static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES],
        zeroes[sizeof((struct random_stream *)0)->block];
    struct random_stream *stream = context;
    for (uint8_t *target = bytes; length > 0;) {
        if (stream->left == 0) {
            crypto_stream_chacha20_ietf_xor_ic(stream->block, zeroes, sizeof zeroes, nonce, stream->counter++,
                                               stream->key);
            stream->left = sizeof stream->block;
        }
        size_t part = length < stream->left ? length : stream->left;
        memcpy(target, stream->block + sizeof stream->block - stream->left, part);
        stream->left -= part;
        target += part;
        length -= part;
    }
}

struct random_source random_stream_source(struct random_stream *stream) {
    return (struct random_source){.fill = fill_from_stream, .context = stream};
}

uint32_t random_stream_below(struct random_stream *stream, uint32_t bound) {
    uint32_t number;
    fill_from_stream(stream, &number, sizeof number);
    return number % bound;
}

static void fill_from_script(void *context, void *bytes, size_t length) {
    struct random_script *script = context;
    require(length <= script->left.length);
    memcpy(bytes, script->left.bytes, length);
    script->left = slice_of(script->left.bytes + length, script->left.length - length);
}

struct random_source random_script_source(struct random_script *script) {
    return (struct random_source){.fill = fill_from_script, .context = script};
}
