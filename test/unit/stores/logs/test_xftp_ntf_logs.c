/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Store logs of the XFTP and NTF routers: files of the reference, and lines of every kind, read and written the
 * same. */
#include "stores/logs/ntf_store_log.h"
#include "stores/logs/xftp_store_log.h"
#include "test/unit/stores/logs/log_fixture.h"

#define ID     "AQIDBAUGBwgJCgsMDQ4PEA=="
#define ID2    "Qd1K7YHzAgn7UafWCFcugg=="
#define KEY    "MCowBQYDK2VwAyEAzRSzf5VulTGU_3-3Oz2B3MVh1hp1OAlLfD4aZD7l86o="
#define SECRET "w2QKYPgCP89eV7YYCI7qhzeHaocgcAeL4h5vUGng2ec="
#define TOKEN                                                                                                          \
    "TCREATE tknId=" ID " token=apns_prod 00ff tokenStatus=ACTIVE verifyKey=" KEY " dhKeys=" KEY " " KEY               \
    " dhSecret=" SECRET " regCode=" SECRET " cron=30"
#define SUBSCRIPTION                                                                                                   \
    "SCREATE subId=" ID " smpQueue=smp://" SECRET "@smp.example.org/" ID " notifierKey=" KEY " tknId=" ID2 " subStatu" \
    "s="

static uint8_t room[XFTP_STORE_LINE_MAX];

union record {
    struct xftp_log_record xftp;
    struct ntf_log_record ntf;
};

static void expect_rewritten(const struct log_record_table *table, const char *line, const char *expected) {
    static char written[8192];
    union record record;
    unsigned kind;
    struct writer writer = writer_of(written, sizeof written - 1);
    if (log_record_read(table, slice_of_text(line), room, sizeof room, &kind, &record) != SMQ_OK)
        fail_msg("not read: %s", line);
    assert_int_equal(SMQ_OK, log_record_write(table, &writer, kind, &record));
    written[writer_length(&writer) - 1] = '\0';
    assert_string_equal(expected, written);
}

static void expect_same(const struct log_record_table *table, const char *line) {
    expect_rewritten(table, line, line);
}

static void expect_refused(const struct log_record_table *table, const char *line) {
    union record record;
    unsigned kind;
    if (log_record_read(table, slice_of_text(line), room, sizeof room, &kind, &record) == SMQ_OK)
        fail_msg("read: %s", line);
}

static void expect_file_same(const char *path, unsigned lines) {
    char *text = read_whole(path);
    unsigned count = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        expect_same(&xftp_store_log, line);
        count++;
    }
    assert_int_equal(lines, count);
    free(text);
}

static void test_store_logs_of_the_references_xftp_router_are_written_the_same(void **state) {
    (void)state;
    expect_file_same("test/vectors/files/xftp/store.log", 12);
    expect_file_same("test/vectors/files/xftp/store-after-del.log", 13);
    expect_file_same("test/vectors/files/xftp/store-compacted.log", 6);
}

static void test_every_xftp_record(void **state) {
    (void)state;
    expect_same(&xftp_store_log, "FNEW " ID " " KEY " 65536 " SECRET " 1719057600 active");
    expect_same(&xftp_store_log, "FNEW " ID " " KEY " 1 " SECRET " 0 off");
    expect_same(&xftp_store_log, "FNEW " ID " " KEY " 1 " SECRET " 0 blocked,reason=spam,notice={\"ttl\":1}");
    expect_rewritten(&xftp_store_log, "FNEW " ID " " KEY " 1 " SECRET " 0",
                     "FNEW " ID " " KEY " 1 " SECRET " 0 active");
    expect_same(&xftp_store_log, "FADD " ID " " ID2 ":" KEY);
    expect_same(&xftp_store_log, "FADD " ID " " ID2 ":" KEY "," ID ":" KEY);
    expect_same(&xftp_store_log, "FPUT " ID " L3Nydi94ZnRwL0FRSURCQVVHQndnSkNnc01EUTRQRUE9PQ==");
    expect_same(&xftp_store_log, "FDEL " ID);
    expect_same(&xftp_store_log, "FBLK " ID " reason=content");
    expect_same(&xftp_store_log, "FACK " ID2);
}

static void test_recipients_are_given_one_by_one(void **state) {
    union record record;
    struct file_recipient recipient;
    unsigned kind;
    (void)state;
    assert_int_equal(SMQ_OK, log_record_read(&xftp_store_log, slice_of_text("FADD " ID " " ID2 ":" KEY "," ID ":" KEY),
                                             room, sizeof room, &kind, &record));
    assert_true(xftp_log_next_recipient(&record.xftp.recipients, &recipient));
    assert_int_equal(16, recipient.id.length);
    assert_int_equal(44, recipient.key.length);
    assert_true(xftp_log_next_recipient(&record.xftp.recipients, &recipient));
    assert_int_equal(1, recipient.id.bytes[0]);
    assert_false(xftp_log_next_recipient(&record.xftp.recipients, &recipient));
}

static void test_what_is_no_xftp_record_is_refused(void **state) {
    (void)state;
    expect_refused(&xftp_store_log, "FNEW " ID " " KEY " 0 " SECRET " 0 active");
    expect_refused(&xftp_store_log, "FNEW " ID " " KEY " 4294967296 " SECRET " 0 active");
    expect_refused(&xftp_store_log, "FNEW " ID " " KEY " 1 " SECRET " 0 activ");
    expect_refused(&xftp_store_log, "FNEW " ID " " KEY " 1 " SECRET " -1 active");
    expect_refused(&xftp_store_log, "FADD " ID " ");
    expect_refused(&xftp_store_log, "FADD " ID " " ID2);
    expect_refused(&xftp_store_log, "FADD " ID " " ID2 ":" KEY ",");
    expect_refused(&xftp_store_log, "FADD " ID " " ID2 ":" KEY ", " ID ":" KEY);
    expect_refused(&xftp_store_log, "FPUT " ID);
    expect_refused(&xftp_store_log, "FBLK " ID " spam");
    expect_refused(&xftp_store_log, "FACK");
}

static void test_every_ntf_record(void **state) {
    (void)state;
    expect_same(&ntf_store_log, TOKEN);
    expect_same(&ntf_store_log, TOKEN " updatedAt=1795910400");
    expect_same(&ntf_store_log, "TSTATUS " ID " INVALID,EXPIRED");
    expect_same(&ntf_store_log, "TUPDATE " ID " apns_dev 00ff " SECRET);
    expect_same(&ntf_store_log, "TCRON " ID " 0");
    expect_same(&ntf_store_log, "TDELETE " ID);
    expect_same(&ntf_store_log, "TTIME " ID " 1795910400");
    expect_same(&ntf_store_log, SUBSCRIPTION "ACTIVE serviceAssoc=F");
    expect_same(&ntf_store_log, SUBSCRIPTION "ERR some text serviceAssoc=T");
    expect_rewritten(&ntf_store_log, SUBSCRIPTION "NEW", SUBSCRIPTION "NEW serviceAssoc=F");
    expect_same(&ntf_store_log, "SSTATUS " ID " ERR some text");
    expect_same(&ntf_store_log, "SSTATUS " ID " ACTIVE service=T");
    expect_same(&ntf_store_log, "SDELETE " ID);
    expect_same(&ntf_store_log, "SERVICE smp://" SECRET "@smp.example.org service=" ID);
    expect_same(&ntf_store_log, "SERVICE smp://" SECRET "@smp.example.org service=off");
}

static void test_what_is_no_ntf_record_is_refused(void **state) {
    (void)state;
    expect_refused(&ntf_store_log, "TCREATE tknId=" ID " token= tokenStatus=NEW");
    expect_refused(&ntf_store_log, "TCREATE tknId=" ID " token=apns_prod 00ff");
    expect_refused(&ntf_store_log, TOKEN " updatedAt=");
    expect_refused(&ntf_store_log, "TSTATUS " ID " ");
    expect_refused(&ntf_store_log, "TUPDATE " ID " " SECRET);
    expect_refused(&ntf_store_log, "TUPDATE " ID "  " SECRET);
    expect_refused(&ntf_store_log, "TCRON " ID " 65536");
    expect_refused(&ntf_store_log, SUBSCRIPTION);
    expect_refused(&ntf_store_log, "SSTATUS " ID " ");
    expect_refused(&ntf_store_log, "SERVICE smp://x@y");
    expect_refused(&ntf_store_log, "SERVICE smp://x@y service=");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_logs_of_the_references_xftp_router_are_written_the_same),
        cmocka_unit_test(test_every_xftp_record),
        cmocka_unit_test(test_recipients_are_given_one_by_one),
        cmocka_unit_test(test_what_is_no_xftp_record_is_refused),
        cmocka_unit_test(test_every_ntf_record),
        cmocka_unit_test(test_what_is_no_ntf_record_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
