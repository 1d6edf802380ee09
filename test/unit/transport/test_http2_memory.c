/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The heap of HTTP/2: what an idle connection holds, frame buffers that servers share, allocations that fail. */
#include "queues/base/fault.h"
#include "test/support/http2_side.h"
#include "test/unit/transport/test_helpers.h"

enum { RECORD = 16384, IDLE_MAX = 11000, PAIRS = 4, LONG_VALUE = 12000 };

static struct http2_side client, server;
static struct http2_side clients[PAIRS], servers[PAIRS];
static uint8_t bytes[RECORD];

static void test_idle_server_is_small(void **state) {
    (void)state;
    assert_true(http2_side_open(&server, true) && http2_side_open(&client, false));
    server.answers = true;
    server.answer_length = 100000;
    for (int count = 0; count < 150; count++)
        assert_non_null(http2_side_request(&client, "/a/path", 100000));
    http2_wire(&client, &server, RECORD);
    assert_int_equal(client.exchanges[149].end, HTTP2_DONE);
    assert_true(http2_memory(server.http2) < IDLE_MAX);
    assert_true(http2_side_close(&client) && http2_side_close(&server));
}

/* A frame of each server in turn, with room for a part of it only, while the others use the same buffer. */
static void test_servers_that_share_a_buffer_do_not_mix_frames(void **state) {
    (void)state;
    static char value[LONG_VALUE];
    for (int index = 0; index < PAIRS; index++) {
        assert_true(http2_side_open(&servers[index], true) && http2_side_open(&clients[index], false));
        assert_non_null(http2_side_request(&clients[index], "/", 0));
        http2_wire(&clients[index], &servers[index], RECORD);
        memset(value, 'a' + index, sizeof value);
        struct http2_field field = {slice_of_text("note"), slice_of(value, sizeof value)};
        struct http2_response response = {200, &field, 1, true};
        servers[index].exchanges[0].to_send = 30000 + (size_t)index;
        assert_int_equal(http2_respond(servers[index].exchanges[0].stream, &response), SMQ_OK);
    }
    bool busy = true;
    while (busy) {
        busy = false;
        for (int index = 0; index < PAIRS; index++) {
            size_t length = http2_side_take(&servers[index], bytes, HTTP2_OUTPUT_MIN);
            assert_int_equal(http2_receive(clients[index].http2, slice_of(bytes, length), 0), SMQ_OK);
            busy = busy || length > 0;
        }
    }
    for (int index = 0; index < PAIRS; index++) {
        const char letter[] = {(char)('a' + index), '\0'};
        struct exchange *exchange = &clients[index].exchanges[0];
        assert_int_equal(strspn(exchange->note, letter), sizeof exchange->note - 1);
        assert_int_equal(exchange->received, 30000 + index);
        assert_false(exchange->body_is_wrong);
        assert_true(http2_side_close(&clients[index]) && http2_side_close(&servers[index]));
    }
}

/* Exchanges, with a head of its own size among them. False: they did not come to their end. */
static bool exchange(void) {
    server.answers = true;
    server.answer_length = 50000;
    for (int count = 0; count < 4; count++)
        (void)http2_side_request(&client, "/some/path", count % 2 == 0 ? 0 : 50000);
    http2_wire(&client, &server, 5000);
    http2_shutdown(server.http2);
    http2_wire(&client, &server, 5000);
    return client.count == 4 && client.exchanges[3].end == HTTP2_DONE && client.exchanges[3].received == 50000;
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    uint64_t skip = 0;
    bool fired = true;
    for (; fired; skip++) {
        fault_arm(FAULT_POINT_memory_alloc, skip, 1);
        bool opened = http2_side_open(&server, true) && http2_side_open(&client, false);
        bool done = opened && exchange();
        fired = fault_fired(FAULT_POINT_memory_alloc) > 0;
        fault_disarm_all();
        assert_true(done || fired);
        assert_true(http2_side_close(&client));
        assert_true(http2_side_close(&server));
    }
    assert_true(skip > 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_server_is_small),
        cmocka_unit_test(test_servers_that_share_a_buffer_do_not_mix_frames),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
