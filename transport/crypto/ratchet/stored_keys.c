/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Secret keys as the store keeps them. */
#include "transport/crypto/ratchet/stored_keys.h"

#include <string.h>

void kem_state_parameters(const struct kem_state *kem, struct kem_parameters *parameters) {
    parameters->offer = kem->offer;
    memcpy(parameters->public_key, kem->secret_key + SNTRUP761_PUBLIC_KEY_OFFSET, sizeof parameters->public_key);
    memcpy(parameters->ciphertext, kem->ciphertext, sizeof parameters->ciphertext);
}

static const uint8_t offer_letters[] = {[KEM_NONE] = '0', [KEM_PROPOSED] = 'P', [KEM_ACCEPTED] = 'A'};

void write_stored_pair(struct writer *writer, const struct key_pair *pair) {
    write_bytes(writer, pair->private_key.bytes, KEY_X448_SIZE);
    write_bytes(writer, pair->public_key.bytes, KEY_X448_SIZE);
}

void read_stored_pair(struct reader *reader, struct key_pair *pair) {
    struct slice private_key = read_bytes(reader, KEY_X448_SIZE), public_key = read_bytes(reader, KEY_X448_SIZE);
    if (reader->failed)
        return;
    (void)private_key_of_raw(KEY_X448, private_key, &pair->private_key);
    (void)public_key_of_raw(KEY_X448, public_key, &pair->public_key);
}

void write_kem_state(struct writer *writer, const struct kem_state *kem) {
    write_u8(writer, offer_letters[kem->offer]);
    if (kem->offer != KEM_NONE)
        write_bytes(writer, kem->secret_key, sizeof kem->secret_key);
    if (kem->offer == KEM_ACCEPTED)
        write_bytes(writer, kem->ciphertext, sizeof kem->ciphertext);
}

void read_secret_bytes(struct reader *reader, uint8_t *bytes, size_t length) {
    struct slice value = read_bytes(reader, length);
    memset(bytes, 0, length);
    if (!reader->failed && length > 0)
        memcpy(bytes, value.bytes, length);
}

void read_kem_state(struct reader *reader, struct kem_state *kem) {
    memset(kem, 0, sizeof *kem);
    uint8_t letter = read_u8(reader);
    while (kem->offer <= KEM_ACCEPTED && letter != offer_letters[kem->offer])
        kem->offer++;
    if (kem->offer > KEM_ACCEPTED) {
        kem->offer = KEM_NONE;
        reader_fail(reader);
    }
    if (kem->offer != KEM_NONE)
        read_secret_bytes(reader, kem->secret_key, sizeof kem->secret_key);
    if (kem->offer == KEM_ACCEPTED)
        read_secret_bytes(reader, kem->ciphertext, sizeof kem->ciphertext);
}
