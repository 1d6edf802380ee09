/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Time and room: what expires before it is sent, pings and the silent router, consumers that do not keep up, callers
 * without credit. */
#include <poll.h>
#include <string.h>

#include "queues/base/clock.h"
#include "test/support/client_fixture.h"
#include "test/support/require.h"
#include "test/support/scripted_router.h"

static struct smq_context *context;

static int start(void **state) {
    (void)state;
    require(smq_context_create(NULL, &context) == SMQ_OK);
    return 0;
}

static int stop(void **state) {
    (void)state;
    smq_context_destroy(&context);
    return 0;
}

static const uint8_t recipient_id[24] = "recipient id of 24 bytes";
static const uint8_t sender_id[24] = "sender id of 24 bytes ..";
static struct key_pair router_key; /* made before the routers start */
static _Atomic bool silent;        /* answers NEW only */

static void handle(struct scripted_connection *connection, const struct scripted_command *command, void *shared) {
    (void)shared;
    if (command->command.tag != SMP_NEW) {
        if (!atomic_load(&silent))
            scripted_answer(connection, command);
        return;
    }
    struct smp_response response = {.tag = SMP_IDS};
    response.ids.recipient_id = slice_of(recipient_id, sizeof(recipient_id));
    response.ids.sender_id = slice_of(sender_id, sizeof(sender_id));
    response.ids.dh_key = router_key.public_key;
    response.ids.mode = SMP_MODE_MESSAGING;
    scripted_respond(connection, command->correlation_id, command->entity_id, &response);
}

struct set {
    struct scripted_router router;
    struct client_fixture client;
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
};

static void begin(struct set *set, const struct smq_client_options *client_options, bool subscribe) {
    require(key_pair_generate(KEY_X25519, &router_key) == SMQ_OK);
    atomic_store(&silent, false);
    memset(set, 0, sizeof(*set));
    scripted_router_start(&set->router, &(struct scripted_options){.handle = handle});
    client_fixture_connect(&set->client, context, set->router.address, client_options);
    struct smq_create_options options;
    smq_create_options_init(&options);
    options.subscribe = subscribe;
    require(smq_create_queue(set->client.client, &options, 0, &set->queue, NULL) == SMQ_OK);
    require(smq_send_queue_from_receive_queue(set->queue, &set->send_queue) == SMQ_OK);
}

static void end(struct set *set) {
    smq_send_queue_release(&set->send_queue);
    smq_receive_queue_release(&set->queue);
    client_fixture_close(&set->client);
    scripted_router_stop(&set->router);
}

/* Fills what the kernel buffers between client and router, while the router does not read; returns how many commands
 * that took. */
static uint32_t clog_up(struct set *set) {
    enum { ENOUGH = 2000 }; /* 32 MB, more than the kernel buffers for a loopback connection */
    static uint8_t body[SMQ_BODY_MAX];
    for (uint64_t i = 0; i < ENOUGH; i++) {
        enum smq_result result = smq_send_async(set->client.client, set->send_queue, false,
                                                (struct smq_bytes){body, sizeof(body)}, 60000, i);
        require(result == SMQ_OK);
    }
    return ENOUGH;
}

static void test_single_command_that_expired_is_not_sent_but_a_batch_is(void **state) {
    (void)state;
    static struct set set;
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.unsent_bytes_max = UINT64_C(64) << 20;
    begin(&set, &options, false);
    struct scripted_connection *connection = atomic_load(&set.router.last);
    scripted_pause(connection);
    uint32_t sent = clog_up(&set);
    assert_int_equal(smq_suspend(set.client.client, set.queue, 50, NULL), SMQ_ERR_TIMEOUT);
    struct smq_receive_queue *queues[] = {set.queue, set.queue, set.queue};
    enum smq_result results[3];
    assert_int_equal(smq_subscribe_many(set.client.client, queues, 3, 50, results, NULL), SMQ_ERR_TIMEOUT);
    assert_int_equal(results[2], SMQ_ERR_TIMEOUT);
    assert_true(atomic_load(&set.router.commands[SMP_SEND]) < sent);
    scripted_resume(connection);
    for (uint32_t i = 0; i < sent; i++)
        assert_int_equal(client_fixture_expect(&set.client, SMQ_EVENT_COMPLETED)->result, SMQ_OK);
    for (int i = 0; i < 3; i++) {
        const struct smq_event *event = client_fixture_expect(&set.client, SMQ_EVENT_LATE);
        assert_int_equal(event->command, SMQ_COMMAND_SUBSCRIBE);
    }
    assert_int_equal(smq_ping(set.client.client, 0, NULL), SMQ_OK);
    assert_int_equal(atomic_load(&set.router.commands[SMP_OFF]), 0);
    assert_int_equal(atomic_load(&set.router.commands[SMP_SUB]), 3);
    end(&set);
}

static void test_nothing_is_pinged_before_a_subscription(void **state) {
    (void)state;
    static struct set set;
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.ping_interval_ms = 40;
    options.background_timeout_ms = 40;
    begin(&set, &options, false);
    client_fixture_expect_nothing(&set.client); /* longer than the interval */
    assert_int_equal(atomic_load(&set.router.commands[SMP_PING]), 0);
    assert_int_equal(smq_subscribe(set.client.client, set.queue, 5000, NULL), SMQ_OK);
    scripted_await(&set.router, SMP_PING, 2);
    end(&set);
}

static void test_silent_router_is_dropped_after_the_window(void **state) {
    (void)state;
    static struct set set;
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.ping_interval_ms = 40;
    options.background_timeout_ms = 40;
    options.ping_count = 2;
    options.ping_window_ms = 300;
    begin(&set, &options, true);
    scripted_await(&set.router, SMP_PING, 1);
    atomic_store(&silent, true);
    uint64_t before = clock_monotonic_ms();
    const struct smq_event *event = client_fixture_expect(&set.client, SMQ_EVENT_DISCONNECTED);
    assert_int_equal(event->result, SMQ_ERR_TIMEOUT);
    assert_true(clock_monotonic_ms() - before >= 200);
    end(&set);
}

static void test_ping_count_of_zero_never_drops(void **state) {
    (void)state;
    static struct set set;
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.ping_interval_ms = 10;
    options.background_timeout_ms = 10;
    options.ping_count = 0;
    options.ping_window_ms = 0;
    begin(&set, &options, true);
    atomic_store(&silent, true);
    scripted_await(&set.router, SMP_PING, 2);
    struct smq_client_info info;
    smq_client_info(set.client.client, &info);
    assert_true(info.connected);
    end(&set);
}

static void test_slow_consumer_loses_nothing_and_stops_the_reading(void **state) {
    (void)state;
    enum { COUNT = 300 };
    static struct set set;
    struct smq_events *events;
    struct smq_events_options events_options;
    smq_events_options_init(&events_options);
    events_options.batches = 4;
    assert_int_equal(smq_events_create(&events_options, &events), SMQ_OK);
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.events = events;
    begin(&set, &options, true);
    struct scripted_connection *connection = atomic_load(&set.router.last);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint8_t number[4] = {(uint8_t)(i >> 8), (uint8_t)i};
        struct smp_response response = {.tag = SMP_MSG};
        response.message.id = slice_of(number, sizeof(number));
        response.message.body = slice_of(recipient_id, sizeof(recipient_id));
        scripted_respond(connection, slice_of(NULL, 0), slice_of(sender_id, 24), &response);
    }
    set.client.events = events;
    for (uint32_t i = 0; i < COUNT; i++) {
        const struct smq_event *event = client_fixture_expect(&set.client, SMQ_EVENT_MESSAGE);
        assert_int_equal(event->message_id.bytes[0] << 8 | event->message_id.bytes[1], i);
    }
    assert_int_equal(smq_ping(set.client.client, 0, NULL), SMQ_OK);
    end(&set);
}

static void test_commands_beyond_the_limits_are_refused_at_once(void **state) {
    (void)state;
    static struct set set;
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.outstanding_max = 10;
    begin(&set, &options, false);
    atomic_store(&silent, true);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(smq_suspend_async(set.client.client, set.queue, 0, i), SMQ_OK);
    assert_int_equal(smq_suspend_async(set.client.client, set.queue, 0, 10), SMQ_ERR_NO_CREDIT);
    struct smq_receive_queue *queues[] = {set.queue, set.queue};
    assert_int_equal(smq_subscribe_many_async(set.client.client, queues, 2, 0, 0), SMQ_ERR_NO_CREDIT);
    assert_int_equal(smq_suspend(set.client.client, set.queue, 30, NULL),
                     SMQ_ERR_TIMEOUT); /* blocking ones are admitted */
    struct smq_client_info info;
    smq_client_info(set.client.client, &info);
    assert_int_equal(info.outstanding, 10);
    end(&set);
}

static void test_asynchronous_commands_need_events(void **state) {
    (void)state;
    struct scripted_router router;
    scripted_router_start(&router, &(struct scripted_options){.handle = NULL});
    struct smq_client *client;
    assert_int_equal(smq_client_connect(context, router.address, NULL, &client, NULL), SMQ_OK);
    assert_int_equal(smq_ping_async(client, 0, 0), SMQ_ERR_INVALID);
    assert_int_equal(smq_ping(client, 0, NULL), SMQ_OK);
    smq_client_close(&client);
    scripted_router_stop(&router);
}

static void test_descriptor_is_readable_while_events_wait(void **state) {
    (void)state;
    struct scripted_router router;
    scripted_router_start(&router, &(struct scripted_options){.handle = NULL});
    struct smq_events *events;
    struct smq_events_options events_options;
    smq_events_options_init(&events_options);
    events_options.with_descriptor = true;
    assert_int_equal(smq_events_create(&events_options, &events), SMQ_OK);
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.events = events;
    struct smq_client *client;
    assert_int_equal(smq_client_connect(context, router.address, &options, &client, NULL), SMQ_OK);
    struct pollfd descriptor = {.fd = smq_events_descriptor(events), .events = POLLIN};
    assert_int_equal(poll(&descriptor, 1, 0), 0);
    int completed = 0;
    for (uint64_t i = 0; i < 500; i++)
        assert_int_equal(smq_ping_async(client, 0, i), SMQ_OK);
    while (completed < 500) {
        assert_int_equal(poll(&descriptor, 1, 10000), 1);
        struct smq_batch *batch;
        while (smq_events_take(events, 0, &batch) == SMQ_OK) {
            completed += (int)smq_batch_count(batch);
            smq_batch_release(&batch);
        }
    }
    assert_int_equal(poll(&descriptor, 1, 0), 0);
    smq_client_close(&client);
    assert_int_equal(poll(&descriptor, 1, 10000), 1);
    smq_events_destroy(&events);
    scripted_router_stop(&router);
}

static void test_events_given_up_are_dropped(void **state) {
    (void)state;
    static struct set set;
    begin(&set, NULL, true);
    assert_int_equal(smq_ping_async(set.client.client, 0, 1), SMQ_OK);
    struct smq_batch *batch;
    assert_int_equal(smq_events_take(set.client.events, 10000, &batch), SMQ_OK);
    smq_events_destroy(&set.client.events);
    assert_int_equal(smq_batch_event(batch, 0)->tag, 1); /* what was taken stays */
    assert_int_equal(smq_ping_async(set.client.client, 0, 2), SMQ_OK);
    assert_int_equal(smq_ping(set.client.client, 0, NULL), SMQ_OK);
    smq_batch_release(&batch);
    end(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_command_that_expired_is_not_sent_but_a_batch_is),
        cmocka_unit_test(test_nothing_is_pinged_before_a_subscription),
        cmocka_unit_test(test_silent_router_is_dropped_after_the_window),
        cmocka_unit_test(test_ping_count_of_zero_never_drops),
        cmocka_unit_test(test_slow_consumer_loses_nothing_and_stops_the_reading),
        cmocka_unit_test(test_commands_beyond_the_limits_are_refused_at_once),
        cmocka_unit_test(test_asynchronous_commands_need_events),
        cmocka_unit_test(test_descriptor_is_readable_while_events_wait),
        cmocka_unit_test(test_events_given_up_are_dropped),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
