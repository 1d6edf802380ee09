/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The example program of an agent, built as a stranger would build it, against routers that restart. */
#include <poll.h>
#include <string.h>

#include "queues/base/clock.h"
#include "test/support/client_fixture.h"
#include "test/support/process.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"

enum { ROUTERS = 2, WAIT_MS = 20000 };

static const char watch[] = BUILD_DIR "/examples/watch";

/* Until the process has printed so many lines. */
static void await_lines(struct process *process, unsigned count) {
    uint64_t deadline = clock_monotonic_ms() + WAIT_MS;
    for (unsigned lines = 0; lines < count;) {
        lines = 0;
        for (const char *text = process_output(process); *text != 0; text++)
            lines += *text == '\n';
        assert_true(clock_monotonic_ms() < deadline);
        (void)poll(NULL, 0, 5);
    }
}

/* The line with this number of what the process printed. */
static void line_of(struct process *process, unsigned number, char *line, size_t size) {
    const char *begin = process_output(process);
    for (unsigned i = 0; i < number; i++) {
        begin = strchr(begin, '\n');
        assert_non_null(begin);
        begin++;
    }
    size_t length = strcspn(begin, "\n");
    assert_true(length < size);
    memcpy(line, begin, length);
    line[length] = 0;
}

static void send_text(struct smq_context *context, const char *uri, const char *text) {
    struct smq_send_queue *queue;
    struct client_fixture client;
    char address[SMQ_ADDRESS_TEXT_SIZE];
    assert_int_equal(smq_send_queue_from_uri(uri, &queue), SMQ_OK);
    assert_int_equal(smq_send_queue_address(queue, address, sizeof(address)), SMQ_OK);
    client_fixture_connect(&client, context, address, NULL);
    struct smq_bytes body = {(const uint8_t *)text, strlen(text)};
    assert_int_equal(smq_send(client.client, queue, false, body, 0, NULL), SMQ_OK);
    client_fixture_close(&client);
    smq_send_queue_release(&queue);
}

static void test_watch_prints_messages_of_all_routers_also_after_their_restart(void **state) {
    (void)state;
    struct router_fixture routers[ROUTERS];
    struct smq_context *context;
    char addresses[ROUTERS][256], uris[ROUTERS][SMQ_URI_TEXT_SIZE];
    assert_int_equal(smq_context_create(NULL, &context), SMQ_OK);
    for (unsigned i = 0; i < ROUTERS; i++) {
        router_fixture_init(&routers[i]);
        router_fixture_start(&routers[i]);
        client_fixture_address(routers[i].fingerprint, routers[i].port, addresses[i], sizeof(addresses[i]));
    }
    const char *const argv[] = {watch, "4", addresses[0], addresses[1], NULL};
    struct process *process = process_start(argv, NULL);
    await_lines(process, ROUTERS);
    for (unsigned i = 0; i < ROUTERS; i++)
        line_of(process, i, uris[i], sizeof(uris[i]));
    send_text(context, uris[0], "one");
    assert_true(process_wait_output(process, "one\n", WAIT_MS));
    send_text(context, uris[1], "two");
    assert_true(process_wait_output(process, "two\n", WAIT_MS));
    for (unsigned i = 0; i < ROUTERS; i++) {
        router_fixture_stop(&routers[i]);
        router_fixture_start(&routers[i]);
    }
    send_text(context, uris[1], "three");
    assert_true(process_wait_output(process, "three\n", WAIT_MS));
    send_text(context, uris[0], "four");
    assert_int_equal(process_wait(process, WAIT_MS), 0);
    assert_non_null(strstr(process_output(process), "three\nfour\n"));
    assert_non_null(strstr(process_errors(process), "connection lost"));
    process_destroy(&process);
    for (unsigned i = 0; i < ROUTERS; i++)
        router_fixture_finish(&routers[i]);
    smq_context_destroy(&context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watch_prints_messages_of_all_routers_also_after_their_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
