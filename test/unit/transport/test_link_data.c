/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Data behind short links: known keys, round trips, and every check that readers make. */
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/link_data.h"

static const struct version_range agent_versions = {.min = 2, .max = 7};

static void test_keys_and_ids_are_the_known_ones(void **state) {
    (void)state;
    uint8_t link_key[LINK_KEY_SIZE], link_id[LINK_ID_SIZE], sender_id[LINK_SENDER_ID_SIZE], bytes[32];
    struct box_key key, expected;
    assert_int_equal(link_key_of(slice_of_text("fixed"), link_key), SMQ_OK);
    assert_slice_equal(slice_of(link_key, sizeof link_key), smp_vector("link_key", bytes, sizeof bytes));
    link_contact_keys(link_key, link_id, &key);
    assert_slice_equal(slice_of(link_id, sizeof link_id), smp_vector("contact_link_id", bytes, sizeof bytes));
    box_key_of_secret(smp_vector("contact_link_key", bytes, sizeof bytes).bytes, &expected);
    assert_memory_equal(&key, &expected, sizeof key);
    link_invitation_key(link_key, &key);
    box_key_of_secret(smp_vector("invitation_link_key", bytes, sizeof bytes).bytes, &expected);
    assert_memory_equal(&key, &expected, sizeof key);
    assert_int_equal(link_sender_id(smp_vector("nonce", bytes, sizeof bytes), sender_id), SMQ_OK);
    assert_slice_equal(slice_of(sender_id, sizeof sender_id), smp_vector("sender_id", bytes, sizeof bytes));
}

/* A link under construction: blobs as its owner would make them. */
struct fixture {
    struct key_pair root, owner, second_owner;
    uint8_t link_key[LINK_KEY_SIZE];
    struct box_key key;
    uint8_t owners[1024];
    struct writer owner_writer;
    uint8_t owner_count;
    uint8_t fixed_blob[LINK_FIXED_BLOB_SIZE];
    uint8_t user_blob[LINK_USER_BLOB_SIZE];
    struct link_fixed_data fixed;
    struct link_user_data user;
    struct link_check check;
};

static void seal_fixed(struct fixture *link, const struct key_pair *signer) {
    uint8_t link_id[LINK_ID_SIZE];
    struct link_fixed_data fixed = {.agent_versions = agent_versions,
                                    .root_key = link->root.public_key,
                                    .request = slice_of_text("connection request")};
    struct writer writer = writer_of(link->fixed_blob + LINK_SIGNED_OFFSET, LINK_FIXED_DATA_MAX);
    write_link_fixed_data(&writer, &fixed);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_int_equal(link_key_of(slice_of(writer.start, writer_length(&writer)), link->link_key), SMQ_OK);
    link_contact_keys(link->link_key, link_id, &link->key);
    assert_int_equal(link_blob_seal(&link->key, signer, link->fixed_blob, writer_length(&writer), LINK_FIXED_PADDED),
                     SMQ_OK);
}

static void add_owner(struct fixture *link, const char *id, const struct public_key *key,
                      const struct key_pair *signer) {
    assert_int_equal(write_link_owner(&link->owner_writer, slice_of_text(id), key, signer), SMQ_OK);
    link->owner_count++;
}

static void seal_user(struct fixture *link, bool contact, const struct key_pair *signer, const char *user_data) {
    struct link_user_data user = {.contact = contact,
                                  .agent_versions = agent_versions,
                                  .direct = true,
                                  .owner_count = link->owner_count,
                                  .owners = slice_of(link->owners, writer_length(&link->owner_writer)),
                                  .user_data = slice_of_text(user_data)};
    struct writer writer = writer_of(link->user_blob + LINK_SIGNED_OFFSET, LINK_USER_DATA_MAX);
    write_link_user_data(&writer, &user);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_int_equal(link_blob_seal(&link->key, signer, link->user_blob, writer_length(&writer), LINK_USER_PADDED),
                     SMQ_OK);
}

static enum smq_result open_link(struct fixture *link) {
    return link_data_open(link->link_key, &link->key, link->fixed_blob, sizeof link->fixed_blob, link->user_blob,
                          sizeof link->user_blob, &link->fixed, &link->user, &link->check);
}

static int set_up_link(void **state) {
    struct fixture *link = calloc(1, sizeof *link);
    if (link == NULL)
        return -1;
    link->root = fresh_pair(KEY_ED25519);
    link->owner = fresh_pair(KEY_ED25519);
    link->second_owner = fresh_pair(KEY_ED25519);
    link->owner_writer = writer_of(link->owners, sizeof link->owners);
    seal_fixed(link, &link->root);
    *state = link;
    return 0;
}

static int tear_down_link(void **state) {
    free(*state);
    return 0;
}

static void test_contact_link_comes_back(void **state) {
    struct fixture *link = *state;
    seal_user(link, true, &link->root, "profile");
    assert_int_equal(open_link(link), SMQ_OK);
    assert_true(public_key_equal(&link->fixed.root_key, &link->root.public_key));
    assert_slice_text(link->fixed.request, "connection request");
    assert_int_equal(link->fixed.agent_versions.max, 7);
    assert_true(link->user.contact && link->user.direct);
    assert_slice_text(link->user.user_data, "profile");
}

static void test_invitation_link_comes_back(void **state) {
    struct fixture *link = *state;
    seal_user(link, false, &link->root, "");
    assert_int_equal(open_link(link), SMQ_OK);
    assert_false(link->user.contact);
    assert_int_equal(link->user.user_data.length, 0);
}

static void test_owner_may_sign_user_data(void **state) {
    struct fixture *link = *state;
    add_owner(link, "one", &link->owner.public_key, &link->root);
    add_owner(link, "two", &link->second_owner.public_key, &link->owner);
    seal_user(link, true, &link->second_owner, "by the second owner");
    assert_int_equal(open_link(link), SMQ_OK);
    assert_int_equal(link->user.owner_count, 2);
    struct reader reader = reader_of(link->user.owners);
    struct link_owner owner;
    read_link_owner(&reader, &owner);
    assert_slice_text(owner.id, "one");
    read_link_owner(&reader, &owner);
    assert_true(public_key_equal(&owner.key, &link->second_owner.public_key));
    assert_int_equal(reader_finish(&reader), SMQ_OK);
}

static void test_stranger_may_not_sign_user_data(void **state) {
    struct fixture *link = *state;
    add_owner(link, "one", &link->owner.public_key, &link->root);
    seal_user(link, true, &link->second_owner, "by a stranger");
    assert_int_equal(open_link(link), SMQ_ERR_CRYPTO);
}

static void test_fixed_data_signed_by_another_key_is_refused(void **state) {
    struct fixture *link = *state;
    seal_fixed(link, &link->owner);
    seal_user(link, true, &link->root, "profile");
    assert_int_equal(open_link(link), SMQ_ERR_CRYPTO);
}

static void test_fixed_data_of_another_link_is_refused(void **state) {
    struct fixture *link = *state;
    seal_user(link, true, &link->root, "profile");
    link->link_key[0] ^= 1;
    assert_int_equal(open_link(link), SMQ_ERR_CRYPTO);
}

static void test_owner_authorized_by_nobody_before_it_is_refused(void **state) {
    struct fixture *link = *state;
    add_owner(link, "one", &link->owner.public_key, &link->second_owner);
    add_owner(link, "two", &link->second_owner.public_key, &link->root);
    seal_user(link, true, &link->root, "profile");
    assert_int_equal(open_link(link), SMQ_ERR_CRYPTO);
}

static void test_owner_with_the_root_key_is_refused(void **state) {
    struct fixture *link = *state;
    add_owner(link, "one", &link->root.public_key, &link->root);
    seal_user(link, true, &link->root, "profile");
    assert_int_equal(open_link(link), SMQ_ERR_CRYPTO);
}

static void test_owner_id_twice_is_refused(void **state) {
    struct fixture *link = *state;
    add_owner(link, "one", &link->owner.public_key, &link->root);
    add_owner(link, "one", &link->second_owner.public_key, &link->root);
    seal_user(link, true, &link->root, "profile");
    assert_int_equal(open_link(link), SMQ_ERR_CRYPTO);
}

static void test_owner_key_twice_is_refused(void **state) {
    struct fixture *link = *state;
    add_owner(link, "one", &link->owner.public_key, &link->root);
    add_owner(link, "two", &link->owner.public_key, &link->root);
    seal_user(link, true, &link->root, "profile");
    assert_int_equal(open_link(link), SMQ_ERR_CRYPTO);
}

static void test_damaged_or_cut_blobs_are_refused(void **state) {
    struct fixture *link = *state;
    seal_user(link, true, &link->root, "profile");
    struct slice data, signature;
    for (size_t length = 0; length < 200; length++) {
        uint8_t *cut = heap_copy(link->fixed_blob, length);
        assert_int_not_equal(link_blob_open(&link->key, cut, length, &data, &signature), SMQ_OK);
        free(cut);
    }
    for (size_t byte = 0; byte < sizeof link->fixed_blob; byte += 131) {
        link->fixed_blob[byte] ^= 1;
        assert_int_equal(open_link(link), SMQ_ERR_CRYPTO);
        link->fixed_blob[byte] ^= 1;
    }
}

static void test_user_data_of_both_lengths_comes_back(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 254, 255, 256, 13000};
    static uint8_t application[13000], bytes[LINK_USER_DATA_MAX];
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct link_user_data user = {.agent_versions = agent_versions, .user_data = slice_of(application, lengths[i])};
        struct link_user_data parsed;
        struct writer writer = writer_of(bytes, sizeof bytes);
        write_link_user_data(&writer, &user);
        assert_int_equal(bytes[5], lengths[i] <= 254 ? lengths[i] : 255);
        write_text(&writer, "later fields");
        assert_int_equal(link_user_data_parse(slice_of(bytes, writer_length(&writer)), &parsed), SMQ_OK);
        assert_int_equal(parsed.user_data.length, lengths[i]);
    }
}

static void test_user_data_with_relays_survives_and_cut_data_does_not(void **state) {
    struct fixture *link = *state;
    struct short_link relay = {.type = SHORT_LINK_RELAY};
    struct host host;
    uint8_t relays[256], bytes[1024];
    assert_int_equal(host_parse(slice_of_text("relay.example"), &host), SMQ_OK);
    assert_int_equal(server_address_add_host(&relay.server, &host), SMQ_OK);
    struct writer relay_writer = writer_of(relays, sizeof relays);
    write_short_link(&relay_writer, &relay);
    write_short_link(&relay_writer, &relay);
    add_owner(link, "one", &link->owner.public_key, &link->root);
    struct link_user_data user = {.contact = true,
                                  .agent_versions = agent_versions,
                                  .owner_count = 1,
                                  .owners = slice_of(link->owners, writer_length(&link->owner_writer)),
                                  .relay_count = 2,
                                  .relays = slice_of(relays, writer_length(&relay_writer)),
                                  .user_data = slice_of_text("data")};
    struct link_user_data parsed;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_link_user_data(&writer, &user);
    for (size_t length = 0; length <= writer_length(&writer); length++) {
        uint8_t *copy = heap_copy(bytes, length);
        assert_int_equal(link_user_data_parse(slice_of(copy, length), &parsed),
                         length == writer_length(&writer) ? SMQ_OK : SMQ_ERR_SYNTAX);
        free(copy);
    }
    assert_int_equal(link_user_data_parse(slice_of(bytes, writer_length(&writer)), &parsed), SMQ_OK);
    struct reader reader = reader_of(parsed.relays);
    for (size_t i = 0; i < parsed.relay_count; i++) {
        struct short_link read;
        read_short_link(&reader, &read);
        assert_string_equal(server_address_host(&read.server, 0), "relay.example");
        assert_int_equal(read.type, SHORT_LINK_RELAY);
    }
    assert_int_equal(reader_finish(&reader), SMQ_OK);
}

static void test_data_over_the_blob_is_refused(void **state) {
    struct fixture *link = *state;
    assert_int_equal(link_blob_seal(&link->key, &link->root, link->fixed_blob, LINK_FIXED_DATA_MAX, LINK_FIXED_PADDED),
                     SMQ_OK);
    assert_int_equal(
        link_blob_seal(&link->key, &link->root, link->fixed_blob, LINK_FIXED_DATA_MAX + 1, LINK_FIXED_PADDED),
        SMQ_ERR_TOO_LARGE);
}

#define LINK_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_link, tear_down_link)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_and_ids_are_the_known_ones),
        LINK_TEST(test_contact_link_comes_back),
        LINK_TEST(test_invitation_link_comes_back),
        LINK_TEST(test_owner_may_sign_user_data),
        LINK_TEST(test_stranger_may_not_sign_user_data),
        LINK_TEST(test_fixed_data_signed_by_another_key_is_refused),
        LINK_TEST(test_fixed_data_of_another_link_is_refused),
        LINK_TEST(test_owner_authorized_by_nobody_before_it_is_refused),
        LINK_TEST(test_owner_with_the_root_key_is_refused),
        LINK_TEST(test_owner_id_twice_is_refused),
        LINK_TEST(test_owner_key_twice_is_refused),
        LINK_TEST(test_damaged_or_cut_blobs_are_refused),
        cmocka_unit_test(test_user_data_of_both_lengths_comes_back),
        LINK_TEST(test_user_data_with_relays_survives_and_cut_data_does_not),
        LINK_TEST(test_data_over_the_blob_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
