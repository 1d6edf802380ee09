/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Lists of keys that authorize commands. */
#include "transport/block/key_list.h"

#include "transport/wire/encoding.h"

void authorization_key_read(struct reader *reader, struct public_key *key) {
    read_public_key(reader, key);
    if (!key_authorizes_queues(key->algorithm))
        reader_fail(reader);
}

bool key_list_next(struct reader *reader, struct public_key *key) {
    if (reader->failed || reader_left(reader) == 0)
        return false;
    authorization_key_read(reader, key);
    return !reader->failed;
}

void key_list_read(struct reader *reader, struct key_list *keys) {
    keys->count = read_count_nonempty(reader);
    const uint8_t *first = reader->position;
    for (uint8_t i = 0; i < keys->count && !reader->failed; i++) {
        struct public_key key;
        authorization_key_read(reader, &key);
    }
    keys->encoded = slice_of(first, (size_t)(reader->position - first));
}

void key_list_write(struct writer *writer, const struct key_list *keys) {
    if (keys->count == 0)
        writer_fail(writer);
    write_u8(writer, keys->count);
    write_slice(writer, keys->encoded);
}
