/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of SMP commands: the table, every command in every version, and hostile bytes. */
#include "test/unit/transport/smp_sample_commands.h"

static struct smp_error error_of_parsing(uint16_t version, struct slice bytes) {
    struct smp_command command;
    struct smp_error error;
    enum smq_result result = smp_command_parse(version, bytes, &command, &error);
    assert_int_equal(result, error.code == SMP_ERROR_NONE ? SMQ_OK : SMQ_ERR_SYNTAX);
    return error;
}

static bool parses(uint16_t version, struct slice bytes) {
    return error_of_parsing(version, bytes).code == SMP_ERROR_NONE;
}

static void assert_command_error(const char *text, enum command_error expected) {
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
        struct smp_error error = error_of_parsing(version, slice_of_text(text));
        assert_int_equal(error.code, SMP_ERROR_COMMAND);
        assert_int_equal(error.command, expected);
    }
}

static struct smp_command parsed_command(uint16_t version, struct slice bytes) {
    struct smp_command command;
    struct smp_error error;
    assert_int_equal(smp_command_parse(version, bytes, &command, &error), SMQ_OK);
    assert_int_equal(error.code, SMP_ERROR_NONE);
    return command;
}

/* ---- the table ---- */

static void test_every_command_has_its_tag_party_key_and_role(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum smp_party party;
        enum smp_command_key key;
        enum smp_service_role role;
        uint16_t min_version;
    } expected[SMP_COMMAND_COUNT] = {
        [SMP_NEW] = {"NEW", SMP_PARTY_CREATOR, SMP_KEY_IN_COMMAND, SMP_ROLE_MESSAGING, 6},
        [SMP_SUB] = {"SUB", SMP_PARTY_RECIPIENT, SMP_KEY_RECIPIENT, SMP_ROLE_MESSAGING, 6},
        [SMP_SUBS] = {"SUBS", SMP_PARTY_RECIPIENT_SERVICE, SMP_KEY_SERVICE, SMP_ROLE_MESSAGING, 16},
        [SMP_KEY] = {"KEY", SMP_PARTY_RECIPIENT, SMP_KEY_RECIPIENT, SMP_ROLE_MESSAGING, 6},
        [SMP_RKEY] = {"RKEY", SMP_PARTY_RECIPIENT, SMP_KEY_RECIPIENT, SMP_ROLE_MESSAGING, 15},
        [SMP_LSET] = {"LSET", SMP_PARTY_RECIPIENT, SMP_KEY_RECIPIENT, SMP_ROLE_MESSAGING, 15},
        [SMP_LDEL] = {"LDEL", SMP_PARTY_RECIPIENT, SMP_KEY_RECIPIENT, SMP_ROLE_MESSAGING, 15},
        [SMP_NKEY] = {"NKEY", SMP_PARTY_RECIPIENT, SMP_KEY_RECIPIENT, SMP_ROLE_MESSAGING, 6},
        [SMP_NDEL] = {"NDEL", SMP_PARTY_RECIPIENT, SMP_KEY_RECIPIENT, SMP_ROLE_MESSAGING, 6},
        [SMP_GET] = {"GET", SMP_PARTY_RECIPIENT, SMP_KEY_RECIPIENT, SMP_ROLE_MESSAGING, 6},
        [SMP_ACK] = {"ACK", SMP_PARTY_RECIPIENT, SMP_KEY_RECIPIENT, SMP_ROLE_MESSAGING, 6},
        [SMP_OFF] = {"OFF", SMP_PARTY_RECIPIENT, SMP_KEY_RECIPIENT, SMP_ROLE_MESSAGING, 6},
        [SMP_DEL] = {"DEL", SMP_PARTY_RECIPIENT, SMP_KEY_RECIPIENT, SMP_ROLE_MESSAGING, 6},
        [SMP_QUE] = {"QUE", SMP_PARTY_RECIPIENT, SMP_KEY_RECIPIENT, SMP_ROLE_MESSAGING, 6},
        [SMP_SKEY] = {"SKEY", SMP_PARTY_SENDER, SMP_KEY_IN_COMMAND, SMP_ROLE_MESSAGING, 9},
        [SMP_SEND] = {"SEND", SMP_PARTY_SENDER, SMP_KEY_SENDER, SMP_ROLE_MESSAGING, 6},
        [SMP_LKEY] = {"LKEY", SMP_PARTY_SENDER_LINK, SMP_KEY_IN_COMMAND, SMP_ROLE_MESSAGING, 15},
        [SMP_LGET] = {"LGET", SMP_PARTY_SENDER_LINK, SMP_KEY_NONE, SMP_ROLE_MESSAGING, 15},
        [SMP_NSUB] = {"NSUB", SMP_PARTY_NOTIFIER, SMP_KEY_NOTIFIER, SMP_ROLE_NOTIFIER, 6},
        [SMP_NSUBS] = {"NSUBS", SMP_PARTY_NOTIFIER_SERVICE, SMP_KEY_SERVICE, SMP_ROLE_NOTIFIER, 16},
        [SMP_PING] = {"PING", SMP_PARTY_IDLE_CLIENT, SMP_KEY_NONE, SMP_ROLE_ANY, 6},
        [SMP_PRXY] = {"PRXY", SMP_PARTY_PROXIED_CLIENT, SMP_KEY_NONE, SMP_ROLE_MESSAGING, 8},
        [SMP_PFWD] = {"PFWD", SMP_PARTY_PROXIED_CLIENT, SMP_KEY_NONE, SMP_ROLE_MESSAGING, 8},
        [SMP_RFWD] = {"RFWD", SMP_PARTY_PROXY, SMP_KEY_NONE, SMP_ROLE_PROXY, 8},
    };
    for (int tag = 0; tag < SMP_COMMAND_COUNT; tag++) {
        const struct smp_command_info *info = smp_command_info((enum smp_command_tag)tag);
        assert_string_equal(info->text, expected[tag].text);
        assert_int_equal(info->party, expected[tag].party);
        assert_int_equal(info->key, expected[tag].key);
        assert_int_equal(info->role, expected[tag].role);
        assert_int_equal(info->min_version, expected[tag].min_version);
        assert_int_equal(info->service_signature, tag == SMP_NEW || tag == SMP_SUB || tag == SMP_NSUB);
        assert_int_equal(info->forwardable, tag == SMP_SEND || tag == SMP_SKEY || tag == SMP_LKEY || tag == SMP_LGET);
    }
}

/* ---- every command ---- */

static void test_every_command_is_written_and_read_back_in_every_version(void **state) {
    (void)state;
    uint8_t first[20000];
    for (int tag = 0; tag < SMP_COMMAND_COUNT; tag++) {
        for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
            struct smp_command command = sample_command((enum smp_command_tag)tag);
            struct slice bytes = written_command(version, &command);
            memcpy(first, bytes.bytes, bytes.length);
            struct slice original = slice_of(first, bytes.length);
            struct smp_command parsed = parsed_command(version, original);
            assert_int_equal(parsed.tag, tag);
            assert_slices_equal(written_command(version, &parsed), original);
        }
    }
}

static void test_every_truncated_or_lengthened_command_is_a_syntax_error(void **state) {
    (void)state;
    for (int tag = 0; tag < SMP_COMMAND_COUNT; tag++) {
        if (command_has_tail((enum smp_command_tag)tag) || tag == SMP_SUBS || tag == SMP_NSUBS)
            continue; /* SUBS without its last letter is SUB */
        struct smp_command command = sample_command((enum smp_command_tag)tag);
        struct slice bytes = written_command(SMP_VERSION_MAX, &command);
        assert_only_whole_is_accepted(parses, SMP_VERSION_MAX, bytes);
    }
}

static void test_truncated_new_is_a_syntax_error_in_every_version(void **state) {
    (void)state;
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
        struct smp_command command = sample_full_new();
        command.create.link.fixed_data = sample(40, 5);
        command.create.link.user_data = sample(300, 6);
        assert_only_whole_is_accepted(parses, version, written_command(version, &command));
    }
}

static void test_truncations_of_commands_with_a_tail_never_read_past_the_end(void **state) {
    (void)state;
    static const struct {
        enum smp_command_tag tag;
        size_t least; /* bytes before the tail */
    } tails[] = {{SMP_SEND, 7}, {SMP_PFWD, 5 + 2 + 45}, {SMP_RFWD, 5}};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        struct smp_command command = sample_command(tails[i].tag);
        struct slice bytes = written_command(SMP_VERSION_MAX, &command);
        for (size_t length = 0; length <= bytes.length; length++)
            assert_int_equal(accepts_copy(parses, SMP_VERSION_MAX, bytes, length), length >= tails[i].least);
    }
}

static void test_unknown_tag_is_cmd_unknown(void **state) {
    (void)state;
    assert_command_error("", COMMAND_UNKNOWN);
    assert_command_error(" ", COMMAND_UNKNOWN);
    assert_command_error("SU", COMMAND_UNKNOWN);
    assert_command_error("SUBSS", COMMAND_UNKNOWN);
    assert_command_error("sub", COMMAND_UNKNOWN);
    assert_command_error("HELLO", COMMAND_UNKNOWN);
    assert_command_error("HELLO  and more", COMMAND_UNKNOWN);
    assert_command_error("SUB\n", COMMAND_UNKNOWN);
    assert_command_error("IDS x", COMMAND_UNKNOWN);
}

static void test_space_after_a_parameterless_command_is_cmd_syntax(void **state) {
    (void)state;
    static const char *const tags[] = {"SUB", "SUBS", "LDEL", "NDEL", "GET",   "OFF",
                                       "DEL", "QUE",  "LGET", "NSUB", "NSUBS", "PING"};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%s ", tags[i]);
        assert_command_error(text, COMMAND_SYNTAX);
    }
}

static void test_missing_parameters_are_cmd_syntax(void **state) {
    (void)state;
    for (int tag = 0; tag < SMP_COMMAND_COUNT; tag++) {
        struct smp_command command = sample_command((enum smp_command_tag)tag);
        const char *text = smp_command_info((enum smp_command_tag)tag)->text;
        if (written_command(SMP_VERSION_MAX, &command).length > strlen(text))
            assert_command_error(text, COMMAND_SYNTAX);
    }
}

static void test_commands_of_later_versions_are_known_in_older_sessions(void **state) {
    (void)state;
    assert_true(parses(6, slice_of_text("LGET")));
    assert_true(parses(6, slice_of_text("NSUBS")));
}

/* ---- NEW ---- */

static void test_new_loses_in_older_versions_what_they_do_not_know(void **state) {
    (void)state;
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
        struct smp_command command = sample_full_new();
        struct smp_command parsed = parsed_command(version, written_command(version, &command));
        assert_true(public_key_equal(&parsed.create.recipient_key, &command.create.recipient_key));
        assert_true(public_key_equal(&parsed.create.recipient_dh_key, &command.create.recipient_dh_key));
        assert_true(parsed.create.has_password);
        assert_slices_equal(parsed.create.password, command.create.password);
        assert_false(parsed.create.subscribe);
        assert_int_equal(parsed.create.mode, version >= 9 ? SMP_MODE_CONTACT : SMP_MODE_UNKNOWN);
        assert_int_equal(parsed.create.has_link, version >= 15);
        assert_int_equal(parsed.create.has_notifier, version >= 17);
        if (version >= 15) {
            assert_slices_equal(parsed.create.link_id, command.create.link_id);
            assert_slices_equal(parsed.create.sender_id, command.create.sender_id);
            assert_slices_equal(parsed.create.link.fixed_data, command.create.link.fixed_data);
            assert_slices_equal(parsed.create.link.user_data, command.create.link.user_data);
        }
        if (version >= 17) {
            assert_true(public_key_equal(&parsed.create.notifier_key, &command.create.notifier_key));
            assert_true(public_key_equal(&parsed.create.notifier_dh_key, &command.create.notifier_dh_key));
        }
    }
}

static void test_new_layouts_by_version(void **state) {
    (void)state;
    static const struct {
        uint16_t version;
        const char *layout;
    } layouts[] = {
        {18, "command_new_v17"}, {17, "command_new_v17"}, {16, "command_new_v15"}, {15, "command_new_v15"},
        {14, "command_new_v9"},  {13, "command_new_v9"},  {12, "command_new_v9"},  {11, "command_new_v9"},
        {10, "command_new_v9"},  {9, "command_new_v9"},   {8, "command_new_v6"},   {7, "command_new_v6"},
        {6, "command_new_v6"},
    };
    struct smp_command command = sample_new();
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
        assert_layout(layouts[i].layout, written_command(layouts[i].version, &command));
    command = sample_full_new();
    assert_layout("command_new_v18_contact", written_command(18, &command));
    command = sample_new();
    command.create.has_password = true;
    command.create.password = slice_of_text("secret");
    assert_layout("command_new_v6_password", written_command(6, &command));
}

static void test_new_with_messaging_link_data_has_no_link_id(void **state) {
    (void)state;
    struct smp_command command = sample_full_new();
    command.create.mode = SMP_MODE_MESSAGING;
    struct smp_command parsed = parsed_command(18, written_command(18, &command));
    assert_int_equal(parsed.create.link_id.length, 0);
    assert_slices_equal(parsed.create.sender_id, command.create.sender_id);
    assert_slices_equal(parsed.create.link.user_data, command.create.link.user_data);
}

static void test_new_without_queue_request_has_unknown_mode(void **state) {
    (void)state;
    struct smp_command command = sample_new();
    command.create.mode = SMP_MODE_UNKNOWN;
    for (uint16_t version = 15; version <= SMP_VERSION_MAX; version++)
        assert_int_equal(parsed_command(version, written_command(version, &command)).create.mode, SMP_MODE_UNKNOWN);
}

static void test_new_with_bad_modes_or_marks_is_refused(void **state) {
    (void)state;
    uint8_t bytes[256];
    struct smp_command command = sample_new();
    struct slice written = written_command(18, &command);
    const size_t password =
        4 + 45 + 45; /* then: password mark, subscription mode, request mark, mode, link mark, notifier mark */
    for (size_t i = 0; i < 6; i++) {
        memcpy(bytes, written.bytes, written.length);
        bytes[password + i] = 'X';
        assert_false(parses(18, slice_of(bytes, written.length)));
    }
}

static void test_password_with_forbidden_characters_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"a b", "a@b", "a:b", "a/b", "a\tb", "a\x7f", "\n"};
    struct smp_command command = sample_new();
    command.create.has_password = true;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        command.create.password = slice_of_text(bad[i]);
        for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++)
            assert_false(parses(version, written_command(version, &command)));
    }
    command.create.password = slice_of_text("!\"#$%&'()*+,-.09;<=>?AZ[\\]^_`az{|}~");
    assert_true(parses(18, written_command(18, &command)));
    command.create.password = slice_of_text("");
    assert_true(parses(18, written_command(18, &command)));
}

/* ---- keys ---- */

static void test_x448_keys_do_not_authorize(void **state) {
    (void)state;
    static const enum smp_command_tag tags[] = {SMP_KEY, SMP_SKEY, SMP_LKEY};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        struct smp_command command = sample_command(tags[i]);
        command.key = sample_key(KEY_X448, 1);
        assert_false(parses(18, written_command(18, &command)));
        command.key = sample_key(KEY_ED448, 1);
        assert_true(parses(18, written_command(18, &command)));
        command.key = sample_key(KEY_ED25519, 1);
        assert_true(parses(18, written_command(18, &command)));
    }
    struct smp_command command = sample_new();
    command.create.recipient_key = sample_key(KEY_X448, 1);
    assert_false(parses(18, written_command(18, &command)));
    command = sample_command(SMP_NKEY);
    command.notifier.key = sample_key(KEY_X448, 1);
    assert_false(parses(18, written_command(18, &command)));
}

static void test_dh_keys_are_x25519_only(void **state) {
    (void)state;
    static const enum key_algorithm others[] = {KEY_ED25519, KEY_ED448, KEY_X448};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct smp_command command = sample_new();
        command.create.recipient_dh_key = sample_key(others[i], 1);
        assert_false(parses(18, written_command(18, &command)));
        command = sample_full_new();
        command.create.notifier_dh_key = sample_key(others[i], 1);
        assert_false(parses(18, written_command(18, &command)));
        command = sample_command(SMP_NKEY);
        command.notifier.dh_key = sample_key(others[i], 1);
        assert_false(parses(18, written_command(18, &command)));
        command = sample_command(SMP_PFWD);
        command.forward.key = sample_key(others[i], 1);
        assert_false(parses(18, written_command(18, &command)));
    }
}

static void test_rkey_keys_are_iterated_in_order(void **state) {
    (void)state;
    static const enum key_algorithm algorithms[] = {KEY_ED25519, KEY_ED448, KEY_X25519};
    struct smp_command command = sample_command(SMP_RKEY);
    struct smp_command parsed = parsed_command(18, written_command(18, &command));
    struct reader reader = reader_of(parsed.key_list.encoded);
    struct public_key key;
    size_t n = 0;
    assert_int_equal(parsed.key_list.count, 3);
    while (key_list_next(&reader, &key)) {
        struct public_key expected = sample_key(algorithms[n], n);
        assert_true(public_key_equal(&key, &expected));
        n++;
    }
    assert_int_equal(n, 3);
}

static void test_rkey_with_255_keys_is_accepted_and_with_none_refused(void **state) {
    (void)state;
    uint8_t keys[255 * 45];
    struct writer writer = writer_of(keys, sizeof keys);
    struct public_key key = sample_key(KEY_ED25519, 1);
    for (size_t i = 0; i < 255; i++)
        write_public_key(&writer, &key);
    struct smp_command command = {.tag = SMP_RKEY};
    command.key_list = (struct key_list){.count = 255, .encoded = slice_of(keys, sizeof keys)};
    assert_int_equal(parsed_command(18, written_command(18, &command)).key_list.count, 255);
    command.key_list.encoded.length -= 45;
    assert_false(parses(18, written_command(18, &command)));
    assert_false(parses(18, slice_of("RKEY \0", 6)));

    uint8_t buffer[64];
    command.key_list = (struct key_list){0};
    writer = writer_of(buffer, sizeof buffer);
    smp_command_write(18, &command, &writer);
    assert_int_not_equal(writer_finish(&writer), SMQ_OK);
}

static void test_rkey_with_an_x448_key_is_refused(void **state) {
    (void)state;
    uint8_t keys[80];
    struct writer writer = writer_of(keys, sizeof keys);
    struct public_key key = sample_key(KEY_X448, 1);
    write_public_key(&writer, &key);
    struct smp_command command = {.tag = SMP_RKEY};
    command.key_list = (struct key_list){.count = 1, .encoded = slice_of(keys, writer_length(&writer))};
    assert_false(parses(18, written_command(18, &command)));
}

/* ---- the others ---- */

static void test_send_ignores_flag_bytes_after_the_first(void **state) {
    (void)state;
    struct smp_command parsed = parsed_command(18, slice_of_text("SEND Tabcdef body with spaces"));
    assert_true(parsed.send.notification);
    assert_slices_equal(parsed.send.body, slice_of_text("body with spaces"));
    parsed = parsed_command(18, slice_of_text("SEND F "));
    assert_false(parsed.send.notification);
    assert_int_equal(parsed.send.body.length, 0);
    assert_command_error("SEND F", COMMAND_SYNTAX);
    assert_command_error("SEND X body", COMMAND_SYNTAX);
    assert_command_error("SEND  body", COMMAND_SYNTAX);
    assert_command_error("SEND ", COMMAND_SYNTAX);
}

static void test_ack_accepts_an_empty_message_id(void **state) {
    (void)state;
    assert_int_equal(parsed_command(18, slice_of("ACK \0", 5)).message_id.length, 0);
    assert_false(parses(18, slice_of_text("ACK \x18")));
}

static void test_hostile_lengths_are_refused(void **state) {
    (void)state;
    assert_false(parses(18, slice_of("LSET \0\xff\xff", 8)));
    assert_false(parses(18, slice_of("LSET \xff", 6)));
    assert_false(parses(18, slice_of("KEY \xff\x30\x2a", 7)));
    assert_false(parses(18, slice_of("NEW \x2c", 5)));
    assert_false(parses(18, slice_of("RKEY \xff\x2c", 7)));
    assert_false(parses(18, slice_of("PRXY \xff\x01", 7)));
    assert_false(parses(18, slice_of("PFWD \0\x11\xff", 8)));
}

static void test_prxy_refuses_addresses_that_do_not_parse(void **state) {
    (void)state;
    struct smp_command command = sample_command(SMP_PRXY);
    struct smp_command parsed = parsed_command(18, written_command(18, &command));
    assert_slices_equal(parsed.proxy.server, sample_server());
    assert_slices_equal(parsed.proxy.password, slice_of_text("secret"));
    command.proxy.has_password = false;
    parsed = parsed_command(18, written_command(18, &command));
    assert_false(parsed.proxy.has_password);

    command.proxy.server = slice_of("\0\0\0", 3); /* no hosts */
    assert_false(parses(18, written_command(18, &command)));
    command.proxy.server = slice_of("\x01\x01h\0\0", 5); /* no key hash */
    assert_false(parses(18, written_command(18, &command)));
}

static void test_values_without_a_wire_form_are_not_written(void **state) {
    (void)state;
    uint8_t buffer[20000];
    struct smp_command command = sample_command(SMP_ACK);
    struct writer writer = writer_of(buffer, sizeof buffer);
    command.message_id = sample(256, 1);
    smp_command_write(18, &command, &writer);
    assert_int_not_equal(writer_finish(&writer), SMQ_OK);

    command = sample_command(SMP_SEND);
    command.send.body = sample(200, 1);
    writer = writer_of(buffer, 100);
    smp_command_write(18, &command, &writer);
    assert_int_equal(writer_finish(&writer), SMQ_ERR_TOO_LARGE);
}

static void test_message_limit_by_version(void **state) {
    (void)state;
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++)
        assert_int_equal(smp_message_limit(version), version >= 11 ? 16048 : version >= 8 ? 16064 : 16088);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command_has_its_tag_party_key_and_role),
        cmocka_unit_test(test_every_command_is_written_and_read_back_in_every_version),
        cmocka_unit_test(test_every_truncated_or_lengthened_command_is_a_syntax_error),
        cmocka_unit_test(test_truncated_new_is_a_syntax_error_in_every_version),
        cmocka_unit_test(test_truncations_of_commands_with_a_tail_never_read_past_the_end),
        cmocka_unit_test(test_unknown_tag_is_cmd_unknown),
        cmocka_unit_test(test_space_after_a_parameterless_command_is_cmd_syntax),
        cmocka_unit_test(test_missing_parameters_are_cmd_syntax),
        cmocka_unit_test(test_commands_of_later_versions_are_known_in_older_sessions),
        cmocka_unit_test(test_new_loses_in_older_versions_what_they_do_not_know),
        cmocka_unit_test(test_new_layouts_by_version),
        cmocka_unit_test(test_new_with_messaging_link_data_has_no_link_id),
        cmocka_unit_test(test_new_without_queue_request_has_unknown_mode),
        cmocka_unit_test(test_new_with_bad_modes_or_marks_is_refused),
        cmocka_unit_test(test_password_with_forbidden_characters_is_refused),
        cmocka_unit_test(test_x448_keys_do_not_authorize),
        cmocka_unit_test(test_dh_keys_are_x25519_only),
        cmocka_unit_test(test_rkey_keys_are_iterated_in_order),
        cmocka_unit_test(test_rkey_with_255_keys_is_accepted_and_with_none_refused),
        cmocka_unit_test(test_rkey_with_an_x448_key_is_refused),
        cmocka_unit_test(test_send_ignores_flag_bytes_after_the_first),
        cmocka_unit_test(test_ack_accepts_an_empty_message_id),
        cmocka_unit_test(test_hostile_lengths_are_refused),
        cmocka_unit_test(test_prxy_refuses_addresses_that_do_not_parse),
        cmocka_unit_test(test_values_without_a_wire_form_are_not_written),
        cmocka_unit_test(test_message_limit_by_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
