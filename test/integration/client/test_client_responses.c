/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How responses are matched: late ones, wrong ones, garbage; and what is told when a connection ends. The router is
 * scripted. */
#include <sched.h>
#include <string.h>

#include "queues/base/check.h"
#include "queues/base/clock.h"
#include "test/support/client_fixture.h"
#include "test/support/require.h"
#include "test/support/scripted_router.h"
#include "transport/crypto/message_body.h"

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

/* A command kept by the script, to be answered later by the test. */
struct kept {
    struct scripted_connection *connection;
    uint8_t correlation_id[SMP_CORRELATION_ID_SIZE];
    uint8_t entity_id[SMP_ENTITY_ID_SIZE];
    size_t entity_length;
};

/* What the test and its script share. NEW is always answered. */
struct script {
    struct scripted_router router;
    struct client_fixture client;
    struct smq_receive_queue *queue;
    struct kept kept; /* the last command that was not answered */
    _Atomic uint32_t kept_count;
    struct key_pair queue_key;
    struct box_key message_key;
    void (*_Atomic act)(struct scripted_connection *connection,
                        const struct scripted_command *command); /* NULL: keeps silent */
};

static const uint8_t recipient_id[24] = "recipient id of 24 bytes";
static const uint8_t sender_id[24] = "sender id of 24 bytes ..";

static void answer_new(struct script *script, struct scripted_connection *connection,
                       const struct scripted_command *command) {
    struct smp_response response = {.tag = SMP_IDS};
    response.ids.recipient_id = slice_of(recipient_id, sizeof(recipient_id));
    response.ids.sender_id = slice_of(sender_id, sizeof(sender_id));
    response.ids.dh_key = script->queue_key.public_key;
    response.ids.mode = SMP_MODE_MESSAGING;
    CHECK(box_key_agree(&script->queue_key.private_key, &command->command.create.recipient_dh_key,
                        &script->message_key) == SMQ_OK);
    scripted_respond(connection, command->correlation_id, command->entity_id, &response);
}

static void handle(struct scripted_connection *connection, const struct scripted_command *command, void *shared) {
    struct script *script = shared;
    if (command->command.tag == SMP_NEW) {
        answer_new(script, connection, command);
        return;
    }
    void (*act)(struct scripted_connection *, const struct scripted_command *) = atomic_load(&script->act);
    if (act != NULL) {
        act(connection, command);
        return;
    }
    script->kept.connection = connection;
    memcpy(script->kept.correlation_id, command->correlation_id.bytes, SMP_CORRELATION_ID_SIZE);
    script->kept.entity_length = command->entity_id.length;
    memcpy(script->kept.entity_id, command->entity_id.bytes, command->entity_id.length);
    atomic_fetch_add(&script->kept_count, 1);
}

/* The script starts with a queue that exists. */
static void begin(struct script *script, void (*act)(struct scripted_connection *, const struct scripted_command *),
                  const struct smq_client_options *client_options) {
    memset(script, 0, sizeof(*script));
    struct scripted_options options = {.handle = handle, .context = script};
    script->act = act;
    scripted_router_start(&script->router, &options);
    require(key_pair_generate(KEY_X25519, &script->queue_key) == SMQ_OK);
    client_fixture_connect(&script->client, context, script->router.address, client_options);
    require(smq_create_queue(script->client.client, NULL, 0, &script->queue, NULL) == SMQ_OK);
}

static void end(struct script *script) {
    smq_receive_queue_release(&script->queue);
    client_fixture_close(&script->client);
    scripted_router_stop(&script->router);
}

static struct slice kept_id(const struct script *script) {
    return slice_of(script->kept.correlation_id, SMP_CORRELATION_ID_SIZE);
}

static struct slice kept_entity(const struct script *script) {
    return slice_of(script->kept.entity_id, script->kept.entity_length);
}

static void await_kept(struct script *script, uint32_t count) {
    uint64_t deadline = clock_monotonic_ms() + 10000;
    while (atomic_load(&script->kept_count) < count) {
        require(clock_monotonic_ms() < deadline);
        (void)sched_yield();
    }
}

static void test_late_response_is_an_event_with_its_command(void **state) {
    (void)state;
    static struct script script;
    begin(&script, NULL, NULL);
    struct smq_error error;
    assert_int_equal(smq_subscribe(script.client.client, script.queue, 50, &error), SMQ_ERR_TIMEOUT);
    assert_int_equal(smq_suspend_async(script.client.client, script.queue, 50, 9), SMQ_OK);
    const struct smq_event *event = client_fixture_expect(&script.client, SMQ_EVENT_COMPLETED);
    assert_int_equal(event->result, SMQ_ERR_TIMEOUT);
    assert_int_equal(event->tag, 9);
    await_kept(&script, 2);
    struct smp_response ok = smp_response_ok();
    scripted_respond(script.kept.connection, kept_id(&script), kept_entity(&script), &ok);
    event = client_fixture_expect(&script.client, SMQ_EVENT_LATE);
    assert_int_equal(event->command, SMQ_COMMAND_SUSPEND);
    assert_int_equal(event->result, SMQ_OK);
    assert_int_equal(event->tag, 9);
    assert_ptr_equal(event->receive_queue, script.queue);
    /* it was removed with its first response */
    scripted_respond(script.kept.connection, kept_id(&script), kept_entity(&script), &ok);
    (void)client_fixture_expect(&script.client, SMQ_EVENT_UNEXPECTED);
    end(&script);
}

static void test_late_error_and_late_response_for_another_entity(void **state) {
    (void)state;
    static struct script script;
    begin(&script, NULL, NULL);
    struct smp_response refused = smp_response_error(smp_error_of(SMP_ERROR_AUTH));
    assert_int_equal(smq_suspend(script.client.client, script.queue, 50, NULL), SMQ_ERR_TIMEOUT);
    await_kept(&script, 1);
    scripted_respond(script.kept.connection, kept_id(&script), kept_entity(&script), &refused);
    const struct smq_event *event = client_fixture_expect(&script.client, SMQ_EVENT_LATE);
    assert_int_equal(event->result, SMQ_ERR_PROTOCOL);
    assert_int_equal(event->protocol, SMQ_PROTOCOL_AUTH);
    assert_string_equal(event->error_text, "AUTH");
    assert_int_equal(smq_suspend(script.client.client, script.queue, 50, NULL), SMQ_ERR_TIMEOUT);
    await_kept(&script, 2);
    scripted_respond(script.kept.connection, kept_id(&script), slice_of(sender_id, 24), &refused);
    (void)client_fixture_expect(&script.client, SMQ_EVENT_UNEXPECTED);
    client_fixture_expect_nothing(&script.client);
    end(&script);
}

static void answer_other_id(struct scripted_connection *connection, const struct scripted_command *command) {
    struct smp_response ok = smp_response_ok();
    scripted_respond(connection, slice_of(recipient_id, 24), command->entity_id, &ok);
}

static void test_response_to_no_command_is_unexpected_and_the_command_times_out(void **state) {
    (void)state;
    static struct script script;
    begin(&script, answer_other_id, NULL);
    assert_int_equal(smq_suspend(script.client.client, script.queue, 100, NULL), SMQ_ERR_TIMEOUT);
    const struct smq_event *event = client_fixture_expect(&script.client, SMQ_EVENT_UNEXPECTED);
    assert_int_equal(event->entity_id.length, 24);
    end(&script);
}

static void answer_other_entity(struct scripted_connection *connection, const struct scripted_command *command) {
    struct smp_response ok = smp_response_ok();
    scripted_respond(connection, command->correlation_id, slice_of(sender_id, 24), &ok);
}

static void answer_info(struct scripted_connection *connection, const struct scripted_command *command) {
    struct smp_response response = {.tag = SMP_INFO, .json = slice_of_text("{}")};
    scripted_respond(connection, command->correlation_id, command->entity_id, &response);
}

static void answer_nonsense(struct scripted_connection *connection, const struct scripted_command *command) {
    uint8_t content[256];
    struct transmission_form form = {.version = scripted_version(connection)};
    struct writer writer = writer_of(content, sizeof(content));
    struct transmission_draft draft;
    write_u8(&writer, 1);
    transmission_begin(&form, &writer, 0, false, command->correlation_id, command->entity_id, &draft);
    write_text(&writer, "WHAT is this");
    CHECK(transmission_end(&form, &writer, &draft, slice_of(NULL, 0), NULL) == SMQ_OK);
    scripted_send_content(connection, slice_of(content, writer_length(&writer)));
}

static void test_wrong_responses_fail_the_command_each_in_its_way(void **state) {
    (void)state;
    static struct script script;
    struct smq_error error;
    begin(&script, answer_other_entity, NULL);
    assert_int_equal(smq_suspend(script.client.client, script.queue, 0, &error), SMQ_ERR_PROTOCOL);
    assert_int_equal(error.protocol, SMQ_PROTOCOL_NONE);
    assert_string_equal(error.text, "response for another entity");
    script.act = answer_info;
    assert_int_equal(smq_suspend(script.client.client, script.queue, 0, &error), SMQ_ERR_PROTOCOL);
    assert_string_equal(error.text, "unexpected response");
    script.act = answer_nonsense;
    assert_int_equal(smq_suspend(script.client.client, script.queue, 0, &error), SMQ_ERR_SYNTAX);
    assert_string_equal(error.text, "CMD UNKNOWN");
    script.act = scripted_answer;
    assert_int_equal(smq_suspend(script.client.client, script.queue, 0, &error), SMQ_OK);
    end(&script);
}

static void test_garbage_blocks_are_errors_and_the_connection_stays(void **state) {
    (void)state;
    static struct script script;
    begin(&script, scripted_answer, NULL);
    struct scripted_connection *connection = atomic_load(&script.router.last);
    scripted_send_garbage(connection);
    const struct smq_event *event = client_fixture_expect(&script.client, SMQ_EVENT_ERROR);
    assert_int_equal(event->result, SMQ_ERR_CRYPTO);
    assert_string_equal(event->error_text, "BLOCK");
    scripted_send_content(connection, slice_of("\0", 1)); /* no transmission */
    event = client_fixture_expect(&script.client, SMQ_EVENT_ERROR);
    assert_int_equal(event->result, SMQ_ERR_SYNTAX);
    scripted_send_content(connection, slice_of("\1\xff\xff abc", 7)); /* truncated */
    (void)client_fixture_expect(&script.client, SMQ_EVENT_ERROR);
    scripted_send_content(connection, slice_of("\1\0\3\0\0\0 trailing", 15));
    (void)client_fixture_expect(&script.client, SMQ_EVENT_ERROR);
    scripted_send_content(connection, slice_of("", 0));
    (void)client_fixture_expect(&script.client, SMQ_EVENT_ERROR);
    assert_int_equal(smq_ping(script.client.client, 0, NULL), SMQ_OK);
    end(&script);
}

/* A MSG whose body says "text". */
static void make_message(struct script *script, uint8_t *sealed, struct smp_response *response) {
    static const uint8_t message_id[24] = "message id of 24 bytes .";
    CHECK(message_body_seal(&script->message_key, message_id, 1700000000, true, slice_of_text("text"), sealed) ==
          SMQ_OK);
    *response = (struct smp_response){.tag = SMP_MSG};
    response->message.id = slice_of(message_id, sizeof(message_id));
    response->message.body = slice_of(sealed, MESSAGE_BODY_SIZE);
}

static struct script *shared_script;

static void answer_message(struct scripted_connection *connection, const struct scripted_command *command) {
    uint8_t sealed[MESSAGE_BODY_SIZE];
    struct smp_response response;
    make_message(shared_script, sealed, &response);
    scripted_respond(connection, command->correlation_id, command->entity_id, &response);
}

static void test_message_in_a_response_is_also_an_event(void **state) {
    (void)state;
    static struct script script;
    shared_script = &script;
    begin(&script, answer_message, NULL);
    assert_int_equal(smq_subscribe(script.client.client, script.queue, 0, NULL), SMQ_OK);
    const struct smq_event *event = client_fixture_expect(&script.client, SMQ_EVENT_MESSAGE);
    assert_memory_equal(event->body.bytes, "text", 4);
    assert_true(event->notification);
    assert_int_equal(event->timestamp, 1700000000);
    assert_ptr_equal(event->receive_queue, script.queue);
    assert_int_equal(smq_acknowledge(script.client.client, script.queue, event->message_id, 0, NULL), SMQ_OK);
    (void)client_fixture_expect(&script.client, SMQ_EVENT_MESSAGE);
    assert_int_equal(smq_get_message_async(script.client.client, script.queue, 0, 3), SMQ_OK);
    event = client_fixture_expect(&script.client, SMQ_EVENT_COMPLETED);
    assert_true(event->has_message);
    assert_memory_equal(event->body.bytes, "text", 4);
    event = client_fixture_expect(&script.client, SMQ_EVENT_MESSAGE);
    assert_memory_equal(event->body.bytes, "text", 4);
    struct smq_error error;
    assert_int_equal(smq_suspend(script.client.client, script.queue, 0, &error), SMQ_ERR_PROTOCOL);
    client_fixture_expect_nothing(&script.client);
    end(&script);
}

static void test_pushed_events_reach_the_handle_or_come_undecrypted(void **state) {
    (void)state;
    static struct script script;
    begin(&script, scripted_answer, NULL);
    struct scripted_connection *connection = atomic_load(&script.router.last);
    uint8_t sealed[MESSAGE_BODY_SIZE];
    struct smp_response response;
    struct slice nobody = slice_of(NULL, 0), queue_id = slice_of(recipient_id, 24);
    make_message(&script, sealed, &response);
    scripted_respond(connection, nobody, queue_id, &response);
    const struct smq_event *event = client_fixture_expect(&script.client, SMQ_EVENT_MESSAGE);
    assert_int_equal(event->body.length, 4);
    scripted_respond(connection, nobody, slice_of(sender_id, 24), &response);
    event = client_fixture_expect(&script.client, SMQ_EVENT_MESSAGE);
    assert_true(event->encrypted);
    assert_null(event->receive_queue);
    assert_int_equal(event->result, SMQ_OK);
    sealed[100] ^= 1;
    scripted_respond(connection, nobody, queue_id, &response);
    event = client_fixture_expect(&script.client, SMQ_EVENT_MESSAGE);
    assert_int_equal(event->result, SMQ_ERR_CRYPTO);
    assert_true(event->encrypted);
    message_body_seal_quota(&script.message_key, (const uint8_t *)"message id of 24 bytes .", 1700000001, sealed);
    scripted_respond(connection, nobody, queue_id, &response);
    event = client_fixture_expect(&script.client, SMQ_EVENT_MESSAGE);
    assert_true(event->quota);
    assert_int_equal(event->body.length, 0);
    struct smp_error blocked = smp_error_blocked((struct smp_blocking_info){.reason = SMP_BLOCKED_SPAM});
    response = smp_response_error(blocked);
    scripted_respond(connection, nobody, queue_id, &response);
    event = client_fixture_expect(&script.client, SMQ_EVENT_ERROR);
    assert_int_equal(event->protocol, SMQ_PROTOCOL_BLOCKED);
    assert_string_equal(event->error_text, "BLOCKED reason=spam");
    response = (struct smp_response){.tag = SMP_END};
    scripted_respond(connection, nobody, queue_id, &response);
    assert_ptr_equal(client_fixture_expect(&script.client, SMQ_EVENT_SUBSCRIPTION_ENDED)->receive_queue, script.queue);
    response = (struct smp_response){.tag = SMP_DELD};
    scripted_respond(connection, nobody, queue_id, &response);
    assert_ptr_equal(client_fixture_expect(&script.client, SMQ_EVENT_QUEUE_DELETED)->receive_queue, script.queue);
    make_message(&script, sealed, &response);
    scripted_respond(connection, nobody, queue_id, &response);
    assert_null(client_fixture_expect(&script.client, SMQ_EVENT_MESSAGE)->receive_queue);
    response = (struct smp_response){.tag = SMP_INFO, .json = slice_of_text("{}")};
    scripted_respond(connection, nobody, queue_id, &response);
    assert_string_equal(client_fixture_expect(&script.client, SMQ_EVENT_UNEXPECTED)->error_text, "INFO");
    end(&script);
}

static void test_lost_connection_ends_every_command_and_disconnects_once(void **state) {
    (void)state;
    static struct script script;
    begin(&script, NULL, NULL);
    for (uint64_t i = 0; i < 700; i++)
        assert_int_equal(smq_suspend_async(script.client.client, script.queue, 0, i), SMQ_OK);
    scripted_await(&script.router, SMP_OFF, 700);
    scripted_close(atomic_load(&script.router.last));
    uint64_t tags = 0;
    for (int i = 0; i < 700; i++) {
        const struct smq_event *event = client_fixture_expect(&script.client, SMQ_EVENT_COMPLETED);
        assert_int_equal(event->result, SMQ_ERR_CLOSED);
        tags += event->tag;
    }
    assert_int_equal(tags, 700 * 699 / 2);
    (void)client_fixture_expect(&script.client, SMQ_EVENT_DISCONNECTED);
    client_fixture_expect_nothing(&script.client);
    assert_int_equal(smq_ping(script.client.client, 0, NULL), SMQ_ERR_CLOSED);
    end(&script);
}

static void test_own_close_cancels_commands(void **state) {
    (void)state;
    static struct script script;
    begin(&script, NULL, NULL);
    assert_int_equal(smq_suspend_async(script.client.client, script.queue, 0, 1), SMQ_OK);
    struct smq_client *second = smq_client_reference(script.client.client);
    smq_client_close(&script.client.client);
    const struct smq_event *event = client_fixture_expect(&script.client, SMQ_EVENT_COMPLETED);
    assert_int_equal(event->result, SMQ_ERR_CANCELLED);
    assert_int_equal(client_fixture_expect(&script.client, SMQ_EVENT_DISCONNECTED)->result, SMQ_ERR_CANCELLED);
    assert_int_equal(smq_ping(second, 0, NULL), SMQ_ERR_CANCELLED);
    script.client.client = second;
    end(&script);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late_response_is_an_event_with_its_command),
        cmocka_unit_test(test_late_error_and_late_response_for_another_entity),
        cmocka_unit_test(test_response_to_no_command_is_unexpected_and_the_command_times_out),
        cmocka_unit_test(test_wrong_responses_fail_the_command_each_in_its_way),
        cmocka_unit_test(test_garbage_blocks_are_errors_and_the_connection_stays),
        cmocka_unit_test(test_message_in_a_response_is_also_an_event),
        cmocka_unit_test(test_pushed_events_reach_the_handle_or_come_undecrypted),
        cmocka_unit_test(test_lost_connection_ends_every_command_and_disconnects_once),
        cmocka_unit_test(test_own_close_cancels_commands),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
