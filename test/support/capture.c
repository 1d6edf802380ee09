/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "test/support/capture.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/support/require.h"

void capture_check_at(const struct capture_line *line, bool holds, const char *condition, const char *file,
                      int file_line) {
    if (holds)
        return;
    print_error("%s:%u: %.100s\n%s:%d: does not hold: %s\n", line->path, line->number, line->text, file, file_line,
                condition);
    _fail(file, file_line);
}

/* ---- lines */

static char *read_whole(const char *path, size_t *length) {
    FILE *file = fopen(path, "r");
    require(file != NULL);
    require(fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    require(size > 0);
    rewind(file);
    char *bytes = malloc((size_t)size + 1);
    require(bytes != NULL);
    require(fread(bytes, 1, (size_t)size, file) == (size_t)size);
    bytes[size] = '\0';
    fclose(file);
    *length = (size_t)size;
    return bytes;
}

void capture_open(struct capture *capture, const char *path) {
    size_t length = 0, count = 0;
    capture->bytes = read_whole(path, &length);
    for (size_t i = 0; i < length; i++)
        count += capture->bytes[i] == '\n';
    capture->lines = calloc(count + 1, sizeof *capture->lines);
    require(capture->lines != NULL);
    capture->count = 0;
    char *rest = capture->bytes;
    for (char *line = strsep(&rest, "\n"); line != NULL && rest != NULL; line = strsep(&rest, "\n")) {
        capture->lines[capture->count] = (struct capture_line){path, (unsigned)capture->count + 1, line};
        capture->count++;
    }
}

void capture_close(struct capture *capture) {
    free(capture->lines);
    free(capture->bytes);
    *capture = (struct capture){0};
}

unsigned capture_indent(const struct capture_line *line) {
    return (unsigned)strspn(line->text, " ");
}

bool capture_begins(const struct capture_line *line, const char *start) {
    return strncmp(line->text + capture_indent(line), start, strlen(start)) == 0;
}

const struct capture_line *capture_find(const struct capture *capture, const char *start) {
    for (size_t i = 0; i < capture->count; i++)
        if (capture_begins(&capture->lines[i], start))
            return &capture->lines[i];
    return NULL;
}

/* ---- words and values */

struct slice capture_word(const struct capture_line *line, unsigned index) {
    const char *word = line->text + capture_indent(line);
    for (unsigned i = 0; i < index && *word != '\0'; i++) {
        word += strcspn(word, " ");
        word += strspn(word, " ");
    }
    return slice_of(word, strcspn(word, " "));
}

/* What stands behind the last ` name=`, or NULL. */
static const char *value_start(const struct capture_line *line, const char *name) {
    const char *found = NULL;
    size_t length = strlen(name);
    for (const char *word = strchr(line->text, ' '); word != NULL; word = strchr(word + 1, ' '))
        if (strncmp(word + 1, name, length) == 0 && word[1 + length] == '=')
            found = word + 1 + length + 1;
    return found;
}

struct slice capture_value(const struct capture_line *line, const char *name) {
    const char *start = value_start(line, name);
    if (start == NULL)
        return slice_of(NULL, 0);
    if (strncmp(start, "b'", 2) == 0)
        return slice_of(start + 2, strcspn(start + 2, "'"));
    if (*start == '[')
        return slice_of(start, strcspn(start, "]") + 1);
    if (*start == '(')
        return slice_of(start, strcspn(start, ")") + 1);
    return slice_of(start, strcspn(start, " "));
}

bool capture_value_is(const struct capture_line *line, const char *name, const char *value) {
    return slice_equal(capture_value(line, name), slice_of_text(value));
}

long capture_number(const struct capture_line *line, const char *name) {
    const char *start = value_start(line, name);
    capture_check(line, start != NULL && isdigit((unsigned char)*start));
    return start == NULL ? 0 : strtol(start, NULL, 10);
}

static int hex_digit(uint8_t character) {
    const char *digits = "0123456789abcdef";
    const char *found = character == '\0' ? NULL : strchr(digits, character);
    return found == NULL ? -1 : (int)(found - digits);
}

struct slice capture_hex_of(const struct capture_line *line, struct slice text, uint8_t *bytes, size_t capacity) {
    size_t length = 0;
    while (2 * length + 1 < text.length && hex_digit(text.bytes[2 * length]) >= 0) {
        int high = hex_digit(text.bytes[2 * length]), low = hex_digit(text.bytes[2 * length + 1]);
        capture_check(line, low >= 0 && length < capacity);
        bytes[length++] = (uint8_t)(high << 4 | low);
    }
    return slice_of(bytes, length);
}

struct slice capture_hex(const struct capture_line *line, const char *name, uint8_t *bytes, size_t capacity) {
    return capture_hex_of(line, capture_value(line, name), bytes, capacity);
}

bool capture_is_cut(const struct capture_line *line, const char *name) {
    struct slice value = capture_value(line, name);
    return value.length > 3 && memcmp(value.bytes + value.length - 3, "...", 3) == 0;
}

/* ---- keys */

static struct key_pair key_of_line(const struct capture_line *line) {
    uint8_t der[KEY_PKCS8_MAX];
    struct private_key private_key;
    struct key_pair pair = {0};
    capture_check(line, private_key_parse(capture_hex(line, "priv", der, sizeof der), &private_key) == SMQ_OK);
    capture_check(line, key_pair_of_private(&private_key, &pair) == SMQ_OK);
    if (!capture_value_is(line, "pub", "-")) {
        struct public_key public_key = capture_public_key(line, "pub");
        capture_check(line, public_key_equal(&pair.public_key, &public_key));
    }
    return pair;
}

struct key_pair capture_key(const struct capture *capture, const struct capture_line *user, struct slice name) {
    for (size_t i = 0; i < capture->count; i++)
        if (capture_begins(&capture->lines[i], "key ") && slice_equal(capture_word(&capture->lines[i], 1), name))
            return key_of_line(&capture->lines[i]);
    capture_check(user, !"a key that the capture names");
    return (struct key_pair){0};
}

struct key_pair capture_key_of_public(const struct capture *capture, const struct capture_line *user,
                                      const struct public_key *key) {
    for (size_t i = 0; i < capture->count; i++) {
        if (!capture_begins(&capture->lines[i], "key "))
            continue;
        struct key_pair pair = key_of_line(&capture->lines[i]);
        if (public_key_equal(&pair.public_key, key))
            return pair;
    }
    capture_check(user, !"a key that the capture holds");
    return (struct key_pair){0};
}

struct key_pair capture_dh_pair(const struct capture_line *line, const char *name) {
    uint8_t raw[KEY_BYTES_MAX];
    struct private_key private_key;
    struct key_pair pair = {0};
    struct slice value = capture_hex(line, name, raw, sizeof raw);
    capture_check(line, private_key_of_raw(KEY_X25519, value, &private_key) == SMQ_OK);
    capture_check(line, key_pair_of_private(&private_key, &pair) == SMQ_OK);
    return pair;
}

struct public_key capture_public_key(const struct capture_line *line, const char *name) {
    uint8_t bytes[KEY_SPKI_MAX];
    struct public_key key = {0};
    struct slice value = capture_hex(line, name, bytes, sizeof bytes);
    capture_check(line, (value.length == 32 ? public_key_of_raw(KEY_X25519, value, &key)
                                            : public_key_parse(value, &key)) == SMQ_OK);
    return key;
}
