/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* File descriptions that are none, and floods of them: refused, with the reason, at their bounds. */
#include <time.h>

#include "test/unit/transport/xftp_description_known.h"
#include "transport/wire/text.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
