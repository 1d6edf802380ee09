/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of the presence check of credentials: which commands need, allow or refuse an authorization and an entity. */
#include "test/unit/transport/smp_sample_commands.h"

/* -1: accepted. */
static int check(enum smp_command_tag tag, bool has_authorization, bool has_entity) {
    struct smp_command command = sample_command(tag);
    struct smp_error error;
    enum smq_result result = smp_command_check_credentials(&command, has_authorization, has_entity, &error);
    if (result == SMQ_OK) {
        assert_int_equal(error.code, SMP_ERROR_NONE);
        return -1;
    }
    assert_int_equal(result, SMQ_ERR_AUTH);
    assert_int_equal(error.code, SMP_ERROR_COMMAND);
    return (int)error.command;
}

/* Outcomes for: neither, entity only, authorization only, both. */
static void assert_outcomes(enum smp_command_tag tag, int neither, int entity, int authorization, int both) {
    assert_int_equal(check(tag, false, false), neither);
    assert_int_equal(check(tag, false, true), entity);
    assert_int_equal(check(tag, true, false), authorization);
    assert_int_equal(check(tag, true, true), both);
}

static void test_new_needs_authorization_and_no_entity(void **state) {
    (void)state;
    assert_outcomes(SMP_NEW, COMMAND_NO_AUTH, COMMAND_NO_AUTH, -1, COMMAND_HAS_AUTH);
}

static void test_send_needs_an_entity_and_may_be_authorized(void **state) {
    (void)state;
    assert_outcomes(SMP_SEND, COMMAND_NO_ENTITY, -1, COMMAND_NO_ENTITY, -1);
}

static void test_lget_and_pfwd_need_an_entity_and_no_authorization(void **state) {
    (void)state;
    assert_outcomes(SMP_LGET, COMMAND_NO_ENTITY, -1, COMMAND_NO_ENTITY, COMMAND_HAS_AUTH);
    assert_outcomes(SMP_PFWD, COMMAND_NO_ENTITY, -1, COMMAND_NO_ENTITY, COMMAND_HAS_AUTH);
}

static void test_ping_prxy_and_rfwd_take_neither(void **state) {
    (void)state;
    assert_outcomes(SMP_PING, -1, COMMAND_HAS_AUTH, COMMAND_HAS_AUTH, COMMAND_HAS_AUTH);
    assert_outcomes(SMP_PRXY, -1, COMMAND_HAS_AUTH, COMMAND_HAS_AUTH, COMMAND_HAS_AUTH);
    assert_outcomes(SMP_RFWD, -1, COMMAND_HAS_AUTH, COMMAND_HAS_AUTH, COMMAND_HAS_AUTH);
}

static void test_all_other_commands_need_both_and_report_no_auth_for_either(void **state) {
    (void)state;
    static const enum smp_command_tag tags[] = {SMP_SUB,  SMP_SUBS, SMP_KEY,  SMP_RKEY, SMP_LSET, SMP_LDEL,
                                                SMP_NKEY, SMP_NDEL, SMP_GET,  SMP_ACK,  SMP_OFF,  SMP_DEL,
                                                SMP_QUE,  SMP_SKEY, SMP_LKEY, SMP_NSUB, SMP_NSUBS};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        assert_outcomes(tags[i], COMMAND_NO_AUTH, COMMAND_NO_AUTH, COMMAND_NO_AUTH, -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_needs_authorization_and_no_entity),
        cmocka_unit_test(test_send_needs_an_entity_and_may_be_authorized),
        cmocka_unit_test(test_lget_and_pfwd_need_an_entity_and_no_authorization),
        cmocka_unit_test(test_ping_prxy_and_rfwd_take_neither),
        cmocka_unit_test(test_all_other_commands_need_both_and_report_no_auth_for_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
