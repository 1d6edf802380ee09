/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the queue handles share: names of algorithms, giving out bytes. */
#include "actors/client/smp/queues.h"

#include <string.h>

enum key_algorithm key_algorithm_of(enum smq_key_algorithm algorithm) {
    switch (algorithm) {
    case SMQ_KEY_ED25519:
        return KEY_ED25519;
    case SMQ_KEY_ED448:
        return KEY_ED448;
    case SMQ_KEY_X25519:
        return KEY_X25519;
    }
    return KEY_NONE;
}

enum key_algorithm read_key_algorithm(struct reader *reader) {
    uint8_t value = read_u8(reader);
    if (value > KEY_X25519) {
        reader_fail(reader);
        return KEY_NONE;
    }
    return (enum key_algorithm)value;
}

enum smq_result copy_out(struct slice content, uint8_t *buffer, size_t *size) {
    if (size == NULL)
        return SMQ_ERR_INVALID;
    size_t room = *size;
    *size = content.length;
    if (buffer == NULL || room < content.length)
        return SMQ_ERR_TOO_LARGE;
    memcpy(buffer, content.bytes, content.length);
    return SMQ_OK;
}
