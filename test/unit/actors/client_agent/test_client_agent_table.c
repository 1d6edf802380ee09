/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The table and the lists of an agent's subscriptions, and what else of an agent is pure. */
#include "actors/client_agent/table.h"

#include "actors/client_agent/client_agent_private.h"
#include "test/support/client_agent_fixture.h"
#include "test/support/require.h"

enum { COUNT = 1000 };

static const char address[] = "smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@router.example.com,x.onion:5000";

static struct smq_receive_queue *queues[COUNT];
static struct client_agent_server servers[2];

static int start(void **state) {
    (void)state;
    client_agent_fixture_invent_queues(address, COUNT, queues);
    return 0;
}

static int stop(void **state) {
    (void)state;
    client_agent_fixture_release_queues(queues, COUNT);
    return 0;
}

static void test_what_was_added_is_found_by_server_kind_and_id(void **state) {
    (void)state;
    struct client_agent_table table;
    assert_int_equal(client_agent_table_init(&table), SMQ_OK);
    struct client_agent_subscription *added[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        added[i] = client_agent_table_add(&table, &servers[i % 2], false, queues[i]);
        assert_non_null(added[i]);
    }
    assert_int_equal(table.count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        struct slice id = client_agent_handle_id(false, queues[i]);
        assert_ptr_equal(client_agent_table_find(&table, &servers[i % 2], false, id), added[i]);
        assert_null(client_agent_table_find(&table, &servers[(i + 1) % 2], false, id));
        assert_null(client_agent_table_find(&table, &servers[i % 2], true, id));
    }
    for (size_t i = 0; i < COUNT; i += 2)
        client_agent_table_remove(&table, added[i]);
    for (size_t i = 0; i < COUNT; i++) {
        struct slice id = client_agent_handle_id(false, queues[i]);
        assert_ptr_equal(client_agent_table_find(&table, &servers[i % 2], false, id), i % 2 == 0 ? NULL : added[i]);
    }
    assert_int_equal(table.count, COUNT / 2);
    client_agent_table_destroy(&table);
}

static void test_lists_keep_their_order_through_moves_and_removals(void **state) {
    (void)state;
    struct client_agent_subscription_list first, second;
    struct client_agent_subscription items[6] = {{.state = SUBSCRIPTION_ACTIVE}};
    client_agent_list_init(&first);
    client_agent_list_init(&second);
    for (size_t i = 0; i < 6; i++)
        client_agent_list_add(i < 4 ? &first : &second, &items[i], SUBSCRIPTION_ACTIVE);
    client_agent_list_remove(&first, &items[0]);
    client_agent_list_remove(&first, &items[3]);
    client_agent_list_move(&second, &first, SUBSCRIPTION_PENDING);
    assert_int_equal(first.count, 0);
    assert_null(first.first);
    static const size_t order[] = {4, 5, 1, 2};
    const struct client_agent_subscription *item = second.first;
    for (size_t i = 0; i < 4; i++, item = item->next) {
        assert_ptr_equal(item, &items[order[i]]);
        assert_int_equal(item->state, order[i] < 4 ? SUBSCRIPTION_PENDING : SUBSCRIPTION_ACTIVE);
    }
    assert_null(item);
    client_agent_list_move(&second, &first, SUBSCRIPTION_PENDING);
    client_agent_list_add(&first, &items[0], SUBSCRIPTION_WAITING);
    client_agent_list_move(&second, &first, SUBSCRIPTION_PENDING);
    assert_int_equal(second.count, 5);
    assert_ptr_equal(*second.end, NULL);
    assert_ptr_equal(second.end, &items[0].next);
}

static void test_an_address_has_one_name_whatever_its_password(void **state) {
    (void)state;
    struct client_agent_address plain, secret;
    assert_int_equal(client_agent_address_parse(address, &plain), SMQ_OK);
    assert_null(plain.secret);
    assert_int_equal(
        client_agent_address_parse("smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:word@router.example.com,"
                                   "x.onion:5000",
                                   &secret),
        SMQ_OK);
    assert_string_equal(plain.name, secret.name);
    assert_non_null(secret.secret);
    client_agent_address_free(&plain);
    client_agent_address_free(&secret);
    assert_int_equal(client_agent_address_parse("smp://nonsense", &plain), SMQ_ERR_SYNTAX);
}

static void test_own_servers_are_the_domains_and_what_is_below(void **state) {
    (void)state;
    static const char domains[] = "example.com  other.org";
    assert_true(client_agent_is_own_server(domains, "example.com"));
    assert_true(client_agent_is_own_server(domains, "smp1.example.com"));
    assert_true(client_agent_is_own_server(domains, "a.b.other.org"));
    assert_false(client_agent_is_own_server(domains, "badexample.com"));
    assert_false(client_agent_is_own_server(domains, "example.com.evil.net"));
    assert_false(client_agent_is_own_server(domains, "com"));
    assert_false(client_agent_is_own_server("", "example.com"));
}

static void test_a_subscription_is_small(void **state) {
    (void)state;
    assert_true(sizeof(struct client_agent_subscription) <= 48);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_added_is_found_by_server_kind_and_id),
        cmocka_unit_test(test_lists_keep_their_order_through_moves_and_removals),
        cmocka_unit_test(test_an_address_has_one_name_whatever_its_password),
        cmocka_unit_test(test_own_servers_are_the_domains_and_what_is_below),
        cmocka_unit_test(test_a_subscription_is_small),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
