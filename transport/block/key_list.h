/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Lists of the keys that authorize commands, as RKEY and XFTP's FNEW and FADD carry them. Pure and re-entrant: any
 * thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/keys.h"

/* A list of keys in its encoded form, already validated. */
struct key_list {
    uint8_t count;        /* 1..255 */
    struct slice encoded; /* `count` short strings, each an SPKI of an authorization key */
};

/* Reads count and keys; the reader fails on an empty list and on a key of another algorithm. */
void key_list_read(struct reader *reader, struct key_list *keys);
/* Writes them back. The writer fails when `count` is 0. */
void key_list_write(struct writer *writer, const struct key_list *keys);
/* Iteration: `for (struct reader r = reader_of(keys.encoded); key_list_next(&r, &key);)`. */
bool key_list_next(struct reader *reader, struct public_key *key);

/* One key: a short string that holds the SPKI of an Ed25519, Ed448 or X25519 key; the reader fails on any other. */
void authorization_key_read(struct reader *reader, struct public_key *key);
