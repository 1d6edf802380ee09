/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The server's side of HTTP/1.1: whatever a client sends, in whatever pieces, hooks keep their order and every exchange
 * is closed once. The first byte says how the owner behaves. */
#include "test/fuzz/fuzz.h"
#include "transport/http1/http1.h"

enum { ANSWERS_AT_HEAD = 1, HAS_BODY = 2, HOLDS = 4, CANCELS = 8, SMALL_PIECES = 16, STATES_LENGTH = 32 };

struct owner {
    struct http1 *http1;
    uint8_t manner;
    bool is_open, has_ended;
    size_t held, left;
};

static struct owner owner;

static void answer(void) {
    const struct http2_field length = {slice_of_text("content-length"), slice_of_text("40000")};
    const struct http2_response response = {.status = 200,
                                            .fields = &length,
                                            .field_count = (owner.manner & STATES_LENGTH) != 0 ? 1 : 0,
                                            .has_body = (owner.manner & HAS_BODY) != 0};
    owner.left = 40000;
    PROMISE(http1_respond(owner.http1, &response) == SMQ_OK);
}

static void head(void *context, struct http1 *http1, const struct http2_head *head) {
    (void)context;
    PROMISE(!owner.is_open && head->method.length > 0 && head->path.length > 0);
    PROMISE(head->field_count <= HTTP2_FIELDS_MAX);
    owner.is_open = true;
    owner.has_ended = false;
    if ((owner.manner & ANSWERS_AT_HEAD) != 0)
        answer();
    else if ((owner.manner & CANCELS) != 0)
        http1_cancel(http1);
}

static void body(void *context, struct http1 *http1, struct slice bytes) {
    (void)context;
    PROMISE(owner.is_open && !owner.has_ended && bytes.length > 0);
    if ((owner.manner & HOLDS) != 0)
        owner.held += bytes.length;
    else
        http1_consume(http1, bytes.length);
}

static void body_end(void *context, struct http1 *http1) {
    (void)context;
    (void)http1;
    PROMISE(owner.is_open && !owner.has_ended);
    owner.has_ended = true;
    if ((owner.manner & ANSWERS_AT_HEAD) == 0)
        answer();
}

static enum smq_result fill(void *context, struct http1 *http1, uint8_t *room, size_t size, size_t *length,
                            bool *last) {
    (void)context;
    (void)http1;
    PROMISE(owner.is_open && (owner.manner & HAS_BODY) != 0);
    *length = owner.left < size ? owner.left : size;
    memset(room, 'x', *length);
    owner.left -= *length;
    *last = owner.left == 0;
    return SMQ_OK;
}

static void closed(void *context, struct http1 *http1, enum http2_end end) {
    (void)context;
    (void)end;
    PROMISE(owner.is_open);
    owner.is_open = false;
    http1_release(http1);
}

static void expired(void *context, struct http1 *http1) {
    (void)context;
    http1_cancel(http1);
}

static void take(void) {
    uint8_t room[HTTP1_OUTPUT_MIN * 4];
    size_t length = 0;
    while (http1_output(owner.http1, room, sizeof room, 0, &length) == SMQ_OK)
        PROMISE(length > 0 && length <= sizeof room);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static const struct http1_hooks hooks = {head, body, body_end, fill, closed, expired};
    const struct http1_config config = {.hooks = &hooks, .head_ms = 1000};
    if (length == 0)
        return 0;
    owner = (struct owner){.manner = bytes[0]};
    PROMISE(http1_create(&config, 0, &owner.http1) == SMQ_OK);
    size_t step = (bytes[0] & SMALL_PIECES) != 0 ? 1 : length;
    for (size_t at = 1; at < length && http1_wants_input(owner.http1); at += step) {
        size_t part = length - at < step ? length - at : step;
        uint8_t *exact = malloc(part);
        PROMISE(exact != NULL);
        memcpy(exact, bytes + at, part);
        (void)http1_receive(owner.http1, slice_of(exact, part), 0);
        free(exact);
        take();
        http1_consume(owner.http1, owner.held);
        owner.held = 0;
    }
    http1_expire(owner.http1, 2000);
    take();
    http1_destroy(&owner.http1);
    PROMISE(!owner.is_open);
    return 0;
}
