/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Plain blocks. */
#include "transport/wire/block.h"

#include "transport/wire/padding.h"

struct writer block_begin(uint8_t *block, size_t size) {
    return writer_of(block + PADDING_HEADER_SIZE, size - PADDING_HEADER_SIZE);
}

enum smq_result block_finish(const struct writer *writer, uint8_t *block, size_t size) {
    enum smq_result result = writer_finish(writer);
    return result == SMQ_OK ? pad_in_place(block, writer_length(writer), size) : result;
}

struct reader block_open(const uint8_t *block, size_t size) {
    struct slice content = {0};
    enum smq_result result = unpad(slice_of(block, size), &content);
    struct reader reader = reader_of(content);
    if (result != SMQ_OK)
        reader_fail(&reader);
    return reader;
}
