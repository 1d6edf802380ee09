/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Single values of YAML, as the reference's library (Haskell's yaml) tells texts from numbers. Pure: any thread. */
#pragma once

#include <stdbool.h>

#include "queues/base/cursor.h"

/* What a value without quotes is: a number (1e5, 0x1f), a word of YAML 1.1 (yes, off, null), or a text. */
enum yaml_kind { YAML_KIND_TEXT, YAML_KIND_NUMBER, YAML_KIND_WORD };
enum yaml_kind yaml_kind_of_plain(struct slice value);

/* Writes a text so that it is read as one: plain, or in single quotes where plain would be something else. The writer
 * fails on anything but printable ASCII without spaces, and on nothing at all. The text must not begin with a character
 * that has a meaning in YAML. */
void write_yaml_text(struct writer *writer, struct slice text);
