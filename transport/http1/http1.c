/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A connection: bytes in and out, its one exchange, its end. */
#include <string.h>

#include "queues/base/memory.h"
#include "transport/http1/http1_private.h"

enum { ROOM_MIN = 64 }; /* of what is left of the caller's room, to ask for a body */

/* ---- beginning and end */

enum smq_result http1_create(const struct http1_config *config, uint64_t now, struct http1 **http1) {
    struct http1 *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->hooks = config->hooks;
    created->owner = config->owner;
    created->head_ms = config->head_ms;
    created->now = now;
    created->failure_text = "";
    http1_await_request(created);
    *http1 = created;
    return SMQ_OK;
}

void http1_destroy(struct http1 **http1) {
    struct http1 *destroyed = *http1;
    *http1 = NULL;
    if (destroyed == NULL)
        return;
    if (destroyed->is_open)
        http1_tell_closed(destroyed, HTTP2_LOST);
    http1_drop_head(destroyed);
    memory_free(destroyed->kept);
    memory_free(destroyed->text);
    memory_free(destroyed);
}

void http1_fail(struct http1 *http1, enum smq_result result, unsigned status, const char *text) {
    if (http1->failure != SMQ_OK)
        return;
    http1->failure = result;
    http1->failure_text = text;
    http1->failure_status = status;
    http1->head_deadline = UINT64_MAX;
    http1->is_ending = http1->is_closing = true;
    if (!http1->is_answered)
        http1_put_failure(http1);
    if (http1->is_open)
        http1_tell_closed(http1, result == SMQ_ERR_PROTOCOL ? HTTP2_BROKEN : HTTP2_LOST);
}

void http1_shutdown(struct http1 *http1) {
    http1->is_ending = true;
    http1->keeps_alive = false;
    if (!http1->is_open)
        http1->is_closing = true;
}

bool http1_is_over(const struct http1 *http1) {
    return http1->is_closing && http1->text == NULL;
}

enum smq_result http1_failure(const struct http1 *http1, const char **text) {
    *text = http1->failure_text;
    return http1->failure;
}

/* ---- bytes that come */

static bool may_parse(const struct http1 *http1) {
    return !http1->is_closing && !http1->is_closed && !(http1->is_open && http1->request_ended);
}

static enum smq_result keep(struct http1 *http1, struct slice bytes) {
    uint8_t *kept = memory_alloc(bytes.length);
    if (kept == NULL)
        return SMQ_ERR_NO_MEMORY;
    memcpy(kept, bytes.bytes, bytes.length);
    memory_free(http1->kept);
    http1->kept = kept;
    http1->kept_length = bytes.length;
    return SMQ_OK;
}

enum smq_result http1_receive(struct http1 *http1, struct slice bytes, uint64_t now) {
    http1->now = now;
    if (http1->failure != SMQ_OK)
        return http1->failure;
    if (!http1_wants_input(http1))
        return SMQ_ERR_CLOSED;
    while (bytes.length > 0 && may_parse(http1)) {
        size_t taken = http1_parse(http1, bytes);
        bytes = slice_of(bytes.bytes + taken, bytes.length - taken);
    }
    if (bytes.length > 0 && !http1->is_closing && keep(http1, bytes) != SMQ_OK)
        http1_fail(http1, SMQ_ERR_NO_MEMORY, 0, "out of memory");
    return http1->failure;
}

/* Goes on with what came too early. */
static void take_kept(struct http1 *http1) {
    if (http1->kept == NULL || !may_parse(http1))
        return;
    uint8_t *kept = http1->kept;
    struct slice bytes = slice_of(kept, http1->kept_length);
    http1->kept = NULL;
    (void)http1_receive(http1, bytes, http1->now);
    memory_free(kept);
}

bool http1_wants_input(const struct http1 *http1) {
    bool expects_any = http1->is_open || !http1->is_ending;
    return may_parse(http1) && expects_any && http1->kept == NULL && http1->unconsumed < HTTP1_WINDOW;
}

bool http1_input_ended(struct http1 *http1) {
    http1->is_ending = true;
    http1->keeps_alive = false;
    return (http1->is_open && http1->request_ended) || http1->text != NULL;
}

/* ---- the exchange */

void http1_tell_closed(struct http1 *http1, enum http2_end end) {
    http1->is_open = false;
    http1->is_closed = true;
    http1->deadline = UINT64_MAX;
    http1->is_closing = http1->is_closing || !http1->keeps_alive || end != HTTP2_DONE;
    http1->hooks->closed(http1->owner, http1, end);
}

void http1_settle(struct http1 *http1) {
    if (!http1->is_open || !http1->answer_ended || http1->text != NULL)
        return;
    if (!http1->request_ended)
        http1->keeps_alive = false; /* who does not want the rest does not read it */
    http1_tell_closed(http1, HTTP2_DONE);
}

void http1_consume(struct http1 *http1, size_t length) {
    http1->unconsumed -= length < http1->unconsumed ? length : http1->unconsumed;
}

void http1_discard(struct http1 *http1) {
    http1->is_discarding = true;
}

void http1_resume(struct http1 *http1) {
    http1->fill_waits = false;
}

void http1_cancel(struct http1 *http1) {
    if (!http1->is_open)
        return;
    if (!http1->is_answered) {
        http1->failure_status = 500;
        http1_put_failure(http1);
    }
    http1->is_ending = http1->is_closing = true;
    http1->keeps_alive = false;
    http1_tell_closed(http1, HTTP2_CANCELLED);
}

void http1_release(struct http1 *http1) {
    if (!http1->is_closed)
        return;
    http1->is_closed = false;
    http1->user = NULL;
    if (!http1->is_closing)
        http1_await_request(http1);
}

void http1_set_deadline(struct http1 *http1, uint64_t at) {
    http1->deadline = at;
}

void http1_set_user(struct http1 *http1, void *user) {
    http1->user = user;
}

void *http1_user(const struct http1 *http1) {
    return http1->user;
}

/* ---- bytes that go */

enum smq_result http1_add_text(struct http1 *http1, const void *bytes, size_t length) {
    size_t left = http1->text_length - http1->text_start;
    uint8_t *joined = memory_alloc(left + length);
    if (joined == NULL)
        return SMQ_ERR_NO_MEMORY;
    if (left > 0)
        memcpy(joined, http1->text + http1->text_start, left);
    memcpy(joined + left, bytes, length);
    memory_free(http1->text);
    http1->text = joined;
    http1->text_start = 0;
    http1->text_length = left + length;
    return SMQ_OK;
}

static size_t put_text(struct http1 *http1, uint8_t *room, size_t size) {
    size_t left = http1->text_length - http1->text_start;
    size_t length = left < size ? left : size;
    if (length == 0)
        return 0;
    memcpy(room, http1->text + http1->text_start, length);
    http1->text_start += length;
    if (length == left) {
        memory_free(http1->text);
        http1->text = NULL;
        http1->text_start = http1->text_length = 0;
    }
    return length;
}

static bool has_body_to_send(const struct http1 *http1) {
    return http1->is_open && http1->is_answered && !http1->answer_ended;
}

enum smq_result http1_output(struct http1 *http1, uint8_t *room, size_t size, uint64_t now, size_t *length) {
    http1->now = now;
    if (size < HTTP1_OUTPUT_MIN)
        return SMQ_ERR_INVALID;
    take_kept(http1);
    *length = put_text(http1, room, size);
    if (http1->text == NULL && has_body_to_send(http1) && !http1->fill_waits && size - *length >= ROOM_MIN)
        *length += http1_fill(http1, room + *length, size - *length);
    http1_settle(http1);
    if (*length > 0)
        return SMQ_OK;
    return http1->failure == SMQ_ERR_NO_MEMORY ? SMQ_ERR_NO_MEMORY : SMQ_ERR_EMPTY;
}

bool http1_has_output(const struct http1 *http1) {
    return http1->text != NULL || (http1->kept != NULL && may_parse(http1)) ||
           (has_body_to_send(http1) && !http1->fill_waits);
}

/* ---- time */

uint64_t http1_deadline(const struct http1 *http1) {
    return http1->head_deadline < http1->deadline ? http1->head_deadline : http1->deadline;
}

void http1_expire(struct http1 *http1, uint64_t now) {
    http1->now = now;
    if (http1->head_deadline <= now)
        http1_fail(http1, SMQ_ERR_TIMEOUT, 408, "a head took too long");
    if (http1->deadline <= now && http1->is_open) {
        http1->deadline = UINT64_MAX;
        http1->hooks->expired(http1->owner, http1);
    }
}
