/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of whole SMP blocks against the worked layouts of test/vectors/smp_layouts.txt. */
#include "test/unit/transport/smp_sample_commands.h"
#include "test/unit/transport/smp_sample_responses.h"
#include "transport/block/batch.h"
#include "transport/block/transmission.h"
#include "transport/smp/session.h"

static uint8_t block[SMP_BLOCK_SIZE];

/* What a transmission consists of. */
struct shape {
    uint16_t version;
    size_t authorization;
    bool service;
    size_t correlation_id;
    size_t entity_id;
};

/* Begins a plain block with one transmission. */
static struct smp_session begin(const struct shape *shape, struct smp_outgoing_block *outgoing,
                                struct transmission_draft *draft) {
    struct smp_session session;
    assert_int_equal(smp_session_init(&session, SMP_SIDE_SERVER, shape->version, sample(32, 1), NULL), SMQ_OK);
    struct transmission_form form = smp_session_form(&session);
    smp_session_begin_block(&session, block, outgoing);
    transmission_begin(&form, &outgoing->writer, shape->authorization, shape->service, sample(shape->correlation_id, 2),
                       sample(shape->entity_id, 3), draft);
    return session;
}

/* Ends it, and compares the content and the transmission parsed from it. */
static struct transmission end_as(const char *layout, const struct shape *shape, struct smp_session *session,
                                  struct smp_outgoing_block *outgoing, const struct transmission_draft *draft) {
    struct transmission_form form = smp_session_form(session);
    struct block_content iterator;
    struct transmission parsed;
    struct smp_error error;
    struct slice content;
    struct slice transmission;

    assert_int_equal(transmission_end(&form, &outgoing->writer, draft, (struct slice){0}, NULL), SMQ_OK);
    smp_outgoing_block_added(outgoing);
    assert_int_equal(smp_session_seal_block(session, outgoing), SMQ_OK);
    assert_int_equal(smp_session_open_block(session, block, &content), SMQ_OK);
    assert_layout(layout, content);
    assert_int_equal(block_content_open(content, &iterator), SMQ_OK);
    assert_true(block_content_next(&iterator, &transmission));
    assert_int_equal(smp_transmission_parse(&form, transmission, &parsed, &error), SMQ_OK);
    assert_int_equal(parsed.authorization.length, shape->authorization);
    assert_int_equal(parsed.entity_id.length, shape->entity_id);
    return parsed;
}

static void assert_command_layout(const char *layout, const struct shape *shape, const struct smp_command *command) {
    struct smp_outgoing_block outgoing;
    struct transmission_draft draft;
    struct smp_command parsed;
    struct smp_error error;
    struct smp_session session = begin(shape, &outgoing, &draft);
    smp_command_write(shape->version, command, &outgoing.writer);
    struct transmission transmission = end_as(layout, shape, &session, &outgoing, &draft);
    assert_int_equal(smp_command_parse(shape->version, transmission.command, &parsed, &error), SMQ_OK);
    assert_int_equal(parsed.tag, command->tag);
}

static void assert_response_layout(const char *layout, const struct shape *shape, const struct smp_response *response) {
    struct smp_outgoing_block outgoing;
    struct transmission_draft draft;
    struct smp_response parsed;
    struct smp_error error;
    struct smp_session session = begin(shape, &outgoing, &draft);
    smp_response_write(shape->version, response, &outgoing.writer);
    struct transmission transmission = end_as(layout, shape, &session, &outgoing, &draft);
    assert_int_equal(smp_response_parse(shape->version, transmission.command, &parsed, &error), SMQ_OK);
    assert_int_equal(parsed.tag, response->tag);
}

static void test_ping_and_pong(void **state) {
    (void)state;
    struct smp_command ping = sample_command(SMP_PING);
    struct smp_response pong = sample_response(SMP_PONG);
    for (uint16_t version = 7; version <= SMP_VERSION_MAX; version++) {
        const struct shape shape = {.version = version, .correlation_id = 24};
        assert_command_layout("ping_v7", &shape, &ping);
        assert_response_layout("pong_v7", &shape, &pong);
    }
}

static void test_sub_in_its_four_forms(void **state) {
    (void)state;
    struct smp_command sub = sample_command(SMP_SUB);
    for (uint16_t version = 16; version <= SMP_VERSION_MAX; version++) {
        const struct shape plain = {version, 64, false, 24, 24};
        const struct shape service = {version, 64, true, 24, 24};
        assert_command_layout("sub_ed25519_v16", &plain, &sub);
        assert_command_layout("sub_ed25519_v16_service", &service, &sub);
    }
    for (uint16_t version = 7; version <= 15; version++) {
        const struct shape shape = {version, 80, true, 24, 24};
        assert_command_layout("sub_x25519_v15", &shape, &sub);
    }
    const struct shape oldest = {6, 64, false, 24, 24};
    assert_command_layout("sub_ed25519_v6", &oldest, &sub);
}

static void test_unsigned_send_with_notification(void **state) {
    (void)state;
    struct smp_command send = sample_command(SMP_SEND);
    const struct shape shape = {18, 0, false, 24, 24};
    send.send.body = slice_of_text("hello");
    assert_command_layout("send_unsigned_notified", &shape, &send);
}

static void test_error_and_sok_responses(void **state) {
    (void)state;
    const struct shape shape = {18, 0, false, 24, 24};
    struct smp_response response = smp_response_error(smp_error_of(SMP_ERROR_AUTH));
    assert_response_layout("error_auth", &shape, &response);
    response = sample_response(SMP_SOK);
    response.service.present = false;
    assert_response_layout("sok_v16", &shape, &response);
}

static void test_pushed_message_and_end_event(void **state) {
    (void)state;
    const struct shape shape = {18, 0, false, 0, 24};
    struct smp_response response = sample_response(SMP_MSG);
    assert_response_layout("message_pushed", &shape, &response);
    response = sample_response(SMP_END);
    assert_response_layout("end_event", &shape, &response);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ping_and_pong),
        cmocka_unit_test(test_sub_in_its_four_forms),
        cmocka_unit_test(test_unsigned_send_with_notification),
        cmocka_unit_test(test_error_and_sok_responses),
        cmocka_unit_test(test_pushed_message_and_end_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
