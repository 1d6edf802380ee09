/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of SMP errors: every error of the protocol in binary and in text. */
#include "test/unit/transport/smp_samples.h"
#include "transport/smp/error.h"

#define TEXT(literal) slice_of("" literal, sizeof(literal) - 1)

struct example {
    const char *wire;
    size_t wire_length;
    const char *text;
    struct smp_error error;
};

static struct example example(struct slice wire, const char *text, struct smp_error error) {
    return (struct example){(const char *)wire.bytes, wire.length, text, error};
}

/* Every error that can be written, with both forms. */
static size_t all_examples(struct example *out) {
    const struct smp_blocking_info spam = {.reason = SMP_BLOCKED_SPAM};
    const struct smp_blocking_info indefinite = {.reason = SMP_BLOCKED_CONTENT, .has_notice = true};
    const struct smp_blocking_info noticed = {
        .reason = SMP_BLOCKED_CONTENT, .has_notice = true, .has_ttl = true, .ttl_seconds = 86400};
    size_t n = 0;

    out[n++] = example(TEXT("BLOCK"), "BLOCK", smp_error_of(SMP_ERROR_BLOCK));
    out[n++] = example(TEXT("SESSION"), "SESSION", smp_error_of(SMP_ERROR_SESSION));
    out[n++] = example(TEXT("CMD UNKNOWN"), "CMD UNKNOWN", smp_error_command(COMMAND_UNKNOWN));
    out[n++] = example(TEXT("CMD SYNTAX"), "CMD SYNTAX", smp_error_command(COMMAND_SYNTAX));
    out[n++] = example(TEXT("CMD PROHIBITED"), "CMD PROHIBITED", smp_error_command(COMMAND_PROHIBITED));
    out[n++] = example(TEXT("CMD NO_AUTH"), "CMD NO_AUTH", smp_error_command(COMMAND_NO_AUTH));
    out[n++] = example(TEXT("CMD HAS_AUTH"), "CMD HAS_AUTH", smp_error_command(COMMAND_HAS_AUTH));
    out[n++] = example(TEXT("CMD NO_ENTITY"), "CMD NO_ENTITY", smp_error_command(COMMAND_NO_ENTITY));
    out[n++] =
        example(TEXT("PROXY PROTOCOL AUTH"), "PROXY PROTOCOL AUTH", smp_error_protocol(smp_error_of(SMP_ERROR_AUTH)));
    out[n++] = example(TEXT("PROXY PROTOCOL PROXY PROTOCOL CMD SYNTAX"), "PROXY PROTOCOL PROXY PROTOCOL CMD SYNTAX",
                       smp_error_protocol(smp_error_protocol(smp_error_command(COMMAND_SYNTAX))));
    out[n++] = example(TEXT("PROXY PROTOCOL PROXY NO_SESSION"), "PROXY PROTOCOL PROXY NO_SESSION",
                       smp_error_protocol(smp_error_proxy(SMP_PROXY_NO_SESSION)));
    out[n++] = example(TEXT("PROXY BASIC_AUTH"), "PROXY BASIC_AUTH", smp_error_proxy(SMP_PROXY_BASIC_AUTH));
    out[n++] = example(TEXT("PROXY NO_SESSION"), "PROXY NO_SESSION", smp_error_proxy(SMP_PROXY_NO_SESSION));
    out[n++] =
        example(TEXT("PROXY BROKER RESPONSE \x0a"
                     "CMD SYNTAX"),
                "PROXY BROKER RESPONSE CMD SYNTAX", smp_error_broker_text(SMP_BROKER_RESPONSE, TEXT("CMD SYNTAX")));
    out[n++] = example(TEXT("PROXY BROKER UNEXPECTED \x02OK"), "PROXY BROKER UNEXPECTED OK",
                       smp_error_broker_text(SMP_BROKER_UNEXPECTED, TEXT("OK")));
    out[n++] = example(TEXT("PROXY BROKER NETWORK"), "PROXY BROKER NETWORK", smp_error_broker(SMP_BROKER_NETWORK));
    out[n++] = example(TEXT("PROXY BROKER HOST"), "PROXY BROKER HOST", smp_error_broker(SMP_BROKER_HOST));
    out[n++] = example(TEXT("PROXY BROKER TIMEOUT"), "PROXY BROKER TIMEOUT", smp_error_broker(SMP_BROKER_TIMEOUT));
    out[n++] =
        example(TEXT("PROXY BROKER NO_SERVICE"), "PROXY BROKER NO_SERVICE", smp_error_broker(SMP_BROKER_NO_SERVICE));
    out[n++] = example(TEXT("PROXY BROKER TRANSPORT VERSION"), "PROXY BROKER TRANSPORT VERSION",
                       smp_error_broker_transport(smp_transport_error_of(SMP_TRANSPORT_VERSION)));
    out[n++] = example(TEXT("PROXY BROKER TRANSPORT HANDSHAKE IDENTITY"), "PROXY BROKER TRANSPORT HANDSHAKE IDENTITY",
                       smp_error_broker_transport(smp_handshake_error_of(SMP_HANDSHAKE_IDENTITY)));
    out[n++] = example(TEXT("AUTH"), "AUTH", smp_error_of(SMP_ERROR_AUTH));
    out[n++] = example(TEXT("BLOCKED reason=spam"), "BLOCKED reason=spam", smp_error_blocked(spam));
    out[n++] = example(TEXT("BLOCKED reason=content,notice={}"), "BLOCKED reason=content,notice={}",
                       smp_error_blocked(indefinite));
    out[n++] = example(TEXT("BLOCKED reason=content,notice={\"ttl\":86400}"),
                       "BLOCKED reason=content,notice={\"ttl\":86400}", smp_error_blocked(noticed));
    out[n++] = example(TEXT("SERVICE"), "SERVICE", smp_error_of(SMP_ERROR_SERVICE));
    out[n++] = example(TEXT("CRYPTO"), "CRYPTO", smp_error_of(SMP_ERROR_CRYPTO));
    out[n++] = example(TEXT("QUOTA"), "QUOTA", smp_error_of(SMP_ERROR_QUOTA));
    out[n++] = example(TEXT("STORE disk full\nsecond line"), "STORE disk full?second line",
                       smp_error_store(TEXT("disk full\nsecond line")));
    out[n++] = example(TEXT("STORE "), "STORE ", smp_error_store(TEXT("")));
    out[n++] = example(TEXT("NO_MSG"), "NO_MSG", smp_error_of(SMP_ERROR_NO_MESSAGE));
    out[n++] = example(TEXT("LARGE_MSG"), "LARGE_MSG", smp_error_of(SMP_ERROR_LARGE_MESSAGE));
    out[n++] = example(TEXT("EXPIRED"), "EXPIRED", smp_error_of(SMP_ERROR_EXPIRED));
    out[n++] = example(TEXT("INTERNAL"), "INTERNAL", smp_error_of(SMP_ERROR_INTERNAL));
    out[n++] = example(TEXT("DUPLICATE_"), "DUPLICATE_", smp_error_of(SMP_ERROR_DUPLICATE));
    return n;
}

static enum smq_result read_whole(struct slice bytes, struct smp_error *error) {
    struct reader reader = reader_of(bytes);
    smp_error_read(&reader, error);
    return reader_finish(&reader);
}

static void test_every_error_is_written_in_binary_and_read_back(void **state) {
    (void)state;
    struct example examples[64];
    size_t count = all_examples(examples);
    for (size_t i = 0; i < count; i++) {
        uint8_t buffer[512];
        struct smp_error parsed;
        struct writer writer = writer_of(buffer, sizeof buffer);
        smp_error_write(&writer, &examples[i].error);
        assert_int_equal(writer_finish(&writer), SMQ_OK);
        assert_slices_equal(slice_of(buffer, writer_length(&writer)),
                            slice_of(examples[i].wire, examples[i].wire_length));
        assert_int_equal(read_whole(slice_of(buffer, writer_length(&writer)), &parsed), SMQ_OK);
        assert_true(smp_error_equal(&parsed, &examples[i].error));
    }
}

static void test_errors_differ_from_each_other(void **state) {
    (void)state;
    struct example examples[64];
    size_t count = all_examples(examples);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            assert_int_equal(smp_error_equal(&examples[i].error, &examples[j].error), i == j);
}

static void test_text_form_has_plain_nested_texts_and_no_control_characters(void **state) {
    (void)state;
    struct example examples[64];
    size_t count = all_examples(examples);
    for (size_t i = 0; i < count; i++) {
        char buffer[512];
        assert_string_equal(smp_error_text(&examples[i].error, buffer, sizeof buffer), examples[i].text);
    }
}

static void test_text_form_is_cut_to_what_fits_and_terminated(void **state) {
    (void)state;
    char buffer[8];
    struct smp_error error = smp_error_command(COMMAND_PROHIBITED);
    assert_string_equal(smp_error_text(&error, buffer, sizeof buffer), "CMD ");
    assert_string_equal(smp_error_text(&error, buffer, 1), "");
    error = smp_error_store(TEXT("disk full"));
    assert_string_equal(smp_error_text(&error, buffer, sizeof buffer), "STORE d");
}

static void test_prefixes_of_errors_are_no_errors_unless_they_are_whole(void **state) {
    (void)state;
    struct example examples[64];
    size_t count = all_examples(examples);
    for (size_t i = 0; i < count; i++) {
        for (size_t length = 0; length < examples[i].wire_length; length++) {
            struct smp_error parsed;
            uint8_t *copy = malloc(length > 0 ? length : 1);
            assert_non_null(copy);
            memcpy(copy, examples[i].wire, length);
            if (read_whole(slice_of(copy, length), &parsed) == SMQ_OK)
                /* "BLOCK" of "BLOCKED", "STORE " and its texts, "NETWORK", "reason=spam" ... are whole by themselves */
                assert_true(parsed.code == SMP_ERROR_BLOCK || parsed.code == SMP_ERROR_STORE ||
                            parsed.code == SMP_ERROR_BLOCKED);
            free(copy);
        }
    }
}

static void assert_refused(struct slice bytes) {
    struct smp_error parsed;
    assert_int_equal(read_whole(bytes, &parsed), SMQ_ERR_SYNTAX);
}

static void test_unknown_and_overlong_errors_are_refused(void **state) {
    (void)state;
    assert_refused(TEXT(""));
    assert_refused(TEXT("NEW_ERROR"));
    assert_refused(TEXT("auth"));
    assert_refused(TEXT("AUTH "));
    assert_refused(TEXT("AUTH x"));
    assert_refused(TEXT(" AUTH"));
    assert_refused(TEXT("CMD"));
    assert_refused(TEXT("CMD "));
    assert_refused(TEXT("CMD WHAT"));
    assert_refused(TEXT("CMD  SYNTAX"));
    assert_refused(TEXT("STORE"));
    assert_refused(TEXT("PROXY"));
    assert_refused(TEXT("PROXY PROTOCOL"));
    assert_refused(TEXT("PROXY PROTOCOL "));
    assert_refused(TEXT("PROXY WHAT"));
    assert_refused(TEXT("PROXY BROKER"));
    assert_refused(TEXT("PROXY BROKER WHAT"));
    assert_refused(TEXT("PROXY BROKER HOST x"));
    assert_refused(TEXT("PROXY BROKER RESPONSE \x03OK"));
    assert_refused(TEXT("PROXY BROKER RESPONSE \x01OK"));
    assert_refused(TEXT("PROXY BROKER TRANSPORT WHAT"));
    assert_refused(TEXT("PROXY BROKER TRANSPORT HANDSHAKE"));
    assert_refused(TEXT("PROXY BROKER TRANSPORT HANDSHAKE WHAT"));
}

static void test_bad_blocking_info_is_refused(void **state) {
    (void)state;
    assert_refused(TEXT("BLOCKED"));
    assert_refused(TEXT("BLOCKED reason="));
    assert_refused(TEXT("BLOCKED reason=other"));
    assert_refused(TEXT("BLOCKED reason=spam "));
    assert_refused(TEXT("BLOCKED reason=spam,"));
    assert_refused(TEXT("BLOCKED reason=spam,notice="));
    assert_refused(TEXT("BLOCKED reason=spam,notice={"));
    assert_refused(TEXT("BLOCKED reason=spam,notice=[]"));
    assert_refused(TEXT("BLOCKED reason=spam,notice={\"ttl\":\"x\"}"));
    assert_refused(TEXT("BLOCKED reason=spam,notice={} x"));
}

static void test_notice_may_have_unknown_fields_and_a_null_ttl(void **state) {
    (void)state;
    struct smp_error parsed;
    assert_int_equal(read_whole(TEXT("BLOCKED reason=spam,notice={\"ttl\":null,\"more\":[1]}"), &parsed), SMQ_OK);
    assert_true(parsed.blocked.has_notice);
    assert_false(parsed.blocked.has_ttl);
    assert_int_equal(read_whole(TEXT("BLOCKED reason=spam,notice={ \"more\" : 1, \"ttl\" : -5 }"), &parsed), SMQ_OK);
    assert_int_equal(parsed.blocked.ttl_seconds, -5);
}

static void test_no_queue_is_read_as_no_entity(void **state) {
    (void)state;
    struct smp_error parsed;
    assert_int_equal(read_whole(TEXT("CMD NO_QUEUE"), &parsed), SMQ_OK);
    assert_int_equal(parsed.code, SMP_ERROR_COMMAND);
    assert_int_equal(parsed.command, COMMAND_NO_ENTITY);
}

static void test_network_detail_is_read_but_not_written(void **state) {
    (void)state;
    static const struct {
        const char *wire;
        enum smp_network_code code;
        const char *text;
    } examples[] = {
        {"PROXY BROKER NETWORK CONNECT \x03why", SMP_NETWORK_CONNECT, "why"},
        {"PROXY BROKER NETWORK TLS \x03why", SMP_NETWORK_TLS, "why"},
        {"PROXY BROKER NETWORK UNKNOWNCA", SMP_NETWORK_UNKNOWN_CA, ""},
        {"PROXY BROKER NETWORK FAILED", SMP_NETWORK_FAILED, ""},
        {"PROXY BROKER NETWORK TIMEOUT", SMP_NETWORK_TIMEOUT, ""},
        {"PROXY BROKER NETWORK SUBSCRIBE \x03why", SMP_NETWORK_SUBSCRIBE, "why"},
        {"PROXY BROKER NETWORK SOMETHING NEW", SMP_NETWORK_FAILED, ""},
        {"PROXY BROKER NETWORK CONNECT \x09why", SMP_NETWORK_FAILED, ""},
        {"PROXY BROKER NETWORK CONNECT", SMP_NETWORK_FAILED, ""},
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct smp_error parsed;
        char buffer[128];
        assert_int_equal(read_whole(slice_of_text(examples[i].wire), &parsed), SMQ_OK);
        assert_int_equal(parsed.proxy.broker, SMP_BROKER_NETWORK);
        assert_int_equal(parsed.proxy.network, examples[i].code);
        assert_slices_equal(parsed.proxy.text, slice_of_text(examples[i].text));
        assert_string_equal(smp_error_text(&parsed, buffer, sizeof buffer), "PROXY BROKER NETWORK");
    }
}

static void test_long_response_text_is_cut_at_255_bytes(void **state) {
    (void)state;
    uint8_t buffer[512];
    char text[300];
    struct smp_error parsed;
    memset(text, 'a', sizeof text);
    struct smp_error error = smp_error_broker_text(SMP_BROKER_RESPONSE, slice_of(text, sizeof text));
    struct writer writer = writer_of(buffer, sizeof buffer);
    smp_error_write(&writer, &error);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_int_equal(read_whole(slice_of(buffer, writer_length(&writer)), &parsed), SMQ_OK);
    assert_slices_equal(parsed.proxy.text, slice_of(text, 255));
}

static void test_blocked_is_auth_below_12_and_has_no_notice_below_18(void **state) {
    (void)state;
    const struct smp_blocking_info info = {
        .reason = SMP_BLOCKED_SPAM, .has_notice = true, .has_ttl = true, .ttl_seconds = 5};
    struct smp_error error = smp_error_blocked(info);
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
        struct smp_error adapted = smp_error_for_version(version, &error);
        assert_int_equal(adapted.code, version < 12 ? SMP_ERROR_AUTH : SMP_ERROR_BLOCKED);
        if (version >= 12)
            assert_int_equal(adapted.blocked.has_notice, version >= 18);
    }
}

static void test_relayed_blocked_is_passed_on_unchanged(void **state) {
    (void)state;
    const struct smp_blocking_info info = {.reason = SMP_BLOCKED_SPAM, .has_notice = true};
    struct smp_error error = smp_error_protocol(smp_error_blocked(info));
    struct smp_error adapted = smp_error_for_version(11, &error);
    assert_true(smp_error_equal(&adapted, &error));
}

static void test_no_error_cannot_be_written(void **state) {
    (void)state;
    uint8_t buffer[32];
    struct smp_error none = smp_error_of(SMP_ERROR_NONE);
    struct smp_error transport = smp_error_broker_transport(smp_transport_error_of(SMP_TRANSPORT_NONE));
    struct writer writer = writer_of(buffer, sizeof buffer);
    smp_error_write(&writer, &none);
    assert_int_not_equal(writer_finish(&writer), SMQ_OK);
    writer = writer_of(buffer, sizeof buffer);
    smp_error_write(&writer, &transport);
    assert_int_not_equal(writer_finish(&writer), SMQ_OK);
}

static void test_a_block_full_of_wrappings_is_read(void **state) {
    (void)state;
    char text[16384];
    const char *wrapping = "PROXY PROTOCOL ";
    size_t length = 0;
    uint16_t wrappers = 0;
    struct smp_error parsed;
    while (length + strlen(wrapping) + 4 <= sizeof text) {
        memcpy(text + length, wrapping, strlen(wrapping));
        length += strlen(wrapping);
        wrappers++;
    }
    memcpy(text + length, "AUTH", 4);
    assert_int_equal(read_whole(slice_of(text, length + 4), &parsed), SMQ_OK);
    assert_int_equal(parsed.wrappers, wrappers);
    assert_int_equal(parsed.code, SMP_ERROR_AUTH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_is_written_in_binary_and_read_back),
        cmocka_unit_test(test_errors_differ_from_each_other),
        cmocka_unit_test(test_text_form_has_plain_nested_texts_and_no_control_characters),
        cmocka_unit_test(test_text_form_is_cut_to_what_fits_and_terminated),
        cmocka_unit_test(test_prefixes_of_errors_are_no_errors_unless_they_are_whole),
        cmocka_unit_test(test_unknown_and_overlong_errors_are_refused),
        cmocka_unit_test(test_bad_blocking_info_is_refused),
        cmocka_unit_test(test_notice_may_have_unknown_fields_and_a_null_ttl),
        cmocka_unit_test(test_no_queue_is_read_as_no_entity),
        cmocka_unit_test(test_network_detail_is_read_but_not_written),
        cmocka_unit_test(test_long_response_text_is_cut_at_255_bytes),
        cmocka_unit_test(test_blocked_is_auth_below_12_and_has_no_notice_below_18),
        cmocka_unit_test(test_relayed_blocked_is_passed_on_unchanged),
        cmocka_unit_test(test_no_error_cannot_be_written),
        cmocka_unit_test(test_a_block_full_of_wrappings_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
