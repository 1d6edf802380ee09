/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Padding to a fixed size: a u16 length, the message, then '#' up to the size (reference: Crypto.hs, pad and unPad). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"

enum {
    PADDING_HEADER_SIZE = 2,
    PADDING_MESSAGE_MAX = 65533, /* whatever the padded size */
};

/* Pads a message that already lies at `buffer` + PADDING_HEADER_SIZE: writes the length in front of it and the filler
 * after it, up to `padded_size` bytes. SMQ_ERR_TOO_LARGE, with nothing written, when the message does not fit. */
enum smq_result pad_in_place(uint8_t *buffer, size_t message_length, size_t padded_size);
/* Copies `message` into `buffer` of `padded_size` bytes and pads it there. They must not overlap. */
enum smq_result pad(struct slice message, uint8_t *buffer, size_t padded_size);
/* The message inside `padded`, borrowed from it. SMQ_ERR_SYNTAX when it is shorter than its length says. The filler is
 * not looked at. */
enum smq_result unpad(struct slice padded, struct slice *message);

/* A block whose content is built in place: a writer over the room for it, and, when all is written, the padding around
 * what it holds. SMQ_ERR_TOO_LARGE when something did not fit. */
struct writer padded_writer(uint8_t *buffer, size_t padded_size);
enum smq_result padded_finish(const struct writer *writer, uint8_t *buffer, size_t padded_size);
/* A reader over the message inside `padded`; failed when there is none. */
struct reader padded_reader(struct slice padded);
