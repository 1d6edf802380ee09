/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Captures of what the reference sends (test/vectors): a file of lines of words and `name=value`. What does not hold
 * fails the running test, and names the line of the capture. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/keys.h"

struct capture_line {
    const char *path;
    unsigned number; /* from 1 */
    const char *text;
};

struct capture {
    char *bytes;
    struct capture_line *lines;
    size_t count;
};

#define capture_check(line, condition) capture_check_at((line), (condition), #condition, __FILE__, __LINE__)
void capture_check_at(const struct capture_line *line, bool holds, const char *condition, const char *file,
                      int file_line);

/* The whole file, until capture_close. */
void capture_open(struct capture *capture, const char *path);
void capture_close(struct capture *capture);
/* The first line that begins with `start`, after leading spaces; NULL when there is none. */
const struct capture_line *capture_find(const struct capture *capture, const char *start);

bool capture_begins(const struct capture_line *line, const char *start);
/* Indented lines belong to the line before that is less indented. */
unsigned capture_indent(const struct capture_line *line);
/* Word `index` of the line, from 0; empty when there are fewer. */
struct slice capture_word(const struct capture_line *line, unsigned index);
/* The value of the last ` name=` of the line, without quotes of b'…'; empty when it has none. Lists in [ ] and ( ) are
 * one value. */
struct slice capture_value(const struct capture_line *line, const char *name);
bool capture_value_is(const struct capture_line *line, const char *name, const char *value);
long capture_number(const struct capture_line *line, const char *name);
/* The hex value; empty for `-`, `None`, and no value. `…` at its end (see capture_is_cut) is left out. */
struct slice capture_hex(const struct capture_line *line, const char *name, uint8_t *bytes, size_t capacity);
/* Hex digits at the start of `text`. */
struct slice capture_hex_of(const struct capture_line *line, struct slice text, uint8_t *bytes, size_t capacity);
/* Whether only the beginning of the value is in the capture. */
bool capture_is_cut(const struct capture_line *line, const char *name);

/* The pair of `key NAME pub= priv=`. */
struct key_pair capture_key(const struct capture *capture, const struct capture_line *user, struct slice name);
/* The pair of such a line whose public key is this one. */
struct key_pair capture_key_of_public(const struct capture *capture, const struct capture_line *user,
                                      const struct public_key *key);
/* The X25519 pair of a raw private key; a public key in SPKI, or X25519 raw. */
struct key_pair capture_dh_pair(const struct capture_line *line, const char *name);
struct public_key capture_public_key(const struct capture_line *line, const char *name);
