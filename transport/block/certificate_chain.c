/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A certificate chain with a key signed by its leaf. */
#include "transport/block/certificate_chain.h"

#include "transport/wire/encoding.h"

void chain_key_read(struct reader *reader, struct chain_key *chain_key) {
    uint8_t count = read_count_nonempty(reader);
    const uint8_t *first = reader->position;
    for (uint8_t i = 0; i < count; i++)
        (void)read_large(reader);
    const uint8_t *end = reader->position;
    struct slice signed_key = read_large(reader);

    *chain_key = (struct chain_key){0};
    if (!reader->failed)
        *chain_key = (struct chain_key){
            .count = count, .chain = slice_of(first, (size_t)(end - first)), .signed_key = signed_key};
}

void chain_key_write(struct writer *writer, const struct chain_key *chain_key) {
    if (chain_key->count == 0)
        writer_fail(writer);
    write_u8(writer, chain_key->count);
    write_slice(writer, chain_key->chain);
    write_large(writer, chain_key->signed_key);
}

void chain_encode(struct writer *writer, const struct slice *certificates, size_t count) {
    if (count == 0 || count > UINT8_MAX)
        writer_fail(writer);
    for (size_t i = 0; i < count && !writer->failed; i++)
        write_large(writer, certificates[i]);
}

size_t chain_certificates(const struct chain_key *chain_key, struct slice *certificates, size_t capacity) {
    struct reader reader = reader_of(chain_key->chain);
    for (size_t i = 0; i < chain_key->count && i < capacity; i++)
        certificates[i] = read_large(&reader);
    return chain_key->count;
}
