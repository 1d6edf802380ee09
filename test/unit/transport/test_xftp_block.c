/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* XFTP blocks: the known answers of every command and response, written and opened again, and what no peer may send. */
#include "test/unit/transport/xftp_known.h"
#include "transport/crypto/authenticator.h"
#include "transport/crypto/signature.h"
#include "transport/wire/padding.h"

enum { NOBODY, SENDER, RECIPIENT };

static uint8_t session_bytes[32], sender_bytes[16], recipient_bytes[2][16], digest_bytes[32], nonce_bytes[24];
static uint8_t key_list_bytes[64], id_list_bytes[64];
static struct key_pair signer, client, router;
static uint8_t block[XFTP_BLOCK_SIZE];

static int set_up(void **state) {
    int result = set_up_crypto(state);
    (void)xftp_known("session", session_bytes, sizeof session_bytes);
    (void)xftp_known("sender_id", sender_bytes, sizeof sender_bytes);
    (void)xftp_known("recipient_id_1", recipient_bytes[0], sizeof recipient_bytes[0]);
    (void)xftp_known("recipient_id_2", recipient_bytes[1], sizeof recipient_bytes[1]);
    (void)xftp_known("digest", digest_bytes, sizeof digest_bytes);
    (void)xftp_known("nonce", nonce_bytes, sizeof nonce_bytes);
    signer = xftp_known_signer();
    client = xftp_known_client();
    router = xftp_known_router();
    return result;
}

static struct slice session_id(void) {
    return slice_of(session_bytes, sizeof session_bytes);
}

static struct xftp_envelope envelope_of(int entity) {
    struct xftp_envelope envelope = {.session_id = session_id()};
    if (entity == SENDER)
        envelope.entity_id = slice_of(sender_bytes, sizeof sender_bytes);
    if (entity == RECIPIENT)
        envelope.entity_id = slice_of(recipient_bytes[0], sizeof recipient_bytes[0]);
    return envelope;
}

static struct key_list one_key(void) {
    struct writer writer = writer_of(key_list_bytes, sizeof key_list_bytes);
    write_public_key(&writer, &signer.public_key);
    return (struct key_list){.count = 1, .encoded = slice_of(key_list_bytes, writer_length(&writer))};
}

static struct xftp_id_list ids_of(size_t first, size_t count) {
    struct writer writer = writer_of(id_list_bytes, sizeof id_list_bytes);
    for (size_t i = first; i < first + count; i++)
        write_short(&writer, slice_of(recipient_bytes[i], sizeof recipient_bytes[i]));
    return (struct xftp_id_list){.count = (uint8_t)count, .encoded = slice_of(id_list_bytes, writer_length(&writer))};
}

static struct xftp_command command_of(enum xftp_command_tag tag) {
    struct xftp_command command;
    memset(&command, 0, sizeof command);
    command.tag = tag;
    if (tag == XFTP_FNEW)
        command.create = (struct xftp_new){.sender_key = signer.public_key,
                                           .size = 65536,
                                           .digest = slice_of(digest_bytes, sizeof digest_bytes),
                                           .recipient_keys = one_key()};
    if (tag == XFTP_FADD)
        command.recipient_keys = one_key();
    if (tag == XFTP_FGET)
        command.dh_key = client.public_key;
    return command;
}

/* ---- known answers ---- */

static void assert_content_length(size_t length) {
    assert_int_equal(block[0] << 8 | block[1], length);
}

static void check_command(enum xftp_command_tag tag, int entity, size_t content, size_t command_length) {
    uint8_t again[XFTP_BLOCK_SIZE];
    struct xftp_envelope envelope = envelope_of(entity);
    struct xftp_command command = command_of(tag), parsed;
    struct transmission transmission;
    struct xftp_error error;
    const struct key_pair *key = tag == XFTP_PING ? NULL : &signer;

    assert_int_equal(xftp_command_block_write(&envelope, key, NULL, &command, block), SMQ_OK);
    assert_content_length(content);
    assert_known_sha256(slice_of(block, sizeof block), xftp_command_info(tag)->text);

    assert_int_equal(xftp_block_open(slice_of(block, sizeof block), session_id(), &transmission, &error), SMQ_OK);
    assert_slice_equal(transmission.entity_id, envelope.entity_id);
    assert_int_equal(transmission.correlation_id.length, 0);
    if (command_length > 0)
        assert_int_equal(transmission.command.length, command_length);
    if (key != NULL)
        assert_int_equal(signature_verify(&signer.public_key, transmission.authorized, transmission.authorization),
                         SMQ_OK);
    assert_int_equal(transmission.authorization.length, key != NULL ? 64 : 0);
    assert_int_equal(xftp_command_parse(transmission.command, &parsed, &error), SMQ_OK);
    assert_int_equal(parsed.tag, tag);
    assert_int_equal(xftp_command_check_credentials(&parsed, key != NULL, entity != NOBODY, &error), SMQ_OK);
    assert_int_equal(xftp_command_block_write(&envelope, key, NULL, &parsed, again), SMQ_OK);
    assert_memory_equal(again, block, sizeof block);
}

static void test_commands_are_the_known_ones(void **state) {
    (void)state;
    check_command(XFTP_PING, NOBODY, 43, 4);
    check_command(XFTP_FNEW, NOBODY, 237, 134);
    check_command(XFTP_FADD, SENDER, 170, 0);
    check_command(XFTP_FPUT, SENDER, 123, 4);
    check_command(XFTP_FDEL, SENDER, 123, 4);
    check_command(XFTP_FGET, RECIPIENT, 169, 0);
    check_command(XFTP_FACK, RECIPIENT, 123, 4);
}

static void check_response(const struct xftp_response *response, int entity, size_t content, const char *name) {
    uint8_t again[XFTP_BLOCK_SIZE];
    struct xftp_envelope envelope = envelope_of(entity);
    struct xftp_response parsed;
    struct transmission transmission;
    struct xftp_error error;

    assert_int_equal(xftp_response_block_write(&envelope, XFTP_VERSION_MAX, response, block), SMQ_OK);
    assert_content_length(content);
    assert_known_sha256(slice_of(block, sizeof block), name);

    assert_int_equal(xftp_block_open(slice_of(block, sizeof block), session_id(), &transmission, &error), SMQ_OK);
    assert_slice_equal(transmission.entity_id, envelope.entity_id);
    assert_int_equal(transmission.authorization.length, 0);
    assert_int_equal(xftp_response_parse(transmission.command, &parsed, &error), SMQ_OK);
    assert_int_equal(parsed.tag, response->tag);
    assert_int_equal(xftp_response_check_entity(&parsed, entity != NOBODY, &error), SMQ_OK);
    assert_int_equal(xftp_response_block_write(&envelope, XFTP_VERSION_MAX, &parsed, again), SMQ_OK);
    assert_memory_equal(again, block, sizeof block);
}

static void test_responses_are_the_known_ones(void **state) {
    (void)state;
    struct xftp_response response = xftp_response_ok();
    check_response(&response, SENDER, 57, "OK");
    response.tag = XFTP_PONG;
    check_response(&response, NOBODY, 43, "PONG");
    response.tag = XFTP_SIDS;
    response.ids.sender_id = slice_of(sender_bytes, sizeof sender_bytes);
    response.ids.recipient_ids = ids_of(0, 2);
    check_response(&response, NOBODY, 96, "SIDS");
    response.tag = XFTP_RIDS;
    response.recipient_ids = ids_of(1, 1);
    check_response(&response, SENDER, 78, "RIDS");
    response.tag = XFTP_FILE;
    response.file.dh_key = router.public_key;
    memcpy(response.file.nonce, nonce_bytes, sizeof nonce_bytes);
    check_response(&response, RECIPIENT, 129, "FILE");
}

static void test_errors_are_the_known_ones(void **state) {
    (void)state;
    struct xftp_response response = xftp_response_error(xftp_error_of(XFTP_ERROR_AUTH));
    check_response(&response, RECIPIENT, 63, "ERR_AUTH");
    response = xftp_response_error(xftp_error_blocked((struct smp_blocking_info){.reason = SMP_BLOCKED_SPAM}));
    check_response(&response, RECIPIENT, 78, "ERR_BLOCKED");
    response = xftp_response_error(xftp_error_command(COMMAND_SYNTAX));
    check_response(&response, SENDER, 69, "ERR_SYNTAX");
    response = xftp_response_error(xftp_error_of(XFTP_ERROR_BLOCK));
    check_response(&response, NOBODY, 48, "ERR_BLOCK");
}

/* ---- authorizations ---- */

static void test_session_ids_of_every_length_are_signed(void **state) {
    (void)state;
    static const uint8_t id[48] = {7};
    static const size_t lengths[] = {0, 12, 32, 48};
    struct xftp_command command = command_of(XFTP_FDEL);
    struct transmission transmission;
    struct xftp_error error;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct xftp_envelope envelope = envelope_of(SENDER);
        envelope.session_id = slice_of(id, lengths[i]);
        assert_int_equal(xftp_command_block_write(&envelope, &signer, NULL, &command, block), SMQ_OK);
        assert_int_equal(xftp_block_open(slice_of(block, sizeof block), envelope.session_id, &transmission, &error),
                         SMQ_OK);
        assert_int_equal(transmission.authorized.bytes[0], lengths[i]);
        assert_int_equal(signature_verify(&signer.public_key, transmission.authorized, transmission.authorization),
                         SMQ_OK);
    }
}

static void test_an_ed448_key_signs_too(void **state) {
    (void)state;
    struct key_pair key = fresh_pair(KEY_ED448);
    struct xftp_envelope envelope = envelope_of(SENDER);
    struct xftp_command command = command_of(XFTP_FPUT);
    struct transmission transmission;
    struct xftp_error error;
    assert_int_equal(xftp_command_block_write(&envelope, &key, NULL, &command, block), SMQ_OK);
    assert_int_equal(xftp_block_open(slice_of(block, sizeof block), session_id(), &transmission, &error), SMQ_OK);
    assert_int_equal(transmission.authorization_kind, AUTHORIZATION_ED448);
    assert_int_equal(signature_verify(&key.public_key, transmission.authorized, transmission.authorization), SMQ_OK);
}

static void test_an_x25519_key_makes_an_authenticator_with_the_session_key(void **state) {
    (void)state;
    struct key_pair key = fresh_pair(KEY_X25519);
    struct xftp_envelope envelope = envelope_of(RECIPIENT);
    struct xftp_command command = command_of(XFTP_FACK);
    struct transmission transmission;
    struct xftp_error error;
    struct box_key agreed;
    assert_int_equal(xftp_command_block_write(&envelope, &key, &router.public_key, &command, block), SMQ_ERR_CRYPTO);
    envelope.correlation_id = slice_of(nonce_bytes, sizeof nonce_bytes);
    assert_int_equal(xftp_command_block_write(&envelope, &key, NULL, &command, block), SMQ_ERR_CRYPTO);
    assert_int_equal(xftp_command_block_write(&envelope, &key, &router.public_key, &command, block), SMQ_OK);
    assert_int_equal(xftp_block_open(slice_of(block, sizeof block), session_id(), &transmission, &error), SMQ_OK);
    assert_int_equal(transmission.authorization_kind, AUTHORIZATION_AUTHENTICATOR);
    assert_int_equal(box_key_agree(&router.private_key, &key.public_key, &agreed), SMQ_OK);
    assert_int_equal(authenticator_verify(&agreed, transmission.correlation_id, &transmission.authorized, 1,
                                          transmission.authorization),
                     SMQ_OK);
}

static void test_a_changed_byte_breaks_the_signature(void **state) {
    (void)state;
    struct xftp_envelope envelope = envelope_of(SENDER);
    struct xftp_command command = command_of(XFTP_FADD);
    struct transmission transmission;
    struct xftp_error error;
    assert_int_equal(xftp_command_block_write(&envelope, &signer, NULL, &command, block), SMQ_OK);
    size_t content = (size_t)(block[0] << 8 | block[1]);
    for (size_t i = 2 + 1 + 2 + 1 + 64; i < 2 + content; i++) {
        block[i] ^= 1;
        if (xftp_block_open(slice_of(block, sizeof block), session_id(), &transmission, &error) == SMQ_OK)
            assert_int_equal(signature_verify(&signer.public_key, transmission.authorized, transmission.authorization),
                             SMQ_ERR_CRYPTO);
        block[i] ^= 1;
    }
}

/* ---- blocks that are none ---- */

static void assert_refused(struct slice head, enum xftp_error_code code, struct slice correlation_id) {
    uint8_t *exact = heap_copy(head.bytes, head.length);
    struct transmission transmission;
    struct xftp_error error;
    assert_int_equal(xftp_block_open(slice_of(exact, head.length), session_id(), &transmission, &error),
                     SMQ_ERR_SYNTAX);
    assert_int_equal(error.code, code);
    assert_slice_equal(transmission.correlation_id, correlation_id);
    assert_int_equal(transmission.entity_id.length, 0);
    assert_int_equal(transmission.command.length, 0);
    free(exact);
}

static void test_a_head_of_another_length_is_BLOCK(void **state) {
    (void)state;
    static uint8_t larger[XFTP_BLOCK_SIZE + 1];
    struct xftp_envelope envelope = envelope_of(NOBODY);
    struct xftp_command command = command_of(XFTP_PING);
    assert_int_equal(xftp_command_block_write(&envelope, NULL, NULL, &command, block), SMQ_OK);
    memcpy(larger, block, sizeof block);
    for (size_t length = 0; length < 64; length++)
        assert_refused(slice_of(block, length), XFTP_ERROR_BLOCK, slice_of(NULL, 0));
    assert_refused(slice_of(block, sizeof block - 1), XFTP_ERROR_BLOCK, slice_of(NULL, 0));
    assert_refused(slice_of(larger, sizeof larger), XFTP_ERROR_BLOCK, slice_of(NULL, 0));
}

/* Pads `content` and expects it refused. */
static void assert_content_refused(const char *hex, enum xftp_error_code code, struct slice correlation_id) {
    uint8_t content[512];
    struct slice bytes = from_hex(hex, content, sizeof content);
    assert_int_equal(pad(bytes, block, sizeof block), SMQ_OK);
    assert_refused(slice_of(block, sizeof block), code, correlation_id);
}

static void test_anything_but_one_whole_transmission_is_BLOCK(void **state) {
    (void)state;
    struct slice none = {0};
    assert_content_refused("", XFTP_ERROR_BLOCK, none);
    assert_content_refused("00", XFTP_ERROR_BLOCK, none);
    assert_content_refused("01", XFTP_ERROR_BLOCK, none);
    assert_content_refused("01 0001", XFTP_ERROR_BLOCK, none);
    assert_content_refused("01 0008 00 00 00 00 50494e47 ff", XFTP_ERROR_BLOCK, none);
    assert_content_refused("02 0008 00 00 00 00 50494e47 0008 00 00 00 00 50494e47", XFTP_ERROR_BLOCK, none);
    assert_content_refused("01 0002 00 05", XFTP_ERROR_BLOCK, none);
    block[0] = block[1] = 0xff; /* more content than there is block */
    assert_refused(slice_of(block, sizeof block), XFTP_ERROR_BLOCK, none);
}

static void test_another_session_is_SESSION_with_the_correlation_id(void **state) {
    (void)state;
    struct slice none = {0};
    assert_content_refused("01 0008 00 00 00 00 50494e47", XFTP_ERROR_SESSION, none);
    assert_content_refused("01 000b 00 00 03616263 00 50494e47", XFTP_ERROR_SESSION, slice_of_text("abc"));
    /* a session id that is the right one's beginning */
    assert_content_refused("01 000a 00 01c0 0162 00 50494e47", XFTP_ERROR_SESSION, slice_of_text("b"));
}

static void test_an_authorization_of_no_size_is_BLOCK_with_the_correlation_id(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 63, 65, 79, 81, 113, 115, 255};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t content[512], transmission[512];
        struct writer inner = writer_of(transmission, sizeof transmission);
        write_u8(&inner, (uint8_t)sizes[i]);
        memset(write_reserve(&inner, sizes[i]), 'a', sizes[i]);
        write_short(&inner, session_id());
        write_short(&inner, slice_of_text("id"));
        write_short(&inner, slice_of_text("entity"));
        write_text(&inner, "FPUT");
        struct writer writer = writer_of(content, sizeof content);
        write_u8(&writer, 1);
        write_large(&writer, slice_of(transmission, writer_length(&inner)));
        assert_int_equal(pad(slice_of(content, writer_length(&writer)), block, sizeof block), SMQ_OK);
        assert_refused(slice_of(block, sizeof block), XFTP_ERROR_BLOCK, slice_of_text("id"));
    }
}

/* ---- what fits ---- */

static struct key_list keys_of(size_t count, uint8_t *bytes, size_t capacity) {
    struct writer writer = writer_of(bytes, capacity);
    for (size_t i = 0; i < count; i++)
        write_public_key(&writer, &signer.public_key);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    return (struct key_list){.count = (uint8_t)count, .encoded = slice_of(bytes, writer_length(&writer))};
}

static void test_a_block_takes_as_many_recipients_as_a_count_can_say(void **state) {
    (void)state;
    static uint8_t keys[255 * 45];
    struct xftp_envelope envelope = envelope_of(NOBODY);
    struct xftp_command command = command_of(XFTP_FNEW), parsed;
    struct transmission transmission;
    struct xftp_error error;
    struct public_key key;
    size_t count = 0;
    command.create.recipient_keys = keys_of(XFTP_RECIPIENTS_MAX, keys, sizeof keys);
    assert_int_equal(xftp_command_block_write(&envelope, &signer, NULL, &command, block), SMQ_OK);
    assert_int_equal(xftp_block_open(slice_of(block, sizeof block), session_id(), &transmission, &error), SMQ_OK);
    assert_int_equal(xftp_command_parse(transmission.command, &parsed, &error), SMQ_OK);
    for (struct reader reader = reader_of(parsed.create.recipient_keys.encoded); key_list_next(&reader, &key);)
        count++;
    assert_int_equal(count, XFTP_RECIPIENTS_MAX);
}

static void test_what_does_not_fit_is_refused(void **state) {
    (void)state;
    static uint8_t ids[255 * 100];
    struct xftp_envelope envelope = envelope_of(NOBODY);
    struct xftp_response response = xftp_response_ok();
    response.tag = XFTP_SIDS;
    response.ids.recipient_ids = (struct xftp_id_list){.count = 255, .encoded = slice_of(ids, sizeof ids)};
    assert_int_equal(xftp_response_block_write(&envelope, 3, &response, block), SMQ_ERR_TOO_LARGE);
    response.ids.recipient_ids = (struct xftp_id_list){0};
    assert_int_equal(xftp_response_block_write(&envelope, 3, &response, block), SMQ_ERR_TOO_LARGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands_are_the_known_ones),
        cmocka_unit_test(test_responses_are_the_known_ones),
        cmocka_unit_test(test_errors_are_the_known_ones),
        cmocka_unit_test(test_session_ids_of_every_length_are_signed),
        cmocka_unit_test(test_an_ed448_key_signs_too),
        cmocka_unit_test(test_an_x25519_key_makes_an_authenticator_with_the_session_key),
        cmocka_unit_test(test_a_changed_byte_breaks_the_signature),
        cmocka_unit_test(test_a_head_of_another_length_is_BLOCK),
        cmocka_unit_test(test_anything_but_one_whole_transmission_is_BLOCK),
        cmocka_unit_test(test_another_session_is_SESSION_with_the_correlation_id),
        cmocka_unit_test(test_an_authorization_of_no_size_is_BLOCK_with_the_correlation_id),
        cmocka_unit_test(test_a_block_takes_as_many_recipients_as_a_count_can_say),
        cmocka_unit_test(test_what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
