/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How long blocks of commands take, from the whole block to its last answer, by what they begin with. */
#pragma once

#include "actors/router/operator/operator.h"
#include "transport/smp/command.h"

enum { COMMAND_TIMES_KINDS = 6 };

struct command_times {
    struct histogram *histograms[COMMAND_TIMES_KINDS];
    struct histogram_row rows[COMMAND_TIMES_KINDS]; /* for the operator's table */
};

/* SMQ_ERR_NO_MEMORY. */
enum smq_result command_times_create(struct command_times *times);
void command_times_destroy(struct command_times *times);

/* A block that came at `since_us` (clock_monotonic_us) is answered. Any thread. */
void command_times_add(struct command_times *times, enum smp_command_tag first, uint64_t since_us);
