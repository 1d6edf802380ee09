/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Plain blocks, as handshakes and unencrypted sessions send them: content padded to the size of the protocol's blocks
 * (transport/wire/padding.h). Pure: no allocation, any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"

/* A writer over the content of `block`, which has `size` bytes. */
struct writer block_begin(uint8_t *block, size_t size);
/* Pads what was written. SMQ_ERR_TOO_LARGE when something did not fit. `size` as given to block_begin. */
enum smq_result block_finish(const struct writer *writer, uint8_t *block, size_t size);
/* A reader over the content of a received block; failed from the start when the block does not unpad. */
struct reader block_open(const uint8_t *block, size_t size);
