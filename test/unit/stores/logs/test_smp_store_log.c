/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Records of smp-server-store.log: those of the reference, read and written the same; every kind; and what is none. */
#include "stores/logs/smp_store_log.h"

#include "test/unit/stores/logs/log_fixture.h"

#define VECTORS "test/vectors/files/smp/"
#define RID     "fAytyr2gyLV2d1m99UJc4rjLBnRG8xXa"
#define SID     "VZyrg_Fps2_hFcPB53gPGcgdjtveXVBQ"
#define KEY     "MCowBQYDK2VwAyEAZRWQF_eYKt1sDgsr7xWwXyYEdMIkOlvbEPqoa966XqI="
#define KEY2    "MCowBQYDK2VwAyEAKEHNcqafGrqXhL5T975O4TzG8SUcfDSw0UsUG3H701o="
#define SECRET  "IJ65KIOm4SW5ng9V_SLedARWuTsb3jy1aIkbdpXz8Dg="
#define START   "CREATE rid=" RID " rk=" KEY " rdh=" SECRET " sid=" SID " sk="

static uint8_t room[SMP_STORE_LINE_MAX];
static char written[4 * SMP_STORE_LINE_MAX];

static enum smq_result read_line(const char *line, unsigned *kind, struct smp_log_record *record) {
    return log_record_read(&smp_store_log, slice_of_text(line), room, sizeof room, kind, record);
}

static const char *write_record(unsigned kind, const struct smp_log_record *record) {
    struct writer writer = writer_of(written, sizeof written - 1);
    assert_int_equal(SMQ_OK, log_record_write(&smp_store_log, &writer, kind, record));
    written[writer_length(&writer)] = '\0';
    return written;
}

static void expect_rewritten(const char *line, const char *expected) {
    struct smp_log_record record;
    unsigned kind;
    char with_end[4096];
    if (read_line(line, &kind, &record) != SMQ_OK)
        fail_msg("not read: %s", line);
    (void)snprintf(with_end, sizeof with_end, "%s\n", expected);
    assert_string_equal(with_end, write_record(kind, &record));
}

static void expect_same(const char *line) {
    expect_rewritten(line, line);
}

static void expect_refused(const char *line) {
    struct smp_log_record record;
    unsigned kind;
    if (read_line(line, &kind, &record) == SMQ_OK)
        fail_msg("read: %s", line);
}

static void expect_file_same(const char *path, unsigned lines) {
    char *text = read_whole(path);
    unsigned count = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        expect_same(line);
        count++;
    }
    assert_int_equal(lines, count);
    free(text);
}

static void test_store_logs_of_the_reference_are_written_the_same(void **state) {
    (void)state;
    expect_file_same(VECTORS "store.log", 6);
    expect_file_same(VECTORS "store-compacted.log", 2);
    expect_file_same(VECTORS "store-blocked.log", 5);
}

static void test_what_a_create_says_is_in_the_record(void **state) {
    struct smp_log_record record;
    unsigned kind;
    (void)state;
    assert_int_equal(SMQ_OK,
                     read_line(START KEY2 " queue_mode=C link_id=" SID " queue_data=AQI= AwQF notifier=" SID " " KEY
                                          " " SECRET " nsrv=" RID " updated_at=1795910400 status=off rsrv=" SID,
                               &kind, &record));
    assert_int_equal(SMP_LOG_CREATE, kind);
    assert_int_equal(24, record.queue.recipient_id.length);
    assert_int_equal(1 + 1 + 44, record.queue.recipient_keys.length);
    assert_int_equal(1, record.queue.recipient_keys.bytes[0]);
    assert_int_equal(44, record.queue.recipient_keys.bytes[1]);
    assert_int_equal(44, record.queue.sender_key.length);
    assert_int_equal('C', record.queue.mode);
    assert_int_equal(24, record.queue.link_id.length);
    assert_memory_equal("\1\2", record.link.fixed.bytes, 2);
    assert_memory_equal("\3\4\5", record.link.user.bytes, 3);
    assert_int_equal(24, record.queue.notifier.id.length);
    assert_int_equal(24, record.queue.notifier.service_id.length);
    assert_int_equal(1795910400 / 86400, record.queue.updated_day);
    assert_int_equal(QUEUE_OFF, record.queue.status);
    assert_int_equal(24, record.queue.recipient_service_id.length);
}

static void test_every_kind_is_written_as_it_was_read(void **state) {
    (void)state;
    expect_same(START);
    expect_same(START KEY2);
    expect_same("CREATE rid=" RID " rk=" KEY "," KEY2 " rdh=" SECRET " sid=" SID " sk= queue_mode=C");
    expect_same(START " queue_mode=M link_id=" SID " queue_data=AQI= AwQF");
    expect_same(START " notifier=" SID " " KEY " " SECRET);
    expect_same(START KEY2 " queue_mode=M notifier=" SID " " KEY " " SECRET " nsrv=" RID " updated_at=1795910400");
    expect_same(START " status=off rsrv=" SID);
    expect_same(START " status=blocked,reason=spam");
    expect_same(START " status=blocked,reason=content rsrv=" SID);
    expect_same(START " status=blocked,reason=content,notice={\"ttl\":3600}");
    expect_same("LINK " RID " " SID " AQI= AwQF");
    expect_same("LDELETE " RID);
    expect_same("SECURE " RID " " KEY);
    expect_same("KEYS " RID " " KEY "," KEY2);
    expect_same("NOTIFIER " RID " " SID " " KEY " " SECRET);
    expect_same("NOTIFIER " RID " " SID " " KEY " " SECRET " nsrv=" SID);
    expect_same("SUSPEND " RID);
    expect_same("BLOCK " RID " reason=spam");
    expect_same("BLOCK " RID " reason=content,notice={}");
    expect_same("UNBLOCK " RID);
    expect_same("DELETE " RID);
    expect_same("NDELETE " RID);
    expect_same("TIME " RID " 1795910400");
    expect_same("NEW_SERVICE service_id=" SID " role=M cert=AQI=,AwQF cert_hash=" SECRET " created_at=1795910400");
    expect_same("NEW_SERVICE service_id=" SID " role=P cert=AQI= cert_hash=" SECRET " created_at=0");
    expect_same("QUEUE_SERVICE " RID " R " SID);
    expect_same("QUEUE_SERVICE " RID " N " SID);
    expect_same("QUEUE_SERVICE " RID " N ");
}

static void test_older_forms_are_read(void **state) {
    (void)state;
    expect_rewritten(START " sndSecure=T", START " queue_mode=M");
    expect_rewritten(START " sndSecure=F updated_at=86400", START " queue_mode=C updated_at=86400");
    expect_rewritten(START " status=active", START);
    /* base64 without padding */
    expect_rewritten("SECURE " RID " MCowBQYDK2VwAyEAZRWQF_eYKt1sDgsr7xWwXyYEdMIkOlvbEPqoa966XqI",
                     "SECURE " RID " " KEY);
    /* a second of the day is its day */
    expect_rewritten("TIME " RID " 1795910401", "TIME " RID " 1795910400");
}

/* The reference reads a notice to the end of the line; a service after it would be lost to it. */
static void test_a_notice_and_a_service_are_two_lines(void **state) {
    struct smp_log_record record;
    unsigned kind;
    (void)state;
    assert_int_equal(SMQ_OK,
                     read_line(START " status=blocked,reason=spam,notice={\"a\":\"}\\\"\"} rsrv=" SID, &kind, &record));
    assert_string_equal(START " status=blocked,reason=spam,notice={\"a\":\"}\\\"\"}\nQUEUE_SERVICE " RID " R " SID "\n",
                        write_record(kind, &record));
}

static void test_what_is_no_record_is_refused(void **state) {
    static const char *const lines[] = {
        "",
        " ",
        "CREATE",
        "CREATE ",
        "create rid=" RID,
        "CREATED rid=" RID,
        "DELETE",
        "DELETE  " RID,
        "DELETE " RID " ",
        "DELETE " RID " x",
        "DELETE =",
        "DELETE *",
        "SECURE " RID,
        "SECURE " RID " ",
        "SECURE " RID " " KEY " " KEY,
        "KEYS " RID " ",
        "KEYS " RID " " KEY ",",
        "KEYS " RID " ," KEY,
        "TIME " RID " ",
        "TIME " RID " -1",
        "TIME " RID " 99999999999999999999",
        "BLOCK " RID " reason=other",
        "BLOCK " RID " reason=spam,",
        "BLOCK " RID " reason=spam,notice=",
        "BLOCK " RID " reason=spam,notice={",
        "BLOCK " RID " reason=spam,notice={\"}",
        "BLOCK " RID " reason=spam,notice={}}",
        "BLOCK " RID " reason=spam,notice={\x01}",
        "NOTIFIER " RID " " SID " " KEY " AQI=",
        "QUEUE_SERVICE " RID " X " SID,
        "QUEUE_SERVICE " RID " R",
        "NEW_SERVICE service_id=" SID " role=X cert=AQI= cert_hash=AQI= created_at=0",
        "NEW_SERVICE service_id=" SID " role=M cert= cert_hash=AQI= created_at=0",
        START " queue_mode=X",
        START " sndSecure=X",
        START " queue_mode=M extra",
        START " status=on",
        "CREATE rid=" RID " rk=" KEY " rdh=AQI= sid=" SID " sk=",
        "CREATE rid=" RID " rk= rdh=" SECRET " sid=" SID " sk=",
        "CREATE rid=" RID " rk=" KEY " rdh=" SECRET " sid= sk=",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        expect_refused(lines[i]);
}

/* A line cut anywhere is refused, or says something that is whole in itself; nothing is read beyond it. */
static void test_lines_cut_anywhere_do_no_harm(void **state) {
    const char *line = START KEY2 " queue_mode=C link_id=" SID " queue_data=AQI= AwQF notifier=" SID " " KEY " " SECRET
                                  " nsrv=" RID " updated_at=1795910400 status=blocked,reason=spam,notice={\"ttl\":1}";
    (void)state;
    for (size_t length = 0; length < strlen(line); length++) {
        struct smp_log_record record;
        unsigned kind;
        char *cut = malloc(length + 1);
        assert_non_null(cut);
        memcpy(cut, line, length);
        if (log_record_read(&smp_store_log, slice_of(cut, length), room, sizeof room, &kind, &record) == SMQ_OK)
            assert_non_null(write_record(kind, &record));
        free(cut);
    }
}

static void test_more_keys_than_a_list_holds_are_refused(void **state) {
    size_t size = 300 * sizeof KEY + 64;
    char *line = malloc(size);
    (void)state;
    assert_non_null(line);
    size_t length = (size_t)snprintf(line, size, "KEYS " RID " " KEY);
    for (int i = 0; i < 255; i++)
        length += (size_t)snprintf(line + length, size - length, "," KEY);
    expect_refused(line);
    free(line);
}

static void test_without_room_for_what_is_decoded_a_line_is_refused(void **state) {
    struct smp_log_record record;
    unsigned kind;
    (void)state;
    for (size_t size = 0; size < 60; size++)
        assert_int_equal(SMQ_ERR_SYNTAX, log_record_read(&smp_store_log, slice_of_text("SECURE " RID " " KEY), room,
                                                         size, &kind, &record));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_logs_of_the_reference_are_written_the_same),
        cmocka_unit_test(test_what_a_create_says_is_in_the_record),
        cmocka_unit_test(test_every_kind_is_written_as_it_was_read),
        cmocka_unit_test(test_older_forms_are_read),
        cmocka_unit_test(test_a_notice_and_a_service_are_two_lines),
        cmocka_unit_test(test_what_is_no_record_is_refused),
        cmocka_unit_test(test_lines_cut_anywhere_do_no_harm),
        cmocka_unit_test(test_more_keys_than_a_list_holds_are_refused),
        cmocka_unit_test(test_without_room_for_what_is_decoded_a_line_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
