/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* sntrup761 under Memcheck with every secret byte marked as undefined: a branch or an index that depends on one is an
 * error. This program runs itself under valgrind with the name of an act; the acts that do leak show that it is
 * seen. */
#include <unistd.h>

#include "queues/base/sanitizer.h"
#include "queues/base/secret.h"
#include "test/support/process.h"
#include "test/support/random_stream.h"
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/sntrup761/sntrup761.h"

enum { LEAK_SEEN = 99, RUN_TIMEOUT_MS = 110000 };

/* ---- acts, under valgrind */

/* Random bytes are secret. */
static void fill_with_secrets(void *context, void *bytes, size_t length) {
    const struct random_source *source = context;
    random_source_fill(source, bytes, length);
    secret_classify(bytes, length);
}

static int act_kem(const struct random_source *random) {
    uint8_t public_key[SNTRUP761_PUBLIC_KEY_SIZE], secret_key[SNTRUP761_SECRET_KEY_SIZE];
    uint8_t ciphertext[SNTRUP761_CIPHERTEXT_SIZE];
    uint8_t secret[SNTRUP761_SHARED_SECRET_SIZE], opened[SNTRUP761_SHARED_SECRET_SIZE];
    if (sntrup761_keypair(random, public_key, secret_key) != SMQ_OK ||
        sntrup761_encapsulate(random, public_key, ciphertext, secret) != SMQ_OK ||
        sntrup761_decapsulate(secret_key, ciphertext, opened) != SMQ_OK)
        return 1;
    secret_declassify(opened, sizeof opened);
    secret_declassify(secret, sizeof secret);
    if (memcmp(opened, secret, sizeof secret) != 0)
        return 2;
    ciphertext[0] ^= 1;
    if (sntrup761_decapsulate(secret_key, ciphertext, opened) != SMQ_OK)
        return 3;
    secret_declassify(opened, sizeof opened);
    return memcmp(opened, secret, sizeof secret) != 0 ? 0 : 4;
}

static volatile int sink;

static int act_branch(const struct random_source *random) {
    uint8_t secret;
    random_source_fill(random, &secret, 1);
    if ((secret & 1) != 0)
        sink = 1;
    return 0;
}

static int act_index(const struct random_source *random) {
    static const uint8_t table[256] = {1};
    uint8_t secret;
    random_source_fill(random, &secret, 1);
    sink = table[secret];
    return 0;
}

static const struct act {
    const char *name;
    int (*run)(const struct random_source *random);
} acts[] = {{"kem", act_kem}, {"branch", act_branch}, {"index", act_index}};

static int run_act(const char *name) {
    struct random_stream stream = random_stream_numbered(7);
    struct random_source known = random_stream_source(&stream);
    struct random_source secret = {.fill = fill_with_secrets, .context = &known};
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
        if (strcmp(acts[i].name, name) == 0)
            return crypto_setup() == SMQ_OK ? acts[i].run(&secret) : 5;
    return 6;
}

/* ---- tests */

static void assert_act_ends(const char *act, int expected) {
#if defined(__SANITIZE_ADDRESS__) || defined(SANITIZER_THREAD)
    (void)act;
    (void)expected;
    skip(); /* sanitizers and valgrind exclude each other */
#else
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    if (access("/usr/bin/valgrind", X_OK) != 0)
        skip();
    const char *const arguments[] = {"/usr/bin/valgrind", "--quiet", "--error-exitcode=99", self, act, NULL};
    struct process *process = process_start(arguments, NULL);
    int code = process_wait(process, RUN_TIMEOUT_MS);
    if (code != expected)
        print_error("%s: exit code %d\n%s\n", act, code, process_errors(process));
    process_destroy(&process);
    assert_int_equal(code, expected);
#endif
}

static void test_no_branch_or_index_depends_on_a_secret(void **state) {
    (void)state;
    assert_act_ends("kem", 0);
}

static void test_branch_on_a_secret_is_seen(void **state) {
    (void)state;
    assert_act_ends("branch", LEAK_SEEN);
}

static void test_index_by_a_secret_is_seen(void **state) {
    (void)state;
    assert_act_ends("index", LEAK_SEEN);
}

int main(int count, char **arguments) {
    if (count == 2)
        return run_act(arguments[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_branch_or_index_depends_on_a_secret),
        cmocka_unit_test(test_branch_on_a_secret_is_seen),
        cmocka_unit_test(test_index_by_a_secret_is_seen),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
