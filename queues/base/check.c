/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What happens when an invariant is broken. */
#include "queues/base/check.h"

#include <stdlib.h>

#include "queues/base/log.h"

enum { LAST_LINE_WAIT_MS = 500 };

void check_failed(const char *condition, const char *file, int line) {
    log_error("broken invariant at %s:%d: %s", file, line, condition);
    (void)log_flush(LAST_LINE_WAIT_MS);
    abort();
}
