/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests, as http_parser finds them in the bytes that come. */
#include <limits.h>
#include <string.h>

#include "queues/base/memory.h"
#include "transport/http1/http1_private.h"

enum { FIRST_TEXT = 512 };

static struct http1 *of(http_parser *parser) {
    return parser->data;
}

/* A callback's result: anything but 0 ends http_parser_execute. */
static int outcome(const struct http1 *http1) {
    return http1->failure == SMQ_OK && !http1->is_closing ? 0 : -1;
}

static int refuse(struct http1 *http1, unsigned status, const char *text) {
    http1_fail(http1, SMQ_ERR_PROTOCOL, status, text);
    return -1;
}

void http1_drop_head(struct http1 *http1) {
    if (http1->head != NULL)
        memory_free(http1->head->text);
    memory_free(http1->head);
    http1->head = NULL;
}

void http1_await_request(struct http1 *http1) {
    http_parser_init(&http1->parser, HTTP_REQUEST);
    http1->parser.data = http1;
    http1->head_deadline = http1->deadline = UINT64_MAX;
    http1->request_ended = http1->is_answered = http1->answer_ended = http1->is_discarding = false;
    http1->is_head_only = http1->awaits_continue = http1->fill_waits = false;
    http1->unconsumed = 0;
}

/* ---- heads */

/* Adds to `part`, which is the last one of the head. */
static int add(struct http1 *http1, struct http1_part *part, const char *bytes, size_t length) {
    struct http1_request_head *head = http1->head;
    if (length > HTTP1_HEAD_MAX - head->length)
        return refuse(http1, 431, "a head is too large");
    if (head->length + length > head->size) {
        size_t size = head->size == 0 ? FIRST_TEXT : head->size;
        while (size < head->length + length)
            size *= 2;
        uint8_t *grown = memory_resize_array(head->text, size, 1);
        if (grown == NULL) {
            http1_fail(http1, SMQ_ERR_NO_MEMORY, 0, "out of memory");
            return -1;
        }
        head->text = grown;
        head->size = size;
    }
    if (part->length == 0)
        part->start = (uint16_t)head->length;
    memcpy(head->text + head->length, bytes, length);
    head->length += length;
    part->length = (uint16_t)(part->length + length);
    return 0;
}

static int message_begins(http_parser *parser) {
    struct http1 *http1 = of(parser);
    http1->head = memory_zalloc(sizeof *http1->head);
    if (http1->head == NULL)
        http1_fail(http1, SMQ_ERR_NO_MEMORY, 0, "out of memory");
    return outcome(http1);
}

static int target_comes(http_parser *parser, const char *bytes, size_t length) {
    return add(of(parser), &of(parser)->head->target, bytes, length);
}

static int name_comes(http_parser *parser, const char *bytes, size_t length) {
    struct http1 *http1 = of(parser);
    struct http1_request_head *head = http1->head;
    if (head == NULL)
        return 0; /* trailers are not looked at */
    if (head->count == 0 || head->in_value) {
        if (head->count == HTTP1_FIELDS_MAX)
            return refuse(http1, 431, "a head has too many fields");
        head->count++;
        head->in_value = false;
    }
    int result = add(http1, &head->names[head->count - 1], bytes, length);
    for (size_t i = 0; i < length && result == 0; i++) {
        uint8_t *byte = head->text + head->length - length + i;
        if (*byte >= 'A' && *byte <= 'Z')
            *byte = (uint8_t)(*byte - 'A' + 'a');
    }
    return result;
}

static int value_comes(http_parser *parser, const char *bytes, size_t length) {
    struct http1_request_head *head = of(parser)->head;
    if (head == NULL)
        return 0;
    head->in_value = true;
    return add(of(parser), &head->values[head->count - 1], bytes, length);
}

static struct slice text_of(const struct http1_request_head *head, struct http1_part part) {
    return slice_of(part.length == 0 ? NULL : head->text + part.start, part.length);
}

/* http_parser leaves the blanks behind a value. */
static struct slice value_of(const struct http1_request_head *head, size_t index) {
    struct slice value = text_of(head, head->values[index]);
    while (value.length > 0 && (value.bytes[value.length - 1] == ' ' || value.bytes[value.length - 1] == '\t'))
        value.length--;
    return value;
}

/* The path and query of what may be an absolute form. */
static bool find_path(struct slice target, struct slice *path) {
    struct http_parser_url url;
    http_parser_url_init(&url);
    if (slice_equal(target, slice_of_text("*"))) {
        *path = target;
        return true;
    }
    if (target.length == 0 || http_parser_parse_url((const char *)target.bytes, target.length, 0, &url) != 0)
        return false;
    size_t start = url.field_data[UF_PATH].off;
    *path = (url.field_set & 1 << UF_PATH) == 0 ? slice_of_text("/")
                                                : slice_of(target.bytes + start, target.length - start);
    return true;
}

/* What a request says about itself and the connection. False: more than one host, or none. */
static bool find_fields(struct http1 *http1, struct http2_field *fields, struct http2_head *head) {
    const struct http1_request_head *came = http1->head;
    size_t hosts = 0;
    for (size_t i = 0; i < came->count; i++) {
        fields[i] = (struct http2_field){text_of(came, came->names[i]), value_of(came, i)};
        if (slice_equal(fields[i].name, slice_of_text("host"))) {
            head->authority = fields[i].value;
            hosts++;
        }
        if (slice_equal(fields[i].name, slice_of_text("expect")))
            http1->awaits_continue = http1->parser.http_minor > 0;
    }
    return hosts == 1 || (hosts == 0 && http1->parser.http_minor == 0);
}

static int head_comes(http_parser *parser) {
    struct http1 *http1 = of(parser);
    struct http2_field fields[HTTP1_FIELDS_MAX];
    const char *method = http_method_str((enum http_method)parser->method);
    bool is_counted = (parser->flags & F_CHUNKED) == 0 && parser->content_length != ULLONG_MAX;
    struct http2_head head = {
        .method = slice_of_text(method),
        .scheme = slice_of_text("http"),
        .content_length = is_counted ? (int64_t)parser->content_length : -1,
        .has_body = (parser->flags & F_CHUNKED) != 0 || (is_counted && parser->content_length > 0),
        .fields = fields,
        .field_count = http1->head->count,
    };
    if (parser->http_major != 1)
        return refuse(http1, 505, "not HTTP/1");
    if (parser->method == HTTP_CONNECT)
        return refuse(http1, 501, "it takes us for a proxy");
    if (is_counted && parser->content_length > INT64_MAX)
        return refuse(http1, 413, "a body is too large");
    if (!find_fields(http1, fields, &head) || !find_path(text_of(http1->head, http1->head->target), &head.path))
        return refuse(http1, 400, "a head without a host, or with a bad target");
    parser->upgrade = 0; /* there is nothing that we would change to */
    http1->keeps_alive = http_should_keep_alive(parser) != 0 && !http1->is_ending;
    http1->is_head_only = parser->method == HTTP_HEAD;
    http1->head_deadline = UINT64_MAX;
    http1->is_open = true;
    http1->hooks->head(http1->owner, http1, &head);
    http1_drop_head(http1);
    if (http1->awaits_continue && head.has_body && !http1->is_answered && http1->is_open) {
        static const char continues[] = "HTTP/1.1 100 Continue\r\n\r\n";
        if (http1_add_text(http1, continues, sizeof continues - 1) != SMQ_OK)
            http1_fail(http1, SMQ_ERR_NO_MEMORY, 0, "out of memory");
    }
    return outcome(http1);
}

/* ---- bodies */

static int body_comes(http_parser *parser, const char *bytes, size_t length) {
    struct http1 *http1 = of(parser);
    if (!http1->is_open || http1->is_discarding)
        return outcome(http1);
    http1->unconsumed += length;
    http1->hooks->body(http1->owner, http1, slice_of(bytes, length));
    return outcome(http1);
}

static int message_ends(http_parser *parser) {
    struct http1 *http1 = of(parser);
    http1->request_ended = true;
    if (http1->is_open)
        http1->hooks->body_end(http1->owner, http1);
    http_parser_pause(parser, 1); /* the next request is not looked at yet */
    return outcome(http1);
}

static const http_parser_settings settings = {
    .on_message_begin = message_begins,
    .on_url = target_comes,
    .on_header_field = name_comes,
    .on_header_value = value_comes,
    .on_headers_complete = head_comes,
    .on_body = body_comes,
    .on_message_complete = message_ends,
};

size_t http1_parse(struct http1 *http1, struct slice bytes) {
    if (!http1->is_open && http1->head_deadline == UINT64_MAX)
        http1->head_deadline = http1->now + http1->head_ms;
    size_t taken = http_parser_execute(&http1->parser, &settings, (const char *)bytes.bytes, bytes.length);
    enum http_errno error = HTTP_PARSER_ERRNO(&http1->parser);
    if (error == HPE_PAUSED && http1->failure == SMQ_OK)
        return taken;
    if (error == HPE_HEADER_OVERFLOW)
        (void)refuse(http1, 431, "a head is too large");
    else if (error != HPE_OK && !http1->is_closing)
        (void)refuse(http1, 400, http_errno_description(error));
    return bytes.length;
}
