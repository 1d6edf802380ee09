/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The heap of HTTP/2: what an idle connection holds, frame buffers that servers share, allocations that fail. */
#include "queues/base/fault.h"
#include "test/support/http2_side.h"
#include "test/unit/transport/test_helpers.h"
#include "transport/http2/session_memory.h"

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

static void test_preface_of_a_client_is_its_own(void **state) {
    (void)state;
    assert_true(http2_side_open(&clients[0], false));
    assert_true(http2_side_open(&server, true) && http2_side_open(&client, false));
    server.answers = true;
    server.answer_length = 1000;
    assert_non_null(http2_side_request(&client, "/", 1000));
    http2_wire(&client, &server, RECORD);
    assert_true(http2_side_take(&clients[0], bytes, RECORD) > 24);
    assert_memory_equal(bytes, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    assert_true(http2_side_close(&clients[0]) && http2_side_close(&client) && http2_side_close(&server));
}

static void test_heap_of_a_session_is_limited_and_counted(void **state) {
    (void)state;
    enum { BLOCK = 10000, BLOCKS = HTTP2_MEMORY_MAX / BLOCK + 1 };
    struct session_memory counted = {0};
    nghttp2_mem memory = session_memory_of(&counted);
    void *blocks[BLOCKS] = {NULL};
    int count = 0;
    while (count < BLOCKS && (blocks[count] = memory.malloc(BLOCK, memory.mem_user_data)) != NULL)
        count++;
    assert_in_range(count, BLOCKS - 5, BLOCKS - 1);
    assert_true(counted.limit_reached);
    assert_null(memory.calloc(BLOCK, 1, memory.mem_user_data));
    assert_null(memory.calloc(SIZE_MAX / 2, 3, memory.mem_user_data));
    assert_null(memory.realloc(blocks[0], 2 * BLOCK, memory.mem_user_data));
    while (count > 0)
        memory.free(blocks[--count], memory.mem_user_data);
    assert_int_equal(counted.used, 0);
    assert_null(memory.malloc(SESSION_BLOCK_MAX + 1, memory.mem_user_data));
    memory.free(memory.realloc(NULL, SESSION_BLOCK_MAX, memory.mem_user_data), memory.mem_user_data);
    assert_int_equal(counted.used, 0);
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
        cmocka_unit_test(test_preface_of_a_client_is_its_own),
        cmocka_unit_test(test_heap_of_a_session_is_limited_and_counted),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
