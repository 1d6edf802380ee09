/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The encryption of a whole file. */
#include "transport/xftp/file_cipher.h"

#include <string.h>

#include "queues/base/secret.h"

enum { NAME_MAX_LENGTH = 255, HEADER_WITHOUT_NAME = 2, FILLER = '#' };

uint64_t xftp_file_payload(size_t name_length, uint64_t file_size) {
    uint64_t around = XFTP_FILE_LENGTH_SIZE + HEADER_WITHOUT_NAME + name_length + BOX_TAG_SIZE;
    return file_size > (uint64_t)INT64_MAX - around ? UINT64_MAX : file_size + around;
}

static void begin_stream(struct box_stream *stream, const uint8_t *key, const uint8_t *nonce) {
    struct box_key ready;
    box_key_of_secret(key, &ready);
    box_stream_begin(stream, &ready, nonce);
    box_key_wipe(&ready);
}

/* ---- encryption ---- */

enum smq_result xftp_file_encrypt_begin(struct xftp_file_encryption *encryption, const uint8_t key[XFTP_FILE_KEY_SIZE],
                                        const uint8_t nonce[BOX_NONCE_SIZE], struct slice name, uint64_t file_size,
                                        uint64_t encrypted_size, uint8_t output[XFTP_FILE_PREFIX_MAX], size_t *length) {
    if (name.length > NAME_MAX_LENGTH)
        return SMQ_ERR_TOO_LARGE;
    uint64_t payload = xftp_file_payload(name.length, file_size);
    if (encrypted_size < payload)
        return SMQ_ERR_INVALID;
    *encryption = (struct xftp_file_encryption){.content_left = file_size, .filler_left = encrypted_size - payload};
    begin_stream(&encryption->stream, key, nonce);

    struct writer writer = writer_of(output, XFTP_FILE_PREFIX_MAX);
    write_i64(&writer, (int64_t)(HEADER_WITHOUT_NAME + name.length + file_size));
    write_short(&writer, name);
    write_maybe(&writer, false);
    *length = writer_length(&writer);
    box_stream_encrypt(&encryption->stream, slice_of(output, *length), output);
    return SMQ_OK;
}

enum smq_result xftp_file_encrypt(struct xftp_file_encryption *encryption, struct slice content, uint8_t *output) {
    if (content.length > encryption->content_left)
        return SMQ_ERR_TOO_LARGE;
    box_stream_encrypt(&encryption->stream, content, output);
    encryption->content_left -= content.length;
    return SMQ_OK;
}

enum smq_result xftp_file_encrypt_rest(struct xftp_file_encryption *encryption, uint8_t *output, size_t capacity,
                                       size_t *length) {
    bool only_tag = encryption->filler_left == 0 && !encryption->ended;
    if (encryption->content_left > 0 || (only_tag && capacity < BOX_TAG_SIZE))
        return SMQ_ERR_INVALID;
    size_t filler = encryption->filler_left < capacity ? (size_t)encryption->filler_left : capacity;
    memset(output, FILLER, filler);
    box_stream_encrypt(&encryption->stream, slice_of(output, filler), output);
    encryption->filler_left -= filler;
    *length = filler;
    if (encryption->filler_left == 0 && !encryption->ended && capacity - filler >= BOX_TAG_SIZE) {
        box_stream_end(&encryption->stream, output + filler);
        encryption->ended = true;
        *length += BOX_TAG_SIZE;
    }
    return SMQ_OK;
}

void xftp_file_encrypt_abort(struct xftp_file_encryption *encryption) {
    box_stream_wipe(&encryption->stream);
}

/* ---- decryption ---- */

enum smq_result xftp_file_decrypt_begin(struct xftp_file_decryption *decryption, const uint8_t key[XFTP_FILE_KEY_SIZE],
                                        const uint8_t nonce[BOX_NONCE_SIZE], uint64_t encrypted_size) {
    if (encrypted_size < XFTP_FILE_LENGTH_SIZE + HEADER_WITHOUT_NAME + BOX_TAG_SIZE)
        return SMQ_ERR_INVALID;
    memset(decryption, 0, sizeof *decryption);
    decryption->plain_size = decryption->cipher_left = encrypted_size - BOX_TAG_SIZE;
    begin_stream(&decryption->stream, key, nonce);
    return SMQ_OK;
}

/* The header of what is there of it. SMQ_ERR_AGAIN: more bytes are needed. */
static enum smq_result parse_header(struct reader *reader, struct xftp_file_header *header) {
    header->name = read_short(reader);
    uint8_t mark = read_u8(reader);
    header->has_extra = mark == '1';
    if (header->has_extra)
        header->extra = read_short(reader);
    else if (!reader->failed && mark != '0')
        return SMQ_ERR_SYNTAX;
    return reader->failed ? SMQ_ERR_AGAIN : SMQ_OK;
}

/* Length and header from the gathered prefix. SMQ_ERR_AGAIN: more bytes are needed. */
static enum smq_result parse_prefix(struct xftp_file_decryption *decryption, size_t *size) {
    struct reader reader = reader_of(slice_of(decryption->prefix, decryption->prefix_length));
    int64_t length = read_i64(&reader);
    if (reader.failed)
        return SMQ_ERR_AGAIN;
    if (length < HEADER_WITHOUT_NAME || (uint64_t)length > decryption->plain_size - XFTP_FILE_LENGTH_SIZE)
        return SMQ_ERR_SYNTAX;
    bool whole = (uint64_t)length <= reader_left(&reader);
    struct reader inside = reader_of(slice_of(reader.position, whole ? (size_t)length : reader_left(&reader)));
    const uint8_t *start = inside.position;
    enum smq_result result = parse_header(&inside, &decryption->header);
    if (result == SMQ_ERR_AGAIN && whole)
        return SMQ_ERR_SYNTAX;
    if (result != SMQ_OK)
        return result;
    size_t header_size = (size_t)(inside.position - start);
    decryption->content_left = (uint64_t)length - header_size;
    *size = XFTP_FILE_LENGTH_SIZE + header_size;
    return SMQ_OK;
}

/* Takes length and header off the front of `plain`, as far as they are there. */
static enum smq_result take_prefix(struct xftp_file_decryption *decryption, struct slice *plain) {
    size_t before = decryption->prefix_length;
    size_t room = sizeof decryption->prefix - before;
    size_t count = plain->length < room ? plain->length : room;
    size_t size = 0;
    if (count == 0)
        return SMQ_OK;
    memcpy(decryption->prefix + before, plain->bytes, count);
    decryption->prefix_length += count;
    enum smq_result result = parse_prefix(decryption, &size);
    if (result == SMQ_ERR_AGAIN) { /* the room is for the longest header, so all of `plain` was taken */
        *plain = slice_of(plain->bytes, 0);
        return SMQ_OK;
    }
    if (result != SMQ_OK)
        return result;
    decryption->has_header = true;
    *plain = slice_of(plain->bytes + (size - before), plain->length - (size - before));
    return SMQ_OK;
}

static enum smq_result gather_tag(struct xftp_file_decryption *decryption, const uint8_t *bytes, size_t length) {
    if (length > sizeof decryption->tag - decryption->tag_length)
        return SMQ_ERR_TOO_LARGE;
    memcpy(decryption->tag + decryption->tag_length, bytes, length);
    decryption->tag_length = (uint8_t)(decryption->tag_length + length);
    return SMQ_OK;
}

/* The tag is gathered first: decrypting in place writes over nothing behind the encrypted bytes. */
enum smq_result xftp_file_decrypt(struct xftp_file_decryption *decryption, struct slice cipher, uint8_t *output,
                                  struct slice *content) {
    size_t count = cipher.length < decryption->cipher_left ? cipher.length : (size_t)decryption->cipher_left;
    enum smq_result result = SMQ_OK;
    *content = slice_of(output, 0);
    if (count < cipher.length)
        result = gather_tag(decryption, cipher.bytes + count, cipher.length - count);
    if (result != SMQ_OK)
        return result;
    box_stream_decrypt(&decryption->stream, slice_of(cipher.bytes, count), output);
    decryption->cipher_left -= count;
    struct slice plain = slice_of(output, count);
    if (!decryption->has_header)
        result = take_prefix(decryption, &plain);
    if (result != SMQ_OK || !decryption->has_header)
        return result;
    if (plain.length > decryption->content_left)
        plain.length = (size_t)decryption->content_left;
    decryption->content_left -= plain.length;
    *content = plain;
    return SMQ_OK;
}

enum smq_result xftp_file_decrypt_end(struct xftp_file_decryption *decryption) {
    if (decryption->cipher_left > 0 || decryption->tag_length < sizeof decryption->tag || !decryption->has_header)
        return SMQ_ERR_SYNTAX;
    return box_stream_verify(&decryption->stream, decryption->tag);
}

void xftp_file_decrypt_close(struct xftp_file_decryption *decryption) {
    secret_wipe(decryption, sizeof *decryption);
}
