/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Files that the reference's program sent: encrypted anew with the key of their description they are the chunks that
 * its router stored, byte for byte, and decrypted they are the files; descriptions have the keys of its store log. */
#include "queues/base/secret.h"
#include "test/unit/transport/xftp_descriptions.h"
#include "transport/crypto/hash.h"
#include "transport/wire/text.h"
#include "transport/xftp/chunk_check.h"
#include "transport/xftp/chunk_sizes.h"
#include "transport/xftp/file_cipher.h"

enum { PIECE = 65536, ENCRYPTED_MAX = 5 * 1024 * 1024 };

struct stored_chunk {
    uint32_t size;
    uint8_t digest[32], start[64];
};

/* The line of chunks.txt that is about a chunk of this size: "id size=N sha256=HEX first64=HEX". */
static struct stored_chunk stored_chunk_of(uint32_t size) {
    struct slice text = read_xftp_vector("chunks.txt");
    struct stored_chunk stored = {.size = size};
    char mark[64], digest[65], start[129];
    snprintf(mark, sizeof mark, " size=%u sha256=", size);
    const char *at = strstr((const char *)text.bytes, mark);
    assert_non_null(at);
    assert_int_equal(sscanf(at + strlen(mark), "%64s first64=%128s", digest, start), 2);
    (void)from_hex(digest, stored.digest, sizeof stored.digest);
    (void)from_hex(start, stored.start, sizeof stored.start);
    free_slice(text);
    return stored;
}

static struct xftp_description *captured(const char *name) {
    struct slice text = read_xftp_vector(name);
    struct xftp_description *description = parse_description(text);
    free_slice(text);
    return description;
}

/* Encrypts `content` as the description says and returns it in new memory. */
static uint8_t *encrypt(const struct xftp_description *description, const char *name, struct slice content) {
    struct xftp_file_encryption encryption;
    size_t at = 0, length = 0;
    uint8_t *encrypted = malloc(ENCRYPTED_MAX + PIECE);
    assert_non_null(encrypted);
    assert_int_equal(xftp_file_encrypt_begin(&encryption, description->key, description->nonce, slice_of_text(name),
                                             content.length, (uint64_t)description->size, encrypted, &at),
                     SMQ_OK);
    for (size_t done = 0; done < content.length; done += PIECE) {
        size_t size = content.length - done < PIECE ? content.length - done : PIECE;
        assert_int_equal(xftp_file_encrypt(&encryption, slice_of(content.bytes + done, size), encrypted + at), SMQ_OK);
        at += size;
    }
    do {
        assert_int_equal(xftp_file_encrypt_rest(&encryption, encrypted + at, PIECE, &length), SMQ_OK);
        at += length;
    } while (length > 0);
    assert_int_equal(at, description->size);
    return encrypted;
}

static void assert_is_stored_chunk(const struct xftp_chunk *chunk, const uint8_t *bytes) {
    struct stored_chunk stored = stored_chunk_of(chunk->size);
    struct xftp_chunk_check check;
    struct xftp_error error;
    assert_memory_equal(bytes, stored.start, sizeof stored.start);
    assert_memory_equal(chunk->digest, stored.digest, sizeof stored.digest);
    assert_int_equal(xftp_chunk_check_begin(&check, chunk->size, slice_of(stored.digest, 32)), SMQ_OK);
    assert_int_equal(xftp_chunk_check_add(&check, slice_of(bytes, chunk->size), &error), SMQ_OK);
    assert_int_equal(xftp_chunk_check_end(&check, &error), SMQ_OK);
    xftp_chunk_check_close(&check);
}

static void assert_decrypts(const struct xftp_description *description, const uint8_t *encrypted, const char *name,
                            struct slice content) {
    static uint8_t output[PIECE];
    struct xftp_file_decryption decryption;
    uint64_t size = (uint64_t)description->size;
    size_t written = 0;
    assert_int_equal(xftp_file_decrypt_begin(&decryption, description->key, description->nonce, size), SMQ_OK);
    for (size_t done = 0; done < size; done += PIECE) {
        struct slice part;
        assert_int_equal(xftp_file_decrypt(&decryption, slice_of(encrypted + done, PIECE), output, &part), SMQ_OK);
        assert_true(part.length <= content.length - written);
        assert_memory_equal(part.bytes, content.bytes + written, part.length);
        written += part.length;
    }
    assert_int_equal(written, content.length);
    assert_slice_text(decryption.header.name, name);
    assert_int_equal(xftp_file_decrypt_end(&decryption), SMQ_OK);
    xftp_file_decrypt_close(&decryption);
}

static void check_file(const char *description_name, const char *name, struct slice content) {
    struct xftp_description *description = captured(description_name);
    struct xftp_chunk_plan plan;
    uint8_t digest[64];
    assert_int_equal(xftp_chunk_plan_of(xftp_file_payload(strlen(name), content.length), &plan), SMQ_OK);
    assert_int_equal(plan.encrypted_size, description->size);
    assert_int_equal(xftp_chunk_plan_count(&plan), description->chunk_count);
    assert_int_equal(description->chunk_size, description->chunks[0].size);

    uint8_t *encrypted = encrypt(description, name, content);
    assert_int_equal(hash_slice(HASH_SHA512, slice_of(encrypted, (size_t)description->size), digest), SMQ_OK);
    assert_memory_equal(digest, description->digest, sizeof digest);
    for (size_t i = 0; i < description->chunk_count; i++) {
        assert_int_equal(description->chunks[i].size, xftp_chunk_plan_size(&plan, i));
        assert_is_stored_chunk(&description->chunks[i], encrypted + xftp_chunk_plan_offset(&plan, i));
    }
    assert_decrypts(description, encrypted, name, content);
    free(encrypted);
    xftp_description_destroy(&description);
}

static void test_the_small_file_is_the_stored_chunk(void **state) {
    (void)state;
    struct slice content = read_xftp_vector("small.txt");
    assert_int_equal(content.length, 2860);
    check_file("small.rcv1.xftp", "small.txt", content);
    check_file("small.rcv2.xftp", "small.txt", content);
    check_file("small.snd.xftp.private", "small.txt", content);
    free_slice(content);
}

static void test_the_big_file_is_the_stored_chunks(void **state) {
    (void)state;
    enum { SIZE = 5000000 };
    uint8_t *content = malloc(SIZE);
    assert_non_null(content);
    memset(content, 'x', SIZE);
    check_file("big.rcv1.xftp", "big.bin", slice_of(content, SIZE));
    free(content);
}

/* ---- the store log ---- */

static void append_base64(struct writer *writer, const uint8_t *bytes, size_t length) {
    write_base64(writer, slice_of(bytes, length), BASE64_URL);
}

static void append_public_key(struct writer *writer, const struct private_key *private_key) {
    uint8_t der[KEY_SPKI_MAX];
    struct writer der_writer = writer_of(der, sizeof der);
    struct key_pair pair;
    assert_int_equal(key_pair_of_private(private_key, &pair), SMQ_OK);
    write_public_key_der(&der_writer, &pair.public_key);
    append_base64(writer, der, writer_length(&der_writer));
}

static void assert_in_store_log(const struct writer *line) {
    struct slice log = read_xftp_vector("store.log");
    assert_int_equal(writer_finish(line), SMQ_OK);
    assert_non_null(memmem(log.bytes, log.length, line->start, writer_length(line)));
    free_slice(log);
}

/* "FNEW <id> <key> <size> <digest> " of a sender's replica. */
static void test_a_senders_description_has_the_ids_and_keys_of_the_log(void **state) {
    (void)state;
    uint8_t bytes[512];
    struct writer line = writer_of(bytes, sizeof bytes);
    struct xftp_description *description = captured("small.snd.xftp.private");
    const struct xftp_replica *replica = &description->replicas[0];
    assert_int_equal(description->party, XFTP_FILE_SENDER);
    write_text(&line, "FNEW ");
    append_base64(&line, replica->id, replica->id_length);
    write_text(&line, " ");
    append_public_key(&line, &replica->key);
    write_text(&line, " ");
    write_decimal(&line, description->chunks[0].size);
    write_text(&line, " ");
    append_base64(&line, description->chunks[0].digest, 32);
    write_text(&line, " ");
    assert_in_store_log(&line);
    xftp_description_destroy(&description);
}

/* "<id>:<key>", an item of an FADD, of each recipient's replica. */
static void test_recipients_descriptions_have_the_ids_and_keys_of_the_log(void **state) {
    (void)state;
    static const char *const names[] = {"small.rcv1.xftp", "small.rcv2.xftp", "big.rcv1.xftp"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct xftp_description *description = captured(names[i]);
        assert_int_equal(description->party, XFTP_FILE_RECIPIENT);
        for (size_t j = 0; j < description->replica_count; j++) {
            uint8_t bytes[512];
            struct writer line = writer_of(bytes, sizeof bytes);
            append_base64(&line, description->replicas[j].id, description->replicas[j].id_length);
            write_text(&line, ":");
            append_public_key(&line, &description->replicas[j].key);
            assert_in_store_log(&line);
        }
        xftp_description_destroy(&description);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_small_file_is_the_stored_chunk),
        cmocka_unit_test(test_the_big_file_is_the_stored_chunks),
        cmocka_unit_test(test_a_senders_description_has_the_ids_and_keys_of_the_log),
        cmocka_unit_test(test_recipients_descriptions_have_the_ids_and_keys_of_the_log),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
