/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* NTF blocks. A transmission is written and read with a 2-byte length in front; in version 1 that length is the one of
 * the padding, so the list begins with the block. */
#include "transport/ntf/block.h"

#include "transport/smp/limits.h"
#include "transport/wire/padding.h"
#include "transport/wire/version.h"

enum { COUNT_SIZE = 1 };
_Static_assert(PADDING_HEADER_SIZE + COUNT_SIZE + NTF_LONE_BYTES_MAX == NTF_BLOCK_SIZE, "a lone one fills the block");

static bool is_batched(uint16_t version) {
    return version >= NTF_VERSION_AUTH;
}

struct transmission_form ntf_form(uint16_t version, struct slice session_id) {
    return (struct transmission_form){.version = is_batched(version) ? SMP_VERSION_AUTH : SMP_VERSION_MIN,
                                      .session_id = session_id};
}

enum smq_result ntf_block_open(uint16_t version, const uint8_t block[NTF_BLOCK_SIZE], struct block_content *content) {
    struct slice whole = slice_of(block, NTF_BLOCK_SIZE);
    struct slice unpadded;
    enum smq_result result = unpad(whole, &unpadded);
    if (result != SMQ_OK)
        return result;
    if (is_batched(version))
        return block_content_open(unpadded, content);
    *content = (struct block_content){.count = 1, .left = 1, .reader = reader_of(whole)};
    return SMQ_OK;
}

void ntf_block_begin(uint16_t version, uint8_t block[NTF_BLOCK_SIZE], struct ntf_outgoing_block *outgoing) {
    size_t offset = is_batched(version) ? PADDING_HEADER_SIZE + COUNT_SIZE : 0;
    *outgoing = (struct ntf_outgoing_block){
        .writer = writer_of(block + offset, NTF_BLOCK_SIZE - offset), .block = block, .version = version};
}

bool ntf_block_fits(const struct ntf_outgoing_block *outgoing, size_t size) {
    return outgoing->count < NTF_BATCH_COUNT_MAX && size <= writer_room(&outgoing->writer);
}

/* The room that is left shrinks to that of a batch, or to none where blocks hold one. */
void ntf_block_added(struct ntf_outgoing_block *outgoing) {
    struct writer *writer = &outgoing->writer;
    uint8_t *end = writer->start + NTF_BATCH_BYTES_MAX;
    if (!is_batched(outgoing->version) || end < writer->position)
        end = writer->position;
    writer->end = end;
    outgoing->count++;
}

enum smq_result ntf_block_finish(struct ntf_outgoing_block *outgoing) {
    size_t length = writer_length(&outgoing->writer);
    if (outgoing->count == 0)
        return SMQ_ERR_INVALID;
    if (!is_batched(outgoing->version))
        return pad_in_place(outgoing->block, length - PADDING_HEADER_SIZE, NTF_BLOCK_SIZE);
    outgoing->block[PADDING_HEADER_SIZE] = outgoing->count;
    return pad_in_place(outgoing->block, COUNT_SIZE + length, NTF_BLOCK_SIZE);
}
