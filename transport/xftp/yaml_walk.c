/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A walk through one YAML document. libyaml looks ahead a line at most, and nesting is bounded here: a flood of opening
 * brackets ends at the bound. */
#include "transport/xftp/yaml_walk.h"

#include <string.h>

#include "queues/base/secret.h"
#include "transport/xftp/yaml_text.h"

enum { SKIP_DEPTH_MAX = 16 };

static void delete_event(yaml_event_t *event) {
    if (event->type == YAML_SCALAR_EVENT)
        secret_wipe(event->data.scalar.value, event->data.scalar.length);
    yaml_event_delete(event);
}

void yaml_walk_fail(struct yaml_walk *walk, enum smq_result result) {
    if (walk->result == SMQ_OK)
        walk->result = result;
}

/* The kind of the next event; YAML_NO_EVENT once something failed. */
static yaml_event_type_t peek(struct yaml_walk *walk) {
    if (walk->result != SMQ_OK)
        return YAML_NO_EVENT;
    if (!walk->has_event) {
        if (!yaml_parser_parse(&walk->parser, &walk->event)) {
            yaml_walk_fail(walk, walk->parser.error == YAML_MEMORY_ERROR ? SMQ_ERR_NO_MEMORY : SMQ_ERR_SYNTAX);
            return YAML_NO_EVENT;
        }
        walk->has_event = true;
    }
    return walk->event.type;
}

/* Takes the next event, whatever it is; NULL once something failed. */
static const yaml_event_t *take(struct yaml_walk *walk) {
    if (peek(walk) == YAML_NO_EVENT) {
        yaml_walk_fail(walk, SMQ_ERR_SYNTAX);
        return NULL;
    }
    if (walk->has_last)
        delete_event(&walk->last);
    walk->last = walk->event;
    walk->has_last = true;
    walk->has_event = false;
    return &walk->last;
}

static const yaml_event_t *take_of(struct yaml_walk *walk, yaml_event_type_t type) {
    if (peek(walk) != type)
        yaml_walk_fail(walk, SMQ_ERR_SYNTAX);
    return take(walk);
}

void yaml_walk_open(struct yaml_walk *walk, struct slice text) {
    memset(walk, 0, sizeof *walk);
    if (!yaml_parser_initialize(&walk->parser)) {
        walk->result = SMQ_ERR_NO_MEMORY;
        return;
    }
    yaml_parser_set_encoding(&walk->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&walk->parser, text.bytes, text.length);
    (void)take_of(walk, YAML_STREAM_START_EVENT);
    (void)take_of(walk, YAML_DOCUMENT_START_EVENT);
}

enum smq_result yaml_walk_finish(struct yaml_walk *walk) {
    (void)take_of(walk, YAML_DOCUMENT_END_EVENT);
    (void)take_of(walk, YAML_STREAM_END_EVENT);
    return walk->result;
}

void yaml_walk_close(struct yaml_walk *walk) {
    if (walk->has_event)
        delete_event(&walk->event);
    if (walk->has_last)
        delete_event(&walk->last);
    walk->has_event = walk->has_last = false;
    secret_wipe(walk->parser.raw_buffer.start, (size_t)(walk->parser.raw_buffer.end - walk->parser.raw_buffer.start));
    secret_wipe(walk->parser.buffer.start, (size_t)(walk->parser.buffer.end - walk->parser.buffer.start));
    yaml_parser_delete(&walk->parser);
}

/* ---- nodes ---- */

static struct slice scalar_of(const yaml_event_t *event) {
    return slice_of(event->data.scalar.value, event->data.scalar.length);
}

void yaml_walk_enter_mapping(struct yaml_walk *walk) {
    (void)take_of(walk, YAML_MAPPING_START_EVENT);
}

bool yaml_walk_key(struct yaml_walk *walk, struct slice *key) {
    if (peek(walk) == YAML_MAPPING_END_EVENT) {
        (void)take(walk);
        return false;
    }
    const yaml_event_t *event = take_of(walk, YAML_SCALAR_EVENT);
    if (event != NULL)
        *key = scalar_of(event);
    return event != NULL;
}

void yaml_walk_enter_sequence(struct yaml_walk *walk) {
    (void)take_of(walk, YAML_SEQUENCE_START_EVENT);
}

bool yaml_walk_item(struct yaml_walk *walk) {
    if (peek(walk) == YAML_SEQUENCE_END_EVENT) {
        (void)take(walk);
        return false;
    }
    return walk->result == SMQ_OK;
}

static struct slice take_scalar(struct yaml_walk *walk, enum yaml_kind kind) {
    const yaml_event_t *event = take_of(walk, YAML_SCALAR_EVENT);
    if (event == NULL)
        return (struct slice){0};
    struct slice value = scalar_of(event);
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if ((plain ? yaml_kind_of_plain(value) : YAML_KIND_TEXT) == kind)
        return value;
    yaml_walk_fail(walk, SMQ_ERR_SYNTAX);
    return (struct slice){0};
}

struct slice yaml_walk_text(struct yaml_walk *walk) {
    return take_scalar(walk, YAML_KIND_TEXT);
}

struct slice yaml_walk_number(struct yaml_walk *walk) {
    return take_scalar(walk, YAML_KIND_NUMBER);
}

bool yaml_walk_null(struct yaml_walk *walk) {
    static const char *const words[] = {"null", "Null", "NULL", "~", ""};
    if (peek(walk) != YAML_SCALAR_EVENT || walk->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (slice_equal(scalar_of(&walk->event), slice_of_text(words[i])))
            return take(walk) != NULL;
    return false;
}

void yaml_walk_skip(struct yaml_walk *walk) {
    unsigned depth = 0;
    do {
        const yaml_event_t *event = take(walk);
        if (event == NULL)
            return;
        if (event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT)
            depth++;
        else if (event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT)
            depth--;
        else if (event->type != YAML_SCALAR_EVENT)
            yaml_walk_fail(walk, SMQ_ERR_SYNTAX);
        if (depth > SKIP_DEPTH_MAX)
            yaml_walk_fail(walk, SMQ_ERR_SYNTAX);
    } while (depth > 0 && walk->result == SMQ_OK);
}
