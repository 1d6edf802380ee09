/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of SMP transmissions: parsing with its errors, the authorized bytes, and drafts written in place. */
#include "test/unit/transport/smp_samples.h"
#include "transport/block/transmission.h"
#include "transport/smp/session.h"

enum { SESSION_SEED = 1, CORRELATION_SEED = 2, ENTITY_SEED = 3, AUTHORIZATION_SEED = 4, SERVICE_SEED = 5 };

static struct transmission_form envelope_of(uint16_t version) {
    return (struct transmission_form){.version = version, .session_id = sample(32, SESSION_SEED)};
}

/* A transmission without its length, in a buffer that the next call overwrites. */
static struct slice written(uint16_t version, size_t authorization, bool service, const char *command) {
    static uint8_t bytes[1024];
    struct transmission_form form = envelope_of(version);
    struct writer writer = writer_of(bytes, sizeof bytes);
    struct transmission_draft draft;
    struct authorized authorized;
    transmission_begin(&form, &writer, authorization, service, sample(24, CORRELATION_SEED), sample(24, ENTITY_SEED),
                       &draft);
    write_text(&writer, command);
    assert_int_equal(transmission_end(&form, &writer, &draft, (struct slice){0}, &authorized), SMQ_OK);
    if (draft.authorization != NULL)
        memcpy(draft.authorization, sample(authorization, AUTHORIZATION_SEED).bytes, authorization);
    if (draft.service_signature != NULL)
        memcpy(draft.service_signature, sample(64, SERVICE_SEED).bytes, 64);
    size_t length = writer_length(&writer);
    assert_int_equal(bytes[0] * 256 + bytes[1], length - 2);
    assert_int_equal(transmission_size(&form, authorization, service, 24, 24, strlen(command)), length);
    return slice_of(bytes + 2, length - 2);
}

static struct transmission parsed(uint16_t version, struct slice bytes) {
    struct transmission_form form = envelope_of(version);
    struct transmission transmission;
    struct smp_error error;
    assert_int_equal(smp_transmission_parse(&form, bytes, &transmission, &error), SMQ_OK);
    assert_int_equal(error.code, SMP_ERROR_NONE);
    return transmission;
}

/* What the router answers with: an error and a correlation id. */
static void assert_refused(uint16_t version, struct slice bytes, enum smp_error_code code,
                           struct slice correlation_id) {
    struct transmission_form form = envelope_of(version);
    struct transmission transmission;
    struct smp_error error;
    assert_int_equal(smp_transmission_parse(&form, bytes, &transmission, &error), SMQ_ERR_SYNTAX);
    assert_int_equal(error.code, code);
    assert_slices_equal(transmission.correlation_id, correlation_id);
    assert_int_equal(transmission.entity_id.length, 0);
    assert_int_equal(transmission.command.length, 0);
}

static const struct {
    size_t length;
    enum authorization_kind kind;
} authorizations[] = {
    {0, AUTHORIZATION_NONE},
    {64, AUTHORIZATION_ED25519},
    {80, AUTHORIZATION_AUTHENTICATOR},
    {114, AUTHORIZATION_ED448},
};
enum { AUTHORIZATION_COUNT = sizeof authorizations / sizeof authorizations[0] };

static void test_every_authorization_is_written_and_read_back_in_every_version(void **state) {
    (void)state;
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
        for (size_t i = 0; i < AUTHORIZATION_COUNT; i++) {
            for (int service = 0; service <= 1; service++) {
                struct slice bytes = written(version, authorizations[i].length, service == 1, "SUB");
                struct transmission transmission = parsed(version, bytes);
                assert_int_equal(transmission.authorization_kind, authorizations[i].kind);
                assert_slices_equal(transmission.authorization, sample(authorizations[i].length, AUTHORIZATION_SEED));
                assert_int_equal(transmission.has_service_signature,
                                 service == 1 && version >= 16 && authorizations[i].length > 0);
                if (transmission.has_service_signature)
                    assert_slices_equal(transmission.service_signature, sample(64, SERVICE_SEED));
                assert_slices_equal(transmission.correlation_id, sample(24, CORRELATION_SEED));
                assert_slices_equal(transmission.entity_id, sample(24, ENTITY_SEED));
                assert_slices_equal(transmission.command, slice_of_text("SUB"));
            }
        }
    }
}

static void test_service_slot_is_absent_without_authorization_or_below_16(void **state) {
    (void)state;
    assert_int_equal(written(18, 0, true, "PONG").length, 1 + 25 + 25 + 4);
    assert_int_equal(written(15, 64, true, "SUB").length, 65 + 25 + 25 + 3);
    assert_int_equal(written(16, 64, false, "SUB").length, 65 + 1 + 25 + 25 + 3);
    assert_int_equal(written(16, 64, true, "SUB").length, 65 + 1 + 65 + 25 + 25 + 3);
}

static void test_authorization_of_another_size_is_block_with_the_correlation_id(void **state) {
    (void)state;
    for (size_t length = 1; length <= 255; length++) {
        if (length == 64 || length == 80 || length == 114)
            continue;
        struct slice bytes = written(15, length, false, "SUB");
        assert_refused(15, bytes, SMP_ERROR_BLOCK, sample(24, CORRELATION_SEED));
        bytes = written(18, length, false, "SUB");
        assert_refused(18, bytes, SMP_ERROR_BLOCK, sample(24, CORRELATION_SEED));
    }
}

static void test_service_signature_of_another_size_is_block_without_ids(void **state) {
    (void)state;
    uint8_t bytes[300] = {64};
    const size_t slot = 65;
    for (unsigned length = 0; length <= 80; length++) {
        struct writer writer = writer_of(bytes + slot, sizeof bytes - slot);
        write_u8(&writer, '1');
        write_short(&writer, sample(length, 1));
        write_short(&writer, sample(24, CORRELATION_SEED));
        write_short(&writer, sample(24, ENTITY_SEED));
        write_text(&writer, "SUB");
        struct slice all = slice_of(bytes, slot + writer_length(&writer));
        if (length == 64)
            assert_true(parsed(18, all).has_service_signature);
        else
            assert_refused(18, all, SMP_ERROR_BLOCK, (struct slice){0});
    }
}

static void test_service_slot_with_another_mark_is_block_without_ids(void **state) {
    (void)state;
    uint8_t bytes[300];
    struct slice original = written(18, 64, false, "SUB");
    memcpy(bytes, original.bytes, original.length);
    for (unsigned mark = 0; mark < 256; mark++) {
        bytes[65] = (uint8_t)mark;
        if (mark != '0' && mark != '1')
            assert_refused(18, slice_of(bytes, original.length), SMP_ERROR_BLOCK, (struct slice){0});
    }
}

static void test_v6_session_mismatch_is_session_with_the_correlation_id(void **state) {
    (void)state;
    struct slice bytes = written(6, 64, false, "SUB");
    struct transmission_form other = {.version = 6, .session_id = sample(32, SESSION_SEED + 1)};
    struct transmission transmission;
    struct smp_error error;
    assert_int_equal(smp_transmission_parse(&other, bytes, &transmission, &error), SMQ_ERR_SYNTAX);
    assert_int_equal(error.code, SMP_ERROR_SESSION);
    assert_slices_equal(transmission.correlation_id, sample(24, CORRELATION_SEED));
    assert_int_equal(transmission.entity_id.length, 0);
}

static void test_v6_session_mismatch_counts_before_a_bad_authorization(void **state) {
    (void)state;
    struct slice bytes = written(6, 65, false, "SUB");
    struct transmission_form other = {.version = 6, .session_id = sample(12, SESSION_SEED)};
    struct transmission transmission;
    struct smp_error error;
    assert_int_equal(smp_transmission_parse(&other, bytes, &transmission, &error), SMQ_ERR_SYNTAX);
    assert_int_equal(error.code, SMP_ERROR_SESSION);
}

static void test_truncated_transmissions_are_block_without_ids(void **state) {
    (void)state;
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
        struct slice bytes = written(version, 64, true, "");
        for (size_t length = 0; length < bytes.length; length++) {
            uint8_t *copy = malloc(length > 0 ? length : 1);
            assert_non_null(copy);
            memcpy(copy, bytes.bytes, length);
            assert_refused(version, slice_of(copy, length), SMP_ERROR_BLOCK, (struct slice){0});
            free(copy);
        }
        assert_int_equal(parsed(version, bytes).command.length, 0);
    }
}

static void test_correlation_and_entity_ids_of_any_length_are_accepted(void **state) {
    (void)state;
    static uint8_t bytes[1024];
    for (size_t length = 0; length <= 255; length++) {
        struct transmission_form form = envelope_of(18);
        struct writer writer = writer_of(bytes, sizeof bytes);
        struct transmission_draft draft;
        transmission_begin(&form, &writer, 0, false, sample(length, 1), sample(255 - length, 2), &draft);
        write_text(&writer, "PING");
        assert_int_equal(transmission_end(&form, &writer, &draft, (struct slice){0}, NULL), SMQ_OK);
        struct transmission transmission = parsed(18, slice_of(bytes + 2, writer_length(&writer) - 2));
        assert_slices_equal(transmission.correlation_id, sample(length, 1));
        assert_slices_equal(transmission.entity_id, sample(255 - length, 2));
    }
}

/* ---- authorized bytes ---- */

/* `ss` session id, `ss` correlation id, `ss` entity id, command. */
static struct slice expected_authorized(bool with_fingerprint, const char *command) {
    static uint8_t bytes[512];
    struct writer writer = writer_of(bytes, sizeof bytes);
    if (with_fingerprint)
        write_slice(&writer, sample(32, 6));
    write_short(&writer, sample(32, SESSION_SEED));
    write_short(&writer, sample(24, CORRELATION_SEED));
    write_short(&writer, sample(24, ENTITY_SEED));
    write_text(&writer, command);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    return slice_of(bytes, writer_length(&writer));
}

static void test_authorized_bytes_have_the_session_id_in_every_version(void **state) {
    (void)state;
    static uint8_t scratch[AUTHORIZED_MAX];
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
        for (int fingerprint = 0; fingerprint <= 1; fingerprint++) {
            struct transmission_form form = envelope_of(version);
            struct transmission transmission = parsed(version, written(version, 64, false, "SUB"));
            struct authorized authorized;
            authorized_parts(&form, fingerprint == 1 ? sample(32, 6) : (struct slice){0}, &transmission, &authorized);
            struct slice expected = expected_authorized(fingerprint == 1, "SUB");
            assert_int_equal(authorized_size(&authorized), expected.length);
            assert_slices_equal(authorized_contiguous(&authorized, scratch, sizeof scratch), expected);
        }
    }
}

static void test_drafts_and_received_transmissions_authorize_the_same_bytes(void **state) {
    (void)state;
    static uint8_t bytes[512];
    static uint8_t scratch[512];
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
        struct transmission_form form = envelope_of(version);
        struct writer writer = writer_of(bytes, sizeof bytes);
        struct transmission_draft draft;
        struct authorized authorized;
        transmission_begin(&form, &writer, 80, true, sample(24, CORRELATION_SEED), sample(24, ENTITY_SEED), &draft);
        write_text(&writer, "GET");
        assert_int_equal(transmission_end(&form, &writer, &draft, sample(32, 6), &authorized), SMQ_OK);
        assert_slices_equal(authorized_contiguous(&authorized, scratch, sizeof scratch),
                            expected_authorized(true, "GET"));
        authorized.parts[0] = (struct slice){0};
        assert_slices_equal(authorized_contiguous(&authorized, scratch, sizeof scratch),
                            expected_authorized(false, "GET"));
    }
}

static void test_v6_authorized_bytes_are_not_copied(void **state) {
    (void)state;
    struct transmission_form form = envelope_of(6);
    struct transmission transmission = parsed(6, written(6, 64, false, "SUB"));
    struct authorized authorized;
    authorized_parts(&form, (struct slice){0}, &transmission, &authorized);
    assert_ptr_equal(authorized_contiguous(&authorized, NULL, 0).bytes, transmission.authorized.bytes);
}

static void test_authorized_bytes_that_do_not_fit_the_scratch_are_empty(void **state) {
    (void)state;
    uint8_t scratch[256];
    struct transmission_form form = envelope_of(18);
    struct transmission transmission = parsed(18, written(18, 64, false, "SUB"));
    struct authorized authorized;
    authorized_parts(&form, (struct slice){0}, &transmission, &authorized);
    size_t size = authorized_size(&authorized);
    assert_int_equal(authorized_contiguous(&authorized, scratch, size - 1).length, 0);
    assert_int_equal(authorized_contiguous(&authorized, scratch, size).length, size);
}

static void test_session_ids_of_tls_1_2_are_authorized_with_their_length(void **state) {
    (void)state;
    uint8_t scratch[256];
    struct transmission_form form = {.version = 18, .session_id = sample(12, 1)};
    struct transmission transmission = parsed(18, written(18, 64, false, "SUB"));
    struct authorized authorized;
    authorized_parts(&form, (struct slice){0}, &transmission, &authorized);
    struct slice bytes = authorized_contiguous(&authorized, scratch, sizeof scratch);
    assert_int_equal(bytes.bytes[0], 12);
    assert_memory_equal(bytes.bytes + 1, sample(12, 1).bytes, 12);
    assert_int_equal(bytes.bytes[13], 24);
}

/* ---- drafts that fail ---- */

static void test_failed_draft_leaves_the_writer_where_it_was(void **state) {
    (void)state;
    uint8_t bytes[100];
    struct transmission_form form = envelope_of(18);
    struct writer writer = writer_of(bytes, sizeof bytes);
    struct transmission_draft draft;

    transmission_begin(&form, &writer, 0, false, sample(24, 1), sample(24, 2), &draft);
    write_text(&writer, "OK");
    assert_int_equal(transmission_end(&form, &writer, &draft, (struct slice){0}, NULL), SMQ_OK);
    size_t length = writer_length(&writer);

    transmission_begin(&form, &writer, 64, false, sample(24, 1), sample(24, 2), &draft);
    write_text(&writer, "SUB");
    assert_int_equal(transmission_end(&form, &writer, &draft, (struct slice){0}, NULL), SMQ_ERR_TOO_LARGE);
    assert_int_equal(writer_length(&writer), length);

    transmission_begin(&form, &writer, 0, false, sample(4, 1), sample(4, 2), &draft);
    write_text(&writer, "OK");
    assert_int_equal(transmission_end(&form, &writer, &draft, (struct slice){0}, NULL), SMQ_OK);
    assert_int_equal(writer_length(&writer), length + 2 + 1 + 5 + 5 + 2);
}

static void test_ids_above_255_bytes_fail_the_draft(void **state) {
    (void)state;
    static uint8_t bytes[2000];
    struct transmission_form form = envelope_of(18);
    struct writer writer = writer_of(bytes, sizeof bytes);
    struct transmission_draft draft;
    transmission_begin(&form, &writer, 0, false, sample(256, 1), sample(24, 2), &draft);
    assert_int_equal(transmission_end(&form, &writer, &draft, (struct slice){0}, NULL), SMQ_ERR_TOO_LARGE);
    transmission_begin(&form, &writer, 256, false, sample(24, 1), sample(24, 2), &draft);
    assert_int_equal(transmission_end(&form, &writer, &draft, (struct slice){0}, NULL), SMQ_ERR_TOO_LARGE);
    assert_int_equal(writer_length(&writer), 0);
}

static void test_transmission_sizes_of_the_size_budget(void **state) {
    (void)state;
    struct transmission_form form = envelope_of(18);
    assert_int_equal(transmission_size(&form, 0, false, 0, 24, 4 + 25 + 16122), 16180);      /* MSG pushed */
    assert_int_equal(transmission_size(&form, 0, false, 24, 24, 4 + 25 + 16122), 16204);     /* MSG as response */
    assert_int_equal(transmission_size(&form, 0, false, 24, 32, 5 + 2 + 45 + 16242), 16355); /* PFWD */
    assert_int_equal(transmission_size(&form, 0, false, 24, 32, 5 + 16242), 16308);          /* PRES */
    assert_int_equal(transmission_size(&form, 0, false, 24, 0, 5 + 16330), 16364);           /* RFWD */
    assert_int_equal(transmission_size(&form, 0, false, 24, 0, 5 + 16283), 16317);           /* RRES */
    assert_int_equal(transmission_size(&form, 0, false, 0, 24, 5 + 24 + 145), 203);          /* NMSG */
    assert_int_equal(transmission_size(&form, 0, false, 24, 24, 5), 58);                     /* SOK */
    assert_int_equal(transmission_size(&form, 64, false, 24, 24, 3), 121);                   /* SUB */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_authorization_is_written_and_read_back_in_every_version),
        cmocka_unit_test(test_service_slot_is_absent_without_authorization_or_below_16),
        cmocka_unit_test(test_authorization_of_another_size_is_block_with_the_correlation_id),
        cmocka_unit_test(test_service_signature_of_another_size_is_block_without_ids),
        cmocka_unit_test(test_service_slot_with_another_mark_is_block_without_ids),
        cmocka_unit_test(test_v6_session_mismatch_is_session_with_the_correlation_id),
        cmocka_unit_test(test_v6_session_mismatch_counts_before_a_bad_authorization),
        cmocka_unit_test(test_truncated_transmissions_are_block_without_ids),
        cmocka_unit_test(test_correlation_and_entity_ids_of_any_length_are_accepted),
        cmocka_unit_test(test_authorized_bytes_have_the_session_id_in_every_version),
        cmocka_unit_test(test_drafts_and_received_transmissions_authorize_the_same_bytes),
        cmocka_unit_test(test_v6_authorized_bytes_are_not_copied),
        cmocka_unit_test(test_authorized_bytes_that_do_not_fit_the_scratch_are_empty),
        cmocka_unit_test(test_session_ids_of_tls_1_2_are_authorized_with_their_length),
        cmocka_unit_test(test_failed_draft_leaves_the_writer_where_it_was),
        cmocka_unit_test(test_ids_above_255_bytes_fail_the_draft),
        cmocka_unit_test(test_transmission_sizes_of_the_size_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
