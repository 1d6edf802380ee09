/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* File descriptions: those of the reference byte for byte, its layout in every variation, and what any YAML may say. */
#include <time.h>

#include <yaml.h>

#include "queues/base/fault.h"
#include "queues/base/random.h"
#include "test/unit/transport/xftp_description_known.h"
#include "transport/wire/text.h"
#include "transport/xftp/yaml_text.h"

/* ---- the reference's ---- */

static void test_the_known_description_is_built_as_known(void **state) {
    (void)state;
    struct xftp_description *description = NULL;
    uint8_t id[16], digest[32];
    uint16_t server = 9;
    struct key_pair signer = xftp_known_signer();
    struct server_address address = server_called(SERVER);
    assert_int_equal(xftp_description_create(1, 1, 1, &description), SMQ_OK);
    description->size = description->chunk_size = 65536;
    (void)xftp_known("file_hello_sha512", description->digest, sizeof description->digest);
    (void)xftp_known("file_key", description->key, sizeof description->key);
    (void)xftp_known("nonce", description->nonce, sizeof description->nonce);
    assert_int_equal(xftp_description_add_server(description, &address, &server), SMQ_OK);
    assert_int_equal(xftp_description_add_chunk(description, 65536, xftp_known("digest", digest, sizeof digest).bytes),
                     SMQ_OK);
    assert_int_equal(xftp_description_add_replica(description, server, xftp_known("recipient_id_1", id, sizeof id),
                                                  &signer.private_key),
                     SMQ_OK);
    assert_written(description, known_text);
    xftp_description_destroy(&description);
    xftp_description_destroy(&description);
    assert_null(description);
    assert_becomes(known_text, known_text);
}

static void test_captured_descriptions_come_out_byte_for_byte(void **state) {
    (void)state;
    static const char *const names[] = {"small.rcv1.xftp", "small.rcv2.xftp", "small.snd.xftp.private",
                                        "big.rcv1.xftp"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct slice text = read_xftp_vector(names[i]);
        assert_becomes((const char *)text.bytes, (const char *)text.bytes);
        free_slice(text);
    }
}

/* ---- layout ---- */

static void test_sizes_that_differ_are_written_and_others_not(void **state) {
    (void)state;
    static const char text[] = "chunkSize: 4mb\n"
                               "digest: " DIGEST "\n"
                               "key: " HASH "\n"
                               "nonce: QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX\n"
                               "party: sender\n"
                               "redirect:\n"
                               "  digest: " DIGEST "\n"
                               "  size: 1073741824\n"
                               "replicas:\n"
                               "- chunks:\n"
                               "  - 1:" ID ":" KEY ":" CHUNK "\n"
                               "  - 3:" ID ":" KEY ":" CHUNK ":100\n"
                               "  server: xftp://" HASH "@192.0.2.1\n"
                               "- chunks:\n"
                               "  - 2:" ID ":" KEY ":" CHUNK ":1mb\n"
                               "  - 3:" ID ":" KEY "\n"
                               "  server: xftp://" HASH "@example.com,192.0.2.1:443\n"
                               "size: '5242980'\n";
    struct xftp_description *description = parse_description(slice_of_text(text));
    assert_int_equal(description->party, XFTP_FILE_SENDER);
    assert_true(description->has_redirect);
    assert_int_equal(description->redirect_size, 1073741824);
    assert_int_equal(description->size, 5242980);
    assert_int_equal(description->chunk_count, 3);
    assert_int_equal(description->server_count, 2);
    static const uint32_t sizes[] = {4194304, 1048576, 100}, replicas[] = {1, 1, 2};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(description->chunks[i].size, sizes[i]);
        assert_int_equal(description->chunks[i].replica_count, replicas[i]);
    }
    assert_written(description, text);
    xftp_description_destroy(&description);
}

/* The digest, and with it the size, may stand with any replica; it is written with the first. */
static void test_any_replica_may_tell_the_digest(void **state) {
    (void)state;
    static const char format[] = "chunkSize: 64kb\ndigest: " DIGEST "\nkey: " HASH
                                 "\nnonce: QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX\nparty: recipient\nreplicas:\n"
                                 "- chunks:\n  - 1:" ID ":" KEY "%s\n  server: xftp://" HASH "@a.example\n"
                                 "- chunks:\n  - 1:" ID ":" KEY "%s\n  server: xftp://" HASH "@b.example\n"
                                 "size: 1mb\n";
    char expected[2048], text[2048];
    snprintf(expected, sizeof expected, format, ":" CHUNK ":1mb", "");
    snprintf(text, sizeof text, format, "", ":" CHUNK ":1mb");
    assert_becomes(text, expected);
    snprintf(text, sizeof text, format, ":" CHUNK, ":" CHUNK ":1mb");
    assert_becomes(text, expected);
    snprintf(text, sizeof text, format, ":" CHUNK ":1mb", ":" CHUNK ":1024kb");
    assert_becomes(text, expected);
}

static void test_servers_are_in_the_order_of_the_reference(void **state) {
    (void)state;
    static const char *const ordered[] = {
        "9.0.0.1:80",         "10.0.0.1",
        "10.0.0.1:443",       "10.0.0.1:80",
        "10.0.0.1,a.example", "[::1]:443",
        "[2001:db8::1]:443",  "3g2upl4pq6kufc4mqwxyqc3uj3ck7g6h5yvkfvjkpjkpjkpjkpjkpjid.onion",
        "a.example",          "a.example,b.example",
        "b.example"};
    enum { COUNT = sizeof ordered / sizeof ordered[0] };
    struct xftp_description *description = NULL;
    struct key_pair signer = xftp_known_signer();
    uint8_t digest[32] = {0};
    assert_int_equal(xftp_description_create(COUNT, COUNT, COUNT, &description), SMQ_OK);
    description->chunk_size = 65536;
    description->size = 65536 * COUNT;
    for (size_t i = 0; i < COUNT; i++) {
        char text[256];
        uint16_t index;
        snprintf(text, sizeof text, "xftp://" HASH "@%s", ordered[i * 7 % COUNT]);
        struct server_address address = server_called(text);
        assert_int_equal(xftp_description_add_server(description, &address, &index), SMQ_OK);
        assert_int_equal(xftp_description_add_chunk(description, 65536, digest), SMQ_OK);
        assert_int_equal(xftp_description_add_replica(description, index, slice_of_text("id"), &signer.private_key),
                         SMQ_OK);
    }
    struct slice text = description_text(description);
    const char *at = (const char *)text.bytes;
    for (size_t i = 0; i < COUNT; i++) {
        char line[300];
        at = memmem(at, text.length - (size_t)(at - (const char *)text.bytes), "  server: ", 10);
        assert_non_null(at);
        snprintf(line, sizeof line, "  server: xftp://" HASH "@%s\n", ordered[i]);
        assert_memory_equal(at, line, strlen(line));
        at++;
    }
    free_slice(text);
    xftp_description_destroy(&description);
}

/* Which replica is the first follows from the order of servers in the text, whichever tells the digest. */
static void test_replicas_are_in_the_order_of_the_text(void **state) {
    (void)state;
    struct xftp_description *description = parse_description(
        slice_of_text("chunkSize: 64kb\ndigest: " DIGEST "\nkey: " HASH
                      "\nnonce: QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX\nparty: recipient\nreplicas:\n"
                      "- chunks:\n  - 1:" ID ":" KEY "\n  server: xftp://" HASH "@b.example\n"
                      "- chunks:\n  - 1:" ID ":" KEY ":" CHUNK "\n  server: xftp://" HASH "@a.example\nsize: 64kb\n"));
    assert_int_equal(description->chunks[0].replica_count, 2);
    assert_string_equal(server_address_host(&description->servers[description->replicas[0].server], 0), "b.example");
    struct slice text = description_text(description);
    xftp_description_destroy(&description);
    description = parse_description(text);
    assert_string_equal(server_address_host(&description->servers[description->replicas[0].server], 0), "a.example");
    xftp_description_destroy(&description);
    free_slice(text);
}

/* An address of IPv6 without a port has no brackets; one that ends with a colon would be a key of YAML. */
static void test_a_server_that_ends_with_a_colon_is_quoted(void **state) {
    (void)state;
    char expected[2048];
    struct xftp_description *description = parse_description(slice_of_text(known_text));
    description->servers[0] = server_called("xftp://" HASH "@fe80::");
    struct slice text = description_text(description);
    snprintf(expected, sizeof expected, "  server: 'xftp://" HASH "@fe80::'\n");
    assert_non_null(memmem(text.bytes, text.length, expected, strlen(expected)));
    struct xftp_description *again = parse_description(text);
    assert_true(server_address_equal(&again->servers[0], &description->servers[0]));
    free_slice(text);
    xftp_description_destroy(&again);
    xftp_description_destroy(&description);
}

static void test_a_description_of_nothing_has_an_empty_list(void **state) {
    (void)state;
    static const char text[] = "chunkSize: 64kb\ndigest: " DIGEST "\nkey: " HASH
                               "\nnonce: QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX\nparty: recipient\nreplicas: []\nsize: 0gb\n";
    assert_becomes(text, text);
}

/* Values that look like numbers are quoted, as the reference's library does. */
static void test_a_nonce_that_looks_like_a_number_is_quoted(void **state) {
    (void)state;
    static const char *const nonces[][2] = {
        {"12345678901234567890123456789012", "'12345678901234567890123456789012'"},
        {"1234567890123456789012345678e123", "'1234567890123456789012345678e123'"},
        {"0x345678901234567890123456789abc", "'0x345678901234567890123456789abc'"},
        {"----------------------------abcd", "'----------------------------abcd'"},
        {"--abcdefghijklmnopqrstuvwxyzabcd", "--abcdefghijklmnopqrstuvwxyzabcd"},
        {"_2345678901234567890123456789012", "_2345678901234567890123456789012"},
    };
    for (size_t i = 0; i < sizeof nonces / sizeof nonces[0]; i++) {
        char expected[2048];
        struct xftp_description *description = parse_description(slice_of_text(known_text));
        size_t length = 0;
        assert_int_equal(base64url_parse(slice_of_text(nonces[i][0]), description->nonce, 24, &length), SMQ_OK);
        struct slice text = description_text(description);
        snprintf(expected, sizeof expected, "\nnonce: %s\n", nonces[i][1]);
        assert_non_null(memmem(text.bytes, text.length, expected, strlen(expected)));
        struct xftp_description *again = parse_description(text);
        assert_memory_equal(again->nonce, description->nonce, sizeof again->nonce);
        free_slice(text);
        xftp_description_destroy(&again);
        xftp_description_destroy(&description);
    }
}

/* What libyaml's emitter makes of a text in the style that the reference's library chooses. */
static struct slice emitted_by_libyaml(struct slice text, uint8_t *buffer, size_t capacity) {
    yaml_emitter_t emitter;
    yaml_event_t event;
    size_t written = 0;
    yaml_scalar_style_t style =
        yaml_kind_of_plain(text) == YAML_KIND_TEXT ? YAML_PLAIN_SCALAR_STYLE : YAML_SINGLE_QUOTED_SCALAR_STYLE;
    assert_true(yaml_emitter_initialize(&emitter));
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1);
    yaml_emitter_set_output_string(&emitter, buffer, capacity, &written);
    assert_true(yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) && yaml_emitter_emit(&emitter, &event));
    assert_true(yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) &&
                yaml_emitter_emit(&emitter, &event));
    assert_true(yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE) &&
                yaml_emitter_emit(&emitter, &event));
    assert_true(yaml_scalar_event_initialize(&event, NULL, NULL, text.bytes, (int)text.length, 1, 1, style) &&
                yaml_emitter_emit(&emitter, &event));
    assert_true(yaml_sequence_end_event_initialize(&event) && yaml_emitter_emit(&emitter, &event));
    assert_true(yaml_document_end_event_initialize(&event, 1) && yaml_emitter_emit(&emitter, &event));
    assert_true(yaml_stream_end_event_initialize(&event) && yaml_emitter_emit(&emitter, &event));
    yaml_emitter_delete(&emitter);
    assert_true(written > 3);
    return slice_of(buffer + 2, written - 3); /* without "- " and the line end */
}

static void test_texts_are_quoted_as_libyaml_quotes_them(void **state) {
    (void)state;
    static const char first[] = "abex0159-_.xyYnN", letters[] = "--..::''\"#{}[],&*!|>%@0123456789eExXoOabf_+=";
    for (int round = 0; round < 20000; round++) {
        uint8_t text[12], ours[64], theirs[64];
        size_t length = 2 + random_below(sizeof text - 1);
        for (size_t i = 0; i < length; i++)
            text[i] = (uint8_t)(round % 2 ? letters[random_below(sizeof letters - 1)] : first[random_below(16)]);
        text[0] = (uint8_t)first[random_below(sizeof first - 1)];
        struct writer writer = writer_of(ours, sizeof ours);
        write_yaml_text(&writer, slice_of(text, length));
        assert_slice_equal(slice_of(ours, writer_length(&writer)),
                           emitted_by_libyaml(slice_of(text, length), theirs, sizeof theirs));
    }
}

static void test_texts_that_could_break_a_line_are_not_written(void **state) {
    (void)state;
    static const char *const texts[] = {"", "a b", "a\nb", "a\tb", "a\x7f", "a\302\205b", "\xe2\x80\xa8"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint8_t bytes[64];
        struct writer writer = writer_of(bytes, sizeof bytes);
        write_yaml_text(&writer, slice_of_text(texts[i]));
        assert_int_not_equal(writer_finish(&writer), SMQ_OK);
    }
}

/* ---- other YAML of the same content ---- */

static void test_any_yaml_is_read(void **state) {
    (void)state;
    assert_becomes("# a comment\n---\nsize: \"64kb\"\nunknown: [1, {a: b}, [c]]\nnonce: "
                   "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX\n"
                   "replicas: [{server: '" SERVER "', chunks: ['1:" ID ":" KEY ":" CHUNK "'], also: ~}]\n"
                   "party: 'recipient'\nkey: >-\n  " HASH "\ndigest: " DIGEST "\nchunkSize: 64kb # as always\n...\n",
                   known_text);
    assert_becomes(
        "{\"chunkSize\":\"65536\",\"digest\":\"" DIGEST "\",\"key\":\"" HASH
        "\",\"nonce\":\"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX\",\"party\":\"recipient\",\"replicas\":[{\"chunks\":"
        "[\"1:" ID ":" KEY ":" CHUNK ":64kb\"],\"server\":\"" SERVER "\"}],\"size\":\"64kb\"}",
        known_text);
    char text[2048];
    size_t length = 0;
    for (const char *from = known_text; *from != '\0'; from++) { /* line ends of Windows */
        if (*from == '\n')
            text[length++] = '\r';
        text[length++] = *from;
    }
    text[length] = '\0';
    assert_becomes(text, known_text);
}

static void test_paddings_and_nonces_of_other_lengths_are_taken(void **state) {
    (void)state;
    assert_becomes(with(CHUNK, "w2QKYPgCP89eV7YYCI7qhzeHaocgcAeL4h5vUGng2ec"), known_text);
    assert_becomes(with("QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX", "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFla"), known_text);
    struct xftp_description *description =
        parse_description(slice_of_text(with("QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX", "QEFC")));
    uint8_t expected[24] = {0x40, 0x41, 0x42};
    assert_memory_equal(description->nonce, expected, sizeof expected);
    xftp_description_destroy(&description);
}

/* Every allocation fails once. */
static void test_short_memory_is_told(void **state) {
    (void)state;
    enum smq_result result = SMQ_ERR_NO_MEMORY;
    uint64_t allocations = 0;
    for (; result == SMQ_ERR_NO_MEMORY && allocations < 100; allocations++) {
        struct xftp_description *description = NULL;
        fault_arm(FAULT_POINT_memory_alloc, allocations, 1);
        result = xftp_description_parse(slice_of_text(known_text), &description, NULL);
        fault_disarm_all();
        assert_true(result == SMQ_OK ? description != NULL : description == NULL);
        xftp_description_destroy(&description);
    }
    assert_int_equal(result, SMQ_OK);
    assert_true(allocations > 5);
}

/* ---- building ---- */

static void test_building_has_bounds(void **state) {
    (void)state;
    struct xftp_description *description = NULL;
    struct key_pair signer = fresh_pair(KEY_ED25519), useless = fresh_pair(KEY_X448);
    struct server_address one = server_called(SERVER), other = server_called("xftp://" HASH "@example.com");
    uint8_t digest[32] = {0}, bytes[2048], long_id[XFTP_REPLICA_ID_MAX + 1] = {0};
    struct writer writer = writer_of(bytes, sizeof bytes);
    uint16_t index = 7;
    assert_int_equal(xftp_description_create(XFTP_DESCRIPTION_CHUNKS_MAX + 1, 1, 1, &description), SMQ_ERR_TOO_LARGE);
    assert_int_equal(xftp_description_create(1, 1, XFTP_DESCRIPTION_SERVERS_MAX + 1, &description), SMQ_ERR_TOO_LARGE);
    assert_int_equal(xftp_description_create(1, 1, 1, &description), SMQ_OK);
    assert_int_equal(xftp_description_add_replica(description, 0, slice_of_text("id"), &signer.private_key),
                     SMQ_ERR_INVALID);
    assert_int_equal(xftp_description_add_server(description, &one, &index), SMQ_OK);
    assert_int_equal(xftp_description_add_server(description, &one, &index), SMQ_OK);
    assert_int_equal(index, 0);
    assert_int_equal(xftp_description_add_server(description, &other, &index), SMQ_ERR_TOO_LARGE);
    assert_int_equal(xftp_description_add_chunk(description, 0, digest), SMQ_ERR_INVALID);
    assert_int_equal(xftp_description_add_chunk(description, 1000, digest), SMQ_OK);
    assert_int_equal(xftp_description_add_chunk(description, 1000, digest), SMQ_ERR_TOO_LARGE);
    description->size = 1000;
    write_xftp_description(&writer, description); /* a chunk that is nowhere */
    assert_int_not_equal(writer_finish(&writer), SMQ_OK);
    struct slice id = slice_of_text("id");
    assert_int_equal(xftp_description_add_replica(description, 1, id, &signer.private_key), SMQ_ERR_INVALID);
    assert_int_equal(xftp_description_add_replica(description, 0, slice_of(NULL, 0), &signer.private_key),
                     SMQ_ERR_INVALID);
    assert_int_equal(
        xftp_description_add_replica(description, 0, slice_of(long_id, sizeof long_id), &signer.private_key),
        SMQ_ERR_INVALID);
    assert_int_equal(xftp_description_add_replica(description, 0, id, &useless.private_key), SMQ_ERR_INVALID);
    assert_int_equal(xftp_description_add_replica(description, 0, id, &signer.private_key), SMQ_OK);
    assert_int_equal(xftp_description_add_replica(description, 0, id, &signer.private_key), SMQ_ERR_TOO_LARGE);
    assert_null(xftp_description_problem(description));
    xftp_description_destroy(&description);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_known_description_is_built_as_known),
        cmocka_unit_test(test_captured_descriptions_come_out_byte_for_byte),
        cmocka_unit_test(test_sizes_that_differ_are_written_and_others_not),
        cmocka_unit_test(test_any_replica_may_tell_the_digest),
        cmocka_unit_test(test_servers_are_in_the_order_of_the_reference),
        cmocka_unit_test(test_replicas_are_in_the_order_of_the_text),
        cmocka_unit_test(test_a_server_that_ends_with_a_colon_is_quoted),
        cmocka_unit_test(test_a_description_of_nothing_has_an_empty_list),
        cmocka_unit_test(test_a_nonce_that_looks_like_a_number_is_quoted),
        cmocka_unit_test(test_texts_are_quoted_as_libyaml_quotes_them),
        cmocka_unit_test(test_texts_that_could_break_a_line_are_not_written),
        cmocka_unit_test(test_any_yaml_is_read),
        cmocka_unit_test(test_paddings_and_nonces_of_other_lengths_are_taken),
        cmocka_unit_test(test_short_memory_is_told),
        cmocka_unit_test(test_building_has_bounds),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
