/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The table of fault points: for each, how many passes to let through and how many to fail. */
#include "queues/base/fault.h"

#include <time.h>

#ifdef DEBUG_FAULTS

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[FAULT_POINT_COUNT] = {
#define FAULT_NAME(name) [FAULT_POINT_##name] = #name,
#include "queues/base/fault_names.h"
#undef FAULT_NAME
};

/* Passes count from the moment of arming; those in [first, end) fail. */
static struct {
    _Atomic uint64_t passes;
    _Atomic uint64_t first;
    _Atomic uint64_t end;
    _Atomic uint64_t fired;
} points[FAULT_POINT_COUNT];

bool fault_fires(enum fault_point point) {
    uint64_t end = atomic_load(&points[point].end);
    if (end == 0)
        return false;
    uint64_t pass = atomic_fetch_add(&points[point].passes, 1);
    if (pass < atomic_load(&points[point].first) || pass >= end)
        return false;
    atomic_fetch_add(&points[point].fired, 1);
    return true;
}

void fault_arm(enum fault_point point, uint64_t skip, uint64_t count) {
    atomic_store(&points[point].end, 0);
    atomic_store(&points[point].passes, 0);
    atomic_store(&points[point].fired, 0);
    atomic_store(&points[point].first, skip);
    atomic_store(&points[point].end, count > UINT64_MAX - skip ? UINT64_MAX : skip + count);
}

void fault_disarm_all(void) {
    for (size_t i = 0; i < FAULT_POINT_COUNT; i++)
        atomic_store(&points[i].end, 0);
}

uint64_t fault_fired(enum fault_point point) {
    return atomic_load(&points[point].fired);
}

const char *fault_name(enum fault_point point) {
    return names[point];
}

/* Reads ":number" or ":*" at *text, when there is one. */
static bool read_number(const char **text, uint64_t *number) {
    if (**text != ':')
        return true;
    (*text)++;
    if (**text == '*') {
        (*text)++;
        *number = UINT64_MAX;
        return true;
    }
    if (**text < '0' || **text > '9')
        return false;
    char *end = NULL;
    errno = 0;
    *number = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0;
}

static enum smq_result arm_one(const char **text) {
    size_t length = strcspn(*text, ":,");
    size_t point = 0;
    while (point < FAULT_POINT_COUNT && (strlen(names[point]) != length || memcmp(names[point], *text, length) != 0))
        point++;
    if (point == FAULT_POINT_COUNT)
        return SMQ_ERR_NOT_FOUND;
    *text += length;
    uint64_t skip = 0;
    uint64_t count = 1;
    if (!read_number(text, &skip) || !read_number(text, &count) || (**text != ',' && **text != 0))
        return SMQ_ERR_SYNTAX;
    fault_arm((enum fault_point)point, skip, count);
    return SMQ_OK;
}

enum smq_result fault_arm_text(const char *text) {
    while (*text != 0) {
        enum smq_result result = arm_one(&text);
        if (result != SMQ_OK)
            return result;
        if (*text == ',')
            text++;
    }
    return SMQ_OK;
}

#endif

void fault_delay(void) {
    static const struct timespec time = {.tv_nsec = FAULT_DELAY_MS * 1000000L};
    (void)nanosleep(&time, NULL);
}
