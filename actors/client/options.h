/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Option structs of the public API, whose first member is their size as the program knows it (smq/client.h): shorter
 * than here when it was compiled against an earlier release. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Fills the `size` bytes at `options`: with `defaults`, of `known` bytes, and zeroes beyond them; then the size. */
void options_init(void *options, size_t size, const void *defaults, size_t known);

/* Copies the settings of `given` over the defaults in `chosen`, which keeps its size. NULL: there are none. False: the
 * size is none of a release up to this one; `smallest` is that of the first. */
bool options_take(void *chosen, size_t smallest, const void *given);

/* Where a member ends: the size of the release whose last one it was. */
#define OPTIONS_END(type, member) (offsetof(type, member) + sizeof(((type *)NULL)->member))
