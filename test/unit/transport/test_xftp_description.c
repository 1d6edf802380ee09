/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* File descriptions: those of the reference byte for byte, its layout in every variation, and what any YAML may say. */
#include <time.h>

#include <yaml.h>

#include "queues/base/fault.h"
#include "queues/base/random.h"
#include "test/unit/transport/xftp_descriptions.h"
#include "test/unit/transport/xftp_known.h"
#include "transport/wire/text.h"
#include "transport/xftp/yaml_text.h"

#define HASH   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY    "MC4CAQAwBQYDK2VwBCIEIICBgoOEhYaHiImKi4yNjo-QkZKTlJWWl5iZmpucnZ6f"
#define CHUNK  "w2QKYPgCP89eV7YYCI7qhzeHaocgcAeL4h5vUGng2ec="
#define OTHER  "w2QKYPgCP89eV7YYCI7qhzeHaocgcAeL4h5vUGng2eg="
#define DIGEST "UJMNniKP4wH-TWwKVmjYrQ5WrRvFdmUGWdY-yY0D5Wh2aZn4fquIko1Wy79Ccbj2ck94NA-MCgT6cJp2W889yQ=="
#define ID     "ERITFBUWFxgZGhscHR4fIA=="
#define ENTRY  "  - 1:" ID ":" KEY ":" CHUNK "\n"
#define SERVER "xftp://" HASH "@localhost:7000"

/* The known answer of the protocol's facts, section 5.3. */
static const char known_text[] = "chunkSize: 64kb\n"
                                 "digest: " DIGEST "\n"
                                 "key: " HASH "\n"
                                 "nonce: QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX\n"
                                 "party: recipient\n"
                                 "replicas:\n"
                                 "- chunks:\n" ENTRY "  server: " SERVER "\n"
                                 "size: 64kb\n";

static void assert_written(const struct xftp_description *description, const char *expected) {
    struct slice text = description_text(description);
    assert_slice_text(text, expected);
    free_slice(text);
}

/* Parses and writes again. */
static void assert_becomes(const char *text, const char *expected) {
    struct xftp_description *description = parse_description(slice_of_text(text));
    assert_written(description, expected);
    xftp_description_destroy(&description);
}

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

/* The known text with one part replaced. */
static const char *with(const char *part, const char *replacement) {
    static char text[8192];
    const char *at = strstr(known_text, part);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - known_text), known_text, replacement, at + strlen(part));
    return text;
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

/* ---- what is refused ---- */

static void assert_refused(struct slice text, enum smq_result expected, const char *expected_problem) {
    uint8_t *exact = heap_copy(text.bytes, text.length);
    struct xftp_description *description = NULL;
    const char *problem = NULL;
    enum smq_result result = xftp_description_parse(slice_of(exact, text.length), &description, &problem);
    assert_int_equal(result, expected);
    assert_null(description);
    if (expected_problem != NULL)
        assert_string_equal(problem, expected_problem);
    assert_int_equal(xftp_description_parse(slice_of(exact, text.length), &description, NULL), expected);
    free(exact);
}

static void assert_bad(const char *text, const char *problem) {
    assert_refused(slice_of_text(text), SMQ_ERR_SYNTAX, problem);
}

static void test_sizes_that_are_none_are_refused(void **state) {
    (void)state;
    static const char *const sizes[] = {"100",
                                        "''",
                                        "-64kb",
                                        "+64kb",
                                        "64 kb",
                                        "64KB",
                                        "64kbx",
                                        "kb",
                                        "1.5kb",
                                        "64",
                                        "0x10000",
                                        "~",
                                        "[64kb]",
                                        "{a: 64kb}",
                                        "99999999999999999999",
                                        "9223372036854775808",
                                        "8589934592gb",
                                        "18014398509481985kb",
                                        "1e5",
                                        "",
                                        "yes"};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char line[128];
        snprintf(line, sizeof line, "\nsize: %s\n", sizes[i]);
        assert_bad(with("\nsize: 64kb\n", line), NULL);
        snprintf(line, sizeof line, "chunkSize: %s\n", sizes[i]);
        assert_bad(with("chunkSize: 64kb\n", line), NULL);
    }
    assert_bad(with("chunkSize: 64kb", "chunkSize: 4gb"), NULL); /* more than 32 bits */
    assert_bad(with("chunkSize: 64kb", "chunkSize: 0kb"), NULL);
}

static void test_sizes_that_do_not_add_up_are_refused(void **state) {
    (void)state;
    static const char problem[] = "chunks total size is different than file size";
    assert_bad(with("\nsize: 64kb", "\nsize: '65535'"), problem);
    assert_bad(with("\nsize: 64kb", "\nsize: '65537'"), problem);
    assert_bad(with("\nsize: 64kb", "\nsize: 0gb"), problem);
    assert_bad(with("\nsize: 64kb", "\nsize: '9223372036854775807'"), problem);
    assert_bad(with(CHUNK, CHUNK ":128kb"), problem);
    assert_bad(with("replicas:\n- chunks:\n" ENTRY "  server: " SERVER, "replicas: []"), problem);
}

static void test_chunks_must_be_numbered_from_1_without_holes(void **state) {
    (void)state;
    static const char problem[] = "chunk numbers are not sequential";
    static const char *const numbers[] = {"0", "2", "4294967295", "00"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char part[16];
        snprintf(part, sizeof part, "- %s:", numbers[i]);
        assert_bad(with("- 1:", part), problem);
    }
    assert_bad(with(ENTRY, ENTRY "  - 3:" ID ":" KEY ":" CHUNK "\n"), problem);
    assert_bad(with("- 1:", "- 4294967297:"), "bad chunk");
    assert_bad(with("- 1:", "- -1:"), "bad chunk");
    assert_bad(with("- 1:", "- :"), "bad chunk");
}

static void test_replicas_that_disagree_are_refused(void **state) {
    (void)state;
    static const char problem[] = "different size or digest in chunk replicas";
    assert_bad(with(ENTRY, ENTRY "  - 1:" ID ":" KEY ":" OTHER "\n"), problem);
    assert_bad(with(ENTRY, "  - 1:" ID ":" KEY ":" CHUNK ":64kb\n  - 1:" ID ":" KEY ":" CHUNK ":1mb\n"), problem);
    assert_bad(with(ENTRY, "  - 1:" ID ":" KEY "\n"), "no digest for chunk");
}

static void test_entries_that_are_none_are_refused(void **state) {
    (void)state;
    static const char *const entries[] = {
        "  - 1\n", "  - 1:" ID "\n", "  - '1::" KEY ":" CHUNK "'\n", "  - 1:" ID ":" CHUNK ":" CHUNK "\n",
        "  - 1:" ID ":" KEY ":" ID "\n", "  - 1:" ID ":" KEY ":64kb\n", "  - 1:" ID ":" KEY ":" CHUNK ":\n",
        "  - 1:" ID ":" KEY ":" CHUNK ":64kb:\n", "  - 1:" ID ":" KEY ":" CHUNK ":64kb:x\n",
        "  - 1:" ID ":" KEY ":" CHUNK " \n  x\n", "  - [1]\n", "  - {1: 2}\n", "  - ~\n", "  -\n",
        "  - 1:!!!:" KEY ":" CHUNK "\n", "  - 1:" DIGEST "A:" KEY ":" CHUNK "\n",
        /* X448, which authorizes nothing */
        "  - 1:" ID
        ":MEYCAQAwBQYDK2VvBDoEOAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJicoKSorLC0uLzAxMjM0NTY3:" CHUNK
        "\n"};
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
        assert_bad(with(ENTRY, entries[i]), NULL);
}

static void test_servers_that_are_none_are_refused(void **state) {
    (void)state;
    static const char *const servers[] = {"xftp://" HASH ":password@localhost",
                                          "smp://" HASH "@localhost",
                                          "xftp://" HASH "@",
                                          "xftp://AAEC@localhost",
                                          "xftp://localhost",
                                          "xftp://" HASH "@localhost:70000",
                                          "xftp://" HASH "@localhost:0",
                                          "xftp://" HASH "@a/b",
                                          "\"xftp://" HASH "@a\\nb\"",
                                          "\"xftp://" HASH "@a\\u2028b\"",
                                          "\"xftp://" HASH "@a\\x85b\"",
                                          "xftp://" HASH "@b\303\274cher.example",
                                          "\"xftp://" HASH "@a\\0b\"",
                                          "[xftp://" HASH "@localhost]",
                                          "1",
                                          "''"};
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++)
        assert_bad(with(SERVER, servers[i]), NULL);
}

static void test_keys_and_digests_of_other_lengths_are_refused(void **state) {
    (void)state;
    static const char *const values[] = {"AAEC", "''", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g", "UJMNniKPAAAA=A",
                                         "/+=="};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char line[256];
        snprintf(line, sizeof line, "key: %s\n", values[i]);
        assert_bad(with("key: " HASH "\n", line), NULL);
        snprintf(line, sizeof line, "digest: %s\n", values[i]);
        assert_bad(with("digest: " DIGEST "\n", line), NULL);
    }
    assert_bad(with("nonce: QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX", "nonce: ''"), NULL);
    assert_bad(with("nonce: QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX", "nonce: 12345678901234567890123456789012"), NULL);
}

static void test_a_redirect_has_a_number_for_a_size(void **state) {
    (void)state;
    static const char *const sizes[] = {"64kb", "'100'", "-1", "1.5", "1e3", "9223372036854775808", "~", "[1]"};
    char text[512];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        snprintf(text, sizeof text, "redirect:\n  digest: " DIGEST "\n  size: %s\nreplicas:", sizes[i]);
        assert_bad(with("replicas:", text), NULL);
    }
    assert_bad(with("replicas:", "redirect:\n  digest: " DIGEST "\nreplicas:"), "a key is missing");
    assert_bad(with("replicas:", "redirect:\n  digest: AAEC\n  size: 1\nreplicas:"), NULL);
    assert_bad(with("replicas:", "redirect: '~'\nreplicas:"), NULL);
    assert_bad(with("replicas:", "redirect: no\nreplicas:"), NULL);
    assert_becomes(with("replicas:", "redirect: ~\nreplicas:"), known_text);
    assert_becomes(with("replicas:", "redirect:\nreplicas:"), known_text);
    assert_becomes(with("replicas:", "redirect: null\nreplicas:"), known_text);
}

static void test_every_key_is_there_once(void **state) {
    (void)state;
    static const char *const keys[] = {"chunkSize", "digest", "key",    "nonce", "party",
                                       "replicas",  "\nsize", "chunks", "server"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char other[32];
        snprintf(other, sizeof other, "%sx", keys[i]);
        assert_bad(with(keys[i], other), "a key is missing");
    }
    assert_bad(with("party: recipient\n", "party: recipient\nparty: sender\n"), "a key comes twice");
    assert_bad(with("  server: ", "  server: " SERVER "\n  server: "), "a key comes twice");
    assert_bad(with("party: recipient", "party: both"), "bad party");
}

static void test_texts_that_are_no_description_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "\n",
                                        "~",
                                        "a",
                                        "[]",
                                        "- a\n- b\n",
                                        "{}",
                                        "a: b\n",
                                        "{",
                                        "\"",
                                        "a: b: c",
                                        "%YAML 9.9\n---\na: b\n",
                                        "a:\n\t- b\n",
                                        "? [a]\n: b\n",
                                        "\x01",
                                        "\xff\xfe"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_bad(texts[i], NULL);
    char text[4096];
    snprintf(text, sizeof text, "%s---\n%s", known_text, known_text); /* two documents */
    assert_bad(text, NULL);
    for (size_t length = 0; length < sizeof known_text - 3; length++)
        assert_refused(slice_of(known_text, length), SMQ_ERR_SYNTAX, NULL);
    for (size_t i = 0; i + 1 < sizeof known_text; i++) { /* a zero anywhere */
        memcpy(text, known_text, sizeof known_text);
        text[i] = '\0';
        assert_refused(slice_of(text, sizeof known_text - 1), SMQ_ERR_SYNTAX, NULL);
    }
    char wide[2 * sizeof known_text];
    for (size_t i = 0; i < sizeof known_text; i++) {
        wide[2 * i] = known_text[i];
        wide[2 * i + 1] = '\0';
    }
    assert_refused(slice_of(wide, 2 * (sizeof known_text - 1)), SMQ_ERR_SYNTAX, NULL); /* UTF-16 */
}

static void test_aliases_are_refused(void **state) {
    (void)state;
    assert_bad(with("party: recipient\n", "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\nparty: recipient\n"),
               NULL);
    assert_bad(with("key: " HASH, "key: *digest"), NULL);
    assert_bad(with("digest: " DIGEST, "digest: *a"), NULL);
    assert_bad(with("party: recipient\n", "a: &a\n- *a\nparty: recipient\n"), NULL);
}

/* ---- floods ---- */

static struct slice repeated(const char *before, const char *part, size_t count, const char *after) {
    size_t before_length = strlen(before), part_length = strlen(part), after_length = strlen(after);
    size_t length = before_length + part_length * count + after_length;
    uint8_t *bytes = malloc(length);
    assert_non_null(bytes);
    memcpy(bytes, before, before_length);
    for (size_t i = 0; i < count; i++)
        memcpy(bytes + before_length + i * part_length, part, part_length);
    memcpy(bytes + length - after_length, after, after_length);
    return slice_of(bytes, length);
}

static void assert_flood_refused(struct slice text, enum smq_result expected) {
    enum { SECONDS_MAX = 20 }; /* of processor time, with a sanitizer on a busy machine; a release needs a fraction */
    clock_t start = clock();
    struct xftp_description *description = NULL;
    assert_int_equal(xftp_description_parse(text, &description, NULL), expected);
    assert_null(description);
    assert_true((clock() - start) / CLOCKS_PER_SEC < SECONDS_MAX);
    free_slice(text);
}

static void test_floods_end_at_their_bounds(void **state) {
    (void)state;
    enum { MANY = 100000 };
    assert_flood_refused(repeated("", "[", MANY, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("", "{", MANY, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("a: ", "[", MANY, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("a: ", "{a: ", MANY, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("a: ", "[\n", MANY, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("a:\n", " - ", MANY, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("", "- ", MANY, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("", "? ", MANY, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("a: \"", "x", 8 * MANY, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("a: ", "x ", 4 * MANY, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("a: |\n", " x\n", MANY, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("", "a: b\n", MANY, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("", "# comment\n", 400000, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("a: [", "a,", 4 * MANY, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("a: &", "a", 8 * MANY, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("a: !", "a", 8 * MANY, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("", "\n", 8 * MANY, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("replicas:\n", "- chunks: []\n  server: " SERVER "\n", 40000, ""), SMQ_ERR_SYNTAX);
    assert_flood_refused(repeated("", "x", XFTP_DESCRIPTION_TEXT_MAX + 1, ""), SMQ_ERR_TOO_LARGE);
}

/* A description with `count` chunks, each at its own server if `own_servers`. */
static struct slice chunky(size_t count, bool own_servers) {
    size_t capacity = 1024 + count * 300;
    char *text = malloc(capacity);
    assert_non_null(text);
    size_t length = (size_t)snprintf(text, capacity,
                                     "chunkSize: 64kb\ndigest: " DIGEST "\nkey: " HASH
                                     "\nnonce: AAAA\nparty: recipient\nsize: %zukb\nreplicas:\n",
                                     64 * count);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || own_servers)
            length += (size_t)snprintf(text + length, capacity - length,
                                       "- server: xftp://" HASH "@host%zu.example\n  chunks:\n", i);
        length += (size_t)snprintf(text + length, capacity - length, "  - %zu:" ID ":" KEY ":" CHUNK "\n", count - i);
    }
    return slice_of(text, length);
}

static void test_the_largest_description_is_read_and_written(void **state) {
    (void)state;
    struct slice text = chunky(XFTP_DESCRIPTION_CHUNKS_MAX, false);
    struct xftp_description *description = parse_description(text), *again;
    assert_int_equal(description->chunk_count, XFTP_DESCRIPTION_CHUNKS_MAX);
    struct slice written = description_text(description);
    again = parse_description(written);
    assert_int_equal(again->chunk_count, XFTP_DESCRIPTION_CHUNKS_MAX);
    assert_int_equal(again->size, description->size);
    free_slice(text);
    free_slice(written);
    xftp_description_destroy(&description);
    xftp_description_destroy(&again);
}

static void test_counts_beyond_the_limits_are_refused(void **state) {
    (void)state;
    assert_flood_refused(chunky(XFTP_DESCRIPTION_CHUNKS_MAX + 1, false), SMQ_ERR_TOO_LARGE);
    assert_flood_refused(chunky(XFTP_DESCRIPTION_SERVERS_MAX + 1, true), SMQ_ERR_TOO_LARGE);
    struct slice text = chunky(XFTP_DESCRIPTION_SERVERS_MAX, true);
    struct xftp_description *description = parse_description(text);
    assert_int_equal(description->server_count, XFTP_DESCRIPTION_SERVERS_MAX);
    xftp_description_destroy(&description);
    free_slice(text);
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
        cmocka_unit_test(test_sizes_that_are_none_are_refused),
        cmocka_unit_test(test_sizes_that_do_not_add_up_are_refused),
        cmocka_unit_test(test_chunks_must_be_numbered_from_1_without_holes),
        cmocka_unit_test(test_replicas_that_disagree_are_refused),
        cmocka_unit_test(test_entries_that_are_none_are_refused),
        cmocka_unit_test(test_servers_that_are_none_are_refused),
        cmocka_unit_test(test_keys_and_digests_of_other_lengths_are_refused),
        cmocka_unit_test(test_a_redirect_has_a_number_for_a_size),
        cmocka_unit_test(test_every_key_is_there_once),
        cmocka_unit_test(test_texts_that_are_no_description_are_refused),
        cmocka_unit_test(test_aliases_are_refused),
        cmocka_unit_test(test_floods_end_at_their_bounds),
        cmocka_unit_test(test_the_largest_description_is_read_and_written),
        cmocka_unit_test(test_counts_beyond_the_limits_are_refused),
        cmocka_unit_test(test_short_memory_is_told),
        cmocka_unit_test(test_building_has_bounds),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
