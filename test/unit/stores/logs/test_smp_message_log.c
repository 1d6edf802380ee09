/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Lines of smp-server-messages.log, of journals, and of smp-server-ntfs.log. */
#include "stores/logs/smp_message_log.h"

#include "test/unit/stores/logs/log_fixture.h"

#define RID "fAytyr2gyLV2d1m99UJc4rjLBnRG8xXa"
#define MID "rb_OdgQiYIQZrc7N8rKQjEzR7mIORUXO"

static uint8_t room[SMP_MESSAGE_LINE_MAX];

static void expect_rewritten(const struct log_record_table *table, const char *line, const char *expected) {
    union {
        struct smp_log_message message;
        struct smp_log_notification notification;
    } record;
    char written[4096];
    unsigned kind;
    struct writer writer = writer_of(written, sizeof written - 1);
    if (log_record_read(table, slice_of_text(line), room, sizeof room, &kind, &record) != SMQ_OK)
        fail_msg("not read: %s", line);
    assert_int_equal(SMQ_OK, log_record_write(table, &writer, kind, &record));
    written[writer_length(&writer) - 1] = '\0';
    assert_string_equal(expected, written);
}

static void expect_refused(const struct log_record_table *table, const char *line) {
    union {
        struct smp_log_message message;
        struct smp_log_notification notification;
    } record;
    unsigned kind;
    if (log_record_read(table, slice_of_text(line), room, sizeof room, &kind, &record) == SMQ_OK)
        fail_msg("read: %s", line);
}

static void test_messages_of_the_reference_are_written_the_same(void **state) {
    char *text = read_whole("test/vectors/files/smp/messages.log");
    unsigned markers = 0, lines = 0;
    (void)state;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        expect_rewritten(&smp_message_log, line, line);
        markers += strstr(line, " quota") != NULL;
        lines++;
    }
    assert_int_equal(132, lines);
    assert_int_equal(1, markers);
    free(text);
}

static void test_forms_that_the_reference_reads_or_writes_are_read(void **state) {
    (void)state;
    expect_rewritten(&smp_message_log, "v3 " RID " " MID " 17 AQI=", "v3 " RID " " MID " 17 flags=F AQI=");
    expect_rewritten(&smp_message_log, "v3 " RID " " MID " -17 flags=T AQI=", "v3 " RID " " MID " -17 flags=T AQI=");
    expect_rewritten(&smp_message_log, "v3 " RID " " MID " 17 flags=Tmore AQI=", "v3 " RID " " MID " 17 flags=T AQI=");
    expect_rewritten(&smp_message_log, "v3 " RID " " MID " 17 quota", "v3 " RID " " MID " 17 quota");
    /* an empty body, which the reference writes */
    expect_rewritten(&smp_message_log, "v3 " RID " " MID " 17 flags=F ", "v3 " RID " " MID " 17 flags=F ");
    expect_rewritten(&smp_notification_log, "v1 " RID " " MID " 17 AQI= AwQF", "v1 " RID " " MID " 17 AQI= AwQF");
}

static void test_what_is_no_message_is_refused(void **state) {
    static const char *const lines[] = {
        "",
        "v3",
        "v2 " RID " " MID " 17 flags=F AQI=",
        "v3 " RID " " MID,
        "v3 " RID " " MID " 17",
        "v3 " RID " " MID " x flags=F AQI=",
        "v3 " RID " " MID " 17 flags=X AQI=",
        "v3 " RID " " MID " 17 flags=F",
        "v3 " RID " " MID " 17 flags=F AQI= ",
        "v3 " RID " " MID " 17 flags=F A",
        "v3 " RID "  17 flags=F AQI=",
        "v3 " RID " " MID " 99999999999999999999 quota",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        expect_refused(&smp_message_log, lines[i]);
    expect_refused(&smp_notification_log, "v1 " RID " " MID " 17 AQI=");
    expect_refused(&smp_notification_log, "v1 " RID " " MID " 17 AQI= ");
    expect_refused(&smp_notification_log, "v2 " RID " " MID " 17 AQI= AwQF");
}

/* "quota" is also four letters of base64 and one more: a body that begins with it is a body. */
static void test_a_body_that_begins_like_a_marker_is_a_body(void **state) {
    struct smp_log_message message;
    unsigned kind;
    (void)state;
    assert_int_equal(SMQ_OK, log_record_read(&smp_message_log, slice_of_text("v3 " RID " " MID " 17 quotaAAA"), room,
                                             sizeof room, &kind, &message));
    assert_false(message.is_marker);
    assert_int_equal(6, message.body.length);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_of_the_reference_are_written_the_same),
        cmocka_unit_test(test_forms_that_the_reference_reads_or_writes_are_read),
        cmocka_unit_test(test_what_is_no_message_is_refused),
        cmocka_unit_test(test_a_body_that_begins_like_a_marker_is_a_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
