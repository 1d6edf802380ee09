/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Files are cut into the chunks that the reference cuts them into, whatever pieces the source gives. */
#include "test/unit/actors/client/xftp/xftp_file_helpers.h"

#include "transport/crypto/hash.h"

/* Content of one byte, or of a buffer. */
struct content {
    const uint8_t *bytes; /* NULL: all are 'x' */
    uint64_t at, size;
};

static enum smq_result content_read(void *context, uint8_t *room, size_t size, size_t *length) {
    struct content *content = context;
    if (content->at >= content->size)
        return SMQ_ERR_EMPTY;
    size_t left = (size_t)(content->size - content->at);
    *length = size < left ? size : left;
    if (content->bytes != NULL)
        memcpy(room, content->bytes + content->at, *length);
    else
        memset(room, 'x', *length);
    content->at += *length;
    return SMQ_OK;
}

static void expect_capture(const char *vector, const char *name, struct content content) {
    struct slice text = read_xftp_vector(vector);
    struct xftp_description *description = parse_description(text);
    struct file_split_options options = {
        .name = slice_of_text(name), .size = content.size, .source = {content_read, &content}};
    struct file_split *split = NULL;
    struct split_chunk chunk;
    uint8_t digest[XFTP_FILE_DIGEST_SIZE];
    uint8_t *room = malloc(CHUNK_MAX);
    memcpy(options.key, description->key, sizeof options.key);
    memcpy(options.nonce, description->nonce, sizeof options.nonce);
    assert_int_equal(file_split_create(&options, &split), SMQ_OK);
    assert_int_equal(file_split_count(split), description->chunk_count);
    assert_int_equal(file_split_encrypted_size(split), description->size);
    for (size_t i = 0; i < description->chunk_count; i++) {
        assert_int_equal(file_split_next(split, room, CHUNK_MAX, &chunk), SMQ_OK);
        assert_int_equal(chunk.index, i);
        assert_int_equal(chunk.size, description->chunks[i].size);
        assert_memory_equal(chunk.digest, description->chunks[i].digest, sizeof chunk.digest);
    }
    assert_int_equal(file_split_next(split, room, CHUNK_MAX, &chunk), SMQ_ERR_EMPTY);
    assert_int_equal(file_split_digest(split, digest), SMQ_OK);
    assert_memory_equal(digest, description->digest, sizeof digest);
    file_split_destroy(&split);
    free(room);
    free_slice(text);
    xftp_description_destroy(&description);
}

static void test_files_of_the_reference_give_its_chunks(void **state) {
    (void)state;
    struct slice small = read_xftp_vector("small.txt");
    expect_capture("small.rcv1.xftp", "small.txt", (struct content){.bytes = small.bytes, .size = small.length});
    expect_capture("big.rcv1.xftp", "big.bin", (struct content){.size = 5000000});
    free_slice(small);
}

/* The digest of a file of this size whose source gives pieces of this size. */
static void digest_of(uint64_t size, size_t piece, uint8_t digest[XFTP_FILE_DIGEST_SIZE], uint64_t *total) {
    struct pattern pattern = {.size = size, .piece = piece};
    struct file_split_options options = {.name = slice_of_text("n"), .size = size, .source = {pattern_read, &pattern}};
    struct file_split *split = NULL;
    struct split_chunk chunk;
    static uint8_t room[CHUNK_MAX];
    enum smq_result result;
    *total = 0;
    assert_int_equal(file_split_create(&options, &split), SMQ_OK);
    while ((result = file_split_next(split, room, sizeof room, &chunk)) == SMQ_OK)
        *total += chunk.size;
    assert_int_equal(result, SMQ_ERR_EMPTY);
    assert_int_equal(*total, file_split_encrypted_size(split));
    assert_int_equal(file_split_digest(split, digest), SMQ_OK);
    file_split_destroy(&split);
}

/* Where content, filler and tag meet the border of two chunks, 11 bytes of header and length before them. */
static void test_every_place_of_the_tag_at_a_border_works(void **state) {
    (void)state;
    uint8_t whole[XFTP_FILE_DIGEST_SIZE], pieces[XFTP_FILE_DIGEST_SIZE];
    uint64_t total;
    for (uint64_t size = 65536 - 40; size <= 65536 + 10; size++) {
        digest_of(size, SIZE_MAX, whole, &total);
        assert_int_equal(total, size + 11 + 16 <= 65536 ? 65536 : 131072);
        digest_of(size, 4099, pieces, &total);
        assert_memory_equal(whole, pieces, sizeof whole);
    }
    digest_of(0, 1, whole, &total);
    assert_int_equal(total, 65536);
}

static void expect_refusal(uint64_t stated, uint64_t there) {
    struct pattern pattern = {.size = there, .piece = 1000};
    struct file_split_options options = {
        .name = slice_of_text("n"), .size = stated, .source = {pattern_read, &pattern}};
    struct file_split *split = NULL;
    struct split_chunk chunk;
    static uint8_t room[CHUNK_MAX];
    uint8_t digest[XFTP_FILE_DIGEST_SIZE];
    enum smq_result result;
    assert_int_equal(file_split_create(&options, &split), SMQ_OK);
    while ((result = file_split_next(split, room, sizeof room, &chunk)) == SMQ_OK)
        continue;
    assert_int_equal(result, SMQ_ERR_INVALID);
    assert_int_equal(file_split_next(split, room, sizeof room, &chunk), SMQ_ERR_INVALID);
    assert_int_equal(file_split_digest(split, digest), SMQ_ERR_INVALID);
    file_split_destroy(&split);
}

static void test_a_file_that_changed_its_length_is_not_sent(void **state) {
    (void)state;
    expect_refusal(100000, 99999);
    expect_refusal(100000, 100001);
    expect_refusal(0, 1);
    expect_refusal(300000, 0);
}

static void test_names_and_sizes_that_cannot_be_are_refused(void **state) {
    (void)state;
    struct pattern pattern = {0};
    char name[300] = "";
    struct file_split *split = NULL;
    struct file_split_options options = {.name = slice_of(name, 256), .source = {pattern_read, &pattern}};
    memset(name, 'a', sizeof name);
    assert_int_equal(file_split_create(&options, &split), SMQ_ERR_TOO_LARGE);
    options.name = slice_of_text("../a");
    assert_int_equal(file_split_create(&options, &split), SMQ_ERR_INVALID);
    options.name = slice_of_text("a");
    options.size = UINT64_MAX - 5;
    assert_int_equal(file_split_create(&options, &split), SMQ_ERR_TOO_LARGE);
    options.size = 4194304;
    options.is_single = true;
    assert_int_equal(file_split_create(&options, &split), SMQ_ERR_TOO_LARGE);
    assert_null(split);
}

static void test_a_description_is_sent_in_one_chunk(void **state) {
    (void)state;
    struct pattern pattern = {.size = 65536, .piece = 65536};
    struct file_split_options options = {
        .name = slice_of_text("direct.yaml"), .size = 65536, .source = {pattern_read, &pattern}, .is_single = true};
    struct file_split *split = NULL;
    struct split_chunk chunk;
    static uint8_t room[CHUNK_MAX];
    assert_int_equal(file_split_create(&options, &split), SMQ_OK);
    assert_int_equal(file_split_count(split), 1);
    assert_int_equal(file_split_next(split, room, 65536, &chunk), SMQ_ERR_TOO_LARGE);
    assert_int_equal(file_split_next(split, room, sizeof room, &chunk), SMQ_OK);
    assert_int_equal(chunk.size, 262144);
    file_split_destroy(&split);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_files_of_the_reference_give_its_chunks),
        FOLDER_TEST(test_every_place_of_the_tag_at_a_border_works),
        FOLDER_TEST(test_a_file_that_changed_its_length_is_not_sent),
        FOLDER_TEST(test_names_and_sizes_that_cannot_be_are_refused),
        FOLDER_TEST(test_a_description_is_sent_in_one_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
