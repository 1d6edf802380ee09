/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Descriptors 0 to 2 are the standard streams, also when whoever started the process has closed them: everybody writes
 * messages there, which must never end up in a data file or a connection. */
#pragma once

#include "smq/result.h"

/* Opens /dev/null in place of standard streams that are closed. First thing in main. SMQ_ERR_SYSTEM (errno). */
enum smq_result descriptors_open_standard(void);

/* A new descriptor, or -1 as it came; one of 0 to 2 is moved above them (close-on-exec), and -1 (errno) is the answer
 * when that fails. Any thread. */
int descriptor_above_standard(int descriptor);

/* Keeps 0 to 2 in use from begin to end, for code that opens descriptors by itself. */
struct descriptor_guard {
    int held[3];
    unsigned count;
};
void descriptor_guard_begin(struct descriptor_guard *guard);
void descriptor_guard_end(struct descriptor_guard *guard);
