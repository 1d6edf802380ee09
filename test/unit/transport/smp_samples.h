/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the tests of the SMP codecs share: sample bytes and keys, and the layouts of test/vectors/smp_layouts.txt. */
#pragma once

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/cursor.h"
#include "transport/crypto/keys.h"
#include "transport/smp/limits.h"

/* `length` bytes that differ from place to place; another `seed`, other bytes. At most 20,000. */
static inline struct slice sample(size_t length, size_t seed) {
    static uint8_t pool[22000];
    if (pool[1] == 0)
        for (size_t i = 0; i < sizeof pool; i++)
            pool[i] = (uint8_t)((i * 167 + i / 251) & 0xff);
    assert_true(length <= 20000 && seed * 17 < 2000);
    return slice_of(pool + seed * 17, length);
}

/* The wire does not say whether a key is a point of its curve, so any bytes do. */
static inline struct public_key sample_key(enum key_algorithm algorithm, size_t seed) {
    struct public_key key;
    assert_int_equal(public_key_of_raw(algorithm, sample(key_raw_length(algorithm), seed), &key), SMQ_OK);
    return key;
}

static inline void assert_slices_equal(struct slice a, struct slice b) {
    assert_int_equal(a.length, b.length);
    if (a.length > 0)
        assert_memory_equal(a.bytes, b.bytes, a.length);
}

/* Whether the parser of a test accepts exactly `bytes`; then no prefix of them and no longer form may be accepted. */
typedef bool accepts(uint16_t version, struct slice bytes);

/* Each input is a heap block of exactly its size, so that a sanitizer sees the first byte read past it. */
static inline bool accepts_copy(accepts *parse, uint16_t version, struct slice bytes, size_t length) {
    uint8_t *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    for (size_t i = 0; i < length; i++)
        copy[i] = i < bytes.length ? bytes.bytes[i] : (uint8_t)'x';
    bool accepted = parse(version, slice_of(copy, length));
    free(copy);
    return accepted;
}

static inline void assert_only_whole_is_accepted(accepts *parse, uint16_t version, struct slice bytes) {
    assert_true(accepts_copy(parse, version, bytes, bytes.length));
    for (size_t length = 0; length < bytes.length; length++)
        assert_false(accepts_copy(parse, version, bytes, length));
    assert_false(accepts_copy(parse, version, bytes, bytes.length + 1));
}

/* ---- layouts ---- */

static inline uint8_t hex_digit(char c) {
    const char *digits = "0123456789abcdef";
    const char *found = strchr(digits, c);
    assert_true(c != '\0' && found != NULL);
    return (uint8_t)(found - digits);
}

/* One element of a pattern against the input; both move on. */
static inline void match_element(const char **pattern, struct reader *input) {
    const char *p = *pattern;
    if (*p == '<') {
        if (p[1] == '*')
            (void)read_tail(input);
        else
            (void)read_bytes(input, (size_t)strtoul(p + 1, NULL, 10));
        p = strchr(p, '>') + 1;
    } else if (*p == '"') {
        for (p++; *p != '"'; p++)
            assert_int_equal(read_u8(input), (uint8_t)*p);
        p++;
    } else {
        assert_int_equal(read_u8(input), hex_digit(p[0]) * 16 + hex_digit(p[1]));
        p += 2;
    }
    assert_false(input->failed);
    *pattern = p;
}

static inline void assert_matches(const char *pattern, struct slice bytes) {
    struct reader input = reader_of(bytes);
    while (*pattern != '\0' && *pattern != '\n')
        if (isspace((unsigned char)*pattern))
            pattern++;
        else
            match_element(&pattern, &input);
    assert_int_equal(reader_finish(&input), SMQ_OK);
}

/* `bytes` have the layout of that name. */
static inline void assert_layout(const char *name, struct slice bytes) {
    char line[512];
    size_t length = strlen(name);
    FILE *file = fopen("test/vectors/smp_layouts.txt", "r");
    bool found = false;

    assert_non_null(file);
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = strncmp(line, name, length) == 0 && line[length] == ':';
    (void)fclose(file);
    assert_true(found);
    assert_matches(line + length + 1, bytes);
}
