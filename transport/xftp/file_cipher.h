/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The encryption of a whole file, which is then cut into chunks: length, header with the file's name, content and
 * filler, encrypted as one stream, and the tag at the very end (reference: FileTransfer/Crypto.hs). Bytes come in
 * pieces of any size; nothing grows with the file. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/crypto/box_stream.h"

enum {
    XFTP_FILE_KEY_SIZE = 32,
    XFTP_FILE_LENGTH_SIZE = 8,
    XFTP_FILE_HEADER_MAX = 1 + 255 + 1 + 1 + 255, /* name, and an extra field that nobody writes today */
    XFTP_FILE_PREFIX_MAX = XFTP_FILE_LENGTH_SIZE + XFTP_FILE_HEADER_MAX,
};

/* Encrypted bytes of a file before they are filled up: length, header, content, tag. UINT64_MAX when that is more than
 * a file can have. */
uint64_t xftp_file_payload(size_t name_length, uint64_t file_size);

/* ---- encryption ---- */

/* Secret; wiped when all is written, and by xftp_file_encrypt_abort. Not to be copied. */
struct xftp_file_encryption {
    struct box_stream stream;
    uint64_t content_left;
    uint64_t filler_left;
    bool ended;
};

/* `name`: at most 255 bytes of UTF-8, without folders. `encrypted_size`: the sum of the chunks, tag included. What the
 * file begins with is written to `output`, `*length` bytes. SMQ_ERR_TOO_LARGE for the name; SMQ_ERR_INVALID when the
 * file does not fit. */
enum smq_result xftp_file_encrypt_begin(struct xftp_file_encryption *encryption, const uint8_t key[XFTP_FILE_KEY_SIZE],
                                        const uint8_t nonce[BOX_NONCE_SIZE], struct slice name, uint64_t file_size,
                                        uint64_t encrypted_size, uint8_t output[XFTP_FILE_PREFIX_MAX], size_t *length);
/* The next bytes of the content; `output` has room for as many and may be where they lie. SMQ_ERR_TOO_LARGE, with
 * nothing done, when they are more than the file has. */
enum smq_result xftp_file_encrypt(struct xftp_file_encryption *encryption, struct slice content, uint8_t *output);
/* After the content: filler and tag, at most `capacity` bytes a call; the tag is not divided, so that a call may write
 * less. `*length` is 0 when all was written before. SMQ_ERR_INVALID while content is missing, and when the tag is all
 * that is left and has no room. */
enum smq_result xftp_file_encrypt_rest(struct xftp_file_encryption *encryption, uint8_t *output, size_t capacity,
                                       size_t *length);
void xftp_file_encrypt_abort(struct xftp_file_encryption *encryption);

/* ---- decryption ---- */

struct xftp_file_header {
    struct slice name; /* whatever the sender wrote: see file_name.h before it becomes a path */
    bool has_extra;
    struct slice extra;
};

/* Secret; to be given up with xftp_file_decrypt_close. Not to be copied or moved: the header points into it. */
struct xftp_file_decryption {
    struct box_stream stream;
    uint64_t cipher_left;  /* encrypted bytes to come before the tag */
    uint64_t content_left; /* of the file */
    uint64_t plain_size;   /* all that is encrypted */
    bool has_header;
    struct xftp_file_header header; /* once `has_header` */
    size_t prefix_length;
    uint8_t prefix[XFTP_FILE_PREFIX_MAX];
    uint8_t tag_length;
    uint8_t tag[BOX_TAG_SIZE];
};

/* `encrypted_size`: the sum of the chunks. SMQ_ERR_INVALID when no file is that small. */
enum smq_result xftp_file_decrypt_begin(struct xftp_file_decryption *decryption, const uint8_t key[XFTP_FILE_KEY_SIZE],
                                        const uint8_t nonce[BOX_NONCE_SIZE], uint64_t encrypted_size);
/* The next bytes of the file, across the borders of chunks. `*content` is the part of them that belongs to the file, in
 * `output`, which has room for cipher.length bytes and may be where they lie. It is not to be trusted before the end.
 * SMQ_ERR_SYNTAX when length or header make no sense, as with a wrong key; SMQ_ERR_TOO_LARGE when there are more bytes
 * than the file has. After an error only closing is of use. */
enum smq_result xftp_file_decrypt(struct xftp_file_decryption *decryption, struct slice cipher, uint8_t *output,
                                  struct slice *content);
/* After the last bytes. SMQ_ERR_SYNTAX when bytes are missing, SMQ_ERR_CRYPTO when the tag is wrong: what was written
 * must then be thrown away. */
enum smq_result xftp_file_decrypt_end(struct xftp_file_decryption *decryption);
/* At any time after begin, also more than once. */
void xftp_file_decrypt_close(struct xftp_file_decryption *decryption);
