/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The system's generator as a source. */
#include "transport/crypto/random_source.h"

#include "queues/base/random.h"

static void fill_from_system(void *context, void *bytes, size_t length) {
    (void)context;
    random_bytes(bytes, length);
}

const struct random_source random_source_system = {.fill = fill_from_system};

void random_source_fill(const struct random_source *source, void *bytes, size_t length) {
    source->fill(source->context, bytes, length);
}
