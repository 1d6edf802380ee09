/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the tests of the XFTP router share: a router that each test starts as it needs it, and a peer. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "test/support/require.h"
#include "test/support/xftp_fixture.h"

static struct xftp_fixture fixture;
static struct xftp_peer peer;

static inline int set_up(void **state) {
    (void)state;
    xftp_fixture_init(&fixture);
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    fault_disarm_all();
    xftp_peer_close(&peer);
    xftp_fixture_finish(&fixture);
    return 0;
}

static inline void start(void) {
    xftp_fixture_start(&fixture);
    xftp_fixture_connect(&fixture, &peer);
}

static inline void stop(void) {
    xftp_peer_close(&peer);
    xftp_fixture_stop(&fixture);
}

#define ROUTER_TEST(function)     cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define EXPECT_ERROR(call, error) assert_int_equal((call).code, XFTP_ERROR_##error)
#define NO_BYTES                  slice_of(NULL, 0)
#define AS_SENDER(file, tag)      xftp_peer_error(&peer, &(file).sender, xftp_file_sender(&(file)), tag, NO_BYTES)
#define AS_RECIPIENT(file, which, tag)                                                                                 \
    xftp_peer_error(&peer, &(file).recipients[which], xftp_file_recipient(&(file), which), tag, NO_BYTES)

static inline struct xftp_peer_file created(uint8_t seed) {
    struct xftp_peer_file file;
    EXPECT_ERROR(xftp_peer_create(&peer, 65536, seed, NULL, &file), NONE);
    return file;
}

static inline struct xftp_peer_file uploaded(uint8_t seed) {
    struct xftp_peer_file file = created(seed);
    EXPECT_ERROR(xftp_peer_put(&peer, &file), NONE);
    return file;
}

/* FPUT of these bytes. */
static inline struct xftp_error put_bytes(const struct xftp_peer_file *file, const uint8_t *bytes, size_t length) {
    return xftp_peer_error(&peer, &file->sender, xftp_file_sender(file), XFTP_FPUT, slice_of(bytes, length));
}

/* A FPUT with as much of its bytes as `length`, more than the chunk has included, in a stream of its own. */
static inline struct xftp_stream *begin_put(struct xftp_peer *of, const struct xftp_peer_file *file, size_t length,
                                            bool ends) {
    struct xftp_command command = {.tag = XFTP_FPUT};
    uint8_t *body = calloc(1, XFTP_BLOCK_SIZE + file->size + XFTP_BLOCK_SIZE);
    uint8_t *bytes = xftp_chunk_bytes(file->size, file->seed);
    require(body != NULL);
    xftp_peer_block(of, &file->sender, xftp_file_sender(file), &command, body);
    memcpy(body + XFTP_BLOCK_SIZE, bytes, file->size);
    free(bytes);
    struct xftp_stream *stream = xftp_peer_begin(of, "POST", NULL, body, XFTP_BLOCK_SIZE + length, ends);
    stream->made = body;
    return stream;
}

/* The error that a stream was answered with. */
static inline enum xftp_error_code error_of(struct xftp_peer *of, struct xftp_stream *stream) {
    struct xftp_response response;
    xftp_peer_finish(of, stream);
    xftp_peer_response(of, stream, &response);
    return response.tag == XFTP_ERR ? response.error.code : XFTP_ERROR_NONE;
}

static inline void expect_pong(struct xftp_peer *of) {
    const struct xftp_command command = {.tag = XFTP_PING};
    struct xftp_response response;
    struct xftp_stream *stream = xftp_peer_command(of, NULL, NO_BYTES, &command, NO_BYTES, &response);
    assert_int_equal(response.tag, XFTP_PONG);
    xftp_stream_forget(stream);
}

/* Waits until `condition` holds. */
static inline void await(bool (*condition)(void)) {
    uint64_t until_ms = clock_monotonic_ms() + 30000;
    while (!condition()) {
        assert_true(clock_monotonic_ms() < until_ms);
        (void)usleep(2000);
    }
}

static inline bool nothing_is_claimed(void) {
    struct xftp_statistics statistics = xftp_fixture_statistics(&fixture);
    return statistics.quota_used == statistics.chunk_bytes && statistics.upload_bytes_waiting == 0 &&
           xftp_fixture_incoming(&fixture) == 0;
}
