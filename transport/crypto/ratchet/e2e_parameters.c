/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Parameters of the agreement, in the three forms that they are sent in. */
#include "transport/crypto/ratchet/e2e_parameters.h"

#include <string.h>

#include "transport/wire/text.h"

enum { KEYS_TEXT_MAX = 2 * 92 + 1, KEM_TEXT_MAX = 1544, RANGE_TEXT_MAX = 16 };

/* ---- KEM */

static void read_exactly(struct reader *reader, uint8_t *bytes, size_t length) {
    struct slice value = read_large(reader);
    if (value.length != length)
        reader_fail(reader);
    if (!reader->failed)
        memcpy(bytes, value.bytes, length);
}

void read_kem_parameters(struct reader *reader, struct kem_parameters *kem) {
    kem->offer = KEM_NONE;
    if (!read_maybe(reader))
        return;
    enum kem_offer offer = KEM_PROPOSED;
    uint8_t letter = read_u8(reader);
    if (letter == 'A') {
        offer = KEM_ACCEPTED;
        read_exactly(reader, kem->ciphertext, sizeof kem->ciphertext);
    } else if (letter != 'P') {
        reader_fail(reader);
    }
    read_exactly(reader, kem->public_key, sizeof kem->public_key);
    if (!reader->failed)
        kem->offer = offer;
}

void write_kem_parameters(struct writer *writer, const struct kem_parameters *kem) {
    write_maybe(writer, kem->offer != KEM_NONE);
    if (kem->offer == KEM_NONE)
        return;
    write_u8(writer, kem->offer == KEM_ACCEPTED ? 'A' : 'P');
    if (kem->offer == KEM_ACCEPTED)
        write_large(writer, slice_of(kem->ciphertext, sizeof kem->ciphertext));
    write_large(writer, slice_of(kem->public_key, sizeof kem->public_key));
}

/* ---- binary */

static void read_keys(struct reader *reader, struct e2e_parameters *parameters) {
    read_public_key_of(reader, KEY_X448, &parameters->first);
    read_public_key_of(reader, KEY_X448, &parameters->second);
    parameters->kem.offer = KEM_NONE;
}

void read_e2e_parameters(struct reader *reader, struct e2e_parameters *parameters) {
    uint16_t version = read_u16(reader);
    parameters->versions = (struct version_range){.min = version, .max = version};
    read_keys(reader, parameters);
    if (version >= E2E_VERSION_KEM)
        read_kem_parameters(reader, &parameters->kem);
}

void write_e2e_parameters(struct writer *writer, const struct e2e_parameters *parameters) {
    write_u16(writer, parameters->versions.max);
    write_public_key(writer, &parameters->first);
    write_public_key(writer, &parameters->second);
    if (parameters->versions.max >= E2E_VERSION_KEM)
        write_kem_parameters(writer, &parameters->kem);
}

void read_e2e_link_parameters(struct reader *reader, struct e2e_parameters *parameters) {
    parameters->versions = read_version_range(reader);
    read_keys(reader, parameters);
    read_kem_parameters(reader, &parameters->kem);
    if (parameters->kem.offer == KEM_ACCEPTED)
        reader_fail(reader);
}

void write_e2e_link_parameters(struct writer *writer, const struct e2e_parameters *parameters) {
    write_version_range(writer, parameters->versions);
    write_public_key(writer, &parameters->first);
    write_public_key(writer, &parameters->second);
    write_kem_parameters(writer, &parameters->kem);
}

/* ---- text */

static void read_key_text(struct reader *reader, struct public_key *key) {
    uint8_t der[KEY_SPKI_MAX];
    size_t length = read_base64url(reader, der, sizeof der);
    if (reader->failed || public_key_parse(slice_of(der, length), key) != SMQ_OK || key->algorithm != KEY_X448)
        reader_fail(reader);
}

static enum smq_result parse_versions(struct slice query, struct version_range *versions) {
    uint8_t buffer[RANGE_TEXT_MAX];
    struct slice value;
    if (query_find(query, "v", buffer, sizeof buffer, &value) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    struct reader reader = reader_of(value);
    *versions = read_version_range_text(&reader);
    return reader_finish(&reader);
}

static enum smq_result parse_keys(struct slice query, struct e2e_parameters *parameters) {
    uint8_t buffer[KEYS_TEXT_MAX];
    struct slice value;
    if (query_find(query, "x3dh", buffer, sizeof buffer, &value) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    struct reader reader = reader_of(value);
    read_key_text(&reader, &parameters->first);
    read_literal(&reader, ",");
    read_key_text(&reader, &parameters->second);
    return reader_finish(&reader);
}

/* Links only propose: a ciphertext, of whatever length, has no place there. */
static bool has_ciphertext(struct slice query) {
    uint8_t buffer[1];
    struct slice value;
    return query_find(query, "kem_ct", buffer, sizeof buffer, &value) != SMQ_ERR_NOT_FOUND;
}

static enum smq_result parse_kem(struct slice query, struct kem_parameters *kem) {
    uint8_t buffer[KEM_TEXT_MAX];
    struct slice value;
    size_t length;
    kem->offer = KEM_NONE;
    enum smq_result result = query_find(query, "kem_key", buffer, sizeof buffer, &value);
    if (result == SMQ_ERR_NOT_FOUND)
        return SMQ_OK;
    if (result != SMQ_OK || has_ciphertext(query) ||
        base64url_parse(value, kem->public_key, sizeof kem->public_key, &length) != SMQ_OK ||
        length != sizeof kem->public_key)
        return SMQ_ERR_SYNTAX;
    kem->offer = KEM_PROPOSED;
    return SMQ_OK;
}

enum smq_result e2e_link_text_parse(struct slice query, struct e2e_parameters *parameters) {
    struct e2e_parameters parsed = {.kem.offer = KEM_NONE};
    enum smq_result result = parse_versions(query, &parsed.versions);
    if (result == SMQ_OK)
        result = parse_keys(query, &parsed);
    if (result == SMQ_OK && parsed.versions.max >= E2E_VERSION_KEM)
        result = parse_kem(query, &parsed.kem);
    if (result == SMQ_OK)
        *parameters = parsed;
    return result;
}

static void write_key_text(struct writer *writer, const struct public_key *key) {
    uint8_t der[KEY_SPKI_MAX];
    struct writer der_writer = writer_of(der, sizeof der);
    write_public_key_der(&der_writer, key);
    if (writer_finish(&der_writer) != SMQ_OK)
        writer_fail(writer);
    write_base64(writer, slice_of(der, writer_length(&der_writer)), BASE64_URL);
}

void write_e2e_link_text(struct writer *writer, const struct e2e_parameters *parameters) {
    write_text(writer, "v=");
    write_version_range_text(writer, parameters->versions);
    write_text(writer, "&x3dh=");
    write_key_text(writer, &parameters->first);
    write_u8(writer, ',');
    write_key_text(writer, &parameters->second);
    if (parameters->versions.max < E2E_VERSION_KEM || parameters->kem.offer != KEM_PROPOSED)
        return;
    write_text(writer, "&kem_key=");
    write_base64(writer, slice_of(parameters->kem.public_key, sizeof parameters->kem.public_key), BASE64_URL);
}
