/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the tests of the codecs share: known answers from files, and input that sanitizers can guard. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "queues/base/cursor.h"
#include "transport/crypto/keys.h"
#include "transport/crypto/setup.h"

static inline struct slice from_hex(const char *hex, uint8_t *bytes, size_t capacity) {
    size_t length = 0;
    assert_int_equal(sodium_hex2bin(bytes, capacity, hex, strlen(hex), " ", &length, NULL), 0);
    return slice_of(bytes, length);
}

/* The value called `name` in a file of "name hex" lines. */
static inline struct slice vector_of(const char *path, const char *name, uint8_t *bytes, size_t capacity) {
    char line[1024];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    struct slice value = {0};
    while (fgets(line, sizeof line, file) != NULL) {
        size_t length = strlen(name);
        if (strncmp(line, name, length) != 0 || line[length] != ' ')
            continue;
        line[strcspn(line, "\n")] = '\0';
        value = from_hex(line + length + 1, bytes, capacity);
    }
    fclose(file);
    assert_true(value.length > 0);
    return value;
}

static inline struct slice smp_vector(const char *name, uint8_t *bytes, size_t capacity) {
    return vector_of("test/vectors/smp_crypto.txt", name, bytes, capacity);
}

/* The key pair made of a known private key. */
static inline struct key_pair smp_vector_pair(const char *secret_name) {
    uint8_t bytes[32];
    struct private_key private_key;
    struct key_pair pair;
    struct slice secret = smp_vector(secret_name, bytes, sizeof bytes);
    assert_int_equal(private_key_of_raw(KEY_X25519, secret, &private_key), SMQ_OK);
    assert_int_equal(key_pair_of_private(&private_key, &pair), SMQ_OK);
    return pair;
}

static inline struct key_pair fresh_pair(enum key_algorithm algorithm) {
    struct key_pair pair;
    assert_int_equal(key_pair_generate(algorithm, &pair), SMQ_OK);
    return pair;
}

/* A copy on the heap of exactly this length, so that AddressSanitizer sees the first byte read past it. */
static inline uint8_t *heap_copy(const void *bytes, size_t length) {
    uint8_t *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

static inline void assert_slice_equal(struct slice actual, struct slice expected) {
    assert_int_equal(actual.length, expected.length);
    if (expected.length > 0)
        assert_memory_equal(actual.bytes, expected.bytes, expected.length);
}

static inline void assert_slice_text(struct slice actual, const char *expected) {
    assert_slice_equal(actual, slice_of_text(expected));
}

static inline int set_up_crypto(void **state) {
    (void)state;
    return crypto_setup() == SMQ_OK ? 0 : -1;
}
