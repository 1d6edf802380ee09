/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of what short links lead to: known answers, and makers and routers of links that lie. */
#include "test/unit/transport/agent_samples.h"
#include "transport/agent/link_content.h"
#include "transport/crypto/signature.h"

/* ---- known answers ---- */

static struct key_pair known_root(void) {
    uint8_t seed[32];
    struct private_key private_key;
    struct key_pair pair;
    memset(seed, 0x33, sizeof seed);
    assert_int_equal(private_key_of_raw(KEY_ED25519, slice_of(seed, sizeof seed), &private_key), SMQ_OK);
    assert_int_equal(key_pair_of_private(&private_key, &pair), SMQ_OK);
    return pair;
}

/* A blob as a link's maker makes it, with a known nonce: `first`, `first` + 1, … */
static void known_blob(const struct box_key *key, const struct key_pair *root, uint8_t first, struct slice data,
                       size_t padded, uint8_t *blob) {
    uint8_t *signed_part = blob + BOX_NONCE_SIZE + BOX_PADDED_OFFSET;
    for (uint8_t i = 0; i < BOX_NONCE_SIZE; i++)
        blob[i] = (uint8_t)(first + i);
    signed_part[0] = SIGNATURE_ED25519_SIZE;
    assert_int_equal(sign(root, data, signed_part + 1), SMQ_OK);
    memcpy(blob + LINK_SIGNED_OFFSET, data.bytes, data.length);
    assert_int_equal(box_seal_padded(key, blob, blob + BOX_NONCE_SIZE, LINK_SIGNATURE_FIELD + data.length, padded),
                     SMQ_OK);
}

static void test_the_known_link(void **state) {
    (void)state;
    static uint8_t fixed_blob[LINK_FIXED_BLOB_SIZE], user_blob[LINK_USER_BLOB_SIZE];
    uint8_t fixed[512], user[64], expected[64], secret[32];
    struct key_pair root = known_root();
    struct short_link link = {.type = SHORT_LINK_CONTACT};
    uint8_t link_id[LINK_ID_SIZE];
    struct box_key key, expected_key;
    struct link_content content = {.agent_versions = {2, 7}, .root_key = root.public_key};
    content.request = sample_request(CONNECTION_CONTACT);
    struct writer writer = writer_of(fixed, sizeof fixed);
    write_link_fixed_content(&writer, &content);
    size_t length = known_form(fixed, writer_length(&writer));
    assert_int_equal(length, 136);
    assert_int_equal(link_key_of(slice_of(fixed, length), link.link_key), SMQ_OK);
    assert_slice_equal(slice_of(link.link_key, LINK_KEY_SIZE),
                       from_hex("855c319e0d6d7fc43156c03aa15773510a80bbd69270c37c6c5ae3dca4ae1c84", expected, 64));
    short_link_keys(&link, &key, link_id);
    assert_slice_equal(slice_of(link_id, sizeof link_id),
                       from_hex("5c621b7effab3c1c177afd3957071a020c45bfbd4a224d07", expected, 64));
    (void)from_hex("a37d980a49483b1fb9e7fa14c7ce66e4175f23162c9d8b9e58eceaf948eb0267", secret, sizeof secret);
    box_key_of_secret(secret, &expected_key);
    assert_memory_equal(&key, &expected_key, sizeof key);

    struct link_user_data data = {
        .contact = true, .agent_versions = {2, 7}, .direct = true, .user_data = slice_of_text("hello")};
    writer = writer_of(user, sizeof user);
    write_link_user_data(&writer, &data);
    assert_slice_equal(slice_of(user, writer_length(&writer)),
                       from_hex("43000200075400000568656c6c6f", expected, sizeof expected));
    known_blob(&key, &root, 0, slice_of(fixed, length), LINK_FIXED_PADDED, fixed_blob);
    assert_sha256(fixed_blob, sizeof fixed_blob, "b2b9af66ae6e88ed4de799d344e3f2a44b6c3f73af466514d60425366585d871");
    known_blob(&key, &root, 0x18, slice_of(user, writer_length(&writer)), LINK_USER_PADDED, user_blob);
    assert_sha256(user_blob, sizeof user_blob, "167d8bf568cc86654b00935f10002e8bfe1033feb6378a2c08876b3c21ceef24");
}

/* ---- a link, as its maker, the router and the one who opens it have it ---- */

struct fixture {
    struct key_pair root, owner;
    struct link_content content; /* what the maker writes */
    struct short_link link;
    struct box_key key;
    uint8_t owners[16384];
    struct writer owner_writer;
    uint8_t fixed_blob[LINK_FIXED_BLOB_SIZE], user_blob[LINK_USER_BLOB_SIZE];
    struct link_content opened;
    struct link_check check;
};

static void seal_fixed(struct fixture *link) {
    uint8_t link_id[LINK_ID_SIZE];
    struct writer writer = writer_of(link->fixed_blob + LINK_SIGNED_OFFSET, LINK_FIXED_DATA_MAX);
    write_link_fixed_content(&writer, &link->content);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_int_equal(link_key_of(slice_of(writer.start, writer_length(&writer)), link->link.link_key), SMQ_OK);
    short_link_keys(&link->link, &link->key, link_id);
    assert_int_equal(
        link_blob_seal(&link->key, &link->root, link->fixed_blob, writer_length(&writer), LINK_FIXED_PADDED), SMQ_OK);
}

static void seal_user(struct fixture *link, const struct key_pair *signer) {
    struct writer writer = writer_of(link->user_blob + LINK_SIGNED_OFFSET, LINK_USER_DATA_MAX);
    link->content.user.owners = slice_of(link->owners, writer_length(&link->owner_writer));
    write_link_user_data(&writer, &link->content.user);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_int_equal(link_blob_seal(&link->key, signer, link->user_blob, writer_length(&writer), LINK_USER_PADDED),
                     SMQ_OK);
}

static void add_owner(struct fixture *link, const char *id, const struct public_key *key,
                      const struct key_pair *signer) {
    assert_int_equal(write_link_owner(&link->owner_writer, slice_of_text(id), key, signer), SMQ_OK);
    link->content.user.owner_count++;
}

static struct slice sender_id_of(const struct fixture *link) {
    const struct queue_uri *queue = &link->content.request.queues[0];
    return slice_of(queue->sender_id, queue->sender_id_length);
}

/* Opens copies: a blob can be opened once. */
static enum smq_result open_content(struct fixture *link) {
    static uint8_t fixed_blob[LINK_FIXED_BLOB_SIZE], user_blob[LINK_USER_BLOB_SIZE];
    memcpy(fixed_blob, link->fixed_blob, sizeof fixed_blob);
    memcpy(user_blob, link->user_blob, sizeof user_blob);
    return link_content_open(&link->link, sender_id_of(link), fixed_blob, sizeof fixed_blob, user_blob,
                             sizeof user_blob, &link->opened, &link->check);
}

static void set_mode(struct fixture *link, enum connection_mode mode) {
    link->content.request = sample_request(mode);
    link->content.user.contact = mode == CONNECTION_CONTACT;
    link->link.type = mode == CONNECTION_CONTACT ? SHORT_LINK_CONTACT : SHORT_LINK_INVITATION;
    seal_fixed(link);
    seal_user(link, &link->root);
}

static int set_up_link(void **state) {
    struct fixture *link = calloc(1, sizeof *link);
    if (link == NULL)
        return -1;
    link->root = fresh_pair(KEY_ED25519);
    link->owner = fresh_pair(KEY_ED25519);
    link->owner_writer = writer_of(link->owners, sizeof link->owners);
    link->content.agent_versions = (struct version_range){2, 7};
    link->content.root_key = link->root.public_key;
    link->content.user =
        (struct link_user_data){.agent_versions = {2, 7}, .direct = true, .user_data = slice_of_text("profile")};
    link->link.server = sample_queue(SAMPLE_QUEUE("4")).server;
    set_mode(link, CONNECTION_CONTACT);
    *state = link;
    return 0;
}

static int tear_down_link(void **state) {
    free(*state);
    return 0;
}

static const char *fault_text(const struct fixture *link) {
    static char text[LINK_FAULT_TEXT_MAX + 1];
    struct writer writer = writer_of(text, LINK_FAULT_TEXT_MAX);
    write_link_fault(&writer, &link->check);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    text[writer_length(&writer)] = '\0';
    return text;
}

static void assert_fault(struct fixture *link, enum link_fault fault, const char *text) {
    assert_int_equal(open_content(link), SMQ_ERR_CRYPTO);
    assert_int_equal(link->check.fault, fault);
    assert_string_equal(fault_text(link), text);
}

static void test_both_modes_come_back(void **state) {
    struct fixture *link = *state;
    for (int mode = CONNECTION_INVITATION; mode <= CONNECTION_CONTACT; mode++) {
        set_mode(link, (enum connection_mode)mode);
        assert_int_equal(open_content(link), SMQ_OK);
        assert_int_equal(link->opened.request.mode, mode);
        assert_slice_text(link->opened.user.user_data, "profile");
        assert_false(link->opened.has_entity_id);
        assert_true(public_key_equal(&link->opened.root_key, &link->root.public_key));
        assert_int_equal(link->check.fault, LINK_FAULT_NONE);
        assert_string_equal(fault_text(link), "");
    }
}

static void test_an_entity_id_and_later_fields(void **state) {
    struct fixture *link = *state;
    link->content.has_entity_id = true;
    link->content.entity_id = slice_of_text("entity");
    seal_fixed(link);
    seal_user(link, &link->root);
    assert_int_equal(open_content(link), SMQ_OK);
    assert_true(link->opened.has_entity_id);
    assert_slice_text(link->opened.entity_id, "entity");
}

static void test_parts_of_different_modes_are_refused(void **state) {
    struct fixture *link = *state;
    link->content.user.contact = false;
    seal_user(link, &link->root);
    assert_int_equal(open_content(link), SMQ_ERR_SYNTAX);
    set_mode(link, CONNECTION_CONTACT);
    link->content.request = sample_request(CONNECTION_INVITATION);
    seal_fixed(link);
    seal_user(link, &link->root);
    assert_int_equal(open_content(link), SMQ_ERR_SYNTAX);
}

static void test_another_queue_is_told_as_a_different_address(void **state) {
    struct fixture *link = *state;
    link->link.server = sample_queue("smp://" SAMPLE_HASH "@other.example/3456-w==#/?v=4&dh=" SAMPLE_DH).server;
    assert_fault(link, LINK_FAULT_ADDRESS, "different address");
    link->link.server = sample_queue(SAMPLE_QUEUE("4")).server;
    link->content.request.queues[0].sender_id[0] ^= 1; /* what the router says it is */
    assert_fault(link, LINK_FAULT_ADDRESS, "different address");
}

static void test_the_queue_moves_to_the_links_server(void **state) {
    struct fixture *link = *state;
    link->link.server =
        sample_queue("smp://" SAMPLE_HASH "@smp.simplex.im,new.example:443/3456-w==#/?v=4&dh=" SAMPLE_DH).server;
    assert_int_equal(open_content(link), SMQ_OK);
    assert_true(server_address_equal(&link->opened.request.queues[0].server, &link->link.server));
}

static void test_faults_in_their_order(void **state) {
    struct fixture *link = *state;
    link->link.link_key[0] ^= 1;
    assert_int_equal(open_content(link), SMQ_ERR_CRYPTO); /* another key: nothing decrypts */
    assert_int_equal(link->check.fault, LINK_FAULT_NONE);
    set_mode(link, CONNECTION_CONTACT);
    struct key_pair root = link->root;
    link->root = link->owner; /* a stranger signs all */
    seal_fixed(link);
    seal_user(link, &link->owner);
    assert_fault(link, LINK_FAULT_SIGNATURE, "link data signature");
    link->root = root;
    set_mode(link, CONNECTION_CONTACT);
    seal_user(link, &link->owner);
    assert_fault(link, LINK_FAULT_USER_SIGNATURE, "user data signature");
    set_mode(link, CONNECTION_INVITATION);
    seal_user(link, &link->owner);
    assert_fault(link, LINK_FAULT_USER_SIGNATURE, "user data signature");
}

/* The router knows the key of neither blob, but whoever has the link can make both, and publish another link's. */
static void test_fixed_data_of_another_link_is_told_by_its_hash(void **state) {
    struct fixture *link = *state;
    uint8_t link_id[LINK_ID_SIZE], link_key[LINK_KEY_SIZE];
    struct box_key key;
    memcpy(link_key, link->link.link_key, sizeof link_key);
    short_link_keys(&link->link, &key, link_id);
    link->content.request.queues[0].mode = QUEUE_MODE_MESSAGING;
    struct writer writer = writer_of(link->fixed_blob + LINK_SIGNED_OFFSET, LINK_FIXED_DATA_MAX);
    write_link_fixed_content(&writer, &link->content);
    assert_int_equal(link_blob_seal(&key, &link->root, link->fixed_blob, writer_length(&writer), LINK_FIXED_PADDED),
                     SMQ_OK);
    memcpy(link->link.link_key, link_key, sizeof link_key);
    assert_fault(link, LINK_FAULT_HASH, "link data hash");
}

static void test_owners(void **state) {
    struct fixture *link = *state;
    struct key_pair second = fresh_pair(KEY_ED25519), stranger = fresh_pair(KEY_ED25519);
    add_owner(link, "one", &link->owner.public_key, &link->root);
    add_owner(link, "two", &second.public_key, &link->owner);
    seal_user(link, &second);
    assert_int_equal(open_content(link), SMQ_OK);
    assert_int_equal(link->opened.user.owner_count, 2);
    seal_user(link, &stranger);
    assert_fault(link, LINK_FAULT_USER_SIGNATURE, "user data signature");
    add_owner(link, "three", &stranger.public_key, &stranger);
    seal_user(link, &link->root);
    assert_fault(link, LINK_FAULT_OWNER_UNAUTHORIZED, "invalid authorization of owner ID dGhyZWU");
}

static void test_owners_that_are_there_twice(void **state) {
    struct fixture *link = *state;
    add_owner(link, "one", &link->owner.public_key, &link->root);
    add_owner(link, "two", &link->owner.public_key, &link->root);
    seal_user(link, &link->root);
    assert_fault(link, LINK_FAULT_OWNER_TWICE, "duplicate owner key or ID dHdv");
}

static void test_the_root_as_an_owner(void **state) {
    struct fixture *link = *state;
    add_owner(link, "one", &link->root.public_key, &link->root);
    seal_user(link, &link->root);
    assert_fault(link, LINK_FAULT_OWNER_IS_ROOT, "owner key for ID b25l matches root key");
}

/* Checking owners costs a signature for each pair of them, so their number is bounded. */
static void test_too_many_owners(void **state) {
    struct fixture *link = *state;
    for (unsigned i = 0; i <= LINK_OWNERS_MAX; i++) {
        char id[8];
        struct key_pair pair = fresh_pair(KEY_ED25519);
        snprintf(id, sizeof id, "%u", i);
        add_owner(link, id, &pair.public_key, &link->root);
        seal_user(link, &link->root);
        assert_int_equal(open_content(link), i < LINK_OWNERS_MAX ? SMQ_OK : SMQ_ERR_SYNTAX);
    }
}

static void test_who_may_write_user_data(void **state) {
    struct fixture *link = *state;
    struct link_user_data *user = &link->content.user;
    struct key_pair stranger = fresh_pair(KEY_ED25519);
    const struct public_key *root = &link->root.public_key;
    add_owner(link, "one", &link->owner.public_key, &link->root);
    user->owners = slice_of(link->owners, writer_length(&link->owner_writer));
    assert_int_equal(link_user_data_check(root, root, user, &link->check), SMQ_OK);
    assert_int_equal(link_user_data_check(root, &link->owner.public_key, user, &link->check), SMQ_OK);
    assert_int_equal(link_user_data_check(root, &stranger.public_key, user, &link->check), SMQ_ERR_INVALID);
    assert_int_equal(link_user_data_check(&stranger.public_key, &link->owner.public_key, user, &link->check),
                     SMQ_ERR_CRYPTO);
    assert_int_equal(link->check.fault, LINK_FAULT_OWNER_UNAUTHORIZED);
}

static void test_blobs_of_any_size_are_borne(void **state) {
    struct fixture *link = *state;
    for (size_t length = 0; length < 4096; length = length * 2 + 1) {
        uint8_t *fixed_blob =
            heap_copy(link->fixed_blob, length < LINK_FIXED_BLOB_SIZE ? length : LINK_FIXED_BLOB_SIZE);
        uint8_t *user_blob = heap_copy(link->user_blob, length);
        enum smq_result result = link_content_open(&link->link, sender_id_of(link), fixed_blob,
                                                   length < LINK_FIXED_BLOB_SIZE ? length : LINK_FIXED_BLOB_SIZE,
                                                   user_blob, length, &link->opened, &link->check);
        assert_true(result == SMQ_ERR_CRYPTO || result == SMQ_ERR_SYNTAX);
        free(fixed_blob);
        free(user_blob);
    }
}

#define LINK_TEST(function) cmocka_unit_test_setup_teardown(function, set_up_link, tear_down_link)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_known_link),
        LINK_TEST(test_both_modes_come_back),
        LINK_TEST(test_an_entity_id_and_later_fields),
        LINK_TEST(test_parts_of_different_modes_are_refused),
        LINK_TEST(test_another_queue_is_told_as_a_different_address),
        LINK_TEST(test_the_queue_moves_to_the_links_server),
        LINK_TEST(test_faults_in_their_order),
        LINK_TEST(test_fixed_data_of_another_link_is_told_by_its_hash),
        LINK_TEST(test_owners),
        LINK_TEST(test_owners_that_are_there_twice),
        LINK_TEST(test_the_root_as_an_owner),
        LINK_TEST(test_too_many_owners),
        LINK_TEST(test_who_may_write_user_data),
        LINK_TEST(test_blobs_of_any_size_are_borne),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
