/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTP/1.1, the server's side, as bytes in and bytes out. */
#include "queues/base/memory.h"
#include "test/unit/transport/test_helpers.h"
#include "transport/http1/http1.h"

enum { HEAD_MS = 1000, ROOM = 16384, LOG = 4096, OUTPUT = 1 << 20 };

/* What the owner was told, as text, and how it behaves. */
struct owner {
    struct http1 *http1;
    char log[LOG];
    size_t log_length;
    uint64_t now;
    bool answers, keeps, holds;
    bool has_body;
    const char *length; /* content-length of the answer */
    size_t to_send, sent;
    size_t came;
    enum smq_result fill_result;
    int closed;
    enum http2_end end;
    char output[OUTPUT];
    size_t output_length;
};

static struct owner owner;

static void note(const char *text, size_t length) {
    assert_true(owner.log_length + length + 1 < LOG);
    for (size_t i = 0; i < length; i++)
        owner.log[owner.log_length + i] = text[i];
    owner.log_length += length;
}

static void note_text(const char *text) {
    note(text, strlen(text));
}

static void note_slice(struct slice text) {
    note((const char *)text.bytes, text.length);
}

static void answer(void) {
    struct http2_field field = {slice_of_text("content-length"),
                                owner.length == NULL ? slice_of_text("") : slice_of_text(owner.length)};
    const struct http2_response response = {
        .status = 200, .fields = &field, .field_count = owner.length == NULL ? 0 : 1, .has_body = owner.has_body};
    owner.sent = 0;
    assert_int_equal(http1_respond(owner.http1, &response), SMQ_OK);
}

static void head(void *context, struct http1 *http1, const struct http2_head *head) {
    (void)context;
    (void)http1;
    struct slice value;
    note_text("[");
    note_slice(head->method);
    note_text(" ");
    note_slice(head->authority);
    note_text(" ");
    note_slice(head->path);
    if (http2_head_find(head, "note", &value)) {
        note_text(" note=");
        note_slice(value);
    }
    if (head->has_body)
        note_text(" body");
    note_text("]");
}

static void body(void *context, struct http1 *http1, struct slice bytes) {
    (void)context;
    owner.came += bytes.length;
    if (owner.came < 1000)
        note_slice(bytes);
    if (!owner.holds)
        http1_consume(http1, bytes.length);
}

static void body_end(void *context, struct http1 *http1) {
    (void)context;
    (void)http1;
    note_text(".");
    if (owner.answers)
        answer();
}

static enum smq_result fill(void *context, struct http1 *http1, uint8_t *room, size_t size, size_t *length,
                            bool *last) {
    (void)context;
    (void)http1;
    size_t left = owner.to_send - owner.sent;
    if (owner.fill_result != SMQ_OK)
        return owner.fill_result;
    *length = left < size ? left : size;
    memset(room, 'x', *length);
    owner.sent += *length;
    *last = owner.sent == owner.to_send;
    return SMQ_OK;
}

static void closed(void *context, struct http1 *http1, enum http2_end end) {
    (void)context;
    owner.closed++;
    owner.end = end;
    if (!owner.keeps)
        http1_release(http1);
}

static void expired(void *context, struct http1 *http1) {
    (void)context;
    note_text("!");
    http1_cancel(http1);
}

static const struct http1_hooks hooks = {head, body, body_end, fill, closed, expired};

static int open_server(void **state) {
    (void)state;
    owner = (struct owner){.answers = true};
    const struct http1_config config = {.hooks = &hooks, .owner = &owner, .head_ms = HEAD_MS};
    return http1_create(&config, 0, &owner.http1) == SMQ_OK ? 0 : -1;
}

static int close_server(void **state) {
    (void)state;
    http1_destroy(&owner.http1);
    return 0;
}

static void take(void) {
    uint8_t *room = malloc(ROOM);
    size_t length;
    while (http1_output(owner.http1, room, ROOM, owner.now, &length) == SMQ_OK) {
        assert_true(length <= ROOM && owner.output_length + length < OUTPUT);
        memcpy(owner.output + owner.output_length, room, length);
        owner.output_length += length;
    }
    free(room);
}

/* As long as it is wanted. */
static void give_bytes(const char *bytes, size_t length, size_t step) {
    for (size_t at = 0; at < length && http1_wants_input(owner.http1); at += step) {
        size_t part = length - at < step ? length - at : step;
        uint8_t *exact = heap_copy((const uint8_t *)bytes + at, part);
        (void)http1_receive(owner.http1, slice_of(exact, part), owner.now);
        free(exact);
        take();
    }
}

static void give(const char *text) {
    give_bytes(text, strlen(text), strlen(text));
}

static void assert_log(const char *expected) {
    owner.log[owner.log_length] = '\0';
    assert_string_equal(owner.log, expected);
}

static void assert_output(const char *expected) {
    owner.output[owner.output_length] = '\0';
    assert_string_equal(owner.output, expected);
}

static void assert_refused(const char *text, const char *status) {
    char expected[128];
    give(text);
    (void)snprintf(expected, sizeof expected, "HTTP/1.1 %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", status);
    assert_output(expected);
    assert_true(http1_is_over(owner.http1));
    assert_false(http1_wants_input(owner.http1));
    assert_int_equal(owner.log_length, 0);
}

#define OK_EMPTY       "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
#define OK_EMPTY_CLOSE "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

static void test_requests_follow_each_other(void **state) {
    (void)state;
    give("GET /a?b=1 HTTP/1.1\r\nHost: h\r\nNote:  x y \t\r\n\r\n");
    give("POST /c HTTP/1.1\r\nHOST: h\r\nContent-Length: 5\r\n\r\n12345");
    assert_log("[GET h /a?b=1 note=x y].[POST h /c body]12345.");
    assert_output(OK_EMPTY OK_EMPTY);
    assert_false(http1_is_over(owner.http1));
    assert_int_equal(owner.closed, 2);
    assert_int_equal(owner.end, HTTP2_DONE);
}

static void test_requests_may_come_in_any_pieces(void **state) {
    (void)state;
    static const char text[] = "GET /a HTTP/1.1\r\nHost: h\r\nNote: x\r\n\r\n"
                               "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    give_bytes(text, sizeof text - 1, 1);
    assert_log("[GET h /a note=x].[POST h /b body]abc.");
    assert_output(OK_EMPTY OK_EMPTY);
}

static void test_later_requests_wait_for_the_release_of_the_first(void **state) {
    (void)state;
    owner.keeps = true;
    give("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\nGET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_log("[GET h /1].");
    assert_int_equal(owner.closed, 1);
    assert_false(http1_wants_input(owner.http1));
    http1_release(owner.http1);
    assert_true(http1_has_output(owner.http1));
    take();
    assert_log("[GET h /1].[GET h /2].");
    http1_release(owner.http1);
    owner.keeps = false;
    take();
    assert_log("[GET h /1].[GET h /2].[GET h /3].");
    assert_output(OK_EMPTY OK_EMPTY OK_EMPTY);
    assert_true(http1_wants_input(owner.http1));
}

static void test_body_without_a_length_is_chunked(void **state) {
    (void)state;
    owner.has_body = true;
    owner.to_send = 3;
    give("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_output("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n00000003\r\nxxx\r\n0\r\n\r\n");
    assert_true(http1_wants_input(owner.http1));
}

static void test_body_of_many_chunks_is_whole(void **state) {
    (void)state;
    owner.has_body = true;
    owner.to_send = 100000;
    give("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    size_t found = 0;
    for (size_t i = strlen("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"); i < owner.output_length; i++)
        found += owner.output[i] == 'x';
    assert_int_equal(found, 100000);
    assert_memory_equal(owner.output + owner.output_length - 5, "0\r\n\r\n", 5);
}

static void test_body_of_a_length_is_counted(void **state) {
    (void)state;
    owner.has_body = true;
    owner.length = "3";
    owner.to_send = 3;
    give("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_output("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nxxx");
    assert_true(http1_wants_input(owner.http1));
}

static void test_body_that_is_too_short_ends_the_connection(void **state) {
    (void)state;
    owner.has_body = true;
    owner.length = "5";
    owner.to_send = 3;
    give("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(owner.end, HTTP2_CANCELLED);
    assert_true(http1_is_over(owner.http1));
}

static void test_head_is_answered_without_a_body(void **state) {
    (void)state;
    owner.has_body = true;
    owner.length = "12345";
    owner.to_send = 12345;
    give("HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_int_equal(owner.closed, 2);
    assert_memory_equal(owner.output, "HTTP/1.1 200 OK\r\ncontent-length: 12345\r\n\r\nHTTP/1.1 200 OK\r\n", 58);
}

static void test_first_version_is_spoken(void **state) {
    (void)state;
    owner.has_body = true;
    owner.to_send = 3;
    give("GET / HTTP/1.0\r\n\r\n");
    assert_log("[GET  /].");
    assert_output("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nxxx");
    assert_true(http1_is_over(owner.http1));
}

static void test_client_that_asks_is_told_to_continue(void **state) {
    (void)state;
    give("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_output("HTTP/1.1 100 Continue\r\n\r\n");
    give("ab");
    assert_output("HTTP/1.1 100 Continue\r\n\r\n" OK_EMPTY);
}

static void test_answer_before_the_end_of_the_request_ends_the_connection(void **state) {
    (void)state;
    owner.answers = false;
    give("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nab");
    answer();
    take();
    assert_output(OK_EMPTY_CLOSE);
    assert_int_equal(owner.end, HTTP2_DONE);
    assert_true(http1_is_over(owner.http1));
}

static void test_absolute_targets_and_upgrades_are_plain_requests(void **state) {
    (void)state;
    give("GET http://other:80/path?q HTTP/1.1\r\nHost: h\r\n\r\n");
    give("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
    give("GET http://other HTTP/1.1\r\nHost: h\r\n\r\n");
    give("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "
         "AA\r\n\r\n");
    assert_log("[GET h /path?q].[OPTIONS h *].[GET h /].[GET h /].");
    assert_int_equal(owner.closed, 4);
}

static void test_what_is_wrong_is_refused(void **state) {
    static const struct {
        const char *text, *status;
    } cases[] = {
        {"\x16\x03\x01\x02hello", "400 Bad Request"},
        {"SSH-2.0-OpenSSH_9.2\r\n", "400 Bad Request"},
        {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 Bad Request"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "400 Bad Request"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "400 Bad Request"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", "400 Bad Request"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n", "400 Bad Request"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551614\r\n\r\n", "400 Bad Request"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9223372036854775808\r\n\r\n", "413 Content Too Large"},
        {"CONNECT a:80 HTTP/1.1\r\nHost: h\r\n\r\n", "501 Not Implemented"},
        {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", "505 HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_refused(cases[i].text, cases[i].status);
        close_server(state);
        open_server(state);
    }
}

static void test_heads_that_are_too_large_are_refused(void **state) {
    static char text[40000];
    size_t length = (size_t)snprintf(text, sizeof text, "GET /");
    memset(text + length, 'a', 17000);
    (void)snprintf(text + length + 17000, 100, " HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_refused(text, "431 Request Header Fields Too Large");
    close_server(state);
    open_server(state);
    length = (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < HTTP2_FIELDS_MAX; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "n: v\r\n");
    (void)snprintf(text + length, sizeof text - length, "\r\n");
    assert_refused(text, "431 Request Header Fields Too Large");
}

static void test_slow_head_is_given_up(void **state) {
    (void)state;
    assert_true(http1_deadline(owner.http1) == UINT64_MAX);
    give("GET");
    assert_int_equal(http1_deadline(owner.http1), HEAD_MS);
    owner.now = HEAD_MS - 1;
    give(" / HTTP/1.1\r\nHos");
    assert_int_equal(http1_deadline(owner.http1), HEAD_MS);
    http1_expire(owner.http1, HEAD_MS);
    take();
    assert_output("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    assert_true(http1_is_over(owner.http1));
}

static void test_body_waits_until_it_is_consumed(void **state) {
    (void)state;
    enum { BODY = 1000000 };
    char *bytes = calloc(1, BODY);
    owner.holds = true;
    give("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
    give_bytes(bytes, BODY, ROOM);
    assert_true(owner.came >= HTTP1_WINDOW && owner.came < HTTP1_WINDOW + ROOM);
    assert_false(http1_wants_input(owner.http1));
    http1_consume(owner.http1, owner.came);
    assert_true(http1_wants_input(owner.http1));
    owner.holds = false;
    give_bytes(bytes, BODY - owner.came, ROOM);
    assert_int_equal(owner.came, BODY);
    assert_int_equal(owner.closed, 1);
    free(bytes);
}

static void test_deadline_of_an_exchange_is_told(void **state) {
    (void)state;
    owner.answers = false;
    give("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    http1_set_deadline(owner.http1, 5000);
    http1_expire(owner.http1, 4999);
    assert_log("[GET h /].");
    http1_expire(owner.http1, 5000);
    assert_log("[GET h /].!");
    take();
    assert_output("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    assert_int_equal(owner.end, HTTP2_CANCELLED);
    assert_true(http1_is_over(owner.http1));
}

static void test_client_may_end_its_side_before_the_answer(void **state) {
    (void)state;
    owner.answers = false;
    give("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(http1_input_ended(owner.http1));
    answer();
    take();
    assert_output(OK_EMPTY_CLOSE);
    assert_true(http1_is_over(owner.http1));
}

static void test_shutdown_ends_after_the_exchange(void **state) {
    (void)state;
    owner.answers = false;
    give("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n");
    http1_shutdown(owner.http1);
    assert_false(http1_is_over(owner.http1));
    give("ab");
    answer();
    take();
    assert_log("[POST h / body]ab.");
    assert_output(OK_EMPTY_CLOSE);
    assert_true(http1_is_over(owner.http1));
}

static void test_exchange_that_is_open_is_lost_with_the_connection(void **state) {
    (void)state;
    owner.answers = false;
    give("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    http1_destroy(&owner.http1);
    assert_int_equal(owner.closed, 1);
    assert_int_equal(owner.end, HTTP2_LOST);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_server, close_server)
    const struct CMUnitTest tests[] = {
        TEST(test_requests_follow_each_other),
        TEST(test_requests_may_come_in_any_pieces),
        TEST(test_later_requests_wait_for_the_release_of_the_first),
        TEST(test_body_without_a_length_is_chunked),
        TEST(test_body_of_many_chunks_is_whole),
        TEST(test_body_of_a_length_is_counted),
        TEST(test_body_that_is_too_short_ends_the_connection),
        TEST(test_head_is_answered_without_a_body),
        TEST(test_first_version_is_spoken),
        TEST(test_client_that_asks_is_told_to_continue),
        TEST(test_answer_before_the_end_of_the_request_ends_the_connection),
        TEST(test_absolute_targets_and_upgrades_are_plain_requests),
        TEST(test_what_is_wrong_is_refused),
        TEST(test_heads_that_are_too_large_are_refused),
        TEST(test_slow_head_is_given_up),
        TEST(test_body_waits_until_it_is_consumed),
        TEST(test_deadline_of_an_exchange_is_told),
        TEST(test_client_may_end_its_side_before_the_answer),
        TEST(test_shutdown_ends_after_the_exchange),
        TEST(test_exchange_that_is_open_is_lost_with_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
