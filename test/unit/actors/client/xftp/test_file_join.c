/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Chunks become the file: in any order, across interruptions, only if they are the description's, only in the chosen
 * folder, and over nothing that is there. */
#include "test/unit/actors/client/xftp/xftp_file_helpers.h"

#include "actors/client/xftp/file_join.h"

enum { PARTS = 3, FILE_SIZE = 3 * 65536 - 500 };

/* A file in three chunks, and what describes it. */
struct sent {
    struct folder *folder;
    struct xftp_description *description;
    uint8_t chunks[PARTS][65536];
};

static struct sent *send_file(struct folder *folder, const char *name) {
    struct sent *sent = calloc(1, sizeof *sent);
    struct pattern pattern = {.size = FILE_SIZE, .piece = 10000};
    struct file_split_options options = {
        .name = slice_of_text(name), .size = FILE_SIZE, .source = {pattern_read, &pattern}};
    struct file_split *split = NULL;
    struct split_chunk chunk;
    uint16_t server;
    struct server_address address = server_called("xftp://AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=@localhost");
    struct key_pair pair;
    assert_non_null(sent);
    sent->folder = folder;
    random_bytes(options.key, sizeof options.key);
    random_bytes(options.nonce, sizeof options.nonce);
    assert_int_equal(key_pair_generate(KEY_ED25519, &pair), SMQ_OK);
    assert_int_equal(file_split_create(&options, &split), SMQ_OK);
    assert_int_equal(file_split_count(split), PARTS);
    assert_int_equal(xftp_description_create(PARTS, PARTS, 1, &sent->description), SMQ_OK);
    assert_int_equal(xftp_description_add_server(sent->description, &address, &server), SMQ_OK);
    for (unsigned i = 0; i < PARTS; i++) {
        assert_int_equal(file_split_next(split, sent->chunks[i], 65536, &chunk), SMQ_OK);
        assert_int_equal(xftp_description_add_chunk(sent->description, chunk.size, chunk.digest), SMQ_OK);
        assert_int_equal(
            xftp_description_add_replica(sent->description, server, slice_of_text("id"), &pair.private_key), SMQ_OK);
    }
    assert_int_equal(file_split_digest(split, sent->description->digest), SMQ_OK);
    memcpy(sent->description->key, options.key, sizeof options.key);
    memcpy(sent->description->nonce, options.nonce, sizeof options.nonce);
    sent->description->size = (int64_t)file_split_encrypted_size(split);
    sent->description->chunk_size = 65536;
    file_split_destroy(&split);
    char path[128];
    snprintf(path, sizeof path, "%s/out", folder->path);
    assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    return sent;
}

static void forget(struct sent *sent) {
    xftp_description_destroy(&sent->description);
    free(sent);
}

static enum smq_result open_join(struct sent *sent, const char *target_name, struct file_join **join) {
    char work[128], out[128];
    snprintf(work, sizeof work, "%s/work", sent->folder->path);
    snprintf(out, sizeof out, "%s/out", sent->folder->path);
    struct file_join_options options = {
        .description = sent->description, .work_folder = work, .target_folder = out, .target_name = target_name};
    return file_join_open(&options, join);
}

static void give_chunk(struct sent *sent, struct file_join *join, size_t index) {
    for (uint32_t at = 0; at < 65536; at += 16384)
        assert_int_equal(file_join_write(join, index, at, slice_of(sent->chunks[index] + at, 16384)), SMQ_OK);
    assert_int_equal(file_join_chunk_done(join, index), SMQ_OK);
}

static enum smq_result run(struct file_join *join) {
    enum smq_result result;
    while ((result = file_join_step(join)) == SMQ_OK)
        continue;
    return result;
}

static void expect_content(struct sent *sent, const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/out/%s", sent->folder->path, name);
    struct slice bytes = read_whole(path);
    assert_int_equal(bytes.length, FILE_SIZE);
    for (size_t i = 0; i < bytes.length; i++)
        assert_int_equal(bytes.bytes[i], pattern_byte(i));
    free_slice(bytes);
}

static unsigned count_outputs(struct sent *sent) {
    char path[128];
    snprintf(path, sizeof path, "%s/out", sent->folder->path);
    return count_entries(path);
}

static void test_chunks_in_any_order_become_the_file(void **state) {
    struct sent *sent = send_file(*state, "a.txt");
    struct file_join *join = NULL;
    char name[OUTPUT_NAME_SIZE];
    assert_int_equal(open_join(sent, NULL, &join), SMQ_OK);
    give_chunk(sent, join, 2);
    assert_int_equal(run(join), SMQ_ERR_AGAIN);
    give_chunk(sent, join, 0);
    assert_int_equal(run(join), SMQ_ERR_AGAIN);
    assert_int_equal(file_join_finish(join, name), SMQ_ERR_INVALID);
    give_chunk(sent, join, 1);
    assert_int_equal(file_join_bytes(join), 3 * 65536);
    assert_int_equal(run(join), SMQ_ERR_EMPTY);
    assert_int_equal(file_join_finish(join, name), SMQ_OK);
    file_join_close(&join);
    assert_string_equal(name, "a.txt");
    expect_content(sent, name);
    assert_int_equal(count_outputs(sent), 1);
    assert_int_equal(count_entries(sent->folder->path), 1); /* the work folder is gone */
    forget(sent);
}

static void test_an_interrupted_file_goes_on(void **state) {
    struct sent *sent = send_file(*state, "a.txt");
    struct file_join *join = NULL;
    struct file_join *other = NULL;
    char name[OUTPUT_NAME_SIZE];
    assert_int_equal(open_join(sent, NULL, &join), SMQ_OK);
    assert_int_equal(open_join(sent, NULL, &other), SMQ_ERR_EXISTS); /* one at a time */
    give_chunk(sent, join, 1);
    assert_int_equal(file_join_write(join, 0, 0, slice_of(sent->chunks[0], 1000)), SMQ_OK);
    file_join_close(&join);
    assert_int_equal(count_outputs(sent), 0);
    assert_int_equal(open_join(sent, NULL, &join), SMQ_OK);
    assert_true(file_join_has(join, 1));
    assert_false(file_join_has(join, 0));
    assert_int_equal(file_join_bytes(join), 65536);
    give_chunk(sent, join, 0);
    give_chunk(sent, join, 2);
    assert_int_equal(run(join), SMQ_ERR_EMPTY);
    assert_int_equal(file_join_finish(join, name), SMQ_OK);
    file_join_close(&join);
    expect_content(sent, "a.txt");
    forget(sent);
}

/* The state says that the chunk is there, but the machine lost its bytes; a process was killed while it wrote. */
static void test_what_was_lost_or_left_behind_is_noticed(void **state) {
    struct sent *sent = send_file(*state, "a.txt");
    struct file_join *join = NULL;
    char chunks[128], state_path[128], stale[160];
    assert_int_equal(open_join(sent, NULL, &join), SMQ_OK);
    give_chunk(sent, join, 0);
    give_chunk(sent, join, 1);
    file_join_close(&join);
    snprintf(chunks, sizeof chunks, "%s/work/chunks", sent->folder->path);
    snprintf(state_path, sizeof state_path, "%s/work/state", sent->folder->path);
    snprintf(stale, sizeof stale, "%s/out/.xftp-0123456789abcdef.part", sent->folder->path);
    assert_int_equal(truncate(chunks, 65536 + 7), 0);
    FILE *file = fopen(state_path, "a");
    fprintf(file, "output %s\nchunk 99\nchunk x\nchunk 2", stale); /* the last line is not whole */
    fclose(file);
    close(open(stale, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(open_join(sent, NULL, &join), SMQ_OK);
    assert_true(file_join_has(join, 0));
    assert_false(file_join_has(join, 1));
    assert_false(file_join_has(join, 2));
    assert_int_equal(access(stale, F_OK), -1);
    file_join_discard(&join);
    assert_int_equal(count_entries(sent->folder->path), 1);
    forget(sent);
}

static void test_a_state_removes_no_file_but_its_own(void **state) {
    struct sent *sent = send_file(*state, "a.txt");
    struct file_join *join = NULL;
    char state_path[128], precious[160];
    assert_int_equal(open_join(sent, NULL, &join), SMQ_OK);
    file_join_close(&join);
    snprintf(state_path, sizeof state_path, "%s/work/state", sent->folder->path);
    snprintf(precious, sizeof precious, "%s/out/precious", sent->folder->path);
    FILE *file = fopen(state_path, "a");
    fprintf(file, "output %s\n", precious);
    fclose(file);
    close(open(precious, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(open_join(sent, NULL, &join), SMQ_OK);
    assert_int_equal(access(precious, F_OK), 0);
    file_join_close(&join);
    forget(sent);
}

static void test_another_file_in_the_work_folder_is_left_alone(void **state) {
    struct sent *sent = send_file(*state, "a.txt");
    struct sent *other = send_file(*state, "b.txt");
    struct file_join *join = NULL;
    assert_int_equal(open_join(sent, NULL, &join), SMQ_OK);
    give_chunk(sent, join, 0);
    file_join_close(&join);
    assert_int_equal(open_join(other, NULL, &join), SMQ_ERR_EXISTS);
    assert_int_equal(open_join(sent, NULL, &join), SMQ_OK);
    assert_true(file_join_has(join, 0));
    file_join_close(&join);
    forget(sent);
    forget(other);
}

static void test_a_work_folder_that_others_can_write_to_is_refused(void **state) {
    struct sent *sent = send_file(*state, "a.txt");
    struct file_join *join = NULL;
    char work[128];
    snprintf(work, sizeof work, "%s/work", sent->folder->path);
    assert_int_equal(mkdir(work, 0700), 0);
    assert_int_equal(chmod(work, 0777), 0);
    assert_int_equal(open_join(sent, NULL, &join), SMQ_ERR_SYSTEM);
    assert_int_equal(rmdir(work), 0);
    assert_int_equal(symlink("/tmp", work), 0);
    assert_int_equal(open_join(sent, NULL, &join), SMQ_ERR_SYSTEM);
    assert_null(join);
    forget(sent);
}

/* A router that agrees with a false description cannot make a file of it. */
static void test_wrong_bytes_leave_no_file(void **state) {
    struct sent *sent = send_file(*state, "a.txt");
    struct file_join *join = NULL;
    char name[OUTPUT_NAME_SIZE];
    sent->chunks[1][500] ^= 1;
    assert_int_equal(open_join(sent, NULL, &join), SMQ_OK);
    for (size_t i = 0; i < PARTS; i++)
        give_chunk(sent, join, i);
    assert_int_equal(run(join), SMQ_ERR_EMPTY);
    assert_int_equal(file_join_finish(join, name), SMQ_ERR_CRYPTO);
    file_join_discard(&join);
    assert_int_equal(count_outputs(sent), 0);

    sent->chunks[1][500] ^= 1;
    sent->description->key[0] ^= 1;
    assert_int_equal(open_join(sent, NULL, &join), SMQ_OK);
    for (size_t i = 0; i < PARTS; i++)
        give_chunk(sent, join, i);
    assert_int_equal(run(join), SMQ_ERR_SYNTAX);
    assert_int_equal(file_join_finish(join, name), SMQ_ERR_INVALID);
    file_join_close(&join);
    assert_int_equal(count_outputs(sent), 0);
    forget(sent);
}

static void test_bytes_beyond_a_chunk_are_refused(void **state) {
    struct sent *sent = send_file(*state, "a.txt");
    struct file_join *join = NULL;
    assert_int_equal(open_join(sent, NULL, &join), SMQ_OK);
    assert_int_equal(file_join_write(join, 0, 65536, slice_of_text("x")), SMQ_ERR_TOO_LARGE);
    assert_int_equal(file_join_write(join, 0, 65530, slice_of_text("1234567")), SMQ_ERR_TOO_LARGE);
    assert_int_equal(file_join_write(join, PARTS, 0, slice_of_text("x")), SMQ_ERR_TOO_LARGE);
    assert_int_equal(file_join_chunk_done(join, PARTS), SMQ_ERR_TOO_LARGE);
    file_join_close(&join);
    forget(sent);
}

static void receive_as(struct sent *sent, const char *target_name, enum smq_result expected,
                       char name[OUTPUT_NAME_SIZE]) {
    struct file_join *join = NULL;
    assert_int_equal(open_join(sent, target_name, &join), SMQ_OK);
    for (size_t i = 0; i < PARTS; i++)
        give_chunk(sent, join, i);
    assert_int_equal(run(join), SMQ_ERR_EMPTY);
    assert_int_equal(file_join_finish(join, name), expected);
    file_join_discard(&join);
}

static void test_names_stay_in_the_folder_and_overwrite_nothing(void **state) {
    static const char *const names[][2] = {{"..", "_."}, {".bashrc", "_bashrc"}, {"a\nb", "a_b"},
                                           {"", "file"}, {"c\\d", "c_d"},        {"nul\x01", "nul_"}};
    char name[OUTPUT_NAME_SIZE], path[512];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sent *sent = send_file(*state, names[i][0]);
        receive_as(sent, NULL, SMQ_OK, name);
        assert_string_equal(name, names[i][1]);
        expect_content(sent, name);
        forget(sent);
    }
    struct sent *sent = send_file(*state, "photo.tar.gz");
    snprintf(path, sizeof path, "%s/out/photo.tar.gz", sent->folder->path);
    assert_int_equal(symlink("/nonexistent", path), 0); /* a link that leads nowhere is there, too */
    receive_as(sent, NULL, SMQ_OK, name);
    assert_string_equal(name, "photo_1.tar.gz");
    receive_as(sent, NULL, SMQ_OK, name);
    assert_string_equal(name, "photo_2.tar.gz");
    expect_content(sent, name);
    forget(sent);
}

static void test_a_chosen_name_is_kept_or_refused(void **state) {
    struct sent *sent = send_file(*state, "a.txt");
    struct file_join *join = NULL;
    char name[OUTPUT_NAME_SIZE], path[512];
    receive_as(sent, "mine", SMQ_OK, name);
    assert_string_equal(name, "mine");
    assert_int_equal(open_join(sent, "mine", &join), SMQ_ERR_EXISTS);
    assert_int_equal(open_join(sent, "../mine", &join), SMQ_ERR_INVALID);
    assert_int_equal(open_join(sent, "late", &join), SMQ_OK);
    for (size_t i = 0; i < PARTS; i++)
        give_chunk(sent, join, i);
    snprintf(path, sizeof path, "%s/out/late", sent->folder->path);
    close(open(path, O_CREAT | O_WRONLY, 0600)); /* meanwhile */
    assert_int_equal(run(join), SMQ_ERR_EMPTY);
    assert_int_equal(file_join_finish(join, name), SMQ_ERR_EXISTS);
    file_join_close(&join);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 0);
    forget(sent);
}

static void test_variants_of_long_names_fit(void **state) {
    (void)state;
    char name[OUTPUT_NAME_SIZE], variant[OUTPUT_NAME_SIZE];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    output_name_variant(name, 12, variant);
    assert_int_equal(strlen(variant), sizeof name - 1);
    assert_string_equal(variant + strlen(variant) - 3, "_12");
    memcpy(name + sizeof name - 5, ".txt", 4);
    output_name_variant(name, 12, variant);
    assert_string_equal(variant + strlen(variant) - 7, "_12.txt");
    memset(name, '.', sizeof name - 1);
    output_name_variant(name, 1, variant);
    assert_true(strlen(variant) < sizeof variant);
    output_name_variant("a.b", 0, variant);
    assert_string_equal(variant, "a.b");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_chunks_in_any_order_become_the_file),
        FOLDER_TEST(test_an_interrupted_file_goes_on),
        FOLDER_TEST(test_what_was_lost_or_left_behind_is_noticed),
        FOLDER_TEST(test_a_state_removes_no_file_but_its_own),
        FOLDER_TEST(test_another_file_in_the_work_folder_is_left_alone),
        FOLDER_TEST(test_a_work_folder_that_others_can_write_to_is_refused),
        FOLDER_TEST(test_wrong_bytes_leave_no_file),
        FOLDER_TEST(test_bytes_beyond_a_chunk_are_refused),
        FOLDER_TEST(test_names_stay_in_the_folder_and_overwrite_nothing),
        FOLDER_TEST(test_a_chosen_name_is_kept_or_refused),
        FOLDER_TEST(test_variants_of_long_names_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
