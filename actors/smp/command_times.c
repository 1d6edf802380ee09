/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "actors/smp/command_times.h"

#include "queues/base/clock.h"

/* Microseconds. */
static const uint64_t bounds[] = {250,    500,    1000,   2500,    5000,    10000,   25000,   50000,
                                  100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

static const char *const labels[COMMAND_TIMES_KINDS] = {"command=\"SEND\"", "command=\"ACK\"", "command=\"SUB\"",
                                                        "command=\"NEW\"",  "command=\"GET\"", "command=\"other\""};

static unsigned kind_of(enum smp_command_tag tag) {
    static const enum smp_command_tag tags[COMMAND_TIMES_KINDS - 1] = {SMP_SEND, SMP_ACK, SMP_SUB, SMP_NEW, SMP_GET};
    unsigned kind = 0;
    while (kind < COMMAND_TIMES_KINDS - 1 && tags[kind] != tag)
        kind++;
    return kind;
}

enum smq_result command_times_create(struct command_times *times) {
    for (unsigned kind = 0; kind < COMMAND_TIMES_KINDS; kind++) {
        enum smq_result result = histogram_create(bounds, sizeof bounds / sizeof bounds[0], &times->histograms[kind]);
        if (result != SMQ_OK)
            return result;
        times->rows[kind] = (struct histogram_row){
            .name = kind == 0 ? "smq_command_seconds" : NULL,
            .help = "Time from a received block of commands to its answers, by its first command",
            .labels = labels[kind],
            .histogram = times->histograms[kind],
        };
    }
    return SMQ_OK;
}

void command_times_destroy(struct command_times *times) {
    for (unsigned kind = 0; kind < COMMAND_TIMES_KINDS; kind++)
        histogram_destroy(&times->histograms[kind]);
}

void command_times_add(struct command_times *times, enum smp_command_tag first, uint64_t since_us) {
    histogram_add(times->histograms[kind_of(first)], clock_monotonic_us() - since_us);
}
