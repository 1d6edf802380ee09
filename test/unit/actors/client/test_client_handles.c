/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Queue handles: what is exported is imported, what is damaged is not, and keys are set once. */
#include <string.h>

#include "actors/client/smp/queues.h"
#include "queues/base/setup.h"
#include "test/support/require.h"
#include "transport/crypto/setup.h"

static const char address_text[] = "smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@one.example,two.example:5224";
static const char uri_text[] =
    "smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@one.example/c2VuZGVyLWlkLW9mLTI0LWJ5dGVz#/"
    "?v=1-4&dh=MCowBQYDK2VuAyEAB6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9_AsrhtHHw%3D&q=m";

static int set_up(void **state) {
    (void)state;
    require(base_setup() == SMQ_OK && crypto_setup() == SMQ_OK);
    return 0;
}

static struct smq_notifier *make_notifier(enum key_algorithm algorithm) {
    struct key_pair pair;
    struct box_key metadata_key = {{9}};
    struct smq_notifier *notifier;
    require(key_pair_generate(algorithm, &pair) == SMQ_OK);
    require(notifier_create(&pair.private_key, &metadata_key, slice_of_text("notifier"), &notifier) == SMQ_OK);
    return notifier;
}

static struct smq_receive_queue *make_receive_queue(enum key_algorithm algorithm, bool with_notifier) {
    struct server_address address;
    require(server_address_parse(slice_of_text(address_text), ADDRESS_SMP, &address) == SMQ_OK);
    struct key_pair pair;
    require(key_pair_generate(algorithm, &pair) == SMQ_OK);
    struct box_key message_key = {{1, 2, 3}};
    struct router_address *router = router_address_create(&address);
    struct receive_queue_parts parts = {.router = router,
                                        .notifier = with_notifier ? make_notifier(KEY_ED25519) : NULL,
                                        .key = &pair.private_key,
                                        .message_key = &message_key,
                                        .mode = QUEUE_MODE_CONTACT,
                                        .recipient_id = slice_of_text("recipient"),
                                        .sender_id = slice_of_text("sender"),
                                        .link_id = slice_of_text("link")};
    struct smq_receive_queue *queue;
    require(receive_queue_create(&parts, &queue) == SMQ_OK);
    router_address_release(router);
    return queue;
}

static void assert_bytes(struct smq_bytes bytes, const char *expected) {
    assert_int_equal(bytes.length, strlen(expected));
    assert_memory_equal(bytes.bytes, expected, bytes.length);
}

static void test_receive_queue_survives_export_and_import(void **state) {
    (void)state;
    static const enum key_algorithm algorithms[] = {KEY_ED25519, KEY_ED448, KEY_X25519};
    for (size_t i = 0; i < 3; i++) {
        struct smq_receive_queue *queue = make_receive_queue(algorithms[i], i == 1), *copy;
        uint8_t bytes[4096], again[4096];
        size_t size = sizeof(bytes), again_size = sizeof(again);
        assert_int_equal(smq_receive_queue_export(queue, bytes, &size), SMQ_OK);
        assert_int_equal(smq_receive_queue_import(bytes, size, &copy), SMQ_OK);
        assert_int_equal(smq_receive_queue_export(copy, again, &again_size), SMQ_OK);
        assert_int_equal(size, again_size);
        assert_memory_equal(bytes, again, size);
        assert_bytes(smq_receive_queue_id(copy), "recipient");
        assert_bytes(smq_receive_queue_sender_id(copy), "sender");
        assert_bytes(smq_receive_queue_link_id(copy), "link");
        assert_int_equal(smq_receive_queue_mode(copy), SMQ_MODE_CONTACT);
        struct smq_notifier *notifier = smq_receive_queue_notifier(copy);
        assert_int_equal(notifier != NULL, i == 1);
        smq_notifier_release(&notifier);
        char text[SMQ_URI_TEXT_SIZE], other[SMQ_URI_TEXT_SIZE];
        assert_int_equal(smq_receive_queue_address(copy, text, sizeof(text)), SMQ_OK);
        assert_string_equal(text, address_text);
        assert_int_equal(smq_receive_queue_uri(copy, text, sizeof(text)), SMQ_OK);
        assert_int_equal(smq_receive_queue_uri(queue, other, sizeof(other)), SMQ_OK);
        assert_string_equal(text, other);
        assert_int_equal(smq_receive_queue_uri(queue, other, 20), SMQ_ERR_TOO_LARGE);
        smq_receive_queue_release(&copy);
        smq_receive_queue_release(&queue);
        assert_null(queue);
        smq_receive_queue_release(&queue);
    }
}

static void test_export_tells_the_size_it_needs(void **state) {
    (void)state;
    struct smq_receive_queue *queue = make_receive_queue(KEY_ED25519, false);
    uint8_t bytes[4096];
    size_t size = 0, enough;
    assert_int_equal(smq_receive_queue_export(queue, NULL, &size), SMQ_ERR_TOO_LARGE);
    enough = size;
    size = enough - 1;
    assert_int_equal(smq_receive_queue_export(queue, bytes, &size), SMQ_ERR_TOO_LARGE);
    assert_int_equal(size, enough);
    assert_int_equal(smq_receive_queue_export(queue, bytes, &size), SMQ_OK);
    size = sizeof(bytes);
    assert_int_equal(smq_receive_queue_public_key(queue, bytes, &size), SMQ_OK);
    assert_int_equal(size, 44);
    smq_receive_queue_release(&queue);
}

/* Every shorter and every longer form is refused, and so is the next format. */
static void refuse_damage(const uint8_t *bytes, size_t size, enum smq_result (*import)(const uint8_t *, size_t)) {
    uint8_t damaged[4096];
    for (size_t length = 0; length < size; length++)
        assert_int_equal(import(bytes, length), SMQ_ERR_SYNTAX);
    memcpy(damaged, bytes, size);
    damaged[size] = 0;
    assert_int_equal(import(damaged, size + 1), SMQ_ERR_SYNTAX);
    damaged[1] = '?';
    assert_int_equal(import(damaged, size), SMQ_ERR_SYNTAX);
    damaged[1] = bytes[1];
    damaged[0]++;
    assert_int_equal(import(damaged, size), SMQ_ERR_VERSION);
    for (size_t i = 2; i < size; i++) { /* whatever comes of a flipped byte, nothing breaks */
        memcpy(damaged, bytes, size);
        damaged[i] ^= 0xff;
        (void)import(damaged, size);
    }
}

static enum smq_result import_receive_queue(const uint8_t *bytes, size_t length) {
    struct smq_receive_queue *queue = NULL;
    enum smq_result result = smq_receive_queue_import(bytes, length, &queue);
    smq_receive_queue_release(&queue);
    return result;
}

static enum smq_result import_send_queue(const uint8_t *bytes, size_t length) {
    struct smq_send_queue *queue = NULL;
    enum smq_result result = smq_send_queue_import(bytes, length, &queue);
    smq_send_queue_release(&queue);
    return result;
}

static enum smq_result import_notifier(const uint8_t *bytes, size_t length) {
    struct smq_notifier *notifier = NULL;
    enum smq_result result = smq_notifier_import(bytes, length, &notifier);
    smq_notifier_release(&notifier);
    return result;
}

static void test_damaged_exports_are_refused(void **state) {
    (void)state;
    uint8_t bytes[4096];
    size_t size = sizeof(bytes);
    struct smq_receive_queue *queue = make_receive_queue(KEY_ED25519, true);
    assert_int_equal(smq_receive_queue_export(queue, bytes, &size), SMQ_OK);
    refuse_damage(bytes, size, import_receive_queue);
    smq_receive_queue_release(&queue);

    struct smq_send_queue *send_queue;
    assert_int_equal(smq_send_queue_from_uri(uri_text, &send_queue), SMQ_OK);
    assert_int_equal(smq_send_queue_make_key(send_queue, SMQ_KEY_ED448), SMQ_OK);
    assert_int_equal(smq_send_queue_set_secured(send_queue, true), SMQ_OK);
    size = sizeof(bytes);
    assert_int_equal(smq_send_queue_export(send_queue, bytes, &size), SMQ_OK);
    refuse_damage(bytes, size, import_send_queue);
    smq_send_queue_release(&send_queue);

    struct smq_notifier *notifier = make_notifier(KEY_X25519);
    size = sizeof(bytes);
    assert_int_equal(smq_notifier_export(notifier, bytes, &size), SMQ_OK);
    refuse_damage(bytes, size, import_notifier);
    smq_notifier_release(&notifier);
}

static void test_send_queue_survives_export_with_and_without_a_key(void **state) {
    (void)state;
    for (int with_key = 0; with_key < 2; with_key++) {
        struct smq_send_queue *queue, *copy;
        uint8_t bytes[4096];
        size_t size = sizeof(bytes);
        assert_int_equal(smq_send_queue_from_uri(uri_text, &queue), SMQ_OK);
        if (with_key) {
            assert_int_equal(smq_send_queue_make_key(queue, SMQ_KEY_X25519), SMQ_OK);
            assert_int_equal(smq_send_queue_set_secured(queue, true), SMQ_OK);
        }
        assert_int_equal(smq_send_queue_export(queue, bytes, &size), SMQ_OK);
        assert_int_equal(smq_send_queue_import(bytes, size, &copy), SMQ_OK);
        assert_int_equal(smq_send_queue_is_secured(copy), with_key);
        assert_bytes(smq_send_queue_id(copy), "sender-id-of-24-bytes");
        assert_int_equal(smq_send_queue_mode(copy), SMQ_MODE_MESSAGING);
        char text[SMQ_ADDRESS_TEXT_SIZE];
        assert_int_equal(smq_send_queue_address(copy, text, sizeof(text)), SMQ_OK);
        assert_string_equal(text, "smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@one.example");
        uint8_t key[SMQ_KEY_DER_MAX], other[SMQ_KEY_DER_MAX];
        size_t key_size = sizeof(key), other_size = sizeof(other);
        assert_int_equal(smq_send_queue_public_key(queue, key, &key_size), with_key ? SMQ_OK : SMQ_ERR_NOT_FOUND);
        assert_int_equal(smq_send_queue_public_key(copy, other, &other_size), with_key ? SMQ_OK : SMQ_ERR_NOT_FOUND);
        if (with_key)
            assert_memory_equal(key, other, key_size);
        smq_send_queue_release(&copy);
        smq_send_queue_release(&queue);
    }
}

static void test_send_queue_gets_its_key_once(void **state) {
    (void)state;
    struct smq_send_queue *queue;
    assert_int_equal(smq_send_queue_from_uri("smp://nonsense", &queue), SMQ_ERR_SYNTAX);
    assert_int_equal(smq_send_queue_from_uri(uri_text, &queue), SMQ_OK);
    assert_int_equal(smq_send_queue_set_secured(queue, true), SMQ_ERR_NOT_FOUND);
    assert_int_equal(smq_send_queue_set_key(queue, (struct smq_bytes){(const uint8_t *)"no key", 6}), SMQ_ERR_SYNTAX);
    struct key_pair pair;
    uint8_t der[KEY_PKCS8_MAX];
    struct writer writer = writer_of(der, sizeof(der));
    require(key_pair_generate(KEY_X448, &pair) == SMQ_OK);
    write_private_key_der(&writer, &pair.private_key);
    assert_int_equal(smq_send_queue_set_key(queue, (struct smq_bytes){der, writer_length(&writer)}), SMQ_ERR_INVALID);
    writer = writer_of(der, sizeof(der));
    require(key_pair_generate(KEY_ED25519, &pair) == SMQ_OK);
    write_private_key_der(&writer, &pair.private_key);
    assert_int_equal(smq_send_queue_set_key(queue, (struct smq_bytes){der, writer_length(&writer)}), SMQ_OK);
    assert_int_equal(smq_send_queue_make_key(queue, SMQ_KEY_ED25519), SMQ_ERR_EXISTS);
    assert_int_equal(smq_send_queue_set_secured(queue, true), SMQ_OK);
    assert_true(smq_send_queue_is_secured(queue));
    smq_send_queue_release(&queue);
}

static void test_receive_queue_with_another_key_is_the_same_queue(void **state) {
    (void)state;
    struct smq_receive_queue *queue = make_receive_queue(KEY_ED25519, true), *other;
    struct key_pair pair;
    uint8_t der[KEY_PKCS8_MAX];
    struct writer writer = writer_of(der, sizeof(der));
    require(key_pair_generate(KEY_ED448, &pair) == SMQ_OK);
    write_private_key_der(&writer, &pair.private_key);
    struct smq_bytes key = {der, writer_length(&writer)};
    assert_int_equal(smq_receive_queue_with_key(queue, key, &other), SMQ_OK);
    assert_bytes(smq_receive_queue_id(other), "recipient");
    assert_true(public_key_equal(&other->key.pair.public_key, &pair.public_key));
    assert_int_equal(smq_receive_queue_with_key(queue, (struct smq_bytes){der, 5}, &other), SMQ_ERR_SYNTAX);
    smq_receive_queue_release(&other);
    smq_receive_queue_release(&queue);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receive_queue_survives_export_and_import),
        cmocka_unit_test(test_export_tells_the_size_it_needs),
        cmocka_unit_test(test_damaged_exports_are_refused),
        cmocka_unit_test(test_send_queue_survives_export_with_and_without_a_key),
        cmocka_unit_test(test_send_queue_gets_its_key_once),
        cmocka_unit_test(test_receive_queue_with_another_key_is_the_same_queue),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
