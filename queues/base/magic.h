/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Object magic: the first field of heap objects shared by threads, so that a stale or foreign pointer is caught at its
 * first use. */
#pragma once

#include <stdint.h>

#include "queues/base/check.h"

/* A magic number spelled as four characters. */
#define MAGIC(a, b, c, d)                                                                                              \
    (((uint32_t)(uint8_t)(a) << 24) | ((uint32_t)(uint8_t)(b) << 16) | ((uint32_t)(uint8_t)(c) << 8) |                 \
     (uint32_t)(uint8_t)(d))

/* The object must have a field `uint32_t magic`. Set it last when the object is made, clear it just before the object
 * is freed. */
#define MAGIC_SET(object, value) ((void)((object)->magic = (value)))
#define MAGIC_CLEAR(object)      ((void)((object)->magic = 0))

/* Whether it is one: for pointers that a user of the library gives, whose mistakes are answered with an error. */
#define MAGIC_IS(object, value) ((object) != NULL && (object)->magic == (value))

/* Aborts unless `object` is a live object of the kind `value`. */
#define MAGIC_CHECK(object, value) CHECK((object) != NULL && (object)->magic == (value))
