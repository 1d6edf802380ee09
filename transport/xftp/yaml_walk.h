/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A walk through one YAML document with libyaml, node after node, without a tree. What is not as the caller asks sets a
 * sticky result, so that it is checked once, at the end. Aliases are refused: nothing is ever repeated. Secrets in
 * values are wiped. Only for description_read.c. */
#pragma once

#include <stdbool.h>

#include <yaml.h>

#include "queues/base/cursor.h"
#include "smq/result.h"

struct yaml_walk {
    enum smq_result result;
    bool has_event; /* looked at, not yet taken */
    bool has_last;  /* the last one taken, whose value is lent */
    yaml_event_t event;
    yaml_event_t last;
    yaml_parser_t parser;
};

/* `text` in UTF-8, which stays with the caller until yaml_walk_close. */
void yaml_walk_open(struct yaml_walk *walk, struct slice text);
/* SMQ_OK when nothing failed and the document, one of its kind, is at its end; SMQ_ERR_SYNTAX, SMQ_ERR_NO_MEMORY. */
enum smq_result yaml_walk_finish(struct yaml_walk *walk);
void yaml_walk_close(struct yaml_walk *walk);
void yaml_walk_fail(struct yaml_walk *walk, enum smq_result result);

/* A mapping: enter it, then for each key its value, until there is none. Keys must be single values. */
void yaml_walk_enter_mapping(struct yaml_walk *walk);
bool yaml_walk_key(struct yaml_walk *walk, struct slice *key);
/* A sequence likewise: for each item its value, until there is none. */
void yaml_walk_enter_sequence(struct yaml_walk *walk);
bool yaml_walk_item(struct yaml_walk *walk);

/* Values; empty when failed. A slice is lent until the next call. Quotes, or not looking like anything else, make a
 * text. */
struct slice yaml_walk_text(struct yaml_walk *walk);
struct slice yaml_walk_number(struct yaml_walk *walk);
/* Takes the value when it is null, and tells whether it was. */
bool yaml_walk_null(struct yaml_walk *walk);
/* Any value, however it is made, down to a bounded depth. */
void yaml_walk_skip(struct yaml_walk *walk);
