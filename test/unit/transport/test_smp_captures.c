/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sessions of the reference's client and server, byte for byte: see test/support/smp_capture.h. The counts say that
 * nothing of a capture was passed over. */
#include "test/support/capture.h"
#include "test/support/smp_capture.h"
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/box.h"
#include "transport/crypto/hash.h"
#include "transport/smp/limits.h"
#include "transport/wire/padding.h"

static void assert_replays(const char *name, struct smp_capture_counts expected) {
    char path[64];
    struct smp_capture_counts counts;
    snprintf(path, sizeof path, "test/vectors/smp/%s.txt", name);
    smp_capture_replay(path, &counts);
    assert_memory_equal(&counts, &expected, sizeof counts);
}

static void test_hello_and_ping(void **state) {
    (void)state;
    const struct smp_capture_counts expected = {
        .server_hellos = 1, .client_hellos = 1, .blocks = 2, .commands = 1, .responses = 1};
    assert_replays("hello", expected);
    assert_replays("hello448", expected);
}

static void test_a_queue_in_every_version(void **state) {
    (void)state;
    static const unsigned versions[] = {6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18};
    char name[16];
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        snprintf(name, sizeof name, "version-%u", versions[i]);
        assert_replays(name, (struct smp_capture_counts){.server_hellos = 1,
                                                         .client_hellos = 1,
                                                         .blocks = 13,
                                                         .commands = 6,
                                                         .responses = 7,
                                                         .ed25519 = 5,
                                                         .messages = 1});
    }
}

static void test_four_connections_and_keys_of_all_kinds(void **state) {
    (void)state;
    assert_replays("session", (struct smp_capture_counts){.server_hellos = 4,
                                                          .client_hellos = 4,
                                                          .blocks = 120,
                                                          .commands = 58,
                                                          .responses = 71,
                                                          .ed25519 = 27,
                                                          .ed448 = 15,
                                                          .authenticators = 9,
                                                          .messages = 13,
                                                          .notifications = 1});
}

/* The payload for the unknown session is in no line, so one block is compared as far as it is shown. */
static void test_commands_through_a_proxy(void **state) {
    (void)state;
    assert_replays("proxy", (struct smp_capture_counts){.server_hellos = 3,
                                                        .client_hellos = 3,
                                                        .blocks = 30,
                                                        .cut = 1,
                                                        .commands = 19,
                                                        .responses = 21,
                                                        .ed25519 = 3,
                                                        .authenticators = 2,
                                                        .messages = 1,
                                                        .layers = 20});
}

static void test_services_sign_twice(void **state) {
    (void)state;
    assert_replays("service", (struct smp_capture_counts){.server_hellos = 5,
                                                          .client_hellos = 5,
                                                          .service_answers = 3,
                                                          .blocks = 28,
                                                          .commands = 11,
                                                          .responses = 18,
                                                          .ed25519 = 6,
                                                          .service_signatures = 4,
                                                          .messages = 2,
                                                          .notifications = 3});
}

/* ---- blocks as they are */

static void read_block(const char *name, uint8_t block[SMP_BLOCK_SIZE]) {
    char path[96];
    snprintf(path, sizeof path, "test/vectors/smp/raw/session-conn1-%s.bin", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(block, 1, SMP_BLOCK_SIZE, file), SMP_BLOCK_SIZE);
    assert_int_equal(fgetc(file), EOF);
    fclose(file);
}

static const struct capture_line *line_of_block(const struct capture *capture, const uint8_t block[SMP_BLOCK_SIZE]) {
    uint8_t digest[HASH_SHA256_SIZE], bytes[HASH_SHA256_SIZE];
    assert_int_equal(hash_slice(HASH_SHA256, slice_of(block, SMP_BLOCK_SIZE), digest), SMQ_OK);
    for (size_t i = 0; i < capture->count; i++)
        if (slice_equal(capture_hex(&capture->lines[i], "sha256", bytes, sizeof bytes),
                        slice_of(digest, sizeof digest)))
            return &capture->lines[i];
    fail_msg("no line of this block");
    return NULL;
}

static struct slice open_raw(const struct capture_line *line, uint8_t block[SMP_BLOCK_SIZE]) {
    uint8_t secret[BOX_KEY_SIZE], nonce[BOX_NONCE_SIZE];
    struct box_key key;
    struct slice content = {0};
    if (slice_equal(capture_word(line, 4), slice_of_text("plain"))) {
        capture_check(line, unpad(slice_of(block, SMP_BLOCK_SIZE), &content) == SMQ_OK);
        return content;
    }
    capture_check(line, capture_hex(line, "key", secret, sizeof secret).length == sizeof secret);
    capture_check(line, capture_hex(line, "nonce", nonce, sizeof nonce).length == sizeof nonce);
    box_key_of_secret(secret, &key);
    capture_check(line, box_open_padded(&key, nonce, block, SMP_BLOCK_SIZE, &content) == SMQ_OK);
    return content;
}

static void test_raw_blocks_open(void **state) {
    (void)state;
    static const char *const names[] = {"1-server-hello", "2-client-hello", "3-ping", "4-pong",
                                        "5-new",          "6-ids",          "9-msg"};
    static uint8_t block[SMP_BLOCK_SIZE], shown[SMP_BLOCK_SIZE];
    struct capture capture;
    capture_open(&capture, "test/vectors/smp/session.txt");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        read_block(names[i], block);
        const struct capture_line *line = line_of_block(&capture, block);
        struct slice content = open_raw(line, block);
        struct slice expected = capture_hex(line, "content", shown, sizeof shown);
        capture_check(line, capture_is_cut(line, "content") ? content.length > expected.length
                                                            : content.length == expected.length);
        capture_check(line, memcmp(content.bytes, expected.bytes, expected.length) == 0);
    }
    capture_close(&capture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello_and_ping),
        cmocka_unit_test(test_a_queue_in_every_version),
        cmocka_unit_test(test_four_connections_and_keys_of_all_kinds),
        cmocka_unit_test(test_commands_through_a_proxy),
        cmocka_unit_test(test_services_sign_twice),
        cmocka_unit_test(test_raw_blocks_open),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
