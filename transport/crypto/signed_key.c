/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SEQUENCE { SEQUENCE { SubjectPublicKeyInfo }, AlgorithmIdentifier, BIT STRING }, where the signature is over the
 * first member: the key in a SEQUENCE of its own, with that SEQUENCE's header. */
#include "transport/crypto/signed_key.h"

#include "transport/crypto/signature.h"

enum { TAG_SEQUENCE = 0x30, TAG_BIT_STRING = 0x03 };
enum { SEQUENCE_HEADER = 2 }; /* around a key: tag, and a length below 128 */

/* AlgorithmIdentifier of signatures with Ed25519; Ed448's differs in its last byte. */
static const char algorithm_prefix[] = "\x30\x05\x06\x03\x2b\x65";
enum { CURVE_ED25519 = 0x70, CURVE_ED448 = 0x71 };

/* A DER length: minimal, and at most two bytes long. */
static size_t read_der_length(struct reader *reader) {
    uint8_t first = read_u8(reader);
    size_t length = first;
    if (first == 0x81) {
        length = read_u8(reader);
        if (length < 0x80)
            reader_fail(reader);
    } else if (first == 0x82) {
        length = read_u16(reader);
        if (length < 0x100)
            reader_fail(reader);
    } else if (first > 0x7f) {
        reader_fail(reader);
    }
    return length;
}

static void write_der_length(struct writer *writer, size_t length) {
    if (length > 0xff) {
        writer_fail(writer);
        return;
    }
    if (length > 0x7f)
        write_u8(writer, 0x81);
    write_u8(writer, (uint8_t)length);
}

static struct slice read_der(struct reader *reader, uint8_t tag) {
    if (read_u8(reader) != tag)
        reader_fail(reader);
    return read_bytes(reader, read_der_length(reader));
}

/* The first member: `content` is what it holds, returned is the whole of it. */
static struct slice read_signed_part(struct reader *reader, struct slice *content) {
    const uint8_t *start = reader->position;
    *content = read_der(reader, TAG_SEQUENCE);
    return slice_of(start, reader->failed ? 0 : (size_t)(reader->position - start));
}

enum smq_result signed_key_parse(struct slice der, struct signed_key *signed_key) {
    struct signed_key parsed = {0};
    struct slice key_der;
    struct reader outer = reader_of(der);
    struct reader reader = reader_of(read_der(&outer, TAG_SEQUENCE));
    if (reader_finish(&outer) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    parsed.signed_part = read_signed_part(&reader, &key_der);
    read_literal(&reader, algorithm_prefix);
    uint8_t curve = read_u8(&reader);
    if (curve != CURVE_ED25519 && curve != CURVE_ED448)
        reader_fail(&reader);
    parsed.signature_algorithm = curve == CURVE_ED25519 ? KEY_ED25519 : KEY_ED448;
    struct reader bits = reader_of(read_der(&reader, TAG_BIT_STRING));
    if (read_u8(&bits) != 0) /* unused bits in the last byte */
        reader_fail(&bits);
    parsed.signature = read_tail(&bits);
    if (reader_finish(&reader) != SMQ_OK || reader_status(&bits) != SMQ_OK ||
        parsed.signature.length != signature_size(parsed.signature_algorithm))
        return SMQ_ERR_SYNTAX;
    enum smq_result result = public_key_parse(key_der, &parsed.key);
    if (result == SMQ_OK)
        *signed_key = parsed;
    return result;
}

enum smq_result write_signed_key(struct writer *writer, const struct key_pair *signer, const struct public_key *key) {
    enum key_algorithm algorithm = signer->public_key.algorithm;
    size_t signature_length = signature_size(algorithm);
    size_t key_length = key_spki_length(key->algorithm);
    if (signature_length == 0 || key_length == 0)
        return SMQ_ERR_CRYPTO;
    uint8_t signature[SIGNATURE_MAX];
    uint8_t signed_part[SEQUENCE_HEADER + KEY_SPKI_MAX];
    struct writer part = writer_of(signed_part, sizeof signed_part);
    write_u8(&part, TAG_SEQUENCE);
    write_der_length(&part, key_length);
    write_public_key_der(&part, key);
    size_t part_length = writer_length(&part);
    enum smq_result result = sign(signer, slice_of(signed_part, part_length), signature);
    if (result != SMQ_OK)
        return result;
    size_t algorithm_length = sizeof algorithm_prefix; /* the curve stands where C ends the text */
    size_t bits_length = 1 + signature_length;         /* short form: both signatures are below 128 bytes */
    write_u8(writer, TAG_SEQUENCE);
    write_der_length(writer, part_length + algorithm_length + 2 + bits_length);
    write_bytes(writer, signed_part, part_length);
    write_text(writer, algorithm_prefix);
    write_u8(writer, algorithm == KEY_ED25519 ? CURVE_ED25519 : CURVE_ED448);
    write_u8(writer, TAG_BIT_STRING);
    write_der_length(writer, bits_length);
    write_u8(writer, 0);
    write_bytes(writer, signature, signature_length);
    return writer_finish(writer);
}

enum smq_result signed_key_verify(const struct signed_key *signed_key, const struct public_key *signer) {
    if (signed_key->signature_algorithm != signer->algorithm)
        return SMQ_ERR_CRYPTO;
    return signature_verify(signer, signed_key->signed_part, signed_key->signature);
}
