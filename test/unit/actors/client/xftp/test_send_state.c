/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What is known of a file that is being sent outlives the process, and becomes its descriptions. */
#include "test/unit/actors/client/xftp/xftp_file_helpers.h"

#include "actors/client/xftp/send_state.h"

static const char address[] = "xftp://AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=@localhost:7000";

static struct send_head make_head(uint32_t chunks, uint32_t recipients) {
    struct send_head head = {
        .name_length = 5, .size = 70000, .modified_ns = -3, .chunk_count = chunks, .recipient_count = recipients};
    memcpy(head.name, "a.txt", 5);
    memset(head.key, 7, sizeof head.key);
    memset(head.nonce, 8, sizeof head.nonce);
    return head;
}

static struct sent_credential credential(uint8_t number) {
    struct sent_credential made = {.id_length = 16};
    struct key_pair pair;
    memset(made.id, number, 16);
    assert_int_equal(key_pair_generate(KEY_ED25519, &pair), SMQ_OK);
    made.key = pair.private_key;
    return made;
}

static struct sent_chunk make_chunk(uint8_t number) {
    struct sent_chunk chunk = {.size = 65536, .server = server_called(address), .sender = credential(number)};
    memset(chunk.digest, number, sizeof chunk.digest);
    return chunk;
}

static void reopen(struct send_state **state, const char *path) {
    send_state_close(state);
    assert_int_equal(send_state_open(path, state), SMQ_OK);
}

static void test_a_state_is_read_as_it_was_written(void **state) {
    const char *path = path_in(*state, "send");
    struct send_head head = make_head(2, 2);
    struct send_state *sending = NULL;
    struct send_state *other = NULL;
    struct sent_chunk first = make_chunk(1), second = make_chunk(2);
    struct sent_credential recipients[2] = {credential(3), credential(4)};
    uint8_t digest[XFTP_FILE_DIGEST_SIZE] = {9};
    struct xftp_description *description = NULL;
    assert_int_equal(send_state_create(path, &head, &sending), SMQ_OK);
    assert_int_equal(send_state_create(path, &head, &other), SMQ_ERR_EXISTS);
    assert_int_equal(send_state_open(path, &other), SMQ_ERR_EXISTS);
    assert_int_equal(send_state_note_created(sending, 0, &first), SMQ_OK);
    assert_int_equal(send_state_note_created(sending, 0, &first), SMQ_ERR_INVALID);
    assert_int_equal(send_state_note_created(sending, 2, &first), SMQ_ERR_INVALID);
    assert_int_equal(send_state_note_uploaded(sending, 1), SMQ_ERR_INVALID);
    assert_int_equal(send_state_note_recipient(sending, 0, &recipients[0]), SMQ_OK);
    reopen(&sending, path);
    assert_memory_equal(send_state_head(sending), &head, sizeof head);
    const struct sent_chunk *chunk = send_state_chunk(sending, 0);
    assert_int_equal(chunk->size, 65536);
    assert_memory_equal(chunk->digest, first.digest, sizeof first.digest);
    assert_memory_equal(chunk->sender.key.bytes, first.sender.key.bytes, 32);
    assert_true(server_address_equal(&chunk->server, &first.server));
    assert_int_equal(chunk->recipient_count, 1);
    assert_false(chunk->is_uploaded);
    assert_int_equal(send_state_chunk(sending, 1)->size, 0);
    assert_int_equal(send_state_describe(sending, digest, 0, &description), SMQ_ERR_INVALID);

    assert_int_equal(send_state_note_recipient(sending, 0, &recipients[1]), SMQ_OK);
    assert_int_equal(send_state_note_recipient(sending, 0, &recipients[1]), SMQ_ERR_INVALID);
    assert_int_equal(send_state_note_uploaded(sending, 0), SMQ_OK);
    assert_int_equal(send_state_note_created(sending, 1, &second), SMQ_OK);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(send_state_note_recipient(sending, 1, &recipients[i]), SMQ_OK);
    assert_int_equal(send_state_note_uploaded(sending, 1), SMQ_OK);
    reopen(&sending, path);
    assert_int_equal(send_state_describe(sending, digest, 2, &description), SMQ_ERR_INVALID);
    assert_int_equal(send_state_describe(sending, digest, 1, &description), SMQ_OK);
    assert_int_equal(description->party, XFTP_FILE_RECIPIENT);
    assert_int_equal(description->size, 131072);
    assert_int_equal(description->chunk_count, 2);
    assert_memory_equal(description->replicas[0].id, recipients[1].id, 16);
    assert_null(xftp_description_problem(description));
    xftp_description_destroy(&description);
    assert_int_equal(send_state_describe(sending, digest, SEND_FOR_SENDER, &description), SMQ_OK);
    assert_int_equal(description->party, XFTP_FILE_SENDER);
    assert_memory_equal(description->replicas[1].key.bytes, second.sender.key.bytes, 32);
    xftp_description_destroy(&description);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    send_state_remove(&sending);
    assert_int_equal(send_state_open(path, &sending), SMQ_ERR_NOT_FOUND);
}

static void test_a_chunk_that_a_router_lost_is_created_anew(void **state) {
    const char *path = path_in(*state, "send");
    struct send_head head = make_head(1, 1);
    struct send_state *sending = NULL;
    struct sent_chunk chunk = make_chunk(1);
    struct sent_credential recipient = credential(3);
    assert_int_equal(send_state_create(path, &head, &sending), SMQ_OK);
    assert_int_equal(send_state_note_created(sending, 0, &chunk), SMQ_OK);
    assert_int_equal(send_state_note_recipient(sending, 0, &recipient), SMQ_OK);
    assert_int_equal(send_state_note_uploaded(sending, 0), SMQ_OK);
    assert_int_equal(send_state_note_lost(sending, 0), SMQ_OK);
    reopen(&sending, path);
    assert_int_equal(send_state_chunk(sending, 0)->size, 0);
    assert_int_equal(send_state_note_created(sending, 0, &chunk), SMQ_OK);
    assert_int_equal(send_state_chunk(sending, 0)->recipient_count, 0);
    send_state_close(&sending);
}

static void test_a_line_that_is_not_whole_is_not_there(void **state) {
    const char *path = path_in(*state, "send");
    struct send_head head = make_head(1, 1);
    struct send_state *sending = NULL;
    struct sent_chunk chunk = make_chunk(1);
    struct stat status;
    assert_int_equal(send_state_create(path, &head, &sending), SMQ_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(send_state_note_created(sending, 0, &chunk), SMQ_OK);
    send_state_close(&sending);
    struct slice text = read_whole(path);
    for (off_t length = status.st_size; length < (off_t)text.length; length++) {
        assert_int_equal(truncate(path, length), 0);
        assert_int_equal(send_state_open(path, &sending), SMQ_OK);
        assert_int_equal(send_state_chunk(sending, 0)->size, 0);
        assert_int_equal(send_state_note_created(sending, 0, &chunk), SMQ_OK); /* not behind the rest */
        reopen(&sending, path);
        assert_int_equal(send_state_chunk(sending, 0)->size, 65536);
        send_state_close(&sending);
        FILE *file = fopen(path, "w");
        assert_int_equal(fwrite(text.bytes, 1, text.length, file), text.length);
        fclose(file);
    }
    free_slice(text);
}

static void test_other_files_are_no_states(void **state) {
    static const char *const texts[] = {"", "xftp-send 2 1 1 1 1", "xftp-send 1 0 0 0 1 AA== AA== \n", "\n", "hello\n"};
    const char *path = path_in(*state, "send");
    struct send_state *sending = NULL;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        FILE *file = fopen(path, "w");
        fputs(texts[i], file);
        fclose(file);
        assert_int_equal(send_state_open(path, &sending), SMQ_ERR_SYNTAX);
        assert_null(sending);
    }
    struct send_head head = make_head(0, 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(send_state_create(path, &head, &sending), SMQ_ERR_INVALID);
    assert_int_equal(access(path, F_OK), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_a_state_is_read_as_it_was_written),
        FOLDER_TEST(test_a_chunk_that_a_router_lost_is_created_anew),
        FOLDER_TEST(test_a_line_that_is_not_whole_is_not_there),
        FOLDER_TEST(test_other_files_are_no_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
