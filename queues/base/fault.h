/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Named fault points: tests make a chosen call fail. Compiled in with -DDEBUG_FAULTS only; otherwise FAULT(name) is the
 * constant false. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "smq/result.h"

enum fault_point {
#define FAULT_NAME(name) FAULT_POINT_##name,
#include "queues/base/fault_names.h"
#undef FAULT_NAME
    FAULT_POINT_COUNT
};

/* if (FAULT(name)) { behave as if the call failed }. Any thread. */
#ifdef DEBUG_FAULTS
#define FAULT(name) fault_fires(FAULT_POINT_##name)
#else
#define FAULT(name) ((void)FAULT_POINT_##name, false)
#endif

/* FAULT_DELAY(name): a pass that is to fail takes FAULT_DELAY_MS instead. */
enum { FAULT_DELAY_MS = 3 };
#define FAULT_DELAY(name)                                                                                              \
    do {                                                                                                               \
        if (FAULT(name))                                                                                               \
            fault_delay();                                                                                             \
    } while (0)
void fault_delay(void);

/* Whether this pass through `point` is to fail; counts the pass. */
bool fault_fires(enum fault_point point);

/* Lets the next `skip` passes through `point` succeed and the `count` passes after them fail (UINT64_MAX: all). Any
 * thread. */
void fault_arm(enum fault_point point, uint64_t skip, uint64_t count);
/* No point fails from now on. */
void fault_disarm_all(void);
/* How many passes failed since the point was armed. */
uint64_t fault_fired(enum fault_point point);
/* Arms from text: "name[:skip[:count]]", comma-separated; count is 1 when left out, '*' means all. SMQ_ERR_SYNTAX,
 * SMQ_ERR_NOT_FOUND for an unknown name. The environment variable SMQ_FAULT is read this way by base_setup, in builds
 * that have fault points. */
enum smq_result fault_arm_text(const char *text);
const char *fault_name(enum fault_point point);
