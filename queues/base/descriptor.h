/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The standard descriptors 0 to 2 belong to whoever started the process, closed ones too: a socket or a file of the
 * store that got such a number would receive what is printed. */
#pragma once

#include <stdbool.h>

#include "smq/result.h"

enum { DESCRIPTOR_FIRST_OWN = 3 };

/* Opens /dev/null on each closed one of 0 to 2, for good. Programs call it first in main, before there are other
 * threads. SMQ_ERR_SYSTEM with errno. */
enum smq_result descriptors_occupy_standard(void);

/* For library code around calls that open files themselves. While it is held, none of 0 to 2 is free; released, those
 * that were closed are closed again. Any thread; two holds at a time may leave a number open to the other.
 * SMQ_ERR_SYSTEM with errno: nothing is held. */
struct descriptor_hold {
    bool held[DESCRIPTOR_FIRST_OWN];
};
enum smq_result descriptors_hold_standard(struct descriptor_hold *hold);
void descriptors_release_standard(struct descriptor_hold *hold);

/* Passes a new descriptor on, moved to 3 or above when it is below, close-on-exec as it was made. Negative ones are
 * passed on as they are; -1 with errno when it cannot be moved: then it is closed. */
int descriptor_above_standard(int descriptor);
