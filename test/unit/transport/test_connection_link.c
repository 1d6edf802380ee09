/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of connection links: known texts and bytes, every form that is read, and links made to do harm. */
#include "test/unit/transport/agent_samples.h"
#include "transport/agent/version.h"

enum { TEXT_MAX = 16384 };

static char text_buffer[TEXT_MAX + 1];
static uint8_t scratch[TEXT_MAX];

static const char *text_of(const struct connection_request *request) {
    struct writer writer = writer_of(text_buffer, TEXT_MAX);
    write_connection_request_text(&writer, NULL, request);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    text_buffer[writer_length(&writer)] = '\0';
    return text_buffer;
}

static enum smq_result parse(const char *text, struct connection_request *request) {
    return connection_request_parse(slice_of_text(text), scratch, sizeof scratch, request);
}

/* `%` escapes of what stands in links. */
#define ESCAPED_QUEUE(v, dh_end)                                                                                       \
    "smp%3A%2F%2F1234-wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D%40smp.simplex.im%3A5223%2F3456-w%3D%3D%23%2F%3Fv%3D" v \
    "%26dh%3D" SAMPLE_DH dh_end
#define ESCAPED_X448   "MEIwBQYDK2VvAzkAmKuSYeQ_m0SixPDS8Wq8VBaTS1cW-Lp0n0h4Diu-kUpR-qXx4SDJ32YGEFoGFGSbGPry5Ychr6U%3D"
#define ESCAPED_E2E(v) "v%3D" v "%26x3dh%3D" ESCAPED_X448 "%2C" ESCAPED_X448
#define INVITATION_TEXT                                                                                                \
    "simplex:/invitation#/?v=2-7&smp=" ESCAPED_QUEUE("1-4", "%253D") "%26q%3Dm%26k%3Ds&e2e=" ESCAPED_E2E("2-3")
#define CONTACT_TEXT "simplex:/contact#/?v=2-7&smp=" ESCAPED_QUEUE("1-4", "%253D") "%26q%3Dc"

static void test_the_known_texts(void **state) {
    (void)state;
    struct connection_request request = sample_request(CONNECTION_INVITATION), parsed;
    assert_string_equal(text_of(&request), INVITATION_TEXT);
    assert_int_equal(parse(INVITATION_TEXT, &parsed), SMQ_OK);
    assert_string_equal(text_of(&parsed), INVITATION_TEXT);
    request.e2e.versions = (struct version_range){1, 1};
    assert_non_null(strstr(text_of(&request), "&e2e=" ESCAPED_E2E("1")));
    request = sample_request(CONNECTION_CONTACT);
    assert_string_equal(text_of(&request), CONTACT_TEXT);
    assert_int_equal(parse(CONTACT_TEXT, &parsed), SMQ_OK);
    assert_int_equal(parsed.mode, CONNECTION_CONTACT);
    assert_string_equal(text_of(&parsed), CONTACT_TEXT);
}

static void test_the_known_bytes(void **state) {
    (void)state;
    static const struct {
        enum connection_mode mode;
        size_t length;
        const char *sha256;
    } known[] = {
        {CONNECTION_INVITATION, 231, "3fd2926bea0096015f727f94b0e2617d105858bf8b6f205c81344e9cab77e2fa"},
        {CONNECTION_CONTACT, 87, "25b83d867387681573cb6b6efa0aa10ad419e1f0e53980ce43bd031648d26958"},
    };
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[512];
        struct connection_request request = sample_request(known[i].mode), parsed;
        struct writer writer = writer_of(bytes, sizeof bytes);
        write_connection_request(&writer, &request);
        assert_int_equal(writer_finish(&writer), SMQ_OK);
        struct reader reader = reader_of(slice_of(bytes, writer_length(&writer)));
        read_connection_request(&reader, &parsed);
        assert_int_equal(reader_finish(&reader), SMQ_OK);
        assert_string_equal(text_of(&parsed), known[i].mode == CONNECTION_INVITATION ? INVITATION_TEXT : CONTACT_TEXT);
        size_t length = known_form(bytes, writer_length(&writer));
        assert_int_equal(length, known[i].length);
        assert_sha256(bytes, length, known[i].sha256);
    }
}

static void test_every_form_is_read(void **state) {
    (void)state;
    struct connection_request request;
    static const char *const same[] = {
        "https://simplex.chat/contact#/?v=2-7&smp=" ESCAPED_QUEUE("1-4", "%253D") "%26q%3Dc",
        "https://simplex.chat:8443/contact/#/?v=2-7&smp=" ESCAPED_QUEUE("1-4", "%253D") "%26q%3Dc",
        "simplex:/contact/#/?v=2-7&smp=" ESCAPED_QUEUE("1-4", "%253D") "%26q%3Dc",
        "simplex:/contact#/?unknown&smp=" ESCAPED_QUEUE("1-4", "%253D") "%26q%3Dc&v=2-7&x=%zz",
        "simplex:/contact#/?v=2-7;smp=" ESCAPED_QUEUE("1-4", "%253D") "%26q%3Dc",
        "simplex:/contact#/??v=2-7&smp=" ESCAPED_QUEUE("1-4", "%253D") "%26q%3Dc",
        "simplex:/contact#/?v=2-7&smp=" ESCAPED_QUEUE("1-4", "%253D") "%26q%3Dc&smp=second&v=9",
        "simplex:/contact#/?v=2-7&smp=" ESCAPED_QUEUE("1-4", "") "%26q%3Dc",
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        assert_int_equal(parse(same[i], &request), SMQ_OK);
        assert_string_equal(text_of(&request), CONTACT_TEXT);
    }
}

static void test_versions_of_contact_links_are_widened(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint16_t min, max;
    } ranges[] = {{"1", 2, 2}, {"1-3", 2, 3}, {"2-7", 2, 7}, {"5-9", 5, 9}, {"9", 9, 9}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        char text[1024];
        struct connection_request request;
        snprintf(text, sizeof text, "simplex:/contact#/?v=%s&smp=%s", ranges[i].text, ESCAPED_QUEUE("1-4", ""));
        assert_int_equal(parse(text, &request), SMQ_OK);
        assert_int_equal(request.agent_versions.min, ranges[i].min);
        assert_int_equal(request.agent_versions.max, ranges[i].max);
    }
    struct connection_request request;
    assert_int_equal(
        parse("simplex:/invitation#/?v=1&smp=" ESCAPED_QUEUE("1-4", "") "&e2e=" ESCAPED_E2E("2-3"), &request), SMQ_OK);
    assert_int_equal(request.agent_versions.max, 1);
}

static void test_client_data_of_any_bytes(void **state) {
    (void)state;
    struct connection_request request = sample_request(CONNECTION_CONTACT), parsed;
    char copy[TEXT_MAX];
    request.has_client_data = true;
    request.client_data = slice_of_text("{\"type\":\"group\",\"id\":\"a&b;c+d=%\xc3\xa9 \n\"}");
    snprintf(copy, sizeof copy, "%s", text_of(&request));
    assert_int_equal(parse(copy, &parsed), SMQ_OK);
    assert_slice_equal(parsed.client_data, request.client_data);
    assert_string_equal(text_of(&parsed), copy);
    assert_int_equal(parse("simplex:/contact#/?v=2&smp=" ESCAPED_QUEUE("1-4", "") "&data=a+b&data=c", &parsed), SMQ_OK);
    assert_slice_text(parsed.client_data, "a b");
    assert_int_equal(parse("simplex:/contact#/?v=2&smp=" ESCAPED_QUEUE("1-4", "") "&data=", &parsed), SMQ_OK);
    assert_true(parsed.has_client_data && parsed.client_data.length == 0);
}

static void test_a_link_with_several_queues(void **state) {
    (void)state;
    struct connection_request request = sample_request(CONNECTION_CONTACT), parsed;
    char copy[TEXT_MAX];
    for (request.queue_count = 1; request.queue_count < CONNECTION_QUEUES_MAX; request.queue_count++) {
        request.queues[request.queue_count] = request.queues[0];
        request.queues[request.queue_count].sender_id[0] = request.queue_count;
    }
    snprintf(copy, sizeof copy, "%s", text_of(&request));
    assert_int_equal(parse(copy, &parsed), SMQ_OK);
    assert_int_equal(parsed.queue_count, CONNECTION_QUEUES_MAX);
    assert_true(connection_request_same_contact(&request, &parsed));
    parsed.queues[1].sender_id[0] ^= 0x80;
    assert_false(connection_request_same_contact(&request, &parsed));
    parsed.queues[1].sender_id[0] ^= 0x80;
    parsed.queue_count--;
    assert_false(connection_request_same_contact(&request, &parsed));
    request.mode = parsed.mode = CONNECTION_INVITATION;
    assert_false(connection_request_same_contact(&request, &request));
}

static void test_links_that_are_none(void **state) {
    (void)state;
#define ONE_QUEUE ESCAPED_QUEUE("1-4", "%253D")
    static const char *const bad[] = {
        "",
        "simplex:",
        "simplex:/contact",
        "simplex:/contact#/?",
        "simplex:/contact#/?v=2-7",
        "simplex:/contact#/?smp=" ONE_QUEUE,
        "simplex:/contact#/?v=7-2&smp=" ONE_QUEUE,
        "simplex:/contact#/?v=99999&smp=" ONE_QUEUE,
        "simplex:/contact#/?v=x&smp=" ONE_QUEUE,
        "simplex:/contact#/?v=2&smp=",
        "simplex:/contact#/?v=2&smp=%3B",
        "simplex:/contact#/?v=2&smp=" ONE_QUEUE "%3B",
        "simplex:/contact#/?v=2&smp=%3B" ONE_QUEUE,
        "simplex:/contact#/?v=2&smp=" ONE_QUEUE "%3B" ONE_QUEUE "%3B" ONE_QUEUE "%3B" ONE_QUEUE "%3B" ONE_QUEUE,
        "simplex:/contact#/?v=2&smp=" ONE_QUEUE "%",
        "simplex:/contact#/?v=2&smp=" ONE_QUEUE "%zz",
        "simplex:/contact#/?v=2&smp=" ONE_QUEUE "\n",
        "simplex:/contact#/?v=2&smp=" ONE_QUEUE " and more",
        "simplex:/contact#/?v=2&smp=" ONE_QUEUE "&data=and more",
        "simplex:/contact#/?v=2&smp=" ONE_QUEUE "%26q%3Dm%26x%3Dand+more",
        "simplex:/invitation#/?v=2&smp=" ONE_QUEUE,
        "simplex:/invitation#/?v=2&smp=" ONE_QUEUE "&e2e=",
        "simplex:/invitation#/?v=2&smp=" ONE_QUEUE "&e2e=v%3D2%26x3dh%3D" ESCAPED_X448,
        "simplex:/invitation#/?v=2&smp=" ONE_QUEUE "&e2e=v%3D2%26x3dh%3D" ESCAPED_X448 "%2C",
        "simplex:/invitation#/?v=2&smp=" ONE_QUEUE "&e2e=" ESCAPED_E2E("2-3") "%2C" ESCAPED_X448,
        "simplex:/invitation#/?v=2&smp=" ONE_QUEUE "&e2e=" ESCAPED_E2E("2-3") "%26kem_key%3DAAAA",
        "simplex:/invite#/?v=2&smp=" ONE_QUEUE "&e2e=" ESCAPED_E2E("2-3"),
        "http://simplex.chat/contact#/?v=2&smp=" ONE_QUEUE,
        "https:///contact#/?v=2&smp=" ONE_QUEUE,
        "https://simplex.chat:99999/contact#/?v=2&smp=" ONE_QUEUE,
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct connection_request request;
        assert_int_equal(parse(bad[i], &request), SMQ_ERR_SYNTAX);
    }
}

/* Each on the heap, so that a sanitizer sees reads behind the end, with just the scratch room that is asked for. */
static void test_every_cut_link_is_refused(void **state) {
    (void)state;
    size_t whole = strlen(INVITATION_TEXT);
    for (size_t length = 0; length < whole; length++) {
        struct connection_request request;
        uint8_t *copy = heap_copy(INVITATION_TEXT, length), *room = malloc(length + 1);
        assert_non_null(room);
        enum smq_result result = connection_request_parse(slice_of(copy, length), room, length, &request);
        /* The second key's last character and its padding may go: base64 without padding is read too. */
        assert_true(result == SMQ_ERR_SYNTAX || length >= whole - 3);
        free(room);
        free(copy);
    }
}

static void test_every_cut_binary_link_is_refused(void **state) {
    (void)state;
    uint8_t bytes[512];
    struct connection_request request = sample_request(CONNECTION_INVITATION), parsed;
    request.has_client_data = true;
    request.client_data = slice_of_text("data");
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_connection_request(&writer, &request);
    for (size_t length = 0; length < writer_length(&writer); length++) {
        uint8_t *copy = heap_copy(bytes, length);
        struct reader reader = reader_of(slice_of(copy, length));
        read_connection_request(&reader, &parsed);
        assert_int_equal(reader_status(&reader), SMQ_ERR_SYNTAX);
        free(copy);
    }
    bytes[5] = CONNECTION_QUEUES_MAX + 1; /* the number of queues */
    struct reader reader = reader_of(slice_of(bytes, writer_length(&writer)));
    read_connection_request(&reader, &parsed);
    assert_true(reader.failed && parsed.queue_count == 0);
    bytes[5] = 0;
    reader = reader_of(slice_of(bytes, writer_length(&writer)));
    read_connection_request(&reader, &parsed);
    assert_true(reader.failed);
}

static void test_a_link_of_ten_megabytes(void **state) {
    (void)state;
    enum { SIZE = 10000000 };
    char *text = malloc(SIZE);
    uint8_t *room = malloc(SIZE);
    struct connection_request request;
    assert_true(text != NULL && room != NULL);
    memset(text, '&', SIZE);
    memcpy(text, CONTACT_TEXT, strlen(CONTACT_TEXT));
    assert_int_equal(connection_request_parse(slice_of(text, SIZE), room, SIZE, &request), SMQ_OK);
    assert_int_equal(connection_request_parse(slice_of(text, SIZE), room, SIZE - 1, &request), SMQ_ERR_TOO_LARGE);
    memset(text + strlen(CONTACT_TEXT), 'm', SIZE - strlen(CONTACT_TEXT));
    assert_int_equal(connection_request_parse(slice_of(text, SIZE), room, SIZE, &request), SMQ_OK);
    memcpy(text + strlen(CONTACT_TEXT), "&data=", 6);
    assert_int_equal(connection_request_parse(slice_of(text, SIZE), room, SIZE, &request), SMQ_OK);
    assert_int_equal(request.client_data.length, SIZE - strlen(CONTACT_TEXT) - 6);
    free(room);
    free(text);
}

static void test_a_writer_without_room_fails(void **state) {
    (void)state;
    struct connection_request request = sample_request(CONNECTION_INVITATION);
    size_t whole = strlen(INVITATION_TEXT);
    for (size_t room = 0; room < whole; room += 7) {
        struct writer writer = writer_of(text_buffer, room);
        write_connection_request_text(&writer, NULL, &request);
        assert_int_equal(writer_finish(&writer), SMQ_ERR_TOO_LARGE);
    }
    uint8_t bytes[16];
    struct writer writer = writer_of(bytes, sizeof bytes);
    request.queue_count = 0;
    write_connection_request(&writer, &request);
    assert_true(writer.failed);
}

static void test_a_link_with_a_post_quantum_key(void **state) {
    (void)state;
    struct connection_request request = sample_request(CONNECTION_INVITATION), parsed;
    char copy[TEXT_MAX];
    request.e2e.kem.offer = KEM_PROPOSED;
    memset(request.e2e.kem.public_key, 0xab, sizeof request.e2e.kem.public_key);
    snprintf(copy, sizeof copy, "%s", text_of(&request));
    assert_int_equal(parse(copy, &parsed), SMQ_OK);
    assert_int_equal(parsed.e2e.kem.offer, KEM_PROPOSED);
    assert_memory_equal(parsed.e2e.kem.public_key, request.e2e.kem.public_key, sizeof parsed.e2e.kem.public_key);
    assert_string_equal(text_of(&parsed), copy);
}

/* ---- short links beside them ---- */

#define SHORT_LINK "https://smp.simplex.im/a#MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
#define SHORT_HASH "1234-wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const char *short_text_of(const struct short_link *link) {
    struct writer writer = writer_of(text_buffer, TEXT_MAX);
    write_short_link_text(&writer, link);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    text_buffer[writer_length(&writer)] = '\0';
    return text_buffer;
}

static struct short_link short_link_of(const char *text) {
    struct connection_link link;
    assert_int_equal(connection_link_parse(slice_of_text(text), scratch, sizeof scratch, &link), SMQ_OK);
    assert_true(link.is_short);
    return link.short_link;
}

static void test_either_kind_of_link_is_known(void **state) {
    (void)state;
    struct connection_link link;
    assert_int_equal(connection_link_parse(slice_of_text(CONTACT_TEXT), scratch, sizeof scratch, &link), SMQ_OK);
    assert_false(link.is_short);
    assert_int_equal(link.full.queue_count, 1);
    (void)short_link_of(SHORT_LINK "?p=5223&c=" SHORT_HASH);
    assert_int_equal(connection_link_parse(slice_of_text("simplex:/a#"), scratch, sizeof scratch, &link),
                     SMQ_ERR_SYNTAX);
}

static void test_the_known_short_links(void **state) {
    (void)state;
    struct short_link link = short_link_of(SHORT_LINK "?p=5223&c=" SHORT_HASH);
    assert_memory_equal(link.link_key, "0123456789abcdef0123456789abcdef", SHORT_LINK_KEY_SIZE);
    assert_string_equal(short_text_of(&link), SHORT_LINK "?p=5223&c=" SHORT_HASH);
    link.simplex_scheme = true;
    assert_string_equal(short_text_of(&link), "simplex:/a#MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
                                              "?h=smp.simplex.im&p=5223&c=" SHORT_HASH);
}

static struct server_address address_of(const char *text) {
    struct server_address address;
    assert_int_equal(server_address_parse(slice_of_text(text), ADDRESS_SMP, &address), SMQ_OK);
    return address;
}

static void test_links_of_preset_servers_are_shortened_and_restored(void **state) {
    (void)state;
    struct server_address presets[2];
    presets[0] = address_of("smp://AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=@other.example");
    presets[1] = address_of("smp://" SAMPLE_HASH "@smp.simplex.im,second.example");
    static const struct {
        const char *query;
        bool is_shortened;
    } links[] = {
        {"?p=5223&c=" SHORT_HASH, true},
        {"?p=443&c=" SHORT_HASH, true},
        {"?c=" SHORT_HASH, true},
        {"?h=second.example&c=" SHORT_HASH, true},
        {"?h=third.example&c=" SHORT_HASH, false},
        {"?p=5224&c=" SHORT_HASH, false},
        {"?c=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", false},
        {"?p=5223", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, SHORT_LINK "%s", links[i].query);
        struct short_link link = short_link_of(text);
        short_link_shorten(&link, presets, 2);
        assert_string_equal(short_text_of(&link), links[i].is_shortened ? SHORT_LINK : text);
        if (!links[i].is_shortened)
            continue;
        short_link_restore(&link, presets, 2);
        assert_true(server_address_equal(&link.server, &presets[1]));
    }
    struct short_link foreign = short_link_of("https://foreign.example/a#MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY");
    short_link_restore(&foreign, presets, 2);
    assert_false(foreign.server.has_key_hash);
}

static void test_the_same_contact(void **state) {
    (void)state;
    static const char *const texts[] = {
        SHORT_LINK "?c=" SHORT_HASH,
        SHORT_LINK "?p=5223&c=" SHORT_HASH,
        "https://smp.simplex.im/g#MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY?c=" SHORT_HASH,
        "https://smp.simplex.im/a#NDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY?c=" SHORT_HASH,
        "https://smp.simplex.im/a#MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY?h=x.example&c=" SHORT_HASH,
    };
    struct short_link first = short_link_of(texts[0]);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct short_link other = short_link_of(texts[i]);
        assert_int_equal(short_link_same_contact(&first, &other), i == 0);
    }
    struct short_link native = first;
    native.simplex_scheme = true;
    assert_true(short_link_same_contact(&first, &native));
    first.type = native.type = SHORT_LINK_INVITATION;
    assert_false(short_link_same_contact(&first, &native));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_known_texts),
        cmocka_unit_test(test_the_known_bytes),
        cmocka_unit_test(test_every_form_is_read),
        cmocka_unit_test(test_versions_of_contact_links_are_widened),
        cmocka_unit_test(test_client_data_of_any_bytes),
        cmocka_unit_test(test_a_link_with_several_queues),
        cmocka_unit_test(test_links_that_are_none),
        cmocka_unit_test(test_every_cut_link_is_refused),
        cmocka_unit_test(test_every_cut_binary_link_is_refused),
        cmocka_unit_test(test_a_link_of_ten_megabytes),
        cmocka_unit_test(test_a_writer_without_room_fails),
        cmocka_unit_test(test_a_link_with_a_post_quantum_key),
        cmocka_unit_test(test_either_kind_of_link_is_known),
        cmocka_unit_test(test_the_known_short_links),
        cmocka_unit_test(test_links_of_preset_servers_are_shortened_and_restored),
        cmocka_unit_test(test_the_same_contact),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
