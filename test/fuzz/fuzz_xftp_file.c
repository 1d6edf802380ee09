/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes the decryption of files. The input is what a sender encrypts, length, header and all, well or not; it is
 * decrypted in one piece and in pieces whose sizes follow from the input, with the same outcome. Names become safe. */
#include "test/fuzz/fuzz.h"
#include "transport/xftp/file_cipher.h"
#include "transport/xftp/file_name.h"

enum { INPUT_MAX = 1 << 16 };

static const uint8_t key[XFTP_FILE_KEY_SIZE] = {1}, nonce[BOX_NONCE_SIZE] = {2};
static uint8_t encrypted[INPUT_MAX + BOX_TAG_SIZE], content[2][INPUT_MAX + BOX_TAG_SIZE],
    scratch[INPUT_MAX + BOX_TAG_SIZE];

static void check_name(struct slice name) {
    char safe[XFTP_FILE_NAME_MAX + 1];
    xftp_file_name_make_safe(name, safe);
    PROMISE(safe[0] != '\0' && safe[0] != '.' && strchr(safe, '/') == NULL);
    PROMISE(strlen(safe) <= XFTP_FILE_NAME_MAX);
}

/* The outcome; the decrypted bytes go to `output`. */
static enum smq_result decrypt(size_t size, const uint8_t *pieces, size_t piece_count, uint8_t *output,
                               size_t *written) {
    struct xftp_file_decryption decryption;
    *written = 0;
    enum smq_result result = xftp_file_decrypt_begin(&decryption, key, nonce, size);
    for (size_t done = 0, i = 0; done < size && result == SMQ_OK; i++) {
        size_t piece = piece_count > 0 ? 1U + pieces[i % piece_count] : size;
        struct slice part;
        if (piece > size - done)
            piece = size - done;
        result = xftp_file_decrypt(&decryption, slice_of(encrypted + done, piece), scratch, &part);
        if (result == SMQ_OK && part.length > 0)
            memcpy(output + *written, part.bytes, part.length);
        *written += result == SMQ_OK ? part.length : 0;
        done += piece;
    }
    if (result == SMQ_OK)
        result = xftp_file_decrypt_end(&decryption);
    if (result == SMQ_OK) {
        PROMISE(decryption.has_header && decryption.content_left == 0);
        check_name(decryption.header.name);
    }
    xftp_file_decrypt_close(&decryption);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct box_key ready;
    struct box_stream stream;
    size_t written[2];
    check_name(slice_of(bytes, length));
    if (length > INPUT_MAX)
        return 0;
    box_key_of_secret(key, &ready);
    box_stream_begin(&stream, &ready, nonce);
    box_stream_encrypt(&stream, slice_of(bytes, length), encrypted);
    box_stream_end(&stream, encrypted + length);
    enum smq_result whole = decrypt(length + BOX_TAG_SIZE, NULL, 0, content[0], &written[0]);
    enum smq_result parts = decrypt(length + BOX_TAG_SIZE, bytes, length, content[1], &written[1]);
    PROMISE(whole == parts && whole != SMQ_ERR_CRYPTO);
    PROMISE(whole != SMQ_OK || fuzz_equal(slice_of(content[0], written[0]), slice_of(content[1], written[1])));
    return 0;
}
