/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Where functions that make keys take their random bytes from: the system's generator, or in tests a known stream. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct random_source {
    void (*fill)(void *context, void *bytes, size_t length); /* cannot fail */
    void *context;                                           /* the caller's; passed to `fill` */
};

/* random_bytes (queues/base/random.h). Any thread. */
extern const struct random_source random_source_system;

/* Fills `bytes` from the source. */
void random_source_fill(const struct random_source *source, void *bytes, size_t length);
