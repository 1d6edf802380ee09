/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Services and the queues that belong to them. */
#include "store_fixture.h"

static void create_service(struct fixture *fixture, const char *id, const char *fingerprint, enum service_role role) {
    struct service_record record = {
        .role = role,
        .id = text(id),
        .fingerprint = text(fingerprint),
        .certificate_chain = text("chain"),
        .created_day = 20000,
    };
    assert_int_equal(service_store_create(fixture->txn, &record), SMQ_OK);
}

static void assert_counts(struct fixture *fixture, const char *id, uint64_t recipients, uint64_t notifiers) {
    uint64_t recipient_queues;
    uint64_t notifier_queues;
    assert_int_equal(service_store_counts(fixture->txn, text(id), &recipient_queues, &notifier_queues), SMQ_OK);
    assert_int_equal(recipient_queues, recipients);
    assert_int_equal(notifier_queues, notifiers);
}

static void test_a_service_is_found_by_id_and_fingerprint(void **state) {
    struct fixture *fixture = *state;
    struct service_record record;
    write_begin(fixture);
    create_service(fixture, "v1", "f1", SERVICE_NOTIFIER);
    write_commit(fixture);
    fixture_reopen(fixture);
    read_begin(fixture);
    for (int by_fingerprint = 0; by_fingerprint <= 1; by_fingerprint++) {
        assert_int_equal(by_fingerprint ? service_store_find_fingerprint(fixture->txn, text("f1"), &record)
                                        : service_store_find(fixture->txn, text("v1"), &record),
                         SMQ_OK);
        assert_int_equal(record.role, SERVICE_NOTIFIER);
        assert_slice(record.id, "v1");
        assert_slice(record.fingerprint, "f1");
        assert_slice(record.certificate_chain, "chain");
        assert_int_equal(record.created_day, 20000);
    }
    assert_int_equal(service_store_find(fixture->txn, text("f1"), &record), SMQ_ERR_NOT_FOUND);
    assert_int_equal(service_store_find_fingerprint(fixture->txn, text("v1"), &record), SMQ_ERR_NOT_FOUND);
    assert_int_equal(totals_of(fixture).services[SERVICE_NOTIFIER], 1);
    read_end(fixture);
}

static void test_a_taken_id_or_fingerprint_is_refused(void **state) {
    struct fixture *fixture = *state;
    struct service_record record = {.role = SERVICE_MESSAGING, .id = text("v1"), .fingerprint = text("f2")};
    write_begin(fixture);
    create_service(fixture, "v1", "f1", SERVICE_NOTIFIER);
    assert_int_equal(service_store_create(fixture->txn, &record), SMQ_ERR_EXISTS);
    record.id = text("v2");
    record.fingerprint = text("f1");
    assert_int_equal(service_store_create(fixture->txn, &record), SMQ_ERR_EXISTS);
    record.id = text("");
    assert_int_equal(service_store_create(fixture->txn, &record), SMQ_ERR_INVALID);
    assert_int_equal(totals_of(fixture).services[SERVICE_MESSAGING], 0);
    write_commit(fixture);
}

static void test_notifier_association_moves_the_counts(void **state) {
    struct fixture *fixture = *state;
    struct queue_notifier notifier = {.id = text("n"), .key = text("k"), .dh_secret = fixture->secret};
    struct queue_id previous;
    write_begin(fixture);
    create_service(fixture, "v1", "f1", SERVICE_NOTIFIER);
    create_service(fixture, "v2", "f2", SERVICE_NOTIFIER);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    assert_int_equal(queue_store_notifier_service(fixture->txn, queue, text("v1"), &previous), SMQ_ERR_EMPTY);
    assert_int_equal(queue_store_notifier_set(fixture->txn, queue, &notifier, &previous), SMQ_OK);
    queue = refer(fixture, queue.number);
    assert_int_equal(queue_store_notifier_service(fixture->txn, queue, text("unknown"), &previous), SMQ_ERR_INVALID);
    for (int repeat = 0; repeat < 2; repeat++) {
        assert_int_equal(queue_store_notifier_service(fixture->txn, queue, text("v1"), &previous), SMQ_OK);
        assert_id(&previous, repeat == 0 ? "" : "v1");
        assert_counts(fixture, "v1", 0, 1);
    }
    assert_int_equal(refer(fixture, queue.number).auth_version, queue.auth_version);
    assert_int_equal(queue_store_notifier_service(fixture->txn, queue, text("v2"), &previous), SMQ_OK);
    assert_id(&previous, "v1");
    assert_counts(fixture, "v1", 0, 0);
    assert_counts(fixture, "v2", 0, 1);
    assert_int_equal(totals_of(fixture).notifier_service_queues, 1);
    assert_int_equal(queue_store_notifier_service(fixture->txn, queue, text(""), &previous), SMQ_OK);
    assert_id(&previous, "v2");
    assert_counts(fixture, "v2", 0, 0);
    assert_int_equal(queue_store_notifier_service(fixture->txn, queue, text("v2"), &previous), SMQ_OK);
    assert_int_equal(queue_store_notifier_delete(fixture->txn, queue, &previous), SMQ_OK);
    assert_counts(fixture, "v2", 0, 0);
    assert_int_equal(totals_of(fixture).notifier_service_queues, 0);
    write_commit(fixture);
}

static void test_deleting_a_queue_uncounts_its_services(void **state) {
    struct fixture *fixture = *state;
    struct queue_record record = make_record(fixture, "r", "s", 'M');
    struct queue_deleted deleted;
    struct queue_reference queue = {0};
    write_begin(fixture);
    create_service(fixture, "v1", "f1", SERVICE_MESSAGING);
    create_service(fixture, "v2", "f2", SERVICE_NOTIFIER);
    record.recipient_service_id = text("v1");
    record.notifier = (struct queue_notifier){
        .id = text("n"), .key = text("k"), .dh_secret = fixture->secret, .service_id = text("v2")};
    assert_int_equal(queue_store_create(fixture->txn, &record, NULL, &queue.number), SMQ_OK);
    assert_counts(fixture, "v1", 1, 0);
    assert_counts(fixture, "v2", 0, 1);
    assert_int_equal(totals_of(fixture).recipient_service_queues, 1);
    assert_int_equal(queue_store_delete(fixture->txn, queue, &deleted), SMQ_OK);
    assert_counts(fixture, "v1", 0, 0);
    assert_counts(fixture, "v2", 0, 0);
    assert_int_equal(totals_of(fixture).recipient_service_queues, 0);
    write_commit(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_service_is_found_by_id_and_fingerprint),
        STORE_TEST(test_a_taken_id_or_fingerprint_is_refused),
        STORE_TEST(test_notifier_association_moves_the_counts),
        STORE_TEST(test_deleting_a_queue_uncounts_its_services),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
