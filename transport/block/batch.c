/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMP batches: the content of a block, and the split of a batch into blocks. */
#include "transport/block/batch.h"

#include "transport/wire/encoding.h"

enum smq_result block_content_open(struct slice bytes, struct block_content *content) {
    struct reader reader = reader_of(bytes);
    uint8_t count = read_count_nonempty(&reader);
    struct reader transmissions = reader;

    for (uint8_t i = 0; i < count; i++)
        (void)read_large(&reader);
    if (reader_finish(&reader) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    *content = (struct block_content){.count = count, .left = count, .reader = transmissions};
    return SMQ_OK;
}

bool block_content_next(struct block_content *content, struct slice *transmission) {
    if (content->left == 0)
        return false;
    content->left--;
    *transmission = read_large(&content->reader);
    return true;
}

/* Blocks are filled from the last item backwards, so parts come out last first and are turned round at the end. */
size_t block_split(size_t bytes_max, const size_t *sizes, size_t count, struct block_part *parts) {
    size_t part_count = 0;
    size_t bytes = 0;
    size_t items = 0;

    for (size_t i = count; i-- > 0;) {
        bool too_large = sizes[i] > bytes_max;
        bool fits = !too_large && bytes + sizes[i] <= bytes_max && items < BLOCK_TRANSMISSIONS_MAX;
        if (fits) {
            bytes += sizes[i];
            items++;
            continue;
        }
        if (items > 0)
            parts[part_count++] = (struct block_part){.count = items};
        if (too_large)
            parts[part_count++] = (struct block_part){.count = 1, .too_large = true};
        bytes = too_large ? 0 : sizes[i];
        items = too_large ? 0 : 1;
    }
    if (items > 0)
        parts[part_count++] = (struct block_part){.count = items};

    for (size_t low = 0, high = part_count; low + 1 < high; low++) {
        high--;
        struct block_part swapped = parts[low];
        parts[low] = parts[high];
        parts[high] = swapped;
    }
    return part_count;
}
