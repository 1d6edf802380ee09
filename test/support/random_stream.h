/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sources of random bytes that are the same in every run. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/random_source.h"

/* The keystream of ChaCha20 (RFC 8439) with this key, nonce 0, counter 0, read in order. */
struct random_stream {
    uint8_t key[32];
    uint32_t counter;
    uint8_t block[64];
    size_t left; /* of the block, at its end */
};

/* Key 00 01 .. 1f, with `number` added to its last two bytes. */
struct random_stream random_stream_numbered(uint16_t number);
struct random_source random_stream_source(struct random_stream *stream);
/* A number below `bound`, for tests that choose at random. */
uint32_t random_stream_below(struct random_stream *stream, uint32_t bound);

/* These bytes, and nothing else: reading past their end fails the test. */
struct random_script {
    struct slice left;
};
struct random_source random_script_source(struct random_script *script);
