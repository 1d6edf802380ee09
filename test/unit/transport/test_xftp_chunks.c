/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Chunks of files: how a file is cut, and their encryption on the way to a recipient, with a router that sends too
 * little, too much, other bytes, or lies about the digest. */
#include "queues/base/fault.h"
#include "queues/base/random.h"
#include "test/unit/transport/xftp_known.h"
#include "transport/xftp/chunk_cipher.h"
#include "transport/xftp/chunk_sizes.h"

enum { KIB = 1024, MIB = 1024 * 1024, CHUNK = 65536 };

/* ---- sizes ---- */

static void assert_plan(uint64_t payload, const char *expected) {
    char text[256] = "";
    struct xftp_chunk_plan plan;
    uint64_t sum = 0;
    assert_int_equal(xftp_chunk_plan_of(payload, &plan), SMQ_OK);
    for (uint64_t i = 0; i < xftp_chunk_plan_count(&plan); i++) {
        uint32_t size = xftp_chunk_plan_size(&plan, i);
        size_t length = strlen(text);
        assert_int_equal(xftp_chunk_plan_offset(&plan, i), sum);
        snprintf(text + length, sizeof text - length, "%s%u%s", i > 0 ? "+" : "", size >= MIB ? size / MIB : size / KIB,
                 size >= MIB ? "m" : "k");
        sum += size;
    }
    assert_string_equal(text, expected);
    assert_int_equal(plan.encrypted_size, sum);
    assert_true(sum >= payload);
    assert_int_equal(xftp_chunk_plan_size(&plan, xftp_chunk_plan_count(&plan)), 0);
}

static void test_plans_are_the_known_ones(void **state) {
    (void)state;
    assert_plan(0, "");
    assert_plan(1, "64k");
    assert_plan(65536, "64k");
    assert_plan(65537, "64k+64k");
    assert_plan(196608, "64k+64k+64k");
    assert_plan(196609, "256k");
    assert_plan(262145, "256k+64k");
    assert_plan(786432, "256k+256k+256k");
    assert_plan(786433, "1m");
    assert_plan(1048577, "1m+256k");
    assert_plan(3145728, "1m+1m+1m");
    assert_plan(3145729, "4m");
    assert_plan(4194305, "4m+1m");
    assert_plan(9 * MIB, "4m+4m+1m");
    assert_plan(7 * MIB + 1, "4m+4m");
    assert_plan(7 * MIB, "4m+1m+1m+1m");
}

/* One size after the other, as the reference's recursion takes them. */
static void test_plans_follow_the_rule(void **state) {
    (void)state;
    static const uint32_t sizes[] = {64 * KIB, 256 * KIB, MIB, 4 * MIB};
    for (int round = 0; round < 20000; round++) {
        uint64_t payload = random_below(20 * MIB), left = payload, index = 0;
        struct xftp_chunk_plan plan;
        unsigned pair = payload > 3 * MIB ? 2 : payload > 768 * KIB ? 1 : 0;
        assert_int_equal(xftp_chunk_plan_of(payload, &plan), SMQ_OK);
        while (left > 0) {
            bool large = left > sizes[pair + 1] / 4 * 3;
            uint32_t size = sizes[large ? pair + 1 : pair];
            assert_int_equal(xftp_chunk_plan_size(&plan, index++), size);
            left = left > size ? left - size : 0;
        }
        assert_int_equal(xftp_chunk_plan_count(&plan), index);
    }
}

static void test_plans_of_the_largest_files_do_not_overflow(void **state) {
    (void)state;
    struct xftp_chunk_plan plan;
    uint32_t size = 0;
    assert_int_equal(xftp_chunk_plan_of((uint64_t)1 << 62, &plan), SMQ_OK);
    assert_int_equal(plan.encrypted_size, (uint64_t)1 << 62);
    assert_int_equal(xftp_chunk_plan_of(((uint64_t)1 << 62) + 1, &plan), SMQ_ERR_TOO_LARGE);
    assert_int_equal(xftp_chunk_plan_of(UINT64_MAX, &plan), SMQ_ERR_TOO_LARGE);
    assert_int_equal(xftp_single_chunk_size(UINT64_MAX, &size), SMQ_ERR_TOO_LARGE);
}

static void test_a_single_chunk_is_the_smallest_that_is_large_enough(void **state) {
    (void)state;
    for (size_t i = 0; i < XFTP_CHUNK_SIZE_COUNT; i++) {
        uint32_t size = 0;
        assert_int_equal(xftp_single_chunk_size(xftp_chunk_sizes[i], &size), SMQ_OK);
        assert_int_equal(size, xftp_chunk_sizes[i]);
        assert_int_equal(xftp_single_chunk_size(xftp_chunk_sizes[i] + 1, &size),
                         i + 1 < XFTP_CHUNK_SIZE_COUNT ? SMQ_OK : SMQ_ERR_TOO_LARGE);
    }
}

/* ---- size and digest of an upload ---- */

static uint8_t chunk[CHUNK], digest[32], body[CHUNK + BOX_TAG_SIZE + 1];

static int set_up(void **state) {
    int result = set_up_crypto(state);
    random_bytes(chunk, sizeof chunk);
    return hash_slice(HASH_SHA256, slice_of(chunk, sizeof chunk), digest) == SMQ_OK ? result : -1;
}

/* Feeds `length` bytes in pieces; the outcome of the upload, NONE when it is good. */
static enum xftp_error_code upload(const uint8_t *bytes, size_t length, uint32_t size, struct slice promised) {
    struct xftp_chunk_check check;
    struct xftp_error error = xftp_error_of(XFTP_ERROR_NONE);
    enum smq_result result = xftp_chunk_check_begin(&check, size, promised);
    assert_int_equal(result, SMQ_OK);
    for (size_t done = 0; done < length && result == SMQ_OK; done += 1000)
        result =
            xftp_chunk_check_add(&check, slice_of(bytes + done, length - done < 1000 ? length - done : 1000), &error);
    if (result == SMQ_OK)
        result = xftp_chunk_check_end(&check, &error);
    assert_int_equal(result == SMQ_OK, error.code == XFTP_ERROR_NONE);
    xftp_chunk_check_close(&check);
    xftp_chunk_check_close(&check);
    return error.code;
}

static void test_uploads_are_what_was_promised(void **state) {
    (void)state;
    struct slice promised = slice_of(digest, sizeof digest);
    assert_int_equal(upload(chunk, CHUNK, CHUNK, promised), XFTP_ERROR_NONE);
    assert_int_equal(upload(chunk, CHUNK - 1, CHUNK, promised), XFTP_ERROR_SIZE);
    assert_int_equal(upload(chunk, 0, CHUNK, promised), XFTP_ERROR_SIZE);
    assert_int_equal(upload(chunk, CHUNK, CHUNK - 1, promised), XFTP_ERROR_SIZE);
    chunk[CHUNK / 2] ^= 1;
    assert_int_equal(upload(chunk, CHUNK, CHUNK, promised), XFTP_ERROR_DIGEST);
    chunk[CHUNK / 2] ^= 1;
    for (size_t length = 0; length < 32; length++)
        assert_int_equal(upload(chunk, CHUNK, CHUNK, slice_of(digest, length)), XFTP_ERROR_DIGEST);
}

/* ---- downloads ---- */

static void test_the_known_chunk_is_encrypted_as_known(void **state) {
    (void)state;
    uint8_t nonce[24], expected[32], bytes[5 + BOX_TAG_SIZE];
    struct key_pair client = xftp_known_client(), router = xftp_known_router();
    struct xftp_chunk_encryption encryption;
    struct dh_secret secret;
    assert_int_equal(dh(&client.private_key, &router.public_key, &secret), SMQ_OK);
    assert_slice_equal(slice_of(secret.bytes, 32), xftp_known("dh_secret", expected, sizeof expected));
    (void)xftp_known("nonce", nonce, sizeof nonce);
    assert_int_equal(xftp_chunk_encrypt_begin(&encryption, &router.private_key, &client.public_key, nonce, 5), SMQ_OK);
    assert_int_equal(xftp_chunk_encrypt(&encryption, slice_of_text("chunk"), bytes), SMQ_OK);
    assert_int_equal(xftp_chunk_encrypt_end(&encryption, bytes + 5), SMQ_OK);
    assert_slice_equal(slice_of(bytes, sizeof bytes), xftp_known("chunk_cipher", expected, sizeof expected));
}

/* The router's side: fills `body` with the encrypted chunk and its tag, and makes the FILE response. */
static void make_body(const struct public_key *client_key, struct xftp_response *response) {
    struct xftp_chunk_encryption encryption;
    assert_int_equal(xftp_chunk_offer(client_key, CHUNK, &encryption, response), SMQ_OK);
    assert_int_equal(response->tag, XFTP_FILE);
    for (size_t done = 0; done < CHUNK; done += 16384)
        assert_int_equal(xftp_chunk_encrypt(&encryption, slice_of(chunk + done, 16384), body + done), SMQ_OK);
    assert_int_equal(xftp_chunk_encrypt_end(&encryption, body + CHUNK), SMQ_OK);
}

/* The client's side: takes `length` bytes of `body` in pieces of `piece`; what is wrong with them, NONE if nothing. */
static enum xftp_error_code receive(const struct key_pair *client, const struct xftp_response *response, size_t length,
                                    size_t piece, struct slice promised) {
    static uint8_t output[CHUNK];
    struct xftp_chunk_decryption decryption;
    struct xftp_error error = xftp_error_of(XFTP_ERROR_NONE);
    size_t written = 0;
    assert_int_equal(xftp_chunk_decrypt_begin(&decryption, &client->private_key, &response->file.dh_key,
                                              response->file.nonce, CHUNK, promised),
                     SMQ_OK);
    for (size_t done = 0; done < length; done += piece) {
        struct slice bytes = slice_of(body + done, length - done < piece ? length - done : piece), plain;
        uint8_t *exact = heap_copy(bytes.bytes, bytes.length);
        bytes.bytes = exact;
        assert_int_equal(xftp_chunk_decrypt(&decryption, bytes, exact, &plain, &error), SMQ_OK);
        assert_true(plain.length <= CHUNK - written);
        memcpy(output + written, plain.bytes, plain.length);
        written += plain.length;
        free(exact);
    }
    assert_int_equal(xftp_chunk_decrypt_is_complete(&decryption), length >= CHUNK + BOX_TAG_SIZE);
    enum smq_result result = xftp_chunk_decrypt_end(&decryption, &error);
    assert_int_equal(result, error.code == XFTP_ERROR_NONE ? SMQ_OK : SMQ_ERR_PROTOCOL);
    if (result == SMQ_OK)
        assert_memory_equal(output, chunk, CHUNK);
    xftp_chunk_decrypt_close(&decryption);
    xftp_chunk_decrypt_close(&decryption);
    return error.code;
}

static void test_a_chunk_comes_back_however_its_body_is_cut(void **state) {
    (void)state;
    static const size_t pieces[] = {7, 64, 16384, 16383, CHUNK, CHUNK + 1, CHUNK + 15, CHUNK + BOX_TAG_SIZE};
    struct key_pair client = fresh_pair(KEY_X25519);
    struct xftp_response response;
    make_body(&client.public_key, &response);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
        assert_int_equal(receive(&client, &response, CHUNK + BOX_TAG_SIZE, pieces[i], slice_of(digest, sizeof digest)),
                         XFTP_ERROR_NONE);
}

static void test_bytes_behind_the_tag_are_ignored(void **state) {
    (void)state;
    struct key_pair client = fresh_pair(KEY_X25519);
    struct xftp_response response;
    make_body(&client.public_key, &response);
    assert_int_equal(receive(&client, &response, sizeof body, 1000, slice_of(digest, sizeof digest)), XFTP_ERROR_NONE);
}

static void test_a_short_body_is_SIZE(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, CHUNK + BOX_TAG_SIZE - 1};
    struct key_pair client = fresh_pair(KEY_X25519);
    struct xftp_response response;
    make_body(&client.public_key, &response);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        assert_int_equal(receive(&client, &response, lengths[i], 1000, slice_of(digest, sizeof digest)),
                         XFTP_ERROR_SIZE);
}

static void test_a_changed_body_is_CRYPTO(void **state) {
    (void)state;
    static const size_t places[] = {0, 1, 31, 32, 33, CHUNK / 2, CHUNK - 1, CHUNK, CHUNK + BOX_TAG_SIZE - 1};
    struct key_pair client = fresh_pair(KEY_X25519), stranger = fresh_pair(KEY_X25519);
    struct xftp_response response;
    make_body(&client.public_key, &response);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        body[places[i]] ^= 0x80;
        assert_int_equal(receive(&client, &response, CHUNK + BOX_TAG_SIZE, 5000, slice_of(digest, sizeof digest)),
                         XFTP_ERROR_CRYPTO);
        body[places[i]] ^= 0x80;
    }
    assert_int_equal(receive(&stranger, &response, CHUNK + BOX_TAG_SIZE, 5000, slice_of(digest, sizeof digest)),
                     XFTP_ERROR_CRYPTO);
    response.file.nonce[23] ^= 1;
    assert_int_equal(receive(&client, &response, CHUNK + BOX_TAG_SIZE, 5000, slice_of(digest, sizeof digest)),
                     XFTP_ERROR_CRYPTO);
}

/* The router encrypts well, but another chunk than the description tells of. */
static void test_another_chunk_is_DIGEST(void **state) {
    (void)state;
    struct key_pair client = fresh_pair(KEY_X25519);
    struct xftp_response response;
    uint8_t other[32] = {1};
    make_body(&client.public_key, &response);
    assert_int_equal(receive(&client, &response, CHUNK + BOX_TAG_SIZE, 5000, slice_of(other, sizeof other)),
                     XFTP_ERROR_DIGEST);
    assert_int_equal(receive(&client, &response, CHUNK + BOX_TAG_SIZE, 5000, slice_of(digest, 31)), XFTP_ERROR_DIGEST);
}

static void test_a_chunk_that_is_shorter_on_disk_gets_no_tag(void **state) {
    (void)state;
    struct key_pair client = fresh_pair(KEY_X25519);
    struct xftp_chunk_encryption encryption;
    struct xftp_response response;
    uint8_t tag[BOX_TAG_SIZE] = {0}, zeroes[BOX_TAG_SIZE] = {0};
    assert_int_equal(xftp_chunk_offer(&client.public_key, CHUNK, &encryption, &response), SMQ_OK);
    assert_int_equal(xftp_chunk_encrypt(&encryption, slice_of(chunk, CHUNK - 1), body), SMQ_OK);
    assert_int_equal(xftp_chunk_encrypt_end(&encryption, tag), SMQ_ERR_INVALID);
    assert_memory_equal(tag, zeroes, sizeof tag);
    assert_int_equal(xftp_chunk_encrypt(&encryption, slice_of(chunk, 2), body), SMQ_ERR_TOO_LARGE);
    xftp_chunk_encrypt_abort(&encryption);
}

static void test_keys_that_agree_on_nothing_are_refused(void **state) {
    (void)state;
    struct key_pair client = fresh_pair(KEY_X25519);
    struct public_key small = {.algorithm = KEY_X25519, .length = 32};
    struct xftp_chunk_encryption encryption;
    struct xftp_chunk_decryption decryption;
    struct xftp_response response;
    uint8_t nonce[BOX_NONCE_SIZE] = {0};
    assert_int_equal(xftp_chunk_offer(&small, CHUNK, &encryption, &response), SMQ_ERR_CRYPTO);
    assert_int_equal(xftp_chunk_decrypt_begin(&decryption, &client.private_key, &small, nonce, CHUNK,
                                              slice_of(digest, sizeof digest)),
                     SMQ_ERR_CRYPTO);
    xftp_chunk_decrypt_close(&decryption);
}

static void test_short_memory_is_told(void **state) {
    (void)state;
    struct key_pair client = fresh_pair(KEY_X25519), router = fresh_pair(KEY_X25519);
    struct xftp_chunk_decryption decryption;
    struct xftp_chunk_check check;
    struct slice promised = slice_of(digest, sizeof digest);
    uint8_t nonce[BOX_NONCE_SIZE] = {0};
    fault_arm(FAULT_POINT_memory_alloc, 0, UINT64_MAX);
    enum smq_result download =
        xftp_chunk_decrypt_begin(&decryption, &client.private_key, &router.public_key, nonce, CHUNK, promised);
    enum smq_result received = xftp_chunk_check_begin(&check, CHUNK, promised);
    fault_disarm_all();
    assert_int_equal(download, SMQ_ERR_NO_MEMORY);
    assert_int_equal(received, SMQ_ERR_NO_MEMORY);
    xftp_chunk_decrypt_close(&decryption);
    xftp_chunk_check_close(&check);
}

static void test_every_download_has_a_key_of_its_own(void **state) {
    (void)state;
    struct key_pair client = fresh_pair(KEY_X25519);
    struct xftp_response first, second;
    make_body(&client.public_key, &first);
    make_body(&client.public_key, &second);
    assert_false(public_key_equal(&first.file.dh_key, &second.file.dh_key));
    assert_memory_not_equal(first.file.nonce, second.file.nonce, BOX_NONCE_SIZE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plans_are_the_known_ones),
        cmocka_unit_test(test_plans_follow_the_rule),
        cmocka_unit_test(test_plans_of_the_largest_files_do_not_overflow),
        cmocka_unit_test(test_a_single_chunk_is_the_smallest_that_is_large_enough),
        cmocka_unit_test(test_uploads_are_what_was_promised),
        cmocka_unit_test(test_the_known_chunk_is_encrypted_as_known),
        cmocka_unit_test(test_a_chunk_comes_back_however_its_body_is_cut),
        cmocka_unit_test(test_bytes_behind_the_tag_are_ignored),
        cmocka_unit_test(test_a_short_body_is_SIZE),
        cmocka_unit_test(test_a_changed_body_is_CRYPTO),
        cmocka_unit_test(test_another_chunk_is_DIGEST),
        cmocka_unit_test(test_a_chunk_that_is_shorter_on_disk_gets_no_tag),
        cmocka_unit_test(test_keys_that_agree_on_nothing_are_refused),
        cmocka_unit_test(test_short_memory_is_told),
        cmocka_unit_test(test_every_download_has_a_key_of_its_own),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
