/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Descriptions in links: what the reference prints, byte for byte; escapes; and compressed bombs. */
#include <time.h>

#include <zlib.h>

#include "queues/base/fault.h"
#include "queues/base/random.h"
#include "queues/base/secret.h"
#include "test/unit/transport/xftp_descriptions.h"
#include "transport/wire/text.h"
#include "transport/xftp/link.h"

/* ---- web links ---- */

static struct slice web_link_of(const struct xftp_description *description) {
    struct slice yaml = description_text(description);
    size_t capacity = 512 + xftp_web_fragment_size(yaml.length);
    uint8_t *bytes = malloc(capacity);
    assert_non_null(bytes);
    struct writer writer = writer_of(bytes, capacity);
    write_xftp_web_link_start(&writer, description);
    write_xftp_web_fragment(&writer, yaml);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    free_slice(yaml);
    return slice_of(bytes, writer_length(&writer));
}

/* The line that begins with https:// in what the reference's program printed. */
static struct slice printed_link(struct slice output) {
    const uint8_t *start = memmem(output.bytes, output.length, "https://", 8);
    assert_non_null(start);
    const uint8_t *end = memchr(start, '\n', output.length - (size_t)(start - output.bytes));
    assert_non_null(end);
    return slice_of(start, (size_t)(end - start));
}

static void test_captured_web_links_come_out_byte_for_byte(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"send.stdout", "small.rcv1.xftp"}, {"send-big.stdout", "big.rcv1.xftp"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice output = read_xftp_vector(rows[i][0]), expected = read_xftp_vector(rows[i][1]), fragment;
        struct slice link = printed_link(output);
        struct xftp_web_yaml yaml;
        assert_int_equal(xftp_web_link_fragment(link, &fragment), SMQ_OK);
        assert_int_equal(xftp_web_fragment_inflate(fragment, &yaml), SMQ_OK);
        assert_slice_equal(slice_of(yaml.bytes, yaml.length), expected);
        struct xftp_description *description = parse_description(expected);
        struct slice ours = web_link_of(description);
        assert_slice_equal(ours, link);
        xftp_description_destroy(&description);
        xftp_web_yaml_free(&yaml);
        free_slice(ours);
        free_slice(output);
        free_slice(expected);
    }
}

static void test_fragments_of_any_link(void **state) {
    (void)state;
    static const struct {
        const char *link;
        enum smq_result result;
        const char *fragment;
    } rows[] = {
        {"https://example.com/#abc", SMQ_OK, "abc"},
        {"http://example.com#abc", SMQ_OK, "abc"},
        {"https://example.com:8443/file/?a=b#abc", SMQ_OK, "abc"},
        {"https://example.com/#", SMQ_ERR_NOT_FOUND, NULL},
        {"https://example.com/", SMQ_ERR_NOT_FOUND, NULL},
        {"", SMQ_ERR_SYNTAX, NULL},
        {"ftp://example.com/#abc", SMQ_ERR_SYNTAX, NULL},
        {"simplex:/file#/?desc=a", SMQ_ERR_SYNTAX, NULL},
        {"description.xftp", SMQ_ERR_SYNTAX, NULL},
        {"https://a/#b#c", SMQ_OK, "b#c"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice fragment;
        assert_int_equal(xftp_web_link_fragment(slice_of_text(rows[i].link), &fragment), rows[i].result);
        if (rows[i].result == SMQ_OK)
            assert_slice_text(fragment, rows[i].fragment);
    }
}

static void test_a_web_link_names_the_first_host_without_port(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"example.com,10.0.0.1:7000", "https://example.com/#"},
                                          {"[2001:db8::1]:443", "https://[2001:db8::1]/#"},
                                          {"10.0.0.1", "https://10.0.0.1/#"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[256];
        uint8_t bytes[256];
        struct slice whole = read_xftp_vector("small.rcv1.xftp");
        struct xftp_description *description = parse_description(whole);
        snprintf(text, sizeof text, "xftp://AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=@%s", rows[i][0]);
        description->servers[0] = server_called(text);
        struct writer writer = writer_of(bytes, sizeof bytes);
        write_xftp_web_link_start(&writer, description);
        assert_slice_text(slice_of(bytes, writer_length(&writer)), rows[i][1]);
        description->chunk_count = 0;
        write_xftp_web_link_start(&writer, description);
        assert_int_not_equal(writer_finish(&writer), SMQ_OK);
        xftp_description_destroy(&description);
        free_slice(whole);
    }
}

/* ---- fragments of others ---- */

static enum smq_result inflate_fragment(struct slice fragment, size_t *length) {
    uint8_t *exact = heap_copy(fragment.bytes, fragment.length);
    struct xftp_web_yaml yaml = {0};
    enum smq_result result = xftp_web_fragment_inflate(slice_of(exact, fragment.length), &yaml);
    if (result == SMQ_OK) {
        *length = yaml.length;
        xftp_web_yaml_free(&yaml);
    }
    assert_null(yaml.bytes);
    free(exact);
    return result;
}

/* `length` bytes of the same letter, compressed by another program as it likes, as a fragment in new memory. */
static struct slice fragment_of(size_t length, int window_bits, int level, const char *behind) {
    uint8_t *plain = malloc(length + 1), *compressed = malloc(compressBound(length) + 64);
    assert_true(plain != NULL && compressed != NULL);
    memset(plain, 'x', length);
    z_stream stream = {.next_in = plain,
                       .avail_in = (unsigned)length,
                       .next_out = compressed,
                       .avail_out = (unsigned)compressBound(length) + 64};
    assert_int_equal(deflateInit2(&stream, level, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t compressed_length = stream.total_out;
    assert_int_equal(deflateEnd(&stream), Z_OK);
    memcpy(compressed + compressed_length, behind, strlen(behind));
    compressed_length += strlen(behind);
    uint8_t *text = malloc(base64_length(compressed_length, BASE64_URL));
    assert_non_null(text);
    struct writer writer = writer_of(text, base64_length(compressed_length, BASE64_URL));
    write_base64(&writer, slice_of(compressed, compressed_length), BASE64_URL);
    free(plain);
    free(compressed);
    return slice_of(text, writer_length(&writer));
}

static void assert_inflates(size_t length, int window_bits, int level, const char *behind, enum smq_result expected) {
    struct slice fragment = fragment_of(length, window_bits, level, behind);
    size_t inflated = 0;
    assert_int_equal(inflate_fragment(fragment, &inflated), expected);
    if (expected == SMQ_OK)
        assert_int_equal(inflated, length);
    free_slice(fragment);
}

static void test_any_level_and_window_is_inflated(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 4095, 4096, 4097, 8192, 100000, 300000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (int level = 0; level <= 9; level += 3)
            for (int window = 9; window <= 15; window += 3)
                assert_inflates(lengths[i], -window, level, "", SMQ_OK);
}

static void test_bombs_end_at_the_bound(void **state) {
    (void)state;
    enum { SECONDS_MAX = 20 };
    clock_t start = clock();
    assert_inflates(XFTP_DESCRIPTION_TEXT_MAX - 1, -15, 9, "", SMQ_OK);
    assert_inflates(XFTP_DESCRIPTION_TEXT_MAX + 1, -15, 9, "", SMQ_ERR_TOO_LARGE);
    assert_inflates(16 * 1024 * 1024, -15, 9, "", SMQ_ERR_TOO_LARGE);
    assert_true((clock() - start) / CLOCKS_PER_SEC < SECONDS_MAX);
}

static void test_anything_but_one_raw_stream_is_refused(void **state) {
    (void)state;
    assert_inflates(1000, 15, 9, "", SMQ_ERR_SYNTAX);      /* zlib's header */
    assert_inflates(1000, 31, 9, "", SMQ_ERR_SYNTAX);      /* gzip's */
    assert_inflates(1000, -15, 9, "more", SMQ_ERR_SYNTAX); /* bytes behind the end */
    static const char *const rows[] = {"", "=", "A", "!", "AA BB", "____", "/+/+", "AA==x", "Bw"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t length;
        assert_int_equal(inflate_fragment(slice_of_text(rows[i]), &length), SMQ_ERR_SYNTAX);
    }
    uint8_t *long_text = malloc(XFTP_LINK_TEXT_MAX + 1);
    assert_non_null(long_text);
    memset(long_text, 'A', XFTP_LINK_TEXT_MAX + 1);
    struct xftp_web_yaml yaml;
    assert_int_equal(xftp_web_fragment_inflate(slice_of(long_text, XFTP_LINK_TEXT_MAX + 1), &yaml), SMQ_ERR_TOO_LARGE);
    free(long_text);
}

static void test_a_cut_fragment_is_refused(void **state) {
    (void)state;
    struct slice output = read_xftp_vector("send.stdout"), fragment;
    assert_int_equal(xftp_web_link_fragment(printed_link(output), &fragment), SMQ_OK);
    size_t inflated = 0, unpadded = fragment.length;
    while (fragment.bytes[unpadded - 1] == '=')
        unpadded--;
    for (size_t length = 0; length < unpadded; length++)
        assert_int_equal(inflate_fragment(slice_of(fragment.bytes, length), &inflated), SMQ_ERR_SYNTAX);
    assert_int_equal(inflate_fragment(slice_of(fragment.bytes, unpadded), &inflated), SMQ_OK);
    free_slice(output);
}

static void test_short_memory_is_told(void **state) {
    (void)state;
    struct slice fragment = fragment_of(100000, -15, 9, "");
    enum smq_result result = SMQ_ERR_NO_MEMORY;
    uint64_t allocations = 0;
    size_t length = 0;
    for (; result == SMQ_ERR_NO_MEMORY && allocations < 100; allocations++) {
        fault_arm(FAULT_POINT_memory_alloc, allocations, 1);
        result = inflate_fragment(fragment, &length);
        fault_disarm_all();
    }
    assert_int_equal(result, SMQ_OK);
    assert_int_equal(length, 100000);
    assert_true(allocations > 5);
    free_slice(fragment);
}

static void test_a_fragment_needs_room(void **state) {
    (void)state;
    struct slice yaml = read_xftp_vector("small.rcv1.xftp");
    uint8_t bytes[2048];
    struct writer writer = writer_of(bytes, 300);
    write_xftp_web_fragment(&writer, yaml);
    assert_int_equal(writer_finish(&writer), SMQ_ERR_TOO_LARGE);
    assert_true(xftp_web_fragment_size(yaml.length) <= sizeof bytes);
    free_slice(yaml);
}

/* ---- app links ---- */

static void assert_app_link(const char *text, enum smq_result expected, const char *description, const char *data) {
    uint8_t *exact = heap_copy(text, strlen(text)), *buffer = malloc(strlen(text) + 1);
    struct xftp_app_link link;
    assert_non_null(buffer);
    assert_int_equal(xftp_app_link_parse(slice_of(exact, strlen(text)), buffer, strlen(text), &link), expected);
    if (expected == SMQ_OK) {
        assert_slice_text(link.description, description);
        assert_int_equal(link.has_data, data != NULL);
        if (data != NULL)
            assert_slice_text(link.data, data);
    }
    free(exact);
    free(buffer);
}

static void test_app_links_in_every_form(void **state) {
    (void)state;
    assert_app_link("simplex:/file#/?desc=a%3A%20b%0A", SMQ_OK, "a: b\n", NULL);
    assert_app_link("simplex:/file/#/?desc=a", SMQ_OK, "a", NULL);
    assert_app_link("https://simplex.chat/file#/?desc=a&data=%7B%7D", SMQ_OK, "a", "{}");
    assert_app_link("https://simplex.chat:8443/file#/?data=x&desc=a", SMQ_OK, "a", "x");
    assert_app_link("simplex:/file#/?desc=a+b%2Bc%2b", SMQ_OK, "a b+c+", NULL);
    assert_app_link("simplex:/file#/?desc=a b", SMQ_OK, "a", NULL);
    assert_app_link("simplex:/file#/?desc=a\nb", SMQ_OK, "a", NULL);
    assert_app_link("simplex:/file#/?x=1&desc=a&desc=b&y", SMQ_OK, "a", NULL);
    assert_app_link("simplex:/file#/?desc=", SMQ_OK, "", NULL);
}

static void test_texts_that_are_no_app_link(void **state) {
    (void)state;
    static const char *const rows[] = {"",
                                       "simplex:",
                                       "simplex:/file",
                                       "simplex:/file#/",
                                       "simplex:/file#/?",
                                       "simplex:/file#/?data=x",
                                       "simplex:/contact#/?desc=a",
                                       "http://a/file#/?desc=a",
                                       "simplex:/file#/?desc=%",
                                       "simplex:/file#/?desc=%4",
                                       "simplex:/file#/?desc=%gg",
                                       "simplex:/file//#/?desc=a",
                                       " simplex:/file#/?desc=a",
                                       "https:///file#/?desc=a",
                                       "simplex:/file#/?desc=a&data=%"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_app_link(rows[i], SMQ_ERR_SYNTAX, NULL, NULL);
}

static void test_an_app_link_needs_room(void **state) {
    (void)state;
    uint8_t buffer[4];
    struct xftp_app_link link;
    struct slice text = slice_of_text("simplex:/file#/?desc=abc&data=de");
    assert_int_equal(xftp_app_link_parse(text, buffer, sizeof buffer, &link), SMQ_ERR_TOO_LARGE);
}

static void test_a_description_goes_through_an_app_link(void **state) {
    (void)state;
    static const char start[] =
        "simplex:/file#/?desc=chunkSize%3A%204mb%0Adigest%3A%205YmnP7H3b9RPEpwbxjj-FRhrVpGhIQRh";
    struct slice yaml = read_xftp_vector("big.rcv1.xftp");
    uint8_t text[4096], buffer[4096];
    struct xftp_app_link link = {
        .description = yaml, .has_data = true, .data = slice_of_text("{\"a\": \"\xc3\xa9&=\"}")};
    struct writer writer = writer_of(text, sizeof text);
    write_xftp_app_link(&writer, &link);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_memory_equal(text, start, sizeof start - 1);
    for (size_t i = 0; i < writer_length(&writer); i++)
        assert_true(text[i] > ' ' && text[i] < 0x7f);
    struct xftp_app_link again;
    assert_int_equal(xftp_app_link_parse(slice_of(text, writer_length(&writer)), buffer, sizeof buffer, &again),
                     SMQ_OK);
    assert_slice_equal(again.description, yaml);
    assert_slice_equal(again.data, link.data);
    free_slice(yaml);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captured_web_links_come_out_byte_for_byte),
        cmocka_unit_test(test_fragments_of_any_link),
        cmocka_unit_test(test_a_web_link_names_the_first_host_without_port),
        cmocka_unit_test(test_any_level_and_window_is_inflated),
        cmocka_unit_test(test_bombs_end_at_the_bound),
        cmocka_unit_test(test_anything_but_one_raw_stream_is_refused),
        cmocka_unit_test(test_a_cut_fragment_is_refused),
        cmocka_unit_test(test_short_memory_is_told),
        cmocka_unit_test(test_a_fragment_needs_room),
        cmocka_unit_test(test_app_links_in_every_form),
        cmocka_unit_test(test_texts_that_are_no_app_link),
        cmocka_unit_test(test_an_app_link_needs_room),
        cmocka_unit_test(test_a_description_goes_through_an_app_link),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
