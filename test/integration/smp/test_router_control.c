/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The control port of a running router: the commands and words of the reference, what they do to queues and who hears
 * of it. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/router/operator/file.h"
#include "queues/base/clock.h"
#include "test/support/control_peer.h"
#include "test/support/router_fixture.h"
#include "transport/wire/text.h"

#define CAPTURE "test/vectors/files/smp/control.txt"

static struct router_fixture fixture;
static struct control_peer control;

static int set_up(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    fixture.config.operator.control =(struct control_options){
        .is_on = true, .user_password = "userpw", .admin_password = "adminpw"};
    fixture.config.operator.control.block_quota = 20;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    router_fixture_finish(&fixture);
    return 0;
}

static uint16_t control_port_of_router(void) {
    return operator_control_port(smp_router_operator(fixture.router));
}

static const char *talk(const char *lines) {
    control_peer_talk(&control, control_port_of_router(), lines);
    return control.text;
}

/* What an admin gets for one command, without the line about the role. */
static const char *ask_as(const char *password, const char *format, ...) {
    char lines[1024], command[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    (void)snprintf(lines, sizeof lines, "auth %s\n%s\n", password, command);
    const char *end = strchr(talk(lines), '\n');
    assert_non_null(end);
    return end + 1;
}
#define ask(...) ask_as("adminpw", __VA_ARGS__)

static const char *id_text(struct slice id) {
    static char text[64];
    struct writer writer = writer_of(text, sizeof text - 1);
    write_base64(&writer, id, BASE64_URL);
    text[writer_length(&writer)] = 0;
    return text;
}

/* ---- the capture */

/* Digits become one '#', so that figures, dates and ports do not matter. */
static void blur(char *text) {
    char *to = text;
    for (const char *from = text; *from != 0; from++)
        if (!isdigit((unsigned char)*from))
            *to++ = *from;
        else if (to == text || to[-1] != '#')
            *to++ = '#';
    *to = 0;
}

static void replace(char *text, size_t size, const char *what, const char *by) {
    char *found;
    while ((found = strstr(text, what)) != NULL) {
        char rest[CONTROL_TEXT_SIZE];
        (void)snprintf(rest, sizeof rest, "%s", found + strlen(what));
        (void)snprintf(found, size - (size_t)(found - text), "%s%s", by, rest);
    }
}

/* The text of the capture's next session: what is sent, and what comes. */
static bool read_session(FILE *file, char *sent, size_t sent_size, char *received, size_t received_size) {
    char line[1024];
    bool is_answer = false;
    sent[0] = received[0] = 0;
    while (fgets(line, sizeof line, file) != NULL && strncmp(line, "== ", 3) != 0) {
        if (line[0] == '>') {
            (void)strncat(sent, line + 2, sent_size - strlen(sent) - 1);
            is_answer = false;
        } else if (line[0] == '<') {
            if (line[2] != '\n')
                (void)strncat(received, line + 2, received_size - strlen(received) - 1);
            is_answer = true;
        } else if (is_answer && line[0] != '\n') {
            (void)strncat(received, line, received_size - strlen(received) - 1);
        }
    }
    return sent[0] != 0;
}

/* What no two builds of the reference say alike, and what ours says more. */
static void take_out_differences(char *text, size_t size) {
    replace(text, size, "Threads: not available on GHC #.#\n", "");
    replace(text, size, "Not available on GHC #.#\n", "");
    char *help = strstr(text, "auth PASSWORD");
    if (help != NULL)
        *help = 0; /* the last of its session */
    for (char *found = text; (found = strstr(found, "Threads: #\n")) != NULL;)
        memmove(found, found + strlen("Threads: #\n"), strlen(found + strlen("Threads: #\n")) + 1);
    for (char *found = text; (found = strstr(found, " waiting, busy for # ms\n")) != NULL;) {
        char *start = found;
        while (start > text && start[-1] != '\n')
            start--;
        char *end = strchr(found, '\n') + 1;
        memmove(start, end, strlen(end) + 1);
        found = start;
    }
}

static void the_answers_are_the_captured_ones(void **state) {
    (void)state;
    static char sent[8192], expected[CONTROL_TEXT_SIZE];
    struct peer recipient;
    struct peer_queue queue;
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &recipient);
    peer_create_queue(&recipient, PEER_SECURED, &queue);
    FILE *file = fopen(CAPTURE, "re");
    assert_non_null(file);
    char first[64]; /* the first "== connection" */
    assert_non_null(fgets(first, sizeof first, file));
    unsigned sessions = 0;
    while (read_session(file, sent, sizeof sent, expected, sizeof expected)) {
        replace(sent, sizeof sent, "J7G2cOR-yX7HfUpjjDsAP5WMkGSHCEgG", id_text(peer_sender(&queue)));
        control_peer_talk(&control, control_port_of_router(), sent);
        static char got[2 * CONTROL_TEXT_SIZE];
        (void)snprintf(got, sizeof got, "SMP server control port\n'help' for supported commands\n%s", control.text);
        blur(expected);
        blur(got);
        take_out_differences(expected, sizeof expected);
        take_out_differences(got, sizeof got);
        char *runtime = strstr(sent, "stats-rts"); /* the last session: any text is an answer */
        if (runtime == NULL) {
            /* The client that made the queue is connected, so that lists and counts are not empty. */
            char *clients = strstr(got, "age,subscriptions\n");
            if (clients != NULL) {
                char *rest = strstr(clients, "Sockets");
                assert_non_null(rest);
                memmove(clients + strlen("age,subscriptions\n"), rest, strlen(rest) + 1);
            }
            assert_string_equal(expected, got);
        }
        sessions++;
    }
    assert_int_equal(7, sessions);
    (void)fclose(file);
    peer_close(&recipient);
}

/* ---- blocking */

static void a_blocked_queue_refuses_and_its_subscriber_is_told(void **state) {
    (void)state;
    struct peer recipient, sender;
    struct peer_queue queue;
    struct peer_answer answer;
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &recipient);
    router_fixture_connect(&fixture, 0, &sender);
    peer_create_queue(&recipient, PEER_SUBSCRIBE, &queue);
    struct smp_blocking_info info = {
        .reason = SMP_BLOCKED_CONTENT, .has_notice = true, .has_ttl = true, .ttl_seconds = 3600};
    assert_string_equal("ok, queue blocked: EntityBlocked (BlockingInfo {reason = BRContent, notice = Just "
                        "(ClientNotice {ttl = Just 3600})})\n",
                        ask("block %s reason=content,notice={\"ttl\":3600}", id_text(peer_sender(&queue))));
    peer_receive(&recipient, &answer);
    assert_int_equal(SMP_ERR, answer.response.tag);
    assert_int_equal(SMP_ERROR_BLOCKED, answer.response.error.code);
    assert_true(smp_blocking_info_equal(&info, &answer.response.error.blocked));
    assert_true(slice_equal(peer_recipient(&queue), answer.entity_id));
    struct smp_command send = peer_send_command(slice_of_text("spam"), false);
    peer_expect_error(&sender, NULL, peer_sender(&queue), &send, smp_error_blocked(info));
    assert_string_equal("ok, queue unblocked, reason to block was: BlockingInfo {reason = BRContent, notice = Just "
                        "(ClientNotice {ttl = Just 3600})}\n",
                        ask_as("userpw", "unblock %s", id_text(peer_sender(&queue))));
    peer_send_message(&sender, &queue, NULL, "well again");
    assert_string_equal("ok, queue was active\n", ask("unblock %s", id_text(peer_sender(&queue))));
    peer_close(&sender);
    peer_close(&recipient);
}

/* Who may not send is not told that the queue is blocked, as in the capture; and neither is a client of an old
 * version. */
static void who_may_not_send_to_a_blocked_queue_is_told_auth(void **state) {
    (void)state;
    struct peer recipient, sender;
    struct peer_queue queue;
    struct text_buffer captured = {0};
    assert_int_equal(SMQ_OK, file_read("test/vectors/files/smp/send-to-blocked.txt", &captured));
    assert_non_null(strstr(captured.bytes, "protocol error: AUTH\n0 sent\n"));
    text_free(&captured);
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &recipient);
    router_fixture_connect(&fixture, 0, &sender);
    peer_create_queue(&recipient, PEER_SECURED, &queue);
    (void)ask("block %s reason=content,notice={\"ttl\":3600}", id_text(peer_sender(&queue)));
    struct smp_command send = peer_send_command(slice_of_text("spam"), false);
    peer_expect_error(&sender, NULL, peer_sender(&queue), &send, smp_error_of(SMP_ERROR_AUTH));
    peer_close(&sender);
    peer_close(&recipient);
}

static void senders_of_old_versions_are_told_auth(void **state) {
    (void)state;
    struct peer recipient, sender;
    struct peer_queue queue;
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &recipient);
    router_fixture_connect(&fixture, 11, &sender);
    peer_create_queue(&recipient, 0, &queue);
    (void)ask("block %s reason=spam", id_text(peer_sender(&queue)));
    struct smp_command send = peer_send_command(slice_of_text("spam"), false);
    peer_expect_error(&sender, NULL, peer_sender(&queue), &send, smp_error_of(SMP_ERROR_AUTH));
    peer_close(&sender);
    peer_close(&recipient);
}

static void no_more_queues_are_blocked_a_day_than_the_quota(void **state) {
    (void)state;
    struct peer recipient;
    struct peer_queue queues[3];
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &recipient);
    for (unsigned i = 0; i < 3; i++)
        peer_create_queue(&recipient, 0, &queues[i]);
    struct operator_options options = fixture.config.operator;
    options.control.block_quota = 2;
    operator_reload(smp_router_operator(fixture.router), &options);
    /* All at once: the quota is one for all sessions. */
    char lines[1024];
    size_t length = (size_t)snprintf(lines, sizeof lines, "auth userpw\n");
    for (unsigned i = 0; i < 3; i++)
        length += (size_t)snprintf(lines + length, sizeof lines - length, "block %s reason=spam\n",
                                   id_text(peer_sender(&queues[i])));
    const char *answers = talk(lines);
    assert_non_null(strstr(answers, "error: reached limit of 2 queues blocked daily\n"));
    const char *blocked = "ok, queue blocked: EntityBlocked (BlockingInfo {reason = BRSpam, notice = Nothing})\n";
    assert_non_null(strstr(answers, blocked));
    assert_non_null(strstr(strstr(answers, blocked) + 1, blocked));
    options.control.block_quota = -1;
    operator_reload(smp_router_operator(fixture.router), &options);
    assert_string_equal("error: reached limit of -1 queues blocked daily\n",
                        ask("block %s reason=spam", id_text(peer_sender(&queues[2]))));
    options.control.block_quota = 0;
    operator_reload(smp_router_operator(fixture.router), &options);
    assert_string_equal(blocked, ask("block %s reason=spam", id_text(peer_sender(&queues[2]))));
    assert_non_null(strstr(ask("stats --json"), "\"qBlocked\":3,"));
    peer_close(&recipient);
}

static void a_queue_is_found_by_its_link_too(void **state) {
    (void)state;
    router_fixture_start(&fixture);
    assert_string_equal("error: AUTH\n", ask("status %s", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    assert_string_equal("error: AUTH\n", ask("block %s reason=spam", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    assert_string_equal("error: AUTH\n", ask("unblock %s", "AAAA"));
    assert_string_equal("error: AUTH\n", ask("delete %s", "AAAA"));
    assert_string_equal("error: Failed reading: invalid ID\n", ask("status !"));
    assert_string_equal("error: endOfInput\n", ask("status AAAA and more"));
}

static void a_deleted_queue_takes_its_messages_and_subscribers_along(void **state) {
    (void)state;
    struct peer recipient, sender;
    struct peer_queue queue;
    struct peer_answer answer;
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &recipient);
    router_fixture_connect(&fixture, 0, &sender);
    peer_create_queue(&recipient, PEER_SUBSCRIBE, &queue);
    for (unsigned i = 0; i < 3; i++)
        peer_send_message(&sender, &queue, NULL, "one of three");
    peer_receive(&recipient, &answer);
    assert_int_equal(SMP_MSG, answer.response.tag);
    assert_string_equal("AUTH\n", ask_as("userpw", "delete %s", id_text(peer_sender(&queue))));
    assert_string_equal("ok, 3 messages deleted\n", ask("delete %s", id_text(peer_sender(&queue))));
    peer_receive(&recipient, &answer);
    assert_int_equal(SMP_DELD, answer.response.tag);
    struct smp_command send = peer_send_command(slice_of_text("late"), false);
    peer_expect_error(&sender, NULL, peer_sender(&queue), &send, smp_error_of(SMP_ERROR_AUTH));
    const char *stats = ask("stats");
    assert_non_null(strstr(stats, "qDeletedAll: 1\n"));
    assert_non_null(strstr(stats, "qDeletedNew: 1\n"));
    assert_non_null(strstr(stats, "qCount: 0\n"));
    assert_non_null(strstr(ask("server-info"), "\nSMP subscriptions: 0\n"));
    peer_close(&sender);
    peer_close(&recipient);
}

/* ---- what is counted */

static void statistics_count_what_happens(void **state) {
    (void)state;
    struct peer recipient, sender;
    struct peer_queue queues[3];
    struct peer_answer answer;
    uint8_t id[24];
    fixture.config.queue_quota = 2;
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &recipient);
    router_fixture_connect(&fixture, 0, &sender);
    for (unsigned i = 0; i < 3; i++)
        peer_create_queue(&recipient, i < 2 ? PEER_SECURED : 0, &queues[i]);
    struct smp_command del = peer_command(SMP_DEL), get = peer_command(SMP_GET), sub = peer_command(SMP_SUB);
    peer_expect(&recipient, &queues[2].recipient_key, peer_recipient(&queues[2]), &del, SMP_OK, &answer);
    for (unsigned i = 0; i < 2; i++)
        peer_send_message(&sender, &queues[0], &queues[0].sender_key, "counted");
    struct smp_command send = peer_send_command(slice_of_text("too many"), false);
    peer_expect_error(&sender, &queues[0].sender_key, peer_sender(&queues[0]), &send, smp_error_of(SMP_ERROR_QUOTA));
    peer_expect_error(&sender, NULL, peer_sender(&queues[0]), &send, smp_error_of(SMP_ERROR_AUTH));
    peer_send_message(&sender, &queues[1], &queues[1].sender_key, "by GET");
    peer_expect(&recipient, &queues[0].recipient_key, peer_recipient(&queues[0]), &sub, SMP_SOK, &answer);
    peer_receive(&recipient, &answer);
    peer_check_message(&queues[0], &answer, "counted", id);
    peer_acknowledge(&recipient, &queues[0], id, SMP_MSG, &answer);
    peer_expect(&recipient, &queues[1].recipient_key, peer_recipient(&queues[1]), &get, SMP_MSG, &answer);
    peer_expect(&recipient, &queues[1].recipient_key, peer_recipient(&queues[1]), &get, SMP_MSG, &answer);
    peer_check_message(&queues[1], &answer, "by GET", id);
    peer_acknowledge(&recipient, &queues[1], id, SMP_OK, &answer);
    peer_expect(&recipient, &queues[1].recipient_key, peer_recipient(&queues[1]), &get, SMP_OK, &answer);
    peer_expect_error(&recipient, &queues[0].recipient_key, peer_recipient(&queues[0]), &get,
                      smp_error_command(SMP_COMMAND_PROHIBITED));
    static const char *const lines[] = {
        "qCreated: 3\nqSecured: 2\nqDeletedAll: 1\nqDeletedAllB: 0\nqDeletedNew: 1\nqDeletedSecured: 0\n"
        "daily active queues: 2\nqSub: 1\n",
        "msgSent: 3\nmsgRecv: 2\nmsgRecvGet: 1\nmsgGet: 1\nmsgGetNoMsg: 1\n"
        "other GET events (auth, duplicate, prohibited): (0,1,1)\n",
        "qCount: 2\n",
    };
    const char *stats = ask("stats");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (strstr(stats, lines[i]) == NULL)
            fail_msg("missing %s in %s", lines[i], stats);
    const char *json = ask("stats --json");
    assert_non_null(strstr(json, "\"msgSentQuota\":1,"));
    assert_non_null(strstr(json, "\"msgSentAuth\":1,"));
    assert_non_null(strstr(json, "\"subscriptions\":1,\"gets\":1,\"inFlight\":1,"));
    assert_non_null(strstr(json, "\"clients\":2,"));
    peer_close(&sender);
    peer_close(&recipient);
}

static void all_is_counted_down_again(void **state) {
    (void)state;
    struct peer recipient, sender;
    struct peer_queue queue;
    struct peer_answer answer;
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &recipient);
    router_fixture_connect(&fixture, 0, &sender);
    peer_create_queue(&recipient, PEER_SUBSCRIBE, &queue);
    peer_send_message(&sender, &queue, NULL, "never acknowledged");
    peer_receive(&recipient, &answer);
    assert_non_null(strstr(ask("stats --json"), "\"subscriptions\":1,\"gets\":0,\"inFlight\":1,"));
    assert_non_null(strstr(ask("clients"), ",True,"));
    peer_close(&recipient);
    peer_close(&sender);
    uint64_t deadline = clock_monotonic_ms() + CONTROL_PEER_DEADLINE_MS;
    static const char none[] = "\"clients\":0,\"connections\":0,\"subscriptions\":0,\"gets\":0,\"inFlight\":0,"
                               "\"ntfSubscriptions\":0";
    const char *json;
    do
        json = ask("stats --json");
    while (strstr(json, none) == NULL && clock_monotonic_ms() < deadline);
    if (strstr(json, none) == NULL)
        fail_msg("missing %s in %s", none, json);
    assert_string_equal("[]\n", ask("clients --json"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_answers_are_the_captured_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_blocked_queue_refuses_and_its_subscriber_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_may_not_send_to_a_blocked_queue_is_told_auth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(senders_of_old_versions_are_told_auth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_queues_are_blocked_a_day_than_the_quota, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_queue_is_found_by_its_link_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_deleted_queue_takes_its_messages_and_subscribers_along, set_up, tear_down),
        cmocka_unit_test_setup_teardown(statistics_count_what_happens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_is_counted_down_again, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
