/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of SMP responses and events: every one in every version, entity rules, sizes, and hostile bytes. */
#include "test/unit/transport/smp_sample_responses.h"

static struct smp_error error_of_parsing(uint16_t version, struct slice bytes) {
    struct smp_response response;
    struct smp_error error;
    enum smq_result result = smp_response_parse(version, bytes, &response, &error);
    assert_int_equal(result, error.code == SMP_ERROR_NONE ? SMQ_OK : SMQ_ERR_SYNTAX);
    return error;
}

static bool parses(uint16_t version, struct slice bytes) {
    return error_of_parsing(version, bytes).code == SMP_ERROR_NONE;
}

static void assert_response_error(const char *text, enum command_error expected) {
    struct smp_error error = error_of_parsing(18, slice_of_text(text));
    assert_int_equal(error.code, SMP_ERROR_COMMAND);
    assert_int_equal(error.command, expected);
}

static struct smp_response parsed_response(uint16_t version, struct slice bytes) {
    struct smp_response response;
    struct smp_error error;
    assert_int_equal(smp_response_parse(version, bytes, &response, &error), SMQ_OK);
    return response;
}

static void test_every_response_is_written_and_read_back_in_every_version(void **state) {
    (void)state;
    uint8_t first[20000];
    for (int tag = 0; tag < SMP_RESPONSE_COUNT; tag++) {
        for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
            struct smp_response response = sample_response((enum smp_response_tag)tag);
            struct slice bytes = written_response(version, &response);
            memcpy(first, bytes.bytes, bytes.length);
            struct slice original = slice_of(first, bytes.length);
            assert_int_equal(smp_response_size(version, &response), original.length);
            struct smp_response parsed = parsed_response(version, original);
            assert_slices_equal(written_response(version, &parsed), original);
        }
    }
}

static void test_every_response_starts_with_its_tag(void **state) {
    (void)state;
    static const char *const tags[SMP_RESPONSE_COUNT] = {
        [SMP_IDS] = "IDS", [SMP_LNK] = "LNK",   [SMP_SOK] = "SOK",   [SMP_SOKS] = "SOKS", [SMP_MSG] = "MSG",
        [SMP_NID] = "NID", [SMP_NMSG] = "NMSG", [SMP_PKEY] = "PKEY", [SMP_RRES] = "RRES", [SMP_PRES] = "PRES",
        [SMP_END] = "END", [SMP_ENDS] = "ENDS", [SMP_DELD] = "DELD", [SMP_INFO] = "INFO", [SMP_OK] = "OK",
        [SMP_ERR] = "ERR", [SMP_PONG] = "PONG",
    };
    for (int tag = 0; tag < SMP_RESPONSE_COUNT; tag++) {
        struct smp_response response = sample_response((enum smp_response_tag)tag);
        struct slice bytes = written_response(18, &response);
        assert_string_equal(smp_response_tag_text((enum smp_response_tag)tag), tags[tag]);
        assert_memory_equal(bytes.bytes, tags[tag], strlen(tags[tag]));
        assert_int_equal(parsed_response(18, bytes).tag, tag);
    }
}

static void test_every_truncated_or_lengthened_response_is_a_syntax_error(void **state) {
    (void)state;
    static const enum smp_response_tag tags[] = {SMP_IDS,  SMP_LNK,  SMP_SOK,  SMP_SOKS, SMP_NID, SMP_NMSG,
                                                 SMP_PKEY, SMP_DELD, SMP_PONG, SMP_OK,   SMP_ERR};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        struct smp_response response = sample_response(tags[i]);
        assert_only_whole_is_accepted(parses, 18, written_response(18, &response));
    }
}

static void test_truncated_ids_is_a_syntax_error_in_every_version(void **state) {
    (void)state;
    struct smp_response response = sample_full_ids();
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++)
        assert_only_whole_is_accepted(parses, version, written_response(version, &response));
}

static void test_truncations_of_responses_with_a_tail_never_read_past_the_end(void **state) {
    (void)state;
    static const struct {
        enum smp_response_tag tag;
        size_t least;
    } tails[] = {{SMP_MSG, 4 + 25}, {SMP_RRES, 5}, {SMP_PRES, 5}, {SMP_INFO, 6}};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        struct smp_response response = sample_response(tails[i].tag);
        if (tails[i].tag == SMP_MSG)
            response.message.body = sample(40, 1);
        struct slice bytes = written_response(18, &response);
        for (size_t length = 0; length <= bytes.length; length++)
            assert_int_equal(accepts_copy(parses, 18, bytes, length), length >= tails[i].least);
    }
}

static void test_unknown_response_is_cmd_unknown(void **state) {
    (void)state;
    assert_response_error("", COMMAND_UNKNOWN);
    assert_response_error("SUB", COMMAND_UNKNOWN);
    assert_response_error("ok", COMMAND_UNKNOWN);
    assert_response_error("OKAY", COMMAND_UNKNOWN);
    assert_response_error("OK ", COMMAND_SYNTAX);
    assert_response_error("ERR", COMMAND_SYNTAX);
    assert_response_error("ERR WHATEVER", COMMAND_SYNTAX);
    assert_response_error("INFO ", COMMAND_SYNTAX);
}

static void test_ids_loses_in_older_versions_what_they_do_not_know(void **state) {
    (void)state;
    struct smp_response response = sample_full_ids();
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
        struct smp_response parsed = parsed_response(version, written_response(version, &response));
        assert_slices_equal(parsed.ids.recipient_id, response.ids.recipient_id);
        assert_slices_equal(parsed.ids.sender_id, response.ids.sender_id);
        assert_true(public_key_equal(&parsed.ids.dh_key, &response.ids.dh_key));
        assert_int_equal(parsed.ids.mode, version >= 9 ? SMP_MODE_CONTACT : SMP_MODE_UNKNOWN);
        assert_int_equal(parsed.ids.has_link_id, version >= 15);
        assert_int_equal(parsed.ids.has_service_id, version >= 16);
        assert_int_equal(parsed.ids.has_notifier, version >= 17);
        if (version >= 17) {
            assert_slices_equal(parsed.ids.link_id, response.ids.link_id);
            assert_slices_equal(parsed.ids.service_id, response.ids.service_id);
            assert_slices_equal(parsed.ids.notifier_id, response.ids.notifier_id);
            assert_true(public_key_equal(&parsed.ids.notifier_dh_key, &response.ids.notifier_dh_key));
        }
    }
}

static void test_ids_layouts_by_version(void **state) {
    (void)state;
    static const struct {
        uint16_t version;
        const char *layout;
    } layouts[] = {
        {18, "response_ids_v17"}, {17, "response_ids_v17"}, {16, "response_ids_v16"}, {15, "response_ids_v15"},
        {14, "response_ids_v9"},  {13, "response_ids_v9"},  {12, "response_ids_v9"},  {11, "response_ids_v9"},
        {10, "response_ids_v9"},  {9, "response_ids_v9"},   {8, "response_ids_v6"},   {7, "response_ids_v6"},
        {6, "response_ids_v6"},
    };
    struct smp_response response = sample_full_ids();
    assert_layout("response_ids_v18_full", written_response(18, &response));
    response.ids.mode = SMP_MODE_MESSAGING;
    response.ids.has_link_id = response.ids.has_service_id = response.ids.has_notifier = false;
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
        assert_layout(layouts[i].layout, written_response(layouts[i].version, &response));
}

static void test_ids_flag_below_15_is_true_only_for_messaging(void **state) {
    (void)state;
    struct smp_response response = sample_full_ids();
    for (uint16_t version = 9; version < 15; version++) {
        struct slice bytes;
        response.ids.mode = SMP_MODE_MESSAGING;
        bytes = written_response(version, &response);
        assert_int_equal(bytes.bytes[bytes.length - 1], 'T');
        response.ids.mode = SMP_MODE_UNKNOWN;
        bytes = written_response(version, &response);
        assert_int_equal(bytes.bytes[bytes.length - 1], 'F');
    }
}

static void test_sok_is_ok_below_16(void **state) {
    (void)state;
    struct smp_response response = sample_response(SMP_SOK);
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
        struct slice bytes = written_response(version, &response);
        if (version < 16)
            assert_slices_equal(bytes, slice_of_text("OK"));
        else
            assert_slices_equal(parsed_response(version, bytes).service.id, response.service.id);
    }
    response.service.present = false;
    assert_slices_equal(written_response(16, &response), slice_of_text("SOK 0"));
}

static void test_deld_is_end_below_10(void **state) {
    (void)state;
    struct smp_response response = sample_response(SMP_DELD);
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++)
        assert_slices_equal(written_response(version, &response), slice_of_text(version < 10 ? "END" : "DELD"));
}

static void test_blocked_is_auth_below_12_and_without_notice_below_18(void **state) {
    (void)state;
    const struct smp_blocking_info info = {
        .reason = SMP_BLOCKED_CONTENT, .has_notice = true, .has_ttl = true, .ttl_seconds = 60};
    struct smp_response response = smp_response_error(smp_error_blocked(info));
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
        const char *expected = version < 12   ? "ERR AUTH"
                               : version < 18 ? "ERR BLOCKED reason=content"
                                              : "ERR BLOCKED reason=content,notice={\"ttl\":60}";
        assert_slices_equal(written_response(version, &response), slice_of_text(expected));
    }
}

static void test_entity_rules_of_responses(void **state) {
    (void)state;
    for (int tag = 0; tag < SMP_RESPONSE_COUNT; tag++) {
        struct smp_response response = sample_response((enum smp_response_tag)tag);
        struct smp_error error;
        bool any = tag == SMP_IDS || tag == SMP_ERR;
        bool empty = tag == SMP_PONG || tag == SMP_PKEY || tag == SMP_RRES;
        assert_int_equal(smp_response_check_entity(&response, true, &error), empty ? SMQ_ERR_PROTOCOL : SMQ_OK);
        if (empty)
            assert_int_equal(error.command, COMMAND_HAS_AUTH);
        assert_int_equal(smp_response_check_entity(&response, false, &error), any || empty ? SMQ_OK : SMQ_ERR_PROTOCOL);
        if (!any && !empty)
            assert_int_equal(error.command, COMMAND_NO_ENTITY);
    }
}

static void test_message_is_written_in_place(void **state) {
    (void)state;
    static uint8_t buffer[17000];
    struct smp_response response = sample_response(SMP_MSG);
    struct writer writer = writer_of(buffer, sizeof buffer);
    uint8_t *body = smp_message_reserve(&writer, response.message.id);
    assert_non_null(body);
    memcpy(body, response.message.body.bytes, response.message.body.length);
    assert_int_equal(writer_length(&writer), smp_message_size(24));
    assert_slices_equal(slice_of(buffer, writer_length(&writer)), written_response(18, &response));
    assert_int_equal(smp_message_size(24), smp_response_size(18, &response));
}

static void test_message_without_room_is_not_reserved(void **state) {
    (void)state;
    static uint8_t buffer[17000];
    struct writer writer = writer_of(buffer, smp_message_size(24) - 1);
    assert_null(smp_message_reserve(&writer, sample(24, 1)));
    assert_true(writer.failed);
    writer = writer_of(buffer, sizeof buffer);
    assert_null(smp_message_reserve(&writer, sample(256, 1)));
}

static void test_response_that_exceeds_a_block_has_no_size(void **state) {
    (void)state;
    struct smp_response response = sample_response(SMP_PRES);
    response.payload = sample(SMP_BLOCK_SIZE - 5, 1);
    assert_int_equal(smp_response_size(18, &response), SMP_BLOCK_SIZE);
    response.payload = sample(SMP_BLOCK_SIZE - 4, 1);
    assert_int_equal(smp_response_size(18, &response), SIZE_MAX);
    response = smp_response_error(smp_error_of(SMP_ERROR_NONE));
    assert_int_equal(smp_response_size(18, &response), SIZE_MAX);
}

static void test_notification_nonce_must_be_24_bytes(void **state) {
    (void)state;
    uint8_t buffer[300];
    struct smp_response response = sample_response(SMP_NMSG);
    struct writer writer = writer_of(buffer, sizeof buffer);
    response.notification.nonce = sample(23, 1);
    smp_response_write(18, &response, &writer);
    assert_int_not_equal(writer_finish(&writer), SMQ_OK);
}

static void test_pkey_passes_the_chain_on_byte_for_byte(void **state) {
    (void)state;
    struct smp_response response = sample_response(SMP_PKEY);
    struct smp_response parsed = parsed_response(18, written_response(18, &response));
    struct slice certificates[4];
    assert_int_equal(parsed.proxy_key.versions.min, 8);
    assert_int_equal(parsed.proxy_key.versions.max, 17);
    assert_slices_equal(parsed.proxy_key.chain_key.chain, response.proxy_key.chain_key.chain);
    assert_slices_equal(parsed.proxy_key.chain_key.signed_key, response.proxy_key.chain_key.signed_key);
    assert_int_equal(chain_certificates(&parsed.proxy_key.chain_key, certificates, 4), 2);
    assert_slices_equal(certificates[0], sample(3, 1));
    assert_slices_equal(certificates[1], sample(4, 2));
    assert_int_equal(chain_certificates(&parsed.proxy_key.chain_key, certificates, 1), 2);
}

static void test_pkey_with_bad_range_or_empty_chain_is_refused(void **state) {
    (void)state;
    assert_false(parses(18, slice_of("PKEY \0\0\x09\0\x08\x01\0\x01x\0\x01y", 17)));
    assert_true(parses(18, slice_of("PKEY \0\0\x08\0\x09\x01\0\x01x\0\x01y", 17)));
    assert_false(parses(18, slice_of("PKEY \0\0\x08\0\x09\0\0\x01y", 13)));
    assert_false(parses(18, slice_of("PKEY \0\0\x08\0\x09\xff\0\x01x\0\x01y", 17)));
}

static void test_counts_are_signed_64_bit(void **state) {
    (void)state;
    struct smp_response response = sample_response(SMP_ENDS);
    response.count = -2;
    assert_true(parsed_response(18, written_response(18, &response)).count == -2);
    response.count = INT64_MAX;
    assert_true(parsed_response(18, written_response(18, &response)).count == INT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_response_is_written_and_read_back_in_every_version),
        cmocka_unit_test(test_every_response_starts_with_its_tag),
        cmocka_unit_test(test_every_truncated_or_lengthened_response_is_a_syntax_error),
        cmocka_unit_test(test_truncated_ids_is_a_syntax_error_in_every_version),
        cmocka_unit_test(test_truncations_of_responses_with_a_tail_never_read_past_the_end),
        cmocka_unit_test(test_unknown_response_is_cmd_unknown),
        cmocka_unit_test(test_ids_loses_in_older_versions_what_they_do_not_know),
        cmocka_unit_test(test_ids_layouts_by_version),
        cmocka_unit_test(test_ids_flag_below_15_is_true_only_for_messaging),
        cmocka_unit_test(test_sok_is_ok_below_16),
        cmocka_unit_test(test_deld_is_end_below_10),
        cmocka_unit_test(test_blocked_is_auth_below_12_and_without_notice_below_18),
        cmocka_unit_test(test_entity_rules_of_responses),
        cmocka_unit_test(test_message_is_written_in_place),
        cmocka_unit_test(test_message_without_room_is_not_reserved),
        cmocka_unit_test(test_response_that_exceeds_a_block_has_no_size),
        cmocka_unit_test(test_notification_nonce_must_be_24_bytes),
        cmocka_unit_test(test_pkey_passes_the_chain_on_byte_for_byte),
        cmocka_unit_test(test_pkey_with_bad_range_or_empty_chain_is_refused),
        cmocka_unit_test(test_counts_are_signed_64_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
