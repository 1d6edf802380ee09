/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Whole files: known answers, every cut, senders and carriers that lie; and names that would be paths. */
#include "queues/base/random.h"
#include "test/unit/transport/xftp_known.h"
#include "transport/xftp/chunk_sizes.h"
#include "transport/xftp/file_cipher.h"
#include "transport/xftp/file_name.h"

enum { FILE_MAX = 200000, ENCRYPTED_MAX = 2 * 262144 };

static uint8_t content[FILE_MAX], encrypted[ENCRYPTED_MAX], decrypted[FILE_MAX];
static uint8_t key[XFTP_FILE_KEY_SIZE], nonce[BOX_NONCE_SIZE];

static int set_up(void **state) {
    int result = set_up_crypto(state);
    random_bytes(content, sizeof content);
    (void)xftp_known("file_key", key, sizeof key);
    (void)xftp_known("nonce", nonce, sizeof nonce);
    return result;
}

/* Encrypts to `encrypted` in pieces of `piece`; the bytes written. */
static size_t encrypt_to(const char *name, size_t size, uint64_t encrypted_size, size_t piece) {
    struct xftp_file_encryption encryption;
    size_t at = 0, length = 0;
    assert_int_equal(
        xftp_file_encrypt_begin(&encryption, key, nonce, slice_of_text(name), size, encrypted_size, encrypted, &at),
        SMQ_OK);
    for (size_t done = 0; done < size; done += piece) {
        struct slice part = slice_of(content + done, size - done < piece ? size - done : piece);
        assert_int_equal(xftp_file_encrypt(&encryption, part, encrypted + at), SMQ_OK);
        at += part.length;
    }
    do {
        size_t room = piece < BOX_TAG_SIZE ? BOX_TAG_SIZE : piece;
        assert_int_equal(xftp_file_encrypt_rest(&encryption, encrypted + at, room, &length), SMQ_OK);
        at += length;
    } while (length > 0);
    return at;
}

/* Encrypts and fills up to the sizes of chunks; the size. */
static size_t encrypt(const char *name, size_t size, size_t piece) {
    struct xftp_chunk_plan plan;
    assert_int_equal(xftp_chunk_plan_of(xftp_file_payload(strlen(name), size), &plan), SMQ_OK);
    assert_true(plan.encrypted_size <= sizeof encrypted);
    assert_int_equal(encrypt_to(name, size, plan.encrypted_size, piece), plan.encrypted_size);
    return (size_t)plan.encrypted_size;
}

struct outcome {
    enum smq_result result;
    size_t size; /* of what was decrypted */
    char name[256];
    bool has_extra;
};

/* Decrypts `length` bytes of `encrypted` in pieces, of which it believes that they are to be `believed`. */
static struct outcome decrypt(size_t length, uint64_t believed, size_t piece) {
    struct xftp_file_decryption decryption;
    struct outcome outcome = {.result = xftp_file_decrypt_begin(&decryption, key, nonce, believed)};
    for (size_t done = 0; done < length && outcome.result == SMQ_OK; done += piece) {
        size_t size = length - done < piece ? length - done : piece;
        uint8_t *exact = heap_copy(encrypted + done, size);
        struct slice part;
        outcome.result = xftp_file_decrypt(&decryption, slice_of(exact, size), exact, &part);
        if (outcome.result == SMQ_OK && part.length > 0) {
            assert_true(part.bytes >= exact && part.bytes + part.length <= exact + size);
            assert_true(part.length <= sizeof decrypted - outcome.size);
            memcpy(decrypted + outcome.size, part.bytes, part.length);
            outcome.size += part.length;
        }
        free(exact);
    }
    if (outcome.result == SMQ_OK)
        outcome.result = xftp_file_decrypt_end(&decryption);
    if (outcome.result == SMQ_OK) {
        memcpy(outcome.name, decryption.header.name.bytes, decryption.header.name.length);
        outcome.has_extra = decryption.header.has_extra;
    }
    xftp_file_decrypt_close(&decryption);
    xftp_file_decrypt_close(&decryption);
    return outcome;
}

static void assert_decrypts(size_t length, const char *name, size_t size, size_t piece) {
    struct outcome outcome = decrypt(length, length, piece);
    assert_int_equal(outcome.result, SMQ_OK);
    assert_string_equal(outcome.name, name);
    assert_int_equal(outcome.size, size);
    assert_memory_equal(decrypted, content, size);
}

/* ---- known answers ---- */

static void test_the_known_file_is_encrypted_as_known(void **state) {
    (void)state;
    uint8_t expected[64], digest[64];
    memcpy(content, "hello", 5);
    assert_int_equal(encrypt("a.txt", 5, 1000), 65536);
    assert_slice_equal(slice_of(encrypted, 16), xftp_known("file_hello_start", expected, sizeof expected));
    assert_slice_equal(slice_of(encrypted + 65536 - 16, 16), xftp_known("file_hello_tag", expected, sizeof expected));
    assert_known_sha256(slice_of(encrypted, 65536), "digest"); /* the chunk of the known FNEW */
    assert_int_equal(hash_slice(HASH_SHA512, slice_of(encrypted, 65536), digest), SMQ_OK);
    assert_slice_equal(slice_of(digest, 64), xftp_known("file_hello_sha512", expected, sizeof expected));
    assert_decrypts(65536, "a.txt", 5, 4096);
}

/* ---- honest files ---- */

static void test_files_come_back_however_they_are_cut(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 1000, 65536 - 33, 65536, FILE_MAX};
    static const size_t pieces[] = {17, 1024, 16384, 65536, ENCRYPTED_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t j = 0; j < sizeof pieces / sizeof pieces[0]; j++) {
            size_t length = encrypt("name of a file.bin", sizes[i], pieces[j]);
            assert_decrypts(length, "name of a file.bin", sizes[i], pieces[sizeof pieces / sizeof pieces[0] - 1 - j]);
        }
    }
    size_t length = encrypt("x", 3000, 16384);
    assert_decrypts(length, "x", 3000, 1);
}

static void test_names_of_every_length_are_kept(void **state) {
    (void)state;
    char name[257];
    memset(name, 'n', sizeof name);
    for (size_t length = 0; length <= 255; length += 51) {
        name[length] = '\0';
        size_t size = encrypt(name, 100, 64);
        for (size_t piece = 1; piece < 600; piece += 149)
            assert_decrypts(size, name, 100, piece);
        name[length] = 'n';
    }
    name[256] = '\0';
    struct xftp_file_encryption encryption;
    size_t written = 0;
    assert_int_equal(
        xftp_file_encrypt_begin(&encryption, key, nonce, slice_of_text(name), 1, 65536, encrypted, &written),
        SMQ_ERR_TOO_LARGE);
}

static void test_a_file_that_fills_its_chunks_needs_no_filler(void **state) {
    (void)state;
    size_t size = 65536 - (size_t)xftp_file_payload(1, 0);
    assert_int_equal(xftp_file_payload(1, size), 65536);
    assert_int_equal(encrypt("a", size, 16), 65536);
    assert_decrypts(65536, "a", size, 16384);
    assert_int_equal(encrypt("a", size + 1, 16384), 131072);
    assert_decrypts(131072, "a", size + 1, 16384);
}

/* ---- wrong use ---- */

static void test_a_file_gets_as_many_bytes_as_it_said(void **state) {
    (void)state;
    struct xftp_file_encryption encryption;
    size_t length = 0;
    assert_int_equal(xftp_file_encrypt_begin(&encryption, key, nonce, slice_of_text("a"), 10, 36, encrypted, &length),
                     SMQ_ERR_INVALID); /* one byte too small */
    assert_int_equal(xftp_file_encrypt_begin(&encryption, key, nonce, slice_of_text("a"), 10, 37, encrypted, &length),
                     SMQ_OK);
    assert_int_equal(xftp_file_encrypt(&encryption, slice_of(content, 11), encrypted), SMQ_ERR_TOO_LARGE);
    assert_int_equal(xftp_file_encrypt(&encryption, slice_of(content, 9), encrypted), SMQ_OK);
    assert_int_equal(xftp_file_encrypt_rest(&encryption, encrypted, 100, &length), SMQ_ERR_INVALID);
    assert_int_equal(xftp_file_encrypt(&encryption, slice_of(content, 1), encrypted), SMQ_OK);
    assert_int_equal(xftp_file_encrypt_rest(&encryption, encrypted, 15, &length), SMQ_ERR_INVALID);
    assert_int_equal(xftp_file_encrypt_rest(&encryption, encrypted, 16, &length), SMQ_OK);
    assert_int_equal(length, 16);
    xftp_file_encrypt_abort(&encryption);
}

static void test_sizes_do_not_overflow(void **state) {
    (void)state;
    struct xftp_file_encryption encryption;
    size_t length = 0;
    assert_int_equal(xftp_file_payload(255, UINT64_MAX), UINT64_MAX);
    assert_int_equal(xftp_file_payload(255, INT64_MAX), UINT64_MAX);
    assert_int_equal(xftp_file_payload(1, 100), 127);
    assert_int_equal(xftp_file_encrypt_begin(&encryption, key, nonce, slice_of_text("a"), UINT64_MAX, UINT64_MAX - 1,
                                             encrypted, &length),
                     SMQ_ERR_INVALID);
}

/* ---- damage ---- */

static void test_every_changed_bit_is_seen(void **state) {
    (void)state;
    size_t length = encrypt_to("name", 100, 160, 64);
    assert_int_equal(length, 160);
    for (size_t bit = 0; bit < 8 * length; bit++) {
        encrypted[bit / 8] ^= (uint8_t)(1U << bit % 8);
        enum smq_result result = decrypt(length, length, 50).result;
        assert_true(result == SMQ_ERR_CRYPTO || result == SMQ_ERR_SYNTAX);
        encrypted[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_decrypts(length, "name", 100, 50);
}

static void test_a_cut_file_is_seen(void **state) {
    (void)state;
    size_t length = encrypt_to("name", 100, 160, 64);
    for (size_t cut = 0; cut < length; cut++) {
        assert_int_not_equal(decrypt(cut, length, 30).result, SMQ_OK); /* fewer bytes than the description says */
        assert_int_not_equal(decrypt(cut, cut, 30).result, SMQ_OK);    /* and a description that lies too */
        assert_int_not_equal(decrypt(length, cut, 30).result, SMQ_OK);
    }
}

static void test_more_bytes_than_the_file_has_are_refused(void **state) {
    (void)state;
    size_t length = encrypt_to("name", 100, 160, 64);
    encrypted[length] = 0;
    assert_int_equal(decrypt(length + 1, length, 1000).result, SMQ_ERR_TOO_LARGE);
    assert_int_equal(decrypt(length + 1, length, 1).result, SMQ_ERR_TOO_LARGE);
}

static void test_another_key_or_nonce_gives_nothing(void **state) {
    (void)state;
    size_t length = encrypt_to("name", 100, 160, 64);
    key[0] ^= 1;
    assert_int_not_equal(decrypt(length, length, 1000).result, SMQ_OK);
    key[0] ^= 1;
    nonce[23] ^= 1;
    assert_int_not_equal(decrypt(length, length, 1000).result, SMQ_OK);
    nonce[23] ^= 1;
}

/* ---- senders that lie: good ciphers of bad files ---- */

/* Encrypts these bytes as they are, and a good tag; then decrypts them in pieces of every size. */
static void assert_plain(struct slice plain, enum smq_result expected, size_t expected_size) {
    struct box_key ready;
    struct box_stream stream;
    box_key_of_secret(key, &ready);
    for (size_t piece = 1; piece <= plain.length + BOX_TAG_SIZE; piece++) {
        box_stream_begin(&stream, &ready, nonce);
        box_stream_encrypt(&stream, plain, encrypted);
        box_stream_end(&stream, encrypted + plain.length);
        struct outcome outcome = decrypt(plain.length + BOX_TAG_SIZE, plain.length + BOX_TAG_SIZE, piece);
        assert_int_equal(outcome.result, expected);
        if (expected == SMQ_OK)
            assert_int_equal(outcome.size, expected_size);
    }
}

static void assert_plain_hex(const char *hex, enum smq_result expected, size_t expected_size) {
    uint8_t bytes[256];
    assert_plain(from_hex(hex, bytes, sizeof bytes), expected, expected_size);
}

static void test_lengths_and_headers_that_lie_are_refused(void **state) {
    (void)state;
    assert_plain_hex("0000000000000002 00 30", SMQ_OK, 0);
    assert_plain_hex("0000000000000005 01 61 30 6161", SMQ_OK, 2);
    assert_plain_hex("0000000000000004 01 61 30 61 2323", SMQ_OK, 1);
    assert_plain_hex("0000000000000008 01 61 31 02 7879 6161 23", SMQ_OK, 2);
    assert_plain_hex("ffffffffffffffff 01 61 30 6161", SMQ_ERR_SYNTAX, 0); /* negative */
    assert_plain_hex("8000000000000000 01 61 30 6161", SMQ_ERR_SYNTAX, 0);
    assert_plain_hex("7fffffffffffffff 01 61 30 6161", SMQ_ERR_SYNTAX, 0); /* more than there is */
    assert_plain_hex("0000000000000006 01 61 30 6161", SMQ_ERR_SYNTAX, 0);
    assert_plain_hex("0000000000000000 01 61 30 6161", SMQ_ERR_SYNTAX, 0); /* header beyond the length */
    assert_plain_hex("0000000000000001 01 61 30 6161", SMQ_ERR_SYNTAX, 0);
    assert_plain_hex("0000000000000002 01 61 30 6161", SMQ_ERR_SYNTAX, 0);
    assert_plain_hex("0000000000000005 05 61 30 6161", SMQ_ERR_SYNTAX, 0); /* name beyond the length */
    assert_plain_hex("0000000000000005 01 61 32 6161", SMQ_ERR_SYNTAX, 0); /* no mark */
    assert_plain_hex("0000000000000005 01 61 31 0261", SMQ_ERR_SYNTAX, 0); /* extra beyond the length */
    assert_plain_hex("0000000000000002 ff 30", SMQ_ERR_SYNTAX, 0);
}

static void test_the_longest_header_is_taken(void **state) {
    (void)state;
    uint8_t bytes[XFTP_FILE_PREFIX_MAX + 10];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_i64(&writer, XFTP_FILE_HEADER_MAX + 3);
    write_u8(&writer, 255);
    memset(write_reserve(&writer, 255), 'n', 255);
    write_u8(&writer, '1');
    write_u8(&writer, 255);
    memset(write_reserve(&writer, 255), 'x', 255);
    write_text(&writer, "abc#######");
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_plain(slice_of(bytes, sizeof bytes), SMQ_OK, 3);
    assert_memory_equal(decrypted, "abc", 3);
}

static void test_no_file_is_smaller_than_its_header(void **state) {
    (void)state;
    struct xftp_file_decryption decryption;
    for (uint64_t size = 0; size < 26; size++)
        assert_int_equal(xftp_file_decrypt_begin(&decryption, key, nonce, size), SMQ_ERR_INVALID);
    assert_int_equal(xftp_file_decrypt_begin(&decryption, key, nonce, 26), SMQ_OK);
    assert_int_equal(xftp_file_decrypt_end(&decryption), SMQ_ERR_SYNTAX);
    xftp_file_decrypt_close(&decryption);
}

/* ---- names ---- */

static void assert_safe(const char *name, size_t length, const char *expected) {
    char safe[XFTP_FILE_NAME_MAX + 1];
    uint8_t *exact = heap_copy(name, length);
    xftp_file_name_make_safe(slice_of(exact, length), safe);
    assert_string_equal(safe, expected);
    free(exact);
}

static void test_names_are_single_components_of_paths(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"holiday photo (1).jpg", "holiday photo (1).jpg"},
        {"\xd1\x84\xd0\xb0\xd0\xb9\xd0\xbb.txt", "\xd1\x84\xd0\xb0\xd0\xb9\xd0\xbb.txt"},
        {"\xf0\x9f\x8e\x89.gif", "\xf0\x9f\x8e\x89.gif"},
        {"", "file"},
        {".", "_"},
        {"..", "_."},
        {"../../etc/passwd", "_._.._etc_passwd"},
        {"/etc/passwd", "_etc_passwd"},
        {"..\\..\\windows", "_._.._windows"},
        {".bashrc", "_bashrc"},
        {"a\nb\rc\td\x1b[31m", "a_b_c_d_[31m"},
        {"a\177b", "a_b"},
        {"a\302\205b", "a_b"},                         /* C1 */
        {"photo\342\200\256gpj.exe", "photo_gpj.exe"}, /* right to left from here on */
        {"a\342\201\246b\342\200\216c", "a_b_c"},
        {"a\342\200\250b", "a_b"},                                  /* line separator */
        {"a\377b", "a\357\277\275b"},                               /* no UTF-8 */
        {"a\300\257b", "a\357\277\275\357\277\275b"},               /* overlong slash */
        {"a\xed\xa0\x80", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
        {"a\xe2\x82", "a\xef\xbf\xbd\xef\xbf\xbd"},                 /* cut */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_safe(rows[i][0], strlen(rows[i][0]), rows[i][1]);
    assert_safe("a\0b", 3, "a_b");
    assert_safe("\0", 1, "_");
}

static void test_long_names_are_cut_between_characters(void **state) {
    (void)state;
    char name[1024], expected[XFTP_FILE_NAME_MAX + 1];
    memset(name, 'n', sizeof name);
    memset(expected, 'n', sizeof expected);
    expected[255] = '\0';
    assert_safe(name, 255, expected);
    assert_safe(name, 256, expected);
    memcpy(name + 254, "\xf0\x9f\x8e\x89", 4);
    expected[254] = '\0';
    assert_safe(name, 258, expected);
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = (char)0xff; /* each becomes three bytes */
    char safe[XFTP_FILE_NAME_MAX + 1];
    xftp_file_name_make_safe(slice_of(name, sizeof name), safe);
    assert_int_equal(strlen(safe), 255);
}

static void test_no_name_at_all_gets_out_of_its_folder(void **state) {
    (void)state;
    static const char letters[] = "./\\\0~ab \n\xe2\x80\xae\xc2\x85\xff";
    for (int round = 0; round < 20000; round++) {
        char name[12], safe[XFTP_FILE_NAME_MAX + 1];
        size_t length = random_below(sizeof name + 1);
        for (size_t i = 0; i < length; i++)
            name[i] = letters[random_below(sizeof letters - 1)];
        xftp_file_name_make_safe(slice_of(name, length), safe);
        assert_true(safe[0] != '\0' && safe[0] != '.');
        assert_null(strpbrk(safe, "/\\\n"));
        assert_true(strlen(safe) <= XFTP_FILE_NAME_MAX);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_known_file_is_encrypted_as_known),
        cmocka_unit_test(test_files_come_back_however_they_are_cut),
        cmocka_unit_test(test_names_of_every_length_are_kept),
        cmocka_unit_test(test_a_file_that_fills_its_chunks_needs_no_filler),
        cmocka_unit_test(test_a_file_gets_as_many_bytes_as_it_said),
        cmocka_unit_test(test_sizes_do_not_overflow),
        cmocka_unit_test(test_every_changed_bit_is_seen),
        cmocka_unit_test(test_a_cut_file_is_seen),
        cmocka_unit_test(test_more_bytes_than_the_file_has_are_refused),
        cmocka_unit_test(test_another_key_or_nonce_gives_nothing),
        cmocka_unit_test(test_lengths_and_headers_that_lie_are_refused),
        cmocka_unit_test(test_the_longest_header_is_taken),
        cmocka_unit_test(test_no_file_is_smaller_than_its_header),
        cmocka_unit_test(test_names_are_single_components_of_paths),
        cmocka_unit_test(test_long_names_are_cut_between_characters),
        cmocka_unit_test(test_no_name_at_all_gets_out_of_its_folder),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
