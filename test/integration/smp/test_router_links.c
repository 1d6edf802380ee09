/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Link data of queues: LSET, LDEL, LGET, and when it goes by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/random.h"
#include "test/support/router_fixture.h"

static struct router_fixture fixture;
static struct peer peer;
static struct peer_answer answer;

static int group_setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    router_fixture_start(&fixture);
    return 0;
}

static int group_teardown(void **state) {
    (void)state;
    router_fixture_finish(&fixture);
    return 0;
}

static int setup(void **state) {
    (void)state;
    router_fixture_connect(&fixture, 0, &peer);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&peer);
    return 0;
}

static struct peer_queue queue;
static uint8_t link_id[24];
static uint8_t other_id[24];

static int queue_setup(void **state) {
    (void)setup(state);
    random_bytes(link_id, sizeof link_id);
    random_bytes(other_id, sizeof other_id);
    peer_create_queue(&peer, PEER_CONTACT, &queue);
    return 0;
}

static const struct smp_error auth = {.code = SMP_ERROR_AUTH};

static void ask_link_set(const uint8_t id[24], struct slice fixed, struct slice user) {
    struct smp_command command = peer_command(SMP_LSET);
    command.link_set.link_id = slice_of(id, 24);
    command.link_set.link = (struct smp_link_data){fixed, user};
    peer_ask(&peer, &queue.recipient_key, peer_recipient(&queue), &command, &answer);
}

static void set_link(const uint8_t id[24], const char *fixed, const char *user) {
    ask_link_set(id, slice_of_text(fixed), slice_of_text(user));
    assert_string_equal("OK", smp_response_tag_text(answer.response.tag));
}

static void refuse_link(const uint8_t id[24], const char *fixed, const char *user) {
    ask_link_set(id, slice_of_text(fixed), slice_of_text(user));
    peer_check_error(&answer, auth);
}

static void delete_link(void) {
    const struct smp_command command = peer_command(SMP_LDEL);
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &command, SMP_OK, NULL);
}

static void check_link(const uint8_t id[24], const char *fixed, const char *user) {
    const struct smp_command command = peer_command(SMP_LGET);
    peer_expect(&peer, NULL, slice_of(id, 24), &command, SMP_LNK, &answer);
    assert_true(slice_equal(slice_of(id, 24), answer.entity_id));
    assert_true(slice_equal(peer_sender(&queue), answer.response.link.sender_id));
    assert_true(slice_equal(slice_of_text(fixed), answer.response.link.data.fixed_data));
    assert_true(slice_equal(slice_of_text(user), answer.response.link.data.user_data));
}

static void check_no_link(const uint8_t id[24]) {
    const struct smp_command command = peer_command(SMP_LGET);
    peer_expect_error(&peer, NULL, slice_of(id, 24), &command, auth);
}

static void secure(void) {
    struct smp_command command = peer_command(SMP_KEY);
    command.key = queue.sender_key.public_key;
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &command, SMP_OK, NULL);
}

static void test_lset_sets_and_lget_gets(void **state) {
    (void)state;
    check_no_link(link_id);
    set_link(link_id, "fixed", "user");
    check_link(link_id, "fixed", "user");
}

static void test_lset_replaces_the_user_data_and_never_the_fixed_data(void **state) {
    (void)state;
    set_link(link_id, "fixed", "user");
    set_link(link_id, "fixed", "a longer one than before");
    check_link(link_id, "fixed", "a longer one than before");
    refuse_link(link_id, "Fixed", "user");
    refuse_link(link_id, "", "user");
    check_link(link_id, "fixed", "a longer one than before");
}

static void test_lset_cannot_change_the_link_id(void **state) {
    (void)state;
    set_link(link_id, "fixed", "user");
    refuse_link(other_id, "fixed", "user");
    check_link(link_id, "fixed", "user");
    check_no_link(other_id);
}

static void test_lset_takes_blobs_up_to_a_block_and_empty_ones(void **state) {
    (void)state;
    static uint8_t fixed[2048];
    static uint8_t user[13824];
    random_bytes(fixed, sizeof fixed);
    random_bytes(user, sizeof user);
    ask_link_set(link_id, slice_of(fixed, sizeof fixed), slice_of(user, sizeof user));
    assert_string_equal("OK", smp_response_tag_text(answer.response.tag));
    const struct smp_command get = peer_command(SMP_LGET);
    peer_expect(&peer, NULL, slice_of(link_id, 24), &get, SMP_LNK, &answer);
    assert_true(slice_equal(slice_of(fixed, sizeof fixed), answer.response.link.data.fixed_data));
    assert_true(slice_equal(slice_of(user, sizeof user), answer.response.link.data.user_data));
    peer_create_queue(&peer, PEER_CONTACT, &queue);
    set_link(other_id, "", "");
    check_link(other_id, "", "");
}

static void test_link_id_of_another_queue_is_not_given_away(void **state) {
    (void)state;
    struct peer_queue first = queue;
    set_link(link_id, "fixed", "user");
    peer_create_queue(&peer, PEER_CONTACT, &queue);
    ask_link_set(link_id, slice_of_text("fixed"), slice_of_text("stolen"));
    assert_string_equal("ERR", smp_response_tag_text(answer.response.tag));
    queue = first;
    check_link(link_id, "fixed", "user");
}

static void test_ldel_is_repeatable_and_frees_the_link(void **state) {
    (void)state;
    delete_link();
    set_link(link_id, "fixed", "user");
    delete_link();
    check_no_link(link_id);
    delete_link();
    set_link(other_id, "other", "user");
    check_link(other_id, "other", "user");
    delete_link();
    set_link(link_id, "fixed again", "user");
    check_link(link_id, "fixed again", "user");
}

static void test_deleting_the_queue_deletes_the_link(void **state) {
    (void)state;
    const struct smp_command command = peer_command(SMP_DEL);
    set_link(link_id, "fixed", "user");
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &command, SMP_OK, NULL);
    check_no_link(link_id);
}

static void test_lget_is_for_contact_queues_only(void **state) {
    (void)state;
    peer_create_queue(&peer, 0, &queue);
    set_link(link_id, "fixed", "user");
    check_no_link(link_id);
}

static void test_lget_works_on_a_contact_queue_with_a_key(void **state) {
    (void)state;
    set_link(link_id, "fixed", "user");
    secure();
    check_link(link_id, "fixed", "user");
    set_link(link_id, "fixed", "new");
    peer_send_message(&peer, &queue, &queue.sender_key, "a contact's link stays");
    check_link(link_id, "fixed", "new");
}

static void test_queue_without_mode_is_a_contact_until_it_is_secured(void **state) {
    (void)state;
    struct peer old;
    router_fixture_connect(&fixture, 8, &old);
    peer_create_queue(&old, 0, &queue);
    peer_close(&old);
    set_link(link_id, "fixed", "user");
    check_link(link_id, "fixed", "user");
    secure();
    check_no_link(link_id);
    refuse_link(link_id, "fixed", "user");
}

static void test_secured_messaging_queue_takes_no_link_data(void **state) {
    (void)state;
    peer_create_queue(&peer, PEER_SECURED, &queue);
    refuse_link(link_id, "fixed", "user");
    peer_create_queue(&peer, 0, &queue);
    set_link(link_id, "fixed", "user");
    secure();
    refuse_link(link_id, "fixed", "new");
}

static bool link_is_there(void) {
    struct smp_command command = peer_command(SMP_LKEY);
    command.key = queue.sender_key.public_key;
    peer_ask(&peer, &queue.sender_key, slice_of(link_id, 24), &command, &answer);
    return answer.response.tag == SMP_LNK;
}

static void test_first_message_after_securing_removes_the_link_data(void **state) {
    (void)state;
    peer_create_queue(&peer, 0, &queue);
    set_link(link_id, "fixed", "user");
    peer_send_message(&peer, &queue, NULL, "before securing it stays");
    assert_true(link_is_there()); /* this secures */
    const struct smp_command refused = peer_send_command(slice_of_text("refused"), false);
    peer_expect_error(&peer, NULL, peer_sender(&queue), &refused, auth);
    assert_true(link_is_there());
    peer_send_message(&peer, &queue, &queue.sender_key, "accepted");
    assert_false(link_is_there());
    peer_check_error(&answer, auth);
    peer_send_message(&peer, &queue, &queue.sender_key, "and again");
}

static void test_link_data_survives_a_restart(void **state) {
    (void)state;
    set_link(link_id, "fixed", "user");
    peer_close(&peer);
    router_fixture_stop(&fixture);
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &peer);
    check_link(link_id, "fixed", "user");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, queue_setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_lset_sets_and_lget_gets),
        TEST(test_lset_replaces_the_user_data_and_never_the_fixed_data),
        TEST(test_lset_cannot_change_the_link_id),
        TEST(test_lset_takes_blobs_up_to_a_block_and_empty_ones),
        TEST(test_link_id_of_another_queue_is_not_given_away),
        TEST(test_ldel_is_repeatable_and_frees_the_link),
        TEST(test_deleting_the_queue_deletes_the_link),
        TEST(test_lget_is_for_contact_queues_only),
        TEST(test_lget_works_on_a_contact_queue_with_a_key),
        TEST(test_queue_without_mode_is_a_contact_until_it_is_secured),
        TEST(test_secured_messaging_queue_takes_no_link_data),
        TEST(test_first_message_after_securing_removes_the_link_data),
        TEST(test_link_data_survives_a_restart),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
