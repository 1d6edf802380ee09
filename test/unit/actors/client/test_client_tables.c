/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The tables of a client process lane: requests by correlation id, handles by client and queue id. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/client/request.h"
#include "actors/client/request_table.h"
#include "actors/client/smp/queues.h"
#include "actors/client/smp/smp_client.h"
#include "queues/base/setup.h"
#include "test/support/require.h"
#include "transport/crypto/setup.h"

enum { MANY = 5000 };

static int set_up(void **state) {
    (void)state;
    require(base_setup() == SMQ_OK && crypto_setup() == SMQ_OK);
    return 0;
}

static void set_id(struct request *request, uint32_t number) {
    memset(request->correlation_id, (int)(number % 7), sizeof(request->correlation_id));
    memcpy(request->correlation_id, &number, sizeof(number));
}

static struct slice id_of(const struct request *request) {
    return slice_of(request->correlation_id, sizeof(request->correlation_id));
}

static void test_requests_are_found_until_they_are_removed(void **state) {
    (void)state;
    struct request_table table;
    struct smq_client *client = calloc(1, sizeof(*client)), *other = calloc(1, sizeof(*other));
    struct request *requests = calloc(MANY, sizeof(*requests));
    assert_int_equal(request_table_init(&table), SMQ_OK);
    for (uint32_t i = 0; i < MANY; i++) {
        set_id(&requests[i], i);
        requests[i].client = client;
        request_table_add(&table, &requests[i]);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        assert_ptr_equal(request_table_find(&table, client, id_of(&requests[i])), &requests[i]);
        assert_null(request_table_find(&table, other, id_of(&requests[i])));
    }
    assert_null(request_table_find(&table, client, slice_of_text("short")));
    for (uint32_t i = 0; i < MANY; i += 2)
        request_table_remove(&table, &requests[i]);
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(request_table_find(&table, client, id_of(&requests[i])) != NULL, i % 2);
    assert_int_equal(table.count, MANY / 2);
    request_table_destroy(&table);
    free(requests);
    free(client);
    free(other);
}

/* A client that has no more than a number and SMP's part. */
static struct smq_client *make_client(uint64_t number) {
    struct smq_client *client = calloc(1, sizeof(*client));
    require(client != NULL);
    client->number = number;
    client->state = calloc(1, sizeof(struct smp_client));
    require(client->state != NULL);
    return client;
}

static void free_client(struct smq_client *client) {
    free(client->state);
    free(client);
}

static struct smq_notifier *make_notifier(const char *id) {
    struct key_pair pair;
    struct box_key metadata_key = {{0}};
    struct smq_notifier *notifier;
    require(key_pair_generate(KEY_ED25519, &pair) == SMQ_OK);
    require(notifier_create(&pair.private_key, &metadata_key, slice_of_text(id), &notifier) == SMQ_OK);
    return notifier;
}

static void test_handles_are_registered_for_each_client(void **state) {
    (void)state;
    struct registry registry;
    struct smq_client *first = make_client(1), *second = make_client(2);
    assert_int_equal(registry_init(&registry), SMQ_OK);
    struct smq_notifier *notifier = make_notifier("same id"), *newer = make_notifier("same id");
    assert_int_equal(registry_add(&registry, first, NULL, notifier), SMQ_OK);
    assert_int_equal(registry_add(&registry, second, NULL, notifier), SMQ_OK);
    assert_int_equal(registry_add(&registry, second, NULL, newer), SMQ_OK);
    assert_int_equal(registry.count, 2);
    assert_ptr_equal(registry_find(&registry, first, slice_of_text("same id"))->notifier, notifier);
    assert_ptr_equal(registry_find(&registry, second, slice_of_text("same id"))->notifier, newer);
    assert_null(registry_find(&registry, first, slice_of_text("other id")));
    registry_remove_client(&registry, second);
    assert_null(registry_find(&registry, second, slice_of_text("same id")));
    registry_remove(&registry, registry_find(&registry, first, slice_of_text("same id")));
    assert_int_equal(registry.count, 0);
    assert_null(smp_client(first)->subscriptions);
    registry_destroy(&registry);
    smq_notifier_release(&notifier);
    smq_notifier_release(&newer);
    free_client(first);
    free_client(second);
}

static void test_registry_grows_and_forgets_a_client(void **state) {
    (void)state;
    enum { COUNT = 500 };
    struct registry registry;
    struct smq_client *client = make_client(3);
    assert_int_equal(registry_init(&registry), SMQ_OK);
    for (int i = 0; i < COUNT; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "id %d", i);
        struct smq_notifier *notifier = make_notifier(id);
        assert_int_equal(registry_add(&registry, client, NULL, notifier), SMQ_OK);
        smq_notifier_release(&notifier);
    }
    assert_true(registry.mask >= COUNT / 2);
    assert_non_null(registry_find(&registry, client, slice_of_text("id 0")));
    assert_non_null(registry_find(&registry, client, slice_of_text("id 499")));
    registry_remove(&registry, registry_find(&registry, client, slice_of_text("id 250")));
    assert_null(registry_find(&registry, client, slice_of_text("id 250")));
    registry_remove_client(&registry, client);
    assert_int_equal(registry.count, 0);
    registry_destroy(&registry);
    free_client(client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_are_found_until_they_are_removed),
        cmocka_unit_test(test_handles_are_registered_for_each_client),
        cmocka_unit_test(test_registry_grows_and_forgets_a_client),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
